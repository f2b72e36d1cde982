//! `.splatv` files: splats that move, as the splaTV viewer reads them.
//!
//! A magic number and the length of a JSON text, that text, and an RGBA32UI texture of 4096 texels a row, four of which
//! hold one entry ([`entry::Entry`]). Unused texels at the end are zero. Colours do not depend on the view. A splat
//! whose motion takes more than a cubic is several entries, each seen in a window of time; [`fit`] says how.

mod entry;
mod fit;
#[cfg(test)]
mod tests;
mod track;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glam::DVec3;
use serde_json::{Value, json};

use super::rows::{Kept, Rows};
use super::source::sphere;
use super::window::Window;
use super::{BLOCK, Format, FormatRow, SplatInfo, SplatSource, StartView, ViewerHints, WriteOptions, for_each_block};
use crate::atomic;
use crate::camera_path::{Orbit, Sphere};
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;
use crate::scene::{Motion, SplatCloud, TimeBasis, View};
use entry::{BYTES, Entry, MOTION};
use fit::{Fitter, Report, WINDOWS};
use track::Samples;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Splatv,
    name: "splatv (splaTV)",
    extensions: &["splatv"],
    about: "Splats that move, for the splaTV viewer. Motion as cubics in windows of time; 8-bit colours, no \
            view-dependent colour.",
    sniff: |_, head, _| head.starts_with(&MAGIC.to_le_bytes()) && head.get(8) == Some(&b'['),
    open: Some(open),
    write: Some(write),
    max_sh_degree: 0,
    estimate: |splats, _| HEADER + splats * BYTES as u64,
};

const MAGIC: u32 = 0x674b;
/// Bytes in front of the texture, about.
const HEADER: u64 = 500;
/// Texels of a row of the texture, and entries.
const ROW_TEXELS: usize = 4096;
const ROW_ENTRIES: usize = ROW_TEXELS / 4;
/// More rows than any graphics device lets a texture have.
const MOST_ROWS: usize = 16384;
/// No description is this long.
const MOST_JSON: u64 = 16 << 20;
/// A distance that nobody sees, in radii of the scene: half a pixel, where the scene fills a thousand.
const FLOOR: f64 = 0.001;
/// Size and field of view of the camera that a viewer begins with, where none is given.
const CAMERA_SIZE: (u32, u32) = (1280, 720);
const CAMERA_FOV: f64 = 50.0;
/// Share of the time that is over when the extent is known.
const MEASURED: f64 = 0.1;

struct Splatv {
    path: PathBuf,
    rows: Rows,
    kept: Kept,
    info: SplatInfo,
}

impl SplatSource for Splatv {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let mut cloud = SplatCloud::default();
        if let Some(motion) = self.info.motion {
            cloud = cloud.with_motion(motion);
        }
        for rows in rows.chunks(BLOCK) {
            for bytes in self.rows.gather(&self.kept.in_file(rows))?.chunks_exact(BYTES) {
                let changed = || Error::input(&self.path, "the file was changed while it was read", "open it again");
                Entry::of(bytes).ok_or_else(changed)?.push_to(&mut cloud, self.info.motion);
            }
        }
        Ok(cloud)
    }
}

/// Where the entries of a file begin, and how many bytes they have.
fn layout(path: &Path, window: &Window) -> Result<(u64, u64)> {
    let cut = "the file was cut short or is damaged; export it again";
    let head = window.read(0, 8)?;
    let word = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_le_bytes);
    let length = u64::from(word(4));
    if word(0) != MAGIC || length > MOST_JSON.min(window.length().saturating_sub(8)) {
        let problem = format!("a description of {length} bytes does not fit into {} bytes", window.length());
        return Err(Error::input(path, problem, cut));
    }
    let chunks: Vec<Value> = serde_json::from_slice(&window.read(8, length)?)
        .map_err(|error| Error::input(path, format!("its description is no list in JSON: {error}"), cut))?;
    let mut start = 8 + length;
    for chunk in &chunks {
        let size = chunk["size"].as_u64();
        if chunk["type"] != "splat" {
            start = start.saturating_add(size.unwrap_or(0));
            continue;
        }
        let Some(size) = size.filter(|size| size % BYTES as u64 == 0) else {
            let problem = format!("{} bytes are no whole number of entries of {BYTES} bytes", chunk["size"]);
            return Err(Error::input(path, problem, cut));
        };
        if start.saturating_add(size) > window.length() {
            let problem =
                format!("it promises {size} bytes of splats, and has {}", window.length().saturating_sub(start));
            return Err(Error::input(path, problem, cut));
        }
        return Ok((start, size));
    }
    Err(Error::input(path, "its description names no splats", "export it again, with a part of type \"splat\""))
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let window = Window::open(path)?;
    let (start, size) = layout(path, &window)?;
    let count = usize::try_from(size / BYTES as u64).unwrap_or(usize::MAX);
    if u32::try_from(count).is_err() {
        return Err(Error::input(path, format!("{count} splats are too many"), "cut the scene into parts"));
    }
    let rows = Rows::in_file(Arc::new(window), start, BYTES, count)?;
    let (mut kept, mut unused, mut uses) = (Kept::default(), 0, [false; 3]);
    rows.scan(progress, &mut |first, bytes| {
        for (index, row) in bytes.chunks_exact(BYTES).enumerate() {
            match Entry::of(row) {
                Some(entry) => uses.iter_mut().zip(entry.uses()).for_each(|(any, this)| *any |= this),
                None => {
                    kept.leave_out(first + index);
                    unused += usize::from(row.iter().all(|&byte| byte == 0));
                }
            }
        }
    })?;
    let [moves, turns, fades] = uses;
    let only = |used, basis| if used { basis } else { TimeBasis::STILL };
    let motion = Motion { means: only(moves, MOTION.means), quats: only(turns, MOTION.quats), fades, ..MOTION };
    let info = SplatInfo {
        format: Some(Format::Splatv),
        count: rows.count() - kept.dropped(),
        motion: uses.contains(&true).then_some(motion),
        dropped: kept.dropped() - unused,
        ..SplatInfo::default()
    };
    Ok(Box::new(Splatv { path: path.to_path_buf(), rows, kept, info }))
}

fn write(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<String>> {
    let info = source.info();
    let sphere = sphere(source, &mut |share| progress(MEASURED * share))?;
    let camera = camera(&sphere, &options.viewer)?;
    let mut fitter = Fitter::new(Samples::new(info.motion), FLOOR * sphere.radius);
    let mut texture = Vec::new();
    for_each_block(source, None, &mut |share| progress(MEASURED + (1.0 - MEASURED) * share), &mut |_, block| {
        let moving = if info.motion.is_some() { block.moving() } else { vec![false; block.len()] };
        let mut entries = Vec::new();
        for (row, moves) in moving.into_iter().enumerate() {
            entries.clear();
            fitter.push(block, row, moves, &mut entries);
            texture.extend(entries.iter().flat_map(Entry::bytes));
        }
        Ok(())
    })?;
    let count = texture.len() / BYTES;
    let height = count.div_ceil(ROW_ENTRIES);
    if count == 0 || height > MOST_ROWS {
        return Err(Error::settings(
            format!("a .splatv file cannot hold {count} visible splats"),
            format!("it holds 1 to {}: choose PLY, or fewer splats", MOST_ROWS * ROW_ENTRIES),
        ));
    }
    texture.resize(height * ROW_ENTRIES * BYTES, 0);
    let header = header(texture.len(), height, &camera);
    let refused = |source| Error::io(path, "write", source);
    atomic::write_with(path, &mut |out| {
        out.write_all(&header).and_then(|()| out.write_all(&texture)).map_err(refused)
    })?;
    Ok(told(&fitter.report, sphere.radius))
}

/// What stands in front of the texture.
fn header(size: usize, height: usize, camera: &Value) -> Vec<u8> {
    let chunk = json!([{
        "type": "splat", "size": size, "texwidth": ROW_TEXELS, "texheight": height, "cameras": [camera],
    }]);
    let json = chunk.to_string();
    [&MAGIC.to_le_bytes()[..], &(json.len() as u32).to_le_bytes(), json.as_bytes()].concat()
}

/// What writing lost of the motion, if there was any.
fn told(report: &Report, radius: f64) -> Vec<String> {
    if report.moving == 0 {
        return Vec::new();
    }
    let mean = report.sum / report.moving as f64;
    let mut told = vec![format!(
        "{} splats move, in {} windows of time; positions are off by {mean:.2e} on average and {:.2e} at most, which is \
         {:.2} % of the scene's radius",
        report.moving,
        report.entries,
        report.farthest,
        100.0 * report.farthest / radius
    )];
    if report.beyond > 0 {
        let most = WINDOWS[WINDOWS.len() - 1];
        told.push(format!("{} splats would have needed more than {most} windows", report.beyond));
    }
    told
}

/// The camera that a viewer begins with, in the words of the reference implementation's `cameras.json`.
fn camera(sphere: &Sphere, hints: &ViewerHints) -> Result<Value> {
    let wide = |values: [f32; 3]| DVec3::from(values.map(f64::from));
    let up = wide(hints.up);
    let (eye, target, fov) = match hints.start {
        Some(StartView { eye, target, fov_deg }) => (wide(eye), wide(target), f64::from(fov_deg)),
        None => (Orbit::around(*sphere, up, CAMERA_FOV).eye, sphere.centre, CAMERA_FOV),
    };
    let (width, height) = CAMERA_SIZE;
    let view = View::look_at(eye, target, up, fov, width, height)?;
    let rotation = view.viewmat.matrix3.transpose();
    let rows = [0, 1, 2].map(|row| rotation.row(row).to_array());
    Ok(json!({
        "id": 0, "img_name": "start", "width": width, "height": height, "position": view.position().to_array(),
        "rotation": rows, "fx": view.fx, "fy": view.fy,
    }))
}
