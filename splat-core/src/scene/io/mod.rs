//! One file format per module: bytes in, plain data out, nothing trusted on the way.
//!
//! Counts in headers are checked against the size of the file before anything is allocated.

pub mod colmap;
mod colmap_bin;
mod colmap_text;
pub(crate) mod json;
pub mod ply;
mod ply_header;
pub(crate) mod transforms;
