//! What a reader must find wrong with records that are truly those of a signed tree: said here from what the attacker
//! did, apart from the verifier's own walk.

use std::collections::BTreeMap;

use evidence::{LogEventKind, RecordKind};
use types::{Digest, SessionId};

use crate::material::Record;

/// Names the first thing wrong with some records, by the reason that a verifier gives for it.
pub fn objection(records: &[Record]) -> Option<&'static str> {
    let mut last_ms = 0;
    let mut tails: BTreeMap<SessionId, (u64, Digest)> = BTreeMap::new();
    let mut closed = false;
    for (index, record) in records.iter().enumerate() {
        let Some(leaf) = &record.leaf else { return Some("leaf-invalid") };
        if leaf.at.0 < last_ms {
            return Some("time-backwards");
        }
        last_ms = leaf.at.0;
        if closed {
            return Some("log-reopened");
        }
        let told = leaf.log.as_ref().map(|log| log.event);
        if told == Some(LogEventKind::Began) && index > 0 {
            return Some("log-begun-late");
        }
        closed = told == Some(LogEventKind::Closed);
        let Some(place) = &leaf.session else { continue };
        let tail = tails.get(&place.session);
        let sound = match (leaf.kind, tail) {
            (RecordKind::SessionOpen, None) => place.seq == 0 && place.previous.is_none(),
            (RecordKind::SessionOpen, Some(_)) | (_, None) => false,
            (_, Some((seq, link))) => place.seq == seq + 1 && place.previous == Some(*link),
        };
        if !sound {
            return Some("session-broken");
        }
        match leaf.kind {
            RecordKind::SessionClose => tails.remove(&place.session),
            _ => tails.insert(place.session, (place.seq, record.link())),
        };
    }
    None
}
