// Sums over the lanes of a tile that is one subgroup, by shuffles in a fixed order; every lane gets the result.
fn sum_lanes(value: f32) -> f32 {
    var sum = value;
    for (var mask = 1u; mask < LANES; mask = mask << 1u) {
        sum += subgroupShuffleXor(sum, mask);
    }
    return sum;
}
