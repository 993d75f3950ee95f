//! Cosignatures that no witness has made for what they stand below.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::published::{CHECKPOINT, WITNESSED};
use tlog::{AddCheckpoint, CosignerKey, Note, VerifierKey, WitnessedLog};

use crate::case::{Draft, Given, Reader};
use crate::edits::{altered, grow, relink};
use crate::material::{Material, Record};
use crate::published::{kept, kept_notes};
use crate::random::Choices;
use crate::render::{note_bytes, signed, tiles};

const INVALID: &str = "note-signature-invalid";
const TOO_FEW: &str = "policy-quorum-missing";

/// Puts cosignatures below a checkpoint that has to do with one record.
pub(crate) fn draw(material: &Material, index: usize, choices: &mut Choices) -> Option<Draft> {
    let (records, what) = base(material, index, choices);
    let (note, how, first) = if records.len() == index + 1 && what.is_empty() {
        multiplied(material, index + 1, choices)
    } else {
        made_up(material, &signed(material, &records), choices)
    };
    let mut files = tiles(&records, &BTreeSet::from([records.len()]), choices.once_in(3));
    let place = if choices.once_in(2) { CHECKPOINT } else { WITNESSED };
    files.insert(CHECKPOINT.to_owned(), note_bytes(&signed(material, &records)));
    files.insert(place.to_owned(), note.into_bytes().into());
    let kept = kept(material, choices, 0);
    let given = Given::Log { files, kept: kept_notes(material, &kept) };
    let how = format!("record {index}{what}: {how}, in `{place}`, kept {kept:?}");
    Some(Draft { how, reader: Reader::Policy, given, first: vec![first], also: Vec::new() })
}

/// Returns the log up to the record as it was, or rewritten at it, or grown behind it.
fn base(material: &Material, index: usize, choices: &mut Choices) -> (Vec<Record>, &'static str) {
    match choices.below(3) {
        0 => (material.records[..=index].to_vec(), ""),
        1 => {
            let mut records = material.records.clone();
            let mut leaf = records[index].leaf().clone();
            altered(&mut leaf, choices);
            records[index] = Record::written(leaf);
            relink(&mut records, true);
            (records, " changed")
        }
        _ => {
            let mut records = material.records[..=index].to_vec();
            let more = choices.between(1, 9);
            grow(material, &mut records, more, choices);
            (records, " followed by others")
        }
    }
}

/// Puts one witness's true cosignature below its checkpoint several times, or beside one that was made up.
fn multiplied(material: &Material, size: usize, choices: &mut Choices) -> (String, String, &'static str) {
    let cosigned = material.checkpoint(size);
    let line = cosigned.lines[0].to_string();
    if choices.once_in(2) {
        let below = |line: String| format!("{}{line}\n", cosigned.signed);
        let (line_made, how, first) = line_by(material, &cosigned.signed, 1, choices);
        return (format!("{}{line_made}\n", below(line)), format!("a true cosignature and {how}"), first);
    }
    let mut lines: Vec<String> = vec![line; choices.between(1, 4)];
    let times = choices.below(3);
    lines.extend(vec![cosigned.again.to_string(); times]);
    let below: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (format!("{}{below}", cosigned.signed), format!("one witness {} times", lines.len()), TOO_FEW)
}

/// Puts made-up cosignatures of two or three witnesses below a checkpoint.
pub(crate) fn made_up(material: &Material, signed: &Note, choices: &mut Choices) -> (String, String, &'static str) {
    let mut note = signed.to_string();
    let mut hows = Vec::new();
    let mut worst = TOO_FEW;
    for n in 0..choices.between(2, 3) {
        let (line, how, first) = line_by(material, signed, n, choices);
        note.push_str(&format!("{line}\n"));
        hows.push(how);
        worst = if first == INVALID { INVALID } else { worst };
    }
    (note, hows.join(", "), worst)
}

/// Makes up the line of a witness; says how, and for which reason it must be refused.
fn line_by(material: &Material, signed: &Note, n: usize, choices: &mut Choices) -> (String, String, &'static str) {
    let witness = &material.policy.witnesses()[n].key;
    let time = choices.between(1_700_000_000, 1_800_000_000) as u64;
    let with = |signature: &[u8]| line(witness, &[&time.to_be_bytes()[..], signature].concat());
    match choices.below(6) {
        0 => (with(&choices.bytes::<64>()), "random bytes".into(), INVALID),
        1 => {
            let own = own_key(witness.name(), choices);
            (own_line(material, &own, signed, time).to_string(), "a key of his own under its name".into(), TOO_FEW)
        }
        2 => {
            let own = own_key(witness.name(), choices);
            let made = own_line(material, &own, signed, time);
            (line(witness, made.signature()), "a key of his own under its name and id".into(), INVALID)
        }
        3 => {
            let from = material.checkpoint(choices.between(1, material.size()));
            let borrowed = choices.one(&from.lines).unwrap().signature()[8..].to_vec();
            (with(&borrowed), "a cosignature of another checkpoint at another time".into(), INVALID)
        }
        4 => (with(signed.signatures()[0].signature()), "the log's own signature".into(), INVALID),
        _ => {
            let length = choices.between(0, 63);
            (with(&choices.bytes::<64>()[..length]), format!("{length} bytes"), INVALID)
        }
    }
}

fn line(key: &VerifierKey, signature: &[u8]) -> String {
    let id = tlog::KeyId::compute(key.name(), key.algorithm(), key.public_key());
    format!("— {} {}", key.name(), STANDARD.encode([&id.0[..], signature].concat()))
}

fn own_key(name: &str, choices: &mut Choices) -> CosignerKey {
    CosignerKey::ed25519(name, &choices.bytes()).unwrap()
}

/// Cosigns as a witness does that was enrolled just now and has seen nothing.
fn own_line(material: &Material, key: &CosignerKey, signed: &Note, time: u64) -> tlog::NoteSignature {
    let keys = vec![material.key.verifier().clone()];
    let enrolled = WitnessedLog::enrol(&keys).unwrap();
    let mut log = WitnessedLog::restore(keys, enrolled.as_bytes()).unwrap();
    let request = AddCheckpoint::new(0, Vec::new(), signed.clone()).unwrap();
    let persisted = log.add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap();
    persisted.cosign(std::slice::from_ref(key), time).unwrap().remove(0)
}
