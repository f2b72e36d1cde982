//! `splat export`: the scene of a run or a file, written for other programs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use splat_core::Error;
use splat_core::atomic;
use splat_core::formats::{Format, FormatRow, SplatSource, StartView, ViewerHints, WriteOptions, save_splats};
use splat_core::run::RunFolder;
use splat_core::scene::{Dataset, SplatCloud};
use splat_core::train::Trainer;

use super::args::ExportArgs;
use super::progress::Reporter;
use super::target::{self, Target, doubts};
use super::train::usage;
use super::{check, info, output, signals};

/// Exports and tells where the file is.
pub(crate) fn run(args: &ExportArgs, quiet: bool) -> Result<u8> {
    let format = Format::of_output(&args.output)?;
    if args.check && format.open.is_none() {
        let problem = format!("{} files cannot be read back", format.name);
        return Err(usage(&problem, "leave out --check").into());
    }
    if args.output.exists() && !args.force {
        let problem = format!("{} exists", args.output.display());
        return Err(usage(&problem, "replace it with --force, or choose another name").into());
    }
    let target = Target::open(&args.target)?;
    let mut reporter = Reporter::new(false, quiet);
    let result = export(args, format, &target, &mut reporter);
    reporter.close();
    output::print(&result?)?;
    Ok(0)
}

/// Everything from the splats to the written and checked file; returns what to print.
fn export(args: &ExportArgs, format: &FormatRow, target: &Target, reporter: &mut Reporter) -> Result<String> {
    let stopped = signals::flag_on_signal()?;
    let (unfinished, comments) = match &target.run {
        Some((folder, _)) if !folder.ply().exists() => {
            let (step, cloud) = from_checkpoint(args, target, folder)?;
            let of = target.settings.train.steps;
            reporter.note(&format!("the run is unfinished: this is its checkpoint of step {step} of {of}"));
            (Some(cloud), vec![format!("step {step} of {of}, seed {}", target.settings.train.seed)])
        }
        Some((folder, _)) => {
            tell_stale(folder, reporter)?;
            (None, vec![format!("seed {}", target.settings.train.seed)])
        }
        None => (None, vec![]),
    };
    let source: Box<dyn SplatSource + '_> = match &unfinished {
        Some(cloud) => Box::new(cloud.source()),
        None => target.source(&mut |share| told(reporter, stopped, "reading", share))?,
    };
    let options = WriteOptions {
        comments,
        sh_degree: args.sh_degree,
        spz_version: args.spz_version,
        sog_sh_iters: args.sog_sh_iters,
        viewer: viewer_hints(format, target),
    };
    doubts(source.info()).iter().for_each(|doubt| reporter.warning(doubt));
    match stored(format, target, &options).filter(|_| unfinished.is_none()) {
        Some(bytes) => atomic::write(&args.output, &bytes)?,
        None => save_splats(&args.output, source.as_ref(), &options, &mut |share| {
            told(reporter, stopped, "writing", share)
        })?,
    }
    reporter.note(&summary(format, source.as_ref(), &options, info::size_of(&args.output)));
    let mut text = format!("{}\n", args.output.display());
    if args.check {
        let difference = check::check(args, target, source.as_ref(), reporter, &|| stop_asked(stopped))?;
        text.push_str(&format!("{difference}\n"));
    }
    Ok(text)
}

/// The compressed file that exists already: the integers that training has settled on must not be quantized again.
fn stored(format: &FormatRow, target: &Target, options: &WriteOptions) -> Option<Vec<u8>> {
    let path = target.run.as_ref().map_or_else(|| target.path.clone(), |(folder, _)| folder.archive());
    let is_whole = format.format == Format::Splatz && options.sh_degree >= format.max_sh_degree;
    let is_stored = is_whole && Format::of_file(&path).is_ok_and(|row| row.format == Format::Splatz);
    is_stored.then(|| std::fs::read(&path).ok()).flatten()
}

/// How a page begins: upright, over the background of the run, and from its first photo.
fn viewer_hints(format: &FormatRow, target: &Target) -> ViewerHints {
    let mut hints = ViewerHints { background: target.background(), ..ViewerHints::default() };
    let Some((_, header)) = target.run.as_ref().filter(|_| format.format == Format::Html) else { return hints };
    // Without the photos the page still works; it only begins elsewhere.
    let options = target::load_options(&target.settings, header.images.clone());
    let Ok(dataset) = Dataset::load(Path::new(&header.scene), &options) else { return hints };
    hints.up = dataset.up().as_vec3().to_array();
    if let Some(view) = dataset.train.first() {
        let (eye, forward) = (view.position(), view.viewmat.matrix3.row(2));
        let shorter = f64::from(view.width.min(view.height));
        hints.start = Some(StartView {
            eye: eye.as_vec3().to_array(),
            target: (eye + forward * dataset.extent()).as_vec3().to_array(),
            fov_deg: (2.0 * (0.5 * shorter / view.fx.max(view.fy)).atan()).to_degrees() as f32,
        });
    }
    hints
}

/// Tells how far it is; fails when Ctrl-C was pressed.
fn told(reporter: &mut Reporter, stopped: &AtomicBool, what: &str, share: f64) -> splat_core::Result<()> {
    reporter.share(what, share);
    stop_asked(stopped)
}

/// Fails when Ctrl-C was pressed.
fn stop_asked(stopped: &AtomicBool) -> splat_core::Result<()> {
    if stopped.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) }
}

/// How large the file became, and what is not in it.
fn summary(format: &FormatRow, source: &dyn SplatSource, options: &WriteOptions, bytes: u64) -> String {
    let count = source.info().count as u64;
    let per_splat =
        if count > 0 { format!(", {:.1} bytes per splat", bytes as f64 / count as f64) } else { String::new() };
    let size = format!("{} splats in {}{per_splat}", output::thousands(count), output::bytes(bytes));
    let losses: String = format.losses(source, options).into_iter().map(|loss| format!("\n{loss}")).collect();
    format!("{}: {size}\n{}{losses}", format.name, format.about)
}

/// Says when the scene is older than the newest checkpoint: the run was killed after a resume.
fn tell_stale(folder: &RunFolder, reporter: &Reporter) -> Result<()> {
    let written = folder.summary().and_then(|summary| summary.get("steps")?.as_u64());
    let newest = folder.checkpoints()?.pop().map(|(step, _)| step);
    if let (Some(written), Some(newest)) = (written, newest)
        && newest > written
    {
        reporter.warning(&format!(
            "splats.ply is of step {written}, the newest checkpoint of step {newest}: \
             `splat train --resume -o {}` brings it up to date",
            folder.root().display()
        ));
    }
    Ok(())
}

/// The scene of a run that was killed before it wrote one.
fn from_checkpoint(args: &ExportArgs, target: &Target, folder: &RunFolder) -> Result<(u64, SplatCloud)> {
    let Some((_, header)) = &target.run else { return Err(target::missing(folder.root()).into()) };
    let options = target::load_options(&target.settings, header.images.clone());
    let dataset = Dataset::load(Path::new(&header.scene), &options)?;
    let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile)?;
    // Keeps a training process from removing the checkpoint that is being read.
    let _lock = folder.lock()?;
    let mut trainer = Trainer::new(gpu, &target.settings, Arc::new(dataset))?;
    let restored = folder.restore_newest(&mut |from| trainer.restore(from))?;
    restored.warnings.iter().for_each(|warning| output::warning(warning));
    let Some(step) = restored.step else {
        return Err(Error::Input {
            path: folder.root().into(),
            problem: "the run has neither a scene nor a checkpoint".into(),
            remedy: "train it with `splat train --resume -o RUN`".into(),
        }
        .into());
    };
    Ok((step, trainer.cloud()?))
}
