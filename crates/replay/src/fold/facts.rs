//! Facts that rest on what is kept: gathered for a decision, and counted again for one that was recorded.

use std::collections::{BTreeMap, BTreeSet};

use stages::facts::{self, Level};
use stages::{approval_budget, break_glass};
use types::bundle::BundleData;
use types::case::CaseState;
use types::mutant::{self, Mutant};
use types::reversal::Tested;
use types::{
    ActionProposal, AgentId, AutonomyLevel, ClassId, Decision, Digest, Epochs, Fact, FactName, FactValue, Facts, Grant,
    Millis, PersonId, Principal, ProfileId, Session, Target, ToolName,
};

use super::{Again, Books, Tickets};
use crate::state::{Conduct, Quarantine, kind};

/// Are the facts about switches, each with the word for what such a switch covers.
const SWITCHES: [(&str, &str); 4] =
    [("switch.tenant", "tenant"), ("switch.agent", "agent"), ("switch.tool", "tool"), ("switch.class", "action class")];

/// Is how old what is known of an agent's conduct may be when a proposal is prepared beside the sequencer, in
/// milliseconds: as far as clocks are let drift.
const CONDUCT_AGE_MS: i64 = 5_000;

/// Are the sources of facts that are counted again, each with the kind of rows it rests on.
const COUNTED: [(&str, &str); 13] = [
    ("meter", kind::METER),
    ("circuits", kind::CIRCUIT),
    ("bulks", kind::BULK),
    ("behaviour", kind::HOUR),
    ("switches", kind::SWITCH),
    ("cases", kind::CASE),
    ("grants", kind::GRANT),
    ("undos", kind::TESTED),
    ("permissions", kind::PERMISSION),
    ("session", kind::SESSION),
    (approval_budget::SOURCE, kind::RECENT_VOTE),
    ("pins", kind::PIN),
    (break_glass::SOURCE, kind::BREAK_GLASS),
];

/// Says whether a fact is one that whoever has the whole log counts again.
pub fn is_counted(fact: &Fact) -> bool {
    COUNTED.iter().any(|(source, _)| *source == fact.source) || is_history(fact) || is_quarantine(fact)
}

fn is_history(fact: &Fact) -> bool {
    fact.source == "conduct"
}

fn is_quarantine(fact: &Fact) -> bool {
    fact.name.as_str() == "tool.quarantined"
}

/// Is what people gave by hand, and what was found of tools, as one snapshot has it.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Levels given by hand.
    pub grants: &'a BTreeMap<(AgentId, ClassId), Grant>,
    /// Definitions pinned by hand, which win over the catalogue's.
    pub pins: &'a BTreeMap<ToolName, Digest>,
    /// Tools whose definition is not the reviewed one.
    pub quarantine: &'a BTreeMap<ToolName, Quarantine>,
    /// What agents named that they run.
    pub identities: &'a BTreeMap<AgentId, Epochs>,
    /// Tools whose undo was seen to work.
    pub tested: &'a BTreeMap<ToolName, Tested>,
}

/// Gathers what an agent said when it opened its session: `session.plan`, and `session.model|prompt|epoch` if it named what it runs.
pub fn of_session(session: &Session, at: Millis) -> Facts {
    let mut said = Facts::new();
    let mut set = |name: &'static str, value: FactValue| said.set(FactName::known(name), value, "session", at);
    if let Some(plan) = &session.plan {
        set("session.plan", FactValue::List(plan.iter().cloned().collect()));
    }
    if let (Some(runs), Some(epoch)) = (&session.runs, session.epoch) {
        set("session.epoch", FactValue::Int(i64::try_from(epoch).unwrap_or(i64::MAX)));
        for (name, named) in [("session.model", &runs.model), ("session.prompt", &runs.prompt)] {
            if let Some(named) = named {
                set(name, FactValue::Text(named.clone()));
            }
        }
    }
    said
}

impl Given<'_> {
    /// Gathers `tool.quarantined`, `tool.pin` where a person or the protocol says it, and for an agent `level.*`. A level that was given to
    /// another epoch of the agent is L1 at most, and `level.given` is what it was.
    ///
    /// - `known`: holds `tool.known`, `tool.class`, `session.epoch` if the session named anything, and `resource.env` if it is known.
    pub fn facts(&self, bundle: &BundleData, proposal: &ActionProposal, known: &Facts) -> Facts {
        let mut given = self.integrity(proposal, known);
        let Principal::Agent(agent) = &proposal.principal else { return given };
        let class = known.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let grant = class.and_then(|class| self.grants.get(&(agent.clone(), class)));
        let epoch = self.epoch_of(agent, known);
        let level = grant.map(|grant| Level {
            level: grant.level_in(epoch),
            expires_at: grant.expires,
            environments: grant.environments.iter().cloned().collect(),
        });
        given.extend(facts::of_level(bundle, proposal, known, level.as_ref(), proposal.at));
        if level.is_some_and(|level| level.level == AutonomyLevel::L3) {
            let undo = bundle.undo_digest(&proposal.tool);
            let tested = self.tested.get(&proposal.tool).is_some_and(|tested| Some(tested.undo) == undo);
            given.set(FactName::known("level.tested"), tested, "undos", proposal.at);
        }
        if let Some(grant) = grant {
            given.set(FactName::known("level.grant"), grant.id.to_string(), "grants", grant.at);
            given.set(FactName::known("level.by"), grant.by.to_string(), "grants", grant.at);
        }
        if let Some(action) = grant.and_then(|grant| grant.stopped) {
            given.set(FactName::known("level.stopped"), action.to_string(), "grants", proposal.at);
        }
        if let Some(grant) = grant.filter(|grant| grant.level_in(epoch) != grant.level) {
            given.set(FactName::known("level.given"), grant.level.rank(), "grants", grant.at);
        }
        given
    }

    /// Returns the number of the epoch that the agent acts in.
    fn epoch_of(&self, agent: &AgentId, known: &Facts) -> u64 {
        let session = known.int("session.epoch").and_then(|epoch| u64::try_from(epoch).ok());
        let none = Epochs::default();
        self.identities.get(agent).unwrap_or(&none).acting(session)
    }

    /// Says whether the tool is the one that was reviewed: a pin set by hand wins over the catalogue's.
    fn integrity(&self, proposal: &ActionProposal, known: &Facts) -> Facts {
        let mut given = Facts::new();
        if mutant::on(Mutant::DefinitionCheckedAtListing) {
            given.set(FactName::known("tool.quarantined"), false, "catalogue", proposal.at);
            given.set(FactName::known("tool.pin"), "match", "catalogue", proposal.at);
            return given;
        }
        let quarantined = self.quarantine.contains_key(&proposal.tool);
        given.set(FactName::known("tool.quarantined"), quarantined, "catalogue", proposal.at);
        if proposal.tool.operation.starts_with("mcp:") && known.bool("tool.known") == Some(true) {
            // A method of the protocol has no definition that a server could change.
            given.set(FactName::known("tool.pin"), "match", "protocol", proposal.at);
        }
        if let (Some(pin), Some(seen)) = (self.pins.get(&proposal.tool), proposal.definition) {
            let word = if *pin == seen { "match" } else { "changed" };
            given.set(FactName::known("tool.pin"), word, "pins", proposal.at);
        }
        given
    }
}

fn errors_bp(conduct: Conduct) -> i64 {
    if conduct.runs > 0 { conduct.errors.saturating_mul(10_000) / conduct.runs } else { 0 }
}

impl Conduct {
    /// Gathers `history.runs` and `history.errors_bp`.
    pub fn facts(self, at: Millis) -> Facts {
        let mut history = Facts::new();
        history.set(FactName::known("history.runs"), self.runs, "conduct", at);
        history.set(FactName::known("history.errors_bp"), errors_bp(self), "conduct", at);
        history
    }
}

impl Books {
    /// Gathers what changes with every action: `rate.*`, `budget.*`, `circuit.*`, `bulk.*`, `baseline.*`, `switch.*`, `approval.*`,
    /// `cases.open`, `permission.*` where one covers the action, and `glass.*` under a break-glass.
    ///
    /// - `early`: the facts of the snapshot.
    /// - `tickets`: the live cases about the action of this digest.
    pub fn facts(
        &self,
        bundle: &BundleData,
        proposal: &ActionProposal,
        early: &Facts,
        (digest, tickets): (&Digest, &Tickets),
        now: Millis,
    ) -> Facts {
        let mut late = self.meters.of(&proposal.principal).peek(bundle, proposal, early, now);
        late.extend(self.breakers.peek(bundle, proposal, early, now));
        late.extend(self.behaviour.peek(bundle, proposal, early, now));
        let mut set = |name: &'static str, value: FactValue, source: &'static str| {
            late.set(FactName::known(name), value, source, now);
        };
        let covering = self.covering(proposal, early);
        for (name, word) in SWITCHES {
            set(name, covering.contains(word).into(), "switches");
        }
        set("approval.refused", self.refusals.hold(digest, now).into(), "cases");
        if self.returns.hold(digest, now) {
            set("approval.returned", true.into(), "cases");
        }
        let met: Vec<String> = tickets.met(bundle).iter().map(ProfileId::to_string).collect();
        set("approval.met", FactValue::List(met), "cases");
        set("approval.round", FactValue::Int(i64::from(tickets.round())), "cases");
        let openers: Vec<String> = tickets.approved.iter().map(|case| case.action.to_string()).collect();
        set("approval.opened_by", FactValue::List(openers), "cases");
        let others = self.cases.values().filter(|case| {
            case.state == CaseState::Open && case.requester == proposal.principal && !tickets.has(case.id)
        });
        set("cases.open", FactValue::Int(i64::try_from(others.count()).unwrap_or(i64::MAX)), "cases");
        // Deciding again what people are asked about already opens no case.
        let recent = |person: &PersonId| self.recent_votes.of(person).filter(|_| tickets.open.is_none()).collect();
        late.extend(approval_budget::facts(bundle, proposal, now, &recent));
        // Under no active bundle, which is before the first, nobody was permitted anything.
        let active = self.active.unwrap_or_default();
        late.extend(stages::permission::facts(self.covering_permission(proposal, early, &active, now), now));
        late.extend(break_glass::facts(self.break_glass.values(), proposal, early, self.active, now));
        late
    }

    /// Returns the words for what the switches that cover a proposal cover.
    fn covering(&self, proposal: &ActionProposal, early: &Facts) -> BTreeSet<&'static str> {
        if self.switches.is_empty() || mutant::on(Mutant::KillCheckedEarly) {
            return BTreeSet::new();
        }
        let class = early.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let (agent, tool) = (proposal.principal.agent(), Some(&proposal.tool));
        let targets = self.switches.values().map(|switch| &switch.target);
        let covering = targets.filter(|target| target.covers(&proposal.tenant, agent, tool, class.as_ref()));
        covering.map(Target::word).collect()
    }

    /// Returns what people gave by hand.
    pub fn given(&self) -> Given<'_> {
        let Self { grants, pins, quarantine, identities, tested, .. } = self;
        Given { grants, pins, quarantine, identities, tested }
    }
}

/// Is how an agent's conduct in a class grew, ending by ending.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    first: Conduct,
    grown: Vec<(Millis, Conduct)>,
}

impl Past {
    pub(super) fn from(first: Conduct) -> Self {
        Self { first, grown: Vec::new() }
    }

    pub(super) fn grow(&mut self, to: Conduct, at: Millis) {
        if self.last() != to {
            self.grown.push((at, to));
        }
    }

    fn last(&self) -> Conduct {
        self.grown.last().map_or(self.first, |(_, conduct)| *conduct)
    }

    /// Says whether a number of runs with this share of errors is what the conduct was at `since` or later.
    fn had(&self, runs: i64, errors: i64, since: Millis) -> bool {
        // Each ending adds one run.
        let Ok(place) = usize::try_from(runs.saturating_sub(self.first.runs)) else { return false };
        let known = place.checked_sub(1).map_or(Some(self.first), |last| self.grown.get(last).map(|(_, known)| *known));
        let same = known.is_some_and(|known| known.runs == runs && errors_bp(known) == errors);
        same && self.grown.get(place).is_none_or(|(next, _)| *next >= since)
    }
}

/// Is what counting the facts of one decision again came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recount {
    /// The facts that are not what the records before make them.
    pub wrong: Vec<String>,
    /// The facts that the records before no longer tell.
    pub untold: Vec<String>,
}

impl Again {
    /// Counts the facts of a decision again that rest on what was kept when it was made: its record MUST be the next to be
    /// taken.
    pub fn recount(&self, bundle: &BundleData, proposal: &ActionProposal, decision: &Decision) -> Recount {
        let (recorded, books) = (&decision.facts, self.books());
        let tickets = books.tickets(&decision.action_digest, &decision.bundle, decision.at);
        let mut expected = books.given().facts(bundle, proposal, recorded);
        let about = (&decision.action_digest, &tickets);
        expected.extend(books.facts(bundle, proposal, recorded, about, decision.at));
        if let Some(session) = proposal.session.and_then(|id| books.sessions().get(&id)) {
            expected.extend(of_session(session, proposal.at));
        }
        let counted = |fact: &&Fact| is_counted(fact) && !is_history(fact);
        let wrong = expected.iter().filter(counted).filter(|fact| recorded.get(fact.name.as_str()) != Some(fact));
        let invented = recorded.iter().filter(counted).filter(|fact| expected.get(fact.name.as_str()).is_none());
        let mut found = Recount::default();
        for fact in wrong.chain(invented) {
            let in_doubt = self.doubts(rests_on(fact)) || (fact.source == "grants" && self.doubts(kind::IDENTITY));
            found.tell(fact.name.as_str(), in_doubt);
        }
        if !self.history_fits(proposal, recorded) {
            found.tell("history.runs", self.doubts(kind::CONDUCT));
        }
        found
    }

    /// A proposal is prepared beside the sequencer, so what it knows of its agent's conduct may be a moment old.
    fn history_fits(&self, proposal: &ActionProposal, recorded: &Facts) -> bool {
        let (runs, errors) = (recorded.int("history.runs"), recorded.int("history.errors_bp"));
        let class = recorded.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let (Some(agent), Some(class)) = (proposal.principal.agent(), class) else {
            return runs.is_none() && errors.is_none();
        };
        let (Some(runs), Some(errors)) = (runs, errors) else { return false };
        // While the clock is not believed, nothing depends on how old it is: everything is denied.
        let doubtful = recorded.bool("clock.jumped") == Some(true);
        let since = if doubtful { Millis(i64::MIN) } else { proposal.at.plus(-CONDUCT_AGE_MS) };
        match self.past(agent, &class) {
            Some(past) => past.had(runs, errors, since),
            None => {
                let now = self.books().conduct().get(&(agent.clone(), class)).copied().unwrap_or_default();
                (runs, errors) == (now.runs, errors_bp(now))
            }
        }
    }
}

impl Recount {
    fn tell(&mut self, name: &str, in_doubt: bool) {
        let told = if in_doubt { &mut self.untold } else { &mut self.wrong };
        if !told.iter().any(|known| known == name) {
            told.push(name.to_owned());
        }
    }
}

fn rests_on(fact: &Fact) -> &'static str {
    if is_quarantine(fact) {
        return kind::QUARANTINE;
    }
    COUNTED.iter().find(|(source, _)| *source == fact.source).map_or(kind::CASE, |(_, kind)| kind)
}
