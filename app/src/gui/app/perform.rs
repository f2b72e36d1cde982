//! Carrying out actions: the one place where wishes become deeds.

use std::path::{Path, PathBuf};

use splat_core::edit::Edit;
use splat_core::session::Command;

use super::{App, Purpose, SideTab};
use crate::gui::action::{Action, Panel, Tool};
use crate::gui::commands::{Facts, Run};
use crate::gui::dialogs::{Ask as AskPath, Wanted};
use crate::gui::nav::Motion;
use crate::gui::prefs::Panels;
use crate::gui::theme;
use crate::gui::training::RunState;

use super::scene::readable_files;

impl App {
    /// What decides whether actions make sense now.
    pub(super) fn facts(&self) -> Facts {
        let scene = self.scene.as_ref();
        let document = scene.map(|scene| &scene.document);
        let run = match &self.training.run {
            RunState::Idle | RunState::Finished(_) | RunState::Failed { .. } => Run::None,
            RunState::Loading => Run::Starting,
            RunState::Running => Run::Running,
            RunState::Pausing | RunState::Paused => Run::Paused,
            RunState::Stopping => Run::Stopping,
        };
        Facts {
            has_adapter: matches!(self.adapter, super::Adapter::Ready(_)),
            has_scene: scene.is_some(),
            has_splats: document.is_some_and(|document| !document.cloud().is_empty()),
            has_dataset: scene.is_some_and(|scene| scene.photos.is_some()),
            can_continue: self.training.resumable().is_some(),
            run,
            is_modified: document.is_some_and(|document| document.is_modified()),
            can_undo: document.is_some_and(|document| document.undo_label().is_some()),
            can_redo: document.is_some_and(|document| document.redo_label().is_some()),
            has_selection: document.is_some_and(|document| !document.selected().is_empty()),
            has_hidden: document.is_some_and(|document| !document.hidden().is_empty()),
            moves: document.is_some_and(|document| document.cloud().motion.is_some()),
            is_looking_through: self.viewport.looking.is_some(),
            has_path_keys: !self.film.path.keys.is_empty(),
            can_play_path: self.film.path.keys.len() > 1,
            tool: self.viewport.tool,
            mode: self.widgets.display.look.mode,
            is_flying: self.viewport.camera.motion() == Motion::Fly,
            frusta: self.viewport.frusta,
            grid: self.viewport.grid,
            trails: self.viewport.trails,
            cameras_panel: self.prefs.panels.cameras,
            side_panel: self.prefs.panels.side,
            bottom_panel: self.prefs.panels.bottom,
        }
    }

    /// Carries an action out, or asks first when something would be lost by it.
    pub(super) fn perform(&mut self, action: Action) {
        let loses =
            matches!(action, Action::OpenPath(_) | Action::Close | Action::Quit | Action::Start | Action::Continue);
        if !loses || self.may(action.clone()) {
            self.perform_now(action);
        }
    }

    /// Carries an action out.
    pub(super) fn perform_now(&mut self, action: Action) {
        match action {
            Action::OpenFolder => self.ask_to_open(Wanted::Folder),
            Action::OpenFile => self.ask_to_open(Wanted::File),
            Action::OpenPath(path) => self.open_path(path),
            Action::Save => self.save(),
            Action::SaveAs => self.export(),
            Action::Close => self.close(),
            Action::Quit => {
                self.may_quit = true;
                self.ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Action::Start => self.start(false),
            Action::Continue => self.start(true),
            Action::Pause => self.command(Command::Pause),
            Action::Resume => self.command(Command::Resume),
            Action::StepOnce => self.command(Command::Step(1)),
            Action::Stop => self.command(Command::Stop),
            Action::Checkpoint => self.command(Command::Save),
            Action::Show(mode) => self.show_mode(mode),
            Action::FrameAll => self.frame_all(),
            Action::Focus => self.focus(),
            Action::ToggleFly => self.toggle_fly(),
            Action::Axis(axis) => {
                self.viewport.leave_camera();
                self.viewport.camera.axis_view(axis);
            }
            Action::LevelHorizon => self.viewport.camera.level_horizon(),
            Action::UpFromView => self.viewport.camera.up_from_view(),
            Action::NextCamera => self.step_camera(1),
            Action::PreviousCamera => self.step_camera(-1),
            Action::LookThrough(index) => self.look_through(index),
            Action::LeaveCamera => self.viewport.leave_camera(),
            Action::ToggleFrusta => self.viewport.frusta = !self.viewport.frusta,
            Action::ToggleGrid => self.viewport.grid = !self.viewport.grid,
            Action::ToggleTrails => self.viewport.trails = !self.viewport.trails,
            Action::NextFrame => self.step_frame(1),
            Action::PreviousFrame => self.step_frame(-1),
            Action::PlayScene => self.viewport.timeline.toggle(std::time::Instant::now()),
            Action::Screenshot => self.screenshot(),
            Action::Tool(tool) => {
                self.choose_tool(tool);
                if tool != Tool::Navigate {
                    self.prefs.panels.side = true;
                    self.widgets.side = SideTab::Inspect;
                }
            }
            Action::Undo => self.undo(false),
            Action::Redo => self.undo(true),
            Action::SelectAll => self.edit(&Edit::SelectAll),
            Action::SelectNone => self.edit(&Edit::SelectNone),
            Action::InvertSelection => self.edit(&Edit::InvertSelection),
            Action::Delete => self.edit(&Edit::DeleteSelected),
            Action::KeepOnly => self.edit(&Edit::KeepOnlySelected),
            Action::Hide => self.edit(&Edit::HideSelected),
            Action::UnhideAll => self.edit(&Edit::UnhideAll),
            Action::AddKey => self.add_key(),
            Action::RemoveKey => self.remove_key(),
            Action::PlayPath => self.toggle_playing(),
            Action::Toggle(panel) => {
                let shown = match panel {
                    Panel::Cameras => &mut self.prefs.panels.cameras,
                    Panel::Side => &mut self.prefs.panels.side,
                    Panel::Bottom => &mut self.prefs.panels.bottom,
                };
                *shown = !*shown;
            }
            Action::Palette => self.widgets.palette.toggle(),
            Action::Shortcuts => self.widgets.shortcuts = !self.widgets.shortcuts,
            Action::ToggleTheme => self.prefs.theme = theme::toggled(&self.ctx),
            Action::ZoomIn => self.prefs.ui_scale = theme::larger(self.prefs.ui_scale),
            Action::ZoomOut => self.prefs.ui_scale = theme::smaller(self.prefs.ui_scale),
            Action::ResetLayout => {
                self.prefs.panels = Panels::default();
                // Sizes of panels live in egui's memory, and so does the theme.
                self.ctx.memory_mut(|memory| *memory = egui::Memory::default());
                self.applied_theme = None;
            }
        }
    }

    fn ask_to_open(&mut self, wanted: Wanted) {
        let (title, filters) = match wanted {
            Wanted::Folder => ("Open a folder of photos or a run", &[][..]),
            _ => ("Open a splat file", readable_files()),
        };
        let ask = AskPath { title, wanted, folder: self.prefs.folders.open.clone(), filters };
        self.dialogs.ask(&self.ctx, Purpose::Open, ask);
    }

    /// A path was chosen.
    pub(super) fn answered(&mut self, purpose: Purpose, path: PathBuf) {
        match purpose {
            Purpose::Open => self.perform(Action::OpenPath(path)),
            Purpose::Save => self.write(with_extension(path, "ply"), None),
            Purpose::Export => self.widgets.export.set_path(&path),
            Purpose::Screenshot => self.write_screenshot(with_extension(path, "png")),
            Purpose::ImportPath => self.import_path(&path),
            Purpose::ExportPath => self.export_path(&with_extension(path, "json")),
            Purpose::Film => {
                if let Some(dialog) = &mut self.widgets.path.dialog {
                    dialog.target = path.display().to_string();
                }
            }
        }
    }

    fn step_camera(&mut self, by: isize) {
        let Some(scene) = &self.scene else { return };
        let count = scene.views.len() as isize;
        if count == 0 {
            return;
        }
        let next = match self.viewport.looking {
            Some(index) => (index as isize + by).rem_euclid(count),
            None if by > 0 => 0,
            None => count - 1,
        };
        self.look_through(next as usize);
    }

    /// Copies what is kept between sessions from where it lives while the window is open.
    pub(super) fn keep_prefs(&mut self) {
        let (display, viewport) = (&self.widgets.display, &self.viewport);
        let look = &mut self.prefs.look;
        look.background = display.look.background;
        look.frusta_size = display.frusta_size as f32;
        look.fov_degrees = display.fov_y_deg as f32;
        look.coarse_while_moving = !display.full_while_moving;
        (look.frusta, look.grid, look.trails) = (viewport.frusta, viewport.grid, viewport.trails);
        self.prefs.navigation.speed = viewport.camera.speed() as f32;
        self.prefs.navigation.lock_horizon = viewport.camera.horizon_locked();
    }
}

/// A name without an extension gets the usual one.
fn with_extension(path: PathBuf, extension: &str) -> PathBuf {
    if Path::new(&path).extension().is_some() { path } else { path.with_extension(extension) }
}
