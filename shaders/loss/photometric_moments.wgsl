// import: common/photometric
// import: common/grid
// First pass of the SSIM window: blur x, y, x², y², xy along rows.
//
// reads   pairs
// writes  moments: five planes
@group(0) @binding(1) var<storage, read> pairs: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    for (var p = linear_group(group, groups) * WORKGROUP + local; p < pixels; p += stride) {
        let x = p % loss.width;
        let row = p - x;
        var first = vec2f(0.0);
        var second = vec3f(0.0);
        //: repeat K 11
        {
            let pair = pairs[row + inside(x, $Ku, loss.width)];
            let weighted = tap_x(x, $Ku) * pair;
            first += weighted;
            second += vec3f(weighted * pair, weighted.x * pair.y);
        }
        //: end
        moments[p] = first.x;
        moments[p + pixels] = first.y;
        moments[p + 2u * pixels] = second.x;
        moments[p + 3u * pixels] = second.y;
        moments[p + 4u * pixels] = second.z;
    }
}
