//! Numbers by which splats are found: how opaque, large, stretched, far or bright they are, and how far they go.

use glam::DVec3;

use super::document::Document;
use super::rows::RowSet;
use crate::parallel::{ROWS_PER_THREAD, for_each_part};
use crate::scene::{Paths, SplatCloud, colour};

/// A number that every splat has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attribute {
    /// Opacity, 0 to 1.
    Opacity,
    /// Longest standard deviation, in world units.
    Size,
    /// Longest over shortest standard deviation, 1 for a ball.
    Anisotropy,
    /// Distance of the centre from a point.
    Distance(DVec3),
    /// Luma of the colour that does not depend on the view, 0 for black to 1 for white; may exceed 1.
    Brightness,
    /// Length of the way that the centre goes over the clip, in world units; see [`Paths::travelled`].
    Travelled,
}

impl Attribute {
    /// Whether values spread over orders of magnitude, so that a histogram should have a logarithmic axis.
    pub fn is_logarithmic(self) -> bool {
        matches!(self, Attribute::Size | Attribute::Anisotropy | Attribute::Distance(_) | Attribute::Travelled)
    }

    /// The attribute of every splat, in the space of the columns. Runs on all cores.
    pub fn values(self, cloud: &SplatCloud) -> Vec<f32> {
        let mut values = vec![0.0; cloud.len()];
        let reader = self.reader(cloud);
        // A way costs as much as some hundred other numbers.
        let least = if self == Attribute::Travelled { ROWS_PER_THREAD / 64 } else { ROWS_PER_THREAD };
        for_each_part(&mut values, 1, least, |first, values| {
            for (row, value) in (first..).zip(values) {
                *value = reader.value(row);
            }
        });
        values
    }

    /// What reads it splat by splat.
    pub(super) fn reader(self, cloud: &SplatCloud) -> Reader<'_> {
        Reader { attribute: self, cloud, paths: (self == Attribute::Travelled).then(|| Paths::over_clip(cloud)) }
    }
}

/// An attribute of the splats of a cloud.
pub(super) struct Reader<'a> {
    attribute: Attribute,
    cloud: &'a SplatCloud,
    /// For what depends on the whole clip.
    paths: Option<Paths<'a>>,
}

impl Reader<'_> {
    /// The attribute of one splat.
    pub(super) fn value(&self, row: usize) -> f32 {
        let cloud = self.cloud;
        let longest = |[a, b, c]: [f32; 3]| a.max(b).max(c);
        match self.attribute {
            Attribute::Opacity => 1.0 / (1.0 + (-cloud.opacity_logits[row]).exp()),
            Attribute::Size => longest(cloud.log_scales[row]).exp(),
            Attribute::Anisotropy => {
                let [a, b, c] = cloud.log_scales[row];
                (longest([a, b, c]) - a.min(b).min(c)).exp()
            }
            Attribute::Distance(from) => DVec3::from_array(cloud.means[row].map(f64::from)).distance(from) as f32,
            Attribute::Brightness => {
                let [r, g, b] = cloud.sh0[row].map(|coefficient| colour::channel(coefficient).max(0.0));
                // Weights of ITU-R BT.709, on values as encoded.
                0.2126 * r + 0.7152 * g + 0.0722 * b
            }
            Attribute::Travelled => self.paths.as_ref().map_or(0.0, |paths| paths.travelled(row)) as f32,
        }
    }
}

impl Document {
    /// An attribute of every splat as displayed, deleted and hidden ones too.
    pub fn attribute(&self, attribute: Attribute) -> Vec<f32> {
        let (stored, factor) = self.stored(attribute);
        let mut values = stored.values(self.cloud());
        if factor != 1.0 {
            values.iter_mut().for_each(|value| *value *= factor);
        }
        values
    }

    /// The attribute of stored splats that, times the factor, is the given one of displayed splats.
    pub(super) fn stored(&self, attribute: Attribute) -> (Attribute, f32) {
        let scale = self.transform().scale as f32;
        match attribute {
            Attribute::Distance(from) => (Attribute::Distance(self.transform().inverse().transform_point(from)), scale),
            Attribute::Size | Attribute::Travelled => (attribute, scale),
            Attribute::Opacity | Attribute::Anisotropy | Attribute::Brightness => (attribute, 1.0),
        }
    }
}

/// How often values of an attribute occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Lower end of the axis.
    pub min: f32,
    /// Upper end of the axis.
    pub max: f32,
    /// Splats in each bin.
    pub counts: Vec<u32>,
    /// Whether bins are evenly spaced in the logarithm.
    pub log_axis: bool,
}

impl Histogram {
    /// Counts the finite values of some rows in `bins` bins from the smallest to the largest of them; on a
    /// logarithmic axis, the positive ones. `None` when there are none, or no bins.
    pub fn new(values: &[f32], rows: &RowSet, bins: usize, log_axis: bool) -> Option<Self> {
        let on_axis = rows.iter().filter_map(|row| values.get(row)).filter(|value| is_on_axis(**value, log_axis));
        let (min, max) = on_axis.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &v| (min.min(v), max.max(v)));
        if min > max || bins == 0 {
            return None;
        }
        let empty = Histogram { min, max, counts: vec![0; bins], log_axis };
        Some(empty.recount(values, rows))
    }

    /// Counts other rows along the same axis, as the selected ones in front of all. Values beyond the axis are left
    /// out.
    #[must_use]
    pub fn recount(&self, values: &[f32], rows: &RowSet) -> Self {
        let mut counts = vec![0; self.counts.len()];
        for bin in rows.iter().filter_map(|row| self.bin_of(*values.get(row)?)) {
            counts[bin] += 1;
        }
        Histogram { counts, ..*self }
    }

    /// The bin a value falls into; `None` beyond the axis.
    pub fn bin_of(&self, value: f32) -> Option<usize> {
        if !is_on_axis(value, self.log_axis) || !(self.min..=self.max).contains(&value) || self.counts.is_empty() {
            return None;
        }
        let (low, high) = (self.along(self.min), self.along(self.max));
        let share = (self.along(value) - low) / (high - low);
        // All values equal make 0 / 0, which becomes bin 0; the largest value belongs to the last bin.
        Some(((share * self.counts.len() as f64) as usize).min(self.counts.len() - 1))
    }

    /// Lower edge of a bin, or the upper end of the axis after the last.
    pub fn edge(&self, bin: usize) -> f32 {
        if bin >= self.counts.len() {
            return self.max;
        }
        let (low, high) = (self.along(self.min), self.along(self.max));
        let at = low + (high - low) * bin as f64 / self.counts.len() as f64;
        let value = if self.log_axis { at.exp() } else { at };
        (value as f32).clamp(self.min, self.max)
    }

    fn along(&self, value: f32) -> f64 {
        let value = f64::from(value);
        if self.log_axis { value.ln() } else { value }
    }
}

fn is_on_axis(value: f32, log_axis: bool) -> bool {
    value.is_finite() && (!log_axis || value > 0.0)
}
