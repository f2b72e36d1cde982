//! Splats that can be told apart, and how far two readings of them are from one another.

use splat_core::scene::SplatCloud;

use crate::fuzz::random::{Random, cloud};

/// What [`Values`] are of, in units of length, degrees, natural logarithms, shares of 1, and coefficients.
const ATTRIBUTES: [&str; 8] = ["position", "angle", "log scale", "opacity", "colour", "SH 1", "SH 2", "SH 3"];

/// A number per attribute.
pub(super) type Values = [f64; 8];

/// Splats along an edge of the scene.
const SIDE: usize = 15;
/// The way from one to the next.
const PITCH: f32 = 1.25;
/// How far they stand beside their place at most: far enough from half the pitch that no format moves them across.
const JITTER: f32 = 0.4;
/// Kinds of view-dependent colours, fewer than the palette of SOG has places: it need not mix them.
const KINDS: usize = 400;
/// How many there are.
pub(super) const COUNT: usize = SIDE.pow(3);

/// Splats with the values that trained ones have, each in a cell of its own, by which it is found again when a program
/// changed their order.
pub(super) fn scene(sh_degree: u8) -> SplatCloud {
    let random = &mut Random::new(u64::from(sh_degree));
    let mut scene = cloud(COUNT, sh_degree);
    for (row, mean) in scene.means.iter_mut().enumerate() {
        let place = [row / SIDE.pow(2), row / SIDE % SIDE, row % SIDE];
        *mean = place.map(|k| (k as f32 - (SIDE / 2) as f32) * PITCH + random.between(-JITTER, JITTER));
    }
    let width = scene.sh_rest.len() / COUNT;
    for row in KINDS..COUNT {
        scene.sh_rest.copy_within((row % KINDS) * width..(row % KINDS + 1) * width, row * width);
    }
    scene
}

/// Splats of [`scene`] by their cells; all of them must be there, each once.
pub(super) fn in_order(cloud: &SplatCloud) -> SplatCloud {
    let mut rows = vec![None; COUNT];
    assert_eq!(cloud.len(), COUNT);
    for (row, mean) in cloud.means.iter().enumerate() {
        let place = mean.map(|value| (value / PITCH).round() as i64 + (SIDE / 2) as i64);
        let cell = place.iter().fold(0, |cell, &k| cell * SIDE as i64 + k);
        assert!(place.iter().all(|k| (0..SIDE as i64).contains(k)), "{mean:?} is outside of the scene");
        assert!(rows[cell as usize].replace(row as u32).is_none(), "a second splat at {mean:?}");
    }
    let rows: Vec<u32> = rows.into_iter().map(Option::unwrap).collect();
    splat_core::formats::SplatSource::rows(&cloud.source(), &rows).unwrap()
}

fn opacity(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// The angle between two ellipsoids, in degrees. Turned by half about an axis of its own, one is as it was.
fn degrees_between(a: [f32; 4], b: [f32; 4]) -> f64 {
    let unit = |quat: [f32; 4]| {
        let length = quat.iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt();
        quat.map(|c| f64::from(c) / length)
    };
    let (a, [w, x, y, z]) = (unit(a), unit(b));
    // The chord, not the cosine: it keeps small angles.
    let chord = |b: [f64; 4]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let same = [[w, x, y, z], [-x, w, z, -y], [-y, -z, w, x], [-z, y, -x, w]];
    let least = same.iter().flat_map(|&b| [b, b.map(|c| -c)]).map(chord).fold(f64::NAN, f64::min);
    4.0 * (least / 2.0).asin().to_degrees()
}

/// The largest difference of values.
fn most<'a>(a: impl IntoIterator<Item = &'a f32>, b: impl IntoIterator<Item = &'a f32>) -> f64 {
    a.into_iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).fold(0.0, largest)
}

/// The larger one; NaN stays, and is then not within any step.
fn largest(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The largest differences of two readings of a scene.
pub(super) fn differences(a: &SplatCloud, b: &SplatCloud) -> Values {
    assert_eq!((a.sh_degree, a.sh_rest.len()), (b.sh_degree, b.sh_rest.len()));
    let (a, b) = (in_order(a), in_order(b));
    let width = (a.sh_rest.len() / COUNT).max(1);
    // The coefficients of a degree are neighbours.
    let sh = |values: std::ops::Range<usize>| {
        let of = |cloud: &SplatCloud| -> Vec<f32> {
            let rows = cloud.sh_rest.chunks_exact(width);
            rows.flat_map(|row| row.get(values.clone()).unwrap_or_default()).copied().collect()
        };
        most(&of(&a), &of(&b))
    };
    let opacities = a.opacity_logits.iter().zip(&b.opacity_logits);
    let angles = a.quats.iter().zip(&b.quats);
    [
        most(a.means.as_flattened(), b.means.as_flattened()),
        angles.map(|(&a, &b)| degrees_between(a, b)).fold(0.0, largest),
        most(a.log_scales.as_flattened(), b.log_scales.as_flattened()),
        opacities.map(|(&a, &b)| (opacity(a) - opacity(b)).abs()).fold(0.0, largest),
        most(a.sh0.as_flattened(), b.sh0.as_flattened()),
        sh(0..9),
        sh(9..24),
        sh(24..45),
    ]
}

/// Two readings of a scene differ by no more than this, attribute by attribute.
#[track_caller]
pub(super) fn within(what: &str, a: &SplatCloud, b: &SplatCloud, limits: &Values) {
    let found = differences(a, b);
    let table = ATTRIBUTES.iter().zip(found).zip(limits).map(|((name, found), limit)| {
        let exact = if found == 0.0 { "0".to_owned() } else { format!("{found:.2e}") };
        format!("{name} {exact} of {limit:.2e}")
    });
    let told = format!("{what}: {}", table.collect::<Vec<_>>().join(", "));
    eprintln!("{told}");
    assert!(found.iter().zip(limits).all(|(found, limit)| found <= limit), "{told}");
}
