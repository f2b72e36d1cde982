//! Coded columns on the device against the oracle: decoding, both gradients, and the learning of decoders.

use splat_core::codec::{Codec, Linear, Steps, decode, decode_bwd};
use splat_core::gpu::{Gpu, Pass};
use splat_core::loss::{Loss, RateLoss};
use splat_core::model::{RasterOptions, frame_uniform};
use splat_core::optim::Adam;
use splat_core::params::{ColumnSpec, Params};
use splat_core::schedule::{Phase, Rate};
use splat_core::stage::rasterize::Capacity;
use splat_core::stage::{Frame, Scratch};

use super::harness::{assert_close, camera, view};
use crate::gradients::noise;
use crate::oracle::adam::{Adam as AdamOracle, Trained};
use crate::oracle::codec::{Linear as LinearOracle, bits_bwd, round, step_bwd};

const ROWS: usize = 700;
const STEPS: u64 = 6;
const LATENT_RATE: f64 = 0.05;
const DECODER_RATE: f64 = 0.01;

fn all(_: &Phase, width: u32) -> u32 {
    width
}

/// Whether numbers are rounded in these tests.
fn phase(step: u64, rounds: bool) -> Phase {
    let round_from = if rounds { 0 } else { u64::MAX };
    Phase {
        step,
        steps: STEPS,
        resolution: 1.0,
        sh_degree: 0,
        sh_update: true,
        motion_from: 0,
        noise_from: u64::MAX,
        round_from,
    }
}

fn params(gpu: &Gpu, codec: Codec, stored: u32) -> Params {
    let rate = Rate::constant(LATENT_RATE);
    let spec = ColumnSpec {
        name: "coded",
        width: stored,
        codec,
        rate,
        active: all,
        every: 1,
        dense: false,
        head: false,
        shrink: 0.0,
    };
    Params::new(gpu, vec![spec], ROWS as u64, true)
}

/// Room for the rows, two thirds of which are visible, in an order of their own.
fn scratch(gpu: &Gpu, params: &Params) -> (Scratch, Vec<usize>) {
    let scratch = Scratch::new(gpu, Capacity::training(ROWS as u64, 64), params.rows_per_chunk()).unwrap();
    let visible: Vec<usize> = (0..ROWS).rev().filter(|row| row % 3 != 1).collect();
    let mut order: Vec<u32> = visible.iter().map(|&row| row as u32).collect();
    order.resize(ROWS, 0);
    order.extend([visible.len() as u32, 0]);
    scratch.order.write(gpu, 0, &order);
    (scratch, visible)
}

fn run(gpu: &Gpu, work: impl FnOnce(&mut Pass<'_>)) {
    let mut pass = Pass::new(gpu, "codec test");
    work(&mut pass);
    pass.submit();
}

/// What is learned, as the oracle holds it.
struct Learned {
    latents: Vec<Trained>,
    decoder: Vec<Trained>,
    linear: Linear,
}

impl Learned {
    fn decoder(&self) -> LinearOracle {
        let numbers: Vec<f64> = self.decoder.iter().map(|trained| trained.value).collect();
        let (width, latents) = (self.linear.width as usize, self.linear.latents as usize);
        if self.linear.gains {
            return LinearOracle::of_gains(latents, &numbers[..width], &numbers[width..]);
        }
        let (matrix, bias) = numbers.split_at(width * latents);
        LinearOracle { latents, width, matrix: matrix.to_vec(), bias: bias.to_vec() }
    }

    fn norm(&self) -> f64 {
        let count = if self.linear.gains { self.linear.width } else { self.linear.width * self.linear.latents };
        self.decoder[..count as usize].iter().map(|trained| trained.value.powi(2)).sum::<f64>().sqrt()
    }

    fn codes(&self, row: usize, rounds: bool) -> Vec<f64> {
        let latents = self.linear.latents as usize;
        let stored = self.latents[row * latents..][..latents].iter().map(|trained| trained.value);
        stored.map(|q| if rounds { round(q) } else { q }).collect()
    }
}

fn check_linear(gpu: &Gpu, what: &str, linear: &Linear, rounds: bool) {
    let (width, latents) = (linear.width as usize, linear.latents as usize);
    let params = params(gpu, Codec::Linear(linear.clone()), linear.latents);
    let column = params.column("coded");
    let start: Vec<f32> = (0..ROWS * latents).map(|i| 4.0 * noise(i) as f32).collect();
    column.values.write(gpu, &start);
    let trained = |value: &f32| Trained { value: f64::from(*value), ..Trained::default() };
    let mut learned = Learned {
        latents: start.iter().map(trained).collect(),
        decoder: linear.decoder.iter().map(trained).collect(),
        linear: linear.clone(),
    };
    let adam = Adam::new(gpu, &params, STEPS);
    let (scratch, visible) = scratch(gpu, &params);
    for step in 1..=STEPS {
        let phase = phase(step, rounds);
        run(gpu, |pass| decode(pass, &params, &phase));
        let decoder = learned.decoder();
        let expected: Vec<f64> = (0..ROWS).flat_map(|row| decoder.decode(&learned.codes(row, rounds))).collect();
        assert_close(&format!("{what}, step {step}"), &column.decoded(&phase).read(gpu).unwrap(), &expected, 1e-4);

        // Gradients with a trend, so that no sum is nearly zero and Adam's sign is no matter of rounding.
        let grad = |row: usize, c: usize| (0.6 + 0.4 * noise(row * 37 + c * 11 + step as usize)) * (1.0 + c as f64);
        let grads: Vec<f32> = (0..ROWS * width)
            .map(|i| if i / width % 3 == 1 { 0.0 } else { grad(i / width, i % width) as f32 })
            .collect();
        column.decoded_grads().write(gpu, &grads);
        run(gpu, |pass| decode_bwd(pass, &params, &phase, &scratch));
        let mut grad_decoder = decoder.zeros();
        let mut grad_latents = vec![0.0; ROWS * latents];
        for &row in &visible {
            let given: Vec<f64> = grads[row * width..][..width].iter().map(|&g| f64::from(g)).collect();
            let back = decoder.decode_bwd(&learned.codes(row, rounds), &given, &mut grad_decoder);
            grad_latents[row * latents..][..latents].copy_from_slice(&back);
        }
        assert_close(&format!("{what}, gradient of latents"), &column.grads().read(gpu).unwrap(), &grad_latents, 1e-4);

        run(gpu, |pass| adam.step(pass, &params, &phase, &scratch));
        let rate = LATENT_RATE / if linear.normed { learned.norm() } else { 1.0 };
        for &row in &visible {
            let range = row * latents..(row + 1) * latents;
            for (trained, grad) in learned.latents[range.clone()].iter_mut().zip(&grad_latents[range]) {
                AdamOracle::default().update(trained, *grad, rate, step as usize);
            }
        }
        let grad_numbers = if linear.gains {
            [grad_decoder.gains_bwd(), grad_decoder.bias].concat()
        } else {
            [grad_decoder.matrix, grad_decoder.bias].concat()
        };
        for (trained, grad) in learned.decoder.iter_mut().zip(&grad_numbers) {
            AdamOracle::default().update(trained, *grad, DECODER_RATE, step as usize);
        }
        assert!(column.decoded_grads().read(gpu).unwrap().iter().all(|&g| g == 0.0), "gradients are used once");
        // A number on the brink of rounding may fall to either side in f32: continue from what the device has.
        for (trained, value) in learned.latents.iter_mut().zip(column.values.read(gpu).unwrap()) {
            assert!((trained.value - f64::from(value)).abs() < 1e-4, "{what}: {} is {value}", trained.value);
            trained.value = f64::from(value);
        }
    }
    let decoder = learned.decoder();
    let table = column.coded.as_ref().unwrap().table(gpu).unwrap();
    assert_close(&format!("{what}, decoder"), &table, &[decoder.matrix, decoder.bias].concat(), 1e-4);
}

fn some(count: usize, scale: f64) -> Vec<f32> {
    (0..count).map(|i| (scale * (noise(i + 500) + 1.3)) as f32).collect()
}

/// Learned matrices of the shapes in use, with and without rounding.
pub(super) fn linear_decoders_equal_the_oracle(gpu: &Gpu) {
    for (latents, width, normed) in [(8, 45, true), (8, 4, true), (1, 1, false), (3, 9, true)] {
        let decoder = some((latents * width + width) as usize, 0.2);
        let linear = Linear { latents, width, gains: false, decoder, rate: DECODER_RATE, normed };
        for rounds in [false, true] {
            check_linear(gpu, &format!("{latents} latents, {width} values, rounds {rounds}"), &linear, rounds);
        }
    }
}

/// The cosine basis with gains.
pub(super) fn gains_equal_the_oracle(gpu: &Gpu) {
    let linear =
        Linear { latents: 16, width: 45, gains: true, decoder: some(90, 0.3), rate: DECODER_RATE, normed: true };
    check_linear(gpu, "gains", &linear, true);
}

/// Rounding to steps, and how the step learns.
pub(super) fn steps_equal_the_oracle(gpu: &Gpu) {
    const STEP: f32 = 0.25;
    const WIDTH: usize = 3;
    let codec = Codec::Steps(Steps { step: STEP, rate: DECODER_RATE, bits_weight: 0.0 });
    let params = params(gpu, codec, WIDTH as u32);
    let column = params.column("coded");
    // Well inside a cell, so that f32 and f64 round alike.
    let values: Vec<f32> =
        (0..ROWS * WIDTH).map(|i| STEP * ((10.0 * noise(i)).round() + 0.4 * noise(i + 7000)) as f32).collect();
    column.values.write(gpu, &values);
    let (scratch, visible) = scratch(gpu, &params);
    let phase = phase(1, true);
    run(gpu, |pass| decode(pass, &params, &phase));
    let step = f64::from(STEP);
    let expected: Vec<f64> = values.iter().map(|&value| step * round(f64::from(value) / step)).collect();
    assert_close("steps", &column.decoded(&phase).read(gpu).unwrap(), &expected, 1e-6);
    let off = Phase { round_from: u64::MAX, ..phase };
    assert_eq!(column.decoded(&off).read(gpu).unwrap(), values, "while nothing is rounded, values are their own");

    let grads: Vec<f32> = (0..ROWS * WIDTH).map(|i| noise(i + 90) as f32).collect();
    column.grads().write(gpu, &grads);
    run(gpu, |pass| decode_bwd(pass, &params, &phase, &scratch));
    assert_eq!(column.grads().read(gpu).unwrap(), grads, "rounding passes gradients unchanged");
    let slope: f64 = visible
        .iter()
        .flat_map(|&row| row * WIDTH..(row + 1) * WIDTH)
        .map(|at| step_bwd(f64::from(values[at]), step, f64::from(grads[at])))
        .sum();
    let adam = Adam::new(gpu, &params, STEPS);
    run(gpu, |pass| adam.step(pass, &params, &phase, &scratch));
    let mut log_step = Trained { value: step.ln(), ..Trained::default() };
    AdamOracle::default().update(&mut log_step, slope, DECODER_RATE, 1);
    let table = column.coded.as_ref().unwrap().table(gpu).unwrap();
    assert_close("learned step", &table, &[log_step.value.exp()], 1e-5);
}

/// The gradient of the mean number of bits, on visible rows.
pub(super) fn the_rate_equals_the_oracle(gpu: &Gpu) {
    const LATENTS: usize = 4;
    const WEIGHT: f32 = 0.3;
    let decoder = some(LATENTS * 6 + 6, 0.2);
    let linear = Linear { latents: 4, width: 6, gains: false, decoder, rate: 0.0, normed: false };
    let params = params(gpu, Codec::Linear(linear), LATENTS as u32);
    let column = params.column("coded");
    // No number is so near zero that it has nothing to gain.
    let values: Vec<f32> = (0..ROWS * LATENTS)
        .map(|i| (noise(i).signum() * (1.0 + 3.0 * noise(i + 50).abs()) * (1.0 + (i % LATENTS) as f64)) as f32)
        .collect();
    column.values.write(gpu, &values);
    let (scratch, visible) = scratch(gpu, &params);
    let adam = Adam::new(gpu, &params, STEPS);
    // The first step finds out how large the numbers are.
    let first = phase(1, true);
    run(gpu, |pass| {
        decode(pass, &params, &first);
        decode_bwd(pass, &params, &first, &scratch);
        adam.step(pass, &params, &first, &scratch);
    });
    let options = RasterOptions { antialias: false, near: 0.1 };
    let mut frame =
        Frame::new(frame_uniform(&view(&camera(4, 4)), &options, ROWS as u64, 64), phase(2, true), &scratch);
    run(gpu, |pass| RateLoss { weight: WEIGHT }.add(pass, &params, &mut frame));
    let mut expected = vec![0.0; ROWS * LATENTS];
    for j in 0..LATENTS {
        let numbers: Vec<f64> = visible.iter().map(|row| f64::from(values[row * LATENTS + j])).collect();
        for (row, slope) in visible.iter().zip(bits_bwd(&numbers)) {
            expected[row * LATENTS + j] = f64::from(WEIGHT) / ROWS as f64 * slope;
        }
    }
    assert_close("rate", &column.grads().read(gpu).unwrap(), &expected, 1e-4);
    let mut off = Frame { phase: Phase { round_from: u64::MAX, ..phase(2, false) }, ..frame };
    column.grads().write(gpu, &vec![0.0; ROWS * LATENTS]);
    run(gpu, |pass| RateLoss { weight: WEIGHT }.add(pass, &params, &mut off));
    assert!(column.grads().read(gpu).unwrap().iter().all(|&g| g == 0.0), "before rounding, bits have no price");
}
