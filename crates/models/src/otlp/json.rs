//! OTLP in JSON: ids in hexadecimal digits, bytes in base64, integers as numbers or as texts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Attributes, Bounds, Bytes, DEPTH_MAX, Draft, Event, OtlpError, Span, Status, in_attributes, in_links};
use crate::Given;

/// Is how deep JSON nests: a value within a value is four levels, and what stands around the outermost less than sixteen.
const JSON_DEPTH_MAX: usize = 4 * DEPTH_MAX + 16;

/// Reads the spans of a request, in the order in which they stand.
///
/// # Errors
///
/// [`OtlpError`], as described there.
pub fn read(request: &str) -> Result<Vec<Span>, OtlpError> {
    let request = Given::read_within(request, JSON_DEPTH_MAX)
        .filter(|read| matches!(read, Given::Map(_)))
        .ok_or(OtlpError::Malformed)?;
    let all = list(&request, "resourceSpans")?;
    if all.is_empty() {
        return Err(OtlpError::Empty);
    }
    let mut reader = Reader::default();
    let mut spans = Vec::new();
    for one in all {
        reader.resource_spans(one, &mut spans)?;
    }
    spans.into_iter().map(|(draft, resource)| draft.span(&resource)).collect()
}

#[derive(Default)]
struct Reader {
    bounds: Bounds,
}

impl Reader {
    fn resource_spans(&mut self, of: &Given, spans: &mut Vec<(Draft, Arc<Attributes>)>) -> Result<(), OtlpError> {
        let resource = match member(of, "resource")? {
            Some(resource) => self.attributes(resource, in_attributes)?,
            None => Attributes::new(),
        };
        let resource = Arc::new(resource);
        for scope in list(of, "scopeSpans")? {
            for span in list(scope, "spans")? {
                self.bounds.span()?;
                spans.push((self.span(span)?, resource.clone()));
            }
        }
        Ok(())
    }

    fn span(&mut self, of: &Given) -> Result<Draft, OtlpError> {
        let mut span = Draft {
            trace: hex(of, "traceId")?,
            id: hex(of, "spanId")?,
            parent: hex(of, "parentSpanId")?,
            name: text(of, "name")?,
            started: instant(of, "startTimeUnixNano")?,
            ended: instant(of, "endTimeUnixNano")?,
            attributes: self.attributes(of, in_attributes)?,
            ..Draft::default()
        };
        for event in list(of, "events")? {
            self.bounds.value(0)?;
            let attributes = self.attributes(event, in_attributes)?;
            span.events.push(Event { name: text(event, "name")?, at: instant(event, "timeUnixNano")?, attributes });
        }
        for link in list(of, "links")? {
            self.bounds.value(0)?;
            span.links.push((hex(link, "traceId")?, hex(link, "spanId")?, self.attributes(link, in_links)?));
        }
        if let Some(status) = member(of, "status")? {
            span.message = text(status, "message")?;
            span.status = code(status)?;
        }
        Ok(span)
    }

    fn attributes(&mut self, of: &Given, bytes: Bytes) -> Result<Attributes, OtlpError> {
        list(of, "attributes")?.iter().map(|pair| self.pair(pair, bytes, 1)).collect()
    }

    fn pair(&mut self, of: &Given, bytes: Bytes, depth: usize) -> Result<(String, Given), OtlpError> {
        let value = match member(of, "value")? {
            Some(value) => self.value(value, bytes, depth)?,
            None => Given::Null,
        };
        Ok((text(of, "key")?, value))
    }

    /// Reads a value, which has one form at most.
    fn value(&mut self, of: &Given, bytes: Bytes, depth: usize) -> Result<Given, OtlpError> {
        self.bounds.value(depth)?;
        let forms = ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"];
        let mut held = None;
        for form in forms {
            if let Some(value) = member(of, form)? {
                if held.is_some() {
                    return Err(OtlpError::Malformed);
                }
                held = Some((form, value));
            }
        }
        match held {
            None => Ok(Given::Null),
            Some(("stringValue", value @ Given::Text(_)) | ("boolValue", value @ Given::Bool(_))) => Ok(value.clone()),
            Some(("intValue", value)) => integer(value),
            Some(("doubleValue", value)) => double(value),
            Some(("arrayValue", value)) => {
                let values = list(value, "values")?.iter().map(|value| self.value(value, bytes, depth + 1));
                Ok(Given::List(values.collect::<Result<_, _>>()?))
            }
            Some(("kvlistValue", value)) => {
                let pairs = list(value, "values")?.iter().map(|pair| self.pair(pair, bytes, depth + 1));
                Ok(Given::of_members(pairs.collect::<Result<_, _>>()?))
            }
            Some(("bytesValue", Given::Text(text))) => {
                STANDARD.decode(text).map(|held| Given::Text(bytes(&held))).map_err(|_| OtlpError::Malformed)
            }
            Some(_) => Err(OtlpError::Malformed),
        }
    }
}

/// Returns a member of an object, unless it is null.
fn member<'a>(of: &'a Given, name: &str) -> Result<Option<&'a Given>, OtlpError> {
    if !matches!(of, Given::Map(_)) {
        return Err(OtlpError::Malformed);
    }
    Ok(of.member(name).filter(|value| **value != Given::Null))
}

fn list<'a>(of: &'a Given, name: &str) -> Result<&'a [Given], OtlpError> {
    match member(of, name)? {
        None => Ok(&[]),
        Some(Given::List(values)) => Ok(values),
        Some(_) => Err(OtlpError::Malformed),
    }
}

fn text(of: &Given, name: &str) -> Result<String, OtlpError> {
    match member(of, name)? {
        None => Ok(String::new()),
        Some(Given::Text(text)) => Ok(text.clone()),
        Some(_) => Err(OtlpError::Malformed),
    }
}

fn hex(of: &Given, name: &str) -> Result<Vec<u8>, OtlpError> {
    let digits = text(of, name)?;
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2 && !pair.starts_with('+'));
        pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(OtlpError::Malformed)
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

fn instant(of: &Given, name: &str) -> Result<u64, OtlpError> {
    match member(of, name)? {
        None => Ok(0),
        Some(Given::Integer(digits) | Given::Text(digits)) => digits.parse().map_err(|_| OtlpError::Malformed),
        Some(_) => Err(OtlpError::Malformed),
    }
}

fn integer(value: &Given) -> Result<Given, OtlpError> {
    let number: Option<i64> = match value {
        Given::Integer(digits) | Given::Text(digits) => digits.parse().ok(),
        _ => None,
    };
    number.map(|number| Given::Integer(number.to_string())).ok_or(OtlpError::Malformed)
}

fn double(value: &Given) -> Result<Given, OtlpError> {
    let (Given::Integer(text) | Given::Float(text) | Given::Text(text)) = value else {
        return Err(OtlpError::Malformed);
    };
    text.parse().map(Given::of_float).map_err(|_| OtlpError::Malformed)
}

fn code(status: &Given) -> Result<Option<Status>, OtlpError> {
    match member(status, "code")? {
        None => Ok(None),
        Some(Given::Integer(number)) => Ok(number.parse().ok().map(Status::numbered)),
        Some(Given::Text(name)) => Ok(Status::named(name)),
        Some(_) => Err(OtlpError::Malformed),
    }
}
