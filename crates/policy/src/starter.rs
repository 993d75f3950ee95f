//! Writes a starter bundle for one server: reads observed, writes escalate, destructive calls denied.
//!
//! The files are meant to be read and changed, so each says in comments what is in it and what to change first.

mod catalog;
mod claims;
mod classify;
mod registry;
mod sample;
mod texts;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use types::bundle::Server;
use types::{AgentId, Digest, PersonId, ServerName, ToolName};

use crate::files::BundleFiles;
use crate::parse;
use crate::report::Report;
use crate::schema;
pub use claims::Claims;
use classify::Kind;

/// Is what a starter bundle is written from.
#[derive(Debug, Clone, PartialEq)]
pub struct StarterInput {
    /// The name the server gets in the catalogue; it MUST hold no `.`, no `__`, and not be `countersign`.
    pub server: ServerName,
    /// How the server is reached.
    pub wiring: Server,
    /// The person who answers for the agent and approves.
    pub owner: PersonId,
    /// The agent.
    pub agent: AgentId,
    /// The tools the server lists.
    pub tools: Vec<StarterTool>,
}

/// Is one tool as its server lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct StarterTool {
    /// Its name on the server.
    pub name: String,
    /// What the server says it does.
    pub description: String,
    /// The server's `readOnlyHint`.
    pub read_only: Option<bool>,
    /// The server's `destructiveHint`.
    pub destructive: Option<bool>,
    /// The server's `idempotentHint`.
    pub idempotent: Option<bool>,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// The JSON Schema of its structured results; null where it declares none.
    pub output_schema: Value,
    /// What the server says of how it is repeated and taken back, in the tool's `_meta`.
    pub claims: Claims,
    /// The digest of its definition, which gets pinned.
    pub definition: Digest,
}

/// Is one line of the catalogue to be.
struct Entry {
    name: ToolName,
    kind: Kind,
    idempotent: bool,
    description: String,
    input_schema: Value,
    output_schema: Value,
    claims: Claims,
    definition: Option<Digest>,
}

/// Writes the files of a starter bundle, which load without problems.
///
/// What the annotations say of a tool is proposed as its class, and lacking them what its name says. A tool
/// neither tells anything about counts as one that writes. A tool whose name no catalogue can hold is left out.
pub fn generate(input: &StarterInput) -> BundleFiles {
    let entries = entries(input);
    let mut files = BundleFiles::default();
    files.insert("README.md", texts::readme(input));
    files.insert("bundle.toml", texts::bundle(input));
    files.insert("agents.toml", texts::agents(input));
    files.insert("people.toml", texts::people(input));
    files.insert("classes.toml", texts::CLASSES);
    files.insert(format!("catalog/{}.toml", input.server), catalog::catalog(input, &entries));
    files.insert(format!("catalog/{}.toml", registry::name(input)), registry::CATALOG);
    files.insert("inventory.toml", texts::INVENTORY);
    files.insert("risk.toml", texts::RISK);
    files.insert("limits.toml", texts::LIMITS);
    files.insert("breakers.toml", texts::BREAKERS);
    files.insert("checks.toml", texts::CHECKS);
    files.insert("behaviour.toml", texts::BEHAVIOUR);
    files.insert("escalation.toml", texts::ESCALATION);
    files.insert("obligations.toml", texts::OBLIGATIONS);
    files.insert(format!("workflows/{}.toml", input.server), texts::workflow(input));
    files.insert("policies/starter.cedar", texts::policies(has(&entries, Kind::Destroys)));
    files.insert("policies/registry.cedar", texts::registry(input));
    files.insert("policies/administration.cedar", texts::ADMINISTRATION);
    files.insert("tests/starter.toml", catalog::tests(input, &entries));
    let schema = schema_of(input, &files, &entries);
    files.insert("schema.cedarschema", schema);
    files
}

fn schema_of(input: &StarterInput, files: &BundleFiles, entries: &[Entry]) -> String {
    let data = parse::parse(files, &mut Report::default());
    let own = entries.iter().map(|entry| (entry.name.clone(), entry.input_schema.clone()));
    let inputs: BTreeMap<ToolName, Value> = own.chain(registry::inputs(input)).collect();
    schema::generate(&data, &inputs)
}

fn has(entries: &[Entry], kind: Kind) -> bool {
    entries.iter().any(|entry| entry.kind == kind)
}

fn entries(input: &StarterInput) -> Vec<Entry> {
    let tools = input.tools.iter().filter_map(|tool| {
        let name = ToolName::new(input.server.clone(), tool.name.as_str()).ok()?;
        let entry = Entry {
            kind: classify::kind(tool),
            idempotent: tool.idempotent == Some(true),
            description: tool.description.clone(),
            input_schema: tool.input_schema.clone(),
            output_schema: tool.output_schema.clone(),
            claims: claims::believed(tool, &input.tools),
            definition: Some(tool.definition),
            name: name.clone(),
        };
        Some((name, entry))
    });
    let methods = methods(&input.server).map(|entry| (entry.name.clone(), entry));
    tools.chain(methods).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Lists the governed protocol methods, which are no tools but are decided like them.
fn methods(server: &ServerName) -> impl Iterator<Item = Entry> {
    let uri = json!({"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}});
    let nothing = json!({"type": "object", "properties": {}});
    let list = [
        ("mcp:resources/read", Kind::Reads, "Reading a resource the server offers.", uri.clone()),
        ("mcp:resources/subscribe", Kind::Reads, "Being told when a resource changes.", uri),
        (
            "mcp:sampling/createMessage",
            Kind::Writes,
            "The server asks the agent's model a question of its own.",
            nothing.clone(),
        ),
        (
            "mcp:elicitation/create",
            Kind::Writes,
            "The server asks the person in front of the agent for something.",
            nothing,
        ),
    ];
    let server = server.clone();
    list.into_iter().filter_map(move |(operation, kind, description, input_schema)| {
        let name = ToolName::new(server.clone(), operation).ok()?;
        Some(Entry {
            name,
            kind,
            idempotent: false,
            description: description.to_owned(),
            input_schema,
            output_schema: Value::Null,
            claims: Claims::default(),
            definition: None,
        })
    })
}
