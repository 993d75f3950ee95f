//! A stranger's evidence: leaves, disclosures and whole bundles.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use evidence::archive::{ArchivedRecord, Custody, FORMAT, Manifest};
use evidence::commit::{self, Commitments};
use evidence::walk::Walk;
use evidence::{
    About, Archive, Content, Disclosure, Field, Item, Leaf, RecordKey, RecordKind, Standing, SubjectKey, Trust, bodies,
    verify,
};
use types::decision::Risk;
use types::id::RecordId;
use types::{
    ActionId, ActionProposal, Arguments, AutonomyLevel, Channel, Claims, Code, Decision, Digest, Facts, Finding,
    Millis, Principal, Restriction, SessionId, Stage, Verdict, cbor,
};

use crate::base::Taker;
use crate::log::{Memory, signer};

/// Leaves, one after the other as a log has them: what decodes is the one encoding, and a walk takes or refuses each.
pub fn leaf(bytes: &[u8]) {
    if let Ok(leaf) = Leaf::from_bytes(bytes) {
        assert_eq!(leaf.to_bytes(), bytes);
    }
    let mut taker = Taker::new(bytes);
    let mut walk = Walk::new();
    let mut taken = 0;
    while !taker.is_empty() {
        let length = usize::from(taker.short());
        if walk.take(taker.take(length)).is_err() {
            break;
        }
        taken += 1;
    }
    let walked = walk.finish();
    assert!(walked.records == taken && walked.open_sessions <= taken);
}

fn key() -> RecordKey {
    let record = RecordId::draw(Millis(1), [1; 10]);
    RecordKey::derive(&record, &SubjectKey::from_bytes([6; 32]), [&SubjectKey::from_bytes([5; 32])])
}

fn content() -> Content {
    let action = ActionId::draw(Millis(1), [2; 10]);
    let principal = Principal::Agent("sre-bot".parse().unwrap());
    let proposal = ActionProposal {
        id: action,
        tenant: "default".parse().unwrap(),
        principal,
        on_behalf_of: None,
        session: None,
        tool: "sre.restart".parse().unwrap(),
        definition: None,
        arguments: Arguments::parse(r#"{"service":"web"}"#, 100).unwrap(),
        claims: Claims::default(),
        channel: Channel::Mcp,
        at: Millis(1),
        plan: None,
    };
    let mut facts = Facts::new();
    facts.set(types::FactName::known("now"), 1, "test", Millis(1));
    let decision = Decision {
        action,
        action_digest: proposal.digest(),
        verdict: Verdict::Deny,
        findings: vec![Finding::new(Stage::Policy, Restriction::Deny, Code::PolicyForbids, "no", "p")],
        facts,
        risk: Risk::default(),
        level: AutonomyLevel::L1,
        policies: Vec::new(),
        obligations: Vec::new(),
        bundle: Digest::default(),
        semantics: 1,
        at: Millis(1),
        case: None,
    };
    bodies::decided(&proposal, &decision)
}

fn leaf_of(kind: RecordKind, seq: u8, previous: Option<Digest>, committed: Commitments) -> Leaf {
    Leaf {
        version: evidence::leaf::VERSION,
        kind,
        record: RecordId::draw(Millis(1), [seq; 10]),
        at: Millis(i64::from(seq)),
        action: Some(ActionId::draw(Millis(1), [2; 10])),
        session: Some(evidence::leaf::InSession {
            session: SessionId::draw(Millis(1), [3; 10]),
            seq: seq.into(),
            previous,
        }),
        bundle: None,
        verdict: (kind == RecordKind::Decided).then_some(Verdict::Deny.rank()),
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

/// Holds one record that is true: its leaf, what it says, and all of it disclosed and withheld.
struct Truth {
    leaf: Leaf,
    content: Content,
    whole: Disclosure,
    hidden: Disclosure,
}

fn truth() -> &'static Truth {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    TRUTH.get_or_init(|| {
        let content = content();
        let leaf = leaf_of(RecordKind::Decided, 0, None, commit::commitments(&key(), &content).unwrap());
        let disclosed = |open: bool| commit::disclose(&key(), &content, |_| open).unwrap();
        Truth { leaf, whole: disclosed(true), hidden: disclosed(false), content }
    })
}

/// Disclosures: whatever passes against a leaf says what the record says, or says nothing.
pub fn disclosure(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let disclosure = if taker.byte().is_multiple_of(2) {
        let Ok(disclosure) = cbor::decode::<Disclosure>(taker.rest()) else { return };
        disclosure
    } else {
        changed(truth().whole.clone(), &mut taker)
    };
    let truth = truth();
    let Ok(shown) = commit::check(&truth.leaf, &disclosure) else { return };
    for field in Field::ALL {
        let said = shown.content.bytes(field);
        assert!(said.is_none() || said == truth.content.bytes(field), "{field:?}");
    }
    assert!(shown.content.facts.iter().all(|fact| truth.content.facts.contains(fact)));
    assert!(shown.content.findings.iter().all(|finding| truth.content.findings.contains(finding)));
    let _ = (bodies::proposal(&shown.content), bodies::decision(&shown.content));
}

fn changed(mut disclosure: Disclosure, taker: &mut Taker<'_>) -> Disclosure {
    while !taker.is_empty() {
        let (which, at, what, with) = (taker.byte(), usize::from(taker.byte()), taker.byte(), taker.byte());
        let list = [&mut disclosure.fields, &mut disclosure.findings, &mut disclosure.facts];
        let Some(list) = list.into_iter().nth(usize::from(which) % 3) else { continue };
        let Some(at) = at.checked_rem(list.len()) else { continue };
        match (what % 6, &mut list[at]) {
            (0, Item::Open { value: Some(value), .. }) => value.push(with),
            (1, Item::Open { value, .. }) => *value = None,
            (2, Item::Open { salt, .. }) => salt.0[usize::from(with) % 32] ^= 1,
            (3, Item::Withheld(digest)) => digest.0[usize::from(with) % 32] ^= 1,
            (4, item) => *item = truth().hidden.fields[usize::from(with) % 12].clone(),
            (5, _) => drop(list.remove(at)),
            _ => list.swap(0, at),
        }
    }
    disclosure
}

/// Makes a bundle that holds in every part.
pub(crate) fn sound() -> &'static Archive {
    static SOUND: OnceLock<Archive> = OnceLock::new();
    SOUND.get_or_init(|| {
        let committed = || commit::commitments(&key(), &content()).unwrap();
        let first = leaf_of(RecordKind::SessionOpen, 0, None, committed()).to_bytes();
        let second = leaf_of(RecordKind::Decided, 1, Some(Leaf::hash_of(&first)), committed()).to_bytes();
        let third = leaf_of(RecordKind::Vote, 2, Some(Leaf::hash_of(&second)), committed()).to_bytes();
        let leaves = [first, second, third];
        let memory = Memory::of(leaves.iter().map(Vec::as_slice));
        let checkpoint = tlog::Checkpoint::new(signer().verifier().name(), 3, memory.root(3));
        let records = leaves.into_iter().zip(0..).map(|(leaf, index)| ArchivedRecord {
            index,
            leaf,
            proof: tlog::prove_inclusion(index, 3, &memory).unwrap(),
            disclosure: Some(truth().whole.clone()),
        });
        Archive {
            manifest: Manifest {
                format: FORMAT.to_owned(),
                about: About::action(ActionId::draw(Millis(1), [2; 10])),
                custody: Custody::default(),
                log_key: signer().verifier().to_string(),
                records: vec![0, 1, 2],
                erased: Vec::new(),
                bundles: Vec::new(),
            },
            checkpoint: checkpoint.sign(signer()).unwrap().to_string().into_bytes(),
            records: records.collect(),
            bundles: BTreeMap::new(),
            timestamp: None,
            attestation: None,
        }
    })
}

/// Files that claim to be evidence: what is read is written and read again as the same, and is verified to an end.
pub fn archive(bytes: &[u8]) {
    let Ok(archive) = Archive::from_bytes(bytes) else { return };
    let written = archive.to_bytes().unwrap();
    assert_eq!(Archive::from_bytes(&written).unwrap(), archive);
    let read: usize = archive.records.iter().map(|record| record.leaf.len() + record.proof.len() * 32).sum();
    assert!(read <= bytes.len(), "{read} bytes out of {}", bytes.len());
    let (trusted, _) = verify::archive(&archive, &Trust::Key(signer().verifier().clone()));
    let (own, _) = verify::archive(&archive, &Trust::Nobody);
    assert_ne!(own.signature_standing(), Standing::Holds, "a bundle's own key proves nothing");
    assert_eq!(trusted.records.len(), archive.records.len());
}

/// Evidence that somebody changed: the signature holds only while leaves, proofs, checkpoint and values are the true ones.
pub fn verify(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let mut archive = sound().clone();
    while !taker.is_empty() {
        alter(&mut archive, &mut taker);
    }
    let (report, _) = verify::archive(&archive, &Trust::Key(signer().verifier().clone()));
    let indices_hold = archive.records.iter().all(|record| {
        sound()
            .records
            .iter()
            .any(|one| one.index == record.index && one.leaf == record.leaf && one.proof == record.proof)
    });
    let whole = archive.records.iter().all(|record| record.disclosure == Some(truth().whole.clone()));
    if report.signature_standing() == Standing::Holds {
        assert!(indices_hold && archive.checkpoint == sound().checkpoint);
    }
    if archive == *sound() {
        assert_eq!(report.signature_standing().and(report.claim_standing()), Standing::Holds, "{report:?}");
    } else if indices_hold && whole && archive.checkpoint == sound().checkpoint && !archive.records.is_empty() {
        assert_eq!(report.signature_standing(), Standing::Holds);
    }
    let written = archive.to_bytes();
    if let Some(again) = written.ok().and_then(|bytes| Archive::from_bytes(&bytes).ok()) {
        archive.records.sort_by_key(|record| record.index);
        assert_eq!(again, archive);
    }
}

fn alter(archive: &mut Archive, taker: &mut Taker<'_>) {
    let (what, which) = (taker.byte(), usize::from(taker.byte()));
    match what % 12 {
        0 => flip(&mut archive.checkpoint, taker),
        1 => archive.manifest.about = About::Records { from: taker.long(), to: taker.long() },
        2 => archive.manifest.log_key = String::from_utf8_lossy(taker.take(which)).into_owned(),
        3 => archive.manifest.erased.push(taker.byte().into()),
        4 => archive.manifest.records.push(taker.long()),
        _ => {
            let Some(at) = which.checked_rem(archive.records.len()) else { return };
            alter_record(archive, at, what, taker);
        }
    }
}

fn alter_record(archive: &mut Archive, at: usize, what: u8, taker: &mut Taker<'_>) {
    let record = &mut archive.records[at];
    match what % 12 {
        5 => flip(&mut record.leaf, taker),
        6 => record.index = taker.long(),
        7 => {
            if let Some(hash) = record.proof.first_mut() {
                hash.0[usize::from(taker.byte()) % 32] ^= 1;
            }
        }
        8 => record.disclosure = None,
        9 => {
            record.disclosure =
                record.disclosure.take().map(|disclosure| changed(disclosure, &mut Taker::new(taker.take(8))))
        }
        10 => replace_leaf(record, taker),
        _ => drop(archive.records.remove(at)),
    }
}

/// Puts other values into a leaf, so that it still reads as one.
fn replace_leaf(record: &mut ArchivedRecord, taker: &mut Taker<'_>) {
    let Ok(mut leaf) = Leaf::from_bytes(&record.leaf) else { return };
    match taker.byte() % 5 {
        0 => leaf.at = Millis(i64::from_be_bytes(taker.long().to_be_bytes())),
        1 => leaf.verdict = Some(taker.byte()),
        2 => leaf.action = None,
        3 => leaf.kind = if taker.byte().is_multiple_of(2) { RecordKind::Erasure } else { RecordKind::Outcome },
        _ => {
            if let Some(place) = &mut leaf.session {
                place.seq = taker.long();
            }
        }
    }
    record.leaf = leaf.to_bytes();
}

fn flip(bytes: &mut Vec<u8>, taker: &mut Taker<'_>) {
    let (at, with) = (usize::from(taker.short()), taker.byte());
    match at.checked_rem(bytes.len()) {
        Some(at) if with > 0 => bytes[at] ^= with,
        Some(at) => bytes.truncate(at),
        None => bytes.push(with),
    }
}
