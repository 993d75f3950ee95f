//! What a run comes to: totals, and where the kills hit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use types::OutcomeStatus;

use crate::checker::{Rule, Violation};
use crate::round::Left;
use crate::states::{self, State};

/// Counts the kills of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Aimed {
    hit: u64,
    missed: u64,
}

/// Counts what a state was hit by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Hit {
    calls: u64,
    kills: u64,
}

/// Adds up the rounds.
#[derive(Debug, Default)]
pub struct Report {
    kills: u64,
    start_kills: u64,
    least: Option<u64>,
    aims: BTreeMap<&'static str, Aimed>,
    states: BTreeMap<State, Hit>,
    calls: u64,
    cut: u64,
    effects: u64,
    records: u64,
    in_doubt: u64,
    violations: BTreeMap<Rule, u64>,
}

impl Report {
    /// Adds a round with what was found in it.
    pub fn add(&mut self, left: &Left, violations: &[Violation]) {
        for kill in &left.kills {
            let aimed = self.aims.entry(kill.aim).or_default();
            *(if kill.hit { &mut aimed.hit } else { &mut aimed.missed }) += 1;
            match kill.least {
                Some(least) => {
                    self.kills += 1;
                    self.least = Some(self.least.unwrap_or(u64::MAX).min(least));
                }
                None => self.start_kills += 1,
            }
        }
        for states in states::cut(&left.evidence, &left.killed).values() {
            self.cut += states.len() as u64;
            states.iter().for_each(|state| self.states.entry(*state).or_default().calls += 1);
            let kinds: BTreeSet<&State> = states.iter().collect();
            kinds.into_iter().for_each(|state| self.states.entry(*state).or_default().kills += 1);
        }
        let evidence = &left.evidence;
        self.calls += evidence.calls.len() as u64;
        self.effects += evidence.effects.len() as u64;
        self.records += evidence.journal.size;
        let outcomes = evidence.journal.actions.values().flat_map(|action| &action.outcomes);
        self.in_doubt += outcomes.filter(|ended| ended.status == OutcomeStatus::InDoubt).count() as u64;
        for violation in violations {
            *self.violations.entry(violation.rule).or_default() += 1;
        }
    }

    /// Returns how many kills there were under load.
    pub fn kills(&self) -> u64 {
        self.kills
    }

    /// Says whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// Draws where the kills were aimed, and how far the calls had come that they cut off.
    pub fn histogram(&self) -> String {
        let mut text = format!("{:44} {:>7} {:>7}\n", "kills by what they were aimed at", "came", "did not");
        for (name, aimed) in &self.aims {
            let _ = writeln!(text, "  {name:42} {:>7} {:>7}", aimed.hit, aimed.missed);
        }
        let _ = writeln!(text, "{:44} {:>7} {:>7}", "calls cut off, by how far they had come", "calls", "kills");
        for state in State::ALL {
            let hit = self.states.get(&state).copied().unwrap_or_default();
            let _ = writeln!(text, "  {:42} {:>7} {:>7}", state.name(), hit.calls, hit.kills);
        }
        text
    }

    /// Says in two lines what was done and what was found.
    pub fn summary(&self) -> String {
        let count = |rule| self.violations.get(&rule).copied().unwrap_or(0);
        let named = [Rule::LostRecord, Rule::DoubleEffect, Rule::UnexplainedDoubt];
        let others: u64 = self.violations.iter().filter(|(rule, _)| !named.contains(rule)).map(|(_, n)| n).sum();
        format!(
            "{} calls, {} cut off, {} effects, {} records, {} in doubt\n{} kills under load and {} of starts: {} acknowledged records lost, {} double effects, {} unexplained in_doubt, {others} other violations; never fewer than {} calls in flight",
            self.calls,
            self.cut,
            self.effects,
            self.records,
            self.in_doubt,
            self.kills,
            self.start_kills,
            count(Rule::LostRecord),
            count(Rule::DoubleEffect),
            count(Rule::UnexplainedDoubt),
            self.least.unwrap_or(0),
        )
    }
}
