//! After a restart: nothing in flight is forgotten, and nothing that was used comes back.

use testkit::world;
use types::{Code, OutcomeStatus, Verdict};

use crate::{propose, try_propose};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_flight_is_in_doubt() {
    let world = world().await;
    let action = propose(&world, "sre.report", "{}").await.decision.action;
    assert!(world.control.trace(&action).unwrap().outcome.is_none());
    let world = world.restart().await;
    let outcome = world.control.trace(&action).unwrap().outcome.expect("the restart recorded one");
    assert_eq!(outcome.status, OutcomeStatus::InDoubt);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_reports_by_itself_stays_open() {
    let world = world().await;
    let action = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    let world = world.restart().await;
    assert!(world.control.trace(&action).unwrap().outcome.is_none());
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, action, OutcomeStatus::Done, None, None).await.unwrap();
    let twice = world.control.report(&agent, action, OutcomeStatus::Done, None, None).await;
    assert_eq!(twice.unwrap_err().code, Code::StateConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_and_its_lifting_survive() {
    let world = world().await;
    let target = countersign_control::state::Target::Agent("sre-bot".parse().unwrap());
    let dan: types::PersonId = "dan".parse().unwrap();
    world.control.kill(types::Principal::Person(dan.clone()), target.clone(), "acting up").await.unwrap();
    let world = world.restart().await;
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Deny);
    world.control.lift(&dan, target, "it was the network").await.unwrap();
    let world = world.restart().await;
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_permitted_action_has_one_intent_in_a_log_that_walks() {
    let world = world().await;
    for _ in 0..5 {
        propose(&world, "sre.report", "{}").await;
        propose(&world, "sre.delete", "{}").await;
    }
    let world = world.restart().await;
    let mut walk = evidence::walk::Walk::new();
    let size = world.control.history().size().unwrap();
    for entry in world.control.history().range(0, size).unwrap() {
        walk.take(&entry.bytes).unwrap();
    }
    let walked = walk.finish();
    assert_eq!((walked.kinds["decided"], walked.kinds["outcome"]), (10, 5));
    assert!(walked.open_intents.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_could_not_be_published_are_published_without_another_record() {
    let world = world().await;
    let log = world.folder.path().join("data/log");
    let in_the_way = log.join("checkpoint.writing");
    std::fs::create_dir_all(&in_the_way).unwrap();
    propose(&world, "sre.report", "{}").await;
    let size = world.control.history().size().unwrap();
    let is_published = || {
        let checkpoint = std::fs::read_to_string(log.join("checkpoint")).unwrap_or_default();
        checkpoint.lines().nth(1) == Some(size.to_string().as_str())
    };
    // Longer than it takes to try, and to fail.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(!is_published());
    std::fs::remove_dir(&in_the_way).unwrap();
    for _ in 0..300 {
        if is_published() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(world.control.history().size().unwrap(), size, "nothing else was recorded meanwhile");
    assert!(is_published());
}
