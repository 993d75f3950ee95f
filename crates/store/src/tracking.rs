//! Training: experiments, runs, and what runs log, in a file of its own beside the journal.
//!
//! Metrics come by the thousand and decide nothing, so they stay out of the journal. A change is durable when it is answered: one thread
//! takes what waits, makes each change in a savepoint of its own, and answers all of them once they are synced together. Readers see
//! what is committed, each from one moment.

mod artifacts;
mod assessments;
mod attestations;
mod change;
mod data_checks;
mod datasets;
mod deployments;
mod experiments;
mod features;
mod host_keys;
mod imports;
mod incidents;
pub mod lineage;
mod logged_models;
mod metrics;
mod model_history;
mod model_versions;
mod observations;
mod pipelines;
mod placements;
mod query;
mod registered_models;
mod registry_search;
mod runs;
mod seals;
mod search;
mod spans;
mod trace_search;
mod traces;
mod webhooks;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use types::Code;

use crate::plans;
use change::Writing;

pub use artifacts::{Artifact, Child};
pub use assessments::Assessment;
pub use attestations::Attested;
pub use datasets::{Dataset, Input, Output};
pub use deployments::Deployment;
pub use experiments::{Experiment, NewExperiment};
pub use features::{FEATURE_KIND, Feature, FeatureSide};
pub use host_keys::HostKeyKept;
pub use imports::{Import, Mark};
pub use incidents::{IncidentKept, IncidentWish};
pub use logged_models::{LoggedModel, ModelMetric, ModelSearch, OnDataset};
pub use metrics::Metric;
pub use model_history::{ModelMove, MoveKind, NewMove};
pub use model_versions::{ModelVersion, NewModelVersion};
pub use observations::{Observation, ProbeKept};
pub use pipelines::{Driven, Registered};
pub use placements::{After, Placement};
pub use registered_models::{Alias, NameHeld, RegisteredModel};
pub use registry_search::Prompts;
pub use runs::{NewRun, Run, RunChange, RunData};
pub use seals::Seal;
pub use search::{Page, Search};
pub use spans::{Span, SpanUse, Used};
pub use trace_search::TraceSearch;
pub use traces::{Trace, TraceInfo, Traces};
pub use webhooks::{NewDelivery, NewWebhook, Webhook, WebhookChange, WebhookDelivery};

/// Are the steps by which the tables came about; a file's version is how many of them it has taken.
const STEPS: [&str; 16] = [
    RUNS,
    logged_models::TABLES,
    registered_models::TABLES,
    lineage::TABLES,
    model_history::ACTION,
    traces::TABLES,
    attestations::TABLES,
    deployments::TABLES,
    features::TABLES,
    webhooks::TABLES,
    seals::OF_RUNS,
    model_versions::BY_RUN,
    imports::TABLES,
    pipelines::TABLES,
    observations::TABLES,
    features::DATASETS,
];

/// Is how many connections for reading are kept open while nobody reads.
const READERS_KEPT: usize = 8;

const RUNS: &str = "
CREATE TABLE experiment (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    stage    TEXT NOT NULL,
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL
) STRICT;
CREATE TABLE experiment_tag (
    place      INTEGER PRIMARY KEY,
    experiment INTEGER NOT NULL REFERENCES experiment,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    UNIQUE (experiment, key)
) STRICT;
CREATE TABLE run (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    experiment INTEGER NOT NULL REFERENCES experiment,
    name       TEXT NOT NULL,
    user       TEXT NOT NULL,
    status     TEXT NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER,
    stage      TEXT NOT NULL,
    location   TEXT NOT NULL
) STRICT;
CREATE INDEX run_by_experiment ON run (experiment, stage, started DESC, id);
CREATE TABLE run_tag (
    place INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES run,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (run, key)
) STRICT;
CREATE TABLE param (
    place INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES run,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (run, key)
) STRICT;
-- A metric of a run, with its latest point. What is not a number has the value 0.
CREATE TABLE series (
    id    INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES run,
    key   TEXT NOT NULL,
    at    INTEGER NOT NULL,
    step  INTEGER NOT NULL,
    value REAL NOT NULL,
    nan   INTEGER NOT NULL,
    UNIQUE (run, key)
) STRICT;
CREATE TABLE point (
    series INTEGER NOT NULL REFERENCES series,
    at     INTEGER NOT NULL,
    step   INTEGER NOT NULL,
    value  REAL NOT NULL,
    nan    INTEGER NOT NULL,
    PRIMARY KEY (series, at, step, value, nan)
) STRICT, WITHOUT ROWID;
CREATE TABLE dataset (
    id         INTEGER PRIMARY KEY,
    experiment INTEGER NOT NULL REFERENCES experiment,
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    source     TEXT NOT NULL,
    schema     TEXT NOT NULL,
    profile    TEXT NOT NULL,
    UNIQUE (experiment, name, digest)
) STRICT;
CREATE TABLE input (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run,
    dataset INTEGER NOT NULL REFERENCES dataset,
    UNIQUE (run, dataset)
) STRICT;
CREATE TABLE input_tag (
    input INTEGER NOT NULL REFERENCES input,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (input, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE model_input (
    run   INTEGER NOT NULL REFERENCES run,
    model TEXT NOT NULL,
    PRIMARY KEY (run, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE model_output (
    run   INTEGER NOT NULL REFERENCES run,
    model TEXT NOT NULL,
    step  INTEGER NOT NULL,
    PRIMARY KEY (run, model)
) STRICT, WITHOUT ROWID;
";

/// Says why training cannot be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrackingError {
    /// The file cannot be read or written, or what is in it makes no sense.
    #[error("the training file cannot be used: {0}")]
    Database(String),
    /// A later version has written it.
    #[error("the training file has version {0}, this program knows {known}", known = STEPS.len())]
    Version(i64),
    /// There is no room for what was to be written; nothing was.
    #[error("the disk is full")]
    DiskFull,
    /// The thread that writes has ended.
    #[error("the training file is closed")]
    Closed,
}

impl TrackingError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::DiskFull => Code::DiskFull,
            Self::Database(_) | Self::Version(_) | Self::Closed => Code::FileUnusable,
        }
    }
}

impl From<rusqlite::Error> for TrackingError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Database(error.to_string()),
        }
    }
}

pub(crate) type Done<T> = Result<T, TrackingError>;

/// Is one key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// The value; may be empty.
    pub value: String,
}

/// Says whether something was deleted. What is deleted can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is there.
    Active,
    /// It is hidden, and takes no changes.
    Deleted,
}

impl Stage {
    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}

impl ToSql for Stage {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Stage {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "active" => Ok(Self::Active),
            "deleted" => Ok(Self::Deleted),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Keeps training.
#[derive(Debug)]
pub struct Tracking {
    path: PathBuf,
    writing: Writing,
    readers: Mutex<Vec<Connection>>,
}

/// Reads, from one moment.
#[derive(Debug)]
pub struct View<'a>(&'a Connection);

/// Reads and writes, as one of the changes that are made together.
#[derive(Debug)]
pub struct Change<'a>(View<'a>);

impl<'a> Deref for Change<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.0
    }
}

impl Tracking {
    /// Opens the file, makes it if there is none, and starts the thread that writes.
    ///
    /// # Errors
    ///
    /// [`TrackingError`], as described there.
    pub fn open(path: &Path) -> Done<Self> {
        let mut connection = connect(path)?;
        let tx = connection.transaction()?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let taken = usize::try_from(version).map_err(|_| TrackingError::Version(version))?;
        let missing = STEPS.get(taken..).ok_or(TrackingError::Version(version))?;
        for (version, step) in (version + 1..).zip(missing) {
            tx.execute_batch(step)?;
            tx.pragma_update(None, "user_version", version)?;
        }
        tx.commit()?;
        let writing = Writing::start(connection)?;
        Ok(Self { path: path.to_owned(), writing, readers: Mutex::default() })
    }

    /// Makes a change, and waits until it is synced.
    ///
    /// `work` runs on the thread that writes, so it MUST NOT wait for anything. If it refuses, nothing that it wrote stays.
    ///
    /// # Errors
    ///
    /// What `work` says, or why nothing of it was written.
    pub fn change<T, E>(&self, work: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<TrackingError> + Send + 'static,
    {
        self.writing.ask(work)
    }

    /// Reads from one moment.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn view<T, E: From<TrackingError>>(&self, work: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        let kept = self.readers().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let read = from_one_moment(&connection, work);
        let mut readers = self.readers();
        if readers.len() < READERS_KEPT {
            readers.push(connection);
        }
        read
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn from_one_moment<T, E: From<TrackingError>>(
    connection: &Connection,
    work: impl FnOnce(&View<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let tx = connection.unchecked_transaction().map_err(TrackingError::from)?;
    work(&View(&tx))
}

fn connect(path: &Path) -> Done<Connection> {
    let connection = Connection::open(path)?;
    plans::keep(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "case_sensitive_like", true)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    /// Makes a file as an earlier version left it, with an experiment and what else is told.
    fn file_of(version: usize, rows: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("tracking.db")).unwrap();
        STEPS[..version].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
        connection
            .execute_batch("INSERT INTO experiment VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1, 1)")
            .unwrap();
        connection.execute_batch(rows).unwrap();
        folder
    }

    #[test]
    fn a_file_of_any_earlier_version_is_taken_over_with_what_is_in_it() {
        for version in 1..=STEPS.len() {
            let folder = file_of(version, "");
            let tracking = Tracking::open(&folder.path().join("tracking.db")).unwrap();
            assert!(tracking.view::<_, TrackingError>(|view| view.experiment(0)).unwrap().is_some(), "{version}");
            assert_eq!(tracking.view::<_, TrackingError>(|view| view.trace("t1")).unwrap(), None, "{version}");
        }
    }

    #[test]
    fn a_seal_from_before_those_of_runs_stays() {
        let folder = file_of(
            10,
            "INSERT INTO logged_model (id, experiment, name, kind, location, status, created, updated, stage)
                 VALUES ('m-1', 0, 'one', '', 'mlflow-artifacts:/0/models/m-1/artifacts', 2, 1, 1, 'active');
             INSERT INTO seal (place, model, digest, files, bytes, at, by, record)
                 VALUES ('0/models/m-1/artifacts', 'm-1', zeroblob(32), 2, 9, 5, 'person:ana', 7);",
        );
        let kept = Tracking::open(&folder.path().join("tracking.db")).unwrap();
        let seal = |model: &'static str| kept.view::<_, TrackingError>(|view| view.seal(model)).unwrap();
        let old = seal("m-1").unwrap();
        let seen = (old.place.as_str(), old.files, old.bytes, old.at, old.record);
        assert_eq!(seen, ("0/models/m-1/artifacts", 2, 9, 5, Some(7)));
        let of_run = Seal { model: "runs:/r/model".into(), place: "0/r/artifacts/model".into(), ..old };
        let new = of_run.clone();
        kept.change::<_, TrackingError>(move |change| change.seal_model(&new)).unwrap();
        assert_eq!(seal("runs:/r/model"), Some(of_run));
    }

    #[test]
    fn what_hosts_had_said_is_kept_as_reported() {
        let said = "INSERT INTO observation VALUES ('fraud', 'eu', 7, zeroblob(32), 'agent:bot', 'as-declared', 1, 2)";
        let folder = file_of(10, said);
        let tracking = Tracking::open(&folder.path().join("tracking.db")).unwrap();
        let seen = tracking.view::<_, TrackingError>(|view| view.observations(None)).unwrap().remove(0);
        assert_eq!((seen.means.as_str(), seen.version, seen.by.as_str()), ("reported", Some(7), "agent:bot"));
        assert_eq!((seen.state.as_str(), seen.first, seen.last), ("as-declared", 1, 2));
        assert!(seen.digest.is_some() && seen.others.is_empty() && seen.images.is_empty());
    }

    #[test]
    fn what_was_registered_elsewhere_is_driven_by_no_pipeline() {
        let folder = file_of(
            STEPS.len(),
            "INSERT INTO import (id, source, by, began) VALUES ('i', 'http://mlflow.example', 'person:ana', 1);
             INSERT INTO imported (kind, id, import, said, at) VALUES ('model-version', 'fraud/2', 'i', zeroblob(32), 1);
             INSERT INTO model_move (at, by, model, name, kind, number)
                 VALUES (1, 'person:ana', 1, 'fraud', 'version-made', 1), (1, 'person:ana', 1, 'fraud', 'version-made', 2);",
        );
        let tracking = Tracking::open(&folder.path().join("tracking.db")).unwrap();
        let found = tracking.view::<_, TrackingError>(|view| view.newly_registered(9)).unwrap();
        assert_eq!(found.iter().map(|one| one.number).collect::<Vec<_>>(), [1]);
    }
}
