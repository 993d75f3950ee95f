//! Spans of traces.

use rusqlite::{Row, params};

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

/// Is a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its id within its trace.
    pub id: String,
    /// The span that it is part of; absent if it is the root.
    pub parent: Option<String>,
    /// What it is called.
    pub name: String,
    /// What kind of work it is.
    pub kind: Option<String>,
    /// How it ended: `UNSET`, `OK` or `ERROR`.
    pub status: String,
    /// When it began, in nanoseconds since the epoch.
    pub started: i64,
    /// All of it, as a text of JSON.
    pub content: String,
    /// What it used.
    pub used: Used,
}

/// Is what a span says that it used, each as an object of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    /// Tokens.
    pub tokens: Option<String>,
    /// Money.
    pub cost: Option<String>,
}

/// Is what a span used, and where it stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanUse {
    /// Its id within its trace.
    pub id: String,
    /// The span that it is part of.
    pub parent: Option<String>,
    /// What it used.
    pub used: Used,
}

impl View<'_> {
    /// Returns the contents of the spans of a trace: the roots first, then by their begin.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn spans(&self, trace: i64) -> Done<Vec<String>> {
        let sql = "SELECT content FROM span WHERE trace = ?1 ORDER BY parent IS NOT NULL, started, id";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([trace], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how many spans a trace has, and how many bytes they have together.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn span_size(&self, trace: i64) -> Done<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM span WHERE trace = ?1";
        let read = |row: &Row<'_>| Ok((as_u64(row.get(0)?), as_u64(row.get(1)?)));
        Ok(self.0.prepare_cached(sql)?.query_row([trace], read)?)
    }

    /// Returns what the spans of a trace used.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn span_uses(&self, trace: i64) -> Done<Vec<SpanUse>> {
        let sql = "SELECT id, parent, tokens, cost FROM span WHERE trace = ?1 ORDER BY id";
        let read = |row: &Row<'_>| {
            let used = Used { tokens: row.get(2)?, cost: row.get(3)? };
            Ok(SpanUse { id: row.get(0)?, parent: row.get(1)?, used })
        };
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([trace], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Keeps a span of a trace, in place of the one of that id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn put_span(&self, trace: i64, span: &Span) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO span (trace, id, parent, name, kind, status, started, bytes, tokens, cost, content) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let Span { id, parent, name, kind, status, started, content, used } = span;
        let bytes = as_i64(u64::try_from(content.len()).unwrap_or(u64::MAX));
        let values = params![trace, id, parent, name, kind, status, started, bytes, used.tokens, used.cost, content];
        self.0.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
