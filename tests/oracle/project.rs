//! Projection of one 3D Gaussian to a 2D splat, and its gradient [Zwicker 2001; Kerbl 2023, eq. 5
//! and 6].
//!
//! Departs from the papers: the Jacobian's `x/z`, `y/z` are clamped to the image plus 15 %, because
//! the affine approximation explodes for Gaussians beside the camera. With `antialias` the opacity
//! is multiplied by the share of the splat's mass that the blur does not spread [Yu 2024,
//! Mip-Splatting].

use std::array::from_fn;

use super::camera::Camera;
use super::intersect::{ALPHA_MIN, tiles_hit};
use super::linalg::{Mat, det2, dot, mat_add, mat_mul, mat_scale, mat_vec, normalize, normalize_bwd, transpose};

/// Variance in px² added to both axes, so that no splat is thinner than about a pixel.
const BLUR: f64 = 0.3;
/// The same with antialiasing, whose compensation allows a smaller one.
const BLUR_ANTIALIAS: f64 = 0.1;
/// The Jacobian is evaluated at most this far outside the image, as a share of the image size.
const CLAMP_MARGIN: f64 = 0.15;
/// Floor of the determinant ratio under the compensation's root, 0.005²: a splat is dimmed at most
/// 200-fold.
const COMPENSATION_FLOOR: f64 = 2.5e-5;
/// Quaternions with a smaller squared norm have no direction worth normalising.
const QUAT_NORM2_MIN: f64 = 1e-12;

/// One Gaussian as stored, before activation; also the shape of its gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Gaussian {
    /// Centre in world space.
    pub(crate) mean: [f64; 3],
    /// Rotation (w, x, y, z), of any length.
    pub(crate) quat: [f64; 4],
    /// Natural logarithm of the three standard deviations.
    pub(crate) log_scale: [f64; 3],
    /// Opacity before the sigmoid.
    pub(crate) opacity_logit: f64,
}

/// A Gaussian as the image sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Projected {
    /// Centre in pixels.
    pub(crate) mean2d: [f64; 2],
    /// (xx, xy, yy) of the inverse 2D covariance, in px⁻².
    pub(crate) conic: [f64; 3],
    /// Opacity after compensation.
    pub(crate) opacity: f64,
    /// z of the mean in camera space.
    pub(crate) depth: f64,
    /// (xx, xy, yy) of the blurred 2D covariance, in px².
    pub(crate) cov2d: [f64; 3],
}

/// Gradient of the loss with respect to what blending reads of a [`Projected`]. `conic[1]` is the
/// derivative by the one number `xy` that stands in both off-diagonal places.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GradProjected {
    pub(crate) mean2d: [f64; 2],
    pub(crate) conic: [f64; 3],
    pub(crate) opacity: f64,
    pub(crate) depth: f64,
}

/// Projects a Gaussian, or returns `None` when it is culled: outside the depth range, not finite,
/// without a rotation, too faint, or beside the image.
pub(crate) fn project(gaussian: &Gaussian, camera: &Camera, antialias: bool) -> Option<Projected> {
    let Gaussian { mean, quat, log_scale, opacity_logit } = gaussian;
    let mean_in_cam = camera.cam_from_world(mean);
    let [x, y, z] = mean_in_cam;
    let in_range = camera.near < z && z < camera.far;
    let has_rotation = dot(quat, quat) >= QUAT_NORM2_MIN;
    if !(in_range && has_rotation) {
        return None;
    }

    let cov0 = projected_covariance(gaussian, camera);
    let cov2d = blurred(&cov0, antialias);
    let compensation = if antialias { compensation(&cov0, &cov2d) } else { 1.0 };
    let projected = Projected {
        mean2d: [camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy],
        conic: inverse(&cov2d),
        opacity: sigmoid(*opacity_logit) * compensation,
        depth: z,
        cov2d: [cov2d[0][0], cov2d[0][1], cov2d[1][1]],
    };
    let stored_finite = mean.iter().chain(quat).chain(log_scale).all(|value| value.is_finite());
    let finite = stored_finite && opacity_logit.is_finite() && projected.is_finite();
    let visible = finite && projected.opacity >= ALPHA_MIN && !tiles_hit(&projected, camera).is_empty();
    visible.then_some(projected)
}

/// Gradient of [`project`] for a Gaussian that was not culled.
pub(crate) fn project_bwd(gaussian: &Gaussian, camera: &Camera, antialias: bool, grad: &GradProjected) -> Gaussian {
    let mean_in_cam = camera.cam_from_world(&gaussian.mean);
    let [x, y, z] = mean_in_cam;
    let cov0 = projected_covariance(gaussian, camera);
    let cov2d = blurred(&cov0, antialias);

    // Opacity and conic both lead back to the unblurred covariance.
    let alpha = sigmoid(gaussian.opacity_logit);
    let mut grad_cov0 = inverse_bwd(&cov2d, &grad.conic);
    let mut grad_alpha = grad.opacity;
    if antialias {
        grad_alpha = grad.opacity * compensation(&cov0, &cov2d);
        let (through_cov0, through_cov2d) = compensation_bwd(&cov0, &cov2d, grad.opacity * alpha);
        grad_cov0 = mat_add(&grad_cov0, &mat_add(&through_cov0, &through_cov2d));
    }
    let (mut grad_mean_in_cam, grad_quat, grad_log_scale) = projected_covariance_bwd(gaussian, camera, &grad_cov0);

    // The mean also moves the splat's centre and depth.
    let [grad_u, grad_v] = grad.mean2d;
    grad_mean_in_cam[0] += grad_u * camera.fx / z;
    grad_mean_in_cam[1] += grad_v * camera.fy / z;
    grad_mean_in_cam[2] += grad.depth - (grad_u * camera.fx * x + grad_v * camera.fy * y) / (z * z);

    Gaussian {
        mean: mat_vec(&transpose(&camera.rotation()), &grad_mean_in_cam),
        quat: grad_quat,
        log_scale: grad_log_scale,
        opacity_logit: grad_alpha * alpha * (1.0 - alpha),
    }
}

impl Projected {
    fn is_finite(&self) -> bool {
        let scalars = [self.opacity, self.depth];
        let mut all = self.mean2d.iter().chain(&self.conic).chain(&self.cov2d).chain(&scalars);
        all.all(|value| value.is_finite())
    }
}

/// The 2D covariance before blur, `V Σ Vᵀ` with `V = J R`.
fn projected_covariance(gaussian: &Gaussian, camera: &Camera) -> Mat<2, 2> {
    let sigma = covariance(&gaussian.quat, &gaussian.log_scale);
    let jacobian = jacobian(&camera.cam_from_world(&gaussian.mean), camera);
    let v = mat_mul(&jacobian, &camera.rotation());
    mat_mul(&mat_mul(&v, &sigma), &transpose(&v))
}

/// Gradients with respect to the mean in camera space, the quaternion and the log-scales, from the
/// symmetric gradient matrix of the unblurred 2D covariance.
fn projected_covariance_bwd(
    gaussian: &Gaussian,
    camera: &Camera,
    grad_cov0: &Mat<2, 2>,
) -> ([f64; 3], [f64; 4], [f64; 3]) {
    let mean_in_cam = camera.cam_from_world(&gaussian.mean);
    let sigma = covariance(&gaussian.quat, &gaussian.log_scale);
    let v = mat_mul(&jacobian(&mean_in_cam, camera), &camera.rotation());

    let grad_sigma = mat_mul(&mat_mul(&transpose(&v), grad_cov0), &v);
    let grad_v = mat_scale(2.0, &mat_mul(&mat_mul(grad_cov0, &v), &sigma));
    let grad_jacobian = mat_mul(&grad_v, &transpose(&camera.rotation()));

    let grad_mean_in_cam = jacobian_bwd(&mean_in_cam, camera, &grad_jacobian);
    let (grad_quat, grad_log_scale) = covariance_bwd(&gaussian.quat, &gaussian.log_scale, &grad_sigma);
    (grad_mean_in_cam, grad_quat, grad_log_scale)
}

/// `Σ = M Mᵀ` with `M = Rot(q/|q|) diag(exp(log_scale))`.
pub(crate) fn covariance(quat: &[f64; 4], log_scale: &[f64; 3]) -> Mat<3, 3> {
    let m = scaled_axes(&rotation(&normalize(quat)), log_scale);
    mat_mul(&m, &transpose(&m))
}

/// Gradients `(grad_quat, grad_log_scale)` of [`covariance`].
fn covariance_bwd(quat: &[f64; 4], log_scale: &[f64; 3], grad_sigma: &Mat<3, 3>) -> ([f64; 4], [f64; 3]) {
    let unit = normalize(quat);
    let m = scaled_axes(&rotation(&unit), log_scale);
    let grad_m = mat_scale(2.0, &mat_mul(grad_sigma, &m));
    // ∂M/∂(log s_j) is column j of M itself, and M's columns are the rotation's times the scales.
    let grad_log_scale = from_fn(|j| (0..3).map(|i| grad_m[i][j] * m[i][j]).sum());
    let grad_rotation = scaled_axes(&grad_m, log_scale);
    let grad_quat = normalize_bwd(quat, &rotation_bwd(&unit, &grad_rotation));
    (grad_quat, grad_log_scale)
}

/// Column `j` of `axes` times `exp(log_scale[j])`.
fn scaled_axes(axes: &Mat<3, 3>, log_scale: &[f64; 3]) -> Mat<3, 3> {
    axes.map(|row| from_fn(|j| row[j] * log_scale[j].exp()))
}

/// The rotation matrix of a unit quaternion (w, x, y, z).
fn rotation(&[w, x, y, z]: &[f64; 4]) -> Mat<3, 3> {
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// Gradient of [`rotation`] with respect to the four components, taken as independent.
fn rotation_bwd(&[w, x, y, z]: &[f64; 4], g: &Mat<3, 3>) -> [f64; 4] {
    // Skew and symmetric parts of the gradient: w sees only the former.
    let skew = [g[2][1] - g[1][2], g[0][2] - g[2][0], g[1][0] - g[0][1]];
    let sym = [g[2][1] + g[1][2], g[0][2] + g[2][0], g[1][0] + g[0][1]];
    [
        2.0 * (x * skew[0] + y * skew[1] + z * skew[2]),
        2.0 * (w * skew[0] + y * sym[2] + z * sym[1]) - 4.0 * x * (g[1][1] + g[2][2]),
        2.0 * (w * skew[1] + x * sym[2] + z * sym[0]) - 4.0 * y * (g[0][0] + g[2][2]),
        2.0 * (w * skew[2] + x * sym[1] + y * sym[0]) - 4.0 * z * (g[0][0] + g[1][1]),
    ]
}

/// `x/z` and `y/z` clamped to the image plus margin, each with a flag telling whether the clamp
/// acted.
fn clamped_slopes(&[x, y, z]: &[f64; 3], camera: &Camera) -> [(f64, bool); 2] {
    let focal = [camera.fx, camera.fy];
    let centre = [camera.cx, camera.cy];
    let size = camera.size();
    let slope = [x / z, y / z];
    from_fn(|axis| {
        let margin = CLAMP_MARGIN * size[axis];
        let low = -(centre[axis] + margin) / focal[axis];
        let high = (size[axis] - centre[axis] + margin) / focal[axis];
        let clamped = slope[axis].clamp(low, high);
        (clamped, clamped != slope[axis])
    })
}

/// Jacobian of the perspective projection at a point in camera space, in pixels per world unit.
fn jacobian(mean_in_cam: &[f64; 3], camera: &Camera) -> Mat<2, 3> {
    let z = mean_in_cam[2];
    let [(slope_x, _), (slope_y, _)] = clamped_slopes(mean_in_cam, camera);
    [[camera.fx / z, 0.0, -camera.fx * slope_x / z], [0.0, camera.fy / z, -camera.fy * slope_y / z]]
}

/// Gradient of [`jacobian`]; a clamped slope is a constant and passes none on.
fn jacobian_bwd(mean_in_cam: &[f64; 3], camera: &Camera, grad: &Mat<2, 3>) -> [f64; 3] {
    let z = mean_in_cam[2];
    let focal = [camera.fx, camera.fy];
    let slopes = clamped_slopes(mean_in_cam, camera);
    let mut grad_mean_in_cam = [0.0; 3];
    for axis in 0..2 {
        let (slope, clamped) = slopes[axis];
        let grad_diagonal = grad[axis][axis];
        let grad_oblique = grad[axis][2];
        grad_mean_in_cam[2] += focal[axis] / (z * z) * (grad_oblique * slope - grad_diagonal);
        if !clamped {
            let grad_slope = -grad_oblique * focal[axis] / z;
            grad_mean_in_cam[axis] += grad_slope / z;
            grad_mean_in_cam[2] -= grad_slope * slope / z;
        }
    }
    grad_mean_in_cam
}

/// The covariance with the pixel filter's variance on its diagonal.
fn blurred(cov0: &Mat<2, 2>, antialias: bool) -> Mat<2, 2> {
    let blur = if antialias { BLUR_ANTIALIAS } else { BLUR };
    mat_add(cov0, &[[blur, 0.0], [0.0, blur]])
}

/// Factor on the opacity that undoes the brightening by the blur, `√(det cov0 / det cov2d)`,
/// floored.
fn compensation(cov0: &Mat<2, 2>, cov2d: &Mat<2, 2>) -> f64 {
    (det2(cov0) / det2(cov2d)).max(COMPENSATION_FLOOR).sqrt()
}

/// Gradients `(grad_cov0, grad_cov2d)` of [`compensation`]; zero on the floor.
fn compensation_bwd(cov0: &Mat<2, 2>, cov2d: &Mat<2, 2>, grad_compensation: f64) -> (Mat<2, 2>, Mat<2, 2>) {
    let ratio = det2(cov0) / det2(cov2d);
    if ratio <= COMPENSATION_FLOOR {
        return ([[0.0; 2]; 2], [[0.0; 2]; 2]);
    }
    let grad_ratio = grad_compensation * 0.5 / ratio.sqrt();
    let grad_det0 = grad_ratio / det2(cov2d);
    let grad_det = -grad_ratio * ratio / det2(cov2d);
    (mat_scale(grad_det0, &adjugate(cov0)), mat_scale(grad_det, &adjugate(cov2d)))
}

/// The adjugate of a symmetric matrix: both `det(a) a⁻¹` and the derivative of `det(a)`.
fn adjugate(a: &Mat<2, 2>) -> Mat<2, 2> {
    [[a[1][1], -a[0][1]], [-a[1][0], a[0][0]]]
}

/// (xx, xy, yy) of the inverse of a symmetric matrix.
fn inverse(cov2d: &Mat<2, 2>) -> [f64; 3] {
    let inverse = mat_scale(1.0 / det2(cov2d), &adjugate(cov2d));
    [inverse[0][0], inverse[0][1], inverse[1][1]]
}

/// Gradient of [`inverse`], `−A G A`, as a symmetric matrix whose off-diagonal entries each carry
/// half of `xy`'s share.
fn inverse_bwd(cov2d: &Mat<2, 2>, grad_conic: &[f64; 3]) -> Mat<2, 2> {
    let [xx, xy, yy] = inverse(cov2d);
    let conic = [[xx, xy], [xy, yy]];
    let half_xy = 0.5 * grad_conic[1];
    let grad = [[grad_conic[0], half_xy], [half_xy, grad_conic[2]]];
    mat_scale(-1.0, &mat_mul(&mat_mul(&conic, &grad), &conic))
}

/// The logistic function.
pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}
