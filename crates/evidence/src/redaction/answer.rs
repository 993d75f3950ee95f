//! Answers of tools: what is recorded of them.

use serde_json::Value;
use types::secret::{MARK, ROOM, is_secret_name};

use super::{Hidden, Redactor};

/// Are the members of an MCP answer whose value is what the tool said, laid out as its output schema has it.
const STRUCTURED: [&str; 2] = ["structuredContent", "data"];

/// Are the members by which an answer as MCP lays it out is known.
const ANSWERS: [&str; 3] = ["structuredContent", "content", "contents"];

/// Are the members that hold a text or bytes that a schema says nothing of.
const OPAQUE: [&str; 4] = ["text", "blob", "data", "message"];

impl Redactor<'_> {
    /// Redacts the answer frame of an MCP server: its structured content by the rules of the tool's results, JSON inside
    /// texts by the same, and whatever else by names.
    ///
    /// A text that is no JSON is hidden whole where a part of the tool's results is declared secret, since nobody can say
    /// where in it that part is. `hidden` holds what was secret in the arguments; it is taken out wherever it appears.
    pub fn frame(&self, text: &str, hidden: &Hidden) -> String {
        self.written(text, hidden, |this, value, found| this.around(value, found))
    }

    /// Redacts what an agent reports as its action's result, which is laid out as the tool's results are or as MCP lays
    /// them out.
    pub fn reported(&self, text: &str, hidden: &Hidden) -> String {
        let is_answer = |value: &Value| ANSWERS.iter().any(|name| value.get(name).is_some());
        self.written(
            text,
            hidden,
            |this, value, found| {
                if is_answer(value) { this.around(value, found) } else { this.value(value, found) }
            },
        )
    }

    fn written(&self, text: &str, hidden: &Hidden, walk: impl Fn(&Self, &Value, &mut Vec<Value>) -> Value) -> String {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return self.opaque(text, hidden) };
        let mut found = Vec::new();
        let redacted = walk(self, &value, &mut found);
        // Where the strict reader refuses, an earlier member of the same name stands in the text and in no value.
        let as_it_came = found.is_empty() && types::json::parse(text).is_ok();
        let mut all = hidden.clone();
        found.iter().for_each(|value| all.add(value));
        if as_it_came && all.scrub(text) == text {
            return text.to_owned();
        }
        all.scrub_value(&redacted).to_string()
    }

    fn opaque(&self, text: &str, hidden: &Hidden) -> String {
        if self.is_declared() { ROOM.to_owned() } else { hidden.scrub(text) }
    }

    /// Walks what surrounds the tool's own words.
    fn around(&self, value: &Value, found: &mut Vec<Value>) -> Value {
        match value {
            Value::Object(members) => {
                let each = members.iter().map(|(name, inner)| (name.clone(), self.member(name, inner, found)));
                Value::Object(each.collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.around(item, found)).collect()),
            Value::String(text) => self.nested(text, found).unwrap_or_else(|| value.clone()),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn member(&self, name: &str, value: &Value, found: &mut Vec<Value>) -> Value {
        let lifted = || self.listed.not_secret.iter().any(|pattern| pattern.matches(&[name.to_owned()]));
        if name == MARK || (is_secret_name(name) && !lifted()) {
            found.push(value.clone());
            return self.mark(value);
        }
        match value {
            Value::Object(_) | Value::Array(_) if STRUCTURED.contains(&name) => self.value(value, found),
            Value::String(text) if OPAQUE.contains(&name) => self.nested(text, found).unwrap_or_else(|| {
                if !self.is_declared() || text == ROOM {
                    return value.clone();
                }
                found.push(value.clone());
                Value::String(ROOM.to_owned())
            }),
            _ => self.around(value, found),
        }
    }

    /// Redacts JSON inside a text; `None` if there is none.
    fn nested(&self, text: &str, found: &mut Vec<Value>) -> Option<Value> {
        let inner: Value =
            serde_json::from_str(text).ok().filter(|inner: &Value| inner.is_object() || inner.is_array())?;
        let before = found.len();
        let redacted = self.value(&inner, found);
        let kept = found.len() == before && types::json::parse(text).is_ok();
        Some(Value::String(if kept { text.to_owned() } else { redacted.to_string() }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use types::secret::{Declared, Listed, Pattern};

    use super::*;
    use crate::keys::TenantKey;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn hidden(texts: &[&str]) -> Hidden {
        let mut hidden = Hidden::default();
        texts.iter().for_each(|text| hidden.add(&json!(text)));
        hidden
    }

    /// Redacts an answer whose results have the secret `/pin`, and one whose results have none that anybody declared.
    fn both(frame: &Value, beside: &Hidden) -> [String; 2] {
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let pin = patterns(&["/pin"]);
        [&pin[..], &[]].map(|secret| {
            Redactor::new(&key, Listed { secret, not_secret: &[] }, None).frame(&frame.to_string(), beside)
        })
    }

    #[test]
    fn structured_content_is_redacted_by_place_and_its_copy_in_a_text_too() {
        let content = json!({ "pin": 4711, "name": "x" });
        let frame = json!({ "jsonrpc": "2.0", "id": 1, "result": {
            "structuredContent": content, "content": [{ "type": "text", "text": content.to_string() }],
        }});
        let [declared, plain] = both(&frame, &Hidden::default());
        assert!(
            !declared.contains("4711") && declared.contains("$redacted") && declared.contains(r#"\"name\":\"x\""#),
            "{declared}"
        );
        assert_eq!(plain, frame.to_string());
    }

    #[test]
    fn a_text_that_is_no_json_is_hidden_where_a_part_of_the_results_is_declared_secret() {
        let frame = json!({ "result": { "content": [{ "type": "text", "text": "the pin is 4711" }] } });
        let [declared, plain] = both(&frame, &Hidden::default());
        assert!(!declared.contains("4711") && declared.contains(ROOM), "{declared}");
        assert!(plain.contains("4711"));
    }

    #[test]
    fn names_count_everywhere_and_what_the_arguments_hid_is_taken_out() {
        let frame = json!({ "error": { "code": 1, "message": "bad login hunter2!", "data": { "apiKey": [1, 2] } },
            "note": "{\"token\":\"abc\"}", "hunter2!": 1 });
        let [declared, plain] = both(&frame, &hidden(&["hunter2!"]));
        for text in [declared, plain] {
            assert!(!text.contains("hunter2") && !text.contains("[1,2]") && !text.contains("abc"), "{text}");
        }
    }

    #[test]
    fn a_member_that_stands_twice_and_a_number_nobody_can_hold_hide_nothing() {
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let by_name = Redactor::by_name(&key);
        for text in [
            r#"{"result":{"a":{"password":"x1"},"a":1}}"#,
            r#"{"result":{"password":"x1","big":123456789012345678901234567890}}"#,
            r#"{"result":{"$redacted":"x1"}}"#,
        ] {
            assert!(!by_name.frame(text, &Hidden::default()).contains("x1"), "{text}");
        }
        assert_eq!(by_name.frame("no json x1y2z3", &hidden(&["x1y2z3"])), "no json [redacted]");
    }

    #[test]
    fn what_an_agent_reports_is_redacted_by_place_in_either_layout() {
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let declared = Declared::of(json!({ "properties": { "pin": { "writeOnly": true } } }));
        let not = patterns(&["/deep/token"]);
        let redactor = Redactor::new(&key, Listed { secret: &[], not_secret: &not }, Some(&declared));
        for text in [r#"{"pin":4711}"#, r#"{"structuredContent":{"pin":4711}}"#, r#""4711""#.trim_matches('"')] {
            let said = redactor.reported(text, &Hidden::default());
            assert!(!said.contains("4711") || text == "4711", "{said}");
        }
        assert_eq!(redactor.reported("plain 4711", &Hidden::default()), ROOM);
        let lifted = r#"{"deep":{"token":"t"}}"#;
        assert_eq!(redactor.reported(lifted, &Hidden::default()), lifted);
    }
}
