//! What the numbers of a column mean.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Archive, ArchiveColumn, Data, Table, frame, haar};

/// What the numbers of a column mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// The data are the values.
    Float,
    /// Value `c` is `zeros[c] + steps[c] * q[c]`, with as many integers as values.
    Steps {
        /// One per value.
        #[serde(with = "exact")]
        steps: Vec<f32>,
        /// One per value.
        #[serde(with = "exact")]
        zeros: Vec<f32>,
    },
    /// The values are `bias + sum over i of q[i] * table[i]`; the last row of the table is the bias, the others have
    /// one integer each.
    Linear {
        /// Name of the table.
        table: String,
    },
    /// Value `c` is `table[q[c]][c]`, with as many integers as values. Beyond its ends the table goes on with its first
    /// and last row.
    Lookup {
        /// Name of the table.
        table: String,
    },
    /// A value, and how far each further one lies below the one before: `v[0] = zero + steps[0] * q[0]`,
    /// `v[c] = v[c - 1] - steps[c] * q[c]`. For scales in descending order.
    Descending {
        /// One per value.
        #[serde(with = "exact")]
        steps: Vec<f32>,
        /// Where the first value counts from.
        #[serde(with = "exact_one")]
        zero: f32,
    },
    /// Rotations, as an axis of the ellipsoid and the turn about it; see `archive/frame.rs`.
    Frame {
        /// The class of a row.
        by: Classes,
        /// Whether splats of a class are needles, whose longest axis is stored rather than the shortest.
        needles: Vec<bool>,
    },
    /// Rotations, as the number of the largest component of a unit quaternion (w x y z, that component positive) and
    /// the other three in that order, each as the number of one of `2^bits` cells from -1/sqrt(2) to 1/sqrt(2).
    SmallestThree {
        /// Bits per component, at most 20.
        bits: u8,
    },
    /// [`Codec::Steps`] or [`Codec::Linear`] of integers that were first multiplied by a factor of their row, so that
    /// splats that matter less are stored less finely.
    Scaled {
        /// The class of a row.
        by: Classes,
        /// One per class.
        #[serde(with = "exact")]
        factors: Vec<f32>,
        /// The codec of the products.
        codec: Box<Codec>,
    },
    /// [`Codec::Linear`] of what a weighted Haar transform of neighbouring rows gives back; see `archive/haar.rs`.
    Haar {
        /// The class of a row.
        by: Classes,
        /// How much a splat of a class weighs, above zero.
        #[serde(with = "exact")]
        weights: Vec<f32>,
        /// Rows that are transformed together: a power of two; the last rows may be fewer.
        block: usize,
        /// The codec of the result.
        codec: Box<Codec>,
    },
    /// Another codec, of integers whose lowest bits say nothing: as many of them as the class says are 100..0, the
    /// middle of a coarser cell. That changes no value, but files leave these bits out.
    Trimmed {
        /// The class of a row.
        by: Classes,
        /// Number of bits, for each class and each integer of a row: `[classes, per_row]`, at most 30.
        bits: Vec<u8>,
        /// What the integers mean.
        codec: Box<Codec>,
    },
    /// A codec of a later version. Its column is kept, but cannot be decoded.
    #[serde(untagged)]
    Unknown(Value),
}

/// Sorts rows into classes, by integers that a decoder knows before the column in question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    /// What is looked at: column of integers, number of the integer in a row, and the ascending bounds. A class is how
    /// many of the bounds are not above the integer; classes of several criteria count like digits, the last the
    /// fastest.
    pub criteria: Vec<(String, usize, Vec<i32>)>,
}

impl Classes {
    /// By one integer.
    pub fn of(column: &str, integer: usize, bounds: Vec<i32>) -> Self {
        Classes { criteria: vec![(column.to_owned(), integer, bounds)] }
    }

    /// How many classes there are, for criteria that [`Archive::problem`] accepts.
    pub fn count(&self) -> usize {
        self.criteria.iter().map(|(_, _, bounds)| bounds.len() + 1).product()
    }
}

/// Class of each row in a range.
pub(crate) fn classes_of(archive: &Archive, classes: &Classes, rows: Range<usize>) -> Result<Vec<usize>, String> {
    let mut class = vec![0; rows.len()];
    for (name, integer, bounds) in &classes.criteria {
        let (per_row, values) = archive.integers_of(name)?;
        for (class, row) in class.iter_mut().zip(values[rows.start * per_row..].chunks_exact(per_row.max(1))) {
            *class = *class * (bounds.len() + 1) + bounds.partition_point(|&bound| bound <= row[*integer]);
        }
    }
    Ok(class)
}

impl Archive {
    /// The decoded values of some rows; what is wrong otherwise.
    pub(crate) fn decode(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>, String> {
        let column = self.column(name).ok_or_else(|| format!("there is no column {name}"))?;
        self.check_column(column)?;
        match &column.data {
            Data::Floats(values) => Ok(values[rows.start * column.width..rows.end * column.width].to_vec()),
            Data::Integers { per_row, values } => {
                // Rows that are transformed together are decoded together.
                let block = column.codec.block().unwrap_or(1);
                let whole = rows.start / block * block..rows.end.div_ceil(block).saturating_mul(block).min(self.rows);
                let values = &values[whole.start * per_row..whole.end * per_row];
                let mut decoded = self.decode_integers(column, &column.codec, whole.clone(), *per_row, values, None)?;
                decoded.truncate((rows.end - whole.start) * column.width);
                decoded.drain(..(rows.start - whole.start) * column.width);
                Ok(decoded)
            }
        }
    }

    /// Integers per row and integers of a column.
    pub(crate) fn integers_of(&self, name: &str) -> Result<(usize, &[i32]), String> {
        match self.column(name).map(|column| &column.data) {
            Some(Data::Integers { per_row, values }) => Ok((*per_row, values)),
            Some(Data::Floats(_)) => Err(format!("column {name} has no integers")),
            None => Err(format!("there is no column {name}")),
        }
    }

    fn decode_integers(
        &self,
        column: &ArchiveColumn,
        codec: &Codec,
        rows: Range<usize>,
        per_row: usize,
        values: &[i32],
        factors: Option<&[f32]>,
    ) -> Result<Vec<f32>, String> {
        let count = rows.len();
        let mut decoded = Vec::with_capacity(count * column.width);
        let integers = values.chunks_exact(per_row.max(1)).take(count);
        // A factor of one changes no bit.
        let factor = |row: usize| factors.map_or(1.0, |factors| factors[row]);
        match codec {
            Codec::Steps { steps, zeros } => {
                for (row, integers) in integers.enumerate() {
                    let each = integers.iter().zip(steps.iter().zip(zeros));
                    decoded.extend(each.map(|(&q, (&step, &zero))| on_grid(zero, step * factor(row), q)));
                }
            }
            Codec::Descending { steps, zero } => {
                for integers in integers {
                    let mut value = on_grid(*zero, steps[0], integers[0]);
                    decoded.push(value);
                    for (&q, &step) in integers.iter().zip(steps).skip(1) {
                        value = on_grid(value, -step, q);
                        decoded.push(value);
                    }
                }
            }
            Codec::Lookup { table } => {
                let table = self.known_table(table)?;
                for integers in integers {
                    decoded.extend(integers.iter().enumerate().map(|(c, &q)| table.at(q, c)));
                }
            }
            Codec::Frame { by, needles } => {
                for (integers, class) in integers.zip(classes_of(self, by, rows)?) {
                    decoded.extend(frame::decode([integers[0], integers[1], integers[2]], needles[class]));
                }
            }
            Codec::SmallestThree { bits } => {
                for integers in integers {
                    decoded.extend(frame::decode_smallest_three(integers, *bits));
                }
            }
            Codec::Linear { table } => {
                let decoder = Decoder::of(self.known_table(table)?);
                let (mut latents, mut used) = (vec![0.0; per_row], Vec::new());
                for (row, integers) in integers.enumerate() {
                    for (latent, &q) in latents.iter_mut().zip(integers) {
                        *latent = q as f32 * factor(row);
                    }
                    decoder.add(&latents, &mut used, &mut decoded);
                }
                if per_row == 0 {
                    (0..count).for_each(|_| decoder.add(&[], &mut used, &mut decoded));
                }
            }
            Codec::Scaled { by, factors, codec } => {
                let of_row: Vec<f32> =
                    classes_of(self, by, rows.clone())?.into_iter().map(|class| factors[class]).collect();
                return self.decode_integers(column, codec, rows, per_row, values, Some(&of_row));
            }
            Codec::Haar { by, weights, block, codec } => {
                let Codec::Linear { table } = &**codec else {
                    return Err(format!("column {} cannot be decoded", column.name));
                };
                let (decoder, mut used) = (Decoder::of(self.known_table(table)?), Vec::new());
                for (at, block) in
                    values.chunks(block * per_row.max(1)).enumerate().map(|(i, block_values)| (i * block, block_values))
                {
                    let first = rows.start + at;
                    let weights: Vec<f32> = classes_of(self, by, first..first + block.len() / per_row)?
                        .into_iter()
                        .map(|class| weights[class])
                        .collect();
                    for latents in haar::inverse(block, &weights, per_row).chunks_exact(per_row) {
                        decoder.add(latents, &mut used, &mut decoded);
                    }
                }
            }
            Codec::Trimmed { codec, .. } => return self.decode_integers(column, codec, rows, per_row, values, factors),
            Codec::Float | Codec::Unknown(_) => return Err(format!("column {} cannot be decoded", column.name)),
        }
        Ok(decoded)
    }

    pub(super) fn known_table(&self, name: &str) -> Result<&Table, String> {
        self.table(name).ok_or_else(|| format!("there is no table {name}"))
    }
}

/// A place on a grid, rounded once: a `f32` could not count as far as an integer.
fn on_grid(zero: f32, step: f32, q: i32) -> f32 {
    (f64::from(zero) + f64::from(step) * f64::from(q)) as f32
}

impl Codec {
    /// Rows that can be decoded only together, if there are any.
    pub fn block(&self) -> Option<usize> {
        match self {
            Codec::Haar { block, .. } => Some(*block),
            Codec::Scaled { codec, .. } | Codec::Trimmed { codec, .. } => codec.block(),
            _ => None,
        }
    }
}

/// Values that are summed side by side, in registers.
const LANES: usize = 16;

/// A table of [`Codec::Linear`], its rows filled up to whole [`LANES`].
struct Decoder {
    width: usize,
    rows: Vec<[f32; LANES]>,
}

impl Decoder {
    fn of(table: &Table) -> Self {
        let padded = |row: &[f32]| {
            let part = |values: &[f32]| std::array::from_fn(|lane| values.get(lane).copied().unwrap_or(0.0));
            row.chunks(LANES).map(part).collect::<Vec<_>>()
        };
        Decoder { width: table.width, rows: (0..table.rows).flat_map(|row| padded(table.row(row))).collect() }
    }

    /// Appends `bias + sum of latents[i] * row(i)` to `decoded`, summed in the order of `i`; the bias is the last row.
    /// Latents that are zero add nothing. `used` is memory to work in.
    fn add(&self, latents: &[f32], used: &mut Vec<(usize, f32)>, decoded: &mut Vec<f32>) {
        let parts = self.width.div_ceil(LANES);
        used.clear();
        used.extend(latents.iter().enumerate().filter(|(_, latent)| **latent != 0.0).map(|(i, &v)| (i * parts, v)));
        for part in 0..parts {
            let mut sums = self.rows[latents.len() * parts + part];
            for &(row, latent) in used.iter() {
                let weights = &self.rows[row + part];
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += latent * weight);
            }
            decoded.extend_from_slice(&sums[..LANES.min(self.width - part * LANES)]);
        }
    }
}

impl Table {
    /// One row.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// A value in the row `q`, or in the row nearest to it that there is.
    pub(super) fn at(&self, q: i32, column: usize) -> f32 {
        let row = usize::try_from(q).unwrap_or(0).min(self.rows - 1);
        self.values[row * self.width + column]
    }
}

/// Floats as JSON: written as `f64`, which a reader may get wrong in the last bit without changing the `f32`.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|&value| f64::from(value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let values = Vec::<f64>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value as f32).collect())
    }
}

/// One float in the same way.
mod exact_one {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Ok(f64::deserialize(deserializer)? as f32)
    }
}
