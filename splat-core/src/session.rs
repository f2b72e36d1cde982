//! A training run on its own thread: commands in, events out. The command line and the window are two listeners.
//!
//! ```text
//! caller ── Command ──▶ worker: obey, step, log, evaluate, checkpoint ── Event ──▶ caller
//! ```
//! The worker blocks on the command channel when paused and never polls. It owns the run folder; everything about
//! *what* a step does belongs to [`Trainer`]. Stopping, by command or by dropping the [`Session`], leaves a
//! checkpoint from which `--resume` ends in the same bytes as an uninterrupted run.

mod clock;
#[cfg(test)]
mod tests;
mod worker;

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use serde::Serialize;
use toml::Table;

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::preview::{Preview, PreviewSlot};
use crate::render::{Evaluation, Image, ViewScore};
use crate::run::{Header, RunFolder, SCHEMA, timestamp};
use crate::scene::{Dataset, Level, Photo, View};
use crate::settings::Settings;
use crate::train::{StepReport, Trainer};

/// What a listener may ask of a running session.
#[derive(Clone, Debug)]
pub enum Command {
    /// Stop after the current step and wait.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Do this many steps, then pause.
    Step(u64),
    /// Write a checkpoint now.
    Save,
    /// Write a checkpoint and the scene as it is, then end.
    Stop,
    /// End without writing anything: what was written before stays.
    Abandon,
    /// Change settings that the trainer does not read; others are refused with a warning.
    Set(Table),
    /// Time the stages of every step on the device, or stop doing so. Results do not change; steps become slower.
    Profile(bool),
}

/// What a session tells its listeners. As JSON: `{"event":"progress", …}`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The trainer is ready; for a resumed run, at its last checkpoint.
    Loaded(Loaded),
    /// Some steps were done; at most ten events a second.
    Progress(StepStats),
    /// Splats were added and removed.
    Refined {
        /// Step after which it happened.
        step: u64,
        /// Splats now.
        splats: usize,
    },
    /// The held-out photos were compared.
    Evaluated(Evaluated),
    /// A file that a person may want to open, or a checkpoint, was written.
    Saved {
        /// Step it holds.
        step: u64,
        /// Where it is.
        path: PathBuf,
    },
    /// The run waits for a command.
    Paused {
        /// Steps done.
        step: u64,
    },
    /// The run goes on.
    Resumed {
        /// Steps done.
        step: u64,
    },
    /// Device time per stage, after [`Command::Profile`].
    Profiled {
        /// Steps done.
        step: u64,
        /// Milliseconds of a step in each stage, a mean over recent steps.
        stages: Vec<(String, f64)>,
    },
    /// Something to know that does not end the run.
    Warning {
        /// What, and what to do.
        message: String,
    },
    /// The run ended, was stopped with everything saved, or was abandoned. Always the last event, unless `Failed` is.
    Finished(Summary),
    /// The run ended in an error, which [`Session::join`] returns.
    Failed {
        /// The error and its causes.
        message: String,
        /// The exit code for it.
        exit_code: i32,
        /// Whether the device disappeared, so that the run can go on with another one from its last checkpoint.
        #[serde(skip)]
        lost_device: bool,
    },
}

/// What is about to be trained.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loaded {
    /// Layout version of the events.
    pub schema: u32,
    /// The scene folder.
    pub scene: PathBuf,
    /// How the scene is stored.
    pub format: String,
    /// Photos to train on.
    pub train: usize,
    /// Held-out photos.
    pub test: usize,
    /// How the split was chosen.
    pub split: String,
    /// Points that the scene brings.
    pub points: usize,
    /// Name of the adapter.
    pub adapter: String,
    /// The run folder.
    pub run: PathBuf,
    /// Steps already done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
}

/// Where training stands.
#[derive(Clone, Debug, Serialize)]
pub struct StepStats {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// A recent loss; it is read back late, so none is known at first.
    pub loss: Option<f32>,
    /// Splats.
    pub splats: usize,
    /// Width of the image trained on, px.
    pub width: u32,
    /// Height of the image trained on, px.
    pub height: u32,
    /// Time spent training, earlier sessions included, pauses not.
    pub seconds: f64,
    /// Recent speed.
    pub steps_per_second: f64,
    /// Estimate from the recent speed; later steps are slower while resolution and splats grow.
    pub seconds_left: f64,
    /// Device memory in use, bytes.
    pub gpu_bytes: u64,
}

/// Scores on the held-out photos.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluated {
    /// Steps done.
    pub step: u64,
    /// Mean over views, dB.
    pub psnr: f64,
    /// Mean over views.
    pub ssim: f64,
    /// Splats.
    pub splats: usize,
    /// Time spent training.
    pub seconds: f64,
    /// Whether this is the evaluation of the finished scene.
    #[serde(rename = "final")]
    pub last: bool,
    /// Score of each view; in files only for the finished scene, in `summary.json`.
    #[serde(skip)]
    pub views: Vec<ViewScore>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Held-out PSNR, dB; none without held-out photos or when interrupted.
    pub psnr: Option<f64>,
    /// Held-out SSIM.
    pub ssim: Option<f64>,
    /// Splats in the scene.
    pub splats: usize,
    /// Steps done.
    pub steps: u64,
    /// Time spent training and evaluating, earlier sessions included, pauses and loading not.
    pub seconds: f64,
    /// Mean speed of this session's steps.
    pub steps_per_second: f64,
    /// The scene.
    pub ply: PathBuf,
    /// The run folder.
    pub run: PathBuf,
    /// Whether it was stopped before the last step; resume to go on.
    pub interrupted: bool,
    /// SHA-256 of the parameters: equal for equal seeds; empty when abandoned.
    pub params_sha256: String,
    /// Most GPU memory in use at once, bytes.
    pub peak_bytes: u64,
}

/// Where a session writes and how it begins.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The run folder: [`RunFolder::create`] for a new run, [`RunFolder::open`] for one to resume.
    pub folder: RunFolder,
    /// Continue from the newest checkpoint.
    pub resume: bool,
    /// The command line, for the record.
    pub command: String,
    /// The image folder given by hand, for the record.
    pub images: Option<String>,
    /// Where to leave previews when they are asked for.
    pub preview: Option<Arc<PreviewSlot>>,
}

/// Handle of a training thread. Dropping it stops the run as [`Command::Stop`] does, and waits.
#[derive(Debug)]
pub struct Session {
    commands: Sender<Command>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<Result<Summary>>>,
}

impl Session {
    /// Starts the thread. Everything that can go wrong from here on arrives as [`Event::Failed`].
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no thread to give.
    pub fn spawn(gpu: Arc<Gpu>, settings: Settings, dataset: Arc<Dataset>, options: RunOptions) -> Result<Self> {
        let brief = brief(&gpu, &settings, &dataset, options);
        Self::start(brief, move |settings| {
            let trainer = Trainer::new(Arc::clone(&gpu), settings, dataset)?;
            Ok(OnGpu { gpu, trainer, settings: settings.clone() })
        })
    }

    /// Runs a trainer made by `make` on a new thread.
    fn start<T: Train>(brief: Brief, make: impl FnOnce(&Settings) -> Result<T> + Send + 'static) -> Result<Self> {
        let (command_sender, commands) = channel();
        let (event_sender, events) = channel();
        let root = brief.folder.root().to_owned();
        let lost = root.clone();
        let body = move || {
            let failed = event_sender.clone();
            let work = || worker::run(brief, make, commands, event_sender);
            let result =
                catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(from_panic(&root, panic.as_ref())));
            if let Err(error) = &result {
                // A listener that has gone needs no message.
                let lost_device = matches!(error, Error::DeviceLost { .. });
                let _ = failed.send(Event::Failed { message: chain(error), exit_code: error.exit_code(), lost_device });
            }
            result
        };
        let thread = thread::Builder::new().name("train".into()).spawn(body);
        let thread = thread.map_err(|source| Error::Io { path: lost, action: "start a thread for", source })?;
        Ok(Self { commands: command_sender, events, thread: Some(thread) })
    }

    /// Sends a command; one sent after the end is ignored.
    pub fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// A sender for other threads, such as a signal handler's.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.clone()
    }

    /// The events. The channel closes after the last one.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What ended the run. A panic of the training thread is an error here, not a panic.
    pub fn join(mut self) -> Result<Summary> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            // `catch_unwind` leaves only a panic while dropping one; there is nothing more to say about it.
            Some(Err(_)) | None => Err(Error::Cancelled),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.commands.send(Command::Stop);
            let _ = thread.join();
        }
    }
}

/// Everything the worker needs besides a trainer.
struct Brief {
    settings: Settings,
    folder: RunFolder,
    resume: bool,
    header: Header,
    loaded: Loaded,
    warnings: Vec<String>,
    preview: Option<Arc<PreviewSlot>>,
}

/// Collects what the run is made of.
fn brief(gpu: &Gpu, settings: &Settings, dataset: &Dataset, options: RunOptions) -> Brief {
    let info = gpu.info();
    let scene = std::path::absolute(&dataset.root).unwrap_or_else(|_| dataset.root.clone());
    let header = Header {
        schema: SCHEMA,
        splat: env!("CARGO_PKG_VERSION").into(),
        command: options.command,
        scene: scene.to_string_lossy().into_owned(),
        images: options.images,
        dataset_fingerprint: format!("{:016x}", dataset.fingerprint()),
        has_alpha: dataset.has_alpha,
        extent: dataset.extent(),
        gpu: serde_json::to_value(info).unwrap_or_default(),
        gpu_fingerprint: info.fingerprint.clone(),
        seed: settings.train.seed,
        started: timestamp(SystemTime::now()),
    };
    let loaded = Loaded {
        schema: SCHEMA,
        scene: dataset.root.clone(),
        format: dataset.format.to_string(),
        train: dataset.train.len(),
        test: dataset.test.len(),
        split: dataset.split.clone(),
        points: dataset.points.len(),
        adapter: info.adapter.clone(),
        run: options.folder.root().to_owned(),
        step: 0,
        steps: settings.train.steps,
    };
    let warnings = dataset.notes.iter().filter(|note| note.level == Level::Warning);
    Brief {
        settings: settings.clone(),
        resume: options.resume,
        warnings: warnings.map(|note| note.text.clone()).collect(),
        folder: options.folder,
        preview: options.preview,
        header,
        loaded,
    }
}

/// What each held-out view is shown to: its photo and its render.
type Each<'a> = &'a mut dyn FnMut(&View, &Photo, &Image) -> Result<()>;

/// What a session asks of a trainer. Two implement it: the real one, and the one of the tests, which needs no
/// adapter and can be told to fail.
trait Train {
    fn step(&mut self) -> Result<StepReport>;
    fn step_index(&self) -> u64;
    fn loss(&self) -> Option<f32>;
    fn splats(&self) -> usize;
    fn evaluate(&mut self, each: Each<'_>) -> Result<Evaluation>;
    fn save(&mut self, to: &mut dyn Write) -> Result<()>;
    fn restore(&mut self, from: &mut dyn Read) -> Result<()>;
    fn finish(&mut self) -> Result<()>;
    fn write_ply(&mut self, path: &Path, comments: &[String]) -> Result<()>;
    /// Writes the compressed file; returns what a person should know about it.
    fn write_archive(&mut self, path: &Path) -> Result<Option<String>>;
    fn params_sha256(&mut self) -> Result<String>;
    fn peak_bytes(&self) -> u64;
    fn used_bytes(&self) -> u64;
    fn preview(&self) -> Option<Preview>;
    fn set_profiling(&mut self, on: bool);
    /// Milliseconds per stage since the last call.
    fn take_profile(&mut self) -> BTreeMap<&'static str, f64>;
}

/// The real trainer with its device.
struct OnGpu {
    gpu: Arc<Gpu>,
    trainer: Trainer,
    settings: Settings,
}

impl Train for OnGpu {
    fn step(&mut self) -> Result<StepReport> {
        self.trainer.step()
    }
    fn step_index(&self) -> u64 {
        self.trainer.step_index()
    }
    fn loss(&self) -> Option<f32> {
        self.trainer.loss()
    }
    fn splats(&self) -> usize {
        self.trainer.splats()
    }
    fn evaluate(&mut self, each: Each<'_>) -> Result<Evaluation> {
        self.trainer.evaluate(each)
    }
    fn save(&mut self, to: &mut dyn Write) -> Result<()> {
        self.trainer.save(to)
    }
    fn restore(&mut self, from: &mut dyn Read) -> Result<()> {
        self.trainer.restore(from)
    }
    fn finish(&mut self) -> Result<()> {
        self.trainer.finish()
    }
    fn write_ply(&mut self, path: &Path, comments: &[String]) -> Result<()> {
        let cloud = self.trainer.cloud()?;
        crate::scene::io::ply::write_splats(path, &cloud, comments)
    }
    fn write_archive(&mut self, path: &Path) -> Result<Option<String>> {
        self.trainer.write_archive(path, &self.settings)
    }
    fn params_sha256(&mut self) -> Result<String> {
        self.trainer.params_sha256()
    }
    fn peak_bytes(&self) -> u64 {
        self.gpu.peak_bytes()
    }
    fn used_bytes(&self) -> u64 {
        self.gpu.used_bytes()
    }
    fn preview(&self) -> Option<Preview> {
        Some(self.trainer.preview())
    }
    fn set_profiling(&mut self, on: bool) {
        self.trainer.set_profiling(on);
    }
    fn take_profile(&mut self) -> BTreeMap<&'static str, f64> {
        self.trainer.take_profile()
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| {
        let cause = cause.to_string();
        // Some errors already print their cause.
        if line.ends_with(&cause) { line } else { format!("{line}: {cause}") }
    })
}

/// The error for a panic of the training thread.
fn from_panic(root: &Path, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into());
    let source = std::io::Error::other(format!(
        "internal error: {text}; this is a bug in splat, please report it; --resume goes on from the last checkpoint"
    ));
    Error::Io { path: root.to_owned(), action: "train in", source }
}
