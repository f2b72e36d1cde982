//! Archives to bytes. The layout is described in the module above.

use std::io::Write;

use serde_json::{Map, Value};

use super::bytes::{checksum, planes, put_number, squeezed};
use super::chunk::ChunkView;
use super::context::ColumnModel;
use super::frequencies::Counts;
use super::search::{Sample, model};
use super::sorted::{self, SortedModel};
use super::supply::{Chunks, Form, Whole, inconsistent};
use super::{
    CHUNK_ROWS, ColumnHeader, END, Header, MAGIC, MAJOR, MINOR, MOST_DESCRIPTION, TableHeader, allowed_numbers,
    integers,
};
use crate::archive::{AT_ONCE, Archive, Codec, Data};
use crate::error::{Error, Result};
use crate::parallel::on_all;
use crate::scene::io::ply::OnProgress;

/// Chunks that models are chosen by; a divisor of [`COUNTED`], so that these are among those.
const SAMPLED: usize = 6;
/// Chunks that frequencies are counted in. They are held in memory: 90 MB at the most.
pub(super) const COUNTED: usize = 96;

/// How a column is coded.
pub(super) enum Coding {
    /// Bytes of floats, plane by plane.
    Floats,
    /// Any integers.
    Integers(ColumnModel),
    /// Sorted points.
    Sorted(SortedModel),
}

impl Coding {
    /// How many tables of frequencies it has.
    pub(super) fn tables(&self) -> usize {
        match self {
            Coding::Floats => 0,
            Coding::Integers(model) => model.tables.all().len(),
            Coding::Sorted(model) => model.tables(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Coding::Floats => out.push(0),
            Coding::Integers(model) => {
                out.push(1);
                model.write(out);
            }
            Coding::Sorted(model) => {
                out.push(2);
                model.write(out);
            }
        }
    }
}

/// The order in which columns are decoded: those that sort rows into classes before those that need the classes.
fn coding_order(archive: &Archive) -> Vec<usize> {
    let needs = |codec: &Codec| match codec {
        Codec::Trimmed { by, .. } => by.criteria.iter().map(|(name, ..)| name.clone()).collect(),
        _ => Vec::new(),
    };
    let mut order: Vec<usize> = Vec::new();
    while order.len() < archive.columns.len() {
        let left: Vec<usize> = (0..archive.columns.len()).filter(|number| !order.contains(number)).collect();
        let ready = |number: &&usize| {
            let needed: Vec<String> = needs(&archive.columns[**number].codec);
            needed.iter().all(|name| order.iter().any(|&done| archive.columns[done].name == *name))
        };
        // Columns that need each other cannot be trimmed; the first of them goes on as it is.
        let next = left.iter().find(ready).or(left.first()).copied();
        order.extend(next);
    }
    order
}

/// A column in a chunk.
fn sample<'a>(chunk: &'a Archive, number: usize, known: &[usize], trimmed: bool) -> Result<Sample<'a>> {
    let column = &chunk.columns[number];
    let values: &[i32] = match &column.data {
        Data::Integers { values, .. } => values,
        Data::Floats(_) => &[],
    };
    let view = ChunkView::new(chunk, column, 0..chunk.rows, known).map_err(inconsistent)?;
    Ok(Sample { view: if trimmed { view } else { view.untrimmed() }, values })
}

/// At most so many of the chunks, evenly spread.
fn spread(chunks: usize, most: usize) -> Vec<usize> {
    let count = chunks.min(most);
    (0..count).map(|i| i * chunks / count).collect()
}

/// How a column is coded, and whether what is trimmed is left out; by some chunks.
fn coding(source: &impl Chunks, number: usize, known: &[usize], counted: &[Archive]) -> Result<(Coding, bool)> {
    let skeleton = source.skeleton();
    let column = &skeleton.columns[number];
    if matches!(column.data, Data::Floats(_)) {
        return Ok((Coding::Floats, false));
    }
    let Form { trimmed, curve } = source.form(number, known, counted)?;
    let samples: Vec<Sample<'_>> =
        counted.iter().map(|chunk| sample(chunk, number, known, trimmed)).collect::<Result<_>>()?;
    if let Some(curve) = curve {
        let mut contexts = vec![Counts::default(); sorted::CONTEXTS];
        samples.iter().for_each(|sample| sorted::count(curve, &sample.view, sample.values, &mut contexts));
        return Ok((Coding::Sorted(SortedModel::new(curve, &contexts)), trimmed));
    }
    let few: Vec<&Sample<'_>> = spread(samples.len(), SAMPLED).into_iter().map(|at| &samples[at]).collect();
    Ok((Coding::Integers(model((skeleton, source.rows()), column, known, &few, &samples)), trimmed))
}

/// How all columns are coded, in the order of decoding.
struct Coder {
    order: Vec<usize>,
    codings: Vec<(Coding, bool)>,
}

/// A chunk as it is stored: its streams in the order of decoding, and the box around its means.
struct Stored {
    streams: Vec<Vec<u8>>,
    bounds: [[f32; 3]; 2],
}

impl Coder {
    /// By some chunks.
    fn new(source: &impl Chunks, counted: &[Archive], progress: OnProgress<'_>) -> Result<Self> {
        let order = coding_order(source.skeleton());
        let mut codings = Vec::new();
        for (at, &number) in order.iter().enumerate() {
            codings.push(coding(source, number, &order[..at], counted)?);
            progress((at + 1) as f64 / order.len() as f64)?;
        }
        Ok(Coder { order, codings })
    }

    fn store(&self, chunk: &Archive) -> Result<Stored> {
        let mut streams = Vec::new();
        for (at, (&number, (coding, trimmed))) in self.order.iter().zip(&self.codings).enumerate() {
            let column = &chunk.columns[number];
            if let Data::Floats(values) = &column.data {
                streams.push(squeezed(&planes(values)).unwrap_or_default());
                continue;
            }
            let Sample { view, values } = sample(chunk, number, &self.order[..at], *trimmed)?;
            let sorted = match coding {
                Coding::Sorted(model) => sorted::fits(model.curve(), &view, values),
                _ => true,
            };
            if !sorted || !view.fits(values) {
                return Err(inconsistent(format!("column {} is not what it was planned to be", column.name)));
            }
            streams.push(match coding {
                Coding::Floats => Vec::new(),
                Coding::Integers(model) => integers::encode(model, &view, values),
                Coding::Sorted(model) => sorted::encode(model, &view, values),
            });
        }
        Ok(Stored { streams, bounds: bounding_box(chunk) })
    }
}

/// The box around the means of a chunk; empty where there are none.
fn bounding_box(chunk: &Archive) -> [[f32; 3]; 2] {
    let width = chunk.column("means").map_or(0, |column| column.width);
    let means = if width == 3 { chunk.decode("means", 0..chunk.rows).unwrap_or_default() } else { Vec::new() };
    let mut bounds = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];
    for mean in means.chunks_exact(3) {
        for axis in 0..3 {
            bounds[0][axis] = bounds[0][axis].min(mean[axis]);
            bounds[1][axis] = bounds[1][axis].max(mean[axis]);
        }
    }
    bounds
}

/// Everything before the chunks.
fn head(archive: &Archive, rows: usize, coder: &Coder) -> Result<Vec<u8>> {
    let columns = archive.columns.iter().map(|column| ColumnHeader {
        name: column.name.clone(),
        width: column.width,
        per_row: match column.data {
            Data::Floats(_) => None,
            Data::Integers { per_row, .. } => Some(per_row),
        },
        codec: column.codec.clone(),
    });
    let tables = archive.tables.iter();
    let header = Header {
        rows,
        chunk: CHUNK_ROWS,
        columns: columns.collect(),
        order: coder.order.clone(),
        trimmed: coder.codings.iter().map(|&(_, trimmed)| trimmed).collect(),
        tables: tables.map(|t| TableHeader { name: t.name.clone(), rows: t.rows, width: t.width }).collect(),
        meta: archive.meta.clone(),
    };
    let json = serde_json::to_vec(&header).map_err(|error| inconsistent(error.to_string()))?;
    let mut raw = Vec::new();
    put_number(&mut raw, json.len() as u64);
    raw.extend(json);
    for (coding, _) in &coder.codings {
        let mut bytes = Vec::new();
        coding.write(&mut bytes);
        put_number(&mut raw, bytes.len() as u64);
        raw.extend(bytes);
    }
    let floats: Vec<f32> = archive.tables.iter().flat_map(|table| table.values.iter().copied()).collect();
    raw.extend(planes(&floats));
    if raw.len() > MOST_DESCRIPTION {
        return Err(inconsistent(format!("{} bytes of tables and models, at most {MOST_DESCRIPTION}", raw.len())));
    }
    let squeezed = squeezed(&raw).map_err(|error| inconsistent(error.to_string()))?;
    let mut head = MAGIC.to_vec();
    head.extend(MAJOR.to_le_bytes());
    head.extend(MINOR.to_le_bytes());
    head.extend((squeezed.len() as u32).to_le_bytes());
    head.extend((raw.len() as u32).to_le_bytes());
    let sum = checksum(&[&head[..], &squeezed].concat());
    head.extend(sum.to_le_bytes());
    head.extend(squeezed);
    Ok(head)
}

/// Whether JSON can hold all numbers of a codec.
fn is_finite(codec: &Codec) -> bool {
    let all = |values: &[f32]| values.iter().all(|value| value.is_finite());
    match codec {
        Codec::Steps { steps, zeros } => all(steps) && all(zeros),
        Codec::Descending { steps, zero } => all(steps) && zero.is_finite(),
        Codec::Scaled { factors, codec, .. } => all(factors) && is_finite(codec),
        Codec::Trimmed { codec, .. } => is_finite(codec),
        _ => true,
    }
}

/// Why writing ended early.
enum Stop {
    /// As any function of ours may.
    Error(Error),
    /// The output refuses.
    Refused(std::io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Refused(error)
    }
}

/// A file in the making.
struct File<'a> {
    out: &'a mut dyn Write,
    written: u64,
    index: Vec<u8>,
}

impl File<'_> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn put_chunk(&mut self, stored: &Stored) -> std::io::Result<()> {
        stored.streams.iter().for_each(|stream| put_number(&mut self.index, stream.len() as u64));
        let payload = stored.streams.concat();
        self.index.extend(checksum(&payload).to_le_bytes());
        self.index.extend(stored.bounds.as_flattened().iter().flat_map(|value| value.to_le_bytes()));
        self.put(&payload)
    }

    /// Ends a file that holds so many numbers.
    fn end(&mut self, numbers: u64) -> std::result::Result<(), Stop> {
        // A file must not promise more numbers than its length allows; see `allowed_numbers`.
        let mut padding = 0;
        while allowed_numbers(self.written + padding) < numbers {
            padding += (numbers - allowed_numbers(self.written + padding)).div_ceil(super::NUMBERS_PER_BYTE);
        }
        let index_at = self.written + padding;
        let squeezed = squeezed(&self.index).map_err(|error| inconsistent(error.to_string()))?;
        let mut trailer = (squeezed.len() as u32).to_le_bytes().to_vec();
        trailer.extend((self.index.len() as u32).to_le_bytes());
        trailer.extend(index_at.to_le_bytes());
        let sum = checksum(&[&squeezed[..], &trailer].concat());
        trailer.extend(sum.to_le_bytes());
        trailer.extend(END);
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), padding), self.out)?;
        self.out.write_all(&squeezed)?;
        Ok(self.out.write_all(&trailer)?)
    }
}

/// Refuses what no file can hold.
fn check(skeleton: &Archive) -> Result<()> {
    if let Some(problem) = skeleton.problem() {
        return Err(inconsistent(problem));
    }
    if let Some(column) = skeleton.columns.iter().find(|column| !is_finite(&column.codec)) {
        return Err(inconsistent(format!("the codec of column {} has a step that is not finite", column.name)));
    }
    let other = |block: usize| block != CHUNK_ROWS;
    if skeleton.columns.iter().any(|column| column.codec.block().is_some_and(other)) {
        return Err(inconsistent(format!("files transform {CHUNK_ROWS} rows together, not more or fewer")));
    }
    Ok(())
}

/// Share of the time that is over when models are chosen: of a small scene, and of one of which they see a part only.
const CHOSEN: [f64; 2] = [0.5, 0.1];

/// Writes a file; frequencies are counted in at most `most` chunks, which are held in memory.
///
/// # Errors
/// As [`Archive::write`], and what `source` returns.
pub(super) fn write_chunks(
    source: &impl Chunks,
    most: usize,
    out: &mut dyn Write,
    progress: OnProgress<'_>,
) -> Result<std::io::Result<()>> {
    match write_file(source, most, out, progress) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Refused(error)) => Ok(Err(error)),
        Err(Stop::Error(error)) => Err(error),
    }
}

fn write_file(
    source: &impl Chunks,
    most: usize,
    out: &mut dyn Write,
    progress: OnProgress<'_>,
) -> std::result::Result<(), Stop> {
    let skeleton = source.skeleton();
    check(skeleton)?;
    let chunks = source.rows().div_ceil(CHUNK_ROWS);
    let mut counted = Vec::new();
    for batch in spread(chunks, most).chunks(AT_ONCE) {
        let made = on_all(source.read(batch)?, |part| source.chunk(&part));
        counted.extend(made.into_iter().collect::<Result<Vec<Archive>>>()?);
    }
    let is_whole = counted.len() == chunks;
    let chosen = if is_whole { CHOSEN[0] } else { CHOSEN[1] };
    let coder = Coder::new(source, &counted, &mut |share| progress(chosen * share))?;
    let mut file = File { out, written: 0, index: Vec::new() };
    file.put(&head(skeleton, source.rows(), &coder)?)?;
    let mut done = 0;
    let mut put = |stored: Vec<Result<Stored>>| -> std::result::Result<(), Stop> {
        for stored in stored {
            file.put_chunk(&stored?)?;
            done += 1;
        }
        Ok(progress(chosen + (1.0 - chosen) * done as f64 / chunks as f64)?)
    };
    if is_whole {
        let store = |batch: &[Archive]| on_all(batch.iter().collect(), |chunk| coder.store(chunk));
        counted.chunks(AT_ONCE).try_for_each(|batch| put(store(batch)))?;
    } else {
        drop(counted);
        store_all(source, &coder, &mut put)?;
    }
    let numbers = skeleton.columns.iter().map(|column| column.width.max(column.data.per_row(column.width)) as u64);
    file.end(numbers.sum::<u64>().saturating_mul(source.rows() as u64))
}

/// What takes chunks that follow one another.
type Take<'a> = &'a mut dyn FnMut(Vec<Result<Stored>>) -> std::result::Result<(), Stop>;

/// Stores all chunks; those behind are read meanwhile.
fn store_all(source: &impl Chunks, coder: &Coder, take: Take<'_>) -> std::result::Result<(), Stop> {
    let numbers: Vec<usize> = (0..source.rows().div_ceil(CHUNK_ROWS)).collect();
    let mut batches = numbers.chunks(AT_ONCE);
    let mut parts = batches.next().map(|batch| source.read(batch)).transpose()?;
    while let Some(these) = parts {
        let (stored, behind) = std::thread::scope(|scope| {
            let behind = batches.next().map(|batch| scope.spawn(|| source.read(batch)));
            let stored = on_all(these, |part| coder.store(&source.chunk(&part)?));
            (stored, behind.map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        });
        take(stored)?;
        parts = behind.transpose()?;
    }
    Ok(())
}

impl Archive {
    /// Writes the archive.
    ///
    /// # Errors
    /// [`Error::Settings`] when it is inconsistent, and what `progress` returns. What `out` refuses is the inner
    /// error.
    pub fn write(&self, out: &mut dyn Write, progress: OnProgress<'_>) -> Result<std::io::Result<()>> {
        if let Some(problem) = self.problem() {
            return Err(inconsistent(problem));
        }
        write_chunks(&Whole::new(self), COUNTED, out, progress)
    }

    /// The archive as the bytes of a file.
    ///
    /// # Errors
    /// As [`Archive::write`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.write(&mut bytes, &mut |_| Ok(()))?;
        Ok(bytes)
    }

    /// An archive of nothing but its description.
    pub(super) fn empty(rows: usize, tables: Vec<crate::archive::Table>, meta: Map<String, Value>) -> Self {
        Archive { rows, columns: Vec::new(), tables, meta }
    }
}
