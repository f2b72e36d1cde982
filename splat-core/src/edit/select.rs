//! Finding splats: in the picture, in the scene, by a number. Only what is shown is ever found.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use glam::{DMat3, DQuat, DVec2, DVec3};

use super::attribute::Attribute;
use super::document::Document;
use super::rows::RowSet;
use super::similarity::Similarity;
use crate::scene::{Paths, View};

/// Cells along the longer edge of a brush stroke: finer ones would cost more to fill than they save.
const STROKE_CELLS: f64 = 64.0;

/// A splat with less than this share of its opacity is not there at a time.
const GONE: f64 = 1.0 / 255.0;

/// A document as a camera sees it: what rectangles, brushes and clicks in a picture refer to. Splats that move are where
/// they are at the time of the view; what has vanished then is not found.
///
/// Pixel (0, 0) is the top-left corner of the view's image.
pub struct Viewpoint<'a> {
    pub(super) document: &'a Document,
    /// The view in the space of the columns.
    pub(super) view: View,
    /// Nearest depth drawn, in the space of the columns.
    pub(super) near: f64,
    /// The centres at the time of the view, in the space of the columns.
    pub(super) means: Cow<'a, [[f32; 3]]>,
    /// How splats come and go, in scenes that move.
    paths: Option<Paths<'a>>,
}

impl<'a> Viewpoint<'a> {
    /// A view of the displayed scene, in which nothing nearer than `near` is drawn.
    pub fn new(document: &'a Document, view: &View, near: f64) -> Self {
        // Moving one camera is cheaper than moving every splat.
        let stored = document.transform().inverse();
        let cloud = document.cloud();
        let paths = view.time.filter(|_| cloud.motion.is_some()).map(|time| Paths::new(cloud, [time]));
        Viewpoint {
            document,
            view: stored.transform_view(view),
            near: stored.scale * near,
            means: cloud.means_at(view.time),
            paths,
        }
    }

    /// Splats with their centres in the rectangle between two corners, which may reach beyond the image.
    pub fn in_rectangle(&self, corner: DVec2, opposite: DVec2) -> RowSet {
        let (min, max) = (corner.min(opposite), corner.max(opposite));
        self.with_centres(|pixel| pixel.cmpge(min).all() && pixel.cmple(max).all())
    }

    /// Splats with their centres at most `radius` pixels from a stroke through `points`.
    pub fn under_brush(&self, points: &[DVec2], radius: f64) -> RowSet {
        match Stroke::new(points, radius) {
            Some(stroke) => self.with_centres(|pixel| stroke.covers(pixel)),
            None => RowSet::new(self.document.cloud().len()),
        }
    }

    /// Splats that are shown and whose projected centre is accepted.
    fn with_centres(&self, accepts: impl Fn(DVec2) -> bool + Sync) -> RowSet {
        RowSet::from_fn(self.means.len(), |row| {
            self.in_camera(&self.means[row]).is_some_and(|centre| accepts(self.pixel(centre))) && self.is_there(row)
        })
    }

    /// Whether a splat is shown, and has not vanished at the time of the view.
    pub(super) fn is_there(&self, row: usize) -> bool {
        self.document.is_shown(row) && self.presence(row) >= GONE
    }

    /// The share of its opacity that a splat has at the time of the view.
    pub(super) fn presence(&self, row: usize) -> f64 {
        self.paths.as_ref().map_or(1.0, |paths| paths.presence(row, 0))
    }

    /// A point in camera space, unless it is too near to be drawn.
    pub(super) fn in_camera(&self, mean: &[f32; 3]) -> Option<DVec3> {
        let point = self.view.viewmat.transform_point3(DVec3::from_array(mean.map(f64::from)));
        (point.z > self.near && point.z > 0.0).then_some(point)
    }

    /// The pixel of a point in camera space.
    pub(super) fn pixel(&self, point: DVec3) -> DVec2 {
        let View { fx, fy, cx, cy, .. } = self.view;
        DVec2::new(fx * point.x / point.z + cx, fy * point.y / point.z + cy)
    }
}

/// The segments of a brush stroke, sorted into a coarse grid so that long strokes cost no more than short ones.
struct Stroke {
    segments: Vec<[DVec2; 2]>,
    radius: f64,
    min: DVec2,
    cell: f64,
    columns: usize,
    rows: usize,
    /// Segments that reach into each cell.
    cells: Vec<Vec<u32>>,
}

impl Stroke {
    fn new(points: &[DVec2], radius: f64) -> Option<Self> {
        let points: Vec<DVec2> = points.iter().copied().filter(|point| point.is_finite()).collect();
        let (&first, &last) = (points.first()?, points.last()?);
        if !(radius >= 0.0 && radius.is_finite()) {
            return None;
        }
        // The last point on its own makes a stroke of a single click.
        let mut segments: Vec<[DVec2; 2]> = points.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        segments.push([last, last]);
        let (min, max) = points.iter().fold((first, first), |(min, max), &point| (min.min(point), max.max(point)));
        let (min, max) = (min - radius, max + radius);
        let cell = ((max - min).max_element() / STROKE_CELLS).max(1.0);
        let [columns, rows] = (max - min).to_array().map(|length| (length / cell) as usize + 1);
        let mut cells = vec![Vec::new(); columns * rows];
        let reach = radius + cell * std::f64::consts::FRAC_1_SQRT_2;
        for (index, segment) in (0_u32..).zip(&segments) {
            let low = (segment[0].min(segment[1]) - radius - min) / cell;
            let high = (segment[0].max(segment[1]) + radius - min) / cell;
            for row in low.y.max(0.0) as usize..=(high.y as usize).min(rows - 1) {
                for column in low.x.max(0.0) as usize..=(high.x as usize).min(columns - 1) {
                    let middle = min + cell * DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
                    if distance_squared(middle, segment) <= reach * reach {
                        cells[row * columns + column].push(index);
                    }
                }
            }
        }
        Some(Stroke { segments, radius, min, cell, columns, rows, cells })
    }

    fn covers(&self, pixel: DVec2) -> bool {
        let at = (pixel - self.min) / self.cell;
        // Also false for a pixel that is not a number.
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < self.columns as f64 && at.y < self.rows as f64;
        inside
            && self.cells[at.y as usize * self.columns + at.x as usize]
                .iter()
                .any(|&segment| distance_squared(pixel, &self.segments[segment as usize]) <= self.radius * self.radius)
    }
}

fn distance_squared(point: DVec2, [start, end]: &[DVec2; 2]) -> f64 {
    let along = *end - *start;
    let length_squared = along.length_squared();
    let share = if length_squared > 0.0 { ((point - *start).dot(along) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
    point.distance_squared(*start + share * along)
}

/// A box in the scene, with edges along any three directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrientedBox {
    /// The middle.
    pub centre: DVec3,
    /// From the box's own axes to the scene's.
    pub rotation: DQuat,
    /// Half the lengths of the edges.
    pub half_size: DVec3,
}

impl OrientedBox {
    /// The box around the same splats after these have been moved.
    #[must_use]
    pub fn transformed(&self, similarity: &Similarity) -> Self {
        OrientedBox {
            centre: similarity.transform_point(self.centre),
            rotation: (similarity.rotation * self.rotation).normalize(),
            half_size: similarity.scale * self.half_size,
        }
    }
}

/// Splats with their centres in a box at a time, or at rest without one.
pub fn in_box(document: &Document, region: &OrientedBox, time: Option<f64>) -> RowSet {
    let stored = region.transformed(&document.transform().inverse());
    let in_box = DMat3::from_quat(stored.rotation).transpose();
    with_means(document, time, |mean| (in_box * (mean - stored.centre)).abs().cmple(stored.half_size).all())
}

/// Splats with their centres in a sphere at a time, or at rest without one.
pub fn in_sphere(document: &Document, centre: DVec3, radius: f64, time: Option<f64>) -> RowSet {
    let stored = document.transform().inverse();
    let (centre, radius) = (stored.transform_point(centre), stored.scale * radius);
    with_means(document, time, |mean| radius >= 0.0 && mean.distance_squared(centre) <= radius * radius)
}

/// Splats with an attribute in a range.
pub fn by_attribute(document: &Document, attribute: Attribute, range: &RangeInclusive<f32>) -> RowSet {
    let (stored, factor) = document.stored(attribute);
    let reader = stored.reader(document.cloud());
    RowSet::from_fn(document.cloud().len(), |row| {
        document.is_shown(row) && range.contains(&(factor * reader.value(row)))
    })
}

fn with_means(document: &Document, time: Option<f64>, accepts: impl Fn(DVec3) -> bool + Sync) -> RowSet {
    let means = document.cloud().means_at(time);
    RowSet::from_fn(means.len(), |row| document.is_shown(row) && accepts(DVec3::from_array(means[row].map(f64::from))))
}
