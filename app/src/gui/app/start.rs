//! Training what is open: beginning a run or going on with one, on threads of its own.

use std::sync::Arc;

use anyhow::Result;
use splat_core::Error;
use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::model::RasterOptions;
use splat_core::preview::PreviewSlot;
use splat_core::render::auto_near;
use splat_core::run::RunFolder;
use splat_core::scene::Dataset;
use splat_core::session::{Command, RunOptions, Session};
use splat_core::settings::{Profile, Settings};

use super::App;
use crate::cli::target::load_options;
use crate::gui::jobs::{Job, Progress};
use crate::gui::open::{OpenedRun, Photos};
use crate::gui::panels::cameras::ViewItem;
use crate::gui::running::Running;
use crate::gui::thumbnails::Thumbnails;
use crate::gui::training::SceneSummary;
use crate::gui::worker::Ask;

/// A run that began.
pub(super) struct Started {
    running: Running,
    photos: Photos,
    settings: Settings,
    folder: RunFolder,
    raster: RasterOptions,
}

/// What a run begins with.
struct Beginning {
    gpu: GpuOptions,
    settings: Settings,
    photos: Photos,
    folder: RunFolder,
    resume: bool,
    slot: Arc<PreviewSlot>,
    /// Whether it trains on the processor.
    software: bool,
    /// The step after which its device is to be lost, in tests.
    lose_at: Option<u64>,
}

impl App {
    /// Trains the open photos: a new run, or the open one from its newest checkpoint.
    pub(super) fn start(&mut self, resume: bool) {
        let Some(scene) = &self.scene else { return };
        let Some(photos) = scene.photos.clone() else { return };
        let Some(slot) = self.new_slot() else { return };
        let settings = match (resume, &scene.run) {
            (true, Some(run)) => Ok(run.settings.clone()),
            _ => self.widgets.setup.resolve(),
        };
        let settings = match settings {
            Ok(settings) => settings,
            Err(error) => {
                self.toasts.error(error.to_string(), None);
                return;
            }
        };
        let folder = match (resume, &scene.run) {
            (true, Some(run)) => RunFolder::open(run.folder.root()),
            _ => RunFolder::create(&self.workplace.join(RunFolder::default_path(&photos.root)), false),
        };
        let folder = match folder {
            Ok(folder) => folder,
            Err(error) => {
                self.toasts.error(error.to_string(), None);
                return;
            }
        };
        let checkpoint = self.training.checkpoint;
        self.training.begin();
        if resume {
            self.recall(&folder, checkpoint);
        }
        let ctx = self.ctx.clone();
        let label = if resume { "Continuing the run" } else { "Starting the run" };
        let software = self.is_software();
        let (gpu, lose_at) = (self.gpu.clone(), self.lose_at.take());
        let beginning = Beginning { gpu, settings, photos, folder, resume, slot, software, lose_at };
        let work = move |progress: &Progress| begin(&ctx, beginning, progress);
        self.starting = Some(Job::spawn(&self.ctx, label, work));
    }

    /// A slot for previews that wakes the worker.
    fn new_slot(&self) -> Option<Arc<PreviewSlot>> {
        let asks = self.worker.asks()?;
        Some(PreviewSlot::new(move || {
            // The window may have gone.
            let _ = asks.send(Ask::PreviewLeft);
        }))
    }

    /// The run began.
    pub(super) fn started(&mut self, started: Started) {
        let Started { running, photos, settings, folder, raster } = started;
        let software = self.is_software();
        if let Some(scene) = &mut self.scene {
            scene.raster = raster;
            scene.trained = true;
            scene.file = None;
            let reread = scene.photos.as_ref().is_none_or(|open| open.options != photos.options);
            if reread {
                scene.views = photos.dataset.views().cloned().collect();
                scene.items = ViewItem::list(&photos.dataset);
                scene.thumbnails = Thumbnails::new(scene.views.iter().cloned(), &self.ctx);
                scene.scores.clear();
            }
            scene.summary = Some(SceneSummary::of(&photos.dataset, &settings, software));
            scene.background = settings.model.evaluation_background(photos.dataset.has_alpha);
            scene.photos = Some(photos);
            scene.run = Some(OpenedRun { folder, settings, step: None });
            if let Err(error) = scene.replace_cloud(Arc::clone(scene.document.cloud()), scene.step) {
                self.toasts.error(error.to_string(), None);
            }
            scene.place_frusta();
            self.worker.ask(Ask::Watch(Arc::clone(&running.preview), raster));
            // Decoding thumbnails must not slow the training down.
            scene.thumbnails.set_gentle(true);
        }
        if self.training.profiling {
            running.send(Command::Profile(true));
        }
        self.running = Some(running);
    }

    /// Sends a command to the run.
    pub(super) fn command(&mut self, command: Command) {
        if let Some(running) = &self.running {
            self.training.sent(&command);
            running.send(command);
        }
    }
}

/// Loads what the settings ask for, opens a device and starts the session.
fn begin(ctx: &egui::Context, beginning: Beginning, progress: &Progress) -> Result<Started> {
    let Beginning { gpu, settings, photos, folder, resume, slot, software, lose_at } = beginning;
    if software {
        give_way();
    }
    let wanted = load_options(&settings, photos.options.images.clone());
    let photos = if wanted == photos.options {
        photos
    } else {
        let dataset = Arc::new(Dataset::load(&photos.root, &wanted)?);
        Photos { dataset, options: wanted, ..photos }
    };
    progress.tell(0.3)?;
    let profile = gpu.profile.clone().or_else(|| {
        let profile = settings.raster.profile;
        (profile != Profile::Auto).then(|| profile.as_str().to_owned())
    });
    let device = Gpu::new(&GpuOptions { profile, ..gpu })?;
    progress.tell(0.6)?;
    let options = RunOptions {
        folder: folder.clone(),
        resume,
        command: "splat view".into(),
        images: photos.options.images.clone(),
        preview: Some(Arc::clone(&slot)),
    };
    let near = settings.raster.near;
    let raster = RasterOptions {
        antialias: settings.raster.antialias,
        near: if near > 0.0 { near } else { auto_near(photos.dataset.extent()) },
    };
    let loses = lose_at.map(|step| (Arc::clone(&device), step));
    let session = Session::spawn(device, settings.clone(), Arc::clone(&photos.dataset), options)?;
    if let Err(error @ Error::Cancelled) = progress.tell(0.9) {
        // Nobody waits for it any more; dropping the session ends the run.
        return Err(error.into());
    }
    let running = Running::listen(ctx, session, slot, software, loses)?;
    Ok(Started { running, photos, settings, folder, raster })
}

/// Lets the window and the pictures go first on the processor: threads that are started from this one, those of the
/// session and of a software adapter among them, take over how patient it is.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        const PATIENCE: i32 = 10;
        // Without it, the picture only moves less smoothly.
        let _ = rustix::process::nice(PATIENCE);
    }
}
