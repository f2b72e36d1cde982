//! The panels: functions that read plain state and answer with actions or requests.

pub(crate) mod cameras;
pub(crate) mod display;
pub(crate) mod inspect;
pub(crate) mod log;
pub(crate) mod path;
pub(crate) mod plots;
pub(crate) mod settings;
pub(crate) mod timing;
pub(crate) mod training;
