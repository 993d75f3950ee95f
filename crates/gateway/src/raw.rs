//! JSON objects taken apart one level deep, so that one member changes and the others keep their bytes.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Is a JSON object whose members keep their exact text and order.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawObject {
    members: Vec<(String, Box<RawValue>)>,
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RawObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut object = RawObject::default();
                let mut seen = std::collections::HashSet::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom("a key appears twice"));
                    }
                    object.members.push((key, value));
                }
                Ok(object)
            }
        }
        d.deserialize_map(Reader)
    }
}

impl RawObject {
    /// Reads an object; `None` for anything else and for one that names a key twice, because two readers
    /// would disagree about it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the text of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// Returns a member that is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|text| serde_json::from_str(text).ok())
    }

    /// Returns a member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::parse)
    }

    /// Sets a member to a JSON text, in its place if it is there already.
    ///
    /// A text that is not JSON changes nothing: the callers pass what they just serialised.
    pub(crate) fn set(&mut self, name: &str, json: &str) {
        let Ok(raw) = RawValue::from_string(json.to_owned()) else { return };
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, value)) => *value = raw,
            None => self.members.push((name.to_owned(), raw)),
        }
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.remove(at).1.get().to_owned())
    }

    /// Keeps the members whose name passes, and says whether any went.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> bool {
        let before = self.members.len();
        self.members.retain(|(key, _)| keep(key));
        before != self.members.len()
    }

    /// Lists the members in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(key, value)| (key.as_str(), value.get()))
    }

    /// Says whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Writes the object.
    pub(crate) fn text(&self) -> String {
        let members: Vec<String> = self.iter().map(|(key, value)| format!("{}:{value}", quote(key))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// Writes a text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Reads the elements of an array, each with its exact text.
pub(crate) fn elements(text: &str) -> Option<Vec<String>> {
    let raw: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
    Some(raw.into_iter().map(|value| value.get().to_owned()).collect())
}

/// Puts a JSON text on one line. Line breaks are blanks between tokens: inside a string they are escaped.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_changes_and_the_others_keep_their_bytes() {
        let mut object = RawObject::parse(r#"{ "a": 1.0 , "b":{"x" :1e2}, "c":"\u0041"}"#).unwrap();
        object.set("b", "true");
        assert_eq!(object.text(), r#"{"a":1.0,"b":true,"c":"\u0041"}"#);
        assert_eq!(object.remove("a").as_deref(), Some("1.0"));
        assert_eq!(object.string("c").as_deref(), Some("A"));
    }

    #[test]
    fn an_object_that_readers_disagree_about_is_refused() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, "[]", "1", "{"] {
            assert!(RawObject::parse(text).is_none(), "{text}");
        }
    }
}
