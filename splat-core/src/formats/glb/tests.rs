use std::path::Path;

use glam::{DAffine3, DQuat, DVec3};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::{FLOAT, is_gltf, sh_attribute};
use crate::edit::Similarity;
use crate::error::Error;
use crate::formats::spz::write_spz;
use crate::formats::values::sigmoid;
use crate::formats::values::tests::{angle, distance, sample};
use crate::formats::{SplatSource, WriteOptions, load_splats, open_splats, save_splats};
use crate::scene::SplatCloud;

fn save(path: &Path, cloud: &SplatCloud) {
    save_splats(path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
}

fn load(path: &Path) -> Result<SplatCloud, Error> {
    load_splats(path, &mut |_| Ok(()))
}

/// The two chunks of a container.
fn parts(path: &Path) -> (Value, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&bytes[..4], word(4), word(8)), (&b"glTF"[..], 2, bytes.len()));
    let end = 20 + word(12);
    assert_eq!(
        (&bytes[16..20], &bytes[end + 4..end + 8], word(end)),
        (&b"JSON"[..], &b"BIN\0"[..], bytes.len() - end - 8)
    );
    (serde_json::from_slice(&bytes[20..end]).unwrap(), bytes[end + 8..].to_vec())
}

fn assemble(path: &Path, json: &Value, bin: &[u8]) {
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let head = [2, (28 + text.len() + bin.len()) as u32, text.len() as u32].map(u32::to_le_bytes);
    let length = (bin.len() as u32).to_le_bytes();
    let bytes = [b"glTF", &head[0][..], &head[1], &head[2], b"JSON", &text, &length, b"BIN\0", bin].concat();
    std::fs::write(path, bytes).unwrap();
}

/// Positions, constant colours and view dependence keep their bits; what is activated in between keeps its value.
fn assert_same(before: &SplatCloud, after: &SplatCloud) {
    after.check().unwrap();
    assert_eq!((&before.means, &before.sh0, &before.sh_rest), (&after.means, &after.sh0, &after.sh_rest));
    assert_eq!((before.sh_degree, before.antialiased), (after.sh_degree, after.antialiased));
    assert!(distance(before.log_scales.as_flattened(), after.log_scales.as_flattened()) < 2e-6);
    let alphas = |cloud: &SplatCloud| cloud.opacity_logits.iter().map(|&v| sigmoid(v)).collect::<Vec<f32>>();
    assert!(distance(&alphas(before), &alphas(after)) < 2e-7);
    assert!(angle(&before.quats, &after.quats) < 1e-3);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 24, ..Config::default() })]

    #[test]
    fn what_is_read_is_what_was_written(count in 1_usize..100, degree in 0_u8..=3, apart in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if apart { "a scene.gltf" } else { "a.glb" });
        let cloud = sample(count, degree);
        save(&path, &cloud);
        assert_same(&cloud, &load(&path).unwrap());
        let head = std::fs::read(&path).unwrap();
        prop_assert!(is_gltf(&path, &head));
        prop_assert_eq!(folder.path().join("a scene.bin").exists(), apart);
    }

    #[test]
    fn damage_never_panics(at in any::<u16>(), value in any::<u8>(), cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.glb");
        save(&path, &sample(3, 1));
        let mut bytes = std::fs::read(&path).unwrap();
        let place = (usize::from(at) * bytes.len()) >> 16;
        if cut {
            bytes.truncate(place);
        } else {
            bytes[place] = value;
        }
        std::fs::write(&path, &bytes).unwrap();
        let read = load(&path);
        prop_assert!(!cut || read.is_err());
        if let Ok(cloud) = read {
            cloud.check().unwrap();
            prop_assert!(cloud.columns().iter().all(|(_, _, values)| values.iter().all(|v| v.is_finite())));
        }
    }

    /// Any part of the document, replaced by something else.
    #[test]
    fn foreign_json_never_panics(pick in any::<u16>(), other in 0_usize..8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.glb");
        save(&path, &sample(3, 1));
        let (mut json, bin) = parts(&path);
        let mut places = Vec::new();
        pointers(&json, String::new(), &mut places);
        let replacements =
            [json!(null), json!(-1), json!(u64::MAX), json!(1e300), json!("0"), json!([]), json!([0]), json!({})];
        *json.pointer_mut(&places[usize::from(pick) % places.len()]).unwrap() = replacements[other].clone();
        assemble(&path, &json, &bin);
        if let Ok(cloud) = load(&path) {
            cloud.check().unwrap();
        }
    }
}

fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| pointers(value, format!("{path}/{name}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{path}/{index}"), found));
        }
        _ => {}
    }
    found.push(path);
}

/// What the specification asks for, read without our reader.
#[test]
fn a_file_follows_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    let mut cloud = sample(10, 3);
    cloud.sh0[0] = [-1.0, 0.0, 1.0];
    let options = WriteOptions { comments: vec!["made of \"fox\"\n".to_owned()], sh_degree: 2, ..Default::default() };
    save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
    let (json, bin) = parts(&path);
    assert_eq!(json["extensionsUsed"], json!(["KHR_gaussian_splatting"]));
    assert_eq!(json["asset"]["extras"]["comments"][0], "made of \"fox\"\n");
    let primitive = &json["meshes"][0]["primitives"][0];
    assert_eq!((&primitive["mode"], primitive["attributes"].as_object().unwrap().len()), (&json!(0), 5 + 9));
    let values = |name: &str| -> Vec<f32> {
        let accessor = &json["accessors"][primitive["attributes"][name].as_u64().unwrap() as usize];
        let view = &json["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
        let start = view["byteOffset"].as_u64().unwrap() as usize;
        let bytes = &bin[start..start + view["byteLength"].as_u64().unwrap() as usize];
        assert_eq!(accessor["count"], 10);
        assert_eq!(start % 4, 0);
        if accessor["componentType"] == FLOAT {
            bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        } else {
            assert_eq!((&accessor["componentType"], &accessor["normalized"]), (&json!(5123), &json!(true)));
            bytes.as_chunks::<2>().0.iter().map(|bytes| f32::from(u16::from_le_bytes(*bytes)) / 65535.0).collect()
        }
    };
    let means = values("POSITION");
    assert_eq!(means[..3], [-cloud.means[0][0], -cloud.means[0][1], cloud.means[0][2]]);
    let accessor = &json["accessors"][primitive["attributes"]["POSITION"].as_u64().unwrap() as usize];
    for axis in 0..3 {
        let column = || means.iter().copied().skip(axis).step_by(3);
        assert_eq!(accessor["min"][axis].as_f64().unwrap() as f32, column().fold(f32::MAX, f32::min));
        assert_eq!(accessor["max"][axis].as_f64().unwrap() as f32, column().fold(f32::MIN, f32::max));
    }
    let quats = values("KHR_gaussian_splatting:ROTATION");
    for (row, quat) in quats.as_chunks::<4>().0.iter().enumerate() {
        assert!((quat.iter().map(|c| c * c).sum::<f32>() - 1.0).abs() < 1e-6);
        // The half turn about z, times ours; a quaternion and its negative are the same.
        let [w, x, y, z] = cloud.quats[row].map(f64::from);
        let ours = DQuat::from_xyzw(x, y, z, w).normalize();
        let turned = DQuat::from_xyzw(0.0, 0.0, 1.0, 0.0) * ours;
        let file = DQuat::from_array(quat.map(f64::from));
        // Both describe the same ellipsoid: they differ by a half turn about one of its axes.
        let between = (turned.inverse() * file).to_array().map(|c| c.abs() > 0.999_999);
        assert_eq!(between.into_iter().filter(|one| *one).count(), 1);
    }
    assert!(values("KHR_gaussian_splatting:SCALE").iter().all(|&scale| scale > 0.0));
    assert!((values("KHR_gaussian_splatting:OPACITY")[3] - sigmoid(cloud.opacity_logits[3])).abs() < 1e-7);
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_0_COEF_0")[..3], cloud.sh0[0]);
    let rest = |index: usize| cloud.sh_rest[3 * index..3 * index + 3].to_vec();
    // The first coefficient is odd in y, the third in x, those of xy and of the constant are even.
    let negative = |values: Vec<f32>| values.into_iter().map(|value| -value).collect::<Vec<f32>>();
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_1_COEF_0")[..3], negative(rest(0)));
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_1_COEF_1")[..3], rest(1));
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_1_COEF_2")[..3], negative(rest(2)));
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_2_COEF_0")[..3], rest(3));
    assert_eq!(values("KHR_gaussian_splatting:SH_DEGREE_2_COEF_1")[..3], negative(rest(4)));
    let shown = 0.5 + 0.282_094_8_f32;
    let colours = values("COLOR_0");
    assert!((colours[2] - ((shown + 0.055) / 1.055).powf(2.4)).abs() < 1e-5);
    assert!((colours[1] - (0.555_f32 / 1.055).powf(2.4)).abs() < 1e-5);
    assert_eq!(
        [sh_attribute(4), sh_attribute(15)].map(|name| name[22..].to_owned()),
        [":SH_DEGREE_2_COEF_0", ":SH_DEGREE_3_COEF_6"]
    );
}

#[test]
fn nodes_place_their_splats() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    let cloud = sample(7, 3);
    save(&path, &cloud);
    let (mut json, bin) = parts(&path);
    let half = std::f64::consts::FRAC_1_SQRT_2;
    // A parent that turns and scales, a child that moves by a matrix; the mesh also stands at the root.
    json["nodes"] = json!([
        { "children": [1], "rotation": [half, 0, 0, half], "scale": [2, 2, 2] },
        { "mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1] },
        { "mesh": 0 },
    ]);
    json["scenes"][0]["nodes"] = json!([0, 2]);
    assemble(&path, &json, &bin);
    let all = load(&path).unwrap();
    assert_eq!(all.len(), 14);
    assert_same(&cloud, &all.gather(&[7, 8, 9, 10, 11, 12, 13]));
    // The same in our frame: both sides of the transform are turned by half a turn about z.
    let turn = DQuat::from_rotation_z(std::f64::consts::PI);
    let place = DAffine3::from_scale_rotation_translation(
        DVec3::splat(2.0),
        DQuat::from_rotation_x(std::f64::consts::FRAC_PI_2),
        DVec3::ZERO,
    ) * DAffine3::from_translation(DVec3::new(5.0, 6.0, 7.0));
    let ours = DAffine3::from_quat(turn) * place * DAffine3::from_quat(turn.inverse());
    let mut expected = cloud.clone();
    let rotation = turn * DQuat::from_rotation_x(std::f64::consts::FRAC_PI_2) * turn.inverse();
    Similarity { rotation, scale: 2.0, translation: ours.translation }.transform_cloud(&mut expected);
    let placed = all.gather(&[0, 1, 2, 3, 4, 5, 6]);
    assert!(distance(placed.means.as_flattened(), expected.means.as_flattened()) < 1e-4);
    assert!(distance(&placed.sh_rest, &expected.sh_rest) < 1e-5);
    assert!(distance(placed.log_scales.as_flattened(), expected.log_scales.as_flattened()) < 1e-5);
    assert!(angle(&placed.quats, &expected.quats) < 1e-3);
    // Rows in any order, across both places.
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert_eq!(source.rows(&[13, 0, 7, 6, 0]).unwrap(), all.gather(&[13, 0, 7, 6, 0]));

    json["nodes"][0]["scale"] = json!([-2, 2, 2]);
    assemble(&path, &json, &bin);
    let mirrored = load(&path).unwrap();
    assert!((mirrored.means[0][0] - 2.0 * (5.0 - cloud.means[0][0])).abs() < 1e-4);
    json["nodes"][0]["scale"] = json!([1, 2, 2]);
    assemble(&path, &json, &bin);
    assert!(load(&path).unwrap_err().to_string().contains("unevenly"));
    // The uneven node is outside the scene now.
    json["scenes"][0]["nodes"] = json!([2]);
    assemble(&path, &json, &bin);
    assert_same(&cloud, &load(&path).unwrap());
}

#[test]
fn scenes_that_repeat_themselves_endlessly_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    save(&path, &sample(2000, 0));
    let (mut json, bin) = parts(&path);
    let message = |json: &Value| {
        assemble(&path, json, &bin);
        load(&path).unwrap_err().to_string()
    };
    json["nodes"] = json!(vec![json!({ "mesh": 0 }); 600]);
    json["scenes"][0]["nodes"] = json!((0..600).collect::<Vec<u32>>());
    assert!(message(&json).contains("repeats"));
    json["nodes"] = json!([{ "mesh": 0, "children": [0] }]);
    json["scenes"][0]["nodes"] = json!([0]);
    assert!(message(&json).contains("two parents"));
    json["nodes"] = json!([{ "children": [1] }]);
    assert!(message(&json).contains("does not exist"));
    json["nodes"] = json!([{}]);
    assert!(message(&json).contains("no Gaussian splats"));
    json["extensionsRequired"] = json!(["EXT_meshopt_compression"]);
    assert!(message(&json).contains("EXT_meshopt_compression"));
}

/// Primitives of different SH degree, integers, strides and colours instead of coefficients.
#[test]
fn other_writers_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gltf");
    // Two rows of 32 bytes: position, rotation i16, scale u8, opacity u8, colour u8.
    let mut rows = Vec::new();
    for row in 0..2_u8 {
        for value in [1.0, 2.0, 3.0 + f32::from(row)] {
            rows.extend(value.to_le_bytes());
        }
        rows.extend([0_i16, 0, 0, 32767].iter().flat_map(|value| value.to_le_bytes()));
        rows.extend([1, 2, 4, 51]);
        rows.extend([255, 0, 55, 0]);
        rows.extend([0; 4]);
    }
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(&rows);
    let accessor = |offset: u32, component: u32, kind: &str, normalized: bool| {
        json!({ "bufferView": 0, "byteOffset": offset, "componentType": component, "count": 2, "type": kind,
            "normalized": normalized })
    };
    let json = json!({
        "asset": { "version": "2.0" },
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [
            { "mode": 4, "attributes": { "POSITION": 0 } },
            { "mode": 0, "extensions": { "KHR_gaussian_splatting": { "kernel": "ellipse", "colorSpace": "lin_rec709_display" } },
              "attributes": { "POSITION": 0, "KHR_gaussian_splatting:ROTATION": 1, "KHR_gaussian_splatting:SCALE": 2,
                  "KHR_gaussian_splatting:OPACITY": 3, "COLOR_0": 4, "KHR_gaussian_splatting:SH_DEGREE_1_COEF_0": 0 } },
        ] }],
        "accessors": [
            accessor(0, 5126, "VEC3", false), accessor(12, 5122, "VEC4", true), accessor(20, 5121, "VEC3", false),
            accessor(23, 5121, "SCALAR", true), accessor(24, 5121, "VEC3", true),
        ],
        "bufferViews": [{ "buffer": 0, "byteLength": rows.len(), "byteStride": 32 }],
        "buffers": [{ "byteLength": rows.len(), "uri": format!("data:application/octet-stream;base64,{data}") }],
    });
    std::fs::write(&path, json.to_string()).unwrap();
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    assert!(source.info().notes.iter().any(|note| note.contains("lin_rec709_display")));
    let cloud = load(&path).unwrap();
    assert_eq!((cloud.sh_degree, &cloud.means[1]), (0, &[-1.0, -2.0, 4.0]));
    assert_eq!(cloud.quats[0].map(f32::abs), [1.0, 0.0, 0.0, 0.0]);
    assert!(distance(&cloud.log_scales[0], &[0.0, 2.0_f32.ln(), 4.0_f32.ln()]) < 1e-6);
    assert!((sigmoid(cloud.opacity_logits[0]) - 0.2).abs() < 1e-6);
    let shown = cloud.sh0[0].map(|value| 0.5 + 0.282_094_8 * value);
    let linear = 55.0_f32 / 255.0;
    assert!(distance(&shown, &[1.0, 0.0, 1.055 * linear.powf(1.0 / 2.4) - 0.055]) < 1e-5);
    for uri in ["../a.bin", "/etc/passwd", "http://example.org/a.bin"] {
        let mut elsewhere = json.clone();
        elsewhere["buffers"][0]["uri"] = json!(uri);
        std::fs::write(&path, elsewhere.to_string()).unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("outside"), "{uri}");
    }
    for uri in ["", ".", "none.bin", "a\0b", &"long".repeat(100)] {
        let mut missing = json.clone();
        missing["buffers"][0]["uri"] = json!(uri);
        std::fs::write(&path, missing.to_string()).unwrap();
        let error = load(&path).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("there is no file"), "{uri:?}: {error}");
    }
}

#[test]
fn splats_packed_as_spz_are_unpacked_in_the_frame_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    let cloud = sample(1, 2);
    let mut spz = Vec::new();
    write_spz(&mut spz, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    let packed = json!({ "extensions": { "KHR_gaussian_splatting_compression_spz_2": { "bufferView": 0 } } });
    let mut json = json!({
        "asset": { "version": "2.0" },
        "extensionsRequired": ["KHR_gaussian_splatting", "KHR_gaussian_splatting_compression_spz_2"],
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "mode": 0, "extensions": { "KHR_gaussian_splatting": packed } }] }],
        "bufferViews": [{ "buffer": 0, "byteLength": spz.len() }],
        "buffers": [{ "byteLength": spz.len() }],
    });
    assemble(&path, &json, &spz);
    let read = load(&path).unwrap();
    let [x, y, z] = cloud.means[0];
    assert!(distance(&read.means[0], &[-x, -y, z]) < 2e-4);
    json["bufferViews"][0]["byteLength"] = json!(spz.len() / 2);
    assemble(&path, &json, &spz);
    assert!(load(&path).is_err());
    json["bufferViews"][0]["byteLength"] = json!(spz.len() + 1);
    assemble(&path, &json, &spz);
    assert!(load(&path).unwrap_err().to_string().contains("not in the file"));
}

#[test]
fn empty_and_too_large_scenes_are_refused() {
    struct Many(crate::formats::SplatInfo);
    impl SplatSource for Many {
        fn info(&self) -> &crate::formats::SplatInfo {
            &self.0
        }
        fn rows(&self, _: &[u32]) -> Result<SplatCloud, Error> {
            Err(Error::Cancelled)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    let mut many = Many(crate::formats::SplatInfo { count: 30_000_000, sh_degree: 3, ..Default::default() });
    let write = |many: &Many| save_splats(&path, many, &WriteOptions::default(), &mut |_| Ok(())).unwrap_err();
    assert!(write(&many).to_string().contains("GiB"));
    many.0.count = 0;
    assert!(write(&many).to_string().contains("no splats"));
    assert!(!path.exists());
}
