//! Bounds: what is kept for a time only ends, and what there may only be so many of is refused.

use countersign_control::Control;
use countersign_control::actions::{Proposed, Wish};
use countersign_control::machine::{
    KEY_MS, KEYS_MAX, REPORTED_PERMIT_MS, SESSION_IDLE_MS, SESSIONS_MAX, UNREPORTED_MS,
};
use testkit::{World, world};
use types::{ActionId, AgentId, Code, Digest, Millis, OutcomeStatus, Principal, SessionId};

use crate::{try_propose, until, wish};

fn sre_bot() -> AgentId {
    "sre-bot".parse().unwrap()
}

/// What `sre-bot` wants, with its key against doing it twice.
fn keyed(arguments: &str, key: &str) -> (Wish, String) {
    (wish("sre.report", arguments), key.to_owned())
}

/// The action a keyed proposal was answered with, and whether it was decided now.
async fn answered(world: &World, (wish, key): (Wish, String)) -> (ActionId, bool) {
    match world.control.propose(wish, false, key).await.unwrap() {
        Proposed::Now(decided) => (decided.decision.action, true),
        Proposed::Before(action) => (action, false),
    }
}

fn stored(world: &World, kind: &str) -> usize {
    world.control.history().state(kind).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_its_answer_for_a_day() {
    let world = world().await;
    let (first, _) = answered(&world, keyed("{}", "deploy/7")).await;
    world.clock.advance(KEY_MS - 1);
    let world = world.restart().await;
    assert_eq!(answered(&world, keyed("{}", "deploy/7")).await, (first, false));
    let (other, key) = keyed(r#"{"days":1}"#, "deploy/7");
    let other = world.control.propose(other, false, key).await;
    assert_eq!(other.unwrap_err().code, Code::IdempotencyConflict);
    world.clock.advance(1);
    let (second, now) = answered(&world, keyed("{}", "deploy/7")).await;
    assert!(now && second != first);
    world.clock.advance(KEY_MS - 1);
    assert_eq!(
        answered(&world, keyed("{}", "deploy/7")).await,
        (second, false),
        "the second answer has a day of its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_forgets_the_keys_that_have_ended_and_no_others() {
    let world = world().await;
    answered(&world, keyed("{}", "a")).await;
    world.clock.advance(KEY_MS / 2);
    answered(&world, keyed("{}", "b")).await;
    assert_eq!(stored(&world, "idempotency"), 2);
    world.clock.advance(KEY_MS / 2);
    until("the first key is forgotten", || stored(&world, "idempotency") == 1).await;
    assert!(!answered(&world, keyed("{}", "b")).await.1);
    world.clock.advance(KEY_MS / 2);
    until("the second key is forgotten", || stored(&world, "idempotency") == 0).await;
}

/// Starts the world again after a stranger has put so many keys of an agent into its state.
async fn with_keys(world: World, agent: &str, count: usize, end: Millis) -> World {
    let World { control, clock, folder, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    let mut writer = store::Writer::open(&config.place.data.join("journal.db")).unwrap();
    let entry = types::cbor::encode(&(ActionId::draw(end, [1; 10]), Digest::plain(b"x"), end));
    let put = |n| store::StateOp::Put { kind: "idempotency", key: format!("agent:{agent}/{n}"), value: entry.clone() };
    let frontier = writer.head().frontier.clone();
    let state = (0..count).map(put).collect();
    writer.commit(&store::Batch { state, frontier, ..store::Batch::default() }).unwrap();
    drop(writer);
    let control = Control::open(config).unwrap();
    control.start().await.unwrap();
    World { control, clock, folder, tokens }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_more_than_is_kept_is_refused_to_the_principal_that_has_so_many() {
    let world = world().await;
    let end = world.control.now().plus(60_000);
    let world = with_keys(world, "sre-bot", KEYS_MAX - 1, end).await;
    let (last, _) = answered(&world, keyed("{}", "the last")).await;
    let (more, key) = keyed("{}", "one more");
    let refused = world.control.propose(more.clone(), false, key.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::Overloaded, "{}", refused.message);
    assert_eq!(answered(&world, keyed("{}", "the last")).await, (last, false), "what is kept still answers");
    assert!(try_propose(&world, "sre.report", "{}", false).await.is_ok(), "a proposal without a key needs no room");
    let other = Wish { principal: Principal::Agent("report-bot".parse().unwrap()), ..more };
    assert!(world.control.propose(other, false, key).await.is_ok());
    world.clock.advance(60_000);
    until("a tick makes room", || stored(&world, "idempotency") < KEYS_MAX).await;
    assert!(answered(&world, keyed("{}", "one more")).await.1);
}

async fn open_many(world: &World, agent: &str, count: usize) -> Vec<SessionId> {
    let opening = (0..count).map(|_| {
        let (control, agent) = (world.control.clone(), agent.parse().unwrap());
        tokio::spawn(async move { control.begin_session(&agent, None, None).await.unwrap() })
    });
    let mut sessions = Vec::new();
    for task in opening.collect::<Vec<_>>() {
        sessions.push(task.await.unwrap());
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_only_so_many_sessions_open() {
    let world = world().await;
    let sessions = open_many(&world, "sre-bot", SESSIONS_MAX).await;
    let world = world.restart().await;
    let refused = world.control.begin_session(&sre_bot(), None, None).await.unwrap_err();
    assert_eq!(refused.code, Code::Overloaded, "{}", refused.message);
    assert!(world.control.begin_session(&"report-bot".parse().unwrap(), None, None).await.is_ok());
    world.control.end_session(sessions[0]).await.unwrap();
    assert!(world.control.begin_session(&sre_bot(), None, None).await.is_ok());
    assert!(world.control.begin_session(&sre_bot(), None, None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_which_nothing_is_recorded_is_closed_with_its_counts() {
    let world = world().await;
    let [used, idle] = open_many(&world, "sre-bot", 2).await[..] else { panic!("two were opened") };
    world.clock.advance(SESSION_IDLE_MS - 1);
    world.control.decide_once(Wish { session: Some(used), ..wish("sre.report", "{}") }, false).await.unwrap();
    assert!(world.control.session_of(&sre_bot(), idle).is_ok());
    let before = world.control.history().size().unwrap();
    world.clock.advance(1);
    until("the idle session is closed", || world.control.session_of(&sre_bot(), idle).is_err()).await;
    let closed = world.control.history().record(before).unwrap().unwrap().leaf;
    assert_eq!(closed.kind, evidence::RecordKind::SessionClose);
    assert_eq!(closed.session.unwrap().session, idle);
    let late = world.control.decide_once(Wish { session: Some(idle), ..wish("sre.report", "{}") }, false).await;
    assert_eq!(late.unwrap_err().code, Code::StateConflict);
    assert!(world.control.session_of(&sre_bot(), used).is_ok());
    world.clock.advance(SESSION_IDLE_MS - 1);
    until("the other is closed a day after it was used", || world.control.session_of(&sre_bot(), used).is_err()).await;
    assert_eq!(stored(&world, "session"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_connection_is_never_idle_and_ends_with_the_process() {
    use countersign_control::door::{Caller, McpDoor as _};
    let world = world().await;
    let caller = Caller { agent: sre_bot(), on_behalf_of: None, anonymous: false };
    let attached = world.control.open_session(&caller, &Default::default(), "a client").await.unwrap();
    let own = world.control.begin_session(&sre_bot(), None, None).await.unwrap();
    world.clock.advance(SESSION_IDLE_MS);
    until("the agent's own session is closed", || world.control.session_of(&sre_bot(), own).is_err()).await;
    assert!(world.control.session_of(&sre_bot(), attached).is_ok());
    let own = world.control.begin_session(&sre_bot(), None, None).await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.control.session_of(&sre_bot(), attached).unwrap_err().code, Code::NotFound);
    assert!(world.control.session_of(&sre_bot(), own).is_ok(), "what an agent holds by itself outlives a restart");
    assert_eq!(stored(&world, "session"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_whose_outcome_nobody_reports_ends_in_doubt() {
    let world = world().await;
    let silent = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    world.clock.advance(REPORTED_PERMIT_MS + UNREPORTED_MS - 1);
    let world = world.restart().await;
    let late = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    assert!(world.control.trace(&silent).unwrap().outcome.is_none());
    world.clock.advance(1);
    until("it is in doubt", || world.control.trace(&silent).unwrap().outcome.is_some()).await;
    let outcome = world.control.trace(&silent).unwrap().outcome.unwrap();
    assert_eq!(outcome.status, OutcomeStatus::InDoubt);
    assert!(outcome.error.unwrap().contains("never reported"));
    assert_eq!(stored(&world, "flight"), 1);
    let agent = sre_bot();
    let report = |action| world.control.report(&agent, action, OutcomeStatus::Done, None, None);
    assert_eq!(report(silent).await.unwrap_err().code, Code::StateConflict);
    assert!(report(late).await.is_ok(), "the other may still be reported");
    assert_eq!(stored(&world, "flight"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_connection_goes_away_while_it_is_opened_is_closed() {
    use countersign_control::door::{Caller, McpDoor as _};
    let world = world().await;
    let caller = Caller { agent: sre_bot(), on_behalf_of: None, anonymous: false };
    let (nothing, mut given_up) = (Default::default(), 0);
    for patience in 0..60 {
        let leaves = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        // The opening goes first: it is asked for before whoever wanted it leaves.
        tokio::select! {
            biased;
            opened = world.control.open_session(&caller, &nothing, "a client") => {
                world.control.close_session(opened.unwrap()).await;
            }
            () = leaves => given_up += 1,
        }
    }
    assert!(given_up > 0);
    // Commands are taken in the order in which they were asked: once this one is answered, no other opening is under way.
    let last = world.control.open_session(&caller, &Default::default(), "a client").await.unwrap();
    world.control.close_session(last).await;
    until("all are closed", || stored(&world, "session") == 0).await;
}
