//! Receipts of single records, and the published log over HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use evidence::{CoseReceipt, Envelope, Leaf, Logged, Statement};
use serde_json::Value;
use tlog::VerifierKey;

use crate::program::{Client, Server, begun, log_tail, open_case, run};

/// Makes a folder with one action in its journal, and returns the action.
fn one_action() -> (tempfile::TempDir, String) {
    let folder = begun();
    let mut client = Client::wrap(folder.path(), "inventory");
    client.lists_services();
    client.finish();
    let action = run(folder.path(), &["trace", "last", "--json"]).json()["action"].as_str().unwrap().to_owned();
    (folder, action)
}

fn key(dir: &Path, more: &[&str]) -> VerifierKey {
    run(dir, &[&["log", "key"], more].concat()).out.trim().parse().unwrap()
}

/// Writes a receipt and its leaf, and returns both with what was said.
fn receipt(dir: &Path, of: &str, format: &str) -> (Vec<u8>, Vec<u8>, Value) {
    let words = ["log", "receipt", of, "--format", format, "--output", "one", "--leaf", "leaf", "--json"];
    let said = run(dir, &words);
    assert_eq!(said.code, 0, "{}", said.err);
    (fs::read(dir.join("one")).unwrap(), fs::read(dir.join("leaf")).unwrap(), said.json())
}

#[test]
fn each_format_proves_the_last_decision_of_an_action() {
    let (folder, action) = one_action();
    let dir = folder.path();
    let (log, statement) = (key(dir, &[]), key(dir, &["--statement"]));
    let (proof, leaf, said) = receipt(dir, &action, "tlog-proof");
    let logged = Logged::parse(&proof, leaf.clone(), &log).unwrap();
    let read = Leaf::from_bytes(&leaf).unwrap();
    assert_eq!((read.kind.as_str(), read.action.unwrap().to_string()), ("decided", action.clone()));
    assert_eq!((&said["record"], &said["key"]), (&logged.index().into(), &log.to_string().into()));

    let (cose, ..) = receipt(dir, &action, "cose");
    let cose = CoseReceipt::from_bytes(&cose).unwrap();
    assert_eq!(cose.verify(&leaf, &statement), Ok(logged.checkpoint().root));
    assert!(cose.verify(&leaf, &log).is_err(), "the log's key signs no receipts");

    let (envelope, _, said) = receipt(dir, &action, "dsse");
    assert_eq!(said["key"], statement.to_string());
    let envelope = Envelope::parse(&envelope).unwrap();
    let said = Statement::parse(envelope.verify(&statement).unwrap()).unwrap();
    assert_eq!(said.verify(&log).unwrap(), logged);
    assert!(envelope.verify(&log).is_err(), "the log's key signs no statements");

    let (by_index, ..) = receipt(dir, &logged.index().to_string(), "tlog-proof");
    assert_eq!(by_index, proof);
    let to_stdout = run(dir, &["log", "receipt", &action, "--format", "tlog-proof"]);
    assert_eq!(to_stdout.out.as_bytes(), proof);
}

/// Returns the indices of the decisions about an action, of all of which its receipt takes one.
fn decisions(dir: &Path, action: &str) -> Vec<u64> {
    let tail = log_tail(dir);
    let records = tail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let decided = records.filter(|r| r["leaf"]["kind"] == "decided" && r["leaf"]["action"] == action);
    decided.map(|record| record["index"].as_u64().unwrap()).collect()
}

#[test]
fn of_an_action_that_was_decided_again_the_last_decision_counts() {
    let folder = begun();
    let dir = folder.path();
    let _server = Server::up(dir);
    let mut client = Client::wrap(dir, "inventory");
    client.drafts_mail("one");
    open_case(dir);
    let action = run(dir, &["trace", "last", "--json"]).json()["action"].as_str().unwrap().to_owned();
    assert_eq!(decisions(dir, &action).len(), 1);
    // Another bundle, under which every open case is put to people again.
    let limits = dir.join("countersign/bundle/limits.toml");
    fs::write(&limits, fs::read_to_string(&limits).unwrap() + "\n# changed\n").unwrap();
    let activated = run(dir, &["policy", "activate"]);
    assert_eq!(activated.code, 0, "{}", activated.err);
    let decided = decisions(dir, &action);
    assert_eq!(decided.len(), 2, "{}", log_tail(dir));
    let (.., said) = receipt(dir, &action, "tlog-proof");
    assert_eq!(said["record"], decided[1]);
    client.kill();
}

#[test]
fn what_cannot_be_receipted_is_refused() {
    let (folder, _) = one_action();
    let dir = folder.path();
    let refused = |words: &[&str], code: &str, says: &str| {
        let said = run(dir, &[&["log", "receipt"], words].concat());
        assert!(said.code != 0 && said.err.contains(code) && said.err.contains(says), "{words:?}: {}", said.err);
        assert!(said.out.is_empty());
    };
    refused(&["9999", "--format", "cose"], "code: not-found ", "there is no record 9999");
    let nobody = "act_01890000000070008000000000000000";
    refused(&[nobody, "--format", "dsse"], "code: not-found ", "there is no decision about act_");
    refused(&["last", "--format", "dsse"], "", "neither an index nor an action");
    refused(&["0", "--format", "cose", "--json"], "usage-invalid", "--output must say where");
    refused(&["0", "--format", "cose", "-o", "nowhere/one"], "code: file-unusable ", "`nowhere/one`");
    refused(&["0", "--format", "cose", "--leaf", "nowhere/leaf"], "code: file-unusable ", "`nowhere/leaf`");
}

#[test]
fn the_statement_key_is_its_own_and_is_made_where_it_is_missing() {
    let (folder, _) = one_action();
    let dir = folder.path();
    let file = dir.join("countersign/keys/statement.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (log, statement) = (key(dir, &[]), key(dir, &["--statement"]));
    assert_eq!(statement.name(), format!("{}/statement", log.name()));
    assert_ne!(log.public_key(), statement.public_key());
    let pem = run(dir, &["log", "key", "--statement", "--pem"]).out;
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{pem}");

    let before = fs::read(&file).unwrap();
    drop(Server::up(dir));
    assert_eq!(fs::read(&file).unwrap(), before, "a start keeps it");
    fs::remove_file(&file).unwrap();
    let said = run(dir, &["log", "receipt", "0", "--format", "cose"]);
    assert!(said.code == 1 && said.err.contains("code: keys-unusable ") && said.err.contains("countersign up"));
    assert_eq!(run(dir, &["log", "receipt", "0", "--format", "tlog-proof"]).code, 0);
    drop(Server::up(dir));
    assert_ne!(key(dir, &["--statement"]).public_key(), statement.public_key());
    assert_eq!(key(dir, &[]), log);
    fs::write(&file, "no key").unwrap();
    let said = run(dir, &["log", "key", "--statement"]);
    assert!(said.code == 1 && said.err.contains("malformed"), "{}", said.err);
}

/// Returns the answer to a request without a key, headers and body.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_log_is_public_where_somebody_said_so() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    assert!(get(server.ready["url"].as_str().unwrap(), "/log/checkpoint").contains("401 Unauthorized"));
    drop(server);
    let server = Server::up_with(dir, &["--public-log"]);
    let url = server.ready["url"].as_str().unwrap();
    let answer = get(url, "/log/checkpoint");
    assert!(answer.contains("200 OK") && answer.contains("cache-control: no-cache"), "{answer}");
    assert!(answer.contains(&format!("\r\n\r\n{}\n", key(dir, &[]).name())), "{answer}");
    assert!(get(url, "/v1/records").contains("401 Unauthorized"));
}
