//! Checkpoint files: written whole or not at all, and verified before anything is restored from them.
//!
//! `payload | payload length (u64) | FNV-1a 64 of the payload | magic`, little-endian. The payload belongs to the
//! trainer. A seal at the end rather than a header lets the payload stream to disk without being held in memory.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::RunFolder;
use crate::atomic;
use crate::error::{Error, Result};

/// Ends every complete checkpoint.
const MAGIC: &[u8; 8] = b"SPLATCK1";

/// Bytes of length, hash and magic.
const SEAL_BYTES: u64 = 24;

/// What a restore did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Step of the checkpoint; `None` when there is none yet.
    pub step: Option<u64>,
    /// What went wrong with newer checkpoints.
    pub warnings: Vec<String>,
}

impl RunFolder {
    /// The checkpoints, oldest first, with their steps.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder exists and cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>> {
        let folder = self.path("checkpoints");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Io { path: folder, action: "read", source }),
        };
        let mut found: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.to_owned();
                let step = name.strip_prefix("step_")?.strip_suffix(".ckpt")?.parse().ok()?;
                Some((step, entry.path()))
            })
            .collect();
        found.sort();
        Ok(found)
    }

    /// Writes the checkpoint of `step` and removes the oldest beyond `keep`.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses (older checkpoints stay as they were); other errors are `save`'s own.
    pub fn save_checkpoint(
        &self,
        step: u64,
        keep: u32,
        save: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.path("checkpoints").join(format!("step_{step:07}.ckpt"));
        atomic::write_with(&path, &mut |out| {
            let refused = |source| Error::io(&path, "write", source);
            let mut sealed = Sealed { to: out, bytes: 0, hash: FNV_OFFSET, failure: None };
            // The disk's own error, when there is one, says more than what the trainer made of it.
            save(&mut sealed).map_err(|error| sealed.failure.take().map_or(error, refused))?;
            sealed.finish().map_err(refused)
        })?;
        let older: Vec<_> = self.checkpoints()?.into_iter().filter(|(other, _)| *other < step).collect();
        let kept_before = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(1);
        for (_, path) in older.iter().take(older.len().saturating_sub(kept_before)) {
            self.remove(path)?;
        }
        Ok(path)
    }

    /// Restores the newest checkpoint that is whole. A damaged one is set aside as `.bad` with a warning, and the one
    /// before it is tried.
    ///
    /// # Errors
    /// [`Error::Input`] when there are checkpoints and none is usable; errors of `restore` that are not about the
    /// file (a lost device) at once.
    pub fn restore_newest(&self, restore: &mut dyn FnMut(&mut dyn Read) -> Result<()>) -> Result<Restored> {
        let checkpoints = self.checkpoints()?;
        let mut restored = Restored::default();
        for (step, path) in checkpoints.iter().rev() {
            let problem = match open_verified(path) {
                Ok(mut payload) => match restore(&mut payload) {
                    Ok(()) => {
                        restored.step = Some(*step);
                        return Ok(restored);
                    }
                    Err(error @ (Error::Input { .. } | Error::Io { .. })) => error.to_string(),
                    Err(error) => return Err(error),
                },
                Err(error) => error.to_string(),
            };
            let mut aside = path.clone().into_os_string();
            aside.push(".bad");
            fs::rename(path, aside).map_err(|source| self.failed("rename", path, source))?;
            restored.warnings.push(format!("{}: {problem}; going back to the checkpoint before it", path.display()));
        }
        if checkpoints.is_empty() {
            return Ok(restored);
        }
        Err(Error::Input {
            path: self.path("checkpoints"),
            problem: format!("no usable checkpoint: {}", restored.warnings.join("; ")),
            remedy: "start anew with --force".into(),
        })
    }

    /// Removes what a killed process left half-written.
    pub(crate) fn remove_leftovers(&self) -> Result<()> {
        self.remove_all("checkpoints", &["tmp"])
    }
}

/// Opens a checkpoint at its payload after having read all of it once.
fn open_verified(path: &Path) -> io::Result<impl Read> {
    let damaged = |problem: &str| io::Error::new(io::ErrorKind::InvalidData, problem.to_owned());
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let payload = length.checked_sub(SEAL_BYTES).ok_or_else(|| damaged("cut short"))?;
    file.seek(SeekFrom::Start(payload))?;
    let (mut bytes, mut hash, mut magic) = ([0; 8], [0; 8], [0; 8]);
    file.read_exact(&mut bytes)?;
    file.read_exact(&mut hash)?;
    file.read_exact(&mut magic)?;
    if &magic != MAGIC || u64::from_le_bytes(bytes) != payload {
        return Err(damaged("cut short, or not a checkpoint"));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 16, &mut file).take(payload);
    let mut found = FNV_OFFSET;
    let mut chunk = [0; 1 << 14];
    loop {
        let n = reader.read(&mut chunk)?;
        if n == 0 {
            break;
        }
        found = fnv1a(found, chunk.get(..n).unwrap_or_default());
    }
    if found != u64::from_le_bytes(hash) {
        return Err(damaged("the checksum does not agree"));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::new(file).take(payload))
}

/// Start value of FNV-1a 64.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// Continues an FNV-1a 64 hash: guards against bit rot and cut files, not against malice.
fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Counts and hashes what passes through, and remembers the disk's first error.
struct Sealed<W: Write> {
    to: W,
    bytes: u64,
    hash: u64,
    failure: Option<io::Error>,
}

impl<W: Write> Sealed<W> {
    fn finish(mut self) -> io::Result<()> {
        self.to.write_all(&self.bytes.to_le_bytes())?;
        self.to.write_all(&self.hash.to_le_bytes())?;
        self.to.write_all(MAGIC)?;
        self.to.flush()
    }

    /// Keeps the cause for the message and hands a twin of it to the caller.
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let twin = match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            };
            self.failure.get_or_insert(error);
            twin
        })
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        let n = self.note(written)?;
        self.hash = fnv1a(self.hash, bytes.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.note(flushed)
    }
}
