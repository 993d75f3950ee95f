//! OTLP in protobuf.

use std::sync::Arc;

use super::wire::{Fields, Wire, text};
use super::{Attributes, Bounds, Bytes, Draft, Event, OtlpError, Span, Status, in_attributes, in_links};
use crate::Given;

/// Reads the spans of a request, in the order in which they stand.
///
/// # Errors
///
/// [`OtlpError`], as described there.
pub fn read(request: &[u8]) -> Result<Vec<Span>, OtlpError> {
    let mut reader = Reader::default();
    let (mut spans, mut is_empty) = (Vec::new(), true);
    for field in Fields::of(request) {
        if let (1, Wire::Bytes(message)) = field? {
            is_empty = false;
            reader.resource_spans(message, &mut spans)?;
        }
    }
    if is_empty {
        return Err(OtlpError::Empty);
    }
    spans.into_iter().map(|(draft, resource): (Draft, Arc<Attributes>)| draft.span(&resource)).collect()
}

#[derive(Default)]
struct Reader {
    bounds: Bounds,
}

type Drafts = Vec<(Draft, Arc<Attributes>)>;

impl Reader {
    fn resource_spans(&mut self, message: &[u8], spans: &mut Drafts) -> Result<(), OtlpError> {
        let mut resource = Attributes::new();
        let mut scopes = Vec::new();
        for field in Fields::of(message) {
            match field? {
                (1, Wire::Bytes(message)) => self.resource(message, &mut resource)?,
                (2, Wire::Bytes(message)) => {
                    self.bounds.value(0)?;
                    scopes.push(message);
                }
                _ => {}
            }
        }
        let resource = Arc::new(resource);
        for field in scopes.into_iter().flat_map(Fields::of) {
            if let (2, Wire::Bytes(message)) = field? {
                self.bounds.span()?;
                spans.push((self.span(message)?, resource.clone()));
            }
        }
        Ok(())
    }

    fn resource(&mut self, message: &[u8], attributes: &mut Attributes) -> Result<(), OtlpError> {
        for field in Fields::of(message) {
            if let (1, Wire::Bytes(message)) = field? {
                attributes.push(self.pair(message, in_attributes, 1)?);
            }
        }
        Ok(())
    }

    fn span(&mut self, message: &[u8]) -> Result<Draft, OtlpError> {
        let mut span = Draft::default();
        for field in Fields::of(message) {
            match field? {
                (1, Wire::Bytes(bytes)) => span.trace = bytes.to_vec(),
                (2, Wire::Bytes(bytes)) => span.id = bytes.to_vec(),
                (4, Wire::Bytes(bytes)) => span.parent = bytes.to_vec(),
                (5, Wire::Bytes(bytes)) => span.name = text(bytes)?,
                (7, Wire::Fixed64(at)) => span.started = at,
                (8, Wire::Fixed64(at)) => span.ended = at,
                (9, Wire::Bytes(message)) => span.attributes.push(self.pair(message, in_attributes, 1)?),
                (11, Wire::Bytes(message)) => span.events.push(self.event(message)?),
                (13, Wire::Bytes(message)) => span.links.push(self.link(message)?),
                (15, Wire::Bytes(message)) => status(message, &mut span)?,
                _ => {}
            }
        }
        Ok(span)
    }

    fn event(&mut self, message: &[u8]) -> Result<Event, OtlpError> {
        self.bounds.value(0)?;
        let mut event = Event::default();
        for field in Fields::of(message) {
            match field? {
                (1, Wire::Fixed64(at)) => event.at = at,
                (2, Wire::Bytes(bytes)) => event.name = text(bytes)?,
                (3, Wire::Bytes(message)) => event.attributes.push(self.pair(message, in_attributes, 1)?),
                _ => {}
            }
        }
        Ok(event)
    }

    fn link(&mut self, message: &[u8]) -> Result<(Vec<u8>, Vec<u8>, Attributes), OtlpError> {
        self.bounds.value(0)?;
        let (mut trace, mut span, mut attributes) = (Vec::new(), Vec::new(), Attributes::new());
        for field in Fields::of(message) {
            match field? {
                (1, Wire::Bytes(bytes)) => trace = bytes.to_vec(),
                (2, Wire::Bytes(bytes)) => span = bytes.to_vec(),
                (4, Wire::Bytes(message)) => attributes.push(self.pair(message, in_links, 1)?),
                _ => {}
            }
        }
        Ok((trace, span, attributes))
    }

    fn pair(&mut self, message: &[u8], bytes: Bytes, depth: usize) -> Result<(String, Given), OtlpError> {
        let (mut key, mut value) = (String::new(), &[][..]);
        for field in Fields::of(message) {
            match field? {
                (1, Wire::Bytes(bytes)) => key = text(bytes)?,
                (2, Wire::Bytes(message)) => value = message,
                _ => {}
            }
        }
        Ok((key, self.value(value, bytes, depth)?))
    }

    /// Reads a value; the last of its forms counts, and none is nothing.
    fn value(&mut self, message: &[u8], bytes: Bytes, depth: usize) -> Result<Given, OtlpError> {
        self.bounds.value(depth)?;
        let mut value = Given::Null;
        for field in Fields::of(message) {
            value = match field? {
                (1, Wire::Bytes(held)) => Given::Text(text(held)?),
                (2, Wire::Varint(is)) => Given::Bool(is != 0),
                // An integer below 0 is written as its complement.
                (3, Wire::Varint(number)) => Given::Integer(number.cast_signed().to_string()),
                (4, Wire::Fixed64(bits)) => Given::of_float(f64::from_bits(bits)),
                (5, Wire::Bytes(message)) => self.list(message, bytes, depth + 1)?,
                (6, Wire::Bytes(message)) => self.map(message, bytes, depth + 1)?,
                (7, Wire::Bytes(held)) => Given::Text(bytes(held)),
                _ => value,
            };
        }
        Ok(value)
    }

    fn list(&mut self, message: &[u8], bytes: Bytes, depth: usize) -> Result<Given, OtlpError> {
        let mut values = Vec::new();
        for field in Fields::of(message) {
            if let (1, Wire::Bytes(message)) = field? {
                values.push(self.value(message, bytes, depth)?);
            }
        }
        Ok(Given::List(values))
    }

    fn map(&mut self, message: &[u8], bytes: Bytes, depth: usize) -> Result<Given, OtlpError> {
        let mut members = Vec::new();
        for field in Fields::of(message) {
            if let (1, Wire::Bytes(message)) = field? {
                members.push(self.pair(message, bytes, depth)?);
            }
        }
        Ok(Given::of_members(members))
    }
}

fn status(message: &[u8], span: &mut Draft) -> Result<(), OtlpError> {
    for field in Fields::of(message) {
        match field? {
            (2, Wire::Bytes(bytes)) => span.message = text(bytes)?,
            (3, Wire::Varint(code)) => span.status = Some(Status::numbered(code)),
            _ => {}
        }
    }
    Ok(())
}
