//! Choosing rows by weight: the best, at random without replacement, at random with replacement.

use std::cmp::Ordering;

use super::rng::Rng;

/// A row with a non-negative weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighted {
    pub(super) row: usize,
    pub(super) weight: f64,
}

/// The `count` heaviest rows (all, if there are fewer), ties to the lower row, in ascending row
/// order.
pub(super) fn heaviest(candidates: &[Weighted], count: usize) -> Vec<usize> {
    first(candidates.to_vec(), count, |a, b| b.weight.total_cmp(&a.weight))
}

/// `count` rows (all, if there are fewer) drawn one after the other with probability proportional
/// to weight, in ascending row order. Works by giving every row an exponential waiting time with
/// its weight as the rate: the earliest arrivals are such a sample [Efraimidis & Spirakis 2006].
pub(super) fn without_replacement(candidates: &[Weighted], count: usize, rng: &Rng, lane: u32) -> Vec<usize> {
    let arrival =
        |&Weighted { row, weight }: &Weighted| Weighted { row, weight: -rng.uniform(row, lane).ln() / weight };
    let arrivals = candidates.iter().map(arrival).collect();
    first(arrivals, count, |a, b| a.weight.total_cmp(&b.weight))
}

/// The `count` first rows by `order` and then by row, returned in ascending row order.
fn first(mut candidates: Vec<Weighted>, count: usize, order: impl Fn(&Weighted, &Weighted) -> Ordering) -> Vec<usize> {
    if count < candidates.len() {
        // The order is total, so the set selected does not depend on how the selection proceeds.
        candidates.select_nth_unstable_by(count, |a, b| order(a, b).then(a.row.cmp(&b.row)));
        candidates.truncate(count);
    }
    let mut rows: Vec<usize> = candidates.iter().map(|candidate| candidate.row).collect();
    rows.sort_unstable();
    rows
}

/// `count` rows drawn independently with probability proportional to weight; none if all weights
/// vanish.
pub(super) fn with_replacement(candidates: &[Weighted], count: usize, rng: &Rng, lane: u32) -> Vec<usize> {
    /// Weights are counted in units of 2⁻²⁰, as integers: their sum is exact, whatever the order.
    const UNITS: f64 = (1 << 20) as f64;
    let mut total: u64 = 0;
    let ends: Vec<u64> = candidates
        .iter()
        .map(|candidate| {
            total += (candidate.weight * UNITS) as u64;
            total
        })
        .collect();
    if total == 0 {
        return Vec::new();
    }
    (0..count)
        .map(|draw| {
            // Multiply-shift maps 64 bits to 0..total with a bias below total / 2⁶⁴.
            let ticket = (u128::from(rng.bits(draw, lane)) * u128::from(total)) >> 64;
            let at = ends.partition_point(|&end| u128::from(end) <= ticket);
            candidates[at].row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Weighted, heaviest, with_replacement, without_replacement};
    use crate::density::rng::Rng;

    fn weights(weights: &[f64]) -> Vec<Weighted> {
        let indexed = weights.iter().enumerate();
        indexed.map(|(row, &weight)| Weighted { row, weight }).collect()
    }

    #[test]
    fn heaviest_breaks_ties_by_row() {
        let candidates = weights(&[1.0, 3.0, 2.0, 3.0, 2.0]);
        assert_eq!(heaviest(&candidates, 3), [1, 2, 3]);
        assert_eq!(heaviest(&candidates, 9), [0, 1, 2, 3, 4]);
        assert_eq!(heaviest(&[], 2), [0; 0]);
    }

    #[test]
    fn drawing_follows_the_weights() {
        let candidates = weights(&[1.0, 0.0, 3.0]);
        let rng = Rng::new(5, 1);
        let drawn = with_replacement(&candidates, 10_000, &rng, 0);
        let share = drawn.iter().filter(|&&row| row == 2).count() as f64 / 10_000.0;
        assert!((share - 0.75).abs() < 0.025 && !drawn.contains(&1));

        let first_is_heavy = |step| without_replacement(&candidates, 1, &Rng::new(5, step), 0) == [2];
        let share = (0..10_000).filter(|&step| first_is_heavy(step)).count() as f64 / 10_000.0;
        assert!((share - 0.75).abs() < 0.025);
    }

    #[test]
    fn neighbours_of_weightless_rows_get_exactly_their_share() {
        // One unit of weight each: the ticket is 0 or 1, always on the edge of a row.
        let unit = 1.0 / f64::from(1 << 20);
        let candidates = weights(&[0.0, unit, 0.0, unit, 0.0]);
        let drawn = with_replacement(&candidates, 10_000, &Rng::new(5, 1), 0);
        let share = drawn.iter().filter(|&&row| row == 1).count() as f64 / 10_000.0;
        assert!((share - 0.5).abs() < 0.025);
        assert!(drawn.iter().all(|row| [1, 3].contains(row)));
    }

    #[test]
    fn drawing_without_replacement_takes_no_row_twice() {
        let rows = without_replacement(&weights(&[0.2; 50]), 30, &Rng::new(1, 1), 0);
        assert!(rows.len() == 30 && rows.is_sorted_by(|a, b| a < b));
        assert_eq!(without_replacement(&weights(&[0.2; 5]), 30, &Rng::new(1, 1), 0).len(), 5);
    }

    #[test]
    fn vanishing_weights_cannot_be_drawn_from() {
        assert_eq!(with_replacement(&weights(&[0.0, 0.0]), 3, &Rng::new(1, 1), 0), [0; 0]);
        assert_eq!(with_replacement(&[], 3, &Rng::new(1, 1), 0), [0; 0]);
    }
}
