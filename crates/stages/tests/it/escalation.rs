//! Paths of escalation: who is asked when, and that silence grants nothing on any of them.

use std::collections::{BTreeMap, BTreeSet};

use countersign_stages::approval::{self, Opening, Step};
use countersign_stages::escalation::{end, path, unattended};
use countersign_stages::matter::Matter;
use proptest::prelude::*;
use serde_json::{Value, json};
use types::bundle::{BundleData, Person, Profile};
use types::case::{Ballot, Case, CaseState, Vote};
use types::profile::PastBudget;
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
    let opening = Opening {
        id,
        action_digest,
        bundle: bundle_digest,
        opened_in: 7,
        round: 1,
        returned: false,
        passed: None,
        now: OPENED,
    };
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
        proxy: None,
        signed: None,
    };
    approval::vote(case, vote, bundle, false).map(|step| step.case().clone()).map_err(|error| error.code())
}

#[test]
fn each_step_begins_when_the_one_before_has_had_its_time() {
    let (proposal, bundle) = bundle(&json!({}));
    let matter = Matter::of_proposal(&proposal, &bundle);
    let first: ProfileId = "first".parse().unwrap();
    let steps: Vec<_> = path(matter, &first, OPENED)
        .iter()
        .map(|s| (s.id.as_str(), s.from.since(OPENED), s.to.since(OPENED)))
        .collect();
    assert_eq!(steps, [("first", 0, 60_000), ("second", 60_000, 180_000), ("third", 180_000, 360_000)]);
    assert_eq!(end(matter, &first, OPENED), OPENED.plus(360_000));
    let unknown: ProfileId = "unknown".parse().unwrap();
    assert!(path(matter, &unknown, OPENED).is_empty());
    assert_eq!(end(matter, &unknown, OPENED), OPENED);
}

#[test]
fn a_path_that_comes_back_ends_before_it_does() {
    let back = json!({ "third": { "group": "third", "approvals": 1, "timeout_ms": 1, "otherwise": "second" } });
    let (proposal, looped) = bundle(&back);
    let matter = Matter::of_proposal(&proposal, &looped);
    assert_eq!(path(matter, &"first".parse().unwrap(), OPENED).len(), 3);
    let own = json!({ "alone": { "group": "third", "approvals": 1, "timeout_ms": 5, "otherwise": "alone" } });
    let (proposal, looped) = bundle(&own);
    assert_eq!(end(Matter::of_proposal(&proposal, &looped), &"alone".parse().unwrap(), OPENED), OPENED.plus(5));
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
        proxy: None,
        signed: None,
    };
    assert!(matches!(approval::vote(&case, vote, &bundle, false), Ok(Step::Denied(_))));
}

/// `duty` asks whoever is on call for a quarter of an hour: `one` and `two` take turns of an hour in `hourly`, from ten minutes
/// before the case is opened on. Then it asks nobody else.
fn on_call(change: &Value) -> (ActionProposal, BundleData) {
    let duty = json!({ "duty": { "on_call": "hourly", "approvals": 1, "timeout_ms": 900_000 } });
    let (proposal, mut bundle) = bundle(&duty);
    // The case is opened at 1970-01-01T00:16:40Z.
    let mut hourly = json!({ "zone": "UTC", "people": ["one", "two"], "start": "1970-01-01T00:06", "turn": "1h" });
    for (name, value) in change.as_object().unwrap() {
        hourly[name] = value.clone();
    }
    bundle.schedules.insert("hourly".parse().unwrap(), serde_json::from_value(hourly).unwrap());
    (proposal, bundle)
}

fn profiles_of(bundle: &mut BundleData, change: &Value) {
    for (name, profile) in change.as_object().unwrap() {
        bundle.profiles.insert(name.parse().unwrap(), serde_json::from_value(profile.clone()).unwrap());
    }
}

#[test]
fn whoever_is_on_call_at_the_moment_of_the_vote_has_it() {
    let (proposal, mut bundle) = on_call(&json!({}));
    profiles_of(&mut bundle, &json!({ "duty": { "on_call": "hourly", "approvals": 1, "timeout_ms": 7_200_000 } }));
    let case = opened(&proposal, &bundle, &["duty"]);
    let handover = Millis(66 * 60_000).since(OPENED);
    for (person, after, expected) in [
        ("one", 0, Ok(CaseState::Approved)),
        ("two", 0, Err(Code::VoterExcluded)),
        ("one", handover - 1, Ok(CaseState::Approved)),
        ("one", handover, Err(Code::VoterExcluded)),
        ("two", handover, Ok(CaseState::Approved)),
        ("three", handover, Err(Code::VoterExcluded)),
        ("two", 7_200_000, Err(Code::CaseClosed)),
    ] {
        assert_eq!(cast(&case, &bundle, person, after).map(|case| case.state), expected, "{person} after {after}");
    }
    // What was approved stays so after the handover.
    let approved = cast(&case, &bundle, "one", 0).unwrap();
    assert_eq!(approval::met(&approved, &bundle), approved.profiles);
}

#[test]
fn beside_a_group_the_person_on_call_must_be_in_it() {
    let (proposal, mut bundle) = on_call(&json!({}));
    let both = json!({ "duty": { "on_call": "hourly", "group": "many", "approvals": 1, "timeout_ms": 7_200_000 } });
    profiles_of(&mut bundle, &both);
    let case = opened(&proposal, &bundle, &["duty"]);
    let handover = Millis(66 * 60_000).since(OPENED);
    for (person, after, expected) in [
        ("one", 0, Err(Code::VoterExcluded)),
        ("too", 0, Err(Code::VoterExcluded)),
        ("too", handover, Err(Code::VoterExcluded)),
        ("two", handover, Ok(CaseState::Approved)),
    ] {
        assert_eq!(cast(&case, &bundle, person, after).map(|case| case.state), expected, "{person} after {after}");
    }
}

#[test]
fn a_step_that_nobody_attends_to_takes_no_time() {
    let duty = json!({
        "duty": { "on_call": "hourly", "approvals": 1, "timeout_ms": 900_000, "otherwise": "alone" },
        "last": { "on_call": "hourly", "approvals": 1, "timeout_ms": 900_000 },
    });
    for (change, lives, without) in [
        (json!({}), 1_000_000, &[][..]),
        (json!({ "from": "03:00", "to": "04:00" }), 100_000, &["last"]),
        (json!({ "start": "1970-01-01T00:31" }), 1_000_000, &[]),
        (json!({ "start": "1970-01-01T00:32" }), 100_000, &["last"]),
        (json!({ "zone": "Nowhere/Here" }), 100_000, &["last"]),
    ] {
        let (proposal, mut bundle) = on_call(&change);
        profiles_of(&mut bundle, &duty);
        bundle.profiles.remove(&"first".parse::<ProfileId>().unwrap());
        assert_eq!(opened(&proposal, &bundle, &["duty"]).expires.since(OPENED), lives, "{change}");
        let names: Vec<&str> = unattended(&bundle, &proposal, OPENED).into_iter().map(ProfileId::as_str).collect();
        assert_eq!(names, without, "{change}");
        // Whoever comes on call while the case is open may still vote.
        let case = opened(&proposal, &bundle, &["duty"]);
        let alone = cast(&case, &bundle, "three", 99_999).map(|case| case.state);
        assert_eq!(
            alone,
            if lives == 100_000 { Ok(CaseState::Approved) } else { Err(Code::VoterExcluded) },
            "{change}"
        );
    }
}

#[test]
fn who_has_a_part_in_it_attends_to_nothing_though_on_call() {
    let (proposal, bundle) = on_call(&json!({}));
    let unattended_by = |bundle: &BundleData| unattended(bundle, &proposal, OPENED).len();
    assert_eq!(unattended_by(&bundle), 0);
    let mut by_author = bundle.clone();
    by_author.head.authors.insert("one".parse().unwrap());
    assert_eq!(unattended_by(&by_author), 1, "an author does not vote");
    let owned = |solo| {
        let mut bundle = bundle.clone();
        bundle.head.solo = solo;
        bundle.agents.values_mut().for_each(|agent| agent.owner = "one".parse().unwrap());
        bundle
    };
    assert_eq!(
        (unattended_by(&owned(false)), unattended_by(&owned(true))),
        (1, 0),
        "an owner only where `solo` lets them"
    );
    let mut stranger = bundle.clone();
    stranger.people.remove(&"one".parse::<PersonId>().unwrap());
    assert_eq!(unattended_by(&stranger), 1, "nobody votes whom the bundle does not know");
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
        let group = Some(format!("g{group}"));
        let (approvals, timeout_ms) = (*approvals, *timeout_ms);
        let (review_by, review_ms, review_first) = (BTreeSet::new(), 0, false);
        let profile = Profile {
            group,
            on_call: None,
            approvals,
            timeout_ms,
            otherwise,
            signed: false,
            decisions_per_hour: None,
            review_by,
            review_ms,
            review_first,
            past_budget: PastBudget::Queue,
        };
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
