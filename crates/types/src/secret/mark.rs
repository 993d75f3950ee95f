//! The mark that stands in the place of a secret: `{"$redacted": "hmac-sha256:…"}`.

use serde_json::{Map, Value};

use crate::Digest;

/// Is the one member of a mark. Arguments that bring a member of that name are refused, so that a mark is always ours.
pub const MARK: &str = "$redacted";

/// Stands for a secret inside a text, where no object can.
pub const ROOM: &str = "[redacted]";

const KIND: &str = "hmac-sha256:";

/// Writes a mark.
///
/// - `tag`: the keyed digest of the value that was there; equal values have equal tags.
pub fn mark(tag: &Digest) -> Value {
    let mut object = Map::new();
    object.insert(MARK.to_owned(), Value::String(format!("{KIND}{tag}")));
    Value::Object(object)
}

/// Says whether a value is exactly a mark.
pub fn is_mark(value: &Value) -> bool {
    let Some(object) = value.as_object().filter(|object| object.len() == 1) else { return false };
    let tag = object.get(MARK).and_then(Value::as_str).and_then(|text| text.strip_prefix(KIND));
    tag.is_some_and(|tag| Digest::from_hex(tag).is_some())
}

/// Returns where in a value marks stand, each as the names and positions that lead there, in order.
pub fn marks(value: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    find(value, &mut Vec::new(), &mut found);
    found
}

fn find(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut into = |step: String, inner: &Value| {
        path.push(step);
        find(inner, path, found);
        path.pop();
    };
    match value {
        Value::Object(_) if is_mark(value) => found.push(path.clone()),
        Value::Object(members) => members.iter().for_each(|(name, inner)| into(name.clone(), inner)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, inner)| into(n.to_string(), inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes a path as a JSON Pointer (RFC 6901).
pub fn pointer(path: &[String]) -> String {
    path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mark_is_known_and_nothing_like_it_is() {
        let real = mark(&Digest::plain(b"x"));
        assert!(is_mark(&real));
        let tag = real.get(MARK).unwrap();
        for other in [
            json!({}),
            json!({ MARK: true }),
            json!({ MARK: "hmac-sha256:00" }),
            json!({ MARK: tag, "more": 1 }),
            json!([tag]),
            json!({ "redacted": tag }),
        ] {
            assert!(!is_mark(&other), "{other}");
        }
        let around = json!({ "a": [1, real], "b/c": { "d~": real } });
        let found: Vec<String> = marks(&around).iter().map(|path| pointer(path)).collect();
        assert_eq!(found, ["/a/1", "/b~1c/d~0"]);
    }
}
