//! The ground grid and the world axes.

use super::ink::Ink;
use super::lines::Lines;
use super::projection::Projection;
use crate::gui::nav::Ground;
use egui::{Align2, Color32, FontId, Painter};
use glam::DVec3;

/// Lines on either side of the middle.
const REACH: i64 = 24;
/// Pieces that a line is cut into, so that it can fade along its way.
const PIECES: i64 = 8;
/// Strength of the lines of the coarser spacing.
const STRENGTH: f32 = 0.45;
/// Steps between two lines of the next coarser spacing.
const TEN: i64 = 10;

/// Draws a grid on the ground through `origin`. Its spacing is a power of ten world units that suits the distance of
/// the eye; a finer grid fades in as the eye comes closer.
pub(crate) fn grid(painter: &Painter, projection: &Projection<'_>, ink: &Ink, ground: &Ground, origin: DVec3) {
    let eye = projection.eye() - origin;
    let height = eye.dot(ground.up);
    // Looking along the ground from nearby, the height alone would give a spacing of nearly nothing.
    let ahead = projection.to_world(DVec3::Z);
    let reach = height.abs().max(0.02 * eye.length()).max(1e-9);
    let exponent = (reach * 0.25).log10();
    if !exponent.is_finite() {
        return;
    }
    let fine = 10_f64.powf(exponent.floor());
    let fading = (1.0 - (exponent - exponent.floor())) as f32;
    // The grid lies where the eye looks, not where it stands; never farther off than it is high.
    let across = ahead - ground.up * ahead.dot(ground.up);
    let middle = eye + across * (2.0 * reach);
    let mut lines = Lines::new(painter);
    let grid = Grid { projection, ground, origin, middle: [middle.dot(ground.right), middle.dot(ground.forward)] };
    grid.add(&mut lines, fine, true, ink.line.gamma_multiply(STRENGTH * fading));
    grid.add(&mut lines, fine * TEN as f64, false, ink.line.gamma_multiply(STRENGTH));
    lines.draw(painter);
}

/// What all lines of a grid share.
struct Grid<'a> {
    /// The camera.
    projection: &'a Projection<'a>,
    /// The directions of the lines.
    ground: &'a Ground,
    /// Where lines cross.
    origin: DVec3,
    /// The middle of what is drawn, along the ground from the origin.
    middle: [f64; 2],
}

impl Grid<'_> {
    /// Adds the lines of one spacing; `coarser` leaves out those that the next spacing draws.
    fn add(&self, lines: &mut Lines, spacing: f64, coarser: bool, colour: Color32) {
        // A distance from the origin so large that neighbouring lines are the same number has no grid.
        if colour.a() == 0 || self.middle.iter().any(|at| (at / spacing).abs() > 1e12) {
            return;
        }
        let radius = spacing * REACH as f64;
        let centre: [i64; 2] = self.middle.map(|at| (at / spacing).round() as i64);
        let strength = |at: [f64; 2]| {
            let away = (at[0] - self.middle[0]).hypot(at[1] - self.middle[1]) / radius;
            colour.gamma_multiply((1.0 - away).clamp(0.0, 1.0).powi(2) as f32)
        };
        for (axis, nearest) in centre.into_iter().enumerate() {
            for i in nearest - REACH..=nearest + REACH {
                if coarser && i % TEN == 0 {
                    continue;
                }
                let place = |piece: i64| {
                    let along = self.middle[1 - axis] + radius * (2 * piece - PIECES) as f64 / PIECES as f64;
                    let across = i as f64 * spacing;
                    if axis == 0 { [across, along] } else { [along, across] }
                };
                for piece in 0..PIECES {
                    let ends = [place(piece), place(piece + 1)];
                    let colours = ends.map(strength);
                    if colours[0].a() == 0 && colours[1].a() == 0 {
                        continue;
                    }
                    let [a, b] = ends.map(|at| self.origin + self.ground.right * at[0] + self.ground.forward * at[1]);
                    if let Some((ends, parts)) = self.projection.segment(a, b) {
                        let colours = parts.map(|part| colours[0].lerp_to_gamma(colours[1], part));
                        lines.add(ends, 1.0, colours);
                    }
                }
            }
        }
    }
}

/// Draws the positive halves of the world axes from `origin`, `length` long, with their names.
pub(crate) fn axes(painter: &Painter, projection: &Projection<'_>, ink: &Ink, origin: DVec3, length: f64) {
    let mut lines = Lines::new(painter);
    for (axis, colour) in [DVec3::X, DVec3::Y, DVec3::Z].into_iter().zip(ink.axes) {
        if let Some((ends, _)) = projection.segment(origin, origin + axis * length) {
            lines.add_shaded(ends, 2.0, colour, ink.shade);
        }
    }
    lines.draw(painter);
    for ((axis, colour), name) in [DVec3::X, DVec3::Y, DVec3::Z].into_iter().zip(ink.axes).zip(["X", "Y", "Z"]) {
        if let Some(at) = projection.point(origin + axis * (length * 1.08)) {
            painter.text(at, Align2::CENTER_CENTER, name, FontId::proportional(13.0), colour);
        }
    }
}
