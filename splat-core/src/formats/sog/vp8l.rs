//! Writing lossless WebP (VP8L), for images whose pixels are numbers rather than a picture.
//!
//! Such pixels hardly ever repeat, so there are no references backwards: only a choice of what is subtracted from a
//! pixel, and a prefix code per channel [Huffman 1952]. What is subtracted must fit the numbers. General encoders take
//! for granted that red and blue follow green, as in photographs, and lose a good part of the size of indices by that.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longest prefix codes: of samples, and of the lengths of those.
const MAX_LENGTH: u8 = 15;
const MAX_LENGTH_OF_LENGTHS: u8 = 7;
/// Symbols of the green code: 256 samples, and 24 lengths of references that are never used.
const GREEN_SYMBOLS: usize = 280;
/// The order in which the lengths of the codes for lengths are stored.
const LENGTH_ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Side of the blocks with one predictor each, as the logarithm less two: the largest there is, since all are equal.
const BLOCK_BITS: u32 = 7;

/// What a pixel is predicted to be; by its number in the format.
#[derive(Clone, Copy, PartialEq)]
enum Predictor {
    Left = 1,
    Top = 2,
}

/// How pixels become what is coded.
#[derive(Clone, Copy)]
struct Transform {
    subtract_green: bool,
    predictor: Option<Predictor>,
}

/// Pixels by their number, row by row: red, green, blue, alpha.
struct Image<P> {
    pixel: P,
    width: usize,
    height: usize,
}

impl<P: Fn(usize) -> [u8; 4]> Image<P> {
    /// What each pixel is predicted to be; but by `None`, the first is taken to be black, and its row and column are
    /// predicted along themselves.
    fn predicted(&self, predictor: Option<Predictor>, index: usize) -> [u8; 4] {
        match (predictor, index / self.width, index % self.width) {
            (None, ..) => [0; 4],
            (_, 0, 0) => [0, 0, 0, 255],
            (_, 0, _) => (self.pixel)(index - 1),
            (_, _, 0) => (self.pixel)(index - self.width),
            (Some(Predictor::Left), ..) => (self.pixel)(index - 1),
            (Some(Predictor::Top), ..) => (self.pixel)(index - self.width),
        }
    }

    /// The difference that is coded.
    fn coded(&self, transform: Transform, index: usize) -> [u8; 4] {
        let (pixel, predicted) = ((self.pixel)(index), self.predicted(transform.predictor, index));
        let [red, green, blue, alpha] = std::array::from_fn(|channel| pixel[channel].wrapping_sub(predicted[channel]));
        match transform.subtract_green {
            true => [red.wrapping_sub(green), green, blue.wrapping_sub(green), alpha],
            false => [red, green, blue, alpha],
        }
    }

    /// How often values occur in each channel of what is coded: without and with green subtracted.
    fn counts(&self, predictor: Option<Predictor>) -> [Counts; 2] {
        let mut counts: [Counts; 2] = std::array::from_fn(|_| std::array::from_fn(|_| vec![0; 256]));
        let [plain, subtracted] = &mut counts;
        for index in 0..self.width * self.height {
            let [red, green, blue, alpha] = self.coded(Transform { subtract_green: false, predictor }, index);
            for (counts, value) in plain.iter_mut().zip([red, green, blue, alpha]) {
                counts[usize::from(value)] += 1;
            }
            subtracted[0][usize::from(red.wrapping_sub(green))] += 1;
            subtracted[2][usize::from(blue.wrapping_sub(green))] += 1;
        }
        for channel in [1, 3] {
            subtracted[channel].clone_from(&plain[channel]);
        }
        counts
    }
}

/// How often each value occurs, by channel.
type Counts = [Vec<u32>; 4];

/// Encodes pixels, red green blue alpha, by their number; where none is transparent, alpha takes no space.
///
/// There are as many pixels as width times height, and both are at most 16383.
pub(super) fn encode(pixel: impl Fn(usize) -> [u8; 4], width: usize, height: usize) -> Vec<u8> {
    let image = Image { pixel, width, height };
    let mut best: Option<(f64, Transform, Counts)> = None;
    let mut opaque = true;
    for predictor in [None, Some(Predictor::Left), Some(Predictor::Top)] {
        for (subtract_green, counts) in [false, true].into_iter().zip(image.counts(predictor)) {
            if predictor.is_none() {
                opaque = counts[3][..255].iter().all(|&count| count == 0);
            }
            let size = counts.iter().map(|counts| entropy(counts)).sum();
            if best.as_ref().is_none_or(|(least, ..)| size < *least) {
                best = Some((size, Transform { subtract_green, predictor }, counts));
            }
        }
    }
    let Some((_, transform, [red, green, blue, alpha])) = best else {
        return Vec::new();
    };
    let mut bits = Bits::default();
    bits.put(0x2f, 8);
    bits.put(width as u32 - 1, 14);
    bits.put(height as u32 - 1, 14);
    bits.put(u32::from(!opaque), 1);
    bits.put(0, 3);
    if transform.subtract_green {
        bits.put(0b101, 3);
    }
    if let Some(predictor) = transform.predictor {
        bits.put(0b001, 3);
        bits.put(BLOCK_BITS, 3);
        // An image of predictors without cache; its only colour needs no bits per pixel.
        bits.put(0, 1);
        bits.put_single(predictor as usize);
        (0..4).for_each(|_| bits.put_single(0));
    }
    // No further transform, no cache, one set of codes for the whole image.
    bits.put(0, 3);
    let codes = [green, red, blue, alpha].map(|counts| Code::new(&counts, MAX_LENGTH));
    for (code, symbols) in codes.iter().zip([GREEN_SYMBOLS, 256, 256, 256]) {
        code.write(&mut bits, symbols);
    }
    bits.put_single(0);
    let [green, red, blue, alpha] = &codes;
    for index in 0..width * height {
        let coded = image.coded(transform, index);
        green.put(&mut bits, coded[1]);
        red.put(&mut bits, coded[0]);
        blue.put(&mut bits, coded[2]);
        alpha.put(&mut bits, coded[3]);
    }
    container(&bits.finish())
}

fn container(payload: &[u8]) -> Vec<u8> {
    let padding = payload.len() % 2;
    let mut file = Vec::with_capacity(payload.len() + 21);
    file.extend(b"RIFF");
    file.extend((12 + payload.len() as u32 + padding as u32).to_le_bytes());
    file.extend(b"WEBPVP8L");
    file.extend((payload.len() as u32).to_le_bytes());
    file.extend(payload);
    file.resize(file.len() + padding, 0);
    file
}

/// Bits that samples so often take in an ideal code.
fn entropy(counts: &[u32]) -> f64 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) * (total / f64::from(count)).log2()).sum()
}

/// Bits of a stream, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.waiting |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.bytes.extend((self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.count -= 32;
        }
    }

    /// A code of one symbol below 256, which takes no bits when used.
    fn put_single(&mut self, symbol: usize) {
        self.put_few(&[symbol]);
    }

    /// A code of one or two symbols below 256.
    fn put_few(&mut self, symbols: &[usize]) {
        self.put(1, 1);
        self.put(symbols.len() as u32 - 1, 1);
        for (index, &symbol) in symbols.iter().enumerate() {
            if index == 0 {
                self.put(1, 1);
            }
            self.put(symbol as u32, 8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let left = self.count.div_ceil(8) as usize;
        self.bytes.extend(&self.waiting.to_le_bytes()[..left]);
        self.bytes
    }
}

/// A prefix code.
struct Code {
    /// Bits per symbol; zero for what does not occur, and for a symbol that is alone.
    lengths: Vec<u8>,
    /// Bits of each symbol, in the order in which they are written.
    words: Vec<u16>,
    /// The symbol that is alone, if one is.
    only: usize,
}

impl Code {
    /// The shortest code for symbols that occur so often, none longer than `longest`.
    fn new(counts: &[u32], longest: u8) -> Code {
        let mut floor = 1;
        let mut lengths = lengths(counts, floor);
        // Rare symbols are taken for less rare ones until none is too long.
        while lengths.iter().any(|&length| length > longest) {
            floor *= 2;
            lengths = self::lengths(counts, floor);
        }
        let mut words = vec![0; lengths.len()];
        let mut next = 0_u32;
        for length in 1..=longest {
            for symbol in (0..lengths.len()).filter(|&symbol| lengths[symbol] == length) {
                words[symbol] = (next as u16).reverse_bits() >> (16 - u32::from(length));
                next += 1;
            }
            next <<= 1;
        }
        Code { lengths, words, only: counts.iter().position(|&count| count > 0).unwrap_or(0) }
    }

    fn used(&self) -> Vec<usize> {
        (0..self.lengths.len()).filter(|&symbol| self.lengths[symbol] > 0).collect()
    }

    fn put(&self, bits: &mut Bits, symbol: u8) {
        let symbol = usize::from(symbol);
        bits.put(u32::from(self.words[symbol]), u32::from(self.lengths[symbol]));
    }

    /// Writes the code itself, for an alphabet of so many symbols.
    fn write(&self, bits: &mut Bits, symbols: usize) {
        match self.used().as_slice() {
            [] => return bits.put_single(self.only),
            few @ [_, _] => return bits.put_few(few),
            _ => {}
        }
        let mut lengths = self.lengths.clone();
        lengths.resize(symbols, 0);
        // Runs: of zeros with 17 (3 to 10) and 18 (11 to 138), of the same length again with 16 (3 to 6).
        let mut tokens: Vec<(u8, u32, u32)> = Vec::new();
        for run in lengths.chunk_by(|a, b| a == b) {
            let mut left = run.len() as u32;
            if run[0] > 0 {
                tokens.push((run[0], 0, 0));
                left -= 1;
            }
            while left > 0 {
                let (token, taken) = match (run[0], left) {
                    (_, 1 | 2) => ((run[0], 0, 0), 1),
                    (0, 3..=10) => ((17, left - 3, 3), left),
                    (0, _) => ((18, left.min(138) - 11, 7), left.min(138)),
                    _ => ((16, left.min(6) - 3, 2), left.min(6)),
                };
                tokens.push(token);
                left -= taken;
            }
        }
        let mut counts = vec![0; LENGTH_ORDER.len()];
        tokens.iter().for_each(|&(token, ..)| counts[usize::from(token)] += 1);
        let code = Code::new(&counts, MAX_LENGTH_OF_LENGTHS);
        let stored =
            LENGTH_ORDER.iter().rposition(|&token| code.lengths[token] > 0).map_or(4, |last| (last + 1).max(4));
        bits.put(0, 1);
        bits.put(stored as u32 - 4, 4);
        LENGTH_ORDER.iter().take(stored).for_each(|&token| bits.put(u32::from(code.lengths[token]), 3));
        // All lengths of the alphabet are there.
        bits.put(0, 1);
        for (token, extra, count) in tokens {
            code.put(bits, token);
            bits.put(extra, count);
        }
    }
}

/// Code lengths by Huffman's construction, with each symbol that occurs counted at least `floor` times.
fn lengths(counts: &[u32], floor: u32) -> Vec<u8> {
    let used: Vec<usize> = (0..counts.len()).filter(|&symbol| counts[symbol] > 0).collect();
    // Leaves first, then inner nodes in the order in which they arise: parents come after their children.
    let mut heap: BinaryHeap<Reverse<(u64, usize)>> =
        used.iter().enumerate().map(|(node, &symbol)| Reverse((u64::from(counts[symbol].max(floor)), node))).collect();
    let mut parents = vec![0; used.len()];
    while let (Some(Reverse(first)), Some(Reverse(second))) = (heap.pop(), heap.pop()) {
        let node = parents.len();
        parents[first.1] = node;
        parents[second.1] = node;
        parents.push(node);
        heap.push(Reverse((first.0 + second.0, node)));
    }
    let mut depths = vec![0_u8; parents.len()];
    for node in (0..parents.len()).rev().filter(|&node| parents[node] != node) {
        depths[node] = depths[parents[node]].saturating_add(1);
    }
    let mut lengths = vec![0; counts.len()];
    for (node, &symbol) in used.iter().enumerate() {
        // A symbol that is alone needs no bits.
        lengths[symbol] = if used.len() > 1 { depths[node] } else { 0 };
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::{Code, MAX_LENGTH, encode};

    fn check(pixels: &[[u8; 4]], width: usize) -> usize {
        let bytes = encode(|index| pixels[index], width, pixels.len() / width);
        let image = image::load_from_memory_with_format(&bytes, image::ImageFormat::WebP).unwrap().into_rgba8();
        assert_eq!(image.dimensions(), (width as u32, (pixels.len() / width) as u32));
        assert!(image.as_raw().as_slice() == pixels.as_flattened());
        bytes.len()
    }

    proptest::proptest! {
        /// Few and many values per channel, so that codes of all kinds are written.
        #[test]
        fn another_decoder_finds_the_pixels(
            values in proptest::collection::vec(proptest::prelude::any::<[u8; 4]>(), 1..900),
            kept in proptest::prelude::any::<[u8; 4]>(),
            opaque in proptest::prelude::any::<bool>(),
            width in 1..24_usize,
        ) {
            let mut pixels = values;
            pixels.iter_mut().for_each(|pixel| (0..4).for_each(|i| pixel[i] &= kept[i]));
            if opaque {
                pixels.iter_mut().for_each(|pixel| pixel[3] = 255);
            }
            pixels.resize(pixels.len().next_multiple_of(width), [7; 4]);
            check(&pixels, width);
        }
    }

    /// Exponential counts ask for codes longer than there may be.
    #[test]
    fn codes_stay_short_enough() {
        let counts: Vec<u32> = (0..32).map(|i| 1 << i.min(30)).collect();
        let code = Code::new(&counts, MAX_LENGTH);
        assert!(code.lengths.iter().all(|&length| (1..=MAX_LENGTH).contains(&length)));
        let kraft: f64 = code.lengths.iter().map(|&length| 0.5_f64.powi(i32::from(length))).sum();
        assert!((kraft - 1.0).abs() < 1e-12, "{kraft}");
        let mut pixels = Vec::new();
        for value in 0..18_u8 {
            pixels.resize(pixels.len() + (1 << value), [value, value.wrapping_mul(31), 0, 255]);
        }
        pixels.resize(pixels.len().next_multiple_of(512), [3, 4, 5, 255]);
        check(&pixels, 512);
    }

    #[test]
    fn what_is_constant_takes_no_space_and_what_grows_evenly_next_to_none() {
        assert!(check(&[[9, 8, 7, 6]; 4096], 64) < 60);
        let ramp: Vec<[u8; 4]> = (0..4096).map(|i| [(i % 64) as u8, (3 * (i % 64)) as u8, 0, 255]).collect();
        // The first row, or the first column, differs from the rest: a bit per pixel and channel that grows.
        assert!(check(&ramp, 64) < 2 * 4096 / 8 + 100);
        // Larger than a block of one predictor.
        let wide: Vec<[u8; 4]> = (0..1100 * 600).map(|i| [(i / 1100) as u8, (i % 1100) as u8, 0, 255]).collect();
        assert!(check(&wide, 1100) < 2 * 1100 * 600 / 8 + 100);
    }
}
