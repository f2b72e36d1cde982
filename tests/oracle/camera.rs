//! The pinhole camera in OpenCV axes (+x right, +y down, +z forward); pixel (0, 0) has its centre
//! at (0.5, 0.5).

use std::array::from_fn;

use super::linalg::{Mat, add, mat_vec, transpose};

/// A posed pinhole camera.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Camera {
    /// World to camera, `[R | t]`, row-major.
    pub(crate) viewmat: Mat<3, 4>,
    /// Focal length along x, in pixels.
    pub(crate) fx: f64,
    /// Focal length along y, in pixels.
    pub(crate) fy: f64,
    /// Principal point, x in pixels.
    pub(crate) cx: f64,
    /// Principal point, y in pixels.
    pub(crate) cy: f64,
    /// Image width in pixels.
    pub(crate) width: usize,
    /// Image height in pixels.
    pub(crate) height: usize,
    /// Means at this depth or nearer are culled.
    pub(crate) near: f64,
    /// Means at this depth or farther are culled.
    pub(crate) far: f64,
}

impl Camera {
    /// The rotation `R` of the view matrix.
    pub(crate) fn rotation(&self) -> Mat<3, 3> {
        from_fn(|i| from_fn(|j| self.viewmat[i][j]))
    }

    /// The translation `t` of the view matrix.
    pub(crate) fn translation(&self) -> [f64; 3] {
        from_fn(|i| self.viewmat[i][3])
    }

    /// A world point in camera space, `R p + t`.
    pub(crate) fn cam_from_world(&self, point: &[f64; 3]) -> [f64; 3] {
        add(&mat_vec(&self.rotation(), point), &self.translation())
    }

    /// The camera centre in world space, `−Rᵀ t`.
    pub(crate) fn position(&self) -> [f64; 3] {
        mat_vec(&transpose(&self.rotation()), &self.translation()).map(|value| -value)
    }

    /// Width and height of the image as reals.
    pub(crate) fn size(&self) -> [f64; 2] {
        [self.width as f64, self.height as f64]
    }

    /// Centres of all pixels, row by row.
    pub(crate) fn pixel_centres(&self) -> impl Iterator<Item = [f64; 2]> {
        let width = self.width;
        (0..self.height).flat_map(move |y| (0..width).map(move |x| [x as f64 + 0.5, y as f64 + 0.5]))
    }
}
