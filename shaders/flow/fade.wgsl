// import: common/blocks
// import: common/lifetime
// Opacity at the time of the view; blocks of four splats of the head, as in move_block.
//
// o(t) = o exp(−½ z²),   z = e^fade (time − centre) / 3           [Wang 2025, FreeTimeGS; dynamic.md §3.2]
//
// reads   opacity_logits, lifetimes [head, 2] (centre and fade); with room for whole blocks of rows
// writes  faded: logits (rows of the head, and those behind it in its last block, which are copied afterwards)
@group(0) @binding(1) var<storage, read> opacity_logits: array<vec4f>;
@group(0) @binding(2) var<storage, read> lifetimes: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> faded: array<vec4f>;

fn faded_logit(logit: f32, life: vec2f) -> f32 {
    let opacity = opacity_of(logit, lifetime_z(life.x, life.y, frame.time));
    return log(opacity / (1.0 - opacity));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let own = own_blocks(group, groups, local);
    for (var block = own.x; block < own.y; block++) {
        let logits = opacity_logits[block];
        let first = lifetimes[2u * block];
        let second = lifetimes[2u * block + 1u];
        faded[block] = vec4f(
            faded_logit(logits.x, first.xy),
            faded_logit(logits.y, first.zw),
            faded_logit(logits.z, second.xy),
            faded_logit(logits.w, second.zw),
        );
    }
}
