//! What agents run: the models and prompts that they name, and the epochs that these make of their lives.

use types::{AgentId, Code, Identity, IdentityEpoch};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::tracking::{blocking, is_registered};

impl Control {
    /// Returns the epochs of an agent, the newest first.
    ///
    /// # Errors
    ///
    /// `agent-unknown` if neither the bundle has the agent nor anything is kept of it.
    pub fn identities_of(&self, agent: &AgentId) -> Failure<Vec<IdentityEpoch>> {
        let snapshot = self.snapshot();
        match snapshot.identities.get(agent) {
            Some(epochs) => Ok(epochs.all().iter().rev().cloned().collect()),
            None if snapshot.bundle.data().agents.contains_key(agent) => Ok(Vec::new()),
            None => Err(Refusal::plain(Code::AgentUnknown, format!("the bundle has no agent `{agent}`"))),
        }
    }

    /// Checks what an agent names, and puts what is registered as the version that it means now.
    ///
    /// # Errors
    ///
    /// `request-invalid` for what cannot be named so; `not-found` for a version that is not registered.
    pub(crate) async fn resolved(&self, named: Identity) -> Failure<Identity> {
        named.check().map_err(|e| Refusal::plain(Code::RequestInvalid, e.to_string()))?;
        if !is_registered(&named) {
            return Ok(named);
        }
        Ok(blocking(self.tracking()?, move |tracking| tracking.registered(&named)).await?)
    }
}
