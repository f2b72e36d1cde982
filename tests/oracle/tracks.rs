//! Losses on motion: even speed, and neighbours that move as one body [dynamic.md §2.5].

use super::flow::Basis;

/// Second derivatives of the functions of time at τ.
pub(crate) fn bend(basis: Basis, tau: f64) -> Vec<f64> {
    let Basis::Flow { poly, fourier } = basis else { return vec![0.0; basis.len()] };
    let omega = std::f64::consts::TAU * if poly == 0 { 0.8 } else { 1.0 };
    // Coefficients of the powers of x = 2τ, by Tₙ₊₁ = 2x Tₙ − Tₙ₋₁.
    let (mut before, mut now) = (vec![1.0], vec![0.0, 1.0]);
    let mut bends = Vec::new();
    for _ in 0..poly {
        let second =
            |(power, c): (usize, &f64)| 4.0 * c * (power * (power - 1)) as f64 * (2.0 * tau).powi(power as i32 - 2);
        bends.push(now.iter().enumerate().skip(2).map(second).sum());
        let mut next = vec![0.0; now.len() + 1];
        now.iter().enumerate().for_each(|(power, c)| next[power + 1] += 2.0 * c);
        before.iter().enumerate().for_each(|(power, c)| next[power] -= c);
        (before, now) = (now, next);
    }
    let rate = |l: usize| omega * l as f64;
    bends.extend((1..=fourier).map(|l| -rate(l).powi(2) * (rate(l) * tau).sin()));
    bends.extend((1..=fourier).map(|l| -rate(l).powi(2) * (rate(l) * tau).cos()));
    bends
}

/// Velocity and acceleration per clip of each channel, from coefficients `[channel, basis]`, of a splat whose own time
/// runs e^`dilation` times as fast.
pub(crate) fn motion(basis: Basis, coefficients: &[f64], dilation: f64, time: f64) -> (Vec<f64>, Vec<f64>) {
    let rate = dilation.exp();
    let (_, slopes) = basis.at(rate * time);
    let bends = bend(basis, rate * time);
    let with = |functions: &[f64], row: &[f64]| row.iter().zip(functions).map(|(c, f)| c * f).sum::<f64>();
    let rows = || coefficients.chunks(basis.len());
    let velocity = rows().map(|row| rate * with(&slopes, row)).collect();
    (velocity, rows().map(|row| rate * rate * with(&bends, row)).collect())
}

/// Weights of velocity and acceleration times their squares, of one splat.
pub(crate) fn smooth(basis: Basis, coefficients: &[f64], dilation: f64, time: f64, weights: [f64; 2]) -> f64 {
    let (velocity, acceleration) = motion(basis, coefficients, dilation, time);
    let square = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    weights[0] * square(&velocity) + weights[1] * square(&acceleration)
}

/// Its gradient by the coefficients.
pub(crate) fn smooth_bwd(basis: Basis, coefficients: &[f64], dilation: f64, time: f64, weights: [f64; 2]) -> Vec<f64> {
    let (velocity, acceleration) = motion(basis, coefficients, dilation, time);
    let by_velocity = speed_bwd(basis, dilation, time, &velocity);
    let rate = dilation.exp();
    let bends = bend(basis, rate * time);
    let by_acceleration = acceleration.iter().flat_map(|a| bends.iter().map(move |bend| rate * rate * a * bend));
    by_velocity.iter().zip(by_acceleration).map(|(v, a)| 2.0 * (weights[0] * v + weights[1] * a)).collect()
}

/// Gradient by the coefficients, from that by the velocities.
pub(crate) fn speed_bwd(basis: Basis, dilation: f64, time: f64, grad: &[f64]) -> Vec<f64> {
    let (_, slopes) = basis.at(dilation.exp() * time);
    grad.iter().flat_map(|g| slopes.iter().map(move |slope| dilation.exp() * g * slope)).collect()
}

/// A splat in motion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    /// Where it is.
    pub(crate) place: [f64; 3],
    /// How it is turned, w first, of any length.
    pub(crate) quat: [f64; 4],
    /// Velocity.
    pub(crate) speed: [f64; 3],
    /// Change of `quat`.
    pub(crate) turn: [f64; 4],
}

/// The Hamilton product.
pub(crate) fn product(a: &[f64; 4], b: &[f64; 4]) -> [f64; 4] {
    [
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    ]
}

pub(crate) fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn conjugate(q: &[f64; 4]) -> [f64; 4] {
    [q[0], -q[1], -q[2], -q[3]]
}

/// 2 Im(q̇ q̄) / |q|².
fn angular_velocity(body: &Body) -> [f64; 3] {
    let square: f64 = body.quat.iter().map(|value| value * value).sum();
    let [_, imaginary @ ..] = product(&body.turn, &conjugate(&body.quat));
    imaginary.map(|value| 2.0 * value / square)
}

/// Offset, weight and straying of a neighbour.
fn pair(from: &Body, to: &Body, reach: f64) -> ([f64; 3], f64, [f64; 3]) {
    let offset = [0, 1, 2].map(|k| to.place[k] - from.place[k]);
    let along = cross(&angular_velocity(from), &offset);
    let weight = (-reach * offset.iter().map(|d| d * d).sum::<f64>()).exp();
    (offset, weight, [0, 1, 2].map(|k| to.speed[k] - from.speed[k] - along[k]))
}

/// Σ_i Σ_j w_ij |v_j − v_i − ω_i × (x_j − x_i)|².
pub(crate) fn rigid(bodies: &[Body], neighbours: &[Vec<usize>], reach: f64) -> f64 {
    let one = |(from, near): (&Body, &Vec<usize>)| -> f64 {
        let square = |&to: &usize| {
            let (_, weight, strays) = pair(from, &bodies[to], reach);
            weight * strays.iter().map(|e| e * e).sum::<f64>()
        };
        near.iter().map(square).sum()
    };
    bodies.iter().zip(neighbours).map(one).sum()
}

/// Its gradients by speed and turn; places and quats are held.
pub(crate) fn rigid_bwd(bodies: &[Body], neighbours: &[Vec<usize>], reach: f64) -> Vec<([f64; 3], [f64; 4])> {
    let mut grads = vec![([0.0; 3], [0.0; 4]); bodies.len()];
    for (row, near) in neighbours.iter().enumerate() {
        let mut twist = [0.0; 3];
        for &to in near {
            let (offset, weight, strays) = pair(&bodies[row], &bodies[to], reach);
            let pull = strays.map(|e| 2.0 * weight * e);
            let turning = cross(&offset, &pull);
            for k in 0..3 {
                grads[to].0[k] += pull[k];
                grads[row].0[k] -= pull[k];
                twist[k] -= turning[k];
            }
        }
        // ω·g is 2 / |q|² times the scalar product of (0, g) and q̇ q̄: its gradient by q̇ is that times (0, g) q.
        let square: f64 = bodies[row].quat.iter().map(|value| value * value).sum();
        let by_turn = product(&[0.0, twist[0], twist[1], twist[2]], &bodies[row].quat);
        grads[row].1 = by_turn.map(|value| 2.0 * value / square);
    }
    grads
}
