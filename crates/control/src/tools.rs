//! Tools as servers list them, held against what was reviewed.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use types::{Code, Digest, PersonId, ServerName, ToolName};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::machine::{Change, Command};
use crate::snapshot::Snapshot;

/// Reads the name of a listed tool.
pub(crate) fn name_of(server: &ServerName, tool_json: &str) -> Option<ToolName> {
    let value: serde_json::Value = serde_json::from_str(tool_json).ok()?;
    ToolName::new(server.clone(), value.get("name")?.as_str()?).ok()
}

/// Computes the digest of a listed tool. A text that readers may disagree about has none of the ordinary kind: that of its
/// bytes stands in, which no definition that was reviewed has, so that the tool is quarantined.
fn definition(identity: &str, tool_json: &str) -> Digest {
    connectors::mcp::definition_digest(identity, tool_json)
        .unwrap_or_else(|_| Digest::of("countersign/tool-unreadable/1", format!("{identity}\n{tool_json}").as_bytes()))
}

/// Is a tool as a server listed it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    definition: Digest,
    text: String,
}

/// Is a tool of the catalogue, with what is to be reviewed and what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolView {
    /// The tool.
    pub tool: ToolName,
    /// The digest of the definition that counts as reviewed; absent if none does.
    pub reviewed: Option<Digest>,
    /// The digest of the definition that its server listed last; absent until it has listed one.
    pub listed: Option<Digest>,
    /// That definition, as the server wrote it; absent when only its digest is known, as after a restart.
    pub text: Option<String>,
    /// Its definition is not the reviewed one, so every call is denied.
    pub quarantined: bool,
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
        let snapshot = self.snapshot();
        let mut seen = Vec::new();
        for text in tools {
            let Some(tool) = name_of(server, text) else { continue };
            let definition = definition(identity, text);
            // What the catalogue does not have cannot be pinned; a server could name any number of such tools.
            if snapshot.bundle.data().tools.contains_key(&tool) {
                self.redaction.learn(definition, text);
                let listed = Listed { definition, text: text.clone() };
                self.observed.write().unwrap_or_else(PoisonError::into_inner).insert(tool.clone(), listed);
            }
            seen.push((tool, definition));
        }
        let changed = seen.iter().any(|(tool, digest)| {
            let pinned = snapshot.pinned(tool);
            pinned.is_some_and(|pin| pin != *digest) && !snapshot.quarantine.contains_key(tool)
        });
        if changed {
            self.ask(Command::Observe { server: server.clone(), seen: seen.clone() }).await?;
        }
        Ok(seen.into_iter().collect())
    }

    fn last_listed(&self, tool: &ToolName) -> Option<Listed> {
        self.observed.read().unwrap_or_else(PoisonError::into_inner).get(tool).cloned()
    }

    /// Returns the definition a tool was last listed with.
    pub fn definition(&self, tool: &ToolName) -> Option<Digest> {
        self.last_listed(tool).map(|listed| listed.definition)
    }

    /// Returns the tools of the catalogue that servers define, in order of name. What is moved in the registry of models, no server
    /// defines.
    pub fn tools(&self) -> Vec<ToolView> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let is_defined =
            |tool: &&ToolName| !tool.operation.starts_with("mcp:") && data.registry.as_ref() != Some(&tool.server);
        data.tools.keys().filter(is_defined).map(|tool| self.view(&snapshot, tool)).collect()
    }

    /// Returns one tool with the definition that is to be reviewed.
    ///
    /// # Errors
    ///
    /// `tool-unknown` if the catalogue does not have it.
    pub fn tool(&self, tool: &ToolName) -> Failure<ToolView> {
        let snapshot = self.snapshot();
        if !snapshot.bundle.data().tools.contains_key(tool) {
            return Err(Refusal::plain(Code::ToolUnknown, format!("the catalogue has no tool `{tool}`")));
        }
        Ok(self.view(&snapshot, tool))
    }

    fn view(&self, snapshot: &Snapshot, tool: &ToolName) -> ToolView {
        let quarantine = snapshot.quarantine.get(tool);
        let listed = self.last_listed(tool);
        ToolView {
            tool: tool.clone(),
            reviewed: snapshot.pinned(tool),
            listed: listed.as_ref().map(|listed| listed.definition).or(quarantine.map(|q| q.seen)),
            text: listed.map(|listed| listed.text),
            quarantined: quarantine.is_some(),
        }
    }

    /// Pins the definition that was reviewed, if policy lets this person and the server still lists it.
    ///
    /// # Errors
    ///
    /// `tool-unknown` if the catalogue does not have the tool, `not-found` if no server has listed it, `tool-changed` if
    /// its server lists another definition by now; a refusal with the decision's findings.
    pub async fn pin(&self, by: &PersonId, tool: &ToolName, reviewed: Digest, reason: &str) -> Failure<()> {
        let listed = self.tool(tool)?.listed.ok_or_else(|| not_found(format!("listed tool `{tool}`")))?;
        if listed != reviewed {
            let message = format!("`{tool}` is listed as {listed} now, not as {reviewed}; review it again");
            return Err(Refusal::plain(Code::ToolChanged, message));
        }
        let arguments = serde_json::json!({ "tool": tool, "definition": reviewed });
        self.administer(by, "countersign.tool.pin", &arguments, reason, Change::Pin(tool.clone(), reviewed)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_definition_that_readers_disagree_about_is_never_the_reviewed_one() {
        let server: ServerName = "s".parse().unwrap();
        let reviewed = definition("s/1", r#"{"name":"a","description":"good"}"#);
        for text in [
            r#"{"name":"a","description":"good","inputSchema":{"a":1,"a":2}}"#,
            r#"{"name":"a","description":"good","inputSchema":{"maximum":9007199254740993}}"#,
            r#"{"name":"a","description":"bad","description":"good"}"#,
        ] {
            assert_eq!(name_of(&server, text), Some("s.a".parse().unwrap()), "{text}");
            let seen = definition("s/1", text);
            assert_ne!(seen, reviewed, "{text}");
            assert_ne!(seen, definition("s/1", &text.replace("good", "evil")), "{text}");
        }
    }
}
