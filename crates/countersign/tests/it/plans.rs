//! Plans: what an action would do is found out before it is decided, people see it, and their approval is for it alone.

use serde_json::{Value, json};

use crate::program::{Client, Server, open_case, run};
use crate::targets::{Begun, add, last};

/// Sends a change and does not wait for its answer.
fn send(client: &mut Client, id: &str, arguments: &Value) {
    let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "change", "arguments": arguments } });
    client.send(&call.to_string());
}

#[test]
fn people_see_what_it_would_do_and_approve_that_alone() {
    let begun = Begun::new();
    let dir = begun.dir();
    let server = Server::up(dir);
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    let small = json!({ "sql": "UPDATE counter SET n = n + 1 WHERE n < 3" });
    send(&mut client, "a", &small);
    let case = open_case(dir);
    let shown = run(dir, &["approvals", "show", &case]);
    assert!(shown.out.contains("what it would do") && shown.out.contains("\n    \"rows\": 1"), "{}", shown.out);
    let path = last(dir);
    assert_eq!(path["proposal"]["plan"]["told"]["tables"][0]["table"], "counter", "{path}");

    // Meanwhile it would change two rows: that is another action than the one that was approved.
    begun.db().execute_batch("UPDATE counter SET n = 1 WHERE id = 2").unwrap();
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "one row", "--solo"]).code, 0);
    let second = open_case(dir);
    assert_ne!(second, case);
    assert_eq!(begun.n(), 0, "nothing was done");
    let shown = run(dir, &["approvals", "show", &second]);
    assert!(shown.out.contains("\"rows\": 2"), "{}", shown.out);
    assert_eq!(run(dir, &["approvals", "approve", &second, "--reason", "two rows", "--solo"]).code, 0);
    let answer = client.await_answer("a");
    assert_eq!(answer["result"]["structuredContent"]["rows"], 2, "{answer}");

    // A new row's number is another each time, and its approval holds all the same.
    send(&mut client, "b", &json!({ "sql": "INSERT INTO counter (n) VALUES (random())" }));
    let case = open_case(dir);
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]).code, 0);
    let answer = client.await_answer("b");
    assert_eq!(answer["result"]["structuredContent"]["rows"], 1, "{answer}");
    client.finish();
    let replayed = run(dir, &["replay"]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
    server.stop();
}

#[test]
fn what_would_do_too_much_goes_to_people_or_is_denied_and_what_nobody_can_plan_is_denied() {
    let begun = Begun::new();
    let dir = begun.dir();
    begun.db().execute_batch("INSERT INTO counter (n) VALUES (5), (5), (5)").unwrap();
    let server = Server::up(dir);
    begun.trust_planned(&[
        (
            "bundle.toml",
            "confidence_below_bp",
            "plans = [{ tool = \"orders.*\", amount = \"rows\", above = 1 }]\nconfidence_below_bp",
        ),
        (
            "limits.toml",
            "[rates.calls]",
            "[impacts.few]\ncovers = { class = \"write\" }\nplan = \"rows\"\nplan_max = 4\n\n[rates.calls]",
        ),
    ]);
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    let changed = client.call("change", &add(1));
    assert_eq!(changed["structuredContent"]["rows"], 1, "{changed}");
    let facts = last(dir)["decisions"][0]["facts"].clone();
    let rows = facts.as_array().unwrap().iter().find(|fact| fact["name"] == "plan.rows").unwrap();
    assert_eq!((&rows["value"], &rows["source"]), (&json!(1), &json!("plan")), "{facts}");

    let all = client.call("change", &json!({ "sql": "DELETE FROM counter" }));
    assert_eq!(Client::refused(&all), "impact-exceeded", "five rows are too many for anybody: {all}");
    let broken = client.call("change", &json!({ "sql": "DELETE FROM nowhere" }));
    assert_eq!(Client::refused(&broken), "plan-unseen", "{broken}");
    assert!(broken.to_string().contains("nowhere"), "it says why: {broken}");

    send(&mut client, "c", &json!({ "sql": "UPDATE counter SET n = 6 WHERE id > 2" }));
    let case = open_case(dir);
    let shown = run(dir, &["approvals", "show", &case]);
    assert!(shown.out.contains("plan-needs-look") && shown.out.contains("rows = 3"), "{}", shown.out);
    assert_eq!(run(dir, &["approvals", "deny", &case, "--reason", "too many"]).code, 0);
    let answer = client.await_answer("c");
    assert_eq!(Client::refused(&answer["result"]), "approval-denied", "{answer}");
    client.finish();
    assert_eq!(begun.n(), 1);
    let replayed = run(dir, &["replay"]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
    server.stop();
}
