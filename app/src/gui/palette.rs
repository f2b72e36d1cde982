//! Finding a command, a setting or a recent file by a few letters of its name.

use egui::{Align, Align2, Button, Context, Key, Modifiers, ScrollArea, TextEdit, Ui, vec2};

use super::action::Action;
use super::commands::{self, COMMANDS, Facts, enabled, shown_shortcut};
use super::prefs::Recent;
use super::theme;

/// Most results shown; further letters narrow them down.
const MAX_SHOWN: usize = 60;
/// Rows that Page Up and Page Down move.
const PAGE: usize = 10;

/// What can be found besides commands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Findable<'a> {
    /// Keys of settings with what they mean.
    pub(crate) settings: &'a [(&'a str, &'a str)],
    /// Recent files.
    pub(crate) recent: &'a [Recent],
}

/// The palette, open or closed.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    open: bool,
    /// Opened since the last frame: the text field must get the focus.
    fresh: bool,
    query: String,
    chosen: usize,
}

/// One row.
struct Entry<'a> {
    label: String,
    /// What kind of thing it is.
    kind: &'static str,
    help: &'a str,
    shortcut: String,
    refused: Option<&'static str>,
    pick: Pick<'a>,
}

/// What choosing a row means.
enum Pick<'a> {
    Run(&'a Action),
    Open(&'a Recent),
    Setting(&'a str),
}

impl Palette {
    /// Opens it empty, or closes it.
    pub(crate) fn toggle(&mut self) {
        *self = Self { open: !self.open, fresh: true, ..Self::default() };
    }

    /// Whether it is shown.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Shows it if it is open. Returns the key of a setting that is to be shown in the settings panel.
    pub(crate) fn show(
        &mut self,
        ctx: &Context,
        facts: &Facts,
        findable: &Findable<'_>,
        actions: &mut Vec<Action>,
    ) -> Option<String> {
        if !self.open {
            return None;
        }
        let mut picked = None;
        let mut dialog = theme::dialog(ctx, "Find a command");
        dialog.area = dialog.area.anchor(Align2::CENTER_TOP, vec2(0.0, 70.0));
        let modal = dialog.show(ctx, |ui| {
            ui.set_width(540.0_f32.min(ctx.content_rect().width() - 40.0));
            picked = self.contents(ui, facts, findable, actions);
        });
        let again = commands::command(&Action::Palette).is_some_and(|own| {
            ctx.input_mut(|input| own.shortcuts.iter().any(|shortcut| input.consume_shortcut(shortcut)))
        });
        if again || modal.should_close() {
            self.open = false;
        }
        picked
    }

    fn contents(
        &mut self,
        ui: &mut Ui,
        facts: &Facts,
        findable: &Findable<'_>,
        actions: &mut Vec<Action>,
    ) -> Option<String> {
        let (moved, enter) = self.keys(ui);
        let field = TextEdit::singleline(&mut self.query)
            .hint_text("Command, setting or recent file")
            .desired_width(f32::INFINITY);
        let field = ui.add(field).accessible_name("Search");
        if std::mem::take(&mut self.fresh) || !field.has_focus() {
            field.request_focus();
        }
        if field.changed() {
            self.chosen = 0;
        }
        let entries = find(ui.ctx(), &self.query, facts, findable);
        self.chosen = self.chosen.min(entries.len().saturating_sub(1));
        if entries.is_empty() {
            ui.weak("Nothing has a name like this.");
        }
        let mut run = None;
        ScrollArea::vertical().max_height(380.0).auto_shrink([false, true]).show(ui, |ui| {
            for (i, entry) in entries.iter().enumerate() {
                let is_chosen = i == self.chosen;
                let response = entry.show(ui, is_chosen);
                if is_chosen && moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    run = Some(i);
                }
            }
        });
        if let Some(entry) = entries.get(self.chosen) {
            ui.separator();
            match entry.refused {
                Some(reason) => ui.colored_label(ui.visuals().warn_fg_color, format!("Not now: {reason}")),
                None => ui.weak(entry.help),
            };
        }
        let entry = entries.get(run.or_else(|| enter.then_some(self.chosen))?)?;
        if entry.refused.is_some() {
            return None;
        }
        self.open = false;
        match entry.pick {
            Pick::Run(action) => actions.push(action.clone()),
            Pick::Open(recent) => actions.push(Action::OpenPath(recent.path.clone())),
            Pick::Setting(key) => return Some(key.to_owned()),
        }
        None
    }

    /// Moves the choice; returns whether it moved and whether it was confirmed. The text field would take these keys.
    fn keys(&mut self, ui: &Ui) -> (bool, bool) {
        let before = self.chosen;
        let enter = ui.input_mut(|input| {
            let mut presses = |key| input.count_and_consume_key(Modifiers::NONE, key);
            let down = presses(Key::ArrowDown) + PAGE * presses(Key::PageDown);
            let up = presses(Key::ArrowUp) + PAGE * presses(Key::PageUp);
            self.chosen = (self.chosen + down).saturating_sub(up);
            presses(Key::Enter) > 0
        });
        (self.chosen != before, enter)
    }
}

impl Entry<'_> {
    fn show(&self, ui: &mut Ui, is_chosen: bool) -> egui::Response {
        let mut button = Button::selectable(is_chosen, (self.label.as_str(), egui::RichText::new(self.kind).weak()))
            .min_size(vec2(ui.available_width(), 0.0))
            .truncate();
        if !self.shortcut.is_empty() {
            button = button.shortcut_text(self.shortcut.as_str());
        }
        let response = ui
            .with_layout(egui::Layout::top_down_justified(Align::Min), |ui| {
                ui.add_enabled(self.refused.is_none(), button)
            })
            .inner
            .accessible_name(&self.label);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(self.refused.unwrap_or(self.help)));
        response
    }
}

/// The rows that fit the letters, best first.
fn find<'a>(ctx: &Context, query: &str, facts: &Facts, findable: &Findable<'a>) -> Vec<Entry<'a>> {
    let mut found: Vec<(i32, Entry<'a>)> = Vec::new();
    let rows = COMMANDS.iter().filter(|command| command.action != Action::Palette);
    for command in rows {
        let full = format!("{} {}", command.group.label(), command.label);
        let Some(points) = best_score(query, &[command.label, &full], command.help) else { continue };
        let entry = Entry {
            label: command.label.to_owned(),
            kind: command.group.label(),
            help: command.help,
            shortcut: shown_shortcut(ctx, command).unwrap_or_default(),
            refused: enabled(&command.action, facts).err(),
            pick: Pick::Run(&command.action),
        };
        found.push((points, entry));
    }
    for recent in findable.recent {
        let (label, path) = (format!("Open {}", recent.name()), recent.path.to_str().unwrap_or_default());
        let Some(points) = best_score(query, &[&label], path) else { continue };
        let refused = recent.missing.then_some("it is no longer there");
        let entry =
            Entry { label, kind: "Recent", help: path, shortcut: String::new(), refused, pick: Pick::Open(recent) };
        found.push((points, entry));
    }
    for (key, help) in findable.settings.iter().copied() {
        // Without letters the list would only bury the commands.
        if query.trim().is_empty() {
            break;
        }
        let Some(points) = best_score(query, &[key], help) else { continue };
        let entry = Entry {
            label: key.to_owned(),
            kind: "Setting",
            help,
            shortcut: String::new(),
            refused: None,
            pick: Pick::Setting(key),
        };
        found.push((points, entry));
    }
    // What can run comes first among equals; sorting keeps the order of the table otherwise.
    found.sort_by_key(|(points, entry)| (-points, entry.refused.is_some()));
    found.truncate(MAX_SHOWN);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// Points for the best of several names; failing these, one point for every letter found in the help as it stands.
fn best_score(query: &str, names: &[&str], help: &str) -> Option<i32> {
    let by_name = names.iter().filter_map(|name| score(query, name)).max();
    by_name.or_else(|| help.to_lowercase().contains(&query.trim().to_lowercase()).then_some(1))
}

/// How well the letters of `query` fit `text`; `None` when they do not occur in this order.
///
/// Each word of the query is matched on its own. A letter is worth more at the start of a word and right behind the
/// letter before it; letters skipped in between cost a little.
fn score(query: &str, text: &str) -> Option<i32> {
    if query.trim().is_empty() {
        return Some(0);
    }
    const LETTER: i32 = 2;
    const WORD_START: i32 = 8;
    const CONSECUTIVE: i32 = 6;
    const SKIPPED: i32 = 1;
    let originals: Vec<char> = text.chars().collect();
    let letters: Vec<char> = originals.iter().map(|letter| lower(*letter)).collect();
    let worth: Vec<i32> = (0..letters.len())
        .map(|j| {
            let before = j.checked_sub(1).and_then(|j| originals.get(j));
            let starts = before.is_none_or(|before| {
                !before.is_alphanumeric()
                    || (before.is_lowercase() && originals.get(j).is_some_and(|c| c.is_uppercase()))
            });
            if starts { LETTER + WORD_START } else { LETTER }
        })
        .collect();
    let mut total = 0;
    for word in query.split_whitespace() {
        // ends[j]: the best value of a match of the letters so far whose last letter is letter j.
        let mut ends: Option<Vec<Option<i32>>> = None;
        for wanted in word.chars().map(lower) {
            let mut next = vec![None; letters.len()];
            // The best earlier end, less what was skipped since.
            let mut carried: Option<i32> = None;
            for (j, place) in next.iter_mut().enumerate() {
                let fits = letters.get(j) == Some(&wanted);
                let own = worth.get(j).copied().unwrap_or(LETTER);
                let Some(ends) = &ends else {
                    *place = fits.then_some(own);
                    continue;
                };
                let adjacent = j.checked_sub(1).and_then(|j| ends.get(j).copied().flatten());
                let apart = carried.map(|value| value - SKIPPED);
                let best = adjacent.map(|value| value + CONSECUTIVE).max(apart);
                *place = best.filter(|_| fits).map(|value| value + own);
                carried = adjacent.max(apart);
            }
            ends = Some(next);
        }
        total += ends?.into_iter().flatten().max()?;
    }
    // Of two equal matches the shorter name is the closer one.
    Some(4 * total - i32::try_from(letters.len()).unwrap_or(i32::MAX / 8).min(64))
}

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::super::action::{Action, Panel};
    use super::super::commands::Facts;
    use super::super::prefs::Recent;
    use super::{Findable, Palette, find, score};
    use egui::{Context, Key, Modifiers};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};

    const SETTINGS: [(&str, &str); 2] =
        [("train.steps", "Number of training steps"), ("model.sh_degree", "Degree of the spherical harmonics")];

    #[derive(Default)]
    struct Shown {
        palette: Palette,
        facts: Facts,
        recent: Vec<Recent>,
        actions: Vec<Action>,
        setting: Option<String>,
    }

    fn harness(facts: Facts) -> Harness<'static, Shown> {
        let recent = vec![Recent::new("/data/garden".into())];
        let mut shown = Shown { facts, recent, ..Shown::default() };
        shown.palette.toggle();
        let mut harness = Harness::new_ui_state(
            |ui, shown: &mut Shown| {
                let findable = Findable { settings: &SETTINGS, recent: &shown.recent };
                let picked = shown.palette.show(ui.ctx(), &shown.facts, &findable, &mut shown.actions);
                shown.setting = picked.or(shown.setting.take());
            },
            shown,
        );
        harness.run();
        harness
    }

    fn write(harness: &mut Harness<'static, Shown>, text: &str) {
        harness.get_by_label("Search").type_text(text);
        harness.run();
    }

    #[test]
    fn letters_must_occur_in_order_and_starts_of_words_count() {
        assert!(score("fa", "Frame all").is_some());
        assert!(score("af", "Frame all").is_none());
        assert_eq!(score(" ", "Frame all"), score("", "Quit"), "no letters leave the order alone");
        assert!(score("x", "").is_none());
        assert!(score("fa", "Frame all") > score("fa", "Fly fast, far away from here"));
        assert!(score("all", "Frame all") > score("all", "Animals that leap lowly"));
        assert!(score("all frame", "Frame all").is_some(), "words in any order");
        assert!(score("SELECT", "Select all") == score("select", "Select all"));
        assert!(score("grund", "Größe und Grund") > score("grund", "Gar rund und dick"));
    }

    #[test]
    fn the_best_match_comes_first() {
        let first = |query: &str| {
            let entries =
                find(&Context::default(), query, &Facts::default(), &Findable { settings: &SETTINGS, recent: &[] });
            entries.first().map(|entry| entry.label.clone())
        };
        for (query, expected) in [
            ("open fo", "Open folder…"),
            ("invsel", "Invert selection"),
            ("grid", "Grid and axes"),
            ("depth", "Depth"),
            ("train steps", "train.steps"),
            ("spherical", "model.sh_degree"),
            ("view front", "Front"),
        ] {
            assert_eq!(first(query).as_deref(), Some(expected), "{query}");
        }
        assert_eq!(first("qqqq"), None);
    }

    #[test]
    fn typing_and_enter_run_a_command() {
        let mut harness = harness(Facts::default());
        assert!(harness.get_by_label("Search").is_focused());
        write(&mut harness, "plots");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().actions, [Action::Toggle(Panel::Bottom)]);
        assert!(!harness.state().palette.is_open());
    }

    #[test]
    fn arrows_choose_and_clicks_run() {
        let mut harness = harness(Facts::default());
        write(&mut harness, "open");
        harness.key_press(Key::ArrowDown);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().actions.len(), 1);
        let first = harness.state().actions.clone();
        harness.state_mut().palette.toggle();
        harness.run();
        write(&mut harness, "open");
        harness.key_press(Key::ArrowUp);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        assert_ne!(harness.state().actions.last(), first.last());
        harness.state_mut().palette.toggle();
        harness.run();
        write(&mut harness, "dark");
        harness.get_by_label("Dark or light theme").click();
        harness.run();
        assert_eq!(harness.state().actions.last(), Some(&Action::ToggleTheme));
    }

    #[test]
    fn what_cannot_run_says_why_and_stays() {
        let mut harness = harness(Facts::default());
        write(&mut harness, "undo");
        let undo = harness.get_by_label("Undo");
        assert!(undo.accesskit_node().is_disabled());
        harness.get_by_label_contains("there are no splats yet");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().actions, []);
        assert!(harness.state().palette.is_open());
    }

    #[test]
    fn settings_and_recent_files_are_found() {
        let mut harness = harness(Facts::default());
        write(&mut harness, "sh_degree");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().setting.as_deref(), Some("model.sh_degree"));
        harness.state_mut().palette.toggle();
        harness.run();
        write(&mut harness, "garden");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().actions, [Action::OpenPath("/data/garden".into())]);
    }

    #[test]
    fn escape_and_the_shortcut_close_it() {
        for (modifiers, key) in [(Modifiers::NONE, Key::Escape), (Modifiers::COMMAND, Key::P)] {
            let mut harness = harness(Facts::default());
            harness.key_press_modifiers(modifiers, key);
            harness.run();
            assert!(!harness.state().palette.is_open(), "{key:?}");
            assert_eq!(harness.state().actions, []);
        }
    }
}
