//! Paths of escalation: who is asked when, and that silence grants nothing on any of them.

use std::collections::{BTreeMap, BTreeSet};

use countersign_stages::approval::{self, Opening, Step};
use countersign_stages::escalation::{end, path};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::bundle::{BundleData, Person, Profile};
use types::case::{Ballot, Case, CaseState, Vote};
use types::{ActionProposal, CaseId, Code, Digest, Millis, PersonId, ProfileId};

use crate::world::changed;

const OPENED: Millis = Millis(1_000_000);

/// `first` has a minute, then `second` two, then `third` three. Two of the group `many` answer for `second`.
fn bundle(change: &Value) -> (ActionProposal, BundleData) {
    let mut base = changed(&json!({ "bundle": { "people": {
        "one": { "groups": ["first"] }, "two": { "groups": ["many"] }, "too": { "groups": ["many"] },
        "three": { "groups": ["third"] },
    } } }));
    let mut profiles = json!({
        "first": { "group": "first", "approvals": 1, "timeout_ms": 60_000, "otherwise": "second" },
        "second": { "group": "many", "approvals": 2, "timeout_ms": 120_000, "otherwise": "third" },
        "third": { "group": "third", "approvals": 1, "timeout_ms": 180_000 },
        "alone": { "group": "third", "approvals": 1, "timeout_ms": 100_000 },
    });
    for (name, profile) in change.as_object().unwrap() {
        profiles[name] = profile.clone();
    }
    base.bundle.profiles = serde_json::from_value(profiles).unwrap();
    (base.proposal, base.bundle)
}

fn opened(proposal: &ActionProposal, bundle: &BundleData, profiles: &[&str]) -> Case {
    let profiles = profiles.iter().map(|id| id.parse().unwrap()).collect();
    let id = CaseId::draw(OPENED, [1; 10]);
    let (action_digest, bundle_digest) = (proposal.digest(), Digest([9; 32]));
    let opening = Opening { id, action_digest, bundle: bundle_digest, opened_in: 7, round: 1, now: OPENED };
    approval::open(proposal, profiles, bundle, opening)
}

fn cast(case: &Case, bundle: &BundleData, person: &str, after: i64) -> Result<Case, Code> {
    let vote = Vote {
        case: case.id,
        person: person.parse().unwrap(),
        ballot: Ballot::Approve,
        reason: "because".into(),
        shown: case.shown,
        solo: false,
        at: OPENED.plus(after),
    };
    approval::vote(case, vote, bundle, false).map(|step| step.case().clone()).map_err(|error| error.code())
}

#[test]
fn each_step_begins_when_the_one_before_has_had_its_time() {
    let (_, bundle) = bundle(&json!({}));
    let first: ProfileId = "first".parse().unwrap();
    let steps: Vec<_> = path(&bundle, &first, OPENED)
        .iter()
        .map(|s| (s.id.as_str(), s.from.since(OPENED), s.to.since(OPENED)))
        .collect();
    assert_eq!(steps, [("first", 0, 60_000), ("second", 60_000, 180_000), ("third", 180_000, 360_000)]);
    assert_eq!(end(&bundle, &first, OPENED), OPENED.plus(360_000));
    let unknown: ProfileId = "unknown".parse().unwrap();
    assert!(path(&bundle, &unknown, OPENED).is_empty());
    assert_eq!(end(&bundle, &unknown, OPENED), OPENED);
}

#[test]
fn a_path_that_comes_back_ends_before_it_does() {
    let back = json!({ "third": { "group": "third", "approvals": 1, "timeout_ms": 1, "otherwise": "second" } });
    let (_, bundle) = bundle(&back);
    assert_eq!(path(&bundle, &"first".parse().unwrap(), OPENED).len(), 3);
    let own = json!({ "alone": { "group": "third", "approvals": 1, "timeout_ms": 5, "otherwise": "alone" } });
    assert_eq!(end(&self::bundle(&own).1, &"alone".parse().unwrap(), OPENED), OPENED.plus(5));
}

#[test]
fn a_case_lives_as_long_as_the_shortest_of_its_paths() {
    let (proposal, bundle) = bundle(&json!({}));
    for (profiles, lives) in [(&["first"][..], 360_000), (&["second"], 300_000), (&["first", "alone"], 100_000)] {
        assert_eq!(opened(&proposal, &bundle, profiles).expires, OPENED.plus(lives), "{profiles:?}");
    }
}

#[test]
fn nobody_votes_before_their_step_is_asked_and_everybody_may_afterwards() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["first"]);
    let state = |person, after| cast(&case, &bundle, person, after).map(|case| case.state);
    for (person, after, expected) in [
        ("one", 0, Ok(CaseState::Approved)),
        ("one", 359_999, Ok(CaseState::Approved)),
        ("one", 360_000, Err(Code::CaseClosed)),
        ("two", 59_999, Err(Code::VoterExcluded)),
        ("two", 60_000, Ok(CaseState::Open)),
        ("three", 179_999, Err(Code::VoterExcluded)),
        ("three", 180_000, Ok(CaseState::Approved)),
    ] {
        assert_eq!(state(person, after), expected, "{person} after {after}");
    }
}

#[test]
fn approvals_of_different_steps_do_not_add_up() {
    let two_needed =
        json!({ "first": { "group": "first", "approvals": 2, "timeout_ms": 60_000, "otherwise": "second" } });
    let (proposal, bundle) = bundle(&two_needed);
    let case = opened(&proposal, &bundle, &["first"]);
    let case = cast(&case, &bundle, "one", 1).unwrap();
    let case = cast(&case, &bundle, "two", 60_000).unwrap();
    assert_eq!(case.state, CaseState::Open);
    assert_eq!(cast(&case, &bundle, "too", 60_001).unwrap().state, CaseState::Approved);
}

#[test]
fn one_refusal_on_a_later_step_closes_the_case() {
    let (proposal, bundle) = bundle(&json!({}));
    let case = opened(&proposal, &bundle, &["first"]);
    let vote = Vote {
        case: case.id,
        person: "two".parse().unwrap(),
        ballot: Ballot::Deny,
        reason: "no".into(),
        shown: case.shown,
        solo: false,
        at: OPENED.plus(60_000),
    };
    assert!(matches!(approval::vote(&case, vote, &bundle, false), Ok(Step::Denied(_))));
}

/// What is drawn: per profile its group, number of approvals, time and who comes next, and votes by person and time.
type Drawn = (Vec<(u8, u32, i64, Option<u8>)>, Vec<(u8, i64)>, BTreeSet<u8>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let profile = (0..3u8, 1..3u32, 1..50i64, proptest::option::of(0..5u8));
    let votes = prop::collection::vec((0..6u8, 0..200i64), 0..8);
    (prop::collection::vec(profile, 5), votes, prop::collection::btree_set(0..5u8, 1..3))
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, n: u8) -> T {
    format!("{prefix}{n}").parse().unwrap()
}

fn bundle_of(profiles: &[(u8, u32, i64, Option<u8>)]) -> BundleData {
    let (_, mut bundle) = bundle(&json!({}));
    let one = |(n, (group, approvals, timeout_ms, next)): (usize, &(u8, u32, i64, Option<u8>))| {
        let otherwise = next.map(|next| name("p", next));
        let profile = Profile { group: format!("g{group}"), approvals: *approvals, timeout_ms: *timeout_ms, otherwise };
        (name("p", u8::try_from(n).unwrap()), profile)
    };
    bundle.profiles = profiles.iter().enumerate().map(one).collect();
    // Person n is in the group n mod 3, and person 5 in none.
    for n in 0..6u8 {
        let groups = if n == 5 { BTreeSet::new() } else { BTreeSet::from([format!("g{}", n % 3)]) };
        bundle.people.insert(name("person", n), Person { groups, ..Person::default() });
    }
    bundle
}

/// Goes through time tick by tick and keeps who is asked by which step; knows nothing of paths.
fn granted(profiles: &[(u8, u32, i64, Option<u8>)], asked: &BTreeSet<u8>, votes: &[(u8, i64)]) -> bool {
    let mut all = true;
    let mut end = i64::MAX;
    let mut grants: BTreeMap<u8, bool> = BTreeMap::new();
    for first in asked {
        let (mut at, mut left, mut been) = (*first, profiles[*first as usize].2, BTreeSet::from([*first]));
        let mut from = BTreeMap::from([(*first, 0i64)]);
        let mut now = 0;
        let over = loop {
            if left == 0 {
                match profiles[at as usize].3 {
                    Some(next) if been.insert(next) => {
                        (at, left) = (next, profiles[next as usize].2);
                        from.insert(next, now);
                    }
                    _ => break now,
                }
            }
            now += 1;
            left -= 1;
        };
        end = end.min(over);
        let enough = |(step, since): (&u8, &i64)| {
            let (group, needed, ..) = profiles[*step as usize];
            let people: BTreeSet<u8> =
                votes.iter().filter(|(p, at)| *p != 5 && p % 3 == group && at >= since).map(|(p, _)| *p).collect();
            people.len() >= needed as usize
        };
        grants.insert(*first, from.iter().any(enough));
    }
    for granted in grants.values() {
        all &= granted;
    }
    all && votes.iter().all(|(_, at)| *at < end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn whatever_the_graph_silence_grants_nothing((profiles, mut votes, asked) in drawn()) {
        votes.sort_by_key(|(_, at)| *at);
        let bundle = bundle_of(&profiles);
        let (proposal, _) = self::bundle(&json!({}));
        let names: Vec<String> = asked.iter().map(|n| format!("p{n}")).collect();
        let mut case = opened(&proposal, &bundle, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut counted: Vec<(u8, i64)> = Vec::new();
        prop_assert_eq!(case.state, CaseState::Open);
        for (person, after) in votes {
            let who: PersonId = name("person", person);
            if let Ok(next) = cast(&case, &bundle, who.as_str(), after) {
                counted.push((person, after));
                case = next;
            }
            prop_assert_eq!(case.state == CaseState::Approved, granted(&profiles, &asked, &counted));
        }
        let late = case.expires.since(OPENED);
        prop_assert_eq!(cast(&case, &bundle, "person0", late), Err(Code::CaseClosed));
    }
}
