//! Approval budgets: how many decisions a person may make in an hour before their approvals wait.
//!
//! A person who is asked too often stops looking. A profile with a budget counts no more approvals of somebody who has decided so
//! often within the last hour; the case waits, or another person answers, and in the end silence is refusal. A refusal never waits.
//! Where a profile says so, a new case does not wait for people without room: the next on its path are asked, or the action is denied.

use std::collections::BTreeSet;

use types::bundle::{BundleData, Profile};
use types::case::{Ballot, Case, Vote};
use types::profile::PastBudget;
use types::{ActionProposal, FactName, FactValue, Facts, Millis, PersonId, ProfileId};

use crate::approval::{VoteError, admitted};
use crate::escalation;
use crate::matter::{Matter, Part};

/// Is the source of the facts about it.
pub const SOURCE: &str = "recent_votes";

/// Is the time within which a person's decisions count against their budget, in milliseconds: one hour, which slides.
pub const WINDOW_MS: i64 = 3_600_000;

/// Refuses an approval by somebody whose budget is spent.
///
/// - `case`: as it stands before the vote, which MUST count on it otherwise.
/// - `recent`: when the person has cast votes, for and against, on any case, in order of time.
///
/// # Errors
///
/// [`VoteError::Spent`] if the vote is an approval and, of the budgets of the profiles that ask for it, the smallest is spent at
/// its instant. No others.
pub fn admit(
    case: &Case,
    vote: &Vote,
    bundle: &BundleData,
    recent: impl Iterator<Item = Millis>,
) -> Result<(), VoteError> {
    let until = match vote.ballot {
        Ballot::Approve => {
            admitted(case, vote, bundle).ok().and_then(|admission| room_from(admission.budget?, vote.at, recent))
        }
        Ballot::Deny => None,
    };
    until.map_or(Ok(()), |until| Err(VoteError::Spent { person: vote.person.clone(), until }))
}

/// Returns the instant from which there is room for one more decision; `None` if there is now.
///
/// - `budget`: how many decisions there is room for in [`WINDOW_MS`]; 0 counts as 1.
/// - `recent`: when the person has voted, in order of time.
pub fn room_from(budget: u32, now: Millis, recent: impl Iterator<Item = Millis>) -> Option<Millis> {
    let within: Vec<Millis> = recent.filter(|at| at.plus(WINDOW_MS) > now).collect();
    let over = within.len().checked_sub(usize::try_from(budget.max(1)).unwrap_or(usize::MAX))?;
    within.get(over).map(|oldest| oldest.plus(WINDOW_MS))
}

/// Says whether some profile of a bundle does not wait for people without room.
pub fn moves_on(bundle: &BundleData) -> bool {
    bundle
        .profiles
        .values()
        .any(|profile| profile.decisions_per_hour.is_some() && profile.past_budget != PastBudget::Queue)
}

/// Gathers `approval.passed`, the profiles that a case opened now passes over, and `approval.spent`, those for which none is opened;
/// nothing where every profile waits.
///
/// - `recent`: when a person has voted, in order of time.
pub fn facts(
    bundle: &BundleData,
    proposal: &ActionProposal,
    now: Millis,
    recent: &dyn Fn(&PersonId) -> Vec<Millis>,
) -> Facts {
    let mut facts = Facts::new();
    if !moves_on(bundle) {
        return facts;
    }
    let matter = Matter::of_proposal(proposal, bundle);
    // Whoever decided nothing of late has spent nothing; most of the time that is everybody.
    let has_decided = bundle.people.keys().any(|person| !recent(person).is_empty());
    let is_spent = |profile: &Profile| has_decided && is_spent(matter, profile, now, recent);
    let spent: BTreeSet<&ProfileId> =
        bundle.profiles.iter().filter(|(_, profile)| is_spent(profile)).map(|(id, _)| id).collect();
    let passed = spent.iter().filter(|id| past(bundle, id) == Some(PastBudget::Next));
    let shut = bundle.profiles.keys().filter(|id| !spent.is_empty() && is_shut(matter, id, now, &spent));
    let list = |ids: Vec<&ProfileId>| FactValue::List(ids.into_iter().map(ProfileId::to_string).collect());
    facts.set(FactName::known("approval.passed"), list(passed.copied().collect()), SOURCE, now);
    facts.set(FactName::known("approval.spent"), list(shut.collect()), SOURCE, now);
    facts
}

/// Reads the profiles that a case passes over from the facts of the decision that opens it.
pub fn passed(facts: &Facts) -> Option<BTreeSet<ProfileId>> {
    let names = facts.list("approval.passed").unwrap_or_default();
    let passed: BTreeSet<ProfileId> = names.iter().filter_map(|name| ProfileId::new(name.as_str()).ok()).collect();
    (!passed.is_empty()).then_some(passed)
}

fn past(bundle: &BundleData, id: &ProfileId) -> Option<PastBudget> {
    bundle.profiles.get(id).map(|profile| profile.past_budget)
}

/// Says whether fewer of those who may answer for a profile have room than it needs. Of a schedule on which nobody is now it cannot
/// be said, since somebody's turn may come.
fn is_spent(matter: Matter<'_>, profile: &Profile, now: Millis, recent: &dyn Fn(&PersonId) -> Vec<Millis>) -> bool {
    let Some(budget) = profile.decisions_per_hour else { return false };
    let may = |person: &&PersonId| {
        !matter.bundle.is_auditor(person)
            && matter.part(person) != Part::Excluded
            && matter.is_asked(profile, person, now)
    };
    let people: Vec<&PersonId> = matter.bundle.people.keys().filter(may).collect();
    let has_room = |person: &&&PersonId| room_from(budget, now, recent(person).into_iter()).is_none();
    let needed = usize::try_from(profile.approvals.max(1)).unwrap_or(usize::MAX);
    // Where too few may answer at all, nobody has decided too much.
    people.len() >= needed && people.iter().filter(has_room).count() < needed
}

/// Says whether the path that begins at a profile comes, over those that are passed over, to one that denies or to its end.
fn is_shut(matter: Matter<'_>, first: &ProfileId, now: Millis, spent: &BTreeSet<&ProfileId>) -> bool {
    let mut passed = false;
    for (id, profile) in escalation::profiles(matter.bundle, first) {
        if !matter.is_attended(profile, now, now.plus(profile.timeout_ms.max(0))) {
            continue;
        }
        match profile.past_budget {
            _ if !spent.contains(id) => return false,
            PastBudget::Queue => return false,
            PastBudget::Next => passed = true,
            PastBudget::Deny => return true,
        }
    }
    passed
}
