//! What commands read out of the server's answers.

use serde_json::Value;
use types::Millis;
use types::text::{escape, is_deceptive};

use crate::output;

/// Returns the list in an answer, whether it stands alone or under a name.
pub fn items(answer: &Value) -> Vec<Value> {
    let list = answer.as_array().or_else(|| answer.as_object().and_then(|o| o.values().find_map(Value::as_array)));
    list.cloned().unwrap_or_default()
}

/// Returns a member as one line that is safe to look at; an empty one if it is not there.
///
/// The server has escaped what agents wrote, over several lines where it may be; what could still move or hide
/// something in a line is escaped here, and nothing is escaped twice.
pub fn text(answer: &Value, name: &str) -> String {
    let text = match answer.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let safe = |c: char| if is_deceptive(c) { escape(c.encode_utf8(&mut [0; 4]), false) } else { c.to_string() };
    text.chars().map(safe).collect()
}

/// Returns a member that is an instant, in UTC; `?` if it is not there.
pub fn instant(answer: &Value, name: &str) -> String {
    answer.get(name).and_then(Value::as_i64).map_or_else(|| "?".into(), |ms| output::time(Millis(ms)))
}

/// Returns the members of a list.
pub fn list<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(name).and_then(Value::as_array).into_iter().flatten()
}
