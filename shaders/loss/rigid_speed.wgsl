// import: common/track_time
// Where one attribute is at the time of the view and how fast it changes, per clip; one invocation per splat that may
// move.
//
// speed_k = s Σ_p coefficient_kp φ'_p(τ),   τ = s · time,   s = e^dilation
//
// reads   now [rows, WIDTH], coefficients [head, WIDTH, TERMS], dilations [head] (DILATES = 1), of this chunk
// writes  states [head, 2]: value and speed, of all chunks
@group(0) @binding(1) var<storage, read> now: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(4) var<storage, read_write> states: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    evaluate_for_all();
    for (var row = linear_group(group, groups) * WORKGROUP + local; row < track.rows.y; row += stride) {
        let rate = evaluate_for(row);
        var value = vec4f();
        var speed = vec4f();
        for (var k = 0u; k < WIDTH; k++) {
            let at = row * WIDTH + k;
            var sum = 0.0;
            for (var p = 0u; p < TERMS; p++) {
                sum += coefficients[at * TERMS + p] * slope[p];
            }
            value[k] = now[at];
            speed[k] = rate * sum;
        }
        states[2u * (track.rows.x + row)] = value;
        states[2u * (track.rows.x + row) + 1u] = speed;
    }
}
