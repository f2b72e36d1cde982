// import: common/grid
// Bring one column of every row up to a step, as dense Adam would have it: the catch-up of adam
// without a gradient. Used before the population changes and at the end of a run.
//
// reads   last_step, drift, factor (see adam)
// writes  values, moments
struct Settle { rows: vec4u, step: u32, log2_beta1: f32, log2_beta2: f32, _a: u32 }
@group(0) @binding(0) var<uniform> settle: Settle;
@group(0) @binding(1) var<storage, read> last_step: array<u32>;
@group(0) @binding(2) var<storage, read> drift: array<f32>;
@group(0) @binding(3) var<storage, read> factor: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
@group(0) @binding(5) var<storage, read_write> moments: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = settle.rows.y * settle.rows.w;
    for (var at = linear_group(group, groups) * WORKGROUP + local; at < end; at += stride) {
        let last = last_step[settle.rows.x + at / settle.rows.w];
        let missed = f32(settle.step - last);
        let decay1 = exp2(missed * settle.log2_beta1);
        let decay2 = exp2(missed * settle.log2_beta2);
        let m = moments[at].x;
        let v = moments[at].y;
        let series = factor[0] * (drift[last] - decay1 * inverseSqrt(decay2) * drift[settle.step]);
        values[at] -= select(0.0, m * inverseSqrt(v) * series, v > 0.0 && missed > 0.0);
        moments[at] = vec2f(m * decay1, v * decay2);
    }
}
