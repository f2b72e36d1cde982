//! Adam with catch-up on the device against dense Adam in f64.

use splat_core::codec::Codec;
use splat_core::gpu::{Gpu, Pass};
use splat_core::optim::Adam;
use splat_core::params::{ColumnSpec, Params};
use splat_core::schedule::{Phase, Rate};
use splat_core::stage::Scratch;
use splat_core::stage::rasterize::Capacity;

use super::harness::PHASE;
use crate::gradients::noise;
use crate::oracle::adam::{Adam as Oracle, Trained};

const ROWS: usize = 70;
const WIDTH: usize = 3;
const STEPS: u64 = 150;

fn all(_: &Phase, width: u32) -> u32 {
    width
}

/// Trains two of three values from step 40 on, as SH degrees do.
fn late(phase: &Phase, width: u32) -> u32 {
    if phase.step < 40 { 0 } else { width - 1 }
}

/// How a column of the tests is trained.
#[derive(Clone, Copy)]
struct Plan {
    dense: bool,
    every: u32,
    active: fn(&Phase, u32) -> u32,
    settle_at: Option<u64>,
    shrink: f32,
}

const PLAIN: Plan = Plan { dense: false, every: 1, active: all, settle_at: None, shrink: 0.0 };

impl Plan {
    fn spec(&self) -> ColumnSpec {
        ColumnSpec {
            name: "means",
            width: WIDTH as u32,
            codec: Codec::Plain,
            rate: Rate { start: 0.02, end: 0.0005 },
            active: self.active,
            every: self.every,
            dense: self.dense,
            head: false,
            shrink: self.shrink,
        }
    }
}

fn phase(step: u64) -> Phase {
    Phase { step, steps: STEPS, ..PHASE }
}

fn scratch(gpu: &Gpu, params: &Params) -> Scratch {
    let capacity = Capacity {
        rows: ROWS as u64,
        isects: 64,
        pixels: 1,
        tiles: 1,
        bands: 1,
        trains: true,
        with_depth: false,
        with_abs_grad: false,
    };
    Scratch::new(gpu, capacity, params.rows_per_chunk()).unwrap()
}

/// Row 0 is never seen, row 1 always, the others in bursts of their own.
fn is_visible(row: usize, step: u64) -> bool {
    match row {
        0 => false,
        1 => true,
        _ => noise(row * 31 + (step as usize / (1 + row % 23)) * 7 + step as usize % 2) > 0.4,
    }
}

fn gradient(row: usize, value: usize, step: u64) -> f32 {
    let scale = 10.0_f64.powi(-((row % 6) as i32));
    (scale * (noise(row * 1009 + value * 13 + step as usize * 3) + 0.3)) as f32
}

/// Plays the trace on the device and in the oracle; returns values of both.
fn play(gpu: &Gpu, plan: &Plan, gradient: fn(usize, usize, u64) -> f32) -> (Vec<f32>, Vec<f64>) {
    let params = Params::new(gpu, vec![plan.spec()], ROWS as u64, true);
    let column = params.column("means");
    let start: Vec<f32> = (0..ROWS * WIDTH).map(|i| noise(i) as f32 * 0.1).collect();
    column.values.write(gpu, &start);
    let adam = Adam::new(gpu, &params, STEPS);
    let scratch = scratch(gpu, &params);
    let mut expected: Vec<Trained> =
        start.iter().map(|&value| Trained { value: f64::from(value), ..Trained::default() }).collect();
    for step in 1..=STEPS {
        let phase = phase(step);
        let is_due = step.is_multiple_of(u64::from(plan.every));
        let trained = (plan.active)(&phase, WIDTH as u32) as usize;
        let mut order: Vec<u32> = (0..ROWS as u32).rev().filter(|&row| is_visible(row as usize, step)).collect();
        let grad = |i: usize| {
            let is_seen = is_due && (plan.dense || is_visible(i / WIDTH, step)) && i % WIDTH < trained;
            if is_seen { gradient(i / WIDTH, i % WIDTH, step) } else { 0.0 }
        };
        let grads: Vec<f32> = (0..ROWS * WIDTH).map(grad).collect();
        let visible = order.len() as u32;
        order.resize(ROWS, 0);
        order.extend([visible, 0]);
        scratch.order.write(gpu, 0, &order);
        column.grads().write(gpu, &grads);
        let mut pass = Pass::new(gpu, "adam");
        adam.step(&mut pass, &params, &phase, &scratch);
        pass.submit();
        let rate = plan.spec().rate.at(step, STEPS);
        for (trained, grad) in expected.iter_mut().zip(&grads).filter(|_| is_due) {
            Oracle::default().update(trained, f64::from(*grad), rate, (step / u64::from(plan.every)) as usize);
            if *grad != 0.0 {
                let shrink = rate * f64::from(plan.shrink);
                trained.value -= trained.value.clamp(-shrink, shrink);
            }
        }
        if plan.settle_at == Some(step) {
            adam.settle(gpu, &params, step);
        }
    }
    assert!(column.grads().read(gpu).unwrap().iter().all(|&grad| grad == 0.0), "the optimizer clears what it used");
    adam.settle(gpu, &params, STEPS);
    (column.values.read(gpu).unwrap(), expected.iter().map(|trained| trained.value).collect())
}

#[track_caller]
fn assert_equal(what: &str, played: &(Vec<f32>, Vec<f64>)) {
    assert_within(what, played, 1e-4);
}

#[track_caller]
fn assert_within(what: &str, (found, expected): &(Vec<f32>, Vec<f64>), most: f64) {
    let start = |i: usize| f64::from(noise(i) as f32 * 0.1);
    let mut worst: f64 = 0.0;
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        // Relative to how far the value has travelled, and to what f32 can hold of the value.
        let travelled = (e - start(i)).abs().max(e.abs()).max(1e-2);
        worst = worst.max((f64::from(*f) - e).abs() / travelled);
    }
    eprintln!("measured: {what}: {worst:.1e}");
    assert!(worst <= most, "{what}: {worst:e}");
}

pub(super) fn lazy_adam_equals_dense_adam_over_random_visibility(gpu: &Gpu) {
    let played = play(gpu, &PLAIN, gradient);
    assert_equal("lazy adam", &played);
    let unseen = &played.0[..WIDTH];
    assert!(unseen.iter().enumerate().all(|(i, &v)| v == noise(i) as f32 * 0.1), "a row never seen moved");
}

pub(super) fn settling_in_between_changes_nothing_but_rounding(gpu: &Gpu) {
    assert_equal("settled adam", &play(gpu, &Plan { settle_at: Some(77), ..PLAIN }, gradient));
}

pub(super) fn values_that_join_late_equal_dense_adam(gpu: &Gpu) {
    assert_equal("late adam", &play(gpu, &Plan { active: late, ..PLAIN }, gradient));
}

/// Columns updated in every fourth step count time in updates.
pub(super) fn columns_updated_now_and_then_equal_dense_adam(gpu: &Gpu) {
    assert_equal("adam every 4", &play(gpu, &Plan { every: 4, ..PLAIN }, gradient));
    assert_equal(
        "adam every 4, settled off beat",
        &play(gpu, &Plan { every: 4, settle_at: Some(77), ..PLAIN }, gradient),
    );
}

pub(super) fn dense_columns_equal_dense_adam(gpu: &Gpu) {
    assert_equal("dense adam", &play(gpu, &Plan { dense: true, ..PLAIN }, gradient));
}

pub(super) fn values_drawn_to_zero_equal_dense_adam(gpu: &Gpu) {
    for dense in [false, true] {
        let played = play(gpu, &Plan { shrink: 0.4, dense, ..PLAIN }, gradient);
        // A value near zero is let go a little earlier or later by rounding.
        assert_within("adam that shrinks", &played, 3e-4);
        let size = |values: &[f32]| values.iter().map(|value| f64::from(value.abs())).sum::<f64>();
        let free = play(gpu, &Plan { dense, ..PLAIN }, gradient);
        assert!(size(&played.0) < 0.7 * size(&free.0), "{} of {}", size(&played.0), size(&free.0));
    }
}

/// Gradients whose squares are denormal or zero in f32.
fn vanishing(row: usize, value: usize, step: u64) -> f32 {
    gradient(row, value, step) * [1e-14, 1e-18, 1e-21, 1e-30][row % 4]
}

pub(super) fn vanishing_gradients_stay_finite_and_move_no_further_than_others(gpu: &Gpu) {
    for plan in [PLAIN, Plan { dense: true, ..PLAIN }] {
        let (found, _) = play(gpu, &plan, vanishing);
        let farthest = found.iter().enumerate().map(|(i, v)| (v - noise(i) as f32 * 0.1).abs()).fold(0.0, f32::max);
        // As far as STEPS full steps can carry.
        assert!(found.iter().all(|v| v.is_finite()) && farthest < 0.02 * STEPS as f32, "{farthest}");
    }
}

/// The flag behind `order` stops dense columns too; sparse ones see a count of zero.
pub(super) fn a_halted_step_moves_nothing(gpu: &Gpu) {
    for dense in [false, true] {
        let params = Params::new(gpu, vec![Plan { dense, ..PLAIN }.spec()], ROWS as u64, true);
        let column = params.column("means");
        column.grads().write(gpu, &[1.0; ROWS * WIDTH]);
        let scratch = scratch(gpu, &params);
        let mut order = vec![0; ROWS];
        order.extend([0, 1]);
        scratch.order.write(gpu, 0, &order);
        let adam = Adam::new(gpu, &params, STEPS);
        let mut pass = Pass::new(gpu, "adam");
        adam.step(&mut pass, &params, &phase(1), &scratch);
        pass.submit();
        let moments = column.training.as_ref().unwrap().moments.read(gpu).unwrap();
        assert!(column.values.read(gpu).unwrap().iter().all(|&value| value == 0.0), "dense {dense}: values moved");
        assert!(moments.iter().all(|&moment| moment == [0.0; 2]), "dense {dense}: moments moved");
        assert!(params.clock(1).last.read(gpu).unwrap().iter().all(|&step| step == 0));
    }
}
