//! Time spent training, without loading and pauses, and the recent speed.

use std::time::{Duration, Instant};

/// Weight of the newest step in the recent speed: about fifty steps count, enough to be calm and to follow the
/// resolution schedule.
const NEWEST: f64 = 0.02;

/// Stop-watch of one session.
#[derive(Debug)]
pub(super) struct Clock {
    /// Seconds of earlier sessions.
    before: f64,
    /// Time since the start of this session, pauses not counted.
    running: Duration,
    /// The part of `running` that went into steps.
    stepping: Duration,
    /// Steps of this session.
    steps: u64,
    /// Smoothed seconds per step.
    recent: Option<f64>,
    since: Instant,
}

impl Clock {
    /// A running clock that continues from `before` seconds.
    pub(super) fn start(before: f64) -> Self {
        let zero = Duration::ZERO;
        Self { before, running: zero, stepping: zero, steps: 0, recent: None, since: Instant::now() }
    }

    /// Stops counting.
    pub(super) fn pause(&mut self) {
        self.running += self.since.elapsed();
    }

    /// Counts again.
    pub(super) fn unpause(&mut self) {
        self.since = Instant::now();
    }

    /// Counts one step.
    pub(super) fn stepped(&mut self, took: Duration) {
        self.stepping += took;
        self.steps += 1;
        let took = took.as_secs_f64();
        self.recent = Some(self.recent.map_or(took, |recent| recent + NEWEST * (took - recent)));
    }

    /// Counts work that belongs to the steps as a whole.
    pub(super) fn worked(&mut self, took: Duration) {
        self.stepping += took;
    }

    /// Seconds trained, earlier sessions included; only while running.
    pub(super) fn seconds(&self) -> f64 {
        self.before + (self.running + self.since.elapsed()).as_secs_f64()
    }

    /// Recent speed, 0 before the first step.
    pub(super) fn recent_rate(&self) -> f64 {
        self.recent.map_or(0.0, |seconds| 1.0 / seconds.max(1e-9))
    }

    /// Mean speed of this session, 0 before the first step.
    pub(super) fn mean_rate(&self) -> f64 {
        if self.steps == 0 { 0.0 } else { self.steps as f64 / self.stepping.as_secs_f64().max(1e-9) }
    }

    /// Seconds that `steps` more will take at the recent speed.
    pub(super) fn seconds_for(&self, steps: u64) -> f64 {
        steps as f64 * self.recent.unwrap_or(0.0)
    }
}
