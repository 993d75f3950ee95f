//! Redaction: what is secret in arguments and results gives way to a mark before anybody writes it.
//!
//! A mark is an HMAC of the value in canonical form: equal values have equal marks, and a value cannot be guessed from
//! its mark without the key. Everything that is digested, decided on or recorded holds marks; the values themselves are
//! in memory alone, on their way to the tool.

mod answer;
mod hidden;

pub use hidden::Hidden;

use serde_json::{Map, Value};
use types::secret::{Declared, Listed, MARK, Nodes, Pattern, Why, is_mark, is_secret_name, mark};
use types::{Arguments, JsonError};

use crate::keys::RedactionKey;

/// Redacts one side of one tool, its arguments or its results.
#[derive(Debug, Clone, Copy)]
pub struct Redactor<'a> {
    key: &'a RedactionKey,
    listed: Listed<'a>,
    declared: Option<&'a Declared>,
    always: &'a [Pattern],
    except: &'a [Pattern],
    unknown: bool,
    marked: bool,
}

impl<'a> Redactor<'a> {
    /// Redacts what the catalogue lists, what the tool's own schema declares, and what names say.
    pub fn new(key: &'a RedactionKey, listed: Listed<'a>, declared: Option<&'a Declared>) -> Self {
        Self { key, listed, declared, always: &[], except: &[], unknown: false, marked: false }
    }

    /// Redacts by names alone, where nobody has described what there is.
    pub fn by_name(key: &'a RedactionKey) -> Self {
        Self::new(key, Listed { secret: &[], not_secret: &[] }, None)
    }

    /// Redacts every member whatever its name, since nobody has described the tool.
    pub fn of_unknown(key: &'a RedactionKey) -> Self {
        Self { unknown: true, ..Self::by_name(key) }
    }

    /// Redacts what is always secret too, and nothing by its name where names are not those of values.
    #[must_use]
    pub fn and(self, always: &'a [Pattern], except: &'a [Pattern]) -> Self {
        Self { always, except, ..self }
    }

    /// Says whether the part at a path is secret.
    pub fn is_secret(&self, path: &[String]) -> bool {
        let step = |nodes: Nodes<'a>, step: &String| match step.parse::<usize>() {
            Ok(n) => nodes.either(step, n),
            Err(_) => nodes.member(step),
        };
        let nodes = self.declared.map(|declared| path.iter().fold(declared.top(), step));
        self.says_secret(path, nodes.as_ref())
    }

    fn says_secret(&self, path: &[String], nodes: Option<&Nodes<'_>>) -> bool {
        let one_of = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(path));
        let why = self.listed.why(path, nodes);
        self.unknown || one_of(self.always) || (why.is_some() && !(why == Some(Why::Name) && one_of(self.except)))
    }

    /// Redacts what was redacted before under other rules: marks stay as they are.
    #[must_use]
    pub fn again(self) -> Self {
        Self { marked: true, ..self }
    }

    /// Redacts arguments; what gave way is added to `hidden`.
    ///
    /// Two arguments that differ anywhere come out differently, by whatever they differ.
    ///
    /// # Errors
    ///
    /// [`JsonError::TooDeep`] if a secret stands so deep that its mark nests deeper than 64 levels.
    pub fn arguments(&self, arguments: &Arguments, hidden: &mut Hidden) -> Result<Arguments, JsonError> {
        let mut found = Vec::new();
        let redacted = self.value(arguments.value(), &mut found);
        if found.is_empty() {
            return Ok(arguments.clone());
        }
        found.iter().for_each(|value| hidden.add(value));
        Arguments::parse(&redacted.to_string(), usize::MAX)
    }

    /// Redacts a value from its top; what gave way is added to `found`.
    fn value(&self, value: &Value, found: &mut Vec<Value>) -> Value {
        let mut walk = Walk { redactor: self, path: Vec::new(), found };
        let nodes = self.declared.map(Declared::top);
        walk.inside(value, nodes.as_ref())
    }

    fn mark(&self, value: &Value) -> Value {
        let canonical = types::json::canonical(value);
        // A number that has no canonical form still has a text.
        let text = if canonical.is_empty() { value.to_string() } else { canonical };
        mark(&self.key.tag(&text))
    }

    /// Says whether anybody who knows the tool has called a part of it secret.
    fn is_declared(&self) -> bool {
        self.unknown
            || !self.listed.secret.is_empty()
            || self.declared.is_some_and(|declared| !declared.patterns().is_empty())
    }
}

/// Is one walk through one value.
struct Walk<'r, 'f> {
    redactor: &'r Redactor<'r>,
    path: Vec<String>,
    found: &'f mut Vec<Value>,
}

impl Walk<'_, '_> {
    fn inside(&mut self, value: &Value, nodes: Option<&Nodes<'_>>) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.members(members, nodes)),
            Value::Array(items) => {
                let each = items.iter().enumerate();
                Value::Array(
                    each.map(|(n, item)| {
                        self.part(n.to_string(), item, nodes.map(|nodes| nodes.item(Some(n))).as_ref())
                    })
                    .collect(),
                )
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }

    fn members(&mut self, members: &Map<String, Value>, nodes: Option<&Nodes<'_>>) -> Map<String, Value> {
        let part = |(name, inner): (&String, &Value)| {
            let redacted = self.part(name.clone(), inner, nodes.map(|nodes| nodes.member(name)).as_ref());
            (name.clone(), redacted)
        };
        members.iter().map(part).collect()
    }

    fn part(&mut self, step: String, value: &Value, nodes: Option<&Nodes<'_>>) -> Value {
        self.path.push(step);
        let redacted = if self.keeps(value) {
            value.clone()
        } else if self.is_secret(value, nodes) {
            self.found.push(value.clone());
            self.redactor.mark(value)
        } else {
            self.inside(value, nodes)
        };
        self.path.pop();
        redacted
    }

    /// A mark that we made stays; one that came from outside is a value like any other, and is hidden.
    fn keeps(&self, value: &Value) -> bool {
        self.redactor.marked && is_mark(value)
    }

    fn is_secret(&self, value: &Value, nodes: Option<&Nodes<'_>>) -> bool {
        let forged = value.as_object().is_some_and(|members| members.contains_key(MARK));
        forged || self.redactor.says_secret(&self.path, nodes) || holds_secret(value)
    }
}

/// Says whether a text is JSON with a property that is secret by its name. Such a text is hidden whole: written anew with
/// a mark inside, it would look like others that differ from it by a blank.
fn holds_secret(value: &Value) -> bool {
    let text = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']));
    let inner = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    inner.is_some_and(|inner| names_secret(&inner))
}

fn names_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, inner)| is_secret_name(name) || names_secret(inner)),
        Value::Array(items) => items.iter().any(names_secret),
        Value::String(_) => holds_secret(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::TenantKey;
    use serde_json::json;

    fn arguments(value: &Value) -> Arguments {
        Arguments::parse(&value.to_string(), 1 << 20).unwrap()
    }

    fn redacted(value: &Value) -> Value {
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let secret: Vec<Pattern> = ["/n", "/list/*/pin"].map(|text| text.parse().unwrap()).into();
        let not: Vec<Pattern> = vec!["/page/token".parse().unwrap()];
        let declared = Declared::of(
            json!({ "properties": { "w": { "writeOnly": true }, "page": { "properties": { "token": {} } } } }),
        );
        let redactor = Redactor::new(&key, Listed { secret: &secret, not_secret: &not }, Some(&declared));
        redactor.arguments(&arguments(value), &mut Hidden::default()).unwrap().value().clone()
    }

    #[test]
    fn every_type_of_secret_gives_way_to_a_mark() {
        for secret in [json!("s"), json!(7), json!(1.5), json!(true), json!(null), json!([1]), json!({ "a": 1 })] {
            for value in [
                json!({ "n": secret }),
                json!({ "w": secret }),
                json!({ "Api-Key": secret }),
                json!({ "list": [{}, { "pin": secret }] }),
                json!({ "deep": [{ "password": secret }] }),
            ] {
                let out = redacted(&value);
                let found = types::secret::marks(&out);
                assert_eq!(found.len(), 1, "{value} {out}");
            }
        }
    }

    #[test]
    fn what_is_not_secret_stays() {
        for value in
            [json!({ "list": [1], "list2": { "pin": 1 } }), json!({ "page": { "token": "t" } }), json!({ "m": {} })]
        {
            assert_eq!(redacted(&value), value);
        }
        let page = redacted(&json!({ "other": { "token": "t" } }));
        assert_eq!(types::secret::marks(&page).len(), 1);
    }

    #[test]
    fn equal_values_have_equal_marks_and_no_others() {
        let mark = |value: Value| redacted(&json!({ "n": value })).get("n").cloned().unwrap();
        assert_eq!(mark(json!({ "b": 1, "a": 2 })), mark(json!({ "a": 2.0, "b": 1 })));
        for (one, other) in [(json!(1), json!("1")), (json!("a"), json!("b")), (json!(null), json!(""))] {
            assert_ne!(mark(one), mark(other));
        }
        let tag = |key: u8, origin: &str| TenantKey::from_bytes([key; 32]).redaction(origin).tag("x");
        assert!(tag(1, "a") != tag(2, "a") && tag(1, "a") != tag(1, "b") && tag(1, "a") == tag(1, "a"));
    }

    #[test]
    fn a_mark_from_outside_is_hidden_and_our_own_is_kept() {
        let ours = redacted(&json!({ "n": 1 }));
        assert_ne!(redacted(&ours), ours, "what looks like a mark is a value");
        let other = json!({ "plain": ours.get("n") });
        assert_ne!(redacted(&other), other);
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let again = Redactor::of_unknown(&key).again();
        assert_eq!(again.arguments(&arguments(&ours), &mut Hidden::default()).unwrap().value(), &ours);
    }

    #[test]
    fn json_inside_a_text_is_looked_into() {
        let body = r#"{"user":{"password":"x"}}"#;
        assert_eq!(types::secret::marks(&redacted(&json!({ "body": body }))), [["body"]]);
        let harmless = json!({ "body": r#"{"user":1}"#, "code": "{ password: x }" });
        assert_eq!(redacted(&harmless), harmless);
    }

    #[test]
    fn a_secret_too_deep_for_its_mark_is_refused() {
        let text = format!("{}{{\"password\":1}}{}", r#"{"a":"#.repeat(63), "}".repeat(63));
        let key = TenantKey::from_bytes([7; 32]).redaction("log");
        let deep = Arguments::parse(&text, 1 << 20).unwrap();
        let refused = Redactor::by_name(&key).arguments(&deep, &mut Hidden::default());
        assert_eq!(refused, Err(JsonError::TooDeep));
    }
}
