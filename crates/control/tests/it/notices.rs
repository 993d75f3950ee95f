//! Telling of what nobody asked about: what is not usual for an agent, and breakers that open; bounded, and never of names that may have to go.

use countersign_control::notifications::{NoticeState, OUTBOX};
use countersign_control::state::Target;
use serde_json::Value;
use testkit::{World, bundle, world_with};
use types::case::Ballot;
use types::{OutcomeStatus, Principal, Verdict};

use crate::breakers::approved;
use crate::notifications::{Receiver, counted, person, target, telling, until, vote};
use crate::{propose, try_propose};

const HOUR: i64 = 3_600_000;

const BASELINE: &str = "[baselines.usual]\nhours_min = 3\nseen_min = 3\nbefore = \"observe\"\n";

const BREAKERS: &str = "[circuits.calls]\ncovers = { tool = \"sre.report\" }\nfailures = 2\nof_last = 2\n\
                        within_ms = 60000\npause_ms = 10000\npause_ms_max = 40000\n\n\
                        [bulks.undoing]\npermits_max = 2\nwithin_ms = 60000\n\
                        counts = [\"reversible\", \"compensable\", \"staged\", \"irreversible\"]\n";

/// A world with one more file in its bundle, that tells a receiver of some events and of kills.
async fn told_of(event: &str, file: (&str, &str)) -> (World, Receiver) {
    let (receiver, address) = Receiver::start(204).await;
    let mut files = bundle();
    files.insert(file.0, file.1);
    let events = format!("[\"{event}\", \"kill-set\"]");
    (telling(world_with(files).await, &target("hook", &address, &events, "")).await, receiver)
}

/// Returns what came until now, but for the kill that this sets to know that all before it was looked at.
async fn came(world: &World, receiver: &Receiver) -> Vec<Value> {
    let kills = || receiver.kinds().iter().filter(|kind| *kind == "kill.set").count();
    let before = kills();
    let target = Target::Agent("nobody".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), target.clone(), "a mark").await.unwrap();
    until(|| kills() > before && counted(world, NoticeState::Waiting) == 0).await;
    world.control.lift(&person("dan"), target, "a mark").await.unwrap();
    let all = receiver.came().into_iter().map(|(_, said)| said);
    all.filter(|said| said["type"] != "countersign.kill.set").collect()
}

async fn hours(world: &World, count: u32) {
    for _ in 0..count {
        let now = world.control.now().0;
        world.clock.advance(HOUR - now.rem_euclid(HOUR));
        propose(world, "sre.report", "{}").await;
    }
}

fn holds_no_name(world: &World) {
    let outbox = std::fs::read(world.control.config().place.data.join(OUTBOX)).unwrap();
    assert!(!outbox.windows(7).any(|bytes| bytes == b"sre-bot"), "the outbox has the agent's name");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_usual_is_told_once_an_hour_whatever_the_agent_does_in_it() {
    let (world, receiver) = told_of("behaviour-unusual", ("behaviour.toml", BASELINE)).await;
    hours(&world, 4).await;
    assert_eq!(came(&world, &receiver).await, Vec::<Value>::new(), "what is not known yet is not unusual");
    let first = propose(&world, "sre.list", r#"{"team":"do not tell"}"#).await.decision;
    assert_eq!(first.verdict, Verdict::AllowObserved);
    for _ in 0..20 {
        assert_eq!(propose(&world, "sre.list", "{}").await.decision.verdict, Verdict::AllowObserved);
    }
    let told = came(&world, &receiver).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!(
        (&told[0]["type"], &told[0]["subject"]),
        (&"countersign.behaviour.unusual".into(), &"agent:sre-bot".into())
    );
    assert_eq!((&data["class"], &data["tool"]), (&"read".into(), &"sre.list".into()));
    assert_eq!(data["unusual"], serde_json::json!(["new-tool"]));
    assert!(data["link"].as_str().unwrap().ends_with(&format!("/actions/{}", first.action)), "{data}");
    assert!(!told[0].to_string().contains("do not tell"), "{data}");
    // Neither a restart nor what comes after it says it again in the same hour; the next hour does.
    let world = world.restart().await;
    propose(&world, "sre.list", "{}").await;
    assert_eq!(came(&world, &receiver).await.len(), 1);
    hours(&world, 1).await;
    propose(&world, "sre.list", "{}").await;
    assert_eq!(came(&world, &receiver).await.len(), 2);
    holds_no_name(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_are_asked_about_is_told_as_a_case_and_not_once_more() {
    let asking = BASELINE.replace("before = \"observe\"", "profile = \"owner\"");
    for (baseline, arguments) in [(asking.as_str(), "{}"), (BASELINE, r#"{"in":"production"}"#)] {
        let (world, receiver) = told_of("behaviour-unusual", ("behaviour.toml", baseline)).await;
        hours(&world, 4).await;
        let asked = propose(&world, "sre.list", arguments).await;
        assert!(matches!(asked.decision.verdict, Verdict::Escalate(_)), "{:?}", asked.decision.findings);
        assert_eq!(came(&world, &receiver).await, Vec::<Value>::new());
        if baseline == asking {
            vote(&world, asked.case.unwrap().id, "ben", Ballot::Approve).await;
            let approved = propose(&world, "sre.list", arguments).await.decision;
            assert_eq!(approved.verdict, Verdict::AllowObserved, "{:?}", approved.findings);
            assert_eq!(came(&world, &receiver).await, Vec::<Value>::new(), "they have looked at it");
        }
    }
}

async fn fail(world: &World) {
    let permitted = try_propose(world, "sre.report", "{}", true).await.unwrap().decision;
    assert!(permitted.verdict != Verdict::Deny, "{:?}", permitted.findings);
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, permitted.action, OutcomeStatus::Failed, None, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_that_opens_is_told_once_and_not_again_for_each_probe_that_fails() {
    let (world, receiver) = told_of("breaker-opened", ("breakers.toml", BREAKERS)).await;
    fail(&world).await;
    assert_eq!(came(&world, &receiver).await, Vec::<Value>::new(), "one failure opens nothing");
    fail(&world).await;
    let told = came(&world, &receiver).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!((&told[0]["type"], &data["breaker"]), (&"countersign.breaker.opened".into(), &"calls".into()));
    assert_eq!((&data["agent"], &data["tool"]), (&"agent:sre-bot".into(), &"sre.report".into()));
    let until = world.control.breakers().unwrap().circuits[0].until.unwrap();
    assert_eq!(data["until"].as_str().unwrap(), notify::text::rfc3339(until));
    assert!(data["link"].as_str().unwrap().ends_with("/switches"), "{data}");
    let world = world.restart().await;
    world.clock.advance(10_000);
    fail(&world).await;
    assert_eq!(came(&world, &receiver).await.len(), 1, "a probe failed");
    holds_no_name(&world);
    // Closed by a person and opened again, it is news.
    let name = world.control.breakers().unwrap().circuits[0].name.clone();
    world.control.reset_breaker(&person("dan"), name, "it is back").await.unwrap();
    fail(&world).await;
    fail(&world).await;
    assert_eq!(came(&world, &receiver).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_a_bulk_breaker_stops_is_told() {
    let (world, receiver) = told_of("breaker-opened", ("breakers.toml", BREAKERS)).await;
    for service in ["a", "b"] {
        approved(&world, service).await;
    }
    assert_eq!(came(&world, &receiver).await, Vec::<Value>::new());
    for _ in 0..5 {
        assert_eq!(propose(&world, "sre.restart", r#"{"service":"c"}"#).await.decision.verdict, Verdict::Deny);
    }
    let told = came(&world, &receiver).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!((&data["breaker"], &data["tool"], &data["until"]), (&"undoing".into(), &Value::Null, &Value::Null));
    assert_eq!(data["title"], "agent:sre-bot was stopped by the bulk breaker undoing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_was_reset_before_a_target_comes_back_is_not_told() {
    let (world, receiver) = told_of("breaker-opened", ("breakers.toml", BREAKERS)).await;
    receiver.answer(500);
    fail(&world).await;
    fail(&world).await;
    until(|| receiver.came().len() == 1).await;
    let name = world.control.breakers().unwrap().circuits[0].name.clone();
    world.control.reset_breaker(&person("dan"), name, "it is back").await.unwrap();
    receiver.answer(204);
    for _ in 0..6 {
        world.clock.advance(60_000);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    until(|| counted(&world, NoticeState::Dropped) == 1).await;
    assert_eq!((receiver.came().len(), counted(&world, NoticeState::Sent)), (1, 0));
}
