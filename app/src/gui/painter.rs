//! Draws the window where a software adapter is all there is, in place of the toolkit's own renderer.
//!
//! That renderer's shader costs a processor thousands of cycles for every eight pixels (see `painter.wgsl`), so that a
//! frame of the window took longer than one of the splats. Here the triangles of a frame are taken out of what the
//! toolkit hands to its renderer, and drawn by a callback that is all the renderer still has to do.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu::{self, TextureFormat};
use egui::epaint::{ClippedShape, ImageData, ImageDelta, Primitive, Vertex};
use egui::{
    Context, FullOutput, PaintCallbackInfo, Plugin, Rect, TextureFilter, TextureId, TextureOptions, TextureWrapMode,
};

/// Bytes of a corner: its place and that in the texture in four floats, and a colour.
const CORNER_BYTES: usize = 20;

/// What happens to a texture.
enum Change {
    Set(TextureId, ImageDelta),
    /// After the frame that tells it.
    Free(TextureId),
}

/// Changes that were not seen by the device yet, in order. A frame may be made and never drawn.
type Changes = Arc<Mutex<Vec<Change>>>;

fn lock(changes: &Changes) -> MutexGuard<'_, Vec<Change>> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The plugin that takes the triangles.
pub(crate) struct Painter {
    format: TextureFormat,
    changes: Changes,
}

impl Painter {
    /// For a window that is drawn into this format.
    pub(crate) fn new(format: TextureFormat) -> Self {
        Self { format, changes: Changes::default() }
    }
}

impl Plugin for Painter {
    fn debug_name(&self) -> &'static str {
        "painter"
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let delta = &mut output.textures_delta;
        let set =
            delta.set.drain().flat_map(|(id, deltas)| deltas.into_iter().map(move |delta| Change::Set(id, delta)));
        let free = delta.free.drain().map(Change::Free);
        lock(&self.changes).extend(set.chain(free));
        let shapes = std::mem::take(&mut output.shapes);
        let mut drawing = Drawing {
            format: self.format,
            corners: Vec::new(),
            indices: Vec::new(),
            pieces: Vec::new(),
            changes: Arc::clone(&self.changes),
        };
        for clipped in ctx.tessellate(shapes, output.pixels_per_point) {
            // Nothing in this window draws by callbacks of its own.
            let Primitive::Mesh(mesh) = clipped.primitive else { continue };
            let (first, base) = (drawing.indices.len() as u32, drawing.corners.len() as u32);
            drawing.corners.extend(mesh.vertices);
            drawing.indices.extend(mesh.indices.iter().map(|index| base + index));
            let indices = first..drawing.indices.len() as u32;
            drawing.pieces.push(Piece { clip: clipped.clip_rect, texture: mesh.texture_id, indices });
        }
        let everywhere = ctx.content_rect();
        let callback = Callback::new_paint_callback(everywhere, drawing);
        output.shapes = vec![ClippedShape::new(everywhere, callback)];
    }
}

/// Triangles of one texture within one rectangle.
struct Piece {
    clip: Rect,
    texture: TextureId,
    indices: Range<u32>,
}

/// The triangles of a frame.
struct Drawing {
    format: TextureFormat,
    corners: Vec<Vertex>,
    indices: Vec<u32>,
    pieces: Vec<Piece>,
    changes: Changes,
}

/// What stays on the device from frame to frame.
struct Kept {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
    textures: HashMap<TextureId, Texture>,
    /// To be freed before the next frame.
    freed: Vec<TextureId>,
    /// Corners and indices.
    buffers: [wgpu::Buffer; 2],
}

struct Texture {
    texture: wgpu::Texture,
    group: wgpu::BindGroup,
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
        let Some(kept) = resources.get_mut::<Kept>() else { return Vec::new() };
        for id in kept.freed.drain(..) {
            kept.textures.remove(&id);
        }
        for change in lock(&self.changes).drain(..) {
            match change {
                Change::Set(id, delta) => kept.set(device, queue, id, &delta),
                Change::Free(id) => kept.freed.push(id),
            }
        }
        let [width, height] = screen.size_in_pixels.map(|edge| edge.max(1) as f32);
        let scale = screen.pixels_per_point;
        let mut corners = Vec::with_capacity(self.corners.len() * CORNER_BYTES);
        for Vertex { pos, uv, color } in &self.corners {
            let place = [2.0 * pos.x * scale / width - 1.0, 1.0 - 2.0 * pos.y * scale / height, uv.x, uv.y];
            corners.extend(place.iter().flat_map(|number| number.to_ne_bytes()));
            corners.extend(color.to_array());
        }
        let indices: Vec<u8> = self.indices.iter().flat_map(|index| index.to_ne_bytes()).collect();
        for ((buffer, contents), usage) in kept.buffers.iter_mut().zip([corners, indices]).zip(USAGES) {
            if buffer.size() < contents.len() as u64 {
                *buffer = room(device, usage, 2 * contents.len() as u64);
            }
            queue.write_buffer(buffer, 0, &contents);
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(kept) = resources.get::<Kept>() else { return };
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        pass.set_pipeline(&kept.pipeline);
        pass.set_vertex_buffer(0, kept.buffers[0].slice(..));
        pass.set_index_buffer(kept.buffers[1].slice(..), wgpu::IndexFormat::Uint32);
        for piece in &self.pieces {
            let Some([x, y, w, h]) = scissors(piece.clip, info.pixels_per_point, [width, height]) else { continue };
            let Some(texture) = kept.textures.get(&piece.texture) else { continue };
            pass.set_scissor_rect(x, y, w, h);
            pass.set_bind_group(0, &texture.group, &[]);
            pass.draw_indexed(piece.indices.clone(), 0, 0..1);
        }
    }
}

/// A rectangle in pixels of the screen; none when nothing of it is seen.
fn scissors(clip: Rect, scale: f32, [width, height]: [u32; 2]) -> Option<[u32; 4]> {
    let pixel = |points: f32, most: u32| ((points * scale).round().max(0.0) as u32).min(most);
    let [left, right] = [clip.min.x, clip.max.x].map(|x| pixel(x, width));
    let [top, bottom] = [clip.min.y, clip.max.y].map(|y| pixel(y, height));
    (left < right && top < bottom).then(|| [left, top, right - left, bottom - top])
}

/// What the buffers are for.
const USAGES: [wgpu::BufferUsages; 2] = [wgpu::BufferUsages::VERTEX, wgpu::BufferUsages::INDEX];

fn room(device: &wgpu::Device, usage: wgpu::BufferUsages, size: u64) -> wgpu::Buffer {
    let usage = usage | wgpu::BufferUsages::COPY_DST;
    device.create_buffer(&wgpu::BufferDescriptor { label: Some("painter"), size, usage, mapped_at_creation: false })
}

impl Kept {
    fn new(device: &wgpu::Device, format: TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("painter.wgsl"));
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        };
        let texture = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("painter"),
            entries: &[entry(0, texture), entry(1, sampler)],
        });
        let constants = [("encodes", f64::from(u8::from(format.is_srgb())))];
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("painter"),
            bind_group_layouts: &[Some(&layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("painter"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("corner"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[Some(wgpu::VertexBufferLayout {
                    array_stride: CORNER_BYTES as u64,
                    step_mode: wgpu::VertexStepMode::Vertex,
                    attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2, 2 => Unorm8x4],
                })],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("paint"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    ..wgpu::PipelineCompilationOptions::default()
                },
                targets: &[Some(wgpu::ColorTargetState {
                    format,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        });
        let buffers = USAGES.map(|usage| room(device, usage, 1 << 16));
        Self { layout, pipeline, textures: HashMap::new(), freed: Vec::new(), buffers }
    }

    /// Makes a texture, or changes a part of one.
    fn set(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let [width, height] = image.size.map(|edge| edge as u32);
        if width == 0 || height == 0 {
            return;
        }
        let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
        let fits = |texture: &Texture| delta.pos.is_some() || texture.texture.size() == size;
        let texture = match self.textures.remove(&id).filter(fits) {
            Some(texture) => texture,
            // A part of a texture that is not there.
            None if delta.pos.is_some() => return,
            None => self.make(device, size, delta.options),
        };
        let [x, y] = delta.pos.unwrap_or_default().map(|edge| edge as u32);
        queue.write_texture(
            wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x, y, z: 0 }, ..texture.texture.as_image_copy() },
            image.as_raw(),
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * width), rows_per_image: None },
            size,
        );
        self.textures.insert(id, texture);
    }

    fn make(&self, device: &wgpu::Device, size: wgpu::Extent3d, options: TextureOptions) -> Texture {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("painter"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let filter = |filter| match filter {
            TextureFilter::Nearest => wgpu::FilterMode::Nearest,
            TextureFilter::Linear => wgpu::FilterMode::Linear,
        };
        let address = match options.wrap_mode {
            TextureWrapMode::ClampToEdge => wgpu::AddressMode::ClampToEdge,
            TextureWrapMode::Repeat => wgpu::AddressMode::Repeat,
            TextureWrapMode::MirroredRepeat => wgpu::AddressMode::MirrorRepeat,
        };
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: filter(options.magnification),
            min_filter: filter(options.minification),
            address_mode_u: address,
            address_mode_v: address,
            ..wgpu::SamplerDescriptor::default()
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("painter"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        });
        Texture { texture, group }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eframe::wgpu::TextureFormat;
    use egui::{Color32, ColorImage, Mesh, Rect, TextureHandle, TextureOptions, pos2, vec2};
    use egui_kittest::Harness;
    use splat_core::gpu::{Gpu, GpuOptions};

    use super::{Painter, scissors};

    /// Text, controls, a clipped and enlarged picture that changes, and a mesh.
    fn show(ui: &mut egui::Ui, (frame, texture): &mut (u32, Option<TextureHandle>)) {
        *frame += 1;
        ui.heading("Äpfel & 123");
        let _ = ui.button("Press");
        ui.add(egui::ProgressBar::new(0.4));
        let pixel = |i: usize| Color32::from_rgb((i as u32 * *frame % 251) as u8, (i / 32 * 8) as u8, 90);
        let image = Arc::new(ColorImage::new([32, 32], (0..32 * 32).map(pixel).collect()));
        let options = TextureOptions::LINEAR;
        let texture = texture.get_or_insert_with(|| ui.ctx().load_texture("picture", ColorImage::example(), options));
        texture.set(image, options);
        let clip = ui.painter().with_clip_rect(Rect::from_min_size(pos2(104.0, 104.0), vec2(40.0, 40.0)));
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        clip.image(texture.id(), Rect::from_min_size(pos2(100.0, 100.0), vec2(48.0, 48.0)), whole, Color32::WHITE);
        let mut shape = Mesh::default();
        shape.colored_vertex(pos2(10.0, 150.0), Color32::from_rgba_unmultiplied(255, 0, 0, 128));
        shape.colored_vertex(pos2(90.0, 155.0), Color32::TRANSPARENT);
        shape.colored_vertex(pos2(20.0, 195.0), Color32::WHITE);
        shape.add_triangle(0, 1, 2);
        ui.painter().add(shape);
    }

    fn drawn(with_painter: bool) -> Result<image::RgbaImage, String> {
        let mut harness = Harness::builder().with_size([200.0, 200.0]).build_ui_state(
            move |ui, state| {
                if with_painter && state.0 == 0 {
                    // What the harness draws into.
                    ui.ctx().add_plugin(Painter::new(TextureFormat::Rgba8Unorm));
                }
                show(ui, state);
            },
            (0, None),
        );
        harness.run_steps(3);
        harness.render()
    }

    #[test]
    fn the_painter_draws_what_the_toolkit_would() {
        if let Err(error) = Gpu::new(&GpuOptions::default()) {
            assert!(std::env::var_os("SPLAT_REQUIRE_GPU").is_none(), "{error}");
            eprintln!("skipped the_painter_draws_what_the_toolkit_would: {error}");
            return;
        }
        let [own, toolkit] = [true, false].map(|own| drawn(own).expect("a picture"));
        assert!(toolkit.pixels().filter(|pixel| pixel.0[3] > 0).count() > 9000, "an empty window");
        let far = |(a, b): &(&image::Rgba<u8>, &image::Rgba<u8>)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 4);
        assert_eq!(own.pixels().zip(toolkit.pixels()).filter(far).count(), 0);
    }

    #[test]
    fn scissors_stay_on_the_screen() {
        let rect = |left, top, right, bottom| Rect::from_min_max(pos2(left, top), pos2(right, bottom));
        assert_eq!(scissors(rect(-5.0, 2.0, 30.0, 900.0), 1.0, [20, 10]), Some([0, 2, 20, 8]));
        assert_eq!(scissors(rect(1.2, 1.2, 4.0, 4.0), 2.0, [20, 10]), Some([2, 2, 6, 6]));
        assert_eq!(scissors(rect(30.0, 0.0, 40.0, 5.0), 1.0, [20, 10]), None);
        assert_eq!(scissors(Rect::NOTHING, 1.0, [20, 10]), None);
        assert_eq!(scissors(Rect::EVERYTHING, 1.0, [20, 10]), Some([0, 0, 20, 10]));
        assert_eq!(scissors(rect(f32::NAN, 0.0, f32::NAN, 5.0), 1.0, [20, 10]), None);
    }
}
