//! A similarity moves everything about a scene together.

use std::f64::consts::{FRAC_PI_2, PI};

use glam::{DMat3, DQuat, DVec3};

use super::{camera, cloud, covariance, document, mean, oblique, set};
use crate::edit::sh::basis;
use crate::edit::{Edit, Extent, RowSet, Similarity};
use crate::scene::SplatCloud;

/// Colour of a splat in a direction, before the clamp at black.
fn colour(cloud: &SplatCloud, row: usize, direction: DVec3) -> [f64; 3] {
    let basis = basis(direction);
    let rows = cloud.sh_width() / 3;
    std::array::from_fn(|channel| {
        let rest = |k: usize| f64::from(cloud.sh_rest[(row * rows + k) * 3 + channel]);
        let constant = 0.5 + 0.282_094_791_773_878_14 * f64::from(cloud.sh0[row][channel]);
        constant + (0..rows).map(|k| basis[k] * rest(k)).sum::<f64>()
    })
}

fn assert_near(a: DVec3, b: DVec3, tolerance: f64) {
    assert!(a.distance(b) <= tolerance, "{a} {b}");
}

#[test]
fn shapes_and_colours_turn_with_the_scene() {
    let map = oblique();
    let turn = DMat3::from_quat(map.rotation);
    for degree in 0..=3 {
        let before = cloud(40, degree);
        let mut after = before.clone();
        map.transform_cloud(&mut after);
        for row in 0..before.len() {
            assert_near(mean(&after, row), map.transform_point(mean(&before, row)), 1e-6);
            let expected = turn * covariance(&before, row) * turn.transpose() * (map.scale * map.scale);
            let got = covariance(&after, row);
            let scale = expected.to_cols_array().into_iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            for (a, b) in got.to_cols_array().into_iter().zip(expected.to_cols_array()) {
                assert!((a - b).abs() <= 2e-6 * scale, "row {row}: {got} {expected}");
            }
            for direction in [DVec3::X, DVec3::new(-0.6, 0.0, 0.8), DVec3::new(1.0, 2.0, -2.0) / 3.0] {
                let (old, new) = (colour(&before, row, direction), colour(&after, row, turn * direction));
                assert!(old.iter().zip(new).all(|(old, new)| (old - new).abs() < 1e-6), "{old:?} {new:?}");
            }
        }
        assert_eq!((&after.opacity_logits, &after.sh0), (&before.opacity_logits, &before.sh0));
    }
}

#[test]
fn the_way_back_ends_where_it_began() {
    let before = cloud(300, 3);
    let mut after = before.clone();
    oblique().transform_cloud(&mut after);
    oblique().inverse().transform_cloud(&mut after);
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5);
    for ((name, _, old), (_, _, new)) in before.columns().into_iter().zip(after.columns()) {
        assert!(name == "quats" || close(old, new), "{name}");
    }
    for row in 0..before.len() {
        let unit = |[a, b, c, d]: [f32; 4]| glam::Vec4::new(a, b, c, d).normalize().to_array();
        assert!(close(&unit(before.quats[row]), &after.quats[row]), "{:?} {:?}", before.quats[row], after.quats[row]);
    }
}

#[test]
fn what_a_map_does_not_concern_keeps_its_bits() {
    let before = cloud(20, 3);
    let mut moved = before.clone();
    Similarity { translation: DVec3::X, ..Similarity::IDENTITY }.transform_cloud(&mut moved);
    assert_eq!(SplatCloud { means: before.means.clone(), ..moved }, before);
    // A quaternion without a direction stays as it is.
    let mut broken = before.clone();
    broken.quats[3] = [0.0; 4];
    oblique().transform_cloud(&mut broken);
    assert_eq!(broken.quats[3], [0.0; 4]);
}

#[test]
fn photos_stay_aligned() {
    let (view, map) = (camera(), oblique());
    let moved = map.transform_view(&view);
    let turned = moved.viewmat.matrix3;
    assert!((turned * turned.transpose()).abs_diff_eq(DMat3::IDENTITY, 1e-12), "the pose stays rigid");
    assert_near(moved.position(), map.transform_point(view.position()), 1e-12);
    let cloud = cloud(50, 0);
    for point in (0..50).map(|row| mean(&cloud, row)) {
        let (before, after) = (view.project(point).unwrap(), moved.project(map.transform_point(point)).unwrap());
        assert!(before.distance(after) < 1e-9, "{before} {after}");
    }
}

#[test]
fn maps_compose_and_invert() {
    let (a, point) = (oblique(), DVec3::new(0.2, -5.0, 1.0));
    let b = Similarity { rotation: DQuat::from_rotation_z(-0.7), scale: 0.3, translation: DVec3::new(0.0, 2.0, -9.0) };
    assert_near(a.then(&b).transform_point(point), b.transform_point(a.transform_point(point)), 1e-12);
    assert_near(a.then(&a.inverse()).transform_point(point), point, 1e-12);
    assert_near(a.inverse().then(&a).transform_point(point), point, 1e-12);
    let pivot = DVec3::new(1.0, 2.0, 3.0);
    let still = Similarity { translation: DVec3::ZERO, ..a }.about(pivot);
    assert_near(still.transform_point(pivot), pivot, 1e-12);
    assert_near(a.about(pivot).transform_point(pivot), pivot + a.translation, 1e-12);
}

#[test]
fn up_becomes_up_and_lengths_become_lengths() {
    for up in [DVec3::Y, -DVec3::Y, DVec3::new(0.1, -3.0, 0.4), DVec3::Z] {
        let map = Similarity::from_up(up, DVec3::Y).unwrap();
        assert_near(map.transform_point(up.normalize()), DVec3::Y, 1e-12);
        assert!(map.rotation.is_normalized() && map.scale == 1.0);
    }
    assert!(!Similarity::from_up(DVec3::Y, 2.0 * DVec3::Y).unwrap().turns());
    assert_eq!(Similarity::from_up(DVec3::ZERO, DVec3::Y), None);
    assert_eq!(Similarity::from_up(DVec3::Y, DVec3::splat(f64::NAN)), None);
    let map = Similarity::scale_to(0.5, 2.0).unwrap();
    assert_eq!(map.transform_point(DVec3::X).distance(map.transform_point(1.5 * DVec3::X)), 2.0);
    for (measured, wanted) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
        assert_eq!(Similarity::scale_to(measured, wanted), None, "{measured} {wanted}");
    }
}

#[test]
fn transforms_of_a_document_add_up() {
    let mut document = document(cloud(3, 0));
    let turn = Similarity { rotation: DQuat::from_rotation_x(FRAC_PI_2), ..Similarity::IDENTITY };
    let shift = Similarity { translation: DVec3::Y, ..Similarity::IDENTITY };
    document.apply(&Edit::Transform(shift)).unwrap();
    document.apply(&Edit::Transform(turn)).unwrap();
    assert_near(document.transform().transform_point(DVec3::ZERO), DVec3::Z, 1e-12);
}

#[test]
fn extents_ignore_strays_if_told() {
    let count = 1000;
    let mut cloud = cloud(count, 0);
    cloud.means = (0..count).map(|row| [row as f32, -(row as f32), 5.0]).collect();
    cloud.means[0] = [1e6, 0.0, 5.0];
    cloud.means[1] = [f32::NAN; 3];
    let mut document = document(cloud);
    let all = RowSet::full(count);
    let extent = Extent::of(&document, &all, 0.0, None).unwrap();
    assert_eq!((extent.min, extent.max), (DVec3::new(2.0, -999.0, 5.0), DVec3::new(1e6, 0.0, 5.0)));
    let robust = Extent::of(&document, &all, 0.02, None).unwrap();
    assert_eq!((robust.min.x, robust.max.x), (21.0, 981.0));
    assert_eq!(robust.centre().z, 5.0);
    assert!((robust.radius() - 0.5 * robust.size().length()).abs() < 1e-12);
    let median = Extent::of(&document, &set(count, &[10, 20, 70]), 0.5, None).unwrap();
    assert_eq!(median.min, DVec3::new(20.0, -20.0, 5.0));
    assert_eq!(median.max, median.min);
    assert_eq!(Extent::of(&document, &RowSet::new(count), 0.0, None), None);
    let map = Similarity { rotation: DQuat::from_rotation_z(PI), scale: 2.0, translation: DVec3::X };
    document.apply(&Edit::Transform(map)).unwrap();
    let moved = Extent::of(&document, &set(count, &[10, 20]), 0.0, None).unwrap();
    assert_near(moved.min, DVec3::new(-39.0, 20.0, 10.0), 1e-9);
    assert_near(moved.max, DVec3::new(-19.0, 40.0, 10.0), 1e-9);
}
