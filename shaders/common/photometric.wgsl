// The photometric loss works on one colour channel at a time in planes of width × height, which
// keeps its buffers small.
//
// Structural similarity uses an 11 × 11 Gaussian window of σ = 1.5 with zero padding [Wang 2004],
// applied as two passes of eleven taps. Taps outside the image get weight zero.
struct Photometric {
    width: u32,
    height: u32,
    channel: u32,
    has_mask: u32,
    background: vec4f,
    l1_weight: f32,     // of the mean absolute difference
    ssim_weight: f32,   // of 1 − mean SSIM
    alpha_weight: f32,  // of the mean absolute difference in alpha
    _a: f32,
}
@group(0) @binding(0) var<uniform> loss: Photometric;

// exp(−(k − 5)² / (2 σ²)), normalized to sum 1.
const TAPS = array<f32, 11>(
    0.00102838, 0.00759876, 0.03600077, 0.10936069, 0.21300554, 0.26601172,
    0.21300554, 0.10936069, 0.03600077, 0.00759876, 0.00102838,
);

fn tap_x(x: u32, k: u32) -> f32 {
    return select(0.0, TAPS[k], x + k >= SSIM_RADIUS && x + k < loss.width + SSIM_RADIUS);
}

fn tap_y(y: u32, k: u32) -> f32 {
    return select(0.0, TAPS[k], y + k >= SSIM_RADIUS && y + k < loss.height + SSIM_RADIUS);
}

// Nearest position inside the image of tap k at position p; its weight is zero if it moved.
fn inside(p: u32, k: u32, size: u32) -> u32 {
    return min(max(p + k, SSIM_RADIUS) - SSIM_RADIUS, size - 1u);
}

fn target_colour(packed: u32, background: vec3f) -> vec3f {
    let photo = unpack4x8unorm(packed);
    return photo.xyz + (1.0 - photo.w) * background;
}
