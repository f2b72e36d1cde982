//! Image files to pixels: formats, orientation tags, damage.
//!
//! A photograph that is only half there must stop the run and not train a grey band into the scene, so files are
//! checked more strictly here than image viewers do. Not for cameras: see `image.rs` for undistortion and resizing.

use super::image::Photo;
use crate::error::{Error, Result};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

/// Largest edge accepted; beyond it a header is damaged rather than a camera remarkable.
const MAX_EDGE: u32 = 1 << 16;
/// Largest decoded image accepted, in bytes: 250 megapixels at 16 bit per channel.
const MAX_DECODED_BYTES: u64 = 2 << 30;

/// What the header of an image file says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageInfo {
    /// Width as stored, before any orientation tag.
    pub(crate) width: u32,
    /// Height as stored.
    pub(crate) height: u32,
    /// EXIF orientation, 1..=8.
    pub(crate) orientation: u8,
    /// Whether the pixels carry alpha.
    pub(crate) has_alpha: bool,
}

/// Reads the header of an image file.
pub(crate) fn peek(path: &Path) -> Result<ImageInfo> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut reader = BufReader::new(file);
    let head = reader.fill_buf().map_err(|e| Error::io(path, "read", e))?;
    check_format(path, head)?;
    let mut decoder = open(path, reader)?;
    let (width, height) = decoder.dimensions();
    // A damaged tag is no reason to refuse the picture: without it the pixels are taken as stored.
    let orientation = decoder.orientation().map_or(1, Orientation::to_exif);
    Ok(ImageInfo { width, height, orientation, has_alpha: decoder.color_type().has_alpha() })
}

/// Decodes a photograph and applies an EXIF orientation (1 = none).
pub(crate) fn decode(path: &Path, orientation: u8) -> Result<Photo> {
    let (mut pixels, has_alpha) = read_pixels(path)?;
    orient(&mut pixels, orientation);
    let straight = pixels.into_rgba8();
    let (width, height) = straight.dimensions();
    let mut rgba = straight.into_raw();
    if has_alpha {
        premultiply(&mut rgba);
    }
    Ok(Photo { width, height, rgba, has_alpha, mask: None })
}

/// Decodes the mask of a `width` x `height` photograph into 255 = use, 0 = ignore.
///
/// The mask may be drawn over the photograph as stored or as shown; `orientation` is applied in the first case.
pub(crate) fn decode_mask(path: &Path, orientation: u8, width: u32, height: u32) -> Result<Vec<u8>> {
    let (mut pixels, _) = read_pixels(path)?;
    if (pixels.width(), pixels.height()) != (width, height) && (pixels.height(), pixels.width()) == (width, height) {
        orient(&mut pixels, orientation);
    }
    check_mask_size(path, pixels.width(), pixels.height(), (width, height))?;
    let colours = pixels.into_rgb8();
    Ok(colours.pixels().map(|p| if p.0.iter().any(|&c| c > 127) { 255 } else { 0 }).collect())
}

/// Fails unless a mask is as large as its photograph.
pub(crate) fn check_mask_size(path: &Path, width: u32, height: u32, photo: (u32, u32)) -> Result<()> {
    if (width, height) == photo {
        return Ok(());
    }
    Err(Error::input(
        path,
        format!("the mask is {width}x{height}, its image is {}x{}", photo.0, photo.1),
        "make masks of the same size as the images, or remove them",
    ))
}

fn read_pixels(path: &Path) -> Result<(DynamicImage, bool)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    check_format(path, &bytes)?;
    if bytes.starts_with(&[0xFF, 0xD8]) && !jpeg_is_complete(&bytes) {
        return Err(truncated(path));
    }
    let decoder = open(path, Cursor::new(bytes))?;
    let has_alpha = decoder.color_type().has_alpha();
    let pixels = DynamicImage::from_decoder(decoder).map_err(|e| image_error(path, e))?;
    Ok((pixels, has_alpha))
}

fn open<'a, R: BufRead + Seek + Read + 'a>(path: &Path, reader: R) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::new(reader).with_guessed_format().map_err(|e| Error::io(path, "read", e))?;
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| image_error(path, e))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Error::input(
            path,
            format!("the image says it is {width}x{height}"),
            "the header is damaged or the image far too large; export it again",
        ));
    }
    Ok(decoder)
}

fn orient(pixels: &mut DynamicImage, orientation: u8) {
    if let Some(orientation) = Orientation::from_exif(orientation) {
        pixels.apply_orientation(orientation);
    }
}

fn premultiply(rgba: &mut [u8]) {
    for pixel in rgba.chunks_exact_mut(4) {
        if let [r, g, b, a] = pixel {
            let alpha = u16::from(*a);
            for colour in [r, g, b] {
                *colour = ((u16::from(*colour) * alpha + 127) / 255) as u8;
            }
        }
    }
}

/// Names the formats people bring that are not read, instead of calling them damaged.
fn check_format(path: &Path, head: &[u8]) -> Result<()> {
    let unsupported = |format: &str| {
        Err(Error::input(
            path,
            format!("{format} images are not supported"),
            "convert the images to JPEG or PNG without changing their size or names",
        ))
    };
    if head.is_empty() {
        return Err(Error::input(path, "the file is empty", "copy the image again"));
    }
    if head.get(4..8) == Some(b"ftyp") {
        return match head.get(8..12) {
            Some(b"avif" | b"avis") => unsupported("AVIF"),
            Some(b"crx ") => unsupported("Canon raw"),
            _ => unsupported("HEIC"),
        };
    }
    match head {
        [0x76, 0x2F, 0x31, 0x01, ..] => unsupported("OpenEXR"),
        [b'G', b'I', b'F', b'8', ..] => unsupported("GIF"),
        [b'#', b'?', b'R', ..] => unsupported("Radiance HDR"),
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', ..] => unsupported("JPEG XL"),
        _ => Ok(()),
    }
}

fn truncated(path: &Path) -> Error {
    Error::input(path, "the image is cut short: its end is missing", "copy or export the image again")
}

fn image_error(path: &Path, error: ImageError) -> Error {
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => truncated(path),
        ImageError::IoError(e) => Error::io(path, "read", e),
        ImageError::Limits(e) => Error::input(
            path,
            format!("the image is too large to decode ({e})"),
            "reduce it to at most 65536 pixels per edge and 2 GiB",
        ),
        ImageError::Unsupported(e) => {
            Error::input(path, format!("not an image we can read ({e})"), "use PNG, JPEG, WebP, TIFF or BMP")
        }
        other => Error::input(path, format!("the image is damaged ({other})"), "copy or export it again"),
    }
}

/// Walks the segments of a JPEG up to its end-of-image marker.
///
/// Decoders fill what is missing with grey and say nothing. Looking for the two bytes of the marker anywhere would be
/// fooled by the thumbnail in the EXIF block, which is a complete JPEG of its own.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Entropy-coded data holds FF only as FF 00 or a restart marker; everything else starts a segment.
        let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF)) else {
            return false;
        };
        at += offset + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xD9) => return true,
            Some(0xFF) => {}
            Some(0x00 | 0x01 | 0xD0..=0xD8) => at += 1,
            Some(_) => {
                let (Some(&high), Some(&low)) = (bytes.get(at + 1), bytes.get(at + 2)) else {
                    return false;
                };
                at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
}
