//! Exit codes with meaning, and errors with a stable code.

use crate::program::{Client, begun, init, log_tail, run, up};

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
fn a_bundle_that_is_replaced_is_kept_whole_and_nothing_of_it_is_read_again() {
    let folder = begun();
    let dir = folder.path();
    let stray = "policies/stray.cedar";
    std::fs::write(dir.join("countersign/bundle").join(stray), "// mine\n").unwrap();
    let refused = init(dir);
    assert_eq!((refused.code, refused.err.contains("holds a bundle already")), (2, true), "{}", refused.err);
    let db = dir.join("inventory.db").display().to_string();
    let program = env!("CARGO_BIN_EXE_countersign");
    let server = ["--name", "inventory", "--owner", "ana", "--", program, "demo", "--serve", &db];
    let forced = run(dir, &[&["init", "--force"][..], &server].concat());
    assert_eq!(forced.code, 0, "{}", forced.err);
    assert!(!dir.join("countersign/bundle").join(stray).exists());
    let names =
        std::fs::read_dir(dir.join("countersign")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let kept: Vec<String> = names.filter(|name| name.starts_with("bundle.before-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(forced.err.contains(&kept[0]), "{}", forced.err);
    let text = std::fs::read_to_string(dir.join("countersign").join(&kept[0]).join(stray)).unwrap();
    assert_eq!(text, "// mine\n");
}

#[test]
fn a_projects_own_gitignore_keeps_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = dir.join(".gitignore");
    demo::inventory::seed(&dir.join("inventory.db")).unwrap();
    let db = dir.join("inventory.db").display().to_string();
    let init = || {
        let server = ["--owner", "ana", "--", env!("CARGO_BIN_EXE_countersign"), "demo", "--serve", &db];
        let said = run(dir, &[&["init", "--dir", ".", "--force"][..], &server].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        std::fs::read_to_string(&path).unwrap()
    };
    std::fs::write(&path, "target/\nkeys/").unwrap();
    assert_eq!(init(), "target/\nkeys/\n/data/\n");
    assert_eq!(init(), "target/\nkeys/\n/data/\n", "what is there is not added again");
}

#[test]
fn a_tool_with_a_slash_in_its_name_is_switched_off_and_on() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    let tool = "inventory.mcp:resources/read";
    let killed = run(dir, &["kill", "--tool", tool, "--reason", "test"]);
    assert_eq!(killed.code, 0, "{}{}", killed.out, killed.err);
    let too_long = run(dir, &["kill", "--tool", tool, "--reason", "test", "--wait", "61"]);
    assert_eq!((too_long.code, too_long.err.contains("0..=60")), (2, true), "{}", too_long.err);
    let key = format!("tool:{tool}");
    assert!(run(dir, &["switch", "list"]).out.contains(&key));
    let cleared = run(dir, &["switch", "clear", &key, "--reason", "over"]);
    // `ana` decides alone about her own agents only where the bundle lets her; either way the switch was found.
    assert!(!cleared.err.contains("not-found"), "{}", cleared.err);
    assert_eq!(cleared.code, 0, "{}", cleared.err);
    assert!(!run(dir, &["switch", "list"]).out.contains(&key));
    client.finish();
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
