//! Witnesses: what a policy demands of them, and a log that does not go on from what was seen of it.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::World;
use tlog::{AddCheckpoint, CosignerKey, Note, SignerKey, WitnessedLog};

use crate::{files, published, verify, wish};

pub fn witness(n: u8) -> CosignerKey {
    CosignerKey::ed25519(&format!("witness{n}.example/w"), &[n; 32]).unwrap()
}

/// Is a policy by which two of three witnesses must have cosigned.
pub fn policy(key: &str) -> String {
    let witnesses: String = (1..=3).map(|n| format!("witness w{n} {}\n", witness(n).verifier())).collect();
    format!("log {key}\n{witnesses}group both 2 w1 w2 w3\nquorum both\n")
}

pub fn copy(world: &World) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let source = world.folder.path().join("data/log");
    for file in files(&source) {
        let to = copy.path().join(file.strip_prefix(&source).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&file, to).unwrap();
    }
    copy
}

/// Has a fresh witness cosign the log's checkpoint, as it does for a log that was just enrolled.
pub fn cosign(log: &Path, key: &str, witnesses: &[u8]) {
    let path = log.join("checkpoint");
    let note = Note::parse(&fs::read(&path).unwrap()).unwrap();
    let request = AddCheckpoint::parse(format!("old 0\n\n{note}").as_bytes()).unwrap();
    let keys = vec![key.parse().unwrap()];
    let lines = witnesses.iter().flat_map(|n| {
        let enrolled = WitnessedLog::enrol(&keys).unwrap();
        let mut log = WitnessedLog::restore(keys.clone(), enrolled.as_bytes()).unwrap();
        let persisted = log.add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap();
        persisted.cosign(&[witness(*n)], 1_700_000_000).unwrap()
    });
    let lines: Vec<_> = lines.collect();
    fs::write(&path, note.with(lines).unwrap().to_string()).unwrap();
}

fn policy_file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("trust.policy");
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_of_witnesses_is_demanded_and_told() {
    let (world, key) = published().await;
    let log = copy(&world);
    let elsewhere = tempfile::tempdir().unwrap();
    let policy = policy_file(elsewhere.path(), &policy(&key));
    let said = || verify(log.path(), &["--policy", policy.to_str().unwrap()]);
    let (code, text) = said();
    assert!(code == 4 && text.contains("MISSING    a quorum of the policy's witnesses"), "{text}");
    cosign(log.path(), &key, &[1]);
    let (code, text) = said();
    assert!(code == 4 && text.contains("(1 valid cosignatures by witnesses of the policy"), "{text}");
    cosign(log.path(), &key, &[3]);
    let (code, text) = said();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("holds      a quorum") && text.contains("(w1 at 1700000000, w3 at 1700000000)"), "{text}");
    assert!(!text.contains("others are shown") && text.contains("not proved decisions: contents not here"), "{text}");
    let (code, text) = verify(log.path(), &["--key", &key]);
    assert!(code == 0 && text.contains("not proved that others are shown the same log"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cosignature_spoils_the_checkpoint() {
    let (world, key) = published().await;
    let log = copy(&world);
    cosign(log.path(), &key, &[1, 2]);
    let elsewhere = tempfile::tempdir().unwrap();
    let policy = policy_file(elsewhere.path(), &policy(&key));
    let path = log.path().join("checkpoint");
    let note = fs::read_to_string(&path).unwrap();
    let mut other = note.clone();
    let from = other.rfind(' ').unwrap() + 40;
    let letter = if other.as_bytes()[from] == b'A' { "B" } else { "A" };
    other.replace_range(from..=from, letter);
    fs::write(&path, other).unwrap();
    let (code, text) = verify(log.path(), &["--policy", policy.to_str().unwrap()]);
    assert!(code == 1 && text.contains("BROKEN     the checkpoint"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_names_another_log_or_is_none_is_no_help() {
    let (world, _) = published().await;
    let log = copy(&world);
    let other = SignerKey::ed25519("other.example/log", &[3; 32]).unwrap().verifier().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = policy_file(elsewhere.path(), &policy(&other));
    let (code, text) = verify(log.path(), &["--policy", path.to_str().unwrap()]);
    assert!(code == 1 && text.contains("the policy names no log `testkit.example/log`"), "{text}");
    let path = policy_file(elsewhere.path(), "witness\n");
    let (code, text) = verify(log.path(), &["--policy", path.to_str().unwrap()]);
    assert!(code == 2 && text.contains("the policy cannot be used") && text.contains("code: usage-invalid"), "{text}");
    let (code, text) = verify(log.path(), &["--policy", "nowhere"]);
    assert!(code == 2 && text.contains("code: file-unusable"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_must_go_on_from_the_checkpoint_that_was_kept() {
    let (world, key) = published().await;
    let (before, elsewhere) = (copy(&world), tempfile::tempdir().unwrap());
    let kept = elsewhere.path().join("kept");
    fs::copy(before.path().join("checkpoint"), &kept).unwrap();
    world.control.decide_once(wish("sre.list"), false).await.unwrap();
    world.control.publish().unwrap();
    let after = copy(&world);
    let (earlier, newer) = (kept.to_str().unwrap(), after.path().join("checkpoint"));
    let (code, text) = verify(after.path(), &["--key", &key, "--earlier", earlier]);
    assert!(code == 0 && text.contains("holds      it goes on from the checkpoint of"), "{text}");
    let (code, text) = verify(before.path(), &["--key", &key, "--earlier", newer.to_str().unwrap()]);
    assert!(code == 1 && text.contains("(the log is shorter than it was)"), "{text}");

    // Another log under the same key, as a backup that went its own way, or an operator who shows two faces.
    let (fork, _) = published().await;
    for tool in ["sre.report", "sre.list"] {
        fork.control.decide_once(wish(tool), false).await.unwrap();
    }
    fork.control.publish().unwrap();
    let (code, text) = verify(copy(&fork).path(), &["--key", &key, "--earlier", newer.to_str().unwrap()]);
    assert!(code == 1 && text.contains("(its records were others then)"), "{text}");
    fs::write(&kept, "no note").unwrap();
    let (code, text) = verify(after.path(), &["--key", &key, "--earlier", earlier]);
    assert!(code == 1 && text.contains("BROKEN     the checkpoint that you kept is of this log"), "{text}");
}
