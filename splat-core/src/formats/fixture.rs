//! Splats for the tests of formats.

use crate::error::Result;
use crate::scene::SplatCloud;
use crate::scene::io::ply::ExtraProperty;

use super::{SplatInfo, SplatSource};

/// Numbers that look random and are the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// The next 32 bits [Marsaglia 2003].
    pub(super) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// A number between `low` and `high`.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 8) as f32 / (1 << 24) as f32
    }

    /// One of so many.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.next() as usize % count.max(1)
    }
}

/// Splats with the values that trained ones have.
pub(super) fn cloud(count: usize, sh_degree: u8, seed: u64) -> SplatCloud {
    let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let width = 3 * ((usize::from(sh_degree) + 1).pow(2) - 1);
    let mut three = |low, high| [(); 3].map(|()| random.between(low, high));
    let means = (0..count).map(|_| three(-20.0, 30.0)).collect();
    let log_scales = (0..count).map(|_| three(-9.0, 1.0)).collect();
    let sh0 = (0..count).map(|_| three(-2.0, 2.5)).collect();
    SplatCloud {
        means,
        log_scales,
        sh0,
        quats: (0..count).map(|_| [(); 4].map(|()| random.between(-2.0, 2.0))).collect(),
        opacity_logits: (0..count).map(|_| random.between(-6.0, 9.0)).collect(),
        sh_rest: (0..count * width).map(|_| random.between(-1.0, 1.0)).collect(),
        sh_degree,
        ..SplatCloud::default()
    }
}

/// Chosen rows of another source.
pub(super) struct Chosen<'a> {
    source: &'a dyn SplatSource,
    rows: Vec<u32>,
    info: SplatInfo,
}

impl<'a> Chosen<'a> {
    /// These rows, in this order.
    pub(super) fn new(source: &'a dyn SplatSource, rows: Vec<u32>) -> Self {
        let info = SplatInfo { count: rows.len(), ..source.info().clone() };
        Chosen { source, rows, info }
    }

    fn inner(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().map(|&row| self.rows[row as usize]).collect()
    }
}

impl SplatSource for Chosen<'_> {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        self.source.rows(&self.inner(rows))
    }

    fn extras(&self) -> &[ExtraProperty] {
        self.source.extras()
    }

    fn extra_rows(&self, rows: &[u32]) -> Result<Vec<u8>> {
        self.source.extra_rows(&self.inner(rows))
    }
}

/// The angle between two rotations, in degrees.
pub(super) fn degrees_between(a: [f32; 4], b: [f32; 4]) -> f64 {
    let (a, b) = (super::values::unit(a).map(f64::from), super::values::unit(b).map(f64::from));
    // The chord, not the cosine: it keeps small angles.
    let chord = |sign: f64| a.iter().zip(b).map(|(a, b)| (a - sign * b).powi(2)).sum::<f64>().sqrt();
    4.0 * (chord(1.0).min(chord(-1.0)) / 2.0).asin().to_degrees()
}

/// Opens a file damaged in many ways and reads all that it then promises: nothing may panic.
pub(super) fn survive_damage(name: &str, bytes: &[u8], rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut read = 0;
    for round in 0..rounds {
        let random = &mut Random(round * 2 + 1);
        // The first numbers of a generator resemble its seed.
        (0..8).for_each(|_| _ = random.next());
        let mut damaged = bytes.to_vec();
        for _ in 0..1 + random.below(6) {
            let at = random.below(damaged.len());
            match random.below(5) {
                0 => damaged.truncate(at),
                1 => drop(damaged.drain(at..(at + 1 + random.below(40)).min(damaged.len()))),
                2 => drop(damaged.splice(at..at, [b'0' + random.below(10) as u8; 12])),
                3 if !damaged.is_empty() => damaged[at] ^= 1 << random.below(8),
                _ => {
                    let end = (at + 4).min(damaged.len());
                    damaged[at..end].fill(0xff);
                }
            }
        }
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(source) = super::open_splats(&path, &mut |_| Ok(())) {
            let cloud = super::read_all(source.as_ref(), &mut |_| Ok(())).unwrap();
            assert_eq!(cloud.len(), source.info().count);
            let finite = cloud.columns().into_iter().all(|(_, _, values)| values.iter().all(|v| v.is_finite()));
            assert!(finite, "round {round}");
            read += 1;
        }
    }
    assert!((1..rounds).contains(&read), "{read} of {rounds} could be read");
}
