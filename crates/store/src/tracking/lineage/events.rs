//! Events as they were received.

use rusqlite::params;

use super::super::{Change, Done, View};

/// Is an event that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageEvent {
    /// When it occurred, in microseconds since the epoch.
    pub at: i64,
    /// Its JSON.
    pub body: String,
}

/// Is which events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpan {
    /// The first instant, in microseconds since the epoch.
    pub from: i64,
    /// The first instant that is too late.
    pub to: i64,
    /// Whether the latest come first.
    pub latest_first: bool,
    /// How many.
    pub limit: u32,
    /// How many are passed over.
    pub offset: u32,
}

impl View<'_> {
    /// Returns events by their time.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_events(&self, span: EventSpan) -> Done<Vec<LineageEvent>> {
        let sql = if span.latest_first {
            "SELECT at, body FROM lineage_event WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT ?3 OFFSET ?4"
        } else {
            "SELECT at, body FROM lineage_event WHERE at >= ?1 AND at < ?2 ORDER BY at, id LIMIT ?3 OFFSET ?4"
        };
        let mut query = self.0.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok(LineageEvent { at: row.get(0)?, body: row.get(1)? });
        let rows = query.query_map(params![span.from, span.to, span.limit, span.offset], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the events of a span, whatever its limit.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_event_count(&self, span: EventSpan) -> Done<i64> {
        let sql = "SELECT count(*) FROM lineage_event WHERE at >= ?1 AND at < ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![span.from, span.to], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Keeps an event; says whether it is new.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_lineage_event(&self, digest: &[u8; 32], event: &LineageEvent) -> Done<bool> {
        let sql = "INSERT OR IGNORE INTO lineage_event (digest, at, body) VALUES (?1, ?2, ?3)";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![digest, event.at, event.body])? == 1)
    }
}
