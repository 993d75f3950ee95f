//! What is known of what runs, in files of before.

use countersign_store::tracking::{Tracking, TrackingError};

const BEFORE: &str = "
DROP TABLE incident; DROP TABLE host_key; DROP TABLE probe; DROP TABLE observation;
DROP INDEX model_move_by_alias; DROP INDEX model_move_by_version; DROP INDEX model_version_staged;
CREATE TABLE observation (
    model TEXT NOT NULL, target TEXT NOT NULL, version INTEGER, digest BLOB, by TEXT NOT NULL, state TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (model, target)
) STRICT, WITHOUT ROWID;
INSERT INTO observation VALUES ('fraud', 'eu', 7, zeroblob(32), 'agent:bot', 'as-declared', 1, 2);
PRAGMA user_version = 10;
";

#[test]
fn what_hosts_had_said_is_kept_as_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tracking.db");
    drop(Tracking::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch(BEFORE).unwrap();
    let tracking = Tracking::open(&path).unwrap();
    let seen = tracking.view::<_, TrackingError>(|view| view.observations(None)).unwrap().remove(0);
    assert_eq!((seen.means.as_str(), seen.version, seen.by.as_str()), ("reported", Some(7), "agent:bot"));
    assert_eq!((seen.state.as_str(), seen.first, seen.last), ("as-declared", 1, 2));
    assert!(seen.digest.is_some() && seen.others.is_empty() && seen.images.is_empty());
}
