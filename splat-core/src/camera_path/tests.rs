//! Camera paths: the curve, the turntable, and files that are right, wrong or broken.

use std::path::PathBuf;

use glam::DVec3;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CameraPath, Defaults, Key, MAX_FRAMES, Orbit, Pose, Sphere};
use crate::error::Error;
use crate::scene::{Dataset, SplatCloud, View};

fn key(time: f64, position: [f64; 3]) -> Key {
    Key { time, position: position.into(), target: DVec3::new(0.0, 0.0, 10.0), up: DVec3::Y, fov_y_deg: 50.0 }
}

fn path(keys: Vec<Key>) -> CameraPath {
    CameraPath { keys, ..CameraPath::default() }
}

fn winding() -> Vec<Key> {
    vec![
        key(0.0, [0.0, 0.0, 0.0]),
        Key { fov_y_deg: 30.0, ..key(1.0, [2.0, 0.0, 0.0]) },
        Key { target: DVec3::new(1.0, 2.0, 3.0), ..key(3.0, [2.0, 3.0, 1.0]) },
        Key { up: DVec3::new(0.3, 1.0, 0.0), fov_y_deg: 90.0, ..key(3.5, [0.0, 4.0, -1.0]) },
        key(6.0, [-3.0, 0.0, -2.0]),
    ]
}

fn eye(path: &CameraPath, time: f64) -> DVec3 {
    path.sample(time).unwrap().eye
}

#[test]
fn the_curve_passes_through_its_keys() {
    for smooth_loop in [false, true] {
        let path = CameraPath { smooth_loop, ..path(winding()) };
        for key in &path.keys {
            let (found, wanted) = (path.sample(key.time).unwrap(), key.pose());
            assert!(found.eye.distance(wanted.eye) < 1e-9 && found.target.distance(wanted.target) < 1e-9);
            assert!(found.up.distance(wanted.up) < 1e-9 && (found.fov_y_deg - wanted.fov_y_deg).abs() < 1e-9);
        }
    }
}

/// Velocity is the same from both sides of every key, the seam of a loop included.
#[test]
fn the_curve_has_no_kinks() {
    const H: f64 = 1e-5;
    for smooth_loop in [false, true] {
        let path = CameraPath { smooth_loop, ..path(winding()) };
        let of = |pose: Pose| [pose.eye, pose.target, pose.up, DVec3::splat(pose.fov_y_deg)];
        let at = |time: f64| of(path.sample(time).unwrap());
        for time in path.keys.iter().map(|key| key.time) {
            let (before, here, after) = (at(time - H), at(time), at(time + H));
            for quantity in 0..4 {
                let arriving = (here[quantity] - before[quantity]) / H;
                let leaving = (after[quantity] - here[quantity]) / H;
                assert!(arriving.distance(leaving) < 1e-2, "{quantity} at {time}: {arriving} then {leaving}");
            }
        }
    }
}

#[test]
fn a_path_starts_and_ends_at_rest_and_a_loop_does_not() {
    let speed = |path: &CameraPath, time: f64| eye(path, time).distance(eye(path, time + 1e-4)) / 1e-4;
    let open = path(winding());
    assert!(speed(&open, 0.0) < 1e-2 && speed(&open, 6.0 - 1e-4) < 1e-2);
    assert!(speed(&open, 0.5) > 1.0);
    let round = CameraPath { smooth_loop: true, ..open };
    assert!(speed(&round, 0.0) > 0.5);
}

#[test]
fn a_doubled_key_holds_still_without_swinging_out() {
    let path =
        path(vec![key(0.0, [0.0; 3]), key(1.0, [1.0, 0.0, 0.0]), key(2.0, [1.0, 0.0, 0.0]), key(3.0, [5.0, 0.0, 0.0])]);
    for step in 0..=100 {
        let time = 3.0 * f64::from(step) / 100.0;
        let x = eye(&path, time).x;
        match time {
            time if time < 1.0 => assert!((0.0..=1.0).contains(&x), "{x} at {time}"),
            time if time <= 2.0 => assert!((x - 1.0).abs() < 1e-12, "{x} at {time}"),
            _ => assert!((1.0..=5.0 + 1e-9).contains(&x), "{x} at {time}"),
        }
    }
}

#[test]
fn a_short_way_beside_a_long_one_does_not_run_back() {
    let path = path([0.0, 0.1, 50.0, 50.1].into_iter().zip(0..).map(|(x, t)| key(f64::from(t), [x, 0., 0.])).collect());
    let xs: Vec<f64> = (0..=300).map(|step| eye(&path, f64::from(step) / 100.0).x).collect();
    assert!(xs.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12), "{xs:?}");
}

#[test]
fn the_field_of_view_stays_between_its_keys() {
    let fovs = [5.0, 170.0, 6.0, 6.0, 120.0];
    let keys =
        fovs.iter().zip(0..).map(|(&fov_y_deg, t)| Key { fov_y_deg, ..key(f64::from(t), [f64::from(t), 0., 0.]) });
    for smooth_loop in [false, true] {
        let path = CameraPath { smooth_loop, ..path(keys.clone().collect()) };
        for step in 0..500 {
            let fov = path.sample(f64::from(step) / 100.0).unwrap().fov_y_deg;
            assert!((5.0..=170.0).contains(&fov), "{fov}");
        }
        let held = path.sample(2.5).unwrap().fov_y_deg;
        assert!((held - 6.0).abs() < 1e-12, "{held}");
    }
}

#[test]
fn a_single_key_is_a_still_and_no_key_is_nothing() {
    for smooth_loop in [false, true] {
        let still = CameraPath { smooth_loop, ..path(vec![key(4.0, [1.0, 2.0, 3.0])]) };
        assert_eq!((still.duration(), still.start()), (0.0, 4.0));
        assert_eq!(still.frames(30.0).unwrap(), [4.0]);
        assert_eq!(still.sample(99.0), still.sample(-1.0));
        assert_eq!(eye(&still, 0.0), DVec3::new(1.0, 2.0, 3.0));
        let none = CameraPath { smooth_loop, ..CameraPath::default() };
        assert_eq!((none.duration(), none.sample(0.0)), (0.0, None));
        assert!(none.frames(30.0).is_err() && none.view(0.0, 8, 8).is_err());
    }
}

#[test]
fn outside_its_time_a_path_waits_and_a_loop_goes_on() {
    let open = path(winding());
    assert_eq!(open.sample(-5.0), open.sample(0.0));
    assert_eq!(open.sample(50.0), open.sample(6.0));
    let round = CameraPath { smooth_loop: true, ..open };
    // Four gaps in six seconds: the way back takes another one and a half.
    assert!((round.duration() - 7.5).abs() < 1e-12);
    for time in [0.3, 2.2, 6.9] {
        let far = round.sample(time + 3.0 * 7.5).unwrap();
        assert!(far.eye.distance(eye(&round, time)) < 1e-9);
    }
}

#[test]
fn a_loop_whose_last_key_repeats_the_first_does_not_wait_there() {
    let mut keys = winding();
    keys.push(Key { time: 8.0, ..keys[0] });
    let closed = CameraPath { smooth_loop: true, ..path(keys) };
    assert_eq!(closed.duration(), 8.0);
    let speed = eye(&closed, 8.0 - 1e-4).distance(eye(&closed, 8.0 + 1e-4)) / 2e-4;
    assert!(speed > 0.3, "{speed}");
    assert_eq!(closed.sample(8.0), closed.sample(0.0));
}

#[test]
fn frames_include_both_ends_and_a_loop_leaves_out_the_repeat() {
    let mut path = path(vec![key(1.0, [0.0; 3]), key(2.0, [1.0, 0.0, 0.0])]);
    let times = path.frames(4.0).unwrap();
    assert_eq!(times, [1.0, 1.25, 1.5, 1.75, 2.0]);
    assert_eq!(*path.frames(29.97).unwrap().last().unwrap(), 2.0);
    path.smooth_loop = true;
    let times = path.frames(4.0).unwrap();
    assert_eq!((times.len(), times[7]), (8, 2.75));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        assert!(path.frames(rate).is_err(), "{rate}");
    }
    path.keys[1].time = 2.0 * MAX_FRAMES as f64;
    let error = path.frames(30.0).unwrap_err().to_string();
    assert!(error.contains("at most 1000000 frames"), "{error}");
}

#[test]
fn opposite_ups_roll_over_the_side() {
    let upside_down = Key { up: DVec3::NEG_Y, ..key(1.0, [1.0, 0.0, 0.0]) };
    let path = path(vec![key(0.0, [0.0; 3]), upside_down]);
    let ups: Vec<DVec3> = (0..=60).map(|step| path.sample(f64::from(step) / 60.0).unwrap().up).collect();
    let largest = ups.windows(2).map(|pair| pair[0].angle_between(pair[1]).to_degrees()).fold(0.0, f64::max);
    assert!(largest < 15.0, "a jump of {largest} degrees");
    assert!(ups[30].dot(DVec3::Y).abs() < 1e-9 && ups[60].distance(DVec3::NEG_Y) < 1e-9);
}

#[test]
fn every_moment_makes_a_view_even_where_the_camera_passes_its_target() {
    let through = [[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]
        .into_iter()
        .zip([0.0, 1.0])
        .map(|(position, time)| Key { target: DVec3::ZERO, ..key(time, position) });
    let steep = [key(0.0, [0.0; 3]), Key { target: DVec3::new(1.0, 100.0, 0.0), ..key(1.0, [1.0, 0.0, 0.0]) }];
    for keys in [through.collect(), steep.to_vec(), winding()] {
        let path = path(keys);
        for time in path.frames(64.0).unwrap() {
            let view = path.view(time, 64, 48).unwrap();
            assert!(view.viewmat.is_finite() && (view.viewmat.matrix3.determinant() - 1.0).abs() < 1e-9, "{time}");
        }
    }
}

#[test]
fn a_key_that_makes_no_view_is_an_error_and_not_a_panic() {
    let mut broken = winding();
    broken[2].position = DVec3::splat(f64::NAN);
    broken[3].fov_y_deg = f64::NAN;
    broken[4].time = 2.0;
    broken.push(Key { target: DVec3::ZERO, ..key(f64::INFINITY, [0.0; 3]) });
    for count in 0..=broken.len() {
        for smooth_loop in [false, true] {
            let path = CameraPath { smooth_loop, ..path(broken[..count].to_vec()) };
            for time in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.5, 1.5, 2.5, 3.2, 4.0, 1e300] {
                let _ = path.view(time, 8, 8);
            }
            let _ = path.frames(30.0);
        }
    }
    assert!(path(broken[..3].to_vec()).view(2.5, 8, 8).is_err());
    assert!(path(winding()).view(1.0, 0, 8).is_err());
}

#[test]
fn put_keeps_keys_in_order_and_replaces_at_the_same_time() {
    let mut path = path(vec![]);
    assert_eq!([3.0, 1.0, 2.0, 1.0].map(|time| path.put(key(time, [time, 0.0, 0.0]))), [0, 0, 1, 0]);
    assert_eq!(path.keys.iter().map(|key| key.time).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    path.put(key(2.0, [9.0, 0.0, 0.0]));
    assert_eq!((path.keys.len(), eye(&path, 2.0).x), (3, 9.0));
}

#[test]
fn a_turntable_stays_on_its_circle_at_even_speed() {
    let (centre, up) = (DVec3::new(1.0, -2.0, 0.5), DVec3::new(0.2, 1.0, -0.4).normalize());
    let eye_at_start = DVec3::new(4.0, 0.0, 2.0);
    let path = CameraPath::turntable(eye_at_start, centre, 3.0 * up, 6.0, 40.0).unwrap();
    assert!((path.duration() - 6.0).abs() < 1e-9 && path.smooth_loop);
    let times = path.frames(30.0).unwrap();
    assert_eq!(times.len(), 180);
    let radius = (eye_at_start - centre).reject_from_normalized(up).length();
    let height = (eye_at_start - centre).dot(up);
    assert!(eye(&path, 0.0).distance(eye_at_start) < 1e-9);
    for &time in &times {
        let pose = path.sample(time).unwrap();
        let arm = pose.eye - centre;
        assert!((arm.reject_from_normalized(up).length() / radius - 1.0).abs() < 1.2e-4);
        assert!((arm.dot(up) - height).abs() < 1e-9 && pose.target.distance(centre) < 1e-9);
        let step = eye(&path, time + 1.0 / 30.0).distance(pose.eye);
        assert!((step / (radius * std::f64::consts::TAU / 180.0) - 1.0).abs() < 0.02, "{step}");
    }
    // Counter-clockwise from above.
    assert!((eye(&path, 0.0) - centre).cross(eye(&path, 0.5) - centre).dot(up) > 0.0);
    for (eye, up, seconds, fov) in [
        (centre, up, 6.0, 40.0),
        (centre + up, up, 6.0, 40.0),
        (eye_at_start, DVec3::ZERO, 6.0, 40.0),
        (eye_at_start, up, 0.0, 40.0),
        (eye_at_start, up, f64::NAN, 40.0),
        (eye_at_start, up, 6.0, 180.0),
        (DVec3::splat(f64::NAN), up, 6.0, 40.0),
    ] {
        assert!(CameraPath::turntable(eye, centre, up, seconds, fov).is_err(), "{eye} {up} {seconds} {fov}");
    }
}

#[test]
fn the_sphere_of_a_scene_ignores_strays_and_faint_splats() {
    let mut cloud = SplatCloud::default();
    let mut add = |mean: [f32; 3], logit: f32| {
        cloud.means.push(mean);
        cloud.opacity_logits.push(logit);
    };
    for i in 0..100 {
        let (sin, cos) = (i as f32).sin_cos();
        add([5.0 + cos, 1.0 + sin, -2.0], 3.0);
        add([-900.0, 0.0, 0.0], -4.0);
    }
    (0..20).for_each(|_| add([1e6, 1e6, 0.0], 5.0));
    let sphere = Sphere::of_splats(&cloud);
    assert!(sphere.centre.distance(DVec3::new(5.0, 1.0, -2.0)) < 0.6, "{sphere:?}");
    assert!((1.0..2.5).contains(&sphere.radius), "{sphere:?}");
    assert_eq!(Sphere::of_splats(&SplatCloud::default()), Sphere { centre: DVec3::ZERO, radius: 1.0 });
    let orbit = Orbit::around(sphere, DVec3::Z, 50.0);
    let view = orbit.path(4.0, 50.0).unwrap().view(1.0, 64, 64).unwrap();
    assert!(view.sees(sphere.centre) && view.position().z > sphere.centre.z);
    assert!(view.position().distance(sphere.centre) > 2.0 * sphere.radius);
}

#[test]
fn cameras_that_look_at_a_point_give_their_own_orbit() {
    let ring = |outward: bool| -> Vec<View> {
        let at = |i: i32| {
            let (sin, cos) = (f64::from(i) * 0.7).sin_cos();
            let eye = DVec3::new(3.0 * cos + 1.0, 3.0 * sin, 2.0);
            let centre = DVec3::new(1.0, 0.0, 0.5);
            let target = if outward { 2.0 * eye - centre } else { centre };
            View::look_at(eye, target, DVec3::Z, 50.0, 64, 48).unwrap()
        };
        (0..9).map(at).collect()
    };
    let orbit = Orbit::of_cameras(&ring(false), DVec3::Z).unwrap();
    assert!(orbit.centre.distance(DVec3::new(1.0, 0.0, 0.5)) < 1e-9);
    assert!(orbit.eye.distance(DVec3::new(4.0, 0.0, 2.0)) < 1e-9, "{orbit:?}");
    let moved = orbit.centred(DVec3::ZERO);
    assert!((moved.eye - moved.centre).distance(orbit.eye - orbit.centre) < 1e-9);
    assert_eq!(Orbit::of_cameras(&ring(true), DVec3::Z), None);
    assert_eq!(Orbit::of_cameras(&[], DVec3::Z), None);
    assert_eq!(Orbit::of_cameras(&ring(false), DVec3::ZERO), None);
}

/// Most cameras stand on one side and look down, which tilts the mean of what is up in their pictures.
#[test]
fn up_does_not_lean_to_the_side_with_more_cameras() {
    let dataset = |eyes: &[DVec3], up: DVec3| {
        let view = |eye: &DVec3| View::look_at(*eye, DVec3::ZERO, up, 50.0, 64, 48).unwrap();
        Dataset {
            root: PathBuf::new(),
            format: "",
            train: eyes.iter().map(view).collect(),
            test: vec![],
            points: vec![],
            split: String::new(),
            times: None,
            has_alpha: false,
            notes: vec![],
        }
    };
    let eyes: Vec<DVec3> = (0..20).map(|i| DVec3::new(3.0, f64::from(i % 7 - 3), 4.0 + f64::from(i % 3))).collect();
    let found = dataset(&eyes, DVec3::Z).up();
    assert!(found.angle_between(DVec3::Z).to_degrees() < 8.0, "{found}");
    let around: Vec<DVec3> = (0..12).map(|i| DVec3::new(4.0 * f64::from(i).cos(), f64::from(i).sin(), 3.0)).collect();
    let found = dataset(&around, DVec3::Z).up();
    assert!(found.angle_between(DVec3::Z).to_degrees() < 1.0, "{found}");
    // All in one row: nothing is known but the mean.
    let found = dataset(&[DVec3::new(0.0, -5.0, 0.0); 4], DVec3::Z).up();
    assert!(found.distance(DVec3::Z) < 1e-9, "{found}");
}

/// A file with this text in a folder of its own.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walk.json");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn read(text: &str) -> crate::Result<CameraPath> {
    let (_folder, path) = file(text);
    CameraPath::read(&path, &Defaults::default())
}

#[track_caller]
fn refused(text: &str, phrases: &[&str]) {
    let error = read(text).unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error:?}");
    for phrase in phrases.iter().chain(&["walk.json"]) {
        assert!(error.to_string().contains(phrase), "{phrase:?} is not in: {error}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let (_folder, file) = file("");
    for (size, smooth_loop) in [(None, false), (Some((640, 360)), true)] {
        let written = CameraPath { size, smooth_loop, frame_rate: 23.976, ..path(winding()) };
        written.write(&file).unwrap();
        let read = CameraPath::read(&file, &Defaults::default()).unwrap();
        assert_eq!((read.size, read.smooth_loop, read.frame_rate), (size, smooth_loop, 23.976));
        for (read, written) in read.keys.iter().zip(&written.keys) {
            assert!(read.position.distance(written.position) < 1e-12 && read.target.distance(written.target) < 1e-12);
            assert!(read.up.distance(written.up) < 1e-12 && read.fov_y_deg == written.fov_y_deg);
            assert!((read.time - written.time).abs() < 1e-12);
        }
    }
    let mut broken = path(winding());
    broken.keys[3].up.y = f64::NAN;
    assert!(broken.write(&file).unwrap_err().to_string().contains("key 3"));
}

/// The list that other programs play: every frame, in their axes; read back it is the same motion.
#[test]
fn a_list_of_frames_is_the_path_in_the_axes_of_others() {
    let (_folder, file) = file("");
    let original = path(winding());
    original.write_frames(&file).unwrap();
    let text: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(text["frames"].as_array().unwrap().len(), 181);
    let at_a_second = &text["frames"][30];
    assert_eq!(at_a_second["position"], json!([-2.0, -0.0, 0.0]));
    assert!(at_a_second.get("time").is_none());
    let read = CameraPath::read(&file, &Defaults::default()).unwrap();
    for time in read.frames(30.0).unwrap() {
        assert!(eye(&read, time).distance(eye(&original, time)) < 1e-9);
    }
}

#[test]
fn the_plainest_list_plays_one_entry_a_frame() {
    let path =
        read(r#"{"frames": [{"position": [0,0,0], "target": [0,0,1]}, {"position": [1,0,0], "target": [0,0,1]}]}"#);
    let path = path.unwrap();
    assert_eq!((path.frame_rate, path.smooth_loop, path.size), (30.0, false, None));
    assert_eq!(path.keys[1].time, 1.0 / 30.0);
    assert_eq!((path.keys[0].up, path.keys[0].fov_y_deg), (DVec3::NEG_Y, 50.0));
    assert_eq!(path.frames(30.0).unwrap().len(), 2);
}

fn nerfstudio() -> Value {
    // Looks along -x from (4, 0, 1), z up; the second as four rows.
    let flat = [0.0, 0.0, 1.0, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let rows = [[0.0, 0.0, 1.0, 3.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]];
    json!({
        "camera_type": "perspective", "render_width": 1920, "render_height": 1080.0, "fps": 24, "seconds": 2,
        "is_cycle": false, "smoothness_value": 0, "keyframes": [],
        "camera_path": [
            {"camera_to_world": flat, "fov": 60.0, "aspect": 1.7},
            {"camera_to_world": rows, "fov": 70, "aspect": 1.7},
        ],
    })
}

#[test]
fn a_path_of_nerfstudio_is_read_in_its_axes() {
    let mut path = read(&nerfstudio().to_string()).unwrap();
    assert_eq!((path.frame_rate, path.size, path.smooth_loop), (24.0, Some((1920, 1080)), false));
    let view = path.view(0.0, 192, 108).unwrap();
    assert!(view.position().distance(DVec3::new(4.0, 0.0, 1.0)) < 1e-12);
    assert!(view.forward().distance(DVec3::NEG_X) < 1e-12);
    assert!((-view.viewmat.matrix3.row(1)).distance(DVec3::Z) < 1e-12, "z is up");
    assert!((view.fy - 54.0 / 30_f64.to_radians().tan()).abs() < 1e-9, "fov is vertical");
    assert_eq!(path.keys[1].time, 1.0 / 24.0);
    path.size = None;
    assert_eq!(path.keys[1].fov_y_deg, 70.0);
}

#[test]
fn mistakes_in_files_are_named_with_their_place() {
    refused("", &["not valid JSON"]);
    refused("[1, 2]", &["a list", "expected an object"]);
    refused("{}", &["frames", "camera_path", "position"]);
    refused(r#"{"animTracks": []}"#, &["neither `frames`"]);
    refused(r#"{"frames": []}"#, &["`frames` is empty"]);
    refused(r#"{"frames": 3}"#, &["`frames` is a number", "a list"]);
    refused(r#"{"frames": [7]}"#, &["frames[0] is a number"]);
    refused(r#"{"frames": [{"position": [NaN, 0, 0]}]}"#, &["NaN"]);
    refused(r#"{"version": 2, "frames": [{}]}"#, &["version 2", "newer"]);
    refused(r#"{"axes": "maya", "frames": [{}]}"#, &["maya", "playcanvas"]);
    refused(r#"{"frameRate": 0, "frames": [{}]}"#, &["`frameRate` is 0"]);
    refused(r#"{"frameRate": "x", "frames": [{}]}"#, &["`frameRate` is a text"]);
    let good = json!({"position": [0, 0, 0], "target": [0, 0, 1], "up": [0, 1, 0], "fov": 50, "time": 0});
    let with = |name: &str, value: Value| {
        let mut bad = good.clone();
        bad["time"] = json!(1);
        bad[name] = value;
        json!({"frames": [good, bad]}).to_string()
    };
    assert!(read(&with("fov", json!(40))).is_ok());
    refused(&with("position", json!([0, 0])), &["frames[1]", "`position` is [0,0]", "three numbers"]);
    refused(&with("position", json!(vec!["a"; 99])), &["frames[1]", ".."]);
    refused(&with("position", json!([0, 1e99, 0])), &["frames[1]", "`position`", "farther"]);
    refused(&with("target", json!([0, 0, 0])), &["frames[1]", "same point"]);
    refused(&with("target", json!([0, 0, 1e-300])), &["frames[1]", "same point"]);
    refused(&with("target", Value::Null), &["frames[1]", "no `target`"]);
    refused(&with("up", json!([0, 0, 0])), &["frames[1]", "no direction"]);
    refused(&with("fov", json!(180)), &["frames[1]", "`fov` is 180"]);
    refused(&with("time", json!(0)), &["frames[1]", "`time` is 0", "before"]);
    refused(&with("time", json!(1e9)), &["frames[1]", "at most"]);
    refused(&with("time", Value::Null), &["frames[1]", "some have none"]);
    let other = |change: &dyn Fn(&mut Value)| {
        let mut value = nerfstudio();
        change(&mut value);
        value.to_string()
    };
    refused(&other(&|v| v["camera_type"] = json!("fisheye")), &["fisheye", "perspective"]);
    refused(&other(&|v| v["camera_path"] = json!([])), &["`camera_path` is empty"]);
    refused(&other(&|v| v["render_width"] = json!(20000)), &["`render_width`", "16384"]);
    refused(&other(&|v| v["is_cycle"] = json!(1)), &["`is_cycle`", "true or false"]);
    refused(&other(&|v| v["camera_path"][1]["camera_to_world"] = json!([1, 2])), &["camera_path[1]", "16 numbers"]);
    refused(&other(&|v| v["camera_path"][0]["camera_to_world"][0] = json!(1)), &["camera_path[0]", "perpendicular"]);
    refused(&other(&|v| v["camera_path"][0]["camera_to_world"][4] = json!(-1)), &["camera_path[0]", "mirrors"]);
    refused(&other(&|v| v["camera_path"][0]["camera_to_world"][12] = json!(4)), &["camera_path[0]", "by columns"]);
    let missing = CameraPath::read(&PathBuf::from("no/such/walk.json"), &Defaults::default()).unwrap_err();
    assert!(missing.to_string().contains("not found"), "{missing}");
}

/// Damaged files are read or refused, and what is read can be played.
#[test]
fn damaged_files_never_panic() {
    let (_folder, file) = file("");
    path(winding()).write(&file).unwrap();
    let sources = [std::fs::read(&file).unwrap(), nerfstudio().to_string().into_bytes()];
    let words = ["-1", "1e308", "\"", "[", "null", "99999999999999999999", "0", "true", "{}", "1e-308", ",", "}"];
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let (mut read, mut views) = (0, 0);
    for round in 0..4000 {
        let mut bytes = sources[round % 2].clone();
        for _ in 0..=random(2) {
            let at = random(bytes.len());
            match random(5) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = b"0123456789.-e"[random(13)],
                2 => bytes.truncate(at.max(1)),
                3 => drop(bytes.drain(at..(at + random(20)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, words[random(words.len())].bytes())),
            }
            bytes.push(b' ');
        }
        std::fs::write(&file, &bytes).unwrap();
        let Ok(path) = CameraPath::read(&file, &Defaults::default()) else { continue };
        read += 1;
        for time in path.frames(0.5).into_iter().flatten().take(20) {
            // Keys a billion times farther apart than a camera is from its target leave it no direction.
            let Ok(view) = path.view(time, 16, 16) else { continue };
            assert!(view.viewmat.is_finite(), "{path:?}");
            views += 1;
        }
    }
    assert!(read > 200 && views > read, "{read} files, {views} views: the damage is too great to test anything");
}

#[test]
fn long_paths_are_sampled_fast() {
    let path = path((0..200_000).map(|i| key(f64::from(i) * 0.1, [f64::from(i), 0.0, 0.0])).collect());
    let started = std::time::Instant::now();
    let sum: f64 = path.frames(10.0).unwrap().iter().map(|&time| eye(&path, time).x).sum();
    assert!(sum > 0.0 && started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
