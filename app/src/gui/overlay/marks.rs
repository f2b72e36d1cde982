//! Small marks: the pivot, the selection rectangle, the brush, a measured distance.

use super::ink::Ink;
use super::lines::Lines;
use super::projection::Projection;
use egui::{Align2, CornerRadius, FontId, Id, Mesh, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, pos2};
use glam::DVec3;

/// Half length of the pivot's cross, points.
const CROSS: f64 = 11.0;
/// Radius of the ends of a measured line, points.
const END: f32 = 4.5;
/// Height of the strips that a painted area is drawn with, in parts of the brush's radius.
const STRIP: f32 = 0.08;
/// Distance of the discs that stand for a stroke, in parts of the brush's radius.
const STEP: f32 = 0.25;
/// How much of the accent colour fills a selection.
const FILL: f32 = 0.18;

/// Draws a small cross at the pivot while `visible`, and lets it fade away afterwards.
pub(crate) fn pivot(painter: &Painter, projection: &Projection<'_>, ink: &Ink, point: DVec3, visible: bool) {
    let strength = painter.ctx().animate_bool(Id::unique("pivot cross"), visible);
    let (Some(at), Some(unit)) = (projection.point(point), projection.world_per_point(point)) else { return };
    if strength <= 0.0 {
        return;
    }
    let mut lines = Lines::new(painter);
    for (axis, colour) in [DVec3::X, DVec3::Y, DVec3::Z].into_iter().zip(ink.axes) {
        let arm = axis * (CROSS * unit);
        if let Some((ends, _)) = projection.segment(point - arm, point + arm) {
            lines.add_shaded(ends, 1.5, colour.gamma_multiply(strength), ink.shade.gamma_multiply(strength));
        }
    }
    lines.draw(painter);
    painter.circle_filled(at, 2.0, ink.line.gamma_multiply(strength));
}

/// Draws a selection rectangle between two corners.
pub(crate) fn rectangle(painter: &Painter, ink: &Ink, corner: Pos2, opposite: Pos2) {
    let rect = Rect::from_two_pos(corner, opposite);
    painter.rect_filled(rect, CornerRadius::ZERO, ink.accent.gamma_multiply(FILL));
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(3.0, ink.shade), StrokeKind::Middle);
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, ink.line), StrokeKind::Middle);
}

/// Draws the circle of a brush, radius in points, and what it has painted over during this stroke.
pub(crate) fn brush(painter: &Painter, ink: &Ink, centre: Pos2, radius: f32, trail: &[Pos2]) {
    let radius = if radius.is_finite() { radius.clamp(1.0, 1e4) } else { return };
    let colour = ink.accent.gamma_multiply(FILL);
    let mut mesh = Mesh::default();
    for strip in painted(trail, radius, painter.clip_rect()) {
        mesh.add_colored_rect(strip, colour);
    }
    painter.add(Shape::mesh(mesh));
    painter.circle_stroke(centre, radius, Stroke::new(3.0, ink.shade));
    painter.circle_stroke(centre, radius, Stroke::new(1.0, ink.line));
}

/// The area that a disc passes over along a trail, inside `bounds`, as flat strips that do not overlap: drawn with
/// translucent discs or a wide line, it would be darker wherever the trail comes back to itself.
fn painted(trail: &[Pos2], radius: f32, bounds: Rect) -> Vec<Rect> {
    let height = (radius * STRIP).max(2.0);
    let step = (radius * STEP).max(1.0);
    let bounds = Rect::from_points(trail).expand(radius).intersect(bounds);
    if trail.is_empty() || !bounds.is_positive() || !bounds.is_finite() {
        return Vec::new();
    }
    let rows = (bounds.height() / height).ceil() as usize;
    let mut spans: Vec<Vec<(f32, f32)>> = vec![Vec::new(); rows];
    let mut disc = |at: Pos2| {
        let row = |y: f32| ((y - bounds.min.y) / height).clamp(0.0, rows as f32) as usize;
        for (i, spans) in spans.iter_mut().enumerate().take((row(at.y + radius) + 1).min(rows)).skip(row(at.y - radius))
        {
            let away = bounds.min.y + (i as f32 + 0.5) * height - at.y;
            let half = (radius * radius - away * away).max(0.0).sqrt();
            if half > 0.0 {
                spans.push(((at.x - half).max(bounds.min.x), (at.x + half).min(bounds.max.x)));
            }
        }
    };
    let mut last = trail[0];
    disc(last);
    for place in &trail[1..] {
        // A quick hand leaves wide gaps; a slow one, places that add nothing.
        let way = *place - last;
        let steps = (way.length() / step) as usize;
        for i in 1..=steps {
            disc(last + way * (i as f32 / steps as f32));
        }
        if steps > 0 {
            last = *place;
        }
    }
    let mut strips = Vec::new();
    for (i, mut spans) in spans.into_iter().enumerate() {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        let top = bounds.min.y + i as f32 * height;
        let strip = |(left, right): (f32, f32)| Rect::from_min_max(pos2(left, top), pos2(right, top + height));
        let mut open: Option<(f32, f32)> = None;
        for (left, right) in spans.into_iter().filter(|(left, right)| left < right) {
            match &mut open {
                Some(open) if left <= open.1 => open.1 = open.1.max(right),
                _ => strips.extend(open.replace((left, right)).map(strip)),
            }
        }
        strips.extend(open.map(strip));
    }
    strips
}

/// Draws a measured line; with one end only, just that. The label stands at the middle of what is visible.
pub(crate) fn measurement(
    painter: &Painter,
    projection: &Projection<'_>,
    ink: &Ink,
    ends: [Option<DVec3>; 2],
    label: &str,
) {
    let line = match ends {
        [Some(a), Some(b)] => projection.segment(a, b),
        _ => None,
    };
    if let Some((places, _)) = line {
        let mut lines = Lines::new(painter);
        lines.add_shaded(places, 2.0, ink.accent, ink.shade);
        lines.draw(painter);
    }
    for at in ends.into_iter().flatten().filter_map(|end| projection.point(end)) {
        painter.circle(at, END, ink.accent, Stroke::new(1.5, ink.line));
    }
    let Some((places, _)) = line else { return };
    if label.is_empty() {
        return;
    }
    let galley = painter.layout_no_wrap(label.to_owned(), FontId::proportional(13.0), ink.text);
    let middle = places[0] + 0.5 * (places[1] - places[0]);
    // Keep the label in the picture when the middle of the line is at its border.
    let room = projection.fit().rect().shrink2(0.5 * galley.size());
    let rect = Align2::CENTER_CENTER.anchor_size(room.clamp(middle), galley.size());
    painter.rect_filled(rect.expand2(egui::vec2(6.0, 3.0)), CornerRadius::same(4), ink.paper);
    painter.galley(rect.min, galley, ink.text);
}

#[cfg(test)]
mod tests {
    use super::painted;
    use egui::{Rect, pos2};

    /// Where everything is visible.
    const BOUNDS: Rect = Rect { min: pos2(0.0, 0.0), max: pos2(1000.0, 1000.0) };

    /// The sum of the strips.
    fn area(trail: &[egui::Pos2], bounds: Rect) -> f32 {
        painted(trail, 50.0, bounds).iter().map(Rect::area).sum()
    }

    #[test]
    fn a_stroke_paints_a_capsule_once() {
        let disc = std::f32::consts::PI * 2500.0;
        let there = [pos2(200.0, 300.0), pos2(500.0, 300.0)];
        let capsule = disc + 300.0 * 100.0;
        assert!((area(&there[..1], BOUNDS) / disc - 1.0).abs() < 0.03);
        assert!((area(&there, BOUNDS) / capsule - 1.0).abs() < 0.03);
        // Back and forth again paints no more; half outside, half as much.
        assert!((area(&[there, there].concat(), BOUNDS) / capsule - 1.0).abs() < 0.03);
        let half = Rect { min: pos2(0.0, 300.0), ..BOUNDS };
        assert!((area(&there, half) / capsule - 0.5).abs() < 0.03);
        assert!(painted(&[], 50.0, BOUNDS).is_empty());
    }
}
