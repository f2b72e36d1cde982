//! How the splats of a page move: the coefficients of those that do, as multiples of steps.
//!
//! First the numbers of the splats that move, each as a little-endian u32, then for every value of a splat the low bytes
//! of all of them and the high bytes; all of it as gzip. A value is a number of steps, 16 bits that count 0, −1, 1, −2
//! and so on: as most are small, their high bytes are zero. The values of a splat are the coefficients of its position,
//! rotation (x y z w) and colour, those of one function of time together, then its speed and its window in time, as far
//! as the scene has them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::super::{SplatSource, for_each_block, morton};
use crate::error::Result;
use crate::scene::io::ply::OnProgress;
use crate::scene::{Motion, SplatCloud, TimeBasis};

/// What is taken for the rate of the photos, which files do not tell.
const FRAMES_PER_SECOND: f64 = 30.0;
/// How long a clip lasts at least, in seconds: one of few photos would be over before one looks.
const SHORTEST: f64 = 3.0;
/// And where the number of photos is not known either.
const UNKNOWN: f64 = 5.0;
const GZIP_LEVEL: u32 = 6;
/// Half the steps of .splatz files: of positions, in medians of the middle scales; of rotations and colours; of speeds,
/// centres of windows and their sharpness.
const POSITION_STEP: f64 = 0.075;
const QUAT_STEP: f64 = 0.01;
const SH0_STEP: f64 = 0.015;
const SPEED_STEP: f64 = 0.005;
const CENTRE_STEP: f64 = 0.01;
const FADE_STEP: f64 = 0.05;
/// Most steps of a value, either way.
const MOST_STEPS: f64 = 32767.0;

/// The motion of a page.
pub(super) struct Packed {
    /// What the page must know to read the bytes.
    pub(super) described: Value,
    /// The bytes, compressed.
    pub(super) bytes: Vec<u8>,
}

fn basis(basis: TimeBasis) -> [u32; 3] {
    match basis {
        TimeBasis::Flow { poly, fourier } => [poly, fourier, 0],
        TimeBasis::Keyframes(count) => [0, 0, count],
    }
}

/// Motion in the order in which the splats of a page stand; none if nothing moves.
pub(super) fn packed(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<Option<Packed>> {
    let Some(motion) = source.info().motion else { return Ok(None) };
    let (mut means, mut sizes) = (Vec::with_capacity(source.info().count), Vec::new());
    for_each_block(source, None, &mut |share| progress(0.4 * share), &mut |_, block| {
        means.extend_from_slice(&block.means);
        sizes.extend(block.log_scales.iter().map(|&[a, b, c]| a.min(b).max(c.min(a.max(b)))));
        Ok(())
    })?;
    let order = morton::order_of(means);
    let (mut rows, mut values): (Vec<u32>, Vec<f32>) = (Vec::new(), Vec::new());
    for_each_block(source, Some(&order), &mut |share| progress(0.4 + 0.6 * share), &mut |first, block| {
        for (row, _) in block.moving().into_iter().enumerate().filter(|(_, moves)| *moves) {
            rows.push((first + row) as u32);
            push(&motion, block, row, &mut values);
        }
        Ok(())
    })?;
    if rows.is_empty() {
        return Ok(None);
    }
    let width = values.len() / rows.len();
    let steps = steps(&motion, &mut sizes, &values);
    let seconds = if motion.frames > 0 { f64::from(motion.frames) / FRAMES_PER_SECOND } else { UNKNOWN };
    let described = json!({
        "count": rows.len(), "values": width, "steps": steps,
        "means": basis(motion.means), "quats": basis(motion.quats), "sh0": basis(motion.sh0),
        "dilates": motion.dilates, "fades": motion.fades, "seconds": seconds.max(SHORTEST),
    });
    Ok(Some(Packed { described, bytes: compressed(&rows, &values, &steps) }))
}

/// The step of each value of a splat.
fn steps(motion: &Motion, sizes: &mut [f32], values: &[f32]) -> Vec<f64> {
    let middle = sizes.len() / 2;
    let usual = f64::from(*sizes.select_nth_unstable_by(middle, f32::total_cmp).1).exp();
    let mut steps = Vec::new();
    for column in motion.columns() {
        match column.moves {
            Some((base, basis)) => {
                let step = match base {
                    "means" => POSITION_STEP * usual,
                    "quats" => QUAT_STEP,
                    _ => SH0_STEP,
                };
                // Errors of many terms add up, as far as they are independent.
                let shared = (2.0 / f64::from(basis.terms().max(2))).sqrt();
                steps.extend((0..column.width).map(|_| step * shared));
            }
            None if column.name == Motion::LIFETIMES => steps.extend([CENTRE_STEP, FADE_STEP]),
            None => steps.push(SPEED_STEP),
        }
    }
    let width = steps.len().max(1);
    for (value, step) in steps.iter_mut().enumerate() {
        let sizes = values.iter().skip(value).step_by(width).map(|value| f64::from(value.abs()));
        *step = step.max(sizes.filter(|size| size.is_finite()).fold(0.0, f64::max) / MOST_STEPS);
    }
    steps
}

/// Appends the values of one splat.
fn push(motion: &Motion, block: &SplatCloud, row: usize, values: &mut Vec<f32>) {
    let quat = block.quats[row].map(f64::from);
    // Pages hold rotations at unit length, and with their largest component positive.
    let largest = [1, 2, 3, 0].map(|k| quat[k]).into_iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
    let length = quat.iter().map(|c| c * c).sum::<f64>().sqrt();
    let turned = if length > 0.0 { largest.signum() / length } else { 1.0 };
    for column in motion.columns() {
        let held = block.more_row(column.name, row);
        let Some((base, basis)) = column.moves else {
            values.extend(held);
            continue;
        };
        let terms = basis.terms() as usize;
        let (parts, factor): (&[usize], f64) =
            if base == "quats" { (&[1, 2, 3, 0], turned) } else { (&[0, 1, 2], 1.0) };
        for term in 0..terms {
            values.extend(parts.iter().map(|part| (f64::from(held[part * terms + term]) * factor) as f32));
        }
    }
}

fn compressed(rows: &[u32], values: &[f32], steps: &[f64]) -> Vec<u8> {
    let mut bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    for (value, step) in steps.iter().enumerate() {
        let count = |value: &f32| (f64::from(*value) / step).round_ties_even() as i16;
        let counts = values.iter().skip(value).step_by(steps.len()).map(count);
        let counts: Vec<u16> = counts.map(|count| ((count << 1) ^ (count >> 15)) as u16).collect();
        for byte in 0..2 {
            bytes.extend(counts.iter().map(|count| count.to_le_bytes()[byte]));
        }
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    // Vectors take everything.
    let _ = encoder.write_all(&bytes);
    encoder.finish().unwrap_or_default()
}
