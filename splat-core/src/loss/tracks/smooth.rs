//! Pressure on motion to be slow and even.

use super::super::Loss;
use super::{bodies, chunks, dilations, moves};
use crate::gpu::Pass;
use crate::params::Params;
use crate::scene::Motion;
use crate::stage::Frame;

/// Weight × mean square of velocity and of acceleration, per clip, at the time of the view: the closed form of a
/// difference between two times close by. Over the views of a clip that is its smoothness; between keyframes, where
/// motion is straight, the velocity alone counts [Park 2023].
#[derive(Clone, Copy, Debug)]
pub struct Smooth {
    /// How splats move.
    pub motion: Motion,
    /// Weights of the velocities of positions and of rotations.
    pub velocity: [f32; 2],
    /// Weights of their accelerations.
    pub acceleration: [f32; 2],
}

impl Loss for Smooth {
    fn name(&self) -> &'static str {
        "smooth"
    }

    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        if !moves(frame) {
            return;
        }
        pass.stage("loss.smooth");
        let gpu = pass.gpu();
        for moving in bodies(&self.motion) {
            let part = usize::from(moving.base == "quats");
            // The gradient of w |v|² / N is 2 w / N times v.
            let weights = [self.velocity[part], self.acceleration[part]].map(|w| 2.0 * w / params.rows() as f32);
            if weights == [0.0; 2] {
                continue;
            }
            let kernel = gpu.kernel("loss/smooth", &moving.constants);
            let column = params.column(moving.column);
            for (chunk, uniform) in chunks(params, frame, column.values.rows(), weights) {
                kernel.run(
                    pass,
                    gpu.profile().flat_groups(params.rows()),
                    &uniform,
                    &[
                        ("order", frame.scratch.order.bind()),
                        ("coefficients", column.decoded(&frame.phase).bind(&chunk)),
                        ("dilations", dilations(&self.motion, params, frame, &chunk)),
                        ("grads", column.decoded_grads().bind(&chunk)),
                    ],
                );
            }
        }
    }
}
