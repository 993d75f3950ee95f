//! What changed captured tables is listed: by which key, or by whom around us.

use serde_json::json;

use crate::kit::both;

#[test]
fn a_change_around_us_is_found_and_ours_are_named() {
    let tables = "CREATE TABLE a (id integer PRIMARY KEY, n integer); CREATE TABLE b (id integer PRIMARY KEY); INSERT INTO a VALUES (1, 1), (2, 2);";
    both(tables, &["a", "b"], |db| {
        let (mut agent, mut other) = (db.agent(), db.other());
        let list = |agent: &mut crate::kit::Agent, after: i64| {
            agent.call("list_changes", json!({ "after": after })).unwrap()["entries"].as_array().unwrap().clone()
        };
        assert!(list(&mut agent, 0).is_empty(), "what was there before is nobody's change");
        agent.change("ours", "UPDATE a SET n = 5", json!([])).unwrap();
        agent.call("plan", json!({ "sql": "DELETE FROM a" })).unwrap();
        other.run("UPDATE a SET n = 6 WHERE id = 1");
        other.run("UPDATE a SET n = 5 WHERE id = 1");
        agent.undo("ours").unwrap();
        other.run("INSERT INTO b VALUES (1)");
        let entries = list(&mut agent, 0);
        let keys: Vec<_> = entries.iter().map(|entry| entry["change"].as_str().unwrap_or("-")).collect();
        // Two changes around us that follow upon each other within a moment are one in SQLite, which tells no transactions.
        let runs: Vec<_> = {
            let mut runs = keys.clone();
            runs.dedup();
            runs
        };
        assert_eq!(runs, ["ours", "-", "undo-ours", "-"], "{entries:?}");
        assert_eq!(entries.iter().find(|entry| entry["change"] == "undo-ours").unwrap()["undoes"], "ours");
        let last = entries.last().unwrap();
        assert!(last["what"][0].as_str().unwrap().ends_with('b'), "{last}");
        if db.is_postgres() {
            assert!(last["by"].as_str().unwrap().starts_with("owner"), "{last}");
        }
        let rest = list(&mut agent, entries[0]["number"].as_i64().unwrap());
        assert_eq!(rest.len(), entries.len() - 1);
        if db.is_postgres() {
            other.run("TRUNCATE b");
            assert_eq!(list(&mut agent, last["number"].as_i64().unwrap()).len(), 1);
        }
    });
}

#[test]
fn a_transaction_that_ends_late_is_not_missed() {
    let db = crate::kit::Place::postgres().begin("CREATE TABLE a (id integer PRIMARY KEY)", &["a"]);
    let (mut agent, mut late, mut early) = (db.agent(), db.other(), db.other());
    late.run("BEGIN; INSERT INTO a VALUES (1)");
    early.run("INSERT INTO a VALUES (2)");
    let entries = |agent: &mut crate::kit::Agent| agent.call("list_changes", json!({})).unwrap()["entries"].clone();
    assert_eq!(entries(&mut agent), json!([]), "a smaller number is still open");
    late.run("COMMIT");
    assert_eq!(entries(&mut agent).as_array().unwrap().len(), 2);
}
