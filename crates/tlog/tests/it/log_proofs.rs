//! Proofs for offline use: form, verification against a policy, a proof that another program made.

use countersign_tlog::log_proof::LOG_PROOF_LEN_MAX;
use countersign_tlog::{
    Hash, LogProof, LogProofError, ProofError, TrustError, TrustPolicy, leaf_hash, prove_inclusion, write_log_proof,
};
use proptest::prelude::*;

use crate::support::{checkpoint, cosigned, ed25519, entry, leaves, log_key, read};

const ORIGIN: &str = "log.example";
const SIZE: usize = 7;

fn policy() -> TrustPolicy {
    let text = format!("log {}\nwitness w {}\nquorum w\n", log_key(ORIGIN).verifier(), ed25519("w").verifier());
    TrustPolicy::parse(text.as_bytes()).unwrap()
}

fn checkpoint_bytes() -> Vec<u8> {
    cosigned(&checkpoint(ORIGIN, SIZE), &[ed25519("w")], 1_790_000_000).to_string().into_bytes()
}

fn proof_bytes(index: u64, extra: Option<&[u8]>) -> Vec<u8> {
    let hashes = prove_inclusion(index, SIZE as u64, &*leaves(SIZE)).unwrap();
    write_log_proof(index, &hashes, &checkpoint_bytes(), extra)
}

#[test]
fn what_is_written_is_read_and_verified_for_each_entry() {
    for index in 0..SIZE {
        for extra in [None, Some(&b""[..]), Some(b"salt \xff")] {
            let bytes = proof_bytes(index as u64, extra);
            let proof = LogProof::parse(&bytes).unwrap();
            assert_eq!((proof.index, proof.extra.as_deref()), (index as u64, extra));
            assert_eq!(proof.checkpoint.to_string().into_bytes(), checkpoint_bytes());
            assert_eq!(proof.to_bytes(), bytes);
            let (policy, leaf) = (policy(), leaf_hash(&entry(index)));
            let trusted = proof.verify(&leaf, &policy).unwrap();
            assert_eq!(trusted.checkpoint, checkpoint(ORIGIN, SIZE));
            assert_eq!(trusted.witnesses[0].time, 1_790_000_000);
        }
    }
}

#[test]
fn the_text_is_that_of_the_specification() {
    let hashes = [Hash([0; 32]), Hash([255; 32])];
    let written = write_log_proof(73_894, &hashes, b"log.example\n", Some(b"extra"));
    assert_eq!(
        String::from_utf8(written).unwrap(),
        "c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 73894\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
         //////////////////////////////////////////8=\n\nlog.example\n"
    );
}

#[test]
fn a_proof_that_another_program_made_verifies() {
    let policy = TrustPolicy::parse(&read("cosigned/policy")).unwrap();
    let bytes = read("cosigned/entry-3.tlog-proof");
    let proof = LogProof::parse(&bytes).unwrap();
    let trusted = proof.verify(&leaf_hash(b"entry 3"), &policy).unwrap();
    let witnesses: Vec<_> = trusted.witnesses.iter().map(|cosigned| (&*cosigned.witness.name, cosigned.time)).collect();
    assert_eq!(witnesses, [(&b"ed"[..], 1_790_000_001), (b"ml", 1_790_000_002)]);
    assert_eq!((trusted.checkpoint.origin.as_str(), trusted.checkpoint.size), ("log.example/five", 5));
    assert_eq!(proof.to_bytes(), bytes);
    let other = proof.verify(&leaf_hash(b"entry 4"), &policy).unwrap_err();
    assert_eq!(other.code(), "proof-root-mismatch");
}

#[test]
fn another_entry_or_index_is_refused() {
    let policy = policy();
    let mut proof = LogProof::parse(&proof_bytes(3, None)).unwrap();
    let leaf = leaf_hash(&entry(3));
    let error = proof.verify(&leaf_hash(b"another"), &policy).unwrap_err();
    assert!(matches!(error, LogProofError::Inclusion(ProofError::RootMismatch { .. })), "{error}");
    proof.index = 2;
    assert!(proof.verify(&leaf, &policy).is_err());
    proof.index = SIZE as u64;
    assert_eq!(proof.verify(&leaf, &policy).unwrap_err().code(), "proof-index-out-of-range");
    proof.index = 3;
    proof.hashes.pop();
    assert_eq!(proof.verify(&leaf, &policy).unwrap_err().code(), "proof-wrong-length");
}

#[test]
fn a_checkpoint_without_the_quorum_is_refused() {
    let note = checkpoint(ORIGIN, SIZE).sign(&log_key(ORIGIN)).unwrap().to_string();
    let hashes = prove_inclusion(3, SIZE as u64, &*leaves(SIZE)).unwrap();
    let proof = LogProof::parse(&write_log_proof(3, &hashes, note.as_bytes(), None)).unwrap();
    let (policy, leaf) = (policy(), leaf_hash(&entry(3)));
    let error = proof.verify(&leaf, &policy).unwrap_err();
    assert_eq!(error, LogProofError::Trust(TrustError::NoQuorum { valid: 0 }));
    assert_eq!(error.code(), "policy-quorum-missing");
}

#[test]
fn malformed_proofs_are_refused() {
    let good = String::from_utf8(proof_bytes(3, Some(b"extra"))).unwrap();
    let hash = good.lines().nth(3).unwrap().to_owned();
    let swap = |from: &str, to: &str| good.replacen(from, to, 1);
    let cases = [
        (String::new(), LogProofError::Header),
        (swap("@v1", "@v2"), LogProofError::Header),
        (swap("@v1\n", "@v1\r\n"), LogProofError::Header),
        (swap("c2sp", " c2sp"), LogProofError::Header),
        (good[..good.find("\n\n").unwrap()].to_owned(), LogProofError::NoCheckpoint),
        (swap("extra ZXh0cmE=", "extra ZXh0cmE"), LogProofError::Line(2)),
        (swap("extra ZXh0cmE=", "extra ZXh0cmF="), LogProofError::Line(2)),
        (swap("extra ", "Extra "), LogProofError::Line(2)),
        (swap("index 3", "index 03"), LogProofError::Line(3)),
        (swap("index 3", "index +3"), LogProofError::Line(3)),
        (swap("index 3", "index 18446744073709551616"), LogProofError::Line(3)),
        (swap("index 3\n", "index 3\nindex 3\n"), LogProofError::Line(4)),
        (swap("index 3\n", ""), LogProofError::Line(3)),
        (swap("extra ZXh0cmE=\n", "extra ZXh0cmE=\nextra ZXh0cmE=\n"), LogProofError::Line(3)),
        (swap(&hash, &hash[..40]), LogProofError::Line(4)),
        (swap(&hash, &format!(" {hash}")), LogProofError::Line(4)),
        (swap("index 3\n", &format!("index 3\n{}", format!("{hash}\n").repeat(62))), LogProofError::TooManyHashes),
    ];
    for (text, error) in cases {
        assert_eq!(LogProof::parse(text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(LogProof::parse(b"\xff").unwrap_err(), LogProofError::NotUtf8);
    let long = vec![b'a'; LOG_PROOF_LEN_MAX + 1];
    let error = LogProof::parse(&long).unwrap_err();
    assert_eq!((error.code(), error), ("log-proof-too-large", LogProofError::TooLong(LOG_PROOF_LEN_MAX + 1)));
    let no_checkpoint = "c2sp.org/tlog-proof@v1\nindex 0\n\nno checkpoint\n\n— a AAAAAAA=\n";
    assert_eq!(LogProof::parse(no_checkpoint.as_bytes()).unwrap_err().code(), "checkpoint-malformed");
    let no_note = "c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example\n";
    assert_eq!(LogProof::parse(no_note.as_bytes()).unwrap_err().code(), "note-malformed");
}

proptest! {
    #[test]
    fn one_changed_byte_never_verifies_as_another_claim(at in 0usize..500, with in any::<u8>()) {
        let good = proof_bytes(3, None);
        let at = at % good.len();
        let mut bytes = good.clone();
        bytes[at] = with;
        prop_assume!(bytes != good);
        let policy = policy();
        if let Ok(proof) = LogProof::parse(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
            prop_assert!(proof.verify(&leaf_hash(&entry(3)), &policy).is_err());
        }
    }
}
