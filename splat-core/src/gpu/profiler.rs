//! GPU time per stage, from time stamps at pass boundaries.

use std::collections::BTreeMap;

use super::device::Gpu;
use crate::error::{Error, Result};

const MAX_STAGES: u32 = 256;

/// Collects time stamps of the stages of one submission at a time and sums them by name.
#[derive(Debug)]
pub struct Profiler {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    stages: Vec<&'static str>,
    nanoseconds_per_tick: f64,
    totals: BTreeMap<&'static str, f64>,
}

pub(crate) struct Slot {
    queries: wgpu::QuerySet,
    first: u32,
}

impl Slot {
    pub(crate) fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(self.first),
            end_of_pass_write_index: Some(self.first + 1),
        }
    }
}

impl Profiler {
    /// `None` when the adapter has no time stamps.
    pub fn new(gpu: &Gpu) -> Option<Self> {
        if !gpu.info().timestamps {
            return None;
        }
        let bytes = u64::from(MAX_STAGES) * 16;
        let buffer = |label, usage| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        Some(Profiler {
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("stages"),
                ty: wgpu::QueryType::Timestamp,
                count: MAX_STAGES * 2,
            }),
            resolved: buffer("time stamps", wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            staging: buffer("time stamps read back", wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
            stages: Vec::new(),
            nanoseconds_per_tick: f64::from(gpu.queue.get_timestamp_period()),
            totals: BTreeMap::new(),
        })
    }

    pub(crate) fn begin(&mut self, stage: &'static str) -> Option<Slot> {
        let first = self.stages.len() as u32 * 2;
        if first + 2 > MAX_STAGES * 2 {
            return None;
        }
        self.stages.push(stage);
        Some(Slot { queries: self.queries.clone(), first })
    }

    pub(crate) fn resolve(&mut self, encoder: &mut wgpu::CommandEncoder) {
        let count = self.stages.len() as u32 * 2;
        if count > 0 {
            encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
            encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, u64::from(count) * 8);
        }
    }

    /// Waits for the submission and adds its stage times to the totals.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn collect(&mut self, gpu: &Gpu) -> Result<()> {
        if self.stages.is_empty() {
            return gpu.wait();
        }
        self.staging.map_async(wgpu::MapMode::Read, .., |_| {});
        gpu.wait()?;
        let ticks: Vec<u64> = {
            let view = self
                .staging
                .get_mapped_range(..)
                .map_err(|source| Error::DeviceLost { problem: source.to_string() })?;
            bytemuck::pod_collect_to_vec(&view[..self.stages.len() * 16])
        };
        self.staging.unmap();
        for (stage, pair) in self.stages.drain(..).zip(ticks.chunks_exact(2)) {
            *self.totals.entry(stage).or_default() +=
                pair[1].saturating_sub(pair[0]) as f64 * self.nanoseconds_per_tick * 1e-6;
        }
        Ok(())
    }

    /// Milliseconds per stage since the last call, by name.
    pub fn take(&mut self) -> BTreeMap<&'static str, f64> {
        std::mem::take(&mut self.totals)
    }
}
