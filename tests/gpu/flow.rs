//! Motion on the device against the oracle, forward and backward.

use splat_core::codec::Codec;
use splat_core::gpu::{Gpu, Pass};
use splat_core::model::{RasterOptions, frame_uniform};
use splat_core::params::{ColumnSpec, Params};
use splat_core::scene::{Motion, TimeBasis};
use splat_core::schedule::{Phase, Rate};
use splat_core::stage::flow::{Flow, FlowRates};
use splat_core::stage::rasterize::Capacity;
use splat_core::stage::{Frame, Scratch, Splats, Stage};

use super::harness::{PHASE, assert_close, camera, view};
use crate::gradients::noise;
use crate::oracle::flow::{Basis, faded, faded_bwd, residual, residual_bwd};

const ROWS: usize = 300;
/// Rows that may move; the others rest.
const HEAD: usize = 217;

fn all(_: &Phase, width: u32) -> u32 {
    width
}

fn oracle_of(basis: TimeBasis) -> Basis {
    match basis {
        TimeBasis::Flow { poly, fourier } => Basis::Flow { poly: poly as usize, fourier: fourier as usize },
        TimeBasis::Keyframes(count) => Basis::Keyframes(count as usize),
    }
}

/// The stage alone, on columns of noise; every third row is not visible.
struct Bench {
    flow: Flow,
    params: Params,
    scratch: Scratch,
    columns: Vec<(&'static str, Vec<f32>)>,
}

impl Bench {
    fn new(gpu: &Gpu, motion: Motion) -> Self {
        let flow = Flow { motion, rates: FlowRates::all(Rate::constant(0.0)), still: 0.0, rest: None };
        let plain = |(name, width)| ColumnSpec {
            name,
            width,
            codec: Codec::Plain,
            rate: Rate::constant(0.0),
            active: all,
            every: 1,
            dense: false,
            head: false,
            shrink: 0.0,
        };
        let trained = [("means", 3), ("quats", 4), ("log_scales", 3), ("opacity_logits", 1), ("sh0", 3)].map(plain);
        let specs: Vec<ColumnSpec> = trained.into_iter().chain(flow.columns()).collect();
        let params = Params::with_head(gpu, specs, ROWS as u64, HEAD as u64, true);
        let mut columns = Vec::new();
        for (number, column) in params.columns().iter().enumerate() {
            let (rows, width) = (column.values.rows() as usize, column.spec.width as usize);
            let mut values: Vec<f32> = (0..rows * width).map(|i| 0.6 * noise(i + 5000 * number) as f32).collect();
            column.values.write(gpu, &values);
            // To the oracle, rows behind the head have coefficients of zero.
            values.resize(ROWS * width, 0.0);
            columns.push((column.spec.name, values));
        }
        let scratch = Scratch::new(gpu, Capacity::training(ROWS as u64, 64), params.rows_per_chunk()).unwrap();
        let mut order: Vec<u32> = (0..ROWS as u32).rev().filter(|row| row % 3 != 1).collect();
        let visible = order.len() as u32;
        order.resize(ROWS, 0);
        order.extend([visible, 0]);
        scratch.order.write(gpu, 0, &order);
        Bench { flow, params, scratch, columns }
    }

    /// The numbers of a row of a column.
    fn row(&self, name: &str, row: usize) -> Vec<f64> {
        let (_, values) = self.columns.iter().find(|(known, _)| *known == name).unwrap();
        let width = values.len() / ROWS;
        values[row * width..][..width].iter().map(|&value| f64::from(value)).collect()
    }

    fn frame(&self, time: f64) -> Frame<'_> {
        let mut view = view(&camera(4, 4));
        view.time = Some(time + 0.5);
        let part = |name: &str| self.params.column(name).values.clone();
        let grad = |name: &str| self.params.column(name).grads().clone();
        Frame {
            uniform: frame_uniform(&view, &RasterOptions { antialias: false, near: 0.1 }, ROWS as u64, 64),
            phase: PHASE,
            scratch: &self.scratch,
            with_depth: false,
            with_abs_grad: false,
            target: None,
            splats: Some(Splats {
                means: part("means"),
                quats: part("quats"),
                log_scales: part("log_scales"),
                opacity_logits: part("opacity_logits"),
            }),
            grad_splats: Some(Splats {
                means: grad("means"),
                quats: grad("quats"),
                log_scales: grad("log_scales"),
                opacity_logits: grad("opacity_logits"),
            }),
            sh0: None,
            grad_sh0: None,
        }
    }
}

fn run(gpu: &Gpu, work: impl FnOnce(&mut Pass<'_>)) {
    let mut pass = Pass::new(gpu, "flow test");
    work(&mut pass);
    pass.submit();
}

/// Positions, rotations and colours with bases of their own, with and without a speed per splat.
pub(super) fn motion_equals_the_oracle(gpu: &Gpu) {
    let flow = |poly, fourier| TimeBasis::Flow { poly, fourier };
    let motions = [
        (flow(3, 4), flow(3, 4), flow(1, 2), true),
        (flow(2, 0), flow(0, 3), flow(0, 0), false),
        (TimeBasis::Keyframes(5), TimeBasis::Keyframes(4), TimeBasis::Keyframes(2), false),
        (TimeBasis::Keyframes(7), flow(0, 0), TimeBasis::Keyframes(3), true),
        // Too many functions to be written out.
        (TimeBasis::Keyframes(33), flow(1, 16), flow(2, 1), false),
    ];
    for (means, quats, sh0, dilates) in motions {
        let bench = Bench::new(gpu, Motion { means, quats, sh0, dilates, fades: false, frames: 0 });
        for time in [-0.5, -0.21, 0.0, 0.37] {
            let mut frame = bench.frame(time);
            run(gpu, |pass| bench.flow.forward(pass, &bench.params, &mut frame));
            let dilation = |row| if dilates { bench.row("flow_dilations", row)[0] } else { 0.0 };
            let mut grad_dilations = vec![0.0; HEAD];
            let attributes = [("means", "flow_means", means), ("quats", "flow_quats", quats), ("sh0", "flow_sh0", sh0)];
            let mut expected = Vec::new();
            for (number, (base, column, basis)) in attributes.into_iter().enumerate() {
                if basis.terms() == 0 {
                    continue;
                }
                let what = format!("{base} by {basis:?} at {time}, own speed {dilates}");
                let oracle = oracle_of(basis);
                let moved = |row: usize| -> Vec<f64> {
                    let residual = residual(oracle, &bench.row(column, row), dilation(row), time);
                    bench.row(base, row).iter().zip(residual).map(|(base, moved)| base + moved).collect()
                };
                let (found, grads) = match base {
                    "means" => (&frame.splats().means, &frame.grad_splats().means),
                    "quats" => (&frame.splats().quats, &frame.grad_splats().quats),
                    _ => (frame.sh0.as_ref().unwrap(), frame.grad_sh0.as_ref().unwrap()),
                };
                assert_close(&what, &found.read(gpu).unwrap(), &(0..ROWS).flat_map(moved).collect::<Vec<_>>(), 1e-4);

                let width = bench.row(base, 0).len();
                let given: Vec<f32> = (0..ROWS * width).map(|i| noise(i + 77 * number) as f32).collect();
                grads.write(gpu, &given);
                let (mut grad_base, mut grad_column) = (vec![0.0; ROWS * width], Vec::new());
                for row in 0..ROWS {
                    let given: Vec<f64> = given[row * width..][..width].iter().map(|&g| f64::from(g)).collect();
                    let coefficients = bench.row(column, row);
                    let (mut grad, own) = residual_bwd(oracle, &coefficients, dilation(row), time, &given);
                    if row % 3 == 1 {
                        grad.fill(0.0);
                    } else {
                        grad_base[row * width..][..width].copy_from_slice(&given);
                        grad_dilations[row.min(HEAD - 1)] += if row < HEAD { own } else { 0.0 };
                    }
                    if row < HEAD {
                        grad_column.extend(grad);
                    }
                }
                expected.extend([(base, grad_base), (column, grad_column)]);
            }
            if dilates {
                expected.push(("flow_dilations", grad_dilations));
            }
            run(gpu, |pass| bench.flow.backward(pass, &bench.params, &mut frame));
            for (name, expected) in expected {
                let grads = bench.params.column(name).grads();
                // At time 0 odd terms have no share.
                if expected.iter().any(|&g| g != 0.0) {
                    assert_close(&format!("gradient of {name} at {time}"), &grads.read(gpu).unwrap(), &expected, 1e-3);
                }
                grads.write(gpu, &vec![0.0; expected.len()]);
            }
            let left = frame.grad_splats().means.read(gpu).unwrap();
            let is_zero = |row: usize| left[3 * row..3 * row + 3] == [0.0; 3];
            assert!((0..ROWS).filter(|row| row % 3 != 1).all(is_zero), "gradients of moved splats are used once");
            frame.grad_splats().means.write(gpu, &vec![0.0; 3 * ROWS]);
        }
    }
}

/// Opacity with a window in time.
pub(super) fn fading_equals_the_oracle(gpu: &Gpu) {
    let still = TimeBasis::STILL;
    let motion = Motion { means: still, quats: still, sh0: still, dilates: false, fades: true, frames: 0 };
    let bench = Bench::new(gpu, motion);
    for time in [-0.5, 0.0, 0.4] {
        let mut frame = bench.frame(time);
        run(gpu, |pass| bench.flow.forward(pass, &bench.params, &mut frame));
        let numbers = |row: usize| (bench.row("opacity_logits", row)[0], bench.row("flow_lifetimes", row));
        let opacity = |row: usize| {
            let (logit, life) = numbers(row);
            if row < HEAD { faded(logit, life[0], life[1], time) } else { logit }
        };
        let found = frame.splats().opacity_logits.read(gpu).unwrap();
        assert_close("opacity", &found, &(0..ROWS).map(opacity).collect::<Vec<_>>(), 1e-4);
        let given: Vec<f32> = (0..ROWS).map(|i| (noise(i) + 1.5) as f32).collect();
        frame.grad_splats().opacity_logits.write(gpu, &given);
        run(gpu, |pass| bench.flow.backward(pass, &bench.params, &mut frame));
        let (mut logits, mut lifetimes) = (Vec::new(), Vec::new());
        for (row, &given) in given.iter().enumerate() {
            let (logit, life) = numbers(row);
            let visible = f64::from(u8::from(row % 3 != 1));
            let [own, centre, fade] = faded_bwd(logit, life[0], life[1], time, visible * f64::from(given));
            if row < HEAD {
                logits.push(own);
                lifetimes.extend([centre, fade]);
            } else {
                logits.push(visible * f64::from(given));
            }
        }
        for (name, expected) in [("opacity_logits", logits), ("flow_lifetimes", lifetimes)] {
            let grads = bench.params.column(name).grads();
            assert_close(&format!("gradient of {name}"), &grads.read(gpu).unwrap(), &expected, 1e-3);
            grads.write(gpu, &vec![0.0; expected.len()]);
        }
        frame.grad_splats().opacity_logits.write(gpu, &vec![0.0; ROWS]);
    }
}
