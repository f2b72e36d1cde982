//! Ordinary PLY as one of the formats: rows are decoded where they lie in the file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rows::{Kept, Rows};
use super::window::Window;
use super::{BLOCK, Format, FormatRow, SplatInfo, SplatSource, WriteOptions, compressed_ply, for_each_block};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::SplatCloud;
use crate::scene::io::ply::{ExtraProperty, OnProgress, SH_ROWS};
use crate::scene::io::ply_header::PlyFile;
use crate::scene::io::ply_rows::{
    SplatLayout, encode, is_antialiased, motion_line, motion_properties, preamble, vertex_lines,
};

#[cfg(test)]
mod tests;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Ply,
    name: "PLY, 32-bit floats",
    extensions: &["ply"],
    about: "Nothing is lost. Read by nearly every other program.",
    sniff: |path, head, _| {
        head.starts_with(b"ply") && !is_packed(head) || path.is_dir() && newest_iteration(path).is_some()
    },
    open: Some(open),
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate: size,
};

/// The comment that says which way is up, which goes from file to file as a note.
const VERTICAL_AXIS: &str = "Vertical axis:";

/// Whether the start of a PLY file names a property of the compressed kind.
pub(super) fn is_packed(head: &[u8]) -> bool {
    let word = b"packed_position";
    head.windows(word.len()).any(|window| window == word)
}

/// Position, normal, colour, opacity, scales and rotation are 17 floats, each SH row beyond the constant 3 more. In the
/// header, each of them has a line of 21 or 25 bytes behind about 150 of format and comments.
fn size(splats: u64, degree: u8) -> u64 {
    let rest = 3 * ((u64::from(degree) + 1).pow(2) - 1);
    150 + 21 * 17 + 25 * rest + splats * (17 + rest) * 4
}

/// The file of the last iteration in a folder that the reference implementation wrote.
fn newest_iteration(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder.join("point_cloud")).ok()?;
    let iterations = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let number: u64 = path.file_name()?.to_str()?.strip_prefix("iteration_")?.parse().ok()?;
        let file = path.join("point_cloud.ply");
        file.is_file().then_some((number, file))
    });
    iterations.max().map(|(_, file)| file)
}

/// The notes that the comments of a PLY file are worth.
pub(super) fn comments_to_note(comments: &[String]) -> impl Iterator<Item = String> {
    comments.iter().filter(|comment| comment.starts_with(VERTICAL_AXIS)).cloned()
}

/// The comments for a PLY file: those asked for, and what came as a note.
pub(super) fn comments_to_write(info: &SplatInfo, options: &WriteOptions) -> Vec<String> {
    let mut comments = options.comments.clone();
    for note in comments_to_note(&info.notes) {
        if !comments.contains(&note) {
            comments.push(note);
        }
    }
    comments
}

struct Ply {
    path: PathBuf,
    layout: SplatLayout,
    rows: Rows,
    kept: Kept,
    info: SplatInfo,
}

impl SplatSource for Ply {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let mut cloud = self.layout.empty(self.info.antialiased);
        for rows in rows.chunks(BLOCK) {
            self.layout.decode(&self.rows.gather(&self.kept.in_file(rows))?, &mut cloud);
        }
        if cloud.len() != rows.len() {
            return Err(Error::input(&self.path, "the file was changed while it was read", "open it again"));
        }
        Ok(cloud)
    }

    fn extras(&self) -> &[ExtraProperty] {
        &self.layout.extras
    }

    fn extra_rows(&self, rows: &[u32]) -> Result<Vec<u8>> {
        let mut packed = Vec::new();
        for rows in rows.chunks(BLOCK) {
            packed.extend(self.layout.extra_bytes(&self.rows.gather(&self.kept.in_file(rows))?));
        }
        Ok(packed)
    }
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let mut notes = Vec::new();
    let newest = if path.is_dir() { newest_iteration(path) } else { None };
    if let Some(file) = &newest {
        let shown = file.strip_prefix(path).unwrap_or(file);
        notes.push(format!("{} was opened, the last iteration in the folder", shown.display()));
    }
    let path = newest.as_deref().unwrap_or(path);
    let file = PlyFile::open(path)?;
    if file.column("packed_position").is_some() {
        return compressed_ply::open(path, progress);
    }
    let layout = SplatLayout::of(path, &file)?;
    let count = file.vertex_count()?;
    let antialiased = is_antialiased(&file.comments);
    notes.extend(layout.notes.iter().cloned().chain(comments_to_note(&file.comments)));

    // Text and rows of different lengths cannot be found again: they are kept as rows in memory.
    let mut read = 0.0;
    let rows = if file.has_plain_vertices() {
        let [table] = file.tables(["vertex"])?;
        let (start, stride) = table.map_or((0, 0), |table| (table.start, table.stride));
        Rows::in_file(Arc::new(Window::open(path)?), start, stride, count)?
    } else {
        read = 0.5;
        let needed = count.saturating_mul(layout.stride());
        let mut bytes = Vec::new();
        file.for_each_block(|block| {
            bytes.extend_from_slice(block);
            progress(read * bytes.len() as f64 / needed as f64)
        })?;
        Rows::in_memory(bytes, layout.stride())
    };
    let mut kept = Kept::default();
    rows.scan(&mut |share| progress(read + (1.0 - read) * share), &mut |first, bytes| {
        layout.for_each_bad(bytes, |index| kept.leave_out(first + index));
    })?;
    let count = rows.count() - kept.dropped();
    let values = layout.motion.map(|motion| motion.columns().iter().map(|column| u64::from(column.width)).sum::<u64>());
    let info = SplatInfo {
        format: Some(Format::Ply),
        count,
        motion_bytes: values.map(|values| 4 * values * count as u64),
        sh_degree: layout.sh_degree,
        antialiased,
        motion: layout.motion,
        dropped: kept.dropped(),
        notes,
    };
    Ok(Box::new(Ply { path: path.to_path_buf(), layout, rows, kept, info }))
}

/// Writes any splats as an ordinary PLY file.
pub(crate) fn write(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<()> {
    let info = source.info();
    let degree = info.sh_degree.min(options.sh_degree);
    let sh_rows = SH_ROWS.get(usize::from(degree)).copied().unwrap_or_default();
    let extras = source.extras();
    let extra_size = extras.iter().map(|extra| extra.kind.size()).sum();
    let mut header = preamble(info.antialiased, degree, &comments_to_write(info, options));
    header.extend(info.motion.and_then(|motion| motion_line(&motion)));
    let moving = info.motion.map(|motion| motion_properties(&motion)).unwrap_or_default();
    header.extend(vertex_lines(info.count, sh_rows, &[&moving, extras].concat()));
    header.push("end_header\n".to_owned());
    let refused = |source| Error::io(path, "write", source);
    atomic::write_with(path, &mut |out| {
        out.write_all(header.join("\n").as_bytes()).map_err(refused)?;
        let mut bytes = Vec::new();
        for_each_block(source, None, progress, &mut |first, block| {
            let mut further = Vec::new();
            if !extras.is_empty() {
                let rows: Vec<u32> = (first..first + block.len()).map(|row| row as u32).collect();
                further = source.extra_rows(&rows)?;
            }
            bytes.clear();
            encode(block, sh_rows, &further, extra_size, &mut bytes);
            out.write_all(&bytes).map_err(refused)
        })
    })
}
