//! The server is told to stop: what comes afterwards is refused, and nothing of it is recorded.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::program::{begun, log_tail, read_json, run, serve};

#[test]
fn a_request_after_the_signal_to_stop_is_refused_and_leaves_no_record() {
    let folder = begun();
    let dir = folder.path();
    let mut server = serve(dir);
    let ready = read_json(&mut BufReader::new(server.stdout.take().unwrap()));
    let key = std::fs::read_to_string(dir.join("countersign/keys/admin.key")).unwrap();
    let address = ready["url"].as_str().unwrap().strip_prefix("http://").unwrap();

    let body = r#"{"tenant":"default","reason":"too late"}"#;
    let mut late = TcpStream::connect(address).unwrap();
    write!(late, "POST /v1/switches HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n").unwrap();
    // Connections are taken in turn: once a later one is answered, the server has this one too.
    let mut later = TcpStream::connect(address).unwrap();
    write!(later, "GET /v1/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    later.read_to_string(&mut String::new()).unwrap();
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    // Nobody is listened to any more once it has taken note of the signal.
    let is_closed = (0..15_000).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        TcpStream::connect(address).is_err()
    });
    assert!(is_closed);
    let rest = format!("authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}", key.trim(), body.len());
    late.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let problem: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(problem["code"], "shutting-down", "{problem}");
    assert_eq!(problem["detail"], "the server is stopping and takes no new requests");
    assert!(server.wait().unwrap().success());

    let tail = log_tail(dir);
    assert!(!tail.contains("too late") && !tail.is_empty(), "{tail}");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_signal_as_soon_as_it_is_ready_stops_it_cleanly() {
    let folder = begun();
    let dir = folder.path();
    for _ in 0..20 {
        let mut server = serve(dir);
        // A shell signals within microseconds of the line; a program that would have to be started then, much later.
        let mut signal = Command::new("sh");
        signal.args(["-c", r#"read -r line && kill "$0""#, &server.id().to_string()]);
        assert!(signal.stdin(server.stdout.take().unwrap()).status().unwrap().success());
        let ended = server.wait().unwrap();
        assert!(ended.success(), "{ended}");
    }
}
