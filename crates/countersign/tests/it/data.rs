//! `countersign data check` on the command line: what it finds, with which code it ends, and what is recorded.

use std::fs;
use std::path::Path;

use crate::program::{Said, Server, begun, run};

const EXPECTED: &str = "[volume]\nrows_min = 2\n[freshness]\ncolumn = 'at'\nage_max = '36h'\n\
    [columns.id]\ntype = 'integer'\nnulls_max = 0\n[columns.amount]\ntype = 'number'\nmin = 0\n[columns.at]\ntype = 'time'\n";
const GOOD: &str = "id,amount,at\n1,2.5,2026-11-01\n2,3,2026-11-01T12:00:00Z\n";

fn check(dir: &Path, file: &str, text: &[u8], more: &[&str]) -> Said {
    fs::write(dir.join(file), text).unwrap();
    let words = ["data", "check", file, "--against", "expected.toml", "--at", "2026-11-02T00:00:00Z"];
    run(dir, &[&words[..], more].concat())
}

#[test]
fn a_file_is_judged_without_a_server_and_the_exit_code_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("expected.toml"), EXPECTED).unwrap();
    let good = check(dir, "a.csv", GOOD.as_bytes(), &[]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert!(good.out.contains("ok rows: >= 2, found 2") && good.out.contains("not recorded"), "{}", good.out);
    let json = check(dir, "a.csv", GOOD.as_bytes(), &["--json"]).json();
    assert_eq!(
        (&json["passed"], &json["check"]["rows"], &json["kept"]),
        (&true.into(), &2.into(), &serde_json::Value::Null)
    );
    let digest = types::Digest::plain(GOOD.as_bytes()).to_string();
    assert_eq!(json["check"]["digest"], digest);
    assert!(good.out.contains(&format!("{} ties a run", &digest[..36])), "{}", good.out);

    let bad = check(dir, "b.csv", GOOD.replace("2,3,", "x,-3,").as_bytes(), &["--json"]);
    assert_eq!(bad.code, 1);
    assert!(bad.err.contains("\"data-check-failed\""), "{}", bad.err);
    let said = check(dir, "b.csv", GOOD.replace("2,3,", "x,-3,").as_bytes(), &[]);
    assert!(said.out.contains("failed type of id: integer, 1 otherwise, first in line 3"), "{}", said.out);
    assert!(said.out.contains("failed range of amount: >= 0, 1 otherwise, first in line 3"), "{}", said.out);
    assert!(said.err.contains("2 of 12 expectations do not hold"), "{}", said.err);

    let lines = b"{\"id\":1,\"amount\":1,\"at\":\"2026-11-01\"}\n{\"id\":2,\"amount\":null,\"at\":\"2026-11-01\"}\n";
    assert_eq!(check(dir, "c.jsonl", lines, &[]).code, 0);
    assert_eq!(check(dir, "c.txt", lines, &["--format", "jsonl"]).code, 0);
    let unknown = check(dir, "c.txt", lines, &[]);
    assert!(unknown.code == 2 && unknown.err.contains("--format"), "{}", unknown.err);
}

#[test]
fn what_cannot_be_judged_says_so_and_with_another_code() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("expected.toml"), EXPECTED).unwrap();
    let twice = check(dir, "a.csv", b"id,id\n1,2\n", &["--json"]);
    assert!(twice.code == 4 && twice.err.contains("\"data-unreadable\""), "{} {}", twice.code, twice.err);
    fs::write(dir.join("expected.toml"), "[columns.id]\nmin = 1\nnulls_max = 2\n").unwrap();
    let wrong = check(dir, "a.csv", GOOD.as_bytes(), &["--json"]);
    assert!(wrong.code == 2 && wrong.err.contains("\"expectations-invalid\""), "{} {}", wrong.code, wrong.err);
    assert!(wrong.err.contains("nulls_max") && wrong.err.contains("`min`"), "both are told: {}", wrong.err);
    fs::remove_file(dir.join("expected.toml")).unwrap();
    let gone = check(dir, "a.csv", GOOD.as_bytes(), &["--json"]);
    assert!(gone.code == 1 && gone.err.contains("\"file-unusable\""), "{}", gone.err);
    let nowhere = run(dir, &["data", "check", "none.csv", "--against", "a.csv", "--at", "today"]);
    assert_eq!(nowhere.code, 2);
}

#[test]
fn a_verdict_is_recorded_where_it_is_to_be_evidence_also_one_that_failed() {
    let folder = begun();
    let dir = folder.path();
    let _server = Server::up(dir);
    fs::write(dir.join("expected.toml"), EXPECTED).unwrap();
    let good = check(dir, "october.csv", GOOD.as_bytes(), &["--dataset", "transactions"]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert!(good.out.contains("record "), "{}", good.out);
    let bad = check(dir, "october.csv", b"id,amount,at\n1,1,2026-11-01\n", &["--dataset", "transactions", "--json"]);
    assert_eq!(bad.code, 1, "{}", bad.err);
    assert_eq!(bad.json()["kept"]["passed"], false);
    let nobody = check(dir, "october.csv", GOOD.as_bytes(), &["--run", "none", "--json"]);
    assert!(nobody.code != 0 && nobody.err.contains("\"not-found\""), "{}", nobody.err);
}
