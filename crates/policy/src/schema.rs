//! Writes the Cedar schema of a bundle from its catalogue and the tools' JSON Schemas.
//!
//! The text is a starting point: people edit it, and loading checks that it still fits the catalogue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use types::ToolName;
use types::bundle::{AttributeType, BundleData, Kind, Tool};
use types::permission::REQUEST_TOOL;
use types::secret::{Declared, Listed};

use crate::json_schema;
use crate::names::{self, quote};

/// Is the server name of the built-in administration; no catalogue file may take it.
pub const ADMIN_SERVER: &str = "countersign";

/// Is the action class the built-in administration belongs to; a bundle may define it to give it a profile.
pub const ADMIN_CLASS: &str = "countersign.admin";

/// Lists the built-in administration tools. Every schema has an action for each, in the group `admin`.
pub const ADMIN_TOOLS: [&str; 18] = [
    "countersign.policy.activate",
    "countersign.level.grant",
    "countersign.key.create",
    "countersign.key.revoke",
    "countersign.switch.clear",
    "countersign.tool.pin",
    DELEGATE_TOOL,
    REQUEST_TOOL,
    ERASE_TOOL,
    LOG_KEY_TOOL,
    LOG_CLOSE_TOOL,
    LOG_ARCHIVE_TOOL,
    LOG_DELETE_TOOL,
    PASSKEY_TOOL,
    BREAKER_TOOL,
    BREAK_GLASS_TOOL,
    REVIEW_GLASS_TOOL,
    UNDO_TOOL,
];

/// Is the tool that erases a subject.
pub const ERASE_TOOL: &str = "countersign.subject.erase";

/// Is the tool that changes the keys of the log.
pub const LOG_KEY_TOOL: &str = "countersign.log.key";

/// Is the tool that closes the log.
pub const LOG_CLOSE_TOOL: &str = "countersign.log.close";

/// Is the tool that says that a closed log is in a verified archive.
pub const LOG_ARCHIVE_TOOL: &str = "countersign.log.archive";

/// Is the tool that deletes a closed log.
pub const LOG_DELETE_TOOL: &str = "countersign.log.delete";

/// Is the tool that puts a vote into another's hand.
pub const DELEGATE_TOOL: &str = "countersign.approval.delegate";

/// Is the tool that resets a breaker.
pub const BREAKER_TOOL: &str = "countersign.breaker.reset";

/// Is the tool that invites a person to enrol a passkey.
pub const PASSKEY_TOOL: &str = "countersign.passkey.invite";

/// Is the tool by which either of two people turns a key of a break-glass.
pub const BREAK_GLASS_TOOL: &str = "countersign.glass.break";

/// Is the tool by which a third person closes the review of a break-glass.
pub const REVIEW_GLASS_TOOL: &str = "countersign.glass.review";

/// Is the tool by which a person takes an action of an agent back.
pub const UNDO_TOOL: &str = "countersign.action.undo";

/// Lists the tools that came later. Schemas that were written before them lack their actions; a bundle with such a schema
/// loads all the same and denies what they would do.
pub(crate) const LATER_TOOLS: [&str; 12] = [
    ERASE_TOOL,
    LOG_KEY_TOOL,
    LOG_CLOSE_TOOL,
    LOG_ARCHIVE_TOOL,
    LOG_DELETE_TOOL,
    DELEGATE_TOOL,
    PASSKEY_TOOL,
    BREAKER_TOOL,
    REQUEST_TOOL,
    BREAK_GLASS_TOOL,
    REVIEW_GLASS_TOOL,
    UNDO_TOOL,
];

/// Says whether a name is that of a built-in administration tool.
pub fn is_admin_tool(name: &str) -> bool {
    ADMIN_TOOLS.contains(&name)
}

const HEAD: &str = r#"// What policies may speak of: who asks, what they ask for, and what is known about it.
//
// Generated from the catalogue and the tools' JSON Schemas; yours to edit from now on. Loading the bundle
// checks every policy against it, and that every tool of the catalogue still has its action.
//
// The context of every action has
//   mode         how far the question goes: Mode::"autonomous" asks whether it may run alone,
//                Mode::"monitored" whether it may run observed, Mode::"approved" whether it may run
//                once people have approved. A permit that does not look at it holds in all three.
//   now          the instant of the decision, UTC
//   weekday      1 (Monday) to 7 (Sunday), UTC
//   minute       the minute of the day, 0 to 1439, UTC
//   level        the autonomy level in force, 0 to 3
//   risk         the risk score
//   delegated    whether the agent acts on behalf of a person
//   touches      how many things the action touches
//   confidence   how sure the agent says it is, 0 to 10000, if it says so
//   input        the arguments, as far as Cedar can type them

entity Mode enum ["autonomous", "monitored", "approved"];

// Teams of agents and groups of people, as agents.toml and people.toml name them.
entity Team;
entity Group;

entity Person in [Group];
entity Agent in [Team] { owner: Person };

// The resource of a tool whose arguments name no entity.
entity Server;
"#;

const GROUPS: &str = r#"
// Groups of actions, for use as `action in Action::"write"`.
action "read";
action "write";
action "admin";
"#;

const SITUATION: &str = "    mode: Mode, now: datetime, weekday: Long, minute: Long, level: Long, risk: Long,\n    \
     delegated: Bool, touches: Long, confidence?: Long,\n";

/// Generates the schema text.
///
/// - `inputs`: the JSON Schema of each tool's arguments; a tool without one gets no typed arguments.
///
/// Strings, integers, booleans, lists of them and objects with properties become Cedar types; what Cedar
/// cannot type is left out, and a comment says so.
pub fn generate(data: &BundleData, inputs: &BTreeMap<ToolName, Value>) -> String {
    let mut out = HEAD.to_owned();
    kinds(&mut out, data);
    out.push_str(GROUPS);
    classes(&mut out, data);
    let mut server = None;
    for (name, tool) in &data.tools {
        if server.replace(&name.server) != Some(&name.server) {
            let _ =
                write!(out, "\n// Server {}.\naction {};\n", name.server, quote(&format!("server:{}", name.server)));
        }
        action(&mut out, name, tool, inputs.get(name));
    }
    administration(&mut out);
    out
}

fn kinds(out: &mut String, data: &BundleData) {
    if !data.inventory.kinds.is_empty() {
        out.push_str("\n// Entities of the inventory.\n");
    }
    for (name, kind) in &data.inventory.kinds {
        let _ = writeln!(out, "entity {name} {{{}}};", attributes(kind));
    }
}

fn attributes(kind: &Kind) -> String {
    let written: Vec<String> =
        kind.attributes.iter().map(|(name, ty)| format!("{}: {}", names::attribute(name), cedar(*ty))).collect();
    if written.is_empty() { String::new() } else { format!(" {} ", written.join(", ")) }
}

/// Returns the Cedar name of an attribute's type.
pub(crate) fn cedar(ty: AttributeType) -> &'static str {
    match ty {
        AttributeType::String => "String",
        AttributeType::Long => "Long",
        AttributeType::Bool => "Bool",
    }
}

fn classes(out: &mut String, data: &BundleData) {
    if !data.classes.is_empty() {
        out.push_str("\n// Action classes, as classes.toml describes them.\n");
    }
    for (name, class) in data.classes.iter().filter(|(name, _)| name.as_str() != ADMIN_CLASS) {
        let group = if class.writes { "write" } else { "read" };
        let _ = writeln!(out, "action {} in [{}];", quote(&format!("class:{name}")), quote(group));
    }
}

fn action(out: &mut String, name: &ToolName, tool: &Tool, input: Option<&Value>) {
    let resource = tool.resource.as_ref().map_or(names::SERVER, |map| &map.kind);
    let parents =
        format!("[{}, {}]", quote(&format!("class:{}", tool.class)), quote(&format!("server:{}", name.server)));
    let input = input.map_or_else(|| "{}".to_owned(), |schema| typed(tool, schema));
    let _ = write!(
        out,
        "\naction {} in {parents} appliesTo {{\n  principal: [Agent, Person],\n  resource: [{resource}],\n  context: {{\n{SITUATION}    \
         input: {input},\n  }},\n}};\n",
        quote(&name.to_string()),
    );
}

/// Writes the type of a tool's arguments, without what is secret: no policy can read that.
fn typed(tool: &Tool, schema: &Value) -> String {
    let declared = Declared::of(schema.clone()).patterns();
    let listed = Listed::arguments(tool);
    let is_secret =
        |path: &[String]| listed.why(path, None).is_some() || declared.iter().any(|pattern| pattern.matches(path));
    json_schema::record(schema, 2, &is_secret)
}

fn administration(out: &mut String) {
    out.push_str(
        "\n// Administration of Countersign itself, by people; permissions are asked for in the name of agents.\n",
    );
    for tool in ADMIN_TOOLS {
        let who = if tool == REQUEST_TOOL { "Agent, Person" } else { "Person" };
        let _ = write!(
            out,
            "action {} in [\"admin\"] appliesTo {{\n  principal: [{who}],\n  resource: [Server],\n  context: {{\n{SITUATION}    \
             input: {{}},\n  }},\n}};\n",
            quote(tool),
        );
    }
}
