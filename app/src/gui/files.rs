//! What paths hold, and what is dropped on the window.
//!
//! Nothing here reads a file whole; what a path holds is looked at on a thread of its own, since a path may lie on a
//! drive that has gone to sleep.

use std::path::{Path, PathBuf};

use egui::{Align2, Area, Context, Frame, Id, Order, RichText, Vec2};
use splat_core::Error;
use splat_core::formats::Format;
use splat_core::run::RunFolder;
use splat_core::scene::{count_splats, recognise};

use super::jobs::Job;
use crate::cli::output::thousands;

/// What a path holds, judged by names and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Photos with poses.
    PhotoScene,
    /// What a training left behind.
    Run,
    /// Finished splats of some format, and how many where the header tells.
    SplatFile(Format, Option<usize>),
    /// Nothing that Splat reads, and why.
    Unknown(String),
}

impl Kind {
    /// What opening it would do.
    pub(crate) fn promise(&self) -> String {
        match self {
            Self::PhotoScene => "Open photos to train from".into(),
            Self::Run => "Open run".into(),
            Self::SplatFile(_, Some(count)) => format!("Open splat file ({} splats)", thousands(*count as u64)),
            Self::SplatFile(format, None) => format!("Open splat file ({})", format.row().name),
            Self::Unknown(reason) => format!("Splat cannot open this: {reason}"),
        }
    }
}

/// Looks at what a path holds. Reads names and headers only, but may wait for a disk: not for the UI thread.
pub(crate) fn classify(path: &Path) -> Kind {
    let is_run = path.is_dir() && RunFolder::open(path).is_ok();
    let kind = match Format::of_file(path) {
        _ if is_run => Ok(Kind::Run),
        Ok(row) if row.format == Format::Ply => {
            count_splats(path).map(|count| Kind::SplatFile(Format::Ply, Some(count)))
        }
        Ok(row) => Ok(Kind::SplatFile(row.format, None)),
        Err(_) => recognise(path).map(|_| Kind::PhotoScene),
    };
    kind.unwrap_or_else(|error| {
        Kind::Unknown(match error {
            // The path is shown beside it.
            Error::Input { problem, remedy, .. } => format!("{problem}; {remedy}"),
            other => other.to_string(),
        })
    })
}

/// The paths that are no longer there. May wait for a disk: not for the UI thread.
pub(crate) fn find_missing(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().filter(|path| !path.exists()).collect()
}

/// What was dropped on the window in this frame.
pub(crate) fn dropped(ctx: &Context) -> Vec<PathBuf> {
    ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect())
}

/// What is held over the window, and what dropping it will do.
#[derive(Debug, Default)]
pub(crate) struct DropOverlay {
    path: Option<PathBuf>,
    kind: Option<Kind>,
    look: Option<Job<Kind>>,
}

impl DropOverlay {
    /// Shows it over everything while something is held over the window.
    pub(crate) fn show(&mut self, ctx: &Context) {
        let hovered: Vec<Option<PathBuf>> =
            ctx.input(|input| input.raw.hovered_files.iter().map(|file| file.path.clone()).collect());
        let Some(first) = hovered.first() else {
            *self = Self::default();
            return;
        };
        if self.path != *first {
            self.path.clone_from(first);
            self.kind = None;
            if let Some(path) = first.clone() {
                self.look = Some(Job::spawn(ctx, "Looking at a file", move |_| Ok(classify(&path))));
            }
        }
        if let Some(looked) = Job::take(&mut self.look) {
            self.kind = Some(looked.unwrap_or_else(|_| Kind::Unknown("it could not be looked at".into())));
        }
        self.draw(ctx, hovered.len());
    }

    fn draw(&self, ctx: &Context, count: usize) {
        let rect = ctx.content_rect();
        let visuals = ctx.global_style().visuals.clone();
        let painter = ctx.layer_painter(egui::LayerId::new(Order::Foreground, Id::unique("drop shade")));
        painter.rect_filled(rect, 0.0, visuals.extreme_bg_color.gamma_multiply(0.8));
        let line = egui::Stroke::new(2.0, visuals.hyperlink_color);
        painter.rect_stroke(rect.shrink(12.0), 10.0, line, egui::StrokeKind::Inside);
        let area =
            Area::new(Id::unique("drop overlay")).order(Order::Tooltip).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
        area.interactable(false).show(ctx, |ui| {
            Frame::popup(ui.style()).inner_margin(18.0).show(ui, |ui| {
                ui.set_max_width((rect.width() - 80.0).min(520.0));
                let promise = match (&self.kind, &self.path) {
                    (Some(kind), _) => kind.promise(),
                    (None, Some(_)) => "Looking at it…".into(),
                    // Some systems tell what it is only when it is dropped.
                    (None, None) => "Drop to open".into(),
                };
                ui.label(RichText::new(promise).heading());
                if let Some(path) = &self.path {
                    ui.weak(path.display().to_string());
                }
                if count > 1 {
                    ui.weak(format!("Only the first of these {count} will be opened."));
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{DropOverlay, Format, Kind, classify, dropped, find_missing};
    use egui::HoveredFile;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use splat_core::scene::{SplatCloud, write_splats};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    fn cloud(count: usize) -> SplatCloud {
        SplatCloud {
            means: vec![[0.0; 3]; count],
            quats: vec![[1.0, 0.0, 0.0, 0.0]; count],
            log_scales: vec![[0.0; 3]; count],
            opacity_logits: vec![0.0; count],
            sh0: vec![[0.0; 3]; count],
            ..SplatCloud::default()
        }
    }

    #[test]
    fn paths_are_recognised_by_what_they_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| {
            let path = at(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write_splats(&at("a.ply"), &cloud(1234), &[]).expect("a file");
        write(
            "points.PLY",
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n",
        );
        write("run/settings.toml", "");
        write("run/run.json", "{}");
        write("colmap/sparse/0/cameras.txt", "");
        write("colmap/sparse/0/images.txt", "");
        write("colmap/sparse/0/points3D.txt", "");
        write("photos/a.jpg", "");
        write("notes.txt", "");
        let still_life = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life");
        assert_eq!(classify(&still_life), Kind::PhotoScene);
        assert_eq!(classify(&still_life.join("transforms_train.json")), Kind::PhotoScene);
        assert_eq!(classify(&at("colmap")), Kind::PhotoScene);
        assert_eq!(classify(&at("run")), Kind::Run);
        assert_eq!(classify(&at("a.ply")), Kind::SplatFile(Format::Ply, Some(1234)));
        for (name, part) in [
            ("points.PLY", "point cloud"),
            ("photos", "no poses"),
            ("notes.txt", "not a data set"),
            ("gone", "no such file"),
        ] {
            let Kind::Unknown(reason) = classify(&at(name)) else { panic!("{name} was recognised") };
            assert!(reason.contains(part), "{name}: {reason}");
        }
        assert_eq!(find_missing(vec![at("a.ply"), at("gone")]), [at("gone")]);
    }

    #[test]
    fn the_overlay_says_what_dropping_will_do() {
        let still_life = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life");
        let mut harness = Harness::new_ui_state(
            |ui, (overlay, got): &mut (DropOverlay, Vec<PathBuf>)| {
                got.extend(dropped(ui.ctx()));
                overlay.show(ui.ctx());
            },
            (DropOverlay::default(), Vec::new()),
        );
        let hover = |harness: &mut Harness<'static, (DropOverlay, Vec<PathBuf>)>| {
            let file = HoveredFile { path: Some(still_life.clone()), ..HoveredFile::default() };
            harness.input_mut().hovered_files = vec![file.clone(), file];
            harness.step();
        };
        let mut seen = false;
        for _ in 0..400 {
            hover(&mut harness);
            seen = harness.query_by_label("Open photos to train from").is_some();
            if seen {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(seen);
        harness.get_by_label_contains("Only the first of these 2");
        harness.input_mut().hovered_files.clear();
        harness.step();
        assert!(harness.query_by_label("Open photos to train from").is_none());
        assert!(harness.state().1.is_empty());
    }
}
