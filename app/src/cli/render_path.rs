//! `splat render --camera-path` and `--turntable`: a video, or its frames as PNGs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;
use glam::DVec3;
use splat_core::Error;
use splat_core::camera_path::{CameraPath, Defaults, Orbit, Sphere};
use splat_core::look::{Look, Viewer};
use splat_core::scene::View;

use crate::video::{VideoOutput, VideoWriter};

use super::args::RenderArgs;
use super::progress::Reporter;
use super::render::{DEFAULT_SIZE, chosen_views};
use super::target::{self, Target};
use super::train::usage;
use super::{output, signals};

/// Shortest time that a speed is told from.
const SETTLED_SECONDS: f64 = 1.0;

/// What moves the camera, and where the frames go.
pub(super) struct Motion {
    way: Way,
    output: PathBuf,
}

/// Where the camera goes.
enum Way {
    /// Along the path in a file.
    File(PathBuf),
    /// Once around the scene in some seconds.
    Turntable(f64),
    /// Nowhere, for some seconds.
    Still(f64),
}

/// The motion that is asked for, if any.
pub(super) fn motion(args: &RenderArgs) -> Option<Motion> {
    let way = match (&args.path.camera_path, args.path.turntable, args.path.clip) {
        (Some(file), ..) => Way::File(file.clone()),
        (None, Some(seconds), _) => Way::Turntable(seconds),
        (None, None, Some(seconds)) => Way::Still(seconds),
        (None, None, None) => return None,
    };
    // Clap has made sure that there is an output.
    Some(Motion { way, output: args.output.clone()? })
}

/// Renders and tells where the video is.
pub(super) fn run(args: &RenderArgs, motion: &Motion, target: &Target, look: &Look, quiet: bool) -> Result<u8> {
    // Whatever can be wrong is found before anything slow.
    let output = VideoOutput::plan(&motion.output, args.path.force)?;
    let from_file = match &motion.way {
        Way::File(file) => Some(read(args, file)?),
        Way::Turntable(_) | Way::Still(_) => None,
    };
    let mut reporter = Reporter::new(false, quiet);
    let written = film(args, motion, from_file, target, &output, look, &mut reporter);
    reporter.close();
    output::print(&format!("{}\n", written?.display()))?;
    Ok(0)
}

/// Reads a path; the flags fill its gaps.
fn read(args: &RenderArgs, file: &Path) -> Result<CameraPath> {
    let usual = Defaults::default();
    let defaults = Defaults { up: args.up.unwrap_or(usual.up), fov_y_deg: args.fov };
    Ok(CameraPath::read(file, &defaults)?)
}

/// Everything from the splats to the finished video.
fn film(
    args: &RenderArgs,
    motion: &Motion,
    from_file: Option<CameraPath>,
    target: &Target,
    output: &VideoOutput,
    look: &Look,
    reporter: &mut Reporter,
) -> Result<PathBuf> {
    reporter.status("reading the scene");
    let cloud = target.cloud()?;
    let sphere = Sphere::of_splats(&cloud);
    let frame_rate = |usual: f64| args.path.frame_rate.unwrap_or(usual);
    let (mut views, frame_rate) = match (from_file, &motion.way) {
        (None, Way::Still(seconds)) => {
            let rate = frame_rate(30.0);
            let count = (seconds * rate).round().max(1.0) as usize;
            (vec![still_view(args, target)?; count], rate)
        }
        (from_file, way) => {
            let path = match (from_file, way) {
                (Some(path), _) => path,
                (None, Way::File(file)) => read(args, file)?,
                (None, Way::Turntable(seconds) | Way::Still(seconds)) => {
                    turntable(args, *seconds, target, sphere, reporter)?
                }
            };
            let rate = frame_rate(path.frame_rate);
            let (width, height) = args.size.or(path.size).unwrap_or(DEFAULT_SIZE);
            let views = path.frames(rate)?.into_iter().map(|time| path.view(time, width, height));
            (views.collect::<Result<Vec<View>, _>>()?, rate)
        }
    };
    let [from, to] = args.time.unwrap_or([0.0, 1.0]);
    let last = (views.len() - 1).max(1) as f64;
    for (index, view) in views.iter_mut().enumerate() {
        view.time = cloud.motion.map(|_| from + (to - from) * index as f64 / last);
    }
    let (width, height) = views.first().map_or(DEFAULT_SIZE, |view| (view.width, view.height));
    reporter.status("opening the adapter");
    let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile)?;
    let raster = target.raster_options(&cloud, &args.scene, sphere.radius);
    let mut viewer = Viewer::new(&gpu);
    viewer.set_cloud(Arc::new(cloud), raster, None)?;
    let stopped = signals::flag_on_signal()?;
    let mut writer = output.start(width, height, frame_rate, views.len() as u64)?;
    writer.notes().iter().for_each(|note| reporter.note(note));
    let began = Instant::now();
    for (index, view) in views.iter().enumerate() {
        check(stopped)?;
        let frame = viewer.draw(view, look)?.image;
        writer.write(&frame).map_err(|error| if stopped.load(Ordering::SeqCst) { Error::Cancelled } else { error })?;
        let speed = speed(index + 1, views.len(), began.elapsed().as_secs_f64());
        reporter.count("frame", index as u64 + 1, views.len() as u64, &format!("{width}x{height}{speed}"));
    }
    finish(writer, reporter)
}

/// The camera of a clip that does not move: the chosen one, or the first of the scene's.
fn still_view(args: &RenderArgs, target: &Target) -> Result<View> {
    if let (Some(eye), Some(point), Some(up)) = (args.eye, args.target_point, args.up) {
        let (width, height) = args.size.unwrap_or(DEFAULT_SIZE);
        return Ok(View::look_at(eye, point, up, args.fov, width, height)?);
    }
    let dataset = target.dataset(&args.scene)?;
    let view = chosen_views(args, &dataset)?.first().map(|&view| view.clone());
    view.ok_or_else(|| usage("the scene has no camera", "pass --eye, --target and --up").into())
}

/// Waits for the encoder.
fn finish(writer: VideoWriter, reporter: &Reporter) -> Result<PathBuf> {
    reporter.status("finishing");
    Ok(writer.finish()?)
}

/// Fails when Ctrl-C was pressed.
fn check(stopped: &AtomicBool) -> Result<(), Error> {
    if stopped.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) }
}

/// Frames per second and the time left, once they mean something.
fn speed(done: usize, total: usize, seconds: f64) -> String {
    if seconds < SETTLED_SECONDS {
        return String::new();
    }
    let rate = done as f64 / seconds;
    format!("  {rate:.1} frames/s  {} left", output::clock((total - done) as f64 / rate))
}

/// Around the point that the scene's cameras look at, as far away as they are; without cameras, around the splats.
fn turntable(
    args: &RenderArgs,
    seconds: f64,
    target: &Target,
    sphere: Sphere,
    reporter: &Reporter,
) -> Result<CameraPath> {
    let dataset = match (&args.scene.scene, &target.run) {
        (Some(_), _) => Some(target.dataset(&args.scene)?),
        (None, Some(_)) => target.dataset(&args.scene).inspect_err(|error| untold(reporter, error)).ok(),
        (None, None) => None,
    };
    let up = match (args.up, &dataset) {
        (Some(up), _) => up,
        (None, Some(dataset)) => dataset.up(),
        (None, None) => {
            reporter.note("taking -Y as up, as in most splat files; --up X,Y,Z says otherwise");
            DVec3::NEG_Y
        }
    };
    let (width, height) = args.size.unwrap_or(DEFAULT_SIZE);
    let orbit = dataset.as_ref().and_then(|dataset| Orbit::of_cameras(&dataset.train, up));
    let orbit = orbit.unwrap_or_else(|| Orbit::around(sphere, up, narrower(args.fov, width, height)));
    let orbit = args.target_point.map_or(orbit, |centre| orbit.centred(centre));
    Ok(orbit.path(seconds, args.fov)?)
}

/// Says that the photos of a run are not there, which is no reason to fail.
fn untold(reporter: &Reporter, error: &anyhow::Error) {
    let reason = splat_core::session::chain(error.as_ref());
    reporter.note(&format!("going around the splats, not where the photos were taken: {reason}"));
}

/// The smaller of the two fields of view of a picture, degrees.
fn narrower(fov_y_deg: f64, width: u32, height: u32) -> f64 {
    let aspect = f64::from(width) / f64::from(height.max(1));
    let half = (0.5 * fov_y_deg).to_radians().tan() * aspect.min(1.0);
    2.0 * half.atan().to_degrees()
}
