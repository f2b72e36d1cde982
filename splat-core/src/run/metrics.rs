//! metrics.jsonl: appended while training, cut back to the checkpoint when resuming.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};

use serde_json::Value;

use super::RunFolder;
use crate::atomic;
use crate::error::Result;

impl RunFolder {
    /// Appends one line; each is handed to the system at once, so that a kill loses none.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when the disk refuses.
    pub fn append_metric(&self, line: &Value) -> Result<()> {
        let path = self.path("metrics.jsonl");
        let append = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        append().map_err(|source| self.failed("write", &path, source))
    }

    /// Drops what lies behind `step`: later steps, the closing lines of the run, and a half-written last line.
    /// Returns the seconds trained until then.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when the file cannot be read or replaced.
    pub(crate) fn truncate_metrics(&self, step: u64) -> Result<f64> {
        let path = self.path("metrics.jsonl");
        let reader = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0.0),
            Err(source) => return Err(self.failed("read", &path, source)),
        };
        let mut seconds = 0.0;
        let mut kept = Vec::new();
        for line in reader.split(b'\n') {
            let line = line.map_err(|source| self.failed("read", &path, source))?;
            let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
            let before = value.get("step").and_then(Value::as_u64).is_some_and(|at| at <= step);
            let closing = value.get("final").and_then(Value::as_bool).unwrap_or(false);
            if before && !closing {
                seconds = value.get("seconds").and_then(Value::as_f64).unwrap_or(seconds);
                kept.push(line);
            }
        }
        kept.iter_mut().for_each(|line| line.push(b'\n'));
        atomic::write(&path, &kept.concat())?;
        Ok(seconds)
    }

    /// Removes all metrics, for a run that starts over.
    pub(crate) fn clear_metrics(&self) -> Result<()> {
        match fs::remove_file(self.path("metrics.jsonl")) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(self.failed("remove", &self.path("metrics.jsonl"), error))
            }
            _ => Ok(()),
        }
    }
}
