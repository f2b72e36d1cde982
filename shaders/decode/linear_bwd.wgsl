// import: common/grid
// Gradient of latents; one invocation per visible row. Rounding passes it unchanged (straight through).
//
// ∂L/∂q_j = Σ_c ∂L/∂decoded_c table_cj
//
// reads   order (see common/visible), table, grad_decoded
// writes  grads (adds, visible rows of this chunk)
struct Codes {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    update: u32,
    column: u32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> codes: Codes;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> grad_decoded: array<f32>;
@group(0) @binding(4) var<storage, read_write> grads: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[codes.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - codes.rows.x;
        if (row < codes.rows.y) {
            var sums: array<f32, LATENTS>;
            for (var j = 0u; j < LATENTS; j++) {
                sums[j] = 0.0;
            }
            //: repeat C WIDTH
            {
                let grad = grad_decoded[row * WIDTH + $Cu];
                for (var j = 0u; j < LATENTS; j++) {
                    sums[j] += grad * table[$Cu * LATENTS + j];
                }
            }
            //: end
            for (var j = 0u; j < LATENTS; j++) {
                grads[row * LATENTS + j] += sums[j];
            }
        }
    }
}
