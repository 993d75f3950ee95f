//! What an attacker does to the records of a log, class by class, before he hashes and signs everything again.

use std::collections::BTreeMap;

use evidence::leaf::{InSession, Rooted};
use evidence::{Leaf, RecordKind};
use types::id::RecordId;
use types::{ActionId, Digest, Millis, SessionId};

use crate::class::Class;
use crate::material::{KINDS, Material, Record};
use crate::random::Choices;

/// Is a rewritten log, and what was done to it.
pub(crate) type Edit = (Vec<Record>, String);

/// Rewrites the log at one record; `None` if nothing can be done there.
pub(crate) fn edit(material: &Material, class: Class, index: usize, choices: &mut Choices) -> Option<Edit> {
    let genuine = || material.records.clone();
    match class {
        Class::Dropped => Some(dropped(genuine(), index, choices)),
        Class::Swapped => swapped(genuine(), index, choices),
        Class::CutTail => Some((material.records[..index].to_vec(), format!("cut in front of record {index}"))),
        Class::Fork => Some(fork(material, index, choices)),
        Class::OldBackup => Some(old_backup(material, index, choices)),
        Class::FieldChanged => Some(changed(genuine(), index, altered, "a field", choices)),
        Class::VerdictEdited => Some(changed(genuine(), index, judged, "the verdict", choices)),
        Class::ChainRestarted => restarted(material, index, choices),
        Class::ByteFlips | Class::ForgedCosignature => None,
    }
}

fn dropped(mut records: Vec<Record>, index: usize, choices: &mut Choices) -> Edit {
    let count = choices.between(1, 3).min(records.len() - index);
    records.drain(index..index + count);
    let linked = mended(&mut records, choices);
    (records, format!("{count} records dropped from {index} on{linked}"))
}

fn swapped(mut records: Vec<Record>, index: usize, choices: &mut Choices) -> Option<Edit> {
    let far = if choices.once_in(2) { 4 } else { records.len() };
    let (low, high) = (index.saturating_sub(far), (index + far).min(records.len() - 1));
    let other = choices.between(low, high);
    if other == index {
        return None;
    }
    records.swap(index, other);
    let linked = mended(&mut records, choices);
    Some((records, format!("records {index} and {other} swapped{linked}")))
}

fn fork(material: &Material, index: usize, choices: &mut Choices) -> Edit {
    let mut records = material.records[..index].to_vec();
    let genuine = material.records[index].leaf();
    records.push(Record::written(Leaf { content: Digest(choices.bytes()), ..renamed(genuine, choices) }));
    let rest = &material.records[index + 1..];
    let how = match choices.below(3) {
        0 => "nothing",
        1 => {
            records.extend(rest.iter().take(choices.below(rest.len() + 1)).cloned());
            "true records"
        }
        _ => {
            let more = choices.between(1, 24);
            grow(material, &mut records, more, choices);
            "other records"
        }
    };
    relink(&mut records, true);
    (records, format!("another record {index}, and behind it {how}"))
}

fn old_backup(material: &Material, index: usize, choices: &mut Choices) -> Edit {
    let mut records = material.records[..=index].to_vec();
    let grown = choices.below(2) * choices.between(1, 12);
    grow(material, &mut records, grown, choices);
    (records, format!("as it was after record {index}, and {grown} new records"))
}

type Change = fn(&mut Leaf, &mut Choices) -> &'static str;

fn changed(mut records: Vec<Record>, index: usize, change: Change, what: &str, choices: &mut Choices) -> Edit {
    let mut leaf = records[index].leaf().clone();
    let field = change(&mut leaf, choices);
    records[index] = Record::written(leaf);
    let linked = mended(&mut records, choices);
    (records, format!("{what} of record {index} changed ({field}){linked}"))
}

fn restarted(material: &Material, index: usize, choices: &mut Choices) -> Option<Edit> {
    let all = &material.records;
    let anew = |at: Millis, choices: &mut Choices| Leaf { at, ..renamed(all[0].leaf(), choices) };
    let (records, how) = match choices.below(5) {
        0 => (all[index..].to_vec(), "the log begins with it"),
        1 => ([&all[..1], &all[index.max(1)..]].concat(), "the log begins, and then comes it"),
        2 => (session_anew(all, index)?, "its session begins anew with it"),
        3 => {
            let second = Record::written(anew(all[index].leaf().at, choices));
            ([&all[..index], &[second], &all[index..]].concat(), "a second beginning stands in front of it")
        }
        _ => {
            let first = Record::written(anew(all[0].leaf().at, choices));
            let rest = all[index.max(1)..].iter().map(|record| Record::written(renamed(record.leaf(), choices)));
            let mut records: Vec<Record> = std::iter::once(first).chain(rest).collect();
            relink(&mut records, false);
            (records, "another log begins, with it and what follows under new ids")
        }
    };
    Some((records, format!("record {index}: {how}")))
}

/// Lets a session begin anew at a record, and links what follows to that.
fn session_anew(all: &[Record], index: usize) -> Option<Vec<Record>> {
    let mut records = all.to_vec();
    let mut leaf = records[index].leaf().clone();
    let place = leaf.session.take().filter(|place| place.seq > 0)?;
    leaf.session = Some(InSession { seq: 0, previous: None, ..place.clone() });
    records[index] = Record::written(leaf);
    let mut last = (0, records[index].link());
    for record in &mut records[index + 1..] {
        let mut leaf = record.leaf().clone();
        if let Some(own) = leaf.session.as_mut().filter(|own| own.session == place.session) {
            (own.seq, own.previous) = (last.0 + 1, Some(last.1));
            *record = Record::written(leaf);
            last = (last.0 + 1, record.link());
        }
    }
    Some(records)
}

/// Changes one field of a leaf that is not its verdict; says which.
pub(crate) fn altered(leaf: &mut Leaf, choices: &mut Choices) -> &'static str {
    let rooted = |choices: &mut Choices| Rooted { count: choices.between(1, 40) as u32, root: Digest(choices.bytes()) };
    match choices.below(13) {
        0 => set("record", RecordId::draw(leaf.at, choices.bytes()), &mut leaf.record),
        1 => set("at", Millis(leaf.at.0 + choices.between(1, 900_000) as i64), &mut leaf.at),
        2 => set("at", Millis(leaf.at.0 - choices.between(1, 900_000) as i64), &mut leaf.at),
        3 => set("action", Some(ActionId::draw(leaf.at, choices.bytes())), &mut leaf.action),
        4 => set("bundle", Some(Digest(choices.bytes())), &mut leaf.bundle),
        5 => set("level", Some(leaf.level.map_or(3, |level| level ^ 1)), &mut leaf.level),
        6 => set("fields", Digest(choices.bytes()), &mut leaf.fields),
        7 => set("content", Digest(choices.bytes()), &mut leaf.content),
        8 => set("findings", Some(rooted(choices)), &mut leaf.findings),
        9 => set("facts", Some(rooted(choices)), &mut leaf.facts),
        10 => set("semantics", Some(choices.between(3, 900) as u32), &mut leaf.semantics),
        11 => set("version", choices.between(2, 200) as u8, &mut leaf.version),
        _ => {
            let others: Vec<RecordKind> = KINDS.into_iter().filter(|kind| *kind != leaf.kind).collect();
            set("kind", *choices.one(&others).unwrap(), &mut leaf.kind)
        }
    }
}

fn set<T>(name: &'static str, value: T, place: &mut T) -> &'static str {
    *place = value;
    name
}

/// Changes the verdict of a leaf, or the state that it reports; puts one in where there is none. Says which.
pub(crate) fn judged(leaf: &mut Leaf, choices: &mut Choices) -> &'static str {
    let by = choices.between(1, 3) as u8;
    if leaf.verdict.is_none() && (leaf.status.is_some() || choices.once_in(2)) {
        return set("status", Some(leaf.status.map_or(by, |status| (status + by) % 8)), &mut leaf.status);
    }
    set("verdict", Some(leaf.verdict.map_or(by, |rank| (rank + by) % 4)), &mut leaf.verdict)
}

fn renamed(leaf: &Leaf, choices: &mut Choices) -> Leaf {
    Leaf { record: RecordId::draw(leaf.at, choices.bytes()), ..leaf.clone() }
}

/// Appends records as the log could have gone on: true ones of all kinds, under new ids and outside of sessions.
pub(crate) fn grow(material: &Material, records: &mut Vec<Record>, count: usize, choices: &mut Choices) {
    for _ in 0..count {
        let genuine = choices.one(&material.records).unwrap().leaf();
        let at = records.last().map_or(genuine.at, |last| last.leaf().at);
        let kind = if genuine.kind == RecordKind::SessionOpen { RecordKind::Decided } else { genuine.kind };
        let content = Digest(choices.bytes());
        records.push(Record::written(Leaf { at, kind, content, session: None, ..renamed(genuine, choices) }));
    }
}

/// Lets the sessions hang together again, or not; says which.
fn mended(records: &mut [Record], choices: &mut Choices) -> &'static str {
    match choices.below(3) {
        0 => "",
        1 => {
            relink(records, true);
            ", sessions linked again"
        }
        _ => {
            relink(records, false);
            ", sessions numbered and linked again"
        }
    }
}

/// Links the records of each session to each other; numbers them anew too unless they keep their numbers.
pub(crate) fn relink(records: &mut [Record], keep_numbers: bool) {
    let mut tails: BTreeMap<SessionId, (u64, Digest)> = BTreeMap::new();
    for record in records {
        let Some(place) = record.leaf.as_ref().and_then(|leaf| leaf.session.clone()) else { continue };
        let tail = tails.get(&place.session);
        let seq = if keep_numbers { place.seq } else { tail.map_or(0, |(seq, _)| seq + 1) };
        let linked = InSession { seq, previous: tail.map(|(_, link)| *link), ..place.clone() };
        if linked != place {
            *record = Record::written(Leaf { session: Some(linked), ..record.leaf().clone() });
        }
        tails.insert(place.session, (seq, record.link()));
    }
}
