//! How all splats of a scene are quantized, found in two passes over them, so that they need not all be in memory.
//!
//! What depends on the whole scene is either an extent, which the first pass sees, or a statistic, for which a sample
//! does as well; small scenes are their own sample. The second pass puts the positions in order. Then any chunk can be
//! quantized by itself.

use std::sync::Arc;

use super::super::{Archive, ArchiveColumn, Data, Table, gathered};
use super::geometry::{DescendingScales, Frames, Means, Quats, Scales};
use super::harmonics::{Harmonics, Which};
use super::motion::Moving;
use super::{Opacities, Quantize, Quantizer, bug};
use crate::error::{Error, Result};
use crate::formats::splatz::CHUNK_ROWS;
use crate::formats::splatz::sorted::{Curve, Sorter};
use crate::formats::{SplatSource, for_each_block, morton};
use crate::parallel::on_all;
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// Chunks that are read together: files that are not sorted like the archive are passed over less often, the more these
/// are. Splats of SH degree 3 take 30 MB then.
pub(crate) const AT_ONCE: usize = 32;

/// How many splats statistics are taken of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    /// Scenes of at most so many splats are taken whole.
    pub(crate) whole: usize,
    /// Of larger ones, at most so many.
    pub(crate) sampled: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { whole: 96 * CHUNK_ROWS, sampled: 1 << 17 }
    }
}

impl Sampling {
    /// One splat of so many is taken.
    fn every(self, count: usize) -> usize {
        if count <= self.whole { 1 } else { count.div_ceil(self.sampled) }
    }
}

/// The splat that is taken of each `every`, at a place without pattern: files may have one.
fn sampled(group: usize, every: usize) -> usize {
    let mixed = (group as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    group * every + (mixed % every as u64) as usize
}

/// What statistics are taken of: some splats in the order of the archive, and their columns as far as these are known.
pub(super) struct Sample {
    pub(super) archive: Archive,
    pub(super) cloud: SplatCloud,
    /// Its rows in the order of the source, in which sums are taken.
    pub(super) as_read: Vec<u32>,
    /// Whether these are all splats there are.
    pub(super) whole: bool,
}

/// Splats of which every chunk can be quantized.
pub(crate) struct Planned<'a> {
    source: &'a dyn SplatSource,
    /// Columns that are integers already, in the order of the source.
    given: Vec<ArchiveColumn>,
    /// The row of each splat, in the order of the archive.
    order: Vec<u32>,
    /// Where positions are ours: the curve through them.
    curve: Option<Curve>,
    quantizers: Vec<Box<dyn Quantizer>>,
    /// The archive without rows.
    skeleton: Archive,
}

/// Splats that were read, and which of them make a chunk.
pub(crate) struct Part {
    cloud: Arc<SplatCloud>,
    first: usize,
    chunk: usize,
}

impl<'a> Planned<'a> {
    /// Plans for a scene; the given archive has tables, what is known of the scene, and those columns that are integers
    /// already, all of the scene's rows.
    ///
    /// # Errors
    /// As [`Archive::quantize_with`], and what reading or `progress` return.
    pub(crate) fn new(
        source: &'a dyn SplatSource,
        mut given: Archive,
        options: &Quantize,
        sampling: Sampling,
        progress: OnProgress<'_>,
    ) -> Result<Self> {
        let quality = options.quality;
        if !(1.0 / 64.0..=64.0).contains(&quality) {
            return Err(Error::settings(format!("quality {quality}"), "choose one from 1/64 to 64"));
        }
        let info = source.info();
        given.meta.insert("antialiased".to_owned(), info.antialiased.into());
        let every = sampling.every(info.count);
        let survey = Survey::of(source, &given, every, &mut |share| progress(0.5 * share))?;
        let mut planner = Planner::new(&given, survey);
        planner.geometry(quality)?;
        let (curve, order) = if given.column("means").is_some() {
            (None, planner.rough_order(source)?)
        } else {
            let (curve, order) = planner.order(source, &given.columns, &mut |share| progress(0.5 + 0.5 * share))?;
            (Some(curve), order)
        };
        planner.sort(&order, every);
        if given.column("sh0").is_none() {
            planner.harmonics(Which::Constant, quality)?;
        }
        if given.column("shN").is_none() && info.sh_degree > 0 {
            planner.harmonics(Which::Rest, quality)?;
        }
        if let Some(motion) = info.motion {
            let described = serde_json::to_value(motion).map_err(|error| bug(error.to_string()))?;
            planner.sample.archive.meta.insert("motion".to_owned(), described);
            let moving = Moving::new(&planner.sample, &motion, quality)?;
            planner.quantizers.push(Box::new(moving));
        }
        let Planner { sample, quantizers, .. } = planner;
        let columns = given.columns.iter().map(|column| of_rows(column, &[])).collect();
        let mut skeleton = Archive { rows: 0, columns, tables: sample.archive.tables, meta: sample.archive.meta };
        let nothing = sample.cloud.gather(&[]);
        quantizers.iter().try_for_each(|quantizer| quantizer.add(&mut skeleton, &nothing))?;
        Ok(Planned { source, given: given.columns, order, curve, quantizers, skeleton })
    }

    /// How many splats there are.
    pub(crate) fn rows(&self) -> usize {
        self.order.len()
    }

    /// The archive without rows.
    pub(crate) fn skeleton(&self) -> &Archive {
        &self.skeleton
    }

    /// The curve that orders the positions, unless these were given.
    pub(crate) fn curve(&self) -> Option<Curve> {
        self.curve
    }

    /// Says something more about the scene.
    pub(crate) fn note(&mut self, key: &str, value: serde_json::Value) {
        self.skeleton.meta.insert(key.to_owned(), value);
    }

    /// Reads the splats of some chunks.
    ///
    /// # Errors
    /// What reading returns.
    pub(crate) fn read(&self, chunks: &[usize]) -> Result<Vec<Part>> {
        let rows: Vec<u32> = chunks.iter().flat_map(|&chunk| self.rows_of(chunk)).copied().collect();
        let cloud = Arc::new(self.source.rows(&rows)?);
        let parts = chunks.iter().scan(0, |next, &chunk| {
            let first = *next;
            *next += self.rows_of(chunk).len();
            Some(Part { cloud: cloud.clone(), first, chunk })
        });
        Ok(parts.collect())
    }

    /// The archive of a chunk.
    ///
    /// # Errors
    /// Only a bug of ours.
    pub(crate) fn chunk(&self, part: &Part) -> Result<Archive> {
        let rows = self.rows_of(part.chunk);
        let here: Vec<u32> = (part.first..part.first + rows.len()).map(|row| row as u32).collect();
        let cloud = part.cloud.gather(&here);
        let columns = self.given.iter().map(|column| of_rows(column, rows)).collect();
        let Archive { tables, meta, .. } = self.skeleton.clone();
        let mut archive = Archive { rows: rows.len(), columns, tables, meta };
        self.quantizers.iter().try_for_each(|quantizer| quantizer.add(&mut archive, &cloud))?;
        Ok(archive)
    }

    /// All chunks as one.
    ///
    /// # Errors
    /// What reading returns.
    pub(crate) fn archive(self) -> Result<Archive> {
        let mut whole = self.skeleton.clone();
        let chunks: Vec<usize> = (0..self.rows().div_ceil(CHUNK_ROWS)).collect();
        for batch in chunks.chunks(AT_ONCE) {
            for chunk in on_all(self.read(batch)?, |part| self.chunk(&part)) {
                let chunk = chunk?;
                whole.rows += chunk.rows;
                whole.columns.iter_mut().zip(chunk.columns).for_each(|(column, more)| {
                    match (&mut column.data, more.data) {
                        (Data::Floats(values), Data::Floats(more)) => values.extend(more),
                        (Data::Integers { values, .. }, Data::Integers { values: more, .. }) => values.extend(more),
                        // A quantizer adds the same columns to all chunks.
                        _ => {}
                    }
                });
            }
        }
        Ok(whole)
    }

    fn rows_of(&self, chunk: usize) -> &[u32] {
        &self.order[chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(self.order.len())]
    }
}

/// These rows of a column.
fn of_rows(column: &ArchiveColumn, rows: &[u32]) -> ArchiveColumn {
    let data = match &column.data {
        Data::Floats(values) => Data::Floats(gathered(values, column.width, rows)),
        Data::Integers { per_row, values } => {
            Data::Integers { per_row: *per_row, values: gathered(values, *per_row, rows) }
        }
    };
    ArchiveColumn { name: column.name.clone(), width: column.width, codec: column.codec.clone(), data }
}

/// What the first pass sees.
struct Survey {
    cloud: SplatCloud,
    /// The sampled rows of the source.
    rows: Vec<u32>,
    /// The box around all positions.
    bounds: [[f32; 3]; 2],
    count: usize,
}

impl Survey {
    /// Of those columns that are not given, all values must be finite where that matters.
    fn of(source: &dyn SplatSource, given: &Archive, every: usize, progress: OnProgress<'_>) -> Result<Self> {
        let count = source.info().count;
        let is_ours = |name: &str| given.column(name).is_none();
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let mut bounds = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];
        // What rows the source has even where there are none.
        let mut cloud = source.rows(&[])?;
        let mut rows = Vec::new();
        for_each_block(source, None, progress, &mut |first, block| {
            if is_ours("means") && !finite(block.means.as_flattened()) {
                return Err(no_place());
            }
            let colours = !is_ours("sh0") || finite(block.sh0.as_flattened());
            if !colours || is_ours("shN") && !finite(&block.sh_rest) {
                return Err(Error::settings("a colour is not finite", "clean the scene first"));
            }
            for mean in &block.means {
                for axis in 0..3 {
                    bounds[0][axis] = bounds[0][axis].min(mean[axis]);
                    bounds[1][axis] = bounds[1][axis].max(mean[axis]);
                }
            }
            let here = (first / every..).map(|group| sampled(group, every)).skip_while(|&row| row < first);
            let here: Vec<u32> = here.take_while(|&row| row < first + block.len()).map(|row| row as u32).collect();
            if here.len() == block.len() {
                cloud.append(block);
            } else {
                cloud.append(&block.gather(&here.iter().map(|row| row - first as u32).collect::<Vec<u32>>()));
            }
            rows.extend(here);
            Ok(())
        })?;
        if count == 0 {
            bounds = [[0.0; 3]; 2];
        }
        if is_ours("means") && !(0..3).all(|axis| (bounds[1][axis] - bounds[0][axis]).is_finite()) {
            return Err(no_place());
        }
        Ok(Survey { cloud, rows, bounds, count })
    }
}

fn no_place() -> Error {
    Error::settings("a position is not finite, or the scene too large", "clean the scene first")
}

/// A plan in the making.
struct Planner {
    /// Until it is sorted, in the order of the source.
    sample: Sample,
    quantizers: Vec<Box<dyn Quantizer>>,
    bounds: [[f32; 3]; 2],
}

impl Planner {
    fn new(given: &Archive, survey: Survey) -> Self {
        let Survey { cloud, rows, bounds, count } = survey;
        let columns = given.columns.iter().map(|column| of_rows(column, &rows)).collect();
        let archive = Archive { rows: rows.len(), columns, tables: given.tables.clone(), meta: given.meta.clone() };
        let sample = Sample { archive, cloud, as_read: (0..rows.len() as u32).collect(), whole: rows.len() == count };
        Planner { sample, quantizers: Vec::new(), bounds }
    }

    /// Adds a quantizer, and its columns to the sample, for those behind it.
    fn add(&mut self, quantizer: impl Quantizer + 'static) -> Result<()> {
        quantizer.add(&mut self.sample.archive, &self.sample.cloud)?;
        self.quantizers.push(Box::new(quantizer));
        Ok(())
    }

    fn add_table(&mut self, table: Table) {
        self.sample.archive.tables.push(table);
    }

    /// Opacities, scales, positions and rotations.
    fn geometry(&mut self, quality: f32) -> Result<()> {
        let is_given = |name: &str| self.sample.archive.column(name).is_some();
        let (scales_given, quats_given, means_given) = (is_given("log_scales"), is_given("quats"), is_given("means"));
        if !is_given("opacity_logits") {
            let opacities = Opacities::new(quality);
            self.add_table(opacities.table());
            self.add(opacities)?;
        }
        // Axes can be sorted only where scales and rotations are both ours.
        let sorted_axes = !scales_given && !quats_given;
        if sorted_axes {
            self.add(DescendingScales::new(quality))?;
        } else if !scales_given {
            self.add(Scales::new(quality))?;
        }
        if !means_given {
            self.add(Means::new(&self.sample.archive, &self.sample.cloud, self.bounds, quality)?)?;
        }
        if sorted_axes {
            self.add(Frames::new(&self.sample.archive, &self.sample.cloud, quality)?)?;
        } else if !quats_given {
            self.add(Quats::new(quality))?;
        }
        Ok(())
    }

    /// The order of all splats along the curve through their positions, as these will be stored.
    fn order(
        &self,
        source: &dyn SplatSource,
        given: &[ArchiveColumn],
        progress: OnProgress<'_>,
    ) -> Result<(Curve, Vec<u32>)> {
        let mut sorter = Sorter::of(source.info().count);
        for_each_block(source, None, progress, &mut |first, block| {
            let rows: Vec<u32> = (first..first + block.len()).map(|row| row as u32).collect();
            let columns = given.iter().map(|column| of_rows(column, &rows)).collect();
            let mut archive = Archive { rows: rows.len(), columns, ..Archive::default() };
            for quantizer in &self.quantizers {
                quantizer.add(&mut archive, block)?;
                if let Ok((3, points)) = archive.integers_of("means") {
                    sorter.push(points);
                    break;
                }
            }
            Ok(())
        })?;
        Ok(sorter.finish())
    }

    /// An order for positions that are not ours to order.
    fn rough_order(&self, source: &dyn SplatSource) -> Result<Vec<u32>> {
        let mut means = Vec::with_capacity(source.info().count);
        for_each_block(source, None, &mut |_| Ok(()), &mut |_, block| {
            means.extend_from_slice(&block.means);
            Ok(())
        })?;
        Ok(morton::order_of(means))
    }

    /// Puts the sample into the order of the archive, which is that of all splats.
    fn sort(&mut self, order: &[u32], every: usize) {
        let group =
            |&row: &u32| (row as usize).checked_div(every).filter(|&group| sampled(group, every) == row as usize);
        let sorted: Vec<u32> = order.iter().filter_map(group).map(|group| group as u32).collect();
        self.sample.archive.reorder(&sorted);
        self.sample.cloud = self.sample.cloud.gather(&sorted);
        for (row, &read) in sorted.iter().enumerate() {
            self.sample.as_read[read as usize] = row as u32;
        }
    }

    fn harmonics(&mut self, which: Which, quality: f32) -> Result<()> {
        let (harmonics, table) = Harmonics::new(&self.sample, which, quality)?;
        self.add_table(table);
        // Nothing else looks at colours: the sample need not have them.
        self.quantizers.push(Box::new(harmonics));
        Ok(())
    }
}
