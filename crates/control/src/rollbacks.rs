//! Taking back what a session or an agent did: what that would do, what cannot be taken back, and doing it from the latest to the first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evidence::{Field, RecordKind};
use ledger::history::Entry;
use types::{
    ActionId, AgentId, Code, EffectClass, Millis, OutcomeStatus, PersonId, Principal, ServerName, SessionId, ToolName,
};

use crate::control::Control;
use crate::door::{Refusal, UpstreamLink as _};
use crate::error::{Failure, invalid, not_found};
use crate::grants::first_at;
use crate::mcp::Link;
use crate::mcp::undoing::Undoing;
use crate::reversals::{UndoPlan, Undone, changed_nothing, never_left};

/// Is how many actions are taken back in one request at most.
pub const AT_ONCE_MAX: usize = 100;

/// Is how many records are read at once.
const READ_AT_ONCE: u64 = 1_024;

/// Says whose actions are to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of a session.
    Session(SessionId),
    /// Those of an agent that were decided since an instant.
    Agent(AgentId, Millis),
}

/// Is an action that stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// The action.
    pub action: ActionId,
    /// What it called.
    pub did: ToolName,
    /// Why it is not taken back.
    pub why: String,
}

/// Is what taking all of it back would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollbackPlan {
    /// What is taken back, in this order: the latest first.
    pub steps: Vec<UndoPlan>,
    /// What had, or may have had, an effect and stays.
    pub stays: Vec<Stays>,
    /// How many actions only read, were never sent, changed nothing, or were taken back before.
    pub without: usize,
}

/// Is what came of one action of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The action.
    pub action: ActionId,
    /// It was taken back, or why not.
    pub done: Result<Undone, Box<Refusal>>,
}

impl Control {
    /// Says what taking back a session or an agent's actions would do; no server is asked.
    ///
    /// # Errors
    ///
    /// `not-found` if nothing is recorded of it, or what the journal says.
    pub fn plan_rollback(&self, scope: &Scope) -> Failure<RollbackPlan> {
        let mut plan = RollbackPlan::default();
        for action in self.ended_in(scope)? {
            match self.undoing(&action) {
                Ok(undoing) => plan.steps.push(undoing.plan),
                Err(refusal) if refusal.code == Code::NotReversible => match self.stays(&action, refusal.message)? {
                    Some(stays) => plan.stays.push(stays),
                    None => plan.without += 1,
                },
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(plan)
    }

    /// Takes actions back, the latest first. Each is decided and recorded by itself; one that is not taken back does not keep others, but those that it
    /// stands upon.
    ///
    /// # Errors
    ///
    /// `request-invalid` for more than [`AT_ONCE_MAX`], or none; `forbidden` if the person may change nothing.
    pub async fn roll_back(
        self: &Arc<Self>,
        by: &PersonId,
        actions: &BTreeSet<ActionId>,
        reason: &str,
    ) -> Failure<Vec<Step>> {
        self.may_change(by)?;
        if actions.is_empty() || actions.len() > AT_ONCE_MAX {
            return Err(invalid(format!("1 to {AT_ONCE_MAX} actions are taken back at once")));
        }
        // One after the other, so that none is taken back twice.
        let _alone = self.undoing.lock().await;
        let mut ended = Vec::new();
        for action in actions {
            ended.push((self.ended_at(action)?, *action));
        }
        ended.sort_unstable_by(|a, b| b.cmp(a));
        let mut links = Links::default();
        let mut blocked: BTreeMap<String, ActionId> = BTreeMap::new();
        let mut steps = Vec::new();
        for (_, action) in ended {
            let done = self.step(by, &action, reason, &mut links, &mut blocked).await.map_err(Box::new);
            steps.push(Step { action, done });
        }
        links.drop_all().await;
        Ok(steps)
    }

    async fn step(
        self: &Arc<Self>,
        by: &PersonId,
        action: &ActionId,
        reason: &str,
        links: &mut Links,
        blocked: &mut BTreeMap<String, ActionId>,
    ) -> Failure<Undone> {
        let undoing = self.undoing(action)?;
        let state = Self::names(&undoing.watched);
        if let Some(later) = blocked.get(&state) {
            let why = format!("`{later}` changed the same later, and was not taken back");
            return Err(Refusal { action: Some(*action), ..Refusal::plain(Code::ReversalConflict, why) });
        }
        let link = links.to(self, &undoing).await;
        let done = match link {
            Ok(link) => self.undo_over(by, &link, undoing, reason).await,
            Err(refusal) => Err(refusal),
        };
        if !matches!(&done, Ok(undone) if undone.restored == Some(true)) {
            blocked.insert(state, *action);
        }
        if done.is_err() {
            links.drop_all().await;
        }
        done
    }

    /// Returns why an action stays, unless it had no effect for sure.
    pub(crate) fn stays(&self, action: &ActionId, why: String) -> Failure<Option<Stays>> {
        let path = self.trace(action)?;
        let Some(proposal) = &path.proposal else {
            return Ok(None);
        };
        let snapshot = self.snapshot();
        let reads =
            snapshot.bundle.data().tools.get(&proposal.tool).is_some_and(|tool| tool.effect == EffectClass::Read);
        let unsent = path.outcome.as_ref().is_some_and(|outcome| outcome.status == OutcomeStatus::NotDispatched);
        let over = path.states.last().is_some_and(|(seen, _)| seen.restored == Some(true));
        let same = changed_nothing(&path) || never_left(&path, &snapshot);
        let stays = Stays { action: *action, did: proposal.tool.clone(), why };
        Ok((!reads && !unsent && !over && !same).then_some(stays))
    }

    /// Returns the actions of a scope that have ended, the latest first.
    fn ended_in(&self, scope: &Scope) -> Failure<Vec<ActionId>> {
        let history = self.history();
        let mut own = BTreeSet::new();
        let mut ended = Vec::new();
        let mut take = |entry: &Entry| {
            let Some(action) = entry.leaf.action else { return };
            match (entry.leaf.kind, scope) {
                (RecordKind::Decided, Scope::Session(_)) => drop(own.insert(action)),
                (RecordKind::Decided, Scope::Agent(agent, _)) if agent_of(entry).as_ref() == Some(agent) => {
                    own.insert(action);
                }
                (RecordKind::Outcome, _) if own.contains(&action) => ended.push(action),
                _ => {}
            }
        };
        match scope {
            Scope::Session(session) => {
                let decided = history.of_session(session)?;
                let actions: BTreeSet<ActionId> = decided.iter().filter_map(|entry| entry.leaf.action).collect();
                decided.iter().for_each(&mut take);
                let mut entries = Vec::new();
                for action in &actions {
                    entries.extend(history.of_action(action)?);
                }
                entries.sort_by_key(|entry| entry.index);
                entries.iter().filter(|entry| entry.leaf.kind == RecordKind::Outcome).for_each(&mut take);
            }
            Scope::Agent(_, since) => {
                let size = history.size()?;
                for from in (first_at(history, *since)?..size).step_by(READ_AT_ONCE as usize) {
                    history.range(from, size.min(from + READ_AT_ONCE))?.iter().for_each(&mut take);
                }
            }
        }
        if own.is_empty() {
            return Err(not_found(match scope {
                Scope::Session(session) => format!("action of the session {session}"),
                Scope::Agent(agent, _) => format!("action of `{agent}` since then"),
            }));
        }
        ended.reverse();
        let mut seen = BTreeSet::new();
        ended.retain(|action| seen.insert(*action));
        Ok(ended)
    }

    /// Returns where an action ended in the journal.
    fn ended_at(&self, action: &ActionId) -> Failure<u64> {
        let entries = self.history().of_action(action)?;
        let outcome = entries.iter().rev().find(|entry| entry.leaf.kind == RecordKind::Outcome);
        Ok(outcome.map_or(0, |entry| entry.index))
    }
}

/// Are the connections that a rollback has opened: one for each agent and server.
#[derive(Default)]
struct Links {
    open: BTreeMap<(AgentId, ServerName), Arc<Link>>,
}

impl Links {
    async fn to(&mut self, control: &Arc<Control>, undoing: &Undoing) -> Failure<Arc<Link>> {
        let key = (undoing.plan.agent.clone(), undoing.tool.server.clone());
        if let Some(link) = self.open.get(&key) {
            return Ok(link.clone());
        }
        let link = control.link_to_undo(undoing).await?;
        self.open.insert(key, link.clone());
        Ok(link)
    }

    /// Closes all; the next step connects anew.
    async fn drop_all(&mut self) {
        for link in std::mem::take(&mut self.open).into_values() {
            link.close().await;
        }
    }
}

fn agent_of(entry: &Entry) -> Option<AgentId> {
    let principal: Option<Principal> = entry.content.as_ref()?.get(Field::Principal).ok().flatten();
    principal?.agent().cloned()
}
