//! Camera paths as JSON files: ours, which others read as a list of frames, and nerfstudio's.
//!
//! ```text
//! {"version": 1, "frameRate": 30, "loop": false, "width": 1280, "height": 720,
//!  "frames": [{"time": 0, "position": [..], "target": [..], "up": [..], "fov": 50}, ..]}
//! ```
//! Only `frames` with `position` and `target` are needed. Without `time`, the entries are the frames themselves, one
//! after the other, which is what splat-transform and SuperSplat mean by such a file. `"axes": "playcanvas"` marks the
//! axes of those two programs: the splat file turned half around z.
//!
//! nerfstudio's file has the frames of a path in `camera_path`: camera-to-world matrices, row by row, with OpenGL
//! camera axes (x right, y up, z backward).

use super::{CameraPath, FRAME_RATE, Key, MAX_EDGE, MAX_FRAME_RATE};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::io::json::{self, Object, kind};
use glam::DVec3;
use serde_json::{Value, json};
use std::path::Path;

/// Version of the files written here; higher ones are refused.
const VERSION: f64 = 1.0;
/// Larger files are no camera paths, and would take many times their size in memory.
const MAX_BYTES: u64 = 64 << 20;
/// Coordinates beyond this overflow in squares and in single precision.
const MAX_COORDINATE: f64 = 1e9;
/// A target nearer than this share of the camera's own coordinates is lost in rounding.
const SAME_POINT: f64 = 1e-12;
/// Times beyond this (four months) are a mistake.
const MAX_TIME: f64 = 1e7;
/// How far two axes of a camera may be from perpendicular (the cosine between them).
const MAX_SHEAR: f64 = 0.02;
/// Marks the axes of SuperSplat and splat-transform.
const PLAYCANVAS: &str = "playcanvas";
/// Marks the axes of the splat file.
const FILE_AXES: &str = "file";

/// What a file may leave out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// What is up in frames that do not say.
    pub up: DVec3,
    /// Vertical field of view of frames that do not say, degrees.
    pub fov_y_deg: f64,
}

impl Default for Defaults {
    /// -y, up in most splat files, and 50 degrees.
    fn default() -> Self {
        Self { up: DVec3::NEG_Y, fov_y_deg: 50.0 }
    }
}

impl CameraPath {
    /// Reads a path: ours, a list of frames as splat-transform and SuperSplat read it, or nerfstudio's.
    ///
    /// # Errors
    /// [`Error::Input`] naming the frame and what is wrong with it.
    pub fn read(path: &Path, defaults: &Defaults) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(|source| Error::io(path, "read", source))?.len();
        if bytes > MAX_BYTES {
            let problem = format!("the file has {bytes} bytes, a camera path has at most {MAX_BYTES}");
            return Err(Error::input(path, problem, "give a camera path, or split it"));
        }
        let root = json::read(path)?;
        let Some(fields) = root.as_object() else {
            let problem = format!("the file holds {}, expected an object", kind(&root));
            return Err(Error::input(path, problem, "export it again"));
        };
        let top = Object { path, place: String::new(), fields };
        if top.get("camera_path").is_some() {
            return read_nerfstudio(&top, defaults);
        }
        if top.get("frames").is_some() {
            return read_frames(&top, defaults);
        }
        Err(Error::input(
            path,
            "neither `frames` (Splat, splat-transform, SuperSplat) nor `camera_path` (nerfstudio): no camera path",
            "export a camera path, or write {\"frames\": [{\"position\": [x, y, z], \"target\": [x, y, z]}, ..]}",
        ))
    }

    /// Writes the keys, to be read by [`CameraPath::read`].
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; [`Error::Settings`] when a number is not finite.
    pub fn write(&self, path: &Path) -> Result<()> {
        let entry = |key: &Key| {
            json!({
                "time": key.time,
                "position": key.position.to_array(),
                "target": key.target.to_array(),
                "up": key.up.to_array(),
                "fov": key.fov_y_deg,
            })
        };
        let head = json!({
            "version": VERSION as u32,
            "axes": FILE_AXES,
            "frameRate": self.frame_rate,
            "loop": self.smooth_loop,
            "width": self.size.map(|(width, _)| width),
            "height": self.size.map(|(_, height)| height),
        });
        self.check_numbers()?;
        write_list(path, &head, self.keys.iter().map(entry))
    }

    /// Writes every frame for splat-transform and SuperSplat, in their axes.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; [`Error::Settings`] when the path has no frames or a number is
    /// not finite.
    pub fn write_frames(&self, path: &Path) -> Result<()> {
        self.check_numbers()?;
        let entry = |pose: super::Pose| {
            json!({
                "position": half_turn(pose.eye).to_array(),
                "target": half_turn(pose.target).to_array(),
                "up": half_turn(pose.up).to_array(),
                "fov": pose.fov_y_deg,
            })
        };
        let head = json!({ "axes": PLAYCANVAS, "frameRate": self.frame_rate, "loop": self.smooth_loop });
        let times = self.frames(self.frame_rate)?;
        write_list(path, &head, times.into_iter().filter_map(|time| self.sample(time).map(entry)))
    }

    /// JSON knows no NaN: it would become `null`, which reads as absent.
    fn check_numbers(&self) -> Result<()> {
        let finite = |key: &Key| {
            let points = [key.position, key.target, key.up];
            key.time.is_finite() && key.fov_y_deg.is_finite() && points.iter().all(|point| point.is_finite())
        };
        match self.keys.iter().position(|key| !finite(key)) {
            Some(index) => Err(Error::settings(format!("key {index} holds a number that is not finite"), "remove it")),
            None => Ok(()),
        }
    }
}

/// Writes `head` with `frames`, one on each line.
fn write_list(path: &Path, head: &Value, frames: impl Iterator<Item = Value>) -> Result<()> {
    let mut text = String::from("{\n");
    for (name, value) in head.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        text.push_str(&format!("  \"{name}\": {value},\n"));
    }
    let lines: Vec<String> = frames.map(|frame| format!("    {frame}")).collect();
    text.push_str(&format!("  \"frames\": [\n{}\n  ]\n}}\n", lines.join(",\n")));
    atomic::write(path, text.as_bytes())
}

/// Half a turn around z: from the axes of splat files to those of PlayCanvas, and back.
fn half_turn(v: DVec3) -> DVec3 {
    DVec3::new(-v.x, -v.y, v.z)
}

/// Ours, and plain lists of frames.
fn read_frames(top: &Object<'_>, defaults: &Defaults) -> Result<CameraPath> {
    if let Some(version) = top.number("version")?.filter(|&version| version > VERSION) {
        let problem = format!("the file has version {version}, this Splat reads up to {VERSION}");
        return Err(Error::input(top.path, problem, "use a newer Splat"));
    }
    let turned = match top.text("axes")?.as_deref() {
        None | Some(FILE_AXES) => false,
        Some(PLAYCANVAS) => true,
        Some(other) => return Err(top.bad(format!("`axes` is {other}, expected {FILE_AXES} or {PLAYCANVAS}"))),
    };
    let axes = |v: DVec3| if turned { half_turn(v) } else { v };
    let frame_rate = frame_rate(top, "frameRate")?.unwrap_or(FRAME_RATE);
    let mut keys: Vec<Key> = Vec::new();
    let mut timed = None;
    for (index, frame) in entries(top, "frames")?.enumerate() {
        let frame = frame?;
        let needed = |name: &str| point(&frame, name)?.ok_or_else(|| frame.bad(format!("no `{name}`")));
        let time = frame.number("time")?;
        if time.is_some() != *timed.get_or_insert(time.is_some()) {
            return Err(frame.bad("some frames have a `time` and some have none; give it to all or to none"));
        }
        let up = match point(&frame, "up")? {
            Some(up) if up == DVec3::ZERO => return Err(frame.bad("`up` is 0, 0, 0, which is no direction")),
            Some(up) => axes(up),
            None => defaults.up,
        };
        let key = Key {
            time: time.unwrap_or(index as f64 / frame_rate),
            position: axes(needed("position")?),
            target: axes(needed("target")?),
            up,
            fov_y_deg: field_of_view(&frame, defaults)?,
        };
        check(&frame, &key, keys.last())?;
        keys.push(key);
    }
    Ok(CameraPath {
        frame_rate,
        smooth_loop: flag(top, "loop")?,
        size: edge(top, "width")?.zip(edge(top, "height")?),
        keys,
    })
}

/// The file that nerfstudio's viewer writes and `ns-render camera-path` reads.
fn read_nerfstudio(top: &Object<'_>, defaults: &Defaults) -> Result<CameraPath> {
    if let Some(model) = top.text("camera_type")?.filter(|model| model != "perspective") {
        return Err(Error::input(
            top.path,
            format!("`camera_type` is {model}; only perspective cameras are rendered"),
            "export the path with perspective cameras",
        ));
    }
    let list = entries(top, "camera_path")?;
    let count = list.len() as f64;
    let of_duration = |seconds: f64| (count / seconds).min(MAX_FRAME_RATE);
    let seconds = top.number("seconds")?.filter(|&seconds| seconds > 0.0);
    let frame_rate = frame_rate(top, "fps")?.or(seconds.map(of_duration)).unwrap_or(FRAME_RATE);
    let mut keys: Vec<Key> = Vec::new();
    for (index, frame) in list.enumerate() {
        let frame = frame?;
        let (position, forward, up) = opengl_pose(&frame)?;
        let fov_y_deg = field_of_view(&frame, defaults)?;
        let key = Key { time: index as f64 / frame_rate, position, target: position + forward, up, fov_y_deg };
        check(&frame, &key, keys.last())?;
        keys.push(key);
    }
    Ok(CameraPath {
        frame_rate,
        smooth_loop: flag(top, "is_cycle")?,
        size: edge(top, "render_width")?.zip(edge(top, "render_height")?),
        keys,
    })
}

/// The objects of a list that must not be empty.
fn entries<'a>(
    top: &Object<'a>,
    name: &'static str,
) -> Result<impl ExactSizeIterator<Item = Result<Object<'a>>> + use<'a>> {
    let list = match top.get(name) {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Array(_)) => return Err(top.bad(format!("`{name}` is empty: a path needs at least one"))),
        Some(value) => return top.wrong(name, value, "a list"),
        None => return Err(top.bad(format!("no `{name}`"))),
    };
    let path = top.path;
    Ok(list.iter().enumerate().map(move |(index, value)| match value.as_object() {
        Some(fields) => Ok(Object { path, place: format!("{name}[{index}]: "), fields }),
        None => {
            let problem = format!("{name}[{index}] is {}, expected an object", kind(value));
            Err(Error::input(path, problem, "correct the file or export it again"))
        }
    }))
}

/// What a key must hold whatever the format.
fn check(frame: &Object<'_>, key: &Key, before: Option<&Key>) -> Result<()> {
    let reach = key.position.distance(key.target);
    let rounding = SAME_POINT * key.position.abs().max_element();
    if reach <= rounding || (key.target - key.position).try_normalize().is_none() {
        return Err(frame.bad("`position` and `target` are the same point"));
    }
    if key.time.abs() > MAX_TIME {
        return Err(frame.bad(format!("`time` is {} seconds, expected at most {MAX_TIME}", key.time)));
    }
    if let Some(before) = before.filter(|before| key.time <= before.time) {
        let problem = format!("`time` is {}, expected more than the {} of the frame before", key.time, before.time);
        return Err(frame.bad(problem));
    }
    Ok(())
}

/// Three finite numbers, if the field is there.
fn point(frame: &Object<'_>, name: &str) -> Result<Option<DVec3>> {
    let Some(value) = frame.get(name) else { return Ok(None) };
    let numbers: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    match numbers.as_deref() {
        Some(&[x, y, z]) => coordinates(frame, name, DVec3::new(x, y, z)).map(Some),
        _ => Err(frame.bad(format!("`{name}` is {}, expected three numbers", shorten(value)))),
    }
}

/// Refuses what no scene has.
fn coordinates(frame: &Object<'_>, name: &str, point: DVec3) -> Result<DVec3> {
    if point.is_finite() && point.abs().max_element() <= MAX_COORDINATE {
        return Ok(point);
    }
    Err(frame.bad(format!("`{name}` is {point}, farther away than {MAX_COORDINATE:e}")))
}

/// A value as it stands in the file, cut where it gets long.
fn shorten(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The vertical field of view of a frame, in degrees.
fn field_of_view(frame: &Object<'_>, defaults: &Defaults) -> Result<f64> {
    let fov = frame.number("fov")?.unwrap_or(defaults.fov_y_deg);
    if fov > 0.0 && fov < 180.0 {
        return Ok(fov);
    }
    Err(frame.bad(format!("`fov` is {fov}, expected degrees between 0 and 180")))
}

/// Frames per second.
fn frame_rate(top: &Object<'_>, name: &str) -> Result<Option<f64>> {
    match top.number(name)? {
        Some(rate) if !(rate > 0.0 && rate <= MAX_FRAME_RATE) => {
            Err(top.bad(format!("`{name}` is {rate}, expected frames per second, at most {MAX_FRAME_RATE}")))
        }
        rate => Ok(rate),
    }
}

/// True or false; false when absent.
fn flag(top: &Object<'_>, name: &str) -> Result<bool> {
    match top.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(value) => top.wrong(name, value, "true or false"),
    }
}

/// A width or height.
fn edge(top: &Object<'_>, name: &str) -> Result<Option<u32>> {
    match top.edge(name)? {
        Some(edge) if edge > MAX_EDGE => {
            Err(top.bad(format!("`{name}` is {edge}, expected at most {MAX_EDGE} pixels")))
        }
        edge => Ok(edge),
    }
}

/// Position, viewing direction and up of a camera-to-world matrix in OpenGL axes. A scaled camera is fine.
fn opengl_pose(frame: &Object<'_>) -> Result<(DVec3, DVec3, DVec3)> {
    const NAME: &str = "camera_to_world";
    let Some(value) = frame.get(NAME) else { return Err(frame.bad(format!("no `{NAME}`"))) };
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    // Sixteen numbers, or four rows of four.
    let flat: Option<Vec<f64>> = match list.first() {
        Some(Value::Array(_)) => {
            let rows: Option<Vec<&Vec<Value>>> = list.iter().map(Value::as_array).collect();
            rows.and_then(|rows| rows.into_iter().flatten().map(Value::as_f64).collect())
        }
        _ => list.iter().map(Value::as_f64).collect(),
    };
    let m: [f64; 16] = match flat.map(<[f64; 16]>::try_from) {
        Some(Ok(matrix)) => matrix,
        _ => return Err(frame.bad(format!("`{NAME}` is {}, expected 16 numbers, row by row", shorten(value)))),
    };
    let [m00, m01, m02, m03, m10, m11, m12, m13, m20, m21, m22, m23, m30, m31, m32, m33] = m;
    if [m30, m31, m32] != [0.0; 3] || m33 != 1.0 {
        let row = format!("{m30} {m31} {m32} {m33}");
        return Err(
            frame.bad(format!("the last row of `{NAME}` is {row}, expected 0 0 0 1 (is it stored by columns?)"))
        );
    }
    let unit = |x: f64, y: f64, z: f64| DVec3::new(x, y, z).normalize_or_zero();
    let (right, up, back) = (unit(m00, m10, m20), unit(m01, m11, m21), unit(m02, m12, m22));
    let perpendicular = [right.dot(up), up.dot(back), back.dot(right)].iter().all(|dot| dot.abs() <= MAX_SHEAR);
    if !perpendicular || right == DVec3::ZERO || up == DVec3::ZERO || back == DVec3::ZERO {
        return Err(frame.bad(format!("the axes in `{NAME}` are not perpendicular")));
    }
    if right.cross(up).dot(back) < 0.0 {
        return Err(frame.bad(format!("`{NAME}` mirrors the scene: its axes are swapped or flipped")));
    }
    Ok((coordinates(frame, NAME, DVec3::new(m03, m13, m23))?, -back, up))
}
