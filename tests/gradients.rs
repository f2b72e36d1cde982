//! Finite differences vindicate the oracle's backward passes: every stage alone, then the whole
//! chain.
//!
//! Differences are taken in f64 with a five-point stencil, whose error is far below the bound of
//! 1e-6. The lower cut-offs of compositing are off, because a contribution that appears or vanishes
//! has no derivative; targets keep clear of the prediction, because the absolute value has none at
//! zero.

mod chain;
mod codec;
mod flow;
mod stages;
mod tracks;

use crate::oracle::blend::Limits;
use crate::oracle::camera::Camera;
use crate::oracle::linalg::dot;
use crate::oracle::project::Gaussian;
use crate::oracle::render::{RenderOptions, Splat};
use crate::oracle::sh::{REST, Sh};

/// Relative error allowed per element and for the gradient as a vector.
const TOLERANCE: f64 = 1e-6;
/// Elements below this share of the gradient's norm are held to an absolute bound instead.
const FLOOR: f64 = 1e-3;
/// Step of the stencil: its error is about `STEP`⁴, rounding about 1e-16 / `STEP`.
const STEP: f64 = 2e-4;

/// Numbers one splat has: mean, quat, log-scale, opacity, sh0, the other coefficients.
const SPLAT_LEN: usize = 3 + 4 + 3 + 1 + 3 + 3 * REST;

/// Fails unless `analytic` is the gradient of `loss` at `params`, element by element and as a
/// vector.
fn assert_gradient(what: &str, params: &[f64], analytic: &[f64], loss: impl Fn(&[f64]) -> f64) {
    assert_eq!(params.len(), analytic.len(), "{what}: one gradient per parameter");
    let numeric = numeric_gradient(params, loss);
    let norm = norm(&numeric);
    assert!(norm > 1e-6, "{what}: gradient of norm {norm:e} tests nothing");

    let element_error = |(a, n): (&f64, &f64)| (a - n).abs() / n.abs().max(FLOOR * norm);
    let errors: Vec<f64> = analytic.iter().zip(&numeric).map(element_error).collect();
    let worst = (0..errors.len()).max_by(|&i, &j| errors[i].total_cmp(&errors[j])).unwrap_or(0);
    let difference: Vec<f64> = analytic.iter().zip(&numeric).map(|(a, n)| a - n).collect();
    let vector_error = self::norm(&difference) / norm;
    let product: f64 = analytic.iter().zip(&numeric).map(|(a, n)| a * n).sum();
    let cosine = product / (self::norm(analytic) * norm);
    let summary = format!(
        "{what}: worst element {:.1e} (at {worst}: {:e}, expected {:e}), \
         vector {vector_error:.1e}, 1 - cosine {:.1e}",
        errors[worst],
        analytic[worst],
        numeric[worst],
        1.0 - cosine,
    );
    eprintln!("{summary}");
    let accurate = errors[worst] <= TOLERANCE && vector_error <= TOLERANCE && 1.0 - cosine <= TOLERANCE;
    assert!(accurate, "{summary}");
}

/// The gradient by central differences of fourth order.
fn numeric_gradient(params: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = params.to_vec();
    (0..params.len())
        .map(|i| {
            let mut at = |offset: f64| {
                moved[i] = params[i] + offset * STEP;
                let value = loss(&moved);
                moved[i] = params[i];
                value
            };
            (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * STEP)
        })
        .collect()
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// A fixed pseudo-random number in −1..1, different for every `index`.
pub(crate) fn noise(index: usize) -> f64 {
    let phase = (index as f64 + 1.0) * 12.9898;
    2.0 * (phase.sin() * 43_758.545_3).rem_euclid(1.0) - 1.0
}

/// The stored numbers of `splats` in one row.
fn flatten(splats: &[Splat]) -> Vec<f64> {
    let numbers = |splat: &Splat| {
        let Splat { gaussian, sh } = splat;
        let geometry = [&gaussian.mean[..], &gaussian.quat, &gaussian.log_scale].concat();
        let colour = [sh.sh0.as_slice(), sh.rest.as_flattened()].concat();
        [geometry, vec![gaussian.opacity_logit], colour].concat()
    };
    splats.iter().flat_map(numbers).collect()
}

/// The inverse of [`flatten`].
fn unflatten(params: &[f64]) -> Vec<Splat> {
    let splat = |numbers: &[f64]| {
        let rest = std::array::from_fn(|k| [0, 1, 2].map(|c| numbers[14 + 3 * k + c]));
        let gaussian = Gaussian {
            mean: [0, 1, 2].map(|i| numbers[i]),
            quat: [3, 4, 5, 6].map(|i| numbers[i]),
            log_scale: [7, 8, 9].map(|i| numbers[i]),
            opacity_logit: numbers[10],
        };
        Splat { gaussian, sh: Sh { sh0: [11, 12, 13].map(|i| numbers[i]), rest } }
    };
    params.chunks_exact(SPLAT_LEN).map(splat).collect()
}

/// A 20×18 camera, a little turned and off-centre.
pub(crate) fn small_camera() -> Camera {
    let rotation = orthonormal([0.995, 0.06, -0.08], [-0.05, 0.99, 0.12]);
    let translation = [0.1, -0.05, 0.2];
    let row = |i: usize| {
        let [a, b, c]: [f64; 3] = rotation[i];
        [a, b, c, translation[i]]
    };
    Camera {
        viewmat: [row(0), row(1), row(2)],
        fx: 22.0,
        fy: 21.0,
        cx: 10.3,
        cy: 8.8,
        width: 20,
        height: 18,
        near: 0.1,
        far: 100.0,
    }
}

/// The rotation whose first row is along `first` and whose second is in the plane of both.
fn orthonormal(first: [f64; 3], second: [f64; 3]) -> [[f64; 3]; 3] {
    let unit = |v: [f64; 3]| v.map(|value| value / dot(&v, &v).sqrt());
    let x = unit(first);
    let overlap = dot(&x, &second);
    let y = unit([0, 1, 2].map(|i| second[i] - overlap * x[i]));
    let z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
    [x, y, z]
}

/// Four overlapping splats of different shape, depth and opacity.
pub(crate) fn small_scene() -> Vec<Splat> {
    let geometry = [
        ([0.0, 0.1, 2.0], [0.9, 0.2, -0.3, 0.4], [-1.6, -2.1, -1.2], 0.4),
        ([-0.35, 0.2, 2.6], [1.4, -0.5, 0.2, 0.1], [-1.1, -1.9, -1.5], 1.2),
        ([0.3, -0.4, 3.1], [-0.3, 0.6, 0.5, -0.2], [-0.9, -1.3, -2.0], -0.6),
        ([0.2, 0.3, 3.8], [0.1, 0.2, 0.3, 0.4], [-0.7, -0.9, -1.4], 2.0),
    ];
    let splat = |(index, (mean, quat, log_scale, opacity_logit))| {
        let coefficient = |k: usize| [0, 1, 2].map(|c| 0.15 * noise(1000 * index + 3 * k + c));
        Splat {
            gaussian: Gaussian { mean, quat, log_scale, opacity_logit },
            sh: Sh { sh0: coefficient(REST), rest: std::array::from_fn(coefficient) },
        }
    };
    geometry.into_iter().enumerate().map(splat).collect()
}

/// Rendering options under which the image is a smooth function of the splats.
pub(crate) fn smooth_options(degree: usize, antialias: bool) -> RenderOptions {
    RenderOptions { degree, antialias, limits: Limits::SMOOTH }
}
