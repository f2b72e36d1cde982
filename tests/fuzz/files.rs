//! Valid files of every format, taken apart: damage to a part gets behind compression, lengths and checksums.

use splat_core::formats::{Format, WriteOptions, save_splats};
use splat_core::scene::{Motion, SplatCloud, TimeBasis};

use super::packed;
use super::random::{Random, cloud};

/// The files that parts make, the one to open first.
pub(super) type Assemble = Box<dyn Fn(&[Vec<u8>]) -> Vec<(String, Vec<u8>)>>;

/// A valid file, or folder, in parts.
pub(super) struct Seed {
    pub(super) name: &'static str,
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) assemble: Assemble,
}

impl Seed {
    /// Parts that stand one behind the other in a file.
    fn joined(name: &'static str, file: &'static str, parts: Vec<Vec<u8>>) -> Self {
        Seed { name, parts, assemble: Box::new(move |parts| vec![(file.to_owned(), parts.concat())]) }
    }
}

/// Files that the reader of a format reads; none if there is no reader.
pub(super) fn seeds(format: Format) -> Vec<Seed> {
    match format {
        Format::Ply => ply(),
        Format::CompressedPly => compressed_ply(),
        Format::Splat => vec![Seed::joined("splat", "a.splat", vec![written("a.splat", &cloud(60, 0))])],
        Format::Ksplat => (0..3).map(ksplat).collect(),
        Format::Spz => (1..=4).map(packed::spz).collect(),
        Format::Sog => packed::sog(),
        Format::Glb => packed::gltf(),
        Format::Splatz => packed::splatz(),
        Format::Splatv => vec![splatv()],
        Format::Html => Vec::new(),
    }
}

/// A file of splats that move, in its head, its description and its texture.
fn splatv() -> Seed {
    let cubic = TimeBasis::Flow { poly: 3, fourier: 0 };
    let motion = Motion { means: cubic, quats: cubic, sh0: cubic, dilates: false, fades: true, frames: 9 };
    let mut moving = cloud(60, 0).with_motion(motion);
    let mut random = Random::new(3);
    for column in &mut moving.more {
        column.values.iter_mut().for_each(|value| *value = random.between(-0.3, 0.3));
    }
    let bytes = written("a.splatv", &moving);
    let end = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let parts = [&bytes[..8], &bytes[8..end], &bytes[end..]].map(<[u8]>::to_vec);
    Seed::joined("splatv", "a.splatv", parts.into())
}

/// The bytes of the file that we write.
pub(super) fn written(name: &str, cloud: &SplatCloud) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let options = WriteOptions { comments: vec!["made for tests".to_owned()], ..WriteOptions::default() };
    save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
    std::fs::read(&path).unwrap()
}

/// Bytes of floats, and a few that make them look like halves of ordinary size.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut random = Random::new(length as u64);
    (0..length).map(|at| if at % 2 == 1 { 0x38 + random.below(5) as u8 } else { random.next() as u8 }).collect()
}

/// A PLY file as its header, with the line that ends it, and its body.
fn split_ply(bytes: &[u8]) -> (String, Vec<u8>) {
    let end = b"end_header\n";
    let at = bytes.windows(end.len()).position(|window| window == end).unwrap() + end.len();
    (String::from_utf8(bytes[..at].to_vec()).unwrap(), bytes[at..].to_vec())
}

fn ply() -> Vec<Seed> {
    let (header, body) = split_ply(&written("a.ply", &cloud(40, 1)));
    let stride = body.len() / 40;
    let ended = |lines: &str| header.replace("end_header\n", &format!("{lines}end_header\n"));
    let with = |extra: &[u8]| body.chunks(stride).flat_map(|row| [row, extra].concat()).collect::<Vec<u8>>();
    let seed = |name, header: String, body: Vec<u8>| Seed::joined(name, "a.ply", vec![header.into_bytes(), body]);
    let text: Vec<String> = body
        .chunks(stride)
        .map(|row| {
            let (floats, _) = row.as_chunks::<4>();
            floats.iter().map(|&float| f32::from_le_bytes(float).to_string()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    vec![
        seed("plain", header.clone(), body.clone()),
        seed("further", ended("property int label\nproperty double weight\nproperty uchar kind\n"), with(&[7; 13])),
        seed(
            "lists",
            ended("property list uchar ushort tags\nproperty float last\n"),
            with(&[2, 1, 0, 2, 0, 0, 0, 9, 9]),
        ),
        seed(
            "faces",
            ended("element face 2\nproperty list uchar int vertex_indices\n"),
            [&body[..], &[1, 7, 0, 0, 0, 0]].concat(),
        ),
        seed("text", header.replace("binary_little_endian", "ascii"), text.join("\n").into_bytes()),
    ]
}

fn compressed_ply() -> Vec<Seed> {
    let seed = |name, header: String, parts: &[&[u8]]| {
        let parts = [&[header.as_bytes()], parts].concat().into_iter().map(<[u8]>::to_vec).collect();
        Seed::joined(name, "a.compressed.ply", parts)
    };
    let (header, body) = split_ply(&written("a.compressed.ply", &cloud(300, 1)));
    let (chunks, rest) = body.split_at(2 * 72);
    let (splats, sh) = rest.split_at(300 * 16);
    let mut old = header.clone();
    for end in ["min", "max"] {
        for channel in ["r", "g", "b"] {
            old = old.replace(&format!("property float {end}_{channel}\n"), "");
        }
    }
    let narrow: Vec<u8> = chunks.chunks(72).flat_map(|chunk| chunk[..48].to_vec()).collect();
    vec![seed("ranges of colours", header, &[chunks, splats, sh]), seed("without", old, &[&narrow, splats, sh])]
}

/// Two sections of a level, with full and partial buckets.
fn ksplat(level: usize) -> Seed {
    const HEADER: usize = 4096;
    const SECTION: usize = 1024;
    let mut header = vec![0; 48];
    let put = |bytes: &mut Vec<u8>, at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    header[1] = 1;
    for (at, value) in [(4, 2), (8, 2), (12, 44), (16, 44), (20, level as u32)] {
        put(&mut header, at, value);
    }
    let mut sections = Vec::new();
    let mut data = Vec::new();
    for (count, degree) in [(24, 2), (20, level % 3)] {
        let mut section = vec![0; 44];
        let values = 3 * ((degree + 1) * (degree + 1) - 1);
        let stride = [44 + 4 * values, 24 + 2 * values, 24 + values][level];
        // Two full buckets of eight, and two partial ones.
        let partial = [count - 16 - 3, 3];
        let fields = [(0, count), (4, count), (8, 8), (12, 4), (24, 32767), (32, 2), (36, 2), (40, degree)];
        let fields = fields.into_iter().filter(|&(at, _)| level > 0 || [0, 4, 40].contains(&at));
        fields.for_each(|(at, value)| put(&mut section, at, value as u32));
        let mut bytes = Vec::new();
        if level > 0 {
            put(&mut section, 16, 5.0_f32.to_bits());
            put(&mut section, 20, 12);
            bytes.extend(partial.iter().flat_map(|&rows| (rows as u32).to_le_bytes()));
            bytes.extend((0..12).flat_map(|i| (i as f32).to_le_bytes()));
        }
        bytes.extend(noise(count * stride));
        sections.push(section);
        data.push(bytes);
    }
    let assemble = |parts: &[Vec<u8>]| {
        let mut file = Vec::new();
        for (part, length) in parts.iter().zip([HEADER, SECTION, SECTION]) {
            let mut part = part.clone();
            part.resize(length, 0);
            file.extend(part);
        }
        file.extend(parts[3..].concat());
        vec![("a.ksplat".to_owned(), file)]
    };
    let parts = [vec![header], sections, data].concat();
    Seed { name: ["level 0", "level 1", "level 2"][level], parts, assemble: Box::new(assemble) }
}
