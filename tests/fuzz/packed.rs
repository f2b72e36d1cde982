//! Formats whose content lies behind compression, images or checksums.

use std::io::{Cursor, Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageFormat};
use serde_json::{Value, json};
use splat_core::archive::{Archive, ArchiveColumn, Classes, Codec, Table};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::files::{Seed, noise, written};
use super::random::{Random, cloud};

/// The usual streams behind headers of every version: the header, the streams, the extensions.
pub(super) fn spz(version: usize) -> Seed {
    const COUNT: usize = 50;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&written("a.spz", &cloud(COUNT, 2))[..]).read_to_end(&mut plain).unwrap();
    let (header, mut rest) = plain.split_at(16);
    let mut streams: Vec<Vec<u8>> = [9, 1, 3, 3, 4, 24]
        .into_iter()
        .map(|width| {
            let (stream, after) = rest.split_at(COUNT * width);
            rest = after;
            stream.to_vec()
        })
        .collect();
    if version == 1 {
        streams[0] = noise(6 * COUNT);
    }
    if version < 3 {
        streams[4].truncate(3 * COUNT);
    }
    let mut header = header.to_vec();
    header[4] = version as u8;
    header[14] |= 2;
    let extensions: Vec<u8> = [0xADBE_0002_u32, 4, 7, 0xADBE_0003, 4, 6].iter().flat_map(|v| v.to_le_bytes()).collect();
    let assemble = move |parts: &[Vec<u8>]| {
        let (header, extensions, streams) = (&parts[0], &parts[1], &parts[2..]);
        let bytes = if version < 4 {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&[&header[..], &streams.concat(), extensions].concat()).unwrap();
            encoder.finish().unwrap()
        } else {
            let frames: Vec<Vec<u8>> = streams.iter().map(|stream| zstd::bulk::compress(stream, 1).unwrap()).collect();
            let mut head = header.clone();
            head.resize(32, 0);
            head[15] = frames.len() as u8;
            head[16..20].copy_from_slice(&(32 + extensions.len() as u32).to_le_bytes());
            let lengths = streams.iter().zip(&frames);
            let table: Vec<u8> = lengths
                .flat_map(|(stream, frame)| [frame.len() as u64, stream.len() as u64].map(u64::to_le_bytes).concat())
                .collect();
            [head, extensions.clone(), table, frames.concat()].concat()
        };
        vec![("a.spz".to_owned(), bytes)]
    };
    let name = ["version 1", "version 2", "version 3", "version 4"][version - 1];
    Seed { name, parts: [vec![header, extensions], streams].concat(), assemble: Box::new(assemble) }
}

/// A bundle of files, the parts under these names.
fn zipped(names: &[String], parts: &[Vec<u8>], method: CompressionMethod) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in names.iter().zip(parts) {
        zip.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    vec![("a.sog".to_owned(), zip.finish().unwrap().into_inner())]
}

/// A description of version 1 for the images of version 2.
fn first_version(meta: &Value) -> Value {
    let files = |name: &str| meta[name]["files"].clone();
    let means = &meta["means"];
    json!({
        "means": { "shape": [meta["count"], 3], "mins": means["mins"], "maxs": means["maxs"], "files": files("means") },
        "scales": { "mins": [-7.0, -7.0, -7.0], "maxs": [1.0, 1.0, 1.0], "files": files("scales") },
        "quats": { "encoding": "quaternion_packed", "files": files("quats") },
        "sh0": { "mins": [-2.0, -2.0, -2.0, -5.0], "maxs": [2.0, 2.0, 2.0, 7.0], "files": files("sh0") },
        "shN": { "mins": -0.5, "maxs": 0.5, "files": files("shN") },
    })
}

pub(super) fn sog() -> Vec<Seed> {
    let mut archive = ZipArchive::new(Cursor::new(written("a.sog", &cloud(90, 1)))).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect();
    files.sort_by_key(|(name, _)| name != "meta.json");
    let (names, parts): (Vec<String>, Vec<Vec<u8>>) = files.into_iter().unzip();
    let meta: Value = serde_json::from_slice(&parts[0]).unwrap();
    let old = [vec![first_version(&meta).to_string().into_bytes()], parts[1..].to_vec()].concat();
    let bundle = |name, parts: &[Vec<u8>], method| {
        let names = names.clone();
        let assemble = move |parts: &[Vec<u8>]| zipped(&names, parts, method);
        Seed { name, parts: parts.to_vec(), assemble: Box::new(assemble) }
    };
    // Pixels as parts, so that damage meets labels and tags and not the image decoder alone.
    let images: Vec<_> = parts[1..].iter().map(|bytes| image::load_from_memory(bytes).unwrap().into_rgba8()).collect();
    let widths: Vec<usize> = images.iter().map(|image| image.width() as usize).collect();
    let pixels = images.into_iter().map(image::RgbaImage::into_raw);
    let pixels: Vec<Vec<u8>> = [parts[0].clone()].into_iter().chain(pixels).collect();
    let encoded = {
        let names = names.clone();
        move |parts: &[Vec<u8>]| {
            let mut files = vec![parts[0].clone()];
            for (part, width) in parts[1..].iter().zip(&widths) {
                let mut part = part.clone();
                let height = (part.len() / 4 / width).max(1);
                part.resize(4 * width * height, 0);
                let mut bytes = Vec::new();
                let encoder = WebPEncoder::new_lossless(&mut bytes);
                encoder.encode(&part, *width as u32, height as u32, ExtendedColorType::Rgba8).unwrap();
                files.push(bytes);
            }
            zipped(&names, &files, CompressionMethod::Stored)
        }
    };
    let folder = {
        let names = names.clone();
        move |parts: &[Vec<u8>]| names.iter().cloned().zip(parts.iter().cloned()).collect()
    };
    let as_png = parts[1..].iter().map(|bytes| {
        let mut png = Cursor::new(Vec::new());
        image::load_from_memory(bytes).unwrap().write_to(&mut png, ImageFormat::Png).unwrap();
        png.into_inner()
    });
    let pngs: Vec<Vec<u8>> = [parts[0].clone()].into_iter().chain(as_png).collect();
    vec![
        bundle("stored", &parts, CompressionMethod::Stored),
        bundle("deflated, version 1", &old, CompressionMethod::Deflated),
        bundle("PNG", &pngs, CompressionMethod::Stored),
        Seed { name: "pixels", parts: pixels, assemble: Box::new(encoded) },
        Seed { name: "folder", parts, assemble: Box::new(folder) },
    ]
}

/// A container of glTF.
fn container(json: &[u8], bin: &[u8]) -> Vec<u8> {
    let padded = |bytes: &[u8], filler: u8| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), filler);
        bytes
    };
    let (json, bin) = (padded(json, b' '), padded(bin, 0));
    let word = |length: usize| (length as u32).to_le_bytes();
    let head = [b"glTF", &word(2)[..], &word(28 + json.len() + bin.len()), &word(json.len()), b"JSON"].concat();
    [&head, &json[..], &word(bin.len()), b"BIN\0", &bin].concat()
}

/// The same splats at three nodes, with a child, turned, mirrored, and attributes of fewer bits.
fn nodes_and_small_attributes(json: &Value) -> Value {
    let mut json = json.clone();
    json["scene"] = json!(0);
    json["scenes"] = json!([{ "nodes": [0, 3] }]);
    json["nodes"] = json!([
        { "children": [1, 2], "rotation": [0.0, 0.6, 0.0, 0.8] },
        { "mesh": 0, "translation": [1.0, 2.0, 3.0], "scale": [2.0, 2.0, 2.0] },
        { "mesh": 0, "matrix": [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 5.0, 6.0, 7.0, 1.0] },
        { "mesh": 0 },
    ]);
    // Every attribute but the position may be read as something smaller at the same place.
    for (attribute, component) in [("ROTATION", 5122), ("SCALE", 5121), ("OPACITY", 5123)] {
        let name = format!("/meshes/0/primitives/0/attributes/KHR_gaussian_splatting:{attribute}");
        let index = json.pointer(&name).and_then(Value::as_u64).unwrap() as usize;
        json["accessors"][index]["componentType"] = json!(component);
        json["accessors"][index]["normalized"] = json!(true);
    }
    json
}

pub(super) fn gltf() -> Vec<Seed> {
    let bytes = written("a.glb", &cloud(20, 1));
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let (text, bin) = (&bytes[20..20 + length], bytes[28 + length..].to_vec());
    let json: Value = serde_json::from_slice(text).unwrap();
    let one = |name, json: Value, bin: Vec<u8>| {
        let assemble = |parts: &[Vec<u8>]| vec![("a.glb".to_owned(), container(&parts[0], &parts[1]))];
        Seed { name, parts: vec![json.to_string().into_bytes(), bin], assemble: Box::new(assemble) }
    };
    let apart = {
        let mut json = json.clone();
        json["buffers"][0]["uri"] = json!("a%20b.bin");
        let assemble =
            |parts: &[Vec<u8>]| vec![("a.gltf".to_owned(), parts[0].clone()), ("a b.bin".to_owned(), parts[1].clone())];
        let parts = vec![json.to_string().into_bytes(), bin.clone()];
        Seed { name: "apart", parts, assemble: Box::new(assemble) }
    };
    let inside = {
        let mut json = json.clone();
        let uri = format!("data:application/octet-stream;base64,{}", BASE64_STANDARD.encode(&bin));
        json["buffers"][0]["uri"] = json!(uri);
        let assemble = |parts: &[Vec<u8>]| vec![("a.gltf".to_owned(), parts[0].clone())];
        Seed { name: "inside", parts: vec![json.to_string().into_bytes()], assemble: Box::new(assemble) }
    };
    let spz = written("a.spz", &cloud(20, 1));
    let packed = json!({
        "asset": { "version": "2.0" },
        "buffers": [{ "byteLength": spz.len() }],
        "bufferViews": [{ "buffer": 0, "byteLength": spz.len() }],
        "meshes": [{ "primitives": [{ "mode": 0, "attributes": {}, "extensions": { "KHR_gaussian_splatting": {
            "extensions": { "KHR_gaussian_splatting_compression_spz_2": { "bufferView": 0 } },
        } } }] }],
        "nodes": [{ "mesh": 0 }, { "mesh": 0, "translation": [0.0, 1.0, 0.0] }],
    });
    vec![
        one("container", json.clone(), bin.clone()),
        one("nodes", nodes_and_small_attributes(&json), bin),
        one("SPZ inside", packed, spz),
        apart,
        inside,
    ]
}

/// A small archive whose columns have every codec.
fn every_codec() -> Archive {
    let mut random = Random::new(5);
    let rows = 37;
    let mut values = |k: usize, most: usize| {
        (0..rows * k).map(|_| random.below(most) as i32 - most as i32 / 3).collect::<Vec<i32>>()
    };
    let by = Classes::of("opacity_logits", 0, vec![-2, 4]);
    let steps = |count: usize| Codec::Steps { steps: vec![0.25; count], zeros: vec![0.5; count] };
    let linear = |table: &str| Box::new(Codec::Linear { table: table.to_owned() });
    let trimmed = |bits: u8, codec| Codec::Trimmed { by: by.clone(), bits: vec![bits; 9], codec: Box::new(codec) };
    let frame = Codec::Frame { by: by.clone(), needles: vec![true, false, true] };
    let haar = Codec::Haar { by: by.clone(), weights: vec![0.5, 1.0, 4.0], block: 4096, codec: linear("colour") };
    let scaled = Codec::Scaled { by: by.clone(), factors: vec![1.0, 2.0, 3.0], codec: Box::new(steps(2)) };
    let column = ArchiveColumn::integers;
    let columns = vec![
        column(
            "means",
            3,
            trimmed(4, steps(3)),
            3,
            (0..rows as i32).flat_map(|i| [i << 4 | 8, i << 4 | 8, 8]).collect(),
        ),
        column("opacity_logits", 1, steps(1), 1, values(1, 20)),
        column("log_scales", 3, Codec::Descending { steps: vec![0.125; 3], zero: -3.0 }, 3, values(3, 7)),
        column("quats", 4, trimmed(6, frame), 3, values(3, 63).into_iter().map(|v| (v + 21) << 6 | 32).collect()),
        column("sh0", 3, haar, 2, values(2, 9)),
        column("shN", 9, *linear("rest"), 4, values(4, 5)),
        column("features", 2, scaled, 2, values(2, 500)),
        column("labels", 1, Codec::Lookup { table: "names".to_owned() }, 1, values(1, 6)),
        column("turns", 4, Codec::SmallestThree { bits: 5 }, 4, values(4, 40)),
        ArchiveColumn::floats("weights", 1, (0..rows).map(|i| i as f32 * 0.1).collect()),
    ];
    let table = |name: &str, rows: usize, width: usize| {
        let values = (0..rows * width).map(|i| (i % 7) as f32 / 8.0 - 0.25).collect();
        Table { name: name.to_owned(), rows, width, values }
    };
    let tables = vec![table("colour", 3, 3), table("rest", 5, 9), table("names", 6, 1)];
    Archive { rows, columns, tables, ..Archive::default() }
}

pub(super) fn splatz() -> Vec<Seed> {
    let written = |count, degree| written("a.splatz", &cloud(count, degree));
    vec![
        splatz_seed("every codec", &every_codec().to_bytes().unwrap()),
        splatz_seed("as written", &written(150, 2)),
        splatz_seed("two chunks", &written(4110, 0)),
    ]
}

fn le_u32(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// A number of 7 bits per byte from the front of some bytes, if it is whole.
fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for shift in (0..56).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

/// The index with checksums that fit the chunks, as far as its lengths do.
fn signed(index: &[u8], chunks: &[u8], columns: usize) -> Vec<u8> {
    let mut signed = index.to_vec();
    let (mut rest, mut chunks) = (index, chunks);
    loop {
        let length = (0..columns).try_fold(0_usize, |sum, _| sum.checked_add(take_number(&mut rest)?));
        let at = index.len() - rest.len();
        let Some((chunk, place)) =
            length.and_then(|length| chunks.split_at_checked(length)).zip(signed.get_mut(at..at + 4))
        else {
            return signed;
        };
        place.copy_from_slice(&checksum(chunk.0));
        chunks = chunk.1;
        rest = rest.get(28..).unwrap_or_default();
    }
}

/// A file as: its first bytes, the JSON of its description, the rest of it, the chunks, the index. Lengths and
/// checksums are made to fit again.
fn splatz_seed(name: &'static str, bytes: &[u8]) -> Seed {
    let packed = le_u32(bytes, 12);
    let description = zstd::bulk::decompress(&bytes[24..24 + packed], le_u32(bytes, 16)).unwrap();
    let trailer = bytes.len() - 28;
    let index_at = trailer - le_u32(bytes, trailer);
    let index = zstd::bulk::decompress(&bytes[index_at..trailer], le_u32(bytes, trailer + 4)).unwrap();
    let mut rest = &description[..];
    let length = take_number(&mut rest).unwrap();
    let (text, rest) = rest.split_at(length);
    let json: Value = serde_json::from_slice(text).unwrap();
    let columns = json["order"].as_array().unwrap().len();
    let chunks = &bytes[24 + packed..index_at];
    let parts = [&bytes[..12], text, rest, chunks, &index].map(<[u8]>::to_vec).to_vec();
    let assemble = move |parts: &[Vec<u8>]| {
        let [head, json, rest, chunks, index] = parts else { panic!("{} parts", parts.len()) };
        let mut description = Vec::new();
        let mut length = json.len();
        while length >= 0x80 {
            description.push(length as u8 | 0x80);
            length >>= 7;
        }
        description.push(length as u8);
        description.extend([&json[..], rest].concat());
        let word = |length: usize| (length as u32).to_le_bytes();
        let packed = zstd::bulk::compress(&description, 1).unwrap();
        let mut file = head.clone();
        file.resize(12, 0);
        file.extend([word(packed.len()), word(description.len())].concat());
        file.extend(checksum(&[&file[..], &packed].concat()));
        file.extend([&packed[..], chunks].concat());
        let index = signed(index, chunks, columns);
        let packed = zstd::bulk::compress(&index, 1).unwrap();
        let place = (file.len() as u64).to_le_bytes();
        let trailer = [&word(packed.len())[..], &word(index.len()), &place].concat();
        let sum = checksum(&[&packed[..], &trailer].concat());
        file.extend([&packed[..], &trailer, &sum, b"ZTALPS\r\n"].concat());
        vec![("a.splatz".to_owned(), file)]
    };
    Seed { name, parts, assemble: Box::new(assemble) }
}

#[test]
fn taking_a_file_apart_changes_nothing() {
    for seed in splatz() {
        let (_, bytes) = (seed.assemble)(&seed.parts).remove(0);
        let again = splatz_seed(seed.name, &bytes);
        assert_eq!(again.parts, seed.parts, "{}", seed.name);
    }
}
