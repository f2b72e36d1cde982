//! One file format per module: bytes in, plain data out, nothing trusted on the way.
//!
//! Counts in headers are checked against the size of the file before anything is allocated.

pub mod colmap;
mod colmap_bin;
mod colmap_text;
pub(crate) mod frames;
pub(crate) mod json;
pub(crate) mod nerfies;
mod npy;
pub mod ply;
pub(crate) mod ply_body;
pub(crate) mod ply_header;
pub(crate) mod ply_rows;
mod pose;
pub(crate) mod poses_bounds;
pub(crate) mod transforms;
