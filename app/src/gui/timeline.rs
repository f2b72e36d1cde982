//! The time of a scene that moves: a bar under the picture to play, scrub and loop it.

use std::time::Instant;

use egui::{ComboBox, Slider, Ui};

/// Speeds that can be chosen.
const SPEEDS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];
/// Frames of the clip per second at speed 1.
const FRAME_RATE: f64 = 24.0;
/// Seconds of a clip whose frames are not known.
const SECONDS: f64 = 4.0;
/// A clip is shown for at least this long, or a few frames would flash by.
const LEAST_SECONDS: f64 = 2.0;

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

/// Seconds that a clip of so many frames lasts; 0 frames are unknown.
fn seconds(frames: u32) -> f64 {
    if frames == 0 { SECONDS } else { (f64::from(frames) / FRAME_RATE).max(LEAST_SECONDS) }
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
    pub(crate) fn step(&mut self, by: i32, frames: u32) {
        let last = f64::from(frames.max(2) - 1);
        self.go_to(((self.at * last).round() + f64::from(by)) / last);
    }

    /// Moves on to `now`; true while it plays.
    pub(crate) fn advance(&mut self, now: Instant, frames: u32) -> bool {
        let Some((began, from)) = self.playing else { return false };
        let at = from + now.duration_since(began).as_secs_f64() * self.speed / seconds(frames);
        if at > 1.0 && !self.loops {
            self.go_to(1.0);
        } else {
            self.at = if at > 1.0 { at.fract() } else { at };
        }
        true
    }

    /// Draws the bar of a clip of so many frames. True if the time was changed by hand.
    pub(crate) fn show(&mut self, ui: &mut Ui, frames: u32) -> bool {
        let before = self.at;
        ui.horizontal(|ui| {
            let text = if self.plays() { "Pause" } else { "Play" };
            if ui.button(text).on_hover_text("Play or pause the scene (Space)").clicked() {
                self.toggle(Instant::now());
            }
            for (text, by, about) in [("<", -1, "Previous frame"), (">", 1, "Next frame")] {
                if ui.button(text).on_hover_text(about).clicked() {
                    self.step(by, frames);
                }
            }
            let mut at = self.at;
            let rest = 330.0;
            ui.spacing_mut().slider_width = (ui.available_width() - rest).max(80.0);
            let slider = Slider::new(&mut at, 0.0..=1.0).show_value(false);
            ui.add(slider).accessible_name("Time in the scene");
            if at != self.at {
                self.go_to(at);
            }
            let frame = (self.at * f64::from(frames.max(1) - 1)).round() as u32 + 1;
            let (shown, all) = (self.at * seconds(frames), seconds(frames));
            ui.monospace(match frames {
                0 => format!("{shown:5.2} / {all:.2} s"),
                _ => format!("{frame:>3} / {frames}  {shown:5.2} / {all:.2} s"),
            });
            let speed = self.speed;
            ComboBox::from_id_salt("speed").width(52.0).selected_text(format!("{speed}×")).show_ui(ui, |ui| {
                for choice in SPEEDS {
                    ui.selectable_value(&mut self.speed, choice, format!("{choice}×"));
                }
            });
            if self.speed != speed {
                // Goes on from here at the new speed.
                self.playing = self.playing.map(|_| (Instant::now(), self.at));
            }
            ui.checkbox(&mut self.loops, "Loop");
        });
        self.at != before
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn playing_ends_or_begins_again() {
        let began = Instant::now();
        let after = |seconds: f64| began + Duration::from_secs_f64(seconds);
        // 96 frames last 4 seconds.
        let mut line = Timeline::default();
        assert!(!line.advance(after(1.0), 96) && line.at() == 0.0, "it waits until it is played");
        line.toggle(began);
        assert!(line.advance(after(1.0), 96) && (line.at() - 0.25).abs() < 1e-9);
        assert!(line.advance(after(5.0), 96) && (line.at() - 0.25).abs() < 1e-9, "around once");
        line.loops = false;
        line.advance(after(6.0), 96);
        assert!(line.at() == 1.0 && !line.plays(), "without a loop it stops at the end");
        line.toggle(after(7.0));
        line.advance(after(8.0), 96);
        assert!((line.at() - 0.25).abs() < 1e-9, "from the end it begins again");
    }

    #[test]
    fn frames_are_stepped_through_one_by_one() {
        let mut line = Timeline::default();
        line.step(1, 5);
        assert_eq!(line.at(), 0.25);
        line.go_to(0.6);
        line.step(1, 5);
        assert_eq!(line.at(), 0.75, "from the nearest frame");
        line.step(-9, 5);
        assert_eq!(line.at(), 0.0);
        line.step(1, 0);
        assert_eq!(line.at(), 1.0, "without frames, from end to end");
    }
}
