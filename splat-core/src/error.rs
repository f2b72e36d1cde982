//! The errors of the library, one variant per thing the *user* can do about it.
//!
//! Every message says what failed, where, what was found instead of what was expected, and what to do next.
//! The front end prints it and leaves with [`Error::exit_code`]; nothing in the library prints or exits.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::shortened;

/// The most characters of a problem that an [`Error::Input`] keeps: some lines of a terminal.
const MAX_PROBLEM: usize = 600;

/// Result of every fallible function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, grouped by who has to act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder the user gave is missing, damaged, inconsistent or of a kind we do not read.
    #[error("{}: {problem}; {remedy}", path.display())]
    Input {
        /// The offending file or folder.
        path: PathBuf,
        /// What was found, and what was expected.
        problem: String,
        /// What the user can do.
        remedy: String,
    },
    /// The operating system refused to read or write a file.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `write` or `create`.
        action: &'static str,
        /// The system's own reason.
        source: io::Error,
    },
    /// A setting is out of range, or two settings contradict each other.
    #[error("{problem}; {remedy}")]
    Settings {
        /// The setting and its value.
        problem: String,
        /// What the user can do.
        remedy: String,
    },
    /// No graphics adapter is usable.
    #[error("{problem}; {remedy}")]
    NoAdapter {
        /// What was looked for and found.
        problem: String,
        /// What the user can do.
        remedy: String,
    },
    /// The device (or the host) has too little memory.
    #[error("out of memory for {what}; {remedy}")]
    OutOfMemory {
        /// What did not fit, with its size.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// The graphics device disappeared while in use.
    #[error("the graphics device was lost: {problem}; start again; checkpoints on disk are intact")]
    DeviceLost {
        /// The driver's own reason.
        problem: String,
    },
    /// Training produced a value that is not finite.
    #[error("training diverged at step {step}: {stage} is not finite; lower the learning rates or check the data set")]
    Diverged {
        /// The step at which it was noticed.
        step: u64,
        /// The first stage with a non-finite output.
        stage: String,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// An [`Error::Input`] about `path`. What it quotes of the file is cut to 600 characters.
    pub fn input(path: impl AsRef<Path>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let problem = shortened(&problem.into(), MAX_PROBLEM).into_owned();
        Self::Input { path: path.as_ref().to_path_buf(), problem, remedy: remedy.into() }
    }

    /// An [`Error::Io`] about `path`; a file that is not there becomes an [`Error::Input`], since the user named it.
    pub fn io(path: impl AsRef<Path>, action: &'static str, source: io::Error) -> Self {
        let path = path.as_ref();
        if source.kind() == io::ErrorKind::NotFound && action == "read" {
            return Self::input(path, "file not found", "check the path");
        }
        Self::Io { path: path.to_path_buf(), action, source }
    }

    /// An [`Error::Settings`].
    pub fn settings(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Settings { problem: problem.into(), remedy: remedy.into() }
    }

    /// The exit status a command-line program leaves with after this error.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Io { .. } | Self::DeviceLost { .. } => 1,
            Self::Settings { .. } => 2,
            Self::Input { .. } => 3,
            Self::NoAdapter { .. } => 4,
            Self::OutOfMemory { .. } => 5,
            Self::Diverged { .. } => 6,
            Self::Cancelled => 130,
        }
    }
}
