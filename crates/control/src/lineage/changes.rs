//! Changes that somebody should look at: of a dataset's columns, and of a job's source without a word of why.

use std::collections::BTreeMap;

use serde_json::Value;
use store::tracking::lineage::Past;
use store::tracking::{TrackingError, View};

/// Is how far back changes are told, in statements of a facet that differ.
const PAST_MAX: u32 = 1_000;

/// Are the facets that say what a job does.
const SOURCES: [&str; 3] = ["sourceCodeLocation", "sourceCode", "sql"];

/// Says what changed of one column between two statements of a dataset's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// The time of the event that told it, in microseconds since the epoch.
    pub at: i64,
    /// The column; one within another by both names with a dot between.
    pub column: String,
    /// Its type before; nothing if it was not there.
    pub before: Option<String>,
    /// Its type after; nothing if it is not there any more.
    pub after: Option<String>,
}

/// Says that the source of a job has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreprocessingChange {
    /// The time of the event that told it, in microseconds since the epoch.
    pub at: i64,
    /// The facet that tells it: `sourceCodeLocation`, `sourceCode` or `sql`.
    pub facet: &'static str,
    /// When the job's documentation was changed for it: with it, or after it and before the source changed again.
    pub documented: Option<i64>,
}

/// Returns the changes of a dataset's columns, the earliest first.
pub(super) fn of_schema(view: &View<'_>, dataset: i64) -> Result<Vec<SchemaChange>, TrackingError> {
    let past = view.lineage_past(dataset, "schema", PAST_MAX)?;
    let told: Vec<(i64, BTreeMap<String, String>)> = past.iter().map(|past| (past.at, columns(&said(past)))).collect();
    let mut changes = Vec::new();
    for pair in told.windows(2) {
        if let [(_, before), (at, after)] = pair {
            changes.extend(between(*at, before, after));
        }
    }
    Ok(changes)
}

fn between<'a>(
    at: i64,
    before: &'a BTreeMap<String, String>,
    after: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = SchemaChange> + 'a {
    let gone = before.keys().filter(|column| !after.contains_key(*column));
    gone.chain(after.keys()).filter(|column| before.get(*column) != after.get(*column)).map(move |column| {
        SchemaChange {
            at,
            column: column.clone(),
            before: before.get(column).cloned(),
            after: after.get(column).cloned(),
        }
    })
}

/// Returns what a facet says but for who says it and by which schema.
fn said(past: &Past) -> Value {
    let mut said: Value = serde_json::from_str(&past.body).unwrap_or(Value::Null);
    if let Some(members) = said.as_object_mut() {
        members.retain(|name, _| !name.starts_with('_'));
    }
    said
}

/// Returns the types of columns, an empty one where none is told.
fn columns(said: &Value) -> BTreeMap<String, String> {
    let mut columns = BTreeMap::new();
    collect("", said, &mut columns);
    columns
}

fn collect(within: &str, said: &Value, columns: &mut BTreeMap<String, String>) {
    for field in said.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = field.get("name").and_then(Value::as_str) else { continue };
        let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
        let name = if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") };
        collect(&name, field, columns);
        columns.insert(name, kind.to_owned());
    }
}

/// Returns the changes of a job's source, the earliest first.
pub(super) fn of_source(view: &View<'_>, job: i64) -> Result<Vec<PreprocessingChange>, TrackingError> {
    let documented = moves(&view.lineage_past(job, "documentation", PAST_MAX)?);
    let mut changes = Vec::new();
    for facet in SOURCES {
        let moves = moves(&view.lineage_past(job, facet, PAST_MAX)?);
        for (n, moved) in moves.iter().enumerate() {
            if moved.is_first {
                continue;
            }
            let next = moves.get(n + 1).map_or(i64::MAX, |next| next.at);
            let fits = |word: &&Move| moved.at <= word.at && word.at < next;
            let documented = documented.iter().find(fits).map(|word| word.at);
            changes.push(PreprocessingChange { at: moved.at, facet, documented });
        }
    }
    changes.sort_by_key(|change| change.at);
    Ok(changes)
}

/// Is an instant at which a facet said something else than before, or anything for the first time.
struct Move {
    at: i64,
    /// Whether it said nothing before.
    is_first: bool,
}

fn moves(past: &[Past]) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut last: Option<Value> = None;
    for past in past {
        let now = said(past);
        if last.as_ref() != Some(&now) {
            moves.push(Move { at: past.at, is_first: last.is_none() });
        }
        last = Some(now);
    }
    moves
}
