//! Recognising what a user pointed at, and reading its poses.
//!
//! The order is fixed: `transforms*.json`, layouts of moving scenes that may hold a COLMAP model as well, COLMAP, what
//! has poses of its own and no model, then everything we can name but not read, so that the message can say how to get
//! from there to here.

mod nerfies;
mod points;
mod rig;

use super::dataset::{LoadOptions, Note, Point};
use super::files::{ImageFolder, find_mask};
use super::io::colmap::{self, ColmapModel};
use super::io::ply;
use super::io::transforms::{self, Declared, Frame, Transforms};
use super::lens::Lens;
use super::times;
use super::unsupported;
use crate::error::{Error, Result};
use glam::DAffine3;
use std::path::{Path, PathBuf};

const TRANSFORMS: &str = "transforms.json";
const COLMAP: &str = "COLMAP";
const POSES_BOUNDS: &str = "poses_bounds.npy";

/// Everything known before image files are opened.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) root: PathBuf,
    pub(crate) format: &'static str,
    pub(crate) views: Vec<SourceView>,
    pub(crate) points: Vec<Point>,
    pub(crate) split: SourceSplit,
    /// The image folder, for messages.
    pub(crate) looked_in: PathBuf,
    pub(crate) notes: Vec<Note>,
    /// What its times count, [`Times::unit`](super::times::Times::unit).
    pub(crate) time_unit: &'static str,
    /// Frames per second, where the source says so.
    pub(crate) frame_rate: Option<f64>,
}

/// What a source says about views to hold out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceSplit {
    /// Which ones, by [`SourceView::held_out`]; the text says how they were told apart.
    Named(String),
    /// Nothing: some images by name.
    Images,
    /// Nothing, but views by one camera see the same: some whole cameras by name. The first part of the name of a view
    /// is its camera.
    Cameras,
    /// By convention, the first camera.
    FirstCamera,
}

/// A posed image before its file is opened.
#[derive(Debug)]
pub(crate) struct SourceView {
    pub(crate) name: String,
    pub(crate) viewmat: DAffine3,
    pub(crate) camera: Declared,
    pub(crate) lens: Lens,
    /// `None` = not found.
    pub(crate) image_path: Option<PathBuf>,
    pub(crate) mask_path: Option<PathBuf>,
    /// Time as the source counts; in [0, 1] once [`times::settle`] has seen all of them.
    pub(crate) time: Option<f64>,
    pub(crate) held_out: bool,
    /// The file the pose comes from, for messages.
    pub(crate) origin: PathBuf,
}

/// What a scene is stored as, found by names alone.
enum Found {
    /// Files of the transforms.json family, each with whether all its frames are held out.
    Transforms { root: PathBuf, files: Vec<(PathBuf, bool)>, split: SourceSplit },
    /// A COLMAP model, and the others beside it.
    Colmap { model: PathBuf, others: Vec<PathBuf> },
    /// Folders of fixed cameras, and a model that may pose them.
    CameraFolders { model: PathBuf },
    /// `poses_bounds.npy`, with cameras or with photos.
    PosesBounds { root: PathBuf, has_cameras: bool },
    /// The folder of a `dataset.json`.
    Nerfies { root: PathBuf },
}

/// Names the format of a scene of posed photos, without reading it.
///
/// # Errors
/// [`Error::Input`] saying what the path seems to hold instead, and how to get from there to a scene.
pub fn recognise(path: &Path) -> Result<&'static str> {
    Ok(match find(path)? {
        Found::Transforms { .. } => TRANSFORMS,
        Found::Colmap { .. } => COLMAP,
        Found::CameraFolders { .. } => rig::CAMERA_FOLDERS,
        Found::PosesBounds { has_cameras: true, .. } => rig::NEURAL_3D_VIDEO,
        Found::PosesBounds { has_cameras: false, .. } => rig::LLFF,
        Found::Nerfies { .. } => nerfies::NERFIES,
    })
}

/// Recognises `path` and reads its poses and points.
pub(crate) fn read(path: &Path, options: &LoadOptions) -> Result<Source> {
    match find(path)? {
        Found::Transforms { root, files, split } => read_transforms(&root, &files, split, options),
        Found::Colmap { model, others } => read_colmap(path, &model, &others, options),
        Found::CameraFolders { model } => match rig::read_camera_folders(path, &model, options)? {
            Some(source) => Ok(source),
            None => {
                let (model, others) = colmap::find_model(path).unwrap_or((model, Vec::new()));
                read_colmap(path, &model, &others, options)
            }
        },
        Found::PosesBounds { root, .. } => rig::read_poses_bounds(&root, &root.join(POSES_BOUNDS), options),
        Found::Nerfies { root } => nerfies::read(&root, options),
    }
}

fn find(path: &Path) -> Result<Found> {
    if !path.exists() {
        return Err(Error::input(path, "there is no such file or folder", "check the path"));
    }
    if path.is_file() {
        let root = || path.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new(".")).to_path_buf();
        match file_name(path).as_str() {
            POSES_BOUNDS => return Ok(Found::PosesBounds { has_cameras: rig::has_cameras(&root()), root: root() }),
            "dataset.json" => return Ok(Found::Nerfies { root: root() }),
            _ => {}
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            return Ok(Found::Transforms {
                root: root(),
                files: vec![(path.to_path_buf(), false)],
                split: SourceSplit::Images,
            });
        }
        return Err(unsupported::file(path));
    }
    let root = path.to_path_buf();
    let file = |name: &str| Some(path.join(name)).filter(|file| file.is_file());
    let held_out = file("transforms_test.json")
        .map(|test| (test, "transforms_test.json"))
        .or_else(|| file("transforms_val.json").map(|val| (val, "transforms_val.json")));
    if let Some(train) = file("transforms_train.json") {
        let (mut files, mut split) = (vec![(train, false)], SourceSplit::Images);
        if let Some((test, name)) = held_out {
            files.push((test, true));
            split = SourceSplit::Named(format!("named in {name}"));
        }
        return Ok(Found::Transforms { root, files, split });
    }
    if let Some(all) = file("transforms.json").or_else(|| only_transforms(path)) {
        return Ok(Found::Transforms { root, files: vec![(all, false)], split: SourceSplit::Images });
    }
    if let Some(found) = find_moving(path) {
        return Ok(found);
    }
    if let Some((model, others)) = colmap::find_model(path) {
        return Ok(Found::Colmap { model, others });
    }
    if file(POSES_BOUNDS).is_some() {
        return Ok(Found::PosesBounds { root, has_cameras: false });
    }
    if file("dataset.json").is_some() {
        return Ok(Found::Nerfies { root });
    }
    Err(unsupported::folder(path))
}

/// Layouts of moving scenes, which a model inside does not turn into photos of COLMAP.
fn find_moving(root: &Path) -> Option<Found> {
    if root.join(POSES_BOUNDS).is_file() && rig::has_cameras(root) {
        return Some(Found::PosesBounds { root: root.to_path_buf(), has_cameras: true });
    }
    if nerfies::is_capture(root) {
        return Some(Found::Nerfies { root: root.to_path_buf() });
    }
    rig::find_model(root).map(|model| Found::CameraFolders { model })
}

/// The single file called `transforms_something.json`, if there is exactly one.
fn only_transforms(root: &Path) -> Option<PathBuf> {
    let mut found = std::fs::read_dir(root).ok()?.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name.starts_with("transforms") && name.ends_with(".json")
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn read_transforms(
    root: &Path,
    files: &[(PathBuf, bool)],
    split: SourceSplit,
    options: &LoadOptions,
) -> Result<Source> {
    let folder = options.images.as_ref();
    let looked_in = folder.map_or_else(|| root.to_path_buf(), |folder| root.join(folder));
    let images = ImageFolder::new(looked_in.clone());
    let mut source = Source {
        root: root.to_path_buf(),
        format: TRANSFORMS,
        views: Vec::new(),
        points: Vec::new(),
        split,
        looked_in,
        notes: Vec::new(),
        time_unit: times::TIMES,
        frame_rate: None,
    };
    for (path, held_out) in files {
        add_transforms(&mut source, path, *held_out, &images, options)?;
    }
    if source.views.is_empty() {
        return Err(Error::input(root, "no frame is left", "check `train_filenames` against `file_path`"));
    }
    if source.points.is_empty() {
        points::borrow_by_image(&mut source);
    }
    Ok(source)
}

/// Adds the frames of one file, of which all or those it lists itself are held out.
fn add_transforms(
    source: &mut Source,
    path: &Path,
    held_out: bool,
    images: &ImageFolder,
    options: &LoadOptions,
) -> Result<()> {
    let Transforms { frames, ply_file_path, train_filenames, test_filenames, frame_rate, notes } =
        transforms::read(path)?;
    source.frame_rate = source.frame_rate.or(frame_rate);
    for note in notes {
        if !source.notes.contains(&note) {
            source.notes.push(note);
        }
    }
    if let Some(ply) = ply_file_path.filter(|_| source.points.is_empty()) {
        read_ply_points(&source.root.join(&ply), source)?;
    }
    let mut left_out = 0;
    for frame in frames {
        let is_in = |names: &Vec<String>| names.contains(&frame.file_path);
        let in_test = test_filenames.as_ref().is_some_and(is_in);
        // A file that lists its training images means the others not to be used.
        if !in_test && !train_filenames.as_ref().is_none_or(is_in) {
            left_out += 1;
            continue;
        }
        if in_test && source.split == SourceSplit::Images {
            source.split = SourceSplit::Named(format!("named in {}", file_name(path)));
        }
        let view = view_from_frame(path, frame, images, options, held_out || in_test);
        source.views.push(view);
    }
    if left_out > 0 {
        let text = format!("{left_out} images are in neither list of {}", file_name(path));
        source.notes.push(Note::info(text));
    }
    Ok(())
}

fn view_from_frame(
    origin: &Path,
    frame: Frame,
    images: &ImageFolder,
    options: &LoadOptions,
    held_out: bool,
) -> SourceView {
    let json_folder = origin.parent().unwrap_or(Path::new("."));
    let relative = frame.file_path.trim_start_matches("./");
    let image_path = if options.images.is_some() {
        let inner = relative.split_once('/').map_or(relative, |(_, rest)| rest);
        images.find(inner).or_else(|| images.find(file_name(Path::new(relative)).as_str()))
    } else {
        images.find(relative)
    };
    // The name carries the extension even where the file leaves it out, so that sorting follows the files.
    let name = match &image_path {
        Some(found) if Path::new(relative).extension().is_none() => {
            let extension = found.extension().and_then(|e| e.to_str()).unwrap_or_default();
            format!("{relative}.{extension}")
        }
        _ => relative.to_owned(),
    };
    let mask_path = frame.mask_path.map(|mask| json_folder.join(mask)).or_else(|| find_mask(json_folder, "", &name));
    SourceView {
        name,
        viewmat: frame.viewmat,
        camera: frame.camera,
        lens: frame.lens,
        image_path,
        mask_path,
        time: frame.time,
        held_out,
        origin: origin.to_path_buf(),
    }
}

fn read_ply_points(path: &Path, source: &mut Source) -> Result<()> {
    if path.is_file() {
        source.points = ply::read_points(path)?;
    } else {
        source
            .notes
            .push(Note::warning(format!("the points {} are missing; starting from random ones", path.display())));
    }
    Ok(())
}

fn read_colmap(root: &Path, folder: &Path, others: &[PathBuf], options: &LoadOptions) -> Result<Source> {
    let model = colmap::read_model(folder)?;
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(Note::warning(format!(
            "{} models: {} has the most images ({}) and is used, the others are not",
            others.len() + 1,
            folder.display(),
            model.images.len()
        )));
    }
    let first = model.images.first().map(|image| image.name.clone()).unwrap_or_default();
    let photos = ImageFolder::new(colmap_images(root, &first, options));
    let views = views_from_model(&model, root, folder, &photos);
    let unregistered = photos.all().len().saturating_sub(views.len());
    if unregistered > 0 {
        notes.push(Note::info(format!(
            "{unregistered} images in {} have no pose and are not used",
            photos.path().display()
        )));
    }
    Ok(Source {
        root: root.to_path_buf(),
        format: COLMAP,
        views,
        points: model.points,
        split: SourceSplit::Images,
        looked_in: photos.path().to_path_buf(),
        notes,
        time_unit: times::FRAMES,
        frame_rate: None,
    })
}

fn views_from_model(model: &ColmapModel, root: &Path, folder: &Path, photos: &ImageFolder) -> Vec<SourceView> {
    // Masks lie beside the image folder, or inside the root if the images do.
    let beside = photos.path().parent().filter(|_| photos.path() != root).unwrap_or(root);
    let suffix = file_name(photos.path());
    let suffix = suffix.strip_prefix("images").unwrap_or_default();
    let is_binary = folder.join("images.bin").is_file();
    let origin = folder.join(if is_binary { "images.bin" } else { "images.txt" });
    let mut views = Vec::with_capacity(model.images.len());
    for image in &model.images {
        let Some((camera, lens)) = model.cameras.get(&image.camera_id) else {
            continue;
        };
        views.push(SourceView {
            name: image.name.clone(),
            viewmat: image.viewmat,
            camera: Declared::complete(camera),
            lens: *lens,
            image_path: photos.find(&image.name),
            mask_path: find_mask(beside, suffix, &image.name),
            time: None,
            held_out: false,
            origin: origin.clone(),
        });
    }
    views
}

/// The image folder of a project: the user's, `images`, a reduced copy, or wherever the first image lies.
///
/// The model itself may be what the user pointed at, so the two folders above it are searched as well.
fn colmap_images(root: &Path, first: &str, options: &LoadOptions) -> PathBuf {
    if let Some(folder) = &options.images {
        return root.join(folder);
    }
    for base in root.ancestors().take(3) {
        for name in ["images", "images_2", "images_4", "images_8", "input"] {
            let folder = base.join(name);
            if folder.is_dir() {
                return folder;
            }
        }
        if !first.is_empty() && base.join(first).is_file() {
            return base.to_path_buf();
        }
    }
    root.join("images")
}

fn file_name(path: &Path) -> String {
    let name = path.file_name();
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
