//! Motion and fading.

use super::{assert_gradient, noise};
use crate::oracle::flow::{Basis, faded, faded_bwd, residual, residual_bwd};

const WIDTH: usize = 4;

#[test]
fn motion_is_differentiated() {
    let bases = [Basis::Flow { poly: 3, fourier: 4 }, Basis::Flow { poly: 1, fourier: 0 }, Basis::Keyframes(5)];
    for basis in bases {
        for time in [-0.41, 0.0, 0.07, 0.33] {
            let count = WIDTH * basis.len();
            let numbers: Vec<f64> = (0..=count).map(|i| 0.5 * noise(i)).collect();
            let value = |numbers: &[f64]| -> f64 {
                let moved = residual(basis, &numbers[..count], numbers[count], time);
                moved.iter().enumerate().map(|(k, value)| noise(70 + k) * value).sum()
            };
            let grad: Vec<f64> = (0..WIDTH).map(|k| noise(70 + k)).collect();
            let (mut expected, dilation) = residual_bwd(basis, &numbers[..count], numbers[count], time, &grad);
            expected.push(dilation);
            // τ alone at time 0 gives nothing, whatever its coefficients.
            if matches!(basis, Basis::Flow { fourier: 0, .. }) && time == 0.0 {
                assert!(expected.iter().all(|&slope| slope == 0.0));
                continue;
            }
            // Keyframes have corners: a difference across one is no derivative.
            if let Basis::Keyframes(keys) = basis {
                let place = (numbers[count].exp() * time + 0.5) * (keys - 1) as f64;
                if (place - place.round()).abs() < 1e-3 {
                    continue;
                }
            }
            assert_gradient("motion", &numbers, &expected, value);
        }
    }
}

#[test]
fn fading_is_differentiated() {
    for (logit, centre, fade, time) in [(2.0, 0.1, 0.7, -0.3), (-1.5, -0.2, 1.9, 0.25), (6.0, 0.0, -1.0, 0.5)] {
        let numbers = [logit, centre, fade];
        let expected = faded_bwd(logit, centre, fade, time, 0.7);
        assert_gradient("fading", &numbers, &expected, |n| 0.7 * faded(n[0], n[1], n[2], time));
    }
}
