//! Changes are planned, made once, seen, and taken back to the bit.

use serde_json::{Value, json};
use targets::sql::Limits;

use crate::kit::{Place, both};

const ORDERS: &str = "CREATE TABLE orders (id integer PRIMARY KEY, state text NOT NULL, total integer);
    CREATE TABLE lines (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders (id) ON DELETE CASCADE, what text);
    INSERT INTO orders VALUES (1, 'open', 10), (2, 'open', 20), (3, 'paid', NULL);
    INSERT INTO lines VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'it''s');";

#[test]
fn every_kind_of_change_is_taken_back_exactly() {
    both(ORDERS, &["orders", "lines"], |db| {
        let (mut agent, mut other) = (db.agent(), db.other());
        let mut all = || (other.dump("orders"), other.dump("lines"));
        let before = all();
        for (key, sql, params, rows) in [
            ("update", "UPDATE orders SET state = $1 WHERE state = $2", json!(["held", "open"]), 2),
            (
                "insert",
                "INSERT INTO orders (id, state, total) VALUES ($1, $2, $3), (5, 'new', 1)",
                json!([4, "new", null]),
                2,
            ),
            ("cascade", "DELETE FROM orders WHERE id = 1", json!([]), 3),
            ("everything", "DELETE FROM lines", json!([]), 3),
            ("key", "UPDATE lines SET id = id + 100", json!([]), 6),
            (
                "upsert",
                "INSERT INTO orders (id, state) VALUES (1, 'x'), (9, 'y') ON CONFLICT (id) DO UPDATE SET state = 'z'",
                json!([]),
                2,
            ),
            (
                "with",
                "WITH o AS (SELECT max(id) AS id FROM orders) UPDATE orders SET total = 7 WHERE id IN (SELECT id FROM o)",
                json!([]),
                1,
            ),
        ] {
            let plan = agent.call("plan", json!({ "sql": sql, "params": params })).unwrap();
            assert_eq!((all(), agent.standing(key)), (before.clone(), json!({ "applied": false })), "{key}");
            let changed = agent.change(key, sql, params.clone()).unwrap();
            assert_eq!((&changed["rows"], &changed), (&json!(rows), &plan), "{key}");
            let after = all();
            assert_ne!(after, before, "{key}");
            let standing = agent.standing(key);
            assert_eq!(
                (&standing["stands"], &standing["digest"]),
                (&json!(true), &changed["digest"]),
                "{key}: {standing}"
            );

            assert_eq!(agent.change(key, sql, params).unwrap(), changed, "a repeat is answered as the first");
            assert_eq!(all(), after, "and changes nothing: {key}");
            let undone = agent.undo(key).unwrap();
            assert_eq!((all(), &undone["rows"]), (before.clone(), &json!(rows)), "{key}");
            assert_eq!(agent.standing(key), json!({ "applied": false }));
            assert_eq!(agent.undo(key).unwrap(), undone, "a repeat is answered as the first");
            let again = agent.call("undo_change", json!({ "change": key, "undo": "another" })).unwrap_err();
            assert_eq!(again.0, "reversal-conflict", "{again:?}");
            let back = agent.call("undo_change", json!({ "change": format!("undo-{key}"), "undo": "yet-another" }));
            assert_eq!(back.unwrap_err().0, "statement-refused", "an undo is not taken back");
        }
        let other_statement = agent.change("update", "DELETE FROM orders", json!([])).unwrap_err();
        assert_eq!(other_statement.0, "idempotency-conflict");
        assert_eq!(agent.undo("unknown").unwrap_err().0, "not-found");
        assert_eq!(all(), before);
    });
}

#[test]
fn values_of_every_type_come_back_to_the_bit() {
    let types = "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN plus AS integer CHECK (VALUE > 0);
        CREATE TABLE \"Odd \"\"Name\" (\"the key\" uuid PRIMARY KEY, n numeric, r real, d double precision, t text, b bytea, at timestamptz,
            day date, span interval, j json, jb jsonb, arr integer[][], m mood, p plus, addr inet, bits bit(3), r4 int4range, cash money,
            xid bigint GENERATED ALWAYS AS IDENTITY, twice numeric GENERATED ALWAYS AS (n * 2) STORED);
        INSERT INTO \"Odd \"\"Name\" VALUES
        ('00000000-0000-0000-0000-000000000001', 1.100, 0.1, 'NaN', E'a\\n\"b\\\\c,()''', '\\x00ff', '2026-01-02 03:04:05.678901+02', '0044-03-15 BC',
         '1 mon -2 days 03:00:00.5', '{\"a\": 1,  \"a\":2}', '{\"b\": 1.0}', '{{1,NULL},{3,4}}', 'glad', 5, '::1/128', B'101', '[1,5)', '12.34'),
        ('00000000-0000-0000-0000-000000000002', 'Infinity', '-Infinity', 5e-324, '', '', 'infinity', '-infinity', '0', 'null', '[]', '{}', 'sad', 1,
         '10.0.0.0/8', B'000', 'empty', '-1'),
        ('00000000-0000-0000-0000-000000000003', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);";
    let db = Place::postgres().begin(types, &["\"Odd \"\"Name\""]);
    let (mut agent, mut other) = (db.agent(), db.other());
    // What a session says of formats changes nothing.
    other.run("ALTER ROLE agent SET datestyle = 'German'; ALTER ROLE agent SET extra_float_digits = -15; ALTER ROLE agent SET timezone = 'Asia/Tokyo'");
    let table = "\"Odd \"\"Name\"";
    let before = other.dump(table);
    let clear = format!(
        "UPDATE {table} SET n = 1, r = 1, d = 1, t = 'x', b = 'x', at = now(), day = now(), span = '1 s', j = '1', jb = '1', arr = '{{1}}', addr = '::2'"
    );
    agent.change("clear", &clear, json!([])).unwrap();
    agent.undo("clear").unwrap();
    assert_eq!(other.dump(table), before);
    let mut agent = db.agent();
    agent.change("gone", &format!("DELETE FROM {table}"), json!([])).unwrap();
    assert_eq!(other.dump(table).len(), 0);
    agent.undo("gone").unwrap();
    assert_eq!(other.dump(table), before);

    let odd = "CREATE TABLE \"Odd \"\"Name\" (\"a b\" TEXT, k BLOB, n, r REAL, twice AS (r * 2), PRIMARY KEY (k, \"a b\")) WITHOUT ROWID;
        INSERT INTO \"Odd \"\"Name\" VALUES ('x', X'00FF', 1, 0.1), ('it''s', X'', 'text', 5e-324), ('', X'01', 9223372036854775807, 1e300), ('y', X'02', NULL, 9e999);";
    let db = Place::sqlite().begin(odd, &["Odd \"Name"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    let before = other.dump(table);
    agent.change("a", &format!("UPDATE {table} SET n = 0, r = r + 1"), json!([])).unwrap();
    agent.change("b", &format!("DELETE FROM {table}"), json!([])).unwrap();
    agent.undo("b").unwrap();
    agent.undo("a").unwrap();
    assert_eq!(other.dump(table), before);
}

#[test]
fn what_others_changed_since_is_never_overwritten() {
    both(ORDERS, &["orders", "lines"], |db| {
        let (mut agent, mut other) = (db.agent(), db.other());
        let before = other.dump("orders");
        let cases = [
            (
                "changed",
                "UPDATE orders SET state = 'held'",
                "UPDATE orders SET total = 99 WHERE id = 2",
                "UPDATE orders SET total = 20 WHERE id = 2",
            ),
            (
                "deleted",
                "UPDATE orders SET state = 'held'",
                "DELETE FROM orders WHERE id = 3",
                "INSERT INTO orders VALUES (3, 'held', NULL)",
            ),
            (
                "again",
                "DELETE FROM orders WHERE id = 3",
                "INSERT INTO orders VALUES (3, 'new', 1)",
                "DELETE FROM orders WHERE id = 3",
            ),
            (
                "inserted",
                "INSERT INTO orders VALUES (4, 'x', 1)",
                "UPDATE orders SET state = 'y' WHERE id = 4",
                "UPDATE orders SET state = 'x' WHERE id = 4",
            ),
            (
                "child",
                "INSERT INTO orders VALUES (4, 'x', 1)",
                "INSERT INTO lines VALUES (9, 4, 'theirs')",
                "DELETE FROM lines WHERE id = 9",
            ),
        ];
        for (key, ours, theirs, back) in cases {
            agent.change(key, ours, json!([])).unwrap();
            other.run(theirs);
            let between = (other.dump("orders"), other.dump("lines"));
            let refused = agent.undo(key).unwrap_err();
            assert_eq!(refused.0, "reversal-conflict", "{key}: {refused:?}");
            assert_eq!((other.dump("orders"), other.dump("lines")), between, "{key}: nothing was done");
            // The child stands beside the row, which is as it was left.
            assert_eq!(agent.standing(key)["stands"], json!(key == "child"), "{key}");
            other.run(back);
            agent.undo(key).unwrap();
            assert_eq!(other.dump("orders"), before, "{key}");
        }
    });
}

/// What is freed first breaks what refers to it, and what is written first breaks what is unique: each needs its own order.
#[test]
fn what_refers_to_each_other_is_taken_back_in_the_order_that_holds() {
    let tables = "CREATE TABLE team (id integer PRIMARY KEY, name text UNIQUE);
        CREATE TABLE person (id integer PRIMARY KEY, team integer NOT NULL REFERENCES team (id));
        INSERT INTO team VALUES (1, 'a'); INSERT INTO person VALUES (1, 1);";
    let db = Place::postgres().begin(tables, &["team", "person"]);
    let (mut agent, mut other) = (db.agent(), db.other());
    let mut all = || (other.dump("team"), other.dump("person"));
    let before = all();
    let sql = |name: &str| {
        format!(
            "WITH new AS (INSERT INTO team VALUES (2, '{name}')), moved AS (UPDATE person SET team = 2) DELETE FROM team WHERE id = 1"
        )
    };
    let moved = agent.change("moved", &sql("b"), json!([])).unwrap();
    assert_eq!(moved["rows"], 3, "{moved}");
    assert_ne!(all(), before);
    agent.undo("moved").unwrap();
    assert_eq!(all(), before);
    // The same name in both is what neither order can do: that is told, and nothing is done.
    agent.change("renamed", &sql("a"), json!([])).unwrap();
    let after = all();
    assert_eq!(agent.undo("renamed").unwrap_err().0, "reversal-conflict");
    assert_eq!(all(), after);
}

#[test]
fn differences_are_shown_within_limits_and_rows_told() {
    both(ORDERS, &["orders", "lines"], |db| {
        let mut agent = db.agent_with(Limits { rows_max: 2, told_max: 2, shown_max: 1, ..Limits::default() });
        let plan = agent
            .call("plan", json!({ "sql": "UPDATE orders SET total = total + 1 WHERE id < $1", "params": [3] }))
            .unwrap();
        let difference = json!([{ "table": plan["differences"][0]["table"], "before": { "id": 1, "state": "open", "total": 10 },
            "after": { "id": 1, "state": "open", "total": 11 } }]);
        assert_eq!(plan["differences"], difference);
        assert_eq!((&plan["tables"][0]["updated"], &plan["tables"][0]["inserted"]), (&json!(2), &json!(0)));
        for tool in ["plan", "change"] {
            let many = agent.call(tool, with_key(tool, "DELETE FROM orders WHERE id = 1")).unwrap_err();
            assert_eq!(many.0, "rows-exceeded", "{many:?}");
        }
        assert_eq!(db.other().number("SELECT count(*) FROM orders"), 3);
        let told = agent.call("query", json!({ "sql": "SELECT id, what FROM lines ORDER BY id;" })).unwrap();
        assert_eq!(told, json!({ "rows": [{ "id": 1, "what": "a" }, { "id": 2, "what": "b" }], "truncated": true }));
    });
}

fn with_key(tool: &str, sql: &str) -> Value {
    match tool {
        "change" => json!({ "sql": sql, "change": "k" }),
        _ => json!({ "sql": sql }),
    }
}
