//! Seeing the state that an action changes: before it is sent, after it has ended, and as it is taken back.

use std::time::Duration;

use connectors::mcp::{CallError, Connection, read_with_tool};
use executor::Flight;
use serde_json::Value;
use stages::decision::Permit;
use types::reversal::{Known, Observe, Phase, STATE_BYTES_MAX, StateSeen, Undo};
use types::{ActionId, Code, PersonId, Principal, ToolName, json};

use super::Link;
use crate::control::Control;
use crate::door::Refusal;
use crate::machine::Command;
use crate::snapshot::Snapshot;

/// Is how long seeing a state may take.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// Is an action whose state is seen.
#[derive(Clone)]
pub(crate) struct Watched {
    /// The action.
    pub(crate) action: ActionId,
    /// What it called.
    pub(crate) tool: ToolName,
    /// With what, as it is recorded.
    pub(crate) arguments: Value,
    /// How it is taken back.
    pub(crate) undo: Undo,
    /// Whom it is about.
    pub(crate) whom: Vec<Principal>,
    /// What is on the list of flights while its state is seen, and so what a kill covers.
    pub(crate) flight: Flight,
}

/// Says why a tool was not read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Why, in our words.
    pub(crate) why: String,
    /// What the tool says of its failure, in its own.
    pub(crate) told: Option<String>,
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { why, told: None }
    }
}

impl From<Unread> for String {
    fn from(unread: Unread) -> Self {
        unread.why
    }
}

impl Control {
    /// Sees the state that an action changes, as canonical JSON; or says why it cannot be seen.
    pub(crate) async fn look(
        &self,
        snapshot: &Snapshot,
        link: &Link,
        connection: &Connection,
        watched: &Watched,
    ) -> Result<String, String> {
        let Observe { tool, arguments, take } = &watched.undo.observe;
        let tool = ToolName::new(watched.tool.server.clone(), tool.clone()).map_err(|error| error.to_string())?;
        let arguments = arguments.fill(Known { action: &watched.action, arguments: &watched.arguments, before: None });
        let arguments = arguments.map_err(|error| error.to_string())?;
        let flight = Flight { since: self.now(), ..watched.flight.clone() };
        let result = self.read_reviewed(snapshot, (link, connection), flight, &tool, &arguments).await?;
        let state = state_in(&result, take)?;
        let recorded = self.redacted_result(&snapshot.bundle, &tool, snapshot.pinned(&tool), &result);
        if recorded.and_then(|recorded| state_in(&recorded, take).ok()).as_ref() != Some(&state) {
            return Err(format!("what `{}` tells holds something secret, which is not kept", tool.operation));
        }
        Ok(state)
    }

    /// Calls a tool that only reads, in our own name, if it is the one that was reviewed.
    pub(crate) async fn read_reviewed(
        &self,
        snapshot: &Snapshot,
        (link, connection): (&Link, &Connection),
        flight: Flight,
        tool: &ToolName,
        arguments: &Value,
    ) -> Result<String, Unread> {
        self.is_reviewed(snapshot, link, tool).await?;
        // A kill lets nothing new leave, not even what only reads.
        let _pass = self.gate.enter(flight).map_err(|_| Unread::from("a kill switch is set".to_owned()))?;
        let headers = link.mirrors(tool).headers(arguments);
        let read = read_with_tool(connection, &tool.operation, arguments, headers);
        match tokio::time::timeout(LOOK_MAX, read).await {
            Ok(Err(CallError::Failed(told))) => {
                Err(Unread { why: format!("`{}` says that it failed", tool.operation), told: Some(told) })
            }
            Ok(result) => result.map_err(|error| error.to_string().into()),
            Err(_) => Err(format!("`{}` did not answer within {} s", tool.operation, LOOK_MAX.as_secs()).into()),
        }
    }

    /// Demands that a server lists a tool under the definition that was reviewed, over this very connection.
    pub(crate) async fn is_reviewed(&self, snapshot: &Snapshot, link: &Link, tool: &ToolName) -> Result<(), String> {
        let listed = self.listed(link, tool).await.map_err(|refusal| refusal.message)?;
        let Some(pinned) = snapshot.pinned(tool) else { return Ok(()) };
        let is_quarantined = snapshot.quarantine.contains_key(tool);
        if listed == Some(pinned) && !is_quarantined {
            return Ok(());
        }
        Err(format!("`{}` is not the tool that was reviewed", tool.operation))
    }

    /// Returns what is to be seen of an action, if its tool says how it is taken back.
    pub(super) fn watched(
        &self,
        snapshot: &Snapshot,
        permit: &Permit,
        delegator: Option<&PersonId>,
    ) -> Option<Watched> {
        let undo = snapshot.bundle.data().tools.get(permit.tool())?.undo.clone()?;
        let delegator = delegator.cloned().map(Principal::Person);
        Some(Watched {
            action: permit.action(),
            tool: permit.tool().clone(),
            arguments: permit.arguments().value().clone(),
            undo,
            whom: std::iter::once(permit.principal().clone()).chain(delegator).collect(),
            flight: Flight::of(permit, self.now()),
        })
    }

    /// Sees and records the state before an action: what cannot be seen cannot be taken back, so it is not sent.
    pub(super) async fn see_before(
        &self,
        snapshot: &Snapshot,
        link: &Link,
        connection: &Connection,
        watched: &Watched,
    ) -> Result<(), Refusal> {
        let seen = self.look(snapshot, link, connection, watched).await;
        let unseen =
            |why: &String| Refusal::plain(Code::StateUnseen, format!("the state before it cannot be seen: {why}"));
        if let Err(why) = &seen {
            return Err(unseen(why));
        }
        self.record_state(watched, Phase::Before, &seen, None).await
    }

    /// Names the state that is seen, so that two actions on the same are known to be.
    pub(crate) fn names(watched: &Watched) -> String {
        let Observe { tool, arguments, take } = &watched.undo.observe;
        let arguments = arguments.fill(Known { action: &watched.action, arguments: &watched.arguments, before: None });
        let arguments = arguments.map_or_else(|_| watched.action.to_string(), |arguments| json::canonical(&arguments));
        format!("{} {tool} {arguments} {take}", watched.tool.server)
    }

    /// Sees and records the state after an action; what it could not see it says, and the action cannot be taken back by itself.
    pub(super) async fn see_after(&self, snapshot: &Snapshot, link: &Link, connection: &Connection, watched: &Watched) {
        let seen = self.look(snapshot, link, connection, watched).await;
        if let Err(refusal) = self.record_state(watched, Phase::After, &seen, None).await {
            tracing::warn!(action = %watched.action, code = %refusal.code, "the state after it is not recorded");
        }
    }

    /// Records what was seen.
    pub(crate) async fn record_state(
        &self,
        watched: &Watched,
        phase: Phase,
        seen: &Result<String, String>,
        undo: Option<(Option<ActionId>, Option<bool>)>,
    ) -> Result<(), Refusal> {
        let said = StateSeen {
            action: watched.action,
            phase,
            at: self.now(),
            undo: undo.and_then(|(action, _)| action),
            restored: undo.and_then(|(_, restored)| restored),
            error: seen.as_ref().err().cloned(),
            tested: undo.and_then(|(action, restored)| {
                let undo = self.snapshot().bundle.data().undo_digest(&watched.tool)?;
                action.filter(|_| restored == Some(true)).map(|_| (watched.tool.clone(), undo))
            }),
        };
        self.record_seen(said, seen.as_ref().ok().cloned(), watched.whom.clone()).await
    }

    /// Records what was seen of the state that an action changes, and whom that is about.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn record_seen(
        &self,
        seen: StateSeen,
        state: Option<String>,
        whom: Vec<Principal>,
    ) -> Result<(), Refusal> {
        self.ask(Command::StateSeen(Box::new(seen), state, whom)).await.map(drop)
    }
}

/// Takes the state out of a result: its structured content, or its one text where that is JSON.
pub(crate) fn state_in(result: &str, take: &str) -> Result<String, String> {
    let result = json::parse(result).map_err(|error| format!("its result is no strict JSON: {error}"))?;
    let whole = match result.get("structuredContent") {
        Some(structured) => structured.clone(),
        None => {
            let text = result.pointer("/content/0/text").and_then(Value::as_str);
            let text = text.ok_or("its result has neither structured content nor a text")?;
            json::parse(text).map_err(|_| "its result has no structured content, and its text is no JSON")?
        }
    };
    let state = whole.pointer(take).ok_or_else(|| format!("its result has nothing at `{take}`"))?;
    let state = json::canonical(state);
    if state.len() > STATE_BYTES_MAX {
        return Err(format!("the state has more than {STATE_BYTES_MAX} bytes"));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_taken_out_of_a_result() {
        let structured = r#"{"content":[],"structuredContent":{"b":1,"a":{"n":2}}}"#;
        assert_eq!(state_in(structured, ""), Ok(r#"{"a":{"n":2},"b":1}"#.to_owned()));
        assert_eq!(state_in(structured, "/a/n"), Ok("2".to_owned()));
        let text = r#"{"content":[{"type":"text","text":"{\"replicas\":3}"}]}"#;
        assert_eq!(state_in(text, "/replicas"), Ok("3".to_owned()));
        for none in [r#"{"content":[]}"#, r#"{"content":[{"type":"text","text":"3 replicas"}]}"#, "{}", "[1"] {
            assert!(state_in(none, "").is_err(), "{none}");
        }
        assert!(state_in(structured, "/c").is_err());
        let large = format!(r#"{{"structuredContent":{{"a":"{}"}}}}"#, "x".repeat(STATE_BYTES_MAX));
        assert!(state_in(&large, "").is_err());
    }
}
