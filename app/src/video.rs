//! Frames into a file that plays, or a folder of PNGs. The file is encoded by the `ffmpeg` program, which is fed raw
//! pictures through a pipe; nothing else is needed for the folder.
//!
//! ```text
//! VideoOutput::plan     what the path asks for, whether it may be written, whether ffmpeg can
//! VideoOutput::start    the encoder, at one size and rate
//! VideoWriter::write    frames in order
//! VideoWriter::finish   the file takes its name; dropped before, it leaves nothing behind
//! ```

mod ffmpeg;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use splat_core::render::Image;
use splat_core::run::comparison::write_render;
use splat_core::{Error, Result};

use ffmpeg::{Encoder, Process};

/// The words for what can be written, for messages.
const KINDS: &str = ".mp4, .webm, .gif, or a folder for PNGs";

/// A kind of file that plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// H.264, where the ffmpeg at hand can.
    Mp4,
    /// VP9, where the ffmpeg at hand can.
    WebM,
    /// 256 colours a frame.
    Gif,
}

impl Container {
    /// By the extension of a path: `Ok(None)` for a folder.
    fn of(path: &Path) -> Result<Option<Self>> {
        let Some(extension) = path.extension().filter(|_| !path.is_dir() && !ends_in_separator(path)) else {
            return Ok(None);
        };
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "mp4" | "m4v" => Ok(Some(Self::Mp4)),
            "webm" => Ok(Some(Self::WebM)),
            "gif" => Ok(Some(Self::Gif)),
            other => Err(Error::settings(
                format!("{}: a camera path is not written as .{other}", path.display()),
                format!("choose {KINDS}"),
            )),
        }
    }
}

/// Whether a path says by its end that it is a folder.
fn ends_in_separator(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator)
}

/// Whether ffmpeg is on PATH, without starting it.
#[cfg(feature = "gui")]
pub(crate) fn has_ffmpeg() -> bool {
    ffmpeg::is_installed()
}

/// Where frames will go, checked but untouched.
#[derive(Clone, Debug)]
pub(crate) struct VideoOutput {
    path: PathBuf,
    /// `None` for a folder of PNGs.
    encoder: Option<Encoder>,
    replace: bool,
}

impl VideoOutput {
    /// Checks everything that can be checked before the first frame is there.
    ///
    /// # Errors
    /// [`Error::Settings`] for an unknown extension, when something is there already and `replace` is off, or when
    /// ffmpeg is missing or cannot encode this.
    pub(crate) fn plan(path: &Path, replace: bool) -> Result<Self> {
        let container = Container::of(path)?;
        let taken = match container {
            Some(_) => path.exists(),
            None if path.is_file() => {
                let problem = format!("{} is a file without an extension", path.display());
                return Err(Error::settings(problem, format!("choose {KINDS}")));
            }
            None => frames_in(path)?.next().is_some(),
        };
        if taken && !replace {
            let what = if container.is_some() { "exists" } else { "already holds frames" };
            let problem = format!("{} {what}", path.display());
            return Err(Error::settings(problem, "replace with --force, or choose another name"));
        }
        let encoder = container.map(Encoder::find).transpose()?;
        Ok(Self { path: path.into(), encoder, replace })
    }

    /// Makes the folder, or starts the encoder. `frames` is how many will come.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be made or ffmpeg does not start, [`Error::Settings`] for a size that the
    /// format cannot hold.
    pub(crate) fn start(&self, width: u32, height: u32, frame_rate: f64, frames: u64) -> Result<VideoWriter> {
        let mut notes = Vec::new();
        let sink = match &self.encoder {
            None => {
                create_folder(&self.path)?;
                if self.replace {
                    remove_frames(&self.path)?;
                }
                Sink::Folder
            }
            Some(encoder) => {
                if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    create_folder(parent)?;
                }
                notes.extend(encoder.notes(width, height, frame_rate));
                Sink::Video(Process::start(encoder, &self.path, (width, height), frame_rate, frames)?)
            }
        };
        Ok(VideoWriter { path: self.path.clone(), size: (width, height), written: 0, notes, sink })
    }
}

/// Takes frames in order.
#[derive(Debug)]
pub(crate) struct VideoWriter {
    path: PathBuf,
    size: (u32, u32),
    written: u64,
    notes: Vec<String>,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Folder,
    Video(Process),
}

impl VideoWriter {
    /// What a person should know about the result: another encoder than usual, a row cut off.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; with ffmpeg's own words if it gave up.
    pub(crate) fn write(&mut self, frame: &Image) -> Result<()> {
        let bytes = u64::from(self.size.0) * u64::from(self.size.1) * 4;
        if (frame.width, frame.height) != self.size || frame.rgba.len() as u64 != bytes {
            let (width, height) = self.size;
            let source = IoError::other(format!("a frame has {}x{}, not {width}x{height}", frame.width, frame.height));
            return Err(Error::Io { path: self.path.clone(), action: "write", source });
        }
        match &mut self.sink {
            Sink::Folder => write_frame(&self.path, self.written + 1, frame)?,
            Sink::Video(process) => process.write(&frame.rgba)?,
        }
        self.written += 1;
        Ok(())
    }

    /// Completes the output and tells where it is.
    ///
    /// # Errors
    /// [`Error::Io`] when ffmpeg failed or the file cannot take its name; then nothing is left behind.
    pub(crate) fn finish(self) -> Result<PathBuf> {
        match self.sink {
            Sink::Folder => {}
            Sink::Video(process) => process.finish()?,
        }
        Ok(self.path)
    }
}

/// `frame_00001.png`.
fn write_frame(folder: &Path, number: u64, frame: &Image) -> Result<()> {
    write_render(&folder.join(format!("frame_{number:05}.png")), frame)
}

/// Frames that an earlier rendering left in a folder, which may be missing.
fn frames_in(folder: &Path) -> Result<impl Iterator<Item = PathBuf> + use<>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(source) => return Err(Error::Io { path: folder.into(), action: "read", source }),
    };
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let digits = name.strip_prefix("frame_").and_then(|rest| rest.strip_suffix(".png"));
        digits.is_some_and(|digits| digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    }))
}

/// Removes the frames of an earlier, perhaps longer rendering.
fn remove_frames(folder: &Path) -> Result<()> {
    for path in frames_in(folder)? {
        fs::remove_file(&path).map_err(|source| Error::Io { path, action: "remove", source })?;
    }
    Ok(())
}

/// Makes a folder with all above it.
fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::Io { path: path.into(), action: "create", source })
}
