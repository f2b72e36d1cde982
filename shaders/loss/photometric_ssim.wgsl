// import: common/photometric
// import: common/grid
// Second pass of the SSIM window, the loss value, and what the window's moments do to it.
//
// S = (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))     [Wang 2004, eq. 13]
//
// reads   pairs, moments
// writes  partials: ∂S/∂(blurred x), ∂S/∂(blurred x²), ∂S/∂(blurred xy), three planes
//         loss_map: the loss of each strip, over the channels so far
@group(0) @binding(1) var<storage, read> pairs: array<vec2f>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss_map: array<f32>;

const C1: f32 = 0.0001;  // (0.01 · range)², keeps dark areas finite
const C2: f32 = 0.0009;  // (0.03 · range)²

// S, and its derivatives by the blurred x, x² and xy.
fn compare(mean: vec2f, square: vec3f) -> vec4f {
    let a1 = 2.0 * mean.x * mean.y + C1;
    let a2 = 2.0 * (square.z - mean.x * mean.y) + C2;
    let b1 = dot(mean, mean) + C1;
    let b2 = square.x + square.y - dot(mean, mean) + C2;
    let s = a1 * a2 / (b1 * b2);
    let by_square = -s / b2;
    let by_product = 2.0 * a1 / (b1 * b2);
    let by_mean = 2.0 * mean.y * a2 / (b1 * b2) - 2.0 * mean.x * (s / b1 + by_square) - mean.y * by_product;
    return vec4f(s, by_mean, by_square, by_product);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    let strips = (loss.height + SSIM_STRIP - 1u) / SSIM_STRIP;
    for (var strip = linear_group(group, groups) * WORKGROUP + local; strip < strips * loss.width; strip += stride) {
        let place = divide(strip, loss.width, loss.reciprocal_width);
        let x = place.y;
        let y = place.x * SSIM_STRIP;
        var sum = 0.0;
        //: repeat J 2
        var mean$J = vec2f(0.0);
        var square$J = vec3f(0.0);
        //: end
        //: repeat K 12
        {
            let at = inside(y, $Ku, loss.height) * loss.width + x;
            let means = select(vec2f(0.0), vec2f(moments[at], moments[at + pixels]), is_inside(y, $Ku, loss.height));
            let squares = select(vec3f(0.0), vec3f(moments[at + 2u * pixels], moments[at + 3u * pixels], moments[at + 4u * pixels]), is_inside(y, $Ku, loss.height));
            mean0 += TAP$[K+3] * means;
            square0 += TAP$[K+3] * squares;
            mean1 += TAP$[K+2] * means;
            square1 += TAP$[K+2] * squares;
        }
        //: end
        //: repeat J 2
        if (y + $Ju < loss.height) {
            let p = (y + $Ju) * loss.width + x;
            let similarity = compare(mean$J, square$J);
            partials[p] = similarity.y;
            partials[p + pixels] = similarity.z;
            partials[p + 2u * pixels] = similarity.w;
            let pair = pairs[p];
            sum += loss.l1_weight * abs(pair.x - pair.y) + loss.ssim_weight * (1.0 - similarity.x);
        }
        //: end
        loss_map[strip] = sum + select(loss_map[strip], 0.0, loss.channel == 0u);
    }
}
