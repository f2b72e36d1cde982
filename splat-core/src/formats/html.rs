//! A web page that holds a scene and shows it: one file that opens from disk, without a server or a network.
//!
//! The page is `assets/viewer/page.html` with marks in double braces, which name the files beside it or what is known of
//! the scene. The splats are SPZ in base64, cut into pieces, so that a browser never needs all of them as one string; what
//! moves has its coefficients behind them ([`motion`]), and the page plays it.

mod motion;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use glam::DVec3;
use serde_json::{Value, json};

use super::source::sphere;
use super::spz::{STREAM, write_spz_with};
use super::{Format, FormatRow, SplatSource, WriteOptions};
use crate::atomic;
use crate::camera_path::{Orbit, Sphere};
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Html,
    name: "Web page",
    extensions: &["html", "htm"],
    about: "Opens in any browser, with the viewer inside, and plays what moves. Rounds less than SPZ; cannot be read back.",
    sniff: |_, _, _| false,
    open: None,
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: size,
};

const PAGE: &str = include_str!("../../../assets/viewer/page.html");

/// The files that marks of the page stand for.
const PARTS: [(&str, &str); 16] = [
    ("style.css", include_str!("../../../assets/viewer/style.css")),
    ("project.frag", include_str!("../../../assets/viewer/project.frag")),
    ("motion.frag", include_str!("../../../assets/viewer/motion.frag")),
    ("table.vert", include_str!("../../../assets/viewer/table.vert")),
    ("splat.vert", include_str!("../../../assets/viewer/splat.vert")),
    ("splat.frag", include_str!("../../../assets/viewer/splat.frag")),
    ("spz.js", include_str!("../../../assets/viewer/spz.js")),
    ("motion.js", include_str!("../../../assets/viewer/motion.js")),
    ("sort.js", include_str!("../../../assets/viewer/sort.js")),
    ("worker.js", include_str!("../../../assets/viewer/worker.js")),
    ("vector.js", include_str!("../../../assets/viewer/vector.js")),
    ("camera.js", include_str!("../../../assets/viewer/camera.js")),
    ("controls.js", include_str!("../../../assets/viewer/controls.js")),
    ("renderer.js", include_str!("../../../assets/viewer/renderer.js")),
    ("player.js", include_str!("../../../assets/viewer/player.js")),
    ("viewer.js", include_str!("../../../assets/viewer/viewer.js")),
];

/// The version of SPZ that the page reads: gzip is what browsers can unpack by themselves.
const SPZ_VERSION: u8 = 3;
/// Bytes of SPZ per piece; a multiple of three, so that only the last has padding.
const PIECE: usize = 3 << 20;
/// Field of view of a view from outside, in degrees.
const FOV: f64 = 50.0;
/// Nearest distance drawn, as a share of the scene's radius.
const NEAR_SHARE: f64 = 0.01;
/// Shares of the time that are over when the extent is known, and the motion if there is any.
const MEASURED: f64 = 0.1;
const MOVED: f64 = 0.4;

/// How a viewer that is written with the splats begins.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewerHints {
    /// Direction that is up, in the axes of the splats.
    pub up: [f32; 3],
    /// The first view; the whole scene from outside, if none.
    pub start: Option<StartView>,
    /// Colour behind the splats: red, green, blue, 0 to 1.
    pub background: [f32; 3],
}

impl Default for ViewerHints {
    /// Up as in scenes from COLMAP, on black.
    fn default() -> Self {
        ViewerHints { up: [0.0, -1.0, 0.0], start: None, background: [0.0; 3] }
    }
}

/// A first view, in the axes of the splats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StartView {
    /// Position of the camera.
    pub eye: [f32; 3],
    /// What it looks at, and turns around.
    pub target: [f32; 3],
    /// Field of view of the shorter side of the picture, in degrees.
    pub fov_deg: f32,
}

/// Rounds SH coefficients to 6 bits in the first degree and 5 above, one more than in SPZ files: on a shiny scene, those
/// come within 33 dB of the trained splats, this within 39, for 5 bytes per splat.
fn sh_bucket(value: usize) -> i32 {
    if value < 9 { 4 } else { 8 }
}

/// Measured on trained scenes: tenths of a byte per SH coefficient that the finer rounding adds to SPZ.
const FINER: u64 = 1;

fn size(splats: u64, degree: u8) -> u64 {
    let viewer: usize = PARTS.iter().map(|(_, text)| text.len()).sum();
    let coefficients = 3 * ((u64::from(degree) + 1).pow(2) - 1);
    let spz = (Format::Spz.row().estimate)(splats, degree) + splats * FINER * coefficients / 10;
    (PAGE.len() + viewer) as u64 + spz.div_ceil(3) * 4
}

fn write(path: &Path, source: &dyn SplatSource, options: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let sphere = sphere(source, &mut |share| progress(MEASURED * share))?;
    let mut scene = scene(&stem, source, &sphere, options)?;
    let motion = motion::packed(source, &mut |share| progress(MEASURED + (MOVED - MEASURED) * share))?;
    let begun = if motion.is_some() { MOVED } else { MEASURED };
    if let (Some(motion), Some(scene)) = (&motion, scene.as_object_mut()) {
        scene.insert("motion".to_owned(), motion.described.clone());
    }
    let refused = |source| Error::io(path, "write", source);
    atomic::write_with(path, &mut |out| {
        for (literal, mark) in marks() {
            out.write_all(literal.as_bytes()).map_err(refused)?;
            match mark {
                Some("title") => out.write_all(escaped(&stem).as_bytes()).map_err(refused)?,
                Some("version") => out.write_all(env!("CARGO_PKG_VERSION").as_bytes()).map_err(refused)?,
                // "</script>" inside a string would end the element.
                Some("scene") => {
                    out.write_all(scene.to_string().replace('<', "\\u003c").as_bytes()).map_err(refused)?;
                }
                Some("splats") => {
                    let progress: OnProgress<'_> = &mut |share| progress(begun + (1.0 - begun) * share);
                    write_pieces(out, source, options, progress).map_err(|error| match error {
                        Error::Io { path: stream, source, .. } if stream == Path::new(STREAM) => refused(source),
                        other => other,
                    })?;
                    if let Some(motion) = &motion {
                        let mut pieces = Pieces::new(out, "motion");
                        pieces.write_all(&motion.bytes).and_then(|()| pieces.finish()).map_err(refused)?;
                    }
                }
                Some(name) => out.write_all(part(name).as_bytes()).map_err(refused)?,
                None => {}
            }
        }
        Ok(())
    })
}

/// Writes the splats, piece by piece.
fn write_pieces(
    out: &mut dyn Write,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<()> {
    let mut pieces = Pieces::new(out, "splats");
    let options = WriteOptions { spz_version: SPZ_VERSION, ..options.clone() };
    write_spz_with(&mut pieces, source, &options, sh_bucket, progress)?;
    pieces.finish().map_err(|source| Error::io(STREAM, "write", source))
}

/// The page cut at its marks: what stands before each, and its name; the last has none.
fn marks() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let mut rest = Some(PAGE);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((literal, (name, after))) =
            text.split_once("{{").and_then(|(literal, tail)| Some((literal, tail.split_once("}}")?)))
        else {
            return Some((text, None));
        };
        rest = Some(after);
        Some((literal, Some(name)))
    })
}

/// The file that a mark stands for.
fn part(name: &str) -> &'static str {
    PARTS.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text.trim_end())
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

/// What the page must know of the scene beside the splats.
fn scene(title: &str, source: &dyn SplatSource, sphere: &Sphere, options: &WriteOptions) -> Result<Value> {
    let info = source.info();
    let hints = &options.viewer;
    let wide = |values: [f32; 3]| DVec3::from(values.map(f64::from));
    let Some(up) = wide(hints.up).try_normalize() else {
        return Err(Error::settings(format!("{:?} is no direction for up", hints.up), "choose one such as 0,-1,0"));
    };
    let background = wide(hints.background);
    if !background.is_finite() {
        return Err(Error::settings(format!("{background} is no colour"), "choose three numbers from 0 to 1"));
    }
    let (eye, target, fov) = match hints.start {
        Some(StartView { eye, target, fov_deg }) => (wide(eye), wide(target), f64::from(fov_deg)),
        None => (Orbit::around(*sphere, up, FOV).eye, sphere.centre, FOV),
    };
    if !(eye.is_finite() && target.is_finite() && eye != target && fov > 0.0 && fov < 180.0) {
        return Err(Error::settings(
            format!("a camera at {eye} that looks at {target} over {fov} degrees has no view"),
            "eye and target must differ, and the field of view lie between 0 and 180 degrees",
        ));
    }
    Ok(json!({
        "title": title,
        "splats": info.count,
        "sh_degree": info.sh_degree.min(options.sh_degree).min(ROW.max_sh_degree),
        "up": up.to_array(),
        "centre": sphere.centre.to_array(),
        "radius": sphere.radius,
        "near": NEAR_SHARE * sphere.radius,
        "eye": eye.to_array(),
        "target": target.to_array(),
        "fov": fov,
        "background": background.clamp(DVec3::ZERO, DVec3::ONE).to_array(),
    }))
}

/// Bytes as base64 in elements that no browser runs.
struct Pieces<'a> {
    out: &'a mut dyn Write,
    class: &'static str,
    pending: Vec<u8>,
    text: String,
}

impl<'a> Pieces<'a> {
    fn new(out: &'a mut dyn Write, class: &'static str) -> Self {
        Pieces { out, class, pending: Vec::new(), text: String::new() }
    }

    /// Writes out what is pending.
    fn put(&mut self) -> std::io::Result<()> {
        self.text.clear();
        STANDARD.encode_string(&self.pending, &mut self.text);
        self.pending.clear();
        writeln!(self.out, r#"<script type="text/plain" class="{}">{}</script>"#, self.class, self.text)
    }

    fn finish(mut self) -> std::io::Result<()> {
        if self.pending.is_empty() { Ok(()) } else { self.put() }
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == PIECE {
            self.put()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
