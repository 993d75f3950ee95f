//! Exit codes with meaning, and errors with a stable code.

use crate::program::{Client, begun, log_tail, run, up};

#[test]
fn what_is_wrong_is_said_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (words, code, says) in [
        (&["nonsense"][..], 2, "unrecognized subcommand"),
        (&["explain", "no-such-code"], 2, "usage-invalid"),
        (&["log", "tail"], 2, "not-found"),
        (&["up"], 2, "bundle-missing"),
        (&["policy", "check"], 2, "bundle-missing"),
        (&["doctor"], 1, "upstream-unavailable"),
        (&["init", "--", "/no/such/program"], 1, "upstream-unavailable"),
        (&["agent", "level", "a", "b", "L9", "--reason", "x"], 2, "L0, L1, L2 or L3"),
        (&["connect", "cursor", "--undo"], 2, "no backup"),
    ] {
        let said = run(dir, words);
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(said.err.contains(says), "{words:?}: {}", said.err);
        assert_eq!(said.out, "", "{words:?}");
    }
}

#[test]
fn every_code_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let listed = run(folder.path(), &["explain"]);
    let codes: Vec<&str> = listed.out.lines().collect();
    assert_eq!(codes.len(), types::Code::ALL.len());
    let page = run(folder.path(), &["explain", "level-unsupported"]);
    assert!(page.code == 0 && page.out.contains("## What to do"), "{}", page.out);
}

#[test]
fn a_bundle_with_problems_names_all_of_them_with_their_places() {
    let folder = begun();
    let dir = folder.path();
    let good = run(dir, &["policy", "test"]);
    assert_eq!(good.code, 0, "{}", good.out);
    let path = dir.join("countersign/bundle/policies/starter.cedar");
    let policies = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, policies.replace("context.mode == Mode::\"monitored\"", "context.mood == 3")).unwrap();
    let agents = dir.join("countersign/bundle/agents.toml");
    let text = std::fs::read_to_string(&agents).unwrap();
    std::fs::write(&agents, format!("{text}\n[agents.stray]\nowner = \"nobody\"\n")).unwrap();
    let bad = run(dir, &["policy", "check"]);
    assert_eq!(bad.code, 2);
    assert!(
        bad.err.contains("bundle-invalid") && bad.err.contains("starter.cedar:") && bad.err.contains("agents.toml:"),
        "{}",
        bad.err
    );
}

#[test]
fn a_missing_key_and_an_old_journal_are_told_apart() {
    let folder = begun();
    let dir = folder.path();
    let keys = dir.join("countersign/keys");
    std::fs::rename(keys.join("tenant.key"), keys.join("aside")).unwrap();
    assert!(run(dir, &["log", "tail"]).err.contains("keys-unusable"));
    std::fs::rename(keys.join("aside"), keys.join("tenant.key")).unwrap();
    let journal = dir.join("countersign/data/journal.db");
    std::fs::write(&journal, b"this is no journal, but it is long enough to be read as one by somebody careless")
        .unwrap();
    let torn = up(dir);
    assert!(torn.code == 1 && torn.err.contains("journal-torn"), "{}", torn.err);
}

#[test]
fn a_key_that_was_put_away_does_not_begin_everything_anew() {
    let folder = begun();
    let dir = folder.path();
    std::fs::remove_file(dir.join("countersign/keys/admin.key")).unwrap();
    let bundle = dir.join("countersign/bundle/bundle.toml");
    let text = std::fs::read_to_string(&bundle).unwrap();
    std::fs::write(&bundle, format!("# edited behind everybody's back\n{text}")).unwrap();
    Client::wrap(dir, "inventory").finish();
    let tail = log_tail(dir);
    assert_eq!(tail.matches(r#""kind":"bundle""#).count(), 1, "{tail}");
    assert!(!dir.join("countersign/keys/admin.key").exists());
}

#[test]
fn the_reference_is_the_one_that_is_checked_in() {
    let folder = tempfile::tempdir().unwrap();
    let now = run(folder.path(), &["reference"]).out;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/reference/cli.md is stale: UPDATE=1 cargo test -p countersign reference");
}
