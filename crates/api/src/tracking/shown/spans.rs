//! Spans, as MLflow's clients read them: OpenTelemetry's own form, in the JSON of protobuf.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use models::Given;
use serde_json::{Value, json};

use super::{Object, float};

/// Shows a span that is kept as this text; nothing if it cannot be read.
pub(super) fn span(content: &str) -> Option<Value> {
    let kept = Given::read(content)?;
    let status = kept.member("status")?;
    let code = text(status, "code").filter(|code| code != "STATUS_CODE_UNSET");
    let status = Object::default().with_some("message", text(status, "message")).with_some("code", code);
    Some(
        Object::default()
            .with_some("trace_id", text(&kept, "trace_id"))
            .with_some("span_id", text(&kept, "span_id"))
            .with_some("parent_span_id", text(&kept, "parent_span_id"))
            .with_some("name", text(&kept, "name"))
            .with_some("start_time_unix_nano", instant(&kept, "start_time_unix_nano"))
            .with_some("end_time_unix_nano", instant(&kept, "end_time_unix_nano"))
            .with_list("attributes", members(&kept).map(|(key, value)| pair(key, &unwrapped(value))).collect())
            .with_list("events", list(&kept, "events").iter().map(event).collect())
            .with_list("links", list(&kept, "links").iter().map(link).collect())
            .with("status", status.value())
            .value(),
    )
}

/// Returns a text, unless it is empty.
fn text(of: &Given, name: &str) -> Option<String> {
    match of.member(name) {
        Some(Given::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Returns an instant in nanoseconds since the epoch, unless it is 0.
fn instant(of: &Given, name: &str) -> Option<u64> {
    match of.member(name) {
        Some(Given::Integer(digits)) => digits.parse().ok().filter(|at| *at != 0),
        _ => None,
    }
}

fn list<'a>(of: &'a Given, name: &str) -> &'a [Given] {
    if let Some(Given::List(values)) = of.member(name) { values } else { &[] }
}

/// Returns the attributes of a span, of an event or of a link.
fn members(of: &Given) -> impl Iterator<Item = (&String, &Given)> {
    let members = if let Some(Given::Map(members)) = of.member("attributes") { members.as_slice() } else { &[] };
    members.iter().map(|(key, value)| (key, value))
}

/// Reads the value of an attribute of a span, which is kept as a text of JSON.
fn unwrapped(value: &Given) -> Given {
    match value {
        Given::Text(json) => Given::read(json).unwrap_or_else(|| value.clone()),
        value => value.clone(),
    }
}

fn pair(key: &str, value: &Given) -> Value {
    let value = Some(any(value)).filter(|_| *value != Given::Null);
    let key = Some(key.to_owned()).filter(|key| !key.is_empty());
    Object::default().with_some("key", key).with_some("value", value).value()
}

/// Shows a value under the name of its form. A number that is no integer of 64 bits is shown as a text, so that nothing of it is lost.
fn any(value: &Given) -> Value {
    match value {
        Given::Null => json!({}),
        Given::Bool(value) => json!({ "bool_value": value }),
        Given::Integer(digits) => match digits.parse::<i64>() {
            Ok(number) => json!({ "int_value": number }),
            Err(_) => json!({ "string_value": digits }),
        },
        Given::Float(text) => json!({ "double_value": float(text) }),
        Given::Text(text) => json!({ "string_value": text }),
        Given::List(values) => {
            let values = Object::default().with_list("values", values.iter().map(any).collect());
            json!({ "array_value": values.value() })
        }
        Given::Map(members) => {
            let values = members.iter().map(|(key, value)| pair(key, value)).collect();
            json!({ "kvlist_value": Object::default().with_list("values", values).value() })
        }
    }
}

fn event(event: &Given) -> Value {
    Object::default()
        .with_some("time_unix_nano", instant(event, "time_unix_nano"))
        .with_some("name", text(event, "name"))
        .with_list("attributes", members(event).map(|(key, value)| pair(key, value)).collect())
        .value()
}

fn link(link: &Given) -> Value {
    Object::default()
        .with_some("trace_id", text(link, "trace_id").map(|id| bytes(id.strip_prefix("tr-").unwrap_or(&id))))
        .with_some("span_id", text(link, "span_id").map(|id| bytes(&id)))
        .with_list("attributes", members(link).map(|(key, value)| pair(key, value)).collect())
        .value()
}

/// Writes an id of hexadecimal digits as its bytes.
fn bytes(digits: &str) -> String {
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = digits.as_bytes().chunks(2).filter_map(byte).collect();
    STANDARD.encode(bytes)
}
