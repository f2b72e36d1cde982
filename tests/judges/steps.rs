//! How far a format may move a value: half a step of each attribute.

use std::f64::consts::SQRT_2;

use splat_core::scene::SplatCloud;

use super::compare::Values;

/// The constant SH basis function: a colour is so much smaller than its coefficient.
const Y0: f64 = 0.282_094_791_773_878_14;
/// Values to the bit.
pub(super) const EXACT: Values = [0.0; 8];
/// What is left when two programs compute the same with floats.
pub(super) const FLOATS: Values = [1e-5, 1e-4, 1e-6, 1.1e-6, 1e-6, 1e-6, 1e-6, 1e-6];
/// Half a step of a byte that stands for 0 to 1.
const BYTE: f64 = 0.5 / 255.0;
/// The rounding of a half float, as a share of the value.
const HALF: f64 = 1.0 / 2048.0;
/// The view-dependent colours of SOG, which has no step but a palette: a few hundred colours fit in as they are, but for
/// its codebook.
const SOG_SH: f64 = 0.004;

/// Both, attribute by attribute.
pub(super) fn sum(a: Values, b: Values) -> Values {
    std::array::from_fn(|i| a[i] + b[i])
}

/// Degrees between rotations when three components are so far off; the fourth follows from them, and is at least a half.
fn three_components(off: f64) -> f64 {
    (4.0 * 3.0_f64.sqrt() * off).to_degrees()
}

/// Degrees between rotations when each component is so far off.
fn four_components(off: f64) -> f64 {
    (4.0 * off).to_degrees()
}

/// From the smallest to the largest value along any axis.
fn range(rows: &[[f32; 3]]) -> f64 {
    let along = |axis: usize| {
        let values = || rows.iter().map(|row| f64::from(row[axis]));
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    };
    [0, 1, 2].map(along).into_iter().fold(0.0, f64::max)
}

/// The widest range of the 256 neighbours that share one in a compressed PLY.
fn chunk(rows: &[[f32; 3]]) -> f64 {
    rows.chunks(256).map(range).fold(0.0, f64::max)
}

/// Half a step of the format of a file that was read; some steps follow from its values, in the order of the file.
pub(super) fn half_steps(file: &str, read: &SplatCloud) -> Values {
    match file.split_once('.').unwrap().1 {
        "ply" | "glb" => EXACT,
        "splat" => [0.0, four_components(0.5 / 128.0), 0.0, BYTE, BYTE / Y0, 0.0, 0.0, 0.0],
        "spz" => {
            // SH is rounded to bytes, then to every eighth, or sixteenth, of them.
            let [first, others] = [8.0, 16.0].map(|bucket| (0.5 + 0.5 * bucket) / 128.0);
            let angle = three_components(0.5 / (SQRT_2 * 511.0));
            [0.5 / 4096.0, angle, 0.5 / 16.0, BYTE, BYTE / 0.15, first, others, others]
        }
        "compressed.ply" => {
            // Ten bits along y, eleven along the others.
            let [mean, scale] = [&read.means, &read.log_scales].map(|rows| 0.5 * chunk(rows) / 1023.0);
            let sh = 0.5 * 8.0 / 256.0;
            [mean, three_components(0.5 * SQRT_2 / 1023.0), scale, BYTE, BYTE * chunk(&read.sh0), sh, sh, sh]
        }
        "sog" => {
            // Steps are even in ln(1 + |x|), from one end of the scene to the other.
            let far = 1.0 + read.means.as_flattened().iter().fold(0.0, |far, &x| f64::max(far, f64::from(x.abs())));
            let mean = 0.5 * 2.0 * far.ln() / 65535.0 * far;
            // 256 values of a codebook for values that lie evenly; they do so up to chance.
            let [scale, colour] = [&read.log_scales, &read.sh0].map(|rows| range(rows) / 256.0);
            [mean, three_components(BYTE * SQRT_2), scale, BYTE, colour, SOG_SH, SOG_SH, SOG_SH]
        }
        // Bytes for what can be seen; then 16 bits for 5 units, half floats, and a byte for -1.5 to 1.5.
        "level0.ksplat" => [0.0, 0.0, 0.0, BYTE, BYTE / Y0, 0.0, 0.0, 0.0],
        "level1.ksplat" => {
            [0.5 * 2.5 / 32767.0, four_components(HALF / 2.0), HALF, BYTE, BYTE / Y0, HALF / 4.0, HALF / 4.0, 0.0]
        }
        "level2.ksplat" => {
            [0.5 * 2.5 / 32767.0, four_components(HALF / 2.0), HALF, BYTE, BYTE / Y0, 3.0 * BYTE, 3.0 * BYTE, 0.0]
        }
        other => panic!("{other}"),
    }
}
