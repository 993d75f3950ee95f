//! Searches of traces, by what they are, by their spans, and by what was judged of them.

use models::Given;
use models::order::Term;
use models::search::traces::{CONTENT, PROMPTS, RUN, SPAN_ATTRIBUTE};
use models::search::{Clause, Comparator, Entity, NumberKind, Value};

use super::query::Query;
use super::search::{keyed_by, ordered};
use super::{Done, Page, Trace, View, traces};

/// Is how much earlier than its trace a span may have begun, in milliseconds: clocks differ.
const SKEW_MS: i64 = 10_000;

/// Is what is looked for among traces.
#[derive(Debug, Clone, Copy)]
pub struct TraceSearch<'a> {
    /// The experiments that are searched.
    pub of: &'a [i64],
    /// What must hold, all of it.
    pub filter: &'a [Clause],
    /// What comes first.
    pub order: &'a [Term],
    /// The part that is wanted.
    pub page: Page,
}

impl View<'_> {
    /// Finds traces of experiments; none, if no experiment is named.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn search_traces(&self, search: TraceSearch<'_>) -> Done<Vec<Trace>> {
        let mut query = Query::default();
        query.text(&format!("SELECT {} FROM trace t", traces::COLUMNS));
        for (n, term) in search.order.iter().enumerate() {
            if let Some(table) = table(term.entity) {
                query.text(&format!(" LEFT JOIN {table} o{n} ON o{n}.trace = t.seq AND o{n}.key = "));
                query.value(term.key.clone());
            }
        }
        query.text(" WHERE t.experiment IN (").values(search.of.iter().copied()).text(")");
        for clause in search.filter.iter().filter(|clause| clause.entity != Entity::Span) {
            query.text(" AND ");
            holds(&mut query, clause, search.of);
        }
        spans_hold(&mut query, search.filter);
        query.text(" ORDER BY ");
        for (n, term) in search.order.iter().enumerate() {
            match table(term.entity) {
                Some(_) => ordered(&mut query, &format!("o{n}.value"), term),
                None => ordered(&mut query, column(&term.key), term),
            }
            query.text(", ");
        }
        query.text("t.seq");
        self.rows(query, search.page, traces::read)
    }
}

fn table(entity: Entity) -> Option<&'static str> {
    match entity {
        Entity::Tag => Some("trace_tag"),
        Entity::Metadata => Some("trace_metadata"),
        _ => None,
    }
}

/// Returns the column of an attribute; an unknown one holds nothing.
fn column(key: &str) -> &'static str {
    match key {
        "request_id" => "t.id",
        "experiment_id" => "t.experiment",
        "timestamp_ms" => "t.at",
        "execution_time_ms" => "t.took",
        "end_time_ms" => "(t.at + coalesce(t.took, 0))",
        "status" => "t.state",
        "client_request_id" => "t.client_request",
        _ => "NULL",
    }
}

fn holds(query: &mut Query, clause: &Clause, of: &[i64]) {
    match (clause.entity, clause.key.as_str()) {
        (Entity::Tag, PROMPTS) => {
            query.text("EXISTS (SELECT 1 FROM trace_prompt k WHERE k.trace = t.seq AND ");
            query.compares("k.prompt", clause).text(")");
        }
        (Entity::Metadata, RUN) if clause.comparator == Comparator::Equal => {
            query.text("(EXISTS (SELECT 1 FROM trace_run k WHERE k.trace = t.seq AND ");
            query.compares("k.run", clause).text(") OR ");
            keyed_by(query, "trace_metadata", "k.trace = t.seq", clause);
            query.text(")");
        }
        (Entity::Tag, _) => keyed_by(query, "trace_tag", "k.trace = t.seq", clause),
        (Entity::Metadata, _) => keyed_by(query, "trace_metadata", "k.trace = t.seq", clause),
        (Entity::Feedback | Entity::Expectation, _) => judged(query, clause, of),
        (Entity::Issue, _) => {
            query.text("EXISTS (SELECT 1 FROM assessment k WHERE k.trace = t.seq AND k.kind = 'issue' AND ");
            query.compares("k.name", clause).text(")");
        }
        (_, key) => drop(query.compares(column(key), clause)),
    }
}

/// Demands one span for which all that is said of spans holds.
fn spans_hold(query: &mut Query, filter: &[Clause]) {
    let of_spans: Vec<&Clause> = filter.iter().filter(|clause| clause.entity == Entity::Span).collect();
    if of_spans.is_empty() {
        return;
    }
    query.text(" AND EXISTS (SELECT 1 FROM span s WHERE s.trace = t.seq");
    if let Some(earliest) = earliest(filter) {
        query.text(" AND s.started >= ").value(earliest);
    }
    for clause in of_spans {
        query.text(" AND ");
        match clause.key.strip_prefix(SPAN_ATTRIBUTE) {
            Some(name) => drop(query.compares("s.content", &within_content(name, clause))),
            None => drop(query.compares(span_column(&clause.key), clause)),
        }
    }
    query.text(")");
}

fn span_column(key: &str) -> &'static str {
    match key {
        "name" => "s.name",
        "type" => "s.kind",
        "status" => "s.status",
        CONTENT => "s.content",
        _ => "NULL",
    }
}

/// Looks for an attribute within the text of a span. MLflow compares the whole text with the pattern, even where it asks whether both are
/// equal, so that nothing ever is.
fn within_content(name: &str, clause: &Clause) -> Clause {
    let value = match &clause.value {
        Value::Text(text) => Value::Text(format!("%\"{name}\"{text}%")),
        other => other.clone(),
    };
    Clause { value, ..clause.clone() }
}

/// Returns when a span may have begun at the earliest, in nanoseconds, as far as the filter says when traces began.
fn earliest(filter: &[Clause]) -> Option<i64> {
    let bound = |clause: &Clause| match &clause.value {
        Value::Number(number) if number.kind == NumberKind::Integer => number.text.parse::<i64>().ok(),
        // A fraction of a millisecond is none, and a time beyond all others is none that spans began at.
        Value::Number(number) => format!("{:.0}", number.text.parse::<f64>().ok()?.floor()).parse().ok(),
        _ => None,
    };
    let is_bound = |clause: &&Clause| {
        let begins = clause.entity == Entity::Attribute && clause.key == "timestamp_ms";
        begins && matches!(clause.comparator, Comparator::Greater | Comparator::GreaterEqual)
    };
    let latest = filter.iter().filter(is_bound).filter_map(bound).max()?;
    Some(latest.saturating_sub(SKEW_MS).saturating_mul(1_000_000))
}

/// Demands an assessment that counts: of the trace, or of its whole conversation.
fn judged(query: &mut Query, clause: &Clause, of: &[i64]) {
    let is_absent = clause.comparator == Comparator::IsNull;
    query.text(if is_absent { "NOT (" } else { "(" });
    query.text("EXISTS (SELECT 1 FROM assessment k WHERE k.trace = t.seq");
    judgement(query, clause);
    query.text(
        ") OR EXISTS (SELECT 1 FROM trace_metadata m JOIN trace_metadata o ON o.key = 'mlflow.trace.session' AND o.value = m.value \
         JOIN trace u ON u.seq = o.trace JOIN assessment k ON k.trace = u.seq \
         WHERE m.trace = t.seq AND m.key = 'mlflow.trace.session' AND instr(k.metadata, '\"mlflow.trace.session\":') > 0 \
         AND u.experiment IN (",
    );
    query.values(of.iter().copied()).text(")");
    judgement(query, clause);
    query.text("))");
}

fn judgement(query: &mut Query, clause: &Clause) {
    query.text(" AND k.valid AND k.kind = ").value(clause.entity.name().to_owned());
    query.text(" AND k.name = ").value(clause.key.clone());
    match (&clause.comparator, &clause.value) {
        (Comparator::IsNull | Comparator::IsNotNull, _) => {}
        // A value is kept as JSON: a text stands in quotes there, anything else as it is.
        (Comparator::Equal | Comparator::NotEqual, Value::Text(text)) => {
            let quoted = Given::Text(text.clone()).dumped_in_ascii();
            query.text(if clause.comparator == Comparator::Equal { " AND " } else { " AND NOT " });
            query.text("k.value IN (").values([text.clone(), quoted]).text(")");
        }
        (_, Value::Number(_)) => drop(query.text(" AND ").compares("k.number", clause)),
        _ => drop(query.text(" AND ").compares("k.value", clause)),
    }
}
