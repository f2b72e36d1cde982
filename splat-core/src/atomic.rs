//! Files that appear under their name only when they are complete: a failure leaves what was there.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Replaces a file.
///
/// # Errors
/// [`Error::Io`] naming the file; the old content stays.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, &mut |out| out.write_all(bytes).map_err(|source| Error::io(path, "write", source)))
}

/// Replaces a file with what `fill` writes.
///
/// # Errors
/// [`Error::Io`] naming the file, and what `fill` returns; the old content stays and no temporary file does.
pub fn write_with(path: &Path, fill: &mut dyn FnMut(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let temporary = temporary_of(path);
    let refused = |source| Error::io(path, "write", source);
    let mut attempt = || {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&temporary).map_err(refused)?);
        fill(&mut out)?;
        let file = out.into_inner().map_err(|error| refused(error.into_error()))?;
        file.sync_all().and_then(|()| fs::rename(&temporary, path)).map_err(refused)?;
        sync_folder(path);
        Ok(())
    };
    attempt().inspect_err(|_| {
        // Best effort: the error that matters is the one being reported.
        let _ = fs::remove_file(&temporary);
    })
}

/// `<name>.tmp` beside a file.
fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Makes a rename durable where folders can be synced (not on Windows); its failure costs durability only.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Some(Ok(folder)) = path.parent().map(File::open)
    {
        let _ = folder.sync_all();
    }
}
