//! `splat render`: the cameras of a scene, one view chosen by hand, or a video.

use std::sync::Arc;

use anyhow::Result;
use splat_core::Error;
use splat_core::look::{Legend, Look, Viewer};
use splat_core::run::comparison::{ImageFolder, write_render};
use splat_core::scene::{Dataset, View};

use super::args::{RenderArgs, Views};
use super::target::{self, Target};
use super::train::usage;
use super::{output, render_path};

/// Size of an image when nobody says.
pub(super) const DEFAULT_SIZE: (u32, u32) = (1280, 720);

/// Renders and tells where the images are.
pub(crate) fn run(args: &RenderArgs, quiet: bool) -> Result<u8> {
    let target = Target::open(&args.target)?;
    let look = args.look.look(args.background.unwrap_or_else(|| target.background()));
    if let Some(motion) = render_path::motion(args) {
        return render_path::run(args, &motion, &target, &look, quiet);
    }
    match (args.eye, args.target_point, args.up, &args.output) {
        (Some(eye), Some(point), Some(up), Some(path)) => {
            let (width, height) = args.size.unwrap_or(DEFAULT_SIZE);
            let mut view = View::look_at(eye, point, up, args.fov, width, height)?;
            view.time = Some(args.time.map_or(0.0, |[from, _]| from));
            let picture = viewer(args, &target, eye.distance(point))?.draw(&view, &look)?;
            write_render(path, &picture.image)?;
            if !quiet {
                picture.note.into_iter().for_each(output::note);
                picture.legend.iter().for_each(|legend| output::note(&explained(legend)));
            }
            output::print(&format!("{}\n", path.display()))?;
        }
        _ => cameras(args, &target, &look, quiet)?,
    }
    Ok(0)
}

/// Renders the cameras of the scene.
fn cameras(args: &RenderArgs, target: &Target, look: &Look, quiet: bool) -> Result<()> {
    let folder = match (&args.output, &target.run) {
        (Some(folder), _) => folder.clone(),
        (None, Some((run, _))) => run.path("render"),
        (None, None) => return Err(usage("no folder for the images of a file", "pass -o DIR").into()),
    };
    let dataset = target.dataset(&args.scene)?;
    let views = chosen_views(args, &dataset)?;
    let mut viewer = viewer(args, target, dataset.extent())?;
    let mut images = ImageFolder::create(&folder)?;
    for (i, view) in views.iter().enumerate() {
        let time = args.time.map_or(view.time, |[from, _]| Some(from));
        let picture = viewer.draw(&View { time, ..(*view).clone() }, look)?;
        let path = images.write(&view.name, &picture.image)?;
        if !quiet {
            // The same for every view.
            picture.note.filter(|_| i == 0).into_iter().for_each(output::note);
            let meaning = picture.legend.map_or_else(String::new, |legend| format!("  {}", explained(&legend)));
            output::note(&format!("{}/{} {}{meaning}", i + 1, views.len(), path.display()));
        }
    }
    output::print(&format!("{}\n", folder.display()))?;
    Ok(())
}

/// The cameras of the scene that are asked for, at least one.
pub(super) fn chosen_views<'a>(args: &RenderArgs, dataset: &'a Dataset) -> Result<Vec<&'a View>> {
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
    Ok(views)
}

/// Uploads the scene.
fn viewer(args: &RenderArgs, target: &Target, extent: f64) -> Result<Viewer> {
    // The file is decoded while the adapter gets ready.
    let (cloud, gpu) = std::thread::scope(|scope| {
        let cloud = scope.spawn(|| target.cloud());
        let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile);
        (cloud.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), gpu)
    });
    let (cloud, gpu) = (cloud?, gpu?);
    let raster = target.raster_options(&cloud, &args.scene, extent);
    let mut viewer = Viewer::new(&gpu);
    viewer.set_cloud(Arc::new(cloud), raster, None)?;
    Ok(viewer)
}

/// What the colours of an image mean: `depth 1.2 to 3.4 scene units`.
fn explained(legend: &Legend) -> String {
    let number = |value: f64| match value.abs() {
        0.0 => "0".to_owned(),
        0.01..1e4 => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => format!("{value:.2e}"),
    };
    let &Legend { label, unit, min, max, logarithmic, .. } = legend;
    let axis = if logarithmic { ", on a logarithmic axis" } else { "" };
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{} {} to {}{unit}{axis}", label.to_lowercase(), number(min), number(max))
}

#[cfg(test)]
mod tests {
    use splat_core::look::{Colormap, Legend};

    use super::explained;

    #[test]
    fn legends_read_as_ranges() {
        let colours = Colormap::Turbo;
        let depth = Legend { label: "Depth", unit: "scene units", min: 1.5, max: 30.0, logarithmic: false, colours };
        assert_eq!(explained(&depth), "depth 1.5 to 30 scene units");
        let opacity = Legend { label: "Opacity", unit: "", min: 0.0, max: 1.0, logarithmic: false, colours };
        assert_eq!(explained(&opacity), "opacity 0 to 1");
        let size = Legend { label: "Size", unit: "scene units", min: 0.000_25, max: 0.1, logarithmic: true, colours };
        assert_eq!(explained(&size), "size 2.50e-4 to 0.1 scene units, on a logarithmic axis");
    }
}
