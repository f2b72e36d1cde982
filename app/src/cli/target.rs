//! What `eval`, `render` and `export` work on: the scene of a run, which knows its photos and settings, or a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use splat_core::Error;
use splat_core::formats::{Format, SplatInfo, SplatSource, open_splats, read_all};
use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::model::RasterOptions;
use splat_core::render::auto_near;
use splat_core::run::{Header, RunFolder};
use splat_core::scene::io::ply::OnProgress;
use splat_core::scene::{Dataset, LoadOptions, SplatCloud};
use splat_core::settings::{Profile, Settings};

use super::args::{GpuArgs, SceneArgs};
use super::output;

/// A trained scene and what is known about it.
pub(crate) struct Target {
    /// Settings of the run, or the defaults.
    pub(crate) settings: Settings,
    /// Where it was trained, if it is a run.
    pub(crate) run: Option<(RunFolder, Header)>,
    /// Where its splats are.
    pub(crate) path: PathBuf,
}

impl Target {
    /// Looks at a run folder or a file without reading the splats.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(missing(path).into());
        }
        // Some formats are folders.
        let is_run = path.is_dir() && (RunFolder::open(path).is_ok() || Format::of_file(path).is_err());
        if !is_run {
            return Ok(Self { settings: Settings::default(), run: None, path: path.into() });
        }
        let folder = RunFolder::open(path)?;
        let (settings, header) = (folder.settings()?, folder.header()?);
        Ok(Self { settings, path: folder.ply(), run: Some((folder, header)) })
    }

    /// Opens the splats.
    pub(crate) fn source(&self, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
        if !self.path.exists() {
            let problem = "the run has not written its scene yet".into();
            let remedy = "let it finish with `splat train --resume -o RUN`, or `splat export` its checkpoint".into();
            return Err(Error::Input { path: self.path.clone(), problem, remedy }.into());
        }
        Ok(open_splats(&self.path, progress)?)
    }

    /// Reads the splats, those that move first, and tells what a person should know about their file.
    pub(crate) fn cloud(&self) -> Result<SplatCloud> {
        let source = self.source(&mut |_| Ok(()))?;
        doubts(source.info()).iter().for_each(|doubt| output::warning(doubt));
        Ok(read_all(source.as_ref(), &mut |_| Ok(()))?.movers_first())
    }

    /// How to draw it: as it was trained, as the file says, or as the flags say. `extent` is the radius of the scene
    /// for a file, which does not tell its own.
    pub(crate) fn raster_options(&self, cloud: &SplatCloud, args: &SceneArgs, extent: f64) -> RasterOptions {
        let extent = self.run.as_ref().map_or(extent, |(_, header)| header.extent);
        let near = self.settings.raster.near;
        RasterOptions {
            antialias: args.antialias || self.settings.raster.antialias || cloud.antialiased,
            near: if near > 0.0 { near } else { auto_near(extent) },
        }
    }

    /// Background of renders when none is chosen.
    pub(crate) fn background(&self) -> [f32; 3] {
        let has_alpha = self.run.as_ref().is_some_and(|(_, header)| header.has_alpha);
        self.settings.model.evaluation_background(has_alpha)
    }

    /// Loads the photos it is compared with.
    pub(crate) fn dataset(&self, args: &SceneArgs) -> Result<Dataset> {
        let header = self.run.as_ref().map(|(_, header)| header);
        let scene = args.scene.clone().or_else(|| Some(PathBuf::from(&header?.scene)));
        let Some(scene) = scene else {
            return Err(Error::Settings {
                problem: format!("{} does not say which photos it belongs to", self.path.display()),
                remedy: "pass --scene SCENE".into(),
            }
            .into());
        };
        // The image folder of the run belongs to the run's scene only.
        let own = args.scene.is_none().then(|| header.and_then(|header| header.images.clone())).flatten();
        let mut options = load_options(&self.settings, args.images.clone().or(own));
        options.max_resolution = args.max_resolution.unwrap_or(options.max_resolution);
        options.test_every = args.test_every.unwrap_or(options.test_every);
        Ok(Dataset::load(&scene, &options)?)
    }
}

/// What a person should know about a splat file.
pub(crate) fn doubts(info: &SplatInfo) -> Vec<String> {
    let dropped = (info.dropped > 0).then(|| {
        format!("{} splats with values that are not finite were left out", output::thousands(info.dropped as u64))
    });
    dropped.into_iter().chain(info.notes.iter().cloned()).collect()
}

/// How photos are read under these settings.
pub(crate) fn load_options(settings: &Settings, images: Option<String>) -> LoadOptions {
    let data = &settings.data;
    LoadOptions { max_resolution: data.max_resolution, test_every: data.test_every, images, time: data.time }
}

/// Opens the adapter that the flags ask for; `profile` is used when they name none.
pub(crate) fn open_gpu(args: &GpuArgs, profile: Profile) -> Result<Arc<Gpu>> {
    let profile = args.profile.as_deref().unwrap_or(profile.as_str());
    let profile = (profile != Profile::Auto.as_str()).then(|| profile.to_owned());
    Ok(Gpu::new(&GpuOptions { adapter: args.device.clone(), profile, ..GpuOptions::default() })?)
}

/// The error for a path that is not there.
pub(crate) fn missing(path: &Path) -> Error {
    Error::Input { path: path.into(), problem: "no such file or folder".into(), remedy: "check the path".into() }
}

/// Tells the warnings of a scene.
pub(crate) fn tell_warnings(dataset: &Dataset) {
    let warnings = dataset.notes.iter().filter(|note| note.level == splat_core::scene::Level::Warning);
    warnings.for_each(|note| output::warning(&note.text));
}
