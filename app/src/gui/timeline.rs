//! The time of a scene that moves: a bar under the picture to play, scrub and loop it.

use std::time::Instant;

use egui::style::HandleShape;
use egui::{ComboBox, Rect, Slider, Stroke, Ui, lerp};
use splat_core::scene::View;

/// Speeds that can be chosen.
const SPEEDS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];
/// Frames of a clip per second at speed 1, if nobody says.
const FRAME_RATE: f64 = 24.0;
/// Seconds of a clip whose frames are not known.
const SECONDS: f64 = 4.0;
/// A clip whose pace is not known is shown for at least this long, or a few frames would flash by.
const LEAST_SECONDS: f64 = 2.0;
/// Points between marks of photos; more of them could not be told apart.
const MARK_GAP: f32 = 2.0;

/// A time at which photos were taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taken {
    /// From 0 to 1.
    time: f64,
    /// Whether some of these photos train.
    trains: bool,
}

impl Taken {
    /// The times of views, of which the first so many train.
    pub(crate) fn list(views: &[View], train: usize) -> Vec<Taken> {
        let of = |(index, view): (usize, &View)| Some(Taken { time: view.time?, trains: index < train });
        let mut all: Vec<Taken> = views.iter().enumerate().filter_map(of).collect();
        all.sort_by(|a, b| a.time.total_cmp(&b.time));
        all.dedup_by(|next, kept| {
            let same = next.time == kept.time;
            kept.trains |= same && next.trains;
            same
        });
        all
    }
}

/// What is known of the time of a scene.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clip<'a> {
    /// Different times in the photos; 0 if that is not known.
    pub(crate) frames: u32,
    /// Frames per second, if the photos say.
    pub(crate) frame_rate: Option<f64>,
    /// When photos were taken.
    pub(crate) taken: &'a [Taken],
}

impl Clip<'_> {
    /// How long it lasts.
    fn seconds(&self) -> f64 {
        match (self.frames, self.frame_rate) {
            (0, _) => SECONDS,
            (frames, Some(rate)) => f64::from(frames) / rate,
            (frames, None) => (f64::from(frames) / FRAME_RATE).max(LEAST_SECONDS),
        }
    }

    /// What to know about its pace.
    fn about(&self) -> String {
        match (self.frames, self.frame_rate) {
            (0, _) => "How many frames the clip had is not known".into(),
            (frames, Some(rate)) => format!("{frames} frames, {rate} a second as the photos say"),
            (frames, None) => format!("{frames} frames; how many a second is not known"),
        }
    }
}

/// The time shown, and how it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// From 0 at the first photo to 1 at the last.
    at: f64,
    /// When playing began, and the time it began at.
    playing: Option<(Instant, f64)>,
    speed: f64,
    loops: bool,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline { at: 0.0, playing: None, speed: 1.0, loops: true }
    }
}

impl Timeline {
    /// The time shown.
    pub(crate) fn at(&self) -> f64 {
        self.at
    }

    /// Whether it plays.
    pub(crate) fn plays(&self) -> bool {
        self.playing.is_some()
    }

    /// Shows a time, and stops there.
    pub(crate) fn go_to(&mut self, at: f64) {
        (self.at, self.playing) = (at.clamp(0.0, 1.0), None);
    }

    /// Plays on, from the beginning if it is at the end; or stops.
    pub(crate) fn toggle(&mut self, now: Instant) {
        let from = if self.at >= 1.0 { 0.0 } else { self.at };
        self.playing = if self.plays() { None } else { Some((now, from)) };
    }

    /// Goes to the next or the previous frame, and stops there.
    pub(crate) fn step(&mut self, by: i32, clip: &Clip<'_>) {
        let last = f64::from(clip.frames.max(2) - 1);
        self.go_to(((self.at * last).round() + f64::from(by)) / last);
    }

    /// Moves on to `now`; true while it plays.
    pub(crate) fn advance(&mut self, now: Instant, clip: &Clip<'_>) -> bool {
        let Some((began, from)) = self.playing else { return false };
        let at = from + now.duration_since(began).as_secs_f64() * self.speed / clip.seconds();
        if at > 1.0 && !self.loops {
            self.go_to(1.0);
        } else {
            self.at = if at > 1.0 { at.fract() } else { at };
        }
        true
    }

    /// Draws the bar. True if the time was changed by hand.
    pub(crate) fn show(&mut self, ui: &mut Ui, clip: &Clip<'_>) -> bool {
        let before = self.at;
        ui.horizontal(|ui| {
            let (text, name) = if self.plays() { ("Pause", "Pause scene") } else { ("Play", "Play scene") };
            let button = ui.button(text).on_hover_text("Play or pause the scene (Space)");
            if button.accessible_name(name).clicked() {
                self.toggle(Instant::now());
            }
            for (text, by, name, key) in [("<", -1, "Previous frame", ","), (">", 1, "Next frame", ".")] {
                let button = ui.button(text).on_hover_text(format!("{name} ({key})"));
                if button.accessible_name(name).clicked() {
                    self.step(by, clip);
                }
            }
            let mut at = self.at;
            let rest = 330.0;
            ui.spacing_mut().slider_width = (ui.available_width() - rest).max(80.0);
            let slider = ui.add(Slider::new(&mut at, 0.0..=1.0).show_value(false));
            mark(ui, slider.rect, clip.taken);
            slider.accessible_name("Time in the scene");
            if at != self.at {
                self.go_to(at);
            }
            let frame = (self.at * f64::from(clip.frames.max(1) - 1)).round() as u32 + 1;
            let (shown, all) = (self.at * clip.seconds(), clip.seconds());
            let text = match clip.frames {
                0 => format!("{shown:5.2} / {all:.2} s"),
                frames => format!("{frame:>3} / {frames}  {shown:5.2} / {all:.2} s"),
            };
            ui.monospace(text).on_hover_text(clip.about());
            self.choose_speed(ui);
            ui.checkbox(&mut self.loops, "Loop");
        });
        self.at != before
    }

    fn choose_speed(&mut self, ui: &mut Ui) {
        let speed = self.speed;
        let chosen = ComboBox::from_id_salt("speed").width(52.0).selected_text(format!("{speed}×"));
        let shown = chosen.show_ui(ui, |ui| {
            for choice in SPEEDS {
                ui.selectable_value(&mut self.speed, choice, format!("{choice}×"));
            }
        });
        shown.response.accessible_name("Speed of the scene");
        if self.speed != speed {
            // Goes on from here at the new speed.
            self.playing = self.playing.map(|_| (Instant::now(), self.at));
        }
    }
}

/// Marks when photos were taken, under the rail of a slider.
fn mark(ui: &Ui, slider: Rect, taken: &[Taken]) {
    // Where the middle of the handle can be, as egui has it.
    let handle = slider.height() / 2.5;
    let handle = match ui.visuals().handle_shape {
        HandleShape::Circle => handle,
        HandleShape::Rect { aspect_ratio } => handle * aspect_ratio,
    };
    let rail = slider.x_range().shrink(handle);
    let (trains, held_out) = (ui.visuals().weak_text_color(), ui.visuals().warn_fg_color);
    let mut last = f32::NEG_INFINITY;
    for photo in taken {
        let x = lerp(rail, photo.time as f32);
        // Held-out ones are few, and what one looks for.
        if x - last < MARK_GAP && photo.trains {
            continue;
        }
        last = x;
        let (colour, height) = if photo.trains { (trains, 3.0) } else { (held_out, 5.0) };
        ui.painter().vline(x, slider.bottom() - height..=slider.bottom(), Stroke::new(1.0, colour));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clip(frames: u32) -> Clip<'static> {
        Clip { frames, ..Clip::default() }
    }

    #[test]
    fn playing_ends_or_begins_again() {
        let began = Instant::now();
        let after = |seconds: f64| began + Duration::from_secs_f64(seconds);
        // 96 frames last 4 seconds.
        let mut line = Timeline::default();
        assert!(!line.advance(after(1.0), &clip(96)) && line.at() == 0.0, "it waits until it is played");
        line.toggle(began);
        assert!(line.advance(after(1.0), &clip(96)) && (line.at() - 0.25).abs() < 1e-9);
        assert!(line.advance(after(5.0), &clip(96)) && (line.at() - 0.25).abs() < 1e-9, "around once");
        line.loops = false;
        line.advance(after(6.0), &clip(96));
        assert!(line.at() == 1.0 && !line.plays(), "without a loop it stops at the end");
        line.toggle(after(7.0));
        line.advance(after(8.0), &clip(96));
        assert!((line.at() - 0.25).abs() < 1e-9, "from the end it begins again");
    }

    #[test]
    fn frames_are_stepped_through_one_by_one() {
        let mut line = Timeline::default();
        line.step(1, &clip(5));
        assert_eq!(line.at(), 0.25);
        line.go_to(0.6);
        line.step(1, &clip(5));
        assert_eq!(line.at(), 0.75, "from the nearest frame");
        line.step(-9, &clip(5));
        assert_eq!(line.at(), 0.0);
        line.step(1, &clip(0));
        assert_eq!(line.at(), 1.0, "without frames, from end to end");
    }

    #[test]
    fn a_clip_lasts_as_long_as_its_photos_say() {
        assert_eq!(Clip { frame_rate: Some(10.0), ..clip(16) }.seconds(), 1.6);
        assert_eq!([clip(16).seconds(), clip(96).seconds(), clip(0).seconds()], [2.0, 4.0, 4.0]);
    }

    #[test]
    fn photos_of_one_time_are_one_mark() {
        let view = |time: Option<f64>| {
            let view = View::look_at([0.0; 3].into(), [0.0, 0.0, 1.0].into(), [0.0, -1.0, 0.0].into(), 50.0, 8, 8);
            View { time, ..view.unwrap() }
        };
        let views = [Some(0.5), None, Some(0.0), Some(0.5), Some(1.0)].map(view);
        let found = Taken::list(&views, 3);
        let wanted = [(0.0, true), (0.5, true), (1.0, false)].map(|(time, trains)| Taken { time, trains });
        assert_eq!(found, wanted);
    }
}
