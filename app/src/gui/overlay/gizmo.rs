//! The axis gizmo in the corner: six balls to look from, and a disc to turn the view by.

use super::ink::Ink;
use crate::gui::action::Axis;
use crate::gui::nav::Ground;
use egui::{Align2, Color32, FontId, Id, Pos2, Rect, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use glam::DVec3;
use splat_core::scene::View;

/// From the middle to a ball, points.
const ARM: f32 = 34.0;
/// Radius of a ball, points.
const BALL: f32 = 9.5;
/// Cosine of the angle within which the camera already looks along an axis; a click then shows the other side.
const THERE: f64 = 0.999_99;

/// What the person did with the gizmo.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GizmoReply {
    /// Look along this axis.
    pub(crate) axis: Option<Axis>,
    /// Orbit by a drag of so many points.
    pub(crate) orbit: Option<Vec2>,
}

/// One of the balls.
struct Ball {
    /// What a click asks for.
    axis: Axis,
    /// Towards it from the middle of the scene, world.
    direction: DVec3,
    /// The same in camera axes.
    in_camera: DVec3,
}

/// The radius of the whole gizmo, points: how far from a corner to put its middle.
pub(crate) const RADIUS: f32 = ARM + BALL + 4.0;

/// Draws the gizmo for the shown picture around `centre`.
pub(crate) fn gizmo(ui: &Ui, ink: &Ink, view: &View, ground: &Ground, centre: Pos2) -> GizmoReply {
    let id = Id::unique("axis gizmo");
    let mut reply = GizmoReply::default();
    let disc = ui.interact(Rect::from_center_size(centre, Vec2::splat(2.0 * RADIUS)), id, Sense::CLICK | Sense::DRAG);
    disc.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), "Turn the view"));
    let mut orbit = disc.drag_delta();
    let mut balls = balls(view, ground);
    // Far ones first: near ones are drawn over them and are hit first.
    balls.sort_by(|a, b| b.in_camera.z.total_cmp(&a.in_camera.z));
    let mut hovered = disc.hovered() || disc.dragged();
    let mut responses = Vec::with_capacity(balls.len());
    for ball in &balls {
        let at = centre + Vec2::new(ball.in_camera.x as f32, ball.in_camera.y as f32) * ARM;
        let rect = Rect::from_center_size(at, Vec2::splat(2.0 * BALL));
        let response = ui.interact(rect, id.with(name(ball.axis)), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), label(ball.axis)));
        hovered |= response.hovered();
        orbit += response.drag_delta();
        if response.clicked() {
            let looking_there = view.forward().dot(-ball.direction) > THERE;
            reply.axis = Some(if looking_there { opposite(ball.axis) } else { ball.axis });
        }
        responses.push((at, response));
    }
    reply.orbit = (orbit != Vec2::ZERO).then_some(orbit);
    let painter = ui.painter();
    if hovered {
        painter.circle_filled(centre, RADIUS, ink.paper.gamma_multiply(0.5));
    }
    for (ball, (at, response)) in balls.iter().zip(responses) {
        let (letter, positive) = letter(ball.axis, ground);
        let colour = ink.axes[letter];
        // Balls behind the middle are a little paler.
        let strength = 0.8 - 0.2 * ball.in_camera.z as f32;
        let colour = colour.gamma_multiply(strength);
        if positive {
            painter.line_segment([centre, at], Stroke::new(2.0, colour));
            painter.circle_filled(at, BALL, colour);
        } else {
            painter.circle(at, BALL, ink.paper, Stroke::new(2.0, colour));
        }
        let marked = response.hovered() || response.has_focus();
        if marked {
            painter.circle_stroke(at, BALL + 1.5, Stroke::new(1.5, ink.line));
        }
        if positive || marked {
            let text = format!("{}{}", if positive { "" } else { "-" }, ["X", "Y", "Z"][letter]);
            let ink = if positive { contrasting(colour, ink) } else { ink.text };
            painter.text(at, Align2::CENTER_CENTER, text, FontId::proportional(12.0), ink);
        }
        response.on_hover_text(label(ball.axis));
    }
    reply
}

/// The balls of a ground frame.
fn balls(view: &View, ground: &Ground) -> Vec<Ball> {
    let directions = [
        (Axis::Right, ground.right),
        (Axis::Left, -ground.right),
        (Axis::Top, ground.up),
        (Axis::Bottom, -ground.up),
        (Axis::Front, -ground.forward),
        (Axis::Back, ground.forward),
    ];
    let ball = |(axis, direction)| Ball { axis, direction, in_camera: view.viewmat.matrix3 * direction };
    directions.map(ball).into()
}

/// Which world axis a ball is, or is nearest to when the ground is tilted, and whether it is its positive end.
fn letter(axis: Axis, ground: &Ground) -> (usize, bool) {
    let nearest = |direction: DVec3, taken: &[usize]| {
        let free = (0..3).filter(|i| !taken.contains(i));
        free.max_by(|a, b| direction[*a].abs().total_cmp(&direction[*b].abs())).unwrap_or(0)
    };
    let up = nearest(ground.up, &[]);
    let right = nearest(ground.right, &[up]);
    let front = nearest(ground.forward, &[up, right]);
    match axis {
        Axis::Right => (right, ground.right[right] > 0.0),
        Axis::Left => (right, ground.right[right] <= 0.0),
        Axis::Top => (up, ground.up[up] > 0.0),
        Axis::Bottom => (up, ground.up[up] <= 0.0),
        Axis::Front => (front, ground.forward[front] <= 0.0),
        Axis::Back => (front, ground.forward[front] > 0.0),
    }
}

/// The darker or lighter of two inks, whichever is farther from a colour.
fn contrasting(colour: Color32, ink: &Ink) -> Color32 {
    let away = |other: Color32| (other.intensity() - colour.intensity()).abs();
    let paper = ink.paper.to_opaque();
    if away(paper) > away(ink.text) { paper } else { ink.text }
}

/// The view from the other side.
fn opposite(axis: Axis) -> Axis {
    match axis {
        Axis::Front => Axis::Back,
        Axis::Back => Axis::Front,
        Axis::Left => Axis::Right,
        Axis::Right => Axis::Left,
        Axis::Top => Axis::Bottom,
        Axis::Bottom => Axis::Top,
    }
}

/// A short name.
fn name(axis: Axis) -> &'static str {
    match axis {
        Axis::Front => "front",
        Axis::Back => "back",
        Axis::Left => "left",
        Axis::Right => "right",
        Axis::Top => "top",
        Axis::Bottom => "bottom",
    }
}

/// What a ball does, for its tip and for screen readers.
fn label(axis: Axis) -> String {
    match axis {
        Axis::Top => "View from above".to_owned(),
        Axis::Bottom => "View from below".to_owned(),
        Axis::Back => "View from behind".to_owned(),
        Axis::Left | Axis::Right => format!("View from the {}", name(axis)),
        Axis::Front => "View from front".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GizmoReply, RADIUS, gizmo, letter};
    use crate::gui::action::Axis;
    use crate::gui::nav::{Ground, NavCamera};
    use crate::gui::overlay::Ink;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use glam::DVec3;

    /// A camera and everything the gizmo said.
    type State = (NavCamera, Vec<GizmoReply>);

    /// A window with a gizmo.
    fn harness() -> Harness<'static, State> {
        Harness::new_ui_state(
            |ui, (camera, replies): &mut State| {
                let view = camera.view(400, 300);
                let ink = Ink::of(ui.visuals());
                let reply = gizmo(ui, &ink, &view, camera.ground(), egui::pos2(100.0, 100.0));
                if reply != GizmoReply::default() {
                    replies.push(reply);
                }
            },
            State::default(),
        )
    }

    #[test]
    fn every_side_can_be_looked_from() {
        let labels = [
            ("View from front", Axis::Front),
            ("View from behind", Axis::Back),
            ("View from the left", Axis::Left),
            ("View from the right", Axis::Right),
            ("View from above", Axis::Top),
            ("View from below", Axis::Bottom),
        ];
        for (label, axis) in labels {
            let mut harness = harness();
            harness.state_mut().0.orbit(100.0, 40.0);
            harness.state_mut().0.arrive();
            harness.step();
            harness.get_by_label(label).click();
            harness.run();
            assert_eq!(harness.state().1, [GizmoReply { axis: Some(axis), orbit: None }], "{label}");
        }
    }

    #[test]
    fn a_click_on_the_view_that_is_shown_goes_to_its_other_side() {
        let mut harness = harness();
        harness.state_mut().0.axis_view(Axis::Top);
        harness.state_mut().0.arrive();
        harness.step();
        harness.get_by_label("View from above").click();
        harness.run();
        assert_eq!(harness.state().1, [GizmoReply { axis: Some(Axis::Bottom), orbit: None }]);
    }

    #[test]
    fn a_drag_on_the_disc_orbits() {
        let mut harness = harness();
        harness.step();
        let from = egui::pos2(100.0 + RADIUS - 4.0, 100.0 + RADIUS - 4.0);
        harness.hover_at(from);
        harness.drag_at(from);
        harness.hover_at(from + egui::vec2(-20.0, 0.0));
        harness.hover_at(from + egui::vec2(-30.0, 5.0));
        harness.drop_at(from + egui::vec2(-30.0, 5.0));
        harness.step();
        let total = harness.state().1.iter().filter_map(|reply| reply.orbit).fold(egui::Vec2::ZERO, |a, b| a + b);
        assert_eq!(total, egui::vec2(-30.0, 5.0));
    }

    #[test]
    fn letters_follow_the_world() {
        let named = |up, axis| letter(axis, &Ground::of(up).unwrap());
        assert_eq!(named(DVec3::Y, Axis::Front), (2, true));
        assert_eq!(named(DVec3::Y, Axis::Top), (1, true));
        assert_eq!(named(DVec3::Z, Axis::Front), (1, false));
        assert_eq!(named(DVec3::NEG_Y, Axis::Top), (1, false));
        assert_eq!(named(DVec3::NEG_Y, Axis::Back), (2, true));
        assert_eq!(named(DVec3::new(0.3, 0.2, 0.9), Axis::Top), (2, true));
    }
}
