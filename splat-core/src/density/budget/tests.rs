//! What the budget rule promises, on small populations.

use super::{Budget, BudgetSettings, Pick};
use crate::density::testing::Splats;
use crate::density::{Density, RowEdit};

const TOTAL: u32 = 30_000;
/// A step inside the growth window, one at its end and one after it.
const GROWING: u32 = 6000;
const LAST: u32 = 15_000;
const LATER: u32 = 20_000;

fn without_decay(cap: usize) -> BudgetSettings {
    BudgetSettings { cap, opacity_decay: 0.0, scale_decay: 0.0, ..BudgetSettings::default() }
}

fn refine(settings: BudgetSettings, step: u32, splats: &Splats) -> Option<RowEdit> {
    let budget = Budget::new(settings, splats.len());
    budget.refine(step, TOTAL, &splats.rows(), &splats.scores(), 1.0, 3)
}

#[test]
fn budget_follows_the_root_of_progress_and_ends_at_the_cap() {
    let budget = Budget::new(BudgetSettings { cap: 10_000, ..BudgetSettings::default() }, 2000);
    assert_eq!(budget.splats_at(500, TOTAL), 2000);
    assert_eq!(budget.splats_at(500 + 14_500 / 4, TOTAL), 6000);
    assert_eq!(budget.splats_at(14_999, TOTAL), 10_000);
    assert_eq!(budget.splats_at(15_000, TOTAL), 10_000);
    assert_eq!(budget.splats_at(28_000, TOTAL), 10_000);
    // A run whose window does not end on a refinement: the last one inside counts.
    assert!(budget.splats_at(900, 2130) < 10_000);
    assert_eq!(budget.splats_at(1000, 2130), 10_000);
}

#[test]
fn a_whole_run_meets_the_cap_exactly_and_keeps_it() {
    for (start, cap) in [(300, 1000), (7, 1000), (1000, 300), (50, 50)] {
        let mut splats = Splats::scattered(start);
        let budget = Budget::new(BudgetSettings { cap, ..BudgetSettings::default() }, start);
        for step in 1..=3000 {
            let edit = budget.refine(step, 3000, &splats.rows(), &splats.scores(), 1.0, 5);
            assert!(edit.is_none() || budget.is_due(step, 3000));
            if let Some(edit) = edit {
                splats = splats.apply(&edit);
                assert!(splats.len() <= start.max(cap));
            }
            // Training would give children their opacity back; without it a few must still survive.
            splats.opacity_logits.iter_mut().for_each(|logit| *logit = logit.max(-4.0) + 0.05);
            if step >= 1500 {
                assert_eq!(splats.len(), cap, "step {step}, from {start} to {cap}");
            }
        }
    }
}

#[test]
fn highest_scores_are_split_first() {
    let mut splats = Splats::scattered(100).with_scores(1e-3);
    for row in [20, 50, 99] {
        splats.abs_grad[row] *= 2.0;
    }
    let edit = refine(without_decay(103), LAST, &splats).unwrap();
    assert_eq!(edit.src[100..], [20, 50, 99]);
    let fresh: Vec<usize> = (0..103).filter(|&row| edit.fresh[row]).collect();
    assert_eq!(fresh, [20, 50, 99, 100, 101, 102]);
}

#[test]
fn weighted_picks_are_random_but_only_among_candidates() {
    let mut splats = Splats::scattered(100).with_scores(1e-3);
    splats.abs_grad[..60].fill(4.0 * 2.9e-4); // just below the threshold
    let settings = BudgetSettings { pick: Pick::Weighted, ..without_decay(110) };
    let edit = refine(settings.clone(), LAST, &splats).unwrap();
    assert!(edit.src.len() == 110 && edit.src[100..].iter().all(|&src| src >= 60));
    assert_ne!(edit, refine(without_decay(110), LAST, &splats).unwrap());
    assert_eq!(Some(edit), refine(settings, LAST, &splats));
}

#[test]
fn too_few_candidates_are_made_up_for_by_opaque_splats() {
    let mut splats = Splats::scattered(100).with_scores(0.0);
    splats.abs_grad[11] = 1.0;
    let edit = refine(without_decay(150), LAST, &splats).unwrap();
    assert_eq!(edit.src.len(), 150);
    assert_eq!(edit.src[100], 11);
    let mut split = edit.src[100..].to_vec();
    split.dedup();
    assert_eq!(split.len(), 50, "no splat is split twice while others are whole");
    let mean = |rows: &[u32]| rows.iter().map(|&row| splats.opacity(row as usize)).sum::<f64>() / rows.len() as f64;
    assert!(mean(&edit.src[101..]) > mean(&edit.src[..100]) + 0.02);
}

#[test]
fn population_at_most_doubles_inside_the_window() {
    let splats = Splats::scattered(10);
    assert_eq!(refine(without_decay(1000), GROWING, &splats).unwrap().src.len(), 20);
    assert_eq!(refine(without_decay(1000), LAST, &splats).unwrap().src.len(), 1000);
}

#[test]
fn split_preserves_the_mean_and_halves_the_longest_axis() {
    let splats = Splats::scattered(30).with_scores(1e-3);
    let edit = refine(without_decay(60), LAST, &splats).unwrap();
    let after = splats.apply(&edit);
    for row in 0..30 {
        let sibling = (30..60).find(|&other| edit.src[other] == row as u32).unwrap();
        let (a, b, parent) = (after.mean(row), after.mean(sibling), splats.mean(row));
        let log_scales = &splats.log_scales[3 * row..][..3];
        let longest = (0..3).max_by(|&i, &j| log_scales[i].total_cmp(&log_scales[j])).unwrap();
        let mut distance2 = 0.0;
        for axis in 0..3 {
            assert!((0.5 * (a[axis] + b[axis]) - parent[axis]).abs() < 1e-6);
            distance2 += (a[axis] - b[axis]).powi(2);
            let factor = (after.log_scales[3 * row + axis] - log_scales[axis]).exp();
            let expected = if axis == longest { 0.55 } else { 0.893_028_6 };
            assert!((factor - expected).abs() < 1e-5);
        }
        let expected = 2.0 * 3.0 * 0.45 * log_scales[longest].exp();
        assert!((distance2.sqrt() / expected - 1.0).abs() < 1e-4);
        for child in [row, sibling] {
            assert!((after.opacity(child) - 0.6 * splats.opacity(row)).abs() < 1e-6);
            assert!(edit.fresh[child]);
        }
    }
}

#[test]
fn split_separates_along_the_rotated_axis() {
    let mut splats = Splats::scattered(1).with_scores(1e-3);
    // A quarter turn about z carries the x axis to y.
    splats.quats.copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
    splats.log_scales.copy_from_slice(&[-1.0, -3.0, -3.0]);
    let after = splats.apply(&refine(without_decay(2), LAST, &splats).unwrap());
    let offset = [0, 1, 2].map(|axis| after.mean(0)[axis] - splats.mean(0)[axis]);
    let expected = [0.0, 1.35 * (-1.0_f32).exp(), 0.0];
    assert!(offset.iter().zip(expected).all(|(o, e)| (o - e).abs() < 1e-6), "{offset:?}");
}

#[test]
fn faint_and_broken_splats_are_pruned_and_their_places_refilled() {
    let mut splats = Splats::scattered(20).with_scores(0.0);
    splats.opacity_logits[4] = -6.0;
    splats.log_scales[3 * 9] = f32::NAN;
    splats.abs_grad[2] = 1.0;
    splats.abs_grad[17] = 1.0;
    for step in [LAST, LATER] {
        let edit = refine(without_decay(20), step, &splats).unwrap();
        let mut expected: Vec<u32> = (0..20).collect();
        (expected[4], expected[9]) = (2, 17);
        assert_eq!(edit.src, expected);
        let fresh: Vec<usize> = (0..20).filter(|&row| edit.fresh[row]).collect();
        assert_eq!(fresh, [2, 4, 9, 17]);
    }
}

#[test]
fn a_cap_below_the_population_drops_the_faintest() {
    let splats = Splats::scattered(50);
    let edit = refine(without_decay(10), LAST, &splats).unwrap();
    let faintest_kept = edit.src.iter().map(|&row| splats.opacity(row as usize)).fold(1.0, f64::min);
    let more_opaque = (0..50).filter(|&row| splats.opacity(row) >= faintest_kept).count();
    assert_eq!((edit.src.len(), more_opaque), (10, 10));
    assert!(edit.fresh.iter().all(|&fresh| !fresh) && edit.writes.is_empty());
}

#[test]
fn decay_fades_and_shrinks_in_proportion_to_the_time_ahead() {
    let splats = Splats::scattered(5).with_scores(0.0);
    let settings = BudgetSettings { cap: 5, ..BudgetSettings::default() };
    let edit = refine(settings, LAST, &splats).unwrap();
    assert!(edit.fresh.iter().all(|&fresh| !fresh));
    assert!(edit.writes.iter().all(|write| !write.fresh));
    let after = splats.apply(&edit);
    for row in 0..5 {
        assert!((splats.opacity(row) - after.opacity(row) - 0.002).abs() < 1e-6);
        let factor = (after.log_scales[3 * row] - splats.log_scales[3 * row]).exp();
        assert!((factor - 0.999).abs() < 1e-5);
    }
}

#[test]
fn nothing_happens_outside_the_refinement_window() {
    let splats = Splats::scattered(10);
    let changes = |step| refine(BudgetSettings::default(), step, &splats).is_some();
    assert_eq!([100, 500, 600, 650, 28_500, 28_600].map(changes), [false, false, true, false, true, false]);
}

#[test]
fn hopeless_and_tiny_populations_are_survived() {
    let dead = Splats::scattered(9).with_opacity_logit(-7.0);
    assert_eq!(refine(without_decay(20), LAST, &dead), None);
    let nan = Splats::scattered(9).with_opacity_logit(f32::NAN);
    assert_eq!(refine(without_decay(20), LAST, &nan), None);
    assert_eq!(refine(without_decay(20), LAST, &Splats::scattered(0)), None);
    let one = Splats::scattered(1);
    assert_eq!(one.apply(&refine(without_decay(9), LAST, &one).unwrap()).len(), 9);
    assert_eq!(refine(without_decay(0), LAST, &one), None);
    let mut unscored = Splats::scattered(9);
    unscored.abs_grad.fill(f32::NAN);
    unscored.count.fill(0);
    assert_eq!(unscored.apply(&refine(without_decay(12), LAST, &unscored).unwrap()).len(), 12);
}
