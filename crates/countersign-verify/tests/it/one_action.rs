//! An evidence bundle of one action: signature and claim are told apart, and what is withheld is not a pass.

use std::fs;

use control::export::{Order, custody, when_published};
use evidence::archive::Custody;
use evidence::{About, RecordKind};
use types::ActionId;
use types::case::Ballot;

use crate::{published, verify, wish};

async fn bundle(withheld: &[&str]) -> (tempfile::TempDir, std::path::PathBuf, String) {
    let (world, key) = published().await;
    let history = world.control.history();
    let size = history.size().unwrap();
    let denied = history.range(0, size).unwrap().into_iter().find(|entry| entry.leaf.verdict == Some(3)).unwrap();
    let verifier = world.control.config().place.keys.log.verifier();
    let withheld = withheld.iter().map(|name| (*name).to_owned()).collect();
    let order = Order::of(denied.leaf.action.unwrap(), Custody { withheld, ..custody("ana", types::Millis(1)) });
    let archive = when_published(history, &verifier, &order).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.evidence");
    fs::write(&path, archive.to_bytes().unwrap()).unwrap();
    (folder, path, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_bundle_holds() {
    let (_folder, path, key) = bundle(&[]).await;
    let (code, said) = verify(&path, &["--key", &key]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("signature  holds") && said.contains("claim      holds"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_trusted_key_nothing_is_proved() {
    let (_folder, path, _) = bundle(&[]).await;
    let (code, said) = verify(&path, &[]);
    assert_eq!(code, 4, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_grounds_leave_the_claim_undetermined() {
    let (_folder, path, key) = bundle(&["finding"]).await;
    let (code, said) = verify(&path, &["--key", &key]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("signature  holds") && said.contains("claim      withheld"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_cannot_say_that_it_is_about_another_action_or_that_a_record_was_erased() {
    let (_folder, path, key) = bundle(&[]).await;
    let whole = evidence::Archive::from_bytes(&fs::read(&path).unwrap()).unwrap();
    let other = types::ActionId::draw(types::Millis(1), [1; 10]);

    let mut renamed = whole.clone();
    renamed.manifest.about = About::action(other);
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

/// Has the restart that waits in the published log approved, and asks for it again; says what its votes are on.
async fn approved(world: &testkit::World) -> (ActionId, ActionId) {
    let case = world.control.cases().into_iter().next().unwrap();
    let ben = "ben".parse().unwrap();
    world.control.vote(&ben, case.id, Ballot::Approve, "looks right", case.shown, false).await.unwrap();
    let ran = world.control.decide_once(wish("sre.restart"), false).await.unwrap();
    assert!(ran.permit.is_some());
    world.control.publish().unwrap();
    (ran.decision.action, case.action)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_believed_only_with_its_vote() {
    let (world, key) = published().await;
    let (ran, opener) = approved(&world).await;
    let history = world.control.history();
    let of = |action: &ActionId| history.of_action(action).unwrap();
    let vote = of(&opener).into_iter().find(|entry| entry.leaf.kind == RecordKind::Vote).unwrap().index;
    let decided = of(&ran).first().unwrap().index;
    let stranger = of(&opener).into_iter().find(|entry| entry.leaf.kind == RecordKind::Decided).unwrap().index;
    let folder = tempfile::tempdir().unwrap();
    let said = |indices: &[u64]| {
        let verifier = world.control.config().place.keys.log.verifier();
        let path = folder.path().join("ran.evidence");
        fs::write(
            &path,
            history.export(&About::action(ran), indices, &verifier, &Custody::default()).unwrap().to_bytes().unwrap(),
        )
        .unwrap();
        verify(&path, &["--key", &key]).1
    };
    let whole = said(&[vote, decided]);
    assert!(whole.contains("holds      record") && whole.contains(": people voted for what was lifted"), "{whole}");
    assert!(
        whole.contains(&format!("holds      the records are about action {ran}")) && !whole.contains("BROKEN"),
        "{whole}"
    );
    let without = said(&[decided]);
    let missing =
        format!("MISSING    record {decided}: people voted for what was lifted (no vote for {opener} is here)");
    assert!(without.contains(&missing), "{without}");
    let foreign = said(&[stranger, vote, decided]);
    assert!(foreign.contains(&format!("BROKEN     the records are about action {ran}")), "{foreign}");
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
    let (_folder, path, key) = bundle(&[]).await;
    let mut painted = evidence::Archive::from_bytes(&fs::read(&path).unwrap()).unwrap();
    painted.manifest.custody.by = "x\nsignature  holds\u{1b}[2J\u{202e}".to_owned();
    fs::write(&path, painted.to_bytes().unwrap()).unwrap();
    let (_, said) = verify(&path, &["--key", &key]);
    assert!(said.contains("Z by x\\u{a}signature  holds\\u{1b}[2J\\u{202e} with "), "{said}");
    painted.manifest.format = "\u{1b}[2J".to_owned();
    fs::write(&path, painted.to_bytes().unwrap()).unwrap();
    assert!(!verify(&path, &["--key", &key]).1.contains('\u{1b}'));
}
