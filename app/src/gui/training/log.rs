//! What happened, in the order it happened, without growing for ever.

use std::collections::VecDeque;
use std::time::Instant;

/// Lines kept; the oldest go first.
const MAX_LINES: usize = 2000;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Good to know.
    Info,
    /// Something to look at.
    Warning,
    /// Something that failed.
    Error,
}

impl Level {
    /// All of them, the least important first.
    pub(crate) const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Its word in a copied line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// When, in seconds since the log began.
    pub(crate) seconds: f64,
    /// How much it matters.
    pub(crate) level: Level,
    /// What.
    pub(crate) text: String,
    /// How many times in a row.
    pub(crate) times: u32,
}

/// The lines.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lines: VecDeque<Line>,
    begun: Instant,
    revision: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { lines: VecDeque::new(), begun: Instant::now(), revision: 0 }
    }
}

impl Log {
    /// Adds a line; the same line again only counts up, so that a warning at every step cannot push out the rest.
    pub(crate) fn push(&mut self, level: Level, text: impl Into<String>) {
        let (seconds, text) = (self.begun.elapsed().as_secs_f64(), text.into());
        self.revision += 1;
        if let Some(last) = self.lines.back_mut().filter(|last| last.level == level && last.text == text) {
            last.times = last.times.saturating_add(1);
            last.seconds = seconds;
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { seconds, level, text, times: 1 });
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> &VecDeque<Line> {
        &self.lines
    }

    /// Changes whenever a line is added.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// How many lines matter just this much.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.lines.iter().filter(|line| line.level == level).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Log, MAX_LINES};

    #[test]
    fn the_oldest_lines_go_first() {
        let mut log = Log::default();
        for i in 0..MAX_LINES + 5 {
            log.push(Level::Info, i.to_string());
        }
        assert_eq!(log.lines().len(), MAX_LINES);
        assert_eq!(log.lines()[0].text, "5");
    }

    #[test]
    fn a_repeated_line_counts_up() {
        let mut log = Log::default();
        log.push(Level::Warning, "disk full");
        log.push(Level::Warning, "disk full");
        log.push(Level::Error, "disk full");
        assert_eq!(log.lines().iter().map(|line| line.times).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((log.count(Level::Warning), log.count(Level::Error), log.count(Level::Info)), (1, 1, 0));
    }
}
