//! What somebody tried who holds an agent's tools, or the credential of its role.

use serde_json::json;
use targets::sql::Limits;

use crate::kit::{Db, Place};

const TABLES: &str =
    "CREATE TABLE a (id integer PRIMARY KEY, n integer, blob oid); CREATE TABLE free (id integer PRIMARY KEY);
    CREATE TABLE secret (id integer PRIMARY KEY, word text);
    INSERT INTO a VALUES (1, 1), (2, 2); INSERT INTO free VALUES (1); INSERT INTO secret VALUES (1, 'hunter2');";

fn database() -> Db {
    let db = Place::postgres().begin(TABLES, &["a", "secret"]);
    db.other().run("REVOKE ALL ON secret FROM agent");
    db
}

#[test]
fn what_no_row_tells_is_not_changed() {
    let db = database();
    let (mut agent, mut other) = (db.agent(), db.other());
    let url = db.server().url("owner");
    let host = url.split_whitespace().find_map(|word| word.strip_prefix("host=")).unwrap();
    other.run(&format!(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER near FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', dbname 'postgres');
         CREATE USER MAPPING FOR agent SERVER near OPTIONS (user 'owner', password_required 'false');
         CREATE FOREIGN TABLE far (id integer, n integer) SERVER near OPTIONS (table_name 'a'); GRANT ALL ON far TO agent;
         CREATE TABLE deferred (id integer PRIMARY KEY, n integer); INSERT INTO deferred VALUES (1, 1); GRANT ALL ON deferred TO agent;
         CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN DELETE FROM public.free; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
         UPDATE a SET blob = lo_from_bytea(0, 'all of it') WHERE id = 1"
    ));
    other.run(
        "DO $$ BEGIN EXECUTE format('ALTER LARGE OBJECT %s OWNER TO agent', (SELECT blob FROM a WHERE id = 1)); END $$",
    );
    db.capture(&["deferred"]);
    for sql in [
        "UPDATE far SET n = 99",
        "UPDATE a SET id = id WHERE id = 1 AND lo_unlink(blob) = 1",
        "UPDATE deferred SET n = 2",
    ] {
        let refused = agent.change("k", sql, json!([])).unwrap_err();
        assert_eq!(refused.0, "table-uncaptured", "{sql}: {refused:?}");
    }
    assert_eq!(other.number("SELECT count(*) FROM free"), 1);
    assert_eq!(other.number("SELECT count(*) FROM a WHERE n = 99"), 0);
    assert_eq!(other.number("SELECT count(*) FROM pg_largeobject_metadata"), 1);
}

#[test]
fn what_a_statement_sets_for_its_session_does_not_last() {
    let db = database();
    let mut agent = db.agent();
    let set = |name: &str, value: &str| {
        format!("UPDATE a SET n = n + 1 WHERE id = 1 AND set_config('{name}', '{value}', false) IS NOT NULL")
    };
    for (key, name, value) in [
        ("a", "standard_conforming_strings", "off"),
        ("b", "search_path", "nowhere"),
        ("c", "application_name", "innocent"),
    ] {
        agent.change(key, &set(name, value), json!([])).unwrap();
    }
    let hidden = r"WITH d AS (SELECT '\' || ') SELECT * INTO TEMP a FROM a WHERE false --' ), e AS (UPDATE a SET n = n WHERE id = 1) SELECT 1";
    let _ = agent.change("d", hidden, json!([]));
    let rows = agent.call("query", json!({ "sql": "SELECT id AS told, n FROM a ORDER BY id" })).unwrap();
    assert_eq!(rows["rows"], json!([{ "told": 1, "n": 4 }, { "told": 2, "n": 2 }]), "the table is the one that it was");
    agent.call("query", json!({ "sql": "SELECT pg_advisory_lock(42)" })).unwrap();
    agent.call("query", json!({ "sql": "SELECT 1" })).unwrap();
    assert_eq!(db.other().number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    let mut small = db.agent_with(Limits { told_bytes_max: 1_000, ..Limits::default() });
    let told =
        small.call("query", json!({ "sql": "SELECT repeat('x', 600) AS x FROM generate_series(1, 100)" })).unwrap();
    assert_eq!((told["rows"].as_array().unwrap().len(), &told["truncated"]), (1, &json!(true)));
}

#[test]
fn the_credential_of_the_role_forges_little() {
    let db = database();
    let (mut agent, mut other) = (db.agent(), db.other());
    agent.change("mine", "UPDATE a SET n = 7 WHERE id = 1", json!([])).unwrap();
    let as_agent = |sql: &str| db.other().try_run(&format!("SET ROLE agent; {sql}"));
    let backdated = "INSERT INTO countersign.change (key, xid, statement, answer) SELECT 'forged', max(xid::text::bigint)::text::xid8, '', '{}' FROM countersign.image";
    assert!(as_agent(backdated).is_err(), "a key is of the transaction that gives it");
    as_agent("INSERT INTO countersign.change (key, undoes, statement, answer) VALUES ('zz', 'mine', '', '{}')")
        .unwrap();
    assert_eq!(agent.standing("mine")["applied"], true, "what only says that it has taken it back has not");
    let refused = agent.undo("mine").unwrap_err();
    assert!(refused.0 == "reversal-conflict" && refused.1.contains("zz"), "{refused:?}");
    let entries = agent.call("list_changes", json!({})).unwrap()["entries"].clone();
    assert!(entries.as_array().unwrap().iter().any(|entry| entry["change"] == "zz"), "it is listed: {entries}");
    other.run("UPDATE secret SET word = 'hunter3'");
    let peek = "SELECT query_to_xml('SELECT before, after FROM countersign.image', false, true, '')::text LIKE '%hunter%' AS seen";
    assert_eq!(agent.call("query", json!({ "sql": peek })).unwrap()["rows"], json!([{ "seen": false }]));
}

#[test]
fn what_a_role_may_not_read_it_does_not_change_and_does_not_seem_to_take_back() {
    let db = database();
    let (mut agent, mut other) = (db.agent(), db.other());
    other.run("GRANT UPDATE ON secret TO agent");
    let blind = agent.change("k", "UPDATE secret SET word = 'x'", json!([])).unwrap_err();
    assert_eq!(blind.0, "table-uncaptured", "whoever sees no images counts none: {blind:?}");
    agent.change("mine", "UPDATE a SET n = 7 WHERE id = 1", json!([])).unwrap();
    other.run("REVOKE SELECT ON a FROM agent");
    assert_eq!(agent.standing("mine")["stands"], false);
    let refused = agent.undo("mine").unwrap_err();
    assert!(refused.0 == "reversal-conflict" && refused.1.contains("may not read"), "{refused:?}");
    assert_eq!(other.number("SELECT count(*) FROM a WHERE n = 7"), 1);
    other.run("GRANT SELECT ON a TO agent");
    other.run("DELETE FROM countersign.image WHERE before LIKE '(1,%'");
    assert_eq!(
        agent.undo("mine").unwrap_err().0,
        "reversal-conflict",
        "half of what was kept is nothing to restore from"
    );
}

#[test]
fn a_trigger_that_empties_a_table_is_noticed() {
    let db = database();
    let (mut agent, mut other) = (db.agent(), db.other());
    for table in ["free", "secret"] {
        other.run(&format!(
            "CREATE OR REPLACE FUNCTION empties() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN TRUNCATE public.{table}; RETURN NEW; END $$;
             DROP TRIGGER IF EXISTS empties ON a; CREATE TRIGGER empties AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION empties()"
        ));
        let refused = agent.change("k", "UPDATE a SET n = 7 WHERE id = 1", json!([])).unwrap_err();
        assert_eq!((refused.0.as_str(), other.dump(table).len()), ("table-uncaptured", 1), "{refused:?}");
    }
}

#[test]
fn triggers_find_what_they_name_when_something_is_taken_back() {
    let db = database();
    let (mut agent, mut other) = (db.agent(), db.other());
    other.run(
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM free; RETURN NEW; END $$;
         CREATE TRIGGER look BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION look()",
    );
    agent.change("k", "UPDATE a SET n = 7 WHERE id = 1", json!([])).unwrap();
    agent.undo("k").unwrap();
    assert_eq!(other.number("SELECT count(*) FROM a WHERE n = 1"), 1);
}

#[test]
fn a_list_that_cannot_be_whole_is_refused() {
    let db = database();
    let (mut agent, mut late) = (db.agent(), db.other());
    late.run("BEGIN; UPDATE a SET n = 3 WHERE id = 1");
    agent.change("k", "UPDATE a SET n = 7 WHERE id = 2", json!([])).unwrap();
    assert!(agent.call("list_changes", json!({})).is_ok());
    db.other().run("UPDATE countersign.image SET at = at - interval '10 minutes'");
    let refused = agent.call("list_changes", json!({})).unwrap_err();
    assert!(refused.0 == "statement-failed" && refused.1.contains("five minutes"), "{refused:?}");
    late.run("COMMIT");
    assert!(agent.call("list_changes", json!({})).is_ok());
}

#[test]
fn a_text_with_a_nul_in_it_is_kept_whole() {
    let db = Place::sqlite().begin(
        "CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'abc' || char(0) || 'def')",
        &["t"],
    );
    let (mut agent, mut other) = (db.agent(), db.other());
    let before = other.dump("t");
    agent.change("k", "UPDATE t SET v = 'q' || char(0) || 'ours'", json!([])).unwrap();
    other.run("UPDATE t SET v = 'q' || char(0) || 'theirs'");
    assert_eq!(agent.standing("k")["stands"], false);
    assert_eq!(agent.undo("k").unwrap_err().0, "reversal-conflict");
    other.run("UPDATE t SET v = 'q' || char(0) || 'ours'");
    agent.undo("k").unwrap();
    assert_eq!(other.dump("t"), before);
}

#[test]
fn a_trigger_that_rolls_everything_back_ends_the_undo() {
    let db = Place::sqlite().begin("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)", &["t"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    other.run("CREATE TRIGGER never_empty BEFORE DELETE ON t WHEN (SELECT count(*) FROM t) = 1 BEGIN SELECT RAISE(ROLLBACK, 'never empty'); END");
    agent.change("k", "UPDATE t SET id = 2", json!([])).unwrap();
    let refused = agent.undo("k").unwrap_err();
    assert_eq!(refused.0, "reversal-conflict", "{refused:?}");
    assert_eq!((other.number("SELECT id FROM t"), &agent.standing("k")["stands"]), (2, &json!(true)));
}
