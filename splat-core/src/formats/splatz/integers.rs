//! Any integers, in any order.

use super::bytes::{Read1, folded, unfolded};
use super::chunk::{ChunkView, restored};
use super::coder::{Decoder, Encoder};
use super::context::{ColumnModel, IntegerModel, Walk};

/// What an integer becomes: the number of its context, its symbol, and its raw bits.
pub(super) struct Coded {
    pub(super) context: usize,
    pub(super) symbol: i32,
    pub(super) raw: u32,
    pub(super) raw_bits: u8,
}

/// Tells what each integer of a chunk becomes.
pub(super) fn visit(models: &[IntegerModel], chunk: &ChunkView<'_>, values: &[i32], see: &mut dyn FnMut(Coded)) {
    let per_row = models.len();
    let mut walk = Walk::new(chunk, per_row, models.iter().any(IntegerModel::looks_back));
    for row in 0..chunk.rows {
        for (c, model) in models.iter().enumerate() {
            let value = values[row * per_row + c];
            let context = walk.context(model, c, &values[..row * per_row + c]);
            let number = number(chunk, values, model.difference, (row, c, per_row));
            let raw_bits = model.raw_bits;
            let raw = number as u32 & ((1_u32 << raw_bits) - 1);
            see(Coded { context, symbol: number >> raw_bits, raw, raw_bits });
            walk.passed(value);
        }
        walk.next_row(values);
    }
}

/// An integer without the bits that say nothing, or its difference to the row before.
pub(super) fn number(chunk: &ChunkView<'_>, values: &[i32], difference: bool, (row, c, per_row): Place) -> i32 {
    let bits = chunk.trimmed_bits(row, c);
    let own = values[row * per_row + c] >> bits;
    own.wrapping_sub(if difference { before(chunk, values, (row, c, per_row)) } else { 0 })
}

/// Row, integer of the row, integers per row.
type Place = (usize, usize, usize);

/// What a difference counts from.
#[inline]
fn before(chunk: &ChunkView<'_>, values: &[i32], (row, c, per_row): Place) -> i32 {
    if row > 0 { values[(row - 1) * per_row + c] >> chunk.trimmed_bits(row, c) } else { 0 }
}

/// The stream of a column in a chunk.
pub(super) fn encode(model: &ColumnModel, chunk: &ChunkView<'_>, values: &[i32]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    visit(&model.integers, chunk, values, &mut |coded| {
        let table = &model.tables[usize::from(model.table_of[coded.context])];
        match table.part_of(coded.symbol) {
            Some(part) => encoder.part(part),
            None => {
                // Length, then all bits but the first, which is one.
                let bits = u64::from(folded(coded.symbol)) + 1;
                let length = bits.ilog2();
                encoder.part(table.escape_part());
                encoder.bits(u128::from(length), 6);
                encoder.bits(u128::from(bits), length);
            }
        }
        encoder.bits(u128::from(coded.raw), u32::from(coded.raw_bits));
    });
    encoder.finish()
}

/// The reverse of [`encode`].
pub(super) fn decode(model: &ColumnModel, chunk: &ChunkView<'_>, stream: &[u8]) -> Read1<Vec<i32>> {
    let per_row = model.integers.len();
    let mut values = vec![0; chunk.rows * per_row];
    let mut decoder = Decoder::new(stream)?;
    let mut walk = Walk::new(chunk, per_row, model.integers.iter().any(IntegerModel::looks_back));
    for row in 0..chunk.rows {
        for (c, integer) in model.integers.iter().enumerate() {
            let at = row * per_row + c;
            let context = walk.context(integer, c, &values[..at]);
            let table = &model.tables[usize::from(model.table_of[context])];
            let symbol = match table.symbol(decoder.symbol(table)) {
                Some(symbol) => symbol,
                None => {
                    let length = (decoder.bits(6) as u32).min(32);
                    let bits = decoder.bits(length) as u64 | 1 << length;
                    unfolded((bits - 1) as u32)
                }
            };
            let raw = decoder.bits(u32::from(integer.raw_bits)) as i32;
            let number = symbol.wrapping_shl(u32::from(integer.raw_bits)) | raw;
            let from = if integer.difference { before(chunk, &values, (row, c, per_row)) } else { 0 };
            values[at] = restored(number.wrapping_add(from), chunk.trimmed_bits(row, c));
            walk.passed(values[at]);
        }
        walk.next_row(&values);
    }
    decoder.end()?;
    Ok(values)
}
