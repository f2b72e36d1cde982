//! Finding near rows among many: rows lie in cells and cells in groups, of each about as many as there are in the next. A
//! search looks into the nearest groups and their nearest cells only. What it finds is near, and often nearest.

use super::{Rows, bisect, distance};

/// Rows by cells, cells by groups.
pub(super) struct Cells {
    /// Centres of the groups; and where the cells of each begin, and the end.
    groups: (Rows, Vec<usize>),
    /// Centres of the cells, group by group; and where the rows of each begin, and the end.
    cells: (Rows, Vec<usize>),
    /// The rows, cell by cell, and their numbers.
    rows: (Rows, Vec<u32>),
}

/// Distances with numbers; the distance is in the upper half, so that keys sort by it.
pub(super) type Keys = Vec<u64>;

/// Distances are not negative, and such floats sort as their bits do.
pub(super) fn key(far: f32, id: u32) -> u64 {
    u64::from(far.to_bits()) << 32 | u64::from(id)
}

/// Leaves the `most` nearest.
pub(super) fn nearest(keys: &mut Keys, most: usize) {
    if keys.len() > most {
        keys.select_nth_unstable(most);
        keys.truncate(most);
    }
}

/// Centres of parts, and where the members of each begin when they stand one part behind the other; with the members in
/// that order.
fn sorted(rows: &Rows, parts: Vec<Vec<u32>>) -> ((Rows, Vec<usize>), (Rows, Vec<u32>)) {
    let (mut centres, mut begins) = (Rows::new(rows.width), vec![0]);
    let (mut members, mut ids) = (Rows::new(rows.width), Vec::with_capacity(rows.len()));
    for part in parts {
        centres.push(&rows.mean(&part), 1.0);
        part.iter().for_each(|&row| members.push(rows.row(row as usize), rows.weights[row as usize]));
        ids.extend(part);
        begins.push(ids.len());
    }
    ((centres, begins), (members, ids))
}

impl Cells {
    /// Puts rows into cells.
    pub(super) fn new(rows: &Rows, threads: usize) -> Self {
        let side = (rows.len() as f64).cbrt().ceil() as usize;
        let part = |rows: &Rows, most| bisect::partition(rows, most, threads, &mut |_| Ok(())).unwrap_or_default();
        let members = part(rows, side * side);
        let mut centres = Rows::new(rows.width);
        members.iter().for_each(|members| centres.push(&rows.mean(members), 1.0));
        let (groups, (_, order)) = sorted(&centres, part(&centres, side));
        let mut members: Vec<Option<Vec<u32>>> = members.into_iter().map(Some).collect();
        let members = order.iter().filter_map(|&cell| members[cell as usize].take()).collect();
        let (cells, rows) = sorted(rows, members);
        Cells { groups, cells, rows }
    }

    /// Fills `found` with the rows in the nearest cells: of so many groups, so many cells.
    pub(super) fn search(&self, query: &[f32], (groups, cells): (usize, usize), found: &mut Keys, spare: &mut Keys) {
        let far = |rows: &Rows, at: usize| key(distance(query, rows.padded(at)), at as u32);
        let (tops, begins) = &self.groups;
        found.clear();
        found.extend((0..tops.len()).map(|group| far(tops, group)));
        nearest(found, groups);
        spare.clear();
        for &group in found.iter() {
            let group = group as u32 as usize;
            spare.extend((begins[group]..begins[group + 1]).map(|cell| far(&self.cells.0, cell)));
        }
        nearest(spare, cells);
        let (rows, ids) = &self.rows;
        let begins = &self.cells.1;
        found.clear();
        for &cell in spare.iter() {
            let cell = cell as u32 as usize;
            found.extend((begins[cell]..begins[cell + 1]).map(|at| key(distance(query, rows.padded(at)), ids[at])));
        }
    }
}
