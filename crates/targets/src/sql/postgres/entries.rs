//! What changed captured tables, and under which key.

use postgres::Transaction;

use super::failed;
use crate::changes::Entry;
use crate::sql::error::SqlError;

/// Lists transactions by their numbers. Those that may still be overtaken by a smaller number are not told yet, so that none is ever missed.
pub(super) fn list(tx: &mut Transaction<'_>, after: i64, limit: i64) -> Result<Vec<Entry>, SqlError> {
    let text = "SELECT i.xid::text::bigint, to_char(min(i.at), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), c.key, c.undoes,
                       min(concat_ws(', ', i.role, nullif(i.application, ''), host(i.address))),
                       array_agg(DISTINCT i.tab::text ORDER BY i.tab::text)
                FROM countersign.image i LEFT JOIN countersign.change c ON c.xid = i.xid
                WHERE i.xid > $1::bigint::text::xid8 AND i.xid < pg_snapshot_xmin(pg_current_snapshot())
                GROUP BY i.xid, c.key, c.undoes ORDER BY i.xid LIMIT $2";
    let rows = tx.query(text, &[&after, &limit]).map_err(|error| failed(&error))?;
    let read = |row: &postgres::Row| Entry {
        number: row.get(0),
        at: row.get(1),
        change: row.get(2),
        undoes: row.get(3),
        by: row.get(4),
        what: row.get(5),
    };
    Ok(rows.iter().map(read).collect())
}
