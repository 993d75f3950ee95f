//! Signatures of sealed models: of what the journal says was sealed, and of nothing else.

use std::path::PathBuf;

use axum::http::header;
use control::Config;
use control::tracking::Status;
use control::tracking::kept::{Artifact, Seal, Tracking};
use serde_json::{Value, json};
use testkit::{ModelKey, ModelManifest, ModelSignature, model_key};
use types::Digest;

use crate::artifacts::{kept, pending, ready};
use crate::call::{Answer, Api};

async fn signature(api: &Api, model: &str) -> Answer {
    api.get("sre-bot", &format!("/v1/seals/{model}/signature")).await
}

fn verified(bytes: &[u8]) -> ModelManifest {
    ModelSignature::parse(bytes).unwrap().verify(model_key().public()).unwrap()
}

/// Opens what is tracked a second time, as somebody does who can write the data folder.
fn intruder(api: &Api) -> Tracking {
    let file: PathBuf = api.world.control.config().place.data.join("tracking.db");
    Tracking::open(&file).unwrap()
}

#[tokio::test]
async fn a_sealed_models_files_are_signed_and_those_alone() {
    let api = Api::new().await;
    let files: [(&str, &[u8]); 4] =
        [("MLmodel", b"flavors: {}"), ("data/weights", b"1234"), ("data/empty", b""), ("data.txt", b"x")];
    let (id, place) = ready(&api, &files).await;
    // A neighbour whose name begins alike is another place.
    kept(&api, &format!("{place}-2/other"), b"y").await;
    let answer = signature(&api, &id).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/vnd.dev.sigstore.bundle.v0.3+json");
    let signed = verified(&answer.bytes);
    let listed: Vec<_> = signed.files().iter().map(|file| (file.path.as_str(), file.digest)).collect();
    let expected = [files[0], files[2], files[1], files[3]].map(|(path, bytes)| (path, Digest::plain(bytes)));
    assert_eq!((signed.name(), listed), (id.as_str(), expected.to_vec()));
    assert_eq!(signature(&api, &id).await.bytes, answer.bytes, "the same model has the same signature");
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    assert_eq!(signature(&api, &id).await.bytes, answer.bytes, "after a restart too");
}

#[tokio::test]
async fn what_is_not_sealed_is_not_signed() {
    let api = Api::new().await;
    let (id, place) = pending(&api).await;
    kept(&api, &format!("{place}/MLmodel"), b"x").await;
    for model in [id.as_str(), "m-nobody", "..%2F..", "%00"] {
        signature(&api, model).await.problem(404, "not-found");
    }
    // Sealed, and the process ends before the journal says so.
    let tracking = api.world.control.tracking().unwrap().clone();
    tracking.set_logged_model_status(id.clone(), Status::Ready, "person:dan".into()).unwrap();
    drop(tracking);
    signature(&api, &id).await.problem(409, "state-conflict");
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    assert_eq!(verified(&signature(&api, &id).await.bytes).files().len(), 1);
}

#[tokio::test]
async fn files_that_were_changed_behind_the_seal_are_not_signed() {
    let api = Api::new().await;
    let (id, place) = ready(&api, &[("MLmodel", b"flavors: {}")]).await;
    let other = Artifact { path: format!("{place}/MLmodel"), digest: Digest::plain(b"other"), size: 5, at: 1 };
    let more = Artifact { path: format!("{place}/more"), ..other.clone() };
    for (file, undo) in [(other, Some(Digest::plain(b"flavors: {}"))), (more, None)] {
        let wrote = file.clone();
        intruder(&api).change(move |change| change.put_artifact(&wrote)).unwrap();
        signature(&api, &id).await.problem(500, "model-differs");
        intruder(&api)
            .change(move |change| match undo {
                Some(digest) => change.put_artifact(&Artifact { digest, size: 11, ..file }),
                None => change.remove_artifacts(&file.path).map(drop),
            })
            .unwrap();
        signature(&api, &id).await.succeeds("as it was");
    }
}

#[tokio::test]
async fn a_seal_that_no_journal_tells_of_is_not_signed() {
    let api = Api::new().await;
    let (id, _) = ready(&api, &[("MLmodel", b"flavors: {}")]).await;
    let record = api.world.control.seals(Some(id.clone()), String::new()).await.unwrap()[0].record.unwrap();
    // Somebody writes a whole model, its seal, and a record that is about another one.
    let text = format!("{} 1 MLmodel\n", Digest::plain(b"x"));
    let seal = |model: &str, place: &str, record: u64| Seal {
        model: model.into(),
        place: place.into(),
        digest: Digest::plain(text.as_bytes()),
        files: 1,
        bytes: 1,
        at: 1,
        by: "person:dan".into(),
        record: Some(record),
    };
    for record in [record, record - 1, 0, 1 << 40] {
        let (forged, place) = pending(&api).await;
        kept(&api, &format!("{place}/MLmodel"), b"x").await;
        let seal = seal(&forged, &place, record);
        intruder(&api).change(move |change| change.seal_model(&seal)).unwrap();
        signature(&api, &forged).await.problem(422, "evidence-missing");
    }
    // Files and seal of a model, changed alike: the record still says what was sealed.
    let (changed, place) = ready(&api, &[("MLmodel", b"flavors: {}")]).await;
    let other = Artifact { path: format!("{place}/MLmodel"), digest: Digest::plain(b"x"), size: 1, at: 1 };
    intruder(&api).change(move |change| change.put_artifact(&other)).unwrap();
    api.world.forge_seal(&changed, Digest::plain(text.as_bytes()));
    signature(&api, &changed).await.problem(422, "evidence-missing");
    // The model's own seal, which is told to be recorded where it is not.
    let model = id.clone();
    intruder(&api).change(move |change| change.note_seal_recorded(&model, 0)).unwrap();
    signature(&api, &id).await.problem(422, "evidence-missing");
    let model = id.clone();
    intruder(&api).change(move |change| change.note_seal_recorded(&model, record)).unwrap();
    signature(&api, &id).await.succeeds("as it was");
}

/// Is what PyPI `model-signing` has signed.
const FILES: [(&str, &[u8]); 4] = [
    ("MLmodel", b"flavors: {}\n"),
    ("a.txt", b"beside the folder a\n"),
    ("a/empty", b""),
    ("über 模型.txt", "ü\n".as_bytes()),
];

macro_rules! theirs {
    ($name:literal) => {
        &include_bytes!(concat!("../../../evidence/tests/model_signatures/", $name))[..]
    };
}

fn in_url(path: &str) -> String {
    let shown = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.bytes().map(|byte| if shown(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Logs that model with a signature and what else is given, and returns what is said of the signature.
async fn came_signed(api: &Api, signature: Option<&[u8]>, more: &[(&str, &[u8])]) -> Value {
    let weights: Vec<u8> = (0..=255).collect();
    let signature = signature.map(|bytes| ("model.sig", bytes));
    let files: Vec<(&str, &[u8])> = FILES
        .into_iter()
        .chain([("a/b/weights.bin", &weights[..])])
        .chain(signature)
        .chain(more.iter().copied())
        .collect();
    let names: Vec<String> = files.iter().map(|(path, _)| in_url(path)).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(files.iter().map(|(_, bytes)| *bytes)).collect();
    let (id, _) = ready(api, &files).await;
    let seals = api.get("zoe", &format!("/v1/seals?model={id}")).await.is(200);
    seals["seals"][0]["came_signed"].clone()
}

fn without_a_hint(signature: &[u8]) -> String {
    let mut bundle: Value = serde_json::from_slice(signature).unwrap();
    bundle["verificationMaterial"]["publicKey"] = json!({});
    bundle.to_string()
}

async fn world_that_knows(keys: &[(&str, &[u8])]) -> Api {
    let signers = keys.iter().map(|(name, pem)| ((*name).to_owned(), ModelKey::from_pem(pem).unwrap())).collect();
    let Api { world, router } = crate::auditor::world().await;
    drop(router);
    Api::over(world.restart_with(|config| Config { model_signers: std::sync::Arc::new(signers), ..config }).await)
}

#[tokio::test]
async fn a_signature_that_came_with_a_model_is_told_by_who_made_it() {
    let api = world_that_knows(&[("ana", theirs!("p256.pem")), ("ben", theirs!("p384.pem"))]).await;
    assert_eq!(came_signed(&api, None, &[]).await, json!({ "state": "none" }));
    for (signature, by) in [(theirs!("p256.sig"), "ana"), (theirs!("p384.sig"), "ben"), (theirs!("links.sig"), "ana")] {
        assert_eq!(came_signed(&api, Some(signature), &[]).await, json!({ "state": "valid", "by": by }));
    }
    // Without a hint each known key is tried.
    let unhinted = without_a_hint(theirs!("p384.sig"));
    assert_eq!(came_signed(&api, Some(unhinted.as_bytes()), &[]).await, json!({ "state": "valid", "by": "ben" }));
    let listed = api.get("zoe", "/v1/seals").await.is(200);
    assert!(listed["seals"][0].get("came_signed").is_none(), "a list looks at none");
}

#[tokio::test]
async fn a_signature_that_does_not_hold_is_told_with_the_reason() {
    let api = world_that_knows(&[("ana", theirs!("p256.pem"))]).await;
    let said = came_signed(&api, Some(theirs!("p256.sig")), &[("more", b"1")]).await;
    assert_eq!(
        said,
        json!({ "state": "invalid", "by": "ana", "why": "1 paths differ, the first is `more`: unlisted" })
    );
    for (signature, state, why) in [
        (theirs!("p384.sig"), "key-unknown", None),
        (theirs!("shards.sig"), "unsupported", Some("shards")),
        (theirs!("certificate.sig"), "unsupported", Some("certificates")),
        (theirs!("one-file.sig"), "invalid", Some("6 paths differ")),
        (b"{}", "invalid", Some("mediaType")),
    ] {
        let said = came_signed(&api, Some(signature), &[]).await;
        assert_eq!(said["state"], state, "{said}");
        assert_eq!(said["why"].as_str().is_some_and(|said| why.is_some_and(|why| said.contains(why))), why.is_some());
    }
    let flipped =
        String::from_utf8(theirs!("p256.sig").to_vec()).unwrap().replacen("\"payload\":\"ew", "\"payload\":\"fw", 1);
    let said = came_signed(&api, Some(flipped.as_bytes()), &[]).await;
    assert!(said["state"] == "invalid" && said["why"].as_str().unwrap().contains("has not signed"), "{said}");
    let unhinted = without_a_hint(theirs!("p384.sig"));
    assert_eq!(came_signed(&api, Some(unhinted.as_bytes()), &[]).await, json!({ "state": "key-unknown" }));
}
