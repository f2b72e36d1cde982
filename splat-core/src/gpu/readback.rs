//! Values copied from the device now and read on the host later.

use crate::error::{Error, Result};

use super::device::Gpu;

/// A copy under way; dropping it forgets the values.
#[derive(Debug)]
pub struct Readback {
    staging: wgpu::Buffer,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
}

impl Readback {
    /// Records the copy of pieces (buffer, offset, bytes) one behind the other. Offsets and sizes are multiples of 4.
    pub(crate) fn begin(gpu: &Gpu, pieces: &[(&wgpu::Buffer, u64, u64)]) -> Self {
        let bytes: u64 = pieces.iter().map(|piece| piece.2).sum();
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            // Empty buffers cannot be mapped.
            size: bytes.max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut end = 0;
        for &(buffer, offset, size) in pieces.iter().filter(|piece| piece.2 > 0) {
            encoder.copy_buffer_to_buffer(buffer, offset, &staging, end, size);
            end += size;
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |_| {});
        Self { staging, bytes, submission }
    }

    /// Waits for the copy, not for what was submitted behind it.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn finish<T: bytemuck::Pod>(self, gpu: &Gpu) -> Result<Vec<T>> {
        if self.bytes == 0 {
            return Ok(Vec::new());
        }
        gpu.wait_for(Some(self.submission))?;
        let view = self
            .staging
            .get_mapped_range(..)
            .map_err(|source| Error::DeviceLost { problem: format!("could not read results back: {source}") })?;
        Ok(bytemuck::pod_collect_to_vec(&view[..self.bytes as usize]))
    }
}
