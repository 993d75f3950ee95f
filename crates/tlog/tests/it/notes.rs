//! Signed notes: the specification's example, strictness, verification, limits.

use countersign_tlog::note::{NOTE_LEN_MAX, SIGNATURES_MAX};
use countersign_tlog::{Note, NoteError, SignerKey, VerifierKey};
use proptest::prelude::*;

use crate::keys::{GO_SKEY, SPEC_VKEY};

const SPEC_NOTE: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const GO_SIGNATURE: &str = "— PeterNeumann \
    x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

fn signer(name: &str) -> SignerKey {
    SignerKey::ed25519(name, &[name.len() as u8; 32]).unwrap()
}

fn verifiers(keys: &[&SignerKey]) -> Vec<VerifierKey> {
    keys.iter().map(|key| key.verifier().clone()).collect()
}

#[test]
fn the_specifications_note_verifies_and_prints_unchanged() {
    let note = Note::parse(SPEC_NOTE.as_bytes()).unwrap();
    let verified = note.verify(&[SPEC_VKEY.parse().unwrap()]).unwrap();
    assert_eq!((verified.known.len(), verified.unknown.len()), (1, 0));
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.to_string(), SPEC_NOTE);
}

#[test]
fn signing_gives_the_published_signature() {
    let note = Note::sign(GO_TEXT, &SignerKey::from_secret_text(GO_SKEY).unwrap()).unwrap();
    assert_eq!(note.to_string(), format!("{GO_TEXT}\n{GO_SIGNATURE}\n"));
}

#[test]
fn the_last_blank_line_separates() {
    let key = signer("a");
    for text in ["\n", "\n\n\n", "one\n\ntwo\n\n", "one\n\n— a AAAAAAA=\n"] {
        let printed = Note::sign(text, &key).unwrap().to_string();
        let note = Note::parse(printed.as_bytes()).unwrap();
        assert_eq!(note.text(), text);
        assert!(note.verify(&verifiers(&[&key])).is_ok());
    }
}

#[test]
fn malformed_notes_are_refused() {
    let cases: [(&[u8], NoteError); 16] = [
        (b"", NoteError::NoFinalNewline),
        (b"text\n", NoteError::Unsigned),
        (b"text\n\n", NoteError::Unsigned),
        (b"\xff\n\n", NoteError::NotUtf8),
        (b"a\tb\n\n", NoteError::ControlCharacter(9)),
        (b"a\r\n\n", NoteError::ControlCharacter(13)),
        ("text\n— a AAAAAAA=\n".as_bytes(), NoteError::Unsigned),
        ("text\n\n— a AAAAAAA=".as_bytes(), NoteError::NoFinalNewline),
        ("text\n\n- a AAAAAAA=\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAA=\n— b\n".as_bytes(), NoteError::SignatureLine(2)),
        ("text\n\n— a AAAAAA==\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAB=\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAA\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n—  AAAAAAA=\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n— a+b AAAAAAA=\n".as_bytes(), NoteError::SignatureLine(1)),
        ("text\n\n— a\u{a0}b AAAAAAA=\n".as_bytes(), NoteError::SignatureLine(1)),
    ];
    for (bytes, error) in cases {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(error.code(), "note-malformed");
        assert_eq!(Note::parse(bytes), Err(error), "{shown:?}");
    }
}

#[test]
fn signatures_by_unknown_keys_stand_apart() {
    let (known, other) = (signer("known"), signer("other"));
    let note = Note::sign("text\n", &other).unwrap().sign_also(&known).unwrap();
    let verified = note.verify(&verifiers(&[&known])).unwrap();
    assert_eq!(verified.known, [&note.signatures()[1]]);
    assert_eq!(verified.unknown, [&note.signatures()[0]]);
    let neither = note.verify(&verifiers(&[&signer("neither")])).unwrap_err();
    assert_eq!((neither.code(), &neither), ("note-key-unknown", &NoteError::NoKnownSignature));
}

#[test]
fn the_same_name_with_another_key_is_unknown() {
    let (key, namesake) = (signer("log"), SignerKey::ed25519("log", &[9; 32]).unwrap());
    let note = Note::sign("text\n", &namesake).unwrap();
    assert_eq!(note.verify(&verifiers(&[&key])), Err(NoteError::NoKnownSignature));
}

#[test]
fn one_bad_signature_by_a_known_key_spoils_the_note() {
    let (good, bad) = (signer("good"), signer("bad!"));
    let line = Note::sign("another text\n", &bad).unwrap().signatures()[0].to_string();
    let printed = format!("{}{line}\n", Note::sign("text\n", &good).unwrap());
    let note = Note::parse(printed.as_bytes()).unwrap();
    let error = note.verify(&verifiers(&[&good, &bad])).unwrap_err();
    assert_eq!(error, NoteError::InvalidSignature { name: "bad!".into(), id: bad.verifier().id() });
    assert_eq!(error.code(), "note-signature-invalid");
    assert!(note.verify(&verifiers(&[&good])).is_ok());
}

#[test]
fn two_known_keys_that_share_name_and_id_are_refused() {
    // Key IDs have only 32 bits: these two of the first 60,000 seeds collide.
    let [one, two] = [11_324u64, 51_932].map(|number| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        SignerKey::ed25519("log", &seed).unwrap()
    });
    let note = Note::sign("text\n", &one).unwrap();
    let error = note.verify(&verifiers(&[&one, &two])).unwrap_err();
    assert_eq!(error, NoteError::AmbiguousKey { name: "log".into(), id: two.verifier().id() });
    assert_eq!(error.code(), "note-key-ambiguous");
    assert!(note.verify(&verifiers(&[&one])).is_ok());
    assert_eq!(note.verify(&verifiers(&[&two])).unwrap_err().code(), "note-signature-invalid");
}

#[test]
fn a_signature_given_twice_counts_once() {
    let key = signer("a");
    let note = Note::sign("text\n", &key).unwrap().sign_also(&key).unwrap();
    let verified = note.verify(&verifiers(&[&key, &key])).unwrap();
    assert_eq!((verified.known.len(), verified.unknown.len()), (1, 0));
}

#[test]
fn a_text_that_cannot_be_a_notes_is_not_signed() {
    let key = signer("a");
    assert_eq!(Note::sign("", &key), Err(NoteError::NoFinalNewline));
    assert_eq!(Note::sign("text", &key), Err(NoteError::NoFinalNewline));
    assert_eq!(Note::sign("te\u{1b}xt\n", &key), Err(NoteError::ControlCharacter(0x1b)));
}

#[test]
fn size_and_number_of_signatures_are_limited() {
    let key = signer("a");
    let mut note = Note::sign("text\n", &key).unwrap();
    for _ in 1..SIGNATURES_MAX {
        note = note.sign_also(&key).unwrap();
    }
    let full = note.to_string();
    assert!(Note::parse(full.as_bytes()).is_ok());
    assert_eq!(note.clone().sign_also(&key), Err(NoteError::TooManySignatures));
    assert_eq!(note.clone().with(note.signatures()[..1].to_vec()), Err(NoteError::TooManySignatures));
    let over = format!("{full}{}\n", note.signatures()[0]);
    assert_eq!(Note::parse(over.as_bytes()), Err(NoteError::TooManySignatures));

    let room = Note::sign("\n", &key).unwrap().to_string().len() - 1;
    let longest = format!("{}\n", "x".repeat(NOTE_LEN_MAX - room - 1));
    let note = Note::sign(&longest, &key).unwrap().to_string();
    assert_eq!(note.len(), NOTE_LEN_MAX);
    assert!(Note::parse(note.as_bytes()).is_ok());
    assert_eq!(Note::sign(&format!("x{longest}"), &key), Err(NoteError::TooLong(NOTE_LEN_MAX + 1)));
    assert_eq!(Note::parse(format!("x{note}").as_bytes()), Err(NoteError::TooLong(NOTE_LEN_MAX + 1)));
    assert_eq!(NoteError::TooLong(0).code(), "note-too-large");
}

/// Texts made of what notes are made of, so that many come close to being one.
fn almost_note() -> impl Strategy<Value = String> {
    let piece = prop_oneof!["\n", "\n\n", "— ", "name", " ", "AAAAAAA=", "\\+", "text\n", ".", "— a AAAAAAA=\n"];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics_and_prints_what_it_read(text in prop_oneof![".*", almost_note()]) {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text);
            prop_assert_eq!(note.verify(&[SPEC_VKEY.parse().unwrap()]), Err(NoteError::NoKnownSignature));
        }
    }

    #[test]
    fn parsing_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Note::parse(&bytes);
    }

    #[test]
    fn any_changed_character_of_the_text_is_noticed(at in 0usize..27, other in "[a-z]") {
        let mut text = SPEC_NOTE.to_owned();
        text.replace_range(at..=at, &other);
        prop_assume!(text != SPEC_NOTE);
        let verified = Note::parse(text.as_bytes()).unwrap().verify(&[SPEC_VKEY.parse().unwrap()]).map(|_| ());
        prop_assert_eq!(verified.unwrap_err().code(), "note-signature-invalid");
    }
}
