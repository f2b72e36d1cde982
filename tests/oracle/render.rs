//! From Gaussians to an image: project, sh, blend in a row, and the same road back.

use super::blend::{Limits, Rendered, Splat2d, blend, blend_bwd};
use super::camera::Camera;
use super::linalg::add;
use super::project::{Gaussian, GradProjected, project, project_bwd};
use super::sh::{Sh, sh_colour, sh_colour_bwd};

/// One splat as stored; also the shape of its gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Splat {
    pub(crate) gaussian: Gaussian,
    pub(crate) sh: Sh,
}

/// How to render.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderOptions {
    /// Active SH degree, 0 to 3.
    pub(crate) degree: usize,
    /// Smaller blur with opacity compensation.
    pub(crate) antialias: bool,
    /// Cut-offs of compositing.
    pub(crate) limits: Limits,
}

/// Gradient of [`render`], per splat; zero for splats that were culled.
pub(crate) struct GradRender {
    pub(crate) splats: Vec<Splat>,
    /// Gradient by the projected mean, in pixels⁻¹: density control's signal.
    pub(crate) mean2d: Vec<[f64; 2]>,
    /// Sums of absolute per-pixel gradients by the projected mean.
    pub(crate) mean2d_abs: Vec<[f64; 2]>,
}

/// Renders `splats`.
pub(crate) fn render(splats: &[Splat], camera: &Camera, options: &RenderOptions) -> Rendered {
    let (_, splats2d) = visible(splats, camera, options);
    blend(&splats2d, camera, &options.limits)
}

/// Gradient of [`render`].
pub(crate) fn render_bwd(splats: &[Splat], camera: &Camera, options: &RenderOptions, grad: &Rendered) -> GradRender {
    let (splat_from_visible, splats2d) = visible(splats, camera, options);
    let (grads2d, grads2d_abs) = blend_bwd(&splats2d, camera, &options.limits, grad);
    let mut grad_render = GradRender {
        splats: vec![Splat::default(); splats.len()],
        mean2d: vec![[0.0; 2]; splats.len()],
        mean2d_abs: vec![[0.0; 2]; splats.len()],
    };
    for (rank, &index) in splat_from_visible.iter().enumerate() {
        let Splat { gaussian, sh } = &splats[index];
        let grad2d = &grads2d[rank];
        let grad_projected =
            GradProjected { mean2d: grad2d.mean2d, conic: grad2d.conic, opacity: grad2d.opacity, depth: grad2d.depth };
        let mut grad_gaussian = project_bwd(gaussian, camera, options.antialias, &grad_projected);
        let (grad_sh, grad_mean) =
            sh_colour_bwd(&gaussian.mean, sh, options.degree, &camera.position(), &grad2d.colour);
        grad_gaussian.mean = add(&grad_gaussian.mean, &grad_mean);
        grad_render.splats[index] = Splat { gaussian: grad_gaussian, sh: grad_sh };
        grad_render.mean2d[index] = grad2d.mean2d;
        grad_render.mean2d_abs[index] = grads2d_abs[rank];
    }
    grad_render
}

/// The splats that survive culling, in index order, and which stored splat each of them is.
pub(crate) fn visible(splats: &[Splat], camera: &Camera, options: &RenderOptions) -> (Vec<usize>, Vec<Splat2d>) {
    let campos = camera.position();
    let splat2d = |splat: &Splat| {
        let projected = project(&splat.gaussian, camera, options.antialias)?;
        Some(Splat2d {
            mean2d: projected.mean2d,
            conic: projected.conic,
            opacity: projected.opacity,
            depth: projected.depth,
            colour: sh_colour(&splat.gaussian.mean, &splat.sh, options.degree, &campos),
        })
    };
    let indexed = splats.iter().enumerate();
    indexed.filter_map(|(index, splat)| Some((index, splat2d(splat)?))).unzip()
}
