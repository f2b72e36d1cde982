//! How a compressed PLY packs the values of a splat into integers.
//!
//! Values are shares of a range, in as many steps as an integer has; ranges belong to chunks of neighbours.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::formats::values::{opacity_byte, unit};
use crate::scene::{SplatCloud, colour};

/// Splats that share one set of ranges.
pub(super) const CHUNK: usize = 256;
/// Bits of x, y and z in an integer that holds all three.
const BITS: [u32; 3] = [11, 10, 11];
/// Logarithms of scales beyond this are cut before packing.
const MAX_LOG_SCALE: f32 = 20.0;
/// SH coefficients are packed between plus and minus this.
const MAX_SH: f32 = 4.0;

/// A splat without its further SH coefficients, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// Position in the range of the chunk.
    pub(super) position: u32,
    /// The three smaller components of the quaternion and which is missing.
    pub(super) rotation: u32,
    /// Logarithms of the scales in the range of the chunk.
    pub(super) scale: u32,
    /// Colour in the range of the chunk, and opacity.
    pub(super) color: u32,
}

/// Ranges of x, y, z, of the logarithms of three scales, and of red, green, blue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunk {
    pub(super) low: [f32; 9],
    pub(super) high: [f32; 9],
}

/// The values of a splat that have a range.
fn ranged(cloud: &SplatCloud, row: usize) -> [f32; 9] {
    let [x, y, z] = cloud.means[row];
    let [s0, s1, s2] = cloud.log_scales[row].map(|scale| scale.clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE));
    let [r, g, b] = cloud.sh0[row].map(colour::channel);
    [x, y, z, s0, s1, s2, r, g, b]
}

impl Chunk {
    /// The ranges of some splats.
    pub(super) fn of(cloud: &SplatCloud, rows: std::ops::Range<usize>) -> Chunk {
        let (mut low, mut high) = ([f32::INFINITY; 9], [f32::NEG_INFINITY; 9]);
        for row in rows {
            for (place, value) in ranged(cloud, row).into_iter().enumerate().filter(|(_, value)| value.is_finite()) {
                low[place] = low[place].min(value);
                high[place] = high[place].max(value);
            }
        }
        let empty = |low: f32, high: f32| low > high;
        for (low, high) in low.iter_mut().zip(&mut high) {
            if empty(*low, *high) {
                (*low, *high) = (0.0, 0.0);
            }
        }
        Chunk { low, high }
    }

    /// Whether every splat in these ranges has finite values.
    pub(super) fn is_sound(&self) -> bool {
        self.low.iter().chain(&self.high).all(|value| (value / colour::SH_C0).is_finite())
    }

    /// Packs a splat.
    pub(super) fn pack(&self, cloud: &SplatCloud, row: usize) -> Packed {
        let values = ranged(cloud, row);
        let share = |place: usize| {
            let [value, low, high] = [values[place], self.low[place], self.high[place]].map(f64::from);
            if high > low { (value - low) / (high - low) } else { 0.0 }
        };
        let byte = |place| unorm(share(place), 8);
        Packed {
            position: pack_three([0, 1, 2].map(share)),
            rotation: pack_rotation(cloud.quats[row]),
            scale: pack_three([3, 4, 5].map(share)),
            color: byte(6) << 24 | byte(7) << 16 | byte(8) << 8 | u32::from(opacity_byte(cloud.opacity_logits[row])),
        }
    }

    fn value(&self, place: usize, share: f64) -> f32 {
        let (low, high) = (f64::from(self.low[place]), f64::from(self.high[place]));
        (low + (high - low) * share) as f32
    }

    /// The position of a packed splat.
    pub(super) fn mean(&self, packed: &Packed) -> [f32; 3] {
        let shares = unpack_three(packed.position);
        [0, 1, 2].map(|axis| self.value(axis, shares[axis]))
    }

    /// The logarithms of its scales.
    pub(super) fn log_scales(&self, packed: &Packed) -> [f32; 3] {
        let shares = unpack_three(packed.scale);
        [0, 1, 2].map(|axis| self.value(3 + axis, shares[axis]))
    }

    /// Its constant SH coefficients.
    pub(super) fn sh0(&self, packed: &Packed) -> [f32; 3] {
        let [r, g, b, _] = packed.color.to_be_bytes();
        let channel = |place, byte| colour::sh0(self.value(place, f64::from(byte) / 255.0));
        [channel(6, r), channel(7, g), channel(8, b)]
    }
}

/// A share as an integer of so many bits; what is out of range goes to its end, NaN to 0.
fn unorm(share: f64, bits: u32) -> u32 {
    let top = f64::from((1_u32 << bits) - 1);
    (share.clamp(0.0, 1.0) * top + 0.5).floor() as u32
}

/// The share that the lowest bits of an integer mean.
fn share(integer: u32, bits: u32) -> f64 {
    let top = (1_u32 << bits) - 1;
    f64::from(integer & top) / f64::from(top)
}

fn pack_three(shares: [f64; 3]) -> u32 {
    let [x, y, z] = [0, 1, 2].map(|axis| unorm(shares[axis], BITS[axis]));
    x << (BITS[1] + BITS[2]) | y << BITS[2] | z
}

fn unpack_three(packed: u32) -> [f64; 3] {
    [share(packed >> (BITS[1] + BITS[2]), BITS[0]), share(packed >> BITS[2], BITS[1]), share(packed, BITS[2])]
}

/// Three components of a unit quaternion and the number of the largest, which they determine.
fn pack_rotation(quat: [f32; 4]) -> u32 {
    let quat = unit(quat);
    let largest = (1..4).fold(0, |largest, i| if quat[i].abs() > quat[largest].abs() { i } else { largest });
    // A quaternion and its negative are the same rotation: the largest is stored as positive.
    let sign = 1_f32.copysign(quat[largest]);
    let others = (0..4).filter(|&i| i != largest).map(|i| unorm(f64::from(quat[i] * sign * FRAC_1_SQRT_2 + 0.5), 10));
    others.fold(largest as u32, |packed, component| packed << 10 | component)
}

/// The quaternion (w first) of a packed rotation.
pub(super) fn unpack_rotation(packed: u32) -> [f32; 4] {
    let component = |bits: u32| (share(packed >> bits, 10) as f32 - 0.5) * SQRT_2;
    let others = [20, 10, 0].map(component);
    let largest = (1.0 - others.iter().map(|c| c * c).sum::<f32>()).max(0.0).sqrt();
    let mut quat = [0.0; 4];
    let place = (packed >> 30) as usize;
    for (i, other) in others.into_iter().enumerate() {
        quat[i + usize::from(i >= place)] = other;
    }
    quat[place] = largest;
    unit(quat)
}

/// A further SH coefficient as a byte.
pub(super) fn pack_sh(value: f32) -> u8 {
    // Casts saturate.
    ((value / (2.0 * MAX_SH) + 0.5) * 256.0) as u8
}

/// The coefficient of a byte; those at the ends mean the ends.
pub(super) fn unpack_sh(byte: u8) -> f32 {
    match byte {
        0 => -MAX_SH,
        255 => MAX_SH,
        _ => ((f32::from(byte) + 0.5) / 256.0 - 0.5) * 2.0 * MAX_SH,
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunk, pack_rotation, pack_sh, pack_three, unorm, unpack_rotation, unpack_sh, unpack_three};
    use crate::scene::SplatCloud;

    #[test]
    fn integers_have_the_bits_of_the_format() {
        assert_eq!(pack_three([1.0, 0.0, 0.0]), 0xffe0_0000);
        assert_eq!(pack_three([0.0, 1.0, 0.0]), 0x001f_f800);
        assert_eq!(pack_three([0.0, 0.0, 1.0]), 0x0000_07ff);
        assert_eq!(unpack_three(0xffff_ffff), [1.0; 3]);
        assert_eq!([unorm(0.5, 8), unorm(-1.0, 8), unorm(2.0, 8), unorm(f64::NAN, 8)], [128, 0, 255, 0]);
        // The largest is w: 0 on top, then x y z around the middle.
        assert_eq!(pack_rotation([-2.0, 0.0, 0.0, 0.0]), 512 << 20 | 512 << 10 | 512);
        assert_eq!(pack_rotation([0.0, 0.0, 3.0, 0.0]) >> 30, 2);
        // The other components can only be too large in a damaged file.
        assert!(unpack_rotation(u32::MAX).iter().all(|c| c.is_finite()));
        assert_eq!([pack_sh(0.0), pack_sh(-9.0), pack_sh(9.0), pack_sh(f32::NAN)], [128, 0, 255, 0]);
        assert_eq!([unpack_sh(0), unpack_sh(255), unpack_sh(128)], [-4.0, 4.0, 0.015_625]);
    }

    #[test]
    fn every_rotation_survives_within_a_step() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        for _ in 0..10_000 {
            let quat = super::unit([next(), next(), next(), next()]);
            let back = unpack_rotation(pack_rotation(quat));
            let dot: f32 = quat.iter().zip(back).map(|(a, b)| a * b).sum();
            // Half the angle between them, whose cosine the product is, in degrees.
            let angle = 2.0 * dot.abs().min(1.0).acos().to_degrees();
            assert!(angle < 0.25, "{quat:?} came back as {back:?}, {angle} degrees off");
        }
    }

    #[test]
    fn values_that_are_no_numbers_spoil_no_range() {
        let cloud = SplatCloud {
            means: vec![[1.0, f32::NAN, f32::INFINITY], [2.0, 5.0, f32::NAN]],
            quats: vec![[1.0, 0.0, 0.0, 0.0]; 2],
            log_scales: vec![[0.0, -90.0, 90.0]; 2],
            opacity_logits: vec![0.0; 2],
            sh0: vec![[0.0; 3]; 2],
            ..SplatCloud::default()
        };
        let chunk = Chunk::of(&cloud, 0..2);
        assert!(chunk.is_sound());
        assert_eq!((chunk.low[..3].to_vec(), chunk.high[..3].to_vec()), (vec![1.0, 5.0, 0.0], vec![2.0, 5.0, 0.0]));
        assert_eq!((chunk.low[4], chunk.high[5]), (-20.0, 20.0));
        let packed = chunk.pack(&cloud, 1);
        assert_eq!(chunk.mean(&packed), [2.0, 5.0, 0.0]);
        assert_eq!(chunk.log_scales(&packed), [0.0, -20.0, 20.0]);
        assert!(!Chunk { high: [f32::MAX; 9], ..chunk }.is_sound());
    }
}
