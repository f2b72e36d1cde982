//! The training thread: obey commands, step, log, evaluate, checkpoint, conclude.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::clock::Clock;
use super::{Brief, Command, Evaluated, Event, Header, StepStats, Summary, Train, chain};
use crate::error::{Error, Result};
use crate::preview::PreviewSlot;
use crate::render::Evaluation;
use crate::run::RunFolder;
use crate::run::comparison::ImageFolder;
use crate::settings::Settings;
use crate::train::StepReport;

/// Shortest time between progress events: a person cannot read faster, and a fast GPU would flood a pipe.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Steps between lines of metrics.jsonl. By steps and not by time, so that two runs log the same ones.
const METRICS_EVERY: u64 = 10;

/// Steps that told stage times are a mean of: enough to be calm, few enough to follow.
const PROFILED_STEPS: u64 = 10;

/// How a run ends before its last step.
enum End {
    /// With a checkpoint and the scene.
    InOrder,
    /// With nothing written.
    AtOnce,
}

/// Trains from the brief to the end.
pub(super) fn run<T: Train>(
    brief: Brief,
    make: impl FnOnce(&Settings) -> Result<T>,
    commands: Receiver<Command>,
    events: Sender<Event>,
) -> Result<Summary> {
    let _lock = brief.folder.lock()?;
    if brief.resume {
        compare(&brief)?;
    }
    let mut trainer = make(&brief.settings)?;
    let mut warnings = brief.warnings;
    let mut seconds = 0.0;
    if brief.resume {
        let restored = brief.folder.restore_newest(&mut |from| trainer.restore(from))?;
        warnings.extend(restored.warnings);
        match restored.step {
            Some(_) => seconds = brief.folder.truncate_metrics(trainer.step_index())?,
            None => {
                warnings.push("the run has no checkpoint yet: starting at step 0".into());
                brief.folder.clear_metrics()?;
            }
        }
        brief.folder.write_settings(&brief.settings)?;
    } else {
        brief.folder.begin(&brief.settings, &brief.header)?;
    }
    brief.folder.remove_leftovers()?;
    let mut loaded = brief.loaded;
    loaded.step = trainer.step_index();
    let mut worker = Worker {
        saved: brief.resume.then_some(loaded.step),
        trainer,
        background: brief.settings.model.evaluation_background(brief.header.has_alpha),
        settings: brief.settings,
        folder: brief.folder,
        commands,
        waiting: VecDeque::new(),
        events,
        clock: Clock::start(seconds),
        paused: false,
        allowance: 0,
        rested_at: None,
        shown: None,
        size: (0, 0),
        logging: true,
        preview: brief.preview,
        profiled: None,
    };
    worker.tell(Event::Loaded(loaded));
    worker.leave_preview(true);
    for message in warnings {
        worker.tell(Event::Warning { message });
    }
    worker.train().inspect_err(|_| worker.tell_remedy())
}

/// Refuses to resume what would not end in the same bytes.
fn compare(brief: &Brief) -> Result<()> {
    let Header { dataset_fingerprint, gpu_fingerprint, .. } = brief.folder.header()?;
    if dataset_fingerprint != brief.header.dataset_fingerprint {
        return Err(Error::Input {
            path: brief.header.scene.clone().into(),
            problem: format!(
                "photos, poses or points are not those the run began with (fingerprint {}, the run has {dataset_fingerprint})",
                brief.header.dataset_fingerprint
            ),
            remedy: "restore the scene, or start a new run with another -o".into(),
        });
    }
    if gpu_fingerprint != brief.header.gpu_fingerprint {
        return Err(Error::Settings {
            problem: format!(
                "the run was trained on \"{gpu_fingerprint}\", this is \"{}\": the bytes would differ",
                brief.header.gpu_fingerprint
            ),
            remedy: "choose the same adapter with --device and --profile, or start a new run with another -o".into(),
        });
    }
    let differences = brief.folder.settings()?.differences(&brief.settings);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::Settings {
        problem: format!("settings differ from the run's (run, now): {}", differences.join("; ")),
        remedy: "leave them out to resume, or start a new run with another -o".into(),
    })
}

/// A run in flight.
struct Worker<T> {
    trainer: T,
    settings: Settings,
    background: [f32; 3],
    folder: RunFolder,
    commands: Receiver<Command>,
    /// Commands that arrived during an evaluation.
    waiting: VecDeque<Command>,
    events: Sender<Event>,
    clock: Clock,
    paused: bool,
    /// Steps granted while paused.
    allowance: u64,
    /// Step at which the pause was told.
    rested_at: Option<u64>,
    /// When progress was last told.
    shown: Option<Instant>,
    /// Step of the newest checkpoint on disk.
    saved: Option<u64>,
    /// Resolution of the latest step.
    size: (u32, u32),
    /// Whether the last metrics line could be written.
    logging: bool,
    /// Where previews are left for whoever watches.
    preview: Option<Arc<PreviewSlot>>,
    /// Steps since stage times were last told; none when nobody asked.
    profiled: Option<u64>,
}

impl<T: Train> Worker<T> {
    /// The whole run, from the trainer's step to the last one or to a stop.
    fn train(&mut self) -> Result<Summary> {
        while self.trainer.step_index() < self.settings.train.steps {
            match self.obey()? {
                None => {}
                Some(End::InOrder) => return self.interrupt(),
                Some(End::AtOnce) => return Ok(self.abandon()),
            }
            let began = Instant::now();
            let report = self.trainer.step()?;
            self.clock.stepped(began.elapsed());
            self.allowance = self.allowance.saturating_sub(1);
            self.after(&report)?;
        }
        self.conclude()
    }

    /// Carries out what was asked since the last step; blocks while paused.
    fn obey(&mut self) -> Result<Option<End>> {
        loop {
            let idle = self.paused && self.allowance == 0;
            let command = match self.waiting.pop_front() {
                Some(command) => command,
                None if idle => {
                    self.rest();
                    self.clock.pause();
                    let received = self.commands.recv();
                    self.clock.unpause();
                    // Nobody is left to resume it.
                    let Ok(command) = received else { return Ok(Some(End::InOrder)) };
                    command
                }
                None => match self.commands.try_recv() {
                    Ok(command) => command,
                    Err(TryRecvError::Empty) => return Ok(None),
                    Err(TryRecvError::Disconnected) => return Ok(Some(End::InOrder)),
                },
            };
            match command {
                Command::Pause => (self.paused, self.allowance) = (true, 0),
                Command::Resume => {
                    (self.paused, self.allowance, self.rested_at) = (false, 0, None);
                    self.tell(Event::Resumed { step: self.trainer.step_index() });
                }
                Command::Step(steps) => {
                    self.paused = true;
                    self.allowance = self.allowance.saturating_add(steps);
                }
                Command::Save => self.checkpoint_or_warn()?,
                Command::Stop => return Ok(Some(End::InOrder)),
                Command::Abandon => return Ok(Some(End::AtOnce)),
                Command::Set(patch) => match self.settings.patch(&patch) {
                    Ok(settings) => self.settings = settings,
                    Err(error) => self.tell(Event::Warning { message: chain(&error) }),
                },
                Command::Profile(on) => {
                    self.trainer.set_profiling(on);
                    self.profiled = on.then_some(0);
                }
            }
        }
    }

    /// Logs a step and does what is due after it.
    fn after(&mut self, report: &StepReport) -> Result<()> {
        let (step, steps) = (report.step, self.settings.train.steps);
        self.size = report.resolution;
        if report.refined {
            self.tell(Event::Refined { step, splats: report.splats });
        }
        if step.is_multiple_of(METRICS_EVERY) || step == steps {
            let stats = self.stats(report);
            self.log(&Event::Progress(stats));
        }
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= PROGRESS_INTERVAL);
        if due || step == steps || (self.paused && self.allowance == 0) {
            self.shown = Some(Instant::now());
            self.tell(Event::Progress(self.stats(report)));
        }
        self.leave_preview(false);
        self.tell_profile(step);
        if step == steps {
            return Ok(());
        }
        if is_due(step, self.settings.train.eval_every) {
            // A stop during the evaluation is obeyed before the next step.
            match self.evaluate(false) {
                Ok(_) | Err(Error::Cancelled) => {}
                Err(error) => return Err(error),
            }
        }
        if is_due(step, self.settings.train.checkpoint_every) {
            self.checkpoint_or_warn()?;
        }
        Ok(())
    }

    /// Tells that nothing will change for a while, and shows whoever watches the step it stands at.
    fn rest(&mut self) {
        let step = self.trainer.step_index();
        if self.rested_at.replace(step) != Some(step) {
            self.leave_preview(true);
            if step > 0 {
                // Progress is told now and then; a pause is the time to be exact.
                let (splats, resolution) = (self.trainer.splats(), self.size);
                self.tell(Event::Progress(self.stats(&StepReport { step, splats, refined: false, resolution })));
            }
            self.tell(Event::Paused { step });
        }
    }

    /// Leaves a preview for whoever watches, if they asked for one or `anyway`.
    fn leave_preview(&self, anyway: bool) {
        if let Some(slot) = &self.preview
            && (anyway || slot.is_wanted())
            && let Some(preview) = self.trainer.preview()
        {
            slot.put(preview);
        }
    }

    /// Tells stage times now and then, if asked to.
    fn tell_profile(&mut self, step: u64) {
        let Some(steps) = &mut self.profiled else { return };
        *steps += 1;
        if *steps < PROFILED_STEPS {
            return;
        }
        let share = 1.0 / *steps as f64;
        *steps = 0;
        let stages = self.trainer.take_profile().into_iter().map(|(stage, ms)| (stage.to_owned(), ms * share));
        let stages = stages.collect();
        self.tell(Event::Profiled { step, stages });
    }

    /// Where training stands.
    fn stats(&self, report: &StepReport) -> StepStats {
        let steps = self.settings.train.steps;
        StepStats {
            step: report.step,
            steps,
            loss: self.trainer.loss(),
            splats: report.splats,
            width: report.resolution.0,
            height: report.resolution.1,
            seconds: self.clock.seconds(),
            steps_per_second: self.clock.recent_rate(),
            seconds_left: self.clock.seconds_for(steps.saturating_sub(report.step)),
            gpu_bytes: self.trainer.used_bytes(),
        }
    }

    /// Compares the held-out photos; the last time, writes the pictures too. Cancelled by a stop.
    fn evaluate(&mut self, last: bool) -> Result<Evaluation> {
        let pictures = last && self.settings.output.test_images;
        let mut images = match pictures {
            true => Some(ImageFolder::create(&self.folder.path("test"))?),
            false => None,
        };
        let Self { trainer, commands, waiting, background, .. } = self;
        let evaluation = trainer.evaluate(&mut |view, photo, render| {
            waiting.extend(commands.try_iter());
            if waiting.iter().any(|command| matches!(command, Command::Stop | Command::Abandon)) {
                return Err(Error::Cancelled);
            }
            match &mut images {
                Some(images) => images.compare(&view.name, render, photo, *background).map(|_| ()),
                None => Ok(()),
            }
        })?;
        if !evaluation.views.is_empty() {
            let evaluated = Event::Evaluated(Evaluated {
                step: self.trainer.step_index(),
                psnr: evaluation.psnr,
                ssim: evaluation.ssim,
                splats: evaluation.splats,
                seconds: self.clock.seconds(),
                last,
                views: evaluation.views.clone(),
            });
            self.log(&evaluated);
            self.tell(evaluated);
        }
        Ok(evaluation)
    }

    /// Writes a checkpoint of the current step, unless it is there already.
    fn checkpoint(&mut self) -> Result<()> {
        let step = self.trainer.step_index();
        if self.saved == Some(step) {
            return Ok(());
        }
        let Self { trainer, folder, settings, .. } = self;
        let path = folder.save_checkpoint(step, settings.output.keep_checkpoints, &mut |to| trainer.save(to))?;
        self.saved = Some(step);
        self.tell(Event::Saved { step, path });
        Ok(())
    }

    /// Writes a checkpoint; a full disk is no reason to lose the run, which may find room at the next one.
    fn checkpoint_or_warn(&mut self) -> Result<()> {
        match self.checkpoint() {
            Err(error @ Error::Io { .. }) => {
                let kept = match self.saved {
                    Some(step) => format!("the one of step {step} is kept"),
                    None => "there is none yet".into(),
                };
                let message =
                    format!("no checkpoint: {}; {kept}; training goes on: make room on the disk", chain(&error));
                self.tell(Event::Warning { message });
                Ok(())
            }
            other => other,
        }
    }

    /// After a stop: everything needed to go on, and the scene as it is.
    fn interrupt(&mut self) -> Result<Summary> {
        self.checkpoint()?;
        self.leave_preview(true);
        let ply = self.write_ply()?;
        self.summarize(ply, None, true)
    }

    /// After being told to write nothing more.
    fn abandon(&mut self) -> Summary {
        let summary = Summary {
            splats: self.trainer.splats(),
            steps: self.trainer.step_index(),
            seconds: self.clock.seconds(),
            steps_per_second: self.clock.mean_rate(),
            ply: self.folder.ply(),
            run: self.folder.root().to_owned(),
            interrupted: true,
            peak_bytes: self.trainer.peak_bytes(),
            ..Summary::default()
        };
        self.tell(Event::Finished(summary.clone()));
        summary
    }

    /// After the last step. The checkpoint comes first, so that a kill during what follows costs no step.
    fn conclude(&mut self) -> Result<Summary> {
        let unsaved = match self.checkpoint() {
            Err(error @ Error::Io { .. }) => Some(error),
            other => other.map(|()| None)?,
        };
        let began = Instant::now();
        self.trainer.finish()?;
        self.leave_preview(true);
        self.clock.worked(began.elapsed());
        let ply = self.write_ply()?;
        let (evaluation, interrupted) = match self.evaluate(true) {
            Ok(evaluation) => (Some(evaluation), false),
            Err(Error::Cancelled) => (None, true),
            Err(error) => return Err(error),
        };
        // The scene is written and the disk was full: that is still a failure, told last.
        match unsaved {
            Some(error) => Err(error),
            None => self.summarize(ply, evaluation, interrupted),
        }
    }

    /// Writes the scene as it is.
    fn write_ply(&mut self) -> Result<PathBuf> {
        let (step, path) = (self.trainer.step_index(), self.folder.ply());
        let comments = [
            format!("splat {}", env!("CARGO_PKG_VERSION")),
            format!("step {step} of {}, seed {}", self.settings.train.steps, self.settings.train.seed),
        ];
        self.trainer.write_ply(&path, &comments)?;
        self.tell(Event::Saved { step, path: path.clone() });
        let archive = self.folder.archive();
        if let Some(doubt) = self.trainer.write_archive(&archive)? {
            self.tell(Event::Warning { message: doubt });
        }
        self.tell(Event::Saved { step, path: archive });
        Ok(path)
    }

    /// Writes summary.json and tells the end.
    fn summarize(&mut self, ply: PathBuf, evaluation: Option<Evaluation>, interrupted: bool) -> Result<Summary> {
        let evaluation = evaluation.filter(|evaluation| !evaluation.views.is_empty());
        let summary = Summary {
            psnr: evaluation.as_ref().map(|evaluation| evaluation.psnr),
            ssim: evaluation.as_ref().map(|evaluation| evaluation.ssim),
            splats: self.trainer.splats(),
            steps: self.trainer.step_index(),
            seconds: self.clock.seconds(),
            steps_per_second: self.clock.mean_rate(),
            ply,
            run: self.folder.root().to_owned(),
            interrupted,
            params_sha256: self.trainer.params_sha256()?,
            peak_bytes: self.trainer.peak_bytes(),
        };
        let mut file = serde_json::to_value(&summary).unwrap_or_default();
        if let (Some(file), Some(evaluation)) = (file.as_object_mut(), evaluation) {
            let views = evaluation.views.iter();
            let views = views.map(|view| json!({"name": view.name, "psnr": view.psnr, "ssim": view.ssim}));
            file.insert("views".into(), Value::Array(views.collect()));
        }
        self.folder.write_json("summary.json", &file)?;
        self.tell(Event::Finished(summary.clone()));
        Ok(summary)
    }

    /// Tells an event; a listener that has gone is no reason to stop working.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Appends an event to metrics.jsonl. Metrics are worth a warning, not a run.
    fn log(&mut self, event: &Event) {
        let line = serde_json::to_value(event).unwrap_or_default();
        match self.folder.append_metric(&line) {
            Ok(()) => self.logging = true,
            Err(error) if self.logging => {
                self.logging = false;
                self.tell(Event::Warning { message: format!("metrics are not logged: {}", chain(&error)) });
            }
            Err(_) => {}
        }
    }

    /// After a failure: how to go on.
    fn tell_remedy(&self) {
        if let Some(step) = self.saved {
            let root = self.folder.root().display();
            let message = format!("the checkpoint of step {step} is kept: splat train --resume -o {root}");
            self.tell(Event::Warning { message });
        }
    }
}

/// Whether something that happens every `every` steps is due; 0 is never.
fn is_due(step: u64, every: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}
