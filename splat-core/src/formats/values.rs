//! What several formats store differently from memory: activated values, other axes.
//!
//! Stored splats keep the trained values, logarithms of scales and logits of opacities, in the frame of the photos:
//! x right, y down, z forward (RDF). Many files hold what a renderer needs instead.

use crate::scene::SplatCloud;
use crate::scene::io::ply::MAX_STORED;

/// The opacity of a logit.
pub(super) fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

/// The logit of an opacity; opaque and transparent become ±[`MAX_STORED`], NaN stays.
pub(super) fn logit(opacity: f32) -> f32 {
    let opacity = f64::from(opacity).clamp(0.0, 1.0);
    ((opacity / (1.0 - opacity)).ln() as f32).clamp(-MAX_STORED, MAX_STORED)
}

/// Opacity as a byte.
pub(super) fn opacity_byte(logit: f32) -> u8 {
    (255.0 * sigmoid(logit)).round() as u8
}

/// The logit of an opacity byte.
pub(super) fn logit_of_byte(byte: u8) -> f32 {
    logit(f32::from(byte) / 255.0)
}

/// A quaternion at unit length; one without direction becomes no rotation.
pub(super) fn unit(quat: [f32; 4]) -> [f32; 4] {
    let wide = quat.map(f64::from);
    let length = wide.iter().map(|c| c * c).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() { wide.map(|c| (c / length) as f32) } else { [1.0, 0.0, 0.0, 0.0] }
}

/// The logarithm of a scale; a flat one becomes −[`MAX_STORED`], NaN stays.
pub(super) fn log_scale(scale: f32) -> f32 {
    if scale.is_nan() { scale } else { (f64::from(scale).max(0.0).ln() as f32).clamp(-MAX_STORED, MAX_STORED) }
}

/// A half float, from its bits.
pub(super) fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15),
    }
}

/// The bits of the half float nearest to a value; beyond the largest, the largest, and 0 for NaN.
pub(super) fn half_bits(value: f32) -> u16 {
    const LARGEST: f32 = 65504.0;
    const SMALLEST_NORMAL: f32 = 1.0 / 16384.0;
    let sign = u16::from(value.is_sign_negative()) << 15;
    let size = value.abs().min(LARGEST);
    if value.is_nan() {
        return 0;
    }
    if size < SMALLEST_NORMAL {
        return sign | (f64::from(size) * 2.0_f64.powi(24)).round_ties_even() as u16;
    }
    // The exponent and ten bits of the fraction move as one number, so that rounding up carries into the exponent.
    let bits = size.to_bits() - (112 << 23);
    let (kept, cut) = ((bits >> 13) as u16, bits & 0x1fff);
    sign | (kept + u16::from(cut > 0x1000 || (cut == 0x1000 && kept & 1 == 1)))
}

/// Other directions for some of the axes; made twice, it undoes itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flip {
    signs: [f32; 3],
}

impl Flip {
    /// Turns the named axes around.
    pub(super) fn new(x: bool, y: bool, z: bool) -> Self {
        Flip { signs: [x, y, z].map(|turned| if turned { -1.0 } else { 1.0 }) }
    }

    /// Changes positions, rotations and view-dependent colours; every value keeps its magnitude, so nothing is lost.
    ///
    /// With D = diag(a, b, c), a covariance R S² Rᵀ becomes (D R D) S² (D R D)ᵀ, since D commutes with S: the axis of
    /// the rotation is multiplied by det(D) D, also where D is a mirror. A basis function that is odd in an axis
    /// changes its sign with it.
    pub(super) fn apply(self, cloud: &mut SplatCloud) {
        let [a, b, c] = self.signs;
        if self.signs == [1.0; 3] {
            return;
        }
        for [x, y, z] in &mut cloud.means {
            (*x, *y, *z) = (a * *x, b * *y, c * *z);
        }
        for [_, x, y, z] in &mut cloud.quats {
            (*x, *y, *z) = (b * c * *x, a * c * *y, a * b * *z);
        }
        let signs = [b, c, a, a * b, b * c, 1.0, a * c, 1.0, b, a * b * c, b, c, a, c, a];
        let width = cloud.sh_width();
        for row in cloud.sh_rest.chunks_exact_mut(width.max(1)) {
            let (triples, _) = row.as_chunks_mut::<3>();
            for (triple, sign) in triples.iter_mut().zip(signs) {
                *triple = triple.map(|value| sign * value);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use glam::{DMat3, DQuat, DVec3};

    use super::{Flip, half, half_bits, log_scale, logit, logit_of_byte, opacity_byte, sigmoid, unit};
    use crate::edit::Similarity;
    use crate::scene::io::ply::MAX_STORED;
    use crate::scene::{SplatCloud, colour};

    /// Splats of a degree with values as training leaves them, different in every column and row.
    pub(in crate::formats) fn sample(count: usize, sh_degree: u8) -> SplatCloud {
        let wave = |index: usize, rate: f64| (index as f64 * rate + rate).sin() as f32;
        let three = |row: usize, rate: f64, size: f32| [0, 1, 2].map(|axis| size * wave(3 * row + axis, rate));
        let width = 3 * (usize::from(sh_degree + 1).pow(2) - 1);
        SplatCloud {
            means: (0..count).map(|row| three(row, 1.37, 20.0)).collect(),
            quats: (0..count).map(|row| [3, 2, 1, 0].map(|c| 3.0 * wave(4 * row + c, 0.71))).collect(),
            log_scales: (0..count).map(|row| three(row, 2.3, 3.0).map(|value| value - 4.0)).collect(),
            opacity_logits: (0..count).map(|row| 6.0 * wave(row, 0.9)).collect(),
            sh0: (0..count).map(|row| three(row, 3.1, 1.7)).collect(),
            sh_rest: (0..count * width).map(|index| 0.9 * wave(index, 1.91)).collect(),
            sh_degree,
            antialiased: count % 2 == 1,
            ..SplatCloud::default()
        }
    }

    /// The largest difference of two columns.
    pub(in crate::formats) fn distance(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// The largest angle between two sets of rotations, in radians.
    pub(in crate::formats) fn angle(a: &[[f32; 4]], b: &[[f32; 4]]) -> f64 {
        assert_eq!(a.len(), b.len());
        let unit = |[w, x, y, z]: [f32; 4]| DQuat::from_array([x, y, z, w].map(f64::from)).normalize();
        a.iter().zip(b).map(|(a, b)| 2.0 * unit(*a).dot(unit(*b)).abs().min(1.0).acos()).fold(0.0, f64::max)
    }

    /// The covariances: all that is drawn of rotations and scales.
    fn covariances(cloud: &SplatCloud) -> Vec<DMat3> {
        let pairs = cloud.quats.iter().zip(&cloud.log_scales);
        pairs
            .map(|([w, x, y, z], scales)| {
                let rotation = DQuat::from_array([x, y, z, w].map(|value| f64::from(*value))).normalize();
                let scales = DVec3::from_array(scales.map(|value| f64::from(value).exp()));
                let shape = DMat3::from_quat(rotation) * DMat3::from_diagonal(scales);
                shape * shape.transpose()
            })
            .collect()
    }

    #[test]
    fn two_turned_axes_are_half_a_turn() {
        for (turned, axis) in
            [([false, true, true], DVec3::X), ([true, false, true], DVec3::Y), ([true, true, false], DVec3::Z)]
        {
            let mut flipped = sample(20, 3);
            let mut rotated = flipped.clone();
            Flip::new(turned[0], turned[1], turned[2]).apply(&mut flipped);
            let rotation = DQuat::from_axis_angle(axis, std::f64::consts::PI);
            Similarity { rotation, ..Similarity::IDENTITY }.transform_cloud(&mut rotated);
            assert!(distance(flipped.means.as_flattened(), rotated.means.as_flattened()) < 1e-5);
            assert!(distance(&flipped.sh_rest, &rotated.sh_rest) < 1e-6);
            for (a, b) in covariances(&flipped).into_iter().zip(covariances(&rotated)) {
                assert!((a - b).abs().to_cols_array().into_iter().fold(0.0, f64::max) < 1e-6);
            }
        }
    }

    #[test]
    fn a_mirror_mirrors_shapes_and_undoes_itself() {
        let before = sample(20, 3);
        let mut after = before.clone();
        let flip = Flip::new(false, true, false);
        flip.apply(&mut after);
        let mirror = DMat3::from_diagonal(DVec3::new(1.0, -1.0, 1.0));
        for (a, b) in covariances(&before).into_iter().zip(covariances(&after)) {
            assert!((mirror * a * mirror - b).abs().to_cols_array().into_iter().fold(0.0, f64::max) < 1e-9);
        }
        flip.apply(&mut after);
        assert_eq!(before, after);
    }

    #[test]
    fn activations_are_inverted_within_their_limits() {
        for value in [-15.0, -3.0, 0.0, 0.1, 5.0] {
            assert!((logit(sigmoid(value)) - value).abs() < 2e-5 * (1.0 + value.abs()), "{value}");
            assert!((log_scale(value.exp()) - value).abs() < 1e-5 * (1.0 + value.abs()));
        }
        assert_eq!(
            [logit(0.0), logit(1.0), logit(-2.0), logit(7.0)],
            [-MAX_STORED, MAX_STORED, -MAX_STORED, MAX_STORED]
        );
        assert_eq!([log_scale(0.0), log_scale(-1.0), log_scale(f32::INFINITY)], [-MAX_STORED, -MAX_STORED, MAX_STORED]);
        assert!(logit(f32::NAN).is_nan() && log_scale(f32::NAN).is_nan());
    }

    #[test]
    fn bytes_and_quaternions_lead_back() {
        for byte in 0..=255 {
            assert_eq!(opacity_byte(logit_of_byte(byte)), byte);
            assert!(logit_of_byte(byte).is_finite());
        }
        assert_eq!((opacity_byte(f32::NEG_INFINITY), opacity_byte(f32::INFINITY)), (0, 255));
        assert!((colour::sh0(colour::channel(1.7)) - 1.7).abs() < 1e-6);
        assert!(unit([0.0, 3e30, 0.0, -4e30]).iter().zip([0.0, 0.6, 0.0, -0.8]).all(|(is, c)| (is - c).abs() < 1e-6));
        assert_eq!(unit([0.0; 4]), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(unit([f32::NAN; 4]), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn half_floats_are_decoded_exactly() {
        let cases = [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (1, 5.960_464_5e-8), (0x3555, 0.333_251_95)];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e01).is_nan());
    }

    #[test]
    fn half_floats_are_the_nearest_ones() {
        for bits in (0..0x7c00).chain(0x8000..0xfc00) {
            assert_eq!(half_bits(half(bits)), bits, "{bits:#x}");
            if bits & 0x7fff < 0x7bff {
                let middle = (half(bits) + half(bits + 1)) / 2.0;
                assert_eq!(half_bits(middle), bits + (bits & 1), "{bits:#x}");
                let (below, above) =
                    (half(bits) * 0.51 + half(bits + 1) * 0.49, half(bits) * 0.49 + half(bits + 1) * 0.51);
                assert_eq!((half_bits(below), half_bits(above)), (bits, bits + 1), "{bits:#x}");
            }
        }
        assert_eq!([f32::INFINITY, -1e9, f32::NAN].map(half_bits), [0x7bff, 0xfbff, 0]);
    }
}
