//! Colours: spherical harmonics, rotated to the axes along which they vary most, transformed over neighbours, rounded.

use super::super::{Archive, ArchiveColumn, Classes, Codec, Table, haar, klt};
use super::plan::Sample;
use super::{Quantizer, bug, classes, descending, log_opacity, means_by_class, median};
use crate::error::Result;
use crate::formats::splatz::CHUNK_ROWS;
use crate::parallel::on_all;
use crate::scene::SplatCloud;

/// Step of the constant coefficients.
const CONSTANT_STEP: f32 = 0.095;
/// Step of the others, where they are usual in size; it follows the root of their size.
const STEP: f32 = 0.052;
const USUAL_SIZE: f32 = 0.022;
/// How the weight of a splat grows with opacity and with the product of its two larger scales.
const BY_OPACITY: f32 = 0.5;
const BY_AREA: f32 = 0.15;
/// Rows that axes are computed from.
const SAMPLE: usize = 1 << 17;
/// Entries of the table count cells of this share of a step, for files store short numbers better. With 32 cells, what
/// is rounded here would already show.
const TABLE_CELLS: f32 = 512.0;

/// Weight of a splat, before it is squared.
fn weight(cloud: &SplatCloud, row: usize, usual_area: f32) -> f32 {
    let [a, b, _] = descending(cloud.log_scales[row]);
    let opacity = BY_OPACITY * log_opacity(cloud.opacity_logits[row]) * std::f32::consts::LN_2;
    (opacity + BY_AREA * (a + b - usual_area)).clamp(-2.8, 1.4)
}

/// The mean of rows and the axes along which they vary most, each splat counting as much as it weighs; rows are taken
/// in the order `rows`.
fn axes(values: &[f32], width: usize, rows: &[u32], weights: &[f32]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let every = (weights.len() / SAMPLE).max(1);
    let row = |&row: &u32| (&values[row as usize * width..][..width], weights[row as usize]);
    let rows = || rows.iter().step_by(every).map(row);
    let total: f64 = rows().map(|(_, weight)| f64::from(weight)).sum::<f64>().max(f64::MIN_POSITIVE);
    let mut mean = vec![0.0; width];
    for (row, weight) in rows() {
        mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(weight) * f64::from(value) / total);
    }
    let mut covariance = vec![0.0; width * width];
    let mut centred = vec![0.0; width];
    for (row, weight) in rows() {
        centred.iter_mut().zip(row.iter().zip(&mean)).for_each(|(c, (&value, mean))| *c = f64::from(value) - mean);
        for i in 0..width {
            let scaled = f64::from(weight) * centred[i];
            let line = &mut covariance[i * width..(i + 1) * width];
            line.iter_mut().zip(&centred[..=i]).for_each(|(sum, c)| *sum += scaled * c);
        }
    }
    for i in 0..width {
        for k in 0..i {
            covariance[k * width + i] = covariance[i * width + k];
        }
    }
    (mean, klt::eigenvectors(&covariance, width))
}

/// Which coefficients of a cloud.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    Constant,
    Rest,
}

impl Which {
    fn name(self) -> &'static str {
        if self == Which::Constant { "sh0" } else { "shN" }
    }

    fn width(self, cloud: &SplatCloud) -> usize {
        if self == Which::Constant { 3 } else { cloud.sh_width() }
    }

    fn values(self, cloud: &SplatCloud) -> &[f32] {
        if self == Which::Constant { cloud.sh0.as_flattened() } else { &cloud.sh_rest }
    }
}

/// A column of coefficients.
pub(super) struct Harmonics {
    which: Which,
    by: Classes,
    /// Per class.
    weights: Vec<f32>,
    step: f32,
    /// Each of length `step`.
    axes: Vec<Vec<f32>>,
    bias: Vec<f32>,
}

impl Harmonics {
    /// By a sample; with the table of its axes.
    pub(super) fn new(sample: &Sample, which: Which, quality: f32) -> Result<(Self, Table)> {
        let Sample { archive, cloud, as_read, whole } = sample;
        let (width, values) = (which.width(cloud), which.values(cloud));
        let by = classes(archive, &[("opacity_logits", 0, 8), ("log_scales", 0, 6), ("log_scales", 1, 3)]);
        let area = |&row: &u32| {
            let [a, b, _] = descending(cloud.log_scales[row as usize]);
            a + b
        };
        let usual_area = median(as_read.iter().map(area));
        let wishes = means_by_class(archive, &by, |row| [weight(cloud, row, usual_area)])?;
        let total = wishes.iter().map(|([wish], count)| wish * *count as f32).sum::<f32>();
        let mean_wish = total / cloud.len().max(1) as f32;
        // Few digits are as good, and shorter.
        let weight = |wish: f32| ((2.0 * (wish - mean_wish)).exp() * 64.0).round().max(1.0) / 64.0;
        let weights: Vec<f32> = wishes.iter().map(|([wish], _)| weight(*wish)).collect();
        let (mean, axes) = axes(values, width, as_read, &of_rows(archive, &by, &weights)?);
        let step = if which == Which::Constant {
            CONSTANT_STEP
        } else {
            let rows = as_read.iter().flat_map(|&row| &values[row as usize * width..][..width]);
            let size = rows.map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len().max(1) as f64;
            STEP * ((size.sqrt() as f32).max(1e-6) / USUAL_SIZE).sqrt()
        } / quality;
        let grain = step.log2().floor().exp2() / TABLE_CELLS;
        let rounded = |value: f64| (value as f32 / grain).round() * grain;
        let axes = axes.iter().map(|axis| axis.iter().map(|value| rounded(value * f64::from(step))).collect());
        let bias: Vec<f32> = mean.iter().map(|&value| rounded(value)).collect();
        let mut harmonics = Harmonics { which, by, weights, step, axes: axes.collect(), bias };
        if *whole {
            harmonics.drop_unused_axes(archive, cloud)?;
        }
        let values = [harmonics.axes.concat(), harmonics.bias.clone()].concat();
        let table = Table { name: harmonics.table(), rows: harmonics.axes.len() + 1, width, values };
        Ok((harmonics, table))
    }

    /// Axes along which nothing is left of any splat need neither integers nor a row of the table.
    fn drop_unused_axes(&mut self, archive: &Archive, cloud: &SplatCloud) -> Result<()> {
        let integers = self.integers(archive, cloud)?;
        let width = self.axes.len();
        let is_used = |axis: usize| axis == 0 || integers.iter().skip(axis).step_by(width).any(|&q| q != 0);
        let mut axis = 0..width;
        self.axes.retain(|_| axis.next().is_some_and(is_used));
        Ok(())
    }

    fn table(&self) -> String {
        format!("axes of {}", self.which.name())
    }

    fn integers(&self, archive: &Archive, cloud: &SplatCloud) -> Result<Vec<i32>> {
        let weights = of_rows(archive, &self.by, &self.weights)?;
        let values = self.which.values(cloud).chunks(CHUNK_ROWS * self.bias.len().max(1));
        let blocks = values.zip(weights.chunks(CHUNK_ROWS)).collect();
        Ok(on_all(blocks, |(values, weights)| self.transformed(values, weights)).concat())
    }

    /// The integers of rows that are transformed together.
    fn transformed(&self, values: &[f32], weights: &[f32]) -> Vec<i32> {
        let step = self.step;
        let mut latents = Vec::with_capacity(weights.len() * self.axes.len());
        for value in values.chunks_exact(self.bias.len().max(1)) {
            latents.extend(self.axes.iter().map(|axis| {
                let along: f32 = axis.iter().zip(value.iter().zip(&self.bias)).map(|(a, (v, b))| a * (v - b)).sum();
                along / (step * step)
            }));
        }
        // No dead zone: neighbours overlap, so what all of them lack would show.
        haar::forward(&latents, weights, self.axes.len()).into_iter().map(|value| value.round() as i32).collect()
    }
}

/// The weight of each row.
fn of_rows(archive: &Archive, by: &Classes, weights: &[f32]) -> Result<Vec<f32>> {
    let classes = super::classes_of(archive, by, 0..archive.rows).map_err(bug)?;
    Ok(classes.into_iter().map(|class| weights[class]).collect())
}

impl Quantizer for Harmonics {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let integers = self.integers(archive, cloud)?;
        let codec = Box::new(Codec::Linear { table: self.table() });
        let codec = Codec::Haar { by: self.by.clone(), weights: self.weights.clone(), block: CHUNK_ROWS, codec };
        let column = ArchiveColumn::integers(self.which.name(), self.bias.len(), codec, self.axes.len(), integers);
        archive.columns.push(column);
        Ok(())
    }
}
