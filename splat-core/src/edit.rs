//! Finished splats, inspected and cleaned: select, hide, delete, move, undo. Plain host code, for windows and
//! programs alike.
//!
//! A [`Document`] holds the splats as they were loaded and what has been done to them; nothing is copied before
//! [`Document::baked`] writes it all into new columns. Its pending [`Similarity`] separates two spaces: the *stored*
//! one of the columns, and the *displayed* one that people see, click and measure in. Everything here that takes or
//! returns positions, sizes or views means the displayed space, except where a plain
//! [`SplatCloud`](crate::scene::SplatCloud) is passed.

mod attribute;
mod document;
mod extent;
mod history;
mod pick;
mod rows;
mod select;
mod sh;
mod similarity;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Histogram};
pub use document::{Combine, Document, Edit, Revisions};
pub use extent::Extent;
pub use pick::Hit;
pub use rows::RowSet;
pub use select::{OrientedBox, Viewpoint, by_attribute, in_box, in_sphere};
pub use similarity::Similarity;
