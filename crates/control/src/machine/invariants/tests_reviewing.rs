//! Reviews that no rule could lead to, each noticed by the name of what it breaks.

use std::collections::BTreeMap;

use replay::fold::Books;
use types::case::{Ballot, Case, CaseState, Vote};
use types::reviewing::{Advice, Review};
use types::{Broken, CaseId, Digest, Millis, Principal, cbor};

use super::reviewing::{Reviewing, people_decided};
use crate::state::kind;

const NOW: Millis = Millis(1_000);

fn vote(person: &str) -> Vote {
    Vote {
        case: CaseId::draw(Millis(1), [2; 10]),
        person: person.parse().unwrap(),
        ballot: Ballot::Approve,
        reason: "because".into(),
        shown: Digest::plain(b"shown"),
        solo: false,
        at: NOW,
        proxy: None,
        signed: None,
    }
}

fn review(reviewer: &str, advice: Advice) -> Review {
    let (case, shown) = (CaseId::draw(Millis(1), [2; 10]), Digest::plain(b"shown"));
    let (reviewer, family) = (reviewer.parse().unwrap(), "two".to_owned());
    Review { case, reviewer, family, advice, reason: "looked".into(), shown, at: NOW }
}

fn case(state: CaseState, votes: &[&str], reviews: &[&str]) -> Case {
    Case {
        id: CaseId::draw(Millis(1), [2; 10]),
        action: types::ActionId::draw(Millis(1), [3; 10]),
        action_digest: Digest::plain(b"action"),
        requester: Principal::from_subject("agent:a").unwrap(),
        on_behalf_of: None,
        tool: "s.x".parse().unwrap(),
        profiles: Default::default(),
        bundle: Digest::plain(b"bundle"),
        opened: Millis(0),
        expires: Millis(2_000),
        shown: Digest::plain(b"shown"),
        state,
        votes: votes.iter().map(|person| vote(person)).collect(),
        opened_in: 0,
        round: 1,
        reviews: reviews.iter().map(|reviewer| review(reviewer, Advice::On)).collect(),
        returned: false,
        passed: None,
    }
}

fn kept(case: &Case) -> Books {
    let live = matches!(case.state, CaseState::Open | CaseState::Approved);
    let rows = BTreeMap::from([(kind::CASE, vec![(case.id.to_string(), cbor::encode(case))])]);
    Books::load(&|kind| Ok(rows.get(kind).filter(|_| live).cloned().unwrap_or_default())).unwrap()
}

fn reviewed(before: &Case, after: &Case, (by, advice): (&str, Advice), now: Millis) -> Option<&'static str> {
    let told = Reviewing::of(&kept(before), &review(by, advice)).assert(&kept(after), std::slice::from_ref(after), now);
    told.err().map(|broken: Broken| broken.invariant.as_str())
}

#[test]
fn a_review_leaves_the_case_with_people_or_ends_it_and_is_no_vote() {
    let open = case(CaseState::Open, &["ana"], &[]);
    let on = ("b", Advice::On);
    assert_eq!(reviewed(&open, &case(CaseState::Open, &["ana"], &["b"]), on, NOW), None);
    let back = case(CaseState::Returned, &["ana"], &["b"]);
    assert_eq!(reviewed(&open, &back, ("b", Advice::Back), NOW), None);
    assert_eq!(reviewed(&open, &back, on, NOW), Some("case-moves"));
    for to in [CaseState::Approved, CaseState::Denied, CaseState::Consumed] {
        assert_eq!(reviewed(&open, &case(to, &["ana"], &["b"]), on, NOW), Some("case-moves"));
    }
    assert_eq!(reviewed(&open, &case(CaseState::Open, &["ana"], &["b"]), on, Millis(2_000)), Some("case-moves"));
    let longer = Case { expires: Millis(3_000), ..case(CaseState::Open, &["ana"], &["b"]) };
    assert_eq!(reviewed(&open, &longer, on, NOW), Some("case-moves"));
    let counted = case(CaseState::Open, &["ana", "b"], &["b"]);
    assert_eq!(reviewed(&open, &counted, on, NOW), Some("people-decide"));
    assert_eq!(reviewed(&open, &case(CaseState::Open, &["ana"], &[]), on, NOW), Some("people-decide"));
    let own = case(CaseState::Open, &["ana"], &["a"]);
    assert_eq!(reviewed(&open, &own, ("a", Advice::On), NOW), Some("people-decide"));
    let once = case(CaseState::Open, &["ana"], &["b"]);
    assert_eq!(reviewed(&once, &case(CaseState::Open, &["ana"], &["b", "b"]), on, NOW), Some("people-decide"));
    let approved = case(CaseState::Approved, &["ana"], &[]);
    assert_eq!(reviewed(&approved, &back, ("b", Advice::Back), NOW), Some("case-moves"));
}

#[test]
fn a_permit_that_needs_people_rests_on_the_vote_of_one() {
    let told =
        |case: Case| people_decided(&[case], |person| person.as_str() == "ana").err().map(|b| b.invariant.as_str());
    assert_eq!(told(case(CaseState::Consumed, &["ana"], &["b"])), None);
    assert_eq!(told(case(CaseState::Consumed, &[], &["b"])), Some("people-decide"));
    assert_eq!(told(case(CaseState::Consumed, &["b"], &["b"])), Some("people-decide"));
}
