//! The thin layer between our kernels and wgpu: device, buffers, kernels bound by name, recording.
//!
//! Knows nothing of splats or training.

mod buffer;
mod device;
mod kernel;
pub mod layout;
mod pass;
mod profiler;
mod readback;
mod selftest;
pub mod shader;

pub use buffer::{Binding, Buf};
pub use device::{AdapterSummary, Gpu, GpuInfo, GpuOptions, PORTABLE_STORAGE_BUFFERS, Profile};
pub use kernel::Kernel;
pub use pass::Pass;
pub use profiler::Profiler;
pub use readback::Readback;

pub(crate) use device::lock;
