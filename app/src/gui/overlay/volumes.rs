//! Boxes and spheres in the scene, with handles that move and resize them.
//!
//! A drag is measured from where it began, on the shape as it was then, so that a shape that was squeezed to nothing
//! comes back with the pointer, and nothing drifts.

use super::ink::Ink;
use super::lines::Lines;
use super::projection::Projection;
use egui::{Color32, CursorIcon, Id, Painter, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use glam::{DQuat, DVec3};
use std::f64::consts::TAU;

/// Side of a handle's square, points.
const HANDLE: f32 = 16.0;
/// Corners of a drawn circle.
const CORNERS: usize = 72;
/// How strong lines on the far side are.
const FAR_SIDE: f32 = 0.35;
/// The thinnest shape, in parts of its longest side.
const THINNEST: f64 = 1e-3;
/// The smallest shape, in points of the screen.
const SMALLEST: f64 = 2.0;
/// Squared sine between an axis and a view along it, below which dragging along it means nothing.
const ALONG_VIEW: f64 = 1e-5;

/// A box anywhere in the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoxVolume {
    /// Its middle.
    pub(crate) centre: DVec3,
    /// Half its sides.
    pub(crate) half: DVec3,
    /// World from box.
    pub(crate) rotation: DQuat,
}

/// A sphere in the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SphereVolume {
    /// Its middle.
    pub(crate) centre: DVec3,
    /// Its radius.
    pub(crate) radius: f64,
}

/// What happened to a shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShapeReply {
    /// It was moved or resized in this frame.
    pub(crate) changed: bool,
    /// The handle was let go.
    pub(crate) finished: bool,
    /// The pointer is on a handle or drags one.
    pub(crate) active: bool,
}

impl ShapeReply {
    /// Adds what happened at one handle.
    fn merge(&mut self, response: &Response, changed: bool) {
        self.changed |= changed;
        self.finished |= response.drag_stopped();
        self.active |= response.hovered() || response.dragged();
    }
}

/// Draws the edges of a box.
pub(crate) fn outline_box(
    painter: &Painter,
    projection: &Projection<'_>,
    ink: &Ink,
    volume: &BoxVolume,
    line: Color32,
) {
    let mut lines = Lines::new(painter);
    let corner = |i: usize| {
        let sign = |bit: usize| if i >> bit & 1 == 0 { -1.0 } else { 1.0 };
        volume.centre + volume.rotation * (volume.half * DVec3::new(sign(0), sign(1), sign(2)))
    };
    for i in 0..8_usize {
        for bit in (0..3).filter(|bit| i >> bit & 1 == 0) {
            if let Some((ends, _)) = projection.segment(corner(i), corner(i | 1 << bit)) {
                lines.add_shaded(ends, 1.5, line, ink.shade);
            }
        }
    }
    lines.draw(painter);
}

/// Draws a box with handles: the middle moves it, the sides resize it, with Shift both opposite sides.
pub(crate) fn edit_box(
    ui: &Ui,
    projection: &Projection<'_>,
    ink: &Ink,
    label: &str,
    volume: &mut BoxVolume,
) -> ShapeReply {
    outline_box(ui.painter(), projection, ink, volume, ink.accent);
    let id = Id::unique("box handles").with(label);
    let mut reply = ShapeReply::default();
    let before = *volume;
    for side in 0..6_usize {
        let (axis, sign) = (side / 2, if side % 2 == 0 { 1.0 } else { -1.0 });
        let mut outward = DVec3::ZERO;
        outward[axis] = sign;
        let name = format!("{label}: {}{} side", if sign > 0.0 { '+' } else { '-' }, ['X', 'Y', 'Z'][axis]);
        let at = before.centre + before.rotation * (outward * before.half);
        let Some(response) = handle(ui, projection, at, id.with(side), &name, ink, ink.axes[axis]) else { continue };
        let Some(drag) = Drag::of(&response, &before) else {
            reply.merge(&response, false);
            continue;
        };
        let both = ui.input(|input| input.modifiers.shift);
        let start = drag.start;
        let direction = start.rotation * outward;
        let origin = start.centre + direction * start.half[axis];
        let mut changed = false;
        if let Some(by) = drag.along(projection, origin, direction) {
            let least = smallest(projection, start.centre, start.half.max_element());
            *volume = start;
            volume.half[axis] = (start.half[axis] + if both { by } else { 0.5 * by }).max(least);
            if !both {
                volume.centre += direction * (volume.half[axis] - start.half[axis]);
            }
            changed = *volume != before;
        }
        reply.merge(&response, changed);
    }
    if let Some((response, to)) = move_handle(ui, projection, ink, label, id, &before, |shape| shape.centre) {
        volume.centre = to.unwrap_or(volume.centre);
        reply.merge(&response, to.is_some() && *volume != before);
    }
    reply
}

/// Draws a sphere with handles: the middle moves it, the one at its side resizes it.
pub(crate) fn edit_sphere(
    ui: &Ui,
    projection: &Projection<'_>,
    ink: &Ink,
    label: &str,
    volume: &mut SphereVolume,
) -> ShapeReply {
    outline_sphere(ui.painter(), projection, ink, volume);
    let id = Id::unique("sphere handles").with(label);
    let mut reply = ShapeReply::default();
    let before = *volume;
    let at = before.centre + projection.to_world(DVec3::X) * before.radius;
    if let Some(response) = handle(ui, projection, at, id.with("radius"), &format!("{label}: radius"), ink, ink.line) {
        let mut changed = false;
        if let Some(drag) = Drag::of(&response, &before) {
            let centre = drag.start.centre;
            let away = |at: Pos2| projection.beside(at, centre).map(|point| point.distance(centre));
            if let (Some(from), Some(now)) = (away(drag.from), away(drag.now)) {
                let least = smallest(projection, centre, drag.start.radius);
                volume.radius = (drag.start.radius + now - from).max(least);
                changed = *volume != before;
            }
        }
        reply.merge(&response, changed);
    }
    if let Some((response, to)) = move_handle(ui, projection, ink, label, id, &before, |shape| shape.centre) {
        volume.centre = to.unwrap_or(volume.centre);
        reply.merge(&response, to.is_some() && *volume != before);
    }
    reply
}

/// The handle in the middle of a shape, and where it is dragged to, if it is.
fn move_handle<V: Copy + Send + Sync + 'static>(
    ui: &Ui,
    projection: &Projection<'_>,
    ink: &Ink,
    label: &str,
    id: Id,
    shape: &V,
    centre: impl Fn(&V) -> DVec3,
) -> Option<(Response, Option<DVec3>)> {
    let name = format!("{label}: move");
    let response = handle(ui, projection, centre(shape), id.with("move"), &name, ink, ink.accent)?;
    let to = Drag::of(&response, shape).and_then(|drag| {
        let start = centre(&drag.start);
        Some(start + drag.across(projection, start)?)
    });
    Some((response, to))
}

/// Draws three great circles and the outline of a sphere.
fn outline_sphere(painter: &Painter, projection: &Projection<'_>, ink: &Ink, volume: &SphereVolume) {
    let SphereVolume { centre, radius } = *volume;
    let mut lines = Lines::new(painter);
    let to_eye = projection.eye() - centre;
    let away = to_eye.length();
    let mut ring = |middle: DVec3, u: DVec3, v: DVec3, shaded: bool| {
        let place = |i: usize| {
            let (sine, cosine) = (TAU * i as f64 / CORNERS as f64).sin_cos();
            middle + u * cosine + v * sine
        };
        for i in 0..CORNERS {
            let (a, b) = (place(i), place(i + 1));
            let Some((ends, _)) = projection.segment(a, b) else { continue };
            if shaded {
                lines.add_shaded(ends, 1.5, ink.accent, ink.shade);
            } else {
                // Seen from the eye, what lies beyond the outline is on the far side.
                let near_side = (0.5 * (a + b) - centre).dot(to_eye) >= radius * radius;
                let strength = if near_side { 0.8 } else { FAR_SIDE };
                lines.add(ends, 1.0, [ink.accent.gamma_multiply(strength); 2]);
            }
        }
    };
    for (u, v) in [(DVec3::X, DVec3::Y), (DVec3::Y, DVec3::Z), (DVec3::Z, DVec3::X)] {
        ring(centre, u * radius, v * radius, false);
    }
    // From inside there is no outline.
    if away > radius {
        let towards = to_eye / away;
        let sine = radius / away;
        let u = towards.any_orthonormal_vector() * (radius * (1.0 - sine * sine).sqrt());
        ring(centre + towards * (radius * sine), u, towards.cross(u), true);
    }
    lines.draw(painter);
}

/// Draws a handle and makes it sensitive; `None` outside the picture.
fn handle(
    ui: &Ui,
    projection: &Projection<'_>,
    point: DVec3,
    id: Id,
    name: &str,
    ink: &Ink,
    colour: Color32,
) -> Option<Response> {
    // A handle that is being dragged stays, even when it has left the picture.
    let dragged = ui.ctx().is_being_dragged(id);
    let at = projection.point(point).filter(|at| dragged || projection.fit().rect().contains(*at))?;
    // It senses clicks too, or they would go through it to the viewport.
    let response = ui.interact(Rect::from_center_size(at, Vec2::splat(HANDLE)), id, Sense::CLICK | Sense::DRAG);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let held = response.hovered() || response.dragged();
    let radius = if held { 7.0 } else { 5.0 };
    ui.painter().circle(at, radius, if held { ink.line } else { colour }, Stroke::new(1.5, ink.shade));
    if held {
        ui.ctx().set_cursor_icon(if response.dragged() { CursorIcon::Grabbing } else { CursorIcon::Grab });
    }
    Some(response)
}

/// The smallest half side at a place: visible, and no thinner than a thousandth of the longest.
fn smallest(projection: &Projection<'_>, centre: DVec3, longest: f64) -> f64 {
    let visible = projection.world_per_point(centre).unwrap_or(0.0) * SMALLEST;
    visible.min(longest).max(THINNEST * longest).max(1e-9)
}

/// A drag of a handle.
struct Drag<V> {
    /// The shape when it began.
    start: V,
    /// Where the button went down.
    from: Pos2,
    /// Where the pointer is.
    now: Pos2,
}

impl<V: Copy + Send + Sync + 'static> Drag<V> {
    /// The drag of a handle, if it is dragged now.
    fn of(response: &Response, shape: &V) -> Option<Self> {
        if !response.dragged() {
            return None;
        }
        let now = response.interact_pointer_pos()?;
        if response.drag_started() {
            let from = response.ctx.input(|input| input.pointer.press_origin()).unwrap_or(now);
            response.ctx.data_mut(|data| data.insert_temp(response.id, (*shape, from)));
        }
        let (start, from) = response.ctx.data(|data| data.get_temp(response.id))?;
        Some(Self { start, from, now })
    }

    /// How far the pointer went along a line in the scene.
    fn along(&self, projection: &Projection<'_>, origin: DVec3, direction: DVec3) -> Option<f64> {
        let place = |at| nearest_on_line(origin, direction, projection.ray(at));
        Some(place(self.now)? - place(self.from)?)
    }

    /// How far the pointer went across the view, at the depth of a point.
    fn across(&self, projection: &Projection<'_>, point: DVec3) -> Option<DVec3> {
        Some(projection.beside(self.now, point)? - projection.beside(self.from, point)?)
    }
}

/// Where a line with a direction of length 1 comes nearest to a ray, from its origin; `None` when that is behind the
/// eye, or when both point the same way.
fn nearest_on_line(origin: DVec3, direction: DVec3, (eye, ray): (DVec3, DVec3)) -> Option<f64> {
    let offset = origin - eye;
    let (slope, length) = (direction.dot(ray), ray.length_squared());
    let denominator = length - slope * slope;
    if denominator < ALONG_VIEW * length {
        return None;
    }
    let on_line = (slope * ray.dot(offset) - length * direction.dot(offset)) / denominator;
    let on_ray = ray.dot(offset + direction * on_line);
    (on_ray > 0.0 && on_line.is_finite()).then_some(on_line)
}

#[cfg(test)]
mod tests {
    use super::{BoxVolume, ShapeReply, SphereVolume, edit_box, edit_sphere, nearest_on_line};
    use crate::gui::overlay::{Ink, Projection};
    use egui::{Event, Modifiers, Pos2};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use glam::{DQuat, DVec3};
    use splat_core::scene::View;

    /// A box, a sphere, and what happened to either.
    #[derive(Default)]
    struct State {
        /// The box under test.
        cuboid: Option<BoxVolume>,
        /// The sphere under test.
        sphere: Option<SphereVolume>,
        /// Replies with a change or an end.
        replies: Vec<ShapeReply>,
    }

    /// The camera of the tests: on the diagonal, looking at the origin.
    fn view() -> View {
        View::look_at(DVec3::new(2.0, 3.0, 6.0), DVec3::ZERO, DVec3::Y, 50.0, 800, 600).unwrap()
    }

    /// A window that edits the shapes.
    fn harness(state: State) -> Harness<'static, State> {
        Harness::builder().with_size([800.0, 600.0]).build_ui_state(
            |ui, state: &mut State| {
                let view = view();
                let projection = Projection::new(&view, ui.ctx().content_rect(), 7.0);
                let ink = Ink::of(ui.visuals());
                let mut note = |reply: ShapeReply| {
                    if reply.changed || reply.finished {
                        state.replies.push(reply);
                    }
                };
                if let Some(volume) = &mut state.cuboid {
                    note(edit_box(ui, &projection, &ink, "Selection box", volume));
                }
                if let Some(volume) = &mut state.sphere {
                    note(edit_sphere(ui, &projection, &ink, "Selection sphere", volume));
                }
            },
            state,
        )
    }

    /// Drags from one place to another in a few steps.
    fn drag(harness: &mut Harness<'_, State>, from: Pos2, to: Pos2) {
        let button = |pos, pressed| Event::PointerButton {
            pos,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        harness.event(Event::PointerMoved(from));
        harness.event(button(from, true));
        for step in 1..=4 {
            harness.event(Event::PointerMoved(from + (to - from) * (step as f32 / 4.0)));
        }
        harness.event(button(to, false));
        harness.step();
    }

    /// A unit box at the origin.
    fn unit_box() -> State {
        let cuboid = BoxVolume { centre: DVec3::ZERO, half: DVec3::ONE, rotation: DQuat::IDENTITY };
        State { cuboid: Some(cuboid), ..State::default() }
    }

    #[test]
    fn a_side_follows_the_pointer_and_the_opposite_side_stays() {
        let mut harness = harness(unit_box());
        harness.step();
        let view = view();
        let projection = Projection::new(&view, harness.ctx.content_rect(), 7.0);
        let from = harness.get_by_label("Selection box: +X side").rect().center();
        let to = projection.point(DVec3::new(1.6, 0.0, 0.0)).unwrap();
        drag(&mut harness, from, to);
        let volume = harness.state().cuboid.unwrap();
        assert!((volume.centre - DVec3::X * 0.3).length() < 2e-3, "{volume:?}");
        assert!((volume.half - DVec3::new(1.3, 1.0, 1.0)).length() < 2e-3, "{volume:?}");
        assert!(harness.state().replies.last().unwrap().finished);
        assert!(harness.state().replies.iter().any(|reply| reply.changed));
    }

    #[test]
    fn a_side_cannot_be_pushed_through_the_other_and_comes_back() {
        let mut harness = harness(unit_box());
        harness.step();
        let view = view();
        let projection = Projection::new(&view, harness.ctx.content_rect(), 7.0);
        let from = harness.get_by_label("Selection box: +Y side").rect().center();
        drag(&mut harness, from, projection.point(DVec3::new(0.0, -1.5, 0.0)).unwrap());
        let volume = harness.state().cuboid.unwrap();
        assert!(volume.half.y > 0.0 && volume.half.y < 0.05, "{volume:?}");
        assert!((volume.centre.y - volume.half.y + 1.0).abs() < 1e-3, "the lower side moved: {volume:?}");
    }

    #[test]
    fn the_middle_moves_a_shape_across_the_view() {
        for sphere in [false, true] {
            let state = if sphere {
                let sphere = Some(SphereVolume { centre: DVec3::ZERO, radius: 1.0 });
                State { sphere, ..State::default() }
            } else {
                unit_box()
            };
            let mut harness = harness(state);
            harness.step();
            let label = if sphere { "Selection sphere: move" } else { "Selection box: move" };
            let from = harness.get_by_label(label).rect().center();
            let to = from + egui::vec2(70.0, -40.0);
            drag(&mut harness, from, to);
            let state = harness.state();
            let centre = state.sphere.map_or_else(|| state.cuboid.unwrap().centre, |sphere| sphere.centre);
            let view = view();
            let projection = Projection::new(&view, harness.ctx.content_rect(), 7.0);
            assert!((projection.point(centre).unwrap() - to).length() < 1.0);
            assert!((view.forward().dot(centre)).abs() < 1e-6, "moved in depth");
        }
    }

    #[test]
    fn the_radius_follows_the_pointer() {
        let sphere = Some(SphereVolume { centre: DVec3::ZERO, radius: 1.0 });
        let mut harness = harness(State { sphere, ..State::default() });
        harness.step();
        let view = view();
        let projection = Projection::new(&view, harness.ctx.content_rect(), 7.0);
        let right = projection.to_world(DVec3::X);
        let from = harness.get_by_label("Selection sphere: radius").rect().center();
        drag(&mut harness, from, projection.point(right * 1.5).unwrap());
        let volume = harness.state().sphere.unwrap();
        assert!((volume.radius - 1.5).abs() < 5e-3 && volume.centre == DVec3::ZERO, "{volume:?}");
    }

    #[test]
    fn a_line_along_the_view_cannot_be_dragged() {
        let ray = (DVec3::ZERO, DVec3::Z);
        assert!(nearest_on_line(DVec3::Z, DVec3::Z, ray).is_none());
        assert_eq!(nearest_on_line(DVec3::new(1.0, 0.0, 5.0), DVec3::X, ray), Some(-1.0));
        assert!(nearest_on_line(DVec3::new(1.0, 0.0, -5.0), DVec3::X, ray).is_none());
    }
}
