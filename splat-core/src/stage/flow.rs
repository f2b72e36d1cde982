//! Splats that move: residuals of position, rotation and colour as functions of time, and a window in which each splat
//! is seen [Lin 2024, Gaussian-Flow; Wang 2025, FreeTimeGS].
//!
//! The stage stands between decoding and the rasterizer: it replaces the splats by those at the time of the view, and
//! adds their gradients to those of the trained splats and of the motion. Nobody else knows of time.

use std::sync::OnceLock;

use super::{Frame, Splats, Stage};
use crate::gpu::{Gpu, Pass};
use crate::params::{ColumnSpec, Params, RowBuf};
use crate::schedule::{Phase, Rate};

/// Functions of time that motion is composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBasis {
    /// Powers of time and Fourier terms [Lin 2024, Gaussian-Flow].
    Flow {
        /// Highest power.
        poly: u32,
        /// Sines and cosines, each so many.
        fourier: u32,
    },
    /// Linear interpolation between so many keyframes, at least two.
    Keyframes(u32),
}

impl TimeBasis {
    /// Coefficients per value.
    pub fn terms(self) -> u32 {
        match self {
            TimeBasis::Flow { poly, fourier } => poly + 2 * fourier,
            TimeBasis::Keyframes(count) => count,
        }
    }

    fn constants(self) -> [(&'static str, u32); 4] {
        let (poly, fourier, keys) = match self {
            TimeBasis::Flow { poly, fourier } => (poly, fourier, 0),
            TimeBasis::Keyframes(count) => (0, 0, count),
        };
        [("POLY", poly), ("FOURIER", fourier), ("KEYS", keys), ("TERMS", self.terms())]
    }
}

/// How motion is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// Of positions.
    pub means: TimeBasis,
    /// Of rotations, added before normalizing.
    pub quats: TimeBasis,
    /// Of view-independent colour.
    pub sh0: TimeBasis,
    /// Whether each splat has a speed of its own.
    pub dilates: bool,
    /// Whether splats may appear and vanish.
    pub fades: bool,
}

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

/// The flow stage.
#[derive(Clone, Debug)]
pub struct Flow {
    /// How motion is described.
    pub motion: Motion,
    /// Learning rates.
    pub rates: FlowRates,
}

/// Splats at the time of a view, and their gradients, which are zero between steps.
pub(crate) struct Moved {
    splats: Splats,
    sh0: RowBuf<f32>,
    grads: Option<(Splats, RowBuf<f32>)>,
}

/// Where a scratch keeps them: made when a model with a flow stage first needs them.
#[derive(Default)]
pub(crate) struct MovedCell(OnceLock<Moved>);

impl MovedCell {
    fn get(&self, gpu: &Gpu, rows: u64, rows_per_chunk: u64, trains: bool) -> &Moved {
        self.0.get_or_init(|| {
            let new = |label, width| RowBuf::new(gpu, label, rows, width, rows_per_chunk);
            let splats = |log_scales: RowBuf<f32>| Splats {
                means: new("moved means", 3),
                quats: new("moved quats", 4),
                log_scales,
                opacity_logits: new("moved opacities", 1),
            };
            // Scales do not move.
            let none = || RowBuf::new(gpu, "no scales", 0, 3, rows_per_chunk);
            let grads = trains.then(|| (splats(none()), new("moved sh0", 3)));
            Moved { splats: splats(none()), sh0: new("moved sh0", 3), grads }
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

const DILATIONS: &str = "flow_dilations";
const LIFETIMES: &str = "flow_lifetimes";

fn all(_: &Phase, width: u32) -> u32 {
    width
}

impl Flow {
    fn moving(&self) -> impl Iterator<Item = Moving> {
        let Motion { means, quats, sh0, .. } = self.motion;
        [
            Moving { base: "means", column: "flow_means", width: 3, basis: means },
            Moving { base: "quats", column: "flow_quats", width: 4, basis: quats },
            Moving { base: "sh0", column: "flow_sh0", width: 3, basis: sh0 },
        ]
        .into_iter()
        .filter(|moving| moving.basis.terms() > 0)
    }

    fn constants(&self, moving: &Moving) -> [(&'static str, u32); 6] {
        let [poly, fourier, keys, terms] = moving.basis.constants();
        [poly, fourier, keys, terms, ("WIDTH", moving.width), ("DILATES", u32::from(self.motion.dilates))]
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

impl Stage for Flow {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let column = |name, width, rate| ColumnSpec {
            name,
            width,
            codec: crate::codec::Codec::Plain,
            rate,
            active: all,
            every: 1,
            dense: false,
        };
        let rate = |moving: &Moving| match moving.base {
            "means" => self.rates.means,
            "quats" => self.rates.quats,
            _ => self.rates.sh0,
        };
        let moving =
            self.moving().map(|moving| column(moving.column, moving.width * moving.basis.terms(), rate(&moving)));
        let dilations = self.motion.dilates.then(|| column(DILATIONS, 1, self.rates.dilations));
        let lifetimes = self.motion.fades.then(|| column(LIFETIMES, 2, self.rates.lifetimes));
        moving.chain(dilations).chain(lifetimes).collect()
    }

    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        let gpu = pass.gpu();
        let scratch = frame.scratch;
        let moved = scratch.moved.get(gpu, scratch.capacity.rows, params.rows_per_chunk(), scratch.capacity.trains);
        let trained = frame.splats().clone();
        let trained_sh0 = params.column("sh0").decoded(&frame.phase);
        let mut now = trained.clone();
        for moving in self.moving() {
            pass.stage("flow.move");
            let kernel = gpu.kernel("flow/move", &self.constants(&moving));
            let to = part(&moved.splats, &moved.sh0, moving.base);
            for chunk in params.chunks() {
                let spare = scratch.spare.bind();
                let dilations = if self.motion.dilates { params.column(DILATIONS).values.bind(&chunk) } else { spare };
                kernel.run(
                    pass,
                    gpu.profile().flat_groups(u64::from(chunk.rows)),
                    &frame.uniform_for(&chunk),
                    &[
                        ("base", part(&trained, trained_sh0, moving.base).bind(&chunk)),
                        ("coefficients", params.column(moving.column).decoded(&frame.phase).bind(&chunk)),
                        ("dilations", dilations),
                        ("moved", to.bind(&chunk)),
                    ],
                );
            }
            match moving.base {
                "means" => now.means = to.clone(),
                "quats" => now.quats = to.clone(),
                _ => frame.sh0 = Some(to.clone()),
            }
        }
        if self.motion.fades {
            pass.stage("flow.fade");
            let kernel = gpu.kernel("flow/fade", &[]);
            for chunk in params.chunks() {
                kernel.run(
                    pass,
                    gpu.profile().flat_groups(u64::from(chunk.rows)),
                    &frame.uniform_for(&chunk),
                    &[
                        ("opacity_logits", trained.opacity_logits.bind(&chunk)),
                        ("lifetimes", params.column(LIFETIMES).decoded(&frame.phase).bind(&chunk)),
                        ("faded", moved.splats.opacity_logits.bind(&chunk)),
                    ],
                );
            }
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
        let moved = scratch.moved.get(gpu, scratch.capacity.rows, params.rows_per_chunk(), true);
        let Some((grads, grad_sh0)) = &moved.grads else { return };
        let spare = &scratch.spare;
        for moving in self.moving() {
            pass.stage("flow.move_bwd");
            let kernel = gpu.kernel("flow/move_bwd", &self.constants(&moving));
            for chunk in params.chunks() {
                let (dilations, grad_dilations) = if self.motion.dilates {
                    let column = params.column(DILATIONS);
                    (column.values.bind(&chunk), column.grads().bind(&chunk))
                } else {
                    (spare.bind(), scratch.spare_written.bind())
                };
                kernel.run(
                    pass,
                    frame.row_groups(gpu),
                    &frame.uniform_for(&chunk),
                    &[
                        ("order", scratch.order.bind()),
                        ("coefficients", params.column(moving.column).decoded(&frame.phase).bind(&chunk)),
                        ("dilations", dilations),
                        ("grad_moved", part(grads, grad_sh0, moving.base).bind(&chunk)),
                        ("grad_base", params.column(moving.base).decoded_grads().bind(&chunk)),
                        ("grad_coefficients", params.column(moving.column).decoded_grads().bind(&chunk)),
                        ("grad_dilations", grad_dilations),
                    ],
                );
            }
        }
        if self.motion.fades {
            pass.stage("flow.fade_bwd");
            let kernel = gpu.kernel("flow/fade_bwd", &[]);
            for chunk in params.chunks() {
                kernel.run(
                    pass,
                    frame.row_groups(gpu),
                    &frame.uniform_for(&chunk),
                    &[
                        ("order", scratch.order.bind()),
                        ("opacity_logits", params.column("opacity_logits").decoded(&frame.phase).bind(&chunk)),
                        ("lifetimes", params.column(LIFETIMES).decoded(&frame.phase).bind(&chunk)),
                        ("grad_faded", grads.opacity_logits.bind(&chunk)),
                        ("grad_opacity_logits", params.column("opacity_logits").decoded_grads().bind(&chunk)),
                        ("grad_lifetimes", params.column(LIFETIMES).decoded_grads().bind(&chunk)),
                    ],
                );
            }
        }
    }
}
