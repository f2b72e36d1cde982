//! The axes along which vectors vary most: the Karhunen-Loève transform.

/// Eigenvectors of a symmetric matrix, those of the largest eigenvalues first, by Jacobi rotations.
pub(super) fn eigenvectors(matrix: &[f64], size: usize) -> Vec<Vec<f64>> {
    let mut a = matrix.to_vec();
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|k| if i == k { 1.0 } else { 0.0 }).collect()).collect();
    let norm: f64 = a.iter().map(|v| v * v).sum();
    // It converges quadratically: a matrix of a few dozen rows takes less than ten rounds.
    for _ in 0..40 {
        let off: f64 = (0..size).flat_map(|i| (0..i).map(move |k| (i, k))).map(|(i, k)| a[i * size + k].powi(2)).sum();
        if off <= 1e-20 * norm || !off.is_finite() {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                let apq = a[p * size + q];
                if apq == 0.0 {
                    continue;
                }
                let theta = (a[q * size + q] - a[p * size + p]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..size {
                    let (x, y) = (a[k * size + p], a[k * size + q]);
                    (a[k * size + p], a[k * size + q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..size {
                    let (x, y) = (a[p * size + k], a[q * size + k]);
                    (a[p * size + k], a[q * size + k]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (vectors[p][k], vectors[q][k]);
                    (vectors[p][k], vectors[q][k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&i, &k| a[k * size + k].total_cmp(&a[i * size + i]).then(i.cmp(&k)));
    order.into_iter().map(|i| vectors[i].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::eigenvectors;

    #[test]
    fn a_matrix_only_stretches_its_eigenvectors() {
        let size = 6;
        let root: Vec<f64> = (0..size * size).map(|i| ((i * 29 + 7) % 13) as f64 - 6.0).collect();
        let at = |i: usize, k: usize| (0..size).map(|j| root[i * size + j] * root[k * size + j]).sum::<f64>();
        let matrix: Vec<f64> = (0..size * size).map(|i| at(i / size, i % size)).collect();
        let mut last = f64::INFINITY;
        for vector in eigenvectors(&matrix, size) {
            let image: Vec<f64> =
                (0..size).map(|i| (0..size).map(|k| matrix[i * size + k] * vector[k]).sum()).collect();
            let stretch: f64 = image.iter().zip(&vector).map(|(a, b)| a * b).sum();
            assert!(stretch <= last + 1e-9);
            last = stretch;
            for (image, v) in image.iter().zip(&vector) {
                assert!((image - stretch * v).abs() < 1e-6);
            }
        }
    }
}
