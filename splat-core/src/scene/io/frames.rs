//! What fixed cameras filmed: per camera a folder of frames, or a video whose frames are extracted into one, once.
//!
//! A camera is a folder `cam01` (frames in it, or in `cam01/images`) or a file `cam01.mp4`; the folder wins. Extraction
//! is left to the program ffmpeg and goes into `cam01.tmp`, which is renamed when complete, so a folder `cam01` never
//! holds half a video. Not for poses, nor for what the frames show.

use crate::error::{Error, Result};
use crate::scene::files::is_image;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VIDEOS: [&str; 5] = ["mp4", "mov", "mkv", "avi", "webm"];
/// Looked for on PATH.
const PROGRAM: &str = "ffmpeg";
/// How much of what ffmpeg says is kept.
const MOST_WORDS: u64 = 2048;
/// No camera films this long; a folder with more is a mistake.
const MOST_FRAMES: usize = 200_000;

/// Where the frames of one camera are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CameraFiles {
    /// Such as `cam01`.
    pub(crate) name: String,
    /// `cam01`, if it is there.
    folder: Option<PathBuf>,
    /// `cam01.mp4`, if it is there.
    video: Option<PathBuf>,
}

/// The cameras in a folder, sorted by name as text; none where the folder cannot be listed.
pub(crate) fn cameras(root: &Path) -> Vec<CameraFiles> {
    let mut found: BTreeMap<String, CameraFiles> = BTreeMap::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_video = path.extension().is_some_and(|e| VIDEOS.iter().any(|known| e.eq_ignore_ascii_case(known)));
        let is_folder = path.is_dir();
        let name = if is_folder { path.file_name() } else { path.file_stem() };
        let name = name.and_then(|name| name.to_str()).filter(|name| camera_number(name).is_some());
        let Some(name) = name.map(str::to_owned) else { continue };
        let camera = || CameraFiles { name: name.clone(), folder: None, video: None };
        if is_folder {
            found.entry(name.clone()).or_insert_with(camera).folder = Some(path);
        } else if is_video && path.is_file() {
            found.entry(name.clone()).or_insert_with(camera).video = Some(path);
        }
    }
    found.into_values().collect()
}

/// The number in the name of a camera: 7 of `cam07`, `Camera_7` or `cam-7`.
pub(crate) fn camera_number(name: &str) -> Option<u32> {
    let lower = name.to_ascii_lowercase();
    let rest = lower.strip_prefix("camera").or_else(|| lower.strip_prefix("cam"))?;
    let digits = rest.strip_prefix(['_', '-']).unwrap_or(rest);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

impl CameraFiles {
    /// Its frames, sorted by name: the path from `root` with forward slashes, and the file. What was extracted for
    /// that is added to `extracted`.
    pub(crate) fn frames(&self, root: &Path, extracted: &mut Vec<PathBuf>) -> Result<Vec<(String, PathBuf)>> {
        for folder in self.folder.iter().flat_map(|folder| [folder.clone(), folder.join("images")]) {
            let frames = images_in(&folder)?;
            if !frames.is_empty() {
                return Ok(relative(root, frames));
            }
        }
        let folder = self.folder.clone().unwrap_or_else(|| root.join(&self.name));
        let Some(video) = &self.video else {
            return Err(Error::input(
                folder,
                "there are no frames of this camera",
                "restore them or remove the folder",
            ));
        };
        extract(PROGRAM, video, &folder)?;
        let frames = relative(root, images_in(&folder)?);
        extracted.push(folder);
        Ok(frames)
    }
}

/// The images in a folder, those below it left out, sorted by name; none if it is not there.
pub(crate) fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(folder, "read", error)),
    };
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let images = entries.flatten().map(|entry| entry.path());
    let mut images: Vec<PathBuf> =
        images.filter(|path| is_image(path) && !is_hidden(path) && path.is_file()).take(MOST_FRAMES + 1).collect();
    if images.len() > MOST_FRAMES {
        let problem = format!("there are more than {MOST_FRAMES} images");
        return Err(Error::input(folder, problem, "give a folder with fewer"));
    }
    images.sort();
    Ok(images)
}

/// Paths with their names from `root`.
fn relative(root: &Path, paths: Vec<PathBuf>) -> Vec<(String, PathBuf)> {
    let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    paths.into_iter().map(|path| (name(&path), path)).collect()
}

/// Extracts all frames of a video into `folder`, as PNGs numbered from 0.
fn extract(program: &str, video: &Path, folder: &Path) -> Result<()> {
    let shown = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (from, to) = (shown(video), shown(folder));
    let by_hand = format!("mkdir -p {to} && ffmpeg -i {from} -start_number 0 {to}/%04d.png");
    let temporary = Temporary(folder.with_file_name(format!("{to}.tmp")));
    let failed = |error: io::Error| {
        Error::input(
            video,
            format!("its frames cannot be extracted into {to} beside it: {error}"),
            format!("make the folder writable, or copy the scene to where you may write and run there: {by_hand}"),
        )
    };
    // What an extraction that was killed has left.
    let _ = fs::remove_dir_all(&temporary.0);
    fs::create_dir(&temporary.0).map_err(failed)?;
    let video_path = std::path::absolute(video).map_err(|e| Error::io(video, "read", e))?;
    let mut words = run(program, &video_path, &temporary.0, "-fps_mode");
    if matches!(&words, Ok(Some(words)) if words.contains("fps_mode")) {
        // Its name before ffmpeg 5.1.
        words = run(program, &video_path, &temporary.0, "-vsync");
    }
    match words {
        Ok(None) => {}
        Ok(Some(words)) => {
            let problem = format!("its frames could not be extracted, ffmpeg says: {}", words.trim());
            return Err(Error::input(video, problem, format!("restore the video, or try: {by_hand}")));
        }
        Err(error) => {
            let problem = match error.kind() {
                io::ErrorKind::NotFound => "its frames must be extracted by ffmpeg, which is not on PATH".to_owned(),
                _ => format!("its frames must be extracted by ffmpeg, which does not start: {error}"),
            };
            let remedy = format!("install ffmpeg, or run where it is installed, in the folder of the video: {by_hand}");
            return Err(Error::input(video, problem, remedy));
        }
    }
    if images_in(&temporary.0)?.is_empty() {
        return Err(Error::input(video, "there is no frame in this video", "restore the video"));
    }
    // Not every system replaces an empty folder by renaming.
    let _ = fs::remove_dir(folder);
    fs::rename(&temporary.0, folder).map_err(failed)
}

/// Runs ffmpeg to its end: `None` if it succeeded, otherwise how its complaint begins.
fn run(program: &str, video: &Path, folder: &Path, frame_option: &str) -> io::Result<Option<String>> {
    let mut child = Command::new(program)
        // The pattern of names must not see the path: a percent sign in it would mean something.
        .current_dir(folder)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-i"])
        .arg(video)
        // One picture per frame of the file, none twice or left out to keep a rate.
        .args(["-map", "0:v:0", frame_option, "passthrough", "-start_number", "0", "%04d.png"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut words = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.by_ref().take(MOST_WORDS).read_to_end(&mut words)?;
        // It waits until all is read.
        io::copy(&mut stderr, &mut io::sink())?;
    }
    let status = child.wait()?;
    let words = String::from_utf8_lossy(&words).into_owned();
    Ok((!status.success()).then(|| if words.is_empty() { format!("{status}") } else { words }))
}

/// A folder that is removed unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Best effort: it may have its final name by now.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{camera_number, cameras, extract};
    use std::fs;

    #[test]
    fn cameras_are_told_by_their_names() {
        for (name, number) in [
            ("cam00", Some(0)),
            ("cam7", Some(7)),
            ("Camera_012", Some(12)),
            ("CAM-3", Some(3)),
            ("cam", None),
            ("cam00.tmp", None),
            ("cam1b", None),
            ("cam99999999999", None),
            ("images_4", None),
            ("0001", None),
        ] {
            assert_eq!(camera_number(name), number, "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["cam02", "cam00.tmp", "images", "cam10"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for name in ["cam01.mp4", "cam02.MP4", "cam03.txt", "video.mp4"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = cameras(folder.path());
        let names: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.folder.is_some(), c.video.is_some())).collect();
        assert_eq!(names, [("cam01", false, true), ("cam02", true, true), ("cam10", true, false)]);
    }

    #[test]
    fn what_keeps_frames_from_being_extracted_is_said_with_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let video = folder.path().join("cam07.mp4");
        fs::write(&video, "not a video").unwrap();
        let command = "mkdir -p cam07 && ffmpeg -i cam07.mp4 -start_number 0 cam07/%04d.png";
        let message = |program: &str, target: &str| {
            let error = extract(program, &video, &folder.path().join(target)).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            error.to_string()
        };
        let missing = message("no-such-program-of-that-name", "cam07");
        assert!(
            missing.contains("cam07.mp4: its frames must be extracted by ffmpeg, which is not on PATH"),
            "{missing}"
        );
        assert!(missing.contains(command), "{missing}");
        let nowhere = message("no-such-program-of-that-name", "no/cam07");
        assert!(nowhere.contains("cannot be extracted into cam07 beside it") && nowhere.contains(command), "{nowhere}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["cam07.mp4"]);
    }
}
