//! `splat train`: settings, folder, scene, adapter, and then a session to listen to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use splat_core::Error;
use splat_core::run::RunFolder;
use splat_core::scene::Dataset;
use splat_core::session::{Event, RunOptions, Session, Summary, chain};
use splat_core::settings::{Settings, read_table};

use super::args::TrainArgs;
use super::progress::Reporter;
use super::{output, signals, target};

/// What is settled before anything is loaded.
struct Plan {
    settings: Settings,
    folder: RunFolder,
    resume: bool,
    scene: PathBuf,
    images: Option<String>,
}

/// Trains, and tells how it went.
pub(crate) fn run(args: &TrainArgs, quiet: bool) -> Result<u8> {
    let mut reporter = Reporter::new(args.json, quiet);
    match start(args, &reporter) {
        Ok(Some(session)) => listen(session, &mut reporter, args.json),
        Ok(None) => {
            reporter.close();
            Ok(0)
        }
        Err(error) => {
            reporter.close();
            let exit_code = error.downcast_ref::<Error>().map_or(1, Error::exit_code);
            reporter.json(&Event::Failed { message: chain(error.as_ref()), exit_code, lost_device: false });
            Err(error)
        }
    }
}

/// Everything up to the first step; `None` after a dry run.
fn start(args: &TrainArgs, reporter: &Reporter) -> Result<Option<Session>> {
    let plan = plan(args, reporter)?;
    reporter.status(&format!("reading {}", plan.scene.display()));
    let options = target::load_options(&plan.settings, plan.images.clone());
    let dataset = Dataset::load(&plan.scene, &options)?;
    if args.dry_run {
        reporter.close();
        output::print(&plan.settings.to_toml())?;
        return Ok(None);
    }
    reporter.status("opening the adapter");
    let gpu = target::open_gpu(&args.gpu, plan.settings.raster.profile)?;
    reporter.status("preparing");
    let options = RunOptions {
        folder: plan.folder,
        resume: plan.resume,
        command: command_line(),
        images: plan.images,
        preview: None,
    };
    let session = Session::spawn(gpu, plan.settings, Arc::new(dataset), options)?;
    signals::stop_on_signal(session.commands())?;
    Ok(Some(session))
}

/// Settles settings, folder and scene from the flags and, when resuming, from the run.
fn plan(args: &TrainArgs, reporter: &Reporter) -> Result<Plan> {
    let choices = &args.choices;
    let sets = choices.sets(args.gpu.profile.as_deref());
    let file = choices.config.as_deref().map(read_table).transpose()?;
    let output = args.output.as_deref();
    let earlier = match (args.resume, output) {
        (true, Some(root)) => resumable(root, args.scene.is_some(), reporter)?,
        _ => None,
    };
    if let Some(folder) = earlier {
        // Only what is given differs from the run; a preset or file given stands for all settings.
        let settings = match (&choices.preset, file) {
            (None, None) => Settings::resolve("default", Some(&folder.settings_table()?), &sets)?,
            (preset, file) => Settings::resolve(preset.as_deref().unwrap_or("default"), file.as_ref(), &sets)?,
        };
        let header = folder.header()?;
        return Ok(Plan {
            settings,
            folder,
            resume: true,
            scene: args.scene.clone().unwrap_or_else(|| header.scene.into()),
            images: choices.images.clone().or(header.images),
        });
    }
    let settings = Settings::resolve(choices.preset.as_deref().unwrap_or("default"), file.as_ref(), &sets)?;
    let Some(scene) = args.scene.clone() else {
        return Err(usage("no scene given", "splat train SCENE").into());
    };
    let root = output.map_or_else(|| RunFolder::default_path(&scene), Path::to_owned);
    let folder = RunFolder::create(&root, args.force)?;
    Ok(Plan { settings, folder, resume: false, scene, images: choices.images.clone() })
}

/// The run to resume. With a scene at hand, a folder without a run (killed too early, or never begun) is begun anew,
/// so that one command can be repeated until it is done.
fn resumable(root: &Path, scene_given: bool, reporter: &Reporter) -> Result<Option<RunFolder>> {
    match RunFolder::open(root) {
        Ok(folder) => Ok(Some(folder)),
        Err(_) if scene_given => {
            reporter.note(&format!("{} holds no run to resume: starting one", root.display()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows events until the end.
fn listen(session: Session, reporter: &mut Reporter, json: bool) -> Result<u8> {
    for event in session.events() {
        reporter.event(&event);
    }
    reporter.close();
    let summary = session.join()?;
    if summary.interrupted {
        reporter.note(&format!(
            "stopped at step {}; to go on: splat train --resume -o {}",
            summary.steps,
            summary.run.display()
        ));
        return Ok(signals::INTERRUPTED);
    }
    if !json {
        output::print(&describe(&summary))?;
    }
    Ok(0)
}

/// The result for people.
fn describe(summary: &Summary) -> String {
    let scores = match (summary.psnr, summary.ssim) {
        (Some(psnr), Some(ssim)) => format!("held-out PSNR {psnr:.2} dB, SSIM {ssim:.4}\n"),
        _ => String::new(),
    };
    format!(
        "{scores}{} splats after {} steps in {} ({:.1} steps/s, GPU memory {})\n{}\n",
        output::thousands(summary.splats as u64),
        output::thousands(summary.steps),
        output::clock(summary.seconds),
        summary.steps_per_second,
        output::bytes(summary.peak_bytes),
        summary.ply.display(),
    )
}

/// A mistake on the command line that clap cannot see.
pub(crate) fn usage(problem: &str, remedy: &str) -> Error {
    Error::Settings { problem: problem.into(), remedy: remedy.into() }
}

/// The command line as it could be typed again.
fn command_line() -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    let quote = |word: String| match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    std::env::args_os().map(|word| quote(word.to_string_lossy().into_owned())).collect::<Vec<_>>().join(" ")
}
