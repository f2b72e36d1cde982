//! A run folder: what one training run leaves behind, and what `--resume` finds again.
//!
//! ```text
//! settings.toml    resolved settings; `splat train SCENE --config` repeats the run
//! run.json         scene, fingerprints, adapter, version, command
//! metrics.jsonl    one line per logged step; never holds a step twice
//! checkpoints/     step_NNNNNNN.ckpt, see `checkpoint`
//! splats.ply       the scene, also when interrupted
//! test/*.png       held-out photos beside their renders
//! summary.json     the last line of `train --json`, plus scores per view
//! ```
//! Every file is written beside its place and renamed, so a kill at any moment leaves the old or the new one.

pub mod checkpoint;
pub mod comparison;
mod metrics;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::atomic;
use crate::error::{Error, Result};
use crate::settings::{Settings, read_table};

/// Version of the layout of run.json and of the JSON events.
pub const SCHEMA: u32 = 1;

/// What a run was made of; a resumed run must agree with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Layout version, [`SCHEMA`].
    pub schema: u32,
    /// Version of this library.
    pub splat: String,
    /// The command line, or how else the run was begun.
    pub command: String,
    /// The scene as an absolute path.
    pub scene: String,
    /// The image folder, if it was chosen by hand.
    pub images: Option<String>,
    /// Stable hash of names, sizes, poses and points, in hexadecimal.
    pub dataset_fingerprint: String,
    /// Whether the photos have alpha, which decides the background of evaluations.
    pub has_alpha: bool,
    /// Radius of the cameras around their centre, scene units.
    pub extent: f64,
    /// Everything known about the adapter.
    pub gpu: serde_json::Value,
    /// What must agree for the same bytes: adapter, driver and profile.
    pub gpu_fingerprint: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// When the run began, UTC.
    pub started: String,
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
    replace: bool,
}

/// Keeps other processes out of a run folder; the system releases it however the process ends.
#[derive(Debug)]
pub struct RunLock(#[allow(dead_code, reason = "held for its lock")] File);

impl RunFolder {
    /// `runs/<scene>-<date>-<time>`, UTC.
    pub fn default_path(scene: &Path) -> PathBuf {
        let absolute = std::path::absolute(scene).unwrap_or_else(|_| scene.to_owned());
        let name = absolute.file_name().map_or_else(|| "scene".into(), |name| name.to_string_lossy());
        Path::new("runs")
            .join(format!("{name}-{}", timestamp(SystemTime::now()).replace([':', 'Z'], "").replace('T', "-")))
    }

    /// A folder for a new run. Nothing is written or removed before [`RunFolder::begin`].
    ///
    /// # Errors
    /// [`Error::Settings`] when the folder holds anything and `force` is off; with `force`, the files of an earlier
    /// run will be replaced and others left alone.
    pub fn create(root: &Path, force: bool) -> Result<Self> {
        let run = Self { root: root.to_owned(), replace: force };
        let entries = match fs::read_dir(root) {
            // The lock of an attempt that failed before it wrote anything is nothing worth keeping.
            Ok(entries) => entries.flatten().any(|entry| entry.file_name() != ".lock"),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(source) => return Err(run.failed("read", root, source)),
        };
        if !entries || force {
            return Ok(run);
        }
        let (problem, remedy) = if run.is_run() {
            ("already holds a run", "continue it with --resume, replace it with --force, or choose another -o")
        } else {
            ("is not empty", "choose another -o, or pass --force to write into it (other files stay)")
        };
        Err(Error::Settings { problem: format!("{}: {problem}", root.display()), remedy: remedy.into() })
    }

    /// The folder of an earlier run.
    ///
    /// # Errors
    /// [`Error::Input`] when it holds no run.
    pub fn open(root: &Path) -> Result<Self> {
        let run = Self { root: root.to_owned(), replace: false };
        if run.is_run() {
            return Ok(run);
        }
        let problem =
            if root.exists() { "is not a run folder: no settings.toml and run.json" } else { "no such folder" };
        Err(Error::Input {
            path: root.into(),
            problem: problem.into(),
            remedy: "give the folder that `splat train -o` wrote".into(),
        })
    }

    /// Whether settings and header are there.
    pub fn is_run(&self) -> bool {
        self.path("settings.toml").is_file() && self.path("run.json").is_file()
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The trained scene.
    pub fn ply(&self) -> PathBuf {
        self.path("splats.ply")
    }

    /// The trained scene, compressed.
    pub fn archive(&self) -> PathBuf {
        self.path("splats.splatz")
    }

    /// A file or folder inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the folder for this process until the lock is dropped.
    ///
    /// # Errors
    /// [`Error::Input`] when another process trains in it, [`Error::Io`] when it cannot be made.
    pub fn lock(&self) -> Result<RunLock> {
        let path = self.path(".lock");
        let make = || -> std::io::Result<File> {
            fs::create_dir_all(&self.root)?;
            File::create(&path)
        };
        let file = make().map_err(|source| self.failed("create", &path, source))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::Input {
                path: self.root.clone(),
                problem: "another process is training in this folder".into(),
                remedy: "wait for it, stop it, or choose another -o".into(),
            }),
            // Some network file systems know no locks; the run works without.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(RunLock(file)),
        }
    }

    /// Makes the folder, removes the files of a replaced run, and writes settings and header.
    ///
    /// # Errors
    /// [`Error::Io`] when something cannot be written.
    pub fn begin(&self, settings: &Settings, header: &Header) -> Result<()> {
        if self.replace {
            for name in ["run.json", "metrics.jsonl", "summary.json", "splats.ply"] {
                self.remove(&self.path(name))?;
            }
            self.remove_all("checkpoints", &["ckpt", "bad", "tmp"])?;
            self.remove_all("test", &["png"])?;
        }
        let checkpoints = self.path("checkpoints");
        fs::create_dir_all(&checkpoints).map_err(|source| self.failed("create", &checkpoints, source))?;
        self.write_settings(settings)?;
        self.write_json("run.json", header)
    }

    /// Writes settings.toml.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_settings(&self, settings: &Settings) -> Result<()> {
        atomic::write(&self.path("settings.toml"), settings.to_toml().as_bytes())
    }

    /// The settings the run was started with.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Settings`] when settings.toml is missing or damaged.
    pub fn settings(&self) -> Result<Settings> {
        Settings::resolve("default", Some(&self.settings_table()?), &[])
    }

    /// settings.toml as it stands, to put other layers on top of.
    ///
    /// # Errors
    /// [`Error::Input`] when settings.toml is missing or no TOML.
    pub fn settings_table(&self) -> Result<Table> {
        read_table(&self.path("settings.toml"))
    }

    /// The header the run was started with.
    ///
    /// # Errors
    /// [`Error::Input`] when run.json is missing or damaged.
    pub fn header(&self) -> Result<Header> {
        let path = self.path("run.json");
        let text = fs::read_to_string(&path).map_err(|source| self.failed("read", &path, source))?;
        serde_json::from_str(&text).map_err(|error| Error::Input {
            path,
            problem: format!("damaged run header: {error}"),
            remedy: "start anew with --force".into(),
        })
    }

    /// The summary of a finished or interrupted run, if it wrote one.
    pub fn summary(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&fs::read_to_string(self.path("summary.json")).ok()?).ok()
    }

    /// Writes a JSON file into the folder.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path(name);
        let text = serde_json::to_string_pretty(value).map_err(|source| self.failed("write", &path, source.into()))?;
        atomic::write(&path, format!("{text}\n").as_bytes())
    }

    /// Removes the files with these extensions from one of our folders, which may be missing.
    fn remove_all(&self, folder: &str, extensions: &[&str]) -> Result<()> {
        for entry in fs::read_dir(self.path(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().and_then(|extension| extension.to_str()).is_some_and(|own| extensions.contains(&own)) {
                self.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes a file that may be missing.
    fn remove(&self, path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("remove", path, error)),
            _ => Ok(()),
        }
    }

    /// An I/O error about a file in this folder.
    fn failed(&self, action: &'static str, path: &Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_owned(), action, source }
    }
}

/// `YYYYMMDDTHH:MM:SSZ`-like UTC time: `20261123T13:45:00Z`.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil calendar from days, counted in 400-year eras that begin on 1 March, so that leap days end a year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}
