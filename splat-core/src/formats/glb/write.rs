//! Writing: the table of attributes, then their values one attribute after the other.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::{BIN_CHUNK, EXTENSION, FLOAT, JSON_CHUNK, MAGIC, sh_attribute};
use crate::atomic;
use crate::error::{Error, Result};
use crate::formats::values::{Flip, sigmoid};
use crate::formats::{SplatSource, WriteOptions, for_each_block};
use crate::scene::io::ply::OnProgress;
use crate::scene::{SplatCloud, colour};

/// Bytes of values that one pass over the source collects: few passes, and little memory.
const PASS: u64 = 256 << 20;
/// Component type of the fallback colours.
const UNSIGNED_SHORT: u64 = 5123;
/// Target of a buffer with attributes of vertices.
const ARRAY_BUFFER: u64 = 34962;

/// The values of one attribute, row by row.
type Pack = fn(&SplatCloud, usize, &mut Vec<u8>);

struct Attribute {
    name: String,
    kind: &'static str,
    component: u64,
    /// Bytes of a row, a multiple of four.
    bytes: u64,
    /// What it takes from a splat; the second argument is the coefficient.
    pack: Pack,
    coefficient: usize,
}

fn floats(values: impl IntoIterator<Item = f32>, out: &mut Vec<u8>) {
    values.into_iter().for_each(|value| out.extend(value.to_le_bytes()));
}

fn attributes(degree: u8) -> Vec<Attribute> {
    let float = |name: &str, kind, components: u64, pack: Pack| Attribute {
        name: name.to_owned(),
        kind,
        component: FLOAT,
        bytes: 4 * components,
        pack,
        coefficient: 0,
    };
    let mut all = vec![
        float("POSITION", "VEC3", 3, |cloud, _, out| floats(cloud.means.as_flattened().iter().copied(), out)),
        Attribute {
            component: UNSIGNED_SHORT,
            bytes: 8,
            ..float("COLOR_0", "VEC4", 0, |cloud, _, out| {
                for (sh0, logit) in cloud.sh0.iter().zip(&cloud.opacity_logits) {
                    let [r, g, b] = sh0.map(|value| linear(colour::channel(value)));
                    for value in [r, g, b, sigmoid(*logit)] {
                        out.extend(((value * 65535.0).round() as u16).to_le_bytes());
                    }
                }
            })
        },
        float(&format!("{EXTENSION}:ROTATION"), "VEC4", 4, |cloud, _, out| {
            cloud.quats.iter().for_each(|&quat| floats(unit_xyzw(quat), out));
        }),
        float(&format!("{EXTENSION}:SCALE"), "VEC3", 3, |cloud, _, out| {
            floats(cloud.log_scales.as_flattened().iter().map(|value| value.exp()), out);
        }),
        float(&format!("{EXTENSION}:OPACITY"), "SCALAR", 1, |cloud, _, out| {
            floats(cloud.opacity_logits.iter().map(|&value| sigmoid(value)), out);
        }),
        float(&sh_attribute(0), "VEC3", 3, |cloud, _, out| floats(cloud.sh0.as_flattened().iter().copied(), out)),
    ];
    for index in 1..(usize::from(degree) + 1).pow(2) {
        all.push(Attribute {
            coefficient: index - 1,
            ..float(&sh_attribute(index), "VEC3", 3, |cloud, coefficient, out| {
                let width = cloud.sh_width().max(1);
                cloud.sh_rest.chunks_exact(width).for_each(|row| {
                    floats(row.iter().skip(3 * coefficient).take(3).copied(), out);
                });
            })
        });
    }
    all
}

/// Bytes of a splat.
pub(super) fn row_bytes(degree: u8) -> u64 {
    attributes(degree).iter().map(|attribute| attribute.bytes).sum()
}

/// From sRGB to linear light, which the fallback colours are in.
fn linear(value: f32) -> f32 {
    let value = value.clamp(0.0, 1.0);
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn unit_xyzw([w, x, y, z]: [f32; 4]) -> [f32; 4] {
    let values = [x, y, z, w].map(f64::from);
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() { values.map(|value| (value / length) as f32) } else { [0.0, 0.0, 0.0, 1.0] }
}

/// From our frame, x right and y down, to that of glTF, x left and y up.
pub(super) fn half_turn() -> Flip {
    Flip::new(true, true, false)
}

/// The smallest and the largest position in the frame of the file.
fn bounds(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<[[f32; 3]; 2]> {
    let mut low = [f32::MAX; 3];
    let mut high = [f32::MIN; 3];
    for_each_block(source, None, progress, &mut |_, block| {
        for [x, y, z] in &block.means {
            for (axis, value) in [-x, -y, *z].into_iter().enumerate() {
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        Ok(())
    })?;
    Ok([low, high])
}

/// The JSON of a scene whose one buffer has the attributes one behind the other.
fn document(
    source: &dyn SplatSource,
    attributes: &[Attribute],
    [low, high]: [[f32; 3]; 2],
    comments: &[String],
    bin: Option<&str>,
) -> Value {
    let count = source.info().count as u64;
    let mut views = Vec::new();
    let mut accessors = Vec::new();
    let mut names = serde_json::Map::new();
    let mut offset = 0;
    for attribute in attributes {
        let mut accessor = json!({
            "bufferView": views.len(), "componentType": attribute.component, "count": count, "type": attribute.kind,
        });
        match attribute.name.as_str() {
            "POSITION" => (accessor["min"], accessor["max"]) = (json!(low), json!(high)),
            "COLOR_0" => accessor["normalized"] = json!(true),
            _ => {}
        }
        let length = attribute.bytes * count;
        views.push(json!({ "buffer": 0, "byteOffset": offset, "byteLength": length, "target": ARRAY_BUFFER }));
        names.insert(attribute.name.clone(), json!(accessors.len()));
        accessors.push(accessor);
        offset += length;
    }
    let mut buffer = json!({ "byteLength": offset });
    if let Some(bin) = bin {
        buffer["uri"] = json!(bin);
    }
    // glTF knows no anti-aliased projection, and no comments: both go where applications may keep what is theirs.
    let extras = json!({ "antialiased": source.info().antialiased, "comments": comments });
    json!({
        "asset": { "version": "2.0", "generator": concat!("Splat ", env!("CARGO_PKG_VERSION")), "extras": extras },
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0, "name": "splats" }],
        "meshes": [{ "primitives": [{
            "mode": 0,
            "attributes": names,
            "extensions": { EXTENSION: {
                "kernel": "ellipse",
                "colorSpace": "srgb_rec709_display",
                "projection": "perspective",
                "sortingMethod": "cameraDistance",
            } },
        }] }],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [buffer],
    })
}

/// Writes the values of all attributes, as many per pass over the source as its memory allows.
fn write_values(
    path: &Path,
    out: &mut dyn Write,
    source: &dyn SplatSource,
    attributes: &[Attribute],
    progress: OnProgress<'_>,
) -> Result<()> {
    let count = source.info().count as u64;
    let mut passes: Vec<Vec<&Attribute>> = Vec::new();
    let mut filled = u64::MAX;
    for attribute in attributes {
        let length = attribute.bytes * count;
        if filled.saturating_add(length) > PASS {
            passes.push(Vec::new());
            filled = 0;
        }
        filled += length;
        passes.last_mut().into_iter().for_each(|pass| pass.push(attribute));
    }
    for (index, pass) in passes.iter().enumerate() {
        let mut columns: Vec<Vec<u8>> =
            pass.iter().map(|attribute| Vec::with_capacity((attribute.bytes * count) as usize)).collect();
        let total = passes.len() as f64;
        for_each_block(source, None, &mut |share| progress((index as f64 + share) / total), &mut |_, block| {
            let mut block = block.clone();
            half_turn().apply(&mut block);
            for (attribute, column) in pass.iter().zip(&mut columns) {
                (attribute.pack)(&block, attribute.coefficient, column);
            }
            Ok(())
        })?;
        for column in &columns {
            out.write_all(column).map_err(|source| Error::io(path, "write", source))?;
        }
    }
    Ok(())
}

pub(super) fn write(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<()> {
    let count = source.info().count as u64;
    if count == 0 {
        return Err(Error::settings("a glTF file cannot hold no splats at all", "choose PLY"));
    }
    let attributes = attributes(source.info().sh_degree.min(options.sh_degree).min(3));
    let refused = |source| Error::io(path, "write", source);
    let apart = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gltf"));
    let length = count * attributes.iter().map(|attribute| attribute.bytes).sum::<u64>();
    if !apart {
        // The container counts its bytes in 32 bits; a megabyte is room for the JSON without comments of any length.
        let comments: usize = options.comments.iter().map(String::len).sum();
        if length + comments as u64 * 6 + (1 << 20) > u64::from(u32::MAX) {
            return Err(Error::settings(
                format!("a .glb would have {:.1} GiB; it can have 4", length as f64 / f64::from(1 << 30)),
                "choose .gltf, .spz or .ply, a lower SH degree, or fewer splats",
            ));
        }
    }
    let bounds = bounds(source, &mut |share| progress(0.1 * share))?;
    let progress: OnProgress<'_> = &mut |share| progress(0.1 + 0.9 * share);
    if apart {
        let bin = path.with_extension("bin");
        let name = bin.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let document = document(source, &attributes, bounds, &options.comments, Some(&escaped(&name)));
        atomic::write_with(&bin, &mut |out| write_values(&bin, out, source, &attributes, progress))?;
        return atomic::write(path, document.to_string().as_bytes());
    }
    let mut json = document(source, &attributes, bounds, &options.comments, None).to_string().into_bytes();
    // Chunks are whole words: JSON is filled up with spaces, and values need nothing.
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut head = MAGIC.to_vec();
    head.extend(2_u32.to_le_bytes());
    head.extend((28 + json.len() as u32 + length as u32).to_le_bytes());
    head.extend((json.len() as u32).to_le_bytes());
    head.extend(JSON_CHUNK);
    head.extend(json);
    head.extend((length as u32).to_le_bytes());
    head.extend(BIN_CHUNK);
    atomic::write_with(path, &mut |out| {
        out.write_all(&head).map_err(refused)?;
        write_values(path, out, source, &attributes, progress)
    })
}

/// A file name as a relative address.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
