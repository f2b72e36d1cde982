//! The photo loader, splits and where training starts.

use super::fixture::{colmap_scene, transforms, transforms_scene, write};
use splat_core::scene::{
    Dataset, Level, LoadOptions, PhotoLoader, Point, View, initial_points, load_photo, nearest_distances,
};
use std::sync::Arc;

fn all_in_training() -> LoadOptions {
    LoadOptions { test_every: 0, ..LoadOptions::default() }
}

fn views(dataset: &Dataset) -> Vec<Arc<View>> {
    dataset.train.iter().cloned().map(Arc::new).collect()
}

#[test]
fn photos_are_the_same_whatever_the_threads_and_the_cache() {
    let folder = transforms_scene(6);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    let views = views(&dataset);
    for (threads, cache) in [(0, 0), (1, 1 << 12), (2, 30_000), (4, 1 << 30)] {
        let loader = PhotoLoader::new(threads, cache);
        for (width, height) in [(20, 16), (33, 27), (80, 64), (20, 16)] {
            loader.prefetch(views.iter().map(|view| (Arc::clone(view), width, height)));
            for view in &views {
                let photo = loader.get(view, width, height).unwrap();
                assert_eq!(*photo, load_photo(view, width, height).unwrap(), "{threads} threads, {cache} bytes");
            }
        }
        assert!(loader.cached_bytes() <= cache.max(4 * 80 * 64 * 5));
    }
}

#[test]
fn a_photo_is_decoded_once_while_it_fits() {
    let folder = transforms_scene(1);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    let view = &dataset.train[0];
    let loader = PhotoLoader::new(1, 1 << 20);
    let first = loader.get(view, 20, 16).unwrap();
    std::fs::remove_file(&view.image_path).unwrap();
    assert!(Arc::ptr_eq(&first, &loader.get(view, 20, 16).unwrap()));
    // Another level comes from the working-size photo.
    loader.get(view, 40, 32).unwrap();
}

#[test]
fn an_error_arrives_with_the_photo_and_blocks_no_other() {
    let folder = transforms_scene(4);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    let views = views(&dataset);
    std::fs::remove_file(&views[1].image_path).unwrap();
    for threads in [0, 1, 3] {
        let loader = PhotoLoader::new(threads, 1 << 20);
        loader.prefetch(views.iter().map(|view| (Arc::clone(view), 8, 8)));
        for (index, view) in views.iter().enumerate() {
            let result = loader.get(view, 8, 8);
            assert_eq!(result.is_err(), index == 1);
        }
        assert!(loader.get(&views[1], 8, 8).is_err());
        assert_eq!(loader.get(&views[0], 0, 8).unwrap_err().exit_code(), 2);
    }
}

#[test]
fn dropping_a_busy_loader_joins_its_workers() {
    let folder = transforms_scene(6);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    for _ in 0..20 {
        let loader = PhotoLoader::new(3, 1 << 12);
        loader.prefetch(views(&dataset).into_iter().map(|view| (view, 16, 16)));
    }
}

#[test]
fn many_threads_may_ask_for_the_same_photo() {
    let folder = transforms_scene(3);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    let loader = PhotoLoader::new(2, 1 << 14);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for view in dataset.train.iter().cycle().take(30) {
                    loader.get(view, 16, 16).unwrap();
                }
            });
        }
    });
}

#[test]
fn every_eighth_image_by_name_is_held_out_unless_listed() {
    let folder = colmap_scene(17);
    let names = |views: &[View]| views.iter().map(|view| view.name.clone()).collect::<Vec<_>>();
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(names(&dataset.test), ["00.jpg", "08.jpg", "16.jpg"]);
    write(&folder.path().join("test.txt"), "03.jpg\r\n05\n");
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(names(&dataset.test), ["03.jpg", "05.jpg"]);
    assert_eq!(dataset.train.len(), 15);
}

#[test]
fn the_model_with_most_images_is_used() {
    let folder = colmap_scene(5);
    std::fs::rename(folder.path().join("sparse/0"), folder.path().join("sparse/1")).unwrap();
    super::fixture::write_model(
        folder.path(),
        &super::fixture::colmap_model(2, 1, &[90.0, 90.0, 40.0, 32.0], (80, 64)),
    );
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    assert_eq!(dataset.train.len(), 5);
    assert!(dataset.notes.iter().any(|note| note.text.starts_with("2 models")));
}

#[test]
fn names_match_in_spite_of_case_and_extension() {
    let folder = colmap_scene(2);
    let images = folder.path().join("images");
    std::fs::rename(images.join("00.jpg"), images.join("00.JPG")).unwrap();
    std::fs::create_dir(images.join("sub")).unwrap();
    std::fs::rename(images.join("01.jpg"), images.join("sub/01.jpg")).unwrap();
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    assert!(dataset.train[0].image_path.ends_with("00.JPG"));
    assert!(dataset.train[1].image_path.ends_with("sub/01.jpg"));
}

#[test]
fn random_points_fill_the_cube_the_cameras_look_at() {
    let folder = transforms_scene(12);
    let dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
    let points = initial_points(&dataset, 2000, 7);
    assert_eq!(points.len(), 2000);
    assert_eq!(points, initial_points(&dataset, 2000, 7));
    assert_ne!(points, initial_points(&dataset, 2000, 8));
    assert!(points.iter().all(|point| point.position.iter().all(|c| c.abs() < 1.6)));
    let spread = points.iter().filter(|point| point.position[0] > 0.5).count();
    assert!(spread > 200, "{spread}");
    assert!(points.iter().all(|point| point.rgb[0] == point.rgb[1] && point.rgb[1] == point.rgb[2]));
}

#[test]
fn random_points_of_parallel_or_single_cameras_are_seen() {
    for count in [1, 3] {
        let folder = colmap_scene(count);
        let mut dataset = Dataset::load(folder.path(), &all_in_training()).unwrap();
        for view in &mut dataset.train {
            view.viewmat.matrix3 = glam::DMat3::IDENTITY;
        }
        let points = initial_points(&dataset, 500, 1);
        assert_eq!(points.len(), 500);
        for point in points {
            let position = glam::DVec3::from_array(point.position.map(f64::from));
            assert!(dataset.train.iter().any(|view| view.sees(position)));
        }
    }
}

fn at(position: [f32; 3]) -> Point {
    Point { position, rgb: [0; 3] }
}

#[test]
fn neighbour_distances_equal_brute_force() {
    let mut state = 1_u32;
    let mut unit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let points: Vec<Point> = (0..700).map(|_| at([unit(), unit() * 0.1, unit() * unit()])).collect();
    let found = nearest_distances(&points);
    for (i, a) in points.iter().enumerate() {
        let mut squares: Vec<f32> = points
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .map(|(_, b)| (0..3).map(|k| (a.position[k] - b.position[k]).powi(2)).sum())
            .collect();
        squares.sort_by(f32::total_cmp);
        let expected = (squares[..3].iter().sum::<f32>() / 3.0).sqrt();
        assert!((found[i] - expected).abs() <= 1e-6 * expected, "{i}: {} {expected}", found[i]);
    }
}

#[test]
fn neighbour_distances_are_never_zero() {
    assert!(nearest_distances(&[]).is_empty());
    for points in [vec![at([1.0; 3])], vec![at([2.0; 3]); 50_000]] {
        assert!(nearest_distances(&points).iter().all(|&d| d > 0.0 && d.is_finite()));
    }
    let mut points = vec![at([0.0; 3]); 10];
    points.extend((0..100).map(|i| at([i as f32, 0.0, 0.0])));
    let distances = nearest_distances(&points);
    assert!(distances[0] > 0.0 && distances[0] < 0.1);
    assert!((distances[60] - 2.0_f32.sqrt()).abs() < 1e-5, "1, 1 and 2 away: {}", distances[60]);
}

#[test]
fn file_lists_of_a_transforms_file_are_its_split() {
    let folder = transforms_scene(6);
    let mut json = transforms(6);
    json["train_filenames"] = serde_json::json!(["images/00.png", "images/01.png", "images/02.png"]);
    json["test_filenames"] = serde_json::json!(["images/05.png"]);
    let text = format!("\u{FEFF}{json}");
    write(&folder.path().join("transforms.json"), text);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!((dataset.train.len(), dataset.test.len()), (3, 1));
    assert_eq!(dataset.test[0].name, "images/05.png");
    assert!(dataset.notes.iter().any(|note| note.text.starts_with("2 images are in neither list")));
}

#[test]
fn points_named_by_a_transforms_file_are_loaded() {
    let folder = transforms_scene(3);
    let mut json = transforms(3);
    json["ply_file_path"] = serde_json::json!("points.ply");
    super::fixture::write_json(folder.path(), &json);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert!(dataset.points.is_empty());
    assert!(dataset.notes.iter().any(|note| note.text.contains("points.ply are missing")));
    let header =
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    write(&folder.path().join("points.ply"), format!("{header}0.5 0 0\n"));
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.points, [Point { position: [0.5, 0.0, 0.0], rgb: [128; 3] }]);
}

/// Texts of the warnings of a COLMAP scene after `change` has damaged its poses.
fn warnings(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let folder = transforms_scene(12);
    let mut json = transforms(12);
    change(&mut json);
    super::fixture::write_json(folder.path(), &json);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    let notes = dataset.notes.iter().filter(|note| note.level == Level::Warning);
    notes.map(|note| note.text.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn suspicious_poses_are_reported() {
    assert_eq!(warnings(|_| {}), "");
    let twice = warnings(|json| {
        json["frames"][3]["transform_matrix"] = json["frames"][4]["transform_matrix"].clone();
    });
    assert!(twice.contains("1 images have exactly the pose"), "{twice}");
    let far = warnings(|json| json["frames"][5]["transform_matrix"][0][3] = serde_json::json!(900.0));
    assert!(far.contains("1 cameras stand more than") && far.contains("images/05.png"), "{far}");
    let masks = transforms_scene(2);
    std::fs::create_dir(masks.path().join("masks")).unwrap();
    let black = image::RgbImage::new(super::fixture::SIZE.0, super::fixture::SIZE.1);
    black.save(masks.path().join("masks/01.png")).unwrap();
    let dataset = Dataset::load(masks.path(), &LoadOptions::default()).unwrap();
    let has = |part: &str| dataset.notes.iter().any(|note| note.level == Level::Warning && note.text.contains(part));
    assert!(has("masks ignore 100 %") && has("only 1 of 2 images have a mask"));
}

#[test]
fn points_behind_every_camera_are_reported() {
    let folder = colmap_scene(4);
    let mut files = super::fixture::colmap_model(4, 1, &[90.0, 90.0, 40.0, 32.0], (80, 64));
    // The z coordinate of both points, far behind.
    for at in [8 + 8 + 16, 8 + 59 + 8 + 16] {
        files[2][at..at + 8].copy_from_slice(&(-500.0_f64).to_le_bytes());
    }
    super::fixture::write_model(folder.path(), &files);
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert!(dataset.notes.iter().any(|note| { note.text.contains("100 % of the points are seen by no camera") }));
}
