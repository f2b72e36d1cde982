//! Where splats go over the clip: lines through their centres, with a dot where they are now.
//!
//! A few hundred ways are enough to see what moves; they are chosen and followed once, and only projected for each
//! frame. What is over is paler than what is to come, and each way fades as its splat does.

use super::ink::Ink;
use super::lines::Lines;
use super::projection::Projection;
use egui::{Color32, Painter, Pos2};
use glam::DVec3;
use splat_core::edit::{Document, RowSet};
use splat_core::scene::Paths;

/// At most so many ways are drawn.
const MOST: usize = 200;
/// They are chosen out of so many splats.
const CANDIDATES: usize = 4096;
/// Fainter splats are haze: nobody can follow them.
const FAINTEST: f32 = 0.1;
/// Ways shorter than this share of the long ones are left out: training leaves hardly any splat quite still.
const SHORTEST: f64 = 0.2;
/// Which way counts as long: that of one splat in twenty.
const LONG: f64 = 0.95;
/// Corners nearer than this on the screen are left out, points: what is drawn is copied several times in each frame.
const STEP: f32 = 5.0;
/// Width of the lines, points.
const WIDTH: f32 = 1.75;
/// Strength of what is over, of what is to come being 1.
const OVER: f32 = 0.4;
/// Radius of the dot where a splat is, points.
const DOT: f32 = 2.5;
/// Fainter lines are not drawn.
const GONE: f32 = 0.04;

/// The ways of some splats in the displayed scene.
#[derive(Debug, Default)]
pub(crate) struct Trails {
    /// Corners of each way, evenly spaced from time 0 to 1.
    ways: Vec<Vec<Corner>>,
}

/// A place on a way.
#[derive(Clone, Copy, Debug)]
struct Corner {
    at: DVec3,
    /// The share of its opacity that the splat has there.
    presence: f32,
}

impl Trails {
    /// The ways of splats chosen evenly from the selected ones that move, or from all that are shown when none is
    /// selected.
    pub(crate) fn of(document: &Document) -> Self {
        let cloud = document.cloud();
        let paths = Paths::over_clip(cloud);
        let among = if document.selected().is_empty() { &document.shown() } else { document.selected() };
        let opacity = |row: usize| 1.0 / (1.0 + (-cloud.opacity_logits[row]).exp());
        let moving =
            RowSet::from_fn(cloud.len(), |row| among.contains(row) && !paths.rests(row) && opacity(row) >= FAINTEST);
        let moving: Vec<usize> = moving.iter().collect();
        let ways: Vec<(usize, f64)> =
            evenly(&moving, CANDIDATES).map(|&row| (row, paths.travelled(row))).filter(|way| way.1 > 0.0).collect();
        let mut lengths: Vec<f64> = ways.iter().map(|&(_, length)| length).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        let long = lengths.get((LONG * lengths.len() as f64) as usize).copied().unwrap_or(0.0);
        let kept: Vec<usize> = ways.into_iter().filter(|way| way.1 >= SHORTEST * long).map(|(row, _)| row).collect();
        let way = |&row: &usize| -> Vec<Corner> {
            let corner = |(time, at): (usize, DVec3)| Corner {
                at: document.transform().transform_point(at),
                presence: paths.presence(row, time) as f32,
            };
            paths.centres(row).into_iter().enumerate().map(corner).collect()
        };
        Self { ways: evenly(&kept, MOST).map(way).collect() }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ways.len()
    }

    /// Draws them as of a time.
    pub(crate) fn draw(&self, painter: &Painter, projection: &Projection<'_>, ink: &Ink, time: f64) {
        let mut lines = Lines::new(painter);
        for way in &self.ways {
            draw_way(&mut lines, projection, ink, way, time);
        }
        lines.draw(painter);
    }
}

/// At most `most` of some things, evenly spaced among them.
fn evenly<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    let count = all.len().min(most);
    (0..count).filter_map(move |index| all.get(index * all.len() / count))
}

fn draw_way(lines: &mut Lines, projection: &Projection<'_>, ink: &Ink, way: &[Corner], time: f64) {
    let Some(last) = way.len().checked_sub(1).filter(|&last| last > 0) else { return };
    let now = time.clamp(0.0, 1.0) * last as f64;
    let between = now.floor().min((last - 1) as f64);
    let (a, b) = (way[between as usize], way[between as usize + 1]);
    let share = now - between;
    let here = Corner { at: a.at.lerp(b.at, share), presence: a.presence + share as f32 * (b.presence - a.presence) };
    let next = between as usize + 1;
    stretch(lines, projection, ink, way[..next].iter().chain([&here]), OVER);
    stretch(lines, projection, ink, [&here].into_iter().chain(&way[next..]), 1.0);
    if here.presence >= GONE
        && let Some(at) = projection.point(here.at)
    {
        lines.add_dot(at, DOT + 1.0, ink.shade.gamma_multiply(here.presence));
        lines.add_dot(at, DOT, ink.line.gamma_multiply(here.presence));
    }
}

/// Draws a part of a way, without the corners that lie too close to be seen.
fn stretch<'a>(
    lines: &mut Lines,
    projection: &Projection<'_>,
    ink: &Ink,
    corners: impl Iterator<Item = &'a Corner>,
    strength: f32,
) {
    let mut from: Option<(&Corner, Option<Pos2>)> = None;
    let mut corners = corners.peekable();
    while let Some(corner) = corners.next() {
        let at = projection.point(corner.at);
        if let Some((start, place)) = from {
            let near = place.zip(at).is_some_and(|(a, b)| a.distance(b) < STEP);
            if near && corners.peek().is_some() {
                continue;
            }
            line(lines, projection, ink, [start, corner], strength);
        }
        from = Some((corner, at));
    }
}

fn line(lines: &mut Lines, projection: &Projection<'_>, ink: &Ink, [a, b]: [&Corner; 2], strength: f32) {
    let Some((ends, parts)) = projection.segment(a.at, b.at) else { return };
    let colours = parts.map(|part| {
        let seen = strength * (a.presence + part * (b.presence - a.presence));
        if seen < GONE { Color32::TRANSPARENT } else { ink.trail.gamma_multiply(seen.min(1.0)) }
    });
    // Without a shade behind it, which would double the cost: the colour is one that surfaces rarely have.
    lines.add(ends, WIDTH, colours);
}

#[cfg(test)]
mod tests {
    use super::{MOST, Trails, evenly};
    use splat_core::edit::{Combine, Document, Edit, RowSet};
    use splat_core::scene::{Motion, SplatCloud, TimeBasis};
    use std::sync::Arc;

    /// Splats of which every second one moves, the more the later it comes.
    fn document(splats: usize) -> Document {
        let basis = TimeBasis::Flow { poly: 1, fourier: 0 };
        let still = SplatCloud {
            means: (0..splats).map(|i| [i as f32, 0.0, 0.0]).collect(),
            quats: vec![[1.0, 0.0, 0.0, 0.0]; splats],
            log_scales: vec![[-1.0; 3]; splats],
            opacity_logits: vec![2.0; splats],
            sh0: vec![[0.5; 3]; splats],
            ..SplatCloud::default()
        };
        let rest = TimeBasis::STILL;
        let motion = Motion { means: basis, quats: rest, sh0: rest, dilates: false, fades: false, frames: 8 };
        let mut cloud = still.with_motion(motion);
        for (row, values) in cloud.more[0].values.chunks_exact_mut(3).enumerate() {
            values[1] = if row % 2 == 1 { row as f32 / splats as f32 } else { 0.0 };
        }
        Document::new(Arc::new(cloud)).unwrap()
    }

    #[test]
    fn the_selected_ones_that_move_are_chosen_or_those_of_all() {
        let mut document = document(40);
        // The first ones go too little beside the others.
        assert_eq!(Trails::of(&document).len(), 16);
        let rows = RowSet::from_fn(40, |row| row < 10);
        document.apply(&Edit::Select { rows, combine: Combine::Replace }).unwrap();
        let trails = Trails::of(&document);
        assert_eq!(trails.len(), 4);
        let way = &trails.ways[3];
        assert!((way[0].at.y + 0.225).abs() < 1e-6 && (way.last().unwrap().at.y - 0.225).abs() < 1e-6);
        let rows = RowSet::from_fn(40, |row| row == 2);
        document.apply(&Edit::Select { rows, combine: Combine::Replace }).unwrap();
        assert_eq!(Trails::of(&document).len(), 0, "what rests has no way");
        assert_eq!(Trails::of(&self::document(10_000)).len(), MOST);
    }

    #[test]
    fn a_choice_is_even_and_never_more_than_asked_for() {
        let all: Vec<usize> = (0..10).collect();
        assert_eq!(evenly(&all, 5).copied().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(evenly(&all, 50).count(), 10);
        assert_eq!(evenly(&all[..0], 5).count(), 0);
    }
}
