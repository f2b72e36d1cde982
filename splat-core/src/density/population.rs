//! A population in the middle of an edit: where each row came from and what its values are by now.
//!
//! Density rules copy, overwrite, change and remove rows here; [`Population::finish`] compares the
//! outcome with the original and states the difference as a [`RowEdit`].

use super::{COLUMNS, ColumnWrite, LOG_SCALES, MEANS, OPACITY_LOGITS, RowEdit, Rows};

/// Logits this far from zero are within 1e-13 of opacity 0 or 1; beyond, f32 training cannot bring
/// them back.
const MAX_LOGIT: f64 = 30.0;

/// Rows under construction, each a possibly changed copy of an original row.
pub(super) struct Population<'a> {
    original: &'a Rows<'a>,
    src: Vec<u32>,
    fresh: Vec<bool>,
    means: Vec<[f32; 3]>,
    log_scales: Vec<[f32; 3]>,
    opacity_logits: Vec<f32>,
}

impl<'a> Population<'a> {
    /// The original rows, unchanged.
    pub(super) fn new(original: &'a Rows<'a>) -> Self {
        let n = original.len();
        let RowEdit { src, fresh, .. } = RowEdit::identity(n);
        Self {
            original,
            src,
            fresh,
            means: original.means.as_chunks().0.to_vec(),
            log_scales: original.log_scales.as_chunks().0.to_vec(),
            opacity_logits: original.opacity_logits.to_vec(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.src.len()
    }

    /// Whether every stored number is finite and the activated ones are usable: such a row can be
    /// seen and trained.
    pub(super) fn is_sound(&self, row: usize) -> bool {
        let quat = self.quat(row);
        let norm2: f64 = quat.iter().map(|q| q * q).sum();
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        finite(&self.means[row])
            && finite(&self.log_scales[row])
            && self.opacity_logits[row].is_finite()
            && (self.max_scale(row) as f32).is_finite()
            && norm2.is_finite()
            && norm2 > 0.0
    }

    /// Opacity in 0..=1.
    pub(super) fn opacity(&self, row: usize) -> f64 {
        1.0 / (1.0 + (-f64::from(self.opacity_logits[row])).exp())
    }

    pub(super) fn set_opacity(&mut self, row: usize, opacity: f64) {
        let logit = (opacity / (1.0 - opacity)).ln();
        self.opacity_logits[row] = logit.clamp(-MAX_LOGIT, MAX_LOGIT) as f32;
    }

    /// Standard deviations along the splat's own axes.
    pub(super) fn scales(&self, row: usize) -> [f64; 3] {
        self.log_scales[row].map(|log_scale| f64::from(log_scale).exp())
    }

    pub(super) fn max_scale(&self, row: usize) -> f64 {
        self.scales(row).into_iter().fold(0.0, f64::max)
    }

    /// Multiplies the standard deviations.
    pub(super) fn scale_by(&mut self, row: usize, factors: [f64; 3]) {
        for (log_scale, factor) in self.log_scales[row].iter_mut().zip(factors) {
            *log_scale = (f64::from(*log_scale) + factor.ln()) as f32;
        }
    }

    /// Moves the centre by an offset given along the splat's own axes.
    pub(super) fn shift(&mut self, row: usize, offset_in_splat: [f64; 3]) {
        let axes = self.axes(row);
        for (mean, axis) in self.means[row].iter_mut().zip(axes) {
            let offset: f64 = axis.iter().zip(offset_in_splat).map(|(a, o)| a * o).sum();
            *mean = (f64::from(*mean) + offset) as f32;
        }
    }

    /// Appends a copy of `row` with fresh moments and returns where it is.
    pub(super) fn duplicate(&mut self, row: usize) -> usize {
        self.src.push(self.src[row]);
        self.fresh.push(true);
        self.means.push(self.means[row]);
        self.log_scales.push(self.log_scales[row]);
        self.opacity_logits.push(self.opacity_logits[row]);
        self.len() - 1
    }

    /// Makes `row` a copy of `from` with fresh moments.
    pub(super) fn overwrite(&mut self, row: usize, from: usize) {
        self.src[row] = self.src[from];
        self.fresh[row] = true;
        self.means[row] = self.means[from];
        self.log_scales[row] = self.log_scales[from];
        self.opacity_logits[row] = self.opacity_logits[from];
    }

    /// Restarts the row's moments.
    pub(super) fn restart(&mut self, row: usize) {
        self.fresh[row] = true;
    }

    /// Removes the rows not kept; the others close ranks in order.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
            let mut flags = keep.iter();
            column.retain(|_| flags.next().copied().unwrap_or(true));
        }
        retain(&mut self.src, keep);
        retain(&mut self.fresh, keep);
        retain(&mut self.means, keep);
        retain(&mut self.log_scales, keep);
        retain(&mut self.opacity_logits, keep);
    }

    /// The difference from the original, or `None` if there is none. With `restart_opacities`,
    /// every row's opacity is written and its moments restart.
    pub(super) fn finish(self, restart_opacities: bool) -> Option<RowEdit> {
        let old_means = self.original.means.as_chunks().0;
        let old_log_scales = self.original.log_scales.as_chunks().0;
        let logits: Vec<[f32; 1]> = self.opacity_logits.iter().map(|&logit| [logit]).collect();
        let old_logits = self.original.opacity_logits.as_chunks().0;

        let moved = changes(MEANS, &self.src, &self.means, old_means, false);
        let rescaled = changes(LOG_SCALES, &self.src, &self.log_scales, old_log_scales, false);
        let refaded = changes(OPACITY_LOGITS, &self.src, &logits, old_logits, restart_opacities);
        let writes: Vec<ColumnWrite> =
            [moved, rescaled, refaded].into_iter().filter(|write| !write.rows.is_empty()).collect();

        let edit = RowEdit { src: self.src, fresh: self.fresh, writes };
        (edit != RowEdit::identity(self.original.len())).then_some(edit)
    }

    /// The rotation matrix, whose columns are the splat's axes in the world.
    fn axes(&self, row: usize) -> [[f64; 3]; 3] {
        let quat = self.quat(row);
        let norm = quat.iter().map(|q| q * q).sum::<f64>().sqrt();
        let [w, x, y, z] = quat.map(|q| q / norm);
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    }

    fn quat(&self, row: usize) -> [f64; 4] {
        self.original.quats.as_chunks().0[self.src[row] as usize].map(f64::from)
    }
}

/// The rows whose value differs, bit for bit, from the original they copy; all rows if `restart`.
fn changes<const WIDTH: usize>(
    column: &'static str,
    src: &[u32],
    values: &[[f32; WIDTH]],
    originals: &[[f32; WIDTH]],
    restart: bool,
) -> ColumnWrite {
    debug_assert!(COLUMNS.contains(&(column, WIDTH)));
    let mut write = ColumnWrite { column, rows: Vec::new(), values: Vec::new(), fresh: restart };
    for (row, (value, &src)) in values.iter().zip(src).enumerate() {
        if restart || value.map(f32::to_bits) != originals[src as usize].map(f32::to_bits) {
            write.rows.push(row as u32);
            write.values.extend(value);
        }
    }
    write
}

#[cfg(test)]
mod tests {
    use super::Population;
    use crate::density::testing::Splats;

    #[test]
    fn an_untouched_population_is_no_edit() {
        let splats = Splats::scattered(5);
        assert_eq!(Population::new(&splats.rows()).finish(false), None);
        let empty = Splats::scattered(0);
        assert_eq!(Population::new(&empty.rows()).finish(false), None);
    }

    #[test]
    fn only_changed_values_are_written() {
        let splats = Splats::scattered(4);
        let rows = splats.rows();
        let mut population = Population::new(&rows);
        population.overwrite(0, 2);
        let copy = population.duplicate(3);
        population.set_opacity(copy, 0.25);
        population.retain(&[true, false, true, true, true]);
        let edit = population.finish(false).unwrap();
        assert_eq!(edit.src, [2, 2, 3, 3]);
        assert_eq!(edit.fresh, [true, false, false, true]);
        assert_eq!(edit.writes.len(), 1);
        assert_eq!((edit.writes[0].column, &edit.writes[0].rows[..]), ("opacity_logits", &[3][..]));
        assert!((edit.writes[0].values[0] - (0.25_f32 / 0.75).ln()).abs() < 1e-6);
    }

    #[test]
    fn opacities_at_the_ends_stay_finite() {
        let splats = Splats::scattered(2);
        let rows = splats.rows();
        let mut population = Population::new(&rows);
        population.set_opacity(0, 0.0);
        population.set_opacity(1, 1.0);
        assert_eq!(population.finish(true).unwrap().writes[0].values, [-30.0, 30.0]);
    }
}
