//! Finished splats, rendered and evaluated.

use std::path::Path;
use std::sync::Arc;

use crate::codec::Codec;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::metrics::{compare, photo_over};
use crate::model::{Model, RasterOptions, Rendered, Scene, ViewRenderer};
use crate::params::Params;
use crate::scene::{Motion, Photo, SplatCloud, View, load_photo};
use crate::schedule::{Phase, Rate};
use crate::stage::Stage;
use crate::stage::decode::{Decode, DecodeCodecs, DecodeRates};
use crate::stage::flow::{Flow, FlowRates};
use crate::stage::rasterize::{Blending, Rasterize};
use crate::stage::sh::Sh;

pub use crate::metrics::{Evaluation, Image, ViewScore};

/// Called with each evaluated view, its photo and its rendering.
pub type EachView<'a> = &'a mut dyn FnMut(&View, &Photo, &Image) -> Result<()>;

/// Splats on the device, ready to be looked at.
pub struct Renderer {
    gpu: Arc<Gpu>,
    model: Model,
    params: Params,
    phase: Phase,
    options: RasterOptions,
    views: ViewRenderer,
}

/// The phase of a finished scene: everything in use.
pub(crate) fn finished_phase(sh_degree: u32) -> Phase {
    Phase {
        step: 1,
        steps: 1,
        resolution: 1.0,
        sh_degree,
        sh_update: true,
        motion_from: 0,
        noise_from: u64::MAX,
        round_from: u64::MAX,
    }
}

/// The chain `decode → flow → sh → rasterize` for splats that are only looked at.
pub(crate) fn viewing_model(sh: Sh, motion: Option<Motion>, blending: Blending) -> Model {
    let still = Rate::constant(0.0);
    let rates =
        DecodeRates { means: still, log_scales: still, quats: still, opacity_logits: still, regularized: false };
    let mut stages: Vec<Box<dyn Stage>> = vec![Box::new(Decode { rates, codecs: DecodeCodecs::default() })];
    stages.extend(motion.map(|motion| {
        Box::new(Flow { motion, rates: FlowRates::all(still), still: 0.0, rest: None }) as Box<dyn Stage>
    }));
    stages.extend([Box::new(sh) as Box<dyn Stage>, Box::new(Rasterize { blending })]);
    Model::new(stages)
}

/// Nearest distance drawn when nothing else is known about a scene: a small share of its size.
pub fn auto_near(extent: f64) -> f32 {
    const SHARE: f64 = 0.01;
    (SHARE * extent).max(1e-6) as f32
}

impl Renderer {
    /// Uploads splats. `near` is in world units.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when they do not fit the adapter.
    pub fn new(gpu: &Arc<Gpu>, cloud: &SplatCloud, options: RasterOptions) -> Result<Renderer> {
        let degree = u32::from(cloud.sh_degree);
        let still = Rate::constant(0.0);
        let model = viewing_model(Sh::plain(degree, still, still, 1), cloud.motion, Blending::Composite);
        let params = Params::with_head(gpu, model.columns(), cloud.len() as u64, cloud.head() as u64, false);
        upload_cloud(gpu, &params, cloud)?;
        gpu.check()?;
        Ok(Renderer {
            gpu: Arc::clone(gpu),
            model,
            params,
            phase: finished_phase(degree),
            options,
            views: ViewRenderer::new(),
        })
    }

    /// Colour without background, transmittance and, if asked for, depth.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::DeviceLost`].
    pub fn render_float(&mut self, view: &View, with_depth: bool) -> Result<Rendered> {
        let Self { gpu, model, params, phase, options, views } = self;
        views.render(&Scene { gpu, model, params, phase: *phase, options: *options }, view, with_depth)
    }

    /// An 8-bit picture over a background.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::DeviceLost`].
    pub fn render(&mut self, view: &View, background: [f32; 3]) -> Result<Image> {
        Ok(to_image(&self.render_float(view, false)?.pixels, view.width, view.height, background))
    }

    /// Number of splats.
    pub fn splats(&self) -> usize {
        self.params.rows() as usize
    }
}

/// A channel from 0 to 1 as a byte.
pub(crate) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

pub(crate) fn to_image(pixels: &[[f32; 4]], width: u32, height: u32, background: [f32; 3]) -> Image {
    let rgba = pixels
        .iter()
        .flat_map(|&[r, g, b, t]| {
            [byte(r + t * background[0]), byte(g + t * background[1]), byte(b + t * background[2]), 255]
        })
        .collect();
    Image { width, height, rgba }
}

/// Writes splats into a table, encoded where columns are. Rows behind the head must rest.
///
/// # Errors
/// As [`Gpu::check`].
pub(crate) fn upload_cloud(gpu: &Gpu, params: &Params, cloud: &SplatCloud) -> Result<()> {
    for (name, _, values) in cloud.columns().into_iter().filter(|(name, ..)| params.has(name)) {
        let column = params.column(name);
        let width = values.len() / cloud.len().max(1);
        let values = &values[..column.values.rows() as usize * width];
        if let (Codec::Linear(_), Some(_)) = (&column.spec.codec, &column.coded) {
            column.values.write(gpu, &params.encode(gpu, name, values)?);
        } else {
            column.values.write(gpu, values);
        }
    }
    Ok(())
}

/// Scores one rendering against its photo.
///
/// # Errors
/// What `each` returns, or the photo's.
pub fn score_view(view: &View, render: &Image, background: [f32; 3], each: EachView<'_>) -> Result<ViewScore> {
    let photo = load_photo(view, view.width, view.height)?;
    let (psnr, ssim) = compare(render, &photo_over(&photo, background), photo.mask.as_deref());
    each(view, &photo, render)?;
    Ok(ViewScore { name: view.name.clone(), psnr, ssim })
}

/// Renders and scores views.
///
/// # Errors
/// [`Error::Input`] without views; otherwise what rendering, photos or `each` return.
pub fn evaluate_views(
    renderer: &mut Renderer,
    views: &[View],
    background: [f32; 3],
    each: EachView<'_>,
) -> Result<Evaluation> {
    if views.is_empty() {
        return Err(Error::input(
            Path::new("scene"),
            "has no held-out views",
            "set data.test_every to 8, or add transforms_test.json",
        ));
    }
    let mut scores = Vec::with_capacity(views.len());
    for view in views {
        let image = renderer.render(view, background)?;
        scores.push(score_view(view, &image, background, each)?);
    }
    Ok(Evaluation::of(scores, renderer.splats()))
}
