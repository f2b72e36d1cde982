//! Rows of equal length in a file, read in any order.

use std::sync::Arc;

use super::window::Window;
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;

/// Rows that are visited in order are read so many bytes at a time.
const SCAN_BYTES: usize = 1 << 20;
/// Neighbours with fewer bytes between them are read together: a page is read anyway.
const GAP_BYTES: usize = 1 << 12;

/// Rows of equal length, one behind the other.
pub(super) struct Rows {
    bytes: Bytes,
    stride: usize,
    count: usize,
}

enum Bytes {
    File { window: Arc<Window>, start: u64 },
    Memory(Vec<u8>),
}

impl Rows {
    /// Rows in a file.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is too short for them.
    pub(super) fn in_file(window: Arc<Window>, start: u64, stride: usize, count: usize) -> Result<Self> {
        let end = start.saturating_add((stride as u64).saturating_mul(count as u64));
        if end > window.length() || stride == 0 {
            return Err(Error::input(
                window.path(),
                format!("{count} rows of {stride} bytes need {end} bytes; there are {}", window.length()),
                "the file is damaged or was cut short; export it again",
            ));
        }
        Ok(Rows { bytes: Bytes::File { window, start }, stride, count })
    }

    /// Rows in memory.
    pub(super) fn in_memory(bytes: Vec<u8>, stride: usize) -> Self {
        let count = bytes.len() / stride.max(1);
        Rows { bytes: Bytes::Memory(bytes), stride, count }
    }

    /// Bytes from row to row.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Visits all rows, many at a time; told with them is the number of the first.
    ///
    /// # Errors
    /// What reading, `visit` or `progress` return.
    pub(super) fn scan(&self, progress: OnProgress<'_>, visit: &mut dyn FnMut(usize, &[u8])) -> Result<()> {
        let at_a_time = (SCAN_BYTES / self.stride.max(1)).max(1);
        let mut bytes = Vec::new();
        for first in (0..self.count).step_by(at_a_time) {
            let rows = at_a_time.min(self.count - first);
            bytes.resize(rows * self.stride, 0);
            self.read_into(first, &mut bytes)?;
            visit(first, &bytes);
            progress((first + rows) as f64 / self.count as f64)?;
        }
        Ok(())
    }

    /// These rows, in this order.
    ///
    /// # Errors
    /// What reading returns.
    pub(super) fn gather(&self, rows: &[u32]) -> Result<Vec<u8>> {
        // Read in the order of the file, so that a disk is passed over once and neighbours come together.
        let mut places: Vec<(u32, u32)> = rows.iter().zip(0_u32..).map(|(&row, place)| (row, place)).collect();
        places.sort_unstable();
        let gap = 1 + (GAP_BYTES / self.stride.max(1)) as u32;
        let longest = (SCAN_BYTES / self.stride.max(1)).max(1) as u32;
        let mut gathered = vec![0; rows.len() * self.stride];
        let mut run = Vec::new();
        let mut left = places.as_slice();
        while let Some(&(first, _)) = left.first() {
            let mut last = first;
            let mut near = |&(row, _): &(u32, u32)| {
                let joins = row - last <= gap && row - first < longest;
                if joins {
                    last = row;
                }
                joins
            };
            let length = left.iter().take_while(|place| near(place)).count();
            let (these, others) = left.split_at(length);
            left = others;
            run.resize((last - first + 1) as usize * self.stride, 0);
            self.read_into(first as usize, &mut run)?;
            for &(row, place) in these {
                let from = (row - first) as usize * self.stride;
                let to = place as usize * self.stride;
                gathered[to..to + self.stride].copy_from_slice(&run[from..from + self.stride]);
            }
        }
        Ok(gathered)
    }

    fn read_into(&self, first: usize, bytes: &mut [u8]) -> Result<()> {
        let offset = first * self.stride;
        match &self.bytes {
            Bytes::File { window, start } => window.read_into(start + offset as u64, bytes),
            Bytes::Memory(all) => {
                bytes.copy_from_slice(&all[offset..offset + bytes.len()]);
                Ok(())
            }
        }
    }
}

/// Which rows of a file are splats: all but those left out.
#[derive(Default)]
pub(super) struct Kept {
    /// For each row left out, in order: how many rows in front of it are kept.
    kept_before: Vec<u32>,
}

impl Kept {
    /// Leaves out a row of the file; rows must be given in order.
    pub(super) fn leave_out(&mut self, row: usize) {
        self.kept_before.push((row - self.kept_before.len()) as u32);
    }

    /// Rows left out.
    pub(super) fn dropped(&self) -> usize {
        self.kept_before.len()
    }

    /// Where splats are in the file.
    pub(super) fn in_file(&self, rows: &[u32]) -> Vec<u32> {
        let skipped = |row: u32| self.kept_before.partition_point(|&before| before <= row) as u32;
        rows.iter().map(|&row| row + skipped(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Rows};
    use crate::formats::window::Window;
    use std::sync::Arc;

    #[test]
    fn rows_come_in_the_order_asked_for_from_file_and_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        // 40 000 rows of 3 bytes: their number; behind 2 bytes of something else.
        let bytes: Vec<u8> = (0..40_000_u32).flat_map(|row| row.to_le_bytes()[..3].to_vec()).collect();
        std::fs::write(&path, [&[7, 7], bytes.as_slice()].concat()).unwrap();
        let window = Arc::new(Window::open(&path).unwrap());
        let in_file = Rows::in_file(window.clone(), 2, 3, 40_000).unwrap();
        assert!(Rows::in_file(window.clone(), 2, 3, 40_001).is_err());
        assert!(Rows::in_file(window.clone(), 2, usize::MAX, usize::MAX).is_err());
        assert!(Rows::in_file(window, 2, 0, 1).is_err());
        let in_memory = Rows::in_memory(bytes.clone(), 3);
        let asked = [39_999, 0, 5, 6, 7, 6, 20_000, 18_000, 2];
        let expected: Vec<u8> = asked.iter().flat_map(|row: &u32| row.to_le_bytes()[..3].to_vec()).collect();
        for rows in [in_file, in_memory] {
            assert_eq!(rows.gather(&asked).unwrap(), expected);
            assert!(rows.gather(&[]).unwrap().is_empty());
            let mut seen = Vec::new();
            rows.scan(&mut |_| Ok(()), &mut |first, bytes| {
                assert_eq!(first * 3, seen.len());
                seen.extend_from_slice(bytes);
            })
            .unwrap();
            assert!(seen == bytes);
        }
    }

    #[test]
    fn rows_left_out_move_the_others_up() {
        let mut kept = Kept::default();
        assert_eq!(kept.in_file(&[0, 1, 9]), [0, 1, 9]);
        for row in [0, 3, 4, 8] {
            kept.leave_out(row);
        }
        // 1 2 5 6 7 9 10 are left.
        assert_eq!(kept.in_file(&[0, 1, 2, 3, 4, 5, 6]), [1, 2, 5, 6, 7, 9, 10]);
        assert_eq!(kept.dropped(), 4);
    }
}
