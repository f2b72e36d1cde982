// import: common/photometric
// import: common/grid
// Second pass back through the SSIM window, joined with the absolute difference and alpha.
//
// ∂ΣS/∂x = B₀ + 2 x B₁ + y B₂ with B the blurred partials.
//
// reads   pairs, spread, rendered, photo, mask
// writes  grad_rendered: the channel's colour; in w the gradient of transmittance, over all channels
@group(0) @binding(1) var<storage, read> pairs: array<vec2f>;
@group(0) @binding(2) var<storage, read> spread: array<f32>;
@group(0) @binding(3) var<storage, read> rendered: array<vec4f>;
@group(0) @binding(4) var<storage, read> photo: array<u32>;
@group(0) @binding(5) var<storage, read> mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> grad_rendered: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let pixels = loss.width * loss.height;
    let strips = (loss.height + STRIP - 1u) / STRIP;
    let per_value = 1.0 / (3.0 * f32(pixels));
    for (var strip = linear_group(group, groups) * WORKGROUP + local; strip < strips * loss.width; strip += stride) {
        let place = divide(strip, loss.width, loss.reciprocal_width);
        let x = place.y;
        let y = place.x * STRIP;
        //: repeat J 4
        var sum$J = vec3f(0.0);
        //: end
        //: repeat K 14
        {
            let at = inside(y, $Ku, loss.height) * loss.width + x;
            let partial = select(vec3f(0.0), vec3f(spread[at], spread[at + pixels], spread[at + 2u * pixels]), is_inside(y, $Ku, loss.height));
            sum0 += TAP$[K+3] * partial;
            sum1 += TAP$[K+2] * partial;
            sum2 += TAP$[K+1] * partial;
            sum3 += TAP$K * partial;
        }
        //: end
        //: repeat J 4
        if (y + $Ju < loss.height) {
            let p = (y + $Ju) * loss.width + x;
            let pair = pairs[p];
            let weight = weight_of(p, mask[mask_word(p)]);
            let by_ssim = sum$J.x + 2.0 * pair.x * sum$J.y + pair.y * sum$J.z;
            let grad = weight * per_value * (loss.l1_weight * sign(pair.x - pair.y) - loss.ssim_weight * by_ssim);
            // The first channel also brings the alpha term; the others add to what is there.
            let difference = 1.0 - rendered[p].w - unpack4x8unorm(photo[p]).w;
            let by_alpha = -loss.alpha_weight * weight / f32(pixels) * sign(difference);
            let before = select(grad_rendered[4u * p + 3u], by_alpha, loss.channel == 0u);
            let grad_transmittance = before + grad * loss.background[loss.channel];
            grad_rendered[4u * p + loss.channel] = grad;
            grad_rendered[4u * p + 3u] = grad_transmittance;
        }
        //: end
    }
}
