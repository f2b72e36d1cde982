//! The window's state, and one frame of it: hear the news, show everything, carry out what was asked for.

mod clip;
mod editing;
mod film;
mod news;
mod panels;
mod perform;
#[cfg(test)]
mod probe;
mod scene;
mod shot;
mod start;
mod viewport;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use eframe::egui_wgpu::RenderState;
use eframe::wgpu::DeviceType;
use egui::{CentralPanel, Context, Frame, Panel, Ui};
use splat_core::gpu::{GpuInfo, GpuOptions};

use self::clip::Trailing;
use self::editing::Found;
use self::film::Film;
use self::scene::{Saved, Scene};
use self::start::Started;
use self::viewport::Viewport;
use super::action::Action;
use super::commands::consume_shortcuts;
use super::dialogs::Dialogs;
use super::export_dialog::ExportDialog;
use super::files::{DropOverlay, dropped, find_missing};
use super::guard::Guard;
use super::jobs::Job;
use super::loss::Loss;
use super::open::Opened;
use super::painter::Painter;
use super::palette::{Findable, Palette};
use super::panels::cameras::CamerasState;
use super::panels::display::DisplayState;
use super::panels::inspect::{HistogramData, InspectState};
use super::panels::log::LogState;
use super::panels::path::PathState;
use super::panels::plots::PlotsState;
use super::panels::settings::SetupState;
use super::panels::timing::TimingState;
use super::prefs::{Prefs, Theme};
use super::running::Running;
use super::theme::Finish;
use super::toasts::Toasts;
use super::training::TrainingState;
use super::worker::{Ask, Worker};
use super::{menu, no_adapter, shortcuts, status, theme, welcome};

/// The drawing adapter.
enum Adapter {
    /// Being opened.
    Opening,
    /// In use.
    Ready(Box<GpuInfo>),
    /// None is usable; why.
    Missing(String),
}

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To open.
    Open,
    /// To write the splats to.
    Save,
    /// To export to.
    Export,
    /// To write the picture to.
    Screenshot,
    /// To read a camera path from.
    ImportPath,
    /// To write a camera path to.
    ExportPath,
    /// To render a camera path to.
    Film,
}

/// Tabs on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SideTab {
    Train,
    Settings,
    Display,
    Inspect,
    Path,
}

/// Tabs at the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BottomTab {
    Plots,
    Timing,
    Log,
}

/// The state of the panels' own widgets.
struct Widgets {
    side: SideTab,
    bottom: BottomTab,
    setup: SetupState,
    plots: PlotsState,
    timing: TimingState,
    log: LogState,
    cameras: CamerasState,
    display: DisplayState,
    inspect: InspectState,
    histogram: Option<HistogramData>,
    path: PathState,
    palette: Palette,
    shortcuts: bool,
    export: ExportDialog,
    shot: Option<shot::ShotDialog>,
    drop: DropOverlay,
}

/// How the window's thread keeps up.
#[derive(Clone, Copy, Debug)]
struct Pace {
    began: Instant,
    /// The longest frame yet, painting included; those of the first second prepare fonts and pipelines.
    worst: Duration,
    /// Frames and pictures in the second under way, and in the one before it.
    frames: [u32; 2],
    pictures: [u32; 2],
    second: u64,
}

impl Pace {
    fn new() -> Self {
        let none = [0; 2];
        Self { began: Instant::now(), worst: Duration::ZERO, frames: none, pictures: none, second: 0 }
    }

    /// A frame was drawn; `busy` is how long the one before kept the thread.
    fn frame(&mut self, busy: Option<f32>) {
        let second = self.began.elapsed().as_secs();
        if second != self.second {
            let last = |counts: [u32; 2]| if second == self.second + 1 { [0, counts[0]] } else { [0; 2] };
            (self.frames, self.pictures, self.second) = (last(self.frames), last(self.pictures), second);
        }
        self.frames[0] += 1;
        if let Some(busy) = busy.filter(|_| second > 0) {
            self.worst = self.worst.max(Duration::from_secs_f32(busy));
        }
    }
}

/// The window.
pub(crate) struct App {
    ctx: Context,
    gpu: GpuOptions,
    adapter: Adapter,
    worker: Worker,
    scene: Option<Scene>,
    opening: Option<Job<Opened>>,
    opening_path: Option<PathBuf>,
    starting: Option<Job<Started>>,
    saving: Option<Job<Saved>>,
    finding: Option<Job<Found>>,
    running: Option<Running>,
    training: TrainingState,
    /// Progress of the worker's longer work.
    busy: Option<(String, f32)>,
    /// Photos scored so far and in all.
    scoring: Option<(usize, usize)>,
    viewport: Viewport,
    film: Film,
    trailing: Trailing,
    widgets: Widgets,
    prefs: Prefs,
    toasts: Toasts,
    guard: Guard<Action>,
    dialogs: Dialogs<Purpose>,
    /// Why the last shortcut did nothing, and until when that is shown.
    refusal: Option<(&'static str, Instant)>,
    /// What waits for a file to be written.
    after_saving: Option<Action>,
    /// What waits for the run to end.
    after_run: Option<Action>,
    /// Whether the window may close without asking.
    may_quit: bool,
    pace: Pace,
    still_life: Option<PathBuf>,
    applied_theme: Option<(Theme, f32, bool)>,
    /// Looks for recent paths that are gone.
    missing: Option<Job<Vec<PathBuf>>>,
    /// New runs go into `runs` in here.
    workplace: PathBuf,
    /// Whether what the window is drawn into takes linear colours.
    encodes: bool,
    finish: Finish,
    /// The step after which the next run loses its device, in tests.
    lose_at: Option<u64>,
}

impl App {
    /// The window with what was kept from last time.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn new(ctx: &Context, storage: Option<&dyn eframe::Storage>, gpu: GpuOptions) -> Result<Self> {
        let prefs = Prefs::load(storage);
        let recent: Vec<PathBuf> = prefs.recent().iter().map(|recent| recent.path.clone()).collect();
        let missing = Some(Job::spawn(ctx, "Looking for recent files", move |_| Ok(find_missing(recent))));
        let mut display = DisplayState {
            fov_y_deg: f64::from(prefs.look.fov_degrees),
            frusta_size: f64::from(prefs.look.frusta_size),
            full_while_moving: !prefs.look.coarse_while_moving,
            ..DisplayState::default()
        };
        display.look.background = prefs.look.background;
        Ok(Self {
            worker: Worker::spawn(ctx, gpu.clone())?,
            ctx: ctx.clone(),
            gpu,
            adapter: Adapter::Opening,
            scene: None,
            opening: None,
            opening_path: None,
            starting: None,
            saving: None,
            finding: None,
            running: None,
            training: TrainingState::default(),
            busy: None,
            scoring: None,
            viewport: Viewport::new(&prefs),
            film: Film::default(),
            trailing: Trailing::default(),
            widgets: Widgets {
                side: SideTab::Train,
                bottom: BottomTab::Plots,
                setup: SetupState::default(),
                plots: PlotsState::default(),
                timing: TimingState::default(),
                log: LogState::default(),
                cameras: CamerasState::default(),
                display,
                inspect: InspectState::default(),
                histogram: None,
                path: PathState::default(),
                palette: Palette::default(),
                shortcuts: false,
                export: ExportDialog::default(),
                shot: None,
                drop: DropOverlay::default(),
            },
            prefs,
            toasts: Toasts::default(),
            guard: Guard::default(),
            dialogs: Dialogs::default(),
            refusal: None,
            after_saving: None,
            after_run: None,
            may_quit: false,
            pace: Pace::new(),
            still_life: welcome::find_still_life(),
            applied_theme: None,
            missing,
            workplace: workplace(),
            encodes: false,
            finish: Finish::default(),
            lose_at: None,
        })
    }

    /// Puts new runs elsewhere.
    #[cfg(test)]
    pub(crate) fn with_runs_in(self, workplace: PathBuf) -> Self {
        Self { workplace, ..self }
    }

    /// Says what the window is drawn into, and by what.
    pub(crate) fn drawn_by(self, state: &RenderState) -> Self {
        let is_software = state.adapter.get_info().device_type == DeviceType::Cpu;
        if is_software {
            self.ctx.add_plugin(Painter::new(state.target_format));
        }
        let finish = if is_software { Finish::Plain } else { Finish::Smooth };
        Self { encodes: state.target_format.is_srgb(), finish, ..self }
    }

    /// Has a device lost later on.
    pub(crate) fn losing(mut self, loss: Loss) -> Self {
        self.lose(loss);
        self
    }

    fn lose(&mut self, loss: Loss) {
        match loss {
            Loss::Training(step) => self.lose_at = Some(step),
            Loss::Worker(picture) => self.worker.ask(Ask::Lose(picture)),
        }
    }

    /// Opens something at once.
    pub(crate) fn opening(mut self, path: PathBuf) -> Self {
        self.open_path(path);
        self
    }

    /// One frame.
    pub(crate) fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.apply_theme(&ctx);
        self.hear_news();
        self.play();
        let mut actions = Vec::new();
        self.guard_closing(&ctx);
        actions.extend(dropped(&ctx).into_iter().next().map(Action::OpenPath));
        let facts = self.facts();
        if !self.is_asking()
            && let Some(reason) = consume_shortcuts(&ctx, &facts, &mut actions)
        {
            self.refusal = Some((reason, Instant::now() + Duration::from_secs(3)));
        }
        let bare = theme::panel(ui.style());
        Panel::top("menu").frame(bare).show(ui, |ui| menu::show(ui, &facts, self.prefs.recent(), &mut actions));
        Panel::bottom("status").frame(bare).show(ui, |ui| self.status(ui));
        match &self.adapter {
            Adapter::Missing(problem) => {
                let bare = theme::central_panel(ui.style());
                CentralPanel::default().frame(bare).show(ui, |ui| no_adapter::show(ui, problem));
            }
            _ => self.panels(ui, &mut actions),
        }
        self.modals(&ctx, &mut actions);
        for action in actions {
            self.perform(action);
        }
        self.ask_for_picture();
    }

    /// Whether a question is open that must be answered first.
    fn is_asking(&self) -> bool {
        self.guard.is_open()
            || self.dialogs.is_open()
            || self.widgets.export.is_open()
            || self.widgets.palette.is_open()
            || self.widgets.path.dialog.is_some()
            || self.widgets.shot.is_some()
    }

    /// Theme and size, when they changed.
    fn apply_theme(&mut self, ctx: &Context) {
        let wanted = (self.prefs.theme, self.prefs.ui_scale, self.prefs.reduced_motion);
        if self.applied_theme != Some(wanted) {
            theme::apply(ctx, wanted.0, wanted.1, wanted.2, self.finish);
            self.viewport.camera.set_reduced_motion(wanted.2);
            self.applied_theme = Some(wanted);
        }
    }

    /// Panels around the viewport, or the welcome.
    fn panels(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        if self.scene.is_none() {
            let bare = theme::central_panel(ui.style());
            CentralPanel::default().frame(bare).show(ui, |ui| self.welcome(ui, actions));
            return;
        }
        let bare = theme::panel(ui.style());
        let panels = self.prefs.panels.clone();
        if panels.bottom {
            Panel::bottom("bottom").frame(bare).resizable(true).default_size(190.0).size_range(90.0..=480.0).show(
                ui,
                |ui| {
                    self.bottom_panel(ui);
                },
            );
        }
        if panels.cameras && self.scene.as_ref().is_some_and(|scene| scene.photos.is_some()) {
            Panel::left("cameras").frame(bare).resizable(true).default_size(210.0).size_range(150.0..=480.0).show(
                ui,
                |ui| {
                    self.cameras_panel(ui, actions);
                },
            );
        }
        if panels.side {
            Panel::right("side").frame(bare).resizable(true).default_size(344.0).size_range(260.0..=560.0).show(
                ui,
                |ui| {
                    self.side_panel(ui, actions);
                },
            );
        }
        CentralPanel::default().frame(Frame::NONE).show(ui, |ui| self.viewport(ui, actions));
    }

    fn welcome(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let facts = self.facts();
        let adapter = match &self.adapter {
            Adapter::Opening => Ok("opening the adapter …"),
            Adapter::Ready(info) => Ok(info.adapter.as_str()),
            Adapter::Missing(problem) => Err(problem.as_str()),
        };
        let still_life = self.still_life.as_deref();
        let welcome = welcome::Welcome { recent: self.prefs.recent(), still_life, adapter };
        welcome::show(ui, &welcome, &facts, actions);
    }

    /// The bar at the bottom.
    fn status(&mut self, ui: &mut Ui) {
        let refusal = self.refusal.filter(|(_, until)| *until > Instant::now()).map(|(reason, _)| reason);
        let hint = self.viewport.hint();
        let busy = self.busy_text();
        let (adapter, details) = match &self.adapter {
            Adapter::Ready(info) => (Some(info.adapter.clone()), adapter_details(info, &self.pace)),
            _ => (None, Vec::new()),
        };
        let shown = self.viewport.shown.as_ref();
        status::show(
            ui,
            &status::Status {
                hint: refusal.unwrap_or(&hint),
                busy: busy.as_deref(),
                adapter: adapter.as_deref(),
                details: &details,
                resolution: shown.map(|shown| [shown.view.width, shown.view.height]),
                frame_ms: shown.map(|shown| f64::from(shown.millis)),
                splats: self.scene.as_ref().map(Scene::splats),
                memory: self.training.stats.as_ref().filter(|_| self.running.is_some()).map(|stats| stats.gpu_bytes),
            },
        );
    }

    /// What is going on beside drawing.
    fn busy_text(&self) -> Option<String> {
        let percent = |label: &str, share: f32| format!("{label} {:.0} %", 100.0 * share);
        if let Some(job) = &self.opening {
            return Some(percent(&job.label, job.share()));
        }
        if let Some(job) = &self.saving {
            return Some(percent(&job.label, job.share()));
        }
        if let Some(job) = &self.starting {
            return Some(job.label.clone());
        }
        self.busy.as_ref().map(|(label, share)| percent(label, *share))
    }

    /// What is being read, how far it is, and a way out.
    fn opening_window(&mut self, ctx: &Context) {
        let Some(job) = &self.opening else { return };
        let window = egui::Window::new("Opening").title_bar(false).resizable(false);
        let cancelled = window.anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0]).show(ctx, |ui| {
            ui.label(&job.label);
            ui.add(egui::ProgressBar::new(job.share()).desired_width(280.0).show_percentage());
            ui.button("Cancel").clicked()
        });
        ctx.request_repaint_after(Duration::from_millis(100));
        if cancelled.and_then(|response| response.inner).unwrap_or(false) {
            job.cancel();
            self.opening = None;
        }
    }

    /// Everything that lies over the window.
    fn modals(&mut self, ctx: &Context, actions: &mut Vec<Action>) {
        self.widgets.drop.show(ctx);
        self.opening_window(ctx);
        shortcuts::show(ctx, &mut self.widgets.shortcuts);
        let facts = self.facts();
        let settings: Vec<(String, &str)> = match self.widgets.palette.is_open() {
            true => splat_core::settings::Settings::fields().map(|field| (field.key(), field.doc)).collect(),
            false => Vec::new(),
        };
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, doc)| (key.as_str(), *doc)).collect();
        let findable = Findable { settings: &settings, recent: self.prefs.recent() };
        if let Some(key) = self.widgets.palette.show(ctx, &facts, &findable, actions) {
            self.prefs.panels.side = true;
            self.widgets.side = SideTab::Settings;
            self.widgets.setup.show_matching(key);
        }
        self.export_dialog(ctx);
        self.shot_dialog(ctx);
        if let Some((purpose, path)) = self.dialogs.show(ctx) {
            self.answered(purpose, path);
        }
        match self.risk(None) {
            Some(risk) => self.guard.update(risk),
            // The run ended by itself meanwhile.
            None => {
                if let Some(action) = self.guard.withdraw() {
                    self.perform_now(action);
                }
            }
        }
        if let Some(decision) = self.guard.show(ctx) {
            self.decided(decision);
        }
        if let Some(details) = self.toasts.show(ctx) {
            self.training.log(super::training::log::Level::Error, details);
            self.prefs.panels.bottom = true;
            self.widgets.bottom = BottomTab::Log;
        }
    }
}

/// The folder the program was started in, or the home folder when that is the root of the disk.
fn workplace() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_default();
    match current.parent() {
        Some(_) => current,
        None => std::env::home_dir().unwrap_or(current),
    }
}

/// What there is to know about the adapter.
fn adapter_details(info: &GpuInfo, pace: &Pace) -> Vec<(&'static str, String)> {
    vec![
        ("Driver", info.driver.clone()),
        ("Backend", info.backend.clone()),
        ("Kernel profile", info.profile.to_string()),
        ("Longest frame", format!("{:.0} ms", pace.worst.as_secs_f64() * 1000.0)),
        ("Last second", format!("{} frames, {} pictures", pace.frames[1], pace.pictures[1])),
    ]
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.pace.frame(frame.info().cpu_usage);
        self.show(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        // Panels have no ground of their own.
        if self.encodes {
            egui::Rgba::from(visuals.panel_fill).to_array()
        } else {
            visuals.panel_fill.to_normalized_gamma_f32()
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.keep_prefs();
        self.prefs.save(storage);
    }

    fn on_exit(&mut self) {
        // Ends the run in order: a checkpoint, the scene as it is.
        self.running = None;
    }
}
