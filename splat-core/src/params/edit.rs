//! The one way the population changes: a gather of rows, and values written over.

use crate::error::{Error, Result};
use crate::scene::SplatCloud;

/// A change of the population.
#[derive(Clone, Debug, PartialEq)]
pub struct RowEdit {
    /// The old row each new row copies. Its length is the new number of rows.
    pub src: Vec<u32>,
    /// New rows whose optimizer moments restart at zero.
    pub fresh: Vec<bool>,
    /// Values replaced after the copy, in the units of the columns.
    pub writes: Vec<ColumnWrite>,
}

/// New values for some rows of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnWrite {
    /// Which column.
    pub column: &'static str,
    /// New row numbers.
    pub rows: Vec<u32>,
    /// `rows.len()` × column width values.
    pub values: Vec<f32>,
    /// Whether the optimizer moments of these values restart.
    pub fresh: bool,
}

impl RowEdit {
    /// The edit that changes nothing.
    pub fn identity(rows: usize) -> Self {
        RowEdit { src: (0..rows as u32).collect(), fresh: vec![false; rows], writes: Vec::new() }
    }

    /// Whether sources and rows exist and lengths agree, for a population of `old_rows`.
    pub fn is_valid(&self, old_rows: usize, width_of: impl Fn(&str) -> Option<usize>) -> bool {
        let rows = self.src.len();
        self.fresh.len() == rows
            && self.src.iter().all(|&row| (row as usize) < old_rows)
            && self.writes.iter().all(|write| {
                width_of(write.column).is_some_and(|width| write.values.len() == write.rows.len() * width)
                    && write.rows.iter().all(|&row| (row as usize) < rows)
            })
    }

    /// The one edit that does what this one and then `next` do.
    ///
    /// # Panics
    /// When `next` was made for another number of rows: a bug of ours.
    #[must_use]
    pub fn then(&self, next: &RowEdit) -> RowEdit {
        let middle = |&row: &u32| row as usize;
        let mut writes = Vec::with_capacity(self.writes.len() + next.writes.len());
        for write in &self.writes {
            // Where each row in the middle finds its value; the last of several counts.
            let mut place = vec![None; self.src.len()];
            write.rows.iter().enumerate().for_each(|(at, &row)| place[row as usize] = Some(at));
            let width = write.values.len() / write.rows.len().max(1);
            let mut moved = ColumnWrite { rows: Vec::new(), values: Vec::new(), ..*write };
            for (row, at) in next.src.iter().enumerate().filter_map(|(row, src)| Some((row, place[middle(src)]?))) {
                moved.rows.push(row as u32);
                moved.values.extend(&write.values[at * width..][..width]);
            }
            writes.extend((!moved.rows.is_empty()).then_some(moved));
        }
        // Values of `next` are written behind, so that they win.
        writes.extend_from_slice(&next.writes);
        let fresh = next.src.iter().zip(&next.fresh).map(|(src, &fresh)| fresh || self.fresh[middle(src)]);
        RowEdit { src: next.src.iter().map(|src| self.src[middle(src)]).collect(), fresh: fresh.collect(), writes }
    }

    /// Whether the rows that come from the first `head` come first.
    fn keeps_head(&self, head: u64) -> bool {
        self.src.is_sorted_by_key(|&row| u64::from(row) >= head)
    }

    /// The same population with the rows first that come from the first `head`, otherwise in the same order.
    #[must_use]
    pub(crate) fn head_first(self, head: u64) -> RowEdit {
        if self.keeps_head(head) {
            return self;
        }
        let (mut order, rest): (Vec<u32>, Vec<u32>) =
            (0..self.src.len() as u32).partition(|&row| u64::from(self.src[row as usize]) < head);
        order.extend(rest);
        self.then(&RowEdit { fresh: vec![false; order.len()], src: order, writes: Vec::new() })
    }

    /// The splats after the edit: what [`Params::apply`] does to a table, done to finished splats.
    ///
    /// # Errors
    /// [`Error::Settings`] when the edit was made for other splats.
    pub fn apply_to(&self, cloud: &SplatCloud) -> Result<SplatCloud> {
        cloud.check()?;
        let widths: Vec<(&str, usize)> = cloud.columns().iter().map(|&(name, width, _)| (name, width)).collect();
        let width_of = |name: &str| widths.iter().find(|(known, _)| *known == name).map(|&(_, width)| width);
        if !self.is_valid(cloud.len(), width_of) {
            return Err(Error::settings(
                format!("an edit that leaves {} splats does not fit a scene of {}", self.src.len(), cloud.len()),
                "this is a bug: please report it",
            ));
        }
        let mut edited = cloud.gather(&self.src);
        for write in &self.writes {
            if let (Some(width), Some(column)) = (width_of(write.column), edited.column_mut(write.column)) {
                for (&row, values) in write.rows.iter().zip(write.values.chunks_exact(width)) {
                    column[row as usize * width..][..width].copy_from_slice(values);
                }
            }
        }
        Ok(edited)
    }
}
