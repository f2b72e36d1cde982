//! Opening photos, runs and splat files, away from the window's thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use glam::DVec3;
use splat_core::camera_path::Sphere;
use splat_core::formats::read_all;
use splat_core::model::RasterOptions;
use splat_core::render::auto_near;
use splat_core::run::{Header, RunFolder};
use splat_core::scene::{Dataset, LoadOptions, SplatCloud};
use splat_core::settings::Settings;
use splat_core::train::initial_cloud;
use splat_core::{Error, session::chain};

use super::files::{Kind, classify};
use super::jobs::Progress;
use crate::cli::args::SceneArgs;
use crate::cli::target::{Target, doubts, load_options};

/// What was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The path that was given.
    pub(crate) path: PathBuf,
    /// The photos, if they are known.
    pub(crate) photos: Option<Photos>,
    /// The run, if it is one.
    pub(crate) run: Option<OpenedRun>,
    /// Splats to show: trained ones, or those training would start from.
    pub(crate) cloud: Arc<SplatCloud>,
    /// Whether the splats are a result, and not only a starting point.
    pub(crate) trained: bool,
    /// How the splats are drawn.
    pub(crate) raster: RasterOptions,
    /// Colour behind them in evaluations.
    pub(crate) background: [f32; 3],
    /// Up, as far as it is known.
    pub(crate) up: DVec3,
    /// Radius of what is of interest, world units.
    pub(crate) extent: f64,
    /// Where most of the splats are.
    pub(crate) bulk: Sphere,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// Posed photos, and how they were read.
#[derive(Clone, Debug)]
pub(crate) struct Photos {
    /// The folder.
    pub(crate) root: PathBuf,
    /// The photos.
    pub(crate) dataset: Arc<Dataset>,
    /// How they were read.
    pub(crate) options: LoadOptions,
}

/// An earlier run.
#[derive(Clone, Debug)]
pub(crate) struct OpenedRun {
    /// Where it is.
    pub(crate) folder: RunFolder,
    /// Its settings.
    pub(crate) settings: Settings,
    /// Where it stands: steps of its newest checkpoint.
    pub(crate) step: Option<u64>,
}

/// Opens a folder of photos, a run or a splat file.
///
/// # Errors
/// What is wrong with it; [`Error::Cancelled`].
pub(crate) fn open(path: &Path, settings: &Settings, progress: &Progress) -> Result<Opened> {
    match classify(path) {
        Kind::PhotoScene => open_photos(path, settings),
        Kind::Run | Kind::SplatFile(..) => open_target(path, progress),
        Kind::Unknown(reason) => Err(anyhow!("{}: {reason}", path.display())),
    }
}

/// The photos, and what training would start from.
fn open_photos(path: &Path, settings: &Settings) -> Result<Opened> {
    let options = load_options(settings, None);
    let dataset = Arc::new(Dataset::load(path, &options)?);
    let cloud = initial_cloud(settings, &dataset);
    Ok(Opened {
        path: path.into(),
        raster: RasterOptions { antialias: settings.raster.antialias, near: auto_near(dataset.extent()) },
        background: settings.model.evaluation_background(dataset.has_alpha),
        up: dataset.up(),
        extent: dataset.extent(),
        bulk: Sphere::of_splats(&cloud),
        photos: Some(Photos { root: path.into(), dataset, options }),
        run: None,
        cloud: Arc::new(cloud),
        trained: false,
        warnings: Vec::new(),
    })
}

/// A run with its photos, if they can still be read, or a file.
fn open_target(path: &Path, progress: &Progress) -> Result<Opened> {
    let target = Target::open(path)?;
    let mut warnings = Vec::new();
    let mut photos = None;
    if let Some((_, header)) = &target.run {
        match photos_of(&target, header) {
            Ok(found) => photos = Some(found),
            Err(error) => warnings.push(format!("the photos of this run cannot be read: {}", chain(error.as_ref()))),
        }
    }
    let run = target.run.as_ref().map(|(folder, _)| {
        let checkpoints = folder.checkpoints().unwrap_or_default();
        let step = checkpoints.iter().map(|(step, _)| *step).max();
        OpenedRun { folder: folder.clone(), settings: target.settings.clone(), step }
    });
    let trained = target.path.exists();
    let cloud = match (trained, &photos) {
        (false, Some(photos)) => initial_cloud(&target.settings, &photos.dataset),
        _ if !trained => return Err(target.cloud().err().unwrap_or(Error::Cancelled.into())),
        _ => {
            // Opening may take as long as decoding, where a file must be unpacked first.
            let source = target.source(&mut |share| progress.tell(0.5 * share))?;
            warnings.extend(doubts(source.info()));
            read_all(source.as_ref(), &mut |share| progress.tell(0.5 + 0.5 * share))?.movers_first()
        }
    };
    let bulk = Sphere::of_splats(&cloud);
    let extent = match &photos {
        Some(photos) => photos.dataset.extent(),
        None => bulk.radius,
    };
    Ok(Opened {
        path: path.into(),
        raster: target.raster_options(&cloud, &SceneArgs::default(), extent),
        background: target.background(),
        // Without cameras: the axes of most reconstructions, y down.
        up: photos.as_ref().map_or(DVec3::NEG_Y, |photos| photos.dataset.up()),
        extent,
        bulk,
        photos,
        run,
        cloud: Arc::new(cloud),
        trained,
        warnings,
    })
}

fn photos_of(target: &Target, header: &Header) -> Result<Photos> {
    let dataset = Arc::new(target.dataset(&SceneArgs::default())?);
    let options = load_options(&target.settings, header.images.clone());
    Ok(Photos { root: dataset.root.clone(), dataset, options })
}
