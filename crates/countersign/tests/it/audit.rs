//! An audit on the operator's side, and the operator's answer to an auditor.

use std::fs;

use evidence::{Archive, TrustRoot};
use replay::audit::Request;

use crate::program::{Client, begun, run};

#[test]
fn an_operator_hands_over_counts_draws_answers_and_sees_what_the_auditor_will_see() {
    let folder = begun();
    let dir = folder.path();
    let mut client = Client::wrap(dir, "inventory");
    client.lists_services();
    client.lists_services();
    client.finish();

    let said = run(dir, &["audit", "trust-root", "-o", "trust.json"]);
    let root = TrustRoot::from_json(&fs::read(dir.join("trust.json")).unwrap()).unwrap();
    let key = run(dir, &["log", "key"]).out;
    assert_eq!(root.keys[0].key, key.trim());
    assert!(said.code == 0 && said.out.contains(&root.keys[0].fingerprint), "{}", said.out);
    assert_eq!(TrustRoot::from_json(run(dir, &["audit", "trust-root"]).out.as_bytes()).unwrap().keys, root.keys);

    let counted = run(dir, &["audit", "population", "--json"]).json();
    assert!(counted["decisions"].as_u64().unwrap() >= 2, "{counted}");
    assert_eq!(counted["decisions"], counted["kinds"]["decided"]);
    let none = run(dir, &["audit", "population", "--to", "2020-01-01T00:00:00Z", "--json"]).json();
    assert_eq!(none["decisions"], 0);

    let said = run(dir, &["audit", "sample", "-n", "1", "--seed", "dice", "-o", "request.json"]);
    assert!(said.code == 0 && said.out.contains("sample             1 decisions"), "{}{}", said.out, said.err);
    let request = Request::from_json(&fs::read(dir.join("request.json")).unwrap()).unwrap();
    let said = run(dir, &["audit", "export", "--request", "request.json"]);
    assert!(said.code == 0 && said.out.starts_with("sample.evidence ("), "{}{}", said.out, said.err);
    let archive = Archive::from_bytes(&fs::read(dir.join("sample.evidence")).unwrap()).unwrap();
    assert!(archive.manifest.records.contains(&request.picks[0].index) && archive.bundles.len() == 1);

    let said = run(dir, &["audit", "reconstruct", "--request", "request.json"]);
    assert!(said.code == 0 && said.out.contains("decisions          1 of 1 hold"), "{}{}", said.out, said.err);
    assert!(said.out.contains("gave it level L1 for read"), "{}", said.out);
}

#[test]
fn a_trust_root_hands_the_witnesses_over_with_their_fingerprints() {
    let folder = begun();
    let dir = folder.path();
    let keys: Vec<String> = (1..=2)
        .map(|n| tlog::CosignerKey::ed25519(&format!("witness{n}.example/w"), &[n; 32]).unwrap().verifier().to_string())
        .collect();
    let text = format!(
        "# inside\nwitness w1 {} http://10.0.0.1:7719\nwitness w2 {}\ngroup both all w1 w2\nquorum both",
        keys[0], keys[1]
    );
    fs::write(dir.join("countersign/keys/witness.policy"), &text).unwrap();
    let said = run(dir, &["audit", "trust-root", "-o", "trust.json"]);
    let root = TrustRoot::from_json(&fs::read(dir.join("trust.json")).unwrap()).unwrap();
    let policy = root.witness_policy().unwrap().unwrap();
    assert!(policy.is_quorum(&[b"w1", b"w2"]) && !policy.is_quorum(&[b"w1"]));
    assert_eq!(
        root.witness_keys.iter().map(|witness| &witness.key).collect::<Vec<_>>(),
        keys.iter().collect::<Vec<_>>()
    );
    assert!(said.code == 0 && said.out.contains(&format!("witness      w2 {}", root.witness_keys[1].fingerprint)));
    assert!(!root.to_json().contains("10.0.0.1") && !root.to_json().contains("inside"), "{}", root.to_json());
    fs::write(dir.join("countersign/keys/witness.policy"), "witness w1").unwrap();
    let said = run(dir, &["audit", "trust-root"]);
    assert!(
        said.code == 2 && said.err.contains("keys/witness.policy") && said.err.contains("usage-invalid"),
        "{}",
        said.err
    );
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_written() {
    let folder = begun();
    let dir = folder.path();
    let refused = |words: &[&str], code: i32, says: &str| {
        let said = run(dir, words);
        assert!(said.code == code && said.err.contains(says), "{words:?}: {}{}", said.out, said.err);
    };
    refused(&["audit", "sample", "--seed", ""], 2, "code: usage-invalid ");
    refused(&["audit", "sample", "--seed", "dice", "-n", "0"], 2, "code: usage-invalid ");
    refused(&["audit", "population", "--verdict", "maybe"], 2, "`maybe` is no verdict");
    refused(&["audit", "export", "--request", "none.json"], 2, "code: file-unusable ");
    fs::write(dir.join("request.json"), "{}").unwrap();
    refused(&["audit", "export", "--request", "request.json"], 2, "not an audit request");
    let mut request = run(dir, &["audit", "sample", "--seed", "dice", "--json"]).json();
    let checkpoint = request["checkpoint"].as_str().unwrap().replacen("countersign", "countersigm", 1);
    request["checkpoint"] = checkpoint.into();
    fs::write(dir.join("request.json"), request.to_string()).unwrap();
    refused(&["audit", "export", "--request", "request.json"], 1, "the request is not about this log");
    assert!(!dir.join("sample.evidence").exists());
}
