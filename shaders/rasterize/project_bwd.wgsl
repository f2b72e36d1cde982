// import: common/projection
// import: common/visible
// Backward of project: from summed screen-space gradients to the columns; one invocation per visible splat.
//
// With h = α ∂L/∂α and d = pixel − mean2d the sums are m0 = Σh, (m1,m2) = Σh d, (m3,m4,m5) = Σh d dᵀ:
// ∂L/∂mean2d = A (m1,m2),   ∂L/∂A = −½ [[m3,m4],[m4,m5]],   ∂L/∂cov2d = −A ∂L/∂A A,
// and from cov2d = U Uᵀ + blur I back through U = J W R diag(s)         [Zwicker 2001, eq. 29]
//
// reads   order, means, quats, log_scales
// writes  grad_means, grad_quats, grad_log_scales (adds, visible rows of this chunk);
//         sums[1], sums[2] become the gradient of mean2d, for density control
// Departs from the paper: no gradient through a ratio held at the guard band.
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> means: array<f32>;
@group(0) @binding(3) var<storage, read> quats: array<f32>;
@group(0) @binding(4) var<storage, read> log_scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad_means: array<f32>;
@group(0) @binding(7) var<storage, read_write> grad_quats: array<f32>;
@group(0) @binding(8) var<storage, read_write> grad_log_scales: array<f32>;

// Gradient of the unblurred covariance (xx, xy, yy; xy counted once).
fn grad_covariance(p: Projection, m0: f32, m3: f32, m4: f32, m5: f32, conic: vec3f, blurred: vec3f) -> vec3f {
    let a = mat2x2f(conic.x, conic.y, conic.y, conic.z);
    let grad_conic = mat2x2f(-0.5 * m3, -0.5 * m4, -0.5 * m4, -0.5 * m5);
    let g = a * grad_conic * a;
    var grad = vec3f(-g[0].x, -2.0 * g[0].y, -g[1].y);
    if (is_antialiased()) {
        let squared = compensation_squared(p.cov, blurred);
        if (squared > COMPENSATION_MIN) {
            // opacity' = opacity c, c² = det cov / det blurred; m0 = opacity' ∂L/∂opacity'.
            let grad_log_squared = 0.5 * m0;
            let det = p.cov.x * p.cov.z - p.cov.y * p.cov.y;
            let det_blurred = blurred.x * blurred.z - blurred.y * blurred.y;
            grad += grad_log_squared / det * vec3f(p.cov.z, -2.0 * p.cov.y, p.cov.x);
            grad -= grad_log_squared / det_blurred * vec3f(blurred.z, -2.0 * blurred.y, blurred.x);
        }
    }
    return grad;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let i = order[rank] - frame.rows.x;
        if (i < frame.rows.y) {
            let s = rank * SUM_FLOATS;
            let m0 = sums[s];
            let in_cam = project_mean(vec3f(means[3u * i], means[3u * i + 1u], means[3u * i + 2u]));
            let quat = vec4f(quats[4u * i], quats[4u * i + 1u], quats[4u * i + 2u], quats[4u * i + 3u]);
            let scales = exp(vec3f(log_scales[3u * i], log_scales[3u * i + 1u], log_scales[3u * i + 2u]));
            let p = project_covariance(in_cam, quat, scales);
            let blurred = blur_covariance(p.cov);
            let conic = vec3f(blurred.z, -blurred.y, blurred.x) / (blurred.x * blurred.z - blurred.y * blurred.y);
            let m1 = sums[s + 1u];
            let m2 = sums[s + 2u];
            let grad_mean2d = vec2f(conic.x * m1 + conic.y * m2, conic.y * m1 + conic.z * m2);
            sums[s + 1u] = grad_mean2d.x;
            sums[s + 2u] = grad_mean2d.y;

            // cov = U Uᵀ, U = T M.
            let grad_cov = grad_covariance(p, m0, sums[s + 3u], sums[s + 4u], sums[s + 5u], conic, blurred);
            let grad_u0 = 2.0 * grad_cov.x * p.u0 + grad_cov.y * p.u1;
            let grad_u1 = 2.0 * grad_cov.z * p.u1 + grad_cov.y * p.u0;
            let grad_t0 = p.m * grad_u0;
            let grad_t1 = p.m * grad_u1;
            let grad_m = mat3x3f(
                p.t0 * grad_u0.x + p.t1 * grad_u1.x,
                p.t0 * grad_u0.y + p.t1 * grad_u1.y,
                p.t0 * grad_u0.z + p.t1 * grad_u1.z,
            );

            // M = R diag(s): a log-scale stretches its column of M.
            grad_log_scales[3u * i] += dot(grad_m[0], p.m[0]);
            grad_log_scales[3u * i + 1u] += dot(grad_m[1], p.m[1]);
            grad_log_scales[3u * i + 2u] += dot(grad_m[2], p.m[2]);
            let grad_q = grad_quat(quat, mat3x3f(grad_m[0] * scales.x, grad_m[1] * scales.y, grad_m[2] * scales.z));
            grad_quats[4u * i] += grad_q.x;
            grad_quats[4u * i + 1u] += grad_q.y;
            grad_quats[4u * i + 2u] += grad_q.z;
            grad_quats[4u * i + 3u] += grad_q.w;

            // T row 0 = fx/z (W row 0 − (x/z) W row 2); likewise row 1.
            let inverse_z = 1.0 / in_cam.z;
            let focal_over_z = frame.intrinsics.xy * inverse_z;
            let ratio = in_cam.xy * inverse_z;
            let grad_ratio = -focal_over_z * vec2f(dot(grad_t0, frame.view2.xyz), dot(grad_t1, frame.view2.xyz))
                * select(vec2f(0.0), vec2f(1.0), ratio == p.clamped);
            let grad_log_z = -(dot(grad_t0, p.t0) + dot(grad_t1, p.t1));
            let grad_xy = (grad_ratio + grad_mean2d * frame.intrinsics.xy) * inverse_z;
            let grad_z = grad_log_z * inverse_z - dot(grad_xy, ratio) + sums[s + 9u];
            let grad_mean = grad_xy.x * frame.view0.xyz + grad_xy.y * frame.view1.xyz + grad_z * frame.view2.xyz;
            grad_means[3u * i] += grad_mean.x;
            grad_means[3u * i + 1u] += grad_mean.y;
            grad_means[3u * i + 2u] += grad_mean.z;
        }
    }
}
