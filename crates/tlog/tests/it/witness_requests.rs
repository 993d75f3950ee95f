//! The body of `add-checkpoint`: form, strictness, bounds.

use countersign_tlog::witness_request::{PROOF_LINES_MAX, REQUEST_LEN_MAX};
use countersign_tlog::{AddCheckpoint, Hash, Note, RequestError, SignerKey, prove_consistency};
use proptest::prelude::*;

use crate::support::{checkpoint, leaves, log_key};

const ORIGIN: &str = "log.example";
const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

fn note() -> Note {
    checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap()
}

fn request() -> AddCheckpoint {
    AddCheckpoint::new(3, prove_consistency(3, 7, &*leaves(7)).unwrap(), note()).unwrap()
}

#[test]
fn a_request_prints_and_reads() {
    let text = request().to_string();
    assert!(text.starts_with("old 3\n") && text.ends_with(&format!("\n\n{}", note())), "{text}");
    let read = AddCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(read, request());
    assert_eq!((read.old(), read.proof().len(), read.note()), (3, 4, &note()));
    assert_eq!(read.checkpoint(), &checkpoint(ORIGIN, 7));
    let first = AddCheckpoint::new(0, Vec::new(), note()).unwrap();
    assert_eq!(first.to_string(), format!("old 0\n\n{}", note()));
}

#[test]
fn malformed_requests_are_refused() {
    let good = request().to_string();
    let hash = good.lines().nth(1).unwrap().to_owned();
    let swap = |from: &str, to: &str| good.replacen(from, to, 1);
    let cases = [
        (String::new(), RequestError::NoCheckpoint),
        ("old 3\n".to_owned(), RequestError::NoCheckpoint),
        (swap("old 3\n", ""), RequestError::Old),
        (swap("old 3", "old 03"), RequestError::Old),
        (swap("old 3", "old +3"), RequestError::Old),
        (swap("old 3", "old  3"), RequestError::Old),
        (swap("old 3", "old"), RequestError::Old),
        (swap("old 3", "old 3 "), RequestError::Old),
        (swap("old 3\n", "old 3\r\n"), RequestError::Old),
        (swap("old 3", "Old 3"), RequestError::Old),
        (swap("old 3", "old 18446744073709551616"), RequestError::Old),
        (swap(&hash, &hash[..43]), RequestError::Hash(2)),
        (swap(&hash, "AAAA"), RequestError::Hash(2)),
        (swap(&hash, &format!("{hash}\n{hash} ")), RequestError::Hash(3)),
    ];
    for (text, error) in cases {
        assert_eq!(error.code(), "witness-request-malformed");
        assert_eq!(AddCheckpoint::parse(text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(AddCheckpoint::parse(b"old 3\n\n\xff\n"), Err(RequestError::NotUtf8));
    let code = |text: &str| AddCheckpoint::parse(text.as_bytes()).unwrap_err().code();
    assert_eq!(code("old 0\n\nlog.example\n"), "note-malformed");
    assert_eq!(code(&swap("\n7\n", "\n07\n")), "checkpoint-malformed");
    let plain = Note::sign("no checkpoint\n", &SignerKey::ed25519("a", &[1; 32]).unwrap()).unwrap();
    assert_eq!(AddCheckpoint::new(0, Vec::new(), plain).unwrap_err().code(), "checkpoint-malformed");
}

#[test]
fn a_wrong_root_of_the_empty_tree_is_well_formed() {
    let text = format!("old 0\n\n{ORIGIN}\n0\n{ROOT}\n\n— {ORIGIN} AAAAAAA=\n");
    assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap().to_string(), text);
}

#[test]
fn at_most_63_hashes_are_read() {
    let with = |count: usize| AddCheckpoint::new(3, vec![Hash([7; 32]); count], note());
    let longest = with(PROOF_LINES_MAX).unwrap().to_string();
    assert!(AddCheckpoint::parse(longest.as_bytes()).is_ok());
    let error = with(PROOF_LINES_MAX + 1).unwrap_err();
    assert_eq!((error.code(), error), ("witness-request-too-large", RequestError::TooManyHashes));
    let over = longest.replacen("old 3\n", &format!("old 3\n{ROOT}\n"), 1);
    assert_eq!(AddCheckpoint::parse(over.as_bytes()), Err(RequestError::TooManyHashes));
}

#[test]
fn the_length_is_bounded() {
    let long = vec![b'a'; REQUEST_LEN_MAX + 1];
    let error = AddCheckpoint::parse(&long).unwrap_err();
    assert_eq!((error.code(), error), ("witness-request-too-large", RequestError::TooLong(REQUEST_LEN_MAX + 1)));
    assert_eq!(AddCheckpoint::parse(&long[1..]), Err(RequestError::NoCheckpoint));
}

/// Texts made of what requests are made of.
fn almost_request() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "old ",
        "0",
        "7",
        "\n",
        "\n\n",
        "o\n",
        "— o AAAAAAA=\n",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics_and_prints_what_it_read(text in prop_oneof![".*", almost_request()]) {
        if let Ok(request) = AddCheckpoint::parse(text.as_bytes()) {
            prop_assert_eq!(request.to_string(), text);
        }
    }
}
