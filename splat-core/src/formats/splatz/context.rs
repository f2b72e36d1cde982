//! What a decoder knows when an integer comes, and how that picks the table of frequencies.
//!
//! Contexts are declared in the file, integer by integer: a list of quantities, each with bounds that sort its value
//! into classes. No column is known by name.

use super::bytes::{Bytes, Read1, put_number, put_signed};
use super::chunk::ChunkView;
use super::frequencies::Frequencies;
use crate::archive::haar_places;

/// A quantity that is known before an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// How many of its bits say nothing.
    Trimmed,
    /// Depth in the tree of a [`Codec::Haar`](crate::archive::Codec::Haar).
    Depth,
    /// Magnitude of the same integer in the parent there.
    Parent,
    /// Sum of magnitudes of all integers of the parent.
    ParentSum,
    /// Sum of magnitudes of the earlier integers of the row.
    Sum,
    /// An earlier integer of the row.
    Earlier(u16),
    /// Mean of the same integer in the last eight rows.
    Recent,
    /// Mean of the sums of magnitudes of the last eight rows.
    RecentSum,
    /// An integer of the same row in another column of the file, by the number of that column.
    Other(u16, u16),
}

/// A quantity and the bounds of its classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Criterion {
    pub(super) source: Source,
    pub(super) bounds: Vec<i32>,
}

/// How one integer of a row is coded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct IntegerModel {
    /// Its lowest bits, which are coded as they are.
    pub(super) raw_bits: u8,
    /// Whether its difference to the same integer of the row before is coded, not itself.
    pub(super) difference: bool,
    pub(super) criteria: Vec<Criterion>,
    /// Number of the first of its contexts among those of the column.
    pub(super) first: usize,
}

impl IntegerModel {
    /// Whether it asks for the last rows.
    pub(super) fn looks_back(&self) -> bool {
        self.criteria.iter().any(|criterion| matches!(criterion.source, Source::Recent | Source::RecentSum))
    }

    /// How many contexts it has.
    pub(super) fn contexts(&self) -> usize {
        self.criteria.iter().map(|criterion| criterion.bounds.len() + 1).product()
    }
}

/// How a column is coded.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnModel {
    pub(super) integers: Vec<IntegerModel>,
    /// The table of each context.
    pub(super) table_of: Vec<u8>,
    pub(super) tables: Vec<Frequencies>,
}

/// Most contexts of one integer.
pub(super) const MOST_CONTEXTS: usize = 1024;
/// Rows that [`Source::Recent`] looks back.
const BACK: usize = 8;

/// Walks over the rows of a chunk and knows what a decoder knows.
pub(super) struct Walk<'a> {
    chunk: &'a ChunkView<'a>,
    per_row: usize,
    row: usize,
    /// Depth and parent row in the tree, where rows form one.
    tree: Vec<(u8, u32)>,
    /// Sums of magnitudes of the rows so far.
    sums: Vec<i32>,
    /// Sums over the last rows: of each integer, then of the sums of magnitudes. Empty if nobody asks.
    recent: Vec<i64>,
    /// Sum of magnitudes of the row so far.
    pub(super) sum: i32,
}

impl<'a> Walk<'a> {
    /// `recent` tells whether the last rows will be asked for.
    pub(super) fn new(chunk: &'a ChunkView<'a>, per_row: usize, recent: bool) -> Self {
        let tree = if chunk.tree {
            let places = haar_places(chunk.rows);
            let depth = |place: u32| (u32::BITS - place.leading_zeros()) as u8;
            // The nearest one above that exists; the mean of all does.
            let parent = |place: u32| {
                let above = std::iter::successors(Some(place / 2), |place| (*place > 0).then_some(place / 2));
                above.into_iter().find_map(|place| places.binary_search(&place).ok()).unwrap_or(0) as u32
            };
            places.iter().map(|&place| (depth(place), parent(place))).collect()
        } else {
            Vec::new()
        };
        let recent = vec![0; if recent { per_row + 1 } else { 0 }];
        Walk { chunk, per_row, row: 0, tree, sums: Vec::with_capacity(chunk.rows), recent, sum: 0 }
    }

    /// The value of a quantity for integer `c` of the current row; `values` are all integers before it.
    #[inline]
    pub(super) fn value(&self, source: Source, c: usize, values: &[i32]) -> i32 {
        let at = |row: usize, c: usize| values.get(row * self.per_row + c).copied().unwrap_or(0);
        let parent = || self.tree.get(self.row).map_or(0, |&(_, parent)| parent as usize);
        match source {
            Source::Trimmed => i32::from(self.chunk.trimmed_bits(self.row, c)),
            Source::Depth => self.tree.get(self.row).map_or(0, |&(depth, _)| i32::from(depth)),
            Source::Parent if parent() < self.row => at(parent(), c).saturating_abs(),
            Source::ParentSum if parent() < self.row => self.sums[parent()],
            Source::Parent | Source::ParentSum => 0,
            Source::Sum => self.sum,
            Source::Earlier(earlier) => at(self.row, usize::from(earlier)),
            Source::Recent => (self.recent[c] >> BACK.ilog2()) as i32,
            Source::RecentSum => (self.recent[self.per_row] >> BACK.ilog2()) as i32,
            Source::Other(column, c) => self.chunk.other(usize::from(column), self.row, usize::from(c)),
        }
    }

    /// The context of integer `c` of the current row.
    #[inline]
    pub(super) fn context(&self, model: &IntegerModel, c: usize, values: &[i32]) -> usize {
        model.criteria.iter().fold(0, |context, criterion| {
            let value = self.value(criterion.source, c, values);
            // All bounds, for a branch would be guessed wrong as often as not.
            let class: u32 = criterion.bounds.iter().map(|&bound| u32::from(bound <= value)).sum();
            context * (criterion.bounds.len() + 1) + class as usize
        }) + model.first
    }

    /// Goes on within the row.
    #[inline]
    pub(super) fn passed(&mut self, value: i32) {
        self.sum = self.sum.saturating_add(value.saturating_abs());
    }

    /// Goes on to the next row; `values` end with the current one.
    #[inline]
    pub(super) fn next_row(&mut self, values: &[i32]) {
        let first = self.row * self.per_row;
        if let Some((of_sums, of_integers)) = self.recent.split_last_mut() {
            of_integers.iter_mut().zip(&values[first..]).for_each(|(sum, &value)| *sum += i64::from(value));
            *of_sums += i64::from(self.sum);
            if self.row >= BACK {
                let left = &values[first - BACK * self.per_row..];
                of_integers.iter_mut().zip(left).for_each(|(sum, &value)| *sum -= i64::from(value));
                *of_sums -= i64::from(self.sums[self.row - BACK]);
            }
        }
        self.sums.push(self.sum);
        self.sum = 0;
        self.row += 1;
    }
}

impl Source {
    fn write(self, out: &mut Vec<u8>) {
        let (kind, arguments) = match self {
            Source::Trimmed => (0, vec![]),
            Source::Depth => (1, vec![]),
            Source::Parent => (2, vec![]),
            Source::ParentSum => (3, vec![]),
            Source::Sum => (4, vec![]),
            Source::Earlier(c) => (5, vec![c]),
            Source::Recent => (6, vec![]),
            Source::RecentSum => (7, vec![]),
            Source::Other(column, c) => (8, vec![column, c]),
        };
        out.push(kind);
        arguments.into_iter().for_each(|argument| put_number(out, u64::from(argument)));
    }

    /// `known` tells the integers per row of a column that is decoded before, by its number.
    fn read(bytes: &mut Bytes<'_>, c: usize, known: &dyn Fn(usize) -> Option<usize>) -> Read1<Self> {
        Ok(match bytes.u8()? {
            0 => Source::Trimmed,
            1 => Source::Depth,
            2 => Source::Parent,
            3 => Source::ParentSum,
            4 => Source::Sum,
            5 => match bytes.count(usize::from(u16::MAX))? {
                earlier if earlier < c => Source::Earlier(earlier as u16),
                earlier => return Err(format!("integer {c} depends on integer {earlier}")),
            },
            6 => Source::Recent,
            7 => Source::RecentSum,
            8 => {
                let (column, c) = (bytes.count(usize::from(u16::MAX))?, bytes.count(usize::from(u16::MAX))?);
                if known(column).is_none_or(|per_row| c >= per_row) {
                    return Err(format!("it depends on integer {c} of column number {column}, which is not there"));
                }
                Source::Other(column as u16, c as u16)
            }
            other => return Err(format!("contexts of kind {other} are not known")),
        })
    }
}

impl ColumnModel {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for integer in &self.integers {
            out.push(integer.raw_bits | u8::from(integer.difference) << 7);
            out.push(integer.criteria.len() as u8);
            for criterion in &integer.criteria {
                criterion.source.write(out);
                put_number(out, criterion.bounds.len() as u64);
                criterion.bounds.iter().for_each(|&bound| put_signed(out, bound));
            }
        }
        out.extend_from_slice(&self.table_of);
        write_tables(&self.tables, out);
    }

    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        per_row: usize,
        known: &dyn Fn(usize) -> Option<usize>,
    ) -> Read1<ColumnModel> {
        let mut model = ColumnModel::default();
        let mut first = 0;
        for c in 0..per_row {
            let flags = bytes.u8()?;
            let mut integer =
                IntegerModel { raw_bits: flags & 0x7f, difference: flags >> 7 == 1, first, ..Default::default() };
            if integer.raw_bits > 31 {
                return Err(format!("{} raw bits", integer.raw_bits));
            }
            for _ in 0..bytes.u8()? {
                let source = Source::read(bytes, c, known)?;
                let count = bytes.count(MOST_CONTEXTS)?;
                let bounds = (0..count).map(|_| bytes.signed()).collect::<Read1<Vec<i32>>>()?;
                integer.criteria.push(Criterion { source, bounds });
                if integer.contexts() > MOST_CONTEXTS {
                    return Err("too many contexts".to_owned());
                }
            }
            first += integer.contexts();
            model.integers.push(integer);
        }
        model.table_of = bytes.take(first)?.to_vec();
        model.tables = read_tables(bytes, &model.table_of)?;
        Ok(model)
    }
}

pub(super) fn write_tables(tables: &[Frequencies], out: &mut Vec<u8>) {
    put_number(out, tables.len() as u64);
    tables.iter().for_each(|table| table.write(out));
}

/// Tables, of which contexts may use only those that there are.
pub(super) fn read_tables(bytes: &mut Bytes<'_>, table_of: &[u8]) -> Read1<Vec<Frequencies>> {
    let count = bytes.count(256)?;
    let tables = (0..count).map(|_| Frequencies::read(bytes)).collect::<Read1<Vec<_>>>()?;
    match table_of.iter().all(|&table| usize::from(table) < count) {
        true => Ok(tables),
        false => Err("a context has no table".to_owned()),
    }
}
