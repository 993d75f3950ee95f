//! Holding the systems behind servers against the journal: an effect without a record went around the road, and a record without an effect is a lie.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use evidence::{Field, RecordKind};
use executor::Flight;
use ledger::history::Entry;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use types::reconciliation::{Bypass, Gap, Reconciliation};
use types::{ActionId, ActionProposal, AgentId, Code, EffectClass, Outcome, OutcomeStatus, ServerName, ToolName};

use crate::control::Control;
use crate::door::{Caller, McpDoor as _, Refusal, UpstreamLink as _};
use crate::error::{Failure, not_found};
use crate::machine::Command;
use crate::mcp::Link;
use crate::state::kind;

/// Is the time between two looks at all systems that list what changed them.
const EVERY: Duration = Duration::from_secs(600);

/// Is how many changes are asked for at once, and how often at most in one look.
const PAGE: usize = 500;
const PAGES_MAX: usize = 40;

/// Is how many records are compared in one look at most; the next goes on behind them.
const RECORDS_MAX: u64 = 20_000;

/// Is how many records are read at once.
const READ_AT_ONCE: u64 = 1_024;

/// Is in whose name a system is asked.
const OURSELVES: &str = "countersign";

/// Is a change as a system lists it.
#[derive(Debug, Deserialize)]
struct Listed {
    number: i64,
    at: Option<String>,
    change: Option<String>,
    undoes: Option<String>,
    by: Option<String>,
    #[serde(default)]
    what: Vec<String>,
}

impl Listed {
    fn bypass(self, gap: Gap) -> Bypass {
        Bypass { gap, number: Some(self.number), at: self.at, by: self.by, what: self.what, key: self.change }
    }
}

impl Control {
    /// Returns the servers of the catalogue that list what changed the systems behind them.
    pub fn audited(&self) -> Vec<ServerName> {
        let snapshot = self.snapshot();
        let audits = snapshot.bundle.data().tools.iter().filter(|(_, tool)| tool.audit);
        audits.map(|(name, _)| name.server.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns what was found so far, by server.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn reconciliations(&self) -> Failure<Vec<Reconciliation>> {
        let rows = self.history().state(kind::RECONCILIATION)?;
        let read = |(_, bytes): (String, Vec<u8>)| {
            types::cbor::decode(&bytes).map_err(|error| Refusal::plain(Code::Internal, error.to_string()))
        };
        rows.into_iter().map(read).collect()
    }

    /// Holds the system behind a server against the journal, from where the last look ended, and records what was found if there was anything to compare.
    ///
    /// # Errors
    ///
    /// `not-found` if the catalogue names no tool of the server that lists what changed; `state-unseen` if it does not tell; what the journal says.
    pub async fn reconcile(self: &Arc<Self>, server: &ServerName) -> Failure<Reconciliation> {
        let _alone = self.reconciling.lock().await;
        let snapshot = self.snapshot();
        let audit = snapshot.bundle.data().tools.iter().find(|(name, tool)| tool.audit && name.server == *server);
        let Some(tool) = audit.map(|(name, _)| name.clone()) else {
            return Err(not_found(format!("tool of `{server}` that lists what changed, with `audit = true`")));
        };
        let kept = self.reconciliations()?.into_iter().find(|kept| kept.server == *server);
        let (from, journal) = kept.as_ref().map_or((0, 0), |kept| (kept.to, kept.journal));
        let own = AgentId::new(OURSELVES).map_err(|error| Refusal::plain(Code::Internal, error.to_string()))?;
        let caller = Caller { agent: own, on_behalf_of: None, anonymous: false };
        let link = self.connect(&caller, server, None, "{}").await?;
        let compared = self.compare(&link, &tool, from, journal).await;
        link.close().await;
        let found = compared?;
        if found.compared > 0 || found.journal > journal {
            self.record_reconciliation(found.clone()).await?;
        }
        if !found.found.is_empty() {
            tracing::warn!(%server, bypasses = found.found.len(), "the system and the journal differ");
        }
        Ok(found)
    }

    /// Records what was found when a system was held against the journal.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn record_reconciliation(&self, found: Reconciliation) -> Failure<()> {
        self.ask(Command::Reconciled(Box::new(found))).await.map(drop)
    }

    async fn compare(&self, link: &Link, tool: &ToolName, from: i64, journal: u64) -> Failure<Reconciliation> {
        let mut found = Reconciliation {
            server: tool.server.clone(),
            to: from,
            journal,
            compared: 0,
            found: Vec::new(),
            at: self.now(),
        };
        // The journal's end is taken first: what is done meanwhile is for the next look.
        let end = self.history().size()?.min(journal + RECORDS_MAX);
        let mut keys = BTreeSet::new();
        if from > 0 && self.listed_changes(link, tool, from - 1).await?.first().map(|entry| entry.number) != Some(from)
        {
            // Numbers may come again, so nothing of what it lists counts as compared.
            let what = vec![format!("what it listed as {from} is gone")];
            found.found.push(Bypass { gap: Gap::Rewound, number: Some(from), at: None, by: None, what, key: None });
            found.to = 0;
        }
        for _ in 0..PAGES_MAX {
            let page = self.listed_changes(link, tool, found.to).await?;
            let is_last = page.len() < PAGE;
            for entry in page {
                found.to = found.to.max(entry.number);
                found.compared += 1;
                keys.extend(entry.change.clone());
                if let Some(gap) = self.gap(&tool.server, &entry)? {
                    found.found.push(entry.bypass(gap));
                }
            }
            if is_last {
                break;
            }
        }
        for (action, done) in self.done_at(&tool.server, journal, end)? {
            found.compared += 1;
            if !keys.contains(&action.to_string()) && self.is_missing(link, &action).await? {
                let key = Some(action.to_string());
                let what = vec![done.to_string()];
                found.found.push(Bypass { gap: Gap::Missing, number: None, at: None, by: None, what, key });
            }
        }
        found.journal = end;
        Ok(found)
    }

    /// Asks for a page of what changed.
    async fn listed_changes(&self, link: &Link, tool: &ToolName, after: i64) -> Failure<Vec<Listed>> {
        let snapshot = self.snapshot();
        let action = ActionId::draw(self.now(), self.draw());
        let class = snapshot.bundle.data().tools.get(tool).map(|tool| tool.class.clone());
        let class = class.ok_or_else(|| not_found(format!("tool `{tool}`")))?;
        let (tenant, since) = (self.config.tenant.clone(), self.now());
        let flight = Flight { action, tenant, agent: None, tool: tool.clone(), class, since };
        let arguments = json!({ "after": after, "limit": PAGE });
        let unseen = |why: String| Refusal::plain(Code::StateUnseen, format!("what changed cannot be seen: {why}"));
        let handle = link.handle();
        let result = self
            .read_reviewed(&snapshot, (link, &handle), flight, tool, &arguments)
            .await
            .map_err(|unread| unseen(unread.into()))?;
        let structured = types::json::parse(&result).map_err(|error| unseen(error.to_string()))?;
        let entries = structured.pointer("/structuredContent/entries").cloned().unwrap_or(Value::Null);
        serde_json::from_value(entries).map_err(|error| unseen(error.to_string()))
    }

    /// Says how an entry differs from the journal, if it does: every key is an action that was sent to this very server.
    fn gap(&self, server: &ServerName, entry: &Listed) -> Failure<Option<Gap>> {
        let Some(key) = &entry.change else { return Ok(Some(Gap::Around)) };
        let Ok(action) = key.parse::<ActionId>() else { return Ok(Some(Gap::UnknownKey)) };
        let path = match self.trace(&action) {
            Ok(path) => path,
            Err(refusal) if refusal.code == Code::NotFound => return Ok(Some(Gap::UnknownKey)),
            Err(refusal) => return Err(refusal),
        };
        let permitted = path.decision().is_some_and(|decision| decision.verdict.permits());
        // What failed has changed nothing: whoever uses its key has taken it.
        let nothing =
            |outcome: &Outcome| matches!(outcome.status, OutcomeStatus::NotDispatched | OutcomeStatus::Failed);
        let without = path.outcome.as_ref().is_some_and(nothing);
        // An erased proposal tells no server; its permit still stands in the open.
        let elsewhere = path.proposal.as_ref().is_some_and(|proposal| match &entry.undoes {
            Some(undone) => !takes_back(proposal, server, undone),
            None => proposal.tool.server != *server || !self.is_keyed(&proposal.tool),
        });
        Ok((!permitted || without || elsewhere).then_some(Gap::UnknownKey))
    }

    /// Says whether a tool does something once under the id of its action.
    fn is_keyed(&self, tool: &ToolName) -> bool {
        let snapshot = self.snapshot();
        snapshot.bundle.data().tools.get(tool).is_some_and(|tool| tool.effect == EffectClass::Keyed)
    }

    /// Returns the actions on a server that ended as done in a part of the journal, and that the system knows by their ids.
    fn done_at(&self, server: &ServerName, from: u64, to: u64) -> Failure<Vec<(ActionId, ToolName)>> {
        let history = self.history();
        let mut done = Vec::new();
        for at in (from..to).step_by(READ_AT_ONCE as usize) {
            let entries = history.range(at, to.min(at + READ_AT_ONCE))?;
            done.extend(entries.iter().filter(|entry| ended_well(entry)).filter_map(|entry| entry.leaf.action));
        }
        let snapshot = self.snapshot();
        let mut known = Vec::new();
        for action in done {
            let Ok(undoing) = self.undoing(&action) else { continue };
            let declared = snapshot.bundle.data().tools.get(&undoing.plan.did).and_then(|tool| tool.undo.as_ref());
            let by_id = declared.is_some_and(|undo| undo.observe.arguments.names_action());
            if undoing.plan.did.server == *server && by_id {
                known.push((action, undoing.plan.did));
            }
        }
        Ok(known)
    }

    /// Says whether the system has nothing of an action: its state is the one before it.
    async fn is_missing(&self, link: &Link, action: &ActionId) -> Failure<bool> {
        let undoing = self.undoing(action)?;
        let seen = self.look(&self.snapshot(), link, &link.handle(), &undoing.watched).await;
        Ok(seen.is_ok_and(|now| now == undoing.plan.before))
    }

    /// Looks at all systems on a schedule.
    pub(crate) fn spawn_reconciliations(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            every.tick().await;
            loop {
                every.tick().await;
                let Some(this) = this.upgrade() else { return };
                for server in this.audited() {
                    if let Err(refusal) = this.reconcile(&server).await {
                        tracing::warn!(%server, code = %refusal.code, "a system was not held against the journal");
                    }
                }
            }
        });
    }
}

/// Says whether an action takes back another that was done on a server.
fn takes_back(proposal: &ActionProposal, server: &ServerName, undone: &str) -> bool {
    let of = |name: &str| proposal.arguments.value().get(name).and_then(Value::as_str);
    let by: Option<ToolName> = of("tool").and_then(|tool| tool.parse().ok());
    let here = by.is_some_and(|by| by.server == *server);
    proposal.tool.to_string() == policy::UNDO_TOOL && here && of("action") == Some(undone)
}

/// Says whether a record tells that an action was done.
fn ended_well(entry: &Entry) -> bool {
    let outcome: Option<Outcome> = match (&entry.content, entry.leaf.kind) {
        (Some(content), RecordKind::Outcome) => content.get(Field::Body).ok().flatten(),
        _ => None,
    };
    outcome.is_some_and(|outcome| outcome.status == OutcomeStatus::Done)
}
