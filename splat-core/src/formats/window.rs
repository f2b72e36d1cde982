//! Ranges of bytes of a file, read where they are: no cursor, so that several threads may read at once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file open for reading at any place.
pub(super) struct Window {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Window {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Input`] when the system refuses.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let refused = |source| Error::io(path, "read", source);
        let file = File::open(path).map_err(refused)?;
        let length = file.metadata().map_err(refused)?.len();
        Ok(Window { path: path.to_path_buf(), file, length })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads `length` bytes from `start` on; nothing is allocated for a range that is not in the file.
    ///
    /// # Errors
    /// As [`Window::read_into`].
    pub(super) fn read(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        self.check(start, length)?;
        let mut bytes = vec![0; length as usize];
        self.read_into(start, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` from `start` on.
    ///
    /// # Errors
    /// [`Error::Input`] when the range ends behind the file, or the file was cut since it was opened; [`Error::Io`].
    pub(super) fn read_into(&self, start: u64, bytes: &mut [u8]) -> Result<()> {
        self.check(start, bytes.len() as u64)?;
        read_exact_at(&self.file, bytes, start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.cut(start.saturating_add(bytes.len() as u64)),
            _ => Error::io(&self.path, "read", error),
        })
    }

    fn check(&self, start: u64, length: u64) -> Result<()> {
        let end = start.saturating_add(length);
        if end <= self.length { Ok(()) } else { Err(self.cut(end)) }
    }

    fn cut(&self, end: u64) -> Error {
        Error::input(
            &self.path,
            format!("the file ends before byte {end}, which is needed"),
            "it is damaged or was changed meanwhile; export it again",
        )
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                start += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn only_what_is_in_the_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ten");
        std::fs::write(&path, (0..10).collect::<Vec<u8>>()).unwrap();
        let window = Window::open(&path).unwrap();
        assert_eq!((window.length(), window.path()), (10, path.as_path()));
        assert_eq!(window.read(3, 4).unwrap(), [3, 4, 5, 6]);
        assert!(window.read(10, 0).unwrap().is_empty());
        for (start, length) in [(10, 1), (0, 11), (u64::MAX, 1), (1, u64::MAX)] {
            assert!(window.read(start, length).unwrap_err().to_string().contains("the file ends before"));
        }
        std::fs::write(&path, [0; 5]).unwrap();
        assert_eq!(window.read(2, 6).unwrap_err().exit_code(), 3);
        assert_eq!(Window::open(&folder.path().join("none")).err().unwrap().exit_code(), 3);
    }
}
