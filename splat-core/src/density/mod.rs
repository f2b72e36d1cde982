//! Density control: where splats multiply, where they disappear.
//!
//! A [`Density`] looks at a snapshot of the population ([`Rows`], [`Scores`]) and answers with a
//! [`RowEdit`]: every new row names the old row it copies, plus a few values written over the
//! copies. It never touches the GPU; the trainer reads the snapshot back, applies the edit to all
//! columns and their Adam moments, and clears the scores. All randomness is counter-based
//! ([`rng`]), so equal inputs give equal edits.
//!
//! [`adc`] is the original recipe [Kerbl 2023], [`mcmc`] relocation under a cap [Kheradmand 2024],
//! [`budget`] the default; [`influence`] goes around any of them and removes what the views see least of.

pub mod adc;
pub mod budget;
pub mod influence;
pub mod mcmc;
mod observe;
mod population;
pub mod rng;
mod sample;
#[cfg(test)]
mod testing;

pub use crate::params::{ColumnWrite, RowEdit};
pub use observe::{Observation, Observed, wander};

/// The columns density control reads and writes, with their widths.
pub const COLUMNS: [(&str, usize); 4] = [(MEANS, 3), ("quats", 4), (LOG_SCALES, 3), (OPACITY_LOGITS, 1)];

/// Width of a column density control may write.
pub fn column_width(name: &str) -> Option<usize> {
    COLUMNS.into_iter().find(|(known, _)| *known == name).map(|(_, width)| width)
}

const MEANS: &str = "means";
const LOG_SCALES: &str = "log_scales";
const OPACITY_LOGITS: &str = "opacity_logits";

/// Geometry of all splats, as stored.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Centres in world space. `[N * 3]`
    pub means: &'a [f32],
    /// Rotations (w, x, y, z) of any length. `[N * 4]`
    pub quats: &'a [f32],
    /// Natural logarithms of the standard deviations. `[N * 3]`
    pub log_scales: &'a [f32],
    /// Opacities before the sigmoid. `[N]`
    pub opacity_logits: &'a [f32],
}

/// What the views said about each splat: the backward passes since the last refinement, and its influence.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a> {
    /// Sum over the views that saw the splat of `|∂L/∂mean2d|`, in NDC units: pixel gradient times
    /// W/2, H/2. `[N]`
    pub grad: &'a [f32],
    /// The same with per-pixel gradients made absolute before summing [Ye 2024, AbsGS]. `[N]`
    pub abs_grad: &'a [f32],
    /// Number of views that saw the splat. `[N]`
    pub count: &'a [u32],
    /// Part of the splat in the pixels of all training views, as they are before the refinement; empty unless
    /// [`Density::needs_influence`]. `[N]` or `[0]`
    pub influence: &'a [f32],
}

/// A rule that changes the population now and then.
pub trait Density: Send {
    /// Whether [`Density::refine`] may act after `step`. The trainer reads the GPU back only then.
    fn is_due(&self, step: u32, steps_total: u32) -> bool;

    /// Whether the view of `step` counts in the scores of the next refinement.
    fn observes(&self, step: u32, steps_total: u32) -> bool;

    /// Whether [`Scores::abs_grad`] is needed, which costs a little in every observed step.
    fn needs_abs_grad(&self) -> bool {
        false
    }

    /// Whether [`Scores::influence`] is needed at `step`, for which all training views are drawn.
    fn needs_influence(&self, step: u32, steps_total: u32) -> bool {
        let _ = (step, steps_total);
        false
    }

    /// Whether the scores of backward passes were not looked at in the refinement of `step` and go on to the next.
    fn keeps_scores(&self, step: u32, steps_total: u32) -> bool {
        let _ = (step, steps_total);
        false
    }

    /// Strength of the wandering of faint splats after `step`, as a multiple of the learning rate of means; 0 for none.
    fn noise(&self, step: u32, steps_total: u32) -> f32 {
        let _ = (step, steps_total);
        0.0
    }

    /// The change to make after `step` (from 1) of `steps_total`, or `None` to leave everything as
    /// it is. `extent` is the radius of the camera positions in world units; with equal `seed` and
    /// inputs the answer is equal.
    ///
    /// # Panics
    /// If the slices of `rows` and `scores` disagree about the number of splats.
    fn refine(
        &self,
        step: u32,
        steps_total: u32,
        rows: &Rows<'_>,
        scores: &Scores<'_>,
        extent: f32,
        seed: u64,
    ) -> Option<RowEdit>;
}

impl Rows<'_> {
    /// Number of splats N.
    pub fn len(&self) -> usize {
        self.opacity_logits.len()
    }

    /// Whether there are no splats.
    pub fn is_empty(&self) -> bool {
        self.opacity_logits.is_empty()
    }

    /// Panics when the columns, or the scores, disagree about N: a bug of the caller.
    fn assert_shapes(&self, scores: &Scores<'_>) {
        let n = self.len();
        let columns = (
            self.means.len(),
            self.quats.len(),
            self.log_scales.len(),
            scores.grad.len(),
            scores.abs_grad.len(),
            scores.count.len(),
        );
        assert_eq!(
            columns,
            (3 * n, 4 * n, 3 * n, n, n, n),
            "density control: lengths of (means, quats, log_scales, grad, abs_grad, count) for \
             {n} opacity_logits"
        );
        let scored = scores.influence.len();
        assert!(scored == 0 || scored == n, "density control: {scored} scores of influence for {n} splats");
    }
}

impl Scores<'_> {
    /// Mean of `sums` per view that saw the splat; 0 for a splat no view saw and for a sum that is
    /// not a number.
    fn per_view(&self, sums: &[f32], row: usize) -> f32 {
        let mean = sums[row] / self.count[row].max(1) as f32;
        if self.count[row] > 0 && mean.is_finite() { mean } else { 0.0 }
    }
}
