// import: common/visible
// import: common/sh
// Backward of sh; one invocation per visible splat.
//
// reads   order, means, shN, features, grad_features
// writes  grad_means, grad_sh0, grad_shN (adds, visible rows of this chunk)
// The higher coefficients get gradients only in steps that update them (UPDATES).
// A channel that was clamped at zero passes no gradient.
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> means: array<f32>;
@group(0) @binding(3) var<storage, read> shN: array<f32>;
@group(0) @binding(4) var<storage, read> features: array<f32>;
@group(0) @binding(5) var<storage, read> grad_features: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad_means: array<f32>;
@group(0) @binding(7) var<storage, read_write> grad_sh0: array<f32>;
@group(0) @binding(8) var<storage, read_write> grad_shN: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let visible = order[frame.rows.z];
    for (var rank = linear_group(group, groups) * WORKGROUP + local; rank < visible; rank += stride) {
        let i = order[rank] - frame.rows.x;
        if (i < frame.rows.y) {
            let colour = vec3f(features[3u * i], features[3u * i + 1u], features[3u * i + 2u]);
            let grad = select(vec3f(0.0), vec3f(grad_features[3u * i], grad_features[3u * i + 1u], grad_features[3u * i + 2u]), colour > vec3f(0.0));
            grad_sh0[3u * i] += SH_C0 * grad.x;
            grad_sh0[3u * i + 1u] += SH_C0 * grad.y;
            grad_sh0[3u * i + 2u] += SH_C0 * grad.z;
            if (SH_ROWS > 0u) {
                let away = vec3f(means[3u * i], means[3u * i + 1u], means[3u * i + 2u]) - frame.eye.xyz;
                let inverse_distance = inverseSqrt(dot(away, away));
                let direction = away * inverse_distance;
                var grad_direction = vec3f(0.0);
                evaluate_basis(direction);
                evaluate_slopes(direction);
                //: repeat K SH_ROWS
                {
                    let at = i * SH_STRIDE + 3u * $Ku;
                    grad_direction += dot(grad, vec3f(shN[at], shN[at + 1u], shN[at + 2u])) * slope$K;
                    if (UPDATES != 0u) {
                        grad_shN[at] += basis$K * grad.x;
                        grad_shN[at + 1u] += basis$K * grad.y;
                        grad_shN[at + 2u] += basis$K * grad.z;
                    }
                }
                //: end
                let grad_away = (grad_direction - direction * dot(direction, grad_direction)) * inverse_distance;
                grad_means[3u * i] += grad_away.x;
                grad_means[3u * i + 1u] += grad_away.y;
                grad_means[3u * i + 2u] += grad_away.z;
            }
        }
    }
}
