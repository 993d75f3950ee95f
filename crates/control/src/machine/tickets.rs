//! Cases that a decision asks for: joined if there is one, else opened.

use std::collections::BTreeSet;

use ledger::Turn;
use replay::fold::Tickets;
use stages::approval;
use types::case::Case;
use types::{CaseId, ProfileId};

use super::Decider;

impl Decider {
    /// Returns the case that is open for just these profiles under the active bundle, if there is one.
    pub(super) fn joins(&self, tickets: &Tickets, profiles: &BTreeSet<ProfileId>) -> Option<Case> {
        let bundle = self.bundle().digest();
        tickets.open.clone().filter(|case| case.profiles == *profiles && case.bundle == bundle)
    }

    /// Names a case of its own for what is still missing, in place of one that is open about this action and asks for
    /// something else; the record of the decision opens it.
    pub(super) fn name_case(&mut self, tickets: &Tickets, changed: &mut Vec<Case>, turn: &mut Turn<'_>) -> CaseId {
        if let Some(old) = &tickets.open {
            changed.extend(self.end_case(&old.id, approval::void, turn));
        }
        CaseId::draw(turn.now, turn.draw())
    }
}
