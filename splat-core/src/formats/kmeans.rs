//! Clustering of rows of numbers on the host, for the palettes and codebooks of compressed formats.
//!
//! With tens of thousands of clusters and not many more rows than that, comparing every row with every centre is out of
//! the question. Clusters start as the leaves of a tree of halvings ([`bisect`]); every round of k-means then compares
//! a row only with the neighbours of the centre it has [Wang 2012], which [`Graph`] knows. The result depends on the
//! rows and their order alone: threads take whole pieces of work, and every sum has a fixed order.

mod bisect;
mod cells;
mod graph;
mod line;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;
use crate::parallel::in_parallel;
use crate::scene::io::ply::OnProgress;

pub(super) use graph::Finder;
use graph::Graph;
pub(super) use line::{Codebook, Histogram};

/// Rows are padded with zeros to a multiple of this many values, so that sums run in as many lanes.
const LANES: usize = 8;
/// Centres that a row is compared with besides its own. More find better ones, in proportional time.
const NEIGHBOURS: usize = 24;
/// Rows that a thread takes at a time.
const ROWS_AT_A_TIME: usize = 1 << 10;

/// Rows of equally many numbers, each with a weight.
pub(super) struct Rows {
    /// Values per row, as the caller sees it.
    pub(super) width: usize,
    stride: usize,
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Rows {
    /// No rows yet.
    pub(super) fn new(width: usize) -> Self {
        Rows { width, stride: width.next_multiple_of(LANES), values: Vec::new(), weights: Vec::new() }
    }

    /// Adds a row. What is not finite counts as zero, and weights are kept where sums and quotients of them exist.
    pub(super) fn push(&mut self, row: &[f32], weight: f32) {
        let finite = row.iter().take(self.width).map(|&value| if value.is_finite() { value } else { 0.0 });
        self.values.extend(finite);
        self.weights.push(if weight.is_nan() { 1.0 } else { weight.clamp(1e-12, 1e12) });
        self.values.resize(self.weights.len() * self.stride, 0.0);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    /// The values of a row, without padding.
    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.padded(index)[..self.width]
    }

    fn padded(&self, index: usize) -> &[f32] {
        &self.values[index * self.stride..][..self.stride]
    }

    /// Weighted mean of some rows.
    fn mean(&self, members: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.stride];
        let mut mass = 0.0;
        for &member in members {
            let weight = f64::from(self.weights[member as usize]);
            mass += weight;
            for (sum, &value) in sums.iter_mut().zip(self.padded(member as usize)) {
                *sum += weight * f64::from(value);
            }
        }
        sums.into_iter().map(|sum| (sum / mass) as f32).collect()
    }
}

/// Squared distance of two padded rows.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            lanes[lane] += difference * difference;
        }
    }
    sum(lanes)
}

/// Inner product of two padded rows.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    sum(lanes)
}

/// The sum of all lanes, in pairs: one after the other would take longer than what was added up before.
fn sum([a, b, c, d, e, f, g, h]: [f32; LANES]) -> f32 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Rows in clusters.
pub(super) struct Clusters {
    /// Mean of each cluster, with the weight of its rows.
    pub(super) centres: Rows,
    /// The cluster of each row.
    pub(super) labels: Vec<u32>,
    /// Mean squared difference of a value from its centre.
    pub(super) error: f64,
    graph: Graph,
}

impl Clusters {
    /// To find the clusters of other rows.
    pub(super) fn finder(&self, threads: usize) -> Finder<'_> {
        Finder::new(&self.centres, &self.graph, threads)
    }
}

/// Groups rows into at most `most` clusters by as many rounds of k-means; fewer clusters where rows are equal.
///
/// # Errors
/// What `progress` returns.
pub(super) fn cluster(
    rows: &Rows,
    most: usize,
    rounds: u32,
    threads: usize,
    progress: OnProgress<'_>,
) -> Result<Clusters> {
    /// Share of the time that the tree takes.
    const TREE: f64 = 0.2;
    let leaves = bisect::partition(rows, most, threads, &mut |share| progress(TREE * share))?;
    let mut clustering = Clustering {
        rows,
        labels: vec![0; rows.len()],
        errors: vec![0.0; rows.len()],
        centres: Rows::new(rows.width),
        threads,
    };
    for (label, leaf) in leaves.iter().enumerate() {
        for &row in leaf {
            clustering.labels[row as usize] = label as u32;
        }
    }
    clustering.update(leaves.len());
    let each = NEIGHBOURS.min(leaves.len().saturating_sub(1));
    let mut graph = Graph::new(&clustering.centres, each, threads);
    for round in 0..rounds {
        graph.refine(&clustering.centres, threads);
        let moved = clustering.assign(&graph);
        clustering.update(leaves.len());
        progress(TREE + (1.0 - TREE) * f64::from(round + 1) / f64::from(rounds))?;
        if moved == 0 {
            break;
        }
    }
    let Clustering { centres, labels, .. } = clustering;
    let far = |(row, &label): (usize, &u32)| f64::from(distance(rows.padded(row), centres.padded(label as usize)));
    let error = labels.iter().enumerate().map(far).sum::<f64>() / (labels.len() * rows.width).max(1) as f64;
    Ok(Clusters { centres, labels, error, graph })
}

struct Clustering<'a> {
    rows: &'a Rows,
    labels: Vec<u32>,
    /// Weighted squared distance of each row from the centre it was given to.
    errors: Vec<f32>,
    centres: Rows,
    threads: usize,
}

impl Clustering<'_> {
    /// Gives each row to the nearest among the neighbours of its centre; how many went elsewhere.
    fn assign(&mut self, graph: &Graph) -> usize {
        let (rows, centres) = (self.rows, &self.centres);
        let moved = AtomicUsize::new(0);
        let pieces = self.labels.chunks_mut(ROWS_AT_A_TIME).zip(self.errors.chunks_mut(ROWS_AT_A_TIME)).enumerate();
        in_parallel(self.threads, pieces, |(piece, (labels, errors))| {
            for (index, (label, error)) in labels.iter_mut().zip(errors).enumerate() {
                let row = piece * ROWS_AT_A_TIME + index;
                let values = rows.padded(row);
                let own = *label;
                let mut best = distance(values, centres.padded(own as usize));
                for &other in graph.of(own) {
                    let far = distance(values, centres.padded(other as usize));
                    if far < best {
                        (best, *label) = (far, other);
                    }
                }
                *error = best * rows.weights[row];
                moved.fetch_add(usize::from(*label != own), Ordering::Relaxed);
            }
        });
        moved.into_inner()
    }

    /// Moves centres to the means of their rows. A cluster that lost its last row gets the worst placed row of all.
    fn update(&mut self, count: usize) {
        let mut members = vec![0_u32; count];
        for &label in &self.labels {
            members[label as usize] += 1;
        }
        let mut empty: Vec<u32> = (0..count as u32).filter(|&label| members[label as usize] == 0).collect();
        if !empty.is_empty() {
            let mut worst: Vec<u32> =
                (0..self.rows.len() as u32).filter(|&row| self.errors[row as usize] > 0.0).collect();
            let key = |&row: &u32| (std::cmp::Reverse(self.errors[row as usize].to_bits()), row);
            worst.sort_unstable_by_key(key);
            for row in worst {
                let from = self.labels[row as usize] as usize;
                if members[from] > 1
                    && let Some(label) = empty.pop()
                {
                    members[from] -= 1;
                    members[label as usize] += 1;
                    self.labels[row as usize] = label;
                }
            }
        }
        let stride = self.rows.stride;
        let mut sums = vec![0.0_f64; count * stride];
        let mut masses = vec![0.0_f64; count];
        for (row, &label) in self.labels.iter().enumerate() {
            let weight = f64::from(self.rows.weights[row]);
            masses[label as usize] += weight;
            let sums = &mut sums[label as usize * stride..][..stride];
            for (sum, &value) in sums.iter_mut().zip(self.rows.padded(row)) {
                *sum += weight * f64::from(value);
            }
        }
        let before = std::mem::replace(&mut self.centres, Rows::new(self.rows.width));
        for (label, (sums, &mass)) in sums.chunks_exact(stride).zip(&masses).enumerate() {
            // A cluster stays empty only when all other rows are where their centres are.
            let mean: Vec<f32> = match mass > 0.0 {
                true => sums.iter().map(|sum| (sum / mass) as f32).collect(),
                false => before.padded(label).to_vec(),
            };
            self.centres.push(&mean, mass as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clusters, Rows, cluster, distance};

    /// Numbers that look random, the same on every run.
    fn noise(count: usize) -> impl Iterator<Item = f32> {
        let mut state = 0x1234_5678_9abc_def1_u64;
        (0..count).map(move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        })
    }

    fn random(count: usize, width: usize) -> Rows {
        let mut rows = Rows::new(width);
        let values: Vec<f32> = noise(count * width).collect();
        values.chunks_exact(width).for_each(|row| rows.push(row, 1.0));
        rows
    }

    fn run(rows: &Rows, most: usize, rounds: u32, threads: usize) -> Clusters {
        cluster(rows, most, rounds, threads, &mut |_| Ok(())).unwrap()
    }

    fn error(rows: &Rows, clusters: &Clusters) -> f64 {
        let far = |(row, &label): (usize, &u32)| {
            distance(rows.padded(row), clusters.centres.padded(label as usize)) * rows.weights[row]
        };
        clusters.labels.iter().enumerate().map(far).map(f64::from).sum()
    }

    #[test]
    fn separate_heaps_are_found() {
        let mut rows = Rows::new(3);
        let jitter: Vec<f32> = noise(600).collect();
        for (row, jitter) in jitter.chunks_exact(3).enumerate() {
            let heap = (row % 20) as f32;
            rows.push(&[10.0 * heap + jitter[0], -7.0 * heap + jitter[1], jitter[2]], 1.0);
        }
        let clusters = run(&rows, 20, 5, 2);
        assert_eq!(clusters.centres.len(), 20);
        for row in 0..rows.len() {
            assert_eq!(clusters.labels[row], clusters.labels[row % 20], "row {row}");
        }
        assert!(error(&rows, &clusters) < 0.25 * 3.0 * 200.0);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let rows = random(5000, 9);
        let [one, five] = [1, 5].map(|threads| run(&rows, 512, 3, threads));
        assert_eq!(one.labels, five.labels);
        assert_eq!(one.centres.values, five.centres.values);
    }

    /// Rounds must pay, and end near what comparing every row with every centre would reach.
    #[test]
    fn rounds_lower_the_error_and_leave_few_rows_with_a_wrong_centre() {
        let rows = random(6000, 9);
        let [tree, rounds] = [0, 8].map(|rounds| run(&rows, 1024, rounds, 2));
        let (before, after) = (error(&rows, &tree), error(&rows, &rounds));
        assert!(after < 0.93 * before, "{before} to {after}");
        let exact: f64 = (0..rows.len())
            .map(|row| {
                let far = |centre| distance(rows.padded(row), rounds.centres.padded(centre));
                f64::from((0..rounds.centres.len()).map(far).fold(f32::INFINITY, f32::min))
            })
            .sum();
        assert!(after < 1.02 * exact, "{after}, not {exact}");
    }

    #[test]
    fn weights_pull_and_equal_rows_share_a_cluster() {
        let mut rows = Rows::new(1);
        for (value, weight) in [(0.0, 1.0), (1.0, 3.0), (100.0, 1.0), (100.0, 1.0), (f32::NAN, f32::NAN)] {
            rows.push(&[value], weight);
        }
        let two = run(&rows, 2, 3, 1);
        assert_eq!(two.labels[0], two.labels[1]);
        let mean = two.centres.row(two.labels[0] as usize)[0];
        assert!((mean - 0.6).abs() < 1e-6, "{mean}");
        let all = run(&rows, 5, 3, 1);
        assert_eq!(all.centres.len(), 3);
        assert_eq!(error(&rows, &all), 0.0);
    }
}
