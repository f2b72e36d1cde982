// import: common/codes
// import: common/grid
// Gradient of latents; one invocation per ROWS visible rows, which share every load of the decoder. Rounding passes it unchanged (straight through).
//
// ∂L/∂q_j = Σ_c ∂L/∂decoded_c table_cj
//
// reads   order (see common/visible), table, grad_decoded
// writes  grads (adds, visible rows of this chunk)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> grad_decoded: array<f32>;
@group(0) @binding(4) var<storage, read_write> grads: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[codes.rows.z];
    let end = (visible + ROWS - 1u) / ROWS;
    for (var k = linear_group(group, groups) * WORKGROUP + local; k < end; k += stride) {
        var rows: array<u32, ROWS>;
        var sums: array<f32, ROWS * LATENTS>;
        for (var r = 0u; r < ROWS; r++) {
            // Outside of the chunk and beyond the end, gradients are of row 0 and are not used.
            let rank = k * ROWS + r;
            rows[r] = select(codes.rows.y, order[min(rank, visible - 1u)] - codes.rows.x, rank < visible);
            for (var j = 0u; j < LATENTS; j++) {
                sums[r * LATENTS + j] = 0.0;
            }
        }
        for (var c = 0u; c < WIDTH; c++) {
            var slopes: array<f32, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
                slopes[r] = grad_decoded[select(0u, rows[r], rows[r] < codes.rows.y) * WIDTH + c];
            }
            for (var j = 0u; j < LATENTS; j++) {
                let weight = table[c * LATENTS + j];
                for (var r = 0u; r < ROWS; r++) {
                    sums[r * LATENTS + j] += slopes[r] * weight;
                }
            }
        }
        for (var r = 0u; r < ROWS; r++) {
            if (rows[r] < codes.rows.y) {
                for (var j = 0u; j < LATENTS; j++) {
                    grads[rows[r] * LATENTS + j] += sums[r * LATENTS + j];
                }
            }
        }
    }
}
