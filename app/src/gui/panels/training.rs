//! The training panel: what is open, how it will be trained, and how it goes.

use egui::{Button, ComboBox, Frame, Grid, Label, ProgressBar, RichText, Spinner, Stroke, Ui};
use splat_core::session::Summary;
use splat_core::settings::{Settings, Value};

use super::settings::{FIXED, SetupState, control, problem_box};
use crate::cli::output;
use crate::gui::action::Action;
use crate::gui::training::history::Quantity;
use crate::gui::training::{RunState, SceneSummary, TrainingState};

/// The settings that deserve a dial of their own, with their names for people, and what 0 stands for.
const DIALS: [(&str, &str, &str); 4] = [
    ("train.steps", "Steps", ""),
    (BUDGET, "Splat budget", ""),
    ("data.max_resolution", "Longest edge, px", "the photos' own size"),
    ("train.seed", "Seed", ""),
];

/// The dial that can be left to the program.
const BUDGET: &str = "density.max_splats";

/// Budget to begin with when it is no longer left open and no scene tells a better one.
const BUDGET_GUESS: u64 = 500_000;

/// Warnings about a scene that are shown at once; the log has all of them.
const SHOWN_WARNINGS: usize = 3;

/// Shows the panel.
pub(crate) fn show(
    ui: &mut Ui,
    state: &TrainingState,
    setup: &mut SetupState,
    scene: Option<&SceneSummary>,
    actions: &mut Vec<Action>,
) {
    match scene {
        Some(scene) => describe(ui, scene),
        None => {
            ui.add(Label::new("Open a folder of photos to train on it.").wrap());
        }
    }
    ui.separator();
    let live = state.run.is_live();
    presets(ui, setup, live);
    dials(ui, setup, scene, live);
    if let Some(problem) = setup.problem() {
        problem_box(ui, problem);
    }
    ui.add_space(4.0);
    let mut buttons = Buttons { state, has_scene: scene.is_some(), problem: setup.problem(), actions };
    if live {
        buttons.live(ui);
    } else {
        buttons.idle(ui);
    }
    match &state.run {
        RunState::Idle => {}
        RunState::Finished(summary) => finished(ui, state, summary, actions),
        RunState::Failed { message } => failed(ui, state, message),
        RunState::Loading | RunState::Running | RunState::Pausing | RunState::Paused | RunState::Stopping => {
            progress(ui, state);
        }
    }
}

/// What is open.
fn describe(ui: &mut Ui, scene: &SceneSummary) {
    ui.add(Label::new(RichText::new(&scene.name).heading()).truncate()).on_hover_text(scene.path.display().to_string());
    let [(w0, h0), (w1, h1)] = scene.sizes;
    let size = match scene.sizes {
        [least, most] if least == most => format!("{w1} × {h1} px"),
        _ => format!("{w0} × {h0} to {w1} × {h1} px"),
    };
    let alpha = if scene.has_alpha { ", with alpha" } else { "" };
    Grid::new("scene").num_columns(2).show(ui, |ui| {
        line(ui, "Format", &scene.format);
        line(ui, "Photos", &format!("{} to train on, {} held out", count(scene.train), count(scene.test)))
            .on_hover_text(&scene.split);
        line(ui, "Size", &format!("{size}{alpha}"));
        line(ui, "Points", &count(scene.points));
    });
    for warning in scene.warnings.iter().take(SHOWN_WARNINGS) {
        ui.add(Label::new(RichText::new(warning).color(ui.visuals().warn_fg_color)).wrap());
    }
    let more = scene.warnings.len().saturating_sub(SHOWN_WARNINGS);
    if more > 0 {
        ui.weak(format!("and {more} more")).on_hover_text(scene.warnings[SHOWN_WARNINGS..].join("\n"));
    }
}

/// Which preset to begin with.
fn presets(ui: &mut Ui, setup: &mut SetupState, live: bool) {
    let mut chosen = setup.preset();
    ui.add_enabled_ui(!live, |ui| {
        let combo = ComboBox::from_label("Preset").selected_text(chosen.name);
        let shown = combo.show_ui(ui, |ui| {
            for preset in Settings::PRESETS {
                let item = ui.selectable_label(preset.name == chosen.name, preset.name);
                if item.on_hover_text(preset.about()).clicked() {
                    chosen = preset;
                }
            }
        });
        shown.response.on_disabled_hover_text(FIXED);
    });
    ui.add(Label::new(RichText::new(chosen.about()).weak()).wrap());
    if chosen.name != setup.preset().name {
        setup.set_preset(chosen);
    }
}

/// The settings most people want to turn.
fn dials(ui: &mut Ui, setup: &mut SetupState, scene: Option<&SceneSummary>, live: bool) {
    ui.add_enabled_ui(!live, |ui| {
        Grid::new("dials").num_columns(2).show(ui, |ui| {
            for (key, name, zero) in DIALS {
                let Some(place) = setup.find(key) else { continue };
                let (field, value) = setup.at(place);
                let label = ui.label(name);
                label.on_hover_text(field.doc.trim()).on_disabled_hover_text(FIXED);
                ui.horizontal(|ui| {
                    let value_now = match key {
                        BUDGET => budget(ui, setup, place, name, scene),
                        _ => {
                            let (response, value) = control(ui, field, name, value);
                            response.on_hover_text(field.doc.trim()).on_disabled_hover_text(FIXED);
                            value
                        }
                    };
                    if value_now == Value::Integer(0) && !zero.is_empty() {
                        ui.weak(zero);
                    }
                    if value_now != value {
                        setup.set(place, value_now);
                    }
                });
                ui.end_row();
            }
        });
    });
}

/// The budget: left open, which shows what it would be, or a number.
fn budget(ui: &mut Ui, setup: &SetupState, place: usize, name: &str, scene: Option<&SceneSummary>) -> Value {
    let (field, value) = setup.at(place);
    let open = scene.and_then(|scene| scene.auto_splats_for(setup.settings()));
    let was_auto = value == Value::Integer(0);
    let mut auto = was_auto;
    let text = match open {
        Some(splats) if auto => format!("auto = {}", count(splats)),
        _ => "auto".into(),
    };
    let toggle = ui.checkbox(&mut auto, text).accessible_name("Automatic splat budget");
    toggle.on_hover_text("Chosen from the photos and the adapter").on_disabled_hover_text(FIXED);
    match (was_auto, auto) {
        (_, true) => Value::Integer(0),
        (true, false) => Value::Integer(open.map_or(BUDGET_GUESS, |splats| splats as u64)),
        (false, false) => {
            let (response, value) = control(ui, field, name, value);
            response.on_hover_text(field.doc.trim()).on_disabled_hover_text(FIXED);
            value
        }
    }
}

/// The buttons, each disabled with its reason when it makes no sense.
struct Buttons<'a> {
    state: &'a TrainingState,
    has_scene: bool,
    problem: Option<&'a str>,
    actions: &'a mut Vec<Action>,
}

impl Buttons<'_> {
    /// A run can begin or go on.
    fn idle(&mut self, ui: &mut Ui) {
        let fill = ui.visuals().selection.bg_fill;
        let text = RichText::new("Start").strong().color(ui.visuals().selection.stroke.color);
        let size = egui::vec2(0.0, 1.6 * ui.spacing().interact_size.y);
        ui.vertical_centered_justified(|ui| {
            self.add(ui, Button::new(text).fill(fill).min_size(size), Action::Start, "Train the open photos");
        });
        if let Some(step) = self.state.resumable() {
            let hover = format!("Go on from the checkpoint of step {}", output::thousands(step));
            self.add(ui, Button::new("Continue run"), Action::Continue, &hover);
        }
    }

    /// A run is in progress.
    fn live(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            if matches!(self.state.run, RunState::Pausing | RunState::Paused) {
                self.add(ui, Button::new("Resume"), Action::Resume, "Go on training");
            } else {
                self.add(ui, Button::new("Pause"), Action::Pause, "Wait after the current step");
            }
            self.add(ui, Button::new("Step"), Action::StepOnce, "Do one step, then wait");
            self.add(ui, Button::new("Stop"), Action::Stop, "Write everything and end the run");
            self.add(ui, Button::new("Save checkpoint"), Action::Checkpoint, "Write a checkpoint now");
        });
    }

    fn add(&mut self, ui: &mut Ui, button: Button<'_>, action: Action, hover: &str) {
        let allowed = self.state.allows(&action, self.has_scene, self.problem);
        let response = ui.add_enabled(allowed.is_ok(), button);
        let response = match allowed {
            Ok(()) => response.on_hover_text(hover),
            Err(reason) => response.on_disabled_hover_text(reason),
        };
        if response.clicked() {
            self.actions.push(action);
        }
    }
}

/// How the run goes.
fn progress(ui: &mut Ui, state: &TrainingState) {
    let (step, steps) = state.steps().unwrap_or_default();
    let doing = match &state.run {
        RunState::Loading => "Preparing: reading photos, building kernels",
        RunState::Pausing => "Pausing after what is under way",
        RunState::Paused => "Paused",
        RunState::Stopping => "Stopping: writing a checkpoint and the scene",
        _ if steps > 0 && step >= steps => "Finishing: writing the scene, judging the held-out photos",
        _ => "Training",
    };
    ui.horizontal(|ui| {
        // A theme without animations is a wish for less motion; a turning wheel also repaints all the time.
        if matches!(state.run, RunState::Loading | RunState::Stopping) && ui.style().animation_time > 0.0 {
            ui.add(Spinner::new());
        }
        ui.add(Label::new(doing).wrap());
    });
    if steps > 0 {
        let fraction = step as f64 / steps as f64;
        let text =
            format!("{} / {}  {:.0} %", output::thousands(step), output::thousands(steps), (100.0 * fraction).floor());
        ui.add(ProgressBar::new(fraction as f32).text(text));
    }
    let Some(stats) = &state.stats else { return };
    Grid::new("progress").num_columns(2).show(ui, |ui| {
        if matches!(state.run, RunState::Running) {
            line(ui, "Time left", &output::clock(stats.seconds_left))
                .on_hover_text("From the recent speed; later steps are slower while resolution and splats grow");
        }
        line(ui, "Trained for", &output::clock(stats.seconds));
        line(ui, "Speed", &format!("{:.1} steps/s", stats.steps_per_second));
        line(ui, "Splats", &count(stats.splats));
        line(ui, "Resolution", &format!("{} × {} px", stats.width, stats.height));
        line(ui, "Loss", &stats.loss.map_or_else(|| "not yet known".into(), |loss| Quantity::Loss.format(loss.into())));
        if let Some(scores) = &state.evaluated {
            line(ui, "Held-out PSNR", &Quantity::Psnr.format(scores.psnr))
                .on_hover_text(format!("At step {}", output::thousands(scores.step)));
            line(ui, "Held-out SSIM", &Quantity::Ssim.format(scores.ssim));
        }
        line(ui, "GPU memory", &output::bytes(stats.gpu_bytes));
        if let Some(age) = state.view_age() {
            line(
                ui,
                "View",
                &match age {
                    0 => "shows the latest step".into(),
                    1 => "is 1 step old".into(),
                    _ => format!("is {} steps old", output::thousands(age)),
                },
            );
        }
    });
}

/// How the run ended.
fn finished(ui: &mut Ui, state: &TrainingState, summary: &Summary, actions: &mut Vec<Action>) {
    Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        if summary.interrupted {
            ui.strong(format!("Stopped at step {}", output::thousands(summary.steps)));
            ui.add(Label::new("Everything is saved; Continue run goes on to the same result.").wrap());
        } else {
            ui.strong("Finished");
        }
        Grid::new("summary").num_columns(2).show(ui, |ui| {
            if let Some(psnr) = summary.psnr {
                line(ui, "Held-out PSNR", &Quantity::Psnr.format(psnr));
            }
            if let Some(ssim) = summary.ssim {
                line(ui, "Held-out SSIM", &Quantity::Ssim.format(ssim));
            }
            line(ui, "Splats", &count(summary.splats));
            let rate = format!("{:.1} steps/s", summary.steps_per_second);
            line(ui, "Steps", &output::thousands(summary.steps)).on_hover_text(rate);
            line(ui, "Trained for", &output::clock(summary.seconds));
            line(ui, "Most GPU memory", &output::bytes(summary.peak_bytes));
            let short: String = summary.params_sha256.chars().take(12).collect();
            line(ui, "SHA-256", &short).on_hover_text(format!("Equal for equal seeds:\n{}", summary.params_sha256));
        });
        ui.add(Label::new(RichText::new(summary.ply.display().to_string()).weak()).truncate());
        ui.horizontal_wrapped(|ui| {
            if ui.button("Export…").on_hover_text("Write the splats somewhere else").clicked() {
                actions.push(Action::SaveAs);
            }
            if ui.button("Copy path").on_hover_text("Path of the folder of this run").clicked() {
                ui.copy_text(summary.run.display().to_string());
            }
            if ui.button("Copy SHA-256").on_hover_text("To compare two runs").clicked() {
                ui.copy_text(summary.params_sha256.clone());
            }
        });
        view_note(ui, state);
    });
}

/// Why the run ended, and what can be done.
fn failed(ui: &mut Ui, state: &TrainingState, message: &str) {
    let stroke = Stroke::new(1.0, ui.visuals().error_fg_color);
    Frame::group(ui.style()).stroke(stroke).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.strong("Training ended early");
        ui.add(Label::new(message).wrap());
        let remedy = match state.resumable() {
            Some(step) => format!(
                "The checkpoint of step {} is kept: once this is settled, Continue run goes on from there.",
                output::thousands(step)
            ),
            None => "Once this is settled, press Start.".into(),
        };
        ui.add(Label::new(remedy).wrap());
        view_note(ui, state);
        if ui.button("Copy message").clicked() {
            ui.copy_text(message.to_owned());
        }
    });
}

/// After an end: which splats are on screen, unless they are the final ones.
fn view_note(ui: &mut Ui, state: &TrainingState) {
    if let (Some(shown), Some(age)) = (state.shown_step, state.view_age()) {
        let failed = matches!(state.run, RunState::Failed { .. });
        if failed || age > 0 {
            let note = format!("The last good state, of step {}, is on screen.", output::thousands(shown));
            ui.add(Label::new(RichText::new(note).weak()).wrap());
        }
    }
}

/// A name and its value in a grid; the response is the value's.
fn line(ui: &mut Ui, name: &str, value: &str) -> egui::Response {
    ui.weak(name);
    let response = ui.label(value);
    ui.end_row();
    response
}

/// A number of things.
fn count(number: usize) -> String {
    output::thousands(number as u64)
}

#[cfg(test)]
mod tests {
    use egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};
    use splat_core::session::{Command, Evaluated, Event, Summary};
    use splat_core::settings::Settings;

    use super::{Action, DIALS, SceneSummary, SetupState, TrainingState, show};
    use crate::gui::training::testing::running;

    /// The panel with what it works on.
    #[derive(Default)]
    struct Bench {
        state: TrainingState,
        setup: SetupState,
        scene: Option<SceneSummary>,
        actions: Vec<Action>,
    }

    fn harness(bench: Bench) -> Harness<'static, Bench> {
        let panel = |ui: &mut egui::Ui, bench: &mut Bench| {
            show(ui, &bench.state, &mut bench.setup, bench.scene.as_ref(), &mut bench.actions);
        };
        Harness::builder().with_size([360.0, 900.0]).build_ui_state(panel, bench)
    }

    fn scene() -> Option<SceneSummary> {
        let settings = Settings::default();
        Some(SceneSummary {
            name: "garden".into(),
            format: "COLMAP (binary)".into(),
            train: 161,
            test: 24,
            sizes: [(1600, 1064); 2],
            points: 138_766,
            warnings: vec!["2 cameras are far away from the others".into()],
            auto_splats: 1_096_192,
            opened_with: (settings.data.max_resolution, settings.data.test_every),
            ..SceneSummary::default()
        })
    }

    fn is_disabled(harness: &Harness<'_, Bench>, label: &str) -> bool {
        harness.get_by_label(label).accesskit_node().is_disabled()
    }

    #[test]
    fn start_needs_photos() {
        let mut harness = harness(Bench::default());
        assert!(is_disabled(&harness, "Start"));
        harness.get_by_label("Start").click();
        harness.run();
        assert!(harness.state().actions.is_empty());
    }

    #[test]
    fn start_with_photos_makes_its_action() {
        let mut harness = harness(Bench { scene: scene(), ..Bench::default() });
        harness.get_by_label("garden");
        harness.get_by_label("161 to train on, 24 held out");
        harness.get_by_label("2 cameras are far away from the others");
        assert!(harness.query_by_label("Continue run").is_none());
        harness.get_by_label("Start").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::Start]);
    }

    #[test]
    fn a_preset_is_chosen_by_name() {
        let mut harness = harness(Bench { scene: scene(), ..Bench::default() });
        harness.get_by_role_and_label(Role::ComboBox, "Preset").click();
        harness.run();
        harness.get_by_label("quality").click();
        harness.run();
        assert_eq!(harness.state().setup.preset().name, "quality");
        assert_eq!(harness.state().setup.resolve().unwrap().train.steps, 30_000);
        harness.get_by_label("As good as it gets: 30000 steps.");
    }

    #[test]
    fn dials_exist_and_set_their_settings() {
        let mut harness = harness(Bench { scene: scene(), ..Bench::default() });
        for (key, name, _) in DIALS {
            assert!(harness.state().setup.find(key).is_some(), "{key}");
            harness.get_all_by_label(name).next().unwrap();
        }
        harness.get_by_role_and_label(Role::SpinButton, "Steps").set_value_accesskit(777.0);
        harness.run();
        assert_eq!(harness.state().setup.resolve().unwrap().train.steps, 777);
    }

    #[test]
    fn the_budget_leaves_auto_with_the_number_that_auto_stands_for() {
        let mut harness = harness(Bench { scene: scene(), ..Bench::default() });
        let budget = |harness: &Harness<'_, Bench>| harness.state().setup.resolve().unwrap().density.max_splats;
        assert!(harness.query_by_role_and_label(Role::SpinButton, "Splat budget").is_none());
        harness.get_by_label("Automatic splat budget").click();
        harness.run();
        assert_eq!(budget(&harness), 1_096_192);
        harness.get_by_role_and_label(Role::SpinButton, "Splat budget").set_value_accesskit(5000.0);
        harness.run();
        assert_eq!(budget(&harness), 5000);
        harness.get_by_label("Automatic splat budget").click();
        harness.run();
        assert_eq!(budget(&harness), 0);
    }

    #[test]
    fn a_running_run_can_be_paused_and_stopped_but_not_stepped() {
        let mut state = running(250);
        state.shown_step = Some(238);
        let scores =
            Evaluated { step: 200, psnr: 24.5, ssim: 0.8, splats: 1, seconds: 1.0, last: false, views: Vec::new() };
        state.apply(&Event::Evaluated(scores));
        let mut harness = harness(Bench { state, scene: scene(), ..Bench::default() });
        harness.get_by_label("250 / 1,000  25 %");
        for text in ["1:30", "8.0 steps/s", "12,345", "24.50 dB", "256.0 MiB", "is 12 steps old"] {
            harness.get_by_label(text);
        }
        assert!(is_disabled(&harness, "Step") && harness.query_by_label("Start").is_none());
        assert!(harness.get_by_role_and_label(Role::SpinButton, "Steps").accesskit_node().is_disabled());
        for label in ["Pause", "Save checkpoint", "Stop"] {
            harness.get_by_label(label).click();
            harness.run();
        }
        assert_eq!(harness.state().actions, [Action::Pause, Action::Checkpoint, Action::Stop]);
    }

    #[test]
    fn a_paused_run_can_be_stepped_and_resumed() {
        let mut state = running(250);
        state.sent(&Command::Pause);
        state.apply(&Event::Paused { step: 250 });
        let mut harness = harness(Bench { state, scene: scene(), ..Bench::default() });
        harness.get_by_label("Paused");
        harness.get_by_label("Step").click();
        harness.run();
        harness.get_by_label("Resume").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::StepOnce, Action::Resume]);
    }

    #[test]
    fn a_failed_run_says_why_and_what_to_do() {
        let mut state = running(500);
        state.shown_step = Some(498);
        state.apply(&Event::Saved { step: 400, path: "run/checkpoints/step_0000400.ckpt".into() });
        let message = "out of memory for splats; lower density.max_splats";
        state.apply(&Event::Failed { message: message.into(), exit_code: 5, lost_device: false });
        let mut harness = harness(Bench { state, scene: scene(), ..Bench::default() });
        harness.get_by_label(message);
        harness.get_by_label_contains("The checkpoint of step 400 is kept");
        harness.get_by_label("The last good state, of step 498, is on screen.");
        assert!(!is_disabled(&harness, "Start"));
        harness.get_by_label("Continue run").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::Continue]);
    }

    #[test]
    fn a_finished_run_shows_its_summary() {
        let mut state = running(1000);
        state.apply(&Event::Finished(Summary {
            psnr: Some(27.25),
            ssim: Some(0.875),
            splats: 60_000,
            steps: 1000,
            seconds: 125.0,
            params_sha256: "0123456789abcdef".into(),
            ply: "runs/garden/splats.ply".into(),
            ..Summary::default()
        }));
        let mut harness = harness(Bench { state, scene: scene(), ..Bench::default() });
        for text in ["Finished", "27.25 dB", "0.8750", "60,000", "2:05", "0123456789ab", "runs/garden/splats.ply"] {
            harness.get_by_label(text);
        }
        assert!(harness.query_by_label("Continue run").is_none());
        harness.get_by_label("Export…").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::SaveAs]);
    }

    #[test]
    fn a_run_in_preparation_can_only_be_stopped() {
        let mut state = TrainingState::default();
        state.begin();
        let mut harness = harness(Bench { state, scene: scene(), ..Bench::default() });
        // Not `run`: the turning wheel repaints for ever.
        harness.run_steps(2);
        assert!(is_disabled(&harness, "Pause") && is_disabled(&harness, "Save checkpoint"));
        assert!(!is_disabled(&harness, "Stop"));
    }
}
