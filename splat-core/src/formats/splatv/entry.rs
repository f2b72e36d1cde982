//! One entry of a .splatv file: 64 bytes, little-endian.
//!
//! With dt the time from the centre of its window, a splat is at p + m₁ dt + m₂ dt² + m₃ dt³, turned by q + ω dt once
//! that has unit length, and as opaque as α exp(−(dt / width)²); time runs from 0 to 1 over the clip.

use super::super::values::{half, half_bits, log_scale, logit_of_byte};
use crate::scene::{Motion, SplatCloud, TimeBasis, colour};

/// Bytes of an entry.
pub(super) const BYTES: usize = 64;
/// Width of the window of a splat that is always there: within the clip, its opacity differs from α by less than 10⁻⁶.
pub(super) const ALWAYS: f32 = 1000.0;
/// Width, times e^fade, of a window in [`Motion`], whose opacity is exp(−½ (e^fade dt / 3)²).
pub(super) const UNIT_WIDTH: f64 = 3.0 * std::f64::consts::SQRT_2;

/// How splats of a file move, if all that can occur does.
pub(super) const MOTION: Motion = Motion {
    means: TimeBasis::Flow { poly: 3, fourier: 0 },
    quats: TimeBasis::Flow { poly: 1, fourier: 0 },
    sh0: TimeBasis::STILL,
    dilates: false,
    fades: true,
    frames: 0,
};

/// An entry, its values as the file holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Position at the centre of the window.
    pub(super) mean: [f32; 3],
    /// Rotation there, w x y z, of any length.
    pub(super) quat: [f32; 4],
    pub(super) scales: [f32; 3],
    pub(super) rgba: [u8; 4],
    /// m₁, m₂ and m₃.
    pub(super) motion: [[f32; 3]; 3],
    /// ω
    pub(super) omega: [f32; 4],
    pub(super) centre: f32,
    pub(super) width: f32,
}

/// What a half float makes of a value.
pub(super) fn as_half(value: f64) -> f32 {
    half(half_bits(value as f32))
}

impl Entry {
    /// The bytes of the file.
    pub(super) fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mut at = 0;
        let mut put = |new: &[u8]| {
            bytes[at..at + new.len()].copy_from_slice(new);
            at += new.len();
        };
        self.mean.iter().for_each(|value| put(&value.to_le_bytes()));
        let mut halves = |values: &[f32]| values.iter().for_each(|&value| put(&half_bits(value).to_le_bytes()));
        halves(&self.quat);
        halves(&self.scales);
        halves(&[0.0]);
        put(&self.rgba);
        let mut halves = |values: &[f32]| values.iter().for_each(|&value| put(&half_bits(value).to_le_bytes()));
        halves(self.motion.as_flattened());
        halves(&[0.0]);
        halves(&self.omega);
        halves(&[self.centre, self.width]);
        bytes
    }

    /// What the bytes of the file mean; none if that is no splat, since a value is not finite, a scale negative, the
    /// quaternion zero, or the window has no width.
    pub(super) fn of(bytes: &[u8]) -> Option<Entry> {
        let float = |at: usize| bytes.get(at..)?.first_chunk().copied().map(f32::from_le_bytes);
        let short = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes).map(half);
        let three = |at: usize| Some([short(at)?, short(at + 2)?, short(at + 4)?]);
        let four = |at: usize| Some([short(at)?, short(at + 2)?, short(at + 4)?, short(at + 6)?]);
        let entry = Entry {
            mean: [float(0)?, float(4)?, float(8)?],
            quat: four(12)?,
            scales: three(20)?,
            rgba: *bytes.get(28..)?.first_chunk()?,
            motion: [three(32)?, three(38)?, three(44)?],
            omega: four(52)?,
            centre: short(60)?,
            width: short(62)?,
        };
        let values = entry.mean.iter().chain(&entry.quat).chain(&entry.scales).chain(&entry.omega);
        let finite = values.chain(entry.motion.as_flattened()).chain([&entry.centre, &entry.width]);
        let sound = finite.into_iter().all(|value| value.is_finite())
            && entry.scales.iter().all(|&scale| scale >= 0.0)
            && entry.rest_quat() != [0.0; 4]
            && entry.quat != [0.0; 4]
            && entry.width != 0.0;
        sound.then_some(entry)
    }

    /// Whether it may move, may turn, and may fade.
    pub(super) fn uses(&self) -> [bool; 3] {
        [self.motion != [[0.0; 3]; 3], self.omega != [0.0; 4], self.width.abs() < ALWAYS]
    }

    /// The rotation in the middle of the clip.
    fn rest_quat(&self) -> [f32; 4] {
        let centre = f64::from(self.centre) - 0.5;
        std::array::from_fn(|k| (f64::from(self.quat[k]) - f64::from(self.omega[k]) * centre) as f32)
    }

    /// Appends it to splats that move as far as `motion` says, which is as far as [`MOTION`] or less.
    pub(super) fn push_to(&self, cloud: &mut SplatCloud, motion: Option<Motion>) {
        let centre = f64::from(self.centre) - 0.5;
        let [r, g, b, a] = self.rgba;
        let mut mean = self.mean;
        let mut moves = [[0.0; 3]; 3];
        for axis in 0..3 {
            let [m1, m2, m3] = self.motion.map(|m| f64::from(m[axis]));
            // In powers of the time from the middle of the clip, then of twice that, then in Chebyshev polynomials.
            let c = centre;
            let (p0, p1) = (-c * (m1 - c * (m2 - c * m3)), m1 - 2.0 * c * m2 + 3.0 * c * c * m3);
            let (p1, p2, p3) = (p1 / 2.0, (m2 - 3.0 * c * m3) / 4.0, m3 / 8.0);
            mean[axis] = (f64::from(mean[axis]) + p0 + p2 / 2.0) as f32;
            moves[axis] = [p1 + 0.75 * p3, p2 / 2.0, p3 / 4.0].map(|value| value as f32);
        }
        cloud.means.push(mean);
        cloud.quats.push(self.rest_quat());
        cloud.log_scales.push(self.scales.map(log_scale));
        cloud.opacity_logits.push(logit_of_byte(a));
        cloud.sh0.push([r, g, b].map(|byte| colour::sh0(f32::from(byte) / 255.0)));
        for column in motion.map(|motion| motion.columns()).unwrap_or_default() {
            let Some(held) = cloud.more.iter_mut().find(|held| held.name == column.name) else { continue };
            match column.moves {
                Some(("means", _)) => held.values.extend(moves.as_flattened()),
                Some(_) => held.values.extend(self.omega.map(|value| value / 2.0)),
                None => held.values.extend([centre as f32, (UNIT_WIDTH / f64::from(self.width.abs())).ln() as f32]),
            }
        }
    }
}
