//! Baselines: what an agent usually does is learned hour by hour, survives everything, and can only restrict.

use countersign_control::actions::Wish;
use countersign_control::permissions::PermissionWish;
use countersign_control::state::kind;
use evidence::RecordKind;
use replay::fold::KeptHour;
use serde_json::json;
use testkit::{World, bundle, permitting_bundle, world_with};
use types::bound::Bound;
use types::{Claims, Code, OutcomeStatus, Verdict};

use crate::rebuild::{assert_equal, look};
use crate::redaction::{Scene, files, scene};
use crate::{propose, try_propose};

const HOUR: i64 = 3_600_000;

const BASELINE: &str = "[baselines.usual]\nhours_min = 3\nseen_min = 2\nendings_min = 2\namounts = [\"/days\"]\nbefore = \"observe\"\n\
     covers = { class = \"read\" }\n";

async fn with(baseline: &str) -> World {
    let mut files = bundle();
    files.insert("behaviour.toml", baseline);
    world_with(files).await
}

fn next_hour(world: &World) {
    let now = world.control.now().0;
    world.clock.advance(HOUR - now.rem_euclid(HOUR));
}

/// Proposes a call without arguments, and says what the stage found of it.
async fn found(world: &World, tool: &str) -> (Verdict, Option<Code>, Vec<String>) {
    found_of(world, tool, "{}").await
}

async fn found_of(world: &World, tool: &str, arguments: &str) -> (Verdict, Option<Code>, Vec<String>) {
    let decision = propose(world, tool, arguments).await.decision;
    let codes = [Code::BehaviourUsual, Code::BehaviourUnusual, Code::BehaviourUnknown];
    let code = decision.findings.iter().map(|finding| finding.code).find(|code| codes.contains(code));
    let unusual = decision.facts.list("baseline.usual.unusual").map(<[String]>::to_vec).unwrap_or_default();
    (decision.verdict, code, unusual)
}

async fn hours(world: &World, count: u32, each: u32) {
    for _ in 0..count {
        for _ in 0..each {
            propose(world, "sre.report", "{}").await;
        }
        next_hour(world);
    }
}

/// Demands that every decision and every row comes out the same from the records.
fn counted_again(world: &World) {
    assert_equal(&look(world));
    let bundles = crate::rebuild::bundles(world);
    let found = countersign_control::replay::decisions(world.control.history(), bundles, 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(found.count("equal"), found.decisions, "{:?}", found.told);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_until_enough_hours_are_known_and_then_more_than_usual_is() {
    let world = with(BASELINE).await;
    next_hour(&world);
    assert_eq!(found(&world, "sre.report").await, (Verdict::AllowObserved, Some(Code::BehaviourUnknown), Vec::new()));
    hours(&world, 3, 2).await;
    let usual = (Verdict::Allow, Some(Code::BehaviourUsual), Vec::new());
    for _ in 0..5 {
        assert_eq!(found(&world, "sre.report").await, usual, "two are usual, and a deviation is one at least");
    }
    let world = world.restart().await;
    let unusual = |what: &str| (Verdict::AllowObserved, Some(Code::BehaviourUnusual), vec![what.to_owned()]);
    for _ in 0..3 {
        assert_eq!(found(&world, "sre.report").await, unusual("volume"), "the hour does not excuse itself");
    }
    next_hour(&world);
    assert_eq!(found(&world, "sre.report").await, usual);
    for _ in 0..2 {
        assert_eq!(found(&world, "sre.list").await.2, ["new-tool"]);
        assert_eq!(found(&world, "sre.list").await.2, ["new-tool"], "however often it is used in one hour");
        next_hour(&world);
    }
    assert_eq!(found(&world, "sre.list").await.1, Some(Code::BehaviourUsual));
    let (_, learned) = world.control.baselines(&"sre-bot".parse().unwrap()).unwrap();
    assert_eq!((learned.len(), learned[0].usual.hours, learned[0].volume), (1, 6, 1));
    assert_eq!(learned[0].usual.tools.len(), 2);
    counted_again(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unusual_goes_to_people_where_the_bundle_names_them() {
    let world = with(&BASELINE.replace("before = \"observe\"", "profile = \"owner\"")).await;
    next_hour(&world);
    hours(&world, 3, 1).await;
    assert_eq!(found(&world, "sre.report").await.0, Verdict::Allow);
    let asked = found(&world, "sre.list").await;
    assert!(matches!(&asked.0, Verdict::Escalate(profiles) if profiles.len() == 1), "{asked:?}");
    // Nobody has permitted it, so it is no part of what is usual later.
    next_hour(&world);
    assert_eq!(found(&world, "sre.list").await.2, ["new-tool"]);
    counted_again(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_learned_from_what_was_permitted_and_stand_in_every_decision() {
    let world = with(BASELINE).await;
    next_hour(&world);
    for _ in 0..3 {
        propose(&world, "sre.report", r#"{"days":7}"#).await;
        propose(&world, "sre.report", r#"{"days":8}"#).await;
        next_hour(&world);
    }
    let world = world.restart().await;
    let odd = (Verdict::AllowObserved, Some(Code::BehaviourUnusual), vec!["amount".to_owned()]);
    assert_eq!(found_of(&world, "sre.report", r#"{"days":9}"#).await.1, Some(Code::BehaviourUsual));
    assert_eq!(found_of(&world, "sre.report", r#"{"days":365}"#).await, odd);
    assert_eq!(found_of(&world, "sre.report", r#"{"days":1}"#).await, odd);
    // What the arguments ask for is told by the arguments: whoever has the record computes it again.
    let decision = propose(&world, "sre.report", r#"{"days":365}"#).await.decision;
    let asked = decision.facts.get("baseline.usual.asked.0").unwrap();
    assert_eq!((asked.source.as_ref(), decision.facts.int("baseline.usual.asked.0")), ("proposal", Some(365)));
    let (_, learned) = world.control.baselines(&"sre-bot".parse().unwrap()).unwrap();
    let range = learned[0].usual.amounts["/days"];
    assert_eq!((range.least, range.most), (4, 11));
    counted_again(&world);
}

/// People who have permitted something in advance have not seen what is not usual about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_does_not_stand_for_who_looks_at_what_is_unusual() {
    let mut files = permitting_bundle();
    let baseline = "[baselines.usual]\nhours_min = 1\nseen_min = 1\nprofile = \"owner\"\nwatch = [\"amount\"]\n\
                    amounts = [\"/replicas\"]\ncovers = { class = \"write\" }\n";
    files.insert("behaviour.toml", baseline);
    let world = world_with(files).await;
    next_hour(&world);
    let wish = || PermissionWish {
        bounds: [("replicas".to_owned(), Bound::Between { from: 1, to: 100 })].into(),
        minutes: 60,
        uses: 5,
        ..crate::permissions::restarts()
    };
    crate::permissions::given(&world, wish(), &["ben"]).await;
    assert_eq!(
        crate::permissions::restart(&world, json!({ "service": "web", "replicas": 1 })).await.decision.verdict,
        Verdict::AllowObserved
    );
    next_hour(&world);
    crate::permissions::given(&world, wish(), &["ben"]).await;
    let usual = crate::permissions::restart(&world, json!({ "service": "web", "replicas": 2 })).await.decision;
    assert_eq!(usual.verdict, Verdict::AllowObserved, "{:?}", usual.findings);
    let odd = crate::permissions::restart(&world, json!({ "service": "web", "replicas": 100 })).await.decision;
    assert!(matches!(&odd.verdict, Verdict::Escalate(_)), "{:?}", odd.findings);
    counted_again(&world);
}

async fn call(scene: &Scene, well: bool) {
    let answer = json!({ "content": [], "structuredContent": { "receipt": "r" }, "isError": !well });
    *scene.server.answer.lock().unwrap() = answer;
    scene.call("report", &json!({}), Claims::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_failures_than_usual_are_noticed_and_what_agents_report_teaches_nothing() {
    let mut files = files("");
    files.insert("behaviour.toml", BASELINE);
    let scene = scene(world_with(files).await).await;
    let world = &scene.world;
    next_hour(world);
    for _ in 0..3 {
        call(&scene, true).await;
        call(&scene, true).await;
        next_hour(world);
    }
    for _ in 0..2 {
        let reported = try_propose(world, "sre.list", "{}", true).await.unwrap().decision.action;
        let agent = "sre-bot".parse().unwrap();
        world.control.report(&agent, reported, OutcomeStatus::Failed, None, None).await.unwrap();
    }
    assert_eq!(found(world, "sre.report").await.2, [""; 0]);
    call(&scene, false).await;
    let told = || world.control.baselines(&"sre-bot".parse().unwrap()).unwrap().1.remove(0);
    assert_eq!((told().errors_bp, told().pace_ms), (None, None), "one ending is too few to be judged");
    call(&scene, false).await;
    assert_eq!(found(world, "sre.report").await.2, ["errors"]);
    assert_eq!((told().errors_bp, told().pace_ms), (Some(10_000), Some(0)));
    counted_again(world);
}

/// What the gateway held back says nothing of how the agent's calls end.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_teaches_nothing() {
    let mut files = crate::receipts::demanding("witnessed");
    files.insert("behaviour.toml", BASELINE);
    let world = world_with(files).await;
    let refusal = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    let outcome = world.control.trace(&refusal.action.unwrap()).unwrap().outcome.unwrap();
    assert_eq!((outcome.status, outcome.provenance), (OutcomeStatus::NotDispatched, types::Provenance::Observed));
    let rows = world.control.history().state(kind::HOUR).unwrap();
    let hours: Vec<_> = rows.iter().map(|(_, row)| types::cbor::decode::<KeptHour>(row).unwrap().did).collect();
    assert_eq!(hours.iter().map(|hour| (hour.permits, hour.ended, hour.failed)).collect::<Vec<_>>(), [(1, 0, 0)]);
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_goes_on_in_a_new_log_and_ends_by_time() {
    let world = with(BASELINE).await;
    next_hour(&world);
    hours(&world, 3, 1).await;
    world.control.close_log(&"dan".parse().unwrap(), "the year is over").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    assert_eq!(found(&world, "sre.report").await.1, Some(Code::BehaviourUsual));
    assert_equal(&look(&world));
    // What is older than the longest window goes, whether anything is done or not.
    world.clock.advance(15 * 24 * HOUR);
    world.control.tick().await.unwrap();
    assert_eq!(world.control.history().state(kind::HOUR).unwrap().len(), 0);
    assert_eq!(found(&world, "sre.report").await.1, Some(Code::BehaviourUnknown));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_erased_takes_what_was_learned_along() {
    let world = with(BASELINE).await;
    next_hour(&world);
    hours(&world, 3, 1).await;
    let world = world.restart().await;
    // With the one of the start, in which ended what was in flight.
    assert_eq!(world.control.history().state(kind::HOUR).unwrap().len(), 4);
    crate::erasure::they_leave(&world).await;
    crate::erasure::erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert_eq!(world.control.history().state(kind::HOUR).unwrap(), Vec::new());
    let found = look(&world);
    assert!(found.comparison.is_equal(), "{:?} {:?}", found.comparison.rows, found.comparison.problems);
}

/// Puts a bundle in force that does not name cleo any more.
async fn cleo_leaves(world: &World) {
    let mut files = bundle();
    files.insert("behaviour.toml", BASELINE);
    for (file, from) in
        [("people.toml", "[people.cleo]\ngroups = [\"owners\"]\n"), ("agents.toml", "on_behalf_of = [\"cleo\"]\n")]
    {
        let without = files.get(file).unwrap().replace(from, "");
        files.insert(file, without);
    }
    world.control.activate(&"dan".parse().unwrap(), files, "she has left").await.unwrap();
}

/// Where the records that taught go with somebody else, what was learned of the agent is told again.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_did_for_somebody_who_is_erased_is_still_known() {
    let world = with(BASELINE).await;
    next_hour(&world);
    for _ in 0..3 {
        let wish = Wish { on_behalf_of: Some("cleo".parse().unwrap()), ..crate::wish("sre.report", "{}") };
        let permitted = world.control.decide_once(wish, true).await.unwrap().decision.action;
        let agent = "sre-bot".parse().unwrap();
        world.control.report(&agent, permitted, OutcomeStatus::Done, None, None).await.unwrap();
        next_hour(&world);
    }
    let before = found(&world, "sre.report").await;
    assert_eq!(before.1, Some(Code::BehaviourUsual));
    cleo_leaves(&world).await;
    crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!(found(&world, "sre.report").await.1, Some(Code::BehaviourUsual));
    let found = look(&world);
    let hours: Vec<_> = found.comparison.rows.iter().filter(|row| row.kind == kind::HOUR).collect();
    assert!(hours.is_empty() && found.comparison.problems.is_empty(), "{hours:?} {:?}", found.comparison.problems);
    let bundles = crate::rebuild::bundles(&world);
    let again = countersign_control::replay::decisions(world.control.history(), bundles, 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(again.count("differs"), 0, "{:?}", again.told);
}

/// Whoever counts again knows, between a record that is gone and the erasure that tells it again, that hours may lack something.
#[tokio::test(flavor = "multi_thread")]
async fn hours_are_in_doubt_from_an_erased_record_to_its_erasure() {
    let world = with(BASELINE).await;
    let wish = Wish { on_behalf_of: Some("cleo".parse().unwrap()), ..crate::wish("sre.report", "{}") };
    let permitted = world.control.decide_once(wish, true).await.unwrap().decision.action;
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, permitted, OutcomeStatus::Done, None, None).await.unwrap();
    cleo_leaves(&world).await;
    crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    let (history, bundles) = (world.control.history(), crate::rebuild::bundles(&world));
    let (mut again, mut between) = (replay::fold::Again::default(), false);
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
        between |= entry.leaf.kind == RecordKind::Decided && entry.content.is_none();
        between &= entry.leaf.kind != RecordKind::Erasure;
        assert_eq!(again.doubts(kind::HOUR), between, "after record {}", entry.index);
    }
    assert!(!between, "the erasure was met");
}
