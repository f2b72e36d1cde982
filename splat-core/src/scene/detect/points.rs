//! Points of a COLMAP model that lies beside the poses, if both have the same world.

use super::{Source, file_name};
use crate::scene::dataset::Note;
use crate::scene::io::colmap::{self, ColmapModel};
use glam::{DAffine3, DVec3};
use std::path::Path;

/// Takes the points of a model whose images have the names of ours.
pub(super) fn borrow_by_image(source: &mut Source) {
    let Some((folder, _)) = colmap::find_model(&source.root) else {
        return;
    };
    let Ok(model) = colmap::read_model(&folder) else {
        return;
    };
    let mut pairs = Vec::new();
    for view in &source.views {
        let wanted = file_name(Path::new(&view.name));
        if let Some(image) = model.images.iter().find(|image| file_name(Path::new(&image.name)) == wanted) {
            pairs.push((position(&view.viewmat), position(&image.viewmat)));
        }
    }
    if !pairs.is_empty() {
        let wanted = source.views.len();
        take(source, &folder, model, &pairs, wanted);
    }
}

/// Takes the points of a model whose images belong to our cameras, of which there are `wanted`: `match_images` tells
/// where the camera of each image stands.
pub(super) fn borrow_by_camera(
    source: &mut Source,
    wanted: usize,
    match_images: impl Fn(&ColmapModel) -> Vec<Option<DAffine3>>,
) {
    let Some((folder, _)) = colmap::find_model(&source.root) else {
        return;
    };
    let model = match colmap::read_model(&folder) {
        Ok(model) => model,
        Err(error) => {
            source.notes.push(Note::warning(format!("no points: {error}")));
            return;
        }
    };
    let own = match_images(&model);
    let pairs: Vec<_> = own
        .iter()
        .zip(&model.images)
        .filter_map(|(own, image)| Some((position(own.as_ref()?), position(&image.viewmat))))
        .collect();
    if pairs.is_empty() {
        let text = format!("the points in {} are not used: its images are named after no camera", folder.display());
        source.notes.push(Note::info(text));
    } else {
        take(source, &folder, model, &pairs, wanted);
    }
}

fn take(source: &mut Source, folder: &Path, model: ColmapModel, pairs: &[(DVec3, DVec3)], wanted: usize) {
    let Some(&(first, _)) = pairs.first() else {
        return;
    };
    let reach = pairs.iter().map(|(a, _)| a.distance(first)).fold(0.0, f64::max);
    let gap = pairs.iter().map(|(a, b)| a.distance(*b)).fold(0.0, f64::max);
    let enough = pairs.len() >= 3 && 2 * pairs.len() >= wanted;
    if enough && gap <= 0.01 * reach {
        source.notes.push(Note::info(format!("{} points taken from {}", model.points.len(), folder.display())));
        source.points = model.points;
    } else {
        source.notes.push(Note::info(format!("the points in {} are in another frame and not used", folder.display())));
    }
}

fn position(viewmat: &DAffine3) -> DVec3 {
    viewmat.inverse().translation
}
