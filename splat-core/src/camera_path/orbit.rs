//! Where a turntable goes when nobody says.

use super::CameraPath;
use crate::error::Result;
use crate::scene::{SplatCloud, View, axes_meet};
use glam::DVec3;

/// Share of the views that must have the centre in front of them for the scene to be one that cameras go around.
const INWARD_SHARE: f64 = 0.9;
/// Height over radius of an orbit that is not taken from cameras: about 20 degrees.
const RISE: f64 = 0.36;
/// The radius of a scene over the median distance of its splats from their middle; a solid ball has 1.26, a sphere 1.
const SPREAD: f64 = 1.5;

/// Where most of a scene is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sphere {
    /// The middle.
    pub centre: DVec3,
    /// Always positive.
    pub radius: f64,
}

impl Sphere {
    /// The sphere around the middle of the splats that one sees: medians, so that stray splats and a far background
    /// do not count. The unit sphere for an empty scene.
    pub fn of_splats(cloud: &SplatCloud) -> Self {
        // A logit of 0 is an opacity of one half.
        let solid = |index: usize| cloud.opacity_logits.get(index).is_none_or(|&logit| logit > 0.0);
        let all = || cloud.means.iter().enumerate().filter(|(_, mean)| mean.iter().all(|c| c.is_finite()));
        let mut means: Vec<[f32; 3]> = all().filter(|&(index, _)| solid(index)).map(|(_, mean)| *mean).collect();
        if means.is_empty() {
            means = all().map(|(_, mean)| *mean).collect();
        }
        let centre = DVec3::from([0, 1, 2].map(|axis| median(means.iter().map(|mean| f64::from(mean[axis])))));
        let distances = means.iter().map(|mean| DVec3::from(mean.map(f64::from)).distance(centre));
        let radius = SPREAD * median(distances);
        Self { centre, radius: if radius > 0.0 && radius.is_finite() { radius } else { 1.0 } }
    }
}

/// Where to begin a turntable, and around what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orbit {
    /// The first position of the camera.
    pub eye: DVec3,
    /// The point to go around and to look at.
    pub centre: DVec3,
    /// The axis.
    pub up: DVec3,
}

impl Orbit {
    /// The circle that the cameras of a scene come closest to: around the point they look at, at their median distance
    /// and height, beginning on the side of the first. `None` when they do not look at one point.
    pub fn of_cameras(views: &[View], up: DVec3) -> Option<Self> {
        let up = up.try_normalize()?;
        let centre = axes_meet(views)?;
        let ahead = views.iter().filter(|view| (centre - view.position()).dot(view.forward()) > 0.0).count();
        if (ahead as f64) < INWARD_SHARE * views.len() as f64 {
            return None;
        }
        let arm = |view: &View| view.position() - centre;
        let radius = median(views.iter().map(|view| arm(view).reject_from_normalized(up).length()));
        let height = median(views.iter().map(|view| arm(view).dot(up)));
        let start = arm(views.first()?).reject_from_normalized(up).try_normalize()?;
        let orbit = Self { eye: centre + radius * start + height * up, centre, up };
        (radius > 0.0 && orbit.eye.is_finite()).then_some(orbit)
    }

    /// A circle from which a sphere fits the picture with this field of view, seen from a little above.
    pub fn around(sphere: Sphere, up: DVec3, fov_y_deg: f64) -> Self {
        let up = up.try_normalize().unwrap_or(DVec3::Y);
        let half = 0.5 * fov_y_deg.clamp(1.0, 179.0).to_radians();
        let distance = sphere.radius / half.sin();
        let direction = (up.any_orthonormal_vector() + RISE * up).normalize();
        Self { eye: sphere.centre + distance * direction, centre: sphere.centre, up }
    }

    /// The same circle moved to another centre.
    #[must_use]
    pub fn centred(self, centre: DVec3) -> Self {
        Self { eye: self.eye + (centre - self.centre), centre, ..self }
    }

    /// Once around.
    ///
    /// # Errors
    /// See [`CameraPath::turntable`].
    pub fn path(&self, seconds: f64, fov_y_deg: f64) -> Result<CameraPath> {
        CameraPath::turntable(self.eye, self.centre, self.up, seconds, fov_y_deg)
    }
}

/// The middle value; 0 without any.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}
