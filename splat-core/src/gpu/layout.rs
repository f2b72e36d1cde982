//! Constants and uniform blocks shared with the shaders. They live here once; the shaders get the
//! constants printed in front of their source, and a test compares the blocks with WGSL's layout.

use bytemuck::{Pod, Zeroable};

/// Width of a rasterization tile in pixels.
pub const TILE_WIDTH: u32 = 8;
/// Height of a rasterization tile in pixels.
pub const TILE_HEIGHT: u32 = 16;
/// Pixels of a tile; every profile spreads them evenly over its lanes.
pub const TILE_PIXELS: u32 = TILE_WIDTH * TILE_HEIGHT;
/// Contributions below one 8-bit step are skipped [Kerbl 2023, §6].
pub const ALPHA_MIN: f32 = 1.0 / 255.0;
/// No splat is fully opaque, so that `1 - alpha` can be divided by in the backward pass.
pub const ALPHA_MAX: f32 = 0.99;
/// A pixel is finished when less light than this passes: what follows is below one 8-bit step.
pub const TRANSMITTANCE_MIN: f32 = 1e-4;
/// Pixel-footprint variance added to a projected covariance, in px² [Kerbl 2023].
pub const BLUR: f32 = 0.3;
/// The same with antialiasing, where opacity is compensated [Yu 2024, Mip-Splatting, eq. 9].
pub const BLUR_ANTIALIAS: f32 = 0.1;
/// Least squared opacity compensation: thinner splats fade no further.
pub const COMPENSATION_MIN: f32 = 2.5e-5;
/// How far outside the image (as a share of its size) the projection is still linearized in place.
pub const GUARD_BAND: f32 = 0.15;
/// Bits of the depth key; with the shift below its relative resolution is 2⁻¹⁸.
pub const DEPTH_BITS: u32 = 24;
/// Low mantissa bits dropped from the depth key.
pub const DEPTH_SHIFT: u32 = 5;
/// Keys and values one invocation of the block sort holds.
pub const SORT_ITEMS: u32 = 16;
/// Invocations of a block-sort workgroup.
pub const SORT_THREADS: u32 = 128;
/// Floats of one splat's projected record.
pub const PROJECTED_FLOATS: u32 = 12;
/// Floats of one splat's summed screen-space gradients: six moments, three colours, depth, two
/// absolute position gradients.
pub const SUM_FLOATS: u32 = 12;
/// SSIM window radius: 11 × 11 [Wang 2004].
pub const SSIM_RADIUS: u32 = 5;

/// Partial sums the loss value is left in.
pub const LOSS_PARTS: u32 = 1024;

/// Positions in the counter buffer of a [`crate::stage::Scratch`].
pub mod counter {
    /// Splats whose footprint touches the image.
    pub const VISIBLE: u32 = 0;
    /// Splat–tile intersections, clamped to capacity.
    pub const ISECTS: u32 = 1;
    /// Set when intersections exceeded capacity; sticky until the host clears it.
    pub const OVERFLOW: u32 = 2;
    /// Most intersections ever needed, for growing.
    pub const NEEDED: u32 = 3;
    /// A total nobody needs.
    pub const UNUSED: u32 = 4;
    /// Number of counters.
    pub const COUNT: u32 = 8;
}

/// Where a slot went that no tile composites.
pub const NO_ISECT: u32 = u32::MAX;

/// Unsigned constants printed in front of every shader.
pub const UNSIGNED: &[(&str, u32)] = &[
    ("TILE_WIDTH", TILE_WIDTH),
    ("TILE_HEIGHT", TILE_HEIGHT),
    ("TILE_PIXELS", TILE_PIXELS),
    ("DEPTH_BITS", DEPTH_BITS),
    ("DEPTH_SHIFT", DEPTH_SHIFT),
    ("SORT_ITEMS", SORT_ITEMS),
    ("SORT_THREADS", SORT_THREADS),
    ("PROJECTED_FLOATS", PROJECTED_FLOATS),
    ("SUM_FLOATS", SUM_FLOATS),
    ("SSIM_RADIUS", SSIM_RADIUS),
    ("LOSS_PARTS", LOSS_PARTS),
    ("COUNTER_VISIBLE", counter::VISIBLE),
    ("COUNTER_ISECTS", counter::ISECTS),
    ("COUNTER_OVERFLOW", counter::OVERFLOW),
    ("COUNTER_NEEDED", counter::NEEDED),
    ("NO_ISECT", NO_ISECT),
];

/// Float constants printed in front of every shader.
pub const FLOATS: &[(&str, f32)] = &[
    ("ALPHA_MIN", ALPHA_MIN),
    ("ALPHA_MAX", ALPHA_MAX),
    ("TRANSMITTANCE_MIN", TRANSMITTANCE_MIN),
    ("BLUR", BLUR),
    ("BLUR_ANTIALIAS", BLUR_ANTIALIAS),
    ("COMPENSATION_MIN", COMPENSATION_MIN),
];

/// One view being rasterized. Twin of `FrameUniform` in `common/frame.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct FrameUniform {
    /// World→camera: rotation rows, each with its translation in `w`.
    pub viewmat: [[f32; 4]; 3],
    /// fx, fy, cx, cy in pixels.
    pub intrinsics: [f32; 4],
    /// Camera position in the world; `w` is the near plane.
    pub eye: [f32; 4],
    /// Range of x/z and y/z in which the projection is linearized: xmin, xmax, ymin, ymax.
    pub guard: [f32; 4],
    /// Image width and height, tiles across and down.
    pub size: [u32; 4],
    /// First row of the bound chunk, rows in the chunk, rows in all, intersection capacity.
    pub rows: [u32; 4],
    /// First and one-past-last tile row of the band, bits of the near plane, antialias flag.
    pub band: [u32; 4],
    /// Far plane.
    pub far: f32,
    /// Time from −½ to ½.
    pub time: f32,
    /// Rows of the bound chunk that are of the head, where the kernel asks.
    pub head: u32,
    /// Nothing.
    pub spare: u32,
}
