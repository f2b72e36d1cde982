//! Merging layers of settings as TOML: every key is looked up and every value checked on the way in.

use toml::Table;

use super::Settings;
use super::field::{Field, nearest};
use crate::error::{Error, Result};

/// Where to look the table up.
pub(super) const HINT: &str = "`splat settings` lists every setting";

/// The parsed text of a preset.
pub(super) fn preset_table(name: &str) -> Result<Table> {
    let names = || Settings::PRESETS.iter().map(|preset| preset.name);
    let Some(preset) = Settings::PRESETS.iter().find(|preset| preset.name == name) else {
        return Err(Error::Settings {
            problem: format!("unknown preset \"{name}\"{}", did_you_mean(name, names().map(str::to_owned))),
            remedy: format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        });
    };
    preset.text.parse().map_err(|error: toml::de::Error| Error::Settings {
        problem: format!("preset {name}: {}", error.message()),
        remedy: "reinstall splat".into(),
    })
}

/// Copies every key of `from` into `into` after checking it.
pub(super) fn merge(into: &mut Table, from: &Table, origin: &str) -> Result<()> {
    for (section, keys) in from {
        let Some(keys) = keys.as_table() else {
            return Err(unknown_key(section, origin));
        };
        if !Settings::SECTIONS.iter().any(|known| known.name == section) {
            let names = Settings::SECTIONS.iter().map(|known| known.name.to_owned());
            return Err(Error::Settings {
                problem: format!("{origin}: unknown section [{section}]{}", did_you_mean(section, names)),
                remedy: HINT.into(),
            });
        }
        for (name, value) in keys {
            insert(into, section, name, value, origin)?;
        }
    }
    Ok(())
}

/// Checks one value and stores it in its canonical TOML type.
pub(super) fn insert(into: &mut Table, section: &str, name: &str, value: &toml::Value, origin: &str) -> Result<()> {
    let field = field_of(section, name)?;
    let value = field.accept(value).map_err(|found| Error::Settings {
        problem: format!("{} = {found} ({origin}) is not allowed: expected {}", field.key(), field.expected()),
        remedy: format!("it means: {}", field.doc.trim().trim_end_matches('.')),
    })?;
    if let Some(section) = section_of(into, section) {
        section.insert(name.to_owned(), value);
    }
    Ok(())
}

/// The table of a section, made when missing.
pub(super) fn section_of<'a>(table: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    table.entry(section).or_insert_with(|| toml::Value::Table(Table::new())).as_table_mut()
}

/// Splits `section.key`.
pub(super) fn split_key(key: &str) -> Result<(&str, &str)> {
    key.split_once('.').ok_or_else(|| unknown_key(key, "--set"))
}

/// The descriptor of `section.name`, or an error with the nearest key.
pub(super) fn field_of(section: &str, name: &str) -> Result<&'static Field> {
    Settings::fields()
        .find(|field| field.section == section && field.name == name)
        .ok_or_else(|| unknown_key(&format!("{section}.{name}"), "settings"))
}

/// The error for a key that is in no section. A bare `steps` is told its section.
fn unknown_key(key: &str, origin: &str) -> Error {
    let suggestion = match Settings::fields().find(|field| field.name == key) {
        Some(field) => format!(", did you mean \"{}\"?", field.key()),
        None => did_you_mean(key, Settings::fields().map(Field::key)),
    };
    Error::Settings { problem: format!("{origin}: unknown setting \"{key}\"{suggestion}"), remedy: HINT.into() }
}

/// ", did you mean …?" when a candidate is near enough, else nothing.
fn did_you_mean(word: &str, candidates: impl Iterator<Item = String>) -> String {
    nearest(word, candidates).map_or_else(String::new, |best| format!(", did you mean \"{best}\"?"))
}
