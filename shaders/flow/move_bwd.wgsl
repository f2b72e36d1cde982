// import: common/visible
// import: common/time_basis
// Backward of move; one invocation per visible splat.
//
// With the speed v_k = Σ_p coefficient_kp φ'_p and the weight w of |v|, which keeps at rest what rests:
//
// ∂L/∂coefficient_kp = ∂L/∂moved_k φ_p + w v_k φ'_p / |v|,   ∂L/∂dilation = τ Σ_k ∂L/∂moved_k v_k
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
    var tau = frame.far.y;
    if (DILATES == 0u) {
        evaluate_time_basis(tau);
    }
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - frame.rows.x;
        if (row < frame.rows.y) {
            if (DILATES != 0u) {
                tau = exp(dilations[row]) * frame.far.y;
                evaluate_time_basis(tau);
            }
            var speed: array<f32, WIDTH>;
            var square = 0.0;
            for (var k = 0u; k < WIDTH; k++) {
                let at = (row * WIDTH + k) * TERMS;
                speed[k] = 0.0;
                for (var p = 0u; p < TERMS; p++) {
                    speed[k] += coefficients[at + p] * slope[p];
                }
                square += speed[k] * speed[k];
            }
            let pull = select(0.0, frame.far.z * inverseSqrt(square), square > 1e-24);
            var grad_tau = 0.0;
            for (var k = 0u; k < WIDTH; k++) {
                let at = row * WIDTH + k;
                let grad = grad_moved[at];
                grad_moved[at] = 0.0;
                grad_base[at] += grad;
                for (var p = 0u; p < TERMS; p++) {
                    grad_coefficients[at * TERMS + p] += grad * phi[p] + pull * speed[k] * slope[p];
                }
                grad_tau += grad * speed[k];
            }
            if (DILATES != 0u) {
                grad_dilations[row] += tau * grad_tau;
            }
        }
    }
}
