//! A scene small enough to train in a second: a few known splats, photographed by the oracle.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use splat_core::scene::{Dataset, LoadOptions, View};
use splat_core::settings::Settings;
use tempfile::TempDir;

use crate::gradients::noise;
use crate::oracle::blend::Limits;
use crate::oracle::camera::Camera;
use crate::oracle::project::Gaussian;
use crate::oracle::render::{RenderOptions, Splat, render};
use crate::oracle::sh::Sh;

const SIZE: u32 = 32;
const VIEWS: usize = 18;

/// The scene's folder, made once per run of the test binary.
pub(crate) fn folder() -> &'static Path {
    static SCENE: OnceLock<TempDir> = OnceLock::new();
    SCENE.get_or_init(photograph).path()
}

/// The scene, loaded with every sixth view held out.
pub(crate) fn dataset() -> Arc<Dataset> {
    let options = LoadOptions { test_every: 6, ..LoadOptions::default() };
    Arc::new(Dataset::load(folder(), &options).unwrap())
}

/// The scene, each photo at a time of its own.
pub(crate) fn timed() -> Arc<Dataset> {
    let mut dataset = (*dataset()).clone();
    let last = (dataset.train.len() - 1) as f64;
    dataset.train.iter_mut().enumerate().for_each(|(number, view)| view.time = Some(number as f64 / last));
    Arc::new(dataset)
}

/// A short run that refines several times, with more choices on top.
pub(crate) const SETTINGS: [(&str, &str); 9] = [
    ("train.steps", "120"),
    ("init.random_points", "200"),
    ("density.max_splats", "400"),
    ("density.refine_every", "20"),
    ("density.start", "0.1"),
    ("density.stop", "0.8"),
    ("density.grad_threshold", "1e-6"),
    ("density.opacity_reset_every", "50"),
    ("schedule.coarse_levels", "2"),
];

/// [`SETTINGS`] with changes.
pub(crate) fn settings(changes: &[(&str, &str)]) -> Settings {
    preset("default", changes)
}

/// [`SETTINGS`] on top of a preset, with changes.
pub(crate) fn preset(name: &str, changes: &[(&str, &str)]) -> Settings {
    let sets: Vec<(String, String)> =
        SETTINGS.iter().chain(changes).map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Settings::resolve(name, None, &sets).unwrap()
}

/// Fourteen blobs in a ball.
fn blobs() -> Vec<Splat> {
    let blob = |i: usize| {
        let random = |k: usize| noise(311 * i + k + 40);
        Splat {
            gaussian: Gaussian {
                mean: [0, 1, 2].map(|k| 0.7 * random(k)),
                quat: [3, 4, 5, 6].map(random),
                log_scale: [7, 8, 9].map(|k| -1.6 + 0.4 * random(k)),
                opacity_logit: 2.0 + random(10),
            },
            sh: Sh { sh0: [11, 12, 13].map(|k| 1.6 * random(k)), ..Sh::default() },
        }
    };
    (0..14).map(blob).collect()
}

/// Camera-to-world matrix on a circle around the scene, looking at its middle (OpenGL axes).
fn pose(index: usize) -> Value {
    let (s, c) = (index as f64 * std::f64::consts::TAU / VIEWS as f64).sin_cos();
    json!([[-s, 0.0, c, 4.0 * c], [c, 0.0, s, 4.0 * s], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
}

/// A view as the oracle knows it.
pub(crate) fn oracle_camera(view: &View) -> Camera {
    let row = |i: usize| {
        let r = view.viewmat.matrix3.row(i);
        [r.x, r.y, r.z, view.viewmat.translation[i]]
    };
    Camera {
        viewmat: [row(0), row(1), row(2)],
        fx: view.fx,
        fy: view.fy,
        cx: view.cx,
        cy: view.cy,
        width: view.width as usize,
        height: view.height as usize,
        near: 0.01,
        far: 1e8,
    }
}

fn photograph() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("images")).unwrap();
    let names: Vec<String> = (0..VIEWS).map(|i| format!("images/{i:02}.png")).collect();
    let frames: Vec<Value> =
        names.iter().enumerate().map(|(i, name)| json!({"file_path": name, "transform_matrix": pose(i)})).collect();
    let half = f64::from(SIZE) / 2.0;
    let scene = json!({"fl_x": 44.0, "fl_y": 44.0, "cx": half, "cy": half, "w": SIZE, "h": SIZE, "frames": frames});
    std::fs::write(folder.path().join("transforms.json"), scene.to_string()).unwrap();
    let save = |name: &str, photo: RgbImage| photo.save(folder.path().join(name)).unwrap();
    names.iter().for_each(|name| save(name, RgbImage::new(SIZE, SIZE)));
    // The loader says where its cameras are; the photos are what the oracle sees from there.
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    let options = RenderOptions { degree: 0, antialias: false, limits: Limits::RENDERING };
    for view in dataset.views() {
        let rendered = render(&blobs(), &oracle_camera(view), &options);
        let byte = |value: f64| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let photo = RgbImage::from_fn(SIZE, SIZE, |x, y| Rgb(rendered.rgb[(y * SIZE + x) as usize].map(byte)));
        save(&view.name, photo);
    }
    folder
}
