//! How people decide: counted from the records alone, from when it was each person's turn.

use countersign_control::oversight::{Figures, Report};
use replay::oversight::Oversight;
use testkit::{World, bundle, world, world_with};
use types::case::Ballot;
use types::{ActionId, CaseId, Millis, OutcomeStatus, PersonId, Principal, Target};

use crate::approvals::with_a_fallback;
use crate::delegations::delegate;
use crate::erasure::{erase, they_leave};
use crate::rebuild::bundles;
use crate::{propose, try_propose};

const HOUR_MS: i64 = 3_600_000;

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

async fn ask(world: &World, tool: &str, service: &str) -> CaseId {
    propose(world, tool, &format!(r#"{{"service":"{service}"}}"#)).await.case.unwrap().id
}

async fn vote(world: &World, case: CaseId, by: &str, ballot: Ballot) {
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await.unwrap();
}

/// Proposes again what was approved, and reports how it ended.
async fn run(world: &World, tool: &str, service: &str, status: OutcomeStatus) -> ActionId {
    let arguments = format!(r#"{{"service":"{service}"}}"#);
    let decided = try_propose(world, tool, &arguments, true).await.unwrap();
    assert!(decided.permit.is_some(), "{:?}", decided.decision.findings);
    let (agent, action) = ("sre-bot".parse().unwrap(), decided.decision.action);
    world.control.report(&agent, action, status, None, None).await.unwrap();
    action
}

/// Returns the running server's figures, which a stranger with the records and the bundles counts too.
pub fn report(world: &World, since: Option<Millis>) -> Report {
    let told = world.control.oversight(since).unwrap();
    let (history, bundles) = (world.control.history(), bundles(world));
    let mut again = Oversight::default();
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
    }
    assert_eq!(again.report(since), told, "a stranger counts something else");
    told
}

fn of(report: &Report, name: &str) -> Figures {
    report.people.iter().find(|one| one.person == person(name)).map(|one| one.figures).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_timed_from_the_persons_own_turn() {
    let world = world_with(with_a_fallback()).await;
    let case = ask(&world, "sre.restart", "web").await;
    world.clock.advance(600_000 + 2_999);
    vote(&world, case, "eve", Ballot::Approve).await;
    let slow = ask(&world, "sre.restart", "api").await;
    world.clock.advance(3_000);
    vote(&world, slow, "ben", Ballot::Deny).await;
    let told = report(&world, None);
    let (eve, ben) = (of(&told, "eve"), of(&told, "ben"));
    assert_eq!(eve.decision_ms.map(|ms| ms.max), Some(2_999), "the group before her had ten minutes");
    assert_eq!((eve.quick, eve.quick_bp, eve.approval_bp), (1, Some(10_000), Some(10_000)));
    assert_eq!(ben.decision_ms.map(|ms| ms.max), Some(3_000));
    assert_eq!((ben.quick, ben.quick_bp, ben.approval_bp, ben.approvals), (0, Some(0), Some(0), 0));
    let groups: Vec<_> = told.groups.iter().map(|one| (one.group.as_str(), one.figures.votes)).collect();
    assert_eq!(groups, [("late", 1), ("owners", 1)]);
    let profiles: Vec<_> = told.profiles.iter().map(|one| (one.profile.as_str(), one.figures.votes)).collect();
    assert_eq!(profiles, [("last", 1), ("owner", 1)]);
    assert_eq!((told.all.votes, told.all.approval_bp, told.cases), (2, Some(5_000), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_call_has_their_turn_from_the_beginning_of_the_shift() {
    let mut files = bundle();
    // The shifts change every hour, by the full one.
    let rota = "[schedules.primary]\nzone = \"UTC\"\npeople = [\"ben\", \"cleo\"]\nstart = \"2020-01-01T00:00\"\n\
                turn = \"1h\"\n";
    files.insert("schedules.toml", rota);
    let profiles = files.get("escalation.toml").unwrap().replacen("group = \"owners\"", "on_call = \"primary\"", 1);
    files.insert("escalation.toml", profiles.replace("timeout_ms = 600000", "timeout_ms = 7200000"));
    let world = world_with(files).await;
    let now = world.control.now().0;
    let (into_hour, case) = (now.rem_euclid(HOUR_MS), ask(&world, "sre.restart", "web").await);
    world.clock.advance(HOUR_MS - into_hour + 5_000);
    let turn = world.control.on_call()[0].now.clone().unwrap().person;
    vote(&world, case, turn.as_str(), Ballot::Approve).await;
    let told = report(&world, None);
    let took = of(&told, turn.as_str()).decision_ms.unwrap().max;
    assert!((4_000..=5_000).contains(&took), "{took} ms, and not since the case was opened");
    assert_eq!(told.groups, [], "no group was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_counts_for_whoever_was_asked_and_had_not_voted() {
    let world = world().await;
    let case = ask(&world, "sre.scale", "web").await;
    vote(&world, case, "ben", Ballot::Approve).await;
    world.clock.advance(600_000);
    world.control.tick().await.unwrap();
    let told = report(&world, None);
    assert_eq!((of(&told, "cleo").expired, of(&told, "ben").expired), (1, 0), "ben had answered");
    // `ana` owns the agent, `dan` wrote the bundle, and `eve` is in no group: nobody waited for them.
    assert_eq!([of(&told, "ana").expired, of(&told, "dan").expired, of(&told, "eve").expired], [0, 0, 0]);
    let profiles: Vec<_> = told.profiles.iter().map(|one| (one.profile.as_str(), one.figures.expired)).collect();
    assert_eq!(profiles, [("owner", 0), ("pair", 1)], "what `ben` approved for `owner` was enough there");
    assert_eq!((told.all.expired, told.groups[0].figures.expired), (1, 1));
    // An approval that lies unused is no silence.
    let unused = ask(&world, "sre.restart", "web").await;
    vote(&world, unused, "ben", Ballot::Approve).await;
    world.clock.advance(600_000);
    world.control.tick().await.unwrap();
    assert_eq!(report(&world, None).all.expired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_regretted_once_what_it_allowed_failed_or_was_killed() {
    let world = world().await;
    for (service, status) in
        [("a", OutcomeStatus::Done), ("b", OutcomeStatus::Failed), ("c", OutcomeStatus::NotDispatched)]
    {
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, "ben", Ballot::Approve).await;
        run(&world, "sre.restart", service, status).await;
    }
    let told = report(&world, None);
    assert_eq!((told.all.approvals, told.all.regretted, told.all.regret_bp), (3, 1, Some(3_333)));
    assert_eq!(of(&told, "ben").regretted, 1);
    // A switch over everything says nothing of a single approval; one over the tool does, for a day.
    let everything = Target::Tenant(world.control.config().tenant.clone());
    world.control.kill(Principal::Person(person("ben")), everything.clone(), "drill").await.unwrap();
    assert_eq!(report(&world, None).all.regretted, 1);
    let tool = Target::Tool("sre.restart".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), tool, "it took the site down").await.unwrap();
    assert_eq!(report(&world, None).all.regretted, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_a_day_later_is_not_held_against_an_approval() {
    let world = world().await;
    let case = ask(&world, "sre.restart", "web").await;
    vote(&world, case, "ben", Ballot::Approve).await;
    run(&world, "sre.restart", "web", OutcomeStatus::Done).await;
    world.clock.advance(24 * HOUR_MS);
    let agent = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), agent, "something else").await.unwrap();
    assert_eq!(report(&world, None).all.regretted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn escalations_are_counted_over_what_ended_well() {
    let world = world().await;
    for service in ["a", "b", "c"] {
        run(&world, "sre.report", service, OutcomeStatus::Done).await;
    }
    let case = ask(&world, "sre.restart", "a").await;
    vote(&world, case, "ben", Ballot::Approve).await;
    run(&world, "sre.restart", "a", OutcomeStatus::Done).await;
    run(&world, "sre.report", "d", OutcomeStatus::Failed).await;
    let refused = ask(&world, "sre.restart", "b").await;
    vote(&world, refused, "ben", Ballot::Deny).await;
    let benign = report(&world, None).benign;
    assert_eq!((benign.actions, benign.escalated, benign.escalated_bp), (4, 1, Some(2_500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_begins_at_the_full_hour_and_delegated_votes_are_told() {
    let world = world().await;
    let first = ask(&world, "sre.restart", "a").await;
    vote(&world, first, "ben", Ballot::Deny).await;
    world.clock.advance(2 * HOUR_MS);
    let case = ask(&world, "sre.restart", "b").await;
    world.clock.advance(10_000);
    delegate(&world, "ben", "eve", Some("owners"), HOUR_MS).await.unwrap();
    world.clock.advance(1_000);
    vote(&world, case, "eve", Ballot::Approve).await;
    let told = report(&world, Some(world.control.now()));
    assert_eq!(told.from.unwrap().0.rem_euclid(HOUR_MS), 0);
    assert_eq!((told.all.votes, told.all.delegated, told.cases), (1, 1, 1), "the first vote came before");
    let eve = of(&told, "eve");
    assert_eq!((eve.delegated, eve.decision_ms.map(|ms| ms.max)), (1, Some(1_000)), "from when she had the vote");
    let all = report(&world, None);
    assert_eq!((all.from, all.all.votes, all.cases), (None, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_no_longer_in_the_figures() {
    let world = world().await;
    let case = ask(&world, "sre.restart", "a").await;
    vote(&world, case, "cleo", Ballot::Deny).await;
    assert_eq!(of(&report(&world, None), "cleo").votes, 1);
    they_leave(&world).await;
    erase(&world, "dan", "person:cleo").await.unwrap();
    let told = report(&world, None);
    assert_eq!((of(&told, "cleo"), told.all.votes, told.unread), (Figures::default(), 0, 1), "{told:?}");
}
