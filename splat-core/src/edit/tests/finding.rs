//! Selections find what a plain look at every displayed splat finds.

use glam::{DQuat, DVec2, DVec3};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::{camera, cloud, document, mean, oblique, rows_of, set};
use crate::edit::{
    Attribute, Combine, Document, Edit, Histogram, OrientedBox, RowSet, Viewpoint, by_attribute, in_box, in_sphere,
};
use crate::scene::{Motion, SplatCloud, TimeBasis, View};

const COUNT: usize = 2000;

/// Moved and partly hidden and deleted.
fn moved() -> Document {
    let mut document = document(cloud(COUNT, 0));
    document
        .apply(&Edit::Select { rows: RowSet::from_fn(COUNT, |row| row % 10 == 3), combine: Combine::Replace })
        .unwrap();
    document.apply(&Edit::HideSelected).unwrap();
    document
        .apply(&Edit::Select { rows: RowSet::from_fn(COUNT, |row| row % 10 == 4), combine: Combine::Replace })
        .unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    document.apply(&Edit::Transform(oblique())).unwrap();
    document
}

/// The shown splats at whose displayed place `accepts` holds.
fn looked_at(document: &Document, accepts: impl Fn(DVec3) -> bool) -> Vec<usize> {
    let place = |row: usize| document.transform().transform_point(mean(document.cloud(), row));
    let found: Vec<usize> = (0..COUNT).filter(|&row| ![3, 4].contains(&(row % 10)) && accepts(place(row))).collect();
    assert!(found.len() > 20 && found.len() < COUNT * 7 / 10, "{} of {COUNT} test little", found.len());
    found
}

/// Sees the moved scene, from so near that some of it is behind the camera.
fn moved_camera() -> View {
    View::look_at(DVec3::new(1.5, -1.5, -0.5), DVec3::new(3.0, -1.0, 0.25), DVec3::Z, 70.0, 320, 200).unwrap()
}

#[test]
fn rectangles_find_centres() {
    let (document, view, near) = (moved(), moved_camera(), 0.8);
    let viewpoint = Viewpoint::new(&document, &view, near);
    let (low, high) = (DVec2::new(-40.0, 60.0), DVec2::new(180.0, 190.0));
    let expected = looked_at(&document, |point| {
        let deep = view.viewmat.transform_point3(point).z > near;
        deep && view.project(point).is_some_and(|pixel| pixel.cmpge(low).all() && pixel.cmple(high).all())
    });
    assert_eq!(rows_of(&viewpoint.in_rectangle(low, high)), expected);
    // Dragged the other way.
    assert_eq!(rows_of(&viewpoint.in_rectangle(DVec2::new(180.0, 60.0), DVec2::new(-40.0, 190.0))), expected);
    assert!(viewpoint.in_rectangle(DVec2::NAN, high).is_empty());
}

#[test]
fn brushes_find_centres_near_the_stroke() {
    let (document, view) = (moved(), moved_camera());
    let viewpoint = Viewpoint::new(&document, &view, 0.0);
    let strokes: [Vec<DVec2>; 3] = [
        vec![DVec2::new(160.0, 100.0)],
        vec![DVec2::new(10.0, 20.0), DVec2::new(300.0, 150.0), DVec2::new(300.0, 150.0), DVec2::new(150.0, 190.0)],
        (0..400).map(|i| DVec2::from_angle(f64::from(i) * 0.05) * f64::from(i) * 0.3 + DVec2::splat(120.0)).collect(),
    ];
    for stroke in strokes {
        let radius = if stroke.len() == 1 { 40.0 } else { 11.0 };
        // Points set so densely along the stroke that their discs make up the brush.
        let distance = |pixel: DVec2| {
            let (first, last) = (stroke[0], stroke[stroke.len() - 1]);
            let ends = pixel.distance(first).min(pixel.distance(last));
            stroke.windows(2).fold(ends, |least, pair| {
                (0..=2000)
                    .fold(least, |least, i| least.min(pixel.distance(pair[0].lerp(pair[1], f64::from(i) / 2000.0))))
            })
        };
        let expected = looked_at(&document, |point| view.project(point).is_some_and(|pixel| distance(pixel) <= radius));
        assert_eq!(rows_of(&viewpoint.under_brush(&stroke, radius)), expected);
    }
    assert!(viewpoint.under_brush(&[], 5.0).is_empty());
    assert!(viewpoint.under_brush(&[DVec2::NAN], 5.0).is_empty());
    assert!(viewpoint.under_brush(&[DVec2::ZERO], f64::NAN).is_empty());
}

#[test]
fn boxes_and_spheres_find_centres() {
    let document = moved();
    let centre = DVec3::new(3.2, -0.5, 0.0);
    let region = OrientedBox { centre, rotation: DQuat::from_rotation_y(0.8), half_size: DVec3::new(0.5, 1.5, 2.0) };
    let expected = looked_at(&document, |point| {
        let inside = region.rotation.conjugate() * (point - centre);
        inside.abs().cmple(region.half_size).all()
    });
    assert_eq!(rows_of(&in_box(&document, &region, None)), expected);
    let expected = looked_at(&document, |point| point.distance(centre) <= 1.3);
    assert_eq!(rows_of(&in_sphere(&document, centre, 1.3, None)), expected);
    assert!(in_sphere(&document, centre, -1.0, None).is_empty());
    // The box of a moved scene is the moved box.
    let back = document.transform().inverse();
    let at_home = super::document(document.cloud().as_ref().clone());
    let mut same = in_box(&at_home, &region.transformed(&back), None);
    same.intersect_with(&document.shown());
    assert_eq!(same, in_box(&document, &region, None));
}

/// Splats that move, and come and go.
fn moving() -> SplatCloud {
    let rest = TimeBasis::STILL;
    let means = TimeBasis::Flow { poly: 2, fourier: 1 };
    let motion = Motion { means, quats: rest, sh0: rest, dilates: false, fades: true, frames: 8 };
    let mut cloud = cloud(COUNT, 0).with_motion(motion);
    for column in &mut cloud.more {
        for (row, values) in column.values.chunks_exact_mut(column.width).enumerate() {
            let wave = |index: usize| (1.3 * row as f32 + 2.1 * index as f32).sin();
            match column.name {
                Motion::LIFETIMES => values.copy_from_slice(&[0.5 * wave(0), 2.0 + wave(1)]),
                _ => values.iter_mut().enumerate().for_each(|(index, value)| *value = 0.4 * wave(index)),
            }
        }
    }
    cloud
}

#[test]
fn pictures_of_a_time_find_splats_where_they_are_then() {
    let cloud = moving();
    let view = View { time: Some(0.8), ..camera() };
    let (moves, there) = (document(cloud.clone()), document(cloud.at(0.8)));
    let (now, still) = (Viewpoint::new(&moves, &view, 0.1), Viewpoint::new(&there, &view, 0.1));
    let (low, high) = (DVec2::new(100.0, 60.0), DVec2::new(220.0, 140.0));
    // What has vanished is found by its place alone, but not in the picture.
    let opacity = |of: &Document, row: usize| 1.0 / (1.0 + (-of.cloud().opacity_logits[row]).exp());
    let gone = |row: usize| opacity(&there, row) < opacity(&moves, row) / 255.0;
    let found = rows_of(&now.in_rectangle(low, high));
    let expected: Vec<usize> = still.in_rectangle(low, high).iter().filter(|&row| !gone(row)).collect();
    let close = |a: &[usize], b: &[usize]| a.iter().filter(|row| !b.contains(row)).count();
    assert!(found.len() > 20 && close(&found, &expected) + close(&expected, &found) < 5, "{found:?} {expected:?}");
    let at_rest = rows_of(&Viewpoint::new(&moves, &View { time: None, ..view.clone() }, 0.1).in_rectangle(low, high));
    assert!(close(&at_rest, &found) > 10, "time makes no difference");
    let region = OrientedBox { centre: DVec3::ZERO, rotation: DQuat::IDENTITY, half_size: DVec3::splat(0.6) };
    assert_eq!(in_box(&moves, &region, view.time), in_box(&there, &region, None));
    assert_ne!(in_box(&moves, &region, view.time), in_box(&moves, &region, None));
    let ball = |document: &Document, time| in_sphere(document, DVec3::ONE, 0.8, time);
    assert_eq!(ball(&moves, view.time), ball(&there, None));
    for pixel in [DVec2::new(160.0, 100.0), DVec2::new(120.0, 90.0), DVec2::new(200.0, 130.0)] {
        let row = |viewpoint: &Viewpoint| viewpoint.at_point(pixel, 3.0).map(|hit| hit.row);
        assert_eq!(row(&now), row(&still), "{pixel}");
    }
}

#[test]
fn attributes_are_those_of_the_displayed_scene() {
    let document = moved();
    let baked = document.baked().unwrap();
    let kept = document.row_edit().src;
    let from = DVec3::new(1.0, 0.0, 2.0);
    for attribute in
        [Attribute::Opacity, Attribute::Size, Attribute::Anisotropy, Attribute::Distance(from), Attribute::Brightness]
    {
        let (shown, written) = (document.attribute(attribute), attribute.values(&baked));
        for (&row, value) in kept.iter().zip(written) {
            assert!((shown[row as usize] / value - 1.0).abs() < 1e-5, "{attribute:?} {} {value}", shown[row as usize]);
        }
        let mut sorted = shown.clone();
        sorted.sort_by(f32::total_cmp);
        let range = sorted[COUNT / 4]..=sorted[COUNT / 2];
        let expected: Vec<usize> = document.shown().iter().filter(|&row| range.contains(&shown[row])).collect();
        assert!(expected.len() > COUNT / 10);
        assert_eq!(rows_of(&by_attribute(&document, attribute, &range)), expected);
    }
}

#[test]
fn ways_are_as_long_as_they_are_displayed() {
    let mut document = document(moving());
    let before = document.attribute(Attribute::Travelled);
    assert!(before.iter().all(|way| way.is_finite()) && before.iter().any(|&way| way > 0.1));
    document.apply(&Edit::Transform(oblique())).unwrap();
    let (shown, baked) = (document.attribute(Attribute::Travelled), document.baked().unwrap());
    for (shown, written) in shown.iter().zip(Attribute::Travelled.values(&baked)) {
        assert!((shown - written).abs() <= 1e-4 * (1.0 + written), "{shown} {written}");
    }
    assert!((shown[7] / before[7] - oblique().scale as f32).abs() < 1e-4);
    let range = 0.2..=1.0;
    let expected: Vec<usize> = (0..COUNT).filter(|&row| range.contains(&shown[row])).collect();
    assert_eq!(rows_of(&by_attribute(&document, Attribute::Travelled, &range)), expected);
}

#[test]
fn attributes_have_their_textbook_values() {
    let mut cloud = cloud(1, 0);
    cloud.opacity_logits[0] = 0.0;
    cloud.log_scales[0] = [2.0, 0.1, 0.5].map(f32::ln);
    cloud.means[0] = [3.0, 4.0, 1.0];
    cloud.sh0[0] = [0.5 / 0.282_094_79, -9.0, 0.0];
    let value = |attribute: Attribute| f64::from(attribute.values(&cloud)[0]);
    for (attribute, expected) in [
        (Attribute::Opacity, 0.5),
        (Attribute::Size, 2.0),
        (Attribute::Anisotropy, 20.0),
        (Attribute::Distance(DVec3::Z), 5.0),
        (Attribute::Brightness, 0.2126 + 0.5 * 0.0722),
    ] {
        assert!((value(attribute) - expected).abs() < 1e-5, "{attribute:?} {}", value(attribute));
    }
}

proptest! {
    #[test]
    fn histograms_count_every_value_once(
        values in prop::collection::vec(prop::num::f32::ANY, 0..80),
        bins in 0_usize..12,
        log_axis in any::<bool>(),
    ) {
        let rows = RowSet::from_fn(values.len(), |row| row % 3 != 1);
        let counted: Vec<f32> = rows.iter().map(|row| values[row]).filter(|v| v.is_finite() && (!log_axis || *v > 0.0)).collect();
        match Histogram::new(&values, &rows, bins, log_axis) {
            None => prop_assert!(counted.is_empty() || bins == 0),
            Some(histogram) => {
                prop_assert_eq!(histogram.counts.iter().sum::<u32>() as usize, counted.len());
                prop_assert!((0..bins).all(|bin| histogram.edge(bin) <= histogram.edge(bin + 1)));
                prop_assert_eq!((histogram.edge(0), histogram.edge(bins)), (histogram.min, histogram.max));
                prop_assert!(counted.iter().all(|value| histogram.bin_of(*value).is_some()));
                prop_assert_eq!(&histogram.recount(&values, &rows), &histogram);
                prop_assert_eq!(histogram.recount(&values, &RowSet::new(values.len())).counts, vec![0; bins]);
            }
        }
    }
}

#[test]
fn histograms_put_values_where_they_belong() {
    let values = [1.0, 10.0, 99.0, 1000.0, 0.0, -5.0, f32::NAN, f32::INFINITY];
    let all = RowSet::full(values.len());
    let log = Histogram::new(&values, &all, 3, true).unwrap();
    assert_eq!((log.min, log.max, &log.counts), (1.0, 1000.0, &vec![1, 2, 1]));
    assert!((log.edge(1) / 10.0 - 1.0).abs() < 1e-6);
    let linear = Histogram::new(&values, &all, 2, false).unwrap();
    assert_eq!((linear.min, linear.counts.clone()), (-5.0, vec![5, 1]));
    assert_eq!(linear.recount(&values, &set(values.len(), &[3])).counts, [0, 1]);
    let same = Histogram::new(&[2.0; 4], &RowSet::full(4), 3, false).unwrap();
    assert_eq!((same.counts.clone(), same.bin_of(2.1)), (vec![4, 0, 0], None));
}

/// Balls in front of a camera at the origin that looks along z; (x, y, z, size, opacity).
fn balls(balls: &[[f32; 5]]) -> SplatCloud {
    let mut cloud = SplatCloud::default();
    for &[x, y, z, size, opacity] in balls {
        cloud.means.push([x, y, z]);
        cloud.quats.push([1.0, 0.0, 0.0, 0.0]);
        cloud.log_scales.push([size.ln(); 3]);
        cloud.opacity_logits.push((opacity / (1.0 - opacity)).ln());
        cloud.sh0.push([0.0; 3]);
    }
    cloud
}

fn ahead() -> View {
    View::look_at(DVec3::ZERO, DVec3::Z, -DVec3::Y, 90.0, 200, 200).unwrap()
}

fn picked(cloud: &SplatCloud, pixel: [f64; 2]) -> Option<usize> {
    let document = document(cloud.clone());
    Viewpoint::new(&document, &ahead(), 0.1).at_point(DVec2::from_array(pixel), 4.0).map(|hit| hit.row)
}

#[test]
fn a_click_finds_what_is_seen_there() {
    let middle = [100.0, 100.0];
    // An opaque ball in front hides the one behind, a faint veil does not.
    assert_eq!(picked(&balls(&[[0.0, 0.0, 5.0, 0.3, 0.95], [0.0, 0.0, 3.0, 0.3, 0.9]]), middle), Some(1));
    assert_eq!(picked(&balls(&[[0.0, 0.0, 5.0, 0.3, 0.95], [0.0, 0.0, 3.0, 0.3, 0.1]]), middle), Some(0));
    // The large ball covers the pixel; the centre of the small one is nearer but its ellipse does not reach.
    let sizes = balls(&[[1.0, 0.0, 5.0, 0.6, 0.9], [0.15, 0.0, 5.0, 0.001, 0.9]]);
    assert_eq!(picked(&sizes, middle), Some(0));
    // Nothing covers the pixel: the nearest centre within reach.
    let dust = balls(&[[0.14, 0.0, 5.0, 0.001, 0.9], [-0.1, 0.0, 5.0, 0.001, 0.9], [0.5, 0.0, 5.0, 0.001, 0.9]]);
    assert_eq!(picked(&dust, middle), Some(1));
    assert_eq!(picked(&dust, [100.0, 150.0]), None);
    // Behind the camera, or too near to be drawn.
    assert_eq!(picked(&balls(&[[0.0, 0.0, -2.0, 0.5, 0.9], [0.0, 0.0, 0.05, 0.01, 0.9]]), middle), None);
    assert_eq!(picked(&SplatCloud::default(), middle), None);
    assert_eq!(picked(&sizes, [f64::NAN, 0.0]), None);
}

#[test]
fn a_click_passes_through_what_is_hidden() {
    let mut document = document(balls(&[[0.0, 0.0, 5.0, 0.3, 0.95], [0.0, 0.0, 3.0, 0.3, 0.9]]));
    document.apply(&Edit::Select { rows: set(2, &[1]), combine: Combine::Replace }).unwrap();
    document.apply(&Edit::HideSelected).unwrap();
    let hit = Viewpoint::new(&document, &ahead(), 0.1).at_point(DVec2::splat(100.0), 4.0).unwrap();
    assert_eq!(hit.row, 0);
}

#[test]
fn a_click_lands_on_the_surface() {
    // A flat disc in the plane x = 0.2 z - 0.6, seen aslant; its centre is not under the pointer.
    let mut cloud = balls(&[[0.2, 0.0, 4.0, 0.8, 0.99]]);
    let normal = DVec3::new(1.0, 0.0, -0.2).normalize();
    let quat = DQuat::from_rotation_arc(DVec3::Z, normal);
    cloud.quats[0] = [quat.w, quat.x, quat.y, quat.z].map(|value| 3.0 * value as f32);
    cloud.log_scales[0] = [-0.2, -0.2, -30.0];
    let mut document = document(cloud);
    for map in [None, Some(oblique())] {
        let mut view = ahead();
        if let Some(map) = map {
            document.apply(&Edit::Transform(map)).unwrap();
            view = map.transform_view(&view);
        }
        let hit = Viewpoint::new(&document, &view, 0.1).at_point(DVec2::new(101.0, 118.0), 4.0).unwrap();
        let pixel = view.project(hit.position).unwrap();
        assert!(pixel.distance(DVec2::new(101.0, 118.0)) < 1e-4, "{pixel}");
        let home = document.transform().inverse().transform_point(hit.position);
        assert!((home.x - 0.2 * home.z + 0.6).abs() < 1e-4, "{home} is not on the disc");
    }
}

#[test]
fn the_cheap_test_misses_no_splat_that_shows() {
    let document = document(cloud(COUNT, 0));
    let inside = View::look_at(DVec3::splat(0.2), DVec3::X, DVec3::Z, 100.0, 320, 200).unwrap();
    for view in [camera(), ahead(), inside] {
        let viewpoint = Viewpoint::new(&document, &view, 0.01);
        let mut shows = 0;
        for index in 0..40 {
            let pixel = DVec2::new(f64::from(index) * 8.0, f64::from(index * 61 % 200));
            shows += viewpoint.check_reach(pixel);
        }
        assert!(shows > 100, "{shows}");
    }
}
