//! How much space splats take: what "frame all" shows and where the origin may go.

use std::ops::RangeInclusive;

use glam::{DMat3, DVec3};

use super::document::Document;
use super::rows::RowSet;

/// A box along the axes of the displayed space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Smallest coordinates.
    pub min: DVec3,
    /// Largest coordinates.
    pub max: DVec3,
}

impl Extent {
    /// The box around the centres of some splats at a time, or at rest without one. The share `trim` of them at either
    /// end of each axis is left out: a few stray splats far away then do not count. `None` without splats.
    pub fn of(document: &Document, rows: &RowSet, trim: f64, time: Option<f64>) -> Option<Self> {
        let centres = document.cloud().means_at(time);
        let transform = document.transform();
        let linear = DMat3::from_quat(transform.rotation) * transform.scale;
        let along = |axis: usize| -> Option<RangeInclusive<f64>> {
            let (row, offset) = (linear.row(axis), transform.translation[axis]);
            let place = |&[x, y, z]: &[f32; 3]| row.dot(DVec3::new(f64::from(x), f64::from(y), f64::from(z))) + offset;
            let means = rows.iter().filter_map(|row| centres.get(row));
            trimmed(means.map(place).filter(|value| value.is_finite()).collect(), trim)
        };
        let [x, y, z] = [along(0)?, along(1)?, along(2)?];
        Some(Self {
            min: DVec3::new(*x.start(), *y.start(), *z.start()),
            max: DVec3::new(*x.end(), *y.end(), *z.end()),
        })
    }

    /// The middle.
    pub fn centre(&self) -> DVec3 {
        0.5 * (self.min + self.max)
    }

    /// Lengths of the edges.
    pub fn size(&self) -> DVec3 {
        self.max - self.min
    }

    /// Radius of the sphere around the box.
    pub fn radius(&self) -> f64 {
        0.5 * self.size().length()
    }
}

/// The range of values without the share `trim` at either end.
fn trimmed(mut values: Vec<f64>, trim: f64) -> Option<RangeInclusive<f64>> {
    let last = values.len().checked_sub(1)?;
    let cut = ((trim.clamp(0.0, 0.5) * last as f64) as usize).min(last / 2);
    let (_, &mut low, above) = values.select_nth_unstable_by(cut, f64::total_cmp);
    // The upper end has index `last - cut`; `above` begins at `cut + 1`.
    let high = match (last - cut).checked_sub(cut + 1) {
        Some(index) => *above.select_nth_unstable_by(index, f64::total_cmp).1,
        None => low,
    };
    Some(low..=high)
}
