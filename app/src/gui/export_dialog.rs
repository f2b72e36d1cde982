//! Writing splats to a file: in which format, how much of them, and where to.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Context, TextEdit, Ui};

use super::theme;
use crate::cli::output::{bytes, thousands};

/// A kind of file that splats can be written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// The layout of the reference implementation [Kerbl 2023], 32-bit floats.
    #[default]
    Ply,
}

/// One row of the list of formats.
struct Row {
    format: Format,
    label: &'static str,
    extension: &'static str,
    about: &'static str,
    /// Bytes of a file of so many splats at an SH degree.
    size: fn(u64, u8) -> u64,
}

const ROWS: &[Row] = &[Row {
    format: Format::Ply,
    label: "PLY, 32-bit floats",
    extension: "ply",
    about: "Nothing is lost. Read by nearly every other program.",
    size: ply_size,
}];

/// SH rows beyond the constant one.
fn sh_rows(degree: u8) -> u64 {
    let side = u64::from(degree) + 1;
    side * side - 1
}

/// Position, normal, colour, opacity, scales and rotation are 17 floats, each SH row beyond the constant 3 more. In the
/// header, each of them has a line of 21 or 25 bytes behind about 150 of format and comments.
fn ply_size(splats: u64, degree: u8) -> u64 {
    let rest = 3 * sh_rows(degree);
    150 + 21 * 17 + 25 * rest + splats * (17 + rest) * 4
}

/// What there is to export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exportable {
    /// Splats that are not deleted.
    pub(crate) splats: usize,
    /// Those among them that are hidden.
    pub(crate) hidden: usize,
    /// SH degree of the scene.
    pub(crate) sh_degree: u8,
}

/// A confirmed export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportRequest {
    /// The kind of file.
    pub(crate) format: Format,
    /// Where to; a file there is to be replaced.
    pub(crate) path: PathBuf,
    /// SH degree to keep; higher coefficients are left out.
    pub(crate) sh_degree: u8,
    /// Leave hidden splats out.
    pub(crate) without_hidden: bool,
}

/// What the person wants of the dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExportReply {
    /// Ask for the path with a file dialog, then call [`ExportDialog::set_path`].
    Browse,
    /// Write the file.
    Export(ExportRequest),
}

/// The dialog, open or closed.
#[derive(Debug, Default)]
pub(crate) struct ExportDialog {
    open: bool,
    format: Format,
    /// `None` keeps all there is.
    sh_degree: Option<u8>,
    without_hidden: bool,
    path: String,
    /// The path that is there already and waits to be confirmed.
    replace: Option<PathBuf>,
}

impl ExportDialog {
    /// Opens it with a path proposed.
    pub(crate) fn open(&mut self, path: &Path) {
        *self = Self { open: true, format: self.format, without_hidden: self.without_hidden, ..Self::default() };
        self.set_path(path);
    }

    /// Whether it is shown.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The answer to [`ExportReply::Browse`].
    pub(crate) fn set_path(&mut self, path: &Path) {
        self.path = path.display().to_string();
        self.replace = None;
    }

    /// Shows it if it is open. `exists` is asked once, when Export is pressed.
    pub(crate) fn show(
        &mut self,
        ctx: &Context,
        data: &Exportable,
        exists: &dyn Fn(&Path) -> bool,
    ) -> Option<ExportReply> {
        if !self.open {
            return None;
        }
        let modal = theme::dialog(ctx, "Export splats").show(ctx, |ui| {
            ui.set_width(480.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading("Export splats");
            ui.add_space(4.0);
            self.choices(ui, data);
            ui.add_space(6.0);
            let browse = self.target(ui);
            ui.add_space(6.0);
            let export = self.buttons(ui, data, exists);
            browse.then_some(ExportReply::Browse).or(export)
        });
        if modal.should_close() {
            self.open = false;
            return None;
        }
        if let Some(ExportReply::Export(_)) = modal.inner {
            self.open = false;
        }
        modal.inner
    }

    fn row(&self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.format == self.format)
    }

    /// Format, SH degree, and what is left out.
    fn choices(&mut self, ui: &mut Ui, data: &Exportable) {
        let row = self.row();
        egui::Grid::new("export choices").num_columns(2).spacing([16.0, 8.0]).show(ui, |ui| {
            let label = ui.label("Format");
            let combo = ComboBox::from_id_salt("format").selected_text(row.map_or("", |row| row.label));
            let response = combo.show_ui(ui, |ui| {
                for row in ROWS {
                    ui.selectable_value(&mut self.format, row.format, row.label).on_hover_text(row.about);
                }
            });
            response.response.labelled_by(label.id);
            ui.end_row();

            let label = ui.label("View-dependent colour");
            let all = data.sh_degree.min(3);
            let mut degree = self.sh_degree.unwrap_or(all).min(all);
            let combo = ComboBox::from_id_salt("sh degree").selected_text(describe_degree(degree, all));
            let response = ui.add_enabled_ui(all > 0, |ui| {
                combo.show_ui(ui, |ui| {
                    for value in (0..=all).rev() {
                        ui.selectable_value(&mut degree, value, describe_degree(value, all));
                    }
                })
            });
            response.inner.response.labelled_by(label.id);
            self.sh_degree = (degree < all).then_some(degree);
            ui.end_row();
        });
        if let Some(row) = row {
            ui.weak(row.about);
        }
        let text = format!("Leave out {} hidden splats", thousands(data.hidden as u64));
        ui.add_enabled(data.hidden > 0, egui::Checkbox::new(&mut self.without_hidden, text))
            .on_disabled_hover_text("No splats are hidden.");
    }

    /// Where to; returns whether a file dialog is wanted.
    fn target(&mut self, ui: &mut Ui) -> bool {
        let label = ui.label("File");
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 100.0).max(80.0);
            let field = ui.add(TextEdit::singleline(&mut self.path).desired_width(width)).labelled_by(label.id);
            if field.changed() {
                self.replace = None;
            }
            ui.button("Browse…").clicked()
        })
        .inner
    }

    /// Size, and the buttons that end the dialog or ask once more.
    fn buttons(&mut self, ui: &mut Ui, data: &Exportable, exists: &dyn Fn(&Path) -> bool) -> Option<ExportReply> {
        let (count, size) = self.estimate(data);
        ui.label(format!("{} splats, about {}", thousands(count), bytes(size)));
        if let Some(path) = self.replace.clone() {
            ui.separator();
            ui.colored_label(ui.visuals().warn_fg_color, format!("{} is already there.", path.display()));
            return ui
                .horizontal(|ui| {
                    let replace = ui.button("Replace it").clicked();
                    if ui.button("Choose another name").clicked() {
                        self.replace = None;
                    }
                    replace.then(|| ExportReply::Export(self.request(path, data)))
                })
                .inner;
        }
        let target = self.target_path();
        let refused = match (&target, count) {
            (_, 0) => Some("No splats are left to write."),
            (None, _) => Some("Type a file name first."),
            _ => None,
        };
        ui.horizontal(|ui| {
            let export = ui.add_enabled(refused.is_none(), egui::Button::new("Export"));
            let pressed = export.on_disabled_hover_text(refused.unwrap_or_default()).clicked();
            if ui.button("Cancel").clicked() {
                self.open = false;
            }
            let path = target.filter(|_| pressed)?;
            if exists(&path) {
                self.replace = Some(path);
                return None;
            }
            Some(ExportReply::Export(self.request(path, data)))
        })
        .inner
    }

    fn request(&self, path: PathBuf, data: &Exportable) -> ExportRequest {
        let sh_degree = self.sh_degree.unwrap_or(data.sh_degree).min(data.sh_degree);
        ExportRequest { format: self.format, path, sh_degree, without_hidden: self.without_hidden && data.hidden > 0 }
    }

    /// The path with the extension of the format; `None` without a file name.
    fn target_path(&self) -> Option<PathBuf> {
        let text = self.path.trim();
        let path = PathBuf::from(text);
        let name = path.file_name().filter(|_| !text.ends_with(['/', std::path::MAIN_SEPARATOR]))?;
        let extension = self.row()?.extension;
        if path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension)) {
            return Some(path);
        }
        // `garden.v2` becomes `garden.v2.ply`: what looks like another extension belongs to the name.
        let mut name = name.to_owned();
        name.push(".");
        name.push(extension);
        Some(path.with_file_name(name))
    }

    /// Splats and bytes of the file.
    fn estimate(&self, data: &Exportable) -> (u64, u64) {
        let left_out = if self.without_hidden { data.hidden } else { 0 };
        let count = data.splats.saturating_sub(left_out) as u64;
        let degree = self.sh_degree.unwrap_or(data.sh_degree).min(data.sh_degree);
        (count, self.row().map_or(0, |row| (row.size)(count, degree)))
    }
}

fn describe_degree(degree: u8, all: u8) -> String {
    let text = match degree {
        0 => "none: one colour from everywhere".to_owned(),
        degree => format!("degree {degree}"),
    };
    if degree == all && all > 0 { format!("{text} (all there is)") } else { text }
}

#[cfg(test)]
mod tests {
    use super::{ExportDialog, ExportReply, ExportRequest, Exportable, Format, ROWS, ply_size};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};
    use splat_core::scene::{SplatCloud, write_splats};
    use std::path::{Path, PathBuf};

    #[test]
    fn the_estimate_is_the_size_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (degree, count) in [(0, 0), (0, 100), (1, 57), (2, 1000), (3, 321)] {
            let rows = [0, 3, 8, 15][usize::from(degree)];
            let cloud = SplatCloud {
                means: vec![[0.0; 3]; count],
                quats: vec![[1.0, 0.0, 0.0, 0.0]; count],
                log_scales: vec![[0.0; 3]; count],
                opacity_logits: vec![0.0; count],
                sh0: vec![[0.0; 3]; count],
                sh_rest: vec![0.0; count * rows * 3],
                sh_degree: degree,
                ..SplatCloud::default()
            };
            let path = folder.path().join("a.ply");
            write_splats(&path, &cloud, &["seed 42".into()]).expect("a file");
            let found = std::fs::metadata(&path).expect("a file").len();
            let estimated = ply_size(count as u64, degree);
            assert!(found.abs_diff(estimated) < 256, "degree {degree}: {found} is not {estimated}");
        }
    }

    #[test]
    fn every_format_has_a_row() {
        for row in ROWS {
            match row.format {
                Format::Ply => assert_eq!(row.extension, "ply"),
            }
            assert!((row.size)(1000, 3) > (row.size)(1000, 0));
        }
    }

    struct Shown {
        dialog: ExportDialog,
        data: Exportable,
        replies: Vec<ExportReply>,
    }

    fn harness(data: Exportable, path: &str) -> Harness<'static, Shown> {
        let mut dialog = ExportDialog::default();
        dialog.open(Path::new(path));
        let mut harness = Harness::new_ui_state(
            |ui, shown: &mut Shown| {
                let exists = |path: &Path| path == Path::new("/data/old.ply");
                shown.replies.extend(shown.dialog.show(ui.ctx(), &shown.data, &exists));
            },
            Shown { dialog, data, replies: vec![] },
        );
        harness.run();
        harness
    }

    const DATA: Exportable = Exportable { splats: 1_000_000, hidden: 250_000, sh_degree: 3 };

    fn request(path: &str) -> ExportRequest {
        ExportRequest { format: Format::Ply, path: PathBuf::from(path), sh_degree: 3, without_hidden: false }
    }

    #[test]
    fn exports_all_there_is_unless_told_otherwise() {
        let mut harness = harness(DATA, "/data/new.ply");
        harness.get_by_label("1,000,000 splats, about 236.5 MiB");
        harness.get_by_label("Export").click();
        harness.run();
        assert_eq!(harness.state().replies, [ExportReply::Export(request("/data/new.ply"))]);
        assert!(!harness.state().dialog.is_open());
    }

    #[test]
    fn less_makes_a_smaller_file() {
        let mut harness = harness(DATA, "/data/new.ply");
        harness.get_by_label("Leave out 250,000 hidden splats").click();
        harness.run();
        harness.get_by_label("View-dependent colour").click();
        harness.run();
        harness.get_by_label("none: one colour from everywhere").click();
        harness.run();
        harness.get_by_label("750,000 splats, about 48.6 MiB");
        harness.get_by_label("Export").click();
        harness.run();
        let expected = ExportRequest { sh_degree: 0, without_hidden: true, ..request("/data/new.ply") };
        assert_eq!(harness.state().replies, [ExportReply::Export(expected)]);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_confirmed() {
        let mut harness = harness(DATA, "/data/old.ply");
        harness.get_by_label("Export").click();
        harness.run();
        assert_eq!(harness.state().replies, []);
        harness.get_by_label("/data/old.ply is already there.");
        harness.get_by_label("Choose another name").click();
        harness.run();
        harness.get_by_label("Export").click();
        harness.run();
        harness.get_by_label("Replace it").click();
        harness.run();
        assert_eq!(harness.state().replies, [ExportReply::Export(request("/data/old.ply"))]);
    }

    #[test]
    fn browsing_and_cancelling() {
        let mut harness = harness(DATA, "");
        assert!(harness.get_by_label("Export").accesskit_node().is_disabled());
        harness.get_by_label("Browse…").click();
        harness.run();
        assert_eq!(harness.state().replies, [ExportReply::Browse]);
        harness.state_mut().dialog.set_path(Path::new("/data/garden.v2"));
        harness.run();
        assert_eq!(harness.state().dialog.target_path(), Some("/data/garden.v2.ply".into()));
        harness.get_by_label("Cancel").click();
        harness.run();
        assert!(!harness.state().dialog.is_open());
    }

    #[test]
    fn nothing_left_is_not_exported() {
        let harness = harness(Exportable::default(), "/data/new.ply");
        assert!(harness.get_by_label("Export").accesskit_node().is_disabled());
    }
}
