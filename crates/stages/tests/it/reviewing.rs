//! Reviewing: who may review, when, what it leads to, and that it never grants anything.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use countersign_stages::approval::{self, Closing, Opening};
use countersign_stages::matter::Matter;
use countersign_stages::reviewing::{self, asked_until, is_open};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::bundle::BundleData;
use types::case::{Ballot, Case, CaseState, Vote};
use types::reviewing::{Advice, Review};
use types::{ActionProposal, AgentId, CaseId, Code, Digest, Millis, PersonId, ProfileId};

use crate::world::changed;

const OPENED: Millis = Millis(1_000_000);

/// `sre-bot` of family `one` proposes. `looker` of family `two` reviews, as do others that may not. `free` shows people the case at
/// once, `held` after its reviewer.
fn bundle(change: &Value) -> (ActionProposal, BundleData) {
    let mut base = changed(&json!({ "bundle": {
        "people": {
            "ann": { "groups": ["asked"] }, "two": { "groups": ["asked"] }, "late": { "groups": ["late"] },
            "zed": {}, "owner": {},
        },
        "agents": {
            "sre-bot": { "owner": "owner", "model_family": "one", "reviewer": true },
            "looker": { "owner": "zed", "model_family": "two", "reviewer": true },
            "second": { "owner": "zed", "model_family": "three", "reviewer": true },
            "alike": { "owner": "zed", "model_family": "one", "reviewer": true },
            "owned": { "owner": "owner", "model_family": "two", "reviewer": true },
            "plain": { "owner": "zed", "model_family": "two" },
            "untold": { "owner": "zed", "reviewer": true },
        },
    } }));
    let all =
        ["agent:looker", "agent:alike", "agent:owned", "agent:plain", "agent:untold", "agent:sre-bot", "agent:gone"];
    let free = json!({ "group": "asked", "approvals": 1, "timeout_ms": 60_000, "review_by": all, "review_ms": 10_000 });
    let mut held = free.clone();
    held["review_first"] = json!(true);
    let mut both = held.clone();
    both["review_by"] = json!(["agent:looker", "agent:second"]);
    let next = json!({ "group": "asked", "approvals": 1, "timeout_ms": 20_000, "otherwise": "reviewed_late" });
    let mut late = held.clone();
    late["group"] = json!("late");
    let mut profiles = json!({ "free": free, "held": held, "both": both, "first": next, "reviewed_late": late });
    for (name, profile) in change.as_object().unwrap() {
        profiles[name] = profile.clone();
    }
    base.bundle.profiles = serde_json::from_value(profiles).unwrap();
    (base.proposal, base.bundle)
}

fn opened(proposal: &ActionProposal, bundle: &BundleData, profiles: &[&str], returned: bool) -> Case {
    let profiles = profiles.iter().map(|id| id.parse().unwrap()).collect();
    let id = CaseId::draw(OPENED, [1; 10]);
    let (action_digest, digest) = (proposal.digest(), Digest([9; 32]));
    let opening =
        Opening { id, action_digest, bundle: digest, opened_in: 7, round: 1, returned, passed: None, now: OPENED };
    approval::open(proposal, profiles, bundle, opening)
}

fn said(case: &Case, reviewer: &str, advice: Advice, after: i64) -> Review {
    let family = match reviewer {
        "second" => "three",
        "alike" | "sre-bot" => "one",
        _ => "two",
    };
    let family = family.to_owned();
    let reviewer = reviewer.parse().unwrap();
    Review {
        case: case.id,
        reviewer,
        family,
        advice,
        reason: "looked".into(),
        shown: case.shown,
        at: OPENED.plus(after),
    }
}

fn review(case: &Case, bundle: &BundleData, reviewer: &str, advice: Advice, after: i64) -> Result<Case, Code> {
    reviewing::review(case, said(case, reviewer, advice, after), bundle).map_err(|error| error.code())
}

fn vote(case: &Case, bundle: &BundleData, person: &str, ballot: Ballot, after: i64) -> Result<Case, Code> {
    let vote = Vote {
        case: case.id,
        person: person.parse().unwrap(),
        ballot,
        reason: "because".into(),
        shown: case.shown,
        solo: false,
        at: OPENED.plus(after),
        proxy: None,
        signed: None,
    };
    approval::vote(case, vote, bundle, false).map(|step| step.case().clone()).map_err(|error| error.code())
}

#[test]
fn only_an_independent_reviewer_is_asked() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["free"], false);
    let asked =
        |case: &Case, bundle: &BundleData, who: &str| review(case, bundle, who, Advice::On, 0).map(|case| case.state);
    assert_eq!(asked(&case, &bundle, "looker"), Ok(CaseState::Open));
    // The agent that proposes, one of its family or of its owner, one that is no reviewer, one of no declared family, one that
    // the bundle does not have, and one that no profile names.
    for who in ["sre-bot", "alike", "owned", "plain", "untold", "gone", "second"] {
        assert_eq!(asked(&case, &bundle, who), Err(Code::NotFound), "{who}");
    }
    let matter = Matter::of_case(&case, &bundle);
    let named: Vec<&str> =
        matter.reviewers(&bundle.profiles[&"free".parse::<ProfileId>().unwrap()]).map(AgentId::as_str).collect();
    assert_eq!(named, ["looker"]);
    // What the proposing agent is, nobody knows: no reviewer is independent of it.
    let mut unknown = bundle.clone();
    unknown.agents.get_mut(&"sre-bot".parse::<AgentId>().unwrap()).unwrap().model_family = None;
    assert_eq!(asked(&case, &unknown, "looker"), Err(Code::NotFound));
    // The owner of the reviewer is the person it is done for.
    let for_zed = Case { on_behalf_of: Some("zed".parse().unwrap()), ..case.clone() };
    assert_eq!(asked(&for_zed, &bundle, "looker"), Err(Code::NotFound));
    let by = |person: &str| types::Principal::Person(person.parse().unwrap());
    assert_eq!(asked(&Case { requester: by("zed"), ..case.clone() }, &bundle, "looker"), Err(Code::NotFound));
    assert_eq!(asked(&Case { requester: by("ann"), ..case.clone() }, &bundle, "alike"), Ok(CaseState::Open));
    // Where one person does everything, they own both; the families differ all the same.
    let mut solo = bundle.clone();
    solo.head.solo = true;
    assert_eq!(
        (asked(&case, &solo, "owned"), asked(&case, &solo, "alike")),
        (Ok(CaseState::Open), Err(Code::NotFound))
    );
    assert_eq!(asked(&case, &solo, "sre-bot"), Err(Code::NotFound), "nobody reviews what they propose");
}

#[test]
fn a_review_names_what_was_shown_comes_once_and_in_time() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["free"], false);
    let code = |review: Review| reviewing::review(&case, review, &bundle).unwrap_err().code();
    assert_eq!(code(Review { shown: Digest([3; 32]), ..said(&case, "looker", Advice::On, 0) }), Code::ShownMismatch);
    let other = CaseId::draw(OPENED, [2; 10]);
    assert_eq!(code(Review { case: other, ..said(&case, "looker", Advice::On, 0) }), Code::ShownMismatch);
    assert!(review(&case, &bundle, "looker", Advice::On, 9_999).is_ok());
    assert_eq!(review(&case, &bundle, "looker", Advice::Back, 10_000), Err(Code::ReviewOver));
    assert_eq!(review(&case, &bundle, "looker", Advice::On, -1), Err(Code::NotFound), "nobody has asked it yet");
    assert_eq!(review(&case, &bundle, "looker", Advice::On, 60_000), Err(Code::CaseClosed));
    let once = review(&case, &bundle, "looker", Advice::On, 1).unwrap();
    assert_eq!(review(&once, &bundle, "looker", Advice::Back, 2), Err(Code::VoteRepeated));
    let looker = "looker".parse().unwrap();
    assert!(is_open(&case, &looker, &bundle, OPENED) && !is_open(&once, &looker, &bundle, OPENED.plus(2)));
    assert!(!is_open(&case, &looker, &bundle, OPENED.plus(10_000)));
    assert_eq!(asked_until(&case, &looker, &bundle, OPENED.plus(50_000)), Some(OPENED.plus(10_000)));
}

#[test]
fn what_is_decided_no_review_changes() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["free"], false);
    let approved = vote(&case, &bundle, "ann", Ballot::Approve, 1).unwrap();
    let denied = vote(&case, &bundle, "ann", Ballot::Deny, 1).unwrap();
    let ended = [CaseState::Expired, CaseState::Void, CaseState::Consumed, CaseState::Withdrawn, CaseState::Returned];
    let ended = ended.map(|state| Case { state, ..case.clone() });
    for over in [approved, denied].into_iter().chain(ended) {
        for advice in [Advice::On, Advice::Back] {
            assert_eq!(review(&over, &bundle, "looker", advice, 2), Err(Code::CaseClosed), "{:?}", over.state);
        }
    }
}

#[test]
fn people_see_the_case_at_once_unless_the_reviewer_comes_first() {
    let (proposal, bundle) = bundle(&json!({}));
    let free = opened(&proposal, &bundle, &["free"], false);
    assert_eq!(free.expires, OPENED.plus(60_000));
    assert_eq!(vote(&free, &bundle, "ann", Ballot::Approve, 0).unwrap().state, CaseState::Approved);
    let held = opened(&proposal, &bundle, &["held"], false);
    assert_eq!(held.expires, OPENED.plus(70_000), "people have all of their time");
    for after in [0, 9_999] {
        assert_eq!(vote(&held, &bundle, "ann", Ballot::Approve, after), Err(Code::ReviewAwaited));
        assert_eq!(
            vote(&held, &bundle, "ann", Ballot::Deny, after).unwrap().state,
            CaseState::Denied,
            "a refusal never waits"
        );
    }
    assert_eq!(vote(&held, &bundle, "ann", Ballot::Deny, -1), Err(Code::VoterExcluded), "nobody is asked yet");
    let may =
        |case: &Case, after| approval::may_vote(case, &"ann".parse().unwrap(), &bundle, OPENED.plus(after), [].iter());
    assert_eq!(may(&held, 1).unwrap().awaits, Some(OPENED.plus(10_000)));
    assert_eq!(may(&held, 10_000).unwrap().awaits, None);
    assert_eq!(vote(&held, &bundle, "late", Ballot::Approve, 9_999), Err(Code::VoterExcluded), "nobody asks them");
    // Silence passes it on.
    assert_eq!(vote(&held, &bundle, "ann", Ballot::Approve, 10_000).unwrap().state, CaseState::Approved);
    // So does an answer, at once; the end stays where it is.
    let passed = review(&held, &bundle, "looker", Advice::On, 5_000).unwrap();
    assert_eq!((passed.state, passed.expires, passed.votes.len()), (CaseState::Open, held.expires, 0));
    assert_eq!(vote(&passed, &bundle, "ann", Ballot::Approve, 4_999), Err(Code::ReviewAwaited));
    assert_eq!(vote(&passed, &bundle, "ann", Ballot::Approve, 5_000).unwrap().state, CaseState::Approved);
    assert_eq!(vote(&passed, &bundle, "ann", Ballot::Approve, 69_999).unwrap().state, CaseState::Approved);
}

#[test]
fn two_reviewers_pass_it_on_together_and_one_sends_it_back() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["both"], false);
    let one = review(&case, &bundle, "second", Advice::On, 1).unwrap();
    assert_eq!(vote(&one, &bundle, "ann", Ballot::Approve, 2), Err(Code::ReviewAwaited));
    let two = review(&one, &bundle, "looker", Advice::On, 3).unwrap();
    assert_eq!(vote(&two, &bundle, "ann", Ballot::Approve, 3).unwrap().state, CaseState::Approved);
    let back = review(&one, &bundle, "looker", Advice::Back, 3).unwrap();
    assert_eq!((back.state, back.reviews.len()), (CaseState::Returned, 2));
    assert_eq!(vote(&back, &bundle, "ann", Ballot::Approve, 4), Err(Code::CaseClosed));
    assert_eq!(approval::expire(&back, back.expires), Closing::Already(CaseState::Returned));
    let used = approval::consume(&back, &back.action_digest, &back.bundle, OPENED);
    assert_eq!(used.unwrap_err().code(), Code::ReviewReturned);
}

#[test]
fn an_approval_waits_for_the_reviewers_of_each_profile_that_asks_for_it() {
    let (proposal, bundle) = bundle(&json!({}));
    // A person has one vote. Cast before `held` may count it, it would count for `free` alone, and the case could not be met.
    let both = opened(&proposal, &bundle, &["free", "held"], false);
    assert_eq!(vote(&both, &bundle, "ann", Ballot::Approve, 9_999), Err(Code::ReviewAwaited));
    assert_eq!(vote(&both, &bundle, "ann", Ballot::Approve, 10_000).unwrap().state, CaseState::Approved);
    let passed = review(&both, &bundle, "looker", Advice::On, 3).unwrap();
    assert_eq!(vote(&passed, &bundle, "ann", Ballot::Approve, 3).unwrap().state, CaseState::Approved);
}

#[test]
fn a_review_under_another_family_than_the_declared_one_is_none() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["free"], false);
    let forged = Review { family: "three".into(), ..said(&case, "looker", Advice::Back, 0) };
    assert_eq!(reviewing::review(&case, forged, &bundle).unwrap_err().code(), Code::NotFound);
}

#[test]
fn what_was_sent_back_once_goes_on_to_people() {
    let (proposal, bundle) = bundle(&json!({}));
    let again = opened(&proposal, &bundle, &["held"], true);
    assert_eq!(review(&again, &bundle, "looker", Advice::Back, 1), Err(Code::ReviewSpent));
    assert_eq!(review(&again, &bundle, "looker", Advice::On, 1).unwrap().state, CaseState::Open);
}

#[test]
fn a_later_step_has_reviewers_of_its_own() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["first"], false);
    assert_eq!(case.expires, OPENED.plus(20_000 + 10_000 + 60_000));
    assert_eq!(review(&case, &bundle, "looker", Advice::On, 19_999), Err(Code::NotFound));
    assert_eq!(vote(&case, &bundle, "late", Ballot::Approve, 20_000), Err(Code::ReviewAwaited));
    assert!(vote(&case, &bundle, "ann", Ballot::Approve, 20_000).is_ok(), "those of the first step may vote on");
    let passed = review(&case, &bundle, "looker", Advice::On, 21_000).unwrap();
    assert!(vote(&passed, &bundle, "late", Ballot::Approve, 21_000).is_ok());
    assert!(vote(&case, &bundle, "late", Ballot::Approve, 30_000).is_ok());
}

/// Is one thing that somebody does: who, what (0 on, 1 back, 2 approves, 3 denies), and when.
type Done = (u8, u8, i64);

/// Per profile: how many must approve, the time, who comes next, the reviewers' time and whether they come first.
type Drawn = (Vec<(u32, i64, Option<u8>, i64, bool)>, BTreeSet<u8>, Vec<Done>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let profile = (1..3u32, 1..50i64, proptest::option::of(0..4u8), 0..40i64, any::<bool>());
    let done = prop::collection::vec((0..4u8, 0..4u8, 0..300i64), 0..12);
    (prop::collection::vec(profile, 4), prop::collection::btree_set(0..4u8, 1..3), done)
}

fn paths(profiles: &[(u32, i64, Option<u8>, i64, bool)]) -> Value {
    let one = |(n, (approvals, time, next, review_ms, first)): (usize, &(u32, i64, Option<u8>, i64, bool))| {
        let by = if *review_ms > 0 { json!(["agent:looker", "agent:second", "agent:alike"]) } else { json!([]) };
        let next = next.map(|next| format!("p{next}"));
        let profile = json!({
            "group": "asked", "approvals": approvals, "timeout_ms": time, "otherwise": next, "review_by": by,
            "review_ms": review_ms, "review_first": first,
        });
        (format!("p{n}"), profile)
    };
    Value::Object(profiles.iter().enumerate().map(one).collect())
}

static BASE: LazyLock<(ActionProposal, BundleData)> = LazyLock::new(|| bundle(&json!({})));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn whatever_reviewers_say_people_alone_grant((profiles, asked, mut done) in drawn()) {
        done.sort_by_key(|(.., at)| *at);
        let (proposal, mut bundle) = BASE.clone();
        bundle.profiles = serde_json::from_value(paths(&profiles)).unwrap();
        let names: Vec<String> = asked.iter().map(|n| format!("p{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let first = opened(&proposal, &bundle, &names, false);
        let (mut case, mut alone) = (first.clone(), first.clone());
        for (n, (who, what, at)) in (0..).zip(done) {
            // No two things happen in the same millisecond.
            let at: i64 = at + n;
            let (reviewer, person) = (["looker", "second", "alike", "sre-bot"][who as usize], ["ann", "two", "late", "zed"][who as usize]);
            let advice = if what == 0 { Advice::On } else { Advice::Back };
            let ballot = if what == 2 { Ballot::Approve } else { Ballot::Deny };
            let before = case.clone();
            if what < 2 {
                case = review(&case, &bundle, reviewer, advice, at).unwrap_or(case);
                alone = review(&alone, &bundle, reviewer, advice, at).unwrap_or(alone);
                // A review adds itself and nothing else, and nothing is met by it.
                prop_assert_eq!(&case.votes, &before.votes);
                prop_assert!(matches!(case.state, CaseState::Open | CaseState::Returned) || case == before);
                prop_assert_eq!(approval::met(&case, &bundle), approval::met(&before, &bundle));
            } else {
                case = vote(&case, &bundle, person, ballot, at).unwrap_or(case);
            }
            prop_assert_eq!(case.expires, first.expires);
            let people: BTreeSet<&PersonId> = case.votes.iter().filter(|vote| vote.ballot == Ballot::Approve).map(Vote::of).collect();
            prop_assert!(case.state != CaseState::Approved || !people.is_empty());
        }
        // Of reviews alone nothing comes, and everything ends.
        prop_assert!(approval::met(&alone, &bundle).is_empty() && alone.state != CaseState::Approved);
        for case in [alone, case] {
            let over = matches!(approval::expire(&case, case.expires), Closing::Closed(_) | Closing::Already(_));
            prop_assert!(over);
        }
        // A refusal never waits, and no approval waits for a reviewer any longer than they are asked.
        let last = vote(&first, &bundle, "ann", Ballot::Deny, 0);
        prop_assert_eq!(last.map(|case| case.state), Ok(CaseState::Denied));
        let longest = profiles.iter().map(|(.., review_ms, _)| *review_ms).max().unwrap_or_default();
        if longest < first.expires.since(OPENED) {
            let held = vote(&first, &bundle, "ann", Ballot::Approve, longest);
            prop_assert!(held.is_ok(), "{:?}", held);
        }
    }
}
