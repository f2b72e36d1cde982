//! Moving the camera: a camera that glides to where it is sent, and the map from mouse and keys to its motions.
//!
//! [`NavCamera`] is arithmetic without a window. [`Input`] reads one frame of events on the viewport, moves the camera,
//! and hands back what is not navigation: clicks, double clicks and the drags of a tool.

mod camera;
mod input;
mod keys;
mod pose;

pub(crate) use camera::{Motion, NavCamera};
pub(crate) use input::{Input, Reply, ToolDrag, viewport};
pub(crate) use pose::Ground;
