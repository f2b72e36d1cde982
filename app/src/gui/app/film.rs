//! The camera path: keys from the viewport, playing, files and rendering.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use egui::Ui;
use splat_core::camera_path::{CameraPath, Defaults, Key, Orbit};
use splat_core::scene::View;

use super::{App, Purpose};
use crate::gui::action::Action;
use crate::gui::dialogs::{Ask as AskPath, Filter, Wanted};
use crate::gui::panels::path::{self, Format, PathData, PathKey, PathRequest, RenderProgress, RenderRequest};
use crate::gui::tasks::Task;
use crate::gui::worker::Ask;
use crate::video::{VideoOutput, has_ffmpeg};

/// Seconds between a new key and the one before.
const KEY_GAP: f64 = 2.0;

const JSON: &[Filter] = &[Filter { name: "Camera path", extensions: &["json"] }];

/// The camera path, and where it is played.
#[derive(Default)]
pub(super) struct Film {
    pub(super) path: CameraPath,
    /// The time shown.
    at: f64,
    /// When playing began, and the time it began at.
    playing: Option<(Instant, f64)>,
    /// Frames in all of the rendering under way, and when it began.
    pub(super) rendering: Option<(u64, Instant)>,
    /// Looked for when the panel is first shown.
    ffmpeg: Option<bool>,
}

impl App {
    /// The tab of the camera path.
    pub(super) fn path_tab(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let ffmpeg = *self.film.ffmpeg.get_or_insert_with(has_ffmpeg);
        let Some(scene) = &self.scene else { return };
        let keys: Vec<PathKey> =
            self.film.path.keys.iter().map(|key| PathKey { time: key.time, fov_y_deg: key.fov_y_deg }).collect();
        let dialog = self.widgets.path.dialog.as_ref();
        let rendering = self.film.rendering.zip(self.busy.as_ref()).map(|((of, began), (_, share))| {
            let share = f64::from(*share);
            let left = (share > 0.02).then(|| began.elapsed().as_secs_f64() * (1.0 / share - 1.0));
            RenderProgress { done: (share * of as f64).round() as u64, of, seconds_left: left }
        });
        let data = PathData {
            keys: &keys,
            duration: self.film.path.duration(),
            frame_rate: self.film.path.frame_rate,
            smooth_loop: self.film.path.smooth_loop,
            playing: self.film.playing.is_some(),
            at: self.film.at,
            blocked: scene.document.cloud().is_empty().then_some("There is nothing to show"),
            viewport: self.viewport.size,
            ffmpeg,
            target_exists: dialog.is_some_and(|dialog| Path::new(&dialog.target).exists()),
            rendering,
        };
        let requests = path::show(ui, &data, &mut self.widgets.path, actions);
        for request in requests {
            self.film(request);
        }
    }

    /// Carries out what the panel asks for.
    pub(super) fn film(&mut self, request: PathRequest) {
        let keys = &mut self.film.path.keys;
        match request {
            PathRequest::JumpTo(index) => {
                let at = keys.get(index).map(|key| key.time);
                self.scrub(at);
            }
            PathRequest::Replace(index) => {
                let time = keys.get(index).map(|key| key.time);
                if let Some(key) = time.and_then(|time| self.key(time)) {
                    self.film.path.put(key);
                }
            }
            PathRequest::SetTime { key, time } => {
                if let Some(key) = keys.get_mut(key) {
                    key.time = time;
                }
            }
            PathRequest::MoveUp(index) => swap_poses(keys, index, index.wrapping_sub(1)),
            PathRequest::MoveDown(index) => swap_poses(keys, index, index + 1),
            PathRequest::Remove(index) => {
                if index < keys.len() {
                    keys.remove(index);
                }
            }
            PathRequest::Clear => keys.clear(),
            PathRequest::SetDuration(seconds) => {
                let (start, duration) = (self.film.path.start(), self.film.path.duration());
                if duration > 0.0 {
                    let stretch = seconds / duration;
                    self.film.path.keys.iter_mut().for_each(|key| key.time = start + (key.time - start) * stretch);
                }
            }
            PathRequest::SetFrameRate(rate) => self.film.path.frame_rate = rate,
            PathRequest::SetLoop(smooth_loop) => self.film.path.smooth_loop = smooth_loop,
            PathRequest::Scrub(at) => self.scrub(Some(at)),
            PathRequest::Import => {
                let ask = AskPath { title: "Read a camera path", wanted: Wanted::File, folder: None, filters: JSON };
                self.dialogs.ask(&self.ctx, Purpose::ImportPath, ask);
            }
            PathRequest::Export => {
                let wanted = Wanted::Save("camera-path.json".into());
                let ask = AskPath { title: "Write the camera path", wanted, folder: None, filters: JSON };
                self.dialogs.ask(&self.ctx, Purpose::ExportPath, ask);
            }
            PathRequest::Turntable(seconds) => self.turntable(seconds),
            PathRequest::Browse(format) => {
                let wanted = match format {
                    Format::Folder => Wanted::Folder,
                    Format::Mp4 => Wanted::Save("path.mp4".into()),
                    Format::WebM => Wanted::Save("path.webm".into()),
                };
                let folder = self.prefs.folders.pictures.clone();
                let ask = AskPath { title: "Render the path to", wanted, folder, filters: &[] };
                self.dialogs.ask(&self.ctx, Purpose::Film, ask);
            }
            PathRequest::Render(request) => {
                if let Err(error) = self.render_film(&request) {
                    self.toasts.error(splat_core::session::chain(error.as_ref()), None);
                }
            }
            PathRequest::CancelRender => {
                self.worker.ask(Ask::CancelTasks);
                (self.film.rendering, self.busy) = (None, None);
            }
        }
    }

    /// The present view as a key.
    fn key(&self, time: f64) -> Option<Key> {
        self.scene.as_ref()?;
        let camera = &self.viewport.camera;
        let view = camera.view(8, 8);
        let eye = view.position();
        let up = -view.viewmat.matrix3.row(1);
        Some(Key {
            time,
            position: eye,
            target: eye + camera.distance() * view.forward(),
            up,
            fov_y_deg: camera.fov_y(),
        })
    }

    /// Adds the present view behind the last key.
    pub(super) fn add_key(&mut self) {
        let time = self.film.path.keys.last().map_or(0.0, |key| key.time + KEY_GAP);
        if let Some(key) = self.key(time) {
            self.film.path.put(key);
            self.film.at = time;
            self.prefs.panels.side = true;
            self.widgets.side = super::SideTab::Path;
        }
    }

    /// Removes the key last passed.
    pub(super) fn remove_key(&mut self) {
        let at = self.film.at;
        let index = self.film.path.keys.iter().rposition(|key| key.time <= at + 1e-9).unwrap_or(0);
        if index < self.film.path.keys.len() {
            self.film.path.keys.remove(index);
        }
    }

    /// Plays from the time shown, or stops.
    pub(super) fn toggle_playing(&mut self) {
        let path = &self.film.path;
        let end = path.start() + path.duration();
        self.film.playing = match self.film.playing {
            Some(_) => None,
            None if path.keys.len() < 2 => None,
            None => {
                let from = if self.film.at >= end - 1e-6 { path.start() } else { self.film.at.max(path.start()) };
                self.viewport.leave_camera();
                Some((Instant::now(), from))
            }
        };
    }

    /// Follows the path while it plays.
    pub(super) fn play(&mut self) {
        let Some((began, from)) = self.film.playing else { return };
        let path = &self.film.path;
        let (start, duration) = (path.start(), path.duration());
        let mut at = from + began.elapsed().as_secs_f64();
        if at > start + duration {
            if path.smooth_loop && duration > 0.0 {
                at = start + (at - start) % duration;
            } else {
                at = start + duration;
                self.film.playing = None;
            }
        }
        self.scrub(Some(at));
        self.ctx.request_repaint();
    }

    /// Looks from the path at a time.
    fn scrub(&mut self, at: Option<f64>) {
        let Some(at) = at else { return };
        self.film.at = at;
        let (width, height) = self.viewport.size;
        if let Ok(view) = self.film.path.view(at, width, height) {
            self.viewport.leave_camera();
            self.viewport.camera.set_from_view(&view);
            self.viewport.camera.arrive();
            self.viewport.moving();
        }
    }

    /// A circle around the pivot in place of the path.
    fn turntable(&mut self, seconds: f64) {
        let camera = &self.viewport.camera;
        let orbit = Orbit { eye: camera.eye(), centre: camera.pivot(), up: camera.ground().up };
        match orbit.path(seconds, camera.fov_y()) {
            Ok(path) => {
                self.film.path = CameraPath { frame_rate: self.film.path.frame_rate, ..path };
                self.film.at = 0.0;
            }
            Err(error) => self.toasts.error(error.to_string(), None),
        }
    }

    /// Reads a path; the old one stays if it cannot be read.
    pub(super) fn import_path(&mut self, file: &Path) {
        let camera = &self.viewport.camera;
        let defaults = Defaults { up: camera.ground().up, fov_y_deg: camera.fov_y() };
        match CameraPath::read(file, &defaults) {
            Ok(path) => {
                self.film.at = path.start();
                self.film.path = path;
            }
            Err(error) => self.toasts.error(error.to_string(), None),
        }
    }

    /// Writes the path.
    pub(super) fn export_path(&mut self, file: &Path) {
        match self.film.path.write(file) {
            Ok(()) => self.toasts.info(format!("Wrote {}", file.display())),
            Err(error) => self.toasts.error(error.to_string(), None),
        }
    }

    /// Starts rendering the path.
    fn render_film(&mut self, request: &RenderRequest) -> Result<()> {
        let Some(scene) = &self.scene else { return Ok(()) };
        let (width, height) = (request.width, request.height);
        let times = self.film.path.frames(request.frame_rate)?;
        let last = (times.len() - 1).max(1) as f64;
        let motion = scene.document.cloud().motion;
        let inverse = scene.document.transform().inverse();
        // A scene that moves does so once while the camera goes its way.
        let view = |(index, &time): (usize, &f64)| {
            let view = inverse.transform_view(&self.film.path.view(time, width, height)?);
            Ok(View { time: motion.map(|_| index as f64 / last), ..view })
        };
        let views = times.iter().enumerate().map(view).collect::<Result<std::collections::VecDeque<View>>>()?;
        let output = VideoOutput::plan(&request.target, request.replace)?;
        let total = views.len();
        let writer = output.start(width, height, request.frame_rate, total as u64)?;
        for note in writer.notes() {
            self.toasts.warning(note.clone());
        }
        self.film.rendering = Some((total as u64, Instant::now()));
        self.busy = Some(("Rendering the path".into(), 0.0));
        self.prefs.folders.pictures = request.target.parent().map(Path::to_owned);
        let look = self.widgets.display.look.clone();
        self.worker.ask(Ask::Task(Task::Film { views, total, look, writer: Some(Box::new(writer)) }));
        Ok(())
    }
}

/// Exchanges what two keys show; their times stay.
fn swap_poses(keys: &mut [Key], a: usize, b: usize) {
    let (Some(first), Some(second)) = (keys.get(a).copied(), keys.get(b).copied()) else { return };
    keys[a] = Key { time: first.time, ..second };
    keys[b] = Key { time: second.time, ..first };
}
