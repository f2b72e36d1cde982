use proptest::prelude::proptest;
use proptest::test_runner::Config;

use super::packing::CHUNK;
use crate::formats::fixture::{Random, cloud, degrees_between, survive_damage};
use crate::formats::{Format, WriteOptions, load_splats, morton, open_splats, save_splats};
use crate::scene::SplatCloud;

fn save(path: &std::path::Path, cloud: &SplatCloud, sh_degree: u8) {
    let options = WriteOptions { sh_degree, comments: vec!["from a\ntest".into()], ..WriteOptions::default() };
    save_splats(path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
}

fn written(cloud: &SplatCloud) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.compressed.ply");
    save(&path, cloud, 3);
    std::fs::read(&path).unwrap()
}

/// Ends of the values of some rows.
fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)))
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn splats_come_back_within_the_steps_of_the_format(
        count in 0_usize..900, degree in 0_u8..=3, cap in 0_u8..=3, seed: u64, antialiased: bool,
    ) {
        let cloud = SplatCloud { antialiased, ..cloud(count, degree, seed) };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.compressed.ply");
        save(&path, &cloud, cap);
        let source = open_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!(source.info().format, Some(Format::CompressedPly));
        let back = load_splats(&path, &mut |_| Ok(())).unwrap();
        let mut expected = cloud.gather(&morton::order(&cloud.means));
        expected.limit_sh_degree(cap);
        assert_eq!((back.len(), back.sh_degree, back.antialiased), (count, expected.sh_degree, antialiased));
        for chunk in (0..count).step_by(CHUNK) {
            let rows = || chunk..count.min(chunk + CHUNK);
            let near = |name: &str, axis: usize, steps: f32, of: &dyn Fn(&SplatCloud, usize) -> f32| {
                let (low, high) = range(rows().map(|row| of(&expected, row)));
                for row in rows() {
                    // Half a step, and what 32-bit floats add.
                    let bound = (high - low) * 0.5 / steps + 1e-6 * low.abs().max(high.abs()).max(1.0) * 4.0;
                    let (is, was) = (of(&back, row), of(&expected, row));
                    assert!((is - was).abs() <= bound, "{name} {axis} of {row}: {is}, not {was}");
                }
            };
            for (axis, steps) in [2047.0, 1023.0, 2047.0].into_iter().enumerate() {
                near("mean", axis, steps, &|cloud, row| cloud.means[row][axis]);
                near("scale", axis, steps, &|cloud, row| cloud.log_scales[row][axis]);
                near("sh0", axis, 255.0, &|cloud, row| cloud.sh0[row][axis]);
            }
        }
        for row in 0..count {
            let opacity = |logit: f32| 255.0 / (1.0 + (-logit).exp());
            assert!((opacity(back.opacity_logits[row]) - opacity(expected.opacity_logits[row])).abs() <= 0.501);
            assert!(degrees_between(back.quats[row], expected.quats[row]) < 0.25);
        }
        assert_eq!(back.sh_rest.len(), expected.sh_rest.len());
        assert!(back.sh_rest.iter().zip(&expected.sh_rest).all(|(is, was)| (is - was).abs() <= 4.0 / 256.0 + 1e-5));
    }
}

#[test]
fn the_file_has_the_tables_of_the_format() {
    let bytes = written(&cloud(300, 1, 4));
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(bytes[..end].to_vec()).unwrap();
    for part in [
        "comment from a test\n",
        "element chunk 2\nproperty float min_x\nproperty float min_y\n",
        "property float max_b\nelement vertex 300\nproperty uint packed_position\nproperty uint packed_rotation\n",
        "property uint packed_color\nelement sh 300\nproperty uchar f_rest_0\n",
        "property uchar f_rest_8\nend_header\n",
    ] {
        assert!(header.contains(part), "{header}");
    }
    assert_eq!(bytes.len() - end, 2 * 72 + 300 * (16 + 9));
}

#[test]
fn any_rows_can_be_read_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.compressed.ply");
    save(&path, &cloud(1000, 2, 8), 3);
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    let whole = load_splats(&path, &mut |_| Ok(())).unwrap();
    let random = &mut Random(5);
    let rows: Vec<u32> = (0..600).map(|_| random.below(1000) as u32).collect();
    assert_eq!(source.rows(&rows).unwrap(), whole.gather(&rows));
}

/// Files from before colours had ranges; one chunk is damaged.
#[test]
fn chunks_of_twelve_numbers_have_colours_from_0_to_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ply");
    let mut file = String::from("ply\r\nformat binary_little_endian 1.0\r\nelement chunk 2\r\n");
    for name in &super::RANGES[..12] {
        file += &format!("property float {name}\r\n");
    }
    file += "element vertex 257\r\n";
    for name in ["packed_rotation", "packed_position", "packed_color", "packed_scale"] {
        file += &format!("property uint {name}\r\n");
    }
    let mut file = (file + "end_header\r\n").into_bytes();
    let ranges = [-1.0, -2.0, -3.0, 1.0, 2.0, 3.0, -5.0, -6.0, -7.0, -4.0, -4.0, -4.0_f32];
    for low in [-1.0, f32::NAN] {
        file.extend([&[low], &ranges[1..]].concat().iter().flat_map(|value| value.to_le_bytes()));
    }
    for _ in 0..257 {
        let identity = 512 << 20 | 512 << 10 | 512_u32;
        file.extend([identity, 0xffff_ffff, 0xff00_80ff, 0].iter().flat_map(|value| value.to_le_bytes()));
    }
    std::fs::write(&path, &file).unwrap();
    let cloud = load_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!((cloud.len(), cloud.dropped, cloud.sh_degree), (256, 1, 0));
    assert_eq!((cloud.means[9], cloud.log_scales[9]), ([1.0, 2.0, 3.0], [-5.0, -6.0, -7.0]));
    let colour = cloud.sh0[9].map(|sh0| 0.5 + 0.282_094_79 * sh0);
    assert!((colour[0] - 1.0).abs() < 1e-6 && colour[1].abs() < 1e-6 && (colour[2] - 128.0 / 255.0).abs() < 1e-6);
    assert_eq!(cloud.opacity_logits[9], 30.0);
    assert!(degrees_between(cloud.quats[9], [1.0, 0.0, 0.0, 0.0]) < 0.25);
}

#[test]
fn files_that_do_not_add_up_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.compressed.ply");
    let good = written(&cloud(300, 1, 4));
    let end = good.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let (header, body) = (std::str::from_utf8(&good[..end]).unwrap(), &good[end..]);
    for (from, to, problem) in [
        ("vertex 300", "vertex 4000000000", "promises 4000000000 rows of `vertex`"),
        ("vertex 300", "vertex 18446744073709551615", "promises"),
        ("chunk 2", "chunk 1", "fewer than 2 chunks"),
        ("element chunk", "element lump", "fewer than 2 chunks"),
        ("element sh 300", "element sh 299", "spherical harmonics of 299"),
        ("element sh 300", "element sh 301", "promises 301 rows of `sh`"),
        ("float max_z", "float max_w", "no `max_z`"),
        ("uint packed_scale", "float packed_scale", "no `packed_scale`"),
        ("binary_little_endian", "ascii", "text"),
        ("binary_little_endian", "binary_big_endian", "big-endian"),
        ("uint packed_color", "list uchar uint packed_color", "the file ends in vertex"),
    ] {
        assert!(header.contains(from));
        std::fs::write(&path, [header.replacen(from, to, 1).as_bytes(), body].concat()).unwrap();
        let error = open_splats(&path, &mut |_| Ok(())).err().unwrap();
        assert!(error.to_string().contains(problem), "{from} -> {to}: {error}");
        assert_eq!(error.exit_code(), 3);
    }
    // A header so long that the first bytes do not tell the kind.
    let long = header.replacen("comment", &format!("comment {}\ncomment", "x".repeat(8000)), 1);
    std::fs::write(&path, [long.as_bytes(), body].concat()).unwrap();
    assert_eq!(open_splats(&path, &mut |_| Ok(())).unwrap().info().format, Some(Format::CompressedPly));
}

#[test]
fn damaged_files_never_panic() {
    survive_damage("scene.compressed.ply", &written(&cloud(300, 1, 2)), 300);
}
