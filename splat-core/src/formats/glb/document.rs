//! The container: JSON, and the bytes it speaks of.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use serde_json::Value;

use super::accessor::item;
use super::{BIN_CHUNK, EXTENSION, JSON_CHUNK, MAGIC};
use crate::error::{Error, Result};

/// What a file may require and still be read: what it adds is either understood or does not concern splats.
const UNDERSTOOD: [&str; 8] = [
    EXTENSION,
    "KHR_gaussian_splatting_compression_spz",
    "KHR_gaussian_splatting_compression_spz_2",
    "KHR_spz_gaussian_splats_compression",
    "KHR_mesh_quantization",
    "KHR_materials_unlit",
    "KHR_texture_transform",
    "KHR_xmp_json_ld",
];

/// A document with all its buffers.
pub(super) struct Document {
    pub(super) json: Value,
    pub(super) buffers: Vec<Vec<u8>>,
}

fn damaged(path: &Path, problem: impl Into<String>) -> Error {
    Error::input(path, problem, "the file is damaged or cut short: export the scene again")
}

impl Document {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
        let whole = 0..bytes.len();
        let (text, bin) = if bytes.starts_with(&MAGIC) { chunks(path, &bytes)? } else { (whole, None) };
        let json: Value = serde_json::from_slice(&bytes[text])
            .map_err(|error| damaged(path, format!("its JSON cannot be read: {error}")))?;
        check_required(path, &json)?;
        // The bytes of the file become those of the buffer: large scenes are not held twice.
        let mut chunk = bin.map(|bin| {
            bytes.truncate(bin.end);
            bytes.drain(..bin.start);
            bytes
        });
        let mut buffers = Vec::new();
        for buffer in json.get("buffers").and_then(Value::as_array).into_iter().flatten() {
            let length = buffer.get("byteLength").and_then(Value::as_u64).unwrap_or(0);
            let mut bytes = match buffer.get("uri").and_then(Value::as_str) {
                Some(uri) => load(path, uri)?,
                None => chunk.take().unwrap_or_default(),
            };
            if (bytes.len() as u64) < length {
                let found = format!("buffer {} has {} of {length} bytes", buffers.len(), bytes.len());
                return Err(damaged(path, found));
            }
            bytes.truncate(length as usize);
            buffers.push(bytes);
        }
        Ok(Document { json, buffers })
    }

    /// An object by its index in an array.
    pub(super) fn item(&self, array: &str, index: &Value) -> Option<&Value> {
        item(&self.json, array, index)
    }
}

/// Where the JSON and the first binary chunk of a container are.
fn chunks(path: &Path, bytes: &[u8]) -> Result<(Range<usize>, Option<Range<usize>>)> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.first_chunk::<4>().copied());
    let version = word(4).map_or(0, u32::from_le_bytes);
    if version != 2 {
        return Err(Error::input(path, format!("this is version {version} of glTF"), "export it as glTF 2.0"));
    }
    let mut at = 12;
    let mut json = None;
    let mut bin = None;
    while let Some((length, kind)) = word(at).zip(word(at + 4)) {
        let length = u32::from_le_bytes(length) as usize;
        let data = at + 8..at + 8 + length;
        if data.end > bytes.len() {
            return Err(damaged(path, format!("a chunk of {length} bytes reaches beyond the file")));
        }
        match kind {
            JSON_CHUNK => json = json.or(Some(data)),
            BIN_CHUNK => bin = bin.or(Some(data)),
            _ => {}
        }
        at += 8 + length;
    }
    json.map(|json| (json, bin)).ok_or_else(|| damaged(path, "the container has no JSON"))
}

fn check_required(path: &Path, json: &Value) -> Result<()> {
    let required = json.get("extensionsRequired").and_then(Value::as_array).into_iter().flatten();
    match required.filter_map(Value::as_str).find(|name| !UNDERSTOOD.contains(name)) {
        Some(name) => Err(Error::input(
            path,
            format!("it requires the extension {name}, which is not understood"),
            "export it without that extension",
        )),
        None => Ok(()),
    }
}

/// The bytes behind an address: in the address itself, or in a file below the folder of the document.
fn load(path: &Path, uri: &str) -> Result<Vec<u8>> {
    if let Some(data) = uri.strip_prefix("data:") {
        let payload = data.split_once(";base64,").map(|(_, payload)| payload);
        let bytes = payload.and_then(|payload| base64::engine::general_purpose::STANDARD.decode(payload).ok());
        return bytes.ok_or_else(|| damaged(path, "a buffer inside the JSON is no base64"));
    }
    let name = PathBuf::from(unescaped(uri));
    // A document from elsewhere has no business in other folders.
    if uri.contains("://") || !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        let remedy = "move the buffer into the folder of the file";
        return Err(Error::input(path, format!("a buffer lies outside its folder ({uri})"), remedy));
    }
    let file = path.parent().unwrap_or(Path::new("")).join(name);
    // A folder cannot be read, and a pipe would never end.
    if !std::fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::input(
            path,
            format!("there is no file {uri:?} beside it"),
            "keep all files of a scene together",
        ));
    }
    std::fs::read(&file).map_err(|source| Error::io(&file, "read", source))
}

/// An address without its %-escapes.
fn unescaped(uri: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = uri.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.first_chunk::<2>().and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
