// import: common/photometric
// import: common/grid
// First pass back through the SSIM window: blur the three partials along rows. A symmetric window
// is its own transpose.
//
// reads   partials
// writes  spread: three planes
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> spread: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    for (var p = linear_group(group, groups) * WORKGROUP + local; p < pixels; p += stride) {
        let x = p % loss.width;
        let row = p - x;
        var sum = vec3f(0.0);
        //: repeat K 11
        {
            let at = row + inside(x, $Ku, loss.width);
            sum += tap_x(x, $Ku) * vec3f(partials[at], partials[at + pixels], partials[at + 2u * pixels]);
        }
        //: end
        spread[p] = sum.x;
        spread[p + pixels] = sum.y;
        spread[p + 2u * pixels] = sum.z;
    }
}
