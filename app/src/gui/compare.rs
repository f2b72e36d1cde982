//! A photo against its render, for the camera that is looked through: one or the other, both beside a divider, their
//! difference, or both in turn.
//!
//! The pictures arrive ready for upload, made by a worker with [`display_image`] and [`difference`].

use std::sync::{Arc, Weak};
use std::time::Duration;

use egui::{
    Align2, Color32, ColorImage, CursorIcon, Id, Label, Painter, Pos2, Rect, RichText, Sense, Slider, Stroke,
    TextStyle, TextureHandle, TextureOptions, Ui, WidgetInfo, pos2, vec2,
};
use splat_core::metrics::Image;

use super::parts::number;
use super::scores::Score;

/// What is shown of the two pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CompareMode {
    /// The render.
    #[default]
    Render,
    /// The photo.
    Photo,
    /// The photo left of a divider, the render right of it.
    Split,
    /// Where and how much they differ.
    Difference,
    /// Photo and render in turn.
    Flicker,
}

impl CompareMode {
    /// All modes, with their names and what they are for.
    const ALL: [(CompareMode, &'static str, &'static str); 5] = [
        (CompareMode::Render, "Render", "The splats through this camera"),
        (CompareMode::Photo, "Photo", "The photo this camera took"),
        (CompareMode::Split, "Split", "Photo on the left, render on the right; drag the divider"),
        (CompareMode::Difference, "Difference", "How far the colours are apart, mean of red, green and blue"),
        (CompareMode::Flicker, "Flicker", "Photo and render in turn: what moves or changes is wrong"),
    ];
}

/// How much a difference is enlarged before it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gain {
    /// As it is.
    One,
    /// Four times.
    #[default]
    Four,
    /// Ten times.
    Ten,
}

impl Gain {
    const ALL: [Gain; 3] = [Gain::One, Gain::Four, Gain::Ten];

    fn factor(self) -> f32 {
        match self {
            Gain::One => 1.0,
            Gain::Four => 4.0,
            Gain::Ten => 10.0,
        }
    }
}

/// The pictures of one camera, as far as they are there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CompareData<'a> {
    /// The splats.
    pub(crate) render: Option<&'a Arc<ColorImage>>,
    /// The photo over the background.
    pub(crate) photo: Option<&'a Arc<ColorImage>>,
    /// Their difference, and how much it is enlarged.
    pub(crate) difference: Option<(Gain, &'a Arc<ColorImage>)>,
    /// Why there is no photo.
    pub(crate) problem: Option<&'a str>,
    /// How well they match.
    pub(crate) score: Option<Score>,
    /// Whether pictures must not change by themselves.
    pub(crate) reduced_motion: bool,
}

/// What the person chose, and the textures.
pub(crate) struct Compare {
    /// What is shown.
    pub(crate) mode: CompareMode,
    /// Place of the divider, 0 = left border, 1 = right border.
    pub(crate) split: f32,
    /// How much differences are enlarged.
    pub(crate) gain: Gain,
    /// Whether the photo's turn has come, where pictures change by hand.
    swapped: bool,
    render: Slot,
    photo: Slot,
    difference: Slot,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            mode: CompareMode::default(),
            split: 0.5,
            gain: Gain::default(),
            swapped: false,
            render: Slot::default(),
            photo: Slot::default(),
            difference: Slot::default(),
        }
    }
}

/// A texture, and the picture it was made from.
#[derive(Default)]
struct Slot {
    source: Weak<ColorImage>,
    texture: Option<TextureHandle>,
}

impl Slot {
    /// The texture of a picture, uploaded when it is another one than before.
    fn of(&mut self, ui: &Ui, name: &str, image: Option<&Arc<ColorImage>>) -> Option<&TextureHandle> {
        let Some(image) = image else {
            *self = Self::default();
            return None;
        };
        // A live `Weak` keeps its address from being used again, so equal addresses mean the same picture.
        if self.source.as_ptr() != Arc::as_ptr(image) {
            self.source = Arc::downgrade(image);
            self.texture = Some(ui.ctx().load_texture(name, Arc::clone(image), TextureOptions::LINEAR));
        }
        self.texture.as_ref()
    }
}

impl Compare {
    /// Whether the photo is needed.
    pub(crate) fn wants_photo(&self) -> bool {
        self.mode != CompareMode::Render
    }

    /// Which difference is needed.
    pub(crate) fn wants_difference(&self) -> Option<Gain> {
        (self.mode == CompareMode::Difference).then_some(self.gain)
    }

    /// The buttons above the picture.
    pub(crate) fn controls(&mut self, ui: &mut Ui, data: &CompareData<'_>) {
        ui.horizontal_wrapped(|ui| {
            for (mode, name, about) in CompareMode::ALL {
                ui.selectable_value(&mut self.mode, mode, name).on_hover_text(about);
            }
            match self.mode {
                CompareMode::Split => {
                    ui.separator();
                    let slider = Slider::new(&mut self.split, 0.0..=1.0).text("Divider").show_value(false);
                    ui.add(slider);
                }
                CompareMode::Difference => {
                    ui.separator();
                    for gain in Gain::ALL {
                        let text = format!("×{}", gain.factor());
                        ui.selectable_value(&mut self.gain, gain, text)
                            .on_hover_text("Differences are enlarged by this before they are coloured");
                    }
                }
                CompareMode::Flicker if data.reduced_motion => {
                    ui.separator();
                    let about = "Motion is reduced: photo and render change places when you say so";
                    if ui.button("Swap").on_hover_text(about).clicked() {
                        self.swapped = !self.swapped;
                    }
                }
                CompareMode::Render | CompareMode::Photo | CompareMode::Flicker => {}
            }
            ui.separator();
            show_score(ui, data.score);
        });
    }

    /// The picture itself, filling `rect`, which has its shape.
    pub(crate) fn picture(&mut self, ui: &mut Ui, rect: Rect, data: &CompareData<'_>) {
        let mode = if data.photo.is_none() { CompareMode::Render } else { self.mode };
        let photo_turn = mode == CompareMode::Flicker && self.photo_turn(ui, data.reduced_motion);
        let render = self.render.of(ui, "render", data.render).cloned();
        let photo = self.photo.of(ui, "photo", data.photo).cloned();
        let ready = data.difference.filter(|(gain, _)| *gain == self.gain).map(|(_, image)| image);
        let difference = self.difference.of(ui, "difference", ready).cloned();

        let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        let painter = ui.painter_at(rect);
        let paint = |texture: &Option<TextureHandle>, uv: Rect| {
            if let Some(texture) = texture {
                let part = Rect::from_min_max(rect.lerp_inside(uv.min.to_vec2()), rect.lerp_inside(uv.max.to_vec2()));
                painter.image(texture.id(), part, uv, Color32::WHITE);
            }
        };
        match mode {
            CompareMode::Render => {
                paint(&render, whole);
                if self.mode != CompareMode::Render {
                    let text = data.problem.unwrap_or("Loading the photo…");
                    tag(ui, &painter, rect, Align2::LEFT_TOP, text);
                }
            }
            CompareMode::Photo => {
                paint(&photo, whole);
                tag(ui, &painter, rect, Align2::LEFT_TOP, "Photo");
            }
            CompareMode::Flicker => {
                paint(if photo_turn { &photo } else { &render }, whole);
                tag(ui, &painter, rect, Align2::LEFT_TOP, if photo_turn { "Photo" } else { "Render" });
            }
            CompareMode::Difference => {
                paint(if difference.is_some() { &difference } else { &render }, whole);
                let text = match &difference {
                    Some(_) => {
                        format!("White: {} of the full range or more", number(1.0 / f64::from(self.gain.factor())))
                    }
                    None => "Comparing…".to_owned(),
                };
                tag(ui, &painter, rect, Align2::LEFT_TOP, &text);
            }
            CompareMode::Split => {
                self.split = drag_divider(ui, rect, self.split.clamp(0.0, 1.0));
                paint(&photo, Rect::from_min_max(Pos2::ZERO, pos2(self.split, 1.0)));
                paint(&render, Rect::from_min_max(pos2(self.split, 0.0), pos2(1.0, 1.0)));
                tag(ui, &painter, rect, Align2::LEFT_TOP, "Photo");
                tag(ui, &painter, rect, Align2::RIGHT_TOP, "Render");
                paint_divider(ui, &painter, rect, self.split);
            }
        }
    }

    /// Whether flicker shows the photo now: two rounds a second, slow enough to be safe for everyone.
    fn photo_turn(&self, ui: &Ui, reduced_motion: bool) -> bool {
        if reduced_motion {
            return self.swapped;
        }
        let (photo, until_next) = turn(ui.input(|input| input.time));
        ui.ctx().request_repaint_after(Duration::from_secs_f64(until_next));
        photo
    }
}

/// Whose turn it is at a time, and how long still: a quarter of a second each.
fn turn(seconds: f64) -> (bool, f64) {
    let quarter = (seconds * 4.0).floor();
    // A hair late rather than early, or one frame would be drawn for nothing.
    (quarter.rem_euclid(2.0) == 0.0, (quarter + 1.0) / 4.0 - seconds + 1e-3)
}

fn show_score(ui: &mut Ui, score: Option<Score>) {
    let Some(score) = score else {
        ui.weak("Not scored yet");
        return;
    };
    if score.psnr.is_nan() {
        ui.weak("Every pixel of this photo is masked");
        return;
    }
    let text = format!("PSNR {:.2} dB, SSIM {:.4}", score.psnr, score.ssim);
    if score.stale {
        let of = format!("Measured at step {}; the splats have changed since", score.of.step);
        ui.add(Label::new(RichText::new(format!("{text} (earlier)")).weak()).extend()).on_hover_text(of);
    } else {
        // In one piece on the next line rather than broken in the middle.
        ui.add(Label::new(text).extend());
    }
}

/// A word in a corner of the picture, readable on anything.
fn tag(ui: &Ui, painter: &Painter, rect: Rect, corner: Align2, text: &str) {
    let visuals = ui.visuals();
    let galley = painter.layout(
        text.to_owned(),
        TextStyle::Small.resolve(ui.style()),
        visuals.strong_text_color(),
        (rect.width() - 24.0).max(40.0),
    );
    let inside = rect.shrink(6.0);
    let frame = corner.anchor_size(corner.pos_in_rect(&inside), galley.size() + vec2(10.0, 4.0));
    painter.rect_filled(frame, 3.0, visuals.window_fill.gamma_multiply(0.85));
    painter.galley(frame.min + vec2(5.0, 2.0), galley, visuals.strong_text_color());
}

/// Lets the divider be dragged; gives its new place.
fn drag_divider(ui: &Ui, rect: Rect, split: f32) -> f32 {
    let x = egui::lerp(rect.x_range(), split);
    let grip = Rect::from_x_y_ranges(x - 8.0..=x + 8.0, rect.y_range()).intersect(rect);
    let response = ui
        .interact(grip, Id::unique("divider between photo and render"), Sense::DRAG)
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let name = "Divider between photo and render";
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), f64::from(split), name));
    match response.interact_pointer_pos().filter(|_| response.dragged()) {
        Some(pointer) if rect.width() > 0.0 => ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0),
        _ => split,
    }
}

fn paint_divider(ui: &Ui, painter: &Painter, rect: Rect, split: f32) {
    let x = egui::lerp(rect.x_range(), split);
    let visuals = ui.visuals();
    painter.vline(x, rect.y_range(), Stroke::new(3.0, visuals.window_fill));
    painter.vline(x, rect.y_range(), Stroke::new(1.0, visuals.strong_text_color()));
    painter.circle(pos2(x, rect.center().y), 6.0, visuals.window_fill, Stroke::new(1.0, visuals.strong_text_color()));
}

/// A picture ready for upload. One larger than textures may be is averaged down by a whole factor.
pub(crate) fn display_image(image: &Image, max_side: usize) -> ColorImage {
    let (width, height) = (image.width as usize, image.height as usize);
    let factor = width.max(height).div_ceil(max_side.max(1)).max(1);
    let size = [width.div_ceil(factor).max(1), height.div_ceil(factor).max(1)];
    let mut pixels = Vec::with_capacity(size[0] * size[1]);
    let lines: Vec<&[[u8; 4]]> = image.rgba.as_chunks::<4>().0.chunks_exact(width.max(1)).collect();
    for band in lines.chunks(factor) {
        for x in (0..width).step_by(factor) {
            let mut sum = [0_u32; 4];
            let block = band.iter().flat_map(|line| line.iter().skip(x).take(factor));
            let mut count = 0;
            for pixel in block {
                count += 1;
                sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
            }
            let [r, g, b, a] = sum.map(|sum| ((sum + count / 2) / count.max(1)) as u8);
            pixels.push(Color32::from_rgba_unmultiplied(r, g, b, a));
        }
    }
    pixels.resize(size[0] * size[1], Color32::TRANSPARENT);
    ColorImage::new(size, pixels)
}

/// Where a render and a photo differ: the mean over red, green and blue of |a − b|, times a gain, as heat.
///
/// Pixels whose `mask`, of the photo's size, is 0 are grey: nothing is known there. Pictures of different size are
/// compared where both have pixels. For worker threads: it takes some milliseconds per megapixel.
pub(crate) fn difference(render: &Image, photo: &Image, mask: Option<&[u8]>, gain: Gain) -> Image {
    const IGNORED: [u8; 4] = [96, 96, 96, 255];
    // Sums of three channels: 0..=765.
    let colours: Vec<[u8; 4]> =
        (0..=765_u16).map(|sum| heat(f32::from(sum) / 765.0 * gain.factor())).map(|[r, g, b]| [r, g, b, 255]).collect();
    let (width, height) = (render.width.min(photo.width), render.height.min(photo.height));
    let lines = |image: &'_ Image| image.width.max(1) as usize;
    let render_lines = render.rgba.as_chunks::<4>().0.chunks_exact(lines(render));
    let photo_lines = photo.rgba.as_chunks::<4>().0.chunks_exact(lines(photo));
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    for (y, (a, b)) in render_lines.zip(photo_lines).enumerate() {
        let mask = mask.and_then(|mask| mask.get(y * lines(photo)..));
        for (x, (a, b)) in a.iter().zip(b).enumerate() {
            let ignored = mask.is_some_and(|mask| mask.get(x) == Some(&0));
            let sum: usize = a.iter().zip(b).take(3).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
            let colour = if ignored { Some(&IGNORED) } else { colours.get(sum) };
            rgba.extend_from_slice(colour.unwrap_or(&IGNORED));
        }
    }
    Image { width, height, rgba }
}

/// Black over violet, red and orange to white, each lighter than the one before, so that it reads without colour too.
pub(crate) fn heat(value: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 5] =
        [[0.0, 0.0, 0.0], [64.0, 0.0, 128.0], [200.0, 30.0, 60.0], [255.0, 150.0, 0.0], [255.0, 255.0, 255.0]];
    let place = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let below = (place as usize).min(STOPS.len() - 2);
    let part = place - below as f32;
    let (low, high) = (STOPS[below], STOPS[below + 1]);
    std::array::from_fn(|c| (low[c] + part * (high[c] - low[c])).round() as u8)
}

#[cfg(test)]
mod tests;
