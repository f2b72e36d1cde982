//! The panels beside the picture. Each reads plain state, and answers with actions and typed requests.

pub(crate) mod cameras;
pub(crate) mod display;
pub(crate) mod inspect;
pub(crate) mod path;
