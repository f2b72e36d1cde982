//! glTF 2.0 with `KHR_gaussian_splatting` [Khronos]: one `.glb`, or a `.gltf` beside its `.bin`.
//!
//! Splats are a primitive of points: positions with names every viewer knows, and what makes them splats in attributes
//! of the extension, all activated floats. A viewer that does not know the extension shows coloured points. The frame
//! of glTF has x left, y up and z forward; turning two axes around leads there and back without loss.

mod accessor;
mod document;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;

use super::{Format, FormatRow};

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Glb,
    name: "glTF, with KHR_gaussian_splatting",
    extensions: &["glb", "gltf"],
    about: "Floats for viewers of 3D models. As large as PLY; a .glb ends at 4 GiB.",
    sniff: |path, head, _| is_gltf(path, head),
    open: Some(read::open),
    write: Some(|path, source, options, progress| write::write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: |splats, degree| write::row_bytes(degree.min(3)) * splats + 6000,
};

/// The extension that makes points splats.
const EXTENSION: &str = "KHR_gaussian_splatting";
/// The word "glTF" in front of a container.
const MAGIC: [u8; 4] = *b"glTF";
/// Types of the chunks of a container.
const JSON_CHUNK: [u8; 4] = *b"JSON";
const BIN_CHUNK: [u8; 4] = *b"BIN\0";
/// The component type of floats.
const FLOAT: u64 = 5126;

fn is_gltf(path: &Path, head: &[u8]) -> bool {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gltf"));
    head.starts_with(&MAGIC) || (named && head.trim_ascii_start().starts_with(b"{"))
}

/// The attribute of a coefficient: its place among those of all degrees, the constant one first.
fn sh_attribute(index: usize) -> String {
    let degree = index.isqrt();
    format!("{EXTENSION}:SH_DEGREE_{degree}_COEF_{}", index - degree * degree)
}
