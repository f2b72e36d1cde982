//! Splats and points as PLY files, in the layout of the reference implementation [Kerbl 2023].
//!
//! Stored values are the trained ones: logarithms of scales, logits of opacities, unnormalised quaternions (w first).
//! The file keeps SH coefficients channel by channel, memory keeps them coefficient by coefficient.

use super::ply_header::{Column, PlyFile};
use crate::error::{Error, Result};
use crate::scene::dataset::Point;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Rows of SH coefficients beyond the constant, for degrees 0 to 3.
const SH_ROWS: [usize; 4] = [0, 3, 8, 15];
/// Constant SH basis function, 1 / (2 sqrt(pi)).
const SH_C0: f32 = 0.282_094_79;
/// Logits and logarithms beyond this mean fully opaque, transparent or flat; some writers store infinity.
const MAX_STORED: f32 = 30.0;

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

    fn reserve(&mut self, count: usize, rows: usize) {
        self.means.reserve_exact(count);
        self.quats.reserve_exact(count);
        self.log_scales.reserve_exact(count);
        self.opacity_logits.reserve_exact(count);
        self.sh0.reserve_exact(count);
        self.sh_rest.reserve_exact(count * rows * 3);
    }

    /// Appends one row of the file, in the order of [`columns`]; or counts it as dropped.
    fn push(&mut self, row: &[f32], rows: usize) {
        let Some((head, rest)) = row.split_first_chunk::<14>() else {
            return;
        };
        let &[x, y, z, r, g, b, opacity, s0, s1, s2, qw, qx, qy, qz] = head;
        let stored = [opacity, s0, s1, s2];
        let must_be_finite = [x, y, z, r, g, b, qw, qx, qy, qz];
        let length = [qw, qx, qy, qz].iter().map(|c| c * c).sum::<f32>();
        let finite = must_be_finite.iter().chain(rest).all(|v| v.is_finite()) && length.is_finite();
        if !finite || length <= 0.0 || stored.iter().any(|v| v.is_nan()) {
            self.dropped += 1;
            return;
        }
        let bounded = |v: f32| {
            if v.is_infinite() { MAX_STORED.copysign(v) } else { v }
        };
        self.means.push([x, y, z]);
        self.sh0.push([r, g, b]);
        self.opacity_logits.push(bounded(opacity));
        self.log_scales.push([s0, s1, s2].map(bounded));
        self.quats.push([qw, qx, qy, qz]);
        for k in 0..rows {
            self.sh_rest.extend((0..3).map(|channel| rest.get(channel * rows + k).copied().unwrap_or(0.0)));
        }
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

/// Rows between two calls of an [`OnProgress`]: a few milliseconds of work.
const ROWS_PER_PROGRESS: usize = 1 << 14;

/// [`read_splats`], telling how far it is.
///
/// # Errors
/// As [`read_splats`], and what `progress` returns.
pub fn read_splats_with(path: &Path, progress: OnProgress<'_>) -> Result<SplatCloud> {
    let file = PlyFile::open(path)?;
    let (columns, rows, degree) = columns(path, &file)?;
    let count = file.vertex_count()?;
    let antialiased = file.comments.iter().any(|comment| {
        let mut words = comment.split_whitespace();
        matches!(
            (words.next(), words.next()),
            (Some("SplatRenderMode:"), Some("mip")) | (Some("antialiased"), Some("1"))
        )
    });
    let mut cloud = SplatCloud { sh_degree: degree, antialiased, ..SplatCloud::default() };
    cloud.reserve(count, rows);
    file.for_each(&columns, |row| {
        cloud.push(row, rows);
        let done = cloud.len() + cloud.dropped;
        if done.is_multiple_of(ROWS_PER_PROGRESS) { progress(done as f64 / count as f64) } else { Ok(()) }
    })?;
    Ok(cloud)
}

/// Number of splats that the header of a file promises; nothing behind the header is read.
///
/// # Errors
/// [`Error::Input`] when the header is damaged or describes something else than splats.
pub fn count_splats(path: &Path) -> Result<usize> {
    let file = PlyFile::open(path)?;
    columns(path, &file)?;
    file.vertex_count()
}

/// The wanted columns of a splat file, its SH rows and degree.
fn columns(path: &Path, file: &PlyFile) -> Result<(Vec<Column>, usize, u8)> {
    const BASE: [&str; 14] = [
        "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1",
        "rot_2", "rot_3",
    ];
    let mut columns = Vec::new();
    for name in BASE {
        match file.column(name) {
            Some(column) => columns.push(column),
            None => return Err(not_splats(path, file, name)),
        }
    }
    // Odd counts of coefficients are truncated to the largest complete degree, at the channel stride of the file.
    let stride = file.count_columns("f_rest_") / 3;
    let degree = SH_ROWS.iter().rposition(|&rows| rows <= stride).unwrap_or(0);
    let rows = SH_ROWS.get(degree).copied().unwrap_or(0);
    for channel in 0..3 {
        for k in 0..rows {
            columns.extend(file.column(&format!("f_rest_{}", channel * stride + k)));
        }
    }
    Ok((columns, rows, degree as u8))
}

fn not_splats(path: &Path, file: &PlyFile, missing: &str) -> Error {
    let (problem, remedy) = if file.column("packed_position").is_some() {
        ("this is a compressed PLY".to_owned(), "convert it to an ordinary PLY first")
    } else if missing == "scale_2" {
        ("these are flat (2D) splats, with two scales each".to_owned(), "only 3D splats can be opened")
    } else if file.column("red").is_some() || file.column("x").is_some() {
        (format!("this is a point cloud, not splats (no `{missing}`)"), "give it to a data set as `ply_file_path`")
    } else {
        (format!("there is no vertex property `{missing}`"), "export the scene again as a Gaussian splat PLY")
    };
    Error::input(path, problem, remedy)
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
    file.for_each(&columns, |row| {
        if let Some((&position, colour)) = row.split_first_chunk::<3>()
            && position.iter().all(|c| c.is_finite())
        {
            let mut rgb = [128; 3];
            for (byte, value) in rgb.iter_mut().zip(colour) {
                *byte = (value * scale + offset).round().clamp(0.0, 255.0) as u8;
            }
            points.push(Point { position, rgb });
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
    let rows = cloud.sh_width() / 3;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let refused = |source| Error::Io { path: path.to_path_buf(), action: "write", source };
    write_file(&temporary, cloud, rows, comments, progress)
        .and_then(|written| written.and_then(|()| std::fs::rename(&temporary, path)).map_err(refused))
        .inspect_err(|_| {
            // Nothing more can be done if the half-written file cannot be removed either.
            let _ = std::fs::remove_file(&temporary);
        })
}

// The outer result is the caller's wish to stop, the inner one the disk's answer.
fn write_file(
    path: &Path,
    cloud: &SplatCloud,
    rows: usize,
    comments: &[String],
    progress: OnProgress<'_>,
) -> Result<std::io::Result<()>> {
    let mut out = match File::create(path) {
        Ok(file) => BufWriter::with_capacity(1 << 20, file),
        Err(error) => return Ok(Err(error)),
    };
    let mut bytes = header(cloud, rows, comments).into_bytes();
    let mut rest = cloud.sh_rest.chunks_exact((rows * 3).max(1));
    let columns =
        cloud.means.iter().zip(&cloud.sh0).zip(&cloud.opacity_logits).zip(&cloud.log_scales).zip(&cloud.quats);
    for (row, ((((mean, sh0), opacity), scales), quat)) in columns.enumerate() {
        // Normals, which the layout has and nobody uses.
        let head = mean.iter().chain(&[0.0; 3]).chain(sh0);
        bytes.extend(head.flat_map(|value| value.to_le_bytes()));
        if let Some(rest) = rest.next() {
            for channel in 0..3 {
                bytes.extend(rest.iter().skip(channel).step_by(3).flat_map(|value| value.to_le_bytes()));
            }
        }
        let tail = std::iter::once(opacity).chain(scales).chain(quat);
        bytes.extend(tail.flat_map(|value| value.to_le_bytes()));
        if let Err(error) = out.write_all(&bytes) {
            return Ok(Err(error));
        }
        bytes.clear();
        if (row + 1).is_multiple_of(ROWS_PER_PROGRESS) {
            progress((row + 1) as f64 / cloud.len() as f64)?;
        }
    }
    // What is left of an empty scene is its header.
    let ended = out.write_all(&bytes).and_then(|()| out.into_inner().map_err(std::io::IntoInnerError::into_error));
    Ok(ended.and_then(|file| file.sync_all()))
}

fn header(cloud: &SplatCloud, rows: usize, comments: &[String]) -> String {
    let mut lines = vec!["ply".to_owned(), "format binary_little_endian 1.0".to_owned()];
    lines.push(format!("comment SplatRenderMode: {}", if cloud.antialiased { "mip" } else { "default" }));
    lines.push(format!("comment SH degree: {}", cloud.sh_degree));
    // A line break inside a comment would end the header early.
    lines.extend(comments.iter().map(|comment| format!("comment {}", comment.replace(['\r', '\n'], " "))));
    lines.push(format!("element vertex {}", cloud.len()));
    let mut names: Vec<String> = ["x", "y", "z", "nx", "ny", "nz"].map(str::to_owned).to_vec();
    names.extend((0..3).map(|i| format!("f_dc_{i}")));
    names.extend((0..3 * rows).map(|i| format!("f_rest_{i}")));
    names.push("opacity".to_owned());
    names.extend((0..3).map(|i| format!("scale_{i}")));
    names.extend((0..4).map(|i| format!("rot_{i}")));
    lines.extend(names.iter().map(|name| format!("property float {name}")));
    lines.push("end_header\n".to_owned());
    lines.join("\n")
}
