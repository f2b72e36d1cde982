//! Losses on motion.

use super::{assert_gradient, noise};
use crate::oracle::flow::{Basis, residual};
use crate::oracle::tracks::{Body, bend, cross, motion, product, rigid, rigid_bwd, smooth, smooth_bwd};

const BASES: [Basis; 4] = [
    Basis::Flow { poly: 3, fourier: 4 },
    Basis::Flow { poly: 5, fourier: 0 },
    Basis::Flow { poly: 0, fourier: 2 },
    Basis::Keyframes(5),
];

/// Times that are no keyframes, whatever the speed.
const TIMES: [f64; 4] = [-0.41, 0.0, 0.07, 0.33];

#[test]
fn velocity_and_acceleration_are_those_of_the_motion() {
    for basis in BASES {
        let count = 3 * basis.len();
        let coefficients: Vec<f64> = (0..count).map(|i| 0.5 * noise(i)).collect();
        for (number, time) in TIMES.into_iter().enumerate() {
            let dilation = 0.1 * noise(300 + number);
            let at = |offset: f64| residual(basis, &coefficients, dilation, time + offset);
            let (velocity, acceleration) = motion(basis, &coefficients, dilation, time);
            // At time 0 a keyframe of five is in the middle: a corner.
            if matches!(basis, Basis::Keyframes(_)) && time == 0.0 {
                continue;
            }
            let h = 1e-3;
            let (far, near, here, near2, far2) = (at(-2.0 * h), at(-h), at(0.0), at(h), at(2.0 * h));
            for k in 0..3 {
                let slope = (8.0 * (near2[k] - near[k]) - (far2[k] - far[k])) / (12.0 * h);
                let bending = (16.0 * (near2[k] + near[k]) - (far2[k] + far[k]) - 30.0 * here[k]) / (12.0 * h * h);
                assert!((velocity[k] - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{basis:?} at {time}: velocity");
                let error = (acceleration[k] - bending).abs();
                assert!(error < 1e-5 * (1.0 + bending.abs()), "{basis:?} at {time}: acceleration off by {error:e}");
            }
        }
        assert_eq!(bend(basis, 0.5).len(), basis.len());
    }
}

#[test]
fn smoothness_is_differentiated() {
    for basis in BASES {
        let coefficients: Vec<f64> = (0..4 * basis.len()).map(|i| 0.5 * noise(i)).collect();
        for time in TIMES {
            for weights in [[0.7, 0.01], [0.0, 0.02], [0.3, 0.0]] {
                let expected = smooth_bwd(basis, &coefficients, 0.1, time, weights);
                if expected.iter().all(|&slope| slope == 0.0) {
                    // Keyframes have no acceleration.
                    assert!(weights[0] == 0.0);
                    continue;
                }
                assert_gradient("smoothness", &coefficients, &expected, |n| smooth(basis, n, 0.1, time, weights));
            }
        }
        let rests = vec![0.0; coefficients.len()];
        assert!(smooth_bwd(basis, &rests, 0.1, 0.5, [1.0, 1.0]).iter().all(|&slope| slope == 0.0));
    }
}

fn bodies(count: usize) -> Vec<Body> {
    let body = |row: usize| Body {
        place: [0, 1, 2].map(|k| noise(100 * row + k)),
        quat: [3, 4, 5, 6].map(|k| 1.5 * noise(100 * row + k)),
        speed: [7, 8, 9].map(|k| noise(100 * row + k)),
        turn: [10, 11, 12, 13].map(|k| noise(100 * row + k)),
    };
    (0..count).map(body).collect()
}

fn neighbours(count: usize) -> Vec<Vec<usize>> {
    (0..count).map(|row| (1..4).map(|by| (row * by + by) % count).filter(|&to| to != row).collect()).collect()
}

#[test]
fn rigidity_is_differentiated() {
    let (bodies, neighbours) = (bodies(7), neighbours(7));
    let numbers: Vec<f64> = bodies.iter().flat_map(|body| [&body.speed[..], &body.turn].concat()).collect();
    let with = |numbers: &[f64]| -> Vec<Body> {
        let change =
            |(body, n): (&Body, &[f64])| Body { speed: [n[0], n[1], n[2]], turn: [n[3], n[4], n[5], n[6]], ..*body };
        bodies.iter().zip(numbers.chunks(7)).map(change).collect()
    };
    let expected: Vec<f64> =
        rigid_bwd(&bodies, &neighbours, 0.3).iter().flat_map(|(speed, turn)| [&speed[..], turn].concat()).collect();
    assert_gradient("rigidity", &numbers, &expected, |n| rigid(&with(n), &neighbours, 0.3));
}

#[test]
fn one_body_does_not_stray() {
    let (velocity, turning) = ([0.3, -0.2, 0.5], [0.7, 1.1, -0.4]);
    let mut bodies = bodies(9);
    for body in &mut bodies {
        let along = cross(&turning, &body.place);
        body.speed = [0, 1, 2].map(|k| velocity[k] + along[k]);
        body.turn = product(&[0.0, turning[0], turning[1], turning[2]], &body.quat).map(|value| 0.5 * value);
    }
    let neighbours = neighbours(9);
    assert!(rigid(&bodies, &neighbours, 0.3) < 1e-20);
    bodies[4].speed[1] += 0.1;
    assert!(rigid(&bodies, &neighbours, 0.3) > 1e-3);
}
