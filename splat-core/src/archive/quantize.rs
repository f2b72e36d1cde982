//! Finished splats become integers, as coarse as their picture allows.
//!
//! How fine depends on the splat: what is large or faint may be off by more. Such splats are told apart by the integers
//! of their opacity and scales, which decoders know first. Constants were chosen on scenes of 25 000 to 60 000 splats,
//! trained from photos and from renderings, by the PSNR of held-out views per bit.

mod geometry;
mod harmonics;
mod motion;
mod plan;

use super::{Archive, ArchiveColumn, Classes, Codec, Table, classes_of};
use crate::error::{Error, Result};
use crate::scene::SplatCloud;

pub(crate) use plan::{AT_ONCE, Part, Planned, Sampling};

/// How splats are quantized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantize {
    /// Every step is inversely proportional to it. From 1/64 to 64; 1 costs about 0.1 dB of PSNR and leaves
    /// about 11 bytes per splat of SH degree 3, 0.65 costs 0.25 dB and leaves 9.
    pub quality: f32,
}

impl Default for Quantize {
    fn default() -> Self {
        Quantize { quality: 1.0 }
    }
}

/// Levels of opacity, less one.
const OPACITY_LEVELS: f32 = 64.0;
/// Logits beyond this are as good as transparent or opaque.
const MOST_LOGIT: f32 = 9.0;

/// Makes integers of splats, row by row or a chunk at a time, by what it was told of the whole scene.
trait Quantizer: Send + Sync {
    /// Adds its columns to an archive of these splats, which has all columns that it looks at.
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()>;
}

impl Archive {
    /// Quantizes finished splats.
    ///
    /// # Errors
    /// As [`Archive::quantize_with`].
    pub fn quantize(cloud: &SplatCloud, options: &Quantize) -> Result<Archive> {
        Self::quantize_with(cloud, options, Vec::new(), Vec::new())
    }

    /// Quantizes those columns of finished splats that are not given; given ones keep every integer, and may be others
    /// than those of a cloud. Rows are sorted, all columns alike.
    ///
    /// # Errors
    /// [`Error::Settings`] when the quality is out of range, the given columns do not fit the cloud, or a position, a
    /// colour or the whole scene is not finite.
    pub fn quantize_with(
        cloud: &SplatCloud,
        options: &Quantize,
        given: Vec<ArchiveColumn>,
        tables: Vec<Table>,
    ) -> Result<Archive> {
        cloud.check()?;
        let given = Archive { rows: cloud.len(), columns: given, tables, meta: serde_json::Map::new() };
        if let Some(problem) = given.problem() {
            return Err(bug(problem));
        }
        if let Some(column) = given.columns.iter().find(|column| column.codec.block().is_some()) {
            return Err(bug(format!("column {} cannot be sorted once it is transformed", column.name)));
        }
        let source = cloud.source();
        Planned::new(&source, given, options, Sampling::default(), &mut |_| Ok(()))?.archive()
    }
}

fn bug(problem: String) -> Error {
    Error::settings(problem, "this is a bug: please report it")
}

/// Opacities at levels that are closest near transparent and opaque, evenly spaced in `asin(sqrt(opacity))`.
struct Opacities {
    /// The number of the last level.
    last: f32,
}

impl Opacities {
    const TABLE: &str = "levels of opacity_logits";

    fn new(quality: f32) -> Self {
        Opacities { last: (OPACITY_LEVELS * quality).round().clamp(3.0, 1000.0) }
    }

    fn step(&self) -> f32 {
        std::f32::consts::FRAC_PI_2 / self.last
    }

    fn table(&self) -> Table {
        // A quarter of a step from the ends: nothing is quite transparent or quite opaque.
        let logit = |level: f32| {
            let angle = (level.clamp(0.25, self.last - 0.25) * self.step()).tan();
            // Eight bits behind the point are plenty, and files store them well.
            (2.0 * angle.ln() * 256.0).round() / 256.0
        };
        let values: Vec<f32> = (0..=self.last as usize).map(|level| logit(level as f32)).collect();
        Table { name: Self::TABLE.to_owned(), rows: values.len(), width: 1, values }
    }
}

impl Quantizer for Opacities {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let step = self.step();
        let level = |logit: &f32| ((0.5 * logit.clamp(-MOST_LOGIT, MOST_LOGIT)).exp().atan() / step).round() as i32;
        let levels = cloud.opacity_logits.iter().map(level).collect();
        let codec = Codec::Lookup { table: Self::TABLE.to_owned() };
        archive.columns.push(ArchiveColumn::integers("opacity_logits", 1, codec, 1, levels));
        Ok(())
    }
}

/// Logarithm to the base 2 of the opacity.
fn log_opacity(logit: f32) -> f32 {
    let opacity = 1.0 / (1.0 + (-logit.clamp(-MOST_LOGIT, MOST_LOGIT)).exp());
    opacity.log2()
}

/// Logarithms of scales in descending order.
fn descending(log_scales: [f32; 3]) -> [f32; 3] {
    let mut sorted = log_scales;
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted
}

/// About the median of values.
fn median(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let every = (values.len() >> 16).max(1);
    let mut sample: Vec<f32> = values.step_by(every).collect();
    let middle = sample.len() / 2;
    if sample.is_empty() { 0.0 } else { *sample.select_nth_unstable_by(middle, f32::total_cmp).1 }
}

/// Classes of rows of about the same size, by integers of those columns that have them: name, number of the integer, number
/// of classes.
fn classes(archive: &Archive, criteria: &[(&str, usize, usize)]) -> Classes {
    let mut classes = Classes::default();
    for &(name, integer, count) in criteria {
        let Ok((per_row, values)) = archive.integers_of(name) else { continue };
        if integer >= per_row {
            continue;
        }
        let every = (archive.rows >> 16).max(1);
        let mut sample: Vec<i32> = values.iter().skip(integer).step_by(per_row * every).copied().collect();
        sample.sort_unstable();
        let mut bounds: Vec<i32> = (1..count).filter_map(|i| sample.get(i * sample.len() / count).copied()).collect();
        bounds.dedup();
        bounds.retain(|bound| Some(bound) > sample.first());
        classes.criteria.push((name.to_owned(), integer, bounds));
    }
    classes
}

/// The means of several values of the rows of each class, and how many rows those are. Empty classes get the mean of all.
fn means_by_class<const N: usize>(
    archive: &Archive,
    classes: &Classes,
    values: impl Fn(usize) -> [f32; N],
) -> Result<Vec<([f32; N], usize)>> {
    let of_row = classes_of(archive, classes, 0..archive.rows).map_err(bug)?;
    let mut sums = vec![([0.0_f64; N], 0_usize); classes.count()];
    let mut all = [0.0_f64; N];
    for (row, class) in of_row.into_iter().enumerate() {
        for (i, value) in values(row).into_iter().enumerate() {
            sums[class].0[i] += f64::from(value);
            all[i] += f64::from(value);
        }
        sums[class].1 += 1;
    }
    let mean = |(sum, count): ([f64; N], usize)| match count {
        0 => (all.map(|sum| (sum / archive.rows.max(1) as f64) as f32), 0),
        _ => (sum.map(|sum| (sum / count as f64) as f32), count),
    };
    Ok(sums.into_iter().map(mean).collect())
}
