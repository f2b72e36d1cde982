//! Density control on a budget, the default: the number of splats follows a fixed curve up to a cap
//! that is met exactly, and each refinement spends what the curve grants on the splats whose
//! projected centres feel the strongest absolute gradient.
//!
//! The curve and the split along the longest axis follow Improved-GS [arXiv 2508.12313]; instead of
//! resets, opacities and scales decay a little at every refinement, so that splats which no image
//! needs fade below the pruning threshold. Places freed by pruning are refilled at once.

use super::population::Population;
use super::rng::Rng;
use super::sample::{Weighted, heaviest, without_replacement};
use super::{Density, RowEdit, Rows, Scores};

const LANE_PICK: u32 = 0;
/// Each round of filling takes the next lane.
const LANE_FILL: u32 = 1;

/// How growth chooses among the candidates when the budget does not suffice for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// The highest scores.
    #[default]
    Top,
    /// At random without replacement, in proportion to the score.
    Weighted,
}

/// Settings of [`Budget`]. Times are fractions of the run's steps, so short runs keep the shape of
/// long ones.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSettings {
    /// Number of splats from the end of the growth window on.
    pub cap: usize,
    /// Growth starts after this share of the steps.
    pub grow_from: f64,
    /// Growth ends at this share of the steps.
    pub grow_until: f64,
    /// Pruning, refilling and decay end at this share of the steps.
    pub refine_until: f64,
    /// Steps between refinements.
    pub every: u32,
    /// Absolute gradient of the projected mean, per view in NDC units, from which a splat is a
    /// candidate for growth.
    pub abs_grad_threshold: f32,
    /// How growth chooses among candidates.
    pub pick: Pick,
    /// Share `r` of the longest axis given up in a split: the children's longest scale shrinks to 1
    /// − r, the others to √(1 − r²), and they move apart by ±3 r times the parent's longest scale,
    /// to fill the parent's 3σ ellipsoid.
    pub split_ratio: f64,
    /// Factor on the opacity of both children.
    pub child_opacity: f64,
    /// Splats with a lower opacity are pruned.
    pub prune_opacity: f64,
    /// Subtracted from every opacity at each refinement, times the share of the run still ahead.
    pub opacity_decay: f64,
    /// Share taken from every scale at each refinement, times the share of the run still ahead.
    pub scale_decay: f64,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self {
            cap: 1_000_000,
            grow_from: 1.0 / 60.0,
            grow_until: 0.5,
            refine_until: 0.95,
            every: 100,
            abs_grad_threshold: 3e-4,
            pick: Pick::Top,
            split_ratio: 0.45,
            child_opacity: 0.6,
            prune_opacity: 0.005,
            opacity_decay: 0.004,
            scale_decay: 0.002,
        }
    }
}

/// Growth to an exact cap along a fixed curve.
#[derive(Clone, Debug)]
pub struct Budget {
    settings: BudgetSettings,
    initial_splats: usize,
}

impl Budget {
    /// The rule with these settings for a run that began with `initial_splats`.
    pub fn new(settings: BudgetSettings, initial_splats: usize) -> Self {
        Self { settings, initial_splats }
    }

    /// Number of splats there should be after a refinement at `step`: `start + (cap − start)
    /// √progress`, with progress from 0 at the beginning of the growth window to 1 at the last
    /// refinement inside it.
    pub fn splats_at(&self, step: u32, steps_total: u32) -> usize {
        let first = self.settings.grow_from * f64::from(steps_total);
        let last = f64::from(self.last_growth_step(steps_total));
        if f64::from(step) >= last {
            return self.settings.cap;
        }
        let progress = ((f64::from(step) - first) / (last - first)).clamp(0.0, 1.0);
        let (start, cap) = (self.initial_splats as f64, self.settings.cap as f64);
        (start + (cap - start) * progress.sqrt()).round() as usize
    }

    /// The last refinement inside the growth window.
    fn last_growth_step(&self, steps_total: u32) -> u32 {
        let every = self.settings.every.max(1);
        let end = (self.settings.grow_until * f64::from(steps_total)) as u32;
        end / every * every
    }

    /// Whether a splat is worth keeping.
    fn is_alive(&self, population: &Population<'_>, row: usize) -> bool {
        population.opacity(row) >= self.settings.prune_opacity && population.is_sound(row)
    }

    /// Splits `count` splats, each at most once: first the candidates by score, then others by
    /// opacity. Second children take the places in `freed` before they are appended. Returns the
    /// number of splits made.
    fn grow_by_score(
        &self,
        population: &mut Population<'_>,
        alive: &[usize],
        scores: &Scores<'_>,
        count: usize,
        freed: &mut Vec<usize>,
        rng: &Rng,
    ) -> usize {
        let threshold = self.settings.abs_grad_threshold;
        let score = |row: usize| scores.per_view(scores.abs_grad, row);
        let weighted = |&row: &usize| Weighted { row, weight: f64::from(score(row)) };
        let (candidates, others): (Vec<usize>, Vec<usize>) =
            alive.iter().partition(|&&row| score(row) > 0.0 && score(row) >= threshold);
        let candidates: Vec<Weighted> = candidates.iter().map(weighted).collect();
        let chosen = match self.settings.pick {
            Pick::Top => heaviest(&candidates, count),
            Pick::Weighted => without_replacement(&candidates, count, rng, LANE_PICK),
        };
        self.split_all(population, &chosen, freed);
        let missing = count - chosen.len();
        chosen.len() + self.grow_by_opacity(population, &others, missing, freed, rng, LANE_FILL)
    }

    /// Splits `count` of `pool` (all, if there are fewer), drawn in proportion to opacity.
    fn grow_by_opacity(
        &self,
        population: &mut Population<'_>,
        pool: &[usize],
        count: usize,
        freed: &mut Vec<usize>,
        rng: &Rng,
        lane: u32,
    ) -> usize {
        let weighted = |&row: &usize| Weighted { row, weight: population.opacity(row) };
        let candidates: Vec<Weighted> = pool.iter().map(weighted).collect();
        let chosen = without_replacement(&candidates, count, rng, lane);
        self.split_all(population, &chosen, freed);
        chosen.len()
    }

    fn split_all(&self, population: &mut Population<'_>, rows: &[usize], freed: &mut Vec<usize>) {
        for &row in rows {
            self.split(population, row, freed.pop());
        }
    }

    /// Replaces a splat by two halves side by side along its longest axis: one in its own row, one
    /// in `place` or appended.
    fn split(&self, population: &mut Population<'_>, row: usize, place: Option<usize>) {
        let sibling = match place {
            Some(place) => {
                population.overwrite(place, row);
                place
            }
            None => population.duplicate(row),
        };
        let scales = population.scales(row);
        let longest = (1..3).fold(0, |best, axis| if scales[axis] > scales[best] { axis } else { best });
        let ratio = self.settings.split_ratio;
        let mut factors = [(1.0 - ratio * ratio).sqrt(); 3];
        factors[longest] = 1.0 - ratio;
        let opacity = self.settings.child_opacity * population.opacity(row);
        for (child, side) in [(row, 1.0), (sibling, -1.0)] {
            let mut offset = [0.0; 3];
            offset[longest] = side * 3.0 * ratio * scales[longest];
            population.shift(child, offset);
            population.scale_by(child, factors);
            population.set_opacity(child, opacity);
            population.restart(child);
        }
    }

    /// Lets every splat fade and shrink a little, less and less towards the end of the run.
    fn decay(&self, population: &mut Population<'_>, ahead: f64) {
        let fade = self.settings.opacity_decay * ahead;
        let shrink = 1.0 - self.settings.scale_decay * ahead;
        for row in 0..population.len() {
            if fade > 0.0 {
                population.set_opacity(row, (population.opacity(row) - fade).max(0.0));
            }
            if shrink < 1.0 {
                population.scale_by(row, [shrink; 3]);
            }
        }
    }
}

/// The `count` most opaque of `rows` and the rest, both ascending.
fn most_opaque(population: &Population<'_>, rows: &[usize], count: usize) -> (Vec<usize>, Vec<usize>) {
    let weighted = |&row: &usize| Weighted { row, weight: population.opacity(row) };
    let weighted: Vec<Weighted> = rows.iter().map(weighted).collect();
    let kept = heaviest(&weighted, count);
    let dropped = rows.iter().copied().filter(|row| kept.binary_search(row).is_err()).collect();
    (kept, dropped)
}

/// For each of `len` places whether a splat is there.
fn occupied(len: usize, freed: &[usize]) -> Vec<bool> {
    let mut occupied = vec![true; len];
    for &place in freed {
        occupied[place] = false;
    }
    occupied
}

impl Density for Budget {
    fn observes(&self, step: u32, steps_total: u32) -> bool {
        step <= self.last_growth_step(steps_total)
    }

    fn needs_abs_grad(&self) -> bool {
        true
    }

    fn is_due(&self, step: u32, steps_total: u32) -> bool {
        let share = f64::from(step) / f64::from(steps_total.max(1));
        let in_time = self.settings.grow_from < share && share <= self.settings.refine_until;
        in_time && step.is_multiple_of(self.settings.every.max(1))
    }

    /// Inside the growth window a splat is split at most once per refinement, so the population at
    /// most doubles and may lag behind the curve; at the end of the window and later it is brought
    /// to the cap by as many rounds as it takes. `None` also when no splat is alive: then waiting
    /// is better than an empty scene.
    fn refine(
        &self,
        step: u32,
        steps_total: u32,
        rows: &Rows<'_>,
        scores: &Scores<'_>,
        _extent: f32,
        seed: u64,
    ) -> Option<RowEdit> {
        rows.assert_shapes(scores);
        if !self.is_due(step, steps_total) {
            return None;
        }
        let rng = Rng::new(seed, step);
        let mut population = Population::new(rows);
        let budget = self.splats_at(step, steps_total).max(1);

        // Prune what has faded, and what a shrinking budget no longer covers.
        let (alive, mut freed): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|&row| self.is_alive(&population, row));
        if alive.is_empty() {
            return None;
        }
        let (alive, surplus) = most_opaque(&population, &alive, budget);
        freed.extend(surplus);
        // Lowest places are refilled first.
        freed.sort_unstable_by(|a, b| b.cmp(a));

        // Grow to the budget.
        let mut missing = budget - alive.len();
        missing -= self.grow_by_score(&mut population, &alive, scores, missing, &mut freed, &rng);
        let mut lane = LANE_FILL;
        while missing > 0 && step >= self.last_growth_step(steps_total) {
            // Once every splat has been split, children are split again.
            lane += 1;
            let occupied = occupied(population.len(), &freed);
            let pool: Vec<usize> = (0..population.len()).filter(|&row| occupied[row]).collect();
            missing -= self.grow_by_opacity(&mut population, &pool, missing, &mut freed, &rng, lane);
        }

        population.retain(&occupied(population.len(), &freed));
        self.decay(&mut population, 1.0 - f64::from(step) / f64::from(steps_total.max(1)));
        population.finish(false)
    }
}

#[cfg(test)]
mod tests;
