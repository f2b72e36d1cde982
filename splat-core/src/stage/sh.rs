//! View-dependent colour from spherical harmonics [Kerbl 2023, §4].

use super::{Frame, Stage};
use crate::codec::Codec;
use crate::gpu::Pass;
use crate::parallel::{ROWS_PER_THREAD, for_each_part};
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
    /// Whether `shN` is packed instead, a byte per coefficient: to be looked at only.
    pub packed: bool,
}

/// Words per splat of packed coefficients: a byte each, and two for their scale.
const fn packed_words(degree: u32) -> u32 {
    (3 * sh_rows(degree) + 2).div_ceil(4)
}

/// Coefficients of `shN` as 8-bit multiples of a scale of each splat, which fills the upper half of its last word as the
/// upper half of an `f32`: a fourth of the memory, each splat to within 1/254 of its largest coefficient.
pub(crate) fn pack(values: &[f32], degree: u32) -> Vec<u32> {
    let (width, words) = (3 * sh_rows(degree) as usize, packed_words(degree) as usize);
    if width == 0 {
        return Vec::new();
    }
    let mut packed = vec![0_u32; values.len() / width * words];
    for_each_part(&mut packed, words, ROWS_PER_THREAD, |first, part| {
        for (packed, values) in part.chunks_exact_mut(words).zip(values[first * width..].chunks_exact(width)) {
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            // Rounded up, so that no coefficient exceeds it.
            let scale = largest.to_bits().saturating_add(0xffff) & 0xffff_0000;
            let steps = if scale == 0 { 0.0 } else { 127.0 / f32::from_bits(scale) };
            for (word, values) in packed.iter_mut().zip(values.chunks(4)) {
                let byte = |value: &f32| u32::from((value * steps).round() as i8 as u8);
                *word = values.iter().zip(0..).fold(0, |word, (value, at)| word | byte(value) << (8 * at));
            }
            packed[words - 1] |= scale;
        }
    });
    packed
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
        Sh { degree, sh0_rate, shn_rate, every, sh0_codec: Codec::Plain, shn_codec: Codec::Plain, packed: false }
    }

    /// Colour that is only looked at.
    pub fn packed(degree: u32) -> Self {
        let still = Rate::constant(0.0);
        Sh { packed: true, ..Sh::plain(degree, still, still, 1) }
    }

    fn constants(&self, frame: &Frame<'_>) -> [(&'static str, u32); 2] {
        let stride = if self.packed { packed_words(self.degree) } else { 3 * sh_rows(self.degree) };
        [("SH_ROWS", sh_rows(frame.phase.sh_degree.min(self.degree))), ("SH_STRIDE", stride)]
    }

    fn stored_width(&self) -> u32 {
        if self.packed { packed_words(self.degree) } else { self.shn_codec.stored_width(3 * sh_rows(self.degree)) }
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
                width: self.stored_width(),
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
        let [rows, stride] = self.constants(frame);
        let kernel = pass.gpu().kernel("sh/sh", &[rows, stride, ("SH_PACKED", u32::from(self.packed))]);
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
        debug_assert!(!self.packed, "what is packed has no gradient");
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

#[cfg(test)]
mod tests {
    use super::{pack, sh_rows};

    #[test]
    fn packed_coefficients_are_near_their_own() {
        for degree in 1..=3 {
            let width = 3 * sh_rows(degree) as usize;
            let value = |i: usize| ((i * 37 % 101) as f32 / 50.0 - 1.0) * if i < width { 1e-6 } else { 3.0 };
            let values: Vec<f32> = (0..2 * width).map(value).chain(vec![0.0; width]).collect();
            let packed = pack(&values, degree);
            let words = packed.len() / 3;
            for (packed, values) in packed.chunks_exact(words).zip(values.chunks_exact(width)) {
                let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                let scale = f32::from_bits(packed[words - 1] & 0xffff_0000);
                for (j, value) in values.iter().enumerate() {
                    let byte = (packed[j / 4] >> (8 * (j % 4))) as u8 as i8;
                    let back = f32::from(byte) / 127.0 * scale;
                    assert!((back - value).abs() <= 1.01 * largest / 254.0, "degree {degree}: {value} became {back}");
                }
            }
        }
        assert!(pack(&[], 0).is_empty());
    }
}
