//! Checks: what must hold for a while after an action, how that is looked at, and what follows if it does not.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::bundle::Scope;
use crate::reversal::{Template, names};
use crate::{ActionId, AgentId, CheckId, ClassId, Millis, PersonId, ToolName};

/// Is the most looks that a judgement reads back, and so the most that are kept of each watch.
pub const LOOKS_MAX: u32 = 100;

/// Is how long an action is watched at most, in milliseconds: a day.
pub const FOR_MS_MAX: i64 = 86_400_000;

/// Is how long one look may take at most, in milliseconds.
pub const LOOK_MS_MAX: i64 = 60_000;

/// Is how long one look may take unless the check says otherwise, in milliseconds.
const LOOK_MS: i64 = 5_000;

/// Is one check of `checks.toml`: exactly one of `http`, `prometheus`, `tool`, `sql`, `log` and `command` says how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which actions of agents are watched; obligations can name a check besides.
    #[serde(default)]
    pub covers: Option<Scope>,
    /// Steps of sagas name it, so it need not cover anything.
    #[serde(default)]
    pub by_name: bool,
    /// How long after the action ended the first look comes, in milliseconds. 0 by default.
    #[serde(default)]
    pub after_ms: i64,
    /// How long is between two looks, in milliseconds. 10,000 by default.
    #[serde(default = "every")]
    pub every_ms: i64,
    /// For how long it is looked at, from the first look on, in milliseconds; 0 looks once. 60,000 by default.
    #[serde(default = "minute")]
    pub for_ms: i64,
    /// How long one look may take, in milliseconds. 5,000 by default, or as long as is between two.
    #[serde(default)]
    pub deadline_ms: Option<i64>,
    /// It is violated once so many of the looks it reads back were bad. 3 by default, 1 where it looks once or reads a log.
    #[serde(default)]
    pub failures: Option<u32>,
    /// How many of the last looks that saw something it reads back, at most [`LOOKS_MAX`]; by default as many as `failures`, so that they must follow each other.
    #[serde(default)]
    pub of_last: Option<u32>,
    /// Takes the action back once it is violated.
    #[serde(default)]
    pub undo: bool,
    /// Stops the agent in the action's class once it is violated: it stands at L0 there until a person gives it a level again. By default yes where `undo` is set.
    #[serde(default)]
    pub stop: Option<bool>,
    /// What must be so of the value that was seen.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Asks an address.
    #[serde(default)]
    pub http: Option<Http>,
    /// Asks a Prometheus server.
    #[serde(default)]
    pub prometheus: Option<Prometheus>,
    /// Calls a tool that only reads.
    #[serde(default)]
    pub tool: Option<Call>,
    /// Queries a database.
    #[serde(default)]
    pub sql: Option<Query>,
    /// Reads what is added to a file.
    #[serde(default)]
    pub log: Option<LogFile>,
    /// Runs a command.
    #[serde(default)]
    pub command: Option<Run>,
}

fn every() -> i64 {
    10_000
}

fn minute() -> i64 {
    60_000
}

impl Check {
    /// Returns how long one look may take, in milliseconds.
    pub fn deadline_ms(&self) -> i64 {
        self.deadline_ms.unwrap_or_else(|| if self.for_ms == 0 { LOOK_MS } else { LOOK_MS.min(self.every_ms) })
    }

    /// Says whether what it sees is about one action; otherwise one look serves all that it watches.
    pub fn is_of_action(&self) -> bool {
        let expects = self.expect.as_ref().and_then(|expect| expect.equals.as_ref()).is_some_and(names);
        let asks = self.sql.as_ref().is_some_and(|sql| sql.arguments.iter().any(names));
        expects || asks || self.tool.is_some() || self.log.is_some() || self.command.is_some()
    }

    /// Returns how many bad looks violate it.
    pub fn failures(&self) -> u32 {
        self.failures.unwrap_or(if self.for_ms == 0 || self.log.is_some() { 1 } else { 3 })
    }

    /// Returns how many of the last looks that saw something it reads back.
    pub fn of_last(&self) -> u32 {
        self.of_last.unwrap_or_else(|| self.failures())
    }

    /// Says whether the agent is stopped in the action's class once it is violated.
    pub fn stops(&self) -> bool {
        self.stop.unwrap_or(self.undo)
    }

    /// Returns how many looks there are if each comes in time.
    pub fn looks(&self) -> i64 {
        self.for_ms.checked_div(self.every_ms).unwrap_or(0).saturating_add(1)
    }

    /// Lists the ways in which it looks, by the names of their tables: exactly one, in a bundle that loads.
    pub fn ways(&self) -> Vec<&'static str> {
        let all = [
            ("http", self.http.is_some()),
            ("prometheus", self.prometheus.is_some()),
            ("tool", self.tool.is_some()),
            ("sql", self.sql.is_some()),
            ("log", self.log.is_some()),
            ("command", self.command.is_some()),
        ];
        all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }
}

/// Says what must be so of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Where in what was seen the value stands, as a JSON Pointer; all of it if it is empty.
    #[serde(default)]
    pub at: String,
    /// It is this; texts that begin with `$` stand for what is known of the action, as in an undo's arguments.
    #[serde(default)]
    pub equals: Option<Value>,
    /// It is a number, and at most this.
    #[serde(default)]
    pub most: Option<Number>,
    /// It is a number, and at least this.
    #[serde(default)]
    pub least: Option<Number>,
}

/// Asks an address: no answer, and any status but the one named, is bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The address, `http` or `https`.
    pub url: String,
    /// Headers whose values come from environment variables: header name to variable name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The status that is good. 200 by default.
    #[serde(default = "ok")]
    pub status: u16,
    /// An answer that takes longer is bad, in milliseconds; without it, one that takes longer than the look may.
    #[serde(default)]
    pub slow_ms: Option<i64>,
}

fn ok() -> u16 {
    200
}

/// Asks a Prometheus server for an instant; every series that it answers must be as expected, and none at all tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prometheus {
    /// The address of the server, below which its `/api/v1` stands.
    pub url: String,
    /// Headers whose values come from environment variables: header name to variable name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The query, in PromQL.
    pub query: String,
}

/// Calls a tool of the catalogue that only reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool, as `server.tool`.
    pub name: ToolName,
    /// Its arguments, of which `$action` and `$arguments/…` are known.
    #[serde(default = "nothing")]
    pub arguments: Template,
}

fn nothing() -> Template {
    Template(serde_json::Map::new())
}

/// Queries a database, in a transaction that may only read: the value is the first column of the one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The file of a SQLite database.
    #[serde(default)]
    pub sqlite: Option<String>,
    /// The environment variable that has the address of a PostgreSQL database.
    #[serde(default)]
    pub postgres: Option<String>,
    /// The query.
    pub query: String,
    /// What is bound to its parameters, as texts: `$action`, `$arguments/…`, or what is written.
    #[serde(default)]
    pub arguments: Vec<Value>,
}

/// Reads the lines that are added to a file from the beginning of the watch on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// The file.
    pub file: String,
    /// A regular expression: a new line that it matches is bad.
    pub bad: String,
    /// A regular expression: a look that saw none bad is good if a new line matches it; without one, any new line makes it good. No such line tells nothing.
    #[serde(default)]
    pub good: Option<String>,
}

/// Runs a command: 0 is good, 1 is bad, and any other end tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The command and its arguments; no shell reads it.
    pub run: Vec<String>,
    /// Environment variables passed to the command, by name, besides the ordinary ones.
    #[serde(default)]
    pub env: BTreeSet<String>,
}

/// Is what one look saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// What must hold holds.
    Good,
    /// It does not.
    Bad,
    /// Nothing was seen, which is never good news.
    Nothing,
}

/// Is how a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// What must hold held to the end.
    #[n(0)]
    Held,
    /// It did not.
    #[n(1)]
    Violated,
    /// Too little was seen to tell.
    #[n(2)]
    Inconclusive,
}

impl Judgement {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Is the status of the record that says what followed upon a violated check; the others are a [`Judgement`]'s numbers.
pub const CONTAINED: u8 = 3;

/// Is an action that a check watches, or that it has found violated and that is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Watch {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// The check.
    #[n(1)]
    pub check: CheckId,
    /// Whose action it is.
    #[n(2)]
    pub agent: AgentId,
    /// On whose behalf.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// What it called.
    #[n(4)]
    pub tool: ToolName,
    /// Its class.
    #[n(5)]
    pub class: ClassId,
    /// When it ended, in the journal's time.
    #[n(6)]
    pub since: Millis,
    /// The check was violated, and the action is to be taken back.
    #[n(7)]
    pub violated: bool,
}

impl Watch {
    /// Returns the key under which it is kept.
    pub fn key(&self) -> String {
        key(&self.action, &self.check)
    }
}

/// Returns the key under which the watch of an action by a check is kept.
pub fn key(action: &ActionId, check: &CheckId) -> String {
    format!("{action}/{check}")
}

/// Is how a check of an action ended, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Checked {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// The check.
    #[n(1)]
    pub check: CheckId,
    /// How it ended.
    #[n(2)]
    pub judgement: Judgement,
    /// How many looks were good.
    #[n(3)]
    pub good: u32,
    /// How many looks were bad.
    #[n(4)]
    pub bad: u32,
    /// How many looks saw nothing.
    #[n(5)]
    pub nothing: u32,
    /// What the last look that counted against it saw, or why there is nothing to tell.
    #[n(6)]
    pub why: String,
    /// When, in the journal's time.
    #[n(7)]
    pub at: Millis,
    /// The action is to be taken back.
    #[n(8)]
    pub undo: bool,
    /// The agent stands at L0 in the action's class from here on.
    #[n(9)]
    pub stop: bool,
}

/// Is what came of taking back an action whose check was violated, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Contained {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// The check.
    #[n(1)]
    pub check: CheckId,
    /// The action that took it back, or tried.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<ActionId>,
    /// Whether the state is what it was before; absent if nobody could see it.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<bool>,
    /// Why it was not taken back: a code and a sentence.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When, in the journal's time.
    #[n(5)]
    pub at: Millis,
}
