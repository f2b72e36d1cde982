//! Compressed PLY, as PlayCanvas defined it: 16 bytes per splat, and a byte per further SH coefficient.
//!
//! Splats lie along a Z-curve in chunks of 256 neighbours, whose ranges of positions, scales and colours stand in front
//! of all of them. Files from before colours had ranges have 12 numbers per chunk instead of 18.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::rows::{Kept, Rows};
use super::values::logit_of_byte;
use super::window::Window;
use super::{BLOCK, Format, FormatRow, SplatInfo, SplatSource, WriteOptions, for_each_block, morton, ply};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::SplatCloud;
use crate::scene::io::ply::{OnProgress, SH_ROWS, Scalar};
use crate::scene::io::ply_body::Table;
use crate::scene::io::ply_header::{EXPORT_AGAIN, PlyFile};
use crate::scene::io::ply_rows::{is_antialiased, preamble};
use packing::{CHUNK, Chunk, Packed, pack_sh, unpack_rotation, unpack_sh};

mod packing;
#[cfg(test)]
mod tests;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::CompressedPly,
    name: "Compressed PLY (PlayCanvas)",
    extensions: &["compressed.ply"],
    about: "A quarter of the size, nearly the same picture. For PlayCanvas and SuperSplat.",
    sniff: |_, head, _| head.starts_with(b"ply") && ply::is_packed(head),
    open: Some(open),
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: size,
};

/// The numbers of a chunk: ends of ranges, three by three.
const RANGES: [&str; 18] = [
    "min_x",
    "min_y",
    "min_z",
    "max_x",
    "max_y",
    "max_z",
    "min_scale_x",
    "min_scale_y",
    "min_scale_z",
    "max_scale_x",
    "max_scale_y",
    "max_scale_z",
    "min_r",
    "min_g",
    "min_b",
    "max_r",
    "max_g",
    "max_b",
];
/// The numbers of a splat.
const PACKED: [&str; 4] = ["packed_position", "packed_rotation", "packed_scale", "packed_color"];
/// Bytes of a chunk and of a splat, as written.
const CHUNK_BYTES: usize = RANGES.len() * 4;
const PACKED_BYTES: usize = PACKED.len() * 4;

// Blocks of rows end where chunks end.
const _: () = assert!(BLOCK.is_multiple_of(CHUNK));

fn size(splats: u64, degree: u8) -> u64 {
    let rest = 3 * ((u64::from(degree) + 1).pow(2) - 1);
    750 + 25 * rest + splats.div_ceil(CHUNK as u64) * CHUNK_BYTES as u64 + splats * (PACKED_BYTES as u64 + rest)
}

struct CompressedPly {
    info: SplatInfo,
    kept: Kept,
    chunks: Vec<Chunk>,
    splats: Rows,
    packed: [usize; 4], // where in a row each of `PACKED` is
    sh: Option<Rows>,
    sh_bytes: Vec<usize>, // where in a row each coefficient is, in the order of memory
}

impl SplatSource for CompressedPly {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let (sh_degree, antialiased) = (self.info.sh_degree, self.info.antialiased);
        let mut cloud = SplatCloud { sh_degree, antialiased, ..SplatCloud::default() };
        for rows in rows.chunks(BLOCK) {
            let rows = self.kept.in_file(rows);
            let splats = self.splats.gather(&rows)?;
            for (splat, row) in splats.chunks_exact(self.splats.stride()).zip(&rows) {
                let packed = self.packed(splat);
                let chunk = &self.chunks[*row as usize / CHUNK];
                cloud.means.push(chunk.mean(&packed));
                cloud.log_scales.push(chunk.log_scales(&packed));
                cloud.sh0.push(chunk.sh0(&packed));
                cloud.opacity_logits.push(logit_of_byte(packed.color as u8));
                cloud.quats.push(unpack_rotation(packed.rotation));
            }
            if let Some(sh) = &self.sh {
                let bytes = sh.gather(&rows)?;
                for row in bytes.chunks_exact(sh.stride()) {
                    cloud.sh_rest.extend(self.sh_bytes.iter().map(|&at| unpack_sh(row[at])));
                }
            }
        }
        Ok(cloud)
    }
}

impl CompressedPly {
    fn packed(&self, row: &[u8]) -> Packed {
        let [position, rotation, scale, color] =
            self.packed.map(|at| row.get(at..).and_then(|row| row.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b)));
        Packed { position, rotation, scale, color }
    }
}

/// Opens a compressed PLY file.
pub(super) fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let bad = |problem: String| Error::input(path, problem, EXPORT_AGAIN);
    let file = PlyFile::open(path)?;
    let mut notes: Vec<String> = ply::comments_to_note(&file.comments).collect();
    let antialiased = is_antialiased(&file.comments);
    let [chunks, splats, sh] = file.tables(["chunk", "vertex", "sh"])?;
    let splats = splats.ok_or_else(|| bad("there are no rows of packed splats".into()))?;
    let count = splats.count;
    let mut packed = [0; 4];
    for (place, name) in packed.iter_mut().zip(PACKED) {
        let column = splats.columns.get(name).filter(|column| matches!(column.kind, Scalar::U32 | Scalar::I32));
        *place = column.ok_or_else(|| bad(format!("the splats have no `{name}` of 32 bits")))?.offset;
    }

    // The ranges are few: they are held.
    let window = Arc::new(Window::open(path)?);
    let needed = count.div_ceil(CHUNK);
    let table = chunks.filter(|table| table.count >= needed);
    let table = table.ok_or_else(|| bad(format!("there are fewer than {needed} chunks for {count} splats")))?;
    let chunks = read_chunks(&window, &table, needed)?;
    let mut kept = Kept::default();
    for (first, _) in (0..count).step_by(CHUNK).zip(&chunks).filter(|(_, chunk)| !chunk.is_sound()) {
        for row in first..count.min(first + CHUNK) {
            kept.leave_out(row);
        }
    }

    let mut sh_degree = 0;
    let mut sh_bytes = Vec::new();
    if let Some(table) = &sh {
        if table.count != count {
            return Err(bad(format!("there are {count} splats and spherical harmonics of {}", table.count)));
        }
        let column = |i: usize| table.columns.get(&format!("f_rest_{i}")).filter(|column| column.kind == Scalar::U8);
        let coefficients = (0..).map_while(column).count();
        let stride = coefficients / 3;
        sh_degree = SH_ROWS.iter().rposition(|&rows| rows <= stride).unwrap_or(0);
        let rows = SH_ROWS[sh_degree];
        if 3 * rows != coefficients {
            notes.push(format!(
                "{coefficients} coefficients of spherical harmonics were cut to those of degree {sh_degree}"
            ));
        }
        let places = (0..rows).flat_map(|k| [0, 1, 2].map(|channel| channel * stride + k));
        sh_bytes = places.filter_map(column).map(|column| column.offset).collect();
    }
    let sh = sh.filter(|_| sh_degree > 0);
    let sh = sh.map(|table| Rows::in_file(window.clone(), table.start, table.stride, count)).transpose()?;
    let splats = Rows::in_file(window, splats.start, splats.stride, count)?;
    progress(1.0)?;
    let info = SplatInfo {
        format: Some(Format::CompressedPly),
        count: count - kept.dropped(),
        sh_degree: sh_degree as u8,
        antialiased,
        motion: None,
        motion_bytes: None,
        dropped: kept.dropped(),
        notes,
    };
    Ok(Box::new(CompressedPly { info, kept, chunks, splats, packed, sh, sh_bytes }))
}

fn read_chunks(window: &Window, table: &Table, count: usize) -> Result<Vec<Chunk>> {
    let mut columns = [None; RANGES.len()];
    for (column, name) in columns.iter_mut().zip(RANGES) {
        *column = table.columns.get(name).copied();
    }
    if let Some(missing) = columns.iter().zip(RANGES).take(12).find(|(column, _)| column.is_none()) {
        return Err(Error::input(window.path(), format!("the chunks have no `{}`", missing.1), EXPORT_AGAIN));
    }
    let bytes = window.read(table.start, (count * table.stride) as u64)?;
    let chunk = |row: &[u8]| {
        // Without ranges, colours go from 0 to 1.
        let end = |i: usize| columns[i].map_or(if i < 15 { 0.0 } else { 1.0 }, |column| column.value(row));
        let (mut low, mut high) = ([0.0; 9], [0.0; 9]);
        for place in 0..9 {
            let first = place / 3 * 6 + place % 3;
            (low[place], high[place]) = (end(first), end(first + 3));
        }
        Chunk { low, high }
    };
    Ok(bytes.chunks_exact(table.stride).map(chunk).collect())
}

/// The order in which splats are written.
fn along_curve(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<Vec<u32>> {
    let mut positions = Vec::with_capacity(source.info().count);
    for_each_block(source, None, progress, &mut |_, block| {
        positions.extend_from_slice(&block.means);
        Ok(())
    })?;
    Ok(morton::order_of(positions))
}

fn write(path: &Path, source: &dyn SplatSource, options: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    let info = source.info();
    let degree = info.sh_degree.min(options.sh_degree);
    let sh_rows = SH_ROWS.get(usize::from(degree)).copied().unwrap_or_default();
    let header = header(info, options, degree, 3 * sh_rows);
    let order = along_curve(source, &mut |share| progress(0.3 * share))?;
    let refused = |source| Error::io(path, "write", source);

    // Three tables grow at the same time, each from its own place on.
    let chunks_at = header.len() as u64;
    let splats_at = chunks_at + (info.count.div_ceil(CHUNK) * CHUNK_BYTES) as u64;
    let sh_at = splats_at + (info.count * PACKED_BYTES) as u64;
    atomic::write_with(path, &mut |out| {
        out.write_all(header.as_bytes()).map_err(refused)?;
        let (mut chunks, mut splats, mut sh) = (Vec::new(), Vec::new(), Vec::new());
        let progress = &mut |share| progress(0.3 + 0.7 * share);
        for_each_block(source, Some(&order), progress, &mut |first, block| {
            encode(block, &mut chunks, &mut splats);
            encode_sh(block, sh_rows, &mut sh);
            let places = [
                (chunks_at + (first / CHUNK * CHUNK_BYTES) as u64, &mut chunks),
                (splats_at + (first * PACKED_BYTES) as u64, &mut splats),
                (sh_at + (first * 3 * sh_rows) as u64, &mut sh),
            ];
            for (place, bytes) in places {
                out.seek(SeekFrom::Start(place)).and_then(|_| out.write_all(bytes)).map_err(refused)?;
                bytes.clear();
            }
            Ok(())
        })
    })
}

fn header(info: &SplatInfo, options: &WriteOptions, sh_degree: u8, coefficients: usize) -> String {
    let mut lines = preamble(info.antialiased, sh_degree, &ply::comments_to_write(info, options));
    lines.push(format!("element chunk {}", info.count.div_ceil(CHUNK)));
    lines.extend(RANGES.map(|name| format!("property float {name}")));
    lines.push(format!("element vertex {}", info.count));
    lines.extend(PACKED.map(|name| format!("property uint {name}")));
    if coefficients > 0 {
        lines.push(format!("element sh {}", info.count));
        lines.extend((0..coefficients).map(|i| format!("property uchar f_rest_{i}")));
    }
    lines.push("end_header\n".to_owned());
    lines.join("\n")
}

/// Appends whole chunks, but for the last one of a file, and their splats.
fn encode(block: &SplatCloud, chunks: &mut Vec<u8>, splats: &mut Vec<u8>) {
    for first in (0..block.len()).step_by(CHUNK) {
        let rows = first..block.len().min(first + CHUNK);
        let chunk = Chunk::of(block, rows.clone());
        for (low, high) in chunk.low.chunks_exact(3).zip(chunk.high.chunks_exact(3)) {
            chunks.extend(low.iter().chain(high).flat_map(|value| value.to_le_bytes()));
        }
        for row in rows {
            let Packed { position, rotation, scale, color } = chunk.pack(block, row);
            splats.extend([position, rotation, scale, color].into_iter().flat_map(u32::to_le_bytes));
        }
    }
}

/// Appends the SH coefficients of splats, channel by channel.
fn encode_sh(block: &SplatCloud, sh_rows: usize, bytes: &mut Vec<u8>) {
    for rest in block.sh_rest.chunks_exact(block.sh_width().max(1)) {
        for channel in 0..3 {
            bytes.extend(rest.iter().skip(channel).step_by(3).take(sh_rows).map(|&value| pack_sh(value)));
        }
    }
}
