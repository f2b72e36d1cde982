//! `transforms.json` of nerfstudio and instant-ngp, and `transforms_train.json` of the Blender scenes.
//!
//! Poses in these files are camera-to-world with OpenGL camera axes (x right, y up, z backward); they leave here as
//! world-to-camera in OpenCV axes. The world is left as it is: `applied_transform`, `scale` and `offset` only say how
//! the file came to be. Not for images: whether files exist is decided by `dataset.rs`.

use super::json::{self, Object, kind};
use super::pose;
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use crate::scene::dataset::Note;
use crate::scene::lens::Lens;
use glam::{DAffine3, DMat3, DVec3};
use serde_json::Value;
use std::path::Path;

/// The content of one file.
#[derive(Debug)]
pub(crate) struct Transforms {
    pub(crate) frames: Vec<Frame>,
    pub(crate) ply_file_path: Option<String>,
    pub(crate) train_filenames: Option<Vec<String>>,
    pub(crate) test_filenames: Option<Vec<String>>,
    /// Frames per second, where the file says so.
    pub(crate) frame_rate: Option<f64>,
    pub(crate) notes: Vec<Note>,
}

/// One entry of `frames`.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) file_path: String,
    pub(crate) mask_path: Option<String>,
    pub(crate) viewmat: DAffine3,
    pub(crate) camera: Declared,
    pub(crate) lens: Lens,
    pub(crate) time: Option<f64>,
}

/// A camera as far as a file describes it; the size of the image fills the gaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) size: Option<(u32, u32)>,
    focal: [Option<f64>; 2],
    angle: [Option<f64>; 2],
    centre: [Option<f64>; 2],
}

impl Declared {
    /// A camera described completely.
    pub(crate) fn complete(camera: &Intrinsics) -> Self {
        Self {
            size: Some((camera.width, camera.height)),
            focal: [Some(camera.fx), Some(camera.fy)],
            angle: [None; 2],
            centre: [Some(camera.cx), Some(camera.cy)],
        }
    }

    /// The intrinsics, for an image of the given size where the file names none; `None` without any focal length.
    pub(crate) fn resolve(&self, image_size: (u32, u32)) -> Option<Intrinsics> {
        let (width, height) = self.size.unwrap_or(image_size);
        let (w, h) = (f64::from(width), f64::from(height));
        let from_angle = |edge: f64, angle: f64| 0.5 * edge / (0.5 * angle).tan();
        let fx = self.focal[0].or(self.angle[0].map(|angle| from_angle(w, angle)));
        let fy = self.focal[1].or(match self.focal[0] {
            // Files that give one focal length mean square pixels, whatever the rounded angles say.
            Some(fx) => Some(fx),
            None => self.angle[1].map(|angle| from_angle(h, angle)),
        });
        let (fx, fy) = (fx.or(fy)?, fy.or(fx)?);
        let cx = self.centre[0].unwrap_or(0.5 * w);
        let cy = self.centre[1].unwrap_or(0.5 * h);
        Some(Intrinsics { width, height, fx, fy, cx, cy })
    }
}

/// Reads one file.
pub(crate) fn read(path: &Path) -> Result<Transforms> {
    let root = json::read(path)?;
    let Some(fields) = root.as_object() else {
        return Err(Error::input(
            path,
            format!("the file holds {}, expected an object", kind(&root)),
            "export it again",
        ));
    };
    let top = Object { path, place: String::new(), fields };
    let Some(list) = top.get("frames") else {
        return Err(top.bad("no `frames`: this is not a transforms file of nerfstudio, instant-ngp or Blender"));
    };
    let Some(list) = list.as_array() else {
        return top.wrong("frames", list, "a list");
    };
    if list.is_empty() {
        return Err(top.bad("`frames` is empty"));
    }
    let mut frames = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let Some(fields) = value.as_object() else {
            return Err(top.bad(format!("frame {index} is {}, expected an object", kind(value))));
        };
        let frame = Object { path, place: format!("frame {index}: "), fields };
        frames.push(read_frame(&top, &frame)?);
    }
    Ok(Transforms {
        frames,
        ply_file_path: top.text("ply_file_path")?,
        train_filenames: top.texts("train_filenames")?,
        test_filenames: match top.texts("test_filenames")? {
            Some(names) if !names.is_empty() => Some(names),
            _ => top.texts("val_filenames")?,
        },
        // Worth no error: it only decides how fast a window plays the scene.
        frame_rate: top.get("fps").and_then(Value::as_f64).filter(|rate| *rate > 0.0),
        notes: notes(&top),
    })
}

fn notes(top: &Object<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    if top.get("scale").is_some() || top.get("offset").is_some() {
        notes.push(Note::info("`scale` and `offset` of instant-ngp are ignored: the frame of the poses is kept"));
    }
    if top.get("fisheye_crop_radius").is_some() {
        notes.push(Note::warning("`fisheye_crop_radius` is ignored; use masks to leave out a lens border"));
    }
    notes
}

fn read_frame(top: &Object<'_>, frame: &Object<'_>) -> Result<Frame> {
    let Some(file_path) = frame.text("file_path")? else {
        return Err(frame.bad("no `file_path`"));
    };
    let Some(matrix) = frame.get("transform_matrix") else {
        return Err(frame.bad("no `transform_matrix`"));
    };
    let viewmat = viewmat_from_opengl(frame, matrix)?;
    let number = |key: &str| frame.number(key).and_then(|own| own.map_or_else(|| top.number(key), |v| Ok(Some(v))));
    let edge = |key: &str| frame.edge(key).and_then(|own| own.map_or_else(|| top.edge(key), |v| Ok(Some(v))));
    let camera = Declared {
        size: edge("w")?.zip(edge("h")?),
        focal: [number("fl_x")?, number("fl_y")?],
        angle: [number("camera_angle_x")?, number("camera_angle_y")?],
        centre: [number("cx")?, number("cy")?],
    };
    for (name, focal) in
        ["fl_x", "fl_y", "camera_angle_x", "camera_angle_y"].iter().zip(camera.focal.iter().chain(&camera.angle))
    {
        if let Some(focal) = focal.filter(|&focal| focal <= 0.0) {
            return Err(frame.bad(format!("`{name}` is {focal}, it must be positive")));
        }
    }
    if camera.resolve((1, 1)).is_none() {
        return Err(frame.bad("no focal length: neither `fl_x` nor `camera_angle_x` is given"));
    }
    let lens = read_lens(top, frame, number)?;
    Ok(Frame { file_path, mask_path: frame.text("mask_path")?, viewmat, camera, lens, time: frame.number("time")? })
}

fn read_lens(top: &Object<'_>, frame: &Object<'_>, number: impl Fn(&str) -> Result<Option<f64>>) -> Result<Lens> {
    let model = match frame.text("camera_model")? {
        Some(model) => Some(model),
        None => top.text("camera_model")?,
    };
    let is_fisheye = frame.get("is_fisheye").or(top.get("is_fisheye")) == Some(&Value::Bool(true));
    let model = model.unwrap_or_else(|| if is_fisheye { "OPENCV_FISHEYE" } else { "OPENCV" }.to_owned());
    let mut c = [0.0; 6]; // k1 k2 k3 k4 p1 p2
    if let Some(list) = frame.get("distortion_params").or(top.get("distortion_params")) {
        let values = list.as_array().and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
        match values {
            Some(values) if values.len() == c.len() => c.copy_from_slice(&values),
            _ => {
                return Err(frame.bad("`distortion_params` must be six numbers: k1 k2 k3 k4 p1 p2"));
            }
        }
    }
    for (value, key) in c.iter_mut().zip(["k1", "k2", "k3", "k4", "p1", "p2"]) {
        *value = number(key)?.unwrap_or(*value);
    }
    let [k1, k2, k3, k4, p1, p2] = c;
    match model.as_str() {
        "PINHOLE" | "SIMPLE_PINHOLE" => Ok(Lens::Pinhole),
        "OPENCV" | "SIMPLE_RADIAL" | "RADIAL" | "PERSPECTIVE" => Ok(Lens::brown([k1, k2, k3, k4], [p1, p2])),
        "OPENCV_FISHEYE" | "FISHEYE" | "SIMPLE_RADIAL_FISHEYE" | "RADIAL_FISHEYE" => {
            Ok(Lens::fisheye([k1, k2, k3, k4]))
        }
        other => Err(Error::input(
            frame.path,
            format!("{}the camera model {other} is not supported", frame.place),
            "undistort the images to perspective ones, or bring the scene as a COLMAP model",
        )),
    }
}

/// Reads a camera-to-world matrix in OpenGL axes and inverts it into OpenCV axes.
fn viewmat_from_opengl(frame: &Object<'_>, value: &Value) -> Result<DAffine3> {
    let rows = value.as_array().filter(|rows| rows.len() == 3 || rows.len() == 4);
    let Some(rows) = rows else {
        return frame.wrong("transform_matrix", value, "a list of 4 rows");
    };
    let mut m = [[0.0; 4]; 3];
    for (target, row) in m.iter_mut().zip(rows) {
        let numbers = row.as_array().and_then(|row| row.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
        match numbers {
            Some(numbers) if numbers.len() == 4 => target.copy_from_slice(&numbers),
            _ => return Err(frame.bad("`transform_matrix` has a row that is not 4 numbers")),
        }
    }
    let column = |i: usize| DVec3::new(m[0][i], m[1][i], m[2][i]);
    let (x, y, z, centre) = (column(0), column(1), column(2), column(3));
    // OpenGL -> OpenCV camera axes: y and z of the camera change sign.
    let axes = DMat3::from_cols(x, -y, -z);
    let rotation = pose::rigid(axes, "`transform_matrix`").map_err(|problem| frame.bad(problem))?;
    let problem = "`transform_matrix` holds a position that is not finite";
    pose::viewmat(rotation, centre).ok_or_else(|| frame.bad(problem))
}
