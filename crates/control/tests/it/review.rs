//! Authority that was not used for a while, or has grown, is listed for people to look at.

use std::collections::BTreeSet;

use countersign_control::levels::LevelWish;
use countersign_control::oversight::ConcernKind::{
    DelegationUnused, GroupGrown, LevelUnexercised, LevelUnused, PersonSilent, PolicyUnused, ProfileUnasked,
};
use countersign_control::oversight::{Concern, ConcernKind};
use testkit::{World, bundle, world};
use types::case::Ballot;
use types::{AutonomyLevel, Verdict};

use crate::delegations::delegate;
use crate::propose;

const DAY_MS: i64 = 86_400_000;
const ROTA: &str =
    "[schedules.primary]\nzone = \"Europe/Berlin\"\npeople = [\"eve\"]\nstart = \"2026-01-05T09:00\"\nturn = \"1w\"\n";
const SERVICE: &str = r#"{"service":"web"}"#;

fn concerns(world: &World) -> Vec<Concern> {
    world.control.review(2).unwrap().concerns
}

fn of(world: &World, kind: ConcernKind) -> Vec<String> {
    concerns(world).into_iter().filter(|one| one.kind == kind).map(|one| one.about).collect()
}

async fn level(world: &World, class: &str, level: AutonomyLevel) {
    let wish = LevelWish {
        epoch: None,
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
    let policies = [
        "admins",
        "owners",
        "owners.delegations",
        "owners.glass",
        "owners.levels",
        "reads",
        "registry.agents",
        "registry.owners",
        "report",
        "restart",
        "scale",
    ];
    assert_eq!(of(&world, PolicyUnused), policies);
    assert_eq!(of(&world, ProfileUnasked), ["owner", "pair"]);
    assert_eq!(of(&world, PersonSilent), ["ana", "ben", "cleo", "dan"], "`eve` may not vote");
    propose(&world, "sre.report", "{}").await;
    // Nothing is used by what is denied, nor by what people are asked and have not decided.
    assert_eq!(propose(&world, "sre.delete", SERVICE).await.decision.verdict, Verdict::Deny);
    approve(&world, "sre.restart", "ben").await;
    assert_eq!(of(&world, LevelUnused), ["sre-bot destructive L1", "sre-bot write L1"]);
    assert!(of(&world, PolicyUnused).contains(&"restart".to_owned()));
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
async fn a_period_begins_with_its_first_instant() {
    let world = world().await;
    // The bundle and the levels are as old as the journal, to the millisecond.
    world.clock.advance(2 * DAY_MS - 1);
    assert_eq!((world.control.review(2).unwrap().before, concerns(&world)), (None, Vec::new()));
    world.clock.advance(1);
    assert!(world.control.review(2).unwrap().before.is_some());
    assert_eq!(of(&world, LevelUnused).len(), 3);
    propose(&world, "sre.report", "{}").await;
    approve(&world, "sre.restart", "ben").await;
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    delegate(&world, "ben", "eve", None, 10 * DAY_MS).await.unwrap();
    let used = |world: &World| {
        let is_there = |kind, about: &str| of(world, kind).contains(&about.to_owned());
        [
            !is_there(LevelUnused, "sre-bot read L1"),
            !is_there(PolicyUnused, "report"),
            !is_there(ProfileUnasked, "owner"),
            !is_there(PersonSilent, "ben"),
            !is_there(DelegationUnused, "eve for ben"),
        ]
    };
    assert_eq!(used(&world), [true; 5], "a delegation of this moment was not left lying");
    world.clock.advance(2 * DAY_MS);
    assert_eq!(used(&world), [true, true, true, true, false]);
    world.clock.advance(1);
    assert_eq!(used(&world), [false; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_bundle_brings_was_not_left_lying() {
    let world = world().await;
    world.clock.advance(3 * DAY_MS);
    let mut files = bundle();
    let profiles = files.get("escalation.toml").unwrap();
    files.insert(
        "escalation.toml",
        format!("{profiles}\n[profiles.late]\non_call = \"primary\"\napprovals = 1\ntimeout_ms = 60000\n"),
    );
    files.insert("schedules.toml", ROTA);
    let policy = "@id(\"lists\")\npermit (principal, action == Action::\"sre.list\", resource)\nwhen { context.mode == Mode::\"monitored\" };\n";
    files.insert("policies/lists.cedar", policy);
    world.control.activate(&"dan".parse().unwrap(), files, "nights").await.unwrap();
    let listed = |world: &World| {
        [(PolicyUnused, "lists"), (ProfileUnasked, "late"), (PersonSilent, "eve")]
            .map(|(kind, about)| of(world, kind).contains(&about.to_owned()))
    };
    assert_eq!(listed(&world), [false; 3]);
    assert_eq!(of(&world, GroupGrown), [""; 0]);
    world.clock.advance(3 * DAY_MS);
    assert_eq!(listed(&world), [true; 3], "who is on call may vote, in no group too");
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
    let glass = crate::break_glass::ask(&world, "ben", "sre.restart").await.unwrap();
    crate::break_glass::confirm(&world, "cleo", glass).await.unwrap();
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    assert_eq!(of(&world, LevelUnexercised), ["sre-bot write L2"], "two people answered for it");
    assert!(!of(&world, LevelUnused).contains(&"sre-bot write L2".to_owned()));
    level(&world, "write", AutonomyLevel::L1).await;
    world.clock.advance(3 * DAY_MS);
    approve(&world, "sre.restart", "ben").await;
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    assert_eq!(of(&world, LevelUnexercised), [""; 0], "L1 asks people by its nature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_gives_nothing_or_has_ended_is_not_listed() {
    let world = world().await;
    level(&world, "write", AutonomyLevel::L0).await;
    level(&world, "read", AutonomyLevel::L2).await;
    let listed = |world: &World, about: &str| of(world, LevelUnused).contains(&about.to_owned());
    world.clock.advance(20 * DAY_MS - 1);
    assert!(listed(&world, "sre-bot read L2") && !listed(&world, "sre-bot write L0"));
    world.clock.advance(1);
    assert!(!listed(&world, "sre-bot read L2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_leads_to_is_asked_with_its_first_step() {
    let mut files = bundle();
    let profiles = files.get("escalation.toml").unwrap();
    files.insert("escalation.toml", profiles.replacen("approvals = 1\n", "approvals = 1\notherwise = \"pair\"\n", 1));
    let world = testkit::world_with(files).await;
    world.clock.advance(3 * DAY_MS);
    assert_eq!(of(&world, ProfileUnasked), ["owner", "pair"]);
    propose(&world, "sre.restart", SERVICE).await.case.unwrap();
    assert_eq!(of(&world, ProfileUnasked), [""; 0]);
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
    assert!(of(&world, PersonSilent).contains(&"ben".to_owned()), "it was not he who voted");
    // The vote is given out anew: what was done by the one before says nothing of this one.
    world.clock.advance(1);
    delegate(&world, "ben", "eve", None, 6 * DAY_MS).await.unwrap();
    world.clock.advance(3 * DAY_MS);
    let idle = concerns(&world).into_iter().find(|one| one.about == "eve for ben").unwrap();
    assert_eq!((idle.kind, idle.used), (DelegationUnused, None));
    world.clock.advance(5 * DAY_MS);
    assert_eq!(of(&world, DelegationUnused), [""; 0], "they have ended");
}
