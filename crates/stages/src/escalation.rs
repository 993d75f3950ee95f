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
    let mut steps: Vec<Step<'a>> = Vec::new();
    let (mut next, mut from) = (Some(first), opened);
    while let Some((id, profile)) = next.and_then(|id| matter.bundle.profiles.get_key_value(id)) {
        if steps.iter().any(|step| step.id == id) {
            break;
        }
        let over = from.plus(profile.timeout_ms.max(0));
        let to = if matter.is_attended(profile, from, over) { over } else { from };
        steps.push(Step { id, profile, from, to });
        (next, from) = (profile.otherwise.as_ref(), to);
    }
    steps
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
