//! Holds what the callers were told, what the target did and what the journal says against each other.

use std::collections::BTreeMap;

use types::OutcomeStatus;

use crate::books::{Ack, Call, Fate, Tool};
use crate::journal::{Action, Journal};
use crate::sink::{Effect, Seen};

/// Names a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What a caller was told is in the journal, as it was told.
    LostRecord,
    /// A call takes effect once at most, and one that must not be repeated is sent once.
    DoubleEffect,
    /// An action ends in doubt only because a kill cut its call off, and at the first start after it.
    UnexplainedDoubt,
    /// What the journal says was done was done.
    MissingEffect,
    /// Every effect was decided, permitted and recorded before it, and fits what was decided.
    UnrecordedEffect,
    /// What the journal says was not done was not done.
    ForbiddenEffect,
    /// Every permitted action has an outcome in the end.
    OpenIntent,
    /// A start finds exactly the actions in flight that there are.
    WrongRecovery,
    /// A call is one action with one outcome, and every action was called for.
    WrongBooks,
    /// Calls are refused for no other reason than the policy.
    UnexpectedRefusal,
    /// Connections break because of kills alone, and every call ends.
    BrokenConnection,
    /// A server that said it was ready has recorded its start.
    LostStart,
}

/// Is something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule that is broken.
    pub rule: Rule,
    /// What is wrong, with the call.
    pub detail: String,
}

/// Is all that is known in the end.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What the callers know, by call.
    pub calls: BTreeMap<String, Call>,
    /// What the target did, in order.
    pub effects: Vec<Effect>,
    /// When what became of each call in the target.
    pub seen: BTreeMap<String, Seen>,
    /// What the journal says.
    pub journal: Journal,
    /// How many servers said they were ready, after the first.
    pub ready: u64,
    /// How many servers were started, after the first.
    pub started: u64,
}

struct Check<'a> {
    evidence: &'a Evidence,
    actions: BTreeMap<&'a str, Vec<&'a Action>>,
    effects: BTreeMap<&'a str, Vec<&'a Effect>>,
    found: Vec<Violation>,
}

/// Finds everything that must not be.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut actions: BTreeMap<&str, Vec<&Action>> = BTreeMap::new();
    for action in evidence.journal.actions.values() {
        actions.entry(&action.call).or_default().push(action);
    }
    let mut effects: BTreeMap<&str, Vec<&Effect>> = BTreeMap::new();
    for effect in &evidence.effects {
        effects.entry(&effect.call).or_default().push(effect);
    }
    let mut check = Check { evidence, actions, effects, found: Vec::new() };
    for (id, call) in &evidence.calls {
        check.call(id, call);
    }
    check.effects();
    check.records();
    check.starts();
    check.found
}

/// Tells an action in a line, as the journal has it.
fn tell(action: &Action) -> String {
    let verdict = if action.permitted { "permitted" } else { "refused" };
    let mut line = format!("{} {verdict} at record {}", action.id, action.index);
    for ended in &action.outcomes {
        line.push_str(&format!(", {} at record {}", ended.status.as_str(), ended.index));
    }
    line
}

impl<'a> Check<'a> {
    fn find(&mut self, rule: Rule, detail: String) {
        self.found.push(Violation { rule, detail });
    }

    fn action(&self, id: &str) -> Option<&'a Action> {
        self.actions.get(id).and_then(|actions| actions.first()).copied()
    }

    fn call(&mut self, id: &str, call: &Call) {
        match &call.fate {
            Fate::Answered(ack) => self.answered(id, call.tool, ack),
            Fate::Cut => {}
            Fate::Open | Fate::Dropped => {
                let how = if call.fate == Fate::Open { "never ended" } else { "lost its connection without a kill" };
                self.find(Rule::BrokenConnection, format!("{id} of run {} {how}", call.run));
            }
        }
        let arrivals = self.evidence.seen.get(id).map_or(0, |seen| seen.arrivals);
        if call.tool == Tool::Unsafe && arrivals > 1 {
            self.find(Rule::DoubleEffect, format!("{id} was sent {arrivals} times"));
        }
    }

    fn answered(&mut self, id: &str, tool: Tool, ack: &Ack) {
        let action = self.action(id);
        let told = action.map_or_else(|| "no record".to_owned(), tell);
        let ended = |status| {
            action.is_some_and(|action| action.permitted && action.outcomes.iter().any(|ended| ended.status == status))
        };
        let holds = match ack {
            Ack::Done => ended(OutcomeStatus::Done),
            Ack::Failed => ended(OutcomeStatus::Failed),
            Ack::Refused { action: named, .. } if tool == Tool::Denied => {
                action.is_some_and(|action| !action.permitted && named.as_ref() == Some(&action.id))
            }
            Ack::Refused { code, .. } => {
                self.find(Rule::UnexpectedRefusal, format!("{id}: {code}; {told}"));
                return;
            }
        };
        if !holds {
            self.find(Rule::LostRecord, format!("{id} was answered {ack:?}, and the journal has {told}"));
        }
    }

    fn effects(&mut self) {
        let effects: Vec<(&str, usize, Option<&Effect>)> =
            self.effects.iter().map(|(id, effects)| (*id, effects.len(), effects.first().copied())).collect();
        for (id, times, first) in effects {
            if times > 1 {
                self.find(Rule::DoubleEffect, format!("{id} took effect {times} times"));
            }
            if let Some(effect) = first {
                self.effect(id, effect);
            }
        }
    }

    fn effect(&mut self, id: &str, effect: &Effect) {
        let Some(action) = self.action(id) else {
            return self.find(Rule::UnrecordedEffect, format!("{id} took effect and has no record"));
        };
        let (told, at) = (tell(action), action.at);
        let keyed = effect.tool == Tool::Keyed.name();
        let fits = action.agent == effect.agent
            && action.tool == effect.tool
            && effect.key.as_ref() == keyed.then_some(&action.id);
        let not_done = action
            .outcomes
            .iter()
            .any(|ended| matches!(ended.status, OutcomeStatus::Failed | OutcomeStatus::NotDispatched));
        let permitted = action.permitted;
        if !fits || effect.at < at {
            self.find(Rule::UnrecordedEffect, format!("{effect:?} does not follow from {told}"));
        }
        if !permitted || not_done {
            self.find(Rule::ForbiddenEffect, format!("{id} took effect, and the journal has {told}"));
        }
    }

    fn records(&mut self) {
        let lines: Vec<(Rule, String)> = self.actions.values().flat_map(|actions| self.recorded(actions)).collect();
        self.found.extend(lines.into_iter().map(|(rule, detail)| Violation { rule, detail }));
        for id in &self.evidence.journal.strays {
            self.found
                .push(Violation { rule: Rule::WrongBooks, detail: format!("{id} has an outcome and no decision") });
        }
    }

    fn recorded(&self, actions: &[&Action]) -> Vec<(Rule, String)> {
        let mut found = Vec::new();
        for action in actions {
            let call = self.evidence.calls.get(&action.call);
            let outcomes = action.outcomes.len();
            if call.is_none() || actions.len() > 1 || outcomes > 1 || (!action.permitted && outcomes > 0) {
                found.push((Rule::WrongBooks, format!("{}: {}", action.call, tell(action))));
            }
            match action.outcomes.first() {
                None if action.permitted => found.push((Rule::OpenIntent, tell(action))),
                Some(ended) if ended.status == OutcomeStatus::InDoubt && !self.is_explained(action, ended.index) => {
                    let fate = call.map(|call| &call.fate);
                    found.push((Rule::UnexplainedDoubt, format!("{}, of a call that ended {fate:?}", tell(action))));
                }
                Some(ended) if ended.status == OutcomeStatus::Done && !self.was_done(action) => {
                    found.push((Rule::MissingEffect, tell(action)));
                }
                _ => {}
            }
        }
        found
    }

    /// A kill cut the call off, and the doubt was recorded by the first start after the decision.
    fn is_explained(&self, action: &Action, outcome: u64) -> bool {
        let cut = self.evidence.calls.get(&action.call).is_some_and(|call| call.fate == Fate::Cut);
        let next = self.evidence.journal.starts.iter().find(|start| start.index > action.index);
        cut && next.is_some_and(|start| outcome > start.index && outcome <= start.index + start.in_flight)
    }

    fn was_done(&self, action: &Action) -> bool {
        let writes = Tool::named(&action.tool).is_none_or(Tool::writes);
        !writes || self.effects.contains_key(action.call.as_str())
    }

    fn starts(&mut self) {
        let journal = &self.evidence.journal;
        let mut found = Vec::new();
        for start in &journal.starts {
            let open = journal.actions.values().filter(|action| {
                let ended = action.outcomes.first().map_or(u64::MAX, |ended| ended.index);
                action.permitted && action.index < start.index && ended > start.index
            });
            let (mut count, mut others) = (0, Vec::new());
            for action in open {
                count += 1;
                let there = action.outcomes.first().is_some_and(|ended| {
                    ended.status == OutcomeStatus::InDoubt && ended.index <= start.index + start.in_flight
                });
                if !there {
                    others.push(tell(action));
                }
            }
            if count != start.in_flight || !others.is_empty() {
                let said = start.in_flight;
                found.push(format!("record {} says {said} in flight, there are {count}: {others:?}", start.index));
            }
        }
        for detail in found {
            self.find(Rule::WrongRecovery, detail);
        }
        let starts = journal.starts.len() as u64;
        let (ready, started) = (self.evidence.ready, self.evidence.started);
        if starts < ready || starts > started {
            let detail = format!("{starts} starts are recorded, of {started}, and {ready} of them were ready");
            self.find(Rule::LostStart, detail);
        }
    }
}
