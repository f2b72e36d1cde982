//! What each splat gives to the pixels of a view: Σ α T, as composited [Girish 2024, EAGLES].
//!
//! No pixel is kept and nothing is composited: each tile leaves one sum per intersection in the memory that sorting is
//! done with, and each splat adds its own up in slot order, as the backward pass does.

use super::{band_uniform, tile_groups};
use crate::gpu::{Buf, Pass};
use crate::stage::Frame;

/// Records the sum of each splat of the tiles of a band.
pub(super) fn sum_by_tile(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32)) {
    pass.stage("rasterize.influence");
    let (gpu, scratch) = (pass.gpu(), frame.scratch);
    let name = if gpu.profile().subgroups { "rasterize/influence" } else { "rasterize/influence_min" };
    gpu.kernel(name, &[]).run(
        pass,
        tile_groups(gpu, frame, band),
        &band_uniform(frame, band),
        &[
            ("isect_offsets", scratch.isect_offsets.bind()),
            ("row_of_isect", scratch.row_of_isect.bind()),
            ("projected", scratch.projected.bind()),
            ("slots", scratch.slots.bind()),
        ],
    );
}

/// Records the addition of a band's sums to those of the rows.
pub(super) fn gather(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32), influence: &Buf<f32>) {
    pass.stage("rasterize.influence_gather");
    let (gpu, scratch) = (pass.gpu(), frame.scratch);
    gpu.kernel("rasterize/influence_gather", &[]).run(
        pass,
        frame.row_groups(gpu),
        &band_uniform(frame, band),
        &[
            ("order", scratch.order.bind()),
            ("slot_base", scratch.slot_base.bind()),
            ("isect_of_slot", scratch.isect_of_slot.bind()),
            ("slots", scratch.slots.bind()),
            ("influence", influence.bind()),
        ],
    );
}
