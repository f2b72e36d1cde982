//! Damaged files of every format: loading succeeds or fails with a message, and never panics.

use super::captures::{llff, multipleview, nerfies, neural_3d_video};
use super::fixture::{
    SIZE, colmap_model, colmap_scene, jpeg, pattern, transforms, transforms_scene, write, write_model,
};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use splat_core::scene::{Dataset, LoadOptions, SplatCloud, load_photo, read_points, read_splats, write_splats};
use std::path::Path;

/// One way to damage a file; places are shares of its length.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: u16, bit: u8 },
    Byte { at: u16, value: u8 },
    Count { at: u16, value: u64 },
    Cut { at: u16 },
    Drop { at: u16, count: u8 },
    Text { at: u16, text: &'static str },
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let texts = ["-1", "1e308", "\"", "[", "null", "99999999999999999999", "\n", " ", "0", "nan", "list"];
    let text = proptest::sample::select(texts.to_vec());
    let counts = prop_oneof![Just(u64::MAX), Just(u64::MAX / 24), Just(1 << 40), Just(0), any::<u64>()];
    let one = prop_oneof![
        (any::<u16>(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Damage::Byte { at, value }),
        (any::<u16>(), counts).prop_map(|(at, value)| Damage::Count { at, value }),
        any::<u16>().prop_map(|at| Damage::Cut { at }),
        (any::<u16>(), any::<u8>()).prop_map(|(at, count)| Damage::Drop { at, count }),
        (any::<u16>(), text).prop_map(|(at, text)| Damage::Text { at, text }),
    ];
    proptest::collection::vec(one, 1..5)
}

fn apply(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let length = bytes.len();
        let place = |at: u16| (usize::from(at) * length) >> 16;
        match *damage {
            Damage::Flip { at, bit } if length > 0 => bytes[place(at)] ^= 1 << bit,
            Damage::Byte { at, value } if length > 0 => bytes[place(at)] = value,
            Damage::Count { at, value } => {
                // Small places hit the header, where the counts are.
                let at = place(at) / 8 * 8;
                for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
            Damage::Cut { at } => bytes.truncate(place(at)),
            Damage::Drop { at, count } => {
                let start = place(at);
                bytes.drain(start..(start + usize::from(count)).min(length));
            }
            Damage::Text { at, text } => {
                let start = place(at);
                bytes.splice(start..start, text.bytes());
            }
            Damage::Flip { .. } | Damage::Byte { .. } => {}
        }
    }
    bytes
}

/// Loads whatever is left; a scene that loads must also hold what its type promises.
fn load_all(folder: &Path) {
    if let Ok(dataset) = Dataset::load(folder, &LoadOptions::default()) {
        for view in dataset.views() {
            assert!(view.viewmat.is_finite() && view.fx > 0.0 && view.fy > 0.0 && view.width > 0 && view.height > 0);
            assert!((view.viewmat.matrix3.determinant() - 1.0).abs() < 1e-6);
        }
        assert!(!dataset.train.is_empty());
        assert!(dataset.points.iter().all(|point| point.position.iter().all(|c| c.is_finite())));
        let _ = (dataset.extent(), dataset.up(), dataset.fingerprint());
        let _ = load_photo(&dataset.train[0], 8, 8);
    }
}

/// Damages one file of a scene where it lies; of an array, perhaps only the header.
fn damage_file(path: &Path, damages: &[Damage], header_only: bool) {
    let mut bytes = std::fs::read(path).unwrap();
    let rest = if header_only { bytes.split_off(bytes.len().min(128)) } else { Vec::new() };
    let mut damaged = apply(bytes, damages);
    damaged.extend(rest);
    write(path, damaged);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn damaged_transforms_never_panic(damages in damage()) {
        let folder = transforms_scene(2);
        write(&folder.path().join("transforms.json"), apply(transforms(2).to_string().into_bytes(), &damages));
        load_all(folder.path());
    }

    #[test]
    fn damaged_binary_models_never_panic(damages in damage(), file in 0_usize..3) {
        let folder = colmap_scene(2);
        let mut files = colmap_model(2, 4, &[90.0, 90.0, 40.0, 32.0, 0.01, 0.0, 0.0, 0.0], (80, 64));
        files[file] = apply(std::mem::take(&mut files[file]), &damages);
        write_model(folder.path(), &files);
        load_all(folder.path());
    }

    #[test]
    fn damaged_text_models_never_panic(damages in damage(), file in 0_usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = [
            b"# Cameras\n1 OPENCV 80 64 90 90 40 32 0.01 0 0 0\n".to_vec(),
            b"# Number of images: 2\n1 1 0 0 0 0 0 4 1 00.jpg\n1 2 -1 3 4 7\n2 0.9 0 0.1 0 0 0 4 1 01.jpg\n\n".to_vec(),
            b"7 0.1 0.2 0.3 255 128 0 0.5 1 0 2 0\n8 1 2 3 1 2 3 0.5\n".to_vec(),
        ];
        files[file] = apply(std::mem::take(&mut files[file]), &damages);
        for (name, bytes) in ["cameras", "images", "points3D"].iter().zip(&files) {
            write(&folder.path().join(format!("sparse/0/{name}.txt")), bytes);
        }
        for i in 0..2 {
            write(&folder.path().join(format!("images/{i:02}.jpg")), jpeg(&pattern(SIZE.0, SIZE.1)));
        }
        load_all(folder.path());
    }

    #[test]
    fn damaged_images_never_panic(damages in damage(), as_png in any::<bool>()) {
        let folder = colmap_scene(1);
        let path = folder.path().join("images/00.jpg");
        if as_png {
            pattern(SIZE.0, SIZE.1).save_with_format(&path, image::ImageFormat::Png).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        write(&path, apply(bytes, &damages));
        load_all(folder.path());
    }

    #[test]
    fn damaged_splat_files_never_panic(damages in damage(), header_only in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.ply");
        let cloud = SplatCloud {
            means: vec![[1.0; 3]; 3], quats: vec![[1.0; 4]; 3], log_scales: vec![[1.0; 3]; 3],
            opacity_logits: vec![1.0; 3], sh0: vec![[1.0; 3]; 3], sh_rest: vec![1.0; 27], sh_degree: 1,
            ..SplatCloud::default()
        };
        write_splats(&path, &cloud, &[]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let split = if header_only { bytes.windows(10).position(|w| w == b"end_header").unwrap() } else { bytes.len() };
        let mut damaged = apply(bytes[..split].to_vec(), &damages);
        damaged.extend(&bytes[split..]);
        write(&path, damaged);
        if let Ok(cloud) = read_splats(&path) {
            assert_eq!(cloud.means.len(), cloud.quats.len());
            assert!(cloud.means.iter().flatten().all(|v| v.is_finite()));
        }
        let _ = read_points(&path);
    }

    #[test]
    fn damaged_point_clouds_never_panic(damages in damage()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.ply");
        let text = "ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int i\nelement vertex 2\nproperty float x\nproperty double y\nproperty int z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n3 0 1 2\n1 2 3 10 20 30\n4 5 6 7 8 9\n";
        write(&path, apply(text.as_bytes().to_vec(), &damages));
        if let Ok(points) = read_points(&path) {
            assert!(points.iter().all(|point| point.position.iter().all(|c| c.is_finite())));
        }
    }

    #[test]
    fn damaged_pose_arrays_never_panic(damages in damage(), header_only in any::<bool>(), video in any::<bool>()) {
        let folder = if video { neural_3d_video(2, 2, "") } else { llff(2, "images") };
        damage_file(&folder.path().join("poses_bounds.npy"), &damages, header_only);
        load_all(folder.path());
    }

    #[test]
    fn damaged_captures_never_panic(damages in damage(), header_only in any::<bool>(), file in 0_usize..5) {
        let folder = nerfies(3, &[1]);
        let files = ["dataset.json", "metadata.json", "scene.json", "camera/000001.json", "points.npy"];
        damage_file(&folder.path().join(files[file]), &damages, header_only && file == 4);
        load_all(folder.path());
    }

    #[test]
    fn damaged_models_of_camera_folders_never_panic(damages in damage(), file in 0_usize..3) {
        let folder = multipleview(2, 2);
        let file = ["cameras", "images", "points3D"][file];
        damage_file(&folder.path().join(format!("sparse_/{file}.txt")), &damages, false);
        load_all(folder.path());
    }
}
