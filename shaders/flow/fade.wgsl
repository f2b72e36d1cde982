// import: common/frame
// import: common/grid
// import: common/lifetime
// Opacity at the time of the view; one invocation per splat of the head.
//
// o(t) = o exp(−½ z²),   z = e^fade (time − centre) / 3           [Wang 2025, FreeTimeGS; dynamic.md §3.2]
//
// reads   opacity_logits, lifetimes [head, 2] (centre and fade; rows behind are copied)
// writes  faded: logits
@group(0) @binding(1) var<storage, read> opacity_logits: array<f32>;
@group(0) @binding(2) var<storage, read> lifetimes: array<f32>;
@group(0) @binding(3) var<storage, read_write> faded: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    for (var row = linear_group(group, groups) * WORKGROUP + local; row < frame.rows.y; row += stride) {
        let z = lifetime_z(lifetimes[2u * row], lifetimes[2u * row + 1u], frame.far.y);
        let opacity = opacity_of(opacity_logits[row], z);
        faded[row] = log(opacity / (1.0 - opacity));
    }
}
