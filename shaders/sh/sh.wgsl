// import: common/frame
// import: common/grid
// import: common/sh
// Colour of each splat as seen from the camera; one invocation per row.
//
// c = max(0, ½ + Σₖ shₖ Yₖ(direction from the eye to the splat))      [Kerbl 2023; formats.md §0]
//
// reads   means, sh0, shN: bits of floats; packed, a byte per coefficient and in the upper half of the last word of a
//         splat that of the float they are multiplied by
// writes  features: linear combination, not clamped above
@group(0) @binding(1) var<storage, read> means: array<f32>;
@group(0) @binding(2) var<storage, read> sh0: array<f32>;
@group(0) @binding(3) var<storage, read> shN: array<u32>;
@group(0) @binding(4) var<storage, read_write> features: array<f32>;

// Coefficient j of the splat whose words start at `at`; `scale` is that of packed ones.
fn coefficient(at: u32, j: u32, scale: f32) -> f32 {
    if (SH_PACKED == 0u) {
        return bitcast<f32>(shN[at + j]);
    }
    return scale * f32(extractBits(i32(shN[at + j / 4u]), 8u * (j % 4u), 8u));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let stride = groups.x * groups.y * WORKGROUP;
    for (var i = linear_group(group, groups) * WORKGROUP + local; i < frame.rows.y; i += stride) {
        var colour = 0.5 + SH_C0 * vec3f(sh0[3u * i], sh0[3u * i + 1u], sh0[3u * i + 2u]);
        if (SH_ROWS > 0u) {
            let direction = normalize(vec3f(means[3u * i], means[3u * i + 1u], means[3u * i + 2u]) - frame.eye.xyz);
            evaluate_basis(direction);
            let at = i * SH_STRIDE;
            let scale = bitcast<f32>(shN[at + SH_STRIDE - 1u] & 0xffff0000u) / 127.0;
            //: repeat K SH_ROWS
            {
                colour += basis$K * vec3f(coefficient(at, 3u * $Ku, scale), coefficient(at, 3u * $Ku + 1u, scale), coefficient(at, 3u * $Ku + 2u, scale));
            }
            //: end
        }
        // Not max(): that may turn a NaN into 0, and a splat without a colour must be culled.
        colour = select(colour, vec3f(0.0), colour < vec3f(0.0));
        features[3u * i] = colour.x;
        features[3u * i + 1u] = colour.y;
        features[3u * i + 2u] = colour.z;
    }
}
