//! The differentiable tile rasterizer [Kerbl 2023], made deterministic.
//!
//! project → depth sort → intersect → emit → tile sort → blend, and back through one slot per
//! intersection, summed in a fixed order. Departures from the paper, each in its kernel's card: tiles
//! of 8 × 16 that map to one subgroup, exact ellipse–tile tests, depth sort before tile sort, no
//! atomics. Nothing is read back: counts stay on the device, and when intersections exceed capacity
//! the rest of the step leaves everything as it was and says so in a counter.

mod influence;
pub mod scan;
mod scratch;
pub mod sort;

pub use scratch::{Capacity, Scratch};

use self::scan::Total;
use self::sort::{KeyCount, SortBuffers, SortJob};
use super::{Frame, Stage};
use crate::gpu::layout::{DEPTH_BITS, FrameUniform, counter};
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::Params;

/// What the rasterizer makes of the splats of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blending {
    /// Their colours, composited front to back: what is trained.
    #[default]
    Composite,
    /// Their number in the red channel, up to where the pixel is opaque. Depth is left alone.
    Overdraw,
    /// The nearest of them, drawn as a solid ellipsoid. Depth is left alone.
    Ellipsoids,
}

/// The rasterize stage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rasterize {
    /// What becomes of the splats of a pixel.
    pub blending: Blending,
}

fn bands(frame: &Frame<'_>) -> Vec<(u32, u32)> {
    let rows = frame.uniform.size[3];
    let count = frame.scratch.capacity.bands.min(rows.max(1));
    (0..count).map(|band| (band * rows / count, (band + 1) * rows / count)).collect()
}

fn band_uniform(frame: &Frame<'_>, band: (u32, u32)) -> FrameUniform {
    let mut uniform = frame.uniform;
    (uniform.band[0], uniform.band[1]) = band;
    uniform
}

fn permutation(frame: &Frame<'_>) -> [(&'static str, u32); 3] {
    let (depth, abs_grad) = (u32::from(frame.with_depth), u32::from(frame.with_abs_grad));
    [("DEPTH", depth), ("ABS_GRAD", abs_grad), ("SLOT_FLOATS", 9 + depth + 2 * abs_grad)]
}

fn tile_groups(gpu: &Gpu, frame: &Frame<'_>, band: (u32, u32)) -> u32 {
    ((band.1 - band.0) * frame.uniform.size[2]).div_ceil(gpu.profile().tiles_per_group)
}

impl Stage for Rasterize {
    fn name(&self) -> &'static str {
        "rasterize"
    }

    fn rasterizes(&self) -> bool {
        true
    }

    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        project(pass, params, frame);
        sort_by_depth(pass, frame);
        self.resume(pass, frame);
    }

    fn resume(&self, pass: &mut Pass<'_>, frame: &mut Frame<'_>) {
        for band in bands(frame) {
            bin(pass, frame, band);
            match self.blending {
                Blending::Composite => blend(pass, frame, band),
                Blending::Overdraw => inspect(pass, frame, band, 0),
                Blending::Ellipsoids => inspect(pass, frame, band, 1),
            }
        }
    }

    fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        debug_assert!(self.blending == Blending::Composite, "only compositing has a gradient");
        let bands = bands(frame);
        for &band in &bands {
            if bands.len() > 1 {
                bin(pass, frame, band);
            }
            blend_bwd(pass, frame, band);
            gather(pass, params, frame, band);
        }
        project_bwd(pass, params, frame);
    }

    fn influence(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>, influence: &Buf<f32>) {
        project(pass, params, frame);
        sort_by_depth(pass, frame);
        for band in bands(frame) {
            bin(pass, frame, band);
            influence::sum_by_tile(pass, frame, band);
            influence::gather(pass, frame, band, influence);
        }
    }
}

fn project(pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>) {
    pass.stage("rasterize.project");
    let kernel = pass.gpu().kernel("rasterize/project", &[]);
    let (splats, scratch) = (frame.splats(), frame.scratch);
    for chunk in params.chunks() {
        kernel.run(
            pass,
            pass.gpu().profile().flat_groups(u64::from(chunk.rows)),
            &frame.uniform_for(&chunk),
            &[
                ("means", splats.means.bind(&chunk)),
                ("quats", splats.quats.bind(&chunk)),
                ("log_scales", splats.log_scales.bind(&chunk)),
                ("opacity_logits", splats.opacity_logits.bind(&chunk)),
                ("features", scratch.features.bind(&chunk)),
                ("projected", scratch.projected.bind()),
                ("depth_keys", scratch.sort_keys()[0]),
            ],
        );
    }
}

fn sort_by_depth(pass: &mut Pass<'_>, frame: &Frame<'_>) {
    pass.stage("rasterize.depth_sort");
    let scratch = frame.scratch;
    let job =
        SortJob { bits: DEPTH_BITS, count: KeyCount::Fixed(frame.uniform.rows[2]), compact_to: Some(counter::VISIBLE) };
    let buffers =
        SortBuffers { keys: scratch.sort_keys(), values: scratch.sort_values(), result: Some(scratch.order.bind()) };
    scratch.depth_sort.run(pass, job, &buffers, &scratch.counters);
}

// Which splats each tile of a band shows, in depth order.
fn bin(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32)) {
    let scratch = frame.scratch;
    let uniform = band_uniform(frame, band);
    let gpu = pass.gpu();
    let isect_groups = gpu.profile().flat_groups(scratch.capacity.isects);
    pass.stage("rasterize.intersect");
    gpu.kernel("rasterize/intersect", &[]).run(
        pass,
        frame.row_groups(gpu),
        &uniform,
        &[
            ("counters", scratch.counters.bind()),
            ("order", scratch.order.bind()),
            ("projected", scratch.projected.bind()),
            ("slot_base", scratch.slot_base.bind()),
        ],
    );
    let total = Total { counter: counter::ISECTS, capacity: scratch.capacity.isects as u32 };
    scratch.slot_base_scan.run(
        pass,
        &scratch.slot_base,
        u64::from(frame.uniform.rows[2]) + 1,
        &scratch.counters,
        total,
    );
    pass.stage("rasterize.emit");
    gpu.kernel("rasterize/emit", &[]).run(
        pass,
        frame.row_groups(gpu),
        &uniform,
        &[
            ("counters", scratch.counters.bind()),
            ("projected", scratch.projected.bind()),
            ("slot_base", scratch.slot_base.bind()),
            ("order", scratch.order.bind()),
            ("tile_keys", scratch.sort_keys()[0]),
            ("row_of_slot", scratch.row_of_slot()),
        ],
    );
    pass.stage("rasterize.tile_sort");
    let tiles = (band.1 - band.0) * frame.uniform.size[2];
    // One more value than tiles: padding sorts behind the last tile.
    let bits = u32::BITS - tiles.leading_zeros();
    let job = SortJob { bits, count: KeyCount::Counter(counter::ISECTS), compact_to: None };
    let buffers = SortBuffers { keys: scratch.sort_keys(), values: scratch.sort_values(), result: None };
    scratch.tile_sort.run(pass, job, &buffers, &scratch.counters);
    let side = scratch.tile_sort.final_side(bits);
    pass.stage("rasterize.offsets");
    gpu.kernel("rasterize/offsets", &[]).run(
        pass,
        gpu.profile().flat_groups(u64::from(tiles) + 1),
        &uniform,
        &[
            ("counters", scratch.counters.bind()),
            ("tile_keys", scratch.sort_keys()[side]),
            ("isect_offsets", scratch.isect_offsets.bind()),
        ],
    );
    gpu.kernel("rasterize/order", &[]).run(
        pass,
        isect_groups,
        &uniform,
        &[
            ("counters", scratch.counters.bind()),
            ("slot_of_isect", scratch.sort_values()[side]),
            ("row_of_slot", scratch.row_of_slot()),
            ("isect_offsets", scratch.isect_offsets.bind()),
            ("row_of_isect", scratch.row_of_isect.bind()),
            ("isect_of_slot", scratch.isect_of_slot.bind()),
        ],
    );
}

fn blend(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32)) {
    pass.stage("rasterize.blend");
    let (gpu, scratch) = (pass.gpu(), frame.scratch);
    let depth = if frame.with_depth { scratch.depth.bind() } else { scratch.spare.bind() };
    gpu.kernel("rasterize/blend", &permutation(frame)).run(
        pass,
        tile_groups(gpu, frame, band),
        &band_uniform(frame, band),
        &[
            ("isect_offsets", scratch.isect_offsets.bind()),
            ("row_of_isect", scratch.row_of_isect.bind()),
            ("projected", scratch.projected.bind()),
            ("rendered", scratch.rendered.bind()),
            ("depth", depth),
        ],
    );
}

fn inspect(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32), solid: u32) {
    pass.stage("rasterize.inspect");
    let (gpu, scratch) = (pass.gpu(), frame.scratch);
    gpu.kernel("rasterize/inspect", &[("SOLID", solid)]).run(
        pass,
        tile_groups(gpu, frame, band),
        &band_uniform(frame, band),
        &[
            ("isect_offsets", scratch.isect_offsets.bind()),
            ("row_of_isect", scratch.row_of_isect.bind()),
            ("projected", scratch.projected.bind()),
            ("rendered", scratch.rendered.bind()),
        ],
    );
}

fn blend_bwd(pass: &mut Pass<'_>, frame: &Frame<'_>, band: (u32, u32)) {
    pass.stage("rasterize.blend_bwd");
    let (gpu, scratch) = (pass.gpu(), frame.scratch);
    let name = if gpu.profile().subgroups { "rasterize/blend_bwd" } else { "rasterize/blend_bwd_min" };
    let or_spare = |buffer| if frame.with_depth { buffer } else { scratch.spare.bind() };
    gpu.kernel(name, &permutation(frame)).run(
        pass,
        tile_groups(gpu, frame, band),
        &band_uniform(frame, band),
        &[
            ("isect_offsets", scratch.isect_offsets.bind()),
            ("row_of_isect", scratch.row_of_isect.bind()),
            ("projected", scratch.projected.bind()),
            ("rendered", scratch.rendered.bind()),
            ("grad_rendered", scratch.grad_rendered.bind()),
            ("depth", or_spare(scratch.depth.bind())),
            ("grad_depth", or_spare(scratch.grad_depth.bind())),
            ("slots", scratch.slots.bind()),
        ],
    );
}

fn gather(pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>, band: (u32, u32)) {
    pass.stage("rasterize.gather");
    let scratch = frame.scratch;
    let kernel = pass.gpu().kernel("rasterize/gather", &permutation(frame));
    for chunk in params.chunks() {
        let mut uniform = frame.uniform_for(&chunk);
        (uniform.band[0], uniform.band[1]) = band;
        kernel.run(
            pass,
            frame.row_groups(pass.gpu()),
            &uniform,
            &[
                ("order", scratch.order.bind()),
                ("slot_base", scratch.slot_base.bind()),
                ("isect_of_slot", scratch.isect_of_slot.bind()),
                ("slots", scratch.slots.bind()),
                ("opacity_logits", frame.splats().opacity_logits.bind(&chunk)),
                ("sums", scratch.sums.bind()),
                ("grad_features", scratch.grad_features.bind(&chunk)),
                ("grad_opacity_logits", frame.grad_splats().opacity_logits.bind(&chunk)),
            ],
        );
    }
}

fn project_bwd(pass: &mut Pass<'_>, params: &Params, frame: &Frame<'_>) {
    pass.stage("rasterize.project_bwd");
    let (splats, grads, scratch) = (frame.splats(), frame.grad_splats(), frame.scratch);
    let kernel = pass.gpu().kernel("rasterize/project_bwd", &[]);
    for chunk in params.chunks() {
        kernel.run(
            pass,
            frame.row_groups(pass.gpu()),
            &frame.uniform_for(&chunk),
            &[
                ("order", scratch.order.bind()),
                ("means", splats.means.bind(&chunk)),
                ("quats", splats.quats.bind(&chunk)),
                ("log_scales", splats.log_scales.bind(&chunk)),
                ("sums", scratch.sums.bind()),
                ("grad_means", grads.means.bind(&chunk)),
                ("grad_quats", grads.quats.bind(&chunk)),
                ("grad_log_scales", grads.log_scales.bind(&chunk)),
            ],
        );
    }
}
