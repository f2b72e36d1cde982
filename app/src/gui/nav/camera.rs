//! The camera of the viewport. Every motion sets a goal; [`NavCamera::tick`] lets the picture glide there.
//!
//! The glide is exponential and exact: it is linear in the eye or the pivot, whichever the last motion holds still, and
//! in the angles; so ten short ticks end where one long tick does. Distances are eased linearly together with the
//! pivot, so that zooming to a point moves the eye on a straight line and the point stays under the cursor all the way.

use super::pose::{Angles, Ground, Pose, wrap};
use crate::gui::action::Axis;
use glam::{DAffine3, DMat3, DQuat, DVec2, DVec3};
use splat_core::scene::{Intrinsics, Lens, View};
use std::f64::consts::{FRAC_PI_2, PI};
use std::path::PathBuf;

/// Time constant of motions of the hand, seconds: smooths the steps of a mouse without being felt as lag.
const HAND: f64 = 0.05;
/// Time constant of jumps, seconds: slow enough to see where the camera goes.
const JUMP: f64 = 0.14;
/// Radians of orbit per point of drag: half a turn on about 600 points.
const ORBIT_RATE: f64 = 0.3 * PI / 180.0;
/// Drag in points within which the horizon comes level to 1/e, once it is locked.
const LEVELLING: f64 = 80.0;
/// A glide ends when what is left is less than this, in radians and parts of the distance: a tenth of a pixel.
const ARRIVED: f64 = 1e-4;
/// The narrowest and the widest vertical field of view, degrees.
const FOV_RANGE: (f64, f64) = (1.0, 160.0);
/// The nearest and the farthest pivot, in scene scales.
const DISTANCE_RANGE: (f64, f64) = (1e-4, 1e5);
/// How far from the origin a camera may be, in scene scales: beyond it, pictures lose all precision.
const REACH: f64 = 1e9;
/// Slowest and fastest flight, in scene scales per second.
const SPEED_RANGE: (f64, f64) = (0.1, 10.0);
/// What Shift multiplies the speed with, and Alt divides it by.
const FAST: f64 = 4.0;
/// Radius around a framed point, in scene scales.
const POINT_RADIUS: f64 = 0.02;
/// Free border around a framed sphere.
const FRAME_MARGIN: f64 = 1.05;

/// What the camera turns about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Motion {
    /// A pivot in the scene.
    #[default]
    Orbit,
    /// Itself.
    Fly,
}

/// What a glide moves on a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    /// The pivot, for orbits.
    Pivot,
    /// The eye, for looking around.
    Eye,
}

/// The camera of the viewport.
#[derive(Clone, Debug)]
pub(crate) struct NavCamera {
    /// Where it glides to.
    goal: Pose,
    /// Where it is.
    shown: Pose,
    /// Up and the named directions.
    ground: Ground,
    /// Orbit or fly.
    motion: Motion,
    /// What the current glide moves straight.
    anchor: Anchor,
    /// Time constant of the current glide, seconds.
    pace: f64,
    /// Size of the scene in world units.
    scale: f64,
    /// Speed of flight, in scene scales per second.
    speed: f64,
    /// Chosen near plane.
    near: Option<f64>,
    /// Whether orbit and look hold the horizon.
    horizon_locked: bool,
    /// The roll that a locked horizon holds: what the person chose, not what a photo came with.
    tilt: f64,
    /// Jump instead of gliding.
    reduced_motion: bool,
    /// Size of the picture on the screen, points.
    viewport: DVec2,
}

impl Default for NavCamera {
    /// Looks at the origin from the front and a little above, +Y up.
    fn default() -> Self {
        let ground = Ground { right: DVec3::X, forward: DVec3::NEG_Z, up: DVec3::Y };
        let orientation = Angles { yaw: 0.0, pitch: -0.3, roll: 0.0 }.orientation(&ground);
        let pose = Pose { pivot: DVec3::ZERO, distance: 4.0, orientation, fov_y: 50_f64.to_radians() };
        Self {
            goal: pose,
            shown: pose,
            ground,
            motion: Motion::Orbit,
            anchor: Anchor::Pivot,
            pace: HAND,
            scale: 1.0,
            speed: 1.0,
            near: None,
            horizon_locked: true,
            tilt: 0.0,
            reduced_motion: false,
            viewport: DVec2::new(1280.0, 720.0),
        }
    }
}

/// Motions of the hand.
impl NavCamera {
    /// Turns about the pivot, for a drag by that many points: the scene follows the hand.
    pub(crate) fn orbit(&mut self, dx: f64, dy: f64) {
        let orientation = self.turned(dx, dy, ORBIT_RATE);
        self.change(Anchor::Pivot, HAND, |goal| goal.orientation = orientation);
    }

    /// Turns about the eye, for a drag by that many points: the view follows the hand.
    pub(crate) fn look(&mut self, dx: f64, dy: f64) {
        // As many points as the picture is high turn by one field of view.
        let orientation = self.turned(dx, dy, self.goal.fov_y / self.viewport.y);
        self.change(Anchor::Eye, HAND, |goal| {
            let eye = goal.eye();
            goal.orientation = orientation;
            goal.set_eye(eye);
        });
    }

    /// Moves sideways, for a drag by that many points: what is as far away as the pivot follows the hand.
    pub(crate) fn pan(&mut self, dx: f64, dy: f64) {
        let per_point = 2.0 * (0.5 * self.goal.fov_y).tan() * self.goal.distance / self.viewport.y;
        let anchor = self.anchor;
        self.change(anchor, HAND, |goal| goal.pivot -= goal.orientation * DVec3::new(dx, dy, 0.0) * per_point);
    }

    /// Multiplies the distance to a point by `factor` and keeps that point where it is in the picture; without a
    /// point, or with one behind the camera, does so with the pivot.
    pub(crate) fn dolly(&mut self, factor: f64, toward: Option<DVec3>) {
        let (low, high) = self.distance_range();
        let forward = self.goal.forward();
        let in_front = |point: &DVec3| (*point - self.goal.eye()).dot(forward) > 0.0;
        let centre = toward.filter(|point| point.is_finite()).filter(in_front).unwrap_or(self.goal.pivot);
        let distance = (self.goal.distance * factor).clamp(low, high);
        let factor = distance / self.goal.distance;
        self.change(Anchor::Pivot, HAND, |goal| {
            goal.pivot = centre + (goal.pivot - centre) * factor;
            goal.distance = distance;
        });
    }

    /// Flies for `dt` seconds in a direction of the camera's axes (x right, y down, z forward), of length at most 1.
    pub(crate) fn fly(&mut self, direction: DVec3, dt: f64, fast: bool, slow: bool) {
        let mut speed = self.speed * self.scale;
        if fast {
            speed *= FAST;
        }
        if slow {
            speed /= FAST;
        }
        let way = self.goal.orientation * direction.clamp_length_max(1.0) * (speed * dt.max(0.0));
        self.change(Anchor::Eye, HAND, |goal| goal.pivot += way);
    }

    /// Turns the camera about its viewing direction, clockwise, radians.
    pub(crate) fn roll(&mut self, angle: f64) {
        self.change(Anchor::Eye, HAND, |goal| {
            goal.orientation *= DQuat::from_rotation_z(angle);
        });
        self.tilt = Angles::of(self.goal.orientation, &self.ground).roll;
    }

    /// The goal's orientation after a drag.
    fn turned(&self, dx: f64, dy: f64, rate: f64) -> DQuat {
        if !self.horizon_locked {
            return self.goal.orientation * DQuat::from_scaled_axis(DVec3::new(-dy, dx, 0.0) * rate);
        }
        let mut angles = Angles::of(self.goal.orientation, &self.ground);
        // While the picture is rolled, the drag goes along the picture, not along the ground.
        let (sine, cosine) = angles.roll.sin_cos();
        let (across, down) = (dx * cosine - dy * sine, dx * sine + dy * cosine);
        let rest = wrap(angles.roll - self.tilt) * (-dx.hypot(dy) / LEVELLING).exp();
        angles = angles.turned(across * rate, -down * rate);
        angles.roll = self.tilt + rest;
        angles.orientation(&self.ground)
    }
}

/// Jumps.
impl NavCamera {
    /// Makes a point the pivot and brings it to the middle of the picture, as large as it is.
    pub(crate) fn focus(&mut self, point: DVec3) {
        let (low, _) = self.distance_range();
        let away = point.distance(self.goal.eye());
        self.change(Anchor::Pivot, JUMP, |goal| {
            goal.pivot = point;
            if away > low {
                goal.distance = away;
            }
        });
    }

    /// Steps back, or nearer, until a sphere fills the picture.
    pub(crate) fn frame(&mut self, centre: DVec3, radius: f64) {
        let half = (0.5 * self.goal.fov_y).tan();
        let narrower = half.min(half * self.viewport.x / self.viewport.y).atan();
        // A single point is shown with some surroundings; a radius that is no number, not at all.
        let radius = if radius.is_nan() { return } else { radius.max(POINT_RADIUS * self.scale) };
        let distance = radius / narrower.sin() * FRAME_MARGIN;
        self.change(Anchor::Pivot, JUMP, |goal| {
            goal.pivot = centre;
            goal.distance = distance;
        });
    }

    /// Looks at the pivot along an axis.
    pub(crate) fn axis_view(&mut self, axis: Axis) {
        let (yaw, pitch) = match axis {
            Axis::Front => (0.0, 0.0),
            Axis::Back => (PI, 0.0),
            Axis::Left => (FRAC_PI_2, 0.0),
            Axis::Right => (-FRAC_PI_2, 0.0),
            Axis::Top => (0.0, -FRAC_PI_2),
            Axis::Bottom => (0.0, FRAC_PI_2),
        };
        let orientation = Angles { yaw, pitch, roll: 0.0 }.orientation(&self.ground);
        self.tilt = 0.0;
        self.change(Anchor::Pivot, JUMP, |goal| goal.orientation = orientation);
    }

    /// Takes over pose and field of view of another camera. The pivot moves to where the view passes nearest to it.
    pub(crate) fn set_from_view(&mut self, view: &View) {
        let orientation = DQuat::from_mat3(&view.viewmat.matrix3.transpose());
        let eye = view.position();
        let fov_y = 2.0 * (0.5 * f64::from(view.height) / view.fy).atan();
        let depth = (self.goal.pivot - eye).dot(orientation * DVec3::Z);
        let (low, _) = self.distance_range();
        let distance = if depth > low { depth } else { self.goal.distance };
        self.change(Anchor::Eye, JUMP, |goal| {
            *goal = Pose { pivot: goal.pivot, distance, orientation, fov_y };
            goal.set_eye(eye);
        });
    }

    /// Brings the horizon level.
    pub(crate) fn level_horizon(&mut self) {
        let mut angles = Angles::of(self.goal.orientation, &self.ground);
        angles.roll = 0.0;
        let orientation = angles.orientation(&self.ground);
        self.tilt = 0.0;
        self.change(Anchor::Eye, JUMP, |goal| {
            let eye = goal.eye();
            goal.orientation = orientation;
            goal.set_eye(eye);
        });
    }

    /// Says which way is up; a locked horizon follows. Zero and non-finite directions are ignored.
    pub(crate) fn set_up(&mut self, up: DVec3) {
        if let Some(ground) = Ground::of(up) {
            self.ground = ground;
            if self.horizon_locked {
                self.level_horizon();
            }
        }
    }

    /// Makes the top of the picture the up direction.
    pub(crate) fn up_from_view(&mut self) {
        if let Some(ground) = Ground::of(self.goal.orientation * DVec3::NEG_Y) {
            self.ground = ground;
            self.tilt = 0.0;
        }
    }

    /// Ends the glide at its goal.
    pub(crate) fn arrive(&mut self) {
        self.shown = self.goal;
    }

    /// Glides on for `dt` seconds. Says whether there is more to come; whether the picture has changed, a comparison
    /// of two [`view`](Self::view)s tells.
    pub(crate) fn tick(&mut self, dt: f64) -> bool {
        if !self.reduced_motion && !self.is_there() {
            let part = if dt > 0.0 { 1.0 - (-dt / self.pace).exp() } else { 0.0 };
            let (from, goal) = (self.shown, self.goal);
            self.shown.distance += part * (goal.distance - from.distance);
            self.shown.fov_y += part * (goal.fov_y - from.fov_y);
            self.shown.orientation = if self.horizon_locked {
                // By angles: on the shortest way between two level views, the horizon would not stay level.
                let angles = Angles::of(from.orientation, &self.ground);
                angles.towards(&Angles::of(goal.orientation, &self.ground), part).orientation(&self.ground)
            } else {
                from.orientation.slerp(goal.orientation, part).normalize()
            };
            match self.anchor {
                Anchor::Pivot => self.shown.pivot = from.pivot.lerp(goal.pivot, part),
                Anchor::Eye => self.shown.set_eye(from.eye().lerp(goal.eye(), part)),
            }
            if self.shown.is_finite() && !self.is_there() {
                return true;
            }
        }
        self.arrive();
        false
    }

    /// Whether the rest of the glide cannot be seen.
    fn is_there(&self) -> bool {
        let (shown, goal) = (&self.shown, &self.goal);
        let near = ARRIVED * goal.distance;
        shown.pivot.distance(goal.pivot) < near
            && shown.eye().distance(goal.eye()) < near
            && (shown.distance - goal.distance).abs() < near
            && shown.orientation.angle_between(goal.orientation) < ARRIVED
            && (shown.fov_y - goal.fov_y).abs() < ARRIVED
    }

    /// Sets a new goal, unless a number of it is unusable: then the camera stays where it is.
    fn change(&mut self, anchor: Anchor, pace: f64, edit: impl FnOnce(&mut Pose)) {
        let mut goal = self.goal;
        edit(&mut goal);
        let length = goal.orientation.length();
        if !goal.is_finite() || length < 0.5 {
            return;
        }
        let (near, far) = self.distance_range();
        let reach = DVec3::splat(REACH * self.scale);
        goal.distance = goal.distance.clamp(near, far);
        goal.pivot = goal.pivot.clamp(-reach, reach);
        goal.fov_y = goal.fov_y.clamp(FOV_RANGE.0.to_radians(), FOV_RANGE.1.to_radians());
        goal.orientation = goal.orientation.normalize();
        if !goal.is_finite() {
            return;
        }
        self.goal = goal;
        self.anchor = anchor;
        self.pace = pace;
        if self.reduced_motion {
            self.arrive();
        }
    }

    /// The nearest and the farthest pivot, world units.
    fn distance_range(&self) -> (f64, f64) {
        (DISTANCE_RANGE.0 * self.scale, DISTANCE_RANGE.1 * self.scale)
    }
}

/// Settings, and what is shown.
impl NavCamera {
    /// Orbit or fly.
    pub(crate) fn motion(&self) -> Motion {
        self.motion
    }

    /// Chooses between orbit and flight.
    pub(crate) fn set_motion(&mut self, motion: Motion) {
        self.motion = motion;
    }

    /// The size of the scene, such as the median distance of its cameras: speed and limits follow it.
    pub(crate) fn set_scale(&mut self, scale: f64) {
        if scale.is_finite() && scale > 0.0 {
            self.scale = scale.clamp(1e-9, 1e9);
        }
    }

    /// Size of the picture on the screen, points: what a drag is measured by.
    pub(crate) fn set_viewport(&mut self, width: f64, height: f64) {
        if width >= 1.0 && height >= 1.0 && width.is_finite() && height.is_finite() {
            self.viewport = DVec2::new(width, height);
        }
    }

    /// Speed of flight, in scene scales per second.
    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }

    /// Sets the speed of flight, 0.1 to 10 scene scales per second.
    pub(crate) fn set_speed(&mut self, speed: f64) {
        if speed.is_finite() {
            self.speed = speed.clamp(SPEED_RANGE.0, SPEED_RANGE.1);
        }
    }

    /// Vertical field of view it glides to, degrees.
    pub(crate) fn fov_y(&self) -> f64 {
        self.goal.fov_y.to_degrees()
    }

    /// Sets the vertical field of view, degrees.
    pub(crate) fn set_fov_y(&mut self, degrees: f64) {
        let anchor = self.anchor;
        self.change(anchor, HAND, |goal| goal.fov_y = degrees.to_radians());
    }

    /// The chosen near plane, else one that suits the scene and comes closer with the pivot.
    pub(crate) fn near(&self) -> f64 {
        self.near.unwrap_or_else(|| (0.01 * self.scale).min(0.1 * self.shown.distance))
    }

    /// Chooses the near plane; `None` leaves it to the scene.
    pub(crate) fn set_near(&mut self, near: Option<f64>) {
        self.near = near.filter(|near| near.is_finite() && *near > 0.0);
    }

    /// Whether orbit and look hold the horizon.
    pub(crate) fn horizon_locked(&self) -> bool {
        self.horizon_locked
    }

    /// Locks the horizon, which brings it level, or lets the camera tumble freely.
    pub(crate) fn set_horizon_locked(&mut self, locked: bool) {
        if locked && !self.horizon_locked {
            self.level_horizon();
        }
        self.horizon_locked = locked;
    }

    /// Jump instead of gliding.
    pub(crate) fn set_reduced_motion(&mut self, reduced: bool) {
        self.reduced_motion = reduced;
        if reduced {
            self.arrive();
        }
    }

    /// Up and the directions of the named views.
    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The point that the camera turns about, as shown.
    pub(crate) fn pivot(&self) -> DVec3 {
        self.shown.pivot
    }

    /// From the eye to the pivot, as shown.
    pub(crate) fn distance(&self) -> f64 {
        self.shown.distance
    }

    /// Where the camera stands, as shown.
    pub(crate) fn eye(&self) -> DVec3 {
        self.shown.eye()
    }

    /// The point under a pixel of a picture of that size, as far ahead as the pivot: where to zoom when nobody knows
    /// the depth.
    pub(crate) fn beside_pivot(&self, pixel: DVec2, size: DVec2) -> DVec3 {
        let focal = 0.5 * size.y / (0.5 * self.shown.fov_y).tan();
        let slope = (pixel - 0.5 * size) / focal;
        self.shown.eye() + self.shown.orientation * (slope.extend(1.0) * self.shown.distance)
    }

    /// The camera of the next picture: square pixels, principal point in the middle.
    pub(crate) fn view(&self, width: u32, height: u32) -> View {
        let (width, height) = (width.max(1), height.max(1));
        let focal = 0.5 * f64::from(height) / (0.5 * self.shown.fov_y).tan();
        let source =
            Intrinsics { width, height, fx: focal, fy: focal, cx: 0.5 * f64::from(width), cy: 0.5 * f64::from(height) };
        let cam_from_world = DMat3::from_quat(self.shown.orientation.conjugate());
        View {
            name: "viewport".into(),
            viewmat: DAffine3 { matrix3: cam_from_world, translation: -(cam_from_world * self.shown.eye()) },
            fx: focal,
            fy: focal,
            cx: source.cx,
            cy: source.cy,
            width,
            height,
            lens: Lens::Pinhole,
            source,
            orientation: 1,
            image_path: PathBuf::new(),
            mask_path: None,
            camera_id: 0,
            time: None,
        }
    }
}

#[cfg(test)]
mod tests;
