//! What gave way to marks: the texts that must not appear anywhere else either.

use std::collections::BTreeSet;

use serde_json::Value;
use types::secret::{ROOM, is_mark};
use zeroize::Zeroize;

/// Is from how many characters on a text is looked for inside words; a shorter one only where it stands alone.
const LONG: usize = 6;

/// Holds the texts and numbers of secret values, to take them out of what is written beside them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Raw and as JSON writes them, the longest first, so that none is found in halves.
    texts: BTreeSet<(std::cmp::Reverse<usize>, String)>,
}

impl Hidden {
    /// Adds every text and number inside a value; yes, no and nothing cannot be looked for.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => self.text(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        let written = Value::String(text.to_owned()).to_string();
        let escaped = written.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
        for form in [text.trim(), escaped].into_iter().filter(|form| !form.is_empty()) {
            self.texts.insert((std::cmp::Reverse(form.len()), form.to_owned()));
        }
    }

    /// Adds what another one holds.
    pub fn extend(&mut self, other: &Self) {
        self.texts.extend(other.texts.iter().cloned());
    }

    /// Says whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Takes every one of the texts out of a text, wherever it appears literally or as JSON writes it.
    pub fn scrub(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (_, secret) in self.texts.iter().filter(|(_, secret)| text.contains(secret.as_str())) {
            out = if secret.chars().count() < LONG { without_word(&out, secret) } else { out.replace(secret, ROOM) };
        }
        out
    }

    /// Takes every one of the texts out of the texts, numbers and names inside a value; marks stay.
    pub fn scrub_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.scrub(text)),
            Value::Number(number) if self.scrub(&number.to_string()) != number.to_string() => ROOM.into(),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.scrub_value(item)).collect()),
            Value::Object(members) if !is_mark(value) => {
                let each = members.iter().map(|(name, inner)| (self.scrub(name), self.scrub_value(inner)));
                Value::Object(each.collect())
            }
            Value::Object(_) | Value::Number(_) | Value::Null | Value::Bool(_) => value.clone(),
        }
    }
}

/// Takes a short text out where no letter or digit stands on either side: `1` in `PIN 1`, and not in `2019`.
fn without_word(text: &str, secret: &str) -> String {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(secret) {
        let whole = out.chars().chain(before.chars()).next_back();
        let stands_alone = !inside(whole) && !inside(after.chars().next());
        out.push_str(before);
        out.push_str(if stands_alone { ROOM } else { secret });
        rest = after;
    }
    out.push_str(rest);
    out
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hidden({})", self.texts.len())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        for (_, mut text) in std::mem::take(&mut self.texts) {
            text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_hidden_is_taken_out_of_texts() {
        let mut hidden = Hidden::default();
        hidden.add(
            &json!({ "a": ["hunter2!", "hunter2!x"], "b": { "pin": 471, "on": true, "q": "say \"x\"\n" }, "c": "" }),
        );
        for (text, expected) in [
            ("no hunter2! here", "no [redacted] here"),
            ("hunter2!x", "[redacted]"),
            ("xhunter2!y", "x[redacted]y"),
            ("PIN 471, not 14710", "PIN [redacted], not 14710"),
            ("471", "[redacted]"),
            (r#"{"m":"say \"x\"\n"}"#, r#"{"m":"[redacted]"}"#),
            ("true and nothing", "true and nothing"),
        ] {
            assert_eq!(hidden.scrub(text), expected, "{text}");
        }
        assert_eq!(format!("{hidden:?}"), "Hidden(5)");
    }
}
