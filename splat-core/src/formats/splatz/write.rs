//! Archives to bytes. The layout is described in the module above.

use std::io::Write;

use serde_json::{Map, Value};

use super::bytes::{checksum, planes, put_number, squeezed};
use super::chunk::ChunkView;
use super::context::ColumnModel;
use super::frequencies::Counts;
use super::search::{Sample, model};
use super::sorted::{self, Curve, SortedModel};
use super::{
    CHUNK_ROWS, ColumnHeader, END, Header, MAGIC, MAJOR, MINOR, MOST_DESCRIPTION, TableHeader, allowed_numbers,
    integers,
};
use crate::archive::{Archive, Codec, Data};
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;

/// Chunks that models are chosen by.
const SAMPLED: usize = 6;
/// Chunks that frequencies are counted in.
const COUNTED: usize = 96;

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

/// Views of a column in some chunks.
fn samples<'a>(
    archive: &'a Archive,
    number: usize,
    known: &[usize],
    chunks: &[usize],
    trimmed: bool,
) -> Result<Vec<Sample<'a>>> {
    let column = &archive.columns[number];
    let Data::Integers { per_row, values } = &column.data else { return Ok(Vec::new()) };
    let sample = |&chunk: &usize| {
        let rows = chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(archive.rows);
        let view = ChunkView::new(archive, column, rows.clone(), known).map_err(inconsistent)?;
        let view = if trimmed { view } else { view.untrimmed() };
        Ok(Sample { view, values: &values[rows.start * per_row..rows.end * per_row] })
    };
    chunks.iter().map(sample).collect()
}

fn inconsistent(problem: String) -> Error {
    Error::settings(problem, "this is a bug: please report it")
}

/// At most so many of the chunks, evenly spread.
fn spread(chunks: usize, most: usize) -> Vec<usize> {
    let count = chunks.min(most);
    (0..count).map(|i| i * chunks / count).collect()
}

/// How a column is coded, and whether what is trimmed is left out.
fn coding(archive: &Archive, number: usize, known: &[usize], chunks: usize) -> Result<(Coding, bool)> {
    let column = &archive.columns[number];
    let Data::Integers { per_row, .. } = column.data else { return Ok((Coding::Floats, false)) };
    let ready = |by: &crate::archive::Classes| {
        by.criteria.iter().all(|(name, ..)| known.iter().any(|&done| archive.columns[done].name == *name))
    };
    let curve = match &column.data {
        Data::Integers { values, .. } if per_row == 3 => Curve::through(values),
        _ => Curve::through(&[]),
    };
    let (mut trimmed, mut sorted) = (matches!(&column.codec, Codec::Trimmed { by, .. } if ready(by)), per_row == 3);
    for chunk in 0..chunks {
        for sample in samples(archive, number, known, &[chunk], trimmed)? {
            trimmed &= sample.view.fits(sample.values);
            sorted &= sorted::fits(curve, &sample.view, sample.values);
        }
    }
    let counted = samples(archive, number, known, &spread(chunks, COUNTED), trimmed)?;
    if sorted {
        let mut contexts = vec![Counts::default(); sorted::CONTEXTS];
        counted.iter().for_each(|sample| sorted::count(curve, &sample.view, sample.values, &mut contexts));
        return Ok((Coding::Sorted(SortedModel::new(curve, &contexts)), trimmed));
    }
    let few = samples(archive, number, known, &spread(chunks, SAMPLED), trimmed)?;
    Ok((Coding::Integers(model(archive, column, known, &few, &counted)), trimmed))
}

/// The streams of a chunk, in the order of decoding.
fn streams(archive: &Archive, order: &[usize], codings: &[(Coding, bool)], chunk: usize) -> Result<Vec<Vec<u8>>> {
    let rows = chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(archive.rows);
    let mut streams = Vec::new();
    for (at, (&number, (coding, trimmed))) in order.iter().zip(codings).enumerate() {
        let column = &archive.columns[number];
        streams.push(match (&column.data, coding) {
            (Data::Floats(values), _) => {
                squeezed(&planes(&values[rows.start * column.width..rows.end * column.width])).unwrap_or_default()
            }
            (Data::Integers { .. }, coding) => {
                let sample = samples(archive, number, &order[..at], &[chunk], *trimmed)?;
                let encoded = sample.iter().map(|Sample { view, values }| match coding {
                    Coding::Floats => Vec::new(),
                    Coding::Integers(model) => integers::encode(model, view, values),
                    Coding::Sorted(model) => sorted::encode(model, view, values),
                });
                encoded.flatten().collect()
            }
        });
    }
    Ok(streams)
}

/// The box around the means of a chunk; empty where there are none.
fn bounding_box(archive: &Archive, chunk: usize) -> [[f32; 3]; 2] {
    let rows = chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(archive.rows);
    let width = archive.column("means").map_or(0, |column| column.width);
    let means = if width == 3 { archive.decode("means", rows).unwrap_or_default() } else { Vec::new() };
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
fn head(archive: &Archive, order: &[usize], codings: &[(Coding, bool)]) -> Result<Vec<u8>> {
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
        rows: archive.rows,
        chunk: CHUNK_ROWS,
        columns: columns.collect(),
        order: order.to_vec(),
        trimmed: codings.iter().map(|&(_, trimmed)| trimmed).collect(),
        tables: tables.map(|t| TableHeader { name: t.name.clone(), rows: t.rows, width: t.width }).collect(),
        meta: archive.meta.clone(),
    };
    let json = serde_json::to_vec(&header).map_err(|error| inconsistent(error.to_string()))?;
    let mut raw = Vec::new();
    put_number(&mut raw, json.len() as u64);
    raw.extend(json);
    for (coding, _) in codings {
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

impl Archive {
    /// Writes the archive.
    ///
    /// # Errors
    /// [`Error::Settings`] when it is inconsistent, and what `progress` returns. What `out` refuses is the inner error.
    pub fn write(&self, out: &mut dyn Write, progress: OnProgress<'_>) -> Result<std::io::Result<()>> {
        if let Some(problem) = self.problem() {
            return Err(inconsistent(problem));
        }
        if let Some(column) = self.columns.iter().find(|column| !is_finite(&column.codec)) {
            return Err(inconsistent(format!("the codec of column {} has a step that is not finite", column.name)));
        }
        let other = |block: usize| block != CHUNK_ROWS;
        if self.columns.iter().any(|column| column.codec.block().is_some_and(other)) {
            return Err(inconsistent(format!("files transform {CHUNK_ROWS} rows together, not more or fewer")));
        }
        let chunks = self.rows.div_ceil(CHUNK_ROWS);
        let order = coding_order(self);
        let mut codings = Vec::new();
        for (at, &number) in order.iter().enumerate() {
            codings.push(coding(self, number, &order[..at], chunks)?);
            progress(0.5 * (at + 1) as f64 / order.len() as f64)?;
        }
        let head = head(self, &order, &codings)?;
        let mut written = head.len() as u64;
        if let Err(error) = out.write_all(&head) {
            return Ok(Err(error));
        }
        let mut index = Vec::new();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for first in (0..chunks).step_by(threads) {
            let batch = first..(first + threads).min(chunks);
            let encoded: Vec<Result<Vec<Vec<u8>>>> = std::thread::scope(|scope| {
                let work = |chunk| (&order, &codings, chunk);
                let handles: Vec<_> = batch
                    .clone()
                    .map(work)
                    .map(|(order, codings, chunk)| scope.spawn(move || streams(self, order, codings, chunk)))
                    .collect();
                handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| Ok(Vec::new()))).collect()
            });
            for (chunk, streams) in batch.zip(encoded) {
                let streams = streams?;
                streams.iter().for_each(|stream| put_number(&mut index, stream.len() as u64));
                let payload = streams.concat();
                index.extend(checksum(&payload).to_le_bytes());
                let bounds = bounding_box(self, chunk);
                index.extend(bounds.as_flattened().iter().flat_map(|value| value.to_le_bytes()));
                written += payload.len() as u64;
                if let Err(error) = out.write_all(&payload) {
                    return Ok(Err(error));
                }
            }
            progress(0.5 + 0.5 * (first + threads).min(chunks) as f64 / chunks as f64)?;
        }
        // A file must not promise more numbers than its length allows; see `allowed_numbers`.
        let numbers = self.columns.iter().map(|column| column.width.max(column.data.per_row(column.width)) as u64);
        let numbers = numbers.sum::<u64>().saturating_mul(self.rows as u64);
        let mut padding = 0;
        while allowed_numbers(written + padding) < numbers {
            padding += (numbers - allowed_numbers(written + padding)).div_ceil(super::NUMBERS_PER_BYTE);
        }
        let index_at = written + padding;
        let squeezed = squeezed(&index).map_err(|error| inconsistent(error.to_string()))?;
        let mut trailer = (squeezed.len() as u32).to_le_bytes().to_vec();
        trailer.extend((index.len() as u32).to_le_bytes());
        trailer.extend(index_at.to_le_bytes());
        let sum = checksum(&[&squeezed[..], &trailer].concat());
        trailer.extend(sum.to_le_bytes());
        trailer.extend(END);
        let mut write = || {
            std::io::copy(&mut std::io::Read::take(std::io::repeat(0), padding), &mut *out)?;
            out.write_all(&squeezed)?;
            out.write_all(&trailer)
        };
        Ok(write())
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
