//! Checkpoints: text form, strictness, signing and opening.

use countersign_tlog::{Checkpoint, CheckpointError, Hash, Note, NoteError, SignerKey, empty_root, leaf_hash};
use proptest::prelude::*;

const SPEC_TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

fn key(name: &str) -> SignerKey {
    SignerKey::ed25519(name, &[3; 32]).unwrap()
}

#[test]
fn the_specifications_example_reads_and_prints() {
    let checkpoint = Checkpoint::parse(SPEC_TEXT).unwrap();
    let root = Hash::from_base64(ROOT).unwrap();
    assert_eq!(checkpoint, Checkpoint::new("example.com/behind-the-sofa", 20_852_163, root));
    assert_eq!(checkpoint.to_text().unwrap(), SPEC_TEXT);
}

#[test]
fn extension_lines_are_kept() {
    let text = format!("{SPEC_TEXT}first\nsecond one\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.extension, ["first", "second one"]);
    assert_eq!(checkpoint.to_text().unwrap(), text);
}

#[test]
fn malformed_texts_are_refused() {
    let cases = [
        (String::new(), CheckpointError::Lines),
        ("o\n1\n".into(), CheckpointError::Lines),
        (format!("o\n1\n{ROOT}"), CheckpointError::Lines),
        (format!("\n1\n{ROOT}\n"), CheckpointError::Lines),
        (format!("o\n1\n{ROOT}\n\n"), CheckpointError::Lines),
        (format!("o\n1\n{ROOT}\next\n\next\n"), CheckpointError::Lines),
        (format!("o\r\n1\n{ROOT}\n"), CheckpointError::Lines),
        (format!("o\n\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n01\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n00\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n+1\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n-1\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n 1\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n0x1\n{ROOT}\n"), CheckpointError::Size),
        (format!("o\n18446744073709551616\n{ROOT}\n"), CheckpointError::Size),
    ];
    for (text, error) in cases {
        assert_eq!(error.code(), "checkpoint-malformed");
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    for root in ["", "AAAA", ROOT.trim_end_matches('='), &format!("{ROOT} ")] {
        let error = Checkpoint::parse(&format!("o\n1\n{root}\n")).unwrap_err();
        assert!(matches!(error, CheckpointError::Root(_)), "{root}: {error:?}");
        assert_eq!(error.code(), "checkpoint-malformed");
    }
}

#[test]
fn an_empty_tree_has_one_root_only() {
    let empty = Checkpoint::new("o", 0, empty_root());
    assert_eq!(Checkpoint::parse(&empty.to_text().unwrap()), Ok(empty));
    let error = Checkpoint::parse(&format!("o\n0\n{ROOT}\n")).unwrap_err();
    assert_eq!(error.code(), "checkpoint-empty-root");
    assert_eq!(Checkpoint::new("o", 0, leaf_hash(b"")).to_text().unwrap_err().code(), "checkpoint-empty-root");
}

#[test]
fn a_signed_checkpoint_opens_with_its_key_alone() {
    let key = key("example.com/log");
    let checkpoint = Checkpoint::new("example.com/log", 7, leaf_hash(b"root"));
    let note = checkpoint.sign(&key).unwrap();
    let (opened, whole) = Checkpoint::open(note.to_string().as_bytes(), key.verifier()).unwrap();
    assert_eq!((opened, whole), (checkpoint, note.clone()));
    let stranger = self::key("example.com/other");
    let error = Checkpoint::open(note.to_string().as_bytes(), stranger.verifier()).unwrap_err();
    assert_eq!(error, CheckpointError::Note(NoteError::NoKnownSignature));
    assert_eq!(error.code(), "note-key-unknown");
}

#[test]
fn the_origin_must_be_the_keys_name() {
    let key = key("example.com/log");
    let foreign = Checkpoint::new("example.com/other", 7, leaf_hash(b"root"));
    assert_eq!(foreign.sign(&key).unwrap_err().code(), "checkpoint-origin-mismatch");
    let note = Note::sign(&foreign.to_text().unwrap(), &key).unwrap();
    let error = Checkpoint::open(note.to_string().as_bytes(), key.verifier()).unwrap_err();
    assert_eq!(error.code(), "checkpoint-origin-mismatch");
    assert_eq!(error.to_string(), "the checkpoint is of `example.com/other`, but the key is of `example.com/log`");
}

#[test]
fn lines_that_would_break_the_text_are_not_printed() {
    let mut checkpoint = Checkpoint::new("o\n9", 7, leaf_hash(b"root"));
    assert_eq!(checkpoint.to_text(), Err(CheckpointError::Lines));
    checkpoint.origin = "o".into();
    for line in ["", "two\nlines", "\t"] {
        checkpoint.extension = vec![line.into()];
        assert_eq!(checkpoint.to_text(), Err(CheckpointError::Lines), "{line:?}");
    }
}

proptest! {
    #[test]
    fn parsing_is_the_inverse_of_printing(
        origin in "[^\\x00-\\x1f]{1,20}", size in 1u64.., root in any::<[u8; 32]>(),
        extension in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 0..3),
    ) {
        let checkpoint = Checkpoint { origin, size, root: Hash(root), extension };
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text().unwrap()), Ok(checkpoint));
    }

    #[test]
    fn parsing_never_panics(text in "(.|\n){0,80}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_text().unwrap(), text);
        }
    }
}
