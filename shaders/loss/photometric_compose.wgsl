// import: common/photometric
// import: common/grid
// Put rendering and photo over the same background, for one channel.
//
// Photos are premultiplied, so both sides are colour + (1 − alpha) background. Where the mask says
// "ignore" the rendering is replaced by the photo: no difference, also not in the SSIM window.
//
// reads   rendered, photo (RGBA bytes), mask (weights, one byte each)
// writes  pairs: (rendering, photo) of the channel
@group(0) @binding(1) var<storage, read> rendered: array<vec4f>;
@group(0) @binding(2) var<storage, read> photo: array<u32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> pairs: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    for (var p = linear_group(group, groups) * WORKGROUP + local; p < pixels; p += stride) {
        let light = rendered[p];
        let x = light[loss.channel] + light.w * loss.background[loss.channel];
        let y = target_colour(photo[p], loss.background.xyz)[loss.channel];
        let weight = weight_of(p, mask[mask_word(p)]);
        pairs[p] = vec2f(weight * x + (1.0 - weight) * y, y);
    }
}
