//! `.splat` files: 32 bytes per splat, without a header, as antimatter15's viewer defined them.
//!
//! A row is position and scales as floats, colour and opacity as four bytes, a quaternion (w first) as four bytes
//! around 128. The most visible splats come first, so that the beginning of a file is a preview of the whole.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rows::{Kept, Rows};
use super::values::{logit_of_byte, opacity_byte, unit};
use super::window::Window;
use super::{BLOCK, Format, FormatRow, SplatInfo, SplatSource, WriteOptions, for_each_block};
use crate::atomic;
use crate::error::{Error, Result};
use crate::scene::io::ply::{MAX_STORED, OnProgress};
use crate::scene::{SplatCloud, colour};

#[cfg(test)]
mod tests;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Splat,
    name: "splat (antimatter15)",
    extensions: &["splat"],
    about: "Small and read by nearly every viewer. 8-bit colours, no view-dependent colour.",
    sniff: |path, head, _| {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("splat")) && is_plausible(head)
    },
    open: Some(open),
    write: Some(|path, source, options, progress| write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 0,
    estimate: |splats, _| splats * ROW_BYTES as u64,
};

const ROW_BYTES: usize = 32;
/// No scene is this wide; four random bytes often are.
const MAX_PLAUSIBLE: f32 = 1e7;
/// No splat is this small in all directions; small integers taken for floats are.
const MIN_PLAUSIBLE: f32 = 1e-10;

/// One splat of a file.
struct Splat {
    mean: [f32; 3],
    scales: [f32; 3],
    rgba: [u8; 4],
    quat: [f32; 4], // of any length but 0
}

impl Splat {
    /// The splat of a row; none if a value is not finite, a scale negative or the quaternion zero.
    fn of(row: &[u8]) -> Option<Splat> {
        let (floats, bytes) = row.split_first_chunk::<24>()?;
        let float = |at: usize| floats.get(at..)?.first_chunk().copied().map(f32::from_le_bytes);
        let &[r, g, b, a, q0, q1, q2, q3] = bytes.first_chunk()?;
        let splat = Splat {
            mean: [float(0)?, float(4)?, float(8)?],
            scales: [float(12)?, float(16)?, float(20)?],
            rgba: [r, g, b, a],
            quat: [q0, q1, q2, q3].map(|byte| (f32::from(byte) - 128.0) / 128.0),
        };
        let finite = splat.mean.iter().chain(&splat.scales).all(|value| value.is_finite());
        let sound = finite && splat.scales.iter().all(|&scale| scale >= 0.0) && splat.quat != [0.0; 4];
        sound.then_some(splat)
    }

    /// Whether some program may have meant this. Quaternions tell little: some write them at any length.
    fn is_plausible(&self) -> bool {
        let visible = self.scales.iter().any(|&scale| scale > MIN_PLAUSIBLE);
        visible && self.mean.iter().chain(&self.scales).all(|value| value.abs() < MAX_PLAUSIBLE)
    }
}

/// Whether these may be the first bytes of a file: there is no magic number, so most rows must make sense.
fn is_plausible(head: &[u8]) -> bool {
    let rows = head.len() / ROW_BYTES;
    let plausible = head.chunks_exact(ROW_BYTES).filter(|row| Splat::of(row).is_some_and(|splat| splat.is_plausible()));
    rows > 0 && plausible.count() * 2 >= rows
}

struct SplatFile {
    path: PathBuf,
    rows: Rows,
    kept: Kept,
    info: SplatInfo,
}

impl SplatSource for SplatFile {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let mut cloud = SplatCloud::default();
        for rows in rows.chunks(BLOCK) {
            let bytes = self.rows.gather(&self.kept.in_file(rows))?;
            for row in bytes.chunks_exact(ROW_BYTES) {
                let changed = || Error::input(&self.path, "the file was changed while it was read", "open it again");
                let Splat { mean, scales, rgba: [r, g, b, a], quat } = Splat::of(row).ok_or_else(changed)?;
                cloud.means.push(mean);
                cloud.log_scales.push(scales.map(|scale| scale.ln().max(-MAX_STORED)));
                cloud.sh0.push([r, g, b].map(|byte| colour::sh0(f32::from(byte) / 255.0)));
                cloud.opacity_logits.push(logit_of_byte(a));
                cloud.quats.push(unit(quat));
            }
        }
        Ok(cloud)
    }
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let window = Window::open(path)?;
    let length = window.length();
    let count = usize::try_from(length / ROW_BYTES as u64).unwrap_or(usize::MAX);
    if length == 0 || length % ROW_BYTES as u64 != 0 || u32::try_from(count).is_err() {
        return Err(Error::input(
            path,
            format!("{length} bytes are no whole number of splats of {ROW_BYTES} bytes"),
            "the file was cut short or is of another format; export it again",
        ));
    }
    let rows = Rows::in_file(Arc::new(window), 0, ROW_BYTES, count)?;
    let mut kept = Kept::default();
    rows.scan(progress, &mut |first, bytes| {
        for (index, row) in bytes.chunks_exact(ROW_BYTES).enumerate() {
            if Splat::of(row).is_none() {
                kept.leave_out(first + index);
            }
        }
    })?;
    let (count, dropped) = (rows.count() - kept.dropped(), kept.dropped());
    let info = SplatInfo { format: Some(Format::Splat), count, dropped, ..SplatInfo::default() };
    Ok(Box::new(SplatFile { path: path.to_path_buf(), rows, kept, info }))
}

/// Rows by volume times opacity, largest first; equals keep their order.
fn by_visibility(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<Vec<u32>> {
    let mut keys: Vec<[u32; 2]> = Vec::with_capacity(source.info().count);
    for_each_block(source, None, progress, &mut |first, block| {
        for (row, (scales, logit)) in (first as u32..).zip(block.log_scales.iter().zip(&block.opacity_logits)) {
            // The logarithm orders the same way, and volumes of any size have one.
            let visibility = scales.iter().sum::<f32>() - (-logit).exp().ln_1p();
            // Bits of floats order like integers once those of negative ones are turned round.
            let bits = visibility.to_bits();
            let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
            keys.push([!ascending, row]);
        }
        Ok(())
    })?;
    keys.sort_unstable();
    Ok(keys.into_iter().map(|[_, row]| row).collect())
}

fn write(path: &Path, source: &dyn SplatSource, _: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    if source.info().count == 0 {
        return Err(Error::settings("there are no splats to write", "a .splat file holds at least one"));
    }
    let order = by_visibility(source, &mut |share| progress(0.3 * share))?;
    atomic::write_with(path, &mut |out| {
        let mut bytes = Vec::new();
        for_each_block(source, Some(&order), &mut |share| progress(0.3 + 0.7 * share), &mut |_, block| {
            bytes.clear();
            encode(block, &mut bytes);
            out.write_all(&bytes).map_err(|source| Error::io(path, "write", source))
        })
    })
}

fn encode(block: &SplatCloud, bytes: &mut Vec<u8>) {
    let columns =
        block.means.iter().zip(&block.log_scales).zip(&block.sh0).zip(&block.opacity_logits).zip(&block.quats);
    for ((((mean, scales), sh0), logit), quat) in columns {
        let scales = scales.map(|scale| scale.clamp(-MAX_STORED, MAX_STORED).exp());
        bytes.extend(mean.iter().chain(&scales).flat_map(|value| value.to_le_bytes()));
        // Casts to bytes saturate.
        bytes.extend(sh0.map(|sh0| (colour::channel(sh0) * 255.0).round() as u8));
        bytes.push(opacity_byte(*logit));
        bytes.extend(unit(*quat).map(|c| (c * 128.0 + 128.0).round() as u8));
    }
}
