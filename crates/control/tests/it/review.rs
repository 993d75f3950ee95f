//! Authority that was not used for a while, or has grown, is listed for people to look at.

use std::collections::BTreeSet;

use countersign_control::levels::LevelWish;
use countersign_control::oversight::ConcernKind::{
    DelegationUnused, GroupGrown, LevelUnexercised, LevelUnused, PersonSilent, PolicyUnused, ProfileUnasked,
};
use countersign_control::oversight::{Concern, ConcernKind};
use testkit::{World, bundle, world};
use types::AutonomyLevel;
use types::case::Ballot;

use crate::delegations::delegate;
use crate::propose;

const DAY_MS: i64 = 86_400_000;
const SERVICE: &str = r#"{"service":"web"}"#;

fn concerns(world: &World) -> Vec<Concern> {
    world.control.review(2).unwrap().concerns
}

fn of(world: &World, kind: ConcernKind) -> Vec<String> {
    concerns(world).into_iter().filter(|one| one.kind == kind).map(|one| one.about).collect()
}

async fn level(world: &World, class: &str, level: AutonomyLevel) {
    let wish = LevelWish {
        agent: "sre-bot".parse().unwrap(),
        class: class.parse().unwrap(),
        level,
        environments: BTreeSet::from(["staging".to_owned()]),
        reason: "to see".into(),
        expires: world.control.now().plus(20 * DAY_MS),
    };
    world.control.give_first_level(&"dan".parse().unwrap(), wish).await.unwrap();
}

async fn approve(world: &World, tool: &str, by: &str) {
    let case = propose(world, tool, SERVICE).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&by.parse().unwrap(), case, Ballot::Approve, "looks right", shown, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_used_is_listed_and_what_was_used_is_not() {
    let world = world().await;
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, LevelUnused), ["sre-bot destructive L1", "sre-bot read L1", "sre-bot write L1"]);
    let policies = ["admins", "owners", "owners.delegations", "owners.levels", "reads", "report", "restart", "scale"];
    assert_eq!(of(&world, PolicyUnused), policies);
    assert_eq!(of(&world, ProfileUnasked), ["owner", "pair"]);
    assert_eq!(of(&world, PersonSilent), ["ana", "ben", "cleo", "dan"], "`eve` may not vote");
    propose(&world, "sre.report", "{}").await;
    approve(&world, "sre.restart", "ben").await;
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    assert_eq!(of(&world, LevelUnused), ["sre-bot destructive L1"]);
    assert!(!of(&world, PolicyUnused).iter().any(|id| id == "report" || id == "restart"));
    assert_eq!((of(&world, ProfileUnasked), of(&world, PersonSilent).len()), (vec!["pair".to_owned()], 3));
    // Once it lies longer than the period, it is listed again, with when it was used last.
    let used = world.control.now();
    world.clock.advance(3 * DAY_MS);
    let silent = concerns(&world).into_iter().find(|one| one.kind == PersonSilent && one.about == "ben").unwrap();
    assert!(silent.used.is_some_and(|at| at <= used), "{silent:?}");
    assert_eq!(of(&world, LevelUnused).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_younger_than_the_period_judges_nothing() {
    let world = world().await;
    world.clock.advance(DAY_MS);
    let reviewed = world.control.review(2).unwrap();
    assert_eq!((reviewed.before, reviewed.concerns), (None, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_above_what_was_exercised_is_listed() {
    let world = world().await;
    level(&world, "write", AutonomyLevel::L2).await;
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, LevelUnexercised), [""; 0], "it was not used at all");
    approve(&world, "sre.restart", "ben").await;
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    assert_eq!(of(&world, LevelUnexercised), ["sre-bot write L2"], "people approved it all");
    assert!(!of(&world, LevelUnused).contains(&"sre-bot write L2".to_owned()));
    level(&world, "write", AutonomyLevel::L1).await;
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, LevelUnexercised), [""; 0], "L1 asks people by its nature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_grew_is_listed_for_a_period() {
    let world = world().await;
    world.clock.advance(3 * DAY_MS);
    let mut files = bundle();
    let people = files.get("people.toml").unwrap().replace("groups = []", "groups = [\"owners\"]");
    files.insert("people.toml", people);
    world.control.activate(&"dan".parse().unwrap(), files, "eve joins").await.unwrap();
    let found: Vec<Concern> = concerns(&world).into_iter().filter(|one| one.kind == GroupGrown).collect();
    assert!(found.len() == 1 && found[0].about == "owners" && found[0].says.ends_with("by eve"), "{found:?}");
    assert!(!of(&world, PersonSilent).contains(&"eve".to_owned()), "she could not vote when the period began");
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, GroupGrown), [""; 0]);
    assert!(of(&world, PersonSilent).contains(&"eve".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_that_lies_idle_is_listed() {
    let world = world().await;
    for to in ["eve", "cleo"] {
        delegate(&world, "ben", to, None, 10 * DAY_MS).await.unwrap();
    }
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, DelegationUnused), ["cleo for ben", "eve for ben"]);
    approve(&world, "sre.restart", "eve").await;
    assert_eq!(of(&world, DelegationUnused), ["cleo for ben"]);
    world.clock.advance(8 * DAY_MS);
    assert_eq!(of(&world, DelegationUnused), [""; 0], "they have ended");
}
