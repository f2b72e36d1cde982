//! Which rows are near to which. Found through cells once, and kept up by asking the neighbours of neighbours when rows
//! move a little [Dong 2011]; that is far cheaper than searching anew. A search walks along it.

use super::cells::{Cells, Keys, key, nearest};
use super::{Rows, distance};
use crate::parallel::in_parallel;

/// Groups and cells that are looked into: for all neighbours of a row, and for where a walk begins.
const NEIGHBOURS_IN: (usize, usize) = (4, 12);
const WALK_FROM: (usize, usize) = (2, 3);
/// Nearest neighbours whose own are asked.
const ASKED: usize = 8;
/// Rows whose neighbours a thread finds at a time.
const AT_A_TIME: usize = 64;

/// For each row some near others, nearest first.
pub(super) struct Graph {
    each: usize,
    ids: Vec<u32>,
}

impl Graph {
    /// Looks for `each` neighbours of all rows, fewer than there are rows.
    pub(super) fn new(rows: &Rows, each: usize, threads: usize) -> Self {
        let mut graph = Graph { each, ids: vec![0; rows.len() * each] };
        let cells = Cells::new(rows, threads);
        let ids = graph.ids.chunks_mut((AT_A_TIME * each).max(1)).enumerate();
        in_parallel(threads, ids, |(piece, ids)| {
            let (mut found, mut spare) = (Keys::new(), Keys::new());
            for (index, ids) in ids.chunks_exact_mut(each).enumerate() {
                let row = piece * AT_A_TIME + index;
                cells.search(rows.padded(row), NEIGHBOURS_IN, &mut found, &mut spare);
                keep(&mut found, row, ids);
            }
        });
        graph
    }

    /// Looks for nearer neighbours among those of the neighbours, after rows moved.
    pub(super) fn refine(&mut self, rows: &Rows, threads: usize) {
        let each = self.each;
        let mut refined = vec![0; self.ids.len()];
        let pieces = refined.chunks_mut((AT_A_TIME * each).max(1)).enumerate();
        in_parallel(threads, pieces, |(piece, ids)| {
            let mut found = Keys::new();
            let mut candidates: Vec<u32> = Vec::new();
            for (index, ids) in ids.chunks_exact_mut(each).enumerate() {
                let row = piece * AT_A_TIME + index;
                let own = self.of(row as u32);
                candidates.clear();
                candidates.extend(own);
                own.iter().take(ASKED).for_each(|&other| candidates.extend(self.of(other)));
                candidates.sort_unstable();
                candidates.dedup();
                found.clear();
                let values = rows.padded(row);
                found.extend(candidates.iter().map(|&id| key(distance(values, rows.padded(id as usize)), id)));
                keep(&mut found, row, ids);
            }
        });
        self.ids = refined;
    }

    /// The neighbours of a row.
    pub(super) fn of(&self, row: u32) -> &[u32] {
        &self.ids[row as usize * self.each..][..self.each]
    }
}

/// The nearest of those found that are not the row itself. Where too few were found, a row is its own neighbour, which does
/// no harm.
fn keep(found: &mut Keys, row: usize, ids: &mut [u32]) {
    found.retain(|&key| key as u32 != row as u32);
    nearest(found, ids.len());
    found.sort_unstable();
    let nearest = found.iter().map(|&key| key as u32).chain(std::iter::repeat(row as u32));
    ids.iter_mut().zip(nearest).for_each(|(id, nearest)| *id = nearest);
}

/// Finds rows for values from elsewhere.
pub(in crate::formats) struct Finder<'a> {
    rows: &'a Rows,
    graph: &'a Graph,
    cells: Cells,
}

impl<'a> Finder<'a> {
    /// Among rows whose neighbours are known.
    pub(super) fn new(rows: &'a Rows, graph: &'a Graph, threads: usize) -> Self {
        Finder { rows, graph, cells: Cells::new(rows, threads) }
    }

    /// For searches by one thread.
    pub(in crate::formats) fn searcher(&self) -> Searcher<'_> {
        Searcher { finder: self, query: Vec::new(), found: Keys::new(), spare: Keys::new() }
    }
}

/// Searches one after the other, and keeps their memory.
pub(in crate::formats) struct Searcher<'a> {
    finder: &'a Finder<'a>,
    query: Vec<f32>,
    found: Keys,
    spare: Keys,
}

impl Searcher<'_> {
    /// A row near to these values: none of its neighbours is nearer.
    pub(in crate::formats) fn nearest(&mut self, values: &[f32]) -> u32 {
        let Finder { rows, graph, cells } = self.finder;
        self.query.clear();
        self.query.extend_from_slice(values);
        self.query.resize(rows.stride, 0.0);
        cells.search(&self.query, WALK_FROM, &mut self.found, &mut self.spare);
        let mut best = self.found.iter().copied().min().unwrap_or(0);
        loop {
            let far = |&id: &u32| key(distance(&self.query, rows.padded(id as usize)), id);
            match graph.of(best as u32).iter().map(far).min() {
                Some(nearer) if nearer < best => best = nearer,
                _ => return best as u32,
            }
        }
    }
}
