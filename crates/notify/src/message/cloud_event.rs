//! A message for machines: a CloudEvent 1.0 in its structured JSON form.
//!
//! Values are exact. Characters that could deceive somebody who looks at the text are written as JSON's own escapes.

use serde_json::{Value, json};
use types::text::escape_json;

use super::title;
use crate::event::{Body, BreakerTold, CaseTold, Event, EventKind, IncidentTold, UnusualTold};
use crate::text::rfc3339;

/// Is the media type of such a message.
pub const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Writes a message.
///
/// - `source`: where it comes from, as a URI.
pub fn body(event: &Event, source: &str) -> String {
    let (kind, subject, data) = parts(event);
    let mut whole = json!({
        "specversion": "1.0", "id": event.id, "source": source, "type": kind, "time": rfc3339(event.at),
        "datacontenttype": "application/json", "data": data,
    });
    if let (Some(subject), Some(members)) = (subject, whole.as_object_mut()) {
        members.insert("subject".to_owned(), Value::String(subject));
    }
    escape_json(&whole.to_string(), false)
}

fn parts(event: &Event) -> (&'static str, Option<String>, Value) {
    let (title, link) = (title(event), &event.link);
    match &event.body {
        Body::Case(kind, case) => (kind.cloud_type(), Some(case.case.to_string()), case_data(case, &title, link)),
        Body::Cases(cases) => {
            let counts: serde_json::Map<String, Value> =
                cases.counts.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
            (
                "countersign.cases",
                None,
                json!({ "title": title, "waiting": cases.waiting(), "counts": counts, "link": link }),
            )
        }
        Body::Kill(kind, kill) => {
            let data =
                json!({ "title": title, "target": kill.target, "by": kill.by, "reason": kill.reason, "link": link });
            (kind.cloud_type(), Some(kill.target.clone()), data)
        }
        Body::Freeze(kind, freeze) => {
            let data = json!({ "title": title, "freeze": freeze.name, "reason": freeze.reason, "until": rfc3339(freeze.to), "link": link });
            (kind.cloud_type(), Some(freeze.name.clone()), data)
        }
        Body::Glass(kind, glass) => {
            let data = json!({
                "title": title, "glass": glass.id, "extent": glass.extent, "people": glass.people,
                "reason": glass.reason, "actions": glass.actions, "until": rfc3339(glass.until), "link": link,
            });
            (kind.cloud_type(), Some(glass.id.to_string()), data)
        }
        Body::Unusual(unusual) => {
            let kind = EventKind::BehaviourUnusual.cloud_type();
            (kind, Some(unusual.agent.clone()), unusual_data(unusual, &title, link))
        }
        Body::Breaker(breaker) => {
            let kind = EventKind::BreakerOpened.cloud_type();
            (kind, Some(breaker.agent.clone()), breaker_data(breaker, &title, link))
        }
        Body::Incident(kind, incident) => {
            let subject = format!("{}/{}/{}", incident.thing, incident.model, incident.name);
            (kind.cloud_type(), Some(subject), incident_data(incident, &title, link))
        }
        Body::Bypass(bypass) => {
            let data = json!({
                "title": title, "server": bypass.server, "found": bypass.found, "gap": bypass.gap, "by": bypass.by,
                "what": bypass.what, "link": link,
            });
            (EventKind::BypassFound.cloud_type(), Some(bypass.server.clone()), data)
        }
        Body::Check(check) => {
            let data = json!({
                "title": title, "action": check.action, "check": check.check, "agent": check.agent, "tool": check.tool,
                "judgement": check.judgement, "undo": check.undo, "stop": check.stop, "link": link,
            });
            (EventKind::CheckEnded.cloud_type(), Some(check.action.to_string()), data)
        }
        Body::TakenBack(taken) => {
            let data = json!({
                "title": title, "action": taken.action, "check": taken.check, "agent": taken.agent, "tool": taken.tool,
                "taken_back": taken.error.is_none(), "error": taken.error, "link": link,
            });
            (EventKind::TakenBack.cloud_type(), Some(taken.action.to_string()), data)
        }
        Body::Saga(saga) => {
            let data = json!({
                "title": title, "saga": saga.saga, "agent": saga.agent, "steps": saga.steps, "half": saga.is_half,
                "why": saga.why, "link": link,
            });
            (EventKind::SagaEnded.cloud_type(), Some(saga.saga.to_string()), data)
        }
        Body::Test => ("countersign.test", None, json!({ "title": title, "link": link })),
    }
}

fn unusual_data(unusual: &UnusualTold, title: &str, link: &str) -> Value {
    json!({
        "title": title, "agent": unusual.agent, "class": unusual.class, "tool": unusual.tool,
        "environment": unusual.environment, "unusual": unusual.unusual, "action": unusual.action, "link": link,
    })
}

fn breaker_data(breaker: &BreakerTold, title: &str, link: &str) -> Value {
    json!({
        "title": title, "breaker": breaker.breaker, "agent": breaker.agent, "tool": breaker.tool,
        "until": breaker.until.map(rfc3339), "link": link,
    })
}

fn incident_data(incident: &IncidentTold, title: &str, link: &str) -> Value {
    let IncidentTold { thing, model, name, wrong, declared, observed, means, since, mend } = incident;
    json!({
        "title": title, "thing": thing, "model": model, "name": name, "wrong": wrong, "declared": declared,
        "observed": observed, "means": means, "since": rfc3339(*since), "mend": mend, "link": link,
    })
}

fn case_data(case: &CaseTold, title: &str, link: &str) -> Value {
    let asked: Vec<Value> = case
        .asked
        .iter()
        .map(|asked| {
            json!({
                "profile": asked.profile, "group": asked.group, "approvals": asked.approvals,
                "until": rfc3339(asked.until),
            })
        })
        .collect();
    json!({
        "title": title, "case": case.case, "state": case.state, "requester": case.requester, "tool": case.tool,
        "environment": case.environment, "asked": asked, "expires": rfc3339(case.expires), "link": link,
    })
}
