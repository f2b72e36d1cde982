//! The whole chain: project, sh, blend and the photometric loss, differentiated by every stored
//! number.

use super::{assert_gradient, flatten, noise, small_camera, small_scene, smooth_options, unflatten};
use crate::oracle::blend::Rendered;
use crate::oracle::camera::Camera;
use crate::oracle::linalg::dot;
use crate::oracle::photometric::{Photometric, Target, photometric, photometric_bwd};
use crate::oracle::project::Gaussian;
use crate::oracle::render::{RenderOptions, Splat, render, render_bwd};

/// A loss over a rendered image: photometric plus a fixed linear function of the depth image.
struct Loss {
    photometric: Photometric,
    target: Target,
    depth_weight: f64,
}

impl Loss {
    /// The loss most tests use; its target keeps a distance of at least 0.05 from the prediction.
    fn new(splats: &[Splat], camera: &Camera, options: &RenderOptions) -> Self {
        let photometric =
            Photometric { width: camera.width, background: [0.2, 0.5, 0.8], ssim_weight: 0.2, alpha_weight: 0.0 };
        let rendered = render(splats, camera, options);
        let target = distant_target(&photometric, &rendered);
        Self { photometric, target, depth_weight: 0.0 }
    }

    fn value(&self, rendered: &Rendered) -> f64 {
        let depth: f64 = rendered.depth.iter().enumerate().map(|(p, depth)| self.depth_grad(p) * depth).sum();
        photometric(&self.photometric, rendered, &self.target) + depth
    }

    fn gradient(&self, rendered: &Rendered) -> Rendered {
        let mut grad = photometric_bwd(&self.photometric, rendered, &self.target);
        for (p, depth) in grad.depth.iter_mut().enumerate() {
            *depth += self.depth_grad(p);
        }
        grad
    }

    fn depth_grad(&self, pixel: usize) -> f64 {
        self.depth_weight * noise(5000 + pixel) / self.target.alpha.len() as f64
    }
}

/// A target that differs from the prediction by 0.05 to 0.3 in every channel and in coverage.
fn distant_target(settings: &Photometric, rendered: &Rendered) -> Target {
    let away = |index: usize| {
        let offset = noise(index);
        offset.signum() * (0.05 + 0.25 * offset.abs())
    };
    let pixels = rendered.rgb.len();
    let alpha: Vec<f64> = (0..pixels).map(|p| 1.0 - rendered.transmittance[p] + away(9000 + p)).collect();
    let channel = |p: usize, c: usize| {
        let background = settings.background[c];
        let predicted = rendered.rgb[p][c] + rendered.transmittance[p] * background;
        predicted + away(3 * p + c) - (1.0 - alpha[p]) * background
    };
    let rgb = (0..pixels).map(|p| [0, 1, 2].map(|c| channel(p, c))).collect();
    Target { rgb, alpha, weight: vec![1.0; pixels] }
}

fn assert_chain(what: &str, splats: &[Splat], options: &RenderOptions, loss: &Loss) {
    let camera = small_camera();
    let grad_rendered = loss.gradient(&render(splats, &camera, options));
    let grad = render_bwd(splats, &camera, options, &grad_rendered);
    assert_gradient(what, &flatten(splats), &flatten(&grad.splats), |params| {
        loss.value(&render(&unflatten(params), &camera, options))
    });
}

#[test]
fn chain_is_differentiated_at_every_sh_degree_with_and_without_antialiasing() {
    for degree in 0..=3 {
        for antialias in [false, true] {
            let (splats, options) = (small_scene(), smooth_options(degree, antialias));
            let loss = Loss::new(&splats, &small_camera(), &options);
            let what = format!("chain, degree {degree}, antialias {antialias}");
            assert_chain(&what, &splats, &options, &loss);
        }
    }
}

#[test]
fn depth_image_is_differentiated() {
    let (splats, options) = (small_scene(), smooth_options(1, false));
    let mut loss = Loss::new(&splats, &small_camera(), &options);
    loss.depth_weight = 0.7;
    assert_chain("chain with depth", &splats, &options, &loss);
}

#[test]
fn coverage_term_is_differentiated() {
    let (splats, options) = (small_scene(), smooth_options(1, true));
    let mut loss = Loss::new(&splats, &small_camera(), &options);
    loss.photometric.alpha_weight = 0.6;
    assert_chain("chain with coverage", &splats, &options, &loss);
}

#[test]
fn mask_is_differentiated() {
    let (splats, options) = (small_scene(), smooth_options(1, false));
    let mut loss = Loss::new(&splats, &small_camera(), &options);
    loss.photometric.alpha_weight = 0.3;
    for (p, weight) in loss.target.weight.iter_mut().enumerate() {
        *weight = [0.0, 0.35, 1.0][p % 3];
    }
    assert_chain("chain with mask", &splats, &options, &loss);
}

#[test]
fn pure_ssim_and_pure_l1_are_differentiated() {
    let (splats, options) = (small_scene(), smooth_options(0, false));
    for ssim_weight in [0.0, 1.0] {
        let mut loss = Loss::new(&splats, &small_camera(), &options);
        loss.photometric.ssim_weight = ssim_weight;
        assert_chain(&format!("chain, ssim weight {ssim_weight}"), &splats, &options, &loss);
    }
}

#[test]
fn splats_beside_the_image_are_differentiated_through_the_clamped_jacobian() {
    let mut splats = small_scene();
    // Slopes far beyond 1.3 half-images in x and in y: large enough to reach into the image all the
    // same.
    splats[1].gaussian = Gaussian { mean: [2.2, 0.1, 2.5], log_scale: [-0.2, -0.5, -0.3], ..splats[1].gaussian };
    splats[2].gaussian = Gaussian { mean: [0.2, -2.4, 3.1], log_scale: [-0.1, 0.0, -0.4], ..splats[2].gaussian };
    for antialias in [false, true] {
        let options = smooth_options(1, antialias);
        let mut loss = Loss::new(&splats, &small_camera(), &options);
        loss.depth_weight = 0.4;
        assert_chain(&format!("clamped, antialias {antialias}"), &splats, &options, &loss);
    }
}

#[test]
fn colour_clamped_at_zero_has_no_gradient() {
    let mut splats = small_scene();
    splats[0].sh.sh0[1] = -4.0;
    let options = smooth_options(2, false);
    let loss = Loss::new(&splats, &small_camera(), &options);
    assert_chain("black channel", &splats, &options, &loss);

    let grad_rendered = loss.gradient(&render(&splats, &small_camera(), &options));
    let grad = render_bwd(&splats, &small_camera(), &options, &grad_rendered).splats;
    assert_eq!(grad[0].sh.sh0[1], 0.0);
    assert_eq!(grad[0].sh.rest.map(|coefficient| coefficient[1]), [0.0; 15]);
}

#[test]
fn culled_splats_have_no_gradient_and_do_not_disturb_the_others() {
    let camera = small_camera();
    let options = smooth_options(1, false);
    let splats = small_scene();
    let loss = Loss::new(&splats, &camera, &options);
    let grad_rendered = loss.gradient(&render(&splats, &camera, &options));
    let alone = render_bwd(&splats, &camera, &options, &grad_rendered);

    let mut crowd = splats.clone();
    let mut behind = splats[0];
    behind.gaussian.mean[2] = -3.0;
    let mut broken = splats[1];
    broken.gaussian.log_scale[0] = f64::NAN;
    crowd.splice(1..1, [behind, broken]);
    let together = render_bwd(&crowd, &camera, &options, &grad_rendered);
    assert_eq!(together.splats[1], Splat::default());
    assert_eq!(together.splats[2], Splat::default());
    assert_eq!([&together.splats[..1], &together.splats[3..]].concat(), alone.splats);
}

#[test]
fn gradient_by_the_mean_is_bounded_by_its_absolute_sum() {
    let (camera, splats, options) = (small_camera(), small_scene(), smooth_options(1, false));
    let loss = Loss::new(&splats, &camera, &options);
    let grad_rendered = loss.gradient(&render(&splats, &camera, &options));
    let grad = render_bwd(&splats, &camera, &options, &grad_rendered);
    for (sum, abs_sum) in grad.mean2d.iter().zip(&grad.mean2d_abs) {
        assert!(dot(sum, sum) > 0.0);
        for axis in 0..2 {
            assert!(sum[axis].abs() < abs_sum[axis], "{sum:?} versus {abs_sum:?}");
        }
    }
}
