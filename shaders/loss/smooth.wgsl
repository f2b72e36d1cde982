// import: common/track_time
// Pressure on one attribute to change slowly and evenly at the time of the view; one invocation per visible splat.
//
// With the velocity v_k = s Σ_p coefficient_kp φ'_p(τ) and the acceleration a_k = s² Σ_p coefficient_kp φ''_p(τ) per
// clip, τ = s · time, s = e^dilation, and the weights w:   [dynamic.md §2.5 b]
//
// ∂L/∂coefficient_kp = w_v s v_k φ'_p + w_a s² a_k φ''_p
//
// Dilations are held: they should follow the photos, not slow down whatever moves.
//
// reads   order (see common/visible), coefficients [head, WIDTH, TERMS], dilations [head] (DILATES = 1)
// writes  grads: of coefficients (adds, visible rows of this chunk)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
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
            for (var k = 0u; k < WIDTH; k++) {
                let at = (row * WIDTH + k) * TERMS;
                var velocity = 0.0;
                var acceleration = 0.0;
                for (var p = 0u; p < TERMS; p++) {
                    velocity += coefficients[at + p] * slope[p];
                    acceleration += coefficients[at + p] * bend[p];
                }
                let pull = track.weights * vec2f(rate * rate * velocity, rate * rate * rate * rate * acceleration);
                for (var p = 0u; p < TERMS; p++) {
                    grads[at + p] += pull.x * slope[p] + pull.y * bend[p];
                }
            }
        }
    }
}
