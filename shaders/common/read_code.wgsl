// import: common/codes
// import: common/random
// The number that is decoded in place of a stored one: itself (CODES = 0), with rounding as noise, uniform in (−½, ½]
// (1) [Balle 2017], rounded (2). `index` counts the column's numbers and chooses the noise.
fn read_code(stored: f32, index: u32) -> f32 {
    if (CODES == 1u) {
        return stored + unit_interval(random_bits(vec4u(index, codes.update, codes.column, 0x5eedu)).x) - 0.5;
    }
    if (CODES == 2u) {
        return round(stored);
    }
    return stored;
}
