//! `splat export` and `splat info` of a file, by the real binary: what is written, what is told, what is compared.

use std::path::Path;

use splat_core::formats::{FORMATS, load_splats};
use splat_core::gpu::GpuOptions;
use splat_core::scene::{SplatCloud, write_splats};

use crate::cli::splat_in;
use crate::gpu;

/// Twenty splats whose colour changes with the view, and one that is not a number.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let count = 21;
    let mut cloud = SplatCloud {
        means: (0..count).map(|i| [(i % 5) as f32, (i / 5) as f32, (i % 3) as f32]).collect(),
        quats: vec![[1.0, 0.0, 0.0, 0.0]; count],
        log_scales: vec![[-1.0; 3]; count],
        opacity_logits: vec![2.0; count],
        sh0: (0..count).map(|i| [i as f32 / 10.0 - 1.0, 0.5, -0.5]).collect(),
        sh_rest: (0..count * 45).map(|i| (i % 7) as f32 / 20.0 - 0.15).collect(),
        sh_degree: 3,
        ..SplatCloud::default()
    };
    cloud.means[20][1] = f32::NAN;
    write_splats(&folder.path().join("in.ply"), &cloud, &[]).unwrap();
    folder
}

fn load(path: &Path) -> SplatCloud {
    load_splats(path, &mut |_| Ok(())).unwrap()
}

#[test]
fn a_file_is_exported_and_told_about() {
    let folder = folder();
    let ran = splat_in(folder.path(), &["export", "in.ply", "out.ply", "--sh-degree", "1"]);
    ran.done(&["out.ply"]);
    for told in ["SH degree 3 → 1", "1 splats with values that are not finite", "20 splats in", "bytes per splat"] {
        assert!(ran.stderr.contains(told), "{told:?} is not in: {}", ran.stderr);
    }
    let written = load(&folder.path().join("out.ply"));
    assert_eq!((written.len(), written.sh_degree, written.sh_rest.len()), (20, 1, 20 * 9));
    let told = ["format: PLY", "splats: 20", "sh degree: 1", "dropped: 0", "bytes per splat: ", "min: 0.0, 0.0, 0.0"];
    splat_in(folder.path(), &["info", "out.ply"]).done(&told);
    splat_in(folder.path(), &["info", "in.ply"]).done(&["sh degree: 3", "dropped: 1"]);
    splat_in(folder.path(), &["export", "in.ply", "out.ply"]).refused(2, &["--force"]);
    splat_in(folder.path(), &["export", "in.ply", "all.ply"]).done(&["all.ply"]);
    assert!(!splat_in(folder.path(), &["export", "in.ply", "all.ply", "--force"]).stderr.contains("SH degree"));
}

#[test]
fn a_file_is_known_by_its_content() {
    let folder = folder();
    std::fs::rename(folder.path().join("in.ply"), folder.path().join("scan.dat")).unwrap();
    splat_in(folder.path(), &["info", "scan.dat"]).done(&["format: PLY", "splats: 20"]);
    splat_in(folder.path(), &["export", "scan.dat", "out.ply"]).done(&["out.ply"]);
    std::fs::write(folder.path().join("notes.txt"), "no splats").unwrap();
    splat_in(folder.path(), &["export", "notes.txt", "other.ply"]).refused(3, &["notes.txt", "known"]);
}

#[test]
fn the_help_lists_every_format_that_can_be_written() {
    let folder = folder();
    let extensions: Vec<String> =
        FORMATS.iter().filter(|row| row.write.is_some()).map(|row| format!("  .{} ", row.extensions[0])).collect();
    splat_in(folder.path(), &["export", "--help"]).done(&extensions.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_check_tells_how_much_was_lost() {
    if gpu::open("a_check_tells_how_much_was_lost", &GpuOptions::default()).is_none() {
        return;
    }
    let folder = folder();
    let ran = splat_in(folder.path(), &["export", "in.ply", "same.ply", "--check"]);
    ran.done(&["same.ply", "identical pictures from 12 cameras around it"]);
    let ran = splat_in(folder.path(), &["export", "in.ply", "less.ply", "--sh-degree", "0", "--check"]);
    ran.done(&["less.ply", "dB PSNR"]);
    let decibels: f64 = ran.stdout.split("by ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((10.0..60.0).contains(&decibels), "{}", ran.stdout);
}

#[test]
fn quality_is_a_dial_for_our_own_files_only() {
    let folder = folder();
    let splat = |args: &[&str]| splat_in(folder.path(), args);
    splat(&["export", "in.ply", "out.spz", "--quality", "2"]).refused(2, &["--quality", ".splatz"]);
    splat(&["export", "in.ply", "out.splatz", "--quality", "0.01"]).refused(2, &["0.0625 to 64"]);
    let mut sizes = Vec::new();
    for (name, quality) in [("rough.splatz", "0.25"), ("fine.splatz", "16")] {
        splat(&["export", "in.ply", name, "--quality", quality]).done(&[name]);
        sizes.push(std::fs::metadata(folder.path().join(name)).unwrap().len());
    }
    assert!(sizes[0] < sizes[1], "{sizes:?}");
    // What exists is copied, what another quality is asked for is not.
    splat(&["export", "rough.splatz", "copy.splatz"]).done(&["copy.splatz"]);
    splat(&["export", "rough.splatz", "finer.splatz", "--quality", "16"]).done(&["finer.splatz"]);
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("rough.splatz"), bytes("copy.splatz"));
    assert_ne!(bytes("rough.splatz"), bytes("finer.splatz"));
}

#[test]
fn another_quality_of_a_run_keeps_the_integers_it_was_trained_with() {
    if gpu::open("another_quality_of_a_run_keeps_the_integers_it_was_trained_with", &GpuOptions::default()).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scene = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/still-life");
    let train = ["train", scene, "-o", "run", "--preset", "compact", "--max-resolution", "64", "--steps", "40"];
    splat_in(folder.path(), &[train.as_slice(), &["--max-splats", "300", "--quiet"]].concat()).done(&[]);
    splat_in(folder.path(), &["export", "run", "fine.splatz", "--quality", "8"]).done(&["fine.splatz"]);
    let (stored, fine) = (load(&folder.path().join("run/splats.splatz")), load(&folder.path().join("fine.splatz")));
    let colours = |cloud: &SplatCloud| {
        let mut rows: Vec<[u32; 3]> = cloud.sh0.iter().map(|row| row.map(f32::to_bits)).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!(colours(&stored), colours(&fine));
    assert!(stored.len() == fine.len() && stored.log_scales != fine.log_scales);
}
