//! Clusters of single numbers: the 256 values that stand for all others with the least squared error, found exactly.
//!
//! On a line clusters are intervals, and the best end of the one before moves up with the end of the last. So dynamic
//! programming over counted values, with divide and conquer for the ends, finds the optimum [Wang & Song 2011].

/// Values in a codebook: what a byte can name.
pub(in crate::formats) const ENTRIES: usize = 256;
/// Low bits of a float that are ignored while counting. 11 bits of the mantissa stay, far below the step of a codebook.
const IGNORED_BITS: u32 = 12;
/// Counted values that the optimum is searched over; more are merged with their neighbours.
const MOST_BINS: usize = 1 << 13;

/// Weights and sums of numbers, by number.
pub(in crate::formats) struct Histogram {
    bins: Vec<Bin>,
}

/// Numbers that are taken as one.
#[derive(Clone, Copy, Default)]
struct Bin {
    mass: f64,
    /// Sum of the numbers times their weights.
    sum: f64,
}

impl Bin {
    fn mean(&self) -> f64 {
        self.sum / self.mass
    }
}

impl Histogram {
    /// Nothing counted.
    pub(in crate::formats) fn new() -> Self {
        Histogram { bins: vec![Bin::default(); 1 << (32 - IGNORED_BITS)] }
    }

    /// Counts a number; what is not finite is left out.
    pub(in crate::formats) fn add(&mut self, value: f32, weight: f32) {
        if !value.is_finite() || weight.is_nan() || weight <= 0.0 {
            return;
        }
        let bits = value.to_bits();
        // Makes the bits of floats sort as the floats do.
        let key = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        let bin = &mut self.bins[(key >> IGNORED_BITS) as usize];
        bin.mass += f64::from(weight);
        bin.sum += f64::from(weight) * f64::from(value);
    }

    /// The best codebook for what was counted, with as few values as keep the mean squared error at `tolerance`.
    pub(in crate::formats) fn codebook(&self, tolerance: f64) -> Codebook {
        let mut bins: Vec<Bin> = self.bins.iter().filter(|bin| bin.mass > 0.0).copied().collect();
        if bins.len() > MOST_BINS {
            let mass: f64 = bins.iter().map(|bin| bin.mass).sum();
            let mean = bins.iter().map(|bin| bin.sum).sum::<f64>() / mass;
            let variance = bins.iter().map(|bin| bin.mass * (bin.mean() - mean).powi(2)).sum::<f64>() / mass;
            // Next to zero floats lie closer than anyone can see.
            let mut width = variance.sqrt() / 1024.0;
            while bins.len() > MOST_BINS {
                merge(&mut bins, width);
                width *= 2.0;
            }
        }
        Codebook::new(optimum(&bins, ENTRIES, tolerance))
    }
}

/// Merges neighbours whose means are no further apart than `width`.
fn merge(bins: &mut Vec<Bin>, width: f64) {
    let mut first = f64::NEG_INFINITY;
    let mut kept: Vec<Bin> = Vec::new();
    for bin in bins.iter() {
        match kept.last_mut() {
            Some(last) if bin.mean() - first <= width => {
                last.mass += bin.mass;
                last.sum += bin.sum;
            }
            _ => {
                first = bin.mean();
                kept.push(*bin);
            }
        }
    }
    *bins = kept;
}

/// Sums over all bins before one, which give the error of any interval at once.
struct Prefix {
    mass: f64,
    sum: f64,
    squares: f64,
}

/// The means of the best intervals, ascending: as few as keep the tolerance, or `most`.
fn optimum(bins: &[Bin], most: usize, tolerance: f64) -> Vec<f32> {
    if bins.is_empty() || (bins.len() <= most && tolerance <= 0.0) {
        return bins.iter().map(|bin| bin.mean() as f32).collect();
    }
    // Around the middle of the values, so that squares do not drown the differences.
    let middle = bins.iter().map(|bin| bin.sum).sum::<f64>() / bins.iter().map(|bin| bin.mass).sum::<f64>();
    let mut prefix = vec![Prefix { mass: 0.0, sum: 0.0, squares: 0.0 }];
    for bin in bins {
        let at = bin.mean() - middle;
        if let Some(&Prefix { mass, sum, squares }) = prefix.last() {
            prefix.push(Prefix {
                mass: mass + bin.mass,
                sum: sum + bin.mass * at,
                squares: squares + bin.mass * at * at,
            });
        }
    }
    let error = |from: usize, to: usize| {
        let (from, to) = (&prefix[from], &prefix[to]);
        let sum = to.sum - from.sum;
        to.squares - from.squares - sum * sum / (to.mass - from.mass)
    };
    // Least error of the first so many bins, and where their last interval begins, for each number of intervals.
    let mut least: Vec<f64> = (0..=bins.len()).map(|end| if end == 0 { 0.0 } else { error(0, end) }).collect();
    let mut begins: Vec<Vec<u16>> = vec![vec![0; bins.len() + 1]];
    let allowed = tolerance * prefix.last().map_or(0.0, |all| all.mass);
    for intervals in 2..=most.min(bins.len()) {
        if least.last().is_some_and(|&error| error <= allowed) {
            break;
        }
        let mut layer = Layer { before: &least, least: least.clone(), begins: vec![0; bins.len() + 1] };
        layer.solve(&error, intervals..bins.len() + 1, intervals - 1..bins.len());
        let Layer { least: next, begins: began, .. } = layer;
        least = next;
        begins.push(began);
    }
    let mut means = Vec::with_capacity(most);
    let mut end = bins.len();
    for begins in begins.iter().rev() {
        let begin = usize::from(begins[end]);
        let (from, to) = (&prefix[begin], &prefix[end]);
        means.push(((to.sum - from.sum) / (to.mass - from.mass) + middle) as f32);
        end = begin;
    }
    means.reverse();
    means
}

/// One more interval than before.
struct Layer<'a> {
    before: &'a [f64],
    least: Vec<f64>,
    begins: Vec<u16>,
}

impl Layer<'_> {
    /// For all ends in a range, given where their last interval can begin.
    fn solve(
        &mut self,
        error: &impl Fn(usize, usize) -> f64,
        ends: std::ops::Range<usize>,
        begins: std::ops::Range<usize>,
    ) {
        if ends.is_empty() {
            return;
        }
        let end = ends.start.midpoint(ends.end);
        let (mut best, mut least) = (begins.start, f64::INFINITY);
        for begin in begins.start..begins.end.min(end) {
            let sum = self.before[begin] + error(begin, end);
            if sum < least {
                (best, least) = (begin, sum);
            }
        }
        self.least[end] = least;
        // Bins are at most 2^13.
        self.begins[end] = best as u16;
        self.solve(error, ends.start..end, begins.start..best + 1);
        self.solve(error, end + 1..ends.end, best..begins.end);
    }
}

/// Ascending values that bytes stand for.
pub(in crate::formats) struct Codebook {
    values: Vec<f32>,
    /// Half-way between neighbours.
    between: Vec<f32>,
}

impl Codebook {
    fn new(mut values: Vec<f32>) -> Self {
        values.dedup();
        let between = values.windows(2).map(|pair| pair[0].midpoint(pair[1])).collect();
        Codebook { values, between }
    }

    /// The byte of the nearest value.
    pub(in crate::formats) fn nearest(&self, value: f32) -> u8 {
        self.between.partition_point(|&between| between < value) as u8
    }

    /// All 256 values; the last is repeated where fewer were needed.
    pub(in crate::formats) fn values(&self) -> Vec<f32> {
        let last = self.values.last().copied().unwrap_or(0.0);
        self.values.iter().copied().chain(std::iter::repeat(last)).take(ENTRIES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bin, ENTRIES, Histogram, optimum};

    fn bins(values: &[f64]) -> Vec<Bin> {
        values.iter().map(|&value| Bin { mass: 1.0, sum: value }).collect()
    }

    fn error(values: &[f64], codebook: &[f32]) -> f64 {
        let far = |value: &f64| codebook.iter().map(|&c| (f64::from(c) - value).powi(2)).fold(f64::INFINITY, f64::min);
        values.iter().map(far).sum()
    }

    /// Least error over all ways to cut sorted values into intervals.
    fn brute(values: &[f64], most: usize) -> f64 {
        let own = |part: &[f64]| {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            part.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        };
        match most {
            1 => own(values),
            _ => (1..=values.len() - (most - 1))
                .map(|first| own(&values[..first]) + brute(&values[first..], most - 1))
                .fold(f64::INFINITY, f64::min),
        }
    }

    proptest::proptest! {
        #[test]
        fn no_other_intervals_have_less_error(
            values in proptest::collection::vec(-50.0_f64..50.0, 5..11),
            most in 1..5_usize,
        ) {
            let mut values = values;
            values.sort_unstable_by(f64::total_cmp);
            let found = optimum(&bins(&values), most, 0.0);
            proptest::prop_assert_eq!(found.len(), most);
            let (found, least) = (error(&values, &found), brute(&values, most));
            proptest::prop_assert!((found - least).abs() < 1e-3 * (1.0 + least), "{} not {}", found, least);
        }
    }

    #[test]
    fn few_values_are_kept_exactly_and_odd_ones_ignored() {
        let mut histogram = Histogram::new();
        let values: Vec<f32> = (0..200).map(|i| (i as f32 - 100.0) * 0.37).collect();
        values.iter().for_each(|&value| histogram.add(value, 2.0));
        [f32::NAN, f32::INFINITY].iter().for_each(|&value| histogram.add(value, 1.0));
        histogram.add(1e9, 0.0);
        let codebook = histogram.codebook(0.0);
        assert_eq!(codebook.values().len(), ENTRIES);
        for &value in &values {
            assert_eq!(codebook.values()[usize::from(codebook.nearest(value))], value);
        }
        assert_eq!(usize::from(codebook.nearest(f32::MAX)), values.len() - 1);
        assert_eq!(codebook.nearest(f32::NAN), 0);
        assert_eq!(Histogram::new().codebook(0.0).values(), [0.0; ENTRIES]);
    }

    /// The best codebook is better than even steps, also where bins had to be merged.
    #[test]
    fn many_values_come_closer_than_by_even_steps() {
        let mut histogram = Histogram::new();
        let values: Vec<f64> = (1..40_000).map(|i| (f64::from(i) / 20_000.0 - 1.0).powi(3) * 4.0).collect();
        values.iter().for_each(|&value| histogram.add(value as f32, 1.0));
        let codebook = histogram.codebook(0.0);
        let entries = codebook.values();
        let far = |&value: &f64| (f64::from(entries[usize::from(codebook.nearest(value as f32))]) - value).powi(2);
        let mean = values.iter().map(far).sum::<f64>() / values.len() as f64;
        // For so many values the ratio tends to (9/7)^3 / 3, by the integral of the cube root of their density.
        let even = (8.0_f64 / 256.0).powi(2) / 12.0;
        assert!((mean / even - (9.0_f64 / 7.0).powi(3) / 3.0).abs() < 0.01, "{mean} against {even}");
        let fewer = histogram.codebook(100.0 * mean);
        let mut distinct = fewer.values();
        distinct.dedup();
        // Ten times the error is a tenth of the values.
        assert!((24..29).contains(&distinct.len()), "{}", distinct.len());
    }
}
