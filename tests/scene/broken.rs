//! Broken inputs: each must stop with a message that says what, where and what to do.

use super::fixture::{
    SIZE, colmap_model, colmap_scene, jpeg, jpeg_with_orientation, look_at_origin, pattern, transforms,
    transforms_scene, write, write_json, write_model,
};
use serde_json::{Value, json};
use splat_core::Error;
use splat_core::scene::{Dataset, LoadOptions, load_photo, read_points, read_splats};
use std::path::Path;

/// Loads and expects an input error whose message contains every part.
#[track_caller]
fn expect_error(path: &Path, parts: &[&str]) {
    let error = Dataset::load(path, &LoadOptions::default()).expect_err("a broken scene loaded");
    expect_message(&error, parts);
}

#[track_caller]
fn expect_message(error: &Error, parts: &[&str]) {
    let message = error.to_string();
    assert_eq!(error.exit_code(), 3, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[track_caller]
fn expect_json_error(change: impl FnOnce(&mut Value), parts: &[&str]) {
    let folder = transforms_scene(3);
    let mut value = transforms(3);
    change(&mut value);
    write_json(folder.path(), &value);
    expect_error(folder.path(), parts);
}

#[test]
fn a_missing_folder_is_named() {
    expect_error(Path::new("/nonexistent/scene"), &["/nonexistent/scene", "no such file or folder"]);
}

#[test]
fn an_empty_folder_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    expect_error(folder.path(), &["the folder is empty", "transforms.json"]);
}

#[test]
fn images_without_poses_get_the_command_that_finds_them() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("images/a.jpg"), jpeg(&pattern(8, 8)));
    expect_error(folder.path(), &["1 images, but no poses", "colmap automatic_reconstructor"]);
}

#[test]
fn known_but_unread_formats_are_recognised() {
    for (file, part) in [
        ("keyframes/x.json", "Polycam"),
        ("points.npy", "no data set was recognised"),
        ("cameras.xml", "Metashape"),
        ("cameras.csv", "RealityScan"),
        ("database.db", "colmap mapper"),
        ("inner/transforms.json", "inner"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(file), "x");
        expect_error(folder.path(), &[part]);
    }
}

#[test]
fn a_missing_image_is_named_and_counted() {
    let folder = transforms_scene(4);
    std::fs::remove_file(folder.path().join("images/02.png")).unwrap();
    expect_error(folder.path(), &["images/02.png is missing", "1 of 4", "--images"]);
}

#[test]
fn a_truncated_jpeg_fails_even_if_its_thumbnail_is_complete() {
    let folder = colmap_scene(3);
    let path = folder.path().join("images/01.jpg");
    let whole = jpeg_with_orientation(&pattern(SIZE.0, SIZE.1), 1);
    for keep in [whole.len() / 2, whole.len() - 2] {
        write(&path, &whole[..keep]);
        let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
        let view = dataset.train.iter().find(|view| view.name == "01.jpg").unwrap();
        expect_message(&load_photo(view, 8, 8).unwrap_err(), &["01.jpg", "cut short"]);
    }
}

#[test]
fn a_truncated_png_fails() {
    let folder = transforms_scene(2);
    let path = folder.path().join("images/01.png");
    let whole = std::fs::read(&path).unwrap();
    write(&path, &whole[..whole.len() / 2]);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    expect_message(&load_photo(&dataset.train[0], 8, 8).unwrap_err(), &["01.png"]);
}

#[test]
fn unsupported_image_formats_are_named() {
    for (bytes, part) in [
        (&b"\0\0\0\x18ftypheic0000"[..], "HEIC"),
        (b"\0\0\0\x18ftypavif0000", "AVIF"),
        (b"\x76\x2F\x31\x01....", "OpenEXR"),
        (b"", "empty"),
    ] {
        let folder = transforms_scene(1);
        write(&folder.path().join("images/00.png"), bytes);
        expect_error(folder.path(), &["00.png", part]);
    }
}

#[test]
fn a_pose_that_is_not_a_number_stops_colmap_scenes() {
    let folder = colmap_scene(3);
    let [cameras, mut images, points] = colmap_model(3, 1, &[90.0, 90.0, 40.0, 32.0], (80, 64));
    images[8 + 4..8 + 12].copy_from_slice(&f64::NAN.to_le_bytes());
    write_model(folder.path(), &[cameras, images, points]);
    expect_error(folder.path(), &["image 00.jpg", "not finite"]);
}

#[test]
fn a_pose_that_is_not_a_number_stops_json_scenes() {
    let folder = transforms_scene(2);
    let text = transforms(2).to_string().replacen("1.0", "NaN", 1);
    write(&folder.path().join("transforms.json"), text);
    expect_error(folder.path(), &["line 1", "NaN"]);
}

#[test]
fn impossible_focal_lengths_are_refused() {
    for (fx, part) in [(0.0, "fl_x` is 0"), (-5.0, "fl_x` is -5")] {
        expect_json_error(|json| json["fl_x"] = json!(fx), &["frame 0", part, "positive"]);
    }
    for focal in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let folder = colmap_scene(2);
        write_model(folder.path(), &colmap_model(2, 1, &[focal, 90.0, 40.0, 32.0], (80, 64)));
        expect_error(folder.path(), &["camera 7", "focal lengths"]);
    }
    expect_json_error(
        |json| {
            json.as_object_mut().unwrap().remove("fl_x");
            json.as_object_mut().unwrap().remove("fl_y");
        },
        &["no focal length", "camera_angle_x"],
    );
}

#[test]
fn wrong_json_types_name_the_frame() {
    expect_json_error(|json| json["frames"][1]["transform_matrix"] = json!("no"), &["frame 1", "a text", "4 rows"]);
    expect_json_error(|json| json["frames"][2]["transform_matrix"][0][1] = json!(null), &["frame 2", "4 numbers"]);
    expect_json_error(|json| json["frames"][2]["file_path"] = json!(7), &["frame 2", "`file_path` is a number"]);
    expect_json_error(|json| json["frames"][0]["fl_x"] = json!([1]), &["frame 0", "`fl_x` is a list"]);
    expect_json_error(|json| json["frames"] = json!(3), &["`frames` is a number"]);
    expect_json_error(|json| json["frames"] = json!([]), &["`frames` is empty"]);
    expect_json_error(|json| *json = json!([1]), &["a list, expected an object"]);
    expect_json_error(|json| json["w"] = json!(80.5), &["`w` is 80.5"]);
}

#[test]
fn matrices_that_are_not_rotations_are_refused() {
    let mirrored = json!([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
    expect_json_error(|json| json["frames"][0]["transform_matrix"] = mirrored, &["mirrors", "-1"]);
    let scaled = json!([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]]);
    expect_json_error(|json| json["frames"][0]["transform_matrix"] = scaled, &["lengths 2.0000"]);
    let sheared = json!([[1, 0.1, 0, 0], [0, 0.995, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
    expect_json_error(|json| json["frames"][0]["transform_matrix"] = sheared, &["not perpendicular"]);
}

#[test]
fn spherical_and_unknown_cameras_are_refused() {
    expect_json_error(|json| json["camera_model"] = json!("EQUIRECTANGULAR"), &["EQUIRECTANGULAR is not supported"]);
    let folder = colmap_scene(2);
    for (model, part) in [(17, "full sphere"), (99, "unknown camera model 99"), (-1, "unknown camera model -1")] {
        write_model(folder.path(), &colmap_model(2, model, &[90.0, 90.0, 40.0, 32.0], (80, 64)));
        expect_error(folder.path(), &[part]);
    }
}

#[test]
fn colmap_files_cut_short_are_noticed_wherever_they_end() {
    let folder = colmap_scene(3);
    let files = colmap_model(3, 1, &[90.0, 90.0, 40.0, 32.0], (80, 64));
    for broken in 0..3 {
        for keep in [0, 7, 8, 20, files[broken].len() - 1] {
            let mut cut = files.clone();
            cut[broken].truncate(keep);
            write_model(folder.path(), &cut);
            expect_error(folder.path(), &["sparse/0", "cut short"]);
        }
    }
}

#[test]
fn absurd_counts_allocate_nothing() {
    let folder = colmap_scene(2);
    for broken in 0..3 {
        for count in [1000, u64::from(u32::MAX), u64::MAX] {
            let mut files = colmap_model(2, 1, &[90.0, 90.0, 40.0, 32.0], (80, 64));
            files[broken][..8].copy_from_slice(&count.to_le_bytes());
            write_model(folder.path(), &files);
            expect_error(folder.path(), &[&format!("promises {count}"), "room for at most"]);
        }
    }
    let ply = folder.path().join("a.ply");
    for format in ["ascii", "binary_little_endian"] {
        write(
            &ply,
            format!(
                "ply\nformat {format} 1.0\nelement vertex 18446744073709551615\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n"
            ),
        );
        expect_message(&read_points(&ply).unwrap_err(), &["promises 18446744073709551615 vertices"]);
    }
}

#[test]
fn a_mask_of_another_size_is_refused() {
    let folder = transforms_scene(2);
    std::fs::create_dir(folder.path().join("masks")).unwrap();
    pattern(40, 32).save(folder.path().join("masks/01.png")).unwrap();
    expect_error(folder.path(), &["masks/01.png", "the mask is 40x32, its image is 80x64"]);
}

#[test]
fn an_image_of_another_shape_is_refused_and_a_turned_one_explained() {
    let folder = transforms_scene(2);
    let path = folder.path().join("images/01.png");
    pattern(64, 64).save(&path).unwrap();
    expect_error(folder.path(), &["the image is 64x64, its camera 80x64", "cropped"]);
    pattern(64, 80).save(&path).unwrap();
    expect_error(folder.path(), &["the image is 64x80", "turned"]);
}

#[test]
fn unreadable_ply_files_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let ply = folder.path().join("a.ply");
    let header = "element vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    for (text, part) in [
        ("solid".to_owned(), "does not begin with `ply`"),
        ("ply\nformat ascii 1.0\n".to_owned(), "no `end_header`"),
        (format!("ply\nformat binary_big_endian 1.0\n{header}"), "big-endian"),
        (format!("ply\n{header}"), "names no format"),
        (format!("ply\nformat ascii 1.0\n{header}1 two 3\n"), "`two` is not a number"),
        (format!("ply\nformat binary_little_endian 1.0\n{header}"), "promises 1 vertices"),
    ] {
        write(&ply, text);
        expect_message(&read_points(&ply).unwrap_err(), &["a.ply", part]);
    }
    write(&ply, format!("ply\nformat ascii 1.0\n{header}1 2 3\n"));
    expect_message(&read_splats(&ply).unwrap_err(), &["a point cloud, not splats"]);
}

#[test]
fn holding_out_everything_is_a_settings_error() {
    let folder = transforms_scene(3);
    let options = LoadOptions { test_every: 1, ..LoadOptions::default() };
    let error = Dataset::load(folder.path(), &options).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("all 3 images are held out"));
}

#[test]
fn frames_are_read_with_the_camera_axes_of_opengl() {
    let folder = transforms_scene(1);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    let view = &dataset.train[0];
    assert_eq!(look_at_origin(0.0)[0][3], 4.0);
    assert!((view.position() - glam::DVec3::new(4.0, 0.0, 0.0)).length() < 1e-12);
    let centre = view.project(glam::DVec3::ZERO).unwrap();
    let above = view.project(glam::DVec3::new(0.0, 0.0, 0.5)).unwrap();
    assert!((centre.x - 40.0).abs() < 1e-9 && (centre.y - 32.0).abs() < 1e-9);
    assert!(above.y < centre.y, "up in the world must be up in the image");
}
