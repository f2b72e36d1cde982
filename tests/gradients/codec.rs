//! Codecs: linear decoders, the cosine basis, and the rate.

use super::{assert_gradient, noise};
use crate::oracle::codec::{Linear, basis, bits, bits_bwd};

const LATENTS: usize = 5;
const WIDTH: usize = 7;
const ROWS: usize = 4;

fn numbers(count: usize, from: usize) -> Vec<f64> {
    (from..from + count).map(noise).collect()
}

/// A fixed linear function of the decoded values of all rows.
fn loss(decoder: &Linear, latents: &[f64]) -> f64 {
    let decoded = latents.chunks(LATENTS).flat_map(|row| decoder.decode(row));
    decoded.enumerate().map(|(i, value)| noise(900 + i) * value).sum()
}

fn decoder_of(numbers: &[f64]) -> Linear {
    let (matrix, bias) = numbers.split_at(WIDTH * LATENTS);
    Linear { latents: LATENTS, width: WIDTH, matrix: matrix.to_vec(), bias: bias.to_vec() }
}

fn backward(decoder: &Linear, latents: &[f64]) -> (Vec<f64>, Linear) {
    let mut grad = decoder.zeros();
    let rows = latents.chunks(LATENTS).enumerate();
    let grad_q = rows
        .flat_map(|(row, q)| {
            let grad_decoded: Vec<f64> = (0..WIDTH).map(|c| noise(900 + row * WIDTH + c)).collect();
            decoder.decode_bwd(q, &grad_decoded, &mut grad)
        })
        .collect();
    (grad_q, grad)
}

#[test]
fn linear_decoders_are_differentiated() {
    let (latents, weights) = (numbers(ROWS * LATENTS, 0), numbers(WIDTH * (LATENTS + 1), 100));
    let (grad_q, grad) = backward(&decoder_of(&weights), &latents);
    assert_gradient("latents", &latents, &grad_q, |q| loss(&decoder_of(&weights), q));
    let grad_weights = [grad.matrix, grad.bias].concat();
    assert_gradient("decoder", &weights, &grad_weights, |weights| loss(&decoder_of(weights), &latents));
}

#[test]
fn gains_are_differentiated() {
    let (latents, gains, bias) = (numbers(ROWS * LATENTS, 0), numbers(WIDTH, 100), numbers(WIDTH, 200));
    let (_, grad) = backward(&Linear::of_gains(LATENTS, &gains, &bias), &latents);
    assert_gradient("gains", &gains, &grad.gains_bwd(), |gains| {
        loss(&Linear::of_gains(LATENTS, gains, &bias), &latents)
    });
}

#[test]
fn the_cosine_basis_is_orthonormal() {
    for a in 0..16 {
        for b in 0..16 {
            let product: f64 = (0..45).map(|c| basis(45, c, a) * basis(45, c, b)).sum();
            assert!((product - f64::from(u8::from(a == b))).abs() < 1e-12, "rows {a} and {b}: {product}");
        }
    }
}

#[test]
fn the_rate_is_differentiated() {
    let latents: Vec<f64> = numbers(12, 0).iter().map(|q| 3.0 * q + q.signum()).collect();
    let length = |q: &[f64]| q.len() as f64 * bits(q.iter().map(|q| q.abs()).sum::<f64>() / q.len() as f64);
    assert_gradient("bits", &latents, &bits_bwd(&latents), length);
}
