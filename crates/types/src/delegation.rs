//! Delegations: one person lets another vote in their place, for a while.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::case::Proxy;
use crate::mutant::{self, Mutant};
use crate::{Millis, PersonId};

/// Is how long a delegation lasts at most, in milliseconds: 30 days.
pub const LAST_MS_MAX: i64 = 30 * 86_400_000;

/// Is the status of the record of a grant that gives a delegation; of levels it is the level, 0 to 3.
pub const GIVEN: u8 = 16;

/// Is the status of the record of a grant that takes a delegation back.
pub const TAKEN_BACK: u8 = 17;

/// Is one person's vote in another's hand, until an instant. It cannot be handed on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Delegation {
    /// Whose vote it is.
    #[n(0)]
    pub from: PersonId,
    /// Who may cast it.
    #[n(1)]
    pub to: PersonId,
    /// The group it is limited to: it counts only for profiles that ask this group.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Why.
    #[n(3)]
    pub reason: String,
    /// When it was given.
    #[n(4)]
    pub at: Millis,
    /// When it ends.
    #[n(5)]
    pub expires: Millis,
}

impl Delegation {
    /// Returns the name under which it is kept: a person has one delegation to another at most.
    pub fn key(&self) -> String {
        key(&self.from, &self.to)
    }

    /// Says whether it holds at an instant.
    pub fn holds_at(&self, at: Millis) -> bool {
        self.at <= at && (at < self.expires || mutant::on(Mutant::DelegationOutlivesEnd))
    }

    /// Returns what a vote says that was cast by it.
    pub fn proxy(&self) -> Proxy {
        Proxy { person: self.from.clone(), group: self.group.clone() }
    }
}

/// Returns the name under which the delegation of one person to another is kept.
pub fn key(from: &PersonId, to: &PersonId) -> String {
    format!("{from}/{to}")
}
