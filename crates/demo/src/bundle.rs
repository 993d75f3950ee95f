//! The demo's policy bundle: the files of `bundle/`, with the few things only the machine knows put in.

use std::collections::BTreeMap;

use toml::Value;
use types::{AutonomyLevel, Digest};

use crate::inventory_server;

/// Is the agent.
pub const AGENT: &str = "sre-bot";

/// Is the server as the catalogue names it; its tools are `inventory.TOOL`.
pub const SERVER: &str = "inventory";

/// Is the person who owns the agent and wrote the bundle.
pub const OWNER: &str = "ana";

/// Is the person who approves restarts and scaling.
pub const ON_CALL: &str = "ben";

/// Is the person who answers for the databases and administers.
pub const ADMINISTRATOR: &str = "cleo";

/// Is the table of the catalogue that begins each tool.
const TOOL: &str = "[tools.";

const FILES: [(&str, &str); 17] = [
    ("README.md", include_str!("../bundle/README.md")),
    ("agents.toml", include_str!("../bundle/agents.toml")),
    ("bundle.toml", include_str!("../bundle/bundle.toml")),
    ("catalog/inventory.toml", include_str!("../bundle/catalog/inventory.toml")),
    ("classes.toml", include_str!("../bundle/classes.toml")),
    ("escalation.toml", include_str!("../bundle/escalation.toml")),
    ("inventory.toml", include_str!("../bundle/inventory.toml")),
    ("limits.toml", include_str!("../bundle/limits.toml")),
    ("obligations.toml", include_str!("../bundle/obligations.toml")),
    ("people.toml", include_str!("../bundle/people.toml")),
    ("policies/agents.cedar", include_str!("../bundle/policies/agents.cedar")),
    ("policies/guards.cedar", include_str!("../bundle/policies/guards.cedar")),
    ("policies/people.cedar", include_str!("../bundle/policies/people.cedar")),
    ("risk.toml", include_str!("../bundle/risk.toml")),
    ("schema.cedarschema", include_str!("../bundle/schema.cedarschema")),
    ("tests/authority.toml", include_str!("../bundle/tests/authority.toml")),
    ("workflows/reliability.toml", include_str!("../bundle/workflows/reliability.toml")),
];

/// Returns the files of the bundle by path.
///
/// - `server_command`: starts the server over stdio, on the database.
/// - `db_path`: the database that [`crate::inventory::seed`] made, where the bundle's reader finds it.
/// - `definitions`: the digest of each tool's definition by the tool's own name, to be pinned. The bundle's own tests
///   hold only with all tools of [`inventory_server::definitions`] in it: what nobody has reviewed is denied.
pub fn bundle(
    server_command: &[String],
    db_path: &str,
    definitions: &BTreeMap<String, Digest>,
) -> BTreeMap<String, String> {
    let command = Value::Array(server_command.iter().cloned().map(Value::String).collect());
    let known = [
        (r#"["{{command}}"]"#, command.to_string()),
        (r#""{{identity}}""#, Value::String(inventory_server::identity()).to_string()),
        (r#""{{database}}""#, Value::String(db_path.to_owned()).to_string()),
    ];
    let filled = |text: &str| known.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value));
    let mut files: BTreeMap<String, String> =
        FILES.iter().map(|(path, text)| ((*path).to_owned(), filled(text))).collect();
    if let Some(catalog) = files.get_mut("catalog/inventory.toml") {
        *catalog = pinned(catalog, definitions);
    }
    files
}

/// Puts each tool's definition under the line that begins its table.
fn pinned(catalog: &str, definitions: &BTreeMap<String, Digest>) -> String {
    let mut out = String::with_capacity(catalog.len());
    for line in catalog.lines() {
        out.push_str(line);
        out.push('\n');
        let tool = line.strip_prefix(TOOL).and_then(|rest| rest.strip_suffix(']'));
        if let Some(definition) = tool.and_then(|tool| definitions.get(tool)) {
            out.push_str(&format!("definition = \"{definition}\"\n"));
        }
    }
    out
}

/// Is a level that the demo gives its agent at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The action class.
    pub class: &'static str,
    /// The level.
    pub level: AutonomyLevel,
    /// At L2, the environments it holds in.
    pub environments: &'static [&'static str],
    /// Why, for people.
    pub reason: &'static str,
}

const fn assisted(class: &'static str, reason: &'static str) -> Grant {
    Grant { class, level: AutonomyLevel::L1, environments: &[], reason }
}

/// Lists the levels the story and the table of the bundle's README count on, one for each class of the bundle.
pub const GRANTS: [Grant; 8] = [
    assisted("read", "reading helps it find the cause"),
    assisted("report", "the report is read by people anyway"),
    Grant {
        class: "restart-stateless",
        level: AutonomyLevel::L2,
        environments: &["staging", "dev"],
        reason: "forty approved restarts in staging without an objection",
    },
    assisted("scale", "the on-call wants to see each one"),
    assisted("db-change", "the database people read every statement"),
    assisted("destructive", "nothing is deleted without a person"),
    Grant {
        class: "mail-draft",
        level: AutonomyLevel::L2,
        environments: &["office"],
        reason: "a draft waits for a person as it is",
    },
    assisted("mail-send", "people send mail"),
];
