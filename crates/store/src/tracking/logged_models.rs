//! Models that runs have logged, with their parameters, tags and metrics.

use models::order::ModelTerm;
use models::search::{Clause, Comparator, Entity};
use rusqlite::{OptionalExtension as _, Row, params};

use super::query::Query;
use super::search::keyed_by;
use super::{Change, Done, Metric, Page, Pair, Stage, View};

/// Holds files by path and digest, seals, and logged models.
pub(super) const TABLES: &str = "
CREATE TABLE artifact (
    path   TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    size   INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_by_digest ON artifact (digest);
-- What a path had once. Files that none has any more are removed by the next start.
CREATE TABLE artifact_gone (
    digest BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE logged_model (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    experiment INTEGER NOT NULL REFERENCES experiment,
    name       TEXT NOT NULL,
    location   TEXT NOT NULL,
    status     INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    source_run TEXT,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    stage      TEXT NOT NULL
) STRICT;
CREATE INDEX logged_model_by_experiment ON logged_model (experiment, stage, created DESC, id);
CREATE TABLE logged_model_param (
    place INTEGER PRIMARY KEY,
    model TEXT NOT NULL REFERENCES logged_model (id),
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (model, key)
) STRICT;
CREATE TABLE logged_model_tag (
    place INTEGER PRIMARY KEY,
    model TEXT NOT NULL REFERENCES logged_model (id),
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (model, key)
) STRICT;
-- Every point that was logged. What is not a number has the value 0.
CREATE TABLE logged_model_metric (
    place          INTEGER PRIMARY KEY,
    model          TEXT NOT NULL REFERENCES logged_model (id),
    key            TEXT NOT NULL,
    at             INTEGER NOT NULL,
    step           INTEGER NOT NULL,
    run            TEXT NOT NULL,
    value          REAL NOT NULL,
    nan            INTEGER NOT NULL,
    dataset_name   TEXT,
    dataset_digest TEXT,
    UNIQUE (model, key, at, step, run)
) STRICT;
CREATE TABLE seal (
    place  TEXT PRIMARY KEY,
    model  TEXT NOT NULL UNIQUE REFERENCES logged_model (id),
    digest BLOB NOT NULL,
    files  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL,
    record INTEGER
) STRICT, WITHOUT ROWID;
";

/// Is a model that a run has logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedModel {
    /// Its id.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// Its name; others may have it.
    pub name: String,
    /// Below which address its files are.
    pub location: String,
    /// How it stands: 1 pending, 2 ready, 3 not uploaded.
    pub status: i64,
    /// What kind of model it is, as they say; may be empty.
    pub kind: String,
    /// The run that made it, as they say.
    pub source_run: Option<String>,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When its status last changed, or it was deleted.
    pub updated: i64,
    /// Whether it is there.
    pub stage: Stage,
}

/// Is a dataset that a metric of a model is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDataset {
    /// Its name.
    pub name: String,
    /// Its digest; where metrics are searched, any if it is absent.
    pub digest: Option<String>,
}

/// Is a point of a metric of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMetric {
    /// The point.
    pub metric: Metric,
    /// The run that has measured it.
    pub run: String,
    /// The dataset that it was measured on.
    pub on: Option<OnDataset>,
}

/// Is what is looked for among logged models.
#[derive(Debug, Clone, Copy)]
pub struct ModelSearch<'a> {
    /// The experiments that are searched.
    pub of: &'a [i64],
    /// What must hold, all of it.
    pub filter: &'a [Clause],
    /// The datasets that metrics are to be on; any if there are none.
    pub on: &'a [OnDataset],
    /// What comes first.
    pub order: &'a [ModelTerm],
    /// The part that is wanted.
    pub page: Page,
}

const COLUMNS: &str =
    "m.id, m.experiment, m.name, m.location, m.status, m.kind, m.source_run, m.created, m.updated, m.stage";

fn read(row: &Row<'_>) -> rusqlite::Result<LoggedModel> {
    Ok(LoggedModel {
        id: row.get(0)?,
        experiment: row.get(1)?,
        name: row.get(2)?,
        location: row.get(3)?,
        status: row.get(4)?,
        kind: row.get(5)?,
        source_run: row.get(6)?,
        created: row.get(7)?,
        updated: row.get(8)?,
        stage: row.get(9)?,
    })
}

impl View<'_> {
    /// Returns a logged model, deleted or not.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn logged_model(&self, id: &str) -> Done<Option<LoggedModel>> {
        let sql = format!("SELECT {COLUMNS} FROM logged_model m WHERE m.id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns the tags of a logged model, by key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn logged_model_tags(&self, id: &str) -> Done<Vec<Pair>> {
        self.pairs_of("SELECT key, value FROM logged_model_tag WHERE model = ?1 ORDER BY key", id)
    }

    /// Returns the parameters of a logged model, by key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn logged_model_params(&self, id: &str) -> Done<Vec<Pair>> {
        self.pairs_of("SELECT key, value FROM logged_model_param WHERE model = ?1 ORDER BY key", id)
    }

    fn pairs_of(&self, sql: &str, id: &str) -> Done<Vec<Pair>> {
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([id], |row| Ok(Pair { key: row.get(0)?, value: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns every point of every metric of a logged model, in the order in which they came.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn logged_model_metrics(&self, id: &str) -> Done<Vec<ModelMetric>> {
        let sql = "SELECT key, value, nan, at, step, run, dataset_name, dataset_digest FROM logged_model_metric \
                   WHERE model = ?1 ORDER BY place";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([id], |row| {
            let (name, digest): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
            let on = name.map(|name| OnDataset { name, digest });
            Ok(ModelMetric { metric: super::metrics::read(row)?, run: row.get(5)?, on })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Finds logged models that are not deleted; none, if no experiment is named.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_logged_models(&self, search: ModelSearch<'_>) -> Done<Vec<LoggedModel>> {
        let mut query = Query::default();
        query.text(&format!("SELECT {COLUMNS} FROM logged_model m WHERE m.stage = 'active' AND m.experiment IN ("));
        query.values(search.of.iter().copied()).text(")");
        for clause in search.filter {
            query.text(" AND ");
            holds(&mut query, clause, search.on);
        }
        let has_metric = search.filter.iter().any(|clause| clause.entity == Entity::Metric);
        if !search.on.is_empty() && !has_metric {
            query.text(" AND EXISTS (SELECT 1 FROM logged_model_metric k WHERE k.model = m.id");
            on_one_of(&mut query, search.on);
            query.text(")");
        }
        query.text(" ORDER BY ");
        for term in search.order {
            ordered(&mut query, term);
            query.text(", ");
        }
        query.text("m.seq");
        self.rows(query, search.page, read)
    }
}

impl Change<'_> {
    /// Adds a logged model.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_logged_model(&self, model: &LoggedModel) -> Done<()> {
        let sql = "INSERT INTO logged_model (id, experiment, name, location, status, kind, source_run, created, updated, stage) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let m = model;
        self.0.0.prepare_cached(sql)?.execute(params![
            m.id,
            m.experiment,
            m.name,
            m.location,
            m.status,
            m.kind,
            m.source_run,
            m.created,
            m.updated,
            m.stage
        ])?;
        Ok(())
    }

    /// Says how a logged model stands from now on.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_logged_model_status(&self, id: &str, status: i64, now: i64) -> Done<()> {
        let sql = "UPDATE logged_model SET status = ?2, updated = ?3 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, status, now])?;
        Ok(())
    }

    /// Deletes a logged model; its files stay.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn delete_logged_model(&self, id: &str, now: i64) -> Done<()> {
        let sql = "UPDATE logged_model SET stage = 'deleted', updated = ?2 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, now])?;
        Ok(())
    }

    /// Sets a tag of a logged model; a key that is there keeps its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_logged_model(&self, id: &str, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO logged_model_tag (model, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (model, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![id, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of a logged model; says whether it was there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_logged_model(&self, id: &str, key: &str) -> Done<bool> {
        let sql = "DELETE FROM logged_model_tag WHERE model = ?1 AND key = ?2";
        Ok(self.0.0.prepare_cached(sql)?.execute([id, key])? == 1)
    }

    /// Adds a parameter to a logged model; says whether it had none of that key.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_logged_model_param(&self, id: &str, param: &Pair) -> Done<bool> {
        let sql = "INSERT OR IGNORE INTO logged_model_param (model, key, value) VALUES (?1, ?2, ?3)";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![id, param.key, param.value])? == 1)
    }

    /// Adds a point to a metric of a logged model; says whether there was none of that time, step and run, or the same.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn log_model_metric(&self, id: &str, point: &ModelMetric) -> Done<bool> {
        let (value, nan) = point.metric.kept();
        let (name, digest) = match &point.on {
            Some(on) => (Some(&on.name), on.digest.as_ref()),
            None => (None, None),
        };
        let metric = &point.metric;
        let values = params![id, metric.key, metric.at, metric.step, point.run, value, nan, name, digest];
        let sql = "INSERT OR IGNORE INTO logged_model_metric \
                   (model, key, at, step, run, value, nan, dataset_name, dataset_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        if self.0.0.prepare_cached(sql)?.execute(values)? == 1 {
            return Ok(true);
        }
        let sql = "SELECT value = ?6 AND nan = ?7 AND dataset_name IS ?8 AND dataset_digest IS ?9 FROM logged_model_metric \
                   WHERE model = ?1 AND key = ?2 AND at = ?3 AND step = ?4 AND run = ?5";
        Ok(self.0.0.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }
}

/// Returns the column of an attribute; an unknown one holds nothing.
fn column(key: &str) -> &'static str {
    match key {
        "artifact_location" => "m.location",
        "creation_timestamp" => "m.created",
        "experiment_id" => "m.experiment",
        "last_updated_timestamp" => "m.updated",
        "lifecycle_stage" => "m.stage",
        "model_id" => "m.id",
        "model_type" => "m.kind",
        "name" => "m.name",
        "source_run_id" => "coalesce(m.source_run, '')",
        "status" => "m.status",
        _ => "NULL",
    }
}

fn holds(query: &mut Query, clause: &Clause, on: &[OnDataset]) {
    match clause.entity {
        Entity::Tag => keyed_by(query, "logged_model_tag", "k.model = m.id", clause),
        Entity::Parameter => keyed_by(query, "logged_model_param", "k.model = m.id", clause),
        Entity::Metric => {
            query.text("EXISTS (SELECT 1 FROM logged_model_metric k WHERE k.model = m.id AND k.key = ");
            query.value(clause.key.clone());
            let differs = clause.comparator == Comparator::NotEqual;
            query.text(if differs { " AND (k.nan OR " } else { " AND (NOT k.nan AND " });
            query.compares("k.value", clause).text(")");
            if !on.is_empty() {
                on_one_of(query, on);
            }
            query.text(")");
        }
        _ => drop(query.compares(column(&clause.key), clause)),
    }
}

/// Demands that a metric is on one of these datasets.
fn on_one_of(query: &mut Query, on: &[OnDataset]) {
    query.text(" AND (false");
    for dataset in on {
        query.text(" OR (k.dataset_name = ").value(dataset.name.clone());
        if let Some(digest) = &dataset.digest {
            query.text(" AND k.dataset_digest = ").value(digest.clone());
        }
        query.text(")");
    }
    query.text(")");
}

/// Orders by a column, or by the latest point of a metric, with what is missing at the end.
fn ordered(query: &mut Query, term: &ModelTerm) {
    if term.term.entity == Entity::Metric {
        query.text("(SELECT CASE WHEN k.nan THEN NULL ELSE k.value END FROM logged_model_metric k WHERE k.model = m.id AND k.key = ");
        query.value(term.term.key.clone());
        if let Some(name) = &term.dataset_name {
            query.text(" AND k.dataset_name = ").value(name.clone());
        }
        if let Some(digest) = &term.dataset_digest {
            query.text(" AND k.dataset_digest = ").value(digest.clone());
        }
        query.text(" ORDER BY k.at DESC, k.step DESC, k.run DESC LIMIT 1)");
    } else {
        query.text(column(&term.term.key));
    }
    query.text(if term.term.ascending { " ASC" } else { " DESC" }).text(" NULLS LAST");
}
