//! Files of finished splats: every format behind one way to read and one way to write.
//!
//! A file is opened as a [`SplatSource`], which decodes any rows on demand, so that converting never holds more than
//! the bytes of the input, an order of the rows, and a block of splats. A writer takes a source and an order of its own
//! choosing. Splats in memory ([`SplatCloud`]) are a source too. What a format is called, how it is recognised, and
//! what it cannot hold stands in [`FORMATS`], once, for the command line, the window and the tests.

mod checked;
mod compressed_ply;
#[cfg(test)]
mod fixture;
mod glb;
mod html;
mod kmeans;
mod ksplat;
pub mod morton;
pub(crate) mod ply;
mod rows;
mod sog;
mod source;
mod splat;
mod splatv;
pub mod splatz;
mod spz;
mod values;
mod window;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::archive::Quantize;
use crate::error::{Error, Result};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;
use crate::scene::io::ply_rows::names;

pub use html::{StartView, ViewerHints};
use source::AtTime;
pub use source::{BLOCK, SplatInfo, SplatSource, for_each_block, read_all};

/// A kind of splat file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The layout of the reference implementation [Kerbl 2023].
    Ply,
    /// Our own: quantized and entropy coded.
    Splatz,
    /// Splats packed into 16 bytes and a byte per further SH coefficient, by PlayCanvas.
    CompressedPly,
    /// 32 bytes per splat, without SH, by antimatter15.
    Splat,
    /// Splats that move along cubics, for the splaTV viewer.
    Splatv,
    /// Quantized and compressed [Niantic Labs].
    Spz,
    /// The scenes of the GaussianSplats3D viewer.
    Ksplat,
    /// glTF with `KHR_gaussian_splatting` [Khronos].
    Glb,
    /// A web page that holds the splats and shows them.
    Html,
    /// Images and a description, by PlayCanvas.
    Sog,
}

/// What a person may choose when writing; formats ignore what does not concern them.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteOptions {
    /// Lines about the origin of the splats, for formats that have a place for them.
    pub comments: Vec<String>,
    /// Highest SH degree to write.
    pub sh_degree: u8,
    /// Version of the SPZ format, 3 or 4.
    pub spz_version: u8,
    /// Rounds of clustering for the SH palette of SOG.
    pub sog_sh_iters: u32,
    /// How finely a compressed file of our own quantizes, see [`crate::archive::Quantize`].
    pub quality: f32,
    /// The time, from 0 to 1, at which splats that move are written. Without it, formats that cannot hold motion get
    /// the first moment.
    pub time: Option<f64>,
    /// How a viewer that is written with the splats begins.
    pub viewer: ViewerHints,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            comments: Vec::new(),
            sh_degree: 3,
            spz_version: 3,
            sog_sh_iters: 10,
            quality: Quantize::default().quality,
            time: None,
            viewer: ViewerHints::default(),
        }
    }
}

/// Opens a file of one format.
pub type Open = fn(&Path, OnProgress<'_>) -> Result<Box<dyn SplatSource>>;

/// Writes a file of one format; through [`crate::atomic`], so that nothing is lost on the way. Returns what the file
/// lacks of the splats that only writing could tell, a line for a person each; [`FormatRow::losses`] has the rest.
pub type WriteSplats = fn(&Path, &dyn SplatSource, &WriteOptions, OnProgress<'_>) -> Result<Vec<String>>;

/// One format.
pub struct FormatRow {
    /// Which.
    pub format: Format,
    /// Its name, as people call it.
    pub name: &'static str,
    /// How its files end, without the leading dot, the usual one first; `compressed.ply` counts as one.
    pub extensions: &'static [&'static str],
    /// What it is good for, and what it loses, in a line.
    pub about: &'static str,
    /// Whether a file may be of this format: its path, its first bytes (up to [`HEAD`]), its length.
    pub sniff: fn(&Path, &[u8], u64) -> bool,
    /// How to read it, if it can be read.
    pub open: Option<Open>,
    /// How to write it, if it can be written.
    pub write: Option<WriteSplats>,
    /// Highest SH degree a file holds.
    pub max_sh_degree: u8,
    /// About how many bytes so many splats of an SH degree take.
    pub estimate: fn(u64, u8) -> u64,
}

/// Bytes from the start of a file that [`FormatRow::sniff`] sees.
pub const HEAD: usize = 4096;

/// All formats, in the order in which they are offered and recognised.
pub const FORMATS: &[FormatRow] = &[
    ply::ROW,
    splatz::ROW,
    compressed_ply::ROW,
    spz::ROW,
    sog::ROW,
    ksplat::ROW,
    glb::ROW,
    html::ROW,
    splatv::ROW,
    splat::ROW,
];

impl FormatRow {
    /// The SH degree that a file has when splats of `degree` are written with these options.
    pub fn kept_sh_degree(&self, degree: u8, options: &WriteOptions) -> u8 {
        degree.min(options.sh_degree).min(self.max_sh_degree)
    }

    /// What of the view-dependent colour of splats of `degree` a file will not have.
    pub fn sh_loss(&self, degree: u8, options: &WriteOptions) -> Option<String> {
        let kept = self.kept_sh_degree(degree, options);
        let what =
            if kept == 0 { "the colour is the same from everywhere" } else { "the colour changes less with the view" };
        (kept < degree).then(|| format!("SH degree {degree} → {kept}: {what}"))
    }

    /// Whether a file can say how splats move.
    pub fn keeps_motion(&self) -> bool {
        matches!(self.format, Format::Ply | Format::Splatz | Format::Splatv | Format::Html)
    }

    /// The time at which splats that move are written, if they are written at one.
    pub fn moment(&self, info: &SplatInfo, options: &WriteOptions) -> Option<f64> {
        let first = if self.keeps_motion() { None } else { Some(0.0) };
        info.motion.and(options.time.or(first))
    }

    /// What a file of this format will lack of the splats, a line for a person each.
    pub fn losses(&self, source: &dyn SplatSource, options: &WriteOptions) -> Vec<String> {
        let mut losses: Vec<String> = self.sh_loss(source.info().sh_degree, options).into_iter().collect();
        if self.format != Format::Ply && !source.extras().is_empty() {
            losses.push(format!("further properties are left out: {}", names(source.extras())));
        }
        if let Some(time) = self.moment(source.info(), options) {
            losses.push(format!("the splats stand still, as they are at time {time} of 0 to 1"));
        }
        if matches!(self.format, Format::Splat | Format::Splatv) && source.info().antialiased {
            losses.push("that the splats were trained with antialiasing is not noted".to_owned());
        }
        losses
    }
}

impl Format {
    /// Its row in the table.
    ///
    /// # Panics
    /// When it has none: a bug of ours.
    pub fn row(self) -> &'static FormatRow {
        FORMATS.iter().find(|row| row.format == self).unwrap_or_else(|| panic!("no row for {self:?}"))
    }

    /// The format that the name of a file to be written asks for.
    ///
    /// # Errors
    /// [`Error::Settings`] with the known endings when it asks for none of them.
    pub fn of_output(path: &Path) -> Result<&'static FormatRow> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let ending = |row: &&FormatRow| longest_ending(row, &name);
        let writable = FORMATS.iter().filter(|row| row.write.is_some());
        writable.clone().filter(|row| ending(row) > 0).max_by_key(ending).ok_or_else(|| {
            let known: Vec<String> = writable.map(|row| format!(".{}", row.extensions[0])).collect();
            let known = known.join(", ");
            match path.extension() {
                Some(other) => Error::settings(
                    format!("unknown format .{}", other.to_string_lossy()),
                    format!("the known formats are {known}"),
                ),
                None => Error::settings(
                    format!("{} has no extension to tell the format", path.display()),
                    format!("end the name with one of {known}"),
                ),
            }
        })
    }

    /// The format of an existing file or folder, by its content before its name.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Input`] when nothing fits.
    pub fn of_file(path: &Path) -> Result<&'static FormatRow> {
        let (head, length) = head(path)?;
        let readable = || FORMATS.iter().filter(|row| row.open.is_some());
        readable().find(|row| (row.sniff)(path, &head, length)).ok_or_else(|| {
            let known: Vec<String> = readable().map(|row| format!(".{}", row.extensions[0])).collect();
            Error::input(path, "this is no splat file of a known format", format!("known are {}", known.join(", ")))
        })
    }
}

/// Length of the longest extension of a format that a lower-case file name ends with; 0 if none.
fn longest_ending(row: &FormatRow, name: &str) -> usize {
    // Some names are endings as a whole: `meta.json`.
    let ends = |extension: &&&str| {
        name.strip_suffix(**extension)
            .is_some_and(|stem| stem.ends_with('.') || (stem.is_empty() && extension.contains('.')))
    };
    row.extensions.iter().filter(ends).map(|extension| extension.len()).max().unwrap_or(0)
}

/// The first bytes and the length of a file; nothing for a folder.
fn head(path: &Path) -> Result<(Vec<u8>, u64)> {
    let refused = |source| Error::io(path, "read", source);
    let metadata = std::fs::metadata(path).map_err(refused)?;
    if metadata.is_dir() {
        return Ok((Vec::new(), 0));
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head)).map_err(refused)?;
    Ok((head, metadata.len()))
}

/// Opens a splat file of any readable format.
///
/// # Errors
/// [`Error::Input`] when it is damaged or of no known format, and what `progress` returns.
pub fn open_splats(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let row = Format::of_file(path)?;
    match row.open {
        Some(open) => open(path, progress),
        None => Err(Error::input(path, format!("{} files can be written only", row.name), "open the original")),
    }
}

/// Reads a splat file of any readable format whole.
///
/// # Errors
/// As [`open_splats`].
pub fn load_splats(path: &Path, progress: OnProgress<'_>) -> Result<SplatCloud> {
    // Opening may take as long as decoding, where a file must be unpacked first.
    let source = open_splats(path, &mut |share| progress(0.5 * share))?;
    read_all(source.as_ref(), &mut |share| progress(0.5 + 0.5 * share))
}

/// Writes splats in the format that the name asks for; returns what [`WriteSplats`] does.
///
/// # Errors
/// As [`Format::of_output`], [`Error::Io`], and what `progress` returns; then what was at `path` is still there.
pub fn save_splats(
    path: &Path,
    source: &dyn SplatSource,
    options: &WriteOptions,
    progress: OnProgress<'_>,
) -> Result<Vec<String>> {
    let row = Format::of_output(path)?;
    match row.write {
        Some(write) => match row.moment(source.info(), options) {
            Some(time) => write(path, &AtTime::new(source, time), options, progress),
            None => write(path, source, options, progress),
        },
        None => Err(Error::settings(format!("{} files can be read only", row.name), "choose another format")),
    }
}
