//! Colours: spherical harmonics, rotated to the axes along which they vary most, transformed over neighbours, rounded.

use super::super::{Archive, ArchiveColumn, Codec, Table, haar, klt};
use super::{classes, descending, log_opacity, means_by_class, median};
use crate::error::{Error, Result};
use crate::formats::splatz::CHUNK_ROWS;
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

/// The mean of rows and the axes along which they vary most, each splat counting as much as it weighs.
fn axes(values: &[f32], width: usize, weights: &[f32]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let every = (weights.len() / SAMPLE).max(1);
    let rows = || values.chunks_exact(width).zip(weights).step_by(every);
    let total: f64 = rows().map(|(_, &weight)| f64::from(weight)).sum::<f64>().max(f64::MIN_POSITIVE);
    let mut mean = vec![0.0; width];
    for (row, &weight) in rows() {
        mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(weight) * f64::from(value) / total);
    }
    let mut covariance = vec![0.0; width * width];
    let mut centred = vec![0.0; width];
    for (row, &weight) in rows() {
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

/// Adds a column of coefficients, in the order of rows that the archive has.
pub(super) fn add(
    archive: &mut Archive,
    cloud: &SplatCloud,
    order: &[u32],
    name: &str,
    values: &[f32],
    quality: f32,
) -> Result<()> {
    if !values.iter().all(|value| value.is_finite()) {
        return Err(Error::settings("a colour is not finite", "clean the scene first"));
    }
    let width = values.len() / cloud.len().max(1);
    let width = if cloud.is_empty() { if name == "sh0" { 3 } else { cloud.sh_width() } } else { width };
    let by = classes(archive, &[("opacity_logits", 0, 8), ("log_scales", 0, 6), ("log_scales", 1, 3)]);
    let area = |row: usize| {
        let [a, b, _] = descending(cloud.log_scales[row]);
        a + b
    };
    let usual_area = median((0..cloud.len()).map(area));
    let wishes = means_by_class(archive, &by, |row| [weight(cloud, order[row] as usize, usual_area)])?;
    let mean_wish = wishes.iter().map(|([wish], count)| wish * *count as f32).sum::<f32>() / cloud.len().max(1) as f32;
    // Few digits are as good, and shorter.
    let weight = |wish: f32| ((2.0 * (wish - mean_wish)).exp() * 64.0).round().max(1.0) / 64.0;
    let weights: Vec<f32> = wishes.iter().map(|([wish], _)| weight(*wish)).collect();
    let of_row = super::classes_of(archive, &by, 0..archive.rows)
        .map_err(|problem| Error::settings(problem, "this is a bug: please report it"))?;
    let of_row: Vec<f32> = of_row.into_iter().map(|class| weights[class]).collect();
    let mut of_splat = vec![1.0; order.len()];
    order.iter().zip(&of_row).for_each(|(&splat, &weight)| of_splat[splat as usize] = weight);
    let (mean, axes) = axes(values, width, &of_splat);
    drop(of_splat);

    let step = if name == "sh0" {
        CONSTANT_STEP
    } else {
        let size = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len().max(1) as f64;
        STEP * ((size.sqrt() as f32).max(1e-6) / USUAL_SIZE).sqrt()
    } / quality;
    let grain = step.log2().floor().exp2() / TABLE_CELLS;
    let rounded = |value: f64| (value as f32 / grain).round() * grain;
    let mut rows: Vec<Vec<f32>> =
        axes.iter().map(|axis| axis.iter().map(|value| rounded(value * f64::from(step))).collect()).collect();
    let bias: Vec<f32> = mean.iter().map(|&value| rounded(value)).collect();
    let transform = |block: usize, integers: &mut [i32]| {
        let first = block * CHUNK_ROWS;
        let rows_here = &order[first..(first + CHUNK_ROWS).min(order.len())];
        let mut latents = Vec::with_capacity(rows_here.len() * width);
        for &splat in rows_here {
            let value = &values[splat as usize * width..][..width];
            latents.extend(rows.iter().map(|axis| {
                let along: f32 = axis.iter().zip(value.iter().zip(&bias)).map(|(a, (v, b))| a * (v - b)).sum();
                along / (step * step)
            }));
        }
        let weights = &of_row[first..first + rows_here.len()];
        for (integer, coefficient) in integers.iter_mut().zip(haar::forward(&latents, weights, width)) {
            // No dead zone: neighbours overlap, so what all of them lack would show.
            *integer = coefficient.round() as i32;
        }
    };
    let mut integers = vec![0; order.len() * width];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let blocks = order.len().div_ceil(CHUNK_ROWS).div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (part, integers) in integers.chunks_mut(blocks * CHUNK_ROWS * width.max(1)).enumerate() {
            let transform = &transform;
            scope.spawn(move || {
                for (block, integers) in integers.chunks_mut(CHUNK_ROWS * width.max(1)).enumerate() {
                    transform(part * blocks + block, integers);
                }
            });
        }
    });
    // Axes along which nothing is left need neither integers nor a row of the table.
    let is_used = |axis: &usize| *axis == 0 || integers.iter().skip(*axis).step_by(width).any(|&q| q != 0);
    let used: Vec<usize> = (0..width).filter(is_used).collect();
    let kept: Vec<i32> = if used.len() == width {
        integers
    } else {
        integers.chunks_exact(width.max(1)).flat_map(|row| used.iter().map(|&axis| row[axis])).collect()
    };
    rows = used.iter().map(|&axis| std::mem::take(&mut rows[axis])).collect();
    rows.push(bias);
    let table = format!("axes of {name}");
    archive.tables.push(Table { name: table.clone(), rows: rows.len(), width, values: rows.concat() });
    let codec = Codec::Haar { by, weights, block: CHUNK_ROWS, codec: Box::new(Codec::Linear { table }) };
    archive.columns.push(ArchiveColumn::integers(name, width, codec, used.len(), kept));
    Ok(())
}
