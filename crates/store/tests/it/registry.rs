//! Registered models in the training file: what is kept for good, and what goes together.

use std::path::{Path, PathBuf};

use countersign_store::tracking::{
    Change, ModelMove, MoveKind, NameHeld, NewModelVersion, NewMove, Tracking, TrackingError,
};

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("tracking.db")
}

fn version(model: i64, number: i64) -> NewModelVersion<'static> {
    let (source, run) = ("s3://b/x", "");
    NewModelVersion { model, number, now: 1, description: "", source, location: source, run, run_link: "" }
}

fn moved(model: i64, name: &str, kind: MoveKind) -> NewMove<'_> {
    let (number, alias, before, after) = (None, None, None, None);
    NewMove {
        at: 1,
        by: "person:ana",
        on_behalf_of: None,
        model,
        name,
        kind,
        number,
        alias,
        before,
        after,
        action: None,
    }
}

/// Makes a model with one version, and notes that.
fn add(change: &Change<'_>, name: &str) -> Result<i64, TrackingError> {
    let model = change.add_registered_model(name, "", 1)?.unwrap();
    change.hold_name(name, NameHeld { model, last: 1 })?;
    change.add_model_version(version(model, 1))?;
    change.note_move(moved(model, name, MoveKind::ModelMade))?;
    Ok(model)
}

fn with_model(path: &Path) -> (Tracking, i64) {
    let tracking = Tracking::open(path).unwrap();
    let model = tracking.change(|change| add(change, "m")).unwrap();
    (tracking, model)
}

fn history(tracking: &Tracking, name: &str) -> Vec<ModelMove> {
    tracking.view::<_, TrackingError>(|view| view.model_history(name, 0, 1_000)).unwrap()
}

#[test]
fn a_move_that_was_noted_is_neither_changed_nor_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, _) = with_model(&file(&folder));
    let before = history(&tracking, "m");
    let connection = rusqlite::Connection::open(file(&folder)).unwrap();
    for sql in
        ["UPDATE model_move SET by = 'person:eve'", "DELETE FROM model_move", "DELETE FROM model_move WHERE seq = 1"]
    {
        let said = connection.execute(sql, []).unwrap_err().to_string();
        assert!(said.contains("a move that was noted stays"), "{sql}: {said}");
    }
    assert_eq!(history(&tracking, "m"), before);
}

#[test]
fn a_move_that_cannot_be_noted_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, model) = with_model(&file(&folder));
    let connection = rusqlite::Connection::open(file(&folder)).unwrap();
    let refuse = "CREATE TRIGGER t BEFORE INSERT ON model_move BEGIN SELECT RAISE(ABORT, 'no'); END";
    connection.execute_batch(refuse).unwrap();
    let point = move |change: &Change<'_>| {
        change.point_alias(model, "champion", Some(1))?;
        change.note_move(moved(model, "m", MoveKind::AliasMoved))
    };
    assert!(tracking.change(point).is_err());
    assert_eq!(tracking.view::<_, TrackingError>(|view| view.alias(model, "champion")).unwrap(), None);
    connection.execute_batch("DROP TRIGGER t").unwrap();
    tracking.change(point).unwrap();
    assert_eq!(tracking.view::<_, TrackingError>(|view| view.alias(model, "champion")).unwrap(), Some(1));
}

#[test]
fn an_alias_names_a_version_that_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, model) = with_model(&file(&folder));
    let point =
        |number| tracking.change::<_, TrackingError>(move |change| change.point_alias(model, "a", Some(number)));
    assert!(point(2).is_err());
    point(1).unwrap();
    // A model goes with what it has, but for what names its versions: that is to be moved, and noted, by whoever deletes it.
    let delete = move || tracking.change::<_, TrackingError>(move |change| change.delete_registered_model(model));
    assert!(delete().is_err());
}

#[test]
fn what_a_name_has_given_and_who_moved_what_outlives_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let (tracking, first) = with_model(&file(&folder));
    tracking.change::<_, TrackingError>(move |change| change.delete_registered_model(first)).unwrap();
    drop(tracking);
    let tracking = Tracking::open(&file(&folder)).unwrap();
    let held = || tracking.view::<_, TrackingError>(|view| view.name_held("m")).unwrap();
    assert_eq!(held(), Some(NameHeld { model: first, last: 1 }));
    let second = tracking.change(|change| {
        let model = change.add_registered_model("m", "", 2)?.unwrap();
        change.hold_name("m", NameHeld { model, last: 0 })?;
        change.note_move(moved(model, "m", MoveKind::ModelMade))?;
        Ok::<_, TrackingError>(model)
    });
    let second = second.unwrap();
    assert_ne!(first, second, "a model's number is never given twice");
    assert_eq!(held(), Some(NameHeld { model: second, last: 1 }), "what was given stays given");
    assert_eq!(history(&tracking, "m").iter().map(|one| one.model).collect::<Vec<_>>(), [first, second]);
    assert_eq!(history(&tracking, "nobody"), []);
}
