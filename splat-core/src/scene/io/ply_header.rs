//! The PLY container [Turk 1994]: the header. What follows it is read by `ply_body`.
//!
//! Knows nothing about splats. Column order and types come from the header.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest header accepted; a file without `end_header` must not be read to its end as one.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// What to do about a damaged file.
pub(crate) const EXPORT_AGAIN: &str = "the file is damaged or was cut short; export it again";

/// A number type of the PLY format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `char`.
    I8,
    /// `uchar`.
    U8,
    /// `short`.
    I16,
    /// `ushort`.
    U16,
    /// `int`.
    I32,
    /// `uint`.
    U32,
    /// `float`.
    F32,
    /// `double`.
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

    /// Its word in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::I8 => "char",
            Self::U8 => "uchar",
            Self::I16 => "short",
            Self::U16 => "ushort",
            Self::I32 => "int",
            Self::U32 => "uint",
            Self::F32 => "float",
            Self::F64 => "double",
        }
    }

    /// Bytes of one value.
    pub fn size(self) -> usize {
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
    pub(super) fn decode(self, bytes: &[u8]) -> Option<f64> {
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

    /// Appends the number that a word of text stands for, little-endian; `None` if it is no number.
    pub(super) fn encode_word(self, word: &str, bytes: &mut Vec<u8>) -> Option<()> {
        // Casts saturate: a number that its own type cannot hold becomes the nearest one that it can.
        let number = || word.parse::<f64>().ok();
        match self {
            Self::I8 => bytes.extend((number()? as i8).to_le_bytes()),
            Self::U8 => bytes.push(number()? as u8),
            Self::I16 => bytes.extend((number()? as i16).to_le_bytes()),
            Self::U16 => bytes.extend((number()? as u16).to_le_bytes()),
            Self::I32 => bytes.extend((number()? as i32).to_le_bytes()),
            Self::U32 => bytes.extend((number()? as u32).to_le_bytes()),
            Self::F32 => bytes.extend(word.parse::<f32>().ok()?.to_le_bytes()),
            Self::F64 => bytes.extend(number()?.to_le_bytes()),
        }
        Some(())
    }
}

/// A property of an element.
#[derive(Clone, Debug)]
pub(super) enum Property {
    Scalar { name: String, kind: Scalar },
    List { count: Scalar, item: Scalar },
}

/// An element: so many rows of these properties.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(super) properties: Vec<Property>,
}

impl Element {
    /// Bytes of a row of its scalar properties, packed.
    pub(crate) fn stride(&self) -> usize {
        self.scalars().map(|(_, kind)| kind.size()).sum()
    }

    /// Whether all rows of a binary file are equally long.
    pub(super) fn is_plain(&self) -> bool {
        self.properties.iter().all(|property| matches!(property, Property::Scalar { .. }))
    }

    fn scalars(&self) -> impl Iterator<Item = (&str, Scalar)> {
        self.properties.iter().filter_map(|property| match property {
            Property::Scalar { name, kind } => Some((name.as_str(), *kind)),
            Property::List { .. } => None,
        })
    }

    /// Its scalar properties in the order of the header: name, and where it is in a packed row.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&str, Column)> {
        self.scalars().scan(0, |end, (name, kind)| {
            let offset = *end;
            *end += kind.size();
            Some((name, Column { offset, kind }))
        })
    }

    /// Its scalar properties by name; of several that have the same name, the first.
    pub(crate) fn columns(&self) -> BTreeMap<String, Column> {
        let mut columns = BTreeMap::new();
        for (name, column) in self.in_order() {
            columns.entry(name.to_owned()).or_insert(column);
        }
        columns
    }
}

/// A scalar property: where it is in a packed row and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Bytes in front of it.
    pub(crate) offset: usize,
    /// Its type.
    pub(crate) kind: Scalar,
}

impl Column {
    /// Its value in a row; NaN where the row is too short.
    pub(crate) fn value(self, row: &[u8]) -> f32 {
        let bytes = row.get(self.offset..).unwrap_or_default();
        match (self.kind, bytes.first_chunk()) {
            (Scalar::F32, Some(bytes)) => f32::from_le_bytes(*bytes),
            (kind, _) => kind.decode(bytes).map_or(f32::NAN, |value| value as f32),
        }
    }
}

/// An open file, positioned behind its header.
pub(crate) struct PlyFile {
    pub(super) path: PathBuf,
    pub(super) reader: BufReader<File>,
    pub(super) length: u64,
    pub(super) left: u64, // bytes from here to the end
    pub(super) ascii: bool,
    /// What the header promises.
    pub(crate) elements: Vec<Element>,
    /// The comments of the header.
    pub(crate) comments: Vec<String>,
    columns: BTreeMap<String, Column>,
}

impl PlyFile {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
        let mut ply = Self {
            path: path.to_path_buf(),
            reader: BufReader::with_capacity(1 << 20, file),
            length,
            left: length,
            ascii: false,
            elements: Vec::new(),
            comments: Vec::new(),
            columns: BTreeMap::new(),
        };
        ply.read_header(length)?;
        if let Some(vertex) = ply.element("vertex") {
            ply.columns = vertex.columns();
        }
        Ok(ply)
    }

    pub(super) fn bad(&self, problem: impl Into<String>) -> Error {
        Error::input(&self.path, problem, EXPORT_AGAIN)
    }

    /// One line without its end; `None` at the end of the file.
    pub(super) fn line(&mut self, limit: u64) -> Result<Option<String>> {
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

    /// The first element of a name.
    pub(crate) fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }

    pub(super) fn vertex(&self) -> Result<&Element> {
        self.element("vertex").ok_or_else(|| self.bad("there is no `element vertex`"))
    }

    /// Looks up a vertex column by name.
    pub(crate) fn column(&self, name: &str) -> Option<Column> {
        self.columns.get(name).copied()
    }

    /// Number of vertex columns called `prefix0`, `prefix1`, .. without a gap.
    pub(super) fn count_columns(&self, prefix: &str) -> usize {
        (0..).take_while(|i| self.column(&format!("{prefix}{i}")).is_some()).count()
    }

    /// Number of vertices, after checking that the file is long enough to hold them.
    pub(crate) fn vertex_count(&self) -> Result<usize> {
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
        // Rows are counted in 32 bits.
        u32::try_from(vertex.count).map(|count| count as usize).map_err(|_| self.bad("too many vertices"))
    }

    fn smallest_size(&self, property: &Property) -> u64 {
        match property {
            _ if self.ascii => 2, // a digit and a separator
            Property::Scalar { kind, .. } => kind.size() as u64,
            Property::List { count, .. } => count.size() as u64,
        }
    }
}

fn property<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Property> {
    match words.next()? {
        "list" => Some(Property::List { count: Scalar::parse(words.next()?)?, item: Scalar::parse(words.next()?)? }),
        kind => Some(Property::Scalar { kind: Scalar::parse(kind)?, name: words.next()?.to_owned() }),
    }
}
