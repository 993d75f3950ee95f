//! Turns: whose it is to answer a case, and since when.
//!
//! Like a path, a turn follows from the bundle and from when the case was opened, so nothing has to happen for it to begin.

use std::collections::BTreeSet;

use types::bundle::{BundleData, Profile};
use types::case::{Case, Vote};
use types::{Millis, PersonId};

use crate::approval::{asks, met, unmet};
use crate::escalation::{self, Step};
use crate::matter::{Matter, Part};
use crate::on_call::{Rota, Shift};

/// Is a person's turn on a case: the steps that ask them, and since when the first of these has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn<'a> {
    /// When it began: with the step, or later with the shift of whoever is on call.
    pub since: Millis,
    /// The steps, in order of profile and path.
    pub steps: Vec<Step<'a>>,
}

/// Returns the turn on which a vote was cast: by the steps of all its profiles that ask whose vote it is at the vote's instant;
/// `None` if no step does.
pub fn of_vote<'a>(case: &'a Case, vote: &Vote, bundle: &'a BundleData) -> Option<Turn<'a>> {
    let matter = Matter::of_case(case, bundle);
    let paths = case.profiles.iter().flat_map(|id| escalation::path(matter, id, case.opened));
    let is_asked = |step: &Step<'a>| step.open_to(vote.ballot) <= vote.at && asks(matter, step.profile, vote);
    let steps: Vec<Step<'a>> = paths.filter(is_asked).collect();
    let since = steps.iter().map(|step| since(step, vote.at, bundle)).min()?;
    Some(Turn { since, steps })
}

/// Returns the profiles that ask whose vote it is by its instant, of those still to be met, and from when on at the latest an
/// approval counts, if one of them awaits its reviewers first.
///
/// Who is asked by a step that awaits nobody does not wait for a later one of the same path. But a person has one vote, which counts
/// for each profile: cast before one of them may count it, that one would miss it for good.
pub(crate) fn asking<'a>(case: &'a Case, vote: &Vote, bundle: &'a BundleData) -> (Vec<&'a Profile>, Option<Millis>) {
    let (met, matter) = (met(case, bundle), Matter::of_case(case, bundle));
    let (mut asking, mut awaits) = (Vec::new(), None);
    for id in case.profiles.iter().filter(|id| !met.contains(*id)) {
        let steps = escalation::path(matter, id, case.opened).into_iter();
        let asked = steps.filter(|step| step.begins <= vote.at && asks(matter, step.profile, vote));
        let (ready, held): (Vec<_>, Vec<_>) = asked.partition(|step| step.from <= vote.at);
        if ready.is_empty() {
            awaits = awaits.max(held.iter().map(|step| step.from).min());
        }
        let steps = if ready.is_empty() { held } else { ready };
        asking.extend(steps.into_iter().map(|step| step.profile));
    }
    (asking, awaits)
}

/// Returns the steps of the profiles that are not met and had begun before an instant, each with the people whose turn it was
/// at some time before it: those who may answer, or of them whoever was on call.
pub fn asked<'a>(case: &'a Case, bundle: &'a BundleData, until: Millis) -> Vec<(Step<'a>, BTreeSet<&'a PersonId>)> {
    let matter = Matter::of_case(case, bundle);
    // A step that takes no time waits for nobody.
    let begun = unmet(case, bundle).into_iter().filter(|step| step.from < until && step.from < step.to);
    begun.map(|step| (step, people(&step, until, matter))).collect()
}

fn people<'a>(step: &Step<'a>, until: Millis, matter: Matter<'a>) -> BTreeSet<&'a PersonId> {
    let bundle = matter.bundle;
    let shifts = shifts(step, until, bundle);
    let was_asked = |person: &PersonId| match &shifts {
        None => matter.is_asked(step.profile, person, step.from),
        Some(shifts) => {
            shifts.iter().any(|shift| shift.person == Some(person) && matter.is_asked(step.profile, person, shift.from))
        }
    };
    let may = |person: &&PersonId| !bundle.is_auditor(person) && matter.part(person) != Part::Excluded;
    bundle.people.keys().filter(may).filter(|person| was_asked(person)).collect()
}

/// Returns since when a step had asked who is asked at an instant; before its people may approve, since it began.
fn since(step: &Step<'_>, at: Millis, bundle: &BundleData) -> Millis {
    if at < step.from {
        return step.begins;
    }
    let shifts = shifts(step, at.plus(1), bundle);
    shifts.and_then(|shifts| shifts.last().map(|shift| shift.from)).unwrap_or(step.from)
}

/// Returns who was on call for a step from its beginning up to an instant; `None` if it asks no schedule.
fn shifts<'a>(step: &Step<'a>, until: Millis, bundle: &'a BundleData) -> Option<Vec<Shift<'a>>> {
    let rota = bundle.schedules.get(step.profile.on_call.as_ref()?).and_then(Rota::read);
    Some(rota.map(|rota| rota.shifts(step.from, until)).unwrap_or_default())
}
