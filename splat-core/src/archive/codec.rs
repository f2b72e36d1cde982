//! What the numbers of a column mean.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Archive, ArchiveColumn, Data, Table};

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
                let values = &values[rows.start * per_row..rows.end * per_row];
                self.decode_integers(column, &column.codec, rows, *per_row, values, None)
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
        let width = column.width;
        let count = rows.len();
        let mut decoded = Vec::with_capacity(count * width);
        // A factor of one changes no bit.
        let factor = |row: usize| factors.map_or(1.0, |factors| factors[row]);
        let integers = |row: usize| &values[row * per_row..(row + 1) * per_row];
        match codec {
            Codec::Steps { steps, zeros } => {
                for row in 0..count {
                    let each = integers(row).iter().zip(steps.iter().zip(zeros));
                    decoded.extend(each.map(|(&q, (step, zero))| zero + step * (q as f32 * factor(row))));
                }
            }
            Codec::Linear { table } => {
                let table = self.known_table(table)?;
                for row in 0..count {
                    let first = decoded.len();
                    decoded.extend_from_slice(table.row(per_row));
                    for (i, &q) in integers(row).iter().enumerate().filter(|&(_, &q)| q != 0) {
                        let q = q as f32 * factor(row);
                        for (value, weight) in decoded[first..].iter_mut().zip(table.row(i)) {
                            *value += q * weight;
                        }
                    }
                }
            }
            Codec::Lookup { table } => {
                let table = self.known_table(table)?;
                for row in 0..count {
                    decoded.extend(integers(row).iter().enumerate().map(|(c, &q)| table.at(q, c)));
                }
            }
            Codec::Scaled { by, factors, codec } => {
                let of_row: Vec<f32> =
                    classes_of(self, by, rows.clone())?.into_iter().map(|class| factors[class]).collect();
                return self.decode_integers(column, codec, rows, per_row, values, Some(&of_row));
            }
            Codec::Float | Codec::Unknown(_) => return Err(format!("column {} cannot be decoded", column.name)),
        }
        Ok(decoded)
    }

    pub(super) fn known_table(&self, name: &str) -> Result<&Table, String> {
        self.table(name).ok_or_else(|| format!("there is no table {name}"))
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
