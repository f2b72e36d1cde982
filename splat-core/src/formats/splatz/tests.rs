//! Any archive survives as it is, no bytes do harm, and quantization does what it says.

mod streaming;

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::test_runner::Config;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::{open_splats, read_all, save_splats};
use super::bytes::{Bytes, checksum, squeezed, unsqueezed};
use super::{ArchiveReader, CHUNK_ROWS, END};
use crate::archive::{Archive, ArchiveColumn, Classes, Codec, Data, Quantize, Table};
use crate::error::Error;
use crate::formats::WriteOptions;
use crate::scene::SplatCloud;

const NOWHERE: &str = "scene.splatz";

fn from_bytes(bytes: Vec<u8>) -> crate::error::Result<Archive> {
    Archive::from_bytes(Path::new(NOWHERE), bytes)
}

/// Numbers without order that are the same everywhere: 0 to 1.
fn noise(i: usize, k: usize) -> f32 {
    let mut x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (k as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    for _ in 0..2 {
        x = (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (x >> 40) as f32 / (1_u64 << 24) as f32
}

/// Splats on a bumpy surface, with colours that follow it.
fn scene(count: usize, sh_degree: u8) -> SplatCloud {
    let width = 3 * ((usize::from(sh_degree) + 1).pow(2) - 1);
    let mut cloud = SplatCloud { sh_degree, antialiased: true, ..SplatCloud::default() };
    for i in 0..count {
        let (u, v) = (6.0 * noise(i, 0) - 3.0, 6.0 * noise(i, 1) - 3.0);
        cloud.means.push([u, v, (u * 1.3).sin() * v.cos()]);
        cloud.quats.push(std::array::from_fn(|k| 3.0 * noise(i, 2 + k) - 1.4));
        cloud.log_scales.push(std::array::from_fn(|k| -5.0 + 2.5 * noise(i, 6 + k)));
        cloud.opacity_logits.push(8.0 * noise(i, 9) - 4.0);
        cloud.sh0.push(std::array::from_fn(|k| (u + k as f32).sin() + 0.3 * noise(i, 10 + k)));
        cloud.sh_rest.extend((0..width).map(|k| 0.05 * (v + k as f32).sin() + 0.03 * noise(i, 20 + k)));
    }
    cloud
}

fn integers(archive: &Archive, column: &str) -> Vec<i32> {
    match &archive.column(column).unwrap().data {
        Data::Integers { values, .. } => values.clone(),
        Data::Floats(_) => panic!("{column} has no integers"),
    }
}

/// Integers of several kinds: small, wide, rare extremes, steadily growing.
fn column_values() -> impl Strategy<Value = (usize, Vec<i32>)> {
    let value = prop_oneof![
        Just(0_i32),
        -3..4_i32,
        -2000..2000_i32,
        any::<i32>(),
        prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(-1)],
    ];
    let kind = prop_oneof![Just(3_i32), Just(70), Just(5000), Just(i32::MAX)];
    (1..5_usize, proptest::collection::vec(value, 0..40), kind, any::<bool>())
        .prop_map(|(per_row, values, modulus, grows)| {
            let of = |i: usize| match values.is_empty() {
                true => 0,
                false if grows => (i as i32).wrapping_mul(37).wrapping_add(values[i % values.len()] % 7),
                false => values[(i * i / 3 + i) % values.len()] % modulus,
            };
            (per_row, (0..200 * per_row).map(of).collect())
        })
        .boxed()
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    #[test]
    fn all_integers_survive_under_any_name(
        columns in proptest::collection::vec((".{0,9}", column_values()), 0..4),
        rows in prop_oneof![Just(0_usize), Just(1), 2..200_usize, Just(CHUNK_ROWS), Just(CHUNK_ROWS + 1)],
    ) {
        let mut archive = Archive { rows, ..Archive::default() };
        for (i, (name, (per_row, values))) in columns.into_iter().enumerate() {
            let many = values.iter().copied().cycle().take(rows * per_row).collect();
            let codec = Codec::Steps { steps: vec![0.1; per_row], zeros: vec![-1.0; per_row] };
            archive.columns.push(ArchiveColumn::integers(&format!("{name}{i}"), per_row, codec, per_row, many));
        }
        let floats = (0..2 * rows).map(|i| f32::from_bits(i as u32 * 977)).map(|v| if v.is_nan() { 0.0 } else { v });
        archive.columns.push(ArchiveColumn::floats("some floats", 2, floats.collect()));
        archive.meta.insert("of no meaning here".to_owned(), json!({"kept": [1, 2.5, null]}));
        let back = from_bytes(archive.to_bytes().unwrap()).unwrap();
        assert_eq!(back, archive);
    }

    /// Bytes that pass all checksums may still say anything.
    #[test]
    fn no_description_and_no_index_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        let forged = forged(&tiny().to_bytes().unwrap(), &mut |Parts { description, chunks, index }| {
            for (at, value, place) in &changes {
                let part = [&mut *description, &mut *index, &mut *chunks].into_iter().nth(usize::from(*place)).unwrap();
                let at = at.index(part.len());
                part[at] = *value;
            }
            if cuts {
                let length = cut.index(description.len());
                description.truncate(length);
            }
        });
        if let Ok(archive) = from_bytes(forged) {
            for column in &archive.columns {
                let _ = archive.decode_column(&column.name, 0..archive.rows);
            }
            let _ = archive.splats();
        }
    }
}

/// A file whose parts were changed, with lengths and checksums that fit again.
fn forged(bytes: &[u8], change: &mut dyn FnMut(&mut Parts)) -> Vec<u8> {
    let mut parts = parts(bytes);
    change(&mut parts);
    let Parts { description, chunks, mut index } = parts;
    let packed = squeezed(&description).unwrap();
    let mut file = bytes[..12].to_vec();
    file.extend((packed.len() as u32).to_le_bytes());
    file.extend((description.len() as u32).to_le_bytes());
    let sum = checksum(&[&file[..], &packed].concat());
    file.extend(sum.to_le_bytes());
    file.extend(packed);
    file.extend(&chunks);
    if index.len() >= 28 {
        // The only chunk of a tiny file.
        let at = index.len() - 28;
        index[at..at + 4].copy_from_slice(&checksum(&chunks).to_le_bytes());
    }
    let packed = squeezed(&index).unwrap();
    let mut trailer = (packed.len() as u32).to_le_bytes().to_vec();
    trailer.extend((index.len() as u32).to_le_bytes());
    trailer.extend((file.len() as u64).to_le_bytes());
    let sum = checksum(&[&packed[..], &trailer].concat());
    file.extend(packed);
    file.extend(trailer);
    file.extend(sum.to_le_bytes());
    file.extend(END);
    file
}

/// The parts of a file, unpacked.
struct Parts {
    description: Vec<u8>,
    chunks: Vec<u8>,
    index: Vec<u8>,
}

fn parts(bytes: &[u8]) -> Parts {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let trailer = bytes.len() - 28;
    let (packed, index) = (number(12), number(trailer));
    let description = unsqueezed(&bytes[24..24 + packed], number(16)).unwrap();
    let index_at = trailer - index;
    let index = unsqueezed(&bytes[index_at..trailer], number(trailer + 4)).unwrap();
    Parts { description, chunks: bytes[24 + packed..index_at].to_vec(), index }
}

/// A small archive with every codec.
fn tiny() -> Archive {
    let rows = 37;
    let values = |k: usize, most: i32| (0..rows * k).map(|i| (noise(i, k) * most as f32) as i32 - most / 3).collect();
    let by = Classes::of("opacity_logits", 0, vec![-2, 4]);
    let mut archive = Archive { rows, ..Archive::default() };
    let steps = |count: usize| Codec::Steps { steps: vec![0.25; count], zeros: vec![0.5; count] };
    let linear = |table: &str| Box::new(Codec::Linear { table: table.to_owned() });
    let means: Vec<i32> = (0..rows as i32).flat_map(|i| [i << 4 | 8, i << 4 | 8, 8]).collect();
    let turns: Vec<i32> = (0..3 * rows).map(|i| ((noise(i, 5) * 63.0) as i32) << 6 | 32).collect();
    let trimmed =
        |bits: u8, codec: Codec| Codec::Trimmed { by: by.clone(), bits: vec![bits; 9], codec: Box::new(codec) };
    let descending = Codec::Descending { steps: vec![0.125; 3], zero: -3.0 };
    archive.columns = vec![
        ArchiveColumn::integers("means", 3, trimmed(4, steps(3)), 3, means),
        ArchiveColumn::integers("opacity_logits", 1, steps(1), 1, values(1, 20)),
        ArchiveColumn::integers("log_scales", 3, descending, 3, (0..3 * rows).map(|i| i as i32 % 7).collect()),
        ArchiveColumn::integers(
            "quats",
            4,
            trimmed(6, Codec::Frame { by: by.clone(), needles: vec![true, false, true] }),
            3,
            turns,
        ),
        ArchiveColumn::integers(
            "sh0",
            3,
            Codec::Haar { by: by.clone(), weights: vec![0.5, 1.0, 4.0], block: CHUNK_ROWS, codec: linear("colour") },
            2,
            values(2, 9),
        ),
        ArchiveColumn::integers("shN", 9, *linear("rest"), 4, values(4, 5)),
        ArchiveColumn::integers(
            "features",
            2,
            Codec::Scaled { by, factors: vec![1.0, 2.0, 3.0], codec: Box::new(steps(2)) },
            2,
            values(2, 500),
        ),
        ArchiveColumn::integers("labels", 1, Codec::Lookup { table: "names".to_owned() }, 1, values(1, 6)),
        ArchiveColumn::integers("turns", 4, Codec::SmallestThree { bits: 5 }, 4, values(4, 40)),
        ArchiveColumn::floats("weights", 1, (0..rows).map(|i| noise(i, 3)).collect()),
    ];
    let table = |name: &str, rows: usize, width: usize| {
        let values = (0..rows * width).map(|i| (noise(i, rows) * 64.0).round() / 64.0).collect();
        Table { name: name.to_owned(), rows, width, values }
    };
    archive.tables = vec![table("colour", 3, 3), table("rest", 5, 9), table("names", 6, 1)];
    archive.meta.insert("antialiased".to_owned(), Value::Bool(true));
    archive
}

#[test]
fn every_codec_survives_and_decodes() {
    let archive = tiny();
    let back = from_bytes(archive.to_bytes().unwrap()).unwrap();
    assert_eq!(back, archive);
    for column in &archive.columns {
        let decoded = back.decode_column(&column.name, 0..back.rows).unwrap();
        assert_eq!(decoded.len(), back.rows * column.width);
        // Any rows decode to the same values as all do.
        assert_eq!(back.decode_column(&column.name, 5..9).unwrap(), decoded[5 * column.width..9 * column.width]);
    }
    let cloud = back.splats().unwrap();
    assert_eq!((cloud.len(), cloud.sh_degree, cloud.antialiased), (37, 1, true));
    assert!(cloud.log_scales.iter().all(|scales| scales[0] >= scales[1] && scales[1] >= scales[2]));
    assert!((cloud.opacity_logits[0] - (0.5 + 0.25 * integers(&archive, "opacity_logits")[0] as f32)).abs() < 1e-6);
    let missing = Archive { columns: archive.columns[1..].to_vec(), ..archive };
    assert!(missing.splats().unwrap_err().to_string().contains("means"));
}

/// Damage anywhere is noticed, whatever is cut off.
#[test]
fn damage_is_noticed() {
    let archive = tiny();
    let bytes = archive.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for flip in [1_u8, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let result = from_bytes(damaged);
            assert!(matches!(result, Err(Error::Input { .. })), "byte {at}: {result:?}");
        }
        assert!(matches!(from_bytes(bytes[..at].to_vec()), Err(Error::Input { .. })));
    }
}

#[test]
fn absurd_counts_are_refused_before_memory_is_taken() {
    let bytes = tiny().to_bytes().unwrap();
    let text = |from: &str, to: &str| {
        forged(&bytes, &mut |Parts { description, .. }| {
            let (from, to) = (from.as_bytes(), to.as_bytes());
            let at = description.windows(from.len()).position(|window| window == from).unwrap();
            description.splice(at..at + from.len(), to.iter().copied());
            // The length of the JSON stands in its first two bytes.
            let json = Bytes(description).number().unwrap() as usize + to.len() - from.len();
            description[0] = json as u8 | 0x80;
            description[1] = (json >> 7) as u8;
        })
    };
    let problem = |bytes: Vec<u8>| from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(from_bytes(text("\"rows\":37", "\"rows\":37")).unwrap(), tiny());
    assert!(problem(text("\"rows\":37", "\"rows\":4294967295")).contains("cannot be in a file of"));
    assert!(problem(text("\"rows\":37", "\"rows\":18446744073709551615")).contains("chunks of 4096"));
    assert!(problem(text("\"rows\":37", "\"rows\":90000")).contains("the bytes end too early"));
    assert!(problem(text("\"chunk\":4096", "\"chunk\":0")).contains("chunks of 0"));
    assert!(problem(text("\"width\":9", "\"width\":99999999")).contains("99999999 values per splat"));
    assert!(problem(text("\"rows\":5,\"width\":9", "\"rows\":50000000,\"width\":9")).contains("longer than"));
    // A file that unpacks to far more than its length is not unpacked.
    let bomb = forged(&bytes, &mut |parts| parts.description.resize(300 << 20, 0));
    assert!(problem(bomb).contains("at most"));
}

#[test]
fn later_versions_are_refused_as_far_as_needed() {
    let bytes = tiny().to_bytes().unwrap();
    let mut later = bytes.clone();
    later[8] = 2;
    assert!(from_bytes(later).unwrap_err().to_string().contains("version 2, this program reads version 1"));
    // One column of an unknown codec: its integers are kept, the others decode.
    let unknown = forged(&bytes, &mut |Parts { description, .. }| {
        let at = description.windows(8).position(|window| window == b"\"lookup\"").unwrap();
        description[at + 1] = b'L';
    });
    let archive = from_bytes(unknown).unwrap();
    assert_eq!(integers(&archive, "labels"), integers(&tiny(), "labels"));
    assert!(archive.decode_column("labels", 0..2).unwrap_err().to_string().contains("does not know"));
    assert!(archive.splats().is_ok());
    // It can be stored again, too.
    assert_eq!(from_bytes(archive.to_bytes().unwrap()).unwrap(), archive);
}

/// The colours of a file without readable SH coefficients are the same from everywhere, and values must be numbers.
#[test]
fn what_cannot_be_drawn_is_left_out_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    let bytes = forged(&tiny().to_bytes().unwrap(), &mut |Parts { description, .. }| {
        let at = description.windows(6).position(|window| window == b"\"rest\"").unwrap();
        description[at + 1] = b'n';
    });
    std::fs::write(&path, bytes).unwrap();
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!((source.info().sh_degree, source.info().notes.len()), (0, 1));
    let cloud = source.rows(&[3, 30]).unwrap();
    assert_eq!((cloud.sh_degree, cloud.sh_rest.len(), cloud.len()), (0, 0, 2));
    let mut archive = tiny();
    archive.columns[1].codec = Codec::Steps { steps: vec![f32::MAX], zeros: vec![0.0] };
    std::fs::write(&path, archive.to_bytes().unwrap()).unwrap();
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert!(matches!(source.rows(&[0]), Err(Error::Input { problem, .. }) if problem.contains("no numbers")));
}

/// Old files stay readable, and new ones do not become different by accident.
#[test]
fn the_format_stands_still() {
    let golden = BASE64_STANDARD.decode(include_str!("golden.base64").replace('\n', "")).unwrap();
    assert_eq!(from_bytes(golden.clone()).unwrap(), tiny());
    // What zstd makes of it may differ from version to version.
    let hash = |bytes: &[u8]| {
        let Parts { description, chunks, index } = parts(bytes);
        let all = [&bytes[..12], &description, &chunks, &index].concat();
        Sha256::digest(all).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let written = tiny().to_bytes().unwrap();
    assert_eq!(
        hash(&written),
        hash(&golden),
        "the format changed: raise its version, keep a test that reads the old golden file, and add a new one:\n{}",
        BASE64_STANDARD.encode(&written)
    );
}

#[test]
fn rows_are_sorted_all_columns_alike() {
    let cloud = scene(5000, 1);
    let ids = ArchiveColumn::integers(
        "ids",
        1,
        Codec::Steps { steps: vec![1.0], zeros: vec![0.0] },
        1,
        (0..cloud.len() as i32).collect(),
    );
    let archive = Archive::quantize_with(&cloud, &Quantize { quality: 4.0 }, vec![ids], Vec::new()).unwrap();
    let archive = from_bytes(archive.to_bytes().unwrap()).unwrap();
    let ids = integers(&archive, "ids");
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..cloud.len() as i32));
    let splats = archive.splats().unwrap();
    for (row, &id) in ids.iter().enumerate() {
        let (here, there) = (splats.means[row], cloud.means[id as usize]);
        assert!(here.iter().zip(&there).all(|(a, b)| (a - b).abs() < 0.02), "{here:?} was {there:?}");
        assert!((splats.opacity_logits[row] - cloud.opacity_logits[id as usize]).abs() < 0.1);
        // Axes may change places; the shape may not.
        let (shape, was) = (covariance(&splats, row), covariance(&cloud, id as usize));
        let size: f32 = was.iter().map(|v| v * v).sum::<f32>().sqrt();
        let off: f32 = shape.iter().zip(&was).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        assert!(off < 0.15 * size, "{shape:?} was {was:?}");
        let colours = splats.sh0[row].iter().zip(&cloud.sh0[id as usize]);
        assert!(colours.into_iter().all(|(a, b)| (a - b).abs() < 0.6), "{row}");
    }
    // Colours are right on average, where single ones may be off.
    let rms: f32 = ids.iter().zip(&splats.sh0).map(|(&id, b)| (b[1] - cloud.sh0[id as usize][1]).powi(2)).sum::<f32>();
    assert!((rms / ids.len() as f32).sqrt() < 0.05);
}

/// Covariance of a splat.
fn covariance(cloud: &SplatCloud, row: usize) -> [f32; 9] {
    let quat = cloud.quats[row];
    let length = quat.iter().map(|c| c * c).sum::<f32>().sqrt();
    let [w, x, y, z] = quat.map(|c| c / length);
    let axes = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)],
        [2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)],
        [2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)],
    ];
    let squares = cloud.log_scales[row].map(|scale| (2.0 * scale).exp());
    std::array::from_fn(|i| (0..3).map(|axis| squares[axis] * axes[axis][i / 3] * axes[axis][i % 3]).sum())
}

/// Training brings its own integers; they must come out as they went in.
#[test]
fn given_columns_keep_every_integer() {
    let cloud = scene(300, 1);
    let latents: Vec<i32> = (0..8 * 300).map(|i| (noise(i, 8) * 30.0) as i32 - 15).collect();
    let table = Table { name: "turn".to_owned(), rows: 9, width: 4, values: (0..36).map(|i| noise(i, 2)).collect() };
    let linear = || Codec::Linear { table: "turn".to_owned() };
    let given = vec![
        ArchiveColumn::integers("quats", 4, linear(), 8, latents.clone()),
        ArchiveColumn::integers("ids", 1, Codec::Steps { steps: vec![1.0], zeros: vec![0.0] }, 1, (0..300).collect()),
    ];
    let archive = Archive::quantize_with(&cloud, &Quantize::default(), given.clone(), vec![table]).unwrap();
    let back = from_bytes(archive.to_bytes().unwrap()).unwrap();
    let (ids, quats) = (integers(&back, "ids"), integers(&back, "quats"));
    for (row, &id) in ids.iter().enumerate() {
        assert_eq!(quats[8 * row..][..8], latents[8 * id as usize..][..8]);
    }
    // Scales keep their axes then, for the given rotations turn those.
    let splats = back.splats().unwrap();
    for (row, &id) in ids.iter().enumerate() {
        let pairs = splats.log_scales[row].iter().zip(&cloud.log_scales[id as usize]);
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 0.1));
    }
    let refused =
        |given| Archive::quantize_with(&cloud, &Quantize::default(), given, Vec::new()).unwrap_err().to_string();
    assert!(refused(given).contains("there is no table turn"));
    let short = ArchiveColumn::integers("ids", 1, Codec::Steps { steps: vec![1.0], zeros: vec![0.0] }, 1, vec![1, 2]);
    assert!(refused(vec![short]).contains("2 numbers for 300 rows"));
}

#[test]
fn finer_is_larger_and_nearer() {
    let cloud = scene(4000, 2);
    let mut last = (0, f64::INFINITY);
    for quality in [0.25, 0.5, 1.0, 2.0, 4.0, 16.0] {
        let archive = Archive::quantize(&cloud, &Quantize { quality }).unwrap();
        let size = archive.to_bytes().unwrap().len();
        let splats = archive.splats().unwrap();
        // Colours are compared as a sorted list, for rows are.
        let sorted = |cloud: &SplatCloud| {
            let mut values: Vec<f32> = cloud.log_scales.iter().map(|s| s.iter().sum::<f32>()).collect();
            values.sort_by(f32::total_cmp);
            values
        };
        let off: f64 = sorted(&splats).iter().zip(sorted(&cloud)).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        assert!(size > last.0 && off < last.1, "quality {quality}: {size} bytes, error {off}; before {last:?}");
        last = (size, off);
    }
    assert!(Archive::quantize(&cloud, &Quantize { quality: f32::NAN }).is_err());
}

#[test]
fn chunks_and_rows_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    let cloud = scene(2 * CHUNK_ROWS + 77, 3);
    save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    let reader = ArchiveReader::open(&path).unwrap();
    let whole = reader.read(&mut |_| Ok(())).unwrap();
    assert_eq!((reader.chunks(), reader.rows(), whole.rows), (3, cloud.len(), cloud.len()));
    let splats = whole.splats().unwrap();
    for chunk in [2, 0, 1] {
        let part = reader.chunk(chunk).unwrap().splats().unwrap();
        let first = chunk * CHUNK_ROWS;
        let rows: Vec<u32> = (first as u32..(first + part.len()) as u32).collect();
        assert_eq!(part, splats.gather(&rows));
        let [low, high] = reader.bounds(chunk);
        let inside = |mean: &[f32; 3]| (0..3).all(|axis| low[axis] <= mean[axis] && mean[axis] <= high[axis]);
        assert!(part.means.iter().all(inside));
    }
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!(read_all(source.as_ref(), &mut |_| Ok(())).unwrap(), splats);
    let scattered: Vec<u32> = (0..500).map(|i| (noise(i, 0) * cloud.len() as f32) as u32).chain([0, 8268, 0]).collect();
    assert_eq!(source.rows(&scattered).unwrap(), splats.gather(&scattered));
    assert!(std::fs::metadata(&path).unwrap().len() < 20 * cloud.len() as u64);
}

#[test]
fn scenes_of_nothing_and_of_one() {
    for count in [0, 1, 2] {
        for degree in [0, 3] {
            let archive = Archive::quantize(&scene(count, degree), &Quantize::default()).unwrap();
            let back = from_bytes(archive.to_bytes().unwrap()).unwrap();
            assert_eq!(back, archive);
            let splats = back.splats().unwrap();
            assert_eq!((splats.len(), splats.sh_degree), (count, degree));
        }
    }
    // All in one place, and one far away.
    let mut cloud = scene(200, 0);
    cloud.means.fill([1.0; 3]);
    cloud.means[7] = [1e9, -1e9, 0.0];
    let splats = Archive::quantize(&cloud, &Quantize::default()).unwrap().splats().unwrap();
    assert!(splats.means.iter().any(|mean| (mean[0] - 1e9).abs() < 10.0));
    cloud.means[7][2] = f32::INFINITY;
    assert!(Archive::quantize(&cloud, &Quantize::default()).is_err());
}

/// A file may promise more values than bytes of its length deserve, and still be read.
#[test]
fn many_values_of_nothing_are_padded() {
    let (rows, width) = (2000, 60_000);
    let table = Table { name: "wide".to_owned(), rows: 2, width, values: vec![0.0; 2 * width] };
    let codec = Codec::Linear { table: "wide".to_owned() };
    let column = ArchiveColumn::integers("zeros", width, codec, 1, vec![0; rows]);
    let archive = Archive { rows, columns: vec![column], tables: vec![table], ..Archive::default() };
    let bytes = archive.to_bytes().unwrap();
    let padding = ((rows * width) as u64 - (1 << 26)) / 512;
    assert!((padding - 2000..padding + 2000).contains(&(bytes.len() as u64)), "{} bytes", bytes.len());
    assert_eq!(from_bytes(bytes).unwrap(), archive);
}
