//! The policies of the races, over the bundle that all tests share.

use std::sync::{Arc, OnceLock};

use ledger::Clock as _;
use policy::{Bundle, BundleFiles};
use serde_json::json;
use testkit::TestClock;
use types::{Digest, Millis, PersonId};

/// Is what the server behind the gateway calls itself.
pub const HELLO: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sre","version":"1"}}"#;

/// Are the tools that are called.
pub const TOOLS: [&str; 3] = ["report", "restart", "scale"];

/// Is how long a case awaits people, in milliseconds.
pub const CASE_MS: i64 = 600_000;

/// Is the bundle that most races begin with.
pub const FIRST: usize = 0;

/// Is the one under which reports need a person too.
pub const STRICTER: usize = 1;

/// Is the one under which restarts ask whoever is on call.
pub const ON_CALL: usize = 2;

/// Is the one under which restarts need a vote that is signed.
pub const SIGNED: usize = 3;

/// Is when `ben`'s turn on call ends and `cleo`'s begins, in milliseconds after the tests' first instant.
pub const HANDOVER_MS: i64 = 300_000;

/// Says whether a bundle asks a person about a tool at an instant: of its owners two have no part in anything.
pub fn asks(bundle: &Digest, tool: &str, who: &PersonId, at: Millis) -> bool {
    let turn = if at < TestClock::default().wall().plus(HANDOVER_MS) { "ben" } else { "cleo" };
    let by_turns = *bundle == bundles()[ON_CALL].digest() && tool == "restart";
    if by_turns { who.as_str() == turn } else { ["ben", "cleo"].contains(&who.as_str()) }
}

/// Says whether votes on a tool count only if they are signed.
pub fn is_signed(bundle: &Digest, tool: &str) -> bool {
    *bundle == bundles()[SIGNED].digest() && tool == "restart"
}

/// Returns how many people must approve a tool under a bundle.
pub fn people_for(bundle: &Digest, tool: &str) -> usize {
    let strict = *bundle == bundles()[STRICTER].digest();
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

/// `ben` and `cleo` take turns of an hour, and one hands over in the midst of a case's time.
fn on_call(mut files: BundleFiles) -> BundleFiles {
    let profiles = files.get("escalation.toml").unwrap();
    let asked = "[profiles.owner]\n";
    assert!(profiles.contains(asked), "{profiles}");
    let by_turns = profiles.replacen(asked, &format!("{asked}on_call = \"primary\"\n"), 1);
    files.insert("escalation.toml", by_turns);
    let rota = "[schedules.primary]\nzone = \"UTC\"\npeople = [\"ben\", \"cleo\"]\n\
                start = \"2026-01-05T09:05\"\nturn = \"1h\"\n";
    files.insert("schedules.toml", rota);
    files
}

/// Returns the bundles, read once per process: [`FIRST`], [`STRICTER`], [`ON_CALL`] and [`SIGNED`].
pub fn bundles() -> &'static [Arc<Bundle>; 4] {
    static ALL: OnceLock<[Arc<Bundle>; 4]> = OnceLock::new();
    let load = |files| Arc::new(Bundle::load(files).unwrap_or_else(|problems| panic!("{problems}")));
    ALL.get_or_init(|| {
        let first = pinned(testkit::bundle());
        let on_call = on_call(first.clone());
        let signed = pinned(testkit::passkeys::signing_bundle());
        [load(first.clone()), load(stricter(first)), load(on_call), load(signed)]
    })
}
