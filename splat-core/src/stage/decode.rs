//! From columns to splats: every coded column is decoded here, and nobody else knows of codecs. Plain columns are their
//! own decoding: the splats alias them, and no copy exists.

use super::{Frame, Splats, Stage};
use crate::codec::{Codec, decode, decode_bwd};
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

/// How the geometric columns are stored.
#[derive(Clone, Debug, Default)]
pub struct DecodeCodecs {
    /// Quaternions.
    pub quats: Codec,
    /// Log-scales.
    pub log_scales: Codec,
    /// Opacity logits.
    pub opacity_logits: Codec,
}

/// The decode stage.
#[derive(Clone, Debug)]
pub struct Decode {
    /// Learning rates of its columns.
    pub rates: DecodeRates,
    /// How they are stored.
    pub codecs: DecodeCodecs,
}

fn all(_: &Phase, width: u32) -> u32 {
    width
}

impl Stage for Decode {
    fn name(&self) -> &'static str {
        "decode"
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let Self { rates, codecs } = self;
        let column = |name, width, codec: &Codec, rate, dense| ColumnSpec {
            name,
            width: codec.stored_width(width),
            codec: codec.clone(),
            rate,
            active: all,
            every: 1,
            dense,
            head: false,
            shrink: 0.0,
        };
        vec![
            column("means", 3, &Codec::Plain, rates.means, false),
            column("quats", 4, &codecs.quats, rates.quats, false),
            column("log_scales", 3, &codecs.log_scales, rates.log_scales, rates.regularized),
            column("opacity_logits", 1, &codecs.opacity_logits, rates.opacity_logits, rates.regularized),
        ]
    }

    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        decode(pass, params, &frame.phase);
        let values = |name| params.column(name).decoded(&frame.phase).clone();
        frame.splats = Some(Splats {
            means: values("means"),
            quats: values("quats"),
            log_scales: values("log_scales"),
            opacity_logits: values("opacity_logits"),
        });
        if params.column("means").training.is_some() {
            let grads = |name| params.column(name).decoded_grads().clone();
            frame.grad_splats = Some(Splats {
                means: grads("means"),
                quats: grads("quats"),
                log_scales: grads("log_scales"),
                opacity_logits: grads("opacity_logits"),
            });
        }
    }

    // Gradients of plain columns are those of the splats already.
    fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        decode_bwd(pass, params, &frame.phase, frame.scratch);
    }
}
