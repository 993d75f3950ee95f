//! The hook: whatever goes wrong, the call does not go through.
#![expect(clippy::disallowed_methods, reason = "these tests are about time that passes")]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::program::{Client, Said, begun, run_with};

const HOOK: [&str; 5] = ["hook", "--server", "inventory", "--wait", "1"];

fn ask(dir: &Path, event: &str, id: &str) -> Said {
    let event = json!({
        "hook_event_name": event, "tool_name": "get_service", "tool_use_id": id,
        "tool_input": { "service": "checkout" }, "tool_response": "fine",
    });
    run_with(dir, &HOOK, event.to_string().as_bytes(), None)
}

fn decided(said: &Said) -> String {
    assert_eq!(said.code, 0, "{}", said.err);
    said.json()["hookSpecificOutput"]["permissionDecision"].as_str().unwrap().to_owned()
}

/// Leaves word that this process is the server of the folder.
fn announce(dir: &Path, url: &str) {
    let pid = std::process::id();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let ticks = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap();
    let word = json!({ "url": url, "pid": pid, "began": format!("{}/{ticks}", boot.trim()) });
    std::fs::write(dir.join("countersign/keys/server.json"), word.to_string()).unwrap();
}

#[test]
fn a_call_is_decided_reported_and_forgotten() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    let remembered = dir.join("countersign/data/hook");
    std::fs::create_dir_all(&remembered).unwrap();
    for (name, hours) in [("old", 25), ("young", 23)] {
        let file = std::fs::File::create(remembered.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3_600)).unwrap();
    }
    let asked = ask(dir, "PreToolUse", "call_1");
    assert_eq!(decided(&asked), "allow", "{}", asked.out);
    let mut names: Vec<String> =
        std::fs::read_dir(&remembered).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["call_1", "young"], "a call whose tool failed is forgotten a day after its permit");
    assert_eq!(ask(dir, "PostToolUse", "call_1").code, 0);
    assert!(!remembered.join("call_1").exists());
    client.finish();
}

#[test]
fn what_cannot_be_read_or_answered_blocks_the_call() {
    let folder = begun();
    let dir = folder.path();
    assert_eq!(decided(&ask(dir, "PreToolUse", "call_1")), "deny", "no server runs");
    for input in [b"{\"hook_event_name\":\"\xff\"}".as_slice(), b"{", b"", b"{}"] {
        let said = run_with(dir, &HOOK, input, None);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let event = br#"{"hook_event_name":"PreToolUse","tool_name":"get_service","tool_input":{}}"#;
    let unheard = run_with(dir, &HOOK, event, Some(full));
    assert_eq!(unheard.code, 2, "{}", unheard.err);
}

#[test]
fn a_server_that_accepts_and_never_answers_is_a_denial_in_time() {
    let folder = begun();
    let dir = folder.path();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    announce(dir, &format!("http://{}", silent.local_addr().unwrap()));
    let start = Instant::now();
    let said = ask(dir, "PreToolUse", "call_1");
    assert_eq!(decided(&said), "deny");
    let reason = said.json()["hookSpecificOutput"]["permissionDecisionReason"].clone();
    assert_eq!(reason, Value::from("there was no answer in time (upstream-timeout)"));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
