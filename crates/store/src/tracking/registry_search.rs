//! Searches of registered models and of their versions. Prompts are kept as models, and found only by whoever asks for prompts.

use models::search::{Clause, Entity};

use super::query::Query;
use super::search::{Keyed, keyed, ordered};
use super::{Done, ModelVersion, RegisteredModel, Search, View, model_versions, registered_models};

const MODEL_TAG: Keyed = Keyed { table: "registered_model_tag", of: "k.model = m.seq" };
const VERSION_TAG: Keyed = Keyed { table: "model_version_tag", of: "k.version = v.seq" };

/// Says whether prompts are looked for, or everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompts {
    /// What the filter finds, prompts or not.
    AsFiltered,
    /// Everything but prompts.
    Excluded,
}

impl View<'_> {
    /// Finds registered models, with their tags and aliases.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_registered_models(&self, prompts: Prompts, search: Search<'_>) -> Done<Vec<RegisteredModel>> {
        let mut query = Query::default();
        query.text(&format!("SELECT {} FROM registered_model m WHERE true", registered_models::COLUMNS));
        if prompts == Prompts::Excluded {
            query.text(
                " AND NOT EXISTS (SELECT 1 FROM registered_model_tag p WHERE p.model = m.seq \
                 AND p.key = 'mlflow.prompt.is_prompt' AND p.value = 'true')",
            );
        }
        filtered(&mut query, search.filter, &MODEL_TAG, model_column);
        query.text(" ORDER BY ");
        for term in search.order {
            ordered(&mut query, model_column(&term.key), term);
            query.text(", ");
        }
        query.text("m.seq");
        let found = self.rows(query, search.page, registered_models::read)?;
        found.into_iter().map(|model| self.with_tags_and_aliases(model)).collect()
    }

    /// Finds versions that were not deleted, with their tags.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_model_versions(&self, prompts: Prompts, search: Search<'_>) -> Done<Vec<ModelVersion>> {
        let mut query = Query::default();
        let (columns, tables) = (model_versions::COLUMNS, model_versions::TABLES);
        query.text(&format!("SELECT {columns} FROM {tables} WHERE v.deleted = 0"));
        if prompts == Prompts::Excluded {
            // One version that is a prompt's makes a prompt of all of its name, one that was deleted too.
            query.text(
                " AND v.model NOT IN (SELECT o.model FROM model_version_tag p JOIN model_version o ON o.seq = p.version \
                 WHERE p.key = 'mlflow.prompt.is_prompt' AND p.value = 'true')",
            );
        }
        filtered(&mut query, search.filter, &VERSION_TAG, version_column);
        query.text(" ORDER BY ");
        for term in search.order {
            ordered(&mut query, version_column(&term.key), term);
            query.text(", ");
        }
        query.text("v.seq");
        let found = self.rows(query, search.page, model_versions::read)?;
        found.into_iter().map(|version| self.with_version_tags(version)).collect()
    }
}

fn filtered(query: &mut Query, filter: &[Clause], tag: &Keyed, column: fn(&str) -> &'static str) {
    for clause in filter {
        query.text(" AND ");
        match clause.entity {
            Entity::Tag => keyed(query, tag, clause),
            _ => drop(query.compares(column(&clause.key), clause)),
        }
    }
}

/// Returns the column of an attribute; an unknown one holds nothing.
fn model_column(key: &str) -> &'static str {
    match key {
        "name" => "m.name",
        "last_updated_timestamp" => "m.updated",
        _ => "NULL",
    }
}

fn version_column(key: &str) -> &'static str {
    match key {
        "name" => "m.name",
        "run_id" => "v.run",
        "source_path" => "v.source",
        "version_number" => "v.number",
        "creation_timestamp" => "v.created",
        "last_updated_timestamp" => "v.updated",
        _ => "NULL",
    }
}
