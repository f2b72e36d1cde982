//! Edits do what they say, and undo takes them back exactly.

use glam::{DQuat, DVec3};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::sync::Arc;

use super::{cloud, document, oblique, rows_of, set};
use crate::edit::{Combine, Document, Edit, RowSet, Similarity};
use crate::error::Error;
use crate::params::{ColumnWrite, RowEdit, params_sha256};
use crate::scene::SplatCloud;

/// More than two words of bits.
const ROWS: usize = 130;

fn select(rows: RowSet) -> Edit {
    Edit::Select { rows, combine: Combine::Replace }
}

fn edit() -> impl Strategy<Value = Edit> {
    let combine =
        prop_oneof![Just(Combine::Replace), Just(Combine::Add), Just(Combine::Remove), Just(Combine::Intersect)];
    let rows = prop::collection::vec(any::<bool>(), ROWS).prop_map(|bits| RowSet::from_fn(ROWS, |row| bits[row]));
    let similarity = (0.1_f64..6.0, 0.5_f64..2.0, -3.0_f64..3.0).prop_map(|(angle, scale, offset)| Similarity {
        rotation: DQuat::from_rotation_y(angle),
        scale,
        translation: DVec3::new(offset, 1.0, 0.0),
    });
    prop_oneof![
        4 => (rows, combine).prop_map(|(rows, combine)| Edit::Select { rows, combine }),
        1 => Just(Edit::SelectAll),
        1 => Just(Edit::SelectNone),
        1 => Just(Edit::InvertSelection),
        2 => Just(Edit::DeleteSelected),
        1 => Just(Edit::KeepOnlySelected),
        2 => Just(Edit::HideSelected),
        1 => Just(Edit::UnhideAll),
        1 => similarity.prop_map(Edit::Transform),
    ]
}

proptest! {
    #[test]
    fn undo_of_any_sequence_restores_the_exact_state(edits in prop::collection::vec(edit(), 0..30)) {
        let mut document = document(cloud(ROWS, 0));
        let mut states = vec![document.state().clone()];
        for edit in &edits {
            let (before, modified) = (document.revisions(), document.is_modified());
            let changed = document.apply(edit).unwrap();
            let (old, new) = (states.last().unwrap().clone(), document.state().clone());
            prop_assert_eq!(changed, old != new);
            let after = document.revisions();
            prop_assert_eq!(after.selection > before.selection, old.selected != new.selected);
            prop_assert_eq!(after.shown > before.shown, old.hidden != new.hidden || old.deleted != new.deleted);
            prop_assert_eq!(after.transform > before.transform, old.transform != new.transform);
            prop_assert_eq!(
                document.is_modified(),
                modified || old.deleted != new.deleted || old.transform != new.transform
            );
            // No row is in two of the sets.
            let (selected, hidden, deleted) = (document.selected(), document.hidden(), document.deleted());
            let mut all = selected.clone();
            all.union_with(hidden);
            all.union_with(deleted);
            prop_assert_eq!(all.count(), selected.count() + hidden.count() + deleted.count());
            prop_assert_eq!(rows_of(&document.shown()), (0..ROWS).filter(|&row| document.is_shown(row)).collect::<Vec<_>>());
            if changed {
                states.push(new);
            }
        }
        for state in states.iter().rev().skip(1) {
            prop_assert!(document.undo());
            prop_assert_eq!(document.state(), state);
        }
        prop_assert!(!document.undo() && !document.is_modified() && document.undo_label().is_none());
        for state in &states[1..] {
            prop_assert!(document.redo());
            prop_assert_eq!(document.state(), state);
        }
        prop_assert!(!document.redo() && document.redo_label().is_none());
    }
}

#[test]
fn every_edit_does_what_it_says() {
    let mut document = document(cloud(6, 0));
    let make = |document: &mut Document, edit: Edit| assert!(document.apply(&edit).unwrap(), "{edit:?}");
    make(&mut document, select(set(6, &[1, 2])));
    make(&mut document, Edit::HideSelected);
    assert_eq!((rows_of(document.hidden()), document.selected().count()), (vec![1, 2], 0));
    make(&mut document, Edit::SelectAll);
    assert_eq!(rows_of(document.selected()), [0, 3, 4, 5]);
    make(&mut document, Edit::Select { rows: set(6, &[0, 1]), combine: Combine::Remove });
    make(&mut document, Edit::Select { rows: set(6, &[2, 3, 4]), combine: Combine::Intersect });
    assert_eq!(rows_of(document.selected()), [3, 4]);
    make(&mut document, Edit::InvertSelection);
    assert_eq!(rows_of(document.selected()), [0, 5]);
    make(&mut document, Edit::DeleteSelected);
    make(&mut document, Edit::UnhideAll);
    make(&mut document, Edit::Select { rows: set(6, &[0, 1, 3]), combine: Combine::Add });
    assert_eq!(rows_of(document.selected()), [1, 3], "what is deleted is not selected again");
    make(&mut document, Edit::KeepOnlySelected);
    assert_eq!((document.row_edit().src, rows_of(document.selected())), (vec![1, 3], vec![1, 3]));
    make(&mut document, Edit::SelectNone);
    for nothing in [Edit::DeleteSelected, Edit::KeepOnlySelected, Edit::HideSelected, Edit::UnhideAll] {
        assert!(!document.apply(&nothing).unwrap(), "{nothing:?}");
    }
}

#[test]
fn keeping_only_the_selection_deletes_what_is_hidden_too() {
    let mut document = document(cloud(5, 0));
    document.apply(&select(set(5, &[4]))).unwrap();
    document.apply(&Edit::HideSelected).unwrap();
    document.apply(&select(set(5, &[2]))).unwrap();
    document.apply(&Edit::KeepOnlySelected).unwrap();
    assert_eq!((document.row_edit().src, document.hidden().count()), (vec![2], 0));
    document.undo();
    assert_eq!(rows_of(document.hidden()), [4]);
}

#[test]
fn labels_name_what_was_done() {
    let mut document = document(cloud(1300, 0));
    let mut label = |edit: &Edit| {
        document.apply(edit).unwrap();
        document.undo_label().map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(label(&select(RowSet::from_fn(1300, |row| row < 1204))), "Select 1,204 splats");
    assert_eq!(label(&Edit::DeleteSelected), "Delete 1,204 splats");
    assert_eq!(label(&select(set(1300, &[1299]))), "Select 1 splat");
    assert_eq!(label(&Edit::HideSelected), "Hide 1 splat");
    assert_eq!(label(&Edit::UnhideAll), "Show 1 splat");
    assert_eq!(label(&Edit::Transform(Similarity { translation: DVec3::X, ..Similarity::IDENTITY })), "Move scene");
    assert_eq!(label(&Edit::Transform(Similarity { scale: 2.0, ..Similarity::IDENTITY })), "Scale scene");
    assert_eq!(label(&Edit::Transform(Similarity { scale: 1.0, ..oblique() })), "Rotate scene");
    assert_eq!(label(&Edit::Transform(oblique())), "Transform scene");
    document.undo();
    assert_eq!((document.undo_label(), document.redo_label()), (Some("Rotate scene"), Some("Transform scene")));
}

#[test]
fn the_document_knows_whether_it_is_saved() {
    let mut document = document(cloud(4, 0));
    document.apply(&select(set(4, &[0]))).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    document.mark_saved(document.version());
    document.apply(&Edit::SelectAll).unwrap();
    document.apply(&Edit::HideSelected).unwrap();
    assert!(!document.is_modified(), "a file knows no selection and nothing hidden");
    document.apply(&Edit::UnhideAll).unwrap();
    document.apply(&Edit::Transform(oblique())).unwrap();
    assert!(document.is_modified());
    document.undo();
    assert!(!document.is_modified());
    while document.undo() {}
    assert!(document.is_modified(), "the saved file lacks the deleted splat");
    // Another edit from here on never leads to the saved state again.
    document.apply(&Edit::SelectAll).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    assert!(document.is_modified() && !document.redo());
}

#[test]
fn the_oldest_edits_are_forgotten_when_memory_runs_out() {
    let rows = 100_000;
    // Alternating selections of every other splat: 12,500 bytes each.
    let mut document = Document::with_history(Arc::new(cloud(rows, 0)), 100_000).unwrap();
    for index in 0..40 {
        document.apply(&select(RowSet::from_fn(rows, |row| row % 2 == index % 2))).unwrap();
    }
    assert_eq!(document.history_len(), 7);
    while document.undo() {}
    assert_eq!(document.selected(), &RowSet::from_fn(rows, |row| row % 2 == 0));
    assert_eq!(document.history_len(), 7, "what is undone can be done again");
    document.apply(&Edit::SelectNone).unwrap();
    assert_eq!(document.history_len(), 1);
    // One edit is always kept, however large.
    let mut tight = Document::with_history(Arc::new(cloud(rows, 0)), 10).unwrap();
    tight.apply(&Edit::SelectAll).unwrap();
    tight.apply(&Edit::DeleteSelected).unwrap();
    assert!(tight.undo() && !tight.undo());
}

#[test]
fn edits_of_other_scenes_and_impossible_transforms_are_refused() {
    let mut document = document(cloud(4, 0));
    let nonsense = [
        Similarity { scale: 0.0, ..Similarity::IDENTITY },
        Similarity { scale: -1.0, ..Similarity::IDENTITY },
        Similarity { scale: f64::NAN, ..Similarity::IDENTITY },
        Similarity { translation: DVec3::splat(f64::INFINITY), ..Similarity::IDENTITY },
        Similarity { rotation: DQuat::from_xyzw(0.0, 0.0, 0.0, 0.0), ..Similarity::IDENTITY },
    ];
    let mut edits: Vec<Edit> = nonsense.into_iter().map(Edit::Transform).collect();
    edits.push(select(set(5, &[1])));
    for edit in edits {
        let refused = document.apply(&edit);
        assert!(matches!(refused, Err(Error::Settings { .. })), "{edit:?}");
    }
    assert!(!document.undo() && document.state().transform.is_identity());
}

#[test]
fn a_snapshot_is_saved_while_editing_goes_on() {
    let mut document = document(cloud(4, 0));
    document.apply(&select(set(4, &[0]))).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    let snapshot = document.snapshot();
    assert_eq!((snapshot.state(), snapshot.undo_label()), (document.state(), None));
    let saving = std::thread::spawn(move || (snapshot.version(), snapshot.baked().unwrap().len()));
    document.apply(&Edit::SelectAll).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    let (version, written) = saving.join().unwrap();
    document.mark_saved(version);
    assert_eq!((written, document.is_modified()), (3, true));
    document.undo();
    assert!(!document.is_modified());
}

#[test]
fn baking_removes_and_moves() {
    let original = cloud(9, 2);
    let mut document = document(original.clone());
    assert_eq!(document.baked().unwrap(), original, "an untouched document keeps its bits");
    document.apply(&select(set(9, &[0, 4, 8]))).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    document.apply(&Edit::Transform(oblique())).unwrap();
    let baked = document.baked().unwrap();
    let mut expected = original.gather(&[1, 2, 3, 5, 6, 7]);
    oblique().transform_cloud(&mut expected);
    assert_eq!(baked, expected);
    document.apply(&Edit::SelectAll).unwrap();
    document.apply(&Edit::DeleteSelected).unwrap();
    assert!(document.baked().unwrap().is_empty());
    let mut empty = super::document(cloud(0, 3));
    assert!(!empty.apply(&Edit::SelectAll).unwrap() && empty.baked().unwrap().is_empty());
}

#[test]
fn row_edits_copy_rows_and_write_columns() {
    let original = cloud(5, 1);
    assert_eq!(RowEdit::identity(5).apply_to(&original).unwrap(), original);
    let write = |column, rows: Vec<u32>, values| ColumnWrite { column, rows, values, fresh: true };
    let edit = RowEdit {
        src: vec![3, 3, 0],
        fresh: vec![false, true, false],
        writes: vec![
            write("means", vec![1], vec![7.0, 8.0, 9.0]),
            write("shN", vec![2], vec![0.5; 9]),
            write("opacity_logits", vec![2, 0], vec![1.0, 2.0]),
        ],
    };
    let edited = edit.apply_to(&original).unwrap();
    assert_eq!(edited.means, [original.means[3], [7.0, 8.0, 9.0], original.means[0]]);
    assert_eq!(edited.opacity_logits, [2.0, original.opacity_logits[3], 1.0]);
    assert_eq!(edited.sh_rest[..9], original.sh_rest[27..36]);
    assert_eq!(edited.sh_rest[18..], [0.5; 9]);
    assert_eq!((&edited.quats[1], edited.sh_degree), (&original.quats[3], 1));
    let wrong = [
        RowEdit { src: vec![5], fresh: vec![false], writes: vec![] },
        RowEdit { src: vec![0], fresh: vec![], writes: vec![] },
        RowEdit { src: vec![0], fresh: vec![false], writes: vec![write("colour", vec![0], vec![1.0])] },
        RowEdit { src: vec![0], fresh: vec![false], writes: vec![write("quats", vec![0], vec![1.0])] },
        RowEdit { src: vec![0], fresh: vec![false], writes: vec![write("opacity_logits", vec![1], vec![1.0])] },
    ];
    for edit in wrong {
        assert!(edit.apply_to(&original).is_err(), "{edit:?}");
    }
    let mut torn = original.clone();
    torn.sh_rest.pop();
    assert!(RowEdit::identity(5).apply_to(&torn).is_err() && Document::new(Arc::new(torn)).is_err());
}

#[test]
fn hashes_tell_any_value_apart() {
    let original = cloud(5, 3);
    let hash = params_sha256(&original);
    assert_eq!((hash.len(), params_sha256(&original.clone())), (64, hash.clone()));
    let changes: [fn(&mut SplatCloud); 3] = [
        |cloud| cloud.sh_rest[224] += 1e-6,
        |cloud| cloud.quats[4][0] += 1e-6,
        |cloud| cloud.opacity_logits.swap(0, 1),
    ];
    for change in changes {
        let mut other = original.clone();
        change(&mut other);
        assert_ne!(params_sha256(&other), hash);
    }
}
