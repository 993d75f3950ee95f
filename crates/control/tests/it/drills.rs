//! Kill drills: real, measured, recorded, and lifted only while they are their own.

use std::time::Duration;

use countersign_control::drills::{DrillWish, Drilled, Ending};
use countersign_control::state::Target;
use evidence::{Field, RecordKind};
use testkit::{World, bundle, world, world_on_small_disk};
use types::drill::{Drill, TOLD};
use types::{ActionId, Code, OutcomeStatus, Principal, Verdict};

use crate::{propose, try_propose};

fn agent() -> Target {
    Target::Agent("sre-bot".parse().unwrap())
}

fn dan() -> Principal {
    Principal::Person("dan".parse().unwrap())
}

fn wish(wait_ms: u64) -> DrillWish {
    let (wait, hold) = (Duration::from_millis(wait_ms), Duration::from_millis(20));
    DrillWish { target: agent(), reason: "monthly".into(), wait, hold }
}

/// Is a drill that lasts until what is in flight has come back.
struct Begun {
    drill: tokio::task::JoinHandle<Drilled>,
    flying: ActionId,
}

impl Begun {
    /// Lets the drill come to its end.
    async fn ended(self, world: &World) -> Drilled {
        let bot = "sre-bot".parse().unwrap();
        world.control.report(&bot, self.flying, OutcomeStatus::Done, None, None).await.unwrap();
        self.drill.await.unwrap()
    }
}

/// Begins a drill and returns once its switch is recorded.
async fn begun(world: &World) -> Begun {
    let flying = try_propose(world, "sre.report", "{}", true).await.unwrap().decision.action;
    let (control, by) = (world.control.clone(), "dan".parse().unwrap());
    let drill = tokio::spawn(async move { control.drill(&by, wish(600_000)).await.unwrap() });
    let is_recorded = || {
        let last = world.control.history().size().unwrap() - 1;
        world.control.history().record(last).unwrap().is_some_and(|last| last.leaf.kind == RecordKind::Switch)
    };
    while !is_recorded() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Begun { drill, flying }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_stops_the_agent_tells_how_it_went_and_lets_go() {
    let world = world().await;
    let drill = begun(&world).await;
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Deny);
    let set = world.control.switches();
    assert!(set[0].drill.is_some() && set[0].reason == "drill: monthly", "{set:?}");
    let drilled = drill.ended(&world).await;
    assert_eq!(drilled.ending, Ending::Lifted);
    assert!(drilled.drill.passed() && drilled.drill.watched_us >= 20_000, "{drilled:?}");
    assert!(drilled.drill.armed_us > 0 && drilled.drill.drained_us.unwrap() >= drilled.drill.armed_us);
    assert!(world.control.switches().is_empty());
    // What was stopped leaves again, by decision and through the gate.
    assert!(try_propose(&world, "sre.report", "{}", true).await.unwrap().permit.is_some());

    let told = world.control.history().record(drilled.record).unwrap().unwrap();
    assert_eq!((told.leaf.kind, told.leaf.status), (RecordKind::Switch, Some(TOLD)));
    let told: Drill = told.content.unwrap().get(Field::Body).unwrap().unwrap();
    assert_eq!(told, drilled.drill);
    assert_eq!(Some(told.id), set[0].drill);
    let world = world.restart().await;
    assert!(world.control.switches().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_back_in_time_is_told() {
    let world = world().await;
    try_propose(&world, "sre.report", "{}", true).await.unwrap();
    let drilled = world.control.drill(&"dan".parse().unwrap(), wish(50)).await.unwrap();
    assert_eq!((drilled.drill.drained_us, drilled.drill.in_flight, drilled.drill.left), (None, 1, 0));
    assert!(!drilled.drill.passed());
    assert_eq!(drilled.ending, Ending::Lifted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_earnest_during_a_drill_stays() {
    let world = world().await;
    let drill = begun(&world).await;
    world.control.kill(Principal::Person("eve".parse().unwrap()), agent(), "it misbehaves").await.unwrap();
    let drilled = drill.ended(&world).await;
    assert_eq!(drilled.ending, Ending::Overtaken);
    let set = world.control.switches();
    assert_eq!((set.len(), set[0].reason.as_str(), set[0].drill), (1, "it misbehaves", None));
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Deny);
    let world = world.restart().await;
    assert_eq!(world.control.switches().len(), 1, "it is not only here that it stays");
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Deny);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_earnest_that_the_journal_could_not_take_stays_too() {
    let world = world_on_small_disk(bundle(), 600_000).await;
    let drill = begun(&world).await;
    let refused = world.control.kill(dan(), agent(), &"x".repeat(1 << 20)).await.unwrap_err();
    assert_eq!(refused.code, Code::DiskFull);
    assert_eq!(drill.ended(&world).await.ending, Ending::Overtaken);
    assert_eq!(world.control.switches()[0].drill, None);
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Deny);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_somebody_lifts_or_sets_anew_meanwhile_is_no_longer_the_drills() {
    for is_set_anew in [false, true] {
        let world = world().await;
        let drill = begun(&world).await;
        world.control.lift(&"dan".parse().unwrap(), agent(), "not now").await.unwrap();
        if is_set_anew {
            world.control.kill(dan(), agent(), "in earnest").await.unwrap();
        }
        assert_eq!(drill.ended(&world).await.ending, Ending::Overtaken);
        let reasons: Vec<String> = world.control.switches().into_iter().map(|switch| switch.reason).collect();
        assert_eq!(reasons, if is_set_anew { vec!["in earnest"] } else { vec![] });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_set_is_not_drilled_with() {
    let world = world().await;
    world.control.kill(dan(), agent(), "in earnest").await.unwrap();
    let refused = world.control.drill(&"dan".parse().unwrap(), wish(10_000)).await.unwrap_err();
    assert_eq!(refused.code, Code::DrillConflict);
    assert_eq!(world.control.switches()[0].reason, "in earnest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_gives_nobody_the_right_to_lift() {
    let world = world().await;
    let drilled = world.control.drill(&"eve".parse().unwrap(), wish(10_000)).await.unwrap();
    let Ending::Stays(refusal) = drilled.ending else { panic!("{drilled:?}") };
    assert_eq!(refusal.code, Code::PolicyDenies);
    assert!(drilled.drill.passed());
    assert_eq!(world.control.switches()[0].drill, Some(drilled.drill.id));
    world.control.lift(&"dan".parse().unwrap(), agent(), "the drill is over").await.unwrap();
    assert!(world.control.switches().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drilled_with_must_be_known_and_be_an_agent_or_the_tenant() {
    let world = world().await;
    let dan = "dan".parse().unwrap();
    for (target, code) in [
        (Target::Agent("nobody".parse().unwrap()), Code::NotFound),
        (Target::Tenant("other".parse().unwrap()), Code::NotFound),
        (Target::Tool("sre.report".parse().unwrap()), Code::RequestInvalid),
        (Target::Class("read".parse().unwrap()), Code::RequestInvalid),
    ] {
        assert_eq!(world.control.drill(&dan, DrillWish { target, ..wish(10_000) }).await.unwrap_err().code, code);
    }
    let silent = DrillWish { reason: " ".into(), ..wish(10_000) };
    assert_eq!(world.control.drill(&dan, silent).await.unwrap_err().code, Code::RequestInvalid);
    let tenant = DrillWish { target: Target::Tenant("default".parse().unwrap()), ..wish(10_000) };
    assert!(world.control.drill(&dan, tenant).await.unwrap().drill.passed());
    assert!(world.control.switches().is_empty());
}
