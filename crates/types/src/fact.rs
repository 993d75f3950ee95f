//! Facts: the typed values a decision read, each with its source and age.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Millis;

/// Names a fact, such as `switch.tenant` or `resource.env`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactName(Cow<'static, str>);

impl FactName {
    /// Names a fact that the product itself knows.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Names a fact whose name comes from a bundle, such as an inventory attribute.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for FactName {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.as_str(), other.as_str())
    }
}

impl PartialOrd for FactName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares names as texts. A decision does that a thousand times, and the first eight bytes mostly tell names apart.
fn order(one: &str, other: &str) -> Ordering {
    head(one).cmp(&head(other)).then_with(|| one.cmp(other))
}

/// Returns the first eight bytes as a number; bytes that are not there count as zero, which comes before any other.
fn head(name: &str) -> u64 {
    let bytes = name.as_bytes();
    match bytes.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => bytes.iter().enumerate().fold(0, |head, (place, byte)| head | u64::from(*byte) << (56 - 8 * place)),
    }
}

impl fmt::Debug for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for FactName {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for FactName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self::new(d.str()?))
    }
}

/// Is the value of a fact. There are no floats: ratios are basis points, money is minor units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// A yes or no.
    #[n(0)]
    Bool(#[n(0)] bool),
    /// A whole number; its unit is part of the fact's name.
    #[n(1)]
    Int(#[n(0)] i64),
    /// An identifier or a short text.
    #[n(2)]
    Text(#[n(0)] String),
    /// Several identifiers, sorted.
    #[n(3)]
    List(#[n(0)] Vec<String>),
}

impl From<bool> for FactValue {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<i64> for FactValue {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<&str> for FactValue {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl From<String> for FactValue {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
            Self::List(v) => write!(f, "[{}]", v.join(", ")),
        }
    }
}

/// Is one value that a decision read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Fact {
    /// What the value is of.
    #[n(0)]
    pub name: FactName,
    /// The value.
    #[n(1)]
    pub value: FactValue,
    /// Where it came from: `switches`, `grants`, `inventory:services`, `bundle`, `proposal` …
    #[n(2)]
    pub source: Cow<'static, str>,
    /// When the source held it.
    #[n(3)]
    pub at: Millis,
}

/// Is the whole vector of facts of one decision, sorted by name, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Facts(#[n(0)] Vec<Fact>);

impl Facts {
    /// Returns an empty vector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty vector with room for `count` facts.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Puts a fact in its place; a fact of the same name is replaced.
    pub fn set(
        &mut self,
        name: FactName,
        value: impl Into<FactValue>,
        source: impl Into<Cow<'static, str>>,
        at: Millis,
    ) {
        let fact = Fact { name, value: value.into(), source: source.into(), at };
        match self.0.binary_search_by(|f| f.name.cmp(&fact.name)) {
            Ok(place) => {
                if let Some(slot) = self.0.get_mut(place) {
                    *slot = fact;
                }
            }
            Err(place) => self.0.insert(place, fact),
        }
    }

    /// Adds all facts of `other`, which win over facts of the same name.
    pub fn extend(&mut self, other: Facts) {
        self.0.extend(other.0);
        // Both are sorted and the sort is stable, so that this is one merge and theirs come after ours of the same name.
        self.0.sort_by(|one, two| one.name.cmp(&two.name));
        self.0.dedup_by(|later, earlier| {
            let same = later.name == earlier.name;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }

    /// Returns the fact of that name.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        let place = self.0.binary_search_by(|f| order(f.name.as_str(), name)).ok()?;
        self.0.get(place)
    }

    /// Returns a yes-or-no fact; `None` if it is missing or of another type.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            FactValue::Bool(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a number; `None` if it is missing or of another type.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)?.value {
            FactValue::Int(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a text; `None` if it is missing or of another type.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            FactValue::Text(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a list; `None` if it is missing or of another type.
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match &self.get(name)?.value {
            FactValue::List(v) => Some(v),
            _ => None,
        }
    }

    /// Returns the facts whose names start with `prefix`, in order of name.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Fact> {
        let start = self.0.partition_point(|f| order(f.name.as_str(), prefix).is_lt());
        self.0.iter().skip(start).take_while(move |f| f.name.as_str().starts_with(prefix))
    }

    /// Returns all facts in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.iter()
    }

    /// Returns how many facts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_texts() {
        let names =
            ["", "\0", "a", "a\0", "a\0b", "ab", "abcdefg", "abcdefgh", "abcdefgh\0", "abcdefgi", "é", "\u{10ffff}"];
        for one in names {
            for other in names {
                assert_eq!(FactName::new(one).cmp(&FactName::new(other)), one.cmp(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_vector_stays_sorted_and_unique() {
        let mut facts = Facts::new();
        for (name, value) in [("b", 1), ("a", 2), ("c.x", 3), ("c.y", 4), ("b", 5)] {
            facts.set(FactName::new(name), value, "test", Millis(0));
        }
        let names: Vec<_> = facts.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c.x", "c.y"]);
        assert_eq!(facts.int("b"), Some(5));
        assert_eq!(facts.under("c.").count(), 2);
        assert_eq!(facts.bool("b"), None);
    }

    #[test]
    fn what_is_added_wins_and_stands_in_its_place() {
        let of = |all: &[(&'static str, i64)]| {
            let mut facts = Facts::new();
            all.iter().for_each(|(name, value)| facts.set(FactName::known(name), *value, "test", Millis(0)));
            facts
        };
        let mut facts = of(&[("b", 1), ("d", 1), ("f", 1)]);
        facts.extend(of(&[("a", 2), ("b", 2), ("e", 2), ("f", 2), ("g", 2)]));
        assert_eq!(facts, of(&[("a", 2), ("b", 2), ("d", 1), ("e", 2), ("f", 2), ("g", 2)]));
        facts.extend(Facts::new());
        assert_eq!(facts.len(), 6);
    }
}
