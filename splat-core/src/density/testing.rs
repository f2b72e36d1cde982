//! Small populations for the density tests, and the CPU version of applying an edit.

use super::rng::Rng;
use super::{RowEdit, Rows, Scores};

/// An owned population with scores.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Splats {
    pub(crate) means: Vec<f32>,
    pub(crate) quats: Vec<f32>,
    pub(crate) log_scales: Vec<f32>,
    pub(crate) opacity_logits: Vec<f32>,
    pub(crate) grad: Vec<f32>,
    pub(crate) abs_grad: Vec<f32>,
    pub(crate) count: Vec<u32>,
    pub(crate) influence: Vec<f32>,
}

impl Splats {
    /// `n` sound splats: scales from e⁻⁵ to e⁻³, opacities from 0.12 to 0.88, scores from 0 to 1e-3
    /// per view, 4 views, and an influence from 0 to 1e-3.
    pub(crate) fn scattered(n: usize) -> Self {
        let rng = Rng::new(42, 0);
        let values = |width: usize, lane: u32, low: f64, high: f64| -> Vec<f32> {
            let value = |i: usize| low + (high - low) * rng.uniform(i, lane);
            (0..n * width).map(|i| value(i) as f32).collect()
        };
        Self {
            means: values(3, 0, -1.0, 1.0),
            quats: values(4, 1, -1.0, 1.0),
            log_scales: values(3, 2, -5.0, -3.0),
            opacity_logits: values(1, 3, -2.0, 2.0),
            grad: values(1, 4, 0.0, 4e-3),
            abs_grad: values(1, 5, 0.0, 4e-3),
            count: vec![4; n],
            influence: values(1, 6, 0.0, 1e-3),
        }
    }

    /// The same with every opacity at `logit`.
    pub(crate) fn with_opacity_logit(mut self, logit: f32) -> Self {
        self.opacity_logits.fill(logit);
        self
    }

    /// The same with every score at `per_view`.
    pub(crate) fn with_scores(mut self, per_view: f32) -> Self {
        self.grad.fill(4.0 * per_view);
        self.abs_grad.fill(4.0 * per_view);
        self
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows {
            means: &self.means,
            quats: &self.quats,
            log_scales: &self.log_scales,
            opacity_logits: &self.opacity_logits,
        }
    }

    pub(crate) fn scores(&self) -> Scores<'_> {
        Scores { grad: &self.grad, abs_grad: &self.abs_grad, count: &self.count, influence: &self.influence }
    }

    pub(crate) fn len(&self) -> usize {
        self.opacity_logits.len()
    }

    pub(crate) fn opacity(&self, row: usize) -> f64 {
        1.0 / (1.0 + (-f64::from(self.opacity_logits[row])).exp())
    }

    pub(crate) fn mean(&self, row: usize) -> [f32; 3] {
        self.means.as_chunks().0[row]
    }

    /// The population after `edit`, which must be valid; scores travel along.
    pub(crate) fn apply(&self, edit: &RowEdit) -> Self {
        assert!(edit.is_valid(self.len(), super::column_width));
        assert!(edit.writes.iter().all(|write| write.values.iter().all(|value| value.is_finite())));
        let gather = |column: &[f32], width: usize| -> Vec<f32> {
            let row = |&src: &u32| &column[src as usize * width..][..width];
            edit.src.iter().flat_map(row).copied().collect()
        };
        let mut splats = Self {
            means: gather(&self.means, 3),
            quats: gather(&self.quats, 4),
            log_scales: gather(&self.log_scales, 3),
            opacity_logits: gather(&self.opacity_logits, 1),
            grad: gather(&self.grad, 1),
            abs_grad: gather(&self.abs_grad, 1),
            count: edit.src.iter().map(|&src| self.count[src as usize]).collect(),
            influence: gather(&self.influence, 1),
        };
        for write in &edit.writes {
            let (column, width) = match write.column {
                "means" => (&mut splats.means, 3),
                "quats" => (&mut splats.quats, 4),
                "log_scales" => (&mut splats.log_scales, 3),
                _ => (&mut splats.opacity_logits, 1),
            };
            for (&row, values) in write.rows.iter().zip(write.values.chunks_exact(width)) {
                column[row as usize * width..][..width].copy_from_slice(values);
            }
        }
        splats
    }
}
