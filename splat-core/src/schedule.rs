//! What a step trains: resolution, SH degree, learning rates. A pure function of the step number,
//! so that an interrupted run continues as if nothing had happened.

/// A learning rate that falls log-linearly over the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// At the first step.
    pub start: f64,
    /// At the last step.
    pub end: f64,
}

impl Rate {
    /// A rate that does not change.
    pub fn constant(rate: f64) -> Self {
        Rate { start: rate, end: rate }
    }

    /// The rate at `step` of `steps`, both counted from 1.
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        if self.start == self.end || self.start <= 0.0 || self.end <= 0.0 {
            return self.start;
        }
        let progress = (step as f64 / steps.max(1) as f64).clamp(0.0, 1.0);
        (self.start.ln() * (1.0 - progress) + self.end.ln() * progress).exp()
    }
}

/// Plan of a whole run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps of the run.
    pub steps: u64,
    /// Resolution factor of the first level, 1 for full resolution throughout.
    pub coarse_start: f64,
    /// Share of the run after which everything is at full resolution.
    pub coarse_until: f64,
    /// Levels below full resolution.
    pub coarse_levels: u32,
    /// Highest SH degree.
    pub sh_degree: u32,
    /// Share of the run at which degree 1 starts.
    pub sh_start: f64,
    /// Share of the run between further degrees.
    pub sh_interval: f64,
    /// The higher coefficients are updated in every so-many-th step.
    pub sh_every: u32,
}

/// What one step trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Step, counted from 1.
    pub step: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Resolution factor of the photos in (0, 1].
    pub resolution: f64,
    /// SH degree in use.
    pub sh_degree: u32,
    /// Whether the higher SH coefficients are updated in this step.
    pub sh_update: bool,
}

impl Schedule {
    /// The phase of `step`, counted from 1.
    pub fn at(&self, step: u64) -> Phase {
        let progress = (step - 1) as f64 / self.steps.max(1) as f64;
        Phase {
            step,
            steps: self.steps,
            resolution: self.resolution(progress),
            sh_degree: self.sh_degree_at(progress),
            sh_update: step.is_multiple_of(u64::from(self.sh_every.max(1))),
        }
    }

    // Levels rise geometrically and stay long enough for their photos to be cached.
    fn resolution(&self, progress: f64) -> f64 {
        if self.coarse_start >= 1.0 || self.coarse_levels == 0 || progress >= self.coarse_until {
            return 1.0;
        }
        let level = (progress / self.coarse_until * f64::from(self.coarse_levels))
            .floor()
            .min(f64::from(self.coarse_levels - 1));
        self.coarse_start.powf(1.0 - level / f64::from(self.coarse_levels))
    }

    fn sh_degree_at(&self, progress: f64) -> u32 {
        if progress < self.sh_start {
            return 0;
        }
        let passed = if self.sh_interval > 0.0 {
            ((progress - self.sh_start) / self.sh_interval + 1e-9) as u32
        } else {
            self.sh_degree
        };
        (1 + passed).min(self.sh_degree)
    }
}
