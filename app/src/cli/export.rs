//! `splat export`: the scene of a run or a file, written for other programs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use splat_core::Error;
use splat_core::atomic;
use splat_core::formats::{Format, FormatRow, SplatSource, StartView, ViewerHints, WriteOptions, save_splats};
use splat_core::run::RunFolder;
use splat_core::scene::Dataset;
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
    if args.frames.is_none() && args.output.exists() && !args.force {
        let problem = format!("{} exists", args.output.display());
        return Err(usage(&problem, "replace it with --force, or choose another name").into());
    }
    if args.quality.is_some() && format.format != Format::Splatz {
        let problem = format!("--quality is for .splatz, not for {} files", format.name);
        return Err(usage(&problem, "leave out --quality").into());
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
            let (step, mut trainer) = restored(args, target, folder)?;
            let of = target.settings.train.steps;
            reporter.note(&format!("the run is unfinished: this is its checkpoint of step {step} of {of}"));
            (Some(trainer.cloud()?), vec![format!("step {step} of {of}, seed {}", target.settings.train.seed)])
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
    let defaults = WriteOptions::default();
    let options = WriteOptions {
        comments,
        sh_degree: args.sh_degree,
        spz_version: args.spz_version,
        sog_sh_iters: args.sog_sh_iters,
        quality: args.quality.unwrap_or(defaults.quality),
        time: args.time,
        viewer: viewer_hints(format, target),
    };
    doubts(source.info()).iter().for_each(|doubt| reporter.warning(doubt));
    if (args.time.is_some() || args.frames.is_some()) && source.info().motion.is_none() {
        return Err(usage("--time and --frames are for scenes that move", "leave them out").into());
    }
    if let Some(count) = args.frames {
        return frames(args, format, source.as_ref(), &options, count, reporter, stopped);
    }
    let lost = match exact(args, format, target)? {
        Some(bytes) => atomic::write(&args.output, &bytes).map(|()| Vec::new())?,
        None => save_splats(&args.output, source.as_ref(), &options, &mut |share| {
            told(reporter, stopped, "writing", share)
        })?,
    };
    let lost = [format.losses(source.as_ref(), &options), lost].concat();
    reporter.note(&summary(format, source.info().count, info::size_of(&args.output), &lost));
    let mut text = format!("{}\n", args.output.display());
    if args.check {
        let moment = format.moment(source.info(), &options);
        let difference = check::check(args, target, source.as_ref(), moment, reporter, &|| stop_asked(stopped))?;
        text.push_str(&format!("{difference}\n"));
    }
    Ok(text)
}

/// A file per moment, evenly spaced over the scene's time; returns what to print.
fn frames(
    args: &ExportArgs,
    format: &FormatRow,
    source: &dyn SplatSource,
    options: &WriteOptions,
    count: u32,
    reporter: &mut Reporter,
    stopped: &AtomicBool,
) -> Result<String> {
    let paths = numbered(&args.output, format, count)?;
    if let Some(found) = paths.iter().find(|path| path.exists() && !args.force) {
        let problem = format!("{} exists", found.display());
        return Err(usage(&problem, "replace the files with --force, or choose another name").into());
    }
    let (mut bytes, mut lost) = (0, Vec::new());
    for (frame, path) in paths.iter().enumerate() {
        let time = frame as f64 / f64::from(count - 1);
        let options = WriteOptions { time: Some(time), ..options.clone() };
        save_splats(path, source, &options, &mut |share| {
            told(
                reporter,
                stopped,
                &format!("writing {} of {count}", frame + 1),
                (frame as f64 + share) / f64::from(count),
            )
        })?;
        bytes += info::size_of(path);
        if frame == 0 {
            lost = format.losses(source, &WriteOptions { time: None, ..options });
        }
    }
    // That each file stands still was asked for.
    lost.retain(|loss| !loss.contains("stand still"));
    reporter.note(&format!(
        "{count} files, {} in all\n{}",
        output::bytes(bytes),
        summary(format, source.info().count, bytes / u64::from(count), &lost)
    ));
    let ends = [paths.first(), paths.last()];
    Ok(ends.into_iter().flatten().map(|path| format!("{}\n", path.display())).collect())
}

/// The names of so many files, `scene_0000.ply` and so on for `scene.ply`: as long as the last number needs, so that
/// they sort.
fn numbered(output: &Path, format: &FormatRow, count: u32) -> Result<Vec<PathBuf>> {
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lower = name.to_lowercase();
    // Endings may have two parts, such as .compressed.ply.
    let ending =
        format.extensions.iter().filter(|ending| lower.ends_with(&format!(".{ending}"))).map(|e| e.len()).max();
    let Some(stem) = ending.and_then(|length| name.get(..name.len() - length - 1)).filter(|stem| !stem.is_empty())
    else {
        let problem = format!("{name} has no place for a number");
        return Err(usage(&problem, &format!("choose a name such as scene.{}", format.extensions[0])).into());
    };
    let ending = &name[stem.len()..];
    let digits = (count - 1).to_string().len().max(4);
    Ok((0..count).map(|frame| output.with_file_name(format!("{stem}_{frame:0digits$}{ending}"))).collect())
}

/// A compressed file with the very integers that training settled on, which must not be quantized again: the one that
/// exists, or of another quality from the checkpoint.
fn exact(args: &ExportArgs, format: &FormatRow, target: &Target) -> Result<Option<Vec<u8>>> {
    if format.format != Format::Splatz || args.time.is_some() || args.sh_degree < format.max_sh_degree {
        return Ok(None);
    }
    if let Some((folder, _)) = &target.run
        && (args.quality.is_some() || !folder.ply().exists())
    {
        let quality = args.quality.unwrap_or(target.settings.output.quality);
        let (_, mut trainer) = restored(args, target, folder)?;
        return Ok(Some(trainer.archive(&target.settings, quality, None)?.to_bytes()?));
    }
    let path = target.run.as_ref().map_or_else(|| target.path.clone(), |(folder, _)| folder.archive());
    let is_stored = args.quality.is_none()
        && target.path.exists()
        && Format::of_file(&path).is_ok_and(|row| row.format == Format::Splatz);
    Ok(is_stored.then(|| std::fs::read(&path).ok()).flatten())
}

/// How a viewer begins: upright, over the background of the run, and from its first photo.
fn viewer_hints(format: &FormatRow, target: &Target) -> ViewerHints {
    let mut hints = ViewerHints { background: target.background(), ..ViewerHints::default() };
    let views = matches!(format.format, Format::Html | Format::Splatv);
    let Some((_, header)) = target.run.as_ref().filter(|_| views) else { return hints };
    // Without the photos a page still works; it only begins elsewhere.
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
fn summary(format: &FormatRow, splats: usize, bytes: u64, lost: &[String]) -> String {
    let per_splat =
        if splats > 0 { format!(", {:.1} bytes per splat", bytes as f64 / splats as f64) } else { String::new() };
    let size = format!("{} splats in {}{per_splat}", output::thousands(splats as u64), output::bytes(bytes));
    let lost: String = lost.iter().map(|loss| format!("\n{loss}")).collect();
    format!("{}: {size}\n{}{lost}", format.name, format.about)
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

/// The trainer of a run as it was at its newest checkpoint, and the step of that.
fn restored(args: &ExportArgs, target: &Target, folder: &RunFolder) -> Result<(u64, Trainer)> {
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
            problem: "the run has no checkpoint".into(),
            remedy: "train it with `splat train --resume -o RUN`".into(),
        }
        .into());
    };
    if step >= target.settings.train.steps {
        // As the run itself did before it wrote its scene.
        trainer.finish()?;
    }
    Ok((step, trainer))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use splat_core::formats::Format;

    use super::numbered;

    #[test]
    fn numbers_stand_before_the_ending_and_sort() {
        let names = |name: &str, count: u32| {
            let paths = numbered(Path::new(name), Format::of_output(Path::new(name)).expect("a format"), count)?;
            let ends = [paths.first(), paths.last()].map(|path| path.map(|path| path.display().to_string()));
            anyhow::Ok(ends.map(Option::unwrap_or_default))
        };
        let of = |name, count| names(name, count).expect("names");
        assert_eq!(of("out/v1.2.ply", 24), ["out/v1.2_0000.ply", "out/v1.2_0023.ply"]);
        assert_eq!(of("a.compressed.PLY", 2), ["a_0000.compressed.PLY", "a_0001.compressed.PLY"]);
        assert_eq!(of("a.ply", 10_000)[1], "a_9999.ply");
        assert_eq!(of("a.ply", 10_001), ["a_00000.ply", "a_10000.ply"]);
        assert!(names("meta.json", 3).is_err());
    }
}
