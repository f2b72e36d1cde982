//! Splat and point files.

use super::fixture::write;
use proptest::prelude::{Strategy, prop, proptest};
use proptest::test_runner::Config;
use splat_core::scene::{Point, SplatCloud, read_points, read_splats, write_splats};

fn clouds() -> impl Strategy<Value = SplatCloud> {
    (0_u8..=3, 0_usize..20, 0_u64..u64::MAX, proptest::bool::ANY).prop_map(|(degree, count, seed, antialiased)| {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 1e6 - 8.0
        };
        let rows = (usize::from(degree) + 1).pow(2) - 1;
        SplatCloud {
            means: (0..count).map(|_| [next(), next(), next()]).collect(),
            quats: (0..count).map(|_| [next(), next(), next(), 1.0]).collect(),
            log_scales: (0..count).map(|_| [next(), next(), next()]).collect(),
            opacity_logits: (0..count).map(|_| next()).collect(),
            sh0: (0..count).map(|_| [next(), next(), next()]).collect(),
            sh_rest: (0..count * rows * 3).map(|_| next()).collect(),
            sh_degree: degree,
            antialiased,
            ..SplatCloud::default()
        }
    })
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn splats_survive_a_round_trip_bit_for_bit(cloud in clouds(), comment in prop::string::string_regex("[ -~\n]{0,40}").unwrap()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.ply");
        write_splats(&path, &cloud, &[comment]).unwrap();
        assert_eq!(read_splats(&path).unwrap(), cloud);
        // No temporary file stays behind.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

fn one_splat() -> SplatCloud {
    SplatCloud {
        means: vec![[1.0, 2.0, 3.0]],
        quats: vec![[1.0, 0.0, 0.0, 0.0]],
        log_scales: vec![[-1.0, -2.0, -3.0]],
        opacity_logits: vec![0.5],
        sh0: vec![[0.1, 0.2, 0.3]],
        sh_rest: (0..9).map(|i| i as f32).collect(),
        sh_degree: 1,
        antialiased: true,
        ..SplatCloud::default()
    }
}

#[test]
fn the_file_has_the_layout_of_the_reference_implementation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    write_splats(&path, &one_splat(), &["made by a test".into()]).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(bytes[..end].to_vec()).unwrap();
    for line in ["SplatRenderMode: mip", "SH degree: 1", "made by a test"] {
        assert!(header.contains(&format!("comment {line}\n")), "{header}");
    }
    let row: Vec<f32> = bytes[end..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    // Coefficients are R0 G0 B0 R1 .. in memory, R0 R1 R2 G0 .. in the file.
    let expected = [
        1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.0, 3.0, 6.0, 1.0, 4.0, 7.0, 2.0, 5.0, 8.0, 0.5, -1.0, -2.0,
        -3.0, 1.0, 0.0, 0.0, 0.0,
    ];
    assert_eq!(row, expected);
}

#[test]
fn a_failed_write_keeps_the_previous_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    write_splats(&path, &one_splat(), &[]).unwrap();
    let before = std::fs::read(&path).unwrap();
    let uneven = SplatCloud { quats: Vec::new(), ..one_splat() };
    assert_eq!(write_splats(&path, &uneven, &[]).unwrap_err().exit_code(), 2);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let nowhere = folder.path().join("missing/scene.ply");
    assert_eq!(write_splats(&nowhere, &one_splat(), &[]).unwrap_err().exit_code(), 1);
}

/// Column order, types, extra columns, line ends and other elements as odd as the format allows.
#[test]
fn foreign_headers_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.ply");
    let mut file = [
        "ply",
        "format binary_little_endian 1.0",
        "comment antialiased 1",
        "obj_info x",
        "element chunk 2",
        "property list uchar short values",
        "property int n",
        "element vertex 3",
        "property double rot_3",
        "property uchar flag",
        "property float x",
        "property float y",
        "property float z",
        "property float scale_0",
        "property float scale_1",
        "property float scale_2",
        "property float rot_0",
        "property float rot_1",
        "property float rot_2",
        "property float f_dc_0",
        "property float f_dc_1",
        "property float f_dc_2",
        "property float opacity",
        "element safe_orbit 1",
        "property float angle",
        "end_header",
        "",
    ]
    .join("\r\n")
    .into_bytes();
    file.extend([2, 1, 0, 2, 0, 9, 9, 9, 9, 0, 9, 9, 9, 9]);
    for row in 0..3 {
        file.extend(0.5_f64.to_le_bytes());
        file.push(7);
        let x = if row == 1 { f32::NAN } else { row as f32 };
        let opacity = f32::INFINITY;
        for value in [x, 2.0, 3.0, -1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 0.1, 0.2, 0.3, opacity] {
            file.extend(value.to_le_bytes());
        }
    }
    file.extend(1.0_f32.to_le_bytes());
    write(&path, &file);
    let cloud = read_splats(&path).unwrap();
    assert_eq!((cloud.len(), cloud.dropped, cloud.sh_degree, cloud.antialiased), (2, 1, 0, true));
    assert_eq!(cloud.means[1], [2.0, 2.0, 3.0]);
    assert_eq!(cloud.quats[0], [1.0, 0.0, 0.0, 0.5]);
    assert!(cloud.opacity_logits[0].is_finite() && cloud.opacity_logits[0] > 10.0);
    write(&path, &file[..file.len() - 10]);
    assert!(read_splats(&path).unwrap_err().to_string().contains("promises 3 vertices"));
}

#[test]
fn points_are_read_from_text_and_with_float_colours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.ply");
    let xyz = "property float x\nproperty float y\nproperty float z\n";
    write(
        &path,
        format!(
            "ply\nformat ascii 1.0\nelement vertex 3\n{xyz}property uchar red\nproperty uchar green\nproperty uchar blue\nelement face 1\nproperty list uchar int i\nend_header\n1 2 3 10 20 30\n\n4 5 6 255 0 1\nnan 0 0 1 1 1"
        ),
    );
    let points = read_points(&path).unwrap();
    assert_eq!(
        points,
        [Point { position: [1.0, 2.0, 3.0], rgb: [10, 20, 30] }, Point { position: [4.0, 5.0, 6.0], rgb: [255, 0, 1] },]
    );
    write(
        &path,
        format!(
            "ply\nformat ascii 1.0\nelement vertex 1\n{xyz}property float red\nproperty float green\nproperty float blue\nend_header\n0 0 0 1 0.5 0\n"
        ),
    );
    assert_eq!(read_points(&path).unwrap()[0].rgb, [255, 128, 0]);
    write(&path, format!("ply\nformat ascii 1.0\nelement vertex 1\n{xyz}end_header\n0 0 0"));
    assert_eq!(read_points(&path).unwrap()[0].rgb, [128; 3]);
}
