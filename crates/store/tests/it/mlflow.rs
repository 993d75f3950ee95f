//! The SQLite file of an MLflow server: of a known version it is read to the digit, of another one not at all, and it is never written.

use std::path::{Path, PathBuf};

use countersign_store::mlflow::{File, ForeignError, KNOWN};
use rusqlite::Connection;
use types::Code;

const TABLES: &str = "
CREATE TABLE alembic_version (version_num TEXT);
CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT, creation_time, last_update_time);
CREATE TABLE experiment_tags (key, value, experiment_id);
CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time, end_time, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id);
CREATE TABLE tags (key, value, run_uuid);
CREATE TABLE params (key, value, run_uuid);
CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan);
CREATE TABLE inputs (input_uuid TEXT, source_type, source_id, destination_type, destination_id, step);
CREATE TABLE input_tags (input_uuid, name, value);
CREATE TABLE datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile);
CREATE TABLE logged_models (model_id TEXT, experiment_id, name TEXT, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms,
    status INTEGER, lifecycle_stage TEXT, model_type, source_run_id, status_message);
CREATE TABLE logged_model_params (model_id, experiment_id, param_key, param_value);
CREATE TABLE logged_model_tags (model_id, experiment_id, tag_key, tag_value);
CREATE TABLE logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id, dataset_uuid,
    dataset_name, dataset_digest);
CREATE TABLE registered_models (name TEXT, creation_time, last_updated_time, description);
CREATE TABLE registered_model_tags (key, value, name);
CREATE TABLE registered_model_aliases (alias, version, name);
CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time, last_updated_time, description, user_id, current_stage, source, run_id, status,
    status_message, run_link, storage_location);
CREATE TABLE model_version_tags (key, value, name, version);
CREATE TABLE trace_info (request_id, experiment_id);
INSERT INTO experiments VALUES (3, 'risk', 'mlflow-artifacts:/3', 'deleted', 1, 2);
INSERT INTO experiment_tags VALUES ('owner', 'ana', 3);
INSERT INTO runs VALUES ('a', NULL, 'bo', 'FINISHED', 10, NULL, 'active', 'mlflow-artifacts:/3/a/artifacts', 3);
INSERT INTO tags VALUES ('t', NULL, 'a');
INSERT INTO params VALUES ('lr', '0.10', 'a');
INSERT INTO metrics VALUES ('loss', 0.1, 5, 'a', 9007199254740993, 0), ('loss', 0, 6, 'a', -1, 1), ('loss', 5e-324, 4, 'a', 0, 0);
INSERT INTO datasets VALUES ('d', 3, 'rows', 'abc', 'local', '{}', NULL, NULL);
INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'RUN', 'a', 0), ('j', 'RUN_INPUT', 'a', 'MODEL_INPUT', 'm-1', 0), ('k', 'RUN_OUTPUT', 'a', 'MODEL_OUTPUT', 'm-2', 7);
INSERT INTO input_tags VALUES ('i', 'k', 'v');
INSERT INTO logged_models VALUES ('m-2', 3, 'model', 'x', 1, 2, 2, 'deleted', NULL, 'a', 'odd');
INSERT INTO logged_model_metrics VALUES ('m-2', 'auc', 1, 0, 0.5, 3, 'a', 'd', 'rows', 'abc');
INSERT INTO registered_models VALUES ('fraud', 1, 2, NULL);
INSERT INTO registered_model_aliases VALUES ('champion', 1, 'fraud');
INSERT INTO model_versions VALUES ('fraud', 1, 3, 4, 'd', NULL, 'Production', 's3://b', '', 'READY', NULL, '', NULL),
    ('fraud', 4, 3, 4, NULL, NULL, 'Deleted_Internal', 'REDACTED-SOURCE-PATH', '', 'READY', NULL, '', NULL);
INSERT INTO trace_info VALUES ('tr-1', 3);
";

fn made(folder: &tempfile::TempDir, version: &str) -> PathBuf {
    let path = folder.path().join("mlflow.db");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(TABLES).unwrap();
    file.execute("INSERT INTO alembic_version VALUES (?1)", [version]).unwrap();
    path
}

fn refused(path: &Path) -> ForeignError {
    File::open(path).unwrap_err()
}

#[test]
fn a_file_of_a_known_version_is_read_to_the_digit() {
    for (version, release) in KNOWN {
        let folder = tempfile::tempdir().unwrap();
        let path = made(&folder, version);
        let before = std::fs::read(&path).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(file.release(), release);
        let experiments = file.experiments().unwrap();
        let one = &experiments.first().unwrap().item;
        assert_eq!((one.id, one.stage.as_str(), one.created, one.updated, one.tags.len()), (3, "deleted", 1, 2, 1));
        assert_eq!(file.runs(3, 0, 10).unwrap(), ["a"]);
        assert!(file.runs(3, 1, 10).unwrap().is_empty());
        let found = file.run("a").unwrap();
        let run = found.run.item;
        assert_eq!((run.name.as_str(), run.ended, run.model_inputs), ("", None, vec!["m-1".to_owned()]));
        assert_eq!(run.model_outputs.first().map(|made| (made.model.as_str(), made.step)), Some(("m-2", 7)));
        assert_eq!(run.datasets.first().unwrap().tags, [("k".to_owned(), "v".to_owned())]);
        assert_eq!(found.metrics, ["loss"]);
        let points = file.points("a", "loss", 0, 10).unwrap();
        let told: Vec<(i64, i64, f64)> =
            points.iter().map(|point| (point.at, point.step, point.value.parse().unwrap())).collect();
        assert_eq!(told.first(), Some(&(4, 0, 5e-324)));
        assert_eq!(told.get(1), Some(&(5, 9_007_199_254_740_993, 0.1)));
        assert!(told.get(2).unwrap().2.is_nan());
        let models = file.logged_models(3, 0, 10).unwrap();
        let model = models.first().unwrap();
        assert_eq!(
            (model.model.item.status.as_str(), model.model.item.stage.as_str(), model.points.len()),
            ("LOGGED_MODEL_READY", "deleted", 1)
        );
        assert_eq!(model.model.beyond, ["status_message"]);
        let registered = file.registered_models().unwrap();
        let registered = registered.first().unwrap();
        assert_eq!(registered.model.item.last, 4, "a number that was given stays given");
        assert_eq!(registered.aliases, [("champion".to_owned(), 1)]);
        let versions = file.model_versions().unwrap();
        let numbers: Vec<(i64, &str)> =
            versions.iter().map(|found| (found.version.item.number, found.stage.as_str())).collect();
        assert_eq!(numbers, [(1, "Production")]);
        assert_eq!(file.count_traces(3).unwrap(), 1);
        drop(file);
        assert_eq!(std::fs::read(&path).unwrap(), before, "it was written");
    }
}

#[test]
fn a_file_of_another_version_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&made(&folder, "from-the-future"));
    assert_eq!(error.code(), Code::ImportSourceUnknown);
    for (version, release) in KNOWN {
        assert!(error.to_string().contains(&format!("{version} (MLflow {release})")), "{error}");
    }
    let other = folder.path().join("other.db");
    std::fs::write(&other, "no database at all, and long enough to be taken for one").unwrap();
    assert_eq!(refused(&other).code(), Code::ImportSourceUnknown);
    assert_eq!(refused(&folder.path().join("none.db")).code(), Code::ImportSourceUnknown);
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn a_file_of_several_workspaces_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder, KNOWN.last().unwrap().0);
    let file = Connection::open(&path).unwrap();
    let more = "ALTER TABLE experiments ADD COLUMN workspace TEXT; ALTER TABLE registered_models ADD COLUMN workspace TEXT; \
                UPDATE experiments SET workspace = 'default'; UPDATE registered_models SET workspace = 'default';";
    file.execute_batch(more).unwrap();
    File::open(&path).unwrap();
    file.execute_batch("UPDATE registered_models SET workspace = 'other'").unwrap();
    assert_eq!(refused(&path).code(), Code::ImportSourceUnknown);
}

#[test]
fn a_file_that_breaks_off_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder, KNOWN.first().unwrap().0);
    Connection::open(&path).unwrap().execute_batch("DROP TABLE runs").unwrap();
    let error = File::open(&path).unwrap().runs(3, 0, 1).unwrap_err();
    assert_eq!(error.code(), Code::ImportSourceBroken);
}
