//! Finding near rows among many: rows lie in about as many cells as a cell has rows, and a search looks into the
//! nearest cells only. What it finds is near, and nearly always nearest.

use super::{Rows, bisect, distance, in_parallel};

/// Cells that a search looks into.
const PROBES: usize = 8;
/// Rows whose neighbours a thread finds at a time.
const AT_A_TIME: usize = 64;

/// Rows by cells.
pub(in crate::formats) struct Cells<'a> {
    rows: &'a Rows,
    centres: Rows,
    members: Vec<Vec<u32>>,
}

impl<'a> Cells<'a> {
    /// Puts rows into cells.
    pub(in crate::formats) fn new(rows: &'a Rows, threads: usize) -> Self {
        let members = bisect::partition(rows, rows.len().isqrt(), threads, &mut |_| Ok(())).unwrap_or_default();
        let mut centres = Rows::new(rows.width);
        members.iter().for_each(|members| centres.push(&rows.mean(members), 1.0));
        Cells { rows, centres, members }
    }

    /// For searches by one thread.
    pub(in crate::formats) fn searcher(&self) -> Searcher<'_> {
        Searcher { cells: self, query: Vec::new(), found: Vec::new() }
    }

    /// For each row the `each` nearest others, nearest first; `each` is below the number of rows.
    pub(super) fn neighbours(&self, each: usize, threads: usize) -> Vec<u32> {
        let mut all = vec![0; self.rows.len() * each];
        let pieces = all.chunks_mut((AT_A_TIME * each).max(1)).enumerate();
        in_parallel(threads, pieces, |(piece, neighbours)| {
            let mut found = Vec::new();
            for (index, neighbours) in neighbours.chunks_exact_mut(each).enumerate() {
                let row = piece * AT_A_TIME + index;
                self.search(self.rows.padded(row), &mut found);
                found.retain(|&key| key as u32 != row as u32);
                if found.len() > each {
                    found.select_nth_unstable(each);
                    found.truncate(each);
                }
                found.sort_unstable();
                // Where the nearest cells hold too few rows, a row is its own neighbour, which does no harm.
                let ids = found.iter().map(|&key| key as u32).chain(std::iter::repeat(row as u32));
                neighbours.iter_mut().zip(ids).for_each(|(slot, id)| *slot = id);
            }
        });
        all
    }

    /// Fills `found` with the rows of the nearest cells, each behind its distance, so that keys sort by distance.
    fn search(&self, query: &[f32], found: &mut Vec<u64>) {
        // Distances are not negative, and such floats sort as their bits do.
        let key = |far: f32, id: u32| u64::from(far.to_bits()) << 32 | u64::from(id);
        let mut cells: Vec<u64> =
            (0..self.centres.len()).map(|cell| key(distance(query, self.centres.padded(cell)), cell as u32)).collect();
        if cells.len() > PROBES {
            cells.select_nth_unstable(PROBES);
            cells.truncate(PROBES);
        }
        found.clear();
        for cell in cells {
            let members = &self.members[cell as u32 as usize];
            found.extend(members.iter().map(|&row| key(distance(query, self.rows.padded(row as usize)), row)));
        }
    }
}

/// Searches one after the other, and keeps their memory.
pub(in crate::formats) struct Searcher<'a> {
    cells: &'a Cells<'a>,
    query: Vec<f32>,
    found: Vec<u64>,
}

impl Searcher<'_> {
    /// A row near to these values.
    pub(in crate::formats) fn nearest(&mut self, values: &[f32]) -> u32 {
        self.query.clear();
        self.query.extend_from_slice(values);
        self.query.resize(self.cells.rows.stride, 0.0);
        self.cells.search(&self.query, &mut self.found);
        self.found.iter().min().map_or(0, |&key| key as u32)
    }
}
