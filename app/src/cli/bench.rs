//! `splat bench`: GPU time per stage, a line each, to be compared before and after a change.

use std::path::Path;

use anyhow::Result;
use glam::DVec3;
use serde_json::json;
use splat_core::bench::{self, BenchRow};
use splat_core::camera_path::{Orbit, Sphere};
use splat_core::gpu::Gpu;
use splat_core::scene::View;
use splat_core::settings::Profile;

use super::args::{BenchArgs, SceneArgs};
use super::target::Target;
use super::{output, target};

/// Measures, printing rows as they come.
pub(crate) fn run(args: &BenchArgs) -> Result<u8> {
    let gpu = target::open_gpu(&args.gpu, Profile::Auto)?;
    if !args.json {
        let info = gpu.info();
        output::note(&format!("{} ({}), profile {}", info.adapter, info.backend, info.profile));
        output::print(&format!(
            "{:<10} {:<26} {:>9} {:>10} {:>10} {:>10} {:>9}\n",
            "workload", "stage", "splats", "size", "isects", "ms", "ns/unit"
        ))?;
    }
    let mut unread = None;
    let mut tell = |row: BenchRow| {
        let line = if args.json { as_json(&row) } else { as_row(&row) };
        output::print(&line).map_err(|source| {
            // The core's error has no kind for a closed pipe; keep the real one and end the benchmark.
            unread = Some(source);
            splat_core::Error::Cancelled
        })
    };
    let measured = match &args.target {
        Some(path) => play(&gpu, path, &mut tell),
        None => {
            let only = if args.quick { Some("W0") } else { args.workload.as_deref() };
            bench::run(&gpu, only, &mut tell).map_err(Into::into)
        }
    };
    match unread {
        Some(source) => Err(source.into()),
        None => measured.map(|()| 0),
    }
}

/// Draws a scene of the user's from in front, over its clip.
fn play(gpu: &Gpu, path: &Path, tell: &mut dyn FnMut(BenchRow) -> splat_core::Result<()>) -> Result<()> {
    const FOV: f64 = 50.0;
    let target = Target::open(path)?;
    let cloud = target.cloud()?;
    let sphere = Sphere::of_splats(&cloud);
    let eye = Orbit::around(sphere, DVec3::NEG_Y, FOV).eye;
    let view = View::look_at(eye, sphere.centre, DVec3::NEG_Y, FOV, 320, 240)?;
    let raster = target.raster_options(&cloud, &SceneArgs::default(), sphere.radius);
    Ok(bench::play(gpu, &cloud, &view, raster, tell)?)
}

fn as_json(row: &BenchRow) -> String {
    let object = json!({
        "workload": row.workload, "stage": row.stage, "splats": row.splats, "width": row.width,
        "height": row.height, "isects": row.isects, "milliseconds": row.milliseconds, "ns_per_unit": row.ns_per_unit,
    });
    format!("{object}\n")
}

fn as_row(row: &BenchRow) -> String {
    let size = format!("{}x{}", row.width, row.height);
    format!(
        "{:<10} {:<26} {:>9} {size:>10} {:>10} {:>10.3} {:>9.2}\n",
        row.workload, row.stage, row.splats, row.isects, row.milliseconds, row.ns_per_unit
    )
}
