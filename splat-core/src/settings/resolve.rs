//! Presets, and how defaults, presets, files and single settings become one table.

use std::path::Path;

use super::merge::{HINT, field_of, insert, merge, preset_table, section_of, split_key};
use super::{Field, Section, Settings, Table, Value};
use crate::error::{Error, Result};

/// Settings that the session reads and the trainer does not: safe to change in a running session.
pub(super) const LIVE: &[&str] =
    &["train.eval_every", "train.checkpoint_every", "output.test_images", "output.keep_checkpoints"];

/// Settings that cannot change a trained number, so that a resumed run may choose them anew.
/// (The profile that `auto` stands for is part of the adapter's fingerprint, which a session compares itself.)
pub(super) const INERT: &[&str] = &["data.cache_mib", "data.loader_threads", "raster.profile"];

/// A named set of choices, embedded from `assets/presets`.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name for `--preset`.
    pub name: &'static str,
    /// The TOML text; its first comment line tells what the preset is for.
    pub text: &'static str,
}

impl Preset {
    /// What the preset is for, in one line.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

/// Embeds `assets/presets/<name>.toml`.
macro_rules! preset {
    ($name:literal) => {
        Preset { name: $name, text: include_str!(concat!("../../../assets/presets/", $name, ".toml")) }
    };
}

impl Settings {
    /// Every preset; `default` is used when none is named.
    pub const PRESETS: &'static [Preset] = &[
        preset!("default"),
        preset!("fast"),
        preset!("quality"),
        preset!("vanilla"),
        preset!("mcmc"),
        preset!("eagles"),
        preset!("compact"),
        preset!("gaussian-flow"),
        preset!("tracks"),
    ];

    /// Every setting, in table order.
    pub fn fields() -> impl Iterator<Item = &'static Field> {
        Self::SECTIONS.iter().flat_map(|section| section.fields)
    }

    /// Merges defaults < `preset` < `file` < `sets` (pairs of `section.key` and TOML text) and checks the result.
    ///
    /// # Errors
    /// [`Error::Settings`] for an unknown preset, section or key (with the nearest match), a value of the wrong
    /// type or out of range, and values that contradict one another.
    pub fn resolve(preset: &str, file: Option<&Table>, sets: &[(String, String)]) -> Result<Self> {
        let mut merged = Table::new();
        merge(&mut merged, &preset_table(preset)?, &format!("preset {preset}"))?;
        if let Some(file) = file {
            merge(&mut merged, file, "settings file")?;
        }
        for (key, text) in sets {
            let (section, name) = split_key(key)?;
            let value = field_of(section, name)?.parse(text);
            insert(&mut merged, section, name, &value, "--set")?;
        }
        let settings: Self = merged.try_into().map_err(|error: toml::de::Error| Error::Settings {
            problem: error.message().to_owned(),
            remedy: HINT.into(),
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Changes settings of a running session; only keys that the trainer does not read are accepted.
    ///
    /// # Errors
    /// [`Error::Settings`], as for [`Settings::resolve`], or when a key is fixed once training has begun.
    pub fn patch(&self, patch: &Table) -> Result<Self> {
        for (section, keys) in patch {
            for name in keys.as_table().into_iter().flat_map(Table::keys) {
                let field = field_of(section, name)?;
                if !field.is_live() {
                    return Err(Error::Settings {
                        problem: format!("{} cannot change while training", field.key()),
                        remedy: format!("only these can: {}", LIVE.join(", ")),
                    });
                }
            }
        }
        let mut merged = self.to_table();
        merge(&mut merged, patch, "changed settings")?;
        Self::resolve("default", Some(&merged), &[])
    }

    /// Settings that differ from `other` in a way that changes the trained scene: one line each,
    /// `section.key: here, there`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let free = |key: &str| LIVE.contains(&key) || INERT.contains(&key);
        let pairs = self.values().into_iter().zip(other.values());
        pairs
            .filter(|((field, a), (_, b))| a != b && !free(&field.key()))
            .map(|((field, a), (_, b))| format!("{}: {a}, {b}", field.key()))
            .collect()
    }

    /// The resolved settings as a TOML table.
    pub fn to_table(&self) -> Table {
        let mut table = Table::new();
        for (field, value) in self.values() {
            if let Some(section) = section_of(&mut table, field.section) {
                section.insert(field.name.to_owned(), value.to_toml());
            }
        }
        table
    }

    /// What differs from the defaults, as TOML without comments: enough to repeat a run with the same version, and short
    /// enough to travel with every file.
    pub fn changes_to_toml(&self) -> String {
        let mut table = Table::new();
        for ((field, value), (_, usual)) in self.values().into_iter().zip(Self::default().values()) {
            if value != usual
                && let Some(section) = section_of(&mut table, field.section)
            {
                section.insert(field.name.to_owned(), value.to_toml());
            }
        }
        table.to_string()
    }

    /// The values grouped by section, for listings.
    pub fn sections(&self) -> impl Iterator<Item = (&'static Section, Vec<(&'static Field, Value)>)> {
        let mut values = self.values().into_iter();
        Self::SECTIONS.iter().map(move |section| (section, values.by_ref().take(section.fields.len()).collect()))
    }

    /// The resolved settings as commented TOML; reading it back gives equal settings.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# Resolved settings. `splat train SCENE --config THIS_FILE` repeats them.\n");
        for (section, rows) in self.sections() {
            text.push_str(&format!("\n# {}\n[{}]\n", section.about.trim(), section.name));
            for (field, value) in rows {
                text.push_str(&format!("# {} {}\n{} = {value}\n", field.doc.trim(), field.allowed(), field.name));
            }
        }
        text
    }

    /// Refuses values that are fine alone and contradict one another.
    fn check(&self) -> Result<()> {
        if self.density.start > self.density.stop {
            return Err(Error::Settings {
                problem: format!(
                    "density.start = {:?} lies behind density.stop = {:?}",
                    self.density.start, self.density.stop
                ),
                remedy: "both are fractions of the run: begin before the end".into(),
            });
        }
        Ok(())
    }
}

/// Reads a TOML file without judging its keys; [`Settings::resolve`] does.
///
/// # Errors
/// [`Error::Input`] when the file is missing or not TOML (with line and column), [`Error::Io`] when it cannot be read.
pub fn read_table(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Input {
            path: path.into(),
            problem: "no such settings file".into(),
            remedy: "check the path; `splat settings --toml` prints one to start from".into(),
        },
        _ => Error::Io { path: path.into(), action: "read", source },
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Error::Input {
            path: path.into(),
            problem: format!("line {line}, column {column}: not valid TOML: {}", error.message()),
            remedy: "correct that line".into(),
        }
    })
}
