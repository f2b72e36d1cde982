use proptest::prelude::proptest;
use proptest::test_runner::Config;

use crate::formats::fixture::{Random, cloud, degrees_between, survive_damage};
use crate::formats::values::opacity_byte;
use crate::formats::{Format, WriteOptions, load_splats, open_splats, save_splats};
use crate::scene::SplatCloud;

fn written(cloud: &SplatCloud) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splat");
    save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    std::fs::read(&path).unwrap()
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn splats_come_back_within_the_steps_of_the_format(count in 1_usize..400, degree in 0_u8..=3, seed: u64) {
        let cloud = cloud(count, degree, seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.splat");
        save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
        let source = open_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!((source.info().format, source.info().count), (Some(Format::Splat), count));
        let back = load_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!((back.len(), back.sh_degree, back.sh_rest.len()), (count, 0, 0));
        // Positions are exact, so they tell which splat is which.
        let mut rows: Vec<usize> = (0..count).collect();
        let visibility = |row: usize| {
            let volume: f64 = cloud.log_scales[row].iter().map(|&s| f64::from(s).exp()).product();
            volume / (1.0 + (-f64::from(cloud.opacity_logits[row])).exp())
        };
        rows.sort_by(|&a, &b| visibility(b).total_cmp(&visibility(a)));
        for (i, &row) in rows.iter().enumerate() {
            assert_eq!(back.means[i], cloud.means[row], "place {i} of {count}");
            for axis in 0..3 {
                assert!((back.log_scales[i][axis] - cloud.log_scales[row][axis]).abs() < 1e-5);
                let colour = |sh0: f32| (0.5 + 0.282_094_79 * sh0).clamp(0.0, 1.0) * 255.0;
                assert!((colour(back.sh0[i][axis]) - colour(cloud.sh0[row][axis])).abs() <= 0.501);
            }
            let opacity = |logit: f32| 255.0 / (1.0 + (-logit).exp());
            assert!((opacity(back.opacity_logits[i]) - opacity(cloud.opacity_logits[row])).abs() <= 0.501);
            assert!(degrees_between(back.quats[i], cloud.quats[row]) < 0.9);
        }
    }
}

#[test]
fn a_row_has_the_bytes_of_the_format() {
    let cloud = SplatCloud {
        means: vec![[1.0, -2.0, 3.5]],
        log_scales: vec![[0.0, 0.0, -200.0]],
        quats: vec![[0.0, -2.0, 0.0, 0.0]],
        opacity_logits: vec![0.0],
        sh0: vec![[0.0, 9.0, -9.0]],
        ..SplatCloud::default()
    };
    let bytes = written(&cloud);
    let floats: Vec<f32> = bytes[..24].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(floats[..5], [1.0, -2.0, 3.5, 1.0, 1.0]);
    assert!(floats[5] > 0.0 && floats[5] < 1e-12);
    assert_eq!(bytes[24..], [128, 255, 0, 128, 128, 0, 128, 128]);
}

#[test]
fn rows_that_are_no_splats_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splat");
    let mut bytes = written(&cloud(10, 0, 3));
    bytes[4 * 32..4 * 32 + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    bytes[6 * 32 + 12..6 * 32 + 16].copy_from_slice(&(-1.0_f32).to_le_bytes());
    bytes[9 * 32 + 28..].fill(128);
    // A flat splat is none of those.
    bytes[12..16].fill(0);
    std::fs::write(&path, &bytes).unwrap();
    let cloud = load_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!((cloud.len(), cloud.dropped), (7, 3));
    assert_eq!(cloud.log_scales[0][0], -30.0);
    let last = f32::from_le_bytes(bytes[8 * 32..8 * 32 + 4].try_into().unwrap());
    assert_eq!(cloud.means[6][0], last);
}

#[test]
fn only_what_can_be_splats_is_taken_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bytes = written(&cloud(200, 0, 5));
    let random = &mut Random(77);
    let noise: Vec<u8> = (0..6400).map(|_| random.next() as u8).collect();
    for (name, content, problem) in [
        ("noise.splat", noise.as_slice(), "no splat file"),
        ("text.splat", "once upon a time ".repeat(64).as_bytes(), "no splat file"),
        ("zeros.splat", &[0; 320], "no splat file"),
        ("empty.splat", &[], "no splat file"),
        ("short.splat", &bytes[..40], "40 bytes are no whole number of splats"),
        ("other.bin", &bytes, "no splat file"),
    ] {
        std::fs::write(at(name), content).unwrap();
        let error = open_splats(&at(name), &mut |_| Ok(())).err().unwrap();
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
    // Some programs write quaternions as they were trained, of any length.
    let mut bytes = bytes;
    bytes.chunks_mut(32).for_each(|row| row[28..].fill(255));
    std::fs::write(at("UPPER.SPLAT"), &bytes).unwrap();
    assert_eq!(load_splats(&at("UPPER.SPLAT"), &mut |_| Ok(())).unwrap().len(), 200);
    let none = save_splats(&at("none.splat"), &cloud(0, 0, 1).source(), &WriteOptions::default(), &mut |_| Ok(()));
    assert_eq!(none.unwrap_err().exit_code(), 2);
    assert!(!at("none.splat").exists());
}

#[test]
fn damaged_files_never_panic() {
    survive_damage("scene.splat", &written(&cloud(20, 0, 9)), 300);
    assert_eq!(opacity_byte(f32::NAN), 0);
}
