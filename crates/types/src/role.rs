//! Roles of people: what somebody is here for, where that is less than other people may.

use serde::{Deserialize, Serialize};

use crate::PersonId;
use crate::bundle::BundleData;

/// Is a role that takes rights away; groups alone give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything and changes nothing, not even a kill switch.
    Auditor,
}

impl BundleData {
    /// Says whether a person is one who reads everything and changes nothing.
    pub fn is_auditor(&self, person: &PersonId) -> bool {
        self.people.get(person).is_some_and(|person| person.role == Some(Role::Auditor))
    }
}
