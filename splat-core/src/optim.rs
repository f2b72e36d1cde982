//! Adam over columns, on the rows a step has seen, with exact catch-up for the steps a row has missed
//! [Kingma 2015; the series is derived in `shaders/optim/adam.wgsl`].

use bytemuck::{Pod, Zeroable};

use crate::codec::{Coded, learn_decoders};
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::{Column, ColumnSpec, Params};
use crate::schedule::{Phase, Rate};
use crate::stage::Scratch;

/// Decay of the first moment.
pub const BETA1: f64 = 0.9;
/// Decay of the second moment.
pub const BETA2: f64 = 0.999;
/// Keeps the division finite; far below any gradient that matters.
pub const EPSILON: f64 = 1e-15;

/// The optimizer. Moments live in the columns; here is only what follows from the schedule.
#[derive(Debug)]
pub struct Adam {
    steps: u64,
    // A(t) per column, see the card of adam.wgsl.
    drift: Vec<Buf<f32>>,
    // The factor on the rate of columns whose codec has none.
    one: Buf<f32>,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct AdamUniform {
    rows: [u32; 4],
    shrink: f32,
    step: u32,
    rate: f32,
    epsilon: f32,
    beta1: f32,
    beta2: f32,
    log2_beta1: f32,
    log2_beta2: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SettleUniform {
    rows: [u32; 4],
    step: u32,
    log2_beta1: f32,
    log2_beta2: f32,
    _pad: u32,
}

pub(crate) fn bias_correction(step: u64) -> f64 {
    let t = step as f64;
    (1.0 - BETA2.powf(t)).sqrt() / (1.0 - BETA1.powf(t))
}

/// A(t) for t = 0 … updates: how far unit m/√v would still carry a row that is never seen again.
/// Time counts updates, one in every `every` steps of a run of `steps`.
pub fn drift_table(rate: &Rate, steps: u64, every: u32) -> Vec<f32> {
    // Momentum fades by r per update; two hundred updates past the end leave nothing.
    const TAIL: u64 = 200;
    let r = BETA1 / BETA2.sqrt();
    let updates = steps / u64::from(every);
    let mut table = vec![0.0; updates as usize + 1];
    let mut carried = 0.0;
    for t in (0..updates + TAIL).rev() {
        let next = t + 1;
        carried = r * (rate.at(next * u64::from(every), steps) * bias_correction(next) + carried);
        if let Some(entry) = table.get_mut(t as usize) {
            *entry = carried as f32;
        }
    }
    table
}

impl Adam {
    /// Prepares for a run of `steps`.
    pub fn new(gpu: &Gpu, params: &Params, steps: u64) -> Self {
        let table = |spec: &ColumnSpec| Buf::from_slice(gpu, "drift", &drift_table(&spec.rate, steps, spec.every));
        Adam {
            steps,
            drift: params.columns().iter().map(|column| table(&column.spec)).collect(),
            one: Buf::from_slice(gpu, "one", &[1.0]),
        }
    }

    fn factor<'a>(&'a self, column: &'a Column) -> &'a Buf<f32> {
        column.coded.as_ref().map_or(&self.one, Coded::rate_factor)
    }

    /// Records one step on the columns that are due and clears the gradients it used.
    pub fn step(&self, pass: &mut Pass<'_>, params: &Params, phase: &Phase, scratch: &Scratch) {
        pass.stage("optim.adam");
        let gpu = pass.gpu();
        let is_due = |every: u32| phase.step.is_multiple_of(u64::from(every));
        for (column, drift) in params.columns().iter().zip(&self.drift) {
            let spec = &column.spec;
            let Some(training) = &column.training else { continue };
            let active = (spec.active)(phase, spec.width);
            if active == 0 || !is_due(spec.every) {
                continue;
            }
            let pieces = if gpu.profile().serial_lanes { 1 } else { active };
            let kernel = gpu.kernel(
                "optim/adam",
                &[("DENSE", u32::from(spec.dense)), ("PIECES", pieces), ("PIECE", active / pieces)],
            );
            let update = phase.step / u64::from(spec.every);
            for chunk in params.chunks_of(column) {
                let uniform = AdamUniform {
                    rows: [chunk.first, chunk.rows, params.rows() as u32, spec.width],
                    shrink: (f64::from(spec.shrink) * spec.rate.at(phase.step, self.steps)) as f32,
                    step: update as u32,
                    rate: (spec.rate.at(phase.step, self.steps) * bias_correction(update)) as f32,
                    epsilon: (EPSILON * (1.0 - BETA2.powf(update as f64)).sqrt()) as f32,
                    beta1: BETA1 as f32,
                    beta2: BETA2 as f32,
                    log2_beta1: BETA1.log2() as f32,
                    log2_beta2: BETA2.log2() as f32,
                };
                kernel.run(
                    pass,
                    gpu.profile().flat_groups(params.rows() * u64::from(pieces)),
                    &uniform,
                    &[
                        ("order", scratch.order.bind()),
                        ("last_step", params.clock(spec.every).last.bind()),
                        ("drift", drift.bind()),
                        ("factor", self.factor(column).bind()),
                        ("values", column.values.bind(&chunk)),
                        ("grads", training.grads.bind(&chunk)),
                        ("moments", training.moments.bind(&chunk)),
                    ],
                );
            }
        }
        for clock in params.clocks().iter().filter(|clock| is_due(clock.every)) {
            let mark = [params.rows() as u32, phase.step as u32 / clock.every, 0, 0];
            gpu.kernel("optim/adam_mark", &[]).run(
                pass,
                gpu.profile().flat_groups(params.rows()),
                &mark,
                &[("order", scratch.order.bind()), ("last_step", clock.last.bind())],
            );
        }
        for column in params.columns().iter().filter(|column| is_due(column.spec.every)) {
            // Filling a buffer is far cheaper than storing zeros one by one.
            if let Some(training) = &column.training {
                training.grads.clear(pass);
            }
        }
        learn_decoders(pass, params, phase, scratch);
    }

    /// Brings every row up to `step`, as if no step had been skipped.
    pub fn settle(&self, gpu: &Gpu, params: &Params, step: u64) {
        let mut pass = Pass::new(gpu, "optim.adam_settle");
        let kernel = gpu.kernel("optim/adam_settle", &[]);
        for (column, drift) in params.columns().iter().zip(&self.drift) {
            let Some(training) = column.training.as_ref().filter(|_| !column.spec.dense) else { continue };
            for chunk in params.chunks_of(column) {
                let uniform = SettleUniform {
                    rows: [chunk.first, chunk.rows, params.rows() as u32, column.spec.width],
                    step: (step / u64::from(column.spec.every)) as u32,
                    log2_beta1: BETA1.log2() as f32,
                    log2_beta2: BETA2.log2() as f32,
                    _pad: 0,
                };
                kernel.run(
                    &mut pass,
                    gpu.profile().flat_groups(u64::from(chunk.rows) * u64::from(column.spec.width)),
                    &uniform,
                    &[
                        ("last_step", params.clock(column.spec.every).last.bind()),
                        ("drift", drift.bind()),
                        ("factor", self.factor(column).bind()),
                        ("values", column.values.bind(&chunk)),
                        ("moments", training.moments.bind(&chunk)),
                    ],
                );
            }
        }
        pass.submit();
        params.set_clocks(gpu, step);
        params.columns().iter().filter_map(|column| column.coded.as_ref()).for_each(Coded::set_stale);
    }
}
