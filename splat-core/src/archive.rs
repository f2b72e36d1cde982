//! A finished scene as it is stored: named columns of integers or floats, the tables that decode them, and what the
//! scene is.
//!
//! A column of integers says by its [`Codec`] what the integers mean; training that knows about quantization fills
//! columns itself, [`Archive::quantize`] makes them from finished splats. Nothing here knows bytes: how columns become
//! a file is `formats/splatz`, which keeps every integer exactly, whatever the column is called.
//!
//! Decoding uses additions and multiplications of `f32` in a fixed order only, so that floats too are the same on
//! every machine that follows IEEE 754.

mod check;
mod codec;
mod frame;
mod haar;
mod klt;
mod quantize;

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::scene::{CloudColumn, Motion, MotionColumn, SplatCloud};

pub(crate) use check::MOST_TOGETHER;
pub(crate) use codec::classes_of;
pub use codec::{Classes, Codec};
pub(crate) use haar::places as haar_places;
pub use quantize::Quantize;
pub(crate) use quantize::{AT_ONCE, Part, Planned, Sampling};

/// A finished scene as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// Number of splats.
    pub rows: usize,
    /// Its columns, each of [`Archive::rows`] rows. A codec may refer to integers of another column.
    pub columns: Vec<ArchiveColumn>,
    /// What columns share: decoders, biases, weights of networks.
    pub tables: Vec<Table>,
    /// What the scene is: recipe, `antialiased`, settings, hints for viewers. Unknown keys are kept.
    pub meta: Map<String, Value>,
}

/// A matrix of floats that columns are decoded with.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What codecs call it.
    pub name: String,
    /// Rows of `values`.
    pub rows: usize,
    /// Values per row.
    pub width: usize,
    /// The values, row by row: `[rows, width]`.
    pub values: Vec<f32>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveColumn {
    /// Its name, as in training.
    pub name: String,
    /// Decoded values per splat.
    pub width: usize,
    /// What the data mean.
    pub codec: Codec,
    /// The data.
    pub data: Data,
}

/// Values of a column, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Decoded already; their codec is [`Codec::Float`].
    Floats(Vec<f32>),
    /// To be decoded.
    Integers {
        /// Integers per row, which need not be the decoded width.
        per_row: usize,
        /// `[rows, per_row]`.
        values: Vec<i32>,
    },
}

impl Data {
    /// Numbers per row, given the decoded width.
    pub fn per_row(&self, width: usize) -> usize {
        match self {
            Data::Floats(_) => width,
            Data::Integers { per_row, .. } => *per_row,
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Data::Floats(values) => values.len(),
            Data::Integers { values, .. } => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ArchiveColumn {
    /// A column of integers.
    pub fn integers(name: &str, width: usize, codec: Codec, per_row: usize, values: Vec<i32>) -> Self {
        ArchiveColumn { name: name.to_owned(), width, codec, data: Data::Integers { per_row, values } }
    }

    /// A column of floats.
    pub fn floats(name: &str, width: usize, values: Vec<f32>) -> Self {
        ArchiveColumn { name: name.to_owned(), width, codec: Codec::Float, data: Data::Floats(values) }
    }
}

impl Archive {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&ArchiveColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A table by name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The decoded values of some rows of a column.
    ///
    /// # Errors
    /// [`Error::Settings`] naming the column when it is missing, of a kind this version does not know, or
    /// inconsistent.
    ///
    /// # Panics
    /// When `rows` reaches beyond [`Archive::rows`]: a bug of ours.
    pub fn decode_column(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        self.decode(name, rows)
            .map_err(|problem| Error::settings(problem, "store the scene again, with a program that knows its columns"))
    }

    /// The scene as ordinary splats.
    ///
    /// # Errors
    /// As [`Archive::decode_column`], for any of the columns `means`, `quats`, `log_scales`, `opacity_logits`, `sh0`,
    /// `shN` above degree 0, and those of its motion.
    pub fn splats(&self) -> Result<SplatCloud> {
        let mut cloud = SplatCloud {
            means: self.vectors("means")?,
            quats: self.vectors("quats")?,
            log_scales: self.vectors("log_scales")?,
            opacity_logits: self.vectors::<1>("opacity_logits")?.into_iter().flatten().collect(),
            sh0: self.vectors("sh0")?,
            sh_degree: self.sh_degree(),
            antialiased: self.meta.get("antialiased").and_then(Value::as_bool).unwrap_or(false),
            ..SplatCloud::default()
        };
        if cloud.sh_degree > 0 {
            cloud.sh_rest = self.decode_column("shN", 0..self.rows)?;
        }
        cloud.motion = self.motion()?;
        for MotionColumn { name, width, .. } in cloud.motion.map(|motion| motion.columns()).unwrap_or_default() {
            let values = self.decode_column(name, 0..self.rows)?;
            cloud.more.push(CloudColumn { name, width: width as usize, values });
        }
        cloud.check()?;
        Ok(cloud)
    }

    /// Degree of the spherical harmonics, by the width of `shN`; 0 without it.
    pub fn sh_degree(&self) -> u8 {
        let width = self.column("shN").map_or(0, |column| column.width);
        (1..=3_u8).find(|&degree| 3 * ((usize::from(degree) + 1).pow(2) - 1) == width).unwrap_or(0)
    }

    /// How the splats move.
    ///
    /// # Errors
    /// [`Error::Settings`] when that cannot be understood.
    pub fn motion(&self) -> Result<Option<Motion>> {
        let Some(described) = self.meta.get("motion") else { return Ok(None) };
        let motion = Motion::deserialize(described).ok().filter(Motion::is_sound);
        let unknown = || {
            let problem = "the splats move in a way that this version does not know";
            Error::settings(problem, "update this program, or export the scene at one time")
        };
        motion.map(Some).ok_or_else(unknown)
    }

    /// Puts all columns into the order of rows `order`: new row *i* is old row `order[i]`.
    ///
    /// # Panics
    /// When an entry is no row: a bug of ours.
    pub(crate) fn reorder(&mut self, order: &[u32]) {
        for column in &mut self.columns {
            match &mut column.data {
                Data::Floats(values) => *values = gathered(values, column.width, order),
                Data::Integers { per_row, values } => *values = gathered(values, *per_row, order),
            }
        }
        self.rows = order.len();
    }

    fn vectors<const N: usize>(&self, name: &str) -> Result<Vec<[f32; N]>> {
        let width = self.column(name).map_or(N, |column| column.width);
        if width != N {
            return Err(Error::settings(
                format!("column {name} has {width} values per splat, expected {N}"),
                "store the scene again",
            ));
        }
        let values = self.decode_column(name, 0..self.rows)?;
        Ok(values.as_chunks::<N>().0.to_vec())
    }
}

/// Rows of `width` values in another order.
fn gathered<T: Copy>(values: &[T], width: usize, order: &[u32]) -> Vec<T> {
    let mut sorted = Vec::with_capacity(order.len() * width);
    for &row in order {
        sorted.extend_from_slice(&values[row as usize * width..][..width]);
    }
    sorted
}
