//! Which views are held out: the source's own split, else `test.txt`, else every n-th by name; where cameras stand still,
//! the first or every n-th of them, with all their frames.

use super::camera::View;
use super::dataset::{LoadOptions, Note};
use super::detect::{Source, SourceSplit};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Training views, held-out views, and how they were told apart.
type Split = (Vec<View>, Vec<View>, String);

/// Splits name-sorted views; the flag of each says whether the source itself holds it out.
pub(crate) fn split_views(
    source: &Source,
    views: Vec<(View, bool)>,
    options: &LoadOptions,
    notes: &mut Vec<Note>,
) -> Result<Split> {
    let (held_out, how) = choose(source, &views, options, notes)?;
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for ((view, _), held_out) in views.into_iter().zip(held_out) {
        if held_out {
            test.push(view);
        } else {
            train.push(view);
        }
    }
    if train.is_empty() {
        return Err(Error::settings(
            format!("all {} images are held out ({how}), none is left to train on", test.len()),
            "hold out fewer images, for instance every 8th",
        ));
    }
    Ok((train, test, how))
}

fn choose(
    source: &Source,
    views: &[(View, bool)],
    options: &LoadOptions,
    notes: &mut Vec<Note>,
) -> Result<(Vec<bool>, String)> {
    if let SourceSplit::Named(how) = &source.split {
        return Ok((views.iter().map(|(_, held_out)| *held_out).collect(), how.clone()));
    }
    let by_camera = matches!(source.split, SourceSplit::Cameras | SourceSplit::FirstCamera);
    if let Some((path, names)) = test_list(&source.root)? {
        let matches = |view: &View, name: &str| is_listed(&view.name, name) || by_camera && name == camera_of(view);
        let flags: Vec<bool> = views.iter().map(|(view, _)| names.iter().any(|name| matches(view, name))).collect();
        if !flags.contains(&true) && !names.is_empty() {
            return Err(Error::input(
                path,
                format!("none of the {} names belongs to an image of the data set", names.len()),
                "write one image name per line, or remove the file",
            ));
        }
        let unknown = names.iter().filter(|name| !views.iter().any(|(view, _)| matches(view, name))).count();
        if unknown > 0 {
            notes.push(Note::warning(format!("{}: {unknown} of {} names match no image", path.display(), names.len())));
        }
        return Ok((flags, "named in test.txt".to_owned()));
    }
    if options.test_every == 0 || views.len() < 2 {
        return Ok((vec![false; views.len()], "no image is held out".to_owned()));
    }
    let every = options.test_every as usize;
    if by_camera {
        return Ok(choose_cameras(source.split == SourceSplit::FirstCamera, views, every));
    }
    let flags = (0..views.len()).map(|index| index % every == 0).collect();
    Ok((flags, format!("one image in {every} by name, from the first")))
}

/// Holds out whole cameras: only the first, or every n-th from the first.
fn choose_cameras(only_first: bool, views: &[(View, bool)], every: usize) -> (Vec<bool>, String) {
    let mut cameras: Vec<&str> = views.iter().map(|(view, _)| camera_of(view)).collect();
    cameras.dedup();
    let first = cameras.first().copied().unwrap_or_default();
    if cameras.len() < 2 {
        return (vec![false; views.len()], "no camera is held out, there is only one".to_owned());
    }
    let held_out: Vec<&str> = cameras.iter().copied().step_by(if only_first { cameras.len() } else { every }).collect();
    let flags = views.iter().map(|(view, _)| held_out.contains(&camera_of(view))).collect();
    let how = match (only_first, held_out.len()) {
        (true, _) => format!("the first of {} cameras ({first}), as usual for this layout", cameras.len()),
        (false, 1) => format!("the first of {} cameras ({first})", cameras.len()),
        (false, _) => format!("one camera in {every} by name, from the first ({first})"),
    };
    (flags, how)
}

/// The camera of a view whose name begins with it.
fn camera_of(view: &View) -> &str {
    view.name.split('/').next().unwrap_or_default()
}

fn test_list(root: &Path) -> Result<Option<(PathBuf, Vec<String>)>> {
    for place in ["test.txt", "sparse/0/test.txt"] {
        let path = root.join(place);
        if path.is_file() {
            let text = std::fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
            let text = String::from_utf8_lossy(&text);
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let names = lines.map(str::to_owned).collect();
            return Ok(Some((path, names)));
        }
    }
    Ok(None)
}

/// Lists name images with or without folder and extension.
fn is_listed(name: &str, entry: &str) -> bool {
    let path = Path::new(name);
    let base = path.file_name().and_then(|n| n.to_str()).unwrap_or(name);
    let stem = path.file_stem().and_then(|n| n.to_str()).unwrap_or(name);
    entry == name || entry == base || entry == stem
}
