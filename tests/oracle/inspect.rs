//! Questions about the splats of a pixel other than their composited colour: how many there are, and which one would be
//! hit first if all were solid.

use super::blend::{Limits, Rendered, Splat2d};
use super::camera::Camera;
use super::intersect::{depth_order, exponent};

/// Light on the rim of a solid, as a share of that in the middle.
const AMBIENT: f64 = 0.35;
/// How many standard deviations a solid reaches.
pub(crate) const SOLID_RADIUS: f64 = 1.5;

/// Number of splats that are composited in each pixel, and the transmittance behind them.
pub(crate) fn overdraw(splats: &[Splat2d], camera: &Camera, limits: &Limits) -> Vec<(u32, f64)> {
    let order = depth_order(splats.iter().map(|splat| splat.depth), camera.near);
    let count = |pixel: [f64; 2]| {
        let mut count = 0;
        let mut transmittance = 1.0;
        for &index in &order {
            let alpha =
                (splats[index].opacity * (-squared_distance(&splats[index], pixel) / 2.0).exp()).min(limits.alpha_max);
            if alpha >= limits.alpha_min && transmittance >= limits.t_min {
                count += 1;
                transmittance *= 1.0 - alpha;
            }
        }
        (count, transmittance)
    };
    camera.pixel_centres().map(count).collect()
}

/// The nearest splat within `radius` standard deviations of each pixel, shaded as a solid lit from the camera.
pub(crate) fn ellipsoids(splats: &[Splat2d], camera: &Camera, radius: f64) -> Rendered {
    let order = depth_order(splats.iter().map(|splat| splat.depth), camera.near);
    let mut rendered = Rendered::default();
    for pixel in camera.pixel_centres() {
        let squared = |index: usize| squared_distance(&splats[index], pixel);
        let hit = order.iter().copied().find(|&index| squared(index) < radius * radius);
        let colour = hit.map(|index| {
            let cosine = (1.0 - squared(index) / (radius * radius)).sqrt();
            splats[index].colour.map(|channel| channel * (AMBIENT + (1.0 - AMBIENT) * cosine))
        });
        rendered.rgb.push(colour.unwrap_or_default());
        rendered.transmittance.push(if hit.is_some() { 0.0 } else { 1.0 });
    }
    rendered
}

/// Squared Mahalanobis distance of a pixel from the centre of a splat.
fn squared_distance(splat: &Splat2d, pixel: [f64; 2]) -> f64 {
    2.0 * exponent(&splat.conic, &[pixel[0] - splat.mean2d[0], pixel[1] - splat.mean2d[1]])
}
