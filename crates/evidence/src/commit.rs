//! Salted commitments, and opening them one at a time.
//!
//! A commitment is `HMAC-SHA256(salt, name ‖ 0 ‖ value)`; a field without a value commits to `name ‖ 1`,
//! which nobody can tell from the rest without the salt. Salts come from the record key, so destroying
//! a subject's key makes every commitment about the subject unguessable.

use hmac::Mac;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;
use types::Digest;

use crate::content::{Content, Field};
use crate::keys::{RecordKey, keyed};
use crate::leaf::{Leaf, Rooted};

const FIELD: &[u8] = b"countersign/salt/field/1";
const FINDING: &[u8] = b"countersign/salt/finding/1";
const FACT: &[u8] = b"countersign/salt/fact/1";

fn commit(salt: &[u8; 32], name: &str, value: Option<&[u8]>) -> Digest {
    let mut mac = keyed(salt);
    mac.update(name.as_bytes());
    match value {
        Some(value) => {
            mac.update(&[0]);
            mac.update(value);
        }
        None => mac.update(&[1]),
    }
    Digest(mac.finalize().into_bytes().into())
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Computes the commitments of all fields, in order.
pub fn fields(key: &RecordKey, content: &Content) -> Vec<Digest> {
    let each = |(i, field): (usize, &Field)| commit(&key.part(FIELD, place(i)), field.as_str(), content.bytes(*field));
    Field::ALL.iter().enumerate().map(each).collect()
}

fn list(key: &RecordKey, purpose: &[u8], name: &str, items: &[ByteVec]) -> Vec<Digest> {
    items.iter().enumerate().map(|(i, item)| commit(&key.part(purpose, place(i)), name, Some(item))).collect()
}

/// Computes the root over a list of commitments.
pub fn root(commitments: &[Digest]) -> Rooted {
    let row: Vec<tlog::hash::Hash> = commitments.iter().map(|c| tlog::hash::leaf_hash(&c.0)).collect();
    Rooted { count: place(commitments.len()), root: Digest(tlog::hash::merkle_root(&row).0) }
}

/// Computes the root over the findings; `None` if there are none.
pub fn findings(key: &RecordKey, content: &Content) -> Option<Rooted> {
    let commitments = list(key, FINDING, "finding", &content.findings);
    (!commitments.is_empty()).then(|| root(&commitments))
}

/// Computes the root over the facts; `None` if there are none.
pub fn facts(key: &RecordKey, content: &Content) -> Option<Rooted> {
    let commitments = list(key, FACT, "fact", &content.facts);
    (!commitments.is_empty()).then(|| root(&commitments))
}

/// Is one committed value, opened or withheld.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Item {
    /// The value is not shown; its commitment stands in for it.
    #[n(0)]
    Withheld(#[n(0)] Digest),
    /// The value, with the salt that proves it.
    #[n(1)]
    Open {
        /// The salt of this item alone.
        #[n(0)]
        salt: Digest,
        /// The value in canonical bytes; absent where the record has none.
        #[n(1)]
        value: Option<ByteVec>,
    },
}

/// Is what a record's owner shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Disclosure {
    /// One item per field, in order.
    #[n(0)]
    pub fields: Vec<Item>,
    /// One item per finding, in order.
    #[n(1)]
    pub findings: Vec<Item>,
    /// One item per fact, in order.
    #[n(2)]
    pub facts: Vec<Item>,
}

/// Is what a checked disclosure shows: a content with only the opened values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// The values that were opened.
    pub content: Content,
    /// The fields that were opened and have no value.
    pub empty: Vec<Field>,
    /// The fields that were withheld.
    pub withheld: Vec<Field>,
    /// How many findings and facts were withheld.
    pub withheld_grounds: usize,
}

/// Says why a disclosure does not belong to a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// An opened field is not what the leaf commits to.
    #[error("the disclosed `{0}` is not what the record commits to")]
    Field(&'static str),
    /// The findings or facts are not what the leaf commits to.
    #[error("the disclosed {0} are not what the record commits to")]
    List(&'static str),
}

/// Opens every field, finding and fact for which `open` says yes; lists go by `finding` and `fact`.
pub fn disclose(key: &RecordKey, content: &Content, open: impl Fn(&str) -> bool) -> Disclosure {
    let item = |purpose: &[u8], index: usize, name: &str, value: Option<&[u8]>| {
        let salt = key.part(purpose, place(index));
        if open(name) {
            Item::Open { salt: Digest(salt), value: value.map(|v| v.to_vec().into()) }
        } else {
            Item::Withheld(commit(&salt, name, value))
        }
    };
    let list = |purpose: &[u8], name: &str, items: &[ByteVec]| {
        items.iter().enumerate().map(|(i, v)| item(purpose, i, name, Some(v.as_slice()))).collect()
    };
    Disclosure {
        fields: Field::ALL.iter().enumerate().map(|(i, f)| item(FIELD, i, f.as_str(), content.bytes(*f))).collect(),
        findings: list(FINDING, "finding", &content.findings),
        facts: list(FACT, "fact", &content.facts),
    }
}

fn recommit(item: &Item, name: &str) -> Digest {
    match item {
        Item::Withheld(commitment) => *commitment,
        Item::Open { salt, value } => commit(&salt.0, name, value.as_ref().map(|v| v.as_slice())),
    }
}

fn same(a: &Digest, b: &Digest) -> bool {
    a.0.ct_eq(&b.0).into()
}

fn check_list(
    items: &[Item],
    name: &'static str,
    plural: &'static str,
    expected: Option<&Rooted>,
) -> Result<Vec<ByteVec>, DisclosureError> {
    let commitments: Vec<Digest> = items.iter().map(|i| recommit(i, name)).collect();
    let holds = match expected {
        Some(expected) => {
            let found = root(&commitments);
            found.count == expected.count && same(&found.root, &expected.root)
        }
        None => commitments.is_empty(),
    };
    if !holds {
        return Err(DisclosureError::List(plural));
    }
    Ok(items.iter().filter_map(|i| if let Item::Open { value, .. } = i { value.clone() } else { None }).collect())
}

/// Checks a disclosure against a leaf and returns what it shows.
///
/// # Errors
///
/// [`DisclosureError::Field`] for a field whose recomputed commitment is not the leaf's;
/// [`DisclosureError::List`] if the findings or facts do not give the leaf's root.
pub fn check(leaf: &Leaf, disclosure: &Disclosure) -> Result<Disclosed, DisclosureError> {
    let mut shown =
        Disclosed { content: Content::default(), empty: Vec::new(), withheld: Vec::new(), withheld_grounds: 0 };
    for (i, field) in Field::ALL.iter().enumerate() {
        let (Some(item), Some(expected)) = (disclosure.fields.get(i), leaf.fields.get(i)) else {
            return Err(DisclosureError::Field(field.as_str()));
        };
        if !same(&recommit(item, field.as_str()), expected) {
            return Err(DisclosureError::Field(field.as_str()));
        }
        match item {
            Item::Withheld(_) => shown.withheld.push(*field),
            Item::Open { value: None, .. } => shown.empty.push(*field),
            Item::Open { value: Some(bytes), .. } => {
                shown.content.values.push(crate::content::Value { field: *field, bytes: bytes.clone() });
            }
        }
    }
    shown.content.findings = check_list(&disclosure.findings, "finding", "findings", leaf.findings.as_ref())?;
    shown.content.facts = check_list(&disclosure.facts, "fact", "facts", leaf.facts.as_ref())?;
    let open = shown.content.findings.len() + shown.content.facts.len();
    shown.withheld_grounds = disclosure.findings.len() + disclosure.facts.len() - open;
    Ok(shown)
}
