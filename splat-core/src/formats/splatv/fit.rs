//! Motion of any kind as entries that move along cubics, turn along lines and are seen in windows.
//!
//! A splat that one cubic describes well enough is one entry, whose window is the splat's own. Any other is cut into
//! windows that follow one another, as many as it needs: Gaussians in time, each with the cubic and the line that fit
//! best where it is seen. A Gaussian window times the Gaussian in which the splat itself appears is a Gaussian again,
//! so that splats which come and go are described exactly.
//!
//! Where windows overlap, two copies of a splat are drawn, and neither opacities nor depths of several copies add up.
//! What should stay the same is how much a splat covers in all. Of opacity o, it covers ∫ o g dA = o, in units of
//! 2πσ² and with g its Gaussian; copies of opacities aₖ cover ∫ 1 − Π (1 − aₖ g) dA. The opacities are chosen for that
//! to hold through time. The widths are a compromise: with wide windows, copies of an opaque splat make it fatter; with
//! narrow ones its middle gets thin in between. At 0.65 of the distance, both stay below a tenth.

use super::super::values::sigmoid;
use super::entry::{ALWAYS, Entry, as_half};
use super::track::{Samples, Track};
use crate::scene::{SplatCloud, colour};

/// How many windows are tried, until the errors are small enough.
pub(super) const WINDOWS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Width of a window, in distances between their centres.
const OVERLAP: f64 = 0.65;
/// How far a splat may be off, in units of the middle one of its scales.
pub(super) const POSITION_SHARE: f64 = 0.2;
/// And how far its axes, in radians, times how far it is from round.
const ANGLE: f64 = 0.1;
/// And its colour, as a share of full intensity.
const COLOUR: f64 = 0.04;
/// Where a window lets less of a splat through, its errors do not count.
pub(super) const SEEN: f64 = 0.1;
/// An entry is left out when it is never more opaque than half a step of a byte.
const INVISIBLE: f64 = 0.5 / 255.0;
/// Rounds in which opacities are matched.
const ROUNDS: usize = 8;
/// Places and weights of the Gauss–Legendre rule on 0 to 1, which integrates the polynomials of 16 copies exactly.
const RULE: [(f64, f64); 8] = [
    (0.019_855_071_751_231_884, 0.050_614_268_145_188_13),
    (0.101_666_761_293_186_63, 0.111_190_517_226_687_24),
    (0.237_233_795_041_835_5, 0.156_853_322_938_943_64),
    (0.408_282_678_752_175_1, 0.181_341_891_689_181),
    (0.591_717_321_247_825, 0.181_341_891_689_181),
    (0.762_766_204_958_164_5, 0.156_853_322_938_943_64),
    (0.898_333_238_706_813_4, 0.111_190_517_226_687_24),
    (0.980_144_928_248_768_1, 0.050_614_268_145_188_13),
];

/// How far entries are from the splats they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Report {
    /// Splats that move, fade or change.
    pub(super) moving: usize,
    /// The entries they became.
    pub(super) entries: usize,
    /// Those that would have needed more windows than there may be.
    pub(super) beyond: usize,
    /// Greatest distance of a position, and the sum of the mean distance of each moving splat.
    pub(super) farthest: f64,
    pub(super) sum: f64,
}

/// One window: its Gaussian in time, and how much of the splat it lets through at each sample, the splat's own
/// appearing included.
struct Window {
    centre: f64,
    width: f64,
    seen: Vec<f64>,
}

/// The errors of a set of entries.
#[derive(Clone, Copy, Default)]
struct Errors {
    farthest: f64,
    mean: f64,
    angle: f64,
    colour: f64,
}

/// Writes entries of a moving splat.
pub(super) struct Fitter {
    samples: Samples,
    /// How far a splat may be off however small it is.
    floor: f64,
    pub(super) report: Report,
}

impl Fitter {
    /// For splats of a scene in which a distance of `floor` cannot be seen.
    pub(super) fn new(samples: Samples, floor: f64) -> Self {
        Fitter { samples, floor, report: Report::default() }
    }

    /// Appends the entries of one splat.
    pub(super) fn push(&mut self, cloud: &SplatCloud, row: usize, moves: bool, entries: &mut Vec<Entry>) {
        let opacity = f64::from(sigmoid(cloud.opacity_logits[row]));
        let track = self.samples.track(cloud, row, opacity);
        let Some(track) = track else { return };
        let scales = cloud.log_scales[row].map(|scale| f64::from(scale).exp());
        let mut sorted = scales;
        sorted.sort_by(f64::total_cmp);
        let most = self.floor.max(POSITION_SHARE * sorted[1]);
        let long = 1.0 - sorted[0] / sorted[2].max(f64::MIN_POSITIVE);
        let mut enough = false;
        let mut found = None;
        for count in WINDOWS {
            let windows = windows(&track, count);
            let one = |window| if moves { fitted(&track, window, scales) } else { resting(&track, window, scales) };
            let fitted: Vec<Entry> = windows.iter().map(one).collect();
            let errors = errors(&track, &windows, &fitted);
            enough = errors.farthest <= most && errors.angle * long <= ANGLE && errors.colour <= COLOUR;
            found = Some((windows, fitted, errors));
            if enough || !moves {
                break;
            }
        }
        let Some((windows, fitted, errors)) = found else { return };
        let fitted = with_opacities(&track, &windows, fitted, opacity);
        if moves {
            self.report.moving += 1;
            self.report.entries += fitted.len();
            self.report.beyond += usize::from(!enough);
            self.report.farthest = self.report.farthest.max(errors.farthest);
            self.report.sum += errors.mean;
        }
        entries.extend(fitted);
    }
}

/// So many windows over the time in which a splat is seen.
fn windows(track: &Track, count: usize) -> Vec<Window> {
    let (from, to) = track.seen_in;
    let apart = (to - from) / (count.max(2) - 1) as f64;
    let own = 1.0 / (track.own_width * track.own_width);
    let window = |index: usize| {
        let (centre, sharp) = match count {
            1 => (track.own_centre, own),
            _ => {
                let (centre, sharp) = (from + apart * index as f64, 1.0 / (OVERLAP * apart).powi(2));
                ((own * track.own_centre + sharp * centre) / (own + sharp), own + sharp)
            }
        };
        // Rounded before anything is fitted, so that what is fitted is what the file means.
        let (centre, width) = (f64::from(as_half(centre)), f64::from(as_half(sharp.powf(-0.5).min(ALWAYS.into()))));
        let width = width.max(2.0_f64.powi(-14));
        let seen = track.times.iter().map(|time| (-((time - centre) / width).powi(2)).exp()).collect();
        Window { centre, width, seen }
    };
    (0..count).map(window).collect()
}

/// The entry that fits best where a window lets the splat through; its opacity is still open.
fn fitted(track: &Track, window: &Window, scales: [f64; 3]) -> Entry {
    let times: Vec<f64> = track.times.iter().map(|time| time - window.centre).collect();
    let weights: Vec<f64> = window.seen.iter().map(|seen| seen + 1e-9).collect();
    let mut entry = Entry { centre: window.centre as f32, width: window.width as f32, ..Entry::default() };
    for axis in 0..3 {
        let [at, first, second, third] = polynomial(&times, &weights, &|sample| track.means[sample][axis]);
        entry.mean[axis] = at;
        (entry.motion[0][axis], entry.motion[1][axis], entry.motion[2][axis]) = (first, second, third);
    }
    for k in 0..4 {
        [entry.quat[k], entry.omega[k]] = polynomial(&times, &weights, &|sample| track.quats[sample][k]);
        entry.quat[k] = as_half(entry.quat[k].into());
    }
    let total: f64 = weights.iter().sum();
    for channel in 0..3 {
        let sum: f64 = weights.iter().zip(&track.colours).map(|(weight, colour)| weight * colour[channel]).sum();
        entry.rgba[channel] = byte(sum / total);
    }
    entry.scales = scales.map(as_half);
    entry
}

/// The entry of a splat that rests: exactly so, which least squares are not.
fn resting(track: &Track, window: &Window, scales: [f64; 3]) -> Entry {
    Entry {
        mean: track.means[0].map(|value| value as f32),
        quat: track.quats[0].map(as_half),
        motion: [[0.0; 3]; 3],
        omega: [0.0; 4],
        ..fitted(track, window, scales)
    }
}

fn byte(share: f64) -> u8 {
    (255.0 * share).round() as u8
}

/// The polynomial of least weighted squares in t, its coefficients beyond the constant one as half floats. The highest
/// is rounded first, and what it then misses left to the others.
fn polynomial<const D: usize>(times: &[f64], weights: &[f64], value: &dyn Fn(usize) -> f64) -> [f32; D] {
    let span = times.iter().zip(weights).filter(|(_, weight)| **weight > 1e-6).map(|(time, _)| time.abs());
    let span = span.fold(1e-6, f64::max);
    let mut gram = [[0.0; D]; D];
    let mut sums = [0.0; D];
    for (sample, (time, weight)) in times.iter().zip(weights).enumerate() {
        let mut powers = [1.0; D];
        for k in 1..D {
            powers[k] = powers[k - 1] * (time / span);
        }
        for i in 0..D {
            sums[i] += weight * powers[i] * value(sample);
            for k in 0..D {
                gram[i][k] += weight * powers[i] * powers[k];
            }
        }
    }
    let ridge = 1e-10 * gram[0][0];
    (0..D).for_each(|k| gram[k][k] += ridge);
    let mut found = [0.0; D];
    for degree in (0..D).rev() {
        let exact = solved(&gram, &sums, degree + 1);
        let unit = span.powi(degree as i32);
        let kept = if degree == 0 { exact as f32 } else { as_half(exact / unit) };
        found[degree] = kept;
        (0..D).for_each(|k| sums[k] -= gram[k][degree] * f64::from(kept) * unit);
    }
    found
}

/// The last unknown of the first `size` of some symmetric equations.
fn solved<const D: usize>(gram: &[[f64; D]; D], sums: &[f64; D], size: usize) -> f64 {
    let (mut rows, mut right) = (*gram, *sums);
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = rows[row][pivot] / rows[pivot][pivot];
            let above = rows[pivot];
            rows[row].iter_mut().zip(above).for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[pivot];
        }
    }
    let last = size - 1;
    if rows[last][last] > 0.0 { right[last] / rows[last][last] } else { 0.0 }
}

/// Where an entry is at a time from its centre.
fn mean_at(entry: &Entry, dt: f64) -> [f64; 3] {
    std::array::from_fn(|axis| {
        let [m1, m2, m3] = entry.motion.map(|m| f64::from(m[axis]));
        f64::from(entry.mean[axis]) + dt * (m1 + dt * (m2 + dt * m3))
    })
}

/// The angle between the rotations of two quaternions.
fn angle(a: [f64; 4], b: [f64; 4]) -> f64 {
    let length = |q: [f64; 4]| q.iter().map(|c| c * c).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    let cosine: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / (length(a) * length(b));
    2.0 * cosine.abs().min(1.0).acos()
}

/// How far entries are from the splat, where their windows let it through.
fn errors(track: &Track, windows: &[Window], entries: &[Entry]) -> Errors {
    let mut errors = Errors::default();
    let mut total = 0.0;
    for (sample, (time, life)) in track.times.iter().zip(&track.lives).enumerate() {
        let (mut blended, mut seen_in_all) = ([0.0; 3], 0.0);
        let most = windows.iter().map(|window| window.seen[sample]).fold(f64::MIN_POSITIVE, f64::max);
        for (window, entry) in windows.iter().zip(entries) {
            let seen = window.seen[sample];
            (0..3).for_each(|k| blended[k] += seen * f64::from(entry.rgba[k]) / 255.0);
            seen_in_all += seen;
            // Beside another that shows nearly all of it, a copy that shows little is not noticed.
            if seen < SEEN * most || *life < SEEN {
                continue;
            }
            let dt = time - window.centre;
            let mean = mean_at(entry, dt);
            let off = (0..3).map(|k| (mean[k] - track.means[sample][k]).powi(2)).sum::<f64>().sqrt();
            let quat = std::array::from_fn(|k| f64::from(entry.quat[k]) + dt * f64::from(entry.omega[k]));
            errors.farthest = errors.farthest.max(off);
            errors.angle = errors.angle.max(angle(quat, track.quats[sample]));
            errors.mean += seen * life * off;
            total += seen * life;
        }
        if seen_in_all > 0.0 && *life >= SEEN {
            let off = (0..3).map(|k| (blended[k] / seen_in_all - track.colours[sample][k].clamp(0.0, 1.0)).abs());
            errors.colour = errors.colour.max(off.fold(0.0, f64::max));
        }
    }
    errors.mean /= f64::max(total, f64::MIN_POSITIVE);
    errors
}

/// How much copies of these opacities cover together.
fn covered(opacities: impl Iterator<Item = f64> + Clone) -> f64 {
    let at = |g: f64| 1.0 - opacities.clone().map(|opacity| 1.0 - opacity * g).product::<f64>();
    RULE.iter().map(|(g, weight)| weight * at(*g) / g).sum()
}

/// The entries that can be seen, with the opacities at which they cover together what the splat does.
fn with_opacities(track: &Track, windows: &[Window], mut entries: Vec<Entry>, opacity: f64) -> Vec<Entry> {
    // A window is one at its own centre; the splat may be fainter there.
    let mut peaks: Vec<f64> = windows.iter().map(|window| opacity * track.life_at(window.centre)).collect();
    if let [own] = &mut peaks[..] {
        *own = opacity;
    } else {
        for _ in 0..ROUNDS {
            let ratios: Vec<f64> = (0..track.times.len())
                .map(|sample| {
                    let copies = windows.iter().zip(&peaks).map(|(window, peak)| peak * window.seen[sample]);
                    opacity * track.lives[sample] / covered(copies).max(1e-12)
                })
                .collect();
            for (window, peak) in windows.iter().zip(&mut peaks) {
                let weight: f64 = window.seen.iter().sum();
                let mean: f64 = window.seen.iter().zip(&ratios).map(|(seen, ratio)| seen * ratio).sum();
                *peak = (*peak * mean / weight.max(1e-12)).min(1.0);
            }
        }
    }
    for (entry, peak) in entries.iter_mut().zip(&peaks) {
        entry.rgba[3] = byte(*peak);
    }
    let mut peaks = peaks.into_iter();
    entries.retain(|_| peaks.next().is_some_and(|peak| peak >= INVISIBLE));
    entries
}

/// The colour of a constant coefficient, as a share of full intensity.
pub(super) fn channel(sh0: f64) -> f64 {
    f64::from(colour::channel(sh0 as f32))
}
