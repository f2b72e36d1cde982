//! A scene that is being edited, and every way to change it.

use std::sync::Arc;

use super::history::{Change, Direction, Entry, History, State};
use super::rows::RowSet;
use super::similarity::Similarity;
use crate::error::{Error, Result};
use crate::params::RowEdit;
use crate::scene::SplatCloud;
use crate::text::thousands;

/// Memory the history may take: some four hundred edits that touch every one of five million splats.
const HISTORY_BYTES: usize = 256 << 20;

/// How a new selection meets the present one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// It takes its place.
    #[default]
    Replace,
    /// It is added.
    Add,
    /// It is taken away.
    Remove,
    /// What is in both stays.
    Intersect,
}

/// A change of a document. Deleted and hidden splats are never selected, whatever is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Select some splats.
    Select {
        /// Which.
        rows: RowSet,
        /// Instead of, or together with, what is selected.
        combine: Combine,
    },
    /// Select everything that is shown.
    SelectAll,
    /// Select nothing.
    SelectNone,
    /// Select what is shown and not selected.
    InvertSelection,
    /// Delete what is selected.
    DeleteSelected,
    /// Delete everything else, hidden splats too. Without a selection nothing happens.
    KeepOnlySelected,
    /// Hide what is selected; it stays in the scene.
    HideSelected,
    /// Show everything that is hidden.
    UnhideAll,
    /// Move, turn or scale the scene as it is displayed now.
    Transform(Similarity),
}

/// Counters that grow when something changed. A viewer compares them with those it last drew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Of which splats are shown.
    pub shown: u64,
    /// Of the selection.
    pub selection: u64,
    /// Of the transform.
    pub transform: u64,
}

/// An opened scene and what has been done to it.
#[derive(Debug)]
pub struct Document {
    cloud: Arc<SplatCloud>,
    state: State,
    history: History,
    revisions: Revisions,
    version: u64,
    newest_version: u64,
    saved_version: u64,
}

impl Document {
    /// Opens splats for editing, as saved.
    ///
    /// # Errors
    /// [`Error::Settings`] when the columns differ in length.
    pub fn new(cloud: Arc<SplatCloud>) -> Result<Self> {
        Self::with_history(cloud, HISTORY_BYTES)
    }

    pub(super) fn with_history(cloud: Arc<SplatCloud>, limit: usize) -> Result<Self> {
        cloud.check()?;
        let none = RowSet::new(cloud.len());
        let state =
            State { selected: none.clone(), hidden: none.clone(), deleted: none, transform: Similarity::IDENTITY };
        Ok(Document {
            cloud,
            state,
            history: History::new(limit),
            revisions: Revisions::default(),
            version: 0,
            newest_version: 0,
            saved_version: 0,
        })
    }

    /// The document as it is now, without its history: what a thread works on that searches, bakes or saves while
    /// editing goes on.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Document {
            cloud: Arc::clone(&self.cloud),
            state: self.state.clone(),
            history: History::new(self.history.limit()),
            ..*self
        }
    }

    /// The splats as they were loaded.
    pub fn cloud(&self) -> &Arc<SplatCloud> {
        &self.cloud
    }

    /// What is selected.
    pub fn selected(&self) -> &RowSet {
        &self.state.selected
    }

    /// What is hidden, and not deleted.
    pub fn hidden(&self) -> &RowSet {
        &self.state.hidden
    }

    /// What is deleted.
    pub fn deleted(&self) -> &RowSet {
        &self.state.deleted
    }

    /// What is neither hidden nor deleted.
    pub fn shown(&self) -> RowSet {
        let mut shown = self.state.hidden.clone();
        shown.union_with(&self.state.deleted);
        shown.invert();
        shown
    }

    /// Whether a splat is neither hidden nor deleted.
    pub fn is_shown(&self, row: usize) -> bool {
        row < self.cloud.len() && !self.state.hidden.contains(row) && !self.state.deleted.contains(row)
    }

    /// Where the stored splats are displayed.
    pub fn transform(&self) -> &Similarity {
        &self.state.transform
    }

    /// Counters of changes.
    pub fn revisions(&self) -> Revisions {
        self.revisions
    }

    /// Makes an edit that can be undone; `false` when it changes nothing, and then it is not remembered either.
    ///
    /// # Errors
    /// [`Error::Settings`] for a selection of another scene, or a transform outside of what files can hold. The
    /// document is as before.
    pub fn apply(&mut self, edit: &Edit) -> Result<bool> {
        let after = self.after(edit)?;
        let change = Change::between(&self.state, &after);
        if change.is_empty() {
            return Ok(false);
        }
        let before = self.version;
        if change.touches_file() {
            self.newest_version += 1;
            self.version = self.newest_version;
        }
        self.revisions.advance(&change);
        let label = label(edit, &self.state, &after);
        self.state = after;
        self.history.push(Entry { label, change, version: [before, self.version] });
        Ok(true)
    }

    /// The state an edit leads to.
    fn after(&self, edit: &Edit) -> Result<State> {
        let mut state = self.state.clone();
        match edit {
            Edit::Select { rows, combine } => {
                if rows.rows() != self.cloud.len() {
                    return Err(Error::settings(
                        format!(
                            "this is a selection out of {} splats, the scene has {}",
                            rows.rows(),
                            self.cloud.len()
                        ),
                        "select again",
                    ));
                }
                match combine {
                    Combine::Replace => state.selected = rows.clone(),
                    Combine::Add => state.selected.union_with(rows),
                    Combine::Remove => state.selected.subtract(rows),
                    Combine::Intersect => state.selected.intersect_with(rows),
                }
                state.selected.subtract(&state.hidden);
                state.selected.subtract(&state.deleted);
            }
            Edit::SelectAll => state.selected = self.shown(),
            Edit::SelectNone => state.selected = RowSet::new(self.cloud.len()),
            Edit::InvertSelection => {
                state.selected = self.shown();
                state.selected.subtract(&self.state.selected);
            }
            Edit::DeleteSelected => {
                state.deleted.union_with(&self.state.selected);
                state.selected = RowSet::new(self.cloud.len());
            }
            Edit::KeepOnlySelected if self.state.selected.is_empty() => {}
            Edit::KeepOnlySelected => {
                state.deleted = self.state.selected.clone();
                state.deleted.invert();
                state.hidden = RowSet::new(self.cloud.len());
            }
            Edit::HideSelected => {
                state.hidden.union_with(&self.state.selected);
                state.selected = RowSet::new(self.cloud.len());
            }
            Edit::UnhideAll => state.hidden = RowSet::new(self.cloud.len()),
            Edit::Transform(next) if next.is_identity() => {}
            Edit::Transform(next) => {
                next.check()?;
                state.transform = self.state.transform.then(next);
                state.transform.check()?;
            }
        }
        Ok(state)
    }

    /// Takes the last edit back; `false` when there is none.
    pub fn undo(&mut self) -> bool {
        self.walk(Direction::Back)
    }

    /// Makes the edit again that was undone last; `false` when there is none.
    pub fn redo(&mut self) -> bool {
        self.walk(Direction::Forth)
    }

    fn walk(&mut self, direction: Direction) -> bool {
        let Some(entry) = self.history.walk(direction) else { return false };
        entry.change.apply(&mut self.state, direction);
        self.version = match (direction, entry.version) {
            (Direction::Back, [before, _]) => before,
            (Direction::Forth, [_, after]) => after,
        };
        self.revisions.advance(&entry.change);
        true
    }

    /// What undo would take back, as `Delete 1,204 splats`.
    pub fn undo_label(&self) -> Option<&str> {
        self.history.next(Direction::Back).map(|entry| entry.label.as_str())
    }

    /// What redo would do again.
    pub fn redo_label(&self) -> Option<&str> {
        self.history.next(Direction::Forth).map(|entry| entry.label.as_str())
    }

    /// All labels of the history, oldest first, and how many of these edits are in force; the others were undone.
    pub fn labels(&self) -> (Vec<String>, usize) {
        self.history.labels()
    }

    /// The document without what is hidden.
    #[must_use]
    pub fn without_hidden(&self) -> Self {
        let mut shown = self.snapshot();
        shown.state.deleted.union_with(&self.state.hidden);
        shown
    }

    /// Whether saving would write something else than was last saved or loaded. Selecting and hiding do not count.
    pub fn is_modified(&self) -> bool {
        self.version != self.saved_version
    }

    /// Number of what a saved file would hold: equal numbers of one document mean equal files.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Remembers which version was saved; it may no longer be the present one.
    pub fn mark_saved(&mut self, version: u64) {
        self.saved_version = version;
    }

    /// The change of the population that removes what is deleted, for stored splats or a table in training.
    pub fn row_edit(&self) -> RowEdit {
        let mut kept = self.state.deleted.clone();
        kept.invert();
        let src: Vec<u32> = kept.iter().map(|row| row as u32).collect();
        RowEdit { fresh: vec![false; src.len()], src, writes: Vec::new() }
    }

    /// The splats with everything done to them: what saving and exporting write. Hidden splats are part of it.
    ///
    /// # Errors
    /// As [`RowEdit::apply_to`].
    pub fn baked(&self) -> Result<SplatCloud> {
        let mut cloud = self.row_edit().apply_to(&self.cloud)?;
        self.state.transform.transform_cloud(&mut cloud);
        Ok(cloud)
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    #[cfg(test)]
    pub(super) fn history_len(&self) -> usize {
        self.history.len()
    }
}

impl Revisions {
    fn advance(&mut self, change: &Change) {
        self.shown += u64::from(change.touches_shown());
        self.selection += u64::from(change.touches_selection());
        self.transform += u64::from(change.transform.is_some());
    }
}

/// What an edit is called in the menu.
fn label(edit: &Edit, before: &State, after: &State) -> String {
    let splats = |rows: &RowSet| match rows.count() {
        1 => "1 splat".to_owned(),
        count => format!("{} splats", thousands(count as u64)),
    };
    match edit {
        Edit::Select { .. } if after.selected.is_empty() => "Select nothing".into(),
        Edit::Select { .. } => format!("Select {}", splats(&after.selected)),
        Edit::SelectAll => "Select all".into(),
        Edit::SelectNone => "Select nothing".into(),
        Edit::InvertSelection => "Invert selection".into(),
        Edit::DeleteSelected => format!("Delete {}", splats(&before.selected)),
        Edit::KeepOnlySelected => format!("Keep only {}", splats(&before.selected)),
        Edit::HideSelected => format!("Hide {}", splats(&before.selected)),
        Edit::UnhideAll => format!("Show {}", splats(&before.hidden)),
        Edit::Transform(similarity) => match (similarity.turns(), similarity.scale != 1.0) {
            (false, false) => "Move scene".into(),
            (true, false) => "Rotate scene".into(),
            (false, true) => "Scale scene".into(),
            (true, true) => "Transform scene".into(),
        },
    }
}
