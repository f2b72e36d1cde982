//! Remarks about a data set that loads but may not train well.
//!
//! Each check answers one question people ask after a bad result; none of them changes the data.

use super::camera::View;
use super::dataset::{Dataset, Note};
use super::decode;
use crate::error::Result;
use glam::DVec3;
use std::collections::BTreeMap;

/// Points and cameras looked at by the visibility check; more would only slow it down.
const VISIBILITY_POINTS: usize = 2000;
const VISIBILITY_VIEWS: usize = 200;
/// Share of points some camera should see [COLMAP keeps no point that fewer than two images show].
const VISIBLE_SHARE: f64 = 0.9;
/// A camera this many times further from the middle than the median one is suspicious.
const OUTLIER_FACTOR: f64 = 10.0;
/// Images with an edge below this carry too little detail.
const TINY_EDGE: u32 = 64;
/// Masks decoded to estimate how much is ignored.
const MASKS_SAMPLED: usize = 8;
/// A mask set that ignores more than this is probably inverted.
const IGNORED_SHARE: f64 = 0.8;

/// All remarks, in a fixed order.
pub(crate) fn examine(dataset: &Dataset) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    notes.extend(unseen_points(dataset));
    notes.extend(duplicate_views(dataset));
    notes.extend(outliers(&dataset.train));
    notes.extend(tiny_images(dataset));
    notes.extend(mask_coverage(dataset)?);
    if dataset.test.is_empty() {
        notes.push(Note::info("no image is held out: quality cannot be measured on unseen views"));
    }
    if dataset.train.len() < 3 {
        notes.push(Note::warning(format!("{} training images are too few to fix a shape", dataset.train.len())));
    }
    Ok(notes)
}

fn unseen_points(dataset: &Dataset) -> Option<Note> {
    let point_step = dataset.points.len().div_ceil(VISIBILITY_POINTS).max(1);
    let all: Vec<&View> = dataset.views().collect();
    let view_step = all.len().div_ceil(VISIBILITY_VIEWS).max(1);
    let views: Vec<&View> = all.into_iter().step_by(view_step).collect();
    let (mut seen, mut total) = (0_usize, 0_usize);
    for point in dataset.points.iter().step_by(point_step) {
        let position = DVec3::from_array(point.position.map(f64::from));
        total += 1;
        seen += usize::from(views.iter().any(|view| view.sees(position)));
    }
    let share = seen as f64 / total.max(1) as f64;
    (total > 0 && share < VISIBLE_SHARE).then(|| {
        Note::warning(format!(
            "{:.0} % of the points are seen by no camera: the poses or their axes may be wrong",
            100.0 * (1.0 - share)
        ))
    })
}

fn duplicate_views(dataset: &Dataset) -> Vec<Note> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut poses: BTreeMap<[u64; 12], usize> = BTreeMap::new();
    // Adding zero makes -0 equal to 0.
    for view in dataset.views() {
        *names.entry(&view.name).or_default() += 1;
        *poses.entry(view.viewmat.to_cols_array().map(|v| (v + 0.0).to_bits())).or_default() += 1;
    }
    let extra_names: usize = names.values().map(|count| count - 1).sum();
    let extra_poses: usize = poses.values().map(|count| count - 1).sum();
    let is_video = dataset.train.iter().any(|view| view.time.is_some());
    let mut notes = Vec::new();
    if extra_names > 0 {
        notes.push(Note::warning(format!("{extra_names} images are listed more than once")));
    }
    if extra_poses > 0 && !is_video {
        notes.push(Note::warning(format!("{extra_poses} images have exactly the pose of another one")));
    }
    notes
}

fn outliers(views: &[View]) -> Option<Note> {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let positions: Vec<DVec3> = views.iter().map(View::position).collect();
    let middle = DVec3::new(
        median(positions.iter().map(|p| p.x).collect()),
        median(positions.iter().map(|p| p.y).collect()),
        median(positions.iter().map(|p| p.z).collect()),
    );
    let distances: Vec<f64> = positions.iter().map(|p| p.distance(middle)).collect();
    let typical = median(distances.clone());
    let far: Vec<&str> = views
        .iter()
        .zip(&distances)
        .filter(|(_, distance)| typical > 0.0 && **distance > OUTLIER_FACTOR * typical)
        .map(|(view, _)| view.name.as_str())
        .collect();
    let first = far.first()?;
    Some(Note::warning(format!(
        "{} cameras stand more than {OUTLIER_FACTOR} times further out than usual, for instance {first}: their poses may be wrong",
        far.len()
    )))
}

fn tiny_images(dataset: &Dataset) -> Option<Note> {
    let tiny = dataset.views().filter(|view| view.width.min(view.height) < TINY_EDGE).count();
    (tiny > 0).then(|| Note::warning(format!("{tiny} images are smaller than {TINY_EDGE} pixels along an edge")))
}

fn mask_coverage(dataset: &Dataset) -> Result<Option<Note>> {
    let masked: Vec<&View> = dataset.train.iter().filter(|view| view.mask_path.is_some()).collect();
    let step = masked.len().div_ceil(MASKS_SAMPLED).max(1);
    let (mut ignored, mut total) = (0_usize, 0_usize);
    for view in masked.iter().step_by(step) {
        if let Some(path) = &view.mask_path {
            let mask = decode::decode_mask(path, view.orientation, view.source.width, view.source.height)?;
            ignored += mask.iter().filter(|&&used| used == 0).count();
            total += mask.len();
        }
    }
    if total == 0 {
        return Ok(None);
    }
    let share = ignored as f64 / total as f64;
    let text = format!("masks ignore {:.0} % of the pixels (black = ignore)", 100.0 * share);
    Ok(Some(if share > IGNORED_SHARE {
        Note::warning(format!("{text}: they may be inverted"))
    } else {
        Note::info(text)
    }))
}
