//! One value of a database that is not ours, read in a transaction that changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use rustls_platform_verifier::ConfigVerifierExt as _;
use serde_json::Value;
use tokio_postgres::Config;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

/// Is how many steps of a statement SQLite takes between two looks at whether it is given up.
const STEPS: i32 = 1_000;

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Query(error.to_string())
}

fn several() -> StoreError {
    StoreError::Query("it yields more than one row".to_owned())
}

/// Asks a SQLite file: the first column of the one row; nothing, if there is no row.
///
/// - `parameters`: bound as texts, in order.
/// - `busy`: how long another's lock is waited for.
/// - `given_up`: set by who waits no longer; the query ends then.
///
/// # Errors
///
/// [`StoreError::Query`] if the file cannot be opened, the query is not a read or is given up, or there is more than one row.
pub fn of_sqlite(
    path: &Path,
    query: &str,
    parameters: &[String],
    busy: Duration,
    given_up: Arc<AtomicBool>,
) -> Result<Option<Value>, StoreError> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    connection.busy_timeout(busy).map_err(failed)?;
    connection.progress_handler(STEPS, Some(move || given_up.load(Ordering::Relaxed))).map_err(failed)?;
    let mut statement = connection.prepare(query).map_err(failed)?;
    if !statement.readonly() {
        return Err(StoreError::Query("it does more than read".to_owned()));
    }
    let mut rows = statement.query(params_from_iter(parameters)).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let value = plain(row.get_ref(0).map_err(failed)?)?;
    if rows.next().map_err(failed)?.is_some() {
        return Err(several());
    }
    Ok(Some(value))
}

fn plain(value: ValueRef<'_>) -> Result<Value, StoreError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(n) => Ok(n.into()),
        ValueRef::Real(real) => Ok(real.into()),
        ValueRef::Text(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
        ValueRef::Blob(_) => Err(StoreError::Query("what it yields is a blob".to_owned())),
    }
}

/// Asks a PostgreSQL server: the first column of the one row, as JSON has it; nothing, if there is no row. Whoever stops waiting ends the connection.
///
/// - `address`: as libpq reads it.
/// - `query`: one that yields rows, in which a parameter is a text until it is cast: `$1::bigint`.
/// - `parameters`: bound as texts, in order.
/// - `deadline`: how long all of it may take.
///
/// # Errors
///
/// [`StoreError::Query`] if the server cannot be reached, the query does more than read or takes too long, or there is more than one row.
pub async fn of_postgres(
    address: &str,
    query: &str,
    parameters: &[String],
    deadline: Duration,
) -> Result<Option<Value>, StoreError> {
    let asked = tokio::time::timeout(deadline, ask_postgres(address, query, parameters, deadline)).await;
    asked.unwrap_or_else(|_| Err(StoreError::Query(format!("it does not answer within {} ms", deadline.as_millis()))))
}

async fn ask_postgres(
    address: &str,
    query: &str,
    parameters: &[String],
    deadline: Duration,
) -> Result<Option<Value>, StoreError> {
    // The reason could repeat the password.
    let mut config: Config =
        address.parse().map_err(|_| StoreError::Query("the address of the database cannot be read".to_owned()))?;
    if config.get_application_name().is_none() {
        config.application_name("countersign");
    }
    let tls = rustls::ClientConfig::with_platform_verifier().map_err(failed)?;
    let (mut client, connection) = config.connect(MakeRustlsConnect::new(tls)).await.map_err(told)?;
    // It ends once the client is dropped.
    tokio::spawn(connection);
    let transaction = client.build_transaction().read_only(true).start().await.map_err(told)?;
    let bounded = format!("SET LOCAL statement_timeout = {}", deadline.as_millis().max(1));
    transaction.batch_execute(&bounded).await.map_err(told)?;
    let wrapped = format!("SELECT to_jsonb(of_query.seen)::text FROM (\n{query}\n) AS of_query (seen) LIMIT 2");
    let bound: Vec<(&(dyn ToSql + Sync), Type)> =
        parameters.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
    let rows = transaction.query_typed(&wrapped, &bound).await.map_err(told)?;
    match rows.as_slice() {
        [] => Ok(None),
        [row] => {
            let text: Option<String> = row.try_get(0).map_err(told)?;
            text.map_or(Ok(Some(Value::Null)), |text| serde_json::from_str(&text).map(Some).map_err(failed))
        }
        _ => Err(several()),
    }
}

/// Says what a server says, with its reason.
fn told(error: tokio_postgres::Error) -> StoreError {
    match std::error::Error::source(&error) {
        Some(source) => StoreError::Query(format!("{error}: {source}")),
        None => failed(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn one_value_is_read_and_nothing_else_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let made = Connection::open(&path).unwrap();
        made.execute_batch(
            "CREATE TABLE orders (id INTEGER, status TEXT); INSERT INTO orders VALUES (7, 'paid'), (8, NULL)",
        )
        .unwrap();
        let ask = |query: &str, of: &[&str]| {
            let of: Vec<String> = of.iter().map(|text| (*text).to_owned()).collect();
            // What never ends is given up at once.
            let given_up = Arc::new(AtomicBool::new(query.contains("RECURSIVE")));
            of_sqlite(&path, query, &of, Duration::from_millis(200), given_up).map_err(|error| error.to_string())
        };
        let status = "SELECT status FROM orders WHERE id = CAST(?1 AS INTEGER)";
        assert_eq!(ask(status, &["7"]), Ok(Some(json!("paid"))));
        assert_eq!(ask(status, &["8"]), Ok(Some(Value::Null)));
        assert_eq!(ask(status, &["9"]), Ok(None));
        assert_eq!(ask("SELECT count(*) FROM orders", &[]), Ok(Some(json!(2))));
        assert_eq!(ask("SELECT 0.5", &[]), Ok(Some(json!(0.5))));
        for (query, why) in [
            ("SELECT id FROM orders", "more than one row"),
            ("DELETE FROM orders", "more than read"),
            ("SELECT away FROM orders", "no such column"),
            ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", "interrupted"),
        ] {
            assert!(ask(query, &[]).unwrap_err().contains(why), "{query}");
        }
        let missing =
            of_sqlite(&folder.path().join("b.db"), "SELECT 1", &[], Duration::from_millis(200), Arc::default());
        assert!(missing.is_err() && !folder.path().join("b.db").exists());
    }

    #[test]
    fn a_server_that_says_nothing_keeps_nobody_waiting() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = silent.local_addr().unwrap();
        let address = format!("host={} port={} user=a password=hunter2 sslmode=disable", at.ip(), at.port());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = runtime.block_on(of_postgres(&address, "SELECT 1", &[], Duration::from_millis(100)));
        let why = asked.unwrap_err().to_string();
        assert!(why.contains("does not answer within 100 ms") && !why.contains("hunter2"), "{why}");
        let wrong = runtime.block_on(of_postgres("hunter2 hunter2", "SELECT 1", &[], Duration::from_millis(100)));
        assert!(!wrong.unwrap_err().to_string().contains("hunter2"));
    }
}
