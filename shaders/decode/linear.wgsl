// import: common/grid
// import: common/read_code
// Decoding of a column that is stored as latents; one invocation per ROWS rows, which share
// every load of the decoder.
//
// decoded_c = bias_c + Σⱼ q_j table_cj     q = latents as `read_code` reads them      [Girish 2024, EAGLES, eq. 3]
//
// reads   values: latents [N, LATENTS], table: [WIDTH, LATENTS] and behind it the biases [WIDTH]
// writes  decoded [N, WIDTH]
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = (codes.rows.y + ROWS - 1u) / ROWS;
    for (var k = linear_group(group, groups) * WORKGROUP + local; k < end; k += stride) {
        var q: array<f32, ROWS * LATENTS>;
        for (var r = 0u; r < ROWS; r++) {
            let row = min(k * ROWS + r, codes.rows.y - 1u);
            for (var j = 0u; j < LATENTS; j++) {
                q[r * LATENTS + j] = read_code(values[row * LATENTS + j], (codes.rows.x + row) * LATENTS + j);
            }
        }
        for (var c = 0u; c < WIDTH; c++) {
            var sums: array<f32, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
                sums[r] = table[WIDTH * LATENTS + c];
            }
            for (var j = 0u; j < LATENTS; j++) {
                let weight = table[c * LATENTS + j];
                for (var r = 0u; r < ROWS; r++) {
                    sums[r] += q[r * LATENTS + j] * weight;
                }
            }
            // Rows beyond the end repeat the last one.
            for (var r = 0u; r < ROWS; r++) {
                decoded[min(k * ROWS + r, codes.rows.y - 1u) * WIDTH + c] = sums[r];
            }
        }
    }
}
