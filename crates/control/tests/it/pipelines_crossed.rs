//! Pipelines that something crosses: a newer version, another bundle, a kill, somebody who was faster.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_control::tracking::Move;
use countersign_control::tracking::kept::Pair;
use testkit::bundle;
use types::case::CaseState;
use types::{ActionId, Target};

use crate::pipelines::*;
use crate::safety::approve;

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_supersedes_the_older_one_and_its_case() {
    let world = driven(PLAIN).await;
    let older = register(&world, &agent());
    until(&world, &older, "approve waiting").await;
    let case = open_case(&world);
    let newer = register(&world, &agent());
    until(&world, &newer, "approve waiting").await;
    assert_eq!(until(&world, &older, "approve superseded").await, "version 2 was registered");
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Withdrawn);
    let world = world.restart().await;
    approve(&world, open_case(&world)).await;
    until(&world, &newer, "promote done").await;
    assert_eq!((stands(&world, &older).await.0.as_str(), running(&world)), ("approve superseded", Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promoted_already_is_not_superseded() {
    let world = driven(PLAIN).await;
    let older = register(&world, &holder("dan"));
    until(&world, &older, "promote done").await;
    let newer = register(&world, &holder("dan"));
    until(&world, &newer, "promote done").await;
    assert_eq!((stands(&world, &older).await.0.as_str(), running(&world)), ("promote done", Some(2)));
    // As if the process had ended before it noted that the older one was promoted, and a newer one came at once.
    assert_eq!(
        world.alter_tracked("UPDATE pipeline SET step = 'validate', state = 'done', why = NULL WHERE number = 2"),
        1
    );
    let newest = register(&world, &holder("dan"));
    until(&world, &newest, "promote done").await;
    assert_eq!(stands(&world, &newer).await.0, "promote done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_bundle_with_the_same_pipeline_asks_people_again_about_the_same_action() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let before = proposed(&world);
    let mut files = with(PLAIN);
    files.insert("README.md", "Another bundle.\n");
    let activated = world.control.activate(&person("dan"), files, "a word about it").await.unwrap();
    assert_eq!(activated.reopened, 1);
    settle(&world).await;
    assert_eq!(stands(&world, &number).await.0, "approve waiting");
    approve(&world, open_case(&world)).await;
    until(&world, &number, "promote done").await;
    let after: BTreeSet<ActionId> = proposed(&world).into_iter().collect();
    assert_eq!(after.len(), 2, "one that was asked for, one that was carried out: {before:?} {after:?}");
    assert!(!steps(&world, &number).await.contains(&"validate again".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_says_something_else_begins_again_by_what_it_says() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let stricter = format!("{PLAIN}[evaluate]\nsuites = ['holdout']\nwithin_hours = 2\n");
    world.control.activate(&person("dan"), with(&stricter), "evaluate first").await.unwrap();
    until(&world, &number, "evaluate waiting").await;
    assert!(steps(&world, &number).await.contains(&"validate again".to_owned()));
    let open =
        world.control.cases().into_iter().filter(|case| matches!(case.state, CaseState::Open | CaseState::Approved));
    assert_eq!(open.count(), 0, "what was asked by the old rules is withdrawn");
    evaluate(&world, &number, "holdout", true).await;
    until(&world, &number, "approve waiting").await;
    approve(&world, open_case(&world)).await;
    until(&world, &number, "promote done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_gone_ends_and_withdraws_what_it_asked() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    world.control.activate(&person("dan"), bundle(), "by hand again").await.unwrap();
    let why = until(&world, &number, "approve failed").await;
    assert_eq!(why, "the active bundle has no pipeline `fraud` for it any more");
    settle(&world).await;
    assert!(world.control.cases().iter().all(|case| !matches!(case.state, CaseState::Open | CaseState::Approved)));
    assert_eq!(register(&world, &holder("dan")), "2");
    settle(&world).await;
    assert_eq!((stands(&world, "2").await.0.as_str(), running(&world)), ("none", None));
    // What was registered while there was none is left alone for ever.
    world.control.activate(&person("dan"), with(PLAIN), "again").await.unwrap();
    settle(&world).await;
    assert_eq!(stands(&world, "2").await.0, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_ends_what_waits_and_what_comes() {
    let world = driven(PLAIN).await;
    let number = register(&world, &agent());
    until(&world, &number, "approve waiting").await;
    let target = Target::Tool("registry.set_alias".parse().unwrap());
    world.control.kill(holder("dan").principal, target, "nothing is promoted today").await.unwrap();
    let why = until(&world, &number, "promote failed").await;
    assert!(why.starts_with("killed"), "{why}");
    assert_eq!(running(&world), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_done_and_what_is_gone_ends() {
    let slow = format!("{PLAIN}[evaluate]\nsuites = ['holdout']\nwithin_hours = 2\n");
    let world = driven(&slow).await;
    let number = register(&world, &holder("dan"));
    until(&world, &number, "evaluate waiting").await;
    let champion = Move::SetAlias { model: "fraud".into(), alias: "champion".into(), version: number.clone() };
    world.control.move_model(holder("dan"), champion, None).await.unwrap();
    evaluate(&world, &number, "holdout", true).await;
    assert_eq!(until(&world, &number, "promote done").await, "it is there already");
    assert_eq!(proposed(&world).len(), 1);

    let gone = register(&world, &holder("dan"));
    until(&world, &gone, "evaluate waiting").await;
    let rename = Move::RenameModel { model: "fraud".into(), to: "frauds".into() };
    world.control.move_model(holder("dan"), rename, None).await.unwrap();
    for _ in 0..400 {
        let shown = world.control.pipeline("frauds".into(), gone.clone()).await.unwrap().unwrap();
        if shown.driven.state == types::pipeline::StepState::Failed {
            return assert!(shown.driven.why.unwrap().contains("not there any more"));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it goes on under another name");
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_and_targets_are_promoted_to_and_other_models_are_left_alone() {
    for (promote, model) in [("stage = 'Staging'\narchive = true", "fraud"), ("target = 'eu-west'", "fraud")] {
        let world = driven(&format!("models = ['f*d']\n[promote]\n{promote}\nreason = 'it is new'\n")).await;
        let number = register(&world, &holder("dan"));
        until(&world, &number, "promote done").await;
        if promote.starts_with("stage") {
            let version = tracking(&world).model_version(model, &number).unwrap().version;
            assert_eq!(version.stage.name(), "Staging");
        } else {
            let deployed = world.control.deployments(None).await.unwrap();
            assert_eq!((deployed[0].target.as_str(), deployed[0].declared), ("eu-west", Some(1)));
        }
    }
    let world = driven(&PLAIN.replace("'fraud'", "'churn'")).await;
    let number = register(&world, &holder("dan"));
    settle(&world).await;
    assert_eq!(stands(&world, &number).await.0, "none");
    let world = driven(PLAIN).await;
    let prompt = vec![Pair { key: PROMPT.into(), value: "true".into() }];
    tracking(&world).create_registered_model(&holder("dan"), "fraud".into(), String::new(), prompt.clone()).unwrap();
    let number = register_with(&world, &holder("dan"), None, prompt);
    settle(&world).await;
    assert_eq!(stands(&world, &number).await.0, "none", "a prompt is no model");
}
