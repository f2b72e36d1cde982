//! The curve through the keys.

use super::{CameraPath, Key, Pose};
use glam::DVec3;

/// A velocity is at most this many times the slower of the two straight ways at its key: the largest factor with which
/// a cubic does not run back on its own chord [Fritsch & Carlson 1980].
const MAX_SPEEDUP: f64 = 3.0;
/// Ups that are farther apart than this (cosine) are a roll over the side: between them lies (nearly) no direction.
const OPPOSED: f64 = -0.9;
/// Shares of a length or an angle below this are zero.
const TINY: f64 = 1e-9;

/// The way between two neighbouring keys, and how far along it a moment is.
struct Segment<'a> {
    path: &'a CameraPath,
    /// Keys that count: without the last of a loop that repeats the first.
    count: usize,
    /// Index of the first of the two.
    from: usize,
    /// Index of the second.
    to: usize,
    /// Seconds between them.
    gap: f64,
    /// 0 at the first, 1 at the second.
    share: f64,
}

/// See [`CameraPath::sample`].
pub(super) fn sample(path: &CameraPath, time: f64) -> Option<Pose> {
    match Segment::at(path, time)? {
        Ok(segment) => Some(segment.pose()),
        Err(key) => Some(key.pose()),
    }
}

impl<'a> Segment<'a> {
    /// The way at a time, or the key at which the camera stands; `None` without keys.
    fn at(path: &'a CameraPath, time: f64) -> Option<Result<Self, &'a Key>> {
        let keys = path.keys.as_slice();
        let first = keys.first()?;
        let count = if path.smooth_loop && path.is_closed() { keys.len() - 1 } else { keys.len() };
        let duration = path.duration();
        // Also where the clock is not usable: unordered, infinite or NaN.
        if count < 2 || !(duration > 0.0 && duration.is_finite()) || !time.is_finite() {
            return Some(Err(first));
        }
        let since = time - first.time;
        let since = if path.smooth_loop { since.rem_euclid(duration) } else { since.clamp(0.0, duration) };
        let passed = keys.get(..count)?.partition_point(|key| key.time - first.time <= since);
        let last = if path.smooth_loop { count - 1 } else { count - 2 };
        let from = passed.saturating_sub(1).min(last);
        let mut segment = Self { path, count, from, to: (from + 1) % count, gap: 0.0, share: 0.0 };
        segment.gap = segment.gap_after(from);
        let begin = keys.get(from)?;
        if segment.gap <= 0.0 {
            return Some(Err(begin));
        }
        segment.share = ((since - (begin.time - first.time)) / segment.gap).clamp(0.0, 1.0);
        Some(Ok(segment))
    }

    fn key(&self, index: usize) -> &'a Key {
        &self.path.keys[index]
    }

    /// Seconds from a key to the next, in a loop from the last to the first as well.
    fn gap_after(&self, index: usize) -> f64 {
        let keys = &self.path.keys;
        match keys.get(index + 1) {
            Some(next) => (next.time - keys[index].time).max(0.0),
            None => self.path.mean_gap(),
        }
    }

    /// A quantity of the keys on both sides of a key as slopes, with the times over which they hold; `None` at an end.
    fn slopes<T>(&self, index: usize, of: &impl Fn(&Key) -> T) -> Option<[(T, f64); 2]>
    where
        T: Copy + std::ops::Sub<Output = T> + std::ops::Mul<f64, Output = T>,
    {
        let is_end = index == 0 || index + 1 == self.count;
        if is_end && !self.path.smooth_loop {
            return None;
        }
        let before = (index + self.count - 1) % self.count;
        let after = (index + 1) % self.count;
        let [left, here, right] = [before, index, after].map(|index| of(self.key(index)));
        let slope = |difference: T, gap: f64| if gap > 0.0 { difference * gap.recip() } else { difference * 0.0 };
        let [gap_before, gap_after] = [self.gap_after(before), self.gap_after(index)];
        Some([(slope(here - left, gap_before), gap_before), (slope(right - here, gap_after), gap_after)])
    }

    /// Velocity of a point at a key: at rest at the ends.
    fn velocity(&self, index: usize, of: &impl Fn(&Key) -> DVec3) -> DVec3 {
        let Some([(before, gap_before), (after, gap_after)]) = self.slopes(index, of) else { return DVec3::ZERO };
        let parabola = (before * gap_after + after * gap_before) / (gap_before + gap_after);
        parabola.clamp_length_max(MAX_SPEEDUP * before.length().min(after.length()))
    }

    /// A point on its curve.
    fn point(&self, of: impl Fn(&Key) -> DVec3) -> DVec3 {
        let [p0, p1] = [self.from, self.to].map(|index| of(self.key(index)));
        let [v0, v1] = [self.from, self.to].map(|index| self.velocity(index, &of) * self.gap);
        let [a, b, c, d] = hermite(self.share);
        a * p0 + b * v0 + c * p1 + d * v1
    }

    /// A number on a curve that stays between its keys.
    fn number(&self, of: impl Fn(&Key) -> f64) -> f64 {
        let slope = |index: usize| match self.slopes(index, &of) {
            // The harmonic mean, weighted for unequal times; flat where the number turns around.
            Some([(before, gap_before), (after, gap_after)]) if before * after > 0.0 => {
                let (far, near) = (2.0 * gap_after + gap_before, gap_after + 2.0 * gap_before);
                (far + near) / (far / before + near / after)
            }
            _ => 0.0,
        };
        let [p0, p1] = [self.from, self.to].map(|index| of(self.key(index)));
        let [v0, v1] = [self.from, self.to].map(|index| slope(index) * self.gap);
        let [a, b, c, d] = hermite(self.share);
        (a * p0 + b * v0 + c * p1 + d * v1).max(p0.min(p1)).min(p0.max(p1))
    }

    fn pose(&self) -> Pose {
        let [k0, k1] = [self.from, self.to].map(|index| self.key(index));
        let eye = self.point(|key| key.position);
        let target = self.point(|key| key.target);
        let reach = |key: &Key| key.position.distance(key.target);
        // A camera that passes through its target, or turns right around, looks nowhere for a moment: it keeps
        // looking where the nearer key does.
        let nearer = if self.share < 0.5 { k0 } else { k1 };
        let forward = target - eye;
        let target = if forward.is_finite() && forward.length() > TINY * reach(k0).max(reach(k1)) {
            target
        } else {
            eye + (nearer.target - nearer.position)
        };
        let up = self.up((target - eye).normalize_or_zero(), nearer);
        Pose { eye, target, up, fov_y_deg: self.number(|key| key.fov_y_deg) }
    }

    /// What is up, not along `forward`.
    fn up(&self, forward: DVec3, nearer: &Key) -> DVec3 {
        let unit = |key: &Key| key.up.normalize_or_zero();
        let mut up = self.point(unit);
        let [u0, u1] = [self.from, self.to].map(|index| unit(self.key(index)));
        if u0.dot(u1) < OPPOSED {
            // Rolls over the right side. The weight and its slope are 0 at both keys.
            let weight = 16.0 * self.share.powi(2) * (1.0 - self.share).powi(2);
            up += weight * forward.cross(u0).normalize_or_zero();
        }
        upright([up, unit(nearer)], forward)
    }
}

/// The first of some directions that a camera looking `forward` (a unit vector) can have as its up, or any that it can.
pub(super) fn upright<const N: usize>(candidates: [DVec3; N], forward: DVec3) -> DVec3 {
    let fits = |up: &DVec3| up.is_finite() && up.cross(forward).length() > TINY;
    let units = candidates.into_iter().map(DVec3::normalize_or_zero);
    units.chain([forward.any_orthogonal_vector().normalize_or_zero()]).find(fits).unwrap_or(DVec3::ZERO)
}

/// Weights of the first value, its slope, the second value, its slope.
fn hermite(s: f64) -> [f64; 4] {
    let r = 1.0 - s;
    [(1.0 + 2.0 * s) * r * r, s * r * r, s * s * (3.0 - 2.0 * s), -s * s * r]
}
