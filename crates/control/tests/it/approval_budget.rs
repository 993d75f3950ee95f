//! Budgets of approvals: whoever has decided too often approves nothing more for a while, and may always refuse.

use countersign_control::approvals::Voter;
use countersign_control::state::kind;
use evidence::{RecordKind, bodies};
use policy::BundleFiles;
use testkit::{World, bundle, world_with};
use types::case::{Ballot, Case, CaseState};
use types::{CaseId, Code, PersonId};

use crate::closing::next;
use crate::delegations::delegate;
use crate::erasure::{erase, they_leave};
use crate::propose;
use crate::rebuild::{assert_equal, look};

const HOUR_MS: i64 = 3_600_000;

/// A bundle in which each person may decide twice in an hour before their approvals for `owner` wait, and has three hours for it.
pub fn budgeted() -> BundleFiles {
    let mut files = bundle();
    let profiles = files.get("escalation.toml").unwrap();
    let profiles = profiles.replacen("timeout_ms = 600000\n", "timeout_ms = 600000\ndecisions_per_hour = 2\n", 1);
    files.insert("escalation.toml", profiles.replace("600000", "10800000"));
    files
}

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

async fn ask(world: &World, tool: &str, service: &str) -> CaseId {
    propose(world, tool, &format!(r#"{{"service":"{service}"}}"#)).await.case.unwrap().id
}

async fn vote(world: &World, case: CaseId, by: &str, ballot: Ballot) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await;
    voted.map(|case: Case| case.state).map_err(|refusal| refusal.code)
}

/// Returns from when on an approval of a person counts, in milliseconds from now.
fn waits(world: &World, case: CaseId, name: &str) -> Option<i64> {
    let case = world.control.case(&case).unwrap().case;
    let Voter::May(_, from) = world.control.voter(&person(name), &case) else { panic!("{name} may not vote") };
    from.map(|from| from.since(world.control.now()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_waits_until_the_hour_has_room_and_a_refusal_never_does() {
    let world = world_with(budgeted()).await;
    let first = ask(&world, "sre.restart", "a").await;
    assert_eq!(vote(&world, first, "ben", Ballot::Approve).await, Ok(CaseState::Approved));
    world.clock.advance(1_000_000);
    let second = ask(&world, "sre.restart", "b").await;
    assert_eq!(vote(&world, second, "ben", Ballot::Deny).await, Ok(CaseState::Denied), "a refusal counts too");
    let third = ask(&world, "sre.restart", "c").await;
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    assert_eq!((waits(&world, third, "ben"), waits(&world, third, "cleo")), (Some(HOUR_MS - 1_000_000), None));
    let world = world.restart().await;
    assert_eq!(waits(&world, third, "ben"), Some(HOUR_MS - 1_000_000), "a restart gives no room");
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    let fourth = ask(&world, "sre.restart", "d").await;
    assert_eq!(vote(&world, fourth, "ben", Ballot::Deny).await, Ok(CaseState::Denied), "refusing is never held up");
    world.clock.advance(HOUR_MS - 1_000_000 - 1);
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    // The first is out of the hour now, and two are left in it.
    world.clock.advance(1);
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    assert_eq!(waits(&world, third, "ben"), Some(1_000_000));
    world.clock.advance(1_000_000);
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Ok(CaseState::Approved));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_counts_for_its_whole_hour_though_others_follow() {
    let world = world_with(budgeted()).await;
    for (service, later) in [("a", 2_000_000), ("b", HOUR_MS - 2_000_000 - 1)] {
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, "ben", Ballot::Approve).await.unwrap();
        world.clock.advance(later);
    }
    let third = ask(&world, "sre.restart", "c").await;
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    world.clock.advance(1);
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Ok(CaseState::Approved));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_budgets_the_smaller_counts_and_the_other_stays_as_it_is() {
    let mut files = budgeted();
    let profiles = files.get("escalation.toml").unwrap();
    files.insert("escalation.toml", profiles.replace("approvals = 2\n", "approvals = 2\ndecisions_per_hour = 1\n"));
    let world = world_with(files).await;
    let first = ask(&world, "sre.restart", "a").await;
    vote(&world, first, "ben", Ballot::Approve).await.unwrap();
    let both = ask(&world, "sre.scale", "b").await;
    assert_eq!(vote(&world, both, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    let other = ask(&world, "sre.restart", "c").await;
    assert_eq!(vote(&world, other, "ben", Ballot::Approve).await, Ok(CaseState::Approved));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_what_would_wait_and_the_next_log_gives_no_room() {
    let world = world_with(budgeted()).await;
    world.with_passkey("ben", 3).await;
    for service in ["a", "b"] {
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, "ben", Ballot::Approve).await.unwrap();
    }
    let third = ask(&world, "sre.restart", "c").await;
    let draw = |ballot| world.control.draw_ballot(&person("ben"), &third, ballot, "as I see it", false);
    assert_eq!(draw(Ballot::Approve).unwrap_err().code, Code::ApprovalsSpent);
    assert!(draw(Ballot::Deny).is_ok());
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let (world, _) = next(world).await;
    assert_eq!(waits(&world, third, "ben"), Some(HOUR_MS));
    assert_eq!(vote(&world, third, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    assert_eq!(vote(&world, third, "ben", Ballot::Deny).await, Ok(CaseState::Denied));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_answer_and_silence_is_still_refusal() {
    let world = world_with(budgeted()).await;
    for service in ["a", "b"] {
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, "ben", Ballot::Approve).await.unwrap();
    }
    let (case, left) = (ask(&world, "sre.restart", "c").await, ask(&world, "sre.restart", "d").await);
    assert_eq!(vote(&world, case, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    assert_eq!(vote(&world, case, "cleo", Ballot::Approve).await, Ok(CaseState::Approved));
    world.clock.advance(3 * HOUR_MS);
    world.control.tick().await.unwrap();
    assert_eq!(world.control.case(&left).unwrap().case.state, CaseState::Expired);
    assert_eq!(world.control.history().state(kind::RECENT_VOTE).unwrap(), [], "nothing is kept for ever");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_for_others_count_for_who_casts_them_and_the_smallest_budget_counts() {
    let world = world_with(budgeted()).await;
    delegate(&world, "ben", "eve", None, 3 * HOUR_MS).await.unwrap();
    for service in ["a", "b"] {
        // `pair` has no budget and asks about it too; what is decided counts all the same.
        let case = ask(&world, "sre.scale", service).await;
        vote(&world, case, "eve", Ballot::Approve).await.unwrap();
    }
    let case = ask(&world, "sre.restart", "c").await;
    assert_eq!(vote(&world, case, "eve", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    let both = ask(&world, "sre.scale", "c").await;
    assert_eq!(
        vote(&world, both, "eve", Ballot::Approve).await,
        Err(Code::ApprovalsSpent),
        "`owner` asks about it too"
    );
    assert_eq!(vote(&world, case, "ben", Ballot::Approve).await, Ok(CaseState::Approved), "he has decided nothing yet");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_past_a_budget_does_not_follow_upon_the_records() {
    let world = world_with(budgeted()).await;
    for (service, by) in [("a", "ben"), ("b", "ben"), ("c", "cleo")] {
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, by, Ballot::Approve).await.unwrap();
    }
    assert_equal(&look(&world));
    // The same journal, in which the third vote was cast by the one who had no room left.
    let (history, bundles) = (world.control.history(), crate::rebuild::bundles(&world));
    let mut again = replay::fold::Again::default();
    for mut entry in history.range(0, history.size().unwrap()).unwrap() {
        if entry.leaf.kind == RecordKind::Vote {
            let content = entry.content.as_mut().unwrap();
            let mut cast: types::case::Vote = content.get(evidence::Field::Body).unwrap().unwrap();
            cast.person = person("ben");
            *content = evidence::Content::about(Vec::new()).with(evidence::Field::Body, &cast);
        }
        again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
    }
    let problems = again.end(&bundles).problems;
    let why: Vec<&str> = problems.iter().map(|problem| problem.why.as_str()).collect();
    assert!(why.len() == 1 && why[0].contains("`ben` has decided so often"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_a_subject_counts_no_longer() {
    // The records of the votes are about the agent that had asked, and about the person who cast them.
    for gone in ["agent:sre-bot", "person:cleo"] {
        let world = world_with(budgeted()).await;
        for service in ["a", "b"] {
            let case = ask(&world, "sre.restart", service).await;
            vote(&world, case, "cleo", Ballot::Deny).await.unwrap();
        }
        assert_eq!(world.control.history().state(kind::RECENT_VOTE).unwrap().len(), 1);
        they_leave(&world).await;
        erase(&world, "dan", gone).await.unwrap();
        assert_eq!(world.control.history().state(kind::RECENT_VOTE).unwrap(), [], "{gone}");
        assert!(look(&world).comparison.is_equal(), "{gone}");
    }
}

/// The same with one decision an hour, past which something else happens, and `fay` who answers for those who stay silent.
fn past(what: &str) -> BundleFiles {
    let mut files = bundle();
    let people = format!("{}\n[people.fay]\ngroups = [\"leads\"]\n", files.get("people.toml").unwrap());
    let lead = "[profiles.lead]\ngroup = \"leads\"\napprovals = 1\ntimeout_ms = 600000\ndecisions_per_hour = 1\npast_budget = \"deny\"\n";
    let budget =
        format!("timeout_ms = 10800000\ndecisions_per_hour = 1\npast_budget = \"{what}\"\notherwise = \"lead\"\n");
    let profiles = files.get("escalation.toml").unwrap().replacen("timeout_ms = 600000\n", &budget, 1);
    files.insert("escalation.toml", format!("{profiles}\n{lead}"));
    files.insert("people.toml", people);
    files
}

/// Demands that every decision and every row comes out the same from the records.
fn counted_again(world: &World) {
    assert_equal(&look(world));
    let bundles = crate::rebuild::bundles(world);
    let found = countersign_control::replay::decisions(world.control.history(), bundles, 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(found.count("equal"), found.decisions, "{:?}", found.told);
}

async fn denied(world: &World, service: &str) -> bool {
    let decided = propose(world, "sre.restart", &format!(r#"{{"service":"{service}"}}"#)).await;
    let spent = decided.decision.findings.iter().any(|finding| finding.code == Code::ApproversSpent);
    assert_eq!(decided.case.is_none(), spent, "{:?}", decided.decision.findings);
    spent
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_bundle_denies_no_case_waits_for_people_without_room() {
    let world = world_with(past("deny")).await;
    let waiting = ask(&world, "sre.restart", "w").await;
    for (service, by) in [("a", "ben"), ("b", "cleo")] {
        assert!(!denied(&world, service).await, "{by} has room");
        let case = ask(&world, "sre.restart", service).await;
        vote(&world, case, by, Ballot::Approve).await.unwrap();
    }
    assert!(denied(&world, "c").await);
    let world = world.restart().await;
    assert!(denied(&world, "c").await, "a restart gives no room");
    // The case that was open before stays, and whoever has no room may refuse it.
    assert_eq!(ask(&world, "sre.restart", "w").await, waiting);
    assert_eq!(vote(&world, waiting, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    assert_eq!(vote(&world, waiting, "ben", Ballot::Deny).await, Ok(CaseState::Denied));
    world.clock.advance(HOUR_MS - 1_000);
    assert!(denied(&world, "c").await);
    world.clock.advance(1_000);
    assert!(!denied(&world, "c").await, "there is room again");
    counted_again(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_bundle_says_so_the_next_on_the_path_are_asked_at_once() {
    let world = world_with(past("next")).await;
    let case = ask(&world, "sre.restart", "a").await;
    assert_eq!(vote(&world, case, "fay", Ballot::Approve).await, Err(Code::VoterExcluded), "it is not her turn yet");
    vote(&world, case, "ben", Ballot::Approve).await.unwrap();
    let case = ask(&world, "sre.restart", "b").await;
    vote(&world, case, "cleo", Ballot::Deny).await.unwrap();
    let world = world.restart().await;
    let passed = ask(&world, "sre.restart", "c").await;
    let shown = world.control.case(&passed).unwrap();
    assert_eq!(shown.case.passed, Some(["owner".parse().unwrap()].into()));
    assert_eq!(shown.case.expires.since(shown.case.opened), 600_000, "those who are passed over take no time");
    let steps = shown.paths.values().next().unwrap();
    assert_eq!(steps.iter().map(|step| step.to.since(step.from)).collect::<Vec<_>>(), [0, 600_000]);
    assert_eq!(vote(&world, passed, "ben", Ballot::Approve).await, Err(Code::ApprovalsSpent));
    let refused = ask(&world, "sre.restart", "d").await;
    assert_eq!(vote(&world, refused, "ben", Ballot::Deny).await, Ok(CaseState::Denied), "refusing is never blocked");
    let world = world.restart().await;
    assert_eq!(vote(&world, passed, "fay", Ballot::Approve).await, Ok(CaseState::Approved));
    assert!(propose(&world, "sre.restart", r#"{"service":"c"}"#).await.decision.verdict.permits());
    // Now she has no room either, and for her the bundle denies.
    assert!(denied(&world, "e").await);
    counted_again(&world);
}

/// Who has room follows from the votes before: whoever recorded something else is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_fact_about_room_that_the_records_do_not_make_is_found() {
    let world = world_with(past("next")).await;
    let case = ask(&world, "sre.restart", "a").await;
    vote(&world, case, "ben", Ballot::Approve).await.unwrap();
    ask(&world, "sre.restart", "b").await;
    let (history, bundles) = (world.control.history(), crate::rebuild::bundles(&world));
    let all = history.range(0, history.size().unwrap()).unwrap();
    let last = all.iter().rev().find(|entry| entry.leaf.kind == RecordKind::Decided).unwrap();
    let mut counting = replay::fold::Again::default();
    all.iter().take_while(|entry| entry.index < last.index).for_each(|entry| {
        counting.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
    });
    let wrong = |content: &evidence::Content| {
        let (proposal, decision) = (bodies::proposal(content).unwrap(), bodies::decision(content).unwrap());
        counting.recount(bundles.get(&decision.bundle).unwrap().data(), &proposal, &decision).wrong
    };
    let content = last.content.as_ref().unwrap();
    assert_eq!(wrong(content), [""; 0]);
    for name in ["approval.spent", "approval.passed"] {
        let lie = types::FactValue::List(vec!["owner".to_owned()]);
        assert_eq!(wrong(&crate::replay::with_fact(content, name, lie)), [name]);
    }
}
