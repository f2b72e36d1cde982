//! The CPU oracle: every training kernel once more, in scalar f64, written for reading.
//!
//! Forward and backward stand side by side with mirrored names (`blend`, `blend_bwd`), gradients
//! carry the prefix `grad_` and reuse the type of what they are the gradient of wherever the shapes
//! agree. Finite differences vindicate the oracle (`gradients.rs`); the oracle then vindicates the
//! GPU. Speed is no concern here.
//!
//! Follows 3D Gaussian Splatting [Kerbl 2023], the affine projection of [Zwicker 2001] and, with
//! antialiasing on, the 2D filter of [Yu 2024, Mip-Splatting].

pub(crate) mod adam;
pub(crate) mod blend;
pub(crate) mod camera;
pub(crate) mod codec;
pub(crate) mod flow;
pub(crate) mod influence;
pub(crate) mod inspect;
pub(crate) mod intersect;
pub(crate) mod linalg;
pub(crate) mod photometric;
pub(crate) mod project;
pub(crate) mod render;
pub(crate) mod sh;
pub(crate) mod tracks;
