// Flat numbering of workgroups that the host may have spread over two axes.
fn linear_group(group: vec3u, groups: vec3u) -> u32 {
    return group.y * groups.x + group.x;
}

// Quotient and remainder by a divisor whose reciprocal is known. Integer division costs more than
// everything else in a pixel kernel on CPUs; the float estimate is off by at most one and is mended.
fn divide(value: u32, divisor: u32, reciprocal: f32) -> vec2u {
    var quotient = u32((f32(value) + 0.5) * reciprocal);
    var remainder = i32(value) - i32(quotient * divisor);
    let correction = select(0, 1, remainder >= i32(divisor)) - select(0, 1, remainder < 0);
    quotient = u32(i32(quotient) + correction);
    remainder -= correction * i32(divisor);
    return vec2u(quotient, u32(remainder));
}
