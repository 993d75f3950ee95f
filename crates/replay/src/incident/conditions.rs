//! The conditions of a recorded session: decides again on the facts that were recorded, under any bundle.
//!
//! What proposal and bundle alone decide is computed anew. What somebody else told (inventory, meters, histories, levels,
//! switches, cases, the clock) is taken as it was recorded: from the same call, or where the call is another one, from the
//! nearest recorded call about the same tool, class, resource or limit. What no record tells is supposed, and named.

use std::collections::BTreeSet;

use policy::{ADMIN_TOOLS, Bundle};
use stages::behaviour::{self, Hours};
use stages::breaker;
use stages::decision::{Late, PERMIT_MS, finish};
use stages::facts;
use stages::limits::Meter;
use types::decision::Semantics;
use types::{ActionProposal, Claims, Decision, Fact, FactName, FactValue, Facts, Millis, Verdict};

use super::calls::Call;
use super::player::Rules;
use super::recording::Recording;
use super::ruling::{People, Ruling};
use crate::again;
use crate::derived::is_computed;
use crate::judge;

/// Is a call decided on recorded facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What became of it.
    pub ruling: Ruling,
    /// The last decision, with the facts it read.
    pub decision: Decision,
    /// The facts that no record tells, by name: they were supposed to be as if nothing stood against the call.
    pub supposed: BTreeSet<String>,
}

/// Is what is known of the time of a session.
#[derive(Debug)]
pub struct Conditions<'a> {
    recording: &'a Recording,
    /// Every decision in order, with the place of its call.
    decided: Vec<(usize, &'a Decision)>,
}

impl<'a> Conditions<'a> {
    /// Knows what a recording tells.
    pub fn of(recording: &'a Recording) -> Self {
        let calls = recording.calls.iter().enumerate();
        let decided = calls.flat_map(|(place, call)| call.decided.iter().map(move |(_, decision)| (place, decision)));
        Self { recording, decided: decided.collect() }
    }

    /// Decides a recorded call under a bundle, as often as it was decided: again after people had approved.
    ///
    /// - `claims`: what the agent says of itself now; absent to take what it said then.
    ///
    /// # Errors
    ///
    /// A text that says that there is no such call, that rules of another version decided it, or why a bundle cannot be used.
    pub fn again(&self, rules: &Rules, place: usize, claims: Option<&Claims>) -> Result<Judged, String> {
        let call = self.recording.calls.get(place).ok_or("there is no such call")?;
        let mut rounds = call.decided.iter();
        let mut judged = self.round(rules, place, rounds.next().ok_or("it was never decided")?, claims)?;
        for round in rounds {
            if !matches!(judged.decision.verdict, Verdict::Escalate(_)) {
                return Ok(judged);
            }
            judged = self.round(rules, place, round, claims)?;
            if judged.decision.verdict.permits() {
                judged.ruling.people = Some(People::Approved);
            }
        }
        if matches!(judged.decision.verdict, Verdict::Escalate(_)) {
            judged.ruling.people = Some(asked(call, &judged.decision));
        }
        Ok(judged)
    }

    fn round(
        &self,
        rules: &Rules,
        place: usize,
        (proposal, recorded): &'a (ActionProposal, Decision),
        claims: Option<&Claims>,
    ) -> Result<Judged, String> {
        let semantics = again::rules(recorded)?;
        let claims = claims.unwrap_or(&proposal.claims).clone();
        let proposal = ActionProposal { claims, ..proposal.clone() };
        Ok(self.decide((rules.bundle(&recorded.bundle)?, semantics), &proposal, place, recorded, true))
    }

    /// Decides a call that is not in the record, as of a place in it.
    ///
    /// - `place`: how many recorded calls were met; the conditions are those of the last of them.
    ///
    /// # Errors
    ///
    /// A text that says that nothing is recorded, that rules decided then which this program does not have, or why a bundle cannot be used.
    pub fn other(&self, rules: &Rules, proposal: &ActionProposal, place: usize) -> Result<Judged, String> {
        let last = self.recording.calls.get(place.saturating_sub(1)).or(self.recording.calls.last());
        let (_, recorded) = last.and_then(|call| call.decided.last()).ok_or("no call is recorded")?;
        let semantics = again::rules(recorded)?;
        let proposal = ActionProposal { at: recorded.at, ..proposal.clone() };
        let bundle = rules.bundle(&recorded.bundle)?;
        let mut judged = self.decide((bundle, semantics), &proposal, place.saturating_sub(1), recorded, false);
        if matches!(judged.decision.verdict, Verdict::Escalate(_)) {
            judged.ruling.people = Some(People::Nobody);
        }
        Ok(judged)
    }

    fn decide(
        &self,
        (bundle, semantics): (&Bundle, Semantics),
        proposal: &ActionProposal,
        place: usize,
        recorded: &'a Decision,
        same: bool,
    ) -> Judged {
        let mut gathered = Gathered {
            conditions: self,
            place,
            recorded: &recorded.facts,
            same,
            facts: facts::of_proposal(bundle.data(), proposal, &ADMIN_TOOLS),
            supposed: BTreeSet::new(),
            now: Millis(recorded.facts.int("now").unwrap_or(recorded.at.0)),
        };
        gathered.gather(bundle, proposal);
        let Gathered { facts, supposed, .. } = gathered;
        let early = judge::early_by(semantics, bundle, proposal, facts);
        let late = Late { facts: Facts::new(), bundle: bundle.digest(), case: recorded.case, permit_ms: PERMIT_MS };
        let decision = finish(bundle.data(), proposal, early, late).decision;
        let decision = Decision { semantics: semantics.version(), ..decision };
        Judged { ruling: Ruling::of(&decision, None), decision, supposed }
    }

    /// Finds the decision nearest to a place of which something is so: the last up to it, else the first behind it.
    fn nearest(&self, place: usize, is: impl Fn(&Facts) -> bool) -> Option<&'a Facts> {
        let before = self.decided.iter().rev().filter(|(at, _)| *at <= place);
        let behind = self.decided.iter().filter(|(at, _)| *at > place);
        before.chain(behind).map(|(_, decision)| &decision.facts).find(|facts| is(facts))
    }
}

/// Says what people are recorded to have done about a call that is put to them now: what they said of it then, if it was
/// put to the same people.
fn asked(call: &Call, now: &Decision) -> People {
    let put = |decision: &Decision| matches!(decision.verdict, Verdict::Escalate(_)) && decision.verdict == now.verdict;
    let same = call.decided.last().is_some_and(|(_, decision)| put(decision));
    call.people.filter(|_| same).unwrap_or(People::Nobody)
}

/// Are facts about a call that is of a kind, by the beginnings of their names.
const OF_TOOL: [&str; 3] = ["tool.quarantined", "tool.pin", "switch.tool"];
const OF_CLASS: [&str; 3] = ["level.", "history.", "switch.class"];
const OF_RESOURCE: [&str; 1] = ["resource."];
const OF_LIMIT: [&str; 5] = ["rate.", "budget.", "circuit.", "bulk.", "baseline."];
const OF_ACTION: [&str; 3] = ["approval.", "permission.", "glass."];

/// Is the work of gathering facts, half done.
struct Gathered<'a> {
    conditions: &'a Conditions<'a>,
    place: usize,
    recorded: &'a Facts,
    /// It is the recorded call itself.
    same: bool,
    facts: Facts,
    supposed: BTreeSet<String>,
    now: Millis,
}

impl<'a> Gathered<'a> {
    fn gather(&mut self, bundle: &Bundle, proposal: &ActionProposal) {
        let data = bundle.data();
        self.instant();
        self.of_tool(proposal);
        self.of_resource(proposal.at);
        if proposal.principal.agent().is_some() {
            let levels = facts::of_level(data, proposal, &self.facts, None, proposal.at);
            self.facts.extend(levels);
        }
        self.of_class();
        self.of_action(proposal.at);
        let timed = facts::of_time(data, proposal, &self.facts, self.now);
        self.facts.extend(timed);
        self.of_limits(Meter::default().peek(data, proposal, &self.facts, self.now));
        self.of_limits(behaviour::peek(data, proposal, &self.facts, &Hours::new(), self.now));
        self.of_limits(breaker::peek(data, proposal, &self.facts, (&|_| None, &|_| None), self.now));
    }

    /// Takes what held for every call at that instant, and what else was told that is not about a tool, class, resource,
    /// limit or exact action.
    fn instant(&mut self) {
        let particular = [&OF_TOOL[..], &OF_CLASS, &OF_RESOURCE, &OF_LIMIT, &OF_ACTION].concat();
        let told = self.recorded.iter().filter(|fact| !is_computed(fact) && !begins(fact, &particular));
        take(&mut self.facts, told);
    }

    fn of_tool(&mut self, proposal: &ActionProposal) {
        let (tool, place) = (proposal.tool.clone(), self.place);
        let calls = &self.conditions.recording.calls;
        let about = |at: &usize| calls.get(*at).is_some_and(|call| call.key().tool == tool);
        let told = if about(&place) {
            Some(self.recorded)
        } else {
            let places = (0..calls.len()).filter(about).min_by_key(|at| at.abs_diff(place));
            places.and_then(|at| calls.get(at)?.first()).map(|(_, decision)| &decision.facts)
        };
        match told {
            Some(told) => {
                take(&mut self.facts, told.iter().filter(|fact| !is_computed(fact) && begins(fact, &OF_TOOL)))
            }
            None => {
                self.suppose("tool.quarantined", false.into());
                self.suppose("switch.tool", false.into());
                if tool.operation.starts_with("mcp:") && self.facts.bool("tool.known") == Some(true) {
                    self.facts.set(FactName::known("tool.pin"), "match", "protocol", proposal.at);
                }
            }
        }
    }

    fn of_resource(&mut self, at: Millis) {
        let kind_and_id =
            |facts: &Facts| Some((facts.text("resource.kind")?.to_owned(), facts.text("resource.id")?.to_owned()));
        let Some(wanted) = kind_and_id(&self.facts) else {
            if self.facts.bool("resource.mapped") == Some(true) {
                self.facts.extend(facts::of_entity(None, at));
            }
            return;
        };
        let told = self.told(|facts| kind_and_id(facts).as_ref() == Some(&wanted));
        match told {
            Some(told) => {
                take(&mut self.facts, told.iter().filter(|fact| !is_computed(fact) && begins(fact, &OF_RESOURCE)))
            }
            None => self.suppose("resource.known", false.into()),
        }
    }

    fn of_class(&mut self) {
        // A tool that the catalogue does not have has no class, and shares that with every other such tool.
        let class = self.facts.text("tool.class").map(str::to_owned);
        match self.told(|facts| facts.text("tool.class") == class.as_deref()) {
            Some(told) => {
                take(&mut self.facts, told.iter().filter(|fact| !is_computed(fact) && begins(fact, &OF_CLASS)))
            }
            None => {
                self.suppose("level.rank", 0.into());
                self.suppose("history.runs", 0.into());
                self.suppose("history.errors_bp", 0.into());
                self.suppose("switch.class", false.into());
            }
        }
    }

    /// Approvals bind to the exact action: another one has none. Nor does a break-glass for one call hold for another.
    fn of_action(&mut self, at: Millis) {
        if self.same {
            let told = self.recorded.iter().filter(|fact| !is_computed(fact) && begins(fact, &OF_ACTION));
            return take(&mut self.facts, told);
        }
        let none = || FactValue::List(Vec::new());
        let blank = [("approval.met", none()), ("approval.opened_by", none()), ("approval.round", 0.into())];
        let room = [("approval.passed", none()), ("approval.spent", none())];
        for (name, value) in blank.into_iter().chain(room).chain([("approval.refused", false.into())]) {
            self.facts.set(FactName::known(name), value, "cases", at);
        }
    }

    /// Takes the counters of the limits that cover the call; one that was not there then is unused.
    fn of_limits(&mut self, peeked: Facts) {
        for fact in peeked.iter() {
            let name = fact.name.as_str();
            let told = if is_computed(fact) { None } else { self.told(|facts| facts.get(name).is_some()) };
            match told.and_then(|told| told.get(name)) {
                // What stands behind a dot belongs to it, such as how many probes of a circuit are free.
                Some(fact) => {
                    let parts = format!("{name}.");
                    let parts = told.into_iter().flat_map(|told| told.under(&parts));
                    take(&mut self.facts, parts.filter(|part| !is_computed(part)).chain([fact]));
                }
                None => {
                    if !is_computed(fact) {
                        self.supposed.insert(name.to_owned());
                    }
                    take(&mut self.facts, std::iter::once(fact));
                }
            }
        }
    }

    /// Finds recorded facts of which something is so: those of the call itself, else the nearest.
    fn told(&self, is: impl Fn(&Facts) -> bool) -> Option<&'a Facts> {
        if is(self.recorded) { Some(self.recorded) } else { self.conditions.nearest(self.place, is) }
    }

    fn suppose(&mut self, name: &'static str, value: FactValue) {
        self.supposed.insert(name.to_owned());
        self.facts.set(FactName::known(name), value, "supposed", self.now);
    }
}

fn begins(fact: &Fact, names: &[&str]) -> bool {
    names.iter().any(|name| fact.name.as_str().starts_with(name))
}

fn take<'a>(into: &mut Facts, told: impl Iterator<Item = &'a Fact>) {
    for fact in told {
        into.set(fact.name.clone(), fact.value.clone(), fact.source.clone(), fact.at);
    }
}
