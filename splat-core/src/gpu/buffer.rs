//! Typed device buffers with accounting, and blocking read-back.

use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;

use super::device::{Gpu, MemoryMeter};
use super::readback::Readback;
use crate::error::Result;

/// Bytes that are on their way to the device at a time. The queue keeps a copy of what is written until it is
/// submitted, and memory that was never used before is slow to come by.
const WRITTEN_AT_ONCE: usize = 4 << 20;

/// A storage buffer of `T`, zero when made. Cloning shares the buffer.
#[derive(Clone, Debug)]
pub struct Buf<T> {
    raw: Arc<Tracked>,
    len: u64,
    _type: PhantomData<T>,
}

#[derive(Debug)]
struct Tracked {
    raw: wgpu::Buffer,
    bytes: u64,
    meter: Arc<MemoryMeter>,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.meter.remove(self.bytes);
    }
}

/// A buffer, or a part of one, as a kernel sees it.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) bytes: Option<std::num::NonZeroU64>,
}

impl<T: Pod> Buf<T> {
    /// Allocates `len` zeroed elements (at least one, since empty bindings are not allowed).
    pub fn new(gpu: &Gpu, label: &str, len: u64) -> Self {
        Self::with_room(gpu, label, len, len)
    }

    /// As [`Buf::new`], with room for `room` elements, if those are more: kernels may write behind the last.
    pub(crate) fn with_room(gpu: &Gpu, label: &str, len: u64, room: u64) -> Self {
        let bytes = (len.max(room).max(1) * size_of::<T>() as u64).next_multiple_of(16);
        let raw = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.memory.add(bytes);
        Buf { raw: Arc::new(Tracked { raw, bytes, meter: Arc::clone(&gpu.memory) }), len, _type: PhantomData }
    }

    /// Allocates a buffer and fills it with `values`.
    pub fn from_slice(gpu: &Gpu, label: &str, values: &[T]) -> Self {
        let buffer = Self::new(gpu, label, values.len() as u64);
        buffer.write(gpu, 0, values);
        buffer
    }

    /// The same memory as elements of another type.
    pub(crate) fn cast<U: Pod>(&self) -> Buf<U> {
        Buf {
            raw: Arc::clone(&self.raw),
            len: self.len * size_of::<T>() as u64 / size_of::<U>() as u64,
            _type: PhantomData,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buffer as a kernel argument.
    pub fn bind(&self) -> Binding<'_> {
        Binding { buffer: &self.raw.raw, offset: 0, bytes: None }
    }

    /// A part of the buffer as a kernel argument: `len` elements from `offset` on. The offset in
    /// bytes must be a multiple of 256, which every adapter accepts.
    pub fn bind_range(&self, offset: u64, len: u64) -> Binding<'_> {
        let size = size_of::<T>() as u64;
        debug_assert!((offset * size).is_multiple_of(256), "unaligned binding");
        Binding { buffer: &self.raw.raw, offset: offset * size, bytes: std::num::NonZeroU64::new(len.max(1) * size) }
    }

    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        &self.raw.raw
    }

    /// Writes `values` from element `offset` on, ordered before the next submission.
    pub fn write(&self, gpu: &Gpu, offset: u64, values: &[T]) {
        let first = offset * size_of::<T>() as u64;
        for (i, piece) in bytemuck::cast_slice::<T, u8>(values).chunks(WRITTEN_AT_ONCE).enumerate() {
            gpu.queue.write_buffer(&self.raw.raw, first + (i * WRITTEN_AT_ONCE) as u64, piece);
            if piece.len() == WRITTEN_AT_ONCE {
                gpu.queue.submit([]);
            }
        }
    }

    /// Waits for the device and copies all elements back.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn read(&self, gpu: &Gpu) -> Result<Vec<T>> {
        self.read_range(gpu, 0, self.len)
    }

    /// Waits for the device and copies `len` elements from `offset` on.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn read_range(&self, gpu: &Gpu, offset: u64, len: u64) -> Result<Vec<T>> {
        let size = size_of::<T>() as u64;
        Readback::begin(gpu, &[(&self.raw.raw, offset * size, len * size)]).finish(gpu)
    }
}
