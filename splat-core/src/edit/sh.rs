//! Real spherical harmonics of degrees 1 to 3, turned exactly.
//!
//! A function on the sphere that is turned by R has the values f(Rᵀ d), and its coefficients are integrals against
//! the orthonormal basis: c'ⱼ = Σₖ cₖ ∫ Yⱼ(d) Yₖ(Rᵀ d) dd. The integrands are polynomials of degree 6 at most, for
//! which the quadrature below is exact. Degrees do not mix.

use std::ops::Range;

use glam::{DMat3, DQuat, DVec3};

/// Coefficients per channel beyond the constant one, at degree 3.
const ROWS: usize = 15;
/// The coefficients of each degree.
const DEGREES: [Range<usize>; 3] = [0..3, 3..8, 8..15];

/// Positive nodes and weights of the Gauss–Legendre rule with four nodes, exact up to degree 7.
const GAUSS: [(f64, f64); 2] =
    [(0.339_981_043_584_856_26, 0.652_145_154_862_546_1), (0.861_136_311_594_052_6, 0.347_854_845_137_453_85)];
/// Evenly spaced azimuths: more than the degree, so that waves around the axis cancel.
const AZIMUTHS: usize = 7;

/// The basis functions of degrees 1 to 3 of a unit direction, in the order and with the signs of every splat format;
/// the same as `shaders/common/sh.wgsl`.
pub(super) fn basis(DVec3 { x, y, z }: DVec3) -> [f64; ROWS] {
    const C1: f64 = 0.488_602_511_902_919_9;
    const C2: [f64; 3] = [1.092_548_430_592_079_2, 0.315_391_565_252_520_05, 0.546_274_215_296_039_6];
    const C3: [f64; 5] = [
        0.590_043_589_926_643_5,
        2.890_611_442_640_554,
        0.457_045_799_464_465_8,
        0.373_176_332_590_115_4,
        1.445_305_721_320_277,
    ];
    let (xx, yy, zz) = (x * x, y * y, z * z);
    [
        -C1 * y,
        C1 * z,
        -C1 * x,
        C2[0] * x * y,
        -C2[0] * y * z,
        C2[1] * (2.0 * zz - xx - yy),
        -C2[0] * x * z,
        C2[2] * (xx - yy),
        -C3[0] * y * (3.0 * xx - yy),
        C3[1] * x * y * z,
        -C3[2] * y * (4.0 * zz - xx - yy),
        C3[3] * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
        -C3[2] * x * (4.0 * zz - xx - yy),
        C3[4] * z * (xx - yy),
        -C3[0] * x * (xx - 3.0 * yy),
    ]
}

/// Directions and weights that integrate polynomials of degree 6 over the sphere.
fn quadrature() -> impl Iterator<Item = (DVec3, f64)> {
    let heights = GAUSS.into_iter().flat_map(|(z, weight)| [(z, weight), (-z, weight)]);
    heights.flat_map(|(z, weight)| {
        let radius = (1.0 - z * z).sqrt();
        (0..AZIMUTHS).map(move |index| {
            let step = std::f64::consts::TAU / AZIMUTHS as f64;
            let (sin, cos) = (index as f64 * step).sin_cos();
            (DVec3::new(radius * cos, radius * sin, z), weight * step)
        })
    })
}

/// What a rotation does to coefficients.
pub(super) struct ShRotation {
    /// Row `j` has the shares of the old coefficients in the new one `j`; zero between different degrees.
    matrix: [[f64; ROWS]; ROWS],
}

impl ShRotation {
    pub(super) fn new(rotation: DQuat) -> Self {
        let back = DMat3::from_quat(rotation).transpose();
        let mut matrix = [[0.0; ROWS]; ROWS];
        for (direction, weight) in quadrature() {
            let (here, before) = (basis(direction), basis(back * direction));
            for degree in DEGREES {
                for j in degree.clone() {
                    for k in degree.clone() {
                        matrix[j][k] += weight * here[j] * before[k];
                    }
                }
            }
        }
        ShRotation { matrix }
    }

    /// Turns the coefficients of one splat: R0 G0 B0 R1 .., of complete degrees.
    pub(super) fn turn(&self, coefficients: &mut [f32]) {
        let mut old = [[0.0; 3]; ROWS];
        let (triples, _) = coefficients.as_chunks_mut::<3>();
        for (old, triple) in old.iter_mut().zip(&*triples) {
            *old = triple.map(f64::from);
        }
        for degree in DEGREES {
            for (triple, shares) in triples.iter_mut().zip(&self.matrix).take(degree.end).skip(degree.start) {
                let mut sum = [0.0; 3];
                for (share, old) in shares[degree.clone()].iter().zip(&old[degree.clone()]) {
                    for (sum, old) in sum.iter_mut().zip(old) {
                        *sum += share * old;
                    }
                }
                *triple = sum.map(|value| value as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, ShRotation, basis, quadrature};
    use glam::{DQuat, DVec3};

    /// Were the basis not orthonormal, or the quadrature not exact, the rotation would be neither.
    #[test]
    fn the_basis_is_orthonormal_under_the_quadrature() {
        for j in 0..ROWS {
            for k in 0..ROWS {
                let product: f64 =
                    quadrature().map(|(direction, weight)| weight * basis(direction)[j] * basis(direction)[k]).sum();
                assert!((product - f64::from(j == k)).abs() < 1e-14, "{j} {k}: {product}");
            }
        }
    }

    #[test]
    fn rotations_keep_lengths_and_do_not_mix_degrees() {
        let rotation = ShRotation::new(DQuat::from_euler(glam::EulerRot::XYZ, 0.4, -1.9, 2.7));
        for j in 0..ROWS {
            for k in 0..ROWS {
                let product: f64 = (0..ROWS).map(|i| rotation.matrix[j][i] * rotation.matrix[k][i]).sum();
                assert!((product - f64::from(j == k)).abs() < 1e-13, "{j} {k}: {product}");
                let degree = |row: usize| ((row + 1) as f64).sqrt() as usize;
                assert!(degree(j) == degree(k) || rotation.matrix[j][k] == 0.0);
            }
        }
    }

    #[test]
    fn a_turned_function_has_the_old_values_in_turned_directions() {
        let turn = DQuat::from_axis_angle(DVec3::new(1.0, -2.0, 0.5).normalize(), 1.234);
        let rotation = ShRotation::new(turn);
        let before: Vec<f32> = (0..3 * ROWS).map(|index| (index as f32 * 1.7).sin()).collect();
        let mut after = before.clone();
        rotation.turn(&mut after);
        let value = |coefficients: &[f32], direction: DVec3, channel: usize| -> f64 {
            let basis = basis(direction);
            (0..ROWS).map(|k| basis[k] * f64::from(coefficients[3 * k + channel])).sum()
        };
        for index in 0..50 {
            let t = f64::from(index);
            let direction = DVec3::new(t.sin(), (2.3 * t).cos(), (0.7 * t).sin() - 0.1).normalize();
            for channel in 0..3 {
                let (old, new) = (value(&before, direction, channel), value(&after, turn * direction, channel));
                assert!((old - new).abs() < 2e-6, "{old} {new}");
            }
        }
    }
}
