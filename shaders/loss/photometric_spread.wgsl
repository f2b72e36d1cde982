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
    for (var strip = linear_group(group, groups) * WORKGROUP + local; strip < loss.strips * loss.height; strip += stride) {
        let place = divide(strip, loss.strips, loss.reciprocal_strips);
        let x = place.y * STRIP;
        let row = place.x * loss.width;
        //: repeat J 4
        var sum$J = vec3f(0.0);
        //: end
        //: repeat K 14
        {
            let at = row + inside(x, $Ku, loss.width);
            let partial = select(vec3f(0.0), vec3f(partials[at], partials[at + pixels], partials[at + 2u * pixels]), is_inside(x, $Ku, loss.width));
            sum0 += TAP$[K+3] * partial;
            sum1 += TAP$[K+2] * partial;
            sum2 += TAP$[K+1] * partial;
            sum3 += TAP$K * partial;
        }
        //: end
        //: repeat J 4
        if (x + $Ju < loss.width) {
            let p = row + x + $Ju;
            spread[p] = sum$J.x;
            spread[p + pixels] = sum$J.y;
            spread[p + 2u * pixels] = sum$J.z;
        }
        //: end
    }
}
