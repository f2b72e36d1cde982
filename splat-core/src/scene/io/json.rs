//! JSON written by others: read whole, looked at through [`Object`], complained about with the place of the mistake.

use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::path::Path;

/// Typed access to one JSON object; errors name the frame.
pub(crate) struct Object<'a> {
    pub(crate) path: &'a Path,
    /// What error messages begin with, such as `frame 12: `.
    pub(crate) place: String,
    pub(crate) fields: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// An error about this object.
    pub(crate) fn bad(&self, problem: impl AsRef<str>) -> Error {
        let problem = format!("{}{}", self.place, problem.as_ref());
        Error::input(self.path, problem, "correct the file or export it again")
    }

    /// A field; `null` counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// A field of the wrong kind.
    pub(crate) fn wrong<T>(&self, key: &str, value: &Value, expected: &str) -> Result<T> {
        Err(self.bad(format!("`{key}` is {}, expected {expected}", kind(value))))
    }

    /// A finite number.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) if number.is_finite() => Ok(Some(number)),
                _ => self.wrong(key, value, "a number"),
            },
        }
    }

    /// A text, with forward slashes.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.replace('\\', "/"))),
            Some(value) => self.wrong(key, value, "a text"),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let Some(list) = value.as_array() else {
            return self.wrong(key, value, "a list of texts");
        };
        let texts: Option<Vec<String>> = list.iter().map(|v| Some(v.as_str()?.replace('\\', "/"))).collect();
        texts.map_or_else(|| Err(self.bad(format!("`{key}` holds something that is not a text"))), |t| Ok(Some(t)))
    }

    /// A list of so many finite numbers.
    pub(crate) fn numbers<const N: usize>(&self, key: &str) -> Result<Option<[f64; N]>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let numbers = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
        match numbers.and_then(|numbers| <[f64; N]>::try_from(numbers).ok()) {
            Some(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(Some(numbers)),
            _ => Err(self.bad(format!("`{key}` must be {N} numbers"))),
        }
    }

    /// A size in whole pixels.
    pub(crate) fn edge(&self, key: &str) -> Result<Option<u32>> {
        let Some(number) = self.number(key)? else {
            return Ok(None);
        };
        // Some exporters write 1080.0.
        if number.fract() != 0.0 || !(1.0..=65536.0).contains(&number) {
            return Err(self.bad(format!("`{key}` is {number}, expected a whole number of pixels")));
        }
        Ok(Some(number as u32))
    }
}

/// What a value is, for messages.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads one file.
pub(crate) fn read(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    // Some Windows editors put a byte order mark in front, which JSON does not allow.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|e| syntax_error(path, bytes, &e))
}

fn syntax_error(path: &Path, bytes: &[u8], error: &serde_json::Error) -> Error {
    let line = bytes.split(|&b| b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    if text.contains("NaN") || text.contains("Infinity") {
        // Whole files may stand in one line: the column, and the key in front of it, say where.
        let before = String::from_utf8_lossy(line.get(..error.column()).unwrap_or(line));
        let key = before.rsplit_once(':').and_then(|(key, _)| key.trim_end().strip_suffix('"')?.rsplit_once('"'));
        let what = key.map_or_else(|| "a number".to_owned(), |(_, key)| format!("a number in `{key}`"));
        return Error::input(
            path,
            format!("line {}, column {}: {what} is NaN or infinite", error.line(), error.column()),
            "a pose or a time is broken: remove its frame or run the reconstruction again",
        );
    }
    Error::input(path, format!("not valid JSON: {error}"), "the file is damaged or was cut short; export it again")
}
