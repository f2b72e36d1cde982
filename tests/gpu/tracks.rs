//! Losses on motion, on the device against the oracle.

use splat_core::gpu::{Gpu, GpuOptions, Pass};
use splat_core::loss::{Loss, Rigid, Smooth};
use splat_core::model::{RasterOptions, frame_uniform};
use splat_core::params::Params;
use splat_core::scene::{Motion, TimeBasis};
use splat_core::schedule::Rate;
use splat_core::stage::flow::{Flow, FlowRates};
use splat_core::stage::rasterize::Capacity;
use splat_core::stage::{Frame, Scratch, Stage};

use super::harness::{PHASE, assert_close, camera, model, view};
use super::open;
use crate::gradients::noise;
use crate::oracle::flow::Basis;
use crate::oracle::tracks::{Body, motion, rigid_bwd, smooth_bwd, speed_bwd};

const ROWS: usize = 300;
const NEAR: usize = 8;
const NOBODY: u32 = u32::MAX;

fn oracle_of(basis: TimeBasis) -> Basis {
    match basis {
        TimeBasis::Flow { poly, fourier } => Basis::Flow { poly: poly as usize, fourier: fourier as usize },
        TimeBasis::Keyframes(count) => Basis::Keyframes(count as usize),
    }
}

fn motions() -> [Motion; 4] {
    let flow = |poly, fourier| TimeBasis::Flow { poly, fourier };
    let (body, keys) = (flow(3, 4), TimeBasis::Keyframes(5));
    [(body, body, true), (flow(2, 0), flow(0, 3), false), (keys, keys, true), (flow(1, 2), TimeBasis::STILL, false)]
        .map(|(means, quats, dilates)| Motion { means, quats, sh0: flow(1, 0), dilates, fades: true, frames: 0 })
}

/// A table of noise in which every fifth row rests and every third is not visible.
struct Bench {
    motion: Motion,
    flow: Flow,
    params: Params,
    scratch: Scratch,
}

fn rests(row: usize) -> bool {
    row.is_multiple_of(5)
}

fn is_visible(row: usize) -> bool {
    row % 3 != 1
}

impl Bench {
    fn new(gpu: &Gpu, motion: Motion) -> Self {
        let flow = Flow { motion, rates: FlowRates::all(Rate::constant(0.0)), still: 0.0, rest: None };
        let specs = model(0).columns().into_iter().chain(flow.columns()).collect();
        let params = Params::new(gpu, specs, ROWS as u64, true);
        for (number, column) in params.columns().iter().enumerate() {
            let width = column.spec.width as usize;
            let moves = column.spec.name.starts_with("flow_");
            let value = |i: usize| match moves && rests(i / width) {
                true => 0.0,
                false => 0.6 * noise(i + 5000 * number) as f32,
            };
            column.values.write(gpu, &(0..ROWS * width).map(value).collect::<Vec<f32>>());
        }
        let scratch = Scratch::new(gpu, Capacity::training(ROWS as u64, 64), params.rows_per_chunk()).unwrap();
        let mut order: Vec<u32> = (0..ROWS as u32).rev().filter(|&row| is_visible(row as usize)).collect();
        let visible = order.len() as u32;
        order.resize(ROWS, 0);
        order.extend([visible, 0]);
        scratch.order.write(gpu, 0, &order);
        Bench { motion, flow, params, scratch }
    }

    /// The values of a column, by row.
    fn column(&self, gpu: &Gpu, name: &str) -> Vec<Vec<f64>> {
        let column = self.params.column(name);
        let values = column.values.read(gpu).unwrap();
        values.chunks(column.spec.width as usize).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
    }

    fn dilations(&self, gpu: &Gpu) -> Vec<f64> {
        match self.motion.dilates {
            true => self.column(gpu, Motion::DILATIONS).concat(),
            false => vec![0.0; ROWS],
        }
    }

    /// Gradients of the coefficients that a loss adds at a time, which are cleared.
    fn grads(&self, gpu: &Gpu, loss: &dyn Loss, time: f64) -> Vec<(&'static str, Vec<f32>)> {
        let mut view = view(&camera(4, 4));
        view.time = Some(time + 0.5);
        let part = |name: &str| self.params.column(name).values.clone();
        let mut frame = Frame {
            uniform: frame_uniform(&view, &RasterOptions { antialias: false, near: 0.1 }, ROWS as u64, 64),
            phase: PHASE,
            scratch: &self.scratch,
            with_depth: false,
            with_abs_grad: false,
            target: None,
            splats: Some(splat_core::stage::Splats {
                means: part("means"),
                quats: part("quats"),
                log_scales: part("log_scales"),
                opacity_logits: part("opacity_logits"),
            }),
            grad_splats: None,
            sh0: None,
            grad_sh0: None,
        };
        let mut pass = Pass::new(gpu, "tracks test");
        self.flow.forward(&mut pass, &self.params, &mut frame);
        loss.add(&mut pass, &self.params, &mut frame);
        pass.submit();
        let mut grads = Vec::new();
        for column in self.params.columns() {
            let found = column.grads().read(gpu).unwrap();
            if ["flow_means", "flow_quats"].contains(&column.spec.name) {
                column.grads().write(gpu, &vec![0.0; found.len()]);
                grads.push((column.spec.name, found));
            } else {
                assert!(found.iter().all(|&g| g == 0.0), "{} has a gradient", column.spec.name);
            }
        }
        grads
    }
}

/// What is expected where a row has a gradient, and nothing where it is not visible.
fn seen(rows: Vec<Vec<f64>>) -> Vec<f64> {
    let row = |(row, grad): (usize, Vec<f64>)| if is_visible(row) { grad } else { vec![0.0; grad.len()] };
    rows.into_iter().enumerate().flat_map(row).collect()
}

fn assert_rests(grads: &[f32]) {
    let width = grads.len() / ROWS;
    let touched = |row: usize| grads[row * width..][..width].iter().any(|&g| g != 0.0);
    assert!((0..ROWS).all(|row| !touched(row) || is_visible(row) && !rests(row)), "what rests is left alone");
}

/// Mean squares of velocities and accelerations.
pub(super) fn smoothness_equals_the_oracle(gpu: &Gpu) {
    let (velocity, acceleration) = ([0.3, 0.02], [2e-3, 5e-4]);
    for motion in motions() {
        let bench = Bench::new(gpu, motion);
        let loss = Smooth { motion, velocity, acceleration };
        let dilations = bench.dilations(gpu);
        for time in [-0.5, -0.21, 0.0, 0.37, 0.5] {
            for (name, found) in bench.grads(gpu, &loss, time) {
                let (part, basis) = if name == "flow_means" { (0, motion.means) } else { (1, motion.quats) };
                let weights = [velocity[part], acceleration[part]].map(|weight| f64::from(weight) / ROWS as f64);
                let one =
                    |(own, &dilation): (&Vec<f64>, &f64)| smooth_bwd(oracle_of(basis), own, dilation, time, weights);
                let expected = seen(bench.column(gpu, name).iter().zip(&dilations).map(one).collect());
                assert_close(&format!("smoothness of {name} by {basis:?} at {time}"), &found, &expected, 1e-3);
                assert_rests(&found);
            }
        }
    }
}

/// The splats of a table at a time, as the oracle sees them.
fn bodies(gpu: &Gpu, bench: &Bench, time: f64) -> Vec<Body> {
    use crate::oracle::flow::residual;
    let (means, quats, dilations) = (bench.column(gpu, "means"), bench.column(gpu, "quats"), bench.dilations(gpu));
    let moved = |name: &str, basis: TimeBasis, base: &[Vec<f64>]| -> Vec<(Vec<f64>, Vec<f64>)> {
        if basis.terms() == 0 {
            return base.iter().map(|base| (base.clone(), vec![0.0; base.len()])).collect();
        }
        let one = |((base, own), &dilation): ((&Vec<f64>, Vec<f64>), &f64)| {
            let change = residual(oracle_of(basis), &own, dilation, time);
            let (velocity, _) = motion(oracle_of(basis), &own, dilation, time);
            (base.iter().zip(change).map(|(a, b)| a + b).collect(), velocity)
        };
        base.iter().zip(bench.column(gpu, name)).zip(&dilations).map(one).collect()
    };
    let means = moved("flow_means", bench.motion.means, &means);
    let quats = moved("flow_quats", bench.motion.quats, &quats);
    let bodies = means.into_iter().zip(quats).map(|((place, speed), (quat, turn))| Body {
        place: place.try_into().unwrap(),
        quat: quat.try_into().unwrap(),
        speed: speed.try_into().unwrap(),
        turn: turn.try_into().unwrap(),
    });
    bodies.collect()
}

/// Who is whose neighbour, and how fast weights fall, from the state of the loss.
fn links(state: &[u32]) -> (Vec<Vec<usize>>, f64) {
    let of = |near: &[u32]| near.iter().filter(|&&row| row != NOBODY).map(|&row| row as usize).collect();
    let mean = f64::from(f32::from_bits(state[0]));
    (state[1..].chunks(NEAR).map(of).collect(), 0.5 / (mean * mean))
}

/// Neighbours are the nearest that move, and strays pull as the oracle says.
pub(super) fn rigidity_equals_the_oracle(gpu: &Gpu) {
    for motion in motions() {
        let bench = Bench::new(gpu, motion);
        let mut loss = Rigid::new(motion, 0.4);
        assert!(bench.grads(gpu, &loss, 0.2).iter().all(|(_, grads)| grads.iter().all(|&g| g == 0.0)));
        loss.population_changed(gpu, &bench.params).unwrap();
        let (neighbours, reach) = links(&loss.state());
        assert_are_nearest(&bodies(gpu, &bench, 0.0), &neighbours);
        let dilations = bench.dilations(gpu);
        for time in [-0.5, -0.21, 0.0, 0.37, 0.5] {
            let expected = rigid_bwd(&bodies(gpu, &bench, time), &neighbours, reach);
            for (name, found) in bench.grads(gpu, &loss, time) {
                let is_place = name == "flow_means";
                let basis = oracle_of(if is_place { motion.means } else { motion.quats });
                let one = |((speed, turn), &dilation): (&([f64; 3], [f64; 4]), &f64)| {
                    let grad = if is_place { &speed[..] } else { &turn[..] };
                    let grad: Vec<f64> = grad.iter().map(|g| f64::from(0.4_f32) / ROWS as f64 * g).collect();
                    speed_bwd(basis, dilation, time, &grad)
                };
                let expected = seen(expected.iter().zip(&dilations).map(one).collect());
                assert_close(&format!("rigidity of {name} by {basis:?} at {time}"), &found, &expected, 1e-3);
                assert_rests(&found);
                let again = bench.grads(gpu, &loss, time);
                assert!(again.iter().any(|(other, grads)| *other == name && *grads == found), "the same bytes twice");
            }
        }
        // What a checkpoint holds gives the same.
        let mut resumed = Rigid::new(motion, 0.4);
        assert!(resumed.restore(gpu, &[7, 8, 9]).is_err());
        resumed.restore(gpu, &loss.state()).unwrap();
        assert!(bench.grads(gpu, &resumed, 0.37) == bench.grads(gpu, &loss, 0.37));
        resumed.restore(gpu, &[]).unwrap();
        assert!(resumed.state().is_empty());
    }
}

fn assert_are_nearest(bodies: &[Body], neighbours: &[Vec<usize>]) {
    let square = |a: usize, b: usize| -> f64 {
        bodies[a].place.iter().zip(&bodies[b].place).map(|(a, b)| (a - b).powi(2)).sum()
    };
    for (row, near) in neighbours.iter().enumerate() {
        if rests(row) {
            assert!(near.is_empty());
            continue;
        }
        let mut all: Vec<usize> = (0..ROWS).filter(|&other| other != row && !rests(other)).collect();
        all.sort_by(|&a, &b| square(row, a).total_cmp(&square(row, b)));
        assert_eq!(near[..], all[..NEAR], "neighbours of {row}");
    }
}

/// What has no motion, or one that nobody was asked about, is left alone.
pub(super) fn splats_that_rest_feel_nothing(gpu: &Gpu) {
    for motion in motions() {
        let bench = Bench::new(gpu, motion);
        for column in bench.params.columns().iter().filter(|column| column.spec.name.starts_with("flow_")) {
            column.values.write(gpu, &vec![0.0; ROWS * column.spec.width as usize]);
        }
        let mut rigid = Rigid::new(motion, 1.0);
        rigid.population_changed(gpu, &bench.params).unwrap();
        assert!(rigid.state().is_empty());
        let smooth = Smooth { motion, velocity: [1.0; 2], acceleration: [1.0; 2] };
        let losses: [&dyn Loss; 2] = [&rigid, &smooth];
        for (loss, time) in losses.into_iter().flat_map(|loss| [(loss, 0.5), (loss, 0.0)]) {
            let grads = bench.grads(gpu, loss, time);
            assert!(grads.iter().all(|(_, grads)| grads.iter().all(|&g| g == 0.0)), "{} at {time}", loss.name());
        }
    }
}

/// Where columns are cut into chunks, the same bits come out.
#[test]
fn chunks_of_rows_change_no_bit_of_tracks() {
    let run = |max_binding_bytes: Option<u64>| {
        let options = GpuOptions { max_binding_bytes, ..GpuOptions::default() };
        let gpu = open("chunks_of_rows_change_no_bit_of_tracks", &options)?;
        let [motion, ..] = motions();
        let bench = Bench::new(&gpu, motion);
        let mut rigid = Rigid::new(motion, 0.4);
        rigid.population_changed(&gpu, &bench.params).unwrap();
        let smooth = Smooth { motion, velocity: [0.3; 2], acceleration: [1e-3; 2] };
        let chunks = bench.params.chunks().count();
        Some((chunks, bench.grads(&gpu, &rigid, 0.3), bench.grads(&gpu, &smooth, 0.3)))
    };
    let (Some(one), Some(many)) = (run(None), run(Some(32 << 10))) else { return };
    assert!(one.0 == 1 && many.0 > 2, "{} and {} chunks", one.0, many.0);
    assert!(one.1 == many.1 && one.2 == many.2);
}
