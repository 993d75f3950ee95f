//! Tools as servers list them, held against what was reviewed.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use types::{Digest, PersonId, ServerName, ToolName};

use crate::control::Control;
use crate::error::{Failure, not_found};
use crate::machine::{Change, Command};

/// Reads the name of a listed tool.
pub(crate) fn name_of(server: &ServerName, tool_json: &str) -> Option<ToolName> {
    let value: serde_json::Value = serde_json::from_str(tool_json).ok()?;
    ToolName::new(server.clone(), value.get("name")?.as_str()?).ok()
}

impl Control {
    /// Takes note of the tools a server lists now and returns their definitions; a changed one is quarantined before
    /// anybody calls it.
    ///
    /// # Errors
    ///
    /// What the journal says, if a quarantine cannot be recorded.
    pub async fn observe(
        &self,
        server: &ServerName,
        identity: &str,
        tools: &[String],
    ) -> Failure<BTreeMap<ToolName, Digest>> {
        let seen: Vec<(ToolName, Digest)> = tools
            .iter()
            .filter_map(|json| {
                let digest = connectors::mcp::definition_digest(identity, json).ok()?;
                Some((name_of(server, json)?, digest))
            })
            .collect();
        self.observed.write().unwrap_or_else(PoisonError::into_inner).extend(seen.iter().cloned());
        let snapshot = self.snapshot();
        let changed = seen.iter().any(|(tool, digest)| {
            let pinned = crate::gather::pinned(&snapshot, tool);
            pinned.is_some_and(|pin| pin != *digest) && !snapshot.quarantine.contains_key(tool)
        });
        if changed {
            self.ask(Command::Observe { server: server.clone(), seen: seen.clone() }).await?;
        }
        Ok(seen.into_iter().collect())
    }

    /// Returns the definition a tool was last listed with.
    pub fn definition(&self, tool: &ToolName) -> Option<Digest> {
        self.observed.read().unwrap_or_else(PoisonError::into_inner).get(tool).copied()
    }

    /// Pins the definition a tool is listed with now, after a review, if policy lets this person.
    ///
    /// # Errors
    ///
    /// `not-found` if no server has listed the tool; a refusal with the decision's findings.
    pub async fn pin(&self, by: &PersonId, tool: &ToolName, reason: &str) -> Failure<Digest> {
        let quarantined = self.snapshot().quarantine.get(tool).map(|q| q.seen);
        let digest = self.definition(tool).or(quarantined).ok_or_else(|| not_found(format!("listed tool `{tool}`")))?;
        let arguments = serde_json::json!({ "tool": tool, "definition": digest });
        self.administer(by, "countersign.tool.pin", &arguments, reason, Change::Pin(tool.clone(), digest)).await?;
        Ok(digest)
    }
}
