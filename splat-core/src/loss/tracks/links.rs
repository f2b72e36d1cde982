//! Who is whose neighbour among the splats that move.

use crate::gpu::{Buf, Gpu};
use crate::parallel::for_each_part;
use crate::scene::KdTree;

/// Neighbours of a splat.
pub(super) const NEAR: usize = 8;
/// Stands for no splat.
const NOBODY: u32 = u32::MAX;
/// Bytes of the longest buffer per row.
pub(super) const BYTES_PER_ROW: u64 = 4 * (2 * NEAR as u64 + 2);
/// Rows below this many are handled on one thread.
const ROWS_PER_THREAD: usize = 4096;

/// Neighbours of each of the first rows of a table, on the device.
#[derive(Debug)]
pub(super) struct Links {
    /// Rows that may have neighbours.
    pub(super) rows: u32,
    /// How fast the weight of a neighbour falls with the square of its distance.
    pub(super) reach: f32,
    /// Mean distance of neighbours, and the neighbours of each row: all else follows.
    pub(super) state: Vec<u32>,
    /// See `loss/rigid.wgsl`.
    pub(super) lists: Buf<u32>,
    /// Positions and their speeds.
    pub(super) paths: Buf<[f32; 4]>,
    /// Rotations and their speeds; zeros where they do not change.
    pub(super) turns: Buf<[f32; 4]>,
    /// Gradients of both speeds.
    pub(super) pulls: Buf<[f32; 4]>,
}

impl Links {
    /// What [`Links::of`] wants, for splats at `positions` of which some move: those next to each other.
    pub(super) fn find(positions: &[[f32; 3]], moves: &[bool]) -> Vec<u32> {
        let moving: Vec<u32> = (0..).zip(moves).filter(|(_, moves)| **moves).map(|(row, _)| row).collect();
        let points: Vec<[f32; 3]> = moving.iter().map(|&row| positions[row as usize]).collect();
        let tree = KdTree::new(&points);
        let mut found = vec![[(f32::INFINITY, NOBODY); NEAR]; points.len()];
        for_each_part(&mut found, 1, ROWS_PER_THREAD, |first, out| {
            for (at, near) in (first..).zip(out) {
                *near = tree.nearest(points[at], at as u32);
            }
        });
        let known = || found.iter().flatten().filter(|(square, _)| square.is_finite());
        let sum: f64 = known().map(|&(square, _)| f64::from(square).sqrt()).sum();
        let mean = (sum / known().count().max(1) as f64) as f32;
        let mut state = vec![NOBODY; 1 + NEAR * moves.len()];
        state[0] = mean.to_bits();
        for (&row, near) in moving.iter().zip(&found) {
            let own = &mut state[1 + NEAR * row as usize..][..NEAR];
            own.iter_mut().zip(near).for_each(|(slot, &(square, at))| {
                *slot = if square.is_finite() { moving[at as usize] } else { NOBODY };
            });
        }
        state
    }

    /// The lists of a state, or `None` where nobody has a neighbour or the state is not one.
    pub(super) fn of(gpu: &Gpu, state: Vec<u32>) -> Option<Links> {
        let (&mean, neighbours) = state.split_first()?;
        let (mean, rows) = (f32::from_bits(mean), neighbours.len() / NEAR);
        let is_one = |&row: &u32| row == NOBODY || (row as usize) < rows;
        if neighbours.len() != NEAR * rows || !neighbours.iter().all(is_one) || !(mean.is_finite() && mean > 0.0) {
            return None;
        }
        let lists = with_sources(neighbours);
        let per_row = |label| Buf::new(gpu, label, 2 * rows as u64);
        Some(Links {
            rows: rows as u32,
            reach: 0.5 / (mean * mean),
            lists: Buf::from_slice(gpu, "neighbours", &lists),
            state,
            paths: per_row("paths"),
            turns: per_row("turns"),
            pulls: per_row("pulls"),
        })
    }
}

/// Neighbours, and behind them for each row where in the rest the rows begin whose neighbour it is, and those.
fn with_sources(neighbours: &[u32]) -> Vec<u32> {
    let rows = neighbours.len() / NEAR;
    let mut lists = vec![0; neighbours.len() + rows + 1];
    lists[..neighbours.len()].copy_from_slice(neighbours);
    let starts = &mut lists[neighbours.len()..];
    let named = || neighbours.iter().enumerate().filter(|(_, other)| **other != NOBODY);
    for (_, &other) in named() {
        starts[other as usize + 1] += 1;
    }
    for row in 0..rows {
        starts[row + 1] += starts[row];
    }
    let mut next = starts.to_vec();
    let mut sources = vec![0; starts[rows] as usize];
    // In the order of the rows, so that sums over them have one.
    for (at, &other) in named() {
        let place = &mut next[other as usize];
        sources[*place as usize] = (at / NEAR) as u32;
        *place += 1;
    }
    lists.extend(sources);
    lists
}

#[cfg(test)]
mod tests {
    use super::{Links, NEAR, NOBODY, with_sources};

    #[test]
    fn only_what_moves_has_neighbours_and_is_one() {
        let positions: Vec<[f32; 3]> = (0..12).map(|i| [i as f32, 0.0, 0.0]).collect();
        let moves: Vec<bool> = (0..12).map(|i| i != 3 && i != 4).collect();
        let state = Links::find(&positions, &moves);
        let of = |row: usize| &state[1 + NEAR * row..][..NEAR];
        assert_eq!(of(2)[..4], [1, 0, 5, 6]);
        assert_eq!(of(3), [NOBODY; NEAR]);
        assert!(!state[1..].contains(&3) && !state[1..].contains(&4));
        // Two splats have one neighbour each, one has none.
        let two = Links::find(&positions[..3], &[true, false, true]);
        assert_eq!((f32::from_bits(two[0]), two[1], two[2], two[1 + 2 * NEAR]), (2.0, 2, NOBODY, 0));
        let one = Links::find(&positions[..1], &[true]);
        assert_eq!((f32::from_bits(one[0]), &one[1..]), (0.0, &[NOBODY; NEAR][..]));
        assert_eq!(Links::find(&[], &[]).len(), 1);
    }

    #[test]
    fn sources_are_those_that_name_a_row_in_their_order() {
        let mut neighbours = vec![NOBODY; 4 * NEAR];
        for (row, other) in [(0, 2), (1, 2), (1, 0), (3, 2)] {
            let free = (row * NEAR..).find(|&at| neighbours[at] == NOBODY).unwrap_or_default();
            neighbours[free] = other;
        }
        let lists = with_sources(&neighbours);
        assert_eq!(lists[..4 * NEAR], neighbours[..]);
        assert_eq!(lists[4 * NEAR..], [0, 1, 1, 4, 4, /* of 0 */ 1, /* of 2 */ 0, 1, 3]);
    }
}
