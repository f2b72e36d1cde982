//! A scene to train on: posed views, split into training and held-out ones, and the points to start from.
//!
//! [`Dataset::load`] recognises the folder, checks everything that can be checked without decoding pixels and fails
//! on what would train into nonsense; what is merely suspicious becomes a [`Note`]. Pixels are loaded by
//! [`PhotoLoader`](super::PhotoLoader).

use super::camera::{Intrinsics, View};
use super::decode::{self, ImageInfo};
use super::detect::{self, Source, SourceView};
use super::doctor;
use super::io::colmap::check_intrinsics;
use super::lens::Lens;
use super::split::split_views;
use super::times::{self, Times};
use crate::error::{Error, Result};
use crate::settings::TimeSource;
use glam::{DMat3, DVec3};
use std::path::{Path, PathBuf};

/// What to load, and how large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Longest edge of the working size, pixels; 0 = as large as the files.
    pub max_resolution: u32,
    /// Every how many images one is held out when the source names no split; 0 = none. Cameras that stand still are
    /// held out whole: every how many of them, or only the first where that is the convention.
    pub test_every: u32,
    /// Image folder to use instead of the usual one, relative to the data set or absolute.
    pub images: Option<String>,
    /// What tells when an image was taken.
    pub time: TimeSource,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { max_resolution: 0, test_every: 8, images: None, time: TimeSource::Auto }
    }
}

/// A coloured point of the sparse reconstruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// World position.
    pub position: [f32; 3],
    /// sRGB-encoded colour.
    pub rgb: [u8; 3],
}

/// How much a [`Note`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Probably a mistake in the data.
    Warning,
}

/// A remark about a data set, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub text: String,
}

impl Note {
    /// A [`Level::Info`] note.
    pub fn info(text: impl Into<String>) -> Self {
        Self { level: Level::Info, text: text.into() }
    }

    /// A [`Level::Warning`] note.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: Level::Warning, text: text.into() }
    }
}

/// Posed views, split, with the points they came with.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The folder it was loaded from.
    pub root: PathBuf,
    /// What was recognised, for people.
    pub format: &'static str,
    /// Views to train on, sorted by name; never empty.
    pub train: Vec<View>,
    /// Held-out views, sorted by name.
    pub test: Vec<View>,
    /// Sparse points, finite; may be empty.
    pub points: Vec<Point>,
    /// How the split was chosen, for people.
    pub split: String,
    /// When the views were taken; `None` if nothing is known to move, and then no view has a time.
    pub times: Option<Times>,
    /// Whether the images carry alpha, judged by the first one.
    pub has_alpha: bool,
    /// Remarks about the data.
    pub notes: Vec<Note>,
}

impl Dataset {
    /// Recognises and loads a folder, or the folder of a file of poses: a single `transforms*.json`, `poses_bounds.npy`
    /// or `dataset.json`. Frames of videos are extracted beside them, which may take minutes once.
    ///
    /// # Errors
    /// [`Error::Input`] when nothing usable is there, a file is missing or damaged, or a camera is not possible;
    /// [`Error::Settings`] when `options` leave nothing to train on.
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        let mut source = detect::read(path.as_ref(), options)?;
        let mut notes = std::mem::take(&mut source.notes);
        let times = times::settle(&mut source, options.time)?;
        let frames = std::mem::take(&mut source.views);
        let (mut views, has_alpha) = place_images(&source, frames, options, &mut notes)?;
        views.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let (train, test, split) = split_views(&source, views, options, &mut notes)?;
        let Source { root, format, points, .. } = source;
        let mut dataset = Self { root, format, train, test, points, split, times, has_alpha, notes };
        let remarks = doctor::examine(&dataset)?;
        dataset.notes.extend(remarks);
        Ok(dataset)
    }

    /// All views, training ones first.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.train.iter().chain(&self.test)
    }

    /// Size of the scene in world units: 1.1 times the largest distance of a training camera from their centroid.
    ///
    /// Cameras in one place leave the scale to the points around them, and to 1 without points.
    pub fn extent(&self) -> f64 {
        let count = self.train.len().max(1) as f64;
        let centroid = self.train.iter().map(View::position).sum::<DVec3>() / count;
        let reach = self.train.iter().map(|view| view.position().distance(centroid)).fold(0.0, f64::max);
        if reach > 1e-9 {
            return 1.1 * reach;
        }
        let mut distances: Vec<f64> = self
            .points
            .iter()
            .map(|point| DVec3::from_array(point.position.map(f64::from)).distance(centroid))
            .collect();
        distances.sort_by(f64::total_cmp);
        distances.get(distances.len() / 2).copied().filter(|&median| median > 1e-9).unwrap_or(1.0)
    }

    /// A guess at the direction that is up in the world: what is up in the training images on average, less whatever of
    /// it lies along the horizons of cameras held level.
    ///
    /// Cameras above a scene look down on it, so the mean leans to the side where more of them are; their rows of
    /// pixels do not. Cameras that are rolled every way leave the mean as it is.
    pub fn up(&self) -> DVec3 {
        /// Weight of the mean against the horizons: small beside 1/2, which level cameras all around have.
        const LEAN: f64 = 0.01;
        let count = self.train.len().max(1) as f64;
        let mean = self.train.iter().map(|view| -view.viewmat.matrix3.row(1)).sum::<DVec3>() / count;
        // Cameras that look every way up cancel out; +z is up in most tools.
        if mean.length() <= 1e-3 {
            return DVec3::Z;
        }
        let outer = |v: DVec3| DMat3::from_cols(v * v.x, v * v.y, v * v.z);
        let horizons: DMat3 = self.train.iter().map(|view| outer(view.viewmat.matrix3.row(0))).sum();
        ((horizons * count.recip() + DMat3::IDENTITY * LEAN).inverse() * mean).try_normalize().unwrap_or(DVec3::Z)
    }

    /// A hash (64-bit FNV-1a) of names, sizes, cameras, poses, times and points, to tell whether a checkpoint fits.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
        for (part, views) in [(0_u8, &self.train), (1, &self.test)] {
            hash.bytes(&[part]);
            for view in views {
                hash.bytes(view.name.as_bytes());
                hash.bytes(&[0]);
                hash.bytes(&view.width.to_le_bytes());
                hash.bytes(&view.height.to_le_bytes());
                for value in [view.fx, view.fy, view.cx, view.cy] {
                    hash.bytes(&value.to_bits().to_le_bytes());
                }
                for value in view.viewmat.to_cols_array().into_iter().chain(view.time) {
                    hash.bytes(&value.to_bits().to_le_bytes());
                }
            }
        }
        for point in &self.points {
            for value in point.position {
                hash.bytes(&value.to_bits().to_le_bytes());
            }
            hash.bytes(&point.rgb);
        }
        hash.0
    }
}

struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}

/// Counts of things worth one note for the whole set instead of one per image.
#[derive(Default)]
struct Tally {
    rotated: usize,
    kept_raw: usize,
    rescaled: usize,
    masked: usize,
}

/// Finds the files of every view, reads their headers and settles the cameras.
fn place_images(
    source: &Source,
    frames: Vec<SourceView>,
    options: &LoadOptions,
    notes: &mut Vec<Note>,
) -> Result<(Vec<(View, bool)>, bool)> {
    let missing: Vec<&SourceView> = frames.iter().filter(|frame| frame.image_path.is_none()).collect();
    if let Some(first) = missing.first() {
        return Err(Error::input(
            &source.root,
            format!(
                "the image {} is missing ({} of {} images are), looked in {}",
                first.name,
                missing.len(),
                frames.len(),
                source.looked_in.display()
            ),
            "restore the images, remove them from the pose file, or name their folder with --images",
        ));
    }
    let total = frames.len();
    let mut tally = Tally::default();
    let mut cameras: Vec<(Intrinsics, Lens)> = Vec::new();
    let mut has_alpha = None;
    let mut views = Vec::with_capacity(total);
    for frame in frames {
        let Some(image_path) = frame.image_path.clone() else {
            continue;
        };
        let info = decode::peek(&image_path)?;
        let held_out = frame.held_out;
        let mut view = place(frame, image_path, &info, options, &mut tally)?;
        let camera = (view.source, view.lens);
        let known = cameras.iter().position(|known| *known == camera).unwrap_or(cameras.len());
        if known == cameras.len() {
            cameras.push(camera);
        }
        view.camera_id = known as u32;
        has_alpha.get_or_insert(info.has_alpha);
        views.push((view, held_out));
    }
    tally.report(total, notes);
    Ok((views, has_alpha.unwrap_or(false)))
}

impl Tally {
    fn report(&self, total: usize, notes: &mut Vec<Note>) {
        if self.rotated > 0 {
            notes.push(Note::info(format!(
                "{} of {total} images are turned by their orientation tag, to match their cameras",
                self.rotated
            )));
        }
        if self.kept_raw > 0 {
            notes.push(Note::warning(format!(
                "{} of {total} images carry an orientation tag that their cameras do not confirm: pixels are used as stored",
                self.kept_raw
            )));
        }
        if self.rescaled > 0 {
            notes.push(Note::info(format!(
                "{} of {total} images have another size than their cameras: focal lengths are scaled",
                self.rescaled
            )));
        }
        if self.masked > 0 && self.masked < total {
            notes.push(Note::warning(format!("only {} of {total} images have a mask", self.masked)));
        }
    }
}

/// Builds one view from its frame and the header of its image.
fn place(
    frame: SourceView,
    image_path: PathBuf,
    info: &ImageInfo,
    options: &LoadOptions,
    tally: &mut Tally,
) -> Result<View> {
    let declared = frame.camera.size.unwrap_or((info.width, info.height));
    let orientation = orientation_for(&image_path, info, declared)?;
    let turned = orientation >= 5;
    let (width, height) = if turned { (info.height, info.width) } else { (info.width, info.height) };
    let bad_camera = |problem: String| {
        Error::input(&frame.origin, format!("{}: {problem}", frame.name), "correct the camera or export it again")
    };
    let camera = frame.camera.resolve((width, height)).ok_or_else(|| bad_camera("no focal length".into()))?;
    check_intrinsics(&camera, &frame.lens).map_err(bad_camera)?;
    if let Some(mask) = &frame.mask_path {
        let mask_info = decode::peek(mask)?;
        let size = (mask_info.width, mask_info.height);
        if size != (info.width, info.height) {
            decode::check_mask_size(mask, size.0, size.1, (width, height))?;
        }
    }
    tally.rotated += usize::from(turned);
    tally.kept_raw += usize::from(info.orientation >= 5 && !turned);
    tally.rescaled += usize::from((width, height) != declared);
    tally.masked += usize::from(frame.mask_path.is_some());
    let source = camera.resized(width, height);
    let (full, _) = source.undistorted(&frame.lens);
    let (w, h) = full.limited_size(options.max_resolution);
    let pinhole = full.resized(w, h);
    Ok(View {
        name: frame.name,
        viewmat: frame.viewmat,
        fx: pinhole.fx,
        fy: pinhole.fy,
        cx: pinhole.cx,
        cy: pinhole.cy,
        width: w,
        height: h,
        lens: frame.lens,
        source,
        orientation,
        image_path,
        mask_path: frame.mask_path,
        camera_id: 0,
        time: frame.time,
    })
}

/// The EXIF orientation to apply: the tag counts only if just the turned image has the shape of its camera.
fn orientation_for(path: &Path, info: &ImageInfo, camera: (u32, u32)) -> Result<u8> {
    let raw = (info.width, info.height);
    let turned = (info.height, info.width);
    let turns = info.orientation >= 5;
    if raw == camera {
        return Ok(1);
    }
    if turns && turned == camera {
        return Ok(info.orientation);
    }
    if same_shape(raw, camera) {
        return Ok(1);
    }
    if turns && same_shape(turned, camera) {
        return Ok(info.orientation);
    }
    let hint = if same_shape(turned, camera) {
        "it was turned after the poses were computed; turn it back, or restore the original files"
    } else {
        "it was cropped, or belongs to another capture; use the images the poses were computed from"
    };
    Err(Error::input(path, format!("the image is {}x{}, its camera {}x{}", raw.0, raw.1, camera.0, camera.1), hint))
}

/// Whether one size is the other, scaled and rounded to whole pixels.
fn same_shape(image: (u32, u32), camera: (u32, u32)) -> bool {
    let (camera_w, camera_h) = (f64::from(camera.0), f64::from(camera.1));
    let scale_x = f64::from(image.0) / camera_w;
    let scale_y = f64::from(image.1) / camera_h;
    (scale_x - scale_y).abs() <= 1.0 / camera_w + 1.0 / camera_h
}
