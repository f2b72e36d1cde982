//! Scenes for the tests of editing.

mod documents;
mod finding;
mod spaces;
mod speed;

use std::sync::Arc;

use glam::{DMat3, DQuat, DVec3};

use super::{Document, RowSet, Similarity};
use crate::scene::{SplatCloud, View};

/// Numbers in [-1, 1) that look random.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn array<const N: usize>(&mut self) -> [f32; N] {
        std::array::from_fn(|_| self.next())
    }
}

/// Stretched, turned, coloured splats in the cube of ±1.
fn cloud(count: usize, sh_degree: u8) -> SplatCloud {
    let mut noise = Noise(7);
    let mut cloud = SplatCloud { sh_degree, ..SplatCloud::default() };
    let width = cloud.sh_width();
    for _ in 0..count {
        cloud.means.push(noise.array());
        cloud.quats.push(noise.array());
        cloud.log_scales.push(noise.array().map(|value: f32| value - 2.5));
        cloud.opacity_logits.push(3.0 * noise.next());
        cloud.sh0.push(noise.array());
        cloud.sh_rest.extend((0..width).map(|_| 0.3 * noise.next()));
    }
    cloud
}

fn document(cloud: SplatCloud) -> Document {
    Document::new(Arc::new(cloud)).unwrap()
}

fn rows_of(rows: &RowSet) -> Vec<usize> {
    rows.iter().collect()
}

fn set(rows: usize, members: &[usize]) -> RowSet {
    let mut set = RowSet::new(rows);
    members.iter().for_each(|&row| set.insert(row));
    set
}

/// A map with nothing special about it.
fn oblique() -> Similarity {
    Similarity {
        rotation: DQuat::from_axis_angle(DVec3::new(0.3, -1.0, 0.6).normalize(), 2.1),
        scale: 1.7,
        translation: DVec3::new(3.0, -1.0, 0.25),
    }
}

fn camera() -> View {
    let view = View::look_at(DVec3::new(1.0, -2.0, -4.0), DVec3::ZERO, -DVec3::Y, 40.0, 320, 200).unwrap();
    View { fx: 1.1 * view.fx, cx: view.cx + 7.0, ..view }
}

fn mean(cloud: &SplatCloud, row: usize) -> DVec3 {
    DVec3::from_array(cloud.means[row].map(f64::from))
}

/// R S Sᵀ Rᵀ of a splat.
fn covariance(cloud: &SplatCloud, row: usize) -> DMat3 {
    let [w, x, y, z] = cloud.quats[row].map(f64::from);
    let axes = DMat3::from_quat(DQuat::from_xyzw(x, y, z, w).normalize());
    let scales = DVec3::from_array(cloud.log_scales[row].map(|value| f64::from(value).exp()));
    axes * DMat3::from_diagonal(scales * scales) * axes.transpose()
}
