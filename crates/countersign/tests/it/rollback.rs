//! `countersign rollback`: an action of an agent is taken back if what it left still stands, and otherwise a person is told.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, Server, begun, log_tail, open_case, run};

/// Says in the catalogue how scaling is taken back.
fn declare(dir: &Path) {
    let path = dir.join("countersign/bundle/catalog/inventory.toml");
    let catalog = std::fs::read_to_string(&path).unwrap();
    let (before, after) = catalog.split_once("[tools.scale_service]").unwrap();
    let after = after.replacen("reversibility = \"irreversible\"", "reversibility = \"compensable\"", 1);
    let undo = "\n[tools.scale_service.undo]\ntool = \"scale_service\"\n\
                arguments = { service = \"$arguments/service\", replicas = \"$before\" }\n\
                observe = { tool = \"get_service\", arguments = { service = \"$arguments/service\" }, take = \"/replicas\" }\n";
    std::fs::write(&path, format!("{before}[tools.scale_service]{after}{undo}")).unwrap();
}

/// Serves the bundle as it is written, and returns a client with how many of the service run.
fn served(dir: &Path) -> (Server, Client, i64) {
    let server = Server::up(dir);
    let activated = run(dir, &["policy", "activate", "--reason", "scaling can be taken back"]);
    assert_eq!(activated.code, 0, "{}", activated.err);
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    let was = replicas(&mut client);
    (server, client, was)
}

/// Scales a service by the agent, the owner approving, and returns the action.
fn scale(dir: &Path, client: &mut Client, replicas: i64) -> String {
    let call = json!({ "name": "scale_service", "arguments": { "service": "checkout", "replicas": replicas } });
    let id = format!("scale-{replicas}");
    client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call }).to_string());
    let case = open_case(dir);
    std::thread::sleep(Duration::from_millis(200));
    let approved = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let answer = client.await_answer(id);
    assert!(Client::refused(&answer["result"]).is_empty(), "{answer}");
    let trace = run(dir, &["trace", "last", "--json"]).json();
    assert_eq!(trace["proposal"]["tool"], "inventory.scale_service", "{trace}");
    trace["action"].as_str().unwrap().to_owned()
}

fn replicas(client: &mut Client) -> i64 {
    client.call("get_service", &json!({ "service": "checkout" }))["structuredContent"]["replicas"].as_i64().unwrap()
}

fn phases(dir: &Path, action: &str) -> Vec<(String, Value)> {
    let trace = run(dir, &["trace", action, "--json"]).json();
    let states = trace["states"].as_array().unwrap().iter();
    states.map(|one| (one["seen"]["phase"].as_str().unwrap().to_owned(), one["state"].clone())).collect()
}

#[test]
fn an_action_is_taken_back_if_what_it_left_still_stands() {
    let folder = begun();
    let dir = folder.path();
    declare(dir);
    let (server, mut client, was) = served(dir);
    let action = scale(dir, &mut client, was + 3);
    assert_eq!(replicas(&mut client), was + 3);
    let seen = |phase: &str, of: i64| (phase.to_owned(), json!(of.to_string()));
    assert_eq!(phases(dir, &action), [seen("before", was), seen("after", was + 3)]);

    let plan = run(dir, &["rollback", &action, "--plan"]);
    assert!(plan.code == 0 && plan.out.contains("inventory.scale_service"), "{}{}", plan.out, plan.err);
    assert_eq!(replicas(&mut client), was + 3, "a plan does nothing");
    let done = run(dir, &["rollback", &action, "--reason", "too many", "--json"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!((done.json()["status"].as_str(), done.json()["restored"].as_bool()), (Some("done"), Some(true)));
    assert_eq!(replicas(&mut client), was);
    assert_eq!(phases(dir, &action).last().unwrap(), &seen("undone", was));
    let undo = done.json()["undo"].as_str().unwrap().to_owned();
    let told = run(dir, &["trace", &undo]);
    assert!(told.out.contains("person:ana called countersign.action.undo"), "{}", told.out);
    let again = run(dir, &["rollback", &action, "--reason", "once more"]);
    assert!(again.code != 0 && again.err.contains("not-reversible") && again.err.contains(&undo), "{}", again.err);

    let second = scale(dir, &mut client, was + 1);
    let third = scale(dir, &mut client, was + 2);
    let conflict = run(dir, &["rollback", &second, "--reason", "too many"]);
    assert!(conflict.code != 0 && conflict.err.contains("reversal-conflict"), "{}", conflict.err);
    assert_eq!(replicas(&mut client), was + 2, "nothing was done over what came since");
    assert_eq!(phases(dir, &second).last().unwrap(), &seen("conflict", was + 2));
    assert_eq!(run(dir, &["kill", "--all", "--reason", "stop"]).code, 0);
    let undos = || log_tail(dir).matches("countersign.action.undo").count();
    let before = undos();
    let killed = run(dir, &["rollback", &third, "--reason", "one after the other"]);
    assert!(killed.code != 0 && killed.err.contains("a kill switch is set"), "{}", killed.err);
    assert_eq!(undos(), before, "not even the look has left, so nothing was decided");
    assert_eq!(run(dir, &["switch", "clear", "tenant:default", "--reason", "go on"]).code, 0);
    assert_eq!(replicas(&mut client), was + 2);
    assert_eq!(run(dir, &["kill", "--agent", "agent", "--reason", "acting up"]).code, 0);
    for action in [&third, &second] {
        let done = run(dir, &["rollback", action, "--reason", "one after the other"]);
        assert_eq!(done.code, 0, "what an agent did is taken back though it is stopped: {}", done.err);
    }
    assert_eq!(run(dir, &["switch", "clear", "agent:agent", "--reason", "go on"]).code, 0);
    assert_eq!(replicas(&mut client), was);
    let read = run(dir, &["trace", "last", "--json"]).json()["action"].as_str().unwrap().to_owned();
    let nothing = run(dir, &["rollback", &read, "--reason", "it only read"]);
    assert!(nothing.code != 0 && nothing.err.contains("not-reversible"), "{}", nothing.err);
    client.finish();
    server.stop();
}

#[test]
fn what_cannot_be_seen_before_is_not_done() {
    let folder = begun();
    let dir = folder.path();
    declare(dir);
    let path = dir.join("countersign/bundle/catalog/inventory.toml");
    let catalog = std::fs::read_to_string(&path).unwrap().replace("take = \"/replicas\"", "take = \"/copies\"");
    std::fs::write(&path, catalog).unwrap();
    let (server, mut client, was) = served(dir);
    let call = json!({ "name": "scale_service", "arguments": { "service": "checkout", "replicas": was + 1 } });
    client.send(&json!({ "jsonrpc": "2.0", "id": "s", "method": "tools/call", "params": call }).to_string());
    let case = open_case(dir);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]).code, 0);
    let answer = client.await_answer("s");
    assert_eq!(Client::refused(&answer["result"]), "state-unseen", "{answer}");
    assert_eq!(replicas(&mut client), was);
    client.finish();
    server.stop();
}

#[test]
fn a_tool_that_is_not_the_reviewed_one_takes_nothing_back() {
    let folder = begun();
    let dir = folder.path();
    declare(dir);
    let (server, mut client, was) = served(dir);
    let action = scale(dir, &mut client, was + 1);
    for (tool, code) in [("get_service", "state-unseen"), ("scale_service", "tool-changed")] {
        let path = dir.join("countersign/bundle/catalog/inventory.toml");
        let catalog = std::fs::read_to_string(&path).unwrap();
        let (before, after) = catalog.split_once(&format!("[tools.{tool}]")).unwrap();
        let (head, tail) = after.split_once("definition = \"").unwrap();
        let other = format!("{before}[tools.{tool}]{head}definition = \"{}{}", "1".repeat(64), &tail[64..]);
        std::fs::write(&path, other).unwrap();
        let activated = run(dir, &["policy", "activate", "--reason", "reviewed otherwise"]);
        assert_eq!(activated.code, 0, "{}", activated.err);
        let refused = run(dir, &["rollback", &action, "--reason", "too many"]);
        assert!(refused.code != 0 && refused.err.contains(code), "{tool}: {}", refused.err);
        std::fs::write(&path, catalog).unwrap();
    }
    let inventory = demo::inventory::Inventory::open(&dir.join("inventory.db")).unwrap();
    assert_eq!(inventory.service("checkout").unwrap().replicas, was + 1);
    client.finish();
    server.stop();
}
