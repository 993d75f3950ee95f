//! Trust policies: text, bounds, what a quorum is, and which checkpoints satisfy one.

use countersign_tlog::policy_text::{POLICY_ENTRIES_MAX, POLICY_LEN_MAX};
use countersign_tlog::{
    CosignerKey, KeyError, PolicyError, PolicyFault, SignerKey, TrustError, TrustPolicy, VerifierKey,
};
use proptest::prelude::*;

use crate::support::{checkpoint, cosigned, ed25519, log_key, ml_dsa};

const ORIGIN: &str = "log.example";
const TIME: u64 = 1_790_000_000;

/// The cosigner with this number, each with a key of its own.
fn witness(number: u8) -> CosignerKey {
    CosignerKey::ed25519(&format!("w{number}"), &[number + 10; 32]).unwrap()
}

fn log_line() -> String {
    format!("log {}\n", log_key(ORIGIN).verifier())
}

fn witness_line(number: u8) -> String {
    format!("witness w{number} {}\n", witness(number).verifier())
}

fn witness_lines(count: u8) -> String {
    (1..=count).map(witness_line).collect()
}

fn parse(text: &str) -> Result<TrustPolicy, PolicyError> {
    TrustPolicy::parse(text.as_bytes())
}

fn fault(text: &str) -> (usize, PolicyFault) {
    let error = parse(text).unwrap_err();
    (error.line, error.fault)
}

fn is_quorum(text: &str, names: &[&str]) -> bool {
    let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    parse(text).unwrap().is_quorum(&names)
}

#[test]
fn the_specifications_example_means_what_it_says() {
    let witnesses = |letter: &str, from: u8| -> String {
        (0..3u8).map(|n| format!("witness {letter}{} {}\n", n + 1, witness(from + n).verifier())).collect()
    };
    let text = format!(
        "{}\n{}group X-witnesses 2 X1 X2 X3\n\n{}group Y-witnesses any Y1 Y2 Y3\n\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log_line(),
        witnesses("X", 1),
        witnesses("Y", 4)
    );
    assert!(is_quorum(&text, &["X1", "X3", "Y2"]));
    assert!(is_quorum(&text, &["X1", "X2", "X3", "Y1", "Y2", "Y3"]));
    for few in [&["X1", "X2", "X3"][..], &["X1", "Y1", "Y2", "Y3"], &["Y1"], &[]] {
        assert!(!is_quorum(&text, few), "{few:?}");
    }
    assert!(!is_quorum(&text, &["X1", "X1", "X1", "Y1"]), "one witness counts once");
    assert!(!is_quorum(&text, &["X-witnesses", "Y-witnesses", "X-and-Y"]), "groups do not cosign");
}

#[test]
fn spaces_comments_urls_and_opaque_names_are_read() {
    let log = log_key(ORIGIN);
    let text = [
        format!("  # a comment \u{e9}\n\n \t\n\tlog\t {}   https://log.example/ \n", log.verifier()).into_bytes(),
        b"witness \xff\xfe ".to_vec(),
        format!("{} https://w.example\nquorum ", witness(1).verifier()).into_bytes(),
        b"\xff\xfe\n".to_vec(),
    ];
    let policy = TrustPolicy::parse(&text.concat()).unwrap();
    assert_eq!(policy.logs()[0].key, *log.verifier());
    assert_eq!(policy.logs()[0].url.as_deref(), Some(&b"https://log.example/"[..]));
    assert_eq!(policy.witnesses()[0].name, b"\xff\xfe");
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some(&b"https://w.example"[..]));
    assert!(policy.is_quorum(&[b"\xff\xfe"]) && !policy.is_quorum(&[b"\xff"]));
}

#[test]
fn thresholds_count_members() {
    let with = |threshold: &str| format!("{}group g {threshold} w1 w2 w3\nquorum g\n", witness_lines(3));
    for (threshold, needed) in [("any", 1), ("1", 1), ("2", 2), ("3", 3), ("all", 3)] {
        for present in 0..=3 {
            let names = &["w1", "w2", "w3"][..present];
            assert_eq!(is_quorum(&with(threshold), names), present >= needed, "{threshold} of {names:?}");
        }
    }
    for wrong in ["0", "4", "02", "+2", "-1", "most", "99999999999999999999999"] {
        assert_eq!(fault(&with(wrong)), (4, PolicyFault::Threshold(wrong.to_owned())));
    }
}

#[test]
fn malformed_lines_are_refused_with_their_number() {
    let w = witness_lines(2);
    let cosigner = witness(1).verifier().to_string();
    let long = "group <name> any|all|<k> <name>...";
    let cases = [
        (String::new(), 1, PolicyFault::NoQuorum),
        (w.clone(), 2, PolicyFault::NoQuorum),
        ("quorum none".to_owned(), 1, PolicyFault::NoFinalNewline),
        ("quorum none\r\n".to_owned(), 1, PolicyFault::Character(13)),
        ("quorum none\n# \u{0}\n".to_owned(), 2, PolicyFault::Character(0)),
        ("quorum none\n\u{7f}\n".to_owned(), 2, PolicyFault::Character(127)),
        ("quorum none\nwitnesses\n".to_owned(), 2, PolicyFault::Keyword("witnesses".into())),
        ("Quorum none\n".to_owned(), 1, PolicyFault::Keyword("Quorum".into())),
        ("quorum\u{a0}none\n".to_owned(), 1, PolicyFault::Keyword("quorum\u{a0}none".into())),
        ("quorum\n".to_owned(), 1, PolicyFault::Items("quorum <name>")),
        ("quorum none none\n".to_owned(), 1, PolicyFault::Items("quorum <name>")),
        ("quorum none\nquorum none\n".to_owned(), 2, PolicyFault::SecondQuorum),
        ("log\n".to_owned(), 1, PolicyFault::Items("log <vkey> [<url>]")),
        ("log a b c\n".to_owned(), 1, PolicyFault::Items("log <vkey> [<url>]")),
        ("log a\n".to_owned(), 1, PolicyFault::Key(KeyError::Malformed)),
        ("witness w1\n".to_owned(), 1, PolicyFault::Items("witness <name> <vkey> [<url>]")),
        ("witness w1 a b c\n".to_owned(), 1, PolicyFault::Items("witness <name> <vkey> [<url>]")),
        ("witness w1 \u{e9}\n".to_owned(), 1, PolicyFault::Key(KeyError::Malformed)),
        (format!("{w}group g all\n"), 3, PolicyFault::Items(long)),
        (format!("{w}group g\n"), 3, PolicyFault::Items(long)),
        (format!("{w}group w1 all w2\n"), 3, PolicyFault::NameTaken("w1".into())),
        (format!("{w}group none all w2\n"), 3, PolicyFault::NameTaken("none".into())),
        (format!("witness none {cosigner}\n"), 1, PolicyFault::NameTaken("none".into())),
        (format!("{w}{w}"), 3, PolicyFault::DuplicateKey),
        (format!("{w}group g all w1 none\n"), 3, PolicyFault::NameUnknown("none".into())),
        (format!("{w}group g all w1 w1\n"), 3, PolicyFault::MemberTwice("w1".into())),
        (format!("{w}group g all w1\ngroup h all w1 w2\n"), 4, PolicyFault::MemberTwice("w1".into())),
        (format!("{w}group g all w1 w3\n"), 3, PolicyFault::NameUnknown("w3".into())),
        (format!("{w}quorum g\ngroup g all w1\n"), 3, PolicyFault::NameUnknown("g".into())),
    ];
    for (text, line, expected) in cases {
        assert_eq!(fault(&text), (line, expected), "{text}");
    }
}

#[test]
fn no_group_contains_itself() {
    let w = witness_lines(2);
    assert_eq!(fault(&format!("{w}group g all w1 g\n")), (3, PolicyFault::NameUnknown("g".into())));
    let later = format!("{w}group g all w1 h\ngroup h all w2 g\nquorum g\n");
    assert_eq!(fault(&later), (3, PolicyFault::NameUnknown("h".into())));
}

#[test]
fn a_key_stands_in_one_line_of_a_kind_only() {
    let same = CosignerKey::ed25519("another.name", &[11; 32]).unwrap();
    let text = format!("{}witness other {}\nquorum none\n", witness_line(1), same.verifier());
    assert_eq!(fault(&text), (2, PolicyFault::DuplicateKey));
    let same = SignerKey::ed25519("another.name", &[1; 32]).unwrap();
    let text = format!("{}log {}\nquorum none\n", log_line(), same.verifier());
    assert_eq!(fault(&text), (2, PolicyFault::DuplicateKey));
}

#[test]
fn a_line_takes_only_keys_of_its_kind() {
    let (log, ed, ml) = (log_key(ORIGIN), ed25519("w"), ml_dsa("w"));
    let key_type = |text: String| parse(&text).map_err(|error| (error.code(), error.fault)).err();
    let wrong = |byte: u8| Some(("key-algorithm-unsupported", PolicyFault::KeyType(byte)));
    assert_eq!(key_type(format!("log {}\nquorum none\n", ed.verifier())), wrong(4));
    assert_eq!(key_type(format!("witness w {}\nquorum none\n", log.verifier())), wrong(1));
    assert_eq!(key_type(format!("log {}\nwitness w {0}\nquorum none\n", ml.verifier())), None);
}

#[test]
fn size_and_number_of_entries_are_bounded() {
    let keys = (0..=POLICY_ENTRIES_MAX).map(|number| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        CosignerKey::ed25519("w", &seed).unwrap().verifier().to_string()
    });
    let lines: Vec<String> = keys.enumerate().map(|(at, key)| format!("witness n{at} {key}\n")).collect();
    let text = |count: usize| format!("{}quorum none\n", lines[..count].concat());
    assert_eq!(parse(&text(POLICY_ENTRIES_MAX)).unwrap().witnesses().len(), POLICY_ENTRIES_MAX);
    assert_eq!(fault(&text(POLICY_ENTRIES_MAX + 1)), (POLICY_ENTRIES_MAX + 1, PolicyFault::TooMany));
    // Each group holds the one before it, so that they nest as deeply as they can.
    let nest = |count: usize| -> String {
        let groups = (0..count).map(|at| match at {
            0 => "group g0 all w1\n".to_owned(),
            _ => format!("group g{at} any g{}\n", at - 1),
        });
        format!("{}{}quorum g{}\n", witness_line(1), groups.collect::<String>(), count - 1)
    };
    assert!(is_quorum(&nest(POLICY_ENTRIES_MAX), &["w1"]) && !is_quorum(&nest(POLICY_ENTRIES_MAX), &[]));
    assert_eq!(fault(&nest(POLICY_ENTRIES_MAX + 1)).1, PolicyFault::TooMany);

    let comment = format!("quorum none\n#{}\n", "x".repeat(POLICY_LEN_MAX - 14));
    assert_eq!(comment.len(), POLICY_LEN_MAX);
    assert!(parse(&comment).is_ok());
    let error = parse(&format!("{comment}\n")).unwrap_err();
    assert_eq!((error.code(), error.fault), ("policy-too-large", PolicyFault::TooLong));
}

#[test]
fn errors_name_line_and_input() {
    let shown = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(shown("quorum none\nquorum none\n"), "line 2 of the policy: the quorum is defined already");
    assert_eq!(shown("quorum g\n"), "line 1 of the policy: no earlier line defines `g`");
    assert_eq!(shown("quorum none\n\u{1}\n"), "line 2 of the policy: byte 0x01 is not allowed");
    let codes = [
        ("", "policy-quorum-invalid"),
        ("quorum g\n", "policy-name-unknown"),
        ("x\n", "policy-malformed"),
        ("log x\n", "key-malformed"),
    ];
    codes.iter().for_each(|(text, code)| assert_eq!(parse(text).unwrap_err().code(), *code, "{text:?}"));
    let twice = format!("{0}group g all w1 w1\n", witness_line(1));
    assert_eq!(parse(&twice).unwrap_err().code(), "policy-name-duplicate");
    assert_eq!(parse(&witness_line(1).repeat(2)).unwrap_err().code(), "policy-key-duplicate");
}

#[test]
fn a_checkpoint_of_a_known_log_with_a_quorum_is_trusted() {
    let text = format!("{}{}group g 2 w1 w2 w3\nquorum g\n", log_line(), witness_lines(3));
    let policy = parse(&text).unwrap();
    let checkpoint = checkpoint(ORIGIN, 7);
    let note = |signers: &[CosignerKey]| cosigned(&checkpoint, signers, TIME).to_string().into_bytes();
    let good = note(&[witness(3), ed25519("stranger"), witness(1)]);
    let trusted = policy.open(&good).unwrap();
    assert_eq!(trusted.checkpoint, checkpoint);
    let names: Vec<_> = trusted.witnesses.iter().map(|cosigned| (&*cosigned.witness.name, cosigned.time)).collect();
    assert_eq!(names, [(&b"w1"[..], TIME), (b"w3", TIME)]);

    for few in [&[witness(2)][..], &[], &[ed25519("stranger")], &[witness(2), witness(2)]] {
        let error = policy.open(&note(few)).unwrap_err();
        let valid = usize::from(few.iter().any(|signer| signer.verifier() == witness(2).verifier()));
        assert_eq!((error.code(), error), ("policy-quorum-missing", TrustError::NoQuorum { valid }));
    }
}

#[test]
fn a_witnesss_name_in_the_policy_is_not_its_keys_name() {
    let text = format!("{}witness alias {}\nquorum alias\n", log_line(), ml_dsa("real").verifier());
    let policy = parse(&text).unwrap();
    let note = cosigned(&checkpoint(ORIGIN, 7), &[ml_dsa("real")], TIME).to_string();
    assert_eq!(policy.open(note.as_bytes()).unwrap().witnesses[0].witness.name, b"alias");
    let impostor = cosigned(&checkpoint(ORIGIN, 7), &[ml_dsa("alias")], TIME).to_string();
    assert_eq!(policy.open(impostor.as_bytes()).unwrap_err(), TrustError::NoQuorum { valid: 0 });
}

#[test]
fn a_checkpoint_that_no_known_log_signed_is_refused() {
    let policy = parse(&format!("{}{}quorum none\n", log_line(), witness_line(1))).unwrap();
    let open = |note: String| policy.open(note.as_bytes()).map(|_| ()).map_err(|error| error.code());
    let note = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap().to_string();
    assert_eq!(open(note.clone()), Ok(()));
    let foreign = checkpoint("other.example", 7).sign(&log_key("other.example")).unwrap().to_string();
    assert_eq!(open(foreign), Err("policy-log-unknown"));
    let impostor = SignerKey::ed25519(ORIGIN, &[9; 32]).unwrap();
    assert_eq!(open(checkpoint(ORIGIN, 7).sign(&impostor).unwrap().to_string()), Err("note-key-unknown"));
    assert_eq!(open(note.replacen("\n7\n", "\n8\n", 1)), Err("note-signature-invalid"));
    assert_eq!(open("x\n".to_owned()), Err("note-malformed"));
    // A witness that is known but whose line does not verify spoils a note that needs no witness at all.
    let line = cosigned(&checkpoint(ORIGIN, 8), &[witness(1)], TIME).signatures()[1].to_string();
    assert_eq!(open(format!("{note}{line}\n")), Err("note-signature-invalid"));
}

#[test]
fn a_log_known_from_elsewhere_is_added() {
    let policy = parse("quorum none\n").unwrap();
    let note = checkpoint(ORIGIN, 7).sign(&log_key(ORIGIN)).unwrap().to_string();
    assert_eq!(policy.open(note.as_bytes()).unwrap_err(), TrustError::UnknownLog(ORIGIN.to_owned()));
    let key: VerifierKey = log_key(ORIGIN).verifier().clone();
    assert!(policy.with_log(key).open(note.as_bytes()).is_ok());
}

/// Lines made of what policies are made of, so that many come close to being one.
fn almost_policy() -> impl Strategy<Value = String> {
    let word =
        prop_oneof!["log", "witness", "group", "quorum", "none", "all", "any", "2", "g", "h", "w1", "#", "\n", "\n"];
    let word = prop_oneof![4 => word, 1 => Just(witness_line(1)), 1 => Just(witness_line(2)), 1 => Just(log_line())];
    prop::collection::vec(word, 0..24).prop_map(|words| words.join(" ").replace("\n ", "\n"))
}

proptest! {
    #[test]
    fn parsing_never_panics(text in prop_oneof![".*", almost_policy()]) {
        if let Ok(policy) = parse(&text) {
            let all: Vec<&[u8]> = policy.witnesses().iter().map(|witness| &*witness.name).collect();
            prop_assert!(policy.is_quorum(&all), "with every witness there is a quorum");
        }
    }

    #[test]
    fn one_more_witness_never_loses_a_quorum(
        thresholds in (1usize..=3, 1usize..=3, 1usize..=2), present in prop::collection::vec(any::<bool>(), 6), at in 0usize..6,
    ) {
        let (a, b, both) = thresholds;
        let text = format!(
            "{}group a {a} w1 w2 w3\ngroup b {b} w4 w5 w6\ngroup c {both} a b\nquorum c\n", witness_lines(6)
        );
        let names = |present: &[bool]| -> Vec<String> {
            present.iter().zip(1..).filter(|(is, _)| **is).map(|(_, n)| format!("w{n}")).collect()
        };
        let holds = |present: &[bool]| {
            let names = names(present);
            is_quorum(&text, &names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let count = |range: std::ops::Range<usize>| present[range].iter().filter(|is| **is).count();
        let groups = usize::from(count(0..3) >= a) + usize::from(count(3..6) >= b);
        prop_assert_eq!(holds(&present), groups >= both);
        let mut more = present.clone();
        more[at] = true;
        prop_assert!(!holds(&present) || holds(&more));
    }
}
