//! Run folders keep what they promise: nothing overwritten, nothing doubled, damage survived.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::comparison::ImageFolder;
use super::{Header, RunFolder, SCHEMA, timestamp};
use crate::error::Error;
use crate::render::Image;
use crate::scene::Photo;
use crate::settings::Settings;

fn header() -> Header {
    Header {
        schema: SCHEMA,
        splat: "0".into(),
        command: "splat train x".into(),
        scene: "/x".into(),
        images: None,
        dataset_fingerprint: "1".into(),
        has_alpha: false,
        extent: 1.0,
        gpu: Value::Null,
        gpu_fingerprint: "g".into(),
        seed: 42,
        started: "now".into(),
    }
}

fn begun(root: &Path) -> RunFolder {
    let run = RunFolder::create(root, false).unwrap();
    run.begin(&Settings::default(), &header()).unwrap();
    run
}

fn save(run: &RunFolder, step: u64, keep: u32) {
    run.save_checkpoint(step, keep, &mut |to| {
        to.write_all(&step.to_le_bytes()).map_err(|source| Error::Io { path: "c".into(), action: "write", source })
    })
    .unwrap();
}

fn restore(run: &RunFolder) -> (Option<u64>, usize, Vec<u8>) {
    let mut payload = Vec::new();
    let restored = run.restore_newest(&mut |from| {
        payload.clear();
        from.read_to_end(&mut payload).map_err(|source| Error::Io { path: "c".into(), action: "read", source })?;
        Ok(())
    });
    let restored = restored.unwrap();
    (restored.step, restored.warnings.len(), payload)
}

fn steps(run: &RunFolder) -> Vec<u64> {
    run.checkpoints().unwrap().into_iter().map(|(step, _)| step).collect()
}

#[test]
fn a_folder_with_anything_in_it_is_refused_without_force() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("deep/run");
    let run = begun(&root);
    assert_eq!(RunFolder::open(&root).unwrap().header().unwrap(), header());
    assert_eq!(run.settings().unwrap(), Settings::default());
    let error = RunFolder::create(&root, false).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--resume"), "{error}");
    std::fs::write(temp.path().join("mine.txt"), "x").unwrap();
    assert!(RunFolder::create(temp.path(), false).unwrap_err().to_string().contains("is not empty"));
}

#[test]
fn force_replaces_the_run_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    save(&run, 5, 2);
    run.append_metric(&json!({"step": 5})).unwrap();
    std::fs::write(run.path("mine.txt"), "x").unwrap();
    let again = RunFolder::create(temp.path(), true).unwrap();
    assert_eq!(steps(&again), [5], "nothing is removed before the run begins");
    again.begin(&Settings::default(), &header()).unwrap();
    assert!(steps(&again).is_empty());
    assert!(!again.path("metrics.jsonl").exists());
    assert!(again.path("mine.txt").exists());
}

#[test]
fn a_folder_that_is_no_run_cannot_be_opened() {
    let temp = tempfile::tempdir().unwrap();
    assert_eq!(RunFolder::open(temp.path()).unwrap_err().exit_code(), 3);
}

#[test]
fn one_process_at_a_time_trains_in_a_folder() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    let lock = run.lock().unwrap();
    assert!(run.lock().unwrap_err().to_string().contains("another process"));
    drop(lock);
    assert!(run.lock().is_ok());
}

#[test]
fn the_newest_checkpoints_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    assert_eq!(restore(&run), (None, 0, vec![]));
    for step in [10, 20, 30] {
        save(&run, step, 2);
    }
    assert_eq!(steps(&run), [20, 30]);
    assert_eq!(restore(&run), (Some(30), 0, 30_u64.to_le_bytes().to_vec()));
    save(&run, 40, 1);
    assert_eq!(steps(&run), [40]);
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before_it() {
    for damage in ["cut", "flip", "empty"] {
        let temp = tempfile::tempdir().unwrap();
        let run = begun(temp.path());
        save(&run, 10, 3);
        save(&run, 20, 3);
        let newest = run.checkpoints().unwrap().pop().unwrap().1;
        let mut bytes = std::fs::read(&newest).unwrap();
        match damage {
            "cut" => bytes.truncate(bytes.len() - 1),
            "flip" => bytes[3] ^= 1,
            _ => bytes.clear(),
        }
        std::fs::write(&newest, bytes).unwrap();
        assert_eq!(restore(&run), (Some(10), 1, 10_u64.to_le_bytes().to_vec()), "{damage}");
        // Left in place, it would count as the newest and make a later save remove the good one.
        assert_eq!(steps(&run), [10], "{damage}");
    }
}

#[test]
fn only_damaged_checkpoints_are_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    std::fs::write(run.path("checkpoints/step_0000007.ckpt"), "short").unwrap();
    let error = run.restore_newest(&mut |_| Ok(())).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("cut short"), "{error}");
}

#[test]
fn a_failed_save_keeps_the_old_checkpoint_and_leaves_no_rubbish() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    save(&run, 10, 1);
    let error = run.save_checkpoint(20, 1, &mut |_| Err(Error::DeviceLost { problem: "gone".into() })).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }));
    assert_eq!(steps(&run), [10]);
    assert_eq!(std::fs::read_dir(run.path("checkpoints")).unwrap().count(), 1);
}

#[test]
fn the_disk_s_own_error_is_told_when_a_save_fails() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    std::os::unix::fs::symlink("/dev/full", run.path("checkpoints/step_0000005.ckpt.tmp")).unwrap();
    let big = vec![0; 1 << 16];
    let saved = run.save_checkpoint(5, 1, &mut |to| {
        to.write_all(&big).map_err(|source| Error::Io { path: "trainer".into(), action: "write", source })
    });
    let Err(Error::Io { path, source, .. }) = saved else { panic!("{saved:?}") };
    assert!(path.ends_with("step_0000005.ckpt"), "{path:?}");
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn metrics_are_cut_back_to_the_checkpoint() {
    let temp = tempfile::tempdir().unwrap();
    let run = begun(temp.path());
    assert_eq!(run.truncate_metrics(5).unwrap(), 0.0);
    for (step, closing) in [(10, false), (20, false), (20, true), (30, false)] {
        run.append_metric(&json!({"step": step, "final": closing, "seconds": step / 10})).unwrap();
    }
    let mut file = std::fs::OpenOptions::new().append(true).open(run.path("metrics.jsonl")).unwrap();
    file.write_all(b"{\"step\": 4").unwrap();
    assert_eq!(run.truncate_metrics(20).unwrap(), 2.0);
    let text = std::fs::read_to_string(run.path("metrics.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains("true") && text.ends_with('\n'));
}

#[test]
fn comparison_shows_the_render_left_and_the_photo_over_its_background_right() {
    let temp = tempfile::tempdir().unwrap();
    let mut folder = ImageFolder::create(temp.path()).unwrap();
    let render = Image { width: 1, height: 2, rgba: vec![10, 20, 30, 255, 40, 50, 60, 255] };
    let photo = Photo { width: 1, height: 1, rgba: vec![100, 0, 0, 128], has_alpha: true, mask: None };
    let path = folder.compare("images/a.jpg", &render, &photo, [1.0, 1.0, 0.0]).unwrap();
    assert_eq!(path, temp.path().join("images_a.png"));
    let picture = image::open(path).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (2, 2));
    assert_eq!(picture.get_pixel(0, 1).0, [40, 50, 60]);
    assert_eq!(picture.get_pixel(1, 0).0, [227, 127, 0]);
    assert_eq!(picture.get_pixel(1, 1).0, [0, 0, 0]);
}

#[test]
fn views_with_one_stem_get_files_of_their_own_inside_the_folder() {
    let temp = tempfile::tempdir().unwrap();
    let mut folder = ImageFolder::create(temp.path()).unwrap();
    let render = Image { width: 1, height: 1, rgba: vec![0; 4] };
    for view in ["a.jpg", "a.png", "a.png", "../../a.png", ""] {
        let path = folder.write(view, &render).unwrap();
        assert_eq!(path.parent(), Some(temp.path()), "{view}");
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 5);
}

#[test]
fn timestamps_follow_the_civil_calendar() {
    let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(at(0), "19700101T00:00:00Z");
    assert_eq!(at(951_782_399), "20000228T23:59:59Z");
    assert_eq!(at(951_782_400), "20000229T00:00:00Z");
    assert_eq!(at(1_795_441_500), "20261123T13:45:00Z");
    assert_eq!(at(4_107_542_400), "21000301T00:00:00Z");
}

#[test]
fn the_default_folder_is_named_after_the_scene() {
    let path = RunFolder::default_path(Path::new("data/fox/"));
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(
        path.starts_with("runs") && name.starts_with("fox-20") && name.len() == "fox-20261123-134500".len(),
        "{name}"
    );
}
