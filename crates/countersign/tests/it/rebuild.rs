//! `countersign rebuild` on a real journal: equal, tampered with, repaired, and while a server runs.

use std::path::Path;

use store::{Batch, StateOp, Writer};

use crate::program::{Client, Said, Server, begun, run};

const JOURNAL: &str = "countersign/data/journal.db";

fn begun_with_work() -> tempfile::TempDir {
    let folder = begun();
    let mut client = Client::wrap(folder.path(), "inventory");
    client.lists_services();
    client.lists_services();
    client.finish();
    folder
}

fn rebuild(dir: &Path, words: &[&str]) -> Said {
    run(dir, &[&["rebuild"], words].concat())
}

fn repair(dir: &Path) -> Said {
    rebuild(dir, &["--write", "--reason", "the disk rotted"])
}

/// Writes rows as whoever can write the data folder can.
fn tamper(dir: &Path, state: Vec<StateOp>) {
    let mut writer = Writer::open(&dir.join(JOURNAL)).unwrap();
    let frontier = writer.head().frontier.clone();
    writer.commit(&Batch { state, frontier, ..Batch::default() }).unwrap();
}

fn planted() -> StateOp {
    StateOp::Put { kind: "switch", key: "agent:no\u{1b}[31mbody".into(), value: vec![1] }
}

fn conduct(dir: &Path) -> StateOp {
    let reader = store::Reader::open(&dir.join(JOURNAL)).unwrap();
    let (key, _) = reader.state("conduct").unwrap().remove(0);
    StateOp::Delete { kind: "conduct", key }
}

#[test]
fn a_journal_that_nobody_touched_is_equal_also_while_a_server_writes_it() {
    let folder = begun_with_work();
    let dir = folder.path();
    let said = rebuild(dir, &[]);
    assert!(said.code == 0 && said.out.starts_with("ok "), "{}{}", said.out, said.err);
    let told = rebuild(dir, &["--json"]).json();
    assert_eq!((told["rows"].as_array().unwrap().len(), told["kinds"]["switch"].is_null()), (0, true), "{told}");
    assert!(told["records"].as_u64().unwrap() > 5 && told["kinds"]["key"]["equal"].as_u64().unwrap() > 0, "{told}");
    let server = Server::up(dir);
    assert_eq!(rebuild(dir, &[]).code, 0);
    let busy = repair(dir);
    assert!(busy.code == 1 && busy.err.contains("code: data-folder-busy "), "{}", busy.err);
    server.stop();
    let nothing = repair(dir);
    assert!(nothing.code == 0 && nothing.out.contains("nothing to write"), "{}{}", nothing.out, nothing.err);
}

#[test]
fn what_was_tampered_with_is_named_and_written_back_by_a_person() {
    let folder = begun_with_work();
    let dir = folder.path();
    tamper(dir, vec![planted(), conduct(dir)]);
    let said = rebuild(dir, &[]);
    assert!(said.code == 1 && said.out.contains("!!"), "{}", said.out);
    assert!(said.out.contains("extra  switch agent:no\\u{1b}[31mbody"), "{:?}", said.out);
    assert!(said.out.contains("missing  conduct "), "{}", said.out);
    let told = rebuild(dir, &["--json"]).json();
    assert_eq!(told["kinds"]["switch"]["extra"], 1, "{told}");
    assert_eq!(told["rows"][0]["answer"], "missing", "{told}");
    let up = run(dir, &["up", "--listen", "127.0.0.1:0"]);
    assert!(up.code == 1 && up.err.contains("code: journal-mismatch "), "{}", up.err);

    let nobody = run(dir, &["--key", "csk_x_00", "rebuild", "--write", "--reason", "x"]);
    assert!(nobody.code == 3 && nobody.err.contains("code: unauthenticated "), "{}", nobody.err);
    let repaired = rebuild(dir, &["--write", "--reason", "the disk rotted", "--json"]);
    assert_eq!(repaired.code, 0, "{}", repaired.err);
    let told = repaired.json();
    assert_eq!((&told["repair"]["changed"], &told["kinds"]["switch"]["extra"]), (&2.into(), &1.into()), "{told}");
    assert_eq!(told["repair"]["after"]["rows"].as_array().unwrap().len(), 0, "{told}");
    let last = run(dir, &["log", "tail"]).out;
    assert!(last.lines().any(|line| line.contains("recovered") && line.contains("the disk rotted")), "{last}");
    assert_eq!(rebuild(dir, &[]).code, 0);
    assert_eq!(run(dir, &["replay"]).code, 0);
    Server::up(dir).stop();
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn the_words_belong_together() {
    let folder = begun();
    for words in [&["--write"][..], &["--reason", "x"], &["--tenant", "default"]] {
        assert_eq!(rebuild(folder.path(), words).code, 2, "{words:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(rebuild(empty.path(), &[]).code, 2);
}
