//! Entropy coding with asymmetric numeral systems [Duda 2013]: probabilities are integers that stand in the file, so that
//! decoding does the same everywhere.

use std::borrow::Borrow;
use std::num::NonZeroU32;

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::{Decode, Encode};

use super::bytes::Read1;
use super::frequencies::Tables;

/// Probabilities are multiples of `2^-PRECISION`.
pub(super) const PRECISION: usize = 14;

/// Bits that are coded at once where all values are equally likely.
const PIECE: u32 = 12;

/// A part of the unit interval.
struct Part {
    start: u32,
    size: NonZeroU32,
}

impl EntropyModel<PRECISION> for Part {
    type Symbol = ();
    type Probability = u32;
}

impl EncoderModel<PRECISION> for Part {
    fn left_cumulative_and_probability(&self, _: impl Borrow<()>) -> Option<(u32, NonZeroU32)> {
        Some((self.start, self.size))
    }
}

/// One of several tables.
struct Table<'a>(&'a Tables, u8);

impl EntropyModel<PRECISION> for Table<'_> {
    type Symbol = usize;
    type Probability = u32;
}

impl DecoderModel<PRECISION> for Table<'_> {
    #[inline]
    fn quantile_function(&self, quantile: u32) -> (usize, u32, NonZeroU32) {
        let (index, start, size) = self.0.part_at(self.1, quantile);
        // A symbol that covers a quantile has a size.
        (index, start, NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN))
    }
}

/// So many bits, all values equally likely.
struct Even(u32);

impl EntropyModel<PRECISION> for Even {
    type Symbol = u32;
    type Probability = u32;
}

impl DecoderModel<PRECISION> for Even {
    #[inline]
    fn quantile_function(&self, quantile: u32) -> (u32, u32, NonZeroU32) {
        let shift = PRECISION as u32 - self.0;
        let value = quantile >> shift;
        (value, value << shift, NonZeroU32::MIN.saturating_add((1 << shift) - 1))
    }
}

/// Gathers what is to be coded; the coder wants the last symbol first.
#[derive(Default)]
pub(super) struct Encoder {
    /// Start and size of the parts.
    parts: Vec<(u16, u16)>,
}

impl Encoder {
    /// A part of the unit interval, of a size above zero.
    pub(super) fn part(&mut self, (start, size): (u32, u32)) {
        self.parts.push((start as u16, size as u16));
    }

    /// The lowest `count` bits of a number.
    pub(super) fn bits(&mut self, value: u128, count: u32) {
        for at in (0..count).step_by(PIECE as usize) {
            let length = PIECE.min(count - at);
            let shift = PRECISION as u32 - length;
            let piece = (value >> at) as u32 & ((1 << length) - 1);
            self.part((piece << shift, 1 << shift));
        }
    }

    /// The bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut coder = DefaultAnsCoder::new();
        for (start, size) in self.parts.into_iter().rev() {
            if let Some(size) = NonZeroU32::new(u32::from(size)) {
                // Writing to memory cannot fail, and a part has a probability.
                let _ = coder.encode_symbol((), Part { start: u32::from(start), size });
            }
        }
        let words = coder.into_compressed().unwrap_or_default();
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

/// Decodes what an [`Encoder`] wrote.
pub(super) struct Decoder(DefaultAnsCoder);

impl Decoder {
    pub(super) fn new(bytes: &[u8]) -> Read1<Self> {
        let (words, rest) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        match DefaultAnsCoder::from_compressed(words) {
            Ok(coder) if rest.is_empty() => Ok(Decoder(coder)),
            _ => Err("a stream is damaged".to_owned()),
        }
    }

    /// The next symbol by one of some tables; nothing for the escape.
    #[inline]
    pub(super) fn symbol(&mut self, tables: &Tables, table: u8) -> Option<i32> {
        // Beyond their end, streams go on; `end` notices.
        let index = self.0.decode_symbol(Table(tables, table)).unwrap_or(0);
        tables.of(table).symbol(index)
    }

    /// A number of so many bits.
    #[inline]
    pub(super) fn bits(&mut self, count: u32) -> u128 {
        let mut value = 0;
        for at in (0..count).step_by(PIECE as usize) {
            let piece = self.0.decode_symbol(Even(PIECE.min(count - at))).unwrap_or(0);
            value |= u128::from(piece) << at;
        }
        value
    }

    /// Whether exactly what was written has been read.
    pub(super) fn end(self) -> Read1<()> {
        if self.0.is_empty() { Ok(()) } else { Err("a stream does not end where it should".to_owned()) }
    }
}
