//! A fixed small part of the corpus against the verifier, and what a verifier with a planted bug lets through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;

use countersign_tamper::case::Given;
use countersign_tamper::class::{CLASSES, Class};
use countersign_tamper::flaw::{FLAWS, Flaw};
use countersign_tamper::material::{KINDS, Logs};
use countersign_tamper::reader::{Asking, Verdict};
use countersign_tamper::{attack, benign, making, program, run};
use evidence::{LogEventKind, RecordKind};

/// Is how many cases of each class and kind are tried here; the whole corpus is an acceptance run.
const CASES: usize = 5;

fn lets_through(logs: &Logs, flaw: Flaw, class: Class) -> bool {
    let (first, live) = (Asking::new(&logs.first, Some(flaw)), Asking::new(&logs.live, Some(flaw)));
    let asking = |kind| if kind == RecordKind::Genesis { &first } else { &live };
    let mut of_kinds = KINDS.into_iter().flat_map(|kind| attack::cases(logs.of(kind), class, kind, 60));
    of_kinds.any(|case| asking(case.kind).judge(&case.draft) == Verdict::Accepted)
}

/// Says which classes of attack must get past a verifier with a bug.
fn open_to(flaw: Flaw) -> &'static [Class] {
    match flaw {
        Flaw::SkipsQuorum => &[Class::Fork, Class::CutTail, Class::FieldChanged, Class::ForgedCosignature],
        Flaw::SkipsSessions => &[Class::Dropped, Class::ChainRestarted],
        Flaw::SkipsEnds => &[Class::OldBackup, Class::ChainRestarted],
        Flaw::TrustsVerdict => &[Class::VerdictEdited],
        Flaw::IgnoresEarlier => &[Class::OldBackup, Class::Fork, Class::CutTail, Class::Dropped],
        Flaw::SkipsProofs => &[Class::ByteFlips, Class::VerdictEdited, Class::FieldChanged],
        Flaw::SkipsCommitments => &[Class::ByteFlips, Class::FieldChanged],
        Flaw::SkipsTree => &[Class::ByteFlips, Class::FieldChanged, Class::VerdictEdited, Class::Swapped],
    }
}

/// Demands that the second log tells of itself everything that a log can, and begins and ends as one does.
fn every_event_is_there(logs: &Logs) {
    let told: Vec<LogEventKind> =
        logs.live.records.iter().filter_map(|record| Some(record.leaf().log.as_ref()?.event)).collect();
    let known: Vec<LogEventKind> = (0..24).map_while(|number| types::cbor::decode(&[number]).ok()).collect();
    assert!(known.contains(&LogEventKind::Erased) && known.contains(&LogEventKind::Rotated));
    for event in known {
        assert!(told.contains(&event), "no record says `{}`", event.as_str());
    }
    let ends = (told[0], told[told.len() - 1], logs.live.records[logs.live.size() - 1].leaf().kind);
    assert_eq!(ends, (LogEventKind::Began, LogEventKind::Closed, RecordKind::Epoch));
}

// One test, since a log takes longer to make than its cases take to try, and each test runs in a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_refused_for_its_reason_and_every_planted_bug_lets_some_through() {
    let logs = making::material().await;
    for kind in KINDS {
        let material = logs.of(kind);
        assert!(!material.of_kind(kind).is_empty() && !material.samples[&kind].is_empty(), "{}", kind.as_str());
    }

    every_event_is_there(&logs);

    let rows = run::corpus(&logs, CASES, None, &|case| {
        let allowed = case.class.reasons();
        assert!(
            case.draft.first.iter().all(|reason| allowed.contains(reason)),
            "{}: {:?}",
            case.name(),
            case.draft.first
        );
    });
    assert_eq!(rows.len(), CLASSES.len() * KINDS.len());
    assert!(rows.iter().all(|row| row.detected == CASES), "{}", run::table(&rows));

    let (honest, refused) = benign::run(&logs, 100);
    assert_eq!((honest, refused), (100, Vec::new()));

    for flaw in FLAWS {
        for class in open_to(flaw) {
            assert!(lets_through(&logs, flaw, *class), "{flaw:?} lets nothing through of {}", class.as_str());
        }
    }

    for class in CLASSES {
        let of = |bundle: bool| {
            let all = KINDS.into_iter().flat_map(|kind| attack::cases(logs.of(kind), class, kind, 2 * CASES));
            all.filter(|case| matches!(case.draft.given, Given::Bundle { .. }) == bundle).take(1).collect::<Vec<_>>()
        };
        for case in of(false).iter().chain(&of(true)) {
            assert_eq!(program::disagreement(&verifier(), logs.of(case.kind), case), None);
        }
    }
}

/// Returns the auditor's program, which stands beside ours in the folder of what was built.
fn verifier() -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_countersign-tamper")).with_file_name("countersign-verify");
    assert!(path.exists(), "build the verifier's program first: cargo build -p countersign-verify");
    path
}

#[test]
fn a_case_is_made_again_by_its_name_and_written_as_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, write: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-tamper"));
        let output = command.args(["--case", name, "--write"]).arg(write).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (one, two) = (folder.path().join("1"), folder.path().join("2"));
    let (code, said) = run("fork/vote/2", &one);
    assert!(code == Some(0) && said.starts_with("fork/vote/2: "), "{said}");
    assert_eq!(run("fork/vote/2", &two).1, said, "the same log and the same case in every run");
    let told = |folder: &Path| std::fs::read_to_string(folder.join("fork/vote/2/case.json")).unwrap();
    assert_eq!(told(&one), told(&two));
    let told: serde_json::Value = serde_json::from_str(&told(&one)).unwrap();
    let evidence = told["evidence"].as_str().unwrap();
    assert!(one.join("fork/vote/2").join(evidence).exists() && one.join("trust.policy").exists());
    assert_eq!(run("fork/nothing/2", &one).0, Some(2));
}
