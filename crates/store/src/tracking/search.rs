//! Searches: filters and orders as [`models`] reads them, run as queries.

use models::order::Term;
use models::search::{Clause, Comparator, Entity};
use rusqlite::params_from_iter;

use super::query::Query;
use super::{Done, Experiment, Run, Stage, View, experiments, runs};
use crate::writer::as_i64;

/// Is which part of what is found is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many are passed over.
    pub offset: u64,
    /// How many are returned at most.
    pub limit: u64,
}

/// Is what is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Only what is there, or what is deleted; or both.
    pub stage: Option<Stage>,
    /// What must hold, all of it.
    pub filter: &'a [Clause],
    /// What comes first.
    pub order: &'a [Term],
    /// The part that is wanted.
    pub page: Page,
}

/// Finds a run's tag or parameter of a key, or anything else that has a key and a value.
pub(super) struct Keyed {
    pub(super) table: &'static str,
    pub(super) of: &'static str,
}

const RUN_TAG: Keyed = Keyed { table: "run_tag", of: "k.run = r.seq" };
const PARAM: Keyed = Keyed { table: "param", of: "k.run = r.seq" };
const EXPERIMENT_TAG: Keyed = Keyed { table: "experiment_tag", of: "k.experiment = e.id" };

/// Are the columns of a run that never lack a value.
const WHOLE: [&str; 6] = ["r.id", "r.name", "r.user", "r.status", "r.started", "r.location"];

impl View<'_> {
    /// Finds experiments, with their tags.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_experiments(&self, search: Search<'_>) -> Done<Vec<Experiment>> {
        let mut query = Query::default();
        query.text(&format!("SELECT {} FROM experiment e WHERE true", experiments::COLUMNS));
        if let Some(stage) = search.stage {
            query.text(" AND e.stage = ").value(stage.name().to_owned());
        }
        for clause in search.filter {
            query.text(" AND ");
            match clause.entity {
                Entity::Tag => keyed(&mut query, &EXPERIMENT_TAG, clause),
                _ => drop(query.compares(experiment_column(&clause.key), clause)),
            }
        }
        query.text(" ORDER BY ");
        for term in search.order {
            ordered(&mut query, experiment_column(&term.key), term);
            query.text(", ");
        }
        query.text("e.id DESC");
        let found = self.rows(query, search.page, experiments::read)?;
        found.into_iter().map(|experiment| self.with_tags(experiment)).collect()
    }

    /// Finds runs of experiments; none, if no experiment is named.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_runs(&self, of: &[i64], search: Search<'_>) -> Done<Vec<Run>> {
        let mut query = Query::default();
        query.text(&format!("SELECT {} FROM run r", runs::COLUMNS));
        for (n, term) in search.order.iter().enumerate() {
            joined(&mut query, n, term);
        }
        query.text(" WHERE r.experiment IN (").values(of.iter().copied()).text(")");
        if let Some(stage) = search.stage {
            query.text(" AND r.stage = ").value(stage.name().to_owned());
        }
        for clause in search.filter {
            query.text(" AND ");
            run_holds(&mut query, clause);
        }
        query.text(" ORDER BY ");
        for (n, term) in search.order.iter().enumerate() {
            match term.entity {
                Entity::Attribute => ordered(&mut query, run_column(&term.key), term),
                Entity::Metric => {
                    query.text(&format!("CASE WHEN o{n}.id IS NULL THEN 2 ELSE o{n}.nan END, o{n}.value"));
                    query.text(if term.ascending { " ASC" } else { " DESC" });
                }
                _ => ordered(&mut query, &format!("o{n}.value"), term),
            }
            query.text(", ");
        }
        query.text("r.seq");
        self.rows(query, search.page, runs::read)
    }

    pub(super) fn rows<T>(
        &self,
        mut query: Query,
        page: Page,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Done<Vec<T>> {
        query.text(" LIMIT ").value(as_i64(page.limit)).text(" OFFSET ").value(as_i64(page.offset));
        let (sql, values) = query.parts();
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params_from_iter(values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Returns the column of an attribute; an unknown one holds nothing.
fn experiment_column(key: &str) -> &'static str {
    match key {
        "experiment_id" => "e.id",
        "name" => "e.name",
        "creation_time" => "e.created",
        "last_update_time" => "e.updated",
        _ => "NULL",
    }
}

fn run_column(key: &str) -> &'static str {
    match key {
        "run_id" => "r.id",
        "run_name" => "r.name",
        "user_id" => "r.user",
        "status" => "r.status",
        "start_time" => "r.started",
        "end_time" => "r.ended",
        "artifact_uri" => "r.location",
        _ => "NULL",
    }
}

/// Joins what a term orders by, if it is no column of the run.
fn joined(query: &mut Query, n: usize, term: &Term) {
    let table = match term.entity {
        Entity::Metric => "series",
        Entity::Parameter => "param",
        Entity::Tag => "run_tag",
        _ => return,
    };
    query.text(&format!(" LEFT JOIN {table} o{n} ON o{n}.run = r.seq AND o{n}.key = ")).value(term.key.clone());
}

/// Orders by a column, with what is missing at the end. Of a column that never lacks anything it says no more than its index does, which is
/// then read in that order.
pub(super) fn ordered(query: &mut Query, column: &str, term: &Term) {
    let order = match term.ascending {
        // Nothing is the smallest value already.
        false => " DESC",
        true if WHOLE.contains(&column) => " ASC",
        true => " ASC NULLS LAST",
    };
    query.text(column).text(order);
}

fn run_holds(query: &mut Query, clause: &Clause) {
    match (clause.entity, clause.key.as_str()) {
        // A run is renamed by its tag, and the tag is what is searched.
        (Entity::Attribute, "run_name") => {
            keyed(query, &RUN_TAG, &Clause { key: "mlflow.runName".to_owned(), ..clause.clone() });
        }
        (Entity::Attribute, key) => drop(query.compares(run_column(key), clause)),
        (Entity::Tag, _) => keyed(query, &RUN_TAG, clause),
        (Entity::Parameter, _) => keyed(query, &PARAM, clause),
        (Entity::Metric, _) => metric(query, clause),
        (Entity::Dataset, _) => dataset(query, clause),
        // No filter of runs has these, and no run.
        _ => drop(query.text("false")),
    }
}

/// Compares the value of a key; a key that is missing compares with nothing but its absence.
pub(super) fn keyed(query: &mut Query, keyed: &Keyed, clause: &Clause) {
    keyed_by(query, keyed.table, keyed.of, clause);
}

/// Compares the value of a key in a table, of which `of` says whose rows count, as those of `k`.
pub(super) fn keyed_by(query: &mut Query, table: &str, of: &str, clause: &Clause) {
    let absent = clause.comparator == Comparator::IsNull;
    query.text(if absent { "NOT EXISTS" } else { "EXISTS" });
    query.text(&format!(" (SELECT 1 FROM {table} k WHERE {of} AND k.key = ")).value(clause.key.clone());
    if !matches!(clause.comparator, Comparator::IsNull | Comparator::IsNotNull) {
        query.text(" AND ").compares("k.value", clause);
    }
    query.text(")");
}

/// Compares the latest value of a metric; what is not a number differs from every number, and that is all.
fn metric(query: &mut Query, clause: &Clause) {
    query.text("EXISTS (SELECT 1 FROM series k WHERE k.run = r.seq AND k.key = ").value(clause.key.clone());
    let differs = clause.comparator == Comparator::NotEqual;
    query.text(if differs { " AND (k.nan OR " } else { " AND (NOT k.nan AND " });
    query.compares("k.value", clause).text("))");
}

/// Compares one of the datasets that a run has read.
fn dataset(query: &mut Query, clause: &Clause) {
    query.text("EXISTS (SELECT 1 FROM input i JOIN dataset d ON d.id = i.dataset");
    let column = match clause.key.as_str() {
        "name" => "d.name",
        "digest" => "d.digest",
        "context" => {
            query.text(" JOIN input_tag k ON k.input = i.id AND k.key = 'mlflow.data.context'");
            "k.value"
        }
        _ => "NULL",
    };
    query.text(" WHERE i.run = r.seq AND ").compares(column, clause).text(")");
}
