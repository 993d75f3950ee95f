//! Traces: what agents and programs did, each with tags, metadata, and the runs and prompts it belongs to.

use rusqlite::{OptionalExtension as _, Row, params};

use super::query::Query;
use super::{Change, Done, Page, Pair, View};

/// Holds traces, their spans, and what was judged of them.
pub(super) const TABLES: &str = "
CREATE TABLE trace (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    experiment     INTEGER NOT NULL REFERENCES experiment,
    at             INTEGER NOT NULL,
    took           INTEGER,
    state          TEXT NOT NULL,
    client_request TEXT,
    request        TEXT,
    response       TEXT
) STRICT;
CREATE INDEX trace_by_experiment ON trace (experiment, at DESC, id);
CREATE TABLE trace_tag (
    trace INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE trace_metadata (
    trace INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_by_session ON trace_metadata (value) WHERE key = 'mlflow.trace.session';
CREATE TABLE trace_run (
    trace INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    run   TEXT NOT NULL,
    PRIMARY KEY (trace, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE trace_prompt (
    trace  INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    prompt TEXT NOT NULL,
    PRIMARY KEY (trace, prompt)
) STRICT, WITHOUT ROWID;
-- The content is a text of JSON with all of it, of so many bytes. The tokens and the cost are objects of JSON.
CREATE TABLE span (
    trace   INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    id      TEXT NOT NULL,
    parent  TEXT,
    name    TEXT NOT NULL,
    kind    TEXT,
    status  TEXT NOT NULL,
    started INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    tokens  TEXT,
    cost    TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (trace, id)
) STRICT;
-- The value, the error and the metadata are texts of JSON; the number is the value, where that is one.
CREATE TABLE assessment (
    place       INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    trace       INTEGER NOT NULL REFERENCES trace ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    number      REAL,
    error       TEXT,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source      TEXT,
    span        TEXT,
    rationale   TEXT,
    overrides   TEXT,
    valid       INTEGER NOT NULL,
    metadata    TEXT
) STRICT;
CREATE INDEX assessment_by_trace ON assessment (trace, kind, name);
";

/// Is a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its place among all traces, by which what belongs to it is found.
    pub seq: i64,
    /// What it is.
    pub info: TraceInfo,
}

/// Is what a trace is, apart from what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceInfo {
    /// Its id.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// When it began, in milliseconds since the epoch.
    pub at: i64,
    /// How long it took, in milliseconds; absent if nobody says.
    pub took: Option<i64>,
    /// How it stands: `STATE_UNSPECIFIED`, `OK`, `ERROR` or `IN_PROGRESS`.
    pub state: String,
    /// The id that its caller gave it.
    pub client_request: Option<String>,
    /// What was asked, or the beginning of it.
    pub request: Option<String>,
    /// What was answered, or the beginning of it.
    pub response: Option<String>,
}

/// Says which traces of an experiment are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traces {
    /// Those of these ids.
    Named(Vec<String>),
    /// The oldest of those that began no later than at an instant, in milliseconds since the epoch.
    Until {
        /// The instant.
        at: i64,
        /// How many at most.
        count: Option<u64>,
    },
}

pub(super) const COLUMNS: &str =
    "t.seq, t.id, t.experiment, t.at, t.took, t.state, t.client_request, t.request, t.response";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Trace> {
    let info = TraceInfo {
        id: row.get(1)?,
        experiment: row.get(2)?,
        at: row.get(3)?,
        took: row.get(4)?,
        state: row.get(5)?,
        client_request: row.get(6)?,
        request: row.get(7)?,
        response: row.get(8)?,
    };
    Ok(Trace { seq: row.get(0)?, info })
}

impl View<'_> {
    /// Returns a trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trace(&self, id: &str) -> Done<Option<Trace>> {
        let sql = format!("SELECT {COLUMNS} FROM trace t WHERE t.id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns the tags of a trace, by key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trace_tags(&self, trace: i64) -> Done<Vec<Pair>> {
        self.pairs("SELECT key, value FROM trace_tag WHERE trace = ?1 ORDER BY key", trace)
    }

    /// Returns the metadata of a trace, by key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trace_metadata(&self, trace: i64) -> Done<Vec<Pair>> {
        self.pairs("SELECT key, value FROM trace_metadata WHERE trace = ?1 ORDER BY key", trace)
    }

    /// Returns the metadata of a trace of one key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trace_metadata_of(&self, trace: i64, key: &str) -> Done<Option<String>> {
        let sql = "SELECT value FROM trace_metadata WHERE trace = ?1 AND key = ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![trace, key], |row| row.get(0)).optional()?)
    }

    /// Returns the places of the traces of an experiment that are meant, the oldest first.
    fn meant(&self, experiment: i64, traces: &Traces) -> Done<Vec<i64>> {
        let mut query = Query::default();
        query.text("SELECT t.seq FROM trace t WHERE t.experiment = ").value(experiment);
        let limit = match traces {
            Traces::Named(ids) => {
                query.text(" AND t.id IN (").values(ids.iter().cloned()).text(")");
                None
            }
            Traces::Until { at, count } => {
                query.text(" AND t.at <= ").value(*at);
                *count
            }
        };
        query.text(" ORDER BY t.at, t.id");
        self.rows(query, Page { offset: 0, limit: limit.unwrap_or(u64::MAX) }, |row| row.get(0))
    }
}

impl Change<'_> {
    /// Adds a trace and returns its place.
    ///
    /// # Errors
    ///
    /// What the file says; also if there is one of that id.
    pub fn add_trace(&self, info: &TraceInfo) -> Done<i64> {
        let sql = "INSERT INTO trace (id, experiment, at, took, state, client_request, request, response) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        let TraceInfo { id, experiment, at, took, state, client_request, request, response } = info;
        Ok(insert.insert(params![id, experiment, at, took, state, client_request, request, response])?)
    }

    /// Sets all of a trace but its id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_trace(&self, trace: &Trace) -> Done<()> {
        let sql = "UPDATE trace SET experiment = ?2, at = ?3, took = ?4, state = ?5, client_request = ?6, \
                   request = ?7, response = ?8 WHERE seq = ?1";
        let TraceInfo { experiment, at, took, state, client_request, request, response, .. } = &trace.info;
        let values = params![trace.seq, experiment, at, took, state, client_request, request, response];
        self.0.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Sets a tag of a trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_trace(&self, trace: i64, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO trace_tag (trace, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (trace, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![trace, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of a trace; says whether it was there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_trace(&self, trace: i64, key: &str) -> Done<bool> {
        let sql = "DELETE FROM trace_tag WHERE trace = ?1 AND key = ?2";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![trace, key])? == 1)
    }

    /// Sets metadata of a trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_trace_metadata(&self, trace: i64, metadata: &Pair) -> Done<()> {
        let sql = "INSERT INTO trace_metadata (trace, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (trace, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![trace, metadata.key, metadata.value])?;
        Ok(())
    }

    /// Says that a trace belongs to a run, also if it does already.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn link_trace_to_run(&self, trace: i64, run: &str) -> Done<()> {
        let sql = "INSERT OR IGNORE INTO trace_run (trace, run) VALUES (?1, ?2)";
        self.0.0.prepare_cached(sql)?.execute(params![trace, run])?;
        Ok(())
    }

    /// Says that a trace has used a prompt, written as its name, a slash and its version; also if that is known.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn link_trace_to_prompt(&self, trace: i64, prompt: &str) -> Done<()> {
        let sql = "INSERT OR IGNORE INTO trace_prompt (trace, prompt) VALUES (?1, ?2)";
        self.0.0.prepare_cached(sql)?.execute(params![trace, prompt])?;
        Ok(())
    }

    /// Removes traces of an experiment with all that belongs to them; returns how many.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn remove_traces(&self, experiment: i64, traces: &Traces) -> Done<u64> {
        let meant = self.meant(experiment, traces)?;
        let mut remove = self.0.0.prepare_cached("DELETE FROM trace WHERE seq = ?1")?;
        let mut removed = 0;
        for seq in meant {
            removed += u64::from(remove.execute([seq])? == 1);
        }
        Ok(removed)
    }
}
