//! Pressure on neighbours to move as one body.

use super::super::Loss;
use super::links::{BYTES_PER_ROW, Links, NEAR};
use super::{Moving, TrackUniform, bodies, chunks, dilations, moves};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Pass};
use crate::params::{ChunkRange, Params};
use crate::scene::Motion;
use crate::stage::Frame;

/// Rows that may move, and what kernels are told of them.
type Chunk = (ChunkRange, TrackUniform);

/// Weight × mean over splats of Σ u |v_j − v_i − ω_i × (x_j − x_i)|² over the eight neighbours j that move too: by how
/// much these stray from the body that the splat's own motion describes. u falls with the distance, as e^(−|d|² / 2 d̄²)
/// where d̄ is the mean distance of neighbours.
///
/// Neighbours are found on the host when the population has changed, where splats are in the middle of the clip.
#[derive(Debug)]
pub struct Rigid {
    motion: Motion,
    weight: f32,
    links: Option<Links>,
}

impl Rigid {
    /// The loss; `weight` is by the square of world units per clip. Nobody has neighbours yet.
    pub fn new(motion: Motion, weight: f32) -> Self {
        Rigid { motion, weight, links: None }
    }

    /// Finds neighbours among the splats that move.
    fn find(&self, gpu: &Gpu, params: &Params) -> Result<Vec<u32>> {
        let Some(moving) = bodies(&self.motion).into_iter().find(|moving| moving.base == "means") else {
            return Ok(Vec::new());
        };
        let column = params.column(moving.column);
        let rows = column.values.rows().min(gpu.info().max_binding_bytes / BYTES_PER_ROW) as usize;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let width = column.spec.width as usize;
        let (means, coefficients) = (params.column("means").values.read(gpu)?, column.values.read(gpu)?);
        let functions = self.motion.means.values(0.0);
        let moves: Vec<bool> =
            coefficients.chunks_exact(width).take(rows).map(|own| own.iter().any(|&value| value != 0.0)).collect();
        let place = |(mean, own): (&[f32; 3], &[f32])| {
            let mut place = *mean;
            for (value, own) in place.iter_mut().zip(own.chunks_exact(functions.len())) {
                *value += own.iter().zip(&functions).map(|(&c, f)| f64::from(c) * f).sum::<f64>() as f32;
            }
            place
        };
        let means = means.as_chunks::<3>().0;
        let places: Vec<[f32; 3]> = means.iter().zip(coefficients.chunks_exact(width)).take(rows).map(place).collect();
        Ok(Links::find(&places, &moves))
    }
}

impl Loss for Rigid {
    fn name(&self) -> &'static str {
        "rigid"
    }

    fn population_changed(&mut self, gpu: &Gpu, params: &Params) -> Result<()> {
        // Buffers of before are not held beside the new ones.
        self.links = None;
        self.links = Links::of(gpu, self.find(gpu, params)?);
        Ok(())
    }

    fn state(&self) -> Vec<u32> {
        self.links.as_ref().map(|links| links.state.clone()).unwrap_or_default()
    }

    fn restore(&mut self, gpu: &Gpu, state: &[u32]) -> Result<()> {
        let links = Links::of(gpu, state.to_vec());
        if links.is_none() && !state.is_empty() {
            return Err(Error::input("checkpoint", "holds no lists of neighbours where it should", "delete it"));
        }
        self.links = links;
        Ok(())
    }

    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        let Some(links) = self.links.as_ref().filter(|_| moves(frame)) else { return };
        let bodies = bodies(&self.motion);
        let rows = u64::from(links.rows);
        if bodies.iter().any(|moving| params.column(moving.column).values.rows() < rows) {
            return;
        }
        pass.stage("loss.rigid");
        let weights = [2.0 * self.weight / params.rows() as f32, links.reach];
        let chunks: Vec<_> = chunks(params, frame, rows, weights).collect();
        for moving in &bodies {
            self.measure(pass, params, frame, moving, &chunks);
        }
        if let Some((_, uniform)) = chunks.first() {
            pass.gpu().kernel("loss/rigid", &[("NEAR", NEAR as u32)]).run(
                pass,
                pass.gpu().profile().flat_groups(params.rows()),
                uniform,
                &[
                    ("order", frame.scratch.order.bind()),
                    ("links", links.lists.bind()),
                    ("paths", links.paths.bind()),
                    ("turns", links.turns.bind()),
                    ("pulls", links.pulls.bind()),
                ],
            );
        }
        for moving in &bodies {
            self.pull(pass, params, frame, moving, &chunks);
        }
    }
}

impl Rigid {
    /// Records where an attribute is and how fast it changes.
    fn measure(&self, pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>, moving: &Moving, chunks: &[Chunk]) {
        let Some(links) = &self.links else { return };
        let splats = frame.splats();
        let (now, states) = match moving.base {
            "means" => (&splats.means, &links.paths),
            _ => (&splats.quats, &links.turns),
        };
        let kernel = pass.gpu().kernel("loss/rigid_speed", &moving.constants);
        for (chunk, uniform) in chunks {
            kernel.run(
                pass,
                pass.gpu().profile().flat_groups(u64::from(uniform.rows[1])),
                uniform,
                &[
                    ("now", now.bind(chunk)),
                    ("coefficients", params.column(moving.column).decoded(&frame.phase).bind(chunk)),
                    ("dilations", dilations(&self.motion, params, frame, chunk)),
                    ("states", states.bind()),
                ],
            );
        }
    }

    /// Records what the coefficients of an attribute get.
    fn pull(&self, pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>, moving: &Moving, chunks: &[Chunk]) {
        let Some(links) = &self.links else { return };
        let part = u32::from(moving.base == "quats");
        let constants = [moving.constants.as_slice(), &[("PART", part)]].concat();
        let kernel = pass.gpu().kernel("loss/rigid_pull", &constants);
        for (chunk, uniform) in chunks {
            kernel.run(
                pass,
                pass.gpu().profile().flat_groups(params.rows()),
                uniform,
                &[
                    ("order", frame.scratch.order.bind()),
                    ("pulls", links.pulls.bind()),
                    ("dilations", dilations(&self.motion, params, frame, chunk)),
                    ("grads", params.column(moving.column).decoded_grads().bind(chunk)),
                ],
            );
        }
    }
}
