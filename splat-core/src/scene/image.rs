//! Photographs as the trainer sees them: undistorted, resized, premultiplied, masked.
//!
//! Two meanings of "not there" stay separate: *alpha* says the background is empty there, the *mask* says nothing is
//! known there. Colours stay sRGB-encoded bytes; filtering happens on premultiplied values, so that invisible pixels
//! do not bleed into visible ones. Not for reading files: see `decode.rs`.

use super::camera::{Intrinsics, View};
use super::decode;
use super::lens::Lens;
use crate::error::{Error, Result};

/// An image in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Premultiplied, sRGB-encoded: `[H * W * 4]`.
    pub rgba: Vec<u8>,
    /// Whether alpha may differ from 255.
    pub has_alpha: bool,
    /// 255 = use, 0 = ignore: `[H * W]`. `None` = use every pixel.
    pub mask: Option<Vec<u8>>,
}

impl Photo {
    /// Bytes held by the pixels.
    pub fn byte_len(&self) -> usize {
        self.rgba.len() + self.mask.as_ref().map_or(0, Vec::len)
    }

    /// The photo averaged over the exact area of each new pixel.
    ///
    /// Ignored pixels do not take part in the average; a new pixel is used if at least half of its area was.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let columns = Footprints::new(self.width, width);
        let rows = Footprints::new(self.height, height);
        let count = width as usize * height as usize;
        let mut rgba = Vec::with_capacity(count * 4);
        let mut mask = self.mask.as_ref().map(|_| Vec::with_capacity(count));
        let mut line = vec![[0.0_f32; 5]; self.width as usize];
        for y in 0..height {
            self.average_rows(rows.get(y), &mut line);
            for x in 0..width {
                let sum = average(columns.get(x), &line);
                let used = sum[4];
                if let Some(mask) = &mut mask {
                    // A hair below one half, so that rounding of the weights cannot tip an exact tie.
                    mask.push(if used >= 0.499_99 { 255 } else { 0 });
                }
                let scale = if used > 0.0 { 1.0 / used } else { 0.0 };
                rgba.extend(sum.iter().take(4).map(|&c| (c * scale).round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { width, height, rgba, has_alpha: self.has_alpha, mask }
    }

    /// Weighted sum of some rows: colour and alpha weighted by use, and the use itself.
    fn average_rows(&self, (first, weights): (usize, &[f32]), line: &mut [[f32; 5]]) {
        line.fill([0.0; 5]);
        let stride = self.width as usize;
        for (row, &weight) in (first..).zip(weights) {
            let pixels = self.rgba.chunks_exact(4).skip(row * stride);
            let mask = self.mask.as_deref().map(|mask| mask.get(row * stride..).unwrap_or_default());
            for (x, (sum, pixel)) in line.iter_mut().zip(pixels).enumerate() {
                let ignored = mask.is_some_and(|mask| mask.get(x) == Some(&0));
                if ignored {
                    continue;
                }
                for (total, &value) in sum.iter_mut().zip(pixel) {
                    *total += weight * f32::from(value);
                }
                sum[4] += weight;
            }
        }
    }

    /// The photo, taken by `source` through `lens`, resampled into the pinhole image of the same focal lengths.
    ///
    /// Pixels that look past the photograph, or beyond where the lens model holds, are masked and black.
    pub fn undistorted(&self, source: &Intrinsics, lens: &Lens) -> Self {
        if *lens == Lens::Pinhole {
            return self.clone();
        }
        let (target, _) = source.undistorted(lens);
        let reach = |low: f64, focal: f64, size: u32| (low / focal).abs().max(((f64::from(size) + low) / focal).abs());
        let limit = reach(-target.cx, target.fx, target.width).hypot(reach(-target.cy, target.fy, target.height));
        let valid = lens.valid_radius(limit);
        let count = target.width as usize * target.height as usize;
        let mut rgba = Vec::with_capacity(count * 4);
        let mut mask = Vec::with_capacity(count);
        for y in 0..target.height {
            let b = (f64::from(y) + 0.5 - target.cy) / target.fy;
            for x in 0..target.width {
                let a = (f64::from(x) + 0.5 - target.cx) / target.fx;
                let sample = (a.hypot(b) <= valid)
                    .then(|| lens.distort(a, b))
                    .and_then(|(a, b)| self.sample(source.fx * a + source.cx, source.fy * b + source.cy));
                mask.push(if sample.is_some() { 255 } else { 0 });
                rgba.extend(sample.unwrap_or([0; 4]));
            }
        }
        let mask = mask.contains(&0).then_some(mask);
        Self { width: target.width, height: target.height, rgba, has_alpha: self.has_alpha, mask }
    }

    /// Bilinear value at a pixel position; `None` outside the photograph or next to an ignored pixel.
    fn sample(&self, u: f64, v: f64) -> Option<[u8; 4]> {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        if !(u >= 0.0 && v >= 0.0 && u <= width && v <= height) {
            return None;
        }
        // Half a pixel inside the border there is no neighbour left: the border colour continues.
        let (u, v) = ((u - 0.5).clamp(0.0, width - 1.0), (v - 0.5).clamp(0.0, height - 1.0));
        let (x, y) = (u as usize, v as usize);
        let (s, t) = ((u - x as f64) as f32, (v - y as f64) as f32);
        let mut sum = [0.0_f32; 4];
        for (dx, dy, weight) in
            [(0, 0, (1.0 - s) * (1.0 - t)), (1, 0, s * (1.0 - t)), (0, 1, (1.0 - s) * t), (1, 1, s * t)]
        {
            if weight == 0.0 {
                continue;
            }
            let at = (y + dy) * self.width as usize + x + dx;
            if self.mask.as_ref().is_some_and(|mask| mask.get(at) == Some(&0)) {
                return None;
            }
            for (total, &value) in sum.iter_mut().zip(self.rgba.get(at * 4..at * 4 + 4)?) {
                *total += weight * f32::from(value);
            }
        }
        Some(sum.map(|c| c.round().clamp(0.0, 255.0) as u8))
    }
}

/// Loads the photo of a view: decoded, undistorted and averaged down to `width` x `height`.
///
/// The result depends on the arguments only, never on what was loaded before: a reduced photo is always made from
/// the working-size one.
///
/// # Errors
/// [`Error::Input`] if the image or its mask is missing, damaged or of another size than when the data set was
/// opened; [`Error::Settings`] for a size of zero.
pub fn load_photo(view: &View, width: u32, height: u32) -> Result<Photo> {
    check_size(width, height)?;
    Ok(load_working_size(view)?.resized(width, height))
}

pub(crate) fn check_size(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::settings(
            format!("an image of {width}x{height} pixels was asked for"),
            "use a size of at least 1x1",
        ));
    }
    Ok(())
}

/// The photo of a view, decoded, undistorted, at the view's working size.
pub(crate) fn load_working_size(view: &View) -> Result<Photo> {
    let source = &view.source;
    let mut photo = decode::decode(&view.image_path, view.orientation)?;
    if (photo.width, photo.height) != (source.width, source.height) {
        return Err(Error::input(
            &view.image_path,
            format!(
                "the image is {}x{}, but was {}x{} when the data set was opened",
                photo.width, photo.height, source.width, source.height
            ),
            "do not change images while they are in use; open the data set again",
        ));
    }
    if let Some(path) = &view.mask_path {
        photo.mask = Some(decode::decode_mask(path, view.orientation, photo.width, photo.height)?);
    }
    let photo = photo.undistorted(source, &view.lens);
    Ok(photo.resized(view.width, view.height))
}

/// For every target pixel along one axis, the source pixels it covers and by how much; weights sum to 1.
struct Footprints {
    spans: Vec<(usize, usize, usize)>, // first source pixel, first weight, number of weights
    weights: Vec<f32>,
}

impl Footprints {
    fn new(source: u32, target: u32) -> Self {
        let (source, target) = (u64::from(source), u64::from(target.max(1)));
        let mut spans = Vec::with_capacity(target as usize);
        let mut weights = Vec::new();
        for i in 0..target {
            // In units of 1/target source pixels the borders are integers, so the coverage is exact.
            let (start, end) = (i * source, (i + 1) * source);
            let (first, last) = (start / target, end.div_ceil(target));
            spans.push((first as usize, weights.len(), (last - first) as usize));
            for pixel in first..last {
                let covered = end.min((pixel + 1) * target) - start.max(pixel * target);
                weights.push((covered as f64 / source as f64) as f32);
            }
        }
        Self { spans, weights }
    }

    fn get(&self, target: u32) -> (usize, &[f32]) {
        let (first, at, count) = self.spans.get(target as usize).copied().unwrap_or_default();
        (first, self.weights.get(at..at + count).unwrap_or_default())
    }
}

fn average((first, weights): (usize, &[f32]), line: &[[f32; 5]]) -> [f32; 5] {
    let mut sum = [0.0_f32; 5];
    for (pixel, &weight) in line.iter().skip(first).zip(weights) {
        for (total, &value) in sum.iter_mut().zip(pixel) {
            *total += weight * value;
        }
    }
    sum
}
