//! What people read: nothing in it is taken for markup, a mention or a link, and it holds what it must and no more.

use countersign_notify::event::{
    AskedTold, Body, BreakerTold, BypassTold, CheckTold, FreezeTold, IncidentTold, KillTold, SagaTold, TakenBackTold,
    UnusualTold,
};
use countersign_notify::message::{cloud_event, slack, teams, title};
use countersign_notify::{Event, EventKind};
use serde_json::Value;
use types::text::is_deceptive;
use types::{ActionId, Millis};

use crate::world::{START, case_event};

const HOSTILE: [&str; 12] = [
    "<!channel>",
    "<!here|urgent>",
    "<@U012AB3CD>",
    "<https://evil.example|Open the case>",
    "@everyone",
    "[Open the case](https://evil.example)",
    "**approved** `by` ~you~ <at>Ana</at>",
    "https://evil.example/approve",
    "www.evil.example",
    "safe\u{202e}gpj.exe",
    "\u{1b}[2J\u{1b}[31mapproved",
    "a\nState: approved\n",
];

fn hostile_events(text: &str) -> Vec<Event> {
    let mut case = case_event(EventKind::CaseOpened);
    let Body::Case(_, told) = &mut case.body else { unreachable!() };
    told.environment = Some(text.to_owned());
    told.asked[0].group = text.to_owned();
    told.tool.operation = text.to_owned();
    let kill = KillTold { target: format!("tool:{text}"), by: "person:ana".into(), reason: text.to_owned() };
    let freeze = FreezeTold { name: "holidays".into(), reason: text.to_owned(), to: Millis(START) };
    let with = |body: Body| Event { body, ..case_event(EventKind::CaseOpened) };
    vec![
        case.clone(),
        with(Body::Kill(EventKind::KillSet, kill)),
        with(Body::Freeze(EventKind::FreezeBegun, freeze)),
        with(Body::Unusual(unusual(text))),
        with(Body::Breaker(breaker(text))),
        with(Body::Incident(EventKind::IncidentOpened, incident(text))),
        with(Body::Bypass(bypass(text))),
        with(Body::Check(check(text))),
        with(Body::TakenBack(taken_back(text))),
        with(Body::Saga(saga(text))),
        with(Body::Incident(EventKind::IncidentEnded, incident(text))),
    ]
}

fn bypass(text: &str) -> BypassTold {
    BypassTold {
        server: "orders".to_owned(),
        found: 3,
        gap: "around".to_owned(),
        by: Some(text.to_owned()),
        what: vec![text.to_owned()],
    }
}

fn check(text: &str) -> CheckTold {
    CheckTold {
        action: ActionId::draw(Millis(START), [7; 10]),
        check: "storefront".to_owned(),
        agent: "agent:sre-bot".to_owned(),
        tool: types::ToolName { operation: text.to_owned(), ..("sre.restart".parse().unwrap()) },
        judgement: "violated",
        undo: true,
        stop: true,
    }
}

fn taken_back(text: &str) -> TakenBackTold {
    let CheckTold { action, check, agent, tool, .. } = check(text);
    TakenBackTold { action, check, agent, tool, error: Some(text.to_owned()) }
}

fn saga(text: &str) -> SagaTold {
    let saga = types::SessionId::draw(Millis(START), [8; 10]);
    SagaTold { saga, agent: "agent:sre-bot".to_owned(), steps: 3, is_half: true, why: Some(text.to_owned()) }
}

fn unusual(text: &str) -> UnusualTold {
    UnusualTold {
        action: ActionId::draw(Millis(START), [7; 10]),
        agent: "agent:sre-bot".to_owned(),
        class: "restart".to_owned(),
        tool: types::ToolName { operation: text.to_owned(), ..("sre.restart".parse().unwrap()) },
        environment: Some(text.to_owned()),
        unusual: vec![text.to_owned()],
    }
}

fn incident(text: &str) -> IncidentTold {
    IncidentTold {
        thing: "alias".to_owned(),
        model: text.to_owned(),
        name: text.to_owned(),
        wrong: "alias-around-the-road".to_owned(),
        declared: Some(text.to_owned()),
        observed: Some(text.to_owned()),
        means: Some("probed".to_owned()),
        since: Millis(START),
        mend: text.to_owned(),
    }
}

fn breaker(text: &str) -> BreakerTold {
    let UnusualTold { agent, tool, .. } = unusual(text);
    BreakerTold { breaker: "calls".to_owned(), agent, tool: Some(tool), until: Some(Millis(START)) }
}

/// Returns every text of a message but the link, which is ours.
fn texts(value: &Value, link: &str, out: &mut Vec<String>) {
    match value {
        Value::String(text) if text == link || text.starts_with(&format!("<{link}|")) => {}
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, link, out)),
        Value::Object(members) => members.values().for_each(|member| texts(member, link, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_text_from_elsewhere_is_markup_a_mention_or_a_link() {
    for hostile in HOSTILE {
        for event in hostile_events(hostile) {
            for message in [slack::body(&event), teams::body(&event)] {
                let mut all = Vec::new();
                texts(&message, &event.link, &mut all);
                for text in all.iter().filter(|text| *text != "http://adaptivecards.io/schemas/adaptive-card.json") {
                    let bad = ['<', '>', '&', '[', ']', '`', '@', '*'].iter().any(|c| text.contains(*c));
                    assert!(!bad && !text.contains("://") && !text.contains("www."), "{hostile}: {text}");
                    // A field of Slack has its name in a line of its own, before the value.
                    let lines = text.matches('\n').count();
                    assert!(lines <= 1 && !text.chars().any(|c| c != '\n' && is_deceptive(c)), "{hostile}: {text:?}");
                }
            }
        }
    }
}

#[test]
fn markup_is_read_in_one_text_alone_and_that_is_ours() {
    for event in hostile_events("<!channel>") {
        let slack = slack::body(&event).to_string();
        assert_eq!(
            slack.matches("mrkdwn\"").count(),
            2,
            "the type of one text, and that the fallback is none: {slack}"
        );
        assert!(slack.contains("\"mrkdwn\":false") && slack.contains("\"parse\":\"none\""), "{slack}");
        let teams = teams::body(&event).to_string();
        assert!(!teams.contains("\"TextBlock\"") && !teams.contains("msteams"), "{teams}");
    }
}

#[test]
fn a_link_cannot_be_left_early() {
    let event = Event { link: "https://c.example/a?b=1&c=<x>|y".into(), ..case_event(EventKind::CaseOpened) };
    let text = slack::body(&event)["blocks"][2]["text"]["text"].clone();
    assert_eq!(text, "<https://c.example/a?b=1&amp;c=%3Cx%3E%7Cy|Open the case>");
}

#[test]
fn messages_stay_within_what_their_channels_take() {
    let mut event = case_event(EventKind::CaseOpened);
    let Body::Case(_, told) = &mut event.body else { unreachable!() };
    told.tool.operation = "x".repeat(128);
    told.environment = Some("\u{202e}".repeat(5_000));
    told.asked = vec![AskedTold { group: "\u{202e}".repeat(5_000), ..told.asked[0].clone() }; 50];
    let slack = slack::body(&event);
    let header = slack["blocks"][0]["text"]["text"].as_str().unwrap().chars().count();
    let fields = slack["blocks"][1]["fields"].as_array().unwrap();
    assert!(header <= 150 && fields.len() <= 10, "{header} {}", fields.len());
    assert!(fields.iter().all(|field| field["text"].as_str().unwrap().len() <= 2_000), "a field is too long for Slack");
    assert!(teams::body(&event).to_string().len() <= 28 * 1024, "too large for Teams");
}

#[test]
fn a_cloud_event_is_exact_and_looks_like_what_it_is() {
    for hostile in HOSTILE {
        let event = &hostile_events(hostile)[1];
        let text = cloud_event::body(event, "https://c.example");
        assert!(!text.chars().any(is_deceptive), "{text}");
        let said: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(said["data"]["reason"], hostile);
    }
}

#[test]
fn titles_say_who_asks_for_what() {
    let title_of = |kind| title(&case_event(kind));
    assert_eq!(title_of(EventKind::CaseOpened), "agent:sre-bot asks for restart on sre");
    assert_eq!(title_of(EventKind::CaseAsked), "Nobody has decided yet: agent:sre-bot asks for restart on sre");
    assert_eq!(title_of(EventKind::CaseEnded), "The case of agent:sre-bot for restart on sre is open");
}

#[test]
fn what_nobody_asked_about_says_whose_it_is_and_what_becomes_of_it() {
    let said = |body: Body| {
        let event = Event { body, ..case_event(EventKind::CaseOpened) };
        (title(&event), slack::body(&event)["blocks"][1]["fields"].to_string())
    };
    let (title, rows) = said(Body::Unusual(UnusualTold {
        agent: "agent:sre-bot".into(),
        class: "write".into(),
        unusual: vec!["new-tool".into(), "volume".into()],
        ..unusual("restart")
    }));
    assert_eq!(title, "What agent:sre-bot does in class write is not usual for it");
    assert!(
        rows.contains("new-tool, volume") && rows.contains("restart on sre") && rows.contains("nobody is asked"),
        "{rows}"
    );
    let opened = |tool| BreakerTold { breaker: "calls".into(), agent: "agent:sre-bot".into(), tool, until: None };
    let (title, _) = said(Body::Breaker(opened(Some("sre.restart".parse().unwrap()))));
    assert_eq!(title, "The circuit calls of agent:sre-bot for restart on sre has opened");
    let (title, rows) = said(Body::Breaker(opened(None)));
    assert_eq!(title, "agent:sre-bot was stopped by the bulk breaker calls");
    assert!(rows.contains("a person resets it"), "{rows}");
}
