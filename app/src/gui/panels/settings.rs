//! Every setting as a control, generated from the one settings table: what a setting is called, means, defaults to
//! and allows is read from its [`Field`], so that a new one needs no line here.

use std::ops::RangeInclusive;

use egui::{
    Align, CollapsingHeader, ComboBox, DragValue, Frame, Label, Layout, Response, RichText, Slider, TextEdit, Ui,
};
use splat_core::Result;
use splat_core::session::chain;
use splat_core::settings::{Field, Preset, Section, Settings, Table, Value};

use crate::cli::output;

/// Why most controls are grey while training.
pub(super) const FIXED: &str = "Fixed once training has begun; stop the run to change it";

/// One setting as chosen.
#[derive(Clone, Debug)]
struct Row {
    field: &'static Field,
    /// Everything a search looks at, in lower case.
    haystack: String,
    /// What the preset says.
    base: Value,
    /// What holds.
    value: Value,
}

impl Row {
    fn is_changed(&self) -> bool {
        self.value != self.base
    }
}

/// The choices for the next run: a preset and what was changed on top of it; and how they are looked at.
#[derive(Clone, Debug)]
pub(crate) struct SetupState {
    preset: &'static Preset,
    rows: Vec<Row>,
    /// The newest settings without contradictions.
    settings: Settings,
    /// Why the choices are refused, if they are.
    problem: Option<String>,
    /// What is searched for.
    search: String,
    /// Whether only changed settings are listed.
    changed_only: bool,
}

impl Default for SetupState {
    fn default() -> Self {
        let row = |(field, value): (&'static Field, Value)| {
            let words = field.name.replace('_', " ");
            let haystack = format!("{} {words} {} {}", field.key(), field.doc, field.choices.join(" ")).to_lowercase();
            Row { field, haystack, base: value, value }
        };
        let mut setup = Self {
            preset: &Settings::PRESETS[0],
            rows: Settings::default().values().into_iter().map(row).collect(),
            settings: Settings::default(),
            problem: None,
            search: String::new(),
            changed_only: false,
        };
        setup.rebase(setup.preset);
        setup
    }
}

impl SetupState {
    /// Shows the settings that match a text.
    pub(crate) fn show_matching(&mut self, text: String) {
        self.search = text;
    }

    /// The preset that the choices begin with.
    pub(crate) fn preset(&self) -> &'static Preset {
        self.preset
    }

    /// Begins with another preset; what was changed by hand stays as it is.
    pub(crate) fn set_preset(&mut self, preset: &'static Preset) {
        self.rebase(preset);
        self.check();
    }

    /// Takes over the settings of a run: the preset that comes nearest, and the rest as changes.
    pub(crate) fn adopt(&mut self, settings: &Settings) {
        for (row, (_, value)) in self.rows.iter_mut().zip(settings.values()) {
            (row.base, row.value) = (value, value);
        }
        let changes = |preset: &&Preset| {
            let values = preset_values(preset);
            self.rows.iter().zip(values).filter(|(row, value)| row.value != *value).count()
        };
        let nearest = Settings::PRESETS.iter().min_by_key(changes).unwrap_or(self.preset);
        self.preset = nearest;
        for (row, base) in self.rows.iter_mut().zip(preset_values(nearest)) {
            row.base = base;
        }
        self.check();
    }

    /// What was changed, as pairs of key and TOML text; `--set` takes the same.
    pub(crate) fn sets(&self) -> Vec<(String, String)> {
        let changed = self.rows.iter().filter(|row| row.is_changed());
        changed.map(|row| (row.field.key(), row.value.to_string())).collect()
    }

    /// The settings for a run.
    ///
    /// # Errors
    /// [`splat_core::Error::Settings`] when choices contradict one another.
    pub(crate) fn resolve(&self) -> Result<Settings> {
        Settings::resolve(self.preset.name, None, &self.sets())
    }

    /// The newest choices that do not contradict one another.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Why the choices are refused, if they are.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The place of a setting, for the calls below.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.field.key() == key)
    }

    /// The setting at a place, with its value.
    pub(super) fn at(&self, place: usize) -> (&'static Field, Value) {
        (self.rows[place].field, self.rows[place].value)
    }

    /// Chooses a value.
    pub(super) fn set(&mut self, place: usize, value: Value) {
        self.rows[place].value = value;
        self.check();
    }

    /// How many settings differ from the preset.
    fn changed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_changed()).count()
    }

    /// Back to what the preset says.
    fn reset_all(&mut self) {
        self.rows.iter_mut().for_each(|row| row.value = row.base);
        self.check();
    }

    fn rebase(&mut self, preset: &'static Preset) {
        self.preset = preset;
        for (row, base) in self.rows.iter_mut().zip(preset_values(preset)) {
            if !row.is_changed() {
                row.value = base;
            }
            row.base = base;
        }
    }

    fn check(&mut self) {
        match self.resolve() {
            Ok(settings) => (self.settings, self.problem) = (settings, None),
            Err(error) => self.problem = Some(chain(&error)),
        }
    }

    /// The rows of a section that are to be listed.
    fn listed(&self, section: &Section, words: &[String]) -> Vec<usize> {
        let wanted = |row: &Row| {
            row.field.section == section.name
                && (row.is_changed() || !self.changed_only)
                && words.iter().all(|word| row.haystack.contains(word))
        };
        (0..self.rows.len()).filter(|&place| wanted(&self.rows[place])).collect()
    }
}

/// The values that a preset stands for. A preset that does not resolve fails a test of the core; its name alone then
/// stands for the defaults, and [`SetupState::resolve`] tells why.
fn preset_values(preset: &Preset) -> Vec<Value> {
    let settings = Settings::resolve(preset.name, None, &[]).unwrap_or_default();
    settings.values().into_iter().map(|(_, value)| value).collect()
}

/// Shows the table. While a run is `live`, only what its trainer does not read can be changed, and the reply is what
/// changed, for [`Command::Set`](splat_core::session::Command::Set).
pub(crate) fn show(ui: &mut Ui, setup: &mut SetupState, live: bool) -> Option<Table> {
    head(ui, setup, live);
    if let Some(problem) = setup.problem() {
        problem_box(ui, problem);
    }
    if live {
        ui.weak("Training: only what the trainer does not read can change now.");
    }
    let words: Vec<String> = setup.search.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let filtered = setup.changed_only || !words.is_empty();
    let mut edit = None;
    let mut found = false;
    for section in Settings::SECTIONS {
        let listed = setup.listed(section, &words);
        if listed.is_empty() {
            continue;
        }
        found = true;
        let changed = listed.iter().filter(|&&place| setup.rows[place].is_changed()).count();
        let title = match changed {
            0 => capitalised(section.name),
            _ => format!("{} ({changed} changed)", capitalised(section.name)),
        };
        // What a search opened must not stay open after it: its headers are other ones.
        let header = CollapsingHeader::new(title).id_salt((section.name, filtered)).default_open(filtered);
        let body = header.show(ui, |ui| {
            for place in listed {
                edit = setting(ui, setup, place, live).map(|edit| (place, edit)).or(edit.take());
            }
        });
        body.header_response.on_hover_text(section.about.trim());
    }
    if !found {
        ui.weak("No setting matches.");
    }
    let (place, edit) = edit?;
    setup.set(place, edit.value);
    (live && edit.settled).then(|| patch(setup.rows[place].field, edit.value))
}

/// Search, filter and reset.
fn head(ui: &mut Ui, setup: &mut SetupState, live: bool) {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 60.0).max(80.0);
        let search = TextEdit::singleline(&mut setup.search).hint_text("Search settings").desired_width(width);
        ui.add(search).accessible_name("Search settings");
        if ui.add_enabled(!setup.search.is_empty(), egui::Button::new("Clear")).clicked() {
            setup.search.clear();
        }
    });
    ui.horizontal(|ui| {
        let changed = setup.changed();
        ui.checkbox(&mut setup.changed_only, format!("Changed only ({changed})"))
            .on_hover_text(format!("What differs from the preset \"{}\"", setup.preset.name));
        let reset = ui.add_enabled(changed > 0 && !live, egui::Button::new("Reset all"));
        let reason = if live { FIXED } else { "Nothing differs from the preset" };
        if reset.on_disabled_hover_text(reason).clicked() {
            setup.reset_all();
        }
    });
}

/// Says why the settings are refused.
pub(super) fn problem_box(ui: &mut Ui, problem: &str) {
    let stroke = egui::Stroke::new(1.0, ui.visuals().error_fg_color);
    Frame::group(ui.style()).stroke(stroke).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(problem).wrap());
    });
}

/// A value that was chosen in this frame.
#[derive(Clone, Copy, Debug)]
struct Edit {
    value: Value,
    /// Whether it is final, rather than on the way of a drag.
    settled: bool,
}

/// One line: name, control, and a reset when it differs from the preset.
fn setting(ui: &mut Ui, setup: &SetupState, place: usize, live: bool) -> Option<Edit> {
    let row = &setup.rows[place];
    let key = row.field.key();
    let enabled = !live || row.field.is_live();
    let refused = setup.problem().is_some_and(|problem| names(problem, &key));
    let mut edit = None;
    ui.push_id(&key, |ui| {
        ui.horizontal(|ui| {
            let size = egui::vec2(0.42 * ui.available_width(), ui.spacing().interact_size.y);
            ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(size.x);
                let name = RichText::new(row.field.name.replace('_', " "));
                let name = match () {
                    () if refused => name.color(ui.visuals().error_fg_color),
                    () if row.is_changed() => name.strong(),
                    () if !enabled => name.weak(),
                    () => name,
                };
                let name = ui.add(Label::new(name).truncate().show_tooltip_when_elided(false));
                name.on_hover_ui(|ui| explain(ui, row, setup.preset));
            });
            let (response, value) = ui.add_enabled_ui(enabled, |ui| control(ui, row.field, &key, row.value)).inner;
            let settled = (value != row.value && !response.dragged()) || response.drag_stopped();
            if value != row.value || settled {
                edit = Some(Edit { value, settled });
            }
            response.on_hover_ui(|ui| explain(ui, row, setup.preset)).on_disabled_hover_text(FIXED);
            if row.is_changed() {
                let reset = ui.add_enabled(enabled, egui::Button::new("Reset").small());
                let reset = reset.accessible_name(format!("Reset {key}"));
                let reset = reset.on_hover_text(format!("Back to {}", row.base)).on_disabled_hover_text(FIXED);
                if reset.clicked() {
                    edit = Some(Edit { value: row.base, settled: true });
                }
            }
        });
    });
    edit
}

/// Whether a message is about a key, and not about a longer one.
fn names(message: &str, key: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    message.split(|c| !part(c)).any(|word| word.trim_end_matches('.') == key)
}

/// The tooltip: meaning, key, default and range.
fn explain(ui: &mut Ui, row: &Row, preset: &Preset) {
    ui.set_max_width(360.0);
    ui.label(row.field.doc.trim());
    ui.weak(format!("{} {}", row.field.key(), row.field.allowed()));
    let default = (row.field.default)();
    ui.weak(format!("default: {default}"));
    if row.base != default {
        ui.weak(format!("preset {}: {}", preset.name, row.base));
    }
}

/// The widget for a setting, named `name` for those who cannot see it, and the value it now has.
pub(super) fn control(ui: &mut Ui, field: &'static Field, name: &str, value: Value) -> (Response, Value) {
    ui.name_inputs(name, |ui| match value {
        Value::Bool(mut on) => {
            let response = ui.checkbox(&mut on, "");
            (response, Value::Bool(on))
        }
        Value::Choice(mut word) => {
            let combo = ComboBox::from_id_salt((field.section, field.name)).selected_text(word).width(90.0);
            let shown = combo.show_ui(ui, |ui| {
                for &choice in field.choices {
                    ui.selectable_value(&mut word, choice, choice);
                }
            });
            (shown.response, Value::Choice(word))
        }
        Value::Integer(count) => {
            let mut number = count as f64;
            let response = integer(ui, field, &mut number);
            (response, Value::Integer(number.round().max(0.0) as u64))
        }
        Value::Number(given) => {
            let mut number = f64::from(given);
            let response = real(ui, field, &mut number);
            // Only what was changed goes through the coarser type of the widget.
            let value = if number == f64::from(given) { given } else { number as f32 };
            (response, Value::Number(value))
        }
    })
}

/// A whole number: a slider when there are few, else a box whose speed follows its value.
fn integer(ui: &mut Ui, field: &Field, number: &mut f64) -> Response {
    let range = interval(field);
    let show = |value: f64, _: RangeInclusive<usize>| output::thousands(value.max(0.0).round() as u64);
    if range.end() - range.start() <= 16.0 {
        ui.spacing_mut().slider_width = 80.0;
        return ui.add(Slider::new(number, range).step_by(1.0).update_while_editing(false).custom_formatter(show));
    }
    let speed = (0.01 * *number).max(0.25);
    ui.add(
        DragValue::new(number)
            .speed(speed)
            .range(range)
            .max_decimals(0)
            .update_while_editing(false)
            .custom_formatter(show)
            .custom_parser(count),
    )
}

/// A number: a slider for a fraction, else a box whose speed follows its value, as on a logarithmic scale.
fn real(ui: &mut Ui, field: &Field, number: &mut f64) -> Response {
    let range = interval(field);
    // The shortest digits that read back as the same f32.
    let show = |value: f64, _: RangeInclusive<usize>| format!("{:?}", value as f32);
    let default = match (field.default)() {
        Value::Number(default) => f64::from(default),
        _ => 0.0,
    };
    // A fraction whose default is tiny would be lost at the end of a slider.
    if range.end() - range.start() <= 1.0 && (default == 0.0 || default > 0.01) {
        ui.spacing_mut().slider_width = 80.0;
        return ui.add(Slider::new(number, range).update_while_editing(false).custom_formatter(show));
    }
    let speed = match 0.01 * number.abs().max(default.abs()) {
        0.0 => 1e-3,
        speed => speed,
    };
    ui.add(DragValue::new(number).speed(speed).range(range).update_while_editing(false).custom_formatter(show))
}

/// The allowed numbers as a closed interval: an end that is excluded is kept off by a millionth of the span.
fn interval(field: &Field) -> RangeInclusive<f64> {
    let Some(range) = field.range else { return f64::from(f32::MIN)..=f64::from(f32::MAX) };
    let inset = |open: bool| if open { 1e-6 * (range.max - range.min) } else { 0.0 };
    range.min + inset(range.open_min)..=range.max - inset(range.open_max)
}

/// A count as people type it: `30000`, `30,000`, `30k`, `1.5M`.
fn count(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '_' | '\'')).collect();
    let (digits, factor) = match text.char_indices().next_back()? {
        (end, 'k' | 'K') => (&text[..end], 1e3),
        (end, 'm' | 'M') => (&text[..end], 1e6),
        _ => (text.as_str(), 1.0),
    };
    digits.parse::<f64>().ok().map(|number| (number * factor).round()).filter(|number| number.is_finite())
}

/// A table with one setting.
fn patch(field: &Field, value: Value) -> Table {
    let mut section = Table::new();
    section.insert(field.name.to_owned(), value.to_toml());
    let mut table = Table::new();
    table.insert(field.section.to_owned(), section.into());
    table
}

/// A word as a heading.
fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
