//! What is under the pointer: the pixel is blended as the rasterizer would, over the splats that cover it.

use glam::{DMat3, DQuat, DVec2, DVec3};

use super::rows::RowSet;
use super::select::Viewpoint;
use crate::gpu::layout::{ALPHA_MAX, ALPHA_MIN, BLUR, BLUR_ANTIALIAS, COMPENSATION_MIN, GUARD_BAND, TRANSMITTANCE_MIN};
use crate::scene::View;

/// Mahalanobis distance, squared, beyond which even an opaque splat is fainter than one 8-bit step: 2 ln 255.
const REACH_SQUARED: f64 = 11.083;
/// Standard deviations around its centre in which a splat is looked for along a ray.
const DEPTH_REACH: f64 = 3.0;

/// A splat under the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Which splat.
    pub row: usize,
    /// Where the ray through the pixel is deepest inside it, or its centre if the splat only lies close by.
    pub position: DVec3,
}

/// A splat in the image.
struct Footprint {
    depth: f64,
    mean2d: DVec2,
    /// xx, xy, yy of the blurred covariance, px².
    covariance: DVec3,
    opacity: f64,
}

impl Footprint {
    fn alpha(&self, pixel: DVec2) -> f64 {
        let [dx, dy] = (pixel - self.mean2d).to_array();
        let [xx, xy, yy] = self.covariance.to_array();
        let q = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
        (self.opacity * (-0.5 * q).exp()).min(f64::from(ALPHA_MAX))
    }
}

impl Viewpoint<'_> {
    /// The splat that contributes most to the picture at `pixel`. Where none does, the one with its centre nearest,
    /// at most `radius` pixels away.
    pub fn at_point(&self, pixel: DVec2, radius: f64) -> Option<Hit> {
        let cloud = self.document.cloud();
        let near_pixel = RowSet::from_fn(cloud.len(), |row| self.may_reach(row, pixel, radius) && self.is_there(row));
        let mut covering: Vec<(f64, usize, f64)> = Vec::new();
        let mut nearest: Option<(f64, f64, usize)> = None;
        for row in near_pixel.iter() {
            let Some(footprint) = self.footprint(row) else { continue };
            let alpha = footprint.alpha(pixel);
            if alpha >= f64::from(ALPHA_MIN) {
                covering.push((footprint.depth, row, alpha));
            }
            let candidate = (footprint.mean2d.distance_squared(pixel), footprint.depth, row);
            if candidate.0 <= radius * radius && nearest.is_none_or(|best| candidate < best) {
                nearest = Some(candidate);
            }
        }
        covering.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut transmittance = 1.0;
        let mut most: Option<(f64, usize)> = None;
        for (_, row, alpha) in covering {
            if transmittance < f64::from(TRANSMITTANCE_MIN) {
                break;
            }
            let weight = alpha * transmittance;
            if most.is_none_or(|(best, _)| weight > best) {
                most = Some((weight, row));
            }
            transmittance *= 1.0 - alpha;
        }
        let (row, stored) = match (most, nearest) {
            (Some((_, row)), _) => (row, self.along_ray(row, pixel)),
            (None, Some((_, _, row))) => (row, DVec3::from_array(self.means[row].map(f64::from))),
            (None, None) => return None,
        };
        Some(Hit { row, position: self.document.transform().transform_point(stored) })
    }

    /// Whether a splat can cover the pixel or has its centre near it; a cheap test that never misses one.
    fn may_reach(&self, row: usize, pixel: DVec2, radius: f64) -> bool {
        let cloud = self.document.cloud();
        let Some(centre) = self.in_camera(&self.means[row]) else { return false };
        let distance_squared = self.pixel(centre).distance_squared(pixel);
        if distance_squared <= radius * radius {
            return true;
        }
        let [a, b, c] = cloud.log_scales[row];
        let size = f64::from(a.max(b).max(c).exp());
        // The larger singular value of the projection's Jacobian.
        let focal = self.view.fx.max(self.view.fy) / centre.z;
        let stretch = focal * focal * (1.0 + self.clamped_slopes(centre).length_squared());
        distance_squared <= REACH_SQUARED * (stretch * size * size + f64::from(BLUR))
    }

    /// x/z and y/z, at most a little outside of the image, where the projection is still linearized in place.
    fn clamped_slopes(&self, centre: DVec3) -> DVec2 {
        let clamp = |value: f64, focal: f64, middle: f64, size: u32| {
            let margin = f64::from(GUARD_BAND) * f64::from(size);
            value.max(-(middle + margin) / focal).min((f64::from(size) - middle + margin) / focal)
        };
        let view = &self.view;
        DVec2::new(
            clamp(centre.x / centre.z, view.fx, view.cx, view.width),
            clamp(centre.y / centre.z, view.fy, view.cy, view.height),
        )
    }

    /// A splat as the rasterizer projects it (`shaders/rasterize/project.wgsl`) [Zwicker 2001].
    fn footprint(&self, row: usize) -> Option<Footprint> {
        let cloud = self.document.cloud();
        let centre = self.in_camera(&self.means[row])?;
        let (axes, scales) = self.axes(row)?;
        let slopes = self.clamped_slopes(centre);
        let world_to_cam = self.view.viewmat.matrix3;
        let toward = world_to_cam.row(2);
        let u = self.view.fx / centre.z * (world_to_cam.row(0) - slopes.x * toward);
        let v = self.view.fy / centre.z * (world_to_cam.row(1) - slopes.y * toward);
        let [u, v] = [u, v].map(|direction| axes.transpose() * direction * scales);
        let sharp = DVec3::new(u.dot(u), u.dot(v), v.dot(v));
        let blur = f64::from(if cloud.antialiased { BLUR_ANTIALIAS } else { BLUR });
        let covariance = sharp + DVec3::new(blur, 0.0, blur);
        let area_squared = |c: DVec3| c.x * c.z - c.y * c.y;
        let mut opacity = self.presence(row) / (1.0 + (-f64::from(cloud.opacity_logits[row])).exp());
        if cloud.antialiased {
            let share = area_squared(sharp) / area_squared(covariance);
            opacity *= share.max(f64::from(COMPENSATION_MIN)).sqrt();
        }
        let drawn = covariance.is_finite() && area_squared(covariance) > 0.0;
        drawn.then_some(Footprint { depth: centre.z, mean2d: self.pixel(centre), covariance, opacity })
    }

    /// The axes of a splat as columns, and its standard deviations; `None` without a rotation.
    fn axes(&self, row: usize) -> Option<(DMat3, DVec3)> {
        let cloud = self.document.cloud();
        let [w, x, y, z] = cloud.quats[row].map(f64::from);
        let quat = DQuat::from_xyzw(x, y, z, w);
        let length = quat.length();
        let unit = DQuat::from_vec4(glam::DVec4::from(quat) / length);
        let scales = DVec3::from_array(cloud.log_scales[row].map(|value| f64::from(value).exp()));
        // The rasterizer skips quaternions shorter than this.
        (length >= 1e-6 && length.is_finite()).then_some((DMat3::from_quat(unit), scales))
    }

    /// The point of the ray through a pixel where the density of a splat is highest, in the space of the columns.
    fn along_ray(&self, row: usize, pixel: DVec2) -> DVec3 {
        let mean = DVec3::from_array(self.means[row].map(f64::from));
        let (Some((axes, scales)), Some(centre)) = (self.axes(row), self.in_camera(&self.means[row])) else {
            return mean;
        };
        let View { fx, fy, cx, cy, viewmat, .. } = &self.view;
        let in_camera = DVec3::new((pixel.x - cx) / fx, (pixel.y - cy) / fy, 1.0);
        let (eye, direction) = (self.view.position(), viewmat.matrix3.transpose() * in_camera);
        // Measured in standard deviations the splat is a ball, and its density highest where the ray is nearest.
        // Flat splats keep a little thickness to divide by.
        let thickness = scales.max(DVec3::splat(1e-6 * scales.max_element()));
        let [start, along] = [eye - mean, direction].map(|vector| axes.transpose() * vector / thickness);
        let depth = -start.dot(along) / along.length_squared();
        // A ray that grazes a flat splat is nearest to its plane far away.
        let reach = DEPTH_REACH * scales.max_element();
        if !(depth.is_finite() && reach.is_finite()) {
            return mean;
        }
        eye + depth.max(centre.z - reach).min(centre.z + reach).max(self.near) * direction
    }
}

#[cfg(test)]
impl Viewpoint<'_> {
    /// Splats that show at a pixel; panics when the cheap test would have missed one.
    pub(super) fn check_reach(&self, pixel: DVec2) -> usize {
        let shows = |row: &usize| self.footprint(*row).is_some_and(|print| print.alpha(pixel) >= f64::from(ALPHA_MIN));
        let shown: Vec<usize> = (0..self.document.cloud().len()).filter(shows).collect();
        assert!(shown.iter().all(|&row| self.may_reach(row, pixel, 0.0)), "missed at {pixel}");
        shown.len()
    }
}
