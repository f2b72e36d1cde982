//! Scenes as users bring them: posed photographs, the points that came with the poses, finished splats.
//!
//! [`Dataset::load`] recognises a folder and turns it into [`View`]s in one convention; [`PhotoLoader`] delivers their
//! pixels; [`initial_points`] says where the first splats go. Nothing in here touches a graphics device.

mod camera;
pub(crate) mod colour;
mod columns;
mod dataset;
mod decode;
mod detect;
mod doctor;
mod files;
mod image;
mod init;
pub mod io;
mod lens;
mod loader;
mod motion;
mod names;
mod nearest;
mod paths;
mod split;
mod times;
mod unsupported;

pub use camera::{Intrinsics, View};
pub use dataset::{Dataset, Level, LoadOptions, Note, Point};
pub use detect::recognise;
pub use image::{Photo, load_photo};
pub(crate) use init::axes_meet;
pub use init::{initial_points, nearest_distances};
pub use io::ply::{SplatCloud, count_splats, read_points, read_splats, write_splats};
pub use lens::Lens;
pub use loader::PhotoLoader;
pub use motion::{CloudColumn, Motion, MotionColumn, TimeBasis};
pub(crate) use nearest::KdTree;
pub use paths::Paths;
pub use times::Times;
