//! How one splat moves, sampled over the time in which it is seen.

use super::entry::{ALWAYS, UNIT_WIDTH};
use super::fit::channel;
use crate::scene::{Motion, MotionColumn, SplatCloud};

/// Samples over the time in which a splat is seen; three in each of the most windows.
const SAMPLES: usize = 49;
/// Fainter than this, a splat is not seen.
const FAINT: f64 = 1.0 / 255.0;

/// A splat at some times.
pub(super) struct Track {
    /// From 0 to 1 over the clip.
    pub(super) times: Vec<f64>,
    pub(super) means: Vec<[f64; 3]>,
    pub(super) quats: Vec<[f64; 4]>,
    /// Shares of full intensity.
    pub(super) colours: Vec<[f64; 3]>,
    /// How much of its opacity it has.
    pub(super) lives: Vec<f64>,
    /// The time in which it is seen.
    pub(super) seen_in: (f64, f64),
    /// The Gaussian in which it appears and vanishes, as in an [`super::entry::Entry`].
    pub(super) own_centre: f64,
    pub(super) own_width: f64,
}

impl Track {
    /// How much of its opacity it has at a time.
    pub(super) fn life_at(&self, time: f64) -> f64 {
        (-((time - self.own_centre) / self.own_width).powi(2)).exp()
    }
}

/// The functions of time of one column, at the samples of a splat that is seen throughout.
struct Functions {
    column: MotionColumn,
    throughout: Vec<Vec<f64>>,
}

/// Samples splats of one motion.
pub(super) struct Samples {
    moving: Vec<Functions>,
    dilates: bool,
    fades: bool,
}

/// Times evenly from one to another.
fn between((from, to): (f64, f64)) -> Vec<f64> {
    (0..SAMPLES).map(|sample| from + (to - from) * sample as f64 / (SAMPLES - 1) as f64).collect()
}

impl Samples {
    /// For splats that move as `motion` says, if they do.
    pub(super) fn new(motion: Option<Motion>) -> Self {
        let columns = motion.map(|motion| motion.columns()).unwrap_or_default();
        let functions = |column: MotionColumn| {
            let (_, basis) = column.moves?;
            let throughout = between((0.0, 1.0)).into_iter().map(|time| basis.values(time - 0.5)).collect();
            Some(Functions { column, throughout })
        };
        Samples {
            moving: columns.into_iter().filter_map(functions).collect(),
            dilates: motion.is_some_and(|motion| motion.dilates),
            fades: motion.is_some_and(|motion| motion.fades),
        }
    }

    /// One splat; none if it is never seen.
    pub(super) fn track(&self, cloud: &SplatCloud, row: usize, opacity: f64) -> Option<Track> {
        let (own_centre, own_width) = match cloud.more_row(Motion::LIFETIMES, row) {
            &[centre, fade] if self.fades => {
                (f64::from(centre) + 0.5, (UNIT_WIDTH / f64::from(fade).exp()).clamp(1e-4, ALWAYS.into()))
            }
            _ => (0.5, ALWAYS.into()),
        };
        let reach = own_width * (opacity / FAINT).max(1.0).ln().sqrt();
        let seen_in = ((own_centre - reach).clamp(0.0, 1.0), (own_centre + reach).clamp(0.0, 1.0));
        if opacity <= FAINT || seen_in.0 >= seen_in.1 {
            return None;
        }
        let times = between(seen_in);
        let length = cloud.quats[row].iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt();
        let quat = cloud.quats[row].map(|c| f64::from(c) / length.max(1e-12));
        let mut track = Track {
            means: vec![cloud.means[row].map(f64::from); SAMPLES],
            quats: vec![quat; SAMPLES],
            colours: vec![cloud.sh0[row].map(f64::from); SAMPLES],
            lives: Vec::new(),
            times,
            seen_in,
            own_centre,
            own_width,
        };
        track.lives = track.times.iter().map(|&time| track.life_at(time)).collect();
        for functions in &self.moving {
            self.add(functions, cloud, row, length, &mut track);
        }
        for colour in &mut track.colours {
            *colour = colour.map(channel);
        }
        Some(track)
    }

    /// Adds what one column changes.
    fn add(&self, functions: &Functions, cloud: &SplatCloud, row: usize, length: f64, track: &mut Track) {
        let Some((base, basis)) = functions.column.moves else { return };
        let coefficients = cloud.more_row(functions.column.name, row);
        if coefficients.iter().all(|&c| c == 0.0) {
            return;
        }
        let speed = match cloud.more_row(Motion::DILATIONS, row) {
            &[speed] if self.dilates => f64::from(speed).exp(),
            _ => 1.0,
        };
        let shared = speed == 1.0 && track.seen_in == (0.0, 1.0);
        for sample in 0..SAMPLES {
            let own = (!shared).then(|| basis.values(speed * (track.times[sample] - 0.5)));
            let values = own.as_ref().unwrap_or(&functions.throughout[sample]);
            let change = |part: usize| -> f64 {
                let coefficients = coefficients.chunks_exact(values.len()).nth(part).unwrap_or_default();
                coefficients.iter().zip(values).map(|(&c, value)| f64::from(c) * value).sum()
            };
            match base {
                "means" => (0..3).for_each(|k| track.means[sample][k] += change(k)),
                "quats" => (0..4).for_each(|k| track.quats[sample][k] += change(k) / length.max(1e-12)),
                _ => (0..3).for_each(|k| track.colours[sample][k] += change(k)),
            }
        }
    }
}
