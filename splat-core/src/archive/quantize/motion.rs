//! Columns of splats that move.
//!
//! Coefficients of a splat that rests are zeros. Where many rest, a column ahead of the others tells which, so that the
//! zeros cost nothing once they are coded.

use glam::DQuat;

use super::super::{Archive, ArchiveColumn, Classes, Codec, Data};
use super::plan::Sample;
use super::{Quantizer, bug, classes, descending, means_by_class, median};
use crate::error::Result;
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

/// All columns of motion that are not given.
pub(super) struct Moving {
    columns: Vec<Column>,
    /// Whether a column tells which splats move.
    tells: bool,
}

impl Moving {
    /// By a sample, whose archive lacks these columns.
    pub(super) fn new(sample: &Sample, motion: &Motion, quality: f32) -> Result<Self> {
        let Sample { archive, cloud, .. } = sample;
        let columns = motion.columns().into_iter().filter(|column| archive.column(column.name).is_none());
        let columns = columns.map(|column| Column::new(sample, column, quality)).collect::<Result<_>>()?;
        let mut moving = Moving { columns, tells: false };
        let moves = moves(&moving.quantized(archive, cloud)?, archive.rows);
        let resting = moves.iter().filter(|&&moves| moves == 0).count();
        moving.tells = resting * RESTING >= archive.rows.max(1);
        Ok(moving)
    }

    fn quantized(&self, archive: &Archive, cloud: &SplatCloud) -> Result<Vec<ArchiveColumn>> {
        self.columns.iter().map(|column| column.quantized(archive, cloud)).collect()
    }
}

impl Quantizer for Moving {
    fn add(&self, archive: &mut Archive, cloud: &SplatCloud) -> Result<()> {
        let columns = self.quantized(archive, cloud)?;
        if self.tells {
            let codec = Codec::Steps { steps: vec![1.0], zeros: vec![0.0] };
            archive.columns.push(ArchiveColumn::integers(MOVES, 1, codec, 1, moves(&columns, archive.rows)));
        }
        archive.columns.extend(columns);
        Ok(())
    }
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
fn turn(values: &mut [f32], column: MotionColumn, cloud: &SplatCloud, stored: &[f32]) {
    let Some((_, basis)) = column.moves else { return };
    let terms = basis.terms() as usize;
    let quat = |[w, x, y, z]: [f32; 4]| DQuat::from_xyzw(x.into(), y.into(), z.into(), w.into());
    let rows = values.chunks_exact_mut(4 * terms).zip(&cloud.quats).zip(stored.as_chunks::<4>().0);
    for ((row, &before), &stored) in rows {
        let before = quat(before);
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

/// One column, in steps of its values; of larger splats they may be scaled.
struct Column {
    column: MotionColumn,
    steps: Vec<f32>,
    scaled: Option<(Classes, Vec<f32>)>,
}

impl Column {
    fn new(sample: &Sample, column: MotionColumn, quality: f32) -> Result<Self> {
        let Sample { archive, cloud, as_read, .. } = sample;
        let width = column.width as usize;
        // Errors of many terms add up, as far as they are independent.
        let shared = |basis: crate::scene::TimeBasis| (2.0 / basis.terms().max(2) as f32).sqrt();
        let steps = match column.moves {
            Some(("means", basis)) => {
                let middle = |row: usize| descending(cloud.log_scales[row])[1];
                let usual = median(as_read.iter().map(|&row| middle(row as usize)));
                let by = classes(archive, &[("log_scales", 1, 8)]);
                let sizes = means_by_class(archive, &by, |row| [middle(row)])?;
                // As for positions at rest: steps grow with the root of the size.
                let factors: Vec<f32> = sizes.iter().map(|([size], _)| (0.5 * (size - usual)).exp()).collect();
                let step = POSITION_STEP / quality * usual.exp() * shared(basis);
                return Ok(Column { column, steps: vec![step; width], scaled: Some((by, factors)) });
            }
            Some(("quats", basis)) => vec![QUAT_STEP * shared(basis); width],
            Some((_, basis)) => vec![SH0_STEP * shared(basis); width],
            None if column.name == Motion::LIFETIMES => vec![CENTRE_STEP, FADE_STEP],
            None => vec![DILATION_STEP; width],
        };
        Ok(Column { column, steps: steps.into_iter().map(|step| step / quality).collect(), scaled: None })
    }

    fn quantized(&self, archive: &Archive, cloud: &SplatCloud) -> Result<ArchiveColumn> {
        let (name, width) = (self.column.name, self.column.width as usize);
        let held = cloud.more.iter().find(|held| held.name == name);
        let mut values = held.ok_or_else(|| bug(format!("there is no column {name}")))?.values.clone();
        if matches!(self.column.moves, Some(("quats", _))) {
            turn(&mut values, self.column, cloud, &archive.decode_column("quats", 0..archive.rows)?);
        }
        let mut codec = Codec::Steps { steps: self.steps.clone(), zeros: vec![0.0; width] };
        let integers = if let Some((by, factors)) = &self.scaled {
            let classes = super::classes_of(archive, by, 0..archive.rows).map_err(bug)?;
            let rows = values.chunks_exact(width).zip(classes);
            let integers = rows.flat_map(|(row, class)| {
                let factor = factors[class];
                row.iter().zip(&self.steps).map(move |(value, step)| (value / (step * factor)).round_ties_even() as i32)
            });
            codec = Codec::Scaled { by: by.clone(), factors: factors.clone(), codec: Box::new(codec) };
            integers.collect()
        } else {
            let integers = values.iter().zip(self.steps.iter().cycle());
            integers.map(|(value, step)| (value / step).round_ties_even() as i32).collect()
        };
        Ok(ArchiveColumn::integers(name, width, codec, width, integers))
    }
}
