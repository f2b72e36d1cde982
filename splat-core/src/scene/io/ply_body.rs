//! The PLY container [Turk 1994] behind its header: where elements lie, and vertices as packed binary rows.
//!
//! Whatever the file, a vertex arrives as its scalar properties in the order of the header, little-endian, without gaps;
//! so there is one decoder of rows. Elements that are not asked for are skipped by their size.

use super::ply_header::{Column, Element, PlyFile, Property};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::io::Read;

/// Longest text line accepted in an ascii body.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// About how many bytes of rows are handed out at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// An element of a binary file whose rows are equally long.
pub(crate) struct Table {
    /// Where its first row begins in the file.
    pub(crate) start: u64,
    /// Bytes from row to row, never 0.
    pub(crate) stride: usize,
    /// Rows, all of which are in the file.
    pub(crate) count: usize,
    /// Its columns by name.
    pub(crate) columns: BTreeMap<String, Column>,
}

impl PlyFile {
    /// Whether vertices can be read in any order where they are: those of binary files without lists.
    pub(crate) fn has_plain_vertices(&self) -> bool {
        !self.ascii && self.element("vertex").is_some_and(Element::is_plain)
    }

    /// Where the first elements of these names lie; none for one that is not there, or not in rows of equal length.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is too short for what its header promises, or not binary.
    pub(crate) fn tables<const N: usize>(mut self, names: [&str; N]) -> Result<[Option<Table>; N]> {
        if self.ascii {
            return Err(self.bad("the file is text where binary rows are needed"));
        }
        let mut tables = [const { None }; N];
        for element in std::mem::take(&mut self.elements) {
            let place = names.iter().position(|name| *name == element.name);
            if let Some(table) = place.and_then(|place| tables.get_mut(place))
                && table.is_none()
                && element.is_plain()
                && element.stride() > 0
            {
                let (stride, start) = (element.stride(), self.length - self.left);
                let needed = element.count.saturating_mul(stride as u64);
                if needed > self.left || u32::try_from(element.count).is_err() {
                    return Err(self.bad(format!(
                        "the header promises {} rows of `{}`, which needs {needed} bytes; there are {}",
                        element.count, element.name, self.left
                    )));
                }
                *table = Some(Table { start, stride, count: element.count as usize, columns: element.columns() });
            }
            if tables.iter().all(Option::is_some) {
                break;
            }
            self.skip(&element)?;
        }
        Ok(tables)
    }

    /// Calls `each` with packed rows of vertices, many at a time, until it fails or all were told.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is damaged, and what `each` returns.
    pub(crate) fn for_each_block(mut self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let count = self.vertex_count()?;
        for element in std::mem::take(&mut self.elements) {
            if element.name != "vertex" {
                self.skip(&element)?;
                continue;
            }
            let stride = element.stride().max(1);
            let rows_per_block = (BLOCK_BYTES / stride).max(1);
            let mut block = Vec::new();
            for first in (0..count).step_by(rows_per_block) {
                let rows = rows_per_block.min(count - first);
                block.clear();
                if !self.ascii && element.is_plain() {
                    block.resize(rows * stride, 0);
                    self.reader
                        .read_exact(&mut block)
                        .map_err(|_| self.bad(format!("the file ends in the vertices behind {first}")))?;
                } else {
                    for index in first..first + rows {
                        self.pack_row(&element, index, &mut block)?;
                    }
                }
                each(&block)?;
            }
            break;
        }
        Ok(())
    }

    /// Appends the scalar properties of the next vertex, packed.
    fn pack_row(&mut self, vertex: &Element, index: usize, packed: &mut Vec<u8>) -> Result<()> {
        if self.ascii {
            return self.pack_line(vertex, index, packed);
        }
        for property in &vertex.properties {
            let Property::Scalar { kind, .. } = property else {
                self.skip_property(property, &|| format!("the file ends in vertex {index}"))?;
                continue;
            };
            let end = packed.len();
            packed.resize(end + kind.size(), 0);
            let bytes = packed.get_mut(end..).unwrap_or_default();
            self.reader.read_exact(bytes).map_err(|_| self.bad(format!("the file ends in vertex {index}")))?;
            self.left = self.left.saturating_sub(kind.size() as u64);
        }
        Ok(())
    }

    fn pack_line(&mut self, vertex: &Element, index: usize, packed: &mut Vec<u8>) -> Result<()> {
        let line = loop {
            match self.line(MAX_LINE_BYTES)? {
                None => return Err(self.bad(format!("the file ends before vertex {index}"))),
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line,
            }
        };
        let mut words = line.split_whitespace();
        for property in &vertex.properties {
            let word = words.next().unwrap_or_default();
            let understood = match property {
                Property::Scalar { kind, .. } => kind.encode_word(word, packed),
                Property::List { .. } => word.parse::<usize>().ok().map(|items| {
                    // Should there be fewer words, the next property finds none.
                    words.by_ref().take(items).for_each(drop);
                }),
            };
            understood.ok_or_else(|| self.bad(format!("vertex {index}: `{word}` is not a number")))?;
        }
        Ok(())
    }

    /// Passes over an element.
    fn skip(&mut self, element: &Element) -> Result<()> {
        if element.properties.is_empty() {
            return Ok(());
        }
        if !self.ascii && element.is_plain() {
            let bytes = element.count.saturating_mul(element.stride() as u64);
            return self.skip_bytes(bytes, &|| format!("the file ends in {}", element.name));
        }
        for index in 0..element.count {
            let ends = || format!("the file ends in {} {index}", element.name);
            if self.ascii {
                self.line(MAX_LINE_BYTES)?.ok_or_else(|| self.bad(ends()))?;
                continue;
            }
            for property in &element.properties {
                self.skip_property(property, &ends)?;
            }
        }
        Ok(())
    }

    fn skip_property(&mut self, property: &Property, ends: &dyn Fn() -> String) -> Result<()> {
        let bytes = match property {
            Property::Scalar { kind, .. } => kind.size() as u64,
            Property::List { count, item } => {
                let mut head = [0; 8];
                let head = head.get_mut(..count.size()).unwrap_or_default();
                self.reader.read_exact(head).map_err(|_| self.bad(ends()))?;
                self.left = self.left.saturating_sub(count.size() as u64);
                let items = count.decode(head).filter(|items| *items >= 0.0 && items.fract() == 0.0);
                let items = items.ok_or_else(|| self.bad("a list has a length that is no count"))?;
                (items as u64).saturating_mul(item.size() as u64)
            }
        };
        self.skip_bytes(bytes, ends)
    }

    fn skip_bytes(&mut self, bytes: u64, ends: &dyn Fn() -> String) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.bad(ends()))?;
        let offset = i64::try_from(bytes).map_err(|_| self.bad(ends()))?;
        self.reader.seek_relative(offset).map_err(|e| Error::io(&self.path, "read", e))
    }
}
