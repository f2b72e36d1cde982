//! Reading: every primitive of splats in the scene, where its nodes place it.

use std::collections::BTreeMap;
use std::path::Path;

use glam::{DAffine3, DMat3, DMat4, DQuat, DVec3};
use serde_json::Value;

use super::accessor::{Accessor, item, view_range};
use super::document::Document;
use super::write::half_turn;
use super::{EXTENSION, sh_attribute};
use crate::edit::Similarity;
use crate::error::{Error, Result};
use crate::formats::spz::{Spz, unpack};
use crate::formats::values::{Flip, log_scale, logit};
use crate::formats::{Format, SplatInfo, SplatSource};
use crate::scene::io::ply::OnProgress;
use crate::scene::{SplatCloud, colour};
use crate::text::shortened;

/// Fewest splats that are always accepted; beyond, a scene may not have more than bytes, however often it repeats
/// itself.
const FEW: usize = 1 << 20;
/// How unequal the three scales of a node may be.
const UNEVEN: f64 = 1e-4;

/// Names under which splats may be packed as SPZ, newest first.
const SPZ: [&str; 3] = [
    "KHR_gaussian_splatting_compression_spz_2",
    "KHR_gaussian_splatting_compression_spz",
    "KHR_spz_gaussian_splats_compression",
];

/// The attributes of a primitive, all of one length.
struct Attributes {
    means: Accessor,
    quats: Accessor,
    scales: Accessor,
    opacities: Accessor,
    /// The constant coefficient; without it, the colours that other viewers see.
    sh0: Option<Accessor>,
    colours: Option<Accessor>,
    rest: Vec<Accessor>,
}

/// Where the values of a primitive are.
enum Values {
    Attributes(Box<Attributes>),
    Spz(Box<Spz>),
}

struct Primitive {
    count: usize,
    sh_degree: u8,
    values: Values,
}

/// A primitive at a node.
struct Placed {
    /// Rows before its own.
    first: usize,
    primitive: usize,
    /// Whether x is mirrored before it is placed.
    mirrored: bool,
    place: Similarity,
}

struct Gltf {
    info: SplatInfo,
    buffers: Vec<Vec<u8>>,
    primitives: Vec<Primitive>,
    placed: Vec<Placed>,
}

pub(super) fn open(path: &Path, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let gltf = Builder::new(path, Document::open(path)?).build()?;
    crate::formats::checked::checked(Box::new(gltf), progress)
}

impl SplatSource for Gltf {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        // Rows of the same place are decoded together, so that each place is computed with once.
        let place = |row: u32| self.placed.partition_point(|placed| placed.first <= row as usize) - 1;
        let mut order: Vec<(usize, u32)> = (0..).zip(rows).map(|(index, &row)| (place(row), index)).collect();
        order.sort_unstable();
        let mut cloud =
            SplatCloud { sh_degree: self.info.sh_degree, antialiased: self.info.antialiased, ..SplatCloud::default() };
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(place, _)) = group.first() else {
                continue;
            };
            let placed = &self.placed[place];
            let inside: Vec<u32> = group.iter().map(|&(_, index)| rows[index as usize] - placed.first as u32).collect();
            let mut part = self.decode(&self.primitives[placed.primitive], &inside)?;
            if placed.mirrored {
                Flip::new(true, false, false).apply(&mut part);
            }
            placed.place.transform_cloud(&mut part);
            half_turn().apply(&mut part);
            cloud.append(&part);
        }
        if order.is_sorted_by_key(|&(_, index)| index) {
            return Ok(cloud);
        }
        let mut back = vec![0; order.len()];
        for (at, &(_, index)) in (0..).zip(&order) {
            back[index as usize] = at;
        }
        Ok(cloud.gather(&back))
    }
}

impl Attributes {
    fn decode(&self, buffers: &[Vec<u8>], rows: &[u32], sh_degree: u8) -> SplatCloud {
        let mut cloud = SplatCloud { sh_degree, ..SplatCloud::default() };
        for row in rows.iter().map(|&row| row as usize) {
            cloud.means.push(self.means.row(buffers, row));
            let [x, y, z, w] = self.quats.row(buffers, row);
            cloud.quats.push([w, x, y, z]);
            cloud.log_scales.push(self.scales.row::<3>(buffers, row).map(log_scale));
            let [opacity] = self.opacities.row(buffers, row);
            cloud.opacity_logits.push(logit(opacity));
            cloud.sh0.push(match (&self.sh0, &self.colours) {
                (Some(sh0), _) => sh0.row(buffers, row),
                (None, Some(colours)) => colours.row::<3>(buffers, row).map(|value| colour::sh0(display(value))),
                (None, None) => [0.0; 3],
            });
            for coefficient in &self.rest {
                cloud.sh_rest.extend(coefficient.row::<3>(buffers, row));
            }
        }
        cloud
    }
}

impl Gltf {
    /// Rows of a primitive in its own frame, with zeros up to the SH degree of the scene.
    fn decode(&self, primitive: &Primitive, rows: &[u32]) -> Result<SplatCloud> {
        let buffers = &self.buffers;
        let mut cloud = match &primitive.values {
            Values::Spz(spz) => spz.rows(rows)?,
            Values::Attributes(attributes) => attributes.decode(buffers, rows, primitive.sh_degree),
        };
        if cloud.sh_degree < self.info.sh_degree {
            let narrow = std::mem::take(&mut cloud.sh_rest);
            let before = cloud.sh_width();
            cloud.sh_degree = self.info.sh_degree;
            let after = cloud.sh_width();
            cloud.sh_rest = vec![0.0; after * cloud.len()];
            if before > 0 {
                for (wide, narrow) in cloud.sh_rest.chunks_exact_mut(after).zip(narrow.chunks_exact(before)) {
                    wide[..before].copy_from_slice(narrow);
                }
            }
        }
        Ok(cloud)
    }
}

/// From linear light to sRGB.
fn display(value: f32) -> f32 {
    if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

/// Walks the scene and collects its splats.
struct Builder<'a> {
    path: &'a Path,
    document: Document,
    /// Most rows that are accepted.
    most: usize,
    primitives: Vec<Primitive>,
    placed: Vec<Placed>,
    rows: usize,
    notes: Vec<String>,
}

impl<'a> Builder<'a> {
    fn new(path: &'a Path, document: Document) -> Self {
        let most = document.buffers.iter().map(Vec::len).sum::<usize>().max(FEW).min(u32::MAX as usize);
        Builder { path, document, most, primitives: Vec::new(), placed: Vec::new(), rows: 0, notes: Vec::new() }
    }

    fn build(mut self) -> Result<Gltf> {
        // The primitives of each mesh that was met.
        let mut meshes: BTreeMap<u64, std::ops::Range<usize>> = BTreeMap::new();
        let mut stored = 0;
        for (mesh, place) in self.nodes()? {
            let index = mesh.as_u64().unwrap_or(u64::MAX);
            let range = match meshes.get(&index) {
                Some(range) => range.clone(),
                None => {
                    let begin = self.primitives.len();
                    for primitive in self.mesh_primitives(&mesh) {
                        let primitive = self.primitive(&primitive)?;
                        stored += primitive.count;
                        self.check_count(stored)?;
                        self.primitives.push(primitive);
                    }
                    meshes.entry(index).or_insert(begin..self.primitives.len()).clone()
                }
            };
            if range.is_empty() {
                continue;
            }
            let (mirrored, place) = self.similarity(place)?;
            for primitive in range {
                self.placed.push(Placed { first: self.rows, primitive, mirrored, place });
                self.rows += self.primitives[primitive].count;
                self.check_count(self.rows)?;
            }
        }
        if self.rows == 0 {
            return Err(Error::input(
                self.path,
                format!("there are no Gaussian splats in this glTF scene (no {EXTENSION} at any node)"),
                "only glTF files with splats can be opened",
            ));
        }
        let antialiased = self.document.json.pointer("/asset/extras/antialiased").and_then(Value::as_bool);
        self.notes.sort_unstable();
        self.notes.dedup();
        let info = SplatInfo {
            format: Some(Format::Glb),
            count: self.rows,
            sh_degree: self.primitives.iter().map(|primitive| primitive.sh_degree).max().unwrap_or(0),
            antialiased: antialiased.unwrap_or(false),
            motion: None,
            motion_bytes: None,
            dropped: 0,
            notes: self.notes,
        };
        Ok(Gltf { info, buffers: self.document.buffers, primitives: self.primitives, placed: self.placed })
    }

    fn damaged(&self, problem: impl Into<String>) -> Error {
        Error::input(self.path, problem, "export the scene again")
    }

    fn check_count(&self, rows: usize) -> Result<()> {
        if rows <= self.most {
            return Ok(());
        }
        Err(self.damaged(format!("the scene repeats its splats to more than {}, its size in bytes", self.most)))
    }

    /// The meshes of the scene, and where each stands.
    fn nodes(&self) -> Result<Vec<(Value, DAffine3)>> {
        let json = &self.document.json;
        let all: &[Value] = json.get("nodes").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        let list = |object: &Value, name: &str| -> Vec<usize> {
            let numbers = object.get(name).and_then(Value::as_array).into_iter().flatten();
            numbers.filter_map(|number| usize::try_from(number.as_u64()?).ok()).collect()
        };
        let first = Value::from(0);
        let roots = match item(json, "scenes", json.get("scene").unwrap_or(&first)) {
            Some(scene) => list(scene, "nodes"),
            None => {
                let mut roots = vec![true; all.len()];
                for child in all.iter().flat_map(|node| list(node, "children")) {
                    roots.get_mut(child).into_iter().for_each(|root| *root = false);
                }
                (0..all.len()).filter(|&node| roots[node]).collect()
            }
        };
        let mut seen = vec![false; all.len()];
        let mut found = Vec::new();
        // Children are put on top in reverse, so that splats come in the order of the document.
        let mut open: Vec<(usize, DAffine3)> = roots.into_iter().rev().map(|node| (node, DAffine3::IDENTITY)).collect();
        while let Some((index, parent)) = open.pop() {
            let Some((node, seen)) = all.get(index).zip(seen.get_mut(index)) else {
                return Err(self.damaged(format!("node {index} does not exist")));
            };
            if std::mem::replace(seen, true) {
                return Err(self.damaged(format!("node {index} has two parents")));
            }
            let local = node_transform(node).ok_or_else(|| self.damaged(format!("node {index} stands nowhere")))?;
            let place = parent * local;
            if let Some(mesh) = node.get("mesh") {
                found.push((mesh.clone(), place));
            }
            open.extend(list(node, "children").into_iter().rev().map(|child| (child, place)));
        }
        Ok(found)
    }

    /// The primitives of a mesh that are splats.
    fn mesh_primitives(&self, mesh: &Value) -> Vec<Value> {
        let primitives = self.document.item("meshes", mesh).and_then(|mesh| mesh.get("primitives")?.as_array());
        let splats = |primitive: &&Value| {
            let extensions = primitive.get("extensions");
            extensions.is_some_and(|all| all.get(EXTENSION).is_some() || SPZ.iter().any(|name| all.get(name).is_some()))
        };
        primitives.into_iter().flatten().filter(splats).cloned().collect()
    }

    fn primitive(&mut self, primitive: &Value) -> Result<Primitive> {
        let extension = primitive.get("extensions").and_then(|all| all.get(EXTENSION)).unwrap_or(&Value::Null);
        let says = |name: &str| extension.get(name).and_then(Value::as_str);
        if let Some(kernel) = says("kernel").filter(|&kernel| kernel != "ellipse") {
            let kernel = shortened(kernel, 40);
            self.notes.push(format!("the splats are drawn as `{kernel}`; here they are drawn as ellipses"));
        }
        if let Some(space) = says("colorSpace").filter(|&space| space != "srgb_rec709_display") {
            let space = shortened(space, 40);
            self.notes.push(format!("the colours are in `{space}`; here they are shown as sRGB"));
        }
        let packed = SPZ.iter().find_map(|&name| {
            let inside = extension.get("extensions").and_then(|all| all.get(name));
            inside.or_else(|| primitive.get("extensions")?.get(name))
        });
        if let Some(packed) = packed {
            return self.packed(packed);
        }
        let buffers = &self.document.buffers;
        let attribute = |name: &str, components: &[usize]| -> Result<Option<Accessor>> {
            let Some(index) = primitive.get("attributes").and_then(|all| all.get(name)) else {
                return Ok(None);
            };
            let accessor = Accessor::new(&self.document.json, index, buffers)
                .map_err(|problem| self.damaged(format!("{name}: {problem}")))?;
            if !components.contains(&accessor.components) {
                return Err(self.damaged(format!("{name} has {} components", accessor.components)));
            }
            Ok(Some(accessor))
        };
        let needed = |name: &str, components: usize| {
            attribute(name, &[components])?.ok_or_else(|| self.damaged(format!("a primitive of splats has no {name}")))
        };
        let means = needed("POSITION", 3)?;
        let quats = needed(&format!("{EXTENSION}:ROTATION"), 4)?;
        let scales = needed(&format!("{EXTENSION}:SCALE"), 3)?;
        let opacities = needed(&format!("{EXTENSION}:OPACITY"), 1)?;
        let sh0 = attribute(&sh_attribute(0), &[3])?;
        let colours = if sh0.is_none() { attribute("COLOR_0", &[3, 4])? } else { None };
        if sh0.is_none() && colours.is_none() {
            return Err(self.damaged("a primitive of splats has no colours"));
        }
        let mut rest = Vec::new();
        let mut sh_degree = 0;
        for degree in 1..=3_usize {
            let coefficients = (degree.pow(2)..(degree + 1).pow(2)).map(|index| attribute(&sh_attribute(index), &[3]));
            // A degree that is not whole ends them.
            let Some(coefficients) = coefficients.collect::<Result<Option<Vec<Accessor>>>>()? else {
                break;
            };
            rest.extend(coefficients);
            sh_degree = degree as u8;
        }
        let count = means.count;
        let others = [Some(quats), Some(scales), Some(opacities), sh0, colours];
        if others.into_iter().flatten().chain(rest.iter().copied()).any(|accessor| accessor.count != count) {
            return Err(self.damaged(format!("the attributes of {count} splats differ in length")));
        }
        let attributes = Attributes { means, quats, scales, opacities, sh0, colours, rest };
        Ok(Primitive { count, sh_degree, values: Values::Attributes(Box::new(attributes)) })
    }

    /// A primitive whose splats are an SPZ file in a buffer view. Its values are in the frame of the node.
    fn packed(&mut self, extension: &Value) -> Result<Primitive> {
        let buffers = &self.document.buffers;
        let view = extension.get("bufferView").and_then(|view| self.document.item("bufferViews", view));
        let Some((buffer, offset, length)) = view.and_then(|view| view_range(view, buffers)) else {
            return Err(self.damaged("the bytes of packed splats (SPZ) are not in the file"));
        };
        let spz = unpack(self.path, &buffers[buffer][offset..offset + length], &mut |_| Ok(()))?.in_its_own_axes();
        self.notes.extend(spz.info().notes.iter().cloned());
        let (count, sh_degree) = (spz.info().count, spz.info().sh_degree);
        Ok(Primitive { count, sh_degree, values: Values::Spz(Box::new(spz)) })
    }

    /// A place as a mirror and what can be done to splats exactly; uneven scales would bend their colours.
    fn similarity(&self, place: DAffine3) -> Result<(bool, Similarity)> {
        let linear = place.matrix3;
        let mirrored = linear.determinant() < 0.0;
        let proper = if mirrored { linear * DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)) } else { linear };
        let scale = proper.determinant().cbrt();
        let turn = proper * (1.0 / scale);
        let residual = turn.transpose() * turn - DMat3::IDENTITY;
        let even = residual.to_cols_array().iter().all(|value| value.abs() <= UNEVEN);
        if !(even && scale > 0.0 && place.translation.is_finite()) {
            return Err(Error::input(
                self.path,
                "a node stretches its splats unevenly",
                "apply the transform in the program that made the file, or scale evenly",
            ));
        }
        // A scene that stands where it was made keeps its bits.
        if place == DAffine3::IDENTITY {
            return Ok((false, Similarity::IDENTITY));
        }
        let rotation = DQuat::from_mat3(&turn).normalize();
        Ok((mirrored, Similarity { rotation, scale, translation: place.translation }))
    }
}

/// What a node does to what is in it; `None` when its numbers are none.
fn node_transform(node: &Value) -> Option<DAffine3> {
    fn numbers<const N: usize>(node: &Value, name: &str, default: [f64; N]) -> Option<[f64; N]> {
        let Some(value) = node.get(name) else {
            return Some(default);
        };
        let values: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
        values.try_into().ok().filter(|values: &[f64; N]| values.iter().all(|value| value.is_finite()))
    }
    let matrix = numbers(node, "matrix", DMat4::IDENTITY.to_cols_array())?;
    let translation = DVec3::from_array(numbers(node, "translation", [0.0; 3])?);
    let rotation = DQuat::from_array(numbers(node, "rotation", [0.0, 0.0, 0.0, 1.0])?);
    let scale = DVec3::from_array(numbers(node, "scale", [1.0; 3])?);
    if rotation.length_squared() <= 0.0 {
        return None;
    }
    let parts = DAffine3::from_scale_rotation_translation(scale, rotation.normalize(), translation);
    Some(DAffine3::from_mat4(DMat4::from_cols_array(&matrix)) * parts)
}
