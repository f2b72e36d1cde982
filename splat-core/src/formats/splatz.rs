//! Our own format: an [`Archive`] in chunks that can be read one by one.
//!
//! All numbers are little-endian.
//!
//! ```text
//! head        magic (8) · major, minor (u16) · length of the description, unpacked (u32, u32) · CRC-32 of all that
//! description zstd: length of JSON · JSON (`Header`) · per column, in the order of decoding: length · model
//!             · floats of all tables, byte plane by byte plane
//! chunks      per chunk, per column in the order of decoding: a stream
//! padding     zeros, in files that hold next to nothing per splat
//! index       zstd: per chunk: lengths of its streams · CRC-32 of the chunk · its bounding box (6 f32)
//! trailer     length of the index, unpacked (u32, u32) · its place (u64) · CRC-32 of index and these · magic (8)
//! ```
//!
//! A chunk is 4096 rows. Its streams are coded by models that stand in the description (`context`, `sorted`) and do not
//! depend on other chunks. Lengths within zstd frames are of 7 bits per byte.
//!
//! Versions: a reader refuses another major version. A later minor version may bring codecs, codings and quantities for
//! contexts; columns that use them are left out, the others can be read.

mod bytes;
mod chunk;
mod coder;
mod context;
mod frequencies;
mod integers;
mod read;
mod search;
pub(crate) mod sorted;
mod supply;
#[cfg(test)]
mod tests;
mod write;

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::checked::can_be_drawn;
use super::source::AtDegree;
use super::{Format, FormatRow, SplatInfo, SplatSource, WriteOptions};
use crate::archive::{Archive, Codec, Planned, Quantize, Sampling};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

pub use read::ArchiveReader;
use write::{COUNTED, write_chunks};

const MAGIC: [u8; 8] = *b"\x89SPLATZ\n";
const END: [u8; 8] = *b"ZTALPS\r\n";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;
/// Rows of a chunk.
pub(crate) const CHUNK_ROWS: usize = 4096;
/// Most bytes that a description or an index may have, whatever the length of the file: enough for 20 million floats of
/// tables, or for a billion splats.
const MOST_DESCRIPTION: usize = 80 << 20;
/// Numbers that a byte of a file may stand for, beyond what any file may hold.
const NUMBERS_PER_BYTE: u64 = 512;

/// How many integers or values a file of some length may have, so that a small file cannot ask for much memory.
fn allowed_numbers(length: u64) -> u64 {
    (1 << 26) + length.saturating_mul(NUMBERS_PER_BYTE)
}

/// What a file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    rows: usize,
    /// Rows per chunk.
    chunk: usize,
    columns: Vec<ColumnHeader>,
    /// Numbers of the columns, in the order in which they are decoded.
    order: Vec<usize>,
    /// Whether the streams of a column leave out what [`Codec::Trimmed`] says; in the order of decoding.
    trimmed: Vec<bool>,
    tables: Vec<TableHeader>,
    meta: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ColumnHeader {
    name: String,
    width: usize,
    /// Integers per row; none for floats.
    per_row: Option<usize>,
    codec: Codec,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TableHeader {
    name: String,
    rows: usize,
    width: usize,
}

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Splatz,
    name: "Splatz, compressed",
    extensions: &["splatz"],
    about: "Twenty times smaller than PLY at nearly the same picture. Read by this program only.",
    sniff: |_, head, _| head.starts_with(&MAGIC),
    open: Some(open),
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: |splats, degree| 8000 + splats * (8 + u64::from(degree)),
};

/// Chunks that are kept decoded.
const KEPT: usize = 8;

struct Splatz {
    path: std::path::PathBuf,
    reader: ArchiveReader,
    info: SplatInfo,
    kept: Mutex<VecDeque<(usize, Arc<SplatCloud>)>>,
}

impl Splatz {
    /// Chunks, decoded now or lately.
    fn chunks(&self, numbers: Range<usize>) -> Result<Vec<Arc<SplatCloud>>> {
        // Whoever panicked meanwhile left the list whole.
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = {
            let kept = lock();
            let find = |number| kept.iter().find(|(kept, _)| *kept == number).map(|(_, cloud)| cloud.clone());
            numbers.clone().map(find).collect::<Option<Vec<_>>>()
        };
        if let Some(lately) = lately {
            return Ok(lately);
        }
        let clouds = numbers.clone().zip(self.reader.chunks_of(numbers.clone())?);
        let clouds = clouds.map(|(number, archive)| self.cloud(number, &archive)).collect::<Result<Vec<_>>>()?;
        let mut kept = lock();
        kept.extend(numbers.zip(clouds.iter().cloned()));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        Ok(clouds)
    }

    /// The splats of a chunk.
    fn cloud(&self, number: usize, archive: &Archive) -> Result<Arc<SplatCloud>> {
        let cloud = archive.splats().map_err(|error| self.described(&error))?;
        // What was written was finite: no row is left out, as other formats do with what some programs write.
        if let Some(row) = (0..cloud.len()).find(|&row| !can_be_drawn(&cloud, row)) {
            let problem = format!("splat {} has values that are no numbers", number * self.reader.chunk_rows() + row);
            return Err(Error::input(&self.path, problem, "export the scene again"));
        }
        Ok(Arc::new(cloud))
    }

    /// What is wrong with the file, and what of it could not be read at all.
    fn described(&self, error: &Error) -> Error {
        let notes = self.reader.notes().join("; ");
        let problem = match error {
            Error::Settings { problem, .. } if notes.is_empty() => problem.clone(),
            Error::Settings { problem, .. } => format!("{problem} ({notes})"),
            other => other.to_string(),
        };
        Error::input(&self.path, problem, "update this program, or export the scene in another format")
    }
}

impl SplatSource for Splatz {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let size = self.reader.chunk_rows();
        let mut wanted: Vec<(u32, u32)> = rows.iter().zip(0..).map(|(&row, at)| (row, at)).collect();
        wanted.sort_unstable();
        let chunk_of = |row: u32| row as usize / size;
        let mut numbers: Vec<usize> = wanted.iter().map(|&(row, _)| chunk_of(row)).collect();
        numbers.dedup();
        // In the order of the chunks first; then as asked for.
        let mut sorted = SplatCloud { sh_degree: self.info.sh_degree, ..SplatCloud::default() };
        let mut left = &wanted[..];
        for number in numbers {
            let (here, others) = left.split_at(left.partition_point(|&(row, _)| chunk_of(row) <= number));
            let src: Vec<u32> = here.iter().map(|&(row, _)| row % size as u32).collect();
            self.chunks(number..number + 1)?.iter().for_each(|chunk| sorted.append(&chunk.gather(&src)));
            left = others;
        }
        let mut place = vec![0; rows.len()];
        wanted.iter().zip(0..).for_each(|(&(_, at), from)| place[at as usize] = from);
        let in_order = place.windows(2).all(|pair| pair[0] < pair[1]);
        let mut cloud = if in_order { sorted } else { sorted.gather(&place) };
        cloud.antialiased = self.info.antialiased;
        Ok(cloud)
    }

    fn range(&self, first: usize, count: usize) -> Result<SplatCloud> {
        let (size, end) = (self.reader.chunk_rows(), first + count);
        let mut cloud =
            SplatCloud { sh_degree: self.info.sh_degree, antialiased: self.info.antialiased, ..SplatCloud::default() };
        cloud.reserve(count);
        let numbers = first / size..end.div_ceil(size);
        for (number, chunk) in numbers.clone().zip(self.chunks(numbers)?) {
            let rows = first.max(number * size) - number * size..end.min((number + 1) * size) - number * size;
            if rows.len() == chunk.len() {
                cloud.append(&chunk);
            } else {
                let rows: Vec<u32> = rows.map(|row| row as u32).collect();
                cloud.append(&chunk.gather(&rows));
            }
        }
        Ok(cloud)
    }
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let reader = ArchiveReader::open(path)?;
    let info = SplatInfo {
        format: Some(Format::Splatz),
        count: reader.rows(),
        sh_degree: reader.sh_degree(),
        antialiased: reader.meta().get("antialiased").and_then(Value::as_bool).unwrap_or(false),
        motion: reader.motion().map_err(|problem| Error::input(path, problem.to_string(), "export the scene again"))?,
        motion_bytes: reader.column_bytes(|name| name.starts_with("flow_")),
        dropped: 0,
        notes: reader.notes().to_vec(),
    };
    progress(1.0)?;
    Ok(Box::new(Splatz { path: path.to_path_buf(), reader, info, kept: Mutex::default() }))
}

/// Share of the time that is over when it is known how the splats are quantized.
const PLANNED: f64 = 0.2;

fn write(path: &Path, source: &dyn SplatSource, options: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    write_sampled(path, source, options, (Sampling::default(), COUNTED), progress)
}

/// Writes a file whose steps are chosen by a sample of splats, and whose models by so many chunks.
fn write_sampled(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    (sampling, counted): (Sampling, usize),
    progress: OnProgress<'_>,
) -> Result<()> {
    let source = AtDegree::new(source, options.sh_degree);
    let quantize = Quantize { quality: options.quality };
    let planning: OnProgress<'_> = &mut |share| progress(PLANNED * share);
    let mut planned = Planned::new(&source, Archive::default(), &quantize, sampling, planning)?;
    if !options.comments.is_empty() {
        planned.note("comments", options.comments.clone().into());
    }
    atomic::write_with(path, &mut |out| {
        let progress: OnProgress<'_> = &mut |share| progress(PLANNED + (1.0 - PLANNED) * share);
        let written = write_chunks(&planned, counted, out, progress)?;
        written.map_err(|error| Error::io(path, "write", error))
    })
}
