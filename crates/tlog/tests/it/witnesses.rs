//! The witness: the order of its checks, what it stores, and that it signs nothing that is not stored.

use std::cell::RefCell;

use countersign_tlog::{
    AddCheckpoint, Checkpoint, CosignerKey, Hash, Note, ProofError, Refusal, SignerKey, StateError, VerifierKey,
    WitnessedLog, empty_root, leaf_hash, prove_consistency,
};
use proptest::prelude::*;

use crate::support::{checkpoint, cosigned, ed25519, leaves, log_key, ml_dsa};

const ORIGIN: &str = "log.example";
const TIME: u64 = 1_790_000_000;

fn log_keys() -> Vec<VerifierKey> {
    vec![log_key(ORIGIN).verifier().clone()]
}

fn enrolled() -> WitnessedLog {
    WitnessedLog::restore(log_keys(), WitnessedLog::enrol(&log_keys()).unwrap().as_bytes()).unwrap()
}

/// The log whose checkpoint of this size was cosigned.
fn seen(size: usize) -> WitnessedLog {
    let state = checkpoint(ORIGIN, size).sign(&log_key(ORIGIN)).unwrap().to_string();
    WitnessedLog::restore(log_keys(), state.as_bytes()).unwrap()
}

fn signed(size: usize) -> Note {
    checkpoint(ORIGIN, size).sign(&log_key(ORIGIN)).unwrap()
}

fn grown(old: usize, size: usize) -> AddCheckpoint {
    let proof = if old == 0 { Vec::new() } else { prove_consistency(old as u64, size as u64, &*leaves(size)).unwrap() };
    AddCheckpoint::new(old as u64, proof, signed(size)).unwrap()
}

fn asked(old: u64, proof: Vec<Hash>, note: Note) -> AddCheckpoint {
    AddCheckpoint::new(old, proof, note).unwrap()
}

fn refusal(log: &mut WitnessedLog, request: &AddCheckpoint) -> (u16, &'static str) {
    let refusal = log.add(request).unwrap_err();
    (refusal.status(), refusal.code())
}

/// Persists in memory and returns what was stored.
fn persist(log: &mut WitnessedLog, request: &AddCheckpoint) -> Vec<u8> {
    let mut stored = Vec::new();
    let store = |bytes: &[u8]| {
        stored = bytes.to_vec();
        Ok::<_, ()>(())
    };
    log.add(request).unwrap().persist(store).unwrap();
    stored
}

#[test]
fn a_log_is_followed_from_its_first_checkpoint_on() {
    let mut log = enrolled();
    let keys = [ed25519("w"), ml_dsa("w")];
    for (old, size) in [(0, 0), (0, 1), (1, 1), (1, 7), (7, 8), (8, 300)] {
        let request = grown(old, size);
        let lines = log.add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap().cosign(&keys, TIME).unwrap();
        let note = request.note().clone().with(lines).unwrap();
        let known: Vec<VerifierKey> = keys.iter().map(|key| key.verifier().clone()).collect();
        assert_eq!(note.verify(&known).unwrap().known.len(), 2);
        assert_eq!(log.latest(), &checkpoint(ORIGIN, size));
    }
}

#[test]
fn every_check_has_its_status() {
    let fork = Checkpoint::new(ORIGIN, 7, leaf_hash(b"another tree")).sign(&log_key(ORIGIN)).unwrap();
    let foreign = checkpoint("other.example", 7).sign(&log_key("other.example")).unwrap();
    let stranger = checkpoint(ORIGIN, 7).sign(&SignerKey::ed25519(ORIGIN, &[9; 32]).unwrap()).unwrap();
    let forged = Note::parse(signed(7).to_string().replacen("\n7\n", "\n8\n", 1).as_bytes()).unwrap();
    let proof = || prove_consistency(3, 7, &*leaves(7)).unwrap();
    let mut bent = proof();
    bent[0].0[0] ^= 1;
    let cases = [
        (3, asked(3, proof(), foreign), 404, "witness-log-unknown"),
        (3, asked(3, proof(), stranger), 403, "note-key-unknown"),
        (3, asked(3, proof(), forged), 403, "note-signature-invalid"),
        (3, asked(8, Vec::new(), signed(7)), 400, "witness-old-beyond-size"),
        (3, asked(2, proof(), signed(7)), 409, "witness-old-conflict"),
        (3, asked(0, Vec::new(), signed(7)), 409, "witness-old-conflict"),
        (7, asked(3, proof(), signed(7)), 409, "witness-old-conflict"),
        (3, asked(3, Vec::new(), signed(7)), 422, "proof-wrong-length"),
        (3, asked(3, bent, signed(7)), 422, "proof-root-mismatch"),
        (3, asked(3, proof(), fork.clone()), 422, "proof-root-mismatch"),
        (7, asked(7, Vec::new(), fork), 422, "proof-root-mismatch"),
        (7, asked(7, proof(), signed(7)), 422, "proof-wrong-length"),
        (0, asked(0, proof(), signed(7)), 422, "proof-wrong-length"),
    ];
    for (stored, request, status, code) in cases {
        let mut log = if stored == 0 { enrolled() } else { seen(stored) };
        assert_eq!(refusal(&mut log, &request), (status, code), "stored {stored}, {request}");
        assert_eq!(log.latest().size, stored as u64, "a refusal changes nothing");
    }
    let error = seen(3).add(&asked(2, proof(), signed(7))).map(|_| ()).unwrap_err();
    assert_eq!(error, Refusal::Conflict { old: 2, latest: 3 });
}

/// A request that is wrong in everything: each repair lets the next check speak, in the order of the protocol.
#[test]
fn the_checks_come_in_the_order_of_the_protocol() {
    let empty = |origin: &str, key: &SignerKey| {
        let text = format!("{origin}\n0\n{}\n", leaf_hash(b"no empty tree").to_base64());
        Note::sign(&text, key).unwrap()
    };
    let (ours, theirs) = (log_key(ORIGIN), SignerKey::ed25519(ORIGIN, &[9; 32]).unwrap());
    let junk = || vec![Hash([7; 32])];
    let status = |log: &mut WitnessedLog, request: AddCheckpoint| refusal(log, &request).0;
    assert_eq!(status(&mut seen(3), asked(9, junk(), empty("other.example", &theirs))), 404);
    assert_eq!(status(&mut seen(3), asked(9, junk(), empty(ORIGIN, &theirs))), 403);
    assert_eq!(status(&mut seen(3), asked(9, junk(), empty(ORIGIN, &ours))), 400);
    assert_eq!(status(&mut seen(3), asked(0, junk(), empty(ORIGIN, &ours))), 409);
    let refused = enrolled().add(&asked(0, junk(), empty(ORIGIN, &ours))).map(|_| ()).unwrap_err();
    assert_eq!((refused.status(), refused), (422, Refusal::EmptyRoot));
    let empty_tree = Checkpoint::new(ORIGIN, 0, empty_root()).sign(&ours).unwrap();
    let refused = enrolled().add(&asked(0, junk(), empty_tree.clone())).map(|_| ()).unwrap_err();
    assert_eq!((refused.status(), refused), (422, Refusal::Proof(ProofError::WrongLength { hashes: 1 })));
    assert!(enrolled().add(&asked(0, Vec::new(), empty_tree)).is_ok());
}

#[test]
fn a_known_key_with_a_bad_signature_is_refused_beside_a_good_one() {
    let second = SignerKey::ed25519(ORIGIN, &[2; 32]).unwrap();
    let bad = Checkpoint::new(ORIGIN, 8, leaf_hash(b"")).sign(&second).unwrap().signatures()[0].clone();
    let note = signed(7).with([bad]).unwrap();
    let mut log = enrolled();
    assert!(log.add(&asked(0, Vec::new(), note.clone())).is_ok(), "the second key is unknown");
    let keys = vec![log_key(ORIGIN).verifier().clone(), second.verifier().clone()];
    let mut log = WitnessedLog::restore(keys.clone(), WitnessedLog::enrol(&keys).unwrap().as_bytes()).unwrap();
    assert_eq!(refusal(&mut log, &asked(0, Vec::new(), note)), (403, "note-signature-invalid"));
}

#[test]
fn signatures_by_strangers_are_neither_stored_nor_returned() {
    let strangers = cosigned(&checkpoint(ORIGIN, 7), &[ed25519("stranger"), ml_dsa("stranger")], TIME);
    let mut log = enrolled();
    let stored = persist(&mut log, &asked(0, Vec::new(), strangers));
    assert_eq!(String::from_utf8(stored).unwrap(), signed(7).to_string());
}

#[test]
fn what_is_stored_restores_the_log() {
    let mut log = enrolled();
    for (old, size) in [(0, 0), (0, 5), (5, 9)] {
        let stored = persist(&mut log, &grown(old, size));
        log = WitnessedLog::restore(log_keys(), &stored).unwrap();
        assert_eq!((log.origin(), log.latest()), (ORIGIN, &checkpoint(ORIGIN, size)));
    }
}

#[test]
fn nothing_is_known_before_it_is_stored() {
    let mut log = enrolled();
    let order = RefCell::new(Vec::new());
    let pending = log.add(&grown(0, 7)).unwrap();
    let persisted = pending.persist(|bytes| {
        order.borrow_mut().push("stored");
        assert_eq!(bytes, signed(7).to_string().as_bytes());
        Ok::<_, ()>(())
    });
    let lines = persisted.unwrap().cosign(&[ed25519("w")], TIME).unwrap();
    order.borrow_mut().push("signed");
    assert_eq!((order.into_inner(), lines.len()), (vec!["stored", "signed"], 1));
    // A checkpoint that passed but was never persisted leaves no trace.
    drop(log.add(&grown(7, 9)).unwrap());
    assert_eq!(log.latest().size, 7);
    assert!(log.add(&grown(7, 8)).is_ok());
}

#[test]
fn a_failed_store_stops_the_log_until_it_is_restored() {
    let mut log = seen(3);
    let failed = log.add(&grown(3, 7)).unwrap().persist(|_| Err("no space")).map(|_| ());
    assert_eq!(failed, Err("no space"));
    for request in [grown(3, 7), grown(3, 5), grown(7, 8), grown(3, 3)] {
        assert_eq!(refusal(&mut log, &request), (503, "witness-log-stopped"));
    }
    let stranger = checkpoint(ORIGIN, 7).sign(&SignerKey::ed25519(ORIGIN, &[9; 32]).unwrap()).unwrap();
    assert_eq!(refusal(&mut log, &asked(3, Vec::new(), stranger)).0, 403);
    assert!(seen(3).add(&grown(3, 7)).is_ok());
}

#[test]
fn a_store_that_panics_stops_the_log_as_well() {
    let mut log = seen(3);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = log.add(&grown(3, 7)).unwrap().persist(|_| -> Result<(), ()> { panic!("planted") });
    }));
    assert!(caught.is_err());
    assert_eq!(refusal(&mut log, &grown(3, 7)), (503, "witness-log-stopped"));
}

#[test]
fn a_state_is_restored_strictly() {
    let restore = |state: &[u8]| WitnessedLog::restore(log_keys(), state).map(|_| ()).map_err(|error| error.code());
    let enrolled = WitnessedLog::enrol(&log_keys()).unwrap();
    assert_eq!(enrolled, Checkpoint::new(ORIGIN, 0, empty_root()).to_text().unwrap());
    assert_eq!(restore(enrolled.as_bytes()), Ok(()));
    assert_eq!(restore(b""), Err("note-malformed"));
    assert_eq!(restore(enrolled.replacen("\n0\n", "\n7\n", 1).as_bytes()), Err("note-malformed"));
    assert_eq!(restore(format!("{enrolled}ext\n").as_bytes()), Err("note-malformed"));
    let unsigned = Checkpoint::new("other.example", 0, empty_root()).to_text().unwrap();
    assert_eq!(restore(unsigned.as_bytes()), Err("note-malformed"));
    let state = signed(7).to_string();
    assert_eq!(restore(state.as_bytes()), Ok(()));
    assert_eq!(restore(&state.as_bytes()[..state.len() - 1]), Err("note-malformed"));
    assert_eq!(restore(state.replacen("\n7\n", "\n6\n", 1).as_bytes()), Err("note-signature-invalid"));
    let stranger = checkpoint(ORIGIN, 7).sign(&SignerKey::ed25519(ORIGIN, &[9; 32]).unwrap()).unwrap().to_string();
    assert_eq!(restore(stranger.as_bytes()), Err("note-key-unknown"));
    let other = checkpoint("other.example", 7).sign(&log_key(ORIGIN)).map(|_| ());
    assert!(other.is_err(), "a log does not sign another's checkpoint by itself");
    let text = checkpoint("other.example", 7).to_text().unwrap();
    let other = Note::sign(&text, &log_key(ORIGIN)).unwrap().to_string();
    assert_eq!(restore(other.as_bytes()), Err("checkpoint-origin-mismatch"));
}

#[test]
fn a_log_has_keys_that_logs_can_have() {
    let enrol = |keys: &[VerifierKey]| WitnessedLog::enrol(keys);
    let other = log_key("other.example").verifier().clone();
    assert_eq!(enrol(&[]), Err(StateError::Keys));
    assert_eq!(enrol(&[log_keys().remove(0), other]), Err(StateError::Keys));
    assert_eq!(enrol(&[ed25519("w").verifier().clone()]), Err(StateError::KeyType(4)));
    assert!(enrol(&[ml_dsa("w").verifier().clone()]).is_ok());
    let (fits, long) = (log_key(&"n".repeat(255)), log_key(&"n".repeat(256)));
    assert!(enrol(&[fits.verifier().clone()]).is_ok());
    assert_eq!(enrol(&[long.verifier().clone()]), Err(StateError::NameTooLong));
}

#[test]
fn extension_lines_are_carried_but_prove_nothing() {
    let mut extended = checkpoint(ORIGIN, 7);
    extended.extension = vec!["a line".to_owned()];
    let note = extended.sign(&log_key(ORIGIN)).unwrap();
    let mut log = enrolled();
    let stored = persist(&mut log, &asked(0, Vec::new(), note.clone()));
    assert_eq!(stored, note.to_string().into_bytes());
    assert_eq!(log.latest(), &extended);
    assert!(log.add(&grown(7, 7)).is_ok(), "the same tree without the line is no fork");
}

#[test]
fn a_cosignature_that_cannot_be_made_is_an_error_not_a_silence() {
    let mut log = enrolled();
    let persisted = log.add(&grown(0, 7)).unwrap().persist(|_| Ok::<_, ()>(())).unwrap();
    let keys: [CosignerKey; 1] = [ed25519("w")];
    assert_eq!(persisted.cosign(&keys, 0).unwrap_err().code(), "cosignature-time");
    assert_eq!(persisted.cosign(&[], TIME).unwrap(), []);
}

proptest! {
    /// Whatever is asked in whatever order, each cosigned tree extends the one before it.
    #[test]
    fn no_two_cosigned_trees_contradict(steps in prop::collection::vec((0usize..12, 0usize..12, any::<bool>()), 1..40)) {
        let mut log = enrolled();
        let mut latest = 0;
        for (old, size, is_fork) in steps {
            let request = if is_fork {
                let root = leaf_hash(&[old as u8, size as u8]);
                let note = Checkpoint::new(ORIGIN, size as u64 + 1, root).sign(&log_key(ORIGIN)).unwrap();
                let proof = if old == 0 || old > size { Vec::new() } else { grown(old, size).proof().to_vec() };
                // The first checkpoint has nothing to contradict, so a fork is one only after it.
                if latest == 0 { continue }
                asked(old as u64, proof, note)
            } else if old <= size {
                grown(old, size)
            } else {
                asked(old as u64, Vec::new(), signed(size))
            };
            let added = log.add(&request).map(|pending| pending.persist(|_| Ok::<_, ()>(())).map(|_| ()));
            prop_assert_eq!(added.is_ok(), !is_fork && old == latest && old <= size);
            if added.is_ok() { latest = size }
            prop_assert_eq!(log.latest(), &checkpoint(ORIGIN, latest));
        }
    }
}
