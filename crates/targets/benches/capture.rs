//! Times one statement over 10,000 rows: plain, and with what was before kept, on both kinds of database in one run.
//!
//! Run with `cargo bench -p countersign-targets --bench capture`, or as a part of `make bench`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and has nobody to report to"
)]

use std::time::{Duration, Instant};

use countersign_targets::mcp::Conversation;
use countersign_targets::sql::postgres::Postgres;
use countersign_targets::sql::sqlite::Sqlite;
use countersign_targets::sql::{Database, Limits, SqlServer};
use postgres::NoTls;
use serde_json::json;

const ROWS: usize = 10_000;
const ROUNDS: usize = 15;
const PLAIN: &str = "UPDATE plain SET n = n + 1, word = word || 'x'";
const KEPT: &str = "UPDATE kept SET n = n + 1, word = word || 'x'";

fn main() {
    println!("{:<12} {:>14} {:>14} {:>14}   of {ROWS} rows, median of {ROUNDS}", "", "plain", "kept", "taken back");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let mut db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {}", tables())).unwrap();
    Sqlite::open(&file).unwrap().capture(&["kept".to_owned()]).unwrap();
    let plain = time(|_| {
        let tx = db.transaction().unwrap();
        tx.execute(PLAIN, []).unwrap();
        tx.commit().unwrap();
    });
    told("SQLite", plain, kept(Sqlite::open(&file).unwrap()));

    let server = testkit::Postgres::start();
    let mut owner = postgres::Client::connect(&server.url("owner"), NoTls).unwrap();
    owner.batch_execute(&tables()).unwrap();
    Postgres::new(&server.url("owner")).unwrap().capture(&["kept".to_owned()]).unwrap();
    let plain = time(|_| assert_eq!(owner.execute(PLAIN, &[]).unwrap(), ROWS as u64));
    told("PostgreSQL", plain, kept(Postgres::new(&server.url("owner")).unwrap()));
}

fn tables() -> String {
    let make = |name: &str| {
        let rows = format!("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {ROWS})");
        format!(
            "CREATE TABLE {name} (id integer PRIMARY KEY, n integer, word text);
             {rows} INSERT INTO {name} SELECT i, i, 'a word of some length ' || i FROM r;"
        )
    };
    format!("{}{}", make("plain"), make("kept"))
}

/// Changes all rows through the target, and takes each change back.
fn kept<D: Database>(database: D) -> (Duration, Duration) {
    let limits = Limits { rows_max: ROWS, ..Limits::default() };
    let mut conversation = Conversation::new(SqlServer::new(database, limits));
    let mut call = |tool: &str, arguments: serde_json::Value| {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
        let answer = conversation.answer(call.to_string().as_bytes()).unwrap().unwrap();
        assert!(answer.text().contains("\"isError\":false"), "{}", answer.text());
    };
    let (mut changes, mut undos) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let change = format!("change-{round}");
        changes.push(timed(|| call("change", json!({ "sql": KEPT, "change": change }))));
        undos.push(timed(|| call("undo_change", json!({ "change": change, "undo": format!("undo-{round}") }))));
    }
    (median(changes), median(undos))
}

fn time(mut run: impl FnMut(usize)) -> Duration {
    median((0..ROUNDS).map(|round| timed(|| run(round))).collect())
}

fn timed(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn told(name: &str, plain: Duration, (kept, undone): (Duration, Duration)) {
    let times = |of: Duration| format!("{of:.1?}");
    println!(
        "{name:<12} {:>14} {:>14} {:>14}   {:.1} times",
        times(plain),
        times(kept),
        times(undone),
        kept.as_secs_f64() / plain.as_secs_f64()
    );
}
