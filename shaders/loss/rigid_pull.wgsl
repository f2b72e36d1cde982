// import: common/track_time
// Backward of rigid_speed; one invocation per visible splat. Dilations are held.
//
// ∂L/∂coefficient_kp = s ∂L/∂speed_k φ'_p(τ)
//
// reads   order (see common/visible), pulls [head, 2]: gradients of the speeds of positions (PART = 0) and rotations (1),
//         dilations [head] (DILATES = 1)
// writes  grads: of coefficients (adds, visible rows of this chunk)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> pulls: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> grads: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[track.rows.z];
    evaluate_for_all();
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - track.rows.x;
        if (row < track.rows.y) {
            let rate = evaluate_for(row);
            let pull = rate * pulls[2u * order[rank] + PART];
            for (var k = 0u; k < WIDTH; k++) {
                for (var p = 0u; p < TERMS; p++) {
                    grads[(row * WIDTH + k) * TERMS + p] += pull[k] * slope[p];
                }
            }
        }
    }
}
