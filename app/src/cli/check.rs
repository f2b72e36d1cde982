//! `splat export --check`: how much a written file differs to the eye from what it was written from.
//!
//! Both are rendered from the same cameras, and the pictures compared in eight bits, as people see them: those of the
//! scene that were held out from training, else those trained on, else a circle around the splats.

use std::fmt;

use anyhow::Result;
use glam::DVec3;
use splat_core::camera_path::{Orbit, Sphere};
use splat_core::formats::{SplatSource, load_splats, read_all};
use splat_core::metrics::compare;
use splat_core::model::RasterOptions;
use splat_core::render::{Image, Renderer};
use splat_core::scene::{SplatCloud, View};

use super::args::{ExportArgs, SceneArgs};
use super::progress::Reporter;
use super::target::{self, Target};

/// Most cameras of a scene that are looked through, spread over all.
const MOST_VIEWS: usize = 24;
/// Longest edge of a picture: the pictures of one file are kept until the other one is on the device.
const LONGEST_EDGE: u32 = 1280;
/// Cameras around splats whose scene is not known.
const AROUND: usize = 12;
/// Their pictures.
const AROUND_SIZE: (u32, u32) = (800, 600);
/// Their vertical field of view, degrees.
const AROUND_FOV: f64 = 50.0;

/// How much two files differ, over all views.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// What was looked at.
    views: String,
    /// PSNR in dB, mean and least over the views; none when all pictures are equal byte for byte.
    psnr: Option<(f64, f64)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.psnr {
            None => write!(f, "identical pictures from {}", self.views),
            Some((mean, least)) => {
                write!(f, "differs from the source by {mean:.2} dB PSNR, {least:.2} dB at worst, from {}", self.views)
            }
        }
    }
}

/// Reads the written file back and compares it; to the splats as they are at a moment, if it was written at one.
pub(super) fn check(
    args: &ExportArgs,
    target: &Target,
    source: &dyn SplatSource,
    moment: Option<f64>,
    reporter: &mut Reporter,
    go_on: &dyn Fn() -> splat_core::Result<()>,
) -> Result<Difference> {
    reporter.status("comparing");
    let mut original = read_all(source, &mut |_| go_on())?;
    if let Some(moment) = moment {
        original = original.at(moment);
    }
    let sphere = Sphere::of_splats(&original);
    let (mut views, named) = views(target, sphere)?;
    tell_times(&mut views);
    let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile)?;
    let raster = target.raster_options(&original, &SceneArgs::default(), sphere.radius);
    let background = target.background();
    let total = 2 * views.len();
    let mut done = 0;
    let mut pictures = |cloud: &SplatCloud, raster: RasterOptions| -> Result<Vec<Image>> {
        let mut renderer = Renderer::new(&gpu, cloud, raster)?;
        let mut images = Vec::with_capacity(views.len());
        for view in &views {
            go_on()?;
            images.push(renderer.render(view, background)?);
            done += 1;
            reporter.share("comparing", done as f64 / total as f64);
        }
        Ok(images)
    };
    let before = pictures(&original, raster)?;
    drop(original);
    let written = load_splats(&args.output, &mut |_| go_on())?;
    // A run's settings say how it is drawn; a file that does not say the same is drawn differently elsewhere.
    let after = pictures(&written, RasterOptions { antialias: written.antialiased, ..raster })?;
    Ok(Difference { views: named, psnr: psnr(&before, &after) })
}

/// The cameras to look through, and what to call them.
fn views(target: &Target, sphere: Sphere) -> Result<(Vec<View>, String)> {
    // A scene that has moved away is no reason to compare nothing.
    let dataset = target.run.as_ref().and_then(|_| target.dataset(&SceneArgs::default()).ok());
    if let Some(dataset) = dataset {
        let (all, what) = match (&dataset.test, &dataset.train) {
            (test, _) if !test.is_empty() => (test, "held-out cameras"),
            (_, train) => (train, "cameras it was trained on"),
        };
        if !all.is_empty() {
            let chosen: Vec<View> = spread(all).map(|view| fitted(view, LONGEST_EDGE)).collect();
            let named = format!("{} {what}", chosen.len());
            return Ok((chosen, named));
        }
    }
    // One frame a second, in as many seconds as there are cameras.
    let path = Orbit::around(sphere, DVec3::NEG_Y, AROUND_FOV).path(AROUND as f64, AROUND_FOV)?;
    let (width, height) = AROUND_SIZE;
    let times = (0..AROUND).map(|index| path.start() + index as f64);
    let views = times.map(|time| path.view(time, width, height)).collect::<splat_core::Result<Vec<View>>>()?;
    Ok((views, format!("{AROUND} cameras around it")))
}

/// Gives cameras that know no time the whole of it, one after the other.
fn tell_times(views: &mut [View]) {
    let last = views.len().max(2) - 1;
    for (index, view) in views.iter_mut().enumerate() {
        view.time = view.time.or(Some(index as f64 / last as f64));
    }
}

/// At most [`MOST_VIEWS`] of them, evenly spread.
fn spread(views: &[View]) -> impl Iterator<Item = &View> {
    let count = views.len().min(MOST_VIEWS);
    (0..count).filter_map(move |index| views.get(index * views.len() / count))
}

/// The view at a size of at most `edge`.
fn fitted(view: &View, edge: u32) -> View {
    let longest = view.width.max(view.height);
    if longest <= edge {
        return view.clone();
    }
    let shrunk = |length: u32| ((u64::from(length) * u64::from(edge) / u64::from(longest)) as u32).max(1);
    view.resized(shrunk(view.width), shrunk(view.height))
}

/// Mean and least PSNR; none for equal pictures.
fn psnr(before: &[Image], after: &[Image]) -> Option<(f64, f64)> {
    if before == after {
        return None;
    }
    let each: Vec<f64> = before.iter().zip(after).map(|(before, after)| compare(after, before, None).0).collect();
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    Some((mean, each.into_iter().fold(f64::INFINITY, f64::min)))
}

#[cfg(test)]
mod tests {
    use glam::DVec3;
    use splat_core::render::Image;
    use splat_core::scene::View;

    use super::{Difference, MOST_VIEWS, fitted, psnr, spread};

    fn grey(value: u8) -> Image {
        Image { width: 2, height: 1, rgba: vec![value, value, value, 255, value, value, value, 255] }
    }

    #[test]
    fn equal_pictures_are_identical_and_others_have_a_distance() {
        assert_eq!(psnr(&[grey(9), grey(8)], &[grey(9), grey(8)]), None);
        // An error of one tenth everywhere is 20 dB, an equal picture counts as 100.
        let (mean, least) = psnr(&[grey(0), grey(8)], &[grey(25), grey(8)]).expect("a difference");
        assert!((least - 20.172).abs() < 0.01, "{least}");
        assert!((mean - 60.086).abs() < 0.01, "{mean}");
        let told = Difference { views: "12 cameras around it".into(), psnr: Some((mean, least)) }.to_string();
        assert_eq!(told, "differs from the source by 60.09 dB PSNR, 20.17 dB at worst, from 12 cameras around it");
    }

    #[test]
    fn many_cameras_are_thinned_out_and_large_ones_shrunk() {
        let view = |x: f64| View::look_at(DVec3::X * x, DVec3::Z * 9.0, DVec3::Y, 50.0, 4000, 3000).expect("a view");
        let views: Vec<View> = (0..100).map(|index| view(f64::from(index))).collect();
        let chosen: Vec<f64> = spread(&views).map(|view| view.position().x.round()).collect();
        assert_eq!((chosen.len(), chosen[0], chosen[MOST_VIEWS - 1]), (MOST_VIEWS, 0.0, 95.0));
        assert_eq!(spread(&views[..3]).count(), 3);
        assert_eq!(spread(&[]).count(), 0);
        let small = fitted(&views[0], 1280);
        assert_eq!((small.width, small.height), (1280, 960));
        assert_eq!(fitted(&small, 1280), small);
    }
}
