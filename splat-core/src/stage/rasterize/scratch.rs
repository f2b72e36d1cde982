//! Device buffers by capacity and resolution: made once, grown when a view needs more.

use super::scan::Scan;
use super::sort::Sort;
use crate::error::{Error, Result};
use crate::gpu::layout::{PROJECTED_FLOATS, SUM_FLOATS, TILE_HEIGHT, TILE_WIDTH, counter};
use crate::gpu::{Binding, Buf, Gpu};
use crate::params::RowBuf;
use crate::stage::OwnBuffers;

/// What a scratch must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Splats.
    pub rows: u64,
    /// Splat–tile intersections of one band of tile rows.
    pub isects: u64,
    /// Pixels of an image.
    pub pixels: u64,
    /// Tiles of an image.
    pub tiles: u64,
    /// Bands the image is split into when its intersections exceed one binding.
    pub bands: u32,
    /// Whether gradients are computed.
    pub trains: bool,
    /// Whether the depth channel may be asked for.
    pub with_depth: bool,
    /// Whether absolute position gradients may be asked for.
    pub with_abs_grad: bool,
}

impl Capacity {
    /// Room to train `rows` splats with `isects` intersections, without an image yet.
    pub fn training(rows: u64, isects: u64) -> Self {
        Capacity { rows, isects, pixels: 0, tiles: 0, bands: 1, trains: true, with_depth: false, with_abs_grad: false }
    }

    /// Floats of the gradient slot of one intersection.
    pub fn slot_floats(&self) -> u64 {
        if self.trains { 9 + u64::from(self.with_depth) + 2 * u64::from(self.with_abs_grad) } else { 0 }
    }

    /// Makes room for an image of this size.
    #[must_use]
    pub fn with_image(mut self, width: u32, height: u32) -> Self {
        self.pixels = self.pixels.max(u64::from(width) * u64::from(height));
        self.with_tiles(width, height)
    }

    /// Makes room for the tiles of an image of this size, whose pixels are not kept.
    #[must_use]
    pub fn with_tiles(mut self, width: u32, height: u32) -> Self {
        self.tiles = self.tiles.max(u64::from(width.div_ceil(TILE_WIDTH)) * u64::from(height.div_ceil(TILE_HEIGHT)));
        self
    }
}

/// Buffers of the rasterizer. Trainer and viewport own one each.
pub struct Scratch {
    /// What fits.
    pub capacity: Capacity,
    /// Device-side counts, see [`counter`].
    pub counters: Buf<u32>,
    /// Rows drawn, near to far; then their number and the halt flag. [N + 2]
    pub order: Buf<u32>,
    /// Colour of each splat. [N, 3]
    pub features: RowBuf<f32>,
    /// Its gradient, meaningful for rows drawn. [N, 3]
    pub grad_features: RowBuf<f32>,
    /// Colour without background and transmittance. [H, W, 4]
    pub rendered: Buf<[f32; 4]>,
    /// Gradient of `rendered`. [H, W, 4]
    pub grad_rendered: Buf<[f32; 4]>,
    /// Composited depth. [H, W], if asked for
    pub depth: Buf<f32>,
    /// Gradient of `depth`. [H, W], if asked for
    pub grad_depth: Buf<f32>,
    /// Bound where a kernel's permutation does not use a binding.
    pub spare: Buf<u32>,
    /// The same for a second binding, where both may not be one buffer.
    pub spare_written: Buf<u32>,
    /// What other stages keep beside it.
    pub own: OwnBuffers,
    pub(super) projected: Buf<f32>,
    /// Summed screen-space gradients by depth rank. [N, 12]
    pub sums: Buf<f32>,
    pub(super) slot_base: Buf<u32>,
    pub(super) slot_base_scan: Scan,
    pub(super) row_of_isect: Buf<u32>,
    pub(super) isect_of_slot: Buf<u32>,
    pub(super) isect_offsets: Buf<u32>,
    pub(super) slots: Buf<u32>,
    pub(super) depth_sort: Sort,
    pub(super) tile_sort: Sort,
    region: u64,
}

impl Scratch {
    /// Allocates everything a capacity needs.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when a buffer would exceed what the adapter can bind, naming the limit.
    pub fn new(gpu: &Gpu, capacity: Capacity, rows_per_chunk: u64) -> Result<Self> {
        let limit = gpu.info().max_binding_bytes;
        let rows = capacity.rows;
        let pixels = capacity.pixels;
        Self::check_rows(gpu, rows)?;
        check_binding(limit, pixels * 16, "image pixels", "lower --max-resolution")?;
        let isects = IsectBuffers::new(gpu, &capacity)?;
        let when = |condition: bool, len: u64| if condition { len } else { 0 };
        let projected = Buf::new(gpu, "projected", rows * u64::from(PROJECTED_FLOATS));
        // With one band the projected records are done with when sums are made.
        let sums = if capacity.bands == 1 {
            projected.clone()
        } else {
            Buf::new(gpu, "sums", when(capacity.trains, rows * u64::from(SUM_FLOATS)))
        };
        let features = RowBuf::new(gpu, "features", rows, 3, rows_per_chunk);
        let depth_pixels = when(capacity.with_depth, pixels);
        Ok(Scratch {
            capacity,
            counters: Buf::new(gpu, "counters", u64::from(counter::COUNT)),
            order: Buf::new(gpu, "order", rows + 2),
            grad_features: RowBuf::new(gpu, "grad_features", when(capacity.trains, rows), 3, rows_per_chunk),
            features,
            rendered: Buf::new(gpu, "rendered", pixels),
            grad_rendered: Buf::new(gpu, "grad_rendered", when(capacity.trains, pixels)),
            depth: Buf::new(gpu, "depth", depth_pixels),
            grad_depth: Buf::new(gpu, "grad_depth", when(capacity.trains, depth_pixels)),
            spare: Buf::new(gpu, "spare", 64),
            spare_written: Buf::new(gpu, "spare", 64),
            own: OwnBuffers::default(),
            projected,
            sums,
            slot_base: Buf::new(gpu, "slot_base", rows + 1),
            slot_base_scan: Scan::new(gpu, rows + 1),
            isect_offsets: Buf::new(gpu, "isect_offsets", capacity.tiles + 1),
            depth_sort: Sort::new(gpu, rows),
            row_of_isect: isects.row_of_isect,
            isect_of_slot: isects.isect_of_slot,
            slots: isects.slots,
            tile_sort: isects.tile_sort,
            region: isects.region,
        })
    }

    /// The same with room for more intersections, or for those of more bands. What is known by splat stays.
    ///
    /// # Errors
    /// As [`Scratch::new`].
    pub fn with_isects(self, gpu: &Gpu, capacity: Capacity) -> Result<Self> {
        debug_assert!(!self.capacity.trains, "gradients depend on the number of bands");
        // The old ones make room for the new.
        drop((self.row_of_isect, self.isect_of_slot, self.slots, self.tile_sort));
        let IsectBuffers { row_of_isect, isect_of_slot, slots, tile_sort, region } = IsectBuffers::new(gpu, &capacity)?;
        Ok(Scratch { capacity, row_of_isect, isect_of_slot, slots, tile_sort, region, ..self })
    }

    /// Whether the projected records of so many splats fit one binding: without that nothing can be drawn.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], naming the limit.
    pub fn check_rows(gpu: &Gpu, rows: u64) -> Result<()> {
        let bytes = rows * 4 * u64::from(PROJECTED_FLOATS);
        check_binding(gpu.info().max_binding_bytes, bytes, "splats", "lower --max-splats")
    }

    /// Most splats that can be drawn at once.
    pub fn max_rows(gpu: &Gpu) -> u64 {
        gpu.info().max_binding_bytes / (4 * u64::from(PROJECTED_FLOATS))
    }

    /// Most intersections whose slots one binding can hold.
    pub fn max_isects(gpu: &Gpu, capacity: &Capacity) -> u64 {
        (gpu.info().max_binding_bytes / (4 * capacity.slot_floats().max(5))).saturating_sub(64)
    }

    /// What a scratch that overflowed must be replaced by: a tenth more room than was `needed`, or
    /// more bands when one binding cannot hold that.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when bands of one tile row are still too large.
    pub fn grown(&self, gpu: &Gpu, needed: u32) -> Result<Capacity> {
        let limit = Self::max_isects(gpu, &self.capacity);
        let wanted = u64::from(needed) + u64::from(needed) / 10;
        if wanted <= limit {
            return Ok(Capacity { isects: wanted.max(self.capacity.isects), ..self.capacity });
        }
        if u64::from(self.capacity.bands) >= self.capacity.tiles {
            return Err(Error::OutOfMemory {
                what: format!("one row of tiles has {needed} splat intersections"),
                remedy: "lower --max-splats or --max-resolution".into(),
            });
        }
        Ok(Capacity { isects: limit, bands: self.capacity.bands * 2, ..self.capacity })
    }

    // The sort's part of `slots`: keys, values, row of each slot; then keys and values of the other side.
    fn region(&self, number: u64) -> Binding<'_> {
        self.slots.bind_range(number * self.region, self.region)
    }

    pub(super) fn sort_keys(&self) -> [Binding<'_>; 2] {
        [self.region(0), self.region(3)]
    }

    pub(super) fn sort_values(&self) -> [Binding<'_>; 2] {
        [self.region(1), self.region(4)]
    }

    pub(super) fn row_of_slot(&self) -> Binding<'_> {
        self.region(2)
    }
}

/// The part of a scratch that grows with intersections.
struct IsectBuffers {
    row_of_isect: Buf<u32>,
    isect_of_slot: Buf<u32>,
    slots: Buf<u32>,
    tile_sort: Sort,
    region: u64,
}

impl IsectBuffers {
    fn new(gpu: &Gpu, capacity: &Capacity) -> Result<Self> {
        let limit = gpu.info().max_binding_bytes;
        // Sorting is over before slots are written, so both live in the same memory: keys, values
        // and rows of one side at the start of `slots`, then the other side.
        let region = capacity.isects.max(capacity.rows).next_multiple_of(64);
        let slot_words = capacity.isects * capacity.slot_floats();
        check_binding(limit, slot_words * 4, "intersections of one band", "lower --max-splats or --max-resolution")?;
        Ok(IsectBuffers {
            row_of_isect: Buf::new(gpu, "row_of_isect", capacity.isects),
            isect_of_slot: Buf::new(gpu, "isect_of_slot", capacity.isects),
            slots: Buf::new(gpu, "slots", slot_words.max(5 * region)),
            tile_sort: Sort::new(gpu, capacity.isects),
            region,
        })
    }
}

fn check_binding(limit: u64, bytes: u64, what: &str, remedy: &str) -> Result<()> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::OutOfMemory {
        what: format!("{what} need {} MiB in one binding, this adapter allows {} MiB", bytes >> 20, limit >> 20),
        remedy: remedy.to_owned(),
    })
}
