//! The images: bytes in, samples out, and back.

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageReader, Limits};

use super::vp8l;

/// An image of 8 bits per channel.
pub(super) struct Texture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue, alpha, row by row.
    pub(super) rgba: Vec<u8>,
}

/// Decodes an image of at most so many pixels; the error says what is wrong with it.
pub(super) fn decode(bytes: &[u8], most_pixels: u64) -> Result<Texture, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    // Four bytes per pixel, once in the decoder and once here, and what a decoder needs beside.
    limits.max_alloc = Some(most_pixels.saturating_mul(8).saturating_add(1 << 20));
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > most_pixels {
        return Err(format!("{width} x {height} pixels; at most {most_pixels} would make sense"));
    }
    if !matches!(decoder.color_type(), ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8) {
        return Err(format!("{:?} samples; 8 bits per channel were expected", decoder.color_type()));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    Ok(Texture { width, height, rgba: image.into_rgba8().into_raw() })
}

impl Texture {
    /// The first `count` pixels, cut to their first `N` channels; none if there are fewer.
    pub(super) fn take<const N: usize>(&self, count: usize) -> Option<Vec<[u8; N]>> {
        let (pixels, _) = self.rgba.as_chunks::<4>();
        let pixels = pixels.get(..count)?;
        Some(pixels.iter().map(|pixel| std::array::from_fn(|channel| pixel[channel])).collect())
    }
}

/// Width and height for so many pixels: about square, both multiples of four.
pub(super) fn size(pixels: usize) -> (usize, usize) {
    let side = |least: usize| least.div_ceil(4).max(1) * 4;
    let root = pixels.isqrt();
    let width = side(root + usize::from(root * root < pixels));
    (width, side(pixels.div_ceil(width)))
}

/// Encodes pixels of three or four channels without loss, as lossless WebP; transparent ones keep their colour.
pub(super) fn encode<const N: usize>(pixels: &[[u8; N]], (width, height): (usize, usize)) -> Vec<u8> {
    let nothing = [0; N];
    // Copies of the last pixel cost less than anything else.
    let last = pixels.last().unwrap_or(&nothing);
    let rgba = |index: usize| {
        let pixel = pixels.get(index).unwrap_or(last);
        std::array::from_fn(|channel| pixel.get(channel).copied().unwrap_or(255))
    };
    vp8l::encode(rgba, width, height)
}
