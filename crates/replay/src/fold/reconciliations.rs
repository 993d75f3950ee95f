//! What was found when systems were held against the journal, by server.

use types::reconciliation::Reconciliation;

use super::books::Books;
use super::ops::Ops;
use crate::state::kind;

impl Books {
    pub(super) fn reconciled(&mut self, found: Reconciliation, ops: &mut Ops) {
        let key = found.server.clone();
        let kept = found.after(self.reconciliations.get(&key));
        ops.put(kind::RECONCILIATION, key.to_string(), &kept);
        self.reconciliations.insert(key, kept);
    }
}
