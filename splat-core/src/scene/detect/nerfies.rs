//! Captures of Nerfies, HyperNeRF and DyCheck: one moving camera, or a few, with a time for every image.

use super::{Source, SourceSplit, SourceView};
use crate::error::{Error, Result};
use crate::scene::dataset::{LoadOptions, Note};
use crate::scene::files::{ImageFolder, find_mask};
use crate::scene::io::nerfies::{self, Camera, Listed, World};
use crate::scene::io::transforms::Declared;
use crate::scene::times;
use crate::settings::TimeSource;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const NERFIES: &str = "Nerfies";

/// Whether a folder holds such a capture beyond doubt; COLMAP models may lie in it, from which it was made.
pub(super) fn is_capture(root: &Path) -> bool {
    root.join("dataset.json").is_file() && root.join("camera").is_dir()
}

/// Reads the capture whose `dataset.json` lies in `root`.
pub(super) fn read(root: &Path, options: &LoadOptions) -> Result<Source> {
    if !root.join("camera").is_dir() {
        return Err(Error::input(
            root,
            "dataset.json of a Nerfies capture, but no folder camera beside it",
            "restore the cameras, or give a folder with transforms.json or a COLMAP model (sparse/0)",
        ));
    }
    let Listed { train, test, how, unused } = nerfies::read_ids(&root.join("dataset.json"))?;
    let (folder, factor) = image_folder(root, options)?;
    let mut notes = vec![Note::info(format!("the photos are those of {}", folder.display()))];
    if unused > 0 {
        notes.push(Note::info(format!("{unused} images of dataset.json are neither trained on nor held out")));
    }
    let world = optional(root, "scene.json", "the world is not centred", &mut notes).map(|path| World::read(&path));
    let world = world.transpose()?.unwrap_or(World::UNCHANGED);
    let times = match options.time {
        TimeSource::Auto => optional(root, "metadata.json", "no image has a time", &mut notes),
        TimeSource::Names | TimeSource::None => None,
    };
    let times = times.map(|path| times_of(&path, train.iter().chain(&test))).transpose()?;
    let images = ImageFolder::new(folder.clone());
    let mut views = Vec::with_capacity(train.len() + test.len());
    let all = train.iter().map(|id| (id, false)).chain(test.iter().map(|id| (id, true)));
    for (id, held_out) in all {
        let origin = root.join("camera").join(format!("{id}.json"));
        let Camera { viewmat, intrinsics, lens } = nerfies::read_camera(&origin, &world, factor)?;
        let image_path = images.find(&format!("{id}.png"));
        let extension = image_path.as_ref().and_then(|path| path.extension()?.to_str()).unwrap_or("png");
        let name = format!("{id}.{extension}");
        views.push(SourceView {
            viewmat,
            camera: Declared::complete(&intrinsics),
            lens,
            image_path,
            mask_path: find_mask(root, "", &name),
            name,
            time: times.as_ref().and_then(|times| times.get(id)).copied(),
            held_out,
            origin,
        });
    }
    let points = root.join("points.npy");
    let points = if points.is_file() { nerfies::read_points(&points, &world)? } else { Vec::new() };
    Ok(Source {
        root: root.to_path_buf(),
        format: NERFIES,
        views,
        points,
        split: SourceSplit::Named(how),
        looked_in: folder,
        notes,
        time_unit: times::FRAMES,
        frame_rate: None,
    })
}

/// A file of the capture; a note says what follows from its absence.
fn optional(root: &Path, name: &str, otherwise: &str, notes: &mut Vec<Note>) -> Option<PathBuf> {
    let path = root.join(name);
    if path.is_file() {
        return Some(path);
    }
    notes.push(Note::warning(format!("{name} is missing: {otherwise}")));
    None
}

/// The times of all images in use.
fn times_of<'a>(path: &Path, mut ids: impl Iterator<Item = &'a String>) -> Result<BTreeMap<String, f64>> {
    let times = nerfies::read_times(path)?;
    if let Some(id) = ids.find(|id| !times.contains_key(*id)) {
        let problem = format!("nothing about the image {id}, which dataset.json lists");
        let remedy = "add it; `data.time = \"none\"` trains on all images as if nothing moved";
        return Err(Error::input(path, problem, remedy));
    }
    Ok(times)
}

/// The folder of images and by how much they are smaller than the cameras say: half size, as papers do, or else the
/// largest there is.
fn image_folder(root: &Path, options: &LoadOptions) -> Result<(PathBuf, f64)> {
    if let Some(folder) = &options.images {
        let folder = root.join(folder);
        let factor = factor(&folder).unwrap_or(1);
        return Ok((folder, factor.into()));
    }
    let rgb = root.join("rgb");
    let folders = std::fs::read_dir(&rgb).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut scaled: Vec<(u32, PathBuf)> =
        folders.filter(|path| path.is_dir()).filter_map(|path| Some((factor(&path)?, path))).collect();
    scaled.sort();
    let half = scaled.iter().find(|(factor, _)| *factor == 2);
    match half.or_else(|| scaled.first()) {
        Some((factor, folder)) => Ok((folder.clone(), f64::from(*factor))),
        None => Err(Error::input(
            rgb,
            "no folder of images such as 1x or 2x",
            "restore the images, or name their folder with --images",
        )),
    }
}

/// 4 of `rgb/4x`.
fn factor(folder: &Path) -> Option<u32> {
    let name = folder.file_name()?.to_str()?;
    name.strip_suffix('x')?.parse().ok().filter(|&factor| factor > 0)
}
