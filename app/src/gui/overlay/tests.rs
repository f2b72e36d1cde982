//! Everything at once, from awkward places: what is drawn must be numbers near the picture.

use super::{
    BoxVolume, Frusta, Frustum, Ink, Projection, SphereVolume, axes, brush, edit_box, edit_sphere, gizmo, grid,
    measurement, outline_box, pivot, rectangle,
};
use crate::gui::nav::Ground;
use egui::epaint::Primitive;
use egui::{Ui, pos2, vec2};
use egui_kittest::Harness;
use glam::{DQuat, DVec3};
use splat_core::scene::View;

/// A ring of cameras around the origin, a few of them held out.
fn ring(count: usize) -> Vec<Frustum> {
    let camera = |i: usize| {
        let (sine, cosine) = (std::f64::consts::TAU * i as f64 / count as f64).sin_cos();
        let eye = DVec3::new(3.0 * cosine, 1.0 + 0.3 * (i % 7) as f64, 3.0 * sine);
        Frustum::of(&View::look_at(eye, DVec3::ZERO, DVec3::Y, 50.0, 600, 400).unwrap(), i.is_multiple_of(8))
    };
    (0..count).map(camera).collect()
}

/// Draws every overlay for one view.
fn everything(ui: &Ui, view: &View, cameras: &[Frustum], photo: Option<egui::TextureId>) {
    let area = ui.ctx().content_rect();
    let distance = view.position().length().max(0.1);
    let projection = Projection::new(view, area, distance);
    let ink = Ink::of(ui.visuals());
    let ground = Ground::of(DVec3::Y).unwrap();
    let painter = ui.painter().with_clip_rect(projection.fit().rect());
    grid(&painter, &projection, &ink, &ground, DVec3::new(0.0, -0.5, 0.0));
    axes(&painter, &projection, &ink, DVec3::ZERO, 1.0);
    let photo = |i: usize| photo.filter(|_| i.is_multiple_of(3));
    let frusta = Frusta { all: cameras, size: 0.5, selected: Some(2), marked: Some(4), photo: &photo };
    frusta.show(&painter, &projection, &ink, None);
    let cuboid = BoxVolume {
        centre: DVec3::new(0.6, 0.2, -0.4),
        half: DVec3::new(0.8, 0.4, 0.6),
        rotation: DQuat::from_rotation_y(0.4),
    };
    edit_box(ui, &projection, &ink, "Box", &mut cuboid.clone());
    let crop = BoxVolume { half: DVec3::splat(1.4), ..cuboid };
    outline_box(&painter, &projection, &ink, &crop, ink.test);
    edit_sphere(ui, &projection, &ink, "Sphere", &mut SphereVolume { centre: DVec3::NEG_X, radius: 0.5 });
    measurement(&painter, &projection, &ink, [Some(DVec3::ZERO), Some(DVec3::new(-1.5, 0.8, 0.3))], "1.73 m");
    pivot(&painter, &projection, &ink, DVec3::ZERO, true);
    rectangle(&painter, &ink, pos2(40.0, 40.0), pos2(180.0, 120.0));
    let trail: Vec<_> = (0..200).map(|i| pos2(60.0 + i as f32, 400.0 + 30.0 * (i as f32 * 0.05).sin())).collect();
    brush(&painter, &ink, pos2(260.0, 400.0), 24.0, &trail);
    gizmo(ui, &ink, view, &ground, area.right_top() + vec2(-60.0, 60.0));
}

#[test]
fn what_is_drawn_is_finite_and_near_the_picture_from_anywhere() {
    let targets = [
        (DVec3::new(2.0, 2.5, 6.0), DVec3::ZERO, DVec3::Y),
        // In the plane of the grid, at the middle of the sphere, straight down, upside down, in a camera, far away.
        (DVec3::new(4.0, -0.5, 0.0), DVec3::new(0.0, -0.5, 0.0), DVec3::Y),
        (DVec3::NEG_X, DVec3::ZERO, DVec3::Y),
        (DVec3::Y * 5.0, DVec3::ZERO, DVec3::Z),
        (DVec3::new(1.0, -3.0, 2.0), DVec3::ZERO, DVec3::NEG_Y),
        (DVec3::new(3.0, 1.0, 0.0), DVec3::ZERO, DVec3::Y),
        (DVec3::splat(1e7), DVec3::ZERO, DVec3::Y),
    ];
    let cameras = ring(64);
    for (eye, target, up) in targets {
        let view = View::look_at(eye, target, up, 60.0, 800, 600).unwrap();
        let cameras = cameras.clone();
        let mut harness = Harness::builder()
            .with_size([800.0, 600.0])
            .build_ui(move |ui| everything(ui, &view, &cameras, Some(egui::TextureId::default())));
        harness.run_steps(3);
        let shapes = harness.output().shapes.clone();
        let mut vertices = 0;
        for primitive in harness.ctx.tessellate(shapes, 1.0) {
            let Primitive::Mesh(mesh) = primitive.primitive else { continue };
            for vertex in mesh.vertices {
                let at = vertex.pos;
                assert!(at.x.is_finite() && at.y.is_finite(), "eye {eye}: {at}");
                vertices += 1;
            }
        }
        assert!(vertices > 500, "eye {eye}: only {vertices} vertices");
    }
}
