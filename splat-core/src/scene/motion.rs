//! How splats move: every attribute that does is its value at rest plus coefficients times functions of time
//! [Lin 2024, Gaussian-Flow, eq. 3], and a splat may be seen in a window of time only [Wang 2025, FreeTimeGS].
//!
//! This is what files and viewers know of it. `stage/flow.rs` computes the same on the device, and trains it.

use serde::{Deserialize, Serialize};

use super::SplatCloud;

/// Functions of time that motion is composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeBasis {
    /// Chebyshev polynomials, and sines and cosines whose periods divide the clip.
    Flow {
        /// Highest degree.
        poly: u32,
        /// Sines and cosines, each so many.
        fourier: u32,
    },
    /// Linear interpolation between so many keyframes, at least two, evenly spaced over the clip.
    Keyframes(u32),
}

/// Most functions of a basis, so that a damaged file cannot ask for any number of them.
const MOST_TERMS: u32 = 512;
/// Without polynomials the lowest harmonic lasts longer than the clip, whose end is then not tied to its beginning.
const FREE_SPAN: f64 = 0.8;

impl TimeBasis {
    /// No functions: what does not move.
    pub const STILL: TimeBasis = TimeBasis::Flow { poly: 0, fourier: 0 };

    /// Number of functions, which is that of coefficients per value.
    pub fn terms(self) -> u32 {
        match self {
            TimeBasis::Flow { poly, fourier } => poly.saturating_add(fourier.saturating_mul(2)),
            TimeBasis::Keyframes(count) => count,
        }
    }

    fn is_sound(self) -> bool {
        let enough = match self {
            TimeBasis::Flow { .. } => true,
            TimeBasis::Keyframes(count) => count >= 2,
        };
        enough && self.terms() <= MOST_TERMS
    }

    /// The functions at `tau`, which runs from −½ to ½ over the clip: Tₙ(2τ) for n = 1 … `poly`, sin 2πlsτ and then
    /// cos 2πlsτ for l = 1 … `fourier` with s = 1, or 0.8 without polynomials; or the hat function of each keyframe.
    pub fn values(self, tau: f64) -> Vec<f64> {
        match self {
            TimeBasis::Flow { poly, fourier } => {
                let x = 2.0 * tau;
                let chebyshev = (0..poly).scan((1.0, x), |(before, now), _| {
                    let value = *now;
                    (*before, *now) = (value, 2.0 * x * value - *before);
                    Some(value)
                });
                let span = if poly == 0 { FREE_SPAN } else { 1.0 };
                let angle = |l: u32| std::f64::consts::TAU * f64::from(l) * span * tau;
                let sines = (1..=fourier).map(|l| angle(l).sin());
                let cosines = (1..=fourier).map(|l| angle(l).cos());
                chebyshev.chain(sines).chain(cosines).collect()
            }
            TimeBasis::Keyframes(count) => {
                let last = f64::from(count.saturating_sub(1));
                let place = ((tau + 0.5) * last).clamp(0.0, last);
                (0..count).map(|key| (1.0 - (place - f64::from(key)).abs()).max(0.0)).collect()
            }
        }
    }
}

/// What of the splats moves, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Motion {
    /// Positions.
    pub means: TimeBasis,
    /// Rotations; added before normalizing.
    pub quats: TimeBasis,
    /// View-independent colour.
    pub sh0: TimeBasis,
    /// Whether each splat has a speed of its own: its time is e^`flow_dilations` times that of the clip.
    pub dilates: bool,
    /// Whether splats may appear and vanish, by a centre and the logarithm of a sharpness in `flow_lifetimes`.
    pub fades: bool,
    /// Different times in the photos; 0 if that is not known.
    pub frames: u32,
}

/// A column that describes motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MotionColumn {
    /// Its name.
    pub name: &'static str,
    /// Values per splat.
    pub width: u32,
    /// The column whose values it moves, and the functions of time: one coefficient per value and function.
    pub moves: Option<(&'static str, TimeBasis)>,
}

impl Motion {
    /// Name of the column of speeds.
    pub const DILATIONS: &'static str = "flow_dilations";
    /// Name of the column of windows in time.
    pub const LIFETIMES: &'static str = "flow_lifetimes";

    /// The columns it needs, in the order of the table.
    pub fn columns(&self) -> Vec<MotionColumn> {
        let moving = |name, base, width: u32, basis: TimeBasis| MotionColumn {
            name,
            width: width * basis.terms(),
            moves: Some((base, basis)),
        };
        let alone = |name, width| MotionColumn { name, width, moves: None };
        let mut columns = vec![
            moving("flow_means", "means", 3, self.means),
            moving("flow_quats", "quats", 4, self.quats),
            moving("flow_sh0", "sh0", 3, self.sh0),
        ];
        columns.retain(|column| column.width > 0);
        columns.extend(self.dilates.then(|| alone(Self::DILATIONS, 1)));
        columns.extend(self.fades.then(|| alone(Self::LIFETIMES, 2)));
        columns
    }

    /// Whether its orders are such that it can be used.
    pub fn is_sound(&self) -> bool {
        [self.means, self.quats, self.sh0].into_iter().all(TimeBasis::is_sound)
    }
}

/// Values that a cloud holds beside those of still splats.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudColumn {
    /// Its name in training.
    pub name: &'static str,
    /// Values per splat.
    pub width: usize,
    /// The values. [N, width]
    pub values: Vec<f32>,
}

impl SplatCloud {
    /// Gives the splats columns for motion, zero where they have none: such splats rest.
    pub fn with_motion(mut self, motion: Motion) -> SplatCloud {
        let rows = self.len();
        let column = |column: MotionColumn| {
            let width = column.width as usize;
            CloudColumn { name: column.name, width, values: vec![0.0; rows * width] }
        };
        self.more = motion.columns().into_iter().map(column).collect();
        self.motion = Some(motion);
        self
    }

    pub(super) fn more_values(&self, name: &str) -> &[f32] {
        self.more.iter().find(|column| column.name == name).map_or(&[], |column| &column.values)
    }

    /// The values of one splat in a further column; none if there is no such column.
    pub(crate) fn more_row(&self, name: &str, row: usize) -> &[f32] {
        let column = self.more.iter().find(|column| column.name == name);
        column.and_then(|column| column.values.chunks_exact(column.width.max(1)).nth(row)).unwrap_or_default()
    }

    /// Which splats move, change or fade at all.
    pub fn moving(&self) -> Vec<bool> {
        let mut moving = vec![false; self.len()];
        for column in self.more.iter().filter(|column| column.name != Motion::DILATIONS) {
            let fades = column.name == Motion::LIFETIMES;
            for (moves, values) in moving.iter_mut().zip(column.values.chunks_exact(column.width.max(1))) {
                *moves |= values.iter().any(|&value| value != 0.0) && !(fades && is_always_there(values));
            }
        }
        moving
    }

    /// Number of splats up to the last that moves, changes or fades: those behind need no coefficients.
    pub fn head(&self) -> usize {
        self.moving().iter().rposition(|&moves| moves).map_or(0, |last| last + 1)
    }

    /// The same splats, those first that move, change or fade, and otherwise in the same order: what lies behind them
    /// costs nothing to move. Files may have them in any order.
    #[must_use]
    pub fn movers_first(self) -> SplatCloud {
        if self.motion.is_none() {
            return self;
        }
        let moving = self.moving();
        if moving.is_sorted_by_key(|moves| !moves) {
            return self;
        }
        let (mut order, resting): (Vec<u32>, Vec<u32>) = (0..self.len() as u32).partition(|&row| moving[row as usize]);
        order.extend(resting);
        self.gather(&order)
    }

    /// The splats as they are at a time, 0 at the first photo and 1 at the last; these do not move. Time does nothing
    /// to splats that rest.
    pub fn at(&self, time: f64) -> SplatCloud {
        let Some(motion) = self.motion else { return self.clone() };
        let mut still = SplatCloud {
            means: self.means.clone(),
            quats: self.quats.clone(),
            log_scales: self.log_scales.clone(),
            opacity_logits: self.opacity_logits.clone(),
            sh0: self.sh0.clone(),
            sh_rest: self.sh_rest.clone(),
            motion: None,
            more: Vec::new(),
            ..*self
        };
        let time = time - 0.5;
        let dilations = self.more_values(Motion::DILATIONS);
        for MotionColumn { name, moves, .. } in motion.columns() {
            let Some((base, basis)) = moves else { continue };
            let shared = basis.values(time);
            let terms = shared.len();
            let coefficients = self.more_values(name);
            let Some(values) = still.column_mut(base) else { continue };
            let width = values.len() / self.len().max(1);
            for (row, values) in values.chunks_exact_mut(width.max(1)).enumerate() {
                let coefficients = &coefficients[row * width * terms..][..width * terms];
                if coefficients.iter().all(|&c| c == 0.0) {
                    continue;
                }
                let own = dilations.get(row).map(|&speed| basis.values(f64::from(speed).exp() * time));
                let functions = own.as_deref().unwrap_or(&shared);
                for (value, coefficients) in values.iter_mut().zip(coefficients.chunks_exact(terms)) {
                    let change: f64 = coefficients.iter().zip(functions).map(|(&c, f)| f64::from(c) * f).sum();
                    *value += change as f32;
                }
            }
        }
        let lifetimes = self.more_values(Motion::LIFETIMES).as_chunks::<2>().0;
        for (logit, &[centre, fade]) in still.opacity_logits.iter_mut().zip(lifetimes) {
            *logit = faded(f64::from(*logit), f64::from(centre), f64::from(fade), time) as f32;
        }
        still
    }
}

/// Whether a window in time is so wide that nobody sees its ends: opacities change by less than a ten-thousandth.
fn is_always_there(window: &[f32]) -> bool {
    matches!(window, &[centre, fade] if fade.exp() * (centre.abs() + 0.5) / 3.0 < 0.01)
}

/// The share of its opacity that a splat has at a time: exp(−½ z²), z = e^fade (time − centre) / 3.
pub(super) fn fading(centre: f64, fade: f64, time: f64) -> f64 {
    let z = fade.exp() * (time - centre) / 3.0;
    (-0.5 * z * z).exp()
}

/// The logit of an opacity that is multiplied by what time leaves of it.
fn faded(logit: f64, centre: f64, fade: f64, time: f64) -> f64 {
    let opacity = (fading(centre, fade, time) / (1.0 + (-logit).exp())).clamp(1e-12, 0.999_999);
    (opacity / (1.0 - opacity)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_move_come_first_and_nothing_else_changes() {
        let rows = 7_usize;
        let still = SplatCloud {
            means: (0..rows).map(|row| [row as f32; 3]).collect(),
            quats: vec![[1.0, 0.0, 0.0, 0.0]; rows],
            log_scales: vec![[-3.0; 3]; rows],
            opacity_logits: (0..rows).map(|row| 0.1 * row as f32).collect(),
            sh0: vec![[0.2; 3]; rows],
            ..SplatCloud::default()
        };
        assert!(still.clone().movers_first() == still);
        let line = TimeBasis::Flow { poly: 1, fourier: 0 };
        let motion = Motion { means: line, quats: line, sh0: line, dilates: false, fades: true, frames: 9 };
        let mut cloud = still.with_motion(motion);
        for column in &mut cloud.more {
            let rows: &[usize] = match column.name {
                "flow_means" => &[4],
                "flow_lifetimes" => &[1, 6],
                _ => &[],
            };
            // The second value of a window is its sharpness.
            rows.iter().for_each(|row| column.values[row * column.width + 1] = 3.0);
        }
        assert_eq!((cloud.head(), cloud.moving()), (7, vec![false, true, false, false, true, false, true]));
        let sorted = cloud.clone().movers_first();
        assert_eq!(sorted.head(), 3);
        assert!(sorted == cloud.gather(&[1, 4, 6, 0, 2, 3, 5]));
        assert!(sorted.clone().movers_first() == sorted);
    }
}
