//! Harm that agents have done elsewhere: it occurs without Countersign, it occurs with the one rule removed that stops it, and with that rule it does not.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, Server, open_case, run, run_where};
use crate::targets::{Begun, add, edit, last};

const FREEZE: &str = "\n[freezes.launch]\ncovers = { class = \"write\" }\nfrom = \"2026-06-01T00:00:00Z\"\nto = \"2100-01-01T00:00:00Z\"\nreason = \"nothing is changed before the launch\"\n";

fn activate(dir: &Path, why: &str) {
    let done = run(dir, &["policy", "activate", "--reason", why]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
}

fn append(dir: &Path, file: &str, text: &str) {
    let path = dir.join("countersign/bundle").join(file);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(path, before + text).unwrap();
}

fn level(dir: &Path, level: &str) {
    let words =
        ["agent", "level", "agent", "write", level, "--env", "test", "--reason", "as the story has it", "--for", "1d"];
    let given = run(dir, &words);
    assert_eq!(given.code, 0, "{level}: {}", given.err);
}

fn wipe() -> Value {
    json!({ "sql": "DELETE FROM counter" })
}

fn rows(begun: &Begun) -> i64 {
    begun.db().query_row("SELECT count(*) FROM counter", [], |row| row.get(0)).unwrap()
}

fn codes(trace: &Value) -> Vec<String> {
    let findings = trace["decisions"][0]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// In July 2025 an agent deleted a production database during a freeze, and said that nothing could bring it back.
#[test]
fn a_database_is_not_emptied_in_a_freeze_and_whether_it_comes_back_its_own_system_says() {
    // Without Countersign: whoever has the file has the rows.
    let bare = Begun::new();
    bare.db().execute_batch("DELETE FROM counter").unwrap();
    assert_eq!(rows(&bare), 0);

    let begun = Begun::new();
    let dir = begun.dir();
    let server = Server::up(dir);
    begun.trust();
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));

    // Without the freeze: a trusted agent empties it, and the system itself knows that and how it comes back.
    let wiped = client.call("change", &wipe());
    assert_eq!((wiped["structuredContent"]["rows"].as_i64(), rows(&begun)), (Some(2), 0), "{wiped}");
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    let plan = run(dir, &["rollback", &action, "--plan"]);
    assert_eq!(plan.code, 0, "it can be taken back, whatever the agent says: {}", plan.err);
    assert_eq!(run(dir, &["rollback", &action, "--reason", "it was not meant"]).code, 0);
    assert_eq!((rows(&begun), begun.n()), (2, 0));

    // Everything that L3 asks for is there, so that nothing but the freeze stands in the way.
    let file = dir.join("orders.db");
    append(
        dir,
        "checks.toml",
        &format!(
            "[checks.there]\ncovers = {{ class = \"write\" }}\nfor_ms = 0\nundo = true\n[checks.there.sql]\nsqlite = \"{}\"\nquery = \"SELECT count(*) FROM counter\"\n[checks.there.expect]\nleast = 0\n",
            file.display()
        ),
    );
    let days =
        "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\nfrom = \"00:00\"\nto = \"24:00\"\n";
    append(
        dir,
        "limits.toml",
        &format!("\n[windows.always]\ncovers = {{ class = \"write\" }}\nzone = \"UTC\"\n{days}"),
    );
    activate(dir, "all that guards it");
    client.call("change", &add(1));
    let tried = last(dir)["action"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_secs(1));
    let back = run(dir, &["rollback", &tried, "--reason", "the rollback is tested"]);
    assert_eq!(back.code, 0, "{}", back.err);

    append(dir, "limits.toml", FREEZE);
    activate(dir, "nothing is changed before the launch");
    for given in ["L0", "L1", "L2", "L3"] {
        level(dir, given);
        let stopped = client.call("change", &wipe());
        assert!(!Client::refused(&stopped).is_empty(), "{given}: {stopped}");
        let trace = last(dir);
        assert_eq!(trace["decisions"][0]["verdict"], "deny", "no approval lifts it at {given}: {trace}");
        assert_eq!(trace["decisions"][0]["level"], given, "{trace}");
        assert!(codes(&trace).contains(&"change-frozen".to_owned()), "{given}: {trace}");
        let (asked, decided) = (&trace["proposal"]["at"], &trace["decisions"][0]["at"]);
        println!("{given}: stopped after {} ms", decided.as_i64().unwrap() - asked.as_i64().unwrap());
        assert_eq!(rows(&begun), 2, "{given}");
    }
    assert!(!run(dir, &["approvals", "--json"]).out.contains("case_"), "nobody is even asked");
    client.finish();
    server.stop();
    assert_eq!(run(dir, &["replay"]).code, 0);
}

/// In December 2025 an agent with an operator's rights took an environment down: the rule that two people approve did not hold for whoever had those rights.
#[test]
fn an_operators_own_right_is_no_second_person() {
    // Without the rule: one person, who operates everything and owns the agent, is enough.
    let alone = Begun::new();
    let server = Server::up(alone.dir());
    let mut client = Client::wrap(alone.dir(), "orders");
    client.ask("tools/list", &json!({}));
    ask(&mut client, "a");
    let case = open_case(alone.dir());
    assert_eq!(run(alone.dir(), &["approvals", "approve", &case, "--reason", "go on", "--solo"]).code, 0);
    assert!(client.await_answer("a")["result"]["isError"] == json!(false) && rows(&alone) == 0);
    client.finish();
    server.stop();

    let begun = Begun::new();
    let dir = begun.dir();
    edit(dir, "bundle.toml", &[("solo = true", "solo = false")]);
    edit(dir, "escalation.toml", &[("approvals = 1", "approvals = 2")]);
    append(dir, "people.toml", "\n[people.ben]\ngroups = [\"owners\"]\n\n[people.cleo]\ngroups = [\"owners\"]\n");
    let server = Server::up(dir);
    activate(dir, "two people approve");
    let key = |person: &str| {
        let made = run(dir, &["key", "create", "--person", person, "--json"]);
        assert_eq!(made.code, 0, "{}", made.err);
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let (ben, cleo) = (key("ben"), key("cleo"));
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    ask(&mut client, "b");
    let case = open_case(dir);
    let vote = |token: &str| {
        run_where(dir, &["approvals", "approve", &case, "--reason", "I looked"], &[("COUNTERSIGN_KEY", token)])
    };
    let own = run(dir, &["approvals", "approve", &case, "--reason", "I operate it", "--solo"]);
    assert!(own.code != 0, "who owns the agent has no vote on it: {}", own.out);
    assert_eq!(vote(&ben).code, 0);
    assert!(vote(&ben).code != 0, "one person is one vote");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rows(&begun), 2, "one of two is not enough");
    assert_eq!(vote(&cleo).code, 0);
    assert_eq!((client.await_answer("b")["result"]["isError"].as_bool(), rows(&begun)), (Some(false), 0));
    client.finish();
    server.stop();
}

fn ask(client: &mut Client, id: &str) {
    let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "change", "arguments": wipe() } });
    client.send(&call.to_string());
}
