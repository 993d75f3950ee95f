//! What facets said over time, so that changes of them can be told.

use rusqlite::{Row, params};

use super::super::{Change, Done, View};

/// Is what a facet said at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The time of the event, in microseconds since the epoch.
    pub at: i64,
    /// The facet's JSON.
    pub body: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Past> {
    Ok(Past { at: row.get(0)?, body: row.get(1)? })
}

impl View<'_> {
    /// Returns what a facet of a node said, the earliest first; the same may stand twice in a row.
    ///
    /// - `limit`: how many of the latest.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_past(&self, node: i64, name: &str, limit: u32) -> Done<Vec<Past>> {
        let sql =
            "SELECT at, body FROM lineage_past WHERE node = ?1 AND name = ?2 ORDER BY at DESC, body DESC LIMIT ?3";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![node, name, limit], read)?;
        let mut past: Vec<Past> = rows.collect::<Result<_, _>>()?;
        past.reverse();
        Ok(past)
    }
}

impl Change<'_> {
    /// Notes what a facet of a node said. Of a stretch in which it said the same only the ends are kept, which whatever arrives later and
    /// tells of a time between them parts again.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn say_lineage_past(&self, node: i64, name: &str, at: i64, body: &str) -> Done<()> {
        let sql = "INSERT OR IGNORE INTO lineage_past (node, name, at, body) VALUES (?1, ?2, ?3, ?4)";
        self.0.0.prepare_cached(sql)?.execute(params![node, name, at, body])?;
        let around = self.past_around(node, name, at)?;
        let inner = around.windows(3).find_map(|three| match three {
            [before, inner, after] if before.body == inner.body && inner.body == after.body => Some(inner),
            _ => None,
        });
        if let Some(inner) = inner {
            let sql = "DELETE FROM lineage_past WHERE node = ?1 AND name = ?2 AND at = ?3 AND body = ?4";
            self.0.0.prepare_cached(sql)?.execute(params![node, name, inner.at, inner.body])?;
        }
        Ok(())
    }

    /// Returns what stands at an instant, with two before and two after it.
    fn past_around(&self, node: i64, name: &str, at: i64) -> Done<Vec<Past>> {
        let before = "SELECT at, body FROM lineage_past WHERE node = ?1 AND name = ?2 AND at <= ?3 \
                      ORDER BY at DESC, body DESC LIMIT 3";
        let mut query = self.0.0.prepare_cached(before)?;
        let mut around: Vec<Past> = query.query_map(params![node, name, at], read)?.collect::<Result<_, _>>()?;
        around.reverse();
        let after = "SELECT at, body FROM lineage_past WHERE node = ?1 AND name = ?2 AND at > ?3 \
                     ORDER BY at, body LIMIT 2";
        let mut query = self.0.0.prepare_cached(after)?;
        for past in query.query_map(params![node, name, at], read)? {
            around.push(past?);
        }
        Ok(around)
    }
}
