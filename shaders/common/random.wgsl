// Counter-based random numbers: a hash of (seed, step, row, lane), so that no state is shared and
// the result does not depend on the order of work.                [Jarzynski 2020, pcg4d]
fn random_bits(seed: vec4u) -> vec4u {
    var v = seed * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v = v ^ (v >> vec4u(16u));
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}

// Uniform in (0, 1]: never zero, so that its logarithm is finite.
fn unit_interval(bits: u32) -> f32 {
    return (f32(bits >> 8u) + 1.0) * 0x1p-24;
}

// Two independent standard normal numbers [Box and Muller 1958].
fn normal_pair(a: u32, b: u32) -> vec2f {
    let radius = sqrt(-2.0 * log(unit_interval(a)));
    let angle = 6.28318531 * unit_interval(b);
    return radius * vec2f(cos(angle), sin(angle));
}
