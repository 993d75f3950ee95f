//! Plans of queries that stay as they are made.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Has a connection plan each of its queries once, whatever values are bound later.
///
/// SQLite would otherwise expire a query whose parameter might make another plan the better one, and takes the mere removal of a value for
/// such a change: each query out of the cache would be planned anew, which takes longer than most of them run.
pub(crate) fn keep(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rusqlite::StatementStatus;

    use super::*;

    /// Runs a query a few times out of the cache, and says how often it was planned anew.
    fn planned_anew(connection: &Connection) -> i32 {
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER); CREATE INDEX by_b ON t (b)")
            .unwrap();
        let sql = "SELECT a FROM t WHERE b = ?1 ORDER BY a";
        let mut planned = 0;
        for n in 0..5 {
            let mut query = connection.prepare_cached(sql).unwrap();
            assert!(query.query([n]).unwrap().next().unwrap().is_none());
            planned = query.get_status(StatementStatus::RePrepare);
        }
        planned
    }

    #[test]
    fn a_query_out_of_the_cache_is_planned_once() {
        let kept = Connection::open_in_memory().unwrap();
        keep(&kept).unwrap();
        assert_eq!(planned_anew(&kept), 0);
        // As soon as this is 0 too, nothing needs to be kept any more.
        assert_ne!(planned_anew(&Connection::open_in_memory().unwrap()), 0);
    }
}
