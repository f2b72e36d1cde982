//! A Haar transform of neighbouring rows, in which rows may weigh differently.
//!
//! A block of rows becomes a binary tree: of two neighbours `a` and `b` of weights `u` and `v`, what is stored is the
//! difference `(sqrt(u) b' - sqrt(v) a') / sqrt(u + v)`, and their mean `(sqrt(u) a' + sqrt(v) b') / sqrt(u + v)`, of
//! weight `u + v`, goes on to the next level, where leaves enter as `a' = sqrt(u) a` [de Queiroz & Chou 2016]. The
//! transform is orthonormal, so rounding its coefficients alike leaves a row with an error of variance inverse to its
//! weight. And a sum over a neighbourhood, which is what a picture shows, keeps its value even where single rows are
//! rounded to nothing.
//!
//! Departure from that paper: pairs follow the order of rows, not an octree, so that the transform needs no positions.

/// For `rows` rows: the place of each coefficient in a tree of the next power of two, numbered like a heap: place 0 is
/// the mean of all, the difference at place `h` has the differences of its halves at `2 h` and `2 h + 1`. Where the number
/// is no power of two, halves may have a place though the whole has none.
pub(crate) fn places(rows: usize) -> Vec<u32> {
    let leaves = rows.next_power_of_two();
    let mut places = Vec::with_capacity(rows);
    places.extend((rows > 0).then_some(0));
    let mut nodes = 1;
    while nodes < leaves {
        let span = leaves / nodes;
        // A difference exists if there is a row in the second half of its span.
        let exist = (0..nodes).take_while(|node| node * span + span / 2 < rows);
        places.extend(exist.map(|node| (nodes + node) as u32));
        nodes *= 2;
    }
    places
}

/// Weights of the nodes, from the leaves up.
fn pyramid(weights: &[f32]) -> Vec<Vec<f32>> {
    let mut leaves = weights.to_vec();
    leaves.resize(weights.len().next_power_of_two(), 0.0);
    let mut levels = vec![leaves];
    while let Some(last) = levels.last().filter(|last| last.len() > 1) {
        let sums = last.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        levels.push(sums);
    }
    levels
}

/// The shares of both in their mean.
fn shares(u: f32, v: f32) -> (f32, f32) {
    if v > 0.0 { ((u / (u + v)).sqrt(), (v / (u + v)).sqrt()) } else { (1.0, 0.0) }
}

/// Coefficients of rows of `width` values.
pub(crate) fn forward(values: &[f32], weights: &[f32], width: usize) -> Vec<f32> {
    let rows = weights.len();
    let levels = pyramid(weights);
    let leaves = rows.next_power_of_two();
    let mut tree = vec![0.0; leaves * width];
    let mut means: Vec<f32> = vec![0.0; leaves * width];
    for ((mean, value), weight) in means.chunks_exact_mut(width).zip(values.chunks_exact(width)).zip(weights) {
        for (mean, value) in mean.iter_mut().zip(value) {
            *mean = value * weight.sqrt();
        }
    }
    let mut nodes = leaves;
    for level in &levels[..levels.len() - 1] {
        nodes /= 2;
        for node in 0..nodes {
            let (of_a, of_b) = shares(level[2 * node], level[2 * node + 1]);
            for c in 0..width {
                let (a, b) = (means[2 * node * width + c], means[(2 * node + 1) * width + c]);
                tree[(nodes + node) * width + c] = of_a * b - of_b * a;
                means[node * width + c] = of_a * a + of_b * b;
            }
        }
    }
    if rows > 0 {
        tree[..width].copy_from_slice(&means[..width]);
    }
    places(rows).into_iter().flat_map(|place| tree[place as usize * width..][..width].to_vec()).collect()
}

/// Rows of `width` values from rounded coefficients.
pub(crate) fn inverse(coefficients: &[i32], weights: &[f32], width: usize) -> Vec<f32> {
    let rows = weights.len();
    let levels = pyramid(weights);
    let leaves = rows.next_power_of_two();
    let mut tree = vec![0.0; leaves * width];
    for (place, row) in places(rows).into_iter().zip(coefficients.chunks_exact(width)) {
        for (value, &q) in tree[place as usize * width..][..width].iter_mut().zip(row) {
            *value = q as f32;
        }
    }
    let mut means = vec![0.0; leaves * width];
    means[..width.min(tree.len())].copy_from_slice(&tree[..width.min(tree.len())]);
    let mut parent = vec![0.0; width];
    let mut nodes = 1;
    for level in levels[..levels.len() - 1].iter().rev() {
        // From the last on, so that no mean is overwritten before its turn.
        for node in (0..nodes).rev() {
            let (of_a, of_b) = shares(level[2 * node], level[2 * node + 1]);
            parent.copy_from_slice(&means[node * width..][..width]);
            let differences = &tree[(nodes + node) * width..][..width];
            let (a, b) = means[2 * node * width..][..2 * width].split_at_mut(width);
            for (((a, b), mean), difference) in a.iter_mut().zip(b).zip(&parent).zip(differences) {
                *a = of_a * mean - of_b * difference;
                *b = of_b * mean + of_a * difference;
            }
        }
        nodes *= 2;
    }
    means.truncate(rows * width);
    for (row, weight) in means.chunks_exact_mut(width).zip(weights) {
        let root = weight.sqrt();
        row.iter_mut().for_each(|value| *value /= root);
    }
    means
}

#[cfg(test)]
mod tests {
    use super::{forward, inverse, places};

    #[test]
    fn every_row_has_a_place() {
        assert_eq!(places(0), [0; 0]);
        assert_eq!(places(1), [0]);
        // Rows 0 to 4 of 8: the second half has one row, so there is no difference within it.
        assert_eq!(places(5), [0, 1, 2, 4, 5]);
        for rows in [1, 2, 3, 5, 8, 100, 257] {
            let places = places(rows);
            assert_eq!(places.len(), rows);
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            let leaves = rows.next_power_of_two() as u32;
            assert!(places.iter().all(|&place| place < leaves));
        }
    }

    #[test]
    fn rows_come_back_and_heavy_ones_more_exactly() {
        for rows in [1, 2, 3, 7, 64, 100] {
            let weights: Vec<f32> = (0..rows).map(|i| if i % 3 == 0 { 16.0 } else { 0.25 }).collect();
            let values: Vec<f32> = (0..2 * rows).map(|i| ((i * 37 % 101) as f32 - 50.0) * 3.0).collect();
            let rounded: Vec<i32> = forward(&values, &weights, 2).into_iter().map(|v| v.round() as i32).collect();
            let back = inverse(&rounded, &weights, 2);
            for (i, (value, back)) in values.iter().zip(&back).enumerate() {
                // All coefficients on the way to the root may be wrong by half.
                let most = 0.5 * (1.0 + (rows as f32).log2().ceil()) / weights[i / 2].sqrt();
                assert!((value - back).abs() <= most + 1e-2, "{rows} rows, value {i}: {value} became {back}");
            }
        }
    }
}
