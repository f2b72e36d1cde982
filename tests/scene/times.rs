//! When photos were taken: from the files, from the names, or not at all.

use super::fixture::{colmap_model, colmap_scene, jpeg, pattern, transforms, transforms_scene, write, write_json};
use super::{load, refused, shared};
use serde_json::{Value, json};
use splat_core::scene::{Dataset, LoadOptions, View};
use splat_core::settings::TimeSource;
use std::path::Path;

fn read(path: &Path, time: TimeSource) -> splat_core::Result<Dataset> {
    Dataset::load(path, &LoadOptions { time, ..LoadOptions::default() })
}

/// A scene whose frames have these times.
fn timed(times: &[Value]) -> tempfile::TempDir {
    let folder = transforms_scene(times.len());
    let mut json = transforms(times.len());
    for (frame, time) in json["frames"].as_array_mut().unwrap().iter_mut().zip(times) {
        frame["time"] = time.clone();
    }
    write_json(folder.path(), &json);
    folder
}

/// Names and times of all views, sorted.
fn times(dataset: &Dataset) -> Vec<(String, Option<f64>)> {
    let mut found: Vec<_> = dataset.views().map(|view: &View| (view.name.clone(), view.time)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn only_times(dataset: &Dataset) -> Vec<Option<f64>> {
    times(dataset).into_iter().map(|(_, time)| time).collect()
}

#[test]
fn times_reach_from_zero_to_one_over_all_views() {
    // The first view, which is the earliest, is held out.
    let folder = timed(&[json!(-10), json!(30), json!(10), json!(30.000_000_001)]);
    let dataset = load(folder.path());
    assert_eq!(dataset.test.len(), 1);
    let found = only_times(&dataset);
    for (found, wanted) in found.iter().zip([0.0, 1.0, 0.5, 1.0]) {
        assert!((found.unwrap() - wanted).abs() < 1e-9);
    }
    assert_eq!((found[0], found[3]), (Some(0.0), Some(1.0)));
    let times = dataset.times.unwrap();
    assert_eq!(times.frame_rate, None);
    assert_eq!((times.first, times.last, times.count, times.cameras), (-10.0, 30.000_000_001, 3, [1, 2]));
    assert_eq!(times.to_string(), "3 times from -10 to 30.000000001, 1 to 2 cameras each");
}

#[test]
fn a_frame_rate_is_kept_if_it_is_one() {
    for (fps, wanted) in [(json!(10), Some(10.0)), (json!(29.97), Some(29.97)), (json!(0), None), (json!("x"), None)] {
        let folder = transforms_scene(3);
        let mut json = transforms(3);
        json["fps"] = fps;
        for (index, frame) in json["frames"].as_array_mut().unwrap().iter_mut().enumerate() {
            frame["time"] = json!(index);
        }
        write_json(folder.path(), &json);
        assert_eq!(load(folder.path()).times.unwrap().frame_rate, wanted);
    }
}

#[test]
fn a_scene_without_times_or_with_one_alone_is_static() {
    for times in [vec![Value::Null; 3], vec![json!(0.25); 3], vec![json!(7)]] {
        let dataset = load(timed(&times).path());
        assert_eq!(dataset.times, None);
        assert!(dataset.views().all(|view| view.time.is_none()));
    }
    let untimed = load(transforms_scene(3).path());
    assert_eq!(load(timed(&[json!(5), json!(5), json!(5)]).path()).fingerprint(), untimed.fingerprint());
    assert_ne!(load(timed(&[json!(5), json!(5), json!(6)]).path()).fingerprint(), untimed.fingerprint());
}

#[test]
fn broken_times_name_the_file_and_the_frame() {
    let some = timed(&[json!(0), Value::Null, json!(1)]);
    refused(some.path(), &["transforms.json", "images/01.png: no time", "2 of 3 images", "data.time = \"none\""]);
    assert_eq!(read(some.path(), TimeSource::None).unwrap().times, None);
    refused(timed(&[json!(0), json!("NaN")]).path(), &["transforms.json", "frame 1: `time` is a text"]);
    refused(timed(&[json!(-1.5e308), json!(1.5e308)]).path(), &["the times reach from -1.5e308"]);
    for word in ["NaN", "-Infinity"] {
        let folder = timed(&[json!(0), json!(4321)]);
        let path = folder.path().join("transforms.json");
        let text = std::fs::read_to_string(&path).unwrap().replace("4321", word);
        write(&path, text);
        refused(folder.path(), &["transforms.json", "line 1, column", "`time` is NaN or infinite"]);
    }
}

#[test]
fn names_tell_the_time_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let size = (80, 64);
    let [cameras, images, points] = colmap_model(4, 1, &[90.0, 90.0, 40.0, 32.0], size);
    let rename = |images: &[u8], names: [&str; 4]| {
        // Names of another length move what follows: records are rebuilt around them.
        let mut bytes = images[..8].to_vec();
        for (record, name) in images[8..].chunks(64 + 7 + 32).zip(names) {
            bytes.extend(&record[..64]);
            bytes.extend(name.bytes().chain([0]));
            bytes.extend(&record[64 + 7..]);
        }
        bytes
    };
    for (names, wanted, line) in [
        // Numbers, with a gap where an image has no pose.
        (
            ["f_0007.jpg", "f_0008.jpg", "f_0009.jpg", "f_0011.jpg"],
            [0.0, 0.25, 0.5, 1.0],
            "4 frames from 7 to 11, one camera each",
        ),
        (
            ["a/f_1.jpg", "a/f_2.jpg", "b/f_1.jpg", "b/f_2.jpg"],
            [0.0, 1.0, 0.0, 1.0],
            "2 frames from 1 to 2, 2 cameras each",
        ),
        // The last number comes back: the order tells.
        (
            ["t_1_59.jpg", "t_2_00.jpg", "t_2_59.jpg", "t_3_00.jpg"],
            [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0],
            "4 frames from 0 to 3, one camera each",
        ),
    ] {
        super::fixture::write_model(folder.path(), &[cameras.clone(), rename(&images, names), points.clone()]);
        for name in names {
            write(&folder.path().join("images").join(name), jpeg(&pattern(80, 64)));
        }
        assert_eq!(read(folder.path(), TimeSource::Auto).unwrap().times, None);
        let dataset = read(folder.path(), TimeSource::Names).unwrap();
        let found: Vec<_> = names.iter().map(|name| (*name).to_owned()).zip(wanted.map(Some)).collect();
        assert_eq!(times(&dataset), found);
        assert_eq!(dataset.times.unwrap().to_string(), line);
    }
    let single = read(colmap_scene(1).path(), TimeSource::Names).unwrap();
    assert_eq!(single.times, None);
}

#[test]
fn shared_scenes_that_move_say_how() {
    for (set, line) in [
        ("dynamic-mono", "120 times from 0 to 1, one camera each"),
        ("dynamic-multiview", "16 times from 0 to 1, 9 cameras each"),
        ("lady-running", "65 times from 0 to 1, one camera each"),
    ] {
        let Some(root) = shared(set) else { continue };
        let dataset = load(&root);
        assert_eq!(dataset.times.as_ref().unwrap().to_string(), line, "{set}");
        assert!(dataset.views().all(|view| (0.0..=1.0).contains(&view.time.unwrap())));
        if set == "lady-running" {
            let by_name = read(&root, TimeSource::Names).unwrap();
            for ((name, a), (_, b)) in times(&dataset).into_iter().zip(times(&by_name)) {
                assert!((a.unwrap() - b.unwrap()).abs() < 1e-12, "{name}");
            }
        }
    }
}
