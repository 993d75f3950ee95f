//! Values as a caller gave them, kept to be shown again in a refusal: their JSON, their Python form, their type's name.

use std::collections::HashMap;

use crate::python;

mod read;

pub use read::DEPTH_MAX;

/// Is a JSON value whose numbers stay texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Is `null`, and what was not given at all.
    Null,
    /// Is `true` or `false`.
    Bool(bool),
    /// Is a number without point and exponent, as it was written.
    Integer(String),
    /// Is any other number, as it was written.
    Float(String),
    /// Is a text.
    Text(String),
    /// Is an array.
    List(Vec<Given>),
    /// Is an object, its members in the order given; the last of equal names counts.
    Map(Vec<(String, Given)>),
}

impl Given {
    /// Reads a JSON text; `None` if it is none, or nests deeper than [`DEPTH_MAX`] levels.
    ///
    /// As Python's reader it takes `NaN`, `Infinity` and `-Infinity`, and keeps the last of equal names.
    pub fn read(json: &str) -> Option<Self> {
        read::value(json, DEPTH_MAX)
    }

    /// Reads a JSON text as [`Self::read`] does, that nests at most so deep.
    pub(crate) fn read_within(json: &str, depth_max: usize) -> Option<Self> {
        read::value(json, depth_max)
    }

    /// Writes it as `json.dumps(value, sort_keys=True, separators=(",", ":"))` does: ASCII, names in order.
    pub fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(text) => python::integer(text).unwrap_or_else(|| text.clone()),
            Self::Float(text) => match python::float(text).as_str() {
                "nan" => "NaN".to_owned(),
                "inf" => "Infinity".to_owned(),
                "-inf" => "-Infinity".to_owned(),
                number => number.to_owned(),
            },
            Self::Text(text) => json_text(text),
            Self::List(values) => format!("[{}]", joined(values, ",", Self::json)),
            Self::Map(members) => {
                let mut sorted: Vec<&(String, Self)> = members.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                format!("{{{}}}", joined(sorted, ",", |(name, value)| format!("{}:{}", json_text(name), value.json())))
            }
        }
    }

    /// Writes a float down, in the shortest form that reads as the same one.
    pub(crate) fn of_float(value: f64) -> Self {
        Self::Float(if value.is_nan() { "NaN".to_owned() } else { python::float(&format!("{value:e}")) })
    }

    /// Makes floats of all numbers, as they become on their way through protobuf.
    pub fn with_floats(self) -> Self {
        match self {
            Self::Integer(text) | Self::Float(text) => Self::Float(python::float(&text)),
            Self::List(values) => Self::List(values.into_iter().map(Self::with_floats).collect()),
            Self::Map(members) => {
                Self::Map(members.into_iter().map(|(name, value)| (name, value.with_floats())).collect())
            }
            other => other,
        }
    }

    /// Makes an object of members; the last of equal names counts, at the place of the first.
    pub(crate) fn of_members(all: Vec<(String, Self)>) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut members: Vec<(String, Self)> = Vec::with_capacity(all.len());
        for (name, value) in all {
            match places.get(&name).and_then(|at| members.get_mut(*at)) {
                Some((_, earlier)) => *earlier = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
        }
        Self::Map(members)
    }

    /// Writes it as `json.dumps(value, ensure_ascii=False)` does: with blanks, names as they stand.
    pub fn dumped(&self) -> String {
        self.dumped_with(plain_text)
    }

    /// Writes it as `json.dumps(value)` does: as [`Self::dumped`], in ASCII.
    pub fn dumped_in_ascii(&self) -> String {
        self.dumped_with(json_text)
    }

    fn dumped_with(&self, text: fn(&str) -> String) -> String {
        match self {
            Self::Text(value) => text(value),
            Self::List(values) => format!("[{}]", joined(values, ", ", |value| value.dumped_with(text))),
            Self::Map(members) => {
                let member = |(name, value): &(String, Self)| format!("{}: {}", text(name), value.dumped_with(text));
                format!("{{{}}}", joined(members, ", ", member))
            }
            value => value.json(),
        }
    }

    /// Writes it as `repr` does.
    pub(crate) fn python(&self) -> String {
        match self {
            Self::Null => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Integer(text) => python::integer(text).unwrap_or_else(|| text.clone()),
            Self::Float(text) => python::float(text),
            Self::Text(text) => python::text(text),
            Self::List(values) => format!("[{}]", joined(values, ", ", Self::python)),
            Self::Map(members) => {
                let member = |(name, value): &(String, Self)| format!("{}: {}", python::text(name), value.python());
                format!("{{{}}}", joined(members, ", ", member))
            }
        }
    }

    /// Writes it as `str` does: a text as it is, all else as `repr`.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            value => value.python(),
        }
    }

    /// Returns the name of its type in Python.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Map(_) => "dict",
        }
    }

    /// Returns the member of an object; `None` where it has none, and for what is no object.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

fn joined<T>(values: impl IntoIterator<Item = T>, by: &str, write: impl Fn(T) -> String) -> String {
    values.into_iter().map(write).collect::<Vec<_>>().join(by)
}

/// Writes a text as JSON, what is beyond ASCII as it is.
fn plain_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    let mut rest = text;
    while let Some((before, c, behind)) = at_escape(rest) {
        json.push_str(before);
        match escape(c) {
            Some(escape) => json.push_str(escape),
            None => json.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
        rest = behind;
    }
    json.push_str(rest);
    json.push('"');
    json
}

/// Cuts a text at the first character that cannot stand in JSON as it is.
fn at_escape(text: &str) -> Option<(&str, char, &str)> {
    let at = text.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\')?;
    let (before, from) = text.split_at_checked(at)?;
    let mut chars = from.chars();
    Some((before, chars.next()?, chars.as_str()))
}

fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        _ => return None,
    })
}

/// Writes a text as JSON in ASCII, what is beyond as `\u` escapes in UTF-16.
fn json_text(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            c if escape(c).is_some() => json.push_str(escape(c).unwrap_or_default()),
            ' '..='~' => json.push(c),
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| json.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_in_both_forms() {
        let read = Given::read(r#" {"b": [1, 1.50, true, null], "a": "ä\n𝄞", "b": -0} "#).unwrap();
        assert_eq!(read.json(), "{\"a\":\"\\u00e4\\n\\ud834\\udd1e\",\"b\":0}");
        assert_eq!(read.python(), "{'b': 0, 'a': 'ä\\n𝄞'}");
        assert_eq!(read.dumped(), "{\"b\": 0, \"a\": \"ä\\n𝄞\"}");
        assert_eq!(read.dumped_in_ascii(), "{\"b\": 0, \"a\": \"\\u00e4\\n\\ud834\\udd1e\"}");
        assert_eq!(Given::Text("\u{1}\u{7f}\u{8}".to_owned()).dumped(), "\"\\u0001\u{7f}\\b\"");
        assert_eq!(Given::read("[1.50, NaN, false, null]").unwrap().python(), "[1.5, nan, False, None]");
    }
}
