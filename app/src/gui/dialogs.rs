//! Asking for paths: the system's dialogs, and a box to type into for when there are none.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::{Context, Key, TextEdit, Ui};

use super::jobs::Job;
use super::theme;

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
    native: Option<Job<Option<PathBuf>>>,
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
        Self { question: None, native: None, show_native }
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
        self.native = Some(Job::spawn(ctx, ask.title, move |_| Ok(show(&copy))));
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
        match Job::take(&mut self.native) {
            Some(Ok(Some(path))) => answer = Some(path),
            // On Windows and macOS there always is a dialog.
            Some(Ok(None)) if cfg!(any(windows, target_os = "macos")) || question.asked.elapsed() > UNSEEN => {
                // Cancelled there; whoever types here is not done yet.
                close = !question.touched;
                question.alone = true;
            }
            Some(Ok(None) | Err(_)) => question.alone = true,
            None => {}
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
        self.native = None;
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

#[cfg(test)]
mod tests {
    use super::{Ask, Dialogs, Filter, Native, Wanted, proposal, typed_path};
    use egui::{Context, Key};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use std::path::PathBuf;
    use std::time::Duration;

    const PLY: &[Filter] = &[Filter { name: "Splats", extensions: &["ply"] }];

    fn ask(wanted: Wanted) -> Ask {
        Ask { title: "Open a file", wanted, folder: None, filters: PLY }
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
}
