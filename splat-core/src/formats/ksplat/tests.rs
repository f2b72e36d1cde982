use std::path::Path;

use proptest::prelude::{any, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::{HEADER, Ksplat, SECTION, is_ksplat, sh_values};
use crate::error::Error;
use crate::formats::values::tests::{angle, distance, sample};
use crate::formats::values::{half, sigmoid};
use crate::formats::{load_splats, read_all};
use crate::scene::{SplatCloud, colour};

const BLOCK: f32 = 100.0;
const RANGE: f32 = 32767.0;

/// The nearest half float.
fn to_half(value: f32) -> [u8; 2] {
    let exponent = value.abs().log2().floor().clamp(-14.0, 15.0) as i32;
    let steps = (value.abs() * 2.0_f32.powi(10 - exponent)).round() as u16;
    // What has no leading one is below the normal range, where the exponent is stored as zero.
    let bits = if steps < 1024 { steps } else { steps - 1024 + (((exponent + 15) as u16) << 10) };
    (bits | if value < 0.0 { 0x8000 } else { 0 }).to_le_bytes()
}

/// One record; `centre` is that of its bucket.
fn record(cloud: &SplatCloud, row: usize, level: u8, centre: [f32; 3]) -> Vec<u8> {
    let scales = cloud.log_scales[row].map(f32::exp);
    let number = |value: f32| if level == 0 { value.to_le_bytes().to_vec() } else { to_half(value).to_vec() };
    let mut bytes: Vec<u8> = Vec::new();
    for (value, centre) in cloud.means[row].into_iter().zip(centre) {
        if level == 0 {
            bytes.extend(value.to_le_bytes());
        } else {
            let steps = ((value - centre) * RANGE / (BLOCK / 2.0)).round() + RANGE;
            bytes.extend((steps as u16).to_le_bytes());
        }
    }
    bytes.extend(scales.into_iter().chain(cloud.quats[row]).flat_map(number));
    bytes.extend(cloud.sh0[row].map(|value| (colour::channel(value) * 255.0).round() as u8));
    bytes.push((sigmoid(cloud.opacity_logits[row]) * 255.0).round() as u8);
    let rest = &cloud.sh_rest[row * cloud.sh_width()..][..cloud.sh_width()];
    let degrees = [0..3, 3..8, 8..15];
    for rows in degrees.into_iter().take(usize::from(cloud.sh_degree)) {
        for channel in 0..3 {
            for index in rows.clone() {
                let value = rest[3 * index + channel];
                if level == 2 {
                    bytes.push(((value + 1.5) / 3.0 * 255.0).round() as u8);
                } else {
                    bytes.extend(number(value));
                }
            }
        }
    }
    bytes
}

/// A file with a section for each cloud; buckets hold `bucket_size` rows each, and the last rows form partial ones.
fn encode(clouds: &[SplatCloud], level: u8, bucket_size: usize) -> Vec<u8> {
    let total: usize = clouds.iter().map(SplatCloud::len).sum();
    let mut bytes = vec![0; HEADER + SECTION * clouds.len()];
    let put = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    bytes[1] = 1;
    for at in [4, 8] {
        put(&mut bytes, at, &(clouds.len() as u32).to_le_bytes());
    }
    for at in [12, 16] {
        put(&mut bytes, at, &(total as u32).to_le_bytes());
    }
    bytes[20] = level;
    for (index, cloud) in clouds.iter().enumerate() {
        let full = if cloud.len() > 2 { (cloud.len() - 2) / bucket_size } else { 0 };
        let mut lengths = vec![bucket_size; full];
        // Of what is left, the first row has a bucket of its own.
        let left = cloud.len() - full * bucket_size;
        let partial: Vec<usize> = [1.min(left), left.saturating_sub(1)].into_iter().filter(|&rows| rows > 0).collect();
        lengths.extend(&partial);
        let base = HEADER + SECTION * index;
        let field = |bytes: &mut Vec<u8>, at: usize, value: usize| put(bytes, base + at, &(value as u32).to_le_bytes());
        field(&mut bytes, 0, cloud.len());
        field(&mut bytes, 4, cloud.len());
        field(&mut bytes, 40, usize::from(cloud.sh_degree));
        if level > 0 {
            field(&mut bytes, 8, bucket_size);
            field(&mut bytes, 12, lengths.len());
            put(&mut bytes, base + 16, &BLOCK.to_le_bytes());
            field(&mut bytes, 20, 12);
            field(&mut bytes, 24, RANGE as usize);
            field(&mut bytes, 32, full);
            field(&mut bytes, 36, partial.len());
            bytes.extend(partial.iter().flat_map(|&rows| (rows as u32).to_le_bytes()));
        }
        let mut records = Vec::new();
        let mut row = 0;
        for rows in lengths {
            // Off the middle, so that a wrong bucket is noticed.
            let centre = cloud.means[row].map(|value| value + 3.0);
            if level > 0 {
                bytes.extend(centre.iter().flat_map(|value| value.to_le_bytes()));
            }
            for _ in 0..rows {
                records.extend(record(cloud, row, level, centre));
                row += 1;
            }
        }
        bytes.extend(records);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<SplatCloud, Error> {
    read_all(&Ksplat::new(Path::new("a.ksplat"), bytes.to_vec())?, &mut |_| Ok(()))
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 60, ..Config::default() })]

    #[test]
    fn every_level_is_read(first in 1_usize..40, second in 0_usize..40, degree in 0_u8..=3, level in 0_u8..3) {
        let mut clouds = [sample(first, degree), sample(second, degree.min(1))];
        // Colours are bytes of what is shown: only what can be shown is kept.
        clouds.iter_mut().flat_map(|cloud| cloud.sh0.as_flattened_mut()).for_each(|v| *v = v.clamp(-1.7, 1.7));
        let bytes = encode(&clouds, level, 7);
        prop_assert_eq!(is_ksplat(Path::new("a"), &bytes[..HEADER], bytes.len() as u64), true);
        let read = decode(&bytes).unwrap();
        read.check().unwrap();
        prop_assert_eq!((read.len(), read.sh_degree), (first + second, degree));
        let mut expected = clouds[0].clone();
        let width = expected.sh_width();
        let narrow = clouds[1].sh_width();
        clouds[1].sh_degree = degree;
        clouds[1].sh_rest = (0..second * width).map(|index| {
            let (row, value) = (index / width, index % width);
            if value < narrow { clouds[1].sh_rest[row * narrow + value] } else { 0.0 }
        }).collect();
        expected.append(&clouds[1]);
        let step = if level == 0 { 1e-9 } else { BLOCK / 2.0 / RANGE };
        assert!(distance(expected.means.as_flattened(), read.means.as_flattened()) <= 0.5 * step + 1e-5);
        // Half floats have eleven bits.
        let relative = if level == 0 { 1e-6 } else { 5e-4 };
        assert!(distance(expected.log_scales.as_flattened(), read.log_scales.as_flattened()) < 5.0 * relative);
        assert!(angle(&expected.quats, &read.quats) < 4.0 * f64::from(relative) + 1e-3);
        assert!(distance(expected.sh0.as_flattened(), read.sh0.as_flattened()) <= 0.5 / 255.0 / colour::SH_C0 + 1e-5);
        let alphas = |cloud: &SplatCloud| cloud.opacity_logits.iter().map(|&v| sigmoid(v)).collect::<Vec<f32>>();
        assert!(distance(&alphas(&expected), &alphas(&read)) <= 0.5 / 255.0 + 1e-6);
        let sh_step = match level {
            0 => 0.0,
            1 => 5e-4,
            _ => 0.5 * 3.0 / 255.0 + 1e-5,
        };
        // Bytes have no zero of their own, but what a section lacks is zero.
        assert!(distance(&expected.sh_rest, &read.sh_rest) <= sh_step);
    }

    #[test]
    fn damage_never_panics(at in any::<u16>(), value in any::<u32>(), header in any::<bool>(), level in 0_u8..3) {
        let mut bytes = encode(&[sample(9, 1), sample(20, 2)], level, 4);
        // Most of the header is empty: its fields are aimed at.
        let place = (usize::from(at) * bytes.len()) >> 16;
        let place = if header { [HEADER, HEADER + SECTION, 0][place % 3] + place % 48 } else { place } & !3;
        for (byte, new) in bytes[place..].iter_mut().zip(value.to_le_bytes()) {
            *byte = new;
        }
        if let Ok(cloud) = decode(&bytes) {
            cloud.check().unwrap();
        }
        bytes.truncate(place);
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn files_are_recognised_and_broken_rows_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ksplat");
    let mut cloud = sample(5, 0);
    cloud.means[2][1] = f32::NAN;
    cloud.quats[3] = [0.0; 4];
    std::fs::write(&path, encode(&[cloud.clone()], 0, 4)).unwrap();
    let read = load_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!(read.dropped, 2);
    assert_eq!(read.means, cloud.gather(&[0, 1, 4]).means);
    assert!(!is_ksplat(Path::new("a.ply"), b"ply\nformat", 10_000));
    assert!(!is_ksplat(Path::new("a.splat"), &[0; 4096], 64_000));
}

#[test]
fn absurd_counts_are_refused() {
    let good = encode(&[sample(9, 1)], 1, 4);
    assert!(decode(&good).is_ok());
    // Sections, splats, buckets, full and partial buckets, SH degree.
    for (at, word) in [(4, "sections"), (HEADER + 4, "need"), (HEADER + 12, "need"), (HEADER + 32, "add up")] {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = decode(&bad).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let mut bad = good.clone();
    bad[HEADER + 40] = 4;
    assert!(decode(&bad).unwrap_err().to_string().contains("degree 4"));
    let mut bad = good.clone();
    // The last partial bucket lost a row.
    bad[HEADER + SECTION + 4] -= 1;
    assert!(decode(&bad).unwrap_err().to_string().contains("buckets hold"));
    let mut empty = good;
    empty[4] = 0;
    assert!(decode(&empty).is_err());
    assert_eq!([sh_values(0), sh_values(1), sh_values(2), sh_values(3)], [0, 9, 24, 45]);
}

#[test]
fn half_floats_of_the_tests_are_right() {
    for bits in (0..0x7c00).chain(0x8001..0xfc00).step_by(7) {
        assert_eq!(u16::from_le_bytes(to_half(half(bits))), bits);
    }
}
