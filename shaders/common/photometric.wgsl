// The photometric loss works on one colour channel at a time in planes of width × height, which
// keeps its buffers small.
//
// Structural similarity uses an 11 × 11 Gaussian window of σ = 1.5 with zero padding [Wang 2004],
// applied as two passes of eleven taps.
struct Photometric {
    width: u32,
    height: u32,
    channel: u32,
    has_mask: u32,
    background: vec4f,
    l1_weight: f32,     // of the mean absolute difference
    ssim_weight: f32,   // of 1 − mean SSIM
    alpha_weight: f32,  // of the mean absolute difference in alpha
    reciprocal_width: f32,
    strips: u32,             // strips along a row
    reciprocal_strips: f32,
    _a: u32,
    _b: u32,
}
@group(0) @binding(0) var<uniform> loss: Photometric;

// A lane makes STRIP neighbouring outputs from STRIP + 10 inputs, which saves most loads. Input k adds
// to output j with tap k − j, named TAP(k − j + 3) so that taps before the first and after the last
// are zeros with a name. Named one by one: an indexed table would be read from memory on some drivers.
// exp(−(k − 5)² / (2 σ²)), normalized to sum 1.
const STRIP: u32 = 4u;
// The kernel with most values in flight makes fewer outputs: with four, SwiftShader compiles for minutes.
const SSIM_STRIP: u32 = 2u;
const TAP0: f32 = 0.0;
const TAP1: f32 = 0.0;
const TAP2: f32 = 0.0;
const TAP3: f32 = 0.00102838;
const TAP4: f32 = 0.00759876;
const TAP5: f32 = 0.03600077;
const TAP6: f32 = 0.10936069;
const TAP7: f32 = 0.21300554;
const TAP8: f32 = 0.26601172;
const TAP9: f32 = 0.21300554;
const TAP10: f32 = 0.10936069;
const TAP11: f32 = 0.03600077;
const TAP12: f32 = 0.00759876;
const TAP13: f32 = 0.00102838;
const TAP14: f32 = 0.0;
const TAP15: f32 = 0.0;
const TAP16: f32 = 0.0;

// Whether input k of the strip that starts at p lies inside a line of this size.
fn is_inside(p: u32, k: u32, size: u32) -> bool {
    return p + k >= SSIM_RADIUS && p + k < size + SSIM_RADIUS;
}

// Position of input k, held inside the line; inputs outside count as zero.
fn inside(p: u32, k: u32, size: u32) -> u32 {
    return min(max(p + k, SSIM_RADIUS) - SSIM_RADIUS, size - 1u);
}

fn target_colour(packed: u32, background: vec3f) -> vec3f {
    let photo = unpack4x8unorm(packed);
    return photo.xyz + (1.0 - photo.w) * background;
}

// Word of the mask that holds a pixel's weight; without a mask any word will do, and `weight_of`
// ignores it. Branches on uniforms are avoided in these kernels: llvmpipe (Mesa 22.3) loses memory
// at every dispatch of a large kernel that has one.
fn mask_word(p: u32) -> u32 {
    return (p / 4u) * loss.has_mask;
}

fn weight_of(p: u32, word: u32) -> f32 {
    let weight = f32((word >> (8u * (p % 4u))) & 255u) / 255.0;
    return select(weight, 1.0, loss.has_mask == 0u);
}
