//! What fills the viewport, drawn with shaders of its own: the picture, and the many thin lines over it.
//!
//! The shader that draws everything else costs a software adapter some hundred cycles for every pixel it touches, more
//! than the splats themselves; here a pixel costs a few. Without a known target, as in most tests, both are drawn the
//! ordinary way and look the same.

use std::sync::{Arc, OnceLock};

use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu::{self, TextureFormat};
use egui::{Color32, ColorImage, Context, Id, Mesh, PaintCallbackInfo, Painter, Pos2, Rect, Shape};

/// Bytes of a corner: its place in two floats, and four bytes.
const CORNER_BYTES: u64 = 12;

/// Says what the window is drawn into. Asked for in every frame, because egui may forget it.
pub(crate) fn set_target(ctx: &Context, format: TextureFormat) {
    ctx.data_mut(|data| data.insert_temp(Id::unique("canvas target"), format));
}

fn target(ctx: &Context) -> Option<TextureFormat> {
    ctx.data(|data| data.get_temp(Id::unique("canvas target")))
}

/// Draws an opaque picture; false when that must be done the ordinary way.
pub(crate) fn picture(painter: &Painter, rect: Rect, image: &Arc<ColorImage>) -> bool {
    let Some(format) = target(painter.ctx()).filter(|_| !image.size.contains(&0)) else { return false };
    // The bytes are the place in the picture, where 255 stands for 1.
    let corner = |x: u8, y: u8| {
        let at = rect.min + rect.size() * egui::vec2(f32::from(x.min(1)), f32::from(y.min(1)));
        (at, [x, y, 0, 255])
    };
    let corners = vec![corner(0, 0), corner(255, 0), corner(0, 255), corner(255, 255)];
    let drawing = Drawing {
        format,
        corners,
        indices: vec![0, 1, 2, 1, 2, 3],
        picture: Some(Arc::clone(image)),
        is_exact: is_exact(rect.size() * painter.pixels_per_point(), image.size),
        buffers: OnceLock::new(),
    };
    add(painter, drawing);
    true
}

/// Whether a picture is shown pixel by pixel.
fn is_exact(size: egui::Vec2, image: [usize; 2]) -> bool {
    let near = |length: f32, pixels: usize| (length - pixels as f32).abs() < 0.01;
    near(size.x, image[0]) && near(size.y, image[1])
}

/// Draws triangles without a texture.
pub(crate) fn mesh(painter: &Painter, mesh: Mesh) {
    let Some(format) = target(painter.ctx()) else {
        painter.add(Shape::mesh(mesh));
        return;
    };
    let corners = mesh.vertices.iter().map(|vertex| (vertex.pos, vertex.color.to_array())).collect();
    let buffers = OnceLock::new();
    add(painter, Drawing { format, corners, indices: mesh.indices, picture: None, is_exact: true, buffers });
}

fn add(painter: &Painter, drawing: Drawing) {
    // Seen from the whole window, so that places need no rounding; the painter's clip rectangle still holds.
    painter.add(Callback::new_paint_callback(painter.ctx().content_rect(), drawing));
}

/// Triangles to draw in one frame.
struct Drawing {
    format: TextureFormat,
    /// Points on the screen, and a premultiplied colour or a place in the picture.
    corners: Vec<(Pos2, [u8; 4])>,
    indices: Vec<u32>,
    /// The picture they show; otherwise they have colours of their own.
    picture: Option<Arc<ColorImage>>,
    is_exact: bool,
    /// Corners and indices on the device.
    buffers: OnceLock<[wgpu::Buffer; 2]>,
}

/// What stays on the device from frame to frame.
struct Kept {
    layout: wgpu::BindGroupLayout,
    images: wgpu::RenderPipeline,
    lines: wgpu::RenderPipeline,
    /// Without and with smoothing.
    samplers: [wgpu::Sampler; 2],
    shown: Option<ShownPicture>,
}

/// A picture on the device.
struct ShownPicture {
    image: Arc<ColorImage>,
    texture: wgpu::Texture,
    /// For each of the samplers.
    groups: [wgpu::BindGroup; 2],
}

impl CallbackTrait for Drawing {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if !resources.contains::<Kept>() {
            resources.insert(Kept::new(device, self.format));
        }
        if let (Some(kept), Some(image)) = (resources.get_mut::<Kept>(), &self.picture) {
            kept.show(device, queue, image);
        }
        let [width, height] = screen.size_in_pixels.map(|edge| edge.max(1) as f32);
        let scale = screen.pixels_per_point;
        let mut bytes = Vec::with_capacity(self.corners.len() * CORNER_BYTES as usize);
        for (at, value) in &self.corners {
            let place = [2.0 * at.x * scale / width - 1.0, 1.0 - 2.0 * at.y * scale / height];
            bytes.extend(place.iter().flat_map(|axis| axis.to_ne_bytes()));
            bytes.extend(value);
        }
        let indices: Vec<u8> = self.indices.iter().flat_map(|index| index.to_ne_bytes()).collect();
        let buffer = |contents: &[u8], usage| {
            let size = contents.len() as u64;
            let usage = usage | wgpu::BufferUsages::COPY_DST;
            let label = Some("canvas");
            let buffer =
                device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false });
            queue.write_buffer(&buffer, 0, contents);
            buffer
        };
        let buffers = [buffer(&bytes, wgpu::BufferUsages::VERTEX), buffer(&indices, wgpu::BufferUsages::INDEX)];
        // Prepared once: another frame makes another drawing.
        let _ = self.buffers.set(buffers);
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let (Some(kept), Some([corners, indices])) = (resources.get::<Kept>(), self.buffers.get()) else { return };
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        match (&self.picture, &kept.shown) {
            (Some(_), Some(shown)) => {
                pass.set_pipeline(&kept.images);
                pass.set_bind_group(0, &shown.groups[usize::from(!self.is_exact)], &[]);
            }
            (Some(_), None) => return,
            (None, _) => pass.set_pipeline(&kept.lines),
        }
        pass.set_vertex_buffer(0, corners.slice(..));
        pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.draw_indexed(0..self.indices.len() as u32, 0, 0..1);
    }
}

impl Kept {
    fn new(device: &wgpu::Device, format: TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("canvas.wgsl"));
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("canvas"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: true },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                    count: None,
                },
                wgpu::BindGroupLayoutEntry {
                    binding: 1,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                    count: None,
                },
            ],
        });
        let encodes = f64::from(u8::from(format.is_srgb()));
        let pipeline = |entry: &str, groups: &[Option<&wgpu::BindGroupLayout>], blend: Option<wgpu::BlendState>| {
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(entry),
                bind_group_layouts: groups,
                ..wgpu::PipelineLayoutDescriptor::default()
            });
            let constants = [("encodes", encodes)];
            let compilation = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(entry),
                layout: Some(&layout),
                vertex: wgpu::VertexState {
                    module: &shader,
                    entry_point: Some("corner"),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    buffers: &[Some(wgpu::VertexBufferLayout {
                        array_stride: CORNER_BYTES,
                        step_mode: wgpu::VertexStepMode::Vertex,
                        attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Unorm8x4],
                    })],
                },
                primitive: wgpu::PrimitiveState::default(),
                depth_stencil: None,
                multisample: wgpu::MultisampleState::default(),
                fragment: Some(wgpu::FragmentState {
                    module: &shader,
                    entry_point: Some(entry),
                    compilation_options: compilation,
                    targets: &[Some(wgpu::ColorTargetState { format, blend, write_mask: wgpu::ColorWrites::ALL })],
                }),
                multiview_mask: None,
                cache: None,
            })
        };
        let sampler = |filter| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                mag_filter: filter,
                min_filter: filter,
                ..wgpu::SamplerDescriptor::default()
            })
        };
        Self {
            images: pipeline("image", &[Some(&layout)], None),
            lines: pipeline("line", &[], Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING)),
            samplers: [sampler(wgpu::FilterMode::Nearest), sampler(wgpu::FilterMode::Linear)],
            layout,
            shown: None,
        }
    }

    /// Sends a picture, unless it is there already.
    fn show(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, image: &Arc<ColorImage>) {
        if self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(&shown.image, image)) {
            return;
        }
        let [width, height] = image.size.map(|edge| edge as u32);
        let shown = match self.shown.take() {
            Some(shown) if shown.image.size == image.size => ShownPicture { image: Arc::clone(image), ..shown },
            _ => self.make_room(device, image),
        };
        queue.write_texture(
            shown.texture.as_image_copy(),
            image.as_raw(),
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * width), rows_per_image: None },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
        self.shown = Some(shown);
    }

    fn make_room(&self, device: &wgpu::Device, image: &Arc<ColorImage>) -> ShownPicture {
        let [width, height] = image.size.map(|edge| edge as u32);
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = |sampler: &wgpu::Sampler| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("picture"),
                layout: &self.layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                    wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(sampler) },
                ],
            })
        };
        let groups = [group(&self.samplers[0]), group(&self.samplers[1])];
        ShownPicture { image: Arc::clone(image), texture, groups }
    }
}

/// The colour that a frame begins with, as the target takes it.
pub(crate) fn clear_colour(colour: Color32, format: Option<TextureFormat>) -> [f32; 4] {
    match format {
        Some(format) if format.is_srgb() => egui::Rgba::from(colour).to_array(),
        _ => colour.to_normalized_gamma_f32(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eframe::wgpu::TextureFormat;
    use egui::{Color32, ColorImage, Mesh, Rect, TextureOptions, pos2, vec2};
    use egui_kittest::Harness;
    use splat_core::gpu::{Gpu, GpuOptions};

    use super::{clear_colour, mesh, picture, set_target};

    /// A picture enlarged one and a half times, another one pixel by pixel, and a mesh with a colour that changes.
    fn draw(ui: &egui::Ui, images: &[Arc<ColorImage>; 2]) {
        let painter = ui.painter();
        let clip = painter.with_clip_rect(Rect::from_min_size(pos2(4.0, 4.0), vec2(40.0, 40.0)));
        let rects = [
            Rect::from_min_size(pos2(0.0, 0.0), vec2(48.0, 48.0)),
            Rect::from_min_size(pos2(60.0, 8.0), vec2(32.0, 32.0)),
        ];
        for ((image, rect), painter) in images.iter().zip(rects).zip([&clip, painter]) {
            if !picture(painter, rect, image) {
                let id = ui.ctx().load_texture("fallback", Arc::clone(image), TextureOptions::LINEAR);
                let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                painter.image(id.id(), rect, whole, Color32::WHITE);
                // Lives until the frame is drawn.
                ui.ctx().data_mut(|data| data.insert_temp(egui::Id::unique(id.id()), id));
            }
        }
        let mut shape = Mesh::default();
        shape.colored_vertex(pos2(10.0, 50.0), Color32::from_rgba_unmultiplied(255, 0, 0, 128));
        shape.colored_vertex(pos2(90.0, 55.0), Color32::TRANSPARENT);
        shape.colored_vertex(pos2(20.0, 95.0), Color32::WHITE);
        shape.add_triangle(0, 1, 2);
        mesh(painter, shape);
    }

    fn rendered(canvas: bool) -> Result<image::RgbaImage, String> {
        let image = |step: usize| {
            let pixel = |i: usize| Color32::from_rgb((i * step % 251) as u8, (i / 32 * 8) as u8, 90);
            Arc::new(ColorImage::new([32, 32], (0..32 * 32).map(pixel).collect()))
        };
        let images = [image(7), image(13)];
        let mut harness = Harness::builder().with_size([100.0, 100.0]).build_ui(move |ui| {
            if canvas {
                // What the harness draws into.
                set_target(ui.ctx(), TextureFormat::Rgba8Unorm);
            }
            draw(ui, &images);
        });
        harness.run_steps(2);
        harness.render()
    }

    #[test]
    fn the_canvas_draws_what_the_window_would() {
        if let Err(error) = Gpu::new(&GpuOptions::default()) {
            assert!(std::env::var_os("SPLAT_REQUIRE_GPU").is_none(), "{error}");
            eprintln!("skipped the_canvas_draws_what_the_window_would: {error}");
            return;
        }
        let [fast, ordinary] = [true, false].map(|canvas| rendered(canvas).expect("a picture"));
        // Two pictures in one frame share a texture: the later one wins, so only what is alike is compared.
        let unlike = |rect: [u32; 4]| {
            let [left, top, right, bottom] = rect;
            let at = (top..bottom).flat_map(move |y| (left..right).map(move |x| (x, y)));
            let far = |(x, y): &(u32, u32)| {
                let pair = fast.get_pixel(*x, *y).0.into_iter().zip(ordinary.get_pixel(*x, *y).0);
                pair.into_iter().any(|(a, b)| a.abs_diff(b) > 3)
            };
            at.filter(far).count()
        };
        assert_eq!(unlike([56, 0, 100, 48]), 0, "pixel by pixel");
        assert_eq!(unlike([0, 49, 100, 100]), 0, "a mesh");
        assert_eq!(fast.get_pixel(2, 20), ordinary.get_pixel(2, 20), "outside of the clip rectangle");
        assert_ne!(fast.get_pixel(20, 20).0[3], 0, "inside of it");
    }

    #[test]
    fn the_ground_colour_suits_the_target() {
        let grey = Color32::from_gray(128);
        assert!((clear_colour(grey, Some(TextureFormat::Bgra8Unorm))[0] - 0.502).abs() < 0.001);
        assert!((clear_colour(grey, Some(TextureFormat::Bgra8UnormSrgb))[0] - 0.216).abs() < 0.001);
        assert_eq!(clear_colour(Color32::WHITE, None), [1.0; 4]);
    }
}
