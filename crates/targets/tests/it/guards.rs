//! What cannot be taken back is not done, and what is ours nobody writes.

use serde_json::json;

use crate::kit::{Place, both};

const TABLES: &str = "CREATE TABLE a (id integer PRIMARY KEY, n integer);
    CREATE TABLE loose (id integer PRIMARY KEY, a_id integer REFERENCES a (id) ON DELETE CASCADE);
    CREATE TABLE free (id integer PRIMARY KEY, n integer);
    INSERT INTO a VALUES (1, 1), (2, 2); INSERT INTO loose VALUES (1, 1); INSERT INTO free VALUES (1, 1);";

#[test]
fn what_nobody_captures_is_not_changed() {
    both(TABLES, &["a"], |db| {
        let (mut agent, mut other) = (db.agent(), db.other());
        let all = |other: &mut crate::kit::Other| ["a", "loose", "free"].map(|table| other.dump(table));
        let before = all(&mut other);
        for sql in ["UPDATE free SET n = 2", "DELETE FROM loose", "DELETE FROM a WHERE id = 1"] {
            for tool in ["plan", "change"] {
                let arguments =
                    if tool == "plan" { json!({ "sql": sql }) } else { json!({ "sql": sql, "change": "k" }) };
                let refused = agent.call(tool, arguments).unwrap_err();
                assert_eq!(refused.0, "table-uncaptured", "{sql}: {refused:?}");
            }
        }
        assert_eq!(all(&mut other), before);
    });
}

#[test]
fn a_trigger_that_writes_elsewhere_is_noticed() {
    for place in [Place::sqlite(), Place::postgres()] {
        let db = place.begin(TABLES, &["a"]);
        let (mut agent, mut other) = (db.agent(), db.other());
        other.run(if db.is_postgres() {
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN UPDATE public.free SET n = n + 1; RETURN NEW; END $$;
             CREATE TRIGGER note AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION note()"
        } else {
            "CREATE TRIGGER note AFTER UPDATE ON a BEGIN UPDATE free SET n = n + 1; END"
        });
        let refused = agent.change("k", "UPDATE a SET n = 5 WHERE id = 1", json!([])).unwrap_err();
        assert_eq!(
            (refused.0.as_str(), other.number("SELECT count(*) FROM free WHERE n = 1")),
            ("table-uncaptured", 1)
        );
    }
}

#[test]
fn what_would_take_back_more_than_was_done_is_not() {
    for place in [Place::sqlite(), Place::postgres()] {
        let db = place.begin(TABLES, &["a", "free", "loose"]);
        let (mut agent, mut other) = (db.agent(), db.other());
        agent.change("k", "UPDATE a SET n = 5 WHERE id = 1", json!([])).unwrap();
        other.run(if db.is_postgres() {
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.free SET n = n + 1; RETURN NEW; END $$;
             CREATE TRIGGER note AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION note()"
        } else {
            "CREATE TRIGGER note AFTER UPDATE ON a BEGIN UPDATE free SET n = n + 1; END"
        });
        let before = (other.dump("a"), other.dump("free"));
        assert_eq!(agent.undo("k").unwrap_err().0, "reversal-conflict");
        assert_eq!((other.dump("a"), other.dump("free")), before);
        other.run(if db.is_postgres() { "DROP TRIGGER note ON a" } else { "DROP TRIGGER note" });
        agent.undo("k").unwrap();
        assert_eq!(other.number("SELECT count(*) FROM a WHERE n > 2"), 0);
    }
}

#[test]
fn capture_that_was_switched_off_is_noticed() {
    let db = Place::postgres().begin(TABLES, &["a", "loose"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    for (off, on) in [
        ("ALTER TABLE a DISABLE TRIGGER countersign_update", "ALTER TABLE a ENABLE ALWAYS TRIGGER countersign_update"),
        (
            "ALTER TABLE a ENABLE REPLICA TRIGGER countersign_delete",
            "ALTER TABLE a ENABLE ALWAYS TRIGGER countersign_delete",
        ),
    ] {
        other.run(off);
        assert_eq!(agent.change("k", "UPDATE a SET n = 5", json!([])).unwrap_err().0, "table-uncaptured", "{off}");
        other.run(on);
    }
    let db = Place::sqlite().begin(TABLES, &["a", "loose"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    // A column that the triggers do not know would be lost when a row is written back.
    other.run("ALTER TABLE a ADD COLUMN more TEXT");
    assert_eq!(agent.change("k", "UPDATE a SET n = 5", json!([])).unwrap_err().0, "table-uncaptured");
    other.run("DROP TRIGGER countersign_insert_a");
    assert_eq!(agent.change("k", "UPDATE a SET n = 5", json!([])).unwrap_err().0, "table-uncaptured");
    assert_eq!(other.number("SELECT count(*) FROM a WHERE n = 5"), 0);
}

#[test]
fn nobody_writes_what_is_ours() {
    both(TABLES, &["a", "loose"], |db| {
        let mut agent = db.agent();
        for sql in [
            "INSERT INTO countersign.change (key, statement, answer) VALUES ('k', '', '')",
            "INSERT INTO countersign_change (key, statement, answer) VALUES ('k', '', '')",
            "UPDATE countersign_image SET after = NULL",
            "DELETE FROM countersign.image",
            "DROP TRIGGER countersign_insert_a",
            "UPDATE a SET n = 1; UPDATE a SET n = 2",
            "SELECT 1",
        ] {
            let refused = agent.change("k", sql, json!([])).unwrap_err();
            assert_eq!(refused.0, "statement-refused", "{sql}: {refused:?}");
        }
        assert_eq!(agent.call("query", json!({ "sql": "DELETE FROM a" })).unwrap_err().0, "statement-refused");
        let failed = agent.change("k", "INSERT INTO a VALUES (1, 1)", json!([])).unwrap_err();
        assert_eq!(failed.0, "statement-failed", "{failed:?}");
        for (wrong, arguments) in [
            ("change", json!({ "sql": "UPDATE a SET n = 1", "change": "a b" })),
            ("change", json!({ "sql": "UPDATE a SET n = 1" })),
            ("undo_change", json!({ "change": "k" })),
            ("plan", json!({ "sql": "UPDATE a SET n = $1", "params": [[1]] })),
            ("plan", json!({ "sql": "UPDATE a SET n = 1", "odd": 1 })),
        ] {
            assert_eq!(agent.call(wrong, arguments.clone()).unwrap_err().0, "arguments-invalid", "{arguments}");
        }
    });
    let db = Place::postgres().begin(TABLES, &["a", "loose"]);
    let mut agent = db.agent();
    // A function of the role's own writes where a statement cannot: the role may add keys, and one transaction has one.
    db.other().run(
        "CREATE FUNCTION forge() RETURNS integer LANGUAGE sql AS $$ INSERT INTO countersign.change (key, statement, answer) VALUES ('forged', '', '{}') RETURNING 1 $$",
    );
    let refused = agent.change("k", "UPDATE a SET n = forge() WHERE id = 1", json!([])).unwrap_err();
    assert_eq!(refused.0, "table-uncaptured", "{refused:?}");
    assert_eq!(db.other().number("SELECT count(*) FROM countersign.change"), 0);
    let images = agent.change("k", "WITH w AS (SELECT 1) DELETE FROM a WHERE id = 2", json!([]));
    assert!(images.is_ok(), "{images:?}");
    let forged = db.other().try_run("SET ROLE agent; INSERT INTO countersign.image (tab) VALUES ('a'::regclass)");
    assert!(forged.is_err(), "nobody but its owner writes images");
}

#[test]
fn a_statement_that_runs_too_long_is_stopped() {
    use targets::sql::Limits;
    both(TABLES, &["a", "loose"], |db| {
        let mut agent = db.agent_with(Limits { statement_ms: 200, ..Limits::default() });
        let sql = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) UPDATE a SET n = (SELECT count(*) FROM c)";
        let stopped = agent.change("k", sql, json!([])).unwrap_err();
        assert_eq!(stopped.0, "statement-failed", "{stopped:?}");
        assert_eq!(db.other().number("SELECT count(*) FROM a WHERE n > 2"), 0);
    });
}
