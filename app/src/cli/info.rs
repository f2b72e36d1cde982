//! `splat info`: what was understood of a scene, a run, a file or this machine, and what looks wrong.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use splat_core::formats::{Format, SplatInfo, for_each_block, open_splats};
use splat_core::gpu::Gpu;
use splat_core::run::RunFolder;
use splat_core::scene::{Dataset, Level, Motion, TimeBasis, View};
use splat_core::settings::{Profile, Settings};

use super::args::InfoArgs;
use super::output;
use super::target::{self, missing};

/// Finds out what it is and prints it.
pub(crate) fn run(args: &InfoArgs) -> Result<u8> {
    let facts = match &args.target {
        None => adapters(args)?,
        Some(path) if !path.exists() => return Err(missing(path).into()),
        Some(path) if path.is_dir() && RunFolder::open(path).is_ok() => run_folder(&RunFolder::open(path)?)?,
        Some(path) if Format::of_file(path).is_ok() => file(path)?,
        Some(path) => scene(path, args)?,
    };
    output::print(&if args.json { format!("{facts}\n") } else { as_text(&facts, 0) })?;
    Ok(0)
}

/// Every adapter, and the one that would be used.
fn adapters(args: &InfoArgs) -> Result<Value> {
    let list = Gpu::adapters().into_iter().enumerate().map(|(number, adapter)| {
        json!({
            "number": number, "name": adapter.name, "backend": adapter.backend,
            "device_type": adapter.device_type, "driver": adapter.driver,
        })
    });
    let list: Vec<Value> = list.collect();
    let chosen = target::open_gpu(&args.gpu, Profile::Auto)?.info().clone();
    Ok(json!({"adapters": list, "chosen": serde_json::to_value(chosen)?}))
}

/// The facts about a run.
fn run_folder(folder: &RunFolder) -> Result<Value> {
    let header = serde_json::to_value(folder.header()?)?;
    let settings = folder.settings()?;
    let checkpoints: Vec<u64> = folder.checkpoints()?.into_iter().map(|(step, _)| step).collect();
    let state = match folder.summary() {
        Some(summary) if summary.get("interrupted") == Some(&Value::Bool(false)) => "finished",
        Some(_) => "interrupted",
        None => "unfinished",
    };
    let mut summary = folder.summary().unwrap_or_default();
    if let Some(summary) = summary.as_object_mut() {
        // Scores per view are in summary.json; here they would bury the rest.
        summary.remove("views");
    }
    Ok(json!({
        "run": folder.root(), "state": state, "steps": settings.train.steps, "checkpoints": checkpoints,
        "header": header, "summary": summary,
    }))
}

/// The facts about a splat file.
fn file(path: &Path) -> Result<Value> {
    let source = open_splats(path, &mut |_| Ok(()))?;
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    let mut moving = 0;
    for_each_block(source.as_ref(), None, &mut |_| Ok(()), &mut |_, block| {
        moving += block.moving().into_iter().filter(|&moves| moves).count();
        for mean in &block.means {
            for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(mean) {
                (*low, *high) = (low.min(value), high.max(value));
            }
        }
        Ok(())
    })?;
    let info = source.info();
    let bytes = size_of(path);
    let per_splat = (info.count > 0).then(|| (10.0 * bytes as f64 / info.count as f64).round() / 10.0);
    Ok(json!({
        "file": path, "format": info.format.map(|format| format.row().name), "splats": info.count,
        "sh_degree": info.sh_degree, "dropped": info.dropped, "antialiased": info.antialiased,
        "moving": info.motion.map(|_| moving), "frames": info.motion.map(|motion| motion.frames),
        "motion": info.motion.map(|motion| motion_facts(&motion, info, bytes)),
        "bytes": bytes, "bytes_per_splat": per_splat, "min": low, "max": high, "notes": info.notes,
    }))
}

/// How a file's splats move, and what that costs.
fn motion_facts(motion: &Motion, info: &SplatInfo, bytes: u64) -> Value {
    let floats: u32 = motion.columns().iter().map(|column| column.width).sum();
    let per_splat = |bytes: u64| (10.0 * bytes as f64 / info.count.max(1) as f64).round() / 10.0;
    json!({
        "positions": basis(motion.means), "rotations": basis(motion.quats), "colours": basis(motion.sh0),
        "own_speeds": motion.dilates, "appear_and_vanish": motion.fades, "values_per_splat": floats,
        "bytes": info.motion_bytes, "bytes_per_splat": info.motion_bytes.map(per_splat),
        "file_bytes_per_frame": (motion.frames > 0).then(|| bytes / u64::from(motion.frames)),
        "file_bytes_per_second_at_30_frames": (motion.frames > 0).then(|| 30 * bytes / u64::from(motion.frames)),
    })
}

/// A basis in words.
fn basis(basis: TimeBasis) -> String {
    match basis {
        TimeBasis::STILL => "at rest".to_owned(),
        TimeBasis::Flow { poly, fourier } => format!("degree {poly}, {fourier} harmonics"),
        TimeBasis::Keyframes(count) => format!("{count} keyframes"),
    }
}

/// Bytes of a file, or of the files in a folder.
pub(super) fn size_of(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| length(&entry.path())).sum(),
        Err(_) => length(path),
    }
}

/// The facts about a scene.
fn scene(path: &Path, args: &InfoArgs) -> Result<Value> {
    let mut options = target::load_options(&Settings::default(), args.images.clone());
    options.max_resolution = 0;
    options.test_every = args.test_every.unwrap_or(options.test_every);
    let dataset = Dataset::load(path, &options)?;
    let views = || dataset.train.iter().chain(&dataset.test);
    let camera = |view: &View| [view.fx, view.fy, view.cx, view.cy].map(f64::to_bits);
    let cameras: BTreeSet<_> = views().map(|view| (view.width, view.height, camera(view))).collect();
    let sizes: BTreeSet<String> = views().map(|view| format!("{}x{}", view.width, view.height)).collect();
    let texts = |level: Level| -> Vec<&str> {
        dataset.notes.iter().filter(|note| note.level == level).map(|note| note.text.as_str()).collect()
    };
    Ok(json!({
        "scene": dataset.root, "format": dataset.format.to_string(),
        "images": dataset.train.len() + dataset.test.len(),
        "train": dataset.train.len(), "test": dataset.test.len(), "split": dataset.split,
        "time": dataset.times.as_ref().map(ToString::to_string),
        "cameras": cameras.len(), "sizes": sizes, "alpha": dataset.has_alpha,
        "points": dataset.points.len(), "extent": dataset.extent(),
        "fingerprint": format!("{:016x}", dataset.fingerprint()),
        "notes": texts(Level::Info), "warnings": texts(Level::Warning),
    }))
}

/// `key: value` lines; nested objects are indented, empty things left out.
fn as_text(facts: &Value, indent: usize) -> String {
    let mut text = String::new();
    for (key, value) in facts.as_object().into_iter().flatten() {
        let start = format!("{:indent$}{}:", "", key.replace('_', " "));
        let is_leaf = |value: &Value| !value.is_object() && value.as_str().is_none_or(|text| text.len() <= 20);
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) if items.iter().all(is_leaf) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                text.push_str(&format!("{start} {}\n", items.join(", ")));
            }
            Value::Array(items) => {
                text.push_str(&format!("{start}\n"));
                for item in items {
                    let line = match item.as_object() {
                        Some(object) => object.values().map(plain).collect::<Vec<_>>().join("  "),
                        None => plain(item),
                    };
                    text.push_str(&format!("{:indent$}  {line}\n", ""));
                }
            }
            Value::Object(_) => text.push_str(&format!("{start}\n{}", as_text(value, indent + 2))),
            _ => text.push_str(&format!("{start} {}\n", plain(value))),
        }
    }
    text
}

/// A value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
