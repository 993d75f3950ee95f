//! What runs read and made: datasets and models.

use rusqlite::{OptionalExtension as _, params};

use super::{Change, Done, Pair, View};

/// Is a dataset of an experiment; its name and its digest together are its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its digest, as the client has computed it.
    pub digest: String,
    /// What kind of source it comes from.
    pub kind: String,
    /// Where it comes from.
    pub source: String,
    /// Its schema; may be empty.
    pub schema: String,
    /// What is known of its contents; may be empty.
    pub profile: String,
}

/// Is a dataset that a run has read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// The dataset.
    pub dataset: Dataset,
    /// What the run says of it, by key.
    pub tags: Vec<Pair>,
}

/// Is a model that a run has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The id of the model.
    pub model: String,
    /// The step of the training it was made at.
    pub step: i64,
}

impl View<'_> {
    /// Returns the datasets that a run has read, in the order in which they came.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn inputs(&self, run: i64) -> Done<Vec<Input>> {
        let sql = "SELECT i.id, d.name, d.digest, d.kind, d.source, d.schema, d.profile FROM input i \
                   JOIN dataset d ON d.id = i.dataset WHERE i.run = ?1 ORDER BY i.id";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([run], |row| {
            let dataset = Dataset {
                name: row.get(1)?,
                digest: row.get(2)?,
                kind: row.get(3)?,
                source: row.get(4)?,
                schema: row.get(5)?,
                profile: row.get(6)?,
            };
            Ok((row.get(0)?, dataset))
        })?;
        let tags = "SELECT key, value FROM input_tag WHERE input = ?1 ORDER BY key";
        rows.map(|row| {
            row.map_err(Into::into).and_then(|(id, dataset)| Ok(Input { dataset, tags: self.pairs(tags, id)? }))
        })
        .collect()
    }

    /// Returns the models that a run has read, by id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn model_inputs(&self, run: i64) -> Done<Vec<String>> {
        let mut query = self.0.prepare_cached("SELECT model FROM model_input WHERE run = ?1 ORDER BY model")?;
        let rows = query.query_map([run], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the models that a run has made, by id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn outputs(&self, run: i64) -> Done<Vec<Output>> {
        let mut query = self.0.prepare_cached("SELECT model, step FROM model_output WHERE run = ?1 ORDER BY model")?;
        let rows = query.query_map([run], |row| Ok(Output { model: row.get(0)?, step: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Notes that a run has read a dataset; once noted, nothing of it changes. A dataset that the experiment knows stays as it is.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_input(&self, experiment: i64, run: i64, input: &Input) -> Done<()> {
        let dataset = self.dataset(experiment, &input.dataset)?;
        let sql = "INSERT OR IGNORE INTO input (run, dataset) VALUES (?1, ?2)";
        if self.0.0.prepare_cached(sql)?.execute(params![run, dataset])? == 0 {
            return Ok(());
        }
        let id = self.0.0.last_insert_rowid();
        let mut insert = self.0.0.prepare_cached("INSERT INTO input_tag (input, key, value) VALUES (?1, ?2, ?3)")?;
        for tag in &input.tags {
            insert.execute(params![id, tag.key, tag.value])?;
        }
        Ok(())
    }

    fn dataset(&self, experiment: i64, dataset: &Dataset) -> Done<i64> {
        let Dataset { name, digest, kind, source, schema, profile } = dataset;
        let sql = "SELECT id FROM dataset WHERE experiment = ?1 AND name = ?2 AND digest = ?3";
        let known = self.0.0.prepare_cached(sql)?.query_row(params![experiment, name, digest], |row| row.get(0));
        if let Some(known) = known.optional()? {
            return Ok(known);
        }
        let sql = "INSERT INTO dataset (experiment, name, digest, kind, source, schema, profile) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        Ok(insert.insert(params![experiment, name, digest, kind, source, schema, profile])?)
    }

    /// Notes that a run has read a model.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_model_input(&self, run: i64, model: &str) -> Done<()> {
        let sql = "INSERT OR IGNORE INTO model_input (run, model) VALUES (?1, ?2)";
        self.0.0.prepare_cached(sql)?.execute(params![run, model])?;
        Ok(())
    }

    /// Notes that a run has made a model; says whether that is new.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_output(&self, run: i64, output: &Output) -> Done<bool> {
        let sql = "INSERT OR IGNORE INTO model_output (run, model, step) VALUES (?1, ?2, ?3)";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![run, output.model, output.step])? == 1)
    }
}
