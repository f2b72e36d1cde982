//! Steps that were submitted and not yet looked at.
//!
//! Each step copies its counters (and sometimes its loss) into a small buffer of its own; the host
//! reads the oldest one when the queue is as long as it may get, so it never waits for the newest.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::gpu::layout::counter;
use crate::gpu::{Buf, Gpu, Pass};

/// How many steps the host may be ahead of the device.
const AHEAD: usize = 3;
/// The loss is read back this often: often enough for a progress bar.
const LOSS_EVERY: u64 = 10;

/// What is known of a submitted step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) step: u64,
    pub(super) pixels: u64,
}

/// What a finished step reports.
pub(super) struct Landed {
    pub(super) flight: Flight,
    pub(super) counters: Vec<u32>,
    pub(super) loss_parts: Option<Vec<f32>>,
}

struct Aloft {
    flight: Flight,
    submission: wgpu::SubmissionIndex,
    counters: wgpu::Buffer,
    loss: Option<wgpu::Buffer>,
}

pub(super) struct Flights {
    aloft: VecDeque<Aloft>,
    free: Vec<wgpu::Buffer>,
}

fn staging(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("step report"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

const COUNTER_BYTES: u64 = counter::COUNT as u64 * 4;

impl Flights {
    pub(super) fn new(gpu: &Gpu) -> Self {
        Flights { aloft: VecDeque::new(), free: (0..=AHEAD).map(|_| staging(gpu, COUNTER_BYTES)).collect() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.aloft.len() >= AHEAD
    }

    pub(super) fn is_empty(&self) -> bool {
        self.aloft.is_empty()
    }

    /// Submits a step together with the copies of its report.
    pub(super) fn depart(&mut self, mut pass: Pass<'_>, flight: Flight, counters: &Buf<u32>, loss_parts: &Buf<f32>) {
        let gpu = pass.gpu();
        let report = self.free.pop().unwrap_or_else(|| staging(gpu, COUNTER_BYTES));
        pass.copy_raw(counters.raw(), &report, COUNTER_BYTES);
        let loss = flight.step.is_multiple_of(LOSS_EVERY).then(|| {
            let bytes = loss_parts.len() * 4;
            let buffer = staging(gpu, bytes);
            pass.copy_raw(loss_parts.raw(), &buffer, bytes);
            buffer
        });
        let submission = pass.submit();
        for buffer in std::iter::once(&report).chain(&loss) {
            buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        }
        self.aloft.push_back(Aloft { flight, submission, counters: report, loss });
    }

    /// Waits for the oldest step; `None` when there is none.
    pub(super) fn land(&mut self, gpu: &Gpu) -> Result<Option<Landed>> {
        let Some(aloft) = self.aloft.pop_front() else { return Ok(None) };
        gpu.wait_for(Some(aloft.submission))?;
        let counters = mapped(&aloft.counters)?;
        aloft.counters.unmap();
        self.free.push(aloft.counters);
        let loss_parts = aloft.loss.as_ref().map(mapped).transpose()?;
        Ok(Some(Landed { flight: aloft.flight, counters, loss_parts }))
    }
}

fn mapped<T: bytemuck::Pod>(buffer: &wgpu::Buffer) -> Result<Vec<T>> {
    let view = buffer
        .get_mapped_range(..)
        .map_err(|source| Error::DeviceLost { problem: format!("could not read a step's report: {source}") })?;
    Ok(bytemuck::pod_collect_to_vec(&view))
}
