//! Where moving splats go: the ways of their centres over the clip, and how long these are.
//!
//! What windows draw as trails, colour by and select by. [`SplatCloud::at`] has whole splats at one time; this has the
//! centres of some of them at many.

use std::borrow::Cow;

use glam::DVec3;

use super::motion::fading;
use super::{Motion, SplatCloud, TimeBasis};

/// Steps in which a clip is followed, at least.
const LEAST_STEPS: usize = 32;
/// Steps for each harmonic: fewer would cut its corners.
const STEPS_PER_HARMONIC: usize = 8;
/// Most steps, whatever a file says of its motion.
const MOST_STEPS: usize = 512;

/// The centres of the splats of a cloud at some times.
pub struct Paths<'a> {
    cloud: &'a SplatCloud,
    basis: TimeBasis,
    /// From −½ to ½.
    times: Vec<f64>,
    /// The functions at each time, for splats without a speed of their own. [times, terms]
    shared: Vec<f64>,
    terms: usize,
    coefficients: &'a [f32],
    dilations: &'a [f32],
    lifetimes: &'a [[f32; 2]],
}

impl<'a> Paths<'a> {
    /// Through the given times, each from 0 at the first photo to 1 at the last.
    pub fn new(cloud: &'a SplatCloud, times: impl IntoIterator<Item = f64>) -> Self {
        let basis = cloud.motion.map_or(TimeBasis::STILL, |motion| motion.means);
        let times: Vec<f64> = times.into_iter().map(|time| time - 0.5).collect();
        let shared = times.iter().flat_map(|&time| basis.values(time)).collect();
        Paths {
            cloud,
            basis,
            shared,
            terms: basis.terms() as usize,
            coefficients: cloud.more_values("flow_means"),
            dilations: cloud.more_values(Motion::DILATIONS),
            lifetimes: cloud.more_values(Motion::LIFETIMES).as_chunks::<2>().0,
            times,
        }
    }

    /// Through the whole clip in even steps, so many that the way between them is nearly straight.
    pub fn over_clip(cloud: &'a SplatCloud) -> Self {
        let steps = match cloud.motion.map_or(TimeBasis::STILL, |motion| motion.means) {
            TimeBasis::Flow { fourier, .. } => LEAST_STEPS.max(STEPS_PER_HARMONIC * fourier as usize),
            // Keyframes are the corners of the way: each is one of the times.
            TimeBasis::Keyframes(keys) => {
                let spans = (keys as usize).saturating_sub(1).max(1);
                spans * LEAST_STEPS.div_ceil(spans)
            }
        };
        let steps = steps.min(MOST_STEPS);
        Self::new(cloud, (0..=steps).map(|step| step as f64 / steps as f64))
    }

    /// Number of times.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no time.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Whether the centre of a splat stays where it is.
    pub fn rests(&self, row: usize) -> bool {
        self.of_row(row).iter().all(|&coefficient| coefficient == 0.0)
    }

    /// The centre of a splat at each of the times.
    pub fn centres(&self, row: usize) -> Vec<DVec3> {
        let mean = self.cloud.means.get(row).map_or(DVec3::ZERO, |mean| DVec3::from_array(mean.map(f64::from)));
        if self.rests(row) {
            return vec![mean; self.times.len()];
        }
        let coefficients = self.of_row(row);
        let own = self.dilations.get(row).map(|&speed| {
            let speed = f64::from(speed).exp();
            self.times.iter().flat_map(|time| self.basis.values(speed * time)).collect::<Vec<f64>>()
        });
        let functions = own.as_deref().unwrap_or(&self.shared);
        let centre = |functions: &[f64]| {
            let change = |axis: usize| -> f64 {
                let own = &coefficients[axis * self.terms..][..self.terms];
                own.iter().zip(functions).map(|(&c, f)| f64::from(c) * f).sum()
            };
            mean + DVec3::new(change(0), change(1), change(2))
        };
        functions.chunks_exact(self.terms).map(centre).collect()
    }

    /// How much of its opacity a splat has at one of the times, from 0 to 1.
    pub fn presence(&self, row: usize, time: usize) -> f64 {
        match (self.lifetimes.get(row), self.times.get(time)) {
            (Some(&[centre, fade]), Some(&time)) => fading(f64::from(centre), f64::from(fade), time),
            _ => 1.0,
        }
    }

    /// Length of the way of a splat's centre, in world units. A part of it counts by how much of its opacity the splat
    /// has there: where nobody sees it, it may go anywhere.
    pub fn travelled(&self, row: usize) -> f64 {
        if self.rests(row) {
            return 0.0;
        }
        let centres = self.centres(row);
        let step = |(index, ends): (usize, &[DVec3])| {
            let seen = 0.5 * (self.presence(row, index) + self.presence(row, index + 1));
            seen * ends[0].distance(ends[1])
        };
        centres.windows(2).enumerate().map(step).sum()
    }

    /// The coefficients of a splat, none where nothing moves. [3, terms]
    fn of_row(&self, row: usize) -> &'a [f32] {
        let width = 3 * self.terms;
        self.coefficients.get(row * width..(row + 1) * width).unwrap_or(&[])
    }
}

impl SplatCloud {
    /// The centres at a time, or at rest without one.
    pub fn means_at(&self, time: Option<f64>) -> Cow<'_, [[f32; 3]]> {
        let Some(time) = time.filter(|_| self.motion.is_some()) else { return Cow::Borrowed(&self.means) };
        let paths = Paths::new(self, [time]);
        let moved = |(row, &mean): (usize, &[f32; 3])| match paths.rests(row) {
            true => mean,
            false => paths.centres(row).first().map_or(mean, |centre| centre.to_array().map(|value| value as f32)),
        };
        self.means.iter().enumerate().map(moved).collect()
    }
}

#[cfg(test)]
mod tests {
    use glam::DVec3;

    use super::Paths;
    use crate::scene::{Motion, SplatCloud, TimeBasis};

    fn cloud(means: TimeBasis, dilates: bool, fades: bool) -> SplatCloud {
        let still = SplatCloud {
            means: vec![[1.0, 2.0, 3.0]; 2],
            quats: vec![[1.0, 0.0, 0.0, 0.0]; 2],
            log_scales: vec![[0.0; 3]; 2],
            opacity_logits: vec![0.0; 2],
            sh0: vec![[0.0; 3]; 2],
            ..SplatCloud::default()
        };
        let basis = TimeBasis::STILL;
        still.with_motion(Motion { means, quats: basis, sh0: basis, dilates, fades, frames: 0 })
    }

    #[test]
    fn a_straight_way_is_as_long_as_it_is_far() {
        let mut cloud = cloud(TimeBasis::Flow { poly: 1, fourier: 0 }, false, false);
        // T₁(2τ) runs from −1 to 1.
        cloud.more[0].values[..3].copy_from_slice(&[1.5, 0.0, -2.0]);
        let paths = Paths::over_clip(&cloud);
        let centres = paths.centres(0);
        assert_eq!(centres.first(), Some(&DVec3::new(-0.5, 2.0, 5.0)));
        assert_eq!(centres.last(), Some(&DVec3::new(2.5, 2.0, 1.0)));
        assert!((paths.travelled(0) - 5.0).abs() < 1e-9);
        assert!(paths.rests(1) && paths.travelled(1) == 0.0 && !paths.rests(0));
        assert_eq!(*cloud.means_at(Some(1.0)), [[2.5, 2.0, 1.0], [1.0, 2.0, 3.0]]);
        assert_eq!(*cloud.means_at(None), cloud.means);
    }

    #[test]
    fn centres_are_those_of_the_cloud_at_each_time() {
        for basis in [TimeBasis::Flow { poly: 2, fourier: 2 }, TimeBasis::Keyframes(5)] {
            let mut cloud = cloud(basis, true, true);
            for column in &mut cloud.more {
                let wave = |index: usize| 0.3 * (1.7 * index as f32).sin();
                column.values.iter_mut().enumerate().for_each(|(index, value)| *value = wave(index));
            }
            let times = [0.0, 0.3, 0.5, 1.0];
            let paths = Paths::new(&cloud, times);
            for (index, time) in times.into_iter().enumerate() {
                let there = cloud.at(time);
                for row in 0..2 {
                    let expected = DVec3::from_array(there.means[row].map(f64::from));
                    assert!(paths.centres(row)[index].distance(expected) < 1e-6, "{basis:?} at {time}");
                    // Half opacity at best: a logit of zero.
                    let opacity = 1.0 / (1.0 + (-f64::from(there.opacity_logits[row])).exp());
                    assert!((2.0 * opacity - paths.presence(row, index)).abs() < 1e-5, "{basis:?} at {time}");
                }
            }
        }
    }

    #[test]
    fn what_nobody_sees_counts_for_nothing() {
        let mut cloud = cloud(TimeBasis::Flow { poly: 1, fourier: 0 }, false, true);
        cloud.more[0].values[..6].copy_from_slice(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        // Both go equally far; the second is there for a moment in the middle.
        cloud.more[1].values.copy_from_slice(&[0.0, -9.0, 0.0, 4.0]);
        let paths = Paths::over_clip(&cloud);
        assert!((paths.travelled(0) - 2.0).abs() < 1e-3, "{}", paths.travelled(0));
        // Of a bell with a deviation of 3 e⁻⁴ of the clip, at two units a clip.
        let expected = 2.0 * 3.0 * (-4.0_f64).exp() * std::f64::consts::TAU.sqrt();
        assert!((paths.travelled(1) / expected - 1.0).abs() < 0.01, "{} for {expected}", paths.travelled(1));
    }

    #[test]
    fn every_corner_of_keyframes_is_passed() {
        let cloud = cloud(TimeBasis::Keyframes(12), false, false);
        assert_eq!((Paths::over_clip(&cloud).len() - 1) % 11, 0);
        assert!(Paths::over_clip(&SplatCloud::default()).len() > 1);
    }
}
