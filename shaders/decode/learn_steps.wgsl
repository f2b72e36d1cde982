// One Adam update of the logarithm of a column's step; a single invocation.
//
// The rate pulls too: a longer step makes smaller numbers, ∂ bits / ∂ ln step = −2 e b / (1 + 2 e b) / ln 2 per value
// (see loss/rate).
//
// reads   order (its flag only), parts (see steps_bwd)
// writes  decoder (ln step), moments (m, v), table (step), stats: 1 and the running mean of |v / step|
struct Learn {
    rows: u32,
    rate: f32,        // lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    epsilon: f32,     // ε √(1 − β₂ᵗ)
    memory: f32,      // share of the old mean that is kept
    beta1: f32,
    beta2: f32,
    bits_weight: f32, // weight of the mean number of bits, times values per splat
    _a: u32,
}
@group(0) @binding(0) var<uniform> learn: Learn;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> parts: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoder: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> table: array<f32>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(1)
fn main() {
    if (UPDATES != 0u && order[learn.rows + 1u] == 0u) {
        var slope = 0.0;
        var magnitude = 0.0;
        for (var block = 0u; block < BLOCKS; block++) {
            slope += parts[2u * block];
            magnitude += parts[2u * block + 1u];
        }
        let now = magnitude / f32(max(order[learn.rows], 1u) * WIDTH);
        let before = stats[1];
        let b = select(mix(now, before, learn.memory), now, before == 0.0);
        stats[1] = b;
        let grad = slope - learn.bits_weight * 5.43656366 * b / (1.0 + 5.43656366 * b) * 1.44269504;
        let m = learn.beta1 * moments[0].x + (1.0 - learn.beta1) * grad;
        let v = learn.beta2 * moments[0].y + (1.0 - learn.beta2) * grad * grad;
        moments[0] = vec2f(m, v);
        decoder[0] -= learn.rate * m / (sqrt(v) + learn.epsilon);
    }
    table[0] = exp(decoder[0]);
    stats[0] = 1.0;
}
