//! Which successful run a run is set beside.

use super::facts::{Aspect, Fact, Training, is_of_revision};

/// Says how the fact of another run stands to that of the run that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It is the same, or neither has it.
    Same,
    /// It is another.
    Other,
    /// One of them does not say.
    Unknown,
}

/// Compares one fact of two runs.
///
/// A parameter or a dataset that one of them lacks is a difference, if both have recorded any; of anything else that one of them lacks it is not known what it was.
pub(crate) fn stand(run: &Training, other: &Training, fact: &Fact) -> Stand {
    let aspect = fact.aspect;
    match (run.facts.get(fact), other.facts.get(fact)) {
        (None, None) => Stand::Same,
        (Some(one), Some(two)) if is_same(fact, one, two) => Stand::Same,
        (Some(_), Some(_)) => Stand::Other,
        _ if matches!(aspect, Aspect::Parameter | Aspect::Data) && run.records(aspect) && other.records(aspect) => {
            Stand::Other
        }
        _ => Stand::Unknown,
    }
}

/// Says whether two values of a fact are one: the same text, or two spellings of one number where it is a number.
///
/// A version `1.10` is not `1.1`, and a digest `1e2` is not `100`: so of parameters alone, and of none that is called a version or the like.
pub(super) fn is_same(fact: &Fact, one: &str, two: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let is_number = fact.aspect == Aspect::Parameter && !is_of_revision(&fact.name);
    one == two || (is_number && number(one).zip(number(two)).is_some_and(|(one, two)| one == two))
}

/// Lists the facts of two runs, each once, in order.
pub(crate) fn facts_of<'a>(run: &'a Training, other: &'a Training) -> impl Iterator<Item = &'a Fact> {
    let also = other.facts.keys().filter(|fact| !run.facts.contains_key(*fact));
    run.facts.keys().chain(also)
}

/// Is a successful run, with how near it is.
#[derive(Debug, Clone, Copy)]
pub struct Near<'a> {
    /// The run.
    pub run: &'a Training,
    /// How many facts differ.
    pub differing: usize,
    /// How many facts one of the two does not say. Tags that anybody may set do not count.
    pub unknown: usize,
    /// How many facts are there in all.
    pub facts: usize,
}

impl<'a> Near<'a> {
    /// Says how near a run is to another.
    pub fn of(run: &Training, other: &'a Training) -> Self {
        let stands = || facts_of(run, other).map(|fact| (fact.aspect, stand(run, other, fact)));
        let unknown = |(aspect, stand): &(Aspect, Stand)| *stand == Stand::Unknown && *aspect != Aspect::Tag;
        Self {
            run: other,
            differing: stands().filter(|(_, stand)| *stand == Stand::Other).count(),
            unknown: stands().filter(unknown).count(),
            facts: stands().count(),
        }
    }
}

/// Puts the successful ones of some runs in order, the nearest first.
///
/// Nearest is the run of which the least differs or is not known; of several the one that began at the least distance in time, then the
/// earlier one, then the one with the lower id. The run itself and runs that are no success are left out.
pub fn nearest<'a>(run: &Training, candidates: &'a [Training]) -> Vec<Near<'a>> {
    let good = candidates.iter().filter(|other| other.id != run.id && other.unsuccessful().is_none());
    let mut near: Vec<Near<'a>> = good.map(|other| Near::of(run, other)).collect();
    near.sort_by_key(|near| {
        let other = near.run;
        (near.differing + near.unknown, run.started.abs_diff(other.started), other.started, other.id.as_str())
    });
    near
}
