//! The contract that every target keeps: a change is made once under a key, seen by it, and taken back by it.
//!
//! | tool | does |
//! |---|---|
//! | `plan` | says what a change would do, and does nothing |
//! | `change` | makes it once under the key `change`; a repeat is answered as the first |
//! | `get_change` | says whether it is in effect, and whether what it left still stands |
//! | `undo_change` | takes it back if what it left still stands, once under the key `undo` |
//! | `list_changes` | lists what changed: under which key, or around us |
//!
//! `change` and `undo_change` claim in their `_meta` that they are keyed, `change` how it is taken back, and `list_changes` what it is for, so that a catalogue can be proposed from it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::Code;

use crate::mcp::{Failed, Said};

/// Is how long a key may be, in characters.
pub const KEY_CHARS_MAX: usize = 128;

/// Is how many entries are listed at once at most.
pub const ENTRIES_MAX: i64 = 1_000;

/// Is how long a key is known, in milliseconds: as long as the change itself, which is far longer than anybody repeats it.
const KEY_TTL_MS: i64 = 30 * 86_400_000;

/// Is what is to be seen of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Standing {
    /// It is not in effect: it was never made, or was taken back.
    Not {
        /// `false`.
        applied: bool,
    },
    /// It is in effect.
    Applied {
        /// `true`.
        applied: bool,
        /// Everything is still as it was left.
        stands: bool,
        /// How many things are not.
        differing: usize,
        /// How many things it changed.
        of: usize,
        /// The digest of what it changed.
        digest: String,
    },
}

impl Standing {
    /// Is what is seen of a change that is not in effect.
    pub const NOT: Self = Self::Not { applied: false };

    /// Tells it in words.
    pub fn said(&self) -> Said {
        let text = match self {
            Self::Not { .. } => "it is not in effect".to_owned(),
            Self::Applied { stands: true, of, .. } => format!("it is in effect, and all {of} are as it left them"),
            Self::Applied { differing, of, .. } => {
                format!("it is in effect, and {differing} of {of} are not as it left them")
            }
        };
        said(text, self)
    }
}

/// Is something that changed what is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its place; a later one is larger.
    pub number: i64,
    /// When, as the target says it: RFC 3339 in UTC.
    pub at: String,
    /// The key of the change; absent if it came around us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The key of what it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// Who, as far as the target knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was changed, each once: tables, files.
    pub what: Vec<String>,
}

/// Names a change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its key.
    pub change: Key,
}

/// Names a change that is taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Its key.
    pub change: Key,
    /// The key under which it is taken back.
    pub undo: Key,
}

/// Says which entries are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// Those after this number.
    #[serde(default)]
    pub after: i64,
    /// So many at most.
    pub limit: Option<i64>,
}

impl After {
    /// Returns how many are listed.
    pub fn most(&self) -> i64 {
        self.limit.unwrap_or(ENTRIES_MAX).clamp(1, ENTRIES_MAX)
    }
}

/// Is a key: what a caller may name a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Key(String);

impl Key {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if text.is_empty() || text.len() > KEY_CHARS_MAX || !text.chars().all(plain) {
            return Err(format!("a key has 1 to {KEY_CHARS_MAX} letters, digits, `-`, `_`, `.` and `:`"));
        }
        Ok(Self(text))
    }
}

/// Reads the arguments of a tool.
///
/// # Errors
///
/// `arguments-invalid` with what does not fit.
pub fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, Failed> {
    serde_json::from_value(arguments)
        .map_err(|error| Failed { code: Code::ArgumentsInvalid, message: error.to_string() })
}

/// Says a text for a model, and the same as data.
pub fn said(text: String, data: &impl Serialize) -> Said {
    // Names, numbers and texts, all of which JSON can hold.
    Said { text, data: serde_json::to_value(data).unwrap_or_default() }
}

/// Lists entries.
pub fn listed_entries(entries: &[Entry]) -> Said {
    let around = entries.iter().filter(|entry| entry.change.is_none()).count();
    let text = format!("{} changes, {around} of them without a key", entries.len());
    said(text, &json!({ "entries": entries }))
}

/// Says what a tool does, for its hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It changes nothing.
    Reads,
    /// It can be taken back, so it destroys nothing.
    Changes,
    /// It takes something back, which only a rollback asks for.
    TakesBack,
}

/// Writes a tool as MCP lists it.
pub fn tool(name: &str, description: &str, does: Does, required: &[&str], properties: Value) -> Value {
    let (reads, destroys) = (does == Does::Reads, does == Does::TakesBack);
    json!({
        "name": name,
        "description": description,
        "inputSchema": { "type": "object", "additionalProperties": false, "required": required, "properties": properties },
        "annotations": { "readOnlyHint": reads, "destructiveHint": destroys, "idempotentHint": true, "openWorldHint": false },
    })
}

/// Writes the tool `change`, which takes these arguments and its key.
pub fn change(description: &str, required: &[&str], properties: Value, plan: &Value) -> Value {
    change_named("change", description, required, properties, plan)
}

/// Writes a tool that makes a change as `change` does, under another name.
///
/// - `plan`: how it is found out what it would do, as a catalogue says it.
pub fn change_named(name: &str, description: &str, required: &[&str], properties: Value, plan: &Value) -> Value {
    let properties = with(properties, "change", filled_in());
    let undo = json!({
        "tool": "undo_change",
        "arguments": { "change": "$action" },
        "observe": { "tool": "get_change", "arguments": { "change": "$action" } },
    });
    let claims = with(keyed("change"), "countersign.dev/undo", undo);
    let claims = with(claims, "countersign.dev/plan", plan.clone());
    with(tool(name, description, Does::Changes, required, properties), "_meta", claims)
}

/// Puts a member into an object.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), value);
    }
    object
}

/// Writes the tools that are the same for every target.
pub fn others() -> [Value; 3] {
    let change = json!({ "type": "string", "description": "The key of the change." });
    let list = tool(
        "list_changes",
        "Lists what changed: under which key, or without one.",
        Does::Reads,
        &[],
        json!({
            "after": { "type": "integer", "description": "List those after this number." },
            "limit": { "type": "integer", "minimum": 1, "maximum": ENTRIES_MAX },
        }),
    );
    let undo = tool(
        "undo_change",
        "Takes a change back, if what it left still stands.",
        Does::TakesBack,
        &["change"],
        json!({ "change": change, "undo": filled_in() }),
    );
    [
        tool(
            "get_change",
            "Says whether a change is in effect, and whether what it left still stands.",
            Does::Reads,
            &["change"],
            json!({ "change": change }),
        ),
        with(undo, "_meta", keyed("undo")),
        with(list, "_meta", json!({ "countersign.dev/audit": true })),
    ]
}

fn filled_in() -> Value {
    json!({ "type": "string", "description": "The key under which it is done once. Leave it out; the gateway fills it in." })
}

/// Claims of a tool that it is done once under a key.
fn keyed(argument: &str) -> Value {
    json!({ "countersign.dev/keyed": { "argument": argument, "ttl_ms": KEY_TTL_MS } })
}
