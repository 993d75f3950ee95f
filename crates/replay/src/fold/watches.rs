//! Actions that checks watch, from their end until the checks have ended and what follows is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use types::check::{Checked, Contained, Judgement, Watch, key};
use types::{ActionId, AutonomyLevel, CheckId, Millis, OutcomeStatus};

use super::books::Books;
use super::leaving::Leaving;
use super::ops::Ops;
use crate::state::{OpenFlight, kind};

impl Books {
    /// Begins to watch an action that has ended: whatever was sent may have led to something.
    pub(super) fn watch(
        &mut self,
        action: &ActionId,
        flight: &OpenFlight,
        status: OutcomeStatus,
        now: Millis,
        ops: &mut Ops,
    ) {
        let Some(agent) = flight.principal.agent().filter(|_| status != OutcomeStatus::NotDispatched) else { return };
        let named: BTreeSet<CheckId> =
            flight.checks.iter().flatten().chain(self.check_of_step(action)).cloned().collect();
        for check in named {
            let watch = Watch {
                action: *action,
                check,
                agent: agent.clone(),
                on_behalf_of: flight.on_behalf_of.clone(),
                tool: flight.tool.clone(),
                class: flight.class.clone(),
                since: now,
                violated: false,
            };
            ops.put(kind::WATCH, watch.key(), &watch);
            self.watches.insert(watch.key(), watch);
        }
    }

    /// Takes how a check ended: it stops the agent, if that is said, and what is to be taken back stays until that is done.
    pub(super) fn checked(&mut self, checked: &Checked, ops: &mut Ops) {
        let key = key(&checked.action, &checked.check);
        let Some(watch) = self.watches.remove(&key) else { return };
        let violated = checked.judgement == Judgement::Violated;
        if violated && checked.stop {
            self.stop(&watch, ops);
        }
        if violated && checked.undo {
            let watch = Watch { violated: true, ..watch };
            ops.put(kind::WATCH, key.clone(), &watch);
            self.watches.insert(key, watch);
        } else {
            ops.delete(kind::WATCH, key);
        }
    }

    /// Takes what came of taking an action back.
    pub(super) fn contained(&mut self, contained: &Contained, ops: &mut Ops) {
        let key = key(&contained.action, &contained.check);
        if self.watches.remove(&key).is_some() {
            ops.delete(kind::WATCH, key);
        }
    }

    /// Ends the watches of an action whose state is what it was before it: there is nothing to look at any more.
    pub(super) fn unwatch(&mut self, action: &ActionId, ops: &mut Ops) {
        let over = |watch: &Watch| watch.action == *action && !watch.violated;
        for watch in self.watches.values().filter(|watch| over(watch)) {
            ops.delete(kind::WATCH, watch.key());
        }
        self.watches.retain(|_, watch| !over(watch));
    }

    /// Takes the level away that an agent has in the class of an action, until somebody gives it one again.
    fn stop(&mut self, watch: &Watch, ops: &mut Ops) {
        let of = (watch.agent.clone(), watch.class.clone());
        if let Some(grant) = Arc::make_mut(&mut self.grants).get_mut(&of) {
            (grant.level, grant.stopped) = (AutonomyLevel::L0, Some(watch.action));
            ops.put(kind::GRANT, format!("{}/{}", of.0, of.1), &*grant);
        }
    }

    /// Forgets the watches that are about a subject.
    pub(super) fn forget_watches(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        for watch in self.watches.values().filter(|watch| leaving.is_watched(watch)) {
            ops.delete(kind::WATCH, watch.key());
        }
        self.watches.retain(|_, watch| !leaving.is_watched(watch));
    }
}
