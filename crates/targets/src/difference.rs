//! What differs between two JSON values, part by part.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

impl Difference {
    /// Lists what differs, of which so many parts are looked for and one more.
    pub fn between(before: Option<&Value>, after: Option<&Value>, most: usize) -> Vec<Self> {
        let mut found = Vec::new();
        differ("", before, after, most, &mut found);
        found
    }

    /// Tells it in words.
    pub fn in_words(&self) -> String {
        let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let at = if self.at.is_empty() { "all of it" } else { self.at.as_str() };
        format!("\n{at}: {} → {}", text(&self.before), text(&self.after))
    }
}

fn differ(at: &str, before: Option<&Value>, after: Option<&Value>, most: usize, found: &mut Vec<Difference>) {
    if before == after || found.len() > most {
        return;
    }
    if let (Some(Value::Object(was)), Some(Value::Object(is))) = (before, after) {
        for name in was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))) {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            differ(&place, was.get(name), is.get(name), most, found);
        }
        return;
    }
    found.push(Difference { at: at.to_owned(), before: before.cloned(), after: after.cloned() });
}
