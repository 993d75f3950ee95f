//! Permissions: asked for, approved, used up one by one, ended; and never wider than people have approved.

use std::collections::{BTreeMap, BTreeSet};

use countersign_control::Refusal;
use countersign_control::actions::{Decided, Wish};
use countersign_control::permissions::PermissionWish;
use countersign_control::state::{Target, kind};
use serde_json::{Value, json};
use testkit::{World, permitting_bundle, world_with};
use types::bound::Bound;
use types::case::{Ballot, CaseState};
use types::{Arguments, CaseId, Code, Permission, PersonId, Principal, Verdict};

use crate::rebuild::{assert_equal, look};

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// Asks for restarts of `web` with any number of replicas from 1 to 3, for 30 minutes and twice.
pub fn restarts() -> PermissionWish {
    PermissionWish {
        agent: "sre-bot".parse().unwrap(),
        on_behalf_of: None,
        tool: "sre.restart".parse().unwrap(),
        arguments: Arguments::parse(r#"{"service":"web","replicas":1}"#, 4_096).unwrap(),
        bounds: BTreeMap::from([("replicas".to_owned(), Bound::Between { from: 1, to: 3 })]),
        environments: None,
        minutes: 30,
        uses: 2,
        purpose: "a rollout".into(),
        requested_by: None,
    }
}

pub async fn ask(world: &World, wish: PermissionWish) -> Result<Permission, Refusal> {
    world.control.request_permission(wish).await
}

pub async fn case_of(world: &World, wish: PermissionWish) -> CaseId {
    ask(world, wish).await.unwrap_err().case.expect("people are asked").id
}

pub async fn vote(world: &World, by: &str, case: CaseId, ballot: Ballot) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await;
    voted.map(|case| case.state).map_err(|refusal| refusal.code)
}

/// Asks, has it approved, and returns what was given.
pub async fn given(world: &World, wish: PermissionWish, by: &[&str]) -> Permission {
    let case = case_of(world, wish.clone()).await;
    for who in by {
        vote(world, who, case, Ballot::Approve).await.unwrap();
    }
    ask(world, wish).await.unwrap()
}

pub async fn restart(world: &World, arguments: Value) -> Decided {
    crate::propose(world, "sre.restart", &arguments.to_string()).await
}

pub fn web() -> Value {
    json!({ "service": "web", "replicas": 2 })
}

pub fn left(world: &World) -> Vec<u32> {
    world.control.permissions().unwrap().iter().map(|kept| kept.left).collect()
}

async fn is_asked(world: &World, arguments: Value) -> bool {
    let decided = restart(world, arguments).await;
    assert!(decided.permit.is_none() || !decided.decision.findings.iter().any(|f| f.code == Code::ApprovalPending));
    matches!(decided.decision.verdict, Verdict::Escalate(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_approved_runs_as_often_as_they_said_and_no_more() {
    let world = world_with(permitting_bundle()).await;
    let case = case_of(&world, restarts()).await;
    let view = world.control.case(&case).unwrap();
    assert_eq!(view.case.profiles, BTreeSet::from(["owner".parse().unwrap()]));
    assert!(is_asked(&world, web()).await, "nothing is permitted before people have answered");
    assert_eq!(vote(&world, "ben", case, Ballot::Approve).await, Ok(CaseState::Approved));
    let kept = world.control.permissions().unwrap();
    let [given] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((given.left, given.expires.since(given.at)), (2, 30 * 60_000));
    assert_eq!(given.terms.told(), r#"sre.restart with replicas = 1 to 3, service = "web""#);
    assert_eq!(ask(&world, restarts()).await.unwrap().id, given.id, "the same request finds it");

    let first = restart(&world, web()).await;
    assert!(
        first.permit.is_some() && first.decision.verdict == Verdict::AllowObserved && first.decision.case.is_none()
    );
    assert!(first.decision.findings.iter().any(|finding| finding.code == Code::PermissionCovers));
    assert_eq!(left(&world), [1]);
    assert!(ask(&world, restarts()).await.unwrap_err().case.is_some(), "one that is begun is not what is asked for");
    assert_equal(&look(&world));
    let world = world.restart().await;
    assert!(restart(&world, web()).await.permit.is_some(), "also after a restart");
    assert_eq!(left(&world), Vec::<u32>::new());
    assert!(restart(&world, web()).await.permit.is_none(), "it is used up");
    assert!(world.control.history().state(kind::PERMISSION).unwrap().is_empty());
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_covers_nothing_that_people_did_not_see() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    for other in [
        json!({ "service": "api", "replicas": 1 }),
        json!({ "service": "web", "replicas": 4 }),
        json!({ "service": "web" }),
        json!({ "service": "web", "replicas": 1, "note": "x" }),
    ] {
        assert!(is_asked(&world, other.clone()).await, "{other}");
    }
    assert!(matches!(
        crate::propose(&world, "sre.scale", &web().to_string()).await.decision.verdict,
        Verdict::Escalate(_)
    ));
    let wish = Wish { on_behalf_of: Some(person("cleo")), ..crate::wish("sre.restart", &web().to_string()) };
    let acting = world.control.decide_once(wish, false).await.unwrap();
    assert!(matches!(acting.decision.verdict, Verdict::Escalate(_)), "on nobody's behalf was it given");
    assert_eq!(left(&world), [2]);
    assert_equal(&look(&world));
}

/// Of several that cover an action, one that stands for everybody who is asked is not left for one that does not.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_the_one_that_most_have_approved_is_used_and_then_the_one_that_ends_first() {
    let mut files = permitting_bundle();
    let head =
        files.get("bundle.toml").unwrap().replace("profile = \"owner\"", "profile = \"pair\"\neach_time = false");
    let amounts = "[[review.amounts]]\ntool = \"sre.restart\"\npointer = \"/replicas\"\nabove = 2\n";
    files.insert("bundle.toml", format!("{head}\n{amounts}"));
    let world = world_with(files).await;
    let many = || json!({ "service": "web", "replicas": 3 });
    let by_one = given(&world, restarts(), &["ben"]).await;
    assert!(is_asked(&world, many()).await, "`pair` has not approved it");
    let arguments = Arguments::parse(&many().to_string(), 4_096).unwrap();
    let wish = PermissionWish { arguments, uses: 1, minutes: 60, ..restarts() };
    let by_all = given(&world, wish, &["ben", "cleo"]).await;
    assert_eq!((by_one.terms.profiles.len(), by_all.terms.profiles.len()), (1, 2));
    assert!(restart(&world, many()).await.permit.is_some());
    let sooner = given(&world, PermissionWish { minutes: 5, ..restarts() }, &["ben"]).await;
    assert!(restart(&world, web()).await.permit.is_some());
    let kept = world.control.permissions().unwrap();
    let kept: Vec<_> = kept.iter().map(|kept| (kept.id, kept.left)).collect();
    assert_eq!(kept, [(by_one.id, 2), (sooner.id, 1)]);
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_time_by_hand_and_by_a_new_bundle() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    world.clock.advance(30 * 60_000 - 1_000);
    assert!(restart(&world, web()).await.permit.is_some());
    world.clock.advance(1_000);
    assert!(is_asked(&world, web()).await, "its time is over");
    assert_eq!(left(&world), Vec::<u32>::new());

    let other = PermissionWish { purpose: "another rollout".into(), ..restarts() };
    let again = given(&world, other.clone(), &["ben"]).await;
    let gone = |code| move |refusal: Refusal| assert_eq!(refusal.code, code);
    world
        .control
        .revoke_permission(&person("eve"), again.id, " ")
        .await
        .map_err(gone(Code::RequestInvalid))
        .unwrap_err();
    world.control.revoke_permission(&person("eve"), again.id, "too wide").await.unwrap();
    world.control.revoke_permission(&person("eve"), again.id, "twice").await.map_err(gone(Code::NotFound)).unwrap_err();
    assert!(is_asked(&world, json!({ "service": "web", "replicas": 3 })).await, "it was revoked");

    given(&world, PermissionWish { purpose: "a third".into(), ..restarts() }, &["ben"]).await;
    let mut files = permitting_bundle();
    files.insert("bundle.toml", files.get("bundle.toml").unwrap().replace("\"small\"", "\"smaller\""));
    world.control.activate(&person("dan"), files, "another name").await.unwrap();
    assert!(world.control.history().state(kind::PERMISSION).unwrap().is_empty());
    assert!(is_asked(&world, json!({ "service": "web", "replicas": 1 })).await, "another policy");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lifts_no_denial_and_no_mandatory_review() {
    let world = world_with(permitting_bundle()).await;
    let mut wish = restarts();
    wish.bounds.insert("note".into(), Bound::Any);
    given(&world, wish, &["ben"]).await;
    assert!(is_asked(&world, json!({ "service": "web", "replicas": 1, "note": "production" })).await, "a trigger word");
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("eve")), target, "stop").await.unwrap();
    let killed = restart(&world, web()).await;
    assert_eq!(killed.decision.verdict, Verdict::Deny);
    assert_eq!(left(&world), [2], "neither took a use");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_part_in_it_does_not_approve_it() {
    let world = world_with(permitting_bundle()).await;
    let owned = PermissionWish { requested_by: Some(person("ana")), ..restarts() };
    let case = case_of(&world, owned).await;
    for (who, part) in [("ana", "owns the agent and asked"), ("dan", "wrote the bundle"), ("eve", "is in no group")] {
        assert_eq!(vote(&world, who, case, Ballot::Approve).await, Err(Code::VoterExcluded), "{part}");
    }
    let acting = PermissionWish { on_behalf_of: Some(person("cleo")), ..restarts() };
    let case = case_of(&world, acting.clone()).await;
    assert_eq!(vote(&world, "cleo", case, Ballot::Approve).await, Err(Code::VoterExcluded), "it is for her");
    assert_eq!(vote(&world, "ben", case, Ballot::Approve).await, Ok(CaseState::Approved));
    assert_eq!(ask(&world, acting).await.unwrap().on_behalf_of, Some(person("cleo")));
    let foreign = PermissionWish { requested_by: Some(person("ben")), ..restarts() };
    assert_eq!(ask(&world, foreign).await.unwrap_err().code, Code::Forbidden, "only the owner asks for an agent");
    let mut files = permitting_bundle();
    let people = files.get("people.toml").unwrap().to_owned();
    files.insert("people.toml", format!("{people}\n[people.zoe]\nrole = \"auditor\"\n"));
    let world = world_with(files).await;
    let id = given(&world, restarts(), &["ben"]).await.id;
    let revoked = world.control.revoke_permission(&person("zoe"), id, "I would rather not").await;
    assert_eq!((revoked.unwrap_err().code, left(&world)), (Code::Forbidden, vec![2]), "an auditor changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_of_the_action_is_asked_and_a_refusal_holds() {
    let world = world_with(permitting_bundle()).await;
    let scales = PermissionWish { tool: "sre.scale".parse().unwrap(), ..restarts() };
    let case = case_of(&world, scales.clone()).await;
    assert_eq!(vote(&world, "ben", case, Ballot::Approve).await, Ok(CaseState::Open), "`pair` takes two");
    assert!(world.control.permissions().unwrap().is_empty());
    assert_eq!(vote(&world, "cleo", case, Ballot::Deny).await, Ok(CaseState::Denied));
    assert!(world.control.permissions().unwrap().is_empty());
    let refused = ask(&world, scales).await.unwrap_err();
    assert!(refused.case.is_none() && refused.findings.iter().any(|finding| finding.code == Code::ApprovalDenied));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_is_refused_with_the_reason() {
    let world = world_with(permitting_bundle()).await;
    let arguments = |text: &str| Arguments::parse(text, 4_096).unwrap();
    let bounded = |bound| BTreeMap::from([("service".to_owned(), bound)]);
    for (what, wish) in [
        ("an action that is denied", PermissionWish { tool: "sre.delete".parse().unwrap(), ..restarts() }),
        (
            "an action that needs nobody",
            PermissionWish {
                tool: "sre.report".parse().unwrap(),
                arguments: arguments("{}"),
                bounds: BTreeMap::new(),
                ..restarts()
            },
        ),
        ("administration", PermissionWish { tool: "countersign.level.grant".parse().unwrap(), ..restarts() }),
        ("no tool of the catalogue", PermissionWish { tool: "sre.none".parse().unwrap(), ..restarts() }),
        ("bounds without the action", PermissionWish { bounds: bounded(Bound::exactly(&json!("api"))), ..restarts() }),
        ("another environment", PermissionWish { environments: Some(BTreeSet::from(["prod".into()])), ..restarts() }),
        ("an agent without a level", PermissionWish { agent: "report-bot".parse().unwrap(), ..restarts() }),
    ] {
        assert_eq!(ask(&world, wish).await.unwrap_err().code, Code::PermissionUnsupported, "{what}");
    }
    for (what, wish) in [
        ("too long", PermissionWish { minutes: 61, ..restarts() }),
        ("no time", PermissionWish { minutes: 0, ..restarts() }),
        ("too much", PermissionWish { uses: 11, ..restarts() }),
        ("nothing", PermissionWish { uses: 0, ..restarts() }),
        ("no purpose", PermissionWish { purpose: "  ".into(), ..restarts() }),
    ] {
        assert_eq!(ask(&world, wish).await.unwrap_err().code, Code::PermissionUnsupported, "{what}");
    }
    let plain = testkit::world().await;
    let refused = ask(&plain, restarts()).await.unwrap_err();
    assert!(refused.findings.iter().any(|f| f.code == Code::PolicyDenies), "without a policy nobody may ask");
    assert!(refused.findings.iter().any(|f| f.code == Code::PermissionUnsupported), "and the bundle gives none");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_at_once_take_a_use_each_and_never_one_more() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    let calls = (0..6).map(|n| {
        let control = world.control.clone();
        let wish = crate::wish("sre.restart", &json!({ "service": "web", "replicas": n % 3 + 1 }).to_string());
        tokio::spawn(async move { control.decide_once(wish, false).await.unwrap().permit.is_some() })
    });
    let mut ran = 0;
    for call in calls.collect::<Vec<_>>() {
        ran += usize::from(call.await.unwrap());
    }
    assert_eq!(ran, 2);
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_bounds_are_marks() {
    let mut world = world_with(permitting_bundle()).await;
    let secret = "hunter2-of-the-web";
    world.watch_for(secret);
    let mut wish = restarts();
    wish.arguments = Arguments::parse(&json!({ "service": "web", "password": secret }).to_string(), 4_096).unwrap();
    for bound in [Bound::Within(format!("/{secret}")), Bound::Between { from: 1, to: 3 }] {
        wish.bounds = BTreeMap::from([("password".to_owned(), bound)]);
        let refused = ask(&world, wish.clone()).await.unwrap_err();
        assert_eq!(refused.code, Code::PermissionUnsupported);
        assert!(refused.message.contains("`password` is secret"), "{}", refused.message);
    }
    let with = |password: &str| json!({ "service": "web", "password": password });
    let one_of = serde_json::from_value(json!({ "one_of": [secret, "another"] })).unwrap();
    for (bounds, another) in [(BTreeMap::new(), false), (BTreeMap::from([("password".to_owned(), one_of)]), true)] {
        let given = given(&world, PermissionWish { bounds, uses: 1, ..wish.clone() }, &["ben"]).await;
        assert!(!serde_json::to_string(&given).unwrap().contains(secret));
        assert_eq!(is_asked(&world, with("another")).await, !another);
        let (used, last) = (restart(&world, with(secret)).await, restart(&world, with("a third")).await);
        assert!(used.permit.is_some() != another && last.permit.is_none(), "one use, of either");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_agent_takes_its_permissions_along() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    let mut files = permitting_bundle();
    let agents = files.get("agents.toml").unwrap().to_owned();
    let (_, others) = agents.split_once("[agents.report-bot]").unwrap();
    files.insert("agents.toml", format!("[agents.report-bot]{others}"));
    world.control.activate(&person("dan"), files, "it has left").await.unwrap();
    let whom = countersign_control::erasures::subject("agent:sre-bot").unwrap();
    world.control.erase(&person("dan"), &whom, "request 4713").await.unwrap();
    assert!(world.control.history().state(kind::PERMISSION).unwrap().is_empty());
    let found = look(&world);
    assert!(found.comparison.is_equal(), "{:?} {:?}", found.comparison.rows, found.comparison.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_hands_them_on_with_the_uses_that_are_left() {
    let world = world_with(permitting_bundle()).await;
    let before = given(&world, restarts(), &["ben"]).await;
    assert!(restart(&world, web()).await.permit.is_some());
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    let kept = world.control.permissions().unwrap();
    assert_eq!(kept, [Permission { left: 1, ..before }]);
    assert_equal(&look(&world));
    assert!(restart(&world, web()).await.permit.is_some());
    assert!(restart(&world, web()).await.permit.is_none());
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_counts_again_notices_a_use_that_nobody_gave() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    let used = restart(&world, web()).await;
    assert!(used.permit.is_some());
    let (history, bundles) = (world.control.history(), crate::rebuild::bundles(&world));
    let index = used.receipt.unwrap();
    let entry = history.record(index).unwrap().unwrap();
    let content = entry.content.as_ref();
    assert_eq!(replay::record(&entry.leaf, content, &bundles), replay::Replayed::Equal);
    let (proposal, decision) =
        content.and_then(|c| evidence::bodies::proposal(c).zip(evidence::bodies::decision(c))).unwrap();
    let data = bundles.get(&decision.bundle).unwrap().data().clone();
    // With the record of the permission, and without it.
    for (with, wrong) in [(true, false), (false, true)] {
        let mut again = replay::fold::Again::default();
        for entry in history.range(0, index).unwrap() {
            let is_given = (entry.leaf.kind, entry.leaf.status)
                == (evidence::RecordKind::Grant, Some(types::permission::PERMITTED));
            if with || !is_given {
                again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
            }
        }
        let recount = again.recount(&data, &proposal, &decision);
        assert_eq!(recount.wrong.iter().any(|name| name.starts_with("permission.")), wrong, "{recount:?}");
    }
}
