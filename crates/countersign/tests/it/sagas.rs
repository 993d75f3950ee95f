//! `countersign saga`: steps that belong together are done as a whole or taken back as a whole, over refusals, checks that do not hold, and crashes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, Said, Server, log_tail, open_case, run, run_where};
use crate::targets::{Begun, add, children, edit};

/// Is an agent with a key of its own, over a folder that is served.
struct Agent<'a> {
    begun: &'a Begun,
    key: String,
}

impl<'a> Agent<'a> {
    fn new(begun: &'a Begun) -> Self {
        let made = run(begun.dir(), &["key", "create", "--agent", "agent", "--json"]);
        assert_eq!(made.code, 0, "{}", made.err);
        Self { begun, key: made.json()["token"].as_str().unwrap().to_owned() }
    }

    fn dir(&self) -> &'a Path {
        self.begun.dir()
    }

    /// Has a plan carried out, to its end or not.
    fn runs(&self, plan: &Value, more: &[&str]) -> Said {
        let file = self.dir().join("plan.json");
        std::fs::write(&file, plan.to_string()).unwrap();
        let words = [&["saga", "run", file.to_str().unwrap(), "--json"], more].concat();
        run_where(self.dir(), &words, &[("COUNTERSIGN_KEY", &self.key)])
    }

    /// Begins one, and returns its name.
    fn begins(&self, plan: &Value) -> String {
        let begun = self.runs(plan, &["--no-wait"]);
        assert!(!begun.out.is_empty(), "{}", begun.err);
        begun.json()["saga"].as_str().unwrap().to_owned()
    }

    /// Waits until a saga is over.
    fn ended(&self, saga: &str) -> Value {
        (0..600)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(50));
                let said = run(self.dir(), &["saga", "show", saga, "--json"]);
                let state = if said.code == 0 { said.json() } else { Value::Null };
                let over = ["held", "taken_back", "half", "refused"];
                state["state"].as_str().is_some_and(|state| over.contains(&state)).then_some(state)
            })
            .unwrap_or_else(|| panic!("{}", run(self.dir(), &["saga", "show", saga]).out))
    }
}

fn step(arguments: &Value) -> Value {
    json!({ "tool": "orders.change", "arguments": arguments })
}

fn steps(all: &[Value]) -> Value {
    json!({ "purpose": "lower the limits", "steps": all })
}

fn fails() -> Value {
    step(&json!({ "sql": "INSERT INTO counter VALUES (1, 1)" }))
}

/// Serves a folder whose agent changes the counter by itself, under these checks.
fn served(begun: &Begun, checks: &str) -> Server {
    std::fs::write(begun.dir().join("countersign/bundle/checks.toml"), checks).unwrap();
    let server = Server::up(begun.dir());
    begun.trust();
    server
}

fn counted_again(dir: &Path) {
    let rebuilt = run(dir, &["rebuild", "--json"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    assert_eq!(run(dir, &["replay"]).code, 0);
}

#[test]
fn every_step_is_done_in_order_and_a_repetition_does_nothing() {
    let begun = Begun::new();
    let server = served(&begun, "");
    let agent = Agent::new(&begun);
    let dir = begun.dir();
    let read = json!({ "tool": "orders.query", "arguments": { "sql": "SELECT n FROM counter" } });
    let double = step(&json!({ "sql": "UPDATE counter SET n = n * 2 WHERE id = 1" }));
    let mut plan = steps(&[step(&add(3)), read, double, step(&add(1))]);
    plan["idempotency_key"] = json!("limits-1");
    let held = agent.runs(&plan, &[]);
    assert_eq!(held.code, 0, "{}{}", held.out, held.err);
    assert_eq!((held.json()["state"].as_str(), begun.n()), (Some("held"), 7));
    let saga = held.json()["saga"].as_str().unwrap().to_owned();
    let again = agent.runs(&plan, &[]);
    assert_eq!((again.json()["saga"].as_str(), begun.n()), (Some(saga.as_str()), 7), "it is the one of before");
    plan["steps"].as_array_mut().unwrap().pop();
    let other = agent.runs(&plan, &[]);
    assert!(other.code != 0 && other.err.contains("idempotency-conflict"), "{}", other.err);

    let shown = run(dir, &["saga", "show", &saga, "--json"]).json();
    assert_eq!(shown["steps"].as_array().unwrap().len(), 4, "{shown}");
    assert_eq!(shown["steps"][0]["arguments"], add(3));
    let third = shown["steps"][2]["actions"][0].as_str().unwrap();
    let told = run(dir, &["trace", third]);
    assert!(told.out.contains(&format!("step       3 of 4 of the saga {saga}")), "{}", told.out);
    assert!(told.out.contains("agent says lower the limits"), "{}", told.out);
    let listed = run(dir, &["saga", "list"]);
    assert!(listed.out.contains(&saga) && listed.out.contains("every step was done and holds"), "{}", listed.out);
    // All of it is one session, which is over, and can be taken back as one.
    let back = run(dir, &["rollback", "--session", &saga, "--reason", "the wrong limits"]);
    assert!(back.code == 0 && back.out.contains("taken back: 3 of 3; 0 stay"), "{}{}", back.out, back.err);
    assert_eq!(begun.n(), 0);
    server.stop();
    counted_again(dir);
}

#[test]
fn a_step_that_fails_or_does_not_hold_takes_everything_back_in_reverse() {
    let begun = Begun::new();
    let file = begun.dir().join("orders.db");
    let check = |name: &str, expect: &str, query: &str| {
        format!(
            "[checks.{name}]\nby_name = true\nevery_ms = 100\nfor_ms = 200\nfailures = 1\n[checks.{name}.sql]\nsqlite = \"{}\"\nquery = \"{query}\"\n[checks.{name}.expect]\n{expect}\n",
            file.display()
        )
    };
    let one = "SELECT n FROM counter WHERE id = 1";
    let checks =
        [check("bounded", "most = 10", one), check("unseen", "most = 10", "SELECT n FROM counter WHERE id = 99")]
            .concat();
    let server = served(&begun, &checks);
    let agent = Agent::new(&begun);
    let dir = begun.dir();
    let checked = |by: i64, check: &str| json!({ "tool": "orders.change", "arguments": add(by), "check": check });
    for (last, why) in [
        (fails(), "step 3: it failed"),
        (checked(50, "bounded"), "step 3: a check of it was violated: `bounded`: it is 55, which is more than 10"),
        (checked(1, "unseen"), "step 3: nobody can tell whether it holds"),
        (step(&json!({ "sql": "DROP TABLE counter" })), "step 3: it failed"),
    ] {
        let ended = agent.runs(&steps(&[checked(2, "bounded"), step(&add(3)), last, step(&add(100))]), &[]);
        assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
        let saga = ended.json();
        assert_eq!((saga["state"].as_str(), begun.n()), (Some("taken_back"), 0), "{saga}");
        assert!(saga["why"][0].as_str().unwrap().starts_with(why), "{saga}");
        assert_eq!(saga["steps"][3]["actions"], json!([]), "it never began: {saga}");
        let first = run(dir, &["trace", saga["steps"][0]["actions"][0].as_str().unwrap(), "--json"]).json();
        assert_eq!(first["checks"][0]["judgement"], "held", "the step's own check looked: {first}");
    }
    let unknown = agent.runs(&steps(&[json!({ "tool": "orders.change", "arguments": add(1), "check": "none" })]), &[]);
    assert!(unknown.err.contains("request-invalid") && unknown.err.contains("no check `none`"), "{}", unknown.err);
    server.stop();
    counted_again(dir);
}

#[test]
fn what_somebody_has_changed_since_is_left_to_people_and_told() {
    let begun = Begun::new();
    let checks = "[checks.slow]\nby_name = true\nevery_ms = 100\nfor_ms = 1500\ncommand = { run = [\"true\"] }\n";
    let server = served(&begun, checks);
    let agent = Agent::new(&begun);
    let dir = begun.dir();
    let other = step(&json!({ "sql": "UPDATE counter SET n = n + 1 WHERE id = 2" }));
    let watched = json!({ "tool": "orders.change", "arguments": add(3), "check": "slow" });
    let saga = agent.begins(&steps(&[step(&add(1)), watched, other, fails()]));
    (0..200).find(|_| {
        std::thread::sleep(Duration::from_millis(20));
        begun.n() == 4
    });
    begun.db().execute_batch("UPDATE counter SET n = 40 WHERE id = 1").unwrap();
    let ended = agent.ended(&saga);
    assert_eq!((ended["state"].as_str(), begun.n()), (Some("half"), 40), "nobody's change is lost: {ended}");
    let why = ended["why"][1].as_str().unwrap();
    assert!(why.starts_with("step 2, act_") && why.contains("reversal-conflict"), "{why}");
    let second: i64 = begun.db().query_row("SELECT n FROM counter WHERE id = 2", [], |row| row.get(0)).unwrap();
    assert_eq!(second, 5, "what came after it is taken back");
    let doctor = run(dir, &["doctor"]);
    assert!(doctor.out.contains(&saga) && doctor.out.contains("half done"), "{}", doctor.out);
    server.stop();
    counted_again(dir);
}

#[test]
fn what_cannot_be_taken_back_comes_last_and_secrets_do_not_come_at_all() {
    let begun = Begun::new();
    let server = served(&begun, "");
    let agent = Agent::new(&begun);
    let dir = begun.dir();
    let refused = |plan: &Value, code: &str| {
        let said = agent.runs(plan, &[]);
        assert!(said.code != 0 && said.err.contains(code), "{}{}", said.out, said.err);
        assert_eq!(begun.n(), 0);
    };
    refused(&steps(&[]), "request-invalid");
    refused(&steps(&vec![step(&add(1)); 51]), "request-invalid");
    refused(&steps(&[json!({ "tool": "orders.nothing", "arguments": {} })]), "tool-unknown");
    refused(&steps(&[json!({ "tool": "orders.change", "arguments": [] })]), "request-invalid");
    let forbidden = json!({ "tool": "orders.undo_change", "arguments": { "change": "c" } });
    let ended = agent.runs(&steps(&[step(&add(1)), forbidden]), &[]);
    assert_eq!((ended.code, ended.json()["state"].as_str()), (3, Some("refused")), "{}{}", ended.out, ended.err);
    assert_eq!(begun.n(), 0, "what would be denied is not begun with");
    edit(dir, "catalog/orders.toml", &[("[tools.change]\n", "[tools.change]\nsecret = [\"/params/*\"]\n")]);
    assert_eq!(run(dir, &["policy", "activate", "--reason", "amounts are secret"]).code, 0);
    refused(&steps(&[step(&add(1))]), "arguments-invalid");
    let catalog = dir.join("countersign/bundle/catalog/orders.toml");
    let text = std::fs::read_to_string(&catalog).unwrap().replace("secret = [\"/params/*\"]\n", "");
    let (before, undo) = text.split_once("[tools.change.undo]").unwrap();
    let after = undo.split_once("\n\n").map_or("", |(_, after)| after);
    std::fs::write(&catalog, format!("{before}\n{after}")).unwrap();
    let activated = run(dir, &["policy", "activate", "--reason", "nothing brings it back"]);
    assert_eq!(activated.code, 0, "{}{}", activated.out, activated.err);
    refused(&steps(&[step(&add(1)), step(&add(2))]), "saga-irreversible");
    server.stop();
}

#[test]
fn people_are_asked_for_all_of_it_before_the_first_step() {
    let begun = Begun::new();
    let dir = begun.dir();
    let server = Server::up(dir);
    let agent = Agent::new(&begun);
    let saga = agent.begins(&steps(&[step(&add(1)), step(&add(2))]));
    let open = || -> Vec<String> {
        let cases = run(dir, &["approvals", "--json"]).json().to_string();
        let ids: BTreeSet<&str> = cases.split('"').filter(|word| word.starts_with("case_")).collect();
        ids.into_iter().map(str::to_owned).collect()
    };
    (0..100).find(|_| {
        std::thread::sleep(Duration::from_millis(50));
        open().len() == 2
    });
    let cases = open();
    assert_eq!((cases.len(), begun.n()), (2, 0), "both are asked about, and nothing is done");
    let approve = |case: &str| {
        let said = run(dir, &["approvals", "approve", case, "--reason", "fine", "--solo"]);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    approve(&cases[0]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(begun.n(), 0, "one of two is not enough");
    approve(&cases[1]);
    assert_eq!((agent.ended(&saga)["state"].as_str(), begun.n()), (Some("held"), 3));

    let saga = agent.begins(&steps(&[step(&add(10)), step(&add(20))]));
    let refused = run(dir, &["approvals", "deny", &open_case(dir), "--reason", "not now"]);
    assert_eq!(refused.code, 0, "{}", refused.err);
    let ended = agent.ended(&saga);
    assert_eq!((ended["state"].as_str(), begun.n()), (Some("refused"), 3), "{ended}");
    assert!(ended["why"][0].as_str().unwrap().contains("is denied"), "{ended}");
    server.stop();
    counted_again(dir);
}

#[test]
fn a_crash_anywhere_goes_on_from_there_and_does_no_step_twice() {
    let begun = Begun::new();
    let dir = begun.dir();
    let mut server = served(&begun, "");
    let agent = Agent::new(&begun);
    let (mut expected, mut interrupted) = (0, 0);
    for round in 0..6_u64 {
        let ends_well = round % 3 != 2;
        let mut all: Vec<Value> = (1..=6).map(|by| step(&add(by))).collect();
        if !ends_well {
            all.push(fails());
        }
        let saga = agent.begins(&steps(&all));
        std::thread::sleep(Duration::from_millis(15 + 45 * round));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        server = Server::up(dir);
        let ended = agent.ended(&saga);
        let state = if ends_well { "held" } else { "taken_back" };
        assert_eq!(ended["state"], state, "{ended}");
        expected += if ends_well { 21 } else { 0 };
        assert_eq!(begun.n(), expected, "round {round}: {ended}");
        let actions = |step: &Value| step["actions"].as_array().unwrap().len();
        interrupted += usize::from(ended["steps"].as_array().unwrap().iter().any(|step| actions(step) > 1));
    }
    println!("in {interrupted} of 6 rounds a step was begun more than once");
    server.stop();
    counted_again(dir);
}

#[test]
fn a_step_whose_answer_a_crash_has_taken_is_looked_at_and_not_done_twice() {
    for persisted in [true, false] {
        let begun = Begun::new();
        let dir = begun.dir();
        let mut server = served(&begun, "");
        let agent = Agent::new(&begun);
        // Somebody else writes, so the second step waits in the middle.
        let other = begun.db();
        let first = json!({ "tool": "orders.query", "arguments": { "sql": "SELECT n FROM counter" } });
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let saga = agent.begins(&steps(&[first, step(&add(2)), step(&add(5))]));
        let waits = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let shown = run(dir, &["saga", "show", &saga, "--json"]).json();
            let action = shown["steps"][1]["actions"][0].as_str().map(str::to_owned);
            let trace = action.map(|action| run(dir, &["trace", &action, "--json"]));
            trace.is_some_and(|trace| trace.code == 0 && !trace.json()["states"].as_array().unwrap().is_empty())
        });
        assert!(waits, "the state before the second step is recorded");
        std::thread::sleep(Duration::from_millis(300));
        let targets = children(server.child.id());
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        if !persisted {
            for pid in &targets {
                assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
            }
        }
        // The next start finds nothing done yet, and whoever carries it out ends later.
        server = Server::up(dir);
        std::thread::sleep(Duration::from_millis(1_500));
        other.execute_batch("ROLLBACK").unwrap();
        let ended = agent.ended(&saga);
        assert_eq!((ended["state"].as_str(), begun.n()), (Some("held"), 7), "{persisted}: {ended}");
        let tried = ended["steps"][1]["actions"].as_array().unwrap().len();
        assert_eq!(tried, if persisted { 1 } else { 2 }, "{ended}");
        let closed = log_tail(dir).matches("\"kind\":\"session_close\"").count();
        assert!(closed > 0, "its session is over");
        server.stop();
        counted_again(dir);
    }
}

#[test]
fn an_agent_that_is_killed_does_nothing_more_and_what_it_did_is_taken_back() {
    let begun = Begun::new();
    let checks = "[checks.slow]\nby_name = true\nevery_ms = 100\nfor_ms = 1000\ncommand = { run = [\"true\"] }\n";
    let server = served(&begun, checks);
    let agent = Agent::new(&begun);
    let dir = begun.dir();
    let watched = json!({ "tool": "orders.change", "arguments": add(3), "check": "slow" });
    let saga = agent.begins(&steps(&[watched, step(&add(100))]));
    (0..200).find(|_| {
        std::thread::sleep(Duration::from_millis(20));
        begun.n() == 3
    });
    assert_eq!(run(dir, &["kill", "--agent", "agent", "--reason", "stop it"]).code, 0);
    let ended = agent.ended(&saga);
    assert_eq!((ended["state"].as_str(), begun.n()), (Some("taken_back"), 0), "{ended}");
    assert!(ended["why"][0].as_str().unwrap().contains("killed"), "{ended}");
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    assert_eq!(Client::refused(&client.call("change", &add(1))), "killed");
    client.finish();
    server.stop();
}
