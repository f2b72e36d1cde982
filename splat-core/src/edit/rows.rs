//! Sets of rows as bits, and the differences between them that undo keeps.

use crate::parallel::{ROWS_PER_THREAD, for_each_part};

const WORD: usize = u64::BITS as usize;

/// A set of the rows of a scene.
///
/// Sets are combined with sets over equally many rows; anything else is a bug of the caller, and panics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    /// Row `i` is bit `i % 64` of word `i / 64`; bits beyond the last row are zero.
    words: Vec<u64>,
    rows: usize,
}

impl RowSet {
    /// No row out of `rows`.
    pub fn new(rows: usize) -> Self {
        RowSet { words: vec![0; rows.div_ceil(WORD)], rows }
    }

    /// All of `rows` rows.
    pub fn full(rows: usize) -> Self {
        let mut set = Self::new(rows);
        set.invert();
        set
    }

    /// The rows for which `contains` holds. Runs on all cores.
    pub fn from_fn(rows: usize, contains: impl Fn(usize) -> bool + Sync) -> Self {
        let mut set = Self::new(rows);
        for_each_part(&mut set.words, 1, ROWS_PER_THREAD / WORD, |first, words| {
            for (index, word) in (first..).zip(words) {
                let start = index * WORD;
                for row in start..(start + WORD).min(rows) {
                    *word |= u64::from(contains(row)) << (row - start);
                }
            }
        });
        set
    }

    /// How many rows there are to choose from.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Whether a row is in the set; rows that do not exist are not.
    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / WORD).is_some_and(|word| word >> (row % WORD) & 1 == 1)
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When there is no such row: a bug of the caller.
    pub fn insert(&mut self, row: usize) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        self.words[row / WORD] |= 1 << (row % WORD);
    }

    /// Adds all rows of `other`.
    ///
    /// # Panics
    /// When the sets are over different numbers of rows, as all combinations do.
    pub fn union_with(&mut self, other: &RowSet) {
        self.combine(other, |own, other| own | other);
    }

    /// Keeps the rows that are also in `other`.
    pub fn intersect_with(&mut self, other: &RowSet) {
        self.combine(other, |own, other| own & other);
    }

    /// Removes all rows of `other`.
    pub fn subtract(&mut self, other: &RowSet) {
        self.combine(other, |own, other| own & !other);
    }

    fn combine(&mut self, other: &RowSet, operation: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.rows, other.rows, "sets of rows of different scenes");
        for (own, &other) in self.words.iter_mut().zip(&other.words) {
            *own = operation(*own, other);
        }
    }

    /// Exchanges the rows in the set with those outside.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        let used = self.rows % WORD;
        if used > 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    /// The rows in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(index * WORD + bit)
            })
        })
    }

    /// The bits: row `i` is bit `i % 64` of word `i / 64`. What a viewer uploads.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// Which rows of a set changed, in whichever of two forms is smaller. Applied once it leads from one set to the
/// other, applied again it leads back.
#[derive(Debug)]
pub(super) enum RowDiff {
    /// Changed words only: where they are, and their changed bits.
    Sparse { places: Vec<u32>, changed: Vec<u64> },
    /// The changed bits of every word.
    Dense(Vec<u64>),
}

impl RowDiff {
    /// The way from one set to another; `None` when they are equal.
    pub(super) fn between(from: &RowSet, to: &RowSet) -> Option<Self> {
        assert_eq!(from.rows, to.rows, "sets of rows of different scenes");
        let changed = || from.words.iter().zip(&to.words).map(|(from, to)| from ^ to);
        let count = changed().filter(|&bits| bits != 0).count();
        if count == 0 {
            return None;
        }
        // A sparse word costs 12 bytes, a dense one 8.
        if 3 * count >= 2 * from.words.len() {
            return Some(RowDiff::Dense(changed().collect()));
        }
        let (places, changed) = (0_u32..).zip(changed()).filter(|&(_, bits)| bits != 0).unzip();
        Some(RowDiff::Sparse { places, changed })
    }

    /// Changes the one set into the other.
    pub(super) fn apply(&self, set: &mut RowSet) {
        match self {
            RowDiff::Sparse { places, changed } => {
                for (&place, bits) in places.iter().zip(changed) {
                    set.words[place as usize] ^= bits;
                }
            }
            RowDiff::Dense(changed) => set.words.iter_mut().zip(changed).for_each(|(word, bits)| *word ^= bits),
        }
    }

    /// Memory it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            RowDiff::Sparse { places, changed } => size_of_val(&places[..]) + size_of_val(&changed[..]),
            RowDiff::Dense(changed) => size_of_val(&changed[..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

    use super::{RowDiff, RowSet};

    fn set(members: &[bool]) -> RowSet {
        RowSet::from_fn(members.len(), |row| members[row])
    }

    fn two_sets() -> impl Strategy<Value = (Vec<bool>, Vec<bool>)> {
        // Lengths around word borders.
        (0_usize..200).prop_flat_map(|rows| {
            (prop::collection::vec(any::<bool>(), rows), prop::collection::vec(any::<bool>(), rows))
        })
    }

    proptest! {
        #[test]
        fn algebra_is_that_of_sets((a, b) in two_sets()) {
            let plain = |members: &[bool]| (0..members.len()).filter(|&row| members[row]).collect::<BTreeSet<_>>();
            let (x, y) = (plain(&a), plain(&b));
            let after = |change: fn(&mut RowSet, &RowSet)| {
                let mut left = set(&a);
                change(&mut left, &set(&b));
                (left.iter().collect::<BTreeSet<_>>(), left.count())
            };
            prop_assert_eq!(after(|_, _| {}), (x.clone(), x.len()));
            let union: BTreeSet<_> = &x | &y;
            prop_assert_eq!(after(RowSet::union_with), (union.clone(), union.len()));
            let both: BTreeSet<_> = &x & &y;
            prop_assert_eq!(after(RowSet::intersect_with), (both.clone(), both.len()));
            let rest: BTreeSet<_> = &x - &y;
            prop_assert_eq!(after(RowSet::subtract), (rest.clone(), rest.len()));
            let outside: BTreeSet<_> = (0..a.len()).filter(|row| !x.contains(row)).collect();
            prop_assert_eq!(after(|own, _| own.invert()), (outside.clone(), outside.len()));
            let mut inserted = RowSet::new(a.len());
            x.iter().for_each(|&row| inserted.insert(row));
            prop_assert_eq!(&inserted, &set(&a));
            prop_assert_eq!(inserted.is_empty(), x.is_empty());
            prop_assert_eq!(RowSet::full(a.len()).count(), a.len());
        }

        #[test]
        fn a_difference_leads_there_and_back((a, b) in two_sets()) {
            let (a, b) = (set(&a), set(&b));
            let mut moving = a.clone();
            match RowDiff::between(&a, &b) {
                None => prop_assert_eq!(&a, &b),
                Some(diff) => {
                    diff.apply(&mut moving);
                    prop_assert_eq!(&moving, &b);
                    diff.apply(&mut moving);
                    prop_assert_eq!(&moving, &a);
                }
            }
        }
    }

    #[test]
    fn large_sets_are_filled_by_all_threads_alike() {
        let rows = 1_000_003;
        let set = RowSet::from_fn(rows, |row| row % 7 == 3);
        assert_eq!(set.iter().collect::<Vec<_>>(), (3..rows).step_by(7).collect::<Vec<_>>());
        assert!(!set.contains(rows) && !set.contains(usize::MAX));
    }

    #[test]
    fn a_small_difference_of_large_sets_is_small() {
        let from = RowSet::new(1_000_000);
        let mut to = from.clone();
        (0..100).for_each(|row| to.insert(row * 1000));
        assert_eq!(RowDiff::between(&from, &to).map(|diff| diff.bytes()), Some(1200));
        to.invert();
        assert_eq!(RowDiff::between(&from, &to).map(|diff| diff.bytes()), Some(125_000));
    }
}
