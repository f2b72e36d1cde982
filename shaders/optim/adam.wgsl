// import: common/grid
// Adam on one column; one invocation per value of a visible row (or of every row if DENSE).
//
// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   x ← x − lr m̂ / (√v̂ + ε)     [Kingma 2015]
//
// A row that was not visible for j steps had zero gradients then: dense Adam would have kept moving
// it by lr β₁ᵏ m̂ / √(β₂ᵏ v̂) in step k. With v only decaying that is one geometric series,
//   drift = m / √v · (A(last) − rʲ A(now − 1)),   r = β₁ / √β₂,
//   A(t) = Σ_{k ≥ 1} rᵏ lr(t + k) √(1 − β₂^{t+k}) / (1 − β₁^{t+k}),
// so the row catches up exactly in constant time. A is tabulated by the host from the schedule.
//
// reads   order, last_step, drift: A by step
// writes  values, grads (cleared), moments (m, v)
struct Adam {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    trained: u32,     // leading values of a row that are trained now
    step: u32,        // counted from 1
    rate: f32,        // lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)
    epsilon: f32,     // ε √(1 − β₂ᵗ)
    beta1: f32,
    beta2: f32,
    log2_beta1: f32,
    log2_beta2: f32,
}
@group(0) @binding(0) var<uniform> adam: Adam;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> last_step: array<u32>;
@group(0) @binding(3) var<storage, read> drift: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
@group(0) @binding(5) var<storage, read_write> grads: array<f32>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    var count = order[adam.rows.z];
    if (DENSE != 0u) {
        count = select(adam.rows.y, 0u, order[adam.rows.z + 1u] != 0u);
    }
    let end = count * adam.trained;
    for (var k = linear_group(group, groups) * WORKGROUP + local; k < end; k += stride) {
        var i = k / adam.trained;
        if (DENSE == 0u) {
            i = order[i] - adam.rows.x;
        }
        if (i < adam.rows.y) {
            let at = i * adam.rows.w + k % adam.trained;
            var value = values[at];
            var m = moments[at].x;
            var v = moments[at].y;
            if (DENSE == 0u) {
                let last = last_step[adam.rows.x + i];
                let missed = f32(adam.step - 1u - last);
                let decay1 = exp2(missed * adam.log2_beta1);
                let decay2 = exp2(missed * adam.log2_beta2);
                let series = drift[last] - decay1 * inverseSqrt(decay2) * drift[adam.step - 1u];
                value -= select(0.0, m * inverseSqrt(v) * series, v > 0.0 && missed > 0.0);
                m *= decay1;
                v *= decay2;
            }
            let g = grads[at];
            grads[at] = 0.0;
            m = m * adam.beta1 + (1.0 - adam.beta1) * g;
            v = v * adam.beta2 + (1.0 - adam.beta2) * g * g;
            values[at] = value - adam.rate * m / (sqrt(v) + adam.epsilon);
            moments[at] = vec2f(m, v);
        }
    }
}
