//! Registered models of an MLflow file.

use models::imports::mlflow::{Found, FoundRegistered, FoundVersion};
use rusqlite::Row;
use types::imports::{ModelVersion, RegisteredModel};

use super::{Done, File, number, text};

/// Is the stage of a version that was deleted; its number stays given.
const DELETED: &str = "Deleted_Internal";

fn model(row: &Row<'_>) -> rusqlite::Result<Found<RegisteredModel>> {
    let item = RegisteredModel {
        name: row.get("name")?,
        description: text(row, "description")?,
        created: number(row, "creation_time")?,
        updated: number(row, "last_updated_time")?,
        tags: Vec::new(),
        last: number(row, "last")?,
    };
    Ok(Found { item, files: String::new(), beyond: Vec::new() })
}

fn version(row: &Row<'_>) -> rusqlite::Result<FoundVersion> {
    let (user, status, message) = (text(row, "user_id")?, text(row, "status")?, text(row, "status_message")?);
    let mut beyond = Vec::new();
    for (name, is_said) in [("user_id", !user.is_empty()), ("status_message", !message.is_empty())] {
        if is_said {
            beyond.push(name.to_owned());
        }
    }
    if !matches!(status.as_str(), "" | "READY") {
        beyond.push(format!("status {status}"));
    }
    let source = text(row, "source")?;
    let item = ModelVersion {
        name: row.get("name")?,
        number: row.get("version")?,
        created: number(row, "creation_time")?,
        updated: number(row, "last_updated_time")?,
        description: text(row, "description")?,
        // The files of a logged model are named by where they are kept, where the source names them otherwise.
        model: String::new(),
        source,
        run: text(row, "run_id")?,
        run_link: text(row, "run_link")?,
        tags: Vec::new(),
        path: None,
    };
    Ok(FoundVersion {
        version: Found { item, files: text(row, "storage_location")?, beyond },
        stage: text(row, "current_stage")?,
    })
}

impl File {
    /// Reads all registered models and prompts; each with the highest number that a version of it ever had.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn registered_models(&self) -> Done<Vec<FoundRegistered>> {
        let sql = "SELECT m.*, (SELECT max(version) FROM model_versions v WHERE v.name = m.name) AS last \
                   FROM registered_models m ORDER BY m.name";
        let mut all = Vec::new();
        for mut model in self.all(sql, &[], model)? {
            let name = &model.item.name;
            let tags = "SELECT key, value FROM registered_model_tags WHERE name = ?1 ORDER BY key";
            let tags = self.pairs(tags, &[name])?;
            let aliases = "SELECT alias, version FROM registered_model_aliases WHERE name = ?1 ORDER BY alias";
            let aliases = self.all(aliases, &[name], |row| Ok((row.get(0)?, row.get(1)?)))?;
            model.item.tags = tags;
            all.push(FoundRegistered { model, aliases });
        }
        Ok(all)
    }

    /// Reads the versions of all registered models and prompts that were not deleted.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn model_versions(&self) -> Done<Vec<FoundVersion>> {
        let sql = "SELECT * FROM model_versions WHERE current_stage <> ?1 ORDER BY name, version";
        let mut all = self.all(sql, &[&DELETED], version)?;
        for found in &mut all {
            let tags = "SELECT key, value FROM model_version_tags WHERE name = ?1 AND version = ?2 ORDER BY key";
            let item = &found.version.item;
            found.version.item.tags = self.pairs(tags, &[&item.name, &item.number])?;
        }
        Ok(all)
    }
}
