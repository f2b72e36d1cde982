//! A camera that moves: keys in time, and a smooth curve through them.
//!
//! Positions and targets follow cubic Hermite curves with one velocity per key, so that the motion has no kinks. The
//! velocity at a key is that of the parabola through it and its neighbours, never more than three times the slower of
//! the two straight ways that meet there: the curve stands still where a key is doubled and does not swing out where a
//! short way meets a long one. A path starts and ends at rest; a loop has no ends. The field of view never leaves the
//! range of the two keys around it [Fritsch & Butland 1984].
//!
//! Everything is in the axes of the splat file, like [`View::look_at`]. No device in here.

mod curve;
mod file;
mod orbit;
#[cfg(test)]
mod tests;

pub use file::Defaults;
pub use orbit::{Orbit, Sphere};

use crate::error::{Error, Result};
use crate::scene::View;
use glam::DVec3;

/// Frames per second of a path that names none.
pub const FRAME_RATE: f64 = 30.0;
/// No path is rendered into more frames than this: nine hours at 30 frames per second.
pub const MAX_FRAMES: u64 = 1_000_000;
/// Most frames per second.
pub const MAX_FRAME_RATE: f64 = 1000.0;
/// Longest edge of a frame, pixels.
pub const MAX_EDGE: u32 = 16_384;

/// Keys of a turntable. The curve through 24 keys on a circle stays within 0.011 % of its radius.
const TURNTABLE_KEYS: u32 = 24;

/// The camera at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// When, in seconds.
    pub time: f64,
    /// Where the camera is.
    pub position: DVec3,
    /// The point it looks at.
    pub target: DVec3,
    /// What is up in its picture; any length.
    pub up: DVec3,
    /// Vertical field of view, degrees.
    pub fov_y_deg: f64,
}

/// Where the camera is between keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Where the camera is.
    pub eye: DVec3,
    /// The point it looks at.
    pub target: DVec3,
    /// What is up in its picture, unit length.
    pub up: DVec3,
    /// Vertical field of view, degrees.
    pub fov_y_deg: f64,
}

/// Keys and how they are played.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraPath {
    /// Frames per second when rendered.
    pub frame_rate: f64,
    /// Whether the way goes on from the last key to the first, without a kink. It takes the mean time between keys; a
    /// last key that repeats the first is that way already.
    pub smooth_loop: bool,
    /// Width and height of the frames, if the path says.
    pub size: Option<(u32, u32)>,
    /// The keys, by rising time; [`CameraPath::put`] keeps the order.
    pub keys: Vec<Key>,
}

impl Default for CameraPath {
    fn default() -> Self {
        Self { frame_rate: FRAME_RATE, smooth_loop: false, size: None, keys: Vec::new() }
    }
}

impl Key {
    /// The key as a pose; an up along the view is replaced by one across.
    pub fn pose(&self) -> Pose {
        let up = curve::upright([self.up], (self.target - self.position).normalize_or_zero());
        Pose { eye: self.position, target: self.target, up, fov_y_deg: self.fov_y_deg }
    }

    /// Whether another key shows the same, whenever.
    fn shows_the_same(&self, other: &Key) -> bool {
        Key { time: other.time, ..*self } == *other
    }
}

impl Pose {
    /// The camera that sees this in a picture of that size.
    ///
    /// # Errors
    /// [`Error::Settings`] when the pose or the size makes no view.
    pub fn view(&self, width: u32, height: u32) -> Result<View> {
        View::look_at(self.eye, self.target, self.up, self.fov_y_deg, width, height)
    }
}

impl CameraPath {
    /// Once around `centre`, about the axis `up`, from `eye` and back to it. Radius and height follow from `eye`; the
    /// turn is counter-clockwise seen from above.
    ///
    /// # Errors
    /// [`Error::Settings`] when `eye` lies on the axis, or a number is not usable.
    pub fn turntable(eye: DVec3, centre: DVec3, up: DVec3, seconds: f64, fov_y_deg: f64) -> Result<Self> {
        let axis = up.normalize_or_zero();
        let arm = eye - centre;
        let out = arm.reject_from_normalized(axis);
        // Comparisons with NaN are false: written so that it is refused.
        let usable = axis != DVec3::ZERO
            && out.length() > 1e-9 * arm.length()
            && arm.is_finite()
            && seconds > 0.0
            && seconds.is_finite()
            && fov_y_deg > 0.0
            && fov_y_deg < 180.0;
        if !usable {
            return Err(Error::settings(
                format!(
                    "{seconds} seconds from {eye} around {centre} about {up} with {fov_y_deg} degrees are no turntable"
                ),
                "the camera must be off the axis, the time positive, and 0 < fov < 180",
            ));
        }
        let side = axis.cross(out);
        let height = arm - out;
        let keys = (0..TURNTABLE_KEYS).map(|index| {
            let share = f64::from(index) / f64::from(TURNTABLE_KEYS);
            let (sin, cos) = (share * std::f64::consts::TAU).sin_cos();
            let position = centre + height + cos * out + sin * side;
            Key { time: share * seconds, position, target: centre, up: axis, fov_y_deg }
        });
        Ok(Self { smooth_loop: true, keys: keys.collect(), ..Self::default() })
    }

    /// Adds a key where its time belongs, in place of one at the same time, and tells where it is now.
    pub fn put(&mut self, key: Key) -> usize {
        let at = self.keys.partition_point(|known| known.time < key.time);
        match self.keys.get_mut(at) {
            Some(known) if known.time == key.time => *known = key,
            _ => self.keys.insert(at, key),
        }
        at
    }

    /// When the path begins: the time of the first key.
    pub fn start(&self) -> f64 {
        self.keys.first().map_or(0.0, |key| key.time)
    }

    /// Seconds from the first key to the last, or once around; 0 for a single key.
    pub fn duration(&self) -> f64 {
        let (Some(first), Some(last)) = (self.keys.first(), self.keys.last()) else { return 0.0 };
        let open = (last.time - first.time).max(0.0);
        if self.smooth_loop && !self.is_closed() { open + self.mean_gap() } else { open }
    }

    /// Whether the last key repeats the first.
    fn is_closed(&self) -> bool {
        match (self.keys.first(), self.keys.last()) {
            (Some(first), Some(last)) => self.keys.len() > 1 && first.shows_the_same(last),
            _ => false,
        }
    }

    /// Mean time between keys.
    fn mean_gap(&self) -> f64 {
        match self.keys.as_slice() {
            [first, .., last] => (last.time - first.time).max(0.0) / (self.keys.len() - 1) as f64,
            _ => 0.0,
        }
    }

    /// The camera at a time, on the clock of the keys: before the first and after the last it waits there, in a loop
    /// it goes around. `None` without keys.
    pub fn sample(&self, time: f64) -> Option<Pose> {
        curve::sample(self, time)
    }

    /// The view at a time.
    ///
    /// # Errors
    /// [`Error::Settings`] without keys, or when the key there makes no view: it looks at its own position, its field
    /// of view is not between 0 and 180 degrees, or the size is zero.
    pub fn view(&self, time: f64, width: u32, height: u32) -> Result<View> {
        let Some(pose) = self.sample(time) else {
            return Err(Error::settings("the camera path has no keys", "add some"));
        };
        let mut view = pose.view(width, height)?;
        view.name = format!("path at {time:.3} s");
        Ok(view)
    }

    /// The times of the frames at some number a second, spread evenly so that the first frame is the first key and the
    /// last frame the last; in a loop the frame after the last would be the first again.
    ///
    /// # Errors
    /// [`Error::Settings`] without keys, when the rate is no rate, or for more than [`MAX_FRAMES`].
    pub fn frames(&self, frame_rate: f64) -> Result<Vec<f64>> {
        if !(frame_rate > 0.0 && frame_rate <= MAX_FRAME_RATE) {
            return Err(Error::settings(
                format!("{frame_rate} frames per second"),
                format!("choose a rate above 0 and at most {MAX_FRAME_RATE}"),
            ));
        }
        if self.keys.is_empty() {
            return Err(Error::settings("the camera path has no keys", "add some"));
        }
        let (start, duration) = (self.start(), self.duration());
        let steps = (duration * frame_rate).round();
        if !(steps < MAX_FRAMES as f64 && start.is_finite()) {
            return Err(Error::settings(
                format!("a path of {duration} seconds has {steps} frames at {frame_rate} per second"),
                format!("choose a lower rate or a shorter path: at most {MAX_FRAMES} frames"),
            ));
        }
        let steps = steps as u32;
        let count = if self.smooth_loop { steps.max(1) } else { steps + 1 };
        Ok((0..count).map(|frame| start + duration * f64::from(frame) / f64::from(steps.max(1))).collect())
    }
}
