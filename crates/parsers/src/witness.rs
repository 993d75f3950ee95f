//! What witnesses, and those who rely on them, read: cosignatures, requests, policies and proofs.

use std::sync::OnceLock;

use tlog::{
    AddCheckpoint, Checkpoint, CosignerKey, Hash, LogProof, Note, NoteSignature, TrustPolicy, VerifierKey,
    WitnessedLog, cosignatures, leaf_hash, prove_consistency, prove_inclusion, write_log_proof,
};

use crate::base::Taker;
use crate::log::{Memory, signer};

const SIZE: u64 = 21;
const SEEN: u64 = 13;
const INDEX: u64 = 9;
const TIME: u64 = 1_790_000_000;

/// A log, its cosigned checkpoint, and what is asked and proved of it.
struct World {
    memory: Memory,
    cosigners: [CosignerKey; 2],
    known: Vec<VerifierKey>,
    /// The checkpoint as the log signed it.
    signed: Note,
    /// The checkpoint with both cosignatures.
    cosigned: String,
    policy: TrustPolicy,
    proof: Vec<u8>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    fn new() -> Self {
        let leaves: Vec<[u8; 8]> = (0..SIZE).map(u64::to_be_bytes).collect();
        let memory = Memory::of(leaves.iter().map(<[u8; 8]>::as_slice));
        let cosigners =
            [CosignerKey::ed25519("w1", &[1; 32]).unwrap(), CosignerKey::ml_dsa_44("w2", &[2; 32]).unwrap()];
        let known: Vec<VerifierKey> = cosigners.iter().map(|key| key.verifier().clone()).collect();
        let signed = checkpoint(&memory, SIZE);
        let request = AddCheckpoint::new(0, Vec::new(), signed.clone()).unwrap();
        let mut log = enrolled();
        let persisted = log.add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap();
        let cosigned = signed.clone().with(persisted.cosign(&cosigners, TIME).unwrap()).unwrap().to_string();
        let [w1, w2] = &known[..] else { unreachable!("two keys") };
        let policy =
            format!("log {}\nwitness a {w1}\nwitness b {w2}\ngroup g all a b\nquorum g\n", signer().verifier());
        let hashes = prove_inclusion(INDEX, SIZE, &memory).unwrap();
        let proof = write_log_proof(INDEX, &hashes, cosigned.as_bytes(), None);
        let policy = TrustPolicy::parse(policy.as_bytes()).unwrap();
        Self { memory, cosigners, known, signed, cosigned, policy, proof }
    }
}

fn checkpoint(memory: &Memory, size: u64) -> Note {
    Checkpoint::new(signer().verifier().name(), size, memory.root(size)).sign(signer()).unwrap()
}

fn enrolled() -> WitnessedLog {
    let keys = vec![signer().verifier().clone()];
    let state = WitnessedLog::enrol(&keys).unwrap();
    WitnessedLog::restore(keys, state.as_bytes()).unwrap()
}

/// Changes bytes of a text as the input says: sets, cuts, inserts, removes.
fn changed(taker: &mut Taker<'_>, text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    while !taker.is_empty() {
        let (what, at, with) = (taker.byte(), usize::from(taker.short()), taker.byte());
        match (what % 4, at.checked_rem(bytes.len())) {
            (0, Some(at)) => bytes[at] = with,
            (1, Some(at)) => bytes.truncate(at),
            (2, Some(at)) => bytes.insert(at, with),
            (3, Some(at)) => drop(bytes.remove(at)),
            _ => bytes.push(with),
        }
    }
    bytes
}

/// Signature lines: what parses prints as it was read, and a changed checkpoint keeps no cosignature.
pub fn cosignature(bytes: &[u8]) {
    if let Ok(lines) = NoteSignature::parse_lines(bytes) {
        let printed: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(printed.as_bytes(), bytes);
        let plain = world().signed.clone();
        let Ok(note) = plain.with(lines) else { return };
        assert!(cosignatures(&note, &world().known).is_err(), "nobody signs by chance");
    }
    let World { cosigned, known, .. } = world();
    let Ok(note) = Note::parse(&changed(&mut Taker::new(bytes), cosigned.as_bytes())) else { return };
    let true_note = Note::parse(cosigned.as_bytes()).unwrap();
    let Ok(valid) = cosignatures(&note, known) else { return };
    let head = |note: &Note| note.text().lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(head(&note), head(&true_note));
    for cosignature in valid {
        // ML-DSA-44 does not sign extension lines.
        assert!(cosignature.key == &known[1] || note.text() == true_note.text());
        assert!(true_note.signatures().contains(cosignature.line) && cosignature.time == TIME);
    }
}

/// Requests to a witness: what parses prints as it was read, and of a true one's changes only the true one grows the log.
pub fn add_checkpoint(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let is_raw = taker.byte().is_multiple_of(2);
    let World { memory, signed, cosigners, .. } = world();
    let proof = prove_consistency(SEEN, SIZE, memory).unwrap();
    let grown = AddCheckpoint::new(SEEN, proof, signed.clone()).unwrap();
    let body = if is_raw { taker.rest().to_vec() } else { changed(&mut taker, grown.to_string().as_bytes()) };
    let Ok(request) = AddCheckpoint::parse(&body) else { return };
    assert_eq!(request.to_string().as_bytes(), body);
    let seen = checkpoint(memory, SEEN).to_string();
    let mut log = WitnessedLog::restore(vec![signer().verifier().clone()], seen.as_bytes()).unwrap();
    let Ok(pending) = log.add(&request) else {
        assert_eq!(log.latest().size, SEEN);
        return;
    };
    assert_eq!((request.old(), request.proof(), request.note().text()), (SEEN, grown.proof(), signed.text()));
    let store = |state: &[u8]| {
        assert_eq!(state, signed.to_string().as_bytes());
        Ok::<_, ()>(())
    };
    let lines = pending.persist(store).unwrap().cosign(cosigners, TIME).unwrap();
    assert_eq!((lines.len(), log.latest().size), (2, SIZE));
}

/// Trust policies: with all witnesses there is a quorum, one more never loses it, and an error names a line there is.
pub fn trust_policy(bytes: &[u8]) {
    // Nobody guesses a key, so a word stands for each.
    let keys = [("LOG", signer().verifier()), ("WIT", &world().known[0]), ("NESS", &world().known[1])];
    let text = String::from_utf8_lossy(bytes).into_owned();
    let text = keys.iter().fold(text, |text, (word, key)| text.replace(word, &key.to_string()));
    let policy = match TrustPolicy::parse(text.as_bytes()) {
        Ok(policy) => policy,
        Err(error) => {
            let lines = text.split_inclusive('\n').count();
            assert!((1..=lines.max(1)).contains(&error.line), "{error} of {lines} lines");
            return;
        }
    };
    let names: Vec<&[u8]> = policy.witnesses().iter().map(|witness| witness.name.as_slice()).collect();
    let quorums: Vec<bool> = (0..=names.len()).map(|count| policy.is_quorum(&names[..count])).collect();
    assert!(quorums.is_sorted() && quorums.last() == Some(&true), "{quorums:?}");
    let World { signed, cosigned, .. } = world();
    let knows_log = policy.logs().iter().any(|log| log.key == *signer().verifier());
    assert_eq!(policy.open(signed.to_string().as_bytes()).is_ok(), knows_log && quorums[0]);
    assert_eq!(policy.open(cosigned.as_bytes()).is_ok(), knows_log);
}

/// Proofs for offline use: what parses prints as it was read, and of a true one's changes none proves another claim.
pub fn log_proof(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let is_raw = taker.byte().is_multiple_of(2);
    let World { policy, proof: true_proof, .. } = world();
    let text = if is_raw { taker.rest().to_vec() } else { changed(&mut taker, true_proof) };
    let Ok(proof) = LogProof::parse(&text) else { return };
    assert_eq!(proof.to_bytes(), text);
    let leaf = leaf_hash(&INDEX.to_be_bytes());
    let other: Hash = leaf_hash(b"never logged");
    assert!(proof.verify(&other, policy).is_err());
    if let Ok(trusted) = proof.verify(&leaf, policy) {
        assert_eq!((proof.index, trusted.checkpoint.size, trusted.witnesses.len()), (INDEX, SIZE, 2));
    }
}
