//! Cases: who may vote, what a vote leads to, and how a ticket is used.

use std::collections::BTreeSet;

use countersign_stages::approval::{self, Closing, Opening, Step, TicketError, VoteError};
use serde_json::{Value, json};
use types::bundle::BundleData;
use types::case::{Ballot, Case, CaseState, SignedBallot, Vote};
use types::delegation::Delegation;
use types::{CaseId, Code, Digest, Millis, PasskeyId, ProfileId};

use crate::world::changed;

const OPENED: Millis = Millis(1_000_000);
const BUNDLE: Digest = Digest([9; 32]);

/// In the base bundle `sre` needs one of ana (owner), bob, cyd, eve (author); `lead` two of the group `dba`: cyd and dee.
struct Scene {
    case: Case,
    bundle: BundleData,
}

fn scene_of(change: &Value, profiles: &[&str]) -> Scene {
    let mut all = json!({ "bundle": { "people": { "dee": { "groups": ["dba"] }, "flo": { "groups": ["mail"] } } } });
    merge(&mut all, change);
    let base = changed(&all);
    let profiles: BTreeSet<ProfileId> = profiles.iter().map(|id| id.parse().unwrap()).collect();
    let (id, action_digest) = (CaseId::draw(OPENED, [1; 10]), base.proposal.digest());
    let opening = Opening {
        id,
        action_digest,
        bundle: BUNDLE,
        opened_in: 7,
        round: 1,
        returned: false,
        passed: None,
        now: OPENED,
    };
    Scene { case: approval::open(&base.proposal, profiles, &base.bundle, opening), bundle: base.bundle }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn scene(profiles: &[&str]) -> Scene {
    scene_of(&json!({}), profiles)
}

fn solo() -> Value {
    json!({ "bundle": { "head": { "solo": true } } })
}

impl Scene {
    fn ballot(&self, person: &str, ballot: Ballot) -> Vote {
        Vote {
            case: self.case.id,
            person: person.parse().unwrap(),
            ballot,
            reason: "because".to_owned(),
            shown: self.case.shown,
            solo: true,
            at: OPENED.plus(5),
            proxy: None,
            signed: None,
        }
    }

    fn vote(&mut self, person: &str, ballot: Ballot) -> Result<Step, VoteError> {
        let step = approval::vote(&self.case, self.ballot(person, ballot), &self.bundle, false)?;
        self.case = step.case().clone();
        Ok(step)
    }

    fn approve(&mut self, person: &str) -> Result<CaseState, Code> {
        self.vote(person, Ballot::Approve).map(|step| step.case().state).map_err(|error| error.code())
    }

    fn met(&self) -> Vec<String> {
        approval::met(&self.case, &self.bundle).iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_case_binds_the_exact_action_and_expires_with_its_first_profile() {
    let Scene { case, .. } = scene(&["sre", "lead"]);
    let base = changed(&json!({}));
    assert_eq!((case.action, case.action_digest), (base.proposal.id, base.proposal.digest()));
    assert_eq!((case.opened, case.expires), (OPENED, OPENED.plus(600_000)));
    assert_eq!((case.state, case.round, case.opened_in), (CaseState::Open, 1, 7));
    assert_eq!(case.shown, Case::shown_digest(&case.action_digest, &case.profiles, &BUNDLE, case.expires));
    assert_eq!(scene(&["nobody", "sre"]).case.expires, OPENED, "a profile nobody has gives no time");
}

#[test]
fn who_may_vote_and_who_may_not() {
    for (person, expected) in [
        ("bob", Ok(CaseState::Approved)),
        ("cyd", Ok(CaseState::Approved)),
        ("ana", Err(Code::VoterExcluded)),
        ("eve", Err(Code::VoterExcluded)),
        ("flo", Err(Code::VoterExcluded)),
        ("stranger", Err(Code::VoterExcluded)),
    ] {
        assert_eq!(scene(&["sre"]).approve(person), expected, "{person}");
    }
}

#[test]
fn whoever_it_is_done_for_or_proposes_it_does_not_vote() {
    let mut delegated = scene_of(&json!({ "proposal": { "on_behalf_of": "bob" } }), &["sre"]);
    assert_eq!(delegated.vote("bob", Ballot::Deny), Err(VoteError::HasPart("bob".parse().unwrap())));
    let mut own = scene_of(&json!({ "proposal": { "principal": { "agent": null, "person": "bob" } } }), &["sre"]);
    assert_eq!(own.approve("bob"), Err(Code::VoterExcluded));
    assert_eq!(own.approve("ana"), Ok(CaseState::Approved), "the owner of an agent has no part in a person's request");
}

#[test]
fn several_people_and_several_profiles() {
    let mut scene = scene(&["sre", "lead"]);
    assert_eq!(scene.approve("bob"), Ok(CaseState::Open));
    assert_eq!(scene.met(), ["sre"]);
    assert_eq!(scene.approve("bob"), Err(Code::VoteRepeated));
    assert_eq!(scene.approve("cyd"), Ok(CaseState::Open));
    assert_eq!(scene.approve("dee"), Ok(CaseState::Approved));
    assert_eq!(scene.met(), ["lead", "sre"]);
}

#[test]
fn one_vote_counts_for_every_group_the_person_is_in() {
    let mut scene = scene(&["sre", "lead"]);
    assert_eq!(scene.approve("cyd"), Ok(CaseState::Open));
    assert_eq!(scene.met(), ["sre"]);
    assert_eq!(scene.approve("bob"), Err(Code::VoterExcluded), "his group has decided");
    assert_eq!(scene.approve("dee"), Ok(CaseState::Approved));
}

#[test]
fn one_refusal_is_enough() {
    let mut scene = scene(&["sre", "lead"]);
    assert_eq!(scene.approve("cyd"), Ok(CaseState::Open));
    assert!(matches!(scene.vote("dee", Ballot::Deny), Ok(Step::Denied(_))));
    assert_eq!(scene.case.state, CaseState::Denied);
    assert_eq!(scene.approve("bob"), Err(Code::CaseClosed));
}

#[test]
fn a_vote_counts_only_for_what_was_shown_and_in_time() {
    let scene = scene(&["sre"]);
    let vote = scene.ballot("bob", Ballot::Approve);
    let count = |vote: Vote| approval::vote(&scene.case, vote, &scene.bundle, false).map_err(|error| error.code());
    assert_eq!(count(Vote { shown: Digest([0; 32]), ..vote.clone() }), Err(Code::ShownMismatch));
    assert_eq!(count(Vote { case: CaseId::draw(OPENED, [2; 10]), ..vote.clone() }), Err(Code::ShownMismatch));
    assert_eq!(count(Vote { at: scene.case.expires, ..vote.clone() }), Err(Code::CaseClosed));
    assert!(count(Vote { at: Millis(scene.case.expires.0 - 1), ..vote }).is_ok());
}

#[test]
fn a_profile_that_says_so_counts_signed_votes_alone() {
    let signed = json!({ "bundle": { "profiles": { "sre": { "signed": true } } } });
    let mut scene = scene_of(&signed, &["sre"]);
    let plain = scene.ballot("bob", Ballot::Approve);
    for ballot in [Ballot::Approve, Ballot::Deny] {
        assert_eq!(scene.vote("bob", ballot), Err(VoteError::Unsigned(scene.case.id)), "{ballot:?}");
    }
    let bytes = SignedBallot {
        passkey: PasskeyId::draw(OPENED, [4; 10]),
        ballot: Vec::new(),
        client_data: Vec::new(),
        authenticator_data: Vec::new(),
        signature: Vec::new(),
    };
    scene.case.votes.push(plain.clone());
    assert_eq!(scene.met(), [""; 0], "a vote that got in unsigned meets nothing");
    scene.case.votes.clear();
    let step = approval::vote(&scene.case, Vote { signed: Some(bytes), ..plain }, &scene.bundle, false).unwrap();
    assert!(matches!(step, Step::Approved(_)));
}

#[test]
fn no_vote_changes_a_closed_case() {
    let scene = scene(&["sre"]);
    for state in [
        CaseState::Approved,
        CaseState::Denied,
        CaseState::Expired,
        CaseState::Void,
        CaseState::Consumed,
        CaseState::Withdrawn,
        CaseState::Returned,
    ] {
        let case = Case { state, ..scene.case.clone() };
        let refused = approval::vote(&case, scene.ballot("bob", Ballot::Approve), &scene.bundle, false);
        assert_eq!(refused, Err(VoteError::Closed { case: case.id, state }));
    }
}

#[test]
fn without_solo_a_vote_never_says_solo() {
    let mut scene = scene(&["sre"]);
    scene.approve("bob").unwrap();
    assert!(!scene.case.votes[0].solo, "the caller's mark is not believed");
}

#[test]
fn with_solo_the_owner_decides_after_confirming() {
    let scene = scene_of(&solo(), &["sre"]);
    let ana = scene.ballot("ana", Ballot::Approve);
    let refused = approval::vote(&scene.case, ana.clone(), &scene.bundle, false);
    assert_eq!(refused.map_err(|error| error.code()), Err(Code::SoloUnconfirmed));
    let Ok(Step::Approved(case)) = approval::vote(&scene.case, ana, &scene.bundle, true) else {
        panic!("not approved")
    };
    assert!(case.votes[0].solo);
    assert_eq!(approval::met(&case, &scene.bundle).len(), 1);
    let refusal = approval::vote(&scene.case, scene.ballot("ana", Ballot::Deny), &scene.bundle, false);
    assert!(matches!(refusal, Ok(Step::Denied(_))), "a refusal needs no second look");
}

#[test]
fn solo_lets_nobody_but_the_owner() {
    let mut change = solo();
    merge(&mut change, &json!({ "proposal": { "on_behalf_of": "bob" } }));
    let mut scene = scene_of(&change, &["sre"]);
    assert_eq!(scene.approve("bob"), Err(Code::VoterExcluded), "the delegator");
    assert_eq!(scene.approve("eve"), Err(Code::VoterExcluded), "the author");
    assert_eq!(scene.approve("cyd"), Ok(CaseState::Approved));
    assert!(!scene.case.votes[0].solo, "she has no part in it");
}

#[test]
fn solo_lets_a_person_decide_their_own_request() {
    let mut change = solo();
    merge(&mut change, &json!({ "proposal": { "principal": { "agent": null, "person": "eve" } } }));
    let scene = scene_of(&change, &["sre"]);
    let step = approval::vote(&scene.case, scene.ballot("eve", Ballot::Approve), &scene.bundle, true);
    assert!(matches!(step, Ok(Step::Approved(_))));
}

#[test]
fn a_vote_goes_with_the_group_it_was_cast_in() {
    let mut scene = scene(&["sre"]);
    scene.approve("bob").unwrap();
    scene.bundle.people.get_mut(&"bob".parse().unwrap()).unwrap().groups.clear();
    assert!(scene.met().is_empty());
    let mut solo = scene_of(&solo(), &["sre"]);
    let vote = solo.ballot("ana", Ballot::Approve);
    solo.case = approval::vote(&solo.case, vote, &solo.bundle, true).unwrap().case().clone();
    solo.bundle.head.solo = false;
    assert!(solo.met().is_empty(), "a bundle that takes solo back takes its votes back");
}

#[test]
fn a_profile_asks_for_at_least_one_person() {
    let change = json!({ "bundle": { "profiles": { "sre": { "approvals": 0 } } } });
    assert!(scene_of(&change, &["sre"]).met().is_empty());
}

#[test]
fn a_ticket_is_used_once_for_its_action_under_its_bundle_in_its_time() {
    let mut scene = scene(&["sre"]);
    scene.approve("bob").unwrap();
    let case = scene.case;
    let (action, now) = (case.action_digest, OPENED.plus(10));
    let used = approval::consume(&case, &action, &BUNDLE, now).unwrap();
    assert_eq!(used.state, CaseState::Consumed);
    assert_eq!(approval::consume(&used, &action, &BUNDLE, now), Err(TicketError::Consumed));
    assert_eq!(approval::consume(&case, &Digest([0; 32]), &BUNDLE, now), Err(TicketError::Void));
    assert_eq!(approval::consume(&case, &action, &Digest([0; 32]), now), Err(TicketError::Void));
    assert_eq!(approval::consume(&case, &action, &BUNDLE, case.expires), Err(TicketError::Expired));
    assert!(approval::consume(&case, &action, &BUNDLE, Millis(case.expires.0 - 1)).is_ok());
}

#[test]
fn every_state_answers_every_event() {
    let case = scene(&["sre"]).case;
    let now = OPENED.plus(10);
    for (state, ticket, closes) in [
        (CaseState::Open, Err((TicketError::Open, Code::ApprovalPending)), true),
        (CaseState::Approved, Ok(CaseState::Consumed), true),
        (CaseState::Denied, Err((TicketError::Denied, Code::ApprovalDenied)), false),
        (CaseState::Expired, Err((TicketError::Expired, Code::ApprovalExpired)), false),
        (CaseState::Void, Err((TicketError::Void, Code::ApprovalVoid)), false),
        (CaseState::Consumed, Err((TicketError::Consumed, Code::StateConflict)), false),
        (CaseState::Withdrawn, Err((TicketError::Withdrawn, Code::ApprovalVoid)), false),
        (CaseState::Returned, Err((TicketError::Returned, Code::ReviewReturned)), false),
    ] {
        let case = Case { state, ..case.clone() };
        let used = approval::consume(&case, &case.action_digest, &BUNDLE, now);
        assert_eq!(used.map(|case| case.state).map_err(|error| (error, error.code())), ticket);
        let closed = |to: CaseState| {
            if closes { Closing::Closed(Case { state: to, ..case.clone() }) } else { Closing::Already(state) }
        };
        assert_eq!(approval::void(&case), closed(CaseState::Void));
        assert_eq!(approval::withdraw(&case), closed(CaseState::Withdrawn));
        assert_eq!(approval::expire(&case, case.expires), closed(CaseState::Expired));
        let early = if closes { Closing::NotYet } else { Closing::Already(state) };
        assert_eq!(approval::expire(&case, Millis(case.expires.0 - 1)), early);
    }
}

fn given(from: &str, to: &str, group: Option<&str>) -> Delegation {
    Delegation {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        group: group.map(str::to_owned),
        reason: "away".to_owned(),
        at: OPENED,
        expires: OPENED.plus(1_000),
    }
}

impl Scene {
    fn stand_in(&mut self, person: &str, at: i64, delegations: &[Delegation]) -> Result<CaseState, Code> {
        let vote = Vote { at: OPENED.plus(at), ..self.ballot(person, Ballot::Approve) };
        let step = approval::vote_or_stand_in(&self.case, vote, &self.bundle, false, delegations.iter());
        let step = step.map_err(|error| error.code())?;
        self.case = step.case().clone();
        assert!(approval::is_backed(self.case.votes.last().unwrap(), delegations.iter()));
        assert_eq!(
            self.case.votes.last().unwrap().proxy.is_some(),
            !approval::is_backed(self.case.votes.last().unwrap(), [].iter())
        );
        Ok(self.case.state)
    }
}

#[test]
fn a_delegate_votes_while_it_holds_for_whoever_is_asked_and_has_no_part() {
    let excluded = Err(Code::VoterExcluded);
    for (person, at, delegation, expected) in [
        ("flo", 0, given("cyd", "flo", None), Ok(CaseState::Approved)),
        ("flo", 999, given("cyd", "flo", None), Ok(CaseState::Approved)),
        ("flo", 1_000, given("cyd", "flo", None), excluded),
        ("flo", -1, given("cyd", "flo", None), excluded),
        ("flo", 0, given("cyd", "flo", Some("sre")), Ok(CaseState::Approved)),
        ("flo", 0, given("cyd", "flo", Some("dba")), excluded),
        ("flo", 0, given("cyd", "bob", None), excluded),
        ("flo", 0, given("dee", "flo", None), excluded),
        ("flo", 0, given("ana", "flo", None), excluded),
        ("flo", 0, given("eve", "flo", None), excluded),
        ("ana", 0, given("cyd", "ana", None), excluded),
        ("eve", 0, given("cyd", "eve", None), excluded),
        ("zoe", 0, given("cyd", "zoe", None), excluded),
    ] {
        assert_eq!(
            scene(&["sre"]).stand_in(person, at, std::slice::from_ref(&delegation)),
            expected,
            "{delegation:?} at {at}"
        );
    }
    // An auditor votes for nobody.
    let mut audited =
        scene_of(&json!({ "bundle": { "people": { "kim": { "groups": [], "role": "auditor" } } } }), &["sre"]);
    assert_eq!(audited.stand_in("kim", 0, &[given("cyd", "kim", None)]), excluded);
    // Whoever counts a recorded vote again looks at who has cast it, and not only at whose it is.
    for person in ["ana", "eve"] {
        let scene = scene(&["sre"]);
        let proxy = Some(given("cyd", person, None).proxy());
        let cast = Vote { proxy, solo: false, ..scene.ballot(person, Ballot::Approve) };
        let refused = approval::vote(&scene.case, cast, &scene.bundle, false).unwrap_err();
        assert_eq!(refused.code(), Code::VoterExcluded, "{person}");
    }
    // What `solo` lets an owner do they do themself.
    let mut solo = scene_of(&solo(), &["sre"]);
    assert_eq!(solo.stand_in("flo", 0, &[given("ana", "flo", None)]), excluded);
    assert_eq!(solo.stand_in("ana", 0, &[given("cyd", "ana", None)]), Err(Code::SoloUnconfirmed));
}

#[test]
fn one_person_gives_one_vote_whoever_casts_it() {
    let delegations = [given("cyd", "flo", None), given("cyd", "bob", None), given("dee", "cyd", None)];
    let lead = || scene_of(&json!({ "bundle": { "people": { "gil": { "groups": ["dba"] } } } }), &["lead"]);
    // `lead` asks two of `dba`, in which `cyd` and `dee` are.
    let mut twice = lead();
    assert_eq!(twice.stand_in("flo", 0, &delegations), Ok(CaseState::Open));
    for person in ["flo", "bob", "cyd"] {
        let refused = twice.stand_in(person, 1, &delegations);
        assert!(matches!(refused, Err(Code::VoteRepeated | Code::VoterExcluded)), "{person}: {refused:?}");
    }
    assert_eq!(twice.stand_in("dee", 1, &delegations), Ok(CaseState::Approved));
    // Two have given theirs to the same person, who counts once.
    let mut both = lead();
    let to_flo = [given("cyd", "flo", None), given("dee", "flo", None)];
    assert_eq!(both.stand_in("flo", 0, &to_flo), Ok(CaseState::Open));
    assert_eq!(both.stand_in("flo", 1, &to_flo), Err(Code::VoteRepeated));
    // Own right goes first, and who has used it stands in for nobody.
    let mut own = lead();
    assert_eq!(own.stand_in("cyd", 0, &delegations), Ok(CaseState::Open));
    assert_eq!(own.case.votes[0].proxy, None);
    assert_eq!(own.stand_in("cyd", 1, &delegations), Err(Code::VoteRepeated));
    assert_eq!(own.stand_in("flo", 1, &delegations), Err(Code::VoterExcluded), "for one who has voted");
    // It is not handed on: `cyd` may vote for `dee`, and `flo` for `cyd` alone.
    let mut on = lead();
    assert_eq!(
        on.stand_in("flo", 0, &[given("bob", "flo", None), given("cyd", "bob", None)]),
        Err(Code::VoterExcluded)
    );
}
