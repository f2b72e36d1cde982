//! The rows of one chunk, as seen by the coder of one column.

use std::ops::Range;

use crate::archive::{Archive, ArchiveColumn, Codec, Data, classes_of};

/// What a column may be coded with in one chunk.
pub(super) struct ChunkView<'a> {
    /// Rows of the chunk.
    pub(super) rows: usize,
    /// Whether its rows form a tree, not splats.
    pub(super) tree: bool,
    /// Bits that say nothing: of each integer of each row, if any.
    trimmed: Option<(usize, Vec<u8>)>,
    /// Integers per row and integers of other columns, by number, where known.
    others: Vec<Option<(usize, &'a [i32])>>,
}

impl<'a> ChunkView<'a> {
    /// The view of rows of an archive, for a column that need not have data yet.
    pub(super) fn new(
        archive: &'a Archive,
        column: &ArchiveColumn,
        rows: Range<usize>,
        known: &[usize],
    ) -> Result<Self, String> {
        let mut others = vec![None; archive.columns.len()];
        for &number in known {
            if let Data::Integers { per_row, values } = &archive.columns[number].data {
                others[number] = values.get(rows.start * per_row..rows.end * per_row).map(|values| (*per_row, values));
            }
        }
        let trimmed = match &column.codec {
            Codec::Trimmed { by, bits, .. } => {
                let per_row = column.data.per_row(column.width);
                let classes = classes_of(archive, by, rows.clone())?;
                Some((per_row, classes.iter().flat_map(|class| &bits[class * per_row..][..per_row]).copied().collect()))
            }
            _ => None,
        };
        Ok(ChunkView { rows: rows.len(), tree: column.codec.block().is_some(), trimmed, others })
    }

    /// Bits of an integer that say nothing.
    #[inline]
    pub(super) fn trimmed_bits(&self, row: usize, c: usize) -> u8 {
        self.trimmed.as_ref().map_or(0, |(per_row, bits)| bits[row * per_row + c])
    }

    /// An integer of another column; zero where there is none.
    #[inline]
    pub(super) fn other(&self, column: usize, row: usize, c: usize) -> i32 {
        self.others[column].map_or(0, |(per_row, values)| values[row * per_row + c])
    }

    /// Whether all bits that should say nothing do so.
    pub(super) fn fits(&self, values: &[i32]) -> bool {
        self.trimmed.as_ref().is_none_or(|(_, bits)| {
            values.iter().zip(bits).all(|(&value, &bits)| restored(value >> bits, bits) == value)
        })
    }

    /// The same without bits that say nothing.
    pub(super) fn untrimmed(self) -> Self {
        ChunkView { trimmed: None, ..self }
    }
}

/// An integer with the bits that say nothing.
#[inline]
pub(super) fn restored(value: i32, bits: u8) -> i32 {
    value.wrapping_shl(u32::from(bits)) | 1 << bits >> 1
}
