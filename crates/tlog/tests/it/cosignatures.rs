//! Cosignatures: what is signed, by which key, when, and what does not verify.

use countersign_tlog::cosignature::{TIME_MAX, cosignatures as valid};
use countersign_tlog::{
    Checkpoint, CheckpointError, CosignError, CosignerKey, Note, NoteError, NoteSignature, SignerKey, VerifierKey,
    empty_root,
};
use fips204::ml_dsa_44;
use fips204::traits::{KeyGen, SerDes, Signer, Verifier};

use crate::support::{checkpoint, cosignatures, cosigned, ed25519, log_key, ml_dsa};

const TIME: u64 = 1_790_000_000;
const ORIGIN: &str = "log.example";

/// The `cosigned_message` of the specification, field by field.
fn message(name: &str, time: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut message = b"subtree/v1\n\0".to_vec();
    message.push(name.len() as u8);
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&time.to_be_bytes());
    message.push(checkpoint.origin.len() as u8);
    message.extend_from_slice(checkpoint.origin.as_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(checkpoint.root.as_bytes());
    message
}

/// The note with one more signature line of these bytes.
fn with_line(note: &Note, key: &VerifierKey, signature: &[u8]) -> Note {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode([key.id().0.as_slice(), signature].concat());
    Note::parse(format!("{note}— {} {encoded}\n", key.name()).as_bytes()).unwrap()
}

fn keys(signers: &[&CosignerKey]) -> Vec<VerifierKey> {
    signers.iter().map(|signer| signer.verifier().clone()).collect()
}

#[test]
fn both_algorithms_cosign_and_the_time_is_read_back() {
    let signers = [ed25519("w1"), ml_dsa("w2")];
    let note = cosigned(&checkpoint(ORIGIN, 7), &signers, TIME);
    let known = keys(&[&signers[0], &signers[1]]);
    let found = valid(&note, &known).unwrap();
    let seen: Vec<_> = found.iter().map(|cosignature| (cosignature.key.name(), cosignature.time)).collect();
    assert_eq!(seen, [("w1", TIME), ("w2", TIME)]);
    assert_eq!(found[0].line.signature().len(), 8 + 64);
    assert_eq!(found[1].line.signature().len(), 8 + 2420);
    let log = log_key(ORIGIN).verifier().clone();
    assert_eq!(note.signatures()[0].time(&log), None);
    assert_eq!(valid(&note, &[log]).unwrap(), []);
}

#[test]
fn an_ed25519_cosigner_signs_a_header_a_time_and_the_whole_text() {
    let signer = ed25519("w");
    let mut checkpoint = checkpoint(ORIGIN, 7);
    checkpoint.extension = vec!["an extension line".to_owned()];
    let note = cosigned(&checkpoint, std::slice::from_ref(&signer), 1_679_315_147);
    let signed = format!("cosignature/v1\ntime 1679315147\n{}", note.text());
    let plain = VerifierKey::ed25519("w", signer.verifier().public_key().try_into().unwrap()).unwrap();
    assert!(plain.verifies(signed.as_bytes(), &note.signatures()[1].signature()[8..]));
}

#[test]
fn an_ml_dsa_cosignature_of_ours_is_verified_by_another_implementation() {
    let signer = ml_dsa("witness.example/w");
    let checkpoint = checkpoint(ORIGIN, 7);
    let note = cosigned(&checkpoint, std::slice::from_ref(&signer), TIME);
    let theirs = ml_dsa_44::PublicKey::try_from_bytes(signer.verifier().public_key().try_into().unwrap()).unwrap();
    let signature: [u8; 2420] = note.signatures()[1].signature()[8..].try_into().unwrap();
    assert!(theirs.verify(&message("witness.example/w", TIME, &checkpoint), &signature, b""));
    assert!(!theirs.verify(&message("witness.example/v", TIME, &checkpoint), &signature, b""));
}

#[test]
fn an_ml_dsa_cosignature_of_another_implementation_verifies() {
    let checkpoint = checkpoint(ORIGIN, 7);
    let note = checkpoint.sign(&log_key(ORIGIN)).unwrap();
    for seed in 0..8 {
        let (public, secret) = ml_dsa_44::KG::keygen_from_seed(&[seed; 32]);
        let key = VerifierKey::ml_dsa_44("theirs", &public.into_bytes()).unwrap();
        assert_eq!(&key, CosignerKey::ml_dsa_44("theirs", &[seed; 32]).unwrap().verifier());
        // 0 is allowed here: the cosigner then makes no statement about time.
        for time in [0, TIME, TIME_MAX] {
            let signature = secret.try_sign_with_seed(&[seed; 32], &message("theirs", time, &checkpoint), b"").unwrap();
            let note = with_line(&note, &key, &[&time.to_be_bytes(), signature.as_slice()].concat());
            assert_eq!(valid(&note, std::slice::from_ref(&key)).unwrap()[0].time, time);
        }
    }
}

#[test]
fn a_time_beyond_2_to_the_63_does_not_verify() {
    let checkpoint = checkpoint(ORIGIN, 7);
    let note = checkpoint.sign(&log_key(ORIGIN)).unwrap();
    let (public, secret) = ml_dsa_44::KG::keygen_from_seed(&[1; 32]);
    let key = VerifierKey::ml_dsa_44("theirs", &public.into_bytes()).unwrap();
    let time = TIME_MAX + 1;
    let signature = secret.try_sign_with_seed(&[1; 32], &message("theirs", time, &checkpoint), b"").unwrap();
    let note = with_line(&note, &key, &[&time.to_be_bytes(), signature.as_slice()].concat());
    assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap_err().code(), "note-signature-invalid");
    assert_eq!(note.signatures()[1].time(&key), None);
}

#[test]
fn no_part_of_what_is_signed_can_be_changed() {
    let checkpoint = checkpoint(ORIGIN, 7);
    for signer in [ed25519("w"), ml_dsa("w")] {
        let note = cosigned(&checkpoint, std::slice::from_ref(&signer), TIME).to_string();
        let verify = |text: String| Note::parse(text.as_bytes()).unwrap().verify(&keys(&[&signer])).map(|_| ());
        assert_eq!(verify(note.clone()), Ok(()));
        let root = checkpoint.root.to_base64();
        let other = empty_root().to_base64();
        for (from, to) in [(ORIGIN, "log.examplf"), ("\n7\n", "\n8\n"), (root.as_str(), other.as_str())] {
            let error = verify(note.replacen(from, to, 1)).unwrap_err();
            assert!(matches!(error, NoteError::InvalidSignature { .. }), "{from} to {to}: {error}");
        }
    }
}

#[test]
fn no_bit_of_a_cosignature_can_be_changed() {
    let checkpoint = checkpoint(ORIGIN, 7);
    let plain = checkpoint.sign(&log_key(ORIGIN)).unwrap();
    for (signer, step) in [(ed25519("w"), 1), (ml_dsa("w"), 61)] {
        let line = cosignatures(&plain, std::slice::from_ref(&signer), TIME).unwrap().remove(0);
        for at in (0..line.signature().len()).step_by(step) {
            let mut signature = line.signature().to_vec();
            signature[at] ^= 1;
            let note = with_line(&plain, signer.verifier(), &signature);
            assert!(valid(&note, &keys(&[&signer])).is_err(), "byte {at}");
        }
        for len in [1, 7, 8, line.signature().len() - 1] {
            let note = with_line(&plain, signer.verifier(), &line.signature()[..len]);
            assert!(valid(&note, &keys(&[&signer])).is_err(), "{len} bytes");
        }
    }
}

#[test]
fn a_signature_of_the_plain_text_is_no_cosignature() {
    // The same seed, the same name: only the type and what is signed differ.
    let note = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap();
    let cosigner = CosignerKey::ed25519(ORIGIN, &[1; 32]).unwrap();
    let bytes = note.signatures()[0].signature().to_vec();
    for signature in [bytes.clone(), [&TIME.to_be_bytes(), bytes.as_slice()].concat()] {
        let forged = with_line(&note, cosigner.verifier(), &signature);
        assert!(forged.verify(&keys(&[&cosigner])).is_err());
    }
}

#[test]
fn a_cosigners_name_is_signed_by_ml_dsa_alone() {
    let plain = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap();
    let as_other = |signer: CosignerKey, other: CosignerKey| {
        let line = cosignatures(&plain, std::slice::from_ref(&signer), TIME).unwrap().remove(0);
        with_line(&plain, other.verifier(), line.signature()).verify(&keys(&[&other])).is_ok()
    };
    let ed = ["a", "b"].map(|name| CosignerKey::ed25519(name, &[1; 32]).unwrap());
    let ml = ["a", "b"].map(|name| CosignerKey::ml_dsa_44(name, &[1; 32]).unwrap());
    let [[ed_a, ed_b], [ml_a, ml_b]] = [ed, ml];
    assert!(as_other(ed_a, ed_b), "which is why one Ed25519 key must not serve two cosigners");
    assert!(!as_other(ml_a, ml_b));
}

#[test]
fn a_cosigner_signs_nothing_but_checkpoints() {
    let signer = ed25519("w");
    let note = cosigned(&checkpoint(ORIGIN, 7), std::slice::from_ref(&signer), TIME);
    let signature = note.signatures()[1].signature();
    assert!(signer.verifier().verifies(note.text().as_bytes(), signature));
    for text in ["", "no checkpoint\n", "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"] {
        assert!(!signer.verifier().verifies(text.as_bytes(), signature), "{text:?}");
    }
    assert!(!signer.verifier().verifies(b"\xff\n1\n", signature));
}

#[test]
fn a_cosignature_has_a_time_that_says_something() {
    let note = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap();
    for signer in [ed25519("w"), ml_dsa("w")] {
        for time in [0, TIME_MAX + 1, u64::MAX] {
            let error = cosignatures(&note, std::slice::from_ref(&signer), time).unwrap_err();
            assert_eq!((error.code(), error), ("cosignature-time", CosignError::Time(time)));
        }
        assert!(cosignatures(&note, std::slice::from_ref(&signer), TIME_MAX).is_ok());
    }
}

#[test]
fn one_bad_cosignature_by_a_known_key_spoils_the_note() {
    let (good, bad) = (ed25519("good"), ml_dsa("bad"));
    let other = cosigned(&checkpoint(ORIGIN, 8), std::slice::from_ref(&bad), TIME);
    let line: NoteSignature = other.signatures()[1].clone();
    let note = cosigned(&checkpoint(ORIGIN, 7), std::slice::from_ref(&good), TIME).with([line]).unwrap();
    assert!(valid(&note, &keys(&[&good])).is_ok());
    let error = valid(&note, &keys(&[&good, &bad])).unwrap_err();
    assert_eq!(error.code(), "note-signature-invalid");
    assert_eq!(valid(&note, &keys(&[&ed25519("neither")])).unwrap_err(), NoteError::NoKnownSignature);
}

#[test]
fn signature_lines_are_read_by_themselves() {
    let signers = [ed25519("w1"), ml_dsa("w2")];
    let plain = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap();
    let lines = cosignatures(&plain, &signers, TIME).unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let read = NoteSignature::parse_lines(text.as_bytes()).unwrap();
    assert_eq!(read, lines);
    let known = keys(&[&signers[0], &signers[1]]);
    assert_eq!(valid(&plain.with(read).unwrap(), &known).unwrap().len(), 2);

    let code = |bytes: &[u8]| NoteSignature::parse_lines(bytes).unwrap_err().code();
    assert_eq!(NoteSignature::parse_lines(b""), Err(NoteError::Unsigned));
    assert_eq!(NoteSignature::parse_lines(text.trim_end().as_bytes()), Err(NoteError::NoFinalNewline));
    assert_eq!(NoteSignature::parse_lines(format!("{text}\n").as_bytes()), Err(NoteError::SignatureLine(3)));
    assert_eq!(NoteSignature::parse_lines(b"\xff\n"), Err(NoteError::NotUtf8));
    assert_eq!(code("— a AAAAAAA=\n".repeat(101).as_bytes()), "note-too-large");
    assert_eq!(code(&vec![b'\n'; 1_048_577]), "note-too-large");
}

#[test]
fn only_the_known_keys_lines_are_kept() {
    let (known, unknown) = (ed25519("known"), ed25519("unknown!"));
    let note = cosigned(&checkpoint(ORIGIN, 7), &[unknown, known.clone()], TIME);
    let kept = note.only(&keys(&[&known])).unwrap();
    assert_eq!(kept.signatures(), &note.signatures()[2..]);
    assert_eq!(kept.text(), note.text());
}

#[test]
fn extension_lines_that_only_ml_dsa_has_signed_are_refused() {
    let mut with_extension = checkpoint(ORIGIN, 7);
    with_extension.extension = vec!["an extension line".to_owned()];
    let note = cosigned(&with_extension, &[ed25519("w"), ml_dsa("w")], TIME);
    let [ed, ml] = [ed25519("w"), ml_dsa("w")].map(|signer| signer.verifier().clone());
    let open = |key: &VerifierKey| Checkpoint::open(note.to_string().as_bytes(), key).map(|_| ());
    // A witness has another name than the log, so a log that signs like one stands for it.
    assert!(matches!(open(&ed), Err(CheckpointError::OriginMismatch { .. })));
    let (public, secret) = ml_dsa_44::KG::keygen_from_seed(&[1; 32]);
    let log = VerifierKey::ml_dsa_44(ORIGIN, &public.into_bytes()).unwrap();
    let signature = secret.try_sign_with_seed(&[1; 32], &message(ORIGIN, TIME, &with_extension), b"").unwrap();
    let note = with_line(&note, &log, &[&TIME.to_be_bytes(), signature.as_slice()].concat());
    let open = |key: &VerifierKey| Checkpoint::open(note.to_string().as_bytes(), key).map(|_| ());
    let error = open(&log).unwrap_err();
    assert_eq!((error.code(), error), ("checkpoint-extension-unsigned", CheckpointError::UnsignedExtension));
    assert!(matches!(open(&ml), Err(CheckpointError::OriginMismatch { .. })));
    let signer = SignerKey::ed25519(ORIGIN, &[1; 32]).unwrap();
    assert_eq!(open(signer.verifier()), Ok(()));
}
