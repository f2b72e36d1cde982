//! The text files of a COLMAP model.

use super::colmap::{ColmapImage, bad_pose, camera, model_from_name, point, pose};
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use crate::scene::dataset::Point;
use crate::scene::lens::Lens;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

/// Calls `each` with the number and text of every line.
fn for_each_line(path: &Path, mut each: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(|e| Error::io(path, "read", e))? == 0 {
            break;
        }
        each(number, String::from_utf8_lossy(&line).trim())?;
    }
    Ok(())
}

/// The words of one line, with errors that name it.
struct Fields<'a> {
    path: &'a Path,
    line: usize,
    rest: &'a str,
}

impl<'a> Fields<'a> {
    fn word(&mut self, what: &str) -> Result<&'a str> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let (word, rest) = trimmed.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err(self.bad(&format!("ends before the {what}"))) } else { Ok(word) }
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T> {
        let word = self.word(what)?;
        word.parse().map_err(|_| self.bad(&format!("`{word}` is not a {what}")))
    }

    fn numbers<T: FromStr + Copy + Default, const N: usize>(&mut self, what: &str) -> Result<[T; N]> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = self.number(what)?;
        }
        Ok(values)
    }

    fn bad(&self, problem: &str) -> Error {
        Error::input(
            self.path,
            format!("line {}: {problem}", self.line),
            "the file was cut short or edited; export the model again",
        )
    }
}

/// Number of posed images, from the comment in the header or else from the lines.
pub(super) fn count_images(path: &Path) -> u64 {
    let mut promised = None;
    let mut lines = 0_u64;
    let result = for_each_line(path, |_, line| {
        if let Some(rest) = line.strip_prefix("# Number of images:") {
            promised = rest.split(',').next().and_then(|count| count.trim().parse().ok());
        }
        lines += u64::from(!line.starts_with('#'));
        Ok(())
    });
    if result.is_err() { 0 } else { promised.unwrap_or(lines.div_ceil(2)) }
}

/// Reads `cameras.txt`.
pub(super) fn read_cameras(path: &Path) -> Result<BTreeMap<u32, (Intrinsics, Lens)>> {
    let mut cameras = BTreeMap::new();
    for_each_line(path, |number, line| {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let mut fields = Fields { path, line: number, rest: line };
        let id = fields.number("camera id")?;
        let model = model_from_name(path, fields.word("camera model")?)?;
        let size = (fields.number("width")?, fields.number("height")?);
        let mut params = Vec::new();
        while !fields.rest.trim_start().is_empty() {
            params.push(fields.number("camera parameter")?);
        }
        cameras.insert(id, camera(path, id, model, size, &params)?);
        Ok(())
    })?;
    Ok(cameras)
}

/// Reads `images.txt`. Every image has a second line with its observations, which may be empty.
pub(super) fn read_images(path: &Path) -> Result<Vec<ColmapImage>> {
    let mut images = Vec::new();
    let mut observations_next = false;
    for_each_line(path, |number, line| {
        if observations_next {
            observations_next = false;
            return Ok(());
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let mut fields = Fields { path, line: number, rest: line };
        let id = fields.number("image id")?;
        let quat = fields.numbers("quaternion component")?;
        let translation = fields.numbers("translation component")?;
        let camera_id = fields.number("camera id")?;
        // Names may contain spaces: everything that is left belongs to them.
        let name = fields.rest.trim().to_owned();
        if name.is_empty() {
            return Err(fields.bad("ends before the image name"));
        }
        let viewmat = pose(quat, translation).ok_or_else(|| bad_pose(path, &name))?;
        images.push(ColmapImage { id, camera_id, name, viewmat });
        observations_next = true;
        Ok(())
    })?;
    Ok(images)
}

/// Reads `points3D.txt`, ignoring the tracks.
pub(super) fn read_points(path: &Path) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for_each_line(path, |number, line| {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let mut fields = Fields { path, line: number, rest: line };
        let _id: u64 = fields.number("point id")?;
        let position = fields.numbers("coordinate")?;
        let rgb = fields.numbers("colour")?;
        points.extend(point(position, rgb));
        Ok(())
    })?;
    Ok(points)
}
