//! Splats into images: a pass over the source, the clusters, and passes for as many images as there is room for.

use std::f64::consts::SQRT_2;
use std::path::Path;

use super::meta::{self, Description, names};
use super::package::{META, Put, write_bundle, write_folder};
use super::{COEFFICIENTS, FIRST_TAG, PER_ROW, palette_size, texture};
use crate::error::{Error, Result};
use crate::formats::kmeans::{Clusters, Codebook, Finder, Histogram, Rows, cluster};
use crate::formats::{SplatSource, WriteOptions, for_each_block, morton};
use crate::parallel::{in_parallel, threads};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// Splats that the palette is made from. Of larger scenes every second, third, .. is taken, which bounds the memory.
const MOST_IN_PALETTE: usize = 1 << 20;
/// Bytes of pixels that one pass over the source collects: few passes, and little memory.
const KEPT: usize = 256 << 20;
/// Squared error that the codebook of the palette may add to that of the palette itself.
const COARSENESS: f64 = 1.0 / 16.0;
/// An error of SH coefficients that nobody sees: a tenth of what an image of 8 bits can tell apart.
const SEEN: f64 = 0.1 / 255.0;
/// Pixels of the largest WebP whose sides are multiples of four.
const MOST_SPLATS: usize = 16_380 * 16_380;
/// Largest position that is told apart from larger ones; its logarithm is one that readers accept.
const LARGEST: f64 = 1e38;

/// Writes a bundle, or a folder when the name is that of its `meta.json`.
///
/// # Errors
/// [`Error::Settings`] when there is nothing to write, [`Error::Io`] when the disk refuses, and what reading and
/// `progress` return.
pub(super) fn write(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<()> {
    if source.info().count == 0 {
        return Err(Error::settings("there are no splats to write, and SOG has no way to say so", "write a PLY"));
    }
    if source.info().count > MOST_SPLATS {
        let problem = format!("{} splats; SOG has room for {MOST_SPLATS}", source.info().count);
        return Err(Error::settings(problem, "write a PLY, or fewer splats"));
    }
    let write = match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        true => write_folder,
        false => write_bundle,
    };
    write(path, &mut |put| encode(source, options, (MOST_IN_PALETTE, KEPT), put, progress))?;
    progress(1.0)
}

/// Tells the files of a scene, the description first, with a palette made from at most so many splats; so many bytes of
/// pixels are collected in a pass.
pub(super) fn encode(
    source: &dyn SplatSource,
    options: &WriteOptions,
    (most_in_palette, kept): (usize, usize),
    put: Put<'_>,
    progress: OnProgress<'_>,
) -> Result<()> {
    let degree = source.info().sh_degree.min(options.sh_degree).min(3);
    let mut survey = Survey::of(source, degree, most_in_palette, &mut |share| progress(0.1 * share))?;
    let palette = match degree {
        0 => None,
        _ => Some(Palette::new(&survey, options.sog_sh_iters, &mut |share| progress(0.1 + 0.5 * share))?),
    };
    // The palette has seen them.
    survey.view = Rows::new(survey.view.width);
    put(
        META,
        &meta::write(Description {
            count: survey.order.len(),
            antialiased: source.info().antialiased,
            comments: options.comments.clone(),
            mins: survey.mins,
            maxs: survey.maxs,
            scales: survey.scales.values(),
            sh0: survey.sh0.values(),
            shn: palette.as_ref().map(|palette| (palette.clusters.centres.len(), degree, palette.codebook.values())),
        })?,
    )?;
    let finder = palette.as_ref().map(|palette| palette.clusters.finder(threads()));
    let packing = Packing { survey: &survey, palette: palette.as_ref().zip(finder) };
    packing.images(source, kept, put, &mut |share| progress(0.6 + 0.38 * share))?;
    match &palette {
        Some(palette) => put(names::CENTROIDS, &palette.encode()),
        None => Ok(()),
    }
}

/// A position on the scale on which it is stored: even steps of it are fine near the origin and coarse far out.
fn log_position(value: f32) -> f64 {
    let value = f64::from(value);
    let value = if value.is_nan() { 0.0 } else { value.clamp(-LARGEST, LARGEST) };
    value.abs().ln_1p() * value.signum()
}

/// What one pass over all splats tells.
struct Survey {
    /// The row of each splat in the order of the file.
    order: Vec<u32>,
    mins: [f64; 3],
    maxs: [f64; 3],
    scales: Codebook,
    sh0: Codebook,
    /// View dependence of every `every`th row.
    view: Rows,
    every: usize,
}

impl Survey {
    fn of(source: &dyn SplatSource, degree: u8, most_in_palette: usize, progress: OnProgress<'_>) -> Result<Survey> {
        let count = source.info().count;
        let every = count.div_ceil(most_in_palette).max(1);
        let width = 3 * COEFFICIENTS.get(usize::from(degree)).copied().unwrap_or(0);
        let mut view = Rows::new(width);
        let mut positions: Vec<[f32; 3]> = Vec::with_capacity(count);
        let (mut scales, mut sh0) = (Histogram::new(), Histogram::new());
        for_each_block(source, None, progress, &mut |first, block| {
            positions.extend(&block.means);
            block.log_scales.as_flattened().iter().for_each(|&value| scales.add(value, 1.0));
            block.sh0.as_flattened().iter().for_each(|&value| sh0.add(value, 1.0));
            for row in (0..block.len()).filter(|row| width > 0 && (first + row).is_multiple_of(every)) {
                view.push(&block.sh_rest[row * block.sh_width()..], importance(block, row));
            }
            Ok(())
        })?;
        let (mut mins, mut maxs) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for position in &positions {
            for axis in 0..3 {
                let value = log_position(position[axis]);
                mins[axis] = mins[axis].min(value);
                maxs[axis] = maxs[axis].max(value);
            }
        }
        let order = morton::order_of(positions);
        Ok(Survey { order, mins, maxs, scales: scales.codebook(0.0), sh0: sh0.codebook(0.0), view, every })
    }
}

/// How much an error in the colour of a splat matters, relative to others: by its opacity and its size across, which is
/// less than by the pixels it may cover. Measured on trained scenes, that is closest to the original at any file size.
fn importance(block: &SplatCloud, row: usize) -> f32 {
    let scales = block.log_scales[row];
    let smallest = scales.iter().copied().fold(f32::INFINITY, f32::min);
    let log_area = scales.iter().sum::<f32>() - smallest;
    opacity(block.opacity_logits[row]) * (0.5 * log_area).exp()
}

fn opacity(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The view dependences that splats share.
struct Palette {
    clusters: Clusters,
    codebook: Codebook,
    /// Every which row has a label from the clustering.
    every: usize,
}

impl Palette {
    fn new(survey: &Survey, rounds: u32, progress: OnProgress<'_>) -> Result<Palette> {
        let most = palette_size(survey.order.len() as u64) as usize;
        let clusters = cluster(&survey.view, most, rounds, threads(), progress)?;
        // A codebook finer than the palette would only make the file larger.
        let tolerance = (COARSENESS * clusters.error).max(SEEN.powi(2));
        let mut values = Histogram::new();
        let mut used = vec![0.0; clusters.centres.len()];
        clusters.labels.iter().for_each(|&label| used[label as usize] += 1.0);
        for (centre, &used) in used.iter().enumerate() {
            clusters.centres.row(centre).iter().for_each(|&value| values.add(value, used));
        }
        Ok(Palette { codebook: values.codebook(tolerance), clusters, every: survey.every })
    }
}

/// The images with a pixel per splat.
#[derive(Clone, Copy)]
enum Plane {
    MeansLow,
    MeansHigh,
    Quats,
    Scales,
    Sh0,
    Labels,
}

impl Plane {
    fn name(self) -> &'static str {
        match self {
            Plane::MeansLow => names::MEANS_LOW,
            Plane::MeansHigh => names::MEANS_HIGH,
            Plane::Quats => names::QUATS,
            Plane::Scales => names::SCALES,
            Plane::Sh0 => names::SH0,
            Plane::Labels => names::LABELS,
        }
    }

    /// Bytes of a pixel.
    fn channels(self) -> usize {
        if matches!(self, Plane::Quats | Plane::Sh0) { 4 } else { 3 }
    }
}

/// How splats become pixels.
struct Packing<'a> {
    survey: &'a Survey,
    palette: Option<(&'a Palette, Finder<'a>)>,
}

impl Packing<'_> {
    /// Tells all images with a pixel per splat.
    fn images(&self, source: &dyn SplatSource, kept: usize, put: Put<'_>, progress: OnProgress<'_>) -> Result<()> {
        /// Share of the time of a pass that the splats take, the images take the rest.
        const SPLATS: f64 = 0.7;
        let count = self.survey.order.len();
        let mut planes = vec![Plane::MeansLow, Plane::MeansHigh, Plane::Quats, Plane::Scales, Plane::Sh0];
        planes.extend(self.palette.as_ref().map(|_| Plane::Labels));
        let all = planes.len() as f64;
        let mut done = 0.0;
        let mut left = planes.as_slice();
        while !left.is_empty() {
            let room = left.iter().scan(0, |bytes, plane| {
                *bytes += plane.channels() * count;
                Some(*bytes)
            });
            let (these, later) = left.split_at(room.take_while(|&bytes| bytes <= kept).count().max(1));
            let mut pixels: Vec<Vec<u8>> =
                these.iter().map(|plane| Vec::with_capacity(plane.channels() * count)).collect();
            let share = these.len() as f64 / all;
            let mut passed = |part: f64| progress(done + share * SPLATS * part);
            for_each_block(source, Some(&self.survey.order), &mut passed, &mut |first, block| {
                these.iter().zip(&mut pixels).for_each(|(&plane, pixels)| self.pack(plane, first, block, pixels));
                Ok(())
            })?;
            for (at, (plane, pixels)) in these.iter().zip(pixels).enumerate() {
                let size = texture::size(count);
                let image = match plane.channels() {
                    4 => texture::encode(pixels.as_chunks::<4>().0, size),
                    _ => texture::encode(pixels.as_chunks::<3>().0, size),
                };
                put(plane.name(), &image)?;
                let part = SPLATS + (1.0 - SPLATS) * (at + 1) as f64 / these.len() as f64;
                progress(done + share * part)?;
            }
            done += share;
            left = later;
        }
        Ok(())
    }

    /// Adds the pixels of splats, the first of which has this place in the file.
    fn pack(&self, plane: Plane, first: usize, block: &SplatCloud, pixels: &mut Vec<u8>) {
        match plane {
            Plane::MeansLow => pixels.extend(block.means.iter().flat_map(|mean| self.position(mean).map(|b| b[0]))),
            Plane::MeansHigh => pixels.extend(block.means.iter().flat_map(|mean| self.position(mean).map(|b| b[1]))),
            Plane::Quats => pixels.extend(block.quats.iter().flat_map(|&rotation| quat(rotation))),
            Plane::Scales => {
                let scales = block.log_scales.as_flattened().iter();
                pixels.extend(scales.map(|&value| self.survey.scales.nearest(value)));
            }
            Plane::Sh0 => pixels.extend(block.sh0.iter().zip(&block.opacity_logits).flat_map(|(sh0, &logit)| {
                let [red, green, blue] = sh0.map(|value| self.survey.sh0.nearest(value));
                [red, green, blue, (opacity(logit) * 255.0).round() as u8]
            })),
            // A palette has at most 2^16 entries.
            Plane::Labels => pixels.extend(self.labels(first, block).into_iter().flat_map(|label| {
                let [low, high] = (label as u16).to_le_bytes();
                [low, high, 0]
            })),
        }
    }

    /// The bytes of a position, by axis: the low one and the high one.
    fn position(&self, mean: &[f32; 3]) -> [[u8; 2]; 3] {
        std::array::from_fn(|axis| {
            let (min, max) = (self.survey.mins[axis], self.survey.maxs[axis]);
            let share = if max > min { (log_position(mean[axis]) - min) / (max - min) } else { 0.0 };
            ((share * 65535.0).round() as u16).to_le_bytes()
        })
    }

    /// The palette entries of splats.
    fn labels(&self, first: usize, block: &SplatCloud) -> Vec<u32> {
        /// Rows that a thread takes at a time.
        const AT_A_TIME: usize = 256;
        let mut labels = vec![0_u32; block.len()];
        let Some((palette, finder)) = &self.palette else { return labels };
        let width = self.survey.view.width;
        in_parallel(threads(), labels.chunks_mut(AT_A_TIME).enumerate(), |(piece, labels)| {
            let mut search = finder.searcher();
            for (index, label) in labels.iter_mut().enumerate() {
                let row = piece * AT_A_TIME + index;
                let origin = self.survey.order[first + row] as usize;
                *label = if origin.is_multiple_of(palette.every) {
                    palette.clusters.labels[origin / palette.every]
                } else {
                    search.nearest(&block.sh_rest[row * block.sh_width()..][..width])
                };
            }
        });
        labels
    }
}

impl Palette {
    /// The image of the palette: each entry is a pixel per coefficient, its channels are those of the coefficient.
    fn encode(&self) -> Vec<u8> {
        let centres = &self.clusters.centres;
        let mut pixels: Vec<[u8; 3]> = Vec::with_capacity(centres.len() * centres.width / 3);
        for centre in 0..centres.len() {
            let (values, _) = centres.row(centre).as_chunks::<3>();
            pixels.extend(values.iter().map(|value| value.map(|value| self.codebook.nearest(value))));
        }
        let height = centres.len().div_ceil(PER_ROW).max(1);
        texture::encode(&pixels, (PER_ROW * centres.width / 3, height))
    }
}

/// A rotation as three components and the name of the largest, whose sign is made positive.
fn quat(quat: [f32; 4]) -> [u8; 4] {
    let length = quat.iter().map(|&component| f64::from(component).powi(2)).sum::<f64>().sqrt();
    let unit = match length.is_finite() && length > 0.0 {
        true => quat.map(|component| f64::from(component) / length),
        false => [1.0, 0.0, 0.0, 0.0],
    };
    let mut largest = 0;
    for index in 1..4 {
        if unit[index].abs() > unit[largest].abs() {
            largest = index;
        }
    }
    let mut others = [0.0; 3];
    for (other, index) in others.iter_mut().zip((0..4).filter(|&index| index != largest)) {
        // None of the others can be beyond the square root of one half.
        *other = ((unit[index] * unit[largest].signum() * SQRT_2 * 0.5 + 0.5) * 255.0).clamp(0.0, 255.0);
    }
    // The largest follows from the others and sums up their errors: of the eight ways to round, one fits best.
    let component = |byte: f64| (byte / 255.0 * 2.0 - 1.0) / SQRT_2;
    let (mut best, mut most) = ([0.0; 3], f64::NEG_INFINITY);
    for way in 0..8 {
        let bytes = std::array::from_fn(|i| if way >> i & 1 == 0 { others[i].floor() } else { others[i].ceil() });
        let stored = bytes.map(component);
        let square: f64 = stored.iter().map(|component| component * component).sum();
        let rest = (1.0 - square).max(0.0).sqrt();
        let product: f64 = stored.iter().zip(others).map(|(stored, other)| stored * component(other)).sum();
        let cosine = (product + rest * unit[largest].abs()) / (square + rest * rest).sqrt();
        if cosine > most {
            (best, most) = (bytes, cosine);
        }
    }
    let [a, b, c] = best.map(|byte| byte as u8);
    [a, b, c, FIRST_TAG + largest as u8]
}
