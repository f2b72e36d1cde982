//! The panels around the viewport: plain data in, actions and requests out.

use egui::{ScrollArea, Ui};
use splat_core::look::Mode;
use splat_core::session::Command;

use super::{App, BottomTab, SideTab};
use crate::gui::action::Action;
use crate::gui::panels::cameras::{self, CamerasData, CamerasRequest};
use crate::gui::panels::display::{self, DisplayData};
use crate::gui::panels::inspect::{self, InspectData};
use crate::gui::panels::{log, plots, settings, timing, training};
use crate::gui::training::log::Level;
use crate::gui::worker::Ask;

impl App {
    /// The panel on the left.
    pub(super) fn cameras_panel(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let live = self.training.run.is_live();
        let Some(scene) = &mut self.scene else { return };
        let data = CamerasData {
            views: &scene.items,
            generation: scene.documents,
            scores: &scene.scores,
            looking: self.viewport.looking,
            time: scene.document.cloud().motion.map(|_| self.viewport.timeline.at()),
            scoring: self.scoring,
            blocked: match (scene.trained, live) {
                (false, _) => Some("There are no trained splats yet"),
                (true, true) => Some("Held-out photos are scored while training; stop it to score all"),
                (true, false) => None,
            },
        };
        let request = cameras::show(ui, &data, &mut self.widgets.cameras, &mut scene.thumbnails, actions);
        let count = scene.views.len();
        match request {
            Some(CamerasRequest::ScoreAll) => self.score((0..count).collect()),
            Some(CamerasRequest::CancelScoring) => {
                self.worker.ask(Ask::CancelTasks);
                (self.scoring, self.busy) = (None, None);
            }
            None => {}
        }
    }

    /// The panel on the right.
    pub(super) fn side_panel(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let has_photos = self.scene.as_ref().is_some_and(|scene| scene.photos.is_some());
        ui.horizontal_wrapped(|ui| {
            let tabs = [
                (SideTab::Train, "Train", has_photos),
                (SideTab::Settings, "Settings", has_photos),
                (SideTab::Display, "Display", true),
                (SideTab::Inspect, "Inspect", true),
                (SideTab::Path, "Path", true),
            ];
            for (tab, label, possible) in tabs {
                ui.add_enabled_ui(possible, |ui| {
                    ui.selectable_value(&mut self.widgets.side, tab, label)
                        .on_disabled_hover_text("Open a folder of photos to train");
                });
            }
        });
        ui.separator();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| match self.widgets.side {
            SideTab::Train => {
                let summary = self.scene.as_ref().and_then(|scene| scene.summary.as_ref());
                training::show(ui, &self.training, &mut self.widgets.setup, summary, actions);
            }
            SideTab::Settings => {
                if let Some(patch) = settings::show(ui, &mut self.widgets.setup, self.training.run.is_live()) {
                    self.command(Command::Set(patch));
                }
            }
            SideTab::Display => self.display_tab(ui, actions),
            SideTab::Inspect => self.inspect_tab(ui, actions),
            SideTab::Path => self.path_tab(ui, actions),
        });
    }

    fn display_tab(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(scene) = &self.scene else { return };
        let no_age = (!scene.has_ages).then_some("Only splats in training have an age");
        let moves = scene.document.cloud().motion.is_some();
        let unavailable = |mode| match mode {
            Mode::Age => no_age,
            Mode::Motion if !moves => Some("The scene does not move"),
            _ => None,
        };
        let modes: Vec<_> = Mode::ALL.iter().map(|&mode| (mode, unavailable(mode))).collect();
        let data = DisplayData {
            modes: &modes,
            max_sh_degree: scene.document.cloud().sh_degree,
            auto_near: f64::from(scene.raster.near),
            extent: self.viewport.extent,
            through_photo: self.viewport.looking.is_some(),
            grid: self.viewport.grid,
            frusta: self.viewport.frusta,
            trails: moves.then_some(self.viewport.trails),
        };
        if display::show(ui, &data, &mut self.widgets.display, actions) {
            let state = &self.widgets.display;
            self.viewport.camera.set_near(state.look.near.map(f64::from));
            if self.viewport.looking.is_none() {
                self.viewport.camera.set_fov_y(state.fov_y_deg);
            }
        } else if self.viewport.looking.is_none() {
            // A photo's camera brings its own field of view.
            self.widgets.display.fov_y_deg = self.viewport.camera.fov_y();
        }
    }

    fn inspect_tab(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let blocked = self.editing_blocked();
        let Some(scene) = &self.scene else { return };
        let document = &scene.document;
        let (history, done) = document.labels();
        let data = InspectData {
            blocked,
            tool: self.viewport.tool,
            moves: document.cloud().motion.is_some(),
            splats: scene.splats() as u64,
            selected: document.selected().count() as u64,
            hidden: document.hidden().count() as u64,
            deleted: document.deleted().count() as u64,
            extent: self.viewport.extent,
            revision: (scene.documents << 32) + document.revisions().shown + document.revisions().transform,
            histogram: self.widgets.histogram.as_ref(),
            measured: self.viewport.distance(),
            history: &history,
            done,
        };
        let requests = inspect::show(ui, &data, &mut self.widgets.inspect, actions);
        for request in requests {
            self.inspect(request);
        }
    }

    /// The panel at the bottom.
    pub(super) fn bottom_panel(&mut self, ui: &mut Ui) {
        // A short tab must not shrink the panel.
        ui.set_min_height(ui.available_height());
        ui.horizontal(|ui| {
            let warnings = self.training.log.count(Level::Warning) + self.training.log.count(Level::Error);
            let log = if warnings > 0 { format!("Log ({warnings})") } else { "Log".into() };
            ui.selectable_value(&mut self.widgets.bottom, BottomTab::Plots, "Plots");
            ui.selectable_value(&mut self.widgets.bottom, BottomTab::Timing, "Timing");
            ui.selectable_value(&mut self.widgets.bottom, BottomTab::Log, log);
        });
        ui.separator();
        match self.widgets.bottom {
            BottomTab::Plots => plots::show(ui, &self.training.history, &mut self.widgets.plots),
            BottomTab::Timing => {
                let (profiling, live) = (self.training.profiling, self.training.run.is_live());
                let profile = self.training.profile.as_ref();
                if let Some(wanted) = timing::show(ui, profile, profiling, live, &mut self.widgets.timing) {
                    self.command(Command::Profile(wanted));
                }
            }
            BottomTab::Log => log::show(ui, &self.training.log, &mut self.widgets.log),
        }
    }
}
