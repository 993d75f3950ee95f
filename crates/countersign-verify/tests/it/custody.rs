//! The custody statement of a bundle: told with its time and keys, and noticed once it is altered.

use std::fs;
use std::path::{Path, PathBuf};

use control::export::{Order, custody, when_published};
use evidence::Archive;
use evidence::trust_root::fingerprint;
use serde_json::Value;
use tlog::SignerKey;
use types::Millis;

use crate::audit_witnessed::witnessed;
use crate::witnessed::witness;
use crate::{settled, verify};

/// Alters a bundle.
type Change = fn(&mut Archive);

/// Is evidence that was cosigned by two witnesses and signed by the statement key.
struct Bundle {
    folder: tempfile::TempDir,
    archive: Archive,
    key: String,
}

fn statement() -> SignerKey {
    SignerKey::ed25519("testkit.example/log/statement", &[9; 32]).unwrap()
}

impl Bundle {
    async fn new() -> Self {
        let (world, key) = settled(&["sre.report"]).await;
        witnessed(&world, &key, &[1, 3]);
        let history = world.control.history();
        let entries = history.range(0, history.size().unwrap()).unwrap();
        let action = entries.iter().find(|entry| evidence::walk::is_intent(&entry.leaf)).unwrap().leaf.action.unwrap();
        let order = Order::of(action, custody("ana", Millis(1_767_607_200_000)));
        let mut archive = when_published(history, &key.parse().unwrap(), &order).await.unwrap();
        let known: Vec<_> = (1..=3).map(|n| witness(n).verifier().clone()).collect();
        archive.attest(&known, Some(&statement())).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), archive, key }
    }

    /// Writes the bundle, changed or not.
    fn write(&self, change: impl FnOnce(&mut Archive)) -> PathBuf {
        let (path, mut archive) = (self.folder.path().join("one.evidence"), self.archive.clone());
        change(&mut archive);
        fs::write(&path, archive.to_bytes().unwrap()).unwrap();
        path
    }

    fn said(&self, change: impl FnOnce(&mut Archive)) -> (i32, String) {
        verify(&self.write(change), &["--key", &self.key])
    }
}

fn reconstructed(path: &Path, key: &str, more: &[&str]) -> (i32, String) {
    verify(Path::new("reconstruct"), &[&[path.to_str().unwrap(), "--key", key], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_keys_are_told() {
    let bundle = Bundle::new().await;
    let path = bundle.write(|_| ());
    let (code, said) = verify(&path, &["--key", &bundle.key]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("made       2026-01-05 10:00:00Z by ana with countersign "), "{said}");
    let keys = [
        ("log key", bundle.key.clone(), "testkit.example/log"),
        ("cosigner", witness(1).verifier().to_string(), "witness1.example/w"),
        ("cosigner", witness(3).verifier().to_string(), "witness3.example/w"),
        ("statement", statement().verifier().to_string(), "testkit.example/log/statement"),
    ];
    let (reconstructs, told) = reconstructed(&path, &bundle.key, &[]);
    assert_eq!(reconstructs, 0, "{told}");
    for (role, key, name) in &keys {
        let print = fingerprint(key);
        assert!(said.contains(&format!("{role:<10} {print} ({name})")), "{said}");
        assert!(told.contains(&format!("custody: {role} {print} ({name})")), "{told}");
    }
    assert!(!said.contains("witness2.example/w"), "it has not cosigned: {said}");
    assert!(said.contains("holds      the keys that the custody statement names are those that signed"), "{said}");
    assert!(said.contains("holds      the statement key that the custody statement names has signed"), "{said}");
    assert!(
        told.contains("proved             custody: log key") && told.contains("proved             custody: cosigner")
    );
    assert!(told.contains("rests on judgement custody: statement"), "{told}");
    assert!(
        told.contains("rests on judgement custody: made by ana") && told.contains("2026-01-05 10:00:00Z"),
        "{told}"
    );

    let value: Value = serde_json::from_str(&verify(&path, &["--key", &bundle.key, "--json"]).1).unwrap();
    let told = &value["report"]["custody"];
    assert_eq!((&told["by"], told["at"].as_i64()), (&"ana".into(), Some(1_767_607_200_000)), "{value}");
    let roles: Vec<&str> = told["keys"].as_array().unwrap().iter().map(|key| key["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["log", "cosigner", "cosigner", "statement"]);
    let (_, told) = reconstructed(&path, &bundle.key, &["--json"]);
    assert!(told.contains(&fingerprint(&keys[3].1)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_it_is_noticed() {
    let bundle = Bundle::new().await;
    let changes: [(&str, Change); 6] = [
        ("by", |archive| archive.manifest.custody.by = "eve".to_owned()),
        ("at", |archive| archive.manifest.custody.at = Millis(5)),
        ("program", |archive| archive.manifest.custody.program.push('1')),
        ("withheld", |archive| archive.manifest.custody.withheld.push("body".to_owned())),
        ("a cosigner left out", |archive| drop(archive.manifest.custody.keys.remove(1))),
        ("the policy's text left out", |archive| {
            archive.bundles.clear();
            archive.manifest.bundles.clear();
        }),
    ];
    for (what, change) in changes {
        let (code, said) = bundle.said(change);
        assert!(code == 1 && said.contains("(what it signed is another manifest)"), "{what}: {said}");
        assert!(said.contains("claim      BROKEN") && said.contains("evidence-broken"), "{what}: {said}");
    }
    let (code, said) = bundle.said(|archive| archive.attestation = None);
    assert!(code == 4 && said.contains("(its signature is not here)"), "{said}");
    let (code, said) = bundle.said(|archive| drop(archive.manifest.custody.keys.pop()));
    assert!(code == 1 && said.contains("(it names no statement key)"), "{said}");
    let path = bundle.write(|archive| archive.manifest.custody.by = "eve".to_owned());
    let (code, said) = reconstructed(&path, &bundle.key, &[]);
    assert!(code == 1 && said.contains("BROKEN             claims: the statement key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_not_signed_the_checkpoint_are_noticed_without_a_signature_too() {
    let bundle = Bundle::new().await;
    let unsigned = |change: Change| {
        bundle.said(|archive| {
            archive.attest(&[witness(1).verifier().clone()], None).unwrap();
            change(archive);
        })
    };
    let (code, said) = unsigned(|_| ());
    assert!(
        code == 0 && said.contains("not proved who made the bundle and when: no statement key has signed"),
        "{said}"
    );
    let other: Change = |archive| {
        let key = &mut archive.manifest.custody.keys[1];
        key.key = witness(2).verifier().to_string();
        key.fingerprint = fingerprint(&key.key);
    };
    let (code, said) = unsigned(other);
    assert!(code == 1 && said.contains("(cosigner `witness2.example/w` has not signed the checkpoint)"), "{said}");
    let (code, said) = unsigned(|archive| {
        let key = &mut archive.manifest.custody.keys[0];
        key.key = SignerKey::ed25519("testkit.example/log", &[1; 32]).unwrap().verifier().to_string();
        key.fingerprint = fingerprint(&key.key);
        archive.manifest.log_key.clone_from(&key.key);
    });
    assert!(code == 1 && said.contains("(log key `testkit.example/log` has not signed the checkpoint)"), "{said}");
    let (code, said) = unsigned(|archive| archive.manifest.custody.keys[1].fingerprint = "ba78".to_owned());
    assert!(code == 1 && said.contains("has another fingerprint"), "{said}");
    let (code, said) = unsigned(|archive| archive.manifest.custody.keys[1].key = "nothing".to_owned());
    assert!(code == 1 && said.contains("(cosigner `nothing` cannot be read)"), "{said}");
    let (code, said) = unsigned(|archive| drop(archive.manifest.custody.keys.remove(0)));
    assert!(code == 1 && said.contains("(it names not one key of the log)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_before_that_names_no_keys_still_reads() {
    let bundle = Bundle::new().await;
    let (code, said) = bundle.said(|archive| {
        archive.manifest.custody.keys.clear();
        archive.attestation = None;
    });
    assert!(code == 0 && said.contains("keys       none are named") && !said.contains("custody statement"), "{said}");
}
