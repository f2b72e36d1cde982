//! Points in the order of their Morton codes, each as its distance along the curve from the one before. That codes the
//! set of points, not their order, which nobody needs: about `log2(N / e)` bits fewer per point.

use super::bytes::Bytes;
use super::bytes::Read1;
use super::chunk::{ChunkView, restored};
use super::coder::{Decoder, Encoder};
use super::context::{read_tables, write_tables};
use super::frequencies::{Counts, Frequencies, grouped};

/// Contexts: bits that say nothing, and the expected length of the distance.
const TRIMS: usize = 16;
const LENGTHS: usize = 48;
pub(super) const CONTEXTS: usize = TRIMS * LENGTHS;

/// Bits of a code.
const CODE_BITS: u32 = 93;

/// How sorted points are coded.
pub(super) struct SortedModel {
    table_of: Vec<u8>,
    tables: Vec<Frequencies>,
}

impl SortedModel {
    /// The model of so many distances of each length, per context.
    pub(super) fn new(contexts: &[Counts]) -> Self {
        let (table_of, tables) = grouped(contexts);
        SortedModel { table_of, tables }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.table_of);
        write_tables(&self.tables, out);
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Read1<Self> {
        let table_of = bytes.take(CONTEXTS)?.to_vec();
        let tables = read_tables(bytes, &table_of)?;
        Ok(SortedModel { table_of, tables })
    }
}

/// Puts two free bits behind each of 31.
fn spread(value: i32) -> u128 {
    let mut x = u128::from(value as u32 & 0x7fff_ffff);
    for (shift, mask) in SPREAD {
        x = (x | x << shift) & mask;
    }
    x
}

/// The reverse.
fn gather(code: u128) -> i32 {
    let mut x = code & SPREAD[4].1;
    for at in (0..5).rev() {
        let mask = if at == 0 { 0x7fff_ffff } else { SPREAD[at - 1].1 };
        x = (x | x >> SPREAD[at].0) & mask;
    }
    x as i32
}

/// Shift, and the groups of bits that are in place after it: of 16, 8, 4, 2, 1.
const SPREAD: [(u32, u128); 5] = [(32, groups(16)), (16, groups(8)), (8, groups(4)), (4, groups(2)), (2, groups(1))];

/// Bits in groups of a size, each followed by twice as many zeros.
const fn groups(size: u32) -> u128 {
    let mut mask = 0;
    let mut at = 0;
    while at < 96 {
        mask |= ((1_u128 << size) - 1) << at;
        at += 3 * size;
    }
    mask
}

fn code(point: &[i32]) -> u128 {
    spread(point[0]) | spread(point[1]) << 1 | spread(point[2]) << 2
}

fn point(code: u128) -> [i32; 3] {
    [gather(code), gather(code >> 1), gather(code >> 2)]
}

/// The order of points along the curve; equal ones keep theirs.
pub(crate) fn order(points: &[i32]) -> Vec<u32> {
    let mut order: Vec<(u128, u32)> = points.chunks_exact(3).zip(0..).map(|(point, row)| (code(point), row)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, row)| row).collect()
}

/// Follows the lengths of distances.
#[derive(Default)]
struct Lengths {
    /// Of the last two, as if no bits had been left out.
    last: [u32; 2],
}

impl Lengths {
    fn context(&self, trim: u32) -> usize {
        let expected = (self.last[0] + self.last[1]).saturating_sub(6 * trim) as usize / 2;
        (trim as usize).min(TRIMS - 1) * LENGTHS + expected.min(LENGTHS - 1)
    }

    fn passed(&mut self, length: u32, trim: u32) {
        self.last = [length + 3 * trim, self.last[0]];
    }
}

/// Whether points can be coded here: none below zero, in order, and all axes leaving out the same bits.
pub(super) fn fits(chunk: &ChunkView<'_>, values: &[i32]) -> bool {
    let same = (0..chunk.rows).all(|row| (1..3).all(|c| chunk.trimmed_bits(row, c) == chunk.trimmed_bits(row, 0)));
    let points = || values.chunks_exact(3);
    let ordered = points().zip(points().skip(1)).all(|(a, b)| code(a) <= code(b));
    same && values.iter().all(|&value| value >= 0) && ordered
}

/// Tells context, length and bits of each distance.
fn visit(chunk: &ChunkView<'_>, values: &[i32], see: &mut dyn FnMut(usize, u32, u128)) {
    let mut lengths = Lengths::default();
    let mut before = 0;
    for (row, point) in values.chunks_exact(3).enumerate() {
        let trim = u32::from(chunk.trimmed_bits(row, 0));
        let code = code(point);
        let distance = (code >> (3 * trim)) - (before >> (3 * trim)) + 1;
        let length = distance.ilog2();
        see(lengths.context(trim), length, distance);
        lengths.passed(length, trim);
        before = code;
    }
}

/// Counts lengths per context.
pub(super) fn count(chunk: &ChunkView<'_>, values: &[i32], contexts: &mut [Counts]) {
    visit(chunk, values, &mut |context, length, _| contexts[context].add(length as i32));
}

/// The stream of a chunk that [`fits`].
pub(super) fn encode(model: &SortedModel, chunk: &ChunkView<'_>, values: &[i32]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    visit(chunk, values, &mut |context, length, distance| {
        let table = &model.tables[usize::from(model.table_of[context])];
        match table.part_of(length as i32) {
            Some(part) => encoder.part(part),
            None => {
                encoder.part(table.escape_part());
                encoder.bits(u128::from(length), 7);
            }
        }
        encoder.bits(distance, length);
    });
    encoder.finish()
}

/// The reverse of [`encode`].
pub(super) fn decode(model: &SortedModel, chunk: &ChunkView<'_>, stream: &[u8]) -> Read1<Vec<i32>> {
    let mut values = Vec::with_capacity(3 * chunk.rows);
    let mut decoder = Decoder::new(stream)?;
    let mut lengths = Lengths::default();
    let mut before = 0_u128;
    for row in 0..chunk.rows {
        let trim = u32::from(chunk.trimmed_bits(row, 0));
        let table = &model.tables[usize::from(model.table_of[lengths.context(trim)])];
        let length = match table.symbol(decoder.symbol(table)) {
            Some(length) => length.clamp(0, CODE_BITS as i32) as u32,
            None => (decoder.bits(7) as u32).min(CODE_BITS),
        };
        let distance = (decoder.bits(length) | 1 << length) - 1;
        let code = (before >> (3 * trim)) + distance;
        if code >> CODE_BITS.saturating_sub(3 * trim) != 0 {
            return Err("a point lies outside its space".to_owned());
        }
        let coarse = point(code);
        let point = coarse.map(|value| restored(value, trim as u8));
        values.extend(point);
        before = self::code(&point);
        lengths.passed(length, trim);
    }
    decoder.end()?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::{code, order, point};

    #[test]
    fn codes_and_points_are_the_same_thing() {
        for p in [[0, 0, 0], [1, 2, 4], [i32::MAX; 3], [0x1234_5678, 0x7654_3210, 0x0fed_cba9]] {
            assert_eq!(point(code(&p)), p);
        }
        assert_eq!(code(&[3, 0, 0]), 0b1001);
        assert_eq!(code(&[1, 1, 1]), 0b111);
        assert_eq!(order(&[5, 5, 5, 0, 0, 0, 5, 5, 5, 1, 0, 0]), [1, 3, 0, 2]);
    }
}
