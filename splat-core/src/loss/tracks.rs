//! Motion that is worth looking at: splats that move evenly ([`Smooth`]), and with their neighbours as one body
//! ([`Rigid`]). Photos do not ask for either; tracks of points do.
//!
//! Both act on the coefficients of motion at the time of the view, by the speeds that these give. Rows that hold no
//! coefficients, or only zeros, get nothing. Means are over all splats, of which those that rest have no speed, so that
//! what a splat feels does not depend on how many others rest.

mod links;
mod rigid;
mod smooth;

use bytemuck::{Pod, Zeroable};

use crate::gpu::Binding;
use crate::params::{ChunkRange, Params};
use crate::scene::{Motion, MotionColumn, TimeBasis};
use crate::stage::Frame;

pub use rigid::Rigid;
pub use smooth::Smooth;

/// Twin of `Track` in `common/track.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct TrackUniform {
    rows: [u32; 4],
    weights: [f32; 2],
    time: f32,
    _pad: u32,
}

/// One attribute that moves, as a kernel sees it.
struct Moving {
    base: &'static str,
    column: &'static str,
    constants: Vec<(&'static str, u32)>,
}

/// Positions and rotations, where they move.
fn bodies(motion: &Motion) -> Vec<Moving> {
    let moving = |column: MotionColumn| {
        let (base, basis) = column.moves.filter(|(base, _)| ["means", "quats"].contains(base))?;
        let (poly, fourier, keys) = match basis {
            TimeBasis::Flow { poly, fourier } => (poly, fourier, 0),
            TimeBasis::Keyframes(count) => (0, 0, count),
        };
        let constants = vec![
            ("POLY", poly),
            ("FOURIER", fourier),
            ("KEYS", keys),
            ("TERMS", basis.terms()),
            ("WIDTH", column.width / basis.terms()),
            ("DILATES", u32::from(motion.dilates)),
        ];
        Some(Moving { base, column: column.name, constants })
    };
    motion.columns().into_iter().filter_map(moving).collect()
}

/// The chunks of the first `rows` rows, which may move, and what kernels are told of each.
fn chunks(
    params: &Params,
    frame: &Frame<'_>,
    rows: u64,
    weights: [f32; 2],
) -> impl Iterator<Item = (ChunkRange, TrackUniform)> + use<> {
    let (time, all) = (frame.uniform.time, params.rows() as u32);
    params.chunks().filter(move |chunk| u64::from(chunk.first) < rows).map(move |chunk| {
        let own = u64::from(chunk.rows).min(rows - u64::from(chunk.first)) as u32;
        let uniform = TrackUniform { rows: [chunk.first, own, all, rows as u32], weights, time, _pad: 0 };
        (chunk, uniform)
    })
}

/// The logarithms of the speeds of a chunk's splats, where they have their own.
fn dilations<'a>(motion: &Motion, params: &'a Params, frame: &Frame<'a>, chunk: &ChunkRange) -> Binding<'a> {
    if motion.dilates { params.column(Motion::DILATIONS).values.bind(chunk) } else { frame.scratch.spare.bind() }
}

/// Whether motion is trained in this step.
fn moves(frame: &Frame<'_>) -> bool {
    frame.phase.step >= frame.phase.motion_from
}
