//! From columns to splats. Plain columns are their own decoding: the splats alias them, so this
//! stage costs nothing. A codec on a column would decode into a buffer of its own here.

use super::{Frame, Splats, Stage};
use crate::gpu::Pass;
use crate::params::{ColumnSpec, Params};
use crate::schedule::{Phase, Rate};

/// Learning rates of the geometric columns.
#[derive(Clone, Copy, Debug)]
pub struct DecodeRates {
    /// Of means, in world units per step.
    pub means: Rate,
    /// Of log-scales.
    pub log_scales: Rate,
    /// Of quaternions.
    pub quats: Rate,
    /// Of opacity logits.
    pub opacity_logits: Rate,
    /// Whether opacities and scales are also pushed on rows no view shows.
    pub regularized: bool,
}

/// The decode stage.
#[derive(Clone, Copy, Debug)]
pub struct Decode {
    /// Learning rates of its columns.
    pub rates: DecodeRates,
}

fn all(_: &Phase, width: u32) -> u32 {
    width
}

impl Stage for Decode {
    fn name(&self) -> &'static str {
        "decode"
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let column = |name, width, rate, dense| ColumnSpec { name, width, rate, active: all, every: 1, dense };
        vec![
            column("means", 3, self.rates.means, false),
            column("quats", 4, self.rates.quats, false),
            column("log_scales", 3, self.rates.log_scales, self.rates.regularized),
            column("opacity_logits", 1, self.rates.opacity_logits, self.rates.regularized),
        ]
    }

    fn forward(&self, _: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        let values = |name| params.column(name).values.clone();
        frame.splats = Some(Splats {
            means: values("means"),
            quats: values("quats"),
            log_scales: values("log_scales"),
            opacity_logits: values("opacity_logits"),
        });
        if params.column("means").training.is_some() {
            let grads = |name| params.column(name).grads().clone();
            frame.grad_splats = Some(Splats {
                means: grads("means"),
                quats: grads("quats"),
                log_scales: grads("log_scales"),
                opacity_logits: grads("opacity_logits"),
            });
        }
    }

    // The gradients of the splats alias those of the columns.
    fn backward(&self, _: &mut Pass<'_>, _: &Params, _: &mut Frame<'_>) {}
}
