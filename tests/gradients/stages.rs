//! Each stage alone, against a fixed linear function of its outputs.

use super::{assert_gradient, noise, small_camera, small_scene};
use crate::oracle::blend::{Limits, Rendered, Splat2d, blend, blend_bwd};
use crate::oracle::camera::Camera;
use crate::oracle::linalg::{dot, normalize, normalize_bwd};
use crate::oracle::photometric::{ssim, ssim_bwd};
use crate::oracle::project::{Gaussian, GradProjected, project, project_bwd};
use crate::oracle::sh::{REST, Sh, sh_colour, sh_colour_bwd};

/// The loss `Σ coefficient · output` as its own gradient.
const GRAD_PROJECTED: GradProjected =
    GradProjected { mean2d: [0.3, -0.7], conic: [1.1, -0.6, 0.8], opacity: 0.9, depth: -0.4 };

fn gaussian_numbers(gaussian: &Gaussian) -> Vec<f64> {
    let Gaussian { mean, quat, log_scale, opacity_logit } = gaussian;
    [&mean[..], quat, log_scale, &[*opacity_logit]].concat()
}

fn gaussian_from(numbers: &[f64]) -> Gaussian {
    Gaussian {
        mean: [0, 1, 2].map(|i| numbers[i]),
        quat: [3, 4, 5, 6].map(|i| numbers[i]),
        log_scale: [7, 8, 9].map(|i| numbers[i]),
        opacity_logit: numbers[10],
    }
}

fn projected_loss(gaussian: &Gaussian, camera: &Camera, antialias: bool) -> f64 {
    let Some(projected) = project(gaussian, camera, antialias) else {
        panic!("a Gaussian of this test was culled: {gaussian:?}");
    };
    dot(&projected.mean2d, &GRAD_PROJECTED.mean2d)
        + dot(&projected.conic, &GRAD_PROJECTED.conic)
        + projected.opacity * GRAD_PROJECTED.opacity
        + projected.depth * GRAD_PROJECTED.depth
}

fn assert_projection(what: &str, gaussian: &Gaussian, antialias: bool) {
    let camera = small_camera();
    let grad = project_bwd(gaussian, &camera, antialias, &GRAD_PROJECTED);
    let what = format!("{what}, antialias {antialias}");
    assert_gradient(&what, &gaussian_numbers(gaussian), &gaussian_numbers(&grad), |numbers| {
        projected_loss(&gaussian_from(numbers), &camera, antialias)
    });
}

#[test]
fn project_is_differentiated() {
    for (index, splat) in small_scene().iter().enumerate() {
        for antialias in [false, true] {
            assert_projection(&format!("project, splat {index}"), &splat.gaussian, antialias);
        }
    }
}

#[test]
fn project_is_differentiated_where_the_jacobian_is_clamped() {
    let base = small_scene()[0].gaussian;
    for mean in [[2.6, 0.1, 2.5], [0.2, -2.9, 3.0], [-2.9, 2.7, 2.8]] {
        let gaussian = Gaussian { mean, log_scale: [0.2, 0.1, 0.4], ..base };
        for antialias in [false, true] {
            assert_projection("project, clamped", &gaussian, antialias);
        }
    }
}

#[test]
fn compensation_has_no_gradient_on_its_floor() {
    // A needle whose footprint without blur is all but a line: det ratio below the floor.
    let gaussian = Gaussian {
        mean: [0.0, 0.0, 2.0],
        quat: [1.0, 0.0, 0.0, 0.0],
        log_scale: [-2.0, -9.5, -9.5],
        opacity_logit: 6.0,
    };
    let camera = small_camera();
    let grad = GradProjected { opacity: 1.0, ..GradProjected::default() };
    let floor = 2.5e-5_f64.sqrt();
    let Some(projected) = project(&gaussian, &camera, true) else {
        panic!("the floor keeps this splat above the visibility threshold");
    };
    assert!((projected.opacity / floor - 1.0).abs() < 0.01, "opacity {}", projected.opacity);
    let grad = project_bwd(&gaussian, &camera, true, &grad);
    assert_eq!(grad.log_scale, [0.0; 3]);
    assert!(grad.opacity_logit > 0.0);
}

#[test]
fn normalization_is_differentiated() {
    let (v, weights) = ([0.3, -1.2, 0.7, 2.0], [0.5, 0.1, -0.8, 0.3]);
    assert_gradient("normalize", &v, &normalize_bwd(&v, &weights), |v| {
        dot(&normalize(&[v[0], v[1], v[2], v[3]]), &weights)
    });
}

#[test]
fn sh_is_differentiated_at_every_degree() {
    let (campos, grad_colour) = ([0.2, -0.3, 0.1], [0.6, -0.9, 0.4]);
    let splat = small_scene()[2];
    let split = |numbers: &[f64]| {
        let rest = std::array::from_fn(|k| [0, 1, 2].map(|c| numbers[6 + 3 * k + c]));
        let sh = Sh { sh0: [3, 4, 5].map(|i| numbers[i]), rest };
        ([numbers[0], numbers[1], numbers[2]], sh)
    };
    let join = |mean: &[f64; 3], sh: &Sh| [&mean[..], &sh.sh0, sh.rest.as_flattened()].concat();
    for degree in 0..=3 {
        let mean = splat.gaussian.mean;
        let (grad_sh, grad_mean) = sh_colour_bwd(&mean, &splat.sh, degree, &campos, &grad_colour);
        let what = format!("sh, degree {degree}");
        assert_gradient(&what, &join(&mean, &splat.sh), &join(&grad_mean, &grad_sh), |numbers| {
            let (mean, sh) = split(numbers);
            dot(&sh_colour(&mean, &sh, degree, &campos), &grad_colour)
        });
        let active = (degree + 1) * (degree + 1) - 1;
        assert!(grad_sh.rest[active..].iter().all(|grad| *grad == [0.0; 3]));
    }
    assert_eq!(splat.sh.rest.len(), REST);
}

/// A few splats in image space; the last is clamped in the pixel at its centre and, by a margin,
/// nowhere else.
fn flat_splats() -> Vec<Splat2d> {
    let splat = |mean2d, conic, opacity, depth, colour| Splat2d { mean2d, conic, opacity, depth, colour };
    vec![
        splat([6.3, 5.1], [0.09, 0.02, 0.14], 0.7, 3.0, [0.9, 0.2, 0.4]),
        splat([9.8, 8.4], [0.05, -0.03, 0.11], 0.5, 2.0, [0.1, 0.8, 0.3]),
        splat([12.6, 9.2], [0.12, 0.04, 0.06], 0.9, 4.0, [0.5, 0.5, 1.2]),
        splat([4.45, 12.55], [0.3, 0.05, 0.4], 1.1, 2.5, [0.7, 0.1, 0.2]),
    ]
}

fn flat_numbers(splats: &[Splat2d]) -> Vec<f64> {
    let numbers = |s: &Splat2d| [&s.mean2d[..], &s.conic, &[s.opacity, s.depth], &s.colour].concat();
    splats.iter().flat_map(numbers).collect()
}

fn flat_from(numbers: &[f64]) -> Vec<Splat2d> {
    let splat = |n: &[f64]| Splat2d {
        mean2d: [n[0], n[1]],
        conic: [n[2], n[3], n[4]],
        opacity: n[5],
        depth: n[6],
        colour: [n[7], n[8], n[9]],
    };
    numbers.chunks_exact(10).map(splat).collect()
}

fn fixed_grad(pixels: usize) -> Rendered {
    Rendered {
        rgb: (0..pixels).map(|p| [0, 1, 2].map(|c| noise(7 * p + c))).collect(),
        transmittance: (0..pixels).map(|p| noise(7 * p + 3)).collect(),
        depth: (0..pixels).map(|p| noise(7 * p + 4)).collect(),
    }
}

fn linear_loss(rendered: &Rendered, grad: &Rendered) -> f64 {
    (0..grad.depth.len())
        .map(|p| {
            dot(&rendered.rgb[p], &grad.rgb[p])
                + rendered.transmittance[p] * grad.transmittance[p]
                + rendered.depth[p] * grad.depth[p]
        })
        .sum()
}

#[test]
fn blend_is_differentiated_in_colour_transmittance_and_depth() {
    let camera = small_camera();
    let grad = fixed_grad(camera.width * camera.height);
    let splats = flat_splats();
    let (grad_splats, _) = blend_bwd(&splats, &camera, &Limits::SMOOTH, &grad);
    assert_gradient("blend", &flat_numbers(&splats), &flat_numbers(&grad_splats), |numbers| {
        linear_loss(&blend(&flat_from(numbers), &camera, &Limits::SMOOTH), &grad)
    });
}

#[test]
fn clamped_alpha_has_no_gradient() {
    let camera = Camera { width: 1, height: 1, ..small_camera() };
    let splat = Splat2d { mean2d: [0.6, 0.5], opacity: 1.2, ..flat_splats()[0] };
    let (grads, abs) = blend_bwd(&[splat], &camera, &Limits::RENDERING, &fixed_grad(1));
    assert_eq!((grads[0].opacity, grads[0].mean2d, grads[0].conic), (0.0, [0.0; 2], [0.0; 3]));
    assert_eq!(abs[0], [0.0; 2]);
    assert!(dot(&grads[0].colour, &grads[0].colour) > 0.0);
}

#[test]
fn absolute_gradient_sums_the_pixels_own_gradients() {
    let camera = small_camera();
    let splats = flat_splats();
    let grad = fixed_grad(camera.width * camera.height);
    let (_, abs) = blend_bwd(&splats, &camera, &Limits::SMOOTH, &grad);
    let mut expected = vec![[0.0; 2]; splats.len()];
    for p in 0..grad.rgb.len() {
        let mut single = fixed_grad(0);
        single.rgb = vec![[0.0; 3]; grad.rgb.len()];
        (single.transmittance, single.depth) = (vec![0.0; grad.rgb.len()], vec![0.0; grad.rgb.len()]);
        single.rgb[p] = grad.rgb[p];
        single.transmittance[p] = grad.transmittance[p];
        single.depth[p] = grad.depth[p];
        let (grads, _) = blend_bwd(&splats, &camera, &Limits::SMOOTH, &single);
        for (sum, grad) in expected.iter_mut().zip(grads) {
            *sum = [sum[0] + grad.mean2d[0].abs(), sum[1] + grad.mean2d[1].abs()];
        }
    }
    for (sum, expected) in abs.iter().zip(&expected) {
        for axis in 0..2 {
            assert!((sum[axis] / expected[axis] - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn ssim_is_differentiated() {
    let pixels = |offset: usize| -> Vec<[f64; 3]> {
        (0..20 * 18).map(|p| [0, 1, 2].map(|c| 0.5 + 0.4 * noise(offset + 3 * p + c))).collect()
    };
    let (x, y) = (pixels(0), pixels(4000));
    let grad = ssim_bwd(&x, &y, 20);
    assert_gradient("ssim", x.as_flattened(), grad.as_flattened(), |numbers| {
        let (x, _) = numbers.as_chunks::<3>();
        ssim(x, &y, 20)
    });
}
