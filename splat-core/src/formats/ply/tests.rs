use std::path::Path;

use proptest::prelude::proptest;
use proptest::test_runner::Config;

use crate::error::Error;
use crate::formats::fixture::{Chosen, Random, cloud, survive_damage};
use crate::formats::{FORMATS, Format, WriteOptions, load_splats, open_splats, save_splats};
use crate::scene::io::ply::{Scalar, read_splats, write_splats};
use crate::scene::{SplatCloud, count_splats};

fn save(path: &Path, cloud: &SplatCloud) {
    save_splats(path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
}

/// Header and body of a file.
fn parts(path: &Path) -> (String, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end..].to_vec())
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_rows_in_any_order_are_those_of_the_file(count in 1_usize..3000, degree in 0_u8..=3, cap in 0_u8..=3, seed: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.ply");
        let mut cloud = SplatCloud { antialiased: seed % 2 == 0, ..cloud(count, degree, seed) };
        let options = WriteOptions { sh_degree: cap, ..WriteOptions::default() };
        save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
        cloud.limit_sh_degree(cap);
        assert!(load_splats(&path, &mut |_| Ok(())).unwrap() == cloud);
        assert!(read_splats(&path).unwrap() == cloud);

        // Some rows are spoilt; those asked for are counted without them.
        let (header, mut body) = parts(&path);
        let stride = body.len() / count;
        let random = &mut Random(seed | 1);
        let mut kept = Vec::new();
        for row in 0..count {
            if random.below(10) == 0 {
                body[row * stride + 4..row * stride + 8].copy_from_slice(&f32::NAN.to_le_bytes());
            } else {
                kept.push(row as u32);
            }
        }
        std::fs::write(&path, [header.as_bytes(), &body].concat()).unwrap();
        let source = open_splats(&path, &mut |_| Ok(())).unwrap();
        assert_eq!((source.info().count, source.info().dropped), (kept.len(), count - kept.len()));
        let asked: Vec<u32> = (0..kept.len()).map(|_| random.below(kept.len()) as u32).collect();
        let expected: Vec<u32> = asked.iter().map(|&row| kept[row as usize]).collect();
        assert!(source.rows(&asked).unwrap() == cloud.gather(&expected));
        assert!(read_splats(&path).unwrap() == SplatCloud { dropped: count - kept.len(), ..cloud.gather(&kept) });
    }
}

/// A file whose splats have a label, a weight and an identity; types and places as odd as allowed.
fn file_with_extras(path: &Path, cloud: &SplatCloud) {
    save(path, cloud);
    let (header, body) = parts(path);
    let header = header
        .replacen("property float x\n", "property uchar label\nproperty float x\n", 1)
        .replacen("property float opacity\n", "property double weight\nproperty float opacity\n", 1)
        .replacen(
            "end_header",
            "property int id\nproperty short label\nelement safe_orbit 1\nproperty float a\nend_header",
            1,
        );
    let stride = body.len() / cloud.len();
    let weight_at = stride - 8 * 4;
    let mut bytes = header.into_bytes();
    for (i, row) in body.chunks(stride).enumerate() {
        bytes.push(i as u8);
        bytes.extend_from_slice(&row[..weight_at]);
        bytes.extend((i as f64 / 3.0).to_le_bytes());
        bytes.extend_from_slice(&row[weight_at..]);
        bytes.extend((1000 * i as i32 - 7).to_le_bytes());
        bytes.extend([9, 9]);
    }
    bytes.extend([1, 2, 3, 4]);
    std::fs::write(path, bytes).unwrap();
}

fn extra_row(i: usize) -> Vec<u8> {
    [&[i as u8][..], &(i as f64 / 3.0).to_le_bytes(), &(1000 * i as i32 - 7).to_le_bytes()].concat()
}

#[test]
fn unknown_properties_go_from_ply_to_ply() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("labels.ply"), folder.path().join("copy.ply"));
    let cloud = cloud(50, 1, 6);
    file_with_extras(&path, &cloud);
    assert_eq!((count_splats(&path).unwrap(), read_splats(&path).unwrap()), (50, cloud.clone()));
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    let held: Vec<(&str, Scalar)> = source.extras().iter().map(|e| (e.name.as_str(), e.kind)).collect();
    assert_eq!(held, [("label", Scalar::U8), ("weight", Scalar::F64), ("id", Scalar::I32)]);
    assert!(source.info().notes[0].contains("label, weight, id"), "{:?}", source.info().notes);

    // Another order, with rows twice and rows missing.
    let rows = [40, 3, 3, 49, 0, 17];
    let chosen = Chosen::new(source.as_ref(), rows.to_vec());
    for row in FORMATS.iter().filter(|row| row.write.is_some()) {
        let lost = row.losses(&chosen, &WriteOptions::default()).iter().any(|loss| loss.contains("label, weight, id"));
        assert_eq!(lost, row.format != Format::Ply, "{}", row.name);
    }
    save_splats(&copy, &chosen, &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    let copy = open_splats(&copy, &mut |_| Ok(())).unwrap();
    assert_eq!(copy.extras(), source.extras());
    assert_eq!(copy.rows(&[0, 1, 2, 3, 4, 5]).unwrap(), cloud.gather(&rows));
    let expected: Vec<u8> = rows.iter().flat_map(|&row| extra_row(row as usize)).collect();
    assert_eq!(copy.extra_rows(&[0, 1, 2, 3, 4, 5]).unwrap(), expected);
    assert_eq!(copy.extra_rows(&[5]).unwrap(), extra_row(17));
}

/// Text, and vertices of different lengths, are read into memory; the rest is the same.
#[test]
fn text_and_lists_hold_the_same_splats() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    let cloud = cloud(40, 1, 12);
    file_with_extras(&path, &cloud);
    let (header, body) = parts(&path);
    let stride = (body.len() - 4) / 40;
    let listed = header.replacen("property uchar label\n", "property uchar label\nproperty list uchar short near\n", 1);

    let mut bytes = listed.clone().into_bytes();
    for (i, row) in body[..40 * stride].chunks(stride).enumerate() {
        bytes.extend([row[0], i as u8 % 4]);
        bytes.extend(vec![7; 2 * (i % 4)]);
        bytes.extend_from_slice(&row[1..]);
    }
    let lists = folder.path().join("lists.ply");
    std::fs::write(&lists, &bytes).unwrap();

    let mut text = listed.replacen("binary_little_endian", "ascii", 1).replace('\n', "\r\n");
    for (i, row) in body[..40 * stride].chunks(stride).enumerate() {
        let float = |at: usize| f32::from_le_bytes(row[at..at + 4].try_into().unwrap());
        let weight_at = 1 + 18 * 4;
        text += &format!("{} 2 5 5", row[0]);
        for at in (1..weight_at).step_by(4) {
            text += &format!("\t{:e}", float(at));
        }
        text += &format!(" {}", i as f64 / 3.0);
        for at in (weight_at + 8..weight_at + 40).step_by(4) {
            text += &format!(" {}", float(at));
        }
        text += &format!(" {} 9\r\n", 1000 * i as i32 - 7);
        if i == 3 {
            text += "\r\n";
        }
    }
    let ascii = folder.path().join("ascii.ply");
    std::fs::write(&ascii, &text).unwrap();

    for path in [&lists, &ascii] {
        assert_eq!(read_splats(path).unwrap(), cloud);
        let source = open_splats(path, &mut |_| Ok(())).unwrap();
        assert_eq!(source.rows(&[39, 0, 5]).unwrap(), cloud.gather(&[39, 0, 5]));
        assert_eq!(source.extra_rows(&[39, 5]).unwrap(), [extra_row(39), extra_row(5)].concat());
    }
    std::fs::write(&lists, &bytes[..bytes.len() - stride]).unwrap();
    assert!(open_splats(&lists, &mut |_| Ok(())).err().unwrap().to_string().contains("the file ends in vertex 39"));
    std::fs::write(&ascii, text.replacen(" 2 5 5", " 2000000 5 5", 1)).unwrap();
    assert!(open_splats(&ascii, &mut |_| Ok(())).err().unwrap().to_string().contains("is not a number"));
}

#[test]
fn the_fourth_degree_is_cut_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("four.ply");
    let mut header = String::from("ply\nformat binary_little_endian 1.0\ncomment Vertical axis: y\nelement vertex 2\n");
    let names = ["x", "y", "z", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"];
    let names = names.map(str::to_owned).into_iter().chain((0..3).map(|i| format!("f_dc_{i}")));
    for name in names.chain((0..72).map(|i| format!("f_rest_{i}"))) {
        header += &format!("property float {name}\n");
    }
    let mut bytes = (header + "end_header\n").into_bytes();
    bytes.extend((0..2 * 86).flat_map(|i| (1.0 + i as f32).to_le_bytes()));
    std::fs::write(&path, &bytes).unwrap();
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!(source.info().sh_degree, 3);
    assert_eq!(source.info().notes, ["spherical harmonics of degree 4 were cut to degree 3", "Vertical axis: y"]);
    let cloud = source.rows(&[1]).unwrap();
    // Behind 86 values of the first splat and 14 of the second: coefficient 2 of each channel, 24 apart.
    assert_eq!(cloud.sh_rest[6..9], [103.0, 127.0, 151.0]);
    assert_eq!(cloud.sh_rest.len(), 45);

    // The axis goes on to the next file.
    let copy = folder.path().join("three.ply");
    save_splats(&copy, source.as_ref(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    assert!(parts(&copy).0.contains("comment Vertical axis: y\n"));
    assert_eq!(open_splats(&copy, &mut |_| Ok(())).unwrap().info().notes, ["Vertical axis: y"]);
}

#[test]
fn of_a_folder_of_iterations_the_last_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let path = folder.path().join("point_cloud").join(name);
        std::fs::create_dir_all(&path).unwrap();
        path.join("point_cloud.ply")
    };
    assert!(open_splats(folder.path(), &mut |_| Ok(())).is_err());
    at("iteration_90000");
    at("iteration_last");
    save(&at("iteration_7000"), &cloud(7, 0, 1));
    save(&at("iteration_30000"), &cloud(30, 0, 1));
    let source = open_splats(folder.path(), &mut |_| Ok(())).unwrap();
    assert_eq!(source.info().count, 30);
    assert!(source.info().notes[0].contains("iteration_30000"));
}

#[test]
fn headers_that_promise_too_much_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    save(&path, &cloud(5, 0, 1));
    let (header, body) = parts(&path);
    for (from, to) in [
        ("vertex 5", "vertex 6"),
        ("vertex 5", "vertex 4294967295"),
        ("vertex 5", "vertex 18446744073709551615"),
        ("element vertex", "element camera 18446744073709551615\nproperty double a\nelement vertex"),
        ("element vertex", "element face 4000000000\nproperty list uchar double a\nelement vertex"),
        ("binary_little_endian", "ascii"),
    ] {
        std::fs::write(&path, [header.replacen(from, to, 1).as_bytes(), &body].concat()).unwrap();
        let error = open_splats(&path, &mut |_| Ok(())).err().unwrap();
        assert_eq!(error.exit_code(), 3, "{from} -> {to}: {error}");
        assert_eq!(read_splats(&path).unwrap_err().exit_code(), 3);
    }
    // So many properties that a search among all for each would take minutes.
    let many: String = (0..40_000).map(|i| format!("property char f_rest_{i}\n")).collect();
    std::fs::write(&path, header.replacen("end_header", &format!("{many}end_header"), 1)).unwrap();
    assert!(open_splats(&path, &mut |_| Ok(())).is_err());
}

#[test]
fn a_file_that_shrinks_while_it_is_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    save(&path, &cloud(500, 3, 1));
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let spoilt = [&bytes[..bytes.len() - 248], &[0xff; 248]].concat();
    std::fs::write(&path, spoilt).unwrap();
    assert!(source.rows(&[499]).unwrap_err().to_string().contains("was changed"));
    std::fs::write(&path, &bytes[..9000]).unwrap();
    assert!(source.rows(&[499]).unwrap_err().to_string().contains("the file ends before"));
}

#[test]
fn a_stopped_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["scene.ply", "scene.compressed.ply", "scene.splat"] {
        let path = folder.path().join(name);
        let cloud = cloud(100, 1, 3);
        save(&path, &cloud);
        let before = std::fs::read(&path).unwrap();
        let source = cloud.source();
        for stop_at in [0.1, 0.9] {
            let stop = &mut |share: f64| if share > stop_at { Err(Error::Cancelled) } else { Ok(()) };
            assert!(matches!(save_splats(&path, &source, &WriteOptions::default(), stop), Err(Error::Cancelled)));
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn damaged_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.ply");
    write_splats(&path, &cloud(5, 1, 2), &["antialiased 1".into()]).unwrap();
    survive_damage("scene.ply", &std::fs::read(&path).unwrap(), 300);
    file_with_extras(&path, &cloud(5, 1, 2));
    survive_damage("extras.ply", &std::fs::read(&path).unwrap(), 300);
}
