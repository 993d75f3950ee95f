//! Paths of escalation: whom a profile asks, and whom it asks next if they stay silent.
//!
//! A path follows from the bundle, the instant at which its case was opened, and who has a part in it, so nothing has to
//! happen for it to go on, and a replay finds the same people. Its end is a refusal.

use types::bundle::{BundleData, Profile};
use types::case::Ballot;
use types::reviewing::Advice;
use types::{ActionProposal, AgentId, Millis, ProfileId};

use crate::matter::Matter;

/// Is one step of a path: a profile and the time in which it is the one that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The profile.
    pub id: &'a ProfileId,
    /// Whom it asks.
    pub profile: &'a Profile,
    /// When it begins: from then on its reviewers are asked.
    pub begins: Millis,
    /// Until when its reviewers are asked; equal to `begins` if it has none who may review.
    pub reviewed_to: Millis,
    /// From when on its people may approve: as it begins, or after its reviewers where the profile says `review_first`. They
    /// still may once the next step is asked too. To refuse they need not wait.
    pub from: Millis,
    /// When the next step is asked, or silence is refusal; equal to `begins` if nobody attends to this one, or it is passed over. It
    /// does not depend on what reviewers say.
    pub to: Millis,
}

impl Step<'_> {
    /// Returns from when on its people may cast a ballot: reviewers who come first hold back approvals, never a refusal.
    pub fn open_to(&self, ballot: Ballot) -> Millis {
        match ballot {
            Ballot::Approve => self.from,
            Ballot::Deny => self.begins,
        }
    }
}

/// Returns the steps that begin at a profile, for a case opened at an instant; none if the bundle does not have it.
///
/// A step that asks whoever is on call takes no time if in all of its time nobody is who may answer: the next one is asked at
/// once. So does a step that is passed over, if it would be asked as the case is opened; its people may vote all the same. A bundle whose path comes back to a profile does not load; here such a path ends before it would.
pub fn path<'a>(matter: Matter<'a>, first: &'a ProfileId, opened: Millis) -> Vec<Step<'a>> {
    let mut next = opened;
    let step = |(id, profile): (&'a ProfileId, &'a Profile)| {
        let is_passed = next == opened && matter.passes(id);
        let step = step(matter, (id, profile), next, is_passed);
        next = step.to;
        step
    };
    profiles(matter.bundle, first).into_iter().map(step).collect()
}

/// Returns the step of a profile that begins at an instant; one that is passed over takes no time, and its reviewers are asked all the same.
fn step<'a>(
    matter: Matter<'a>,
    (id, profile): (&'a ProfileId, &'a Profile),
    begins: Millis,
    is_passed: bool,
) -> Step<'a> {
    let has_reviewers = matter.reviewers(profile).next().is_some();
    let reviewed_to = if has_reviewers { begins.plus(profile.review_ms.max(0)) } else { begins };
    // People have the whole of their time, however long the reviewers take.
    let held_to = if profile.review_first { reviewed_to } else { begins };
    let to = held_to.plus(profile.timeout_ms.max(0));
    if !matter.is_attended(profile, held_to, to) {
        return Step { id, profile, begins, reviewed_to: begins, from: begins, to: begins };
    }
    let from = if held_to > begins { passed_on(matter, profile, begins).min(held_to) } else { begins };
    Step { id, profile, begins, reviewed_to, from, to: if is_passed { begins } else { to } }
}

/// Returns when the last of a profile's reviewers had said that it goes on to people, not before the step began; never, if
/// one of them has not.
fn passed_on(matter: Matter<'_>, profile: &Profile, begins: Millis) -> Millis {
    let said = |reviewer: &AgentId| {
        let own = matter.reviews.iter().find(|review| review.reviewer == *reviewer && review.advice == Advice::On);
        own.map_or(Millis(i64::MAX), |review| review.at)
    };
    matter.reviewers(profile).map(said).fold(begins, Ord::max)
}

/// Returns the profiles of the path that begins at one, in order, whoever attends to them.
pub fn profiles<'a>(bundle: &'a BundleData, first: &'a ProfileId) -> Vec<(&'a ProfileId, &'a Profile)> {
    let mut all: Vec<(&ProfileId, &Profile)> = Vec::new();
    let mut next = Some(first);
    while let Some((id, profile)) = next.and_then(|id| bundle.profiles.get_key_value(id)) {
        if all.iter().any(|(before, _)| *before == id) {
            break;
        }
        all.push((id, profile));
        next = profile.otherwise.as_ref();
    }
    all
}

/// Returns when the silence of everybody on a path is a refusal; at once if the bundle does not have the profile, or nobody
/// attends to any of its steps.
pub fn end(matter: Matter<'_>, first: &ProfileId, opened: Millis) -> Millis {
    path(matter, first, opened).last().map_or(opened, |step| step.to)
}

/// Says whether some profile of a bundle asks whoever is on call.
pub fn asks_on_call(bundle: &BundleData) -> bool {
    bundle.profiles.values().any(|profile| profile.on_call.is_some())
}

/// Names the profiles that nobody would attend to if they were asked about a proposal at an instant, in order.
pub fn unattended<'a>(bundle: &'a BundleData, proposal: &'a ActionProposal, now: Millis) -> Vec<&'a ProfileId> {
    let matter = Matter::of_proposal(proposal, bundle);
    let is_unattended = |id: &&ProfileId| end(matter, id, now) == now;
    bundle.profiles.keys().filter(is_unattended).collect()
}
