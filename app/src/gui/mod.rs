//! The window: panels that read plain state and make actions.

pub(crate) mod action;
pub(crate) mod display;
pub(crate) mod panels;
pub(crate) mod training;
