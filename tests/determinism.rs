//! Same seed, same bytes: whatever the buffers' capacity, the chunks, the threads, or interruptions.

#![allow(clippy::print_stderr, reason = "skipped tests must say so")]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::params::params_sha256;
use splat_core::settings::Settings;
use splat_core::train::Trainer;

use crate::{cli, gpu, tiny};

const METHODS: [&str; 3] = ["budget", "adc", "mcmc"];

fn shared_gpu(test: &str) -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    GPU.get_or_init(|| gpu::open(test, &GpuOptions::default())).clone()
}

fn settings(method: &str) -> Settings {
    tiny::settings(&[("density.method", &format!("\"{method}\""))])
}

fn trainer(gpu: &Arc<Gpu>, settings: &Settings) -> Trainer {
    Trainer::new(Arc::clone(gpu), settings, tiny::dataset()).unwrap()
}

/// Steps up to `goal`; returns how often the population changed.
fn advance(trainer: &mut Trainer, goal: u64) -> usize {
    let mut refinements = 0;
    while trainer.step_index() < goal {
        refinements += usize::from(trainer.step().unwrap().refined);
    }
    refinements
}

fn finish(mut trainer: Trainer, settings: &Settings) -> String {
    let refinements = advance(&mut trainer, settings.train.steps);
    trainer.finish().unwrap();
    assert!(refinements >= 2 || trainer.step_index() > 60, "the run must refine: {refinements}");
    trainer.params_sha256().unwrap()
}

/// The hash of the plain run, made once per method.
fn reference(gpu: &Arc<Gpu>, method: &str) -> &'static str {
    static HASHES: [OnceLock<String>; 3] = [const { OnceLock::new() }; 3];
    let index = METHODS.iter().position(|known| *known == method).unwrap();
    HASHES[index].get_or_init(|| {
        let settings = settings(method);
        let mut first = trainer(gpu, &settings);
        assert!(advance(&mut first, settings.train.steps) >= 3, "{method}: the schedule must refine");
        finish(first, &settings)
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let Some(gpu) = shared_gpu("the_same_seed_gives_the_same_bytes") else { return };
    for method in METHODS {
        let settings = settings(method);
        assert_eq!(finish(trainer(&gpu, &settings), &settings), reference(&gpu, method), "{method}");
    }
}

#[test]
fn another_seed_gives_other_bytes() {
    let Some(gpu) = shared_gpu("another_seed_gives_other_bytes") else { return };
    let mut settings = settings("budget");
    settings.train.seed += 1;
    assert_ne!(finish(trainer(&gpu, &settings), &settings), reference(&gpu, "budget"));
}

#[test]
fn loader_threads_and_cache_do_not_matter() {
    let Some(gpu) = shared_gpu("loader_threads_and_cache_do_not_matter") else { return };
    let mut settings = settings("budget");
    settings.data.loader_threads = 4;
    settings.data.cache_mib = 16;
    assert_eq!(finish(trainer(&gpu, &settings), &settings), reference(&gpu, "budget"));
}

#[test]
fn overflow_and_replay_do_not_matter() {
    let Some(gpu) = shared_gpu("overflow_and_replay_do_not_matter") else { return };
    for method in METHODS {
        let settings = settings(method);
        let mut cramped = trainer(&gpu, &settings);
        cramped.set_isect_capacity(64);
        advance(&mut cramped, 30);
        // Again in the middle of the run, with steps in flight.
        cramped.set_isect_capacity(64);
        assert_eq!(finish(cramped, &settings), reference(&gpu, method), "{method}");
    }
}

/// 64 KiB per binding: three chunks of rows, and tile rows in bands.
#[test]
fn chunks_and_bands_do_not_matter() {
    let Some(gpu) = shared_gpu("chunks_and_bands_do_not_matter") else { return };
    let options = GpuOptions { max_binding_bytes: Some(64 << 10), ..GpuOptions::default() };
    let Some(small) = gpu::open("chunks_and_bands_do_not_matter", &options) else { return };
    for method in METHODS {
        let settings = settings(method);
        assert_eq!(finish(trainer(&small, &settings), &settings), reference(&gpu, method), "{method}");
    }
}

#[test]
fn interruption_does_not_matter() {
    let Some(gpu) = shared_gpu("interruption_does_not_matter") else { return };
    for method in METHODS {
        let settings = settings(method);
        let mut first = trainer(&gpu, &settings);
        // Between two refinements, so that statistics are under way, and off the beat of slow columns.
        advance(&mut first, 67);
        let mut saved = Vec::new();
        first.save(&mut saved).unwrap();
        let mut second = trainer(&gpu, &settings);
        second.restore(&mut saved.as_slice()).unwrap();
        assert_eq!(second.step_index(), 67);
        assert_eq!(finish(second, &settings), reference(&gpu, method), "{method}: resumed");
        assert_eq!(finish(first, &settings), reference(&gpu, method), "{method}: saved and went on");
    }
}

/// Some splats have come to rest at step 100 and lost their columns, two photos make a step: neither where a run was
/// interrupted nor how the table is cut matters.
#[test]
fn neither_interruption_nor_chunks_matter_to_what_rests() {
    let Some(gpu) = shared_gpu("neither_interruption_nor_chunks_matter_to_what_rests") else { return };
    let options = GpuOptions { max_binding_bytes: Some(64 << 10), ..GpuOptions::default() };
    let Some(small) = gpu::open("neither_interruption_nor_chunks_matter_to_what_rests", &options) else { return };
    let dataset = tiny::timed();
    let settings = tiny::settings(&[
        ("train.recipe", "\"dynamic\""),
        ("train.batch", "2"),
        ("flow.still", "0.2"),
        ("flow.rest_pixels", "0.7"),
    ]);
    let new = |gpu: &Arc<Gpu>| Trainer::new(Arc::clone(gpu), &settings, Arc::clone(&dataset)).unwrap();
    let mut first = new(&gpu);
    advance(&mut first, 105);
    let (head, rows) = (first.params().head(), first.params().rows());
    assert!(0 < head && head < rows, "{head} of {rows} splats move: this tests nothing");
    let mut saved = Vec::new();
    first.save(&mut saved).unwrap();
    let mut second = new(&gpu);
    second.restore(&mut saved.as_slice()).unwrap();
    assert_eq!(second.params().head(), head);
    let reference = finish(first, &settings);
    assert_eq!(finish(second, &settings), reference, "resumed");
    assert_eq!(finish(new(&gpu), &settings), reference, "once more");
    assert_eq!(finish(new(&small), &settings), reference, "in chunks");
    let mut cramped = new(&gpu);
    cramped.set_isect_capacity(300);
    assert_eq!(finish(cramped, &settings), reference, "cramped");
}

/// Neighbours are found when the population changes: a resumed run has those of the run that went on.
#[test]
fn interruption_does_not_matter_to_neighbours() {
    let Some(gpu) = shared_gpu("interruption_does_not_matter_to_neighbours") else { return };
    let dataset = tiny::timed();
    let run = |rigid: &str, interrupted: bool| {
        // In truth nothing moves here: it must be let.
        let moves = [("flow.still", "1e-6"), ("flow.rest_pixels", "0.0")];
        let chosen = [("train.recipe", "\"dynamic\""), ("flow.rigid", rigid)];
        let settings = tiny::settings(&[chosen, moves].concat());
        let new = || Trainer::new(Arc::clone(&gpu), &settings, Arc::clone(&dataset)).unwrap();
        let mut trainer = new();
        if interrupted {
            advance(&mut trainer, 67);
            let mut saved = Vec::new();
            trainer.save(&mut saved).unwrap();
            trainer = new();
            trainer.restore(&mut saved.as_slice()).unwrap();
        }
        finish(trainer, &settings)
    };
    let held = run("10.0", false);
    assert_eq!(held, run("10.0", true), "resumed");
    assert_ne!(held, run("0.0", false), "neighbours make no difference");
}

/// Prunings at steps 34, 68 and 102: between refinements, and the last two once growth is over under adc.
fn pruning(method: &str) -> Settings {
    let method = format!("\"{method}\"");
    tiny::settings(&[
        ("density.method", &method),
        ("density.stop", "0.5"),
        ("density.influence_prune", "0.2"),
        ("density.influence_every", "0.28333"),
    ])
}

#[test]
fn pruning_by_influence_gives_the_same_bytes() {
    let Some(gpu) = shared_gpu("pruning_by_influence_gives_the_same_bytes") else { return };
    let options = GpuOptions { max_binding_bytes: Some(64 << 10), ..GpuOptions::default() };
    let Some(small) = gpu::open("pruning_by_influence_gives_the_same_bytes", &options) else { return };
    for method in METHODS {
        let settings = pruning(method);
        let mut first = trainer(&gpu, &settings);
        advance(&mut first, 33);
        let before = first.splats();
        assert!(first.step().unwrap().refined);
        let least = before - (0.2 * before as f64).round() as usize;
        assert!(first.splats() <= least, "{method}: {} of {before} splats stay, not {least}", first.splats());
        // Between a pruning and the refinement that looks at what was seen before it.
        advance(&mut first, 37);
        let mut saved = Vec::new();
        first.save(&mut saved).unwrap();
        let reference = finish(first, &settings);
        assert_ne!(reference, self::reference(&gpu, method), "{method}");

        let mut second = trainer(&gpu, &settings);
        second.set_isect_capacity(64);
        advance(&mut second, 50);
        second.influence().unwrap();
        assert_eq!(finish(second, &settings), reference, "{method}: cramped and looked at");
        let mut third = trainer(&small, &settings);
        third.restore(&mut saved.as_slice()).unwrap();
        assert_eq!(finish(third, &settings), reference, "{method}: resumed in chunks and bands");
    }
}

#[test]
fn looking_at_the_scene_does_not_matter() {
    let Some(gpu) = shared_gpu("looking_at_the_scene_does_not_matter") else { return };
    let settings = settings("budget");
    let mut watched = trainer(&gpu, &settings);
    for goal in [25, 50, 75] {
        advance(&mut watched, goal);
        watched.evaluate(&mut |_, _, _| Ok(())).unwrap();
        let preview = watched.preview();
        assert!(preview.ages.len() == watched.splats() && preview.ages.iter().all(|&age| u64::from(age) <= goal));
        let cloud = watched.cloud().unwrap();
        assert_eq!((preview.step, preview.cloud().unwrap()), (goal, cloud));
    }
    assert_eq!(finish(watched, &settings), reference(&gpu, "budget"));
}

#[test]
fn damaged_checkpoints_are_refused_and_change_nothing() {
    let Some(gpu) = shared_gpu("damaged_checkpoints_are_refused_and_change_nothing") else { return };
    let settings = settings("budget");
    let mut saved = Vec::new();
    let mut first = trainer(&gpu, &settings);
    advance(&mut first, 30);
    first.save(&mut saved).unwrap();
    let mut second = trainer(&gpu, &settings);
    let before = second.params_sha256().unwrap();
    for at in (0..saved.len()).step_by(saved.len() / 23) {
        let mut flipped = saved.clone();
        flipped[at] ^= 0x10;
        assert!(second.restore(&mut flipped.as_slice()).is_err(), "a flipped bit at byte {at} went unnoticed");
        assert!(second.restore(&mut &saved[..at]).is_err(), "a file cut at byte {at} went unnoticed");
    }
    assert_eq!((second.step_index(), second.params_sha256().unwrap()), (0, before));
}

#[test]
fn splats_that_leave_the_device_keep_the_hash_of_their_table() {
    let Some(gpu) = shared_gpu("splats_that_leave_the_device_keep_the_hash_of_their_table") else { return };
    for degree in ["0", "2"] {
        let mut trainer = trainer(&gpu, &tiny::settings(&[("model.sh_degree", degree)]));
        advance(&mut trainer, 3);
        assert_eq!(params_sha256(&trainer.cloud().unwrap()), trainer.params_sha256().unwrap());
    }
}

/// Trains with the program in a process of its own; returns the bytes of the PLY.
fn ply_of(run: &Path, threads: &str) -> Vec<u8> {
    let mut command = Command::new(cli::binary());
    command.arg("train").arg(tiny::folder()).arg("-o").arg(run).env("LP_NUM_THREADS", threads);
    for (key, value) in tiny::SETTINGS {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(run.join("splats.ply")).unwrap()
}

/// The software driver reads its number of threads when a device is made, hence a process each.
#[test]
fn the_drivers_threads_do_not_matter() {
    if shared_gpu("the_drivers_threads_do_not_matter").is_none() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let one = ply_of(&temp.path().join("one"), "1");
    assert!(one == ply_of(&temp.path().join("two"), "2"), "one driver thread and two give different bytes");
}
