//! Permissions: given, used up one action at a time, ended by time, by a new bundle or by revocation.

use std::cmp::Reverse;

use stages::permission;
use types::permission::Permission;
use types::{ActionProposal, Decision, Digest, Facts, Millis, PermissionId};

use super::Books;
use super::leaving::Leaving;
use super::ops::Ops;
use crate::state::kind;

impl Books {
    /// Finds the permission that covers an action: of several the one for which the most profiles have approved, and of those
    /// the one that ends first.
    ///
    /// - `early`: the facts of the snapshot.
    pub fn covering_permission(
        &self,
        proposal: &ActionProposal,
        early: &Facts,
        bundle: &Digest,
        now: Millis,
    ) -> Option<&Permission> {
        let covers = |permission: &&Permission| permission::covers(permission, proposal, early, bundle, now);
        let order =
            |permission: &&Permission| (Reverse(permission.terms.profiles.len()), permission.expires, permission.id);
        self.permissions.values().filter(covers).min_by_key(order)
    }

    /// Keeps a permission that was given, and forgets those that have ended by then: no record says so.
    pub(super) fn permit(&mut self, given: Permission, now: Millis, ops: &mut Ops) {
        self.end_permissions(|kept| kept.expires <= now, ops);
        ops.put(kind::PERMISSION, given.id.to_string(), &given);
        self.permissions.insert(given.id, given);
    }

    pub(super) fn revoke_permission(&mut self, id: &PermissionId, ops: &mut Ops) {
        self.end_permissions(|kept| kept.id == *id, ops);
    }

    /// Under another bundle no permission covers anything.
    pub(super) fn end_permissions_of_others(&mut self, bundle: &Digest, ops: &mut Ops) {
        self.end_permissions(|kept| kept.bundle != *bundle, ops);
    }

    /// Takes one use of the permission that a decision runs on; with the last one it is gone. No ending gives it back.
    pub(super) fn use_permission(&mut self, decision: &Decision, ops: &mut Ops) {
        let used = permission::used(&decision.findings, &decision.facts);
        // What is not there any more was erased; whoever records a decision has asserted that it was.
        let Some(kept) = used.and_then(|id| self.permissions.get_mut(&id)) else { return };
        kept.left = kept.left.saturating_sub(1);
        let (id, left) = (kept.id, kept.left);
        if left > 0 {
            ops.put(kind::PERMISSION, id.to_string(), &*kept);
        } else {
            self.revoke_permission(&id, ops);
        }
    }

    /// Removes the permissions of a subject, and those that rest on it.
    pub(super) fn forget_permissions(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        let subject = leaving.subject().subject();
        self.end_permissions(|kept| kept.subjects().contains(&subject), ops);
    }

    fn end_permissions(&mut self, is_over: impl Fn(&Permission) -> bool, ops: &mut Ops) {
        self.permissions.retain(|id, kept| {
            let is_over = is_over(kept);
            if is_over {
                ops.delete(kind::PERMISSION, id.to_string());
            }
            !is_over
        });
    }
}
