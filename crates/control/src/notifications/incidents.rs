//! What runs or stands otherwise than decisions led it: told as it is recorded, and once, however often it is recorded.

use evidence::{Content, Field, Leaf, RecordKind};
use ledger::history::Entry;
use notify::EventKind;
use notify::event::{Body, IncidentTold};
use notify::source::Found;
use types::Millis;
use types::attestation::INCIDENT;
use types::incident::Incident;

use super::finding::recorded;
use crate::control::Control;
use crate::tracking::mend;

/// Says by what stands in the open whether a record is of an incident.
pub(super) fn is_incident(leaf: &Leaf) -> bool {
    leaf.kind == RecordKind::Model && leaf.status == Some(INCIDENT)
}

fn incident(content: &Content) -> Option<Incident> {
    content.get(Field::Body).ok().flatten()
}

impl Control {
    /// Finds what a record says of an incident. What a process that ended too early has recorded twice has one id.
    pub(super) fn incident_found(&self, log: u64, entry: &Entry, content: &Content) -> Option<Found> {
        let Incident { thing, model, name, at, ended, .. } = incident(content)?;
        let kind = if ended.is_some() { EventKind::IncidentEnded } else { EventKind::IncidentOpened };
        let about = format!("countersign/notify/incident/1 {thing}/{model}/{name}/{at}");
        // The outbox holds no name, nor what names could be tried on.
        let id = format!("incident_{}_{}", self.redaction.tag(&about).short(32), ended.map_or("opened", |_| "ended"));
        Some(Found { id, ..recorded(kind, log, entry) })
    }
}

/// Says what a record tells of an incident.
pub(super) fn incident_told(kind: EventKind, content: &Content) -> Option<Body> {
    let found = incident(content)?;
    let mend = mend(&found);
    let Incident { thing, model, name, wrong, declared, observed, means, since, .. } = found;
    let since = Millis(since);
    Some(Body::Incident(kind, IncidentTold { thing, model, name, wrong, declared, observed, means, since, mend }))
}
