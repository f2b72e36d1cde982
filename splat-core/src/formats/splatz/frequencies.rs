//! How often symbols occur: counted, merged where contexts behave alike, and stored as integers.

use super::bytes::{Bytes, Read1, put_number, put_signed};
use super::coder::PRECISION;

/// Symbols beyond this are escaped.
const FARTHEST: i32 = 1500;
/// Most tables of a column.
const MOST_TABLES: usize = 250;
/// Sum of the frequencies of a table.
const WHOLE: u32 = 1 << PRECISION;
/// What a symbol costs in a stored table, in bits, about.
const SYMBOL_COST: f64 = 7.0;
/// What a table costs besides.
const TABLE_COST: f64 = 16.0;

/// Counts of symbols.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    low: i32,
    counts: Vec<u32>,
    total: u32,
}

/// `x log2 x`, which entropies are sums of.
fn weigh(count: u32) -> f64 {
    if count == 0 { 0.0 } else { f64::from(count) * f64::from(count).log2() }
}

impl Counts {
    /// Counts one symbol. What is too far out will be escaped, and is not counted.
    pub(super) fn add(&mut self, symbol: i32) {
        self.add_many(symbol, 1);
    }

    fn add_many(&mut self, symbol: i32, count: u32) {
        if !(-FARTHEST..=FARTHEST).contains(&symbol) {
            return;
        }
        if self.counts.is_empty() {
            self.low = symbol;
        }
        if symbol < self.low {
            let missing = (self.low - symbol) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.low = symbol;
        }
        let index = (symbol - self.low) as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += count;
        self.total += count;
    }

    /// Adds all counts of another.
    pub(super) fn merge(&mut self, other: &Counts) {
        for (symbol, count) in other.present() {
            self.add_many(symbol, count);
        }
    }

    fn present(&self) -> impl Iterator<Item = (i32, u32)> {
        self.counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(i, &count)| (self.low + i as i32, count))
    }

    fn count(&self, symbol: i32) -> u32 {
        usize::try_from(symbol - self.low).ok().and_then(|index| self.counts.get(index)).copied().unwrap_or(0)
    }

    /// Bits that coding these symbols takes.
    pub(super) fn bits(&self) -> f64 {
        weigh(self.total) - self.present().map(|(_, count)| weigh(count)).sum::<f64>()
    }

    /// Bits that the table takes.
    pub(super) fn table_bits(&self) -> f64 {
        if self.total == 0 { 0.0 } else { TABLE_COST + SYMBOL_COST * self.present().count() as f64 }
    }

    /// Bits that are lost by coding both with one table.
    fn loss(&self, other: &Counts) -> f64 {
        let apart: f64 = other
            .present()
            .map(|(symbol, count)| {
                let own = self.count(symbol);
                weigh(own + count) - weigh(own) - weigh(count)
            })
            .sum();
        weigh(self.total + other.total) - weigh(self.total) - weigh(other.total) - apart
    }

    /// The stored form: every symbol that occurred has a frequency, and so has the escape.
    fn frequencies(&self) -> Frequencies {
        let spare = WHOLE - 1;
        let share = |count: u32| {
            if count == 0 { 0 } else { ((f64::from(count) / f64::from(self.total) * f64::from(spare)) as u32).max(1) }
        };
        let mut sizes: Vec<u32> = self.counts.iter().map(|&count| share(count)).collect();
        sizes.push(1);
        // What rounding left over or took too much is given to or taken from the most frequent, where it matters least.
        loop {
            let sum: u32 = sizes.iter().sum();
            let Some(largest) = sizes.iter_mut().max() else { break };
            match WHOLE.cmp(&sum) {
                std::cmp::Ordering::Equal => break,
                std::cmp::Ordering::Greater => *largest += WHOLE - sum,
                std::cmp::Ordering::Less => *largest -= (sum - WHOLE).min(*largest / 2).max(1),
            }
        }
        Frequencies::new(self.low, &sizes)
    }
}

/// Few tables for many contexts: which table each context uses, and the tables.
pub(super) fn grouped(contexts: &[Counts]) -> (Vec<u8>, Tables) {
    let mut order: Vec<usize> = (0..contexts.len()).collect();
    order.sort_by_key(|&context| (std::cmp::Reverse(contexts[context].total), context));
    let mut groups: Vec<Counts> = Vec::new();
    let mut group_of = vec![0_u8; contexts.len()];
    for context in order {
        let counts = &contexts[context];
        let losses = groups.iter().map(|group| group.loss(counts)).enumerate();
        let best = losses.min_by(|a, b| a.1.total_cmp(&b.1));
        let group = match best {
            Some((group, loss)) if loss < counts.table_bits() + 4.0 || groups.len() == MOST_TABLES => {
                groups[group].merge(counts);
                group
            }
            _ => {
                groups.push(counts.clone());
                groups.len() - 1
            }
        };
        group_of[context] = group as u8;
    }
    (group_of, Tables::new(groups.iter().map(Counts::frequencies).collect()))
}

/// Frequencies of symbols as they are stored. The last symbol is the escape.
#[derive(Clone, Debug)]
pub(super) struct Frequencies {
    low: i32,
    /// Where each symbol starts; and the end.
    starts: Vec<u16>,
}

/// The tables of a column, laid out so that a symbol is found with one load.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    tables: Vec<Frequencies>,
    /// Per table, for each [`STRIDE`] quantiles.
    parts: Vec<[Part; BUCKETS]>,
}

/// So few quantiles that most of such a bucket belong to one symbol.
const STRIDE: u32 = 32;
const BUCKETS: usize = (WHOLE / STRIDE) as usize;

/// The symbol of a bucket of quantiles.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    index: u16,
    start: u16,
    /// Zero where more than one symbol shares the bucket; then `index` is the first.
    size: u16,
}

impl Tables {
    pub(super) fn new(tables: Vec<Frequencies>) -> Self {
        let parts = tables.iter().map(Frequencies::parts).collect();
        Tables { tables, parts }
    }

    /// The tables as they are stored.
    pub(super) fn all(&self) -> &[Frequencies] {
        &self.tables
    }

    /// A table by its number.
    #[inline]
    pub(super) fn of(&self, table: u8) -> &Frequencies {
        &self.tables[usize::from(table)]
    }

    /// The symbol that a quantile belongs to: its number, start and size.
    #[inline]
    pub(super) fn part_at(&self, table: u8, quantile: u32) -> (usize, u32, u32) {
        let part = self.parts[usize::from(table)][(quantile / STRIDE) as usize];
        if part.size > 0 {
            return (part.index.into(), part.start.into(), part.size.into());
        }
        let table = self.of(table);
        let mut index = usize::from(part.index);
        while u32::from(table.starts[index + 1]) <= quantile {
            index += 1;
        }
        let (start, size) = table.part(index);
        (index, start, size)
    }
}

impl Frequencies {
    fn new(low: i32, sizes: &[u32]) -> Self {
        let mut starts = vec![0_u16];
        let mut sum = 0_u32;
        for size in sizes {
            sum += size;
            starts.push(sum as u16);
        }
        Frequencies { low, starts }
    }

    fn parts(&self) -> [Part; BUCKETS] {
        let mut index = 0;
        std::array::from_fn(|bucket| {
            let quantile = bucket as u32 * STRIDE;
            while u32::from(self.starts[index + 1]) <= quantile {
                index += 1;
            }
            let (start, size) = self.part(index);
            let is_shared = start + size < quantile + STRIDE;
            Part { index: index as u16, start: start as u16, size: if is_shared { 0 } else { size as u16 } }
        })
    }

    /// Start and size of a symbol, by its number.
    #[inline]
    pub(super) fn part(&self, index: usize) -> (u32, u32) {
        let (start, end) = (self.starts[index], self.starts[index + 1]);
        (u32::from(start), u32::from(end - start))
    }

    /// Number of the escape.
    fn escape(&self) -> usize {
        self.starts.len() - 2
    }

    /// Start and size of a symbol; nothing if it must be escaped.
    pub(super) fn part_of(&self, symbol: i32) -> Option<(u32, u32)> {
        let index = usize::try_from(i64::from(symbol) - i64::from(self.low)).ok()?;
        let part = (index < self.escape()).then(|| self.part(index))?;
        (part.1 > 0).then_some(part)
    }

    /// Start and size of the escape.
    pub(super) fn escape_part(&self) -> (u32, u32) {
        self.part(self.escape())
    }

    /// The symbol of a number; nothing for the escape.
    #[inline]
    pub(super) fn symbol(&self, index: usize) -> Option<i32> {
        (index < self.escape()).then(|| self.low.wrapping_add(index as i32))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_signed(out, self.low);
        put_number(out, self.escape() as u64);
        for index in 0..self.escape() {
            put_number(out, u64::from(self.part(index).1));
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Read1<Self> {
        let low = bytes.signed()?;
        let symbols = bytes.count(2 * FARTHEST as usize + 1)?;
        let mut sizes = Vec::new();
        let mut rest = WHOLE;
        for _ in 0..symbols {
            let size = bytes.count(WHOLE as usize)? as u32;
            rest = rest.checked_sub(size).ok_or("frequencies exceed their sum")?;
            sizes.push(size);
        }
        if rest == 0 {
            return Err("frequencies leave nothing to escape with".to_owned());
        }
        sizes.push(rest);
        Ok(Frequencies::new(low, &sizes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Bytes;
    use super::{Counts, Frequencies, Tables, grouped};

    fn counts(symbols: &[(i32, u32)]) -> Counts {
        let mut counts = Counts::default();
        symbols.iter().for_each(|&(symbol, count)| counts.add_many(symbol, count));
        counts
    }

    #[test]
    fn tables_survive_and_cover_everything() {
        for symbols in [&[][..], &[(7, 1)], &[(-3, 900), (0, 1), (5, 12)], &[(-1500, 1), (1500, 1_000_000)]] {
            let table = counts(symbols).frequencies();
            let mut bytes = Vec::new();
            table.write(&mut bytes);
            let back = Frequencies::read(&mut Bytes(&bytes)).unwrap();
            assert_eq!((&table.low, &table.starts), (&back.low, &back.starts));
            assert_eq!(*back.starts.last().unwrap(), 1 << 14);
            assert!(symbols.iter().all(|&(symbol, _)| back.part_of(symbol).is_some_and(|part| part.1 > 0)));
            assert!(back.part_of(i32::MAX).is_none() && back.part_of(i32::MIN).is_none() && back.escape_part().1 > 0);
            let tables = Tables::new(vec![back]);
            for quantile in 0..1 << 14 {
                let (index, start, size) = tables.part_at(0, quantile);
                assert_eq!((start, size), tables.all()[0].part(index));
                assert!((start..start + size).contains(&quantile));
            }
        }
        // Every one of many rare symbols keeps a frequency.
        let many: Vec<(i32, u32)> = (-1500..1500).map(|symbol| (symbol, 1)).chain([(1500, 90_000_000)]).collect();
        let table = counts(&many).frequencies();
        assert!(many.iter().all(|&(symbol, _)| table.part_of(symbol).is_some()));
    }

    #[test]
    fn contexts_that_behave_alike_share_a_table() {
        let (narrow, wide) = (counts(&[(0, 9000), (1, 500)]), counts(&[(0, 900), (1, 800), (2, 850), (3, 870)]));
        let (group_of, tables) = grouped(&[narrow.clone(), wide.clone(), narrow, Counts::default(), wide]);
        assert_eq!(tables.all().len(), 2);
        assert_eq!((group_of[0], group_of[1]), (group_of[2], group_of[4]));
        assert_ne!(group_of[0], group_of[1]);
    }
}
