//! Replaying the journal of a real server, and evidence of more than one action.

use std::fs;

use evidence::{About, Archive};

use crate::program::{Client, begun, run};

#[test]
fn every_decision_of_a_real_journal_comes_out_equal() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.lists_services();
    client.finish();
    let said = run(dir, &["replay"]);
    assert!(said.code == 0 && said.out.starts_with("ok "), "{}{}", said.out, said.err);
    let told = run(dir, &["replay", "--json"]).json();
    assert_eq!(told["decisions"], told["answers"]["equal"], "{told}");
    assert!(told["decisions"].as_u64().unwrap() >= 2, "{told}");
    let none = run(dir, &["replay", "--from", "1", "--to", "1", "--json"]).json();
    assert_eq!(none["decisions"], 0);
}

#[test]
fn evidence_may_be_of_a_session_an_agent_or_a_period() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.finish();
    let path = run(dir, &["trace", "last", "--json"]).json();
    let session = path["proposal"]["session"].as_str().unwrap();
    let made = |words: &[&str]| {
        let all: Vec<&str> = ["log", "export"].iter().chain(words).copied().chain(["-o", "x.evidence"]).collect();
        let said = run(dir, &all);
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        Archive::from_bytes(&fs::read(dir.join("x.evidence")).unwrap()).unwrap()
    };
    let of_session = made(&["--session", session]);
    assert!(matches!(of_session.manifest.about, About::Session(_)) && of_session.records.len() >= 4);
    let of_agent = made(&["--agent", "agent"]);
    assert!(matches!(of_agent.manifest.about, About::Agent(_)) && of_agent.records.len() >= 2);
    let of_period = made(&["--from", "2020-01-01T00:00:00Z"]);
    assert_eq!(of_period.manifest.about, About::Records { from: 0, to: of_period.records.len() as u64 });
    assert_eq!(of_period.bundles.len(), 1, "the policy is in it");
    assert!(made(&["--agent", "agent", "--without-policy"]).bundles.is_empty());
    assert_eq!(run(dir, &["log", "export", "--agent", "nobody"]).code, 1);
    assert_eq!(run(dir, &["log", "export"]).code, 2);
    assert_eq!(run(dir, &["log", "export", "--agent", "a", "--session", session]).code, 2);
}
