//! Budgets by the oracle's own sums.

use std::collections::BTreeMap;

use types::{ActionProposal, Decision, Millis, Principal};

use crate::road::rules;
use crate::road::trace::class_of;

/// Holds what each agent has spent of each budget: the beginning of the hour, and how much.
#[derive(Default)]
pub struct Budgets(BTreeMap<(String, &'static str), (i64, i64)>);

fn hour(at: Millis) -> i64 {
    at.0 - at.0.rem_euclid(rules::HOUR_MS)
}

/// Returns the budget that covers an action of an agent, its limit and what the action asks of it.
fn asked(proposal: &ActionProposal) -> Option<(String, &'static str, i64, i64)> {
    let Principal::Agent(agent) = &proposal.principal else { return None };
    match (proposal.tool.operation.as_str(), class_of(&proposal.tool.operation)) {
        ("send", _) => {
            let amount = proposal.arguments.at("/amount").and_then(serde_json::Value::as_i64).unwrap_or(0);
            Some((agent.to_string(), "sent", rules::SEND_MAX, amount))
        }
        (_, "write") => Some((agent.to_string(), "changes", rules::CHANGES_MAX, 1)),
        _ => None,
    }
}

impl Budgets {
    fn spent(&self, agent: &str, name: &'static str, at: Millis) -> i64 {
        let spent = self.0.get(&(agent.to_owned(), name)).copied().unwrap_or_default();
        if hour(at) > spent.0 { 0 } else { spent.1 }
    }

    /// Holds what a decision read of a budget against the sum.
    pub fn compare(&self, proposal: &ActionProposal, decision: &Decision, at: Millis, wrong: &mut Vec<String>) {
        let Some((agent, name, max, _)) = asked(proposal) else { return };
        let Some(left) = decision.facts.int(&format!("budget.{name}")) else { return };
        let expected = max - self.spent(&agent, name, at);
        if left != expected {
            wrong.push(format!("{left} of the budget `{name}` were read as left, and {expected} are"));
        }
    }

    /// Charges a permitted action.
    pub fn charge(&mut self, proposal: &ActionProposal, at: Millis, wrong: &mut Vec<String>) {
        let Some((agent, name, max, amount)) = asked(proposal) else { return };
        let spent = self.spent(&agent, name, at) + amount;
        if spent > max {
            wrong.push(format!("{spent} of the budget `{name}` are spent, which has {max}"));
        }
        let from = hour(at).max(self.0.get(&(agent.clone(), name)).map_or(0, |spent| spent.0));
        self.0.insert((agent, name), (from, spent));
    }

    /// Gives back what was charged at an instant, unless its hour is over.
    pub fn give_back(&mut self, proposal: &ActionProposal, charged: Millis) {
        let Some((agent, name, _, amount)) = asked(proposal) else { return };
        if let Some(spent) = self.0.get_mut(&(agent, name)).filter(|spent| spent.0 <= charged.0) {
            spent.1 = (spent.1 - amount).max(0);
        }
    }
}
