//! Scenes at the edge: nothing visible, one splat over the screen, broken rows, odd image sizes, more
//! workgroups than one axis allows, too little room.

use splat_core::gpu::Gpu;
use splat_core::gpu::layout::counter;
use splat_core::params::{Params, RowEdit};

use super::chain::{PIXELS, compare_images, equals_oracle, options};
use super::harness::{Bench, Case, Drive, camera, cloud, model, random_splats, run, upload};
use crate::oracle::render::{Splat, render};

/// Splats of [`random_splats`], all behind the camera.
fn all_behind(count: usize) -> Vec<Splat> {
    let mut splats = random_splats(count, 1);
    splats.iter_mut().for_each(|splat| splat.gaussian.mean[2] = -3.0);
    splats
}

pub(super) fn a_view_without_visible_splats_is_empty_and_has_no_gradient(gpu: &Gpu) {
    for count in [1, 70, 300] {
        let case = Case { with_depth: true, with_abs_grad: true, ..Case::new(all_behind(count), camera(20, 18)) };
        let found = run(gpu, &case);
        assert_eq!(found.visible(), 0);
        assert!(found.rendered.iter().all(|&pixel| pixel == [0.0, 0.0, 0.0, 1.0]));
        assert!(found.depth.iter().all(|&depth| depth == 0.0));
        assert!(found.grads.values().flatten().chain(&found.statistics).all(|&value| value == 0.0));
    }
}

pub(super) fn a_table_without_rows_renders_nothing(gpu: &Gpu) {
    let case = Case::new(Vec::new(), camera(20, 18));
    let found = run(gpu, &case);
    assert_eq!(found.visible(), 0);
    assert!(found.rendered.iter().all(|&pixel| pixel == [0.0, 0.0, 0.0, 1.0]));
}

pub(super) fn one_splat_over_the_whole_screen_equals_the_oracle(gpu: &Gpu) {
    let mut splat = random_splats(1, 3)[0];
    splat.gaussian.mean = [0.0, 0.0, 2.0];
    splat.gaussian.log_scale = [2.0, 1.5, 1.75];
    splat.gaussian.opacity_logit = 2.0;
    equals_oracle(gpu, "one over all", &Case::new(vec![splat], camera(70, 50)));
    // Held at the ceiling almost everywhere, hence next to no gradient: only the image is compared.
    // Two, not three: (1 - ALPHA_MAX)² is TRANSMITTANCE_MIN to within rounding.
    splat.gaussian.opacity_logit = 9.0;
    let case = Case { drive: Drive::None, ..Case::new(vec![splat; 2], camera(70, 50)) };
    let found = run(gpu, &case);
    compare_images("one over all, opaque", &found, &render(&case.splats, &case.camera, &options(&case)), PIXELS);
}

/// Values no arithmetic survives, for one number of a row at a time.
const BROKEN: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// Rows with one broken number each. Minus infinity is a size of nothing, an opacity of nothing and a
/// black colour, and plus infinity an opacity of one: these are no reason to cull.
fn broken_rows() -> Vec<Splat> {
    let base = random_splats(40, 5).into_iter().find(|s| s.gaussian.mean[2] > 1.0).unwrap();
    let mut rows = Vec::new();
    for value in BROKEN {
        let mut with = |change: &dyn Fn(&mut Splat)| {
            let mut splat = base;
            change(&mut splat);
            rows.push(splat);
        };
        for axis in 0..3 {
            with(&|splat| splat.gaussian.mean[axis] = value);
            if value != f64::NEG_INFINITY {
                with(&|splat| splat.sh.sh0[axis] = value);
                with(&|splat| splat.gaussian.log_scale[axis] = value);
            }
        }
        with(&|splat| splat.gaussian.quat[2] = value);
        if value.is_nan() {
            with(&|splat| splat.gaussian.opacity_logit = value);
            with(&|splat| splat.sh.rest[7][1] = value);
        }
    }
    let mut without_rotation = base;
    without_rotation.gaussian.quat = [0.0; 4];
    rows.push(without_rotation);
    rows
}

pub(super) fn rows_that_are_not_numbers_are_never_blended(gpu: &Gpu) {
    let good = random_splats(60, 6);
    let all = |splats: Vec<Splat>| Case { with_depth: true, with_abs_grad: true, ..Case::new(splats, camera(40, 30)) };
    let alone = run(gpu, &all(good.clone()));
    let broken = broken_rows();
    let mut mixed = broken.clone();
    mixed.extend(good);
    let together = run(gpu, &all(mixed));
    let drawn: Vec<_> =
        together.order[..together.visible() as usize].iter().filter_map(|&row| broken.get(row as usize)).collect();
    assert!(drawn.is_empty(), "{} broken rows were drawn, first {:?}", drawn.len(), drawn.first());
    assert!(together.rendered == alone.rendered, "a broken row changed the image");
    for (name, grads) in &together.grads {
        let width = grads.len() / (broken.len() + 60);
        let (of_broken, of_good) = grads.split_at(width * broken.len());
        assert!(of_broken.iter().all(|&grad| grad == 0.0), "{name}: a broken row has a gradient");
        assert!(of_good.iter().all(|grad| grad.is_finite()), "{name}: a broken row spoiled a gradient");
    }
}

pub(super) fn extreme_sizes_and_opacities_stay_finite(gpu: &Gpu) {
    for size in [-80.0, -30.0, 5.0, 12.0, 20.0, 30.0, 44.0, 60.0, 88.0] {
        for logit in [-90.0, -5.0, 0.0, 20.0, 90.0] {
            let mut splats = random_splats(6, 7);
            for (i, splat) in splats.iter_mut().enumerate() {
                splat.gaussian.log_scale[i % 3] = size;
                splat.gaussian.opacity_logit = logit;
            }
            for antialias in [false, true] {
                let found = run(gpu, &Case { antialias, with_depth: true, ..Case::new(splats.clone(), camera(9, 20)) });
                let what = format!("log-scale {size}, logit {logit}, antialias {antialias}");
                assert!(found.rendered.as_flattened().iter().all(|v| v.is_finite()), "{what}: image");
                for (name, grads) in &found.grads {
                    assert!(grads.iter().all(|v| v.is_finite()), "{what}: gradient of {name}");
                }
            }
        }
    }
}

pub(super) fn widths_and_heights_of_every_kind_equal_the_oracle(gpu: &Gpu) {
    for (width, height) in [(2, 1), (9, 2), (1, 16), (1, 17), (15, 31), (255, 1), (1023, 2), (4097, 1), (1, 700)] {
        let case = Case { drive: Drive::None, ..Case::new(random_splats(40, 8), camera(width, height)) };
        let found = run(gpu, &case);
        compare_images(
            &format!("{width}x{height}"),
            &found,
            &render(&case.splats, &case.camera, &options(&case)),
            PIXELS,
        );
    }
}

/// A one pixel wide image needs as many tiles as one eight wide and is cheap.
pub(super) fn more_tiles_than_one_axis_has_workgroups_equal_the_oracle(gpu: &Gpu) {
    let height = 16 * 66_000;
    let mut tall = camera(1, height);
    tall.cy = 0.97 * height as f64;
    let splats = random_splats(12, 9);
    let case = Case { drive: Drive::Linear, isects: 1 << 20, ..Case::new(splats, tall) };
    let found = run(gpu, &case);
    assert!(found.visible() > 0);
    // Beyond a few hundred pixels from the splats nothing is left to see; compare what there is.
    let expected = render(&case.splats, &case.camera, &options(&case));
    let lit = expected.transmittance.iter().filter(|&&t| t < 1.0).count();
    assert!(lit > 10, "the splats must be where tile numbers are large: {lit}");
    // At a million rows one f32 step is a sixteenth of a pixel.
    compare_images("66,000 tiles", &found, &expected, 100.0 * PIXELS);
}

/// 100,000 rows of 90 moments are 9 million values: 140,625 workgroups of 64.
pub(super) fn the_identity_edit_changes_nothing_with_more_workgroups_than_one_axis_has(gpu: &Gpu) {
    let rows = 100_000;
    let mut params = Params::new(gpu, model(3).columns(), rows as u64, true);
    let values: Vec<f32> = (0..rows * 45).map(|i| i as f32).collect();
    let moments: Vec<[f32; 2]> = values.iter().map(|&v| [v, -v]).collect();
    let column = params.column("shN");
    column.values.write(gpu, &values);
    column.training.as_ref().unwrap().moments.write(gpu, &moments);
    params.apply(gpu, &RowEdit::identity(rows), 5);
    let column = params.column("shN");
    assert!(column.values.read(gpu).unwrap() == values, "values moved");
    assert!(column.training.as_ref().unwrap().moments.read(gpu).unwrap() == moments, "moments moved");
    assert!(params.clock(1).last.read(gpu).unwrap().iter().all(|&step| step == 5));
}

pub(super) fn a_row_edit_moves_values_and_moments_together(gpu: &Gpu) {
    let splats = random_splats(10, 10);
    let mut params = Params::new(gpu, model(3).columns(), 10, true);
    upload(gpu, &params, &cloud(&splats, 3));
    let moments: Vec<[f32; 2]> = (0..30).map(|i| [i as f32, 100.0 + i as f32]).collect();
    params.column("means").training.as_ref().unwrap().moments.write(gpu, &moments);
    let write =
        splat_core::params::ColumnWrite { column: "opacity_logits", rows: vec![1], values: vec![-4.0], fresh: true };
    let edit = RowEdit { src: vec![9, 2, 2], fresh: vec![false, false, true], writes: vec![write] };
    params.apply(gpu, &edit, 3);
    let means = params.column("means").values.read(gpu).unwrap();
    let expected: Vec<f32> =
        [9, 2, 2].iter().flat_map(|&row: &usize| splats[row].gaussian.mean.map(|v| v as f32)).collect();
    assert_eq!(means, expected);
    let found = params.column("means").training.as_ref().unwrap().moments.read(gpu).unwrap();
    assert_eq!(found[..6], [&moments[27..30], &moments[6..9]].concat());
    assert_eq!(found[6..], [[0.0; 2]; 3], "a fresh row keeps no moments");
    assert_eq!(params.column("opacity_logits").values.read(gpu).unwrap()[1], -4.0);
}

pub(super) fn input_order_does_not_change_the_image(gpu: &Gpu) {
    let splats = random_splats(150, 11);
    let mut reversed = splats.clone();
    reversed.reverse();
    let found = run(gpu, &Case::new(splats, camera(40, 30)));
    let mirrored = run(gpu, &Case::new(reversed, camera(40, 30)));
    // Only splats of equal depth key may swap places.
    let most = found
        .rendered
        .as_flattened()
        .iter()
        .zip(mirrored.rendered.as_flattened())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(most <= 1e-5, "{most}");
}

pub(super) fn overflow_leaves_every_gradient_alone(gpu: &Gpu) {
    let case = Case { isects: 64, with_abs_grad: true, ..Case::new(random_splats(200, 12), camera(64, 48)) };
    let bench = Bench::new(gpu, &case);
    let first = bench.run(gpu, &case);
    let needed = first.counters[counter::NEEDED as usize];
    assert_eq!(first.counters[counter::OVERFLOW as usize], 1);
    assert!(first.grads.values().flatten().chain(&first.statistics).all(|&value| value == 0.0));
    // Sticky: a later view that would fit does nothing either.
    let small = Case { splats: case.splats.clone(), camera: camera(1, 1), ..case.clone() };
    let second = bench.run(gpu, &small);
    assert_eq!(second.counters[counter::OVERFLOW as usize], 1);
    assert!(second.grads.values().flatten().chain(&second.statistics).all(|&value| value == 0.0));
    // What it asked for is exactly enough.
    let ample = run(gpu, &Case { isects: u64::from(needed), ..case.clone() });
    assert_eq!(ample.counters[counter::ISECTS as usize], needed);
    let roomier = run(gpu, &Case { isects: 100_000, ..case });
    assert!(ample.bits() == roomier.bits(), "capacity changed the result");
}
