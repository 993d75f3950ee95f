//! A small bundle: one server, two agents, five people, every verdict.

use policy::{BundleFiles, StarterInput, StarterTool, starter};
use serde_json::{Value, json};
use types::Digest;
use types::bundle::Server;

const AGENTS: &str = r#"
[agents.sre-bot]
owner = "ana"
teams = ["agents"]
on_behalf_of = ["cleo"]

[agents.report-bot]
owner = "ben"
teams = ["agents"]
"#;

const PEOPLE: &str = r#"
[people.ana]
groups = ["owners"]

[people.ben]
groups = ["owners"]

[people.cleo]
groups = ["owners"]

[people.dan]
groups = ["owners", "admins"]

[people.eve]
groups = []
"#;

const HEAD: &str = r#"
name = "small"
authors = ["dan"]
solo = false

[review]
profile = "owner"
words = ["production"]

[hold]
wait_ms_max = 500
open_cases_max = 20
"#;

const PROFILES: &str = r#"
[profiles.owner]
group = "owners"
approvals = 1
timeout_ms = 600000

[profiles.pair]
group = "owners"
approvals = 2
timeout_ms = 600000
"#;

const POLICIES: &str = r#"
@id("report")
permit (principal in Team::"agents", action == Action::"sre.report", resource);

@id("reads")
permit (principal in Team::"agents", action in Action::"class:read", resource)
when { context.mode == Mode::"monitored" };

@id("restart")
@escalate("owner")
permit (principal in Team::"agents", action == Action::"sre.restart", resource)
when { context.mode == Mode::"approved" };

@id("scale")
@escalate("pair")
permit (principal in Team::"agents", action == Action::"sre.scale", resource)
when { context.mode == Mode::"approved" };

// Whoever is acted for must be permitted it too.
@id("owners")
permit (principal in Group::"owners", action in [Action::"class:read", Action::"class:write"], resource);

@id("registry.owners")
permit (principal in Group::"owners", action in Action::"class:promotion", resource)
when { context.mode == Mode::"monitored" };

@id("registry.agents")
@escalate("owner")
permit (principal in Team::"agents", action in Action::"class:promotion", resource)
when { context.mode == Mode::"approved" };

@id("destructive")
@reason("destructive calls are never left to an agent")
forbid (principal, action in Action::"class:destructive", resource);
"#;

/// Lets any two owners break the glass, and a third of them review it.
const BREAK_GLASS: &str = r#"
groups = ["owners"]
minutes = 30
actions = 3
reviewers = "owners"
review_hours = 24

[covers]
class = "write"
"#;

// Making a key for an agent needs nobody else; giving a level asks a second person.
const ADMINISTRATION: &str = r#"
@id("admins")
permit (principal in Group::"admins", action in Action::"admin", resource)
when { context.mode == Mode::"monitored" };

@id("owners.delegations")
permit (principal in Group::"owners", action == Action::"countersign.approval.delegate", resource)
when { context.mode == Mode::"monitored" };

@id("owners.glass")
permit (principal in Group::"owners", action in [Action::"countersign.glass.break", Action::"countersign.glass.review"], resource)
when { context.mode == Mode::"monitored" };

@id("owners.levels")
@escalate("owner")
permit (principal in Group::"owners", action == Action::"countersign.level.grant", resource)
when { context.mode == Mode::"approved" };
"#;

// Whoever is acted for must be permitted it too.
const PERMISSIONS: &str = r#"
@id("permissions.agents")
permit (principal in Team::"agents", action == Action::"countersign.permission.request", resource);

@id("permissions.owners")
permit (principal in Group::"owners", action == Action::"countersign.permission.request", resource);
"#;

/// Returns the files of a bundle with the server `sre` and every verdict.
///
/// - `sre.report` is allowed, `sre.list` allowed and observed, `sre.restart` needs one person of the group `owners`,
///   `sre.scale` two, `sre.delete` is denied. The word `production` in arguments needs a look.
/// - Owners move what they like in the registry of models; of agents one person of the group `owners` must approve it.
/// - `sre-bot` belongs to `ana` and may act for `cleo`; `report-bot` belongs to `ben` and has no level.
/// - `ana`, `ben`, `cleo` and `dan` are owners; `dan` wrote the bundle and is the only one in `admins`; `eve` is in no
///   group.
pub fn bundle() -> BundleFiles {
    let mut files = starter::generate(&StarterInput {
        server: "sre".parse().unwrap(),
        wiring: Server { url: Some("http://127.0.0.1:9/mcp".into()), ..nowhere() },
        owner: "ana".parse().unwrap(),
        agent: "sre-bot".parse().unwrap(),
        tools: tools(),
    });
    for path in ["tests/starter.toml", "breakers.toml", "behaviour.toml", "policies/registry.cedar"] {
        files.0.remove(path);
    }
    for (path, text) in [
        ("bundle.toml", HEAD),
        ("agents.toml", AGENTS),
        ("people.toml", PEOPLE),
        ("escalation.toml", PROFILES),
        ("break_glass.toml", BREAK_GLASS),
        ("policies/starter.cedar", POLICIES),
        ("policies/administration.cedar", ADMINISTRATION),
    ] {
        files.insert(path, text);
    }
    // Agents that execute by themselves have no server that lists definitions, so none is pinned.
    let catalog = files.get("catalog/sre.toml").unwrap();
    let unpinned: Vec<&str> = catalog.lines().filter(|line| !line.starts_with("definition =")).collect();
    let unpinned = unpinned.join("\n");
    files.insert("catalog/sre.toml", unpinned);
    files
}

/// Returns the same bundle, under which agents may ask for permissions of 60 minutes and 10 uses at most.
pub fn permitting_bundle() -> BundleFiles {
    let mut files = bundle();
    files.insert("bundle.toml", format!("{HEAD}\n[permissions]\nminutes_max = 60\nuses_max = 10\n"));
    files.insert("policies/permissions.cedar", PERMISSIONS);
    files
}

/// Returns the same bundle with `solo` set, so that an owner may decide alone.
pub fn solo_bundle() -> BundleFiles {
    let mut files = bundle();
    files.insert("bundle.toml", HEAD.replace("solo = false", "solo = true"));
    files
}

/// Returns the same bundle with a reviewer, `checker` of `eve`, of another model family than the other agents: it is asked about
/// what needs one person beside them, for a minute, and about what needs two before them.
pub fn reviewed_bundle() -> BundleFiles {
    let mut files = bundle();
    let family = |name: &str, family: &str| format!("[agents.{name}]\nmodel_family = \"{family}\"");
    let agents = AGENTS.replace("[agents.sre-bot]", &family("sre-bot", "alpha"));
    let agents = agents.replace("[agents.report-bot]", &family("report-bot", "alpha"));
    let checker = family("checker", "beta");
    files.insert("agents.toml", format!("{agents}\n{checker}\nowner = \"eve\"\nreviewer = true\n"));
    let reviewed = "timeout_ms = 600000\nreview_by = [\"agent:checker\"]\nreview_ms = 60000\n";
    let profiles = PROFILES.replace("timeout_ms = 600000\n", reviewed);
    files.insert("escalation.toml", format!("{}review_first = true\n", profiles));
    files
}

fn nowhere() -> Server {
    Server { command: Vec::new(), env: Default::default(), url: None, headers: Default::default(), identity: None }
}

fn tools() -> Vec<StarterTool> {
    let service = json!({"type": "object", "required": ["service"], "properties": {
        "service": {"type": "string"}, "replicas": {"type": "integer"}, "note": {"type": "string"},
    }});
    vec![
        tool("report", true, false, json!({"type": "object", "properties": {"days": {"type": "integer"}}})),
        tool("list", true, false, json!({"type": "object", "properties": {}})),
        tool("restart", false, false, service.clone()),
        tool("scale", false, false, service.clone()),
        tool("delete", false, true, service),
    ]
}

fn tool(name: &str, read_only: bool, destructive: bool, input_schema: Value) -> StarterTool {
    StarterTool {
        name: name.to_owned(),
        description: format!("Does {name}"),
        read_only: Some(read_only),
        destructive: Some(destructive),
        idempotent: Some(read_only),
        input_schema,
        output_schema: Value::Null,
        claims: policy::Claims::default(),
        definition: Digest::plain(name.as_bytes()),
    }
}
