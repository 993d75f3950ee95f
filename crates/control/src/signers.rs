//! Where the passkeys were enrolled, and revoked, with which votes are signed: who reads the votes needs those records.

use std::collections::{BTreeMap, BTreeSet};

use evidence::passkey::{ENROLLED, Passkey, REVOKED};
use evidence::{Field, RecordKind};
use ledger::History;
use ledger::history::Entry;
use types::case::Vote;
use types::{Millis, PasskeyId, cbor};

use crate::error::Failure;
use crate::grants::at_instant;
use crate::state::kind;

/// Returns the records of the passkeys with which the votes among some records are signed, as far as this log has them.
///
/// # Errors
///
/// What the journal says.
pub fn records(history: &History, indices: &BTreeSet<u64>) -> Failure<BTreeSet<u64>> {
    let mut signed: BTreeMap<PasskeyId, BTreeSet<Millis>> = BTreeMap::new();
    for index in indices {
        let entry = history.record(*index)?.filter(|entry| entry.leaf.kind == RecordKind::Vote);
        let content = entry.and_then(|entry| entry.content);
        let vote: Option<Vote> = content.and_then(|content| content.get(Field::Body).ok().flatten());
        if let Some((at, signed_with)) = vote.and_then(|vote| Some((vote.at, vote.signed?.passkey))) {
            signed.entry(signed_with).or_default().insert(at);
        }
    }
    let mut found = BTreeSet::new();
    for (id, mut instants) in signed {
        instants.extend(changed(history, &id)?);
        for at in instants {
            found.extend(at_instant(history, at, |entry| is_of(entry, &id))?);
        }
    }
    Ok(found)
}

/// Returns when a passkey was enrolled and revoked; nothing once it was erased.
fn changed(history: &History, id: &PasskeyId) -> Failure<Vec<Millis>> {
    let stored = history.state_value(kind::PASSKEY, &id.to_string())?;
    let passkey: Option<Passkey> = stored.and_then(|bytes| cbor::decode(&bytes).ok());
    let instants = passkey.map(|passkey| [passkey.enrolment.map(|enrolment| enrolment.at), passkey.revoked]);
    Ok(instants.into_iter().flatten().flatten().collect())
}

fn is_of(entry: &Entry, id: &PasskeyId) -> bool {
    let state = entry.leaf.status.filter(|_| entry.leaf.kind == RecordKind::Key);
    let content = entry.content.as_ref().filter(|_| matches!(state, Some(ENROLLED | REVOKED)));
    let passkey: Option<Passkey> = content.and_then(|content| content.get(Field::Body).ok().flatten());
    passkey.is_some_and(|passkey| passkey.id == *id)
}
