//! Several clients on one data folder: whoever attached goes on when the one it attached to has ended.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, begun, log_tail, open_case, run};

#[test]
fn a_client_outlives_the_one_it_attached_to() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.ask("tools/list", &json!({}));
    let mut second = Client::wrap(dir, "inventory");
    let mut third = Client::wrap(dir, "inventory");
    second.lists_services();
    third.lists_services();
    first.finish();
    second.lists_services();
    third.lists_services();
    assert_eq!(second.ask("tools/list", &json!({}))["result"]["tools"].as_array().unwrap().len(), 9);
    assert_eq!(run(dir, &["approvals"]).code, 0, "people reach the one that took over");
    second.finish();
    third.lists_services();
    third.finish();
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_call_that_was_waiting_on_a_killed_process_is_told_and_can_be_repeated() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.ask("tools/list", &json!({}));
    let mut second = Client::wrap(dir, "inventory");
    second.drafts_mail("held");
    let case = open_case(dir);
    first.kill();
    let lost = second.await_answer("held");
    assert_eq!(lost["error"]["data"]["code"], "in-doubt", "{lost}");
    assert!(lost["error"]["message"].as_str().unwrap().contains("can be repeated"), "{lost}");

    second.drafts_mail("again");
    assert_eq!(open_case(dir), case, "the case is durable, and the same call joins it");
    std::thread::sleep(Duration::from_millis(200));
    let approved = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let answer = second.await_answer("again");
    assert!(answer["result"]["content"].is_array() && Client::refused(&answer["result"]).is_empty(), "{answer}");
    second.finish();
}

#[test]
fn a_withdrawn_call_leaves_no_case_open() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.drafts_mail("held");
    let case = open_case(dir);
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"held"}}"#);
    client.lists_services();
    let open = (0..1_000).find(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !run(dir, &["approvals", "--json"]).out.contains(&case)
    });
    assert!(open.is_some(), "the case is still listed");
    let late = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert_eq!((late.code, late.err.contains("withdrawn already")), (1, true), "{}", late.err);
    client.finish();
    let outcomes = log_tail(dir);
    assert_eq!(outcomes.matches(r#""kind":"outcome""#).count(), 1, "only the list ran: {outcomes}");
}

/// Keeps what a listener is sent; it answers nothing.
pub fn impostor(listener: std::net::TcpListener) -> std::sync::Arc<std::sync::Mutex<String>> {
    use std::io::Read as _;
    let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let keeping = std::sync::Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut bytes = [0; 4_096];
            let read = stream.unwrap().read(&mut bytes).unwrap_or(0);
            keeping.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    heard
}

#[test]
fn a_message_that_cannot_be_read_is_answered_and_ends_nothing() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.lists_services();
    let mut second = Client::wrap(dir, "inventory");
    let long = [br#"{"jsonrpc":"2.0","id":7,"method":"ping","x":""#.as_slice(), &[b'x'; 9 << 20], b"\"}"].concat();
    for (line, code, number) in
        [(b"{\xff}".as_slice(), "json-malformed", -32700), (long.as_slice(), "payload-too-large", -32600)]
    {
        second.send_bytes(line);
        let answer = second.await_answer(Value::Null);
        assert_eq!(answer["error"]["data"]["code"], code, "{answer}");
        assert_eq!(answer["error"]["code"], number, "{answer}");
        second.send_bytes(b"");
        second.lists_services();
    }
    second.finish();
    first.finish();
}

fn word_of(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("countersign/keys/server.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn whoever_has_the_port_of_a_server_that_died_is_sent_no_key() {
    let folder = begun();
    let dir = folder.path();
    let mut first = Client::wrap(dir, "inventory");
    first.lists_services();
    let mut second = Client::wrap(dir, "inventory");
    second.lists_services();
    let mut word = word_of(dir);
    // The second one takes over as soon as it can, and its word in the file is its own.
    second.signal("STOP");
    first.kill();
    let address = word["url"].as_str().unwrap().trim_start_matches("http://");
    let heard = impostor(std::net::TcpListener::bind(address).unwrap());
    // Its number is another process's by now.
    word["pid"] = json!(std::process::id());
    std::fs::write(dir.join("countersign/keys/server.json"), word.to_string()).unwrap();
    assert_eq!(run(dir, &["approvals"]).code, 1);
    second.signal("CONT");
    std::thread::sleep(Duration::from_millis(1_500));
    second.lists_services();
    assert_eq!(run(dir, &["approvals"]).code, 0, "the second has taken over");
    second.finish();
    let heard = heard.lock().unwrap();
    assert!(!heard.to_lowercase().contains("bearer"), "{heard}");
}
