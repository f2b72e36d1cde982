//! SOG of PlayCanvas: splats as a handful of lossless images and a `meta.json` that tells how to read them, in a folder
//! or in one zip (`.sog`). Pixel i of every image belongs to splat i.
//!
//! Versions 1 and 2 are read, 2 is written. They differ in what a byte stands for: a point between two bounds in the
//! first, an entry of a codebook in the second. Both become tables of 256 values here ([`meta::Layout`]).

mod encode;
mod meta;
mod package;
mod read;
#[cfg(test)]
mod tests;
mod texture;
mod vp8l;

use std::path::Path;

use super::{Format, FormatRow};
use package::Package;

pub(super) const ROW: FormatRow = FormatRow {
    format: Format::Sog,
    name: "SOG",
    extensions: &["sog", "meta.json"],
    about: "For the web: 8 to 15 times smaller than PLY. View dependence is approximate.",
    sniff,
    open: Some(read::open),
    write: Some(|path, source, options, progress| encode::write(path, source, options, progress).map(|()| Vec::new())),
    max_sh_degree: 3,
    estimate,
};

/// Most bytes of a `meta.json`: three codebooks take about twenty thousand.
const MAX_META: u64 = 4 << 20;

/// Coefficients per channel beyond the constant, for degrees 0 to 3.
const COEFFICIENTS: [usize; 4] = [0, 3, 8, 15];

/// The first of the four values of alpha by which a rotation names its largest component.
const FIRST_TAG: u8 = 252;

/// Palette entries in a row of the image of the palette.
const PER_ROW: usize = 64;

/// Trained scenes take about so much per splat, and a palette half of what it has in values.
fn estimate(splats: u64, degree: u8) -> u64 {
    let values = 3 * COEFFICIENTS.get(usize::from(degree)).map_or(0, |&count| count as u64);
    let labels = if degree > 0 { 2 } else { 0 };
    10_000 + splats * (14 + labels) + palette_size(splats) * values * 11 / 20
}

/// Entries of the SH palette for so many splats: a power of two, at most what a label can name.
fn palette_size(splats: u64) -> u64 {
    1 << splats.max(1).ilog2().min(16)
}

fn sniff(path: &Path, head: &[u8], _: u64) -> bool {
    let ends = |ending: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending));
    let zip = head.starts_with(b"PK\x03\x04");
    // A damaged bundle is ours too, so that its message can say what is wrong with it.
    if zip && ends("sog") {
        return true;
    }
    let text = head.trim_ascii_start().starts_with(b"{") && ends("json");
    (zip || text || path.is_dir()) && Package::open(path).is_ok_and(|(_, meta)| meta::is_sog(&meta))
}
