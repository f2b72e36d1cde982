//! The camera path: its keys, playing it, and rendering it into pictures or a video.

mod render;

use egui::{Checkbox, ProgressBar, ScrollArea, Slider, Ui};

use crate::cli::output::{clock, thousands};
use crate::gui::action::Action;
use crate::gui::parts::{self, button, number};

pub(crate) use render::{Format, RenderDialog, RenderRequest};

/// Times closer than this are one moment, seconds.
const MOMENT: f64 = 1e-3;

/// How many keys are in sight at once.
const KEYS_SHOWN: f32 = 8.0;

/// A key, as far as it is listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PathKey {
    /// When, seconds.
    pub(crate) time: f64,
    /// Vertical field of view, degrees.
    pub(crate) fov_y_deg: f64,
}

/// How far a rendering is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RenderProgress {
    /// Frames written.
    pub(crate) done: u64,
    /// Frames in all.
    pub(crate) of: u64,
    /// Seconds that are left, once that can be told.
    pub(crate) seconds_left: Option<f64>,
}

/// What the panel is told.
#[derive(Clone, Copy)]
pub(crate) struct PathData<'a> {
    /// Keys by rising time.
    pub(crate) keys: &'a [PathKey],
    /// Seconds from the first key to the last, or once around.
    pub(crate) duration: f64,
    /// Frames per second.
    pub(crate) frame_rate: f64,
    /// Whether the way goes on from the last key to the first.
    pub(crate) smooth_loop: bool,
    /// Whether it is playing.
    pub(crate) playing: bool,
    /// The time shown, on the clock of the keys.
    pub(crate) at: f64,
    /// Why nothing can be shown or rendered.
    pub(crate) blocked: Option<&'a str>,
    /// Size of the viewport, pixels.
    pub(crate) viewport: (u32, u32),
    /// Whether ffmpeg was found, which writes videos.
    pub(crate) ffmpeg: bool,
    /// Whether there is something already where the rendering would go.
    pub(crate) target_exists: bool,
    /// The rendering that is going on.
    pub(crate) rendering: Option<RenderProgress>,
}

impl PathData<'_> {
    fn start(&self) -> f64 {
        self.keys.first().map_or(0.0, |key| key.time)
    }

    /// The key last passed at the time shown.
    fn passed(&self) -> Option<usize> {
        self.keys.partition_point(|key| key.time <= self.at + MOMENT).checked_sub(1)
    }

    /// Pictures the path is rendered into.
    fn frames(&self) -> u64 {
        if self.keys.is_empty() {
            return 0;
        }
        let steps = (self.duration * self.frame_rate).round().max(0.0) as u64;
        // In a loop, the frame after the last is the first.
        if self.smooth_loop { steps.max(1) } else { steps.saturating_add(1) }
    }
}

/// How the panel is set.
#[derive(Debug, Default)]
pub(crate) struct PathState {
    /// Length of the next turntable.
    turntable: Seconds,
    /// The dialog, while it is open.
    pub(crate) dialog: Option<RenderDialog>,
    /// What the dialog was set to when it was last closed.
    last: RenderDialog,
}

/// Seconds; ten unless said otherwise.
#[derive(Clone, Copy, Debug)]
struct Seconds(f64);

impl Default for Seconds {
    fn default() -> Self {
        Self(10.0)
    }
}

/// What the person asks for beyond actions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PathRequest {
    /// Look from a key.
    JumpTo(usize),
    /// Put the present view in place of a key.
    Replace(usize),
    /// Give a key another time, between those of its neighbours.
    SetTime {
        /// The key.
        key: usize,
        /// Seconds.
        time: f64,
    },
    /// Change places with the key before; both times stay.
    MoveUp(usize),
    /// Change places with the key after; both times stay.
    MoveDown(usize),
    /// Remove a key.
    Remove(usize),
    /// Remove all keys.
    Clear,
    /// Stretch the path to this many seconds.
    SetDuration(f64),
    /// Frames per second.
    SetFrameRate(f64),
    /// Whether the way goes on from the last key to the first.
    SetLoop(bool),
    /// Show a time.
    Scrub(f64),
    /// Read a path from a file that is asked for.
    Import,
    /// Write the path to a file that is asked for.
    Export,
    /// A circle around what the camera turns about, in this many seconds, in place of the path.
    Turntable(f64),
    /// Ask where to render to.
    Browse(Format),
    /// Render the path.
    Render(RenderRequest),
    /// Stop rendering.
    CancelRender,
}

/// Draws the panel, and the dialog while it is open.
pub(crate) fn show(
    ui: &mut Ui,
    data: &PathData<'_>,
    state: &mut PathState,
    actions: &mut Vec<Action>,
) -> Vec<PathRequest> {
    let mut requests = Vec::new();
    ui.horizontal_wrapped(|ui| {
        if button(ui, data.blocked, "Add key", "At the present view, after the key last passed") {
            actions.push(Action::AddKey);
        }
        if button(ui, None, "Import…", "Read a path from a JSON file") {
            requests.push(PathRequest::Import);
        }
        let empty = data.keys.is_empty().then_some("There are no keys");
        if button(ui, empty, "Export…", "Write the path to a JSON file") {
            requests.push(PathRequest::Export);
        }
        if button(ui, empty, "Clear", "Remove all keys") {
            requests.push(PathRequest::Clear);
        }
    });
    ui.horizontal_wrapped(|ui| {
        if button(ui, data.blocked, "Turntable", "Once around what the camera turns about, in place of the path") {
            requests.push(PathRequest::Turntable(state.turntable.0));
        }
        ui.label("in");
        parts::drag(ui, "Seconds of the turntable", &mut state.turntable.0, 0.1..=3600.0, |field| {
            field.suffix(" s").speed(0.1).max_decimals(2)
        });
    });
    ui.separator();
    if data.keys.is_empty() {
        ui.weak("Move to a view and add a key; the camera flies from key to key.");
    } else {
        keys(ui, data, &mut requests);
        ui.separator();
        timing(ui, data, &mut requests);
        play(ui, data, actions, &mut requests);
    }
    ui.separator();
    rendering(ui, data, state, &mut requests);
    render::show(ui, data, state, &mut requests);
    requests
}

/// The keys, one a line.
fn keys(ui: &mut Ui, data: &PathData<'_>, requests: &mut Vec<PathRequest>) {
    let height = ui.spacing().interact_size.y;
    let pitch = height + ui.spacing().item_spacing.y;
    let passed = data.passed();
    let area = ScrollArea::vertical().id_salt("keys").max_height(KEYS_SHOWN * pitch).auto_shrink([false, true]);
    area.show_rows(ui, height, data.keys.len(), |ui, rows| {
        for index in rows {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                key_row(ui, data, index, passed == Some(index), requests);
            });
        }
    });
}

fn key_row(ui: &mut Ui, data: &PathData<'_>, index: usize, passed: bool, requests: &mut Vec<PathRequest>) {
    let Some(key) = data.keys.get(index) else { return };
    let name = format!("key {}", index + 1);
    let about = format!("Look from here; field of view {}°", number(key.fov_y_deg));
    let jump = ui.selectable_label(passed, (index + 1).to_string()).on_hover_text(about);
    if jump.accessible_name(format!("Jump to {name}")).clicked() {
        requests.push(PathRequest::JumpTo(index));
    }
    let time_at = |index: Option<usize>| index.and_then(|index| data.keys.get(index)).map(|key| key.time);
    let earliest = time_at(index.checked_sub(1)).map_or(0.0, |time| time + MOMENT).min(key.time);
    let latest = time_at(Some(index + 1)).map_or(f64::from(u32::MAX), |time| time - MOMENT).max(key.time);
    let mut time = key.time;
    parts::drag(ui, &format!("Time of {name}"), &mut time, earliest..=latest, |field| {
        field.suffix(" s").speed(0.02).max_decimals(3).min_decimals(1)
    });
    if time != key.time {
        requests.push(PathRequest::SetTime { key: index, time });
    }
    let last = data.keys.len() - 1;
    let buttons = [
        ("Up", format!("Move {name} up"), index > 0, PathRequest::MoveUp(index)),
        ("Down", format!("Move {name} down"), index < last, PathRequest::MoveDown(index)),
        ("Set", format!("Set {name} to the present view"), data.blocked.is_none(), PathRequest::Replace(index)),
        ("×", format!("Remove {name}"), true, PathRequest::Remove(index)),
    ];
    for (text, about, enabled, request) in buttons {
        let response = ui.add_enabled(enabled, egui::Button::new(text).small());
        if response.on_hover_text(&about).accessible_name(about).clicked() {
            requests.push(request);
        }
    }
}

/// Duration, frame rate, loop.
fn timing(ui: &mut Ui, data: &PathData<'_>, requests: &mut Vec<PathRequest>) {
    ui.horizontal_wrapped(|ui| {
        let mut duration = data.duration;
        let single = data.keys.len() < 2;
        ui.label("Duration");
        ui.add_enabled_ui(!single, |ui| {
            parts::drag(ui, "Duration", &mut duration, 0.0..=f64::from(u32::MAX), |field| {
                field.suffix(" s").speed(0.05).max_decimals(3)
            });
        });
        // Times at no distance could not be told apart, nor stretched again.
        let wanted = duration.max(MOMENT * data.keys.len() as f64);
        if duration != data.duration && !single && wanted != data.duration {
            requests.push(PathRequest::SetDuration(wanted));
        }
        let mut rate = data.frame_rate;
        parts::drag(ui, "Frame rate", &mut rate, 1.0..=240.0, |field| {
            field.suffix(" frames/s").speed(0.1).max_decimals(3)
        });
        if rate != data.frame_rate {
            requests.push(PathRequest::SetFrameRate(rate));
        }
        let mut smooth_loop = data.smooth_loop;
        let about = "The way goes on from the last key to the first";
        if ui.add(Checkbox::new(&mut smooth_loop, "Loop")).on_hover_text(about).changed() {
            requests.push(PathRequest::SetLoop(smooth_loop));
        }
    });
}

/// Playing, and the time shown.
fn play(ui: &mut Ui, data: &PathData<'_>, actions: &mut Vec<Action>, requests: &mut Vec<PathRequest>) {
    ui.horizontal(|ui| {
        let short = (data.duration <= 0.0).then_some("A path needs two keys");
        let (text, blocked) = if data.playing { ("Stop", None) } else { ("Play", data.blocked.or(short)) };
        if button(ui, blocked, text, "Fly along the path in the viewport") {
            actions.push(Action::PlayPath);
        }
        let mut at = data.at.clamp(data.start(), data.start() + data.duration.max(0.0));
        let shown = at;
        let range = data.start()..=data.start() + data.duration.max(0.0);
        let slider = Slider::new(&mut at, range).suffix(" s").fixed_decimals(2);
        ui.add_enabled(short.is_none() && data.blocked.is_none(), slider).accessible_name("Time shown");
        if at != shown {
            requests.push(PathRequest::Scrub(at));
        }
    });
}

/// The rendering that is going on, or the button that opens the dialog.
fn rendering(ui: &mut Ui, data: &PathData<'_>, state: &mut PathState, requests: &mut Vec<PathRequest>) {
    let Some(progress) = data.rendering else {
        let blocked = data.blocked.or(data.keys.is_empty().then_some("There are no keys"));
        if button(ui, blocked, "Render…", "Render the path into pictures or a video") {
            state.dialog = Some(state.last.clone());
        }
        return;
    };
    let share = progress.done as f32 / progress.of.max(1) as f32;
    ui.add(ProgressBar::new(share).text(progress_text(progress)));
    if ui.button("Cancel rendering").clicked() {
        requests.push(PathRequest::CancelRender);
    }
}

fn progress_text(progress: RenderProgress) -> String {
    let left = progress.seconds_left.map(|left| format!(", {} left", clock(left))).unwrap_or_default();
    format!("Frame {} of {}{left}", thousands(progress.done), thousands(progress.of))
}

#[cfg(test)]
mod tests;
