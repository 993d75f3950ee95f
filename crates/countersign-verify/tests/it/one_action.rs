//! An evidence bundle of one action: signature and claim are told apart, and what is withheld is not a pass.

use std::fs;

use crate::{published, verify};

async fn bundle(open: impl Fn(&str) -> bool) -> (tempfile::TempDir, std::path::PathBuf, String) {
    let (world, key) = published().await;
    let history = world.control.history();
    let size = history.size().unwrap();
    let denied = history.range(0, size).unwrap().into_iter().find(|entry| entry.leaf.verdict == Some(3)).unwrap();
    let verifier = world.control.config().place.keys.log.verifier().clone();
    let archive = history.export("one action", &[denied.index], &verifier, open).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.evidence");
    fs::write(&path, archive.to_bytes().unwrap()).unwrap();
    (folder, path, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_bundle_holds() {
    let (_folder, path, key) = bundle(|_| true).await;
    let (code, said) = verify(&path, &["--key", &key]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("signature  holds") && said.contains("claim      holds"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_trusted_key_nothing_is_proved() {
    let (_folder, path, _) = bundle(|_| true).await;
    let (code, said) = verify(&path, &[]);
    assert_eq!(code, 4, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_grounds_leave_the_claim_undetermined() {
    let (_folder, path, key) = bundle(|name| name != "finding").await;
    let (code, said) = verify(&path, &["--key", &key]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("signature  holds") && said.contains("claim      withheld"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_cannot_say_that_it_is_about_another_action_or_that_a_record_was_erased() {
    let (_folder, path, key) = bundle(|_| true).await;
    let whole = evidence::Archive::from_bytes(&fs::read(&path).unwrap()).unwrap();
    let other = types::ActionId::draw(types::Millis(1), [1; 10]);

    let mut renamed = whole.clone();
    renamed.manifest.about = format!("action {other}");
    fs::write(&path, renamed.to_bytes().unwrap()).unwrap();
    let (code, said) = verify(&path, &["--key", &key]);
    assert!(code == 1 && said.contains("claim      BROKEN") && said.contains("code       evidence-broken"), "{said}");

    let mut hidden = whole;
    hidden.manifest.erased.push(hidden.records[0].index);
    hidden.records[0].disclosure = None;
    fs::write(&path, hidden.to_bytes().unwrap()).unwrap();
    let (code, said) = verify(&path, &["--key", &key]);
    assert!(code == 4 && said.contains("claim      MISSING") && said.contains("code       evidence-missing"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.evidence");
    fs::write(&path, "no zip").unwrap();
    let (code, said) = verify(&path, &[]);
    assert!(code == 2 && said.contains("not an evidence bundle") && said.contains("code: evidence-broken"), "{said}");
    let (code, said) = verify(&folder.path().join("absent"), &[]);
    assert!(code == 2 && said.contains("cannot be read") && said.contains("code: file-unusable"), "{said}");
    let (code, said) = verify(&path, &["--json"]);
    assert!(code == 2 && said.contains(r#""code":"evidence-broken""#), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_cannot_paint_over_what_is_said_of_it() {
    let (_folder, path, key) = bundle(|_| true).await;
    let mut painted = evidence::Archive::from_bytes(&fs::read(&path).unwrap()).unwrap();
    painted.manifest.about = "x\nsignature  holds\u{1b}[2J\u{202e}".to_owned();
    fs::write(&path, painted.to_bytes().unwrap()).unwrap();
    let (_, said) = verify(&path, &["--key", &key]);
    assert!(said.starts_with("about      x\\u{a}signature  holds\\u{1b}[2J\\u{202e}\n"), "{said}");
    painted.manifest.format = "\u{1b}[2J".to_owned();
    fs::write(&path, painted.to_bytes().unwrap()).unwrap();
    assert!(!verify(&path, &["--key", &key]).1.contains('\u{1b}'));
}
