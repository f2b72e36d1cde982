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

/// What is done to numbers that will be stored as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Nothing.
    Off,
    /// Noise of the size of the error of rounding is added.
    Noise,
    /// They are rounded; gradients pass unchanged.
    On,
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
    /// Resolution rises along half a cosine instead of by equal factors.
    pub cosine: bool,
    /// Highest SH degree.
    pub sh_degree: u32,
    /// Share of the run at which degree 1 starts.
    pub sh_start: f64,
    /// Share of the run between further degrees.
    pub sh_interval: f64,
    /// The higher coefficients are updated in every so-many-th step.
    pub sh_every: u32,
    /// Share of the run from which motion is trained.
    pub motion_start: f64,
    /// Share of the run from which rounding is trained as noise.
    pub noise_start: f64,
    /// Share of the run from which coded columns are rounded.
    pub round_start: f64,
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
    /// First step in which motion is trained.
    pub motion_from: u64,
    /// First step in which rounding is trained as noise.
    pub noise_from: u64,
    /// First step in which coded columns are rounded.
    pub round_from: u64,
}

impl Phase {
    /// How a column that is updated in every `every`-th step is rounded; it changes between two updates only.
    pub fn rounding(&self, every: u32) -> Rounding {
        let every = u64::from(every.max(1));
        let first = self.step.saturating_sub(1) / every * every + 1;
        match first {
            step if step >= self.round_from => Rounding::On,
            step if step >= self.noise_from => Rounding::Noise,
            _ => Rounding::Off,
        }
    }

    /// The phase in which the outcome of this one is looked at: everything in use, numbers rounded if they will be.
    pub fn finished(&self) -> Phase {
        let rounds = self.step >= self.noise_from.min(self.round_from);
        let round_from = if rounds { 0 } else { u64::MAX };
        Phase { step: 1, steps: 1, resolution: 1.0, sh_update: true, noise_from: u64::MAX, round_from, ..*self }
    }
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
            motion_from: self.first_step(self.motion_start),
            noise_from: self.first_step(self.noise_start),
            round_from: self.first_step(self.round_start),
        }
    }

    // A share of the whole run or more means never.
    fn first_step(&self, share: f64) -> u64 {
        if share >= 1.0 { u64::MAX } else { (share * self.steps as f64) as u64 + 1 }
    }

    // Levels stay long enough for their photos to be cached.
    fn resolution(&self, progress: f64) -> f64 {
        if self.coarse_start >= 1.0 || self.coarse_levels == 0 || progress >= self.coarse_until {
            return 1.0;
        }
        let level = (progress / self.coarse_until * f64::from(self.coarse_levels))
            .floor()
            .min(f64::from(self.coarse_levels - 1));
        let share = level / f64::from(self.coarse_levels);
        if self.cosine {
            // s = 1 + ½ (s₀ − 1) (1 + cos(π t / T))      [Girish 2024, EAGLES, §3.3]
            return 1.0 + 0.5 * (self.coarse_start - 1.0) * (1.0 + (std::f64::consts::PI * share).cos());
        }
        self.coarse_start.powf(1.0 - share)
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
