//! Arguments that a stateless request repeats in `Mcp-Param-*` headers, because the tool's schema asks for it.
//!
//! The body is the source of truth: headers are written from the arguments, and what a client sent is only compared.

use serde_json::Value;

use super::header::{decode, encode};

const PREFIX: &str = "mcp-param-";

/// Is the largest integer that every reader of a header reads alike.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// Is one argument that is repeated in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    /// The header's name in lower case.
    header: String,
    /// The members that lead to the argument, from the root.
    path: Vec<String>,
}

/// Holds the arguments of one tool that are repeated in headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(Vec<Mirror>);

impl Mirrors {
    /// Reads them from a tool as its server lists it; a tool whose annotations are not valid has none.
    ///
    /// - `tool_json`: the tool object, JSON text.
    pub fn of_tool(tool_json: &str) -> Self {
        let tool: Value = serde_json::from_str(tool_json).unwrap_or_default();
        let mut found = Vec::new();
        let sound = tool.get("inputSchema").is_none_or(|schema| collect(schema, &mut Vec::new(), &mut found));
        Self(if sound { found } else { Vec::new() })
    }

    /// Writes the headers that repeat these arguments. An argument that is absent or `null` has none.
    pub fn headers(&self, arguments: &Value) -> Vec<(String, String)> {
        let written = self.0.iter().map(|mirror| Some((mirror.header.clone(), encode(&mirror.text(arguments)?))));
        written.flatten().collect()
    }

    /// Compares the headers a client sent with the arguments. Headers that no schema asks for do not count.
    ///
    /// # Errors
    ///
    /// The name of the first header that is absent, stands twice, cannot be read or says something else.
    pub fn compare(&self, arguments: &Value, sent: &[(String, String)]) -> Result<(), String> {
        for mirror in &self.0 {
            let mut held = sent.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&mirror.header));
            let first = held.next().map(|(_, value)| value.as_str());
            let agrees = match (mirror.text(arguments), first) {
                (None, None) => true,
                (Some(expected), Some(value)) => {
                    decode(value.trim_matches([' ', '\t'])).is_some_and(|said| same(&expected, &said))
                }
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !agrees || held.next().is_some() {
                return Err(mirror.header.clone());
            }
        }
        Ok(())
    }
}

impl Mirror {
    fn text(&self, arguments: &Value) -> Option<String> {
        let value = self.path.iter().try_fold(arguments, |value, name| value.get(name))?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Numbers are the same if they are equal, whatever their spelling.
fn same(expected: &str, said: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.abs() <= INTEGER_MAX);
    expected == said || number(expected).zip(number(said)).is_some_and(|(a, b)| a == b)
}

/// Collects the annotations reachable through `properties` alone; `false` if one of them is not valid.
fn collect(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Mirror>) -> bool {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return true };
    for (name, property) in properties {
        path.push(name.clone());
        let sound = match property.get("x-mcp-header") {
            None => true,
            Some(wanted) => annotate(wanted, property, path, found),
        };
        if !sound || !collect(property, path, found) {
            return false;
        }
        path.pop();
    }
    true
}

fn annotate(wanted: &Value, property: &Value, path: &[String], found: &mut Vec<Mirror>) -> bool {
    let scalar = property.get("type").and_then(Value::as_str);
    let Some(name) = wanted.as_str().filter(|name| is_token(name)) else { return false };
    let header = format!("{PREFIX}{}", name.to_ascii_lowercase());
    let taken = found.iter().any(|mirror| mirror.header == header);
    if taken || !matches!(scalar, Some("string" | "integer" | "boolean" | "number")) {
        return false;
    }
    found.push(Mirror { header, path: path.to_vec() });
    true
}

/// Says whether a text is a token of RFC 9110.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mirrors(properties: &Value) -> Mirrors {
        Mirrors::of_tool(
            &json!({ "name": "t", "inputSchema": { "type": "object", "properties": properties } }).to_string(),
        )
    }

    #[test]
    fn headers_repeat_what_the_arguments_say() {
        let mirrors = mirrors(&json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "deep": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
            "quiet": { "type": "boolean", "x-mcp-header": "Quiet" },
        }));
        let mut headers = mirrors.headers(&json!({ "region": "世", "deep": { "n": 42 }, "quiet": null }));
        headers.sort();
        let expected = [("mcp-param-n", "42"), ("mcp-param-region", "=?base64?5LiW?=")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_header_that_says_something_else_is_named() {
        let mirrors = mirrors(&json!({ "n": { "type": "integer", "x-mcp-header": "N" } }));
        let sent = |value: &str| vec![("Mcp-Param-N".to_owned(), value.to_owned()), ("mcp-param-x".into(), "y".into())];
        for (arguments, headers, agrees) in [
            (json!({ "n": 42 }), sent("42"), true),
            (json!({ "n": 42 }), sent(" 42.0 "), true),
            (json!({ "n": 42 }), sent("=?base64?NDI=?="), true),
            (json!({ "n": 42 }), sent("43"), false),
            (json!({ "n": 42 }), sent("=?base64?*?="), false),
            (json!({ "n": 42 }), Vec::new(), false),
            (json!({ "n": 42 }), [sent("42"), sent("42")].concat(), false),
            (json!({}), sent("42"), false),
            (json!({}), Vec::new(), true),
        ] {
            assert_eq!(mirrors.compare(&arguments, &headers).is_ok(), agrees, "{arguments} {headers:?}");
        }
    }

    #[test]
    fn annotations_that_are_not_valid_ask_for_nothing() {
        for properties in [
            json!({ "a": { "type": "string", "x-mcp-header": "" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "a b" } }),
            json!({ "a": { "type": "object", "x-mcp-header": "A" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "A" }, "b": { "type": "string", "x-mcp-header": "a" } }),
        ] {
            assert_eq!(mirrors(&properties), Mirrors::default(), "{properties}");
        }
        assert_eq!(
            mirrors(&json!({ "a": { "items": { "type": "string", "x-mcp-header": "A" } } })),
            Mirrors::default()
        );
    }
}
