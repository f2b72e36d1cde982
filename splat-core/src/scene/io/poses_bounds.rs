//! `poses_bounds.npy` of LLFF and Neural 3D Video: one row of 17 numbers per image or fixed camera.
//!
//! Fifteen of them are a 3x5 matrix, row by row: the axes of the camera in the world (down, right, backward), its
//! centre, and height, width and focal length of its image. The last two, the nearest and furthest depth, are for
//! methods that sample rays, and not used. The principal point is the middle of the image.

use super::{npy, pose};
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use glam::{DAffine3, DMat3, DVec3};
use std::path::Path;

/// Numbers in a row.
const COLUMNS: usize = 17;

/// The camera of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PosedCamera {
    /// World to camera, OpenCV axes.
    pub(crate) viewmat: DAffine3,
    /// For an image of the size that the row names.
    pub(crate) intrinsics: Intrinsics,
}

/// Reads all rows.
pub(crate) fn read(path: &Path) -> Result<Vec<PosedCamera>> {
    let matrix = npy::read_matrix(path, COLUMNS, "a 3 x 5 matrix and two depths in each row")?;
    let rows = matrix.rows().enumerate();
    rows.map(|(index, row)| {
        camera(row).map_err(|problem| {
            Error::input(path, format!("row {index}: {problem}"), "correct the row or compute the poses again")
        })
    })
    .collect()
}

fn camera(row: &[f64]) -> std::result::Result<PosedCamera, String> {
    let at = |line: usize, column: usize| row.get(5 * line + column).copied().unwrap_or(f64::NAN);
    let column = |i: usize| DVec3::new(at(0, i), at(1, i), at(2, i));
    let (down, right, backward, centre) = (column(0), column(1), column(2), column(3));
    let rotation = pose::rigid(DMat3::from_cols(right, down, -backward), "its matrix")?;
    let viewmat = pose::viewmat(rotation, centre).ok_or("the position of the camera is not finite")?;
    let [height, width, focal] = column(4).to_array();
    let edge = |edge: f64| (edge.fract() == 0.0 && (1.0..=65536.0).contains(&edge)).then_some(edge as u32);
    let (Some(width), Some(height)) = (edge(width), edge(height)) else {
        return Err(format!("the image size is {width} x {height}, expected whole numbers of pixels"));
    };
    if !(focal.is_finite() && focal > 0.0) {
        return Err(format!("the focal length is {focal}, it must be positive"));
    }
    let (cx, cy) = (0.5 * f64::from(width), 0.5 * f64::from(height));
    let intrinsics = Intrinsics { width, height, fx: focal, fy: focal, cx, cy };
    Ok(PosedCamera { viewmat, intrinsics })
}
