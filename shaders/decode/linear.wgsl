// import: common/grid
// import: common/random
// Decoding of a column that is stored as latents; one invocation per row.
//
// decoded_c = bias_c + Σⱼ q_j table_cj     q = latents as they are (CODES = 0), with rounding as noise (1), rounded (2)
//                                                                          [Girish 2024, EAGLES, eq. 3]
//
// reads   values: latents [N, LATENTS], table: [WIDTH, LATENTS] and behind it the biases [WIDTH]
// writes  decoded [N, WIDTH]
struct Codes {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    update: u32,      // numbers the noise
    column: u32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> codes: Codes;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    for (var row = linear_group(group, groups) * WORKGROUP + local; row < codes.rows.y; row += stride) {
        var q: array<f32, LATENTS>;
        for (var j = 0u; j < LATENTS; j++) {
            q[j] = values[row * LATENTS + j];
            if (CODES == 1u) {
                q[j] += unit_interval(random_bits(vec4u((codes.rows.x + row) * LATENTS + j, codes.update, codes.column, 0x5eedu)).x) - 0.5;
            }
            if (CODES == 2u) {
                q[j] = round(q[j]);
            }
        }
        //: repeat C WIDTH
        {
            var sum = table[WIDTH * LATENTS + $Cu];
            for (var j = 0u; j < LATENTS; j++) {
                sum += q[j] * table[$Cu * LATENTS + j];
            }
            decoded[row * WIDTH + $Cu] = sum;
        }
        //: end
    }
}
