// The window in which a splat is seen.
fn lifetime_z(centre: f32, fade: f32, time: f32) -> f32 {
    return exp(fade) * (time - centre) / 3.0;
}

// Kept above zero, so that its logit is finite: far below what is drawn.
fn opacity_of(logit: f32, z: f32) -> f32 {
    return clamp(exp(-0.5 * z * z) / (1.0 + exp(-logit)), 1e-12, 0.999999);
}
