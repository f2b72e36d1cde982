//! What each splat gives to an image: `Wᵢ = Σ over pixels of αᵢ Tᵢ`, of what is composited [Girish 2024, EAGLES].

use super::blend::{Limits, Splat2d};
use super::camera::Camera;
use super::intersect::{depth_order, exponent};

/// `W` of each of `splats` in the image of `camera`.
pub(crate) fn influence(splats: &[Splat2d], camera: &Camera, limits: &Limits) -> Vec<f64> {
    let order = depth_order(splats.iter().map(|splat| splat.depth), camera.near);
    let mut influence = vec![0.0; splats.len()];
    for pixel in camera.pixel_centres() {
        let mut transmittance = 1.0;
        for &index in &order {
            let splat = &splats[index];
            let offset = [pixel[0] - splat.mean2d[0], pixel[1] - splat.mean2d[1]];
            let alpha = (splat.opacity * (-exponent(&splat.conic, &offset)).exp()).min(limits.alpha_max);
            if alpha >= limits.alpha_min && transmittance >= limits.t_min {
                influence[index] += alpha * transmittance;
                transmittance *= 1.0 - alpha;
            }
        }
    }
    influence
}
