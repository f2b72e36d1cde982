//! Columns of splats that move.
//!
//! Coefficients of a splat that rests are zeros. Where many rest, a column ahead of the others tells which, so that the
//! zeros cost nothing once they are coded.

use glam::DQuat;

use super::super::{Archive, ArchiveColumn, Codec, Data};
use super::{classes, descending, means_by_class, median};
use crate::error::{Error, Result};
use crate::scene::{Motion, MotionColumn, SplatCloud};

/// Step of what positions move by, in units of the median of the middle scales.
const POSITION_STEP: f32 = 0.15;
/// Steps of what quaternions and constant SH coefficients change by.
const QUAT_STEP: f32 = 0.02;
const SH0_STEP: f32 = 0.03;
/// Steps of logarithms of speeds, of centres of windows in time, and of logarithms of their sharpness.
const DILATION_STEP: f32 = 0.01;
const CENTRE_STEP: f32 = 0.02;
const FADE_STEP: f32 = 0.1;

/// The column that tells which splats move; readers need not know it.
const MOVES: &str = "flow_moves";
/// It is worth its bytes where one in so many rests.
const RESTING: usize = 20;

/// Adds those of the cloud's columns of motion that are not there yet, in the order of rows `order`; and says in the
/// archive's own words how the splats move.
pub(super) fn add(archive: &mut Archive, cloud: &SplatCloud, order: &[u32], quality: f32) -> Result<()> {
    let Some(motion) = cloud.motion else { return Ok(()) };
    let bug = |problem: String| Error::settings(problem, "this is a bug: please report it");
    let described = serde_json::to_value(motion).map_err(|error| bug(error.to_string()))?;
    archive.meta.insert("motion".to_owned(), described);
    let mut columns = Vec::new();
    for column in motion.columns() {
        let held = cloud.more.iter().find(|held| held.name == column.name);
        let held = held.ok_or_else(|| bug(format!("there is no column {}", column.name)))?;
        if archive.column(column.name).is_some() {
            continue;
        }
        let width = column.width as usize;
        let mut values: Vec<f32> = Vec::with_capacity(held.values.len());
        for &row in order {
            values.extend_from_slice(&held.values[row as usize * width..][..width]);
        }
        if matches!(column.moves, Some(("quats", _))) {
            turn(&mut values, column, cloud, order, &archive.decode_column("quats", 0..archive.rows)?);
        }
        columns.push(quantized(archive, cloud, order, column, &values, quality)?);
    }
    let moves = moves(&columns, archive.rows);
    if moves.iter().filter(|&&moves| moves == 0).count() * RESTING >= archive.rows.max(1) {
        let codec = Codec::Steps { steps: vec![1.0], zeros: vec![0.0] };
        archive.columns.push(ArchiveColumn::integers(MOVES, 1, codec, 1, moves));
    }
    archive.columns.extend(columns);
    Ok(())
}

/// For each row, 1 if any integer of these columns is not zero.
fn moves(columns: &[ArchiveColumn], rows: usize) -> Vec<i32> {
    let mut moves = vec![0; rows];
    for column in columns {
        let Data::Integers { per_row, values } = &column.data else { continue };
        for (moves, row) in moves.iter_mut().zip(values.chunks_exact((*per_row).max(1))) {
            *moves |= i32::from(row.iter().any(|&value| value != 0));
        }
    }
    moves
}

/// Makes what is added to quaternions fit those of the archive, which may have their axes in another order and are
/// rounded: from q to q′ = q p, what was added to q becomes itself times p.
fn turn(values: &mut [f32], column: MotionColumn, cloud: &SplatCloud, order: &[u32], stored: &[f32]) {
    let Some((_, basis)) = column.moves else { return };
    let terms = basis.terms() as usize;
    let quat = |[w, x, y, z]: [f32; 4]| DQuat::from_xyzw(x.into(), y.into(), z.into(), w.into());
    let rows = values.chunks_exact_mut(4 * terms).zip(order).zip(stored.as_chunks::<4>().0);
    for ((row, &from), &stored) in rows {
        let before = quat(cloud.quats[from as usize]);
        let turn = before.conjugate() * quat(stored) / before.length_squared().max(1e-24);
        for term in 0..terms {
            let part = [0, 1, 2, 3].map(|k| row[k * terms + term]);
            let turned = quat(part) * turn;
            for (k, value) in [turned.w, turned.x, turned.y, turned.z].into_iter().enumerate() {
                row[k * terms + term] = value as f32;
            }
        }
    }
}

fn quantized(
    archive: &Archive,
    cloud: &SplatCloud,
    order: &[u32],
    column: MotionColumn,
    values: &[f32],
    quality: f32,
) -> Result<ArchiveColumn> {
    let width = column.width as usize;
    // Errors of many terms add up, as far as they are independent.
    let shared = |basis: crate::scene::TimeBasis| (2.0 / basis.terms().max(2) as f32).sqrt();
    let steps = match column.moves {
        Some(("means", basis)) => {
            let middle = |row: usize| descending(cloud.log_scales[row])[1];
            let usual = median((0..cloud.len()).map(middle));
            let by = classes(archive, &[("log_scales", 1, 8)]);
            let sizes = means_by_class(archive, &by, |row| [middle(order[row] as usize)])?;
            // As for positions at rest: steps grow with the root of the size.
            let factors: Vec<f32> = sizes.iter().map(|([size], _)| (0.5 * (size - usual)).exp()).collect();
            let step = POSITION_STEP / quality * usual.exp() * shared(basis);
            let classes = super::classes_of(archive, &by, 0..archive.rows)
                .map_err(|problem| Error::settings(problem, "this is a bug: please report it"))?;
            let integers = values.chunks_exact(width).zip(classes).flat_map(|(row, class)| {
                let step = step * factors[class];
                row.iter().map(move |value| (value / step).round_ties_even() as i32)
            });
            let integers = integers.collect();
            let codec = Codec::Steps { steps: vec![step; width], zeros: vec![0.0; width] };
            let codec = Codec::Scaled { by, factors, codec: Box::new(codec) };
            return Ok(ArchiveColumn::integers(column.name, width, codec, width, integers));
        }
        Some(("quats", basis)) => vec![QUAT_STEP * shared(basis); width],
        Some((_, basis)) => vec![SH0_STEP * shared(basis); width],
        None if column.name == Motion::LIFETIMES => vec![CENTRE_STEP, FADE_STEP],
        None => vec![DILATION_STEP; width],
    };
    let steps: Vec<f32> = steps.into_iter().map(|step| step / quality).collect();
    let integers = values.iter().zip(steps.iter().cycle());
    let integers = integers.map(|(value, step)| (value / step).round_ties_even() as i32).collect();
    let codec = Codec::Steps { steps, zeros: vec![0.0; width] };
    Ok(ArchiveColumn::integers(column.name, width, codec, width, integers))
}
