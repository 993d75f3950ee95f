//! The resources of the server: what people have written down about its tools.

use serde_json::{Value, json};

struct Runbook {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

const RUNBOOKS: [Runbook; 2] = [
    Runbook {
        uri: "runbook://restart",
        name: "restart",
        title: "Restarting a service",
        text: include_str!("../../runbooks/restart.md"),
    },
    Runbook {
        uri: "runbook://schema-change",
        name: "schema-change",
        title: "Changing a schema",
        text: include_str!("../../runbooks/schema-change.md"),
    },
];

const MIME: &str = "text/markdown";

/// Lists them as `resources/list` does.
pub(super) fn list() -> Vec<Value> {
    let shown = |r: &Runbook| json!({ "uri": r.uri, "name": r.name, "title": r.title, "mimeType": MIME });
    RUNBOOKS.iter().map(shown).collect()
}

/// Returns one as `resources/read` does; `None` if there is no such runbook.
pub(super) fn read(uri: &str) -> Option<Value> {
    let found = RUNBOOKS.iter().find(|runbook| runbook.uri == uri)?;
    Some(json!({ "uri": found.uri, "mimeType": MIME, "text": found.text }))
}
