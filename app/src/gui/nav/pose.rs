//! Where a camera is: a pivot, a distance to it and an orientation; and the ground frame that angles are measured in.

use glam::{DMat3, DQuat, DVec3};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Below this sine between the view and the up direction, the heading is taken from the top of the picture, because
/// the view itself no longer points anywhere on the ground.
const POLE: f64 = 1e-6;

/// Up, and the two directions along the ground that the views "from the front" and "from the right" are named after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ground {
    /// To the right, for somebody who looks from the front.
    pub(crate) right: DVec3,
    /// Away from somebody who looks from the front.
    pub(crate) forward: DVec3,
    /// Up.
    pub(crate) up: DVec3,
}

impl Ground {
    /// The frame of an up direction; `None` when that is zero or not finite.
    ///
    /// The right of the front view is +X wherever possible, as in most tools: looking along -Z when +Y is up, along +Y
    /// when +Z is up, along +Z when -Y is up.
    pub(crate) fn of(up: DVec3) -> Option<Self> {
        let up = up.try_normalize().filter(|up| up.is_finite())?;
        let reference = if up.x.abs() < 0.9 { DVec3::X } else { DVec3::Y };
        let right = (reference - up * reference.dot(up)).try_normalize()?;
        Some(Self { right, forward: up.cross(right), up })
    }

    /// The direction along the ground at an angle from `forward` towards `right`.
    fn heading(&self, yaw: f64) -> DVec3 {
        self.forward * yaw.cos() + self.right * yaw.sin()
    }
}

/// An orientation told by its angles about a ground frame, radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Angles {
    /// Heading, from forward towards right.
    pub(crate) yaw: f64,
    /// Above (positive) or below the ground, at most a right angle.
    pub(crate) pitch: f64,
    /// Turn of the camera about its viewing direction, clockwise; 0 = level horizon.
    pub(crate) roll: f64,
}

impl Angles {
    /// The angles of an orientation.
    pub(crate) fn of(orientation: DQuat, ground: &Ground) -> Self {
        let forward = orientation * DVec3::Z;
        let image_up = orientation * DVec3::NEG_Y;
        let sine = forward.dot(ground.up).clamp(-1.0, 1.0);
        let along = forward - ground.up * sine;
        // Straight down, the top of the picture points ahead; straight up, it points back.
        let heading = if along.length() > POLE { along } else { image_up * -sine.signum() };
        let yaw = heading.dot(ground.right).atan2(heading.dot(ground.forward));
        let pitch = sine.atan2(along.length());
        let level = Self { yaw, pitch, roll: 0.0 }.orientation(ground);
        let in_level = level.conjugate() * (orientation * DVec3::X);
        Self { yaw, pitch, roll: in_level.y.atan2(in_level.x) }
    }

    /// The orientation with these angles: world from camera, OpenCV axes.
    pub(crate) fn orientation(&self, ground: &Ground) -> DQuat {
        let heading = ground.heading(self.yaw);
        let forward = heading * self.pitch.cos() + ground.up * self.pitch.sin();
        let right = heading.cross(ground.up);
        let level = DQuat::from_mat3(&DMat3::from_cols(right, forward.cross(right), forward));
        (level * DQuat::from_rotation_z(self.roll)).normalize()
    }

    /// Part of the way to other angles, each by the shorter way round.
    pub(crate) fn towards(&self, goal: &Self, part: f64) -> Self {
        Self {
            yaw: self.yaw + part * wrap(goal.yaw - self.yaw),
            pitch: self.pitch + part * (goal.pitch - self.pitch),
            roll: self.roll + part * wrap(goal.roll - self.roll),
        }
    }

    /// Turned by `yaw` and `pitch`, stopping straight up and straight down.
    pub(crate) fn turned(&self, yaw: f64, pitch: f64) -> Self {
        Self { yaw: wrap(self.yaw + yaw), pitch: (self.pitch + pitch).clamp(-FRAC_PI_2, FRAC_PI_2), roll: self.roll }
    }
}

/// The same angle in -π..π.
pub(crate) fn wrap(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

/// A camera that looks at a pivot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pose {
    /// The point that it turns about.
    pub(crate) pivot: DVec3,
    /// From the eye to the pivot, positive.
    pub(crate) distance: f64,
    /// World from camera, OpenCV axes.
    pub(crate) orientation: DQuat,
    /// Vertical field of view, radians.
    pub(crate) fov_y: f64,
}

impl Pose {
    /// The viewing direction.
    pub(crate) fn forward(&self) -> DVec3 {
        self.orientation * DVec3::Z
    }

    /// Where the camera stands.
    pub(crate) fn eye(&self) -> DVec3 {
        self.pivot - self.forward() * self.distance
    }

    /// Moves the camera, and the pivot with it, so that it stands at `eye`.
    pub(crate) fn set_eye(&mut self, eye: DVec3) {
        self.pivot = eye + self.forward() * self.distance;
    }

    /// Whether every number is usable.
    pub(crate) fn is_finite(&self) -> bool {
        self.pivot.is_finite() && self.distance.is_finite() && self.orientation.is_finite() && self.fov_y.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::{Angles, Ground, wrap};
    use glam::DVec3;
    use std::f64::consts::{FRAC_PI_2, PI};

    #[test]
    fn the_ground_frame_is_right_handed_and_follows_the_usual_conventions() {
        for (up, forward) in [(DVec3::Y, DVec3::NEG_Z), (DVec3::Z, DVec3::Y), (DVec3::NEG_Y, DVec3::Z)] {
            let ground = Ground::of(up).unwrap();
            assert_eq!((ground.right, ground.forward), (DVec3::X, forward));
        }
        for up in [DVec3::X, DVec3::new(0.3, -2.0, 0.9), DVec3::new(-5.0, 0.1, 0.0)] {
            let ground = Ground::of(up).unwrap();
            assert!((ground.right.cross(ground.forward) - up.normalize()).length() < 1e-12);
        }
        assert!(Ground::of(DVec3::ZERO).is_none());
        assert!(Ground::of(DVec3::new(f64::NAN, 0.0, 1.0)).is_none());
    }

    #[test]
    fn angles_and_orientation_are_inverse_to_each_other() {
        let ground = Ground::of(DVec3::new(0.2, -1.0, 0.1)).unwrap();
        for yaw in [-3.0, -0.4, 0.0, 2.5] {
            for pitch in [-1.5, -0.3, 0.0, 1.2] {
                for roll in [-2.0, 0.0, 0.7] {
                    let back = Angles::of(Angles { yaw, pitch, roll }.orientation(&ground), &ground);
                    let off = wrap(back.yaw - yaw).abs() + (back.pitch - pitch).abs() + wrap(back.roll - roll).abs();
                    assert!(off < 1e-9, "{yaw} {pitch} {roll}: {back:?}");
                }
            }
        }
    }

    #[test]
    fn straight_down_and_up_keep_their_heading() {
        let ground = Ground::of(DVec3::Y).unwrap();
        for pitch in [-FRAC_PI_2, FRAC_PI_2] {
            let back = Angles::of(Angles { yaw: 0.8, pitch, roll: 0.0 }.orientation(&ground), &ground);
            assert!((back.yaw - 0.8).abs() < 1e-9 && back.roll.abs() < 1e-9, "{back:?}");
        }
    }

    #[test]
    fn part_of_the_way_goes_the_short_way_round() {
        let from = Angles { yaw: PI - 0.1, pitch: 0.0, roll: 0.0 };
        let half = from.towards(&Angles { yaw: -PI + 0.1, pitch: 0.0, roll: 0.0 }, 0.5);
        assert!((wrap(half.yaw).abs() - PI).abs() < 1e-9);
    }
}
