use std::io::Write;
use std::path::Path;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::extensions::frame;
use super::quantize::sh_bucket;
use super::write::write_spz_within;
use super::{is_spz, unpack, write_spz};
use crate::error::Error;
use crate::formats::values::sigmoid;
use crate::formats::values::tests::{angle, distance, sample};
use crate::formats::{SplatSource, WriteOptions, load_splats, morton, read_all, save_splats};
use crate::scene::SplatCloud;

fn packed(cloud: &SplatCloud, version: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = WriteOptions { spz_version: version, ..WriteOptions::default() };
    write_spz(&mut bytes, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
    bytes
}

fn unpacked(bytes: &[u8]) -> Result<SplatCloud, Error> {
    let spz = unpack(Path::new("a.spz"), bytes, &mut |_| Ok(()))?;
    read_all(&spz, &mut |_| Ok(()))
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn header(version: u32, count: u32, tail: [u8; 4]) -> Vec<u8> {
    [&b"NGSP"[..], &version.to_le_bytes(), &count.to_le_bytes(), &tail].concat()
}

/// A file of version 4 around streams that are already bytes.
fn framed(head: &[u8], extensions: &[u8], streams: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [head, &(32 + extensions.len() as u32).to_le_bytes(), &[0; 12], extensions].concat();
    let frames: Vec<Vec<u8>> = streams.iter().map(|stream| zstd::bulk::compress(stream, 1).unwrap()).collect();
    for (frame, stream) in frames.iter().zip(streams) {
        bytes.extend((frame.len() as u64).to_le_bytes());
        bytes.extend((stream.len() as u64).to_le_bytes());
    }
    bytes.extend(frames.concat());
    bytes
}

/// The streams of two splats without view dependence: at (1, -2, 3) and at the origin.
fn two() -> [Vec<u8>; 5] {
    let place = |steps: i32| steps.to_le_bytes()[..3].to_vec();
    let positions = [place(4096), place(-8192), place(12288), place(0), place(0), place(0)].concat();
    [
        positions,
        vec![128, 255],
        vec![128, 0, 255, 10, 20, 30],
        vec![160, 0, 255, 80, 81, 82],
        [3_u32 << 30, 511].map(u32::to_le_bytes).concat(),
    ]
}

/// Every value within half the step of the format.
fn assert_close(before: &SplatCloud, after: &SplatCloud, step: f32) {
    assert_eq!((before.len(), before.sh_degree), (after.len(), after.sh_degree));
    assert_eq!(before.antialiased, after.antialiased);
    after.check().unwrap();
    let means = distance(before.means.as_flattened(), after.means.as_flattened());
    assert!(means <= 0.501 * step, "positions are off by {means}");
    let scales = distance(before.log_scales.as_flattened(), after.log_scales.as_flattened());
    assert!(scales <= 0.5 / 16.0 + 1e-5, "scales are off by {scales}");
    let alphas = |cloud: &SplatCloud| cloud.opacity_logits.iter().map(|&logit| sigmoid(logit)).collect::<Vec<f32>>();
    let alphas = distance(&alphas(before), &alphas(after));
    assert!(alphas <= 0.5 / 255.0 + 1e-6, "opacities are off by {alphas}");
    let colours = distance(before.sh0.as_flattened(), after.sh0.as_flattened());
    assert!(colours <= 0.5 / 38.25 + 1e-5, "colours are off by {colours}");
    // Three components of half a step each, and a fourth of at least one half that makes up for them.
    let turned = angle(&before.quats, &after.quats);
    assert!(turned < 0.005, "rotations are off by {turned}");
    let width = before.sh_width().max(1);
    for (before, after) in before.sh_rest.chunks(width).zip(after.sh_rest.chunks(width)) {
        let first = width.min(9);
        // Half a bucket, and half a level that was rounded before.
        assert!(distance(&before[..first], &after[..first]) <= (4.0 + 0.5) / 128.0 + 1e-6);
        assert!(distance(&before[first..], &after[first..]) <= (8.0 + 0.5) / 128.0 + 1e-6);
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 48, ..Config::default() })]

    #[test]
    fn what_is_read_is_what_was_written(count in 1_usize..300, degree in 0_u8..=3, version in 3_u8..=4) {
        let cloud = sample(count, degree);
        let bytes = packed(&cloud, version);
        prop_assert!(is_spz(&bytes[..bytes.len().min(4096)]));
        prop_assert_eq!(bytes.starts_with(b"NGSP"), version == 4);
        let order = morton::order(&cloud.means);
        assert_close(&cloud.gather(&order), &unpacked(&bytes).unwrap(), 1.0 / 4096.0);
    }

    #[test]
    fn damage_is_reported_and_never_panics(version in 3_u8..=4, at in any::<u16>(), bit in 0_u8..8, cut in any::<bool>()) {
        let mut bytes = packed(&sample(40, 1), version);
        let at = (usize::from(at) * bytes.len()) >> 16;
        if cut {
            bytes.truncate(at);
            prop_assert!(unpacked(&bytes).is_err());
        } else {
            bytes[at] ^= 1 << bit;
            if let Ok(cloud) = unpacked(&bytes) {
                cloud.check().unwrap();
                prop_assert!(cloud.columns().iter().all(|(_, _, values)| values.iter().all(|v| v.is_finite())));
            }
        }
    }

    #[test]
    fn damaged_headers_never_panic(at in 0_usize..16, value in any::<u8>(), plain in any::<bool>()) {
        let mut plain_head = header(3, 2, [0, 12, 2, 0]);
        plain_head[at] = value;
        let streams = two();
        let _ = if plain {
            let mut head = header(4, 2, [0, 12, 2, 5]);
            head[at] = value;
            unpacked(&framed(&head, &[1, 2, 3], &streams))
        } else {
            unpacked(&gzip(&[plain_head, streams.concat(), vec![9; 40]].concat()))
        };
    }
}

#[test]
fn rows_come_in_any_order_and_files_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.spz");
    let cloud = sample(33, 2);
    for spz_version in [3, 4] {
        let options = WriteOptions { spz_version, sh_degree: 1, ..WriteOptions::default() };
        save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
        let source = crate::formats::open_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!((source.info().count, source.info().sh_degree), (33, 1));
        let all = load_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!(source.rows(&[32, 0, 7]).unwrap(), all.gather(&[32, 0, 7]));
    }
    let unknown = WriteOptions { spz_version: 2, ..WriteOptions::default() };
    assert!(save_splats(&path, &cloud.source(), &unknown, &mut |_| Ok(())).is_err());
    assert!(save_splats(&path, &SplatCloud::default().source(), &WriteOptions::default(), &mut |_| Ok(())).is_err());
    assert!(load_splats(&path, &mut |_| Ok(())).is_ok(), "a refusal must leave the old file");
}

#[test]
fn scenes_beyond_the_usual_range_get_coarser_steps() {
    for (farthest, step) in [(2047.0, 1.0 / 4096.0), (2049.0, 1.0 / 2048.0), (1e6, 1.0 / 8.0), (8e6, 1.0)] {
        let mut cloud = sample(9, 0);
        cloud.means[4] = [farthest, -farthest, 0.5];
        let order = morton::order(&cloud.means);
        assert_close(&cloud.gather(&order), &unpacked(&packed(&cloud, 3)).unwrap(), step);
    }
    let mut cloud = sample(3, 0);
    cloud.means[0] = [f32::INFINITY, 1e30, f32::NAN];
    let read = unpacked(&packed(&cloud, 3)).unwrap();
    assert!(read.means.as_flattened().iter().all(|value| value.is_finite()));
}

#[test]
fn the_bytes_of_every_version_mean_what_is_documented() {
    let streams = two();
    let check = |cloud: &SplatCloud| {
        assert_eq!(cloud.means, [[1.0, -2.0, 3.0], [0.0; 3]]);
        assert_eq!(cloud.log_scales[0], [0.0, -10.0, 5.9375]);
        assert!(distance(&cloud.sh0[0], &[0.5 / 38.25, -127.5 / 38.25, 127.5 / 38.25]) < 1e-6);
        assert!((sigmoid(cloud.opacity_logits[0]) - 128.0 / 255.0).abs() < 1e-6);
        assert!(sigmoid(cloud.opacity_logits[1]) == 1.0 && cloud.opacity_logits[1].is_finite());
        assert!(angle(&cloud.quats[..1], &[[1.0, 0.0, 0.0, 0.0]]) < 2e-2);
    };
    let third = unpacked(&gzip(&[header(3, 2, [0, 12, 1, 0]), streams.concat()].concat())).unwrap();
    check(&third);
    assert!(third.antialiased);
    // w = 0.707 is the smallest of the four for the code 511 in the last place: x is the largest.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    assert!(angle(&third.quats[1..], &[[half, half, 0.0, 0.0]]) < 2e-2);

    let mut old = streams.clone();
    old[4] = vec![128, 127, 128, 255, 128, 127];
    let second = unpacked(&gzip(&[header(2, 2, [0, 12, 0, 0]), old.concat()].concat())).unwrap();
    check(&second);
    assert!(angle(&second.quats[1..], &[[0.0, 1.0, 0.0, 0.0]]) < 2e-2);

    let halves: Vec<u16> = vec![0x3c00, 0xc000, 0x4200, 0, 0, 0];
    old[0] = halves.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    check(&unpacked(&gzip(&[header(1, 2, [0, 12, 0, 0]), old.concat()].concat())).unwrap());

    check(&unpacked(&framed(&header(4, 2, [0, 12, 0, 5]), &[], &streams)).unwrap());
}

#[test]
fn infinite_positions_of_version_1_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.spz");
    let mut streams = two();
    streams[0] = [0x3c00_u16, 0xc000, 0x7c00, 0x3c00, 0, 0].iter().flat_map(|bits| bits.to_le_bytes()).collect();
    streams[4] = vec![128; 6];
    std::fs::write(&path, gzip(&[header(1, 2, [0, 12, 0, 0]), streams.concat()].concat())).unwrap();
    let cloud = load_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!((cloud.means, cloud.dropped), (vec![[1.0, 0.0, 0.0]], 1));
}

#[test]
fn a_file_that_names_its_frame_is_turned() {
    let streams = two();
    let record = [&0xADBE_0003_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), &4_u32.to_le_bytes()].concat();
    let gzipped = gzip(&[header(3, 2, [0, 12, 2, 0]), streams.concat(), record.clone()].concat());
    let zipped = framed(&header(4, 2, [0, 12, 2, 5]), &record, &streams);
    let silent = framed(&header(4, 2, [0, 12, 0, 5]), &record, &streams);
    assert_eq!(unpacked(&silent).unwrap().means[0], [1.0, -2.0, 3.0]);
    for bytes in [gzipped, zipped] {
        assert_eq!(unpacked(&bytes).unwrap().means[0], [1.0, 2.0, -3.0]);
        let own = unpack(Path::new("a.spz"), &bytes, &mut |_| Ok(())).unwrap().in_its_own_axes();
        assert_eq!(own.rows(&[0]).unwrap().means[0], [1.0, -2.0, 3.0]);
    }
    assert!(frame(&record, &mut Vec::new()).is_some());
}

#[test]
fn degree_4_is_cut_to_3() {
    let mut streams = two().to_vec();
    streams.push((0..144).collect());
    let spz = unpack(Path::new("a"), &framed(&header(4, 2, [4, 12, 0, 6]), &[], &streams), &mut |_| Ok(())).unwrap();
    assert!(spz.info().notes.iter().any(|note| note.contains("degree 4")));
    let cloud = read_all(&spz, &mut |_| Ok(())).unwrap();
    assert_eq!((cloud.sh_degree, cloud.sh_rest.len()), (3, 90));
    assert_eq!([cloud.sh_rest[0], cloud.sh_rest[45]], [-1.0, (72.0 - 128.0) / 128.0]);
}

/// Counts far beyond the file must be refused before memory is taken for them.
#[test]
fn absurd_promises_are_refused() {
    let streams = two();
    let refused = |bytes: &[u8], word: &str| {
        let error = unpacked(bytes).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    let legacy = |head: Vec<u8>| gzip(&[head, streams.concat()].concat());
    refused(&legacy(header(3, i32::MAX as u32, [3, 12, 0, 0])), "cannot hold");
    refused(&legacy(header(3, u32::MAX, [0, 12, 0, 0])), "promises");
    refused(&legacy(header(3, 0, [0, 12, 0, 0])), "promises 0");
    refused(&legacy(header(3, 3, [0, 12, 0, 0])), "cut short");
    refused(&legacy(header(3, 1_000_000, [0, 12, 0, 0])), "cut short");
    refused(&legacy(header(5, 2, [0, 12, 0, 0])), "version 5");
    refused(&legacy(header(4, 2, [0, 12, 0, 5])), "version 4");
    refused(&legacy(header(3, 2, [5, 12, 0, 0])), "degree 5");
    refused(&legacy(header(3, 2, [0, 99, 0, 0])), "fractional");
    refused(&[header(3, 2, [0, 12, 0, 0]), streams.concat()].concat(), "inside gzip");
    refused(&framed(&header(4, i32::MAX as u32, [3, 12, 0, 6]), &[], &streams), "cannot hold");
    refused(&framed(&header(4, 2, [3, 12, 0, 5]), &[], &streams), "streams");
    refused(&framed(&header(4, 3, [0, 12, 0, 5]), &[], &streams), "expected");
    let mut huge = framed(&header(4, 2, [0, 12, 0, 5]), &[], &streams);
    huge[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    refused(&huge, "expected");
    huge[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&huge, "does not fit");
    refused(b"NGSP", "cut short");
    refused(b"", "cut short");
    assert!(!is_spz(&gzip(b"something else")) && !is_spz(b"ply") && !is_spz(b""));
}

/// A stream that unpacks to more than it promises must not be followed.
#[test]
fn more_data_than_promised_is_not_kept() {
    let mut streams = two().to_vec();
    let right = streams[1].len();
    streams[1] = vec![7; 1 << 20];
    let mut bytes = framed(&header(4, 2, [0, 12, 0, 5]), &[], &streams);
    bytes[56..64].copy_from_slice(&(right as u64).to_le_bytes());
    assert!(unpacked(&bytes).is_err());
}

/// Each stream by itself, or all in one pass.
#[test]
fn the_memory_there_is_changes_nothing() {
    for (degree, version) in [(0, 3), (0, 4), (2, 3), (2, 4)] {
        let cloud = sample(2000, degree);
        let options = WriteOptions { spz_version: version, ..WriteOptions::default() };
        let within = |kept: usize| {
            let mut bytes = Vec::new();
            let mut last = 0.0;
            write_spz_within(&mut bytes, &cloud.source(), &options, (sh_bucket, kept), &mut |share| {
                assert!((last..=1.0).contains(&share), "{share} after {last}");
                last = share;
                Ok(())
            })
            .unwrap();
            assert_eq!(last, 1.0);
            bytes
        };
        let all = within(usize::MAX);
        // Nothing, opacities, everything up to colours or rotations.
        assert!([0, 2000, 2000 * 4, 2000 * 11].into_iter().all(|kept| within(kept) == all), "version {version}");
    }
}

#[test]
fn stopping_stops() {
    let cloud = sample(50, 1);
    let stop: &mut dyn FnMut(f64) -> Result<(), Error> = &mut |_| Err(Error::Cancelled);
    let written = write_spz(&mut Vec::new(), &cloud.source(), &WriteOptions::default(), stop);
    assert!(matches!(written, Err(Error::Cancelled)));
    for version in [3, 4] {
        let read = unpack(Path::new("a"), &packed(&cloud, version), &mut |_| Err(Error::Cancelled));
        assert!(matches!(read, Err(Error::Cancelled)));
    }
}
