//! A splat as a vertex row of a PLY file, in the layout of the reference implementation [Kerbl 2023].
//!
//! Stored values are the trained ones: logarithms of scales, logits of opacities, unnormalised quaternions (w first).
//! The file keeps SH coefficients channel by channel, memory keeps them coefficient by coefficient.

use super::ply::{MAX_STORED, SH_ROWS, SplatCloud};
use super::ply_header::{Column, PlyFile, Scalar};
use crate::error::{Error, Result};
use crate::scene::Motion;
use std::path::Path;

/// The properties of a splat, but for the SH coefficients beyond the constant.
const BASE: [&str; 14] = [
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2",
    "rot_3",
];
/// Properties without meaning, which the layout has and nobody uses.
const NORMALS: [&str; 3] = ["nx", "ny", "nz"];
/// Names of properties that a message lists at most.
const NAMES_TOLD: usize = 8;

/// A property of each splat that no field of [`SplatCloud`] holds: a label, a confidence, an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraProperty {
    /// What the file calls it.
    pub name: String,
    /// Its type.
    pub kind: Scalar,
}

/// Where the values of a splat are in the packed rows of a file.
pub(crate) struct SplatLayout {
    columns: Vec<Column>, // in the order of `BASE`, then `sh_rows` coefficients of each channel
    sh_rows: usize,
    stride: usize,
    extra_columns: Vec<Column>,
    motion_columns: Vec<Column>, // in the order of the columns of `motion`
    /// How the splats move.
    pub(crate) motion: Option<Motion>,
    /// Degree of the spherical harmonics, 0 to 3.
    pub(crate) sh_degree: u8,
    /// What else the rows hold.
    pub(crate) extras: Vec<ExtraProperty>,
    /// What could not be understood or had to be cut.
    pub(crate) notes: Vec<String>,
}

impl SplatLayout {
    /// The layout of a file.
    ///
    /// # Errors
    /// [`Error::Input`] when it holds something else than splats.
    pub(crate) fn of(path: &Path, file: &PlyFile) -> Result<Self> {
        let mut columns = Vec::new();
        for name in BASE {
            columns.push(file.column(name).ok_or_else(|| not_splats(path, file, name))?);
        }
        // Odd counts of coefficients are truncated to the largest complete degree, at the channel stride of the file.
        let coefficients = file.count_columns("f_rest_");
        let channel_stride = coefficients / 3;
        let degree = SH_ROWS.iter().rposition(|&rows| rows <= channel_stride).unwrap_or(0);
        let sh_rows = SH_ROWS.get(degree).copied().unwrap_or(0);
        for channel in 0..3 {
            columns
                .extend((0..sh_rows).filter_map(|k| file.column(&format!("f_rest_{}", channel * channel_stride + k))));
        }
        let mut notes = Vec::new();
        if coefficients == 72 {
            notes.push("spherical harmonics of degree 4 were cut to degree 3".to_owned());
        } else if coefficients != 3 * sh_rows {
            notes.push(format!(
                "{coefficients} coefficients of spherical harmonics are no whole degree; they were cut to degree {degree}"
            ));
        }
        let motion = motion_of(path, file)?;
        let mut motion_columns = Vec::new();
        for property in motion.map(|motion| motion_properties(&motion)).unwrap_or_default() {
            let missing = || not_splats(path, file, &property.name);
            motion_columns.push(file.column(&property.name).ok_or_else(missing)?);
        }
        let mut extras = Vec::new();
        let mut extra_columns = Vec::new();
        let vertex = file.element("vertex");
        for (name, column) in vertex.into_iter().flat_map(|vertex| vertex.in_order()) {
            // Of several properties with the same name, the first counts.
            let first = file.column(name) == Some(column);
            if first
                && !motion_columns.contains(&column)
                && !BASE.contains(&name)
                && !NORMALS.contains(&name)
                && !is_coefficient(name)
            {
                extras.push(ExtraProperty { name: name.to_owned(), kind: column.kind });
                extra_columns.push(column);
            }
        }
        if !extras.is_empty() {
            notes.push(format!("further properties, which only ordinary PLY files keep: {}", names(&extras)));
        }
        let stride = vertex.map_or(0, |vertex| vertex.stride());
        let sh_degree = degree as u8;
        Ok(Self { columns, sh_rows, stride, extra_columns, motion_columns, motion, sh_degree, extras, notes })
    }

    /// No splats yet, of the kind that the rows hold.
    pub(crate) fn empty(&self, antialiased: bool) -> SplatCloud {
        let cloud = SplatCloud { sh_degree: self.sh_degree, antialiased, ..SplatCloud::default() };
        match self.motion {
            Some(motion) => cloud.with_motion(motion),
            None => cloud,
        }
    }

    /// Bytes from row to row; never 0.
    pub(crate) fn stride(&self) -> usize {
        self.stride.max(1)
    }

    /// Appends the splats of packed rows to a cloud of the same degree; the bad ones are counted instead.
    pub(crate) fn decode(&self, bytes: &[u8], cloud: &mut SplatCloud) {
        let mut values = vec![0.0; self.columns.len()];
        for row in bytes.chunks_exact(self.stride()) {
            self.values(row, &mut values);
            if is_splat(&values) {
                push(cloud, &values, self.sh_rows);
                let mut moving = self.motion_columns.iter();
                for column in &mut cloud.more {
                    let finite = |value: f32| if value.is_finite() { value } else { 0.0 };
                    column.values.extend(moving.by_ref().take(column.width).map(|column| finite(column.value(row))));
                }
            } else {
                cloud.dropped += 1;
            }
        }
    }

    /// Calls `each` with the index of every row that is no splat, since a value is NaN or the quaternion zero.
    pub(crate) fn for_each_bad(&self, bytes: &[u8], mut each: impl FnMut(usize)) {
        let mut values = vec![0.0; self.columns.len()];
        for (index, row) in bytes.chunks_exact(self.stride()).enumerate() {
            self.values(row, &mut values);
            if !is_splat(&values) {
                each(index);
            }
        }
    }

    /// The further properties of packed rows, packed.
    pub(crate) fn extra_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        for row in bytes.chunks_exact(self.stride()) {
            for column in &self.extra_columns {
                packed
                    .extend_from_slice(row.get(column.offset..column.offset + column.kind.size()).unwrap_or_default());
            }
        }
        packed
    }

    fn values(&self, row: &[u8], values: &mut [f32]) {
        for (value, column) in values.iter_mut().zip(&self.columns) {
            *value = column.value(row);
        }
    }
}

/// The names of some properties, for a message.
pub(crate) fn names(extras: &[ExtraProperty]) -> String {
    let told: Vec<&str> = extras.iter().take(NAMES_TOLD).map(|extra| extra.name.as_str()).collect();
    match extras.len().saturating_sub(NAMES_TOLD) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

fn is_coefficient(name: &str) -> bool {
    name.strip_prefix("f_rest_").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether values in the order of a layout are those of a splat; opacity and scales may be infinite.
fn is_splat(values: &[f32]) -> bool {
    let Some((head, rest)) = values.split_first_chunk::<14>() else {
        return false;
    };
    let &[x, y, z, r, g, b, opacity, s0, s1, s2, qw, qx, qy, qz] = head;
    let length = [qw, qx, qy, qz].iter().map(|c| c * c).sum::<f32>();
    [x, y, z, r, g, b, length].iter().chain(rest).all(|value| value.is_finite())
        && length > 0.0
        && ![opacity, s0, s1, s2].iter().any(|value| value.is_nan())
}

fn push(cloud: &mut SplatCloud, values: &[f32], sh_rows: usize) {
    let Some((head, rest)) = values.split_first_chunk::<14>() else {
        return;
    };
    let &[x, y, z, r, g, b, opacity, s0, s1, s2, qw, qx, qy, qz] = head;
    let bounded = |v: f32| {
        if v.is_infinite() { MAX_STORED.copysign(v) } else { v }
    };
    cloud.means.push([x, y, z]);
    cloud.sh0.push([r, g, b]);
    cloud.opacity_logits.push(bounded(opacity));
    cloud.log_scales.push([s0, s1, s2].map(bounded));
    cloud.quats.push([qw, qx, qy, qz]);
    for k in 0..sh_rows {
        cloud.sh_rest.extend((0..3).map(|channel| rest.get(channel * sh_rows + k).copied().unwrap_or(0.0)));
    }
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

/// Whether the comments of a file say that its splats were trained with the anti-aliased (mip) projection.
pub(crate) fn is_antialiased(comments: &[String]) -> bool {
    comments.iter().any(|comment| {
        let mut words = comment.split_whitespace();
        matches!(
            (words.next(), words.next()),
            (Some("SplatRenderMode:"), Some("mip")) | (Some("antialiased"), Some("1"))
        )
    })
}

/// What a comment begins with that says how splats move; JSON follows.
const MOTION: &str = "Splat motion:";

/// How the splats of a file move.
fn motion_of(path: &Path, file: &PlyFile) -> Result<Option<Motion>> {
    let Some(described) = file.comments.iter().find_map(|comment| comment.strip_prefix(MOTION)) else {
        return Ok(None);
    };
    let motion = serde_json::from_str(described).ok().filter(Motion::is_sound);
    let unknown = || Error::input(path, "its splats move in an unknown way", "update this program");
    motion.map(Some).ok_or_else(unknown)
}

/// The comment that says how splats move.
pub(crate) fn motion_line(motion: &Motion) -> Option<String> {
    Some(format!("comment {MOTION} {}", serde_json::to_string(motion).ok()?))
}

/// The properties of splats that move, beside those of splats at rest.
pub(crate) fn motion_properties(motion: &Motion) -> Vec<ExtraProperty> {
    let columns = motion.columns().into_iter();
    let names = columns.flat_map(|column| (0..column.width).map(move |i| format!("{}_{i}", column.name)));
    names.map(|name| ExtraProperty { name, kind: Scalar::F32 }).collect()
}

/// What a header says before its elements.
pub(crate) fn preamble(antialiased: bool, sh_degree: u8, comments: &[String]) -> Vec<String> {
    let mut lines = vec!["ply".to_owned(), "format binary_little_endian 1.0".to_owned()];
    lines.push(format!("comment SplatRenderMode: {}", if antialiased { "mip" } else { "default" }));
    lines.push(format!("comment SH degree: {sh_degree}"));
    // A line break inside a comment would end the header early.
    lines.extend(comments.iter().map(|comment| format!("comment {}", comment.replace(['\r', '\n'], " "))));
    lines
}

/// The lines of a header for the rows of [`encode`].
pub(crate) fn vertex_lines(count: usize, sh_rows: usize, extras: &[ExtraProperty]) -> Vec<String> {
    let mut names: Vec<String> = ["x", "y", "z"].into_iter().chain(NORMALS).map(str::to_owned).collect();
    names.extend((0..3).map(|i| format!("f_dc_{i}")));
    names.extend((0..3 * sh_rows).map(|i| format!("f_rest_{i}")));
    names.push("opacity".to_owned());
    names.extend((0..3).map(|i| format!("scale_{i}")));
    names.extend((0..4).map(|i| format!("rot_{i}")));
    let mut lines = vec![format!("element vertex {count}")];
    lines.extend(names.iter().map(|name| format!("property float {name}")));
    lines.extend(extras.iter().map(|extra| format!("property {} {}", extra.kind.name(), extra.name)));
    lines
}

/// Appends splats as rows with `sh_rows` coefficients per channel, each with `extra_size` bytes of further properties.
pub(crate) fn encode(cloud: &SplatCloud, sh_rows: usize, extras: &[u8], extra_size: usize, bytes: &mut Vec<u8>) {
    fn put<'a>(bytes: &mut Vec<u8>, values: impl IntoIterator<Item = &'a f32>) {
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    let mut rest = cloud.sh_rest.chunks_exact(cloud.sh_width().max(1));
    let mut extras = extras.chunks_exact(extra_size.max(1));
    let mut moving: Vec<_> = cloud.more.iter().map(|column| (column.width, column.values.iter())).collect();
    let columns =
        cloud.means.iter().zip(&cloud.sh0).zip(&cloud.opacity_logits).zip(&cloud.log_scales).zip(&cloud.quats);
    for ((((mean, sh0), opacity), scales), quat) in columns {
        put(bytes, mean);
        put(bytes, &[0.0; 3]);
        put(bytes, sh0);
        let rest = rest.next().unwrap_or_default();
        for channel in 0..3 {
            put(bytes, rest.iter().skip(channel).step_by(3).take(sh_rows));
        }
        put(bytes, [opacity]);
        put(bytes, scales);
        put(bytes, quat);
        for (width, values) in &mut moving {
            put(bytes, values.by_ref().take(*width));
        }
        bytes.extend_from_slice(extras.next().unwrap_or_default());
    }
}
