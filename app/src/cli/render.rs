//! `splat render`: the cameras of a scene, one view chosen by hand, or a video.

use anyhow::Result;
use splat_core::Error;
use splat_core::render::Renderer;
use splat_core::run::comparison::{ImageFolder, write_render};
use splat_core::scene::View;

use super::args::{RenderArgs, Views};
use super::target::{self, Target};
use super::train::usage;
use super::{output, render_path};

/// Size of an image when nobody says.
pub(super) const DEFAULT_SIZE: (u32, u32) = (1280, 720);

/// Renders and tells where the images are.
pub(crate) fn run(args: &RenderArgs, quiet: bool) -> Result<u8> {
    let target = Target::open(&args.target)?;
    let background = args.background.unwrap_or_else(|| target.background());
    if let Some(motion) = render_path::motion(args) {
        return render_path::run(args, &motion, &target, background, quiet);
    }
    match (args.eye, args.target_point, args.up, &args.output) {
        (Some(eye), Some(point), Some(up), Some(path)) => {
            let (width, height) = args.size.unwrap_or(DEFAULT_SIZE);
            let view = View::look_at(eye, point, up, args.fov, width, height)?;
            let image = renderer(args, &target, eye.distance(point))?.render(&view, background)?;
            write_render(path, &image)?;
            output::print(&format!("{}\n", path.display()))?;
        }
        _ => cameras(args, &target, background, quiet)?,
    }
    Ok(0)
}

/// Renders the cameras of the scene.
fn cameras(args: &RenderArgs, target: &Target, background: [f32; 3], quiet: bool) -> Result<()> {
    let folder = match (&args.output, &target.run) {
        (Some(folder), _) => folder.clone(),
        (None, Some((run, _))) => run.path("render"),
        (None, None) => return Err(usage("no folder for the images of a file", "pass -o DIR").into()),
    };
    let dataset = target.dataset(&args.scene)?;
    let views: Vec<&View> = match args.views.unwrap_or(Views::Test) {
        Views::Test => dataset.test.iter().collect(),
        Views::Train => dataset.train.iter().collect(),
        Views::All => dataset.train.iter().chain(&dataset.test).collect(),
    };
    if views.is_empty() {
        return Err(Error::Input {
            path: dataset.root.clone(),
            problem: "none of its cameras is asked for".into(),
            remedy: "pass --views all".into(),
        }
        .into());
    }
    let mut renderer = renderer(args, target, dataset.extent())?;
    let mut images = ImageFolder::create(&folder)?;
    for (i, view) in views.iter().enumerate() {
        let path = images.write(&view.name, &renderer.render(view, background)?)?;
        if !quiet {
            output::note(&format!("{}/{} {}", i + 1, views.len(), path.display()));
        }
    }
    output::print(&format!("{}\n", folder.display()))?;
    Ok(())
}

/// Uploads the scene.
fn renderer(args: &RenderArgs, target: &Target, extent: f64) -> Result<Renderer> {
    let cloud = target.cloud()?;
    let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile)?;
    let raster = target.raster_options(&cloud, &args.scene, extent);
    Ok(Renderer::new(&gpu, &cloud, raster)?)
}
