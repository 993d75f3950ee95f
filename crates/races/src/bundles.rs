//! The two policies that take turns, over the bundle that all tests share.

use std::sync::{Arc, OnceLock};

use policy::{Bundle, BundleFiles};
use serde_json::json;
use types::Digest;

/// Is what the server behind the gateway calls itself.
pub const HELLO: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sre","version":"1"}}"#;

/// Are the tools that are called.
pub const TOOLS: [&str; 3] = ["report", "restart", "scale"];

/// Is how long a case awaits people, in milliseconds.
pub const CASE_MS: i64 = 600_000;

/// Returns how many people must approve a tool under a bundle.
pub fn people_for(bundle: &Digest, tool: &str) -> usize {
    let strict = *bundle == bundles()[1].digest();
    match tool {
        "report" => usize::from(strict),
        "restart" => 1,
        _ => 2,
    }
}

/// Returns a tool as its server lists it.
pub fn listed(tool: &str) -> String {
    json!({ "name": tool, "description": format!("Does {tool}"), "inputSchema": { "type": "object" } }).to_string()
}

/// The catalogue names the definitions that the server lists, as after a review.
fn pinned(mut files: BundleFiles) -> BundleFiles {
    let identity = connectors::mcp::identity_in(HELLO);
    let mut catalog = files.get("catalog/sre.toml").unwrap().to_owned();
    for tool in TOOLS {
        let digest = connectors::mcp::definition_digest(&identity, &listed(tool)).unwrap();
        let head = format!("[tools.{tool}]\n");
        assert!(catalog.contains(&head), "{catalog}");
        catalog = catalog.replace(&head, &format!("{head}definition = \"{digest}\"\n"));
    }
    files.insert("catalog/sre.toml", catalog);
    files
}

/// Reports need a person too, which ran alone before; nothing else differs, so an old approval would do if it counted.
fn stricter(mut files: BundleFiles) -> BundleFiles {
    let mut policies = files.get("policies/starter.cedar").unwrap().to_owned();
    for (from, to) in [
        (
            "permit (principal in Team::\"agents\", action == Action::\"sre.report\", resource);",
            "@escalate(\"owner\")\npermit (principal in Team::\"agents\", action == Action::\"sre.report\", resource)\n\
             when { context.mode == Mode::\"approved\" };",
        ),
        ("Team::\"agents\", action in Action::\"class:read\"", "Team::\"agents\", action == Action::\"sre.list\""),
    ] {
        assert!(policies.contains(from), "{policies}");
        policies = policies.replace(from, to);
    }
    files.insert("policies/starter.cedar", policies);
    files
}

/// Returns the bundles, read once per process: the one that a run begins with, and the stricter one.
pub fn bundles() -> &'static [Arc<Bundle>; 2] {
    static BOTH: OnceLock<[Arc<Bundle>; 2]> = OnceLock::new();
    let load = |files| Arc::new(Bundle::load(files).unwrap_or_else(|problems| panic!("{problems}")));
    BOTH.get_or_init(|| {
        let first = pinned(testkit::bundle());
        [load(first.clone()), load(stricter(first))]
    })
}
