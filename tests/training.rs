//! Training does what it is for: it fits a scene, and what it leaves behind looks the same.

use std::sync::{Arc, OnceLock};

use splat_core::formats::{load_splats, open_splats};
use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::params::RowEdit;
use splat_core::render::{Image, Renderer};
use splat_core::scene::{read_splats, write_splats};
use splat_core::train::Trainer;

use crate::{gpu, tiny};

fn shared_gpu(test: &str) -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    GPU.get_or_init(|| gpu::open(test, &GpuOptions::default())).clone()
}

fn trained(gpu: &Arc<Gpu>, changes: &[(&str, &str)], steps: u64) -> Trainer {
    let mut trainer = Trainer::new(Arc::clone(gpu), &tiny::settings(changes), tiny::dataset()).unwrap();
    while trainer.step_index() < steps {
        trainer.step().unwrap();
    }
    trainer
}

/// Held-out images as evaluated, and their PSNR.
fn evaluated(trainer: &mut Trainer) -> (Vec<Image>, f64) {
    let mut images = Vec::new();
    let evaluation = trainer
        .evaluate(&mut |_, _, image| {
            images.push(image.clone());
            Ok(())
        })
        .unwrap();
    (images, evaluation.psnr)
}

#[test]
fn a_tiny_scene_is_fitted_by_every_density_method() {
    let Some(gpu) = shared_gpu("a_tiny_scene_is_fitted_by_every_density_method") else { return };
    // Held-out PSNR; a black image has about 13 dB.
    for (method, least) in [("budget", 24.0), ("adc", 20.0), ("mcmc", 22.0)] {
        let method = format!("\"{method}\"");
        let changes = [
            ("density.method", method.as_str()),
            ("train.steps", "400"),
            ("density.opacity_reset_every", "0"),
            ("density.grad_threshold", "2e-4"),
        ];
        let mut trainer = trained(&gpu, &changes, 400);
        trainer.finish().unwrap();
        let (images, psnr) = evaluated(&mut trainer);
        eprintln!("measured: {method}: {psnr:.2} dB on {} held-out views, {} splats", images.len(), trainer.splats());
        assert_eq!(images.len(), 3);
        assert!(psnr >= least, "{method}: {psnr:.2} dB, expected at least {least}");
    }
}

#[test]
fn losses_fall_and_stay_in_a_band() {
    let Some(gpu) = shared_gpu("losses_fall_and_stay_in_a_band") else { return };
    let mut trainer = trained(&gpu, &[("train.steps", "400"), ("schedule.coarse_start", "1.0")], 20);
    let first = trainer.loss().unwrap();
    let mut last_ten = Vec::new();
    while trainer.step_index() < 400 {
        let step = trainer.step().unwrap().step;
        if step > 300 && step.is_multiple_of(10) {
            last_ten.push(trainer.loss().unwrap());
        }
    }
    let (low, high) = last_ten.iter().fold((f32::MAX, 0.0_f32), |(low, high), &loss| (low.min(loss), high.max(loss)));
    eprintln!("measured: loss {first} at the start, then {low} to {high}");
    assert_eq!(last_ten.len(), 10);
    assert!(high < 0.5 * first && high < 4.0 * low, "from {first} to {low} .. {high}");
}

#[test]
fn a_restored_trainer_shows_the_same_images() {
    let Some(gpu) = shared_gpu("a_restored_trainer_shows_the_same_images") else { return };
    let mut first = trained(&gpu, &[], 80);
    let mut saved = Vec::new();
    first.save(&mut saved).unwrap();
    let mut second = trained(&gpu, &[], 0);
    second.restore(&mut saved.as_slice()).unwrap();
    assert!(evaluated(&mut first).0 == evaluated(&mut second).0);
}

#[test]
fn influence_is_what_the_training_views_are_covered_by() {
    let Some(gpu) = shared_gpu("influence_is_what_the_training_views_are_covered_by") else { return };
    // Behind the coarse steps, so that the views have their full size.
    let mut trainer = trained(&gpu, &[], 100);
    let influence = trainer.influence().unwrap();
    let cloud = trainer.cloud().unwrap();
    let options = trainer.raster_options();
    let mut renderer = Renderer::new(&gpu, &cloud, options).unwrap();
    let dataset = tiny::dataset();
    let mut covered = 0.0;
    for view in &dataset.train {
        let pixels = renderer.render_float(view, false).unwrap().pixels;
        let sum: f64 = pixels.iter().map(|pixel| 1.0 - f64::from(pixel[3])).sum();
        covered += sum / (pixels.len() * dataset.train.len()) as f64;
    }
    let given: f64 = influence.iter().map(|&share| f64::from(share)).sum();
    assert!((given / covered - 1.0).abs() < 1e-5, "{given} given, {covered} covered");

    // What has the least influence is missed less than as many others.
    let view = &dataset.train[0];
    let whole = renderer.render_float(view, false).unwrap().pixels;
    let mut order: Vec<u32> = (0..cloud.len() as u32).collect();
    order.sort_by(|&a, &b| influence[a as usize].total_cmp(&influence[b as usize]));
    let without = |rows: &[u32]| {
        let edit = RowEdit { src: rows.to_vec(), fresh: vec![false; rows.len()], writes: Vec::new() };
        let mut renderer = Renderer::new(&gpu, &edit.apply_to(&cloud).unwrap(), options).unwrap();
        let pixels = renderer.render_float(view, false).unwrap().pixels;
        let difference = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        pixels.as_flattened().iter().zip(whole.as_flattened()).map(difference).sum::<f64>()
    };
    let part = order.len() * 3 / 20;
    let (least, most) = (without(&order[part..]), without(&order[..order.len() - part]));
    eprintln!("measured: squared error {least:.2e} without the least influential 15 %, {most:.2e} without the most");
    assert!(least < 0.05 * most, "{least:e} against {most:e}");
}

#[test]
fn the_ply_shows_what_was_evaluated() {
    let Some(gpu) = shared_gpu("the_ply_shows_what_was_evaluated") else { return };
    for antialias in ["false", "true"] {
        let mut trainer = trained(&gpu, &[("raster.antialias", antialias)], 120);
        trainer.finish().unwrap();
        let (images, _) = evaluated(&mut trainer);
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("splats.ply");
        write_splats(&path, &trainer.cloud().unwrap(), &[]).unwrap();
        let mut renderer = Renderer::new(&gpu, &read_splats(&path).unwrap(), trainer.raster_options()).unwrap();
        assert_eq!(renderer.splats(), trainer.splats());
        for (view, image) in tiny::dataset().test.iter().zip(&images) {
            let shown = renderer.render(view, [0.0; 3]).unwrap();
            let most = shown.rgba.iter().zip(&image.rgba).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= 1, "{}: off by {most} of 255, antialias {antialias}", view.name);
        }
    }
}

/// Colours, opacities and what depends on the view are trained as integers, motion beside them: the file plays what the
/// run shows.
#[test]
fn a_compact_scene_that_moves_plays_from_its_file() {
    let Some(gpu) = shared_gpu("a_compact_scene_that_moves_plays_from_its_file") else { return };
    // In truth nothing moves here: it must be let, and some of it comes to rest.
    let changes = [
        ("train.recipe", "\"dynamic\""),
        ("train.steps", "60"),
        ("density.opacity_reset_every", "0"),
        ("flow.still", "0.2"),
        ("flow.rest_pixels", "0.3"),
    ];
    let settings = tiny::preset("compact", &changes);
    let mut trainer = Trainer::new(Arc::clone(&gpu), &settings, tiny::timed()).unwrap();
    while trainer.step_index() < settings.train.steps {
        trainer.step().unwrap();
    }
    trainer.finish().unwrap();
    let (head, rows) = (trainer.params().head(), trainer.params().rows());
    assert!(0 < head && head < rows, "{head} of {rows} splats move: this tests nothing");
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("splats.splatz");
    trainer.write_archive(&path, &settings).unwrap();
    assert!(open_splats(&path, &mut |_| Ok(())).unwrap().info().motion_bytes.is_some_and(|bytes| bytes > 0));
    let played = load_splats(&path, &mut |_| Ok(())).unwrap().movers_first();
    assert_eq!((played.len() as u64, played.motion), (rows, trainer.cloud().unwrap().motion));
    assert!(played.head() as u64 <= head, "{} splats of the file move, {head} of the run", played.head());
    let mut of_run = Renderer::new(&gpu, &trainer.cloud().unwrap(), trainer.raster_options()).unwrap();
    let mut of_file = Renderer::new(&gpu, &played, trainer.raster_options()).unwrap();
    let mut shown = Vec::new();
    for time in [0.1, 0.8] {
        let mut view = tiny::dataset().test[0].clone();
        view.time = Some(time);
        let (run, file) = (of_run.render(&view, [0.0; 3]).unwrap(), of_file.render(&view, [0.0; 3]).unwrap());
        let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
        let mean = run.rgba.iter().zip(&file.rgba).map(square).sum::<f64>() / (0.75 * run.rgba.len() as f64);
        let psnr = 10.0 * (255.0 * 255.0 / mean).log10();
        eprintln!("measured: {psnr:.2} dB between run and file at {time}, {head} of {rows} splats move");
        assert!(psnr > 36.0, "at {time} the file differs from the run by {psnr:.2} dB");
        shown.push(file.rgba);
    }
    assert_ne!(shown[0], shown[1], "nothing moves");
}
