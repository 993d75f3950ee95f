//! Which bundles were in force, and what differs from the one that is.

use std::fs;

use crate::program::{Server, begun, run};

#[test]
fn the_history_and_what_differs_are_told() {
    let folder = begun();
    let dir = folder.path();
    let _server = Server::up(dir);
    let same = run(dir, &["policy", "diff"]);
    assert_eq!((same.code, same.out.starts_with("nothing differs from ")), (0, true), "{}{}", same.out, same.err);

    let limits = dir.join("countersign/bundle/limits.toml");
    fs::write(&limits, fs::read_to_string(&limits).unwrap() + "\n# no\u{202e}ted\n").unwrap();
    let differs = run(dir, &["policy", "diff"]);
    assert_eq!(differs.code, 0, "{}", differs.err);
    assert!(differs.out.starts_with("changed limits.toml\n"), "{}", differs.out);
    assert!(differs.out.contains(" + # no\\u{202e}ted\n"), "{}", differs.out);
    let told = run(dir, &["policy", "diff", "--json"]).json();
    let lines = told["files"][0]["hunks"][0].as_array().unwrap();
    assert_eq!((&lines[lines.len() - 1]["side"], &told["files"][0]["path"]), (&"new".into(), &"limits.toml".into()));

    let first = told["from"].as_str().unwrap();
    let done = run(dir, &["policy", "activate", "--reason", "a note"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let history = run(dir, &["policy", "history", "--json"]).json();
    let [latest, oldest] = history["activations"].as_array().unwrap().as_slice() else { panic!("{history}") };
    assert_eq!((&latest["bundle"], &latest["reason"]), (&told["to"], &"a note".into()));
    assert_eq!(oldest["bundle"], first);
    let said = run(dir, &["policy", "history"]);
    assert!(said.out.lines().next().unwrap().ends_with("a note"), "{}", said.out);

    let since = run(dir, &["policy", "diff", "--from", first]);
    assert_eq!(since.out, differs.out, "what is in force now differs from the first as the folder did");
    let never = run(dir, &["policy", "diff", "--from", &"0".repeat(64), "--json"]);
    assert!(never.code == 1 && never.err.contains("\"not-found\""), "{}", never.err);
    let wrong = run(dir, &["policy", "diff", "--from", "zero"]);
    assert!(wrong.code == 2 && wrong.err.contains("64 hex digits"), "{}", wrong.err);
}
