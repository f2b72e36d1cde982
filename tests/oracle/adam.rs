//! Adam [Kingma 2015], once dense and once lazy.
//!
//! A splat outside the view has zero gradient, yet dense Adam would still coast along its momentum.
//! The lazy optimiser skips such steps and catches up in closed form when the splat reappears. The
//! closed form leaves out `eps`, a relative error of `eps / √v̂`, which for `eps` = 1e-15 exceeds
//! f32 rounding only where √v̂ < 1e-8.

/// The optimiser's constants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adam {
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-15 }
    }
}

/// One trained number with its moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Trained {
    pub(crate) value: f64,
    /// First moment, the running mean of the gradient.
    pub(crate) m: f64,
    /// Second moment, the running mean of its square.
    pub(crate) v: f64,
}

impl Adam {
    /// The ordinary update at global step `t` (from 1) with learning rate `lr`.
    pub(crate) fn update(&self, trained: &mut Trained, grad: f64, lr: f64, t: usize) {
        trained.m = self.beta1 * trained.m + (1.0 - self.beta1) * grad;
        trained.v = self.beta2 * trained.v + (1.0 - self.beta2) * grad * grad;
        let m_hat = trained.m / (1.0 - power(self.beta1, t));
        let v_hat = trained.v / (1.0 - power(self.beta2, t));
        trained.value -= lr * m_hat / (v_hat.sqrt() + self.eps);
    }

    /// Applies the steps without gradient between the last update at step `a` and the next one at
    /// step `b`.
    ///
    /// After `k` such steps `m/√v` has shrunk by `rᵏ`, `r = β₁/√β₂`, so the drift is `m/√v ·
    /// Σ_{k=1..j} rᵏ f(a + k)`: a difference of two entries of the [`DriftTable`].
    pub(crate) fn catch_up(&self, trained: &mut Trained, table: &DriftTable, a: usize, b: usize) {
        /// Keeps 0/0 at zero for a row that never had a gradient.
        const TINY: f64 = 1e-300;
        let missed = b - 1 - a;
        let r = self.beta1 / self.beta2.sqrt();
        let sum = table.tail[a] - power(r, missed) * table.tail[b - 1];
        trained.value -= trained.m / (trained.v.sqrt() + TINY) * sum;
        trained.m *= power(self.beta1, missed);
        trained.v *= power(self.beta2, missed);
    }
}

/// `tail[t] = A(t) = Σ_{k≥1} rᵏ f(t + k)` with `f(t) = lr_t √(1 − β₂ᵗ) / (1 − β₁ᵗ)`: how far unit
/// momentum would drift after step `t`. The sum may end at the last step of the training, since
/// only differences are used.
#[derive(Clone, Debug)]
pub(crate) struct DriftTable {
    pub(crate) tail: Vec<f64>,
}

impl DriftTable {
    /// The table for steps 0 to `steps`, backwards by `A(t) = r (f(t + 1) + A(t + 1))`.
    pub(crate) fn new(adam: &Adam, steps: usize, lr: impl Fn(usize) -> f64) -> Self {
        let r = adam.beta1 / adam.beta2.sqrt();
        let f = |t: usize| lr(t) * (1.0 - power(adam.beta2, t)).sqrt() / (1.0 - power(adam.beta1, t));
        let mut tail = vec![0.0; steps + 1];
        for t in (0..steps).rev() {
            tail[t] = r * (f(t + 1) + tail[t + 1]);
        }
        Self { tail }
    }
}

fn power(base: f64, exponent: usize) -> f64 {
    base.powf(exponent as f64)
}
