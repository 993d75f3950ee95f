//! Paths of escalation: whom a profile asks, and whom it asks next if they stay silent.
//!
//! A path follows from the bundle, the instant at which its case was opened, and who has a part in it, so nothing has to
//! happen for it to go on, and a replay finds the same people. Its end is a refusal.

use types::bundle::{BundleData, Profile};
use types::{ActionProposal, Millis, ProfileId};

use crate::matter::Matter;

/// Is one step of a path: a profile and the time in which it is the one that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The profile.
    pub id: &'a ProfileId,
    /// Whom it asks.
    pub profile: &'a Profile,
    /// From when on its people may vote. They still may once the next step is asked too.
    pub from: Millis,
    /// When the next step is asked, or silence is refusal; equal to `from` if nobody attends to this one.
    pub to: Millis,
}

/// Returns the steps that begin at a profile, for a case opened at an instant; none if the bundle does not have it.
///
/// A step that asks whoever is on call takes no time if in all of its time nobody is who may answer: the next one is asked at
/// once. A bundle whose path comes back to a profile does not load; here such a path ends before it would.
pub fn path<'a>(matter: Matter<'a>, first: &'a ProfileId, opened: Millis) -> Vec<Step<'a>> {
    let mut from = opened;
    let step = |(id, profile): (&'a ProfileId, &'a Profile)| {
        let begun = from;
        let over = from.plus(profile.timeout_ms.max(0));
        from = if matter.is_attended(profile, begun, over) { over } else { begun };
        Step { id, profile, from: begun, to: from }
    };
    profiles(matter.bundle, first).into_iter().map(step).collect()
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
