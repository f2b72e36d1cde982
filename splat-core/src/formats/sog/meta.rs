//! `meta.json`, of both versions.

use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::text::shortened;

/// Values that a byte stands for.
pub(super) type Table = [f32; 256];

/// Bounds of the logarithmic positions. Beyond, a position is no finite float.
const MAX_LOG_POSITION: f64 = 88.0;

/// How to read the images of a scene.
pub(super) struct Layout {
    /// How many splats there are.
    pub(super) count: u64,
    pub(super) antialiased: bool,
    /// What a person should know.
    pub(super) notes: Vec<String>,
    /// Bounds of the positions, as signed logarithms.
    pub(super) mins: [f64; 3],
    pub(super) maxs: [f64; 3],
    /// Low and high bytes of the positions.
    pub(super) means: [String; 2],
    pub(super) quats: String,
    /// Logarithms of scales, per axis.
    pub(super) scale_tables: [Table; 3],
    pub(super) scales: String,
    /// Constant SH coefficients, per channel.
    pub(super) sh0_tables: [Table; 3],
    pub(super) opacity_table: Table,
    pub(super) sh0: String,
    pub(super) shn: Option<PaletteLayout>,
}

/// How to read the view dependence.
pub(super) struct PaletteLayout {
    /// Entries of the palette and SH degree; in version 1 the size of the image tells them.
    pub(super) shape: Option<(u64, u8)>,
    pub(super) table: Table,
    pub(super) centroids: String,
    pub(super) labels: String,
}

/// Whether a JSON text describes such a scene, of a version we know or not.
pub(super) fn is_sog(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Images {
        #[serde(rename = "files")]
        _files: Vec<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Shape {
        #[serde(rename = "means")]
        _means: Images,
        #[serde(rename = "scales")]
        _scales: Images,
        #[serde(rename = "quats")]
        _quats: Images,
        #[serde(rename = "sh0")]
        _sh0: Images,
    }
    serde_json::from_slice::<Shape>(text).is_ok()
}

#[derive(Deserialize)]
struct Version {
    version: Option<u64>,
}

#[derive(Deserialize)]
struct Positions {
    shape: Option<Vec<u64>>,
    mins: [f64; 3],
    maxs: [f64; 3],
    files: [String; 2],
}

#[derive(Deserialize)]
struct Rotations {
    encoding: Option<String>,
    files: [String; 1],
}

/// A column between bounds, per channel.
#[derive(Deserialize)]
struct Bounded<T> {
    mins: T,
    maxs: T,
    files: [String; 1],
}

#[derive(Deserialize)]
struct BoundedPalette {
    mins: f64,
    maxs: f64,
    files: [String; 2],
}

#[derive(Deserialize)]
struct First {
    means: Positions,
    scales: Bounded<[f64; 3]>,
    quats: Rotations,
    sh0: Bounded<[f64; 4]>,
    #[serde(rename = "shN")]
    shn: Option<BoundedPalette>,
}

/// A column of entries of a codebook.
#[derive(Deserialize)]
struct Coded {
    codebook: Vec<Option<f64>>,
    files: [String; 1],
}

#[derive(Deserialize)]
struct CodedPalette {
    count: u64,
    bands: u8,
    codebook: Vec<Option<f64>>,
    files: [String; 2],
}

#[derive(Deserialize)]
struct Second {
    count: u64,
    model: Option<String>,
    antialias: Option<bool>,
    means: Positions,
    scales: Coded,
    quats: Rotations,
    sh0: Coded,
    #[serde(rename = "shN")]
    shn: Option<CodedPalette>,
}

/// Reads a `meta.json`; `path` is where a message says it came from.
///
/// # Errors
/// [`Error::Input`] when it is damaged, of an unknown version, or holds numbers that cannot be.
pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Layout> {
    let broken = |error: serde_json::Error| wrong(path, format!("meta.json: {error}"));
    let version: Version = serde_json::from_slice(text).map_err(broken)?;
    match version.version {
        None | Some(1) => first(path, serde_json::from_slice(text).map_err(broken)?),
        Some(2) => second(path, serde_json::from_slice(text).map_err(broken)?),
        Some(other) => Err(Error::input(
            path,
            format!("version {other} of SOG; versions 1 and 2 are known"),
            "export the scene as version 2, or as PLY",
        )),
    }
}

fn wrong(path: &Path, problem: impl Into<String>) -> Error {
    Error::input(path, problem, "export the scene again")
}

fn first(path: &Path, meta: First) -> Result<Layout> {
    let count = meta.means.shape.as_ref().and_then(|shape| shape.first().copied());
    let count = count.ok_or_else(|| wrong(path, "meta.json: means have no shape to tell the number of splats"))?;
    if let Some(encoding) = meta.quats.encoding.as_deref().filter(|&encoding| encoding != "quaternion_packed") {
        return Err(wrong(path, format!("meta.json: rotations are stored as {encoding}, not as quaternion_packed")));
    }
    let linear = |name, min, max| linear(min, max).ok_or_else(|| wrong(path, format!("meta.json: bounds of {name}")));
    let axis = |i: usize| linear("scales", meta.scales.mins[i], meta.scales.maxs[i]);
    let channel = |i: usize| linear("sh0", meta.sh0.mins[i], meta.sh0.maxs[i]);
    let shn = match meta.shn {
        None => None,
        Some(BoundedPalette { mins, maxs, files: [centroids, labels] }) => {
            Some(PaletteLayout { shape: None, table: linear("shN", mins, maxs)?, centroids, labels })
        }
    };
    let [scales] = meta.scales.files;
    let [sh0] = meta.sh0.files;
    let [quats] = meta.quats.files;
    Ok(Layout {
        count,
        antialiased: false,
        notes: Vec::new(),
        mins: bounds(path, meta.means.mins)?,
        maxs: bounds(path, meta.means.maxs)?,
        means: meta.means.files,
        quats,
        scale_tables: [axis(0)?, axis(1)?, axis(2)?],
        scales,
        sh0_tables: [channel(0)?, channel(1)?, channel(2)?],
        opacity_table: channel(3)?,
        sh0,
        shn,
    })
}

fn second(path: &Path, meta: Second) -> Result<Layout> {
    let mut notes = Vec::new();
    let antialiased = match meta.model.as_deref() {
        None | Some("default") => meta.antialias.unwrap_or(false),
        Some("antialiased") => true,
        Some("2dgs") => {
            notes.push("these were trained as flat (2D) splats and are shown as thin 3D ones".to_owned());
            false
        }
        Some(other) => {
            let other = shortened(other, 40);
            notes.push(format!("the file asks for the unknown way of drawing \"{other}\""));
            meta.antialias.unwrap_or(false)
        }
    };
    let table = |name, values: &[Option<f64>]| {
        codebook(values).ok_or_else(|| wrong(path, format!("meta.json: the codebook of {name} is not 256 numbers")))
    };
    let shn = match meta.shn {
        None => None,
        Some(CodedPalette { count, bands, codebook, files: [centroids, labels] }) => {
            if !(1..=3).contains(&bands) || count == 0 {
                return Err(wrong(path, format!("meta.json: shN has {bands} bands and {count} entries")));
            }
            let table = table("shN", &codebook)?;
            Some(PaletteLayout { shape: Some((count, bands)), table, centroids, labels })
        }
    };
    let [scales] = meta.scales.files;
    let [sh0] = meta.sh0.files;
    let [quats] = meta.quats.files;
    Ok(Layout {
        count: meta.count,
        antialiased,
        notes,
        mins: bounds(path, meta.means.mins)?,
        maxs: bounds(path, meta.means.maxs)?,
        means: meta.means.files,
        quats,
        scale_tables: [table("scales", &meta.scales.codebook)?; 3],
        scales,
        sh0_tables: [table("sh0", &meta.sh0.codebook)?; 3],
        opacity_table: opacities(),
        sh0,
        shn,
    })
}

fn bounds(path: &Path, bounds: [f64; 3]) -> Result<[f64; 3]> {
    if bounds.iter().all(|bound| bound.abs() <= MAX_LOG_POSITION) {
        return Ok(bounds);
    }
    Err(wrong(path, format!("meta.json: positions reach to e^{bounds:?}, beyond what a number can hold")))
}

/// Even steps between two bounds; none when a bound is no finite float.
fn linear(min: f64, max: f64) -> Option<Table> {
    let step = (max - min) / 255.0;
    let table: Table = std::array::from_fn(|byte| (min + step * byte as f64) as f32);
    table.iter().all(|value| value.is_finite()).then_some(table)
}

/// A codebook as a table; none unless it is 256 finite numbers.
fn codebook(values: &[Option<f64>]) -> Option<Table> {
    let mut values = values.to_vec();
    // An early writer left the first entry out; the second and the last tell about where it belongs.
    if let [first @ None, Some(second), .., Some(last)] = values.as_mut_slice() {
        *first = Some(*second + (*second - *last) / 255.0);
    }
    let values: Option<Vec<f32>> = values.into_iter().map(|value| value.map(|value| value as f32)).collect();
    let table: Table = values?.try_into().ok()?;
    table.iter().all(|value| value.is_finite()).then_some(table)
}

/// Logits of opacities stored as so many 255ths.
fn opacities() -> Table {
    std::array::from_fn(|byte| {
        // The ends stand for half a step only; its middle keeps their logits finite.
        let opacity = (byte as f64).clamp(0.25, 254.75) / 255.0;
        (opacity / (1.0 - opacity)).ln() as f32
    })
}

#[derive(Serialize)]
struct Asset {
    generator: String,
}

#[derive(Serialize)]
struct WrittenMeans {
    mins: [f64; 3],
    maxs: [f64; 3],
    files: [&'static str; 2],
}

#[derive(Serialize)]
struct WrittenCoded {
    codebook: Vec<f32>,
    files: [&'static str; 1],
}

#[derive(Serialize)]
struct WrittenRotations {
    files: [&'static str; 1],
}

#[derive(Serialize)]
struct WrittenPalette {
    count: usize,
    bands: u8,
    codebook: Vec<f32>,
    files: [&'static str; 2],
}

#[derive(Serialize)]
struct Written {
    version: u8,
    asset: Asset,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'static str>,
    antialias: bool,
    means: WrittenMeans,
    scales: WrittenCoded,
    quats: WrittenRotations,
    sh0: WrittenCoded,
    #[serde(rename = "shN", skip_serializing_if = "Option::is_none")]
    shn: Option<WrittenPalette>,
}

/// The names of our images, in the order in which they are written.
pub(super) mod names {
    pub(in super::super) const MEANS_LOW: &str = "means_l.webp";
    pub(in super::super) const MEANS_HIGH: &str = "means_u.webp";
    pub(in super::super) const QUATS: &str = "quats.webp";
    pub(in super::super) const SCALES: &str = "scales.webp";
    pub(in super::super) const SH0: &str = "sh0.webp";
    pub(in super::super) const CENTROIDS: &str = "shN_centroids.webp";
    pub(in super::super) const LABELS: &str = "shN_labels.webp";
}

/// What there is to say about a scene that is written.
pub(super) struct Description {
    pub(super) count: usize,
    pub(super) antialiased: bool,
    pub(super) comments: Vec<String>,
    pub(super) mins: [f64; 3],
    pub(super) maxs: [f64; 3],
    pub(super) scales: Vec<f32>,
    pub(super) sh0: Vec<f32>,
    /// Entries, degree and codebook of the palette.
    pub(super) shn: Option<(usize, u8, Vec<f32>)>,
}

/// The text of a `meta.json`, version 2.
///
/// # Errors
/// None that are known: all of it can be said in JSON.
pub(super) fn write(scene: Description) -> Result<Vec<u8>> {
    let mut generator = format!("splat {}", env!("CARGO_PKG_VERSION"));
    for comment in &scene.comments {
        generator.push_str("; ");
        generator.push_str(comment);
    }
    let shn = scene.shn.map(|(count, bands, codebook)| WrittenPalette {
        count,
        bands,
        codebook,
        files: [names::CENTROIDS, names::LABELS],
    });
    let written = Written {
        version: 2,
        asset: Asset { generator },
        count: scene.count,
        model: scene.antialiased.then_some("antialiased"),
        antialias: scene.antialiased,
        means: WrittenMeans { mins: scene.mins, maxs: scene.maxs, files: [names::MEANS_LOW, names::MEANS_HIGH] },
        scales: WrittenCoded { codebook: scene.scales, files: [names::SCALES] },
        quats: WrittenRotations { files: [names::QUATS] },
        sh0: WrittenCoded { codebook: scene.sh0, files: [names::SH0] },
        shn,
    };
    serde_json::to_vec(&written)
        .map_err(|error| Error::settings(format!("meta.json: {error}"), "this is a bug: please report it"))
}
