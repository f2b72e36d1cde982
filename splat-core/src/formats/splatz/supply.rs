//! Where the chunks of a file come from: out of an archive in memory, or from a source of splats as they are needed.

use std::ops::Range;

use super::CHUNK_ROWS;
use super::chunk::ChunkView;
use super::sorted::{self, Curve};
use crate::archive::{Archive, ArchiveColumn, Codec, Data, Part, Planned};
use crate::error::{Error, Result};

/// What a file is written from.
pub(super) trait Chunks: Sync {
    /// What a chunk is made from.
    type Part: Send;

    /// The archive without rows.
    fn skeleton(&self) -> &Archive;

    /// How many rows there are.
    fn rows(&self) -> usize;

    /// Fetches some chunks, by their numbers.
    ///
    /// # Errors
    /// What reading returns.
    fn read(&self, chunks: &[usize]) -> Result<Vec<Self::Part>>;

    /// Makes the chunk.
    ///
    /// # Errors
    /// Only a bug of ours.
    fn chunk(&self, part: &Self::Part) -> Result<Archive>;

    /// What is true of the integers of a column in all chunks, of which some are at hand.
    ///
    /// # Errors
    /// Only a bug of ours.
    fn form(&self, number: usize, known: &[usize], sample: &[Archive]) -> Result<Form>;
}

/// What is true of all integers of a column.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// All bits that should say nothing do so.
    pub(super) trimmed: bool,
    /// They are points in their order along this curve.
    pub(super) curve: Option<Curve>,
}

/// A bug of ours.
pub(super) fn inconsistent(problem: String) -> Error {
    Error::settings(problem, "this is a bug: please report it")
}

/// Whether the classes that say what is trimmed can be known when the column is decoded.
fn may_be_trimmed(archive: &Archive, column: &ArchiveColumn, known: &[usize]) -> bool {
    let is_known = |name: &str| known.iter().any(|&done| archive.columns[done].name == name);
    match &column.codec {
        Codec::Trimmed { by, .. } => by.criteria.iter().all(|(name, ..)| is_known(name)),
        _ => false,
    }
}

/// Rows of an archive that make a chunk.
type Place<'a> = (&'a Archive, Range<usize>);

/// The form of a column in these chunks, found by looking at every integer.
fn form_of<'a>(chunks: impl Iterator<Item = Place<'a>> + Clone, number: usize, known: &[usize]) -> Result<Form> {
    let values = |archive: &'a Archive, rows: &Range<usize>| match &archive.columns[number].data {
        Data::Integers { per_row, values } => Some((*per_row, &values[rows.start * per_row..rows.end * per_row])),
        Data::Floats(_) => None,
    };
    let mut form: Option<Form> = None;
    let through = |(archive, rows): Place<'a>| match values(archive, &rows) {
        Some((3, values)) => Some(Curve::through(values)),
        _ => None,
    };
    let curve = chunks.clone().filter_map(through).reduce(Curve::finer);
    for (archive, rows) in chunks {
        let column = &archive.columns[number];
        let Some((_, values)) = values(archive, &rows) else { break };
        let before = form.unwrap_or_else(|| Form { trimmed: may_be_trimmed(archive, column, known), curve });
        let view = ChunkView::new(archive, column, rows, known).map_err(inconsistent)?;
        let view = if before.trimmed { view } else { view.untrimmed() };
        let sorted = before.curve.filter(|&curve| sorted::fits(curve, &view, values));
        form = Some(Form { trimmed: before.trimmed && view.fits(values), curve: sorted });
    }
    Ok(form.unwrap_or(Form { trimmed: false, curve: None }))
}

/// An archive that is in memory as a whole.
pub(super) struct Whole<'a> {
    archive: &'a Archive,
    skeleton: Archive,
}

impl<'a> Whole<'a> {
    pub(super) fn new(archive: &'a Archive) -> Self {
        Whole { archive, skeleton: part_of(archive, 0..0) }
    }

    fn places(&self) -> impl Iterator<Item = Place<'a>> + Clone + use<'a> {
        let archive = self.archive;
        let rows = archive.rows;
        (0..rows.div_ceil(CHUNK_ROWS)).map(move |chunk| (archive, rows_of(chunk, rows)))
    }
}

/// The rows of a chunk.
fn rows_of(chunk: usize, rows: usize) -> Range<usize> {
    chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(rows)
}

/// An archive of some of the rows.
fn part_of(archive: &Archive, rows: Range<usize>) -> Archive {
    let column = |column: &ArchiveColumn| {
        let data = match &column.data {
            Data::Floats(values) => Data::Floats(values[rows.start * column.width..rows.end * column.width].to_vec()),
            Data::Integers { per_row, values } => {
                let values = values[rows.start * per_row..rows.end * per_row].to_vec();
                Data::Integers { per_row: *per_row, values }
            }
        };
        ArchiveColumn { name: column.name.clone(), width: column.width, codec: column.codec.clone(), data }
    };
    let columns = archive.columns.iter().map(column).collect();
    Archive { rows: rows.len(), columns, tables: archive.tables.clone(), meta: archive.meta.clone() }
}

impl Chunks for Whole<'_> {
    type Part = Range<usize>;

    fn skeleton(&self) -> &Archive {
        &self.skeleton
    }

    fn rows(&self) -> usize {
        self.archive.rows
    }

    fn read(&self, chunks: &[usize]) -> Result<Vec<Self::Part>> {
        Ok(chunks.iter().map(|&chunk| rows_of(chunk, self.archive.rows)).collect())
    }

    fn chunk(&self, part: &Self::Part) -> Result<Archive> {
        Ok(part_of(self.archive, part.clone()))
    }

    fn form(&self, number: usize, known: &[usize], _: &[Archive]) -> Result<Form> {
        form_of(self.places(), number, known)
    }
}

impl Chunks for Planned<'_> {
    type Part = Part;

    fn skeleton(&self) -> &Archive {
        Planned::skeleton(self)
    }

    fn rows(&self) -> usize {
        Planned::rows(self)
    }

    fn read(&self, chunks: &[usize]) -> Result<Vec<Self::Part>> {
        Planned::read(self, chunks)
    }

    fn chunk(&self, part: &Self::Part) -> Result<Archive> {
        Planned::chunk(self, part)
    }

    fn form(&self, number: usize, known: &[usize], sample: &[Archive]) -> Result<Form> {
        if sample.len() == Planned::rows(self).div_ceil(CHUNK_ROWS) {
            return form_of(sample.iter().map(|chunk| (chunk, 0..chunk.rows)), number, known);
        }
        // By the way they are quantized, and checked again when they are written.
        let column = &Planned::skeleton(self).columns[number];
        let curve = self.curve().filter(|_| column.name == "means");
        Ok(Form { trimmed: may_be_trimmed(Planned::skeleton(self), column, known), curve })
    }
}
