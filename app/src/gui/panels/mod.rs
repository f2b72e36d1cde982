//! The panels: functions that read plain state and push actions or return a small reply.

pub(crate) mod log;
pub(crate) mod plots;
pub(crate) mod settings;
pub(crate) mod timing;
pub(crate) mod training;
