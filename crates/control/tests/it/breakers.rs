//! Breakers, over calls that the gateway carries out and such as agents report on, restarts, closed logs and erasures.

use countersign_control::breakers::KeptCircuit;
use countersign_control::door::CallOutcome;
use countersign_control::machine::Change;
use countersign_control::state::kind;
use serde_json::json;
use stages::breaker::RESET;
use testkit::{World, bundle, world_with};
use types::breaker::BreakerName;
use types::case::Ballot;
use types::{ActionId, AgentId, Claims, Code, OutcomeStatus, Verdict};

use crate::rebuild::{assert_equal, look};
use crate::redaction::{Scene, files, scene};
use crate::safety::{approve, by_two};
use crate::{propose, try_propose};

const CIRCUIT: &str = "[circuits.calls]\ncovers = { tool = \"sre.report\" }\nfailures = 2\nof_last = 3\n\
                       within_ms = 60000\npause_ms = 10000\npause_ms_max = 15000\n";

const BULK: &str = "[bulks.undoing]\npermits_max = 2\nwithin_ms = 60000\n\
                    counts = [\"reversible\", \"compensable\", \"staged\", \"irreversible\"]\n";

fn agent() -> AgentId {
    "sre-bot".parse().unwrap()
}

/// A world whose server answers, and in which a circuit watches the reports.
async fn answering() -> Scene {
    let mut files = files("");
    files.insert("breakers.toml", CIRCUIT);
    scene(world_with(files).await).await
}

async fn with(breakers: &str) -> World {
    let mut files = bundle();
    files.insert("breakers.toml", breakers);
    world_with(files).await
}

/// Lets the server answer well or badly, and calls; returns the code of a refusal.
async fn call(scene: &Scene, well: bool) -> Option<Code> {
    let good = json!({ "content": [], "structuredContent": { "receipt": "r" } });
    let answer = if well { good } else { json!({ "content": [], "isError": true }) };
    *scene.server.answer.lock().unwrap() = answer;
    match scene.call("report", &json!({}), Claims::default()).await {
        CallOutcome::Answer(_) => None,
        CallOutcome::Refused(refusal) => Some(refusal.code),
        CallOutcome::Held(case) => panic!("it waits for {case:?}"),
    }
}

fn circuit(world: &World) -> Option<KeptCircuit> {
    world.control.breakers().unwrap().circuits.pop()
}

fn state(world: &World) -> &'static str {
    circuit(world).map_or("unused", |circuit| circuit.state)
}

/// Starts the application of a scene again, with another connection to the server.
async fn again(old: Scene) -> Scene {
    scene(old.end().restart().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_opens_on_failures_and_closes_after_a_probe_that_was_seen_to_succeed() {
    let scene = answering().await;
    assert_eq!((call(&scene, true).await, state(&scene.world)), (None, "unused"), "a success alone leaves nothing");
    assert_eq!((call(&scene, false).await, state(&scene.world)), (None, "closed"));
    assert_eq!((call(&scene, true).await, state(&scene.world)), (None, "closed"));
    assert_eq!((call(&scene, false).await, state(&scene.world)), (None, "open"), "two of the last three");
    assert_eq!(call(&scene, true).await, Some(Code::CircuitOpen));
    // A restart closes nothing.
    let scene = again(scene).await;
    let left = circuit(&scene.world).unwrap();
    assert_eq!(left.until.unwrap().since(left.opened_at.unwrap()), 10_000);
    assert_eq!(call(&scene, true).await, Some(Code::CircuitOpen));
    scene.world.clock.advance(10_000);
    assert_eq!(state(&scene.world), "half_open");
    // A probe that fails opens it for longer, up to the most that the bundle says.
    assert_eq!((call(&scene, false).await, state(&scene.world)), (None, "open"));
    let left = circuit(&scene.world).unwrap();
    assert_eq!(left.until.unwrap().since(left.opened_at.unwrap()), 15_000);
    scene.world.clock.advance(14_000);
    assert_eq!(call(&scene, true).await, Some(Code::CircuitOpen));
    scene.world.clock.advance(1_000);
    assert_eq!((call(&scene, true).await, state(&scene.world)), (None, "unused"), "it is as if it was never used");
    assert_eq!(call(&scene, true).await, None);
    assert_equal(&look(&scene.world));
    replays(&scene.world);
}

/// Demands that every decision comes out the same, with all facts that follow from the records before.
fn replays(world: &World) {
    let all = countersign_control::replay::decisions(
        world.control.history(),
        crate::rebuild::bundles(world),
        0,
        u64::MAX,
        |_| {},
    );
    let found = all.unwrap();
    assert_eq!(found.count("equal"), found.decisions, "{:?}", found.told);
}

async fn reported(world: &World, status: OutcomeStatus) -> ActionId {
    let action = permitted(world).await;
    world.control.report(&agent(), action, status, None, None).await.unwrap();
    action
}

async fn permitted(world: &World) -> ActionId {
    let decided = try_propose(world, "sre.report", "{}", true).await.unwrap();
    assert!(decided.permit.is_some(), "{:?}", decided.decision.findings);
    decided.decision.action
}

async fn denied(world: &World, tool: &str, arguments: &str, code: Code) {
    let decision = propose(world, tool, arguments).await.decision;
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(decision.findings.iter().any(|finding| finding.code == code), "{:?}", decision.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_word_opens_a_circuit_and_never_closes_it() {
    let world = with(CIRCUIT).await;
    reported(&world, OutcomeStatus::Failed).await;
    for _ in 0..5 {
        reported(&world, OutcomeStatus::Done).await;
    }
    reported(&world, OutcomeStatus::Failed).await;
    assert_eq!(state(&world), "open", "its successes dilute nothing");
    world.clock.advance(10_000);
    for _ in 0..3 {
        reported(&world, OutcomeStatus::Done).await;
        assert_eq!(state(&world), "half_open");
    }
    // One probe at a time; a probe that was never sent gives its place back.
    let probe = permitted(&world).await;
    denied(&world, "sre.report", "{}", Code::CircuitOpen).await;
    let world = world.restart().await;
    denied(&world, "sre.report", "{}", Code::CircuitOpen).await;
    assert_eq!(circuit(&world).unwrap().probes, [probe]);
    world.control.report(&agent(), probe, OutcomeStatus::NotDispatched, None, None).await.unwrap();
    let probe = permitted(&world).await;
    assert_equal(&look(&world));
    // What the agent was permitted before it was reset says nothing about a circuit that is as if never used.
    let name = circuit(&world).unwrap().name;
    world.control.reset_breaker(&"dan".parse().unwrap(), name.clone(), "looked into it").await.unwrap();
    world.control.report(&agent(), probe, OutcomeStatus::Done, None, None).await.unwrap();
    assert_eq!(state(&world), "unused");
    let twice = world.control.reset_breaker(&"dan".parse().unwrap(), name, "again").await;
    assert_eq!(twice.unwrap_err().code, Code::NotFound);
    assert_equal(&look(&world));
    replays(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_counts_against_a_tool_and_a_failure_counts_for_its_time_alone() {
    let world = with(CIRCUIT).await;
    reported(&world, OutcomeStatus::Failed).await;
    world.clock.advance(60_000);
    reported(&world, OutcomeStatus::Failed).await;
    assert_eq!(state(&world), "closed", "the first is too old by now");
    world.clock.advance(59_999);
    // The gateway's own action ends with the process, in doubt.
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    let world = world.restart().await;
    assert_eq!(state(&world), "open");
    assert_equal(&look(&world));
}

/// Has people approve a call, and proposes it again.
pub(crate) async fn approved(world: &World, service: &str) -> Verdict {
    let arguments = json!({ "service": service }).to_string();
    let case = propose(world, "sre.restart", &arguments).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "fine", shown, false).await.unwrap();
    propose(world, "sre.restart", &arguments).await.decision.verdict
}

fn bulk(world: &World) -> (&'static str, i64) {
    world.control.breakers().unwrap().bulks.pop().map_or(("unused", 0), |bulk| (bulk.state, bulk.permits))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_too_many_stops_the_agent_until_a_person_says_otherwise() {
    let world = with(BULK).await;
    for service in ["a", "b"] {
        assert_eq!(approved(&world, service).await, Verdict::AllowObserved);
    }
    assert_eq!(bulk(&world), ("full", 2), "people are asked about two, and each counts once");
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    assert_eq!(bulk(&world).0, "stopped");
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some(), "what only reads goes on");
    let world = world.restart().await;
    world.clock.advance(3_600_000);
    assert_eq!(bulk(&world), ("stopped", 0), "it holds, though there would be room");
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    let name = BreakerName { agent: agent(), tool: None, breaker: "undoing".parse().unwrap() };
    let eve = world.control.reset_breaker(&"eve".parse().unwrap(), name.clone(), "please").await;
    assert_eq!(eve.unwrap_err().code, Code::PolicyDenies, "policy says who may");
    assert_equal(&look(&world));
    world.control.reset_breaker(&"dan".parse().unwrap(), name, "it was a migration").await.unwrap();
    assert_eq!(bulk(&world).0, "unused");
    assert_eq!(approved(&world, "c").await, Verdict::AllowObserved);
    assert_equal(&look(&world));
    replays(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_holds_for_a_time_lets_go_by_itself() {
    let world = with(&format!("{BULK}hold_ms = 86400000\n")).await;
    for service in ["a", "b"] {
        approved(&world, service).await;
    }
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    world.clock.advance(86_399_999);
    assert_eq!(bulk(&world).0, "stopped");
    world.clock.advance(1);
    assert_eq!(bulk(&world).0, "free");
    assert_eq!(approved(&world, "c").await, Verdict::AllowObserved);
    assert_equal(&look(&world));
    replays(&world);
}

/// What is only counted changes nothing that is kept: whoever is denied so often is denied for that, and is stopped later.
#[tokio::test(flavor = "multi_thread")]
async fn who_floods_with_denials_is_held_back_by_that_and_stopped_by_the_next_call() {
    let world = with(&BULK.replace("60000", "600000")).await;
    for service in ["a", "b"] {
        approved(&world, service).await;
    }
    for _ in 0..200 {
        propose(&world, "sre.delete", r#"{"service":"a"}"#).await;
    }
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::DenialsFlooding).await;
    assert_eq!(bulk(&world).0, "full");
    world.clock.advance(60_000);
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    assert_eq!(bulk(&world).0, "stopped");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_goes_on_with_every_breaker() {
    let world = with(&format!("{CIRCUIT}{BULK}")).await;
    for service in ["a", "b"] {
        approved(&world, service).await;
    }
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    for _ in 0..2 {
        reported(&world, OutcomeStatus::Failed).await;
    }
    let before = (circuit(&world), bulk(&world));
    world.control.close_log(&"dan".parse().unwrap(), "the year is over").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    assert_eq!((circuit(&world), bulk(&world)), before);
    denied(&world, "sre.restart", r#"{"service":"c"}"#, Code::BulkStopped).await;
    denied(&world, "sre.report", "{}", Code::CircuitOpen).await;
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_without_the_breaker_asks_nobody_and_one_with_it_again_goes_on() {
    let world = with(CIRCUIT).await;
    for _ in 0..2 {
        reported(&world, OutcomeStatus::Failed).await;
    }
    let dan = "dan".parse().unwrap();
    world.control.activate(&dan, bundle(), "no breakers").await.unwrap();
    assert_eq!(state(&world), "gone");
    reported(&world, OutcomeStatus::Done).await;
    let mut files = bundle();
    files.insert("breakers.toml", CIRCUIT);
    world.control.activate(&dan, files, "breakers again").await.unwrap();
    assert_eq!(state(&world), "open");
    denied(&world, "sre.report", "{}", Code::CircuitOpen).await;
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_erased_takes_its_breakers_along() {
    let world = with(&format!("{CIRCUIT}{BULK}")).await;
    approved(&world, "a").await;
    reported(&world, OutcomeStatus::Failed).await;
    let world = world.restart().await;
    crate::erasure::they_leave(&world).await;
    crate::erasure::erase(&world, "dan", "agent:sre-bot").await.unwrap();
    for kind in [kind::CIRCUIT, kind::BULK] {
        assert_eq!(world.control.history().state(kind).unwrap(), Vec::new(), "{kind}");
    }
    let found = look(&world);
    assert!(found.comparison.is_equal(), "{:?} {:?}", found.comparison.rows, found.comparison.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_to_reset_a_bulk_breaker_is_for_the_time_it_stopped_the_agent_then() {
    let mut files = bundle();
    files.insert("breakers.toml", BULK.replace("permits_max = 2", "permits_max = 1"));
    let world = by_two(files, "countersign.breaker.reset").await;
    let name = BreakerName { agent: agent(), tool: None, breaker: "undoing".parse().unwrap() };
    let asks = async || {
        let asked = world.control.reset_breaker(&"ana".parse().unwrap(), name.clone(), "looked into it").await;
        asked.unwrap_err().case.unwrap().id
    };
    let stopped = async |service: &str, other: &str| {
        assert_eq!(approved(&world, service).await, Verdict::AllowObserved);
        denied(&world, "sre.restart", &json!({ "service": other }).to_string(), Code::BulkStopped).await;
    };
    stopped("a", "b").await;
    let first = asks().await;
    approve(&world, first).await;
    world.control.reset_breaker(&"dan".parse().unwrap(), name.clone(), "it was a migration").await.unwrap();
    world.clock.advance(1);
    stopped("c", "d").await;
    let second = asks().await;
    assert_ne!(second, first, "people were asked about the time before");
    assert_eq!(bulk(&world).0, "stopped");
    approve(&world, second).await;
    world.control.reset_breaker(&"ana".parse().unwrap(), name, "looked into it").await.unwrap();
    assert_eq!(bulk(&world).0, "unused");
}

/// A reset is decided on what was read before its turn; what the agent was stopped for since then stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_reaches_no_bulk_breaker_that_stopped_the_agent_again_before_its_turn() {
    let world = with(&BULK.replace("permits_max = 2", "permits_max = 1")).await;
    let name = BreakerName { agent: agent(), tool: None, breaker: "undoing".parse().unwrap() };
    let stopped_at = || world.control.breakers().unwrap().bulks.pop().and_then(|bulk| bulk.stopped_at);
    let reset = async |stopped| {
        let change = Change::Reset(name.clone(), stopped);
        let arguments = json!({ "breaker": "undoing", "stopped": stopped });
        world.control.administer(&"dan".parse().unwrap(), RESET, &arguments, "looked into it", change).await
    };
    assert_eq!(approved(&world, "a").await, Verdict::AllowObserved);
    denied(&world, "sre.restart", r#"{"service":"b"}"#, Code::BulkStopped).await;
    let read = stopped_at();
    world.control.reset_breaker(&"dan".parse().unwrap(), name.clone(), "it was a migration").await.unwrap();
    world.clock.advance(1);
    assert_eq!(approved(&world, "c").await, Verdict::AllowObserved);
    denied(&world, "sre.restart", r#"{"service":"d"}"#, Code::BulkStopped).await;
    let again = stopped_at();
    assert!(read.is_some() && again > read);
    for stale in [read, None] {
        assert_eq!(reset(stale).await.unwrap_err().code, Code::NotFound);
        assert_eq!((bulk(&world).0, stopped_at()), ("stopped", again), "it was about another time");
    }
    assert_equal(&look(&world));
    reset(again).await.unwrap();
    assert_eq!(bulk(&world).0, "unused");
}
