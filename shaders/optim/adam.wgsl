// import: common/grid
// Adam on one column, on visible rows (or on all if DENSE). A row is cut into PIECES, one invocation
// each: one piece on CPUs, where what a row shares is computed once, and single values on GPUs, where
// neighbours then touch neighbouring memory.
//
// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   x ← x − lr m̂ / (√v̂ + ε)     [Kingma 2015]
//
// A row that was not visible for j steps had zero gradients then: dense Adam would have kept moving
// it by lr β₁ᵏ m̂ / √(β₂ᵏ v̂) in step k. With v only decaying that is one geometric series,
//   drift = m / √v · (A(last) − rʲ A(now − 1)),   r = β₁ / √β₂,
//   A(t) = Σ_{k ≥ 1} rᵏ lr(t + k) √(1 − β₂^{t+k}) / (1 − β₁^{t+k}),
// so the row catches up exactly in constant time. A is tabulated by the host from the schedule.
//
// Columns may be drawn to zero by λ lr in every update, apart from their gradient: x ← x − clamp(x, −λ lr, λ lr), which
// holds a value at zero whose mean gradient is less than λ of its root mean square   [after Loshchilov 2019, AdamW]
//
// reads   order, last_step, drift: A by step, factor: on the rate, by the column's codec; grads
// writes  values, moments (m, v)
struct Adam {
    rows: vec4u,      // first row of the chunk, its rows, rows in all, values per row
    shrink: f32,      // what values are drawn to zero by
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
@group(0) @binding(4) var<storage, read> factor: array<f32>;
@group(0) @binding(5) var<storage, read_write> values: array<f32>;
@group(0) @binding(6) var<storage, read> grads: array<f32>;
@group(0) @binding(7) var<storage, read_write> moments: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    var count = order[adam.rows.z];
    if (DENSE != 0u) {
        count = select(adam.rows.y, 0u, order[adam.rows.z + 1u] != 0u);
    }
    let end = count * PIECES;
    let rate = factor[0] * adam.rate;
    for (var k = linear_group(group, groups) * WORKGROUP + local; k < end; k += stride) {
        var i = k / PIECES;
        if (DENSE == 0u) {
            i = order[i] - adam.rows.x;
        }
        if (i < adam.rows.y) {
            var decay1 = 1.0;
            var decay2 = 1.0;
            var series = 0.0;
            if (DENSE == 0u) {
                let last = last_step[adam.rows.x + i];
                let missed = f32(adam.step - 1u - last);
                decay1 = exp2(missed * adam.log2_beta1);
                decay2 = exp2(missed * adam.log2_beta2);
                series = factor[0] * (drift[last] - decay1 * inverseSqrt(decay2) * drift[adam.step - 1u]);
            }
            let first = i * adam.rows.w + (k % PIECES) * PIECE;
            for (var at = first; at < first + PIECE; at++) {
                let moment = moments[at];
                let g = grads[at];
                let caught_up = values[at] - select(0.0, moment.x * inverseSqrt(moment.y) * series, moment.y > 0.0);
                let m = moment.x * (decay1 * adam.beta1) + (1.0 - adam.beta1) * g;
                let v = moment.y * (decay2 * adam.beta2) + (1.0 - adam.beta2) * g * g;
                let moved = caught_up - rate * m / (sqrt(v) + adam.epsilon);
                // Only with a gradient, so that a row no view shows stays as it is, whether it is visited or not.
                let shrink = select(0.0, factor[0] * adam.shrink, g != 0.0);
                values[at] = moved - clamp(moved, -shrink, shrink);
                moments[at] = vec2f(m, v);
            }
        }
    }
}
