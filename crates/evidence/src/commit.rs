//! Salted commitments, and opening them one at a time.
//!
//! A commitment is `SHA-256(0 ‖ salt ‖ name ‖ 0 ‖ value)`; a field without a value commits to `0 ‖ salt ‖ name ‖ 1`,
//! which nobody can tell from the rest without the salt. The salt is 32 bytes and no name holds a zero byte, so no two
//! openings share their bytes. All salts of a record are one key stream under a key made from the record key:
//! knowing some tells nothing about the others, and destroying a subject's key makes every commitment about the
//! subject unguessable.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use types::Digest;
use types::mutant::{self, Mutant};

use crate::content::{Content, Field};
use crate::keys::RecordKey;
use crate::leaf::{FIELDS, Leaf, Rooted};
use crate::seal::{self, SealError};

fn commit(salt: &Digest, name: &str, value: Option<&[u8]>) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(salt.0);
    hasher.update(name.as_bytes());
    match value {
        Some(value) => {
            hasher.update([0]);
            hasher.update(value);
        }
        None => hasher.update([1]),
    }
    Digest(hasher.finalize().into())
}

/// Computes the root over some commitments: `SHA-256(1 ‖ commitment ‖ commitment …)`.
///
/// A disclosure carries every commitment, opened or not, so a tree over them would save nobody anything.
fn root(commitments: impl Iterator<Item = Digest>) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    commitments.for_each(|commitment| hasher.update(commitment.0));
    Digest(hasher.finalize().into())
}

fn rooted(commitments: impl ExactSizeIterator<Item = Digest>) -> Rooted {
    Rooted { count: u32::try_from(commitments.len()).unwrap_or(u32::MAX), root: root(commitments) }
}

/// Is what a leaf carries of a content: roots over the commitments to its fields and to the items of its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitments {
    /// The fields, in order, used or not.
    pub fields: Digest,
    /// The findings; absent if there are none.
    pub findings: Option<Rooted>,
    /// The facts; absent if there are none.
    pub facts: Option<Rooted>,
}

/// Holds the salts of one record: those of the fields, then of the findings, then of the facts.
struct Salts {
    fields: Vec<Digest>,
    findings: Vec<Digest>,
    facts: Vec<Digest>,
}

impl Salts {
    fn of(key: &RecordKey, content: &Content) -> Result<Self, SealError> {
        let count = FIELDS + content.findings.len() + content.facts.len();
        let stream =
            if mutant::on(Mutant::SaltReused) { vec![7; count * 32] } else { seal::key_stream(key, count * 32)? };
        let mut all = stream.chunks_exact(32).filter_map(|chunk| Some(Digest(chunk.try_into().ok()?)));
        let mut take = |n: usize| all.by_ref().take(n).collect::<Vec<Digest>>();
        Ok(Self { fields: take(FIELDS), findings: take(content.findings.len()), facts: take(content.facts.len()) })
    }
}

fn commit_all(salts: &[Digest], name: &str, items: &[ByteVec]) -> Option<Rooted> {
    let commitments = salts.iter().zip(items).map(|(salt, item)| commit(salt, name, Some(item)));
    (!items.is_empty()).then(|| rooted(commitments))
}

/// Commits to everything in a content.
///
/// # Errors
///
/// [`SealError::Cipher`] if the content has so many items that the cipher refuses, which is far beyond memory.
pub fn commitments(key: &RecordKey, content: &Content) -> Result<Commitments, SealError> {
    let salts = Salts::of(key, content)?;
    let field = |(field, salt): (&Field, &Digest)| commit(salt, field.as_str(), content.bytes(*field));
    Ok(Commitments {
        fields: root(Field::ALL.iter().zip(&salts.fields).map(field)),
        findings: commit_all(&salts.findings, "finding", &content.findings),
        facts: commit_all(&salts.facts, "fact", &content.facts),
    })
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
    /// The fields, findings or facts are not what the leaf commits to.
    #[error("the disclosed {0} are not what the record commits to")]
    List(&'static str),
}

/// Opens every field, finding and fact for which `open` says yes; lists go by `finding` and `fact`.
///
/// # Errors
///
/// As [`commitments`].
pub fn disclose(key: &RecordKey, content: &Content, open: impl Fn(&str) -> bool) -> Result<Disclosure, SealError> {
    let salts = Salts::of(key, content)?;
    let item = |salt: &Digest, name: &str, value: Option<&[u8]>| {
        if open(name) {
            Item::Open { salt: *salt, value: value.map(|v| v.to_vec().into()) }
        } else {
            Item::Withheld(commit(salt, name, value))
        }
    };
    let list = |salts: &[Digest], name: &str, items: &[ByteVec]| {
        salts.iter().zip(items).map(|(salt, value)| item(salt, name, Some(value.as_slice()))).collect()
    };
    let fields = Field::ALL.iter().zip(&salts.fields);
    Ok(Disclosure {
        fields: fields.map(|(field, salt)| item(salt, field.as_str(), content.bytes(*field))).collect(),
        findings: list(&salts.findings, "finding", &content.findings),
        facts: list(&salts.facts, "fact", &content.facts),
    })
}

fn recommit(item: &Item, name: &str) -> Digest {
    match item {
        Item::Withheld(commitment) => *commitment,
        Item::Open { salt, value } => commit(salt, name, value.as_ref().map(|v| v.as_slice())),
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
    let holds = match expected {
        Some(expected) => {
            let found = rooted(items.iter().map(|item| recommit(item, name)));
            found.count == expected.count && same(&found.root, &expected.root)
        }
        None => items.is_empty(),
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
/// [`DisclosureError::List`] if the fields, findings or facts do not give the leaf's root.
pub fn check(leaf: &Leaf, disclosure: &Disclosure) -> Result<Disclosed, DisclosureError> {
    let mut shown =
        Disclosed { content: Content::default(), empty: Vec::new(), withheld: Vec::new(), withheld_grounds: 0 };
    let fields = || Field::ALL.iter().zip(&disclosure.fields);
    let found = root(fields().map(|(field, item)| recommit(item, field.as_str())));
    if disclosure.fields.len() != FIELDS || !same(&found, &leaf.fields) {
        return Err(DisclosureError::List("fields"));
    }
    for (field, item) in fields() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SubjectKey;
    use types::id::RecordId;
    use types::{FactName, Facts, Millis};

    fn key(record: u8) -> RecordKey {
        let id = RecordId::draw(Millis(1), [record; 10]);
        RecordKey::derive(&id, &SubjectKey::from_bytes([6; 32]), [&SubjectKey::from_bytes([5; 32])])
    }

    fn content() -> Content {
        let mut facts = Facts::new();
        facts.set(FactName::new("a"), 1, "test", Millis(1));
        facts.set(FactName::new("b"), 1, "other", Millis(1));
        Content::about(vec!["agent:a".into()]).with(Field::Reason, &"x".to_owned()).with_grounds(&[], &facts)
    }

    fn leaf(committed: Commitments) -> Leaf {
        Leaf {
            version: crate::leaf::VERSION,
            kind: crate::RecordKind::Heartbeat,
            record: RecordId::draw(Millis(1), [1; 10]),
            at: Millis(1),
            action: None,
            session: None,
            bundle: None,
            verdict: None,
            level: None,
            status: None,
            fields: committed.fields,
            findings: committed.findings,
            facts: committed.facts,
            content: Digest::default(),
            semantics: None,
            log: None,
        }
    }

    #[test]
    fn equal_values_have_unequal_commitments_within_and_across_records() {
        let hidden = |record| disclose(&key(record), &content(), |_| false).unwrap();
        let mut all: Vec<Digest> = Vec::new();
        for disclosure in [hidden(1), hidden(2)] {
            let items = disclosure.fields.iter().chain(&disclosure.facts);
            all.extend(items.map(|item| recommit(item, "of no matter")));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((all.len(), count), (2 * (FIELDS + 2), 2 * (FIELDS + 2)));
    }

    #[test]
    fn what_is_opened_is_checked_and_what_is_changed_is_noticed() {
        let leaf = leaf(commitments(&key(1), &content()).unwrap());
        let whole = disclose(&key(1), &content(), |_| true).unwrap();
        assert_eq!(check(&leaf, &whole).unwrap().content.facts, content().facts);
        let withheld = disclose(&key(1), &content(), |name| name != "fact").unwrap();
        assert_eq!(check(&leaf, &withheld).unwrap().withheld_grounds, 2);

        let other = |change: &dyn Fn(&mut Disclosure)| {
            let mut disclosure = whole.clone();
            change(&mut disclosure);
            check(&leaf, &disclosure)
        };
        let Item::Open { salt, .. } = whole.fields[9].clone() else { panic!("it is open") };
        let forged = Item::Open { salt, value: Some(types::cbor::encode(&"y".to_owned()).into()) };
        let emptied = Item::Open { salt, value: None };
        assert!(other(&|d| d.fields[9] = forged.clone()).is_err());
        assert!(other(&|d| d.fields[9] = emptied.clone()).is_err());
        assert!(other(&|d| d.fields.swap(1, 2)).is_err());
        assert!(other(&|d| d.facts.truncate(1)).is_err());
        assert!(other(&|d| d.facts.swap(0, 1)).is_err());
        assert!(other(&|d| d.fields.truncate(11)).is_err());
    }
}
