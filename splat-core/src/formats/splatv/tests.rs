use super::entry::{ALWAYS, BYTES, Entry, MOTION, UNIT_WIDTH};
use super::fit::{POSITION_SHARE, SEEN};
use super::{FLOOR, header};
use crate::camera_path::Sphere;
use crate::error::Error;
use crate::formats::fixture::{Random, cloud, survive_damage};
use crate::formats::values::{half, sigmoid};
use crate::formats::{Format, ViewerHints, WriteOptions, load_splats, open_splats, save_splats};
use crate::scene::{Motion, SplatCloud, TimeBasis};

fn flow(poly: u32, fourier: u32) -> TimeBasis {
    TimeBasis::Flow { poly, fourier }
}

/// What a recipe trains by default.
fn usual() -> Motion {
    let body = flow(3, 4);
    Motion { means: body, quats: body, sh0: flow(1, 2), dilates: false, fades: true, frames: 16 }
}

/// Splats of which every third rests, and others move by about `size`.
fn moving(count: usize, motion: Motion, size: f32) -> SplatCloud {
    let mut cloud = cloud(count, 0, 7).with_motion(motion);
    cloud.log_scales.iter_mut().for_each(|scales| *scales = scales.map(|scale| scale.clamp(-3.0, 0.0)));
    cloud.opacity_logits.iter_mut().for_each(|logit| *logit = logit.max(-2.0));
    let mut random = Random(99);
    for column in &mut cloud.more {
        let size = match column.name {
            "flow_means" => size,
            "flow_sh0" => 0.1,
            Motion::LIFETIMES => 0.4,
            _ => 0.05,
        };
        for (row, values) in column.values.chunks_exact_mut(column.width).enumerate() {
            if row % 3 != 0 {
                values.iter_mut().for_each(|value| *value = random.between(-size, size));
            }
        }
    }
    cloud
}

/// The bytes of a file, and what writing it told.
fn written(cloud: &SplatCloud) -> (Vec<u8>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatv");
    let told = save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    (std::fs::read(&path).unwrap(), told)
}

fn read(bytes: &[u8]) -> SplatCloud {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatv");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(open_splats(&path, &mut |_| Ok(())).unwrap().info().format, Some(Format::Splatv));
    load_splats(&path, &mut |_| Ok(())).unwrap()
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    bytes[8 + length..].chunks_exact(BYTES).filter_map(Entry::of).collect()
}

#[test]
fn the_head_is_what_the_viewer_expects() {
    let cloud = cloud(1500, 3, 1);
    let (bytes, told) = written(&cloud);
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(bytes[..4], [0x4b, 0x67, 0, 0]);
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    // 1024 entries a row, and no row is shorter.
    let size = 2 * 4096 * 16;
    assert_eq!(bytes.len(), 8 + length + size);
    let sphere = super::sphere(&cloud.source(), &mut |_| Ok(())).unwrap();
    let camera = super::camera(&sphere, &ViewerHints::default()).unwrap();
    assert_eq!(bytes[..8 + length], header(size, 2, &camera));
    assert_eq!(
        (&json[0]["type"], &json[0]["size"], &json[0]["texwidth"], &json[0]["texheight"]),
        (&"splat".into(), &size.into(), &4096.into(), &2.into())
    );
    for (key, length) in [("position", 3), ("rotation", 3)] {
        assert_eq!(camera[key].as_array().unwrap().len(), length, "{camera}");
    }
    assert!(camera["fx"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_entry_is_laid_out_as_the_viewer_reads_it() {
    let entry = Entry {
        mean: [1.0, -2.0, 0.5],
        quat: [1.0, 0.5, -0.25, 0.0],
        scales: [2.0, 0.125, 0.0625],
        rgba: [1, 2, 3, 250],
        motion: [[1.0, 2.0, 4.0], [0.5, 0.25, 8.0], [-1.0, -2.0, -4.0]],
        omega: [0.0, 1.0, 2.0, -1.0],
        centre: 0.5,
        width: ALWAYS,
    };
    let bytes = entry.bytes();
    assert_eq!(Entry::of(&bytes), Some(entry));
    let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect();
    let halves = |word: u32| [half(word as u16), half((word >> 16) as u16)];
    assert_eq!(words[..3], [1.0_f32, -2.0, 0.5].map(f32::to_bits));
    assert_eq!([halves(words[3]), halves(words[4])].concat(), entry.quat);
    assert_eq!([halves(words[5]), halves(words[6])].concat(), [2.0, 0.125, 0.0625, 0.0]);
    assert_eq!(words[7], 0xfa03_0201);
    let motion: Vec<f32> = words[8..13].iter().flat_map(|&word| halves(word)).collect();
    assert_eq!(motion, [1.0, 2.0, 4.0, 0.5, 0.25, 8.0, -1.0, -2.0, -4.0, 0.0]);
    assert_eq!([halves(words[13]), halves(words[14])].concat(), entry.omega);
    assert_eq!(halves(words[15]), [0.5, ALWAYS]);
}

#[test]
fn splats_that_rest_are_one_entry_each_and_read_as_still() {
    let still = moving(300, usual(), 0.0).at(0.5);
    let (bytes, _) = written(&still);
    let back = read(&bytes);
    assert_eq!((back.len(), back.motion, back.means == still.means), (300, None, true));
    for (row, &logit) in still.opacity_logits.iter().enumerate() {
        assert!((sigmoid(logit) - sigmoid(back.opacity_logits[row])).abs() <= 0.51 / 255.0);
        for axis in 0..3 {
            assert!((still.log_scales[row][axis] - back.log_scales[row][axis]).abs() < 1e-3);
        }
    }
}

/// What the viewer computes is what we read, at any time.
#[test]
fn entries_are_read_exactly() {
    let mut random = Random(5);
    let mut three = |size: f32| [(); 3].map(|()| half(super::super::values::half_bits(random.between(-size, size))));
    let mut cloud = SplatCloud::default().with_motion(MOTION);
    let entries: Vec<Entry> = (0..200)
        .map(|index| {
            let ([a, b, c], [d, e, f]) = (three(1.0), three(1.0));
            Entry {
                mean: three(5.0),
                quat: [1.0, a, b, c],
                scales: [0.5; 3],
                rgba: [10, 100, 200, 255],
                motion: [three(1.0), three(3.0), three(20.0)],
                omega: [d, e, f, 0.5],
                centre: [0.0, 0.25, 0.75, 1.5][index % 4],
                width: [0.125, 0.5, 4.0, ALWAYS][index / 4 % 4],
            }
        })
        .collect();
    entries.iter().for_each(|entry| entry.push_to(&mut cloud, Some(MOTION)));
    for time in [0.0, 0.31, 0.5, 1.0] {
        let still = cloud.at(time);
        for (row, entry) in entries.iter().enumerate() {
            let dt = time - f64::from(entry.centre);
            for axis in 0..3 {
                let [m1, m2, m3] = entry.motion.map(|m| f64::from(m[axis]));
                let expected = f64::from(entry.mean[axis]) + m1 * dt + m2 * dt * dt + m3 * dt * dt * dt;
                assert!((f64::from(still.means[row][axis]) - expected).abs() < 2e-5, "{row} at {time}");
            }
            for k in 0..4 {
                let expected = f64::from(entry.quat[k]) + f64::from(entry.omega[k]) * dt;
                assert!((f64::from(still.quats[row][k]) - expected).abs() < 1e-6, "{row} at {time}");
            }
            let opacity = (-(dt / f64::from(entry.width)).powi(2)).exp();
            assert!((f64::from(sigmoid(still.opacity_logits[row])) - opacity).abs() < 1e-4, "{row} at {time}");
        }
    }
}

/// A cubic in a window of its own needs one entry, whatever else the basis could do.
#[test]
fn what_the_format_can_say_comes_back() {
    let motion = Motion { means: flow(3, 2), quats: flow(1, 0), ..usual() };
    let mut cloud = moving(200, motion, 0.3);
    for column in cloud.more.iter_mut().filter(|column| column.name == "flow_means") {
        column.values.as_chunks_mut::<7>().0.iter_mut().for_each(|terms| terms[3..].fill(0.0));
    }
    cloud.more.iter_mut().filter(|column| column.name == "flow_sh0").for_each(|column| column.values.fill(0.0));
    let (bytes, told) = written(&cloud);
    let found = entries(&bytes);
    assert_eq!(found.len(), cloud.len(), "{told:?}");
    let back = read(&bytes);
    for time in [0.0, 0.4, 1.0] {
        let (expected, found) = (cloud.at(time), back.at(time));
        for row in 0..cloud.len() {
            for axis in 0..3 {
                let off = (expected.means[row][axis] - found.means[row][axis]).abs();
                // Coefficients are half floats.
                assert!(off < 2e-3, "{row} at {time}: {off}");
            }
            let off = (sigmoid(expected.opacity_logits[row]) - sigmoid(found.opacity_logits[row])).abs();
            assert!(off < 3e-3, "{row} at {time}: {off}");
        }
    }
    let widths = found.iter().step_by(3).all(|rests| (f64::from(rests.width) - UNIT_WIDTH).abs() < 2e-3);
    assert!(widths, "what rests is seen as the splats' own window says");
}

/// How far the entry that shows most of a splat is from it, and how much all of them cover; both over time.
fn followed(cloud: &SplatCloud, found: &SplatCloud, from: usize, to: usize, row: usize) -> (f64, f64) {
    let (mut farthest, mut uneven) = (0.0_f64, 0.0_f64);
    for step in 0..=100 {
        let time = f64::from(step) / 100.0;
        let (expected, found) = (cloud.at(time), found.at(time));
        let opacity = |cloud: &SplatCloud, row: usize| f64::from(sigmoid(cloud.opacity_logits[row]));
        let most = (from..to).map(|copy| opacity(&found, copy)).fold(0.0, f64::max);
        for copy in (from..to).filter(|&copy| opacity(&found, copy) > SEEN * most) {
            let off = (0..3).map(|k| f64::from(expected.means[row][k] - found.means[copy][k]).powi(2)).sum::<f64>();
            farthest = farthest.max(off.sqrt());
        }
        // The cover of several, numerically.
        let steps = 200;
        let covered: f64 = (0..steps)
            .map(|i| (f64::from(i) + 0.5) / f64::from(steps))
            .map(|g| (1.0 - (from..to).map(|copy| 1.0 - g * opacity(&found, copy)).product::<f64>()) / g)
            .sum::<f64>()
            / f64::from(steps);
        uneven = uneven.max((covered / opacity(&expected, row) - 1.0).abs());
    }
    (farthest, uneven)
}

#[test]
fn windows_follow_a_winding_path_without_gaps() {
    for logit in [-2.0, 0.0, 4.0] {
        let motion =
            Motion { means: flow(0, 3), quats: TimeBasis::STILL, sh0: TimeBasis::STILL, fades: false, ..usual() };
        let mut one = moving(2, motion, 0.0);
        one.opacity_logits.fill(logit);
        one.log_scales.fill([-2.0; 3]);
        // Row 1 goes three times around, row 0 rests.
        for (k, at) in [(0, 2), (1, 5)] {
            one.more[0].values[18 + 6 * k + at] = 1.0;
        }
        let (bytes, told) = written(&one);
        let back = read(&bytes);
        assert!(back.len() > 4, "{} entries", back.len());
        let floor = FLOOR * Sphere::of_splats(&one.at(0.5)).radius;
        let bound = floor.max(POSITION_SHARE * (-2.0_f64).exp());
        let (farthest, uneven) = followed(&one, &back, 1, back.len(), 1);
        assert!(farthest < 1.1 * bound, "{farthest} of {bound}, {told:?}");
        // Opaque splats vary most.
        assert!(uneven < 0.15, "logit {logit}: cover differs by {uneven}");
        assert!(told[0].starts_with("1 splats move"), "{told:?}");
    }
}

#[test]
fn errors_are_bounded_and_told() {
    let cloud = moving(150, usual(), 0.15);
    let (bytes, told) = written(&cloud);
    assert!(told[0].contains("100 splats move, in ") && told[0].contains("at most"), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
    let back = read(&bytes);
    assert!(back.len() > cloud.len() && back.len() < 16 * cloud.len());
    // The farthest, as told, respects the bound of the largest splat.
    let word = told[0].split("average and ").nth(1).unwrap().split(' ').next().unwrap();
    let farthest: f64 = word.parse().unwrap();
    let floor = FLOOR * Sphere::of_splats(&cloud.at(0.5)).radius;
    assert!(farthest > 0.0 && farthest <= floor.max(POSITION_SHARE), "{farthest}");
}

#[test]
fn damage_is_survived() {
    let (bytes, _) = written(&moving(40, usual(), 0.2));
    survive_damage("a.splatv", &bytes, 300);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let (bytes, _) = written(&cloud(5, 0, 3));
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.splatv");
    let with =
        |json: &str| [&bytes[..4], &(json.len() as u32).to_le_bytes(), json.as_bytes(), &bytes[8 + length..]].concat();
    let cases = [
        (bytes[..bytes.len() - 1].to_vec(), "promises"),
        (bytes[..20].to_vec(), "does not fit"),
        (with(r#"[{"type":"mesh","size":64}]"#), "names no splats"),
        (with(r#"[{"type":"splat","size":63}]"#), "no whole number"),
        (with("[3, 4"), "no list in JSON"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = load_splats(&path, &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, Error::Input { .. }) && error.to_string().contains(expected), "{error}");
    }
    let none = cloud(0, 0, 1);
    let refused = save_splats(&path, &none.source(), &WriteOptions::default(), &mut |_| Ok(()));
    assert!(matches!(refused, Err(Error::Settings { .. })));
}
