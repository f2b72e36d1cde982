//! The bytes of each SPZ stream, packed and unpacked next to one another.

use std::f32::consts::SQRT_2;

use crate::formats::values::sigmoid;
use crate::scene::io::ply::MAX_STORED;

/// The largest position in steps: 24 bits, one of them the sign.
pub(super) const LAST_STEP: f64 = 8_388_607.0;

pub(super) fn pack_position(value: f32, steps_per_unit: f64) -> [u8; 3] {
    let steps = (f64::from(value) * steps_per_unit).round().clamp(-LAST_STEP, LAST_STEP) as i32;
    let [a, b, c, _] = steps.to_le_bytes();
    [a, b, c]
}

pub(super) fn unpack_position([a, b, c]: [u8; 3], units_per_step: f64) -> f32 {
    // The shift back extends the sign.
    (f64::from(i32::from_le_bytes([0, a, b, c]) >> 8) * units_per_step) as f32
}

fn byte(value: f32) -> u8 {
    // The cast limits to 0 and 255.
    value.round() as u8
}

pub(super) fn pack_opacity(logit: f32) -> u8 {
    byte(sigmoid(logit) * 255.0)
}

pub(super) fn unpack_opacity(value: u8) -> f32 {
    match value {
        0 => -MAX_STORED,
        255 => MAX_STORED,
        _ => (f32::from(value) / f32::from(255 - value)).ln(),
    }
}

/// Bytes per unit of a constant SH coefficient: 0.15 of the range, more than the basis function 0.28 would leave for
/// bright and dark colours.
const COLOUR: f32 = 0.15 * 255.0;

pub(super) fn pack_colour(sh0: f32) -> u8 {
    byte(sh0 * COLOUR + 127.5)
}

pub(super) fn unpack_colour(value: u8) -> f32 {
    (f32::from(value) - 127.5) / COLOUR
}

pub(super) fn pack_scale(log_scale: f32) -> u8 {
    byte((log_scale + 10.0) * 16.0)
}

pub(super) fn unpack_scale(value: u8) -> f32 {
    f32::from(value) / 16.0 - 10.0
}

/// The three smaller components of a unit quaternion, each with a sign and nine bits, and which one is missing.
pub(super) fn pack_quat([w, x, y, z]: [f32; 4]) -> [u8; 4] {
    let length = f64::from(w).hypot(f64::from(x)).hypot(f64::from(y).hypot(f64::from(z)));
    let unit = if length > 0.0 && length.is_finite() {
        [x, y, z, w].map(|c| (f64::from(c) / length) as f32)
    } else {
        [0.0, 0.0, 0.0, 1.0]
    };
    let mut largest = 0;
    for index in 1..4 {
        if unit[index].abs() > unit[largest].abs() {
            largest = index;
        }
    }
    let mut bits = largest as u32;
    for (index, value) in unit.into_iter().enumerate() {
        if index != largest {
            // A quaternion and its negative are the same rotation: the missing component is taken as positive.
            let negative = (value < 0.0) != (unit[largest] < 0.0);
            let magnitude = ((value.abs() * SQRT_2 * 511.0).round() as u32).min(511);
            bits = bits << 10 | u32::from(negative) << 9 | magnitude;
        }
    }
    bits.to_le_bytes()
}

pub(super) fn unpack_quat(bytes: [u8; 4]) -> [f32; 4] {
    let bits = u32::from_le_bytes(bytes);
    let largest = (bits >> 30) as usize;
    let mut quat = [0.0; 4];
    let mut left = 1.0_f32;
    let mut shift = 30;
    for (index, value) in quat.iter_mut().enumerate() {
        if index != largest {
            shift -= 10;
            let magnitude = (bits >> shift & 511) as f32 / 511.0 / SQRT_2;
            *value = if bits >> (shift + 9) & 1 == 1 { -magnitude } else { magnitude };
            left -= magnitude * magnitude;
        }
    }
    quat[largest] = left.max(0.0).sqrt();
    let [x, y, z, w] = quat;
    [w, x, y, z]
}

/// Quaternions of versions 1 and 2: x, y and z, where w is positive.
pub(super) fn unpack_quat_xyz(bytes: [u8; 3]) -> [f32; 4] {
    let [x, y, z] = bytes.map(|value| f32::from(value) / 127.5 - 1.0);
    [(1.0 - x * x - y * y - z * z).max(0.0).sqrt(), x, y, z]
}

/// A coefficient beyond the constant one, rounded to a multiple of `bucket`, so that fewer values occur and the file
/// gets smaller.
pub(super) fn pack_sh(value: f32, bucket: i32) -> u8 {
    let level = ((value * 128.0).round() as i32).clamp(-256, 256) + 128;
    ((level + bucket / 2) / bucket * bucket).clamp(0, 255) as u8
}

/// Buckets of the SH coefficients of a splat, as they follow one another: 5 bits for the first degree, 4 above.
pub(super) fn sh_bucket(value: usize) -> i32 {
    if value < 9 { 8 } else { 16 }
}

pub(super) fn unpack_sh(value: u8) -> f32 {
    (f32::from(value) - 128.0) / 128.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_unpacking_and_packing() {
        for code in 0..=255_u8 {
            assert_eq!(pack_opacity(unpack_opacity(code)), code);
            assert_eq!(pack_colour(unpack_colour(code)), code);
            assert_eq!(pack_scale(unpack_scale(code)), code);
            assert_eq!(pack_sh(unpack_sh(code), 1), code);
        }
        for steps in [-8_388_607_i32, -65_537, -256, -1, 0, 1, 255, 4096, 8_388_607] {
            let bytes = pack_position(steps as f32 / 4096.0, 4096.0);
            assert_eq!(bytes, steps.to_le_bytes()[..3]);
            assert_eq!(unpack_position(bytes, 1.0 / 4096.0), steps as f32 / 4096.0);
        }
    }

    #[test]
    fn a_quaternion_is_the_documented_bits() {
        // The largest is z, third of x y z w, and negative: x = -0.5, y = 0.5, w = 0.1 change their signs with it.
        let quat = [0.1, -0.5, 0.5, -0.7_f32];
        let length = quat.iter().map(|c| c * c).sum::<f32>().sqrt();
        let magnitude = |value: f32| (value / length * SQRT_2 * 511.0).round() as u32;
        let expected = 2 << 30 | magnitude(0.5) << 20 | (512 | magnitude(0.5)) << 10 | (512 | magnitude(0.1));
        assert_eq!(u32::from_le_bytes(pack_quat(quat)), expected);
        assert_eq!(unpack_quat(pack_quat([0.0; 4])), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(unpack_quat(pack_quat([f32::NAN; 4])), [1.0, 0.0, 0.0, 0.0]);
        let impossible = unpack_quat([0xff; 4]);
        assert!(impossible.iter().all(|c| c.is_finite()) && impossible.iter().any(|&c| c != 0.0));
    }

    #[test]
    fn sh_levels_are_multiples_of_the_bucket_or_the_end() {
        for step in -300..300 {
            let value = step as f32 / 200.0;
            for bucket in [8, 16] {
                let level = pack_sh(value, bucket);
                assert!(i32::from(level) % bucket == 0 || level == 255);
                let half = bucket as f32 / 2.0 / 128.0;
                assert!((unpack_sh(level) - value.clamp(-1.0, 127.0 / 128.0)).abs() <= half + 0.004, "{value} {level}");
            }
        }
    }
}
