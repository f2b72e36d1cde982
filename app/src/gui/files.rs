//! Asking for paths: the system's dialogs, a path box for when there are none, and what is dropped on the window.
//!
//! Nothing here opens a file; what a path holds is looked at on a thread of its own, since a path may lie on a drive
//! that has gone to sleep.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::{Align2, Area, Context, Frame, Id, Key, Order, RichText, TextEdit, Ui, Vec2};
use splat_core::Error;
use splat_core::run::RunFolder;
use splat_core::scene::{count_splats, recognise};

use super::background::{Background, Poll};
use super::theme;
use crate::cli::output::thousands;

/// What a path holds, judged by names and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Photos with poses.
    PhotoScene,
    /// What a training left behind.
    Run,
    /// Finished splats, and how many.
    SplatFile(usize),
    /// Nothing that Splat reads, and why.
    Unknown(String),
}

impl Kind {
    /// What opening it would do.
    pub(crate) fn promise(&self) -> String {
        match self {
            Self::PhotoScene => "Open photos to train from".into(),
            Self::Run => "Open run".into(),
            Self::SplatFile(count) => format!("Open splat file ({} splats)", thousands(*count as u64)),
            Self::Unknown(reason) => format!("Splat cannot open this: {reason}"),
        }
    }
}

/// Looks at what a path holds. Reads names and headers only, but may wait for a disk: not for the UI thread.
pub(crate) fn classify(path: &Path) -> Kind {
    let is_ply = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ply"));
    let kind = if path.is_dir() && RunFolder::open(path).is_ok() {
        Ok(Kind::Run)
    } else if path.is_file() && is_ply {
        count_splats(path).map(Kind::SplatFile)
    } else {
        recognise(path).map(|_| Kind::PhotoScene)
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

/// Extensions of one kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// What the dialog calls them.
    pub(crate) name: &'static str,
    /// Extensions without a dot, the usual one first.
    pub(crate) extensions: &'static [&'static str],
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A folder that is there.
    Folder,
    /// A file that is there.
    File,
    /// A file to write, with the name proposed for it.
    Save(String),
}

/// One question for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Title of the dialog.
    pub(crate) title: &'static str,
    /// What is asked for.
    pub(crate) wanted: Wanted,
    /// Where to begin.
    pub(crate) folder: Option<PathBuf>,
    /// Files to choose from, or the kinds to write.
    pub(crate) filters: &'static [Filter],
}

/// Shows the system's dialog and waits for it.
type Native = fn(&Ask) -> Option<PathBuf>;

/// A dialog that answers faster than this was never seen: there is no portal to show it.
const UNSEEN: Duration = Duration::from_millis(300);

/// Asks for paths, one question at a time; `P` is what the answer is for.
///
/// The system's dialog and a box to type a path into are shown together: without a desktop portal, over ssh or in a
/// container, the box is all there is.
#[derive(Debug)]
pub(crate) struct Dialogs<P> {
    question: Option<Question<P>>,
    native: Background<Option<PathBuf>>,
    show_native: Native,
}

#[derive(Debug)]
struct Question<P> {
    purpose: P,
    ask: Ask,
    asked: Instant,
    text: String,
    /// Whether the person changed the text.
    touched: bool,
    /// The system's dialog did not come up.
    alone: bool,
    /// The field is to get the focus: it is new, or what it holds has to be corrected.
    refocus: bool,
    problem: Option<&'static str>,
}

impl<P> Default for Dialogs<P> {
    fn default() -> Self {
        Self { question: None, native: Background::default(), show_native }
    }
}

impl<P> Dialogs<P> {
    /// Asks; while another question is open, nothing happens.
    pub(crate) fn ask(&mut self, ctx: &Context, purpose: P, ask: Ask) {
        if self.question.is_some() {
            return;
        }
        let show = self.show_native;
        let copy = ask.clone();
        self.native.start(ctx, "file dialog", move || show(&copy));
        let text = proposal(&ask);
        let asked = Instant::now();
        self.question =
            Some(Question { purpose, ask, asked, text, touched: false, alone: false, refocus: true, problem: None });
    }

    /// Whether a question is open.
    pub(crate) fn is_open(&self) -> bool {
        self.question.is_some()
    }

    /// Shows the open question; returns its answer once, with what it is for.
    pub(crate) fn show(&mut self, ctx: &Context) -> Option<(P, PathBuf)> {
        let question = self.question.as_mut()?;
        let mut answer = None;
        let mut close = false;
        match self.native.poll() {
            Poll::Ready(Some(path)) => answer = Some(path),
            // On Windows and macOS there always is a dialog.
            Poll::Ready(None) if cfg!(any(windows, target_os = "macos")) || question.asked.elapsed() > UNSEEN => {
                // Cancelled there; whoever types here is not done yet.
                close = !question.touched;
                question.alone = true;
            }
            Poll::Ready(None) | Poll::Failed => question.alone = true,
            Poll::Waiting | Poll::Idle => {}
        }
        if answer.is_none() && !close {
            match question.show(ctx) {
                Reply::Open => match typed_path(&question.text, &question.ask) {
                    Ok(path) => answer = Some(path),
                    Err(problem) => {
                        question.problem = Some(problem);
                        question.refocus = true;
                    }
                },
                Reply::Cancel => close = true,
                Reply::Nothing => {}
            }
        }
        if answer.is_none() && !close {
            return None;
        }
        // What the other dialog may still answer is no longer wanted.
        self.native.cancel();
        let question = self.question.take()?;
        answer.map(|path| (question.purpose, path))
    }
}

enum Reply {
    Nothing,
    Open,
    Cancel,
}

impl<P> Question<P> {
    fn show(&mut self, ctx: &Context) -> Reply {
        let modal = theme::dialog(ctx, self.ask.title).show(ctx, |ui| self.contents(ui));
        if modal.should_close() { Reply::Cancel } else { modal.inner }
    }

    fn contents(&mut self, ui: &mut Ui) -> Reply {
        ui.set_width(520.0_f32.min(ui.ctx().content_rect().width() - 40.0));
        ui.heading(self.ask.title);
        if self.alone {
            ui.label("The system showed no file dialog. Type or paste the path:");
        } else {
            ui.label("Choose in the system's dialog, or type or paste the path here:");
        }
        let label = ui.label("Path");
        let field = TextEdit::singleline(&mut self.text).desired_width(f32::INFINITY).cursor_at_end(true);
        let field = ui.add(field).labelled_by(label.id);
        if std::mem::take(&mut self.refocus) {
            field.request_focus();
        }
        if field.changed() {
            self.touched = true;
            self.problem = None;
        }
        let enter = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if let Some(problem) = self.problem {
            ui.colored_label(ui.visuals().error_fg_color, problem);
        }
        ui.add_space(4.0);
        let verb = match self.ask.wanted {
            Wanted::Folder | Wanted::File => "Open",
            Wanted::Save(_) => "Save",
        };
        ui.horizontal(|ui| {
            let open = ui.button(verb).clicked() || enter;
            let cancel = ui.button("Cancel").clicked();
            if cancel {
                Reply::Cancel
            } else if open {
                Reply::Open
            } else {
                Reply::Nothing
            }
        })
        .inner
    }
}

/// What stands in the box at first.
fn proposal(ask: &Ask) -> String {
    let folder = ask.folder.as_deref().map(|folder| folder.display().to_string()).unwrap_or_default();
    match &ask.wanted {
        Wanted::Save(name) => ask.folder.as_deref().unwrap_or(Path::new("")).join(name).display().to_string(),
        Wanted::Folder | Wanted::File if folder.is_empty() || folder.ends_with(std::path::MAIN_SEPARATOR) => folder,
        Wanted::Folder | Wanted::File => format!("{folder}{}", std::path::MAIN_SEPARATOR),
    }
}

/// The path meant by typed text: quotes and `file://` of pasted paths are taken off, `~` is the home folder.
fn typed_path(text: &str, ask: &Ask) -> Result<PathBuf, &'static str> {
    let mut text = text.trim();
    for quote in ['"', '\''] {
        text = text.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote)).unwrap_or(text);
    }
    if text.is_empty() {
        return Err("Type a path first.");
    }
    let path = match text.strip_prefix("file://") {
        Some(address) => decode_address(address).ok_or("This address is damaged: paste the plain path.")?,
        None => PathBuf::from(text),
    };
    let mut path = match path.strip_prefix("~") {
        Ok(rest) => std::env::home_dir().ok_or("The home folder is unknown: type the whole path.")?.join(rest),
        Err(_) => path,
    };
    if let Wanted::Save(_) = ask.wanted {
        if text.ends_with(['/', std::path::MAIN_SEPARATOR]) || path.file_name().is_none() {
            return Err("Type a file name behind the folder.");
        }
        let usual = ask.filters.first().and_then(|filter| filter.extensions.first());
        if let (None, Some(usual)) = (path.extension(), usual) {
            path.set_extension(usual);
        }
    }
    std::path::absolute(path).map_err(|_| "This is no path.")
}

/// Undoes the percent signs of an address such as `/data/my%20scene`.
fn decode_address(address: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(16 * high + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// The system's dialog.
fn show_native(ask: &Ask) -> Option<PathBuf> {
    let mut dialog = rfd::FileDialog::new().set_title(ask.title).set_can_create_directories(true);
    if let Some(folder) = &ask.folder {
        dialog = dialog.set_directory(folder);
    }
    for filter in ask.filters {
        dialog = dialog.add_filter(filter.name, filter.extensions);
    }
    match &ask.wanted {
        Wanted::Folder => dialog.pick_folder(),
        Wanted::File => dialog.pick_file(),
        Wanted::Save(name) => dialog.set_file_name(name).save_file(),
    }
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
    look: Background<Kind>,
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
                self.look.start(ctx, "look at dropped file", move || classify(&path));
            }
        }
        match self.look.poll() {
            Poll::Ready(kind) => self.kind = Some(kind),
            Poll::Failed => self.kind = Some(Kind::Unknown("it could not be looked at".into())),
            Poll::Waiting | Poll::Idle => {}
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
    use super::{
        Ask, Dialogs, DropOverlay, Filter, Kind, Native, Wanted, classify, dropped, find_missing, proposal, typed_path,
    };
    use egui::{Context, HoveredFile, Key};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use splat_core::scene::{SplatCloud, write_splats};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    const PLY: &[Filter] = &[Filter { name: "Splats", extensions: &["ply"] }];

    fn ask(wanted: Wanted) -> Ask {
        Ask { title: "Open a file", wanted, folder: None, filters: PLY }
    }

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
        assert_eq!(classify(&at("a.ply")), Kind::SplatFile(1234));
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
    fn typed_paths_are_understood() {
        let open = ask(Wanted::File);
        let home = std::env::home_dir().expect("a home folder");
        let typed = |text| typed_path(text, &open);
        assert_eq!(typed(" \"/data/my scene\" "), Ok("/data/my scene".into()));
        assert_eq!(typed("file:///data/my%20sc%C3%A8ne"), Ok("/data/my scène".into()));
        assert_eq!(typed("~/a.ply"), Ok(home.join("a.ply")));
        assert_eq!(typed("a/b.ply"), Ok(std::env::current_dir().expect("a folder").join("a/b.ply")));
        for bad in ["", "  ", "\"\"", "file:///%zz", "file:///a%4"] {
            assert!(typed(bad).is_err(), "{bad:?}");
        }
        let save = ask(Wanted::Save("scene.ply".into()));
        assert_eq!(typed_path("/data/a", &save), Ok("/data/a.ply".into()));
        assert_eq!(typed_path("/data/a.PLY", &save), Ok("/data/a.PLY".into()));
        assert!(typed_path("/data/", &save).is_err());
        assert_eq!(proposal(&Ask { folder: Some("/data".into()), ..save }), "/data/scene.ply");
        assert_eq!(proposal(&Ask { folder: Some("/data".into()), ..open }), "/data/");
    }

    struct Shown {
        dialogs: Dialogs<&'static str>,
        answers: Vec<(&'static str, PathBuf)>,
    }

    fn harness(native: Native, wanted: Wanted) -> Harness<'static, Shown> {
        let dialogs = Dialogs { show_native: native, ..Dialogs::default() };
        let mut harness = Harness::new_ui_state(
            |ui, shown: &mut Shown| shown.answers.extend(shown.dialogs.show(ui.ctx())),
            Shown { dialogs, answers: vec![] },
        );
        let ctx = harness.ctx.clone();
        harness.state_mut().dialogs.ask(&ctx, "scene", ask(wanted));
        harness
    }

    /// Frames until the thread of the dialog has answered or two seconds are over.
    fn frames_until(harness: &mut Harness<'static, Shown>, done: impl Fn(&Harness<'static, Shown>) -> bool) {
        for _ in 0..400 {
            harness.run_ok();
            if done(harness) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the dialog never came to this");
    }

    #[test]
    fn the_answer_of_the_system_arrives_with_its_purpose() {
        let mut harness = harness(|_| Some("/data/garden".into()), Wanted::Folder);
        frames_until(&mut harness, |harness| !harness.state().answers.is_empty());
        assert_eq!(harness.state().answers, [("scene", PathBuf::from("/data/garden"))]);
        assert!(!harness.state().dialogs.is_open());
    }

    #[test]
    fn without_a_portal_the_path_box_works_alone() {
        let mut harness = harness(|_| None, Wanted::File);
        frames_until(&mut harness, |harness| harness.query_by_label_contains("no file dialog").is_some());
        harness.get_by_label("Open").click();
        harness.run_ok();
        harness.get_by_label_contains("Type a path first");
        harness.get_by_label("Path").type_text("/data/garden.ply");
        harness.run_ok();
        harness.key_press(Key::Enter);
        harness.run_ok();
        assert_eq!(harness.state().answers, [("scene", PathBuf::from("/data/garden.ply"))]);
    }

    #[test]
    fn a_dialog_that_breaks_down_leaves_the_path_box() {
        let mut harness = harness(|_| panic!("meant to happen"), Wanted::File);
        frames_until(&mut harness, |harness| harness.query_by_label_contains("no file dialog").is_some());
        harness.get_by_label("Cancel").click();
        harness.run_ok();
        assert!(!harness.state().dialogs.is_open());
        assert_eq!(harness.state().answers, []);
    }

    #[test]
    fn cancelling_in_the_system_closes_the_box_unless_something_was_typed() {
        fn slow(_: &Ask) -> Option<PathBuf> {
            std::thread::sleep(Duration::from_millis(500));
            None
        }
        let mut untouched = harness(slow, Wanted::File);
        frames_until(&mut untouched, |harness| !harness.state().dialogs.is_open());
        assert_eq!(untouched.state().answers, []);
        let mut typed = harness(slow, Wanted::Save("a.ply".into()));
        typed.run_ok();
        typed.get_by_label("Path").type_text("b");
        typed.run_ok();
        frames_until(&mut typed, |harness| harness.query_by_label_contains("no file dialog").is_some());
        typed.get_by_label("Save").click();
        typed.run_ok();
        assert_eq!(typed.state().answers.len(), 1);
    }

    #[test]
    fn a_late_answer_does_not_reach_the_next_question() {
        fn late(ask: &Ask) -> Option<PathBuf> {
            if ask.wanted == Wanted::Folder {
                std::thread::sleep(Duration::from_millis(200));
                return Some("/late".into());
            }
            std::thread::sleep(Duration::from_secs(30));
            None
        }
        let mut harness = harness(late, Wanted::Folder);
        harness.run_ok();
        harness.key_press(Key::Escape);
        harness.run_ok();
        assert!(!harness.state().dialogs.is_open());
        let ctx: Context = harness.ctx.clone();
        harness.state_mut().dialogs.ask(&ctx, "other", ask(Wanted::File));
        for _ in 0..60 {
            harness.run_ok();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(harness.state().answers, []);
        assert!(harness.state().dialogs.is_open());
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
