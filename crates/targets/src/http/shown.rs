//! What a change has done, as it is told: the parts of the resource that differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::declared::Operation;
use super::exchange::{Seen, without};

/// Is how many differences are told at most.
const DIFFERENCES_MAX: usize = 50;

/// Is what a change has done, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The operation.
    pub operation: String,
    /// The path of the resource.
    pub resource: String,
    /// What differs, at most 50 parts; empty if nothing does.
    pub differences: Vec<Difference>,
    /// There are more.
    pub truncated: bool,
}

/// Is one part that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, as a JSON Pointer; empty for all of it.
    pub at: String,
    /// What was there; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is there; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Changed {
    /// Says what differs between two looks.
    pub fn between(name: &str, resource: &str, operation: &Operation, before: &Seen, after: Option<&Value>) -> Self {
        let before = before.body.as_ref().map(|body| without(body, operation));
        let after = after.map(|body| without(body, operation));
        let mut differences = Vec::new();
        differ("", before.as_ref(), after.as_ref(), &mut differences);
        let truncated = differences.len() > DIFFERENCES_MAX;
        differences.truncate(DIFFERENCES_MAX);
        Self { operation: name.to_owned(), resource: resource.to_owned(), differences, truncated }
    }

    /// Tells it in words.
    pub fn in_words(&self) -> String {
        let lines = self.differences.iter().map(|one| {
            let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let at = if one.at.is_empty() { "all of it" } else { one.at.as_str() };
            format!("\n{at}: {} → {}", text(&one.before), text(&one.after))
        });
        format!("{} of {}{}", self.differences.len(), self.resource, lines.collect::<String>())
    }
}

fn differ(at: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after || found.len() > DIFFERENCES_MAX {
        return;
    }
    if let (Some(Value::Object(was)), Some(Value::Object(is))) = (before, after) {
        for name in was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))) {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            differ(&place, was.get(name), is.get(name), found);
        }
        return;
    }
    found.push(Difference { at: at.to_owned(), before: before.cloned(), after: after.cloned() });
}
