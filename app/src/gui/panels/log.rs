//! The log: what happened, filtered, to read and to copy.

use egui::{Label, RichText, ScrollArea, Sense, TextEdit, TextStyle, Ui};

use crate::cli::output;
use crate::gui::training::log::{Level, Line, Log};

/// How the log is looked at.
#[derive(Debug)]
pub(crate) struct LogState {
    /// Lines that matter less are left out.
    least: Level,
    /// What lines must contain.
    filter: String,
    /// Whether the newest line is kept in sight.
    follow: bool,
    cache: Cache,
}

impl Default for LogState {
    fn default() -> Self {
        Self { least: Level::Info, filter: String::new(), follow: true, cache: Cache::default() }
    }
}

/// The places of the lines that pass the filter, found anew only when something changed.
#[derive(Debug, Default)]
struct Cache {
    made_from: Option<(u64, Level, String)>,
    listed: Vec<usize>,
}

impl Cache {
    fn update(&mut self, log: &Log, least: Level, filter: &str) {
        let is_current = self
            .made_from
            .as_ref()
            .is_some_and(|(revision, level, text)| *revision == log.revision() && *level == least && text == filter);
        if is_current {
            return;
        }
        let wanted = filter.trim().to_lowercase();
        let passes =
            |line: &Line| line.level >= least && (wanted.is_empty() || line.text.to_lowercase().contains(&wanted));
        self.listed = (0..log.lines().len()).filter(|&place| passes(&log.lines()[place])).collect();
        self.made_from = Some((log.revision(), least, filter.to_owned()));
    }
}

/// Shows the log.
pub(crate) fn show(ui: &mut Ui, log: &Log, state: &mut LogState) {
    let mut copy = false;
    ui.horizontal_wrapped(|ui| {
        for level in Level::ALL {
            let name = match level {
                Level::Info => "Everything".to_owned(),
                Level::Warning => format!("Warnings ({})", log.count(level)),
                Level::Error => format!("Errors ({})", log.count(level)),
            };
            ui.selectable_value(&mut state.least, level, name).on_hover_text("Shows this and what matters more");
        }
        let filter = TextEdit::singleline(&mut state.filter).hint_text("Filter").desired_width(140.0);
        ui.add(filter).accessible_name("Filter the log");
        ui.checkbox(&mut state.follow, "Follow").on_hover_text("Keep the newest line in sight");
        copy = ui.button("Copy").on_hover_text("All lines that are listed").clicked();
    });
    state.cache.update(log, state.least, &state.filter);
    let listed = &state.cache.listed;
    if copy {
        let text = listed.iter().map(|&place| as_text(&log.lines()[place]) + "\n");
        ui.copy_text(text.collect());
    }
    if listed.is_empty() {
        ui.weak(if log.lines().is_empty() { "Nothing has happened yet." } else { "No line passes the filter." });
        return;
    }
    let height = ui.text_style_height(&TextStyle::Body);
    let area = ScrollArea::vertical().auto_shrink([false, false]).stick_to_bottom(state.follow);
    area.show_rows(ui, height, listed.len(), |ui, rows| {
        for &place in &listed[rows] {
            row(ui, &log.lines()[place]);
        }
    });
}

/// One line, cut to the width of the panel; hovering shows all of it.
fn row(ui: &mut Ui, line: &Line) {
    ui.horizontal(|ui| {
        ui.weak(output::clock(line.seconds)).on_hover_text("Since the window was opened");
        let color = match line.level {
            Level::Info => ui.visuals().text_color(),
            Level::Warning => ui.visuals().warn_fg_color,
            Level::Error => ui.visuals().error_fg_color,
        };
        let times = if line.times > 1 { format!(" ({} times)", line.times) } else { String::new() };
        let text = line.text.replace('\n', " ") + &times;
        let label = Label::new(RichText::new(text).color(color)).truncate().sense(Sense::click());
        ui.add(label).context_menu(|ui| {
            if ui.button("Copy line").clicked() {
                ui.copy_text(as_text(line));
                ui.close();
            }
        });
    });
}

/// A line for the clipboard.
fn as_text(line: &Line) -> String {
    let times = if line.times > 1 { format!(" ({} times)", line.times) } else { String::new() };
    format!("{} {}: {}{times}", output::clock(line.seconds), line.level.word(), line.text)
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::{Level, Log, LogState, as_text, show};

    /// The panel and what it works on.
    #[derive(Default)]
    struct Bench {
        log: Log,
        state: LogState,
    }

    fn harness(log: Log) -> Harness<'static, Bench> {
        let panel = |ui: &mut egui::Ui, bench: &mut Bench| show(ui, &bench.log, &mut bench.state);
        Harness::new_ui_state(panel, Bench { log, ..Bench::default() })
    }

    fn some() -> Log {
        let mut log = Log::default();
        log.push(Level::Info, "wrote splats.ply");
        log.push(Level::Warning, "only 3 of 9 images have a mask");
        log.push(Level::Warning, "no checkpoint: disk full");
        log.push(Level::Error, "the device was lost\nfor some reason");
        log
    }

    #[test]
    fn levels_and_words_filter() {
        let mut harness = harness(some());
        harness.get_by_label("wrote splats.ply");
        harness.get_by_label("Warnings (2)").click();
        harness.run();
        assert!(harness.query_by_label("wrote splats.ply").is_none());
        harness.get_by_label("no checkpoint: disk full");
        harness.get_by_label("the device was lost for some reason");
        harness.get_by_role_and_label(egui::accesskit::Role::TextInput, "Filter the log").focus();
        harness.run();
        harness.get_by_role_and_label(egui::accesskit::Role::TextInput, "Filter the log").type_text("MASK");
        harness.run();
        harness.get_by_label("only 3 of 9 images have a mask");
        assert!(harness.query_by_label("no checkpoint: disk full").is_none());
        harness.get_by_label("Errors (1)").click();
        harness.run();
        harness.get_by_label("No line passes the filter.");
    }

    #[test]
    fn new_lines_appear_and_repeated_ones_count() {
        let mut harness = harness(Log::default());
        harness.get_by_label("Nothing has happened yet.");
        harness.state_mut().log.push(Level::Warning, "again");
        harness.run();
        harness.get_by_label("again");
        harness.state_mut().log.push(Level::Warning, "again");
        harness.run();
        harness.get_by_label("again (2 times)");
    }

    #[test]
    fn a_long_log_follows_its_end_and_draws_only_what_is_seen() {
        let mut log = Log::default();
        for i in 0..1000 {
            log.push(Level::Info, format!("line {i}"));
        }
        let mut harness = harness(log);
        harness.run();
        harness.get_by_label("line 999");
        assert!(harness.query_all_by_label_contains("line ").count() < 60);
    }

    #[test]
    fn copied_lines_say_when_and_how_bad() {
        let log = some();
        let text = as_text(&log.lines()[1]);
        assert!(text.ends_with("warning: only 3 of 9 images have a mask") && text.starts_with("0:00"), "{text}");
    }
}
