//! Where training stands, as the events told it: plain data that the panels read.
//!
//! The app feeds it every [`Event`] of the session by [`TrainingState::apply`] and every [`Command`] it sends by
//! [`TrainingState::sent`], and keeps one for the life of the window. It knows no thread, file or device.

pub(crate) mod history;
pub(crate) mod log;

use std::path::PathBuf;

use splat_core::scene::{Dataset, Level as NoteLevel};
use splat_core::session::{Command, Evaluated, Event, Loaded, StepStats, Summary};
use splat_core::settings::Settings;
use splat_core::train::auto_max_splats;

use super::action::Action;
use crate::cli::output;
use history::History;
use log::{Level, Log};

/// What a run is doing.
#[derive(Clone, Debug, Default)]
pub(crate) enum RunState {
    /// There is none.
    #[default]
    Idle,
    /// Photos are read and the trainer is prepared.
    Loading,
    /// Steps are done.
    Running,
    /// It was asked to wait and has not answered: a step or an evaluation is still under way.
    Pausing,
    /// It waits.
    Paused,
    /// It was asked to end and is writing everything.
    Stopping,
    /// It ended, or was stopped with everything saved.
    Finished(Summary),
    /// It ended in an error.
    Failed {
        /// The error, its causes and what to do.
        message: String,
    },
}

impl RunState {
    /// Whether a session exists, so that another cannot begin.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Loading | Self::Running | Self::Pausing | Self::Paused | Self::Stopping)
    }
}

/// How long the stages of a step take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    /// Step at which it was measured.
    pub(crate) step: u64,
    /// Stages in order with their mean time, ms.
    pub(crate) stages: Vec<(String, f64)>,
}

/// The photos that are open, in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SceneSummary {
    /// Name of the folder.
    pub(crate) name: String,
    /// The folder.
    pub(crate) path: PathBuf,
    /// How the scene is stored.
    pub(crate) format: String,
    /// Photos to train on.
    pub(crate) train: usize,
    /// Held-out photos.
    pub(crate) test: usize,
    /// How the split was chosen.
    pub(crate) split: String,
    /// Smallest and largest size, px, compared by area.
    pub(crate) sizes: [(u32, u32); 2],
    /// Points that the scene brings.
    pub(crate) points: usize,
    /// Whether the photos have alpha.
    pub(crate) has_alpha: bool,
    /// What may be wrong with the data.
    pub(crate) warnings: Vec<String>,
    /// Splats that would be chosen when the budget is left open.
    pub(crate) auto_splats: usize,
    /// `data.max_resolution` and `data.test_every` it was opened with, on which `auto_splats` depends.
    pub(crate) opened_with: (u32, u32),
}

impl SceneSummary {
    /// Sums up a data set that was loaded with these settings; `software` tells whether the adapter is the processor.
    pub(crate) fn of(dataset: &Dataset, settings: &Settings, software: bool) -> Self {
        let sizes = || dataset.views().map(|view| (view.width, view.height));
        let area = |&(width, height): &(u32, u32)| u64::from(width) * u64::from(height);
        let root = std::path::absolute(&dataset.root).unwrap_or_else(|_| dataset.root.clone());
        let name = root.file_name().map_or_else(|| root.to_string_lossy(), |name| name.to_string_lossy());
        let warnings = dataset.notes.iter().filter(|note| note.level == NoteLevel::Warning);
        Self {
            name: name.into_owned(),
            format: dataset.format.to_owned(),
            train: dataset.train.len(),
            test: dataset.test.len(),
            split: dataset.split.clone(),
            sizes: [sizes().min_by_key(area).unwrap_or_default(), sizes().max_by_key(area).unwrap_or_default()],
            points: dataset.points.len(),
            has_alpha: dataset.has_alpha,
            warnings: warnings.map(|note| note.text.clone()).collect(),
            auto_splats: auto_max_splats(dataset, software),
            opened_with: (settings.data.max_resolution, settings.data.test_every),
            path: root,
        }
    }

    /// The splats that would be chosen, unless settings that decide it have changed since the scene was opened.
    pub(crate) fn auto_splats_for(&self, settings: &Settings) -> Option<usize> {
        let wanted = (settings.data.max_resolution, settings.data.test_every);
        (wanted == self.opened_with).then_some(self.auto_splats)
    }
}

/// Everything the window knows about training.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrainingState {
    /// What the run is doing.
    pub(crate) run: RunState,
    /// What is trained.
    pub(crate) loaded: Option<Loaded>,
    /// The newest progress.
    pub(crate) stats: Option<StepStats>,
    /// The newest scores on the held-out photos.
    pub(crate) evaluated: Option<Evaluated>,
    /// Step of the newest checkpoint: where the run can go on after it ended early. The app sets it when it opens an
    /// unfinished run.
    pub(crate) checkpoint: Option<u64>,
    /// Step of the splats in the viewport; set by the app.
    pub(crate) shown_step: Option<u64>,
    /// Everything measured.
    pub(crate) history: History,
    /// The newest timing of the stages.
    pub(crate) profile: Option<Profile>,
    /// Whether stages are to be timed; the app tells a new session.
    pub(crate) profiling: bool,
    /// What happened.
    pub(crate) log: Log,
}

impl TrainingState {
    /// A session is about to begin: forgets the run before, but not the log.
    pub(crate) fn begin(&mut self) {
        self.run = RunState::Loading;
        self.loaded = None;
        self.stats = None;
        self.evaluated = None;
        self.checkpoint = None;
        self.shown_step = None;
        self.profile = None;
        self.history.clear();
    }

    /// The session could not even begin.
    pub(crate) fn fail(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.log(Level::Error, message.clone());
        self.run = RunState::Failed { message };
    }

    /// Adds a line to the log.
    pub(crate) fn log(&mut self, level: Level, text: impl Into<String>) {
        self.log.push(level, text);
    }

    /// Takes note of a command that goes to the session, which answers later or not at all.
    pub(crate) fn sent(&mut self, command: &Command) {
        match (command, &self.run) {
            (Command::Stop | Command::Abandon, run) if run.is_live() => self.run = RunState::Stopping,
            (Command::Pause, RunState::Running) => self.run = RunState::Pausing,
            // It may never have stopped to wait, and then has nothing to tell.
            (Command::Resume, RunState::Pausing) => self.run = RunState::Running,
            (Command::Profile(wanted), _) => self.profiling = *wanted,
            _ => {}
        }
    }

    /// Takes note of what the session told.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Loaded(loaded) => self.load(loaded),
            Event::Progress(stats) => {
                if matches!(self.run, RunState::Loading) {
                    self.run = RunState::Running;
                }
                self.history.progress(stats);
                self.stats = Some(stats.clone());
            }
            Event::Refined { splats, .. } => {
                if let Some(stats) = &mut self.stats {
                    stats.splats = *splats;
                }
            }
            Event::Evaluated(scores) => {
                self.history.evaluated(scores);
                self.log(
                    Level::Info,
                    format!(
                        "step {}: held-out PSNR {:.2} dB, SSIM {:.4}",
                        output::thousands(scores.step),
                        scores.psnr,
                        scores.ssim
                    ),
                );
                self.evaluated = Some(scores.clone());
            }
            Event::Saved { step, path } => {
                if path.extension().is_some_and(|extension| extension == "ckpt") {
                    self.checkpoint = Some(*step);
                }
                self.log(Level::Info, format!("step {}: wrote {}", output::thousands(*step), path.display()));
            }
            Event::Profiled { step, stages } => {
                self.profile = Some(Profile { step: *step, stages: stages.clone() });
            }
            Event::Paused { .. } => {
                if matches!(self.run, RunState::Loading | RunState::Running | RunState::Pausing) {
                    self.run = RunState::Paused;
                }
            }
            Event::Resumed { .. } => {
                if matches!(self.run, RunState::Pausing | RunState::Paused) {
                    self.run = RunState::Running;
                }
            }
            Event::Warning { message } => self.log(Level::Warning, message.clone()),
            Event::Finished(summary) => self.finish(summary),
            Event::Failed { message, .. } => self.fail(message.clone()),
        }
    }

    /// Steps done of steps in all.
    pub(crate) fn steps(&self) -> Option<(u64, u64)> {
        let loaded = self.loaded.as_ref().map(|loaded| (loaded.step, loaded.steps));
        self.stats.as_ref().map(|stats| (stats.step, stats.steps)).or(loaded)
    }

    /// How many steps old the splats in the viewport are.
    pub(crate) fn view_age(&self) -> Option<u64> {
        Some(self.steps()?.0.saturating_sub(self.shown_step?))
    }

    /// The step from which the run that ended early, or that was opened, can go on.
    pub(crate) fn resumable(&self) -> Option<u64> {
        match &self.run {
            RunState::Finished(summary) if !summary.interrupted => None,
            run if run.is_live() => None,
            _ => self.checkpoint,
        }
    }

    /// Whether an action of the run makes sense now, or why not. `problem` is what is wrong with the settings, if
    /// anything; `has_scene` tells whether photos are open.
    pub(crate) fn allows(&self, action: &Action, has_scene: bool, problem: Option<&str>) -> Result<(), String> {
        let refuse = |reason: &str| Err(reason.to_owned());
        match (action, &self.run) {
            (Action::Start | Action::Continue, run) if run.is_live() => refuse("A run is in progress"),
            (Action::Start, _) if !has_scene => refuse("Open a folder of photos first"),
            (Action::Start, _) => match problem {
                Some(problem) => Err(format!("A setting needs your attention: {problem}")),
                None => Ok(()),
            },
            (Action::Continue, _) => match self.resumable() {
                Some(_) => Ok(()),
                None => refuse("No run with a checkpoint is waiting to go on"),
            },
            (_, RunState::Idle | RunState::Finished(_) | RunState::Failed { .. }) => refuse("No run is in progress"),
            (_, RunState::Stopping) => refuse("The run is ending"),
            (Action::Stop, _) => Ok(()),
            (_, RunState::Loading) => refuse("The run is still being prepared"),
            (Action::Pause, RunState::Paused | RunState::Pausing) => refuse("The run is paused"),
            (Action::Resume, RunState::Running) => refuse("The run is not paused"),
            (Action::StepOnce, RunState::Running | RunState::Pausing) => refuse("Pause first"),
            _ => Ok(()),
        }
    }

    fn load(&mut self, loaded: &Loaded) {
        self.log(
            Level::Info,
            format!(
                "{} ({}): {} photos to train on, {} held out ({}), {} points; {} steps on {}, into {}",
                loaded.scene.display(),
                loaded.format,
                loaded.train,
                loaded.test,
                loaded.split,
                output::thousands(loaded.points as u64),
                output::thousands(loaded.steps),
                loaded.adapter,
                loaded.run.display(),
            ),
        );
        // What was recalled from the metrics may lie behind the checkpoint.
        self.history.truncate(loaded.step);
        if loaded.step > 0 {
            self.checkpoint = Some(loaded.step);
        }
        if matches!(self.run, RunState::Idle | RunState::Loading) {
            self.run = RunState::Running;
        }
        self.loaded = Some(loaded.clone());
    }

    fn finish(&mut self, summary: &Summary) {
        let steps = output::thousands(summary.steps);
        self.log(
            Level::Info,
            match summary.interrupted {
                true => format!("stopped at step {steps}; everything is saved in {}", summary.run.display()),
                false => format!(
                    "finished {steps} steps in {}: {} splats in {}",
                    output::clock(summary.seconds),
                    output::thousands(summary.splats as u64),
                    summary.ply.display()
                ),
            },
        );
        self.run = RunState::Finished(summary.clone());
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Events for the tests of the panels.

    use splat_core::session::{Event, Loaded, StepStats};

    use super::TrainingState;

    /// Progress at a step of a thousand.
    pub(crate) fn progress(step: u64) -> Event {
        Event::Progress(StepStats {
            step,
            steps: 1000,
            loss: Some(0.1),
            splats: 12_345,
            width: 640,
            height: 480,
            seconds: 12.0,
            steps_per_second: 8.0,
            seconds_left: 90.0,
            gpu_bytes: 256 << 20,
        })
    }

    /// A run of a thousand steps that has done some.
    pub(crate) fn running(step: u64) -> TrainingState {
        let mut state = TrainingState::default();
        state.begin();
        state.apply(&Event::Loaded(Loaded { steps: 1000, ..Loaded::default() }));
        state.apply(&progress(step));
        state
    }
}

#[cfg(test)]
mod tests {
    use splat_core::scene::LoadOptions;
    use splat_core::session::{Command, Evaluated, Event, Loaded, Summary};

    use super::testing::{progress, running};
    use super::{Action, Dataset, Level, RunState, SceneSummary, Settings, TrainingState, auto_max_splats};
    use crate::gui::training::history::Quantity;

    #[test]
    fn a_run_goes_from_loading_to_finished() {
        let mut state = TrainingState::default();
        assert!(!state.run.is_live());
        state.begin();
        assert!(matches!(state.run, RunState::Loading));
        state.apply(&Event::Loaded(Loaded { steps: 1000, ..Loaded::default() }));
        assert!(matches!(state.run, RunState::Running));
        assert_eq!(state.steps(), Some((0, 1000)));
        state.apply(&progress(10));
        state.apply(&Event::Refined { step: 10, splats: 99 });
        assert_eq!(state.stats.as_ref().unwrap().splats, 99);
        let scores =
            Evaluated { step: 10, psnr: 20.0, ssim: 0.5, splats: 99, seconds: 1.0, last: false, views: Vec::new() };
        state.apply(&Event::Evaluated(scores));
        assert_eq!(state.history.series(Quantity::Psnr).last(), Some(20.0));
        state.apply(&Event::Finished(Summary::default()));
        assert!(matches!(state.run, RunState::Finished(_)) && !state.run.is_live());
        assert_eq!(state.resumable(), None);
    }

    #[test]
    fn pausing_waits_for_the_answer_and_can_be_taken_back() {
        let mut state = running(1);
        state.sent(&Command::Pause);
        assert!(matches!(state.run, RunState::Pausing));
        state.apply(&progress(2));
        assert!(matches!(state.run, RunState::Pausing));
        state.apply(&Event::Paused { step: 2 });
        assert!(matches!(state.run, RunState::Paused));
        state.apply(&progress(3));
        assert!(matches!(state.run, RunState::Paused), "a single step leaves it paused");
        state.apply(&Event::Resumed { step: 3 });
        assert!(matches!(state.run, RunState::Running));
        state.sent(&Command::Pause);
        state.sent(&Command::Resume);
        assert!(matches!(state.run, RunState::Running));
    }

    #[test]
    fn stopping_is_not_undone_by_late_events() {
        let mut state = running(1);
        state.sent(&Command::Stop);
        state.apply(&progress(2));
        state.apply(&Event::Paused { step: 2 });
        assert!(matches!(state.run, RunState::Stopping));
        state.apply(&Event::Saved { step: 2, path: "run/checkpoints/step_0000002.ckpt".into() });
        state.apply(&Event::Finished(Summary { interrupted: true, steps: 2, ..Summary::default() }));
        assert_eq!(state.resumable(), Some(2));
    }

    #[test]
    fn a_summary_of_a_scene_knows_its_budget_until_the_size_changes() {
        let mut settings = Settings::default();
        settings.data.max_resolution = 100;
        let options =
            LoadOptions { max_resolution: 100, test_every: settings.data.test_every, ..LoadOptions::default() };
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/still-life");
        let dataset = Dataset::load(folder, &options).unwrap();
        let scene = SceneSummary::of(&dataset, &settings, true);
        assert_eq!((scene.train, scene.test), (dataset.train.len(), dataset.test.len()));
        assert!(scene.name == "still-life" && scene.points == dataset.points.len());
        assert_eq!(scene.sizes[1].0.max(scene.sizes[1].1), 100);
        assert_eq!(scene.auto_splats_for(&settings), Some(auto_max_splats(&dataset, true)));
        settings.data.max_resolution = 200;
        assert_eq!(scene.auto_splats_for(&settings), None);
    }

    #[test]
    fn a_stop_without_a_run_changes_nothing() {
        let mut state = TrainingState::default();
        state.sent(&Command::Stop);
        assert!(matches!(state.run, RunState::Idle));
    }

    #[test]
    fn a_failed_run_can_go_on_from_its_checkpoint_only() {
        let mut state = running(5);
        state.apply(&Event::Saved { step: 5, path: "run/splats.ply".into() });
        state.apply(&Event::Failed { message: "out of memory".into(), exit_code: 5, lost_device: false });
        assert_eq!(state.resumable(), None);
        assert_eq!(state.log.count(Level::Error), 1);
        let mut state = running(5);
        state.apply(&Event::Saved { step: 5, path: "run/checkpoints/step_0000005.ckpt".into() });
        state.apply(&Event::Failed { message: "out of memory".into(), exit_code: 5, lost_device: false });
        assert_eq!(state.resumable(), Some(5));
        assert!(state.allows(&Action::Continue, false, None).is_ok());
    }

    #[test]
    fn a_resumed_run_keeps_what_was_recalled_up_to_its_checkpoint() {
        let mut state = TrainingState::default();
        state.begin();
        let metrics =
            "{\"event\":\"progress\",\"step\":10,\"splats\":3}\n{\"event\":\"progress\",\"step\":20,\"splats\":3}";
        state.history.recall(metrics, u64::MAX);
        state.apply(&Event::Loaded(Loaded { step: 15, steps: 1000, ..Loaded::default() }));
        assert_eq!(state.history.series(Quantity::Splats).points(), [[10.0, 3.0]]);
        state.begin();
        assert_eq!(state.history.series(Quantity::Splats).last(), None);
    }

    #[test]
    fn the_view_tells_its_age() {
        let mut state = running(40);
        assert_eq!(state.view_age(), None);
        state.shown_step = Some(37);
        assert_eq!(state.view_age(), Some(3));
    }

    #[test]
    fn each_state_allows_its_actions() {
        let allowed = |state: &TrainingState| {
            let actions = [
                ("start", Action::Start),
                ("pause", Action::Pause),
                ("resume", Action::Resume),
                ("step", Action::StepOnce),
                ("stop", Action::Stop),
                ("save", Action::Checkpoint),
                ("continue", Action::Continue),
            ];
            let names = actions.iter().filter(|(_, action)| state.allows(action, true, None).is_ok());
            names.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
        };
        let mut state = TrainingState::default();
        assert_eq!(allowed(&state), "start");
        assert!(state.allows(&Action::Start, false, None).unwrap_err().contains("photos"));
        assert!(state.allows(&Action::Start, true, Some("steps = 0")).unwrap_err().contains("steps = 0"));
        state.begin();
        assert_eq!(allowed(&state), "stop");
        state = running(1);
        assert_eq!(allowed(&state), "pause stop save");
        state.sent(&Command::Pause);
        assert_eq!(allowed(&state), "resume stop save");
        state.apply(&Event::Paused { step: 1 });
        assert_eq!(allowed(&state), "resume step stop save");
        state.sent(&Command::Stop);
        assert_eq!(allowed(&state), "");
        state.checkpoint = Some(1);
        state.apply(&Event::Finished(Summary { interrupted: true, ..Summary::default() }));
        assert_eq!(allowed(&state), "start continue");
    }
}
