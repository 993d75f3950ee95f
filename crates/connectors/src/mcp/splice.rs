//! Looking into a JSON text and replacing one value in it, every other byte untouched.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use types::JsonError;

/// Names where a request asks for progress, inside its `params`.
pub(crate) const TOKEN: [&str; 2] = ["_meta", "progressToken"];

/// Names where a stateless server says which subscription a message belongs to, inside `params` or `result`.
pub(crate) const SUBSCRIPTION: [&str; 2] = ["_meta", "io.modelcontextprotocol/subscriptionId"];

/// Returns the JSON text of the value at `path`, a chain of object members.
///
/// # Errors
///
/// [`JsonError::DuplicateKey`] if a member on the way stands twice in its object: readers would differ on which holds.
pub fn at<'a>(json: &'a str, path: &[&str]) -> Result<Option<&'a str>, JsonError> {
    let mut here = json;
    for name in path {
        match member(here, name)? {
            Some(value) => here = value,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// Returns the text at `path` as a string; `None` where there is none, or no string.
pub fn text_at(json: &str, path: &[&str]) -> Option<String> {
    at(json, path).ok().flatten().and_then(|raw| serde_json::from_str(raw).ok())
}

/// Returns `json` with the value at `path` replaced; unchanged where there is none.
///
/// # Errors
///
/// As [`at`].
pub fn replace(json: &str, path: &[&str], with: &str) -> Result<String, JsonError> {
    let Some(value) = at(json, path)? else { return Ok(json.to_owned()) };
    let span = span_of(json, value);
    let (before, after) = (json.get(..span.start).unwrap_or_default(), json.get(span.end..).unwrap_or_default());
    Ok([before, with, after].concat())
}

// `value` is a slice of `json`, so its place follows from where the two begin.
fn span_of(json: &str, value: &str) -> Range<usize> {
    let start = value.as_ptr().addr().saturating_sub(json.as_ptr().addr());
    start..start + value.len()
}

fn member<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>, JsonError> {
    if !json.trim_start().starts_with('{') {
        return Ok(None);
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    Seek(name).deserialize(&mut reader).map_err(|error| {
        if error.is_data() { JsonError::DuplicateKey(name.to_owned()) } else { JsonError::Malformed(error.to_string()) }
    })
}

struct Seek<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<&'de str>;
    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value::<&'de RawValue>()?.get()).is_some() {
                return Err(A::Error::custom("a key appears twice"));
            }
        }
        Ok(found)
    }
}

/// Splits an array into the JSON texts of its items; `None` if it is no array.
pub(crate) fn items(json: &str) -> Option<Vec<String>> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(items.into_iter().map(|item| item.get().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_replaced_and_the_rest_keeps_its_bytes() {
        let json = r#"{ "z":1.0, "_meta" : {"a":[1, 2],"progressToken":  "p\u0031", "x":{}} ,"b":"\/"}"#;
        assert_eq!(at(json, &TOKEN), Ok(Some(r#""p\u0031""#)));
        let expected = r#"{ "z":1.0, "_meta" : {"a":[1, 2],"progressToken":  77, "x":{}} ,"b":"\/"}"#;
        assert_eq!(replace(json, &TOKEN, "77").unwrap(), expected);
    }

    #[test]
    fn what_is_not_there_changes_nothing() {
        for json in ["{}", "[1]", "3", r#"{"_meta":null}"#, r#"{"_meta":{"progresstoken":1}}"#] {
            assert_eq!(replace(json, &TOKEN, "77").unwrap(), json);
        }
    }

    #[test]
    fn an_escaped_name_is_found_and_a_second_one_refused() {
        assert_eq!(at(r#"{"_meta":{"progress\u0054oken":5}}"#, &TOKEN), Ok(Some("5")));
        let twice = r#"{"_meta":{"progressToken":5,"progress\u0054oken":6}}"#;
        assert_eq!(at(twice, &TOKEN), Err(JsonError::DuplicateKey("progressToken".into())));
    }

    proptest::proptest! {
        #[test]
        fn replacing_and_putting_back_is_the_identity(token: u32, other in "\\PC{0,20}") {
            let json = serde_json::json!({ "a": other, "_meta": { "progressToken": token, other.clone(): 1 } }).to_string();
            let away = replace(&json, &TOKEN, "\"elsewhere\"").unwrap();
            proptest::prop_assert_eq!(replace(&away, &TOKEN, &token.to_string()).unwrap(), json);
        }
    }
}
