// import: common/photometric
// import: common/grid
// Second pass of the SSIM window, the loss value, and what the window's moments do to it.
//
// S = (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))     [Wang 2004, eq. 13]
//
// reads   pairs, moments
// writes  partials: ∂S/∂(blurred x), ∂S/∂(blurred x²), ∂S/∂(blurred xy), three planes
//         loss_parts: one sum per workgroup, channel by channel
@group(0) @binding(1) var<storage, read> pairs: array<vec2f>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss_parts: array<f32>;

const C1: f32 = 0.0001;  // (0.01 · range)², keeps dark areas finite
const C2: f32 = 0.0009;  // (0.03 · range)²

var<workgroup> parts: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    var sum = 0.0;
    for (var p = linear_group(group, groups) * WORKGROUP + local; p < pixels; p += stride) {
        let x = p % loss.width;
        let y = p / loss.width;
        var mean_x = 0.0;
        var mean_y = 0.0;
        var square_x = 0.0;
        var square_y = 0.0;
        var product = 0.0;
        //: repeat K 11
        {
            let at = inside(y, $Ku, loss.height) * loss.width + x;
            let weight = tap_y(y, $Ku);
            mean_x += weight * moments[at];
            mean_y += weight * moments[at + pixels];
            square_x += weight * moments[at + 2u * pixels];
            square_y += weight * moments[at + 3u * pixels];
            product += weight * moments[at + 4u * pixels];
        }
        //: end
        let a1 = 2.0 * mean_x * mean_y + C1;
        let a2 = 2.0 * (product - mean_x * mean_y) + C2;
        let b1 = mean_x * mean_x + mean_y * mean_y + C1;
        let b2 = square_x - mean_x * mean_x + square_y - mean_y * mean_y + C2;
        let s = a1 * a2 / (b1 * b2);
        let by_square = -s / b2;
        let by_product = 2.0 * a1 / (b1 * b2);
        let by_mean = 2.0 * mean_y * a2 / (b1 * b2) - 2.0 * mean_x * s / b1 - 2.0 * mean_x * by_square - mean_y * by_product;
        partials[p] = by_mean;
        partials[p + pixels] = by_square;
        partials[p + 2u * pixels] = by_product;
        let pair = pairs[p];
        sum += loss.l1_weight * abs(pair.x - pair.y) + loss.ssim_weight * (1.0 - s);
    }
    parts[local] = sum;
    for (var half = WORKGROUP / 2u; half > 0u; half = half / 2u) {
        workgroupBarrier();
        if (local < half) {
            parts[local] += parts[local + half];
        }
    }
    if (local == 0u) {
        loss_parts[loss.channel * groups.x * groups.y + linear_group(group, groups)] = parts[0];
    }
}
