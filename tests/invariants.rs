//! Properties of the oracle that need no derivative: conservation, order independence, exact tiles,
//! lazy = dense.

use crate::gradients::{noise, small_camera, small_scene, smooth_options};
use crate::oracle::adam::{Adam, DriftTable, Trained};
use crate::oracle::blend::{Limits, Rendered, Splat2d, blend};
use crate::oracle::camera::Camera;
use crate::oracle::influence::influence;
use crate::oracle::intersect::{ALPHA_MIN, TILE_HEIGHT, TILE_WIDTH, depth_key, exponent, tile_box, tiles_hit};
use crate::oracle::photometric::{Photometric, Target, photometric, psnr, ssim, window};
use crate::oracle::project::{Gaussian, Projected, project};
use crate::oracle::render::{RenderOptions, render, visible};

/// A wide camera, so that splats have many tiles to hit or miss.
fn wide_camera() -> Camera {
    Camera { width: 61, height: 50, cx: 30.0, cy: 26.0, fx: 55.0, fy: 55.0, ..small_camera() }
}

/// Splats of random shape in front of [`wide_camera`].
fn random_gaussians(count: usize) -> impl Iterator<Item = Gaussian> {
    (0..count).map(|index| {
        let random = |k: usize| noise(97 * index + k);
        Gaussian {
            mean: [1.4 * random(0), 1.2 * random(1), 2.5 + random(2)],
            quat: [3, 4, 5, 6].map(random),
            log_scale: [7, 8, 9].map(|k| -2.3 + 1.5 * random(k)),
            opacity_logit: 5.0 * random(10),
        }
    })
}

fn random_projected(count: usize) -> Vec<Projected> {
    let projected = random_gaussians(count).filter_map(|g| project(&g, &wide_camera(), false));
    let projected: Vec<Projected> = projected.collect();
    assert!(projected.len() > count / 2, "only {} of {count} visible", projected.len());
    projected
}

#[test]
fn weights_and_transmittance_sum_to_one() {
    let camera = small_camera();
    for limits in [Limits::SMOOTH, Limits::RENDERING] {
        let options = RenderOptions { limits, ..smooth_options(0, false) };
        let (_, mut splats) = visible(&small_scene(), &camera, &options);
        for splat in &mut splats {
            splat.colour = [1.0; 3];
        }
        let rendered = blend(&splats, &camera, &limits);
        for (rgb, transmittance) in rendered.rgb.iter().zip(&rendered.transmittance) {
            assert!((rgb[0] + transmittance - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn influences_add_up_to_what_is_covered() {
    let camera = small_camera();
    for limits in [Limits::SMOOTH, Limits::RENDERING] {
        let (_, splats) = visible(&small_scene(), &camera, &RenderOptions { limits, ..smooth_options(0, false) });
        let covered: f64 = blend(&splats, &camera, &limits).transmittance.iter().map(|t| 1.0 - t).sum();
        let given: f64 = influence(&splats, &camera, &limits).iter().sum();
        assert!((given - covered).abs() < 1e-12 * covered, "{given} given, {covered} covered");
    }
}

#[test]
fn image_does_not_depend_on_the_order_of_the_splats() {
    let (camera, options) = (small_camera(), smooth_options(2, true));
    let splats = small_scene();
    let expected = render(&splats, &camera, &options);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let shuffled = order.map(|index| splats[index]);
        assert_eq!(render(&shuffled, &camera, &options), expected);
    }
}

#[test]
fn nothing_is_drawn_once_transmittance_is_used_up() {
    let camera = Camera { width: 1, height: 1, ..small_camera() };
    let wall = |depth, colour| Splat2d { mean2d: [0.5, 0.5], conic: [0.1, 0.0, 0.1], opacity: 0.999, depth, colour };
    let walls = [1.0, 2.0, 3.0, 4.0].map(|depth| wall(depth, [depth; 3]));
    let rendered = blend(&walls, &camera, &Limits::RENDERING);
    // 0.01² = 1e-4 rounds to just below or above the limit; the fourth wall is behind 1e-6 in any
    // case.
    let first_three = blend(&walls[..3], &camera, &Limits::RENDERING);
    assert_eq!(rendered, first_three);
    assert_ne!(rendered, blend(&walls[..1], &camera, &Limits::RENDERING));
}

#[test]
fn moving_scene_and_camera_together_changes_nothing() {
    let options = smooth_options(0, false);
    let (camera, splats) = (small_camera(), small_scene());
    let shift = [3.0, -2.0, 5.0];
    let mut moved_camera = camera.clone();
    for row in &mut moved_camera.viewmat {
        row[3] -= (0..3).map(|i| row[i] * shift[i]).sum::<f64>();
    }
    let moved = splats.iter().map(|&splat| {
        let mut splat = splat;
        splat.gaussian.mean = [0, 1, 2].map(|i| splat.gaussian.mean[i] + shift[i]);
        splat
    });
    let moved = render(&moved.collect::<Vec<_>>(), &moved_camera, &options);
    let expected = render(&splats, &camera, &options);
    for (a, b) in moved.rgb.as_flattened().iter().zip(expected.rgb.as_flattened()) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn unusable_gaussians_are_culled() {
    let camera = small_camera();
    let good = small_scene()[0].gaussian;
    assert!(project(&good, &camera, false).is_some());
    type Spoil = fn(&mut Gaussian);
    let unusable: [(&str, Spoil); 9] = [
        ("behind the camera", |g| g.mean[2] = -1.0),
        ("beyond far", |g| g.mean[2] = 200.0),
        ("NaN mean", |g| g.mean[0] = f64::NAN),
        ("infinite scale", |g| g.log_scale = [800.0; 3]),
        ("no rotation", |g| g.quat = [1e-7, 0.0, 0.0, 0.0]),
        ("NaN quaternion", |g| g.quat[2] = f64::NAN),
        ("NaN opacity", |g| g.opacity_logit = f64::NAN),
        ("opacity below 1/255", |g| g.opacity_logit = -5.6),
        ("outside the image", |g| g.mean[0] = 8.0),
    ];
    for (why, spoil) in unusable {
        let mut gaussian = good;
        spoil(&mut gaussian);
        assert_eq!(project(&gaussian, &camera, false), None, "{why}");
    }
}

/// Least exponent over a box by nested ternary search: slow, but ignorant of edges.
fn searched_min_exponent(splat: &Projected, [low, high]: [[f64; 2]; 2]) -> f64 {
    let ternary = |mut low: f64, mut high: f64, f: &dyn Fn(f64) -> f64| {
        for _ in 0..100 {
            let third = (high - low) / 3.0;
            let keep_left = f(low + third) < f(high - third);
            (low, high) = if keep_left { (low, high - third) } else { (low + third, high) };
        }
        f(0.5 * (low + high))
    };
    let [mx, my] = splat.mean2d;
    let along_x = |y: f64| ternary(low[0], high[0], &|x| exponent(&splat.conic, &[x - mx, y - my]));
    ternary(low[1], high[1], &along_x)
}

#[test]
fn tiles_hit_are_exactly_those_whose_box_meets_the_ellipse() {
    let camera = wide_camera();
    let (columns, rows) = (camera.width.div_ceil(TILE_WIDTH), camera.height.div_ceil(TILE_HEIGHT));
    let (mut hits, mut misses) = (0, 0);
    for splat in random_projected(60) {
        let tau = (splat.opacity / ALPHA_MIN).ln();
        let listed = tiles_hit(&splat, &camera);
        for row in 0..rows {
            for column in 0..columns {
                let excess = searched_min_exponent(&splat, tile_box(column, row)) - tau;
                if excess.abs() < 1e-6 {
                    continue;
                }
                let hit = listed.contains(&(column, row));
                assert_eq!(hit, excess < 0.0, "{splat:?}, tile ({column}, {row})");
                if hit { hits += 1 } else { misses += 1 }
            }
        }
    }
    assert!(hits > 100 && misses > 100, "{hits} hits, {misses} misses test too little");
}

#[test]
fn every_point_of_a_pixel_box_that_accepts_a_splat_lies_in_a_tile_it_hits() {
    let camera = wide_camera();
    let mut accepted = 0;
    for (index, splat) in random_projected(300).iter().enumerate() {
        let listed = tiles_hit(splat, &camera);
        for (p, pixel) in camera.pixel_centres().enumerate() {
            let tile = (p % camera.width / TILE_WIDTH, p / camera.width / TILE_HEIGHT);
            let [low, high] = tile_box(tile.0, tile.1);
            // The centre itself, and a random point within half a pixel that stays in the tile's
            // box.
            let jittered: [f64; 2] = [0, 1].map(|axis| {
                let jitter = 0.5 * noise(index * 7919 + 2 * p + axis);
                (pixel[axis] + jitter).clamp(low[axis], high[axis])
            });
            for point in [pixel, jittered] {
                let d = [point[0] - splat.mean2d[0], point[1] - splat.mean2d[1]];
                if splat.opacity * (-exponent(&splat.conic, &d)).exp() >= ALPHA_MIN {
                    accepted += 1;
                    assert!(listed.contains(&tile), "{splat:?}, point {point:?}");
                }
            }
        }
    }
    assert!(accepted > 1000);
}

#[test]
fn depth_keys_are_24_bit_monotone_and_zero_at_near() {
    let near = 0.01;
    assert_eq!(depth_key(near, near), 0);
    assert_eq!(depth_key(0.5 * near, near), 0);
    assert_eq!(depth_key(f64::from(f32::MAX), near), (1 << 24) - 1);
    let keys: Vec<u32> = (0..4000).map(|i| depth_key(0.01 * 1.003_f64.powi(i), near)).collect();
    assert!(keys.is_sorted() && keys[3999] > keys[0]);
    // Neighbouring keys differ by 32 units in the last place: 2⁻¹⁸ of the depth.
    assert_eq!(depth_key(1.0 + 2.0_f64.powi(-18), near), depth_key(1.0, near) + 1);
}

#[test]
fn metrics_of_known_images() {
    let grey = vec![[0.5; 3]; 16 * 12];
    let off_by_a_tenth = vec![[0.6; 3]; 16 * 12];
    assert!((psnr(&grey, &off_by_a_tenth) - 20.0).abs() < 1e-9);
    assert!((ssim(&grey, &grey, 16) - 1.0).abs() < 1e-12);
    assert!((window().iter().sum::<f64>() - 1.0).abs() < 1e-15);
}

#[test]
fn masked_pixels_do_not_enter_the_loss() {
    let settings = Photometric { width: 12, background: [0.1; 3], ssim_weight: 0.2, alpha_weight: 0.5 };
    let image = |offset: usize| -> Vec<[f64; 3]> {
        (0..144).map(|p| [0, 1, 2].map(|c| 0.5 + 0.3 * noise(offset + 3 * p + c))).collect()
    };
    let weight: Vec<f64> = (0..144).map(|p| if p % 5 == 0 { 0.0 } else { 1.0 }).collect();
    let target = Target { rgb: image(0), alpha: vec![0.8; 144], weight };
    let rendered = Rendered { rgb: image(900), transmittance: vec![0.3; 144], depth: vec![0.0; 144] };
    let mut repainted = rendered.clone();
    for p in (0..144).step_by(5) {
        repainted.rgb[p] = [7.0; 3];
        repainted.transmittance[p] = 0.9;
    }
    let loss = photometric(&settings, &rendered, &target);
    assert!((loss - photometric(&settings, &repainted, &target)).abs() < 1e-13);
    let perfect = Rendered { rgb: target.rgb.clone(), transmittance: vec![0.2; 144], depth: vec![0.0; 144] };
    assert!(photometric(&settings, &perfect, &target).abs() < 1e-12);
}

#[test]
fn lazy_adam_with_catch_up_equals_dense_adam() {
    const STEPS: usize = 3000;
    let adam = Adam::default();
    let lr = |t: usize| 1.6e-4 * 0.01_f64.powf(t as f64 / STEPS as f64);
    let table = DriftTable::new(&adam, STEPS, lr);
    let mut worst: f64 = 0.0;
    for trace in 0..40 {
        // From rows seen at nearly every step to rows seen a few times in the whole training.
        let visible_share = 0.9_f64.powi(trace);
        let random = |t: usize, k: usize| noise(trace as usize * 1_000_003 + 2 * t + k);
        let (mut dense, mut lazy, mut last) = (Trained::default(), Trained::default(), 0);
        for t in 1..=STEPS {
            let seen = 0.5 + 0.5 * random(t, 0) < visible_share || t == STEPS;
            // Not near zero: a first gradient close to `eps` would measure `eps`, not the closed
            // form.
            let some = random(t, 1);
            let grad = if seen { 1e-3 * (some + 0.2 * some.signum()) } else { 0.0 };
            adam.update(&mut dense, grad, lr(t), t);
            if !seen {
                continue;
            }
            adam.catch_up(&mut lazy, &table, last, t);
            adam.update(&mut lazy, grad, lr(t), t);
            last = t;
            // Values start at zero and may return there, so the scale is at least one full step; so
            // may the first moment.
            let error = |a: f64, b: f64, scale: f64| (a - b).abs() / b.abs().max(scale);
            worst = worst.max(error(lazy.value, dense.value, lr(t)));
            worst = worst.max(error(lazy.m, dense.m, 1e-6)).max(error(lazy.v, dense.v, 1e-12));
        }
    }
    eprintln!("lazy versus dense Adam: worst relative error {worst:.1e}");
    assert!(worst <= 1e-9, "worst relative error {worst:e}");
}

#[test]
fn catching_up_on_a_row_without_history_changes_nothing() {
    let adam = Adam::default();
    let table = DriftTable::new(&adam, 100, |_| 0.01);
    let mut row = Trained { value: 3.0, ..Trained::default() };
    adam.catch_up(&mut row, &table, 0, 57);
    assert_eq!(row, Trained { value: 3.0, ..Trained::default() });
}
