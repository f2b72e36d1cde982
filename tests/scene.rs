//! Scene inputs: loaders against real and rendered data, photos, splat files, broken and hostile input.
//!
//! Tests that need the shared data sets name themselves as skipped where those are not present.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a failed unwrap is a failed test, and skipped tests must say so"
)]

use glam::{DVec2, DVec3};
use splat_core::scene::io::colmap;
use splat_core::scene::{Dataset, LoadOptions, View};
use std::path::{Path, PathBuf};

#[path = "scene/broken.rs"]
mod broken;
#[path = "scene/captures.rs"]
mod captures;
#[path = "scene/fixture.rs"]
mod fixture;
#[path = "scene/fuzz.rs"]
mod fuzz;
#[path = "scene/layouts.rs"]
mod layouts;
#[path = "scene/loading.rs"]
mod loading;
#[path = "scene/photos.rs"]
mod photos;
#[path = "scene/splats.rs"]
mod splats;
#[path = "scene/times.rs"]
mod times;

/// Loading fails as input that is not understood, and says all of this.
#[track_caller]
fn refused(folder: &Path, parts: &[&str]) {
    let error = Dataset::load(folder, &LoadOptions::default()).expect_err("a broken scene loaded");
    assert_eq!(error.exit_code(), 3, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "`{part}` is not in: {error}");
    }
}

/// A shared data set, or `None` with a line saying which test is skipped.
fn shared(set: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("SPLAT_SHARED_DATA") {
        Some(root) => Some(PathBuf::from(root)),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("shared/data"))
            .find(|folder| folder.is_dir()),
    };
    let set_folder = root.map(|root| root.join(set)).filter(|folder| folder.is_dir());
    if set_folder.is_none() {
        eprintln!("skipped: the shared data set {set} is not here");
    }
    set_folder
}

fn load(path: &Path) -> Dataset {
    Dataset::load(path, &LoadOptions::default()).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn rendered_check_points_project_within_a_hundredth_of_a_pixel() {
    let Some(root) = shared("static-synthetic") else {
        return;
    };
    let dataset = load(&root);
    assert_eq!((dataset.train.len(), dataset.test.len()), (60, 12));
    assert!(dataset.has_alpha);
    let text = std::fs::read_to_string(root.join("check_points.json")).unwrap();
    let checks: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for entry in checks.as_array().unwrap() {
        let name = entry["file_path"].as_str().unwrap().trim_start_matches("./");
        let view = dataset.views().find(|view| view.name == format!("{name}.png")).unwrap();
        for point in entry["points"].as_array().unwrap() {
            let number = |key: &str, i: usize| point[key][i].as_f64().unwrap();
            let xyz = DVec3::new(number("xyz", 0), number("xyz", 1), number("xyz", 2));
            let uv = DVec2::new(number("uv", 0), number("uv", 1));
            let error = view.project(xyz).unwrap().distance(uv);
            assert!(error < 0.01, "{name}: {error} px");
            checked += 1;
        }
    }
    assert!(checked >= 100, "only {checked} check points");
}

#[test]
fn fox_has_its_own_split_and_lens() {
    let Some(root) = shared("fox") else { return };
    let dataset = load(&root);
    assert_eq!((dataset.train.len(), dataset.test.len()), (43, 7));
    assert_eq!(dataset.split, "named in transforms_test.json");
    assert!(!dataset.has_alpha);
    let view = &dataset.train[0];
    assert!((view.fx - 387.183_407_4).abs() < 1e-6 && (view.fy - 386.575_312_5).abs() < 1e-6);
    let (a, b) = view.lens.distort(0.3, 0.5);
    assert!((a, b) != (0.3, 0.5), "the lens distortion was lost");
    let photo = splat_core::scene::load_photo(view, view.width / 2, view.height / 2).unwrap();
    assert_eq!((photo.width, photo.height), (152, 270));
}

#[test]
fn fox_as_a_single_file_holds_out_the_same_images() {
    let Some(root) = shared("fox") else { return };
    let names = |dataset: &Dataset| dataset.test.iter().map(|view| view.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&load(&root.join("transforms.json"))), names(&load(&root)));
}

#[test]
fn colmap_text_equals_colmap_binary() {
    let Some(root) = shared("sceaux-colmap") else {
        return;
    };
    let binary = colmap::read_model(&root.join("sparse/0")).unwrap();
    let text = colmap::read_model(&root.join("sparse_text/0")).unwrap();
    assert_eq!(binary.cameras, text.cameras);
    assert_eq!((binary.images.len(), binary.points.len()), (11, 5017));
    let by_name = |model: &colmap::ColmapModel| {
        let mut images = model.images.clone();
        images.sort_by(|a, b| a.name.cmp(&b.name));
        images
    };
    for (a, b) in by_name(&binary).iter().zip(by_name(&text)) {
        assert_eq!((&a.name, a.id), (&b.name, b.id));
        assert!(a.viewmat.abs_diff_eq(b.viewmat, 1e-9));
    }
    let sorted = |model: &colmap::ColmapModel| {
        let mut points: Vec<_> = model.points.iter().map(|p| (p.position.map(f32::to_bits), p.rgb)).collect();
        points.sort_unstable();
        points
    };
    assert_eq!(sorted(&binary), sorted(&text));
    let from_model_folder = load(&root.join("sparse_text/0"));
    assert_eq!(from_model_folder.train.len() + from_model_folder.test.len(), 11);
}

/// Observations of `images.bin` and positions of `points3D.bin`, read independently of the library.
fn observations(model: &Path) -> Vec<(String, DVec2, DVec3)> {
    let points = std::fs::read(model.join("points3D.bin")).unwrap();
    let u64_at = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let f64_at = |bytes: &[u8], at: usize| f64::from_bits(u64_at(bytes, at));
    let mut positions = std::collections::BTreeMap::new();
    let mut at = 8;
    while at < points.len() {
        let position = DVec3::new(f64_at(&points, at + 8), f64_at(&points, at + 16), f64_at(&points, at + 24));
        positions.insert(u64_at(&points, at), position);
        at += 43 + 8 + 8 * u64_at(&points, at + 43) as usize;
    }
    let images = std::fs::read(model.join("images.bin")).unwrap();
    let mut found = Vec::new();
    let mut at = 8;
    while at < images.len() {
        let name_at = at + 64;
        let length = images[name_at..].iter().position(|&b| b == 0).unwrap();
        let name = String::from_utf8(images[name_at..name_at + length].to_vec()).unwrap();
        at = name_at + length + 1;
        let count = u64_at(&images, at) as usize;
        at += 8;
        for _ in 0..count {
            if let Some(point) = positions.get(&u64_at(&images, at + 16)) {
                found.push((name.clone(), DVec2::new(f64_at(&images, at), f64_at(&images, at + 8)), *point));
            }
            at += 24;
        }
    }
    found
}

#[test]
fn colmap_observations_reproject_within_a_pixel() {
    let Some(root) = shared("fox-colmap") else {
        return;
    };
    let dataset = load(&root);
    assert_eq!((dataset.train.len(), dataset.test.len(), dataset.points.len()), (43, 7, 8703));
    let errors: Vec<f64> = observations(&root.join("sparse/0"))
        .into_iter()
        .map(|(name, uv, point)| {
            let view = dataset.views().find(|view| view.name == name).unwrap();
            view.project(point).map_or(f64::INFINITY, |found| found.distance(uv))
        })
        .collect();
    assert!(errors.len() > 50_000);
    assert!(median(errors) < 0.5);
}

#[test]
fn good_data_sets_raise_no_warning() {
    for set in ["fox", "fox-colmap", "lego", "static-synthetic", "sceaux-colmap", "lady-running"] {
        let Some(root) = shared(set) else { continue };
        let dataset = load(&root);
        let warnings: Vec<_> =
            dataset.notes.iter().filter(|note| note.level == splat_core::scene::Level::Warning).collect();
        assert!(warnings.is_empty(), "{set}: {warnings:?}");
    }
}

#[test]
fn points_of_a_colmap_model_beside_agreeing_transforms_are_used() {
    let Some(root) = shared("lady-running") else {
        return;
    };
    let dataset = load(&root);
    assert_eq!(dataset.points.len(), 3639);
    assert!(dataset.train.iter().all(|view| view.time.is_some()));
}

#[test]
fn max_resolution_keeps_the_field_of_view() {
    let Some(root) = shared("fox-colmap") else {
        return;
    };
    let full = load(&root);
    let options = LoadOptions { max_resolution: 200, ..LoadOptions::default() };
    let small = Dataset::load(&root, &options).unwrap();
    let (a, b): (&View, &View) = (&full.train[3], &small.train[3]);
    assert_eq!((b.width, b.height), (112, 200));
    assert!((a.fx / f64::from(a.width) - b.fx / f64::from(b.width)).abs() < 1e-12);
    assert_ne!(full.fingerprint(), small.fingerprint());
    assert_eq!(full.fingerprint(), load(&root).fingerprint());
}

#[test]
fn up_of_an_upright_synthetic_scene_is_plus_z() {
    let Some(root) = shared("static-synthetic") else {
        return;
    };
    assert!(load(&root).up().z > 0.9);
}
