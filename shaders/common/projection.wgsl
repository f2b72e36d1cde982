// import: common/frame
// import: common/quat
// The local affine approximation of the perspective projection [Zwicker 2001, EWA splatting, eq. 29].
//
// cov = U Uᵀ with U = J W M, M = R(q) diag(s): keeping U instead of 3×3 covariances saves most of
// the arithmetic, and the backward pass reuses it.
struct Projection {
    in_cam: vec3f,
    clamped: vec2f,  // x/z and y/z inside the guard band
    t0: vec3f,       // rows of T = J W
    t1: vec3f,
    u0: vec3f,       // rows of U = T M
    u1: vec3f,
    m: mat3x3f,
    cov: vec3f,      // xx, xy, yy without blur
}

fn project_mean(mean: vec3f) -> vec3f {
    return vec3f(
        dot(frame.view0.xyz, mean) + frame.view0.w,
        dot(frame.view1.xyz, mean) + frame.view1.w,
        dot(frame.view2.xyz, mean) + frame.view2.w,
    );
}

fn project_covariance(in_cam: vec3f, quat: vec4f, scales: vec3f) -> Projection {
    var p: Projection;
    p.in_cam = in_cam;
    let inverse_z = 1.0 / in_cam.z;
    p.clamped = clamp(in_cam.xy * inverse_z, frame.guard.xz, frame.guard.yw);
    let j0 = frame.intrinsics.x * inverse_z;
    let j1 = frame.intrinsics.y * inverse_z;
    p.t0 = j0 * (frame.view0.xyz - p.clamped.x * frame.view2.xyz);
    p.t1 = j1 * (frame.view1.xyz - p.clamped.y * frame.view2.xyz);
    let r = rotation_from_quat(quat * inverseSqrt(dot(quat, quat)));
    p.m = mat3x3f(r[0] * scales.x, r[1] * scales.y, r[2] * scales.z);
    p.u0 = p.t0 * p.m;
    p.u1 = p.t1 * p.m;
    p.cov = vec3f(dot(p.u0, p.u0), dot(p.u0, p.u1), dot(p.u1, p.u1));
    return p;
}

fn is_antialiased() -> bool {
    return frame.band.w != 0u;
}

// Squared opacity compensation of the Mip filter: what the blur adds in area is taken from opacity.
fn compensation_squared(cov: vec3f, blurred: vec3f) -> f32 {
    return (cov.x * cov.z - cov.y * cov.y) / (blurred.x * blurred.z - blurred.y * blurred.y);
}

fn blur_covariance(cov: vec3f) -> vec3f {
    let blur = select(BLUR, BLUR_ANTIALIAS, is_antialiased());
    return cov + vec3f(blur, 0.0, blur);
}
