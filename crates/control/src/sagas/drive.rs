//! Following a saga to its end: what stands in the journal says what is done next.

use std::sync::{Arc, Weak};
use std::time::Duration;

use connectors::mcp::tool_request;
use stages::saga::{Move, Standing, next, worst};
use tokio::sync::{mpsc, oneshot};
use types::case::CaseState;
use types::check::Judgement;
use types::saga::{Plan, Saga, SagaState, TRIES_MAX};
use types::{ActionId, CaseId, Claims, Code, OutcomeStatus, SessionId, Verdict};

use super::Links;
use crate::actions::refusal_of;
use crate::containment::{TakenBack, is_of_journal, is_passing};
use crate::control::Control;
use crate::door::{CallOutcome, GovernedCall, Refusal};
use crate::error::Failure;
use crate::machine::{Change, Command, Propose, Reply, SagaMove};
use crate::mcp::carry::is_what_it_says;
use crate::trace::Path;

/// Is how long is between two looks at what checks watch.
const LOOK: Duration = Duration::from_millis(200);

/// Is how often people are asked at most before anything begins: whoever approves must not be asked for ever.
const ROUNDS_MAX: usize = 8;

/// Is how long is waited before something is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows a saga to its end.
///
/// # Errors
///
/// What the journal says: then it is followed anew.
pub(super) async fn to_the_end(control: &Weak<Control>, session: SessionId) -> Failure<()> {
    let Some(control) = control.upgrade() else { return Ok(()) };
    let saga = control.kept_saga(&session)?;
    let plan = control.saga(&session)?.plan;
    let claims = control.claims_of(&session)?;
    let mut drive = Drive { links: Links::of(&control, &saga), control, plan, claims };
    let ended = drive.run(session).await;
    drive.links.close().await;
    ended
}

/// Is what a saga is followed with.
struct Drive {
    control: Arc<Control>,
    links: Links,
    /// Absent once it was erased, or is in a closed log.
    plan: Option<Plan>,
    claims: Claims,
}

impl Drive {
    async fn run(&mut self, session: SessionId) -> Failure<()> {
        loop {
            let saga = self.control.kept_saga(&session)?;
            match saga.state {
                SagaState::Asked => self.begin(&saga).await?,
                SagaState::Running => self.go_on(&saga).await?,
                SagaState::TurningBack => self.take_back(&saga).await?,
                SagaState::Held | SagaState::TakenBack | SagaState::Half | SagaState::Refused => return Ok(()),
            }
        }
    }

    async fn stand(&self, saga: &Saga, state: SagaState, why: Option<String>) -> Failure<()> {
        let session = saga.session;
        tracing::info!(saga = %session, state = state.as_str(), why, "a saga goes on");
        self.control.ask(Command::Saga(SagaMove::Stand { session, state, why })).await.map(drop)
    }

    /// Asks people for every step that needs them, and begins the first once they have approved all: nobody is asked half-way for what could be known before.
    async fn begin(&mut self, saga: &Saga) -> Failure<()> {
        for _ in 0..ROUNDS_MAX {
            let mut cases = Vec::new();
            for number in 0..saga.steps.len() {
                match self.asked(saga, number).await {
                    Ok(case) => cases.extend(case),
                    Err(refusal) if is_of_journal(refusal.code) => return Err(refusal),
                    Err(refusal) => {
                        let why = format!("step {}: {}: {}", number.saturating_add(1), refusal.code, refusal.message);
                        return self.stand(saga, SagaState::Refused, Some(why)).await;
                    }
                }
            }
            if cases.is_empty() {
                return self.step(saga, 0).await;
            }
            for case in cases {
                let state = self.control.end_of_case(case).await;
                if !matches!(state, Some(CaseState::Approved | CaseState::Void)) {
                    let state = state.map_or("over", CaseState::as_str);
                    let why = format!("people were asked, and {case} is {state}");
                    return self.stand(saga, SagaState::Refused, Some(why)).await;
                }
            }
        }
        self.stand(saga, SagaState::Refused, Some("people are asked for ever anew".to_owned())).await
    }

    /// Asks people for a step, if they must be; nothing is permitted by it.
    ///
    /// # Errors
    ///
    /// The refusal of the decision, which is not recorded by itself, or what the journal says.
    async fn asked(&mut self, saga: &Saga, number: usize) -> Failure<Option<CaseId>> {
        let tool = &self.planned()?.steps.get(number).ok_or_else(|| lost(saga, number))?.tool.clone();
        let link = self.links.to(&tool.server).await?;
        let reviewed = self.control.is_reviewed(&self.control.snapshot(), &link, tool).await;
        reviewed.map_err(|why| Refusal::plain(Code::ToolChanged, why))?;
        let mut proposal = self.control.proposal(self.control.wish_of(saga, self.planned()?, number, &self.claims)?);
        proposal.plan = self.control.foresee(&proposal, Some((&link, &link.handle()))).await?;
        let propose = Propose {
            original: self.control.original(&proposal)?,
            proposal,
            prepared: None,
            reported: false,
            idempotency_key: None,
            change: None::<Change>,
            reopen: true,
        };
        let Reply::Decided { decision, case, .. } = self.control.ask(Command::Propose(Box::new(propose))).await? else {
            return Err(Refusal::plain(Code::Internal, "the step was not decided"));
        };
        match decision.verdict {
            Verdict::Escalate(_) => Ok(case.map(|case| case.id)),
            Verdict::Allow | Verdict::AllowObserved => Ok(None),
            Verdict::Deny => Err(refusal_of(&decision, None)),
        }
    }

    fn planned(&self) -> Failure<&Plan> {
        self.plan.as_ref().ok_or_else(|| Refusal::plain(Code::StateConflict, "its plan cannot be read any more"))
    }

    /// Begins a step as a new action.
    async fn begun(&self, saga: &Saga, number: usize) -> Failure<ActionId> {
        let action = ActionId::draw(self.control.now(), Control::draw(&self.control));
        self.control.ask(Command::Saga(SagaMove::Step { session: saga.session, step: number, action })).await?;
        Ok(action)
    }

    /// Begins a step as a new action, and carries it out.
    async fn step(&mut self, saga: &Saga, number: usize) -> Failure<()> {
        let action = self.begun(saga, number).await?;
        self.carry_out(saga, number, action, tries(saga, number).saturating_add(1)).await
    }

    /// Does what follows upon how the step stands that has begun last.
    async fn go_on(&mut self, saga: &Saga) -> Failure<()> {
        let Some((number, action)) = saga.current() else { return self.step(saga, 0).await };
        // In this order: a check that ends in between has its judgement on the path then.
        let is_watched = self.control.watches()?.iter().any(|watch| watch.action == action);
        let path = self.control.trace(&action)?;
        let tries = tries(saga, number);
        match next(standing(&path, is_watched), tries) {
            Move::CarryOut => self.carry_out(saga, number, action, tries).await,
            Move::AwaitPeople => self.await_people(saga, number, &path).await,
            Move::Await => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            Move::Again => {
                tokio::time::sleep(PAUSE).await;
                self.step(saga, number).await
            }
            Move::Settle => self.settle(saga, number, &action, &path).await,
            Move::GoOn => self.after(saga, number).await,
            Move::TurnBack(why) => self.turn_back(saga, number, &because(why, &path)).await,
        }
    }

    async fn after(&mut self, saga: &Saga, number: usize) -> Failure<()> {
        let following = number.saturating_add(1);
        if following < saga.steps.len() {
            return self.step(saga, following).await;
        }
        self.stand(saga, SagaState::Held, None).await
    }

    async fn turn_back(&self, saga: &Saga, number: usize, why: &str) -> Failure<()> {
        let why = format!("step {}: {why}", number.saturating_add(1));
        self.stand(saga, SagaState::TurningBack, Some(why)).await
    }

    /// Carries a step out as an action of which nothing is decided yet. What came of it is read from the journal.
    async fn carry_out(&mut self, saga: &Saga, number: usize, action: ActionId, tries: usize) -> Failure<()> {
        let carried = self.sent(saga, number, action).await;
        let Err(refusal) = carried else { return Ok(()) };
        if is_of_journal(refusal.code) {
            return Err(refusal);
        }
        // What is not in the journal did not happen.
        if self.control.trace(&action)?.decision().is_some() {
            return Ok(());
        }
        self.links.close().await;
        if is_passing(refusal.code) && tries < TRIES_MAX {
            tokio::time::sleep(PAUSE).await;
            return self.begun(saga, number).await.map(drop);
        }
        self.turn_back(saga, number, &format!("{}: {}", refusal.code, refusal.message)).await
    }

    async fn sent(&mut self, saga: &Saga, number: usize, action: ActionId) -> Failure<()> {
        let call = self.call(saga, number).await?;
        let link = self.links.to(&call.server).await?;
        // Progress was not asked for, and nobody goes away.
        let ((events, _), (_here, gone)) = (mpsc::channel(1), oneshot::channel());
        let carried = self.control.clone();
        let carried = carried.decide_and_carry_out(link.clone(), link.handle(), call, Some(action), events, gone);
        match carried.await {
            CallOutcome::Refused(refusal) => Err(refusal),
            CallOutcome::Answer(_) | CallOutcome::Held(_) => Ok(()),
        }
    }

    /// Writes the call that a step is.
    async fn call(&mut self, saga: &Saga, number: usize) -> Failure<GovernedCall> {
        let wish = self.control.wish_of(saga, self.planned()?, number, &self.claims)?;
        let (server, operation) = (wish.tool.server.clone(), wish.tool.operation.clone());
        let link = self.links.to(&server).await?;
        let request = tool_request(&link.handle(), &operation, wish.arguments.value());
        let call = GovernedCall {
            caller: self.links.caller.clone(),
            session: saga.session,
            server,
            operation,
            arguments: wish.arguments.canonical().to_owned(),
            claims: wish.claims,
            request,
            inputs: None,
            rest: None,
            headers: None,
        };
        is_what_it_says(&call)?;
        Ok(call)
    }

    /// Waits for the people who were asked about a step at its turn, and begins it anew if they approve.
    async fn await_people(&mut self, saga: &Saga, number: usize, path: &Path) -> Failure<()> {
        let Some(case) = path.decision().and_then(|decision| decision.case) else {
            return self.turn_back(saga, number, "people would have to be asked, and no case says so").await;
        };
        match self.control.end_of_case(case).await {
            Some(CaseState::Approved | CaseState::Void) => self.step(saga, number).await,
            state => {
                let state = state.map_or("over", CaseState::as_str);
                self.turn_back(saga, number, &format!("people were asked, and {case} is {state}")).await
            }
        }
    }

    /// Finds out whether a step in doubt has taken effect: then it goes on as if it had been answered, and if it has not, it is begun anew.
    async fn settle(&mut self, saga: &Saga, number: usize, action: &ActionId, path: &Path) -> Failure<()> {
        let effect = match self.control.has_taken_effect(action).await {
            Err(refusal) if is_passing(refusal.code) => {
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
            effect => effect?,
        };
        match effect {
            Some(true) => {
                // As if it had been answered.
                match next(Standing::Ended(OutcomeStatus::Done, judged(path)), tries(saga, number)) {
                    Move::TurnBack(why) => self.turn_back(saga, number, &because(why, path)).await,
                    _ => self.after(saga, number).await,
                }
            }
            Some(false) if tries(saga, number) < TRIES_MAX => self.step(saga, number).await,
            Some(false) => self.turn_back(saga, number, "its answer was lost each time").await,
            None => {
                self.turn_back(saga, number, "its answer was lost, and nobody can tell whether it took effect").await
            }
        }
    }

    /// Takes back what was done, the latest first, and stops at the first that cannot be: what it stands upon must not go from under it.
    async fn take_back(&self, saga: &Saga) -> Failure<()> {
        let why = format!("the saga {} is turned back", saga.session);
        for action in saga.actions().rev() {
            let path = self.control.trace(&action)?;
            let sent = path.outcome.as_ref().is_some_and(|outcome| outcome.status != OutcomeStatus::NotDispatched);
            if !sent {
                continue;
            }
            let ended = self.control.take_action_back(&saga.agent, &action, &why).await?;
            if let Some(error) = self.stays(&action, &ended)? {
                let number = saga.step_of(&action).map_or(0, |step| step.saturating_add(1));
                let why = format!("step {number}, {action}, stands: {error}");
                return self.stand(saga, SagaState::Half, Some(why)).await;
            }
        }
        self.stand(saga, SagaState::TakenBack, None).await
    }

    /// Says why an action stands still, if it does: what only read, or changed nothing, does not.
    fn stays(&self, action: &ActionId, ended: &TakenBack) -> Failure<Option<String>> {
        match ended {
            TakenBack::Refused(refusal) if refusal.code == Code::NotReversible => {
                Ok(self.control.stays(action, refusal.message.clone())?.map(|stays| stays.why))
            }
            ended => Ok(ended.error()),
        }
    }
}

/// Says how a step stands, by its records and by whether a check watches it still.
fn standing(path: &Path, is_watched: bool) -> Standing {
    match (path.decision().map(|decision| &decision.verdict), &path.outcome) {
        (None, _) => Standing::Undecided,
        (Some(Verdict::Deny), _) => Standing::Denied,
        (Some(Verdict::Escalate(_)), _) => Standing::Asked,
        (Some(Verdict::Allow | Verdict::AllowObserved), None) => Standing::Underway,
        (Some(_), Some(outcome)) if is_watched => Standing::Watched(outcome.status),
        (Some(_), Some(outcome)) => Standing::Ended(outcome.status, judged(path)),
    }
}

/// Returns what the checks of a step have come to.
fn judged(path: &Path) -> Option<Judgement> {
    worst(path.checks.iter().map(|check| check.judgement))
}

/// Returns as how many actions a step was begun.
fn tries(saga: &Saga, number: usize) -> usize {
    saga.steps.get(number).map_or(0, |step| step.actions.len())
}

pub(super) fn lost(saga: &Saga, number: usize) -> Refusal {
    Refusal::plain(Code::Internal, format!("{} has no step {number}", saga.session))
}

/// Says why a step is turned back upon, with what its decision, its outcome or its checks say.
fn because(why: &str, path: &Path) -> String {
    let denied = path.decision().filter(|decision| decision.verdict == Verdict::Deny);
    let denied = denied.map(|decision| refusal_of(decision, None));
    let failed = path.outcome.as_ref().and_then(|outcome| outcome.error.clone());
    let unheld = path.checks.iter().find(|check| check.judgement != Judgement::Held);
    let detail = denied
        .map(|refusal| format!("{}: {}", refusal.code, refusal.message))
        .or_else(|| unheld.map(|check| format!("`{}`: {}", check.check, check.why)))
        .or(failed);
    detail.map_or_else(|| why.to_owned(), |detail| format!("{why}: {detail}"))
}
