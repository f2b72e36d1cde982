// What kernels that update a decoder are told and keep, and Adam's update of one of its numbers.
struct Learn {
    rows: u32,
    rate: f32,        // lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    epsilon: f32,     // ε √(1 − β₂ᵗ)
    memory: f32,      // share of the old mean of |q| that is kept
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

// Nothing changes in a step that ran out of room; UPDATES = 0 only refreshes what follows from the decoder.
fn is_update() -> bool {
    return UPDATES != 0u && order[learn.rows + 1u] == 0u;
}

// The sum of one part over BLOCKS blocks of PARTS parts.
fn sum_of_blocks(part: u32) -> f32 {
    var sum = 0.0;
    for (var block = 0u; block < BLOCKS; block++) {
        sum += parts[block * PARTS + part];
    }
    return sum;
}

// Mixes the mean of |q| over this step's visible rows into the running one.
fn remember(at: u32, now: f32) {
    let before = stats[at];
    stats[at] = select(mix(now, before, learn.memory), now, before == 0.0);
}

fn update(at: u32, grad: f32) -> f32 {
    let moment = moments[at];
    let m = learn.beta1 * moment.x + (1.0 - learn.beta1) * grad;
    let v = learn.beta2 * moment.y + (1.0 - learn.beta2) * grad * grad;
    let value = decoder[at] - learn.rate * m / (sqrt(v) + learn.epsilon);
    moments[at] = vec2f(m, v);
    decoder[at] = value;
    return value;
}
