//! View-dependent colour from spherical harmonics [Kerbl 2023, §4].

use super::{Frame, Stage};
use crate::codec::Codec;
use crate::gpu::Pass;
use crate::params::{ColumnSpec, Params};
use crate::schedule::{Phase, Rate};

/// Coefficients per channel above the constant one at a degree.
pub const fn sh_rows(degree: u32) -> u32 {
    (degree + 1) * (degree + 1) - 1
}

/// The SH stage: columns `sh0` [N, 3] and, above degree 0, `shN` [N, rows × 3], coefficient by
/// coefficient with the channels side by side.
#[derive(Clone, Debug)]
pub struct Sh {
    /// Highest degree stored.
    pub degree: u32,
    /// Learning rate of `sh0`.
    pub sh0_rate: Rate,
    /// Learning rate of `shN`, per update.
    pub shn_rate: Rate,
    /// `shN` is updated in every so-many-th step.
    pub every: u32,
    /// How `sh0` is stored.
    pub sh0_codec: Codec,
    /// How `shN` is stored.
    pub shn_codec: Codec,
}

fn all(_: &Phase, width: u32) -> u32 {
    width
}

fn all_when_due(phase: &Phase, width: u32) -> u32 {
    if phase.sh_update { width } else { 0 }
}

fn up_to_degree(phase: &Phase, width: u32) -> u32 {
    if phase.sh_update { (3 * sh_rows(phase.sh_degree)).min(width) } else { 0 }
}

impl Sh {
    /// Colour that is stored as it is used.
    pub fn plain(degree: u32, sh0_rate: Rate, shn_rate: Rate, every: u32) -> Self {
        Sh { degree, sh0_rate, shn_rate, every, sh0_codec: Codec::Plain, shn_codec: Codec::Plain }
    }

    fn constants(&self, frame: &Frame<'_>) -> [(&'static str, u32); 2] {
        [("SH_ROWS", sh_rows(frame.phase.sh_degree.min(self.degree))), ("SH_STRIDE", 3 * sh_rows(self.degree))]
    }

    // Degree 0 has no shN column; kernels then get sh0 in its place and do not touch it.
    fn higher(&self) -> &'static str {
        if self.degree > 0 { "shN" } else { "sh0" }
    }
}

impl Stage for Sh {
    fn name(&self) -> &'static str {
        "sh"
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let mut columns = vec![ColumnSpec {
            name: "sh0",
            width: self.sh0_codec.stored_width(3),
            codec: self.sh0_codec.clone(),
            rate: self.sh0_rate,
            active: all,
            every: 1,
            dense: false,
            head: false,
            shrink: 0.0,
        }];
        if self.degree > 0 {
            columns.push(ColumnSpec {
                name: "shN",
                width: self.shn_codec.stored_width(3 * sh_rows(self.degree)),
                codec: self.shn_codec.clone(),
                rate: self.shn_rate,
                // Every latent has a part in every degree.
                active: if matches!(self.shn_codec, Codec::Linear(_)) { all_when_due } else { up_to_degree },
                every: self.every,
                dense: false,
                head: false,
                shrink: 0.0,
            });
        }
        columns
    }

    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        pass.stage("sh.sh");
        let kernel = pass.gpu().kernel("sh/sh", &self.constants(frame));
        let splats = frame.splats();
        let sh0 = frame.sh0.as_ref().unwrap_or_else(|| params.column("sh0").decoded(&frame.phase));
        for chunk in params.chunks() {
            kernel.run(
                pass,
                pass.gpu().profile().flat_groups(u64::from(chunk.rows)),
                &frame.uniform_for(&chunk),
                &[
                    ("means", splats.means.bind(&chunk)),
                    ("sh0", sh0.bind(&chunk)),
                    ("shN", params.column(self.higher()).decoded(&frame.phase).bind(&chunk)),
                    ("features", frame.scratch.features.bind(&chunk)),
                ],
            );
        }
    }

    fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        pass.stage("sh.sh_bwd");
        let [rows, stride] = self.constants(frame);
        let kernel = pass.gpu().kernel("sh/sh_bwd", &[rows, stride, ("UPDATES", u32::from(frame.phase.sh_update))]);
        let spare = &frame.scratch.spare;
        let grad_sh0 = frame.grad_sh0.as_ref().unwrap_or_else(|| params.column("sh0").decoded_grads());
        for chunk in params.chunks() {
            let grad_shn =
                if self.degree > 0 { params.column("shN").decoded_grads().bind(&chunk) } else { spare.bind() };
            kernel.run(
                pass,
                frame.row_groups(pass.gpu()),
                &frame.uniform_for(&chunk),
                &[
                    ("order", frame.scratch.order.bind()),
                    ("means", frame.splats().means.bind(&chunk)),
                    ("shN", params.column(self.higher()).decoded(&frame.phase).bind(&chunk)),
                    ("features", frame.scratch.features.bind(&chunk)),
                    ("grad_features", frame.scratch.grad_features.bind(&chunk)),
                    ("grad_means", frame.grad_splats().means.bind(&chunk)),
                    ("grad_sh0", grad_sh0.bind(&chunk)),
                    ("grad_shN", grad_shn),
                ],
            );
        }
    }
}
