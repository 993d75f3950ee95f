//! Taking back by itself what a check has found violated: an action of its own, in the name of whoever answers for the agent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use policy::UNDO_TOOL;
use tokio::time::Instant;
use types::case::CaseState;
use types::check::{Contained, Watch};
use types::{CaseId, Code, OutcomeStatus, PersonId};

use crate::control::Control;
use crate::doctor::{Finding, Sign};
use crate::door::Refusal;
use crate::error::Failure;
use crate::late::is_over;
use crate::machine::Command;
use crate::reversals::Undone;

/// Is how long is waited before what could not be done now is tried again: each time twice as long, up to a minute, for a day.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const FOR: Duration = Duration::from_secs(86_400);

impl Control {
    /// Takes an action back whose check was violated, waits for people where policy asks them, and records what came of it.
    ///
    /// # Errors
    ///
    /// What the journal says: then it is tried again.
    pub(super) async fn contain(self: &Arc<Self>, watch: &Watch) -> Failure<()> {
        let (until, mut pause) = (Instant::now() + FOR, PAUSE);
        let ended = loop {
            match self.undo_violated(watch).await {
                Err(refusal) if self.is_awaited_by(&refusal) => {
                    let Some(case) = refusal.case.as_ref().map(|case| case.id) else { break Err(refusal) };
                    match self.end_of_case(case).await {
                        // Under another policy they are asked anew.
                        Some(CaseState::Approved | CaseState::Void) => {}
                        state => break Err(unapproved(refusal, case, state)),
                    }
                }
                Err(refusal) if is_of_journal(refusal.code) => return Err(refusal),
                Err(refusal) if is_passing(refusal.code) && Instant::now() < until => {
                    let (action, code) = (watch.action, refusal.code);
                    tracing::warn!(%action, %code, why = refusal.message, "it cannot be taken back yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(refusal) if self.is_back(watch) => {
                    tracing::info!(action = %watch.action, why = refusal.message, "it is taken back already");
                    break Ok(None);
                }
                ended => break ended.map(Some),
            }
        };
        let (action, check, at) = (watch.action, watch.check.clone(), self.now());
        let contained = match ended {
            Ok(None) => Contained { action, check, undo: None, restored: Some(true), error: None, at },
            Ok(Some(undone)) => {
                let error = failure(&undone);
                Contained { action, check, undo: Some(undone.by), restored: undone.restored, error, at }
            }
            Err(refusal) => {
                let error = Some(format!("{}: {}", refusal.code, refusal.message));
                let undo = refusal.action.filter(|undo| *undo != action);
                Contained { action, check, undo, restored: None, error, at }
            }
        };
        if let Some(why) = &contained.error {
            tracing::error!(%action, check = %contained.check, why, "what was to be taken back was not");
        }
        self.ask(Command::Contained(Box::new(contained))).await.map(drop)
    }

    async fn undo_violated(self: &Arc<Self>, watch: &Watch) -> Failure<Undone> {
        let owner = self.snapshot().bundle.data().agents.get(&watch.agent).map(|agent| agent.owner.clone());
        let owner = owner
            .ok_or_else(|| Refusal::plain(Code::Forbidden, format!("nobody answers for `{}` any more", watch.agent)))?;
        self.undo(&owner, &watch.action, &format!("the check `{}` of it was violated", watch.check)).await
    }

    /// Says of each check that takes back whether policy would let those do it in whose name it is proposed, and of what waits to be taken back.
    pub(crate) fn checks_found(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let say = |sign, about: String, says: String| Finding { sign, about, says, code: None };
        let owners: BTreeSet<&PersonId> = data.agents.values().map(|agent| &agent.owner).collect();
        let barred: Vec<String> =
            owners.into_iter().filter(|owner| self.may_never_undo(owner)).map(|owner| format!("`{owner}`")).collect();
        let takes_back = data.checks.iter().filter(|(_, check)| check.undo);
        let mut found: Vec<Finding> = takes_back
            .map(|(name, _)| match barred.as_slice() {
                [] => say(
                    Sign::Good,
                    format!("check {name}"),
                    "policy lets owners take back what it finds violated".to_owned(),
                ),
                barred => {
                    let says = format!(
                        "policy lets nobody take back in the name of {}, so it would not be",
                        barred.join(", ")
                    );
                    say(Sign::Bad, format!("check {name}"), says)
                }
            })
            .collect();
        let waiting = self.watches().unwrap_or_default().into_iter().filter(|watch| watch.violated);
        found.extend(waiting.map(|watch| {
            say(
                Sign::Note,
                format!("action {}", watch.action),
                format!("it is being taken back, since `{}` was violated", watch.check),
            )
        }));
        found
    }

    /// Says whether policy would deny a person, whoever approved, to take something back.
    fn may_never_undo(&self, owner: &PersonId) -> bool {
        let sample = serde_json::json!({ "action": "", "agent": "", "did": "", "tool": "", "arguments": {} });
        let wish = Self::administration(owner, UNDO_TOOL, &sample, "doctor");
        wish.is_ok_and(|wish| self.is_denied(&wish))
    }

    /// Says whether the state is known to be what it was before the action: a person has taken it back, or another check.
    fn is_back(&self, watch: &Watch) -> bool {
        let path = self.trace(&watch.action);
        path.is_ok_and(|path| path.states.last().is_some_and(|(seen, _)| seen.restored == Some(true)))
    }

    fn is_awaited_by(&self, refusal: &Refusal) -> bool {
        let case = refusal.case.as_ref().and_then(|case| self.board.get(&case.id));
        case.is_some_and(|case| matches!(case.state, CaseState::Open | CaseState::Approved))
    }

    /// Waits until a case is open no more.
    async fn end_of_case(&self, id: CaseId) -> Option<CaseState> {
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

fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::UpstreamUnavailable | Code::UpstreamTimeout | Code::StateUnseen | Code::Overloaded | Code::Killed
    )
}

/// Says whether nothing can be recorded now: what was to be done stays to be done.
fn is_of_journal(code: Code) -> bool {
    code == Code::DiskFull || is_over(code)
}
