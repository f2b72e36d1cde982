//! Folders, files, what is refused, and what a failure leaves behind: nothing.

#![allow(clippy::print_stderr, reason = "skipped tests must say so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use splat_core::render::Image;

use super::ffmpeg::Encoder;
use super::{Container, VideoOutput};

fn frame(width: u32, height: u32, shade: u8) -> Image {
    let rgba = (0..width * height).flat_map(|i| [shade, (i % 251) as u8, 128, 255]).collect();
    Image { width, height, rgba }
}

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("splat-video-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Whether the test can run; says so if not.
fn has_ffmpeg(test: &str) -> bool {
    let found = Encoder::find(Container::Mp4).is_ok() && Command::new("ffprobe").arg("-version").output().is_ok();
    if !found {
        eprintln!("skipped: {test}: ffmpeg is not installed");
    }
    found
}

/// Codec, width, height, frames, pixel format, rate.
fn probe(path: &Path) -> String {
    let entries = "stream=codec_name,width,height,pix_fmt,r_frame_rate,nb_read_frames";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-show_entries", entries, "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn encode(path: &Path, size: (u32, u32), rate: f64, count: u8) -> Vec<String> {
    let mut writer = VideoOutput::plan(path, false).unwrap().start(size.0, size.1, rate, count.into()).unwrap();
    let notes = writer.notes().to_vec();
    (0..count).for_each(|i| writer.write(&frame(size.0, size.1, i * 8)).unwrap());
    assert_eq!(writer.finish().unwrap(), path);
    notes
}

#[test]
fn extensions_choose_what_is_written() {
    let of = |path: &str| Container::of(Path::new(path));
    assert_eq!(of("a/b.MP4").unwrap(), Some(Container::Mp4));
    assert_eq!(of("b.webm").unwrap(), Some(Container::WebM));
    assert_eq!(of("b.gif").unwrap(), Some(Container::Gif));
    assert_eq!(of("frames").unwrap(), None);
    assert_eq!(of("frames.v2/").unwrap(), None);
    let error = of("b.avi").unwrap_err().to_string();
    assert!(error.contains(".avi") && error.contains(".mp4") && error.contains("folder"), "{error}");
    let folder = Folder::new("extensions");
    assert_eq!(Container::of(&folder.0).unwrap(), None);
}

#[test]
fn a_folder_gets_numbered_frames_and_is_not_overwritten() {
    let folder = Folder::new("folder");
    let path = folder.0.join("deep/frames");
    let write = |replace: bool, count: u8| -> splat_core::Result<()> {
        let mut writer = VideoOutput::plan(&path, replace)?.start(3, 2, 30.0, count.into())?;
        (0..count).for_each(|i| writer.write(&frame(3, 2, i)).unwrap());
        writer.finish().map(|_| ())
    };
    write(false, 3).unwrap();
    assert_eq!(names(&path), ["frame_00001.png", "frame_00002.png", "frame_00003.png"]);
    let error = write(false, 1).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--force"), "{error}");
    // A shorter rendering leaves none of the longer one's frames, and nothing else is touched.
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    std::fs::write(path.join("frame_final.png"), "mine").unwrap();
    write(true, 1).unwrap();
    assert_eq!(names(&path), ["frame_00001.png", "frame_final.png", "notes.txt"]);
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let folder = Folder::new("sizes");
    let mut writer = VideoOutput::plan(&folder.0, false).unwrap().start(4, 4, 30.0, 1).unwrap();
    let error = writer.write(&frame(4, 3, 0)).unwrap_err().to_string();
    assert!(error.contains("4x3") && error.contains("4x4"), "{error}");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_file_in_the_way_is_named() {
    let folder = Folder::new("in_the_way");
    let path = folder.0.join("frames");
    std::fs::write(&path, "mine").unwrap();
    assert!(VideoOutput::plan(&path, true).unwrap_err().to_string().contains("without an extension"));
    let video = folder.0.join("a.mp4");
    std::fs::write(&video, "mine").unwrap();
    let error = VideoOutput::plan(&video, false).unwrap_err().to_string();
    assert!(error.contains("a.mp4 exists") && error.contains("--force"), "{error}");
}

#[test]
fn the_best_encoder_at_hand_is_chosen_and_others_are_said() {
    let list = " V....D mpeg4  MPEG-4 part 2\n V..... libx264rgb  x\n V....D libvpx  libvpx VP8\n";
    let mp4 = Encoder::choose(Container::Mp4, list).unwrap();
    let notes = mp4.notes(640, 360, 30.0);
    assert!(notes.len() == 1 && notes[0].contains("no libx264") && notes[0].contains("mpeg4"), "{notes:?}");
    let webm = Encoder::choose(Container::WebM, list).unwrap();
    assert!(webm.notes(641, 360, 30.0)[1].contains("640x360"));
    let error = Encoder::choose(Container::Gif, list).unwrap_err().to_string();
    assert!(error.contains(".gif") && error.contains("PNGs"), "{error}");
    let all = " V....D libx264  x\n V....D libopenh264 y\n";
    assert!(Encoder::choose(Container::Mp4, all).unwrap().notes(640, 360, 30.0).is_empty());
}

#[test]
fn videos_have_every_frame_and_the_asked_rate() {
    if !has_ffmpeg("videos_have_every_frame_and_the_asked_rate") {
        return;
    }
    let folder = Folder::new("videos");
    let path = |name: &str| folder.0.join(name);
    assert_eq!(encode(&path("-a: b.mp4"), (64, 48), 24.0, 7), [""; 0]);
    let probed = probe(&path("-a: b.mp4"));
    assert!(
        probed.starts_with("h264,64,48,yuv420p,24/1,7") || probed.starts_with("mpeg4,64,48,yuv420p,24/1,7"),
        "{probed}"
    );
    assert!(encode(&path("odd.mp4"), (65, 47), 30.0, 3)[0].contains("64x46"));
    assert!(probe(&path("odd.mp4")).contains(",64,46,"));
    encode(&path("b.webm"), (32, 32), 29.97, 5);
    let probed = probe(&path("b.webm"));
    assert!(probed.starts_with("vp9,32,32,yuv420p") && probed.ends_with(",5"), "{probed}");
    encode(&path("c.gif"), (31, 17), 25.0, 4);
    let probed = probe(&path("c.gif"));
    assert!(probed.starts_with("gif,31,17,") && probed.ends_with(",4"), "{probed}");
    assert_eq!(folder.names(), ["-a: b.mp4", "b.webm", "c.gif", "odd.mp4"]);
    assert!(VideoOutput::plan(&path("c.gif"), true).is_ok());
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_behind() {
    if !has_ffmpeg("a_writer_that_is_dropped_leaves_nothing_behind") {
        return;
    }
    let folder = Folder::new("dropped");
    let path = folder.0.join("a.mp4");
    std::fs::write(&path, "the old one").unwrap();
    let mut writer = VideoOutput::plan(&path, true).unwrap().start(64, 64, 30.0, 100).unwrap();
    (0..5).for_each(|i| writer.write(&frame(64, 64, i)).unwrap());
    drop(writer);
    assert_eq!(folder.names(), ["a.mp4"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"the old one");
}

#[test]
fn an_encoder_that_gives_up_is_heard() {
    if !has_ffmpeg("an_encoder_that_gives_up_is_heard") {
        return;
    }
    let folder = Folder::new("gives_up");
    let path = folder.0.join("a.mp4");
    assert!(VideoOutput::plan(&path, false).unwrap().start(1, 9, 30.0, 1).unwrap_err().to_string().contains("2x2"));
    // The encoder cannot open its file: a folder has its name.
    std::fs::create_dir(folder.0.join("a.mp4.tmp")).unwrap();
    let mut writer = VideoOutput::plan(&path, false).unwrap().start(256, 256, 30.0, 400).unwrap();
    let failed = (0..400).find_map(|_| writer.write(&frame(256, 256, 9)).err());
    let error = failed.unwrap_or_else(|| writer.finish().unwrap_err());
    let text = splat_core::session::chain(&error);
    assert!(text.contains("ffmpeg ended with") && text.contains("a.mp4"), "{text}");
    assert!(!path.exists());
    // Nothing at all: an ffmpeg without a single frame fails too, and leaves no file.
    let other = folder.0.join("b.mp4");
    let _ = VideoOutput::plan(&other, false).unwrap().start(64, 64, 30.0, 0).unwrap().finish();
    assert!(!folder.names().contains(&"b.mp4.tmp".to_owned()), "{:?}", folder.names());
}
