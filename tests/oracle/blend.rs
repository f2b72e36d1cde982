//! Alpha compositing of projected splats, front to back, and its gradient [Kerbl 2023, eq. 3].
//!
//! `C = Σ cᵢ αᵢ Tᵢ`, `D = Σ zᵢ αᵢ Tᵢ`, `Tᵢ = Π_{j<i} (1 − αⱼ)`. There are no tiles here: a splat
//! that passes the alpha test at a pixel always hits that pixel's tile, so tiling can only change
//! the speed.

use super::camera::Camera;
use super::intersect::{ALPHA_MIN, depth_order, exponent};
use super::linalg::dot;

/// The cut-offs of compositing. They make the image piecewise smooth, so finite differences run
/// without the lower ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Fainter contributions are skipped.
    pub(crate) alpha_min: f64,
    /// Alpha is clamped to this, so that no single splat hides the rest entirely.
    pub(crate) alpha_max: f64,
    /// Splats are skipped once the transmittance in front of them is below this: (1 −
    /// `alpha_max`)².
    pub(crate) t_min: f64,
}

impl Limits {
    /// The cut-offs of training and viewing.
    pub(crate) const RENDERING: Self = Self { alpha_min: ALPHA_MIN, alpha_max: 0.99, t_min: 1e-4 };
    /// Only the clamp from above: what finite differences can differentiate.
    pub(crate) const SMOOTH: Self = Self { alpha_min: 0.0, alpha_max: 0.99, t_min: 0.0 };
}

/// What compositing needs to know of a splat; also the shape of its gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Splat2d {
    /// Centre in pixels.
    pub(crate) mean2d: [f64; 2],
    /// (xx, xy, yy) of the inverse 2D covariance.
    pub(crate) conic: [f64; 3],
    /// Peak alpha.
    pub(crate) opacity: f64,
    /// z in camera space.
    pub(crate) depth: f64,
    /// RGB, not negative.
    pub(crate) colour: [f64; 3],
}

/// A rendered image without background, row by row; also the shape of its gradient.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rendered {
    /// Premultiplied colour.
    pub(crate) rgb: Vec<[f64; 3]>,
    /// Share of the background that shows through.
    pub(crate) transmittance: Vec<f64>,
    /// Blending-weighted sum of depths, not divided by the weight.
    pub(crate) depth: Vec<f64>,
}

/// One splat's part in one pixel.
struct Contribution {
    splat: usize,
    /// Pixel centre minus splat centre.
    offset: [f64; 2],
    /// exp(−q).
    falloff: f64,
    alpha: f64,
    /// Whether alpha was clamped from above.
    clamped: bool,
    /// Transmittance in front of the splat.
    transmittance: f64,
}

/// All contributions to one pixel in blending order, and the transmittance behind them.
fn contributions(splats: &[Splat2d], order: &[usize], pixel: [f64; 2], limits: &Limits) -> (Vec<Contribution>, f64) {
    let mut transmittance = 1.0;
    let mut list = Vec::new();
    for &index in order {
        let splat = &splats[index];
        let offset = [pixel[0] - splat.mean2d[0], pixel[1] - splat.mean2d[1]];
        let falloff = (-exponent(&splat.conic, &offset)).exp();
        let unclamped = splat.opacity * falloff;
        let alpha = unclamped.min(limits.alpha_max);
        if alpha < limits.alpha_min || transmittance < limits.t_min {
            continue;
        }
        let clamped = unclamped > limits.alpha_max;
        list.push(Contribution { splat: index, offset, falloff, alpha, clamped, transmittance });
        transmittance *= 1.0 - alpha;
    }
    (list, transmittance)
}

/// Composites `splats` as seen by `camera`.
pub(crate) fn blend(splats: &[Splat2d], camera: &Camera, limits: &Limits) -> Rendered {
    let order = depth_order(splats.iter().map(|splat| splat.depth), camera.near);
    let mut rendered = Rendered::default();
    for pixel in camera.pixel_centres() {
        let (list, transmittance) = contributions(splats, &order, pixel, limits);
        let mut rgb = [0.0; 3];
        let mut depth = 0.0;
        for part in &list {
            let weight = part.transmittance * part.alpha;
            let splat = &splats[part.splat];
            for (sum, channel) in rgb.iter_mut().zip(splat.colour) {
                *sum += weight * channel;
            }
            depth += weight * splat.depth;
        }
        rendered.rgb.push(rgb);
        rendered.transmittance.push(transmittance);
        rendered.depth.push(depth);
    }
    rendered
}

/// Gradient of [`blend`], one entry per splat: the gradient itself, and for density control the
/// sums over pixels of `|∂L/∂mean2d|`, x and y apart [Ye 2024, AbsGS].
pub(crate) fn blend_bwd(
    splats: &[Splat2d],
    camera: &Camera,
    limits: &Limits,
    grad: &Rendered,
) -> (Vec<Splat2d>, Vec<[f64; 2]>) {
    let order = depth_order(splats.iter().map(|splat| splat.depth), camera.near);
    let mut grad_splats = vec![Splat2d::default(); splats.len()];
    let mut grad_mean2d_abs = vec![[0.0; 2]; splats.len()];
    for (index, pixel) in camera.pixel_centres().enumerate() {
        let grad_rgb = grad.rgb[index];
        let grad_depth = grad.depth[index];
        // Back to front: `grad_behind` is the gradient by the transmittance that reaches what lies
        // behind.
        let mut grad_behind = grad.transmittance[index];
        let (list, _) = contributions(splats, &order, pixel, limits);
        for part in list.iter().rev() {
            let splat = &splats[part.splat];
            let grad_splat = &mut grad_splats[part.splat];
            let weight = part.transmittance * part.alpha;
            for (sum, channel) in grad_splat.colour.iter_mut().zip(grad_rgb) {
                *sum += weight * channel;
            }
            grad_splat.depth += weight * grad_depth;

            let grad_weight = dot(&splat.colour, &grad_rgb) + splat.depth * grad_depth;
            let grad_alpha = part.transmittance * (grad_weight - grad_behind);
            grad_behind = part.alpha * grad_weight + (1.0 - part.alpha) * grad_behind;
            if part.clamped {
                continue;
            }
            let grad_mean2d = alpha_bwd(splat, part, grad_alpha, grad_splat);
            for (sum, share) in grad_mean2d_abs[part.splat].iter_mut().zip(grad_mean2d) {
                *sum += share.abs();
            }
        }
    }
    (grad_splats, grad_mean2d_abs)
}

/// Adds the gradient of `alpha = opacity · exp(−½ dᵀ A d)` at one pixel; returns the part that fell
/// on `mean2d`.
fn alpha_bwd(splat: &Splat2d, part: &Contribution, grad_alpha: f64, grad_splat: &mut Splat2d) -> [f64; 2] {
    let [dx, dy] = part.offset;
    let [xx, xy, yy] = splat.conic;
    let grad_exponent = -part.alpha * grad_alpha;
    grad_splat.opacity += part.falloff * grad_alpha;
    grad_splat.conic[0] += grad_exponent * 0.5 * dx * dx;
    grad_splat.conic[1] += grad_exponent * dx * dy;
    grad_splat.conic[2] += grad_exponent * 0.5 * dy * dy;
    let grad_mean2d = [-grad_exponent * (xx * dx + xy * dy), -grad_exponent * (xy * dx + yy * dy)];
    grad_splat.mean2d[0] += grad_mean2d[0];
    grad_splat.mean2d[1] += grad_mean2d[1];
    grad_mean2d
}
