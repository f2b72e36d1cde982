//! SPZ: quantized streams, compressed [Niantic Labs].
//!
//! Each attribute of all splats is one stream of small integers: positions in steps of 1/4096, colours, opacities and
//! scales in bytes, rotations in 32 bits, spherical harmonics in five or four bits. Versions 1 to 3 put the streams
//! behind a header of 16 bytes into one gzip member; version 4 has a plain header and a zstd frame per stream.
//!
//! Positions reach ±2048 units at the usual 12 fractional bits. A scene that is larger is written with fewer of them,
//! so that every step becomes coarser; readers follow the header.
//!
//! The axes are those of the splats, as in PLY: what every program does, although the text of the format names
//! another frame. A file that says its frame (extension 0xADBE0003) is turned into ours.

mod extensions;
mod quantize;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::io::Read;
use std::path::Path;

use super::{Format, FormatRow, SplatSource, WriteOptions};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;

pub(super) use read::{Spz, unpack};
pub(crate) use write::{STREAM, write_spz, write_spz_with};

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Spz,
    name: "SPZ, quantized and compressed",
    extensions: &["spz"],
    about: "A tenth of PLY or less. Rounds everything, view-dependent colours most.",
    sniff: |_, head, _| is_spz(head),
    open: Some(open),
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: size,
};

/// "NGSP", where the header begins.
const MAGIC: [u8; 4] = *b"NGSP";
/// How every gzip member begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of the header that all versions have.
const HEADER: usize = 16;
/// Flag of a scene trained with the anti-aliased projection.
const ANTIALIASED: u8 = 1;
/// Flag of a file with extensions.
const EXTENDED: u8 = 2;

/// SH coefficients beyond the constant one, of all three channels, by degree.
const SH_VALUES: [usize; 5] = [0, 9, 24, 45, 72];

/// The first bytes of both containers; inside gzip the same header follows.
fn is_spz(head: &[u8]) -> bool {
    if head.starts_with(&GZIP) {
        let mut magic = [0; 4];
        return flate2::read::GzDecoder::new(head).read_exact(&mut magic).is_ok() && magic == MAGIC;
    }
    head.starts_with(&MAGIC)
}

/// Measured on trained scenes: 16.5 bytes per splat, and little for coefficients, which are rounded to few values.
fn size(splats: u64, degree: u8) -> u64 {
    let values = SH_VALUES.get(usize::from(degree)).copied().unwrap_or(0) as u64;
    64 + splats * (165 + values) / 10
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
    let spz = unpack(path, &bytes, &mut |share| progress(0.8 * share))?;
    drop(bytes);
    if spz.may_be_broken() {
        return super::checked::checked(Box::new(spz), &mut |share| progress(0.8 + 0.2 * share));
    }
    Ok(Box::new(spz))
}

fn write(path: &Path, source: &dyn SplatSource, options: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    atomic::write_with(path, &mut |out| {
        write_spz(out, source, options, progress).map_err(|error| match error {
            Error::Io { path: stream, source, .. } if stream == Path::new(STREAM) => Error::io(path, "write", source),
            other => other,
        })
    })
}
