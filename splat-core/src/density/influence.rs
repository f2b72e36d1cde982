//! Pruning by influence around another rule: a few times in a run, the splats that the training views show least of are
//! removed [Girish 2024, EAGLES].
//!
//! The influence of a splat is Σ α T over the pixels of all training views, from a pass of its own over all of them just
//! before the pruning. Departs from the paper, which adds up during training: there a splat made since the last pruning
//! is judged by fewer views than the others, and one seen at a coarse resolution by fewer pixels.
//!
//! When the rule inside acts at the same step, pruning comes first: influence is known of the rows as they are, and what
//! the rule multiplies or refills is then chosen among those that stay. Rules that fill up to a cap ([`super::budget`],
//! [`super::mcmc`]) so give the places to splats elsewhere; under [`super::adc`] the population shrinks once growth is
//! over.

use super::{Density, RowEdit, Rows, Scores};

/// Settings of [`Pruned`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PruneSettings {
    /// Share of the splats removed each time.
    pub share: f64,
    /// Share of the run's steps from one pruning to the next.
    pub every: f64,
    /// Share of the run's steps before which the last pruning happens.
    pub until: f64,
}

impl Default for PruneSettings {
    /// As in the paper: steps 5100, 10200, 15300, 20400 and 25500 of 30000.
    fn default() -> Self {
        PruneSettings { share: 0.15, every: 0.17, until: 0.9 }
    }
}

/// A rule, and pruning by influence around it.
pub struct Pruned {
    inner: Box<dyn Density>,
    settings: PruneSettings,
}

impl Pruned {
    /// Adds pruning to `inner`.
    pub fn new(inner: Box<dyn Density>, settings: PruneSettings) -> Self {
        Pruned { inner, settings }
    }

    /// Whether splats are pruned after `step`. Never after the last one, since nothing could make up for it.
    pub fn prunes_at(&self, step: u32, steps_total: u32) -> bool {
        let steps = |share: f64| (share * f64::from(steps_total)).round() as u32;
        let every = steps(self.settings.every).max(1);
        0 < step && step < steps(self.settings.until).min(steps_total) && step.is_multiple_of(every)
    }
}

/// What stays when a share of the splats goes: those of least influence, of equal ones the lower rows first, and in any
/// case all that no view shows. `None` when nothing goes, also when no view shows anything: a scene that cannot be judged
/// is better than an empty one.
pub fn prune(influence: &[f32], share: f64) -> Option<RowEdit> {
    // Also settles what is not a number, though sums of weights never are.
    let shown = |row: u32| influence[row as usize].max(0.0);
    let mut rows: Vec<u32> = (0..influence.len() as u32).collect();
    let unseen = rows.iter().filter(|&&row| shown(row) == 0.0).count();
    let count = ((share * rows.len() as f64).round() as usize).max(unseen);
    if count == 0 || unseen == rows.len() {
        return None;
    }
    let count = count.min(rows.len() - 1);
    if count > 0 {
        rows.select_nth_unstable_by(count, |&a, &b| shown(a).total_cmp(&shown(b)).then(a.cmp(&b)));
    }
    let mut src = rows.split_off(count);
    src.sort_unstable();
    let fresh = vec![false; src.len()];
    (count > 0).then_some(RowEdit { src, fresh, writes: Vec::new() })
}

/// Rows and scores of the splats that stay.
struct Survivors {
    means: Vec<f32>,
    quats: Vec<f32>,
    log_scales: Vec<f32>,
    opacity_logits: Vec<f32>,
    grad: Vec<f32>,
    abs_grad: Vec<f32>,
    count: Vec<u32>,
    influence: Vec<f32>,
}

impl Survivors {
    fn new(rows: &Rows<'_>, scores: &Scores<'_>, src: &[u32]) -> Self {
        fn gather<T: Copy>(column: &[T], width: usize, src: &[u32]) -> Vec<T> {
            src.iter().flat_map(|&row| &column[row as usize * width..][..width]).copied().collect()
        }
        Survivors {
            means: gather(rows.means, 3, src),
            quats: gather(rows.quats, 4, src),
            log_scales: gather(rows.log_scales, 3, src),
            opacity_logits: gather(rows.opacity_logits, 1, src),
            grad: gather(scores.grad, 1, src),
            abs_grad: gather(scores.abs_grad, 1, src),
            count: gather(scores.count, 1, src),
            influence: gather(scores.influence, 1, src),
        }
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            means: &self.means,
            quats: &self.quats,
            log_scales: &self.log_scales,
            opacity_logits: &self.opacity_logits,
        }
    }

    fn scores(&self) -> Scores<'_> {
        Scores { grad: &self.grad, abs_grad: &self.abs_grad, count: &self.count, influence: &self.influence }
    }
}

impl Density for Pruned {
    fn is_due(&self, step: u32, steps_total: u32) -> bool {
        self.prunes_at(step, steps_total) || self.inner.is_due(step, steps_total)
    }

    fn observes(&self, step: u32, steps_total: u32) -> bool {
        self.inner.observes(step, steps_total)
    }

    fn needs_abs_grad(&self) -> bool {
        self.inner.needs_abs_grad()
    }

    fn needs_influence(&self, step: u32, steps_total: u32) -> bool {
        self.prunes_at(step, steps_total) || self.inner.needs_influence(step, steps_total)
    }

    /// Gradients matter to the rule inside only.
    fn keeps_scores(&self, step: u32, steps_total: u32) -> bool {
        !self.inner.is_due(step, steps_total) || self.inner.keeps_scores(step, steps_total)
    }

    fn noise(&self, step: u32, steps_total: u32) -> f32 {
        self.inner.noise(step, steps_total)
    }

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
        let is_due = self.inner.is_due(step, steps_total);
        let inside = |rows: &Rows<'_>, scores: &Scores<'_>| {
            is_due.then(|| self.inner.refine(step, steps_total, rows, scores, extent, seed)).flatten()
        };
        let pruned = self.prunes_at(step, steps_total).then(|| prune(scores.influence, self.settings.share)).flatten();
        let Some(pruned) = pruned else { return inside(rows, scores) };
        if !is_due {
            return Some(pruned);
        }
        let survivors = Survivors::new(rows, scores, &pruned.src);
        Some(match inside(&survivors.rows(), &survivors.scores()) {
            Some(next) => pruned.then(&next),
            None => pruned,
        })
    }
}

#[cfg(test)]
mod tests;
