//! Comparison images: a render beside the photo it should look like.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{RgbImage, RgbaImage};

use crate::atomic;
use crate::error::{Error, Result};
use crate::render::Image;
use crate::scene::Photo;

/// Writes PNGs named after views into one folder, never two to the same name.
#[derive(Debug)]
pub struct ImageFolder {
    root: PathBuf,
    taken: HashSet<String>,
}

impl ImageFolder {
    /// Makes the folder if it is missing.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be made.
    pub fn create(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).map_err(|source| Error::Io { path: root.into(), action: "create", source })?;
        Ok(Self { root: root.into(), taken: HashSet::new() })
    }

    /// Writes the render on the left and the photo, over `background`, on the right.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn compare(&mut self, view: &str, render: &Image, photo: &Photo, background: [f32; 3]) -> Result<PathBuf> {
        let path = self.next_path(view);
        write_png(&path, &side_by_side(render, photo, background))?;
        Ok(path)
    }

    /// Writes a render alone.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&mut self, view: &str, render: &Image) -> Result<PathBuf> {
        let path = self.next_path(view);
        write_render(&path, render)?;
        Ok(path)
    }

    /// `images/left/0001.jpg` becomes `images_left_0001.png`, and keeps `.jpg` inside when that name is taken.
    fn next_path(&mut self, view: &str) -> PathBuf {
        let flat = view.trim_start_matches(['.', '/', '\\']).replace(['/', '\\', ':'], "_");
        let stem = flat.rsplit_once('.').map_or(flat.as_str(), |(stem, _)| stem).to_owned();
        let mut name = if stem.is_empty() { "view".to_owned() } else { stem };
        if self.taken.contains(&name) {
            name = flat;
        }
        let base = name.clone();
        let mut copy = 1;
        while !self.taken.insert(name.clone()) {
            copy += 1;
            name = format!("{base}-{copy}");
        }
        self.root.join(format!("{name}.png"))
    }
}

/// Writes a render as PNG, whatever the file is called.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write_render(path: &Path, render: &Image) -> Result<()> {
    let opaque = RgbaImage::from_raw(render.width, render.height, render.rgba.clone());
    let opaque = opaque.map(|image| image::DynamicImage::ImageRgba8(image).to_rgb8()).unwrap_or_default();
    write_png(path, &opaque)
}

/// The two pictures in one; heights may differ.
fn side_by_side(render: &Image, photo: &Photo, background: [f32; 3]) -> RgbImage {
    let mut both = RgbImage::new(render.width + photo.width, render.height.max(photo.height));
    let mut put = |left: u32, width: u32, rgba: &[u8], premultiplied: bool| {
        for (i, pixel) in (0_u32..).zip(rgba.chunks_exact(4)) {
            let (x, y) = (left + i % width.max(1), i / width.max(1));
            let &[r, g, b, a] = pixel else { continue };
            let over = |value: u8, behind: f32| {
                let behind = if premultiplied { f32::from(255 - a) * behind } else { 0.0 };
                (f32::from(value) + behind).round().clamp(0.0, 255.0) as u8
            };
            let [br, bg, bb] = background;
            if let Some(target) = both.get_pixel_mut_checked(x, y) {
                *target = image::Rgb([over(r, br), over(g, bg), over(b, bb)]);
            }
        }
    };
    put(0, render.width, &render.rgba, false);
    put(render.width, photo.width, &photo.rgba, true);
    both
}

/// Encodes and writes a PNG; it has its name only once it is complete.
fn write_png(path: &Path, image: &RgbImage) -> Result<()> {
    atomic::write_with(path, &mut |out| {
        image.write_with_encoder(PngEncoder::new(out)).map_err(|error| match error {
            image::ImageError::IoError(source) => Error::io(path, "write", source),
            other => Error::io(path, "write", std::io::Error::other(other.to_string())),
        })
    })
}
