//! Definitions of features stay, and their values are kept once.

use countersign_store::tracking::{Feature, FeatureSide, Tracking, TrackingError};
use models::feature::{Definition, Kind, SourceDataset};
use models::skew::{Row, Value};

fn datasets() -> Vec<SourceDataset> {
    ["a", "b"].map(|name| SourceDataset { namespace: "ns".to_owned(), name: name.to_owned() }).to_vec()
}

fn feature(name: &str, version: i64) -> Feature {
    let [name, concept, entity, window, transformation] = [name, "c", "e", "7d", "t"].map(str::to_owned);
    let definition =
        Definition { name, concept, entity, kind: Kind::Boolean, window, transformation, datasets: datasets() };
    let [owner, origin, digest, by] = ["o", "", "d", "person:dan"].map(str::to_owned);
    Feature { seq: 0, version, definition, owner, origin, digest, at: 5, by }
}

fn filled(folder: &tempfile::TempDir) -> Tracking {
    let tracking = Tracking::open(&folder.path().join("tracking.db")).unwrap();
    let made = tracking.change::<_, TrackingError>(|change| {
        [feature("b", 1), feature("a", 1), feature("a", 2)].iter().try_for_each(|one| change.add_feature(one))
    });
    made.unwrap();
    tracking
}

#[test]
fn a_definition_cannot_be_changed_removed_or_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder);
    let again = tracking.change::<_, TrackingError>(|change| change.add_feature(&feature("a", 2)));
    assert!(again.is_err());
    let connection = rusqlite::Connection::open(folder.path().join("tracking.db")).unwrap();
    for sql in [
        "UPDATE feature SET transformation = 'x'",
        "DELETE FROM feature",
        "UPDATE feature_dataset SET name = 'x'",
        "DELETE FROM feature_dataset",
    ] {
        let refused = connection.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("a definition stays"), "{sql}: {refused}");
    }
    let versions = tracking.view::<_, TrackingError>(|view| view.feature_versions("a")).unwrap();
    assert_eq!(versions, [feature("a", 1), feature("a", 2)].map(|one| Feature { seq: one.version + 1, ..one }));
}

#[test]
fn of_each_feature_the_latest_version_is_listed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder);
    let listed = |after: &str, limit: u64| -> Vec<(String, i64)> {
        let found = tracking.view::<_, TrackingError>(|view| view.features(after, limit)).unwrap();
        found.into_iter().map(|one| (one.definition.name, one.version)).collect()
    };
    assert_eq!(listed("", 9), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!((listed("", 1).len(), listed("a", 9).len(), listed("b", 9).len()), (1, 1, 0));
}

#[test]
fn a_value_is_kept_once_on_each_side_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let tracking = filled(&folder);
    let number = |value: f64| Value::number(value.to_bits());
    let row = |at: i64, value: Value| Row { entity: "é".into(), at, value };
    let rows = [row(-1, number(0.1)), row(0, Value::Missing), row(1, Value::Text(String::new())), row(2, number(-0.0))];
    let put = |side: FeatureSide, row: Row| {
        tracking.change::<_, TrackingError>(move |change| change.add_feature_value(1, side, &row)).unwrap()
    };
    for row in &rows {
        assert_eq!(put(FeatureSide::Training, row.clone()), None);
        assert_eq!(put(FeatureSide::Training, row.clone()), Some(row.clone()));
    }
    assert_eq!(put(FeatureSide::Training, row(0, number(7.0))), Some(rows[1].clone()), "what is there stays");
    assert_eq!(put(FeatureSide::Serving, row(0, number(7.0))), None, "the other side is another");
    tracking
        .view::<_, TrackingError>(|view| {
            assert_eq!(view.feature_values(1, FeatureSide::Training, 9)?, rows);
            assert_eq!(view.feature_values(1, FeatureSide::Training, 2)?, rows[..2]);
            assert!(
                view.has_feature_values(1, FeatureSide::Serving)?
                    && !view.has_feature_values(2, FeatureSide::Serving)?
            );
            Ok(())
        })
        .unwrap();
}
