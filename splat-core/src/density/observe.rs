//! Device-side statistics that density control decides by.

use crate::error::Result;
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::Params;
use crate::stage::Frame;

/// Sums over the views since the last refinement, per row.
#[derive(Debug)]
pub struct Observation {
    // Σ |∂L/∂mean2d|, Σ of absolute sums, views. [N, 3]
    statistics: Buf<f32>,
}

/// Statistics on the host, in the order of rows.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// See [`super::Scores::grad`].
    pub grad: Vec<f32>,
    /// See [`super::Scores::abs_grad`].
    pub abs_grad: Vec<f32>,
    /// See [`super::Scores::count`].
    pub count: Vec<u32>,
}

impl Observed {
    /// The raw statistics of rows that copy the rows `src`, as [`Observation::restore`] takes them.
    pub fn gathered(&self, src: &[u32]) -> Vec<f32> {
        let row = |&row: &u32| {
            let row = row as usize;
            [self.grad[row], self.abs_grad[row], self.count[row] as f32]
        };
        src.iter().flat_map(row).collect()
    }
}

impl Observation {
    /// Statistics of `rows` rows, all zero.
    pub fn new(gpu: &Gpu, rows: u64) -> Self {
        Observation { statistics: Buf::new(gpu, "statistics", 3 * rows) }
    }

    /// Records the addition of this view.
    pub fn add(&self, pass: &mut Pass<'_>, frame: &Frame<'_>) {
        pass.stage("density.observe");
        pass.gpu().kernel("density/observe", &[]).run(
            pass,
            frame.row_groups(pass.gpu()),
            &frame.uniform,
            &[
                ("order", frame.scratch.order.bind()),
                ("sums", frame.scratch.sums.bind()),
                ("statistics", self.statistics.bind()),
            ],
        );
    }

    /// Reads everything back.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn read(&self, gpu: &Gpu) -> Result<Observed> {
        let mut observed = Observed::default();
        for row in self.statistics.read(gpu)?.chunks_exact(3) {
            observed.grad.push(row[0]);
            observed.abs_grad.push(row[1]);
            observed.count.push(row[2] as u32);
        }
        Ok(observed)
    }

    /// The raw statistics, for checkpoints.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn values(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        self.statistics.read(gpu)
    }

    /// Puts raw statistics back.
    pub fn restore(&self, gpu: &Gpu, values: &[f32]) {
        self.statistics.write(gpu, 0, values);
    }
}

/// Records the wandering of faint splats [Kheradmand 2024, eq. 9]; `strength` is in world units.
pub fn wander(pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>, strength: f32, seed: u64) {
    pass.stage("density.noise");
    let kernel = pass.gpu().kernel("density/noise", &[]);
    let column = |name| params.column(name).decoded(&frame.phase);
    for chunk in params.chunks() {
        let uniform = NoiseUniform {
            rows: [chunk.first, chunk.rows, params.rows() as u32, 0],
            seed: (seed ^ (seed >> 32)) as u32,
            step: frame.phase.step as u32,
            strength,
            _pad: 0,
        };
        kernel.run(
            pass,
            pass.gpu().profile().flat_groups(u64::from(chunk.rows)),
            &uniform,
            &[
                ("order", frame.scratch.order.bind()),
                ("quats", column("quats").bind(&chunk)),
                ("log_scales", column("log_scales").bind(&chunk)),
                ("opacity_logits", column("opacity_logits").bind(&chunk)),
                ("means", column("means").bind(&chunk)),
            ],
        );
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct NoiseUniform {
    rows: [u32; 4],
    seed: u32,
    step: u32,
    strength: f32,
    _pad: u32,
}
