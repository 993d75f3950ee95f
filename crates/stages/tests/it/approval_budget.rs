//! Budgets of approvals, against a model that counts minute by minute and remembers everything.

use std::collections::{BTreeMap, BTreeSet};

use countersign_stages::approval::{self, Opening};
use countersign_stages::approval_budget::{WINDOW_MS, facts, passed, room_from};
use countersign_stages::escalation::path;
use countersign_stages::matter::Matter;
use proptest::prelude::*;
use serde_json::json;
use types::bundle::{Person, Profile};
use types::case::{Ballot, Case, Vote};
use types::profile::PastBudget;
use types::{ActionProposal, CaseId, Digest, Facts, Millis, PersonId, ProfileId};

use crate::world::changed;

/// Says whether there is room by looking at every vote there ever was.
fn has_room(budget: u32, now: i64, votes: &[i64]) -> bool {
    let within = votes.iter().filter(|at| now - **at < WINDOW_MS).count();
    within < usize::try_from(budget).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn there_is_room_exactly_when_fewer_votes_lie_within_the_hour(
        budget in 1_u32..6,
        gaps in prop::collection::vec(0_i64..2_000_000, 0..20),
        later in 0_i64..4_000_000,
    ) {
        let mut at = 0;
        let votes: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
        let now = at + later;
        let recent = || votes.iter().map(|at| Millis(*at));
        match room_from(budget, Millis(now), recent()) {
            None => prop_assert!(has_room(budget, now, &votes)),
            Some(from) => {
                prop_assert!(from > Millis(now));
                prop_assert!(!has_room(budget, now, &votes));
                // The instant it names is the first at which there is room.
                prop_assert!(!has_room(budget, from.0 - 1, &votes));
                prop_assert!(has_room(budget, from.0, &votes));
            }
        }
    }
}

#[test]
fn a_budget_of_nothing_is_one_of_one() {
    assert_eq!(room_from(0, Millis(5), std::iter::empty()), None);
    assert_eq!(room_from(0, Millis(5), [Millis(4)].into_iter()), Some(Millis(4 + WINDOW_MS)));
}

/// Is what is drawn of a profile: its group, how many must approve, its budget, what is past it, and who comes next.
type Drawn = (u8, u32, Option<u32>, u8, Option<u8>);

const PAST: [PastBudget; 3] = [PastBudget::Queue, PastBudget::Next, PastBudget::Deny];

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, n: usize) -> T {
    format!("{prefix}{n}").parse().unwrap()
}

/// Makes a bundle of the profiles, in which person `n` is in the group `n` mod 3, and the owner of the agent in all of them.
fn drawn(profiles: &[Drawn]) -> (ActionProposal, types::bundle::BundleData) {
    let base = changed(&json!({}));
    let (proposal, mut bundle) = (base.proposal, base.bundle);
    let one = |(n, (group, approvals, budget, past, next)): (usize, &Drawn)| {
        let profile = Profile {
            group: Some(format!("g{group}")),
            on_call: None,
            approvals: *approvals,
            timeout_ms: 60_000,
            otherwise: next.map(|next| name("p", usize::from(next))),
            signed: false,
            decisions_per_hour: *budget,
            past_budget: PAST[usize::from(*past)],
            review_by: BTreeSet::new(),
            review_ms: 0,
            review_first: false,
        };
        (name("p", n), profile)
    };
    bundle.profiles = profiles.iter().enumerate().map(one).collect();
    let owner = bundle.agents[proposal.principal.agent().unwrap()].owner.clone();
    bundle.people = (0..6)
        .map(|n| (name("person", n), Person { groups: [format!("g{}", n % 3)].into(), ..Person::default() }))
        .collect();
    bundle.people.insert(owner, Person { groups: ["g0", "g1", "g2"].map(str::to_owned).into(), ..Person::default() });
    (proposal, bundle)
}

/// Says by looking at everybody whether fewer have room than a profile needs.
fn is_spent((group, approvals, budget, ..): &Drawn, votes: &BTreeMap<usize, Vec<i64>>, now: i64) -> bool {
    let Some(budget) = budget else { return false };
    let free = (0..6).filter(|n| {
        n % 3 == usize::from(*group) && has_room(*budget, now, votes.get(n).map_or(&[][..], Vec::as_slice))
    });
    // Two people are in each group; three approvals they could never give.
    *approvals <= 2 && free.count() < *approvals as usize
}

/// Follows a path by hand: the profile that is asked first, and those before it; `None` if there is none.
fn first_asked(
    profiles: &[Drawn],
    votes: &BTreeMap<usize, Vec<i64>>,
    now: i64,
    first: usize,
) -> Option<(usize, Vec<usize>)> {
    let (mut at, mut before) = (first, Vec::new());
    loop {
        let profile = &profiles[at];
        match (is_spent(profile, votes, now), PAST[usize::from(profile.3)]) {
            (false, _) | (true, PastBudget::Queue) => return Some((at, before)),
            (true, PastBudget::Deny) => return None,
            (true, PastBudget::Next) => before.push(at),
        }
        at = usize::from(profile.4?);
        if before.contains(&at) {
            return None;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Whoever is asked first has room, or is one for whom a case waits; those before them take no time, and may refuse.
    #[test]
    fn a_case_goes_to_the_first_who_have_room_and_nobody_loses_their_refusal(
        profiles in prop::collection::vec((0..3u8, 1..4u32, prop::option::of(1..3u32), 0..3u8, prop::option::of(0..4u8)), 4),
        cast in prop::collection::vec((0..6usize, 0..4_000_000i64), 0..14),
        first in 0..4usize,
    ) {
        let now = 4_000_000;
        let mut votes: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        cast.iter().for_each(|(who, at)| votes.entry(*who).or_default().push(*at));
        votes.values_mut().for_each(|all| all.sort_unstable());
        let (proposal, bundle) = drawn(&profiles);
        let recent = |person: &PersonId| {
            let of = (0..6).find(|n| *person == name::<PersonId>("person", *n)).and_then(|n| votes.get(&n));
            of.into_iter().flatten().map(|at| Millis(*at)).collect()
        };
        let found = facts(&bundle, &proposal, Millis(now), &recent);
        let moves = profiles.iter().any(|profile| profile.2.is_some() && PAST[usize::from(profile.3)] != PastBudget::Queue);
        prop_assert_eq!(found.iter().count(), if moves { 2 } else { 0 });
        let expected = if moves { first_asked(&profiles, &votes, now, first) } else { Some((first, Vec::new())) };
        let shut = found.list("approval.spent").unwrap_or_default().contains(&format!("p{first}"));
        prop_assert_eq!(shut, expected.is_none());
        let Some((asked, before)) = expected else { return Ok(()) };
        let (case, id) = (opened(&proposal, &bundle, first, now, &found), name("p", first));
        let steps = path(Matter::of_case(&case, &bundle), &id, case.opened);
        let at_once: Vec<String> = steps.iter().filter(|step| step.from == case.opened).map(|step| step.id.to_string()).collect();
        let mut whole: Vec<String> = before.iter().chain([&asked]).map(|n| format!("p{n}")).collect();
        whole.dedup();
        prop_assert_eq!(at_once, whole);
        prop_assert!(steps.iter().take(before.len()).all(|step| step.to == step.from));
        // One person of each step that was passed over refuses at once, whatever they have decided before.
        for passed in &before {
            let person: PersonId = name("person", usize::from(profiles[*passed].0));
            let refusal = Vote {
                case: case.id, person, ballot: Ballot::Deny, reason: "no".into(), shown: case.shown, solo: false,
                at: case.opened, proxy: None, signed: None,
            };
            prop_assert!(approval::vote(&case, refusal, &bundle, false).is_ok());
        }
    }
}

fn opened(
    proposal: &ActionProposal,
    bundle: &types::bundle::BundleData,
    first: usize,
    now: i64,
    facts: &Facts,
) -> Case {
    let opening = Opening {
        id: CaseId::draw(Millis(now), [1; 10]),
        action_digest: proposal.digest(),
        bundle: Digest([9; 32]),
        opened_in: 7,
        round: 1,
        returned: false,
        passed: passed(facts),
        now: Millis(now),
    };
    let profiles: BTreeSet<ProfileId> = [name("p", first)].into();
    approval::open(proposal, profiles, bundle, opening)
}

/// Only what would be asked as the case is opened is passed over: an hour later there may be room.
#[test]
fn what_is_asked_later_is_not_passed_over() {
    let profiles = [(0, 1, None, 0, Some(1)), (1, 1, Some(1), 1, Some(2)), (2, 1, None, 0, None)];
    let (proposal, bundle) = drawn(&profiles);
    let busy = |_: &PersonId| vec![Millis(5)];
    let found = facts(&bundle, &proposal, Millis(6), &busy);
    assert_eq!(found.list("approval.passed").unwrap(), ["p1"]);
    let times = |first: usize| {
        let (case, id) = (opened(&proposal, &bundle, first, 6, &found), name("p", first));
        let steps = path(Matter::of_case(&case, &bundle), &id, case.opened);
        steps.iter().map(|step| step.to.since(step.from)).collect::<Vec<_>>()
    };
    assert_eq!((times(0), times(1)), (vec![60_000, 60_000, 60_000], vec![0, 60_000]));
}
