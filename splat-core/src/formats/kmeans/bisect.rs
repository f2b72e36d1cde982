//! Clusters by halving again and again: always those whose halves differ most, across the direction in which their rows
//! are spread widest.

use super::{Rows, distance, dot};
use crate::error::Result;
use crate::parallel::in_parallel;
use crate::scene::io::ply::OnProgress;

/// Rows that the direction of a cut is found from.
const SAMPLE: usize = 1 << 10;
/// Steps of the power iteration. The direction need not be exact: rounds of k-means follow.
const POWER_STEPS: usize = 4;

struct Leaf {
    /// Its rows; once measured, in the order along the direction of the cut.
    rows: Vec<u32>,
    cut: Option<Cut>,
}

struct Cut {
    /// How many of the rows are on the first side.
    first: usize,
    /// By how much the cut lowers the squared error; zero where there is nothing to cut.
    gain: f64,
}

/// Divides all rows into at most `most` parts, none of them empty.
///
/// # Errors
/// What `progress` returns.
pub(super) fn partition(rows: &Rows, most: usize, threads: usize, progress: OnProgress<'_>) -> Result<Vec<Vec<u32>>> {
    let mut leaves = vec![Leaf { rows: (0..rows.len() as u32).collect(), cut: None }];
    loop {
        let fresh = leaves.iter_mut().filter(|leaf| leaf.cut.is_none());
        in_parallel(threads, fresh, |leaf| leaf.cut = Some(leaf.measure(rows)));
        // Error and leaves go down and up by about the same factor, so the logarithm tells how far it is.
        progress((leaves.len() as f64).ln() / (most.max(2) as f64).ln())?;
        let gain = |leaf: usize| leaves[leaf].cut.as_ref().map_or(0.0, |cut| cut.gain);
        let mut best: Vec<usize> = (0..leaves.len()).filter(|&leaf| gain(leaf) > 0.0).collect();
        best.sort_unstable_by(|&a, &b| gain(b).total_cmp(&gain(a)).then(a.cmp(&b)));
        // The better half at once: nearly as good as one after the other, and work for all threads.
        best.truncate(best.len().div_ceil(2).min(most.saturating_sub(leaves.len())));
        if best.is_empty() {
            return Ok(leaves.into_iter().map(|leaf| leaf.rows).filter(|rows| !rows.is_empty()).collect());
        }
        for leaf in best {
            if let Some(cut) = leaves[leaf].cut.take() {
                let second = leaves[leaf].rows.split_off(cut.first);
                leaves.push(Leaf { rows: second, cut: None });
            }
        }
    }
}

impl Leaf {
    /// Finds the best cut across the widest direction, and puts the rows in their order along it.
    fn measure(&mut self, rows: &Rows) -> Cut {
        let nothing = Cut { first: 0, gain: 0.0 };
        if self.rows.len() < 2 {
            return nothing;
        }
        let Some((centre, direction)) = self.direction(rows) else {
            return nothing;
        };
        let origin = dot(&centre, &direction);
        let place = |&row: &u32| (dot(rows.padded(row as usize), &direction) - origin, row);
        let mut along: Vec<(f32, u32)> = self.rows.iter().map(place).collect();
        along.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.rows.clear();
        self.rows.extend(along.iter().map(|&(_, row)| row));
        let weight = |row: u32| f64::from(rows.weights[row as usize]);
        let (mut mass, mut sum) = (0.0, 0.0);
        for &(at, row) in &along {
            mass += weight(row);
            sum += weight(row) * f64::from(at);
        }
        let mut best = nothing;
        let (mut first_mass, mut first_sum) = (0.0, 0.0);
        for (index, pair) in along.windows(2).enumerate() {
            first_mass += weight(pair[0].1);
            first_sum += weight(pair[0].1) * f64::from(pair[0].0);
            let second_mass = mass - first_mass;
            if pair[0].0 < pair[1].0 && second_mass > 0.0 {
                let apart = first_sum / first_mass - (sum - first_sum) / second_mass;
                let gain = first_mass * second_mass / mass * apart * apart;
                if gain > best.gain {
                    best = Cut { first: index + 1, gain };
                }
            }
        }
        best
    }

    /// A point among the rows and about the direction in which they vary most; none if they are all equal.
    fn direction(&self, rows: &Rows) -> Option<(Vec<f32>, Vec<f32>)> {
        let sample: Vec<u32> = self.rows.iter().copied().step_by(self.rows.len().div_ceil(SAMPLE)).collect();
        let centre = rows.mean(&sample);
        let far = |row: u32| distance(rows.padded(row as usize), &centre);
        let (mut farthest, mut most) = (0, 0.0);
        for &row in &self.rows {
            let far = far(row);
            if far > most {
                (farthest, most) = (row, far);
            }
        }
        let offset = |row: u32| rows.padded(row as usize).iter().zip(&centre).map(|(value, centre)| value - centre);
        let mut direction = unit(offset(farthest).collect())?;
        for _ in 0..POWER_STEPS {
            let mut next = vec![0.0_f32; direction.len()];
            for &row in &sample {
                let along = dot(rows.padded(row as usize), &direction) - dot(&centre, &direction);
                let share = along * rows.weights[row as usize];
                next.iter_mut().zip(offset(row)).for_each(|(next, offset)| *next += share * offset);
            }
            match unit(next) {
                Some(next) => direction = next,
                None => break,
            }
        }
        Some((centre, direction))
    }
}

/// The vector at length 1; none if it has no direction.
fn unit(vector: Vec<f32>) -> Option<Vec<f32>> {
    let square: f64 = vector.iter().map(|&value| f64::from(value).powi(2)).sum();
    let scale = square.sqrt().recip();
    (square > 0.0 && scale.is_finite()).then(|| vector.into_iter().map(|v| (f64::from(v) * scale) as f32).collect())
}
