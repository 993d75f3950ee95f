//! What is recorded of a session on real servers is what a replay serves: errors, progress, held and cancelled calls, answers
//! that change; and what was erased is said to be.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Client, Server, begun, echo, open_case, run, run_with, script};

/// Writes a server that notes its starts in a file, whose reading counts its calls in another, and one of whose tools fails; it
/// sends progress first.
fn counting(dir: &Path) -> String {
    let tool = |name: &str| {
        json!({ "name": name, "description": "Reads.", "inputSchema": { "type": "object", "properties": {} },
            "annotations": { "readOnlyHint": true } })
    };
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
        "serverInfo": { "name": "counting", "version": "1" } });
    let reply = |result: &Value| echo(&json!({ "jsonrpc": "2.0", "id": "ID", "result": result }));
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": "t", "progress": 1 } });
    let long = "x".repeat(20_000);
    let count = dir.join("count").display().to_string();
    let read = format!(
        r#"n=$(($(cat {count} 2>/dev/null || echo 0) + 1)); echo $n >{count}; echo '{progress}'
    printf '{{"jsonrpc":"2.0","id":%s,"result":{{"content":[{{"type":"text","text":"read %s {long}"}}]}}}}\n' "$id" "$n""#
    );
    let failed = json!({ "jsonrpc": "2.0", "id": "ID", "error": { "code": -32603, "message": "the disk is on fire" } });
    let arms = [
        ("'\"initialize\"'", reply(&hello)),
        ("tools/list", reply(&json!({ "tools": [tool("list_count"), tool("list_fails")] }))),
        ("list_count", read),
        ("list_fails", echo(&failed)),
    ];
    let path = script(dir, &arms);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("echo started >>{}\n{text}", dir.join("starts").display())).unwrap();
    path
}

/// Begins on the counting server.
fn begun_counting() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let said = run(dir, &["init", "--json", "--owner", "ana", "--name", "counting", "--", "sh", &counting(dir)]);
    assert_eq!(said.code, 0, "{}", said.err);
    folder
}

fn first_word(result: &Value) -> String {
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"));
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn answers_come_whole_and_in_their_order_and_an_error_is_an_error() {
    let folder = begun_counting();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "counting");
    let token = json!({ "name": "list_count", "arguments": {}, "_meta": { "progressToken": "t" } });
    let first = client.ask("tools/call", &token)["result"].clone();
    assert_eq!(first_word(&first), "read 1");
    client.call("list_count", &json!({}));
    let failed = client.ask("tools/call", &json!({ "name": "list_fails", "arguments": {} }));
    assert_eq!(failed["error"]["message"], "the disk is on fire", "{failed}");
    client.finish();
    let seen = || ["starts", "count"].map(|name| fs::read_to_string(dir.join(name)).unwrap());
    let before = seen();

    let mut replayed = Client::over(dir, &["incident", "serve", "last", "--report", "report.json"]);
    let hello =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    replayed.ask("initialize", &hello);
    assert_eq!(replayed.call("list_count", &json!({})), first, "the whole answer of 20,000 bytes");
    assert_eq!(first_word(&replayed.call("list_count", &json!({}))), "read 2");
    assert_eq!(first_word(&replayed.call("list_count", &json!({}))), "read 2", "the last one of what only reads");
    let failed = replayed.ask("tools/call", &json!({ "name": "list_fails", "arguments": {} }));
    assert_eq!(failed["error"]["message"], "the disk is on fire", "{failed}");
    assert_eq!(replayed.ended(), 1, "one call more than was recorded");
    let report: Value = serde_json::from_str(&fs::read_to_string(dir.join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["summary"]["same"], &report["summary"]["extra"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!(seen(), before, "the server was neither started nor called");
}

#[test]
fn a_call_that_was_cancelled_while_it_waited_is_one_that_nobody_decided() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    client.lists_services();
    client.drafts_mail("held");
    open_case(dir);
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"held"}}"#);
    client.lists_services();
    client.finish();
    let said = run(dir, &["incident", "run", "last", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = said.json();
    assert_eq!(told["summary"]["calls"], 3);
    let draft = told["calls"].as_array().unwrap().iter().find(|call| call["tool"] == "inventory.draft_mail").unwrap();
    assert_eq!(draft["recorded"], json!({ "verdict": "escalate", "code": "policy-escalates", "people": "withdrawn" }));
    assert_eq!(draft["rulings"][0]["people"], "withdrawn");
}

#[test]
fn an_agent_that_fails_or_does_not_end_is_told_and_one_that_is_not_there_is_an_error() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.finish();
    let fails = run(dir, &["incident", "run", "last", "--json", "--", "sh", "-c", "exit 3"]);
    assert!(
        fails.code == 1 && fails.json()["ended"]["1"].as_str().unwrap().contains('3'),
        "{}{}",
        fails.out,
        fails.err
    );
    let hangs = run(dir, &["incident", "run", "last", "--timeout", "1", "--json", "--", "sleep", "60"]);
    assert!(hangs.json()["ended"]["1"].as_str().unwrap().contains("longer than 1 s"), "{}", hangs.out);
    let absent = run(dir, &["incident", "run", "last", "--", "/no/such/agent"]);
    assert!(absent.code == 2 && absent.err.contains("cannot be started"), "{} {}", absent.code, absent.err);
    let many = run(dir, &["incident", "run", "last", "--runs", "3"]);
    assert!(many.code == 2 && many.err.contains("each run would say the same"), "{}", many.err);
    // The ways in which an agent finds its servers.
    let agent = r#"test "$COUNTERSIGN_INCIDENT_URL" = "$1" && grep -q "$1" "$2" && grep -q '"inventory"' "$COUNTERSIGN_INCIDENT_CONFIG" && test "$COUNTERSIGN_INCIDENT_RUN" = 1"#;
    let finds = run(dir, &["incident", "run", "last", "--json", "--", "sh", "-c", agent, "agent", "{url}", "{config}"]);
    assert!(finds.json()["ended"].as_object().unwrap().is_empty(), "{}{}", finds.out, finds.err);
}

#[test]
fn an_erased_session_cannot_be_replayed_and_says_so() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.finish();
    let session =
        run(dir, &["incident", "list", "--json"]).json()["sessions"][0]["session"].as_str().unwrap().to_owned();
    assert_eq!(run(dir, &["incident", "run", &session]).code, 0);
    crate::erase::it_leaves(dir);
    let erased = run(dir, &["erase", "agent:agent", "--reason", "request 4711"]);
    assert_eq!(erased.code, 0, "{}", erased.err);
    server.stop();
    let said = run(dir, &["incident", "run", &session, "--json"]);
    assert!(said.code == 4 && said.out.contains("erased"), "{} {}{}", said.code, said.out, said.err);
    let served = run_with(dir, &["incident", "serve", &session], b"", None);
    assert!(served.code != 0, "{}", served.err);
    let listed = run(dir, &["incident", "list"]);
    assert!(listed.out.contains("erased"), "{}", listed.out);
}
