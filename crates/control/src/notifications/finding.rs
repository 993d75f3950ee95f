//! What there is to tell in records, and in the calendar.

use std::collections::BTreeSet;

use evidence::{Content, Field, Leaf, RecordKind, bodies};
use ledger::History;
use ledger::history::Entry;
use notify::EventKind;
use notify::source::Found;
use stages::limits::calendar::instant;
use stages::matter::Matter;
use stages::{approval_budget, escalation};
use store::outbox::Cursor;
use types::break_glass::{BreakGlass, status};
use types::breaker::RESET;
use types::case::{Ballot, Case, CaseState, Vote};
use types::drill::TOLD;
use types::reviewing::Advice;
use types::{ActionProposal, CaseId, Digest, Millis, ProfileId, Verdict, cbor};

use super::behaviour::may_be_unusual;
use super::bypasses::is_bypass;
use super::checks::check_kind;
use super::incidents::is_incident;
use super::sagas::is_told_saga;
use super::telling::names_asked;
use crate::approvals::Asked;
use crate::control::Control;
use crate::door::Refusal;
use crate::state::{Decoy, kind};

/// Is how long anything is told after it happened, in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Is the rank of a verdict that asks people.
const ESCALATED: u8 = 2;

/// Is the status of a record that says a switch was lifted.
const LIFTED: u8 = 0;

impl Control {
    /// Returns the cases that are stored as open.
    pub(super) fn open_cases(&self) -> Result<Vec<Case>, Refusal> {
        let (rows, decoys) = (self.history().state(kind::CASE)?, self.history().state(kind::DECOY)?);
        let cases = rows.iter().filter_map(|(_, bytes)| cbor::decode::<Case>(bytes).ok());
        let decoys = decoys.iter().filter_map(|(_, bytes)| Some(cbor::decode::<Decoy>(bytes).ok()?.case));
        Ok(cases.filter(|case| case.state == CaseState::Open).chain(decoys).collect())
    }

    /// Returns a case as it is stored, which it is from its first record until it has ended. The board may show it a moment later.
    pub(super) fn stored_case(&self, id: &CaseId) -> Result<Option<Case>, Refusal> {
        let row = |kind| self.history().state_value(kind, &id.to_string());
        if let Some(bytes) = row(kind::CASE)? {
            return Ok(cbor::decode(&bytes).ok());
        }
        // People are told of a decoy as of any case.
        Ok(row(kind::DECOY)?.and_then(|bytes| Some(cbor::decode::<Decoy>(&bytes).ok()?.case)))
    }

    /// Finds what there is to tell in the records of a log from a place up to an index.
    pub(super) fn found(&self, history: &History, at: Cursor, to: u64) -> Result<Vec<Found>, Refusal> {
        let mut found = Vec::new();
        // Most of what runs observed is usual, and is read only for those who want to hear of the rest.
        let unusual = self.is_told(EventKind::BehaviourUnusual);
        for (leaf, index) in history.leaves(at.record, to)?.iter().zip(at.record..) {
            if leaf.at.plus(DAY_MS) > self.now() && (may_tell(leaf) || (unusual && may_be_unusual(leaf))) {
                let Some(entry) = history.record(index)? else { continue };
                self.found_in(history, at.log, &entry, &mut found)?;
            }
        }
        Ok(found)
    }

    fn found_in(&self, history: &History, log: u64, entry: &Entry, found: &mut Vec<Found>) -> Result<(), Refusal> {
        let Some(content) = &entry.content else { return Ok(()) };
        match entry.leaf.kind {
            RecordKind::Decided if may_be_unusual(&entry.leaf) => {
                let unusual = self.unusual_found(log, entry, content);
                found.extend(unusual.filter(|new| found.iter().all(|known| known.id != new.id)));
            }
            RecordKind::Decided => found.extend(self.opened(entry, content)?),
            RecordKind::Decoy if entry.leaf.verdict.is_some() => found.extend(self.opened(entry, content)?),
            // How a drill went is no kill of its own.
            RecordKind::Switch if entry.leaf.status != Some(TOLD) => found.push(switched(log, entry)),
            RecordKind::Grant => found.extend(glass_found(log, entry, content)),
            RecordKind::Model => found.extend(self.incident_found(log, entry, content)),
            RecordKind::Reconciliation if is_bypass(&entry.leaf) => {
                found.push(recorded(EventKind::BypassFound, log, entry));
            }
            RecordKind::Saga if is_told_saga(&entry.leaf) => found.push(recorded(EventKind::SagaEnded, log, entry)),
            RecordKind::Check => found.extend(check_kind(&entry.leaf).map(|kind| recorded(kind, log, entry))),
            RecordKind::Vote | RecordKind::Review | RecordKind::CaseEnded | RecordKind::Decoy => {
                found.extend(self.ended(history, log, entry, content)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Finds that a case was opened, and when each later step of its paths is asked.
    fn opened(&self, entry: &Entry, content: &Content) -> Result<Vec<Found>, Refusal> {
        let Some(id) = content.get::<CaseId>(Field::Case).ok().flatten() else { return Ok(Vec::new()) };
        // A case that has ended by now asks nobody.
        let Some(case) = self.stored_case(&id)?.filter(|case| case.opened_in == entry.index) else {
            return Ok(Vec::new());
        };
        Ok(self.instants(&case).into_iter().enumerate().map(|(step, at)| self.asked(&case, step, at)).collect())
    }

    /// Returns when somebody is asked about a case, in order, beginning with its opening.
    fn instants(&self, case: &Case) -> BTreeSet<Millis> {
        let steps = self.paths(case).into_values().flatten().map(|asked| asked.begins);
        steps.chain([case.opened]).collect()
    }

    /// Returns who is asked about a case at one of its instants; `None` if it has no such.
    pub(super) fn asked_at(&self, case: &Case, step: usize) -> Option<Vec<Asked>> {
        let at = self.instants(case).into_iter().nth(step)?;
        // A step that nobody attends to ends as it begins.
        let is_asked = |asked: &Asked| asked.begins == at && asked.to > at;
        Some(self.paths(case).into_values().flatten().filter(is_asked).collect())
    }

    fn asked(&self, case: &Case, step: usize, at: Millis) -> Found {
        let asked = self.asked_at(case, step).unwrap_or_default();
        let (kind, word) = match step {
            0 => (EventKind::CaseOpened, "opened".to_owned()),
            step => (EventKind::CaseAsked, format!("asked_{step}")),
        };
        Found {
            id: format!("{}_{word}", case.id),
            kind,
            about: format!("{}/{step}", case.id),
            at,
            due: at,
            until: case.expires.min(at.plus(DAY_MS)),
            groups: asked.iter().flat_map(groups_of).collect(),
            profiles: asked.iter().map(|asked| asked.profile.to_string()).collect(),
        }
    }

    /// Finds that a case is over: by a record that says so, or by the vote that decided it.
    fn ended(&self, history: &History, log: u64, entry: &Entry, content: &Content) -> Result<Option<Found>, Refusal> {
        let decided = match entry.leaf.kind {
            RecordKind::Vote => self.has_decided(history, entry, content)?,
            RecordKind::Review => entry.leaf.status == Some(Advice::Back as u8),
            _ => true,
        };
        let Some(opener) = opener(history, entry)?.filter(|_| decided) else { return Ok(None) };
        let opened = opener.content.as_ref();
        let decision = opened.and_then(bodies::decision);
        let passed = decision.as_ref().and_then(|decision| approval_budget::passed(&decision.facts));
        let profiles = match decision.map(|decision| decision.verdict) {
            Some(Verdict::Escalate(profiles)) => profiles,
            _ => BTreeSet::new(),
        };
        let proposal = opened.and_then(bodies::proposer);
        let groups = proposal
            .map(|proposal| self.groups_asked(&proposal, (&profiles, passed.as_ref()), opener.leaf.at, entry.leaf.at));
        let groups = groups.unwrap_or_default();
        let profiles = profiles.iter().map(ProfileId::to_string).collect();
        Ok(Some(Found { groups, profiles, ..recorded(EventKind::CaseEnded, log, entry) }))
    }

    /// Names the groups that were asked until an instant.
    fn groups_asked(
        &self,
        proposal: &ActionProposal,
        (profiles, passed): (&BTreeSet<ProfileId>, Option<&BTreeSet<ProfileId>>),
        opened: Millis,
        until: Millis,
    ) -> BTreeSet<String> {
        let snapshot = self.snapshot();
        let matter = Matter::of_proposal(proposal, snapshot.bundle.data()).passing(passed);
        let steps = profiles.iter().flat_map(|id| escalation::path(matter, id, opened));
        steps.filter(|step| step.begins <= until).flat_map(|step| super::whom(step.profile)).collect()
    }

    /// Says whether a vote was the one that decided its case.
    fn has_decided(&self, history: &History, entry: &Entry, content: &Content) -> Result<bool, Refusal> {
        let Some(vote) = content.get::<Vote>(Field::Body).ok().flatten() else { return Ok(false) };
        if vote.ballot == Ballot::Deny {
            return Ok(true);
        }
        if let Some(case) = self.stored_case(&vote.case)? {
            return Ok(case.state != CaseState::Open && case.votes.last() == Some(&vote));
        }
        // It has ended since. If a later record says how, that one is told.
        Ok(!has_later(history, entry, &vote.case)?)
    }

    /// Finds the freezes of the active bundle that have begun or ended within a day.
    pub(super) fn freezes_found(&self) -> Vec<Found> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let mut found = Vec::new();
        for (name, freeze) in &snapshot.bundle.data().limits.freezes {
            let (Some(from), Some(to)) = (instant(&freeze.from), instant(&freeze.to)) else { continue };
            let ends = [(EventKind::FreezeBegun, from, to), (EventKind::FreezeEnded, to, to.plus(DAY_MS))];
            for (kind, at, until) in ends {
                let until = until.min(at.plus(DAY_MS));
                if at <= now && now < until {
                    found.push(frozen(kind, name.as_str(), at, until));
                }
            }
        }
        found
    }
}

fn groups_of(asked: &Asked) -> Vec<String> {
    names_asked(asked.group.as_deref(), asked.on_call.as_ref().map(|duty| &duty.schedule))
}

/// Says whether a record may hold something to tell, by what stands in the open.
fn may_tell(leaf: &Leaf) -> bool {
    match leaf.kind {
        RecordKind::Decided => leaf.verdict == Some(ESCALATED),
        RecordKind::Switch => leaf.status != Some(RESET),
        RecordKind::Vote | RecordKind::CaseEnded | RecordKind::Decoy => true,
        RecordKind::Grant => leaf.status.is_some_and(status::is_of_glass),
        RecordKind::Review => leaf.status == Some(Advice::Back as u8),
        RecordKind::Model => is_incident(leaf),
        RecordKind::Reconciliation => is_bypass(leaf),
        RecordKind::Check => check_kind(leaf).is_some(),
        RecordKind::Saga => is_told_saga(leaf),
        _ => false,
    }
}

pub(super) fn recorded(kind: EventKind, log: u64, entry: &Entry) -> Found {
    Found {
        id: entry.leaf.record.to_string(),
        kind,
        about: format!("{log}/{}", entry.index),
        at: entry.leaf.at,
        due: entry.leaf.at,
        until: entry.leaf.at.plus(DAY_MS),
        groups: BTreeSet::new(),
        profiles: BTreeSet::new(),
    }
}

fn switched(log: u64, entry: &Entry) -> Found {
    let lifted = entry.leaf.status == Some(LIFTED);
    recorded(if lifted { EventKind::KillLifted } else { EventKind::KillSet }, log, entry)
}

/// Finds what a record tells of a break-glass, and when its review will be overdue if nobody closes it.
fn glass_found(log: u64, entry: &Entry, content: &Content) -> Vec<Found> {
    let Some(glass) = content.get::<BreakGlass>(Field::Body).ok().flatten() else { return Vec::new() };
    let kind = match entry.leaf.status {
        Some(status::ASKED) => EventKind::GlassAsked,
        Some(status::CONFIRMED) => EventKind::GlassBroken,
        // One that never was in force is over without anybody having to hear of it.
        Some(status::ENDED) if glass.second.is_some() => EventKind::GlassEnded,
        Some(status::REVIEWED) => EventKind::GlassReviewed,
        _ => return Vec::new(),
    };
    let told = recorded(kind, log, entry);
    let due = glass.review_until();
    let overdue = (kind == EventKind::GlassEnded).then(|| Found {
        id: format!("{}_overdue", glass.id),
        kind: EventKind::ReviewOverdue,
        about: format!("{}/overdue", glass.id),
        at: due,
        due,
        until: due.plus(DAY_MS),
        ..told.clone()
    });
    std::iter::once(told).chain(overdue).collect()
}

fn frozen(kind: EventKind, name: &str, at: Millis, until: Millis) -> Found {
    let digest = Digest::of("countersign/notify/freeze/1", &cbor::encode(&(name, at, kind.as_str())));
    Found {
        // A name may hold a full stop, an id may not.
        id: format!("freeze_{}", digest.short(32)),
        kind,
        about: format!("{}/{name}", at.0),
        at,
        due: at,
        until,
        groups: BTreeSet::new(),
        profiles: BTreeSet::new(),
    }
}

/// Says whether a later record of the same action is a vote on a case, a review of it or its end.
fn has_later(history: &History, entry: &Entry, case: &CaseId) -> Result<bool, Refusal> {
    let Some(action) = &entry.leaf.action else { return Ok(false) };
    let is_later = |later: &Entry| {
        let about = later.content.as_ref().and_then(|content| content.get::<CaseId>(Field::Case).ok().flatten());
        let says = matches!(later.leaf.kind, RecordKind::Vote | RecordKind::Review | RecordKind::CaseEnded);
        says && later.index > entry.index && about.as_ref() == Some(case)
    };
    Ok(history.of_action(action)?.iter().any(is_later))
}

/// Returns the record of the decision that opened the case which a record is about.
pub(super) fn opener(history: &History, entry: &Entry) -> Result<Option<Entry>, Refusal> {
    let Some(action) = &entry.leaf.action else { return Ok(None) };
    let escalated = |entry: &Entry| {
        let opens = matches!(entry.leaf.kind, RecordKind::Decided | RecordKind::Decoy);
        opens && entry.leaf.verdict == Some(ESCALATED)
    };
    Ok(history.of_action(action)?.into_iter().filter(|before| before.index < entry.index).rfind(escalated))
}
