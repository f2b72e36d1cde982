//! Descriptors of settings: what a value may be, how it is read from TOML and shown to people.

use std::fmt;

/// One value as a setting holds it; `Display` prints TOML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(u64),
    /// A number.
    Number(f32),
    /// One word out of [`Field::choices`].
    Choice(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            // Debug prints the shortest digits that read back as the same f32, always with a point or an exponent.
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Choice(value) => write!(f, "\"{value}\""),
        }
    }
}

impl Value {
    /// The value as TOML holds it.
    pub fn to_toml(self) -> toml::Value {
        match self {
            Self::Bool(value) => toml::Value::Boolean(value),
            Self::Integer(value) => toml::Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
            // Through text, because 0.1f32 widened to f64 would be saved as 0.10000000149011612.
            Self::Number(value) => toml::Value::Float(format!("{value:?}").parse().unwrap_or(f64::from(value))),
            Self::Choice(value) => toml::Value::String(value.to_owned()),
        }
    }
}

/// The type of a setting, for widgets and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// One word out of a list.
    Choice,
}

/// An interval; an open end is excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end.
    pub min: f64,
    /// Upper end.
    pub max: f64,
    /// Whether `min` itself is excluded.
    pub open_min: bool,
    /// Whether `max` itself is excluded.
    pub open_max: bool,
}

impl Range {
    /// Whether a value lies inside; never true for NaN.
    pub fn contains(&self, value: f64) -> bool {
        let low = if self.open_min { value > self.min } else { value >= self.min };
        let high = if self.open_max { value < self.max } else { value <= self.max };
        low && high
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = if self.open_min { '(' } else { '[' };
        let right = if self.open_max { ')' } else { ']' };
        write!(f, "{left}{}, {}{right}", self.min, self.max)
    }
}

/// [min, max].
pub(super) const fn closed(min: f64, max: f64) -> Range {
    Range { min, max, open_min: false, open_max: false }
}

/// (min, max].
pub(super) const fn above(min: f64, max: f64) -> Range {
    Range { min, max, open_min: true, open_max: false }
}

/// (min, max).
pub(super) const fn between(min: f64, max: f64) -> Range {
    Range { min, max, open_min: true, open_max: true }
}

/// A type that a setting may have.
pub(super) trait Setting {
    /// How it is shown and parsed.
    const KIND: Kind;
    /// The allowed words of a choice.
    const CHOICES: &'static [&'static str] = &[];
    /// The value for printing and comparing.
    fn value(&self) -> Value;
}

impl Setting for bool {
    const KIND: Kind = Kind::Bool;
    fn value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Setting for u32 {
    const KIND: Kind = Kind::Integer;
    fn value(&self) -> Value {
        Value::Integer(u64::from(*self))
    }
}

impl Setting for u64 {
    const KIND: Kind = Kind::Integer;
    fn value(&self) -> Value {
        Value::Integer(*self)
    }
}

impl Setting for f32 {
    const KIND: Kind = Kind::Number;
    fn value(&self) -> Value {
        Value::Number(*self)
    }
}

/// A group of settings.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Name in TOML and before the dot of a key.
    pub name: &'static str,
    /// What the section is about, in one sentence.
    pub about: &'static str,
    /// Its settings.
    pub fields: &'static [Field],
}

/// One setting: everything needed to list it, parse it, check it or show a widget for it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name of its section.
    pub section: &'static str,
    /// Name within the section.
    pub name: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its default (a function, because a constant cannot call `Default`).
    pub default: fn() -> Value,
    /// Allowed numbers; `None` for flags and choices.
    pub range: Option<Range>,
    /// Allowed words; empty unless `kind` is [`Kind::Choice`].
    pub choices: &'static [&'static str],
}

impl Field {
    /// `section.name`, as `--set` takes it.
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Whether it may change while a run is in progress, because the trainer does not read it.
    pub fn is_live(&self) -> bool {
        super::resolve::LIVE.contains(&self.key().as_str())
    }

    /// The allowed values in brief: an interval or the words.
    pub fn allowed(&self) -> String {
        match (self.kind, self.range) {
            (Kind::Bool, _) => "[true|false]".into(),
            (Kind::Choice, _) => format!("[{}]", self.choices.join("|")),
            (_, Some(range)) => range.to_string(),
            (_, None) => String::new(),
        }
    }

    /// The allowed values for a message.
    pub(super) fn expected(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".into(),
            Kind::Choice => format!("one of {}", self.choices.join(", ")),
            Kind::Integer => format!("a whole number in {}", self.allowed()),
            Kind::Number => format!("a number in {}", self.allowed()),
        }
    }

    /// Text of the command line as a TOML value. Words need no quotes there; what is no TOML stays a string, so
    /// that the refusal can quote it.
    pub(super) fn parse(&self, text: &str) -> toml::Value {
        let text = text.trim();
        let bare = || toml::Value::String(text.trim_matches(['"', '\'']).to_owned());
        match self.kind {
            Kind::Choice => bare(),
            _ => {
                let parsed = format!("value = {text}").parse::<toml::Table>();
                parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(bare)
            }
        }
    }

    /// The value in the TOML type of this field, or the offending value as text.
    pub(super) fn accept(&self, value: &toml::Value) -> Result<toml::Value, String> {
        let inside = |number: f64| self.range.is_none_or(|range| range.contains(number));
        let fits = match (self.kind, value) {
            (Kind::Bool, toml::Value::Boolean(_)) => true,
            // i64 -> f64 is exact within the widest integer range of the table, 2^53 - 1.
            (Kind::Integer | Kind::Number, toml::Value::Integer(number)) => inside(*number as f64),
            (Kind::Number, toml::Value::Float(number)) => inside(*number),
            (Kind::Choice, toml::Value::String(word)) => self.choices.contains(&word.as_str()),
            _ => false,
        };
        match value {
            _ if !fits => Err(value.to_string()),
            toml::Value::Integer(number) if self.kind == Kind::Number => Ok(toml::Value::Float(*number as f64)),
            _ => Ok(value.clone()),
        }
    }
}

/// The candidate nearest to `word`, if it is near enough to be a slip of the keyboard.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let within = (word.chars().count() / 3).max(2);
    candidates
        .map(|candidate| (distance(word, &candidate), candidate))
        .filter(|(distance, _)| *distance <= within)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's edit distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(b.chars()) {
            let substitute = diagonal + usize::from(ca != cb);
            diagonal = *cell;
            *cell = substitute.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
