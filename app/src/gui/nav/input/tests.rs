//! Synthetic mouse and keys on a viewport beside a text field.

use super::{Input, Reply, viewport};
use crate::gui::action::{Axis, Tool};
use crate::gui::nav::{Motion, NavCamera};
use crate::gui::overlay::Fit;
use egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, Rect, TouchPhase, pos2, vec2,
};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use glam::{DVec2, DVec3};

/// A small program with a viewport.
struct State {
    /// The input under test.
    input: Input,
    /// What it moves.
    camera: NavCamera,
    /// The tool in hand.
    tool: Tool,
    /// What it replied.
    replies: Vec<Reply>,
    /// The text field.
    text: String,
}

/// The viewport of the program; the picture is twice as many pixels each way.
const AREA: Rect = Rect { min: pos2(0.0, 50.0), max: pos2(400.0, 350.0) };

/// A running program, standing still, looking from the front.
fn program() -> Harness<'static, State> {
    let mut camera = NavCamera::default();
    camera.set_reduced_motion(true);
    camera.axis_view(Axis::Front);
    let state =
        State { input: Input::default(), camera, tool: Tool::Navigate, replies: Vec::new(), text: String::new() };
    let mut harness = Harness::builder().with_size([400.0, 350.0]).with_step_dt(1.0 / 60.0).build_ui_state(
        |ui, state: &mut State| {
            let label = ui.label("Name");
            ui.text_edit_singleline(&mut state.text).labelled_by(label.id);
            let response = viewport(ui, AREA);
            let fit = Fit::new(AREA, 800, 600);
            let reply = state.input.update(&response, &fit, state.tool, None, &mut state.camera);
            state.replies.extend(reply);
        },
        state,
    );
    harness.step();
    harness
}

/// Presses or releases a button.
fn button(harness: &Harness<'_, State>, pos: Pos2, button: PointerButton, pressed: bool) {
    harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
}

/// Drags with a button and held modifiers.
fn drag(harness: &mut Harness<'_, State>, which: PointerButton, modifiers: Modifiers, from: Pos2, to: Pos2) {
    harness.event(Event::ModifiersChanged(modifiers));
    harness.event(Event::PointerMoved(from));
    button(harness, from, which, true);
    for step in 1..=5 {
        harness.event(Event::PointerMoved(from + (to - from) * (step as f32 / 5.0)));
    }
    button(harness, to, which, false);
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
    harness.step();
}

/// Turns the wheel by some notches.
fn wheel(harness: &mut Harness<'_, State>, notches: f32) {
    harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, notches),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    harness.step();
    harness.run_steps(40);
}

/// The viewing direction.
fn forward(harness: &Harness<'_, State>) -> DVec3 {
    harness.state().camera.view(64, 64).forward()
}

#[test]
fn a_left_drag_orbits() {
    let mut harness = program();
    let (pivot, distance) = (harness.state().camera.pivot(), harness.state().camera.distance());
    drag(&mut harness, PointerButton::Primary, Modifiers::NONE, pos2(200.0, 200.0), pos2(300.0, 200.0));
    let camera = &harness.state().camera;
    // The scene follows the hand: the camera went to the left and now looks to the right.
    assert!(forward(&harness).x > 0.2, "{}", forward(&harness));
    assert!(camera.eye().x < -0.5 && camera.pivot() == pivot && (camera.distance() - distance).abs() < 1e-9);
    assert!(harness.state().replies.is_empty());
}

#[test]
fn a_drag_down_shows_the_scene_from_above() {
    let mut harness = program();
    drag(&mut harness, PointerButton::Primary, Modifiers::NONE, pos2(200.0, 100.0), pos2(200.0, 250.0));
    assert!(harness.state().camera.eye().y > 0.5);
}

#[test]
fn middle_and_shift_left_pan_and_right_looks() {
    for (which, modifiers) in [
        (PointerButton::Middle, Modifiers::NONE),
        (PointerButton::Primary, Modifiers::SHIFT),
        (PointerButton::Primary, Modifiers::CTRL),
    ] {
        let mut harness = program();
        drag(&mut harness, which, modifiers, pos2(200.0, 200.0), pos2(300.0, 200.0));
        assert_eq!(forward(&harness), DVec3::NEG_Z, "{which:?}");
        assert!(harness.state().camera.pivot().x < -0.2, "{which:?}");
    }
    let mut harness = program();
    let eye = harness.state().camera.eye();
    drag(&mut harness, PointerButton::Secondary, Modifiers::NONE, pos2(200.0, 200.0), pos2(300.0, 200.0));
    assert!(forward(&harness).x > 0.1 && harness.state().camera.eye().distance(eye) < 1e-9);
}

#[test]
fn the_wheel_zooms_to_the_cursor() {
    let mut harness = program();
    let at = pos2(320.0, 120.0);
    harness.event(Event::PointerMoved(at));
    harness.step();
    let fit = Fit::new(AREA, 800, 600);
    let point = harness.state().camera.beside_pivot(fit.to_pixel(at), fit.size());
    let distance = harness.state().camera.distance();
    wheel(&mut harness, 2.0);
    let camera = &harness.state().camera;
    assert!(camera.distance() < 0.9 * distance && camera.distance() > 0.5 * distance, "{}", camera.distance());
    let pixel = camera.view(800, 600).project(point).unwrap();
    assert!((fit.to_screen(pixel) - at).length() < 0.05, "{pixel}");
}

#[test]
fn the_wheel_elsewhere_does_nothing() {
    let mut harness = program();
    let distance = harness.state().camera.distance();
    harness.event(Event::PointerMoved(pos2(200.0, 20.0)));
    harness.step();
    wheel(&mut harness, 3.0);
    assert_eq!(harness.state().camera.distance(), distance);
}

#[test]
fn clicks_and_double_clicks_reply_with_pixels() {
    let mut harness = program();
    let at = pos2(100.0, 150.0);
    harness.event(Event::PointerMoved(at));
    for pressed in [true, false] {
        button(&harness, at, PointerButton::Primary, pressed);
    }
    harness.step();
    let pixel = DVec2::new(200.0, 200.0);
    assert_eq!(harness.state().replies, [Reply::Click { at: pixel, modifiers: Modifiers::NONE }]);
    for pressed in [true, false] {
        button(&harness, at, PointerButton::Primary, pressed);
    }
    harness.step();
    assert_eq!(harness.state().replies.last(), Some(&Reply::FocusAt(pixel)));
    assert_eq!(harness.state().replies.len(), 2);
    assert_eq!(forward(&harness), DVec3::NEG_Z, "a click moved the camera");
}

#[test]
fn keys_fly_while_the_right_button_is_held() {
    let mut harness = program();
    let eye = harness.state().camera.eye();
    harness.key_down(Key::W);
    harness.step();
    harness.run_steps(5);
    assert_eq!(harness.state().camera.eye(), eye, "flies without the button");
    harness.event(Event::PointerMoved(pos2(200.0, 200.0)));
    button(&harness, pos2(200.0, 200.0), PointerButton::Secondary, true);
    harness.step();
    harness.run_steps(5);
    assert!(harness.state().camera.eye().z < eye.z - 0.01);
    assert!(harness.state().input.navigating());
    button(&harness, pos2(200.0, 200.0), PointerButton::Secondary, false);
    harness.step();
    let stopped = harness.state().camera.eye();
    harness.run_steps(5);
    assert_eq!(harness.state().camera.eye(), stopped);
}

#[test]
fn in_fly_mode_keys_always_move_and_the_wheel_sets_the_speed() {
    let mut harness = program();
    harness.state_mut().camera.set_motion(Motion::Fly);
    let eye = harness.state().camera.eye();
    harness.key_down(Key::E);
    harness.step();
    harness.run_steps(5);
    assert!(harness.state().camera.eye().y > eye.y + 0.01, "E does not rise");
    harness.key_up(Key::E);
    harness.event(Event::PointerMoved(pos2(200.0, 200.0)));
    harness.step();
    let (speed, distance) = (harness.state().camera.speed(), harness.state().camera.distance());
    wheel(&mut harness, 2.0);
    assert!(harness.state().camera.speed() > 1.2 * speed);
    assert_eq!(harness.state().camera.distance(), distance);
    drag(&mut harness, PointerButton::Primary, Modifiers::NONE, pos2(200.0, 200.0), pos2(300.0, 200.0));
    assert!(forward(&harness).x > 0.1);
    let hint = harness.state().input.hint(&harness.state().camera, Tool::Navigate).into_owned();
    assert!(hint.contains("W A S D") && hint.contains('×'), "{hint}");
}

#[test]
fn typing_in_a_text_field_does_not_move_the_camera() {
    let mut harness = program();
    harness.state_mut().camera.set_motion(Motion::Fly);
    let before = harness.state().camera.view(64, 64);
    harness.get_by_label("Name").focus();
    harness.run_steps(2);
    for key in [Key::W, Key::D, Key::Z, Key::ArrowLeft] {
        harness.key_down(key);
    }
    harness.get_by_label("Name").type_text("wd");
    harness.step();
    harness.run_steps(5);
    assert_eq!(harness.state().text, "wd");
    assert_eq!(harness.state().camera.view(64, 64), before);
    // Leaving the field with the key still down, whose repeats go on, does not start a flight either.
    harness.event(Event::PointerMoved(pos2(200.0, 200.0)));
    for pressed in [true, false] {
        button(&harness, pos2(200.0, 200.0), PointerButton::Primary, pressed);
    }
    harness.key_down(Key::W);
    harness.step();
    harness.run_steps(5);
    assert_eq!(harness.state().camera.view(64, 64), before);
}

#[test]
fn arrows_orbit_over_the_viewport_and_z_rolls() {
    let mut harness = program();
    harness.key_down(Key::ArrowLeft);
    harness.step();
    harness.run_steps(3);
    assert_eq!(forward(&harness), DVec3::NEG_Z, "moves although the pointer is elsewhere");
    harness.key_up(Key::ArrowLeft);
    harness.event(Event::PointerMoved(pos2(200.0, 200.0)));
    harness.step();
    harness.key_down(Key::ArrowLeft);
    harness.step();
    harness.run_steps(3);
    assert!(forward(&harness).x < -0.01);
    harness.key_up(Key::ArrowLeft);
    harness.key_down(Key::Z);
    harness.step();
    harness.run_steps(3);
    assert!(harness.state().camera.view(64, 64).viewmat.matrix3.row(0).y.abs() > 0.01);
}

#[test]
fn a_drag_with_a_tool_is_reported_from_where_it_began() {
    let mut harness = program();
    harness.state_mut().tool = Tool::Brush;
    let before = harness.state().camera.view(64, 64);
    drag(&mut harness, PointerButton::Primary, Modifiers::SHIFT, pos2(100.0, 150.0), pos2(200.0, 250.0));
    let drags: Vec<_> = harness
        .state()
        .replies
        .iter()
        .map(|reply| {
            let Reply::ToolDrag(drag) = reply else { panic!("{reply:?}") };
            drag.clone()
        })
        .collect();
    let last = drags.last().unwrap();
    assert_eq!((last.tool, last.start, last.now), (Tool::Brush, DVec2::new(200.0, 200.0), DVec2::new(400.0, 400.0)));
    assert!(last.finished && last.modifiers.shift && drags.iter().filter(|drag| drag.finished).count() == 1);
    assert_eq!((last.path.first(), last.path.last()), (Some(&last.start), Some(&last.now)));
    assert!(last.path.len() >= 5);
    assert_eq!(harness.state().camera.view(64, 64), before, "the tool moved the camera");

    // With Alt, the same drag orbits, with the tool still in hand.
    harness.state_mut().replies.clear();
    drag(&mut harness, PointerButton::Primary, Modifiers::ALT, pos2(100.0, 150.0), pos2(200.0, 150.0));
    assert!(harness.state().replies.is_empty() && forward(&harness).x > 0.1);
}

#[test]
fn escape_and_a_change_of_tool_break_a_drag_off() {
    for escape in [true, false] {
        let mut harness = program();
        harness.state_mut().tool = Tool::Rectangle;
        harness.event(Event::PointerMoved(pos2(100.0, 150.0)));
        button(&harness, pos2(100.0, 150.0), PointerButton::Primary, true);
        harness.event(Event::PointerMoved(pos2(150.0, 200.0)));
        harness.step();
        assert!(matches!(harness.state().replies.last(), Some(Reply::ToolDrag(drag)) if !drag.finished));
        if escape {
            harness.key_press(Key::Escape);
        } else {
            harness.state_mut().tool = Tool::Brush;
        }
        harness.event(Event::PointerMoved(pos2(160.0, 210.0)));
        button(&harness, pos2(160.0, 210.0), PointerButton::Primary, false);
        harness.step();
        assert_eq!(harness.state().replies.last(), Some(&Reply::ToolCancelled), "escape {escape}");
    }
}

#[test]
fn the_viewport_has_a_name_for_screen_readers() {
    assert_eq!(program().get_by_label("Viewport").rect(), AREA);
}

#[test]
fn every_state_has_a_hint() {
    let input = Input::default();
    let camera = NavCamera::default();
    let tools = [Tool::Navigate, Tool::Rectangle, Tool::Brush, Tool::Box, Tool::Sphere, Tool::Measure];
    let hints: Vec<_> = tools.map(|tool| input.hint(&camera, tool).into_owned()).into();
    assert!(hints.iter().all(|hint| hint.len() > 20));
    assert!(hints[0].starts_with("Orbit: left drag"));
    assert!(!hints[0].contains("  "), "{}", hints[0]);
}
