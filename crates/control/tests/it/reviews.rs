//! Reviews: recorded, folded, bounded, and never what a permit rests on.

use ::replay::{Replayed, record};
use countersign_control::approvals::Voter;
use countersign_control::door::CaseEnd;
use countersign_control::replay;
use countersign_control::state::{Target, kind};
use evidence::{Content, Field, RecordKind};
use testkit::{World, reviewed_bundle, world_with};
use types::case::{Ballot, CaseState};
use types::reviewing::{Advice, Review};
use types::{AgentId, CaseId, Code, OutcomeStatus, Principal};

use crate::rebuild::{assert_equal, look, problems_with};
use crate::{propose, try_propose};

const SERVICE: &str = r#"{"service":"web"}"#;

async fn reviewed_world() -> World {
    world_with(reviewed_bundle()).await
}

fn checker() -> AgentId {
    "checker".parse().unwrap()
}

async fn review(world: &World, case: CaseId, by: &str, advice: Advice) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let said = world.control.give_review(&by.parse().unwrap(), case, advice, "looked", shown).await;
    said.map(|case| case.state).map_err(|refusal| refusal.code)
}

async fn vote(world: &World, case: CaseId, by: &str) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&by.parse().unwrap(), case, Ballot::Approve, "looks right", shown, false).await;
    voted.map(|case| case.state).map_err(|refusal| refusal.code)
}

fn asked(world: &World) -> Vec<CaseId> {
    world.control.reviews_of(&checker()).unwrap().into_iter().map(|(case, _)| case.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_comes_first_says_on_and_people_decide() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    assert_eq!(asked(&world), [case]);
    assert_eq!(vote(&world, case, "ben").await, Err(Code::ReviewAwaited));
    assert_eq!(review(&world, case, "checker", Advice::On).await, Ok(CaseState::Open));
    assert!(asked(&world).is_empty(), "it has answered");
    assert!(propose(&world, "sre.scale", SERVICE).await.permit.is_none(), "nobody has approved");
    let world = world.restart().await;
    assert_eq!(vote(&world, case, "ben").await, Ok(CaseState::Open));
    assert_eq!(vote(&world, case, "cleo").await, Ok(CaseState::Approved));
    let ran = propose(&world, "sre.scale", SERVICE).await;
    assert!(ran.permit.is_some());
    let path = world.control.trace(&ran.decision.action).unwrap();
    assert_eq!((path.reviews.len(), path.votes.len()), (1, 2));
    assert_eq!((path.reviews[0].reviewer.as_str(), path.reviews[0].family.as_str()), ("checker", "beta"));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_of_a_reviewer_passes_the_case_on() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    world.clock.advance(60_000);
    assert!(asked(&world).is_empty());
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Err(Code::ReviewOver));
    assert_eq!(vote(&world, case, "ben").await, Ok(CaseState::Open));
    assert_eq!(vote(&world, case, "cleo").await, Ok(CaseState::Approved));
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Err(Code::CaseClosed), "decided, whatever it says");
    assert!(propose(&world, "sre.scale", SERVICE).await.permit.is_some());
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_back_ends_and_proposed_again_goes_to_people() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Ok(CaseState::Returned));
    let CaseEnd::Refused(refusal) = world.control.await_decision(case, 1_000).await else { panic!("it was sent back") };
    assert_eq!(refusal.code, Code::ReviewReturned);
    assert!(refusal.message.contains("agent:checker: looked"), "{}", refusal.message);
    assert_eq!(vote(&world, case, "ben").await, Err(Code::CaseClosed));

    let world = world.restart().await;
    let again = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(again.decision.facts.bool("approval.returned"), Some(true));
    let second = again.case.unwrap().id;
    assert_ne!(second, case);
    assert_eq!(review(&world, second, "checker", Advice::Back).await, Err(Code::ReviewSpent));
    assert_eq!(review(&world, second, "checker", Advice::On).await, Ok(CaseState::Open));
    assert_eq!(vote(&world, second, "ben").await, Ok(CaseState::Approved));
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    assert_equal(&look(&world));

    // Once as much time has passed as people had, it may be sent back again.
    world.clock.advance(600_000);
    let later = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(later.decision.facts.bool("approval.returned"), None);
    for _ in 0..500 {
        if world.control.history().state(kind::RETURN).unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(world.control.history().state(kind::RETURN).unwrap().is_empty(), "what has ended is forgotten");
    assert_eq!(review(&world, later.case.unwrap().id, "checker", Advice::Back).await, Ok(CaseState::Returned));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_and_row_comes_out_the_same_when_counted_again() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, case, "checker", Advice::Back).await.unwrap();
    let second = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, second, "checker", Advice::On).await.unwrap();
    vote(&world, second, "ben").await.unwrap();
    propose(&world, "sre.restart", SERVICE).await;
    let bundles = crate::rebuild::bundles(&world);
    for entry in world.control.history().range(0, world.control.size()).unwrap() {
        if entry.leaf.kind == RecordKind::Decided {
            assert_eq!(record(&entry.leaf, entry.content.as_ref(), &bundles), Replayed::Equal, "{}", entry.index);
        }
        if entry.leaf.kind == RecordKind::Review {
            let content = entry.content.unwrap();
            assert_eq!(content.subjects, ["agent:checker", "agent:sre-bot"], "sealed for both");
            assert_eq!(content.get::<Review>(Field::Body).unwrap().unwrap().reviewer, checker());
        }
    }
    let found = look(&world);
    assert_equal(&found);
    assert!(found.comparison.kinds.contains_key(kind::RETURN));
    let recounted = replay::decisions(world.control.history(), bundles, 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(recounted.count("equal"), recounted.decisions, "{:?}", recounted.told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_sees_what_it_is_asked_about_and_nothing_else() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let seen = world.control.review_case(&checker(), &case).unwrap();
    assert_eq!(seen.view.proposal.unwrap().arguments.canonical(), SERVICE);
    for other in ["sre-bot", "report-bot"] {
        let refused = world.control.review_case(&other.parse().unwrap(), &case).unwrap_err();
        assert_eq!(refused.code, Code::NotFound, "{other}");
        assert_eq!(review(&world, case, other, Advice::On).await, Err(Code::NotFound));
        assert!(world.control.reviews_of(&other.parse().unwrap()).unwrap().is_empty());
    }
    vote(&world, case, "ben").await.unwrap();
    assert_eq!(world.control.review_case(&checker(), &case).unwrap_err().code, Code::NotFound, "it is decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_reviewer_falls_silent_and_people_go_on() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    let ana = Principal::Person("ana".parse().unwrap());
    world.control.kill(ana, Target::Agent(checker()), "acting up").await.unwrap();
    assert_eq!(world.control.reviews_of(&checker()).unwrap_err().code, Code::Killed);
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Err(Code::Killed));
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Open);
    world.clock.advance(60_000);
    assert_eq!(vote(&world, case, "ben").await, Ok(CaseState::Open));
    assert_eq!(vote(&world, case, "cleo").await, Ok(CaseState::Approved));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_names_what_was_shown_and_has_a_reason() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    let say = async |reason: &str, shown| {
        let said = world.control.give_review(&checker(), case, Advice::On, reason, shown).await;
        said.map(drop).map_err(|refusal| refusal.code)
    };
    assert_eq!(say("  ", shown).await, Err(Code::RequestInvalid));
    assert_eq!(say(&"x".repeat(4_097), shown).await, Err(Code::RequestInvalid));
    assert_eq!(say("looked", types::Digest([1; 32])).await, Err(Code::ShownMismatch));
    assert_eq!(say("looked", shown).await, Ok(()));
    assert_eq!(say("looked", shown).await, Err(Code::VoteRepeated));
    let other = propose(&world, "sre.restart", r#"{"service":"db"}"#).await.case.unwrap().id;
    world.clock.jump(-180_000);
    assert_eq!(review(&world, other, "checker", Advice::Back).await, Err(Code::ClockJumped));
    world.clock.jump(180_000);
    assert_eq!(review(&world, other, "checker", Advice::Back).await, Ok(CaseState::Returned));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_reviewer_leaves_rows_that_the_records_make() {
    let mut files = reviewed_bundle();
    let world = world_with(files.clone()).await;
    let first = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, first, "checker", Advice::Back).await.unwrap();
    let open = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    review(&world, open, "checker", Advice::On).await.unwrap();
    // It leaves the bundle, and is erased then.
    for (file, from) in [("agents.toml", "[agents.checker]"), ("escalation.toml", "review_")] {
        let text = files.get(file).unwrap();
        let kept = match file {
            "agents.toml" => text.split(from).next().unwrap().to_owned(),
            _ => text.lines().filter(|line| !line.starts_with(from)).map(|line| format!("{line}\n")).collect(),
        };
        files.insert(file, kept);
    }
    world.control.activate(&"dan".parse().unwrap(), files, "it has left").await.unwrap();
    crate::erasure::erase(&world, "dan", "agent:checker").await.unwrap();
    let found = look(&world);
    assert!(!found.comparison.differs(), "{:?}", found.comparison);
    assert_eq!(world.control.history().state_value(kind::CASE, &open.to_string()).unwrap(), None);
    assert_eq!(world.control.case(&open).unwrap_err().code, Code::NotFound, "what it said is shown to nobody any more");
    assert!(world.control.history().state(kind::RETURN).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_voter_takes_along_what_was_sent_back_in_the_case_they_voted_on() {
    let mut files = reviewed_bundle();
    let beside = files.get("escalation.toml").unwrap().replace("review_first = true\n", "");
    files.insert("escalation.toml", beside);
    let world = world_with(files.clone()).await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    assert_eq!(vote(&world, case, "ben").await, Ok(CaseState::Open), "beside the reviewer");
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Ok(CaseState::Returned));
    let people = files.get("people.toml").unwrap().replace("[people.ben]\ngroups = [\"owners\"]\n", "");
    let agents = files.get("agents.toml").unwrap().replace("owner = \"ben\"", "owner = \"ana\"");
    files.insert("people.toml", people);
    files.insert("agents.toml", agents);
    world.control.activate(&"dan".parse().unwrap(), files, "ben has left").await.unwrap();
    crate::erasure::erase(&world, "dan", "person:ben").await.unwrap();
    let found = look(&world);
    assert!(!found.comparison.differs(), "{:?}", found.comparison);
    assert!(world.control.history().state(kind::RETURN).unwrap().is_empty());
    assert!(propose(&world, "sre.scale", SERVICE).await.decision.facts.bool("approval.returned").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_for_no_reviewer() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    let ben = "ben".parse().unwrap();
    let Voter::May(admission, from) = world.control.voter(&ben, &world.control.case(&case).unwrap().case) else {
        panic!("ben may refuse")
    };
    assert!(admission.awaits.is_some() && from == admission.awaits, "{admission:?} {from:?}");
    let refused = world.control.vote(&ben, case, Ballot::Deny, "no", shown, false).await.unwrap();
    assert_eq!(refused.state, CaseState::Denied);
    assert_eq!(review(&world, case, "checker", Advice::On).await, Err(Code::CaseClosed));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_forgets_no_review() {
    let world = reviewed_world().await;
    let back = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    review(&world, back, "checker", Advice::Back).await.unwrap();
    let open = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, open, "checker", Advice::On).await.unwrap();
    world.control.close_log(&"dan".parse().unwrap(), "the year is over").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    assert_eq!(world.control.case(&open).unwrap().case.reviews.len(), 1);
    assert_eq!(review(&world, open, "checker", Advice::Back).await, Err(Code::VoteRepeated));
    let again = propose(&world, "sre.scale", SERVICE).await;
    assert_eq!(again.decision.facts.bool("approval.returned"), Some(true));
    assert_eq!(review(&world, again.case.unwrap().id, "checker", Advice::Back).await, Err(Code::ReviewSpent));
    assert_eq!(vote(&world, open, "ben").await, Ok(CaseState::Approved));
    let ran = propose(&world, "sre.restart", SERVICE).await;
    assert!(ran.permit.is_some());
    let found = look(&world);
    assert!(!found.comparison.differs(), "{:?}", found.comparison);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_makes_a_reviewed_case_void() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, case, "checker", Advice::On).await.unwrap();
    let mut files = reviewed_bundle();
    let head = files.get("escalation.toml").unwrap().replace("review_ms = 60000", "review_ms = 61000");
    files.insert("escalation.toml", head);
    world.control.activate(&"dan".parse().unwrap(), files, "a second more").await.unwrap();
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Void);
    assert_eq!(review(&world, case, "checker", Advice::Back).await, Err(Code::CaseClosed));
    let asked_again = asked(&world);
    assert_eq!(asked_again.len(), 1, "it is put to people, and to the reviewer, under the new rules");
    assert!(!asked_again.contains(&case));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_says_otherwise_does_not_follow() {
    let world = reviewed_world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    review(&world, case, "checker", Advice::On).await.unwrap();
    let is_review = |entry: &ledger::history::Entry| entry.leaf.kind == RecordKind::Review;
    let forged = |change: &dyn Fn(&mut Review)| {
        let forge = |content: &Content| {
            let mut review: Review = content.get(Field::Body).unwrap().unwrap();
            change(&mut review);
            Content::about(content.subjects.clone()).with(Field::Body, &review)
        };
        problems_with(&world, is_review, forge)
    };
    assert_eq!(forged(&|_| {}), 0);
    assert_eq!(forged(&|review| review.reviewer = "sre-bot".parse().unwrap()), 1, "the agent that proposes");
    assert_eq!(forged(&|review| review.reviewer = "report-bot".parse().unwrap()), 1, "no reviewer");
    assert_eq!(forged(&|review| review.family = "alpha".into()), 1, "of another family than declared");
    assert_eq!(forged(&|review| review.at = review.at.plus(60_000)), 1, "late");
    assert_eq!(forged(&|review| review.shown = types::Digest([1; 32])), 1, "of something else");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reviewers_said_is_held_against_what_people_decided() {
    let world = reviewed_world().await;
    let run = async |service: &str, advice: Advice, ballot: Ballot, status: OutcomeStatus| {
        let arguments = format!(r#"{{"service":"{service}"}}"#);
        let case = propose(&world, "sre.restart", &arguments).await.case.unwrap().id;
        review(&world, case, "checker", advice).await.unwrap();
        // What is sent back is proposed again, and people decide.
        let case = propose(&world, "sre.restart", &arguments).await.case.unwrap().id;
        let shown = world.control.case(&case).unwrap().case.shown;
        world.control.vote(&"ben".parse().unwrap(), case, ballot, "as I see it", shown, false).await.unwrap();
        if ballot == Ballot::Approve {
            let ran = try_propose(&world, "sre.restart", &arguments, true).await.unwrap();
            assert!(ran.permit.is_some(), "{:?}", ran.decision.findings);
            let agent = "sre-bot".parse().unwrap();
            world.control.report(&agent, ran.decision.action, status, None, None).await.unwrap();
        }
    };
    run("a", Advice::On, Ballot::Approve, OutcomeStatus::Done).await;
    run("b", Advice::On, Ballot::Approve, OutcomeStatus::Failed).await;
    run("c", Advice::On, Ballot::Deny, OutcomeStatus::Done).await;
    run("d", Advice::Back, Ballot::Approve, OutcomeStatus::Failed).await;
    run("e", Advice::Back, Ballot::Approve, OutcomeStatus::Done).await;
    run("f", Advice::Back, Ballot::Deny, OutcomeStatus::Done).await;
    // People never decide what is not proposed again, and nobody decides what expires.
    let left = propose(&world, "sre.restart", r#"{"service":"g"}"#).await.case.unwrap().id;
    review(&world, left, "checker", Advice::Back).await.unwrap();
    let silent = propose(&world, "sre.restart", r#"{"service":"h"}"#).await.case.unwrap().id;
    review(&world, silent, "checker", Advice::On).await.unwrap();
    world.clock.advance(600_000);
    while world.control.case(&silent).unwrap().case.state != CaseState::Expired {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let told = crate::oversight::report(&world, None).reviewers;
    let [of] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(of.reviewer, checker());
    let counted = &of.reviews;
    assert_eq!((counted.on, counted.on_approved, counted.on_refused, counted.on_failed), (4, 2, 1, 1));
    assert_eq!((counted.back, counted.back_approved, counted.back_refused, counted.back_failed), (4, 2, 1, 1));
    let since = crate::oversight::report(&world, Some(world.control.now().plus(3_600_000)));
    assert!(since.reviewers.is_empty(), "{since:?}");
}
