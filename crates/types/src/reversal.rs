//! How the effect of a tool is taken back: what a catalogue declares, and what was seen of a target's state around an action.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionId, Digest, Millis, ToolName};

/// Is how many bytes the state that is seen may have, as canonical JSON.
pub const STATE_BYTES_MAX: usize = 64 << 10;

/// Names an argument that may be absent.
const OPTIONAL: &str = "arguments?";

/// Says how what a tool does is taken back: by which tool of the same server, with which arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The tool that takes it back, by its own name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Template,
    /// How the state is seen before and after.
    pub observe: Observe,
}

/// Is a tool whose undo was seen to bring back the state from before an action.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Tested {
    /// The tool.
    #[n(0)]
    pub tool: ToolName,
    /// The digest of what the catalogue said of its undo then.
    #[n(1)]
    pub undo: Digest,
    /// The action that was taken back.
    #[n(2)]
    pub action: ActionId,
    /// When, in the journal's time.
    #[n(3)]
    pub at: Millis,
}

/// Says how the state that an action changes is seen: by which tool of the same server, which only reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// The tool, by its own name.
    pub tool: String,
    /// Its arguments; of what is known, the arguments of the action alone.
    pub arguments: Template,
    /// Where in its structured result the state stands, as a JSON Pointer; all of it if it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub take: String,
}

/// Is what is known of an action as its undo is written.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its id.
    pub action: &'a ActionId,
    /// Its arguments.
    pub arguments: &'a Value,
    /// The state before it.
    pub before: Option<&'a Value>,
}

/// Are arguments in which texts that begin with a `$` stand for what is known: `$action`, `$arguments/POINTER` and `$before/POINTER`. `$$` is a `$`.
/// A member with `$arguments?/POINTER` is left out if nothing stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(pub serde_json::Map<String, Value>);

/// Says why arguments cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A text begins with a `$` and names nothing that can be known.
    #[error("`{0}` names none of `$action`, `$arguments/…` and `$before/…`")]
    Unknown(String),
    /// What it names is not there.
    #[error("`{0}` is not there")]
    Missing(String),
}

impl Template {
    /// Writes the arguments.
    ///
    /// # Errors
    ///
    /// [`TemplateError`].
    pub fn fill(&self, known: Known<'_>) -> Result<Value, TemplateError> {
        fill(&Value::Object(self.0.clone()), known)
    }

    /// Says whether the id of the action is among them: what is asked so is about this action alone.
    pub fn names_action(&self) -> bool {
        self.0.values().any(names_action)
    }

    /// Checks that it names nothing but what can be known.
    ///
    /// - `before`: the state before may be named.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Unknown`].
    pub fn check(&self, before: bool) -> Result<(), TemplateError> {
        self.0.values().try_for_each(|value| check(value, before))
    }
}

/// Writes a value of which texts may stand for what is known, as in a [`Template`].
///
/// # Errors
///
/// [`TemplateError`].
pub fn filled(value: &Value, known: Known<'_>) -> Result<Value, TemplateError> {
    fill(value, known)
}

/// Checks that a value names nothing but the action and its arguments.
///
/// # Errors
///
/// [`TemplateError::Unknown`].
pub fn checked(value: &Value) -> Result<(), TemplateError> {
    check(value, false)
}

/// Says whether a value names anything that is known.
pub fn names(value: &Value) -> bool {
    match value {
        Value::String(text) => named(text).is_some(),
        Value::Array(items) => items.iter().any(names),
        Value::Object(members) => members.values().any(names),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Splits a text that names something into what it names and the pointer.
fn named(text: &str) -> Option<(&str, &str)> {
    let name = text.strip_prefix('$').filter(|rest| !rest.starts_with('$'))?;
    Some(name.find('/').map_or((name, ""), |at| name.split_at(at)))
}

fn names_action(value: &Value) -> bool {
    match value {
        Value::String(text) => named(text) == Some(("action", "")),
        Value::Array(items) => items.iter().any(names_action),
        Value::Object(members) => members.values().any(names_action),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn check(value: &Value, before: bool) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => match named(text) {
            Some(("action", "") | ("arguments" | OPTIONAL, _)) | None => Ok(()),
            Some(("before", _)) if before => Ok(()),
            Some(_) => Err(TemplateError::Unknown(text.clone())),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check(item, before)),
        Value::Object(members) => members.values().try_for_each(|member| check(member, before)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn fill(value: &Value, known: Known<'_>) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) => match named(text) {
            Some(("action", "")) => Value::String(known.action.to_string()),
            Some((name, pointer)) => {
                let from = match name {
                    "arguments" | OPTIONAL => Some(known.arguments),
                    "before" => known.before,
                    _ => return Err(TemplateError::Unknown(text.clone())),
                };
                let found = from.and_then(|from| from.pointer(pointer));
                found.cloned().ok_or_else(|| TemplateError::Missing(text.clone()))?
            }
            None => Value::String(text.strip_prefix('$').unwrap_or(text).to_owned()),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, known)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let there = members.iter().filter(|(_, member)| !is_left_out(member, known));
            let filled = there.map(|(name, member)| Ok((name.clone(), fill(member, known)?)));
            Value::Object(filled.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// Says whether a member names an argument that may be absent, and is.
fn is_left_out(member: &Value, known: Known<'_>) -> bool {
    let pointer = member.as_str().and_then(named).filter(|(name, _)| *name == OPTIONAL);
    pointer.is_some_and(|(_, pointer)| known.arguments.pointer(pointer).is_none())
}

/// Says when the state was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the action was sent.
    #[n(0)]
    Before,
    /// After it had ended.
    #[n(1)]
    After,
    /// As it was to be taken back, and was not what it had left: nothing was done.
    #[n(2)]
    Conflict,
    /// After it was taken back.
    #[n(3)]
    Undone,
}

impl Phase {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Conflict => "conflict",
            Self::Undone => "undone",
        }
    }
}

/// Is the state of what an action changes, as it was recorded. What the state is stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct StateSeen {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// When.
    #[n(1)]
    pub phase: Phase,
    /// When, in the journal's time.
    #[n(2)]
    pub at: Millis,
    /// The action that takes it back, once there is one.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<ActionId>,
    /// Whether the state is what it was before, once it was taken back; absent if nobody could see it.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<bool>,
    /// Why the state could not be seen.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The tool whose undo this has tested, and the digest of what the catalogue says of it.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<(ToolName, Digest)>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn template(value: Value) -> Template {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn arguments_are_written_from_what_is_known() {
        let action = &ActionId::draw(Millis(1), [1; 10]);
        let arguments = json!({ "service": "web", "tags": ["a"], "replicas": 5 });
        let (before, of) = (
            json!({ "replicas": 2 }),
            json!({ "service": "$arguments/service", "to": ["$before/replicas"], "by": "$$me", "n": 1 }),
        );
        let filled = template(of).fill(Known { action, arguments: &arguments, before: Some(&before) });
        assert_eq!(filled, Ok(json!({ "service": "web", "to": [2], "by": "$me", "n": 1 })));
        let whole =
            template(json!({ "all": "$before" })).fill(Known { action, arguments: &arguments, before: Some(&before) });
        assert_eq!(whole, Ok(json!({ "all": { "replicas": 2 } })));
        let of_action = template(json!({ "change": ["$action"] }));
        let filled = of_action.fill(Known { action, arguments: &arguments, before: None });
        assert_eq!(filled, Ok(json!({ "change": [action.to_string()] })));
        assert!(of_action.names_action() && !template(json!({ "a": "$$action" })).names_action());
    }

    #[test]
    fn what_is_not_there_is_no_argument() {
        let action = &ActionId::draw(Millis(1), [1; 10]);
        let (arguments, none) = (json!({}), None);
        for (of, wrong) in [
            (json!({ "a": "$arguments/a" }), TemplateError::Missing("$arguments/a".into())),
            (json!({ "a": "$before/a" }), TemplateError::Missing("$before/a".into())),
            (json!({ "a": { "b": "$result" } }), TemplateError::Unknown("$result".into())),
            (json!({ "a": "$action/x" }), TemplateError::Unknown("$action/x".into())),
        ] {
            assert_eq!(template(of).fill(Known { action, arguments: &arguments, before: none }), Err(wrong));
        }
        let named = template(json!({ "a": ["$before/x"], "b": "$arguments/y", "c": "$$z" }));
        assert_eq!((named.check(true), named.check(false)), (Ok(()), Err(TemplateError::Unknown("$before/x".into()))));
        assert!(template(json!({ "a": "$argument/x" })).check(true).is_err());
        assert_eq!(template(json!({ "a": "$action" })).check(false), Ok(()));
        assert!(template(json!({ "a": "$action/x" })).check(false).is_err());
    }
}
