//! Which photos are listed, in which order, and their mean scores; worked out again only when something changed.

use std::cmp::Ordering;

use crate::gui::scores::Score;

use super::{CamerasData, Split};

/// What the list of photos is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// By name, numbers in it by size.
    #[default]
    Name,
    /// Lowest PSNR first.
    Psnr,
    /// Lowest SSIM first.
    Ssim,
    /// Training photos, then held-out ones.
    Split,
}

impl Sort {
    pub(super) const ALL: [Sort; 4] = [Sort::Name, Sort::Psnr, Sort::Ssim, Sort::Split];

    pub(super) fn label(self) -> &'static str {
        match self {
            Sort::Name => "By name",
            Sort::Psnr => "Worst PSNR first",
            Sort::Ssim => "Worst SSIM first",
            Sort::Split => "Train, then test",
        }
    }
}

/// Mean scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    pub(super) psnr: f64,
    pub(super) ssim: f64,
    /// Photos with a score.
    pub(super) count: usize,
}

/// The list as it is shown.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// What it was made from: list of views, changes of scores, sort, reversed.
    made_from: Option<(u64, u64, Sort, bool)>,
    filter: String,
    rows: Vec<usize>,
    test: usize,
    mean: Option<Mean>,
}

impl Order {
    /// Makes the list again if something it depends on changed.
    pub(super) fn update(&mut self, data: &CamerasData<'_>, sort: Sort, reversed: bool, filter: &str) {
        let made_from = Some((data.generation, data.scores.changes(), sort, reversed));
        if self.made_from == made_from && self.filter == filter {
            return;
        }
        self.made_from = made_from;
        filter.clone_into(&mut self.filter);
        let wanted = filter.trim().to_lowercase();
        // The score is looked up once per photo, not once per comparison.
        let mut rows: Vec<(usize, Option<Score>)> = data
            .views
            .iter()
            .enumerate()
            .filter(|(_, view)| wanted.is_empty() || view.name.to_lowercase().contains(&wanted))
            .map(|(index, view)| (index, data.scores.get(&view.name).filter(|score| !score.psnr.is_nan())))
            .collect();
        let name = |index: usize| data.views.get(index).map_or("", |view| view.name.as_str());
        let split = |index: usize| data.views.get(index).map(|view| view.split);
        let worst = |value: fn(&Score) -> f64, a: &Option<Score>, b: &Option<Score>| match (a, b) {
            (Some(a), Some(b)) => turned(value(a).total_cmp(&value(b)), reversed),
            // Without a score last, whichever way round.
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        rows.sort_by(|(a, score_a), (b, score_b)| {
            let by_name = || natural(name(*a), name(*b)).then(a.cmp(b));
            match sort {
                Sort::Name => turned(by_name(), reversed),
                Sort::Split => turned(split(*a).cmp(&split(*b)), reversed).then_with(by_name),
                Sort::Psnr => worst(|score| score.psnr, score_a, score_b).then_with(by_name),
                Sort::Ssim => worst(|score| score.ssim, score_a, score_b).then_with(by_name),
            }
        });
        self.test = rows.iter().filter(|(index, _)| split(*index) == Some(Split::Test)).count();
        let scores: Vec<Score> = rows.iter().filter_map(|(_, score)| *score).collect();
        let mean = |value: fn(&Score) -> f64| scores.iter().map(value).sum::<f64>() / scores.len() as f64;
        self.mean = (!scores.is_empty()).then(|| Mean {
            psnr: mean(|score| score.psnr),
            ssim: mean(|score| score.ssim),
            count: scores.len(),
        });
        self.rows = rows.into_iter().map(|(index, _)| index).collect();
    }

    /// The views in order.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Held-out photos among them.
    pub(super) fn test(&self) -> usize {
        self.test
    }

    /// Mean scores of them; `None` when no one has a score.
    pub(super) fn mean(&self) -> Option<Mean> {
        self.mean
    }
}

fn turned(order: Ordering, reversed: bool) -> Ordering {
    if reversed { order.reverse() } else { order }
}

/// Compares names as people do: `r_2` before `r_10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b) else {
            return a.len().cmp(&b.len());
        };
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (number_a, after_a) = leading_number(a);
            let (number_b, after_b) = leading_number(b);
            // Without leading zeros the longer number is the larger one, however long both are.
            let by_size = number_a.len().cmp(&number_b.len()).then(number_a.cmp(number_b));
            if by_size.is_ne() {
                return by_size;
            }
            (a, b) = (after_a, after_b);
        } else {
            let by_letter = first_a.to_ascii_lowercase().cmp(&first_b.to_ascii_lowercase());
            if by_letter.is_ne() {
                return by_letter;
            }
            (a, b) = (rest_a, rest_b);
        }
    }
}

/// The digits a text begins with, without leading zeros, and what follows them.
fn leading_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    (digits.get(zeros..).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use super::{Order, Sort, natural};
    use crate::gui::panels::cameras::{CamerasData, Split, ViewItem};
    use crate::gui::scores::{Moment, Scores};
    use splat_core::metrics::ViewScore;

    fn views() -> Vec<ViewItem> {
        let item = |name: &str, split| ViewItem { name: name.into(), split, size: (8, 8), time: None };
        vec![
            item("r_10.png", Split::Train),
            item("r_2.png", Split::Train),
            item("left/r_1.png", Split::Train),
            item("r_3.png", Split::Test),
        ]
    }

    fn scores() -> Scores {
        let mut scores = Scores::default();
        for (name, psnr, ssim) in [("r_10.png", 30.0, 0.8), ("r_2.png", 20.0, 0.9), ("r_3.png", f64::NAN, f64::NAN)] {
            scores.record(&ViewScore { name: name.into(), psnr, ssim }, Moment::default());
        }
        scores
    }

    fn rows(sort: Sort, reversed: bool, filter: &str) -> Vec<usize> {
        let (views, scores) = (views(), scores());
        let data = CamerasData {
            views: &views,
            generation: 1,
            scores: &scores,
            looking: None,
            time: None,
            scoring: None,
            blocked: None,
        };
        let mut order = Order::default();
        order.update(&data, sort, reversed, filter);
        order.rows().to_vec()
    }

    #[test]
    fn each_order_is_what_it_says() {
        assert_eq!(rows(Sort::Name, false, ""), [2, 1, 3, 0]);
        assert_eq!(rows(Sort::Name, true, ""), [0, 3, 1, 2]);
        assert_eq!(rows(Sort::Split, false, ""), [2, 1, 0, 3]);
        assert_eq!(rows(Sort::Split, true, ""), [3, 2, 1, 0]);
        assert_eq!(rows(Sort::Psnr, false, ""), [1, 0, 2, 3], "without a usable score last");
        assert_eq!(rows(Sort::Psnr, true, ""), [0, 1, 2, 3], "and still last");
        assert_eq!(rows(Sort::Ssim, false, ""), [0, 1, 2, 3]);
    }

    #[test]
    fn the_filter_looks_anywhere_in_the_name() {
        assert_eq!(rows(Sort::Name, false, " LEFT "), [2]);
        assert_eq!(rows(Sort::Name, false, "r_1"), [2, 0]);
        assert!(rows(Sort::Name, false, "none").is_empty());
    }

    #[test]
    fn means_are_of_what_is_shown_and_follow_new_scores() {
        let (views, mut scores) = (views(), scores());
        let mut order = Order::default();
        let mut mean = |scores: &Scores, filter: &str| {
            let data = CamerasData {
                views: &views,
                generation: 1,
                scores,
                looking: None,
                time: None,
                scoring: None,
                blocked: None,
            };
            order.update(&data, Sort::Name, false, filter);
            order.mean().map(|mean| (mean.psnr, mean.count))
        };
        assert_eq!(mean(&scores, ""), Some((25.0, 2)));
        assert_eq!(mean(&scores, "r_2"), Some((20.0, 1)));
        assert_eq!(mean(&scores, "left"), None);
        scores.record(&ViewScore { name: "left/r_1.png".into(), psnr: 10.0, ssim: 0.5 }, Moment::default());
        assert_eq!(mean(&scores, "left"), Some((10.0, 1)));
    }

    #[test]
    fn numbers_in_names_count_by_size() {
        let mut names = ["b", "a10", "a9", "a09b", "A9c", "a", "a99999999999999999999999", "a10a"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a9", "a09b", "A9c", "a10", "a10a", "a99999999999999999999999", "b"]);
    }
}
