//! Break-glasses: moved by recorded steps, and by the actions that run under them.

use stages::break_glass::{self, KEPT};
use types::break_glass::{BreakGlass, Used};
use types::{ActionProposal, Decision, GlassId};

use super::ops::Ops;
use super::{Books, FoldError, Place};
use crate::state::kind;

impl Books {
    /// Takes a step that was recorded, if it follows by the rules that took it.
    pub(super) fn stepped(&mut self, glass: BreakGlass, place: &Place<'_>, ops: &mut Ops) -> Result<(), FoldError> {
        let before = self.break_glass.get(&glass.id);
        break_glass::follows(before, &glass, place.bundle()?, self.break_glass.values())?;
        if before.is_none() {
            self.drop_oldest(place, ops);
        }
        self.put_glass(glass, ops);
        Ok(())
    }

    pub(super) fn put_glass(&mut self, glass: BreakGlass, ops: &mut Ops) {
        ops.put(kind::BREAK_GLASS, glass.id.to_string(), &glass);
        self.break_glass.insert(glass.id, glass);
    }

    /// Notes that an action runs under a break-glass.
    pub(super) fn use_glass(
        &mut self,
        proposal: &ActionProposal,
        decision: &Decision,
        place: &Place<'_>,
        ops: &mut Ops,
    ) {
        // It is gone if somebody who had a hand in it was erased.
        let glass = break_glass::under(decision).and_then(|id| self.break_glass.get(&id));
        if let Some(glass) = glass {
            let used = Used { action: proposal.id, tool: proposal.tool.clone(), at: decision.at, index: place.index };
            let glass = break_glass::used(glass, used);
            self.put_glass(glass, ops);
        }
    }

    /// Makes room for another one: of those that are closed the last few are kept.
    fn drop_oldest(&mut self, place: &Place<'_>, ops: &mut Ops) {
        // Their ids are in the order in which they were drawn, which is that of the journal's time.
        let closed = self.break_glass.values().filter(|glass| glass.phase(place.now).is_closed());
        let mut closed: Vec<GlassId> = closed.map(|glass| glass.id).collect();
        closed.truncate(closed.len().saturating_sub(KEPT));
        for id in closed {
            ops.delete(kind::BREAK_GLASS, id.to_string());
            self.break_glass.remove(&id);
        }
    }
}
