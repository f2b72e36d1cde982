//! The files of Nerfies, HyperNeRF and DyCheck captures: `dataset.json`, `metadata.json`, `scene.json`,
//! `camera/<id>.json` and `points.npy`.
//!
//! A camera there is a rotation from world to camera in OpenCV axes, the position of its centre, and intrinsics for the
//! images in `rgb/1x`, pixels counted from the corner; its distortion is OpenCV's with k1 k2 k3 and p1 p2. `scene.json`
//! has a centre and a scale that bring the world to unit size; they are applied to cameras and points alike.

use super::colmap::point;
use super::json::{self, Object, kind};
use super::{npy, pose};
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use crate::scene::dataset::Point;
use crate::scene::lens::Lens;
use glam::{DAffine3, DMat3, DVec3};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Colour of points that have none.
const GREY: [u8; 3] = [128; 3];

/// The images of a capture, by identifier.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) train: Vec<String>,
    pub(crate) test: Vec<String>,
    /// How they were told apart, for people.
    pub(crate) how: String,
    /// Images in neither.
    pub(crate) unused: usize,
}

/// Reads `dataset.json`: its own split, or every fourth image to train on and the ones half-way between held out.
pub(crate) fn read_ids(path: &Path) -> Result<Listed> {
    let root = json::read(path)?;
    let top = object(path, String::new(), &root)?;
    let texts = |key: &str| top.texts(key).map(Option::unwrap_or_default);
    let (ids, train, test) = (texts("ids")?, texts("train_ids")?, texts("val_ids")?);
    for id in ids.iter().chain(&train).chain(&test) {
        if id.is_empty() || id.contains(['/', ':', '\0']) || id == ".." {
            return Err(top.bad(format!("`{id}` is not the name of an image")));
        }
    }
    let all: BTreeSet<&String> = ids.iter().chain(&train).chain(&test).collect();
    let total = all.len();
    let (train, test, how) = if test.is_empty() {
        let every_fourth = |first: usize| ids.iter().skip(first).step_by(4).cloned().collect::<Vec<_>>();
        let how = "every 4th image of dataset.json is trained on, those half-way between are held out";
        (every_fourth(0), every_fourth(2), how.to_owned())
    } else {
        let held_out: BTreeSet<&String> = test.iter().collect();
        let train = train.iter().filter(|id| !held_out.contains(id)).cloned().collect();
        (train, test, "named in dataset.json".to_owned())
    };
    if train.is_empty() {
        return Err(top.bad("no image to train on: `ids`, or `train_ids` beside `val_ids`, must list some"));
    }
    let unused = total.saturating_sub(train.len() + test.len());
    Ok(Listed { train, test, how, unused })
}

/// Reads `metadata.json`: the time of each image as its `time_id`, or else its `warp_id`.
pub(crate) fn read_times(path: &Path) -> Result<BTreeMap<String, f64>> {
    let root = json::read(path)?;
    let mut times = BTreeMap::new();
    for (id, value) in object(path, String::new(), &root)?.fields {
        let entry = object(path, format!("image {id}: "), value)?;
        let time = match entry.number("time_id")? {
            Some(time) => Some(time),
            None => entry.number("warp_id")?,
        };
        let time = time.ok_or_else(|| entry.bad("neither `time_id` nor `warp_id`"))?;
        times.insert(id.clone(), time);
    }
    Ok(times)
}

/// What `scene.json` does to the world: subtracts the centre and multiplies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    centre: DVec3,
    scale: f64,
}

impl World {
    /// The world as the cameras have it.
    pub(crate) const UNCHANGED: Self = Self { centre: DVec3::ZERO, scale: 1.0 };

    /// Reads `scene.json`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let root = json::read(path)?;
        let top = object(path, String::new(), &root)?;
        let scale = top.number("scale")?.unwrap_or(1.0);
        if scale <= 0.0 {
            return Err(top.bad(format!("`scale` is {scale}, it must be positive")));
        }
        let centre = top.numbers("center")?.map_or(DVec3::ZERO, DVec3::from_array);
        Ok(Self { centre, scale })
    }

    fn place(&self, position: DVec3) -> DVec3 {
        (position - self.centre) * self.scale
    }
}

/// A camera, for images that are smaller by `factor` than what it describes.
#[derive(Debug)]
pub(crate) struct Camera {
    pub(crate) viewmat: DAffine3,
    pub(crate) intrinsics: Intrinsics,
    pub(crate) lens: Lens,
}

/// Reads `camera/<id>.json`.
pub(crate) fn read_camera(path: &Path, world: &World, factor: f64) -> Result<Camera> {
    let root = json::read(path)?;
    let top = object(path, String::new(), &root)?;
    let missing = |key: &str| top.bad(format!("no `{key}`"));
    let rows = read_rows(&top)?.ok_or_else(|| missing("orientation"))?;
    // Its rows are the axes of the camera in the world.
    let axes = DMat3::from_cols_array_2d(&rows);
    let world_from_cam = pose::rigid(axes, "`orientation`").map_err(|problem| top.bad(problem))?;
    let position = top.numbers("position")?.ok_or_else(|| missing("position"))?;
    let position = world.place(DVec3::from_array(position));
    let viewmat = pose::viewmat(world_from_cam, position).ok_or_else(|| top.bad("`position` is too far away"))?;
    let intrinsics = read_intrinsics(&top, factor)?;
    let [k1, k2, k3]: [f64; 3] = top.numbers("radial_distortion")?.unwrap_or_default();
    let tangential: [f64; 2] = match top.numbers("tangential_distortion")? {
        Some(tangential) => tangential,
        None => top.numbers("tangential")?.unwrap_or_default(),
    };
    let lens = Lens::brown([k1, k2, k3, 0.0], tangential);
    Ok(Camera { viewmat, intrinsics, lens })
}

fn read_intrinsics(top: &Object<'_>, factor: f64) -> Result<Intrinsics> {
    let missing = |key: &str| top.bad(format!("no `{key}`"));
    let positive = |key: &str, value: f64| {
        if value > 0.0 { Ok(value) } else { Err(top.bad(format!("`{key}` is {value}, it must be positive"))) }
    };
    let skew = top.number("skew")?.unwrap_or(0.0);
    if skew != 0.0 {
        return Err(Error::input(
            top.path,
            format!("`skew` is {skew}: pixels that are no rectangles are not supported"),
            "resample the images to a camera without skew",
        ));
    }
    let focal = top.number("focal_length")?.ok_or_else(|| missing("focal_length"))?;
    let focal = positive("focal_length", focal)?;
    let aspect = positive("pixel_aspect_ratio", top.number("pixel_aspect_ratio")?.unwrap_or(1.0))?;
    let size: [f64; 2] = top.numbers("image_size")?.ok_or_else(|| missing("image_size"))?;
    let [width, height] = size;
    let [cx, cy] = top.numbers("principal_point")?.unwrap_or([0.5 * width, 0.5 * height]);
    if size.iter().any(|edge| edge.fract() != 0.0 || !(1.0..=65536.0).contains(edge)) {
        return Err(top.bad(format!("`image_size` is {width} x {height}, expected whole numbers of pixels")));
    }
    let edge = |edge: f64| (edge / factor).round().max(1.0) as u32;
    Ok(Intrinsics {
        width: edge(width),
        height: edge(height),
        fx: focal / factor,
        fy: focal * aspect / factor,
        cx: cx / factor,
        cy: cy / factor,
    })
}

/// Reads `points.npy`; points that are not finite are left out.
pub(crate) fn read_points(path: &Path, world: &World) -> Result<Vec<Point>> {
    let matrix = npy::read_matrix(path, 3, "x, y and z of a point in each row")?;
    let points = matrix.rows().filter_map(|row| {
        let &[x, y, z] = row else { return None };
        point(world.place(DVec3::new(x, y, z)).to_array(), GREY)
    });
    Ok(points.collect())
}

fn object<'a>(path: &'a Path, place: String, value: &'a Value) -> Result<Object<'a>> {
    match value.as_object() {
        Some(fields) => Ok(Object { path, place, fields }),
        None => {
            let problem = format!("{place}there is {}, expected an object", kind(value));
            Err(Error::input(path, problem, "correct the file or export it again"))
        }
    }
}

/// The three rows of `orientation`.
fn read_rows(top: &Object<'_>) -> Result<Option<[[f64; 3]; 3]>> {
    let Some(value) = top.get("orientation") else {
        return Ok(None);
    };
    let row = |value: &Value| -> Option<[f64; 3]> {
        let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
        numbers?.try_into().ok()
    };
    let rows: Option<Vec<[f64; 3]>> = value.as_array().and_then(|rows| rows.iter().map(row).collect());
    match rows.and_then(|rows| <[[f64; 3]; 3]>::try_from(rows).ok()) {
        Some(rows) => Ok(Some(rows)),
        None => Err(top.bad("`orientation` must be 3 rows of 3 numbers")),
    }
}
