//! A permit: it begins one flight, uses its approval once, stays within its limits, and no kill switch covers it.

use replay::fold::Books;
use stages::break_glass::under;
use stages::decision::{Granted, Permit};
use stages::limits::{Meter, Reservation};
use stages::permission;
use stages::switches::CLEAR;
use types::break_glass::{BreakGlass, LIFE_MINUTES_MAX, Turned};
use types::bundle::BundleData;
use types::case::{Case, CaseState};
use types::{
    ActionId, AgentId, Broken, CaseId, Decision, Invariant, Millis, Permission, PermissionId, Principal, Target,
};

use super::limits;
use super::reviewing::people_decided;

/// Is a decision that is to be recorded, and what is kept of that which it may change.
pub(in crate::machine) struct Permitting<'a> {
    permit: Option<(&'a Permit, &'a Reservation)>,
    action: ActionId,
    was_flying: bool,
    meter: Meter,
    /// Whether the named case was approved.
    was_approved: bool,
    /// The case that the decision opens or joins.
    was_open: Option<CaseId>,
    /// The permission that the decision runs on, as it was kept.
    covered: Option<(PermissionId, Option<Permission>)>,
    /// How many uses were left of all permissions.
    uses: u64,
}

impl<'a> Permitting<'a> {
    /// Looks at what is kept.
    ///
    /// - `granted`: the authority that comes with the decision.
    pub(in crate::machine) fn of(books: &Books, decision: &Decision, granted: Option<&'a Granted>) -> Self {
        let permit = granted.map(|granted| (&granted.permit, &granted.reservation));
        let state = |id: CaseId| books.cases().get(&id).map(|case| case.state);
        let named = decision.case.and_then(state);
        Self {
            permit,
            action: decision.action,
            was_flying: books.flights().get(&decision.action).is_some(),
            meter: permit.map(|(permit, _)| books.meters().of(permit.principal())).unwrap_or_default(),
            was_approved: named == Some(CaseState::Approved),
            was_open: decision.case.filter(|_| named == Some(CaseState::Open)),
            covered: permission::used(&decision.findings, &decision.facts)
                .filter(|_| permit.is_some())
                .map(|id| (id, books.permissions().get(&id).cloned())),
            uses: uses(books),
        }
    }

    /// Asserts that what is kept now follows from the decision.
    ///
    /// - `changed`: the cases that the record has changed.
    pub(in crate::machine) fn assert(
        &self,
        books: &Books,
        bundle: &BundleData,
        (decision, changed): (&Decision, &[Case]),
        now: Millis,
    ) -> Result<(), Broken> {
        self.takes_one_use(books, now)?;
        let is_flying = books.flights().get(&self.action).is_some();
        let Some((permit, reservation)) = self.permit else {
            let holds = is_flying == self.was_flying;
            Invariant::FlightOnce.assert(holds, || format!("{} has no permit and is in flight", self.action))?;
            return self.asks(books, decision, changed);
        };
        let begins = is_flying && !self.was_flying;
        Invariant::FlightOnce.assert(begins, || format!("{} was in flight, or is not now", self.action))?;
        limits::assert(&bundle.limits, reservation, (&self.meter, &books.meters().of(permit.principal())), now)?;
        no_switch_covers(books, permit)?;
        people_decided(changed, |person| bundle.people.contains_key(person))?;
        self.uses(books, permit, changed, now)?;
        self.runs_without(books, permit, decision, now)
    }

    /// Asserts that what runs without its approvals runs under a break-glass in force, whose keys two people turned.
    fn runs_without(&self, books: &Books, permit: &Permit, decision: &Decision, now: Millis) -> Result<(), Broken> {
        let Some(id) = under(decision) else { return Ok(()) };
        let agent = permit.principal().agent();
        let glass = books.break_glass().get(&id);
        let alone = permit.case().is_none() && self.covered.is_none();
        let holds = alone && glass.is_some_and(|glass| carries(glass, self.action, agent, now));
        Invariant::GlassHolds.assert(holds, || format!("{} runs under {id}, which does not carry it", self.action))
    }

    /// Asserts that a permit which runs on a permission takes one use of it that was left, in time, and that nothing else does.
    fn takes_one_use(&self, books: &Books, now: Millis) -> Result<(), Broken> {
        let says = || format!("{} takes another use of a permission than the one it has", self.action);
        let Some((id, before)) = &self.covered else {
            return Invariant::PermissionFits.assert(uses(books) == self.uses, says);
        };
        let good = |before: &Permission| {
            let is_of_it = self.permit.is_some_and(|(permit, _)| {
                permit.principal().agent() == Some(&before.agent)
                    && *permit.tool() == before.terms.tool
                    && permit.definition() == before.terms.definition
                    && permit.bundle() == before.bundle
            });
            let left = books.permissions().get(id).map_or(0, |kept| kept.left);
            is_of_it && now < before.expires && left.checked_add(1) == Some(before.left)
        };
        let holds = before.as_ref().is_some_and(good) && uses(books).checked_add(1) == Some(self.uses);
        Invariant::PermissionFits.assert(holds, says)
    }

    /// Asserts that people are asked about this very action, under this policy.
    fn asks(&self, books: &Books, decision: &Decision, opened: &[Case]) -> Result<(), Broken> {
        opened.iter().try_for_each(|case| self.opens(case, decision))?;
        let asked = decision.case.and_then(|id| books.cases().get(&id));
        let is_about = |case: &Case| case.action_digest == decision.action_digest && case.bundle == decision.bundle;
        Invariant::TicketOnce.assert(asked.is_none_or(is_about), || {
            let id = asked.map(|case| case.id.to_string()).unwrap_or_default();
            format!("{} waits for the case {id}, which is about something else", self.action)
        })
    }

    /// Asserts that a case that came about is new and without votes.
    fn opens(&self, case: &Case, decision: &Decision) -> Result<(), Broken> {
        let is_new = decision.case == Some(case.id) && self.was_open != decision.case && !self.was_approved;
        let holds = is_new && case.state == CaseState::Open && case.votes.is_empty();
        Invariant::CaseMoves.assert(holds, || format!("the case {} was opened as {}", case.id, case.state.as_str()))
    }

    /// Asserts that the approvals a permit runs on were good, and are used up.
    fn uses(&self, books: &Books, permit: &Permit, used: &[Case], now: Millis) -> Result<(), Broken> {
        let Some(named) = permit.case() else {
            return Invariant::TicketOnce.assert(used.is_empty(), || format!("{} uses approvals unnamed", self.action));
        };
        let is_used = self.was_approved && used.iter().any(|case| case.id == named);
        Invariant::TicketOnce
            .assert(is_used, || format!("the approval {named} was not approved, or is not used up"))?;
        let is_good = |case: &Case| {
            let is_about = case.action_digest == permit.action_digest() && case.bundle == permit.bundle();
            is_about && now < case.expires && case.state == CaseState::Consumed && !books.cases().contains_key(&case.id)
        };
        let bad = used.iter().find(|case| !is_good(case));
        Invariant::TicketOnce.assert(bad.is_none(), || {
            let id = bad.map_or(named, |case| case.id);
            format!("the approval {id} is over, about something else, of another policy, or not used up")
        })
    }
}

fn uses(books: &Books) -> u64 {
    books.permissions().values().map(|kept| u64::from(kept.left)).sum()
}

/// Says whether two different people have broken the glass for an agent, for so long, and the action is noted as the last under it.
pub(super) fn carries(glass: &BreakGlass, action: ActionId, agent: Option<&AgentId>, now: Millis) -> bool {
    let in_force = |second: &Turned| {
        let until = second.at.plus(glass.life_ms.min(i64::from(LIFE_MINUTES_MAX) * 60_000));
        second.by != glass.first.by && now < until && glass.ended.is_none()
    };
    let has_room = glass.actions.len() <= usize::try_from(glass.actions_max).unwrap_or(0);
    let is_noted = glass.actions.last().is_some_and(|used| used.action == action);
    glass.second.as_ref().is_some_and(in_force) && agent == Some(&glass.extent.agent) && has_room && is_noted
}

/// Asserts that no kill switch covers what is permitted.
fn no_switch_covers(books: &Books, permit: &Permit) -> Result<(), Broken> {
    let (agent, class) = (permit.principal().agent(), Some(permit.class()));
    let covers = |target: &&Target| target.covers(permit.tenant(), agent, Some(permit.tool()), class);
    let mut targets = books.switches().values().map(|switch| &switch.target);
    let covering = targets.find(|target| covers(target) && !lifts(permit, target));
    Invariant::KillHolds.assert(covering.is_none(), || {
        let key = covering.map(Target::key).unwrap_or_default();
        format!("{} is permitted, and the kill switch `{key}` covers it", permit.action())
    })
}

/// Says whether a permit is to lift switches, which those it may lift do not hold back.
fn lifts(permit: &Permit, target: &Target) -> bool {
    let by_person = matches!(permit.principal(), Principal::Person(_));
    permit.tool().to_string() == CLEAR && (by_person || !matches!(target, Target::Tenant(_)))
}
