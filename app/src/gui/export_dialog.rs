//! Writing splats to a file: in which format, how much of them, and where to.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Context, DragValue, TextEdit, Ui};
use splat_core::formats::{FORMATS, Format, FormatRow, WriteOptions};

use super::theme;
use crate::cli::output::{bytes, thousands};

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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExportRequest {
    /// Where to, with the extension of the format; a file there is to be replaced.
    pub(crate) path: PathBuf,
    /// What was chosen.
    pub(crate) options: WriteOptions,
    /// Leave hidden splats out.
    pub(crate) without_hidden: bool,
}

/// What the person wants of the dialog.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExportReply {
    /// Ask for the path with a file dialog, then call [`ExportDialog::set_path`].
    Browse,
    /// Write the file.
    Export(ExportRequest),
}

/// The dialog, open or closed.
#[derive(Debug)]
pub(crate) struct ExportDialog {
    open: bool,
    format: Format,
    /// What formats ask beside the SH degree.
    options: WriteOptions,
    /// `None` keeps all there is.
    sh_degree: Option<u8>,
    without_hidden: bool,
    path: String,
    /// The path that is there already and waits to be confirmed.
    replace: Option<PathBuf>,
}

impl Default for ExportDialog {
    fn default() -> Self {
        let options = WriteOptions::default();
        let (open, without_hidden, path) = (false, false, String::new());
        Self { open, format: Format::Ply, options, sh_degree: None, without_hidden, path, replace: None }
    }
}

impl ExportDialog {
    /// Opens it with a path proposed; what was chosen last time stays.
    pub(crate) fn open(&mut self, path: &Path) {
        (self.open, self.sh_degree) = (true, None);
        self.set_path(path);
    }

    /// The usual extension of the chosen format.
    pub(crate) fn extension(&self) -> &'static str {
        self.format.row().extensions[0]
    }

    /// Whether it is shown.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The answer to [`ExportReply::Browse`].
    pub(crate) fn set_path(&mut self, path: &Path) {
        self.path = path.display().to_string();
        self.typed();
    }

    /// The path is another one: an extension that is known chooses the format.
    fn typed(&mut self) {
        self.replace = None;
        if let Ok(row) = Format::of_output(Path::new(self.path.trim())) {
            self.format = row.format;
        }
    }

    /// Another format: the path follows it.
    fn choose(&mut self, format: Format) {
        if let Some(stem) = self.path.trim().strip_suffix(self.extension()).filter(|stem| stem.ends_with('.')) {
            self.path = format!("{stem}{}", format.row().extensions[0]);
        }
        (self.format, self.replace) = (format, None);
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

    /// Format, what it asks, and what is left out.
    fn choices(&mut self, ui: &mut Ui, data: &Exportable) {
        let row = self.format.row();
        egui::Grid::new("export choices").num_columns(2).spacing([16.0, 8.0]).show(ui, |ui| {
            let label = ui.label("Format");
            let combo = ComboBox::from_id_salt("format").selected_text(row.name);
            let mut format = self.format;
            let response = combo.show_ui(ui, |ui| {
                for row in FORMATS.iter().filter(|row| row.write.is_some()) {
                    ui.selectable_value(&mut format, row.format, row.name).on_hover_text(row.about);
                }
            });
            response.response.labelled_by(label.id);
            if format != self.format {
                self.choose(format);
            }
            ui.end_row();

            let label = ui.label("View-dependent colour");
            let all = data.sh_degree.min(row.max_sh_degree);
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
            self.particulars(ui, row);
        });
        ui.weak(row.about);
        if row.max_sh_degree < data.sh_degree {
            let most = describe_degree(row.max_sh_degree, 3);
            ui.colored_label(ui.visuals().warn_fg_color, format!("View-dependent colour in these files: {most}."));
        }
        let text = format!("Leave out {} hidden splats", thousands(data.hidden as u64));
        ui.add_enabled(data.hidden > 0, egui::Checkbox::new(&mut self.without_hidden, text))
            .on_disabled_hover_text("No splats are hidden.");
    }

    /// What only some formats ask.
    fn particulars(&mut self, ui: &mut Ui, row: &FormatRow) {
        if row.extensions.contains(&"spz") {
            let label = ui.label("Version");
            let combo = ComboBox::from_id_salt("spz version").selected_text(self.options.spz_version.to_string());
            let response = combo.show_ui(ui, |ui| {
                for version in [3, 4] {
                    ui.selectable_value(&mut self.options.spz_version, version, version.to_string());
                }
            });
            response.response.labelled_by(label.id);
            ui.end_row();
        }
        if row.extensions.contains(&"sog") {
            let label = ui.label("Rounds of clustering");
            ui.add(DragValue::new(&mut self.options.sog_sh_iters).range(1..=100)).labelled_by(label.id);
            ui.end_row();
        }
    }

    /// Where to; returns whether a file dialog is wanted.
    fn target(&mut self, ui: &mut Ui) -> bool {
        let label = ui.label("File");
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 100.0).max(80.0);
            let field = ui.add(TextEdit::singleline(&mut self.path).desired_width(width)).labelled_by(label.id);
            if field.changed() {
                self.typed();
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
        let options = self.chosen();
        ExportRequest { path, options, without_hidden: self.without_hidden && data.hidden > 0 }
    }

    /// The options with the SH degree.
    fn chosen(&self) -> WriteOptions {
        let default = WriteOptions::default().sh_degree;
        WriteOptions { sh_degree: self.sh_degree.unwrap_or(default), ..self.options.clone() }
    }

    /// The path with the extension of the format; `None` without a file name.
    fn target_path(&self) -> Option<PathBuf> {
        let text = self.path.trim();
        let path = PathBuf::from(text);
        let name = path.file_name().filter(|_| !text.ends_with(['/', std::path::MAIN_SEPARATOR]))?;
        let row = self.format.row();
        if Format::of_output(&path).is_ok_and(|own| own.format == row.format) {
            return Some(path);
        }
        // `garden.v2` becomes `garden.v2.ply`: what looks like another extension belongs to the name.
        let mut name = name.to_owned();
        name.push(".");
        name.push(row.extensions[0]);
        Some(path.with_file_name(name))
    }

    /// Splats and bytes of the file.
    fn estimate(&self, data: &Exportable) -> (u64, u64) {
        let left_out = if self.without_hidden { data.hidden } else { 0 };
        let count = data.splats.saturating_sub(left_out) as u64;
        let row = self.format.row();
        (count, (row.estimate)(count, row.kept_sh_degree(data.sh_degree, &self.chosen())))
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
    use super::{ExportDialog, ExportReply, ExportRequest, Exportable, FORMATS, Format, WriteOptions};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};
    use splat_core::formats::save_splats;
    use splat_core::scene::SplatCloud;
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
            let options = WriteOptions { comments: vec!["seed 42".into()], ..WriteOptions::default() };
            save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).expect("a file");
            let found = std::fs::metadata(&path).expect("a file").len();
            let estimated = (Format::Ply.row().estimate)(count as u64, degree);
            assert!(found.abs_diff(estimated) < 256, "degree {degree}: {found} is not {estimated}");
        }
    }

    #[test]
    fn the_path_follows_the_format_and_the_format_the_path() {
        let mut dialog = ExportDialog::default();
        for row in FORMATS.iter().filter(|row| row.write.is_some()) {
            dialog.open(Path::new("/data/garden.ply"));
            dialog.choose(row.format);
            let expected = PathBuf::from(format!("/data/garden.{}", row.extensions[0]));
            assert_eq!(dialog.target_path(), Some(expected.clone()));
            dialog.open(Path::new("/data/garden.ply"));
            dialog.set_path(&expected);
            assert_eq!((dialog.format, dialog.target_path()), (row.format, Some(expected)));
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
        ExportRequest { path: PathBuf::from(path), options: WriteOptions::default(), without_hidden: false }
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
        let options = WriteOptions { sh_degree: 0, ..WriteOptions::default() };
        let expected = ExportRequest { options, without_hidden: true, ..request("/data/new.ply") };
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
