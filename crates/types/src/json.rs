//! JSON from outside, parsed once and strictly, carried in canonical form (RFC 8785) from then on.
//!
//! Two parsers that disagree about a text are an attack: one decides, the other executes. So a
//! duplicate key, a number that a double cannot hold exactly as an integer, and nesting beyond 64
//! levels are refused here, and the canonical bytes that were digested are the bytes that are forwarded.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Limits nesting of arrays and objects.
pub const DEPTH_MAX: usize = 64;

/// Is the largest integer magnitude every JSON reader agrees on: 2^53 - 1.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Says why a text is refused as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("not valid JSON: {0}")]
    Malformed(String),
    /// An object names a key twice.
    #[error("the key `{0}` appears twice in one object")]
    DuplicateKey(String),
    /// A number's magnitude exceeds 2^53 - 1, where readers start to disagree.
    #[error("the number `{0}` is too large to mean the same to every reader")]
    UnsafeNumber(String),
    /// Arrays and objects nest deeper than 64 levels.
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// The text is longer than the caller allows.
    #[error("{bytes} bytes long, at most {bytes_max} are accepted")]
    TooLarge {
        /// The length of the text.
        bytes: usize,
        /// The caller's limit.
        bytes_max: usize,
    },
    /// The value must be an object.
    #[error("arguments must be a JSON object")]
    NotAnObject,
}

impl JsonError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> crate::Code {
        match self {
            Self::Malformed(_) | Self::NotAnObject => crate::Code::JsonMalformed,
            Self::DuplicateKey(_) => crate::Code::JsonDuplicateKey,
            Self::UnsafeNumber(_) => crate::Code::JsonUnsafeNumber,
            Self::TooDeep => crate::Code::JsonTooDeep,
            Self::TooLarge { .. } => crate::Code::PayloadTooLarge,
        }
    }
}

// serde carries only a text through a visitor's error, so a strict refusal travels with a mark in front.
const DUPLICATE: &str = "\u{1}duplicate\u{1}";
const UNSAFE: &str = "\u{1}unsafe\u{1}";
const DEEP: &str = "\u{1}deep\u{1}";

fn from_serde(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let tail = |mark: &str| {
        text.split_once(mark).map(|(_, rest)| rest.rsplit_once("\u{1}").map_or(rest, |(name, _)| name).to_owned())
    };
    if let Some(key) = tail(DUPLICATE) {
        JsonError::DuplicateKey(key)
    } else if let Some(number) = tail(UNSAFE) {
        JsonError::UnsafeNumber(number)
    } else if text.contains(DEEP) || text.contains("recursion limit") {
        JsonError::TooDeep
    } else {
        JsonError::Malformed(text)
    }
}

/// Parses a JSON text strictly.
///
/// # Errors
///
/// A [`JsonError`] other than [`JsonError::TooLarge`] and [`JsonError::NotAnObject`], as described there.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|e| from_serde(&e))?;
    reader.end().map_err(|e| from_serde(&e))?;
    Ok(value)
}

/// Writes a value in canonical form (RFC 8785).
pub fn canonical(value: &Value) -> String {
    // A `Value` has string keys and finite numbers only, so canonicalisation cannot fail.
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format!("{DEEP}\u{1}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

fn unsafe_number<E: serde::de::Error>(number: impl fmt::Display) -> E {
    E::custom(format!("{UNSAFE}{number}\u{1}"))
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        if v > SAFE_INTEGER_MAX { Err(unsafe_number(v)) } else { Ok(Value::Number(v.into())) }
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Value, E> {
        if v.unsigned_abs() > SAFE_INTEGER_MAX { Err(unsafe_number(v)) } else { Ok(Value::Number(v.into())) }
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact in a double")]
        let limit = SAFE_INTEGER_MAX as f64;
        match Number::from_f64(v) {
            // Written `1.0` or `1`, it is one number: the canonical form has the second, and so has the value.
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
            Some(_) if v.abs() <= limit && v.fract() == 0.0 => Ok(Value::Number((v as i64).into())),
            Some(number) if v.abs() <= limit => Ok(Value::Number(number)),
            _ => Err(unsafe_number(v)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.deeper()?)?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("{DUPLICATE}{key}\u{1}")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Holds the arguments of one action: a JSON object, parsed once, with its canonical text.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    canonical: String,
    value: Value,
}

impl Arguments {
    /// Parses arguments strictly and puts them into canonical form.
    ///
    /// - `bytes_max`: the longest text accepted, in bytes.
    ///
    /// # Errors
    ///
    /// [`JsonError::TooLarge`], [`JsonError::NotAnObject`], or what [`parse`] refuses.
    pub fn parse(text: &str, bytes_max: usize) -> Result<Self, JsonError> {
        if text.len() > bytes_max {
            return Err(JsonError::TooLarge { bytes: text.len(), bytes_max });
        }
        Self::from_value(parse(text)?)
    }

    fn from_value(value: Value) -> Result<Self, JsonError> {
        if !value.is_object() {
            return Err(JsonError::NotAnObject);
        }
        Ok(Self { canonical: canonical(&value), value })
    }

    /// Returns the empty object.
    pub fn empty() -> Self {
        Self { canonical: "{}".to_owned(), value: Value::Object(Map::new()) }
    }

    /// Returns the canonical text: the bytes that are digested and forwarded.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Returns the parsed object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the value at a JSON Pointer (RFC 6901).
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }
}

impl<C> minicbor::Encode<C> for Arguments {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.canonical)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Arguments {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?, usize::MAX).map_err(|e| minicbor::decode::Error::message(e.to_string()))
    }
}

impl serde::Serialize for Arguments {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(s)
    }
}

impl<'de> serde::Deserialize<'de> for Arguments {
    /// Reads an object that has passed a strict parser already, such as our own records.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Strict { depth: 0 }.deserialize(d)?;
        Self::from_value(value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> JsonError {
        Arguments::parse(text, 1 << 20).unwrap_err()
    }

    #[test]
    fn canonical_form_sorts_keys_and_drops_blanks() {
        let arguments = Arguments::parse(r#" {"b": 1.0, "a": "ä", "€": [true, null]} "#, 1 << 20).unwrap();
        assert_eq!(arguments.canonical(), r#"{"a":"ä","b":1,"€":[true,null]}"#);
    }

    #[test]
    fn the_value_is_that_of_the_canonical_text() {
        for text in [r#"{"a":1.0,"b":-0.0,"c":2e3}"#, r#"{"a":1.5,"b":1e-400}"#, r#"{"a":-9007199254740991.0}"#] {
            let once = Arguments::parse(text, 1 << 20).unwrap();
            assert_eq!(Arguments::parse(once.canonical(), 1 << 20).unwrap().value(), once.value(), "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        assert_eq!(refused(r#"{"a":1,"a":2}"#), JsonError::DuplicateKey("a".into()));
        assert_eq!(refused(r#"{"x":{"a":1,"\u0061":2}}"#), JsonError::DuplicateKey("a".into()));
        assert_eq!(refused(r#"{"a":9007199254740992}"#), JsonError::UnsafeNumber("9007199254740992".into()));
        assert!(matches!(refused(r#"{"a":1e300}"#), JsonError::UnsafeNumber(_)));
        assert!(matches!(refused(r#"{"a":1e999}"#), JsonError::Malformed(_)));
        assert_eq!(refused(&format!(r#"{{"a":{}{}}}"#, "[".repeat(65), "]".repeat(65))), JsonError::TooDeep);
        assert_eq!(refused("[1]"), JsonError::NotAnObject);
        assert!(matches!(refused(r#"{"a":1} x"#), JsonError::Malformed(_)));
        assert!(matches!(refused(r#"{"a":"\ud800"}"#), JsonError::Malformed(_)));
    }

    #[test]
    fn a_key_that_looks_like_a_mark_is_still_a_duplicate_of_itself() {
        assert_eq!(
            refused("{\"\\u0001unsafe\\u0001\":1,\"\\u0001unsafe\\u0001\":2}").code(),
            crate::Code::JsonDuplicateKey
        );
    }

    #[test]
    fn too_large_is_refused_before_parsing() {
        assert_eq!(Arguments::parse("{}x", 2).unwrap_err(), JsonError::TooLarge { bytes: 3, bytes_max: 2 });
    }

    proptest::proptest! {
        #[test]
        fn canonical_text_is_a_fixed_point(text in "\\PC{0,40}") {
            let value = serde_json::json!({ "k": text });
            let once = Arguments::parse(&value.to_string(), 1 << 20).unwrap();
            let twice = Arguments::parse(once.canonical(), 1 << 20).unwrap();
            proptest::prop_assert_eq!(once.canonical(), twice.canonical());
        }
    }
}
