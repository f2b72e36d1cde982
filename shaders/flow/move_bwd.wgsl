// import: common/visible
// import: common/time_basis
// Backward of move; one invocation per visible splat.
//
// ∂L/∂coefficient_kp = ∂L/∂moved_k φ_p,   ∂L/∂dilation = τ Σ_k ∂L/∂moved_k Σ_p coefficient_kp φ'_p
//
// Rows that are not of the head rest, and hand on what they get.
//
// reads   order, coefficients, dilations (DILATES = 1), grad_moved
// writes  grad_base, grad_coefficients, grad_dilations (adds, visible rows of this chunk); grad_moved (zero again)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read> dilations: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_moved: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_base: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad_coefficients: array<f32>;
@group(0) @binding(7) var<storage, read_write> grad_dilations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    var tau = frame.time;
    if (DILATES == 0u) {
        evaluate_time_basis(tau);
    }
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - frame.rows.x;
        if (row < frame.rows.y) {
            if (row >= frame.head) {
                for (var at = row * WIDTH; at < (row + 1u) * WIDTH; at++) {
                    grad_base[at] += grad_moved[at];
                    grad_moved[at] = 0.0;
                }
                continue;
            }
            if (DILATES != 0u) {
                tau = exp(dilations[row]) * frame.time;
                evaluate_time_basis(tau);
            }
            var grad_tau = 0.0;
            for (var k = 0u; k < WIDTH; k++) {
                let at = row * WIDTH + k;
                let grad = grad_moved[at];
                grad_moved[at] = 0.0;
                grad_base[at] += grad;
                for (var p = 0u; p < TERMS; p++) {
                    grad_coefficients[at * TERMS + p] += grad * phi[p];
                    if (DILATES != 0u) {
                        grad_tau += grad * coefficients[at * TERMS + p] * slope[p];
                    }
                }
            }
            if (DILATES != 0u) {
                grad_dilations[row] += tau * grad_tau;
            }
        }
    }
}
