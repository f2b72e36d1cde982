//! The oracle's forward passes against independent statements of what they compute. Finite
//! differences cannot see a wrong sign or constant that forward and backward share; these can.

use std::array::from_fn;
use std::f64::consts::{PI, TAU};

use crate::gradients::{noise, small_camera, small_scene};
use crate::oracle::linalg::{Mat, mat_mul, transpose};
use crate::oracle::photometric::ssim;
use crate::oracle::project::{Gaussian, covariance, project};
use crate::oracle::sh::{REST, Sh, sh_colour};

/// Basis function `k` (0 is the constant one) in a direction, read off a colour.
fn basis_function(k: usize, direction: &[f64; 3]) -> f64 {
    // Small enough that no colour is clamped at zero.
    const COEFFICIENT: f64 = 0.05;
    let mut sh = Sh::default();
    match k {
        0 => sh.sh0[0] = COEFFICIENT,
        _ => sh.rest[k - 1][0] = COEFFICIENT,
    }
    (sh_colour(direction, &sh, 3, &[0.0; 3])[0] - 0.5) / COEFFICIENT
}

#[test]
fn sh_basis_is_orthonormal_on_the_sphere() {
    // The midpoint rule in the azimuth is exact; in the cosine of the polar angle its error is
    // 1/n².
    const RINGS: usize = 2000;
    const SECTORS: usize = 16;
    let mut products = [[0.0; REST + 1]; REST + 1];
    for ring in 0..RINGS {
        let z = (ring as f64 + 0.5) * 2.0 / RINGS as f64 - 1.0;
        for sector in 0..SECTORS {
            let (sin, cos) = ((sector as f64 + 0.5) * TAU / SECTORS as f64).sin_cos();
            let radius = (1.0 - z * z).sqrt();
            let direction = [radius * cos, radius * sin, z];
            let values: [f64; REST + 1] = from_fn(|k| basis_function(k, &direction));
            for (row, a) in products.iter_mut().zip(values) {
                for (product, b) in row.iter_mut().zip(values) {
                    *product += a * b * 4.0 * PI / (RINGS * SECTORS) as f64;
                }
            }
        }
    }
    for (i, row) in products.iter().enumerate() {
        for (j, product) in row.iter().enumerate() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((product - expected).abs() < 1e-5, "<{i}, {j}> = {product}");
        }
    }
}

#[test]
fn sh_basis_has_the_signs_of_the_interchange_formats() {
    // The sign of each function where x, y, z, x − y, z − x and so on are all positive.
    let direction = [0.5, 0.3, 0.81].map(|value: f64| value / 0.9974);
    let signs: [f64; REST + 1] = from_fn(|k| basis_function(k, &direction).signum());
    let expected = [1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 1].map(f64::from);
    // The last is −x (xx − 3yy), negative unless y is large: here xx < 3yy, hence the plus sign.
    assert_eq!(signs, expected);
}

#[test]
fn a_quarter_turn_about_z_carries_the_long_axis_from_x_to_y() {
    let half = 0.5_f64.sqrt();
    let sigma = covariance(&[half, 0.0, 0.0, half], &[1.0, 0.0, -1.0]);
    let expected = [1.0, 2.0_f64.exp(), (-2.0_f64).exp()];
    for i in 0..3 {
        for j in 0..3 {
            let expected = if i == j { expected[i] } else { 0.0 };
            assert!((sigma[i][j] - expected).abs() < 1e-12, "{sigma:?}");
        }
    }
    // A small turn about z alone tells its sense: x leans towards +y.
    let lean = covariance(&[1.0, 0.0, 0.0, 0.1], &[1.0, 0.0, 0.0]);
    assert!(lean[0][1] > 0.0 && lean[0][2] == 0.0);
}

#[test]
fn projected_covariance_is_the_linearised_projection_of_the_covariance() {
    const STEP: f64 = 1e-5;
    let camera = small_camera();
    for splat in small_scene() {
        let gaussian = splat.gaussian;
        let mean2d = |axis: usize, offset: f64| {
            let mut moved = gaussian;
            moved.mean[axis] += offset;
            let Some(projected) = project(&moved, &camera, false) else {
                panic!("a splat of the small scene was culled");
            };
            projected
        };
        // Column by column, the derivative of the projected by the world mean.
        let columns: Mat<3, 2> = from_fn(|axis| {
            let (ahead, behind) = (mean2d(axis, STEP).mean2d, mean2d(axis, -STEP).mean2d);
            from_fn(|i| (ahead[i] - behind[i]) / (2.0 * STEP))
        });
        let sigma = covariance(&gaussian.quat, &gaussian.log_scale);
        let expected = mat_mul(&mat_mul(&transpose(&columns), &sigma), &columns);
        let projected = mean2d(0, 0.0);
        let [xx, xy, yy] = projected.cov2d;
        let [a, b, c] = projected.conic;
        assert!((xx - 0.3 - expected[0][0]).abs() < 1e-6 * xx);
        assert!((xy - expected[0][1]).abs() < 1e-6 * xx);
        assert!((yy - 0.3 - expected[1][1]).abs() < 1e-6 * yy);
        assert!((a * xx + b * xy - 1.0).abs() < 1e-12 && (b * xx + c * xy).abs() < 1e-12);
    }
}

#[test]
fn a_point_on_the_optical_axis_lands_on_the_principal_point() {
    let mut camera = small_camera();
    camera.viewmat = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let at = |mean: [f64; 3]| {
        let gaussian = Gaussian { mean, ..small_scene()[0].gaussian };
        project(&gaussian, &camera, false).map(|projected| projected.mean2d)
    };
    assert_eq!(at([0.0, 0.0, 2.0]), Some([camera.cx, camera.cy]));
    // +x is to the right, +y down.
    let right_down = [camera.cx + 0.1 * camera.fx, camera.cy + 0.2 * camera.fy];
    let found = at([0.2, 0.4, 2.0]).map(|found| [0, 1].map(|i| (found[i] - right_down[i]).abs()));
    assert!(found.is_some_and(|error| error.iter().all(|e| *e < 1e-12)));
}

#[test]
fn antialiasing_keeps_the_integral_of_a_splat_as_without_blur() {
    let camera = small_camera();
    let gaussian = Gaussian { log_scale: [-3.0, -3.3, -3.6], ..small_scene()[0].gaussian };
    let Some(projected) = project(&gaussian, &camera, true) else {
        panic!("the splat is in the middle of the image");
    };
    let [xx, xy, yy] = projected.cov2d;
    let alpha = 1.0 / (1.0 + (-gaussian.opacity_logit).exp());
    let sharp = alpha * ((xx - 0.1) * (yy - 0.1) - xy * xy).sqrt();
    let blurred = projected.opacity * (xx * yy - xy * xy).sqrt();
    assert!((blurred / sharp - 1.0).abs() < 1e-12);
}

/// SSIM straight from its definition: a full 2D window around every pixel.
fn ssim_by_definition(x: &[[f64; 3]], y: &[[f64; 3]], width: usize) -> f64 {
    let height = x.len() / width;
    let weight = |d: i64| (-(d * d) as f64 / (2.0 * 1.5 * 1.5)).exp();
    let norm: f64 = (-5..=5).map(weight).sum();
    let mut total = 0.0;
    for index in 0..x.len() * 3 {
        let (pixel, c) = (index / 3, index % 3);
        let mut sums = [0.0; 5];
        for (dy, dx) in (-5..=5).flat_map(|dy| (-5..=5).map(move |dx| (dy, dx))) {
            let (u, v) = ((pixel % width) as i64 + dx, (pixel / width) as i64 + dy);
            if !(0..width as i64).contains(&u) || !(0..height as i64).contains(&v) {
                continue;
            }
            let at = v as usize * width + u as usize;
            let (a, b) = (x[at][c], y[at][c]);
            let share = weight(dx) * weight(dy) / (norm * norm);
            let terms = [a, b, a * a, b * b, a * b];
            sums = from_fn(|i| sums[i] + share * terms[i]);
        }
        let [a, b, aa, bb, ab] = sums;
        let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03);
        total +=
            (2.0 * a * b + c1) * (2.0 * (ab - a * b) + c2) / ((a * a + b * b + c1) * (aa - a * a + bb - b * b + c2));
    }
    total / (3.0 * x.len() as f64)
}

#[test]
fn ssim_equals_its_definition_with_a_full_window() {
    let image = |offset: usize| -> Vec<[f64; 3]> {
        (0..17 * 13).map(|p| from_fn(|c| 0.5 + 0.4 * noise(offset + 3 * p + c))).collect()
    };
    let (x, y) = (image(0), image(2000));
    assert!((ssim(&x, &y, 17) - ssim_by_definition(&x, &y, 17)).abs() < 1e-12);
    // Images narrower than the window.
    assert!((ssim(&x[..24], &y[..24], 4) - ssim_by_definition(&x[..24], &y[..24], 4)).abs() < 1e-12);
}
