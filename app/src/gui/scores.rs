//! How well each photo is matched: the latest PSNR and SSIM of every view, and which splats they were measured on.

use std::collections::HashMap;

use splat_core::metrics::ViewScore;

/// A state of the splats. Later states compare greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Edits by the person; undoing one is a new revision.
    pub(crate) revision: u64,
    /// Steps of training.
    pub(crate) step: u64,
}

/// The scores of one view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    /// Peak signal-to-noise ratio in dB; NaN when every pixel of the photo is masked.
    pub(crate) psnr: f64,
    /// Structural similarity, 1 for equal images.
    pub(crate) ssim: f64,
    /// The splats that were measured.
    pub(crate) of: Moment,
    /// Whether the splats have changed since.
    pub(crate) stale: bool,
}

/// The latest scores of all views, by name.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    by_name: HashMap<String, (f64, f64, Moment)>,
    now: Moment,
    changes: u64,
}

impl Scores {
    /// Keeps a score, unless a later state of the splats has been measured already.
    pub(crate) fn record(&mut self, score: &ViewScore, of: Moment) {
        if self.by_name.get(&score.name).is_some_and(|(_, _, known)| *known > of) {
            return;
        }
        self.by_name.insert(score.name.clone(), (score.psnr, score.ssim, of));
        self.changes += 1;
    }

    /// Tells which splats are shown now; scores of others are stale.
    pub(crate) fn advance(&mut self, now: Moment) {
        self.now = now;
    }

    /// The latest score of a view.
    pub(crate) fn get(&self, name: &str) -> Option<Score> {
        self.by_name.get(name).map(|&(psnr, ssim, of)| Score { psnr, ssim, of, stale: of != self.now })
    }

    /// Forgets everything: another scene was opened.
    pub(crate) fn clear(&mut self) {
        self.by_name.clear();
        self.now = Moment::default();
        self.changes += 1;
    }

    /// Goes up with every recorded score, so that what is sorted by them knows when to sort again.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Scores};
    use splat_core::metrics::ViewScore;

    fn score(name: &str, psnr: f64) -> ViewScore {
        ViewScore { name: name.into(), psnr, ssim: 0.5 }
    }

    fn at(step: u64) -> Moment {
        Moment { revision: 0, step }
    }

    #[test]
    fn a_score_is_stale_once_the_splats_have_changed() {
        let mut scores = Scores::default();
        scores.advance(at(100));
        scores.record(&score("a", 20.0), at(100));
        assert_eq!(scores.get("a").map(|a| (a.psnr, a.stale)), Some((20.0, false)));
        scores.advance(at(101));
        assert_eq!(scores.get("a").map(|a| a.stale), Some(true));
        scores.advance(Moment { revision: 1, step: 100 });
        assert_eq!(scores.get("a").map(|a| (a.stale, a.of)), Some((true, at(100))), "an edit makes it stale too");
    }

    #[test]
    fn a_late_result_does_not_replace_a_newer_one() {
        let mut scores = Scores::default();
        scores.record(&score("a", 25.0), at(200));
        let changes = scores.changes();
        scores.record(&score("a", 20.0), at(100));
        assert_eq!(scores.get("a").map(|a| a.psnr), Some(25.0));
        assert_eq!(scores.changes(), changes, "nothing to sort again");
        scores.record(&score("a", 24.0), at(200));
        assert_eq!(scores.get("a").map(|a| a.psnr), Some(24.0), "measured again on the same splats");
    }

    #[test]
    fn another_scene_starts_without_scores() {
        let mut scores = Scores::default();
        scores.record(&score("a", 25.0), at(200));
        scores.clear();
        assert_eq!(scores.get("a"), None);
        scores.record(&score("a", 10.0), at(0));
        assert_eq!(scores.get("a").map(|a| a.stale), Some(false));
    }
}
