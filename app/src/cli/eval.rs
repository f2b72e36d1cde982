//! `splat eval`: PSNR and SSIM on the held-out photos.

use anyhow::Result;
use serde_json::json;
use splat_core::Error;
use splat_core::render::{Evaluation, Renderer, evaluate_views};
use splat_core::run::comparison::ImageFolder;

use super::args::EvalArgs;
use super::target::{self, Target};
use super::{BelowThreshold, output};

/// Evaluates and prints the scores.
pub(crate) fn run(args: &EvalArgs, quiet: bool) -> Result<u8> {
    let target = Target::open(&args.target)?;
    let dataset = target.dataset(&args.scene)?;
    if dataset.test.is_empty() {
        return Err(Error::Input {
            path: dataset.root.clone(),
            problem: "no photo is held out".into(),
            remedy: "hold out some with --test-every 8 (those it was trained on say little)".into(),
        }
        .into());
    }
    if !quiet {
        target::tell_warnings(&dataset);
    }
    let cloud = target.cloud()?;
    let gpu = target::open_gpu(&args.gpu, target.settings.raster.profile)?;
    let raster = target.raster_options(&cloud, &args.scene, dataset.extent());
    let mut renderer = Renderer::new(&gpu, &cloud, raster)?;
    let mut images = args.save_images.as_deref().map(ImageFolder::create).transpose()?;
    let background = target.settings.model.evaluation_background(dataset.has_alpha);
    let scores =
        evaluate_views(&mut renderer, &dataset.test, background, &mut |view, photo, render| match &mut images {
            Some(images) => images.compare(&view.name, render, photo, background).map(|_| ()),
            None => Ok(()),
        })?;
    output::print(&if args.json { as_json(&scores) } else { as_table(&scores) })?;
    match args.require_psnr {
        // Written so that NaN is below every threshold.
        Some(required) if !matches!(scores.psnr.partial_cmp(&required), Some(order) if order.is_ge()) => {
            Err(BelowThreshold { found: scores.psnr, required }.into())
        }
        _ => Ok(0),
    }
}

/// One object on one line.
fn as_json(scores: &Evaluation) -> String {
    let views = scores.views.iter();
    let views: Vec<_> = views.map(|view| json!({"name": view.name, "psnr": view.psnr, "ssim": view.ssim})).collect();
    let object = json!({"psnr": scores.psnr, "ssim": scores.ssim, "views": views, "splats": scores.splats});
    format!("{object}\n")
}

/// A row per view and the means.
fn as_table(scores: &Evaluation) -> String {
    let width = scores.views.iter().map(|view| view.name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:<width$}  {:>7}  {:>6}\n", "view", "PSNR dB", "SSIM");
    for view in &scores.views {
        text.push_str(&format!("{:<width$}  {:>7.2}  {:>6.4}\n", view.name, view.psnr, view.ssim));
    }
    let splats = output::thousands(scores.splats as u64);
    text + &format!("{:<width$}  {:>7.2}  {:>6.4}  ({splats} splats)\n", "mean", scores.psnr, scores.ssim)
}
