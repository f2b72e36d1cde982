//! What has been done to a document, and what has been undone, as differences.

use std::collections::VecDeque;

use super::rows::{RowDiff, RowSet};
use super::similarity::Similarity;

/// Everything about a document that an edit may change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) selected: RowSet,
    pub(super) hidden: RowSet,
    pub(super) deleted: RowSet,
    pub(super) transform: Similarity,
}

/// The difference between two states.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) selected: Option<RowDiff>,
    pub(super) hidden: Option<RowDiff>,
    pub(super) deleted: Option<RowDiff>,
    /// Before and after.
    pub(super) transform: Option<[Similarity; 2]>,
}

impl Change {
    pub(super) fn between(from: &State, to: &State) -> Self {
        Change {
            selected: RowDiff::between(&from.selected, &to.selected),
            hidden: RowDiff::between(&from.hidden, &to.hidden),
            deleted: RowDiff::between(&from.deleted, &to.deleted),
            transform: (from.transform != to.transform).then_some([from.transform, to.transform]),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.touches_selection() && !self.touches_shown() && self.transform.is_none()
    }

    pub(super) fn touches_selection(&self) -> bool {
        self.selected.is_some()
    }

    pub(super) fn touches_shown(&self) -> bool {
        self.hidden.is_some() || self.deleted.is_some()
    }

    /// Whether a saved file would be another one.
    pub(super) fn touches_file(&self) -> bool {
        self.deleted.is_some() || self.transform.is_some()
    }

    /// Takes a state from one side of the difference to the other.
    pub(super) fn apply(&self, state: &mut State, direction: Direction) {
        let sets = [
            (&self.selected, &mut state.selected),
            (&self.hidden, &mut state.hidden),
            (&self.deleted, &mut state.deleted),
        ];
        for (diff, set) in sets {
            if let Some(diff) = diff {
                diff.apply(set);
            }
        }
        if let Some([before, after]) = self.transform {
            state.transform = match direction {
                Direction::Back => before,
                Direction::Forth => after,
            };
        }
    }

    fn bytes(&self) -> usize {
        [&self.selected, &self.hidden, &self.deleted].into_iter().flatten().map(RowDiff::bytes).sum()
    }
}

/// Undo or redo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Back,
    Forth,
}

/// One edit that was made.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) label: String,
    pub(super) change: Change,
    /// [`Document::version`](super::Document::version) before and after.
    pub(super) version: [u64; 2],
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.label.len() + self.change.bytes()
    }
}

/// Edits that can be undone and redone, within a limit of memory.
#[derive(Debug)]
pub(super) struct History {
    done: VecDeque<Entry>,
    undone: Vec<Entry>,
    bytes: usize,
    limit: usize,
}

impl History {
    /// Nothing done yet; at most `limit` bytes are kept, but always the last edit.
    pub(super) fn new(limit: usize) -> Self {
        History { done: VecDeque::new(), undone: Vec::new(), bytes: 0, limit }
    }

    /// All labels, oldest first, and how many of the edits are in force.
    pub(super) fn labels(&self) -> (Vec<String>, usize) {
        let all = self.done.iter().chain(self.undone.iter().rev());
        (all.map(|entry| entry.label.clone()).collect(), self.done.len())
    }

    /// Most bytes kept.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Adds an edit that was just made. What had been undone is gone; the oldest edits go when memory runs out.
    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.bytes -= self.undone.drain(..).map(|entry| entry.bytes()).sum::<usize>();
        self.done.push_back(entry);
        while self.bytes > self.limit && self.done.len() > 1 {
            self.bytes -= self.done.pop_front().map_or(0, |entry| entry.bytes());
        }
    }

    /// The edit that undo or redo would apply.
    pub(super) fn next(&self, direction: Direction) -> Option<&Entry> {
        match direction {
            Direction::Back => self.done.back(),
            Direction::Forth => self.undone.last(),
        }
    }

    /// Moves the edit that undo or redo has to apply to the other side.
    pub(super) fn walk(&mut self, direction: Direction) -> Option<&Entry> {
        match direction {
            Direction::Back => self.undone.push(self.done.pop_back()?),
            Direction::Forth => self.done.push_back(self.undone.pop()?),
        }
        self.next(match direction {
            Direction::Back => Direction::Forth,
            Direction::Forth => Direction::Back,
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.done.len() + self.undone.len()
    }
}
