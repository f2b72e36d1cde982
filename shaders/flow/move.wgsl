// import: common/frame
// import: common/grid
// import: common/time_basis
// One attribute at the time of the view; one invocation per splat of the head.
//
// moved_k = base_k + Σ_p coefficient_kp φ_p(τ),   τ = e^dilation · time              [Lin 2024, Gaussian-Flow, eq. 3]
//
// Only the first rows, the head, have coefficients; the others rest, and are copied.
//
// reads   base [N, WIDTH], coefficients [head, WIDTH, TERMS], dilations [head] (DILATES = 1)
// writes  moved [N, WIDTH] (rows of the head)
@group(0) @binding(1) var<storage, read> base: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read> dilations: array<f32>;
@group(0) @binding(4) var<storage, read_write> moved: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let time = frame.time;
    if (DILATES == 0u) {
        evaluate_time_basis(time);
    }
    for (var row = linear_group(group, groups) * WORKGROUP + local; row < frame.rows.y; row += stride) {
        if (DILATES != 0u) {
            evaluate_time_basis(exp(dilations[row]) * time);
        }
        for (var k = 0u; k < WIDTH; k++) {
            let at = row * WIDTH + k;
            var sum = base[at];
            for (var p = 0u; p < TERMS; p++) {
                sum += coefficients[at * TERMS + p] * phi[p];
            }
            moved[at] = sum;
        }
    }
}
