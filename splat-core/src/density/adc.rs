//! Adaptive density control, the original recipe [Kerbl 2023, section 5]: splats whose projected
//! centre feels a strong gradient are cloned when small and split when large, faint and oversized
//! ones are pruned, opacities are reset now and then. Optionally splits follow absolute gradients
//! [Ye 2024, AbsGS], and a cap limits the population.

use super::population::Population;
use super::rng::Rng;
use super::{Density, RowEdit, Rows, Scores};

/// A split's children are smaller than their parent by this factor.
const SPLIT_SHRINK: f64 = 1.6;

/// Settings of [`Adc`]. Steps count from 1; fractions of the extent refer to the radius of the
/// camera positions.
#[derive(Clone, Debug, PartialEq)]
pub struct AdcSettings {
    /// Densification starts after this step.
    pub start: u32,
    /// Densification and resets end before this step.
    pub stop: u32,
    /// Steps between densifications.
    pub every: u32,
    /// Gradient of the projected mean, per view in NDC units, from which a splat is cloned or
    /// split.
    pub grad_threshold: f32,
    /// If set, splits are decided by the absolute gradient against this threshold instead; AbsGS
    /// uses 4e-4.
    pub abs_grad_threshold: Option<f32>,
    /// Largest scale, as a fraction of the extent, up to which a splat is cloned rather than split.
    pub dense_extent: f32,
    /// Splats with a lower opacity are pruned.
    pub prune_opacity: f32,
    /// Splats with a larger scale, as a fraction of the extent, are pruned.
    pub prune_extent: f32,
    /// Pruning by scale starts after this step.
    pub prune_extent_after: u32,
    /// Steps between opacity resets; 0 for none.
    pub reset_every: u32,
    /// Opacities above this are lowered to it by a reset.
    pub reset_opacity: f32,
    /// Also reset at `start`, as is useful with a white background.
    pub reset_at_start: bool,
    /// Growth stops at this number of splats, those with the highest scores going first.
    pub max_splats: Option<usize>,
}

impl Default for AdcSettings {
    fn default() -> Self {
        Self {
            start: 500,
            stop: 15_000,
            every: 100,
            grad_threshold: 2e-4,
            abs_grad_threshold: None,
            dense_extent: 0.01,
            prune_opacity: 0.005,
            prune_extent: 0.1,
            prune_extent_after: 3000,
            reset_every: 3000,
            reset_opacity: 0.01,
            reset_at_start: false,
            max_splats: None,
        }
    }
}

/// Adaptive density control.
#[derive(Clone, Debug)]
pub struct Adc {
    settings: AdcSettings,
}

/// A splat that wants to multiply.
struct Candidate {
    row: usize,
    /// Score over threshold: comparable between clones and splits.
    urgency: f32,
    split: bool,
}

impl Adc {
    /// The rule with these settings.
    pub fn new(settings: AdcSettings) -> Self {
        Self { settings }
    }

    fn densifies_at(&self, step: u32) -> bool {
        let AdcSettings { start, stop, every, .. } = self.settings;
        start < step && step < stop && step.is_multiple_of(every.max(1))
    }

    fn resets_at(&self, step: u32) -> bool {
        let AdcSettings { start, stop, reset_every, reset_at_start, .. } = self.settings;
        let regular = reset_every > 0 && step > 0 && step.is_multiple_of(reset_every);
        step < stop && (regular || reset_at_start && step == start)
    }

    fn densify(&self, population: &mut Population<'_>, candidates: &[Candidate], rng: &Rng, oversized: f64) {
        let mut keep = vec![true; population.len()];
        for candidate in candidates {
            if candidate.split {
                split(population, candidate.row, rng);
                keep[candidate.row] = false;
            } else {
                population.duplicate(candidate.row);
            }
        }
        keep.resize(population.len(), true);
        for (row, keep) in keep.iter_mut().enumerate() {
            *keep &= !self.is_faint(population, row) && population.max_scale(row) <= oversized;
        }
        population.retain(&keep);
    }

    /// The splats to clone or split, in row order, as many as the cap allows.
    fn candidates(
        &self,
        population: &Population<'_>,
        scores: &Scores<'_>,
        extent: f32,
        oversized: f64,
    ) -> Vec<Candidate> {
        let dense = f64::from(self.settings.dense_extent * extent);
        let candidate = |row: usize| {
            if self.is_faint(population, row) {
                return None;
            }
            let split = population.max_scale(row) > dense;
            let (sums, threshold) = match self.settings.abs_grad_threshold {
                Some(abs_threshold) if split => (scores.abs_grad, abs_threshold),
                _ => (scores.grad, self.settings.grad_threshold),
            };
            let score = scores.per_view(sums, row);
            let urgency = score / threshold.max(f32::MIN_POSITIVE);
            (score >= threshold).then_some(Candidate { row, urgency, split })
        };
        let mut candidates: Vec<Candidate> = (0..population.len()).filter_map(candidate).collect();
        if let Some(max_splats) = self.settings.max_splats {
            self.limit(&mut candidates, population, max_splats, oversized);
        }
        candidates
    }

    /// Keeps the most urgent candidates that fit under `max_splats`.
    fn limit(&self, candidates: &mut Vec<Candidate>, population: &Population<'_>, max_splats: usize, oversized: f64) {
        let staying = |&row: &usize| !self.is_faint(population, row) && population.max_scale(row) <= oversized;
        let staying = (0..population.len()).filter(staying).count();
        let mut room = max_splats.saturating_sub(staying);
        candidates.sort_by(|a, b| b.urgency.total_cmp(&a.urgency).then(a.row.cmp(&b.row)));
        candidates.retain(|candidate| {
            // An oversized parent is not among those that stay, so both of its children are new.
            let parent_stays = population.max_scale(candidate.row) <= oversized;
            let cost = if parent_stays { 1 } else { 2 };
            let Some(left) = room.checked_sub(cost) else {
                return false;
            };
            room = left;
            true
        });
        candidates.sort_by_key(|candidate| candidate.row);
    }

    /// Whether a splat is too faint to keep; broken ones count as faint.
    fn is_faint(&self, population: &Population<'_>, row: usize) -> bool {
        let visible = population.opacity(row) >= f64::from(self.settings.prune_opacity);
        !(visible && population.is_sound(row))
    }
}

/// Appends two children drawn from the parent's own distribution; the parent stays until the caller
/// removes it.
fn split(population: &mut Population<'_>, parent: usize, rng: &Rng) {
    let scales = population.scales(parent);
    for child in 0..2 {
        let row = population.duplicate(parent);
        let offset = [0, 1, 2].map(|axis| {
            let lane = 3 * child + axis as u32;
            scales[axis] * rng.normal(parent, lane)
        });
        population.shift(row, offset);
        population.scale_by(row, [1.0 / SPLIT_SHRINK; 3]);
    }
}

impl Density for Adc {
    fn observes(&self, step: u32, _steps_total: u32) -> bool {
        step < self.settings.stop
    }

    fn needs_abs_grad(&self) -> bool {
        self.settings.abs_grad_threshold.is_some()
    }

    fn is_due(&self, step: u32, _steps_total: u32) -> bool {
        self.densifies_at(step) || self.resets_at(step)
    }

    /// `None` also when pruning would leave no splat at all: then waiting is better than an empty
    /// scene.
    fn refine(
        &self,
        step: u32,
        steps_total: u32,
        rows: &Rows<'_>,
        scores: &Scores<'_>,
        extent: f32,
        seed: u64,
    ) -> Option<RowEdit> {
        rows.assert_shapes(scores);
        if !self.is_due(step, steps_total) || rows.is_empty() {
            return None;
        }
        let mut population = Population::new(rows);
        if self.densifies_at(step) {
            let prunes_by_scale = step > self.settings.prune_extent_after;
            let limit = f64::from(self.settings.prune_extent * extent);
            let oversized = if prunes_by_scale { limit } else { f64::INFINITY };
            let candidates = self.candidates(&population, scores, extent, oversized);
            self.densify(&mut population, &candidates, &Rng::new(seed, step), oversized);
            if population.len() == 0 {
                return None;
            }
        }
        let resets = self.resets_at(step);
        if resets {
            let ceiling = f64::from(self.settings.reset_opacity);
            for row in 0..population.len() {
                if population.opacity(row) > ceiling {
                    population.set_opacity(row, ceiling);
                }
            }
        }
        population.finish(resets)
    }
}

#[cfg(test)]
mod tests {
    use super::{Adc, AdcSettings};
    use crate::density::testing::Splats;
    use crate::density::{Density, RowEdit};

    const TOTAL: u32 = 30_000;

    fn refine(settings: AdcSettings, step: u32, splats: &Splats, extent: f32) -> Option<RowEdit> {
        Adc::new(settings).refine(step, TOTAL, &splats.rows(), &splats.scores(), extent, 9)
    }

    #[test]
    fn acts_only_inside_its_window() {
        let splats = Splats::scattered(10);
        let changed = |step| refine(AdcSettings::default(), step, &splats, 1.0).is_some();
        assert_eq!([500, 600, 650, 14_900, 15_000].map(changed), [false, true, false, true, false]);
    }

    #[test]
    fn small_splats_are_cloned_exactly_and_only_the_copy_restarts() {
        let splats = Splats::scattered(3).with_scores(3e-4);
        let edit = refine(AdcSettings::default(), 600, &splats, 100.0).unwrap();
        assert_eq!(edit.src, [0, 1, 2, 0, 1, 2]);
        assert_eq!(edit.fresh, [false, false, false, true, true, true]);
        assert_eq!(edit.writes, []);
    }

    #[test]
    fn large_splats_are_split_around_their_mean_and_removed() {
        let splats = Splats::scattered(400).with_scores(3e-4);
        let edit = refine(AdcSettings::default(), 600, &splats, 0.1).unwrap();
        let after = splats.apply(&edit);
        assert_eq!(after.len(), 800);
        assert!(edit.fresh.iter().all(|&fresh| fresh));
        // Offsets in units of the parent's largest scale: no bias, and the spread of a normal draw.
        let mut sum = [0.0_f32; 3];
        for (row, &src) in edit.src.iter().enumerate() {
            let src = src as usize;
            let largest = splats.log_scales[3 * src..][..3].iter().copied().fold(f32::MIN, f32::max);
            for (axis, sum) in sum.iter_mut().enumerate() {
                *sum += (after.mean(row)[axis] - splats.mean(src)[axis]) / largest.exp();
                let shrink = splats.log_scales[3 * src + axis] - after.log_scales[3 * row + axis];
                assert!((shrink - 1.6_f32.ln()).abs() < 1e-5);
            }
        }
        // Five standard errors of the mean of 800 draws with variance at most 1.
        assert!(sum.iter().all(|s| (s / 800.0).abs() < 0.18 && *s != 0.0), "{sum:?}");
    }

    #[test]
    fn absolute_gradients_decide_splits_when_asked_to() {
        let mut splats = Splats::scattered(4).with_scores(0.0);
        splats.abs_grad[2] = 4.0 * 5e-4;
        assert_eq!(refine(AdcSettings::default(), 600, &splats, 0.1), None);
        let absgs = AdcSettings { abs_grad_threshold: Some(4e-4), ..AdcSettings::default() };
        assert_eq!(refine(absgs, 600, &splats, 0.1).unwrap().src, [0, 1, 3, 2, 2]);
    }

    #[test]
    fn faint_broken_and_late_oversized_splats_are_pruned() {
        let mut splats = Splats::scattered(6).with_scores(0.0);
        splats.opacity_logits[1] = -5.5;
        splats.means[3 * 2] = f32::NAN;
        splats.log_scales[3 * 4] = 0.0;
        let src = |step| refine(AdcSettings::default(), step, &splats, 1.0).unwrap().src;
        assert_eq!(src(600), [0, 3, 4, 5]);
        assert_eq!(src(3100), [0, 3, 5]);
    }

    #[test]
    fn reset_lowers_opacities_and_restarts_their_moments_only() {
        let mut splats = Splats::scattered(3).with_scores(0.0);
        splats.opacity_logits[0] = -5.0; // 0.0067: between the pruning threshold and the ceiling
        let edit = refine(AdcSettings::default(), 3000, &splats, 1.0).unwrap();
        assert_eq!((edit.src.len(), edit.fresh.contains(&true)), (3, false));
        assert!(edit.writes[0].fresh && edit.writes[0].rows == [0, 1, 2]);
        let after = splats.apply(&edit);
        assert_eq!(after.opacity_logits[0], -5.0);
        assert!((after.opacity(1) - 0.01).abs() < 1e-6);

        let white = AdcSettings { reset_at_start: true, ..AdcSettings::default() };
        assert!(refine(white, 500, &splats, 1.0).is_some_and(|edit| edit.writes.len() == 1));
    }

    #[test]
    fn cap_is_never_exceeded_and_the_most_urgent_go_first() {
        let mut splats = Splats::scattered(50).with_scores(3e-4);
        splats.grad[17] = 1.0;
        splats.log_scales[3 * 30] = -0.5; // oversized: its children replace it
        splats.grad[30] = 2.0;
        for step in [600, 3100] {
            for max_splats in [10, 50, 51, 52, 53, 90, 1000] {
                let settings = AdcSettings { max_splats: Some(max_splats), ..AdcSettings::default() };
                let edit = refine(settings, step, &splats, 5.0);
                let len = edit.as_ref().map_or(50, |edit| edit.src.len());
                assert!(len <= max_splats.max(50), "{len} rows, cap {max_splats}");
                if max_splats == 52 {
                    let edit = edit.unwrap();
                    assert_eq!(len, 52);
                    assert_eq!(edit.src[len - 3..], [17, 30, 30]);
                }
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_edits_and_others_do_not() {
        let splats = Splats::scattered(40);
        let adc = Adc::new(AdcSettings::default());
        let edit = |seed| adc.refine(600, TOTAL, &splats.rows(), &splats.scores(), 0.1, seed);
        assert_eq!(edit(1), edit(1));
        assert_ne!(edit(1), edit(2));
    }

    #[test]
    fn hopeless_and_tiny_populations_are_survived() {
        let dead = Splats::scattered(4).with_opacity_logit(-9.0);
        assert_eq!(refine(AdcSettings::default(), 600, &dead, 1.0), None);
        assert_eq!(refine(AdcSettings::default(), 600, &Splats::scattered(0), 1.0), None);
        let one = Splats::scattered(1).with_scores(1.0);
        assert_eq!(refine(AdcSettings::default(), 600, &one, 0.1).unwrap().src, [0, 0]);
        let mut nan = Splats::scattered(8);
        nan.grad.fill(f32::NAN);
        assert_eq!(refine(AdcSettings::default(), 600, &nan, 1.0), None);
    }
}
