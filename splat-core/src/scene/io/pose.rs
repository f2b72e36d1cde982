//! Poses written by others: whether a matrix is a rotation, and which way round it is stored.

use glam::{DAffine3, DMat3, DVec3};

/// How far the columns of a rotation may be from unit length: rounding of hand-made files, but no scaled camera.
const MAX_SCALE_DRIFT: f64 = 0.02;
/// How far two columns may be from perpendicular (their dot product).
const MAX_SHEAR: f64 = 0.02;

/// The world-to-camera transform of a camera by its axes (columns) and centre in the world; `None` unless finite.
pub(super) fn viewmat(world_from_cam: DMat3, centre: DVec3) -> Option<DAffine3> {
    let cam_from_world = world_from_cam.transpose();
    let viewmat = DAffine3::from_mat3_translation(cam_from_world, -(cam_from_world * centre));
    viewmat.is_finite().then_some(viewmat)
}

/// The rotation nearest to a matrix that is one up to rounding; problems name it as `what`.
pub(super) fn rigid(matrix: DMat3, what: &str) -> std::result::Result<DMat3, String> {
    if !matrix.is_finite() {
        return Err(format!("{what} is not finite"));
    }
    let lengths = [matrix.x_axis.length(), matrix.y_axis.length(), matrix.z_axis.length()];
    if lengths.iter().any(|length| (length - 1.0).abs() > MAX_SCALE_DRIFT) {
        let [a, b, c] = lengths;
        return Err(format!(
            "the axes in {what} have lengths {a:.4} {b:.4} {c:.4}, expected 1 (apply the camera's scale before exporting)"
        ));
    }
    let shear = [matrix.x_axis.dot(matrix.y_axis), matrix.y_axis.dot(matrix.z_axis), matrix.z_axis.dot(matrix.x_axis)];
    if shear.iter().any(|dot| dot.abs() > MAX_SHEAR) {
        return Err(format!("the axes in {what} are not perpendicular"));
    }
    if matrix.determinant() < 0.0 {
        return Err(format!("{what} mirrors the scene (determinant -1): its axes are swapped or flipped"));
    }
    // Newton's iteration for the polar decomposition converges quadratically from this close.
    let mut rotation = matrix;
    for _ in 0..6 {
        rotation = 0.5 * (rotation + rotation.inverse().transpose());
    }
    Ok(rotation)
}
