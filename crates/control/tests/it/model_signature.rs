//! Signatures of models over closed logs and erasures: the record of the seal must be there and readable, wherever it is.

use countersign_control::Refusal;
use countersign_control::tracking::{NewLoggedModel, Status, artifact};
use testkit::{ModelSignature, World, bundle, model_key, world_with};
use types::Code;

use crate::closing::next;
use crate::erasure::erase;

/// Makes a model of one file, which this person says to be ready.
async fn sealed(world: &World, by: &str) -> String {
    let tracking = world.control.tracking().unwrap().clone();
    let wish = NewLoggedModel { experiment: "0".into(), name: "one".into(), ..NewLoggedModel::default() };
    let model = tracking.create_logged_model(wish).unwrap().model.id;
    let path = artifact::path(&format!("0/models/{model}/artifacts/MLmodel")).unwrap();
    let mut upload = tracking.receive(path, by.into(), None).unwrap();
    upload.write(model.as_bytes()).unwrap();
    tracking.keep(upload).unwrap();
    tracking.set_logged_model_status(model.clone(), Status::Ready, by.into()).unwrap();
    drop(tracking);
    world.control.record_models().await.unwrap();
    model
}

async fn signature(world: &World, model: &str) -> Result<String, Refusal> {
    world.control.model_signature(model.to_owned()).await
}

async fn closed(world: World) -> World {
    world.control.close_log(&"dan".parse().unwrap(), "the year is over").await.unwrap();
    next(world).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_of_a_closed_log_is_signed_until_that_log_is_deleted() {
    let mut files = bundle();
    files.insert("retention.toml", "minimum_days = 0\narchive_required = false\n");
    let world = world_with(files).await;
    let first = sealed(&world, "person:dan").await;
    let signed = signature(&world, &first).await.unwrap();
    assert!(ModelSignature::parse(signed.as_bytes()).unwrap().verify(model_key().public()).is_ok());
    let world = closed(world).await;
    let second = sealed(&world, "person:dan").await;
    assert_eq!(signature(&world, &first).await.unwrap(), signed);
    assert!(signature(&world, &second).await.is_ok());
    world.clock.advance(1_000);
    world.control.delete_log(&"dan".parse().unwrap(), "1", "kept long enough").await.unwrap();
    let refused = signature(&world, &first).await.unwrap_err();
    assert_eq!(refused.code, Code::EvidenceMissing, "{refused:?}");
    assert!(signature(&world, &second).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_whose_record_was_erased_is_signed_no_more() {
    let world = world_with(bundle()).await;
    let (by_gone, by_dan) = (sealed(&world, "person:gone").await, sealed(&world, "person:dan").await);
    assert!(signature(&world, &by_gone).await.is_ok());
    erase(&world, "dan", "person:gone").await.unwrap();
    assert_eq!(signature(&world, &by_gone).await.unwrap_err().code, Code::EvidenceMissing);
    assert!(signature(&world, &by_dan).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_signed() {
    let world = world_with(bundle()).await;
    let model = sealed(&world, "person:dan").await;
    let world = world.restart_with(|config| countersign_control::Config { model_key: None, ..config }).await;
    assert_eq!(signature(&world, &model).await.unwrap_err().code, Code::KeysUnusable);
}
