//! The ffmpeg program: which encoders it has, and one of its processes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Error as IoError, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use splat_core::{Error, Result};

use super::Container;

/// Looked for on PATH.
const PROGRAM: &str = "ffmpeg";
/// How much of what ffmpeg says is kept: its last words.
const MOST_WORDS: usize = 4096;
/// A palette for the whole GIF needs all its frames in memory; above this many bytes every frame gets its own.
const MOST_GIF_BYTES: u64 = 512 << 20;
/// Browsers slow GIFs down that are faster than this.
const MOST_GIF_RATE: f64 = 50.0;

/// An encoder by ffmpeg's name for it, and how it is told to make a good picture.
#[derive(Debug)]
struct Codec {
    name: &'static str,
    /// For people.
    format: &'static str,
    arguments: &'static [&'static str],
    /// Bits per pixel and frame, for encoders that know no constant quality.
    bits_per_pixel: Option<f64>,
}

/// From best to worst.
const MP4: [Codec; 3] = [
    Codec {
        name: "libx264",
        format: "H.264",
        arguments: &["-preset", "medium", "-crf", "18", "-movflags", "+faststart"],
        bits_per_pixel: None,
    },
    Codec { name: "libopenh264", format: "H.264", arguments: &["-movflags", "+faststart"], bits_per_pixel: Some(0.15) },
    Codec {
        name: "mpeg4",
        format: "MPEG-4",
        arguments: &["-q:v", "3", "-movflags", "+faststart"],
        bits_per_pixel: None,
    },
];

/// From best to worst.
const WEBM: [Codec; 2] = [
    Codec {
        name: "libvpx-vp9",
        format: "VP9",
        arguments: &["-crf", "24", "-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"],
        bits_per_pixel: None,
    },
    Codec { name: "libvpx", format: "VP8", arguments: &["-crf", "8"], bits_per_pixel: Some(0.2) },
];

/// The only one.
const GIF: [Codec; 1] = [Codec { name: "gif", format: "GIF", arguments: &["-loop", "0"], bits_per_pixel: None }];

impl Container {
    /// Never empty; the first is used where everything is installed.
    fn codecs(self) -> &'static [Codec] {
        match self {
            Self::Mp4 => &MP4,
            Self::WebM => &WEBM,
            Self::Gif => &GIF,
        }
    }

    /// ffmpeg's name for it, which is our extension as well.
    fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::WebM => "webm",
            Self::Gif => "gif",
        }
    }
}

/// Whether the program is in one of the folders of PATH.
#[cfg(feature = "gui")]
pub(super) fn is_installed() -> bool {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH").is_some_and(|folders| std::env::split_paths(&folders).any(|dir| dir.join(&name).is_file()))
}

/// What will encode a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoder {
    container: Container,
    codec: &'static Codec,
}

impl Encoder {
    /// Asks the ffmpeg on PATH.
    pub(super) fn find(container: Container) -> Result<Self> {
        Self::choose(container, &list()?)
    }

    /// The best of those in a list printed by `ffmpeg -encoders`.
    pub(super) fn choose(container: Container, list: &str) -> Result<Self> {
        // ` V....D libx264   libx264 H.264 / AVC`
        let has = |name: &str| list.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
        match container.codecs().iter().find(|codec| has(codec.name)) {
            Some(codec) => Ok(Self { container, codec }),
            None => {
                let names: Vec<&str> = container.codecs().iter().map(|codec| codec.name).collect();
                let muxer = container.muxer();
                Err(Error::settings(
                    format!("this ffmpeg cannot encode .{muxer}: it has none of {}", names.join(", ")),
                    "install a complete ffmpeg, or give a folder to get PNGs",
                ))
            }
        }
    }

    /// What is not as a person would expect.
    pub(super) fn notes(&self, width: u32, height: u32, frame_rate: f64) -> Vec<String> {
        let mut notes = Vec::new();
        let best = &self.container.codecs()[0];
        if self.codec.name != best.name {
            notes.push(format!(
                "this ffmpeg has no {}: encoding {} with {}",
                best.name, self.codec.format, self.codec.name
            ));
        }
        let (even_width, even_height) = self.cropped(width, height);
        if (even_width, even_height) != (width, height) {
            notes.push(format!(
                "{} needs even sizes: the video has {even_width}x{even_height} pixels, cropped from {width}x{height}",
                self.codec.format
            ));
        }
        if self.container == Container::Gif && frame_rate > MOST_GIF_RATE {
            notes.push(format!("most programs play a GIF of {frame_rate} frames per second slower than that"));
        }
        notes
    }

    /// The size of the video: colour is stored for 2x2 pixels at once, but in a GIF.
    fn cropped(&self, width: u32, height: u32) -> (u32, u32) {
        match self.container {
            Container::Gif => (width, height),
            Container::Mp4 | Container::WebM => (width & !1, height & !1),
        }
    }

    /// The command line, but for the output file.
    fn arguments(&self, (width, height): (u32, u32), frame_rate: f64, frames: u64) -> Vec<String> {
        let mut line: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| line.extend(words.iter().map(|&word| word.to_owned()));
        add(&["-hide_banner", "-loglevel", "error", "-nostats", "-y"]);
        let (size, rate) = (format!("{width}x{height}"), frame_rate.to_string());
        add(&["-f", "rawvideo", "-pix_fmt", "rgba", "-video_size", &size, "-framerate", &rate, "-i", "pipe:0"]);
        let (even_width, even_height) = self.cropped(width, height);
        match self.container {
            Container::Gif => {
                let bytes = frames.saturating_mul(u64::from(width) * u64::from(height) * 4);
                let (stats, renew) = if bytes <= MOST_GIF_BYTES { ("full", 0) } else { ("single", 1) };
                let palette = format!("split[a][b];[a]palettegen=stats_mode={stats}[p]");
                add(&["-vf", &format!("{palette};[b][p]paletteuse=dither=sierra2_4a:new={renew}")]);
            }
            Container::Mp4 | Container::WebM => {
                // Said in full, since players guess the matrix from the size otherwise.
                let scale = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709";
                add(&["-vf", &format!("crop={even_width}:{even_height}:0:0,{scale},format=yuv420p")]);
                add(&[
                    "-colorspace",
                    "bt709",
                    "-color_primaries",
                    "bt709",
                    "-color_trc",
                    "bt709",
                    "-color_range",
                    "tv",
                ]);
            }
        }
        add(&["-c:v", self.codec.name]);
        if let Some(bits) = self.codec.bits_per_pixel {
            let rate = bits * f64::from(even_width) * f64::from(even_height) * frame_rate;
            add(&["-b:v", &format!("{:.0}", rate.clamp(1e5, 4e8))]);
        }
        add(self.codec.arguments);
        add(&["-f", self.container.muxer()]);
        line
    }
}

/// ffmpeg, with no window of its own, and out of reach of the Ctrl-C that is meant for us: it would end the file
/// where it stands instead of leaving that to us.
fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
    }
    command
}

/// The encoders of the ffmpeg on PATH, as it prints them.
fn list() -> Result<String> {
    let output = program().args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output().map_err(not_started)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What to do about a program that does not start.
fn not_started(error: IoError) -> Error {
    let install = if cfg!(target_os = "macos") {
        "brew install ffmpeg"
    } else if cfg!(windows) {
        "winget install ffmpeg"
    } else {
        "sudo apt-get install ffmpeg, or your system's way"
    };
    let problem = match error.kind() {
        ErrorKind::NotFound => "video files need the program ffmpeg, which is not on PATH".to_owned(),
        _ => format!("video files need the program ffmpeg, which does not start: {error}"),
    };
    Error::settings(problem, format!("install it ({install}), or give a folder to get PNGs"))
}

/// An encoder at work on a temporary file. Dropped, it is killed and the file removed.
#[derive(Debug)]
pub(super) struct Process {
    path: PathBuf,
    temporary: PathBuf,
    child: Child,
    /// `None` once everything is sent.
    frames: Option<ChildStdin>,
    /// Reads what ffmpeg says, so that it never waits for that.
    words: Option<JoinHandle<String>>,
    /// Whether the file has its name.
    done: bool,
}

impl Process {
    /// Starts encoding into `<name>.tmp` beside `path`.
    pub(super) fn start(
        encoder: &Encoder,
        path: &Path,
        size: (u32, u32),
        frame_rate: f64,
        frames: u64,
    ) -> Result<Self> {
        let (width, height) = encoder.cropped(size.0, size.1);
        if width == 0 || height == 0 {
            return Err(Error::settings(
                format!("{}x{} pixels are too few for {}", size.0, size.1, encoder.codec.format),
                "choose at least 2x2, or give a folder to get PNGs",
            ));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        // Neither a leading dash nor a colon in the name means anything to ffmpeg then.
        let mut output = OsString::from("file:");
        output.push(&temporary);
        let mut child = program()
            .args(encoder.arguments(size, frame_rate, frames))
            .arg::<&OsStr>(&output)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        let frames = child.stdin.take();
        let words = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
        Ok(Self { path: path.into(), temporary, child, frames, words, done: false })
    }

    /// Sends one frame; waits while the encoder is behind.
    pub(super) fn write(&mut self, rgba: &[u8]) -> Result<()> {
        let sent = match &mut self.frames {
            Some(frames) => frames.write_all(rgba),
            None => Err(ErrorKind::BrokenPipe.into()),
        };
        match sent {
            Ok(()) => Ok(()),
            // It gave up: say why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(self.ended()),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Waits for the last frames and gives the file its name.
    pub(super) fn finish(mut self) -> Result<()> {
        self.frames = None;
        let status = self.child.wait().map_err(|source| self.failed(source))?;
        if !status.success() {
            return Err(self.ended());
        }
        fs::rename(&self.temporary, &self.path).map_err(|source| self.failed(source))?;
        self.done = true;
        Ok(())
    }

    /// The error of an ffmpeg that ended by itself. Never a broken pipe, which elsewhere means that our reader left.
    fn ended(&mut self) -> Error {
        self.frames = None;
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string());
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        let words = words.trim();
        let separator = if words.is_empty() { "" } else { ": " };
        self.failed(IoError::other(format!("ffmpeg ended with {status}{separator}{words}")))
    }

    fn failed(&self, source: IoError) -> Error {
        Error::Io { path: self.path.clone(), action: "write", source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Best effort, each: it may have ended already, and the file may not be there yet.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Reads to the end, and keeps the end.
fn last_words(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.extend(buffer.iter().take(count));
        let surplus = kept.len().saturating_sub(MOST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
