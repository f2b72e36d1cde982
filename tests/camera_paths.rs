//! `splat render` with a camera that moves, by the real binary: what is refused, and what a video or folder holds.

#![allow(clippy::print_stderr, reason = "skipped tests must say so")]

use std::path::Path;
use std::process::Command;

use splat_core::gpu::GpuOptions;
use splat_core::scene::{SplatCloud, write_splats};

use crate::cli::{splat_in, start_in};
use crate::gpu;

const WALK: &str = r#"{"frameRate": 4, "width": 48, "height": 32, "frames": [
    {"time": 0, "position": [0, 0, -4], "target": [0, 0, 0], "fov": 40},
    {"time": 1, "position": [3, 0, -3], "target": [0, 0, 0], "fov": 40}]}"#;

/// A red ball and a green one to its right, as seen from -z with -y up, and a path past them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let cloud = SplatCloud {
        means: vec![[-0.6, 0.0, 0.0], [0.6, 0.0, 0.0]],
        quats: vec![[1.0, 0.0, 0.0, 0.0]; 2],
        log_scales: vec![[-1.2; 3]; 2],
        opacity_logits: vec![4.0; 2],
        sh0: vec![[1.7, -1.7, -1.7], [-1.7, 1.7, -1.7]],
        ..SplatCloud::default()
    };
    write_splats(&folder.path().join("two.ply"), &cloud, &[]).unwrap();
    std::fs::write(folder.path().join("walk.json"), WALK).unwrap();
    folder
}

fn has_adapter(test: &str) -> bool {
    gpu::open(test, &GpuOptions::default()).is_some()
}

fn has_ffmpeg(test: &str) -> bool {
    let found = ["ffmpeg", "ffprobe"].iter().all(|name| Command::new(name).arg("-version").output().is_ok());
    if !found {
        eprintln!("skipped: {test}: ffmpeg is not installed");
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Mean column of the pixels where one channel is strong and another weak.
fn column(path: &Path, strong: usize, weak: usize) -> f64 {
    let image = image::open(path).unwrap().to_rgb8();
    let found = image.enumerate_pixels().filter(|(_, _, pixel)| pixel[strong] > 60 && pixel[weak] < 60);
    let columns: Vec<f64> = found.map(|(x, _, _)| f64::from(x)).collect();
    assert!(!columns.is_empty(), "{}: nothing of channel {strong}", path.display());
    columns.iter().sum::<f64>() / columns.len() as f64
}

#[test]
fn what_makes_no_video_is_refused_before_anything_is_read() {
    let folder = folder();
    let path = folder.path();
    let render = |rest: &[&str]| splat_in(path, &[&["render", "two.ply"], rest].concat());
    render(&["--turntable", "2"]).refused(2, &["--output"]);
    render(&["--turntable", "2", "--camera-path", "walk.json", "-o", "x"]).refused(2, &["--camera-path"]);
    render(&["--turntable", "2", "--views", "all", "-o", "x"]).refused(2, &["--views"]);
    render(&["--turntable", "0", "-o", "x"]).refused(2, &["seconds"]);
    render(&["--camera-path", "walk.json", "-o", "x.avi"]).refused(2, &[".avi", ".mp4", "folder"]);
    render(&["--camera-path", "none.json", "-o", "x"]).refused(3, &["none.json"]);
    render(&["--camera-path", "two.ply", "-o", "x"]).refused(3, &["two.ply", "JSON"]);
    std::fs::write(path.join("bad.json"), r#"{"frames": [{"position": [1, 2], "target": [0, 0, 0]}]}"#).unwrap();
    render(&["--camera-path", "bad.json", "-o", "x"]).refused(3, &["bad.json", "frames[0]", "`position` is [1,2]"]);
    std::fs::write(path.join("old.gif"), "mine").unwrap();
    render(&["--turntable", "2", "-o", "old.gif"]).refused(2, &["old.gif exists", "--force"]);
    assert_eq!(names(path), ["bad.json", "old.gif", "two.ply", "walk.json"]);
}

#[test]
fn without_ffmpeg_the_way_out_is_named() {
    let folder = folder();
    let run = start_in(folder.path(), &["render", "two.ply", "--turntable", "2", "-o", "x.mp4"])
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{text}");
    assert!(text.contains("ffmpeg") && text.contains("install") && text.contains("folder"), "{text}");
}

#[test]
fn a_camera_path_becomes_numbered_frames() {
    if !has_adapter("a_camera_path_becomes_numbered_frames") {
        return;
    }
    let folder = folder();
    let path = folder.path();
    let render = |rest: &[&str]| splat_in(path, &[&["render", "two.ply", "-o", "out"], rest].concat());
    let ran = render(&["--camera-path", "walk.json"]);
    ran.done(&["out\n"]);
    assert!(ran.stderr.contains("frame 5/5"), "{}", ran.stderr);
    let five = ["frame_00001.png", "frame_00002.png", "frame_00003.png", "frame_00004.png", "frame_00005.png"];
    assert_eq!(names(&path.join("out")), five);
    // Red is on the left at first; from the right end of the path green is nearer the eye and the two close up.
    let out = |name: &str| path.join("out").join(name);
    let image = image::open(out(five[0])).unwrap();
    assert_eq!((image.width(), image.height()), (48, 32));
    let spread = |name: &str| column(&out(name), 1, 0) - column(&out(name), 0, 1);
    assert!(spread(five[0]) > spread(five[4]) + 2.0, "{} {}", spread(five[0]), spread(five[4]));
    // The same view chosen by hand has the same pixels.
    let view = ["--eye", "0,0,-4", "--target", "0,0,0", "--up", "0,-1,0", "--fov", "40", "--size", "48x32"];
    splat_in(path, &[&["render", "two.ply", "-o", "view.png"][..], &view].concat()).done(&[]);
    let (by_hand, first) = (image::open(path.join("view.png")).unwrap().to_rgb8(), image.to_rgb8());
    let differ = by_hand.iter().zip(first.iter()).map(|(a, b)| a.abs_diff(*b)).max();
    // The scene's size is guessed in other ways, and with it the near plane; nothing is near it here.
    assert_eq!(differ, Some(0));
    render(&["--camera-path", "walk.json"]).refused(2, &["already holds frames", "--force"]);
    render(&["--camera-path", "walk.json", "--force", "--frame-rate", "1", "--size", "20x10", "-q"]).done(&["out\n"]);
    assert_eq!(names(&path.join("out")), five[..2]);
    assert_eq!(image::open(out(five[1])).unwrap().width(), 20);
}

#[test]
fn a_turntable_goes_around_a_file_and_says_what_it_took_for_up() {
    if !has_adapter("a_turntable_goes_around_a_file_and_says_what_it_took_for_up") {
        return;
    }
    let folder = folder();
    let turn = ["render", "two.ply", "-o", "turn", "--turntable", "1", "--frame-rate", "8", "--size", "32x24"];
    let ran = splat_in(folder.path(), &turn);
    ran.done(&["turn\n"]);
    assert!(ran.stderr.contains("-Y") && ran.stderr.contains("--up"), "{}", ran.stderr);
    let out = folder.path().join("turn");
    assert_eq!(names(&out).len(), 8);
    // Half a turn swaps left and right.
    let spread = |name: &str| column(&out.join(name), 1, 0) - column(&out.join(name), 0, 1);
    let (mut before, mut after) = (0.0, 0.0);
    for (a, b) in [(1, 5), (2, 6), (3, 7), (4, 8)] {
        let (a, b) = (spread(&format!("frame_{a:05}.png")), spread(&format!("frame_{b:05}.png")));
        if f64::abs(a) > f64::abs(before) {
            (before, after) = (a, b);
        }
    }
    assert!(before.abs() > 3.0 && before * after < 0.0, "{before} {after}");
}

#[test]
fn a_video_has_every_frame() {
    const NAME: &str = "a_video_has_every_frame";
    if !has_adapter(NAME) || !has_ffmpeg(NAME) {
        return;
    }
    let folder = folder();
    let path = folder.path();
    splat_in(path, &["render", "two.ply", "--camera-path", "walk.json", "-o", "clips/walk.mp4"]).done(&["walk.mp4\n"]);
    assert_eq!(names(&path.join("clips")), ["walk.mp4"]);
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height,r_frame_rate,nb_read_frames"])
        .arg(path.join("clips/walk.mp4"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(probe.stdout).unwrap().trim(), "48,32,4/1,5");
}

/// Ctrl-C in the middle: exit code 130, and no half file.
#[test]
#[cfg(unix)]
fn an_interrupted_video_leaves_nothing_behind() {
    const NAME: &str = "an_interrupted_video_leaves_nothing_behind";
    if !has_adapter(NAME) || !has_ffmpeg(NAME) {
        return;
    }
    let folder = folder();
    let long = ["render", "two.ply", "--turntable", "3600", "--size", "64x48", "-o", "long.mp4"];
    let mut child = start_in(folder.path(), &long).stderr(std::process::Stdio::null()).spawn().unwrap();
    let temporary = folder.path().join("long.mp4.tmp");
    let waited = std::time::Instant::now();
    while !temporary.exists() {
        assert!(waited.elapsed().as_secs() < 120, "no frame after two minutes");
        assert!(child.try_wait().unwrap().is_none(), "ended before it was interrupted");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(folder.path()), ["two.ply", "walk.json"]);
}
