//! Taking an action back: what that would do, whether its state still stands, and doing it as an action of its own.

use std::sync::Arc;

use evidence::RecordKind;
use executor::Flight;
use policy::UNDO_TOOL;
use serde_json::Value;
use stages::facts::ADMIN_CLASS;
use types::reversal::{Known, Phase};
use types::{ActionId, AgentId, Channel, ClassId, Code, OutcomeStatus, PersonId, Principal, ToolName, json};

use crate::control::Control;
use crate::door::{Refusal, UpstreamLink as _};
use crate::error::Failure;
use crate::mcp::Link;
use crate::mcp::states::Watched;
use crate::mcp::undoing::Undoing;
use crate::snapshot::Snapshot;
use crate::trace::Path;

/// Is what taking an action back would do.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoPlan {
    /// The action.
    pub action: ActionId,
    /// The agent whose it is.
    pub agent: AgentId,
    /// What it called.
    pub did: ToolName,
    /// The tool that takes it back.
    pub tool: ToolName,
    /// The arguments it is called with.
    pub arguments: Value,
    /// The state before it, as canonical JSON.
    pub before: String,
    /// The state that it left; absent if a crash kept it from being seen, and it can be seen still.
    pub after: Option<String>,
}

/// Is an action that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The action.
    pub undone: ActionId,
    /// The action that took it back.
    pub by: ActionId,
    /// How that ended.
    pub status: OutcomeStatus,
    /// Whether the state is what it was before; absent if it could not be seen.
    pub restored: Option<bool>,
    /// The state as it is now.
    pub state: Option<String>,
}

impl Control {
    /// Says what taking an action back would do; nothing is asked of its server.
    ///
    /// # Errors
    ///
    /// `not-found` if no record is of it; `not-reversible` with the reason it cannot be taken back.
    pub fn plan_undo(&self, action: &ActionId) -> Failure<UndoPlan> {
        self.undoing(action).map(|undoing| undoing.plan)
    }

    /// Takes an action back, if that is decided and its state is still what it left.
    ///
    /// # Errors
    ///
    /// As [`Control::plan_undo`]; `reversal-conflict` if the state is another by now, which is recorded; `state-unseen` if it cannot be seen; what the
    /// decision, the server and the journal say.
    pub async fn undo(self: &Arc<Self>, by: &PersonId, action: &ActionId, reason: &str) -> Failure<Undone> {
        self.may_change(by)?;
        // One after the other, so that none is taken back twice.
        let _alone = self.undoing.lock().await;
        let undoing = self.undoing(action)?;
        let link = self.link_to_undo(&undoing).await?;
        let undone = self.undo_over(by, &link, undoing, reason).await;
        link.close().await;
        undone
    }

    /// Takes an action back over a link to its server.
    pub(crate) async fn undo_over(
        self: &Arc<Self>,
        by: &PersonId,
        link: &Link,
        undoing: Undoing,
        reason: &str,
    ) -> Failure<Undone> {
        self.still_stands(link, &undoing).await?;
        let UndoPlan { action, agent, did, tool, arguments, .. } = &undoing.plan;
        let arguments = serde_json::json!({
            "action": action.to_string(), "agent": agent, "did": did.to_string(), "tool": tool.to_string(), "arguments": arguments,
        });
        let wish = Self::administration(by, UNDO_TOOL, &arguments, reason)?;
        let mut decided = self.decide_once(wish, false).await?;
        let Some(permit) = decided.permit.take() else { return Err(decided.refusal()) };
        self.carry_undo(permit, link, undoing).await
    }

    /// Is a person's look at what an action left: a kill of its agent does not cover it, one of everything does.
    fn undo_flight(&self, action: ActionId) -> Failure<Flight> {
        let internal = |error: types::id::IdError| Refusal::plain(Code::Internal, error.to_string());
        Ok(Flight {
            action,
            tenant: self.config.tenant.clone(),
            agent: None,
            tool: UNDO_TOOL.parse().map_err(internal)?,
            class: ClassId::new(ADMIN_CLASS).map_err(internal)?,
            since: self.now(),
        })
    }

    /// Reads from the records what takes an action back.
    pub(crate) fn undoing(&self, action: &ActionId) -> Failure<Undoing> {
        let path = self.trace(action)?;
        let refused = |why: String| Refusal { action: Some(*action), ..Refusal::plain(Code::NotReversible, why) };
        let (Some(proposal), Some(outcome)) = (&path.proposal, &path.outcome) else {
            return Err(refused("what it was, or what came of it, is not recorded or was erased".to_owned()));
        };
        if outcome.status == OutcomeStatus::NotDispatched {
            return Err(refused("it was never sent".to_owned()));
        }
        let Some(agent) = proposal.principal.agent() else {
            return Err(refused("only what an agent did is taken back so".to_owned()));
        };
        let snapshot = self.snapshot();
        let declared = snapshot.bundle.data().tools.get(&proposal.tool).and_then(|tool| tool.undo.clone());
        let undo = declared.ok_or_else(|| refused(format!("the catalogue has no `undo` for `{}`", proposal.tool)))?;
        if let Some((seen, _)) = path.states.iter().rev().find(|(seen, _)| seen.phase == Phase::Undone) {
            let by = seen.undo.map_or_else(String::new, |by| format!(" by {by}"));
            return Err(refused(format!("it was taken back already{by}")));
        }
        if never_left(&path, &snapshot) {
            return Err(refused("it was never sent: the state before it was not seen yet".to_owned()));
        }
        let (before, after) = (state(&path, Phase::Before), state(&path, Phase::After));
        let before = before.ok_or_else(|| refused("the state before it was not seen".to_owned()))?;
        if after.is_none() && !undo.observe.arguments.names_action() {
            return Err(refused("the state after it was not seen".to_owned()));
        }
        if after.as_ref() == Some(&before) {
            return Err(refused("it changed nothing that is seen".to_owned()));
        }
        let unreadable = |_| refused("the state before it cannot be read".to_owned());
        let was = json::parse(&before).map_err(unreadable)?;
        let arguments = proposal.arguments.value().clone();
        let filled = undo.arguments.fill(Known { action, arguments: &arguments, before: Some(&was) });
        let filled = filled.map_err(|error| refused(error.to_string()))?;
        let tool = ToolName::new(proposal.tool.server.clone(), undo.tool.clone());
        let tool = tool.map_err(|error| refused(error.to_string()))?;
        let delegator = proposal.on_behalf_of.clone().map(Principal::Person);
        let whom = std::iter::once(proposal.principal.clone()).chain(delegator).collect();
        let plan = UndoPlan {
            action: *action,
            agent: agent.clone(),
            did: proposal.tool.clone(),
            tool: tool.clone(),
            arguments: filled,
            before,
            after,
        };
        let flight = self.undo_flight(*action)?;
        let watched = Watched { action: *action, tool: proposal.tool.clone(), arguments, undo, whom, flight };
        Ok(Undoing { plan, watched, tool })
    }
}

/// Says whether an action in doubt provably never left: the state before it is recorded before it is sent, and that was not done yet.
///
/// Only under the bundle that decided it can it be told that its state would have been seen.
pub(crate) fn never_left(path: &Path, snapshot: &Snapshot) -> bool {
    let (Some(proposal), Some(outcome)) = (&path.proposal, &path.outcome) else { return false };
    let is_seen = snapshot.bundle.data().tools.get(&proposal.tool).is_some_and(|tool| tool.undo.is_some());
    is_seen
        && outcome.status == OutcomeStatus::InDoubt
        && proposal.channel == Channel::Mcp
        && path.decision().is_some_and(|decision| decision.bundle == snapshot.bundle.digest())
        && path.unread.is_empty()
        && path.steps.iter().all(|step| step.leaf.kind != RecordKind::State)
}

/// Says whether the state after an action is the one before it.
pub(crate) fn changed_nothing(path: &Path) -> bool {
    let (before, after) = (state(path, Phase::Before), state(path, Phase::After));
    before.is_some() && before == after
}

/// Returns a state that was seen.
fn state(path: &Path, phase: Phase) -> Option<String> {
    let mut of_phase = path.states.iter().rev().filter(|(seen, _)| seen.phase == phase);
    of_phase.next().and_then(|(_, state)| state.clone())
}
