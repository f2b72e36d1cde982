//! Lenses, undistortion, resizing, orientation, masks.

use super::fixture::{
    SIZE, colmap_model, colmap_scene, jpeg_with_orientation, pattern, transforms_scene, write, write_model,
};
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use splat_core::scene::{Dataset, Intrinsics, Lens, Level, LoadOptions, Photo, load_photo};

fn opaque(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Photo {
    let mut rgba = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let v = value(x, y);
            rgba.extend([v, v, v, 255]);
        }
    }
    Photo { width, height, rgba, has_alpha: false, mask: None }
}

fn every_lens() -> Vec<Lens> {
    vec![
        Lens::Pinhole,
        Lens::brown([-0.1, 0.02, 0.0, 0.0], [0.0; 2]),
        Lens::Brown { radial: [0.3, 0.1, 0.01, 0.0], denominator: [0.25, 0.05, 0.0], tangential: [0.001, -0.002] },
        Lens::fisheye([0.05, -0.01, 0.0, 0.0]),
        Lens::Fisheye { radial: [0.01; 4], tangential: [0.001; 2], prism: [0.001; 2] },
        Lens::Fisheye624 { radial: [0.01; 6], tangential: [0.001; 2], prism: [0.001; 4] },
        Lens::Fov { omega: 0.9 },
        Lens::Division { k: -0.2 },
        Lens::Eucm { alpha: 0.6, beta: 1.1 },
    ]
}

#[track_caller]
fn close(found: (f64, f64), expected: (f64, f64)) {
    let gap = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
    assert!(gap < 1e-12, "{found:?} is not {expected:?}");
}

#[test]
fn lenses_give_the_values_of_their_formulas() {
    let opencv = Lens::brown([0.1, -0.05, 0.0, 0.0], [0.01, -0.02]);
    close(opencv.distort(0.5, -0.25), (0.494_433_593_75, -0.247_216_796_875));
    let third = Lens::brown([0.0, 0.0, 0.5, 0.25], [0.0; 2]);
    close(third.distort(1.0, 0.0), (1.75, 0.0));
    let rational = Lens::Brown { radial: [1.0, 0.0, 0.0, 0.0], denominator: [0.0, 3.0, 0.0], tangential: [0.0; 2] };
    close(rational.distort(0.0, 1.0), (0.0, 0.5));
    let theta = std::f64::consts::FRAC_PI_4;
    close(Lens::fisheye([0.1, 0.0, 0.0, 0.0]).distort(0.0, 1.0), (0.0, theta * (1.0 + 0.1 * theta * theta)));
    let prism = Lens::Fisheye { radial: [0.0; 4], tangential: [0.0; 2], prism: [0.5, 0.25] };
    close(prism.distort(1.0, 0.0), (theta + 0.5 * theta * theta, 0.25 * theta * theta));
    let fov = Lens::Fov { omega: std::f64::consts::FRAC_PI_2 };
    close(fov.distort(0.5, 0.0), (0.5, 0.0));
    let (a, b) = Lens::Division { k: -0.3 }.distort(0.4, 0.3);
    let undo = 1.0 - 0.3 * (a * a + b * b);
    close((a / undo, b / undo), (0.4, 0.3));
    close(Lens::Eucm { alpha: 0.0, beta: 1.0 }.distort(0.7, 0.2), (0.7, 0.2));
    close(Lens::Eucm { alpha: 0.5, beta: 1.0 }.distort(0.75, 0.0), (0.75 / 1.125, 0.0));
}

#[test]
fn every_lens_is_smooth_and_keeps_the_centre() {
    for lens in every_lens() {
        assert!(lens.distort(0.0, 0.0).0.abs() < 1e-12, "{lens:?} moves the centre");
        let step = 1e-7;
        for i in 0..40 {
            let r = 0.02 * f64::from(i);
            let slope = (lens.distort(r + step, 0.1).0 - lens.distort(r, 0.1).0) / step;
            let ahead = (lens.distort(r + 0.02 + step, 0.1).0 - lens.distort(r + 0.02, 0.1).0) / step;
            assert!(slope > 0.05 && (slope - ahead).abs() < 0.2, "{lens:?} at {r}: {slope} then {ahead}");
        }
    }
}

#[test]
fn the_valid_radius_ends_where_the_polynomial_turns_back() {
    // r (1 - r^2) is largest at 1/sqrt(3).
    let lens = Lens::brown([-1.0, 0.0, 0.0, 0.0], [0.0; 2]);
    assert!((lens.valid_radius(2.0) - 1.0 / 3.0_f64.sqrt()).abs() < 2e-3);
    assert_eq!(Lens::Pinhole.valid_radius(2.0), 2.0);
    assert_eq!(Lens::Fov { omega: 1.0 }.valid_radius(2.0), 2.0);
    // sqrt(1 - 4 k r^2) ends at 1 / (2 sqrt(k)).
    assert!((Lens::Division { k: 0.25 }.valid_radius(3.0) - 1.0).abs() < 3e-3);
}

/// Inverts a lens by fixed-point iteration.
fn ideal(lens: &Lens, a: f64, b: f64) -> (f64, f64) {
    let (mut x, mut y) = (a, b);
    for _ in 0..100 {
        let (u, v) = lens.distort(x, y);
        x += 0.7 * (a - u);
        y += 0.7 * (b - v);
    }
    (x, y)
}

#[test]
fn undistorting_a_distorted_scene_gives_the_scene_back() {
    let source = Intrinsics { width: 200, height: 160, fx: 130.0, fy: 125.0, cx: 96.0, cy: 83.0 };
    let scene = |a: f64, b: f64| (127.0 + 60.0 * (5.0 * a).sin() + 60.0 * (4.0 * b).cos()).round() as u8;
    for lens in every_lens() {
        let taken = opaque(200, 160, |x, y| {
            let a = (f64::from(x) + 0.5 - source.cx) / source.fx;
            let b = (f64::from(y) + 0.5 - source.cy) / source.fy;
            let (a, b) = ideal(&lens, a, b);
            scene(a, b)
        });
        let photo = taken.undistorted(&source, &lens);
        let (pinhole, _) = source.undistorted(&lens);
        assert_eq!((photo.width, photo.height), (pinhole.width, pinhole.height));
        let mut used = 0;
        for y in 0..photo.height {
            for x in 0..photo.width {
                let at = (y * photo.width + x) as usize;
                if photo.mask.as_ref().is_some_and(|mask| mask[at] == 0) {
                    continue;
                }
                let a = (f64::from(x) + 0.5 - pinhole.cx) / pinhole.fx;
                let b = (f64::from(y) + 0.5 - pinhole.cy) / pinhole.fy;
                let gap = i32::from(photo.rgba[at * 4]) - i32::from(scene(a, b));
                // At the very border the outermost half pixel is continued, not interpolated.
                assert!(gap.abs() <= 6, "{lens:?} at {x},{y}: off by {gap}");
                used += 1;
            }
        }
        assert!(used > (photo.width * photo.height / 2) as usize, "{lens:?} uses {used} pixels only");
    }
}

#[test]
fn pixels_beyond_the_photograph_or_the_lens_model_are_masked() {
    let source = Intrinsics { width: 100, height: 100, fx: 50.0, fy: 50.0, cx: 50.0, cy: 50.0 };
    let white = opaque(100, 100, |_, _| 255);
    let pincushion = white.undistorted(&source, &Lens::brown([0.3, 0.0, 0.0, 0.0], [0.0; 2]));
    let mask = pincushion.mask.unwrap();
    assert_eq!((mask[0], mask[50 * 100 + 50]), (0, 255));
    assert_eq!(pincushion.rgba[..4], [0, 0, 0, 0]);
    // Turns back at r = 0.577: without the check the corners would show the middle again.
    let wild = white.undistorted(&source, &Lens::brown([-1.0, 0.0, 0.0, 0.0], [0.0; 2]));
    let mask = wild.mask.unwrap();
    assert_eq!((mask[0], mask[50 * 100 + 95], mask[50 * 100 + 60]), (0, 0, 255));
}

#[test]
fn a_wide_fisheye_is_cropped_to_120_degrees() {
    let source = Intrinsics { width: 2000, height: 1000, fx: 300.0, fy: 300.0, cx: 1000.0, cy: 500.0 };
    let (pinhole, [left, top]) = source.undistorted(&Lens::fisheye([0.0; 4]));
    let degrees = 2.0 * (0.5 * f64::from(pinhole.width) / pinhole.fx).atan().to_degrees();
    assert!(degrees <= 120.0 && degrees > 119.5, "{degrees}");
    assert_eq!((pinhole.cx, pinhole.cy), (1000.0 - f64::from(left), 500.0 - f64::from(top)));
}

#[test]
fn resizing_keeps_constants_and_averages_checkers_exactly() {
    let constant = opaque(101, 67, |_, _| 37);
    for (width, height) in [(50, 33), (33, 67), (1, 1), (101, 1), (7, 60)] {
        let small = constant.resized(width, height);
        assert_eq!(small.rgba.len(), (width * height * 4) as usize);
        assert!(small.rgba.chunks(4).all(|p| p == [37, 37, 37, 255]), "{width}x{height}");
    }
    let checker = opaque(64, 48, |x, y| if (x + y) % 2 == 0 { 200 } else { 100 }).resized(32, 24);
    assert!(checker.rgba.chunks(4).all(|p| p == [150, 150, 150, 255]));
    // 3 -> 2: the middle column counts half on both sides.
    let thirds = opaque(3, 1, |x, _| [0, 90, 240][x as usize]).resized(2, 1);
    assert_eq!((thirds.rgba[0], thirds.rgba[4]), (30, 190));
}

#[test]
fn ignored_pixels_do_not_bleed_into_their_neighbours() {
    let mut photo = opaque(4, 1, |x, _| [255, 255, 255, 80][x as usize]);
    photo.mask = Some(vec![0, 0, 0, 255]);
    let small = photo.resized(2, 1);
    assert_eq!(small.mask.unwrap(), [0, 255]);
    assert_eq!((small.rgba[4], small.rgba[7]), (80, 255));
}

#[test]
fn straight_alpha_becomes_premultiplied() {
    let folder = transforms_scene(1);
    let image = RgbaImage::from_pixel(SIZE.0, SIZE.1, Rgba([200, 100, 50, 128]));
    image.save(folder.path().join("images/00.png")).unwrap();
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    assert!(dataset.has_alpha);
    let photo = load_photo(&dataset.train[0], 20, 16).unwrap();
    assert!(photo.has_alpha);
    let centre = (8 * 20 + 10) * 4;
    assert_eq!(photo.rgba[centre..centre + 4], [100, 50, 25, 128]);
}

#[test]
fn the_orientation_tag_counts_only_if_the_turned_size_fits_the_camera() {
    let raw = RgbImage::from_fn(SIZE.0, SIZE.1, |x, _| if x < 40 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) });
    let load = |size: (u64, u64)| {
        let folder = colmap_scene(2);
        write_model(folder.path(), &colmap_model(2, 1, &[90.0, 90.0, 40.0, 32.0], size));
        for i in 0..2 {
            write(&folder.path().join(format!("images/{i:02}.jpg")), jpeg_with_orientation(&raw, 6));
        }
        let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
        let view = dataset.train[0].clone();
        let photo = load_photo(&view, view.width, view.height).unwrap();
        (dataset, photo)
    };
    let (dataset, photo) = load((80, 64));
    assert_eq!((photo.width, photo.height), (80, 64));
    assert!(photo.rgba[0] > 200, "stored pixels begin red");
    assert!(dataset.notes.iter().any(|note| note.level == Level::Warning && note.text.contains("orientation tag")));
    // Tag 6: the top of the scene is at the right side as stored; turned, red is above blue.
    let (_, photo) = load((64, 80));
    assert_eq!((photo.width, photo.height), (64, 80));
    let last = photo.rgba.len() - 4;
    assert!(photo.rgba[0] > 200 && photo.rgba[last + 2] > 200 && photo.rgba[63 * 4] > 200);
}

#[test]
fn smaller_copies_scale_the_focal_length() {
    let folder = transforms_scene(2);
    for i in 0..2 {
        pattern(40, 32).save(folder.path().join(format!("images/{i:02}.png"))).unwrap();
    }
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    let view = &dataset.train[0];
    assert_eq!((view.width, view.height, view.fx, view.cy), (40, 32, 45.0, 16.0));
}

#[test]
fn masks_of_both_conventions_are_found_and_black_is_ignored() {
    for name in ["masks/01.png", "masks/01.jpg.png"] {
        let folder = colmap_scene(2);
        std::fs::create_dir(folder.path().join("masks")).unwrap();
        let mask = RgbImage::from_fn(SIZE.0, SIZE.1, |x, _| if x < 40 { Rgb([0, 127, 0]) } else { Rgb([0, 128, 0]) });
        mask.save(folder.path().join(name)).unwrap();
        let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
        let photo = load_photo(&dataset.train[0], SIZE.0, SIZE.1).unwrap();
        let mask = photo.mask.unwrap();
        assert_eq!((mask[39], mask[40]), (0, 255), "{name}");
        assert!(dataset.notes.iter().any(|note| note.text.contains("masks ignore 50 %")));
    }
}

#[test]
fn grey_and_deep_images_are_read() {
    let folder = transforms_scene(2);
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(SIZE.0, SIZE.1, image::Luma([0x8080]));
    deep.save(folder.path().join("images/01.png")).unwrap();
    let dataset = Dataset::load(folder.path(), &LoadOptions::default()).unwrap();
    let photo = load_photo(&dataset.train[0], 8, 8).unwrap();
    assert_eq!(photo.rgba[4 * 36..4 * 36 + 4], [0x80, 0x80, 0x80, 255]);
}
