// import: common/grid
// import: common/quat
// import: common/random
// Let faint splats wander, in their own shape, so that they find places where they are needed.
//
// mean += lr · Σ η · σ(−k (opacity − t)) · strength,   η ~ N(0, I)      [Kheradmand 2024, eq. 9]
//
// reads   order (halt flag), quats, log_scales, opacity_logits
// writes  means
struct Noise { rows: vec4u, seed: u32, step: u32, strength: f32, _a: u32 }
@group(0) @binding(0) var<uniform> noise: Noise;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> quats: array<f32>;
@group(0) @binding(3) var<storage, read> log_scales: array<f32>;
@group(0) @binding(4) var<storage, read> opacity_logits: array<f32>;
@group(0) @binding(5) var<storage, read_write> means: array<f32>;

const SHARPNESS: f32 = 100.0;
const FAINT: f32 = 0.005;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    let end = select(noise.rows.y, 0u, order[noise.rows.z + 1u] != 0u);
    for (var i = linear_group(group, groups) * WORKGROUP + local; i < end; i += stride) {
        let bits = random_bits(vec4u(noise.seed, noise.step, noise.rows.x + i, 0x6e6f6973u));
        let eta = vec3f(normal_pair(bits.x, bits.y), normal_pair(bits.z, bits.w).x);
        let quat = vec4f(quats[4u * i], quats[4u * i + 1u], quats[4u * i + 2u], quats[4u * i + 3u]);
        let r = rotation_from_quat(quat * inverseSqrt(max(dot(quat, quat), 1e-12)));
        let variance = exp(2.0 * vec3f(log_scales[3u * i], log_scales[3u * i + 1u], log_scales[3u * i + 2u]));
        let opacity = 1.0 / (1.0 + exp(-opacity_logits[i]));
        let faintness = 1.0 / (1.0 + exp(SHARPNESS * (opacity - FAINT)));
        let offset = noise.strength * faintness * (r * (variance * (eta * r)));
        means[3u * i] += offset.x;
        means[3u * i + 1u] += offset.y;
        means[3u * i + 2u] += offset.z;
    }
}
