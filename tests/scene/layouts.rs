//! Layouts of moving scenes made by others: Neural 3D Video and LLFF, camera folders with COLMAP, Nerfies.

use super::captures::{
    CENTRE, CLAIMED, FOCAL, POINTS, RADIAL, SCALE, SIZE, Stand, TANGENTIAL, llff, multipleview, nerfies,
    nerfies_camera, nerfies_ids, neural_3d_video, npy, photo, poses_bounds, text_model, write_model,
};
use super::fixture::write;
use super::{load, refused, shared};
use glam::{DVec2, DVec3};
use serde_json::json;
use splat_core::scene::{Dataset, Level, LoadOptions, View, load_photo, recognise};
use splat_core::settings::TimeSource;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn options(change: impl FnOnce(&mut LoadOptions)) -> LoadOptions {
    let mut options = LoadOptions::default();
    change(&mut options);
    options
}

#[track_caller]
fn noted(dataset: &Dataset, level: Level, part: &str) {
    let found = dataset.notes.iter().any(|note| note.level == level && note.text.contains(part));
    assert!(found, "`{part}` is not in: {:?}", dataset.notes);
}

fn names(views: &[View]) -> Vec<&str> {
    views.iter().map(|view| view.name.as_str()).collect()
}

/// Every view shows all points where the camera of its number does, in images half as large as claimed.
fn check_pixels(dataset: &Dataset, number: impl Fn(&str) -> usize) {
    for view in dataset.views() {
        assert_eq!((view.width, view.height), SIZE);
        for point in POINTS {
            let wanted = Stand::new(number(&view.name)).pixel(point) / 2.0;
            let error = view.project(point).unwrap().distance(wanted);
            assert!(error < 1e-9, "{}: {error} px", view.name);
        }
    }
}

/// The number after `cam` or `IMG_`.
fn number(name: &str) -> usize {
    let digits: String = name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// A copy of the shared multi-view scene without its pose files, and what the one with them holds.
fn without_transforms(keep: &dyn Fn(&Path) -> bool) -> Option<(tempfile::TempDir, Dataset)> {
    let root = shared("dynamic-multiview")?;
    let folder = tempfile::tempdir().unwrap();
    let mut open = vec![root.clone()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap().flatten() {
            let (path, inner) = (entry.path(), entry.path().strip_prefix(&root).unwrap().to_owned());
            if path.is_dir() {
                open.push(path);
            } else if !inner.to_string_lossy().starts_with("transforms") && keep(&inner) {
                write(&folder.path().join(inner), std::fs::read(path).unwrap());
            }
        }
    }
    Some((folder, load(&root)))
}

/// Same views, times and split as read by the pose files that the copy lacks.
fn same_views(found: &Dataset, wanted: &Dataset) {
    for (found, wanted) in [(&found.train, &wanted.train), (&found.test, &wanted.test)] {
        assert_eq!(names(found), names(wanted));
        for (a, b) in found.iter().zip(wanted) {
            assert!(a.viewmat.abs_diff_eq(b.viewmat, 1e-12), "{}", a.name);
            assert_eq!((a.width, a.height), (b.width, b.height));
            for (a, b) in [(a.fx, b.fx), (a.fy, b.fy), (a.cx, b.cx), (a.cy, b.cy)] {
                assert!((a - b).abs() < 1e-9);
            }
            assert!((a.time.unwrap() - b.time.unwrap()).abs() < 1e-9, "{}", a.name);
        }
    }
    assert_eq!(found.times.as_ref().unwrap().to_string(), "16 frames from 0 to 15, 9 cameras each");
    assert_eq!(found.split, "the first of 9 cameras (cam00), as usual for this layout");
    assert_eq!(found.format, "Neural 3D Video");
}

/// The largest distance of a rendered check point from where a data set projects it, pixels.
fn worst_check_point(dataset: &Dataset) -> f64 {
    let text = std::fs::read_to_string(shared("dynamic-multiview").unwrap().join("check_points.json")).unwrap();
    let checks: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut errors = Vec::new();
    for entry in checks.as_array().unwrap() {
        let name = entry["file_path"].as_str().unwrap().trim_start_matches("./");
        let view = dataset.views().find(|view| view.name == name).unwrap();
        for point in entry["points"].as_array().unwrap() {
            let number = |key: &str, i: usize| point[key][i].as_f64().unwrap();
            let xyz = DVec3::new(number("xyz", 0), number("xyz", 1), number("xyz", 2));
            errors.push(view.project(xyz).unwrap().distance(DVec2::new(number("uv", 0), number("uv", 1))));
        }
    }
    assert_eq!(errors.len(), 180);
    errors.into_iter().fold(0.0, f64::max)
}

#[test]
fn cameras_by_poses_bounds_are_those_by_transforms() {
    let Some((folder, wanted)) = without_transforms(&|_| true) else { return };
    let found = load(folder.path());
    same_views(&found, &wanted);
    let (a, b) = (worst_check_point(&found), worst_check_point(&wanted));
    assert!(a < 0.01 && (a - b).abs() < 1e-9, "{a} px, {b} px");
    assert_eq!(found.points.len(), 193);
    noted(&found, Level::Info, "193 points taken from");
    let file = load(&folder.path().join("poses_bounds.npy"));
    assert_eq!(file.fingerprint(), found.fingerprint());
    let small = Dataset::load(folder.path(), &options(|o| o.max_resolution = 128)).unwrap();
    let (full, small) = (&found.train[9], &small.train[9]);
    assert_eq!((small.width, small.height), (128, 96));
    assert!((small.fx * 2.0 - full.fx).abs() < 1e-9);
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    10.0 * (255.0_f64.powi(2) / (squares.sum::<f64>() / a.len() as f64)).log10()
}

#[test]
fn videos_are_extracted_once_and_read_as_folders() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("skipped: videos_are_extracted_once_and_read_as_folders: there is no ffmpeg");
        return;
    }
    let Some((folder, wanted)) = without_transforms(&|path| !path.starts_with("sparse")) else { return };
    let root = folder.path();
    for camera in 0..9 {
        let frames = root.join(format!("cam{camera:02}"));
        let video = Command::new("ffmpeg")
            .args(["-loglevel", "error", "-framerate", "30", "-i"])
            .arg(frames.join("%04d.png"))
            .args(["-c:v", "mpeg4", "-q:v", "2"])
            .arg(root.join(format!("cam{camera:02}.mp4")))
            .status()
            .unwrap();
        assert!(video.success());
        std::fs::remove_dir_all(frames).unwrap();
    }
    let found = load(root);
    same_views(&found, &wanted);
    assert!(worst_check_point(&found) < 0.01);
    noted(&found, Level::Info, "frames of 9 videos were extracted");
    // Each frame shows the picture that it was made from, and no neighbour of it.
    let photos = |views: &[View]| views.iter().map(|view| load_photo(view, 256, 192).unwrap()).collect::<Vec<_>>();
    let (frames, pictures) = (photos(&found.test), photos(&wanted.test));
    for (index, frame) in frames.iter().enumerate() {
        let scores: Vec<f64> = pictures.iter().map(|picture| psnr(&frame.rgba, &picture.rgba)).collect();
        assert!(scores[index] > 28.0, "{} dB", scores[index]);
        assert!((0..16).all(|other| other == index || scores[other] < scores[index]), "{index}: {scores:?}");
    }
    let again = load(root);
    assert_eq!(again.fingerprint(), found.fingerprint());
    assert!(!again.notes.iter().any(|note| note.text.contains("extracted")));
    assert!(!root.join("cam00.tmp").exists());
}

#[test]
fn a_video_that_is_none_says_what_ffmpeg_said() {
    let folder = neural_3d_video(2, 2, "");
    std::fs::remove_dir_all(folder.path().join("cam01")).unwrap();
    write(&folder.path().join("cam01.mp4"), "not a video");
    // Without ffmpeg, that it is missing.
    refused(folder.path(), &["cam01.mp4", "ffmpeg", "mkdir -p cam01 && ffmpeg -i cam01.mp4"]);
    assert!(!folder.path().join("cam01").exists() && !folder.path().join("cam01.tmp").exists());
}

#[test]
fn neural_3d_video_has_fixed_cameras_and_holds_out_the_first() {
    for inner in ["", "images/"] {
        let folder = neural_3d_video(4, 3, inner);
        let dataset = load(folder.path());
        assert_eq!(recognise(folder.path()).unwrap(), "Neural 3D Video");
        check_pixels(&dataset, number);
        let frame = |frame: usize| format!("cam00/{inner}{frame:04}.png");
        assert_eq!(names(&dataset.test), [frame(0), frame(1), frame(2)]);
        assert_eq!(dataset.train.len(), 9);
        assert_eq!(dataset.times.unwrap().to_string(), "3 frames from 0 to 2, 4 cameras each");
        let times: Vec<f64> = dataset.test.iter().map(|view| view.time.unwrap()).collect();
        assert_eq!(times, [0.0, 0.5, 1.0]);
    }
}

#[test]
fn other_cameras_may_be_held_out_or_none() {
    let folder = neural_3d_video(3, 2, "");
    let none = Dataset::load(folder.path(), &options(|o| o.test_every = 0)).unwrap();
    assert_eq!((none.train.len(), none.test.len()), (6, 0));
    let still = Dataset::load(folder.path(), &options(|o| o.time = TimeSource::None)).unwrap();
    assert_eq!((still.times, still.test.len()), (None, 2));
    write(&folder.path().join("test.txt"), "cam02\ncam00/0001.png\n");
    let listed = load(folder.path());
    assert_eq!(names(&listed.test), ["cam00/0001.png", "cam02/0000.png", "cam02/0001.png"]);
    assert_eq!(listed.split, "named in test.txt");
    assert!(!listed.notes.iter().any(|note| note.text.contains("match no image")));
    write(&folder.path().join("test.txt"), "cam02\ncam07\n");
    noted(&load(folder.path()), Level::Warning, "1 of 2 names match no image");
}

#[test]
fn rows_must_be_as_many_as_cameras() {
    let folder = neural_3d_video(4, 2, "");
    write(&folder.path().join("poses_bounds.npy"), poses_bounds(5));
    refused(folder.path(), &["poses_bounds.npy", "5 rows, but 4 cameras (cam00 to cam03)"]);
    let folder = llff(4, "images");
    write(&folder.path().join("poses_bounds.npy"), poses_bounds(3));
    refused(folder.path(), &["poses_bounds.npy", "3 rows, but 4 images in", "images"]);
}

#[test]
fn broken_pose_arrays_are_named() {
    let folder = neural_3d_video(2, 2, "");
    let path = folder.path().join("poses_bounds.npy");
    write(&path, npy(15, &[0.0; 30]));
    refused(folder.path(), &["poses_bounds.npy", "the array is 2 x 15, expected N x 17", "numpy.save"]);
    write(&path, "");
    refused(folder.path(), &["poses_bounds.npy", "not a .npy file"]);
    let good = poses_bounds(2);
    write(&path, &good[..good.len() - 1]);
    refused(folder.path(), &["2 x 17 numbers does not fit its 271 bytes"]);
    let value = |at: usize, value: f64| {
        let mut bytes = good.clone();
        let start = bytes.len() - 34 * 8 + 8 * (17 + at);
        bytes[start..start + 8].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    for (at, number, part) in [
        (0, 3.0, "row 1: the axes in its matrix have lengths"),
        (1, f64::NAN, "row 1: its matrix is not finite"),
        (3, f64::INFINITY, "row 1: the position of the camera is not finite"),
        (4, 63.5, "row 1: the image size is 96 x 63.5"),
        (14, -1.0, "row 1: the focal length is -1"),
    ] {
        write(&path, value(at, number));
        refused(folder.path(), &["poses_bounds.npy", part]);
    }
}

#[test]
fn frames_that_a_camera_lacks_are_said() {
    let folder = neural_3d_video(3, 5, "");
    std::fs::remove_file(folder.path().join("cam01/0003.png")).unwrap();
    let dataset = load(folder.path());
    noted(&dataset, Level::Warning, "cam01 lacks 1 of 5 frames (3)");
    let late = dataset.train.iter().find(|view| view.name == "cam01/0004.png").unwrap();
    assert_eq!(late.time, Some(1.0), "a gap must not move what follows");
    // Where only the order tells the time, it would.
    for camera in ["cam00", "cam01", "cam02"] {
        for (index, word) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            let at = |name: &str| folder.path().join(camera).join(name);
            let _ = std::fs::rename(at(&format!("{index:04}.png")), at(&format!("{word}.png")));
        }
    }
    refused(folder.path(), &["cam01 has 4 frames, another camera 5", "do not number them"]);
    std::fs::remove_dir_all(folder.path().join("cam01")).unwrap();
    std::fs::create_dir(folder.path().join("cam01")).unwrap();
    refused(folder.path(), &["cam01", "no frames of this camera"]);
}

#[test]
fn points_of_another_world_are_not_taken() {
    let folder = neural_3d_video(4, 2, "");
    let model = folder.path().join("sparse/0");
    let named = |shift: usize| (0..4).map(|i| (format!("cam{i:02}.jpg"), i + shift)).collect::<Vec<_>>();
    write_model(&model, &text_model(&named(0)));
    assert_eq!(load(folder.path()).points.len(), POINTS.len());
    write_model(&model, &text_model(&named(1)));
    let other = load(folder.path());
    assert!(other.points.is_empty());
    noted(&other, Level::Info, "are in another frame and not used");
    write_model(&model, &text_model(&[("a.jpg".into(), 0), ("b.jpg".into(), 1), ("c.jpg".into(), 2)]));
    noted(&load(folder.path()), Level::Info, "its images are named after no camera");
}

#[test]
fn numbers_of_other_length_are_warned_about() {
    let folder = llff(12, "images");
    for i in 0..12 {
        let at = |name: String| folder.path().join("images").join(name);
        std::fs::rename(at(format!("IMG_{i:03}.png")), at(format!("{}.png", i + 1))).unwrap();
    }
    noted(&load(folder.path()), Level::Warning, "names as text: 10.png before 2.png");
}

#[test]
fn llff_takes_the_largest_folder_that_fits() {
    let folder = llff(9, "images_4");
    let dataset = load(folder.path());
    assert_eq!(dataset.format, "LLFF");
    check_pixels(&dataset, number);
    assert_eq!(names(&dataset.test), ["IMG_000.png", "IMG_008.png"]);
    assert_eq!((dataset.times, dataset.split.as_str()), (None, "one image in 8 by name, from the first"));
    photo(&folder.path().join("images_2/IMG_000.png"));
    let dataset = load(folder.path());
    noted(&dataset, Level::Info, "images_2 there are 1 for 9 poses");
    assert!(dataset.train[0].image_path.ends_with("images_4/IMG_001.png"));
    let named = options(|o| o.images = Some("images_2".into()));
    assert!(Dataset::load(folder.path(), &named).unwrap_err().to_string().contains("9 rows, but 1 images in"));
    std::fs::remove_dir_all(folder.path().join("images_2")).unwrap();
    std::fs::remove_dir_all(folder.path().join("images_4")).unwrap();
    refused(folder.path(), &["9 poses, but no images"]);
}

#[test]
fn photos_with_a_colmap_model_beside_their_poses_are_read_by_colmap() {
    let folder = llff(4, "images");
    let images: Vec<_> = (0..4).map(|i| (format!("IMG_{i:03}.png"), i)).collect();
    write_model(&folder.path().join("sparse/0"), &text_model(&images));
    let dataset = load(folder.path());
    assert_eq!((dataset.format, dataset.points.len()), ("COLMAP", POINTS.len()));
    let by_rows = load(&folder.path().join("poses_bounds.npy"));
    assert_eq!((by_rows.format, by_rows.points.len()), ("LLFF", POINTS.len()));
    for (a, b) in dataset.views().zip(by_rows.views()) {
        assert!(a.viewmat.abs_diff_eq(b.viewmat, 1e-9));
    }
}

#[test]
fn a_model_of_one_instant_poses_all_frames_of_its_cameras() {
    for (cameras, held_out, split) in [
        (3, vec!["cam01"], "the first of 3 cameras (cam01)"),
        (9, vec!["cam01", "cam09"], "one camera in 8 by name, from the first (cam01)"),
    ] {
        let folder = multipleview(cameras, 2);
        assert_eq!(recognise(folder.path()).unwrap(), "camera folders with COLMAP");
        let dataset = load(folder.path());
        check_pixels(&dataset, number);
        assert_eq!((dataset.train.len() + dataset.test.len(), dataset.points.len()), (2 * cameras, POINTS.len()));
        let found: BTreeSet<&str> = dataset.test.iter().map(|view| &view.name[..5]).collect();
        assert_eq!((found.into_iter().collect::<Vec<_>>(), dataset.split.as_str()), (held_out, split));
        let line = format!("2 frames from 1 to 2, {cameras} cameras each");
        assert_eq!(dataset.times.unwrap().to_string(), line);
    }
}

#[test]
fn images_of_the_instant_may_have_the_names_of_cameras_or_frames() {
    for pattern in ["cam0N.jpg", "cam0N/frame_00001.png", "cam0N_0000.png"] {
        let folder = multipleview(3, 2);
        std::fs::remove_dir_all(folder.path().join("sparse_")).unwrap();
        let images: Vec<_> = (1..4).map(|n| (pattern.replace('N', &n.to_string()), n)).collect();
        write_model(&folder.path().join("sparse/0"), &text_model(&images));
        let dataset = load(folder.path());
        assert_eq!(dataset.train.len() + dataset.test.len(), 6, "{pattern}");
        check_pixels(&dataset, number);
    }
}

#[test]
fn cameras_without_pose_and_poses_without_camera_are_told() {
    let folder = multipleview(4, 2);
    std::fs::remove_dir_all(folder.path().join("cam02")).unwrap();
    photo(&folder.path().join("cam07/frame_00001.png"));
    let dataset = load(folder.path());
    assert_eq!(dataset.train.len() + dataset.test.len(), 6);
    noted(&dataset, Level::Warning, "1 images of");
    noted(&dataset, Level::Warning, "belong to no camera folder: image2.jpg");
    noted(&dataset, Level::Warning, "1 cameras have no pose in");
    let images = [("left.jpg".to_owned(), 1), ("right.jpg".to_owned(), 2)];
    write_model(&folder.path().join("sparse_"), &text_model(&images));
    refused(folder.path(), &["none of its 2 images (left.jpg, ..)", "4 cameras (cam01, cam03, cam04, ..)"]);
}

#[test]
fn a_model_that_poses_every_frame_is_an_ordinary_one() {
    let folder = multipleview(3, 2);
    std::fs::remove_dir_all(folder.path().join("sparse_")).unwrap();
    let images = (1..4).flat_map(|n| (1..3).map(move |frame| (format!("cam0{n}/frame_{frame:05}.png"), n)));
    write_model(&folder.path().join("sparse/0"), &text_model(&images.collect::<Vec<_>>()));
    let dataset = load(folder.path());
    assert_eq!((dataset.format, dataset.times), ("COLMAP", None));
    assert_eq!(dataset.train.len() + dataset.test.len(), 6);
}

#[test]
fn nerfies_points_appear_where_the_distorted_photo_shows_them() {
    let folder = nerfies(8, &[1, 5]);
    assert_eq!(recognise(folder.path()).unwrap(), "Nerfies");
    let dataset = load(folder.path());
    assert_eq!(names(&dataset.test), ["000001.png", "000005.png"]);
    assert_eq!((dataset.train.len(), dataset.split.as_str()), (6, "named in dataset.json"));
    assert_eq!(dataset.times.as_ref().unwrap().to_string(), "8 frames from 0 to 21, one camera each");
    let mut worst = 0.0_f64;
    for view in dataset.views() {
        let number = number(&view.name);
        assert!((view.time.unwrap() - number as f64 / 7.0).abs() < 1e-12);
        for point in POINTS {
            // The pixel in full size, by the camera file alone.
            let [a, b] = Stand::new(number).ray(point);
            let (r2, [p1, p2]) = (a * a + b * b, TANGENTIAL);
            let radial = 1.0 + r2 * (RADIAL[0] + r2 * (RADIAL[1] + r2 * RADIAL[2]));
            let x = a * radial + 2.0 * p1 * a * b + p2 * (r2 + 2.0 * a * a);
            let y = b * radial + p1 * (r2 + 2.0 * b * b) + 2.0 * p2 * a * b;
            let wanted = DVec2::new(FOCAL * x + 47.0, 1.1 * FOCAL * y + 33.0) / 2.0;
            let placed = (point - CENTRE) * SCALE;
            let p = view.viewmat.transform_point3(placed);
            let (x, y) = view.lens.distort(p.x / p.z, p.y / p.z);
            let source = view.source;
            let found = DVec2::new(source.fx * x + source.cx, source.fy * y + source.cy);
            worst = worst.max(found.distance(wanted));
            // And so through the pinhole image, without the lens.
            let ideal = DVec2::new(FOCAL * a + 47.0, 1.1 * FOCAL * b + 33.0) / 2.0;
            worst = worst.max(view.project(placed).unwrap().distance(ideal));
        }
    }
    assert!(worst < 1e-9, "{worst} px");
    for (found, point) in dataset.points.iter().zip(POINTS) {
        let found = DVec3::from_array(found.position.map(f64::from));
        assert!(found.distance((point - CENTRE) * SCALE) < 1e-6);
    }
    assert_eq!(dataset.points.len(), POINTS.len());
    assert_eq!(load(&folder.path().join("dataset.json")).fingerprint(), dataset.fingerprint());
}

#[test]
fn nerfies_without_a_split_holds_out_what_lies_between() {
    let folder = nerfies(9, &[]);
    let dataset = load(folder.path());
    assert_eq!(names(&dataset.train), ["000000.png", "000004.png", "000008.png"]);
    assert_eq!(names(&dataset.test), ["000002.png", "000006.png"]);
    assert!(dataset.split.starts_with("every 4th image of dataset.json"));
    noted(&dataset, Level::Info, "4 images of dataset.json are neither trained on nor held out");
    // A COLMAP model that lies in the capture does not hide it.
    let images = nerfies_ids(9).into_iter().enumerate().map(|(i, id)| (format!("{id}.png"), i)).collect::<Vec<_>>();
    write_model(&folder.path().join("colmap/sparse/0"), &text_model(&images));
    assert_eq!(load(folder.path()).format, "Nerfies");
}

#[test]
fn nerfies_images_are_chosen_by_their_scale() {
    let folder = nerfies(3, &[1]);
    let rgb = folder.path().join("rgb");
    for id in nerfies_ids(3) {
        let large = rgb.join(format!("1x/{id}.png"));
        std::fs::create_dir_all(rgb.join("1x")).unwrap();
        super::fixture::pattern(CLAIMED.0, CLAIMED.1).save(large).unwrap();
    }
    let half = load(folder.path());
    assert!(half.train[0].image_path.to_string_lossy().contains("rgb/2x/"));
    noted(&half, Level::Info, "the photos are those of");
    std::fs::rename(rgb.join("2x"), rgb.join("4x")).unwrap();
    let full = load(folder.path());
    assert!(full.train[0].image_path.to_string_lossy().contains("rgb/1x/"));
    assert!((full.train[0].fx - 2.0 * half.train[0].fx).abs() < 1e-12);
    let named = Dataset::load(folder.path(), &options(|o| o.images = Some("rgb/1x".into()))).unwrap();
    assert_eq!(named.fingerprint(), full.fingerprint());
    std::fs::remove_dir_all(&rgb).unwrap();
    refused(folder.path(), &["rgb", "no folder of images such as 1x or 2x"]);
}

#[test]
fn broken_captures_name_the_file() {
    let folder = nerfies(3, &[1]);
    let root = folder.path();
    let break_camera = |key: &str, value: serde_json::Value, parts: &[&str]| {
        let mut camera = nerfies_camera(2);
        camera[key] = value;
        write(&root.join("camera/000002.json"), camera.to_string());
        refused(root, &[&["camera/000002.json"][..], parts].concat());
        write(&root.join("camera/000002.json"), nerfies_camera(2).to_string());
    };
    break_camera("skew", json!(0.5), &["`skew` is 0.5", "without skew"]);
    break_camera("orientation", json!([[1, 0, 0], [0, 1, 0]]), &["`orientation` must be 3 rows of 3 numbers"]);
    break_camera("orientation", json!([[1, 0, 0], [0, 1, 0], [0, 0, -1]]), &["`orientation` mirrors the scene"]);
    break_camera("orientation", json!(null), &["no `orientation`"]);
    break_camera("position", json!([1, 2]), &["`position` must be 3 numbers"]);
    break_camera("focal_length", json!(0), &["`focal_length` is 0"]);
    break_camera("image_size", json!([96.5, 64]), &["`image_size` is 96.5 x 64"]);
    let scene = std::fs::read(root.join("scene.json")).unwrap();
    write(&root.join("scene.json"), json!({"scale": 0, "center": [0, 0, 0]}).to_string());
    refused(root, &["scene.json", "`scale` is 0"]);
    write(&root.join("scene.json"), scene);
    let metadata = std::fs::read(root.join("metadata.json")).unwrap();
    write(&root.join("metadata.json"), json!({"000000": {"warp_id": 0}, "000001": {"time_id": 1}}).to_string());
    refused(root, &["metadata.json", "nothing about the image 000002", "data.time = \"none\""]);
    assert_eq!(Dataset::load(root, &options(|o| o.time = TimeSource::None)).unwrap().times, None);
    write(&root.join("metadata.json"), json!({"000000": {"appearance_id": 0}}).to_string());
    refused(root, &["metadata.json", "image 000000: neither `time_id` nor `warp_id`"]);
    write(&root.join("metadata.json"), metadata);
    write(&root.join("points.npy"), npy(4, &[0.0; 8]));
    refused(root, &["points.npy", "the array is 2 x 4, expected N x 3"]);
    std::fs::remove_file(root.join("points.npy")).unwrap();
    assert!(load(root).points.is_empty());
    std::fs::remove_file(root.join("rgb/2x/000001.png")).unwrap();
    refused(root, &["the image 000001.png is missing (1 of 3 images are)"]);
    write(&root.join("dataset.json"), json!({"ids": ["../a"]}).to_string());
    refused(root, &["dataset.json", "`../a` is not the name of an image"]);
    write(&root.join("dataset.json"), json!({"count": 0}).to_string());
    refused(root, &["dataset.json", "no image to train on"]);
    std::fs::remove_dir_all(root.join("camera")).unwrap();
    refused(root, &["no folder camera"]);
}
