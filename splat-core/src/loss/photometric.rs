//! Difference between rendering and photo: (1 − λ) L1 + λ (1 − SSIM), and optionally alpha
//! [Kerbl 2023, eq. 7; Wang 2004].
//!
//! Writes the image gradient (it is the only loss on the image and runs first) and leaves its value
//! in [`LossBuffers::parts`].

use bytemuck::{Pod, Zeroable};

use super::Loss;
use crate::gpu::layout::LOSS_PARTS;
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::Params;
use crate::stage::{Frame, Target};

/// Planes the loss works in, for images up to a number of pixels; one colour channel at a time.
#[derive(Debug)]
pub struct LossBuffers {
    pairs: Buf<[f32; 2]>,
    moments: Buf<f32>,
    partials: Buf<f32>,
    loss_map: Buf<f32>,
    /// Sums of the loss over shares of the image and all channels. [`LOSS_PARTS`]
    pub parts: Buf<f32>,
}

impl LossBuffers {
    /// Allocates for images of up to `pixels`.
    pub fn new(gpu: &Gpu, pixels: u64) -> Self {
        LossBuffers {
            pairs: Buf::new(gpu, "pairs", pixels),
            moments: Buf::new(gpu, "moments", 5 * pixels),
            partials: Buf::new(gpu, "partials", 3 * pixels),
            loss_map: Buf::new(gpu, "loss map", pixels),
            parts: Buf::new(gpu, "loss parts", u64::from(LOSS_PARTS)),
        }
    }

    /// Mean loss of an image of this size, from the parts.
    pub fn mean(parts: &[f32], pixels: u64) -> f32 {
        (parts.iter().map(|&part| f64::from(part)).sum::<f64>() / (3 * pixels) as f64) as f32
    }
}

/// Outputs a lane makes along a line, as in `common/photometric.wgsl`.
const STRIP: u32 = 4;

/// The photometric loss.
#[derive(Debug)]
pub struct Photometric {
    /// λ of 1 − SSIM.
    pub ssim_weight: f32,
    /// Weight of the mean absolute difference in alpha.
    pub alpha_weight: f32,
    /// Working planes.
    pub buffers: std::sync::Arc<LossBuffers>,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PhotometricUniform {
    width: u32,
    height: u32,
    channel: u32,
    has_mask: u32,
    background: [f32; 4],
    l1_weight: f32,
    ssim_weight: f32,
    alpha_weight: f32,
    reciprocal_width: f32,
    strips: u32,
    reciprocal_strips: f32,
    _pad: [u32; 2],
}

impl Photometric {
    fn uniform(&self, frame: &Frame<'_>, target: &Target, channel: u32) -> PhotometricUniform {
        let [r, g, b] = target.background;
        let strips = frame.uniform.size[0].div_ceil(STRIP);
        PhotometricUniform {
            width: frame.uniform.size[0],
            height: frame.uniform.size[1],
            channel,
            has_mask: u32::from(target.has_mask),
            background: [r, g, b, 0.0],
            l1_weight: 1.0 - self.ssim_weight,
            ssim_weight: self.ssim_weight,
            alpha_weight: self.alpha_weight,
            reciprocal_width: 1.0 / frame.uniform.size[0] as f32,
            strips,
            reciprocal_strips: 1.0 / strips as f32,
            _pad: [0; 2],
        }
    }
}

impl Loss for Photometric {
    fn name(&self) -> &'static str {
        "photometric"
    }

    fn add(&self, pass: &mut Pass<'_>, _: &Params, frame: &mut Frame<'_>) {
        let Some(target) = frame.target else { return };
        pass.stage("loss.photometric");
        let (gpu, scratch, planes) = (pass.gpu(), frame.scratch, &self.buffers);
        let pixels = u64::from(frame.uniform.size[0]) * u64::from(frame.uniform.size[1]);
        let groups = gpu.profile().flat_groups(pixels);
        let (rendered, photo, mask) = (scratch.rendered.bind(), target.photo.bind(), target.mask.bind());
        let (pairs, moments, partials) = (planes.pairs.bind(), planes.moments.bind(), planes.partials.bind());
        for channel in 0..3 {
            let uniform = self.uniform(frame, target, channel);
            let mut run = |name: &str, buffers: &[(&str, crate::gpu::Binding<'_>)]| {
                gpu.kernel(name, &[]).run(pass, groups, &uniform, buffers)
            };
            run(
                "loss/photometric_compose",
                &[("rendered", rendered), ("photo", photo), ("mask", mask), ("pairs", pairs)],
            );
            run("loss/photometric_moments", &[("pairs", pairs), ("moments", moments)]);
            run(
                "loss/photometric_ssim",
                &[("pairs", pairs), ("moments", moments), ("partials", partials), ("loss_map", planes.loss_map.bind())],
            );
            // The moments have been used; their planes take the spread partials.
            run("loss/photometric_spread", &[("partials", partials), ("spread", moments)]);
            run(
                "loss/photometric_grad",
                &[
                    ("pairs", pairs),
                    ("spread", moments),
                    ("rendered", rendered),
                    ("photo", photo),
                    ("mask", mask),
                    ("grad_rendered", scratch.grad_rendered.bind()),
                ],
            );
        }
        gpu.kernel("loss/photometric_sum", &[]).run(
            pass,
            LOSS_PARTS / gpu.profile().workgroup,
            &self.uniform(frame, target, 0),
            &[("loss_map", planes.loss_map.bind()), ("loss_parts", planes.parts.bind())],
        );
    }
}
