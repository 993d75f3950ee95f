//! The commands that read the journal: they make nothing, say what is wrong, and show an auditor all there is.

use std::fs;
use std::path::Path;
use std::time::Duration;

use evidence::{Archive, RecordKind};
use serde_json::json;

use crate::program::{Client, Server, begun, log_tail, open_case, run};

const NO_ACTION: &str = "act_01890000000070008000000000000000";

fn commands() -> [Vec<&'static str>; 10] {
    [
        vec!["trace", "last"],
        vec!["replay"],
        vec!["log", "tail"],
        vec!["log", "check"],
        vec!["log", "key"],
        vec!["log", "key", "--statement"],
        vec!["log", "receipt", "0", "--format", "tlog-proof"],
        vec!["log", "export", NO_ACTION],
        vec!["audit", "population"],
        vec!["audit", "trust-root"],
    ]
}

/// Makes one call and returns its action.
fn one_action(dir: &Path) -> String {
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.finish();
    run(dir, &["trace", "last", "--json"]).json()["action"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_journal_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for words in commands() {
        let said = run(folder.path(), &words);
        assert!(said.code == 2 && said.err.contains("code: not-found "), "{words:?}: {}", said.err);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{words:?}");
    }
}

#[test]
fn without_its_keys_or_with_others_the_journal_is_not_called_damaged() {
    let folder = begun();
    let dir = folder.path();
    let keys = dir.join("countersign/keys");
    fs::write(keys.join("tenant.key"), "11".repeat(32)).unwrap();
    for words in [["trace", "last"], ["log", "tail"]] {
        let said = run(dir, &words);
        assert!(said.code == 1 && said.err.contains("code: keys-unusable "), "{words:?}: {}", said.err);
    }
    fs::remove_dir_all(&keys).unwrap();
    for words in commands() {
        let said = run(dir, &words);
        assert!(said.code == 1 && said.err.contains("code: keys-unusable "), "{words:?}: {}", said.err);
        assert!(!keys.exists(), "{words:?}");
    }
}

#[test]
fn evidence_of_a_log_that_is_not_published_yet_is_only_too_early() {
    let folder = begun();
    let dir = folder.path();
    let action = one_action(dir);
    fs::remove_dir_all(dir.join("countersign/data/log")).unwrap();
    let said = run(dir, &["log", "export", &action]);
    assert!(said.code == 1 && said.err.contains("code: state-conflict "), "{}", said.err);
    assert!(!dir.join("countersign/data/log").exists());
}

#[test]
fn evidence_of_an_approved_action_holds_the_vote() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.ask("tools/list", &json!({}));
    let mut second = Client::wrap(dir, "inventory");
    second.drafts_mail("held");
    let case = open_case(dir);
    first.kill();
    second.await_answer("held");
    // Another action, which joins the case that the first one has opened.
    second.drafts_mail("again");
    assert_eq!(open_case(dir), case);
    std::thread::sleep(Duration::from_millis(200));
    let approved = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    second.await_answer("again");

    let path = run(dir, &["trace", "last", "--json"]).json();
    let exported = run(dir, &["log", "export", path["action"].as_str().unwrap(), "-o", "one.evidence", "--json"]);
    second.finish();
    assert_eq!(exported.code, 0, "{}", exported.err);
    let archive = Archive::from_bytes(&fs::read(dir.join("one.evidence")).unwrap()).unwrap();
    let kinds: Vec<RecordKind> =
        archive.records.iter().map(|record| evidence::Leaf::from_bytes(&record.leaf).unwrap().kind).collect();
    let count = |kind| kinds.iter().filter(|of| **of == kind).count();
    assert_eq!((count(RecordKind::Vote), count(RecordKind::Grant)), (1, 1), "{path}");
    assert_eq!(archive.records.len(), path["records"].as_array().unwrap().len() + 1, "the path, and the level");
}

#[test]
fn a_log_that_does_not_agree_with_the_journal_is_not_signed_again_and_the_doctor_says_so() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    let log = dir.join("countersign/data/log");
    let size = log_tail(dir).lines().count();
    // Where the next records' tiles will be, something else is already.
    let forged: Vec<_> = (size + 1..size + 100).map(|n| log.join(format!("tile/0/000.p/{n}"))).collect();
    forged.iter().for_each(|file| fs::write(file, "forged").unwrap());
    let bad = (0..100).find_map(|_| {
        run(dir, &["kill", "--agent", "nobody", "--reason", "a record more"]);
        std::thread::sleep(Duration::from_millis(50));
        Some(run(dir, &["doctor", "--json"])).filter(|said| said.code == 1)
    });
    let bad = bad.expect("the doctor says so").json();
    let journal =
        bad["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == "journal").unwrap().clone();
    assert_eq!((&journal["sign"], &journal["code"]), (&json!("bad"), &json!("journal-mismatch")), "{journal}");

    forged.iter().for_each(|file| fs::remove_file(file).unwrap());
    let note = fs::read_to_string(log.join("checkpoint")).unwrap();
    run(dir, &["kill", "--agent", "nobody", "--reason", "one more"]);
    server.stop();
    assert_eq!(fs::read_to_string(log.join("checkpoint")).unwrap(), note, "the stop signed it");
}
