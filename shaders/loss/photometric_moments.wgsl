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
    for (var strip = linear_group(group, groups) * WORKGROUP + local; strip < loss.strips * loss.height; strip += stride) {
        let place = divide(strip, loss.strips, loss.reciprocal_strips);
        let x = place.y * STRIP;
        let row = place.x * loss.width;
        //: repeat J 4
        var first$J = vec2f(0.0);
        var second$J = vec3f(0.0);
        //: end
        //: repeat K 14
        {
            let pair = select(vec2f(0.0), pairs[row + inside(x, $Ku, loss.width)], is_inside(x, $Ku, loss.width));
            let products = vec3f(pair * pair, pair.x * pair.y);
            first0 += TAP$[K+3] * pair;
            second0 += TAP$[K+3] * products;
            first1 += TAP$[K+2] * pair;
            second1 += TAP$[K+2] * products;
            first2 += TAP$[K+1] * pair;
            second2 += TAP$[K+1] * products;
            first3 += TAP$K * pair;
            second3 += TAP$K * products;
        }
        //: end
        //: repeat J 4
        if (x + $Ju < loss.width) {
            let p = row + x + $Ju;
            moments[p] = first$J.x;
            moments[p + pixels] = first$J.y;
            moments[p + 2u * pixels] = second$J.x;
            moments[p + 3u * pixels] = second$J.y;
            moments[p + 4u * pixels] = second$J.z;
        }
        //: end
    }
}
