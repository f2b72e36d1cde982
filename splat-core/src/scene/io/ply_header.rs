//! The PLY container [Turk 1994]: header, elements, and a reader of chosen vertex columns.
//!
//! Knows nothing about splats. Column order and types come from the header; elements other than `vertex` are skipped.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest header accepted; a file without `end_header` must not be read to its end as one.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Longest text line accepted in an ascii body.
const MAX_LINE_BYTES: u64 = 1 << 16;
const EXPORT_AGAIN: &str = "the file is damaged or was cut short; export it again";

/// A number type of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The value at the start of `bytes`, little-endian; `None` if there are too few.
    fn decode(self, bytes: &[u8]) -> Option<f64> {
        Some(match self {
            Self::I8 => f64::from(i8::from_le_bytes(*bytes.first_chunk()?)),
            Self::U8 => f64::from(u8::from_le_bytes(*bytes.first_chunk()?)),
            Self::I16 => f64::from(i16::from_le_bytes(*bytes.first_chunk()?)),
            Self::U16 => f64::from(u16::from_le_bytes(*bytes.first_chunk()?)),
            Self::I32 => f64::from(i32::from_le_bytes(*bytes.first_chunk()?)),
            Self::U32 => f64::from(u32::from_le_bytes(*bytes.first_chunk()?)),
            Self::F32 => f64::from(f32::from_le_bytes(*bytes.first_chunk()?)),
            Self::F64 => f64::from_le_bytes(*bytes.first_chunk()?),
        })
    }
}

#[derive(Clone, Debug)]
enum Property {
    Scalar { name: String, kind: Scalar },
    List { count: Scalar, item: Scalar },
}

#[derive(Clone, Debug)]
struct Element {
    name: String,
    count: u64,
    properties: Vec<Property>,
}

/// A vertex column: where it is and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    index: usize,  // among the words of an ascii line
    offset: usize, // in a binary row
    pub(super) kind: Scalar,
}

/// An open file, positioned behind its header.
pub(super) struct PlyFile {
    path: PathBuf,
    reader: BufReader<File>,
    left: u64, // bytes behind the header
    ascii: bool,
    elements: Vec<Element>,
    pub(super) comments: Vec<String>,
}

impl PlyFile {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
        let mut ply = Self {
            path: path.to_path_buf(),
            reader: BufReader::with_capacity(1 << 20, file),
            left: length,
            ascii: false,
            elements: Vec::new(),
            comments: Vec::new(),
        };
        ply.read_header(length)?;
        Ok(ply)
    }

    fn bad(&self, problem: impl Into<String>) -> Error {
        Error::input(&self.path, problem, EXPORT_AGAIN)
    }

    /// One line without its end; `None` at the end of the file.
    fn line(&mut self, limit: u64) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read =
            (&mut self.reader).take(limit).read_until(b'\n', &mut line).map_err(|e| Error::io(&self.path, "read", e))?
                as u64;
        self.left = self.left.saturating_sub(read);
        if read == limit && line.last() != Some(&b'\n') {
            return Err(self.bad("a line of text does not end"));
        }
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn read_header(&mut self, length: u64) -> Result<()> {
        if self.line(64).ok().flatten().as_deref().map(str::trim_end) != Some("ply") {
            return Err(Error::input(&self.path, "not a PLY file: it does not begin with `ply`", "check the path"));
        }
        let mut format = false;
        loop {
            let budget = MAX_HEADER_BYTES.saturating_sub(length - self.left).max(1);
            let Some(line) = self.line(budget)? else {
                return Err(self.bad("the header has no `end_header`"));
            };
            let mut words = line.split_whitespace();
            match words.next() {
                Some("format") => {
                    self.ascii = self.is_ascii(words.next().unwrap_or_default())?;
                    format = true;
                }
                Some("comment") => {
                    self.comments.push(line.trim_start().trim_start_matches("comment").trim().to_owned());
                }
                Some("element") => {
                    let name = words.next().unwrap_or_default().to_owned();
                    let count = words.next().and_then(|count| count.parse().ok());
                    let Some(count) = count else {
                        return Err(self.bad(format!("header line `{line}` has no count")));
                    };
                    self.elements.push(Element { name, count, properties: Vec::new() });
                }
                Some("property") => {
                    let property = property(words).ok_or_else(|| self.bad(format!("unknown property in `{line}`")))?;
                    match self.elements.last_mut() {
                        Some(element) => element.properties.push(property),
                        None => return Err(self.bad("a property comes before any element")),
                    }
                }
                Some("end_header") if format => return Ok(()),
                Some("end_header") => return Err(self.bad("the header names no format")),
                Some("obj_info") | None => {}
                Some(other) => return Err(self.bad(format!("unknown header line `{other}`"))),
            }
        }
    }

    fn is_ascii(&self, format: &str) -> Result<bool> {
        match format {
            "ascii" => Ok(true),
            "binary_little_endian" => Ok(false),
            "binary_big_endian" => {
                Err(Error::input(&self.path, "big-endian PLY files are not read", "export it as binary_little_endian"))
            }
            other => Err(self.bad(format!("unknown format `{other}`"))),
        }
    }

    fn vertex(&self) -> Result<&Element> {
        let vertex = self.elements.iter().find(|element| element.name == "vertex");
        vertex.ok_or_else(|| self.bad("there is no `element vertex`"))
    }

    /// Looks up a vertex column by name.
    pub(super) fn column(&self, name: &str) -> Option<Column> {
        let mut offset = 0;
        for (index, property) in self.vertex().ok()?.properties.iter().enumerate() {
            let Property::Scalar { name: own, kind } = property else {
                return None;
            };
            if own == name {
                return Some(Column { index, offset, kind: *kind });
            }
            offset += kind.size();
        }
        None
    }

    /// Number of vertex columns called `prefix0`, `prefix1`, .. without a gap.
    pub(super) fn count_columns(&self, prefix: &str) -> usize {
        (0..).take_while(|i| self.column(&format!("{prefix}{i}")).is_some()).count()
    }

    /// Number of vertices, after checking that the file is long enough to hold them.
    pub(super) fn vertex_count(&self) -> Result<usize> {
        let mut before = 0_u64;
        for element in &self.elements {
            let smallest = element.properties.iter().map(|property| self.smallest_size(property)).sum::<u64>();
            before = before.saturating_add(element.count.saturating_mul(smallest));
            if element.name == "vertex" {
                break;
            }
        }
        // The last number of an ascii file needs no separator behind it.
        let left = self.left.saturating_add(u64::from(self.ascii));
        let vertex = self.vertex()?;
        if vertex.properties.is_empty() || before > left {
            return Err(self.bad(format!(
                "the header promises {} vertices, which needs {before} bytes; there are {}",
                vertex.count, self.left
            )));
        }
        usize::try_from(vertex.count).map_err(|_| self.bad("too many vertices"))
    }

    fn smallest_size(&self, property: &Property) -> u64 {
        match property {
            _ if self.ascii => 2, // a digit and a separator
            Property::Scalar { kind, .. } => kind.size() as u64,
            Property::List { count, .. } => count.size() as u64,
        }
    }

    /// Calls `each` with the values of the chosen columns for every vertex, until it fails.
    pub(super) fn for_each(mut self, columns: &[Column], mut each: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let count = self.vertex_count()?;
        let elements = std::mem::take(&mut self.elements);
        let mut values = vec![0.0_f32; columns.len()];
        for element in &elements {
            if element.name != "vertex" {
                self.skip(element)?;
                continue;
            }
            let stride = self.stride(element)?;
            let mut row = vec![0; stride];
            for index in 0..count {
                if self.ascii {
                    self.ascii_row(index, columns, &mut values)?;
                } else {
                    self.reader
                        .read_exact(&mut row)
                        .map_err(|_| self.bad(format!("the file ends in vertex {index}")))?;
                    for (value, column) in values.iter_mut().zip(columns) {
                        let bytes = row.get(column.offset..).unwrap_or_default();
                        *value = column.kind.decode(bytes).unwrap_or(f64::NAN) as f32;
                    }
                }
                each(&values)?;
            }
            break;
        }
        Ok(())
    }

    fn stride(&self, vertex: &Element) -> Result<usize> {
        let mut stride = 0;
        for property in &vertex.properties {
            match property {
                Property::Scalar { kind, .. } => stride += kind.size(),
                Property::List { .. } => {
                    return Err(self.bad("a vertex property is a list, which no splat file has"));
                }
            }
        }
        Ok(stride)
    }

    fn ascii_row(&mut self, index: usize, columns: &[Column], values: &mut [f32]) -> Result<()> {
        let line = loop {
            match self.line(MAX_LINE_BYTES)? {
                None => return Err(self.bad(format!("the file ends before vertex {index}"))),
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line,
            }
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        for (value, column) in values.iter_mut().zip(columns) {
            let word = words.get(column.index).copied().unwrap_or_default();
            *value = word.parse().map_err(|_| self.bad(format!("vertex {index}: `{word}` is not a number")))?;
        }
        Ok(())
    }

    /// Passes over an element in front of the vertices.
    fn skip(&mut self, element: &Element) -> Result<()> {
        if element.properties.is_empty() {
            return Ok(());
        }
        for index in 0..element.count {
            let ends = format!("the file ends in {} {index}", element.name);
            if self.ascii {
                self.line(MAX_LINE_BYTES)?.ok_or_else(|| self.bad(ends.as_str()))?;
                continue;
            }
            for property in &element.properties {
                let bytes = match property {
                    Property::Scalar { kind, .. } => kind.size() as u64,
                    Property::List { count, item } => {
                        let mut head = [0; 8];
                        let head = head.get_mut(..count.size()).unwrap_or_default();
                        self.reader.read_exact(head).map_err(|_| self.bad(ends.as_str()))?;
                        self.left = self.left.saturating_sub(count.size() as u64);
                        let items = count.decode(head).filter(|items| *items >= 0.0 && items.fract() == 0.0);
                        let items = items.ok_or_else(|| self.bad("a list has a length that is no count"))?;
                        (items as u64).saturating_mul(item.size() as u64)
                    }
                };
                self.left = self.left.checked_sub(bytes).ok_or_else(|| self.bad(ends.as_str()))?;
                let offset = i64::try_from(bytes).map_err(|_| self.bad(ends.as_str()))?;
                self.reader.seek_relative(offset).map_err(|e| Error::io(&self.path, "read", e))?;
            }
        }
        Ok(())
    }
}

fn property<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Property> {
    match words.next()? {
        "list" => Some(Property::List { count: Scalar::parse(words.next()?)?, item: Scalar::parse(words.next()?)? }),
        kind => Some(Property::Scalar { kind: Scalar::parse(kind)?, name: words.next()?.to_owned() }),
    }
}
