// With b the mean of |q| over a channel, an adaptive code for a two-sided exponential distribution spends about
// log₂(1 + 2 e b) bits on a number. This is its derivative by b.
fn bits_slope(b: f32) -> f32 {
    const TWO_E = 5.43656366;
    const LN_2 = 0.69314718;
    return TWO_E / ((1.0 + TWO_E * b) * LN_2);
}
