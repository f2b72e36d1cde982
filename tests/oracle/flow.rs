//! Motion as a residual of time: polynomial and Fourier terms, or keyframes, with a time of each splat's own, and a
//! window in which it is there [Lin 2024, Gaussian-Flow; dynamic.md §2].

/// Functions of time that motion is composed of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Basis {
    /// T₁(2τ) … T_poly(2τ), sin 2πsτ … sin 2π fourier sτ, cos likewise; s is 1, or 0.8 without polynomials.
    Flow { poly: usize, fourier: usize },
    /// Linear interpolation between so many keyframes, from τ = −½ to ½.
    Keyframes(usize),
}

impl Basis {
    pub(crate) fn len(self) -> usize {
        match self {
            Basis::Flow { poly, fourier } => poly + 2 * fourier,
            Basis::Keyframes(count) => count,
        }
    }

    /// Values and derivatives at τ.
    pub(crate) fn at(self, tau: f64) -> (Vec<f64>, Vec<f64>) {
        match self {
            Basis::Flow { poly, fourier } => {
                let omega = std::f64::consts::TAU * if poly == 0 { 0.8 } else { 1.0 };
                let polynomials = (1..=poly).map(|n| chebyshev(n, 2.0 * tau));
                let angle = |l: usize| omega * l as f64 * tau;
                let sines = (1..=fourier).map(|l| (angle(l).sin(), omega * l as f64 * angle(l).cos()));
                let cosines = (1..=fourier).map(|l| (angle(l).cos(), -omega * l as f64 * angle(l).sin()));
                polynomials.chain(sines).chain(cosines).unzip()
            }
            Basis::Keyframes(count) => {
                let scale = (count - 1) as f64;
                let place = ((tau + 0.5) * scale).clamp(0.0, scale);
                // At a keyframe the slope is that of the interval after it; beyond the ends nothing moves.
                let interval = (place as usize).min(count - 2);
                let speed = if (tau + 0.5) * scale == place { scale } else { 0.0 };
                let hat = |k: usize| {
                    let slope = if k == interval {
                        -speed
                    } else if k == interval + 1 {
                        speed
                    } else {
                        0.0
                    };
                    ((1.0 - (place - k as f64).abs()).max(0.0), slope)
                };
                (0..count).map(hat).unzip()
            }
        }
    }
}

/// Tₙ(x) = cos n arccos x, continued beyond −1 and 1, and dTₙ(2τ)/dτ.
fn chebyshev(n: usize, x: f64) -> (f64, f64) {
    // As sums of powers [Abramowitz 1964, 22.3.6].
    let degree = n as f64;
    let term = |k: usize| {
        let choose = |a: usize, b: usize| (0..b).map(|i| (a - i) as f64 / (i + 1) as f64).product::<f64>();
        let sign = if k.is_multiple_of(2) { 1.0 } else { -1.0 };
        (sign * degree / 2.0 * choose(n - k, k) / (n - k) as f64, (n - 2 * k) as i32)
    };
    let terms: Vec<(f64, i32)> = (0..=n / 2).map(term).collect();
    let value = terms.iter().map(|&(c, power)| c * (2.0 * x).powi(power)).sum();
    let slope = terms.iter().filter(|(_, power)| *power > 0);
    let slope: f64 = slope.map(|&(c, power)| 4.0 * c * f64::from(power) * (2.0 * x).powi(power - 1)).sum();
    (value, slope)
}

/// The residual of each of `width` channels, from coefficients `[width, basis]`, at time `time` (0 in the middle of the
/// clip) of a splat whose own time runs e^`dilation` times as fast.
pub(crate) fn residual(basis: Basis, coefficients: &[f64], dilation: f64, time: f64) -> Vec<f64> {
    let (values, _) = basis.at(dilation.exp() * time);
    coefficients.chunks(basis.len()).map(|row| row.iter().zip(&values).map(|(c, value)| c * value).sum()).collect()
}

/// Gradients of coefficients and dilation.
pub(crate) fn residual_bwd(
    basis: Basis,
    coefficients: &[f64],
    dilation: f64,
    time: f64,
    grad: &[f64],
) -> (Vec<f64>, f64) {
    let tau = dilation.exp() * time;
    let (values, slopes) = basis.at(tau);
    let grad_coefficients = grad.iter().flat_map(|g| values.iter().map(move |value| g * value)).collect();
    let speed = |row: &[f64]| row.iter().zip(&slopes).map(|(c, slope)| c * slope).sum::<f64>();
    let grad_tau: f64 = coefficients.chunks(basis.len()).zip(grad).map(|(row, g)| g * speed(row)).sum();
    (grad_coefficients, tau * grad_tau)
}

/// The logit of an opacity that is multiplied by exp(−½ z²), z = e^fade (time − centre) / 3.
pub(crate) fn faded(logit: f64, centre: f64, fade: f64, time: f64) -> f64 {
    let z = fade.exp() * (time - centre) / 3.0;
    let opacity = (-0.5 * z * z).exp() / (1.0 + (-logit).exp());
    (opacity / (1.0 - opacity)).ln()
}

/// Gradients of logit, centre and fade.
pub(crate) fn faded_bwd(logit: f64, centre: f64, fade: f64, time: f64, grad: f64) -> [f64; 3] {
    let rate = fade.exp() / 3.0;
    let z = rate * (time - centre);
    let own = 1.0 / (1.0 + (-logit).exp());
    // ∂ logit(t) / ∂ ln o(t)
    let slope = grad / (1.0 - own * (-0.5 * z * z).exp());
    [slope * (1.0 - own), slope * z * rate, -slope * z * z]
}
