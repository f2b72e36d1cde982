//! What a run measured, kept small enough to plot at any length.

use serde_json::Value;
use splat_core::session::{Evaluated, StepStats};

use crate::cli::output;

/// Points a series keeps. Even, so that halving leaves no half-filled point; more than a plot has pixels.
const MAX_POINTS: usize = 4096;

/// Something that is plotted against the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Training loss.
    Loss,
    /// PSNR on the held-out photos, dB.
    Psnr,
    /// SSIM on the held-out photos.
    Ssim,
    /// Number of splats.
    Splats,
    /// Steps a second.
    Speed,
    /// GPU memory in use, bytes.
    Memory,
}

impl Quantity {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] = [Self::Loss, Self::Psnr, Self::Ssim, Self::Splats, Self::Speed, Self::Memory];

    /// Its name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Psnr => "Held-out PSNR",
            Self::Ssim => "Held-out SSIM",
            Self::Splats => "Splats",
            Self::Speed => "Steps per second",
            Self::Memory => "GPU memory",
        }
    }

    /// Its column in the CSV.
    const fn column(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Psnr => "psnr_db",
            Self::Ssim => "ssim",
            Self::Splats => "splats",
            Self::Speed => "steps_per_second",
            Self::Memory => "gpu_bytes",
        }
    }

    /// A value with its unit.
    pub(crate) fn format(self, value: f64) -> String {
        match self {
            Self::Loss if value != 0.0 && value.abs() < 1e-3 => format!("{value:.2e}"),
            Self::Loss | Self::Ssim => format!("{value:.4}"),
            Self::Psnr => format!("{value:.2} dB"),
            Self::Splats => output::thousands(value.max(0.0).round() as u64),
            Self::Speed => format!("{value:.1}"),
            Self::Memory => output::bytes(value.max(0.0) as u64),
        }
    }

    /// Whether single values scatter so much that a smoothed curve says more.
    pub(crate) const fn is_noisy(self) -> bool {
        matches!(self, Self::Loss | Self::Speed)
    }
}

/// Values against steps. When full, neighbours are merged and later values are averaged in groups of the same size,
/// so that points stay evenly spaced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    /// Step and value; a merged point has the last step and the mean value of its group.
    points: Vec<[f64; 2]>,
    /// Values in a full point.
    group: u32,
    /// Values in the last point.
    open: u32,
}

impl Default for Series {
    fn default() -> Self {
        Self { points: Vec::new(), group: 1, open: 0 }
    }
}

impl Series {
    /// Step and value, in order.
    pub(crate) fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// The newest value.
    pub(crate) fn last(&self) -> Option<f64> {
        self.points.last().map(|point| point[1])
    }

    /// Adds a value; one that is not finite has no place in a plot.
    fn push(&mut self, step: f64, value: f64) {
        if !value.is_finite() {
            return;
        }
        match self.points.last_mut() {
            Some(last) if self.open < self.group => {
                self.open += 1;
                last[0] = step;
                last[1] += (value - last[1]) / f64::from(self.open);
            }
            _ => {
                if self.points.len() == MAX_POINTS {
                    self.halve();
                }
                self.points.push([step, value]);
                self.open = 1;
            }
        }
    }

    /// Merges neighbours. Only called when the last point is full.
    fn halve(&mut self) {
        let merged = self.points.chunks_exact(2).map(|pair| [pair[1][0], 0.5 * (pair[0][1] + pair[1][1])]);
        self.points = merged.collect();
        self.group = self.group.saturating_mul(2);
    }

    /// Forgets what lies behind a step.
    fn truncate(&mut self, step: u64) {
        let kept = self.points.partition_point(|point| point[0] <= step as f64);
        if kept < self.points.len() {
            self.points.truncate(kept);
            self.open = self.group;
        }
    }
}

/// The measurements of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    series: [Series; Quantity::ALL.len()],
    revision: u64,
}

impl History {
    /// The values of one quantity.
    pub(crate) fn series(&self, quantity: Quantity) -> &Series {
        &self.series[quantity as usize]
    }

    /// Changes whenever a value does, also when everything is forgotten.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.series = Default::default();
        self.revision += 1;
    }

    /// Forgets what lies behind a step, as a resumed run does.
    pub(crate) fn truncate(&mut self, step: u64) {
        self.series.iter_mut().for_each(|series| series.truncate(step));
        self.revision += 1;
    }

    /// Adds what a step measured.
    pub(crate) fn progress(&mut self, stats: &StepStats) {
        if let Some(loss) = stats.loss {
            self.push(Quantity::Loss, stats.step, f64::from(loss));
        }
        self.push(Quantity::Splats, stats.step, stats.splats as f64);
        self.push(Quantity::Speed, stats.step, stats.steps_per_second);
        self.push(Quantity::Memory, stats.step, stats.gpu_bytes as f64);
    }

    /// Adds the scores of an evaluation.
    pub(crate) fn evaluated(&mut self, scores: &Evaluated) {
        self.push(Quantity::Psnr, scores.step, scores.psnr);
        self.push(Quantity::Ssim, scores.step, scores.ssim);
    }

    /// Takes over the metrics.jsonl of a run, up to a step. Lines that cannot be read are left out: a kill may have
    /// cut the last one.
    pub(crate) fn recall(&mut self, metrics: &str, up_to: u64) {
        self.clear();
        for line in metrics.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            let Some(step) = line.get("step").and_then(Value::as_u64).filter(|&step| step <= up_to) else { continue };
            let named: &[(Quantity, &str)] = match line.get("event").and_then(Value::as_str) {
                Some("progress") => &[
                    (Quantity::Loss, "loss"),
                    (Quantity::Splats, "splats"),
                    (Quantity::Speed, "steps_per_second"),
                    (Quantity::Memory, "gpu_bytes"),
                ],
                Some("evaluated") => &[(Quantity::Psnr, "psnr"), (Quantity::Ssim, "ssim")],
                _ => &[],
            };
            for &(quantity, name) in named {
                if let Some(value) = line.get(name).and_then(Value::as_f64) {
                    self.push(quantity, step, value);
                }
            }
        }
    }

    /// One line per step that has a value, one column per quantity.
    pub(crate) fn to_csv(&self) -> String {
        let columns = || Quantity::ALL.iter().enumerate();
        let mut cells: Vec<(f64, usize, f64)> = columns()
            .flat_map(|(column, &quantity)| {
                self.series(quantity).points().iter().map(move |point| (point[0], column, point[1]))
            })
            .collect();
        cells.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut text = String::from("step");
        for (_, quantity) in columns() {
            text.push(',');
            text.push_str(quantity.column());
        }
        text.push('\n');
        for row in cells.chunk_by(|a, b| a.0 == b.0) {
            text.push_str(&row[0].0.to_string());
            for (column, _) in columns() {
                text.push(',');
                // A step trained again after a pause has its newest value.
                if let Some((_, _, value)) = row.iter().rev().find(|cell| cell.1 == column) {
                    text.push_str(&value.to_string());
                }
            }
            text.push('\n');
        }
        text
    }

    fn push(&mut self, quantity: Quantity, step: u64, value: f64) {
        self.series[quantity as usize].push(step as f64, value);
        self.revision += 1;
    }
}

/// The exponential moving average of the values, each with weight `1 - factor`, corrected for its start at zero as
/// Adam's moments are, so that the first values count fully.
pub(crate) fn smoothed(points: &[[f64; 2]], factor: f64) -> Vec<[f64; 2]> {
    let (mut mean, mut weight) = (0.0, 0.0);
    let mut smooth = |&[step, value]: &[f64; 2]| {
        mean = factor * mean + (1.0 - factor) * value;
        weight = factor * weight + (1.0 - factor);
        [step, mean / weight]
    };
    points.iter().map(&mut smooth).collect()
}

#[cfg(test)]
mod tests {
    use super::{History, MAX_POINTS, Quantity, Series, smoothed};

    #[test]
    fn a_long_series_stays_bounded_and_keeps_its_mean_and_its_end() {
        let mut series = Series::default();
        let count = 100_000;
        for step in 1..=count {
            series.push(f64::from(step), f64::from(step % 2));
        }
        assert!(series.points().len() <= MAX_POINTS && series.points().len() > MAX_POINTS / 4);
        assert_eq!(series.points().last().unwrap()[0], f64::from(count));
        let ordered = series.points().windows(2).all(|pair| pair[0][0] < pair[1][0]);
        assert!(ordered);
        // Every full point averages as many zeros as ones.
        assert!(series.points().iter().rev().skip(1).all(|point| (point[1] - 0.5).abs() < 1e-12));
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        let mut series = Series::default();
        series.push(1.0, f64::NAN);
        series.push(2.0, f64::INFINITY);
        assert!(series.points().is_empty());
        series.push(3.0, 0.5);
        assert_eq!(series.last(), Some(0.5));
    }

    #[test]
    fn truncating_forgets_what_lies_behind_and_later_values_begin_a_new_point() {
        let mut history = History::default();
        for step in 0..10 {
            history.push(Quantity::Loss, step, 1.0);
        }
        let before = history.revision();
        history.truncate(4);
        assert!(history.revision() > before);
        assert_eq!(history.series(Quantity::Loss).points().len(), 5);
        history.push(Quantity::Loss, 5, 3.0);
        assert_eq!(history.series(Quantity::Loss).points().last(), Some(&[5.0, 3.0]));
    }

    #[test]
    fn the_csv_merges_quantities_by_step() {
        let mut history = History::default();
        history.push(Quantity::Splats, 10, 7.0);
        history.push(Quantity::Loss, 10, 0.25);
        history.push(Quantity::Psnr, 20, 31.5);
        assert_eq!(
            history.to_csv(),
            "step,loss,psnr_db,ssim,splats,steps_per_second,gpu_bytes\n10,0.25,,,7,,\n20,,31.5,,,,\n"
        );
    }

    #[test]
    fn metrics_of_a_run_are_recalled_up_to_its_checkpoint() {
        let metrics = concat!(
            "{\"event\":\"progress\",\"step\":10,\"loss\":0.5,\"splats\":3,\"steps_per_second\":2.0}\n",
            "{\"event\":\"progress\",\"step\":20,\"loss\":null,\"splats\":4,\"steps_per_second\":2.5}\n",
            "{\"event\":\"evaluated\",\"step\":20,\"psnr\":21.0,\"ssim\":0.7}\n",
            "{\"event\":\"progress\",\"step\":30,\"loss\":0.1,\"splats\":9}\n",
            "{\"event\":\"progress\",\"st",
        );
        let mut history = History::default();
        history.push(Quantity::Loss, 1, 9.0);
        history.recall(metrics, 20);
        assert_eq!(history.series(Quantity::Loss).points(), [[10.0, 0.5]]);
        assert_eq!(history.series(Quantity::Splats).points(), [[10.0, 3.0], [20.0, 4.0]]);
        assert_eq!(history.series(Quantity::Psnr).last(), Some(21.0));
        assert_eq!(history.series(Quantity::Memory).last(), None);
    }

    #[test]
    fn smoothing_begins_at_the_first_value_and_keeps_a_constant() {
        let constant: Vec<_> = (0..50).map(|step| [f64::from(step), 3.0]).collect();
        assert!(smoothed(&constant, 0.9).iter().all(|point| (point[1] - 3.0).abs() < 1e-12));
        let step: Vec<_> = (0..100).map(|step| [f64::from(step), if step < 50 { 1.0 } else { 0.0 }]).collect();
        let smooth = smoothed(&step, 0.9);
        assert_eq!(smooth[0], [0.0, 1.0]);
        assert!(smooth[50][1] > 0.85 && smooth[99][1] < 0.01);
        assert_eq!(smoothed(&step, 0.0), step);
    }

    #[test]
    fn quantities_index_their_own_series() {
        for (place, quantity) in Quantity::ALL.into_iter().enumerate() {
            assert_eq!(quantity as usize, place);
        }
    }

    #[test]
    fn values_read_with_their_unit() {
        assert_eq!(Quantity::Loss.format(0.03125), "0.0312");
        assert_eq!(Quantity::Loss.format(0.000_031), "3.10e-5");
        assert_eq!(Quantity::Splats.format(1_234_567.4), "1,234,567");
        assert_eq!(Quantity::Memory.format(f64::from(3 << 20)), "3.0 MiB");
    }
}
