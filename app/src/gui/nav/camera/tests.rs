//! The camera against what a person would notice: jumps, drift, flips.

use super::{Motion, NavCamera};
use crate::gui::action::Axis;
use glam::{DAffine3, DMat3, DQuat, DVec2, DVec3};
use splat_core::scene::View;

/// Largest difference between the poses of two views.
fn difference(a: &View, b: &View) -> f64 {
    let columns = |m: &DAffine3| [m.matrix3.x_axis, m.matrix3.y_axis, m.matrix3.z_axis, m.translation];
    let pairs = columns(&a.viewmat).into_iter().zip(columns(&b.viewmat));
    pairs.map(|(a, b)| (a - b).abs().max_element()).fold((a.fy - b.fy).abs() / b.fy, f64::max)
}

/// A camera somewhere, standing still.
fn somewhere() -> NavCamera {
    let mut camera = NavCamera::default();
    camera.focus(DVec3::new(0.4, -0.2, 0.7));
    camera.orbit(120.0, 35.0);
    camera.arrive();
    camera
}

/// Numbers that look random, the same every time.
struct Numbers(u64);

impl Numbers {
    /// The next of them in 0..1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of any size, and now and then an unusable one.
    fn wild(&mut self) -> f64 {
        match (self.next() * 40.0) as u32 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => 0.0,
            4 => 1e300,
            _ => (self.next() - 0.5) * 10_f64.powf(self.next() * 8.0 - 3.0),
        }
    }

    /// Three of them.
    fn wild_point(&mut self) -> DVec3 {
        DVec3::new(self.wild(), self.wild(), self.wild())
    }
}

#[test]
fn ten_short_ticks_end_where_one_long_tick_does() {
    for locked in [true, false] {
        let motions: [&dyn Fn(&mut NavCamera); 6] = [
            &|c| c.orbit(300.0, -90.0),
            &|c| c.look(-200.0, 60.0),
            &|c| c.dolly(0.3, Some(DVec3::new(0.1, 0.2, 0.3))),
            &|c| c.pan(80.0, 10.0),
            &|c| c.fly(DVec3::new(0.3, 0.0, 1.0), 0.5, true, false),
            &|c| c.axis_view(Axis::Top),
        ];
        for (i, motion) in motions.iter().enumerate() {
            let mut long = somewhere();
            long.set_horizon_locked(locked);
            motion(&mut long);
            let mut short = long.clone();
            assert!(long.tick(0.1), "motion {i}");
            for _ in 0..10 {
                short.tick(0.01);
            }
            let off = difference(&long.view(640, 480), &short.view(640, 480));
            assert!(off < 1e-6, "motion {i}, locked {locked}: {off}");
        }
    }
}

#[test]
fn a_glide_ends_at_its_goal_and_says_so() {
    let mut camera = somewhere();
    camera.axis_view(Axis::Left);
    let mut ticks = 0;
    while camera.tick(1.0 / 60.0) {
        ticks += 1;
        assert!(ticks < 200, "never arrives");
    }
    assert!(ticks > 10, "did not glide");
    let mut goal = camera.clone();
    goal.arrive();
    assert_eq!(difference(&camera.view(64, 64), &goal.view(64, 64)), 0.0);
}

#[test]
fn reduced_motion_jumps() {
    let mut camera = somewhere();
    camera.set_reduced_motion(true);
    camera.axis_view(Axis::Front);
    let forward = camera.view(64, 64).forward();
    assert!((forward - DVec3::NEG_Z).length() < 1e-12);
    assert!(!camera.tick(0.01));
}

#[test]
fn orbit_keeps_the_distance_to_the_pivot_on_the_whole_way() {
    for locked in [true, false] {
        let mut camera = somewhere();
        camera.set_horizon_locked(locked);
        let (pivot, distance) = (camera.pivot(), camera.distance());
        for _ in 0..50 {
            camera.orbit(23.0, 11.0);
            camera.tick(0.016);
            assert!((camera.eye().distance(pivot) - distance).abs() < 1e-9);
            let view = camera.view(640, 480);
            assert!(view.project(pivot).unwrap().distance(DVec2::new(320.0, 240.0)) < 1e-6);
        }
    }
}

#[test]
fn looking_around_keeps_the_eye_on_the_whole_way() {
    let mut camera = somewhere();
    let eye = camera.eye();
    for _ in 0..30 {
        camera.look(40.0, -9.0);
        camera.tick(0.016);
        assert!(camera.eye().distance(eye) < 1e-9);
    }
}

#[test]
fn zooming_keeps_the_point_under_the_cursor_on_the_whole_way() {
    let mut camera = somewhere();
    let pixel = DVec2::new(500.0, 90.0);
    let size = DVec2::new(640.0, 480.0);
    let point = camera.beside_pivot(pixel, size) - camera.view(640, 480).forward() * 0.7;
    let start = camera.view(640, 480).project(point).unwrap();
    let before = camera.eye().distance(point);
    for factor in [0.8, 0.7, 1.3, 0.5] {
        camera.dolly(factor, Some(point));
        for _ in 0..5 {
            camera.tick(0.02);
            assert!(camera.view(640, 480).project(point).unwrap().distance(start) < 1e-6);
        }
    }
    camera.arrive();
    assert!((camera.eye().distance(point) / before - 0.8 * 0.7 * 1.3 * 0.5).abs() < 1e-9);
}

#[test]
fn a_point_beside_the_pivot_is_under_its_pixel() {
    let camera = somewhere();
    let pixel = DVec2::new(33.0, 401.0);
    let point = camera.beside_pivot(pixel, DVec2::new(640.0, 480.0));
    assert!(camera.view(640, 480).project(point).unwrap().distance(pixel) < 1e-9);
}

#[test]
fn zooming_never_passes_the_nearest_and_farthest_distance() {
    let mut camera = somewhere();
    for factor in [1e-12, 1e12] {
        camera.dolly(factor, None);
        camera.arrive();
        assert!(camera.distance() > 0.0 && camera.distance() <= 1e5);
    }
}

#[test]
fn a_pan_moves_the_pivot_with_the_hand() {
    let mut camera = somewhere();
    camera.set_viewport(640.0, 480.0);
    let pivot = camera.pivot();
    camera.pan(50.0, -20.0);
    camera.arrive();
    let at = camera.view(640, 480).project(pivot).unwrap();
    assert!(at.distance(DVec2::new(370.0, 220.0)) < 1e-6, "{at}");
}

#[test]
fn axis_views_look_from_where_they_say() {
    // With +Z up, the front view looks along +Y and has +X on the right.
    let expected = [
        (Axis::Front, DVec3::Y, DVec3::X),
        (Axis::Back, DVec3::NEG_Y, DVec3::NEG_X),
        (Axis::Left, DVec3::X, DVec3::NEG_Y),
        (Axis::Right, DVec3::NEG_X, DVec3::Y),
        (Axis::Top, DVec3::NEG_Z, DVec3::X),
        (Axis::Bottom, DVec3::Z, DVec3::X),
    ];
    for (axis, forward, right) in expected {
        let mut camera = somewhere();
        camera.set_up(DVec3::Z);
        let (pivot, distance) = (camera.pivot(), camera.distance());
        camera.axis_view(axis);
        camera.arrive();
        let view = camera.view(64, 64);
        assert!((view.forward() - forward).length() < 1e-9, "{axis:?}: {}", view.forward());
        assert!((view.viewmat.matrix3.row(0) - right).length() < 1e-9, "{axis:?}");
        assert!((camera.pivot() - pivot).length() < 1e-9 && (camera.distance() - distance).abs() < 1e-9);
    }
}

#[test]
fn a_photos_camera_is_taken_over_exactly() {
    for (i, up) in [DVec3::Y, DVec3::NEG_Y, DVec3::Z].into_iter().enumerate() {
        for locked in [true, false] {
            let rotation = DQuat::from_scaled_axis(DVec3::new(0.7, -1.9 + i as f64, 0.4));
            let mut photo = View::look_at(DVec3::ONE, DVec3::ZERO, DVec3::Y, 37.0, 800, 600).unwrap();
            photo.viewmat.matrix3 = DMat3::from_quat(rotation);
            photo.viewmat.translation = DVec3::new(3.0, -2.0, 11.0);
            let mut camera = somewhere();
            camera.set_up(up);
            camera.set_horizon_locked(locked);
            camera.set_from_view(&photo);
            camera.tick(0.02);
            while camera.tick(0.02) {}
            let off = difference(&camera.view(800, 600), &photo);
            assert!(off < 1e-9, "up {up}, locked {locked}: {off}");
            let forward = photo.forward();
            let beside = (camera.pivot() - photo.position()).cross(forward).length();
            assert!(beside < 1e-6, "the pivot is not on the axis of the view");
        }
    }
}

#[test]
fn a_locked_horizon_stays_level_and_stops_at_the_poles() {
    let mut camera = NavCamera::default();
    camera.set_up(DVec3::NEG_Y);
    camera.arrive();
    for dy in [5000.0, -9000.0] {
        for _ in 0..40 {
            camera.orbit(13.0, dy / 40.0);
            camera.tick(0.016);
            let view = camera.view(64, 64);
            let right = view.viewmat.matrix3.row(0);
            assert!(right.dot(DVec3::NEG_Y).abs() < 1e-9, "the horizon is tilted");
            let image_up = -view.viewmat.matrix3.row(1);
            assert!(image_up.dot(DVec3::NEG_Y) > -1e-9, "upside down");
        }
    }
}

#[test]
fn a_free_camera_tumbles_over_the_pole() {
    let mut camera = NavCamera::default();
    camera.set_horizon_locked(false);
    for _ in 0..30 {
        camera.orbit(0.0, 20.0);
    }
    camera.arrive();
    assert!(-camera.view(64, 64).viewmat.matrix3.row(1).y < -0.5, "is stuck at the pole");
}

#[test]
fn the_roll_of_a_photo_is_lost_by_orbiting_and_a_chosen_roll_is_kept() {
    let horizon = |camera: &NavCamera| camera.view(64, 64).viewmat.matrix3.row(0).y;
    let mut camera = NavCamera::default();
    let mut photo = camera.view(64, 64);
    photo.viewmat.matrix3 = DMat3::from_rotation_z(0.5) * photo.viewmat.matrix3;
    photo.viewmat.translation = DMat3::from_rotation_z(0.5) * photo.viewmat.translation;
    camera.set_from_view(&photo);
    camera.arrive();
    let tilted = horizon(&camera).abs();
    assert!(tilted > 0.3);
    camera.orbit(5.0, 0.0);
    camera.arrive();
    let after = horizon(&camera).abs();
    assert!(after > 0.8 * tilted && after < tilted, "levels at once instead of with the drag");
    for _ in 0..100 {
        camera.orbit(20.0, 0.0);
    }
    camera.arrive();
    assert!(horizon(&camera).abs() < 1e-6);

    camera.roll(0.4);
    camera.orbit(100.0, 30.0);
    camera.arrive();
    assert!(horizon(&camera).abs() > 0.2, "the chosen roll is lost");
    camera.level_horizon();
    camera.arrive();
    assert!(horizon(&camera).abs() < 1e-9);
}

#[test]
fn the_top_of_the_picture_becomes_up() {
    let mut camera = somewhere();
    camera.set_horizon_locked(false);
    camera.roll(1.0);
    camera.orbit(100.0, 77.0);
    camera.arrive();
    let before = camera.view(64, 64);
    camera.up_from_view();
    camera.arrive();
    assert_eq!(difference(&before, &camera.view(64, 64)), 0.0, "the picture moved");
    assert!((camera.ground().up + before.viewmat.matrix3.row(1)).length() < 1e-9);
}

#[test]
fn framing_shows_the_whole_sphere_and_not_much_more() {
    for (width, height) in [(1600.0, 400.0), (300.0, 900.0)] {
        let mut camera = somewhere();
        camera.set_viewport(width, height);
        let centre = DVec3::new(5.0, 6.0, -7.0);
        camera.frame(centre, 2.0);
        camera.arrive();
        let view = camera.view(width as u32, height as u32);
        let axis = if width < height { view.viewmat.matrix3.row(0) } else { view.viewmat.matrix3.row(1) };
        // Where the tangent to the sphere meets the picture, a little inside of its border.
        let distance = camera.distance();
        let tangent =
            centre + axis * (2.0 * (1.0 - 4.0 / (distance * distance)).sqrt()) - view.forward() * (4.0 / distance);
        let at = view.project(tangent).unwrap();
        let from_middle = if width < height { (at.x / width - 0.5).abs() } else { (at.y / height - 0.5).abs() };
        assert!(from_middle < 0.5 && from_middle > 0.44, "{from_middle}");
    }
}

#[test]
fn focus_keeps_direction_and_size() {
    let mut camera = somewhere();
    let forward = camera.view(64, 64).forward();
    let point = camera.eye() + DVec3::new(1.0, 0.5, -3.0);
    let away = camera.eye().distance(point);
    camera.focus(point);
    camera.arrive();
    assert_eq!(camera.pivot(), point);
    assert!((camera.eye().distance(point) - away).abs() < 1e-9);
    assert!((camera.view(64, 64).forward() - forward).length() < 1e-12);
    camera.focus(camera.eye());
    camera.arrive();
    assert!(camera.distance() > 0.1, "focus on the eye itself");
}

#[test]
fn flight_follows_scale_and_keys() {
    let way = |fast, slow| {
        let mut camera = NavCamera::default();
        camera.set_scale(3.0);
        camera.set_motion(Motion::Fly);
        camera.set_speed(2.0);
        let eye = camera.eye();
        camera.fly(DVec3::Z, 0.5, fast, slow);
        camera.arrive();
        camera.eye().distance(eye)
    };
    assert!((way(false, false) - 3.0).abs() < 1e-9);
    assert!((way(true, false) - 12.0).abs() < 1e-9);
    assert!((way(false, true) - 0.75).abs() < 1e-9);
}

#[test]
fn the_near_plane_follows_the_scene() {
    let mut camera = NavCamera::default();
    camera.set_scale(10.0);
    assert!((camera.near() - 0.1).abs() < 1e-12);
    camera.dolly(0.01, None);
    camera.arrive();
    assert!(camera.near() < 0.1 * camera.distance() + 1e-12);
    camera.set_near(Some(0.5));
    assert_eq!(camera.near(), 0.5);
    camera.set_near(Some(f64::NAN));
    assert!(camera.near() < 0.1);
}

#[test]
fn nothing_makes_a_camera_that_is_not_a_number() {
    let axes = [Axis::Front, Axis::Back, Axis::Left, Axis::Right, Axis::Top, Axis::Bottom];
    for seed in 0..40 {
        let mut n = Numbers(seed);
        let mut camera = NavCamera::default();
        for _ in 0..400 {
            match (n.next() * 18.0) as u32 {
                0 => camera.orbit(n.wild(), n.wild()),
                1 => camera.look(n.wild(), n.wild()),
                2 => camera.pan(n.wild(), n.wild()),
                3 => camera.dolly(n.wild(), None),
                4 => camera.dolly(n.wild(), Some(n.wild_point())),
                5 => camera.fly(n.wild_point(), n.wild(), n.next() > 0.5, n.next() > 0.5),
                6 => camera.roll(n.wild()),
                7 => camera.focus(n.wild_point()),
                8 => camera.frame(n.wild_point(), n.wild()),
                9 => camera.axis_view(axes[(n.next() * 6.0) as usize]),
                10 => camera.set_up(n.wild_point()),
                11 => camera.set_scale(n.wild()),
                12 => camera.set_viewport(n.wild(), n.wild()),
                13 => camera.set_fov_y(n.wild()),
                14 => camera.set_horizon_locked(n.next() > 0.5),
                15 => {
                    let mut view = camera.view(n.wild() as u32, n.wild() as u32);
                    view.viewmat.translation = n.wild_point();
                    view.fy = n.wild();
                    camera.set_from_view(&view);
                }
                16 => camera.level_horizon(),
                _ => camera.up_from_view(),
            }
            camera.tick(n.wild());
            let view = camera.view(320, 200);
            let matrix = view.viewmat.matrix3;
            assert!(view.viewmat.is_finite() && view.fy.is_finite() && view.fy > 0.0, "seed {seed}");
            assert!((matrix * matrix.transpose() - DMat3::IDENTITY).abs().to_cols_array().iter().all(|x| *x < 1e-9));
            assert!(camera.distance() > 0.0 && camera.near() > 0.0);
        }
    }
}
