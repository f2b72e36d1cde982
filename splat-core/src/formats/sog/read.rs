//! Splats out of the samples of images, any rows at any time.

use std::path::Path;

use super::meta::{self, Layout, PaletteLayout, Table};
use super::package::Package;
use super::texture::{self, Texture};
use super::{COEFFICIENTS, FIRST_TAG, PER_ROW};
use crate::error::{Error, Result};
use crate::formats::{Format, SplatInfo, SplatSource};
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// Splats per byte of the images that are believed. Trained ones take more than five bytes each; what claims to be
/// smaller by far would only fill the memory.
const MOST_PER_BYTE: u64 = 16;
/// Splats, and pixels, that any file may have.
const ALWAYS_ALLOWED: u64 = 1 << 16;
/// Pixels per splat that an image may have: some writers want powers of two on both sides.
const MOST_PIXELS_PER_SPLAT: u64 = 4;
/// Pixels of the largest palette there can be: a label has 16 bits, an entry 15 coefficients.
const MOST_PALETTE_PIXELS: u64 = 16 * (1 << 16);

/// Samples and tables of a scene: about twenty bytes per splat.
struct Sog {
    info: SplatInfo,
    layout: Layout,
    means: [Vec<[u8; 3]>; 2],
    quats: Vec<[u8; 4]>,
    scales: Vec<[u8; 3]>,
    sh0: Vec<[u8; 4]>,
    palette: Option<Palette>,
}

struct Palette {
    table: Table,
    /// Coefficients of a splat, per channel.
    coefficients: usize,
    /// Red, green and blue of each coefficient of each entry.
    entries: Vec<[u8; 3]>,
    labels: Vec<u16>,
}

impl SplatSource for Sog {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let each = |decode: &dyn Fn(usize) -> [f32; 3]| rows.iter().map(|&row| decode(row as usize)).collect();
        let tables = |bytes: &[u8], tables: &[Table; 3]| -> [f32; 3] {
            std::array::from_fn(|i| tables[i][usize::from(bytes[i])])
        };
        let mut cloud = SplatCloud {
            means: each(&|row| self.mean(row)),
            quats: rows.iter().map(|&row| quat(self.quats[row as usize])).collect(),
            log_scales: each(&|row| tables(&self.scales[row], &self.layout.scale_tables)),
            opacity_logits: rows
                .iter()
                .map(|&row| self.layout.opacity_table[usize::from(self.sh0[row as usize][3])])
                .collect(),
            sh0: each(&|row| tables(&self.sh0[row], &self.layout.sh0_tables)),
            sh_degree: self.info.sh_degree,
            antialiased: self.info.antialiased,
            ..SplatCloud::default()
        };
        if let Some(palette) = &self.palette {
            for &row in rows {
                let label = usize::from(palette.labels[row as usize]);
                let entry = &palette.entries[label * palette.coefficients..][..palette.coefficients];
                cloud.sh_rest.extend(entry.as_flattened().iter().map(|&byte| palette.table[usize::from(byte)]));
            }
        }
        Ok(cloud)
    }
}

impl Sog {
    fn mean(&self, row: usize) -> [f32; 3] {
        let (mins, maxs) = (&self.layout.mins, &self.layout.maxs);
        std::array::from_fn(|axis| {
            let value = u16::from_le_bytes([self.means[0][row][axis], self.means[1][row][axis]]);
            // The reference reader takes a range of no width for one of width 1.
            let width = maxs[axis] - mins[axis];
            let width = if width == 0.0 { 1.0 } else { width };
            let log = mins[axis] + width * f64::from(value) / 65535.0;
            (log.abs().exp_m1() * log.signum()) as f32
        })
    }
}

/// A rotation from three components and the name of the fourth, in the order w, x, y, z.
fn quat([a, b, c, tag]: [u8; 4]) -> [f32; 4] {
    let Some(largest) = tag.checked_sub(FIRST_TAG) else {
        return [1.0, 0.0, 0.0, 0.0];
    };
    let others = [a, b, c].map(|byte| (f32::from(byte) / 255.0 * 2.0 - 1.0) * std::f32::consts::FRAC_1_SQRT_2);
    let square: f32 = others.iter().map(|component| component * component).sum();
    let mut quat = [0.0; 4];
    let mut others = others.into_iter();
    for (index, component) in quat.iter_mut().enumerate() {
        let rest = (1.0 - square).max(0.0).sqrt();
        *component = if index == usize::from(largest) { rest } else { others.next().unwrap_or(0.0) };
    }
    quat
}

/// Opens a bundle, a folder, or the folder around a `meta.json`.
///
/// # Errors
/// [`Error::Input`] when something is missing, damaged, or does not fit together.
pub(super) fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let (mut package, text) = Package::open(path)?;
    let layout = meta::parse(path, &text)?;
    let mut names = layout.means.to_vec();
    names.extend([&layout.quats, &layout.scales, &layout.sh0].map(String::clone));
    names.extend(layout.shn.iter().flat_map(|shn| [shn.labels.clone(), shn.centroids.clone()]));
    let mut images = Vec::new();
    let mut total = 0;
    for name in names {
        let bytes = package.read(&name)?;
        total += bytes.len() as u64;
        images.push((name, bytes));
    }
    let most = total.saturating_mul(MOST_PER_BYTE).max(ALWAYS_ALLOWED);
    let count = match usize::try_from(layout.count) {
        Ok(count) if layout.count <= most && u32::try_from(count).is_ok() => count,
        _ => {
            let problem = format!("meta.json promises {} splats, but the images have {total} bytes", layout.count);
            return Err(Error::input(path, problem, "export the scene again"));
        }
    };
    let mut images = Images { package: &package, images: images.into_iter(), count, progress, done: 0, total };
    let means = [images.next()?, images.next()?];
    let (quats, scales, sh0) = (images.next()?, images.next()?, images.next()?);
    let palette = match &layout.shn {
        Some(shn) => Some(palette(shn, &mut images)?),
        None => None,
    };
    let degree = palette.as_ref().and_then(|palette| COEFFICIENTS.iter().position(|&c| c == palette.coefficients));
    let info = SplatInfo {
        format: Some(Format::Sog),
        count,
        sh_degree: degree.unwrap_or(0) as u8,
        antialiased: layout.antialiased,
        motion: None,
        motion_bytes: None,
        dropped: 0,
        notes: layout.notes.clone(),
    };
    Ok(Box::new(Sog { info, layout, means, quats, scales, sh0, palette }))
}

/// The images of a scene, decoded one after the other.
struct Images<'a> {
    package: &'a Package,
    images: std::vec::IntoIter<(String, Vec<u8>)>,
    count: usize,
    progress: OnProgress<'a>,
    done: u64,
    total: u64,
}

impl Images<'_> {
    fn wrong(&self, name: &str, problem: &str) -> Error {
        Error::input(self.package.path(), format!("{name}: {problem}"), "export the scene again")
    }

    fn decode(&mut self, most_pixels: u64) -> Result<(String, Texture)> {
        let (name, bytes) = self.images.next().unwrap_or_default();
        let texture = texture::decode(&bytes, most_pixels).map_err(|problem| self.wrong(&name, &problem))?;
        self.done += bytes.len() as u64;
        (self.progress)(self.done as f64 / self.total.max(1) as f64)?;
        Ok((name, texture))
    }

    /// The next image, with a pixel for each splat.
    fn next<const N: usize>(&mut self) -> Result<Vec<[u8; N]>> {
        let most = (self.count as u64).saturating_mul(MOST_PIXELS_PER_SPLAT).max(ALWAYS_ALLOWED);
        let (name, texture) = self.decode(most)?;
        texture.take(self.count).ok_or_else(|| {
            let problem = format!("{} x {} pixels for {} splats", texture.width, texture.height, self.count);
            self.wrong(&name, &problem)
        })
    }
}

fn palette(shn: &PaletteLayout, images: &mut Images<'_>) -> Result<Palette> {
    let labels: Vec<u16> = images.next::<2>()?.into_iter().map(u16::from_le_bytes).collect();
    let (name, texture) = images.decode(MOST_PALETTE_PIXELS)?;
    let (width, height) = (texture.width as usize, texture.height as usize);
    let coefficients = match shn.shape {
        Some((_, degree)) => COEFFICIENTS.get(usize::from(degree)).copied(),
        None => COEFFICIENTS.iter().copied().find(|&count| count > 0 && count * PER_ROW == width),
    };
    let Some(coefficients) = coefficients.filter(|&count| count > 0 && count * PER_ROW == width) else {
        let problem = format!("{width} x {height} pixels; 192, 512 or 960 across were expected, as the degree demands");
        return Err(images.wrong(&name, &problem));
    };
    let entries = match shn.shape {
        Some((count, _)) => usize::try_from(count).ok().filter(|&count| count <= PER_ROW * height),
        None => Some(PER_ROW * height),
    };
    let Some(entries) = entries else {
        return Err(images.wrong(&name, &format!("{width} x {height} pixels are too few for the palette")));
    };
    if let Some(label) = labels.iter().copied().find(|&label| usize::from(label) >= entries) {
        return Err(images.wrong(&shn.labels, &format!("label {label}, in a palette of {entries}")));
    }
    // Entries follow one another in a row of pixels, and rows have no gap between them.
    let entries = texture.take(entries * coefficients).unwrap_or_default();
    Ok(Palette { table: shn.table, coefficients, entries, labels })
}
