//! The counters of one principal: peek all, and reserve only for an action that is allowed.

use std::collections::BTreeMap;

use types::bundle::{Budget, BundleData};
use types::mutant::{self, Mutant};
use types::{ActionProposal, FactName, Facts, LimitId, Millis};

use super::{Bucket, Covered, Spend};
use crate::facts::amount;
use crate::{behaviour, breaker};

/// Is what one principal has used of each rate and budget; what is absent is unused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meter {
    /// The buckets that were ever taken from.
    pub buckets: BTreeMap<LimitId, Bucket>,
    /// The budgets that were ever charged.
    pub spends: BTreeMap<LimitId, Spend>,
}

/// Is what an allowed action takes: one token of each rate, an amount of each budget, and a place with each breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reservation {
    /// The rates to take one token from.
    pub rates: Vec<LimitId>,
    /// The budgets to charge, and how much.
    pub budgets: Vec<(LimitId, i64)>,
    /// The circuits that watch how it ends.
    pub circuits: Vec<LimitId>,
    /// The bulk breakers that count it.
    pub bulks: Vec<LimitId>,
    /// Whether a baseline learns from it.
    pub watched: bool,
}

impl Reservation {
    /// Plans what the action takes from every rate and budget that covers it, and which breakers take note of it.
    pub(crate) fn plan(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Self {
        let Some(covered) = Covered::by(proposal, facts) else { return Self::default() };
        let rates = bundle.limits.rates.iter().filter(|(_, rate)| covered.matches(&rate.covers));
        let budgets = bundle.limits.budgets.iter().filter(|(_, budget)| covered.matches(&budget.covers));
        let breakers = breaker::covering(bundle, proposal, facts);
        Self {
            rates: rates.map(|(id, _)| id.clone()).collect(),
            budgets: budgets.map(|(id, budget)| (id.clone(), recorded(id, facts, budget, proposal))).collect(),
            circuits: breakers.circuits.iter().map(|(id, _)| (*id).clone()).collect(),
            bulks: breakers.bulks.iter().map(|(id, _)| (*id).clone()).collect(),
            watched: !behaviour::covering(bundle, proposal, facts).is_empty(),
        }
    }
}

impl Meter {
    /// Gathers `rate.<limit>`, `budget.<limit>` and `budget.<limit>.asked` of every limit that covers the action.
    pub fn peek(&self, bundle: &BundleData, proposal: &ActionProposal, facts: &Facts, now: Millis) -> Facts {
        let mut peeked = Facts::new();
        let Some(covered) = Covered::by(proposal, facts) else { return peeked };
        for (id, rate) in bundle.limits.rates.iter().filter(|(_, rate)| covered.matches(&rate.covers)) {
            let tokens =
                self.buckets.get(id).map_or_else(|| Bucket::full(rate, now).peek(rate, now), |b| b.peek(rate, now));
            peeked.set(FactName::new(format!("rate.{id}")), tokens, "meter", now);
        }
        for (id, budget) in bundle.limits.budgets.iter().filter(|(_, budget)| covered.matches(&budget.covers)) {
            let left = self.spends.get(id).copied().unwrap_or_default().left(budget, now);
            peeked.set(FactName::new(format!("budget.{id}")), left, "meter", now);
            peeked.set(FactName::new(format!("budget.{id}.asked")), asked(budget, proposal), "proposal", now);
        }
        peeked
    }

    /// Takes what an allowed action reserves; a limit the bundle no longer has is passed over.
    pub fn reserve(&mut self, bundle: &BundleData, reservation: &Reservation, now: Millis) {
        for (id, rate) in reservation.rates.iter().filter_map(|id| Some((id, bundle.limits.rates.get(id)?))) {
            let bucket = self.buckets.entry(id.clone()).or_insert_with(|| Bucket::full(rate, now));
            *bucket = bucket.take(rate, now);
        }
        for (id, amount) in &reservation.budgets {
            if let Some(budget) = bundle.limits.budgets.get(id) {
                let spend = self.spends.entry(id.clone()).or_default();
                *spend = spend.charge(budget, now, *amount);
            }
        }
    }
}

/// Takes the amount that was judged; the arguments it came from may be gone or altered by the time somebody reads it.
fn recorded(id: &LimitId, facts: &Facts, budget: &Budget, proposal: &ActionProposal) -> i64 {
    facts.int(&format!("budget.{id}.asked")).unwrap_or_else(|| asked(budget, proposal))
}

/// Each action counts 1 unless the budget says where its amount stands; an unreadable amount is larger than any budget.
fn asked(budget: &Budget, proposal: &ActionProposal) -> i64 {
    let unreadable = if mutant::on(Mutant::ErrorAllows) { 0 } else { i64::MAX };
    budget.amount.as_ref().map_or(1, |pointer| amount(&proposal.arguments, pointer).unwrap_or(unreadable))
}
