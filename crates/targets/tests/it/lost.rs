//! Connections and processes that end at any moment: a change is there whole or not at all, and once.

use serde_json::json;

use crate::kit::Place;

#[test]
fn a_connection_that_is_cut_leaves_a_change_whole_or_not_at_all() {
    let table =
        "CREATE TABLE a (id integer PRIMARY KEY, n integer); INSERT INTO a SELECT i, 0 FROM generate_series(1, 200) i";
    let db = Place::postgres().begin(table, &["a"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    let mut cut = 0;
    for round in 0..300u64 {
        let key = format!("k{round}");
        let kill =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'agent' AND state <> 'idle'";
        let (made, killed) = std::thread::scope(|scope| {
            let other = &mut other;
            let killed = scope.spawn(move || {
                std::thread::sleep(std::time::Duration::from_micros(round * 37 % 9_000));
                other.number(kill)
            });
            let made = agent.change(&key, "UPDATE a SET n = n + 1", json!([]));
            (made, killed.join().unwrap())
        });
        cut += killed;
        assert_eq!(made.as_ref().unwrap()["rows"], 200, "it is made over a new connection, if it was not: {made:?}");
        let n = i64::try_from(round + 1).unwrap();
        assert_eq!(other.number(&format!("SELECT count(*) FROM a WHERE n = {n}")), 200, "round {round}: {made:?}");
    }
    assert!(cut > 50, "{cut} were cut");
    for round in (0..300).rev() {
        agent.undo(&format!("k{round}")).unwrap();
    }
    assert_eq!(other.number("SELECT count(*) FROM a WHERE n = 0"), 200);
}
