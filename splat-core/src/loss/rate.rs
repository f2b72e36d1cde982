//! Pressure on coded columns to take few bits: weight × mean bits per splat (see the card of `loss/rate.wgsl`).

use bytemuck::{Pod, Zeroable};

use super::Loss;
use crate::codec::Codec;
use crate::gpu::Pass;
use crate::params::Params;
use crate::schedule::Rounding;
use crate::stage::Frame;

/// The rate loss on all coded columns, once they are rounded.
#[derive(Clone, Copy, Debug)]
pub struct RateLoss {
    /// Weight of the mean number of bits per splat.
    pub weight: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RateUniform {
    rows: [u32; 4],
    weight: f32,
    _pad: [u32; 3],
}

impl Loss for RateLoss {
    fn name(&self) -> &'static str {
        "rate"
    }

    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        pass.stage("loss.rate");
        let gpu = pass.gpu();
        for column in params.columns() {
            let (spec, Some(coded)) = (&column.spec, &column.coded) else { continue };
            let is_due = frame.phase.step.is_multiple_of(u64::from(spec.every));
            if !is_due || frame.phase.rounding(spec.every) == Rounding::Off {
                continue;
            }
            let steps = u32::from(matches!(spec.codec, Codec::Steps(_)));
            let kernel = gpu.kernel("loss/rate", &[("WIDTH", spec.width), ("STEPS", steps)]);
            let (table, stats) = coded.table_and_stats();
            for chunk in params.chunks_of(column) {
                let uniform = RateUniform {
                    rows: [chunk.first, chunk.rows, params.rows() as u32, spec.width],
                    weight: self.weight / params.rows() as f32,
                    _pad: [0; 3],
                };
                kernel.run(
                    pass,
                    gpu.profile().flat_groups(params.rows()),
                    &uniform,
                    &[
                        ("order", frame.scratch.order.bind()),
                        ("values", column.values.bind(&chunk)),
                        ("table", table.bind()),
                        ("stats", stats.bind()),
                        ("grads", column.grads().bind(&chunk)),
                    ],
                );
            }
        }
    }
}
