//! A JSON document, read member by member: each part is checked where it is asked for, and stays the text that it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{DEPTH_MAX, NAME_BYTES_MAX, Refusal};

pub(crate) type Read<T> = Result<T, Refusal>;

/// Reads a text as one JSON value.
pub(crate) fn document(text: &str) -> Read<&RawValue> {
    if is_too_deep(text) {
        return Err(Refusal::TooDeep);
    }
    serde_json::from_str(text).map_err(|error| Refusal::Malformed(error.to_string()))
}

/// Says whether arrays and objects nest too deeply; what is no JSON is found elsewhere.
fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// Returns a JSON text without the white space between its parts, so that the same event is the same text however it was laid out.
pub fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        quoted || !matches!(c, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(keep).collect()
}

/// Is an object, its members in the order given.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taken;

        impl<'de> Visitor<'de> for Taken {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Taken).map(Self)
    }
}

impl<'a> Members<'a> {
    /// Reads an object.
    pub(crate) fn of(raw: &'a RawValue) -> Read<Self> {
        let members: Self = serde_json::from_str(raw.get()).map_err(|_| Refusal::here("an object is expected"))?;
        let mut names: Vec<&str> = members.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [one, next] if one == next => Some((*one).to_owned()),
            _ => None,
        });
        match twice {
            Some(key) => Err(Refusal::Twice { place: String::new(), key }),
            None => Ok(members),
        }
    }

    /// Reads a member; nothing if it is missing or `null`.
    pub(crate) fn some<T>(&self, name: &str, read: impl FnOnce(&'a RawValue) -> Read<T>) -> Read<Option<T>> {
        let raw = self.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw);
        let raw = raw.filter(|raw| raw.get() != "null");
        raw.map(read).transpose().map_err(|refusal| refusal.within(name))
    }

    /// Reads a member that must be there.
    pub(crate) fn need<T>(&self, name: &str, read: impl FnOnce(&'a RawValue) -> Read<T>) -> Read<T> {
        self.some(name, read)?.ok_or_else(|| Refusal::here("it is required and missing").within(name))
    }

    /// Reads the elements of a list; none if it is missing.
    pub(crate) fn each<T>(&self, name: &str, read: impl Fn(&'a RawValue) -> Read<T>) -> Read<Vec<T>> {
        Ok(self.some(name, |raw| list(raw, read))?.unwrap_or_default())
    }

    /// Reads the members of an object by their names; none if it is missing. Those that are `null` are passed over.
    pub(crate) fn named<T>(&self, name: &str, read: impl Fn(&str, &'a RawValue) -> Read<T>) -> Read<Vec<T>> {
        Ok(self.some(name, |raw| named(raw, read))?.unwrap_or_default())
    }

    /// Says whether a member is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, raw)| known == name && raw.get() != "null")
    }
}

/// Reads a list.
pub(crate) fn list<'a, T>(raw: &'a RawValue, read: impl Fn(&'a RawValue) -> Read<T>) -> Read<Vec<T>> {
    let elements: Vec<&'a RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| Refusal::here("a list is expected"))?;
    let element = |(n, raw)| read(raw).map_err(|refusal| refusal.within(&format!("[{n}]")));
    elements.into_iter().enumerate().map(element).collect()
}

fn named<'a, T>(raw: &'a RawValue, read: impl Fn(&str, &'a RawValue) -> Read<T>) -> Read<Vec<T>> {
    let members = Members::of(raw)?;
    let given = members.0.iter().filter(|(_, raw)| raw.get() != "null");
    given.map(|(name, raw)| read(name, raw).map_err(|refusal| refusal.within(name))).collect()
}

/// Reads a text.
pub(crate) fn text(raw: &RawValue) -> Read<String> {
    serde_json::from_str(raw.get()).map_err(|_| Refusal::here("a text is expected"))
}

/// Reads the name of something: a text that is not empty, has no control characters, and is not too long.
pub(crate) fn name(raw: &RawValue) -> Read<String> {
    let text = text(raw)?;
    check_name(&text)?;
    Ok(text)
}

/// Checks the name of something.
pub(crate) fn check_name(text: &str) -> Read<()> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(Refusal::here("a name of 1 to 2048 bytes without control characters is expected"));
    }
    Ok(())
}

/// Reads `true` or `false`.
pub(crate) fn flag(raw: &RawValue) -> Read<bool> {
    serde_json::from_str(raw.get()).map_err(|_| Refusal::here("`true` or `false` is expected"))
}
