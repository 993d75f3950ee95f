//! Where the arguments of two calls differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// Is how many places are named of one pair.
const POINTERS_MAX: usize = 100;

/// Returns the JSON Pointers (RFC 6901) of the smallest parts in which two values differ, in order; the first 100 of them.
///
/// What only one of the two has is named by its own place.
pub fn differing(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(one, other, &mut String::new(), &mut found);
    found.truncate(POINTERS_MAX);
    found
}

fn walk(one: &Value, other: &Value, at: &mut String, found: &mut Vec<String>) {
    if one == other || found.len() >= POINTERS_MAX {
        return;
    }
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let token = name.replace('~', "~0").replace('/', "~1");
                below(&token, (a.get(name), b.get(name)), at, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for place in 0..a.len().max(b.len()) {
                below(&place.to_string(), (a.get(place), b.get(place)), at, found);
            }
        }
        _ => found.push(at.clone()),
    }
}

fn below(token: &str, pair: (Option<&Value>, Option<&Value>), at: &mut String, found: &mut Vec<String>) {
    let length = at.len();
    at.push('/');
    at.push_str(token);
    match pair {
        (Some(one), Some(other)) => walk(one, other, at, found),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => found.push(at.clone()),
    }
    at.truncate(length);
}

/// Lists the numbers in a value with their pointers.
pub(super) fn numbers(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(value, &mut String::new(), &mut found);
    found
}

fn collect(value: &Value, at: &mut String, found: &mut Vec<(String, String)>) {
    let mut each = |token: String, inner: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&token);
        collect(inner, at, found);
        at.truncate(length);
    };
    match value {
        Value::Number(number) => found.push((at.clone(), number.to_string())),
        Value::Object(map) => {
            map.iter().for_each(|(name, inner)| each(name.replace('~', "~0").replace('/', "~1"), inner));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(place, inner)| each(place.to_string(), inner)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_smallest_parts_are_named() {
        let one = json!({ "a": 1, "b": { "c": [1, 2, 3], "x/y": "p", "~": 0 }, "same": [1] });
        let other = json!({ "a": 2, "b": { "c": [1, 5], "x/y": "q", "~": 1 }, "same": [1], "new": null });
        assert_eq!(differing(&one, &other), ["/a", "/b/c/1", "/b/c/2", "/b/x~1y", "/b/~0", "/new"]);
        assert_eq!(differing(&one, &one), [""; 0]);
        assert_eq!(differing(&json!(1), &json!("1")), [""]);
        assert_eq!(differing(&json!({ "a": {} }), &json!({ "a": [] })), ["/a"]);
    }

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let value = json!({ "n": 3, "list": [1, { "m/x": 2.5 }], "t": "4" });
        let expected = [("/n", "3"), ("/list/0", "1"), ("/list/1/m~1x", "2.5")];
        assert_eq!(numbers(&value), expected.map(|(at, text)| (at.to_owned(), text.to_owned())));
    }
}
