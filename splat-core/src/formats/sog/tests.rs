use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::codecs::webp::WebPEncoder;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::package::write_bundle;
use super::{COEFFICIENTS, encode, palette_size, texture};
use crate::error::{Error, Result};
use crate::formats::{Format, WriteOptions, load_splats, morton, open_splats, read_all, save_splats};
use crate::scene::SplatCloud;

/// Splats that look random, the same on every run.
fn scene(count: usize, degree: u8) -> SplatCloud {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (count as u64) << 8 ^ u64::from(degree);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut cloud = SplatCloud { sh_degree: degree, antialiased: count % 2 == 1, ..SplatCloud::default() };
    for _ in 0..count {
        cloud.means.push([next() * 3.0, (next() * 9.0).sinh(), next().powi(5)]);
        cloud.quats.push([next(), next(), next() * 3.0, next() + 1e-3]);
        cloud.log_scales.push([next() * 4.0 - 5.0, next() * 2.0 - 5.0, next() - 6.0]);
        cloud.opacity_logits.push(next() * 9.0);
        cloud.sh0.push([next() * 1.7, next() * 1.2, next()]);
        cloud.sh_rest.extend((0..3 * COEFFICIENTS[usize::from(degree)]).map(|_| next() * 0.3));
    }
    cloud
}

fn save(cloud: &SplatCloud, path: &Path) {
    save_splats(path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
}

fn load(path: &Path) -> Result<SplatCloud> {
    load_splats(path, &mut |_| Ok(()))
}

/// Through a file and back, with the originals in the order of the file.
fn there_and_back(cloud: &SplatCloud, name: &str) -> (SplatCloud, SplatCloud) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    save(cloud, &path);
    (cloud.gather(&morton::order(&cloud.means)), load(&path).unwrap())
}

fn alpha(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

fn log(value: f32) -> f64 {
    f64::from(value).abs().ln_1p() * f64::from(value).signum()
}

/// Angle between two rotations, in degrees.
fn angle(a: [f32; 4], b: [f32; 4]) -> f64 {
    let length = |q: [f32; 4]| q.iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt();
    let dot: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    2.0 * (dot.abs() / length(a) / length(b)).min(1.0).acos().to_degrees()
}

fn check_within_steps(before: &SplatCloud, after: &SplatCloud) {
    assert_eq!((after.len(), after.sh_degree, after.antialiased), (before.len(), before.sh_degree, before.antialiased));
    for axis in 0..3 {
        let column: Vec<f64> = before.means.iter().map(|mean| log(mean[axis])).collect();
        let (min, max) = column.iter().fold((f64::MAX, f64::MIN), |(min, max), &v| (min.min(v), max.max(v)));
        let step = (max - min) / 65535.0;
        for (before, after) in column.iter().zip(&after.means) {
            assert!((before - log(after[axis])).abs() <= 0.5 * step + 1e-6, "{before} {after:?}");
        }
    }
    for (before, after) in before.quats.iter().zip(&after.quats) {
        assert!(angle(*before, *after) < 0.7, "{before:?} {after:?}");
    }
    for (&before, &after) in before.opacity_logits.iter().zip(&after.opacity_logits) {
        assert!((alpha(before) - alpha(after)).abs() <= 0.5001 / 255.0, "{before} {after}");
    }
    // A codebook is at least as good as even steps between the bounds, on average.
    for (before, after) in [(&before.log_scales, &after.log_scales), (&before.sh0, &after.sh0)] {
        let (before, after) = (before.as_flattened(), after.as_flattened());
        let (min, max) = before.iter().fold((f32::MAX, f32::MIN), |(min, max), &v| (min.min(v), max.max(v)));
        let squares: f64 = before.iter().zip(after).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let even = f64::from(max - min).powi(2) / (12.0 * 256.0 * 256.0);
        assert!(squares / before.len() as f64 <= even + 1e-12, "{squares} {even}");
    }
}

#[test]
fn what_is_written_is_read_back_within_the_steps() {
    for (count, degree) in [(1, 3), (2, 0), (5, 1), (1000, 0), (700, 1), (3001, 2), (2500, 3)] {
        let (before, after) = there_and_back(&scene(count, degree), "a.sog");
        check_within_steps(&before, &after);
    }
}

/// As many entries as splats: only the codebook of the palette rounds.
#[test]
fn each_splat_gets_a_palette_entry_of_its_own_where_there_are_enough() {
    for degree in 1..=3 {
        let (before, after) = there_and_back(&scene(1024, degree), "a.sog");
        let worst = before.sh_rest.iter().zip(&after.sh_rest).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 0.6 / 255.0, "{worst} at degree {degree}");
    }
}

#[test]
fn view_dependence_that_is_shared_comes_back_exactly() {
    let mut cloud = scene(2000, 3);
    let kinds: Vec<Vec<f32>> = (0..40).map(|kind| (0..45).map(|i| ((kind * i) % 6) as f32 * 0.1).collect()).collect();
    cloud.sh_rest = (0..2000).flat_map(|row| kinds[row % 40].clone()).collect();
    let (before, after) = there_and_back(&cloud, "a.sog");
    for (before, after) in before.sh_rest.iter().zip(&after.sh_rest) {
        assert!((before - after).abs() < 1e-6, "{before} {after}");
    }
}

/// In a scene too large for the clustering, most splats look for their entry afterwards.
#[test]
fn splats_that_did_not_make_the_palette_find_their_entry() {
    let mut cloud = scene(6000, 2);
    let kinds: Vec<Vec<f32>> = (0..50).map(|kind| (0..24).map(|i| ((kind * i) % 7) as f32 * 0.1).collect()).collect();
    cloud.sh_rest = (0..6000).flat_map(|row| kinds[row % 50].clone()).collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.sog");
    let options = WriteOptions::default();
    let bytes = [0, 6000 * 7, usize::MAX].map(|kept| {
        write_bundle(&path, &mut |put| encode::encode(&cloud.source(), &options, (900, kept), put, &mut |_| Ok(())))
            .unwrap();
        std::fs::read(&path).unwrap()
    });
    // Image by image, by twos and threes, or all from one pass over the splats.
    assert!(bytes[0] == bytes[1] && bytes[1] == bytes[2]);
    let (before, after) = (cloud.gather(&morton::order(&cloud.means)), load(&path).unwrap());
    check_within_steps(&before, &after);
    for (before, after) in before.sh_rest.iter().zip(&after.sh_rest) {
        assert!((before - after).abs() < 1e-6, "{before} {after}");
    }
}

#[test]
fn odd_values_do_no_harm() {
    let mut cloud = scene(300, 1);
    cloud.means[0] = [f32::MAX, f32::MIN, 1e-30];
    cloud.means[1] = [f32::NAN, f32::INFINITY, -0.0];
    cloud.quats[2] = [0.0; 4];
    cloud.quats[3] = [f32::NAN; 4];
    cloud.quats[4] = [0.0, 1e-30, 0.0, 0.0];
    cloud.log_scales[5] = [f32::NEG_INFINITY, f32::NAN, 1e30];
    cloud.opacity_logits[6] = f32::INFINITY;
    cloud.opacity_logits[7] = f32::NAN;
    cloud.sh0[8] = [f32::NAN, f32::INFINITY, -1e38];
    cloud.sh_rest[..9].fill(f32::NAN);
    let (_, after) = there_and_back(&cloud, "a.sog");
    assert_eq!(after.len(), 300);
    assert!(after.columns().iter().all(|(_, _, values)| values.iter().all(|value| value.is_finite())));
    // All in one place: no range to divide by.
    let mut cloud = scene(300, 0);
    cloud.means.fill([1.5, -2.5, 0.0]);
    let (_, after) = there_and_back(&cloud, "a.sog");
    for mean in &after.means {
        assert!(mean.iter().zip([1.5, -2.5, 0.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{mean:?}");
    }
}

#[test]
fn the_written_degree_and_the_folder_form_are_the_users_choice() {
    let folder = TempDir::new().unwrap();
    let cloud = scene(700, 3);
    let path = folder.path().join("scene/meta.json");
    let options = WriteOptions { sh_degree: 1, comments: vec!["a \"comment\"".to_owned()], ..WriteOptions::default() };
    save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
    let files = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(files(folder.path()), ["scene"]);
    assert_eq!(files(&folder.path().join("scene")).len(), 8);
    let mut expected = cloud.gather(&morton::order(&cloud.means));
    expected.limit_sh_degree(1);
    check_within_steps(&expected, &load(&path).unwrap());
    check_within_steps(&expected, &load(&folder.path().join("scene")).unwrap());
    // Written again over itself, next to a file of somebody else.
    std::fs::write(folder.path().join("scene/notes.txt"), "mine").unwrap();
    let other = scene(50, 0);
    save(&other, &path);
    check_within_steps(&other.gather(&morton::order(&other.means)), &load(&path).unwrap());
    assert_eq!(std::fs::read_to_string(folder.path().join("scene/notes.txt")).unwrap(), "mine");
    assert!(files(&folder.path().join("scene")).iter().all(|name| !name.to_string_lossy().ends_with("tmp")));
}

#[test]
fn stopping_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let old = scene(40, 0);
    for name in ["a.sog", "b/meta.json"] {
        let path = folder.path().join(name);
        save(&old, &path);
        for after in [0.05, 0.3, 0.75, 0.97] {
            let stop = &mut |share| if share > after { Err(Error::Cancelled) } else { Ok(()) };
            let ended = save_splats(&path, &scene(3000, 2).source(), &WriteOptions::default(), stop);
            assert!(matches!(ended, Err(Error::Cancelled)), "{name} {after}");
            assert_eq!(load(&path).unwrap().len(), 40);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let none = SplatCloud::default();
    let refused = save_splats(&folder.path().join("c.sog"), &none.source(), &WriteOptions::default(), &mut |_| Ok(()));
    assert!(matches!(refused, Err(Error::Settings { .. })));
}

#[test]
fn the_same_splats_make_the_same_bytes_stored_in_the_zip() {
    let folder = TempDir::new().unwrap();
    let bytes = ["a.sog", "b.sog"].map(|name| {
        save(&scene(2000, 3), &folder.path().join(name));
        std::fs::read(folder.path().join(name)).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
    let mut zip = ZipArchive::new(Cursor::new(&bytes[0])).unwrap();
    assert_eq!(zip.by_index(0).unwrap().name().unwrap(), "meta.json");
    assert!((0..zip.len()).all(|i| zip.by_index(i).unwrap().compression() == CompressionMethod::Stored));
}

#[test]
fn palettes_have_the_sizes_of_the_reference() {
    let sizes = [(1, 1), (1000, 512), (1024, 1024), (55_000, 32_768), (65_536, 65_536), (1 << 30, 65_536)];
    assert!(sizes.iter().all(|&(splats, size)| palette_size(splats) == size));
    assert_eq!([1, 16, 17, 20, 21].map(texture::size), [(4, 4), (4, 4), (8, 4), (8, 4), (8, 4)]);
    assert!((1..500).all(|n| texture::size(n).0 * texture::size(n).1 >= n));
}

#[test]
fn transparent_pixels_keep_their_colour() {
    let pixels: Vec<[u8; 4]> = (0..64_u8).map(|i| [i, 255 - i, i.wrapping_mul(7), i % 3]).collect();
    let bytes = texture::encode(&pixels, (8, 8));
    assert_eq!(texture::decode(&bytes, 64).unwrap().take::<4>(64).unwrap(), pixels);
    assert!(texture::decode(&bytes, 63).is_err());
}

/// Files of a scene, to be changed before they are put somewhere.
struct Scene {
    meta: Value,
    images: Vec<(String, Vec<u8>)>,
}

fn webp(pixels: &[[u8; 4]], width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let height = pixels.len() as u32 / width;
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.encode(pixels.as_flattened(), width, height, image::ExtendedColorType::Rgba8).unwrap();
    bytes
}

impl Scene {
    /// Two splats, version 1, with one band.
    fn first() -> Scene {
        let palette: Vec<[u8; 4]> = (0..192).map(|i| [i as u8, 255 - i as u8, 255, 9]).collect();
        Scene {
            meta: json!({
                "means": {"shape": [2, 3], "dtype": "float32", "mins": [0.0, -1.0, 2.0], "maxs": [1.0, 1.0, 2.0],
                          "files": ["means_l.webp", "means_u.webp"]},
                "scales": {"shape": [2, 3], "mins": [-8.0, -7.0, -3.0], "maxs": [-3.0, -7.0, 2.1],
                           "files": ["scales.webp"]},
                "quats": {"shape": [2, 4], "encoding": "quaternion_packed", "files": ["quats.webp"]},
                "sh0": {"shape": [2, 1, 4], "mins": [-1.0, -2.0, 0.0, -5.0], "maxs": [1.0, 2.0, 0.0, 5.2],
                        "files": ["sh0.webp"]},
                "shN": {"shape": [2, 9], "quantization": 8, "mins": -1.0, "maxs": 1.55,
                        "files": ["shN_centroids.webp", "shN_labels.webp"]}
            }),
            images: vec![
                ("means_l.webp".to_owned(), webp(&[[255, 0, 0, 255], [0, 255, 3, 255]], 2)),
                ("means_u.webp".to_owned(), webp(&[[255, 0, 0, 255], [0, 127, 0, 255]], 2)),
                ("quats.webp".to_owned(), webp(&[[255, 0, 128, 253], [1, 2, 3, 251]], 2)),
                ("scales.webp".to_owned(), webp(&[[0, 7, 255, 255], [51, 0, 0, 0]], 2)),
                ("sh0.webp".to_owned(), webp(&[[0, 255, 9, 0], [255, 0, 1, 255]], 2)),
                ("shN_centroids.webp".to_owned(), webp(&palette, 192)),
                ("shN_labels.webp".to_owned(), webp(&[[1, 0, 0, 255], [63, 0, 0, 255]], 2)),
            ],
        }
    }

    /// The same, version 2.
    fn second() -> Scene {
        let mut scene = Scene::first();
        let codebook =
            |from: f64, to: f64| -> Vec<f64> { (0..256).map(|i| from + (to - from) * f64::from(i) / 255.0).collect() };
        scene.meta["version"] = json!(2);
        scene.meta["count"] = json!(2);
        scene.meta["scales"] = json!({"codebook": codebook(-8.0, -3.0), "files": ["scales.webp"]});
        scene.meta["sh0"] = json!({"codebook": codebook(-1.0, 1.0), "files": ["sh0.webp"]});
        scene.meta["shN"] = json!({"count": 64, "bands": 1, "codebook": codebook(-1.0, 1.55),
                                   "files": ["shN_centroids.webp", "shN_labels.webp"]});
        scene
    }

    fn image(&mut self, name: &str, bytes: Vec<u8>) {
        self.images.iter_mut().find(|(own, _)| own == name).unwrap().1 = bytes;
    }

    fn zip(&self, prefix: &str, method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in &self.images {
            zip.start_file(format!("{prefix}{name}"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.start_file(format!("{prefix}meta.json"), options).unwrap();
        zip.write_all(self.meta.to_string().as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn folder(&self, folder: &Path) {
        self.images.iter().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).unwrap());
        std::fs::write(folder.join("meta.json"), self.meta.to_string()).unwrap();
    }

    fn load(&self) -> Result<SplatCloud> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.sog");
        std::fs::write(&path, self.zip("", CompressionMethod::Stored)).unwrap();
        load(&path)
    }

    /// Why this cannot be read.
    fn complaint(&self) -> String {
        match self.load() {
            Err(error @ Error::Input { .. }) => error.to_string(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{} was read", self.meta),
        }
    }
}

fn close(values: &[f32], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert!((f64::from(*value) - expected).abs() < 2e-5 * expected.abs().max(1.0), "{values:?} {expected:?}");
    }
}

#[test]
fn version_1_means_even_steps_between_bounds() {
    let cloud = Scene::first().load().unwrap();
    assert_eq!((cloud.len(), cloud.sh_degree, cloud.antialiased), (2, 1, false));
    let e = std::f64::consts::E;
    // The third axis has no range, and counts as one of width 1.
    close(&cloud.means[0], &[e - 1.0, 1.0 - e, e * e - 1.0]);
    let middle = -1.0 + 2.0 * 32767.0 / 65535.0_f64;
    close(&cloud.means[1], &[0.0, middle, (2.0 + 3.0 / 65535.0_f64).exp() - 1.0]);
    close(cloud.log_scales.as_flattened(), &[-8.0, -7.0, 2.1, -7.0, -7.0, -3.0]);
    close(cloud.sh0.as_flattened(), &[-1.0, 2.0, 0.0, 1.0, -2.0, 0.0]);
    close(&cloud.opacity_logits, &[-5.0, 5.2]);
    // The largest is x; w, y, z follow. No such name means no rotation.
    let half = std::f64::consts::FRAC_1_SQRT_2;
    close(&cloud.quats[0], &[half, 0.0, -half, half / 255.0]);
    assert_eq!(cloud.quats[1], [1.0, 0.0, 0.0, 0.0]);
    let entry = |label: i32, j: i32| {
        let pixel = label * 3 + j;
        [-1.0 + 0.01 * f64::from(pixel), -1.0 + 0.01 * f64::from(255 - pixel), 1.55]
    };
    let expected: Vec<f64> = [1, 63].iter().flat_map(|&label| (0..3).flat_map(move |j| entry(label, j))).collect();
    close(&cloud.sh_rest, &expected);
}

#[test]
fn version_2_means_codebooks() {
    let mut scene = Scene::second();
    scene.meta["antialias"] = json!(true);
    let cloud = scene.load().unwrap();
    assert!(cloud.antialiased);
    let step = 5.0 / 255.0;
    close(&cloud.log_scales[0], &[-8.0, -8.0 + 7.0 * step, -3.0]);
    close(&cloud.sh0[1], &[1.0, -1.0, -1.0 + 2.0 / 255.0]);
    assert!(alpha(cloud.opacity_logits[0]) < 0.5 / 255.0 && alpha(cloud.opacity_logits[1]) > 254.5 / 255.0);
    // An early writer left the first entry out.
    scene.meta["scales"]["codebook"][0] = Value::Null;
    close(&scene.load().unwrap().log_scales[0], &[-8.0 + step - (5.0 - step) / 255.0, -8.0 + 7.0 * step, -3.0]);
    scene.meta["scales"]["codebook"][1] = Value::Null;
    assert!(scene.complaint().contains("codebook"), "{}", scene.complaint());
    let mut scene = Scene::second();
    scene.meta.as_object_mut().unwrap().remove("shN");
    scene.meta["model"] = json!("2dgs");
    let folder = TempDir::new().unwrap();
    scene.folder(folder.path());
    let source = open_splats(folder.path(), &mut |_| Ok(())).unwrap();
    assert_eq!((source.info().sh_degree, source.info().format), (0, Some(Format::Sog)));
    assert!(source.info().notes[0].contains("2D"));
    // Any rows, in any order.
    let all = read_all(source.as_ref(), &mut |_| Ok(())).unwrap();
    assert_eq!(source.rows(&[1, 0, 1]).unwrap(), all.gather(&[1, 0, 1]));
}

#[test]
fn a_scene_is_recognised_wherever_it_is() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let scene = Scene::second();
    let expected = scene.load().unwrap();
    let unpacked = folder.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    scene.folder(&unpacked);
    let stored = CompressionMethod::Stored;
    for path in [
        write("root.sog", &scene.zip("", stored)),
        write("inside.sog", &scene.zip("some folder/", stored)),
        write("packed_again.zip", &scene.zip("scene/", CompressionMethod::Deflated)),
        unpacked.clone(),
        unpacked.join("meta.json"),
    ] {
        assert_eq!(Format::of_file(&path).unwrap().format, Format::Sog, "{path:?}");
        assert_eq!(load(&path).unwrap(), expected, "{path:?}");
    }
    let mut other = ZipWriter::new(Cursor::new(Vec::new()));
    other.start_file("meta.json", SimpleFileOptions::default().compression_method(stored)).unwrap();
    other.write_all(b"{\"means\": 3}").unwrap();
    let other = other.finish().unwrap().into_inner();
    for path in [write("other.zip", &other), write("transforms.json", b"{\"frames\": []}"), folder.path().to_owned()] {
        assert!(Format::of_file(&path).is_err(), "{path:?}");
    }
    for (name, known) in [("a.sog", true), ("b/meta.json", true), ("c.json", false), ("lod-meta.json", false)] {
        assert_eq!(Format::of_output(Path::new(name)).is_ok(), known, "{name}");
    }
}

#[test]
fn what_does_not_fit_together_is_named() {
    let mut cases: Vec<(&str, Scene, &str)> = Vec::new();
    let mut with = |name, change: &dyn Fn(&mut Scene), complaint| {
        let mut scene = Scene::second();
        change(&mut scene);
        cases.push((name, scene, complaint));
    };
    let small = || webp(&[[1, 2, 3, 4]], 1);
    with("newer", &|s| s.meta["version"] = json!(3), "version 3");
    with("many", &|s| s.meta["count"] = json!(u64::MAX), "promises 18446744073709551615 splats");
    with("more", &|s| s.meta["count"] = json!(60_000), "2 x 1 pixels for 60000 splats");
    with("negative", &|s| s.meta["count"] = json!(-1), "invalid value");
    with("no count", &|s| drop(s.meta.as_object_mut().unwrap().remove("count")), "missing field `count`");
    with("few pixels", &|s| s.image("sh0.webp", small()), "sh0.webp: 1 x 1 pixels for 2 splats");
    with("no image", &|s| s.image("quats.webp", b"nothing".to_vec()), "quats.webp");
    with("missing", &|s| s.meta["quats"]["files"][0] = json!("other.webp"), "other.webp is missing");
    for name in ["../secret.webp", "/etc/passwd", "..", "", "a/b.webp", "C:\\b.webp"] {
        with(name, &move |s| s.meta["means"]["files"][1] = json!(name), "not a file beside it");
    }
    let long = "n".repeat(70_000);
    with("long name", &|s| s.meta["means"]["files"][1] = json!(long), "not a file beside it");
    with("three files", &|s| s.meta["means"]["files"] = json!(["a", "b", "c"]), "meta.json: ");
    with("short codebook", &|s| s.meta["sh0"]["codebook"] = json!([1.0, 2.0]), "codebook of sh0");
    with("huge entry", &|s| s.meta["sh0"]["codebook"][3] = json!(1e300), "codebook of sh0");
    with("far", &|s| s.meta["means"]["maxs"][0] = json!(1e3), "beyond");
    with("bands", &|s| s.meta["shN"]["bands"] = json!(4), "4 bands");
    with("width", &|s| s.meta["shN"]["bands"] = json!(2), "192 x 1 pixels");
    with("label", &|s| s.meta["shN"]["count"] = json!(63), "label 63");
    with("entries", &|s| s.meta["shN"]["count"] = json!(65), "too few");
    with(
        "endless",
        &|s| s.image("scales.webp", webp(&vec![[7; 4]; 300 * 300], 300)),
        "300 x 300 pixels; at most 65536",
    );
    for (name, scene, complaint) in &cases {
        assert!(scene.complaint().contains(complaint), "{name}: {}", scene.complaint());
    }
    let mut first = Scene::first();
    first.meta["quats"]["encoding"] = json!("euler");
    assert!(first.complaint().contains("euler"));
    first.meta = json!({"means": {"mins": [0, 0, 0], "maxs": [1, 1, 1], "files": ["a", "b"]}});
    assert!(first.complaint().contains("missing field"));
}

/// Two scenes in one bundle, none, and a file that unpacks to far more than it is.
#[test]
fn bundles_of_something_else_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.sog");
    let pack = |names: &[&str], bytes: &[u8], method| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        std::fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
        load(&path).unwrap_err().to_string()
    };
    let stored = CompressionMethod::Stored;
    assert!(pack(&["a/meta.json", "b/meta.json"], b"{}", stored).contains("2 scenes"));
    assert!(pack(&["a/b/meta.json", "meta.jsonx"], b"{}", stored).contains("no meta.json"));
    assert!(pack(&["meta.json"], &vec![b' '; 1 << 20], CompressionMethod::Deflated).contains("more than"));
    assert!(pack(&["meta.json"], b"{\"version\": ", stored).contains("meta.json: EOF"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happened to a file, reading it ends, with splats or with a message.
    #[test]
    fn damage_never_panics(
        cut in any::<u16>(),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = Scene::second().zip("", CompressionMethod::Stored);
        for (place, value) in changes {
            let place = usize::from(place) % bytes.len();
            bytes[place] = value;
        }
        if cut % 2 == 0 {
            bytes.truncate(usize::from(cut) % bytes.len());
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.sog");
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = load(&path) {
            prop_assert!(matches!(error, Error::Input { .. }), "{error}");
        }
    }

    /// The sums of a zip catch damage before it reaches an image; in a folder nothing does.
    #[test]
    fn damaged_images_never_panic(
        which in 0..7_usize,
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..5),
        cut in any::<u16>(),
    ) {
        let mut scene = Scene::first();
        let bytes = &mut scene.images[which].1;
        for (place, value) in changes {
            let place = usize::from(place) % bytes.len();
            bytes[place] = value;
        }
        if cut % 3 == 0 {
            bytes.truncate(usize::from(cut) % bytes.len());
        }
        if let Err(error) = scene.load() {
            prop_assert!(matches!(error, Error::Input { .. }), "{error}");
        }
    }
}
