//! What pruning by influence promises, alone and around other rules.

use super::{PruneSettings, Pruned, prune};
use crate::density::adc::{Adc, AdcSettings};
use crate::density::budget::{Budget, BudgetSettings};
use crate::density::mcmc::{Mcmc, McmcSettings};
use crate::density::rng::Rng;
use crate::density::testing::Splats;
use crate::density::{ColumnWrite, Density, RowEdit};

const TOTAL: u32 = 30_000;
/// A step of both pruning and the rules inside, one of pruning alone, one of the rules alone.
const BOTH: u32 = 5100;
const AFTER_GROWTH: u32 = 20_400;
const BETWEEN: u32 = 5200;

fn adc() -> Adc {
    Adc::new(AdcSettings::default())
}

fn budget(cap: usize) -> Budget {
    Budget::new(BudgetSettings { cap, ..BudgetSettings::default() }, cap)
}

fn pruned(inner: impl Density + 'static) -> Pruned {
    Pruned::new(Box::new(inner), PruneSettings::default())
}

fn refine(rule: &dyn Density, step: u32, splats: &Splats) -> Option<RowEdit> {
    rule.refine(step, TOTAL, &splats.rows(), &splats.scores(), 1.0, 7)
}

/// Rows that an edit of pruning alone removes.
fn gone(influence: &[f32], share: f64) -> Vec<u32> {
    let Some(edit) = prune(influence, share) else { return Vec::new() };
    assert!(edit.src.is_sorted() && edit.writes.is_empty() && edit.fresh.iter().all(|&fresh| !fresh));
    (0..influence.len() as u32).filter(|row| !edit.src.contains(row)).collect()
}

#[test]
fn prunes_at_the_steps_of_the_paper_and_never_last() {
    let steps = |settings: PruneSettings, total: u32| -> Vec<u32> {
        let rule = Pruned::new(Box::new(adc()), settings);
        (0..=total).filter(|&step| rule.prunes_at(step, total)).collect()
    };
    assert_eq!(steps(PruneSettings::default(), TOTAL), [5100, 10_200, 15_300, 20_400, 25_500]);
    // As they come from settings in f32.
    let narrow = PruneSettings { share: 0.15, every: f64::from(0.17_f32), until: f64::from(0.9_f32) };
    assert_eq!(steps(narrow, TOTAL), [5100, 10_200, 15_300, 20_400, 25_500]);
    assert_eq!(steps(PruneSettings::default(), 120), [20, 40, 60, 80, 100]);
    assert_eq!(steps(PruneSettings { every: 0.5, until: 1.0, ..narrow }, 100), [50]);
    assert!(steps(PruneSettings { until: 0.0, ..narrow }, 100).is_empty());
    assert!(steps(PruneSettings::default(), 1).is_empty());
}

#[test]
fn the_least_influential_share_goes_exactly() {
    // A permutation: 37 and 101 have no common divisor.
    let influence: Vec<f32> = (0..101).map(|row| 1e-6 * (1 + row * 37 % 101) as f32).collect();
    for (share, count) in [(0.15, 15), (0.5, 51), (0.9, 91), (0.004, 0)] {
        let expected: Vec<u32> = (0..101).filter(|&row| (row as usize * 37 % 101) < count).collect();
        assert_eq!(gone(&influence, share), expected, "{share}");
    }
}

#[test]
fn of_equal_ones_the_lower_rows_go() {
    assert_eq!(gone(&[0.5; 20], 0.15), [0, 1, 2]);
    assert_eq!(gone(&[3.0, 1.0, 1.0, 2.0, 1.0], 0.4), [1, 2]);
}

#[test]
fn all_that_no_view_shows_goes() {
    let mut influence = vec![1.0; 20];
    [2, 3, 5, 7, 11, 13, 17].iter().for_each(|&row: &usize| influence[row] = 0.0);
    assert_eq!(gone(&influence, 0.15), [2, 3, 5, 7, 11, 13, 17]);
    (influence[2], influence[3]) = (-0.0, f32::NAN);
    assert_eq!(gone(&influence, 0.15), [2, 3, 5, 7, 11, 13, 17]);
    // Fewer than the share: others make it up.
    assert_eq!(gone(&[1.0, 2.0, 0.0, 3.0], 0.5), [0, 2]);
}

#[test]
fn something_always_stays() {
    assert_eq!(prune(&[], 0.5), None);
    assert_eq!(prune(&[1.0], 0.9), None);
    assert_eq!(prune(&[0.0; 9], 0.5), None);
    assert_eq!(gone(&[1.0, 2.0], 0.9), [0]);
    assert_eq!(gone(&[0.0, 0.0, 1e-9], 0.1), [0, 1]);
}

#[test]
fn away_from_prunings_the_rule_inside_is_unchanged() {
    let splats = Splats::scattered(60).with_scores(3e-4);
    let step = BETWEEN;
    assert_eq!(refine(&pruned(adc()), step, &splats), refine(&adc(), step, &splats));
    assert_eq!(refine(&pruned(budget(90)), step, &splats), refine(&budget(90), step, &splats));
    let mcmc = || Mcmc::new(McmcSettings::default());
    assert_eq!(refine(&pruned(mcmc()), step, &splats), refine(&mcmc(), step, &splats));
    assert_eq!(pruned(mcmc()).noise(step, TOTAL), mcmc().noise(step, TOTAL));
    assert!(pruned(budget(90)).needs_abs_grad() && !pruned(adc()).needs_abs_grad());
    assert!(!pruned(adc()).is_due(BETWEEN + 1, TOTAL));
}

#[test]
fn once_growth_is_over_the_share_goes_and_nothing_else_happens() {
    let splats = Splats::scattered(200).with_scores(1.0);
    let edit = refine(&pruned(adc()), AFTER_GROWTH, &splats).unwrap();
    assert_eq!(Some(edit.clone()), prune(&splats.influence, 0.15));
    assert_eq!(edit.src.len(), 170);
    let least_kept = splats.apply(&edit).influence.into_iter().fold(f32::MAX, f32::min);
    assert_eq!(splats.influence.iter().filter(|&&influence| influence < least_kept).count(), 30);
}

#[test]
fn pruning_comes_first_and_the_rule_inside_sees_who_stays() {
    let splats = Splats::scattered(200).with_scores(3e-4);
    let first = splats.apply(&prune(&splats.influence, 0.15).unwrap());
    let rules: [fn() -> Box<dyn Density>; 3] = [
        || Box::new(adc()),
        || Box::new(budget(260)),
        || Box::new(Mcmc::new(McmcSettings { growth: 1.3, ..McmcSettings::default() })),
    ];
    for rule in rules {
        let edit = refine(&Pruned::new(rule(), PruneSettings::default()), BOTH, &splats).unwrap();
        let second = first.apply(&refine(&*rule(), BOTH, &first).unwrap());
        let both = splats.apply(&edit);
        assert!(both.len() > first.len());
        assert!(both == second, "one edit and two in a row differ");
    }
}

#[test]
fn a_budget_fills_the_places_of_what_was_pruned() {
    let splats = Splats::scattered(100).with_scores(0.0);
    for step in [15_300, AFTER_GROWTH] {
        let edit = refine(&pruned(budget(100)), step, &splats).unwrap();
        assert_eq!(edit.src.len(), 100);
        let stayed = prune(&splats.influence, 0.15).unwrap().src;
        assert!(edit.src.iter().all(|src| stayed.contains(src)), "a pruned splat has children");
    }
}

#[test]
fn gradients_are_kept_for_the_rule_inside_until_it_acts() {
    let rule = pruned(adc());
    let keeps = |step| rule.keeps_scores(step, TOTAL);
    assert_eq!([BOTH, BETWEEN, AFTER_GROWTH].map(keeps), [false, false, true]);
    let needs = |step| rule.needs_influence(step, TOTAL);
    assert_eq!([BOTH, BETWEEN, AFTER_GROWTH].map(needs), [true, false, true]);
}

#[test]
fn hopeless_populations_are_survived() {
    let mut dark = Splats::scattered(30).with_scores(0.0);
    dark.influence.fill(0.0);
    assert_eq!(refine(&pruned(adc()), BOTH, &dark), None);
    // Nothing is left for the rule inside to work with; it waits, and what was pruned stays pruned.
    let mut faint = Splats::scattered(30).with_opacity_logit(-9.0);
    faint.influence[4] = 0.0;
    assert_eq!(refine(&pruned(adc()), BOTH, &faint).unwrap().src.len(), 25);
    assert_eq!(refine(&pruned(adc()), BOTH, &Splats::scattered(0)), None);
}

/// A random edit of `from` splats with everything an edit may hold: copies, removals, several writes to one column.
fn random_edit(from: usize, to: usize, seed: u64) -> RowEdit {
    let rng = Rng::new(seed, 1);
    let pick = |i: usize, lane: u32, below: usize| (rng.bits(i, lane) % below as u64) as usize;
    let write = |column: &'static str, width: usize, lane: u32| {
        let rows: Vec<u32> = (0..to as u32).filter(|&row| pick(row as usize, lane, 3) == 0).collect();
        let values = (0..rows.len() * width).map(|i| rng.uniform(i, lane + 1) as f32).collect();
        ColumnWrite { column, rows, values, fresh: pick(0, lane + 2, 2) == 0 }
    };
    RowEdit {
        src: (0..to).map(|i| pick(i, 0, from) as u32).collect(),
        fresh: (0..to).map(|i| pick(i, 1, 2) == 0).collect(),
        writes: vec![write("means", 3, 10), write("opacity_logits", 1, 20), write("opacity_logits", 1, 30)],
    }
}

/// Which old row's moments each new value of opacity has, and whether they restarted.
fn moments(before: &[(u32, bool)], edit: &RowEdit) -> Vec<(u32, bool)> {
    let mut after: Vec<(u32, bool)> = edit.src.iter().map(|&src| before[src as usize]).collect();
    after.iter_mut().zip(&edit.fresh).for_each(|(moment, &fresh)| moment.1 |= fresh);
    for write in edit.writes.iter().filter(|write| write.column == "opacity_logits" && write.fresh) {
        write.rows.iter().for_each(|&row| after[row as usize].1 = true);
    }
    after
}

#[test]
fn one_edit_then_another_is_one_edit() {
    let start = Splats::scattered(40);
    let untouched: Vec<(u32, bool)> = (0..40).map(|row| (row, false)).collect();
    for seed in 0..20 {
        let first = random_edit(40, 30 + seed as usize, seed);
        let second = random_edit(first.src.len(), 50 - seed as usize, 100 + seed);
        let both = first.then(&second);
        assert!(start.apply(&both) == start.apply(&first).apply(&second), "values, seed {seed}");
        assert_eq!(moments(&untouched, &both), moments(&moments(&untouched, &first), &second), "seed {seed}");
        let same = RowEdit::identity(first.src.len());
        assert!(start.apply(&first.then(&same)) == start.apply(&first));
        assert!(RowEdit::identity(40).then(&first) == first);
    }
}
