//! Writing the picture to a file, at any size.

use std::path::{Path, PathBuf};

use egui::{Context, DragValue};

use super::{App, Purpose};
use crate::gui::dialogs::{Ask as AskPath, Filter, Wanted};
use crate::gui::tasks::Task;
use crate::gui::theme;
use crate::gui::worker::Ask;

const PNG: &[Filter] = &[Filter { name: "PNG picture", extensions: &["png"] }];

/// Asks for the size of a screenshot.
pub(super) struct ShotDialog {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl App {
    /// Opens the dialog for a screenshot.
    pub(super) fn screenshot(&mut self) {
        let (width, height) = self.viewport.size;
        self.widgets.shot = Some(ShotDialog { width, height });
    }

    /// The dialog for a screenshot, while it is open.
    pub(super) fn shot_dialog(&mut self, ctx: &Context) {
        let Some(dialog) = &mut self.widgets.shot else { return };
        let aspect = f64::from(self.viewport.size.0) / f64::from(self.viewport.size.1);
        let (mut close, mut save) = (false, false);
        let modal = theme::dialog(ctx, "Save the picture").show(ctx, |ui| {
            ui.heading("Save the picture");
            ui.horizontal(|ui| {
                let width = ui.label("Width");
                if ui
                    .add(DragValue::new(&mut dialog.width).range(1..=16384).suffix(" px"))
                    .labelled_by(width.id)
                    .changed()
                {
                    dialog.height = ((f64::from(dialog.width) / aspect).round() as u32).clamp(1, 16384);
                }
                let height = ui.label("Height");
                if ui
                    .add(DragValue::new(&mut dialog.height).range(1..=16384).suffix(" px"))
                    .labelled_by(height.id)
                    .changed()
                {
                    dialog.width = ((f64::from(dialog.height) * aspect).round() as u32).clamp(1, 16384);
                }
            });
            ui.horizontal(|ui| {
                for (label, height) in [("As shown", self.viewport.size.1), ("1080 lines", 1080), ("4K", 2160)] {
                    if ui.button(label).clicked() {
                        dialog.height = height;
                        dialog.width = ((f64::from(height) * aspect).round() as u32).clamp(1, 16384);
                    }
                }
            });
            ui.separator();
            ui.horizontal(|ui| {
                save = ui.button("Save as …").clicked();
                close = ui.button("Cancel").clicked();
            });
        });
        if save {
            let folder = self.prefs.folders.pictures.clone();
            let ask =
                AskPath { title: "Save the picture", wanted: Wanted::Save("splat.png".into()), folder, filters: PNG };
            self.dialogs.ask(ctx, Purpose::Screenshot, ask);
        } else if close || modal.should_close() {
            self.widgets.shot = None;
        }
    }

    /// Writes the picture at the size of the dialog.
    pub(super) fn write_screenshot(&mut self, path: PathBuf) {
        let Some(dialog) = self.widgets.shot.take() else { return };
        let Some(view) = self.wanted_view() else { return };
        let view = match self.viewport.looking {
            Some(_) => view.resized(dialog.width, dialog.height),
            None => {
                let Some(scene) = &self.scene else { return };
                let view = self.viewport.camera.view(dialog.width, dialog.height);
                scene.document.transform().inverse().transform_view(&view)
            }
        };
        self.prefs.folders.pictures = path.parent().map(Path::to_owned);
        self.worker.ask(Ask::Task(Task::Shot { view: Box::new(view), look: self.widgets.display.look.clone(), path }));
    }
}
