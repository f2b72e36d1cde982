//! Reading all versions: the streams are unpacked as a whole, their rows decoded when asked for.

use std::io::Read;
use std::path::Path;

use super::extensions::{Frame, frame};
use super::quantize::{
    unpack_colour, unpack_opacity, unpack_position, unpack_quat, unpack_quat_xyz, unpack_scale, unpack_sh,
};
use super::{ANTIALIASED, EXTENDED, GZIP, HEADER, MAGIC, SH_VALUES};
use crate::error::{Error, Result};
use crate::formats::values::half;
use crate::formats::{Format, SplatInfo, SplatSource};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// Bytes of the header of version 4.
const LONG_HEADER: usize = 32;
/// Bytes of an entry of the table of version 4: two lengths.
const ENTRY: usize = 16;
/// Nothing real shrinks by more: it is the limit of deflate, 1032, and some room.
const MOST_RATIO: u64 = 1100;
/// Promises below this are kept without suspicion.
const SMALL: u64 = 64 << 20;
/// Extensions of the old container that are looked at: real ones have a few dozen bytes.
const MOST_EXTENSIONS: u64 = 1 << 20;
/// Bytes unpacked between two calls of an [`OnProgress`].
const PART: usize = 1 << 22;

const POSITIONS: usize = 0;
const OPACITIES: usize = 1;
const COLOURS: usize = 2;
const SCALES: usize = 3;
const QUATS: usize = 4;
const SH: usize = 5;

struct Header {
    version: u32,
    count: u32,
    degree: u8,
    fractional_bits: u8,
    flags: u8,
    /// Number of streams, in version 4.
    streams: u8,
}

impl Header {
    fn new(path: &Path, bytes: &[u8; HEADER]) -> Result<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let header = Header {
            version: word(4),
            count: word(8),
            degree: bytes[12],
            fractional_bits: bytes[13],
            flags: bytes[14],
            streams: bytes[15],
        };
        let damaged = |problem: String| Err(Error::input(path, problem, "export the scene again"));
        if bytes[..4] != MAGIC {
            return Err(Error::input(path, "this is no SPZ file (no NGSP in front)", "open another file"));
        }
        if !(1..=4).contains(&header.version) {
            return Err(Error::input(
                path,
                format!("this is version {} of SPZ; versions 1 to 4 are known", header.version),
                "export it as version 3 or 4, or as PLY",
            ));
        }
        if header.count == 0 || header.count > i32::MAX as u32 {
            return damaged(format!("the header promises {} splats", header.count));
        }
        if header.degree > 4 {
            return damaged(format!("the header promises SH degree {}; 0 to 4 exist", header.degree));
        }
        if header.fractional_bits > 31 {
            return damaged(format!("the header promises {} fractional bits of 24", header.fractional_bits));
        }
        Ok(header)
    }

    /// Bytes per splat in each stream.
    fn widths(&self) -> [usize; 6] {
        let position = if self.version == 1 { 6 } else { 9 };
        let quat = if self.version < 3 { 3 } else { 4 };
        [position, 1, 3, 3, quat, SH_VALUES.get(usize::from(self.degree)).copied().unwrap_or(0)]
    }

    /// Refuses a count that so few bytes cannot hold.
    fn check_plausible(&self, path: &Path, length: u64) -> Result<()> {
        let total = u64::from(self.count) * self.widths().iter().sum::<usize>() as u64;
        if total > SMALL && total > MOST_RATIO * length {
            return Err(Error::input(
                path,
                format!("the header promises {} splats, which {length} bytes cannot hold", self.count),
                "the file is damaged or cut short: get it again",
            ));
        }
        Ok(())
    }
}

/// The packed splats of a file.
pub(in crate::formats) struct Spz {
    info: SplatInfo,
    version: u32,
    units_per_step: f64,
    /// Values of the SH stream per splat, which may be more than are decoded.
    sh_values: usize,
    streams: [Vec<u8>; 6],
    frame: Option<Frame>,
}

impl Spz {
    /// Whether positions may be NaN or infinite.
    pub(super) fn may_be_broken(&self) -> bool {
        self.version == 1
    }

    /// The same splats in the axes of the file, whatever it says about them.
    pub(in crate::formats) fn in_its_own_axes(mut self) -> Self {
        self.frame = None;
        self
    }

    fn position(&self, row: usize) -> [f32; 3] {
        let stream = &self.streams[POSITIONS];
        [0, 1, 2].map(|axis| {
            let at = 3 * row + axis;
            if self.version == 1 {
                half(u16::from_le_bytes(fixed(stream, at)))
            } else {
                unpack_position(fixed(stream, at), self.units_per_step)
            }
        })
    }
}

/// The `at`-th group of so many bytes.
fn fixed<const N: usize>(stream: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&stream[N * at..N * (at + 1)]);
    bytes
}

impl SplatSource for Spz {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let each = || rows.iter().map(|&row| row as usize);
        let streams = &self.streams;
        let mut cloud = SplatCloud {
            means: each().map(|row| self.position(row)).collect(),
            quats: if self.version < 3 {
                each().map(|row| unpack_quat_xyz(fixed(&streams[QUATS], row))).collect()
            } else {
                each().map(|row| unpack_quat(fixed(&streams[QUATS], row))).collect()
            },
            log_scales: each().map(|row| fixed::<3>(&streams[SCALES], row).map(unpack_scale)).collect(),
            opacity_logits: each().map(|row| unpack_opacity(streams[OPACITIES][row])).collect(),
            sh0: each().map(|row| fixed::<3>(&streams[COLOURS], row).map(unpack_colour)).collect(),
            sh_degree: self.info.sh_degree,
            antialiased: self.info.antialiased,
            ..SplatCloud::default()
        };
        let width = cloud.sh_width();
        cloud.sh_rest.reserve_exact(width * rows.len());
        for row in each() {
            let values = &streams[SH][row * self.sh_values..][..width];
            cloud.sh_rest.extend(values.iter().map(|&value| unpack_sh(value)));
        }
        if let Some(frame) = &self.frame {
            frame.apply(&mut cloud);
        }
        Ok(cloud)
    }
}

/// Unpacks the bytes of a file; `path` is for messages.
///
/// # Errors
/// [`Error::Input`] when they are no SPZ, damaged or cut short, and what `progress` returns.
pub(in crate::formats) fn unpack(path: &Path, bytes: &[u8], progress: OnProgress<'_>) -> Result<Spz> {
    let mut notes = Vec::new();
    let (header, streams, frame) = if bytes.starts_with(&GZIP) {
        unpack_gzip(path, bytes, &mut notes, progress)?
    } else {
        unpack_zstd(path, bytes, &mut notes, progress)?
    };
    if header.degree > 3 {
        notes.push("view-dependent colours of degree 4 were cut to degree 3".to_owned());
    }
    let info = SplatInfo {
        format: Some(Format::Spz),
        count: header.count as usize,
        sh_degree: header.degree.min(3),
        antialiased: header.flags & ANTIALIASED != 0,
        motion: None,
        motion_bytes: None,
        dropped: 0,
        notes,
    };
    let sh_values = header.widths()[SH];
    let units_per_step = 0.5_f64.powi(i32::from(header.fractional_bits));
    Ok(Spz { info, version: header.version, units_per_step, sh_values, streams, frame })
}

type Unpacked = (Header, [Vec<u8>; 6], Option<Frame>);

/// Versions 1 to 3: one gzip member.
fn unpack_gzip(path: &Path, bytes: &[u8], notes: &mut Vec<String>, progress: OnProgress<'_>) -> Result<Unpacked> {
    let mut decoder = flate2::read::GzDecoder::new(bytes);
    let mut head = [0; HEADER];
    decoder.read_exact(&mut head).map_err(|_| cut(path))?;
    let header = Header::new(path, &head)?;
    if header.version > 3 {
        return Err(Error::input(path, "SPZ version 4 must not be inside gzip", "unpack it with gunzip first"));
    }
    header.check_plausible(path, bytes.len() as u64)?;
    let widths = header.widths();
    let total = widths.iter().sum::<usize>() * header.count as usize;
    let mut streams: [Vec<u8>; 6] = Default::default();
    let mut done = 0;
    for (stream, width) in streams.iter_mut().zip(widths) {
        let wanted = width * header.count as usize;
        // Memory follows what really comes out, not what was promised.
        while stream.len() < wanted {
            let part = PART.min(wanted - stream.len());
            let got = decoder.by_ref().take(part as u64).read_to_end(stream).map_err(|_| cut(path))?;
            if got < part {
                return Err(cut(path));
            }
            done += got;
            progress(done as f64 / total as f64)?;
        }
    }
    // At the end of the member its checksum is compared.
    let mut rest = Vec::new();
    decoder.take(MOST_EXTENSIONS).read_to_end(&mut rest).map_err(|_| cut(path))?;
    let frame = if header.flags & EXTENDED != 0 { frame(&rest, notes) } else { None };
    Ok((header, streams, frame))
}

/// Version 4: a table of zstd frames.
fn unpack_zstd(path: &Path, bytes: &[u8], notes: &mut Vec<String>, progress: OnProgress<'_>) -> Result<Unpacked> {
    let (Some(head), Some(table)) = (bytes.first_chunk::<HEADER>(), bytes.get(HEADER..LONG_HEADER)) else {
        return Err(cut(path));
    };
    let header = Header::new(path, head)?;
    if header.version < 4 {
        return Err(Error::input(
            path,
            format!("SPZ version {} must be inside gzip", header.version),
            "compress it with gzip first",
        ));
    }
    header.check_plausible(path, bytes.len() as u64)?;
    let table_start = u32::from_le_bytes(fixed(table, 0)) as usize;
    let needed = if header.degree == 0 { 5 } else { 6 };
    let table_length = usize::from(header.streams) * ENTRY;
    let inside = table_start >= LONG_HEADER && usize::from(header.streams) >= needed;
    let (Some(table), true) = (bytes.get(table_start..).and_then(|rest| rest.get(..table_length)), inside) else {
        let found = format!("its table of {} streams at byte {table_start} does not fit", header.streams);
        return Err(Error::input(path, found, "the file is damaged or cut short: get it again"));
    };
    let frame = match bytes.get(LONG_HEADER..table_start) {
        Some(records) if header.flags & EXTENDED != 0 => frame(records, notes),
        _ => None,
    };
    let mut frames = &bytes[table_start + table_length..];
    let mut streams: [Vec<u8>; 6] = Default::default();
    let widths = header.widths();
    for (index, (stream, width)) in streams.iter_mut().zip(widths).enumerate().take(needed) {
        let wanted = width * header.count as usize;
        let packed = u64::from_le_bytes(fixed(table, 2 * index));
        let plain = u64::from_le_bytes(fixed(table, 2 * index + 1));
        let frame = usize::try_from(packed).ok().and_then(|packed| frames.split_at_checked(packed));
        let Some((frame, rest)) = frame.filter(|_| plain == wanted as u64) else {
            let found = format!("stream {index} has {packed} bytes for {plain}; {wanted} were expected");
            return Err(Error::input(path, found, "the file is damaged or cut short: get it again"));
        };
        frames = rest;
        stream.try_reserve_exact(wanted).map_err(|_| Error::OutOfMemory {
            what: format!("{wanted} bytes of {}", path.display()),
            remedy: "close other programs".to_owned(),
        })?;
        let got = zstd::bulk::Decompressor::new().and_then(|mut zstd| zstd.decompress_to_buffer(frame, stream));
        if !got.is_ok_and(|got| got == wanted) {
            return Err(cut(path));
        }
        progress((index + 1) as f64 / needed as f64)?;
    }
    Ok((header, streams, frame))
}

fn cut(path: &Path) -> Error {
    Error::input(path, "the compressed data is damaged or cut short", "get the file again")
}
