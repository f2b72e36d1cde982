//! Splats that move, off the device: at any time, in files, and through edits.

#![allow(clippy::print_stderr, reason = "measured sizes are worth reading")]

use std::path::Path;

use glam::{DQuat, DVec3};
use splat_core::edit::Similarity;
use splat_core::formats::{Format, SplatSource, WriteOptions, load_splats, open_splats, save_splats};
use splat_core::gpu::GpuOptions;
use splat_core::model::RasterOptions;
use splat_core::render::Renderer;
use splat_core::scene::{Motion, SplatCloud, TimeBasis, View};

use crate::cli::splat_in;
use crate::fuzz::random::{Random, cloud};
use crate::gpu;
use crate::oracle::flow::{Basis, faded, residual};
use crate::oracle::project::covariance;

/// What a splat that rests may cost in the columns of motion of a .splatz file, of 97 coefficients.
const RESTING_BYTES: f64 = 1.0;
const TIMES: [f64; 4] = [0.0, 0.3, 0.5, 1.0];

fn motions() -> [Motion; 3] {
    let flow = |poly, fourier| TimeBasis::Flow { poly, fourier };
    let body = flow(3, 4);
    let keys = TimeBasis::Keyframes(5);
    [
        Motion { means: body, quats: body, sh0: flow(1, 2), dilates: true, fades: true, frames: 16 },
        Motion { means: flow(0, 3), quats: flow(2, 0), sh0: flow(0, 0), dilates: false, fades: false, frames: 0 },
        Motion { means: keys, quats: keys, sh0: TimeBasis::Keyframes(3), dilates: false, fades: true, frames: 7 },
    ]
}

/// Splats of which every third rests.
fn moving(count: usize, motion: Motion) -> SplatCloud {
    let mut cloud = cloud(count, 1).with_motion(motion);
    let mut random = Random::new(7);
    for column in &mut cloud.more {
        for (row, values) in column.values.chunks_exact_mut(column.width).enumerate() {
            let size = if column.name == "flow_means" { 0.5 } else { 0.2 };
            if row % 3 != 0 {
                values.iter_mut().for_each(|value| *value = random.between(-size, size));
            }
        }
    }
    cloud
}

fn assert_near(what: &str, found: &[f32], expected: &[f32], most: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far <= most, "{what}: {far} off");
}

#[test]
fn what_splats_are_at_a_time_is_what_the_oracle_says() {
    for motion in motions() {
        let cloud = moving(40, motion);
        let values = |name: &str, row: usize| -> Vec<f64> {
            let column = cloud.more.iter().find(|column| column.name == name);
            let values = column.map(|column| &column.values[row * column.width..][..column.width]);
            values.unwrap_or_default().iter().map(|&value| f64::from(value)).collect()
        };
        let oracle = |basis| match basis {
            TimeBasis::Flow { poly, fourier } => Basis::Flow { poly: poly as usize, fourier: fourier as usize },
            TimeBasis::Keyframes(count) => Basis::Keyframes(count as usize),
        };
        for time in TIMES {
            let still = cloud.at(time);
            assert!(still.motion.is_none() && still.more.is_empty());
            for row in 0..cloud.len() {
                let speed = values(Motion::DILATIONS, row).first().copied().unwrap_or(0.0);
                let change = |name: &str, basis: TimeBasis, width: usize| match basis.terms() {
                    0 => vec![0.0; width],
                    _ => residual(oracle(basis), &values(name, row), speed, time - 0.5),
                };
                let moved = |base: &[f32], change: Vec<f64>| -> Vec<f32> {
                    base.iter().zip(change).map(|(&base, change)| (f64::from(base) + change) as f32).collect()
                };
                let expected = moved(&cloud.means[row], change("flow_means", motion.means, 3));
                assert_near("means", &still.means[row], &expected, 1e-5);
                let expected = moved(&cloud.quats[row], change("flow_quats", motion.quats, 4));
                assert_near("quats", &still.quats[row], &expected, 1e-5);
                let expected = moved(&cloud.sh0[row], change("flow_sh0", motion.sh0, 3));
                assert_near("sh0", &still.sh0[row], &expected, 1e-5);
                if motion.fades {
                    let life = values(Motion::LIFETIMES, row);
                    let logit = faded(f64::from(cloud.opacity_logits[row]), life[0], life[1], time - 0.5);
                    assert_near("opacity", &[still.opacity_logits[row]], &[logit as f32], 1e-4);
                }
            }
        }
    }
}

#[test]
fn moved_scenes_move_alike() {
    let map = Similarity {
        rotation: DQuat::from_axis_angle(DVec3::new(1.0, 2.0, -0.5).normalize(), 1.1),
        scale: 1.7,
        translation: DVec3::new(3.0, -1.0, 0.5),
    };
    for motion in motions() {
        let cloud = moving(40, motion);
        let mut mapped = cloud.clone();
        map.transform_cloud(&mut mapped);
        for time in TIMES {
            let mut expected = cloud.at(time);
            map.transform_cloud(&mut expected);
            let found = mapped.at(time);
            assert_near("means", found.means.as_flattened(), expected.means.as_flattened(), 1e-4);
            let unit = |quats: &[[f32; 4]]| -> Vec<f32> {
                quats
                    .iter()
                    .flat_map(|q| DQuat::from_array(q.map(f64::from)).normalize().to_array())
                    .map(|v| v as f32)
                    .collect()
            };
            assert_near("quats", &unit(&found.quats), &unit(&expected.quats), 1e-5);
        }
    }
}

fn load(path: &Path) -> SplatCloud {
    load_splats(path, &mut |_| Ok(())).unwrap()
}

fn save(path: &Path, cloud: &SplatCloud, options: &WriteOptions) {
    save_splats(path, &cloud.source(), options, &mut |_| Ok(())).unwrap();
}

#[test]
fn ordinary_ply_files_keep_every_bit_of_motion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moving.ply");
    for motion in motions() {
        let cloud = moving(40, motion);
        save(&path, &cloud, &WriteOptions::default());
        assert!(load(&path) == cloud);
        assert!(splat_core::scene::read_splats(&path).unwrap() == cloud);
        // Written at one time, nothing of it is left.
        save(&path, &cloud, &WriteOptions { time: Some(0.3), ..WriteOptions::default() });
        assert!(load(&path) == cloud.at(0.3));
    }
    // A file that promises motion and has none of the columns is refused.
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    let (header, _) = text.split_once("element vertex").unwrap();
    let motion = serde_json::to_string(&motions()[0]).unwrap();
    let with = format!("{header}comment Splat motion: {motion}\nelement vertex 0\nproperty float x\nend_header\n");
    std::fs::write(&path, with).unwrap();
    assert!(load_splats(&path, &mut |_| Ok(())).is_err());
}

/// Shapes do not depend on which axis comes first, which files may change.
fn shapes(cloud: &SplatCloud) -> Vec<f32> {
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let shape = |(quat, scales): (&[f32; 4], &[f32; 3])| {
        let quat: [f64; 4] = wide(quat).try_into().unwrap();
        let scales: [f64; 3] = wide(scales).try_into().unwrap();
        let largest = scales.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        covariance(&quat, &scales.map(|scale| scale - largest))
    };
    let all = cloud.quats.iter().zip(&cloud.log_scales).map(shape);
    all.flat_map(|matrix| matrix.into_iter().flatten().map(|value| value as f32)).collect()
}

#[test]
fn compressed_files_keep_motion_within_their_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moving.splatz");
    for motion in motions() {
        let cloud = moving(400, motion);
        save(&path, &cloud, &WriteOptions { quality: 32.0, ..WriteOptions::default() });
        let back = load(&path);
        assert_eq!(back.motion, Some(motion));
        // Rows come sorted: the nearest is the same one.
        let nearest = |mean: &[f32; 3]| {
            let distance = |other: &[f32; 3]| (0..3).map(|k| (mean[k] - other[k]).powi(2)).sum::<f32>();
            (0..cloud.len()).min_by(|&a, &b| distance(&cloud.means[a]).total_cmp(&distance(&cloud.means[b]))).unwrap()
        };
        let order: Vec<usize> = back.means.iter().map(nearest).collect();
        for time in TIMES {
            let (found, all) = (back.at(time), cloud.at(time));
            let sorted = SplatCloud {
                means: order.iter().map(|&row| all.means[row]).collect(),
                quats: order.iter().map(|&row| all.quats[row]).collect(),
                log_scales: order.iter().map(|&row| all.log_scales[row]).collect(),
                sh0: order.iter().map(|&row| all.sh0[row]).collect(),
                ..SplatCloud::default()
            };
            assert_near("means", found.means.as_flattened(), sorted.means.as_flattened(), 0.01);
            assert_near("shapes", &shapes(&found), &shapes(&sorted), 0.05);
            assert_near("sh0", found.sh0.as_flattened(), sorted.sh0.as_flattened(), 0.02);
        }
        let resting = |cloud: &SplatCloud| cloud.moving().iter().filter(|moves| !**moves).count();
        assert_eq!(resting(&back), resting(&cloud), "what rests stays at rest");
    }
}

#[test]
fn motion_that_rests_costs_next_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let size = |cloud: &SplatCloud| {
        let path = folder.path().join("size.splatz");
        save(&path, cloud, &WriteOptions::default());
        std::fs::metadata(path).unwrap().len()
    };
    let still = cloud(8000, 1);
    let (bare, rests) = (size(&still), size(&still.clone().with_motion(motions()[0])));
    assert!(rests < bare + 1500, "{rests} bytes, {bare} without motion");
}

/// Of 20,000 splats, one in ten moves, as after training: all but a few coefficients of those that rest are zero.
#[test]
fn splats_that_rest_pay_nothing_for_those_that_move() {
    let folder = tempfile::tempdir().unwrap();
    let motion = motions()[0];
    let mut all = cloud(20_000, 1).with_motion(motion);
    let mut random = Random::new(11);
    let moves: Vec<bool> = (0..all.len()).map(|_| random.below(10) == 0).collect();
    for column in &mut all.more {
        for (values, _) in column.values.chunks_exact_mut(column.width).zip(&moves).filter(|(_, moves)| **moves) {
            values.iter_mut().for_each(|value| *value = random.between(-0.3, 0.3));
        }
    }
    let bytes = |cloud: &SplatCloud| {
        let path = folder.path().join("size.splatz");
        save(&path, cloud, &WriteOptions::default());
        open_splats(&path, &mut |_| Ok(())).unwrap().info().motion_bytes.unwrap()
    };
    let movers: Vec<u32> = (0..all.len()).filter(|&row| moves[row]).map(|row| row as u32).collect();
    let only = all.source().rows(&movers).unwrap();
    let (with, without, rest) = (bytes(&all), bytes(&only), all.len() - movers.len());
    let each = (with as f64 - without as f64) / rest as f64;
    eprintln!(
        "{with} bytes of motion, {without} without the {rest} splats that rest: {each:.2} bytes for each of those"
    );
    assert!(each < RESTING_BYTES, "{each:.2} bytes");
}

#[test]
fn other_formats_get_one_moment_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = moving(30, motions()[0]);
    save(&folder.path().join("in.ply"), &cloud, &WriteOptions::default());
    let ran = splat_in(folder.path(), &["export", "in.ply", "out.splat"]);
    ran.done(&["out.splat"]);
    assert!(ran.stderr.contains("stand still, as they are at time 0"), "{}", ran.stderr);
    splat_in(folder.path(), &["export", "in.ply", "now.ply", "--time", "0.3"]).done(&["now.ply"]);
    assert!(load(&folder.path().join("now.ply")) == cloud.at(0.3));
    splat_in(folder.path(), &["export", "in.ply", "all.ply", "--frames", "3"]).done(&["all_0000.ply", "all_0002.ply"]);
    assert!(load(&folder.path().join("all_0001.ply")) == cloud.at(0.5));
    splat_in(folder.path(), &["export", "in.ply", "all.ply", "--frames", "3"]).refused(2, &["--force"]);
    splat_in(folder.path(), &["export", "now.ply", "then.ply", "--time", "0.3"]).refused(2, &["scenes that move"]);
    let told = ["moving: 20", "frames: 16", "positions: degree 3, 4 harmonics", "values per splat: 95", "bytes: 11400"];
    splat_in(folder.path(), &["info", "in.ply"]).done(&told);
    let ran = splat_in(folder.path(), &["export", "in.ply", "b.ply", "--frames", "12"]);
    ran.done(&["b_0000.ply", "b_0011.ply"]);
    assert!(ran.stderr.contains("12 files") && !ran.stderr.contains("stand still"), "{}", ran.stderr);
}

#[test]
fn every_format_is_written_at_a_time_as_the_splats_are_then() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = moving(30, motions()[0]);
    let written = |name: &str, cloud: &SplatCloud, time: Option<f64>| -> Vec<u8> {
        let path = folder.path().join(name);
        save(&path, cloud, &WriteOptions { time, ..WriteOptions::default() });
        std::fs::read(path).unwrap()
    };
    for row in splat_core::formats::FORMATS.iter().filter(|row| row.write.is_some()) {
        let name = format!("a.{}", row.extensions[0]);
        for time in [0.0, 0.7] {
            let now = written(&name, &cloud, Some(time));
            assert!(now == written(&name, &cloud.at(time), None), "{name} at {time}");
        }
        // What cannot hold motion gets the beginning, and says so; nothing else stands still.
        let still =
            row.losses(&cloud.source(), &WriteOptions::default()).iter().any(|loss| loss.contains("stand still"));
        let moves = matches!(row.format, Format::Ply | Format::Splatz | Format::Splatv | Format::Html);
        assert_eq!(still, !moves, "{name}");
        assert_eq!(written(&name, &cloud, None) == written(&name, &cloud.at(0.0), None), still, "{name}");
    }
}

#[test]
fn what_is_drawn_at_a_time_are_the_splats_of_that_time() {
    let Some(gpu) = gpu::open("what_is_drawn_at_a_time_are_the_splats_of_that_time", &GpuOptions::default()) else {
        return;
    };
    let options = RasterOptions { antialias: false, near: 0.1 };
    let eye = DVec3::new(2.0, 2.0, -25.0);
    let mut view = View::look_at(eye, DVec3::splat(2.0), DVec3::NEG_Y, 60.0, 64, 48).unwrap();
    for motion in motions() {
        let cloud = moving(300, motion);
        let mut renderer = Renderer::new(&gpu, &cloud, options).unwrap();
        let mut pictures = Vec::new();
        for time in TIMES {
            view.time = Some(time);
            let found = renderer.render_float(&view, false).unwrap().pixels;
            let still = Renderer::new(&gpu, &cloud.at(time), options).unwrap().render_float(&view, false).unwrap();
            assert_near("pixels", found.as_flattened(), still.pixels.as_flattened(), 2e-3);
            pictures.push(found);
        }
        assert!(pictures.windows(2).all(|pair| pair[0] != pair[1]), "nothing moved");
    }
}
