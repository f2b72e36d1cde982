//! Points in their order along a Hilbert curve, each as its distance from the one before. That codes the set of points,
//! not their order, which nobody needs: about `log2(N / e)` bits fewer per point. On this curve, unlike along Morton
//! codes, what comes next is always a neighbour, which helps everything that is coded after it, too.
//!
//! A coarser grid has the same curve with the last digits left out, so points may be of several precisions.

use super::bytes::Bytes;
use super::bytes::Read1;
use super::chunk::{ChunkView, restored};
use super::coder::{Decoder, Encoder};
use super::context::{read_tables, write_tables};
use super::frequencies::{Counts, Tables, grouped};

/// Contexts: bits that say nothing, and the expected length of the distance.
const TRIMS: usize = 16;
const LENGTHS: usize = 48;
pub(super) const CONTEXTS: usize = TRIMS * LENGTHS;

/// Most bits of a distance.
const MOST_BITS: u32 = 93;

/// How sorted points are coded.
pub(super) struct SortedModel {
    curve: Curve,
    table_of: Vec<u8>,
    tables: Tables,
}

impl SortedModel {
    /// The model of so many distances of each length, per context.
    pub(super) fn new(curve: Curve, contexts: &[Counts]) -> Self {
        let (table_of, tables) = grouped(contexts);
        SortedModel { curve, table_of, tables }
    }

    /// The curve that the points follow.
    pub(super) fn curve(&self) -> Curve {
        self.curve
    }

    /// How many tables it has.
    pub(super) fn tables(&self) -> usize {
        self.tables.all().len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.curve.bits as u8);
        out.extend_from_slice(&self.table_of);
        write_tables(&self.tables, out);
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Read1<Self> {
        let curve = Curve { bits: u32::from(bytes.u8()?) };
        if curve.bits > 31 {
            return Err(format!("points of {} bits", curve.bits));
        }
        let table_of = bytes.take(CONTEXTS)?.to_vec();
        let tables = read_tables(bytes, &table_of)?;
        Ok(SortedModel { curve, table_of, tables })
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

/// The curve through a cube of `2^bits` cells to a side [Skilling 2004].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Curve {
    bits: u32,
}

impl Curve {
    /// The curve through all of these points, none below zero.
    pub(super) fn through(points: &[i32]) -> Self {
        Curve { bits: points.iter().fold(0, |all, &value| all | value).max(0).checked_ilog2().map_or(0, |log| log + 1) }
    }

    /// The one of the two that goes through more cells.
    pub(super) fn finer(self, other: Curve) -> Self {
        Curve { bits: self.bits.max(other.bits) }
    }

    /// The curve through coarser cells.
    fn coarser(self, trim: u32) -> Self {
        Curve { bits: self.bits.saturating_sub(trim) }
    }

    /// The place of a point on the curve.
    fn place(self, point: &[i32]) -> u128 {
        let mut x = [point[0], point[1], point[2]];
        for bit in (1..self.bits).rev() {
            let below = (1 << bit) - 1;
            for i in 0..3 {
                turn(&mut x, i, bit, below);
            }
        }
        x[1] ^= x[0];
        x[2] ^= x[1];
        let flips = (1..self.bits).filter(|bit| x[2] >> bit & 1 == 1).fold(0, |flips, bit| flips ^ ((1 << bit) - 1));
        let x = x.map(|v| v ^ flips);
        spread(x[0]) << 2 | spread(x[1]) << 1 | spread(x[2])
    }

    /// The point at a place.
    fn point(self, place: u128) -> [i32; 3] {
        let mut x = [gather(place >> 2), gather(place >> 1), gather(place)];
        let flips = x[2] >> 1;
        x[2] ^= x[1];
        x[1] ^= x[0];
        x[0] ^= flips;
        for bit in 1..self.bits {
            let below = (1 << bit) - 1;
            for i in (0..3).rev() {
                turn(&mut x, i, bit, below);
            }
        }
        x
    }
}

/// Turns or mirrors the part of the curve below a bit; its own reverse.
#[inline]
fn turn(x: &mut [i32; 3], i: usize, bit: u32, below: i32) {
    // All ones where the bit is set: no branch, for it would be guessed wrong half of the time.
    let mirrors = -(x[i] >> bit & 1);
    let swapped = (x[0] ^ x[i]) & below & !mirrors;
    x[0] ^= below & mirrors;
    x[0] ^= swapped;
    x[i] ^= swapped;
}

/// Finds the order of points along the curve through all of them; equal ones keep theirs. 16 bytes per point.
pub(crate) struct Sorter {
    /// A point and its row; then its place, the highest bits first, and its row.
    points: Vec<[u32; 4]>,
    /// All bits that a coordinate has.
    bits: i32,
}

impl Sorter {
    /// For so many points.
    pub(crate) fn of(count: usize) -> Self {
        Sorter { points: Vec::with_capacity(count), bits: 0 }
    }

    /// Adds points, of three coordinates each. Those below zero come as they like.
    pub(crate) fn push(&mut self, points: &[i32]) {
        for &[x, y, z] in points.as_chunks::<3>().0 {
            self.bits |= x | y | z;
            self.points.push([x as u32, y as u32, z as u32, self.points.len() as u32]);
        }
    }

    /// The curve, and the rows in their order along it.
    pub(crate) fn finish(mut self) -> (Curve, Vec<u32>) {
        let curve = Curve::through(&[self.bits]);
        for point in &mut self.points {
            let [x, y, z, row] = *point;
            // 93 bits.
            let place = curve.place(&[x as i32, y as i32, z as i32]);
            *point = [(place >> 64) as u32, (place >> 32) as u32, place as u32, row];
        }
        self.points.sort_unstable();
        (curve, self.points.iter().map(|&[.., row]| row).collect())
    }
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
pub(super) fn fits(curve: Curve, chunk: &ChunkView<'_>, values: &[i32]) -> bool {
    let same = (0..chunk.rows).all(|row| (1..3).all(|c| chunk.trimmed_bits(row, c) == chunk.trimmed_bits(row, 0)));
    let ordered = || values.chunks_exact(3).map(|point| curve.place(point)).is_sorted();
    same && values.iter().all(|&value| value >= 0) && ordered()
}

/// Tells context, length and bits of each distance.
fn visit(curve: Curve, chunk: &ChunkView<'_>, values: &[i32], see: &mut dyn FnMut(usize, u32, u128)) {
    let mut lengths = Lengths::default();
    let mut before = 0;
    for (row, point) in values.chunks_exact(3).enumerate() {
        let trim = u32::from(chunk.trimmed_bits(row, 0));
        let place = curve.place(point);
        let distance = (place >> (3 * trim)) - (before >> (3 * trim)) + 1;
        let length = distance.ilog2();
        see(lengths.context(trim), length, distance);
        lengths.passed(length, trim);
        before = place;
    }
}

/// Counts lengths per context.
pub(super) fn count(curve: Curve, chunk: &ChunkView<'_>, values: &[i32], contexts: &mut [Counts]) {
    visit(curve, chunk, values, &mut |context, length, _| contexts[context].add(length as i32));
}

/// The stream of a chunk that [`fits`].
pub(super) fn encode(model: &SortedModel, chunk: &ChunkView<'_>, values: &[i32]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    visit(model.curve, chunk, values, &mut |context, length, distance| {
        let table = model.tables.of(model.table_of[context]);
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
        let length = match decoder.symbol(&model.tables, model.table_of[lengths.context(trim)]) {
            Some(length) => length.clamp(0, MOST_BITS as i32) as u32,
            None => (decoder.bits(7) as u32).min(MOST_BITS),
        };
        let distance = (decoder.bits(length) | 1 << length) - 1;
        let place = (before >> (3 * trim)) + distance;
        let coarse = model.curve.coarser(trim);
        if place >> (3 * coarse.bits) != 0 || trim > model.curve.bits {
            return Err("a point lies outside its space".to_owned());
        }
        let point = coarse.point(place).map(|value| restored(value, trim as u8));
        values.extend(point);
        before = if trim == 0 { place } else { model.curve.place(&point) };
        lengths.passed(length, trim);
    }
    decoder.end()?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::{Curve, Sorter};

    fn order(points: &[i32]) -> Vec<u32> {
        let mut sorter = Sorter::of(points.len() / 3);
        points.chunks(6).for_each(|points| sorter.push(points));
        sorter.finish().1
    }

    #[test]
    fn the_curve_visits_every_cell_and_next_ones_are_neighbours() {
        let curve = Curve { bits: 4 };
        let mut last = curve.point(0);
        assert_eq!(curve.place(&last), 0);
        for place in 1..1 << 12 {
            let point = curve.point(place);
            assert_eq!(curve.place(&point), place);
            assert!(point.iter().all(|v| (0..16).contains(v)));
            let away: i32 = point.iter().zip(&last).map(|(a, b)| (a - b).abs()).sum();
            assert_eq!(away, 1, "{last:?} to {point:?}");
            // Coarser cells have the same curve.
            let coarse = Curve { bits: 2 };
            assert_eq!(coarse.point(place >> 6), point.map(|v| v >> 2));
            last = point;
        }
    }

    #[test]
    fn large_numbers_are_points_too() {
        let curve = Curve { bits: 31 };
        for p in [[0, 0, 0], [1, 2, 4], [i32::MAX; 3], [0x1234_5678, 0x7654_3210, 0x0fed_cba9]] {
            assert_eq!(curve.point(curve.place(&p)), p);
        }
        assert_eq!(Curve::through(&[0, 3, 8]), Curve { bits: 4 });
        assert_eq!(Curve::through(&[]), Curve { bits: 0 });
        assert_eq!(order(&[0, 0, 0, 0, 0, 0]), [0, 1]);
        // Never mind what becomes of points below zero.
        assert_eq!(order(&[-5, 0, 3, i32::MIN, -1, 9]).len(), 2);
    }
}
