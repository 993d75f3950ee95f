//! The bundles of a run: one server with a tool for each class of effect, and three policies that take turns.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use policy::{Bundle, BundleFiles, StarterInput, StarterTool, schema, starter};
use serde_json::{Value, json};
use types::bundle::{Class, Server, Tool};
use types::{ClassId, Digest, ToolName};

/// Is what the upstream server calls itself.
pub const HELLO: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"box","version":"1"}}"#;

/// Are the tools of the server.
pub const TOOLS: [&str; 6] = ["peek", "put", "send", "add", "move", "wipe"];

/// Is how much of `send` an agent may spend per hour.
pub const SEND_MAX: i64 = 100;

/// Is how many `add` and `move` together an agent may do per hour.
pub const CHANGES_MAX: i64 = 4;

/// Is the length of a budget's period, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// Is how long a case awaits people, in milliseconds.
pub const CASE_MS: i64 = 600_000;

const HEAD: &str =
    "name = \"box\"\nauthors = [\"dan\"]\nsolo = false\n\n[hold]\nwait_ms_max = 500\nopen_cases_max = 6\n";

const AGENTS: &str = r#"
[agents.one]
owner = "ana"
teams = ["agents"]
on_behalf_of = ["cleo"]

[agents.two]
owner = "ben"
teams = ["agents"]

[agents.new]
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
[people.flo]
groups = ["owners"]
"#;

const CLASSES: &str = r#"
[classes.read]
description = "Looks"
writes = false
[classes.note]
description = "Leaves a note, which L2 lets run alone"
writes = true
routine = true
profile = "owner"
[classes.write]
description = "Changes"
writes = true
profile = "owner"
[classes.destructive]
description = "Takes away"
writes = true
"#;

const INVENTORY: &str = r#"
[kinds.Box.attributes]
env = "string"
[sources.boxes]
file = "inventory/boxes.toml"
"#;

/// The box that everybody uses, and one outside the levels' environments.
const BOXES: &str = "[[Box]]\nid = \"b1\"\nenv = \"test\"\n\n[[Box]]\nid = \"b2\"\nenv = \"live\"\n";

const LIMITS: &str = r#"
[rates.calls]
burst = 14
refill_ms = 60000

[budgets.sent]
covers = { tool = "box.send" }
amount = "/amount"
max = 100
period_ms = 3600000

[budgets.changes]
covers = { class = "write" }
max = 4
period_ms = 3600000
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

const OWNERS: &str = r#"
@id("owners")
permit (principal in Group::"owners", action in [Action::"class:read", Action::"class:note", Action::"class:write"], resource);

@id("wipe")
@reason("nobody wipes")
forbid (principal, action == Action::"box.wipe", resource);

@id("reads")
permit (principal in Team::"agents", action == Action::"box.peek", resource)
when { context.mode == Mode::"monitored" };

@id("notes")
permit (principal in Team::"agents", action == Action::"box.put", resource);

@id("moves")
@escalate("pair")
permit (principal in Team::"agents", action == Action::"box.move", resource)
when { context.mode == Mode::"approved" };
"#;

/// Are the policies that differ: everything may be sent and added; sending needs a person; nothing may be added.
const TURNS: [&str; 3] = [
    r#"
@id("sends")
permit (principal in Team::"agents", action == Action::"box.send", resource);
@id("adds")
@escalate("owner")
permit (principal in Team::"agents", action == Action::"box.add", resource)
when { context.mode == Mode::"approved" };
"#,
    r#"
@id("sends.asked")
@escalate("owner")
permit (principal in Team::"agents", action == Action::"box.send", resource)
when { context.mode == Mode::"approved" };
@id("adds")
@escalate("owner")
permit (principal in Team::"agents", action == Action::"box.add", resource)
when { context.mode == Mode::"approved" };
"#,
    r#"
@id("sends")
permit (principal in Team::"agents", action == Action::"box.send", resource);
@id("adds.none")
forbid (principal, action == Action::"box.add", resource);
"#,
];

const ADMINISTRATION: &str = r#"
@id("admins")
permit (principal in Group::"admins", action in Action::"admin", resource)
when { context.mode == Mode::"monitored" };

@id("owners.levels")
@escalate("owner")
permit (principal in Group::"owners", action == Action::"countersign.level.grant", resource)
when { context.mode == Mode::"approved" };
"#;

/// Returns a tool as the server lists it.
///
/// - `version`: another one is another definition.
pub fn listed(tool: &str, version: u32) -> String {
    json!({ "name": tool, "description": format!("Does {tool}, version {version}"), "inputSchema": input() })
        .to_string()
}

/// Returns the digest of the definition that a server lists.
pub fn definition(tool: &str, version: u32) -> Digest {
    connectors::mcp::definition_digest(&connectors::mcp::identity_in(HELLO), &listed(tool, version)).unwrap()
}

fn input() -> Value {
    json!({"type": "object", "properties": {
        "box": {"type": "string"}, "n": {"type": "integer"}, "amount": {"type": "integer"},
    }})
}

fn catalog(url: &str) -> String {
    let entry = |tool: &str| {
        let (class, effect, more) = match tool {
            "peek" => ("read", "read", ""),
            "put" => (
                "note",
                "keyed",
                "key_argument = \"key\"\nkey_ttl_ms = 86400000\nresource = { kind = \"Box\", id = \"/box\" }\n",
            ),
            "send" => ("note", "unsafe", "resource = { kind = \"Box\", id = \"/box\" }\n"),
            "add" => ("write", "reconcilable", ""),
            "move" => ("write", "unsafe", ""),
            _ => ("destructive", "unsafe", ""),
        };
        let pinned = definition(tool, 1);
        format!(
            "[tools.{tool}]\nclass = \"{class}\"\neffect = \"{effect}\"\nreversibility = \"irreversible\"\ndefinition = \"{pinned}\"\n{more}\n"
        )
    };
    let server = format!("[server]\nurl = \"{url}\"\n\n");
    server + &TOOLS.iter().map(|tool| entry(tool)).collect::<String>()
}

/// Says in what a bundle of another simulation differs from that of the road.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Where the server is.
    pub url: &'static str,
    /// How long a held call may wait on the wire, in milliseconds.
    pub wait_ms_max: i64,
    /// When a call ends, in milliseconds, if a policy says so.
    pub deadline_ms: Option<i64>,
}

impl Setting {
    /// Is that of the road: nobody connects, and calls that wait come back soon.
    pub const ROAD: Self = Self { url: "http://127.0.0.1:9/mcp", wait_ms_max: 500, deadline_ms: None };

    fn policy(&self, text: &str) -> String {
        match self.deadline_ms {
            Some(_) => text.replace("permit (", "@obligations(\"soon\")\npermit ("),
            None => text.to_owned(),
        }
    }
}

fn files(turn: &str, setting: &Setting) -> BundleFiles {
    let tool = |name: &&str| StarterTool {
        name: (*name).to_owned(),
        description: String::new(),
        read_only: None,
        destructive: None,
        idempotent: None,
        input_schema: input(),
        output_schema: serde_json::Value::Null,
        claims: policy::Claims::default(),
        definition: definition(name, 1),
    };
    let nowhere = Server {
        url: Some(setting.url.into()),
        command: Vec::new(),
        env: Default::default(),
        headers: Default::default(),
        identity: None,
    };
    let mut files = starter::generate(&StarterInput {
        server: "box".parse().unwrap(),
        wiring: nowhere,
        owner: "ana".parse().unwrap(),
        agent: "one".parse().unwrap(),
        tools: TOOLS.iter().map(tool).collect(),
    });
    let mut data = Bundle::load(files.clone()).unwrap().data().clone();
    data.registry = None;
    data.tools.retain(|name, _| name.server.as_str() == "box");
    for path in ["tests/starter.toml", "workflows/box.toml", "catalog/registry.toml", "policies/registry.cedar"] {
        files.0.remove(path);
    }
    files.insert("schema.cedarschema", schema_of(data, setting));
    let head = HEAD.replace("wait_ms_max = 500", &format!("wait_ms_max = {}", setting.wait_ms_max));
    files.insert("bundle.toml", head);
    if let Some(ms) = setting.deadline_ms {
        files.insert("obligations.toml", format!("[obligations.soon]\ndeadline_ms = {ms}\n"));
    }
    for (path, text) in [
        ("agents.toml", AGENTS),
        ("people.toml", PEOPLE),
        ("classes.toml", CLASSES),
        ("inventory.toml", INVENTORY),
        ("inventory/boxes.toml", BOXES),
        ("risk.toml", "observe_from = 900\nescalate_from = 1000\nprofile = \"owner\"\n"),
        ("limits.toml", LIMITS),
        ("escalation.toml", PROFILES),
        ("policies/administration.cedar", ADMINISTRATION),
    ] {
        files.insert(path, text);
    }
    files.insert("policies/starter.cedar", setting.policy(OWNERS));
    files.insert("policies/turn.cedar", setting.policy(turn));
    files.insert("catalog/box.toml", catalog(setting.url));
    files
}

fn schema_of(mut data: types::bundle::BundleData, setting: &Setting) -> String {
    #[derive(serde::Deserialize)]
    struct Tools {
        tools: BTreeMap<String, Tool>,
    }
    data.inventory = toml::from_str(INVENTORY).unwrap();
    #[derive(serde::Deserialize)]
    struct Classes {
        classes: BTreeMap<ClassId, Class>,
    }
    let named = |(name, tool): (String, Tool)| (ToolName::new("box".parse().unwrap(), name).unwrap(), tool);
    data.tools = toml::from_str::<Tools>(&catalog(setting.url)).unwrap().tools.into_iter().map(named).collect();
    data.classes = toml::from_str::<Classes>(CLASSES).unwrap().classes;
    let inputs = data.tools.keys().map(|tool| (tool.clone(), input())).collect();
    schema::generate(&data, &inputs)
}

/// Returns the bundles, read once per process.
pub fn bundles() -> &'static [Arc<Bundle>] {
    static ALL: OnceLock<Vec<Arc<Bundle>>> = OnceLock::new();
    ALL.get_or_init(|| (0..TURNS.len()).map(|turn| load(turn, &Setting::ROAD)).collect())
}

/// Reads one of the bundles, as they are in a setting.
///
/// - `turn`: 0 to 2.
pub fn load(turn: usize, setting: &Setting) -> Arc<Bundle> {
    Arc::new(Bundle::load(files(TURNS[turn], setting)).unwrap_or_else(|problems| panic!("{problems}")))
}
