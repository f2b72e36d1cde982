//! Positions, sizes and rotations.

use std::f32::consts::LOG2_E;

use super::super::frame::{self, CELL_BITS};
use super::super::{Archive, ArchiveColumn, Classes, Codec};
use super::{Quantizer, bug, classes, descending, log_opacity, means_by_class, median};
use crate::error::Result;
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
pub(super) struct DescendingScales {
    step: f32,
}

impl DescendingScales {
    pub(super) fn new(quality: f32) -> Self {
        DescendingScales { step: SCALE_STEP / quality }
    }
}

impl Quantizer for DescendingScales {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let step = self.step;
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
        let codec = Codec::Descending { steps: vec![step; 3], zero: 0.0 };
        archive.columns.push(ArchiveColumn::integers("log_scales", 3, codec, 3, values));
        Ok(())
    }
}

/// Scales as they come.
pub(super) struct Scales {
    step: f32,
}

impl Scales {
    pub(super) fn new(quality: f32) -> Self {
        Scales { step: SCALE_STEP / quality }
    }
}

impl Quantizer for Scales {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let step = self.step;
        let values = cloud.log_scales.as_flattened().iter().map(|value| (value / step).round() as i32).collect();
        let codec = Codec::Steps { steps: vec![step; 3], zeros: vec![0.0; 3] };
        archive.columns.push(ArchiveColumn::integers("log_scales", 3, codec, 3, values));
        Ok(())
    }
}

/// Positions on a grid whose lowest bits are left out where splats are large or faint.
pub(super) struct Means {
    low: [f32; 3],
    unit: f32,
    by: Classes,
    /// Bits that are left out, per class.
    trims: Vec<u8>,
}

impl Means {
    /// By a sample, and by where the splats of the whole scene are.
    pub(super) fn new(sample: &Archive, cloud: &SplatCloud, [low, high]: [[f32; 3]; 2], quality: f32) -> Result<Self> {
        let widest = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0, f32::max);
        let middle = |row: usize| descending(cloud.log_scales[row])[1];
        let opacity = |row: usize| log_opacity(cloud.opacity_logits[row]);
        let usual = median((0..cloud.len()).map(middle));
        let usual_opacity = median((0..cloud.len()).map(opacity));
        let by = classes(
            sample,
            &[("opacity_logits", 0, 4), ("log_scales", 0, 8), ("log_scales", 1, 4), ("log_scales", 2, 2)],
        );
        let wish = |row: usize| {
            let size = usual + BY_SIZE * (middle(row) - usual);
            [(POSITION_STEP / quality).log2() + LOG2_E * size - BY_OPACITY * (opacity(row) - usual_opacity)]
        };
        let wishes = means_by_class(sample, &by, wish)?;
        // A handful of tiny splats should not make the grid finer for all.
        let common = wishes.iter().filter(|(_, count)| count * 1000 >= cloud.len().max(1));
        let finest = common.map(|([wish], _)| *wish).fold(f32::INFINITY, f32::min);
        let finest = if finest.is_finite() { finest } else { 0.0 };
        // One bit is always left out, so that there is a middle; and 31 bits must be enough.
        let unit = (finest - 1.0).exp2().max(widest / (1_u32 << 30) as f32).max(f32::MIN_POSITIVE);
        let trim = |wish: f32| (wish - unit.log2()).round().clamp(1.0, 20.0) as u8;
        Ok(Means { low, unit, by, trims: wishes.iter().map(|([wish], _)| trim(*wish)).collect() })
    }
}

impl Quantizer for Means {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let of_row = super::classes_of(archive, &self.by, 0..archive.rows).map_err(bug)?;
        let mut values = Vec::with_capacity(3 * cloud.len());
        for (mean, class) in cloud.means.iter().zip(of_row) {
            let bits = self.trims[class];
            for (value, low) in mean.iter().zip(&self.low) {
                let cell = ((f64::from(*value) - f64::from(*low)) / f64::from(self.unit)) as i32;
                values.push(cell >> bits << bits | 1 << bits >> 1);
            }
        }
        let codec = Box::new(Codec::Steps { steps: vec![self.unit; 3], zeros: self.low.to_vec() });
        let bits = self.trims.iter().flat_map(|&bits| [bits; 3]).collect();
        let codec = Codec::Trimmed { by: self.by.clone(), bits, codec };
        archive.columns.push(ArchiveColumn::integers("means", 3, codec, 3, values));
        Ok(())
    }
}

/// Rotations of splats whose scales descend.
pub(super) struct Frames {
    by: Classes,
    needles: Vec<bool>,
    /// Bits of pole and spin that are left out, per class.
    trims: Vec<[u8; 2]>,
}

impl Frames {
    /// By a sample.
    pub(super) fn new(sample: &Archive, cloud: &SplatCloud, quality: f32) -> Result<Self> {
        let by = classes(
            sample,
            &[("log_scales", 1, 6), ("log_scales", 2, 6), ("log_scales", 0, 4), ("opacity_logits", 0, 3)],
        );
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
            let fineness =
                quality.log2() + BY_SIZE * LOG2_E * (a - usual) + BY_OPACITY * (opacity(row) - usual_opacity);
            let bits = |most: f32, moved: f32| most + fineness + moved.max(1e-3).log2();
            [f32::from(u8::from(needle)), bits(POLE_BITS, tilt), bits(SPIN_BITS, spin)]
        };
        let wishes = means_by_class(sample, &by, wish)?;
        let needles: Vec<bool> = wishes.iter().map(|([needle, ..], _)| *needle > 0.5).collect();
        let left_out = |bits: f32, least: f32| (f32::from(CELL_BITS) - bits.round().max(least)).max(1.0) as u8;
        let trims = wishes.iter().map(|([_, pole, spin], _)| [left_out(*pole, 2.0), left_out(*spin, 0.0)]).collect();
        Ok(Frames { by, needles, trims })
    }
}

impl Quantizer for Frames {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let of_row = super::classes_of(archive, &self.by, 0..archive.rows).map_err(bug)?;
        let mut values = Vec::with_capacity(3 * cloud.len());
        for ((log_scales, quat), class) in cloud.log_scales.iter().zip(&cloud.quats).zip(of_row) {
            let mut order = [0, 1, 2];
            order.sort_by(|&a, &b| log_scales[b].total_cmp(&log_scales[a]));
            let axes = frame::axes_of(*quat);
            let [pole, spin] = self.trims[class];
            values.extend(frame::encode(order.map(|axis: usize| axes[axis]), self.needles[class], pole, spin));
        }
        let bits = self.trims.iter().flat_map(|&[pole, spin]| [pole, pole, spin]).collect();
        let codec = Box::new(Codec::Frame { by: self.by.clone(), needles: self.needles.clone() });
        let codec = Codec::Trimmed { by: self.by.clone(), bits, codec };
        archive.columns.push(ArchiveColumn::integers("quats", 4, codec, 3, values));
        Ok(())
    }
}

/// Rotations as they come.
pub(super) struct Quats {
    bits: u8,
}

impl Quats {
    pub(super) fn new(quality: f32) -> Self {
        Quats { bits: (QUAT_BITS + quality.log2()).round().clamp(3.0, 20.0) as u8 }
    }
}

impl Quantizer for Quats {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let bits = self.bits;
        let values = cloud.quats.iter().flat_map(|&quat| frame::encode_smallest_three(quat, bits)).collect();
        archive.columns.push(ArchiveColumn::integers("quats", 4, Codec::SmallestThree { bits }, 4, values));
        Ok(())
    }
}
