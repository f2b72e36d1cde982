//! Writing versions 3 and 4.

use std::io::Write;

use super::quantize::{LAST_STEP, pack_colour, pack_opacity, pack_position, pack_quat, pack_scale, pack_sh, sh_bucket};
use super::{ANTIALIASED, MAGIC, SH_VALUES};
use crate::error::{Error, Result};
use crate::formats::{SplatSource, WriteOptions, for_each_block, morton};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// What errors of [`write_spz`] call the output.
pub(crate) const STREAM: &str = "SPZ data";

/// Steps of 1/4096: what all writers use while the scene fits.
const FRACTIONAL_BITS: u8 = 12;
/// The highest level takes more than twice the time for one percent.
const GZIP_LEVEL: u32 = 6;
/// The level of the reference implementation.
const ZSTD_LEVEL: i32 = 12;
/// Bytes compressed between two calls of an [`OnProgress`].
const PART: usize = 1 << 20;

/// Share of the time that is over when the positions are known, and when everything is packed.
const ORDERED: f64 = 0.1;
const PACKED: f64 = 0.3;

/// Writes splats as an SPZ file, of the version and SH degree that `options` ask for, as coarse as SPZ files are.
///
/// # Errors
/// As [`write_spz_with`].
pub(crate) fn write_spz(
    out: &mut dyn Write,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<()> {
    write_spz_with(out, source, options, sh_bucket, progress)
}

/// [`write_spz`] with SH coefficients rounded to multiples of `bucket`, which is told their place in the row of a splat;
/// readers need not know.
///
/// Two passes over the source: for the extent and the order of the positions, then for the streams, which are held as
/// a whole, 20 to 65 bytes per splat, because each must be complete before the next begins. Neighbours in space stand
/// next to one another, which takes up to a tenth off the size.
///
/// # Errors
/// [`Error::Settings`] for no splats, too many or an unknown version; [`Error::Io`] about [`STREAM`] when `out` refuses;
/// what the source or `progress` return.
pub(crate) fn write_spz_with(
    out: &mut dyn Write,
    source: &dyn SplatSource,
    options: &WriteOptions,
    bucket: fn(usize) -> i32,
    progress: OnProgress<'_>,
) -> Result<()> {
    let info = source.info();
    if !matches!(options.spz_version, 3 | 4) {
        return Err(Error::settings(
            format!("SPZ version {} cannot be written", options.spz_version),
            "choose version 3, which every program reads, or 4",
        ));
    }
    if info.count == 0 || info.count > i32::MAX as usize {
        return Err(Error::settings(
            format!("an SPZ file cannot hold {} splats", info.count),
            "it holds 1 to 2147483647: choose PLY",
        ));
    }
    let mut means = Vec::with_capacity(info.count);
    for_each_block(source, None, &mut |share| progress(ORDERED * share), &mut |_, block| {
        means.extend_from_slice(&block.means);
        Ok(())
    })?;
    let fractional_bits = fractional_bits(&means);
    let order = morton::order(&means);
    drop(means);

    let degree = info.sh_degree.min(options.sh_degree).min(3);
    let mut streams = Streams::new(info.count, degree, fractional_bits, bucket);
    let step = PACKED - ORDERED;
    for_each_block(source, Some(&order), &mut |share| progress(ORDERED + step * share), &mut |_, block| {
        streams.push(block);
        Ok(())
    })?;
    drop(order);

    let mut header = MAGIC.to_vec();
    header.extend(u32::from(options.spz_version).to_le_bytes());
    header.extend((info.count as u32).to_le_bytes());
    header.extend([degree, fractional_bits, if info.antialiased { ANTIALIASED } else { 0 }]);
    let progress: OnProgress<'_> = &mut |share| progress(PACKED + (1.0 - PACKED) * share);
    if options.spz_version == 4 {
        write_zstd(out, header, &streams, progress)
    } else {
        write_gzip(out, header, &streams, progress)
    }
}

/// As many bits behind the point as the farthest splat leaves, at most the usual ones.
fn fractional_bits(means: &[[f32; 3]]) -> u8 {
    let sizes = means.as_flattened().iter().map(|value| f64::from(value.abs()));
    let farthest = sizes.filter(|size| size.is_finite()).fold(0.0, f64::max);
    let fits = |bits: &u8| farthest * 2.0_f64.powi(i32::from(*bits)) <= LAST_STEP;
    (0..=FRACTIONAL_BITS).rev().find(fits).unwrap_or(0)
}

/// The packed splats, in the order of the file.
struct Streams {
    steps_per_unit: f64,
    /// SH values per splat.
    sh_values: usize,
    /// What SH values are rounded to.
    bucket: fn(usize) -> i32,
    /// Positions, opacities, colours, scales, rotations, and SH where there is any.
    bytes: Vec<Vec<u8>>,
}

impl Streams {
    fn new(count: usize, degree: u8, fractional_bits: u8, bucket: fn(usize) -> i32) -> Self {
        let sh_values = SH_VALUES.get(usize::from(degree)).copied().unwrap_or(0);
        let widths = [9, 1, 3, 3, 4, sh_values];
        Streams {
            steps_per_unit: 2.0_f64.powi(i32::from(fractional_bits)),
            sh_values,
            bucket,
            bytes: widths
                .into_iter()
                .filter(|&width| width > 0)
                .map(|width| Vec::with_capacity(width * count))
                .collect(),
        }
    }

    fn push(&mut self, block: &SplatCloud) {
        let [positions, opacities, colours, scales, quats, sh @ ..] = &mut self.bytes[..] else {
            return;
        };
        let place = |value: &f32| pack_position(*value, self.steps_per_unit);
        positions.extend(block.means.as_flattened().iter().flat_map(place));
        opacities.extend(block.opacity_logits.iter().map(|&value| pack_opacity(value)));
        colours.extend(block.sh0.as_flattened().iter().map(|&value| pack_colour(value)));
        scales.extend(block.log_scales.as_flattened().iter().map(|&value| pack_scale(value)));
        quats.extend(block.quats.iter().flat_map(|&quat| pack_quat(quat)));
        if let [sh] = sh {
            // Coefficients of lower degrees come first in a row.
            for row in block.sh_rest.chunks_exact(block.sh_width().max(1)) {
                let values = row.iter().take(self.sh_values).enumerate();
                sh.extend(values.map(|(index, &value)| pack_sh(value, (self.bucket)(index))));
            }
        }
    }

    fn total(&self) -> usize {
        self.bytes.iter().map(Vec::len).sum()
    }
}

fn refused(source: std::io::Error) -> Error {
    Error::io(STREAM, "write", source)
}

fn write_gzip(out: &mut dyn Write, mut header: Vec<u8>, streams: &Streams, progress: OnProgress<'_>) -> Result<()> {
    header.push(0);
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
    encoder.write_all(&header).map_err(refused)?;
    let mut done = 0;
    for part in streams.bytes.iter().flat_map(|stream| stream.chunks(PART)) {
        encoder.write_all(part).map_err(refused)?;
        done += part.len();
        progress(done as f64 / streams.total() as f64)?;
    }
    encoder.finish().map(|_| ()).map_err(refused)
}

fn write_zstd(out: &mut dyn Write, mut header: Vec<u8>, streams: &Streams, progress: OnProgress<'_>) -> Result<()> {
    header.push(streams.bytes.len() as u8);
    // The table follows the header at once: there are no extensions.
    header.extend(32_u32.to_le_bytes());
    header.extend([0; 12]);
    let mut frames = Vec::new();
    let mut done = 0;
    for stream in &streams.bytes {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(refused)?;
        // Readers that unpack in one go look up the length in the frame.
        encoder.set_pledged_src_size(Some(stream.len() as u64)).map_err(refused)?;
        for part in stream.chunks(PART) {
            encoder.write_all(part).map_err(refused)?;
            done += part.len();
            progress(done as f64 / streams.total() as f64)?;
        }
        let frame = encoder.finish().map_err(refused)?;
        header.extend((frame.len() as u64).to_le_bytes());
        header.extend((stream.len() as u64).to_le_bytes());
        frames.push(frame);
    }
    out.write_all(&header).map_err(refused)?;
    frames.iter().try_for_each(|frame| out.write_all(frame)).map_err(refused)
}
