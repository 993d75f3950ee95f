//! Delegations: a person's vote in another's hand, given by decision and taken back at once.

use types::delegation::{self, Delegation};
use types::{Millis, PersonId};

use crate::control::Control;
use crate::error::{Failure, invalid, not_found};
use crate::machine::{Change, Command};

/// Is the administration tool that gives a delegation.
const DELEGATE: &str = "countersign.approval.delegate";

/// Is a delegation that a person wishes to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationWish {
    /// Who may vote for them.
    pub to: PersonId,
    /// The group it is limited to.
    pub group: Option<String>,
    /// Why.
    pub reason: String,
    /// When it ends, at most 30 days from now.
    pub expires: Millis,
}

impl Control {
    /// Lets somebody vote in a person's place, if policy lets this person; it replaces the one between the same two.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings, or `delegation-unsupported` with the reason it cannot be given.
    pub async fn delegate(&self, from: &PersonId, wish: DelegationWish) -> Failure<Delegation> {
        let DelegationWish { to, group, reason, expires } = wish;
        let arguments = serde_json::json!({ "to": to, "group": group, "expires": expires });
        let given = Delegation { from: from.clone(), to, group, reason: reason.clone(), at: self.now(), expires };
        let change = Change::Delegate(Box::new(given.clone()));
        self.administer(from, DELEGATE, &arguments, &reason, change).await?;
        // It may have been taken back or replaced by now, which does not undo that it was given.
        let kept = self.snapshot().delegations.get(&given.key()).cloned();
        let is_own = |kept: &Delegation| Delegation { at: given.at, ..kept.clone() } == given;
        Ok(kept.filter(is_own).unwrap_or(given))
    }

    /// Takes a delegation back. It only tightens, so it waits for no decision, and anybody but an auditor may.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `forbidden` for an auditor, `not-found` if there is none between the two.
    pub async fn take_back(&self, by: &PersonId, from: &PersonId, to: &PersonId, reason: &str) -> Failure<()> {
        if reason.trim().is_empty() {
            return Err(invalid("taking a delegation back needs a reason"));
        }
        self.may_change(by)?;
        let key = delegation::key(from, to);
        if !self.snapshot().delegations.contains_key(&key) {
            return Err(not_found(format!("delegation of {from} to {to}")));
        }
        self.ask(Command::TakeBack { key, by: by.clone(), reason: reason.to_owned() }).await.map(drop)
    }

    /// Returns the delegations that hold now, in order of who gave them and to whom.
    pub fn delegations(&self) -> Vec<Delegation> {
        let now = self.now();
        self.snapshot().delegations.values().filter(|given| given.holds_at(now)).cloned().collect()
    }
}
