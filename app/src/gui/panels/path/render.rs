//! The dialog that renders a path: how large, in which form, where to.

use std::path::PathBuf;

use egui::{Checkbox, Id, Modal, TextEdit, Ui};

use crate::cli::output::thousands;
use crate::gui::parts::{self, button, number};

use super::{PathData, PathRequest, PathState};

/// Longest edge of a frame, pixels.
const MAX_EDGE: f64 = 16_384.0;

/// What frames become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// A folder of PNGs.
    #[default]
    Folder,
    /// An MP4.
    Mp4,
    /// A WebM.
    WebM,
}

impl Format {
    const ALL: [(Format, &'static str, &'static str); 3] = [
        (Format::Folder, "PNG folder", "One lossless picture per frame"),
        (Format::Mp4, "MP4", "H.264, plays everywhere"),
        (Format::WebM, "WebM", "VP9, for web pages"),
    ];

    /// The ending of a file of this kind; folders have none.
    pub(crate) fn extension(self) -> Option<&'static str> {
        match self {
            Format::Folder => None,
            Format::Mp4 => Some("mp4"),
            Format::WebM => Some("webm"),
        }
    }

    /// `target` with the ending of this kind, in place of that of another.
    fn fitted(self, target: &str) -> String {
        let known = |end: &&str| target.to_lowercase().ends_with(*end) && target.len() > end.len();
        let stem =
            [".mp4", ".webm"].iter().find(|end| known(end)).and_then(|end| target.get(..target.len() - end.len()));
        match (stem.unwrap_or(target), self.extension()) {
            ("", _) => String::new(),
            (stem, Some(extension)) => format!("{stem}.{extension}"),
            (stem, None) => stem.to_owned(),
        }
    }
}

/// A path to render.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RenderRequest {
    /// Pixels; even for videos.
    pub(crate) width: u32,
    /// Pixels; even for videos.
    pub(crate) height: u32,
    /// Frames per second.
    pub(crate) frame_rate: f64,
    /// What frames become.
    pub(crate) format: Format,
    /// The file or folder.
    pub(crate) target: PathBuf,
    /// Whether what is there already may be replaced.
    pub(crate) replace: bool,
}

/// How the dialog is set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RenderDialog {
    /// Pixels.
    pub(crate) size: (f64, f64),
    /// What frames become.
    pub(crate) format: Format,
    /// The file or folder.
    pub(crate) target: String,
    /// Whether what is there already may be replaced.
    pub(crate) replace: bool,
}

impl Default for RenderDialog {
    fn default() -> Self {
        Self { size: (1920.0, 1080.0), format: Format::Folder, target: String::new(), replace: false }
    }
}

impl RenderDialog {
    /// Width and height in pixels, even for videos: H.264 and VP9 share colour between pairs of pixels.
    fn pixels(&self) -> (u32, u32) {
        let edge = |length: f64| {
            let length = length.clamp(1.0, MAX_EDGE) as u32;
            if self.format == Format::Folder { length } else { (length & !1).max(2) }
        };
        (edge(self.size.0), edge(self.size.1))
    }

    /// What is asked for, or what is missing.
    fn request(&self, data: &PathData<'_>) -> Result<RenderRequest, &'static str> {
        let (width, height) = self.pixels();
        if data.keys.is_empty() {
            Err("There are no keys")
        } else if self.format != Format::Folder && !data.ffmpeg {
            Err("Videos need ffmpeg, which was not found")
        } else if self.target.trim().is_empty() {
            Err("Say where to write to")
        } else if data.target_exists && !self.replace {
            Err("There is something there already")
        } else {
            let (format, frame_rate) = (self.format, data.frame_rate);
            let target = PathBuf::from(self.format.fitted(self.target.trim()));
            Ok(RenderRequest { width, height, frame_rate, format, target, replace: self.replace })
        }
    }
}

/// Draws the dialog, if it is open.
pub(super) fn show(ui: &Ui, data: &PathData<'_>, state: &mut PathState, requests: &mut Vec<PathRequest>) {
    let Some(dialog) = &mut state.dialog else { return };
    let modal = Modal::new(Id::unique("render path")).show(ui.ctx(), |ui| {
        ui.set_width(420.0);
        ui.heading("Render path");
        fields(ui, data, dialog, requests);
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let request = dialog.request(data);
            let about = "Frames are written one by one; work can go on meanwhile";
            let start = button(ui, request.as_ref().err().copied(), "Render", about);
            if start && let Ok(request) = request {
                requests.push(PathRequest::Render(request));
            }
            start || ui.button("Cancel").clicked()
        })
        .inner
    });
    if modal.inner || modal.should_close() {
        // Next time it opens as it was left, but never ready to overwrite.
        state.last = RenderDialog { replace: false, ..dialog.clone() };
        state.dialog = None;
    }
}

fn fields(ui: &mut Ui, data: &PathData<'_>, dialog: &mut RenderDialog, requests: &mut Vec<PathRequest>) {
    ui.horizontal_wrapped(|ui| {
        let viewport = (data.viewport.0.max(1), data.viewport.1.max(1));
        for (name, size) in
            [("720p", (1280, 720)), ("1080p", (1920, 1080)), ("4K", (3840, 2160)), ("As shown", viewport)]
        {
            let size = (f64::from(size.0), f64::from(size.1));
            if ui.selectable_label(dialog.size == size, name).clicked() {
                dialog.size = size;
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label("Size");
        for (name, edge) in [("Width", &mut dialog.size.0), ("Height", &mut dialog.size.1)] {
            parts::drag(ui, name, edge, 1.0..=MAX_EDGE, |field| field.speed(2.0).fixed_decimals(0).suffix(" px"));
            *edge = edge.round();
        }
    });
    let before = dialog.format;
    ui.horizontal_wrapped(|ui| {
        for (format, name, about) in Format::ALL {
            ui.radio_value(&mut dialog.format, format, name).on_hover_text(about);
        }
    });
    if dialog.format != before {
        dialog.target = dialog.format.fitted(&dialog.target);
    }
    if dialog.format != Format::Folder && !data.ffmpeg {
        let text = "ffmpeg was not found. Install it and put it on the PATH, or render a PNG folder.";
        ui.colored_label(ui.visuals().warn_fg_color, text);
    }
    ui.horizontal(|ui| {
        let name = if dialog.format == Format::Folder { "Folder" } else { "File" };
        let label = ui.label(name);
        let width = (ui.available_width() - 90.0).max(80.0);
        ui.add(TextEdit::singleline(&mut dialog.target).desired_width(width)).labelled_by(label.id);
        if ui.button("Browse…").clicked() {
            requests.push(PathRequest::Browse(dialog.format));
        }
    });
    if data.target_exists {
        ui.add(Checkbox::new(&mut dialog.replace, "Replace what is there"));
    }
    let (width, height) = dialog.pixels();
    let (frames, seconds) = (thousands(data.frames()), number(data.duration));
    ui.weak(format!("{frames} frames of {width}×{height} pixels, {seconds} s"));
}

#[cfg(test)]
mod tests {
    use super::{Format, RenderDialog};

    #[test]
    fn the_ending_follows_the_format() {
        for (format, given, expected) in [
            (Format::Mp4, "/tmp/turn", "/tmp/turn.mp4"),
            (Format::Mp4, "/tmp/turn.MP4", "/tmp/turn.mp4"),
            (Format::WebM, "/tmp/turn.mp4", "/tmp/turn.webm"),
            (Format::Folder, "/tmp/turn.webm", "/tmp/turn"),
            (Format::Folder, "/tmp/v1.2", "/tmp/v1.2"),
            (Format::Mp4, "/tmp/v1.2", "/tmp/v1.2.mp4"),
            (Format::Mp4, "", ""),
            (Format::WebM, "größe", "größe.webm"),
        ] {
            assert_eq!(format.fitted(given), expected, "{format:?} {given}");
        }
    }

    #[test]
    fn videos_have_even_sizes() {
        let dialog = |format, size| RenderDialog { format, size, ..RenderDialog::default() }.pixels();
        assert_eq!(dialog(Format::Folder, (641.0, 1.0)), (641, 1));
        assert_eq!(dialog(Format::Mp4, (641.0, 1.0)), (640, 2));
        assert_eq!(dialog(Format::Folder, (1e9, 0.0)), (16_384, 1));
    }
}
