//! What agents named that they run, and the epochs that this makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use types::{AgentId, Epochs, IdentityEpoch};

use super::books::Books;
use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::kind;

pub(super) fn load(rows: &Rows<'_>) -> Result<BTreeMap<AgentId, Epochs>, String> {
    let named = |(key, epochs): (String, Epochs)| {
        let agent = key.parse().map_err(|e| format!("the epochs of an agent are kept under no name: {e}"))?;
        Ok((agent, epochs))
    };
    read::<Epochs>(rows, kind::IDENTITY)?.into_iter().map(named).collect()
}

impl Books {
    pub(super) fn identified(&mut self, epoch: IdentityEpoch, ops: &mut Ops) {
        let epochs = Arc::make_mut(&mut self.identities).entry(epoch.agent.clone()).or_default();
        let key = epoch.agent.to_string();
        epochs.begin(epoch);
        ops.put(kind::IDENTITY, key, &*epochs);
    }

    pub(super) fn forget_identities(&mut self, agent: &AgentId, ops: &mut Ops) {
        if Arc::make_mut(&mut self.identities).remove(agent).is_some() {
            ops.delete(kind::IDENTITY, agent.to_string());
        }
    }
}
