//! One frame of mouse, touch and keys on the viewport: what moves the camera, and what is handed back.

use super::camera::{Motion, NavCamera};
use super::keys::Keys;
use crate::gui::action::Tool;
use crate::gui::overlay::Fit;
use egui::{CursorIcon, EventFilter, Id, Modifiers, MouseWheelSource, PointerButton, Pos2, Rect};
use egui::{Response, Role, Sense, Ui, WidgetInfo};
use glam::{DVec2, DVec3};
use std::borrow::Cow;

/// Logarithm of the zoom per point of wheel: a notch of 40 points is a tenth.
const ZOOM_RATE: f64 = 0.0025;
/// Logarithm of the change of speed per point of wheel: a notch is a fifth.
const SPEED_RATE: f64 = 0.005;
/// What Shift and Alt do to the wheel.
const WHEEL_FAST: f64 = 4.0;
/// Points of drag per second that a held arrow stands for: a quarter turn per second.
const ARROW_RATE: f64 = 300.0;
/// Roll while Z or X is held, radians per second.
const ROLL_RATE: f64 = 0.8;
/// The longest frame that held keys are followed through, seconds: after a stall, the camera must not leap.
const LONGEST_FRAME: f32 = 0.1;
/// Points between two places of a tool's path.
const PATH_STEP: f32 = 1.0;

/// What the person did on the picture beside navigating; places are pixels of the picture, from its top-left corner.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// A double click: turn about what is there.
    FocusAt(DVec2),
    /// A click.
    Click {
        /// Where.
        at: DVec2,
        /// With which keys.
        modifiers: Modifiers,
    },
    /// A drag with a tool, reported in every frame of it.
    ToolDrag(ToolDrag),
    /// The drag was broken off with Escape or by changing the tool: forget it.
    ToolCancelled,
}

/// A drag with a tool; places may lie outside the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolDrag {
    /// Which tool.
    pub(crate) tool: Tool,
    /// Where it began.
    pub(crate) start: DVec2,
    /// Where it is.
    pub(crate) now: DVec2,
    /// Everywhere it has been, first to last.
    pub(crate) path: Vec<DVec2>,
    /// Whether the button was let go.
    pub(crate) finished: bool,
    /// The keys held at its beginning, which say what the selection does.
    pub(crate) modifiers: Modifiers,
}

/// What a drag does, decided when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gesture {
    /// Turn about the pivot.
    Orbit,
    /// Turn about the eye.
    Look,
    /// Move sideways.
    Pan,
    /// Whatever the tool does.
    Tool(Tool, Modifiers),
}

/// What lies between two frames of input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// The drag under way.
    gesture: Option<Gesture>,
    /// Where the tool has been, screen points: the size of the picture may change under a drag.
    path: Vec<Pos2>,
    /// Held keys.
    keys: Keys,
    /// Whether the camera was moved in the last frame.
    moved: bool,
    /// Whether the right button is held, or the camera flies.
    flying: bool,
}

/// Claims the area of the viewport, for [`Input::update`] and for the overlays on top of it.
pub(crate) fn viewport(ui: &Ui, rect: Rect) -> Response {
    let response = ui.interact(rect, Id::unique("viewport"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, ui.is_enabled(), "Viewport"));
    response
}

impl Input {
    /// Moves the camera by one frame of input; `surface` is the scene under the cursor, where it is known.
    pub(crate) fn update(
        &mut self,
        response: &Response,
        fit: &Fit,
        tool: Tool,
        surface: Option<DVec3>,
        camera: &mut NavCamera,
    ) -> Option<Reply> {
        camera.set_viewport(f64::from(fit.rect().width()), f64::from(fit.rect().height()));
        self.moved = false;
        self.read_keys(response);
        let touched = self.touch(response, fit, camera);
        let reply = if touched { self.cancel() } else { self.drag(response, fit, tool, camera) };
        self.fly(response, camera);
        if !touched {
            self.wheel(response, fit, surface, camera);
        }
        self.set_cursor(response, tool);
        reply.or_else(|| Self::click(response, fit, tool))
    }

    /// Whether the person is moving the camera: time to show the pivot, and to draw faster rather than finer.
    pub(crate) fn navigating(&self) -> bool {
        self.moved || matches!(self.gesture, Some(Gesture::Orbit | Gesture::Look | Gesture::Pan))
    }

    /// What the mouse and the keys would do now, for the status bar.
    pub(crate) fn hint(&self, camera: &NavCamera, tool: Tool) -> Cow<'static, str> {
        let flight = || {
            let speed = camera.speed();
            format!("Move: W A S D, up and down: E Q · Shift faster, Alt slower · Speed {speed:.1}×: wheel")
        };
        match (self.gesture, tool) {
            (Some(Gesture::Look), _) => format!("Looking around · {}", flight()).into(),
            (Some(Gesture::Orbit), _) => "Orbiting about the cross · Double click moves it".into(),
            (Some(Gesture::Pan), _) => "Panning".into(),
            (Some(Gesture::Tool(..)), _) => "Escape breaks off".into(),
            (None, Tool::Navigate) if camera.motion() == Motion::Fly => {
                format!("Look: drag · {} · Orbit: V", flight()).into()
            }
            (None, _) if self.flying => flight().into(),
            (None, Tool::Navigate) => "Orbit: left drag · Pan: middle or Shift + left drag · Look: right drag \
                 with W A S D · Zoom: wheel · Pivot: double click"
                .into(),
            (None, Tool::Rectangle) => with_tool("Drag a rectangle to select"),
            (None, Tool::Brush) => with_tool("Paint to select"),
            (None, Tool::Box) => with_tool("Click to place the box, drag its handles"),
            (None, Tool::Sphere) => with_tool("Click to place the sphere, drag its handles"),
            (None, Tool::Measure) => with_tool("Click two points to measure"),
        }
    }

    /// Follows the keys, unless they are meant for somebody else.
    fn read_keys(&mut self, response: &Response) {
        let ctx = &response.ctx;
        ctx.input(|input| self.keys.read(&input.events));
        let (focused, modal) = ctx.memory(|memory| (memory.focused(), memory.top_modal_layer().is_some()));
        if modal || ctx.text_edit_focused() {
            self.keys.drop_letters();
        }
        // Arrows also work sliders and lists: they are ours with the focus, or under the pointer while nobody has it.
        let ours = match focused {
            Some(id) => id == response.id,
            None => response.contains_pointer(),
        };
        if modal || !ours {
            self.keys.drop_arrows();
        }
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ctx.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    }

    /// Two fingers: pan and pinch. Says whether they are down.
    fn touch(&mut self, response: &Response, fit: &Fit, camera: &mut NavCamera) -> bool {
        let Some(touch) = response.ctx.input(|input| input.multi_touch()) else { return false };
        if !response.rect.contains(touch.start_pos) {
            return false;
        }
        camera.pan(f64::from(touch.translation_delta.x), f64::from(touch.translation_delta.y));
        let at = fit.to_pixel(touch.center_pos);
        camera.dolly(1.0 / f64::from(touch.zoom_delta), Some(camera.beside_pivot(at, fit.size())));
        self.moved = true;
        true
    }

    /// Forgets the drag.
    fn cancel(&mut self) -> Option<Reply> {
        self.path.clear();
        match self.gesture.take() {
            Some(Gesture::Tool(..)) => Some(Reply::ToolCancelled),
            _ => None,
        }
    }

    /// Begins, follows and ends drags.
    fn drag(&mut self, response: &Response, fit: &Fit, tool: Tool, camera: &mut NavCamera) -> Option<Reply> {
        if response.drag_started() {
            self.begin(response, tool, camera.motion());
        }
        let gesture = self.gesture?;
        if let Gesture::Tool(begun, modifiers) = gesture {
            return self.follow_tool(response, fit, begun, tool, modifiers);
        }
        if !response.dragged() {
            self.gesture = None;
            return None;
        }
        let by = response.drag_delta();
        let (dx, dy) = (f64::from(by.x), f64::from(by.y));
        if dx != 0.0 || dy != 0.0 {
            self.moved = true;
            match gesture {
                Gesture::Look => camera.look(dx, dy),
                Gesture::Pan => camera.pan(dx, dy),
                Gesture::Orbit | Gesture::Tool(..) => camera.orbit(dx, dy),
            }
        }
        None
    }

    /// Decides what a drag does.
    fn begin(&mut self, response: &Response, tool: Tool, motion: Motion) {
        let (modifiers, origin) = response.ctx.input(|input| (input.modifiers, input.pointer.press_origin()));
        let turn = if motion == Motion::Fly { Gesture::Look } else { Gesture::Orbit };
        let pan = modifiers.shift || modifiers.ctrl || modifiers.command;
        self.gesture = if response.dragged_by(PointerButton::Secondary) {
            Some(Gesture::Look)
        } else if response.dragged_by(PointerButton::Middle) {
            Some(Gesture::Pan)
        } else if !response.dragged_by(PointerButton::Primary) {
            None
        } else if tool != Tool::Navigate && !modifiers.alt {
            Some(Gesture::Tool(tool, modifiers))
        } else if tool == Tool::Navigate && pan {
            Some(Gesture::Pan)
        } else {
            Some(turn)
        };
        self.path.clear();
        // egui calls it a drag only after some points; the tool begins where the button went down.
        self.path.extend(origin);
    }

    /// One frame of a drag with a tool.
    fn follow_tool(
        &mut self,
        response: &Response,
        fit: &Fit,
        begun: Tool,
        tool: Tool,
        modifiers: Modifiers,
    ) -> Option<Reply> {
        // Escape ends the drag too, with the button still down.
        let finished = response.drag_stopped() && !response.ctx.input(|input| input.pointer.any_down());
        let lost = !finished && !response.dragged();
        let now = response.interact_pointer_pos().or(self.path.last().copied());
        let (Some(now), false) = (now, lost || begun != tool) else { return self.cancel() };
        let last = self.path.last().copied();
        if last.is_none_or(|last| last.distance(now) >= PATH_STEP) {
            self.path.push(now);
        }
        let path: Vec<_> = self.path.iter().map(|place| fit.to_pixel(*place)).collect();
        let start = path.first().copied()?;
        if finished {
            self.gesture = None;
            self.path.clear();
        }
        Some(Reply::ToolDrag(ToolDrag { tool, start, now: fit.to_pixel(now), path, finished, modifiers }))
    }

    /// Motions of held keys.
    fn fly(&mut self, response: &Response, camera: &mut NavCamera) {
        let (dt, modifiers, right) = response
            .ctx
            .input(|input| (input.stable_dt.min(LONGEST_FRAME), input.modifiers, input.pointer.secondary_down()));
        let dt = f64::from(dt);
        self.flying = camera.motion() == Motion::Fly || (right && response.is_pointer_button_down_on());
        let flight = self.keys.flight();
        let roll = self.keys.roll();
        let arrows = self.keys.arrows();
        let mut held = false;
        if self.flying && flight != DVec3::ZERO {
            camera.fly(flight, dt, modifiers.shift, modifiers.alt);
            held = true;
        }
        if roll != 0.0 {
            camera.roll(roll * ROLL_RATE * dt);
            held = true;
        }
        if arrows != DVec2::ZERO {
            let by = arrows * ARROW_RATE * dt;
            match camera.motion() {
                Motion::Orbit => camera.orbit(by.x, by.y),
                Motion::Fly => camera.look(by.x, by.y),
            }
            held = true;
        }
        if held {
            self.moved = true;
            // No event tells that a key is still down.
            response.ctx.request_repaint();
        }
    }

    /// Wheel, trackpad and pinch.
    fn wheel(&mut self, response: &Response, fit: &Fit, surface: Option<DVec3>, camera: &mut NavCamera) {
        if !response.contains_pointer() {
            return;
        }
        let (scroll, zoom, source, modifiers, pointer) = response.ctx.input(|input| {
            let pointer = input.pointer.hover_pos();
            (input.smooth_scroll_delta(), input.zoom_delta(), input.scroll_source(), input.modifiers, pointer)
        });
        let fingers = matches!(source, Some(MouseWheelSource::Trackpad | MouseWheelSource::Momentum));
        let mut amount = 0.0;
        if fingers {
            if scroll != egui::Vec2::ZERO {
                camera.pan(f64::from(scroll.x), f64::from(scroll.y));
                self.moved = true;
            }
        } else {
            // With Shift, a wheel scrolls sideways.
            amount = f64::from(scroll.x + scroll.y);
        }
        if self.flying && !fingers {
            camera.set_speed(camera.speed() * (SPEED_RATE * amount).exp());
            amount = 0.0;
        }
        if modifiers.shift {
            amount *= WHEEL_FAST;
        }
        if modifiers.alt {
            amount /= WHEEL_FAST;
        }
        let factor = (-ZOOM_RATE * amount).exp() / f64::from(zoom);
        if factor != 1.0 {
            let under = |at: Pos2| surface.unwrap_or_else(|| camera.beside_pivot(fit.to_pixel(at), fit.size()));
            let toward = pointer.map(under);
            camera.dolly(factor, toward);
            self.moved = true;
        }
    }

    /// Clicks and double clicks inside the picture.
    fn click(response: &Response, fit: &Fit, tool: Tool) -> Option<Reply> {
        // Not `clicked()`: Space on a focused viewport is no click on a place.
        if !response.clicked_by(PointerButton::Primary) {
            return None;
        }
        let at = fit.inside(response.interact_pointer_pos()?)?;
        if tool == Tool::Navigate && response.double_clicked() {
            return Some(Reply::FocusAt(at));
        }
        let modifiers = response.ctx.input(|input| input.modifiers);
        Some(Reply::Click { at, modifiers })
    }

    /// The shape of the pointer over the picture.
    fn set_cursor(&self, response: &Response, tool: Tool) {
        let icon = match self.gesture {
            Some(Gesture::Pan) => CursorIcon::Grabbing,
            Some(Gesture::Orbit | Gesture::Look) => CursorIcon::Move,
            Some(Gesture::Tool(..)) => CursorIcon::Crosshair,
            None if response.hovered() && tool != Tool::Navigate => CursorIcon::Crosshair,
            None => return,
        };
        response.ctx.set_cursor_icon(icon);
    }
}

/// The hint of a tool, with what navigates meanwhile.
fn with_tool(what: &'static str) -> Cow<'static, str> {
    format!("{what} · Alt + left drag orbits · Middle pans · Right looks · Escape leaves the tool").into()
}

#[cfg(test)]
mod tests;
