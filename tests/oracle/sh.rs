//! View-dependent colour from spherical harmonics up to degree 3 [Kerbl 2023], with the sign
//! convention that INRIA, gsplat and glTF share. The viewing direction points from the camera to
//! the mean, in world space.

use std::array::from_fn;

use super::linalg::{dot, normalize, normalize_bwd};

/// Number of coefficients per channel above the constant one, at degree 3.
pub(crate) const REST: usize = 15;

const C0: f64 = 0.282_094_791_773_878_14;
const C1: f64 = 0.488_602_511_902_919_9;
const C2: [f64; 3] = [1.092_548_430_592_079_2, 0.315_391_565_252_520_05, 0.546_274_215_296_039_6];
const C3: [f64; 5] = [
    0.590_043_589_926_643_5,
    2.890_611_442_640_554,
    0.457_045_799_464_465_8,
    0.373_176_332_590_115_4,
    1.445_305_721_320_277,
];

/// One splat's coefficients, coefficient-major; also the shape of their gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sh {
    /// The constant coefficient, RGB.
    pub(crate) sh0: [f64; 3],
    /// Degrees 1 to 3, RGB each; those above the active degree are ignored.
    pub(crate) rest: [[f64; 3]; REST],
}

/// `max(0, ½ + Σ basis · coefficients)` for a splat at `mean` seen from `campos`.
pub(crate) fn sh_colour(mean: &[f64; 3], sh: &Sh, degree: usize, campos: &[f64; 3]) -> [f64; 3] {
    unclamped_colour(mean, sh, degree, campos).map(|value| value.max(0.0))
}

/// Gradients `(grad_sh, grad_mean)` of [`sh_colour`]; a channel clamped at zero passes none on.
pub(crate) fn sh_colour_bwd(
    mean: &[f64; 3],
    sh: &Sh,
    degree: usize,
    campos: &[f64; 3],
    grad_colour: &[f64; 3],
) -> (Sh, [f64; 3]) {
    let colour = unclamped_colour(mean, sh, degree, campos);
    let grad: [f64; 3] = from_fn(|c| if colour[c] > 0.0 { grad_colour[c] } else { 0.0 });

    let view = from_fn(|i| mean[i] - campos[i]);
    let direction = normalize(&view);
    let basis = active_basis(&direction, degree);
    let grad_sh = Sh { sh0: grad.map(|value| C0 * value), rest: basis.map(|y| grad.map(|value| y * value)) };
    let grad_basis = from_fn(|k| if k < active(degree) { dot(&grad, &sh.rest[k]) } else { 0.0 });
    let grad_mean = normalize_bwd(&view, &basis_bwd(&direction, &grad_basis));
    (grad_sh, grad_mean)
}

fn unclamped_colour(mean: &[f64; 3], sh: &Sh, degree: usize, campos: &[f64; 3]) -> [f64; 3] {
    let direction = normalize(&from_fn(|i| mean[i] - campos[i]));
    let basis = active_basis(&direction, degree);
    from_fn(|c| {
        let rest: f64 = (0..REST).map(|k| basis[k] * sh.rest[k][c]).sum();
        0.5 + C0 * sh.sh0[c] + rest
    })
}

/// How many of the [`REST`] coefficients a degree uses.
fn active(degree: usize) -> usize {
    (degree + 1) * (degree + 1) - 1
}

/// [`basis`] with the functions above the active degree set to zero.
fn active_basis(direction: &[f64; 3], degree: usize) -> [f64; REST] {
    let basis = basis(direction);
    from_fn(|k| if k < active(degree) { basis[k] } else { 0.0 })
}

/// The basis functions of degrees 1, 2 and 3 as homogeneous polynomials in the direction.
fn basis(&[x, y, z]: &[f64; 3]) -> [f64; REST] {
    let (xx, yy, zz) = (x * x, y * y, z * z);
    [
        -C1 * y,
        C1 * z,
        -C1 * x,
        C2[0] * x * y,
        -C2[0] * y * z,
        C2[1] * (2.0 * zz - xx - yy),
        -C2[0] * x * z,
        C2[2] * (xx - yy),
        -C3[0] * y * (3.0 * xx - yy),
        C3[1] * x * y * z,
        -C3[2] * y * (4.0 * zz - xx - yy),
        C3[3] * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
        -C3[2] * x * (4.0 * zz - xx - yy),
        C3[4] * z * (xx - yy),
        -C3[0] * x * (xx - 3.0 * yy),
    ]
}

/// Gradient of [`basis`] with respect to the three components, taken as independent.
fn basis_bwd(&[x, y, z]: &[f64; 3], g: &[f64; REST]) -> [f64; 3] {
    let (xx, yy, zz) = (x * x, y * y, z * z);
    // Row k holds ∂basis[k] / ∂(x, y, z).
    let derivatives = [
        [0.0, -C1, 0.0],
        [0.0, 0.0, C1],
        [-C1, 0.0, 0.0],
        [C2[0] * y, C2[0] * x, 0.0],
        [0.0, -C2[0] * z, -C2[0] * y],
        [-2.0 * C2[1] * x, -2.0 * C2[1] * y, 4.0 * C2[1] * z],
        [-C2[0] * z, 0.0, -C2[0] * x],
        [2.0 * C2[2] * x, -2.0 * C2[2] * y, 0.0],
        [-6.0 * C3[0] * x * y, -3.0 * C3[0] * (xx - yy), 0.0],
        [C3[1] * y * z, C3[1] * x * z, C3[1] * x * y],
        [2.0 * C3[2] * x * y, -C3[2] * (4.0 * zz - xx - 3.0 * yy), -8.0 * C3[2] * y * z],
        [-6.0 * C3[3] * x * z, -6.0 * C3[3] * y * z, 3.0 * C3[3] * (2.0 * zz - xx - yy)],
        [-C3[2] * (4.0 * zz - 3.0 * xx - yy), 2.0 * C3[2] * x * y, -8.0 * C3[2] * x * z],
        [2.0 * C3[4] * x * z, -2.0 * C3[4] * y * z, C3[4] * (xx - yy)],
        [-3.0 * C3[0] * (xx - yy), 6.0 * C3[0] * x * y, 0.0],
    ];
    from_fn(|axis| (0..REST).map(|k| g[k] * derivatives[k][axis]).sum())
}
