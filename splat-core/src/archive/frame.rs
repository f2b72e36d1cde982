//! Rotations of ellipsoids as integers.
//!
//! Once its axes are sorted by length, an ellipsoid is the same for four rotations that differ by half turns, and by
//! eight quaternions. So what is stored is no quaternion, but one axis without its sign, the *pole*, as a place on half an
//! octahedron [Meyer 2010], and the direction of another about it, the *spin*, of half a circle. A needle has its
//! longest axis as its pole, everything else the shortest: then the more the spin matters, the less the ellipsoid is
//! one of revolution, and each can be as fine as its picture needs.
//!
//! All integers count cells of `2^-CELL_BITS`. Square roots are the only function used, for they are exact everywhere.

/// Cells per unit, as a power of two.
pub(crate) const CELL_BITS: u8 = 12;
const CELLS: f32 = (1_i32 << CELL_BITS) as f32;

type Vec3 = [f32; 3];

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt();
    a.map(|v| v / length)
}

/// Two axes that complete a pole to a frame [Duff 2017].
fn about(pole: Vec3) -> (Vec3, Vec3) {
    let [x, y, z] = pole;
    let sign = if z >= 0.0 { 1.0 } else { -1.0 };
    let a = -1.0 / (sign + z);
    let b = x * y * a;
    ([1.0 + sign * x * x * a, sign * b, -sign * x], [b, sign + y * y * a, -y])
}

/// The direction of a pole, from the middle of the square that half an octahedron unfolds to; 0 to 1 each.
fn pole_at(u: f32, v: f32) -> Vec3 {
    let (u, v) = (2.0 * u - 1.0, 2.0 * v - 1.0);
    let (x, y) = ((u + v) / 2.0, (u - v) / 2.0);
    unit([x, y, 1.0 - x.abs() - y.abs()])
}

/// Directions of half a circle, 0 to 1.
fn spin_at(t: f32) -> (f32, f32) {
    let x = 1.0 - 2.0 * t;
    let y = 1.0 - x.abs();
    let length = (x * x + y * y).sqrt();
    (x / length, y / length)
}

/// The axes of an ellipsoid in descending order of length.
fn axes(integers: [i32; 3], needle: bool) -> [Vec3; 3] {
    let [u, v, t] = integers.map(|q| q.clamp(0, CELLS as i32) as f32 / CELLS);
    let pole = pole_at(u, v);
    let (x, y) = about(pole);
    let (along, across) = spin_at(t);
    let other: Vec3 = std::array::from_fn(|i| along * x[i] + across * y[i]);
    let (longest, shortest) = if needle { (pole, other) } else { (other, pole) };
    [longest, cross(shortest, longest), shortest]
}

/// The quaternion (w x y z) that turns the coordinate axes to these, of which the third completes the others.
fn quat_of(axes: [Vec3; 3]) -> [f32; 4] {
    let [a, b, c] = axes;
    // Of the four ways, the one that divides by the largest component.
    let squares = [a[0] + b[1] + c[2], a[0] - b[1] - c[2], b[1] - a[0] - c[2], c[2] - a[0] - b[1]];
    let largest = (0..4).fold(0, |best, i| if squares[i] > squares[best] { i } else { best });
    let twice = (squares[largest] + 1.0).max(0.0).sqrt();
    let (half, by) = (twice / 2.0, 0.5 / twice);
    match largest {
        0 => [half, (b[2] - c[1]) * by, (c[0] - a[2]) * by, (a[1] - b[0]) * by],
        1 => [(b[2] - c[1]) * by, half, (b[0] + a[1]) * by, (c[0] + a[2]) * by],
        2 => [(c[0] - a[2]) * by, (b[0] + a[1]) * by, half, (c[1] + b[2]) * by],
        _ => [(a[1] - b[0]) * by, (c[0] + a[2]) * by, (c[1] + b[2]) * by, half],
    }
}

/// The axes of the frame that a quaternion of any length turns to; of none, where it is zero or not finite.
pub(crate) fn axes_of(quat: [f32; 4]) -> [Vec3; 3] {
    let length = quat.iter().map(|c| c * c).sum::<f32>().sqrt();
    let [w, x, y, z] = if length > 0.0 && length.is_finite() { quat.map(|c| c / length) } else { [1.0, 0.0, 0.0, 0.0] };
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)],
        [2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)],
        [2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// The quaternion of an ellipsoid whose scales descend.
pub(super) fn decode(integers: [i32; 3], needle: bool) -> [f32; 4] {
    quat_of(axes(integers, needle))
}

/// The middle of the cell of `2^bits` cells of the finest grid that a share of the whole lies in.
fn cell(share: f32, bits: u8) -> i32 {
    let finest = ((share * CELLS) as i32).clamp(0, CELLS as i32 - 1);
    finest >> bits << bits | 1 << bits >> 1
}

/// The integers of an ellipsoid with these axes, from the longest to the shortest, whose pole and spin leave out so many
/// bits.
pub(super) fn encode(axes: [Vec3; 3], needle: bool, pole_bits: u8, spin_bits: u8) -> [i32; 3] {
    let (pole, other) = if needle { (axes[0], axes[2]) } else { (axes[2], axes[0]) };
    let pole = if pole[2] < 0.0 { pole.map(|v| -v) } else { pole };
    let sum: f32 = pole.iter().map(|v| v.abs()).sum();
    let (x, y) = (pole[0] / sum, pole[1] / sum);
    let [u, v] = [x + y, x - y].map(|v| cell((v + 1.0) / 2.0, pole_bits));
    // The spin counts from axes that belong to the stored pole, not to the true one.
    let stored = pole_at(u as f32 / CELLS, v as f32 / CELLS);
    let (right, up) = about(stored);
    let (mut along, across) = (dot(other, right), dot(other, up));
    if across < 0.0 {
        along = -along;
    }
    let share = (1.0 - along / (along.abs() + across.abs()).max(f32::MIN_POSITIVE)) / 2.0;
    // The two ends of the half circle are the same direction.
    let t = if share >= 1.0 { 0.0 } else { share };
    [u, v, cell(t, spin_bits)]
}

/// The integers of [`super::Codec::SmallestThree`].
pub(super) fn encode_smallest_three(quat: [f32; 4], bits: u8) -> [i32; 4] {
    let length = quat.iter().map(|c| c * c).sum::<f32>().sqrt();
    let quat = if length > 0.0 && length.is_finite() { quat.map(|c| c / length) } else { [1.0, 0.0, 0.0, 0.0] };
    let largest = (0..4).fold(0, |best, i| if quat[i].abs() > quat[best].abs() { i } else { best });
    let sign = if quat[largest] < 0.0 { -1.0 } else { 1.0 };
    let cells = (1_i32 << bits) as f32;
    let mut integers = [largest as i32; 4];
    for (q, i) in integers[1..].iter_mut().zip((0..4).filter(|&i| i != largest)) {
        let share = (sign * quat[i] * std::f32::consts::SQRT_2 + 1.0) / 2.0;
        *q = ((share * cells) as i32).clamp(0, cells as i32 - 1);
    }
    integers
}

/// The quaternion of such integers.
pub(super) fn decode_smallest_three(integers: &[i32], bits: u8) -> [f32; 4] {
    let largest = (integers[0].clamp(0, 3)) as usize;
    let cells = (1_i32 << bits) as f32;
    let mut quat = [0.0; 4];
    let mut rest = 1.0;
    for (&q, i) in integers[1..].iter().zip((0..4).filter(|&i| i != largest)) {
        let share = (q.clamp(0, cells as i32 - 1) as f32 + 0.5) / cells;
        quat[i] = (2.0 * share - 1.0) * std::f32::consts::FRAC_1_SQRT_2;
        rest -= quat[i] * quat[i];
    }
    quat[largest] = f32::max(rest, 0.0).sqrt();
    quat
}

#[cfg(test)]
mod tests {
    use super::{CELL_BITS, axes_of, decode, decode_smallest_three, dot, encode, encode_smallest_three};

    /// Quaternions all over the sphere, of several lengths.
    fn quats() -> impl Iterator<Item = [f32; 4]> {
        let wave = |i: usize, k: usize| ((i * (2 * k + 3) * 7919 + k * 104_729) % 2003) as f32 / 1001.5 - 1.0;
        let some = (0..2000).map(move |i| std::array::from_fn(|k| 1.7 * wave(i, k)));
        some.chain((0..4).map(|i| std::array::from_fn(|k| if i == k { -2.0 } else { 0.0 })))
    }

    #[test]
    fn axes_keep_their_directions() {
        for quat in quats() {
            for needle in [false, true] {
                let axes = axes_of(quat);
                let back = axes_of(decode(encode(axes, needle, 1, 1), needle));
                for (axis, back) in axes.iter().zip(&back) {
                    assert!(dot(*axis, *back).abs() > 1.0 - 2e-6, "{quat:?}, {needle}: {axis:?} became {back:?}");
                }
            }
        }
    }

    #[test]
    fn bits_left_out_are_those_of_the_middle() {
        let axes = axes_of([0.3, -0.4, 0.5, 0.7]);
        for bits in 1..=CELL_BITS {
            let stored = encode(axes, true, bits, bits);
            assert!(stored.iter().all(|q| q & ((1 << bits) - 1) == 1 << bits >> 1), "{bits} bits: {stored:?}");
        }
    }

    #[test]
    fn smallest_three_components_are_enough() {
        for quat in quats() {
            let length = quat.iter().map(|c| c * c).sum::<f32>().sqrt();
            let back = decode_smallest_three(&encode_smallest_three(quat, 12), 12);
            let cosine: f32 = quat.iter().zip(&back).map(|(a, b)| a * b / length).sum();
            assert!(cosine.abs() > 1.0 - 1e-6, "{quat:?} became {back:?}");
        }
    }
}
