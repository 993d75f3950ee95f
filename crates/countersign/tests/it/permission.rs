//! Permissions on the command line: a held call says how to ask, the owner asks and approves, the agent uses it up, and one is revoked.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Client, Said, Server, begun, run};

const POLICY: &str = "@id(\"permissions\")\n\
    permit (principal in Team::\"agents\", action == Action::\"countersign.permission.request\", resource);\n";

/// Changes the starter bundle so that it gives permissions and holds no call for long.
fn permitting(dir: &Path) {
    let bundle = dir.join("countersign/bundle");
    let head =
        fs::read_to_string(bundle.join("bundle.toml")).unwrap().replace("wait_ms_max = 45000", "wait_ms_max = 100");
    fs::write(bundle.join("bundle.toml"), head + "\n[permissions]\nminutes_max = 60\nuses_max = 10\n").unwrap();
    fs::write(bundle.join("policies/permissions.cedar"), POLICY).unwrap();
    let done = run(dir, &["policy", "activate", "--reason", "agents may ask"]);
    assert_eq!(done.code, 0, "{}", done.err);
}

fn mail(body: &str) -> Value {
    json!({ "from": "status@shop.example", "to": "a@b.c", "subject": "s", "body": body })
}

fn request(dir: &Path, uses: &str) -> Said {
    let arguments = mail("b").to_string();
    let words = ["permission", "request", "--agent", "agent", "--tool", "inventory.draft_mail", "--any", "body"];
    let terms = ["--arguments", &arguments, "--minutes", "30", "--uses", uses, "--purpose", "the news of the week"];
    run(dir, &[&words[..], &terms[..]].concat())
}

/// Asks for a permission and approves it, alone, as the starter bundle lets its only person.
fn given(dir: &Path, uses: &str) -> String {
    let asked = request(dir, uses);
    assert_eq!((asked.code, asked.err.contains("asks for inventory.draft_mail")), (4, true), "{}", asked.err);
    let case = asked.err.split(|c: char| c == '`' || c.is_whitespace()).find(|word| word.starts_with("case_"));
    let case = case.unwrap_or_else(|| panic!("no case in {}", asked.err));
    let shown = run(dir, &["approvals", "show", case]).out;
    assert!(shown.contains("inventory.draft_mail with body = anything, from = \"status@shop.example\""), "{shown}");
    let approved = run(dir, &["approvals", "approve", case, "--reason", "fine", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let given = request(dir, uses);
    assert_eq!(given.code, 0, "{}", given.err);
    given.out.lines().next().unwrap().to_owned()
}

#[test]
fn a_permission_is_asked_for_used_up_and_revoked() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    permitting(dir);
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    let held = client.call("draft_mail", &mail("not yet"));
    assert_eq!(Client::refused(&held), "approval-pending", "{held}");
    let hint = &held["_meta"]["countersign.dev/refusal"]["hint"];
    assert!(hint.as_str().is_some_and(|hint| hint.contains("/v1/permission-requests")), "{held}");

    let id = given(dir, "2");
    for (body, left) in [("one", "1 of 2 left"), ("two", "")] {
        let sent = client.call("draft_mail", &mail(body));
        assert_eq!(Client::refused(&sent), "", "{sent}");
        let listed = run(dir, &["permission", "list"]);
        assert!(listed.out.contains(left) && listed.out.contains(&id) != left.is_empty(), "{}", listed.out);
    }
    let after = client.call("draft_mail", &mail("three"));
    assert_eq!(Client::refused(&after), "approval-pending", "it is used up: {after}");

    let id = given(dir, "3");
    let shown = run(dir, &["permission", "show", &id]);
    assert!(shown.code == 0 && shown.out.contains("3 of 3 times"), "{}", shown.out);
    assert_eq!(run(dir, &["permission", "revoke", &id]).code, 2, "without a reason");
    assert_eq!(run(dir, &["permission", "revoke", &id, "--reason", "too wide"]).code, 0);
    let gone = run(dir, &["permission", "show", &id]);
    assert!(gone.code == 1 && gone.err.contains("not-found"), "{} {}", gone.code, gone.err);
    let after = client.call("draft_mail", &mail("four"));
    assert_eq!(Client::refused(&after), "approval-pending", "{after}");
    client.finish();
    server.stop();

    let replayed = run(dir, &["replay"]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
}
