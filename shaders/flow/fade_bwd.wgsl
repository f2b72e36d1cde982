// import: common/lifetime
// import: common/visible
// Backward of fade; one invocation per visible splat. With s = ∂L/∂logit(t) / (1 − o(t)):
//
// ∂L/∂logit = s (1 − o),   ∂L/∂centre = s z e^fade / 3,   ∂L/∂fade = −s z²
//
// reads   order, opacity_logits, lifetimes, grad_faded
// writes  grad_opacity_logits, grad_lifetimes (adds, visible rows of this chunk); grad_faded (zero again)
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> opacity_logits: array<f32>;
@group(0) @binding(3) var<storage, read> lifetimes: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_faded: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_opacity_logits: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad_lifetimes: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let row = order[rank] - frame.rows.x;
        if (row < frame.rows.y) {
            if (row >= frame.head) {
                grad_opacity_logits[row] += grad_faded[row];
                grad_faded[row] = 0.0;
                continue;
            }
            let logit = opacity_logits[row];
            let fade = lifetimes[2u * row + 1u];
            let z = lifetime_z(lifetimes[2u * row], fade, frame.time);
            let s = grad_faded[row] / (1.0 - opacity_of(logit, z));
            grad_faded[row] = 0.0;
            grad_opacity_logits[row] += s / (1.0 + exp(logit));
            grad_lifetimes[2u * row] += s * z * exp(fade) / 3.0;
            grad_lifetimes[2u * row + 1u] -= s * z * z;
        }
    }
}
