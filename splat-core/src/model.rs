//! A method as a list of stages. Forward walks it, backward walks it in reverse.

use crate::error::Result;
use crate::gpu::layout::{FrameUniform, GUARD_BAND, TILE_HEIGHT, TILE_WIDTH, counter};
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::{ColumnSpec, Params};
use crate::scene::{Motion, View};
use crate::schedule::Phase;
use crate::stage::rasterize::Capacity;
use crate::stage::{Frame, Scratch, Stage};

/// Stages in order; immutable and shareable.
pub struct Model {
    stages: Vec<Box<dyn Stage>>,
}

/// How views are drawn, whatever the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RasterOptions {
    /// Compensate opacity for the pixel filter [Yu 2024, Mip-Splatting].
    pub antialias: bool,
    /// Nearest distance drawn, in world units.
    pub near: f32,
}

/// Nothing is farther away than this, in world units.
const FAR: f32 = 1e8;

impl Model {
    /// Chains stages.
    ///
    /// # Panics
    /// When the chain has not exactly one rasterizer: a bug of ours.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Self {
        let rasterizers = stages.iter().filter(|stage| stage.rasterizes()).count();
        assert!(rasterizers == 1, "a model has exactly one rasterizer, this one has {rasterizers}");
        Model { stages }
    }

    /// Columns of all stages, in order.
    pub fn columns(&self) -> Vec<ColumnSpec> {
        self.stages.iter().flat_map(|stage| stage.columns()).collect()
    }

    /// Records the forward chain.
    pub fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        for stage in &self.stages {
            stage.forward(pass, params, frame);
        }
    }

    /// Records what depends on the room for intersections again, after a forward chain that had too little of it.
    pub fn resume(&self, pass: &mut Pass<'_>, frame: &mut Frame<'_>) {
        for stage in &self.stages {
            stage.resume(pass, frame);
        }
    }

    /// How the splats move that it draws.
    pub fn motion(&self) -> Option<Motion> {
        self.stages.iter().find_map(|stage| stage.motion())
    }

    /// Pixels by which a splat of the head may move in a photo and be taken to rest after this phase; `None` when that
    /// is not looked at.
    pub fn rest_tolerance(&self, phase: &Phase) -> Option<f64> {
        self.stages.iter().find_map(|stage| stage.rest_tolerance(phase))
    }

    /// Records the backward chain.
    pub fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>) {
        for stage in self.stages.iter().rev() {
            stage.backward(pass, params, frame);
        }
    }

    /// Records the forward chain up to the rasterizer, which does not draw but adds what each splat gives to the pixels,
    /// Σ α T, to `influence` by row.
    pub fn influence(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>, influence: &Buf<f32>) {
        for stage in &self.stages {
            if stage.rasterizes() {
                return stage.influence(pass, params, frame, influence);
            }
            stage.forward(pass, params, frame);
        }
    }
}

/// The uniform block that shows `rows` splats from a view.
pub fn frame_uniform(view: &View, options: &RasterOptions, rows: u64, isects: u64) -> FrameUniform {
    let (width, height) = (view.width, view.height);
    let m = view.viewmat;
    let row = |i: usize| {
        let r = m.matrix3.row(i);
        [r.x as f32, r.y as f32, r.z as f32, m.translation[i] as f32]
    };
    let eye = view.position();
    let guard = |focal: f64, centre: f64, size: u32| {
        let margin = f64::from(GUARD_BAND) * f64::from(size);
        [(-(centre + margin) / focal) as f32, ((f64::from(size) - centre + margin) / focal) as f32]
    };
    let [x0, x1] = guard(view.fx, view.cx, width);
    let [y0, y1] = guard(view.fy, view.cy, height);
    let tiles_y = height.div_ceil(TILE_HEIGHT);
    FrameUniform {
        viewmat: [row(0), row(1), row(2)],
        intrinsics: [view.fx as f32, view.fy as f32, view.cx as f32, view.cy as f32],
        eye: [eye.x as f32, eye.y as f32, eye.z as f32, options.near],
        guard: [x0, x1, y0, y1],
        size: [width, height, width.div_ceil(TILE_WIDTH), tiles_y],
        rows: [0, rows as u32, rows as u32, isects as u32],
        band: [0, tiles_y, options.near.to_bits(), u32::from(options.antialias)],
        far: FAR,
        time: view.time.map_or(0.0, |time| time - 0.5) as f32,
        head: 0,
        spare: 0,
    }
}

/// A rendered view: colour without background and transmittance per pixel, and depth if asked for.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Red, green, blue, transmittance. [H × W]
    pub pixels: Vec<[f32; 4]>,
    /// Σ z α T per pixel; divide by alpha for the mean depth. [H × W] or empty
    pub depth: Vec<f32>,
}

/// What is rendered, and how.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Stages.
    pub model: &'a Model,
    /// Columns.
    pub params: &'a Params,
    /// Which SH degree is in use.
    pub phase: Phase,
    /// How splats are drawn.
    pub options: RasterOptions,
}

/// A part of a view's image. Its corner may lie between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// Left border in pixels of the view.
    pub(crate) left: f64,
    /// Top border in pixels of the view.
    pub(crate) top: f64,
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
}

/// Renders views of one table, growing its scratch as needed.
pub struct ViewRenderer {
    scratch: Option<Scratch>,
}

impl ViewRenderer {
    /// Nothing is allocated before the first view.
    pub fn new() -> Self {
        ViewRenderer { scratch: None }
    }

    /// Renders a view and waits for it. Images too large for one binding are drawn in strips.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] or [`crate::Error::DeviceLost`].
    pub fn render(&mut self, scene: &Scene<'_>, view: &View, with_depth: bool) -> Result<Rendered> {
        let rows_per_strip = (scene.gpu.info().max_binding_bytes / 16 / u64::from(view.width.max(1))).max(1);
        let strip = u64::from(view.height).min(rows_per_strip) as u32;
        // Strips of whole tiles give the same pixels as the image in one piece.
        let strip = if strip < view.height { (strip / TILE_HEIGHT * TILE_HEIGHT).max(1) } else { strip };
        let mut rendered = Rendered { pixels: Vec::new(), depth: Vec::new() };
        let mut top = 0;
        while top < view.height {
            let height = strip.min(view.height - top);
            let window = Window { left: 0.0, top: f64::from(top), width: view.width, height };
            let part = self.render_window(scene, view, with_depth, window)?;
            rendered.pixels.extend(part.pixels);
            rendered.depth.extend(part.depth);
            top += height;
        }
        Ok(rendered)
    }

    /// Renders a part of a view that fits one binding, and waits for it.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] or [`crate::Error::DeviceLost`].
    pub(crate) fn render_window(
        &mut self,
        scene: &Scene<'_>,
        view: &View,
        with_depth: bool,
        window: Window,
    ) -> Result<Rendered> {
        let Window { width, height, .. } = window;
        let room =
            |held: Capacity| Capacity { with_depth: held.with_depth || with_depth, ..held }.with_image(width, height);
        let scratch = self.draw(scene, view, window, room, |pass, frame, again| {
            frame.with_depth = with_depth;
            match again {
                false => scene.model.forward(pass, scene.params, frame),
                true => scene.model.resume(pass, frame),
            }
        })?;
        let pixels = u64::from(width) * u64::from(height);
        let depth = if with_depth { scratch.depth.read_range(scene.gpu, 0, pixels)? } else { Vec::new() };
        Ok(Rendered { pixels: scratch.rendered.read_range(scene.gpu, 0, pixels)?, depth })
    }

    /// The part of each splat in the pixels of `views`, by row: Σ α T over a view's pixels divided by their number, and
    /// of that the mean over the views. All splats together have the mean alpha; one that no view shows has 0.
    ///
    /// Sums of a view are exact to f32 and the same bits every time; those of views are added in f64, in their order.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] or [`crate::Error::DeviceLost`].
    pub fn influence(&mut self, scene: &Scene<'_>, views: impl IntoIterator<Item = View>) -> Result<Vec<f32>> {
        let &Scene { gpu, model, params, .. } = scene;
        let sums = gpu.allocating(|| Buf::new(gpu, "influence", params.rows()))?;
        let mut totals = vec![0.0_f64; params.rows() as usize];
        let mut count = 0;
        for view in views {
            let (width, height) = (view.width, view.height);
            let window = Window { left: 0.0, top: 0.0, width, height };
            self.draw(
                scene,
                &view,
                window,
                |held| held.with_tiles(width, height),
                |pass, frame, _| {
                    pass.clear(&sums);
                    model.influence(pass, params, frame, &sums);
                },
            )?;
            let pixels = f64::from(width) * f64::from(height);
            for (total, sum) in totals.iter_mut().zip(sums.read(gpu)?) {
                *total += f64::from(sum) / pixels.max(1.0);
            }
            count += 1;
        }
        Ok(totals.into_iter().map(|total| (total / f64::from(count.max(1))) as f32).collect())
    }

    // Submits what `record` makes of a view, again with more room as long as its intersections do not fit; `record` is
    // told whether it is again. `room` says what is needed beside what is held.
    fn draw(
        &mut self,
        &Scene { gpu, params, phase, options, .. }: &Scene<'_>,
        view: &View,
        Window { left, top, width, height }: Window,
        room: impl FnOnce(Capacity) -> Capacity,
        record: impl Fn(&mut Pass<'_>, &mut Frame<'_>, bool),
    ) -> Result<&Scratch> {
        let allocate = |capacity| gpu.allocating(|| Scratch::new(gpu, capacity, params.rows_per_chunk()))?;
        let held = self.scratch.take().filter(|scratch| scratch.capacity.rows >= params.rows());
        let needed = room(held.as_ref().map_or(first_capacity(params.rows()), |scratch| scratch.capacity));
        let mut scratch = match held.filter(|scratch| scratch.capacity == needed) {
            Some(scratch) => scratch,
            None => allocate(needed)?,
        };
        scratch.counters.write(gpu, 0, &[0; counter::COUNT as usize]);
        let mut again = false;
        loop {
            // The range in which the projection is linearized stays that of the whole image, so that a part of it has
            // the pixels of the whole.
            let mut uniform = frame_uniform(view, &options, params.rows(), scratch.capacity.isects);
            uniform.intrinsics[2] -= left as f32;
            uniform.intrinsics[3] -= top as f32;
            uniform.size = [width, height, width.div_ceil(TILE_WIDTH), height.div_ceil(TILE_HEIGHT)];
            uniform.band[1] = uniform.size[3];
            let mut frame = Frame::new(uniform, phase, &scratch);
            let mut pass = Pass::new(gpu, "render");
            record(&mut pass, &mut frame, again);
            pass.submit();
            let counters = scratch.counters.read(gpu)?;
            if counters[counter::OVERFLOW as usize] == 0 {
                break;
            }
            let capacity = scratch.grown(gpu, counters[counter::NEEDED as usize])?;
            scratch = gpu.allocating(|| scratch.with_isects(gpu, capacity))??;
            // What was counted by splat stays counted.
            scratch.counters.write(gpu, u64::from(counter::OVERFLOW), &[0, 0]);
            again = true;
        }
        Ok(self.scratch.insert(scratch))
    }
}

impl Default for ViewRenderer {
    fn default() -> Self {
        Self::new()
    }
}

fn first_capacity(rows: u64) -> Capacity {
    Capacity {
        rows,
        // How many there are is known before the first of them is needed.
        isects: 1024,
        pixels: 0,
        tiles: 0,
        bands: 1,
        trains: false,
        with_depth: false,
        with_abs_grad: false,
    }
}
