//! Tiny valid scenes, built in a temporary folder, for tests to break.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// Size of the images of the tiny scenes.
pub(crate) const SIZE: (u32, u32) = (80, 64);

pub(crate) fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3) as u8, (y * 3) as u8, ((x * y) % 251) as u8]))
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// A JPEG with an orientation tag, and the two bytes of an end marker inside the tag's segment like a thumbnail's.
pub(crate) fn jpeg_with_orientation(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let plain = jpeg(image);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xD9]);
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1];
    bytes.extend(((exif.len() + 2) as u16).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&plain[2..]);
    bytes
}

/// Camera-to-world matrix at distance 4 on a circle, looking at the origin (OpenGL axes).
pub(crate) fn look_at_origin(angle: f64) -> Value {
    let (s, c) = angle.sin_cos();
    json!([[-s, 0.0, c, 4.0 * c], [c, 0.0, s, 4.0 * s], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
}

/// Content of a valid `transforms.json` with `count` frames.
pub(crate) fn transforms(count: usize) -> Value {
    let frames: Vec<Value> = (0..count)
        .map(|i| json!({"file_path": format!("images/{i:02}.png"), "transform_matrix": look_at_origin(0.4 * i as f64)}))
        .collect();
    json!({"fl_x": 90.0, "fl_y": 91.0, "cx": 40.0, "cy": 32.0, "w": SIZE.0, "h": SIZE.1, "k1": 0.01, "frames": frames})
}

/// A valid nerfstudio scene.
pub(crate) fn transforms_scene(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..count {
        let path = folder.path().join(format!("images/{i:02}.png"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        pattern(SIZE.0, SIZE.1).save(path).unwrap();
    }
    write_json(folder.path(), &transforms(count));
    folder
}

pub(crate) fn write_json(folder: &Path, value: &Value) {
    write(&folder.join("transforms.json"), value.to_string());
}

/// Bytes of the three files of a valid binary COLMAP model with `count` images named `NN.jpg`.
pub(crate) fn colmap_model(count: u32, model: i32, params: &[f64], size: (u64, u64)) -> [Vec<u8>; 3] {
    let mut cameras = 1_u64.to_le_bytes().to_vec();
    cameras.extend(7_u32.to_le_bytes());
    cameras.extend(model.to_le_bytes());
    cameras.extend(size.0.to_le_bytes());
    cameras.extend(size.1.to_le_bytes());
    cameras.extend(params.iter().flat_map(|p| p.to_le_bytes()));
    let mut images = u64::from(count).to_le_bytes().to_vec();
    for i in 0..count {
        images.extend((i + 1).to_le_bytes());
        let half = 0.05 * f64::from(i);
        let pose = [half.cos(), 0.0, half.sin(), 0.0, 0.1 * f64::from(i), 0.0, 4.0];
        images.extend(pose.iter().flat_map(|p| p.to_le_bytes()));
        images.extend(7_u32.to_le_bytes());
        images.extend(format!("{i:02}.jpg\0").bytes());
        images.extend(1_u64.to_le_bytes());
        images.extend([0; 24]);
    }
    let mut points = 2_u64.to_le_bytes().to_vec();
    for i in 0..2_u64 {
        points.extend(i.to_le_bytes());
        points.extend([0.1 * i as f64, 0.0, 0.2].iter().flat_map(|p: &f64| p.to_le_bytes()));
        points.extend([200, 100, 50]);
        points.extend(0.5_f64.to_le_bytes());
        points.extend(1_u64.to_le_bytes());
        points.extend([0; 8]);
    }
    [cameras, images, points]
}

/// A valid COLMAP scene with a PINHOLE camera.
pub(crate) fn colmap_scene(count: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let size = (u64::from(SIZE.0), u64::from(SIZE.1));
    write_model(folder.path(), &colmap_model(count, 1, &[90.0, 90.0, 40.0, 32.0], size));
    for i in 0..count {
        write(&folder.path().join(format!("images/{i:02}.jpg")), jpeg(&pattern(SIZE.0, SIZE.1)));
    }
    folder
}

pub(crate) fn write_model(folder: &Path, files: &[Vec<u8>; 3]) {
    for (name, bytes) in ["cameras", "images", "points3D"].iter().zip(files) {
        write(&folder.join(format!("sparse/0/{name}.bin")), bytes);
    }
}
