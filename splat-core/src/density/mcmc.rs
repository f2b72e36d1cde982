//! Density control as sampling [Kheradmand 2024, 3DGS-MCMC]: splats that have faded away move to
//! where living ones are, and the population grows by a constant factor up to a cap. Splats sharing
//! a place share its opacity and size so that the image stays nearly the same. The noise on the
//! means and the regularisers belong to the optimiser, not here.

use super::population::Population;
use super::rng::Rng;
use super::sample::{Weighted, with_replacement};
use super::{Density, RowEdit, Rows, Scores};

/// Splats that share one place beyond this number are treated as if there were this many.
const MAX_SHARING: usize = 51;

/// `BINOMIALS[n][k] = C(n, k)`.
static BINOMIALS: [[f64; MAX_SHARING]; MAX_SHARING] = pascal();

/// Opacities are shared as if no larger than this: at 1 the sum below cancels to noise.
const MAX_OPACITY: f64 = 1.0 - f32::EPSILON as f64;

const LANE_RELOCATE: u32 = 0;
const LANE_GROW: u32 = 1;

/// Settings of [`Mcmc`]. Steps count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct McmcSettings {
    /// Refinement starts after this step.
    pub start: u32,
    /// Refinement ends before this step.
    pub stop: u32,
    /// Steps between refinements.
    pub every: u32,
    /// Splats are dead at this opacity or below; shared opacities are not set lower.
    pub min_opacity: f64,
    /// Factor by which the population grows at each refinement.
    pub growth: f64,
    /// The population does not grow beyond this number.
    pub cap: usize,
    /// Strength of the wandering of faint splats, as a multiple of the learning rate of means.
    pub noise: f32,
}

impl Default for McmcSettings {
    fn default() -> Self {
        Self { start: 500, stop: 25_000, every: 100, min_opacity: 0.005, growth: 1.05, cap: 1_000_000, noise: 5e5 }
    }
}

/// Relocation and growth under a cap.
#[derive(Clone, Debug)]
pub struct Mcmc {
    settings: McmcSettings,
}

impl Mcmc {
    /// The rule with these settings.
    pub fn new(settings: McmcSettings) -> Self {
        Self { settings }
    }

    fn is_alive(&self, population: &Population<'_>, row: usize) -> bool {
        population.opacity(row) > self.settings.min_opacity && population.is_sound(row)
    }

    /// Draws `count` of the `living` in proportion to their opacity and gives each one drawn its
    /// share of opacity and size; the caller then makes one copy per draw. Returns the drawn rows.
    fn draw_sources(
        &self,
        population: &mut Population<'_>,
        living: &[usize],
        count: usize,
        rng: &Rng,
        lane: u32,
    ) -> Vec<usize> {
        let weighted = |&row: &usize| Weighted { row, weight: population.opacity(row) };
        let candidates: Vec<Weighted> = living.iter().map(weighted).collect();
        let sources = with_replacement(&candidates, count, rng, lane);

        let mut copies = vec![0; population.len()];
        for &source in &sources {
            copies[source] += 1;
        }
        for (source, &copies) in copies.iter().enumerate().filter(|(_, copies)| **copies > 0) {
            let Share { opacity, scale } = share(population.opacity(source), copies + 1);
            population.set_opacity(source, opacity.max(self.settings.min_opacity));
            population.scale_by(source, [scale; 3]);
            population.restart(source);
        }
        sources
    }

    /// How many splats to add to `n`.
    fn growth(&self, n: usize) -> usize {
        let target = (n as f64 * self.settings.growth).floor() as usize;
        target.min(self.settings.cap).saturating_sub(n)
    }
}

impl Density for Mcmc {
    /// Never: it does not look at gradients.
    fn observes(&self, _step: u32, _steps_total: u32) -> bool {
        false
    }

    fn noise(&self, _step: u32, _steps_total: u32) -> f32 {
        self.settings.noise
    }

    fn is_due(&self, step: u32, _steps_total: u32) -> bool {
        let McmcSettings { start, stop, every, .. } = self.settings;
        start < step && step < stop && step.is_multiple_of(every.max(1))
    }

    /// Needs no scores. `None` also when no splat is alive, since there is nothing to relocate to.
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
        let (living, dead): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|&row| self.is_alive(&population, row));

        let sources = self.draw_sources(&mut population, &living, dead.len(), &rng, LANE_RELOCATE);
        if sources.len() < dead.len() {
            return None;
        }
        for (&row, &source) in dead.iter().zip(&sources) {
            population.overwrite(row, source);
        }

        let everyone: Vec<usize> = (0..rows.len()).collect();
        let growth = self.growth(rows.len());
        for source in self.draw_sources(&mut population, &everyone, growth, &rng, LANE_GROW) {
            population.duplicate(source);
        }
        population.finish(false)
    }
}

/// What each of several splats at one place gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Opacity of each, so that together they cover as much as the one did: `1 − (1 − o')ᴺ = o`.
    pub opacity: f64,
    /// Factor on the scales of each, so that together they spread as much as the one did.
    pub scale: f64,
}

/// The shares when `n` splats (the original included) take the place of one with `opacity`
/// [Kheradmand 2024]: `o' = 1 − (1 − o)^(1/N)` and `s'/s = o / Σ_{i=1..N} Σ_{k=0..i−1} C(i−1, k)
/// (−1)ᵏ o'^(k+1) / √(k+1)`.
pub fn share(opacity: f64, n: usize) -> Share {
    let n = n.clamp(1, MAX_SHARING);
    let opacity = opacity.min(MAX_OPACITY);
    let shared = 1.0 - (1.0 - opacity).powf(1.0 / n as f64);
    let mut sum = 0.0;
    for (i, binomials) in BINOMIALS.iter().take(n).enumerate() {
        let mut power = shared;
        for (k, binomial) in binomials.iter().take(i + 1).enumerate() {
            sum += binomial * power / ((k + 1) as f64).sqrt();
            power *= -shared;
        }
    }
    Share { opacity: shared, scale: opacity / sum }
}

/// Pascal's triangle. Its largest entry, C(50, 25), is about 1.3e14: every entry is exact in f64.
const fn pascal() -> [[f64; MAX_SHARING]; MAX_SHARING] {
    let mut table = [[0.0; MAX_SHARING]; MAX_SHARING];
    let mut n = 0;
    while n < MAX_SHARING {
        table[n][0] = 1.0;
        let mut k = 1;
        while k <= n {
            table[n][k] = table[n - 1][k - 1] + table[n - 1][k];
            k += 1;
        }
        n += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{BINOMIALS, Mcmc, McmcSettings, share};
    use crate::density::testing::Splats;
    use crate::density::{Density, RowEdit};

    fn refine(settings: McmcSettings, splats: &Splats, seed: u64) -> Option<RowEdit> {
        Mcmc::new(settings).refine(600, 30_000, &splats.rows(), &splats.scores(), 1.0, seed)
    }

    fn without_growth() -> McmcSettings {
        McmcSettings { cap: 0, ..McmcSettings::default() }
    }

    #[test]
    fn one_splat_alone_keeps_opacity_and_scale() {
        for opacity in [0.006, 0.3, 0.9, 0.999] {
            let alone = share(opacity, 1);
            assert!((alone.opacity - opacity).abs() < 1e-14 && (alone.scale - 1.0).abs() < 1e-13);
        }
    }

    #[test]
    fn shares_cover_together_what_one_covered() {
        for opacity in [0.006, 0.3, 0.9, 0.999, 1.0 - 2e-7] {
            for n in [2, 3, 10, 51] {
                let each = share(opacity, n);
                let together = 1.0 - (1.0 - each.opacity).powi(n as i32);
                assert!((together - opacity).abs() < 1e-12, "{n} shares of {opacity}");
                assert!(0.0 < each.scale && each.scale <= 1.0, "{n} shares of {opacity}: {each:?}");
            }
            assert_eq!(share(opacity, 80), share(opacity, 51));
        }
        assert_eq!(share(1.0, 51), share(1.0 - 1e-8, 51));
    }

    #[test]
    fn shares_conserve_the_integral_of_alpha_along_a_line() {
        // What the scale formula is derived from: ∫ 1 − (1 − o' e^{−x²/2s'²})ᴺ dx = ∫ o e^{−x²/2}
        // dx.
        for (opacity, n) in [(0.4, 2), (0.9, 5), (0.97, 20)] {
            let each = share(opacity, n);
            let alpha = |x: f64| {
                let falloff = (-0.5 * (x / each.scale).powi(2)).exp();
                1.0 - (1.0 - each.opacity * falloff).powi(n as i32)
            };
            let integral: f64 = (-8000..8000).map(|i| alpha(f64::from(i) * 1e-3) * 1e-3).sum();
            let expected = opacity * std::f64::consts::TAU.sqrt();
            assert!((integral / expected - 1.0).abs() < 1e-9, "{n} shares of {opacity}");
        }
    }

    #[test]
    fn binomials_are_exact() {
        assert_eq!(BINOMIALS[4][..6], [1.0, 4.0, 6.0, 4.0, 1.0, 0.0]);
        assert_eq!(BINOMIALS[50][25], 126_410_606_437_752.0);
    }

    #[test]
    fn dead_splats_move_in_place_to_living_ones() {
        let mut splats = Splats::scattered(20);
        for row in [3, 7, 8] {
            splats.opacity_logits[row] = -8.0;
        }
        splats.quats[4 * 11] = f32::INFINITY;
        let edit = refine(without_growth(), &splats, 1).unwrap();
        let after = splats.apply(&edit);
        assert_eq!(edit.src.len(), 20);
        let moved: Vec<usize> = (0..20).filter(|&row| edit.src[row] != row as u32).collect();
        assert_eq!(moved, [3, 7, 8, 11]);
        for row in moved {
            let source = edit.src[row] as usize;
            assert!(edit.fresh[row] && edit.fresh[source]);
            assert_eq!(after.opacity_logits[row], after.opacity_logits[source]);
            let copies = edit.src.iter().filter(|&&src| src as usize == source).count();
            let together = 1.0 - (1.0 - after.opacity(source)).powi(copies as i32);
            assert!((together - splats.opacity(source)).abs() < 1e-6);
        }
        let untouched = |row: usize| edit.src.iter().filter(|&&src| src as usize == row).count() == 1;
        for row in (0..20).filter(|&row| edit.src[row] == row as u32 && untouched(row)) {
            assert!(!edit.fresh[row]);
            assert_eq!(after.opacity_logits[row], splats.opacity_logits[row]);
            assert_eq!(after.log_scales[3 * row..][..3], splats.log_scales[3 * row..][..3]);
        }
    }

    #[test]
    fn population_grows_by_five_percent_up_to_exactly_the_cap() {
        let splats = Splats::scattered(200);
        let len = |cap| {
            let settings = McmcSettings { cap, ..McmcSettings::default() };
            refine(settings, &splats, 1).map_or(200, |edit| splats.apply(&edit).len())
        };
        assert_eq!([1000, 210, 203, 200, 10].map(len), [210, 210, 203, 200, 200]);
    }

    #[test]
    fn growth_can_draw_from_relocated_splats() {
        let mut splats = Splats::scattered(40).with_opacity_logit(-8.0);
        splats.opacity_logits[5] = 4.0;
        let edit = refine(McmcSettings { growth: 3.0, ..McmcSettings::default() }, &splats, 1).unwrap();
        let after = splats.apply(&edit);
        assert_eq!(edit.src, [5; 120]);
        assert!(edit.fresh.iter().all(|&fresh| fresh));
        assert!((0..120).all(|row| after.opacity(row) > 0.004));
    }

    #[test]
    fn equal_seeds_give_equal_edits_and_others_do_not() {
        let splats = Splats::scattered(200);
        assert_eq!(refine(McmcSettings::default(), &splats, 1), refine(McmcSettings::default(), &splats, 1));
        assert_ne!(refine(McmcSettings::default(), &splats, 1), refine(McmcSettings::default(), &splats, 2));
    }

    #[test]
    fn hopeless_and_tiny_populations_are_survived() {
        let dead = Splats::scattered(30).with_opacity_logit(-8.0);
        assert_eq!(refine(McmcSettings::default(), &dead, 1), None);
        let nan = Splats::scattered(30).with_opacity_logit(f32::NAN);
        assert_eq!(refine(McmcSettings::default(), &nan, 1), None);
        assert_eq!(refine(McmcSettings::default(), &Splats::scattered(0), 1), None);
        assert_eq!(refine(McmcSettings::default(), &Splats::scattered(1), 1), None);
        let doubling = McmcSettings { growth: 2.0, ..McmcSettings::default() };
        let opaque = Splats::scattered(1).with_opacity_logit(60.0);
        let edit = refine(doubling, &opaque, 1).unwrap();
        assert_eq!((opaque.apply(&edit).len(), edit.fresh), (2, vec![true, true]));
    }
}
