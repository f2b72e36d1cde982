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

/// Bytes of streams that one pass over the source keeps: few passes, and little memory.
const KEPT: usize = 256 << 20;

/// Share of the time that is over when the positions are known.
const ORDERED: f64 = 0.1;

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
/// Streams follow one another, so each pass over the source passes one of them on at once and keeps those behind it as
/// far as there is room for them. Neighbours in space stand next to one another, which takes up to a tenth off the size;
/// finding the order takes 12 bytes per splat, the order itself 4, and in version 4 all that is compressed is kept.
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
    write_spz_within(out, source, options, (bucket, KEPT), progress)
}

/// [`write_spz_with`] that keeps at most so many bytes of streams.
pub(super) fn write_spz_within(
    out: &mut dyn Write,
    source: &dyn SplatSource,
    options: &WriteOptions,
    (bucket, kept): (fn(usize) -> i32, usize),
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
    let order = morton::order_of(means);
    let degree = info.sh_degree.min(options.sh_degree).min(3);
    let mut header = MAGIC.to_vec();
    header.extend(u32::from(options.spz_version).to_le_bytes());
    header.extend((info.count as u32).to_le_bytes());
    header.extend([degree, fractional_bits, if info.antialiased { ANTIALIASED } else { 0 }]);
    let packing = Packing {
        steps_per_unit: 2.0_f64.powi(i32::from(fractional_bits)),
        sh_values: SH_VALUES.get(usize::from(degree)).copied().unwrap_or(0),
        bucket,
    };
    let mut progress = |share: f64| progress(ORDERED + (1.0 - ORDERED) * share);
    if options.spz_version == 4 {
        let mut streams = Zstd::default();
        packing.pass_on(source, &order, kept, &mut streams, &mut progress)?;
        streams.write(out, header)
    } else {
        header.push(0);
        let mut streams = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
        streams.write_all(&header).map_err(refused)?;
        packing.pass_on(source, &order, kept, &mut Gzip(&mut streams), &mut progress)?;
        streams.finish().map(|_| ()).map_err(refused)
    }
}

/// As many bits behind the point as the farthest splat leaves, at most the usual ones.
fn fractional_bits(means: &[[f32; 3]]) -> u8 {
    let sizes = means.as_flattened().iter().map(|value| f64::from(value.abs()));
    let farthest = sizes.filter(|size| size.is_finite()).fold(0.0, f64::max);
    let fits = |bits: &u8| farthest * 2.0_f64.powi(i32::from(*bits)) <= LAST_STEP;
    (0..=FRACTIONAL_BITS).rev().find(fits).unwrap_or(0)
}

/// The streams, in the order of the file.
#[derive(Clone, Copy)]
enum Attribute {
    Position,
    Opacity,
    Colour,
    Scale,
    Rotation,
    Sh,
}

/// How splats become streams.
struct Packing {
    steps_per_unit: f64,
    /// SH values per splat.
    sh_values: usize,
    /// What SH values are rounded to.
    bucket: fn(usize) -> i32,
}

impl Packing {
    /// The streams, and the bytes of each per splat.
    fn attributes(&self) -> Vec<(Attribute, usize)> {
        use Attribute::{Colour, Opacity, Position, Rotation, Scale, Sh};
        let all = [(Position, 9), (Opacity, 1), (Colour, 3), (Scale, 3), (Rotation, 4), (Sh, self.sh_values)];
        all.into_iter().filter(|&(_, width)| width > 0).collect()
    }

    /// Adds an attribute of some splats to its stream.
    fn pack(&self, attribute: Attribute, block: &SplatCloud, out: &mut Vec<u8>) {
        match attribute {
            Attribute::Position => {
                let place = |value: &f32| pack_position(*value, self.steps_per_unit);
                out.extend(block.means.as_flattened().iter().flat_map(place));
            }
            Attribute::Opacity => out.extend(block.opacity_logits.iter().map(|&value| pack_opacity(value))),
            Attribute::Colour => out.extend(block.sh0.as_flattened().iter().map(|&value| pack_colour(value))),
            Attribute::Scale => out.extend(block.log_scales.as_flattened().iter().map(|&value| pack_scale(value))),
            Attribute::Rotation => out.extend(block.quats.iter().flat_map(|&quat| pack_quat(quat))),
            // Coefficients of lower degrees come first in a row.
            Attribute::Sh => {
                for row in block.sh_rest.chunks_exact(block.sh_width().max(1)) {
                    let values = row.iter().take(self.sh_values).enumerate();
                    out.extend(values.map(|(index, &value)| pack_sh(value, (self.bucket)(index))));
                }
            }
        }
    }

    /// Passes on all streams of the splats in this order, and keeps no more of them than told.
    fn pass_on(
        &self,
        source: &dyn SplatSource,
        order: &[u32],
        most: usize,
        streams: &mut dyn Streams,
        progress: OnProgress<'_>,
    ) -> Result<()> {
        let attributes = self.attributes();
        let total = order.len() * attributes.iter().map(|(_, width)| width).sum::<usize>();
        let mut done = 0;
        let mut pass_on = |streams: &mut dyn Streams, bytes: &[u8]| {
            streams.put(bytes)?;
            done += bytes.len();
            progress(done as f64 / total as f64)
        };
        let mut left = attributes.as_slice();
        while let Some((&(first, width), others)) = left.split_first() {
            let room = others.iter().scan(0, |kept, (_, width)| {
                *kept += width * order.len();
                Some(*kept)
            });
            let (behind, later) = others.split_at(room.take_while(|&kept| kept <= most).count());
            let mut kept: Vec<Vec<u8>> =
                behind.iter().map(|(_, width)| Vec::with_capacity(width * order.len())).collect();
            let mut bytes = Vec::new();
            streams.begin(width * order.len())?;
            for_each_block(source, Some(order), &mut |_| Ok(()), &mut |_, block| {
                kept.iter_mut().zip(behind).for_each(|(kept, &(attribute, _))| self.pack(attribute, block, kept));
                bytes.clear();
                self.pack(first, block, &mut bytes);
                pass_on(streams, &bytes)
            })?;
            streams.end()?;
            for stream in kept {
                streams.begin(stream.len())?;
                stream.chunks(PART).try_for_each(|part| pass_on(streams, part))?;
                streams.end()?;
            }
            left = later;
        }
        Ok(())
    }
}

/// What becomes of streams of bytes.
trait Streams {
    /// Begins the next one, of so many bytes.
    fn begin(&mut self, length: usize) -> Result<()>;

    /// Goes on with it.
    fn put(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends it.
    fn end(&mut self) -> Result<()>;
}

fn refused(source: std::io::Error) -> Error {
    Error::io(STREAM, "write", source)
}

/// All behind one another.
struct Gzip<'a, W: Write>(&'a mut flate2::write::GzEncoder<W>);

impl<W: Write> Streams for Gzip<'_, W> {
    fn begin(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(refused)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Each a frame. The lengths of all stand before the first.
#[derive(Default)]
struct Zstd {
    /// The open one, and how long it will be.
    open: Option<(zstd::stream::write::Encoder<'static, Vec<u8>>, usize)>,
    /// Those done, and how long they were.
    frames: Vec<(Vec<u8>, usize)>,
}

impl Streams for Zstd {
    fn begin(&mut self, length: usize) -> Result<()> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(refused)?;
        // Readers that unpack in one go look up the length in the frame.
        encoder.set_pledged_src_size(Some(length as u64)).map_err(refused)?;
        self.open = Some((encoder, length));
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.open.as_mut().map_or(Ok(()), |(encoder, _)| encoder.write_all(bytes)).map_err(refused)
    }

    fn end(&mut self) -> Result<()> {
        if let Some((encoder, length)) = self.open.take() {
            self.frames.push((encoder.finish().map_err(refused)?, length));
        }
        Ok(())
    }
}

impl Zstd {
    fn write(&self, out: &mut dyn Write, mut header: Vec<u8>) -> Result<()> {
        header.push(self.frames.len() as u8);
        // The table follows the header at once: there are no extensions.
        header.extend(32_u32.to_le_bytes());
        header.extend([0; 12]);
        for (frame, length) in &self.frames {
            header.extend((frame.len() as u64).to_le_bytes());
            header.extend((*length as u64).to_le_bytes());
        }
        out.write_all(&header).map_err(refused)?;
        self.frames.iter().try_for_each(|(frame, _)| out.write_all(frame)).map_err(refused)
    }
}
