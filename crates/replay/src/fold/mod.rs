//! The fold: what the records, one after the other, make of everything that is kept between decisions.
//!
//! [`Books::take`] is the only way in which anything kept changes because of a record. Whoever records something lets it be
//! taken at once, and whoever counts a journal again lets its records be taken one by one: so there is no second set of
//! rules that could agree with itself. Nothing here decides: a vote, an ending, a charge is taken as it was recorded.

mod again;
mod cases;
mod compare;
mod due;
mod event;
mod facts;
mod flights;
mod leaving;
mod meters;
mod ops;
mod refusals;
mod repeats;
mod sessions;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stages::approval::VoteError;
use stages::decision::{PERMIT_MS, reserved};
use stages::limits::Reservation;
use types::bundle::BundleData;
use types::case::Case;
use types::mutant::{self, Mutant};
use types::{
    ActionId, AgentId, CaseId, ClassId, Digest, Grant, KeyId, Millis, OutcomeStatus, Principal, Session, ToolName,
    Verdict,
};

pub use again::{Again, Problem, Rebuilt};
pub use cases::Tickets;
pub use compare::{Answer, Comparison, Counts, RowTold, compare};
pub use event::{Decided, Event, Said};
pub use facts::{Given, Recount, is_counted};
pub use flights::{Flights, REPORTED_PERMIT_MS, UNREPORTED_MS};
pub use leaving::Leaving;
pub use meters::Meters;
pub use ops::{Op, Ops};
pub use refusals::Refusals;
pub use repeats::{KEY_MS, KEYS_MAX, Known, Repeats};
pub use sessions::{SESSION_IDLE_MS, Sessions};
pub use source::Rows;

use crate::state::{Conduct, Key, OpenFlight, Quarantine, Summed, Switch, kind};
use source::{read, values};

/// Says why a record cannot follow upon those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The policy bundle it was recorded under is not at hand.
    #[error("{0}")]
    NoBundle(String),
    /// It is about a case that is not live.
    #[error("the case `{0}` is not live")]
    NoCase(CaseId),
    /// It is about an action that awaits no outcome.
    #[error("the action `{0}` awaits no outcome")]
    NoFlight(ActionId),
    /// It is a vote that does not count.
    #[error(transparent)]
    Vote(#[from] VoteError),
    /// It does not say what a record of its kind says.
    #[error("its content is not that of such a record")]
    Unreadable,
}

/// Is where a record stands: its index, its time, and the policy bundle in force.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The record's index.
    pub index: u64,
    /// The record's time.
    pub now: Millis,
    /// The bundle; a text that says why it is not at hand.
    pub bundle: Result<&'a BundleData, &'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn bundle(&self) -> Result<&'a BundleData, FoldError> {
        self.bundle.map_err(|why| FoldError::NoBundle(why.to_owned()))
    }
}

/// Is everything that is kept between decisions.
#[derive(Debug, Clone, Default)]
pub struct Books {
    active: Option<Digest>,
    bundles: BTreeSet<Digest>,
    grants: Arc<BTreeMap<(AgentId, ClassId), Grant>>,
    quarantine: Arc<BTreeMap<ToolName, Quarantine>>,
    pins: Arc<BTreeMap<ToolName, Digest>>,
    switches: BTreeMap<String, Switch>,
    cases: BTreeMap<CaseId, Case>,
    refusals: Refusals,
    flights: Flights,
    sessions: Sessions,
    keys: BTreeMap<KeyId, Key>,
    conduct: BTreeMap<(AgentId, ClassId), Conduct>,
    repeats: Repeats,
    meters: Meters,
}

impl Books {
    /// Takes up what is stored; without any rows it is a journal that has not begun.
    ///
    /// # Errors
    ///
    /// A sentence saying which stored value cannot be read.
    pub fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let bundles = rows(kind::BUNDLE)?;
        let active = bundles.iter().find(|(key, _)| key == ACTIVE).map(|(_, value)| types::cbor::decode(value));
        let pins = read::<(ToolName, Digest)>(rows, kind::PIN)?.into_iter().map(|(_, pin)| pin).collect();
        let conduct = read::<((AgentId, ClassId), Conduct)>(rows, kind::CONDUCT)?.into_iter().map(|(_, entry)| entry);
        Ok(Self {
            active: active.transpose().map_err(|e| format!("the active bundle's digest is {e}"))?,
            bundles: bundles.iter().filter_map(|(key, _)| Digest::from_hex(key)).collect(),
            grants: Arc::new(values(rows, kind::GRANT, |g: &Grant| (g.agent.clone(), g.class.clone()))?),
            quarantine: Arc::new(values(rows, kind::QUARANTINE, |q: &Quarantine| q.tool.clone())?),
            pins: Arc::new(pins),
            switches: values(rows, kind::SWITCH, |s: &Switch| s.target.key())?,
            cases: values(rows, kind::CASE, |c: &Case| c.id)?,
            refusals: Refusals::load(rows)?,
            flights: Flights::load(rows)?,
            sessions: Sessions::load(values(rows, kind::SESSION, |s: &Session| s.id)?),
            keys: values(rows, kind::KEY, |k: &Key| k.id)?,
            conduct: conduct.collect(),
            repeats: Repeats::load(rows)?,
            meters: Meters::load(rows)?,
        })
    }

    /// Returns the digest of the active bundle; `None` until one was activated.
    pub fn active(&self) -> Option<Digest> {
        self.active
    }

    /// Returns the digests of the bundles that were ever active.
    pub fn bundles(&self) -> &BTreeSet<Digest> {
        &self.bundles
    }

    /// Returns the levels given by hand.
    pub fn grants(&self) -> &Arc<BTreeMap<(AgentId, ClassId), Grant>> {
        &self.grants
    }

    /// Returns the tools whose definition is not the reviewed one.
    pub fn quarantine(&self) -> &Arc<BTreeMap<ToolName, Quarantine>> {
        &self.quarantine
    }

    /// Returns the definitions pinned by hand.
    pub fn pins(&self) -> &Arc<BTreeMap<ToolName, Digest>> {
        &self.pins
    }

    /// Returns the kill switches that are set, by their key.
    pub fn switches(&self) -> &BTreeMap<String, Switch> {
        &self.switches
    }

    /// Returns the cases that are open or approved.
    pub fn cases(&self) -> &BTreeMap<CaseId, Case> {
        &self.cases
    }

    /// Returns the exact actions that a person refused.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Returns the permitted actions without an outcome.
    pub fn flights(&self) -> &Flights {
        &self.flights
    }

    /// Returns the open sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Returns the bearer keys.
    pub fn keys(&self) -> &BTreeMap<KeyId, Key> {
        &self.keys
    }

    /// Returns how the actions of agents ended, by agent and class.
    pub fn conduct(&self) -> &BTreeMap<(AgentId, ClassId), Conduct> {
        &self.conduct
    }

    /// Returns the idempotency keys.
    pub fn repeats(&self) -> &Repeats {
        &self.repeats
    }

    /// Returns what everybody has used of rates and budgets.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Lets a record change what is kept, and returns the cases that it changed.
    ///
    /// # Errors
    ///
    /// [`FoldError`] if it cannot follow upon the records before it; then nothing has changed.
    pub fn take(&mut self, event: Event<'_>, place: &Place<'_>, ops: &mut Ops) -> Result<Vec<Case>, FoldError> {
        match event {
            Event::Nothing => {}
            Event::Decided(decided) => return self.decided(&decided, place, ops),
            Event::Counted(session, permitted) => self.count_in(&session, permitted, place.now, ops),
            Event::Landed(action, status) => self.landed(&action, status, place, ops)?,
            Event::Voted(vote) => return self.voted(&vote, place, ops).map(|case| vec![case]),
            Event::CaseEnded(case, state) => return self.ended(&case, state, ops).map(|case| vec![case]),
            Event::SessionOpened(session) => {
                ops.put(kind::SESSION, session.id.to_string(), &session);
                self.sessions.put(session);
            }
            Event::SessionClosed(session) => {
                ops.delete(kind::SESSION, session.to_string());
                self.sessions.remove(&session);
            }
            Event::Summed(summed) => self.summed(&summed, ops)?,
            Event::Erased(mark, erased) => ops.put(kind::ERASED, mark, &erased),
            other => self.administered(other, ops),
        }
        Ok(Vec::new())
    }

    fn administered(&mut self, event: Event<'_>, ops: &mut Ops) {
        match event {
            Event::Switched(switch) => {
                ops.put(kind::SWITCH, switch.target.key(), &switch);
                self.switches.insert(switch.target.key(), switch);
            }
            Event::Lifted(target) => {
                ops.delete(kind::SWITCH, target.key());
                self.switches.remove(&target.key());
            }
            Event::Granted(grant) => {
                ops.put(kind::GRANT, format!("{}/{}", grant.agent, grant.class), &grant);
                Arc::make_mut(&mut self.grants).insert((grant.agent.clone(), grant.class.clone()), grant);
            }
            Event::Keyed(key) => {
                ops.put(kind::KEY, key.id.to_string(), &key);
                self.keys.insert(key.id, key);
            }
            Event::Activated(digest) => {
                ops.put(kind::BUNDLE, ACTIVE, &digest);
                self.active = Some(digest);
                self.bundles.insert(digest);
            }
            Event::Pinned(tool, digest) => {
                ops.put(kind::PIN, tool.to_string(), &(tool.clone(), digest));
                ops.delete(kind::QUARANTINE, tool.to_string());
                Arc::make_mut(&mut self.quarantine).remove(&tool);
                Arc::make_mut(&mut self.pins).insert(tool, digest);
            }
            Event::Quarantined(quarantine) => {
                ops.put(kind::QUARANTINE, quarantine.tool.to_string(), &quarantine);
                Arc::make_mut(&mut self.quarantine).insert(quarantine.tool.clone(), quarantine);
            }
            _ => {}
        }
    }

    fn decided(&mut self, event: &Decided<'_>, place: &Place<'_>, ops: &mut Ops) -> Result<Vec<Case>, FoldError> {
        let Decided { proposal, decision, run } = *event;
        let permits = decision.verdict.permits();
        if permits || matches!(decision.verdict, Verdict::Escalate(_)) {
            place.bundle()?;
        }
        if let Some(session) = &proposal.session {
            self.count_in(session, permits, place.now, ops);
        }
        if let Verdict::Escalate(profiles) = &decision.verdict {
            let opened = self.asked((proposal, decision), profiles, place, ops)?;
            return Ok(opened.into_iter().collect());
        }
        // A key stands for an answer that is final; what waits for people is asked again with the same key.
        if let Some(key) = &run.idempotency_key {
            let answer = (proposal.id, decision.action_digest);
            self.repeats.remember(&proposal.principal, key, answer, place.now, ops);
        }
        if !permits {
            return Ok(Vec::new());
        }
        let Some((class, reservation)) = reserved(place.bundle()?, proposal, decision) else { return Ok(Vec::new()) };
        let used = self.consume(decision, place.now, ops);
        self.reserve(&proposal.principal, place, &reservation, ops)?;
        let life_ms = if run.reported { REPORTED_PERMIT_MS } else { PERMIT_MS };
        let flight = OpenFlight {
            principal: proposal.principal.clone(),
            on_behalf_of: proposal.on_behalf_of.clone(),
            tool: proposal.tool.clone(),
            class,
            session: proposal.session,
            reported: run.reported,
            since: place.now,
            expires: decision.at.plus(life_ms),
            charged: reservation.budgets.iter().map(|(id, amount)| (id.to_string(), *amount)).collect(),
        };
        ops.put(kind::FLIGHT, proposal.id.to_string(), &(proposal.id, flight.clone()));
        self.flights.put(proposal.id, flight);
        Ok(used)
    }

    fn count_in(&mut self, session: &types::SessionId, permitted: bool, now: Millis, ops: &mut Ops) {
        if let Some(session) = self.sessions.count_in(session, permitted, now) {
            ops.put(kind::SESSION, session.id.to_string(), &session);
        }
    }

    fn reserve(
        &mut self,
        principal: &Principal,
        place: &Place<'_>,
        reservation: &Reservation,
        ops: &mut Ops,
    ) -> Result<(), FoldError> {
        let mut meter = self.meters.of(principal);
        if !mutant::on(Mutant::BudgetChargedLate) {
            meter.reserve(place.bundle()?, reservation, place.now);
        }
        self.meters.put(principal, meter, ops);
        Ok(())
    }

    fn landed(
        &mut self,
        action: &ActionId,
        status: OutcomeStatus,
        place: &Place<'_>,
        ops: &mut Ops,
    ) -> Result<(), FoldError> {
        let flight = self.flights.remove(action).ok_or(FoldError::NoFlight(*action))?;
        ops.delete(kind::FLIGHT, action.to_string());
        if mutant::on(Mutant::BudgetChargedLate) {
            self.charge_late(&flight, place, ops)?;
        }
        if status == OutcomeStatus::NotDispatched {
            self.refund(&flight, ops);
        } else if let (Principal::Agent(agent), false) = (&flight.principal, flight.reported) {
            self.count(agent, &flight.class, status != OutcomeStatus::Done, ops);
        }
        Ok(())
    }

    /// Gives back what a permit had charged to budgets, since nothing was done with it.
    fn refund(&mut self, flight: &OpenFlight, ops: &mut Ops) {
        if flight.charged.is_empty() || mutant::on(Mutant::BudgetKept) {
            return;
        }
        let mut meter = self.meters.of(&flight.principal);
        for (id, spend) in &mut meter.spends {
            let charged = flight.charged.iter().filter(|(name, _)| name == id.as_str()).map(|(_, amount)| *amount);
            // A period that has ended since has forgotten the charge already.
            if spend.from <= flight.since {
                spend.spent = spend.spent.saturating_sub(charged.sum()).max(0);
            }
        }
        self.meters.put(&flight.principal, meter, ops);
    }

    /// Is what a planted bug does: charges an action when it ends.
    fn charge_late(&mut self, flight: &OpenFlight, place: &Place<'_>, ops: &mut Ops) -> Result<(), FoldError> {
        let mut meter = self.meters.of(&flight.principal);
        let budgets = flight.charged.iter().filter_map(|(name, amount)| Some((name.parse().ok()?, *amount)));
        let reservation = Reservation { rates: Vec::new(), budgets: budgets.collect() };
        meter.reserve(place.bundle()?, &reservation, place.now);
        self.meters.put(&flight.principal, meter, ops);
        Ok(())
    }

    fn count(&mut self, agent: &AgentId, class: &ClassId, failed: bool, ops: &mut Ops) {
        let key = (agent.clone(), class.clone());
        let conduct = self.conduct.entry(key.clone()).or_default();
        conduct.runs += 1;
        conduct.errors += i64::from(failed);
        ops.put(kind::CONDUCT, format!("{agent}/{class}"), &(key, *conduct));
    }

    fn summed(&mut self, summed: &Summed, ops: &mut Ops) -> Result<(), FoldError> {
        if !summed.meter.is_empty() {
            self.meters.set(&summed.principal, &summed.meter, ops).ok_or(FoldError::Unreadable)?;
        }
        for (class, conduct) in &summed.conduct {
            let agent = summed.principal.agent().ok_or(FoldError::Unreadable)?;
            let key = (agent.clone(), class.clone());
            ops.put(kind::CONDUCT, format!("{agent}/{class}"), &(key.clone(), *conduct));
            self.conduct.insert(key, *conduct);
        }
        Ok(())
    }

    /// Sums up what is counted of everybody for whom `goes` says that records it rests on go.
    pub fn sum_up(&self, goes: impl Fn(&Principal) -> bool) -> Vec<Summed> {
        let mut all: BTreeMap<String, Summed> = BTreeMap::new();
        let new = |principal| Summed { principal, meter: Vec::new(), conduct: Vec::new() };
        for (who, meter) in self.meters.all() {
            if let Some(principal) = Principal::from_subject(who) {
                all.insert(who.clone(), Summed { meter, ..new(principal) });
            }
        }
        for ((agent, class), conduct) in &self.conduct {
            let principal = Principal::Agent(agent.clone());
            let summed = all.entry(principal.subject()).or_insert_with(|| new(principal));
            summed.conduct.push((class.clone(), *conduct));
        }
        all.into_values().filter(|summed| goes(&summed.principal)).collect()
    }

    /// Forgets what has ended by itself and stands for nothing any more: no record says so.
    pub fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        self.repeats.sweep(now, ops);
        self.refusals.sweep(now, ops);
    }

    /// Forgets what rests on a subject, whose records go with it: so nobody who counts them again finds it either.
    ///
    /// Returns how many keys and levels it took along.
    pub fn forget(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> (u64, u64) {
        let (keys, levels) = (self.forget_keys(leaving, ops), self.forget_grants(leaving, ops));
        self.meters.remove(leaving.subject(), ops);
        self.repeats.remove(leaving, ops);
        self.refusals.remove(leaving, ops);
        if let Some(agent) = leaving.subject().agent() {
            for (_, class) in self.conduct.keys().filter(|(counted, _)| counted == agent) {
                ops.delete(kind::CONDUCT, format!("{agent}/{class}"));
            }
            self.conduct.retain(|(counted, _), _| counted != agent);
        }
        (keys, levels)
    }

    /// Removes the keys that the subject holds, made, or is acted for with; those it made for others have ended by now.
    fn forget_keys(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> u64 {
        let before = self.keys.len();
        self.keys.retain(|id, key| {
            let theirs = leaving.holds(key) || leaving.is(&key.by);
            if theirs {
                ops.delete(kind::KEY, id.to_string());
            }
            !theirs
        });
        (before - self.keys.len()) as u64
    }

    /// Removes the levels that were given to the subject, or by it and have ended.
    fn forget_grants(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) -> u64 {
        let before = self.grants.len();
        for grant in self.grants.values().filter(|grant| leaving.was_given(grant)) {
            ops.delete(kind::GRANT, format!("{}/{}", grant.agent, grant.class));
        }
        Arc::make_mut(&mut self.grants).retain(|_, grant| !leaving.was_given(grant));
        (before - self.grants.len()) as u64
    }
}

/// Is the key of the row that names the active bundle; the others hold the files of one each.
pub const ACTIVE: &str = "current";
