//! Permissions beside everything else that holds an agent back or somebody's hand: budgets, breakers, drills, the review.

use std::time::Duration;

use countersign_control::drills::DrillWish;
use countersign_control::oversight::ConcernKind;
use countersign_control::permissions::PermissionWish;
use countersign_control::state::Target;
use policy::BundleFiles;
use serde_json::json;
use testkit::{World, permitting_bundle, world_with};
use types::case::{Ballot, CaseState};
use types::{Code, OutcomeStatus, PersonId, Verdict};

use crate::approval_budget::budgeted;
use crate::permissions::{ask, case_of, given, left, restart, restarts, vote, web};
use crate::rebuild::{assert_equal, look};

const DAY_MS: i64 = 86_400_000;

/// Two permits that are not easily taken back stop the agent; `owner` may let the rest through.
const BULK: &str = "[bulks.undoing]\npermits_max = 2\nwithin_ms = 60000\nprofile = \"owner\"\n\
                    counts = [\"compensable\", \"irreversible\"]\n";

const CIRCUIT: &str = "[circuits.calls]\ncovers = { tool = \"sre.restart\" }\nfailures = 1\nof_last = 1\n\
                       within_ms = 60000\npause_ms = 10000\npause_ms_max = 10000\n";

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

fn for_what(purpose: &str, uses: u32) -> PermissionWish {
    PermissionWish { purpose: purpose.into(), uses, ..restarts() }
}

fn with(path: &str, text: &str) -> BundleFiles {
    let mut files = permitting_bundle();
    files.insert(path, text);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_on_a_request_is_one_of_the_hour_and_a_use_is_none() {
    let world = world_with(with("escalation.toml", budgeted().get("escalation.toml").unwrap())).await;
    given(&world, for_what("the first", 3), &["ben"]).await;
    for _ in 0..2 {
        assert!(restart(&world, web()).await.permit.is_some());
    }
    given(&world, for_what("the second", 1), &["ben"]).await;
    let third = case_of(&world, for_what("the third", 1)).await;
    assert_eq!(
        vote(&world, "ben", third, Ballot::Approve).await,
        Err(Code::ApprovalsSpent),
        "two requests are two votes"
    );
    assert_eq!(left(&world), [1, 1], "and nothing was given");
    assert_eq!(ask(&world, for_what("the third", 1)).await.unwrap_err().case.map(|case| case.id), Some(third));
    assert!(restart(&world, web()).await.permit.is_some(), "what was given before is not held up");
    assert_eq!(vote(&world, "cleo", third, Ballot::Approve).await, Ok(CaseState::Approved));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bulk_breaker_has_stopped_people_see_all_the_same() {
    let world = world_with(with("breakers.toml", BULK)).await;
    given(&world, for_what("a rollout", 5), &["ben"]).await;
    for _ in 0..2 {
        assert!(restart(&world, web()).await.permit.is_some(), "asking for it did not count");
    }
    let stopped = restart(&world, web()).await;
    assert!(matches!(stopped.decision.verdict, Verdict::Escalate(_)), "{:?}", stopped.decision.verdict);
    assert!(stopped.decision.findings.iter().any(|finding| finding.code == Code::BulkStopped));
    assert_eq!(left(&world), [3]);
    let case = stopped.case.unwrap().id;
    assert_eq!(vote(&world, "ben", case, Ballot::Approve).await, Ok(CaseState::Approved));
    let seen = restart(&world, web()).await;
    assert_eq!((seen.permit.is_some(), seen.decision.case), (true, Some(case)));
    assert_eq!(left(&world), [3], "it ran on people's approval");
    assert_equal(&look(&world));

    let world = world_with(with("breakers.toml", &BULK.replace("profile = \"owner\"\n", ""))).await;
    given(&world, for_what("a rollout", 5), &["ben"]).await;
    for _ in 0..2 {
        restart(&world, web()).await;
    }
    assert_eq!(restart(&world, web()).await.decision.verdict, Verdict::Deny, "nobody may let it through");
    assert_eq!(left(&world), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lifts_no_open_circuit() {
    let world = world_with(with("breakers.toml", CIRCUIT)).await;
    given(&world, for_what("a rollout", 5), &["ben"]).await;
    let failed = crate::try_propose(&world, "sre.restart", &web().to_string(), true).await.unwrap();
    assert!(failed.permit.is_some());
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, failed.decision.action, OutcomeStatus::Failed, None, None).await.unwrap();
    let open = restart(&world, web()).await;
    assert_eq!(open.decision.verdict, Verdict::Deny);
    assert!(open.decision.findings.iter().any(|finding| finding.code == Code::CircuitOpen));
    assert_eq!(left(&world), [4], "the failure was a use, the denial is none");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_denies_what_is_permitted_in_advance_and_takes_no_use() {
    let world = world_with(permitting_bundle()).await;
    given(&world, restarts(), &["ben"]).await;
    let wish = DrillWish {
        target: Target::Agent("sre-bot".parse().unwrap()),
        reason: "monthly".into(),
        wait: Duration::from_millis(200),
        hold: Duration::from_millis(800),
    };
    let control = world.control.clone();
    let drill = tokio::spawn(async move { control.drill(&person("dan"), wish).await.unwrap() });
    while world.control.switches().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let denied = restart(&world, web()).await;
    assert!(denied.decision.findings.iter().any(|finding| finding.code == Code::Killed), "{:?}", denied.decision);
    assert_eq!((denied.decision.verdict, left(&world)), (Verdict::Deny, vec![2]));
    drill.await.unwrap();
    assert!(restart(&world, web()).await.permit.is_some());
    assert_equal(&look(&world));
}

fn unused(world: &World, days: u32) -> Vec<String> {
    let concerns = world.control.review(days).unwrap().concerns;
    concerns.into_iter().filter(|one| one.kind == ConcernKind::PermissionUnused).map(|one| one.says).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_and_not_used_is_listed_for_review() {
    let world = world_with(permitting_bundle()).await;
    let idle = given(&world, for_what("idle", 3), &["ben"]).await;
    assert_eq!(unused(&world, 1), [""; 0], "it may be used still");
    world.clock.advance(30 * 60_000);
    let says = r#"sre-bot was permitted sre.restart with replicas = 1 to 3, service = "web", 3 times within 30 minutes, and did not use it"#;
    assert_eq!(unused(&world, 1), [says], "{idle:?}");
    given(&world, for_what("used up", 1), &["ben"]).await;
    assert!(restart(&world, web()).await.permit.is_some());
    let other = PermissionWish { tool: "sre.scale".parse().unwrap(), ..for_what("revoked", 2) };
    let revoked = given(&world, other, &["ben", "cleo"]).await;
    assert_eq!(unused(&world, 1), [says]);
    world.control.revoke_permission(&person("eve"), revoked.id, "not needed").await.unwrap();
    assert_eq!(unused(&world, 1).len(), 2, "a permission that was revoked unused counts as one that ended so");
    given(&world, for_what("partly used", 2), &["ben"]).await;
    assert!(restart(&world, json!({ "service": "web", "replicas": 1 })).await.permit.is_some());
    let mut files = permitting_bundle();
    files.insert("bundle.toml", files.get("bundle.toml").unwrap().replace("\"small\"", "\"smaller\""));
    world.control.activate(&person("dan"), files, "another name").await.unwrap();
    assert_eq!(unused(&world, 1).len(), 2);
    world.clock.advance(2 * DAY_MS);
    assert_eq!(unused(&world, 1), [""; 0], "that is over for more than a day");
    assert_eq!(unused(&world, 30).len(), 2);
}
