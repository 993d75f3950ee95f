//! What a message says, and how each channel has it.
//!
//! A message leads to a case and never decides it. It says who proposes what, where, who is asked and until when; it holds
//! no arguments, no results and nothing an agent says of itself.

pub mod cloud_event;
pub mod mail;
pub mod slack;
pub mod teams;

use types::ToolName;

use crate::event::{
    AskedTold, Body, BreakerTold, BypassTold, CaseTold, CasesTold, CheckTold, Event, EventKind, GlassTold,
    IncidentTold, SagaTold, TakenBackTold, UnusualTold,
};
use crate::text::{inert, name, time};

/// Is how many of those that are asked one message names.
const ASKED_MAX: usize = 8;

/// Says in a line what happened; every part from elsewhere is inert.
pub fn title(event: &Event) -> String {
    match &event.body {
        Body::Case(kind, case) => case_title(*kind, case),
        Body::Cases(cases) => cases_title(cases),
        Body::Kill(EventKind::KillLifted, kill) => format!("The kill switch of {} was lifted", covered(&kill.target)),
        Body::Kill(_, kill) => format!("{} was stopped by a kill switch", covered(&kill.target)),
        Body::Freeze(EventKind::FreezeEnded, freeze) => format!("The freeze {} is over", name(&freeze.name)),
        Body::Freeze(_, freeze) => format!("The freeze {} has begun", name(&freeze.name)),
        Body::Glass(kind, glass) => glass_title(*kind, glass),
        Body::Unusual(unusual) => {
            format!("What {} does in class {} is not usual for it", name(&unusual.agent), name(&unusual.class))
        }
        Body::Breaker(breaker) => breaker_title(breaker),
        Body::Incident(kind, incident) => incident_title(*kind, incident),
        Body::Bypass(bypass) => {
            format!("BYPASS: the system behind {} and the journal differ", name(&bypass.server))
        }
        Body::Check(check) => check_title(check),
        Body::TakenBack(taken) => taken_back_title(taken),
        Body::Saga(saga) => saga_title(saga),
        Body::Test => "Countersign reaches this target".to_owned(),
    }
}

fn case_title(kind: EventKind, case: &CaseTold) -> String {
    let (who, tool) = (name(&case.requester), tool(&case.tool));
    match kind {
        EventKind::CaseEnded => format!("The case of {who} for {tool} is {}", case.state),
        EventKind::CaseAsked => format!("Nobody has decided yet: {who} asks for {tool}"),
        _ => format!("{who} asks for {tool}"),
    }
}

fn breaker_title(breaker: &BreakerTold) -> String {
    let (who, called) = (name(&breaker.agent), name(&breaker.breaker));
    match &breaker.tool {
        Some(own) => format!("The circuit {called} of {who} for {} has opened", tool(own)),
        None => format!("{who} was stopped by the bulk breaker {called}"),
    }
}

fn incident_title(kind: EventKind, incident: &IncidentTold) -> String {
    let IncidentTold { thing, model, name: own, wrong, .. } = incident;
    let what = format!("{} {} of model {}", name(thing), inert(own), inert(model));
    match kind {
        EventKind::IncidentEnded => format!("Mended: {what} is as it was decided"),
        _ => format!("INCIDENT: {what}: {}", name(wrong)),
    }
}

fn glass_title(kind: EventKind, glass: &GlassTold) -> String {
    let what = inert(&glass.extent);
    match kind {
        EventKind::GlassAsked => format!("A second key is asked for to BREAK THE GLASS: {what}"),
        EventKind::GlassEnded => format!("The break-glass is over and awaits its review: {what}"),
        EventKind::GlassReviewed => format!("The break-glass was reviewed: {what}"),
        EventKind::ReviewOverdue => format!("The review of a break-glass is OVERDUE: {what}"),
        _ => format!("THE GLASS IS BROKEN: {what} runs without approvals"),
    }
}

fn cases_title(cases: &CasesTold) -> String {
    let several = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let waiting = several(cases.waiting(), "more case waits", "more cases wait");
    let ended = several(cases.count(EventKind::CaseEnded), "case has ended", "cases have ended");
    let breakers = cases.count(EventKind::BreakerOpened);
    let breakers = several(breakers, "breaker has opened", "breakers have opened");
    let unusual = cases.count(EventKind::BehaviourUnusual);
    let unusual = several(unusual, "finding of unusual behaviour", "findings of unusual behaviour");
    let incidents = several(cases.count(EventKind::IncidentOpened), "incident of models", "incidents of models");
    let mended = several(cases.count(EventKind::IncidentEnded), "incident is mended", "incidents are mended");
    let bypasses = several(cases.count(EventKind::BypassFound), "bypass is found", "bypasses are found");
    let checks = several(cases.count(EventKind::CheckEnded), "check has not held", "checks have not held");
    let taken = cases.count(EventKind::TakenBack);
    let taken = several(taken, "action was to be taken back", "actions were to be taken back");
    let sagas = several(cases.count(EventKind::SagaEnded), "saga was turned back", "sagas were turned back");
    [waiting, ended, breakers, unusual, incidents, mended, bypasses, checks, taken, sagas]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Shows what a kill switch covers.
fn covered(target: &str) -> String {
    match target.split_once(':') {
        Some(("tool", own)) => {
            own.parse().map_or_else(|_| inert(target), |own: ToolName| format!("the tool {}", tool(&own)))
        }
        _ => inert(target),
    }
}

/// Shows a tool so that no client takes it for the name of a host.
fn tool(tool: &ToolName) -> String {
    let operation = inert(&tool.operation);
    format!("{operation} on {}", name(tool.server.as_str()))
}

/// Says what else there is to know, as names with values; every value is inert.
pub fn rows(event: &Event) -> Vec<(&'static str, String)> {
    match &event.body {
        Body::Case(kind, case) => case_rows(*kind, case),
        Body::Kill(_, kill) => vec![("By", name(&kill.by)), ("Why", inert(&kill.reason))],
        Body::Freeze(EventKind::FreezeEnded, freeze) => vec![("Why", inert(&freeze.reason))],
        Body::Freeze(_, freeze) => vec![("Why", inert(&freeze.reason)), ("Until", time(freeze.to))],
        Body::Glass(kind, glass) => glass_rows(*kind, glass),
        Body::Unusual(unusual) => unusual_rows(unusual),
        Body::Breaker(breaker) => breaker_rows(breaker),
        Body::Incident(kind, incident) => incident_rows(*kind, incident),
        Body::Bypass(bypass) => bypass_rows(bypass),
        Body::Check(check) => check_rows(check),
        Body::TakenBack(taken) => taken_back_rows(taken),
        Body::Saga(saga) => saga_rows(saga),
        Body::Cases(_) | Body::Test => Vec::new(),
    }
}

fn glass_rows(kind: EventKind, glass: &GlassTold) -> Vec<(&'static str, String)> {
    let people: Vec<String> = glass.people.iter().map(|person| name(person)).collect();
    let mut rows =
        vec![("By", people.join(", ")), ("Why", inert(&glass.reason)), ("Break-glass", glass.id.to_string())];
    if !matches!(kind, EventKind::GlassAsked | EventKind::GlassBroken) {
        rows.push(("Actions under it", glass.actions.to_string()));
    }
    match kind {
        EventKind::GlassAsked | EventKind::GlassBroken => rows.push(("Until", time(glass.until))),
        EventKind::GlassReviewed => {}
        _ => rows.push(("Review by", time(glass.until))),
    }
    rows
}

fn unusual_rows(unusual: &UnusualTold) -> Vec<(&'static str, String)> {
    let words: Vec<String> = unusual.unusual.iter().map(|word| inert(word)).collect();
    let mut rows = vec![("Not usual", words.join(", ")), ("First in this hour", tool(&unusual.tool))];
    rows.extend(unusual.environment.as_deref().map(|environment| ("Environment", inert(environment))));
    rows.push(("What became of it", "it runs observed; nobody is asked".to_owned()));
    rows
}

fn breaker_rows(breaker: &BreakerTold) -> Vec<(&'static str, String)> {
    let until = breaker.until.map_or_else(|| "a person resets it".to_owned(), time);
    vec![(if breaker.tool.is_some() { "Tried again from" } else { "Until" }, until)]
}

fn incident_rows(kind: EventKind, incident: &IncidentTold) -> Vec<(&'static str, String)> {
    let or = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), inert);
    let mut rows = vec![("Decided", or(&incident.declared)), ("Found", or(&incident.observed))];
    rows.extend(incident.means.as_deref().map(|means| ("Known by", name(means))));
    rows.push(("Since", time(incident.since)));
    if kind != EventKind::IncidentEnded {
        rows.push(("Mend", inert(&incident.mend)));
    }
    rows
}

fn bypass_rows(bypass: &BypassTold) -> Vec<(&'static str, String)> {
    let what: Vec<String> = bypass.what.iter().map(|what| inert(what)).collect();
    let mut rows = vec![("Differences", bypass.found.to_string()), ("First", name(&bypass.gap))];
    rows.extend(bypass.by.as_deref().map(|by| ("By", inert(by))));
    rows.push(("What", what.join(", ")));
    rows
}

fn check_title(check: &CheckTold) -> String {
    let (what, agent, tool) = (name(&check.check), name(&check.agent), tool(&check.tool));
    match check.judgement {
        "violated" => format!("VIOLATED: what {agent} did with {tool} does not hold: {what}"),
        _ => format!("Nobody can tell whether what {agent} did with {tool} holds: {what}"),
    }
}

fn check_rows(check: &CheckTold) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Action", check.action.to_string()), ("Judgement", name(check.judgement))];
    if check.undo {
        rows.push(("What follows", "it is taken back".to_owned()));
    }
    if check.stop {
        rows.push(("The agent", "stands at L0 in its class until somebody gives it a level again".to_owned()));
    }
    rows
}

fn taken_back_title(taken: &TakenBackTold) -> String {
    let (agent, tool) = (name(&taken.agent), tool(&taken.tool));
    match taken.error {
        None => format!("What {agent} did with {tool} was taken back"),
        Some(_) => format!("NOT TAKEN BACK: what {agent} did with {tool}"),
    }
}

fn taken_back_rows(taken: &TakenBackTold) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Action", taken.action.to_string()), ("Check", name(&taken.check))];
    rows.extend(taken.error.as_deref().map(|why| ("Why", inert(why))));
    rows
}

fn saga_title(saga: &SagaTold) -> String {
    let agent = name(&saga.agent);
    match saga.is_half {
        true => format!("HALF DONE: a saga of {agent} could not be taken back as a whole"),
        false => format!("A saga of {agent} was turned back, and everything is as it was before"),
    }
}

fn saga_rows(saga: &SagaTold) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Saga", saga.saga.to_string()), ("Steps", saga.steps.to_string())];
    rows.extend(saga.why.as_deref().map(|why| ("What stands", inert(why))));
    rows
}

fn case_rows(kind: EventKind, case: &CaseTold) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Requester", name(&case.requester)), ("Tool", tool(&case.tool))];
    rows.extend(case.environment.as_deref().map(|environment| ("Environment", inert(environment))));
    if kind == EventKind::CaseEnded {
        rows.push(("State", case.state.to_owned()));
        return rows;
    }
    rows.extend(case.asked.iter().take(ASKED_MAX).map(|asked| ("Asked", who(asked))));
    rows.push(("Refused unless decided by", time(case.expires)));
    rows
}

fn who(asked: &AskedTold) -> String {
    let (group, profile) = (inert(&asked.group), name(asked.profile.as_str()));
    format!("{} of {group} ({profile}) until {}", asked.approvals, time(asked.until))
}

/// Returns what the link is called.
pub fn link_text(event: &Event) -> &'static str {
    match event.body {
        Body::Case(..) => "Open the case",
        Body::Cases(_) => "Open all that wait",
        Body::Unusual(_) | Body::Check(_) | Body::TakenBack(_) => "Open the action",
        Body::Incident(..) => "Open the models",
        Body::Kill(..)
        | Body::Freeze(..)
        | Body::Glass(..)
        | Body::Breaker(_)
        | Body::Bypass(_)
        | Body::Saga(_)
        | Body::Test => "Open Countersign",
    }
}
