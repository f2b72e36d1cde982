//! What is drawn over the picture: grid, cameras, ways of splats, selections, marks and the axis gizmo.
//!
//! Everything is placed with the [`View`](splat_core::scene::View) that the picture was made with, not with the one
//! that the camera has since moved to, so that lines stay on what they mark while the picture is late.

mod fit;
mod frusta;
mod gizmo;
mod grid;
mod ink;
mod lines;
mod marks;
mod projection;
mod trails;
mod volumes;

pub(crate) use fit::Fit;
pub(crate) use frusta::{Frusta, Frustum};
pub(crate) use gizmo::{RADIUS as GIZMO_RADIUS, gizmo};
pub(crate) use grid::{axes, grid};
pub(crate) use ink::Ink;
pub(crate) use marks::{brush, measurement, pivot, rectangle};
pub(crate) use projection::Projection;
pub(crate) use trails::Trails;
pub(crate) use volumes::{BoxVolume, SphereVolume, edit_box, edit_sphere, outline_box};

#[cfg(test)]
mod tests;
