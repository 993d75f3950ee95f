//! A policy bundle as plain data: what its files say, before anything is compiled.
//!
//! Every number a user may want to change stands here, none in code. Reading and checking the files is
//! the `policy` crate's work; the reference decider of `spec/` reads this same data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::baseline::{BaselineRule, Baselines};
use crate::break_glass::Rules as BreakGlassRules;
pub use crate::breaker::{Breakers, BulkRule, CircuitRule};
use crate::check::Check;
pub use crate::decoy::{DecoyTemplate, Decoys};
pub use crate::limit::{Budget, Freeze, Impact, Limits, Rate, Scope, Window};
use crate::obligation::Obligation;
pub use crate::permission::PermissionLimits;
pub use crate::pipeline::Pipeline;
use crate::planning::Planning;
pub use crate::profile::{Profile, Reviewer};
pub use crate::retention::Retention;
use crate::reversal::Undo;
pub use crate::review::{Amount, Review};
use crate::role::Role;
use crate::schedule::Schedule;
use crate::secret::Pattern;
pub use crate::workflow::Workflow;
use crate::{
    AgentId, CheckId, ClassId, Digest, EffectClass, ObligationId, PersonId, ProfileId, Reversibility, ScheduleId,
    ServerName, ToolName,
};

/// Is everything a bundle's files say, Cedar text aside.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BundleData {
    /// `bundle.toml`.
    pub head: Head,
    /// `agents.toml`.
    pub agents: BTreeMap<AgentId, Agent>,
    /// `people.toml`.
    pub people: BTreeMap<PersonId, Person>,
    /// `classes.toml`.
    pub classes: BTreeMap<ClassId, Class>,
    /// `catalog/*.toml`: the servers.
    pub servers: BTreeMap<ServerName, Server>,
    /// `catalog/*.toml`: what the file is called that has the registry of models; without one, nothing in it is moved.
    pub registry: Option<ServerName>,
    /// `catalog/*.toml`: the tools.
    pub tools: BTreeMap<ToolName, Tool>,
    /// `inventory.toml`: what kinds of entity there are and where they come from.
    pub inventory: Inventory,
    /// `risk.toml`.
    pub risk: RiskModel,
    /// `limits.toml`.
    pub limits: Limits,
    /// `breakers.toml`.
    pub breakers: Breakers,
    /// `checks.toml`; without one, nobody looks at what an action has led to.
    pub checks: BTreeMap<CheckId, Check>,
    /// `behaviour.toml`.
    pub baselines: Baselines,
    /// `escalation.toml`.
    pub profiles: BTreeMap<ProfileId, Profile>,
    /// `decoys.toml`; without one, people are shown nothing but requests.
    pub decoys: Decoys,
    /// `schedules.toml`.
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    /// `obligations.toml`.
    pub obligations: BTreeMap<ObligationId, Obligation>,
    /// `workflows/*.toml`.
    pub workflows: BTreeMap<String, Workflow>,
    /// `pipelines/*.toml`, by name; without one, nothing happens to a version by itself.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// `retention.toml`; without one, no closed log is ever deleted.
    pub retention: Option<Retention>,
    /// `break_glass.toml`; without one, no approval is ever done without.
    pub break_glass: Option<BreakGlassRules>,
}

impl BundleData {
    /// Digests everything that says how what a tool did is taken back: the catalogue's `undo`, the definitions of the tools that do and see it, and how their server is
    /// reached. A rollback is tested for this alone.
    pub fn undo_digest(&self, tool: &ToolName) -> Option<Digest> {
        let entry = self.tools.get(tool)?;
        let undo = entry.undo.as_ref()?;
        let definition = |operation: &str| {
            let name = ToolName::new(tool.server.clone(), operation).ok()?;
            self.tools.get(&name)?.definition
        };
        let whole = serde_json::json!({
            "undo": undo, "server": self.servers.get(&tool.server), "tool": entry.definition,
            "by": definition(&undo.tool), "seen_by": definition(&undo.observe.tool),
        });
        Some(Digest::of("countersign/undo/1", crate::json::canonical(&whole).as_bytes()))
    }

    /// Lists the tools that an agent changes something with: neither those that only read, nor what a server asks its client, nor those that only take back what
    /// others did.
    pub fn changing(&self) -> impl Iterator<Item = (&ToolName, &Tool)> {
        let takes_back = |name: &ToolName| {
            let mut own = self.tools.iter().filter(|(other, _)| other.server == name.server && *other != name);
            own.any(|(_, other)| other.undo.as_ref().is_some_and(|undo| undo.tool == name.operation))
        };
        let changes = move |name: &ToolName, tool: &Tool| {
            tool.effect != EffectClass::Read && !name.operation.starts_with("mcp:") && !takes_back(name)
        };
        self.tools.iter().filter(move |(name, tool)| changes(name, tool))
    }
}

/// Is `bundle.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The bundle's name.
    pub name: String,
    /// The people who wrote it; they do not approve what it escalates, unless `solo` is set.
    #[serde(default)]
    pub authors: BTreeSet<PersonId>,
    /// Lets the agent's owner decide alone after a second confirmation; recorded with every such vote.
    #[serde(default)]
    pub solo: bool,
    /// Mandatory-review triggers.
    #[serde(default)]
    pub review: Review,
    /// How the gateway treats a call that is held for people.
    #[serde(default)]
    pub hold: Hold,
    /// How far a permission may go that an agent asks for.
    #[serde(default)]
    pub permissions: PermissionLimits,
}

/// Says how long a held call waits and how many cases an agent may have open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// How long a call waits on the wire when the client has no better means, in milliseconds. 45,000 by default.
    pub wait_ms_max: i64,
    /// How many cases of one agent may be open; one more is denied. 20 by default.
    pub open_cases_max: u32,
}

impl Default for Hold {
    fn default() -> Self {
        Self { wait_ms_max: 45_000, open_cases_max: 20 }
    }
}

/// Is one agent of `agents.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The person who answers for it.
    pub owner: PersonId,
    /// The teams it belongs to.
    #[serde(default)]
    pub teams: BTreeSet<String>,
    /// The people it may act for; empty means nobody but itself.
    #[serde(default)]
    pub on_behalf_of: BTreeSet<PersonId>,
    /// Adds an optional `_countersign` object to every tool's input schema, so that the model says what it is doing.
    #[serde(default)]
    pub annotate_schemas: bool,
    /// The family of the model behind it, such as `claude` or `llama`; what is not declared is independent of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_family: Option<String>,
    /// It may review the cases of other agents and of people, where a profile names it.
    #[serde(default)]
    pub reviewer: bool,
}

/// Is one person of `people.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The groups they belong to.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// What they are here for, where that is less than other people may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// Is one action class of `classes.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// What belongs in it, for people.
    pub description: String,
    /// Its operations change something.
    pub writes: bool,
    /// Points of operational impact for the risk score.
    #[serde(default)]
    pub impact: i64,
    /// A predefined low-risk class, which an agent at L2 runs alone.
    #[serde(default)]
    pub routine: bool,
    /// The profile that approves when the level demands it; without one, the level denies instead.
    #[serde(default)]
    pub profile: Option<ProfileId>,
    /// Claims an agent must make; an absent one escalates.
    #[serde(default)]
    pub claims: BTreeSet<Claim>,
}

/// Names a claim that a class can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// What the action is for.
    Purpose,
    /// How sure the agent is.
    Confidence,
    /// How it got there.
    Reasoning,
}

/// Says how an upstream server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The command and its arguments, for a server over stdio.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables passed to the command, by name; values are never in a bundle.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub env: BTreeSet<String>,
    /// The endpoint, for a server over Streamable HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Request headers whose values come from environment variables: header name to variable name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What the server calls itself when it answers; pinned, another answer quarantines its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Says that a catalogue is of this server's own registry of models, which nobody has to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {}

/// Names what can be moved in a registry of models: the tools that its catalogue may have.
pub const REGISTRY_TOOLS: [&str; 8] = [
    "set_alias",
    "delete_alias",
    "transition_stage",
    "rename_model",
    "delete_version",
    "delete_model",
    "deploy",
    "undeploy",
];

/// Is one tool of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The action class it belongs to.
    pub class: ClassId,
    /// What a repeated dispatch would do.
    pub effect: EffectClass,
    /// How its effect is taken back.
    pub reversibility: Reversibility,
    /// The digest of the definition that was reviewed: name, description, schemas, annotations and server identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// Which entity the arguments name; without one the server itself is the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMap>,
    /// Lists in the arguments that say how many things are touched, as JSON Pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<String>,
    /// Where in the arguments our idempotency key goes, for a `keyed` tool: the name of a top-level argument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_argument: Option<String>,
    /// How long the target remembers a key, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ttl_ms: Option<i64>,
    /// Which parts of the arguments are secret, besides those that the tool's schema or their names call so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<Pattern>,
    /// Which parts of the arguments are not secret, though their names say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_secret: Vec<Pattern>,
    /// Which parts of the results are secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_results: Vec<Pattern>,
    /// Which parts of the results are not secret, though their names say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_secret_results: Vec<Pattern>,
    /// It lists what changed the system behind its server, so that this can be held against the journal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audit: bool,
    /// How what it does is taken back, and how the state is seen before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// How it is found out beforehand what it would do; without an answer it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Planning>,
}

/// Says which inventory entity a call is about: the one that an argument names, or always the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceMap {
    /// The entity kind, as the inventory declares it.
    pub kind: String,
    /// Where in the arguments its id stands, as a JSON Pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its id, where every call is about the same entity, such as a server's own database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

/// Is `inventory.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The kinds of entity and their attributes.
    #[serde(default)]
    pub kinds: BTreeMap<String, Kind>,
    /// Where entities come from.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
}

/// Is a kind of entity: its attributes by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Every entity of the kind has each of them.
    pub attributes: BTreeMap<String, AttributeType>,
}

/// Is the type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A text.
    String,
    /// A whole number.
    Long,
    /// A yes or no.
    Bool,
}

/// Says where entities come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A TOML or JSON file in the bundle: arrays of tables named after their kind, each with an `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A SQLite database outside the bundle, with one query per kind that yields `id` and the attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<String>,
    /// The queries, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, String>,
    /// An older answer is refused as stale, in milliseconds. 300,000 by default; a file in the bundle never ages.
    #[serde(default = "default_age")]
    pub age_ms_max: i64,
}

fn default_age() -> i64 {
    300_000
}

/// Is `risk.toml`: a sum of bounded integer factors, and what the sum means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskModel {
    /// From this score on an action is observed.
    pub observe_from: i64,
    /// From this score on it goes to people.
    pub escalate_from: i64,
    /// The people it goes to; without a profile a high score denies.
    #[serde(default)]
    pub profile: Option<ProfileId>,
    /// The factors, by name.
    #[serde(default)]
    pub factors: BTreeMap<String, Factor>,
}

/// Is one factor of the risk model: it reads one fact and yields bounded points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// The fact it reads, such as `resource.env` or `class.impact`.
    pub fact: String,
    /// Points by value, for texts and yes-or-no facts.
    #[serde(default)]
    pub values: BTreeMap<String, i64>,
    /// Points per unit, for numbers.
    #[serde(default)]
    pub per_unit: i64,
    /// Units that cost nothing.
    #[serde(default)]
    pub free_units: i64,
    /// Points when the fact is missing or its value is not listed: unknown is risky.
    #[serde(default)]
    pub unknown: i64,
    /// The most it can add.
    pub max: i64,
}
