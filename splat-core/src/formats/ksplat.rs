//! KSPLAT: the scenes of the GaussianSplats3D viewer, version 0.1, read only.
//!
//! A header of 4096 bytes, a table of sections with 1024 bytes each, and the sections. At level 0 a record holds
//! floats. At levels 1 and 2 it holds half floats, and its centre in 16-bit steps around the centre of its bucket, a
//! cube of neighbours; records of full buckets come first, then those of partial ones, whose lengths are listed. At
//! level 2 spherical harmonics are bytes between two limits of the header.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::values::{log_scale, logit};
use super::{Format, FormatRow, SplatInfo, SplatSource};
use crate::error::{Error, Result};
use crate::scene::io::ply::OnProgress;
use crate::scene::{SplatCloud, colour};

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Ksplat,
    name: "KSPLAT, of the GaussianSplats3D viewer",
    extensions: &["ksplat"],
    about: "Can be read only.",
    sniff: |path, head, length| is_ksplat(path, head, length),
    open: Some(open),
    write: None,
    max_sh_degree: 3,
    estimate: |splats, degree| HEADER as u64 + SECTION as u64 + splats * (24 + 2 * sh_values(degree.min(2)) as u64),
};

const HEADER: usize = 4096;
const SECTION: usize = 1024;
/// Limits of spherical harmonics where the header has none.
const SH_LIMIT: f32 = 1.5;
/// Steps from the centre of a bucket to its side where a section does not say.
const SCALE_RANGE: u32 = 32767;

/// SH values beyond the constant ones, of all channels.
fn sh_values(degree: u8) -> usize {
    3 * ((usize::from(degree) + 1).pow(2) - 1)
}

/// There is no magic number: the name has to say it, or the header to add up.
fn is_ksplat(path: &Path, head: &[u8], length: u64) -> bool {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ksplat"));
    let level = head.get(20..22).is_some_and(|level| level[0] < 3 && level[1] == 0);
    let begins = head.starts_with(&[0, 1, 0, 0]) && level && length > HEADER as u64;
    named || (begins && word(head, 4) > 0 && word(head, 4) < 1 << 16 && word(head, 16) <= word(head, 12))
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
    super::checked::checked(Box::new(Ksplat::new(path, bytes)?), progress)
}

/// The four bytes at a place that is known to exist.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn float(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(word(bytes, at))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// A half float.
fn half(bytes: &[u8], at: usize) -> f32 {
    super::values::half(short(bytes, at))
}

/// Records of one layout.
struct Section {
    /// Rows of the file before this section.
    first: usize,
    count: usize,
    degree: u8,
    /// Where the records begin, and how long each is.
    records: usize,
    stride: usize,
    /// Where the centres of the buckets begin.
    centres: usize,
    bucket_size: usize,
    full_buckets: usize,
    /// The row behind each partial bucket, counted within the section.
    partial_ends: Vec<usize>,
    /// Steps from the centre of a bucket to its side, and the length of one.
    range: f32,
    step: f32,
}

impl Section {
    /// The bucket of a row of this section.
    fn bucket(&self, row: usize) -> usize {
        if row < self.full_buckets * self.bucket_size {
            return row / self.bucket_size;
        }
        self.full_buckets + self.partial_ends.partition_point(|&end| end <= row)
    }
}

/// The bytes of a file and where its records are.
struct Ksplat {
    info: SplatInfo,
    bytes: Vec<u8>,
    level: u8,
    sections: Vec<Section>,
    sh_low: f32,
    sh_high: f32,
}

impl Ksplat {
    fn new(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let refused = |problem: String| Error::input(path, problem, "the file is damaged or cut short: get it again");
        if bytes.len() < HEADER {
            return Err(refused(format!("{} bytes are less than the header of a KSPLAT file", bytes.len())));
        }
        let (level, count) = (short(&bytes, 20), word(&bytes, 4) as usize);
        if bytes[0] != 0 || bytes[1] < 1 || level > 2 {
            return Err(Error::input(
                path,
                format!("this is no KSPLAT file of version 0.1 (version {}.{}, level {level})", bytes[0], bytes[1]),
                "export the scene as PLY or SPZ",
            ));
        }
        let level = level as u8;
        let mut base = HEADER.saturating_add(count.saturating_mul(SECTION));
        if base > bytes.len() {
            return Err(refused(format!("a table of {count} sections does not fit into {} bytes", bytes.len())));
        }
        let mut sections = Vec::new();
        let mut rows = 0;
        for index in 0..count {
            let head = &bytes[HEADER + index * SECTION..][..SECTION];
            let (section, length) = section(&bytes, head, level, base, rows)
                .map_err(|problem| refused(format!("section {}: {problem}", index + 1)))?;
            rows += section.count;
            base += length;
            sections.push(section);
        }
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(refused(format!("its sections hold {rows} splats")));
        }
        let limit = |at: usize, usual: f32| {
            let limit = float(&bytes, at);
            if limit == 0.0 || !limit.is_finite() { usual } else { limit }
        };
        let (sh_low, sh_high) = (limit(36, -SH_LIMIT), limit(40, SH_LIMIT));
        let sh_degree = sections.iter().map(|section| section.degree).max().unwrap_or(0);
        let info = SplatInfo { format: Some(Format::Ksplat), count: rows, sh_degree, ..SplatInfo::default() };
        Ok(Ksplat { info, bytes, level, sections, sh_low, sh_high })
    }

    /// Adds a row to the columns, all but its view-dependent colours, and returns where those begin.
    fn push(&self, section: &Section, row: usize, cloud: &mut SplatCloud) -> usize {
        let bytes = &self.bytes;
        let at = section.records + row * section.stride;
        let (scales, after) = if self.level == 0 {
            cloud.means.push([0, 4, 8].map(|offset| float(bytes, at + offset)));
            let quat = [24, 28, 32, 36].map(|offset| float(bytes, at + offset));
            cloud.quats.push(quat);
            ([12, 16, 20].map(|offset| float(bytes, at + offset)), at + 40)
        } else {
            let centre = section.centres + 12 * section.bucket(row);
            cloud.means.push([0, 1, 2].map(|axis| {
                let steps = f32::from(short(bytes, at + 2 * axis)) - section.range;
                steps * section.step + float(bytes, centre + 4 * axis)
            }));
            cloud.quats.push([12, 14, 16, 18].map(|offset| half(bytes, at + offset)));
            ([6, 8, 10].map(|offset| half(bytes, at + offset)), at + 20)
        };
        cloud.log_scales.push(scales.map(log_scale));
        let [r, g, b, a] = [0, 1, 2, 3].map(|index| f32::from(bytes[after + index]) / 255.0);
        cloud.sh0.push([r, g, b].map(colour::sh0));
        cloud.opacity_logits.push(logit(a));
        after + 4
    }

    /// Adds the view-dependent colours of a row, filled up with zeros to the degree of the file. A section stores
    /// degree by degree, and within each channel by channel.
    fn push_sh(&self, section: &Section, at: usize, cloud: &mut SplatCloud) {
        let value = |index: usize| match self.level {
            0 => float(&self.bytes, at + 4 * index),
            1 => half(&self.bytes, at + 2 * index),
            _ => self.sh_low + f32::from(self.bytes[at + index]) / 255.0 * (self.sh_high - self.sh_low),
        };
        let mut begin = 0;
        for degree in 1..=section.degree {
            let rows = 2 * usize::from(degree) + 1;
            for row in 0..rows {
                cloud.sh_rest.extend((0..3).map(|channel| value(begin + channel * rows + row)));
            }
            begin += 3 * rows;
        }
        let missing = sh_values(self.info.sh_degree) - begin;
        cloud.sh_rest.extend(std::iter::repeat_n(0.0, missing));
    }
}

/// The section whose data begins at `base`, and the length of its data; or what is wrong with it.
fn section(
    bytes: &[u8],
    head: &[u8],
    level: u8,
    base: usize,
    first: usize,
) -> std::result::Result<(Section, usize), String> {
    let field = |at: usize| word(head, at) as usize;
    let (filled, places) = (field(0), field(4));
    // Viewers that load while reading leave the first count at zero.
    let count = if filled == 0 { places } else { filled.min(places) };
    let degree = short(head, 40);
    if degree > 3 {
        return Err(format!("SH degree {degree} is unknown"));
    }
    let degree = degree as u8;
    let stride = match level {
        0 => 44 + 4 * sh_values(degree),
        1 => 24 + 2 * sh_values(degree),
        _ => 24 + sh_values(degree),
    };
    let (buckets, partial) = (field(12), field(36));
    let bucket_bytes = usize::from(short(head, 20));
    let centres = partial.saturating_mul(4);
    let records = centres.saturating_add(buckets.saturating_mul(bucket_bytes));
    let length = records.saturating_add(places.saturating_mul(stride));
    if length > bytes.len() - base {
        return Err(format!(
            "{places} splats in {buckets} buckets need {length} bytes; {} are left",
            bytes.len() - base
        ));
    }
    let (bucket_size, full_buckets) = (field(8), field(32));
    let mut partial_ends = Vec::new();
    let block = float(head, 16);
    let range = if word(head, 24) == 0 { SCALE_RANGE } else { word(head, 24) } as f32;
    if level > 0 && count > 0 {
        if bucket_bytes != 12 || full_buckets.saturating_add(partial) > buckets || !block.is_finite() {
            return Err(format!("{full_buckets} full and {partial} partial of {buckets} buckets do not add up"));
        }
        let mut end = full_buckets.saturating_mul(bucket_size);
        for index in 0..partial {
            end = end.saturating_add(word(bytes, base + 4 * index) as usize);
            partial_ends.push(end);
        }
        if end < count {
            return Err(format!("its buckets hold {end} of {count} splats"));
        }
    }
    let section = Section {
        first,
        count,
        degree,
        records: base + records,
        stride,
        centres: base + centres,
        bucket_size,
        full_buckets,
        partial_ends,
        range,
        step: block / 2.0 / range,
    };
    Ok((section, length))
}

impl SplatSource for Ksplat {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let mut cloud = SplatCloud { sh_degree: self.info.sh_degree, ..SplatCloud::default() };
        for &row in rows {
            let row = row as usize;
            // The last section that begins at or before the row: empty ones begin where the next does.
            let index = self.sections.partition_point(|section| section.first <= row) - 1;
            let section = &self.sections[index];
            let sh = self.push(section, row - section.first, &mut cloud);
            self.push_sh(section, sh, &mut cloud);
        }
        Ok(cloud)
    }
}
