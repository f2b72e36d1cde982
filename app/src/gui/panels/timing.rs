//! Where the time of a training step goes.

use egui::{Align, Label, Layout, ProgressBar, ScrollArea, Ui};

use crate::cli::output;
use crate::gui::training::Profile;

/// How the stages are looked at.
#[derive(Debug, Default)]
pub(crate) struct TimingState {
    /// Whether the slowest stage comes first, rather than the first one.
    slowest_first: bool,
}

/// Shows the newest timing. The reply is whether stages are to be timed from now on, when that was switched.
pub(crate) fn show(
    ui: &mut Ui,
    profile: Option<&Profile>,
    profiling: bool,
    live: bool,
    state: &mut TimingState,
) -> Option<bool> {
    let mut wanted = profiling;
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut wanted, "Time the stages")
            .on_hover_text("Timing slows training a little; it changes no result");
        ui.checkbox(&mut state.slowest_first, "Slowest first");
    });
    match profile {
        Some(profile) => stages(ui, profile, profiling && live, state.slowest_first),
        None => {
            let text = match (wanted, live) {
                (false, _) => "Switch timing on to see where the time of a step goes. It slows training a little.",
                (true, true) => "Waiting for the first timed step.",
                (true, false) => "The next run will be timed.",
            };
            ui.add(Label::new(text).wrap());
        }
    }
    (wanted != profiling).then_some(wanted)
}

/// A bar per stage, as long as its share of the slowest.
fn stages(ui: &mut Ui, profile: &Profile, fresh: bool, slowest_first: bool) {
    let total: f64 = profile.stages.iter().map(|(_, time)| *time).sum();
    let slowest = profile.stages.iter().map(|(_, time)| *time).fold(0.0, f64::max);
    let age = if fresh { "" } else { ", no longer timed" };
    ui.label(format!("{} a step, at step {}{age}", milliseconds(total), output::thousands(profile.step)));
    let mut stages: Vec<&(String, f64)> = profile.stages.iter().collect();
    if slowest_first {
        stages.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
        for (name, time) in stages {
            let share = |whole: f64| if whole > 0.0 { time / whole } else { 0.0 };
            ui.horizontal(|ui| {
                let size = egui::vec2(0.4 * ui.available_width(), ui.spacing().interact_size.y);
                ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_width(size.x);
                    ui.add(Label::new(name).truncate());
                });
                let text = format!("{}  {:.0} %", milliseconds(*time), 100.0 * share(total));
                ui.add(ProgressBar::new(share(slowest) as f32).text(text).desired_width(ui.available_width()));
            });
        }
    });
}

/// A time in three digits or so.
fn milliseconds(time: f64) -> String {
    match time {
        time if time >= 100.0 => format!("{time:.0} ms"),
        time if time >= 1.0 => format!("{time:.2} ms"),
        time => format!("{time:.3} ms"),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::{Profile, TimingState, milliseconds, show};

    /// The panel and what it works on.
    #[derive(Default)]
    struct Bench {
        profile: Option<Profile>,
        profiling: bool,
        state: TimingState,
        replies: Vec<bool>,
    }

    fn harness(bench: Bench) -> Harness<'static, Bench> {
        let panel = |ui: &mut egui::Ui, bench: &mut Bench| {
            bench.replies.extend(show(ui, bench.profile.as_ref(), bench.profiling, true, &mut bench.state));
        };
        Harness::new_ui_state(panel, bench)
    }

    #[test]
    fn the_toggle_asks_for_timing() {
        let mut harness = harness(Bench::default());
        harness.get_by_label_contains("It slows training a little");
        harness.get_by_label("Time the stages").click();
        harness.run();
        assert_eq!(harness.state().replies, [true]);
    }

    #[test]
    fn stages_show_their_share_and_can_be_sorted() {
        let stages = vec![("rasterize.project".to_owned(), 1.0), ("rasterize.blend".to_owned(), 3.0)];
        let profile = Some(Profile { step: 1200, stages });
        let mut harness = harness(Bench { profile, profiling: true, ..Bench::default() });
        harness.get_by_label("4.00 ms a step, at step 1,200");
        harness.get_by_label("3.00 ms  75 %");
        let top = |harness: &Harness<'_, Bench>, name: &str| harness.get_by_label(name).rect().top();
        assert!(top(&harness, "rasterize.project") < top(&harness, "rasterize.blend"));
        harness.get_by_label("Slowest first").click();
        harness.run();
        assert!(top(&harness, "rasterize.project") > top(&harness, "rasterize.blend"));
    }

    #[test]
    fn stages_without_time_do_no_harm() {
        let profile = Some(Profile { step: 1, stages: vec![("sh".to_owned(), 0.0)] });
        let mut harness = harness(Bench { profile, ..Bench::default() });
        harness.run();
        harness.get_by_label("0.000 ms  0 %");
    }

    #[test]
    fn times_read_in_few_digits() {
        assert_eq!([0.01234, 1.234, 123.4].map(milliseconds), ["0.012 ms", "1.23 ms", "123 ms"]);
    }
}
