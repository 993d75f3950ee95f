//! Paths of escalation: whom a profile asks, and whom it asks next if they stay silent.
//!
//! A path follows from the bundle and the instant at which its case was opened, so nothing has to happen for it to go on,
//! and a replay finds the same people. Its end is a refusal.

use types::bundle::{BundleData, Profile};
use types::{Millis, ProfileId};

/// Is one step of a path: a profile and the time in which it is the one that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The profile.
    pub id: &'a ProfileId,
    /// Whom it asks.
    pub profile: &'a Profile,
    /// From when on its people may vote. They still may once the next step is asked too.
    pub from: Millis,
    /// When the next step is asked, or silence is refusal.
    pub to: Millis,
}

/// Returns the steps that begin at a profile, for a case opened at an instant; none if the bundle does not have it.
///
/// A bundle whose path comes back to a profile does not load; here such a path ends before it would.
pub fn path<'a>(bundle: &'a BundleData, first: &'a ProfileId, opened: Millis) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let (mut next, mut from) = (Some(first), opened);
    while let Some((id, profile)) = next.and_then(|id| bundle.profiles.get_key_value(id)) {
        if steps.iter().any(|step| step.id == id) {
            break;
        }
        let to = from.plus(profile.timeout_ms.max(0));
        steps.push(Step { id, profile, from, to });
        (next, from) = (profile.otherwise.as_ref(), to);
    }
    steps
}

/// Returns when the silence of everybody on a path is a refusal; at once if the bundle does not have the profile.
pub fn end(bundle: &BundleData, first: &ProfileId, opened: Millis) -> Millis {
    path(bundle, first, opened).last().map_or(opened, |step| step.to)
}
