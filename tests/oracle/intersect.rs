//! Which tiles a splat touches, and in which order splats are blended.
//!
//! A tile is hit when the ellipse on which alpha falls to 1/255 meets the box spanned by the tile's
//! pixel centres; the test is exact, so no pixel that would accept the splat is missed and no tile
//! is listed in vain.

use super::camera::Camera;
use super::project::Projected;

/// Tile width in pixels.
pub(crate) const TILE_WIDTH: usize = 8;
/// Tile height in pixels.
pub(crate) const TILE_HEIGHT: usize = 16;
/// Fainter contributions are skipped: less than one step of an 8-bit image.
pub(crate) const ALPHA_MIN: f64 = 1.0 / 255.0;

/// The exponent `q = ½ dᵀ A d` of a splat at offset `d` from its mean; `conic` is `A = (xx, xy,
/// yy)`.
pub(crate) fn exponent(conic: &[f64; 3], d: &[f64; 2]) -> f64 {
    0.5 * (conic[0] * d[0] * d[0] + 2.0 * conic[1] * d[0] * d[1] + conic[2] * d[1] * d[1])
}

/// All tiles `(column, row)` of the image that `splat` hits, row by row.
pub(crate) fn tiles_hit(splat: &Projected, camera: &Camera) -> Vec<(usize, usize)> {
    let tau = (splat.opacity / ALPHA_MIN).ln();
    let columns = camera.width.div_ceil(TILE_WIDTH);
    let rows = camera.height.div_ceil(TILE_HEIGHT);
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (column, row)))
        .filter(|&(column, row)| min_exponent(&splat.conic, &splat.mean2d, &tile_box(column, row)) <= tau)
        .collect()
}

/// Lower and upper corner of the box spanned by a tile's pixel centres.
pub(crate) fn tile_box(column: usize, row: usize) -> [[f64; 2]; 2] {
    let (left, top) = ((column * TILE_WIDTH) as f64, (row * TILE_HEIGHT) as f64);
    let (right, bottom) = (left + TILE_WIDTH as f64, top + TILE_HEIGHT as f64);
    [[left + 0.5, top + 0.5], [right - 0.5, bottom - 0.5]]
}

/// The least exponent over a box. `q` is convex with its minimum 0 at the mean, so unless the box
/// contains the mean the least value lies on an edge, where `q` is a parabola in one variable.
fn min_exponent(conic: &[f64; 3], mean: &[f64; 2], [low, high]: &[[f64; 2]; 2]) -> f64 {
    let inside = (0..2).all(|axis| low[axis] <= mean[axis] && mean[axis] <= high[axis]);
    if inside {
        return 0.0;
    }
    let [xx, xy, yy] = *conic;
    let mut least = f64::INFINITY;
    for x in [low[0], high[0]] {
        let dx = x - mean[0];
        let dy = (-xy / yy * dx).clamp(low[1] - mean[1], high[1] - mean[1]);
        least = least.min(exponent(conic, &[dx, dy]));
    }
    for y in [low[1], high[1]] {
        let dy = y - mean[1];
        let dx = (-xy / xx * dy).clamp(low[0] - mean[0], high[0] - mean[0]);
        least = least.min(exponent(conic, &[dx, dy]));
    }
    least
}

/// The 24-bit sorting key of a depth: positive floats sort like their bit patterns, and the low
/// five bits are beyond the accuracy of a projected depth anyway.
pub(crate) fn depth_key(depth: f64, near: f64) -> u32 {
    let above_near = (depth as f32).to_bits().saturating_sub((near as f32).to_bits());
    above_near.min((1 << 29) - 1) >> 5
}

/// Indices in blending order: near to far by [`depth_key`], equal keys in index order.
pub(crate) fn depth_order(depths: impl Iterator<Item = f64>, near: f64) -> Vec<usize> {
    let keys: Vec<u32> = depths.map(|depth| depth_key(depth, near)).collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&index| (keys[index], index));
    order
}
