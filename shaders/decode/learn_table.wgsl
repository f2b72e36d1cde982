// One Adam update of a linear decoder, and the table it amounts to; a single workgroup, one invocation per output.
//
// GAINS = 0: the decoder is the table itself and the biases.
// GAINS = 1: table_cj = gain_c B_cj with a fixed cosine basis, B_cj = √((c > 0 ? 2 : 1) / W) cos(π c (j + ½) / W),
//            of which gains and biases are learned.                        [Girish 2024, EAGLES, supplement]
//
// reads   order (its flag only), parts (see table_bwd)
// writes  decoder, moments (m, v), table, stats: 1 / ‖decoder matrix‖ and running means of |q_j|
struct Learn {
    rows: u32,
    rate: f32,        // lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    epsilon: f32,     // ε √(1 − β₂ᵗ)
    memory: f32,      // share of the old mean of |q_j| that is kept
    beta1: f32,
    beta2: f32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> learn: Learn;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> parts: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoder: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> table: array<f32>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;

const SIZE: u32 = WIDTH * (LATENTS + 1u) + LATENTS;

fn sum_of(part: u32) -> f32 {
    var sum = 0.0;
    for (var block = 0u; block < BLOCKS; block++) {
        sum += parts[block * SIZE + part];
    }
    return sum;
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

// cos(π n / 2 W): adapters need not know the cosine better than to three digits, and decoders would differ. The angle is
// folded into a quarter turn, where the series is exact to a float.
fn cosine(n: u32) -> f32 {
    var k = n % (4u * WIDTH);
    k = min(k, 4u * WIDTH - k);
    let folded = min(k, 2u * WIDTH - k);
    let angle = 1.57079633 * f32(folded) / f32(WIDTH);
    let x = angle * angle;
    let series = 1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0 * (1.0 - x / 56.0 * (1.0 - x / 90.0 * (1.0 - x / 132.0)))));
    return select(series, -series, k > WIDTH);
}

fn basis(c: u32, j: u32) -> f32 {
    return select(1.0, 1.41421356, c > 0u) * inverseSqrt(f32(WIDTH)) * cosine(c * (2u * j + 1u));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    // Nothing changes in a step that ran out of room; UPDATES = 0 only refreshes what follows from the decoder.
    let goes_on = UPDATES != 0u && order[learn.rows + 1u] == 0u;
    for (var c = local; c < WIDTH; c += WORKGROUP) {
        if (GAINS != 0u) {
            var gain = decoder[c];
            var bias = decoder[WIDTH + c];
            if (goes_on) {
                var slope = 0.0;
                for (var j = 0u; j < LATENTS; j++) {
                    slope += basis(c, j) * sum_of(c * LATENTS + j);
                }
                gain = update(c, slope);
                bias = update(WIDTH + c, sum_of(WIDTH * LATENTS + c));
            }
            for (var j = 0u; j < LATENTS; j++) {
                table[c * LATENTS + j] = gain * basis(c, j);
            }
            table[WIDTH * LATENTS + c] = bias;
        } else {
            for (var j = 0u; j <= LATENTS; j++) {
                let at = select(c * LATENTS + j, WIDTH * LATENTS + c, j == LATENTS);
                var value = decoder[at];
                if (goes_on) {
                    value = update(at, sum_of(at));
                }
                table[at] = value;
            }
        }
    }
    if (goes_on) {
        let visible = f32(max(order[learn.rows], 1u));
        for (var j = local; j < LATENTS; j += WORKGROUP) {
            let now = sum_of(WIDTH * (LATENTS + 1u) + j) / visible;
            let before = stats[1u + j];
            stats[1u + j] = select(mix(now, before, learn.memory), now, before == 0.0);
        }
    }
    storageBarrier();
    workgroupBarrier();
    if (local == 0u) {
        var squares = 0.0;
        let count = select(WIDTH * LATENTS, WIDTH, GAINS != 0u);
        for (var at = 0u; at < count; at++) {
            squares += decoder[at] * decoder[at];
        }
        stats[0] = select(1.0, inverseSqrt(max(squares, 1e-20)), NORMED != 0u);
    }
}
