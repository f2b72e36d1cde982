//! Finished splats seen as the named columns a static scene trains, so that edits and hashes need no method by name.

use super::{CloudColumn, SplatCloud};
use crate::error::{Error, Result};

impl SplatCloud {
    /// All columns, by the names and in the order of the table that is trained: name, values per splat, values.
    ///
    /// `shN` exists above degree 0 only, as in the table.
    pub fn columns(&self) -> Vec<(&'static str, usize, &[f32])> {
        let mut columns = vec![
            ("means", 3, self.means.as_flattened()),
            ("quats", 4, self.quats.as_flattened()),
            ("log_scales", 3, self.log_scales.as_flattened()),
            ("opacity_logits", 1, self.opacity_logits.as_slice()),
            ("sh0", 3, self.sh0.as_flattened()),
        ];
        if self.sh_degree > 0 {
            columns.push(("shN", self.sh_width(), self.sh_rest.as_slice()));
        }
        columns.extend(self.more.iter().map(|column| (column.name, column.width, column.values.as_slice())));
        columns
    }

    /// The values of one column, to be changed.
    pub(crate) fn column_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        match name {
            "means" => Some(self.means.as_flattened_mut()),
            "quats" => Some(self.quats.as_flattened_mut()),
            "log_scales" => Some(self.log_scales.as_flattened_mut()),
            "opacity_logits" => Some(&mut self.opacity_logits),
            "sh0" => Some(self.sh0.as_flattened_mut()),
            "shN" if self.sh_degree > 0 => Some(&mut self.sh_rest),
            _ => {
                let column = self.more.iter_mut().find(|column| column.name == name)?;
                Some(&mut column.values)
            }
        }
    }

    /// Drops the view dependence above a degree.
    pub fn limit_sh_degree(&mut self, degree: u8) {
        if degree >= self.sh_degree {
            return;
        }
        let before = self.sh_width();
        self.sh_degree = degree;
        let after = self.sh_width();
        // Coefficients of lower degrees come first in a row.
        let rows = self.sh_rest.chunks_exact(before.max(1)).flat_map(|row| row.iter().take(after));
        self.sh_rest = rows.copied().collect();
    }

    /// Values of `sh_rest` per splat.
    pub(crate) fn sh_width(&self) -> usize {
        self.sh_rows().map_or(0, |rows| 3 * rows)
    }

    /// Refuses a cloud whose columns are not all as long as its means.
    pub(crate) fn check(&self) -> Result<()> {
        let whole = |(_, width, values): (_, usize, &[f32])| values.len() == width * self.len();
        let moves = self.motion.map(|motion| motion.columns()).unwrap_or_default();
        let held = self.more.iter().map(|column| (column.name, column.width as u32));
        let moves = moves.iter().map(|column| (column.name, column.width)).eq(held);
        let rest = moves && self.sh_rows().is_some() && self.sh_rest.len() == self.len() * self.sh_width();
        if rest && self.columns().into_iter().all(whole) {
            return Ok(());
        }
        Err(Error::settings(
            format!("{} splats of SH degree {} have columns of different lengths", self.len(), self.sh_degree),
            "this is a bug: please report it",
        ))
    }

    /// Adds the splats of another cloud of the same SH degree and motion behind these.
    pub(crate) fn append(&mut self, more: &SplatCloud) {
        if self.is_empty() {
            self.motion = more.motion;
            self.more.clone_from(&more.more);
        } else {
            for (column, more) in self.more.iter_mut().zip(&more.more) {
                column.values.extend_from_slice(&more.values);
            }
        }
        self.means.extend_from_slice(&more.means);
        self.quats.extend_from_slice(&more.quats);
        self.log_scales.extend_from_slice(&more.log_scales);
        self.opacity_logits.extend_from_slice(&more.opacity_logits);
        self.sh0.extend_from_slice(&more.sh0);
        self.sh_rest.extend_from_slice(&more.sh_rest);
    }

    /// The rows `src`, in that order.
    pub(crate) fn gather(&self, src: &[u32]) -> SplatCloud {
        fn rows<T: Copy>(values: &[T], src: &[u32]) -> Vec<T> {
            src.iter().map(|&row| values[row as usize]).collect()
        }
        let wide = |values: &[f32], width: usize| {
            let mut gathered = Vec::with_capacity(src.len() * width);
            for &row in src {
                gathered.extend_from_slice(&values[row as usize * width..][..width]);
            }
            gathered
        };
        let more = self.more.iter();
        let more = more.map(|column| CloudColumn { values: wide(&column.values, column.width), ..*column }).collect();
        SplatCloud {
            means: rows(&self.means, src),
            quats: rows(&self.quats, src),
            log_scales: rows(&self.log_scales, src),
            opacity_logits: rows(&self.opacity_logits, src),
            sh0: rows(&self.sh0, src),
            sh_rest: wide(&self.sh_rest, self.sh_width()),
            motion: self.motion,
            more,
            sh_degree: self.sh_degree,
            antialiased: self.antialiased,
            dropped: self.dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SplatCloud;
    use crate::schedule::Rate;
    use crate::stage::Stage;
    use crate::stage::decode::{Decode, DecodeCodecs, DecodeRates};
    use crate::stage::sh::Sh;

    /// Edits and hashes made for one must fit the other.
    #[test]
    fn a_lower_degree_keeps_the_first_coefficients_of_each_splat() {
        let mut cloud = SplatCloud { sh_degree: 2, sh_rest: (0..48).map(|i| i as f32).collect(), ..Default::default() };
        cloud.limit_sh_degree(3);
        assert_eq!((cloud.sh_degree, cloud.sh_rest.len()), (2, 48));
        cloud.limit_sh_degree(1);
        let kept: Vec<f32> = (0..9).chain(24..33).map(|i| i as f32).collect();
        assert_eq!((cloud.sh_degree, cloud.sh_rest.clone()), (1, kept));
        cloud.limit_sh_degree(0);
        assert_eq!((cloud.sh_degree, cloud.sh_rest.len()), (0, 0));
    }

    #[test]
    fn a_cloud_has_the_columns_that_are_trained() {
        let still = Rate::constant(0.0);
        let rates =
            DecodeRates { means: still, log_scales: still, quats: still, opacity_logits: still, regularized: false };
        for degree in 0..=3_u8 {
            let sh = Sh::plain(u32::from(degree), still, still, 1);
            let specs = [Decode { rates, codecs: DecodeCodecs::default() }.columns(), sh.columns()].concat();
            let trained: Vec<(&str, usize)> = specs.iter().map(|spec| (spec.name, spec.width as usize)).collect();
            let mut cloud = SplatCloud { sh_degree: degree, ..SplatCloud::default() };
            let held: Vec<(&str, usize)> = cloud.columns().iter().map(|&(name, width, _)| (name, width)).collect();
            assert_eq!(held, trained);
            assert!(held.iter().all(|(name, _)| cloud.column_mut(name).is_some()));
        }
    }
}
