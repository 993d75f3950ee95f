//! Actions: proposing, deciding, reporting what happened.

use std::sync::PoisonError;

use connectors::mcp::Connection;
use evidence::Hidden;
use executor::Flight;
use ledger::Recorded;
use stages::decision::Permit;
use types::case::Case;
use types::mutant::{self, Mutant};
use types::point;
use types::{
    ActionId, ActionProposal, AgentId, Arguments, Channel, Claims, Code, Decision, Millis, Outcome, OutcomeStatus,
    PersonId, Principal, Provenance, Restriction, SessionId, ToolName,
};

use crate::control::Control;
use crate::door::{CaseRef, Refusal};
use crate::error::{Failure, forbidden, not_found};
use crate::gather::prepare;
use crate::machine::{Change, Changes, Command, Propose, Reply};
use crate::mcp::Link;
use crate::state::Erased;

/// Is the largest arguments accepted, in bytes.
pub const ARGUMENTS_BYTES_MAX: usize = 4 << 20;

/// Is how many times a proposal is prepared again before it is decided inside the sequencer.
const OVERTAKEN_MAX: u32 = 2;

/// Is what somebody wants, before it has an identity.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Who wants it.
    pub principal: Principal,
    /// On whose behalf.
    pub on_behalf_of: Option<PersonId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// What is to be called.
    pub tool: ToolName,
    /// The tool's definition as it is listed now.
    pub definition: Option<types::Digest>,
    /// With what.
    pub arguments: Arguments,
    /// What the agent says of itself.
    pub claims: Claims,
    /// The door it came through.
    pub channel: Channel,
}

/// Is a proposal's answer.
#[derive(Debug)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The authority, where it was permitted.
    pub permit: Option<Recorded<Permit>>,
    /// The case, where people must decide.
    pub case: Option<CaseRef>,
    /// The index of its record; absent where denials are only counted.
    pub receipt: Option<u64>,
    /// The open cases that a bundle it made active has voided, to be put to people again.
    pub(crate) to_reopen: Vec<Case>,
    /// The subject that it erased, and what that did.
    pub(crate) gone: Option<Box<(Principal, Erased)>>,
}

impl Decided {
    /// Turns a decision that does not permit into a refusal that says why.
    pub fn refusal(&self) -> Refusal {
        refusal_of(&self.decision, self.case.clone())
    }
}

/// Turns a decision that does not permit into a refusal that says why.
pub(crate) fn refusal_of(decision: &Decision, case: Option<CaseRef>) -> Refusal {
    // Stages speak in their own order; the first that restricts most is the one to begin with.
    let worst = decision.findings.iter().map(|finding| &finding.restriction).max();
    let first = decision.findings.iter().find(|finding| Some(&finding.restriction) == worst);
    Refusal {
        code: first.map_or(Code::PolicyDenies, |finding| finding.code),
        message: first.map_or_else(|| "nothing permits it".to_owned(), |finding| finding.detail.to_string()),
        findings: decision.findings.clone(),
        action: Some(decision.action),
        case,
    }
}

/// Is the answer to a proposal that may have come before.
#[derive(Debug)]
pub enum Proposed {
    /// It was decided now.
    Now(Box<Decided>),
    /// It came before under the same idempotency key.
    Before(ActionId),
}

impl Proposed {
    /// Returns what was decided now.
    ///
    /// # Errors
    ///
    /// `state-conflict` if it came before: what was decided then gives no authority now.
    fn now(self) -> Failure<Decided> {
        match self {
            Self::Now(decided) => Ok(*decided),
            Self::Before(action) => Err(Refusal::plain(Code::StateConflict, format!("{action} was proposed before"))),
        }
    }
}

/// Says how a proposal goes on its way.
#[derive(Default)]
pub(crate) struct Way<'a> {
    /// The agent carries it out by itself and reports the outcome.
    pub(crate) reported: bool,
    /// The agent's own key against doing it twice.
    pub(crate) key: Option<String>,
    /// What it changes of the system itself.
    pub(crate) change: Option<Change>,
    /// The connection over which it is found out what it would do.
    pub(crate) over: Option<(&'a Link, &'a Connection)>,
}

impl Control {
    /// Decides a wish and records the decision.
    ///
    /// - `reported`: the agent carries it out by itself and reports the outcome.
    ///
    /// # Errors
    ///
    /// `forbidden` if an auditor wants it; a [`Refusal`] if it cannot be recorded, and then nothing of it may happen.
    pub async fn decide_once(&self, wish: Wish, reported: bool) -> Failure<Decided> {
        self.decide(self.proposal(wish), Way { reported, ..Way::default() }).await?.now()
    }

    /// Decides a wish that is carried out over a connection, if its tool has a plan on what that tells.
    ///
    /// - `named`: the action that it becomes, where that was noted before.
    ///
    /// # Errors
    ///
    /// As [`Control::decide_once`].
    pub(crate) async fn decide_over(
        &self,
        wish: Wish,
        named: Option<ActionId>,
        over: Option<(&Link, &Connection)>,
    ) -> Failure<Decided> {
        let proposal = self.proposal(wish);
        let proposal = ActionProposal { id: named.unwrap_or(proposal.id), ..proposal };
        self.decide(proposal, Way { over, ..Way::default() }).await?.now()
    }

    /// Decides a wish, unless it came before under the agent's own key against doing it twice.
    ///
    /// # Errors
    ///
    /// As [`Control::decide_once`]; `idempotency-conflict` if the key came before with another action, `overloaded` if
    /// 100,000 keys of this agent are kept already.
    pub async fn propose(&self, wish: Wish, reported: bool, key: String) -> Failure<Proposed> {
        self.decide(self.proposal(wish), Way { reported, key: Some(key), ..Way::default() }).await
    }

    /// Decides a change to the system itself, and makes it if it is permitted.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with the decision's findings if it is not permitted; one with the change's own reason if it
    /// cannot be made.
    pub async fn administer(
        &self,
        person: &PersonId,
        tool: &str,
        arguments: &serde_json::Value,
        reason: &str,
        change: Change,
    ) -> Failure<Decided> {
        self.decide_change(Self::administration(person, tool, arguments, reason)?, change).await
    }

    /// Says what a person wants to change in the system itself.
    pub(crate) fn administration(
        person: &PersonId,
        tool: &str,
        arguments: &serde_json::Value,
        reason: &str,
    ) -> Failure<Wish> {
        let tool: ToolName =
            tool.parse().map_err(|e: types::id::IdError| Refusal::plain(Code::Internal, e.to_string()))?;
        let arguments = Arguments::parse(&arguments.to_string(), ARGUMENTS_BYTES_MAX)
            .map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        Ok(Wish {
            principal: Principal::Person(person.clone()),
            on_behalf_of: None,
            session: None,
            tool,
            definition: None,
            arguments,
            claims: Claims { purpose: Some(reason.to_owned()), ..Claims::default() },
            channel: Channel::Person,
        })
    }

    /// Decides a wish of [`Control::administration`], and makes the change if it is permitted.
    pub(crate) async fn decide_change(&self, wish: Wish, change: Change) -> Failure<Decided> {
        let decided = self.decide(self.proposal(wish), Way { change: Some(change), ..Way::default() }).await?.now()?;
        if decided.decision.verdict.permits() { Ok(decided) } else { Err(decided.refusal()) }
    }

    /// Says whether a wish would be denied already by what reads the snapshot; nothing is recorded.
    pub(crate) fn is_denied(&self, wish: &Wish) -> bool {
        self.restrictions(wish).contains(&Restriction::Deny)
    }

    /// Returns what the stages that read the snapshot say of a wish.
    pub(crate) fn restrictions(&self, wish: &Wish) -> Vec<Restriction> {
        let prepared = prepare(&self.views, &self.snapshot(), &self.proposal(wish.clone()), None);
        prepared.early.findings().iter().map(|finding| finding.restriction.clone()).collect()
    }

    /// Records that a permit was never used, because something came between its record and its answer.
    async fn withhold(&self, action: ActionId, reported: bool, refusal: &Refusal) -> Failure<()> {
        let outcome = Outcome {
            action,
            status: OutcomeStatus::NotDispatched,
            provenance: if reported { Provenance::Reported } else { Provenance::Observed },
            result: None,
            error: Some(refusal.message.clone()),
            dispatches: 0,
            took_ms: 0,
            at: self.now(),
        };
        self.ask(Command::Outcome(outcome)).await.map(drop)
    }

    /// Lists a permit that an agent carries out by itself, so that a kill names it until it is used up.
    fn hand_out(&self, decided: &Decided, hidden: Hidden) -> Failure<()> {
        let Some(permit) = &decided.permit else { return Ok(()) };
        let permit = permit.get();
        let flight = Flight::of(permit, decided.decision.at);
        let pass =
            self.gate.enter(flight).map_err(|_| Refusal::plain(Code::Killed, "a kill switch was set meanwhile"))?;
        self.redaction.begin(permit.action(), hidden, permit.expires_at(), self.now());
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.insert(permit.action(), (pass, permit.expires_at()));
        Ok(())
    }

    pub(crate) fn proposal(&self, wish: Wish) -> ActionProposal {
        let now = self.now();
        ActionProposal {
            id: ActionId::draw(now, self.draw()),
            tenant: self.config.tenant.clone(),
            principal: wish.principal,
            on_behalf_of: wish.on_behalf_of,
            session: wish.session,
            tool: wish.tool,
            definition: wish.definition,
            arguments: wish.arguments,
            claims: wish.claims,
            channel: wish.channel,
            at: now,
            plan: None,
        }
    }

    pub(crate) async fn decide(&self, proposal: ActionProposal, way: Way<'_>) -> Failure<Proposed> {
        let Way { reported, key, change, over } = way;
        self.principal_may_change(&proposal.principal)?;
        let original = self.original(&proposal)?;
        let mut proposal = proposal;
        if mutant::on(Mutant::KillCheckedEarly) {
            self.stopped_early(&proposal)?;
        }
        proposal.plan = self.foresee(&proposal, over).await?;
        let session = self.stated_in(&proposal);
        for attempt in 0..=OVERTAKEN_MAX {
            let inside = attempt == OVERTAKEN_MAX;
            let snapshot = self.snapshot();
            let hidden =
                original.as_ref().map(|original| original.redact(&snapshot.bundle, &mut proposal)).transpose()?;
            let prepared = (!inside).then(|| prepare(&self.views, &snapshot, &proposal, session.as_deref()));
            let propose = Propose {
                proposal: proposal.clone(),
                original: original.clone(),
                prepared,
                reported,
                idempotency_key: key.clone(),
                change: change.clone(),
                reopen: false,
            };
            let asked = self.ask_permit(Command::Propose(Box::new(propose)));
            let (reply, permit, receipt) = point::at("decision", asked).await?;
            match reply {
                Reply::Decided { decision, case, changes } => {
                    let case = case.map(|case| self.case_ref(&case));
                    let Changes { to_reopen, gone, .. } = changes;
                    let decided = Decided { decision: *decision, permit, case, receipt, to_reopen, gone };
                    let hidden = hidden.unwrap_or_default();
                    return self
                        .settle(decided, reported, hidden)
                        .await
                        .map(|decided| Proposed::Now(Box::new(decided)));
                }
                Reply::Repeated(action) => return Ok(Proposed::Before(action)),
                Reply::Overtaken | Reply::Done(_) | Reply::Opened(_) | Reply::Decoys(_) | Reply::Refused { .. } => {}
            }
        }
        Err(Refusal::plain(Code::Internal, "the proposal was not decided"))
    }

    /// Is what a planted bug does: looks at the switches here, and nowhere later.
    fn stopped_early(&self, proposal: &ActionProposal) -> Failure<()> {
        let class = self.snapshot().class_of(&proposal.tool);
        let (agent, tool) = (proposal.principal.agent(), Some(&proposal.tool));
        let covers =
            |switch: &crate::state::Switch| switch.target.covers(&self.config.tenant, agent, tool, class.as_ref());
        let stopped = self.switches().iter().any(covers);
        if stopped { Err(Refusal::plain(Code::Killed, "a kill switch is set")) } else { Ok(()) }
    }

    /// Waits for the receipt that the policy demands of a permit, and hands it out if its agent carries the action out by
    /// itself; or says that no permit was handed out.
    async fn settle(&self, decided: Decided, reported: bool, hidden: Hidden) -> Failure<Decided> {
        let mut settled = self.await_receipt(&decided).await;
        if reported && settled.is_ok() {
            settled = self.hand_out(&decided, hidden);
        }
        if let Err(refusal) = settled {
            let action = decided.decision.action;
            self.withhold(action, reported, &refusal).await?;
            return Err(Refusal { action: Some(action), ..refusal });
        }
        Ok(decided)
    }

    /// Asks people again, under a new bundle, about an action whose case that bundle has voided; one of which the bundle
    /// hides less than is recorded is not asked about, since nobody could propose it as it is recorded.
    pub(crate) async fn propose_again(&self, proposal: ActionProposal) -> Failure<bool> {
        let Ok(original) = self.original_of_record(&proposal) else { return Ok(false) };
        let propose = Propose {
            proposal,
            original,
            prepared: None,
            reported: false,
            idempotency_key: None,
            change: None,
            reopen: true,
        };
        let reply = self.ask(Command::Propose(Box::new(propose))).await?;
        Ok(matches!(reply, Reply::Decided { case: Some(_), .. }))
    }

    /// Returns when the permit ends that an agent holds, as long as no kill switch covers it.
    pub fn holds(&self, action: &ActionId) -> Option<Millis> {
        let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        handed.get(action).filter(|(pass, expires)| *expires > now && !pass.is_stopped()).map(|(_, expires)| *expires)
    }

    /// Records the outcome of an action that an agent carried out by itself.
    ///
    /// # Errors
    ///
    /// `not-found` for an unknown action, `forbidden` for another agent's, `state-conflict` if it awaits none.
    pub async fn report(
        &self,
        agent: &AgentId,
        action: ActionId,
        status: OutcomeStatus,
        result: Option<String>,
        error: Option<String>,
    ) -> Failure<u64> {
        let path = self.trace(&action)?;
        let owner = path.proposal.as_ref().map(|p| p.principal.clone());
        if path.is_of_decoy() {
            return Err(not_found(format!("record of {action}")));
        }
        if owner != Some(Principal::Agent(agent.clone())) {
            return Err(forbidden(format!("{action} is not this agent's")));
        }
        let since = path.decision().map_or(self.now(), |decision| decision.at);
        let (result, error) = match &path.proposal {
            Some(proposal) => self.reported(proposal, result, error),
            None => (None, None),
        };
        let outcome = Outcome {
            action,
            status,
            provenance: Provenance::Reported,
            result,
            error,
            dispatches: 1,
            took_ms: self.now().since(since),
            at: self.now(),
        };
        let (_, _, index) = self.ask_permit(Command::Outcome(outcome)).await?;
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).remove(&action);
        index.ok_or_else(|| not_found(action))
    }
}
