//! What an attacker does to evidence bundles.

use evidence::archive::ArchivedRecord;
use evidence::{About, Archive, Content, Field, Item, Leaf, RecordKey, RecordKind, SubjectKey, bodies, commit};
use replay::derived::is_computed;
use tlog::hash::Hash;
use tlog::prove::prove_inclusion;
use types::case::Vote;
use types::{ActionId, Decision, Millis, Verdict};

use crate::case::{Draft, Given, Reader};
use crate::class::Class;
use crate::edits::{altered, judged, relink};
use crate::forged::made_up;
use crate::material::{Material, Record, Sample};
use crate::random::Choices;
use crate::render::signed;

const NOT_THE_LEAF: &str = "proof-root-mismatch";
const NOT_COMMITTED: &str = "commitment-mismatch";
const NO_POLICY: &str = "decision-incomputable";
const INVALID: &str = "note-signature-invalid";
const TOO_FEW: &str = "policy-quorum-missing";

/// Is an altered bundle, what was done, and for which reasons it must be refused.
type Edit = (Archive, String, Vec<&'static str>);

/// Alters a bundle with a record of a kind; `None` if the class has nothing to do with bundles, or this one cannot be.
pub(crate) fn draw(material: &Material, class: Class, kind: RecordKind, choices: &mut Choices) -> Option<Draft> {
    let sample = choices.one(material.samples.get(&kind)?)?.clone();
    if kind == RecordKind::Decided
        && (class == Class::VerdictEdited || class == Class::FieldChanged && choices.once_in(3))
    {
        return retold(material, sample, class, choices);
    }
    if kind == RecordKind::Vote && class == Class::FieldChanged && choices.once_in(2) {
        return resigned_vote(material, sample, choices);
    }
    let reader = if choices.once_in(2) { Reader::Policy } else { Reader::Key };
    let index = sample.archive.records[sample.place].index;
    let (archive, how, first) = match class {
        Class::ByteFlips => flipped(sample, choices)?,
        Class::Dropped => dropped(material, sample, kind, choices)?,
        Class::Swapped => swapped(sample, choices)?,
        Class::CutTail => cut(sample, choices)?,
        Class::FieldChanged => changed(sample, choices)?,
        Class::VerdictEdited => leaf_edited(sample, judged, choices),
        Class::Fork | Class::ForgedCosignature => return resigned(material, sample, class, choices),
        Class::OldBackup | Class::ChainRestarted => return None,
    };
    Some(draft(&archive, format!("bundle with record {index}: {how}"), reader, first))
}

fn draft(archive: &Archive, how: String, reader: Reader, first: Vec<&'static str>) -> Draft {
    // A reader who has the policy does not look at the one inside, so that a false one is put before one who has none.
    let own_policy = first != [NO_POLICY];
    let given = Given::Bundle { bytes: archive.to_bytes().unwrap(), own_policy };
    Draft { how, reader, given, first, also: Vec::new() }
}

fn flip(bytes: &mut [u8], choices: &mut Choices) {
    let at = choices.below(bytes.len());
    bytes[at] ^= 1 << choices.below(8);
}

fn flipped(mut sample: Sample, choices: &mut Choices) -> Option<Edit> {
    let record = &mut sample.archive.records[sample.place];
    let (how, first) = match choices.below(3) {
        0 => {
            flip(&mut record.leaf, choices);
            ("a bit of its leaf", NOT_THE_LEAF)
        }
        1 => {
            let at = choices.below(record.proof.len());
            let mut hash = record.proof[at].0;
            flip(&mut hash, choices);
            record.proof[at] = Hash(hash);
            ("a bit of its proof", NOT_THE_LEAF)
        }
        _ => {
            flip_item(one_item(record, choices)?, choices);
            ("a bit of what it discloses", NOT_COMMITTED)
        }
    };
    Some((sample.archive, format!("{how} flipped"), vec![first]))
}

fn one_item<'a>(record: &'a mut ArchivedRecord, choices: &mut Choices) -> Option<&'a mut Item> {
    let shown = record.disclosure.as_mut()?;
    let lists = [&mut shown.fields, &mut shown.findings, &mut shown.facts];
    let mut all: Vec<&mut Item> = lists.into_iter().flatten().collect();
    let at = choices.below(all.len());
    Some(all.swap_remove(at))
}

fn flip_item(item: &mut Item, choices: &mut Choices) {
    match item {
        Item::Withheld(commitment) => flip(&mut commitment.0, choices),
        Item::Open { salt, value } => match value.as_mut().filter(|value| !value.is_empty()) {
            Some(value) if !choices.once_in(3) => flip(value.as_mut_slice(), choices),
            _ => flip(&mut salt.0, choices),
        },
    }
}

fn remove(archive: &mut Archive, gone: impl Fn(&ArchivedRecord) -> bool) {
    archive.records.retain(|record| !gone(record));
    archive.manifest.records = archive.records.iter().map(|record| record.index).collect();
}

/// Leaves a record out; what belongs to an action is missed only where something else in the bundle tells of it.
fn dropped(material: &Material, sample: Sample, kind: RecordKind, choices: &mut Choices) -> Option<Edit> {
    if kind == RecordKind::Vote && choices.once_in(2) {
        return votes_dropped(material, choices);
    }
    let Sample { mut archive, place } = sample;
    let index = archive.records[place].index;
    remove(&mut archive, |record| record.index == index);
    let first = match (&archive.manifest.about, kind) {
        _ if archive.records.is_empty() => vec!["subject-mismatch"],
        (About::Records { .. }, _) => vec!["records-missing", "votes-missing", "outcome-missing"],
        (About::Session(_), _) => vec!["session-incomplete"],
        (About::Actions(_), RecordKind::Decided) => vec!["subject-mismatch", "votes-missing"],
        (About::Actions(_), RecordKind::Outcome) => vec!["outcome-missing"],
        _ => return None,
    };
    if matches!(archive.manifest.about, About::Actions(_)) && kind == RecordKind::Decided && still_decided(&archive) {
        return None;
    }
    archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
    Some((archive, "left out".into(), first))
}

fn still_decided(archive: &Archive) -> bool {
    archive.records.iter().any(|record| kind_of(record) == Some(RecordKind::Decided))
}

fn kind_of(record: &ArchivedRecord) -> Option<RecordKind> {
    Leaf::from_bytes(&record.leaf).ok().map(|leaf| leaf.kind)
}

/// Leaves the votes out that a decision ran on.
fn votes_dropped(material: &Material, choices: &mut Choices) -> Option<Edit> {
    let mut archive = choices.one(material.samples.get(&RecordKind::Decided)?)?.archive.clone();
    let About::Actions(actions) = &archive.manifest.about else { return None };
    let others = |record: &ArchivedRecord| {
        let action = Leaf::from_bytes(&record.leaf).ok().and_then(|leaf| leaf.action);
        kind_of(record) == Some(RecordKind::Vote) && action.is_some_and(|action| !actions.contains(&action))
    };
    let votes: Vec<u64> = archive.records.iter().filter(|record| others(record)).map(|record| record.index).collect();
    if votes.is_empty() {
        return None;
    }
    // What only the votes need goes with them.
    remove(&mut archive, |record| votes.contains(&record.index) || kind_of(record) == Some(RecordKind::Key));
    archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
    Some((archive, "the votes it ran on left out".into(), vec!["votes-missing"]))
}

fn swapped(mut sample: Sample, choices: &mut Choices) -> Option<Edit> {
    let records = &mut sample.archive.records;
    let other = choices.below(records.len());
    if other == sample.place || records[other].leaf == records[sample.place].leaf {
        return None;
    }
    let (a, b) = (sample.place.min(other), sample.place.max(other));
    let (left, right) = records.split_at_mut(b);
    std::mem::swap(&mut left[a].leaf, &mut right[0].leaf);
    if choices.once_in(2) {
        std::mem::swap(&mut left[a].disclosure, &mut right[0].disclosure);
    }
    sample.archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
    Some((sample.archive, "it and another swapped".into(), vec![NOT_THE_LEAF]))
}

fn cut(sample: Sample, choices: &mut Choices) -> Option<Edit> {
    let Sample { mut archive, place } = sample;
    let from = archive.records[place].index;
    remove(&mut archive, |record| record.index >= from);
    let first = match archive.manifest.about {
        _ if place == 0 => vec!["subject-mismatch"],
        About::Records { .. } => vec!["records-missing", "outcome-missing"],
        // A level that was given may stay behind without the decision that named it.
        About::Session(_) => vec!["session-incomplete", "outcome-missing", "subject-mismatch"],
        _ => return None,
    };
    archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
    Some((archive, "it and what follows left out".into(), first))
}

fn changed(mut sample: Sample, choices: &mut Choices) -> Option<Edit> {
    let place = sample.place;
    let record = &mut sample.archive.records[place];
    match choices.below(6) {
        5 => policy_swapped(sample, choices),
        0 => Some(leaf_edited(sample, altered, choices)),
        1 => {
            let shown = record.disclosure.as_mut()?;
            let list = if choices.once_in(2) { &mut shown.facts } else { &mut shown.findings };
            if list.is_empty() {
                return None;
            }
            list.remove(choices.below(list.len()));
            Some((sample.archive, "a fact or finding taken out".into(), vec![NOT_COMMITTED]))
        }
        2 => {
            let item = one_item(record, choices)?;
            let Item::Open { value: Some(value), .. } = item else { return None };
            *value = types::cbor::encode(&format!("another {}", choices.between(1, 9_999))).into();
            Some((sample.archive, "a disclosed value replaced".into(), vec![NOT_COMMITTED]))
        }
        3 => {
            record.disclosure = None;
            sample.archive.manifest.erased = vec![record.index];
            sample.archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
            Some((sample.archive, "its content said to be erased".into(), vec!["content-missing"]))
        }
        _ => {
            let archive = &mut sample.archive;
            let About::Actions(_) = archive.manifest.about else { return None };
            archive.manifest.about = About::action(ActionId::draw(Millis(1), choices.bytes()));
            Some((sample.archive, "said to be about another action".into(), vec!["subject-mismatch"]))
        }
    }
}

fn leaf_edited(mut sample: Sample, change: fn(&mut Leaf, &mut Choices) -> &'static str, choices: &mut Choices) -> Edit {
    let record = &mut sample.archive.records[sample.place];
    let mut leaf = Leaf::from_bytes(&record.leaf).unwrap();
    let field = change(&mut leaf, choices);
    record.leaf = leaf.to_bytes();
    (sample.archive, format!("{field} of its leaf changed"), vec![NOT_THE_LEAF])
}

/// Puts other records into the log in place of the true ones, hashes it again and proves a bundle's records in that.
fn rehashed(material: &Material, archive: &mut Archive, index: u64, leaf: Leaf) -> Vec<Record> {
    let mut records = material.records.clone();
    records[index as usize] = Record::written(leaf);
    relink(&mut records, true);
    let hashes: Vec<Hash> = records.iter().map(|record| record.hash).collect();
    for record in &mut archive.records {
        record.leaf = records[record.index as usize].bytes.to_vec();
        record.proof = prove_inclusion(record.index, hashes.len() as u64, hashes.as_slice()).unwrap();
    }
    records
}

/// Puts a checkpoint of the rewritten log into a bundle; says how, and for which reason a policy refuses it.
fn resign(
    material: &Material,
    archive: &mut Archive,
    records: &[Record],
    forge: bool,
    choices: &mut Choices,
) -> (String, &'static str) {
    let note = signed(material, records);
    if forge {
        let (note, how, first) = made_up(material, &note, choices);
        archive.checkpoint = note.into_bytes();
        return (how, first);
    }
    let from = material.checkpoint(choices.between(1, material.size()));
    let count = choices.below(from.lines.len() + 1);
    archive.checkpoint = note.with(from.lines[..count].iter().cloned()).unwrap().to_string().into_bytes();
    (format!("{count} borrowed cosignatures"), if count == 0 { TOO_FEW } else { INVALID })
}

fn resigned(material: &Material, sample: Sample, class: Class, choices: &mut Choices) -> Option<Draft> {
    let Sample { mut archive, place } = sample;
    let index = archive.records[place].index;
    let mut leaf = material.records[index as usize].leaf().clone();
    leaf.record = types::id::RecordId::draw(leaf.at, choices.bytes());
    let records = rehashed(material, &mut archive, index, leaf);
    let (how, first) = resign(material, &mut archive, &records, class == Class::ForgedCosignature, choices);
    Some(draft(
        &archive,
        format!("bundle with record {index} under another id, hashed again: {how}"),
        Reader::Policy,
        vec![first],
    ))
}

/// Puts another text under the digest of a policy bundle that is inside.
fn policy_swapped(mut sample: Sample, choices: &mut Choices) -> Option<Edit> {
    let files = sample.archive.bundles.values_mut().next()?;
    let paths: Vec<String> = files.keys().cloned().collect();
    let text = files.get_mut(choices.one(&paths)?)?;
    text.push_str(&format!("\n# {}\n", choices.between(1, 99_999)));
    Some((sample.archive, "its policy another".into(), vec![NO_POLICY]))
}

/// Records another decision than the one that was reached, in the leaf or in the content as well, and hashes everything
/// again.
fn retold(material: &Material, sample: Sample, class: Class, choices: &mut Choices) -> Option<Draft> {
    let Sample { mut archive, place } = sample;
    let index = archive.records[place].index;
    let genuine = material.records[index as usize].leaf().clone();
    let (leaf, how) = if class == Class::VerdictEdited && choices.once_in(2) {
        let rank = (genuine.verdict? + choices.between(1, 3) as u8) % 4;
        (Leaf { verdict: Some(rank), ..genuine }, "its verdict edited in the leaf")
    } else {
        let change = if class == Class::VerdictEdited { other_verdict } else { other_facts };
        (told_otherwise(&mut archive.records[place], &genuine, change, choices)?, "its content and leaf told otherwise")
    };
    let records = rehashed(material, &mut archive, index, leaf);
    let lie = vec!["verdict-mismatch", "decision-differs", "votes-missing"];
    archive.manifest.custody.at = Millis(choices.between(1, 9_999) as i64);
    let how = format!("bundle with record {index}: {how}, hashed again");
    if !choices.once_in(3) {
        archive.checkpoint = signed_head(material, &records);
        return Some(draft(&archive, how, Reader::Key, lie));
    }
    let (with, refused) = resign(material, &mut archive, &records, false, choices);
    let first = if refused == INVALID { vec![INVALID] } else { [lie, vec![refused]].concat() };
    let draft = draft(&archive, format!("{how}, {with}"), Reader::Policy, first);
    Some(Draft { also: vec![refused], ..draft })
}

/// Alters a bit of what a person has signed, or of their signature, commits to that and signs the log again, as nobody but
/// the person's own key could do right.
fn resigned_vote(material: &Material, sample: Sample, choices: &mut Choices) -> Option<Draft> {
    let Sample { mut archive, place } = sample;
    let index = archive.records[place].index;
    let genuine = material.records[index as usize].leaf().clone();
    let record = &mut archive.records[place];
    let content = commit::check(&genuine, record.disclosure.as_ref()?).ok()?.content;
    let mut vote: Vote = content.get(Field::Body).ok()??;
    let signed = vote.signed.as_mut()?;
    let (what, part) = match choices.below(4) {
        0 => ("ballot", &mut signed.ballot),
        1 => ("client data", &mut signed.client_data),
        2 => ("authenticator's data", &mut signed.authenticator_data),
        _ => ("signature", &mut signed.signature),
    };
    flip(part, choices);
    let leaf = committed(record, &genuine, &content.with(Field::Body, &vote), choices)?;
    let records = rehashed(material, &mut archive, index, leaf);
    archive.checkpoint = signed_head(material, &records);
    let how = format!("bundle with record {index}: a bit of the {what} of its vote flipped, hashed again");
    Some(draft(&archive, how, Reader::Key, vec!["vote-signature-invalid", "vote-ballot-mismatch"]))
}

fn signed_head(material: &Material, records: &[Record]) -> Vec<u8> {
    signed(material, records).to_string().into_bytes()
}

/// Commits to another content under a key of the attacker's own.
fn committed(record: &mut ArchivedRecord, genuine: &Leaf, content: &Content, choices: &mut Choices) -> Option<Leaf> {
    let key = RecordKey::derive(&genuine.record, &SubjectKey::from_bytes(choices.bytes()), []);
    let committed = commit::commitments(&key, content).ok()?;
    record.disclosure = commit::disclose(&key, content, |_| true).ok();
    let (fields, findings, facts) = (committed.fields, committed.findings, committed.facts);
    Some(Leaf { fields, findings, facts, ..genuine.clone() })
}

/// Makes another content of a decision, and commits to it under a key of the attacker's own.
fn told_otherwise(
    record: &mut ArchivedRecord,
    genuine: &Leaf,
    change: fn(Decision, &mut Choices) -> Option<Decision>,
    choices: &mut Choices,
) -> Option<Leaf> {
    let shown = commit::check(genuine, record.disclosure.as_ref()?).ok()?;
    let (proposal, decision) = (bodies::proposal(&shown.content)?, bodies::decision(&shown.content)?);
    let decision = change(decision, choices)?;
    let content: Content = bodies::decided(&proposal, &decision);
    let leaf = committed(record, genuine, &content, choices)?;
    Some(Leaf { verdict: Some(decision.verdict.rank()), ..leaf })
}

/// Gives a decision another verdict, with all the findings that led to the true one or with some of them.
fn other_verdict(decision: Decision, choices: &mut Choices) -> Option<Decision> {
    let all = [Verdict::Allow, Verdict::AllowObserved, Verdict::Deny];
    let others: Vec<Verdict> = all.into_iter().filter(|verdict| *verdict != decision.verdict).collect();
    let verdict = choices.one(&others)?.clone();
    let mut findings = decision.findings.clone();
    if choices.once_in(2) {
        findings.retain(|_| choices.once_in(2));
    }
    Some(Decision { verdict, findings, ..decision })
}

/// Leaves facts out that proposal and bundle decide, or says them otherwise; the verdict stays.
fn other_facts(decision: Decision, choices: &mut Choices) -> Option<Decision> {
    let names: Vec<_> = decision.facts.iter().filter(|fact| is_computed(fact)).map(|fact| fact.name.clone()).collect();
    let other = choices.one(&names)?;
    let mut facts = types::Facts::new();
    for fact in decision.facts.iter().filter(|fact| fact.name != *other) {
        facts.set(fact.name.clone(), fact.value.clone(), fact.source.clone(), fact.at);
    }
    Some(Decision { facts, ..decision })
}
