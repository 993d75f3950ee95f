//! What changed captured tables, and under which key.

use postgres::Transaction;

use super::failed;
use crate::changes::Entry;
use crate::sql::error::SqlError;

/// Lists transactions by their numbers. Those that may still be overtaken by a smaller number are not told yet, so that none is ever missed.
pub(super) fn list(tx: &mut Transaction<'_>, after: i64, limit: i64) -> Result<Vec<Entry>, SqlError> {
    let open = "SELECT to_char(min(at), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM countersign.image
                WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) AND at < clock_timestamp() - interval '5 minutes'";
    if let Some(since) = tx.query_one(open, &[]).map_err(|error| failed(&error))?.get::<_, Option<String>>(0) {
        let why = format!(
            "a transaction has been open for more than five minutes, so what changed since {since} is not told yet"
        );
        return Err(SqlError::Database(why));
    }
    // Also what has a key and no rows: whoever holds the role's credential can write that.
    let text = "SELECT coalesce(i.xid, c.xid)::text::bigint, to_char(coalesce(min(i.at), min(c.at)), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                       c.key, c.undoes, min(concat_ws(', ', i.role, nullif(i.application, ''), host(i.address))),
                       coalesce(array_agg(DISTINCT i.tab::text ORDER BY i.tab::text) FILTER (WHERE i.tab IS NOT NULL), '{}')
                FROM countersign.image i FULL JOIN countersign.change c ON c.xid = i.xid
                WHERE coalesce(i.xid, c.xid) > $1::bigint::text::xid8
                  AND coalesce(i.xid, c.xid) < pg_snapshot_xmin(pg_current_snapshot())
                GROUP BY coalesce(i.xid, c.xid), c.key, c.undoes ORDER BY coalesce(i.xid, c.xid) LIMIT $2";
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
