//! Reviewing a tool on the command line: what is listed, what it says, and pinning just that.

use serde_json::json;

use crate::program::{Client, begun, run};

#[test]
fn a_definition_is_shown_and_pinned_by_its_digest() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));

    let listed = run(dir, &["tool", "list"]);
    let row = listed.out.lines().find(|line| line.contains("inventory.get_service")).unwrap();
    let shown = run(dir, &["tool", "show", "inventory.get_service", "--json"]).json();
    let digest = shown["listed"].as_str().unwrap();
    assert!(row.contains("reviewed") && row.contains(digest), "{row}");
    let told = run(dir, &["tool", "show", "inventory.get_service"]).out;
    assert!(told.contains(digest) && told.contains(shown["definition"].as_str().unwrap()), "{told}");

    let pin = |definition: &str| {
        run(dir, &["tool", "pin", "inventory.get_service", "--definition", definition, "--reason", "read it"])
    };
    let other = pin(&"11".repeat(32));
    assert_eq!((other.code, other.err.contains("tool-changed")), (3, true), "{}", other.err);
    let pinned = pin(digest);
    assert_eq!(pinned.code, 0, "{}", pinned.err);
    assert!(pinned.out.contains(digest));
    let without = run(dir, &["tool", "pin", "inventory.get_service", "--reason", "read it"]);
    assert_eq!(without.code, 2, "{}", without.err);
    client.finish();
}
