//! Matrices of floating-point numbers in the `.npy` files of numpy [numpy's NEP 1].
//!
//! A file is a magic number, a version, the length of a header, the header (a dictionary in the syntax of Python), and
//! the numbers. Only what scenes store is read: two dimensions, little-endian f32 or f64, in either order. The size of
//! the file must be that of its array to the byte, so a header cannot ask for memory that the file does not have.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Ten million points in f64 have half as many.
const MOST_BYTES: u64 = 512 << 20;
/// A hundred characters are usual.
const MOST_HEADER: usize = 4096;

/// A matrix, row by row whatever the file has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    columns: usize,
    values: Vec<f64>, // [rows * columns]
}

impl Matrix {
    /// All rows.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns)
    }
}

/// Reads a matrix that must have so many columns; `meaning` says what they are.
pub(crate) fn read_matrix(path: &Path, columns: usize, meaning: &str) -> Result<Matrix> {
    let bad = |problem: String| Error::input(path, problem, "save it again with numpy.save, or export the scene again");
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
    if length > MOST_BYTES {
        return Err(bad(format!("the file has {length} bytes, at most {MOST_BYTES} are read")));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    let array = parse(&bytes).map_err(bad)?;
    let shape: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    let &[rows, found] = array.shape.as_slice() else {
        let shape = if shape.is_empty() { "a single number".to_owned() } else { format!("({})", shape.join(", ")) };
        return Err(bad(format!("the shape of the array is {shape}, expected N x {columns}: {meaning}")));
    };
    if rows == 0 || found != columns {
        return Err(bad(format!("the array is {rows} x {found}, expected N x {columns}: {meaning}")));
    }
    Ok(array.matrix(rows, columns))
}

/// A file taken apart, its size checked against its header.
#[derive(Debug)]
struct Array<'a> {
    shape: Vec<usize>,
    fortran_order: bool,
    is_double: bool,
    data: &'a [u8],
}

impl Array<'_> {
    fn matrix(&self, rows: usize, columns: usize) -> Matrix {
        let stored: Vec<f64> = if self.is_double {
            self.data.chunks_exact(8).filter_map(|b| Some(f64::from_le_bytes(b.try_into().ok()?))).collect()
        } else {
            self.data.chunks_exact(4).filter_map(|b| Some(f32::from_le_bytes(b.try_into().ok()?).into())).collect()
        };
        if !self.fortran_order {
            return Matrix { columns, values: stored };
        }
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| column * rows + row));
        Matrix { columns, values: places.filter_map(|place| stored.get(place).copied()).collect() }
    }
}

fn parse(bytes: &[u8]) -> std::result::Result<Array<'_>, String> {
    let short = || "the file is cut short".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or("this is not a .npy file of numpy")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (header_length, rest) = match version {
        [1, 0] => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2, 0] => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        [major, minor] => return Err(format!("version {major}.{minor} of .npy is not read, only 1.0 and 2.0")),
    };
    if header_length > MOST_HEADER {
        return Err(format!("the header claims {header_length} characters, at most {MOST_HEADER} make sense"));
    }
    let (header, data) = rest.split_at_checked(header_length).ok_or_else(short)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header is not a text")?;
    let Header { descr, fortran_order, shape } =
        Header::parse(header).ok_or_else(|| format!("the header is not that of an array: {}", header.trim_end()))?;
    let is_double = match descr.as_str() {
        "<f8" => true,
        "<f4" => false,
        _ => return Err(format!("the numbers are of type `{descr}`, only `<f4` and `<f8` are read")),
    };
    let size = if is_double { 8 } else { 4 };
    let expected = shape.iter().try_fold(size, |product: usize, &edge| product.checked_mul(edge));
    if expected != Some(data.len()) {
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        return Err(format!("an array of {} numbers does not fit its {} bytes", shape.join(" x "), data.len()));
    }
    Ok(Array { shape, fortran_order, is_double, data })
}

/// `{'descr': '<f8', 'fortran_order': False, 'shape': (9, 17), }`
#[derive(Debug)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = after(text, "{")?;
        loop {
            if let Some(end) = after(rest, "}") {
                let header = Self { descr: descr?, fortran_order: fortran_order?, shape: shape? };
                return end.trim().is_empty().then_some(header);
            }
            let (key, value) = quoted(rest)?;
            let value = after(value, ":")?;
            rest = match key {
                "descr" if descr.is_none() => {
                    // Records have a list here; they are named as what was found.
                    let (found, rest) = quoted(value).or_else(|| list(value))?;
                    descr = Some(found.to_owned());
                    rest
                }
                "fortran_order" if fortran_order.is_none() => {
                    let (found, rest) = match after(value, "True") {
                        Some(rest) => (true, rest),
                        None => (false, after(value, "False")?),
                    };
                    fortran_order = Some(found);
                    rest
                }
                "shape" if shape.is_none() => {
                    let (found, rest) = after(value, "(")?.split_once(')')?;
                    let edges = found.trim().trim_end_matches(',');
                    let edges: Option<Vec<usize>> = match edges.trim() {
                        "" => Some(Vec::new()),
                        edges => edges.split(',').map(|edge| edge.trim().parse().ok()).collect(),
                    };
                    shape = Some(edges?);
                    rest
                }
                _ => return None,
            };
            rest = match after(rest, ",") {
                Some(rest) => rest,
                None if after(rest, "}").is_some() => rest,
                None => return None,
            };
        }
    }
}

/// What follows a word, which spaces may precede.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.trim_start().strip_prefix(word)
}

/// A text in quotes of either kind, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text.get(1..)?.split_once(quote)
}

/// A list without lists inside, as it stands, and what follows it.
fn list(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.starts_with('[').then(|| text.find(']'))??;
    Some(text.split_at(end + 1))
}

#[cfg(test)]
mod tests {
    use super::{Matrix, parse, read_matrix};

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Matrix, String> {
        let array = parse(bytes)?;
        Ok(array.matrix(array.shape[0], array.shape[1]))
    }

    fn f64s(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn both_versions_widths_and_orders_are_read() {
        let rows = Matrix { columns: 3, values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let c = f64s(&rows.values);
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }   \n";
        assert_eq!(read(&file(1, header, &c)).unwrap(), rows);
        assert_eq!(read(&file(2, header, &c)).unwrap(), rows);
        // Another order of keys, other quotes, no comma at the end.
        let header = "{ \"shape\" : ( 2 , 3 ) , \"fortran_order\":True,\"descr\":\"<f8\"}";
        assert_eq!(read(&file(1, header, &f64s(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]))).unwrap(), rows);
        let singles: Vec<u8> = rows.values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,3,),}";
        assert_eq!(read(&file(1, header, &singles)).unwrap(), rows);
    }

    #[test]
    fn what_is_not_read_is_named() {
        let data = f64s(&[1.0; 6]);
        let header =
            |descr: &str, shape: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}");
        for (descr, shape, part) in [
            ("'>f8'", "(2, 3)", "of type `>f8`"),
            ("'<i8'", "(2, 3)", "of type `<i8`"),
            ("'<f2'", "(2, 3)", "of type `<f2`"),
            ("[('x', '<f8')]", "(6,)", "of type `[('x', '<f8')]`"),
            ("'<f8'", "(2, 4)", "2 x 4 numbers does not fit its 48 bytes"),
            ("'<f8'", "(18446744073709551615, 18446744073709551615)", "does not fit its 48 bytes"),
            ("'<f8'", "(99999999999999999999, 3)", "not that of an array"),
            ("'<f8'", "(-2, -3)", "not that of an array"),
            ("'<f8'", "2, 3", "not that of an array"),
            ("'<f8', 'descr': '<f8'", "(2, 3)", "not that of an array"),
            ("'<f8', 'more': 1", "(2, 3)", "not that of an array"),
        ] {
            let problem = parse(&file(1, &header(descr, shape), &data)).unwrap_err();
            assert!(problem.contains(part), "`{part}` is not in: {problem}");
        }
        let whole = file(2, &header("'<f8'", "(2, 3)"), &data);
        assert!(parse(b"PK\x03\x04").unwrap_err().contains("not a .npy file"));
        assert!(parse(&file(3, "", &[])).unwrap_err().contains("version 3.0"));
        assert!(parse(&file(2, &" ".repeat(5000), &[])).unwrap_err().contains("5000 characters"));
        for keep in 6..whole.len() {
            parse(&whole[..keep]).unwrap_err();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        for (shape, part) in [
            ("(2, 3)", "the array is 2 x 3, expected N x 17: poses"),
            ("(6,)", "the shape of the array is (6), expected N x 17"),
            ("(1, 2, 3)", "(1, 2, 3), expected N x 17"),
        ] {
            std::fs::write(&path, file(1, &header("'<f8'", shape), &data)).unwrap();
            let message = read_matrix(&path, 17, "poses").unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("a.npy"), "{message}");
        }
        std::fs::write(&path, file(1, &header("'<f8'", "(0, 17)"), &[])).unwrap();
        assert!(read_matrix(&path, 17, "poses").unwrap_err().to_string().contains("0 x 17"));
    }
}
