//! The links of a model's chain, and what they meet in: a [`Frame`].
//!
//! Forward walks the list of stages, backward walks it in reverse. **All gradients add.** Column
//! gradients are zero between steps (the optimizer clears what it used); a row that the view does
//! not show gets nothing. Stages never import one another.

pub mod decode;
pub mod flow;
mod own;
pub mod rasterize;
pub mod sh;

use crate::gpu::layout::FrameUniform;
use crate::gpu::{Buf, Gpu, Pass};
use crate::params::{ChunkRange, ColumnSpec, Params, RowBuf};
use crate::scene::Motion;
use crate::schedule::Phase;

pub use own::OwnBuffers;
pub use rasterize::Scratch;

/// One link of the chain.
pub trait Stage: Send + Sync {
    /// The word that fits "the … stage"; also its folder in `shaders/`.
    fn name(&self) -> &'static str;

    /// Columns the stage adds to the table.
    fn columns(&self) -> Vec<ColumnSpec> {
        Vec::new()
    }

    /// Whether this is the rasterizer; a model has exactly one.
    fn rasterizes(&self) -> bool {
        false
    }

    /// How the splats move at which the stage arrives; a scene says it beside its columns.
    fn motion(&self) -> Option<Motion> {
        None
    }

    /// Pixels by which a splat of the head may move in a photo and be taken to rest after this phase; `None` when that
    /// is not looked at. What rests loses the columns of the head.
    fn rest_tolerance(&self, phase: &Phase) -> Option<f64> {
        let _ = phase;
        None
    }

    /// Computes the stage's output in `frame` from columns and earlier outputs.
    fn forward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>);

    /// Does again what depends on the room for intersections, after a `forward` that had too little of it. The rest of
    /// what that left in `frame` is still there.
    fn resume(&self, pass: &mut Pass<'_>, frame: &mut Frame<'_>) {
        let _ = (pass, frame);
    }

    /// Adds to the gradients of the stage's inputs.
    fn backward(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>);

    /// In place of `forward`, adds what each splat gives to the pixels of the view, Σ α T, to `influence` by row. Only
    /// the rasterizer is asked.
    fn influence(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>, influence: &Buf<f32>) {
        let _ = (pass, params, frame, influence);
    }
}

/// What the rasterizer draws, in stored space (logarithm of scales, logit of opacity): with plain
/// columns these *are* the columns, and no copy exists.
#[derive(Clone, Debug)]
pub struct Splats {
    /// World positions. [N, 3]
    pub means: RowBuf<f32>,
    /// Rotations (w, x, y, z), not normalized. [N, 4]
    pub quats: RowBuf<f32>,
    /// Natural logarithms of the half axes. [N, 3]
    pub log_scales: RowBuf<f32>,
    /// Logits of opacity. [N]
    pub opacity_logits: RowBuf<f32>,
}

/// A photo on the device, at the resolution of the step.
#[derive(Debug)]
pub struct Target {
    /// Premultiplied RGBA bytes, sRGB-encoded. [H, W]
    pub photo: Buf<u32>,
    /// Weights as bytes, four pixels to a word: 255 = use, 0 = ignore. [H × W / 4]
    pub mask: Buf<u32>,
    /// Whether `mask` counts.
    pub has_mask: bool,
    /// What is behind both rendering and photo.
    pub background: [f32; 3],
}

/// One view in flight.
pub struct Frame<'a> {
    /// Camera and sizes, as the kernels see them.
    pub uniform: FrameUniform,
    /// What this step trains.
    pub phase: Phase,
    /// Buffers by capacity and resolution.
    pub scratch: &'a Scratch,
    /// Whether the depth channel is composited.
    pub with_depth: bool,
    /// Whether absolute position gradients are summed for density control.
    pub with_abs_grad: bool,
    /// What the rendering is compared with, when training.
    pub target: Option<&'a Target>,
    /// Output of decoding.
    pub splats: Option<Splats>,
    /// Gradients of `splats`, same shapes.
    pub grad_splats: Option<Splats>,
    /// View-independent colours in place of the column `sh0`, where a stage changes them. [N, 3]
    pub sh0: Option<RowBuf<f32>>,
    /// Gradients of `sh0`, same shape.
    pub grad_sh0: Option<RowBuf<f32>>,
}

impl<'a> Frame<'a> {
    /// A frame before its first stage, of a view that is only rendered.
    pub fn new(uniform: FrameUniform, phase: Phase, scratch: &'a Scratch) -> Self {
        Frame {
            uniform,
            phase,
            scratch,
            with_depth: false,
            with_abs_grad: false,
            target: None,
            splats: None,
            grad_splats: None,
            sh0: None,
            grad_sh0: None,
        }
    }

    /// Output of decoding.
    ///
    /// # Panics
    /// When no earlier stage made it: a bug of ours.
    pub fn splats(&self) -> &Splats {
        self.splats.as_ref().unwrap_or_else(|| panic!("no stage decoded the splats"))
    }

    /// Gradients of the splats.
    ///
    /// # Panics
    /// When the model only renders: a bug of ours.
    pub fn grad_splats(&self) -> &Splats {
        self.grad_splats.as_ref().unwrap_or_else(|| panic!("this frame is not trained"))
    }

    /// The uniform block for one chunk of rows.
    pub fn uniform_for(&self, chunk: &ChunkRange) -> FrameUniform {
        let mut uniform = self.uniform;
        uniform.rows[0] = chunk.first;
        uniform.rows[1] = chunk.rows;
        uniform
    }

    /// Workgroups for a kernel over all rows.
    pub fn row_groups(&self, gpu: &Gpu) -> u32 {
        gpu.profile().flat_groups(u64::from(self.uniform.rows[2]))
    }
}
