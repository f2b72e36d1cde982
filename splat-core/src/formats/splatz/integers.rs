//! Any integers, in any order.

use super::bytes::{Read1, folded, unfolded};
use super::chunk::{ChunkView, restored};
use super::coder::{Decoder, Encoder};
use super::context::{ColumnModel, Contexts, IntegerModel, Walk};

/// What an integer becomes: the number of its context, its symbol, and its raw bits.
pub(super) struct Coded {
    pub(super) context: usize,
    pub(super) symbol: i32,
    pub(super) raw: u32,
    pub(super) raw_bits: u8,
}

/// Tells what each integer of a chunk becomes.
pub(super) fn visit(
    models: &[IntegerModel],
    contexts: &Contexts,
    chunk: &ChunkView<'_>,
    values: &[i32],
    see: &mut dyn FnMut(Coded),
) {
    let per_row = models.len();
    let mut walk = Walk::new(chunk, &contexts.places);
    for row in 0..chunk.rows {
        walk.start_row(values);
        for (c, model) in models.iter().enumerate() {
            let context = contexts.context(c, &walk.known);
            let number = number(chunk, values, model.difference, (row, c, per_row));
            let raw_bits = model.raw_bits;
            let raw = number as u32 & ((1_u32 << raw_bits) - 1);
            see(Coded { context, symbol: number >> raw_bits, raw, raw_bits });
            walk.passed(c, values[row * per_row + c]);
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
    visit(&model.integers, &model.contexts, chunk, values, &mut |coded| {
        let table = model.tables.of(model.table_of[coded.context]);
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

/// The reverse of [`encode`], for chunks of which all but the last have equally many rows. What comes next in a stream
/// depends on what came before, so a core that decodes one alone mostly waits; several keep it busy.
pub(super) fn decode(model: &ColumnModel, chunks: &[ChunkView<'_>], streams: &[&[u8]]) -> Read1<Vec<Vec<i32>>> {
    let streams = chunks.iter().zip(streams).map(|(chunk, stream)| Stream::new(model, chunk, stream));
    let mut streams = streams.collect::<Read1<Vec<_>>>()?;
    for row in 0..chunks.iter().map(|chunk| chunk.rows).max().unwrap_or(0) {
        let here = chunks.iter().filter(|chunk| row < chunk.rows).count();
        streams[..here].iter_mut().for_each(Stream::start_row);
        for (c, integer) in model.integers.iter().enumerate() {
            streams[..here].iter_mut().for_each(|stream| stream.integer(c, integer));
        }
        streams[..here].iter_mut().for_each(Stream::end_row);
    }
    streams.into_iter().map(|stream| stream.decoder.end().map(|()| stream.values)).collect()
}

/// A chunk on its way.
struct Stream<'a> {
    model: &'a ColumnModel,
    chunk: &'a ChunkView<'a>,
    decoder: Decoder,
    walk: Walk<'a>,
    row: usize,
    values: Vec<i32>,
}

impl<'a> Stream<'a> {
    fn new(model: &'a ColumnModel, chunk: &'a ChunkView<'a>, stream: &[u8]) -> Read1<Self> {
        let walk = Walk::new(chunk, &model.contexts.places);
        let values = vec![0; chunk.rows * model.integers.len()];
        Ok(Stream { model, chunk, decoder: Decoder::new(stream)?, walk, row: 0, values })
    }

    fn start_row(&mut self) {
        self.walk.start_row(&self.values);
    }

    #[inline]
    fn integer(&mut self, c: usize, integer: &IntegerModel) {
        let Stream { model, chunk, decoder, walk, row, values } = self;
        let per_row = model.integers.len();
        let context = model.contexts.context(c, &walk.known);
        let symbol = match decoder.symbol(&model.tables, model.table_of[context]) {
            Some(symbol) => symbol,
            None => {
                let length = (decoder.bits(6) as u32).min(32);
                let bits = decoder.bits(length) as u64 | 1 << length;
                unfolded((bits - 1) as u32)
            }
        };
        let raw = if integer.raw_bits == 0 { 0 } else { decoder.bits(u32::from(integer.raw_bits)) as i32 };
        let number = symbol.wrapping_shl(u32::from(integer.raw_bits)) | raw;
        let from = if integer.difference { before(chunk, values, (*row, c, per_row)) } else { 0 };
        let value = restored(number.wrapping_add(from), chunk.trimmed_bits(*row, c));
        values[*row * per_row + c] = value;
        walk.passed(c, value);
    }

    fn end_row(&mut self) {
        self.walk.next_row(&self.values);
        self.row += 1;
    }
}
