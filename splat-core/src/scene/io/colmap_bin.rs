//! The binary files of a COLMAP model.

use super::colmap::{ColmapImage, bad_pose, camera, parameter_count, point, pose};
use crate::error::{Error, Result};
use crate::scene::camera::Intrinsics;
use crate::scene::dataset::Point;
use crate::scene::lens::Lens;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Longest image name accepted, bytes; a missing terminator must not read the rest of the file as a name.
const MAX_NAME_BYTES: usize = 4096;

/// Little-endian reader that knows how much of the file is left.
struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    left: u64,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let left = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
        Ok(Self { path, file: BufReader::with_capacity(1 << 20, file), left })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.claim(N as u64)?;
        self.file.read_exact(&mut bytes).map_err(|e| Error::io(self.path, "read", e))?;
        Ok(bytes)
    }

    fn claim(&mut self, bytes: u64) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.cut_short())?;
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        self.claim(bytes)?;
        let offset = i64::try_from(bytes).map_err(|_| self.cut_short())?;
        self.file.seek_relative(offset).map_err(|e| Error::io(self.path, "read", e))
    }

    fn cut_short(&self) -> Error {
        Error::input(
            self.path,
            "the file ends in the middle of a record",
            "it was cut short; copy it again or run the reconstruction again",
        )
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn f64s<const N: usize>(&mut self) -> Result<[f64; N]> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = f64::from_le_bytes(self.bytes()?);
        }
        Ok(values)
    }

    /// A record count, believed only if that many records of the smallest size fit into the file.
    fn count(&mut self, what: &str, smallest: u64) -> Result<usize> {
        let count = self.u64()?;
        let most = self.left / smallest;
        if count > most {
            return Err(Error::input(
                self.path,
                format!("the header promises {count} {what}, the file has room for at most {most}"),
                "it was cut short or is damaged; copy it again or run the reconstruction again",
            ));
        }
        usize::try_from(count).map_err(|_| self.cut_short())
    }

    fn skip_records(&mut self, size: u64) -> Result<()> {
        let count = self.u64()?;
        let bytes = count.checked_mul(size).ok_or_else(|| self.cut_short())?;
        self.skip(bytes)
    }

    fn name(&mut self) -> Result<String> {
        let mut name = Vec::new();
        loop {
            let [byte] = self.bytes()?;
            if byte == 0 {
                break;
            }
            if name.len() == MAX_NAME_BYTES {
                return Err(Error::input(
                    self.path,
                    format!("an image name is longer than {MAX_NAME_BYTES} bytes"),
                    "the file is damaged; copy it again",
                ));
            }
            name.push(byte);
        }
        Ok(String::from_utf8_lossy(&name).into_owned())
    }
}

/// The record count in a header; 0 if it cannot be read.
pub(super) fn count(path: &Path) -> u64 {
    Reader::open(path).and_then(|mut reader| reader.u64()).unwrap_or(0)
}

/// Reads `cameras.bin`.
pub(super) fn read_cameras(path: &Path) -> Result<BTreeMap<u32, (Intrinsics, Lens)>> {
    let mut reader = Reader::open(path)?;
    // id, model, size, at least three parameters
    let count = reader.count("cameras", 24 + 3 * 8)?;
    let mut cameras = BTreeMap::new();
    for _ in 0..count {
        let id = reader.u32()?;
        let model = i32::from_le_bytes(reader.bytes()?);
        let size = (reader.u64()?, reader.u64()?);
        let mut params = Vec::new();
        for _ in 0..parameter_count(path, model)? {
            let [value] = reader.f64s()?;
            params.push(value);
        }
        cameras.insert(id, camera(path, id, model, size, &params)?);
    }
    Ok(cameras)
}

/// Reads `images.bin`, skipping the observations.
pub(super) fn read_images(path: &Path) -> Result<Vec<ColmapImage>> {
    let mut reader = Reader::open(path)?;
    // id, pose, camera, empty name with its terminator, number of observations
    let count = reader.count("images", 4 + 7 * 8 + 4 + 1 + 8)?;
    let mut images = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.u32()?;
        let quat = reader.f64s()?;
        let translation = reader.f64s()?;
        let camera_id = reader.u32()?;
        let name = reader.name()?;
        reader.skip_records(24)?;
        let viewmat = pose(quat, translation).ok_or_else(|| bad_pose(path, &name))?;
        images.push(ColmapImage { id, camera_id, name, viewmat });
    }
    Ok(images)
}

/// Reads `points3D.bin`, skipping the tracks.
pub(super) fn read_points(path: &Path) -> Result<Vec<Point>> {
    let mut reader = Reader::open(path)?;
    // id, position, colour, error, track length
    let count = reader.count("points", 8 + 24 + 3 + 8 + 8)?;
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        reader.skip(8)?;
        let position = reader.f64s()?;
        let rgb = reader.bytes()?;
        reader.skip(8)?;
        reader.skip_records(8)?;
        points.extend(point(position, rgb));
    }
    Ok(points)
}
