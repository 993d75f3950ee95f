//! What a notice tells by now: read from the records when it is sent, so that nothing is kept of what may have to be forgotten.

use evidence::{Content, Field, RecordKind, bodies};
use ledger::history::Entry;
use notify::event::{AskedTold, Body, CaseTold, FreezeTold, GlassTold, KillTold};
use notify::{Event, EventKind};
use stages::limits::calendar::instant;
use store::outbox::Notice;
use types::break_glass::BreakGlass;
use types::case::{Ballot, Case, CaseState};
use types::decoy::status as decoy;
use types::{ActionId, CaseId, Millis, Principal, ScheduleId, ToolName};

use super::behaviour::unusual_told;
use super::bypasses::bypass_told;
use super::checks::check_told;
use super::finding::opener;
use super::incidents::incident_told;
use super::sagas::saga_told;
use crate::approvals::Asked;
use crate::control::Control;
use crate::door::Refusal;
use crate::state::Switch;

/// Is what a notice tells, and the page where a person looks at it.
type Told = (Body, Page);

/// Is a page of the console.
enum Page {
    /// The one of a case.
    Case(CaseId),
    /// The one of an action.
    Action(ActionId),
    /// The one of switches and breakers.
    Switches,
    /// The one of registered models.
    Models,
    /// The first one.
    First,
}

impl Control {
    /// Says what a notice tells by now; `None` if it is over, was erased, or was written by another version.
    pub(super) fn notice_told(&self, notice: &Notice, base: &str) -> Result<Option<Event>, Refusal> {
        let Some(kind) = EventKind::named(&notice.new.kind) else { return Ok(None) };
        let Some((place, rest)) = notice.new.about.split_once('/') else { return Ok(None) };
        let told = match kind {
            EventKind::CaseOpened | EventKind::CaseAsked => self.asked_told(kind, place, rest)?,
            EventKind::CaseEnded
            | EventKind::KillSet
            | EventKind::KillLifted
            | EventKind::GlassAsked
            | EventKind::GlassBroken
            | EventKind::GlassEnded
            | EventKind::GlassReviewed
            | EventKind::BehaviourUnusual
            | EventKind::IncidentOpened
            | EventKind::IncidentEnded
            | EventKind::BypassFound
            | EventKind::CheckEnded
            | EventKind::TakenBack
            | EventKind::SagaEnded => self.recorded_told(kind, place, rest)?,
            EventKind::BreakerOpened => self.breaker_told(rest)?.map(|body| (body, Page::Switches)),
            EventKind::ReviewOverdue => self.overdue_told(place),
            EventKind::FreezeBegun | EventKind::FreezeEnded => self.frozen_told(kind, place, rest),
        };
        let event = |(body, page): Told| Event {
            id: notice.new.id.clone(),
            at: Millis(notice.new.at),
            link: self.link(base, &page),
            body,
        };
        Ok(told.map(event))
    }

    fn link(&self, base: &str, page: &Page) -> String {
        match page {
            Page::Case(case) => self.case_url_under(base, case),
            Page::Action(action) => format!("{base}/actions/{action}"),
            Page::Switches => format!("{base}/switches"),
            Page::Models => format!("{base}/models"),
            Page::First => base.to_owned(),
        }
    }

    fn asked_told(&self, kind: EventKind, case: &str, step: &str) -> Result<Option<Told>, Refusal> {
        let (Ok(id), Ok(step)) = (case.parse::<CaseId>(), step.parse::<usize>()) else { return Ok(None) };
        let waits = |case: &Case| case.state == CaseState::Open && self.now() < case.expires;
        let Some(case) = self.stored_case(&id)?.filter(waits) else { return Ok(None) };
        let Some(asked) = self.asked_at(&case, step) else { return Ok(None) };
        // The record is in another log if that was closed meanwhile; what it says besides is then left out.
        let opened = self.history().record(case.opened_in)?.filter(|entry| entry.leaf.action == Some(case.action));
        let told = CaseTold {
            case: case.id,
            requester: case.requester.subject(),
            tool: case.tool.clone(),
            environment: opened.and_then(|entry| environment(&entry)),
            asked: asked.into_iter().map(asked_told).collect(),
            expires: case.expires,
            state: case.state.as_str(),
        };
        Ok(Some((Body::Case(kind, told), Page::Case(case.id))))
    }

    fn recorded_told(&self, kind: EventKind, log: &str, index: &str) -> Result<Option<Told>, Refusal> {
        let (Ok(log), Ok(index)) = (log.parse::<u64>(), index.parse::<u64>()) else { return Ok(None) };
        let closed = self.before()?.into_iter().find(|(number, _)| *number == log).map(|(_, history)| history);
        // What a closed log says that cannot be read, the doctor tells; nobody is told the rest later.
        let closed = match closed {
            Some(Err(_)) => return Ok(None),
            Some(Ok(history)) => Some(history),
            None => None,
        };
        let history = closed.as_deref().unwrap_or_else(|| self.history());
        let Some(entry) = history.record(index)? else { return Ok(None) };
        let Some(content) = &entry.content else { return Ok(None) };
        if kind.is_for_all() {
            let glass = content.get::<BreakGlass>(Field::Body).ok().flatten();
            return Ok(glass.map(|glass| (Body::Glass(kind, glass_told(kind, &glass)), Page::First)));
        }
        if kind == EventKind::BehaviourUnusual {
            let page = entry.leaf.action.map(Page::Action);
            return Ok(unusual_told(&entry, content).zip(page));
        }
        if matches!(kind, EventKind::IncidentOpened | EventKind::IncidentEnded) {
            return Ok(incident_told(kind, content).map(|body| (body, Page::Models)));
        }
        if kind == EventKind::BypassFound {
            return Ok(bypass_told(content).map(|body| (body, Page::First)));
        }
        if matches!(kind, EventKind::CheckEnded | EventKind::TakenBack) {
            let page = entry.leaf.action.map(Page::Action);
            return Ok(check_told(kind, content).zip(page));
        }
        if kind == EventKind::SagaEnded {
            return Ok(saga_told(content).map(|body| (body, Page::First)));
        }
        if kind != EventKind::CaseEnded {
            return Ok(kill_told(content).map(|kill| (Body::Kill(kind, kill), Page::First)));
        }
        let opener = opener(history, &entry)?;
        let ended = opener.and_then(|opener| ended_told(&entry, content, &opener));
        Ok(ended.map(|case| (Body::Case(kind, case.clone()), Page::Case(case.case))))
    }

    /// Says that a review is overdue, unless it was closed meanwhile.
    fn overdue_told(&self, glass: &str) -> Option<Told> {
        let glass = self.glass(&glass.parse().ok()?).ok()?;
        let kind = EventKind::ReviewOverdue;
        glass.is_overdue(self.now()).then(|| (Body::Glass(kind, glass_told(kind, &glass)), Page::First))
    }

    fn frozen_told(&self, kind: EventKind, at: &str, name: &str) -> Option<Told> {
        let snapshot = self.snapshot();
        let (_, freeze) = snapshot.bundle.data().limits.freezes.iter().find(|(id, _)| id.as_str() == name)?;
        let (from, to) = (instant(&freeze.from)?, instant(&freeze.to)?);
        // Another bundle may have moved it since.
        let stands = at.parse() == Ok(if kind == EventKind::FreezeBegun { from.0 } else { to.0 });
        let told = FreezeTold { name: name.to_owned(), reason: freeze.reason.clone(), to };
        stands.then_some((Body::Freeze(kind, told), Page::First))
    }
}

fn asked_told(asked: Asked) -> AskedTold {
    let on_call = asked.on_call.map(|duty| duty.schedule);
    let group = names_asked(asked.group.as_deref(), on_call.as_ref()).join(", ");
    AskedTold { profile: asked.profile, group, approvals: asked.approvals, until: asked.to }
}

/// Returns whom a step asks, as targets name them: its group, and `on-call:SCHEDULE` for whoever is on call.
pub fn names_asked(group: Option<&str>, on_call: Option<&ScheduleId>) -> Vec<String> {
    let on_call = on_call.map(|schedule| format!("on-call:{schedule}"));
    group.map(str::to_owned).into_iter().chain(on_call).collect()
}

/// Returns where the action would take effect, as the decision has read it.
pub(super) fn environment(entry: &Entry) -> Option<String> {
    let decision = bodies::decision(entry.content.as_ref()?)?;
    decision.facts.text("resource.env").map(str::to_owned)
}

fn kill_told(content: &Content) -> Option<KillTold> {
    let switch: Switch = content.get(Field::Body).ok()??;
    let by: Principal = content.get(Field::Principal).ok()??;
    let reason: String = content.get(Field::Reason).ok()??;
    Some(KillTold { target: switch.target.key(), by: by.subject(), reason })
}

fn glass_told(kind: EventKind, glass: &BreakGlass) -> GlassTold {
    let keys = [Some(&glass.first), glass.second.as_ref()].into_iter().flatten();
    let until = match kind {
        EventKind::GlassAsked => glass.confirm_until(),
        EventKind::GlassBroken => glass.over_at(),
        _ => glass.review_until(),
    };
    GlassTold {
        id: glass.id,
        extent: glass.extent.to_string(),
        people: keys.map(|key| key.by.to_string()).collect(),
        reason: glass.reason.clone(),
        actions: glass.actions.len() as u64,
        until,
    }
}

fn ended_told(entry: &Entry, content: &Content, opener: &Entry) -> Option<CaseTold> {
    let status = entry.leaf.status?;
    let state = match entry.leaf.kind {
        RecordKind::Vote if status == Ballot::Deny as u8 => CaseState::Denied,
        RecordKind::Vote => CaseState::Approved,
        RecordKind::Review => CaseState::Returned,
        RecordKind::Decoy if matches!(status, decoy::CAUGHT | decoy::MISSED) => CaseState::Decoy,
        _ => [CaseState::Expired, CaseState::Void, CaseState::Withdrawn].into_iter().find(|s| *s as u8 == status)?,
    };
    Some(CaseTold {
        case: content.get(Field::Case).ok()??,
        requester: opener.content.as_ref()?.get::<Principal>(Field::Principal).ok()??.subject(),
        tool: content.get::<ToolName>(Field::Tool).ok()??,
        environment: environment(opener),
        asked: Vec::new(),
        expires: entry.leaf.at,
        state: state.as_str(),
    })
}
