//! Splats that move: residuals of position, rotation and colour as functions of time, and a window in which each splat
//! is seen [Lin 2024, Gaussian-Flow; Wang 2025, FreeTimeGS].
//!
//! The stage stands between decoding and the rasterizer: it replaces the splats by those at the time of the view, and
//! adds their gradients to those of the trained splats and of the motion. Nobody else knows of time.

use std::sync::Arc;

use super::{Frame, Scratch, Splats, Stage};
use crate::codec::Codec;
use crate::gpu::layout::FrameUniform;
use crate::gpu::{Binding, Gpu, Pass};
use crate::params::{ChunkRange, ColumnSpec, Params, ROW_BLOCK, RowBuf};
use crate::scene::{Motion, MotionColumn, TimeBasis};
use crate::schedule::{Phase, Rate};

/// Learning rates of motion.
#[derive(Clone, Copy, Debug)]
pub struct FlowRates {
    /// Of coefficients of positions, in world units.
    pub means: Rate,
    /// Of coefficients of rotations.
    pub quats: Rate,
    /// Of coefficients of colours.
    pub sh0: Rate,
    /// Of the logarithm of each splat's speed.
    pub dilations: Rate,
    /// Of the windows in which splats are seen.
    pub lifetimes: Rate,
}

impl FlowRates {
    /// One rate for all columns.
    pub fn all(rate: Rate) -> Self {
        FlowRates { means: rate, quats: rate, sh0: rate, dilations: rate, lifetimes: rate }
    }
}

/// The flow stage.
#[derive(Clone, Debug)]
pub struct Flow {
    /// How motion is described.
    pub motion: Motion,
    /// Learning rates.
    pub rates: FlowRates,
    /// What coefficients are drawn to zero by, in shares of their learning rate ([`ColumnSpec::shrink`]).
    pub still: f32,
    /// When splats come to rest that hardly move; `None` for never.
    pub rest: Option<RestRule>,
}

/// When splats come to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestRule {
    /// Share of the run from which it is looked at.
    pub after: f64,
    /// Steps from one look to the next; there is one after the last step, too.
    pub every: u64,
    /// Most pixels they move in any photo.
    pub pixels: f64,
}

/// Functions of time up to which a kernel is written out; it has a loop for more.
const MOST_WRITTEN_OUT: u32 = 32;

/// Blocks of rows that an invocation works through on CPUs, to read memory in long streams.
const BLOCKS_SERIAL: u64 = 16;

/// Splats at the time of a view, and their gradients, which are zero between steps.
struct Moved {
    splats: Splats,
    sh0: RowBuf<f32>,
    grads: Option<(Splats, RowBuf<f32>)>,
}

impl Moved {
    fn of(scratch: &Scratch, gpu: &Gpu, params: &Params) -> Arc<Self> {
        scratch.own.get_or_make(|| {
            let (rows, rows_per_chunk) = (scratch.capacity.rows, params.rows_per_chunk());
            let new = |label, width| RowBuf::new(gpu, label, rows, width, rows_per_chunk);
            // Scales do not move.
            let splats = || Splats {
                means: new("moved means", 3),
                quats: new("moved quats", 4),
                log_scales: RowBuf::new(gpu, "no scales", 0, 3, rows_per_chunk),
                opacity_logits: new("moved opacities", 1),
            };
            let grads = scratch.capacity.trains.then(|| (splats(), new("moved sh0", 3)));
            Moved { splats: splats(), sh0: new("moved sh0", 3), grads }
        })
    }
}

/// One attribute that moves.
struct Moving {
    base: &'static str,
    column: &'static str,
    width: u32,
    basis: TimeBasis,
}

fn once_moving(phase: &Phase, width: u32) -> u32 {
    if phase.step >= phase.motion_from { width } else { 0 }
}

impl Flow {
    fn moving(&self) -> Vec<Moving> {
        let moving = |column: MotionColumn| {
            let (base, basis) = column.moves?;
            Some(Moving { base, column: column.name, width: column.width / basis.terms(), basis })
        };
        self.motion.columns().into_iter().filter_map(moving).collect()
    }

    fn constants(&self, moving: &Moving) -> [(&'static str, u32); 6] {
        let (poly, fourier, keys) = match moving.basis {
            TimeBasis::Flow { poly, fourier } => (poly, fourier, 0),
            TimeBasis::Keyframes(count) => (0, 0, count),
        };
        [
            ("POLY", poly),
            ("FOURIER", fourier),
            ("KEYS", keys),
            ("TERMS", moving.basis.terms()),
            ("WIDTH", moving.width),
            ("DILATES", u32::from(self.motion.dilates)),
        ]
    }

    /// Moves the rows of one attribute in one chunk: base, coefficients, where the result goes.
    fn run_move(
        &self,
        pass: &mut Pass<'_>,
        params: &Params,
        frame: &Frame<'_>,
        moving: &Moving,
        chunk: &ChunkRange,
        [base, coefficients, moved]: [Binding<'_>; 3],
    ) {
        let (gpu, rows, uniform) = (pass.gpu(), u64::from(chunk.rows), frame.uniform_for(chunk));
        let mut constants = self.constants(moving).to_vec();
        let mut buffers = vec![("base", base), ("coefficients", coefficients), ("moved", moved)];
        if !self.motion.dilates && moving.basis.terms() <= MOST_WRITTEN_OUT {
            constants.push(("VECTORS", moving.width * moving.basis.terms()));
            let kernel = gpu.kernel("flow/move_block", &constants);
            return kernel.run(pass, block_groups(gpu, rows), &uniform, &buffers);
        }
        let dilations = match self.motion.dilates {
            true => params.column(Motion::DILATIONS).values.bind(chunk),
            false => frame.scratch.spare.bind(),
        };
        buffers.push(("dilations", dilations));
        gpu.kernel("flow/move", &constants).run(pass, gpu.profile().flat_groups(rows), &uniform, &buffers);
    }

    fn rate_of(&self, column: &str) -> Rate {
        match column {
            "flow_means" => self.rates.means,
            "flow_quats" => self.rates.quats,
            "flow_sh0" => self.rates.sh0,
            Motion::DILATIONS => self.rates.dilations,
            _ => self.rates.lifetimes,
        }
    }
}

/// The buffer of an attribute.
fn part<'a>(splats: &'a Splats, sh0: &'a RowBuf<f32>, base: &str) -> &'a RowBuf<f32> {
    match base {
        "means" => &splats.means,
        "quats" => &splats.quats,
        _ => sh0,
    }
}

/// Workgroups for a kernel over blocks of rows.
fn block_groups(gpu: &Gpu, rows: u64) -> u32 {
    let each = if gpu.profile().serial_lanes { BLOCKS_SERIAL } else { 1 };
    gpu.profile().flat_groups(rows.div_ceil(ROW_BLOCK * each))
}

/// The uniform block for one chunk of rows, of which the first have values in a column of the head.
fn with_head(frame: &Frame<'_>, chunk: &ChunkRange, column: &RowBuf<f32>) -> FrameUniform {
    let mut uniform = frame.uniform_for(chunk);
    uniform.head = column.rows_in(chunk);
    uniform
}

impl Stage for Flow {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let column = |column: MotionColumn| ColumnSpec {
            name: column.name,
            width: column.width,
            codec: Codec::Plain,
            rate: self.rate_of(column.name),
            active: once_moving,
            every: 1,
            dense: false,
            head: true,
            shrink: self.still,
        };
        self.motion.columns().into_iter().map(column).collect()
    }

    fn motion(&self) -> Option<Motion> {
        Some(self.motion)
    }

    fn rest_tolerance(&self, phase: &Phase) -> Option<f64> {
        let RestRule { after, every, pixels } = self.rest?;
        let begins = phase.step as f64 >= after * phase.steps as f64 && phase.step >= phase.motion_from;
        let is_due = phase.step.is_multiple_of(every.max(1)) || phase.step == phase.steps;
        (begins && is_due).then_some(pixels)
    }

    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        let gpu = pass.gpu();
        let scratch = frame.scratch;
        let moved = Moved::of(scratch, gpu, params);
        let trained = frame.splats().clone();
        let trained_sh0 = params.column("sh0").decoded(&frame.phase);
        let mut now = trained.clone();
        for moving in self.moving() {
            pass.stage("flow.move");
            let (from, to) = (part(&trained, trained_sh0, moving.base), part(&moved.splats, &moved.sh0, moving.base));
            let column = params.column(moving.column);
            let coefficients = column.decoded(&frame.phase);
            for chunk in params.chunks_of(column) {
                let (base, coefficients, moved) = (from.bind(&chunk), coefficients.bind(&chunk), to.bind(&chunk));
                self.run_move(pass, params, frame, &moving, &chunk, [base, coefficients, moved]);
            }
            // What rests is copied, which is far cheaper than a kernel; and last, as kernels end with a whole block.
            from.copy_from_row(pass, to, column.values.rows());
            match moving.base {
                "means" => now.means = to.clone(),
                "quats" => now.quats = to.clone(),
                _ => frame.sh0 = Some(to.clone()),
            }
        }
        if self.motion.fades {
            pass.stage("flow.fade");
            let kernel = gpu.kernel("flow/fade", &[]);
            let column = params.column(Motion::LIFETIMES);
            let lifetimes = column.decoded(&frame.phase);
            for chunk in params.chunks_of(column) {
                kernel.run(
                    pass,
                    block_groups(gpu, chunk.rows.into()),
                    &frame.uniform_for(&chunk),
                    &[
                        ("opacity_logits", trained.opacity_logits.bind(&chunk)),
                        ("lifetimes", lifetimes.bind(&chunk)),
                        ("faded", moved.splats.opacity_logits.bind(&chunk)),
                    ],
                );
            }
            trained.opacity_logits.copy_from_row(pass, &moved.splats.opacity_logits, column.values.rows());
            now.opacity_logits = moved.splats.opacity_logits.clone();
        }
        if let (Some(trained), Some((grads, grad_sh0))) = (&frame.grad_splats, &moved.grads) {
            let mut grad_now = trained.clone();
            for moving in self.moving() {
                match moving.base {
                    "means" => grad_now.means = grads.means.clone(),
                    "quats" => grad_now.quats = grads.quats.clone(),
                    _ => frame.grad_sh0 = Some(grad_sh0.clone()),
                }
            }
            if self.motion.fades {
                grad_now.opacity_logits = grads.opacity_logits.clone();
            }
            frame.grad_splats = Some(grad_now);
        }
        frame.splats = Some(now);
    }

    fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        let gpu = pass.gpu();
        let scratch = frame.scratch;
        let moved = Moved::of(scratch, gpu, params);
        let Some((grads, grad_sh0)) = &moved.grads else { return };
        let spare = &scratch.spare;
        for moving in self.moving() {
            pass.stage("flow.move_bwd");
            let kernel = gpu.kernel("flow/move_bwd", &self.constants(&moving));
            for chunk in params.chunks() {
                let (dilations, grad_dilations) = if self.motion.dilates {
                    let column = params.column(Motion::DILATIONS);
                    (column.values.bind_head(&chunk), column.grads().bind_head(&chunk))
                } else {
                    (spare.bind(), scratch.spare_written.bind())
                };
                let column = params.column(moving.column);
                let coefficients = column.decoded(&frame.phase);
                kernel.run(
                    pass,
                    frame.row_groups(gpu),
                    &with_head(frame, &chunk, coefficients),
                    &[
                        ("order", scratch.order.bind()),
                        ("coefficients", coefficients.bind_head(&chunk)),
                        ("dilations", dilations),
                        ("grad_moved", part(grads, grad_sh0, moving.base).bind(&chunk)),
                        ("grad_base", params.column(moving.base).decoded_grads().bind(&chunk)),
                        ("grad_coefficients", column.decoded_grads().bind_head(&chunk)),
                        ("grad_dilations", grad_dilations),
                    ],
                );
            }
        }
        if self.motion.fades {
            pass.stage("flow.fade_bwd");
            let kernel = gpu.kernel("flow/fade_bwd", &[]);
            let column = params.column(Motion::LIFETIMES);
            let lifetimes = column.decoded(&frame.phase);
            for chunk in params.chunks() {
                kernel.run(
                    pass,
                    frame.row_groups(gpu),
                    &with_head(frame, &chunk, lifetimes),
                    &[
                        ("order", scratch.order.bind()),
                        ("opacity_logits", params.column("opacity_logits").decoded(&frame.phase).bind(&chunk)),
                        ("lifetimes", lifetimes.bind_head(&chunk)),
                        ("grad_faded", grads.opacity_logits.bind(&chunk)),
                        ("grad_opacity_logits", params.column("opacity_logits").decoded_grads().bind(&chunk)),
                        ("grad_lifetimes", column.decoded_grads().bind_head(&chunk)),
                    ],
                );
            }
        }
    }
}
