//! The thread that draws. It has a device of its own, so that neither training nor the window waits for a picture.
//!
//! ```text
//! window ── Ask ──▶ worker: newest picture first, then one unit of longer work ── Told ──▶ window
//!                     ▲
//! training ── Preview ┘  (asked for now and then: at most a few hundredths of the time goes into it)
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use egui::ColorImage;
use glam::DVec3;
use splat_core::Error;
use splat_core::gpu::{Gpu, GpuInfo, GpuOptions};
use splat_core::look::{Legend, Look, Marks, Viewer, most_visible};
use splat_core::metrics::photo_over;
use splat_core::model::RasterOptions;
use splat_core::params::RowEdit;
use splat_core::preview::PreviewSlot;
use splat_core::render::Image;
use splat_core::scene::{Photo, SplatCloud, View, load_photo};
use splat_core::session::chain;

use super::compare::{Gain, difference, display_image};
use super::tasks::Task;
use crate::cli::output::thousands;

/// What the window asks of the worker.
pub(crate) enum Ask {
    /// Show these splats from now on.
    Scene(Arc<SplatCloud>, RasterOptions),
    /// Show these rows differently.
    Marks(Marks),
    /// Draw a picture; one that is still waiting is forgotten.
    Draw(Box<Draw>),
    /// Follow a run.
    Watch(Arc<PreviewSlot>, RasterOptions),
    /// A run left a preview.
    PreviewLeft,
    /// Stop following.
    Unwatch,
    /// Where the surface is at a pixel of a view.
    Surface(Box<View>, [f64; 2], Why),
    /// Longer work, done between pictures.
    Task(Task),
    /// Forget all longer work.
    CancelTasks,
    /// Lose the device at the picture of this number, counted from now on.
    Lose(u64),
    /// End the thread.
    Quit,
}

/// What a surface point is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// To turn about it.
    Focus,
    /// An end of a measured distance.
    Measure,
    /// The centre of a box or sphere.
    Place,
}

/// A picture to draw.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    /// From where, and how large.
    pub(crate) view: View,
    /// How splats are shown.
    pub(crate) look: Look,
    /// The photo to compare with.
    pub(crate) photo: Option<Beside>,
}

/// A photo that is shown beside the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Beside {
    /// Its place in the list of all views.
    pub(crate) index: usize,
    /// Factor of the difference picture, if one is wanted.
    pub(crate) gain: Option<Gain>,
}

/// A drawn picture.
pub(crate) struct Shown {
    /// The view it shows.
    pub(crate) view: View,
    /// Its pixels.
    pub(crate) image: Arc<ColorImage>,
    /// What its colours mean.
    pub(crate) legend: Option<Legend>,
    /// The photo at the same size.
    pub(crate) photo: Option<Arc<ColorImage>>,
    /// The difference of both.
    pub(crate) difference: Option<(Gain, Arc<ColorImage>)>,
    /// How long it took.
    pub(crate) millis: f32,
}

/// What the worker tells the window.
pub(crate) enum Told {
    /// The adapter is open.
    Ready(Box<GpuInfo>),
    /// There is none; the error's text.
    NoAdapter(String),
    /// A picture.
    Picture(Box<Shown>),
    /// The splats of a run, already on the device.
    Preview {
        /// Steps done.
        step: u64,
        /// The splats.
        cloud: Arc<SplatCloud>,
    },
    /// A surface point, if there is a surface.
    Surface(Option<DVec3>, Why),
    /// Scores of a view, by its place in the list of all views.
    Score {
        /// Which view.
        index: usize,
        /// dB.
        psnr: f64,
        /// Structural similarity.
        ssim: f64,
    },
    /// Longer work is so far done.
    Progress {
        /// What.
        label: String,
        /// From 0 to 1.
        share: f32,
    },
    /// Longer work ended; what to say about it.
    Done(String),
    /// Something to know.
    Remark(String),
    /// Something failed; the picture on screen stays.
    Trouble(String),
}

/// Handle of the worker. Dropping it ends the thread after the current picture.
pub(crate) struct Worker {
    asks: Option<Sender<Ask>>,
    told: Receiver<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread, which opens the adapter.
    pub(crate) fn spawn(ctx: &egui::Context, options: GpuOptions) -> Result<Self> {
        let (asks, receiver) = channel();
        let (sender, told) = channel();
        let ctx = ctx.clone();
        let body = move || {
            let tell = Teller { sender, ctx };
            match Gpu::new(&options) {
                Ok(gpu) => {
                    tell.tell(Told::Ready(Box::new(gpu.info().clone())));
                    Body::new(gpu, options, receiver, tell).run();
                }
                Err(error) => tell.tell(Told::NoAdapter(chain(&error))),
            }
        };
        let thread = thread::Builder::new().name("draw".into()).spawn(body).context("starting a thread")?;
        Ok(Self { asks: Some(asks), told, thread: Some(thread) })
    }

    /// Asks; nothing happens when the worker could not open an adapter.
    pub(crate) fn ask(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            let _ = asks.send(ask);
        }
    }

    /// A sender for other threads.
    pub(crate) fn asks(&self) -> Option<Sender<Ask>> {
        self.asks.clone()
    }

    /// What was told since the last call.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A preview slot may hold another sender, so that the channel need not close.
        self.ask(Ask::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Tells the window, and wakes it.
pub(super) struct Teller {
    sender: Sender<Told>,
    ctx: egui::Context,
}

impl Teller {
    /// Pixels as the window takes them.
    fn pixels(&self, image: &Image) -> Arc<ColorImage> {
        Arc::new(display_image(image, self.ctx.input(|input| input.max_texture_side)))
    }

    /// Tells; a window that has gone needs no answer.
    pub(super) fn tell(&self, told: Told) {
        let _ = self.sender.send(told);
        self.ctx.request_repaint();
    }
}

/// A preview may cost this share of the time.
const PREVIEW_SHARE: f64 = 0.03;
/// Previews are never closer than this: a person cannot judge faster.
const PREVIEW_INTERVAL: Duration = Duration::from_millis(400);

/// A run that is followed.
struct Watched {
    slot: Arc<PreviewSlot>,
    raster: RasterOptions,
    /// When to ask again; none while an answer is awaited.
    ask_at: Option<Instant>,
}

/// The splats on screen, to bring them back after a failure of the device.
struct OnScreen {
    cloud: Arc<SplatCloud>,
    raster: RasterOptions,
    ages: Option<Arc<Vec<u32>>>,
    marks: Marks,
    /// The rows on screen, when the adapter cannot show all.
    rows: Option<Vec<u32>>,
}

impl OnScreen {
    /// Marks of all rows as marks of those on screen.
    fn chosen(&self, marks: Marks) -> Marks {
        let Some(rows) = &self.rows else { return marks };
        let choose = |all: &[bool]| match all {
            [] => Vec::new(),
            all => rows.iter().map(|&row| all.get(row as usize).copied().unwrap_or(false)).collect(),
        };
        Marks { selected: choose(&marks.selected), hidden: choose(&marks.hidden) }
    }
}

struct Body {
    gpu: Arc<Gpu>,
    options: GpuOptions,
    viewer: Viewer,
    asks: Receiver<Ask>,
    tell: Teller,
    on_screen: Option<OnScreen>,
    watched: Option<Watched>,
    pending: Option<Box<Draw>>,
    /// The picture last drawn, drawn again when the splats change.
    latest: Option<Box<Draw>>,
    photo: Option<(usize, Arc<Photo>)>,
    tasks: VecDeque<Task>,
    /// Pictures until the device is lost on purpose.
    lose_in: Option<u64>,
    /// Whether the picture under way failed before: it is not tried for ever.
    retried: bool,
    quits: bool,
}

impl Body {
    fn new(gpu: Arc<Gpu>, options: GpuOptions, asks: Receiver<Ask>, tell: Teller) -> Self {
        let viewer = Viewer::new(&gpu);
        Self {
            gpu,
            options,
            viewer,
            asks,
            tell,
            on_screen: None,
            watched: None,
            pending: None,
            latest: None,
            photo: None,
            tasks: VecDeque::new(),
            lose_in: None,
            retried: false,
            quits: false,
        }
    }

    /// Works until the window has gone.
    fn run(mut self) {
        loop {
            match self.asks.recv_timeout(self.patience()) {
                Ok(ask) => {
                    self.take(ask);
                    while let Ok(ask) = self.asks.try_recv() {
                        self.take(ask);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.quits {
                return;
            }
            if let Some(watched) = &mut self.watched
                && watched.ask_at.is_some_and(|at| at <= Instant::now())
            {
                watched.ask_at = None;
                watched.slot.request();
            }
            if let Some(draw) = self.pending.take() {
                self.draw(draw);
            } else if let Some(task) = self.tasks.pop_front() {
                self.work(task);
            }
        }
    }

    /// How long to wait for the next wish.
    fn patience(&self) -> Duration {
        const FOREVER: Duration = Duration::from_secs(3600);
        if self.pending.is_some() || !self.tasks.is_empty() {
            return Duration::ZERO;
        }
        let at = self.watched.as_ref().and_then(|watched| watched.ask_at);
        at.map_or(FOREVER, |at| at.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Scene(cloud, raster) => {
                self.photo = None;
                self.show(&cloud, raster, None);
            }
            Ask::Marks(marks) => {
                if let Some(on_screen) = &mut self.on_screen {
                    on_screen.marks = on_screen.chosen(marks);
                    self.viewer.set_marks(on_screen.marks.clone());
                }
            }
            Ask::Draw(draw) => self.pending = Some(draw),
            Ask::Watch(slot, raster) => self.watched = Some(Watched { slot, raster, ask_at: Some(Instant::now()) }),
            Ask::PreviewLeft => self.take_preview(),
            Ask::Unwatch => self.watched = None,
            Ask::Surface(view, pixel, why) => match self.viewer.surface_at(&view, pixel) {
                Ok(point) => self.tell.tell(Told::Surface(point, why)),
                Err(error) => self.recover(&error),
            },
            Ask::Task(task) => self.tasks.push_back(task),
            Ask::CancelTasks => self.tasks.clear(),
            Ask::Lose(picture) => self.lose_in = Some(picture),
            Ask::Quit => self.quits = true,
        }
    }

    /// Puts splats on the device; those on screen stay if these do not fit.
    fn show(&mut self, cloud: &Arc<SplatCloud>, raster: RasterOptions, ages: Option<Arc<Vec<u32>>>) {
        let most = self.viewer.max_splats();
        let rows = (cloud.len() > most).then(|| most_visible(cloud, most));
        let shown = match &rows {
            None => Ok(Arc::clone(cloud)),
            Some(rows) => {
                let edit = RowEdit { src: rows.clone(), fresh: vec![false; rows.len()], writes: Vec::new() };
                edit.apply_to(cloud).map(Arc::new)
            }
        };
        let ages = match &rows {
            None => ages,
            Some(rows) => ages.map(|ages| Arc::new(rows.iter().map(|&row| ages[row as usize]).collect())),
        };
        let set = shown.and_then(|cloud| {
            self.viewer.set_cloud(Arc::clone(&cloud), raster, ages.clone())?;
            Ok(cloud)
        });
        match set {
            Ok(shown) => {
                if shown.len() < cloud.len() {
                    let (some, all) = (thousands(shown.len() as u64), thousands(cloud.len() as u64));
                    self.tell.tell(Told::Remark(format!(
                        "This adapter can show {some} of the {all} splats at once: those that cover most are shown; \
                         edits and files concern all"
                    )));
                }
                self.viewer.set_marks(Marks::default());
                self.on_screen = Some(OnScreen { cloud: shown, raster, ages, marks: Marks::default(), rows });
            }
            Err(error) => self.recover(&error),
        }
    }

    /// Shows what a run left, and decides when to ask again.
    fn take_preview(&mut self) {
        let Some(watched) = &self.watched else { return };
        let (raster, began) = (watched.raster, Instant::now());
        let Some(preview) = watched.slot.take() else { return };
        let (step, ages) = (preview.step, Arc::clone(&preview.ages));
        match preview.cloud() {
            Ok(cloud) => {
                let cloud = Arc::new(cloud);
                self.show(&cloud, raster, Some(ages));
                self.tell.tell(Told::Preview { step, cloud });
                if self.pending.is_none() {
                    self.pending = self.latest.clone();
                }
                if let Some(draw) = self.pending.take() {
                    self.draw(draw);
                }
            }
            // The run's own device failed; the session tells why.
            Err(error) => drop(error),
        }
        let pause = began.elapsed().mul_f64(1.0 / PREVIEW_SHARE).max(PREVIEW_INTERVAL);
        if let Some(watched) = &mut self.watched {
            watched.ask_at = Some(Instant::now() + pause);
        }
    }

    /// Draws and tells.
    fn draw(&mut self, draw: Box<Draw>) {
        let began = Instant::now();
        self.lose_in = self.lose_in.and_then(|pictures| {
            let left = pictures.saturating_sub(1);
            if left == 0 {
                self.gpu.lose();
            }
            (left > 0).then_some(left)
        });
        match self.viewer.draw(&draw.view, &draw.look) {
            Ok(picture) => {
                let photo = draw.photo.and_then(|beside| self.photo(beside.index, &draw.view));
                let background = draw.look.background;
                let photo_image = photo.as_ref().map(|photo| photo_over(photo, background));
                let gain = draw.photo.and_then(|beside| beside.gain);
                let mask = photo.as_ref().and_then(|photo| photo.mask.as_deref());
                let differ = photo_image
                    .as_ref()
                    .zip(gain)
                    .map(|(photo, gain)| (gain, self.tell.pixels(&difference(&picture.image, photo, mask, gain))));
                let shown = Shown {
                    difference: differ,
                    image: self.tell.pixels(&picture.image),
                    legend: picture.legend,
                    photo: photo_image.as_ref().map(|photo| self.tell.pixels(photo)),
                    view: draw.view.clone(),
                    millis: began.elapsed().as_secs_f32() * 1000.0,
                };
                self.latest = Some(draw);
                self.retried = false;
                self.tell.tell(Told::Picture(Box::new(shown)));
            }
            Err(error) => {
                self.recover(&error);
                // Nobody asks again for a picture that did not come. If it fails again, it is the picture's fault.
                if !std::mem::replace(&mut self.retried, true) && self.pending.is_none() {
                    self.pending = Some(draw);
                }
            }
        }
    }

    /// The photo of a view at the size of a picture; the one shown last is kept.
    fn photo(&mut self, index: usize, view: &View) -> Option<Arc<Photo>> {
        let fits = |photo: &Photo| (photo.width, photo.height) == (view.width, view.height);
        if let Some((kept, photo)) = &self.photo
            && *kept == index
            && fits(photo)
        {
            return Some(Arc::clone(photo));
        }
        match load_photo(view, view.width, view.height) {
            Ok(photo) => {
                let photo = Arc::new(photo);
                self.photo = Some((index, Arc::clone(&photo)));
                Some(photo)
            }
            Err(error) => {
                self.tell.tell(Told::Trouble(chain(&error)));
                None
            }
        }
    }

    /// Does one unit of longer work and puts the rest back.
    fn work(&mut self, mut task: Task) {
        match task.advance(&mut self.viewer, &self.tell) {
            Ok(true) => {}
            Ok(false) => self.tasks.push_front(task),
            Err(error) => {
                let device = error.downcast_ref::<Error>();
                match device {
                    Some(error @ (Error::DeviceLost { .. } | Error::OutOfMemory { .. })) => {
                        self.recover(error);
                        let ended = "what was scored or rendered ended early with the graphics device: begin it again";
                        self.tell.tell(Told::Trouble(ended.into()));
                    }
                    _ => self.tell.tell(Told::Trouble(chain(error.as_ref()))),
                }
            }
        }
    }

    /// After a failure of the device: says so, opens it again and brings back what was on screen.
    fn recover(&mut self, error: &Error) {
        // A failed device stays failed, even if it only ran out of memory.
        let reopened = Gpu::new(&self.options).and_then(|gpu| {
            let mut viewer = Viewer::new(&gpu);
            if let Some(OnScreen { cloud, raster, ages, marks, .. }) = &self.on_screen {
                viewer.set_cloud(Arc::clone(cloud), *raster, ages.clone())?;
                viewer.set_marks(marks.clone());
            }
            Ok((gpu, viewer))
        });
        match reopened {
            Ok((gpu, viewer)) => {
                (self.gpu, self.viewer) = (gpu, viewer);
                self.tell.tell(match error {
                    Error::DeviceLost { problem } => {
                        Told::Remark(format!("the graphics device was lost and opened again: {problem}"))
                    }
                    error => Told::Trouble(chain(error)),
                });
            }
            Err(second) => {
                self.tell.tell(Told::Trouble(chain(error)));
                self.tell.tell(Told::Trouble(format!("the picture stays as it is: {}", chain(&second))));
            }
        }
    }
}
