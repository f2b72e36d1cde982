// import: common/projection
// import: common/grid
// Project splats to the image and cull them; one invocation per row.
//
// mean2d = K [R|t] mean,   cov2d = J W Σ Wᵀ Jᵀ + blur I                 [Zwicker 2001; Kerbl 2023, eq. 5]
//
// reads   means, quats, log_scales, opacity_logits, features
// writes  projected: (mean2d, conic xx, conic xy) (conic yy, log2 opacity, colour r, g)
//                    (colour b, depth, half width, half height of the footprint)
//         depth_keys: order from near to far; all ones for splats that are not drawn
// Departs from the paper: the footprint ends where alpha falls below one 8-bit step instead of at
// three standard deviations, so faint splats touch fewer tiles. The conic carries the factor that
// turns exp into exp2.
@group(0) @binding(1) var<storage, read> means: array<f32>;
@group(0) @binding(2) var<storage, read> quats: array<f32>;
@group(0) @binding(3) var<storage, read> log_scales: array<f32>;
@group(0) @binding(4) var<storage, read> opacity_logits: array<f32>;
@group(0) @binding(5) var<storage, read> features: array<f32>;
@group(0) @binding(6) var<storage, read_write> projected: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> depth_keys: array<u32>;

const HALF_LOG2_E: f32 = 0.72134752;
const NOT_DRAWN: u32 = 0xffffffffu;
// Comparisons with this are false for NaN and infinities alike.
const LARGEST: f32 = 3.0e38;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    for (var i = linear_group(group, groups) * WORKGROUP + local; i < frame.rows.y; i += stride) {
        let row = frame.rows.x + i;
        let in_cam = project_mean(vec3f(means[3u * i], means[3u * i + 1u], means[3u * i + 2u]));
        let quat = vec4f(quats[4u * i], quats[4u * i + 1u], quats[4u * i + 2u], quats[4u * i + 3u]);
        let scales = exp(vec3f(log_scales[3u * i], log_scales[3u * i + 1u], log_scales[3u * i + 2u]));
        let p = project_covariance(in_cam, quat, scales);
        let cov = blur_covariance(p.cov);
        let determinant = cov.x * cov.z - cov.y * cov.y;
        var opacity = 1.0 / (1.0 + exp(-opacity_logits[i]));
        if (is_antialiased()) {
            opacity *= sqrt(max(compensation_squared(p.cov, cov), COMPENSATION_MIN));
        }
        let mean2d = frame.intrinsics.xy * in_cam.xy / in_cam.z + frame.intrinsics.zw;

        // The footprint's bounding box, and whether it touches the image's tiles at all.
        let tau = log(opacity / ALPHA_MIN);
        let extent = sqrt(2.0 * max(tau, 0.0) * vec2f(cov.x, cov.z));
        let image = vec2f(f32(frame.size.x), f32(frame.size.y));
        let low = mean2d - extent;
        let high = mean2d + extent;
        // Positively phrased: anything that is not a number fails.
        let drawn = in_cam.z > frame.eye.w && in_cam.z < frame.far
            && dot(quat, quat) >= 1e-12 && dot(quat, quat) < LARGEST
            && opacity >= ALPHA_MIN && determinant > 0.0 && cov.x < LARGEST && cov.z < LARGEST
            && high.x >= 0.5 && high.y >= 0.5 && low.x <= image.x - 0.5 && low.y <= image.y - 0.5
            && abs(features[3u * i]) < LARGEST && abs(features[3u * i + 1u]) < LARGEST && abs(features[3u * i + 2u]) < LARGEST;

        let conic = HALF_LOG2_E / determinant * vec3f(cov.z, -2.0 * cov.y, cov.x);
        projected[3u * row] = vec4f(mean2d, conic.xy);
        projected[3u * row + 1u] = vec4f(conic.z, log2(opacity), features[3u * i], features[3u * i + 1u]);
        projected[3u * row + 2u] = vec4f(features[3u * i + 2u], in_cam.z, extent);
        // Bits of positive floats are ordered as the floats are.
        let key = min(bitcast<u32>(in_cam.z) - frame.band.z, (1u << (DEPTH_BITS + DEPTH_SHIFT)) - 1u) >> DEPTH_SHIFT;
        depth_keys[row] = select(NOT_DRAWN, key, drawn);
    }
}
