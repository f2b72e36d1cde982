//! Every verb and flag, with the help that is shown for it.

mod export;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use glam::DVec3;
use splat_core::camera_path::MAX_FRAME_RATE;
use splat_core::look::{Colormap, Look, Mode};
use splat_core::settings::Settings;

pub(crate) use export::ExportArgs;

/// Exit codes, shown by `splat --help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    done (also when the reader of the output went away)
  1    failed: disk, lost device, internal error
  2    wrong usage or settings
  3    input missing or not understood
  4    no suitable graphics adapter
  5    out of memory
  6    training diverged
  7    a metric is below what --require-psnr asked for
  130  interrupted; training wrote a checkpoint first, a video is gone

Results go to stdout, everything else to stderr. NO_COLOR switches colours off.";

/// Train 3D Gaussian splatting scenes from posed photos, on any GPU or none.
#[derive(Debug, Parser)]
#[command(name = "splat", version, after_long_help = EXIT_CODES, max_term_width = 110)]
#[command(after_help = "Examples:\n  splat train photos/fox\n  splat eval runs/fox\n  splat help train")]
pub(crate) struct Args {
    /// Print errors and results only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// None opens the window.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Train(Box<TrainArgs>),
    #[cfg(feature = "gui")]
    View(ViewArgs),
    Eval(EvalArgs),
    Render(Box<RenderArgs>),
    Export(ExportArgs),
    Info(InfoArgs),
    Bench(BenchArgs),
    Settings(SettingsArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  splat completions bash > ~/.local/share/bash-completion/completions/splat")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page, or write one per subcommand.
    #[command(after_help = "Examples:\n  splat man | man -l -\n  splat man --dir ~/.local/share/man/man1")]
    Man {
        /// Write every page into this folder instead of printing the first.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Which adapter to use.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Adapter")]
pub(crate) struct GpuArgs {
    /// Adapter by number or part of its name; `splat info --gpu` lists them.
    #[arg(long, value_name = "NUMBER|NAME", env = "SPLAT_DEVICE")]
    pub(crate) device: Option<String>,
    /// Kernel profile; `auto` is chosen by a self-test.
    #[arg(long, value_parser = PossibleValuesParser::new(choices("raster", "profile")), env = "SPLAT_PROFILE")]
    pub(crate) profile: Option<String>,
}

/// Open the window, in which scenes are trained, looked at and cleaned. `splat` alone does the same.
#[cfg(feature = "gui")]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  splat view\n  splat view photos/fox\n  splat view runs/fox\n  splat view fox.ply")]
pub(crate) struct ViewArgs {
    /// A folder with posed photos, a run folder, or a splat file.
    #[arg(value_name = "SCENE|RUN|FILE")]
    pub(crate) target: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// Train a scene from a folder of posed photos.
///
/// Understands COLMAP (binary, text), nerfstudio and instant-ngp transforms.json, NeRF-synthetic and LLFF folders; of
/// scenes that move, D-NeRF, Neural 3D Video, camera folders with a COLMAP model, Nerfies and HyperNeRF.
/// Leaves a run folder with the scene (splats.ply), its settings, metrics, checkpoints and test images.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  splat train photos/fox --max-resolution 480 --steps 3000
  splat train photos/fox -o runs/fox --set density.method=mcmc --set train.eval_every=500
  splat train --resume -o runs/fox")]
pub(crate) struct TrainArgs {
    /// Folder with posed photos; not needed with --resume.
    #[arg(value_name = "SCENE", required_unless_present = "resume")]
    pub(crate) scene: Option<PathBuf>,
    /// Run folder [default: runs/SCENE-DATE-TIME].
    #[arg(short, long, value_name = "RUN")]
    pub(crate) output: Option<PathBuf>,
    /// Continue the run in -o from its newest checkpoint.
    #[arg(long, requires = "output", conflicts_with = "force")]
    pub(crate) resume: bool,
    /// Replace the run in -o.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Load everything, print the resolved settings, and train nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON event per line on stdout; the last is `finished` or `failed`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) choices: SettingArgs,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// Flags that are settings.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings (defaults < preset < --config < flags < --set)")]
pub(crate) struct SettingArgs {
    /// A named set of choices [default: default].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(presets()))]
    pub(crate) preset: Option<String>,
    /// Read settings from a TOML file, such as the settings.toml of a run.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Training steps (train.steps).
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<String>,
    /// Longest edge of the photos in pixels, 0 for their own (data.max_resolution).
    #[arg(long, value_name = "PX")]
    pub(crate) max_resolution: Option<String>,
    /// Most splats, 0 to choose from the scene (density.max_splats).
    #[arg(long, value_name = "N")]
    pub(crate) max_splats: Option<String>,
    /// Size of the compressed file in MB, 0 for none in particular (output.target_mb).
    #[arg(long, value_name = "MB")]
    pub(crate) target_mb: Option<String>,
    /// Degree of view-dependent colour, 0 to 3 (model.sh_degree).
    #[arg(long, value_name = "N")]
    pub(crate) sh_degree: Option<String>,
    /// Seed; the same one gives the same bytes (train.seed).
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<String>,
    /// Hold out every n-th photo unless the scene brings a split (data.test_every).
    #[arg(long, value_name = "N")]
    pub(crate) test_every: Option<String>,
    /// Steps between evaluations, 0 for the end only (train.eval_every).
    #[arg(long, value_name = "N")]
    pub(crate) eval_every: Option<String>,
    /// Steps between checkpoints, 0 for the end only (train.checkpoint_every).
    #[arg(long, value_name = "N")]
    pub(crate) save_every: Option<String>,
    /// Any setting; `splat settings` lists them. Repeatable.
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Folder of the images, relative to the scene, when it is not the usual one.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<String>,
}

impl SettingArgs {
    /// The flags as settings, in rising precedence.
    pub(crate) fn sets(&self, profile: Option<&str>) -> Vec<(String, String)> {
        let flags = [
            ("train.steps", self.steps.as_deref()),
            ("data.max_resolution", self.max_resolution.as_deref()),
            ("density.max_splats", self.max_splats.as_deref()),
            ("output.target_mb", self.target_mb.as_deref()),
            ("model.sh_degree", self.sh_degree.as_deref()),
            ("train.seed", self.seed.as_deref()),
            ("data.test_every", self.test_every.as_deref()),
            ("train.eval_every", self.eval_every.as_deref()),
            ("train.checkpoint_every", self.save_every.as_deref()),
            ("raster.profile", profile),
        ];
        let given = flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        given.chain(self.set.iter().cloned()).collect()
    }
}

/// Which photos to compare with or to look from.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Scene")]
pub(crate) struct SceneArgs {
    /// Folder with posed photos [default: the one the run was trained on].
    #[arg(long, value_name = "SCENE")]
    pub(crate) scene: Option<PathBuf>,
    /// Longest edge of the photos in pixels, 0 for their own [default: as trained].
    #[arg(long, value_name = "PX")]
    pub(crate) max_resolution: Option<u32>,
    /// Hold out every n-th photo unless the scene brings a split [default: as trained].
    #[arg(long, value_name = "N")]
    pub(crate) test_every: Option<u32>,
    /// Folder of the images, relative to the scene.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<String>,
    /// Mip-Splatting's antialiasing for a FILE that does not say; a run knows its own.
    #[arg(long)]
    pub(crate) antialias: bool,
}

/// Compare a scene with photos it was not trained on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  splat eval runs/fox
  splat eval fox.ply --scene photos/fox --save-images out --require-psnr 24
  splat eval runs/fox --json | jq .psnr")]
pub(crate) struct EvalArgs {
    /// A run folder or a splat file.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) scene: SceneArgs,
    /// Write each render beside its photo into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) save_images: Option<PathBuf>,
    /// Exit with 7 when the mean PSNR is below this many dB.
    #[arg(long, value_name = "DB")]
    pub(crate) require_psnr: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// Which of a scene's cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Views {
    /// The held-out ones.
    Test,
    /// Those trained on.
    Train,
    /// Both.
    All,
}

/// Render the cameras of a scene, one chosen view, or a video along a camera path.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("pose").args(["eye"]).requires_all(["target_point", "up", "output"])))]
#[command(group(ArgGroup::new("moving").args(["camera_path", "turntable", "clip"]).requires("output")))]
#[command(group(ArgGroup::new("upright").args(["eye", "camera_path", "turntable"])))]
#[command(group(ArgGroup::new("aimed").args(["eye", "turntable"])))]
#[command(after_help = "Examples:
  splat render runs/fox --views all -o renders
  splat render fox.ply --eye 1,2,3 --target 0,0,0 --up 0,0,1 --fov 50 --size 1280x720 -o view.png
  splat render runs/fox --turntable 8 -o fox.mp4
  splat render fox.ply --camera-path walk.json --size 1920x1080 --frame-rate 60 -o frames/
  splat render runs/fox --mode depth -o depths")]
pub(crate) struct RenderArgs {
    /// A run folder or a splat file.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) scene: SceneArgs,
    /// Cameras to render [default: test].
    #[arg(long, value_enum, conflicts_with_all = ["eye", "camera_path", "turntable"])]
    pub(crate) views: Option<Views>,
    /// Folder for the images [default: RUN/render], the PNG of a chosen view, or the video (.mp4, .webm, .gif).
    #[arg(short, long, value_name = "DIR|FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Position of the camera, in the axes of the file.
    #[arg(long, value_name = "X,Y,Z", value_parser = point, allow_hyphen_values = true, help_heading = "Chosen view")]
    pub(crate) eye: Option<DVec3>,
    /// Point the camera looks at, or a turntable goes around.
    #[arg(long = "target", id = "target_point", value_name = "X,Y,Z", value_parser = point, requires = "aimed")]
    #[arg(allow_hyphen_values = true, help_heading = "Chosen view")]
    pub(crate) target_point: Option<DVec3>,
    /// Direction that is up in the image, the axis of a turntable, or up where a camera path says nothing.
    #[arg(long, value_name = "X,Y,Z", value_parser = point, requires = "upright")]
    #[arg(allow_hyphen_values = true, help_heading = "Chosen view")]
    pub(crate) up: Option<DVec3>,
    /// Vertical field of view in degrees.
    #[arg(long, value_name = "DEG", default_value_t = 50.0, help_heading = "Chosen view")]
    pub(crate) fov: f64,
    /// Size of the image in pixels [default: that of the camera path, or 1280x720].
    #[arg(long, value_name = "WxH", value_parser = size, help_heading = "Chosen view")]
    pub(crate) size: Option<(u32, u32)>,
    /// Time in a scene that moves, 0 to 1 for its first to its last photo [default: that of each camera, 0 for a chosen
    /// view; 0..1 for a video].
    #[arg(long, value_name = "T|FROM..TO", value_parser = times)]
    pub(crate) time: Option<[f64; 2]>,
    /// Colour behind the splats, 0 to 1 each [default: that of evaluations, black for a FILE].
    #[arg(long, value_name = "black|white|R,G,B", value_parser = colour)]
    pub(crate) background: Option<[f32; 3]>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) path: PathArgs,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// A camera that moves.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Video")]
pub(crate) struct PathArgs {
    /// Render along a camera path: ours, a list of frames as for splat-transform, or nerfstudio's camera_path.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) camera_path: Option<PathBuf>,
    /// Render once around the scene in this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) turntable: Option<f64>,
    /// Render a scene that moves for this many seconds, from --eye or the first of the scene's --views.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) clip: Option<f64>,
    /// Frames per second [default: that of the camera path, or 30].
    #[arg(long, value_name = "N", value_parser = frame_rate, requires = "moving")]
    pub(crate) frame_rate: Option<f64>,
    /// Replace the video, or the frames in the folder.
    #[arg(short, long, requires = "moving")]
    pub(crate) force: bool,
}

/// How splats are shown.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Look")]
pub(crate) struct LookArgs {
    /// What pixels are coloured by; the range of a colour scale is told on stderr.
    #[arg(long, value_name = "WORD", value_parser = mode(), default_value = "colour")]
    pub(crate) mode: Mode,
    /// Colour scale of depth, overdraw, opacity and size.
    #[arg(long, value_enum, default_value = "turbo")]
    pub(crate) colours: Scale,
    /// Multiply the size of every splat, 0.001 to 1000.
    #[arg(long, value_name = "FACTOR", value_parser = factor, default_value = "1")]
    pub(crate) splat_scale: f32,
    /// Highest degree of view-dependent colour that is used, 0 to 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3), default_value = "3")]
    pub(crate) sh_degree: u8,
}

/// A colour scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scale {
    /// Blue, green, yellow, red.
    Turbo,
    /// Violet, green, yellow; for every kind of eye.
    Viridis,
}

impl LookArgs {
    /// The look over a background.
    pub(crate) fn look(&self, background: [f32; 3]) -> Look {
        let colours = match self.colours {
            Scale::Turbo => Colormap::Turbo,
            Scale::Viridis => Colormap::Viridis,
        };
        let LookArgs { mode, splat_scale, sh_degree, .. } = *self;
        Look { mode, background, sh_degree, splat_scale, colours, ..Look::default() }
    }
}

/// Tell what a scene, a run, a splat file or this machine's adapters are, and what is wrong with them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  splat info photos/fox\n  splat info runs/fox\n  splat info --gpu")]
pub(crate) struct InfoArgs {
    /// A folder with posed photos, a run folder, or a splat file.
    #[arg(value_name = "SCENE|RUN|FILE", required_unless_present = "adapters")]
    pub(crate) target: Option<PathBuf>,
    /// List the adapters, and the one that would be used.
    #[arg(long = "gpu", id = "adapters", conflicts_with = "target")]
    pub(crate) adapters: bool,
    /// Hold out every n-th photo unless the scene brings a split [default: 8].
    #[arg(long, value_name = "N")]
    pub(crate) test_every: Option<u32>,
    /// Folder of the images, relative to the scene.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// Measure GPU time per stage at fixed synthetic workloads, or of showing a scene.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  splat bench --json > before.jsonl\n  splat bench clip.splatz")]
pub(crate) struct BenchArgs {
    /// Show this run or splat file instead, at 16 moments of its clip.
    #[arg(value_name = "SCENE", conflicts_with_all = ["quick", "workload"])]
    pub(crate) target: Option<PathBuf>,
    /// The smallest workload only.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only the workload of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "quick")]
    pub(crate) workload: Option<String>,
    /// Print one JSON object per line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

/// List every setting: default, range, meaning.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  splat settings\n  splat settings --toml --preset quality > my.toml")]
pub(crate) struct SettingsArgs {
    /// As a Markdown reference.
    #[arg(long, conflicts_with = "toml")]
    pub(crate) markdown: bool,
    /// As a TOML file to start from.
    #[arg(long)]
    pub(crate) toml: bool,
    /// Show the values of a preset instead of the defaults.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = PossibleValuesParser::new(presets()))]
    pub(crate) preset: String,
}

/// The names of the presets.
fn presets() -> impl Iterator<Item = &'static str> {
    Settings::PRESETS.iter().map(|preset| preset.name)
}

/// The allowed words of a setting.
fn choices(section: &str, name: &str) -> &'static [&'static str] {
    Settings::fields().find(|field| field.section == section && field.name == name).map_or(&[], |field| field.choices)
}

/// The words of the modes that files can be shown in: how old splats are is known only where they are trained.
fn mode() -> impl TypedValueParser<Value = Mode> {
    let modes = Mode::ALL.into_iter().filter(|mode| *mode != Mode::Age);
    PossibleValuesParser::new(modes.map(Mode::word)).try_map(|word| word.parse::<Mode>())
}

/// A factor by which splats still are splats.
fn factor(text: &str) -> Result<f32, String> {
    let factor = text.trim().parse().ok().filter(|factor| (0.001..=1000.0).contains(factor));
    factor.ok_or_else(|| "expected a factor from 0.001 to 1000, such as 0.5".into())
}

/// `key=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected section.key=value, such as train.steps=3000")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// Three finite numbers.
fn triple(text: &str) -> Option<[f64; 3]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let triple: [f64; 3] = numbers?.try_into().ok()?;
    triple.iter().all(|number| number.is_finite()).then_some(triple)
}

/// `X,Y,Z`.
fn point(text: &str) -> Result<DVec3, String> {
    triple(text).map(DVec3::from).ok_or_else(|| "expected three numbers X,Y,Z, such as 1,-2.5,0".into())
}

/// `WxH`, each from 1 to 16384.
fn size(text: &str) -> Result<(u32, u32), String> {
    let edge = |text: &str| text.trim().parse().ok().filter(|edge| (1..=16_384).contains(edge));
    let edges = text.split_once(['x', 'X']).and_then(|(width, height)| Some((edge(width)?, edge(height)?)));
    edges.ok_or_else(|| "expected WIDTHxHEIGHT with edges from 1 to 16384, such as 1280x720".into())
}

/// `0.5`, or `0..1`: from which time to which.
fn times(text: &str) -> Result<[f64; 2], String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let time = |text: &str| text.trim().parse().ok().filter(|time| (0.0..=1.0).contains(time));
    match (time(from), time(to)) {
        (Some(from), Some(to)) => Ok([from, to]),
        _ => Err("give a time from 0 to 1, or two as 0..1".to_owned()),
    }
}

/// A time, up to an hour.
fn seconds(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim().parse().ok();
    number.filter(|&seconds| seconds > 0.0 && seconds <= 3600.0).ok_or_else(|| "expected up to 3600 seconds".into())
}

/// A number of frames per second.
fn frame_rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim().parse().ok();
    let known = number.filter(|&rate| rate > 0.0 && rate <= MAX_FRAME_RATE);
    known.ok_or_else(|| format!("expected frames per second, up to {MAX_FRAME_RATE}"))
}

/// `black`, `white` or `R,G,B`.
fn colour(text: &str) -> Result<[f32; 3], String> {
    let rgb = match text {
        "black" => Some([0.0; 3]),
        "white" => Some([1.0; 3]),
        _ => triple(text),
    };
    let inside = rgb.filter(|rgb| rgb.iter().all(|channel| (0.0..=1.0).contains(channel)));
    inside
        .map(|rgb| rgb.map(|channel| channel as f32))
        .ok_or_else(|| "expected black, white or R,G,B from 0 to 1".into())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Args, Verb, colour, factor, point, size};
    use splat_core::look::{Colormap, Look, Mode};

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn set_beats_the_flag_for_the_same_setting() {
        let args = Args::try_parse_from(["splat", "train", "s", "--set", "train.steps=2", "--steps", "1"]).unwrap();
        let Some(Verb::Train(train)) = args.verb else { panic!() };
        let sets = train.choices.sets(Some("min"));
        assert_eq!(sets.last().unwrap(), &("train.steps".into(), "2".into()));
        assert!(sets.contains(&("raster.profile".into(), "min".into())));
    }

    #[test]
    fn a_chosen_view_needs_its_pose_and_a_file() {
        let parse = |rest: &[&str]| Args::try_parse_from(["splat", "render", "r"].iter().chain(rest).copied());
        assert!(parse(&["--views", "all"]).is_ok());
        assert!(parse(&["--eye", "-1,0,0", "--target", "0,0,-1", "--up", "0,0,1", "-o", "a.png"]).is_ok());
        assert!(parse(&["--eye", "-1,0,0", "--target", "0,0,-1", "--up", "0,0,1"]).is_err());
        assert!(parse(&["--eye", "-1,0,0", "-o", "a.png"]).is_err());
        assert!(parse(&["--up", "0,0,1"]).is_err());
    }

    #[test]
    fn a_moving_camera_is_one_thing_and_needs_an_output() {
        let parse = |rest: &[&str]| Args::try_parse_from(["splat", "render", "r"].iter().chain(rest).copied());
        let file = ["-o", "a.mp4", "--camera-path", "a.json"];
        let turn = ["-o", "a.mp4", "--turntable", "4"];
        for good in
            [&["--up", "0,0,1"][..], &["--size", "64x48", "--frame-rate", "23.976"], &["--force"], &["--fov", "9"]]
        {
            assert!(parse(&[&file, good].concat()).is_ok() && parse(&[&turn, good].concat()).is_ok(), "{good:?}");
        }
        assert!(parse(&[&turn[..], &["--target", "0,0,1"]].concat()).is_ok());
        assert!(parse(&[&file[..], &["--target", "0,0,1"]].concat()).is_err());
        for bad in [&["--views", "all"][..], &["--frame-rate", "0"], &["--frame-rate", "1e9"]] {
            assert!(parse(&[&file, bad].concat()).is_err() && parse(&[&turn, bad].concat()).is_err(), "{bad:?}");
        }
        assert!(parse(&[&file[..], &turn[2..]].concat()).is_err());
        assert!(parse(&turn[2..]).is_err() && parse(&file[2..]).is_err());
        for seconds in ["0", "-1", "nan", "x", "4000"] {
            assert!(parse(&["-o", "a.mp4", "--turntable", seconds]).is_err(), "{seconds}");
        }
        let pose = ["--eye", "1,0,0", "--target", "0,0,0", "--up", "0,0,1"];
        assert!(parse(&[&turn[..], &pose].concat()).is_err() && parse(&[&file[..], &pose].concat()).is_err());
        assert!(parse(&["--frame-rate", "30"]).is_err() && parse(&["--force"]).is_err());
    }

    #[test]
    fn numbers_are_read_or_refused() {
        assert_eq!(point("1, -2.5,0").unwrap().to_array(), [1.0, -2.5, 0.0]);
        for bad in ["1,2", "1,2,3,4", "a,b,c", "1,2,nan", ""] {
            assert!(point(bad).is_err(), "{bad}");
        }
        assert_eq!(size("640x480"), Ok((640, 480)));
        for bad in ["0x1", "1x", "640", "-1x5", "99999x1"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(colour("white"), Ok([1.0; 3]));
        assert!(colour("2,0,0").is_err());
        assert_eq!(factor("0.5"), Ok(0.5));
        assert!(["0", "-1", "nan", "inf", "x"].into_iter().all(|bad| factor(bad).is_err()));
    }

    #[test]
    fn a_render_looks_as_trained_unless_asked_otherwise() {
        let look = |rest: &[&str]| {
            let args = Args::try_parse_from(["splat", "render", "r"].iter().chain(rest).copied()).ok()?;
            let Some(Verb::Render(render)) = args.verb else { panic!() };
            Some(render.look.look([0.0; 3]))
        };
        assert_eq!(look(&[]), Some(Look::default()));
        let chosen = look(&["--mode", "size", "--colours", "viridis", "--splat-scale", "0.5", "--sh-degree", "1"]);
        let (mode, colours) = (Mode::Size, Colormap::Viridis);
        assert_eq!(chosen, Some(Look { mode, colours, splat_scale: 0.5, sh_degree: 1, ..Look::default() }));
        for bad in [["--mode", "age"], ["--mode", "colours"], ["--sh-degree", "4"], ["--splat-scale", "0"]] {
            assert_eq!(look(&bad), None, "{bad:?}");
        }
    }
}
