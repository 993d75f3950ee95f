//! `countersign target sql`: an agent's changes to databases run alone, and a whole session of them is taken back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, Server, log_tail, open_case, program, run, run_where};

/// Replaces parts of a file of the bundle.
pub(crate) fn edit(dir: &Path, file: &str, parts: &[(&str, &str)]) {
    let path = dir.join("countersign/bundle").join(file);
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in parts {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replace(from, to);
    }
    std::fs::write(path, text).unwrap();
}

/// Is a folder whose agent changes the table `counter` of an SQLite file.
pub(crate) struct Begun {
    folder: tempfile::TempDir,
}

impl Begun {
    pub(crate) fn new() -> Self {
        let begun = Self { folder: tempfile::tempdir().unwrap() };
        let db = begun.db();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE counter (id integer PRIMARY KEY, n integer); INSERT INTO counter VALUES (1, 0), (2, 5)")
            .unwrap();
        let url = begun.url();
        let captured = run(begun.dir(), &["target", "capture", "counter", "--database", &url]);
        assert_eq!(captured.code, 0, "{}", captured.err);
        let server = [program(), "target", "sql", "--database", &url];
        let options = ["init", "--owner", "ana", "--name", "orders", "--"];
        let begin = run(begun.dir(), &[&options[..], &server].concat());
        assert_eq!(begin.code, 0, "{}", begin.err);
        begun
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.dir().join("orders.db").display())
    }

    pub(crate) fn db(&self) -> rusqlite::Connection {
        let db = rusqlite::Connection::open(self.dir().join("orders.db")).unwrap();
        db.busy_timeout(Duration::from_secs(20)).unwrap();
        db
    }

    pub(crate) fn n(&self) -> i64 {
        self.db().query_row("SELECT n FROM counter WHERE id = 1", [], |row| row.get(0)).unwrap()
    }

    /// Lets the agent change databases of the environment `test` by itself, within a rate, and without a plan beforehand.
    pub(crate) fn trust(&self) {
        let path = self.dir().join("countersign/bundle/catalog/orders.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, after) = text.split_once("# The server says that this tells what it would do").expect("a plan");
        let after = after.find("\n\n").map_or("", |end| &after[end..]);
        std::fs::write(&path, format!("{before}{after}")).unwrap();
        self.trust_planned(&[]);
    }

    /// Lets the agent change databases of the environment `test` by itself, within a rate and by a plan.
    ///
    /// - `more`: other parts of files of the bundle that are replaced.
    pub(crate) fn trust_planned(&self, more: &[(&str, &str, &str)]) {
        let dir = self.dir();
        for (file, from, to) in more {
            edit(dir, file, &[(from, to)]);
        }
        let about = r#"reversibility = "reversible"
resource = { kind = "Database", is = "orders" }
# The server says that it does a call once under this argument"#;
        edit(
            dir,
            "catalog/orders.toml",
            &[(
                &format!(
                    "reversibility = \"reversible\"\n{}",
                    "# The server says that it does a call once under this argument"
                ),
                about,
            )],
        );
        edit(dir, "classes.toml", &[("routine = false", "routine = true")]);
        edit(dir, "limits.toml", &[("burst = 60", "burst = 5000"), ("burst = 10", "burst = 5000")]);
        let writes = "@escalate(\"owner\")\n@obligations(\"careful\")\npermit (principal in Team::\"agents\", action in Action::\"class:write\", resource)\nwhen { context.mode == Mode::\"approved\" };";
        let alone = "permit (principal in Team::\"agents\", action in Action::\"class:write\", resource)\nwhen { context.mode == Mode::\"monitored\" };";
        edit(dir, "policies/starter.cedar", &[(writes, alone)]);
        edit(
            dir,
            "tests/starter.toml",
            &[(
                "expect = \"escalate\"\ncode = \"policy-escalates\"",
                "expect = \"escalate\"\ncode = \"level-escalates\"\nresource = { kind = \"Database\", id = \"orders\", attributes = { env = \"test\" } }",
            )],
        );
        let schema = std::fs::read_to_string(dir.join("countersign/bundle/schema.cedarschema")).unwrap();
        let (before, after) = schema.split_once("action \"orders.change\"").unwrap();
        let after = after.replacen("resource: [Server]", "resource: [Database]", 1);
        let schema = format!(
            "{}action \"orders.change\"{after}",
            before.replace("entity Server;", "entity Server;\nentity Database { env: String };")
        );
        std::fs::write(dir.join("countersign/bundle/schema.cedarschema"), schema).unwrap();
        std::fs::create_dir_all(dir.join("countersign/bundle/inventory")).unwrap();
        std::fs::write(
            dir.join("countersign/bundle/inventory/databases.toml"),
            "[[Database]]\nid = \"orders\"\nenv = \"test\"\n",
        )
        .unwrap();
        let inventory = "[kinds.Database.attributes]\nenv = \"string\"\n\n[sources.databases]\nfile = \"inventory/databases.toml\"\n";
        std::fs::write(dir.join("countersign/bundle/inventory.toml"), inventory).unwrap();
        let activated = run(dir, &["policy", "activate", "--reason", "the agent changes test databases by itself"]);
        assert_eq!(activated.code, 0, "{}{}", activated.out, activated.err);
        let level =
            ["agent", "level", "agent", "write", "L2", "--env", "test", "--reason", "it did well", "--for", "7d"];
        let given = run(dir, &level);
        assert_eq!(given.code, 0, "{}", given.err);
    }
}

pub(crate) fn add(by: i64) -> Value {
    json!({ "sql": "UPDATE counter SET n = n + ? WHERE id = 1", "params": [by] })
}

pub(crate) fn last(dir: &Path) -> Value {
    run(dir, &["trace", "last", "--json"]).json()
}

#[test]
fn a_change_waits_for_its_owner_and_is_taken_back_unless_somebody_changed_it_since() {
    let begun = Begun::new();
    let dir = begun.dir();
    let catalog = std::fs::read_to_string(dir.join("countersign/bundle/catalog/orders.toml")).unwrap();
    assert!(
        catalog.contains("[tools.change.undo]\ntool = \"undo_change\""),
        "what the server says is proposed: {catalog}"
    );
    let server = Server::up(dir);
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    let own = client.call("change", &json!({ "sql": "DELETE FROM counter", "change": "mine" }));
    assert_eq!(Client::refused(&own), "arguments-invalid", "the key is the gateway's: {own}");
    client.send(&json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": { "name": "change", "arguments": add(3) } }).to_string());
    let case = open_case(dir);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]).code, 0);
    let answer = client.await_answer("c");
    assert_eq!(answer["result"]["structuredContent"]["rows"], 1, "{answer}");
    assert_eq!(begun.n(), 3);
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    begun.db().execute_batch("UPDATE counter SET n = 9 WHERE id = 1").unwrap();
    let conflict = run(dir, &["rollback", &action, "--reason", "wrong amount"]);
    assert!(conflict.code != 0 && conflict.err.contains("reversal-conflict"), "{}", conflict.err);
    assert_eq!(begun.n(), 9);
    begun.db().execute_batch("UPDATE counter SET n = 3 WHERE id = 1").unwrap();
    let done = run(dir, &["rollback", &action, "--reason", "wrong amount"]);
    assert!(done.code == 0 && done.out.contains("taken back:"), "{}{}", done.out, done.err);
    assert_eq!(begun.n(), 0);
    let undo = client.call("undo_change", &json!({ "change": action }));
    assert_eq!(Client::refused(&undo), "policy-forbids", "an agent takes nothing back by itself: {undo}");
    client.finish();
    server.stop();
}

#[test]
fn a_whole_session_is_taken_back_and_what_stays_is_said_before() {
    let begun = Begun::new();
    let dir = begun.dir();
    let server = Server::up(dir);
    begun.trust();
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    for by in 1..=60 {
        let changed = client.call("change", &add(by));
        assert_eq!(changed["structuredContent"]["rows"], 1, "{changed}");
        if by % 10 == 0 {
            client.call("query", &json!({ "sql": "SELECT * FROM counter" }));
        }
    }
    let failed = client.call("change", &json!({ "sql": "INSERT INTO counter VALUES (1, 1)" }));
    assert!(failed["content"][0]["text"].as_str().unwrap().starts_with("statement-failed"), "{failed}");
    let session = last(dir)["proposal"]["session"].as_str().unwrap().to_owned();
    assert_eq!(begun.n(), 1830);
    client.finish();

    let plan = run(dir, &["rollback", "--session", &session, "--plan", "--json"]).json();
    assert_eq!((plan["steps"].as_array().unwrap().len(), plan["stays"].as_array().unwrap().len()), (60, 0), "{plan}");
    assert_eq!(plan["without"], 7, "six reads and one that failed: {plan}");
    assert_eq!(begun.n(), 1830, "a plan does nothing");
    let back = run(dir, &["rollback", "--session", &session, "--reason", "the wrong counter"]);
    assert!(back.code == 0 && back.out.contains("taken back: 60 of 60; 0 stay"), "{}{}", back.out, back.err);
    assert_eq!(begun.n(), 0);
    let again = run(dir, &["rollback", "--session", &session, "--plan", "--json"]).json();
    assert_eq!((again["steps"].as_array().unwrap().len(), again["without"].as_u64()), (0, Some(67)), "{again}");

    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    for by in [1, 2, 4] {
        client.call("change", &add(by));
    }
    client.finish();
    // What came since keeps the last from being taken back, and so those before it.
    begun.db().execute_batch("UPDATE counter SET n = 100 WHERE id = 1").unwrap();
    let kept = run(dir, &["rollback", "--agent", "agent", "--since", "1h", "--reason", "all of it"]);
    assert!(kept.code == 4 && kept.out.contains("taken back: 0 of 3"), "{}{}", kept.out, kept.err);
    assert_eq!(begun.n(), 100);
    begun.db().execute_batch("UPDATE counter SET n = 7 WHERE id = 1").unwrap();
    let done = run(dir, &["rollback", "--agent", "agent", "--since", "1h", "--reason", "all of it"]);
    assert!(done.code == 0 && done.out.contains("taken back: 3 of 3"), "{}{}", done.out, done.err);
    assert_eq!(begun.n(), 0);
    let nobody = run(dir, &["rollback", "--agent", "nobody", "--since", "1h", "--plan"]);
    assert!(nobody.code != 0 && nobody.err.contains("not-found"), "{}", nobody.err);
    server.stop();
}

#[test]
fn a_crash_in_the_middle_leaves_nothing_half_done() {
    for persisted in [true, false] {
        let begun = Begun::new();
        let dir = begun.dir();
        let mut server = Server::up(dir);
        begun.trust();
        let mut client = Client::wrap(dir, "orders");
        client.ask("tools/list", &json!({}));
        client.call("change", &add(1));
        let before = last(dir)["action"].clone();
        // Somebody else writes, so the change waits in the middle.
        let other = begun.db();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        client.send(&json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": { "name": "change", "arguments": add(2) } }).to_string());
        let action = (0..200)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(50));
                let trace = last(dir);
                (trace["action"] != before && !trace["states"].as_array().unwrap().is_empty())
                    .then(|| trace["action"].clone())
            })
            .expect("the state before it is recorded");
        let action = action.as_str().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let target = children(server.child.id());
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        if !persisted {
            for pid in &target {
                assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
            }
        }
        other.execute_batch("ROLLBACK").unwrap();
        client.kill();
        let expected = if persisted { 3 } else { 1 };
        let there = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            begun.n() == expected
        });
        assert!(there, "{persisted}: {}", begun.n());

        let server = Server::up(dir);
        let trace = run(dir, &["trace", action, "--json"]).json();
        assert_eq!(trace["outcome"]["status"], "in_doubt", "{trace}");
        let plan = run(dir, &["rollback", action, "--plan"]);
        assert!(plan.code == 0 && plan.out.contains("is not seen yet"), "{}{}", plan.out, plan.err);
        let done = run(dir, &["rollback", action, "--reason", "nobody knows"]);
        if persisted {
            assert!(done.code == 0 && done.out.contains("taken back:"), "{}{}", done.out, done.err);
        } else {
            assert!(
                done.code != 0 && done.err.contains("not-reversible") && done.err.contains("changed nothing"),
                "{}",
                done.err
            );
        }
        assert_eq!(begun.n(), 1);
        server.stop();
    }
}

#[test]
fn what_goes_around_the_road_is_found_and_named() {
    let begun = Begun::new();
    let dir = begun.dir();
    let told = webhook(dir);
    let server = Server::up(dir);
    begun.trust();
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    let found = |words: &[&str]| {
        let held = run(dir, &[&["reconcile", "--json"], words].concat());
        let of = held.json()["systems"][0].clone();
        let gaps: Vec<_> =
            of["found"].as_array().unwrap().iter().map(|one| one["gap"].as_str().unwrap().to_owned()).collect();
        assert_eq!(held.code, i32::from(!gaps.is_empty()), "{}", held.err);
        (gaps, of)
    };
    client.call("change", &add(1));
    client.call("change", &add(2));
    let (gaps, held) = found(&[]);
    assert_eq!((gaps.len(), &held["compared"]), (0, &json!(4)), "two changes, two records: {held}");
    assert_eq!(found(&[]).0.len(), 0, "nothing came since");

    begun.db().execute_batch("UPDATE counter SET n = 50 WHERE id = 2").unwrap();
    let (gaps, held) = found(&[]);
    assert_eq!((gaps, &held["found"][0]["what"]), (vec!["around".to_owned()], &json!(["counter"])), "{held}");
    assert_eq!(found(&[]).0.len(), 0, "it is found once");
    let message = told.recv_timeout(Duration::from_secs(30)).expect("people are told");
    assert!(message.contains("countersign.bypass.found") && message.contains("counter"), "{message}");
    let told = run(dir, &["reconcile", "orders", "--list"]);
    assert!(told.code == 1 && told.out.contains("changed counter around the road"), "{}", told.out);
    let doctor = run(dir, &["doctor"]);
    assert!(doctor.out.contains("bad   system orders"), "{}", doctor.out);

    // Under a key that nobody was given, and under one of an action that was something else.
    let read = client.call("query", &json!({ "sql": "SELECT 1" }));
    assert!(Client::refused(&read).is_empty(), "{read}");
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    let failed = client.call("change", &json!({ "sql": "INSERT INTO counter VALUES (1, 1)" }));
    assert_eq!(failed["isError"], true, "{failed}");
    let failed = last(dir)["action"].as_str().unwrap().to_owned();
    for key in ["forged", "act_01a209ea86457f458b60b0def5f95c17", &action, &failed] {
        let forge = format!(
            "BEGIN; INSERT INTO countersign_now VALUES ('{key}'); UPDATE counter SET n = n + 1 WHERE id = 2; DELETE FROM countersign_now; COMMIT"
        );
        begun.db().execute_batch(&forge).unwrap();
        assert_eq!(found(&[]).0, ["unknown-key"], "{key}");
    }
    begun.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let (file, copy) = (dir.join("orders.db"), dir.join("copy.db"));
    std::fs::copy(&file, &copy).unwrap();
    let changed = client.call("change", &add(4));
    assert_eq!(changed["structuredContent"]["rows"], 1, "{changed}");
    client.finish();
    begun.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&copy, &file).unwrap();
    let (gaps, held) = found(&[]);
    assert_eq!(gaps, ["missing"], "{held}");
    assert!(held["found"][0]["key"].as_str().unwrap().starts_with("act_"), "{held}");
    begun
        .db()
        .execute_batch("DELETE FROM countersign_image WHERE number = (SELECT max(number) FROM countersign_image)")
        .unwrap();
    let (gaps, held) = found(&[]);
    assert!(gaps.contains(&"rewound".to_owned()) && gaps.contains(&"around".to_owned()), "{held}");
    let unknown = run(dir, &["reconcile", "registry"]);
    assert!(unknown.code == 2, "{}{}", unknown.out, unknown.err);
    assert!(log_tail(dir).contains("\"kind\":\"reconciliation\""));
    server.stop();
    let rebuilt = run(dir, &["rebuild"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
}

#[test]
fn files_are_changed_taken_back_and_watched_as_databases_are() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let root = dir.join("site");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("index.html"), "<p>old</p>").unwrap();
    let (root_text, store) = (root.display().to_string(), dir.join("store").display().to_string());
    let server = [program(), "target", "files", &root_text, "--store", &store];
    let begun = run(dir, &[&["init", "--owner", "ana", "--name", "site", "--"][..], &server].concat());
    assert_eq!(begun.code, 0, "{}", begun.err);
    let server = Server::up(dir);
    let mut client = Client::wrap(dir, "site");
    client.ask("tools/list", &json!({}));
    let edits = json!([{ "path": "index.html", "replace": { "from": "old", "to": "new" } }, { "path": "a/b.txt", "write": "b" }]);
    let call = json!({ "name": "change", "arguments": { "edits": edits } });
    client.send(&json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": call }).to_string());
    let case = open_case(dir);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]).code, 0);
    let answer = client.await_answer("c");
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).ok();
    assert_eq!((read("index.html"), read("a/b.txt")), (Some("<p>new</p>".into()), Some("b".into())));
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    let held = run(dir, &["reconcile"]);
    assert_eq!(held.code, 0, "{}{}", held.out, held.err);
    std::fs::write(root.join("a/b.txt"), "theirs").unwrap();
    let conflict = run(dir, &["rollback", &action, "--reason", "wrong"]);
    assert!(conflict.code != 0 && conflict.err.contains("reversal-conflict"), "{}", conflict.err);
    let around = run(dir, &["reconcile"]);
    assert!(around.code == 1 && around.out.contains("a/b.txt around the road"), "{}{}", around.out, around.err);
    std::fs::write(root.join("a/b.txt"), "b").unwrap();
    let done = run(dir, &["rollback", &action, "--reason", "wrong"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!((read("index.html"), root.join("a").exists()), (Some("<p>old</p>".into()), false));
    client.finish();
    server.stop();
}

/// Tells a webhook of its own of bypasses, and returns what it is told.
fn webhook(dir: &Path) -> Receiver<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::fs::write(dir.join("countersign/keys/secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let settings = format!(
        "[targets.hook]\nkind = \"webhook\"\nurl = \"http://{at}/in\"\nsecret_file = \"secret\"\nevents = [\"bypass-found\"]\n\
         allow_private = true\nprivate = [\"127.0.0.1/32\"]\n"
    );
    std::fs::write(dir.join("countersign/notify.toml"), settings).unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut all, mut some) = (Vec::new(), [0; 4096]);
            while !all.ends_with(b"}") {
                match stream.read(&mut some).unwrap() {
                    0 => break,
                    read => all.extend(&some[..read]),
                }
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            tell.send(String::from_utf8(all).unwrap()).unwrap();
        }
    });
    told
}

/// Returns the processes that a process has started.
pub(crate) fn children(of: u32) -> Vec<String> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &of.to_string()]).output().unwrap();
    String::from_utf8(listed.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_database_is_named_without_a_password_in_the_list_of_processes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let url = "postgresql://agent:secret-word@127.0.0.1:1/none";
    let refused = run_where(dir, &["target", "capture", "t"], &[("COUNTERSIGN_DATABASE", url)]);
    assert!(refused.code == 1 && refused.err.contains("upstream-unavailable"), "{}", refused.err);
    let odd = run_where(dir, &["target", "capture", "t"], &[("COUNTERSIGN_DATABASE", "postgresql://secret-word@[odd")]);
    assert!(odd.code != 0 && odd.err.contains("arguments-invalid"), "{}", odd.err);
    assert!(!refused.err.contains("secret-word") && !odd.err.contains("secret-word"), "{}{}", refused.err, odd.err);
}
