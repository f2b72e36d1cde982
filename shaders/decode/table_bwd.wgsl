// import: common/grid
// import: common/read_code
// Gradient of a linear decoder, in parts: visible rows are dealt to BLOCKS blocks by rank, one invocation adds up OUTPUTS
// outputs of one block, serially, so that the order of every sum is fixed. `learn_table` adds the blocks.
//
// ∂L/∂table_cj = Σ_rows ∂L/∂decoded_c q_j,   ∂L/∂bias_c = Σ_rows ∂L/∂decoded_c,   and Σ_rows |q_j| for the rate
//
// reads   order (see common/visible), values, grad_decoded
// writes  parts [BLOCKS, WIDTH · (LATENTS + 1) + LATENTS] (adds, but for the first chunk)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> grad_decoded: array<f32>;
@group(0) @binding(4) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[codes.rows.z];
    let share = (visible + BLOCKS - 1u) / BLOCKS;
    // So many outputs to an invocation: what they share, the latents, is then loaded once.
    let items = max(WIDTH / OUTPUTS, LATENTS);
    let size = WIDTH * (LATENTS + 1u) + LATENTS;
    for (var k = linear_group(group, groups) * WORKGROUP + local; k < BLOCKS * items; k += stride) {
        let item = k % items;
        let block = k / items;
        let last = min((block + 1u) * share, visible);
        let c = min(item * OUTPUTS, WIDTH - OUTPUTS);
        var sums: array<f32, OUTPUTS * LATENTS>;
        var biases: array<f32, OUTPUTS>;
        for (var o = 0u; o < OUTPUTS; o++) {
            biases[o] = 0.0;
            for (var j = 0u; j < LATENTS; j++) {
                sums[o * LATENTS + j] = 0.0;
            }
        }
        var magnitude = 0.0;
        for (var rank = block * share; rank < last; rank++) {
            let row = order[rank] - codes.rows.x;
            if (row < codes.rows.y) {
                var q: array<f32, LATENTS>;
                for (var j = 0u; j < LATENTS; j++) {
                    q[j] = read_code(values[row * LATENTS + j], (codes.rows.x + row) * LATENTS + j);
                }
                for (var o = 0u; o < OUTPUTS; o++) {
                    let grad = grad_decoded[row * WIDTH + c + o];
                    biases[o] += grad;
                    for (var j = 0u; j < LATENTS; j++) {
                        sums[o * LATENTS + j] += grad * q[j];
                    }
                }
                magnitude += abs(values[row * LATENTS + min(item, LATENTS - 1u)]);
            }
        }
        let keep = select(1.0, 0.0, codes.rows.x == 0u);
        let base = block * size;
        if (item * OUTPUTS < WIDTH) {
            for (var o = 0u; o < OUTPUTS; o++) {
                for (var j = 0u; j < LATENTS; j++) {
                    let at = base + (c + o) * LATENTS + j;
                    parts[at] = keep * parts[at] + sums[o * LATENTS + j];
                }
                let at = base + WIDTH * LATENTS + c + o;
                parts[at] = keep * parts[at] + biases[o];
            }
        }
        if (item < LATENTS) {
            let at = base + WIDTH * (LATENTS + 1u) + item;
            parts[at] = keep * parts[at] + magnitude;
        }
    }
}
