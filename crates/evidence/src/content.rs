//! The content of a record: named values, facts and findings, before they are sealed.

use std::borrow::Cow;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::Serialize;
use types::{FactName, FactValue, Facts, Millis, cbor};

/// Names the committed fields; the number is the field's place in the leaf and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Who proposed, voted, granted or switched.
    #[n(0)]
    Principal,
    /// On whose behalf.
    #[n(1)]
    OnBehalfOf,
    /// What was called.
    #[n(2)]
    Tool,
    /// With what.
    #[n(3)]
    Arguments,
    /// What the agent said of itself.
    #[n(4)]
    Claims,
    /// The proposal's remaining parts.
    #[n(5)]
    Proposal,
    /// The decision's remaining parts.
    #[n(6)]
    Decision,
    /// What the target answered.
    #[n(7)]
    Result,
    /// What went wrong.
    #[n(8)]
    Error,
    /// Why, in a person's words.
    #[n(9)]
    Reason,
    /// The case.
    #[n(10)]
    Case,
    /// The body of a record of another kind.
    #[n(11)]
    Body,
}

impl Field {
    /// Lists the fields in their order in the leaf.
    pub const ALL: [Field; crate::FIELDS] = [
        Self::Principal,
        Self::OnBehalfOf,
        Self::Tool,
        Self::Arguments,
        Self::Claims,
        Self::Proposal,
        Self::Decision,
        Self::Result,
        Self::Error,
        Self::Reason,
        Self::Case,
        Self::Body,
    ];

    /// Returns the name that is part of the commitment.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::OnBehalfOf => "on_behalf_of",
            Self::Tool => "tool",
            Self::Arguments => "arguments",
            Self::Claims => "claims",
            Self::Proposal => "proposal",
            Self::Decision => "decision",
            Self::Result => "result",
            Self::Error => "error",
            Self::Reason => "reason",
            Self::Case => "case",
            Self::Body => "body",
        }
    }
}

/// Is one field with its value in canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Value {
    /// Which field.
    #[n(0)]
    pub field: Field,
    /// Its value.
    #[n(1)]
    pub bytes: ByteVec,
}

/// Is everything a record says that may have to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Content {
    /// The fields, in order, each at most once.
    #[n(0)]
    pub values: Vec<Value>,
    /// The findings in canonical bytes, in order.
    #[n(1)]
    pub findings: Vec<ByteVec>,
    /// The facts in canonical bytes, those of one source and instant together, in order of source and instant.
    #[n(2)]
    pub facts: Vec<ByteVec>,
    /// The subjects whose keys seal this, in order.
    #[n(3)]
    pub subjects: Vec<String>,
}

impl Content {
    /// Returns an empty content about the given subjects.
    pub fn about(mut subjects: Vec<String>) -> Self {
        subjects.sort();
        subjects.dedup();
        Self { subjects, ..Self::default() }
    }

    /// Sets a field to the canonical bytes of a value.
    #[must_use]
    pub fn with<T: Encode<()>>(mut self, field: Field, value: &T) -> Self {
        let value = Value { field, bytes: cbor::encode(value).into() };
        match self.values.binary_search_by_key(&field, |v| v.field) {
            Ok(place) => {
                if let Some(slot) = self.values.get_mut(place) {
                    *slot = value;
                }
            }
            Err(place) => self.values.insert(place, value),
        }
        self
    }

    /// Sets a field if there is a value.
    #[must_use]
    pub fn with_some<T: Encode<()>>(self, field: Field, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Sets the findings and the facts.
    #[must_use]
    pub fn with_grounds(mut self, findings: &[types::Finding], facts: &Facts) -> Self {
        // One place to write in, so that each item is allocated once and as large as it is.
        let mut room = Vec::with_capacity(1_024);
        self.findings = findings.iter().map(|finding| written(&mut room, finding)).collect();
        self.facts = told(facts).iter().map(|told| written(&mut room, told)).collect();
        self
    }

    /// Returns about how many bytes it has when it is encoded, rather too many than too few.
    pub(crate) fn size(&self) -> usize {
        let values = self.values.iter().map(|value| value.bytes.len() + 8).sum::<usize>();
        let lists = self.findings.iter().chain(&self.facts).map(|item| item.len() + 4).sum::<usize>();
        let subjects = self.subjects.iter().map(|subject| subject.len() + 4).sum::<usize>();
        values + lists + subjects + 32
    }

    /// Returns the bytes of a field.
    pub fn bytes(&self, field: Field) -> Option<&[u8]> {
        self.values.iter().find(|v| v.field == field).map(|v| v.bytes.as_slice())
    }

    /// Reads a field as a value of type `T`; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// [`cbor::CborError`] if the bytes are not the canonical encoding of a `T`.
    pub fn get<T: Encode<()> + for<'b> Decode<'b, ()>>(&self, field: Field) -> Result<Option<T>, cbor::CborError> {
        self.bytes(field).map(cbor::decode).transpose()
    }

    /// Reads the facts.
    ///
    /// # Errors
    ///
    /// [`cbor::CborError`] if they are not what [`Content::with_grounds`] makes of some facts.
    pub fn facts(&self) -> Result<Facts, cbor::CborError> {
        let mut facts = Facts::new();
        for bytes in &self.facts {
            let told: Told<FactName, FactValue> = cbor::decode(bytes)?;
            for (name, value) in told.facts {
                facts.set(name, value, told.source.clone(), told.at);
            }
        }
        if Self::default().with_grounds(&[], &facts).facts != self.facts {
            return Err(cbor::CborError::NotCanonical);
        }
        Ok(facts)
    }

    /// Reads the findings.
    ///
    /// # Errors
    ///
    /// [`cbor::CborError`] if one of them is not a canonical finding.
    pub fn findings(&self) -> Result<Vec<types::Finding>, cbor::CborError> {
        self.findings.iter().map(|bytes| cbor::decode(bytes)).collect()
    }
}

fn written<T: Encode<()>>(room: &mut Vec<u8>, value: &T) -> ByteVec {
    room.clear();
    *room = cbor::encode_in(std::mem::take(room), value);
    room.as_slice().to_vec().into()
}

/// Is what one source told of one instant: what is opened or withheld together.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
struct Told<N, V> {
    #[n(0)]
    source: Cow<'static, str>,
    #[n(1)]
    at: Millis,
    #[n(2)]
    facts: Vec<(N, V)>,
}

/// Puts facts together by source and instant; within each they keep their order by name.
fn told(facts: &Facts) -> Vec<Told<&FactName, &FactValue>> {
    let mut all: Vec<Told<&FactName, &FactValue>> = Vec::new();
    for fact in facts.iter() {
        let entry = (&fact.name, &fact.value);
        match all.iter_mut().find(|told| told.at == fact.at && told.source == fact.source) {
            Some(told) => told.facts.push(entry),
            None => all.push(Told { source: fact.source.clone(), at: fact.at, facts: vec![entry] }),
        }
    }
    all.sort_by(|a, b| (&a.source, a.at).cmp(&(&b.source, b.at)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_as_they_were_and_in_one_encoding_only() {
        let mut facts = Facts::new();
        for (name, source, at) in [("c", "x", 1), ("a", "x", 2), ("b", "y", 1), ("d", "x", 1)] {
            facts.set(FactName::known(name), name, source, Millis(at));
        }
        let content = Content::default().with_grounds(&[], &facts);
        assert_eq!(content.facts.len(), 3);
        assert_eq!(content.facts().unwrap(), facts);
        let mut swapped = content.clone();
        swapped.facts.swap(0, 1);
        assert_eq!(swapped.facts(), Err(cbor::CborError::NotCanonical));
        let mut twice = content;
        twice.facts.push(twice.facts[2].clone());
        assert_eq!(twice.facts(), Err(cbor::CborError::NotCanonical));
    }
}
