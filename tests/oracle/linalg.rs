//! Just enough linear algebra on plain arrays; matrices are arrays of rows.

use std::array::from_fn;

/// A row-major matrix with `M` rows and `N` columns.
pub(crate) type Mat<const M: usize, const N: usize> = [[f64; N]; M];

/// Inner product `a · b`.
pub(crate) fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    (0..N).map(|i| a[i] * b[i]).sum()
}

/// Sum `a + b`.
pub(crate) fn add<const N: usize>(a: &[f64; N], b: &[f64; N]) -> [f64; N] {
    from_fn(|i| a[i] + b[i])
}

/// Sum `a + b` of two matrices.
pub(crate) fn mat_add<const M: usize, const N: usize>(a: &Mat<M, N>, b: &Mat<M, N>) -> Mat<M, N> {
    from_fn(|i| add(&a[i], &b[i]))
}

/// The matrix `factor · a`.
pub(crate) fn mat_scale<const M: usize, const N: usize>(factor: f64, a: &Mat<M, N>) -> Mat<M, N> {
    a.map(|row| row.map(|value| factor * value))
}

/// Matrix product `a b`.
pub(crate) fn mat_mul<const M: usize, const K: usize, const N: usize>(a: &Mat<M, K>, b: &Mat<K, N>) -> Mat<M, N> {
    from_fn(|i| from_fn(|j| (0..K).map(|k| a[i][k] * b[k][j]).sum()))
}

/// Matrix times column vector, `a v`.
pub(crate) fn mat_vec<const M: usize, const N: usize>(a: &Mat<M, N>, v: &[f64; N]) -> [f64; M] {
    from_fn(|i| dot(&a[i], v))
}

/// The transpose `aᵀ`.
pub(crate) fn transpose<const M: usize, const N: usize>(a: &Mat<M, N>) -> Mat<N, M> {
    from_fn(|i| from_fn(|j| a[j][i]))
}

/// Determinant of a 2×2 matrix.
pub(crate) fn det2(a: &Mat<2, 2>) -> f64 {
    a[0][0] * a[1][1] - a[0][1] * a[1][0]
}

/// `v / |v|`.
pub(crate) fn normalize<const N: usize>(v: &[f64; N]) -> [f64; N] {
    let norm = dot(v, v).sqrt();
    v.map(|value| value / norm)
}

/// Gradient of [`normalize`]: the part of `grad_unit` orthogonal to `v`, divided by `|v|`.
pub(crate) fn normalize_bwd<const N: usize>(v: &[f64; N], grad_unit: &[f64; N]) -> [f64; N] {
    let norm = dot(v, v).sqrt();
    let unit = v.map(|value| value / norm);
    let radial = dot(&unit, grad_unit);
    from_fn(|i| (grad_unit[i] - radial * unit[i]) / norm)
}
