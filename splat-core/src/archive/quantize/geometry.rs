//! Positions, sizes and rotations.

use std::f32::consts::LOG2_E;

use super::super::frame::{self, CELL_BITS};
use super::super::{Archive, ArchiveColumn, Codec};
use super::{classes, descending, log_opacity, means_by_class, median};
use crate::error::{Error, Result};
use crate::scene::SplatCloud;

/// Step of logarithms of scales.
const SCALE_STEP: f32 = 0.08;
/// Step of positions, in units of the median of the middle scales.
const POSITION_STEP: f32 = 0.115;
/// How steps of positions grow with the middle scale, and how fineness of rotations grows with the largest.
const BY_SIZE: f32 = 0.5;
/// How all geometry becomes finer with opacity.
const BY_OPACITY: f32 = 0.3;
/// Bits of a pole and a spin of median size and full anisotropy.
const POLE_BITS: f32 = 6.6;
const SPIN_BITS: f32 = 6.4;
/// Bits per component of a quaternion whose scales are not ours to sort.
const QUAT_BITS: f32 = 8.0;

/// Scales in descending order.
pub(super) fn descending_scales(cloud: &SplatCloud, quality: f32) -> ArchiveColumn {
    let step = SCALE_STEP / quality;
    let mut values = Vec::with_capacity(3 * cloud.len());
    for &log_scales in &cloud.log_scales {
        let sorted = descending(log_scales);
        let first = (sorted[0] / step).round();
        values.push(first as i32);
        // Each counts from where the one before really is, so that errors do not add up.
        let mut last = first * step;
        for value in &sorted[1..] {
            let gap = ((last - value) / step).round().max(0.0);
            values.push(gap as i32);
            last -= gap * step;
        }
    }
    ArchiveColumn::integers("log_scales", 3, Codec::Descending { steps: vec![step; 3], zero: 0.0 }, 3, values)
}

/// Scales as they come.
pub(super) fn scales(cloud: &SplatCloud, quality: f32) -> ArchiveColumn {
    let step = SCALE_STEP / quality;
    let values = cloud.log_scales.as_flattened().iter().map(|value| (value / step).round() as i32).collect();
    ArchiveColumn::integers("log_scales", 3, Codec::Steps { steps: vec![step; 3], zeros: vec![0.0; 3] }, 3, values)
}

/// Positions on a grid whose lowest bits are left out where splats are large or faint.
pub(super) fn means(archive: &Archive, cloud: &SplatCloud, quality: f32) -> Result<ArchiveColumn> {
    let mut low = [f32::INFINITY; 3];
    let mut widest = 0.0_f32;
    for axis in 0..3 {
        let values = || cloud.means.iter().map(|mean| mean[axis]);
        low[axis] = values().fold(f32::INFINITY, f32::min);
        widest = widest.max(values().fold(f32::NEG_INFINITY, f32::max) - low[axis]);
        if cloud.is_empty() {
            low[axis] = 0.0;
        }
    }
    if !cloud.means.as_flattened().iter().all(|value| value.is_finite()) || !widest.is_finite() {
        return Err(Error::settings("a position is not finite, or the scene too large", "clean the scene first"));
    }
    let middle = |row: usize| descending(cloud.log_scales[row])[1];
    let opacity = |row: usize| log_opacity(cloud.opacity_logits[row]);
    let usual = median((0..cloud.len()).map(middle));
    let usual_opacity = median((0..cloud.len()).map(opacity));
    let by =
        classes(archive, &[("opacity_logits", 0, 4), ("log_scales", 0, 8), ("log_scales", 1, 4), ("log_scales", 2, 2)]);
    let wish = |row: usize| {
        let size = usual + BY_SIZE * (middle(row) - usual);
        [(POSITION_STEP / quality).log2() + LOG2_E * size - BY_OPACITY * (opacity(row) - usual_opacity)]
    };
    let wishes = means_by_class(archive, &by, wish)?;
    // A handful of tiny splats should not make the grid finer for all.
    let common = wishes.iter().filter(|(_, count)| count * 1000 >= cloud.len().max(1));
    let finest = common.map(|([wish], _)| *wish).fold(f32::INFINITY, f32::min);
    let finest = if finest.is_finite() { finest } else { 0.0 };
    // One bit is always left out, so that there is a middle; and 31 bits must be enough.
    let unit = (finest - 1.0).exp2().max(widest / (1_u32 << 30) as f32).max(f32::MIN_POSITIVE);
    let trim = |wish: f32| (wish - unit.log2()).round().clamp(1.0, 20.0) as u8;
    let bits: Vec<u8> = wishes.iter().flat_map(|([wish], _)| [trim(*wish); 3]).collect();
    let of_row = super::classes_of(archive, &by, 0..archive.rows)
        .map_err(|problem| Error::settings(problem, "this is a bug: please report it"))?;
    let mut values = Vec::with_capacity(3 * cloud.len());
    for (mean, class) in cloud.means.iter().zip(of_row) {
        let bits = bits[3 * class];
        for axis in 0..3 {
            let cell = ((f64::from(mean[axis]) - f64::from(low[axis])) / f64::from(unit)) as i32;
            values.push(cell >> bits << bits | 1 << bits >> 1);
        }
    }
    let codec = Codec::Steps { steps: vec![unit; 3], zeros: low.to_vec() };
    Ok(ArchiveColumn::integers("means", 3, Codec::Trimmed { by, bits, codec: Box::new(codec) }, 3, values))
}

/// Rotations of splats whose scales descend.
pub(super) fn frames(archive: &Archive, cloud: &SplatCloud, quality: f32) -> Result<ArchiveColumn> {
    let by =
        classes(archive, &[("log_scales", 1, 6), ("log_scales", 2, 6), ("log_scales", 0, 4), ("opacity_logits", 0, 3)]);
    let sorted = |row: usize| descending(cloud.log_scales[row]);
    let opacity = |row: usize| log_opacity(cloud.opacity_logits[row]);
    let usual = median((0..cloud.len()).map(|row| sorted(row)[0]));
    let usual_opacity = median((0..cloud.len()).map(opacity));
    let wish = |row: usize| {
        let [a, b, c] = sorted(row);
        let needle = a - b > b - c;
        // How far turning moves the outline, in units of the longest axis.
        let [b_to_a, c_to_a] = [b - a, c - a].map(f32::exp);
        let (tilt, spin) = if needle { (1.0 - b_to_a, b_to_a - c_to_a) } else { (1.0 - c_to_a, 1.0 - b_to_a) };
        let fineness = quality.log2() + BY_SIZE * LOG2_E * (a - usual) + BY_OPACITY * (opacity(row) - usual_opacity);
        let bits = |most: f32, moved: f32| most + fineness + moved.max(1e-3).log2();
        [f32::from(u8::from(needle)), bits(POLE_BITS, tilt), bits(SPIN_BITS, spin)]
    };
    let wishes = means_by_class(archive, &by, wish)?;
    let needles: Vec<bool> = wishes.iter().map(|([needle, ..], _)| *needle > 0.5).collect();
    let left_out = |bits: f32, least: f32| (f32::from(CELL_BITS) - bits.round().max(least)).max(1.0) as u8;
    let trims: Vec<[u8; 2]> =
        wishes.iter().map(|([_, pole, spin], _)| [left_out(*pole, 2.0), left_out(*spin, 0.0)]).collect();
    let of_row = super::classes_of(archive, &by, 0..archive.rows)
        .map_err(|problem| Error::settings(problem, "this is a bug: please report it"))?;
    let mut values = Vec::with_capacity(3 * cloud.len());
    for ((log_scales, quat), class) in cloud.log_scales.iter().zip(&cloud.quats).zip(of_row) {
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| log_scales[b].total_cmp(&log_scales[a]));
        let axes = frame::axes_of(*quat);
        let [pole, spin] = trims[class];
        values.extend(frame::encode(order.map(|axis: usize| axes[axis]), needles[class], pole, spin));
    }
    let bits = trims.iter().flat_map(|&[pole, spin]| [pole, pole, spin]).collect();
    let codec = Codec::Frame { by: by.clone(), needles };
    Ok(ArchiveColumn::integers("quats", 4, Codec::Trimmed { by, bits, codec: Box::new(codec) }, 3, values))
}

/// Rotations as they come.
pub(super) fn quats(cloud: &SplatCloud, quality: f32) -> ArchiveColumn {
    let bits = (QUAT_BITS + quality.log2()).round().clamp(3.0, 20.0) as u8;
    let values = cloud.quats.iter().flat_map(|&quat| frame::encode_smallest_three(quat, bits)).collect();
    ArchiveColumn::integers("quats", 4, Codec::SmallestThree { bits }, 4, values)
}
