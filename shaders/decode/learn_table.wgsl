// import: common/learn
// One Adam update of a linear decoder, and the table it amounts to; a single workgroup, one invocation per output.
//
// GAINS = 0: the decoder is the table itself and the biases.
// GAINS = 1: table_cj = gain_c B_cj with a fixed cosine basis, B_cj = √((c > 0 ? 2 : 1) / W) cos(π c (j + ½) / W),
//            of which gains and biases are learned.                        [Girish 2024, EAGLES, supplement]
//
// reads   order (its flag only), parts (see table_bwd)
// writes  decoder, moments (m, v), table, stats: 1 / ‖decoder matrix‖ and running means of |q_j|
// Parts of a block.
const PARTS: u32 = WIDTH * (LATENTS + 1u) + LATENTS;

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
    let goes_on = is_update();
    for (var c = local; c < WIDTH; c += WORKGROUP) {
        if (GAINS != 0u) {
            var gain = decoder[c];
            var bias = decoder[WIDTH + c];
            if (goes_on) {
                var slope = 0.0;
                for (var j = 0u; j < LATENTS; j++) {
                    slope += basis(c, j) * sum_of_blocks(c * LATENTS + j);
                }
                gain = update(c, slope);
                bias = update(WIDTH + c, sum_of_blocks(WIDTH * LATENTS + c));
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
                    value = update(at, sum_of_blocks(at));
                }
                table[at] = value;
            }
        }
    }
    if (goes_on) {
        let visible = f32(max(order[learn.rows], 1u));
        for (var j = local; j < LATENTS; j += WORKGROUP) {
            remember(1u + j, sum_of_blocks(WIDTH * (LATENTS + 1u) + j) / visible);
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
