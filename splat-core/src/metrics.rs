//! How good a rendering is: PSNR and SSIM against the photo, on 8-bit images as users see them.

use crate::scene::Photo;

/// An 8-bit image, straight RGBA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes, row by row. [H × W × 4]
    pub rgba: Vec<u8>,
}

/// Scores of one view.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ViewScore {
    /// Name of the view.
    pub name: String,
    /// Peak signal-to-noise ratio in dB.
    pub psnr: f64,
    /// Structural similarity, 1 for equal images.
    pub ssim: f64,
}

/// Scores of a set of views: means over views, as the field reports them.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Evaluation {
    /// Mean PSNR in dB.
    pub psnr: f64,
    /// Mean SSIM.
    pub ssim: f64,
    /// Each view.
    pub views: Vec<ViewScore>,
    /// Splats that were drawn.
    pub splats: usize,
}

impl Evaluation {
    /// Means over views; NaN without any.
    pub fn of(views: Vec<ViewScore>, splats: usize) -> Self {
        let mean = |value: fn(&ViewScore) -> f64| views.iter().map(value).sum::<f64>() / views.len() as f64;
        Evaluation { psnr: mean(|view| view.psnr), ssim: mean(|view| view.ssim), splats, views }
    }
}

/// The photo over a background colour, opaque.
pub fn photo_over(photo: &Photo, background: [f32; 3]) -> Image {
    let over = |pixel: &[u8]| {
        let rest = f32::from(255 - pixel[3]);
        let channel = |c: usize| (f32::from(pixel[c]) + rest * background[c]).round().clamp(0.0, 255.0) as u8;
        [channel(0), channel(1), channel(2), 255]
    };
    Image { width: photo.width, height: photo.height, rgba: photo.rgba.chunks_exact(4).flat_map(over).collect() }
}

/// PSNR and SSIM of a rendering against an image of the same size. Pixels whose `mask` is 0 do not
/// count.
///
/// # Panics
/// When the sizes differ: a bug of ours.
pub fn compare(render: &Image, truth: &Image, mask: Option<&[u8]>) -> (f64, f64) {
    assert!((render.width, render.height) == (truth.width, truth.height), "images of different size");
    let pixels = truth.rgba.len() / 4;
    let weights: Vec<f64> = (0..pixels).map(|p| mask.map_or(1.0, |mask| f64::from(mask[p]) / 255.0)).collect();
    let total: f64 = weights.iter().sum::<f64>() * 3.0;
    let mut square = 0.0;
    let mut similarity = 0.0;
    for channel in 0..3 {
        let value = |image: &Image, p: usize| f64::from(image.rgba[4 * p + channel]) / 255.0;
        let y: Vec<f64> = (0..pixels).map(|p| value(truth, p)).collect();
        let x: Vec<f64> = (0..pixels).map(|p| weights[p] * value(render, p) + (1.0 - weights[p]) * y[p]).collect();
        square += x.iter().zip(&y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
        let map = ssim_map(&x, &y, truth.width as usize, truth.height as usize);
        similarity += map.iter().zip(&weights).map(|(s, w)| s * w).sum::<f64>();
    }
    // Equal images have no noise; 100 dB stands for that in means.
    let psnr = if square > 0.0 { (-10.0 * (square / total).log10()).min(100.0) } else { 100.0 };
    (psnr, similarity / total)
}

const RADIUS: usize = 5;

fn window() -> [f64; 2 * RADIUS + 1] {
    let raw = std::array::from_fn::<f64, { 2 * RADIUS + 1 }, _>(|k| {
        let d = k as f64 - RADIUS as f64;
        (-d * d / (2.0 * 1.5 * 1.5)).exp()
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|tap| tap / sum)
}

fn blur(plane: &[f64], width: usize, height: usize) -> Vec<f64> {
    let taps = window();
    let along = |source: &[f64], length: usize, at: &dyn Fn(usize) -> usize, i: usize| -> f64 {
        let range = i.saturating_sub(RADIUS)..(i + RADIUS + 1).min(length);
        range.map(|j| taps[j + RADIUS - i] * source[at(j)]).sum()
    };
    let mut rows = vec![0.0; plane.len()];
    for y in 0..height {
        for x in 0..width {
            rows[y * width + x] = along(plane, width, &|j| y * width + j, x);
        }
    }
    let mut both = vec![0.0; plane.len()];
    for y in 0..height {
        for x in 0..width {
            both[y * width + x] = along(&rows, height, &|j| j * width + x, y);
        }
    }
    both
}

/// SSIM per pixel of two planes in [0, 1]: 11 × 11 Gaussian window of σ = 1.5, zero padding
/// [Wang 2004, eq. 13].
pub fn ssim_map(x: &[f64], y: &[f64], width: usize, height: usize) -> Vec<f64> {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let mean_x = blur(x, width, height);
    let mean_y = blur(y, width, height);
    let square_x = blur(&product(x, x), width, height);
    let square_y = blur(&product(y, y), width, height);
    let cross = blur(&product(x, y), width, height);
    (0..x.len())
        .map(|p| {
            let (mx, my) = (mean_x[p], mean_y[p]);
            let (vx, vy, vxy) = (square_x[p] - mx * mx, square_y[p] - my * my, cross[p] - mx * my);
            (2.0 * mx * my + C1) * (2.0 * vxy + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2))
        })
        .collect()
}
