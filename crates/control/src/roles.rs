//! What a person's role takes away: an auditor reads everything and changes nothing.

use types::{PersonId, Principal};

use crate::control::Control;
use crate::error::{Failure, forbidden};

impl Control {
    /// Lets a person go on who may change something; what exactly is for policy to say.
    ///
    /// # Errors
    ///
    /// `forbidden` for an auditor, as the active bundle says.
    pub fn may_change(&self, person: &PersonId) -> Failure<()> {
        if self.snapshot().bundle.data().is_auditor(person) {
            return Err(forbidden(format!(
                "`person:{person}` is an auditor, who reads everything and changes nothing"
            )));
        }
        Ok(())
    }

    /// Does the same for whoever holds a key; what an agent may is never a question of a person's role.
    ///
    /// # Errors
    ///
    /// As [`Control::may_change`].
    pub fn principal_may_change(&self, principal: &Principal) -> Failure<()> {
        match principal {
            Principal::Person(person) => self.may_change(person),
            Principal::Agent(_) => Ok(()),
        }
    }
}
