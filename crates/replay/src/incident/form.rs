//! Secrets in a replay: how they are compared and shown.
//!
//! Where a secret was replaced before it was written, the record holds a mark, which only the journal's key can make. A
//! replay does without that key, on whatever machine. So on both sides of every comparison each mark, and whatever stands
//! where the record of a tool has one, is one and the same blank mark: a call with another secret is the same call, and
//! the secret that an agent sends now is neither kept nor shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use types::secret::{is_mark, mark};
use types::{Arguments, Digest, ToolName};

use super::align::Key;

/// Is what is shown in the place of a secret.
pub const HIDDEN: &str = "(secret)";

fn blank() -> Value {
    mark(&Digest([0; 32]))
}

/// Is one step on the way to a secret; `None` stands for every item of a list.
type Step = Option<String>;

/// Holds where the record of each tool has secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<ToolName, BTreeSet<Vec<Step>>>);

impl Secrets {
    /// Takes note of where recorded arguments have marks.
    pub(super) fn learn(&mut self, tool: &ToolName, arguments: &Arguments) {
        let mut found = Vec::new();
        find(arguments.value(), &mut Vec::new(), &mut found);
        if !found.is_empty() {
            self.0.entry(tool.clone()).or_default().extend(found);
        }
    }

    /// Returns arguments in the form in which they are compared and told.
    pub fn form(&self, tool: &ToolName, arguments: &Arguments) -> Arguments {
        let mut value = arguments.value().clone();
        blank_marks(&mut value);
        self.0.get(tool).into_iter().flatten().for_each(|place| cover(&mut value, place));
        if value == *arguments.value() {
            return arguments.clone();
        }
        // What was within the bounds of arguments still is, unless it nested too deeply for a mark.
        Arguments::parse(&value.to_string(), usize::MAX).unwrap_or_else(|_| Arguments::empty())
    }

    /// Returns what makes a call the same call as another.
    pub fn key(&self, tool: &ToolName, arguments: &Arguments) -> Key {
        Key { tool: tool.clone(), arguments: self.form(tool, arguments).canonical().to_owned() }
    }
}

fn find(value: &Value, at: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let mut below = |step: Step, inner: &Value| {
        at.push(step);
        find(inner, at, found);
        at.pop();
    };
    match value {
        value if is_mark(value) => found.push(at.clone()),
        Value::Object(map) => map.iter().for_each(|(name, inner)| below(Some(name.clone()), inner)),
        Value::Array(items) => items.iter().for_each(|inner| below(None, inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes every mark the same.
fn blank_marks(value: &mut Value) {
    if is_mark(value) {
        *value = blank();
        return;
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(blank_marks),
        Value::Array(items) => items.iter_mut().for_each(blank_marks),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts the blank mark wherever a place leads.
fn cover(value: &mut Value, place: &[Step]) {
    let Some((step, rest)) = place.split_first() else {
        *value = blank();
        return;
    };
    match (step, value) {
        (Some(name), Value::Object(map)) => {
            if let Some(inner) = map.get_mut(name) {
                cover(inner, rest);
            }
        }
        (None, Value::Array(items)) => items.iter_mut().for_each(|inner| cover(inner, rest)),
        _ => {}
    }
}

/// Returns a value as it may be shown: with every mark in it hidden, and hidden too what stands where the record of the
/// same call has a mark.
///
/// - `recorded`: the value at the same place in the record, if there is one.
pub fn shown(value: &Value, recorded: Option<&Value>) -> Value {
    if is_mark(value) || recorded.is_some_and(is_mark) {
        return Value::String(HIDDEN.to_owned());
    }
    match value {
        Value::Object(map) => {
            let member = |(name, inner): (&String, &Value)| {
                (name.clone(), shown(inner, recorded.and_then(|recorded| recorded.get(name))))
            };
            Value::Object(map.iter().map(member).collect())
        }
        Value::Array(items) => {
            let item =
                |(place, inner): (usize, &Value)| shown(inner, recorded.and_then(|recorded| recorded.get(place)));
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marked(tag: u8) -> Value {
        mark(&Digest([tag; 32]))
    }

    fn arguments(value: &Value) -> Arguments {
        Arguments::parse(&value.to_string(), 1 << 16).unwrap()
    }

    #[test]
    fn a_mark_is_never_shown_and_neither_is_what_stands_in_its_place() {
        let recorded = json!({ "user": "ana", "key": marked(0xab), "list": [1, marked(0xcd)] });
        let made = json!({ "user": "ben", "key": "hunter2", "list": [1, "swordfish"] });
        for value in [&recorded, &made] {
            let text = shown(value, Some(&recorded)).to_string();
            assert!(!text.contains("hunter2") && !text.contains("swordfish") && !text.contains("abab"), "{text}");
            assert_eq!(text.matches(HIDDEN).count(), 2, "{text}");
        }
        assert_eq!(shown(&made, None), made);
    }

    #[test]
    fn a_call_with_another_secret_is_the_same_call_and_its_secret_is_not_kept() {
        let tool: ToolName = "s.login".parse().unwrap();
        let recorded =
            arguments(&json!({ "user": "ana", "pin": marked(0xab), "keys": [{ "k": marked(0xcd), "n": 1 }] }));
        let mut secrets = Secrets::default();
        secrets.learn(&tool, &recorded);
        let made = |user: &str, n: u32| {
            arguments(&json!({ "user": user, "pin": { "deep": 4711 }, "keys": [{ "k": "swordfish", "n": n }] }))
        };
        assert_eq!(secrets.key(&tool, &made("ana", 1)), secrets.key(&tool, &recorded));
        assert_ne!(secrets.key(&tool, &made("ben", 1)), secrets.key(&tool, &recorded));
        assert_ne!(secrets.key(&tool, &made("ana", 2)), secrets.key(&tool, &recorded));
        let kept = secrets.form(&tool, &made("ben", 2)).canonical().to_owned();
        assert!(!kept.contains("4711") && !kept.contains("swordfish") && kept.contains("ben"), "{kept}");
        let other: ToolName = "s.other".parse().unwrap();
        assert_eq!(secrets.form(&other, &made("ana", 1)), made("ana", 1));
    }
}
