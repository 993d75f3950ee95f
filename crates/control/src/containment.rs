//! Taking back without a person what has not held: an action of its own, in the name of whoever answers for the agent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use types::case::CaseState;
use types::{ActionId, AgentId, CaseId, Code, OutcomeStatus};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::late::is_over;
use crate::reversals::Undone;

/// Is how long is waited before what could not be done now is tried again: each time twice as long, up to a minute, for a day.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const FOR: Duration = Duration::from_secs(86_400);

/// Is what came of taking an action back.
#[derive(Debug, Clone)]
pub(crate) enum TakenBack {
    /// Somebody had taken it back already.
    Already,
    /// It was sent, and may not have brought back what was before.
    Sent(Undone),
    /// It was not sent.
    Refused(Refusal),
}

impl TakenBack {
    /// Returns the action that took it back, or tried.
    pub(crate) fn by(&self, action: &ActionId) -> Option<ActionId> {
        match self {
            Self::Already => None,
            Self::Sent(undone) => Some(undone.by),
            Self::Refused(refusal) => refusal.action.filter(|undo| undo != action),
        }
    }

    /// Says whether the state is what it was before; nothing if nobody saw it.
    pub(crate) fn restored(&self) -> Option<bool> {
        match self {
            Self::Already => Some(true),
            Self::Sent(undone) => undone.restored,
            Self::Refused(_) => None,
        }
    }

    /// Says why the action is not taken back, as a code and a sentence; nothing if it is.
    pub(crate) fn error(&self) -> Option<String> {
        match self {
            Self::Already => None,
            Self::Sent(undone) => failure(undone),
            Self::Refused(refusal) => Some(format!("{}: {}", refusal.code, refusal.message)),
        }
    }
}

impl Control {
    /// Takes an action back in the name of its agent's owner: waits for people where policy asks them, and tries again for a day what is only away.
    ///
    /// # Errors
    ///
    /// What the journal says: then it is tried again.
    pub(crate) async fn take_action_back(
        self: &Arc<Self>,
        agent: &AgentId,
        action: &ActionId,
        why: &str,
    ) -> Failure<TakenBack> {
        let (until, mut pause) = (Instant::now() + FOR, PAUSE);
        loop {
            match self.undo_for_owner(agent, action, why).await {
                Ok(undone) => return Ok(TakenBack::Sent(undone)),
                Err(refusal) if self.is_awaited_by(&refusal) => {
                    let Some(case) = refusal.case.as_ref().map(|case| case.id) else {
                        return Ok(TakenBack::Refused(refusal));
                    };
                    match self.end_of_case(case).await {
                        // Under another policy they are asked anew.
                        Some(CaseState::Approved | CaseState::Void) => {}
                        state => return Ok(TakenBack::Refused(unapproved(refusal, case, state))),
                    }
                }
                Err(refusal) if is_of_journal(refusal.code) => return Err(refusal),
                Err(refusal) if is_passing(refusal.code) && Instant::now() < until => {
                    tracing::warn!(%action, code = %refusal.code, why = refusal.message, "it cannot be taken back yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(refusal) if self.is_back(action) => {
                    tracing::info!(%action, why = refusal.message, "it is taken back already");
                    return Ok(TakenBack::Already);
                }
                Err(refusal) => return Ok(TakenBack::Refused(refusal)),
            }
        }
    }

    async fn undo_for_owner(self: &Arc<Self>, agent: &AgentId, action: &ActionId, why: &str) -> Failure<Undone> {
        let owner = self.snapshot().bundle.data().agents.get(agent).map(|agent| agent.owner.clone());
        let nobody = || Refusal::plain(Code::Forbidden, format!("nobody answers for `{agent}` any more"));
        self.undo(&owner.ok_or_else(nobody)?, action, why).await
    }

    /// Says whether the state is known to be what it was before the action: a person has taken it back, or something else.
    fn is_back(&self, action: &ActionId) -> bool {
        let path = self.trace(action);
        path.is_ok_and(|path| path.states.last().is_some_and(|(seen, _)| seen.restored == Some(true)))
    }

    fn is_awaited_by(&self, refusal: &Refusal) -> bool {
        let case = refusal.case.as_ref().and_then(|case| self.board.get(&case.id));
        case.is_some_and(|case| matches!(case.state, CaseState::Open | CaseState::Approved))
    }

    /// Waits until a case is open no more.
    pub(crate) async fn end_of_case(&self, id: CaseId) -> Option<CaseState> {
        let mut changes = self.board.changes();
        loop {
            let state = self.board.get(&id)?.state;
            if state != CaseState::Open {
                return Some(state);
            }
            changes.changed().await.ok()?;
        }
    }
}

fn unapproved(refusal: Refusal, case: CaseId, state: Option<CaseState>) -> Refusal {
    let state = state.map_or("over", CaseState::as_str);
    Refusal { message: format!("people were asked whether it is taken back, and {case} is {state}"), ..refusal }
}

/// Says why what was sent has not taken the action back.
fn failure(undone: &Undone) -> Option<String> {
    match (undone.status, undone.restored) {
        (_, Some(true)) | (OutcomeStatus::Done, None) => None,
        (_, Some(false)) => Some(format!("{}: the state is not what it was before the action", Code::ReversalConflict)),
        (status, None) => Some(format!("{}: it ended as {}", Code::StateUnseen, status.as_str())),
    }
}

pub(crate) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::UpstreamUnavailable | Code::UpstreamTimeout | Code::StateUnseen | Code::Overloaded | Code::Killed
    )
}

/// Says whether nothing can be recorded now: what was to be done stays to be done.
pub(crate) fn is_of_journal(code: Code) -> bool {
    code == Code::DiskFull || is_over(code)
}
