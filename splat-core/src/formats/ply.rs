//! Ordinary PLY as one of the formats.

use std::path::Path;

use super::{Format, FormatRow, SplatInfo, SplatSource, WriteOptions};
use crate::error::Result;
use crate::scene::SplatCloud;
use crate::scene::io::ply::{OnProgress, read_splats_with, write_splats_with};

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Ply,
    name: "PLY, 32-bit floats",
    extensions: &["ply"],
    about: "Nothing is lost. Read by nearly every other program.",
    sniff: |_, head, _| head.starts_with(b"ply") && !contains(head, b"packed_position"),
    open: Some(open),
    write: Some(write),
    max_sh_degree: 3,
    estimate: size,
};

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Position, normal, colour, opacity, scales and rotation are 17 floats, each SH row beyond the constant 3 more. In the
/// header, each of them has a line of 21 or 25 bytes behind about 150 of format and comments.
fn size(splats: u64, degree: u8) -> u64 {
    let rest = 3 * ((u64::from(degree) + 1).pow(2) - 1);
    150 + 21 * 17 + 25 * rest + splats * (17 + rest) * 4
}

struct Ply {
    cloud: SplatCloud,
    info: SplatInfo,
}

impl SplatSource for Ply {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        Ok(self.cloud.gather(rows))
    }
}

fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let cloud = read_splats_with(path, progress)?;
    let info = SplatInfo { format: Some(Format::Ply), ..cloud.source().info().clone() };
    Ok(Box::new(Ply { cloud, info }))
}

fn write(path: &Path, source: &dyn SplatSource, options: &WriteOptions, progress: OnProgress<'_>) -> Result<()> {
    let mut cloud = super::read_all(source, &mut |_| Ok(()))?;
    cloud.limit_sh_degree(options.sh_degree);
    write_splats_with(path, &cloud, &options.comments, progress)
}
