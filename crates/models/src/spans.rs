//! What is kept of a span, and what it tells of its trace.
//!
//! A span is kept as one text of JSON, written as MLflow's server writes it: searches look into that text, so that its
//! blanks and escapes count. The value of an attribute is a text of JSON inside of it.

mod preview;
mod translation;

use crate::otlp::{Attributes, Event, Link, Span};
use crate::{Given, python};

pub use preview::{PREVIEW_MAX, Role, preview};

const TRACE: &str = "mlflow.traceRequestId";
const KIND: &str = "mlflow.spanType";
const INPUTS: &str = "mlflow.spanInputs";
const OUTPUTS: &str = "mlflow.spanOutputs";
const TOKENS: &str = "mlflow.chat.tokenUsage";
const COST: &str = "mlflow.llm.cost";
const TAG: &str = "mlflow.traceTag.";
const SERVICE: &str = "service.name";

/// The programs whose name is kept with the root span of what they send.
const SERVICES: [&str; 5] = ["claude-code", "codex_cli_rs", "codex_vscode", "gemini-cli", "qwen-code"];

/// Is what is kept of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// All of it, as a text of JSON.
    pub content: String,
    /// What kind of work it is, as its sender says.
    pub kind: Option<String>,
    /// How many tokens it used: an object.
    pub tokens: Option<Given>,
    /// What it cost: an object.
    pub cost: Option<Given>,
    /// The conversation that it says its trace belongs to.
    pub session: Option<String>,
    /// For whom it says its trace was made.
    pub user: Option<String>,
    /// The tags that it gives its trace.
    pub tags: Vec<(String, String)>,
    /// What was asked, cut to [`PREVIEW_MAX`] characters.
    pub request: Option<String>,
    /// What was answered, likewise.
    pub response: Option<String>,
}

/// Returns the id of a trace, as clients know it.
pub fn trace_id(trace: &[u8; 16]) -> String {
    format!("tr-{}", hex(trace))
}

/// Returns the id of a span, as clients know it.
pub fn span_id(span: &[u8; 8]) -> String {
    hex(span)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> Given {
    use base64::Engine as _;
    Given::Text(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Are the attributes of a span, each value a text of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Texts(Vec<(String, String)>);

impl Texts {
    fn of(span: &Span) -> Self {
        let mut texts = Self::default();
        for (key, value) in &span.attributes {
            texts.set(key, dumped_once(value));
        }
        texts.set(TRACE, Given::Text(trace_id(&span.trace)).dumped());
        if span.parent.is_none()
            && let Some(service) = service(&span.resource)
        {
            texts.set(SERVICE, Given::Text(service.to_owned()).dumped());
        }
        texts
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns the value of an attribute, if it is an object.
    fn object(&self, key: &str) -> Option<Given> {
        self.get(key).and_then(Given::read).filter(|value| matches!(value, Given::Map(_)))
    }

    /// Returns the value of an attribute as a text: without its quotes if it is one, else as JSON.
    fn shown(&self, key: &str) -> Option<String> {
        self.get(key).map(shown)
    }

    fn set(&mut self, key: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, earlier)) => *earlier = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Sets what is not there yet.
    fn complete(&mut self, key: &str, value: Option<String>) {
        if let (None, Some(value)) = (self.get(key), value) {
            self.0.push((key.to_owned(), value));
        }
    }
}

fn shown(json: &str) -> String {
    match Given::read(json) {
        Some(Given::Text(text)) => text,
        _ => json.to_owned(),
    }
}

/// Writes a value as JSON, unless it is a text that is JSON already and no bare word or number.
fn dumped_once(value: &Given) -> String {
    match value {
        Given::Text(text) if matches!(Given::read(text), Some(Given::Text(_) | Given::List(_) | Given::Map(_))) => {
            text.clone()
        }
        value => value.dumped(),
    }
}

/// Returns the name of the program that sent a span, if it is one of those that are kept.
fn service(resource: &Attributes) -> Option<&str> {
    match resource.iter().find(|(key, _)| key == SERVICE) {
        Some((_, Given::Text(name))) if SERVICES.contains(&name.as_str()) => Some(name),
        _ => None,
    }
}

/// Returns what is kept of a span.
pub fn kept(span: &Span) -> Kept {
    let mut texts = Texts::of(span);
    translation::complete(&mut texts);
    let first = |keys: [&str; 2]| keys.iter().find_map(|key| texts.shown(key));
    Kept {
        content: content(span, &texts).dumped(),
        kind: span.attributes.iter().rev().find(|(key, _)| key == KIND).and_then(|(_, value)| kind(value)),
        tokens: texts.object(TOKENS),
        cost: texts.object(COST),
        session: first(["session.id", "gen_ai.conversation.id"]),
        user: texts.shown("user.id"),
        tags: tags(&texts),
        request: texts.get(INPUTS).and_then(|json| preview(json, Role::User)),
        response: texts.get(OUTPUTS).and_then(|json| preview(json, Role::Assistant)),
    }
}

fn kind(value: &Given) -> Option<String> {
    if let Given::Text(kind) = value { Some(kind.clone()) } else { None }
}

fn tags(texts: &Texts) -> Vec<(String, String)> {
    let tags = texts.0.iter().filter_map(|(key, value)| Some((key.strip_prefix(TAG)?.to_owned(), shown(value))));
    tags.collect()
}

/// Returns the tags that a trace has of the program that sent its spans; what is reserved is left out.
pub fn resource_tags(resource: &Attributes) -> Vec<(String, String)> {
    let is_reserved = |key: &str| key.starts_with("telemetry.sdk.") || key.starts_with("mlflow.");
    let tag = |(key, value): &(String, Given)| match value {
        Given::Text(text) => (key.clone(), text.clone()),
        value => (key.clone(), value.dumped_in_ascii()),
    };
    resource.iter().filter(|(key, _)| !is_reserved(key)).map(tag).collect()
}

fn named<const N: usize>(members: [(&str, Given); N]) -> Given {
    Given::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
}

fn number(number: impl ToString) -> Given {
    Given::Integer(number.to_string())
}

fn text(text: &str) -> Given {
    Given::Text(text.to_owned())
}

fn content(span: &Span, texts: &Texts) -> Given {
    let attributes = texts.0.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    named([
        ("trace_id", base64(&span.trace)),
        ("span_id", base64(&span.id)),
        ("parent_span_id", span.parent.map_or(Given::Null, |parent| base64(&parent))),
        ("name", text(&span.name)),
        ("start_time_unix_nano", number(span.started)),
        ("end_time_unix_nano", number(span.ended.unwrap_or(0))),
        ("events", Given::List(span.events.iter().map(event).collect())),
        ("status", named([("code", text(span.status.code())), ("message", text(&span.message))])),
        ("attributes", Given::Map(attributes)),
        ("links", Given::List(span.links.iter().map(link).collect())),
    ])
}

fn event(event: &Event) -> Given {
    named([
        ("name", text(&event.name)),
        ("time_unix_nano", number(event.at)),
        ("attributes", Given::of_members(event.attributes.clone())),
    ])
}

fn link(link: &Link) -> Given {
    let attributes = if link.attributes.is_empty() { Given::Null } else { Given::of_members(link.attributes.clone()) };
    named([
        ("trace_id", text(&trace_id(&link.trace))),
        ("span_id", text(&span_id(&link.span))),
        ("attributes", attributes),
    ])
}

/// Reads an integer of an attribute: a number, or a text that is one.
fn integer(json: &str) -> Option<Given> {
    let digits = match Given::read(json)? {
        Given::Integer(digits) | Given::Text(digits) => python::integer(&digits)?,
        _ => return None,
    };
    Some(Given::Integer(digits))
}

/// Says whether a text of JSON holds something: it is no JSON, or neither nothing, zero nor empty.
fn holds(json: &str) -> bool {
    match Given::read(json) {
        None => true,
        Some(Given::Null | Given::Bool(false)) => false,
        Some(Given::Bool(true)) => true,
        Some(Given::Integer(digits)) => python::integer(&digits).as_deref() != Some("0"),
        Some(Given::Float(digits)) => !matches!(python::float(&digits).as_str(), "0.0" | "-0.0"),
        Some(Given::Text(text)) => !text.is_empty(),
        Some(Given::List(values)) => !values.is_empty(),
        Some(Given::Map(members)) => !members.is_empty(),
    }
}
