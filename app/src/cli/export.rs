//! `splat export`: the scene of a run or a file, written for other viewers.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use splat_core::Error;
use splat_core::run::RunFolder;
use splat_core::scene::io::ply::write_splats;
use splat_core::scene::{Dataset, SplatCloud};
use splat_core::train::Trainer;

use super::args::ExportArgs;
use super::output;
use super::target::{self, Target};
use super::train::usage;

/// Exports and tells where the file is.
pub(crate) fn run(args: &ExportArgs, quiet: bool) -> Result<u8> {
    check_format(&args.output)?;
    if args.output.exists() && !args.force {
        let problem = format!("{} exists", args.output.display());
        return Err(usage(&problem, "replace it with --force, or choose another name").into());
    }
    let target = Target::open(&args.target)?;
    let (cloud, comments) = match &target.run {
        Some((folder, _)) if !folder.ply().exists() => {
            let (step, cloud) = from_checkpoint(args, &target, folder)?;
            let of = target.settings.train.steps;
            if !quiet {
                output::note(&format!("the run is unfinished: this is its checkpoint of step {step} of {of}"));
            }
            (cloud, vec![format!("step {step} of {of}, seed {}", target.settings.train.seed)])
        }
        Some((folder, _)) => {
            if !quiet {
                tell_stale(folder)?;
            }
            (target.cloud()?, vec![format!("seed {}", target.settings.train.seed)])
        }
        None => (target.cloud()?, vec![]),
    };
    write_splats(&args.output, &cloud, &comments)?;
    output::print(&format!("{}\n", args.output.display()))?;
    Ok(0)
}

/// Says when the scene is older than the newest checkpoint: the run was killed after a resume.
fn tell_stale(folder: &RunFolder) -> Result<()> {
    let written = folder.summary().and_then(|summary| summary.get("steps")?.as_u64());
    let newest = folder.checkpoints()?.pop().map(|(step, _)| step);
    if let (Some(written), Some(newest)) = (written, newest)
        && newest > written
    {
        output::warning(&format!(
            "splats.ply is of step {written}, the newest checkpoint of step {newest}: \
             `splat train --resume -o {}` brings it up to date",
            folder.root().display()
        ));
    }
    Ok(())
}

/// Refuses extensions that name no known format.
fn check_format(path: &Path) -> Result<(), Error> {
    match path.extension().map(|extension| extension.to_ascii_lowercase()) {
        Some(extension) if extension == "ply" => Ok(()),
        Some(extension) => {
            Err(usage(&format!("unknown format .{}", extension.to_string_lossy()), "the known format is .ply"))
        }
        None => Err(usage(&format!("{} has no extension to tell the format", path.display()), "name it OUT.ply")),
    }
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
