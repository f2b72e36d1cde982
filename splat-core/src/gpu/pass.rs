//! Recording of one submission: a run of kernel dispatches with their uniforms.
//!
//! Uniforms of all dispatches go into one buffer at growing offsets and are uploaded once, just
//! before the commands. With a [`Profiler`] each stage becomes its own timed pass; without one
//! everything is a single compute pass.

use super::device::{Gpu, lock};
use super::profiler::Profiler;

const RING_BYTES: u64 = 256 * 1024;

/// One submission being recorded.
pub struct Pass<'g> {
    pub(crate) gpu: &'g Gpu,
    encoder: wgpu::CommandEncoder,
    compute: Option<wgpu::ComputePass<'static>>,
    pub(crate) ring: wgpu::Buffer,
    uniforms: Vec<u8>,
    profiler: Option<&'g mut Profiler>,
    stage: &'static str,
    label: &'static str,
}

impl<'g> Pass<'g> {
    /// Starts recording.
    pub fn new(gpu: &'g Gpu, label: &'static str) -> Self {
        let ring = lock(&gpu.rings).pop().unwrap_or_else(|| new_ring(gpu));
        let encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(label) });
        Pass { gpu, encoder, compute: None, ring, uniforms: Vec::new(), profiler: None, stage: label, label }
    }

    /// Starts recording with GPU time stamps per stage.
    pub fn profiled(gpu: &'g Gpu, label: &'static str, profiler: Option<&'g mut Profiler>) -> Self {
        Pass { profiler, ..Self::new(gpu, label) }
    }

    /// The device this is recorded for.
    pub fn gpu(&self) -> &'g Gpu {
        self.gpu
    }

    /// Names what follows, for timing and debugging. Free when not profiling.
    pub fn stage(&mut self, name: &'static str) {
        if self.profiler.is_some() {
            self.compute = None;
        }
        self.stage = name;
    }

    /// Appends a uniform block and returns its offset in the ring.
    pub(crate) fn push_uniform(&mut self, bytes: &[u8]) -> u32 {
        let alignment = self.gpu.uniform_alignment as usize;
        let offset = self.uniforms.len().next_multiple_of(alignment);
        if (offset + bytes.len().next_multiple_of(16)) as u64 > RING_BYTES {
            self.flush();
            return self.push_uniform(bytes);
        }
        self.uniforms.resize(offset, 0);
        self.uniforms.extend_from_slice(bytes);
        offset as u32
    }

    pub(crate) fn compute(&mut self) -> &mut wgpu::ComputePass<'static> {
        let stage = self.stage;
        if self.compute.is_none() {
            let timestamp_writes = self.profiler.as_deref_mut().and_then(|profiler| profiler.begin(stage));
            let pass = self
                .encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(stage),
                    timestamp_writes: timestamp_writes.as_ref().map(super::profiler::Slot::writes),
                })
                .forget_lifetime();
            return self.compute.insert(pass);
        }
        self.compute.get_or_insert_with(|| unreachable!("a compute pass is open"))
    }

    pub(crate) fn copy_raw(&mut self, source: &wgpu::Buffer, target: &wgpu::Buffer, bytes: u64) {
        self.compute = None;
        self.encoder.copy_buffer_to_buffer(source, 0, target, 0, bytes);
    }

    /// Copies a range of elements into the same place of another buffer.
    pub(crate) fn copy_range<T: bytemuck::Pod>(
        &mut self,
        source: &super::Buf<T>,
        target: &super::Buf<T>,
        range: std::ops::Range<u64>,
    ) {
        let size = size_of::<T>() as u64;
        if !range.is_empty() {
            self.compute = None;
            let (start, bytes) = (range.start * size, (range.end - range.start) * size);
            self.encoder.copy_buffer_to_buffer(source.raw(), start, target.raw(), start, bytes);
        }
    }

    /// Sets `bytes` bytes of a buffer to zero.
    pub fn clear<T: bytemuck::Pod>(&mut self, buffer: &super::Buf<T>) {
        self.compute = None;
        self.encoder.clear_buffer(buffer.raw(), 0, None);
    }

    fn flush(&mut self) {
        self.compute = None;
        let fresh = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(self.label) });
        let encoder = std::mem::replace(&mut self.encoder, fresh);
        self.gpu.queue.write_buffer(&self.ring, 0, &padded(&self.uniforms));
        self.gpu.queue.submit([encoder.finish()]);
        self.uniforms.clear();
    }

    /// Submits everything recorded.
    pub fn submit(mut self) -> wgpu::SubmissionIndex {
        self.compute = None;
        if let Some(profiler) = self.profiler.as_deref_mut() {
            profiler.resolve(&mut self.encoder);
        }
        if !self.uniforms.is_empty() {
            self.gpu.queue.write_buffer(&self.ring, 0, &padded(&self.uniforms));
        }
        let index = self.gpu.queue.submit([self.encoder.finish()]);
        // Writes to a ring are ordered behind the submissions that read it, so it can be reused at once.
        lock(&self.gpu.rings).push(self.ring);
        index
    }
}

fn padded(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if bytes.len().is_multiple_of(4) {
        return bytes.into();
    }
    let mut copy = bytes.to_vec();
    copy.resize(bytes.len().next_multiple_of(4), 0);
    copy.into()
}

fn new_ring(gpu: &Gpu) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("uniforms"),
        // Bindings have a fixed size of 256 bytes, also at the last offset.
        size: RING_BYTES + 256,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
