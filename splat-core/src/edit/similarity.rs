//! Moving, turning and scaling a whole scene.

use glam::{DMat3, DQuat, DVec3};

use super::sh::ShRotation;
use crate::error::{Error, Result};
use crate::parallel::{ROWS_PER_THREAD, for_each_part};
use crate::scene::{MotionColumn, SplatCloud, View};

/// Scales and distances from 1 / this to this are accepted: what is left of the range of f32 takes the scene itself.
const LARGEST: f64 = 1e12;

/// A map of space that keeps shapes: `x ↦ scale · rotation x + translation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Unit quaternion, applied first.
    pub rotation: DQuat,
    /// Factor on all lengths, positive.
    pub scale: f64,
    /// Added last.
    pub translation: DVec3,
}

impl Default for Similarity {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl Similarity {
    /// Leaves everything where it is.
    pub const IDENTITY: Self = Self { rotation: DQuat::IDENTITY, scale: 1.0, translation: DVec3::ZERO };

    /// The shortest rotation about the origin that takes one direction to another, as what is up in the scene to what
    /// the file calls up; `None` when one of them is no direction.
    pub fn from_up(up: DVec3, wanted: DVec3) -> Option<Self> {
        let (up, wanted) = (up.try_normalize()?, wanted.try_normalize()?);
        Some(Self { rotation: DQuat::from_rotation_arc(up, wanted).normalize(), ..Self::IDENTITY })
    }

    /// The scaling about the origin after which a measured distance has the length it should have; `None` unless both
    /// are positive.
    pub fn scale_to(measured: f64, wanted: f64) -> Option<Self> {
        let scale = wanted / measured;
        (measured > 0.0 && wanted > 0.0 && scale.is_finite() && scale > 0.0).then_some(Self { scale, ..Self::IDENTITY })
    }

    /// This, then `next`.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        Self {
            rotation: (next.rotation * self.rotation).normalize(),
            scale: next.scale * self.scale,
            translation: next.transform_point(self.translation),
        }
    }

    /// The way back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.conjugate();
        let scale = 1.0 / self.scale;
        Self { rotation, scale, translation: -(rotation * self.translation) * scale }
    }

    /// The same turning and scaling about `pivot` instead of the origin, then the same move.
    #[must_use]
    pub fn about(&self, pivot: DVec3) -> Self {
        let turned = Self { translation: DVec3::ZERO, ..*self };
        Self { translation: pivot - turned.transform_point(pivot) + self.translation, ..*self }
    }

    /// Whether nothing moves at all.
    pub fn is_identity(&self) -> bool {
        *self == Self::IDENTITY
    }

    /// Whether directions change.
    pub(super) fn turns(&self) -> bool {
        self.rotation != DQuat::IDENTITY && self.rotation != -DQuat::IDENTITY
    }

    /// Refuses what would not leave a scene that f32 can hold.
    pub(super) fn check(&self) -> Result<()> {
        let scale = (LARGEST.recip()..=LARGEST).contains(&self.scale);
        let place = self.translation.is_finite() && self.translation.abs().max_element() <= LARGEST;
        if scale && place && self.rotation.is_normalized() {
            return Ok(());
        }
        Err(Error::settings(
            format!(
                "a scene cannot be scaled by {}, turned by {} and moved by {}",
                self.scale, self.rotation, self.translation
            ),
            "scales must be positive, and scales and distances must lie within 1e12",
        ))
    }

    /// Where a point goes.
    pub fn transform_point(&self, point: DVec3) -> DVec3 {
        self.rotation * (self.scale * point) + self.translation
    }

    /// The view that sees the moved scene as `view` sees the scene: photos stay aligned. Depths grow by the scale.
    #[must_use]
    pub fn transform_view(&self, view: &View) -> View {
        let mut moved = view.clone();
        let back = DMat3::from_quat(self.rotation).transpose();
        moved.viewmat.matrix3 = view.viewmat.matrix3 * back;
        moved.viewmat.translation = self.scale * view.viewmat.translation - moved.viewmat.matrix3 * self.translation;
        moved
    }

    /// Moves splats: positions, rotations (which become unit quaternions), scales and, exactly, view-dependent
    /// colours. Columns that the map does not concern keep their bits.
    pub fn transform_cloud(&self, cloud: &mut SplatCloud) {
        if self.is_identity() {
            return;
        }
        let linear = DMat3::from_quat(self.rotation) * self.scale;
        for_each_part(&mut cloud.means, 1, ROWS_PER_THREAD, |_, means| {
            for mean in means {
                let moved = linear * DVec3::from_array(mean.map(f64::from)) + self.translation;
                *mean = moved.to_array().map(|value| value as f32);
            }
        });
        if self.scale != 1.0 {
            let shift = self.scale.ln();
            for_each_part(cloud.log_scales.as_flattened_mut(), 3, ROWS_PER_THREAD, |_, values| {
                values.iter_mut().for_each(|value| *value = (f64::from(*value) + shift) as f32);
            });
        }
        self.transform_motion(cloud, linear);
        if self.turns() {
            for_each_part(&mut cloud.quats, 1, ROWS_PER_THREAD, |_, quats| quats.iter_mut().for_each(|q| self.turn(q)));
            let rotation = ShRotation::new(self.rotation);
            let width = cloud.sh_width();
            if width > 0 {
                for_each_part(&mut cloud.sh_rest, width, ROWS_PER_THREAD, |_, values| {
                    values.chunks_exact_mut(width).for_each(|row| rotation.turn(row));
                });
            }
        }
    }

    /// Moves what positions and rotations are changed by in time, which the map acts on as on differences. Rotations are
    /// those of before, which become unit quaternions.
    fn transform_motion(&self, cloud: &mut SplatCloud, linear: DMat3) {
        let lengths = |quats: &[[f32; 4]]| -> Vec<f64> {
            quats.iter().map(|quat| quat.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()).collect()
        };
        let turns = self.turns();
        let columns = cloud.motion.map(|motion| motion.columns()).unwrap_or_default();
        for MotionColumn { name, moves, .. } in columns {
            let Some((base, basis)) = moves else { continue };
            let terms = basis.terms() as usize;
            let lengths = if base == "quats" && turns { lengths(&cloud.quats) } else { Vec::new() };
            let Some(values) = cloud.column_mut(name) else { continue };
            match base {
                "means" => {
                    for row in values.chunks_exact_mut(3 * terms) {
                        for term in 0..terms {
                            let [x, y, z] = [0, 1, 2].map(|k| k * terms + term);
                            let moved = linear * DVec3::new(row[x].into(), row[y].into(), row[z].into());
                            [row[x], row[y], row[z]] = moved.to_array().map(|value| value as f32);
                        }
                    }
                }
                "quats" if turns => {
                    for (row, length) in values.chunks_exact_mut(4 * terms).zip(lengths) {
                        for term in 0..terms {
                            let [w, x, y, z] = [0, 1, 2, 3].map(|k| k * terms + term);
                            let part = DQuat::from_xyzw(row[x].into(), row[y].into(), row[z].into(), row[w].into());
                            let turned = (self.rotation * part) / if length > 0.0 { length } else { 1.0 };
                            let turned = [turned.w, turned.x, turned.y, turned.z].map(|value| value as f32);
                            [row[w], row[x], row[y], row[z]] = turned;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Turns a stored quaternion, w first. One without a direction draws nothing and is left alone.
    fn turn(&self, quat: &mut [f32; 4]) {
        let [w, x, y, z] = quat.map(f64::from);
        let turned = self.rotation * DQuat::from_xyzw(x, y, z, w);
        let length = turned.length();
        if length > 0.0 && length.is_finite() {
            *quat = [turned.w, turned.x, turned.y, turned.z].map(|value| (value / length) as f32);
        }
    }
}
