//! What is open: opening and closing it, training it, saving and exporting it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use glam::DVec3;
use splat_core::camera_path::{Orbit, Sphere};
use splat_core::edit::Document;
use splat_core::formats::{FORMATS, Format, WriteOptions, save_splats};
use splat_core::model::RasterOptions;
use splat_core::run::RunFolder;
use splat_core::scene::{SplatCloud, View};
use splat_core::session::Command;
use splat_core::settings::Settings;

use super::{Adapter, App, Purpose, SideTab};
use crate::gui::action::Action;
use crate::gui::dialogs::{Ask as AskPath, Filter, Wanted};
use crate::gui::export_dialog::{ExportReply, ExportRequest, Exportable};
use crate::gui::guard::{Choice, Decision, Risk};
use crate::gui::jobs::{Job, Progress};
use crate::gui::open::{self, Opened, OpenedRun, Photos};
use crate::gui::overlay::Frustum;
use crate::gui::panels::cameras::ViewItem;
use crate::gui::scores::{Moment, Scores};
use crate::gui::thumbnails::Thumbnails;
use crate::gui::timeline::Taken;
use crate::gui::training::log::Level;
use crate::gui::training::{RunState, SceneSummary};
use crate::gui::worker::Ask;

/// More splats take the processor so long to draw that a first picture is worth having coarse.
const SLOW_TO_DRAW: usize = 100_000;

/// Splat files that can be read, for dialogs.
pub(super) fn readable_files() -> &'static [Filter] {
    static EXTENSIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let readable = FORMATS.iter().filter(|row| row.open.is_some());
        readable.flat_map(|row| row.extensions).copied().collect()
    });
    static FILTER: LazyLock<[Filter; 1]> =
        LazyLock::new(|| [Filter { name: "Gaussian splats", extensions: &EXTENSIONS }]);
    &*FILTER
}

/// Splat files that can be written, for dialogs.
pub(super) fn writable_files() -> &'static [Filter] {
    static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(|| {
        let writable = FORMATS.iter().filter(|row| row.write.is_some());
        writable.map(|row| Filter { name: row.name, extensions: row.extensions }).collect()
    });
    &FILTERS
}

/// What is open.
pub(super) struct Scene {
    /// The path that was opened.
    pub(super) path: PathBuf,
    /// The photos, if they are known.
    pub(super) photos: Option<Photos>,
    /// The run it belongs to.
    pub(super) run: Option<OpenedRun>,
    /// The splats and what was edited.
    pub(super) document: Document,
    /// Goes up when the document is replaced by another one.
    pub(super) documents: u64,
    /// Whether the splats are a result, and not only where training would start.
    pub(super) trained: bool,
    /// How splats are drawn.
    pub(super) raster: RasterOptions,
    /// Colour behind them in evaluations.
    pub(super) background: [f32; 3],
    /// Whether the worker knows how old splats are.
    pub(super) has_ages: bool,
    /// Steps of training the splats have seen, if they come from a run under way.
    pub(super) step: u64,
    /// All views as they were read, training ones first.
    pub(super) views: Vec<View>,
    /// When they were taken.
    pub(super) taken: Vec<Taken>,
    /// The same for the list.
    pub(super) items: Vec<ViewItem>,
    /// The same as pyramids, where the edited scene has them.
    pub(super) frusta: Vec<Frustum>,
    /// The photos, small.
    pub(super) thumbnails: Thumbnails,
    /// How well views match their photos.
    pub(super) scores: Scores,
    /// The photos in numbers.
    pub(super) summary: Option<SceneSummary>,
    /// Where `Save` writes.
    pub(super) file: Option<PathBuf>,
    /// Revision of the transform that `frusta` were placed by.
    pub(super) placed_at: u64,
    /// Up and size of the splats as they were read.
    up: DVec3,
    extent: f64,
    bulk: Sphere,
}

/// A file that was written.
pub(super) struct Saved {
    path: PathBuf,
    /// State of the document it holds, if it holds all of it.
    version: Option<u64>,
    /// What of the colours it does not hold.
    lost: Option<String>,
}

impl Scene {
    fn new(opened: Opened, software: bool, ctx: &egui::Context) -> Result<Self> {
        let Opened { path, photos, run, cloud, trained, raster, background, up, extent, bulk, .. } = opened;
        let views: Vec<View> = photos.iter().flat_map(|photos| photos.dataset.views().cloned()).collect();
        let train = photos.as_ref().map_or(0, |photos| photos.dataset.train.len());
        let settings = run.as_ref().map_or_else(Settings::default, |run| run.settings.clone());
        // A format that is only read, or a folder, is no place to save to.
        let is_target = trained && run.is_none() && path.is_file() && Format::of_output(&path).is_ok();
        let file = is_target.then(|| path.clone());
        let mut scene = Self {
            document: Document::new(cloud)?,
            documents: 0,
            trained,
            raster,
            background,
            has_ages: false,
            step: run.as_ref().and_then(|run| run.step).unwrap_or(0),
            items: photos.as_ref().map(|photos| ViewItem::list(&photos.dataset)).unwrap_or_default(),
            frusta: Vec::new(),
            thumbnails: Thumbnails::new(views.iter().cloned(), ctx),
            scores: Scores::default(),
            taken: Taken::list(&views, train),
            summary: photos.as_ref().map(|photos| SceneSummary::of(&photos.dataset, &settings, software)),
            views,
            path,
            photos,
            run,
            file,
            placed_at: 0,
            up,
            extent,
            bulk,
        };
        scene.place_frusta();
        scene.scores.advance(scene.moment());
        Ok(scene)
    }

    /// Name for people.
    pub(super) fn name(&self) -> String {
        let path = self.file.as_ref().unwrap_or(&self.path);
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// Splats that are not deleted.
    pub(super) fn splats(&self) -> usize {
        self.document.cloud().len() - self.document.deleted().count()
    }

    /// Which splats are shown now, for scores.
    pub(super) fn moment(&self) -> Moment {
        Moment { revision: (self.documents << 32) + self.document.version(), step: self.step }
    }

    /// Views of training photos; the rest is held out.
    fn train_count(&self) -> usize {
        self.photos.as_ref().map_or(0, |photos| photos.dataset.train.len())
    }

    /// Puts the cameras where the edited scene has them.
    pub(super) fn place_frusta(&mut self) {
        let (transform, train) = (self.document.transform(), self.train_count());
        let place = |(i, view): (usize, &View)| Frustum::of(&transform.transform_view(view), i >= train);
        self.frusta = self.views.iter().enumerate().map(place).collect();
    }

    /// Replaces the splats by later ones of the same run.
    pub(super) fn replace_cloud(&mut self, cloud: Arc<SplatCloud>, step: u64) -> Result<()> {
        self.document = Document::new(cloud)?;
        self.documents += 1;
        self.step = step;
        self.scores.advance(self.moment());
        Ok(())
    }

    /// How large the scene is as it was read.
    pub(super) fn extent(&self) -> f64 {
        self.extent
    }

    /// Which way is up, and how large the scene is.
    pub(super) fn up_and_extent(&self) -> (DVec3, f64) {
        let transform = self.document.transform();
        (transform.rotation * self.up, transform.scale * self.extent)
    }
}

impl App {
    /// Opens a path, after asking about what would be lost.
    pub(super) fn open_path(&mut self, path: PathBuf) {
        self.prefs.folders.open = path.parent().map(Path::to_owned);
        self.opening_path = Some(path.clone());
        let settings = self.widgets.setup.settings().clone();
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into());
        let work = move |progress: &Progress| open::open(&path, &settings, progress);
        self.opening = Some(Job::spawn(&self.ctx, format!("Opening {name}"), work));
    }

    /// What was read takes the place of what was open.
    pub(super) fn opened(&mut self, opened: Opened) {
        self.prefs.remember(&opened.path);
        self.running = None;
        self.training = crate::gui::training::TrainingState::default();
        for warning in &opened.warnings {
            self.toasts.warning(warning.clone());
            self.training.log(Level::Warning, warning.clone());
        }
        if let Some(run) = &opened.run {
            self.recall(&run.folder, run.step);
            self.widgets.setup.adopt(&run.settings);
            // A run that is complete has nothing to go on with.
            self.training.checkpoint = run.step.filter(|&step| step < run.settings.train.steps);
        }
        match Scene::new(opened, self.is_software(), &self.ctx) {
            Ok(scene) => self.show_scene(scene),
            Err(error) => self.toasts.error(format!("{error:#}"), None),
        }
    }

    /// Fills the plots with what a run has logged, up to a step.
    pub(super) fn recall(&mut self, folder: &RunFolder, step: Option<u64>) {
        // Plots are worth no message: without the log they begin where the run goes on.
        if let Ok(metrics) = std::fs::read_to_string(folder.path("metrics.jsonl")) {
            self.training.history.recall(&metrics, step.unwrap_or(u64::MAX));
        }
    }

    fn show_scene(&mut self, scene: Scene) {
        self.worker.ask(Ask::Unwatch);
        self.worker.ask(Ask::CancelTasks);
        self.worker.ask(Ask::Scene(Arc::clone(scene.document.cloud()), scene.raster));
        (self.busy, self.scoring) = (None, None);
        self.widgets.display.look.sh_degree = 3;
        self.widgets.display.look.near = None;
        self.widgets.histogram = None;
        self.trailing = Default::default();
        self.widgets.inspect = Default::default();
        self.widgets.side = if scene.photos.is_some() { SideTab::Train } else { SideTab::Display };
        // An evaluation's background, so that what is seen is what is scored.
        self.widgets.display.look.background = scene.background;
        let (up, extent) = scene.up_and_extent();
        self.viewport.enter(up, extent);
        if self.is_software() && scene.document.cloud().len() > SLOW_TO_DRAW {
            self.viewport.hurry();
        }
        if let Some(orbit) = Orbit::of_cameras(&scene.views, up) {
            self.viewport.camera.focus(orbit.centre);
            self.viewport.camera.arrive();
        }
        match scene.views.first() {
            Some(view) => self.viewport.camera.set_from_view(view),
            None => self.viewport.camera.frame(scene.bulk.centre, scene.bulk.radius),
        }
        self.viewport.camera.arrive();
        self.ctx.send_viewport_cmd(egui::ViewportCommand::Title(format!("{} – Splat", scene.name())));
        self.scene = Some(scene);
    }

    /// Closes what is open.
    pub(super) fn close(&mut self) {
        self.running = None;
        self.training = crate::gui::training::TrainingState::default();
        self.worker.ask(Ask::Unwatch);
        self.worker.ask(Ask::CancelTasks);
        self.scene = None;
        self.viewport.shown = None;
        self.ctx.send_viewport_cmd(egui::ViewportCommand::Title("Splat".into()));
    }

    pub(super) fn is_software(&self) -> bool {
        matches!(&self.adapter, Adapter::Ready(info) if info.device_type == "Cpu")
    }

    /// What closing, opening or quitting would lose. `action` is what is about to happen.
    pub(super) fn risk(&self, action: Option<&Action>) -> Option<Risk> {
        let (step, steps) = self.training.steps().unwrap_or_default();
        if self.training.run.is_live() && !matches!(action, Some(Action::Start | Action::Continue)) {
            return Some(Risk::Training { step, steps });
        }
        let scene = self.scene.as_ref()?;
        scene.document.is_modified().then(|| Risk::Unsaved { name: scene.name() })
    }

    /// Holds an action back while something would be lost by it; true when it may happen now.
    pub(super) fn may(&mut self, action: Action) -> bool {
        match self.risk(Some(&action)) {
            Some(risk) => {
                self.guard.ask(risk, action);
                false
            }
            None => true,
        }
    }

    /// What was decided about an action that was held back.
    pub(super) fn decided(&mut self, decision: Decision<Action>) {
        let Decision { risk, choice, then } = decision;
        match (risk, choice) {
            (_, Choice::Cancel) => {}
            (Risk::Training { .. }, choice) => {
                self.after_run = Some(then);
                self.command(if choice == Choice::Save { Command::Stop } else { Command::Abandon });
            }
            (Risk::Unsaved { .. }, Choice::Save) => {
                self.after_saving = Some(then);
                self.save();
            }
            (Risk::Unsaved { .. }, Choice::Discard) => self.perform_now(then),
        }
    }

    /// Asks before the window closes.
    pub(super) fn guard_closing(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested())
            && !self.may_quit
            && let Some(risk) = self.risk(Some(&Action::Quit))
        {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.guard.ask(risk, Action::Quit);
        }
    }

    /// Writes the splats where they came from, or asks for a name.
    pub(super) fn save(&mut self) {
        match self.scene.as_ref().and_then(|scene| scene.file.clone()) {
            Some(path) => self.write(path, None),
            None => self.ask_where_to_save(),
        }
    }

    /// Asks where to write the splats.
    pub(super) fn ask_where_to_save(&mut self) {
        let Some(scene) = &self.scene else { return };
        let (folder, name) = match &scene.run {
            Some(run) => (Some(run.folder.root().to_owned()), "edited.ply".to_owned()),
            None => (scene.path.parent().map(Path::to_owned), format!("{}-edited.ply", stem(&scene.path))),
        };
        let ask = AskPath { title: "Save splats as", wanted: Wanted::Save(name), folder, filters: writable_files() };
        self.dialogs.ask(&self.ctx, Purpose::Save, ask);
    }

    /// Writes the splats on a thread of its own.
    pub(super) fn write(&mut self, path: PathBuf, request: Option<ExportRequest>) {
        let Some(scene) = &self.scene else { return };
        let document = scene.document.snapshot();
        let row = match Format::of_output(&path) {
            Ok(row) => row,
            Err(error) => {
                self.after_saving = None;
                self.toasts.error(error.to_string(), None);
                return;
            }
        };
        let (without_hidden, options) = match request {
            Some(ExportRequest { without_hidden, options, .. }) => (without_hidden, options),
            None => (false, WriteOptions::default()),
        };
        let lost = row.sh_loss(document.cloud().sh_degree, &options);
        let keeps_all = lost.is_none() && (!without_hidden || document.hidden().is_empty());
        let version = keeps_all.then(|| document.version());
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let work = move |progress: &Progress| {
            let cloud = if without_hidden { document.without_hidden().baked()? } else { document.baked()? };
            let told = save_splats(&path, &cloud.source(), &options, &mut |share| progress.tell(share))?;
            let lost = lost.into_iter().chain(told).reduce(|all, next| all + "; " + &next);
            Ok(Saved { path, version, lost })
        };
        self.saving = Some(Job::spawn(&self.ctx, format!("Writing {name}"), work));
    }

    /// A file was written.
    pub(super) fn saved(&mut self, saved: Saved) {
        let lost = saved.lost.map_or_else(String::new, |lost| format!(": {lost}"));
        let wrote = format!("Wrote {}{lost}", saved.path.display());
        self.training.log(Level::Info, wrote.clone());
        self.toasts.info(wrote);
        if let (Some(version), Some(scene)) = (saved.version, &mut self.scene) {
            scene.document.mark_saved(version);
            scene.file = Some(saved.path.clone());
            self.prefs.remember(&saved.path);
        }
        if let Some(action) = self.after_saving.take() {
            self.perform(action);
        }
    }

    /// The export dialog, while it is open.
    pub(super) fn export_dialog(&mut self, ctx: &egui::Context) {
        let Some(scene) = &self.scene else { return };
        let data = Exportable {
            splats: scene.splats(),
            hidden: scene.document.hidden().count(),
            sh_degree: scene.document.cloud().sh_degree,
        };
        match self.widgets.export.show(ctx, &data, &|path| path.exists()) {
            Some(ExportReply::Export(request)) => {
                self.prefs.folders.export = request.path.parent().map(Path::to_owned);
                self.write(request.path.clone(), Some(request));
            }
            Some(ExportReply::Browse) => {
                let folder = self.prefs.folders.export.clone();
                let wanted = Wanted::Save(format!("{}.{}", stem(&scene.path), self.widgets.export.extension()));
                let ask = AskPath { title: "Export to", wanted, folder, filters: writable_files() };
                self.dialogs.ask(&self.ctx, Purpose::Export, ask);
            }
            None => {}
        }
    }

    /// Opens the export dialog.
    pub(super) fn export(&mut self) {
        let Some(scene) = &self.scene else { return };
        let folder = self.prefs.folders.export.clone().or_else(|| scene.path.parent().map(Path::to_owned));
        let name = format!("{}.{}", stem(&scene.path), self.widgets.export.extension());
        self.widgets.export.open(&folder.unwrap_or_default().join(name));
    }

    /// Whether the splats may be edited: not while training changes them.
    pub(super) fn editing_blocked(&self) -> Option<&'static str> {
        match self.training.run {
            _ if self.scene.as_ref().is_none_or(|scene| !scene.trained) => Some("There are no trained splats yet"),
            RunState::Idle | RunState::Finished(_) | RunState::Failed { .. } => None,
            _ => Some("The run changes the splats: stop it first"),
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "scene".into(), |stem| stem.to_string_lossy().into_owned())
}
