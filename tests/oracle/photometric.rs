//! The image loss `(1 − λ) L1 + λ (1 − SSIM)` and the image metrics [Kerbl 2023, eq. 7; Wang 2004].
//!
//! SSIM uses an 11×11 Gaussian window with σ = 1.5, zero padding and no clamping. A weight per
//! pixel masks by replacing the prediction with the target there, so masked pixels neither pull at
//! the image nor disturb their neighbours' windows.

use std::array::from_fn;

use super::blend::Rendered;
use super::linalg::dot;

const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;
/// (0.01 · 1)² and (0.03 · 1)², the stabilisers of [Wang 2004] for a value range of 1.
const C1: f64 = 1e-4;
const C2: f64 = 9e-4;

/// Settings of the loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Photometric {
    /// Image width in pixels.
    pub(crate) width: usize,
    /// Colour behind prediction and target.
    pub(crate) background: [f64; 3],
    /// λ, the share of the SSIM term.
    pub(crate) ssim_weight: f64,
    /// Weight of the mean absolute error of the coverage `1 − T`.
    pub(crate) alpha_weight: f64,
}

/// What the rendered image should look like, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Colour premultiplied by `alpha`.
    pub(crate) rgb: Vec<[f64; 3]>,
    /// Coverage in 0..=1.
    pub(crate) alpha: Vec<f64>,
    /// How much a pixel counts, in 0..=1.
    pub(crate) weight: Vec<f64>,
}

/// The loss of a rendered image.
pub(crate) fn photometric(settings: &Photometric, rendered: &Rendered, target: &Target) -> f64 {
    let (x, y) = compared_images(settings, rendered, target);
    let values = 3.0 * x.len() as f64;
    let l1: f64 = x.iter().zip(&y).map(|(x, y)| l1_norm(x, y)).sum::<f64>() / values;
    let alpha_error: f64 =
        (0..x.len()).map(|p| target.weight[p] * (1.0 - rendered.transmittance[p] - target.alpha[p]).abs()).sum::<f64>()
            / x.len() as f64;
    (1.0 - settings.ssim_weight) * l1
        + settings.ssim_weight * (1.0 - ssim(&x, &y, settings.width))
        + settings.alpha_weight * alpha_error
}

/// Gradient of [`photometric`] by the rendered image; its depth part is zero.
pub(crate) fn photometric_bwd(settings: &Photometric, rendered: &Rendered, target: &Target) -> Rendered {
    let (x, y) = compared_images(settings, rendered, target);
    let pixels = x.len();
    let l1_share = (1.0 - settings.ssim_weight) / (3.0 * pixels as f64);
    let grad_ssim = ssim_bwd(&x, &y, settings.width);
    let mut grad = Rendered { depth: vec![0.0; pixels], ..Rendered::default() };
    for p in 0..pixels {
        let weight = target.weight[p];
        let grad_rgb: [f64; 3] = from_fn(|c| {
            let grad_l1 = l1_share * sign(x[p][c] - y[p][c]);
            weight * (grad_l1 - settings.ssim_weight * grad_ssim[p][c])
        });
        let coverage_error = 1.0 - rendered.transmittance[p] - target.alpha[p];
        let grad_coverage = settings.alpha_weight * weight * sign(coverage_error) / pixels as f64;
        grad.rgb.push(grad_rgb);
        grad.transmittance.push(dot(&settings.background, &grad_rgb) - grad_coverage);
    }
    grad
}

/// Prediction and target over the same background, the prediction replaced by the target where
/// masked.
fn compared_images(settings: &Photometric, rendered: &Rendered, target: &Target) -> (Vec<[f64; 3]>, Vec<[f64; 3]>) {
    let background = settings.background;
    (0..target.rgb.len())
        .map(|p| {
            let weight = target.weight[p];
            let y: [f64; 3] = from_fn(|c| target.rgb[p][c] + (1.0 - target.alpha[p]) * background[c]);
            let x = from_fn(|c| {
                let predicted = rendered.rgb[p][c] + rendered.transmittance[p] * background[c];
                weight * predicted + (1.0 - weight) * y[c]
            });
            (x, y)
        })
        .unzip()
}

fn l1_norm(x: &[f64; 3], y: &[f64; 3]) -> f64 {
    (0..3).map(|c| (x[c] - y[c]).abs()).sum()
}

/// −1, 0 or 1; unlike `f64::signum`, zero at zero, so a perfect pixel has no gradient.
fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

/// Peak signal-to-noise ratio in dB of images in 0..=1.
pub(crate) fn psnr(x: &[[f64; 3]], y: &[[f64; 3]]) -> f64 {
    let squares = |x: &[f64; 3], y: &[f64; 3]| (0..3).map(|c| (x[c] - y[c]).powi(2)).sum::<f64>();
    let sum: f64 = x.iter().zip(y).map(|(x, y)| squares(x, y)).sum();
    -10.0 * (sum / (3.0 * x.len() as f64)).log10()
}

/// Mean structural similarity over all pixels and channels.
pub(crate) fn ssim(x: &[[f64; 3]], y: &[[f64; 3]], width: usize) -> f64 {
    let total: f64 =
        (0..3).flat_map(|c| window_moments(&plane(x, c), &plane(y, c), width)).map(|moments| moments.ssim()).sum();
    total / (3.0 * x.len() as f64)
}

/// Gradient of [`ssim`] by `x`.
pub(crate) fn ssim_bwd(x: &[[f64; 3]], y: &[[f64; 3]], width: usize) -> Vec<[f64; 3]> {
    let share = 1.0 / (3.0 * x.len() as f64);
    let mut grad = vec![[0.0; 3]; x.len()];
    for c in 0..3 {
        let moments = window_moments(&plane(x, c), &plane(y, c), width);
        let grads: Vec<GradMoments> = moments.iter().map(Moments::ssim_bwd).collect();
        // The window is symmetric and the padding zero, so blurring is its own transpose.
        let blurred = |pick: fn(&GradMoments) -> f64| blur(&grads.iter().map(pick).collect::<Vec<f64>>(), width);
        let grad_mean_x = blurred(|g| g.mean_x);
        let grad_mean_xx = blurred(|g| g.mean_xx);
        let grad_mean_xy = blurred(|g| g.mean_xy);
        for p in 0..x.len() {
            let through_squares = 2.0 * x[p][c] * grad_mean_xx[p] + y[p][c] * grad_mean_xy[p];
            grad[p][c] = share * (grad_mean_x[p] + through_squares);
        }
    }
    grad
}

/// Windowed means around one pixel.
struct Moments {
    mean_x: f64,
    mean_y: f64,
    mean_xx: f64,
    mean_yy: f64,
    mean_xy: f64,
}

/// Gradient by those of the [`Moments`] that depend on `x`.
struct GradMoments {
    mean_x: f64,
    mean_xx: f64,
    mean_xy: f64,
}

impl Moments {
    /// The four factors of SSIM: luminance and structure, numerators then denominators.
    fn factors(&self) -> [f64; 4] {
        let Self { mean_x, mean_y, mean_xx, mean_yy, mean_xy } = self;
        let variances = mean_xx - mean_x * mean_x + mean_yy - mean_y * mean_y;
        let covariance = mean_xy - mean_x * mean_y;
        [2.0 * mean_x * mean_y + C1, 2.0 * covariance + C2, mean_x * mean_x + mean_y * mean_y + C1, variances + C2]
    }

    fn ssim(&self) -> f64 {
        let [luminance, structure, luminance_norm, structure_norm] = self.factors();
        luminance * structure / (luminance_norm * structure_norm)
    }

    fn ssim_bwd(&self) -> GradMoments {
        let [luminance, structure, luminance_norm, structure_norm] = self.factors();
        let norm = luminance_norm * structure_norm;
        let ssim = luminance * structure / norm;
        let grad_covariance = 2.0 * luminance / norm;
        let grad_variance = -ssim / structure_norm;
        let grad_luminance = 2.0 * self.mean_y * structure / norm;
        let grad_luminance_norm = -2.0 * self.mean_x * ssim / luminance_norm;
        GradMoments {
            // The mean also enters variance and covariance, each with a minus sign.
            mean_x: grad_luminance + grad_luminance_norm
                - 2.0 * self.mean_x * grad_variance
                - self.mean_y * grad_covariance,
            mean_xx: grad_variance,
            mean_xy: grad_covariance,
        }
    }
}

fn window_moments(x: &[f64], y: &[f64], width: usize) -> Vec<Moments> {
    let product =
        |a: &[f64], b: &[f64]| -> Vec<f64> { blur(&a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>(), width) };
    let (mean_x, mean_y) = (blur(x, width), blur(y, width));
    let (mean_xx, mean_yy, mean_xy) = (product(x, x), product(y, y), product(x, y));
    (0..x.len())
        .map(|p| Moments {
            mean_x: mean_x[p],
            mean_y: mean_y[p],
            mean_xx: mean_xx[p],
            mean_yy: mean_yy[p],
            mean_xy: mean_xy[p],
        })
        .collect()
}

fn plane(image: &[[f64; 3]], channel: usize) -> Vec<f64> {
    image.iter().map(|pixel| pixel[channel]).collect()
}

/// The Gaussian window along one axis, normalised to sum 1.
pub(crate) fn window() -> [f64; 2 * RADIUS + 1] {
    let weights: [f64; 2 * RADIUS + 1] = from_fn(|i| {
        let d = i as f64 - RADIUS as f64;
        (-d * d / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Separable convolution of one plane with the window; what lies outside the image counts as zero.
fn blur(plane: &[f64], width: usize) -> Vec<f64> {
    let height = plane.len() / width;
    let rows = convolve(plane, |p| (p % width, width, 1));
    convolve(&rows, |p| (p / width, height, width))
}

/// Convolves along one axis; `axis` tells a pixel's coordinate along it, the axis' length and its
/// stride.
fn convolve(plane: &[f64], axis: impl Fn(usize) -> (usize, usize, usize)) -> Vec<f64> {
    let window = window();
    (0..plane.len())
        .map(|p| {
            let (coordinate, length, stride) = axis(p);
            let first = coordinate.saturating_sub(RADIUS);
            let last = (coordinate + RADIUS).min(length - 1);
            (first..=last)
                .map(|other| {
                    let neighbour = p + other * stride - coordinate * stride;
                    window[other + RADIUS - coordinate] * plane[neighbour]
                })
                .sum()
        })
        .collect()
}
