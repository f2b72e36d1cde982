//! How long things take for five million splats: `cargo test -p splat-core edit::tests::speed -- --ignored --nocapture`.

#![allow(clippy::print_stderr, reason = "times are what this is for")]

use std::time::Instant;

use glam::{DQuat, DVec2, DVec3};

use super::{camera, cloud, document, oblique};
use crate::edit::{Attribute, Combine, Edit, Extent, Histogram, OrientedBox, RowSet, Viewpoint, in_box, in_sphere};
use crate::params::params_sha256;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    eprintln!("{what:<24}{:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}

#[test]
#[ignore = "takes a minute and measures, not checks"]
fn five_million_splats() {
    let count = 5_000_000;
    let mut scene = cloud(count, 1);
    // So many splats are small ones.
    scene.log_scales.as_flattened_mut().iter_mut().for_each(|value| *value -= 3.5);
    let mut document = document(scene);
    let all = RowSet::full(count);
    let view = camera();
    let viewpoint = Viewpoint::new(&document, &view, 0.01);
    let rectangle = timed("rectangle", || viewpoint.in_rectangle(DVec2::new(80.0, 50.0), DVec2::new(240.0, 150.0)));
    let stroke: Vec<DVec2> =
        (0..300).map(|i| DVec2::new(f64::from(i), 100.0 + 50.0 * (f64::from(i) * 0.05).sin())).collect();
    timed("brush of 300 points", || viewpoint.under_brush(&stroke, 12.0));
    timed("click", || viewpoint.at_point(DVec2::new(160.0, 100.0), 5.0));
    let region =
        OrientedBox { centre: DVec3::ZERO, rotation: DQuat::from_rotation_y(0.4), half_size: DVec3::splat(0.4) };
    timed("box", || in_box(&document, &region, None));
    timed("sphere", || in_sphere(&document, DVec3::ZERO, 0.5, None));
    let sizes = timed("attribute", || document.attribute(Attribute::Size));
    timed("histogram", || Histogram::new(&sizes, &all, 128, true));
    timed("extent, trimmed", || Extent::of(&document, &all, 0.02, None));
    timed("select", || document.apply(&Edit::Select { rows: rectangle, combine: Combine::Replace })).unwrap();
    timed("delete", || document.apply(&Edit::DeleteSelected)).unwrap();
    timed("undo", || document.undo());
    timed("redo", || document.redo());
    document.undo();
    document.apply(&Edit::Transform(oblique())).unwrap();
    let baked = timed("bake, degree 1", || document.baked()).unwrap();
    timed("hash", || params_sha256(&baked));
    let mut colourful = cloud(1_000_000, 3);
    timed("transform 1 M, degree 3", || oblique().transform_cloud(&mut colourful));
}
