//! Experiments, runs and logged models of an MLflow file.

use models::imports::mlflow::{Found, FoundModel, FoundRun};
use rusqlite::{OptionalExtension as _, Row};
use types::imports::{Dataset, Experiment, LoggedModel, ModelPoint, Output, Point, Run};

use super::{Done, File, ForeignError, number, text, value};

/// Are the states of logged models by their numbers.
const STATUSES: [(i64, &str); 3] =
    [(1, "LOGGED_MODEL_PENDING"), (2, "LOGGED_MODEL_READY"), (3, "LOGGED_MODEL_UPLOAD_FAILED")];

fn experiment(row: &Row<'_>) -> rusqlite::Result<Found<Experiment>> {
    let item = Experiment {
        id: row.get("experiment_id")?,
        name: row.get("name")?,
        location: None,
        stage: row.get("lifecycle_stage")?,
        created: number(row, "creation_time")?,
        updated: number(row, "last_update_time")?,
        tags: Vec::new(),
    };
    Ok(Found { item, files: text(row, "artifact_location")?, beyond: Vec::new() })
}

fn run(row: &Row<'_>) -> rusqlite::Result<Found<Run>> {
    let item = Run {
        id: row.get("run_uuid")?,
        experiment: row.get("experiment_id")?,
        name: text(row, "name")?,
        user: text(row, "user_id")?,
        status: row.get("status")?,
        started: number(row, "start_time")?,
        ended: row.get("end_time")?,
        stage: row.get("lifecycle_stage")?,
        location: None,
        tags: Vec::new(),
        params: Vec::new(),
        datasets: Vec::new(),
        model_inputs: Vec::new(),
        model_outputs: Vec::new(),
    };
    Ok(Found { item, files: text(row, "artifact_uri")?, beyond: Vec::new() })
}

fn logged_model(row: &Row<'_>) -> rusqlite::Result<Found<LoggedModel>> {
    let status: i64 = row.get("status")?;
    let known = STATUSES.iter().find(|(number, _)| *number == status).map(|(_, name)| (*name).to_owned());
    let message = text(row, "status_message")?;
    let beyond = if message.is_empty() { Vec::new() } else { vec!["status_message".to_owned()] };
    let item = LoggedModel {
        id: row.get("model_id")?,
        experiment: row.get("experiment_id")?,
        name: row.get("name")?,
        status: known.unwrap_or_else(|| status.to_string()),
        model_type: text(row, "model_type")?,
        source_run: text(row, "source_run_id")?,
        created: number(row, "creation_timestamp_ms")?,
        updated: number(row, "last_updated_timestamp_ms")?,
        stage: row.get("lifecycle_stage")?,
        location: None,
        params: Vec::new(),
        tags: Vec::new(),
    };
    Ok(Found { item, files: text(row, "artifact_location")?, beyond })
}

impl File {
    /// Reads all experiments, deleted ones too.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn experiments(&self) -> Done<Vec<Found<Experiment>>> {
        let mut all = self.all("SELECT * FROM experiments ORDER BY experiment_id", &[], experiment)?;
        for found in &mut all {
            let tags = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?1 ORDER BY key";
            found.item.tags = self.pairs(tags, &[&found.item.id])?;
        }
        Ok(all)
    }

    /// Returns the ids of an experiment's runs, deleted ones too, the oldest first; none behind the last.
    ///
    /// - `from`: how many are passed over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn runs(&self, experiment: i64, from: i64, limit: i64) -> Done<Vec<String>> {
        let sql = "SELECT run_uuid FROM runs WHERE experiment_id = ?1 ORDER BY start_time, run_uuid LIMIT ?3 OFFSET ?2";
        self.all(sql, &[&experiment, &from, &limit], |row| row.get(0))
    }

    /// Reads a run with everything but its points and files.
    ///
    /// # Errors
    ///
    /// What the file says; a run that is not there.
    pub fn run(&self, id: &str) -> Done<FoundRun> {
        let mut query = self.connection.prepare_cached("SELECT * FROM runs WHERE run_uuid = ?1")?;
        let found = query.query_row([id], run).optional()?;
        let mut found = found.ok_or_else(|| ForeignError::Broken(format!("the run `{id}` is gone")))?;
        let run = &mut found.item;
        run.tags = self.pairs("SELECT key, value FROM tags WHERE run_uuid = ?1 ORDER BY key", &[&id])?;
        run.params = self.pairs("SELECT key, value FROM params WHERE run_uuid = ?1 ORDER BY key", &[&id])?;
        run.datasets = self.datasets(id)?;
        let linked = "SELECT destination_id FROM inputs WHERE source_type = 'RUN_INPUT' AND source_id = ?1 \
                      AND destination_type = 'MODEL_INPUT' ORDER BY destination_id";
        run.model_inputs = self.all(linked, &[&id], |row| row.get(0))?;
        let made = "SELECT destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' AND source_id = ?1 \
                    AND destination_type = 'MODEL_OUTPUT' ORDER BY destination_id";
        let output = |row: &Row<'_>| Ok(Output { model: row.get(0)?, step: number(row, "step")? });
        run.model_outputs = self.all(made, &[&id], output)?;
        let metrics = "SELECT DISTINCT key FROM metrics WHERE run_uuid = ?1 ORDER BY key";
        Ok(FoundRun { metrics: self.all(metrics, &[&id], |row| row.get(0))?, run: found })
    }

    fn datasets(&self, run: &str) -> Done<Vec<Dataset>> {
        let sql = "SELECT i.input_uuid, d.* FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id \
                   WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?1 ORDER BY i.rowid";
        let read = |row: &Row<'_>| {
            let dataset = Dataset {
                name: row.get("name")?,
                digest: text(row, "digest")?,
                source_type: text(row, "dataset_source_type")?,
                source: text(row, "dataset_source")?,
                schema: text(row, "dataset_schema")?,
                profile: text(row, "dataset_profile")?,
                tags: Vec::new(),
            };
            Ok((row.get::<_, String>("input_uuid")?, dataset))
        };
        let mut sets = self.all(sql, &[&run], read)?;
        for (input, set) in &mut sets {
            let tags = "SELECT name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name";
            set.tags = self.pairs(tags, &[input])?;
        }
        Ok(sets.into_iter().map(|(_, set)| set).collect())
    }

    /// Counts the traces of an experiment.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn count_traces(&self, experiment: i64) -> Done<u64> {
        let sql = "SELECT count(*) FROM trace_info WHERE experiment_id = ?1";
        let count: i64 = self.connection.query_row(sql, [experiment], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Reads points of a run's metric, by time, step and value.
    ///
    /// - `from`: how many are passed over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn points(&self, run: &str, key: &str, from: i64, limit: i64) -> Done<Vec<Point>> {
        let sql = "SELECT timestamp, step, value, is_nan FROM metrics WHERE run_uuid = ?1 AND key = ?2 \
                   ORDER BY timestamp, step, value, is_nan LIMIT ?4 OFFSET ?3";
        self.all(sql, &[&run, &key, &from, &limit], |row| {
            let value = value(row.get("value")?, number(row, "is_nan")? != 0);
            Ok(Point { key: key.to_owned(), at: row.get("timestamp")?, step: row.get("step")?, value })
        })
    }

    /// Reads an experiment's logged models, deleted ones too.
    ///
    /// - `from`: how many are passed over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn logged_models(&self, experiment: i64, from: i64, limit: i64) -> Done<Vec<FoundModel>> {
        let sql = "SELECT * FROM logged_models WHERE experiment_id = ?1 \
                   ORDER BY creation_timestamp_ms, model_id LIMIT ?3 OFFSET ?2";
        let found = self.all(sql, &[&experiment, &from, &limit], logged_model)?;
        found.into_iter().map(|found| self.with_points(found)).collect()
    }

    fn with_points(&self, mut model: Found<LoggedModel>) -> Done<FoundModel> {
        let id = &model.item.id;
        let params = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?1 ORDER BY param_key";
        let tags = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?1 ORDER BY tag_key";
        let (params, tags) = (self.pairs(params, &[id])?, self.pairs(tags, &[id])?);
        let sql = "SELECT * FROM logged_model_metrics WHERE model_id = ?1 ORDER BY rowid";
        let points = self.all(sql, &[id], |row| {
            let name = text(row, "dataset_name")?;
            let digest = text(row, "dataset_digest")?;
            let point = Point {
                key: row.get("metric_name")?,
                at: row.get("metric_timestamp_ms")?,
                step: row.get("metric_step")?,
                value: value(row.get("metric_value")?, false),
            };
            let dataset = if name.is_empty() { None } else { Some((name, digest)) };
            Ok(ModelPoint { point, run: row.get("run_id")?, dataset })
        })?;
        (model.item.params, model.item.tags) = (params, tags);
        Ok(FoundModel { model, points })
    }
}
