//! Bytes to archives, whole or a chunk at a time.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::bytes::{Bytes, Read1, checksum, from_planes, unsqueezed};
use super::chunk::ChunkView;
use super::context::ColumnModel;
use super::sorted::{self, SortedModel};
use super::write::Coding;
use super::{END, Header, MAGIC, MAJOR, MOST_DESCRIPTION, allowed_numbers, integers};
use crate::archive::{Archive, ArchiveColumn, Codec, Data, Table};
use crate::error::{Error, Result};
use crate::parallel::in_order;
use crate::scene::Motion;
use crate::scene::io::ply::OnProgress;

/// Bytes before the description: magic, version, lengths, checksum.
const HEAD: usize = 24;
/// Bytes behind the index: lengths, place, checksum, magic.
const TRAILER: usize = 28;

/// Chunks that a core decodes side by side.
const TOGETHER: usize = 4;
/// Most tables of frequencies in a file: a thousand columns would not have as many, and they are larger in memory than
/// in a file.
const MOST_TABLES: usize = 1 << 14;

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// Where a chunk lies, and what is known of it.
struct ChunkEntry {
    at: u64,
    /// Lengths of the streams, in the order of decoding.
    lengths: Vec<usize>,
    checksum: u32,
    bounds: [[f32; 3]; 2],
}

/// An open file.
pub struct ArchiveReader {
    path: PathBuf,
    file: Mutex<Box<dyn ReadSeek>>,
    header: Header,
    /// Columns without data, in the order of the file; and how they are coded, in the order of decoding, if known.
    skeleton: Archive,
    codings: Vec<Option<Coding>>,
    chunks: Vec<ChunkEntry>,
    notes: Vec<String>,
}

/// How much of the bytes after the head is what.
struct Lengths {
    squeezed: usize,
    raw: usize,
}

impl Lengths {
    fn new(bytes: &[u8]) -> Read1<Self> {
        let mut bytes = Bytes(bytes);
        let mut number =
            || -> Read1<usize> { Ok(u32::from_le_bytes(bytes.take(4)?.try_into().unwrap_or_default()) as usize) };
        let lengths = Lengths { squeezed: number()?, raw: number()? };
        match lengths.raw <= MOST_DESCRIPTION {
            true => Ok(lengths),
            false => Err(format!("{} bytes of description, at most {MOST_DESCRIPTION} can be", lengths.raw)),
        }
    }
}

fn le_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

fn le_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().unwrap_or_default())
}

impl ArchiveReader {
    /// Opens a file: reads what describes it, but no chunk.
    ///
    /// # Errors
    /// [`Error::Input`] when it is damaged or of a later version.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, "read", error))?;
        Self::from_reader(path, Box::new(file))
    }

    fn from_reader(path: &Path, mut file: Box<dyn ReadSeek>) -> Result<Self> {
        let damaged = |problem| Error::input(path, problem, "copy or export the file again");
        let length = file.seek(SeekFrom::End(0)).map_err(|error| Error::io(path, "read", error))?;
        let mut part = |at: u64, count: usize| -> Result<Vec<u8>> { read_part(path, &mut *file, length, at, count) };
        let head = part(0, HEAD)?;
        if !head.starts_with(&MAGIC) {
            return Err(Error::input(path, "this is no splatz file", "choose another file"));
        }
        let major = u16::from_le_bytes([head[8], head[9]]);
        if major != MAJOR {
            let problem = format!("the file is of version {major}, this program reads version {MAJOR}");
            return Err(Error::input(path, problem, "update this program, or export the scene in another format"));
        }
        let lengths = Lengths::new(&head[12..20]).map_err(damaged)?;
        let squeezed = part(HEAD as u64, lengths.squeezed)?;
        if checksum(&[&head[..20], &squeezed].concat()) != le_u32(&head[20..24]) {
            return Err(damaged("the description of the scene is damaged".to_owned()));
        }
        let description = unsqueezed(&squeezed, lengths.raw).map_err(damaged)?;
        let first = (HEAD + lengths.squeezed) as u64;

        let trailer_at =
            length.checked_sub(TRAILER as u64).ok_or_else(|| damaged("the file is cut short".to_owned()))?;
        let trailer = part(trailer_at, TRAILER)?;
        if trailer[20..] != END {
            return Err(damaged("the file is cut short: its index is missing".to_owned()));
        }
        let lengths = Lengths::new(&trailer[..8]).map_err(damaged)?;
        let index_at = le_u64(&trailer[8..16]);
        if index_at < first || index_at.checked_add(lengths.squeezed as u64) != Some(trailer_at) {
            return Err(damaged("the index lies outside the file".to_owned()));
        }
        let squeezed = part(index_at, lengths.squeezed)?;
        if checksum(&[&squeezed, &trailer[..16]].concat()) != le_u32(&trailer[16..20]) {
            return Err(damaged("the index is damaged".to_owned()));
        }
        let index = unsqueezed(&squeezed, lengths.raw).map_err(damaged)?;
        Self::parse(path, file, length, &description, (first..index_at, &index)).map_err(damaged)
    }

    fn parse(
        path: &Path,
        file: Box<dyn ReadSeek>,
        length: u64,
        description: &[u8],
        (payload, index): (std::ops::Range<u64>, &[u8]),
    ) -> Read1<Self> {
        let mut bytes = Bytes(description);
        let json = bytes.count(description.len())?;
        let header: Header =
            serde_json::from_slice(bytes.take(json)?).map_err(|error| format!("its description: {error}"))?;
        header.check(length)?;
        let mut skeleton = Archive::empty(0, Vec::new(), header.meta.clone());
        let empty = |column: &super::ColumnHeader| {
            let data = match column.per_row {
                Some(per_row) => Data::Integers { per_row, values: Vec::new() },
                None => Data::Floats(Vec::new()),
            };
            ArchiveColumn { name: column.name.clone(), width: column.width, codec: column.codec.clone(), data }
        };
        skeleton.columns = header.columns.iter().map(empty).collect();
        let models: Vec<&[u8]> = header
            .order
            .iter()
            .map(|_| {
                let count = bytes.count(description.len())?;
                bytes.take(count)
            })
            .collect::<Read1<_>>()?;
        for table in &header.tables {
            let values = table.rows.checked_mul(table.width).filter(|&values| values <= description.len() / 4);
            let values = values.ok_or_else(|| format!("table {} is longer than the description", table.name))?;
            let values = vec![0.0; values];
            skeleton.tables.push(Table { name: table.name.clone(), rows: table.rows, width: table.width, values });
        }
        let mut floats = from_planes(bytes.0).into_iter();
        let expected: usize = skeleton.tables.iter().map(|table| table.values.len()).sum();
        if expected.checked_mul(4) != Some(bytes.0.len()) {
            return Err(format!("{} bytes of tables, expected {expected} floats", bytes.0.len()));
        }
        for table in &mut skeleton.tables {
            table.values.iter_mut().zip(&mut floats).for_each(|(value, float)| *value = float);
        }
        let (codings, notes) = codings(&header, &skeleton, &models);
        let chunks = entries(&header, payload, index)?;
        let file = Mutex::new(file);
        Ok(ArchiveReader { path: path.to_path_buf(), file, header, skeleton, codings, chunks, notes })
    }

    /// Number of splats.
    pub fn rows(&self) -> usize {
        self.header.rows
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Rows of every chunk but the last.
    pub fn chunk_rows(&self) -> usize {
        self.header.chunk
    }

    /// The box around the means of a chunk; of a scene without means, one that holds nothing.
    pub fn bounds(&self, chunk: usize) -> [[f32; 3]; 2] {
        self.chunks[chunk].bounds
    }

    /// What the scene is.
    pub fn meta(&self) -> &Map<String, Value> {
        &self.header.meta
    }

    /// Bytes of the chunks that hold the columns of some names, what describes them left out; none if there is no such
    /// column.
    pub fn column_bytes(&self, named: fn(&str) -> bool) -> Option<u64> {
        let places = self.header.order.iter().enumerate();
        let wanted: Vec<usize> = places
            .filter(|(_, column)| self.header.columns.get(**column).is_some_and(|column| named(&column.name)))
            .map(|(at, _)| at)
            .collect();
        let length = |entry: &ChunkEntry| wanted.iter().map(|&at| entry.lengths[at] as u64).sum::<u64>();
        (!wanted.is_empty()).then(|| self.chunks.iter().map(length).sum())
    }

    /// How the splats move.
    ///
    /// # Errors
    /// As [`Archive::motion`].
    pub fn motion(&self) -> Result<Option<Motion>> {
        self.skeleton.motion()
    }

    /// Degree of the spherical harmonics; 0 if they cannot be read.
    pub fn sh_degree(&self) -> u8 {
        let shn = self.skeleton.columns.iter().position(|column| column.name == "shN");
        if shn.is_some_and(|shn| self.is_readable(shn)) { self.skeleton.sh_degree() } else { 0 }
    }

    /// Whether a column, by its number in the file, is stored in a way that this version knows.
    fn is_readable(&self, column: usize) -> bool {
        let at = self.header.order.iter().position(|&coded| coded == column);
        at.is_some_and(|at| self.codings[at].is_some())
    }

    /// Columns that cannot be read, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The rows of one chunk, without those columns that cannot be read.
    ///
    /// # Errors
    /// [`Error::Input`] when the chunk is damaged, [`Error::Io`].
    ///
    /// # Panics
    /// When there is no such chunk: a bug of ours.
    pub fn chunk(&self, number: usize) -> Result<Archive> {
        let mut archives = self.decode_chunks(number..number + 1)?;
        Ok(archives.remove(0))
    }

    /// Some chunks that follow one another, as [`ArchiveReader::chunk`]; two together take less time than one by one.
    ///
    /// # Errors
    /// As [`ArchiveReader::chunk`].
    ///
    /// # Panics
    /// When there are no such chunks: a bug of ours.
    pub fn chunks_of(&self, numbers: Range<usize>) -> Result<Vec<Archive>> {
        let firsts = numbers.clone().step_by(TOGETHER);
        let some = firsts.map(|first| {
            let numbers = first..(first + TOGETHER).min(numbers.end);
            // An error is to name its own chunk.
            self.decode_chunks(numbers.clone()).or_else(|_| numbers.map(|number| self.chunk(number)).collect())
        });
        Ok(some.collect::<Result<Vec<Vec<Archive>>>>()?.into_iter().flatten().collect())
    }

    fn decode_chunks(&self, numbers: Range<usize>) -> Result<Vec<Archive>> {
        let damaged = |problem| {
            let problem = format!("chunk {} of {}: {problem}", numbers.start, self.chunks.len());
            Error::input(&self.path, problem, "copy or export the file again")
        };
        let entries = &self.chunks[numbers.clone()];
        let read = |entry: &ChunkEntry| {
            let payload = {
                // A thread that panicked while reading leaves no half-written state: every read seeks first.
                let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                read_part(&self.path, &mut **file, u64::MAX, entry.at, entry.lengths.iter().sum())?
            };
            match checksum(&payload) == entry.checksum {
                true => Ok(payload),
                false => Err(damaged("its bytes are damaged".to_owned())),
            }
        };
        let payloads = entries.iter().map(read).collect::<Result<Vec<_>>>()?;
        self.decode(numbers.clone(), &payloads).map_err(damaged)
    }

    /// What a decoder knows of a chunk when it comes to the column that is decoded as the `at`th.
    fn view<'a>(&self, chunk: &'a Archive, at: usize, known: &[usize]) -> Read1<ChunkView<'a>> {
        let column = &chunk.columns[self.header.order[at]];
        let view = ChunkView::new(chunk, column, 0..chunk.rows, known)?;
        Ok(if self.header.trimmed[at] { view } else { view.untrimmed() })
    }

    fn decode(&self, numbers: Range<usize>, payloads: &[Vec<u8>]) -> Read1<Vec<Archive>> {
        let rows_of = |number: usize| self.header.chunk.min(self.header.rows - number * self.header.chunk);
        let mut archives: Vec<Archive> =
            numbers.clone().map(|number| Archive { rows: rows_of(number), ..self.skeleton.clone() }).collect();
        let mut payloads: Vec<Bytes<'_>> = payloads.iter().map(|payload| Bytes(payload)).collect();
        let mut known = Vec::new();
        for (at, (&column, coding)) in self.header.order.iter().zip(&self.codings).enumerate() {
            let entries = self.chunks[numbers.clone()].iter().zip(&mut payloads);
            let streams =
                entries.map(|(entry, payload)| payload.take(entry.lengths[at])).collect::<Read1<Vec<&[u8]>>>()?;
            let Some(coding) = coding else { continue };
            let per_row = self.skeleton.columns[column].data.per_row(self.skeleton.columns[column].width);
            let integers = |values| Data::Integers { per_row, values };
            let decoded: Vec<Data> = match coding {
                Coding::Floats => {
                    let floats = |(archive, stream): (&Archive, &&[u8])| {
                        Ok::<_, String>(Data::Floats(from_planes(&unsqueezed(stream, archive.rows * per_row * 4)?)))
                    };
                    archives.iter().zip(&streams).map(floats).collect::<Read1<_>>()?
                }
                Coding::Integers(model) => {
                    let views =
                        archives.iter().map(|archive| self.view(archive, at, &known)).collect::<Read1<Vec<_>>>()?;
                    integers::decode(model, &views, &streams)?.into_iter().map(integers).collect()
                }
                Coding::Sorted(model) => {
                    let points = |(archive, stream): (&Archive, &&[u8])| {
                        sorted::decode(model, &self.view(archive, at, &known)?, stream)
                    };
                    let points = archives.iter().zip(&streams).map(points).collect::<Read1<Vec<_>>>()?;
                    points.into_iter().map(integers).collect()
                }
            };
            archives.iter_mut().zip(decoded).for_each(|(archive, data)| archive.columns[column].data = data);
            known.push(column);
        }
        for archive in &mut archives {
            let mut readable = (0..archive.columns.len()).map(|column| known.contains(&column));
            archive.columns.retain(|_| readable.next() == Some(true));
        }
        Ok(archives)
    }

    /// All chunks, decoded by all cores; `visit` gets them in order.
    ///
    /// # Errors
    /// As [`ArchiveReader::chunk`], and what `visit` returns.
    pub fn for_each_chunk(&self, visit: &mut dyn FnMut(usize, Archive) -> Result<()>) -> Result<()> {
        let numbers = |some: usize| some * TOGETHER..((some + 1) * TOGETHER).min(self.chunks.len());
        in_order(
            self.chunks.len().div_ceil(TOGETHER),
            |some| self.chunks_of(numbers(some)),
            |some, archives| numbers(some).zip(archives).try_for_each(|(number, archive)| visit(number, archive)),
        )
    }

    /// The whole archive, without those columns that cannot be read.
    ///
    /// # Errors
    /// As [`ArchiveReader::chunk`], and what `progress` returns.
    pub fn read(&self, progress: OnProgress<'_>) -> Result<Archive> {
        let mut whole = self.skeleton.clone();
        let mut column = 0..whole.columns.len();
        whole.columns.retain(|_| column.next().is_some_and(|column| self.is_readable(column)));
        whole.rows = self.header.rows;
        self.for_each_chunk(&mut |chunk, archive| {
            for (all, part) in whole.columns.iter_mut().zip(archive.columns) {
                match (&mut all.data, part.data) {
                    (Data::Floats(all), Data::Floats(part)) => all.extend(part),
                    (Data::Integers { values: all, .. }, Data::Integers { values: part, .. }) => all.extend(part),
                    _ => {}
                }
            }
            progress((chunk + 1) as f64 / self.chunks.len() as f64)
        })?;
        Ok(whole)
    }
}

impl Archive {
    /// Reads an archive from the bytes of a file; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`ArchiveReader::open`] and [`ArchiveReader::chunk`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Archive> {
        ArchiveReader::from_reader(path, Box::new(Cursor::new(bytes)))?.read(&mut |_| Ok(()))
    }
}

/// Bytes of a file; nothing is allocated that is not there.
fn read_part(path: &Path, file: &mut dyn ReadSeek, length: u64, at: u64, count: usize) -> Result<Vec<u8>> {
    if at.saturating_add(count as u64) > length {
        return Err(Error::input(path, "the file is cut short", "copy or export the file again"));
    }
    let mut bytes = vec![0; count];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::input(path, "the file is cut short", "copy or export the file again")
        }
        _ => Error::io(path, "read", error),
    })?;
    Ok(bytes)
}

/// How columns are coded, as far as this version knows; and what it does not know.
fn codings(header: &Header, skeleton: &Archive, models: &[&[u8]]) -> (Vec<Option<Coding>>, Vec<String>) {
    let mut known: Vec<usize> = Vec::new();
    let mut notes = Vec::new();
    let mut codings = Vec::new();
    let mut tables = 0;
    for ((&number, model), &trimmed) in header.order.iter().zip(models).zip(&header.trimmed) {
        let column = &skeleton.columns[number];
        let coding = coding(skeleton, header.chunk, number, (model, trimmed), &known).and_then(|coding| {
            tables += coding.tables();
            if tables > MOST_TABLES { Err(format!("more than {MOST_TABLES} tables")) } else { Ok(coding) }
        });
        if let Err(problem) = &coding {
            notes.push(format!("column {} is left out: {problem}", column.name));
        } else {
            known.push(number);
            if matches!(column.codec, Codec::Unknown(_)) {
                notes.push(format!("column {} is stored in a way that this version does not know", column.name));
            }
        }
        codings.push(coding.ok());
    }
    (codings, notes)
}

fn coding(
    skeleton: &Archive,
    chunk: usize,
    number: usize,
    (model, trimmed): (&[u8], bool),
    known: &[usize],
) -> Read1<Coding> {
    let column = &skeleton.columns[number];
    match &column.codec {
        Codec::Unknown(_) => {}
        codec if codec.block().is_some_and(|block| block != chunk) => {
            return Err("its transform does not fit the chunks".to_owned());
        }
        codec => {
            skeleton.check_column(column)?;
            if let (Codec::Trimmed { by, .. }, true) = (codec, trimmed) {
                let is_known = |name: &str| known.iter().any(|&done| skeleton.columns[done].name == name);
                if !by.criteria.iter().all(|(name, ..)| is_known(name)) {
                    return Err("it depends on a column that is not there".to_owned());
                }
            }
        }
    }
    let mut bytes = Bytes(model);
    let per_row_of = |number: usize| match &skeleton.columns.get(number)?.data {
        Data::Integers { per_row, .. } if known.contains(&number) => Some(*per_row),
        _ => None,
    };
    match (bytes.u8()?, &column.data) {
        (0, Data::Floats(_)) => Ok(Coding::Floats),
        (1, Data::Integers { per_row, .. }) => {
            Ok(Coding::Integers(ColumnModel::read(&mut bytes, *per_row, &per_row_of)?))
        }
        (2, Data::Integers { per_row: 3, .. }) => Ok(Coding::Sorted(SortedModel::read(&mut bytes)?)),
        (other, _) => Err(format!("coding of kind {other} is not known")),
    }
}

/// The chunks that an index lists; together they cannot be longer than what is there.
fn entries(header: &Header, payload: std::ops::Range<u64>, index: &[u8]) -> Read1<Vec<ChunkEntry>> {
    let mut bytes = Bytes(index);
    let mut at = payload.start;
    let mut chunks = Vec::new();
    for _ in 0..header.rows.div_ceil(header.chunk) {
        let left = usize::try_from(payload.end - at).unwrap_or(usize::MAX);
        let lengths = header.order.iter().map(|_| bytes.count(left)).collect::<Read1<Vec<usize>>>()?;
        let length = lengths.iter().try_fold(0_usize, |sum, &length| sum.checked_add(length));
        let length = length.filter(|&length| length <= left).ok_or("chunks reach beyond the end")?;
        let checksum = le_u32(bytes.take(4)?);
        let bounds = bytes.take(24)?;
        let bounds = std::array::from_fn(|side| {
            std::array::from_fn(|axis| f32::from_bits(le_u32(&bounds[12 * side + 4 * axis..][..4])))
        });
        chunks.push(ChunkEntry { at, lengths, checksum, bounds });
        at += length as u64;
    }
    if bytes.0.is_empty() { Ok(chunks) } else { Err("the index is too long".to_owned()) }
}

impl Header {
    /// Refuses what cannot be, or would take more memory than a file of this length deserves.
    fn check(&self, length: u64) -> Read1<()> {
        if !(1..=crate::archive::MOST_TOGETHER).contains(&self.chunk) || u32::try_from(self.rows).is_err() {
            return Err(format!("{} splats in chunks of {}", self.rows, self.chunk));
        }
        let mut order = self.order.clone();
        order.sort_unstable();
        if !order.into_iter().eq(0..self.columns.len()) || self.trimmed.len() != self.order.len() {
            return Err("the order of the columns is damaged".to_owned());
        }
        let mut numbers = 0_u64;
        for column in &self.columns {
            let per_row = column.per_row.unwrap_or(0);
            if per_row > usize::from(u16::MAX) || column.width > usize::from(u16::MAX) {
                return Err(format!("column {} has {} values per splat", column.name, column.width.max(per_row)));
            }
            if self.columns.iter().filter(|other| other.name == column.name).count() > 1 {
                return Err(format!("two columns {}", column.name));
            }
            numbers += per_row.max(column.width) as u64 * self.rows as u64;
        }
        match numbers <= allowed_numbers(length) {
            true => Ok(()),
            false => Err(format!("{} splats cannot be in a file of {length} bytes", self.rows)),
        }
    }
}
