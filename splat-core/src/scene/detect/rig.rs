//! Scenes filmed by fixed cameras, each with one pose for all its frames: Neural 3D Video (`poses_bounds.npy`) and the
//! camera folders of 4DGaussians with a COLMAP model of one instant. Forward-facing photos of LLFF, which share the pose
//! file of the former, are here as well.

use super::{Source, SourceSplit, SourceView, points};
use crate::error::{Error, Result};
use crate::scene::dataset::{LoadOptions, Note};
use crate::scene::files::{ImageFolder, find_mask};
use crate::scene::io::colmap::{self, ColmapModel};
use crate::scene::io::frames::{self, CameraFiles};
use crate::scene::io::poses_bounds::{self, PosedCamera};
use crate::scene::io::transforms::Declared;
use crate::scene::lens::Lens;
use crate::scene::{io::ply, names, times};
use glam::DAffine3;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) const LLFF: &str = "LLFF";
pub(super) const NEURAL_3D_VIDEO: &str = "Neural 3D Video";
pub(super) const CAMERA_FOLDERS: &str = "camera folders with COLMAP";
/// Dense points that 4DGaussians makes beside the model.
const DENSE_POINTS: &str = "points3D_multipleview.ply";

/// Whether the cameras of Neural 3D Video lie in a folder.
pub(super) fn has_cameras(root: &Path) -> bool {
    !frames::cameras(root).is_empty()
}

/// The model of a scene in camera folders, if there are some.
pub(super) fn find_model(root: &Path) -> Option<PathBuf> {
    if frames::cameras(root).len() < 2 {
        return None;
    }
    let named = root.join("sparse_");
    if colmap::is_model(&named) {
        return Some(named);
    }
    colmap::find_model(root).map(|(model, _)| model)
}

/// Reads what `poses_bounds.npy` poses: cameras if there are any, otherwise photos.
pub(super) fn read_poses_bounds(root: &Path, file: &Path, options: &LoadOptions) -> Result<Source> {
    let rows = poses_bounds::read(file)?;
    let base = options.images.as_ref().map_or_else(|| root.to_path_buf(), |folder| root.join(folder));
    let cameras = frames::cameras(&base);
    if cameras.is_empty() {
        return read_photos(root, file, &rows, options);
    }
    let mut source = source(root, NEURAL_3D_VIDEO, &base, SourceSplit::FirstCamera);
    if rows.len() != cameras.len() {
        let (first, last) = (cameras.first(), cameras.last());
        let names = first.zip(last).map(|(a, b)| format!("{} to {}", a.name, b.name)).unwrap_or_default();
        return Err(Error::input(
            file,
            format!("{} rows, but {} cameras ({names}) in {}", rows.len(), cameras.len(), base.display()),
            "there must be a row for every camera, sorted by name: restore what is missing or remove what is too much",
        ));
    }
    warn_of_order(&mut source, &cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>());
    let posed = cameras.iter().zip(&rows).map(|(camera, row)| {
        (camera, Pose { viewmat: row.viewmat, camera: Declared::complete(&row.intrinsics), lens: Lens::Pinhole })
    });
    add_frames(&mut source, &base, posed, file)?;
    points::borrow_by_camera(&mut source, cameras.len(), |model| {
        let pose = |camera: usize| rows.get(camera).map(|row| row.viewmat);
        match_cameras(model, &cameras).into_iter().map(|camera| camera.and_then(pose)).collect()
    });
    Ok(source)
}

/// Reads camera folders by a model with one image per camera. `None` if its images are no such thing, but photos of
/// an ordinary COLMAP scene.
pub(super) fn read_camera_folders(root: &Path, folder: &Path, options: &LoadOptions) -> Result<Option<Source>> {
    let model = colmap::read_model(folder)?;
    let base = options.images.as_ref().map_or_else(|| root.to_path_buf(), |folder| root.join(folder));
    let cameras = frames::cameras(&base);
    let matched = match_cameras(&model, &cameras);
    let posed: Vec<_> = model.images.iter().zip(&matched).filter_map(|(image, at)| Some((image, (*at)?))).collect();
    let distinct: BTreeSet<usize> = posed.iter().map(|(_, camera)| *camera).collect();
    if distinct.len() < posed.len() {
        return Ok(None);
    }
    if posed.is_empty() {
        let first = model.images.first().map(|image| image.name.clone()).unwrap_or_default();
        let photos = ImageFolder::new(super::colmap_images(root, &first, options));
        if photos.find(&first).is_some() {
            return Ok(None);
        }
        return Err(Error::input(
            folder,
            format!(
                "none of its {} images ({first}, ..) has the name or number of one of the {} cameras ({}, ..)",
                model.images.len(),
                cameras.len(),
                some(cameras.iter().map(|camera| camera.name.as_str()))
            ),
            "name the images of the model after the folders, such as cam01.jpg or image1.jpg for cam01",
        ));
    }
    let mut source = source(root, CAMERA_FOLDERS, &base, SourceSplit::Cameras);
    let stray = model.images.len() - posed.len();
    if stray > 0 {
        let others = model.images.iter().zip(&matched).filter(|(_, camera)| camera.is_none());
        let others = some(others.map(|(image, _)| image.name.as_str()));
        let text = format!("{stray} images of {} belong to no camera folder: {others}", folder.display());
        source.notes.push(Note::warning(text));
    }
    let unposed = cameras.len() - posed.len();
    if unposed > 0 {
        let others = cameras.iter().enumerate().filter(|(index, _)| !distinct.contains(index));
        let others = some(others.map(|(_, camera)| camera.name.as_str()));
        let text = format!("{unposed} cameras have no pose in {} and are not used: {others}", folder.display());
        source.notes.push(Note::warning(text));
    }
    let mut posed: Vec<(&CameraFiles, Pose)> = posed
        .into_iter()
        .filter_map(|(image, at)| {
            let (intrinsics, lens) = model.cameras.get(&image.camera_id)?;
            let pose = Pose { viewmat: image.viewmat, camera: Declared::complete(intrinsics), lens: *lens };
            Some((cameras.get(at)?, pose))
        })
        .collect();
    posed.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    add_frames(&mut source, &base, posed.into_iter(), folder)?;
    let dense = root.join(DENSE_POINTS);
    source.points = if dense.is_file() { ply::read_points(&dense)? } else { model.points };
    Ok(Some(source))
}

/// The first few names.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.take(3).collect::<Vec<_>>().join(", ")
}

/// Forward-facing photos, one row each.
fn read_photos(root: &Path, file: &Path, rows: &[PosedCamera], options: &LoadOptions) -> Result<Source> {
    let candidates: Vec<PathBuf> = match &options.images {
        Some(folder) => vec![root.join(folder)],
        None => ["images", "images_2", "images_4", "images_8"].map(|name| root.join(name)).to_vec(),
    };
    let mut found = Vec::new();
    for folder in candidates {
        let images = frames::images_in(&folder)?;
        if !images.is_empty() {
            found.push((folder, images));
        }
    }
    let Some((first, images)) = found.first() else {
        return Err(Error::input(
            file,
            format!("{} poses, but no images in the folder images, nor cameras (cam00, cam01, ..)", rows.len()),
            "restore the images, or name their folder with --images",
        ));
    };
    let Some((folder, photos)) = found.iter().find(|(_, images)| images.len() == rows.len()) else {
        return Err(Error::input(
            file,
            format!("{} rows, but {} images in {}", rows.len(), images.len(), first.display()),
            "there must be a row for every image, sorted by name: remove the images that were not posed",
        ));
    };
    let mut source = source(root, LLFF, folder, SourceSplit::Images);
    if folder != first {
        source.notes.push(Note::info(format!(
            "the photos are those of {}: in {} there are {} for {} poses",
            folder.display(),
            first.display(),
            images.len(),
            rows.len()
        )));
    }
    let names: Vec<String> = photos.iter().map(|path| super::file_name(path)).collect();
    warn_of_order(&mut source, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let suffix = super::file_name(folder);
    let suffix = suffix.strip_prefix("images").unwrap_or_default();
    for ((name, path), row) in names.into_iter().zip(photos).zip(rows) {
        source.views.push(SourceView {
            viewmat: row.viewmat,
            camera: Declared::complete(&row.intrinsics),
            lens: Lens::Pinhole,
            image_path: Some(path.clone()),
            mask_path: find_mask(root, suffix, &name),
            name,
            time: None,
            held_out: false,
            origin: file.to_path_buf(),
        });
    }
    points::borrow_by_image(&mut source);
    Ok(source)
}

fn source(root: &Path, format: &'static str, looked_in: &Path, split: SourceSplit) -> Source {
    Source {
        root: root.to_path_buf(),
        format,
        views: Vec::new(),
        points: Vec::new(),
        split,
        looked_in: looked_in.to_path_buf(),
        notes: Vec::new(),
        time_unit: times::FRAMES,
        frame_rate: None,
    }
}

/// What all frames of a camera share.
struct Pose {
    viewmat: DAffine3,
    camera: Declared,
    lens: Lens,
}

/// Adds all frames of all cameras; the number of a frame is its time.
fn add_frames<'a>(
    source: &mut Source,
    base: &Path,
    cameras: impl Iterator<Item = (&'a CameraFiles, Pose)>,
    origin: &Path,
) -> Result<()> {
    let mut extracted = Vec::new();
    let mut found = Vec::new();
    for (camera, pose) in cameras {
        found.push((camera, pose, camera.frames(base, &mut extracted)?));
    }
    if let Some(first) = extracted.first() {
        let text = format!("frames of {} videos were extracted, into {} and so on", extracted.len(), first.display());
        source.notes.push(Note::info(text));
    }
    let all: Vec<&str> = found.iter().flat_map(|(_, _, frames)| frames.iter().map(|(name, _)| name.as_str())).collect();
    let numbered = names::numbers(&all).is_some();
    let mut numbers = names::frames(&all).into_iter();
    let mut filmed: Vec<(&str, BTreeSet<u64>)> = Vec::new();
    for (camera, pose, frames) in found {
        let own: Vec<f64> = numbers.by_ref().take(frames.len()).collect();
        for ((name, path), &number) in frames.into_iter().zip(&own) {
            source.views.push(SourceView {
                viewmat: pose.viewmat,
                camera: pose.camera,
                lens: pose.lens,
                image_path: Some(path),
                mask_path: find_mask(&source.root, "", &name),
                name,
                time: Some(number),
                held_out: false,
                origin: origin.to_path_buf(),
            });
        }
        // Numbers of frames are whole, so this loses nothing.
        filmed.push((camera.name.as_str(), own.into_iter().map(|number| number as u64).collect()));
    }
    check_frames(source, base, &filmed, numbered)
}

/// Frames that some cameras lack: harmless where names number them, for they keep their times; otherwise their order is
/// all that tells the time, and is wrong after a gap.
fn check_frames(source: &mut Source, base: &Path, filmed: &[(&str, BTreeSet<u64>)], numbered: bool) -> Result<()> {
    let all: BTreeSet<u64> = filmed.iter().flat_map(|(_, frames)| frames.iter().copied()).collect();
    let mut incomplete = filmed.iter().filter(|(_, frames)| frames.len() < all.len());
    let Some((name, frames)) = incomplete.next() else {
        return Ok(());
    };
    let others = incomplete.count();
    if !numbered {
        return Err(Error::input(
            base,
            format!(
                "{name} has {} frames, another camera {}, and their names do not number them",
                frames.len(),
                all.len()
            ),
            "number the frames in their names, the same in all cameras, or restore what is missing",
        ));
    }
    let missing: Vec<String> = all.difference(frames).take(3).map(u64::to_string).collect();
    let more = if all.len() - frames.len() > missing.len() { ", .." } else { "" };
    let lacking = all.len() - frames.len();
    let others = if others > 0 { format!(", and {others} other cameras lack some as well") } else { String::new() };
    source.notes.push(Note::warning(format!(
        "{name} lacks {lacking} of {} frames ({}{more}){others}",
        all.len(),
        missing.join(", ")
    )));
    Ok(())
}

/// Rows belong to names sorted as text, as in Python; numbers of different length are not where people expect them.
fn warn_of_order(source: &mut Source, sorted: &[&str]) {
    let mut natural = sorted.to_vec();
    natural.sort_by(|a, b| names::natural(a, b));
    if natural != sorted {
        let first = sorted.iter().zip(&natural).find(|(a, b)| a != b).map(|(a, b)| format!("{a} before {b}"));
        let text = format!("rows of the poses are taken to follow names as text: {}", first.unwrap_or_default());
        source.notes.push(Note::warning(text));
    }
}

/// The camera that each image of a model belongs to: the one it is named after (`cam01_0000.png`, `cam01/0000.png`), or,
/// where no image is, the one that has its number (`image1.jpg`), unless two images have the same.
fn match_cameras(model: &ColmapModel, cameras: &[CameraFiles]) -> Vec<Option<usize>> {
    let named: Vec<Option<usize>> = model
        .images
        .iter()
        .map(|image| cameras.iter().position(|camera| is_named_after(&image.name, &camera.name)))
        .collect();
    if named.iter().any(Option::is_some) {
        return named;
    }
    let numbers: Vec<Option<u32>> = cameras.iter().map(|camera| frames::camera_number(&camera.name)).collect();
    let mut taken = BTreeSet::new();
    let mut by_number = Vec::with_capacity(model.images.len());
    for image in &model.images {
        let number = names::frame_number(&image.name).and_then(|number| u32::try_from(number).ok());
        let camera = number.and_then(|number| numbers.iter().position(|own| *own == Some(number)));
        if camera.is_some_and(|camera| !taken.insert(camera)) {
            return named;
        }
        by_number.push(camera);
    }
    by_number
}

fn is_named_after(image: &str, camera: &str) -> bool {
    image.split(['/', '\\']).any(|part| {
        let rest = part.get(camera.len()..);
        part.get(..camera.len()).is_some_and(|start| start.eq_ignore_ascii_case(camera))
            && rest.is_none_or(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}
