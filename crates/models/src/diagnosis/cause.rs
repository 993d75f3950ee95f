//! What differs from the nearest successful run, and how much each difference says of the cause.
//!
//! A difference says much if no successful run shares it, and little if one does: what somebody else had and succeeded with is no cause by itself.

use std::collections::BTreeSet;

use super::facts::{Aspect, Fact, Training};
use super::nearest::{Near, Stand, facts_of, is_same, stand};

/// Are the words in the names of numbers that name and do not measure: that one is larger says nothing.
const NAMING: [&str; 3] = ["seed", "random_state", "_id"];

/// Says how much a difference says of the cause, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A successful run differs in this and in nothing else, and nothing is recorded of one of the two only.
    Controlled,
    /// No successful run shares it, and those that say have one value.
    Alone,
    /// It is a number far outside of the ones that successful runs had.
    Outside,
    /// No successful run shares it, but they vary in it among each other.
    Varied,
    /// A successful run shares it.
    Shared,
}

impl Weight {
    /// Returns the class: of equal classes one difference says as much as another.
    fn class(self) -> u8 {
        match self {
            Self::Controlled => 0,
            Self::Alone | Self::Outside => 1,
            Self::Varied => 2,
            Self::Shared => 3,
        }
    }
}

/// Is what all successful runs say of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// How much it says.
    pub weight: Weight,
    /// How many successful runs share the value.
    pub same: usize,
    /// How many have another one.
    pub other: usize,
    /// Of how many it is not known.
    pub unknown: usize,
    /// How many different values those others have.
    pub values: usize,
    /// The successful run that differs in nothing else.
    pub controlled_by: Option<String>,
}

/// Is something that differs from the nearest successful run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub fact: Fact,
    /// What the run has; nothing, if it has not got it.
    pub run: Option<String>,
    /// What the nearest successful run has.
    pub other: Option<String>,
    /// What all successful runs say of it.
    pub evidence: Evidence,
}

/// Says what the differences say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no successful run.
    NoSuccess,
    /// Nothing that is recorded differs.
    NothingDiffers,
    /// One difference, the first, says more than all others.
    Named,
    /// So many differences, the first ones, say the same, and the records cannot tell them apart.
    Several(usize),
    /// There are differences, and successful runs vary in each or share it.
    OnlyWeak,
}

/// Lists what differs from a successful run, what says most first.
pub(super) fn differences(run: &Training, beside: &Training, others: &[&Training]) -> Vec<Difference> {
    let differs = |fact: &&Fact| stand(run, beside, fact) == Stand::Other;
    let difference = |fact: &Fact| Difference {
        fact: fact.clone(),
        run: run.facts.get(fact).cloned(),
        other: beside.facts.get(fact).cloned(),
        evidence: evidence(run, fact, others),
    };
    let mut all: Vec<Difference> = facts_of(run, beside).filter(differs).map(difference).collect();
    all.sort_by(|a, b| {
        let key = |one: &Difference| (one.evidence.weight.class(), one.evidence.weight);
        key(a).cmp(&key(b)).then_with(|| order(a.fact.aspect).cmp(&order(b.fact.aspect))).then(a.fact.cmp(&b.fact))
    });
    all
}

/// Returns the order of aspects whose differences say the same: what people set comes first.
fn order(aspect: Aspect) -> u8 {
    match aspect {
        Aspect::Parameter => 0,
        Aspect::Data => 1,
        Aspect::Code => 2,
        Aspect::Environment => 3,
        Aspect::Tag => 4,
    }
}

pub(super) fn verdict(has_success: bool, differences: &[Difference]) -> Verdict {
    let Some(first) = differences.first() else {
        return if has_success { Verdict::NothingDiffers } else { Verdict::NoSuccess };
    };
    let class = first.evidence.weight.class();
    if class > Weight::Alone.class() {
        return Verdict::OnlyWeak;
    }
    match differences.iter().take_while(|one| one.evidence.weight.class() == class).count() {
        1 => Verdict::Named,
        several => Verdict::Several(several),
    }
}

fn evidence(run: &Training, fact: &Fact, others: &[&Training]) -> Evidence {
    let standing = |wanted: Stand| others.iter().filter(move |other| stand(run, other, fact) == wanted);
    let (same, other) = (standing(Stand::Same).count(), standing(Stand::Other).count());
    let values = values(fact, standing(Stand::Other).map(|other| other.facts.get(fact).map(String::as_str)));
    // Of a number that only names, many values that did no harm say more than one run that has another.
    let is_harmless = is_naming(fact) && values.len() > 1;
    let alone = standing(Stand::Other).find(|other| !is_harmless && differs_alone(run, other));
    let controlled_by = alone.map(|other| other.id.clone());
    let weight = if controlled_by.is_some() {
        Weight::Controlled
    } else if same > 0 {
        Weight::Shared
    } else if values.len() == 1 {
        Weight::Alone
    } else if is_far_outside(fact, run.facts.get(fact), &values) {
        Weight::Outside
    } else {
        Weight::Varied
    };
    let unknown = standing(Stand::Unknown).count();
    Evidence { weight, same, other, unknown, values: values.len(), controlled_by }
}

/// Says whether two runs differ in one fact alone, and nothing is recorded of one of them only.
fn differs_alone(run: &Training, other: &Training) -> bool {
    let near = Near::of(run, other);
    near.differing == 1 && near.unknown == 0
}

/// Says whether a fact is a number that names and does not measure.
fn is_naming(fact: &Fact) -> bool {
    let name = fact.name.to_ascii_lowercase();
    NAMING.iter().any(|word| name.contains(word))
}

/// Lists values, each once; two spellings of one number are one.
fn values<'a>(fact: &Fact, all: impl Iterator<Item = Option<&'a str>>) -> Vec<Option<&'a str>> {
    let sorted: BTreeSet<Option<&str>> = all.collect();
    let mut values: Vec<Option<&str>> = Vec::new();
    for value in sorted {
        let is_known = |known: &Option<&str>| match (*known, value) {
            (Some(known), Some(value)) => is_same(fact, known, value),
            (known, value) => known == value,
        };
        if !values.iter().any(is_known) {
            values.push(value);
        }
    }
    values
}

/// Says whether a number lies beyond those of others by more than all they span, or by ten times.
fn is_far_outside(fact: &Fact, run: Option<&String>, others: &[Option<&str>]) -> bool {
    if fact.aspect != Aspect::Parameter || is_naming(fact) {
        return false;
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let known: Option<Vec<f64>> = others.iter().map(|other| other.and_then(number)).collect();
    let (Some(value), Some(known)) = (run.and_then(|run| number(run)), known) else { return false };
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let beyond = value > high + (high - low) || value < low - (high - low);
    beyond || (low > 0.0 && (value >= high * 10.0 || value <= low / 10.0))
}
