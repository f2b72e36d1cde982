//! One cloud on the device, drawn under any look.

use std::sync::Arc;

use glam::DVec3;

use super::columns::{Attribute, Colours, Known, Opacities, Plan, Sizes, legend, log_scales, opacity_logits, sh0};
use super::{Legend, Look, Marks, Mode, Picture, compose};
use crate::edit;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::model::{RasterOptions, Rendered, Scene, ViewRenderer, Window};
use crate::params::Params;
use crate::render::{finished_phase, to_image, viewing_model};
use crate::scene::{Motion, SplatCloud, TimeBasis, View};
use crate::stage::Scratch;
use crate::stage::rasterize::Blending;
use crate::stage::sh::{Sh, pack};

/// Less coverage than this is no surface.
const SURFACE_ALPHA: f32 = 0.1;

/// Draws a cloud; nothing is loaded at first.
///
/// Coefficients of spherical harmonics are packed to a fourth of their memory, which no picture shows: what is measured is
/// drawn by [`Renderer`](crate::render::Renderer). Only columns that a look changes are sent to the device again: turning the camera sends nothing, another selection
/// the colours, another scale the scales.
pub struct Viewer {
    gpu: Arc<Gpu>,
    views: ViewRenderer,
    loaded: Option<Loaded>,
    /// The look drawn last: a surface is asked for in what is seen.
    last: Look,
}

struct Loaded {
    cloud: Arc<SplatCloud>,
    options: RasterOptions,
    ages: Option<Arc<Vec<u32>>>,
    /// How far splats go, once that was asked for.
    travelled: Option<Vec<f32>>,
    params: Params,
    marks: Marks,
    on_device: OnDevice,
}

/// Which values the columns hold that looks replace; `None` where they are out of date.
#[derive(Default)]
struct OnDevice {
    sizes: Option<Sizes>,
    opacities: Option<Opacities>,
    colours: Option<Colours>,
    /// What `colours` mean.
    legend: Option<Legend>,
}

impl Viewer {
    /// A viewer that draws the background until it is given a cloud.
    pub fn new(gpu: &Arc<Gpu>) -> Viewer {
        Viewer { gpu: Arc::clone(gpu), views: ViewRenderer::new(), loaded: None, last: Look::default() }
    }

    /// Most splats that the adapter can show at once.
    pub fn max_splats(&self) -> usize {
        usize::try_from(Scratch::max_rows(&self.gpu)).unwrap_or(usize::MAX)
    }

    /// Shows another cloud, without marks. A cloud of the same size and degree reuses the memory of the earlier one.
    /// `ages` are steps since each row came to be.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when it does not fit the adapter; then the earlier cloud stays, and can be drawn.
    /// [`Error::Settings`] when there are not as many ages as splats.
    pub fn set_cloud(
        &mut self,
        cloud: Arc<SplatCloud>,
        options: RasterOptions,
        ages: Option<Arc<Vec<u32>>>,
    ) -> Result<()> {
        let (rows, head) = (cloud.len() as u64, cloud.head() as u64);
        if let Some(given) = ages.as_ref().map(|ages| ages.len()).filter(|&given| given != cloud.len()) {
            return Err(Error::settings(
                format!("{given} ages were given for {rows} splats"),
                "this is a bug: please report it",
            ));
        }
        Scratch::check_rows(&self.gpu, rows)?;
        let fits = |loaded: &Loaded| {
            let kind = |cloud: &SplatCloud| (cloud.sh_degree, cloud.motion);
            loaded.params.rows() == rows && loaded.params.head() == head && kind(&loaded.cloud) == kind(&cloud)
        };
        let (marks, on_device) = (Marks::default(), OnDevice::default());
        match self.loaded.take() {
            Some(loaded) if fits(&loaded) => {
                self.loaded =
                    Some(Loaded { cloud, options, ages, travelled: None, marks, on_device, params: loaded.params });
            }
            earlier => {
                let columns =
                    viewing_model(Sh::packed(cloud.sh_degree.into()), cloud.motion, Blending::Composite).columns();
                let made = self.gpu.allocating(|| Params::with_head(&self.gpu, columns, rows, head, false));
                let params = match made {
                    Ok(params) => params,
                    Err(error) => {
                        self.loaded = earlier;
                        return Err(error);
                    }
                };
                // Buffers beside the columns are cut into the same chunks; and much too large ones are not kept.
                let keeps = earlier.is_some_and(|earlier| {
                    earlier.params.rows_per_chunk() == params.rows_per_chunk() && 2 * rows >= earlier.params.rows()
                });
                if !keeps {
                    self.views = ViewRenderer::new();
                }
                self.loaded = Some(Loaded { cloud, options, ages, travelled: None, marks, on_device, params });
            }
        }
        if let Some(loaded) = &self.loaded {
            loaded.upload_lasting(&self.gpu);
        }
        self.gpu.check()
    }

    /// Shows rows differently from the next picture on. Nothing happens without a cloud.
    pub fn set_marks(&mut self, marks: Marks) {
        let Some(loaded) = &mut self.loaded else { return };
        if loaded.marks.selected != marks.selected {
            loaded.on_device.colours = None;
        }
        if loaded.marks.hidden != marks.hidden {
            loaded.on_device.opacities = None;
        }
        loaded.marks = marks;
    }

    /// Draws a view and waits for it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::DeviceLost`].
    pub fn draw(&mut self, view: &View, look: &Look) -> Result<Picture> {
        self.last = look.clone();
        let Some(loaded) = self.loaded.as_mut().filter(|_| view.width > 0 && view.height > 0) else {
            return Ok(Picture { image: compose::empty(view, look.background), legend: None, note: None });
        };
        let (mode, note) = match look.mode {
            Mode::Age if loaded.ages.is_none() => {
                (Mode::Colour, Some("These splats come without ages: shown in their own colours."))
            }
            Mode::Motion if loaded.cloud.motion.is_none() => {
                (Mode::Colour, Some("These splats do not move: shown in their own colours."))
            }
            mode => (mode, None),
        };
        loaded.upload(&self.gpu, Plan::of(mode, look));
        let rendered = loaded.render(&self.gpu, &mut self.views, view, look, mode, None)?;
        let background = look.background;
        let (image, legend) = match mode {
            Mode::Depth => compose::depth(&rendered, view, background, look.colours),
            Mode::Alpha => (compose::alpha(&rendered, view), None),
            Mode::Normals => (compose::normals(&rendered, view, background), None),
            Mode::Overdraw => compose::overdraw(&rendered, view, background, look.colours),
            _ => {
                let image = to_image(&rendered.pixels, view.width, view.height, background);
                (image, loaded.on_device.legend.clone())
            }
        };
        Ok(Picture { image, legend, note })
    }

    /// The point of the surface that a place of the image shows, in pixels of the view from its top left corner; `None`
    /// where less than a tenth of the background is covered. What the last look hid, clipped or scaled is so here too;
    /// points and ellipsoids have the surface of the splats they stand for.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::DeviceLost`].
    pub fn surface_at(&mut self, view: &View, pixel: [f64; 2]) -> Result<Option<DVec3>> {
        let Some(loaded) = self.loaded.as_mut().filter(|_| pixel.iter().all(|at| at.is_finite())) else {
            return Ok(None);
        };
        let plan = Plan::of(Mode::Depth, &self.last);
        // The surface has no colour: whatever colours are there can stay.
        let colours = loaded.on_device.colours.unwrap_or(plan.colours);
        loaded.upload(&self.gpu, Plan { colours, ..plan });
        let [x, y] = pixel;
        // One pixel, whose centre is the place asked for.
        let window = Window { left: x - 0.5, top: y - 0.5, width: 1, height: 1 };
        let rendered = loaded.render(&self.gpu, &mut self.views, view, &self.last, Mode::Depth, Some(window))?;
        let (Some(depth), Some([_, _, _, t])) = (rendered.depth.first(), rendered.pixels.first()) else {
            return Ok(None);
        };
        let alpha = 1.0 - t;
        if alpha < SURFACE_ALPHA {
            return Ok(None);
        }
        let depth = f64::from(depth / alpha);
        let in_cam = depth * DVec3::new((x - view.cx) / view.fx, (y - view.cy) / view.fy, 1.0);
        let point = view.viewmat.matrix3.transpose() * (in_cam - view.viewmat.translation);
        Ok(Some(point).filter(|point| point.is_finite()))
    }
}

impl Loaded {
    /// Sends the columns that no look changes.
    fn upload_lasting(&self, gpu: &Gpu) {
        let Loaded { cloud, params, .. } = self;
        params.column("means").values.write(gpu, cloud.means.as_flattened());
        params.column("quats").values.write(gpu, cloud.quats.as_flattened());
        if params.has("shN") {
            let packed = pack(&cloud.sh_rest, cloud.sh_degree.into());
            params.column("shN").values.write(gpu, bytemuck::cast_slice(&packed));
        }
        for column in &cloud.more {
            let values = &params.column(column.name).values;
            values.write(gpu, &column.values[..values.rows() as usize * column.width]);
        }
    }

    /// Brings the other columns up to date.
    fn upload(&mut self, gpu: &Gpu, plan: Plan) {
        let Loaded { cloud, ages, travelled, params, marks, on_device, .. } = self;
        let Plan { sizes, opacities, colours } = plan;
        if on_device.sizes != Some(sizes) {
            params.column("log_scales").values.write(gpu, &log_scales(cloud, sizes));
            on_device.sizes = Some(sizes);
        }
        if on_device.opacities != Some(opacities) {
            params.column("opacity_logits").values.write(gpu, &opacity_logits(cloud, opacities, &marks.hidden));
            on_device.opacities = Some(opacities);
        }
        if on_device.colours != Some(colours) {
            if matches!(colours, Colours::Of(Attribute::Travelled, _)) && travelled.is_none() {
                *travelled = Some(edit::Attribute::Travelled.values(cloud));
            }
            let known = Known {
                ages: ages.as_ref().map_or(&[], |ages| ages.as_slice()),
                travelled: travelled.as_deref().unwrap_or(&[]),
            };
            let (legend, range) = match colours {
                Colours::Trained => (None, (0.0, 1.0)),
                Colours::Of(attribute, map) => legend(cloud, attribute, known, map),
            };
            params.column("sh0").values.write(gpu, &sh0(cloud, colours, known, range, &marks.selected));
            on_device.colours = Some(colours);
            on_device.legend = legend;
        }
    }

    /// Renders a view, or a window of it.
    fn render(
        &self,
        gpu: &Gpu,
        views: &mut ViewRenderer,
        view: &View,
        look: &Look,
        mode: Mode,
        window: Option<Window>,
    ) -> Result<Rendered> {
        let degree = u32::from(self.cloud.sh_degree);
        // The attribute is the colour, from everywhere.
        let is_attribute = matches!(mode, Mode::Opacity | Mode::Size | Mode::Age | Mode::Motion);
        let used = if is_attribute { 0 } else { degree.min(u32::from(look.sh_degree)) };
        // Compensation would make small splats faint, and these are meant to be solid.
        let solid = matches!(mode, Mode::Ellipsoids | Mode::Points);
        let options = RasterOptions {
            antialias: !solid && look.antialias.unwrap_or(self.options.antialias),
            near: look.near.filter(|near| *near > 0.0).unwrap_or(self.options.near),
        };
        let blending = match mode {
            Mode::Overdraw => Blending::Overdraw,
            Mode::Ellipsoids => Blending::Ellipsoids,
            _ => Blending::Composite,
        };
        let with_depth = matches!(mode, Mode::Depth | Mode::Normals);
        let motion = self.cloud.motion.map(|motion| Motion {
            // The colour of an attribute does not change with time.
            sh0: if is_attribute { TimeBasis::STILL } else { motion.sh0 },
            ..motion
        });
        let model = viewing_model(Sh::packed(degree), motion, blending);
        let scene = Scene { gpu, model: &model, params: &self.params, phase: finished_phase(used), options };
        match window {
            None => views.render(&scene, view, with_depth),
            Some(window) => views.render_window(&scene, view, with_depth, window),
        }
    }
}
