//! Tiny scenes that move, in the layouts of others, built from formulas of their own: cameras look at known points.

use super::fixture::{pattern, write};
use glam::{DMat3, DQuat, DVec2, DVec3};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// Size that the cameras claim, twice that of the images.
pub(crate) const CLAIMED: (u32, u32) = (96, 64);
pub(crate) const SIZE: (u32, u32) = (48, 32);
pub(crate) const FOCAL: f64 = 90.0;

pub(crate) const POINTS: [DVec3; 4] =
    [DVec3::new(0.0, 0.0, 0.0), DVec3::new(0.5, -0.2, 0.1), DVec3::new(-0.3, 0.4, -0.2), DVec3::new(0.1, 0.3, 0.6)];

/// Axes of a camera in the world and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Stand {
    pub(crate) right: DVec3,
    pub(crate) down: DVec3,
    pub(crate) forward: DVec3,
    pub(crate) centre: DVec3,
}

impl Stand {
    /// The camera of this number, on an arc around the origin.
    pub(crate) fn new(number: usize) -> Self {
        let angle = 0.25 * number as f64;
        let centre = DVec3::new(4.0 * angle.cos(), 4.0 * angle.sin(), 1.0 + 0.1 * number as f64);
        let forward = -centre.normalize();
        let right = forward.cross(DVec3::Z).normalize();
        Self { right, down: forward.cross(right), forward, centre }
    }

    /// Where an image of the claimed size shows a point, from the corner.
    pub(crate) fn pixel(&self, point: DVec3) -> DVec2 {
        let [a, b] = self.ray(point);
        DVec2::new(FOCAL * a + f64::from(CLAIMED.0) / 2.0, FOCAL * b + f64::from(CLAIMED.1) / 2.0)
    }

    pub(crate) fn ray(&self, point: DVec3) -> [f64; 2] {
        let d = point - self.centre;
        [d.dot(self.right) / d.dot(self.forward), d.dot(self.down) / d.dot(self.forward)]
    }

    fn row(&self) -> Vec<f64> {
        let [d, r, f, c] = [self.down, self.right, self.forward, self.centre].map(|v| v.to_array());
        let end = [f64::from(CLAIMED.1), f64::from(CLAIMED.0), FOCAL];
        (0..3).flat_map(|i| [d[i], r[i], -f[i], c[i], end[i]]).chain([1.0, 9.0]).collect()
    }
}

/// Bytes of a `.npy` of f64 in C order.
pub(crate) fn npy(columns: usize, values: &[f64]) -> Vec<u8> {
    let shape = format!("({}, {columns})", values.len() / columns);
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let padded = format!("{header:117}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((padded.len() as u16).to_le_bytes());
    bytes.extend(padded.bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

pub(crate) fn poses_bounds(count: usize) -> Vec<u8> {
    npy(17, &(0..count).flat_map(|i| Stand::new(i).row()).collect::<Vec<f64>>())
}

pub(crate) fn photo(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    pattern(SIZE.0, SIZE.1).save(path).unwrap();
}

/// Cameras from `cam00`, each with frames from `0000.png` in `inner`.
pub(crate) fn neural_3d_video(cameras: usize, frames: usize, inner: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("poses_bounds.npy"), poses_bounds(cameras));
    for camera in 0..cameras {
        for frame in 0..frames {
            photo(&folder.path().join(format!("cam{camera:02}/{inner}{frame:04}.png")));
        }
    }
    folder
}

/// Photos `IMG_000.png` in a folder.
pub(crate) fn llff(count: usize, images: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("poses_bounds.npy"), poses_bounds(count));
    for i in 0..count {
        photo(&folder.path().join(format!("{images}/IMG_{i:03}.png")));
    }
    folder
}

/// A COLMAP model in text that poses images of these names as cameras of these numbers.
pub(crate) fn text_model(images: &[(String, usize)]) -> [String; 3] {
    let (w, h) = CLAIMED;
    let cameras = format!("1 SIMPLE_PINHOLE {w} {h} {FOCAL} {} {}\n", w / 2, h / 2);
    let mut list = String::new();
    for (index, (name, number)) in images.iter().enumerate() {
        let Stand { right, down, forward, centre } = Stand::new(*number);
        let cam_from_world = DMat3::from_cols(right, down, forward).transpose();
        let q = DQuat::from_mat3(&cam_from_world);
        let t = -(cam_from_world * centre);
        list += &format!("{} {} {} {} {} {} {} {} 1 {name}\n\n", index + 1, q.w, q.x, q.y, q.z, t.x, t.y, t.z);
    }
    let points = POINTS.iter().enumerate().map(|(i, p)| format!("{i} {} {} {} 10 20 30 0.5\n", p.x, p.y, p.z));
    [cameras, list, points.collect()]
}

pub(crate) fn write_model(folder: &Path, files: &[String; 3]) {
    for (name, text) in ["cameras", "images", "points3D"].iter().zip(files) {
        write(&folder.join(format!("{name}.txt")), text);
    }
}

/// Cameras from `cam01`, each with frames from `frame_00001.png`, and a model of `image1.jpg`, `image2.jpg`, ..
pub(crate) fn multipleview(cameras: usize, frames: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // The file does not follow the names.
    let images: Vec<_> = (1..=cameras).rev().map(|number| (format!("image{number}.jpg"), number)).collect();
    write_model(&folder.path().join("sparse_"), &text_model(&images));
    for camera in 1..=cameras {
        for frame in 1..=frames {
            photo(&folder.path().join(format!("cam{camera:02}/frame_{frame:05}.png")));
        }
    }
    folder
}

/// Centre and scale in `scene.json` of the captures below.
pub(crate) const CENTRE: DVec3 = DVec3::new(0.5, -1.0, 0.25);
pub(crate) const SCALE: f64 = 0.125;
pub(crate) const RADIAL: [f64; 3] = [0.05, -0.02, 0.01];
pub(crate) const TANGENTIAL: [f64; 2] = [0.003, -0.002];

pub(crate) fn nerfies_camera(number: usize) -> Value {
    let Stand { right, down, forward, centre } = Stand::new(number);
    json!({
        "orientation": [right.to_array(), down.to_array(), forward.to_array()], "position": centre.to_array(),
        "focal_length": FOCAL, "pixel_aspect_ratio": 1.1, "skew": 0.0, "principal_point": [47.0, 33.0],
        "radial_distortion": RADIAL, "tangential_distortion": TANGENTIAL, "image_size": [CLAIMED.0, CLAIMED.1],
    })
}

pub(crate) fn nerfies_ids(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{i:06}")).collect()
}

/// A capture with images in half size; warp identifiers count by threes.
pub(crate) fn nerfies(count: usize, held_out: &[usize]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let ids = nerfies_ids(count);
    let (val, train): (Vec<_>, Vec<_>) = (0..count).partition(|i| held_out.contains(i));
    let named = |list: Vec<usize>| list.into_iter().map(|i| ids[i].clone()).collect::<Vec<_>>();
    let dataset =
        json!({"count": count, "num_exemplars": count, "ids": ids, "train_ids": named(train), "val_ids": named(val)});
    write(&root.join("dataset.json"), dataset.to_string());
    let mut metadata = json!({});
    for (i, id) in ids.iter().enumerate() {
        metadata[id] = json!({"warp_id": 3 * i, "appearance_id": i, "camera_id": 0});
        write(&root.join(format!("camera/{id}.json")), nerfies_camera(i).to_string());
        photo(&root.join(format!("rgb/2x/{id}.png")));
    }
    write(&root.join("metadata.json"), metadata.to_string());
    let scene = json!({"scale": SCALE, "center": CENTRE.to_array(), "near": 0.1, "far": 2.0});
    write(&root.join("scene.json"), scene.to_string());
    write(&root.join("points.npy"), npy(3, &POINTS.iter().flat_map(|p| p.to_array()).collect::<Vec<f64>>()));
    folder
}
