//! GPU time per stage at fixed synthetic workloads.
//!
//! A workload is a cloud of random splats in a box, seen from in front and trained towards a grey
//! photo: the same bytes on every machine. Sizes of splats are set so that each touches about
//! three tiles at W0.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use glam::DVec3;

use crate::density::rng::Rng;
use crate::error::{Error, Result};
use crate::gpu::layout::counter;
use crate::gpu::{Buf, Gpu, Pass, Profiler};
use crate::loss::{Loss, LossBuffers, Photometric};
use crate::model::{Model, RasterOptions, frame_uniform};
use crate::optim::Adam;
use crate::params::Params;
use crate::render::{finished_phase, upload_cloud, viewing_model};
use crate::scene::{Motion, SplatCloud, TimeBasis, View};
use crate::schedule::Rate;
use crate::stage::decode::{Decode, DecodeCodecs, DecodeRates};
use crate::stage::flow::{Flow, FlowRates};
use crate::stage::rasterize::{Blending, Capacity, Rasterize};
use crate::stage::sh::Sh;
use crate::stage::{Frame, Scratch, Stage, Target};

/// One line of the report.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct BenchRow {
    /// Which workload.
    pub workload: String,
    /// Which stage, or `step` for the whole by wall clock.
    pub stage: String,
    /// Splats.
    pub splats: usize,
    /// Image width in pixels.
    pub width: u32,
    /// Image height in pixels.
    pub height: u32,
    /// Splat–tile intersections.
    pub isects: u64,
    /// Per step.
    pub milliseconds: f64,
    /// Nanoseconds per splat, intersection or pixel, whichever the stage works through.
    pub ns_per_unit: f64,
}

struct Workload {
    name: &'static str,
    splats: usize,
    width: u32,
    height: u32,
    /// Share of the splats that move.
    moving: f64,
}

const fn workload(name: &'static str, splats: usize, width: u32, height: u32) -> Workload {
    Workload { name, splats, width, height, moving: 0.0 }
}

/// W0 is the CPU target of the design notes; the others show growth in splats and in pixels.
const WORKLOADS: &[Workload] = &[
    workload("W0", 50_000, 320, 240),
    workload("10k", 10_000, 320, 240),
    workload("100k", 100_000, 320, 240),
    Workload { moving: 0.25, ..workload("quarter", 100_000, 320, 240) },
    Workload { moving: 1.0, ..workload("moving", 100_000, 320, 240) },
    workload("200k", 200_000, 320, 240),
    workload("160x120", 50_000, 160, 120),
    workload("640x480", 50_000, 640, 480),
    workload("1280x960", 50_000, 1280, 960),
];
/// The workload of discrete GPUs: a million splats at 1080p.
const W1: Workload = workload("W1", 1_000_000, 1920, 1080);

fn cloud(count: usize) -> SplatCloud {
    let rng = Rng::new(7, 0);
    let uniform = |i: usize, lane: u32| rng.uniform(i, lane) as f32;
    let signed = |i, lane| 2.0 * uniform(i, lane) - 1.0;
    // Half axes shrink with the number of splats as a surface's would.
    let size = 0.0136 * (50_000.0 / count as f32).sqrt();
    SplatCloud {
        means: (0..count).map(|i| [1.3 * signed(i, 0), signed(i, 1), 0.5 * signed(i, 2)]).collect(),
        quats: (0..count).map(|i| [1.0, signed(i, 3), signed(i, 4), signed(i, 5)]).collect(),
        log_scales: (0..count).map(|i| [6, 7, 8].map(|lane| (size * (0.3 + 1.4 * uniform(i, lane))).ln())).collect(),
        opacity_logits: (0..count).map(|i| 3.0 * signed(i, 9)).collect(),
        sh0: (0..count).map(|i| [10, 11, 12].map(|lane| signed(i, lane))).collect(),
        sh_rest: (0..count * 45).map(|i| 0.1 * signed(i, 13)).collect(),
        sh_degree: 3,
        antialiased: false,
        ..SplatCloud::default()
    }
}

/// The first of the splats move a little, as the default settings let them.
fn moving(cloud: SplatCloud, count: usize) -> SplatCloud {
    let body = TimeBasis::Flow { poly: 3, fourier: 4 };
    let sh0 = TimeBasis::Flow { poly: 1, fourier: 2 };
    let mut cloud =
        cloud.with_motion(Motion { means: body, quats: body, sh0, dilates: false, fades: true, frames: 300 });
    for column in &mut cloud.more {
        let values = column.values.iter_mut().take(count * column.width);
        values.enumerate().for_each(|(i, value)| *value = 1e-3 * ((i % 7) as f32 - 3.0));
    }
    cloud
}

/// As in the default settings.
const SH_EVERY: u32 = 4;

fn model(motion: Option<Motion>) -> Model {
    let rate = Rate::constant(1e-6);
    let rates = DecodeRates { means: rate, log_scales: rate, quats: rate, opacity_logits: rate, regularized: false };
    let mut stages: Vec<Box<dyn Stage>> = vec![Box::new(Decode { rates, codecs: DecodeCodecs::default() })];
    let flow = |motion| Flow { motion, rates: FlowRates::all(rate), still: 0.0, rest: None };
    stages.extend(motion.map(|motion| Box::new(flow(motion)) as Box<dyn Stage>));
    stages.extend([Box::new(Sh::plain(3, rate, rate, SH_EVERY)) as Box<dyn Stage>, Box::new(Rasterize::default())]);
    Model::new(stages)
}

// What a stage's time is divided by.
fn units(stage: &str, splats: u64, isects: u64, pixels: u64) -> u64 {
    match stage {
        "loss.photometric" => pixels,
        "rasterize.blend"
        | "rasterize.blend_bwd"
        | "rasterize.gather"
        | "rasterize.emit"
        | "rasterize.tile_sort"
        | "rasterize.offsets" => isects,
        _ => splats,
    }
    .max(1)
}

/// Runs the workloads, or the one of a name, and reports each stage.
///
/// # Errors
/// [`Error::Settings`] when there is none of that name; device errors, and what `each` returns.
pub fn run(gpu: &Arc<Gpu>, only: Option<&str>, each: &mut dyn FnMut(BenchRow) -> Result<()>) -> Result<()> {
    let software = gpu.info().device_type == "Cpu";
    let all = WORKLOADS.iter().chain([&W1]);
    if let Some(name) = only {
        let Some(workload) = all.clone().find(|workload| workload.name == name) else {
            let known: Vec<&str> = all.map(|workload| workload.name).collect();
            let problem = format!("there is no workload \"{name}\"");
            return Err(Error::settings(problem, format!("the workloads are {}", known.join(", "))));
        };
        return measure(gpu, workload, each);
    }
    all.filter(|workload| !(software && workload.name == W1.name)).try_for_each(|workload| measure(gpu, workload, each))
}

/// Draws a scene from a view at moments over its clip and reports each stage, and the whole by wall clock as `picture`:
/// the least of all pictures, since other programs only ever add to a time.
///
/// # Errors
/// Device errors, and what `each` returns.
pub fn play(
    gpu: &Gpu,
    cloud: &SplatCloud,
    view: &View,
    options: RasterOptions,
    each: &mut dyn FnMut(BenchRow) -> Result<()>,
) -> Result<()> {
    const WARM_UP: u32 = 2;
    const PICTURES: u32 = 16;
    let degree = u32::from(cloud.sh_degree);
    let still = Rate::constant(0.0);
    let model = viewing_model(Sh::plain(degree, still, still, 1), cloud.motion, Blending::Composite);
    let rows = cloud.len() as u64;
    let params = Params::with_head(gpu, model.columns(), rows, cloud.head() as u64, false);
    upload_cloud(gpu, &params, cloud)?;
    let empty = Capacity { trains: false, ..Capacity::training(rows, 4 * rows) };
    let mut scratch = Scratch::new(gpu, empty.with_image(view.width, view.height), params.rows_per_chunk())?;
    let mut profiler = Profiler::new(gpu);
    let mut least: BTreeMap<&str, f64> = BTreeMap::new();
    let (mut picture, mut isects) = (0, 0);
    while picture < WARM_UP + PICTURES {
        let started = Instant::now();
        let time = f64::from(picture.saturating_sub(WARM_UP)) / f64::from(PICTURES - 1);
        let view = View { time: Some(time), ..view.clone() };
        let mut pass = Pass::profiled(gpu, "play", profiler.as_mut());
        let mut frame =
            Frame::new(frame_uniform(&view, &options, rows, scratch.capacity.isects), finished_phase(degree), &scratch);
        model.forward(&mut pass, &params, &mut frame);
        pass.submit();
        match &mut profiler {
            Some(profiler) => profiler.collect(gpu)?,
            None => gpu.wait()?,
        }
        let elapsed = started.elapsed().as_secs_f64() * 1e3;
        let counters = scratch.counters.read(gpu)?;
        if counters[counter::OVERFLOW as usize] != 0 {
            let grown = scratch.grown(gpu, counters[counter::NEEDED as usize])?;
            scratch = Scratch::new(gpu, grown, params.rows_per_chunk())?;
            continue;
        }
        picture += 1;
        isects = u64::from(counters[counter::ISECTS as usize]);
        let stages = profiler.as_mut().map(Profiler::take).unwrap_or_default();
        if picture > WARM_UP {
            for (stage, milliseconds) in stages.into_iter().chain([("picture", elapsed)]) {
                let least = least.entry(stage).or_insert(milliseconds);
                *least = least.min(milliseconds);
            }
        }
    }
    let pixels = u64::from(view.width) * u64::from(view.height);
    for (stage, milliseconds) in least {
        each(BenchRow {
            workload: "scene".to_owned(),
            stage: stage.to_owned(),
            splats: cloud.len(),
            width: view.width,
            height: view.height,
            isects,
            milliseconds,
            ns_per_unit: milliseconds * 1e6 / units(stage, rows, isects, pixels) as f64,
        })?;
    }
    Ok(())
}

fn measure(gpu: &Gpu, workload: &Workload, each: &mut dyn FnMut(BenchRow) -> Result<()>) -> Result<()> {
    const WARM_UP: u32 = 2;
    const STEPS: u32 = 8;
    let (width, height) = (workload.width, workload.height);
    let mut view = View::look_at(DVec3::new(0.0, 0.0, -2.6), DVec3::ZERO, DVec3::NEG_Y, 42.0, width, height)?;
    view.time = Some(0.3);
    let mut cloud = cloud(workload.splats);
    if workload.moving > 0.0 {
        cloud = moving(cloud, (workload.moving * workload.splats as f64) as usize);
    }
    let model = model(cloud.motion);
    let head = if cloud.motion.is_some() { cloud.head() } else { cloud.len() };
    let params = Params::with_head(gpu, model.columns(), cloud.len() as u64, head as u64, true);
    upload_cloud(gpu, &params, &cloud)?;
    let adam = Adam::new(gpu, &params, u64::from(WARM_UP + STEPS));
    let rows = cloud.len() as u64;
    let empty = Capacity::training(rows, 4 * rows);
    let mut scratch = Scratch::new(gpu, empty.with_image(width, height), params.rows_per_chunk())?;
    let pixels = u64::from(width) * u64::from(height);
    let loss = Photometric { ssim_weight: 0.2, alpha_weight: 0.0, buffers: Arc::new(LossBuffers::new(gpu, pixels)) };
    let target = Target {
        photo: Buf::from_slice(gpu, "photo", &vec![0xff80_8080_u32; pixels as usize]),
        mask: Buf::new(gpu, "mask", 0),
        has_mask: false,
        background: [0.0; 3],
    };
    let options = RasterOptions { antialias: false, near: 0.01 };
    let mut profiler = Profiler::new(gpu);
    let mut wall = 0.0;
    let mut step = 1;
    while step <= WARM_UP + STEPS {
        let started = Instant::now();
        let phase = crate::schedule::Phase {
            step: u64::from(step),
            steps: u64::from(WARM_UP + STEPS),
            sh_update: step.is_multiple_of(SH_EVERY),
            ..finished_phase(3)
        };
        let mut pass = Pass::profiled(gpu, "bench", profiler.as_mut());
        let mut frame = Frame {
            target: Some(&target),
            ..Frame::new(frame_uniform(&view, &options, rows, scratch.capacity.isects), phase, &scratch)
        };
        model.forward(&mut pass, &params, &mut frame);
        loss.add(&mut pass, &params, &mut frame);
        model.backward(&mut pass, &params, &mut frame);
        adam.step(&mut pass, &params, &phase, &scratch);
        pass.submit();
        match &mut profiler {
            Some(profiler) => profiler.collect(gpu)?,
            None => gpu.wait()?,
        }
        let counters = scratch.counters.read(gpu)?;
        if counters[counter::OVERFLOW as usize] != 0 {
            scratch =
                Scratch::new(gpu, scratch.grown(gpu, counters[counter::NEEDED as usize])?, params.rows_per_chunk())?;
            continue;
        }
        if step == WARM_UP {
            let _ = profiler.as_mut().map(Profiler::take);
        }
        if step > WARM_UP {
            wall += started.elapsed().as_secs_f64() * 1e3;
        }
        step += 1;
    }
    let isects = u64::from(scratch.counters.read(gpu)?[counter::ISECTS as usize]);
    let row = |stage: &str, milliseconds: f64| BenchRow {
        workload: workload.name.to_owned(),
        stage: stage.to_owned(),
        splats: workload.splats,
        width,
        height,
        isects,
        milliseconds,
        ns_per_unit: milliseconds * 1e6 / units(stage, rows, isects, pixels) as f64,
    };
    for (stage, total) in profiler.as_mut().map(Profiler::take).unwrap_or_default() {
        each(row(stage, total / f64::from(STEPS)))?;
    }
    each(row("step", wall / f64::from(STEPS)))
}
