//! Pressure on opacities and scales: weight × mean [Kheradmand 2024, eq. 8].

use bytemuck::{Pod, Zeroable};

use super::Loss;
use crate::gpu::Pass;
use crate::params::Params;
use crate::stage::Frame;

/// The regularizing loss on opacities and scales of all rows.
#[derive(Clone, Copy, Debug)]
pub struct Regularize {
    /// Weight of the mean opacity.
    pub opacity_weight: f32,
    /// Weight of the mean scale (world units).
    pub scale_weight: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RegularizeUniform {
    length: u32,
    halt_index: u32,
    is_opacity: u32,
    weight: f32,
}

impl Loss for Regularize {
    fn name(&self) -> &'static str {
        "regularize"
    }

    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        pass.stage("loss.regularize");
        let kernel = pass.gpu().kernel("loss/regularize", &[]);
        for (name, is_opacity, weight) in
            [("opacity_logits", 1, self.opacity_weight), ("log_scales", 0, self.scale_weight)]
        {
            let column = params.column(name);
            let width = column.spec.decoded_width();
            if weight == 0.0 {
                continue;
            }
            for chunk in params.chunks() {
                let length = chunk.rows * width;
                let uniform = RegularizeUniform {
                    length,
                    halt_index: params.rows() as u32 + 1,
                    is_opacity,
                    weight: weight / (params.rows() as f32 * width as f32),
                };
                kernel.run(
                    pass,
                    pass.gpu().profile().flat_groups(u64::from(length)),
                    &uniform,
                    &[
                        ("order", frame.scratch.order.bind()),
                        ("values", column.decoded(&frame.phase).bind(&chunk)),
                        ("grad", column.decoded_grads().bind(&chunk)),
                    ],
                );
            }
        }
    }
}
