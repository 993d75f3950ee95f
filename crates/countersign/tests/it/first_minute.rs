//! The first minute: `init` on a server, a client over `wrap`, a denial, an approval, a trace, evidence.

use serde_json::json;

use crate::program::{Client, begun, init, open_case, run};

#[test]
fn from_a_servers_command_to_a_governed_call() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let report = init(dir);
    assert_eq!(report.code, 0, "{}", report.err);
    assert!(report.json()["client"]["inventory"]["args"].as_array().unwrap().iter().any(|word| word == "wrap"));

    let mut client = Client::wrap(dir, "inventory");
    let listed = client.ask("tools/list", &json!({}));
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 9);
    let read = client.call("get_service", &json!({ "service": "checkout" }));
    assert_eq!(Client::refused(&read), "", "{read}");
    let unknown = client.call("no_such_tool", &json!({}));
    assert_eq!(Client::refused(&unknown), "tool-unknown", "{unknown}");
    let deleted = client.call("delete_service", &json!({ "service": "batch-worker" }));
    assert_eq!(Client::refused(&deleted), "policy-forbids", "{deleted}");
    client.finish();

    let trace = run(dir, &["trace", "last", "--json"]);
    assert_eq!(trace.json()["decisions"][0]["verdict"], "deny");
    let told = run(dir, &["trace", "last"]).out;
    assert!(told.contains("forbidden  by policy ") && !told.contains("permitted  by policy"), "{told}");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_tool_cannot_pass_for_a_method_of_the_protocol() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    let disguised = json!({ "name": "delete_service", "arguments": { "service": "batch-worker" }, "uri": "x" });
    let answer = client.ask("tools/call", &json!({ "name": "mcp:resources/read", "arguments": disguised }));
    assert!(answer.to_string().contains("mcp-method-refused"), "{answer}");
    client.finish();
    let services = demo::inventory::Inventory::open(&dir.join("inventory.db")).unwrap().services().unwrap();
    assert!(services.iter().any(|service| service.id == "batch-worker"));
}

#[test]
fn a_write_waits_and_runs_once_the_owner_has_approved() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    client.drafts_mail("held");
    assert_eq!(run(dir, &["approvals"]).code, 0, "people reach the server at once");
    let case = open_case(dir);

    let alone = run(dir, &["approvals", "approve", &case, "--reason", "fine"]);
    assert_eq!((alone.code, alone.err.contains("solo-unconfirmed")), (1, true), "{}", alone.err);
    let approved = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    assert!(
        approved.out.contains(r#""subject": "s""#) || approved.out.contains(r#""subject":"s""#),
        "{}",
        approved.out
    );
    let answer = client.await_answer("held");
    assert_eq!(Client::refused(&answer["result"]), "", "{answer}");
    client.finish();

    let trace = run(dir, &["trace", "last"]);
    assert!(trace.out.contains("approved by ana, alone, as `solo` allows"), "{}", trace.out);
}

#[test]
fn a_second_client_attaches_to_the_server_that_runs() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.ask("tools/list", &json!({}));
    let mut second = Client::wrap(dir, "inventory");
    assert_eq!(second.ask("tools/list", &json!({}))["result"]["tools"].as_array().unwrap().len(), 9);
    second.lists_services();
    second.finish();
    first.finish();
}

#[test]
fn a_clients_config_is_edited_and_put_back() {
    let folder = begun();
    let dir = folder.path();
    let before = r#"{"mcpServers":{"other":{"command":"x"}}}"#;
    std::fs::write(dir.join(".mcp.json"), before).unwrap();
    assert_eq!(run(dir, &["connect", "claude-code"]).code, 0);
    let edited: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join(".mcp.json")).unwrap()).unwrap();
    assert_eq!(edited["mcpServers"]["other"]["command"], "x");
    assert_eq!(edited["mcpServers"]["inventory"]["args"][0], "wrap");
    assert_eq!(run(dir, &["connect", "claude-code", "--undo"]).code, 0);
    assert_eq!(std::fs::read_to_string(dir.join(".mcp.json")).unwrap(), before);
    assert_eq!(run(dir, &["connect", "cursor"]).code, 0);
    assert_eq!(run(dir, &["connect", "cursor", "--undo"]).code, 0);
    assert!(!dir.join(".cursor/mcp.json").exists());
}

#[test]
fn connect_leaves_no_way_around_beside_it_unsaid() {
    let folder = begun();
    let dir = folder.path();
    let db = dir.join("inventory.db").display().to_string();
    let server = json!({ "command": env!("CARGO_BIN_EXE_countersign"), "args": ["demo", "--serve", db] });
    let entries = json!({ "stock": server, "other": { "command": "x" }, "far\u{202e}": { "url": "http://there" } });
    let before = json!({ "mcpServers": entries }).to_string();
    std::fs::write(dir.join(".mcp.json"), &before).unwrap();
    let said = run(dir, &["connect", "claude-code"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("not governed: other ") && said.out.contains(r"not governed: far\u{202e} "),
        "{}",
        said.out
    );
    assert!(!said.out.contains("not governed: stock"), "{}", said.out);
    for _again in 0..2 {
        let text = std::fs::read_to_string(dir.join(".mcp.json")).unwrap();
        let edited: serde_json::Value = serde_json::from_str(&text).unwrap();
        let list = edited["mcpServers"].as_object().unwrap();
        assert_eq!(list.keys().collect::<Vec<_>>(), ["stock", "other", "far\u{202e}"], "the name is the client's");
        assert_eq!(list["stock"]["args"][0], "wrap");
        assert_eq!(
            run(dir, &["connect", "claude-code", "--json"]).json()["not_governed"],
            json!(["other", "far\u{202e}"])
        );
    }
    assert_eq!(run(dir, &["connect", "claude-code", "--undo"]).code, 0);
    assert_eq!(std::fs::read_to_string(dir.join(".mcp.json")).unwrap(), before);
}
