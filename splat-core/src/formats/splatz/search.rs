//! Finds how the integers of a column are best coded: by trying, on a sample of the chunks.

use super::chunk::ChunkView;
use super::context::{ColumnModel, Contexts, Criterion, IntegerModel, MOST_CONTEXTS, Places, Source, Walk};
use super::frequencies::{Counts, grouped};
use super::integers::{number, visit};
use crate::archive::{Archive, ArchiveColumn, Codec, Data};

/// Criteria per integer.
const MOST_CRITERIA: usize = 3;
/// Classes per criterion, about.
const CLASSES: usize = 8;
/// Integers of other columns that are tried.
const MOST_OTHERS: usize = 8;
/// A further criterion must save so large a share of the bits.
const WORTH: f64 = 0.004;
/// Share of the cost of a table that remains once contexts that behave alike share one.
const TABLE_SHARE: f64 = 0.8;
/// Bits that telling the table of a context takes.
const CONTEXT_COST: f64 = 3.0;

/// A chunk of the column.
pub(super) struct Sample<'a> {
    /// What a decoder knows.
    pub(super) view: ChunkView<'a>,
    /// The integers.
    pub(super) values: &'a [i32],
}

/// The model of a column with `per_row` integers, of an archive with so many rows; `known` are the numbers of the columns
/// decoded before. Frequencies are those of all of `counted`; the rest is chosen by some of them.
pub(super) fn model(
    (archive, rows): (&Archive, usize),
    column: &ArchiveColumn,
    known: &[usize],
    samples: &[&Sample<'_>],
    counted: &[Sample<'_>],
) -> ColumnModel {
    let per_row = column.data.per_row(column.width);
    let sampled: usize = samples.iter().map(|sample| sample.view.rows).sum();
    // The cost of tables is spread over all rows.
    let share = sampled as f64 / rows.max(1) as f64;
    let mut model = ColumnModel::default();
    for c in 0..per_row {
        let candidates = candidates(archive, column, known, c);
        model.integers.push(integer(samples, per_row, c, &candidates, share));
    }
    model.contexts = Contexts::of(&model.integers);
    let mut counts = vec![Counts::default(); Contexts::count(&model.integers)];
    for Sample { view, values } in counted {
        visit(&model.integers, &model.contexts, view, values, &mut |coded| counts[coded.context].add(coded.symbol));
    }
    (model.table_of, model.tables) = grouped(&counts);
    model
}

/// What might tell something about integer `c`.
fn candidates(archive: &Archive, column: &ArchiveColumn, known: &[usize], c: usize) -> Vec<Source> {
    let mut sources = Vec::new();
    if column.codec.block().is_some() {
        sources.extend([Source::Depth, Source::Parent, Source::ParentSum]);
    }
    if matches!(column.codec, Codec::Trimmed { .. }) {
        sources.push(Source::Trimmed);
    }
    if c > 0 {
        sources.push(Source::Earlier(c as u16 - 1));
    }
    if c > 1 {
        sources.extend([Source::Sum, Source::Earlier(0)]);
    }
    sources.push(Source::Recent);
    if column.data.per_row(column.width) > 1 {
        sources.push(Source::RecentSum);
    }
    // Rows that form a tree are no splats.
    if column.codec.block().is_none() {
        let others = known.iter().filter(|&&number| archive.columns[number].codec.block().is_none());
        let integers = others.flat_map(|&number| {
            let per_row = match &archive.columns[number].data {
                Data::Integers { per_row, .. } => *per_row,
                Data::Floats(_) => 0,
            };
            (0..per_row.min(3)).map(move |c| Source::Other(number as u16, c as u16))
        });
        let integers: Vec<Source> = integers.collect();
        let (first, further) = integers.split_at(MOST_OTHERS.min(integers.len()));
        sources.extend(first);
        // Integers that stand alone sort rows into kinds.
        let per_row = |number: u16| archive.columns[usize::from(number)].data.per_row(0);
        let alone = |source: &&Source| matches!(source, Source::Other(number, _) if per_row(*number) == 1);
        sources.extend(further.iter().filter(alone));
    }
    sources
}

/// How one integer is best coded.
fn integer(samples: &[&Sample<'_>], per_row: usize, c: usize, candidates: &[Source], share: f64) -> IntegerModel {
    let mut known: Vec<Vec<i32>> = vec![Vec::new(); candidates.len()];
    let mut plain = Vec::new();
    let mut differences = Vec::new();
    let places = Places::of(per_row, candidates.iter().copied());
    let place_of: Vec<usize> = candidates.iter().map(|&source| places.place(source, c)).collect();
    for Sample { view, values } in samples {
        let mut walk = Walk::new(view, &places);
        for row in 0..view.rows {
            let at = row * per_row;
            walk.start_row(values);
            (0..c).for_each(|before| walk.passed(before, values[at + before]));
            known.iter_mut().zip(&place_of).for_each(|(known, &place)| known.push(walk.known[place]));
            plain.push(number(view, values, false, (row, c, per_row)));
            differences.push(number(view, values, true, (row, c, per_row)));
            (c..per_row).for_each(|behind| walk.passed(behind, values[at + behind]));
            walk.next_row(values);
        }
    }
    let none = vec![0; plain.len()];
    let cost = |numbers: &[i32], raw_bits: u8, contexts: &[u16], count: usize| {
        let mut counts = vec![Counts::default(); count];
        for (number, &context) in numbers.iter().zip(contexts) {
            counts[usize::from(context)].add(number >> raw_bits);
        }
        let tables: f64 = counts.iter().map(Counts::table_bits).sum();
        let bits: f64 = counts.iter().map(Counts::bits).sum();
        let tables = tables * if count > 1 { TABLE_SHARE } else { 1.0 } + CONTEXT_COST * count as f64;
        bits + f64::from(raw_bits) * numbers.len() as f64 + tables * share
    };
    // Raw bits, and whether differences are smaller, before any context.
    let mut best = (f64::INFINITY, IntegerModel::default());
    for (difference, numbers) in [(false, &plain), (true, &differences)] {
        let reach = numbers.iter().map(|&number| number.unsigned_abs()).max().unwrap_or(0);
        let least = (u32::BITS - reach.leading_zeros()).saturating_sub(10) as u8;
        for raw_bits in least..least + 6 {
            let cost = cost(numbers, raw_bits, &none, 1);
            // A difference must be worth it: contexts know the last rows anyway.
            if cost * if difference { 1.1 } else { 1.0 } < best.0 {
                best = (cost, IntegerModel { raw_bits, difference, ..IntegerModel::default() });
            }
            if raw_bits >= 22 {
                break;
            }
        }
    }
    let (mut bits, mut model) = best;
    let numbers = if model.difference { &differences } else { &plain };
    let bounds: Vec<Vec<i32>> = known.iter().map(|values| bounds(values)).collect();
    let mut contexts = none;
    while model.criteria.len() < MOST_CRITERIA {
        let count = model.contexts();
        let mut found: Option<(f64, usize, Vec<u16>)> = None;
        for (candidate, bounds) in bounds.iter().enumerate() {
            if bounds.is_empty() || count * (bounds.len() + 1) > MOST_CONTEXTS {
                continue;
            }
            let refined: Vec<u16> = contexts
                .iter()
                .zip(&known[candidate])
                .map(|(&context, &value)| {
                    context * (bounds.len() + 1) as u16 + bounds.partition_point(|&bound| bound <= value) as u16
                })
                .collect();
            let cost = cost(numbers, model.raw_bits, &refined, count * (bounds.len() + 1));
            if found.as_ref().is_none_or(|(least, ..)| cost < *least) {
                found = Some((cost, candidate, refined));
            }
        }
        match found {
            Some((cost, candidate, refined)) if cost < bits * (1.0 - WORTH) => {
                model.criteria.push(Criterion { source: candidates[candidate], bounds: bounds[candidate].clone() });
                bits = cost;
                contexts = refined;
            }
            _ => break,
        }
    }
    model
}

/// Bounds that sort values into classes of about the same size, finer among the largest ones.
fn bounds(values: &[i32]) -> Vec<i32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let mut distinct = sorted.clone();
    distinct.dedup();
    let mut bounds = match distinct.len() {
        0 => Vec::new(),
        count if count <= CLASSES => distinct[1..].to_vec(),
        _ => {
            let at = |share: f64| sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)];
            let even = (1..CLASSES).map(|class| at(class as f64 / CLASSES as f64));
            even.chain([at(0.94), at(0.97)]).collect()
        }
    };
    bounds.dedup();
    // The lowest class would be empty.
    bounds.retain(|&bound| Some(&bound) > sorted.first());
    bounds
}
