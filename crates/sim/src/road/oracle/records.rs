//! The journal folded by rules of the oracle's own.

use std::collections::{BTreeMap, BTreeSet};

use control::state::{Grant, Quarantine, Switch};
use evidence::listing::LISTED;
use evidence::{Field, RecordKind};
use ledger::history::Entry;
use types::case::Vote;
use types::{
    ActionId, ActionProposal, AutonomyLevel, CaseId, Decision, Digest, Millis, Outcome, OutcomeStatus, Principal,
    Restriction, ToolName, Verdict,
};

use super::approvals::Cases;
use super::budgets::Budgets;
use crate::road::journal::{call_of, content, decided};
use crate::road::rules;
use crate::road::trace::{Call, class_of, covers};

/// Is a permitted action.
pub struct Permitted {
    /// The index of its record.
    pub index: u64,
    /// What was proposed.
    pub proposal: ActionProposal,
    /// How it ended, and the index of that record.
    pub outcome: Option<(u64, Outcome)>,
    pub(super) at: Millis,
}

/// Is what the journal says, in order.
#[derive(Default)]
pub struct Fold {
    /// The permitted actions.
    pub permitted: BTreeMap<ActionId, Permitted>,
    /// The permitted action of each call.
    pub of_call: BTreeMap<u64, ActionId>,
    bundle: Option<Digest>,
    grants: BTreeMap<(String, String), (AutonomyLevel, Millis)>,
    quarantined: BTreeSet<String>,
    pins: BTreeMap<String, Digest>,
    switches: Vec<Switch>,
    cases: Cases,
    budgets: Budgets,
    roots: BTreeSet<Digest>,
}

impl Fold {
    /// Folds a whole journal.
    pub fn over(entries: &[Entry], wrong: &mut Vec<String>) -> Self {
        let mut fold = Self::default();
        for entry in entries {
            let mut told = Vec::new();
            fold.take(entry, &mut told);
            wrong.extend(told.into_iter().map(|what| format!("record {}: {what}", entry.index)));
        }
        for (action, permitted) in fold.permitted.iter().filter(|(_, p)| p.outcome.is_none()) {
            if call_of(&permitted.proposal).is_some() {
                wrong.push(format!("{action} has no outcome after a restart"));
            }
        }
        fold
    }

    fn take(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        let at = entry.leaf.at;
        for root in [Some(entry.leaf.fields), entry.leaf.findings.as_ref().map(|r| r.root)].into_iter().flatten() {
            if !self.roots.insert(root) {
                wrong.push("its commitments were seen before".into());
            }
        }
        let body = content(entry);
        match entry.leaf.kind {
            RecordKind::Decided => self.decided(entry, wrong),
            RecordKind::Outcome => self.outcome(entry, wrong),
            RecordKind::Vote => {
                let vote = body.get::<Vote>(Field::Body).unwrap().unwrap();
                self.cases.vote(&vote, at, wrong);
            }
            RecordKind::CaseEnded => self.cases.end(&body.get::<CaseId>(Field::Case).unwrap().unwrap()),
            RecordKind::Switch => {
                let switch = body.get::<Switch>(Field::Body).unwrap().unwrap();
                self.switches.retain(|set| set.target != switch.target);
                if entry.leaf.status == Some(1) {
                    self.switches.push(switch);
                }
            }
            RecordKind::Grant => {
                let grant = body.get::<Grant>(Field::Body).unwrap().unwrap();
                self.grants.insert((grant.agent.to_string(), grant.class.to_string()), (grant.level, grant.expires));
            }
            RecordKind::Bundle => self.bundle = body.get::<Digest>(Field::Body).unwrap(),
            RecordKind::Tool if entry.leaf.status == Some(LISTED) => {}
            RecordKind::Tool => self.tool(entry),
            _ => {}
        }
    }

    fn tool(&mut self, entry: &Entry) {
        let tool = content(entry).get::<ToolName>(Field::Tool).unwrap().unwrap().operation;
        if entry.leaf.status == Some(1) {
            self.quarantined.remove(&tool);
            self.pins.insert(tool, content(entry).get::<Digest>(Field::Body).unwrap().unwrap());
        } else {
            let quarantine = content(entry).get::<Quarantine>(Field::Body).unwrap().unwrap();
            self.quarantined.insert(quarantine.tool.operation);
        }
    }

    fn decided(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        let (proposal, decision) = decided(entry).unwrap();
        let at = entry.leaf.at;
        if self.bundle.is_some_and(|bundle| bundle != decision.bundle) {
            wrong.push("it was decided by a bundle that is not the active one".into());
        }
        self.budgets.compare(&proposal, &decision, at, wrong);
        match &decision.verdict {
            Verdict::Escalate(profiles) => self.cases.open(&proposal, &decision, profiles, at, wrong),
            Verdict::Deny => {}
            Verdict::Allow | Verdict::AllowObserved => {
                self.permitted_rightly(&proposal, &decision, at, wrong);
                self.cases.use_up(&proposal, &decision, at, wrong);
                self.budgets.charge(&proposal, at, wrong);
                if let Some(call) = call_of(&proposal)
                    && self.of_call.insert(call, proposal.id).is_some()
                {
                    wrong.push(format!("call {call} was permitted twice"));
                }
                let permitted = Permitted { index: entry.index, proposal: proposal.clone(), outcome: None, at };
                self.permitted.insert(proposal.id, permitted);
            }
        }
    }

    fn permitted_rightly(&self, proposal: &ActionProposal, decision: &Decision, at: Millis, wrong: &mut Vec<String>) {
        let escalates = decision.findings.iter().any(|f| matches!(f.restriction, Restriction::Escalate(_)));
        if decision.findings.iter().any(|finding| finding.restriction == Restriction::Deny) {
            wrong.push("it was permitted though a finding denies".into());
        }
        if decision.facts.bool("clock.jumped") == Some(true) {
            wrong.push("it was permitted though the clock had jumped".into());
        }
        let Principal::Agent(agent) = &proposal.principal else { return };
        let tool = proposal.tool.operation.as_str();
        if !["one", "two"].contains(&agent.as_str()) || !["peek", "put", "send", "add", "move"].contains(&tool) {
            wrong.push(format!("`{agent}` may never do `{tool}`"));
        }
        if tool == "send" && proposal.arguments.at("/amount").is_none_or(|amount| !amount.is_i64()) {
            wrong.push("it was permitted though its amount cannot be read".into());
        }
        let class = class_of(tool);
        let level = self.grants.get(&(agent.to_string(), class.to_owned())).filter(|(_, expires)| at < *expires);
        match level.map_or(AutonomyLevel::L0, |(level, _)| *level) {
            AutonomyLevel::L0 => wrong.push(format!("`{agent}` has no level for `{class}` at that moment")),
            AutonomyLevel::L1 if class != "read" && !escalates => wrong.push("a change at L1 ran alone".into()),
            _ => {}
        }
        let place = proposal.arguments.at("/box").and_then(serde_json::Value::as_str);
        if class == "note" && (!matches!(place, Some("b1" | "b2")) || (place == Some("b2") && !escalates)) {
            wrong.push(format!("a note was left at {place:?}"));
        }
        if class == "write" && !escalates {
            wrong.push("a change ran without approval".into());
        }
        let pinned = self.pins.get(tool).copied().unwrap_or_else(|| rules::definition(tool, 1));
        if self.quarantined.contains(tool) || proposal.definition != Some(pinned) {
            wrong.push(format!("`{tool}` is not defined as it was reviewed"));
        }
        let on_behalf_of = proposal.on_behalf_of.clone();
        let call = Call { agent: agent.clone(), on_behalf_of, tool: tool.to_owned(), arguments: String::new() };
        if let Some(switch) = self.switches.iter().find(|switch| covers(&switch.target, &call)) {
            wrong.push(format!("it was permitted under the kill switch `{}`", switch.target.key()));
        }
    }

    fn outcome(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        let outcome = content(entry).get::<Outcome>(Field::Body).unwrap().unwrap();
        let Some(permitted) = self.permitted.get_mut(&outcome.action) else {
            return wrong.push(format!("{} ended and was never permitted", outcome.action));
        };
        if permitted.outcome.is_some() {
            wrong.push(format!("{} ended twice", outcome.action));
        }
        if outcome.status == OutcomeStatus::NotDispatched {
            self.budgets.give_back(&permitted.proposal, permitted.at);
        }
        permitted.outcome = Some((entry.index, outcome));
    }
}
