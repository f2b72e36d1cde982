//! COLMAP sparse models, binary and text: cameras, poses and points.
//!
//! Poses are world-to-camera in OpenCV axes and pixels count from the top-left corner, both as everywhere in this
//! crate, so nothing is converted. Observations, rigs and frames are skipped: `images` holds composed poses.

use super::{colmap_bin, colmap_text};
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use crate::scene::dataset::Point;
use crate::scene::lens::Lens;
use glam::{DAffine3, DMat3, DQuat, DVec3};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How to make a readable model out of any other.
const CONVERT: &str = "run `colmap image_undistorter` or `colmap model_converter`, or export the model again";

/// A sparse model.
#[derive(Clone, Debug, PartialEq)]
pub struct ColmapModel {
    /// Cameras by identifier.
    pub cameras: BTreeMap<u32, (Intrinsics, Lens)>,
    /// Posed images, in file order.
    pub images: Vec<ColmapImage>,
    /// Triangulated points, in file order; points that are not finite are left out.
    pub points: Vec<Point>,
}

/// A posed image of a [`ColmapModel`].
#[derive(Clone, Debug, PartialEq)]
pub struct ColmapImage {
    /// Identifier in the model.
    pub id: u32,
    /// Key into [`ColmapModel::cameras`].
    pub camera_id: u32,
    /// Path relative to the image folder.
    pub name: String,
    /// World to camera.
    pub viewmat: DAffine3,
}

/// Reads the model in `folder`; the binary files win over the text files.
///
/// # Errors
/// [`Error::Input`] when a file is missing, cut short, inconsistent, or uses a camera we cannot train with.
pub fn read_model(folder: &Path) -> Result<ColmapModel> {
    let binary = folder.join("cameras.bin").is_file() && folder.join("images.bin").is_file();
    let extension = if binary { "bin" } else { "txt" };
    let file = |stem: &str| folder.join(format!("{stem}.{extension}"));
    let (cameras, images, points) = (file("cameras"), file("images"), file("points3D"));
    let has_points = points.is_file();
    let model = if binary {
        ColmapModel {
            cameras: colmap_bin::read_cameras(&cameras)?,
            images: colmap_bin::read_images(&images)?,
            points: if has_points { colmap_bin::read_points(&points)? } else { Vec::new() },
        }
    } else {
        ColmapModel {
            cameras: colmap_text::read_cameras(&cameras)?,
            images: colmap_text::read_images(&images)?,
            points: if has_points { colmap_text::read_points(&points)? } else { Vec::new() },
        }
    };
    for image in &model.images {
        if !model.cameras.contains_key(&image.camera_id) {
            return Err(Error::input(
                &images,
                format!("image {} refers to camera {}, which {} lacks", image.name, image.camera_id, cameras.display()),
                CONVERT,
            ));
        }
    }
    if model.images.is_empty() {
        return Err(Error::input(&images, "the model has no posed image", "run the reconstruction again"));
    }
    Ok(model)
}

/// Whether `folder` holds a model.
pub(crate) fn is_model(folder: &Path) -> bool {
    ["bin", "txt"]
        .iter()
        .any(|extension| ["cameras", "images"].iter().all(|stem| folder.join(format!("{stem}.{extension}")).is_file()))
}

/// The model of a project and the other models that were passed over, in COLMAP's usual places.
pub(crate) fn find_model(root: &Path) -> Option<(PathBuf, Vec<PathBuf>)> {
    for base in [root.join("sparse"), root.join("colmap/sparse"), root.to_path_buf()] {
        let mut parts = numbered_models(&base);
        if parts.is_empty() && is_model(&base) {
            return Some((base, Vec::new()));
        }
        // Stable, so that equally large models keep their order and `0` wins.
        parts.sort_by_key(|part| std::cmp::Reverse(image_count(part)));
        if !parts.is_empty() {
            let best = parts.remove(0);
            return Some((best, parts));
        }
    }
    None
}

fn numbered_models(base: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(base) else {
        return Vec::new();
    };
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .filter(|(_, path)| is_model(path))
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// Images a model claims to have; 0 where that cannot be told, so that such a model is never preferred.
fn image_count(folder: &Path) -> u64 {
    let binary = folder.join("images.bin");
    if binary.is_file() { colmap_bin::count(&binary) } else { colmap_text::count_images(&folder.join("images.txt")) }
}

/// Number of parameters of a camera model, or why it cannot be used.
pub(super) fn parameter_count(path: &Path, model: i32) -> Result<usize> {
    const COUNTS: [usize; 17] = [3, 4, 4, 5, 8, 8, 12, 5, 4, 5, 12, 16, 4, 5, 3, 4, 6];
    if model == 17 {
        return Err(Error::input(
            path,
            "the camera model EQUIRECTANGULAR (17) shows a full sphere, which no pinhole image can hold",
            "cut the panoramas into perspective images, for instance cube faces, and pose those",
        ));
    }
    usize::try_from(model)
        .ok()
        .and_then(|model| COUNTS.get(model))
        .copied()
        .ok_or_else(|| Error::input(path, format!("unknown camera model {model}; 0 to 16 are known"), CONVERT))
}

/// Identifier of a camera model from its name in text models.
pub(super) fn model_from_name(path: &Path, name: &str) -> Result<i32> {
    const NAMES: [&str; 18] = [
        "SIMPLE_PINHOLE",
        "PINHOLE",
        "SIMPLE_RADIAL",
        "RADIAL",
        "OPENCV",
        "OPENCV_FISHEYE",
        "FULL_OPENCV",
        "FOV",
        "SIMPLE_RADIAL_FISHEYE",
        "RADIAL_FISHEYE",
        "THIN_PRISM_FISHEYE",
        "RAD_TAN_THIN_PRISM_FISHEYE",
        "SIMPLE_DIVISION",
        "DIVISION",
        "SIMPLE_FISHEYE",
        "FISHEYE",
        "EUCM",
        "EQUIRECTANGULAR",
    ];
    let position = NAMES.iter().position(|known| *known == name);
    position
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| Error::input(path, format!("unknown camera model `{name}`"), CONVERT))
}

/// Turns a camera record into intrinsics and lens, checking every number.
pub(super) fn camera(path: &Path, id: u32, model: i32, size: (u64, u64), params: &[f64]) -> Result<(Intrinsics, Lens)> {
    let bad = |problem: String| Error::input(path, format!("camera {id}: {problem}"), CONVERT);
    let edge = |edge: u64| u32::try_from(edge).ok().filter(|&edge| edge > 0 && edge <= 1 << 16);
    let (Some(width), Some(height)) = (edge(size.0), edge(size.1)) else {
        return Err(bad(format!("the image size {}x{} is not possible", size.0, size.1)));
    };
    let expected = parameter_count(path, model)?;
    if params.len() != expected {
        return Err(bad(format!("camera model {model} has {expected} parameters, found {}", params.len())));
    }
    let (fx, fy, cx, cy, lens) = match (model, params) {
        (0 | 2 | 3 | 8 | 9 | 12 | 14, [f, cx, cy, rest @ ..]) => (*f, *f, *cx, *cy, lens(model, rest)),
        (_, [fx, fy, cx, cy, rest @ ..]) => (*fx, *fy, *cx, *cy, lens(model, rest)),
        _ => return Err(bad("too few parameters".into())),
    };
    let Some(lens) = lens else {
        return Err(bad(format!("unexpected parameters for camera model {model}")));
    };
    let intrinsics = Intrinsics { width, height, fx, fy, cx, cy };
    check_intrinsics(&intrinsics, &lens).map_err(bad)?;
    Ok((intrinsics, lens))
}

fn lens(model: i32, params: &[f64]) -> Option<Lens> {
    Some(match (model, params) {
        (0 | 1, []) => Lens::Pinhole,
        (2, &[k]) => Lens::brown([k, 0.0, 0.0, 0.0], [0.0; 2]),
        (3, &[k1, k2]) => Lens::brown([k1, k2, 0.0, 0.0], [0.0; 2]),
        (4, &[k1, k2, p1, p2]) => Lens::brown([k1, k2, 0.0, 0.0], [p1, p2]),
        (6, &[k1, k2, p1, p2, k3, k4, k5, k6]) => {
            Lens::Brown { radial: [k1, k2, k3, 0.0], denominator: [k4, k5, k6], tangential: [p1, p2] }
        }
        (5, &[k1, k2, k3, k4]) => Lens::fisheye([k1, k2, k3, k4]),
        (8, &[k]) => Lens::fisheye([k, 0.0, 0.0, 0.0]),
        (9, &[k1, k2]) => Lens::fisheye([k1, k2, 0.0, 0.0]),
        (14 | 15, []) => Lens::fisheye([0.0; 4]),
        (10, &[k1, k2, p1, p2, k3, k4, sx, sy]) => {
            Lens::Fisheye { radial: [k1, k2, k3, k4], tangential: [p1, p2], prism: [sx, sy] }
        }
        (11, &[k0, k1, k2, k3, k4, k5, p0, p1, s0, s1, s2, s3]) => {
            Lens::Fisheye624 { radial: [k0, k1, k2, k3, k4, k5], tangential: [p0, p1], prism: [s0, s1, s2, s3] }
        }
        (7, &[omega]) => Lens::Fov { omega },
        (12 | 13, &[k]) => Lens::Division { k },
        (16, &[alpha, beta]) => Lens::Eucm { alpha, beta },
        _ => return None,
    })
}

/// What makes a camera unusable, if anything.
pub(crate) fn check_intrinsics(camera: &Intrinsics, lens: &Lens) -> std::result::Result<(), String> {
    let Intrinsics { fx, fy, cx, cy, .. } = *camera;
    if !(fx.is_finite() && fy.is_finite() && fx > 0.0 && fy > 0.0) {
        return Err(format!("the focal lengths are {fx} and {fy}, they must be positive"));
    }
    if !(cx.is_finite() && cy.is_finite()) {
        return Err(format!("the principal point is {cx}, {cy}"));
    }
    if !lens.is_finite() {
        return Err("a distortion coefficient is not a number".into());
    }
    Ok(())
}

/// Turns a pose record into a rigid transform; `None` if it holds NaN or a quaternion without direction.
pub(super) fn pose([w, x, y, z]: [f64; 4], translation: [f64; 3]) -> Option<DAffine3> {
    let quat = DQuat::from_xyzw(x, y, z, w);
    let length = quat.length();
    let translation = DVec3::from_array(translation);
    if !(length.is_finite() && length > 1e-6 && translation.is_finite()) {
        return None;
    }
    let rotation = DMat3::from_quat(quat / length);
    Some(DAffine3::from_mat3_translation(rotation, translation))
}

/// The error for an image whose pose is not a rigid transform.
pub(super) fn bad_pose(path: &Path, name: &str) -> Error {
    Error::input(
        path,
        format!("image {name}: the pose is not finite or its quaternion is zero"),
        "remove the image from the model or run the reconstruction again",
    )
}

/// A point, unless a coordinate is not finite.
pub(super) fn point(position: [f64; 3], rgb: [u8; 3]) -> Option<Point> {
    let position = position.map(|c| c as f32);
    position.iter().all(|c| c.is_finite()).then_some(Point { position, rgb })
}
