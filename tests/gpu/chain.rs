//! Forward image and gradients of every column against the oracle in f64.

use splat_core::gpu::Gpu;

use super::harness::{Case, Drive, Errors, Outcome, assert_close, camera, errors, linear_gradient, random_splats, run};
use crate::gradients::noise;
use crate::oracle::blend::{Limits, Rendered};
use crate::oracle::camera::Camera;
use crate::oracle::photometric::{Photometric, Target, photometric, photometric_bwd};
use crate::oracle::render::{GradRender, RenderOptions, Splat, render, render_bwd};

/// Relative error allowed for gradients, per element and as a vector.
const GRADIENTS: f64 = 1e-3;
/// Absolute error allowed for a colour or transmittance: a fortieth of an 8-bit step.
pub(super) const PIXELS: f64 = 1e-4;

pub(super) fn options(case: &Case) -> RenderOptions {
    RenderOptions { degree: case.degree, antialias: case.antialias, limits: Limits::RENDERING }
}

fn floats<const N: usize>(splats: &[Splat], pick: impl Fn(&Splat) -> [f64; N]) -> Vec<f64> {
    splats.iter().flat_map(pick).collect()
}

pub(super) fn compare_images(what: &str, found: &Outcome, expected: &Rendered, tolerance: f64) {
    let mut worst: f64 = 0.0;
    for (p, pixel) in found.rendered.iter().enumerate() {
        let [r, g, b] = expected.rgb[p];
        for (value, expected) in pixel.iter().zip([r, g, b, expected.transmittance[p]]) {
            let error = (f64::from(*value) - expected).abs();
            assert!(error <= tolerance, "{what}: pixel {p} is {pixel:?}, expected {expected}");
            worst = worst.max(error);
        }
    }
    for (p, (value, expected)) in found.depth.iter().zip(&expected.depth).enumerate() {
        let error = (f64::from(*value) - expected).abs();
        assert!(error <= 10.0 * tolerance, "{what}: depth of pixel {p} is {value}, expected {expected}");
    }
    eprintln!("measured: {what}: image {worst:.1e}");
}

fn compare_gradients(what: &str, case: &Case, found: &Outcome, expected: &GradRender) {
    let splats = &expected.splats;
    let check = |name: &'static str, expected: &[f64]| {
        assert_close(&format!("{what}: {name}"), &found.grads[name], expected, GRADIENTS)
    };
    check("means", &floats(splats, |s| s.gaussian.mean));
    check("quats", &floats(splats, |s| s.gaussian.quat));
    check("log_scales", &floats(splats, |s| s.gaussian.log_scale));
    check("opacity_logits", &floats(splats, |s| [s.gaussian.opacity_logit]));
    check("sh0", &floats(splats, |s| s.sh.sh0));
    if case.stored_degree > 0 {
        let rows = (case.stored_degree + 1).pow(2) - 1;
        let expected: Vec<f64> = splats.iter().flat_map(|s| s.sh.rest[..rows].as_flattened().to_vec()).collect();
        check("shN", &expected);
    }
}

/// Runs a case with a linear image gradient on both sides and compares everything.
pub(super) fn equals_oracle(gpu: &Gpu, what: &str, case: &Case) -> (Outcome, GradRender) {
    let what = format!("{} {what}", gpu.profile().name);
    let found = run(gpu, case);
    let expected = render(&case.splats, &case.camera, &options(case));
    compare_images(&what, &found, &expected, PIXELS);
    let grad = linear_gradient(&case.camera, case.with_depth);
    let grad = render_bwd(&case.splats, &case.camera, &options(case), &grad);
    compare_gradients(&what, case, &found, &grad);
    (found, grad)
}

pub(super) fn random_scenes_of_many_sizes_equal_the_oracle(gpu: &Gpu) {
    for (seed, (width, height)) in [(1, 1), (7, 17), (8, 16), (64, 48), (130, 33)].into_iter().enumerate() {
        let case = Case::new(random_splats(200, seed), camera(width, height));
        equals_oracle(gpu, &format!("{width}x{height}"), &case);
    }
}

pub(super) fn every_sh_degree_equals_the_oracle(gpu: &Gpu) {
    for (stored_degree, degree) in [(0, 0), (1, 1), (2, 2), (3, 0), (3, 1), (3, 2)] {
        let case = Case { stored_degree, degree, ..Case::new(random_splats(100, 20 + degree), camera(32, 24)) };
        equals_oracle(gpu, &format!("degree {degree} of {stored_degree}"), &case);
    }
}

pub(super) fn antialiasing_equals_the_oracle(gpu: &Gpu) {
    let case = Case { antialias: true, ..Case::new(random_splats(200, 30), camera(45, 40)) };
    equals_oracle(gpu, "antialias", &case);
}

pub(super) fn depth_equals_the_oracle(gpu: &Gpu) {
    for antialias in [false, true] {
        let case = Case { antialias, with_depth: true, ..Case::new(random_splats(150, 40), camera(40, 35)) };
        equals_oracle(gpu, "depth", &case);
    }
}

/// What density control is told of each row: norms in units of half the image size.
fn expected_statistics(camera: &Camera, grad: &GradRender) -> (Vec<f64>, Vec<f64>) {
    let [half_width, half_height] = camera.size().map(|size| size / 2.0);
    let norm = |v: &[f64; 2]| (v[0] * half_width).hypot(v[1] * half_height);
    (grad.mean2d.iter().map(norm).collect(), grad.mean2d_abs.iter().map(norm).collect())
}

pub(super) fn absolute_gradients_equal_the_oracle(gpu: &Gpu) {
    for with_depth in [false, true] {
        let case = Case { with_abs_grad: true, with_depth, ..Case::new(random_splats(150, 50), camera(40, 35)) };
        let (found, grad) = equals_oracle(gpu, "absolute", &case);
        let (sums, absolute) = expected_statistics(&case.camera, &grad);
        let column = |k: usize| found.statistics.iter().skip(k).step_by(3).copied().collect::<Vec<f32>>();
        assert_close("gradient norms", &column(0), &sums, GRADIENTS);
        assert_close("absolute gradient norms", &column(1), &absolute, GRADIENTS);
        let seen = column(2).iter().filter(|&&views| views == 1.0).count();
        assert_eq!(seen, found.visible() as usize, "every visible row is counted once");
    }
}

/// Premultiplied RGBA bytes that stay clear of what the scenes show.
fn random_photo(pixels: usize, opaque: bool) -> Vec<u32> {
    let byte = |k: usize| ((noise(k) * 0.5 + 0.5) * 255.0) as u32;
    let pixel = |p: usize| {
        let alpha = if opaque { 255 } else { byte(9000 + 4 * p + 3) };
        let channel = |c: usize| byte(9000 + 4 * p + c) * alpha / 255;
        channel(0) | channel(1) << 8 | channel(2) << 16 | alpha << 24
    };
    (0..pixels).map(pixel).collect()
}

fn oracle_target(photo: &[u32], mask: Option<&[u8]>) -> Target {
    let byte = |word: u32, c: u32| f64::from((word >> (8 * c)) & 255) / 255.0;
    Target {
        rgb: photo.iter().map(|&word| [0, 1, 2].map(|c| byte(word, c))).collect(),
        alpha: photo.iter().map(|&word| byte(word, 3)).collect(),
        weight: (0..photo.len()).map(|p| mask.map_or(1.0, |mask| f64::from(mask[p]) / 255.0)).collect(),
    }
}

fn photometric_case(
    size: (usize, usize),
    seed: usize,
    masked: bool,
    opaque: bool,
    weights: (f32, f32),
    background: [f32; 3],
) -> Case {
    let pixels = size.0 * size.1;
    let mask = masked.then(|| (0..pixels).map(|p| [0, 255, 255, 100, 255][p % 5]).collect());
    let drive = Drive::Photo {
        photo: random_photo(pixels, opaque),
        mask,
        background,
        ssim_weight: weights.0,
        alpha_weight: weights.1,
    };
    Case { drive, ..Case::new(random_splats(120, seed), camera(size.0, size.1)) }
}

fn photometric_equals_oracle(gpu: &Gpu, what: &str, case: &Case) {
    let Drive::Photo { photo, mask, background, ssim_weight, alpha_weight } = &case.drive else { return };
    let what = format!("{} {what}", gpu.profile().name);
    let found = run(gpu, case);
    let rendered = render(&case.splats, &case.camera, &options(case));
    let settings = Photometric {
        width: case.camera.width,
        background: background.map(f64::from),
        ssim_weight: f64::from(*ssim_weight),
        alpha_weight: f64::from(*alpha_weight),
    };
    let target = oracle_target(photo, mask.as_deref());
    let grad = photometric_bwd(&settings, &rendered, &target);
    compare_gradients(&what, case, &found, &render_bwd(&case.splats, &case.camera, &options(case), &grad));
    // The value shown to people leaves the alpha term out.
    let value = photometric(&Photometric { alpha_weight: 0.0, ..settings }, &rendered, &target);
    let error = (f64::from(found.loss) / value - 1.0).abs();
    assert!(error < 1e-4, "{what}: loss {}, expected {value}", found.loss);
}

pub(super) fn photometric_loss_equals_the_oracle(gpu: &Gpu) {
    let grey = [0.25, 0.5, 0.75];
    let cases = [
        ("plain", photometric_case((40, 35), 60, false, true, (0.2, 0.0), [0.0; 3])),
        ("narrow", photometric_case((3, 29), 61, false, true, (0.2, 0.0), grey)),
        ("one pixel", photometric_case((1, 1), 66, false, true, (0.2, 0.0), grey)),
        ("alpha over a background", photometric_case((33, 20), 62, false, false, (0.2, 0.7), grey)),
        ("masked", photometric_case((33, 21), 63, true, false, (0.2, 0.4), grey)),
        ("pure SSIM", photometric_case((24, 24), 64, false, true, (1.0, 0.0), [1.0; 3])),
        ("pure L1", photometric_case((24, 24), 65, false, true, (0.0, 0.0), [1.0; 3])),
    ];
    for (what, case) in &cases {
        photometric_equals_oracle(gpu, what, case);
    }
}

/// As [`equals_oracle`] for scenes whose single gradient elements are small differences of large sums
/// and so ill-conditioned in f32: only the vectors are compared.
fn equals_oracle_as_vectors(gpu: &Gpu, what: &str, case: &Case, pixels: f64) {
    let what = format!("{} {what}", gpu.profile().name);
    let found = run(gpu, case);
    compare_images(&what, &found, &render(&case.splats, &case.camera, &options(case)), pixels);
    let grad = render_bwd(&case.splats, &case.camera, &options(case), &linear_gradient(&case.camera, false)).splats;
    let columns = [
        ("means", floats(&grad, |s| s.gaussian.mean)),
        ("quats", floats(&grad, |s| s.gaussian.quat)),
        ("log_scales", floats(&grad, |s| s.gaussian.log_scale)),
        ("opacity_logits", floats(&grad, |s| [s.gaussian.opacity_logit])),
    ];
    for (name, expected) in &columns {
        let Errors { vector, .. } = errors(name, &found.grads[name], expected);
        eprintln!("measured: {what}: {name}: vector {vector:.1e}");
        assert!(vector <= GRADIENTS, "{what}: {name}: {vector:e}");
    }
}

/// Needles and discs, whose projected covariance is close to singular.
pub(super) fn thin_long_splats_equal_the_oracle(gpu: &Gpu) {
    let mut splats = random_splats(60, 70);
    for (i, splat) in splats.iter_mut().enumerate() {
        splat.gaussian.log_scale = if i % 2 == 0 { [-0.5, -6.0, -6.5] } else { [-1.0, -1.2, -7.0] };
        splat.gaussian.mean[2] = splat.gaussian.mean[2].abs() + 1.5;
    }
    for antialias in [false, true] {
        let case = Case { antialias, ..Case::new(splats.clone(), camera(64, 64)) };
        equals_oracle_as_vectors(gpu, &format!("thin, antialias {antialias}"), &case, 5.0 * PIXELS);
    }
}
