//! A session: what an agent does in one go, numbered without a gap and counted when it closes.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{AgentId, Identity, Millis, PersonId, SessionId};

/// Is a session, as it is recorded when it opens and when it closes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Session {
    /// Its identity.
    #[n(0)]
    pub id: SessionId,
    /// Whose it is.
    #[n(1)]
    pub agent: AgentId,
    /// On whose behalf.
    #[n(2)]
    pub on_behalf_of: Option<PersonId>,
    /// The tools the agent says it will use; anything else is outside the plan.
    #[n(3)]
    pub plan: Option<BTreeSet<String>>,
    /// When it was opened.
    #[n(4)]
    pub opened: Millis,
    /// How many actions were proposed.
    #[n(5)]
    pub proposed: u64,
    /// How many of them were permitted.
    #[n(6)]
    pub permitted: u64,
    /// When something was last recorded in it.
    #[n(7)]
    pub seen: Millis,
    /// A connection of this process holds it open, so it ends with the connection and never by being idle.
    #[n(8)]
    pub attached: bool,
    /// What the agent says it runs; absent if it says nothing.
    #[n(9)]
    pub runs: Option<Identity>,
    /// The number of the epoch that this makes; absent if it says nothing.
    #[n(10)]
    pub epoch: Option<u64>,
}
