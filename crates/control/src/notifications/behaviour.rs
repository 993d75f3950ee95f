//! What ran observed because it was not usual for its agent: told once for each agent, class and hour, whatever the agent does in it.

use std::collections::BTreeSet;

use evidence::{Content, Leaf, RecordKind, bodies};
use ledger::history::Entry;
use notify::EventKind;
use notify::event::{Body, UnusualTold};
use notify::source::Found;
use stages::behaviour::hour_of;
use types::{Code, Decision, Finding, Restriction};

use super::finding::recorded;
use super::telling::environment;
use crate::control::Control;

/// Is the rank of a verdict by which an action runs observed.
const OBSERVED: u8 = 1;

impl Control {
    /// Says whether any target wants to hear of an event.
    pub(super) fn is_told(&self, kind: EventKind) -> bool {
        let settings = self.config.notifications.as_ref();
        settings.is_some_and(|settings| settings.targets.iter().any(|target| target.events.contains(&kind)))
    }

    /// Finds that an action ran observed because it was not usual. What else an agent does in the same class and hour has the same id.
    pub(super) fn unusual_found(&self, log: u64, entry: &Entry, content: &Content) -> Option<Found> {
        let decision = bodies::decision(content).filter(is_unusual)?;
        let agent = bodies::proposer(content)?.principal.subject();
        let class = decision.facts.text("tool.class")?;
        let about = format!("countersign/notify/unusual/1 {agent}/{class}/{}", hour_of(entry.leaf.at));
        // The outbox holds no name, nor what names could be tried on.
        let id = format!("unusual_{}", self.redaction.tag(&about).short(32));
        Some(Found { id, ..recorded(EventKind::BehaviourUnusual, log, entry) })
    }
}

/// Says by what stands in the open whether a record may be of an action that ran observed.
pub(super) fn may_be_unusual(leaf: &Leaf) -> bool {
    leaf.kind == RecordKind::Decided && leaf.verdict == Some(OBSERVED)
}

/// Says whether an action runs observed because of what is not usual about it. What people were asked about they know.
fn is_unusual(decision: &Decision) -> bool {
    let observed = |finding: &Finding| finding.restriction == Restriction::AllowObserved;
    decision.findings.iter().any(|finding| finding.code == Code::BehaviourUnusual && observed(finding))
}

/// Says in what an action was not usual, as its decision holds it.
pub(super) fn unusual_told(entry: &Entry, content: &Content) -> Option<Body> {
    let decision = bodies::decision(content).filter(is_unusual)?;
    let proposal = bodies::proposer(content)?;
    let lists = decision.facts.under("baseline.").map(|fact| fact.name.as_str());
    let lists = lists.filter(|name| name.ends_with(".unusual")).filter_map(|name| decision.facts.list(name));
    let unusual: BTreeSet<String> = lists.flatten().cloned().collect();
    Some(Body::Unusual(UnusualTold {
        action: entry.leaf.action?,
        agent: proposal.principal.subject(),
        class: decision.facts.text("tool.class")?.to_owned(),
        tool: proposal.tool.clone(),
        environment: environment(entry),
        unusual: unusual.into_iter().collect(),
    }))
}
