//! What a decoder knows when an integer comes, and how that picks the table of frequencies.
//!
//! Contexts are declared in the file, integer by integer: a list of quantities, each with bounds that sort its value
//! into classes. No column is known by name.

use super::bytes::{Bytes, Read1, put_number, put_signed};
use super::chunk::ChunkView;
use super::frequencies::{Frequencies, Tables};
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
    /// A class is how many of them are not above the value.
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
}

impl IntegerModel {
    /// How many contexts it has.
    pub(super) fn contexts(&self) -> usize {
        self.criteria.iter().map(|criterion| criterion.bounds.len() + 1).product()
    }
}

/// How a column is coded.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnModel {
    pub(super) integers: Vec<IntegerModel>,
    /// What the criteria of all integers come to.
    pub(super) contexts: Contexts,
    /// The table of each context.
    pub(super) table_of: Vec<u8>,
    pub(super) tables: Tables,
}

/// Most contexts of one integer.
pub(super) const MOST_CONTEXTS: usize = 1024;
/// Rows that [`Source::Recent`] looks back.
const BACK: usize = 8;

/// Where a [`Walk`] keeps the quantities it knows: these, then one each per integer of the row.
const SUM: usize = 0;
const DEPTH: usize = 1;
const PARENT_SUM: usize = 2;
const RECENT_SUM: usize = 3;
const EARLIER: usize = 4;

/// What is asked for while walking over rows, and where it is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    per_row: usize,
    /// Whether the parent, the last rows and the bits that say nothing are asked for.
    parent: bool,
    recent: bool,
    trimmed: bool,
    /// Integers of other columns that are asked for.
    others: Vec<(u16, u16)>,
}

impl Places {
    /// Places for some of the quantities that `per_row` integers may depend on.
    pub(super) fn of(per_row: usize, sources: impl IntoIterator<Item = Source>) -> Self {
        let mut places = Places { per_row, ..Places::default() };
        for source in sources {
            match source {
                Source::Parent | Source::ParentSum => places.parent = true,
                Source::Recent | Source::RecentSum => places.recent = true,
                Source::Trimmed => places.trimmed = true,
                Source::Other(column, c) if !places.others.contains(&(column, c)) => places.others.push((column, c)),
                Source::Depth | Source::Sum | Source::Earlier(_) | Source::Other(..) => {}
            }
        }
        places
    }

    /// Where a quantity for integer `c` is kept.
    pub(super) fn place(&self, source: Source, c: usize) -> usize {
        let block = |number: usize, c: usize| EARLIER + number * self.per_row + c;
        match source {
            Source::Sum => SUM,
            Source::Depth => DEPTH,
            Source::ParentSum => PARENT_SUM,
            Source::RecentSum => RECENT_SUM,
            Source::Earlier(earlier) => block(0, usize::from(earlier)),
            Source::Parent => block(1, c),
            Source::Recent => block(2, c),
            Source::Trimmed => block(3, c),
            Source::Other(column, c) => {
                block(4, self.others.iter().position(|&other| other == (column, c)).unwrap_or(0))
            }
        }
    }

    fn count(&self) -> usize {
        EARLIER + 4 * self.per_row + self.others.len().max(1)
    }
}

/// Walks over the rows of a chunk and knows what a decoder knows.
pub(super) struct Walk<'a> {
    chunk: &'a ChunkView<'a>,
    places: &'a Places,
    row: usize,
    /// Depth and parent row in the tree, where rows form one.
    tree: Vec<(u8, u32)>,
    /// Sums of magnitudes of the rows so far.
    sums: Vec<i32>,
    /// Sums over the last rows: of each integer, then of the sums of magnitudes. Empty if nobody asks.
    recent: Vec<i64>,
    /// The quantities, in their [`Places`].
    pub(super) known: Vec<i32>,
}

impl<'a> Walk<'a> {
    /// Before the first row; [`Walk::start_row`] goes there.
    pub(super) fn new(chunk: &'a ChunkView<'a>, places: &'a Places) -> Self {
        let tree = if chunk.tree { tree(chunk.rows) } else { Vec::new() };
        let recent = vec![0; if places.recent { places.per_row + 1 } else { 0 }];
        let sums = Vec::with_capacity(chunk.rows);
        Walk { chunk, places, row: 0, tree, sums, recent, known: vec![0; places.count()] }
    }

    /// What is known before the first integer of the current row; `values` are those of all rows before it, at least.
    pub(super) fn start_row(&mut self, values: &[i32]) {
        let Places { per_row, parent, recent, trimmed, others } = self.places;
        self.known[SUM] = 0;
        let (_, blocks) = self.known.split_at_mut(EARLIER);
        let (_, blocks) = blocks.split_at_mut(*per_row);
        let (parents, blocks) = blocks.split_at_mut(*per_row);
        let (recents, blocks) = blocks.split_at_mut(*per_row);
        let (trims, of_others) = blocks.split_at_mut(*per_row);
        let mut parent_sum = 0;
        let (depth, above) = self.tree.get(self.row).map_or((0, 0), |&(depth, parent)| (depth, parent as usize));
        if *parent && above < self.row {
            let row = &values[above * per_row..][..*per_row];
            parents.iter_mut().zip(row).for_each(|(known, value)| *known = value.saturating_abs());
            parent_sum = self.sums[above];
        }
        if *recent {
            recents.iter_mut().zip(&self.recent).for_each(|(known, sum)| *known = (sum >> BACK.ilog2()) as i32);
        }
        if *trimmed {
            (0..).zip(trims).for_each(|(c, known)| *known = i32::from(self.chunk.trimmed_bits(self.row, c)));
        }
        for (known, &(column, c)) in of_others.iter_mut().zip(others) {
            *known = self.chunk.other(usize::from(column), self.row, usize::from(c));
        }
        self.known[DEPTH] = i32::from(depth);
        self.known[PARENT_SUM] = parent_sum;
        self.known[RECENT_SUM] = self.recent.last().map_or(0, |sum| (sum >> BACK.ilog2()) as i32);
    }

    /// Goes on within the row, behind integer `c`.
    #[inline]
    pub(super) fn passed(&mut self, c: usize, value: i32) {
        self.known[SUM] = self.known[SUM].saturating_add(value.saturating_abs());
        self.known[EARLIER + c] = value;
    }

    /// Goes on to the next row; `values` end with the current one, or behind it.
    pub(super) fn next_row(&mut self, values: &[i32]) {
        let per_row = self.places.per_row;
        let (sum, first) = (self.known[SUM], self.row * per_row);
        if let Some((of_sums, of_integers)) = self.recent.split_last_mut() {
            of_integers.iter_mut().zip(&values[first..]).for_each(|(sum, &value)| *sum += i64::from(value));
            *of_sums += i64::from(sum);
            if self.row >= BACK {
                let left = &values[first - BACK * per_row..];
                of_integers.iter_mut().zip(left).for_each(|(sum, &value)| *sum -= i64::from(value));
                *of_sums -= i64::from(self.sums[self.row - BACK]);
            }
        }
        self.sums.push(sum);
        self.row += 1;
    }
}

/// Depth and parent row of each row of a tree.
fn tree(rows: usize) -> Vec<(u8, u32)> {
    let places = haar_places(rows);
    let mut row_of = vec![None; rows.next_power_of_two()];
    places.iter().zip(0..).for_each(|(&place, row)| row_of[place as usize] = Some(row));
    let depth = |place: u32| (u32::BITS - place.leading_zeros()) as u8;
    // The nearest one above that exists; the mean of all does.
    let parent = |place: u32| {
        let mut above = std::iter::successors(Some(place / 2), |place| (*place > 0).then_some(place / 2));
        above.find_map(|place| row_of[place as usize]).unwrap_or(0)
    };
    places.iter().map(|&place| (depth(place), parent(place))).collect()
}

/// The criteria of the integers of a row, laid out so that finding a context takes no branch that could be guessed wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts {
    pub(super) places: Places,
    integers: Vec<IntegerContexts>,
    /// What classes add to the context. The first adds nothing.
    shares: Vec<u16>,
}

/// The contexts of one integer.
#[derive(Clone, Debug)]
struct IntegerContexts {
    /// Its first context.
    first: usize,
    /// As many criteria as most integers have at most; those that are missing add nothing.
    looks: [Look; LOOKS],
    /// Further ones, and those whose bounds are too far apart for a list; and what a class of theirs adds.
    wide: Vec<(usize, Vec<i32>, usize)>,
}

/// Criteria that are looked at at once.
const LOOKS: usize = 3;

/// One criterion: the share of each value from `low` to `high`, and so of all beyond, is listed from `at` on.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    place: u32,
    low: i32,
    high: i32,
    at: u32,
}

/// Most values whose share is listed, per criterion.
const MOST_LISTED: usize = 1 << 10;

impl IntegerContexts {
    /// Adds the list of a criterion whose classes add `stride` each, as its `number`th.
    fn add(&mut self, number: usize, place: usize, bounds: &[i32], stride: usize, shares: &mut Vec<u16>) {
        let class = |value: i32| bounds.iter().filter(|&&bound| bound <= value).count();
        let low = bounds.iter().min().map_or(0, |least| least.saturating_sub(1));
        let high = bounds.iter().max().copied().unwrap_or(0);
        let is_wide = high.abs_diff(low) as usize >= MOST_LISTED || class(low) > 0;
        match self.looks.get_mut(number).filter(|_| !is_wide) {
            Some(look) => {
                *look = Look { place: place as u32, low, high, at: shares.len() as u32 };
                shares.extend((low..=high).map(|value| (class(value) * stride) as u16));
            }
            None => self.wide.push((place, bounds.to_vec(), stride)),
        }
    }
}

impl Contexts {
    pub(super) fn of(models: &[IntegerModel]) -> Self {
        let sources = models.iter().flat_map(|model| model.criteria.iter().map(|criterion| criterion.source));
        let places = Places::of(models.len(), sources);
        let mut contexts = Contexts { places, integers: Vec::new(), shares: vec![0] };
        let mut first = 0;
        for (c, model) in models.iter().enumerate() {
            let mut integer = IntegerContexts { first, looks: [Look::default(); LOOKS], wide: Vec::new() };
            // The last criterion counts the fastest.
            let mut stride = model.contexts();
            for (number, Criterion { source, bounds }) in model.criteria.iter().enumerate() {
                stride /= bounds.len() + 1;
                let place = contexts.places.place(*source, c);
                integer.add(number, place, bounds, stride, &mut contexts.shares);
            }
            first += model.contexts();
            contexts.integers.push(integer);
        }
        contexts
    }

    /// How many contexts there are.
    pub(super) fn count(models: &[IntegerModel]) -> usize {
        models.iter().map(IntegerModel::contexts).sum()
    }

    /// The context of integer `c` of the row that a walk is at.
    #[inline]
    pub(super) fn context(&self, c: usize, known: &[i32]) -> usize {
        let IntegerContexts { first, looks, wide } = &self.integers[c];
        let mut context = *first;
        for look in looks {
            let value = known[look.place as usize];
            let listed = value.clamp(look.low, look.high).wrapping_sub(look.low) as usize;
            context += usize::from(self.shares[look.at as usize + listed]);
        }
        for (place, bounds, stride) in wide {
            context += stride * bounds.iter().map(|&bound| usize::from(bound <= known[*place])).sum::<usize>();
        }
        context
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
        for c in 0..per_row {
            let flags = bytes.u8()?;
            let mut integer =
                IntegerModel { raw_bits: flags & 0x7f, difference: flags >> 7 == 1, criteria: Vec::new() };
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
            model.integers.push(integer);
        }
        model.contexts = Contexts::of(&model.integers);
        model.table_of = bytes.take(Contexts::count(&model.integers))?.to_vec();
        model.tables = read_tables(bytes, &model.table_of)?;
        Ok(model)
    }
}

pub(super) fn write_tables(tables: &Tables, out: &mut Vec<u8>) {
    put_number(out, tables.all().len() as u64);
    tables.all().iter().for_each(|table| table.write(out));
}

/// Tables, of which contexts may use only those that there are.
pub(super) fn read_tables(bytes: &mut Bytes<'_>, table_of: &[u8]) -> Read1<Tables> {
    let count = bytes.count(256)?;
    let tables = (0..count).map(|_| Frequencies::read(bytes)).collect::<Read1<Vec<_>>>()?;
    match table_of.iter().all(|&table| usize::from(table) < count) {
        true => Ok(Tables::new(tables)),
        false => Err("a context has no table".to_owned()),
    }
}
