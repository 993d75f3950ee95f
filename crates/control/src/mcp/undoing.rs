//! Carrying out what takes an action back, over a connection of our own.

use std::sync::Arc;

use connectors::mcp::tool_request;
use executor::{Flight, Plan, Ran, run};
use ledger::Recorded;
use serde_json::Value;
use stages::decision::Permit;
use tokio::sync::mpsc;
use types::reversal::Phase;
use types::{Code, EffectClass, Outcome, OutcomeStatus, ToolName};

use super::Link;
use super::carry::{DEADLINE_MS, McpTarget};
use super::states::Watched;
use crate::control::Control;
use crate::door::{Caller, McpDoor, Refusal};
use crate::error::Failure;
use crate::reversals::{UndoPlan, Undone};
use crate::snapshot::Snapshot;

/// Is what takes an action back, ready to be decided and sent.
pub(crate) struct Undoing {
    /// What was done.
    pub(crate) plan: UndoPlan,
    /// How its state is seen.
    pub(crate) watched: Watched,
    /// The tool that takes it back.
    pub(crate) tool: ToolName,
}

impl Control {
    /// Connects to the server of an action in our own name.
    pub(crate) async fn link_to_undo(self: &Arc<Self>, undoing: &Undoing) -> Failure<Arc<Link>> {
        let agent = undoing.plan.agent.clone();
        let caller = Caller { agent, on_behalf_of: None, anonymous: false };
        self.connect(&caller, &undoing.tool.server, None, "{}").await
    }

    /// Demands that the state is still what the action left; otherwise that is recorded, and nothing is done.
    pub(crate) async fn still_stands(&self, link: &Link, undoing: &Undoing) -> Failure<()> {
        let snapshot = self.snapshot();
        self.is_reviewed(&snapshot, link, &undoing.tool).await.map_err(|why| Refusal::plain(Code::ToolChanged, why))?;
        let seen = self.look(&snapshot, link, &link.handle(), &undoing.watched).await;
        let now = seen
            .clone()
            .map_err(|why| Refusal::plain(Code::StateUnseen, format!("the state cannot be seen: {why}")))?;
        let Some(after) = &undoing.plan.after else {
            // It is seen by the action's own id, so what is seen now is what it left: a crash kept that from being seen then.
            self.record_state(&undoing.watched, Phase::After, &seen, None).await?;
            let nothing = || Refusal::plain(Code::NotReversible, "it changed nothing that is seen");
            return if now == undoing.plan.before { Err(nothing()) } else { Ok(()) };
        };
        if now == *after {
            return Ok(());
        }
        if now == undoing.plan.before {
            // Somebody restored it, or a crash took what was seen of an undo.
            self.record_state(&undoing.watched, Phase::Undone, &seen, Some((None, Some(true)))).await?;
            return Err(Refusal::plain(Code::NotReversible, "the state is what it was before it already"));
        }
        self.record_state(&undoing.watched, Phase::Conflict, &seen, None).await?;
        let (after, now) = (shown(after), shown(&now));
        let message =
            format!("it left {after}, and now it is {now}: somebody has changed it since, so it is not taken back");
        Err(Refusal { action: Some(undoing.plan.action), ..Refusal::plain(Code::ReversalConflict, message) })
    }

    /// Carries out a recorded permit to take an action back, and sees what came of it.
    pub(crate) async fn carry_undo(
        self: &Arc<Self>,
        permit: Recorded<Permit>,
        link: &Link,
        undoing: Undoing,
    ) -> Failure<Undone> {
        let (snapshot, action) = (self.snapshot(), permit.get().action());
        let Some((plan, target)) = self.planned(&snapshot, permit.get(), link, &undoing) else {
            let why = "the policy changed before it was carried out";
            return Err(self.record_unsent(action, Code::StateConflict, why).await);
        };
        let Ran { outcome, error, .. } = run(permit, plan, &self.gate, &target, self.clock()).await;
        let status = outcome.status;
        // What the tool answered may hold what is secret; what came of it is seen in the state.
        self.record_ran(Outcome { result: None, ..outcome }).await?;
        if status == OutcomeStatus::NotDispatched {
            let why = error.map_or_else(String::new, |error| format!("{error:?}"));
            return Err(Refusal {
                action: Some(action),
                ..Refusal::plain(Code::Killed, format!("it was not sent: {why}"))
            });
        }
        let seen = self.look(&snapshot, link, &link.handle(), &undoing.watched).await;
        let restored = seen.as_ref().ok().map(|now| *now == undoing.plan.before);
        // What failed and left another state is for a person; what failed and left nothing may be tried again.
        let phase =
            if status == OutcomeStatus::Done || restored == Some(true) { Phase::Undone } else { Phase::Conflict };
        self.record_state(&undoing.watched, phase, &seen, Some((Some(action), restored))).await?;
        Ok(Undone { undone: undoing.plan.action, by: action, status, restored, state: seen.ok() })
    }

    fn planned(
        &self,
        snapshot: &Snapshot,
        permit: &Permit,
        link: &Link,
        undoing: &Undoing,
    ) -> Option<(Plan, McpTarget)> {
        let known = snapshot.bundle.data().tools.get(&undoing.tool)?;
        if permit.bundle() != snapshot.bundle.digest() {
            return None;
        }
        let mut arguments = undoing.plan.arguments.clone();
        if let (EffectClass::Keyed, Some(name), Some(all)) =
            (known.effect, &known.key_argument, arguments.as_object_mut())
        {
            all.insert(name.clone(), Value::String(permit.action().to_string()));
        }
        let connection = link.handle();
        // Progress was not asked for.
        let (events, _) = mpsc::channel(1);
        let target = McpTarget {
            request: tool_request(&connection, &undoing.tool.operation, &arguments),
            headers: link.mirrors(&undoing.tool).headers(&arguments),
            connection,
            events,
            result_bytes_max: None,
        };
        let plan = Plan {
            flight: Flight::of(permit, self.now()),
            effect: known.effect,
            key_ttl_ms: known.key_ttl_ms,
            deadline_ms: DEADLINE_MS,
            attempts_max: if known.effect.retries() { 3 } else { 1 },
        };
        Some((plan, target))
    }
}

/// Writes a state so that it can be shown in a sentence.
fn shown(state: &str) -> String {
    let escaped = types::text::escape(state, false);
    match escaped.char_indices().nth(200) {
        Some((end, _)) => format!("`{}…`", escaped.get(..end).unwrap_or_default()),
        None => format!("`{escaped}`"),
    }
}
