// import: common/bits
// import: common/learn
// One Adam update of the logarithm of a column's step; a single invocation.
//
// The rate pulls too: a longer step makes smaller numbers, ∂ bits / ∂ ln step = −b ∂ bits / ∂ b per value.
//
// reads   order (its flag only), parts (see steps_bwd)
// writes  decoder (ln step), moments (m, v), table (step), stats: 1 and the running mean of |v / step|
// Parts of a block.
const PARTS: u32 = 2u;

@compute @workgroup_size(1)
fn main() {
    if (is_update()) {
        let values = f32(max(order[learn.rows], 1u) * WIDTH);
        remember(1u, sum_of_blocks(1u) / values);
        let b = stats[1];
        update(0u, sum_of_blocks(0u) - learn.bits_weight * b * bits_slope(b));
    }
    table[0] = exp(decoder[0]);
    stats[0] = 1.0;
}
