//! The keys of the log on the command line: rotated, retired, frozen, and taken up after an old copy was restored.

use std::fs;
use std::path::Path;

use crate::damage::copy;
use crate::program::{Client, Said, Server, begun, run, up};

fn reason<'a>(words: &[&'a str]) -> Vec<&'a str> {
    ["log"].iter().chain(words).chain(&["--reason", "it is time"]).copied().collect()
}

fn done(dir: &Path, words: &[&str]) -> Said {
    let said = run(dir, &reason(words));
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

fn refused(said: &Said, code: &str) {
    assert!(said.code != 0 && said.err.contains(&format!("code: {code} ")), "{}", said.err);
}

fn secrets(dir: &Path) -> usize {
    fs::read_to_string(dir.join("countersign/keys/log.key")).unwrap().lines().count()
}

fn work(dir: &Path) {
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.finish();
}

#[test]
fn a_key_is_rotated_retired_and_frozen_and_the_log_goes_on() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    let old = run(dir, &["log", "key"]).out;
    done(dir, &["rotate-key"]);
    let both = run(dir, &["log", "key"]).out;
    assert!(both.starts_with(&old) && both.lines().count() == 2 && secrets(dir) == 2, "{both}");
    refused(&run(dir, &reason(&["rotate-key"])), "state-conflict");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
    done(dir, &["retire-key"]);
    assert_eq!((run(dir, &["log", "key"]).out, secrets(dir)), (both.replace(&old, ""), 1));
    assert_eq!(run(dir, &["log", "check"]).code, 0);
    refused(&run(dir, &reason(&["continue"])), "data-folder-busy");
    server.stop();
    work(dir);
    refused(&run(dir, &reason(&["continue", "--accept-gap"])), "state-conflict");
    // No server runs, so the command does it by itself.
    let said = done(dir, &["freeze"]);
    assert!(said.out.contains("frozen: the log ends at"), "{}", said.out);
    refused(&up(dir), "log-frozen");
    refused(&run(dir, &reason(&["freeze"])), "log-frozen");
    let said = done(dir, &["continue"]);
    assert!(said.out.contains("/2+") && dir.join("countersign/data/log.1/checkpoint").exists(), "{}", said.out);
    work(dir);
    assert_eq!((run(dir, &["log", "check"]).code, secrets(dir)), (0, 1));
}

#[test]
fn a_running_server_that_is_frozen_decides_nothing_more() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    done(dir, &["freeze"]);
    refused(&run(dir, &["agent", "level", "agent", "read", "L1", "--reason", "late"]), "log-frozen");
    refused(&run(dir, &reason(&["rotate-key"])), "log-frozen");
    let doctor = run(dir, &["doctor"]);
    assert!(doctor.out.contains("frozen"), "{}", doctor.out);
    server.stop();
    refused(&up(dir), "log-frozen");
}

#[test]
fn a_restored_copy_goes_on_only_once_the_gap_is_admitted() {
    let folder = begun();
    let dir = folder.path();
    let (data, backup) = (dir.join("countersign/data"), dir.join("backup"));
    work(dir);
    copy(&data, &backup);
    work(dir);
    fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let said = up(dir);
    refused(&said, "journal-behind");
    assert!(said.err.contains("countersign log continue --accept-gap"), "{}", said.err);
    refused(&run(dir, &reason(&["continue"])), "journal-behind");
    refused(&up(dir), "journal-behind");
    let said = done(dir, &["continue", "--accept-gap"]);
    assert!(said.out.contains("of it are lost"), "{}", said.out);
    let server = Server::up(dir);
    let doctor = run(dir, &["doctor"]);
    assert!(doctor.out.contains("ARE LOST"), "{}", doctor.out);
    assert_eq!(run(dir, &["log", "check"]).code, 0);
    server.stop();
}
