//! Whole PLY files of splats and points; [`crate::formats`] reads and writes splats a few at a time.

use super::ply_header::{Column, PlyFile};
use super::ply_rows::{SplatLayout, is_antialiased};
use crate::error::{Error, Result};
use crate::formats::{self, WriteOptions};
use crate::scene::colour::SH_C0;
use crate::scene::dataset::Point;
use crate::scene::{CloudColumn, Motion};
use std::path::Path;

pub use super::ply_header::Scalar;
pub use super::ply_rows::ExtraProperty;

/// Rows of SH coefficients beyond the constant, for degrees 0 to 3.
pub(crate) const SH_ROWS: [usize; 4] = [0, 3, 8, 15];
/// Logits and logarithms beyond this mean fully opaque, transparent or flat; some writers store infinity.
pub(crate) const MAX_STORED: f32 = 30.0;

/// Splats in stored space, N of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplatCloud {
    /// Positions: `[N, 3]`.
    pub means: Vec<[f32; 3]>,
    /// Rotations, w x y z, not necessarily of unit length: `[N, 4]`.
    pub quats: Vec<[f32; 4]>,
    /// Natural logarithms of the scales: `[N, 3]`.
    pub log_scales: Vec<[f32; 3]>,
    /// Opacities before the sigmoid: `[N]`.
    pub opacity_logits: Vec<f32>,
    /// Constant SH coefficients: `[N, 3]`.
    pub sh0: Vec<[f32; 3]>,
    /// Remaining SH coefficients, R0 G0 B0 R1 ..: `[N, ((degree + 1)^2 - 1) * 3]`.
    pub sh_rest: Vec<f32>,
    /// Degree of the spherical harmonics, 0 to 3.
    pub sh_degree: u8,
    /// Whether the splats were trained with the anti-aliased (mip) projection.
    pub antialiased: bool,
    /// How the splats move; none in a scene that does not.
    pub motion: Option<Motion>,
    /// Further columns of the recipe the splats were trained by, such as those of [`SplatCloud::motion`].
    pub more: Vec<CloudColumn>,
    /// Rows left out while reading, because a value was NaN or a quaternion zero.
    pub dropped: usize,
}

impl SplatCloud {
    /// Number of splats.
    pub fn len(&self) -> usize {
        self.means.len()
    }

    /// Whether there is no splat.
    pub fn is_empty(&self) -> bool {
        self.means.is_empty()
    }

    /// SH rows beyond the constant one; `None` for a degree above 3.
    pub(crate) fn sh_rows(&self) -> Option<usize> {
        SH_ROWS.get(usize::from(self.sh_degree)).copied()
    }

    /// Makes room for so many further splats.
    pub(crate) fn reserve(&mut self, count: usize) {
        let rows = self.sh_rows().unwrap_or(0);
        self.means.reserve_exact(count);
        self.quats.reserve_exact(count);
        self.log_scales.reserve_exact(count);
        self.opacity_logits.reserve_exact(count);
        self.sh0.reserve_exact(count);
        self.sh_rest.reserve_exact(count * rows * 3);
    }
}

/// Reads a splat file, ascii or binary little-endian.
///
/// # Errors
/// [`Error::Input`] when the file is damaged, cut short, big-endian, or holds something else than splats.
pub fn read_splats(path: &Path) -> Result<SplatCloud> {
    read_splats_with(path, &mut |_| Ok(()))
}

/// Told the share that is done, now and then; an error from it ends the work with that error.
pub type OnProgress<'a> = &'a mut dyn FnMut(f64) -> Result<()>;

/// [`read_splats`], telling how far it is.
///
/// # Errors
/// As [`read_splats`], and what `progress` returns.
pub fn read_splats_with(path: &Path, progress: OnProgress<'_>) -> Result<SplatCloud> {
    let file = PlyFile::open(path)?;
    let layout = SplatLayout::of(path, &file)?;
    let count = file.vertex_count()?;
    let antialiased = is_antialiased(&file.comments);
    let mut cloud = layout.empty(antialiased);
    cloud.reserve(count);
    file.for_each_block(|rows| {
        layout.decode(rows, &mut cloud);
        progress((cloud.len() + cloud.dropped) as f64 / count as f64)
    })?;
    Ok(cloud)
}

/// Number of splats that the header of a file promises; nothing behind the header is read.
///
/// # Errors
/// [`Error::Input`] when the header is damaged or describes something else than splats.
pub fn count_splats(path: &Path) -> Result<usize> {
    let file = PlyFile::open(path)?;
    SplatLayout::of(path, &file)?;
    file.vertex_count()
}

/// Reads the positions and colours of a point cloud, ascii or binary little-endian.
///
/// Points that are not finite are left out; points without colour are grey.
///
/// # Errors
/// [`Error::Input`] when the file is damaged, cut short, big-endian or has no positions.
pub fn read_points(path: &Path) -> Result<Vec<Point>> {
    let file = PlyFile::open(path)?;
    let find = |names: [&str; 3]| names.map(|name| file.column(name)).into_iter().collect::<Option<Vec<Column>>>();
    let Some(mut columns) = find(["x", "y", "z"]) else {
        return Err(Error::input(path, "the vertices have no x, y, z", "export the points again"));
    };
    let colours = [["red", "green", "blue"], ["r", "g", "b"], ["diffuse_red", "diffuse_green", "diffuse_blue"]];
    let rgb = colours.into_iter().find_map(find);
    let sh = find(["f_dc_0", "f_dc_1", "f_dc_2"]);
    // Scale and offset that turn the stored colour into 0..255.
    let (scale, offset) = match (&rgb, &sh) {
        (Some(rgb), _) if rgb.iter().all(|column| column.kind.is_float()) => (255.0, 0.0),
        (Some(_), _) => (1.0, 0.0),
        (None, Some(_)) => (255.0 * SH_C0, 127.5),
        (None, None) => (0.0, 128.0),
    };
    columns.extend(rgb.or(sh).into_iter().flatten());
    let mut points = Vec::with_capacity(file.vertex_count()?);
    let stride = file.element("vertex").map_or(1, |vertex| vertex.stride().max(1));
    let mut values = vec![0.0; columns.len()];
    file.for_each_block(|rows| {
        for row in rows.chunks_exact(stride) {
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = column.value(row);
            }
            let Some((&position, colour)) = values.split_first_chunk::<3>() else { continue };
            if position.iter().all(|c| c.is_finite()) {
                let mut rgb = [128; 3];
                for (byte, value) in rgb.iter_mut().zip(colour) {
                    *byte = (value * scale + offset).round().clamp(0.0, 255.0) as u8;
                }
                points.push(Point { position, rgb });
            }
        }
        Ok(())
    })?;
    Ok(points)
}

/// Writes a splat file, binary little-endian, with `comments` in its header.
///
/// The file appears under its name only when it is complete: a crash leaves the previous one.
///
/// # Errors
/// [`Error::Settings`] when the columns differ in length, [`Error::Io`] when the disk refuses.
pub fn write_splats(path: &Path, cloud: &SplatCloud, comments: &[String]) -> Result<()> {
    write_splats_with(path, cloud, comments, &mut |_| Ok(()))
}

/// [`write_splats`], telling how far it is.
///
/// # Errors
/// As [`write_splats`], and what `progress` returns; then no file is left behind.
pub fn write_splats_with(path: &Path, cloud: &SplatCloud, comments: &[String], progress: OnProgress<'_>) -> Result<()> {
    cloud.check()?;
    let options = WriteOptions { comments: comments.to_vec(), ..WriteOptions::default() };
    formats::ply::write(path, &cloud.source(), &options, progress)
}
